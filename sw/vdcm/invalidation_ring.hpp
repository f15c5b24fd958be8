// SPDX-License-Identifier: Apache-2.0
// InvalidationRing: software's end of the invalidation queue: the ring in memory, waits with a
// status write, errors of the queue.
//
//   ring.enable();
//   ring.run_now({vtd::iotlb_global()});              // done when it returns
//   co_await ring.run(std::move(descriptors));        // may wait for a device
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "common/types.hpp"
#include "coro/task.hpp"
#include "vdcm/vtd_descriptors.hpp"

namespace siov::iommu {
class RegisterPage;
}
namespace siov::memory {
class PhysicalMemory;
class PageAllocator;
}  // namespace siov::memory

namespace siov::vdcm {

class InvalidationRing {
 public:
  static constexpr unsigned kEntries = 256;
  static constexpr unsigned kAttempts =
      3;  ///< submissions of one list before the device is given up

  InvalidationRing(iommu::RegisterPage& unit, memory::PhysicalMemory& memory,
                   memory::PageAllocator& frames);
  ~InvalidationRing();
  InvalidationRing(const InvalidationRing&) = delete;
  InvalidationRing& operator=(const InvalidationRing&) = delete;

  /// IQT, IQA, QIE. @spec vtd.md 5.1
  void enable();

  /// A submission that ends with a wait.
  struct Ticket {
    std::uint32_t value = 0;
    Hpa status;
    std::uint64_t timeouts = 0;  ///< timeouts() at submission
  };
  /// @throws DriverError when the ring has no room for them and the wait
  Ticket submit(std::span<const vtd::Descriptor> descriptors, bool drain_pages = false);
  [[nodiscard]] bool done(const Ticket& ticket) const;

  /// Submits, and waits as long as it takes. Submits again when a device ran out of time (ITE).
  /// @throws DriverError after kAttempts, or when the unit refuses a descriptor (IQE)
  coro::Task<> run(std::vector<vtd::Descriptor> descriptors, bool drain_pages = false);
  /// For lists that no device has to answer. @throws DriverError if they are not done at once
  void run_now(const std::vector<vtd::Descriptor>& descriptors);
  /// Without a wait; kept and submitted later when the ring is full.
  void post(const vtd::Descriptor& descriptor);

  /// Handles what FSTS says of the queue: IQE (the descriptor at the head is replaced, so that the
  /// rest goes on; throws DriverError), ITE and ICE (counted and cleared).
  void check();
  /// The part of check() that is about devices, for the fault event: ITE and ICE.
  void check_devices();

  /// How long run() sleeps between two looks at its status word [ns].
  void set_poll(std::uint64_t ns) { poll_ns_ = ns; }

  [[nodiscard]] std::uint64_t timeouts() const { return timeouts_; }
  [[nodiscard]] std::uint64_t bogus_completions() const { return bogus_completions_; }
  [[nodiscard]] std::uint64_t submitted() const { return submitted_; }  ///< descriptors

 private:
  coro::Task<> run_piece(std::vector<vtd::Descriptor> descriptors, bool drain_pages);
  [[nodiscard]] unsigned room() const;
  void place(const vtd::Descriptor& descriptor);
  void ring_bell();
  void flush_backlog();

  iommu::RegisterPage& unit_;
  memory::PhysicalMemory& memory_;
  memory::PageAllocator& frames_;
  Hpa ring_;
  Hpa status_;
  std::uint64_t tail_ = 0;  ///< [bytes]
  std::uint32_t tickets_ = 0;
  std::deque<vtd::Descriptor> backlog_;
  std::uint64_t poll_ns_ = 100;
  std::uint64_t timeouts_ = 0;
  std::uint64_t bogus_completions_ = 0;
  std::uint64_t submitted_ = 0;
};

}  // namespace siov::vdcm
