// SPDX-License-Identifier: Apache-2.0
// Translations: grants come and go.
#include "check/translations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace siov::check {

using pcie::CplStatus;
using pcie::Tlp;

namespace {

constexpr std::uint64_t kPage = 4096;

std::uint32_t owner_of(const Request& r) { return r.has_pasid ? r.pasid : kNoPasid; }

std::string owner_text(std::uint32_t pasid) {
  return pasid == kNoPasid ? std::string("no PASID") : fmt::format("PASID {:#x}", pasid);
}

}  // namespace

void Translations::on_request(const Tlp& t, Request* request, std::uint64_t cycle) {
  ++bench_.stats.translation_requests;
  const bool form =
      pcie::translation_request_legal(t, bench_.config.host_rcb) && (t.address & (kPage - 1)) == 0;
  if (!bench_.report.holds(Rule::kPcie63, form)) {
    fail(Rule::kPcie63, bench_.context(t, cycle),
         fmt::format("translation request at {:#x}, Length {}, byte enables {:#x}/{:#x}", t.address,
                     t.length_dw, t.first_be, t.last_be));
  }
  judge_owner(t, cycle);
  if (request == nullptr) return;
  request->order = bench_.order();
  pages_.asked_again(owner_of(*request), t.address, std::max<std::uint64_t>(1, t.length_dw / 2));
}

/// Whose the request is, as far as that can be told: hardware may ask for pages ahead of need.
void Translations::judge_owner(const Tlp& t, std::uint64_t cycle) {
  Report& report = bench_.report;
  PasidState* space = bench_.pasids.find(t.prefix.present ? t.prefix.pasid : kNoPasid);
  report.check(Rule::kSiovD25);
  if (!t.prefix.present) {
    if (!plain_work(bench_))
      fail(Rule::kSiovD25, bench_.context(t, cycle),
           "translation request without PASID that belongs to no queue without PASID");
    return;
  }
  report.check(Rule::kPcie24);
  report.check(Rule::kPcie29);
  const bool live = space != nullptr && (space->live() || space->undecided != 0);
  if (!live) {
    const bool ever = space != nullptr && space->ever_live;
    fail(ever ? Rule::kPcie29 : Rule::kPcie24, bench_.context(t, cycle),
         ever ? "translation request of a PASID that has been stopped"
              : "translation request: PASID belongs to no live ADI");
    return;
  }
  const std::uint64_t end = t.address + kPage;
  if (space->undecided != 0 || scoreboard_.concerned(*space, t.address, end)) return;
  for (PasidState* other : bench_.pasids.all()) {
    if (other == space || other->active == 0) continue;
    const WorkItem* victim = scoreboard_.concerns(*other, t.address, end);
    if (victim == nullptr) continue;
    fail(
        Rule::kSiovD25, scoreboard_.context(*victim, &t, cycle),
        fmt::format("translation request carries PASID {:#x}, the work that needs the page belongs "
                    "to PASID {:#x}",
                    t.prefix.pasid, other->pasid));
    return;
  }
}

void Translations::on_completion(const Tlp& t, Request& r, std::uint64_t cycle) {
  // The function must not use translations any more. @spec pcie.md 9.2
  if (t.status == CplStatus::kUr && stopped_cycle_ == 0) stopped_cycle_ = cycle;
  if (t.status != CplStatus::kSc || t.ep) {
    for (std::uint64_t i = 0; i < std::max<std::uint64_t>(1, r.length_dw / 2u); ++i) {
      const std::uint64_t page = r.address + i * kPage;
      bench_.grants.refusal(owner_of(r), page).error_cycle = cycle;
      scoreboard_.page_refused(owner_of(r), page, false, cycle);
    }
    return;
  }
  std::uint64_t address = r.next;
  for (std::uint32_t at = 0; at + pcie::kEntryBytes <= t.payload_bytes; at += pcie::kEntryBytes) {
    const std::uint64_t entry = pcie::big_endian_entry(t, at);
    take_entry(r, address, entry, t, cycle);
    const std::uint64_t bytes = pcie::coded_bytes(entry, (entry & port::kAtsSize) != 0);
    address += bytes == 0 ? kPage : bytes;
  }
  r.next = address;
}

