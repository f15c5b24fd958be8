// SPDX-License-Identifier: Apache-2.0
// EventRing: the last TLPs of one scope, kept as numbers and turned into text only when a violation
// is reported.
//
//   ring.push({cycle, pcie::Direction::kUp, tlp});
//   for (const std::string& line : ring.text(2000)) ...
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "coro/time.hpp"
#include "pcie/tlp.hpp"

namespace siov::check {

/// What is worth remembering of a TLP.
struct Event {
  std::uint64_t cycle = 0;
  std::uint64_t address = 0;  ///< requests; completions: byte count left
  std::uint32_t pasid = 0;
  std::uint16_t tag = 0;
  std::uint16_t bytes = 0;
  pcie::TlpType type = pcie::TlpType::kUnknown;
  pcie::Direction direction = pcie::Direction::kUp;
  pcie::CplStatus status = pcie::CplStatus::kSc;
  bool has_pasid = false;
};

class EventRing {
 public:
  static constexpr std::size_t kSize = 16;

  void push(pcie::Direction direction, const pcie::Tlp& tlp, std::uint64_t cycle) {
    Event& e = events_[next_++ % kSize];
    e.cycle = cycle;
    e.address = tlp.is_completion() ? tlp.byte_count : tlp.address;
    e.pasid = tlp.prefix.pasid;
    e.tag = tlp.tag;
    e.bytes = tlp.has_data ? tlp.payload_bytes : static_cast<std::uint16_t>(tlp.length_dw * 4);
    e.type = tlp.type;
    e.direction = direction;
    e.status = tlp.status;
    e.has_pasid = tlp.prefix.present;
  }
  /// Oldest first, one line each. @param period  clock period [ps]
  std::vector<std::string> text(coro::SimTime period) const;

 private:
  std::array<Event, kSize> events_;
  std::uint64_t next_ = 0;
};

}  // namespace siov::check
