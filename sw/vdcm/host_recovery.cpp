// SPDX-License-Identifier: Apache-2.0
// HostDriver: a function that has halted begins afresh. @spec SIOV-H-37; dsa.md 6
#include <utility>

#include "abi/siov_abi.hpp"
#include "common/error.hpp"
#include "coro/clock_triggers.hpp"
#include "vdcm/host_driver.hpp"

namespace siov::vdcm {

namespace {
constexpr std::uint32_t kInitiateFlr = 0x8000;  // Device Control
constexpr std::uint64_t kPollNs = 100;
/// From FLR to the first configuration access. 100 ms in PCIe-6.3 6.6.2; a simulated device is
/// ready much earlier.
constexpr std::uint64_t kResetNs = 2000;
}  // namespace

coro::Task<> HostDriver::recover() {
  const coro::Lock::Guard entries = co_await ims_lock_.scoped();  // first, as those that change one
  const coro::Lock::Guard commands = co_await command_lock_.scoped();
  while (handling_) co_await coro::Timer(coro::ns(kPollNs));
  if (log_runs_) co_await consume_event_log();  // what was logged before the halt
  interrupts_on_ = false;
  const bool page_requests = config_.pri;
  if (config_.ats) co_await disable_translation();
  const std::uint32_t control = co_await config_read(capabilities_.pcie + 8U, 2);
  co_await config_write(capabilities_.pcie + 8U, 2, control | kInitiateFlr);
  co_await coro::Timer(coro::ns(kResetNs));
  if (config_.ats) co_await iommu_.async_set_device_tlb(true, page_requests);
  co_await bring_up();
  co_await restore_entries();
  halted_ = false;
  ++recoveries_;
}

/// Interrupt entries as their owners know them. @spec SIOV-H-26
coro::Task<> HostDriver::restore_entries() {
  for (std::size_t i = first_guest_entry(); i < ims_.size(); ++i) {
    const ImsSlot& slot = ims_[i];
    if (!slot.used || slot.message.address == 0) continue;
    const auto index = static_cast<std::uint16_t>(i);
    write_permission(index, true, slot.pasid);
    write_message(index, slot.message.address, slot.message.data);
    write_permission(index, false, slot.pasid);
    co_await flush_ims(index);
    co_await grant_handle(abi::kCmdRequestIntHandle, index, true);
  }
}

}  // namespace siov::vdcm
