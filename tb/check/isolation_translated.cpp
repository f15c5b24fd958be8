// SPDX-License-Identifier: Apache-2.0
// Isolation: translated requests. Each is turned back into what it is for the PASID that its
// address was granted to, and judged by the same rules as an untranslated one.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "check/isolation.hpp"
#include "check/tlp_rules.hpp"
#include "pcie/ats_tlp.hpp"

namespace siov::check {

using pcie::Tlp;
using pcie::TlpType;

namespace {

bool writes(const Tlp& t) { return t.type == TlpType::kMemWrite; }

/// One byte stands for requests without bytes.
std::uint64_t end_of(const Tlp& t) { return t.first_byte() + std::max(1u, t.byte_span()); }

std::string owner_text(const Grant& g) {
  return g.pasid == kNoPasid ? std::string("requests without PASID")
                             : fmt::format("PASID {:#x}", g.pasid);
}

}  // namespace

/// The view has the same bytes in its page as the request: completions fit both.
void Isolation::look_like(const Tlp& t, const Grant& grant) {
  view_ = t;
  view_.address = grant.origin(t.address);
  view_.four_dw = view_.address >> 32 != 0;
  view_.prefix = {};
  if (grant.pasid == kNoPasid) return;
  view_.prefix.present = true;
  view_.prefix.pasid = grant.pasid;
  view_.prefix.privileged = grant.privileged;
}

/// Of several owners of a host page: 2 if the request is what work of this one does there now, 1 if
/// it has work there, 0 if not.
int Isolation::fit(const Grant& grant, const Tlp& t) {
  const PasidState* space = bench_.pasids.find(grant.pasid);
  if (space == nullptr || space->active == 0) return 0;
  look_like(t, grant);
  const RangeIndex& index = writes(t) ? space->writes : space->reads;
  int best = 0;
  const std::uint64_t lo = view_.first_byte(), hi = lo + view_.byte_span();
  index.containing(lo, [&](const RangeIndex::Entry& e) {
    best = std::max(best, 1);
    const bool fresh =
        e.kind == RangeKind::kRecord ? !e.item->record_seen
        : e.kind == RangeKind::kData
            ? e.item->data.contains(lo, hi)
            : e.item->sources[e.kind == RangeKind::kSource0 ? 0 : 1].contains(lo, hi);
    if (fresh && content_fits(e, view_)) best = 2;
    return best == 2;
  });
  return best;
}

bool Isolation::take_view(Request* request, const Grant& grant, bool write, std::uint64_t cycle) {
  PasidState& space = bench_.pasids.get(grant.pasid);
  if (request != nullptr) {  // the same bytes of the page, as the owner sees them
    request->start = request->next = view_.first_byte();
    request->address = view_.address;
    request->has_pasid = grant.pasid != kNoPasid;
    request->pasid = grant.pasid;
  }
  bool good = space.active != 0 && owned(space, view_, request, cycle);
  if (!good && space.undecided != 0 && portals_.accept_early(space, view_, cycle))
    good = owned(space, view_, request, cycle);
  if (!good) good = space.live() && view_.byte_span() == 0;  // a flush touches nothing
  if (!good) return false;
  space.ring.push(pcie::Direction::kUp, view_, cycle);
  if (request == nullptr) return true;
  const std::uint64_t either =
      std::max(grant.right(false).live() ? grant.right(false).order : 0,
               request->span == 0 && grant.right(true).live() ? grant.right(true).order : 0);
  request->grant_order = write ? grant.right(true).order : either;
  expect_data(bench_, *request);
  return true;
}

bool Isolation::enter_translated(const Tlp& t, Request* request, std::uint64_t cycle,
                                 Misses& misses) {
  const bool write = writes(t), nothing = t.byte_span() == 0;
  const std::uint64_t lo = t.first_byte(), hi = end_of(t);
  candidates_.clear();
  misses = {};
  bench_.grants.at(lo, [&](const Grant& g) {
    if (t.prefix.present && g.pasid != t.prefix.pasid) return false;
    const Right& right = g.right(write);
    const bool live = right.live() || (nothing && g.any_live());
    const bool disabled = right.end == GrantEnd::kDisabled &&  // what is still under way
                          cycle <= right.ended_cycle + bench_.config.grace_cycles;
    if (!live && !disabled) {
      // Given again without the right: what counts is what the device holds now.
      (right.order != 0 && !g.any_live() ? misses.stale : misses.no_right) = &g;
    } else if (g.untranslated) {
      misses.untranslated = &g;
    } else if (!g.holds(lo, hi)) {
      misses.partly = &g;
    } else {
      candidates_.push_back(g);
    }
    return false;
  });
  if (candidates_.size() > 1) {
    std::stable_sort(candidates_.begin(), candidates_.end(),
                     [&](const Grant& a, const Grant& b) { return fit(a, t) > fit(b, t); });
  }
  for (const Grant& g : candidates_) {
    look_like(t, g);
    if (take_view(request, g, write, cycle)) return true;
  }
  return false;
}

void Isolation::on_translated(const Tlp& t, Request* request, std::uint64_t cycle) {
  Report& report = bench_.report;
  ++bench_.stats.translated;
  for (const Rule rule :
       {Rule::kPcie22, Rule::kPcie64, Rule::kPcie65, Rule::kPcie66, Rule::kSiovD26, Rule::kSiovD41})
    report.check(rule);
  if (!report.holds(Rule::kPcie27, !t.prefix.present || bench_.function.translated_pasid)) {
    report.violation(Rule::kPcie27, bench_.context(t, cycle),
                     "translated request with a PASID although that is not enabled");
    return;
  }
  Misses misses;
  report.set_view(&view_, &t);
  if (!enter_translated(t, request, cycle, misses)) explain_translated(t, misses, cycle);
  report.set_view(nullptr, nullptr);
}

void Isolation::explain_stale(const Tlp& t, const Grant& grant, std::uint64_t cycle) {
  const Right& right = grant.right(writes(t));
  look_like(t, grant);
  Context at = bench_.context(view_, cycle);
  const std::uint64_t ns = right.ended_cycle * bench_.config.period / 1000;
  if (right.end == GrantEnd::kInvalidated) {
    ++bench_.stats.stale_uses;
    bench_.report.violation(Rule::kPcie66, at,
                            fmt::format("translation of {:#x} for {} was invalidated at {} ns",
                                        view_.first_byte(), owner_text(grant), ns));
  } else if (right.end == GrantEnd::kReset) {
    ++bench_.stats.stale_uses;
    bench_.report.violation(
        Rule::kSiovD41, at,
        fmt::format("translation of {:#x} for {} is older than the reset at {} ns",
                    view_.first_byte(), owner_text(grant), ns));
  } else {
    bench_.report.violation(
        Rule::kPcie64, at,
        fmt::format(
            "translation of {:#x} for {} is older than the end of address translation at {} "
            "ns",
            view_.first_byte(), owner_text(grant), ns));
  }
}

void Isolation::explain_translated(const Tlp& t, const Misses& misses, std::uint64_t cycle) {
  Report& report = bench_.report;
  const char* const access = writes(t) ? "written" : "read";
  if (candidates_.empty()) {
    if (t.prefix.present && bench_.grants.at(t.first_byte(), [&](const Grant& g) {
          return g.right(writes(t)).live() && g.holds(t.first_byte(), end_of(t));
        })) {
      report.violation(Rule::kPcie27, bench_.context(t, cycle),
                       "translated request carries another PASID than its translation");
    } else if (misses.untranslated != nullptr) {
      report.violation(Rule::kPcie65, bench_.context(t, cycle),
                       fmt::format("{:#x} was granted to {} for untranslated requests only",
                                   t.first_byte(), owner_text(*misses.untranslated)));
    } else if (misses.stale != nullptr &&
               (misses.no_right == nullptr || !misses.no_right->any_live())) {
      explain_stale(t, *misses.stale, cycle);
    } else if (misses.no_right != nullptr) {
      report.violation(Rule::kPcie64, bench_.context(t, cycle),
                       fmt::format("{:#x} is {}, {} was not given that right", t.first_byte(),
                                   access, owner_text(*misses.no_right)));
    } else {
      report.violation(
          Rule::kPcie64, bench_.context(t, cycle),
          misses.partly != nullptr
              ? fmt::format("request runs over the end of the range that {} was given",
                            owner_text(*misses.partly))
              : fmt::format("no translation has given the address {:#x}", t.first_byte()));
    }
    return;
  }
  // The page belongs to somebody now, but not to whoever has work for it.
  if (misses.stale != nullptr) {
    const PasidState* space = bench_.pasids.find(misses.stale->pasid);
    const std::uint64_t at = misses.stale->origin(t.first_byte());
    const RangeIndex* index = space == nullptr ? nullptr
                              : writes(t)      ? &space->writes
                                               : &space->reads;
    if (index != nullptr && index->containing(at, [](const RangeIndex::Entry&) { return true; })) {
      explain_stale(t, *misses.stale, cycle);
      return;
    }
  }
  const Grant grant = candidates_.front();
  look_like(t, grant);
  if (const WorkItem* work = foreign_work(view_, grant.pasid)) {
    report.violation(
        Rule::kSiovD26, scoreboard_.context(*work, &view_, cycle),
        fmt::format("translated address was granted to {}, the work belongs to PASID {:#x}",
                    owner_text(grant), work->space->pasid));
    return;
  }
  if (grant.pasid == kNoPasid) {
    without_pasid(view_, nullptr, cycle);
  } else {
    explain(bench_.pasids.get(grant.pasid), view_, cycle);
  }
}

const WorkItem* Isolation::foreign_work(const Tlp& view, std::uint32_t pasid) const {
  constexpr std::uint64_t kPage = 4096;
  const std::uint64_t offset = view.first_byte() & (kPage - 1);
  const std::uint32_t bytes = view.byte_span();
  // The first address of a range that has the place of the request in its page.
  const auto places = [&](std::uint64_t lo, std::uint64_t hi, const auto& fits) {
    for (std::uint64_t at = (lo & ~(kPage - 1)) + offset; at + bytes <= hi; at += kPage) {
      if (at >= lo && fits(at)) return true;
    }
    return false;
  };
  if (bytes == 0) return nullptr;
  const std::byte* seen = view.payload.data() + (view.first_byte() - view.address);
  const auto would = [&](const WorkItem& item) {
    if (!writes(view)) {
      for (std::size_t i = 0; i < 2; ++i) {
        const auto fresh = [&](std::uint64_t at) {
          return item.sources[i].contains(at, at + bytes);
        };
        if (places(item.source_lo[i], item.source_hi[i], fresh)) return true;
      }
      return false;
    }
    const std::uint64_t record = item.descriptor.completion_address.value;
    if (item.has_record_address() && !item.record_seen && bytes == 32 &&
        (record & (kPage - 1)) == offset)
      return true;
    return std::any_of(item.destinations().begin(), item.destinations().end(), [&](const Piece& p) {
      if (p.data == nullptr) return false;
      const auto fresh = [&](std::uint64_t at) {
        return item.data.contains(at, at + bytes) &&
               std::memcmp(seen, p.data + (at - p.lo), bytes) == 0;
      };
      return places(p.lo, p.hi, fresh);
    });
  };
  const WorkItem* other = nullptr;
  for (const WorkItem* item : scoreboard_.active()) {
    if (!would(*item)) continue;
    if (item->space->pasid == pasid) return nullptr;  // its own, at a wrong page
    if (other == nullptr) other = item;
  }
  return other;
}

}  // namespace siov::check
