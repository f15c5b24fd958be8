// SPDX-License-Identifier: Apache-2.0
// Vdev: commands for queues and PASIDs, and what they do to what backs the queues.
#include "abi/siov_abi.hpp"
#include "vdcm/vdcm.hpp"
#include "vdcm/vdev.hpp"

namespace siov::vdcm {

namespace {
constexpr std::uint32_t kIndexMask = 0xFF;
bool selected(std::uint32_t queues, std::size_t queue) { return (queues >> queue & 1) != 0; }
}  // namespace

std::uint32_t Vdev::enabled_queues() const {
  std::uint32_t queues = 0;
  for (std::uint32_t q = 0; q < queues_.size(); ++q)
    queues |= registers_.queue_enabled(q) ? 1U << q : 0U;
  return queues;
}

/// Checks in the order of SIOV-H-16: index, device enabled, queue disabled, mode, PASID.
std::uint8_t Vdev::check_enable_wq(std::uint32_t operand) const {
  if ((operand & ~kIndexMask) != 0) return abi::kCmdErrReservedOperand;
  if (operand >= queues_.size()) return abi::kCmdErrWqIndex;
  if (registers_.state() != DeviceState::kEnabled) return abi::kCmdErrDevNotEnabled;
  if (registers_.queue_enabled(operand)) return abi::kCmdErrWqNotDisabled;
  const bool dedicated_queue = registers_.capabilities().queues[operand].dedicated;
  if (registers_.wq_mode_dedicated(operand) != dedicated_queue) return abi::kCmdErrWqMode;
  const bool pasid = registers_.wq_pasid_enabled(operand);
  if (pasid && !virtual_config_.pasid_enabled()) return abi::kCmdErrWqPasid;
  if (!dedicated_queue) return pasid ? abi::kCmdErrNone : abi::kCmdErrWqPasid;
  const Pasid guest = registers_.wq_pasid(operand);
  if (pasid && guest.value != 0 && !host_pasid(guest)) return abi::kCmdErrWqPasid;  // SIOV-H-21
  if (pasid && registers_.wq_privileged(operand) && !virtual_config_.pasid_privileged())
    return abi::kCmdErrWqPriv;
  return abi::kCmdErrNone;
}

/// Hardware is touched only when all checks hold. Without a PASID of the guest's the queue runs
/// with the default one, privileged. @spec SIOV-H-16, SIOV-H-19, siov.md 3.4
coro::Task<> Vdev::enable_wq(std::uint32_t operand, CommandResult& out) {
  out.error = check_enable_wq(operand);
  if (out.error != abi::kCmdErrNone) co_return;
  const auto queue = static_cast<std::uint8_t>(operand);
  const bool pasid = registers_.wq_pasid_enabled(queue);
  Pasid host = default_pasid_;
  if (pasid && registers_.wq_pasid(queue).value != 0 && dedicated(queue))
    host = *host_pasid(registers_.wq_pasid(queue));
  co_await start_queue(queue, host, !pasid || registers_.wq_privileged(queue), out);
}

/// @param host used by a dedicated queue only
coro::Task<> Vdev::start_queue(std::uint8_t queue, Pasid host, bool privileged,
                               CommandResult& out) {
  QueueSlot& slot = queues_[queue];
  PasidAllocator& pasids = vdcm_.platform().pasids();
  if (dedicated(queue)) {
    pasids.hold(host);
    slot.running_pasid = host;  // before the first wait: an unbind meanwhile must find it
                                // (SIOV-H-24)
  }
  out = co_await slot.backing->enable(host, privileged);
  if (out.error != abi::kCmdErrNone) {
    if (slot.running_pasid) pasids.release(*slot.running_pasid);
    slot.running_pasid.reset();
    co_return;
  }
  registers_.set_queue_enabled(queue, true);
  if (registers_.state() == DeviceState::kEnabled) open(queue);  // else the function has halted
}

/// Disable, Drain, Abort, Reset WQ of every queue in the operand's bitmap; all checks come first.
/// @spec SIOV-H-34, siov.md 3.8
coro::Task<> Vdev::wq_command(std::uint8_t code, std::uint32_t operand, CommandResult& out) {
  if ((operand & ~((1U << queues_.size()) - 1)) != 0) {
    out.error = abi::kCmdErrWqIndex;
    co_return;
  }
  const std::uint32_t enabled = operand & enabled_queues();
  if (code != abi::kCmdResetWq && enabled != operand) {
    out.error = abi::kCmdErrWqNotEnabled;
    co_return;
  }
  switch (code) {
    case abi::kCmdDisableWq:
      co_await stop_queues(operand, false);
      break;
    case abi::kCmdDrainWq:
      co_await drain_queues(operand);
      break;
    case abi::kCmdAbortWq:
      co_await abort_queues(operand);
      break;
    default:  // Reset WQ; dsa.md 3.2: of a disabled queue only the configuration
      co_await stop_queues(enabled, true);
      for (std::uint32_t q = 0; q < queues_.size(); ++q) {
        if (selected(operand, q)) registers_.reset_queue(q);
      }
      break;
  }
}

/// Waits for everything this VDEV has submitted to the queues. @spec SIOV-H-17, SIOV-D-46
coro::Task<> Vdev::drain_queues(std::uint32_t queues) {
  const std::vector<Pasid> own = vdcm_.host_pasids(config_.vm);
  for (std::size_t q = 0; q < queues_.size(); ++q) {
    if (selected(queues, q)) co_await queues_[q].backing->drain(own);
  }
}

coro::Task<> Vdev::abort_queues(std::uint32_t queues) {
  const std::vector<Pasid> own = vdcm_.host_pasids(config_.vm);
  for (std::size_t q = 0; q < queues_.size(); ++q) {
    if (selected(queues, q)) co_await queues_[q].backing->abort(own);
  }
}

/// No more submissions to any of them; then, queue by queue, the work ends and the PASID goes.
/// @param abort the work need not be finished (reset)  @spec SIOV-H-10, siov.md 3.4
coro::Task<> Vdev::stop_queues(std::uint32_t queues, bool abort) {
  queues &= enabled_queues();
  if (queues == 0) co_return;
  close(queues);
  co_await submissions_.earlier_done();
  const std::vector<Pasid> own = vdcm_.host_pasids(config_.vm);
  for (std::uint32_t q = 0; q < queues_.size(); ++q) {
    if (!selected(queues, q)) continue;
    QueueSlot& slot = queues_[q];
    if (abort && vdcm_.mistakes().reset_keeps_queue) {
      // nothing
    } else if (abort) {
      co_await slot.backing->reset(own);
    } else {
      co_await slot.backing->disable(own);
    }
    if (slot.running_pasid) vdcm_.platform().pasids().release(*slot.running_pasid);
    slot.running_pasid.reset();
    registers_.set_queue_enabled(q, false);
    trapped_.drop_held(static_cast<std::uint8_t>(q));
    const std::uint64_t stride = registers_.layout().portal_stride;
    trapped_.drop_parts(q * stride, (q + 1) * stride);
  }
}

/// Work of a guest PASID. A PASID this VM does not own has no work, so there is nothing to wait
/// for.
coro::Task<> Vdev::pasid_command(std::uint8_t code, std::uint32_t operand, CommandResult& out) {
  const Pasid guest{operand};
  const std::optional<Pasid> bound = host_pasid(guest);
  for (std::uint32_t q = 0; q < queues_.size(); ++q) {
    QueueSlot& slot = queues_[q];
    if (!registers_.queue_enabled(q)) continue;
    const bool own = dedicated(static_cast<std::uint8_t>(q));
    const std::optional<Pasid> host = own && guest.value == 0 ? default_pasid_ : bound;
    if (!host || (own && slot.running_pasid != host)) continue;
    CommandResult physical;
    if (code == abi::kCmdAbortPasid) {
      physical = co_await slot.backing->abort_pasid(*host);
    } else {
      physical = co_await slot.backing->drain_pasid(*host);
    }
    if (out.error == abi::kCmdErrNone) out.error = physical.error;
  }
}

}  // namespace siov::vdcm
