// SPDX-License-Identifier: Apache-2.0
// VirtualQueue: one work queue of a VDEV and what backs it, an assignable device interface. Vdev
// decides when a guest may use it; a queue only carries out.
//
//   std::unique_ptr<vdcm::VirtualQueue> queue = vdcm::make_queue(config, ...);
//   const vdcm::CommandResult r = co_await queue->enable(host_pasid, false);
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "common/types.hpp"
#include "coro/task.hpp"
#include "port/device_port.hpp"
#include "vdcm/host_driver.hpp"

namespace siov::vdcm {

enum class QueueKind : std::uint8_t {
  kDedicated,  ///< a whole dedicated queue of a function
  kShared,     ///< a share of a shared queue of a function, told apart by PASID
  kEmulated    ///< no hardware: software does the work
};

/// What a guest sees of a queue; no physical number is part of it. @spec SIOV-H-12
struct QueueDescription {
  bool dedicated = true;        ///< mode; a shared queue takes its PASIDs from the submissions
  std::uint16_t size = 0;       ///< entries
  std::uint16_t threshold = 0;  ///< of the limited portal of a shared queue
  std::uint8_t priority = 0;
  std::uint8_t max_transfer_log2 = 0;
  std::uint8_t max_batch_log2 = 0;
  bool block_on_fault = false;
  std::uint64_t operations = 0;  ///< bit n: opcode n may be used
  std::uint64_t gencap = 0;      ///< of what is behind it
  std::uint32_t version = 0x100;
};

/// One portal page of hardware.
struct PhysicalPage {
  HostDriver* host = nullptr;
  std::uint64_t offset = 0;  ///< in BAR2 [bytes], page-aligned
  bool operator==(const PhysicalPage&) const = default;
};

class VirtualQueue {
 public:
  virtual ~VirtualQueue() = default;

  [[nodiscard]] virtual QueueKind kind() const = 0;
  [[nodiscard]] virtual QueueDescription description() const = 0;
  /// Function whose requester id and PASID table the queue's DMA uses.
  [[nodiscard]] virtual HostDriver& host() const = 0;
  /// Number of the physical queue; absent without hardware.
  [[nodiscard]] virtual std::optional<std::uint8_t> physical_wq() const { return std::nullopt; }
  /// The page that a guest's portal page is mapped to; absent: accesses always trap.
  /// @spec SIOV-H-07, SIOV-H-08
  [[nodiscard]] virtual std::optional<PhysicalPage> portal_page(bool limited) const = 0;

  /// Lets work in. @param pasid host PASID of a dedicated queue; a shared one takes those of its
  /// submissions  @return error code of the hardware, 0 is success
  virtual coro::Task<CommandResult> enable(Pasid pasid, bool privileged) = 0;
  /// Stops admission, finishes the work, lets go of the PASID. @param own host PASIDs of the
  /// VDEV's VM: what a shared queue waits for (SIOV-H-17); also below
  virtual coro::Task<> disable(std::span<const Pasid> own) = 0;
  virtual coro::Task<> drain(std::span<const Pasid> own) = 0;
  /// A shared queue drains instead. @spec SIOV-H-17
  virtual coro::Task<> abort(std::span<const Pasid> own) = 0;
  /// Abort, then disable: inert until enabled again. @spec siov.md 3.4 Reset WQ, SIOV-D-42
  virtual coro::Task<> reset(std::span<const Pasid> own) {
    co_await abort(own);
    co_await disable(own);
  }
  /// Work of one host PASID. @return what the hardware says
  virtual coro::Task<CommandResult> drain_pasid(Pasid pasid) = 0;
  virtual coro::Task<CommandResult> abort_pasid(Pasid pasid) = 0;

  /// 64 bytes as MOVDIR64B stores them. @param offset in the page [bytes]
  virtual void submit_posted(bool limited, std::uint32_t offset, const port::Line& line) = 0;
  /// 64 bytes as ENQCMD sends them, with a host PASID. @param line stays until the end of the call
  virtual coro::Task<port::CompletionStatus> submit_deferrable(bool limited, std::uint32_t offset,
                                                               const port::Line& line) = 0;
};

}  // namespace siov::vdcm
