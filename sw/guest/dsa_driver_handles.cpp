// SPDX-License-Identifier: Apache-2.0
// DsaDriver: interrupt handles, and what happens when the device revokes them.
#include <fmt/format.h>

#include "abi/siov_abi.hpp"
#include "coro/clock_triggers.hpp"
#include "coro/scheduler.hpp"
#include "guest/dsa_driver.hpp"
#include "vdcm/driver_error.hpp"
#include "vdcm/virtual_commands.hpp"

namespace siov::guest {

namespace {
constexpr std::uint64_t kNoticeNs = 5000;  // from an interrupt to its handler's end
}

coro::Task<> DsaDriver::request_handle() {
  const std::uint32_t status = co_await command(abi::kCmdRequestIntHandle, 1);
  if ((status & 0xFF) != 0)
    throw vdcm::DriverError(
        fmt::format("Request Interrupt Handle ended with {:#04x}", status & 0xFF));
  handle_ = static_cast<std::uint16_t>(status >> abi::kCmdstatusResultLsb);
}

/// A handle that was revoked in the meantime is nobody's to release; its successor is.
coro::Task<> DsaDriver::release_handle() {
  while (true) {
    while (!may_submit_.is_set()) co_await may_submit_.wait();
    const std::uint64_t revocations = revocations_;
    const std::uint32_t status = co_await command(abi::kCmdReleaseIntHandle, handle_);
    if ((status & 0xFF) == 0) co_return;
    // The device announces a revocation before it refuses the handle.
    co_await coro::Timer(coro::ns(kNoticeNs));
    if (revocations_ == revocations)
      throw vdcm::DriverError(
          fmt::format("Release Interrupt Handle ended with error {:#04x}", status & 0xFF));
  }
}

void DsaDriver::renew_soon(bool acknowledge) {
  acknowledge_ = acknowledge_ || acknowledge;
  may_submit_.clear();
  if (renewing_) {
    renew_again_ = true;
    return;
  }
  renewing_ = true;
  renewal_ = coro::start_soon(renew_handles(), "guest interrupt handles");
}

/// Submission stands still; new handle; what was refused goes again with it; then the device is
/// told, and raises the vector once more for what came in between. @spec siov.md 3.4, 3.7; dsa.md
/// 7.6 (revoked handles)
coro::Task<> DsaDriver::renew_handles() {
  do {
    renew_again_ = false;
    co_await request_handle();
    for (std::uint32_t i = 0; i < slots_.size(); ++i) {
      if (!slots_[i]->busy || !slots_[i]->refused) continue;
      abi::Descriptor descriptor = abi::decode_descriptor(slots_[i]->line);
      slots_[i]->refused = false;
      if (descriptor.interrupt_handle == handle_) {
        slots_[i]->done.set();  // not revoked: the device means it
        continue;
      }
      descriptor.interrupt_handle = handle_;
      slots_[i]->line = abi::to_line(descriptor);
      ++resubmitted_;
      co_await send_again(i);
    }
    if (acknowledge_ && (info_.cmdcap >> vdcm::kCmdHandlesProcessed & 1) != 0) {
      acknowledge_ = false;
      co_await expect_command(vdcm::kCmdHandlesProcessed, 0, "Interrupt Handles Revoked-Processed");
    }
  } while (renew_again_);
  renewing_ = false;
  may_submit_.set();
}

coro::Task<> DsaDriver::send_again(std::uint32_t index) {
  Slot& slot = *slots_[index];
  clear_record(slot);
  const port::Line line = slot.line;
  if (queues_[slot.queue].dedicated) {
    vdev_.posted_write64(next_portal(slot.queue), line);
    co_return;
  }
  const port::CompletionStatus status = co_await send_shared(slot.queue, line);
  if (status != port::CompletionStatus::kSuccess)
    throw vdcm::DriverError(
        fmt::format("ENQCMD ended with completion status {}", static_cast<unsigned>(status)));
}

}  // namespace siov::guest
