// SPDX-License-Identifier: Apache-2.0
// Scoreboard: reads, readbacks and data writes against the work they belong to. dsa.md 5.3, 5.6.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "check/scoreboard.hpp"

namespace siov::check {

using pcie::Tlp;

namespace {

/// Offset in the payload of the byte at this address.
std::size_t payload_offset(const Tlp& t, std::uint64_t address) {
  return static_cast<std::size_t>(address - t.address);
}

bool byte_enabled(const Tlp& t, std::size_t offset) {
  const std::size_t dw = offset / 4, bit = offset % 4;
  if (dw == 0) return (t.first_be >> bit & 1u) != 0;
  return dw + 1 != t.length_dw || (t.last_be >> bit & 1u) != 0;
}

bool holes_in(std::uint8_t be) {
  return be == 0x5 || be == 0x9 || be == 0xA || be == 0xB || be == 0xD;
}

/// Not every byte between the first and the last enabled one is enabled.
bool scattered(const Tlp& t) {
  if (t.length_dw > 2) return false;
  if (holes_in(t.first_be) || holes_in(t.last_be)) return true;
  return t.length_dw == 2 && ((t.first_be & 8) == 0 || (t.last_be & 1) == 0);
}

/// Which readback of the item this zero-length read is; any DW of the destination will do.
/// @param skip  readbacks that do not count  @return bit mask, 0 if none
std::uint8_t readback_bit(const WorkItem& item, std::uint64_t address, std::uint8_t skip) {
  for (std::size_t i = 0; i < item.expected.readbacks.size(); ++i) {
    const std::uint64_t at = item.expected.readbacks[i].value;
    const Piece* piece = item.piece_at(at);
    std::uint64_t lo = piece != nullptr ? piece->lo : at;
    if (item.descriptor.opcode == abi::kOpCacheFlush) lo = item.descriptor.destination.value;
    const auto bit = static_cast<std::uint8_t>(1u << i);
    if (address >= (lo & ~std::uint64_t{3}) && address <= at && (skip & bit) == 0) return bit;
  }
  return 0;
}

}  // namespace

bool Scoreboard::write(PasidState& space, const Tlp& t, std::uint64_t cycle) {
  const std::uint64_t lo = t.first_byte();
  if (t.byte_span() == 0) return true;  // no byte enabled: no effect
  WorkItem* last = space.last_write;
  if (last != nullptr && !last->contended && last->piece_at(lo) != nullptr) {
    write_data(*last, t, cycle);
    return true;
  }
  const RangeIndex::Entry* best = nullptr;
  RangeIndex::Entry found{};
  space.writes.containing(lo, [&](const RangeIndex::Entry& e) {
    const bool record_like = t.payload_bytes == 32 && lo == e.lo;
    const bool better =
        best == nullptr || (e.kind == RangeKind::kRecord && record_like && !e.item->record_seen) ||
        (e.kind == found.kind && e.item->number < found.item->number && !e.item->record_seen);
    if (better) {
      found = e;
      best = &found;
    }
    return !e.item->contended;
  });
  if (best == nullptr) return false;
  if (found.kind == RangeKind::kRecord) {
    write_record(*found.item, t, cycle);
  } else {
    space.last_write = found.item;
    write_data(*found.item, t, cycle);
  }
  return true;
}

void Scoreboard::judge_privilege(const WorkItem& item, const Tlp& t, std::uint64_t cycle) {
  if (!bench_.function.pasid_privileged || !t.prefix.present) return;
  if (bench_.report.holds(Rule::kSiovD08, t.prefix.privileged == item.expected.privileged)) return;
  fail(Rule::kSiovD08, context(item, &t, cycle),
       fmt::format("PMR {}, the work is {}", t.prefix.privileged,
                   item.expected.privileged ? "privileged" : "not privileged"));
}

void Scoreboard::write_data(WorkItem& item, const Tlp& t, std::uint64_t cycle) {
  judge_privilege(item, t, cycle);
  progress(item, cycle, !item.contended);
  const std::uint64_t lo = t.first_byte(), hi = lo + t.byte_span();
  const Piece* piece = item.piece_at(lo);
  std::uint64_t end = piece != nullptr ? piece->hi : lo;
  while (end < hi) {  // pieces that touch may share a TLP
    const Piece* more = item.piece_at(end);
    if (more == nullptr) break;
    end = more->hi;
  }
  if (!bench_.report.holds(Rule::kPcie22, hi <= end)) {
    fail(Rule::kPcie22, context(item, &t, cycle),
         fmt::format("write of {:#x}..{:#x} runs over the destination's end {:#x}", lo, hi, end));
    return;
  }
  if (scattered(t)) {
    for (std::uint64_t at = lo; at < hi; ++at) {
      if (byte_enabled(t, payload_offset(t, at))) data_run(item, t, at, at + 1, cycle);
    }
  } else {
    data_run(item, t, lo, hi, cycle);
  }
  if (item.data.empty()) advance(item, cycle);
}

void Scoreboard::data_run(WorkItem& item, const Tlp& t, std::uint64_t lo, std::uint64_t hi,
                          std::uint64_t cycle) {
  Report& report = bench_.report;
  bench_.stats.bytes += hi - lo;
  const bool fresh = item.data.take(lo, hi);
  if (!item.contended && !item.open && !report.holds(Rule::kSbCover, fresh)) {
    fail(Rule::kSbCover, context(item, &t, cycle),
         fmt::format("bytes {:#x}..{:#x} are written a second time", lo, hi));
    return;
  }
  if (item.record_seen && !item.contended && !item.data_after_record) {
    item.data_after_record = true;
    fail(Rule::kOrderDataCr, context(item, &t, cycle), "data behind the completion record");
  }
  if (item.racy || item.contended) return;
  while (lo < hi) {
    const Piece* piece = item.piece_at(lo);
    if (piece == nullptr) return;  // reported by the caller
    const std::uint64_t end = std::min(hi, piece->hi);
    if (piece->data != nullptr) compare_data(item, *piece, t, lo, end, cycle);
    lo = end;
  }
}

void Scoreboard::compare_data(WorkItem& item, const Piece& piece, const Tlp& t, std::uint64_t lo,
                              std::uint64_t hi, std::uint64_t cycle) {
  const std::byte* seen = t.payload.data() + payload_offset(t, lo);
  const std::byte* expected = piece.data + (lo - piece.lo);
  const bool same = !t.ep && std::memcmp(seen, expected, hi - lo) == 0;
  if (bench_.report.holds(Rule::kSbData, same)) return;
  if (t.ep) {
    fail(Rule::kSbData, context(item, &t, cycle), "data write is poisoned");
    return;
  }
  const auto at =
      static_cast<std::uint64_t>(std::mismatch(seen, seen + (hi - lo), expected).first - seen);
  fail(Rule::kSbData, context(item, &t, cycle),
       fmt::format("byte at {:#x} (offset {:#x} of the destination) is {:02x}, expected {:02x}",
                   lo + at, lo + at - piece.lo, std::to_integer<unsigned>(seen[at]),
                   std::to_integer<unsigned>(expected[at])));
}

/// Of work that shares its sources the oldest that has not asked for these bytes.
WorkItem* Scoreboard::source_owner(PasidState& space, std::uint64_t lo, std::uint64_t hi,
                                   std::size_t& which) {
  WorkItem* item = nullptr;
  bool fresh = false;
  space.reads.containing(lo, [&](const RangeIndex::Entry& e) {
    if (hi > e.hi) return false;
    const std::size_t source = e.kind == RangeKind::kSource0 ? 0 : 1;
    const bool wanted = e.item->sources[source].contains(lo, hi);
    const bool better =
        item == nullptr || (wanted && !fresh) || (wanted == fresh && e.item->number < item->number);
    if (!better) return false;
    item = e.item;
    which = source;
    fresh = wanted;
    return !item->shared_reads;
  });
  return item;
}

bool Scoreboard::read(PasidState& space, const Tlp& t, Request* request, std::uint64_t cycle) {
  const std::uint64_t lo = t.first_byte(), hi = lo + t.byte_span();
  if (hi == lo) {
    readback(space, t, request, cycle);
    return true;  // any other zero-length read is a flush
  }
  WorkItem* item = space.last_read;
  std::size_t which = 0;
  const auto inside = [&](const WorkItem& w, std::size_t i) {
    return lo >= w.source_lo[i] && hi <= w.source_hi[i];
  };
  if (item != nullptr && !item->shared_reads && (inside(*item, 0) || inside(*item, 1))) {
    which = inside(*item, 0) ? 0 : 1;
  } else {
    item = source_owner(space, lo, hi, which);
    if (item == nullptr) return false;
    space.last_read = item;
  }
  request_source(*item, which, t, cycle);
  if (request != nullptr) {
    request->item = item;
    request->item_number = item->number;
    request->list = item->batch != nullptr;
  }
  return true;
}

void Scoreboard::request_source(WorkItem& item, std::size_t which, const Tlp& t,
                                std::uint64_t cycle) {
  judge_privilege(item, t, cycle);
  progress(item, cycle, !item.shared_reads);
  const std::uint64_t lo = t.first_byte(), hi = lo + t.byte_span();
  bench_.stats.bytes_read += hi - lo;
  const bool fresh = item.sources[which].take(lo, hi);
  const bool list = item.batch != nullptr;
  const Rule rule = list ? Rule::kBatchFetch : Rule::kSbReads;
  if (item.shared_reads || bench_.report.holds(rule, fresh)) return;
  fail(rule, context(item, &t, cycle),
       list ? fmt::format("members {} to {} are fetched a second time",
                          (lo - item.source_lo[0]) / Batch::kSlotBytes,
                          (hi - 1 - item.source_lo[0]) / Batch::kSlotBytes)
            : fmt::format("source bytes {:#x}..{:#x} are requested a second time", lo, hi));
}

void Scoreboard::readback(PasidState& space, const Tlp& t, Request* request, std::uint64_t cycle) {
  WorkItem* owner = nullptr;
  std::uint8_t bit = 0;
  for (WorkItem* item : active_) {
    if (item->space != &space || item->readbacks_done() || item->record_seen) continue;
    const std::uint8_t found = readback_bit(*item, t.address, item->readbacks_asked);
    if (found == 0 || (owner != nullptr && owner->number < item->number)) continue;
    owner = item;
    bit = found;
  }
  if (owner == nullptr) return;
  judge_privilege(*owner, t, cycle);
  progress(*owner, cycle);
  owner->readbacks_asked = static_cast<std::uint8_t>(owner->readbacks_asked | bit);
  if (!bench_.report.holds(Rule::kSbReadback, owner->data_done())) {
    fail(Rule::kSbReadback, context(*owner, &t, cycle),
         fmt::format("readback although destination byte {:#x} has not been written",
                     owner->data.first()));
  }
  if (request == nullptr) return;
  request->item = owner;
  request->item_number = owner->number;
}

void Scoreboard::read_data(const Request& request, const Tlp& t, std::uint32_t offset,
                           std::uint64_t cycle) {
  WorkItem* item = request.item;
  if (!item->active || item->number != request.item_number) return;
  if (request.span == 0) {
    item->readbacks_answered = static_cast<std::uint8_t>(
        item->readbacks_answered | readback_bit(*item, request.address, item->readbacks_answered));
    if (!item->record_due) advance(*item, cycle);
    return;
  }
  const std::uint64_t first = request.start + offset;
  const std::size_t lead = first & 3;
  if (lead >= t.payload_bytes) return;
  const std::size_t bytes = std::min<std::size_t>(t.payload_bytes - lead, request.span - offset);
  list_data(*item, first - item->source_lo[0], t.data().subspan(lead, bytes), cycle);
}

void Scoreboard::read_failed(const ReadRef& read, std::uint64_t cycle) {
  WorkItem* item = read.item;
  if (item == nullptr || !item->active || item->number != read.number) return;
  const auto note = [this](WorkItem& w) {
    if (!w.has_record_address()) w.silent_end = true;
    w.log_maybe = !w.has_record_address() && bench_.registers.log().on;
  };
  if (read.bytes == 0) {
    item->readback_failed = true;
    note(*item);
    software_errors_.set(abi::kStWriteError);
    software_errors_.set(abi::kStReadbackFault);
  } else if (item->batch != nullptr) {
    list_failed(*item, read, cycle);
  } else if (!item->shared_reads) {
    item->read_failed = true;
    for (std::size_t i = 0; i < 2; ++i) {
      if (read.next >= item->source_lo[i] && read.next < item->source_hi[i])
        item->failed_from = std::min(item->failed_from, read.next - item->source_lo[i]);
    }
    note(*item);
  } else {
    item->space->reads.overlapping(read.address, read.address + read.bytes,
                                   [&](const RangeIndex::Entry& e) {
                                     if (e.item->batch != nullptr) return false;
                                     e.item->read_maybe_failed = true;
                                     note(*e.item);
                                     return false;
                                   });
  }
  if (read.bytes != 0 && !bench_.registers.log().on) software_errors_.set(abi::kStReadError);
  if (item->silent_end && item->parent != nullptr) member_over(*item, cycle);
}

}  // namespace siov::check
