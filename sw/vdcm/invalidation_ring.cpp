// SPDX-License-Identifier: Apache-2.0
// Submission to the invalidation queue.
#include "vdcm/invalidation_ring.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "common/error.hpp"
#include "coro/clock_triggers.hpp"
#include "iommu/register_page.hpp"
#include "memory/page_allocator.hpp"
#include "memory/physical_memory.hpp"
#include "vdcm/driver_error.hpp"
#include "vdcm/vtd_registers.hpp"

namespace siov::vdcm {

namespace {
constexpr unsigned kBytes = 32;
constexpr std::uint64_t kRingBytes = std::uint64_t{InvalidationRing::kEntries} * kBytes;
constexpr std::uint64_t kSizeCode = 1;  // 2^(1+7) entries
constexpr std::uint32_t kStatusWords = 1024;
constexpr std::size_t kPiece = 64;  // descriptors in front of one wait, at most
}  // namespace

InvalidationRing::InvalidationRing(iommu::RegisterPage& unit, memory::PhysicalMemory& memory,
                                   memory::PageAllocator& frames)
    : unit_(unit),
      memory_(memory),
      frames_(frames),
      ring_(frames.allocate_range(kRingBytes)),
      status_(frames.allocate()) {}

InvalidationRing::~InvalidationRing() {
  frames_.free(ring_);
  frames_.free(status_);
}

void InvalidationRing::enable() {
  unit_.mmio_write(vtd::kIqt, 8, 0);
  unit_.mmio_write(vtd::kIqa, 8, ring_.value | vtd::kWideDescriptors | kSizeCode);
  const std::uint64_t on = unit_.mmio_read(vtd::kGsts, 4) & vtd::kLevelBits;
  unit_.mmio_write(vtd::kGcmd, 4, on | vtd::kQueueEnable);
  if ((unit_.mmio_read(vtd::kGsts, 4) & vtd::kQueueEnable) == 0)
    throw DriverError("the remapping unit has no invalidation queue");
}

unsigned InvalidationRing::room() const {
  const std::uint64_t head = unit_.mmio_read(vtd::kIqh, 8);
  return static_cast<unsigned>((head + kRingBytes - tail_ - kBytes) % kRingBytes / kBytes);
}

void InvalidationRing::place(const vtd::Descriptor& descriptor) {
  if (!memory_.write(ring_ + tail_, std::as_bytes(std::span(descriptor))))
    throw HarnessError("invalidation queue outside memory");
  tail_ = (tail_ + kBytes) % kRingBytes;
  ++submitted_;
}

void InvalidationRing::ring_bell() { unit_.mmio_write(vtd::kIqt, 8, tail_); }

InvalidationRing::Ticket InvalidationRing::submit(std::span<const vtd::Descriptor> descriptors,
                                                  bool drain_pages) {
  flush_backlog();
  if (room() < descriptors.size() + 1) throw DriverError("the invalidation queue is full");
  Ticket ticket;
  ticket.value = ++tickets_;
  ticket.status = status_ + std::uint64_t{ticket.value % kStatusWords} * 4;
  ticket.timeouts = timeouts_;
  for (const vtd::Descriptor& descriptor : descriptors) place(descriptor);
  place(vtd::wait_status(ticket.status, ticket.value, drain_pages));
  ring_bell();
  return ticket;
}

bool InvalidationRing::done(const Ticket& ticket) const {
  std::uint32_t word = 0;
  if (!memory_.read(ticket.status, std::as_writable_bytes(std::span(&word, 1))))
    throw HarnessError("status word outside memory");
  return word == ticket.value;
}

void InvalidationRing::run_now(const std::vector<vtd::Descriptor>& descriptors) {
  for (std::size_t first = 0; first < descriptors.size(); first += kPiece) {
    const std::size_t count = std::min<std::size_t>(kPiece, descriptors.size() - first);
    const Ticket ticket = submit(std::span(descriptors).subspan(first, count));
    check();
    if (!done(ticket)) throw DriverError("an invalidation waits for a device: use the async form");
  }
}

coro::Task<> InvalidationRing::run(std::vector<vtd::Descriptor> descriptors, bool drain_pages) {
  for (std::size_t first = 0; first < descriptors.size(); first += kPiece) {
    const std::size_t count = std::min<std::size_t>(kPiece, descriptors.size() - first);
    const auto begin = descriptors.begin() + static_cast<std::ptrdiff_t>(first);
    std::vector<vtd::Descriptor> piece(begin, begin + static_cast<std::ptrdiff_t>(count));
    co_await run_piece(std::move(piece), drain_pages);
  }
}

coro::Task<> InvalidationRing::run_piece(std::vector<vtd::Descriptor> descriptors,
                                         bool drain_pages) {
  for (unsigned attempt = 0; attempt < kAttempts; ++attempt) {
    while (room() < descriptors.size() + 1 + backlog_.size()) {
      co_await coro::Timer(coro::ns(poll_ns_));
      check();
    }
    const Ticket ticket = submit(descriptors, drain_pages);
    check();
    while (!done(ticket) && ticket.timeouts == timeouts_) {
      co_await coro::Timer(coro::ns(poll_ns_));
      check();
    }
    if (done(ticket)) co_return;
  }
  throw DriverError("a device does not complete its invalidations");
}

void InvalidationRing::post(const vtd::Descriptor& descriptor) {
  backlog_.push_back(descriptor);
  flush_backlog();
}

void InvalidationRing::flush_backlog() {
  if (backlog_.empty()) return;
  unsigned left = room();
  if (left == 0) return;
  for (; left > 0 && !backlog_.empty(); --left) {
    place(backlog_.front());
    backlog_.pop_front();
  }
  ring_bell();
}

void InvalidationRing::check_devices() {
  const std::uint64_t status = unit_.mmio_read(vtd::kFsts, 4);
  if ((status & vtd::kCompletionError) != 0) {
    ++bogus_completions_;
    unit_.mmio_write(vtd::kFsts, 4, vtd::kCompletionError);
  }
  if ((status & vtd::kTimeoutError) != 0) {
    ++timeouts_;
    unit_.mmio_write(vtd::kFsts, 4, vtd::kTimeoutError);
  }
}

void InvalidationRing::check() {
  flush_backlog();
  check_devices();
  if ((unit_.mmio_read(vtd::kFsts, 4) & vtd::kQueueError) == 0) return;
  const std::uint64_t error = unit_.mmio_read(vtd::kIqercd, 8) & 0xF;
  const std::uint64_t head = unit_.mmio_read(vtd::kIqh, 8);
  const vtd::Descriptor nothing = vtd::no_operation();
  if (!memory_.write(ring_ + head, std::as_bytes(std::span(nothing))))
    throw HarnessError("invalidation queue outside memory");
  unit_.mmio_write(vtd::kFsts, 4, vtd::kQueueError);
  throw DriverError(fmt::format("the unit refused a descriptor with error {}", error));
}

}  // namespace siov::vdcm
