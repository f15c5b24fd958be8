// SPDX-License-Identifier: Apache-2.0
// HostDriver: register access, commands, vector 0.
#include "vdcm/host_driver.hpp"

#include <fmt/format.h>

#include "abi/siov_abi.hpp"
#include "common/error.hpp"
#include "coro/clock_triggers.hpp"
#include "coro/combine.hpp"
#include "vdcm/driver_error.hpp"

namespace siov::vdcm {

namespace {

constexpr std::uint32_t kCauseSwerror = 1U << abi::kIntcauseSwerrorLsb;
constexpr std::uint32_t kCauseCommand = 1U << abi::kIntcauseCommandLsb;
constexpr std::uint32_t kCauseEvl = 1U << abi::kIntcauseEvlLsb;
constexpr std::uint32_t kCauseHalt = 1U << abi::kIntcauseHaltLsb;

CommandResult decode_status(std::uint64_t status) {
  CommandResult r;
  r.error = static_cast<std::uint8_t>(status >> abi::kCmdstatusErrorLsb);
  r.result = static_cast<std::uint16_t>(status >> abi::kCmdstatusResultLsb);
  return r;
}

bool active(std::uint64_t status) { return (status >> abi::kCmdstatusActiveLsb & 1) != 0; }

/// Operand of commands 7..10: bitmap inside a group of 16. @spec dsa.md 3.1
std::uint32_t wq_bitmap(std::uint8_t wq) {
  return 1U << (wq % 16) | static_cast<std::uint32_t>(wq / 16) << 16;
}

}  // namespace

HostDriver::HostDriver(port::DevicePort& device, Platform& platform, IommuDriver& iommu,
                       HostConfig config)
    : device_(device),
      platform_(platform),
      iommu_(iommu),
      config_(std::move(config)),
      command_lock_("host command"),
      ims_lock_("host IMS"),
      command_done_("host command interrupt"),
      vector0_("host vector 0") {}

HostDriver::~HostDriver() {
  if (interrupt_task_.valid()) interrupt_task_.cancel();
}

coro::Task<std::uint64_t> HostDriver::read(std::uint32_t offset, std::uint32_t size) {
  const port::ReadResult r = co_await device_.mmio_read(port::Bar::kControl, offset, size);
  if (r.status != port::CompletionStatus::kSuccess)
    throw DriverError(fmt::format("read of BAR0+{:#x} failed with completion status {}", offset,
                                  static_cast<unsigned>(r.status)));
  co_return r.data;
}

void HostDriver::write(std::uint32_t offset, std::uint32_t size, std::uint64_t value) {
  device_.mmio_write(port::Bar::kControl, offset, size, value);
}

coro::Task<std::uint32_t> HostDriver::config_read(std::uint32_t offset, std::uint32_t size) {
  const port::ReadResult r = co_await device_.config_read(offset, size);
  if (r.status != port::CompletionStatus::kSuccess)
    throw DriverError(fmt::format("configuration read at {:#x} failed", offset));
  co_return static_cast<std::uint32_t>(r.data);
}

coro::Task<> HostDriver::config_write(std::uint32_t offset, std::uint32_t size,
                                      std::uint32_t value) {
  const port::CompletionStatus status = co_await device_.config_write(offset, size, value);
  if (status != port::CompletionStatus::kSuccess)
    throw DriverError(fmt::format("configuration write at {:#x} failed", offset));
}

coro::Task<CommandResult> HostDriver::command(std::uint8_t code, std::uint32_t operand) {
  const coro::Lock::Guard guard = co_await command_lock_.scoped();
  co_return co_await run_command(code, operand);
}

coro::Task<CommandResult> HostDriver::run_command(std::uint8_t code, std::uint32_t operand) {
  ++commands_;
  std::uint32_t value = operand | static_cast<std::uint32_t>(code) << abi::kCmdCodeLsb;
  if (config_.poll_commands || !interrupts_on_) {
    write(abi::kRegCmd, 4, value);
    co_return co_await wait_by_polling();
  }
  value |= 1U << abi::kCmdRequestIntLsb;
  command_done_.clear();
  write(abi::kRegCmd, 4, value);
  co_return co_await wait_by_interrupt();
}

coro::Task<CommandResult> HostDriver::wait_by_polling() {
  const coro::SimTime end = coro::Scheduler::current().now() + coro::ns(config_.command_timeout_ns);
  std::uint64_t status = co_await read(abi::kRegCmdstatus, 4);
  while (active(status)) {
    if (coro::Scheduler::current().now() >= end)
      throw DriverError("the device does not finish a command (polling CMDSTATUS)");
    co_await coro::Timer(coro::ns(200));
    status = co_await read(abi::kRegCmdstatus, 4);
  }
  co_return decode_status(status);
}

coro::Task<CommandResult> HostDriver::wait_by_interrupt() {
  const std::size_t which =
      co_await coro::First(command_done_.wait(), coro::Timer(coro::ns(config_.command_timeout_ns)));
  if (which == 1) throw DriverError("the device does not finish a command (no command interrupt)");
  const std::uint64_t status = co_await read(abi::kRegCmdstatus, 4);
  if (active(status)) throw DriverError("command interrupt while CMDSTATUS is active");
  co_return decode_status(status);
}

coro::Task<CommandResult> HostDriver::enable_wq(std::uint8_t wq) {
  co_return co_await command(abi::kCmdEnableWq, wq);
}
coro::Task<CommandResult> HostDriver::disable_wq(std::uint8_t wq) {
  co_return co_await command(abi::kCmdDisableWq, wq_bitmap(wq));
}
coro::Task<CommandResult> HostDriver::drain_wq(std::uint8_t wq) {
  co_return co_await command(abi::kCmdDrainWq, wq_bitmap(wq));
}
coro::Task<CommandResult> HostDriver::abort_wq(std::uint8_t wq) {
  co_return co_await command(abi::kCmdAbortWq, wq_bitmap(wq));
}
coro::Task<CommandResult> HostDriver::drain_pasid(Pasid pasid) {
  co_return co_await command(abi::kCmdDrainPasid, pasid.value);
}

coro::Task<> HostDriver::set_wq_pasid(std::uint8_t wq, Pasid pasid, bool privileged, bool enabled) {
  const coro::Lock::Guard guard = co_await command_lock_.scoped();
  const std::uint32_t at = info_.wqcfg_offset + wq * info_.wq_stride + 8;
  std::uint64_t dword = co_await read(at, 4);
  dword &= ~(std::uint64_t{kMaxPasid} << 8 | 1U << 28 | 1U << 29);
  dword |= std::uint64_t{pasid.value} << 8 | (enabled ? 1U << 28 : 0U) |
           (privileged ? 1U << 29 : 0U);  // SIOV-H-19: PASID always enabled
  write(at, 4, dword);
}

coro::Task<> HostDriver::interrupt_thread() {
  while (true) {
    co_await vector0_.wait();
    vector0_.clear();
    handling_ = true;
    auto cause = static_cast<std::uint32_t>(co_await read(abi::kRegIntcause, 4));
    while (cause != 0) {
      write(abi::kRegIntcause, 4, cause);
      if ((cause & kCauseSwerror) != 0) co_await handle_software_error();
      if ((cause & kCauseEvl) != 0) co_await consume_event_log();
      if ((cause & kCauseHalt) != 0) {
        halted_ = true;
        if (halt_listener_) halt_listener_();
      }
      if ((cause & kCauseCommand) != 0) command_done_.set();
      cause = static_cast<std::uint32_t>(co_await read(abi::kRegIntcause, 4));
    }
    handling_ = false;
  }
}

coro::Task<> HostDriver::handle_software_error() {
  std::array<std::uint64_t, 4> words{};
  for (std::uint32_t i = 0; i < 4; ++i) words[i] = co_await read(abi::kRegSwerror + 8 * i, 8);
  const SoftwareError error = SoftwareError::decode(words);
  if (!error.valid) co_return;
  write(abi::kRegSwerror, 8, words[0] & 3);  // dsa.md 2.7: the two bits as read
  ++software_errors_;
  if (error.overflow) ++error_overflows_;
  if (error_listener_) error_listener_(error);
}

}  // namespace siov::vdcm
