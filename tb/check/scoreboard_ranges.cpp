// SPDX-License-Identifier: Apache-2.0
// Scoreboard: the bytes of each item, and items in flight that share some.
#include <algorithm>

#include "check/scoreboard.hpp"

namespace siov::check {

namespace {

/// Destinations of so many pieces are indexed as one range.
constexpr std::size_t kIndexed = 8;

/// What it writes, or how it ends, depends on the content of its sources.
bool depends_on_content(const abi::Descriptor& d) {
  return d.opcode != abi::kOpMemmove && d.opcode != abi::kOpDualcast;
}

/// All that an operation whose writes depend on its sources may write. @spec dsa.md 5.6, 5.9
Piece open_range(const abi::Descriptor& d) {
  constexpr std::uint64_t kSizes[4] = {512, 520, 4096, 4104};
  const std::uint64_t block = kSizes[d.dif_flags() & 3];
  const std::uint64_t at = d.destination.value;
  switch (d.opcode) {
    case abi::kOpCreateDelta:
      return {d.delta_address().value, d.delta_address().value + d.max_delta_size(), nullptr, true};
    case abi::kOpApplyDelta:
    case abi::kOpDifUpdate:
      return {at, at + d.size, nullptr, true};
    case abi::kOpDifInsert:
      return {at, at + d.size / block * (block + 8), nullptr, true};
    case abi::kOpDifStrip:
      return {at, at + d.size / (block + 8) * block, nullptr, true};
    default:
      return {};
  }
}

}  // namespace

void Scoreboard::set_pieces(WorkItem& item) {
  const auto of = [](const model::Write& w) {
    return Piece{w.address.value, w.address.value + w.data.size(), w.data.data(), w.optional};
  };
  const std::vector<model::Write>& writes = item.expected.writes;
  item.pieces.clear();
  item.piece = {};
  item.data_lo = item.data_hi = 0;
  item.data.clear();
  if (writes.empty()) return;
  if (writes.size() == 1) {
    item.piece = of(writes.front());
  } else {
    for (const model::Write& w : writes) item.pieces.push_back(of(w));
    std::sort(item.pieces.begin(), item.pieces.end(),
              [](const Piece& a, const Piece& b) { return a.lo < b.lo; });
  }
  const std::span<const Piece> all = item.destinations();
  if (all.empty()) return;
  item.data_lo = all.front().lo;
  item.data_hi = all.back().hi;
  for (const Piece& p : all) item.data.add(p.lo, p.hi);
}

/// Only the range of what it may do can be told any more.
void Scoreboard::open_up(WorkItem& item) {
  const std::uint8_t status = item.expected.status;
  const bool by_content = status < abi::kStBadOpcode || status == abi::kStReadError;
  if (item.open || item.expected.reads.empty() || !by_content ||
      !depends_on_content(item.descriptor))
    return;
  item.open = true;
  if (!item.record_due) item.silent_end = true;
  const Piece range = open_range(item.descriptor);
  if (range.hi <= range.lo) return;
  item.pieces.clear();
  item.piece = range;
  item.data_lo = range.lo;
  item.data_hi = range.hi;
  item.data.reset(range.lo, range.hi);
}

void Scoreboard::make_racy(WorkItem& item) {
  if (item.batch != nullptr) return;  // its list is taken from the link
  if (!item.racy) ++bench_.stats.racy;
  item.racy = true;
  if (item.open || item.released) return;
  erase_destinations(item);
  open_up(item);
  for (const Piece& p : item.destinations())
    item.space->writes.insert({p.lo, p.hi, &item, RangeKind::kData});
}

void Scoreboard::detect_conflicts(WorkItem& item, std::uint64_t cycle) {
  PasidState& space = *item.space;
  for (std::size_t i = 0; i < 2; ++i) {
    if (item.source_hi[i] == item.source_lo[i]) continue;
    space.writes.overlapping(item.source_lo[i], item.source_hi[i],
                             [&](const RangeIndex::Entry&) { return item.racy = true; });
    space.reads.overlapping(item.source_lo[i], item.source_hi[i], [&](const RangeIndex::Entry& e) {
      e.item->shared_reads = item.shared_reads = true;
      return false;
    });
  }
  item.shared_reads |=
      item.source_lo[0] < item.source_hi[1] && item.source_lo[1] < item.source_hi[0];
  if (item.batch != nullptr) item.racy = false;
  if (item.racy) {
    ++bench_.stats.racy;
    open_up(item);
  }
  racing_.clear();
  silenced_.clear();
  const auto claim = [&](std::uint64_t lo, std::uint64_t hi) {
    space.reads.overlapping(lo, hi, [&](const RangeIndex::Entry& e) {
      racing_.push_back(e.item);
      return false;
    });
    space.writes.overlapping(lo, hi, [&](const RangeIndex::Entry& e) {
      bench_.stats.contended += (e.item->contended ? 0 : 1) + (item.contended ? 0 : 1);
      e.item->contended = item.contended = true;
      // The end of work without record is then not visible.
      for (WorkItem* w : {e.item, &item}) w->silent_end |= !w->end_visible();
      if (e.item->silent_end) silenced_.push_back(e.item);
      return false;
    });
  };
  for (const Piece& p : item.destinations()) claim(p.lo, p.hi);
  if (item.has_record_address())
    claim(item.descriptor.completion_address.value, item.descriptor.completion_address.value + 32);
  for (WorkItem* other : racing_) make_racy(*other);
  for (WorkItem* other : silenced_) {
    if (other->active && other->parent != nullptr) member_over(*other, cycle);
  }
}

void Scoreboard::register_ranges(WorkItem& item) {
  PasidState& space = *item.space;
  if (item.pieces.size() > kIndexed) {
    space.writes.insert({item.data_lo, item.data_hi, &item, RangeKind::kData});
  } else {
    for (const Piece& p : item.destinations())
      space.writes.insert({p.lo, p.hi, &item, RangeKind::kData});
  }
  const std::uint64_t record = item.descriptor.completion_address.value;
  if (item.has_record_address())
    space.writes.insert({record, record + 32, &item, RangeKind::kRecord});
  for (std::size_t i = 0; i < 2; ++i) {
    if (item.source_hi[i] == item.source_lo[i]) continue;
    space.reads.insert({item.source_lo[i], item.source_hi[i], &item,
                        i == 0 ? RangeKind::kSource0 : RangeKind::kSource1});
  }
}

void Scoreboard::erase_destinations(WorkItem& item) {
  RangeIndex& writes = item.space->writes;
  if (item.pieces.size() > kIndexed) {
    writes.erase(item.data_lo, &item, RangeKind::kData);
  } else {
    for (const Piece& p : item.destinations()) writes.erase(p.lo, &item, RangeKind::kData);
  }
}

}  // namespace siov::check
