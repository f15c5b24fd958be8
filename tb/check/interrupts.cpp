// SPDX-License-Identifier: Apache-2.0
// Interrupts: which entry a message belongs to, whether it may come now, which event it signals.
#include "check/interrupts.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace siov::check {

using pcie::Tlp;

namespace {

std::uint32_t message_data(const Tlp& t) {
  std::uint32_t data = 0;
  for (unsigned i = 0; i < 4; ++i) data |= std::to_integer<std::uint32_t>(t.payload[i]) << (8 * i);
  return data;
}

const char* table_name(const InterruptEntry& e) { return e.ims ? "IMS" : "MSI-X"; }

}  // namespace

InterruptEntry* Interrupts::find_entry(const Tlp& t) {
  InterruptEntry* best = nullptr;
  const auto rank = [](const InterruptEntry& e) {
    return !e.ready.empty() ? 3 : e.waiting != 0 ? 2 : e.masked ? 0 : 1;
  };
  bench_.registers.entries_with(t.address, message_data(t), [&](InterruptEntry& e) {
    const bool now = e.address == t.address && e.data == message_data(t);
    const bool before = e.old_address == t.address && e.old_data == message_data(t);
    if (now || before) {
      if (best == nullptr || rank(e) > rank(*best)) best = &e;
    }
    return false;
  });
  return best;
}

bool Interrupts::matches_entry(const Tlp& t) {
  return t.payload_bytes == 4 && find_entry(t) != nullptr;
}

void Interrupts::on_message(const Tlp& t, std::uint64_t cycle) {
  Report& report = bench_.report;
  const Context at = bench_.context(t, cycle);
  ++bench_.stats.interrupts;
  report.check(Rule::kSiovD28);
  InterruptEntry* entry = t.payload_bytes == 4 ? find_entry(t) : nullptr;
  if (entry == nullptr && descriptor_writes(t.first_byte())) {
    report.violation(Rule::kSiovD28, at,
                     "DMA of a descriptor into the interrupt window without its PASID");
    return;
  }
  if (!report.holds(Rule::kSiovD27, t.length_dw == 1)) {
    report.violation(Rule::kSiovD27, at,
                     fmt::format("{} DW into the interrupt window", t.length_dw));
    return;
  }
  if (entry == nullptr) {
    report.check(Rule::kPcie57);
    report.violation(
        Rule::kPcie57, at,
        fmt::format("no entry has address {:#x} and data {:#010x}", t.address, message_data(t)));
    return;
  }
  const bool current = entry->address == t.address && entry->data == message_data(t);
  const bool young = cycle <= entry->changed_cycle + bench_.config.grace_cycles;
  if (!report.holds(Rule::kPcie57, (current || young) && t.first_be == 0xF && t.last_be == 0)) {
    report.violation(Rule::kPcie57, at,
                     current
                         ? fmt::format("byte enables {:#x}/{:#x}", t.first_be, t.last_be)
                         : fmt::format("{} entry {} was changed {} cycles ago", table_name(*entry),
                                       entry->index, cycle - entry->changed_cycle));
  }
  const std::uint64_t grace = bench_.config.grace_cycles;
  const bool entry_ok =
      !entry->masked || (entry->unmasked_cycle != 0 && cycle <= entry->masked_cycle + grace);
  const bool table_ok =
      entry->ims || (bench_.function.msix && !bench_.function.msix_function_mask) ||
      (bench_.function.msix_off_cycle != 0 && cycle <= bench_.function.msix_off_cycle + grace);
  if (!report.holds(Rule::kPcie58, entry_ok && table_ok)) {
    report.violation(Rule::kPcie58, at,
                     fmt::format("{} entry {} is {}", table_name(*entry), entry->index,
                                 entry_ok ? "disabled by the function" : "masked"));
  }
  deliver(*entry, t, cycle);
}

bool Interrupts::descriptor_writes(std::uint64_t address) const {
  for (const PasidState* space : bench_.pasids.all()) {
    if (space->writes.containing(address, [](const RangeIndex::Entry&) { return true; }))
      return true;
  }
  return false;
}

