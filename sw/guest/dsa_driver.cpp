// SPDX-License-Identifier: Apache-2.0
// DsaDriver: submission and completion. Setup is in dsa_driver_setup.cpp.
#include "guest/dsa_driver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "abi/siov_abi.hpp"
#include "coro/clock_triggers.hpp"
#include "coro/combine.hpp"
#include "coro/scheduler.hpp"
#include "vdcm/driver_error.hpp"

namespace siov::guest {

namespace {
constexpr std::uint64_t kRecordBytes = 32;
constexpr std::uint64_t kPortalPage = 0x1000;
constexpr std::uint64_t kPortalsOfQueue = 0x4000;
}  // namespace

DsaDriver::DsaDriver(port::DevicePort& vdev, AddressSpace& space, DriverOptions options)
    : vdev_(vdev),
      space_(space),
      options_(options),
      free_slots_(0, "free descriptor slot"),
      command_lock_("guest command"),
      stray_lock_("guest error report"),
      error_event_("guest error report"),
      misc_event_("guest vector 0"),
      command_event_("guest command interrupt"),
      may_submit_("guest interrupt handles") {
  may_submit_.set();
  if (options_.max_outstanding == 0) throw HarnessError("max_outstanding must be at least 1");
}

DsaDriver::~DsaDriver() {
  if (poller_.valid()) poller_.cancel();
  if (misc_task_.valid()) misc_task_.cancel();
  if (renewal_.valid()) renewal_.cancel();
  if (interrupts_connected_) {
    options_.interrupts->connect(misc_vector_, nullptr);
    options_.interrupts->connect(data_vector_, nullptr);
  }
}

void DsaDriver::make_slots() {
  std::uint32_t count = options_.max_outstanding;
  // A dedicated queue drops what does not fit; the driver must hold back (dsa.md 4.2).
  // Even if all that is in flight is in one queue.
  for (const QueueInfo& queue : queues_) {
    if (queue.dedicated) count = std::min<std::uint32_t>(count, queue.size);
  }
  const Iova records = options_.pinned_records ? space_.allocate_pinned(count * kRecordBytes)
                                               : space_.allocate(count * kRecordBytes);
  for (std::uint32_t i = 0; i < count; ++i) {
    slots_.push_back(std::make_unique<Slot>(records + i * kRecordBytes));
    free_slots_.put_nowait(i);
  }
}

std::byte* DsaDriver::record_of(Slot& slot) const {
  if (slot.moves != space_.moves()) {
    slot.bytes = space_.page_tail(slot.address).data();
    slot.moves = space_.moves();
  }
  return slot.bytes;
}

void DsaDriver::clear_record(Slot& slot) {
  std::memset(record_of(slot), 0, kRecordBytes);
  space_.wrote(slot.address, kRecordBytes);
}

std::uint64_t DsaDriver::next_portal(std::uint8_t queue) {
  const std::uint64_t page = queue * kPortalsOfQueue + (options_.limited_portal ? kPortalPage : 0);
  return page + 64 * std::uint64_t{portal_slot_++ % 64};
}

coro::Task<Ticket> DsaDriver::submit(abi::Descriptor descriptor) {
  const SubmitOptions plain;
  co_return co_await submit(descriptor, plain);
}

coro::Task<Ticket> DsaDriver::submit(abi::Descriptor descriptor, SubmitOptions how) {
  if (slots_.empty()) throw HarnessError("submit before enable");
  Ticket ticket;
  ticket.slot = co_await free_slots_.get();
  while (!may_submit_.is_set()) co_await may_submit_.wait();
  Slot& slot = *slots_[ticket.slot];
  ticket.sequence = ++sequence_;
  slot.sequence = ticket.sequence;
  slot.busy = true;
  slot.done.clear();
  slot.refused = false;
  clear_record(slot);
  ++outstanding_;

  const bool interrupt = descriptor.has(abi::kFlagRci) && !how.own_handle;
  if (interrupt && !interrupts_connected_)
    throw HarnessError("descriptor asks for an interrupt, but the driver has none");
  slot.by_interrupt = interrupt;
  slot.stray = how.stray_record;
  descriptor.flags |= abi::flag(abi::kFlagCrav) | abi::flag(abi::kFlagRcr);
  descriptor.completion_address = slot.address + (how.stray_record ? 4 : 0);
  if (interrupt) descriptor.interrupt_handle = handle_;
  slot.queue = next_queue_;
  next_queue_ = static_cast<std::uint8_t>((next_queue_ + 1U) % queues_.size());
  const bool dedicated = queues_[slot.queue].dedicated;
  if (!dedicated) descriptor.pasid = *options_.pasid;  // the CPU's IA32_PASID
  const port::Line line = abi::to_line(descriptor);
  if (interrupt) slot.line = line;
  if (!interrupt && !how.stray_record) {
    ++polled_;
    if (!poller_runs_) {
      poller_runs_ = true;
      poller_ = coro::start_soon(poll_records(), "completion poller");
    }
  }
  if (dedicated) {
    vdev_.posted_write64(next_portal(slot.queue), line);
  } else {
    const port::CompletionStatus status = co_await send_shared(slot.queue, line);
    if (status != port::CompletionStatus::kSuccess) {
      if (!interrupt && !how.stray_record) --polled_;
      release(slot, ticket.slot);
      throw vdcm::DriverError(
          fmt::format("ENQCMD ended with completion status {}", static_cast<unsigned>(status)));
    }
  }
  ++submitted_;
  co_return ticket;
}

coro::Task<port::CompletionStatus> DsaDriver::send_shared(std::uint8_t queue,
                                                          const port::Line& line) {
  std::uint64_t pause = options_.retry_min_ns;
  port::CompletionStatus status = co_await vdev_.deferrable_write64(next_portal(queue), line);
  while (status == port::CompletionStatus::kRetry) {
    ++retries_;
    co_await coro::Timer(coro::ns(pause));
    pause = std::min(2 * pause, options_.retry_max_ns);
    status = co_await vdev_.deferrable_write64(next_portal(queue), line);
  }
  co_return status;
}

coro::Task<bool> DsaDriver::submit_stray(abi::Descriptor descriptor, std::uint64_t timeout_ns) {
  const coro::Lock::Guard guard = co_await stray_lock_.scoped();
  std::size_t seen = errors_.size();
  SubmitOptions how;
  how.stray_record = true;
  const Ticket ticket = co_await submit(descriptor, how);
  Slot& slot = *slots_[ticket.slot];
  const std::uint64_t address = slot.address.value + 4;
  const coro::SimTime end = coro::Scheduler::current().now() + coro::ns(timeout_ns);
  bool found = false;
  while (!found && coro::Scheduler::current().now() < end) {
    for (; seen < errors_.size(); ++seen) found = found || errors_[seen][2] == address;
    if (found) break;
    error_event_.clear();
    const coro::SimTime left = end - coro::Scheduler::current().now();
    co_await coro::First(error_event_.wait(), coro::Timer(left));
  }
  release(slot, ticket.slot);
  co_return found;
}

coro::Task<abi::CompletionRecord> DsaDriver::wait(Ticket ticket) {
  if (ticket.slot >= slots_.size()) throw HarnessError("wait for a ticket of another driver");
  Slot& slot = *slots_[ticket.slot];
  if (!slot.busy || slot.sequence != ticket.sequence)
    throw HarnessError("wait for a ticket that was waited for already");
  co_await slot.done.wait();
  const std::span<const std::byte, kRecordBytes> bytes(record_of(slot), kRecordBytes);
  const abi::CompletionRecord record = abi::decode_completion_record(bytes);
  release(slot, ticket.slot);
  co_return record;
}

void DsaDriver::release(Slot& slot, std::uint32_t index) {
  slot.busy = false;
  --outstanding_;
  free_slots_.put_nowait(index);
}

coro::Task<> DsaDriver::poll_records() {
  while (polled_ != 0) {
    co_await coro::Timer(coro::ns(options_.poll_interval_ns));
    scan_records(false);
  }
  poller_runs_ = false;
}

void DsaDriver::scan_records(bool by_interrupt) {
  for (const std::unique_ptr<Slot>& slot : slots_) {
    if (!slot->busy || slot->stray || slot->by_interrupt != by_interrupt || slot->done.is_set())
      continue;
    const std::byte status = record_of(*slot)[0];
    if (status == std::byte{0} || slot->refused) continue;
    if (by_interrupt && status == std::byte{abi::kStBadHandle}) {
      slot->refused = true;  // revoked, perhaps, and not known yet
      renew_soon(false);
      continue;
    }
    if (!by_interrupt) --polled_;
    slot->done.set();
  }
}

void DsaDriver::completion_interrupt() {
  ++completion_interrupts_;
  scan_records(true);
}

}  // namespace siov::guest
