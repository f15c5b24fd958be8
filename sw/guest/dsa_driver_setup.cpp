// SPDX-License-Identifier: Apache-2.0
// DsaDriver: probe, enable, commands, vector 0, disable.
#include <fmt/format.h>

#include <algorithm>

#include "abi/siov_abi.hpp"
#include "coro/clock_triggers.hpp"
#include "coro/combine.hpp"
#include "coro/scheduler.hpp"
#include "guest/dsa_driver.hpp"
#include "vdcm/capability_list.hpp"
#include "vdcm/driver_error.hpp"

namespace siov::guest {

namespace {

constexpr std::uint64_t kBar0 = 0xC000'0000;  // where this guest's firmware would put the BARs
constexpr std::uint64_t kBar2 = 0xC010'0000;
constexpr std::uint32_t kWqStride = 32;  // WQCAP of a VDEV says so
constexpr std::uint32_t kPasidEntry = 1U << abi::kMsixpermPasidEnLsb;

}  // namespace

coro::Task<std::uint64_t> DsaDriver::read(std::uint32_t offset, std::uint32_t size) {
  const port::ReadResult r = co_await vdev_.mmio_read(port::Bar::kControl, offset, size);
  if (r.status != port::CompletionStatus::kSuccess)
    throw vdcm::DriverError(fmt::format("register read at {:#x} failed", offset));
  co_return r.data;
}

void DsaDriver::write(std::uint32_t offset, std::uint32_t size, std::uint64_t value) {
  vdev_.mmio_write(port::Bar::kControl, offset, size, value);
}

coro::Task<std::uint32_t> DsaDriver::config_read(std::uint32_t offset, std::uint32_t size) {
  const port::ReadResult r = co_await vdev_.config_read(offset, size);
  if (r.status != port::CompletionStatus::kSuccess)
    throw vdcm::DriverError(fmt::format("configuration read at {:#x} failed", offset));
  co_return static_cast<std::uint32_t>(r.data);
}

coro::Task<> DsaDriver::config_write(std::uint32_t offset, std::uint32_t size,
                                     std::uint32_t value) {
  const port::CompletionStatus status = co_await vdev_.config_write(offset, size, value);
  if (status != port::CompletionStatus::kSuccess)
    throw vdcm::DriverError(fmt::format("configuration write at {:#x} failed", offset));
}

coro::Task<> DsaDriver::probe() {
  const std::uint32_t id = co_await config_read(0x00, 4);
  if (id != 0x0B25'8086) throw vdcm::DriverError(fmt::format("device {:08x} is not a DSA", id));
  const vdcm::CapabilityList caps = co_await vdcm::walk_capabilities(vdev_);
  if (caps.msix == 0 || caps.pcie == 0 || caps.pasid == 0 || caps.ats == 0 || caps.pri == 0)
    throw vdcm::DriverError("the device lacks a capability the driver needs");
  at_.msix = caps.msix;
  at_.ats = caps.ats;
  at_.pri = caps.pri;
  at_.pasid = caps.pasid;
  co_await place_bars();
  co_await read_registers();
}

coro::Task<> DsaDriver::place_bars() {
  const std::uint64_t size0 = co_await vdcm::size_bar(vdev_, 0x10);
  const std::uint64_t size2 = co_await vdcm::size_bar(vdev_, 0x18);
  if (size0 < 0x2000 || size2 < 0x2000) throw vdcm::DriverError("a BAR is too small");
  co_await config_write(0x10, 4, static_cast<std::uint32_t>(kBar0));
  co_await config_write(0x14, 4, 0);
  co_await config_write(0x18, 4, static_cast<std::uint32_t>(kBar2));
  co_await config_write(0x1C, 4, 0);
  vdev_.set_bar_base(port::Bar::kControl, kBar0);
  vdev_.set_bar_base(port::Bar::kPortal, kBar2);
  const std::uint32_t command = co_await config_read(0x04, 2);
  co_await config_write(
      0x04, 2, command | 0x6);  // memory space and bus master, as before any register access
}

coro::Task<> DsaDriver::read_registers() {
  info_.version = static_cast<std::uint32_t>(co_await read(abi::kRegVersion, 4));
  const std::uint64_t state = co_await read(abi::kRegGensts, 4);
  if ((state & 3) == abi::kGenstsHalt) throw vdcm::DriverError("the device is halted");
  co_await expect_command(abi::kCmdResetDevice, 0, "Reset Device");
  info_.gencap = co_await read(abi::kRegGencap, 8);
  info_.wqcap = co_await read(abi::kRegWqcap, 8);
  info_.opcap = co_await read(abi::kRegOpcap, 8);
  if ((info_.gencap >> abi::kGencapCmdcapLsb & 1) != 0)
    info_.cmdcap = static_cast<std::uint32_t>(co_await read(abi::kRegCmdcap, 4));
  const std::uint64_t offsets = co_await read(abi::kRegOffsets, 8);
  at_.wqcfg =
      static_cast<std::uint32_t>(offsets >> abi::kOffsetsWqcfgLsb & 0xFFFF) * abi::kOffsetUnit;
  at_.msixperm =
      static_cast<std::uint32_t>(offsets >> abi::kOffsetsMsixpermLsb & 0xFFFF) * abi::kOffsetUnit;
  const std::uint32_t table = co_await config_read(at_.msix + 4, 4);
  at_.msix_table = table & ~7U;
  const std::uint64_t count = info_.wqcap >> abi::kWqcapNumWqLsb & 0xFF;
  if (options_.queues == 0 || options_.queues > count)
    throw vdcm::DriverError(fmt::format("the device has {} work queues", count));
  info_.max_transfer = info_.max_batch = ~0U;
  queues_.clear();
  for (std::uint32_t q = 0; q < options_.queues; ++q) {
    const std::uint32_t at = at_.wqcfg + kWqStride * q;
    QueueInfo queue;
    queue.size = static_cast<std::uint16_t>(co_await read(at, 4));
    const std::uint64_t mode = co_await read(at + 8, 4);
    queue.dedicated = (mode & 1) != 0;
    const std::uint64_t limits = co_await read(at + 12, 4);
    info_.max_transfer = std::min(info_.max_transfer, std::uint64_t{1} << (limits & 0x1F));
    info_.max_batch = std::min(info_.max_batch, 1U << (limits >> 5 & 0xF));
    info_.block_on_fault = (q == 0 || info_.block_on_fault) && (mode >> 1 & 1) != 0;
    if (queue.size == 0) throw vdcm::DriverError("a work queue has no entries");
    queues_.push_back(queue);
  }
  next_queue_ = 0;
  info_.dedicated = queues_[0].dedicated;
  info_.wq_size = queues_[0].size;
}

coro::Task<> DsaDriver::enable() {
  const bool shared = std::ranges::any_of(queues_, [](const QueueInfo& q) { return !q.dedicated; });
  if (shared && !options_.pasid) throw HarnessError("a shared queue needs a guest PASID");
  if (options_.pasid) co_await enable_pasid();
  if (options_.interrupts != nullptr) co_await enable_interrupts();
  co_await configure_wq();
  co_await expect_command(abi::kCmdEnableDevice, 0, "Enable Device");
  for (std::uint32_t q = 0; q < queues_.size(); ++q)
    co_await expect_command(abi::kCmdEnableWq, q, "Enable WQ");
  if (options_.interrupts != nullptr) co_await request_handle();
  if (slots_.empty()) make_slots();
}

/// PASID first, ATS and page requests after it; H-15 wants all three together.
coro::Task<> DsaDriver::enable_pasid() {
  co_await config_write(at_.pasid + 6, 2, 1);
  const std::uint32_t ats = co_await config_read(at_.ats + 6, 2);
  co_await config_write(at_.ats + 6, 2, ats | 0x8000);
  const std::uint32_t capacity = co_await config_read(at_.pri + 8, 4);
  co_await config_write(at_.pri + 12, 4, capacity);
  co_await config_write(at_.pri + 4, 2, 1);
}

coro::Task<> DsaDriver::enable_interrupts() {
  InterruptController& controller = *options_.interrupts;
  if (!interrupts_connected_) {
    misc_vector_ = controller.allocate_vector();
    data_vector_ = controller.allocate_vector();
    controller.connect(misc_vector_, [this] { misc_event_.set(); });
    controller.connect(data_vector_, [this] { completion_interrupt(); });
    interrupts_connected_ = true;
  }
  misc_task_ = coro::start_soon(misc_interrupts(), "guest vector 0 thread");
  const std::uint8_t vectors[2] = {misc_vector_, data_vector_};
  for (std::uint32_t i = 0; i < 2; ++i) {
    const std::uint32_t entry = at_.msix_table + 16 * i;
    write(entry, 8, 0xFEE0'0000);
    write(entry + 8, 8, vectors[i]);  // control 0: unmasked
  }
  // The permission entry must name the submitter's PASID before the vector is used (dsa.md 2.10).
  write(at_.msixperm + 8, 4,
        options_.pasid ? options_.pasid->value << abi::kMsixpermPasidLsb | kPasidEntry : 0);
  const std::uint32_t control = co_await config_read(at_.msix + 2, 2);
  co_await config_write(at_.msix + 2, 2, (control & 0x3FFF) | 0x8000);
  write(abi::kRegGenctrl, 4, 1U << abi::kGenctrlSwerrorIntLsb | 1U << abi::kGenctrlHaltIntLsb);
}

coro::Task<> DsaDriver::configure_wq() {
  for (std::uint32_t q = 0; q < queues_.size(); ++q) {
    const std::uint32_t at = at_.wqcfg + kWqStride * q + 8;
    std::uint64_t dword = co_await read(at, 4);
    dword &= ~(std::uint64_t{kMaxPasid} << 8 | 1U << 28 | 1U << 29);
    if (options_.pasid) dword |= std::uint64_t{options_.pasid->value} << 8 | 1U << 28;
    write(at, 4, dword);
  }
}

coro::Task<std::uint32_t> DsaDriver::command(std::uint8_t code, std::uint32_t operand) {
  const coro::Lock::Guard guard = co_await command_lock_.scoped();
  const bool by_interrupt = misc_task_.valid() && !misc_task_.done();
  std::uint32_t value = operand | static_cast<std::uint32_t>(code) << abi::kCmdCodeLsb;
  const coro::SimTime end =
      coro::Scheduler::current().now() + coro::ns(options_.command_timeout_ns);
  if (by_interrupt) {
    value |= 1U << abi::kCmdRequestIntLsb;
    command_event_.clear();
    write(abi::kRegCmd, 4, value);
    const std::size_t which = co_await coro::First(
        command_event_.wait(), coro::Timer(coro::ns(options_.command_timeout_ns)));
    if (which == 1) throw vdcm::DriverError(fmt::format("no interrupt for command {}", code));
  } else {
    write(abi::kRegCmd, 4, value);
  }
  std::uint64_t status = co_await read(abi::kRegCmdstatus, 4);
  while ((status >> abi::kCmdstatusActiveLsb & 1) != 0) {
    if (coro::Scheduler::current().now() >= end)
      throw vdcm::DriverError(fmt::format("command {} does not end", code));
    co_await coro::Timer(coro::ns(200));
    status = co_await read(abi::kRegCmdstatus, 4);
  }
  co_return static_cast<std::uint32_t>(status);
}

coro::Task<> DsaDriver::expect_command(std::uint8_t code, std::uint32_t operand, const char* what) {
  const std::uint32_t status = co_await command(code, operand);
  if ((status & 0xFF) != 0)
    throw vdcm::DriverError(fmt::format("{} ended with error {:#04x}", what, status & 0xFF));
}

coro::Task<> DsaDriver::misc_interrupts() {
  while (true) {
    co_await misc_event_.wait();
    misc_event_.clear();
    const std::uint64_t cause = co_await read(abi::kRegIntcause, 4);
    write(abi::kRegIntcause, 4, cause);
    if ((cause >> abi::kIntcauseSwerrorLsb & 1) != 0) co_await read_error();
    if ((cause >> abi::kIntcauseCommandLsb & 1) != 0) command_event_.set();
    if ((cause >> abi::kIntcauseRevokedLsb & 1) != 0) {
      ++revocations_;
      renew_soon(true);
    }
  }
}

coro::Task<> DsaDriver::read_error() {
  std::array<std::uint64_t, 4> words{};
  for (std::uint32_t i = 0; i < 4; ++i) words[i] = co_await read(abi::kRegSwerror + 8 * i, 8);
  write(abi::kRegSwerror, 8, words[0] & 3);
  errors_.push_back(words);
  // An error that came after the read above has left its mark only.
  const std::uint64_t after = co_await read(abi::kRegSwerror, 8);
  if (((words[0] | after) >> abi::kSwerrorOverflowLsb & 1) != 0) ++error_overflows_;
  if ((after & 3) == 2) write(abi::kRegSwerror, 8, 2);
  error_event_.set();
}

coro::Task<> DsaDriver::drain() {
  co_await expect_command(abi::kCmdDrainWq, all_queues(), "Drain WQ");
}

coro::Task<> DsaDriver::disable() {
  while (!may_submit_.is_set()) co_await may_submit_.wait();  // the handle is being renewed
  co_await expect_command(abi::kCmdDisableWq, all_queues(), "Disable WQ");
  if (options_.interrupts != nullptr) co_await release_handle();
  co_await expect_command(abi::kCmdDisableDevice, 0, "Disable Device");
  if (options_.interrupts == nullptr) co_return;
  const std::uint32_t control = co_await config_read(at_.msix + 2, 2);
  co_await config_write(at_.msix + 2, 2, control & 0x7FFF);
  misc_task_.cancel();
}

}  // namespace siov::guest