void Interrupts::deliver(InterruptEntry& entry, const Tlp& t, std::uint64_t cycle) {
  Report& report = bench_.report;
  report.check(Rule::kOrderCrIrq);
  report.check(Rule::kPcie62);
  entry.pending_on_unmask = false;
  if (!entry.ready.empty()) {
    // Work that has been seen to end comes first; when the rest ends is not known.
    const auto seen = std::find_if(entry.ready.begin(), entry.ready.end(),
                                   [](const WorkItem* item) { return !item->only_signals(); });
    scoreboard_.interrupt_done(seen != entry.ready.end() ? **seen : *entry.ready.front());
    // Events that met a masked entry share its one pending bit.
    while (!entry.ready.empty() && entry.ready.front()->ready_masked) {
      scoreboard_.interrupt_done(*entry.ready.front());
    }
    if (entry.ready.empty()) settle_entry(entry);  // all have got theirs: an early one was too many
    return;
  }
  if (!entry.ims && entry.index == 0) return;  // commands, errors. @spec dsa.md 2.10
  if (Queue* queue = occupancy_queue(entry, true); queue != nullptr) {
    report.check(Rule::kIrqOcc);
    queue->occupancy.generated = true;
    queue->occupancy.due = 0;
    return;
  }
  if (entry.waiting != 0) {
    if (WorkItem* item = scoreboard_.oldest_waiting(entry, true); item != nullptr) {
      scoreboard_.interrupt_done(*item);
      return;
    }
    early_.push_back({&entry, t, cycle});
    return;
  }
  no_event(entry, t, cycle);
}

void Interrupts::settle_entry(const InterruptEntry& entry) {
  for (const Early& early : early_) {
    if (early.entry == &entry) decide(early);
  }
  std::erase_if(early_, [&](const Early& early) { return early.entry == &entry; });
}

void Interrupts::settle_early(std::uint64_t cycle, bool now) {
  const auto due = [&](const Early& early) {
    return now || cycle > early.cycle + bench_.config.late_data_cycles;
  };
  for (const Early& early : early_) {
    if (due(early)) decide(early);
  }
  std::erase_if(early_, due);
}

void Interrupts::decide(const Early& early) {
  InterruptEntry& entry = *early.entry;
  if (!entry.ready.empty()) {  // its record came later, its own message never
    WorkItem& item = *entry.ready.front();
    bench_.report.violation(Rule::kOrderCrIrq, scoreboard_.context(item, &early.tlp, early.cycle),
                            "interrupt before the completion record");
    scoreboard_.interrupt_done(item);
    return;
  }
  WorkItem* item = entry.waiting != 0 ? scoreboard_.oldest_waiting(entry) : nullptr;
  const bool all_but_record =
      item != nullptr && item->only_record_missing() && item->progress_cycle <= early.cycle;
  if (all_but_record) {
    scoreboard_.record_missing(*item, scoreboard_.context(*item, &early.tlp, early.cycle));
    return;
  }
  no_event(entry, early.tlp, early.cycle);
}

/// A live queue whose occupancy interrupt uses this entry.
/// @param may_come  only if its message may come now: the occupancy may have been above the limit
/// since the last one was acknowledged
Queue* Interrupts::occupancy_queue(const InterruptEntry& entry, bool may_come) {
  for (Queue& q : bench_.registers.queues()) {
    const Occupancy& o = q.occupancy;
    if (!o.enabled || q.state == QueueState::kDisabled) continue;
    if (o.ims != entry.ims || o.handle != entry.index) continue;
    if (!may_come || (!o.generated && q.peak > o.limit)) return &q;
  }
  return nullptr;
}

