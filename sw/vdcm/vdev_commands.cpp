// SPDX-License-Identifier: Apache-2.0
// Vdev: the command register, and commands for the device as a whole. Those for queues are in
// vdev_queue_commands.cpp.
#include "abi/siov_abi.hpp"
#include "vdcm/vdcm.hpp"
#include "vdcm/vdev.hpp"
#include "vdcm/virtual_commands.hpp"

namespace siov::vdcm {

namespace {
constexpr std::uint32_t kActive = 1U << abi::kCmdstatusActiveLsb;
constexpr std::uint32_t kRequestInterrupt = 1U << abi::kCmdRequestIntLsb;
constexpr std::uint32_t kOperandMask = 0xFFFFF;
}  // namespace

void Vdev::write_cmd(std::uint32_t value) {
  if ((registers_.cmdstatus() & kActive) != 0) {
    SoftwareError error;
    error.code = abi::kSwErrCmdActive;
    record(error);
    return;
  }
  registers_.set_cmdstatus(kActive);
  if (paused_) {
    waiting_command_ = value;  // behind what is held
    return;
  }
  start_task(run_command(value, epoch_), "command");
}

/// A command that a reset has overtaken does nothing and says nothing.
coro::Task<> Vdev::run_command(std::uint32_t value, std::uint64_t epoch) {
  const coro::Lock::Guard guard = co_await hardware_lock_.scoped();
  if (epoch != epoch_) co_return;
  CommandResult result;
  co_await execute(value, result);
  // SIOV-H-18: status, then cause, then vector 0.
  registers_.set_cmdstatus(result.error | static_cast<std::uint32_t>(result.result)
                                              << abi::kCmdstatusResultLsb);
  if ((value & kRequestInterrupt) != 0) raise_cause(1U << abi::kIntcauseCommandLsb);
  const bool processed = (value >> abi::kCmdCodeLsb & 0x1F) == kCmdHandlesProcessed;
  if (processed && result.error == abi::kCmdErrNone)
    start_task(finish_revocation(epoch), "revoked handles");
}

coro::Task<> Vdev::execute(std::uint32_t value, CommandResult& out) {
  const auto code = static_cast<std::uint8_t>(value >> abi::kCmdCodeLsb & 0x1F);
  const std::uint32_t operand = value & kOperandMask;
  if (code == 0 || (code > abi::kCmdReleaseIntHandle && code != kCmdHandlesProcessed)) {
    out.error = abi::kCmdErrUnsupported;  // SIOV-H-14
    co_return;
  }
  if (registers_.state() == DeviceState::kHalted) {
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
      co_await drain_queues(enabled_queues());
      break;
    case abi::kCmdAbortAll:
      co_await abort_queues(enabled_queues());
      break;
    case abi::kCmdResetDevice:
      co_await reset_device();
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
    case kCmdHandlesProcessed:
      if (operand != 0) out.error = abi::kCmdErrReservedOperand;
      break;
    default:
      co_await wq_command(code, operand, out);
      break;
  }
}

/// @spec SIOV-H-15
std::uint8_t Vdev::check_enable_device() const {
  if (registers_.state() != DeviceState::kDisabled) return abi::kCmdErrDevNotDisabled;
  if (!virtual_config_.bus_master()) return abi::kCmdErrBusMaster;
  if (virtual_config_.pasid_enabled() != virtual_config_.pri_enabled())
    return abi::kCmdErrPasidConfig;
  if (virtual_config_.pasid_enabled() && !virtual_config_.ats_enabled())
    return abi::kCmdErrAtsConfig;
  return abi::kCmdErrNone;
}

void Vdev::enable_device(CommandResult& out) {
  out.error = check_enable_device();
  if (out.error == abi::kCmdErrNone) registers_.set_state(DeviceState::kEnabled);
}

coro::Task<> Vdev::disable_device(CommandResult& out) {
  if (registers_.state() != DeviceState::kEnabled) {
    out.error = abi::kCmdErrDisableNotEnabled;
    co_return;
  }
  registers_.set_state(DeviceState::kDraining);
  co_await stop_queues(enabled_queues(), false);
  if (registers_.state() == DeviceState::kDraining) registers_.set_state(DeviceState::kDisabled);
}

/// @spec siov.md 3.4 Reset Device; SIOV-H-29
coro::Task<> Vdev::reset_device() {
  registers_.set_state(DeviceState::kDraining);
  co_await quiesce();
  if (registers_.state() == DeviceState::kHalted) co_return;  // the function halted meanwhile
  msix_.clear_pending();
  registers_.reset_device();
  trapped_.drop_all_parts();
  granted_ = 0;                  // dsa.md 3.1: handles are granted anew
  co_await update_ims_locked();  // MSIXPERM is clear now
}

}  // namespace siov::vdcm
