// SPDX-License-Identifier: Apache-2.0
// Scoreboard: pages that are not translated, and work that ends at one. dsa.md 5.4, 5.7.
#include <fmt/format.h>

#include <algorithm>

#include "check/scoreboard.hpp"

namespace siov::check {

namespace {
constexpr std::uint64_t kPage = 4096;
}  // namespace

const WorkItem* Scoreboard::concerns(const PasidState& space, std::uint64_t lo,
                                     std::uint64_t hi) const {
  if (space.active == 0) return nullptr;
  const WorkItem* found = nullptr;
  const auto take = [&](const RangeIndex::Entry& e) {
    found = e.item;
    return true;
  };
  if (space.reads.overlapping(lo, hi, take) || space.writes.overlapping(lo, hi, take)) return found;
  for (const WorkItem* item : active_) {
    if (item->space != &space) continue;
    const auto inside = [&](Iova a) { return a.value >= lo && a.value < hi; };
    const std::vector<Iova>& readbacks = item->expected.readbacks;
    if (std::any_of(readbacks.begin(), readbacks.end(), inside)) return item;
    if (item->descriptor.opcode == abi::kOpCacheFlush && item->descriptor.destination.value < hi &&
        item->descriptor.destination.value + item->descriptor.size > lo)
      return item;
  }
  return nullptr;
}

bool Scoreboard::concerned(const PasidState& space, std::uint64_t lo, std::uint64_t hi) const {
  if (concerns(space, lo, hi) != nullptr) return true;
  const auto overlaps = [&](const Finished& f) {
    if (f.number == kNoDescriptor) return false;
    if (f.has_record_address && f.record < hi && f.record + 32 > lo) return true;
    for (std::size_t i = 0; i < f.lo.size(); ++i) {
      if (f.hi[i] > f.lo[i] && f.lo[i] < hi && f.hi[i] > lo) return true;
    }
    return false;
  };
  if (std::any_of(space.recent.begin(), space.recent.end(), overlaps)) return true;
  return std::any_of(active_.begin(), active_.end(), [&](const WorkItem* item) {
    return item->space == &space && item->batch != nullptr && !item->batch->complete;
  });
}

void Scoreboard::may_fault(WorkItem& item, std::uint64_t cycle) {
  item.fault_maybe = true;
  if (item.has_record_address()) return;
  item.silent_end = true;
  item.log_maybe = bench_.registers.log().on;
  if (!item.log_maybe) {
    for (const std::uint8_t code :
         {abi::kStPageFault, abi::kStPageFaultInvalid, abi::kStTranslationError,
          abi::kStReadbackFault, abi::kStBatchPageFault})
      software_errors_.set(code);
  }
  if (item.parent != nullptr) member_over(item, cycle);
}

/// The page of its record is refused. While pages may be asked for the record waits; it is lost
/// when that has failed. @spec dsa.md 5.7
void Scoreboard::may_lose_record(WorkItem& item, std::uint64_t page, std::uint64_t cycle) {
  const Queue& queue = bench_.registers.queue(item.wq);
  const Refusal* refusal = bench_.grants.find_refusal(item.space->pasid, page);
  const bool blocks = bench_.function.pri && !queue.prs_disabled;
  const bool failed =
      refusal != nullptr && (refusal->error_cycle == cycle || refusal->attempts > 0);
  if (blocks && !failed) return;
  item.fault_maybe = item.record_maybe_lost = true;
  item.silent_end = true;
  item.log_maybe = bench_.registers.log().on;
  if (!item.log_maybe) software_errors_.set(abi::kStCrFault);
  if (item.parent != nullptr) member_over(item, cycle);
}

void Scoreboard::page_refused(std::uint32_t pasid, std::uint64_t page, bool readable,
                              std::uint64_t cycle) {
  PasidState* space = bench_.pasids.find(pasid);
  if (space == nullptr || space->active == 0) return;
  std::vector<WorkItem*> concerned, records;
  if (!readable) {
    space->reads.overlapping(page, page + kPage, [&](const RangeIndex::Entry& e) {
      concerned.push_back(e.item);
      return false;
    });
  }
  space->writes.overlapping(page, page + kPage, [&](const RangeIndex::Entry& e) {
    (e.kind == RangeKind::kRecord ? records : concerned).push_back(e.item);
    return false;
  });
  for (WorkItem* item : active_) {
    if (item->space != space) continue;
    const auto inside = [&](Iova a) { return a.value >= page && a.value < page + kPage; };
    const std::vector<Iova>& readbacks = item->expected.readbacks;
    const bool flush = item->descriptor.opcode == abi::kOpCacheFlush &&
                       item->descriptor.destination.value < page + kPage &&
                       item->descriptor.destination.value + item->descriptor.size > page;
    if (flush || std::any_of(readbacks.begin(), readbacks.end(), inside)) concerned.push_back(item);
  }
  for (WorkItem* item : concerned) {
    if (item->active) may_fault(*item, cycle);
  }
  for (WorkItem* item : records) {
    if (item->active) may_lose_record(*item, page, cycle);
  }
}

}  // namespace siov::check
