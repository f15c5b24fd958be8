// SPDX-License-Identifier: Apache-2.0
// EventRing: text of the last events.
#include "check/event_ring.hpp"

#include <fmt/format.h>

#include "pcie/format.hpp"

namespace siov::check {

std::vector<std::string> EventRing::text(coro::SimTime period) const {
  std::vector<std::string> lines;
  const std::uint64_t first = next_ > kSize ? next_ - kSize : 0;
  for (std::uint64_t i = first; i < next_; ++i) {
    const Event& e = events_[i % kSize];
    std::string line =
        fmt::format("{} ns {} {}", e.cycle * period / 1000,
                    e.direction == pcie::Direction::kUp ? "up  " : "down", pcie::type_name(e.type));
    const bool completion =
        e.type == pcie::TlpType::kCompletion || e.type == pcie::TlpType::kCompletionData;
    if (completion) {
      line += fmt::format(" {} {} B tag {:#x} left {}", pcie::status_name(e.status), e.bytes, e.tag,
                          e.address);
    } else {
      line += fmt::format(" {} B @{:#x} tag {:#x}", e.bytes, e.address, e.tag);
    }
    if (e.has_pasid) line += fmt::format(" PASID {:#x}", e.pasid);
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace siov::check
