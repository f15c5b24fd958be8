// SPDX-License-Identifier: Apache-2.0
// Scoreboard: acceptance and end of work items. What TLPs do to them: scoreboard_traffic.cpp;
// watchdogs: scoreboard_watch.cpp.
#include "check/scoreboard.hpp"

#include <algorithm>

namespace siov::check {

void Scoreboard::fail(Rule rule, const Context& at, std::string text) {
  if (rule >= Rule::kSbData && rule <= Rule::kCrMissing) ++bench_.stats.mismatches;
  bench_.report.violation(rule, at, std::move(text));
}

WorkItem& Scoreboard::take_item() {
  if (free_.empty()) {
    pool_.emplace_back();
    free_.push_back(&pool_.back());
  }
  WorkItem& item = *free_.back();
  free_.pop_back();
  // Everything but the buffers of the holes starts anew.
  Holes data = std::move(item.data), source0 = std::move(item.sources[0]),
        source1 = std::move(item.sources[1]);
  item = WorkItem{};
  item.data = std::move(data);
  item.sources[0] = std::move(source0);
  item.sources[1] = std::move(source1);
  return item;
}

WorkItem* Scoreboard::accept(const Submission& submission, std::uint64_t cycle) {
  WorkItem& item = take_item();
  Queue& queue = bench_.registers.queue(submission.wq);
  item.number = next_number_++;
  item.wq = submission.wq;
  item.dedicated = queue.dedicated;
  item.descriptor = abi::decode_descriptor(submission.line);
  const std::uint32_t pasid = !queue.dedicated     ? item.descriptor.pasid.value
                              : queue.pasid_enable ? queue.pasid
                                                   : kNoPasid;
  item.space = &bench_.pasids.get(pasid);
  item.accepted_cycle = item.progress_cycle = cycle;
  item.silent_end = submission.may_be_dropped;
  predict(item, submission);
  ++bench_.stats.accepted;
  ++queue.unfinished;
  PasidState& space = *item.space;
  space.ever_live = true;
  if (!queue.dedicated) space.shared.set(submission.wq);
  space.progress_cycle = std::max(space.progress_cycle, cycle);
  item.active = true;
  item.slot = active_.size();
  active_.push_back(&item);
  ++space.active;
  close_overwritten(item, cycle);
  detect_conflicts(item);
  register_ranges(item);
  if (item.expected.software_error) software_errors_.set(item.expected.status);
  const bool visible = item.record_due || item.interrupt_due || !item.data.empty();
  if (visible) {
    advance(item, cycle);
  } else if (!item.expected.reads.empty()) {
    item.silent_end = true;  // its reads are all there is to see; it ends unseen
  } else {
    finish(item);
    ++queue.unfinished;  // nothing tells when it leaves the queue
  }
  return &item;
}

void Scoreboard::predict(WorkItem& item, const Submission& submission) {
  const Queue& queue = bench_.registers.queue(submission.wq);
  RegisterShadow& registers = bench_.registers;
  model::WorkContext context;
  const std::uint32_t pasid = item.space->pasid;
  if (pasid != kNoPasid) context.pasid = Pasid{pasid};
  context.privileged = queue.privileged;
  context.dedicated = queue.dedicated;
  context.max_transfer = queue.max_transfer;
  context.bof_enabled = queue.bof;
  context.handle_ok = registers.handle_permitted(submission.ims, item.descriptor.interrupt_handle,
                                                 pasid != kNoPasid, pasid);
  context.user_interrupts = registers.user_interrupts();
  context.privileged_allowed = bench_.function.pasid_privileged;
  context.operations = registers.opcap();
  std::optional<Pasid> view = bench_.config.rid_pasid;
  if (pasid != kNoPasid) view = Pasid{pasid};
  const port::AddressSpaceView* memory = view ? bench_.config.memory : nullptr;
  const auto peek = [&](Iova address, std::span<std::byte> out) {
    if (memory != nullptr) return memory->peek(*view, address, out);
    std::fill(out.begin(), out.end(), std::byte{0});
    return true;
  };
  item.expected = model::predict(item.descriptor, context, peek);
  item.racy = memory == nullptr && !item.expected.reads.empty();
  item.record_due = item.expected.writes_record;
  if (!item.record_due && (item.write_optional() || item.expected.software_error))
    item.silent_end = true;
  if (const model::Write* w = item.write()) {
    item.data_lo = w->address.value;
    item.data_hi = item.data_lo + w->data.size();
  }
  item.data.reset(item.data_lo, item.data_hi);
  for (std::size_t i = 0; i < 2; ++i) {
    if (i < item.expected.reads.size()) {
      item.source_lo[i] = item.expected.reads[i].address.value;
      item.source_hi[i] = item.source_lo[i] + item.expected.reads[i].bytes;
    }
    item.sources[i].reset(item.source_lo[i], item.source_hi[i]);
  }
  register_interrupt(item, submission.ims, context.handle_ok);
}

void Scoreboard::register_interrupt(WorkItem& item, bool ims, bool handle_ok) {
  if (!item.descriptor.has(abi::kFlagRci)) return;
  InterruptEntry* entry = bench_.registers.entry(ims, item.descriptor.interrupt_handle);
  if (entry == nullptr) return;
  if (!handle_ok) ++entry->refused;
  if (!item.expected.interrupt) return;
  item.entry = entry;
  item.interrupt_due = true;
  ++entry->waiting;
}

void Scoreboard::detect_conflicts(WorkItem& item) {
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
  const auto claim = [&](std::uint64_t lo, std::uint64_t hi) {
    space.reads.overlapping(lo, hi, [&](const RangeIndex::Entry& e) {
      bench_.stats.racy += e.item->racy ? 0 : 1;
      e.item->racy = true;
      return false;
    });
    space.writes.overlapping(lo, hi, [&](const RangeIndex::Entry& e) {
      bench_.stats.contended += (e.item->contended ? 0 : 1) + (item.contended ? 0 : 1);
      e.item->contended = item.contended = true;
      // The end of work without record is then not visible.
      for (WorkItem* w : {e.item, &item}) w->silent_end |= !w->record_due;
      return false;
    });
  };
  if (item.data_hi > item.data_lo) claim(item.data_lo, item.data_hi);
  if (item.has_record_address())
    claim(item.descriptor.completion_address.value, item.descriptor.completion_address.value + 32);
  if (item.racy) ++bench_.stats.racy;
}

void Scoreboard::register_ranges(WorkItem& item) {
  PasidState& space = *item.space;
  if (item.data_hi > item.data_lo)
    space.writes.insert({item.data_lo, item.data_hi, &item, RangeKind::kData});
  const std::uint64_t record = item.descriptor.completion_address.value;
  if (item.has_record_address())
    space.writes.insert({record, record + 32, &item, RangeKind::kRecord});
  for (std::size_t i = 0; i < 2; ++i) {
    if (item.source_hi[i] == item.source_lo[i]) continue;
    space.reads.insert({item.source_lo[i], item.source_hi[i], &item,
                        i == 0 ? RangeKind::kSource0 : RangeKind::kSource1});
  }
}

void Scoreboard::progress(WorkItem& item, std::uint64_t cycle) {
  item.progress_cycle = item.space->progress_cycle = cycle;
}

void Scoreboard::advance(WorkItem& item, std::uint64_t cycle) {
  const bool record_done = item.record_seen || !item.record_due;
  const bool data_done = item.record_seen ? item.data_done() : item.data.empty();
  if (!record_done) return;
  if (data_done) release(item);  // only its interrupt may be due now: buffers and record are free
  if (item.interrupt_due && !item.interrupt_seen && !item.ready &&
      (item.record_seen || data_done)) {
    item.ready = true;
    item.ready_cycle = cycle;
    InterruptEntry& entry = *item.entry;
    if (entry.waiting != 0) --entry.waiting;
    const bool deliverable = entry.ims || bench_.function.msix_deliverable();
    item.ready_masked = entry.masked || !deliverable;
    if (entry.ignore || (!entry.ims && !bench_.function.msix)) {
      item.interrupt_seen =
          true;  // dropped, or held without being demanded. @spec dsa.md 2.10, pcie.md 10.4
    } else {
      entry.ready.push_back(&item);
    }
  }
  if (data_done && (item.interrupt_seen || !item.interrupt_due)) finish(item);
}

void Scoreboard::interrupt_done(WorkItem& item) {
  item.interrupt_seen = true;
  if (item.ready) {
    std::erase(item.entry->ready, &item);
  } else if (item.entry->waiting != 0) {
    --item.entry->waiting;
  }
  ++item.entry->satisfied;
  if (item.data_done() && (item.record_seen || !item.record_due)) finish(item);
}

WorkItem* Scoreboard::oldest_waiting(const InterruptEntry& entry, bool unseen_end) {
  WorkItem* oldest = nullptr;
  for (WorkItem* item : active_) {
    if (item->entry != &entry || item->interrupt_seen || item->ready) continue;
    if (unseen_end && !item->silent_end) continue;
    if (oldest == nullptr || item->number < oldest->number) oldest = item;
  }
  return oldest;
}

void Scoreboard::finish(WorkItem& item) {
  ++bench_.stats.finished;
  retire(item);
}

void Scoreboard::release(WorkItem& item) {
  if (item.released) return;
  item.released = true;
  PasidState& space = *item.space;
  Finished& f = space.recent[space.next_recent++ % PasidState::kRecent];
  f.number = item.number;
  f.cycle = item.progress_cycle;
  f.wq = item.wq;
  f.record_due = item.record_due;
  f.has_record_address = item.has_record_address();
  f.record = item.descriptor.completion_address.value;
  f.lo = {item.data_lo, item.source_lo[0], item.source_lo[1]};
  f.hi = {item.data_hi, item.source_hi[0], item.source_hi[1]};
  if (item.data_hi > item.data_lo) space.writes.erase(item.data_lo, &item, RangeKind::kData);
  if (item.has_record_address()) space.writes.erase(f.record, &item, RangeKind::kRecord);
  for (std::size_t i = 0; i < 2; ++i) {
    if (item.source_hi[i] == item.source_lo[i]) continue;
    space.reads.erase(item.source_lo[i], &item, i == 0 ? RangeKind::kSource0 : RangeKind::kSource1);
  }
  if (space.last_read == &item) space.last_read = nullptr;
  if (space.last_write == &item) space.last_write = nullptr;
}

void Scoreboard::retire(WorkItem& item) {
  release(item);
  if (item.interrupt_due && !item.interrupt_seen) {
    if (item.ready) {
      std::erase(item.entry->ready, &item);
    } else if (item.entry->waiting != 0) {
      --item.entry->waiting;
    }
  }
  --item.space->active;
  Queue& queue = bench_.registers.queue(item.wq);
  if (queue.unfinished != 0) --queue.unfinished;
  item.active = false;
  active_[item.slot] = active_.back();
  active_[item.slot]->slot = item.slot;
  active_.pop_back();
  free_.push_back(&item);
}

}  // namespace siov::check
