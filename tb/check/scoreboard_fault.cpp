// SPDX-License-Identifier: Apache-2.0
// Scoreboard: pages that are not translated, and work that ends at one. dsa.md 5.4, 5.7.
#include <fmt/format.h>

#include <algorithm>

#include "abi/little_endian.hpp"
#include "check/scoreboard.hpp"
#include "model/page_fault.hpp"

namespace siov::check {

using pcie::Tlp;

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint8_t kCodeBits = 0x3F;  // @spec dsa.md 5.4
constexpr std::uint8_t kPageSuccess = 0, kPageInvalid = 1;

std::uint8_t code_of(const Tlp& t) {
  return std::to_integer<std::uint8_t>(t.payload[0]) & kCodeBits;
}
bool wrote(const Tlp& t) { return (t.payload[0] & std::byte{abi::kStWriteFault}) != std::byte{0}; }
std::uint64_t fault_address(const Tlp& t) {
  return abi::load_le(std::span(t.payload).subspan(8), 8);
}
std::uint32_t completed(const Tlp& t) {
  return static_cast<std::uint32_t>(abi::load_le(std::span(t.payload).subspan(4), 4));
}

bool data_fault(std::uint8_t code) {
  return code == abi::kStPageFault || code == abi::kStPageFaultInvalid ||
         code == abi::kStTranslationError;
}

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

namespace {
/// A member whose end its batch has taken for granted has failed, or may have.
void doubt_batch(const WorkItem& item) {
  if (item.parent != nullptr && item.over) item.parent->batch->doubt(item.member);
}
}  // namespace

void Scoreboard::may_fault(WorkItem& item, std::uint64_t cycle) {
  item.fault_maybe = true;
  if (item.silent_end || !item.has_record_address()) doubt_batch(item);
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
      refusal != nullptr &&
      (refusal->error_cycle >= std::max<std::uint64_t>(1, item.since_cycle) ||
       refusal->attempts > 0 ||
       (refusal->response != kPageSuccess && refusal->response_cycle >= item.since_cycle));
  if (blocks && !failed) return;
  doubt_batch(item);
  item.fault_maybe = item.record_maybe_lost = true;
  item.silent_end = true;
  item.log_maybe = bench_.registers.log().on;
  if (!item.log_maybe) software_errors_.set(abi::kStCrFault);
  if (item.parent != nullptr) member_over(item, cycle);
}

/// Whether what the link has said since the device may have known this work, and has not taken
/// back, can end it at this page.
bool Scoreboard::has_met(const WorkItem& item, std::uint64_t page, bool write) const {
  const Refusal* r = bench_.grants.find_refusal(item.space->pasid, page);
  if (r != nullptr) {
    const bool failed = r->response != kPageSuccess;
    const std::uint64_t last =
        std::max({r->none_cycle, write ? r->write_cycle : r->read_cycle, r->error_cycle,
                  failed ? r->response_cycle : std::uint64_t{0}});
    if (last != 0 && last >= item.since_cycle && last > r->granted_cycle[write ? 1 : 0])
      return true;
  }
  return write && known_read_only(item, page);
}

/// Work is known here when its answer or the end of a fence has passed; the device has begun with
/// it by then, and may have been told that it cannot have a page.
void Scoreboard::meet_refusals(WorkItem& item, std::uint64_t cycle) {
  if (!bench_.grants.any_refusal()) return;
  const auto met = [&](std::uint64_t lo, std::uint64_t hi, bool write) {
    for (std::uint64_t page = lo & ~(kPage - 1); page < hi; page += kPage) {
      if (has_met(item, page, write)) return true;
    }
    return false;
  };
  bool data = false;
  for (std::size_t i = 0; i < 2; ++i) data |= met(item.source_lo[i], item.source_hi[i], false);
  for (const Piece& p : item.destinations()) data |= met(p.lo, p.hi, true);
  for (const Iova& a : item.expected.readbacks) data |= met(a.value, a.value + 1, false);
  const abi::Descriptor& d = item.descriptor;
  if (d.opcode == abi::kOpCacheFlush && item.expected.status < abi::kStBadOpcode)
    data |= met(d.destination.value, d.destination.value + d.size, false);
  if (data) may_fault(item, cycle);
  const std::uint64_t record = d.completion_address.value;
  if (item.has_record_address() && met(record, record + 1, true))
    may_lose_record(item, record & ~(kPage - 1), cycle);
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

/// Whether the link has shown that this page cannot be used so, while the work was under way.
bool Scoreboard::refused(const WorkItem& item, std::uint64_t page, bool write) const {
  const std::uint64_t start = std::max<std::uint64_t>(1, item.since_cycle);
  const std::uint32_t pasid = item.space->pasid;
  const Refusal* r = bench_.grants.find_refusal(pasid, page);
  if (r != nullptr && (r->none_cycle >= start || (write ? r->write_cycle : r->read_cycle) >= start))
    return true;
  return write && known_read_only(item, page);
}

/// A translation that is still good says that writing is not allowed: no need to ask again.
bool Scoreboard::known_read_only(const WorkItem& item, std::uint64_t page) const {
  return bench_.grants.of(item.space->pasid, page,
                          [](const Grant& g) { return g.right(false).live() && g.write_refused; });
}

/// Whether the work may have used the page so before it was taken away.
bool Scoreboard::begun(const WorkItem& item, std::uint64_t page, bool write) const {
  const std::uint64_t start = std::max<std::uint64_t>(1, item.since_cycle);
  return bench_.grants.of(item.space->pasid, page, [&](const Grant& g) {
    const Right& right = g.right(write);
    return right.live() || (right.order != 0 && right.ended_cycle >= start);
  });
}

/// Whether that explains an end with this code.
bool Scoreboard::caused(const WorkItem& item, std::uint64_t page, bool write,
                        std::uint8_t code) const {
  const std::uint64_t start = std::max<std::uint64_t>(1, item.since_cycle);
  const Refusal* r = bench_.grants.find_refusal(item.space->pasid, page);
  const bool responded = r != nullptr && r->response_cycle >= start;
  const bool aborting = bench_.registers.command_active();
  switch (code) {
    case abi::kStPageFault:
    case abi::kStBatchPageFault:
    case abi::kStReadbackFault:
      return refused(item, page, write);
    case abi::kStPageFaultInvalid: {
      if (!refused(item, page, write)) return false;
      const bool tired = responded && r->response == kPageSuccess && r->attempts > 0;
      return (responded && r->response == kPageInvalid) || tired || aborting;
    }
    case abi::kStTranslationError: {
      if (r != nullptr && r->error_cycle >= start) return true;
      if (responded && r->response != kPageSuccess && r->response != kPageInvalid) return true;
      bool waits = false;  // a translation request that was never answered
      bench_.device_requests.for_each_active([&](std::uint16_t, const Request& q) {
        const std::uint32_t owner = q.has_pasid ? q.pasid : kNoPasid;
        waits |= q.at == 1 && q.address == page && owner == item.space->pasid;
      });
      return waits;
    }
    default:
      return false;
  }
}

bool Scoreboard::judge_fault(WorkItem& item, const Tlp& t, std::uint64_t cycle) {
  const std::uint8_t code = code_of(t);
  if (!data_fault(code)) return item.fault_maybe && judge_readback_fault(item, t, cycle);
  judge_data_fault(item, t, cycle);
  doubt_batch(item);
  fell_behind(item, cycle);
  item.faulted = true;
  ++bench_.stats.faulted;
  return true;
}

/// A drain ends with 1f, other work whose destination cannot be read back with 21.
bool Scoreboard::judge_readback_fault(WorkItem& item, const Tlp& t, std::uint64_t cycle) {
  const bool drain = item.descriptor.opcode == abi::kOpDrain;
  const std::uint8_t due = drain ? abi::kStReadbackFault : abi::kStWriteError;
  const std::vector<Iova>& readbacks = item.expected.readbacks;
  if (code_of(t) != due || readbacks.empty() || item.readback_failed) return false;
  const auto fits = [&](Iova a) {
    const std::uint64_t page = a.page().value;
    const bool named = !drain || (fault_address(t) & ~(kPage - 1)) == page;
    return named && (caused(item, page, false, abi::kStReadbackFault) ||
                     caused(item, page, false, abi::kStTranslationError));
  };
  item.faulted = true;
  ++bench_.stats.faulted;
  const bool good = std::any_of(readbacks.begin(), readbacks.end(), fits);
  if (!bench_.report.holds(Rule::kFaultCause, good)) {
    fail(Rule::kFaultCause, context(item, &t, cycle),
         fmt::format("status {:#04x}, fault address {:#x}: no readback of a page that was refused",
                     due, fault_address(t)));
  }
  return true;
}

/// With block on fault the work waits for the page, without it does not. @spec dsa.md 5.7
void Scoreboard::judge_blocking(const WorkItem& item, const Tlp& t, std::uint64_t cycle) {
  const std::uint8_t code = code_of(t);
  if (code == abi::kStTranslationError) return;
  const bool blocks = model::blocks_on_fault(item.descriptor, item.context);
  const bool fits = blocks == (code == abi::kStPageFaultInvalid);
  if (bench_.report.holds(Rule::kSiovD56, fits || bench_.registers.command_active())) return;
  fail(Rule::kSiovD56, context(item, &t, cycle),
       fmt::format("status {:#04x} of work that {} on a fault", code,
                   blocks ? "blocks" : "does not block"));
}

void Scoreboard::judge_data_fault(WorkItem& item, const Tlp& t, std::uint64_t cycle) {
  Report& report = bench_.report;
  const std::uint8_t code = code_of(t);
  const bool told = code != abi::kStTranslationError;  // its record has no other field
  const std::uint64_t page = fault_address(t) & ~(kPage - 1);
  judge_blocking(item, t, cycle);
  std::vector<model::PageAccess> causes;
  for (const model::PageAccess& a : model::operand_pages(item.descriptor)) {
    if (told && (a.page.value != page || a.write != wrote(t))) continue;
    if (caused(item, a.page.value, a.write, code)) causes.push_back(a);
  }
  if (!report.holds(Rule::kFaultCause, !causes.empty())) {
    fail(Rule::kFaultCause, context(item, &t, cycle),
         told ? fmt::format("status {:#04x}, {} at {:#x}: the link has not shown such a page of an "
                            "operand",
                            code, wrote(t) ? "write" : "read", fault_address(t))
              : fmt::format("status {:#04x}: no translation of an operand has failed", code));
    return;
  }
  if (!told || item.racy || item.open) return;
  std::optional<Pasid> view = bench_.config.rid_pasid;
  if (item.context.pasid) view = item.context.pasid;
  if (!view || bench_.config.memory == nullptr) return;
  // Memory that has left the tables meanwhile, as that of a process that ends, tells nothing any
  // more of what the device has read.
  bool gone = false;
  const auto peek = [&](Iova address, std::span<std::byte> out) {
    std::byte probe{};
    const bool there =
        bench_.config.memory->peek(*view, address, out.empty() ? std::span(&probe, 1) : out);
    gone = gone || !there;
    return there;
  };
  std::optional<model::Prediction> best;
  for (const model::PageAccess& a : causes) {
    const model::PageFault fault{.at = a,
                                 .status = code,
                                 .completed = completed(t),
                                 .late = begun(item, a.page.value, a.write)};
    const auto p = model::predict_fault(item.descriptor, item.context, peek, fault);
    if (!p) continue;
    best = p;
    // The low address bits may be 0. @spec dsa.md 5.4
    std::array<std::byte, 32> seen;
    std::copy_n(t.payload.begin(), 32, seen.begin());
    abi::store_le(std::span(seen).subspan(8), page, 8);
    std::array<std::byte, 32> due = p->record;
    if (p->crc_undefined) std::copy_n(seen.begin() + 16, 8, due.begin() + 16);
    if (seen == due) {
      report.check(Rule::kFaultRecord);
      judge_partial(item, *p, t, cycle);
      return;
    }
  }
  if (gone) return;
  report.check(Rule::kFaultRecord);
  if (!best) {
    fail(Rule::kFaultRecord, context(item, &t, cycle),
         fmt::format("the work ends before it needs the page at {:#x}", page));
    return;
  }
  const auto differs = std::mismatch(best->record.begin(), best->record.end(), t.payload.begin());
  const auto where = static_cast<std::size_t>(differs.first - best->record.begin());
  fail(Rule::kFaultRecord, context(item, &t, cycle),
       fmt::format("{} bytes completed at {:#x}; record byte {} is {:02x}, expected {:02x}",
                   completed(t), fault_address(t), where,
                   where < 32 ? std::to_integer<unsigned>(t.payload[where]) : 0,
                   where < 32 ? std::to_integer<unsigned>(best->record[where]) : 0));
}

/// Everything that the record counts as done has been written.
void Scoreboard::judge_partial(const WorkItem& item, const model::Prediction& p, const Tlp& t,
                               std::uint64_t cycle) {
  if (item.contended) return;
  for (const model::Write& w : p.writes) {
    if (w.optional) continue;
    const std::uint64_t lo = w.address.value, hi = lo + w.data.size();
    for (const Holes::Part& hole : item.data.parts()) {
      if (hole.hi <= lo || hole.lo >= hi) continue;
      fail(Rule::kSbCover, context(item, &t, cycle),
           fmt::format("{} bytes completed, but destination byte {:#x} was never written",
                       completed(t), std::max(hole.lo, lo)));
      return;
    }
  }
}

/// A batch record that tells of a page of the list.
void Scoreboard::take_list_fault(WorkItem& batch, const Tlp& record, std::uint64_t cycle) {
  Batch& b = *batch.batch;
  const std::uint8_t code = code_of(record);
  if (code != abi::kStBatchPageFault && code != abi::kStTranslationError) return;
  const std::uint64_t lo = batch.source_lo[0], hi = batch.source_hi[0];
  const std::uint64_t told = fault_address(record) & ~(kPage - 1);
  std::uint64_t found = ~std::uint64_t{0};
  for (std::uint64_t page = lo & ~(kPage - 1); page < hi; page += kPage) {
    if (code == abi::kStBatchPageFault && page != told) continue;
    if (caused(batch, page, false, code)) found = std::min(found, page);
  }
  batch.faulted = true;
  ++bench_.stats.faulted;
  if (!bench_.report.holds(Rule::kFaultCause, found != ~std::uint64_t{0})) {
    fail(Rule::kFaultCause, context(batch, &record, cycle),
         fmt::format("status {:#04x}, fault address {:#x}: no page of the list was refused", code,
                     fault_address(record)));
    found = lo & ~(kPage - 1);
  }
  b.list_error = true;
  b.list_fault = code;
  b.fault_address = Iova{fault_address(record)};
  const std::uint64_t first = std::max(found, lo);  // members before the page surely run
  b.must_run = std::min(b.must_run, static_cast<std::uint32_t>((first - lo) / Batch::kSlotBytes));
}

void Scoreboard::end_at_page(WorkItem& item, std::span<const std::byte, 64> entry) {
  item.faulted = true;
  item.logged_status = std::to_integer<std::uint8_t>(entry[1]) & kCodeBits;
  ++bench_.stats.faulted;
  if (item.logged_status == abi::kStCrFault) item.record_due = false;  // it is in the entry
}

bool Scoreboard::fault_logged(const WorkItem& item, std::uint8_t code,
                              std::uint64_t address) const {
  if (!item.fault_maybe) return false;
  const std::uint64_t page = address & ~(kPage - 1);
  const std::uint8_t plain = code & kCodeBits;
  bool good = false;
  if (plain == abi::kStCrFault) {
    good = item.record_maybe_lost && address == item.descriptor.completion_address.value;
  } else if (data_fault(plain)) {
    const bool told = plain != abi::kStTranslationError;
    for (const model::PageAccess& a : model::operand_pages(item.descriptor))
      good |= (!told || a.page.value == page) && caused(item, a.page.value, a.write, plain);
  } else if (plain == abi::kStReadbackFault || plain == abi::kStBatchPageFault) {
    good = caused(item, page, false, plain);
  }
  return good;
}

}  // namespace siov::check
