// SPDX-License-Identifier: Apache-2.0
// Scoreboard: reads, data writes and completion records against the work they belong to.
// dsa.md 5.3, 5.4, 5.6.
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

}  // namespace

bool Scoreboard::write(PasidState& space, const Tlp& t, std::uint64_t cycle) {
  const std::uint64_t lo = t.first_byte();
  if (t.byte_span() == 0) return true;  // no byte enabled: no effect
  WorkItem* last = space.last_write;
  if (last != nullptr && !last->contended && lo >= last->data_lo && lo < last->data_hi) {
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
  progress(item, cycle);
  const std::uint64_t lo = t.first_byte(), hi = lo + t.byte_span();
  if (!bench_.report.holds(Rule::kPcie22, hi <= item.data_hi)) {
    fail(Rule::kPcie22, context(item, &t, cycle),
         fmt::format("write of {:#x}..{:#x} runs over the destination's end {:#x}", lo, hi,
                     item.data_hi));
    return;
  }
  if (t.length_dw <= 2 &&
      (holes_in(t.first_be) || holes_in(t.last_be) || (t.length_dw == 2 && (t.first_be & 8) == 0) ||
       (t.length_dw == 2 && (t.last_be & 1) == 0))) {
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
  if (!item.contended && !report.holds(Rule::kSbCover, fresh)) {
    fail(Rule::kSbCover, context(item, &t, cycle),
         fmt::format("bytes {:#x}..{:#x} are written a second time", lo, hi));
    return;
  }
  if (item.record_seen && !item.contended && !item.data_after_record) {
    item.data_after_record = true;
    fail(Rule::kOrderDataCr, context(item, &t, cycle), "data behind the completion record");
  }
  if (item.racy || item.contended) return;
  const std::byte* seen = t.payload.data() + payload_offset(t, lo);
  const std::byte* expected = item.write()->data.data() + (lo - item.data_lo);
  const bool same = !t.ep && std::memcmp(seen, expected, hi - lo) == 0;
  if (report.holds(Rule::kSbData, same)) return;
  if (t.ep) {
    fail(Rule::kSbData, context(item, &t, cycle), "data write is poisoned");
    return;
  }
  const auto at =
      static_cast<std::uint64_t>(std::mismatch(seen, seen + (hi - lo), expected).first - seen);
  fail(Rule::kSbData, context(item, &t, cycle),
       fmt::format("byte at {:#x} (offset {:#x} of the destination) is {:02x}, expected {:02x}",
                   lo + at, lo + at - item.data_lo, std::to_integer<unsigned>(seen[at]),
                   std::to_integer<unsigned>(expected[at])));
}

void Scoreboard::write_record(WorkItem& item, const Tlp& t, std::uint64_t cycle) {
  Report& report = bench_.report;
  judge_privilege(item, t, cycle);
  progress(item, cycle);
  const Context at = context(item, &t, cycle);
  const std::uint64_t record = item.descriptor.completion_address.value;
  const bool shape =
      t.address == record && t.payload_bytes == 32 && t.first_be == 0xF && t.last_be == 0xF;
  if (!report.holds(Rule::kCrShape, shape)) {
    fail(Rule::kCrShape, at,
         fmt::format("{} bytes at {:#x}; the record is 32 bytes at {:#x}", t.byte_span(),
                     t.first_byte(), record));
    if (t.address != record) return;
  }
  if (!report.holds(Rule::kCrOnce, !item.record_seen)) {
    fail(Rule::kCrOnce, at, "second completion record");
    return;
  }
  const bool allowed =
      item.record_due || item.read_failed || item.read_maybe_failed || item.write_optional();
  if (!report.holds(Rule::kCrUndue, allowed)) {
    fail(Rule::kCrUndue, at, "no completion record is due: RCR is 0 and the work succeeds");
    return;
  }
  ++bench_.stats.records;
  if (shape) judge_record(item, t, cycle);
  // A relaxed write may pass the data before it. @spec pcie.md 7
  const bool may_pass = t.ro && !item.expected.writes.empty();
  if (!report.holds(Rule::kOrderDataCr, !may_pass))
    fail(Rule::kOrderDataCr, at, "record with relaxed ordering: it may pass its data");
  if (item.descriptor.opcode == abi::kOpDrain) judge_drain(item, t, cycle);
  item.record_seen = true;
  item.record_cycle = cycle;
  advance(item, cycle);
}

void Scoreboard::judge_record(WorkItem& item, const Tlp& t, std::uint64_t cycle) {
  Report& report = bench_.report;
  const Context at = context(item, &t, cycle);
  const auto status = std::to_integer<std::uint8_t>(t.payload[0]);
  const bool failed = status == abi::kStReadError;
  if (item.read_failed || item.read_maybe_failed) {
    const bool ok = failed || !item.read_failed;
    if (!report.holds(Rule::kPcie45, ok)) {
      fail(Rule::kPcie45, at,
           fmt::format("status {:#04x} although a read of this work failed; expected {:#04x}",
                       status, abi::kStReadError));
    }
    if (failed || item.read_failed) return;
  }
  const bool open = item.racy && item.descriptor.opcode == abi::kOpCompare;
  if (open) {
    report.check(Rule::kCrBytes);
    if (status != abi::kStSuccess && status != abi::kStSuccessPredicate)
      fail(Rule::kCrBytes, at, fmt::format("status {:#04x} of a compare", status));
    return;
  }
  // The unused fields of a failed read are undefined; its status is not. @spec dsa.md 5.4
  const std::size_t judged =
      item.expected.status == abi::kStReadError ? 1 : item.expected.record.size();
  const bool same = std::memcmp(t.payload.data(), item.expected.record.data(), judged) == 0;
  if (!report.holds(Rule::kCrBytes, same)) {
    const auto where = static_cast<std::size_t>(
        std::mismatch(item.expected.record.begin(), item.expected.record.end(), t.payload.begin())
            .first -
        item.expected.record.begin());
    fail(Rule::kCrBytes, at,
         fmt::format("record byte {} is {:02x}, expected {:02x} (expected status {:#04x})", where,
                     std::to_integer<unsigned>(t.payload[where]),
                     std::to_integer<unsigned>(item.expected.record[where]), item.expected.status));
  }
  judge_sources(item, t, cycle);
}

void Scoreboard::judge_sources(WorkItem& item, const Tlp& t, std::uint64_t cycle) {
  const auto status = std::to_integer<std::uint8_t>(t.payload[0]);
  if (item.shared_reads || item.write_optional()) return;
  if (status != abi::kStSuccess && status != abi::kStSuccessPredicate) return;
  bench_.report.check(Rule::kSbReads);
  // A compare may stop at the first difference. @spec dsa.md 5.6 (05)
  std::uint64_t needed = ~std::uint64_t{0};
  if (item.descriptor.opcode == abi::kOpCompare && t.payload[1] != std::byte{0}) {
    needed = 0;
    for (unsigned i = 0; i < 4; ++i)
      needed |= std::to_integer<std::uint64_t>(t.payload[4 + i]) << (8 * i);
    ++needed;
  }
  for (std::size_t i = 0; i < 2; ++i) {
    if (item.sources[i].empty() || item.sources[i].first() - item.source_lo[i] >= needed) continue;
    fail(Rule::kSbReads, context(item, &t, cycle),
         fmt::format("source byte {:#x} was never requested", item.sources[i].first()));
    return;
  }
}

void Scoreboard::judge_drain(WorkItem& drain, const Tlp& t, std::uint64_t cycle) {
  bench_.report.check(Rule::kSiovD44);
  for (const WorkItem* item : active_) {
    if (item->wq != drain.wq || item->number >= drain.number || item->silent_end ||
        item->ready_masked)
      continue;
    if (!drain.dedicated && item->space != drain.space) continue;
    fail(Rule::kSiovD44, context(drain, &t, cycle),
         fmt::format("drain ends while descriptor {}, accepted before it, is not finished",
                     item->number));
    return;
  }
}

bool Scoreboard::read(PasidState& space, const Tlp& t, Request* request, std::uint64_t cycle) {
  const std::uint64_t lo = t.first_byte(), hi = lo + t.byte_span();
  if (hi == lo) return true;  // zero-length read: a flush
  WorkItem* item = space.last_read;
  std::size_t which = 0;
  const auto inside = [&](const WorkItem& w, std::size_t i) {
    return lo >= w.source_lo[i] && hi <= w.source_hi[i];
  };
  if (item != nullptr && !item->shared_reads && (inside(*item, 0) || inside(*item, 1))) {
    which = inside(*item, 0) ? 0 : 1;
  } else {
    item = nullptr;
    space.reads.containing(lo, [&](const RangeIndex::Entry& e) {
      if (hi > e.hi) return false;
      if (item != nullptr && e.item->number > item->number) return false;
      item = e.item;
      which = e.kind == RangeKind::kSource0 ? 0 : 1;
      return !item->shared_reads;
    });
    if (item == nullptr) return false;
    space.last_read = item;
  }
  judge_privilege(*item, t, cycle);
  progress(*item, cycle);
  bench_.stats.bytes_read += hi - lo;
  const bool fresh = item->sources[which].take(lo, hi);
  if (!item->shared_reads && !bench_.report.holds(Rule::kSbReads, fresh)) {
    fail(Rule::kSbReads, context(*item, &t, cycle),
         fmt::format("source bytes {:#x}..{:#x} are requested a second time", lo, hi));
  }
  if (request != nullptr) {
    request->item = item;
    request->item_number = item->number;
  }
  return true;
}

void Scoreboard::read_failed(const ReadRef& read) {
  WorkItem* item = read.item;
  if (item == nullptr || !item->active || item->number != read.number) return;
  if (!item->shared_reads) {
    item->read_failed = true;
    if (!item->has_record_address()) item->silent_end = true;
    software_errors_.set(abi::kStReadError);
    return;
  }
  item->space->reads.overlapping(read.address, read.address + read.bytes,
                                 [&](const RangeIndex::Entry& e) {
                                   e.item->read_maybe_failed = true;
                                   if (!e.item->has_record_address()) e.item->silent_end = true;
                                   return false;
                                 });
  software_errors_.set(abi::kStReadError);
}

}  // namespace siov::check
