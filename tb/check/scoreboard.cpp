// SPDX-License-Identifier: Apache-2.0
// Scoreboard: start and end of work items. Their ranges: scoreboard_ranges.cpp; what TLPs do to
// them: scoreboard_traffic.cpp, scoreboard_record.cpp; batches: scoreboard_batch.cpp; watchdogs:
// scoreboard_watch.cpp.
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
  item.number = next_number_++;
  return item;
}

WorkItem* Scoreboard::accept(const Submission& submission, std::uint64_t cycle) {
  start_due(cycle);
  WorkItem& item = take_item();
  Queue& queue = bench_.registers.queue(submission.wq);
  item.order = next_order_++;
  item.wq = submission.wq;
  item.dedicated = queue.dedicated;
  item.ims = submission.ims;
  item.descriptor = abi::decode_descriptor(submission.line);
  const std::uint32_t pasid = !queue.dedicated     ? item.descriptor.pasid.value
                              : queue.pasid_enable ? queue.pasid
                                                   : kNoPasid;
  item.space = &bench_.pasids.get(pasid);
  item.silent_end = submission.may_be_dropped;
  item.since_cycle = submission.sent_cycle;
  predict(item, context_of(item));
  ++bench_.stats.accepted;
  ++queue.unfinished;
  queue.peak = std::max(queue.peak, queue.unfinished);
  PasidState& space = *item.space;
  space.ever_live = true;
  if (!queue.dedicated) space.shared.set(submission.wq);
  space.progress_cycle = std::max(space.progress_cycle, cycle);
  begin(item, cycle);
  if (item.batch != nullptr) return &item;  // its list is to be read
  const bool visible = item.end_visible() || item.interrupt_due || !item.data.empty() ||
                       !item.expected.readbacks.empty();
  if (visible) {
    advance(item, cycle);
  } else if (!item.expected.reads.empty() || item.only_looks_up()) {
    item.silent_end = true;  // its reads are all there is to see; it ends unseen
  } else {
    finish(item);
    ++queue.unfinished;  // nothing tells when it leaves the queue
  }
  return &item;
}

void Scoreboard::begin(WorkItem& item, std::uint64_t cycle) {
  item.accepted_cycle = item.progress_cycle = cycle;
  item.active = true;
  item.slot = active_.size();
  active_.push_back(&item);
  ++item.space->active;
  close_overwritten(item, cycle);
  detect_conflicts(item, cycle);
  register_ranges(item);
  meet_refusals(item, cycle);
}

model::WorkContext Scoreboard::context_of(const WorkItem& item) const {
  RegisterShadow& registers = bench_.registers;
  const Queue& queue = registers.queue(item.wq);
  model::WorkContext context;
  const std::uint32_t pasid = item.space->pasid;
  if (pasid != kNoPasid) context.pasid = Pasid{pasid};
  context.privileged = queue.privileged;
  context.dedicated = queue.dedicated;
  context.max_transfer = queue.max_transfer;
  context.max_batch = queue.max_batch;
  context.bof_enabled = queue.bof;
  context.handle_ok = registers.handle_permitted(item.ims, item.descriptor.interrupt_handle,
                                                 pasid != kNoPasid, pasid);
  context.ims = item.ims;
  context.user_interrupts = registers.user_interrupts();
  context.privileged_allowed = bench_.function.pasid_privileged;
  context.operations = queue.operations;
  context.features = registers.features();
  context.event_log = registers.log().on;
  context.ats = bench_.function.ats && !queue.ats_disabled;
  context.prs = context.ats && bench_.function.pri && !queue.prs_disabled;
  return context;
}

void Scoreboard::predict(WorkItem& item, const model::WorkContext& context) {
  std::optional<Pasid> view = bench_.config.rid_pasid;
  if (context.pasid) view = context.pasid;
  const port::AddressSpaceView* memory = view ? bench_.config.memory : nullptr;
  const auto peek = [&](Iova address, std::span<std::byte> out) {
    std::byte probe{};
    if (memory == nullptr) {
      std::fill(out.begin(), out.end(), std::byte{0});
      return true;
    }
    return memory->peek(*view, address, out.empty() ? std::span(&probe, 1) : out);
  };
  item.context = context;
  item.expected = model::predict(item.descriptor, context, peek);
  if (item.expected.is_batch) accept_batch(item, context);
  item.racy = memory == nullptr && !item.expected.reads.empty();
  take_expected(item, context);
}

void Scoreboard::take_expected(WorkItem& item, const model::WorkContext& context) {
  item.record_due = item.expected.writes_record;
  owe_error(item);
  set_pieces(item);
  const auto optional = [](const model::Write& w) { return w.optional; };
  const bool error_writes =
      std::any_of(item.expected.writes.begin(), item.expected.writes.end(), optional);
  if (!item.end_visible() && (error_writes || item.expected.software_error)) item.silent_end = true;
  for (std::size_t i = 0; i < 2; ++i) {
    if (i < item.expected.reads.size()) {
      item.source_lo[i] = item.expected.reads[i].address.value;
      item.source_hi[i] = item.source_lo[i] + item.expected.reads[i].bytes;
    }
    item.sources[i].reset(item.source_lo[i], item.source_hi[i]);
  }
  register_interrupt(item, context.handle_ok);
}

