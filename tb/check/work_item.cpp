// SPDX-License-Identifier: Apache-2.0
// WorkItem: what is left to be seen.
#include "check/work_item.hpp"

#include <algorithm>

namespace siov::check {

const Piece* WorkItem::find_piece(std::uint64_t address) const {
  const auto at =
      std::upper_bound(pieces.begin(), pieces.end(), address,
                       [](std::uint64_t value, const Piece& p) { return value < p.hi; });
  return at != pieces.end() && address >= at->lo ? &*at : nullptr;
}

bool WorkItem::mandatory_left() const {
  if (data.empty()) return false;
  if (pieces.empty()) return !piece.optional;
  const std::span<const Holes::Part> parts = data.parts();
  return std::any_of(pieces.begin(), pieces.end(), [&](const Piece& p) {
    if (p.optional) return false;
    const auto hole =
        std::upper_bound(parts.begin(), parts.end(), p.lo,
                         [](std::uint64_t value, const Holes::Part& h) { return value < h.hi; });
    return hole != parts.end() && hole->lo < p.hi;
  });
}

bool WorkItem::may_stop_reading() const {
  switch (descriptor.opcode) {
    case abi::kOpCompare:
    case abi::kOpComparePattern:
    case abi::kOpCreateDelta:
    case abi::kOpApplyDelta:
    case abi::kOpDifCheck:
    case abi::kOpDifStrip:
    case abi::kOpDifUpdate:
      return true;
    default:
      return false;
  }
}

bool WorkItem::sources_done() const {
  if (batch != nullptr) return batch->complete;
  const auto done = [this](std::size_t i) {
    if (sources[i].empty()) return true;
    return may_stop_reading() && sources[i].first() != source_lo[i];
  };
  return done(0) && done(1);
}

std::uint8_t WorkItem::status() const {
  if (record_seen) return seen_status;
  if (logged_status != 0 && logged_status != abi::kStCrFault) return logged_status;
  if (read_failed) return abi::kStReadError;
  if (readback_failed)
    return descriptor.opcode == abi::kOpDrain ? abi::kStReadbackFault : abi::kStWriteError;
  return expected.status;
}

}  // namespace siov::check
