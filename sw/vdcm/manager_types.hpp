// SPDX-License-Identifier: Apache-2.0
// What the management API takes and gives: states, actions, requests, quotas, refusals.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "port/interrupt_port.hpp"
#include "vdcm/space.hpp"
#include "vdcm/vdev_config.hpp"
#include "vdcm/virtual_queue.hpp"

namespace siov::vdcm {

/// Number of a managed VDEV; 1 and up, never used twice.
using VdevId = std::uint32_t;

enum class VdevState : std::uint8_t {
  kCreated,  ///< built, not given to its guest
  kRunning,  ///< its guest uses it
  kPaused,   ///< portals unmapped, submissions held, hardware has nothing left of it
  kSaved,    ///< paused, and its state has been taken
  kGone      ///< destroyed, or moved to another host
};

enum class VdevAction : std::uint8_t {
  kStart,
  kStop,
  kPause,
  kResume,
  kSave,
  kRestore,
  kMigrate,
  kResize,
  kReset,
  kDestroy
};

/// A legal step in the life of a VDEV; what is not in transitions() is refused.
struct Transition {
  VdevAction action;
  VdevState from;
  VdevState to;
};
[[nodiscard]] std::span<const Transition> transitions();
/// State after an action; nullopt: refused.
[[nodiscard]] std::optional<VdevState> after(VdevAction action, VdevState from);

[[nodiscard]] std::string_view to_string(VdevState state);
[[nodiscard]] std::string_view to_string(VdevAction action);

enum class RefusalCode : std::uint8_t {
  kUnknownVm,
  kUnknownVdev,
  kClosing,       ///< the VM is being closed
  kState,         ///< not a legal transition
  kBusy,          ///< another action on this VDEV has not ended
  kRequest,       ///< makes no sense by itself
  kQuota,         ///< of the VM
  kQueue,         ///< no queue that is free and allowed to the VM
  kInterrupts,    ///< interrupt entries of the function
  kPasid,         ///< unknown, bound already, or none left
  kIncompatible,  ///< a saved VDEV does not fit
  kMode,          ///< the function is not in SIOV mode
  kMigration      ///< gave up; the source runs on
};

/// Why something was not done. Nothing has changed then.
struct Refusal {
  RefusalCode code = RefusalCode::kRequest;
  std::string reason;
};

/// Success without a value.
struct Done {};

/// One queue that a VDEV is to have.
struct QueueRequest {
  QueueKind kind = QueueKind::kShared;
  std::uint8_t function = 0;       ///< of the Vdcm
  std::optional<std::uint8_t> wq;  ///< this physical queue; absent: the manager chooses
  EmulatedQueueConfig emulated;    ///< with kEmulated
  std::uint16_t entries = 0;       ///< that a physical queue must have at least

  static QueueRequest dedicated(std::optional<std::uint8_t> wq = std::nullopt) {
    return QueueRequest{QueueKind::kDedicated, 0, wq, {}};
  }
  static QueueRequest shared(std::optional<std::uint8_t> wq = std::nullopt) {
    return QueueRequest{QueueKind::kShared, 0, wq, {}};
  }
  static QueueRequest software(const EmulatedQueueConfig& config) {
    return QueueRequest{QueueKind::kEmulated, 0, std::nullopt, config};
  }
};

struct VdevRequest {
  std::string name;
  VmId vm = 0;
  Space space;                                ///< of the default PASID
  port::InterruptPort* interrupts = nullptr;  ///< where virtual MSI-X messages go; may be null
  std::vector<QueueRequest> queues;           ///< 1..8
  std::uint16_t vectors = 0;                  ///< 2..64; 0: one more than queues
  /// Interrupt entries are set aside for vectors 1 and up. Without, the guest gets no handles.
  bool interrupt_entries = true;
};

/// Kinds of VDEVs on offer. @spec siov.md 3.1
enum class VdevType : std::uint8_t {
  kDedicated,  ///< one dedicated queue
  kShared,     ///< a share of one shared queue
  kMulti,      ///< several queues, of any kind
  kEmulated    ///< one queue, without hardware
};
[[nodiscard]] VdevType type_of(const VdevRequest& request);
[[nodiscard]] std::string_view to_string(VdevType type);

/// What a VM may have and which queues serve it. @spec siov.md 3.1 duty 7
struct VmPolicy {
  std::uint32_t vdevs = ~0U;   ///< at most
  std::uint32_t queues = ~0U;  ///< of all kinds, all VDEVs together
  std::uint32_t dedicated_queues = ~0U;
  std::uint32_t pasids = ~0U;            ///< bound guest PASIDs
  std::uint32_t interrupts = ~0U;        ///< interrupt entries
  std::uint8_t max_priority = 15;        ///< of its queues
  std::uint16_t max_threshold = 0xFFFF;  ///< of the limited portal of its shared queues
  std::uint8_t max_transfer_log2 = 31;   ///< [bytes]
  std::uint8_t max_batch_log2 = 15;      ///< [descriptors]
  std::uint64_t operations =
      ~std::uint64_t{0};  ///< opcodes; a queue that takes others is not for it
};

/// What a VM has.
struct VmUsage {
  std::uint32_t vdevs = 0;
  std::uint32_t queues = 0;
  std::uint32_t dedicated_queues = 0;
  std::uint32_t pasids = 0;
  std::uint32_t interrupts = 0;
  bool operator==(const VmUsage&) const = default;
};

}  // namespace siov::vdcm
