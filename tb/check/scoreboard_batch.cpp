// SPDX-License-Identifier: Apache-2.0
// Scoreboard: batches. dsa.md 5.6 (01).
//
// The list is a source of the batch. Its bytes are taken from the completions that the device gets,
// so a list that changes in memory is no trouble. A member starts, and memory is read for it, as
// soon as its descriptor and all before it are known; a fenced one, with the first TLP behind the
// end of those before it. Until then none of its addresses belong to anybody.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "abi/little_endian.hpp"
#include "check/scoreboard.hpp"
#include "check/touches.hpp"

namespace siov::check {

using pcie::Tlp;

void Scoreboard::accept_batch(WorkItem& item, const model::WorkContext& context) {
  item.batch = std::make_unique<Batch>();
  Batch& b = *item.batch;
  b.context = context;
  b.count = b.stop = b.must_run = item.descriptor.count();
  b.list.resize(std::size_t{b.count} * Batch::kSlotBytes);
  b.missing.reset(0, b.list.size());
  const model::Range list = item.expected.list;
  item.expected = model::finish_batch(item.descriptor, context, {.completed = b.count});
  item.expected.software_error = false;  // an error only if a list read fails
  item.expected.reads.push_back(list);
  ++bench_.stats.batches;
}

void Scoreboard::list_data(WorkItem& batch, std::uint64_t offset, std::span<const std::byte> bytes,
                           std::uint64_t cycle) {
  Batch& b = *batch.batch;
  if (b.complete || offset + bytes.size() > b.list.size()) return;
  std::copy(bytes.begin(), bytes.end(), b.list.begin() + static_cast<std::ptrdiff_t>(offset));
  b.missing.take(offset, offset + bytes.size());
  b.known = b.missing.empty() ? b.count
                              : static_cast<std::uint32_t>(b.missing.first() / Batch::kSlotBytes);
  start_members(batch, cycle);
}

void Scoreboard::list_failed(WorkItem& batch, const ReadRef& read, std::uint64_t cycle) {
  Batch& b = *batch.batch;
  if (b.complete) return;
  const std::uint64_t list = batch.source_lo[0];
  const auto members = [&](std::uint64_t address) {
    return static_cast<std::uint32_t>((address - list) / Batch::kSlotBytes);
  };
  b.list_error = true;
  b.must_run = std::min(b.must_run, members(read.address));
  b.stop = std::max(b.next, std::min(b.stop, members(read.next)));
  if (!batch.has_record_address()) batch.silent_end = true;
  batch_step(batch, cycle);
}

void Scoreboard::start_ripe(std::uint64_t cycle) {
  const std::vector<WorkItem*> list = std::move(ripe_);
  ripe_.clear();
  for (WorkItem* batch : list) {
    if (!batch->active || batch->batch == nullptr || !batch->batch->ripe) continue;
    batch->batch->ripe = false;
    start_members(*batch, cycle);
  }
}

void Scoreboard::start_members(WorkItem& batch, std::uint64_t cycle) {
  Batch& b = *batch.batch;
  starting_ = &batch;
  while (b.next < std::min(b.known, b.stop)) {
    if (b.descriptor(b.next).has(abi::kFlagFence)) {
      if (b.running != 0) break;
      if (b.any_failed) {
        b.stop = b.must_run = b.next;
        b.fence_failed = true;
        break;
      }
    }
    start_member(batch, b.next++, cycle);
  }
  starting_ = nullptr;
  if (b.done()) complete_batch(batch, cycle);
}

void Scoreboard::start_member(WorkItem& batch, std::uint32_t index, std::uint64_t cycle) {
  Batch& b = *batch.batch;
  WorkItem& item = take_item();
  item.order = batch.order;
  item.wq = batch.wq;
  item.member = index;
  item.space = batch.space;
  item.parent = &batch;
  item.since_cycle = batch.since_cycle;  // it may be looked at before it is started here
  item.dedicated = batch.dedicated;
  item.ims = batch.ims;
  item.descriptor = b.descriptor(index);
  model::WorkContext context = b.context;
  context.in_batch = true;
  context.privileged = model::effective_privilege(batch.descriptor, b.context);
  context.handle_ok = bench_.registers.handle_permitted(
      item.ims, item.descriptor.interrupt_handle, context.pasid.has_value(), batch.space->pasid);
  predict(item, context);
  item.maybe_dropped = b.uncertain() && item.descriptor.has(abi::kFlagFence);
  item.silent_end |= item.maybe_dropped;
  ++b.running;
  begin(item, cycle);
  const bool visible = item.end_visible() || item.interrupt_due || !item.data.empty() ||
                       !item.expected.readbacks.empty();
  if (!visible && item.expected.reads.empty() && !item.only_looks_up()) {
    member_over(item, cycle);
    finish(item);
    return;
  }
  if (!visible) item.silent_end = true;
  if (item.silent_end) member_over(item, cycle);
  if (visible) advance(item, cycle);
}

void Scoreboard::member_over(WorkItem& member, std::uint64_t cycle) {
  if (member.over) return;
  member.over = true;
  Batch& b = *member.parent->batch;
  --b.running;
  if (member.status_uncertain()) b.doubt(member.member);
  b.any_failed |= member.status() != abi::kStSuccess && !member.status_uncertain();
  if (starting_ != member.parent) batch_step(*member.parent, cycle);
}

/// A member whose end was taken for granted has failed: what its fences hold back does not run.
void Scoreboard::fell_behind(WorkItem& member, std::uint64_t cycle) {
  if (member.parent == nullptr || !member.over) return;
  WorkItem& batch = *member.parent;
  Batch& b = *batch.batch;
  if (b.complete) return;
  b.any_failed = true;
  std::uint32_t fence = member.member + 1;
  while (fence < b.next && !b.descriptor(fence).has(abi::kFlagFence)) ++fence;
  if (fence >= b.next) return;
  if (!bench_.report.holds(Rule::kBatchFence, b.shown <= fence)) {
    fail(Rule::kBatchFence, context(member, nullptr, cycle),
         fmt::format("the member fails when member {}, behind a fence, has begun", b.shown - 1));
    return;
  }
  drop_from(batch, fence);
  if (starting_ != &batch) batch_step(batch, cycle);
}

/// A fence has held back this member and all behind it.
void Scoreboard::drop_from(WorkItem& batch, std::uint32_t fence) {
  Batch& b = *batch.batch;
  for (WorkItem* member : members_of(batch)) {
    if (member->member < fence) continue;
    if (!member->over) --b.running;
    if (!member->released) {
      release(*member);
      PasidState& space = *member->space;  // it has not ended: it has not run
      space.recent[--space.next_recent % PasidState::kRecent] = {};
    }
    retire(*member);
  }
  b.next = b.stop = b.must_run = fence;
  b.any_failed = b.fence_failed = true;
}

/// A member is over, or the list has ended early: what comes next? Memory does not hold the result
/// of the TLP under way yet, so nothing is started here.
void Scoreboard::batch_step(WorkItem& batch, std::uint64_t cycle) {
  Batch& b = *batch.batch;
  if (b.complete) return;
  if (b.next < std::min(b.known, b.stop) && b.running == 0) {
    const bool fenced = b.descriptor(b.next).has(abi::kFlagFence);
    if (fenced && b.any_failed) {
      b.stop = b.must_run = b.next;
      b.fence_failed = true;
    } else if (!b.ripe) {
      b.ripe = true;
      ripe_.push_back(&batch);
    }
  }
  if (b.done()) complete_batch(batch, cycle);
}

void Scoreboard::complete_batch(WorkItem& batch, std::uint64_t cycle) {
  Batch& b = *batch.batch;
  if (b.complete) return;
  b.complete = true;
  if (b.fence_failed) remember_dropped(batch);
  const model::BatchResult result{.completed = b.stop,
                                  .any_failed = b.any_failed,
                                  .list_error = b.list_error && !b.fence_failed};
  batch.expected = model::finish_batch(batch.descriptor, b.context, result);
  batch.record_due = batch.expected.writes_record;
  owe_error(batch);
  advance(batch, cycle);
}

/// The batch record has come: nothing of the members may follow but interrupts.
void Scoreboard::close_batch(WorkItem& batch, const Tlp& record, std::uint64_t cycle) {
  start_due(cycle);
  Batch& b = *batch.batch;
  bench_.report.check(Rule::kBatchLast);
  const auto told =
      static_cast<std::uint32_t>(abi::load_le(std::span(record.payload).subspan(4), 4));
  if (!b.complete) take_list_fault(batch, record, cycle);
  if (!b.complete && b.list_error && told < b.stop && told >= std::min(b.must_run, b.next)) {
    b.stop = told;
    b.next = std::min(b.next, told);
    for (WorkItem* member : members_of(batch)) {  // these have not run
      if (member->member >= told && !member->touched) retire(*member);
    }
  }
  const bool dropped = b.may_end_at(told);
  if (dropped) {
    drop_from(batch, told);
    remember_dropped(batch);
  }
  const WorkItem* late = unfinished_member(batch, true);
  if (late != nullptr || b.next < b.stop) {
    const std::uint32_t index = late != nullptr ? late->member : b.next;
    fail(Rule::kBatchLast, context(batch, &record, cycle),
         fmt::format("batch record although member {} is not finished", index));
    b.doubt(index);
    b.order_reported = true;
  }
  for (WorkItem* member : members_of(batch)) {
    if (member->over || member->silent_end) release(*member);
  }
  if (b.complete && !dropped) return;
  for (WorkItem* member : members_of(batch)) {
    b.any_failed |= !member->over && member->status() != abi::kStSuccess;
    if (!member->over && !member->silent_end) member->parent = nullptr;  // judged on its own
  }
  b.running = 0;
  b.complete = true;
  batch.expected = model::finish_batch(batch.descriptor, b.context,
                                       {.completed = b.stop,
                                        .any_failed = b.any_failed,
                                        .list_error = b.list_error && !b.fence_failed,
                                        .list_fault = b.list_fault,
                                        .fault_address = b.fault_address});
  batch.record_due = batch.expected.writes_record;
}

void Scoreboard::judge_batch_record(WorkItem& batch, const Tlp& t, std::uint64_t cycle) {
  const Batch& b = *batch.batch;
  const auto status = std::to_integer<std::uint8_t>(t.payload[0]);
  const auto told = static_cast<std::uint32_t>(abi::load_le(std::span(t.payload).subspan(4), 4));
  std::array<std::byte, 32> expected = batch.expected.record;
  if (b.uncertain()) {
    const bool known = (status == abi::kStSuccess && !b.fence_failed) ||
                       status == abi::kStBatchFail ||
                       (b.list_error && status == abi::kStReadError) ||
                       (b.list_fault != 0 && status == b.list_fault);
    const bool unsure = b.list_error || b.order_reported;
    if (known && (told == b.stop || (unsure && told <= b.count)))
      std::copy_n(t.payload.begin(), 8, expected.begin());
  }
  // The unused fields of a failed access are undefined. @spec dsa.md 5.4
  const bool access = status == abi::kStReadError || status == abi::kStTranslationError;
  const std::size_t judged = access ? 8 : expected.size();
  const bool same = std::memcmp(t.payload.data(), expected.data(), judged) == 0;
  if (!bench_.report.holds(Rule::kBatchRecord, same)) {
    fail(Rule::kBatchRecord, context(batch, &t, cycle),
         fmt::format("status {:#04x}, {} of {} members; expected status {:#04x}, {} members",
                     status, told, b.count, std::to_integer<unsigned>(expected[0]),
                     abi::load_le(std::span(expected).subspan(4), 4)));
  }
  bench_.report.check(Rule::kBatchFetch);
  const std::uint64_t needed = std::uint64_t{std::min(b.known, b.stop)} * Batch::kSlotBytes;
  const Holes& list = batch.sources[0];
  if (batch.shared_reads || list.empty() || list.first() - batch.source_lo[0] >= needed) return;
  fail(Rule::kBatchFetch, context(batch, &t, cycle),
       fmt::format("member {} was never fetched",
                   (list.first() - batch.source_lo[0]) / Batch::kSlotBytes));
}

std::vector<WorkItem*> Scoreboard::members_of(const WorkItem& batch) const {
  std::vector<WorkItem*> members;
  for (WorkItem* item : active_) {
    if (item->parent == &batch) members.push_back(item);
  }
  return members;
}

/// @param closing  what the batch has counted has run
WorkItem* Scoreboard::unfinished_member(const WorkItem& batch, bool closing) const {
  WorkItem* first = nullptr;
  for (WorkItem* item : active_) {
    if (item->parent != &batch) continue;
    if ((item->over || item->silent_end) && !(closing && item->owes_record())) continue;
    if (first == nullptr || item->member < first->member) first = item;
  }
  return first;
}

/// The batch has ended: members whose interrupt is still due go on alone.
void Scoreboard::part_members(WorkItem& batch) {
  for (WorkItem* member : members_of(batch)) {
    member->parent = nullptr;
    if (!member->interrupt_due || member->interrupt_seen) retire(*member);
  }
}

void Scoreboard::remember_dropped(const WorkItem& batch) {
  const Batch& b = *batch.batch;
  Dropped& d = dropped_[next_dropped_++ % dropped_.size()];
  d.space = batch.space;
  d.order = batch.order;
  d.wq = batch.wq;
  d.first = b.stop;
  d.members.clear();
  for (std::uint32_t i = b.stop; i < b.known; ++i) d.members.push_back(b.descriptor(i));
}

bool Scoreboard::explain_member(PasidState& space, const Tlp& t, std::uint64_t cycle) {
  Context at = bench_.context(t, cycle);
  const auto report = [&](Rule rule, std::uint64_t order, std::uint32_t wq, std::uint32_t index,
                          const char* text) {
    at.descriptor = order;
    at.wq = wq;
    at.member = index;
    fail(rule, at, text);
    return true;
  };
  for (const WorkItem* item : active_) {
    if (item->space != &space || item->batch == nullptr || item->batch->complete) continue;
    const Batch& b = *item->batch;
    for (std::uint32_t i = b.next; i < b.count; ++i) {
      const bool known = i < b.known;
      std::array<std::byte, Batch::kSlotBytes> line{};
      if (!known) {
        if (bench_.config.memory == nullptr || space.pasid == kNoPasid) break;
        const Iova slot{item->source_lo[0] + std::uint64_t{i} * Batch::kSlotBytes};
        if (!bench_.config.memory->peek(Pasid{space.pasid}, slot, line)) break;
      }
      if (!touches(known ? b.descriptor(i) : abi::decode_descriptor(line), t)) continue;
      if (!known)
        return report(Rule::kBatchFetch, item->order, item->wq, i,
                      "member starts before its descriptor has been fetched");
      return report(Rule::kBatchFence, item->order, item->wq, i,
                    "member starts before those ahead of its fence have finished");
    }
  }
  for (const Dropped& d : dropped_) {
    if (d.space != &space) continue;
    for (std::size_t i = 0; i < d.members.size(); ++i) {
      if (!touches(d.members[i], t)) continue;
      return report(Rule::kBatchFence, d.order, d.wq, d.first + static_cast<std::uint32_t>(i),
                    "member starts behind a fence although one before it failed");
    }
  }
  return false;
}

}  // namespace siov::check
