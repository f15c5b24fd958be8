// SPDX-License-Identifier: Apache-2.0
// Vdev: the commands a guest may give, and what they do to the physical queue.
#include "abi/siov_abi.hpp"
#include "vdcm/vdcm.hpp"
#include "vdcm/vdev.hpp"

namespace siov::vdcm {

namespace {

constexpr std::uint32_t kActive = 1U << abi::kCmdstatusActiveLsb;
constexpr std::uint32_t kRequestInterrupt = 1U << abi::kCmdRequestIntLsb;
constexpr std::uint32_t kOperandMask = 0xFFFFF;
/// VDCM's answer when command 14 names a handle that this VDEV does not have. @spec dsa.md 3.3 (row
/// 0x41/0x42)
constexpr std::uint8_t kErrHandleNotGranted = 0x43;

}  // namespace

void Vdev::write_cmd(std::uint32_t value) {
  if ((registers_.cmdstatus & kActive) != 0) {
    SoftwareError error;
    error.code = abi::kSwErrCmdActive;
    if (registers_.record_error(error) && registers_.error_interrupt_enabled())
      raise_cause(1U << abi::kIntcauseSwerrorLsb);
    return;
  }
  registers_.cmdstatus = kActive;
  start_task(run_command(value), "command");
}

coro::Task<> Vdev::run_command(std::uint32_t value) {
  const coro::Lock::Guard guard = co_await hardware_lock_.scoped();
  CommandResult result;
  co_await execute(value, result);
  // SIOV-H-18: status, then cause, then vector 0.
  registers_.cmdstatus = result.error | static_cast<std::uint32_t>(result.result)
                                            << abi::kCmdstatusResultLsb;
  if ((value & kRequestInterrupt) != 0) raise_cause(1U << abi::kIntcauseCommandLsb);
}

coro::Task<> Vdev::execute(std::uint32_t value, CommandResult& out) {
  const auto code = static_cast<std::uint8_t>(value >> abi::kCmdCodeLsb & 0x1F);
  const std::uint32_t operand = value & kOperandMask;
  if (code == 0 || code > abi::kCmdReleaseIntHandle) {
    out.error = abi::kCmdErrUnsupported;  // SIOV-H-14
    co_return;
  }
  if (registers_.state == DeviceState::kHalted) {
    out.error = abi::kCmdErrHalted;  // reset type is FLR: no command leads out
    co_return;
  }
  switch (code) {
    case abi::kCmdEnableDevice:
      enable_device(out);
      break;
    case abi::kCmdDisableDevice:
      co_await disable_device(out);
      break;
    case abi::kCmdDrainAll:
      if (registers_.wq_enabled) co_await drain_own();
      break;
    case abi::kCmdAbortAll:
      if (registers_.wq_enabled) co_await abort_own();
      break;
    case abi::kCmdResetDevice:
      co_await reset_device(out);
      break;
    case abi::kCmdEnableWq:
      co_await enable_wq(operand, out);
      break;
    case abi::kCmdDrainPasid:
    case abi::kCmdAbortPasid:
      co_await pasid_command(code, operand, out);
      break;
    case abi::kCmdRequestIntHandle:
      request_handle(operand, out);
      break;
    case abi::kCmdReleaseIntHandle:
      release_handle(operand, out);
      break;
    default:
      co_await wq_command(code, operand, out);
      break;
  }
}

/// @spec SIOV-H-15
std::uint8_t Vdev::check_enable_device() const {
  if (registers_.state != DeviceState::kDisabled) return abi::kCmdErrDevNotDisabled;
  if (!virtual_config_.bus_master()) return abi::kCmdErrBusMaster;
  if (virtual_config_.pasid_enabled() != virtual_config_.pri_enabled())
    return abi::kCmdErrPasidConfig;
  if (virtual_config_.pasid_enabled() && !virtual_config_.ats_enabled())
    return abi::kCmdErrAtsConfig;
  return abi::kCmdErrNone;
}

void Vdev::enable_device(CommandResult& out) {
  out.error = check_enable_device();
  if (out.error == abi::kCmdErrNone) registers_.state = DeviceState::kEnabled;
}

coro::Task<> Vdev::disable_device(CommandResult& out) {
  if (registers_.state != DeviceState::kEnabled) {
    out.error = abi::kCmdErrDisableNotEnabled;
    co_return;
  }
  registers_.state = DeviceState::kDraining;
  co_await disable_own();
  registers_.state = DeviceState::kDisabled;
}

coro::Task<> Vdev::reset_device(CommandResult&) {
  registers_.state = DeviceState::kDraining;
  portals_mapped_ = false;  // SIOV-H-10
  co_await quiesce();
  msix_.clear_pending();
  registers_.reset_device();
  if (ims_index_) co_await update_ims_locked();  // MSIXPERM is clear now
}

/// Checks in the order of SIOV-H-16; hardware is touched only when all hold.
coro::Task<> Vdev::enable_wq(std::uint32_t operand, CommandResult& out) {
  const auto fail = [&](std::uint8_t error) { out.error = error; };
  if ((operand & ~std::uint32_t{0xFF}) != 0) co_return fail(abi::kCmdErrReservedOperand);
  if (operand != 0) co_return fail(abi::kCmdErrWqIndex);
  if (registers_.state != DeviceState::kEnabled) co_return fail(abi::kCmdErrDevNotEnabled);
  if (registers_.wq_enabled) co_return fail(abi::kCmdErrWqNotDisabled);
  if (registers_.wq_mode_dedicated() != dedicated_) co_return fail(abi::kCmdErrWqMode);
  const bool pasid = registers_.wq_pasid_enabled();
  if (pasid && !virtual_config_.pasid_enabled()) co_return fail(abi::kCmdErrWqPasid);
  if (!dedicated_) {
    if (!pasid) co_return fail(abi::kCmdErrWqPasid);
    registers_.wq_enabled = true;  // the physical queue runs already, for all (siov.md 3.4)
    portals_mapped_ = true;
    co_return;
  }
  Pasid host = default_pasid_;
  if (pasid && registers_.wq_pasid().value != 0) {
    const std::optional<Pasid> translated = host_pasid(registers_.wq_pasid());
    if (!translated) co_return fail(abi::kCmdErrWqPasid);  // SIOV-H-21
    host = *translated;
  }
  if (pasid && registers_.wq_privileged() && !virtual_config_.pasid_privileged())
    co_return fail(abi::kCmdErrWqPriv);
  const bool privileged = !pasid || registers_.wq_privileged();  // SIOV-H-19
  host_.pasids().hold(host);
  running_pasid_ = host;  // before the first wait: an unbind meanwhile must find it (SIOV-H-24)
  co_await host_.set_wq_pasid(config_.wq, host, privileged);
  const CommandResult physical = co_await host_.enable_wq(config_.wq);
  if (physical.error != 0) {
    running_pasid_.reset();
    host_.pasids().release(host);
    co_return fail(physical.error);
  }
  registers_.wq_enabled = true;
  portals_mapped_ = true;
}

/// Disable, Drain, Abort, Reset WQ: the operand is a bitmap, and there is only queue 0. @spec
/// SIOV-H-34
coro::Task<> Vdev::wq_command(std::uint8_t code, std::uint32_t operand, CommandResult& out) {
  if ((operand & ~std::uint32_t{1}) != 0) {
    out.error = abi::kCmdErrWqIndex;
    co_return;
  }
  if (operand == 0) co_return;
  if (!registers_.wq_enabled) {
    if (code == abi::kCmdResetWq) {
      registers_.reset_wq();  // dsa.md 3.2: on a disabled queue only the configuration part
    } else {
      out.error = abi::kCmdErrWqNotEnabled;
    }
    co_return;
  }
  switch (code) {
    case abi::kCmdDisableWq:
      co_await disable_own();
      break;
    case abi::kCmdDrainWq:
      co_await drain_own();
      break;
    case abi::kCmdAbortWq:
      co_await abort_own();
      break;
    default:  // Reset WQ
      portals_mapped_ = false;
      co_await quiesce();
      registers_.reset_wq();
      break;
  }
}

/// Waits for everything this VDEV has submitted. A shared queue is drained by the PASIDs of this VM
/// only, so that no other VM is waited for. @spec SIOV-H-17, SIOV-D-46
coro::Task<> Vdev::drain_own() {
  if (dedicated_) {
    co_await host_.drain_wq(config_.wq);
    co_return;
  }
  const std::vector<Pasid> pasids = vdcm_.host_pasids(config_.vm);
  for (const Pasid pasid : pasids) co_await host_.drain_pasid(pasid);
}

/// A shared queue is never aborted for one of its users. @spec SIOV-H-17
coro::Task<> Vdev::abort_own() {
  if (dedicated_) {
    co_await host_.abort_wq(config_.wq);
  } else {
    co_await drain_own();
  }
}

/// Stops submission, finishes the work, lets go of the PASID.
coro::Task<> Vdev::disable_own() {
  if (!registers_.wq_enabled) co_return;
  if (!dedicated_) {
    portals_mapped_ = false;
    co_await submissions_.earlier_done();
    co_await drain_own();
  } else {
    co_await host_.disable_wq(config_.wq);
    portals_mapped_ = false;
    co_await host_.set_wq_pasid(config_.wq, Pasid{0}, false);
    host_.pasids().release(*running_pasid_);
    running_pasid_.reset();
  }
  registers_.wq_enabled = false;
}

/// Abort, then disable; a shared queue only drains. @spec siov.md 3.4 Reset Device, Reset WQ
coro::Task<> Vdev::quiesce() {
  if (!registers_.wq_enabled) co_return;
  co_await abort_own();
  co_await disable_own();
}

/// Work of a guest PASID. A PASID this VM does not own has no work, so there is nothing to wait
/// for.
coro::Task<> Vdev::pasid_command(std::uint8_t code, std::uint32_t operand, CommandResult& out) {
  const Pasid guest{operand};
  const std::optional<Pasid> host =
      guest.value == 0 && dedicated_ ? default_pasid_ : host_pasid(guest);
  if (!host || !registers_.wq_enabled) co_return;
  if (!dedicated_) {
    const CommandResult physical = co_await host_.drain_pasid(*host);
    out.error = physical.error;
  } else if (running_pasid_ == host) {
    if (code == abi::kCmdAbortPasid) {
      co_await abort_own();
    } else {
      co_await drain_own();
    }
  }
}

/// @spec siov.md 3.4 Request Interrupt Handle; SIOV-H-25
void Vdev::request_handle(std::uint32_t operand, CommandResult& out) const {
  const std::uint32_t index = operand & 0xFFFF;
  if ((operand & 0xE0000) != 0) {
    out.error = abi::kCmdErrReservedOperand;
  } else if ((operand & 0x10000) != 0) {
    out.error = abi::kCmdErrIntHandle;  // the guest has no IMS
  } else if (index == 0 || index >= VirtualMsix::kVectors) {
    out.error = abi::kCmdErrIntIndex;
  } else if (!ims_index_) {
    out.error = abi::kCmdErrIntHandle;  // MSI-X is off: no entry backs the vector yet
  } else {
    out.result = *ims_index_;
  }
}

void Vdev::release_handle(std::uint32_t operand, CommandResult& out) const {
  if ((operand & 0xE0000) != 0) {
    out.error = abi::kCmdErrReservedOperand;
  } else if ((operand & 0x10000) != 0 || !ims_index_ || (operand & 0xFFFF) != *ims_index_) {
    out.error = kErrHandleNotGranted;
  }
}

}  // namespace siov::vdcm