void Translations::take_entry(const Request& r, std::uint64_t address, std::uint64_t entry,
                              const Tlp& t, std::uint64_t cycle) {
  const Rights rights{.read = (entry & port::kAtsRead) != 0,
                      .write = (entry & port::kAtsWrite) != 0,
                      .asked_write = !r.no_write};
  if (!rights.read || (!rights.write && rights.asked_write)) refuse(r, address, rights, cycle);
  if (!rights.read && !rights.write) return;
  const bool sized = (entry & port::kAtsSize) != 0;
  const std::uint64_t bytes = pcie::coded_bytes(entry, sized);
  Grant grant;
  grant.pasid = owner_of(r);
  grant.privileged = r.has_pasid && r.privileged;
  grant.untranslated = (entry & port::kAtsUntranslatedOnly) != 0;
  grant.log2 = bytes == 0 ? 63 : static_cast<unsigned>(std::countr_zero(bytes));
  grant.target = pcie::coded_start(entry & port::kAtsAddress, sized);
  grant.address = bytes == 0 ? 0 : address & ~(bytes - 1);
  if (!bench_.report.holds(Rule::kPcie64, grant.log2 >= 12 + bench_.function.stu)) {
    fail(Rule::kPcie64, bench_.context(t, cycle),
         fmt::format("translation of {:#x} bytes, the smallest translation unit is {:#x}",
                     grant.bytes(), kPage << bench_.function.stu));
  }
  ++bench_.stats.translations;
  bench_.grants.add(grant, rights, r.order, cycle);
  // Asked for before an invalidation that is over: must be thrown away. @spec pcie.md 9.3
  const std::uint64_t oldest = next_done_ > kDone ? next_done_ - kDone : 0;
  for (std::uint64_t i = next_done_; i > oldest; --i) {
    const Done& d = done_[(i - 1) % kDone];
    if (d.done_order <= r.order) break;
    if (d.order > r.order &&
        d.scope.covers(grant.pasid, grant.address, grant.address + grant.bytes()))
      bench_.grants.end(d.scope, r.order + 1, GrantEnd::kInvalidated, cycle);
  }
}

void Translations::refuse(const Request& r, std::uint64_t address, const Rights& rights,
                          std::uint64_t cycle) {
  Refusal& refusal = bench_.grants.refusal(owner_of(r), address);
  if (!rights.read && !rights.write) refusal.none_cycle = cycle;
  if (!rights.read) refusal.read_cycle = cycle;
  if (!rights.write && rights.asked_write) refusal.write_cycle = cycle;
  ++bench_.stats.refused_pages;
  scoreboard_.page_refused(owner_of(r), address, rights.read, cycle);
}

void Translations::timed_out(std::uint32_t pasid, std::uint64_t page, std::uint64_t cycle) {
  bench_.grants.refusal(pasid, page).error_cycle = cycle;
  scoreboard_.page_refused(pasid, page, false, cycle);
}

Scope Translations::scope_of(const port::InvalidateRequest& request) const {
  Scope scope;
  // Without PASID: every entry of the range. With the global flag: those of all PASIDs.
  // @spec pcie.md 9.3
  scope.without = !request.pasid;
  scope.all_pasids = !request.pasid || (request.global && bench_.function.global_invalidate);
  if (request.pasid) scope.pasid = request.pasid->value;
  const std::uint64_t bytes = pcie::coded_bytes(request.address, request.size);
  scope.lo = pcie::coded_start(request.address, request.size);
  scope.last = bytes == 0 ? ~std::uint64_t{0} : scope.lo + bytes - 1;
  return scope;
}

void Translations::on_invalidate(const Tlp& t, std::uint64_t cycle) {
  const auto request = pcie::invalidate_request_of(t);
  if (!request || request->device != bench_.function.bdf) return;
  ++bench_.stats.invalidations;
  Pending& p = pending_[request->itag];
  Report& report = bench_.report;
  // One that was never answered is given up at some time, and its tag used again.
  if (!report.holds(Rule::kPcie67, !p.active || p.reported))
    fail(Rule::kPcie67, bench_.context(t, cycle),
         fmt::format("host reuses ITag {} while it is outstanding", request->itag));
  outstanding_ += p.active ? 0 : 1;
  if (!report.holds(Rule::kPcie69, outstanding_ <= bench_.function.invalidate_depth)) {
    fail(Rule::kPcie69, bench_.context(t, cycle),
         fmt::format("{} Invalidate Requests outstanding, the device can take {}", outstanding_,
                     bench_.function.invalidate_depth));
  }
  p = Pending{.active = true,
              .scope = scope_of(*request),
              .requester = t.requester,
              .order = bench_.order(),
              .cycle = cycle};
}

