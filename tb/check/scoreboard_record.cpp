// SPDX-License-Identifier: Apache-2.0
// Scoreboard: completion records, and what must have happened before them. dsa.md 5.3, 5.4.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "abi/little_endian.hpp"
#include "check/scoreboard.hpp"

namespace siov::check {

using pcie::Tlp;

namespace {

std::uint8_t status_of(const Tlp& t) { return std::to_integer<std::uint8_t>(t.payload[0]); }

std::uint32_t count_of(const Tlp& t) {
  return static_cast<std::uint32_t>(abi::load_le(std::span(t.payload).subspan(4), 4));
}

bool success(std::uint8_t status) {
  return status == abi::kStSuccess || status == abi::kStSuccessPredicate;
}

/// How work may end that passed its checks.
bool possible_end(const WorkItem& item, std::uint8_t status) {
  if (success(status) || status == item.expected.status) return true;
  switch (item.descriptor.opcode) {
    case abi::kOpApplyDelta:
      return status == abi::kStDeltaNotIncreasing || status == abi::kStDeltaOutOfRange;
    case abi::kOpDifCheck:
    case abi::kOpDifStrip:
    case abi::kOpDifUpdate:
      return status == abi::kStDifError;
    default:
      return false;
  }
}

}  // namespace

bool Scoreboard::record_shape(WorkItem& item, const Tlp& t, std::uint64_t cycle) {
  const std::uint64_t record = item.descriptor.completion_address.value;
  const bool shape =
      t.address == record && t.payload_bytes == 32 && t.first_be == 0xF && t.last_be == 0xF;
  if (!bench_.report.holds(Rule::kCrShape, shape)) {
    fail(Rule::kCrShape, context(item, &t, cycle),
         fmt::format("{} bytes at {:#x}; the record is 32 bytes at {:#x}", t.byte_span(),
                     t.first_byte(), record));
  }
  return shape;
}

void Scoreboard::write_record(WorkItem& item, const Tlp& t, std::uint64_t cycle) {
  Report& report = bench_.report;
  judge_privilege(item, t, cycle);
  progress(item, cycle);
  const Context at = context(item, &t, cycle);
  const bool shape = record_shape(item, t, cycle);
  if (t.address != item.descriptor.completion_address.value) return;
  if (!report.holds(Rule::kCrOnce, !item.record_seen)) {
    fail(Rule::kCrOnce, at, "second completion record");
    return;
  }
  if (item.batch != nullptr && shape) close_batch(item, t, cycle);
  const bool batch_unsure = item.batch != nullptr && item.batch->uncertain();
  const bool allowed = item.record_due || item.failed() || item.read_maybe_failed ||
                       item.fault_maybe || item.open || batch_unsure ||
                       item.expected.status == abi::kStReadError;
  if (!report.holds(Rule::kCrUndue, allowed && !item.expected.log_record)) {
    fail(Rule::kCrUndue, at,
         item.expected.log_record ? "the record belongs in the event log"
                                  : "no completion record is due: RCR is 0 and the work succeeds");
    return;
  }
  ++bench_.stats.records;
  if (shape) judge_record(item, t, cycle);
  // A relaxed write may pass the data before it. @spec pcie.md 7
  const bool may_pass = t.ro && (!item.expected.writes.empty() || item.batch != nullptr);
  if (!report.holds(Rule::kOrderDataCr, !may_pass))
    fail(Rule::kOrderDataCr, at, "record with relaxed ordering: it may pass its data");
  // A drain that was refused waits for nobody.
  if (item.descriptor.opcode == abi::kOpDrain && item.expected.status == abi::kStSuccess)
    judge_drain(item, &t, cycle);
  item.record_seen = true;
  item.seen_status = status_of(t);
  item.record_cycle = cycle;
  advance(item, cycle);
}

void Scoreboard::judge_record(WorkItem& item, const Tlp& t, std::uint64_t cycle) {
  if (item.batch != nullptr) {
    judge_batch_record(item, t, cycle);
    return;
  }
  if (judge_fault(item, t, cycle) || judge_failure(item, t, cycle)) return;
  const std::uint8_t status = status_of(t);
  if (item.open) {
    if (!bench_.report.holds(Rule::kCrBytes, possible_end(item, status))) {
      fail(Rule::kCrBytes, context(item, &t, cycle),
           fmt::format("status {:#04x} of this operation", status));
    }
  } else {
    judge_bytes(item, t, cycle);
  }
  if (!success(status)) return;
  judge_sources(item, t, cycle);
  judge_readbacks(item, t, cycle);
}

/// Work of which the link has shown a failed read. @return whether there is nothing more to judge
bool Scoreboard::judge_failure(WorkItem& item, const Tlp& t, std::uint64_t cycle) {
  const std::uint8_t status = status_of(t);
  if (item.readback_failed) {
    const std::uint8_t due =
        item.descriptor.opcode == abi::kOpDrain ? abi::kStReadbackFault : abi::kStWriteError;
    if (!bench_.report.holds(Rule::kSbReadback, status == due || item.read_failed)) {
      fail(Rule::kSbReadback, context(item, &t, cycle),
           fmt::format("status {:#04x} although a readback of this work failed; expected {:#04x}",
                       status, due));
    }
    return true;
  }
  if (!item.read_failed && !item.read_maybe_failed) return false;
  const bool failed = status == abi::kStReadError;
  // A compare ends at the first difference: what it had asked for behind it does not count.
  // @spec dsa.md 5.6 (05, 06)
  const std::uint8_t op = item.descriptor.opcode;
  const bool compares = op == abi::kOpCompare || op == abi::kOpComparePattern;
  if (compares && success(status) && t.payload[1] == std::byte{1} && count_of(t) < item.failed_from)
    return false;
  if (!bench_.report.holds(Rule::kPcie45, failed || !item.read_failed)) {
    fail(Rule::kPcie45, context(item, &t, cycle),
         fmt::format("status {:#04x} although a read of this work failed; expected {:#04x}", status,
                     abi::kStReadError));
  }
  return failed || item.read_failed;
}

void Scoreboard::judge_bytes(WorkItem& item, const Tlp& t, std::uint64_t cycle) {
  std::array<std::byte, 32> expected = item.expected.record;
  // Of a compare with pattern any offset not beyond the difference will do. @spec dsa.md 5.6 (06)
  if (item.descriptor.opcode == abi::kOpComparePattern && expected[1] == std::byte{1} &&
      count_of(t) <= abi::load_le(std::span(expected).subspan(4), 4))
    std::copy_n(t.payload.begin() + 4, 4, expected.begin() + 4);
  // The unused fields of a failed access are undefined; its status is not. @spec dsa.md 5.4
  const std::uint8_t status = item.expected.status;
  const bool access = status == abi::kStReadError || status == abi::kStWriteError ||
                      status == abi::kStReadbackFault;
  const std::size_t judged = access ? 1 : expected.size();
  const bool same = std::memcmp(t.payload.data(), expected.data(), judged) == 0;
  if (bench_.report.holds(Rule::kCrBytes, same)) return;
  const auto where = static_cast<std::size_t>(
      std::mismatch(expected.begin(), expected.end(), t.payload.begin()).first - expected.begin());
  fail(Rule::kCrBytes, context(item, &t, cycle),
       fmt::format("record byte {} is {:02x}, expected {:02x} (expected status {:#04x})", where,
                   std::to_integer<unsigned>(t.payload[where]),
                   std::to_integer<unsigned>(expected[where]), status));
}

void Scoreboard::judge_sources(WorkItem& item, const Tlp& t, std::uint64_t cycle) {
  if (item.shared_reads) return;
  bench_.report.check(Rule::kSbReads);
  // A compare may stop at the first difference, a delta when its record is full.
  // @spec dsa.md 5.6 (05, 06, 07)
  const std::uint8_t op = item.descriptor.opcode;
  const unsigned result = std::to_integer<unsigned>(t.payload[1]);
  std::uint64_t needed = ~std::uint64_t{0};
  if ((op == abi::kOpCompare || op == abi::kOpComparePattern) && result != 0)
    needed = std::uint64_t{count_of(t)} + 1;
  if (op == abi::kOpCreateDelta && result == 2) needed = count_of(t);
  for (std::size_t i = 0; i < 2; ++i) {
    if (item.sources[i].empty() || item.sources[i].first() - item.source_lo[i] >= needed) continue;
    fail(Rule::kSbReads, context(item, &t, cycle),
         fmt::format("source byte {:#x} was never requested", item.sources[i].first()));
    return;
  }
}

void Scoreboard::judge_readbacks(WorkItem& item, const Tlp& t, std::uint64_t cycle) {
  if (item.expected.readbacks.empty()) return;
  if (bench_.report.holds(Rule::kSbReadback, item.readbacks_done())) return;
  const bool asked = item.readbacks_asked == (1u << item.expected.readbacks.size()) - 1;
  fail(Rule::kSbReadback, context(item, &t, cycle),
       asked ? "completion record before the readback was answered"
             : "completion record without the readback that the work asks for");
  item.readbacks_answered = static_cast<std::uint8_t>((1u << item.expected.readbacks.size()) - 1);
}

void Scoreboard::judge_drain(WorkItem& drain, const Tlp* t, std::uint64_t cycle) {
  bench_.report.check(Rule::kSiovD44);
  for (const WorkItem* item : active_) {
    if (item->wq != drain.wq || item->order >= drain.order || item->silent_end ||
        item->ready_masked)
      continue;
    if (!drain.dedicated && item->space != drain.space) continue;
    fail(Rule::kSiovD44, context(drain, t, cycle),
         fmt::format("drain ends while descriptor {}, accepted before it, is not finished",
                     item->order));
    return;
  }
}

}  // namespace siov::check