/// Its error goes to the event log, which is seen, or to SWERROR, which may be read.
void Scoreboard::owe_error(WorkItem& item) {
  item.log_due = item.expected.log_record;
  if (!item.expected.software_error) return;
  if (bench_.registers.log().on) {
    item.log_due = true;
  } else {
    software_errors_.set(item.expected.status);
  }
}

void Scoreboard::register_interrupt(WorkItem& item, bool handle_ok) {
  if (!item.descriptor.has(abi::kFlagRci)) return;
  InterruptEntry* entry = bench_.registers.entry(item.ims, item.descriptor.interrupt_handle);
  if (entry == nullptr) return;
  if (!handle_ok) ++entry->refused;
  if (!item.expected.interrupt) return;
  item.entry = entry;
  item.interrupt_due = true;
  ++entry->waiting;
}

void Scoreboard::progress(WorkItem& item, std::uint64_t cycle, bool surely) {
  item.touched = true;
  item.progress_cycle = item.space->progress_cycle = cycle;
  if (item.parent == nullptr) return;
  item.parent->progress_cycle = cycle;
  Batch& b = *item.parent->batch;
  if (surely) b.shown = std::max(b.shown, item.member + 1);
}

void Scoreboard::advance(WorkItem& item, std::uint64_t cycle) {
  if (item.batch != nullptr && !item.batch->complete) return;
  const bool end_seen = item.record_seen || item.log_seen;
  if (item.record_due && !item.record_seen) return;
  if (item.expected.log_record && !item.log_seen) return;
  if (!end_seen && item.only_looks_up()) {
    item.silent_end = true;
    if (item.parent != nullptr) member_over(item, cycle);
    return;
  }
  const bool done = (end_seen ? item.data_done() : item.data.empty()) && item.readbacks_done();
  if (done) release(item);  // only its interrupt may be due now: buffers and record are free
  if (item.interrupt_due && !item.interrupt_seen && !item.ready && (item.record_seen || done)) {
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
  if (!done || !item.log_done()) return;
  if (item.parent != nullptr) member_over(item, cycle);
  if (item.interrupt_seen || !item.interrupt_due) finish(item);
}

void Scoreboard::log_done(WorkItem& item, std::uint64_t cycle) {
  if (item.descriptor.opcode == abi::kOpDrain) judge_drain(item, nullptr, cycle);
  progress(item, cycle);
  item.log_seen = true;
  if (!item.record_due || item.record_seen) item.record_cycle = cycle;
  item.log_due = true;
  advance(item, cycle);
}

void Scoreboard::interrupt_done(WorkItem& item) {
  item.interrupt_seen = true;
  if (item.ready) {
    std::erase(item.entry->ready, &item);
  } else if (item.entry->waiting != 0) {
    --item.entry->waiting;
  }
  ++item.entry->satisfied;
  const bool all_else = item.data_done() && item.readbacks_done() && item.log_done() &&
                        (item.record_seen || !item.record_due);
  if (all_else && (item.batch == nullptr || item.batch->complete)) {
    if (item.parent != nullptr) member_over(item, item.progress_cycle);
    finish(item);
  }
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
  ++(item.is_member() ? bench_.stats.members : bench_.stats.finished);
  if (item.batch != nullptr) part_members(item);
  retire(item);
}

void Scoreboard::release(WorkItem& item) {
  if (item.released) return;
  item.released = true;
  PasidState& space = *item.space;
  Finished& f = space.recent[space.next_recent++ % PasidState::kRecent];
  f.number = item.order;
  f.cycle = item.progress_cycle;
  f.wq = item.wq;
  f.record_due = item.record_due;
  f.has_record_address = item.has_record_address();
  f.record = item.descriptor.completion_address.value;
  f.lo = {item.data_lo, item.source_lo[0], item.source_lo[1]};
  f.hi = {item.data_hi, item.source_hi[0], item.source_hi[1]};
  erase_destinations(item);
  if (item.has_record_address()) space.writes.erase(f.record, &item, RangeKind::kRecord);
  for (std::size_t i = 0; i < 2; ++i) {
    if (item.source_hi[i] == item.source_lo[i]) continue;
    space.reads.erase(item.source_lo[i], &item, i == 0 ? RangeKind::kSource0 : RangeKind::kSource1);
  }
  if (space.last_read == &item) space.last_read = nullptr;
  if (space.last_write == &item) space.last_write = nullptr;
}

void Scoreboard::retire(WorkItem& item) {
  if (item.batch != nullptr) {
    std::erase(ripe_, &item);
    for (WorkItem* member : members_of(item)) retire(*member);
  }
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
  if (!item.is_member() && queue.unfinished != 0) --queue.unfinished;
  item.active = false;
  active_[item.slot] = active_.back();
  active_[item.slot]->slot = item.slot;
  active_.pop_back();
  free_.push_back(&item);
}

}  // namespace siov::check