void Translations::on_invalidate_done(const Tlp& t, std::uint64_t cycle) {
  Report& report = bench_.report;
  const Context at = bench_.context(t, cycle);
  const auto completion = pcie::invalidate_completion_of(t);
  report.check(Rule::kPcie67);
  if (!completion) {
    fail(Rule::kPcie67, at, "Invalidate Completion of wrong form, or without ITag");
    return;
  }
  const std::uint32_t count = completion->count == 0 ? 8 : completion->count;
  for (std::uint32_t tag = 0; tag < 32; ++tag) {
    if ((completion->itags >> tag & 1) == 0) continue;
    Pending& p = pending_[tag];
    if (p.forgotten) {
      p.forgotten = false;
      continue;
    }
    if (!p.active) {
      fail(Rule::kPcie67, at, fmt::format("ITag {} is not outstanding", tag));
      continue;
    }
    if (pcie::message_target(t) != p.requester) {
      fail(Rule::kPcie67, at,
           fmt::format("completion for {:#06x}, the invalidation of ITag {} came from {:#06x}",
                       pcie::message_target(t).value, tag, p.requester.value));
    } else if (p.count != 0 && p.count != count) {
      fail(Rule::kPcie67, at,
           fmt::format("count {} for ITag {}, {} in the completion before", count, tag, p.count));
    }
    p.count = count;
    if (++p.received >= count) finish(p, t, cycle);
  }
}

/// From now on what was granted before must not be used; reads that used it must have come back.
void Translations::finish(Pending& p, const Tlp& t, std::uint64_t cycle) {
  Report& report = bench_.report;
  report.check(Rule::kPcie68);
  bool told = false;
  bench_.device_requests.for_each_active([&](std::uint16_t tag, Request& r) {
    if (told || r.at != pcie::kAtTranslated || r.grant_order == 0 || r.grant_order >= p.order)
      return;
    if (cycle >= r.cycle + bench_.config.device_timeout_cycles) return;  // given up
    if (!p.scope.covers(owner_of(r), r.start, r.start + std::max(1u, r.span))) return;
    told = true;
    fail(Rule::kPcie68, bench_.context(t, cycle),
         fmt::format("read with tag {:#x} of {:#x} ({}) that relies on the entry is outstanding",
                     tag, r.start, owner_text(owner_of(r))));
  });
  bench_.grants.end(p.scope, p.order, GrantEnd::kInvalidated, cycle);
  done_[next_done_++ % kDone] = Done{p.scope, p.order, bench_.order()};
  p.active = false;
  --outstanding_;
}

bool Translations::allowed(const Tlp& t, std::uint64_t cycle) {
  const bool stopped = stopped_cycle_ != 0 && cycle > stopped_cycle_ + bench_.config.grace_cycles;
  if (bench_.report.holds(Rule::kPcie64, !stopped)) return true;
  fail(Rule::kPcie64, bench_.context(t, cycle),
       fmt::format("translated request although a translation request was answered UR at {} ns",
                   stopped_cycle_ * bench_.config.period / 1000));
  return false;
}

void Translations::disabled(std::uint64_t cycle) {
  bench_.grants.end({.all_pasids = true, .without = true}, bench_.order(), GrantEnd::kDisabled,
                    cycle);
}

void Translations::forget(std::uint64_t cycle) {
  bench_.grants.end({.all_pasids = true, .without = true}, bench_.order(), GrantEnd::kReset, cycle);
  for (Pending& p : pending_) {
    p.forgotten = p.active;
    p.active = false;
  }
  outstanding_ = 0;
  stopped_cycle_ = 0;
}

void Translations::scan(std::uint64_t cycle) {
  if (outstanding_ == 0) return;
  for (std::size_t tag = 0; tag < pending_.size(); ++tag) {
    Pending& p = pending_[tag];
    if (!p.active || p.reported) continue;
    const std::uint64_t limit = bench_.config.invalidate_limit_cycles;
    if (bench_.report.holds(Rule::kPcie69, cycle <= p.cycle + limit)) continue;
    p.reported = true;
    fail(Rule::kPcie69, {.cycle = cycle, .scope = &bench_.link_events},
         fmt::format("Invalidate Request with ITag {} of {} ns has no completion after {} cycles",
                     tag, p.cycle * bench_.config.period / 1000, limit));
  }
}

void Translations::end_of_test(std::uint64_t cycle) {
  bench_.report.check(Rule::kPcie69);
  for (std::size_t tag = 0; tag < pending_.size(); ++tag) {
    const Pending& p = pending_[tag];
    if (!p.active || p.reported) continue;
    fail(Rule::kPcie69, {.cycle = cycle, .scope = &bench_.link_events},
         fmt::format("Invalidate Request with ITag {} of {} ns was never completed", tag,
                     p.cycle * bench_.config.period / 1000));
  }
}

}  // namespace siov::check
