// SPDX-License-Identifier: Apache-2.0
// DevicePort: host to device, one call a transaction. Implemented by pcie::RootComplex (RTL,
// netlist) and by model::DeviceModel.
//
//   const std::uint32_t id = co_await device.config_read(0x00, 4);
//   device.mmio_write(port::Bar::kControl, abi::kRegGenctrl, 4, 3);
//   const port::DeferrableStatus s = co_await device.deferrable_write64(offset, descriptor_bytes);
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/types.hpp"
#include "coro/task.hpp"

namespace siov::port {

/// Which BAR a memory access aims at: BAR0 registers, BAR2 portals.
enum class Bar : std::uint8_t { kControl = 0, kPortal = 2 };

/// Completion status of a non-posted request. @spec PCIe-6.3 2.2.9.1
enum class CompletionStatus : std::uint8_t {
  kSuccess = 0,
  kUnsupportedRequest = 1,
  kRetry = 2,
  kCompleterAbort = 4,
  kTimeout = 0xFF
};

/// Answer to a read. data is all ones unless status is kSuccess.
struct ReadResult {
  CompletionStatus status = CompletionStatus::kSuccess;
  std::uint64_t data = ~std::uint64_t{0};
};

/// 64 bytes as one store: a descriptor.
using Line = std::array<std::byte, 64>;

class DevicePort {
 public:
  virtual ~DevicePort() = default;
  /// Configuration read. @param offset 0..4095, size-aligned  @param size 1, 2 or 4 [bytes]
  virtual coro::Task<ReadResult> config_read(std::uint32_t offset, std::uint32_t size) = 0;
  /// Configuration write; returns when the completion has come.
  virtual coro::Task<CompletionStatus> config_write(std::uint32_t offset, std::uint32_t size,
                                                    std::uint32_t value) = 0;
  /// Memory read. @param size 1, 2, 4 or 8 [bytes]; offset size-aligned
  virtual coro::Task<ReadResult> mmio_read(Bar bar, std::uint64_t offset, std::uint32_t size) = 0;
  /// Posted memory write of up to 8 bytes. Queued in order; never blocks the caller.
  virtual void mmio_write(Bar bar, std::uint64_t offset, std::uint32_t size,
                          std::uint64_t value) = 0;
  /// One posted 64-byte write to BAR2: MOVDIR64B. @param offset 64-byte aligned
  virtual void posted_write64(std::uint64_t offset, const Line& line) = 0;
  /// One 64-byte deferrable memory write to BAR2: ENQCMD. @return kSuccess (accepted) or kRetry;
  /// others are device errors
  virtual coro::Task<CompletionStatus> deferrable_write64(std::uint64_t offset,
                                                          const Line& line) = 0;
  /// Host addresses that config writes gave the BARs; the port routes mmio_* with them. Set by the
  /// host driver.
  virtual void set_bar_base(Bar bar, std::uint64_t base) = 0;
};

}  // namespace siov::port
