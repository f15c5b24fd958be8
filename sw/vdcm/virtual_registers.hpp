// SPDX-License-Identifier: Apache-2.0
// VirtualRegisters: BAR0 of a VDEV without its MSI-X table: stored state and read values. Commands
// are Vdev's.
//
//   const std::uint64_t gencap = registers.read(abi::kRegGencap, 8);
#pragma once

#include <array>
#include <cstdint>

#include "common/types.hpp"
#include "vdcm/software_error.hpp"

namespace siov::vdcm {

/// What a VDEV shows of its one queue; from the physical device. @spec siov.md 3.3, SIOV-H-12
struct VirtualCapabilities {
  std::uint32_t version = 0x100;
  std::uint64_t physical_gencap = 0;
  std::array<std::uint64_t, 4> opcap{};
  std::uint8_t engines = 1;
  bool dedicated = true;
  bool block_on_fault = false;  ///< of the physical queue
  std::uint16_t size = 0;
  std::uint16_t threshold = 0;
  std::uint8_t priority = 0;
  std::uint8_t max_transfer_log2 = 0;
  std::uint8_t max_batch_log2 = 0;
};

enum class DeviceState : std::uint8_t { kDisabled = 0, kEnabled = 1, kDraining = 2, kHalted = 3 };

class VirtualRegisters {
 public:
  static constexpr std::uint32_t kMsixperm = 0x300;
  static constexpr std::uint32_t kGrpcfg = 0x400;
  static constexpr std::uint32_t kWqcfg = 0x500;

  explicit VirtualRegisters(const VirtualCapabilities& capabilities);

  /// @param size 1, 2, 4 or 8, offset size-aligned. Unlisted offsets read 0.
  [[nodiscard]] std::uint64_t read(std::uint32_t offset, std::uint32_t size) const;
  /// Everything but CMD and the MSI-X structures; read-only and locked fields ignore writes.
  /// @return true if MSIXPERM was written (its PASID may mean another host PASID by now)
  bool write(std::uint32_t offset, std::uint32_t size, std::uint64_t value);
  /// Reset Device: control, status, cause, MSIXPERM and queue configuration to power-on values;
  /// CMDSTATUS and SWERROR stay.
  void reset_device();
  void reset_wq();
  /// FLR: everything.
  void reset_all();
  /// @return true if this became the first valid error (the guest is to be told when GENCTRL
  /// allows)
  bool record_error(SoftwareError error);

  DeviceState state = DeviceState::kDisabled;
  bool wq_enabled = false;
  std::uint32_t cmdstatus = 0;
  std::uint32_t intcause = 0;

  [[nodiscard]] bool error_interrupt_enabled() const { return (genctrl_ & 1) != 0; }
  [[nodiscard]] bool halt_interrupt_enabled() const { return (genctrl_ & 2) != 0; }
  [[nodiscard]] bool wq_mode_dedicated() const { return (wq_dword2_ & 1) != 0; }
  [[nodiscard]] Pasid wq_pasid() const { return Pasid{wq_dword2_ >> 8 & 0xFFFFF}; }
  [[nodiscard]] bool wq_pasid_enabled() const { return (wq_dword2_ >> 28 & 1) != 0; }
  [[nodiscard]] bool wq_privileged() const { return (wq_dword2_ >> 29 & 1) != 0; }
  /// MSIXPERM word of a vector: bit 3 PASID enable, 31:12 guest PASID.
  [[nodiscard]] std::uint32_t msixperm(std::uint32_t vector) const { return msixperm_[vector]; }
  [[nodiscard]] const VirtualCapabilities& capabilities() const { return capabilities_; }

 private:
  [[nodiscard]] std::uint32_t read_dword(std::uint32_t offset) const;
  [[nodiscard]] std::uint32_t wq_dword(std::uint32_t index) const;
  [[nodiscard]] std::uint64_t capability_qword(std::uint32_t offset) const;
  bool write_dword(std::uint32_t offset, std::uint32_t value, std::uint32_t mask);

  VirtualCapabilities capabilities_;
  std::uint32_t gencfg_ = 0;
  std::uint32_t genctrl_ = 0;
  std::uint32_t wq_dword2_ = 0;
  std::array<std::uint32_t, 2> msixperm_{};
  std::array<std::uint64_t, 4> swerror_{};
};

}  // namespace siov::vdcm
