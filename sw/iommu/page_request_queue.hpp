// SPDX-License-Identifier: Apache-2.0
// PageRequestQueue: the ring in memory that page requests of devices are written to, with its
// status and its event.
//
//   switch (queue.put(request)) { case PageRequestQueue::Outcome::kOverflow: answer(); ... }
#pragma once

#include <cstdint>

#include "iommu/event_block.hpp"
#include "memory/physical_memory.hpp"
#include "port/ats_port.hpp"

namespace siov::iommu {

/// @spec VT-d 7.4 (page requests), vtd.md 7
class PageRequestQueue {
 public:
  PageRequestQueue(memory::PhysicalMemory& memory, port::InterruptPort& interrupts,
                   RequesterId unit)
      : memory_(memory), event_(interrupts, unit) {}

  enum class Outcome : std::uint8_t {
    kQueued,
    kOverflow,  ///< PRO is set, or the ring is full and PRO has been set now
    kNoMemory   ///< the ring does not lie in memory
  };
  [[nodiscard]] Outcome put(const port::PageRequest& request);

  [[nodiscard]] std::uint64_t head() const { return head_; }        ///< PQH
  [[nodiscard]] std::uint64_t tail() const { return tail_; }        ///< PQT
  [[nodiscard]] std::uint64_t address() const { return address_; }  ///< PQA
  void write_head(std::uint64_t value) { head_ = value & kOffsetBits; }
  void write_tail(std::uint64_t value) { tail_ = value & kOffsetBits; }
  void write_address(std::uint64_t value) { address_ = value & ~std::uint64_t{0xFF8}; }

  /// PRS: PPR bit 0, PRO bit 1.
  [[nodiscard]] std::uint32_t status() const { return status_; }
  void write_status(std::uint32_t value);
  [[nodiscard]] EventBlock& event() { return event_; }

 private:
  static constexpr std::uint64_t kOffsetBits = 0x7FFE0;  ///< 18:5
  void set_status(std::uint32_t bit);

  memory::PhysicalMemory& memory_;
  EventBlock event_;
  std::uint64_t head_ = 0;
  std::uint64_t tail_ = 0;
  std::uint64_t address_ = 0;
  std::uint32_t status_ = 0;
};

}  // namespace siov::iommu