void Interrupts::on_occupancy_read(std::uint32_t wq, std::uint32_t value, const Tlp& t,
                                   std::uint64_t cycle) {
  Queue& q = bench_.registers.queue(wq);
  Occupancy& o = q.occupancy;
  if (!o.enabled || !q.live()) return;
  const std::uint32_t waiting = value & 0xFFFF;
  const bool generated = (value >> 16 & 1) != 0;
  Context at = bench_.context(t, cycle);
  at.wq = wq;
  const bool fell = o.seen_above && waiting <= o.limit;
  if (!bench_.report.holds(Rule::kIrqOcc, !fell || generated)) {
    bench_.report.violation(
        Rule::kIrqOcc, at,
        fmt::format("occupancy fell to {}, the limit is {}, and no interrupt was generated",
                    waiting, o.limit));
  }
  o.seen_above = waiting > o.limit && !generated;
  if (generated && !o.generated && o.due == 0) o.due = cycle;
}

void Interrupts::scan(std::uint64_t cycle) {
  for (std::uint32_t wq = 0; wq < bench_.registers.num_queues(); ++wq) {
    Occupancy& o = bench_.registers.queue(wq).occupancy;
    if (o.due == 0 || cycle <= o.due + bench_.config.late_data_cycles) continue;
    o.due = 0;
    const InterruptEntry* entry = bench_.registers.entry(o.ims, o.handle);
    const bool table0 = entry != nullptr && !entry->ims && entry->index == 0;
    if (entry == nullptr || table0 || entry->masked || entry->ignore || o.generated ||
        (!entry->ims && !bench_.function.msix_deliverable()))
      continue;
    const Context at{.cycle = cycle, .wq = wq, .scope = &bench_.link_events};
    bench_.report.check(Rule::kIrqOcc);
    bench_.report.violation(Rule::kIrqOcc, at,
                            fmt::format("WQCFG tells of an occupancy interrupt, but {} entry {} "
                                        "sent no message",
                                        table_name(*entry), entry->index));
  }
}

void Interrupts::no_event(InterruptEntry& entry, const Tlp& t, std::uint64_t cycle) {
  const Context at = bench_.context(t, cycle);
  if (const Queue* queue = occupancy_queue(entry, false); queue != nullptr) {
    const Occupancy& o = queue->occupancy;
    bench_.report.violation(
        Rule::kIrqOcc, at,
        o.generated ? std::string("occupancy message although the last one is not acknowledged")
                    : fmt::format("occupancy message although there were never more than {} "
                                  "descriptors, the limit is {}",
                                  queue->peak, o.limit));
  } else if (entry.refused != 0) {
    bench_.report.violation(Rule::kSiovD33, at,
                            fmt::format("message of {} entry {}, whose use was refused",
                                        table_name(entry), entry.index));
  } else if (entry.satisfied != 0) {
    bench_.report.violation(
        Rule::kIrqOnce, at,
        fmt::format("message of {} entry {} without an event; the last event has been signalled",
                    table_name(entry), entry.index));
  } else {
    bench_.report.violation(
        Rule::kPcie62, at,
        fmt::format("message of {} entry {}, which no work names", table_name(entry), entry.index));
  }
}

void Interrupts::on_pending_read(const InterruptEntry& entry, bool pending, const Tlp& t,
                                 std::uint64_t cycle) {
  if (!entry.ims && entry.index == 0) return;  // device-level events are not seen on the link
  const std::uint64_t late = bench_.config.late_data_cycles;
  const bool event = !entry.ready.empty() || entry.waiting != 0;
  const bool held = entry.masked || (!entry.ims && !bench_.function.msix_deliverable());
  bool ok = true;
  if (pending) {
    ok = event && (held || cycle <= entry.unmasked_cycle + late);
  } else if (held && !entry.ready.empty()) {
    ok = cycle <= entry.ready.front()->ready_cycle + late;
  }
  if (bench_.report.holds(Rule::kPcie59, ok)) return;
  bench_.report.violation(
      Rule::kPcie59, bench_.context(t, cycle),
      fmt::format("pending bit of {} entry {} is {}, {} event waits", table_name(entry),
                  entry.index, pending, event ? "an" : "no"));
}

}  // namespace siov::check
