// SPDX-License-Identifier: Apache-2.0
// Scoreboard: what never came. Watchdogs, drains, the end of the test.
#include <fmt/format.h>

#include <algorithm>

#include "check/scoreboard.hpp"

namespace siov::check {

void Scoreboard::settle_one(WorkItem& item, bool aborted, std::uint64_t cycle) {
  if (item.parent != nullptr && item.parent->active) {  // its batch stands for it
    settle_one(*item.parent, aborted, cycle);
    return;
  }
  const bool only_masked = item.ready && item.ready_masked && !item.interrupt_seen;
  bench_.report.check(Rule::kSiovD44);
  if (!aborted && !item.silent_end && !only_masked && !item.reported) {
    const WorkItem* member = item.batch != nullptr ? unfinished_member(item) : nullptr;
    if (member == nullptr) {
      judge_missing(item, cycle, Rule::kSiovD44);
    } else if (!member->reported) {
      judge_missing(*member, cycle, Rule::kSiovD44);
    }
  }
  ++bench_.stats.abandoned;
  retire(item);
}

void Scoreboard::judge_missing(const WorkItem& item, std::uint64_t cycle, Rule otherwise) {
  const Context at = context(item, nullptr, cycle);
  const bool data_missing = !item.data.empty() && !item.contended && !item.data_optional();
  const bool data_begun = data_missing && item.touched && item.data.first() != item.data_lo;
  const bool record_done = item.record_seen || !item.record_due;
  if (data_missing && (item.record_seen || (data_begun && !item.record_due))) {
    fail(Rule::kSbCover, at,
         fmt::format("destination byte {:#x} was never written", item.data.first()));
  } else if (item.touched && item.data_done() && !item.readbacks_done() && record_done) {
    fail(Rule::kSbReadback, at, "the readback that the work asks for was never made");
  } else if (item.ready && !item.interrupt_seen) {
    const bool unmasked_since = item.ready_masked || item.entry->pending_on_unmask;
    fail(unmasked_since ? Rule::kPcie60 : Rule::kIrqMissing, at,
         fmt::format("no message of {} entry {}", item.entry->ims ? "IMS" : "MSI-X",
                     item.entry->index));
  } else if (record_done && item.data_done() && !item.log_done()) {
    fail(Rule::kEvlMissing, at,
         fmt::format("no entry of the event log for status {:#04x}", item.expected.status));
  } else if (item.only_record_missing()) {
    fail(Rule::kCrMissing, at,
         fmt::format("no completion record at {:#x}", item.descriptor.completion_address.value));
  } else {
    fail(otherwise, at,
         fmt::format("accepted at {} ns and not finished",
                     item.accepted_cycle * bench_.config.period / 1000));
  }
}

void Scoreboard::record_missing(WorkItem& item, const Context& at) {
  fail(Rule::kCrMissing, at,
       fmt::format("interrupt, but no completion record at {:#x}",
                   item.descriptor.completion_address.value));
  retire(item);
}

void Scoreboard::close_overwritten(const WorkItem& item, std::uint64_t cycle) {
  std::vector<WorkItem*> stale;
  const auto collect = [&](std::uint64_t lo, std::uint64_t hi) {
    item.space->writes.overlapping(lo, hi, [&](const RangeIndex::Entry& e) {
      const WorkItem& old = *e.item;
      const bool data_missing = old.record_seen && !old.data_done();
      if (data_missing) stale.push_back(e.item);
      return false;
    });
  };
  for (std::size_t i = 0; i < 2; ++i) collect(item.source_lo[i], item.source_hi[i]);
  for (const Piece& p : item.destinations()) collect(p.lo, p.hi);
  const std::uint64_t record = item.descriptor.completion_address.value;
  if (item.has_record_address()) collect(record, record + 32);
  for (WorkItem* old : stale) {
    if (!old->active) continue;
    judge_missing(*old, cycle, Rule::kSbCover);
    retire(*old);
  }
}

bool Scoreboard::late(const WorkItem& item, std::uint64_t cycle) const {
  const Config& config = bench_.config;
  if (item.ready && !item.interrupt_seen) {
    const bool held =
        item.entry->masked || (!item.entry->ims && !bench_.function.msix_deliverable());
    const std::uint64_t since = std::max(item.ready_cycle, item.entry->unmasked_cycle);
    // It may still wait for pages of work before it.
    const std::uint64_t limit =
        item.only_signals() ? config.no_progress_cycles : config.late_data_cycles;
    return !held && cycle > since + limit;
  }
  if (item.record_seen) return cycle > item.record_cycle + config.late_data_cycles;
  return cycle > item.progress_cycle + config.no_progress_cycles &&
         cycle > item.space->progress_cycle + config.no_progress_cycles;
}

void Scoreboard::scan(std::uint64_t cycle) {
  start_due(cycle);
  const std::vector<WorkItem*> list = active_;
  for (WorkItem* item : list) {
    if (!item->active || item->silent_end || item->reported) continue;
    if (item->batch != nullptr && unfinished_member(*item) != nullptr) continue;
    bench_.report.check(Rule::kPcie56);
    if (!late(*item, cycle)) continue;
    judge_missing(*item, cycle, Rule::kPcie56);
    item->reported = true;
    if (item->parent != nullptr) item->parent->reported = true;
    if (item->record_seen || item->ready) retire(*item);
  }
}

void Scoreboard::end_of_test(std::uint64_t cycle) {
  const std::vector<WorkItem*> list = active_;
  bench_.report.check(Rule::kIdleDesc);
  for (WorkItem* item : list) {
    if (!item->active || item->parent != nullptr) continue;  // a batch stands for its members
    const bool held = item->ready && !item->interrupt_seen && item->entry->masked;
    const WorkItem* member = item->batch != nullptr ? unfinished_member(*item) : nullptr;
    if (member == nullptr) member = item;
    if (!item->silent_end && !held && !item->reported && !member->reported)
      judge_missing(*member, cycle, Rule::kIdleDesc);
    ++bench_.stats.abandoned;
    retire(*item);
  }
}

}  // namespace siov::check
