// SPDX-License-Identifier: Apache-2.0
// PageRequests: groups open, close, are answered.
#include "check/page_requests.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace siov::check {

using pcie::Tlp;

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint8_t kSuccess = 0, kInvalid = 1;
constexpr std::uint32_t kFailureBit = 1u << 16, kUnexpectedBit = 1u << 17;  // @spec pcie.md 9.5

}  // namespace

bool plain_work(Bench& bench) {
  if (bench.pasids.none().active != 0) return true;
  for (std::uint32_t wq = 0; wq < bench.registers.num_queues(); ++wq) {
    const Queue& queue = bench.registers.queue(wq);
    if (queue.state != QueueState::kDisabled && queue.dedicated && !queue.pasid_enable) return true;
  }
  return false;
}

void PageRequests::on_request(const Tlp& t, std::uint64_t cycle) {
  Report& report = bench_.report;
  const ConfigShadow& f = bench_.function;
  const Context at = bench_.context(t, cycle);
  const auto request = pcie::page_request_of(t);
  const bool form = request && (request->read || request->write || request->last);
  if (!report.holds(Rule::kPcie70, form)) {
    fail(Rule::kPcie70, at, "page request of wrong form, or for nothing and not the last");
    return;
  }
  ++bench_.stats.page_requests;
  const bool on = f.ats && f.pri;
  const std::uint64_t off = std::max(f.pri_off_cycle, f.ats_off_cycle);
  const bool going_off = off != 0 && cycle <= off + bench_.config.grace_cycles;
  if (!report.holds(Rule::kPcie70, on || going_off)) {
    fail(Rule::kPcie70, at, "page request while page requests are disabled");
    return;
  }
  report.check(Rule::kPcie73);
  if (pcie::is_stop_marker(*request)) {
    stop(t, cycle);
    return;
  }
  if (!judge_owner(t, cycle)) return;
  const bool after_failure = halted_ && cycle > halted_cycle_ + bench_.config.grace_cycles;
  if (!report.holds(Rule::kPcie71, !after_failure))
    fail(Rule::kPcie71, at, "page request after a Response Failure had stopped them");
  enter(*request, t, cycle);
}

void PageRequests::enter(const port::PageRequest& request, const Tlp& t, std::uint64_t cycle) {
  Report& report = bench_.report;
  const Context at = bench_.context(t, cycle);
  Group& g = groups_[request.group];
  const std::uint32_t pasid = request.pasid ? request.pasid->value : kNoPasid;
  if (!report.holds(Rule::kPcie70, !(g.active && g.closed))) {
    fail(Rule::kPcie70, at,
         fmt::format("group {} is used again before its response, last request was at {} ns",
                     request.group, g.cycle * bench_.config.period / 1000));
    return;
  }
  if (!report.holds(Rule::kPcie70, !g.active || g.pasid == pasid))
    fail(Rule::kPcie70, at, fmt::format("group {} has requests of two owners", request.group));
  if (!g.active) g.pages.clear();
  g.active = true;
  g.closed = request.last;
  g.forgotten = false;
  g.pasid = pasid;
  g.cycle = cycle;
  g.pages.push_back(request.address);
  ++outstanding_;
  const std::uint32_t allowed = bench_.function.page_allocation;
  if (!report.holds(Rule::kSiovD55, outstanding_ <= allowed)) {
    fail(Rule::kSiovD55, at,
         fmt::format("{} page requests outstanding, {} are allowed", outstanding_, allowed));
  }
  Refusal& refusal = bench_.grants.refusal(pasid, request.address);
  refusal.asked_cycle = cycle;
  const std::uint32_t most = bench_.config.max_page_retries;
  if (!report.holds(Rule::kPcie74, ++refusal.attempts <= most + 1)) {
    fail(Rule::kPcie74, at,
         fmt::format("page {:#x} is asked for {} times in a row", request.address,
                     refusal.attempts));
    refusal.attempts = 0;
  }
}

bool PageRequests::judge_owner(const Tlp& t, std::uint64_t cycle) {
  PasidState* space = bench_.pasids.find(t.prefix.present ? t.prefix.pasid : kNoPasid);
  const std::uint32_t pasid = t.prefix.present ? t.prefix.pasid : kNoPasid;
  if (t.prefix.present) {
    const auto marker = std::find_if(stopped_.begin(), stopped_.end(),
                                     [&](const Stopped& s) { return s.pasid == pasid; });
    if (marker != stopped_.end()) {
      const bool anew = scoreboard_.next_order() > marker->next_order;
      stopped_.erase(marker);
      if (!anew) {
        fail(Rule::kPcie73, bench_.context(t, cycle),
             "page request behind the PASID's stop marker");
        return false;
      }
    }
  }
  const bool live = t.prefix.present ? space != nullptr && (space->live() || space->undecided != 0)
                                     : plain_work(bench_);
  if (bench_.report.holds(Rule::kSiovD54, live)) return true;
  fail(Rule::kSiovD54, bench_.context(t, cycle),
       t.prefix.present ? "page request: its PASID belongs to no live ADI"
                        : "page request without PASID that belongs to no queue without PASID");
  return false;
}

void PageRequests::stop(const Tlp& t, std::uint64_t cycle) {
  const auto request = pcie::page_request_of(t);
  const bool form = t.prefix.present && request->address == 0 && request->group == 0;
  if (!bench_.report.holds(Rule::kPcie73, form)) {
    fail(Rule::kPcie73, bench_.context(t, cycle),
         "stop marker without PASID, or with an address or group");
    return;
  }
  stopped_.push_back({t.prefix.pasid, scoreboard_.next_order()});
}

void PageRequests::on_response(const Tlp& t, std::uint64_t cycle) {
  const auto response = pcie::page_response_of(t);
  if (!response || response->device != bench_.function.bdf) return;
  Group& g = groups_[response->group];
  if (g.forgotten) {
    g.forgotten = false;
    status_unsure_ = true;
    return;
  }
  if (!bench_.report.holds(Rule::kPcie71, g.active && g.closed)) {
    unexpected_group_ = true;
    fail(Rule::kPcie71, bench_.context(t, cycle),
         fmt::format("response to group {}, which has no request outstanding", response->group));
    return;
  }
  judge_response(g, *response, t, cycle);
  outstanding_ -= static_cast<std::uint32_t>(g.pages.size());
  g.active = g.closed = false;
  if (response->code != kSuccess && response->code != kInvalid) {
    response_failure_ = halted_ = true;
    halted_cycle_ = cycle;
  }
  for (const std::uint64_t page : g.pages) {
    Refusal& refusal = bench_.grants.refusal(g.pasid, page);
    refusal.response_cycle = cycle;
    refusal.response = response->code;
    if (response->code == kSuccess) {
      waiting_.push_back({g.pasid, page, cycle, refusal.asked_cycle});
    } else {
      scoreboard_.page_refused(g.pasid, page, false, cycle);
      refusal.attempts = 0;  // whoever asks next begins anew
    }
  }
}

void PageRequests::judge_response(const Group& group, const port::PageGroupResponse& response,
                                  const Tlp& t, std::uint64_t cycle) {
  const bool due = group.pasid != kNoPasid && bench_.function.prg_pasid_required;
  const bool good = due ? response.pasid && response.pasid->value == group.pasid : !response.pasid;
  if (bench_.report.holds(Rule::kPcie72, good)) return;
  fail(Rule::kPcie72, bench_.context(t, cycle),
       due ? fmt::format("response to group {} must carry PASID {:#x}", response.group, group.pasid)
           : fmt::format("response to group {} must not carry a PASID", response.group));
}

void PageRequests::asked_again(std::uint32_t pasid, std::uint64_t address, std::uint64_t pages) {
  if (waiting_.empty()) return;
  std::erase_if(waiting_, [&](const Waiting& w) {
    return w.pasid == pasid && w.page >= address && w.page - address < pages * kPage;
  });
}

void PageRequests::on_control(std::uint8_t be, std::uint32_t dword) {
  if ((be & 1) != 0 && (dword & 3) != 0) {  // Enable or Reset; the flags may go with it
    halted_ = false;
    status_unsure_ |= response_failure_ || unexpected_group_;
  }
  if ((be & 4) == 0) return;
  if ((dword & kFailureBit) != 0) response_failure_ = false;
  if ((dword & kUnexpectedBit) != 0) unexpected_group_ = false;
}

void PageRequests::on_status(std::uint32_t dword, const Tlp& t, std::uint64_t cycle) {
  const bool failure = (dword & kFailureBit) != 0, unexpected = (dword & kUnexpectedBit) != 0;
  const bool good =
      status_unsure_ || (failure == response_failure_ && unexpected == unexpected_group_);
  if (bench_.report.holds(Rule::kPcie71, good)) {
    response_failure_ = failure;
    unexpected_group_ = unexpected;
    status_unsure_ = false;
    return;
  }
  fail(
      Rule::kPcie71, bench_.context(t, cycle),
      fmt::format("PRI status has Response Failure {}, Unexpected PRG Index {}; expected {} and {}",
                  failure, unexpected, response_failure_, unexpected_group_));
  response_failure_ = failure;
  unexpected_group_ = unexpected;
}

void PageRequests::judge_stopped(std::uint32_t pasid, std::uint64_t cycle) {
  bench_.report.check(Rule::kSiovD41);
  std::erase_if(waiting_, [&](const Waiting& w) { return w.pasid == pasid; });
  const bool marked = std::any_of(stopped_.begin(), stopped_.end(),
                                  [&](const Stopped& s) { return s.pasid == pasid; });
  if (outstanding_ == 0 || marked) return;
  for (std::size_t i = 0; i < kGroups; ++i) {
    if (!groups_[i].active || groups_[i].pasid != pasid) continue;
    fail(Rule::kSiovD41, {.cycle = cycle, .pasid = pasid, .scope = &bench_.link_events},
         fmt::format("reset is reported done while page request group {} is outstanding", i));
    return;
  }
}

void PageRequests::forget() {
  for (Group& g : groups_) {
    g.forgotten |= g.active;
    g.active = g.closed = false;
  }
  outstanding_ = 0;
  waiting_.clear();
  stopped_.clear();
  response_failure_ = unexpected_group_ = halted_ = false;
}

void PageRequests::scan(std::uint64_t cycle) {
  if (waiting_.empty()) return;
  std::erase_if(waiting_, [&](const Waiting& w) {
    if (cycle <= w.cycle + bench_.config.page_retry_cycles) return false;
    PasidState* space = bench_.pasids.find(w.pasid);
    const WorkItem* item =
        space == nullptr ? nullptr : scoreboard_.concerns(*space, w.page, w.page + kPage);
    // A request that was under way has brought the page: no need for another, even if the page has
    // been taken away since.
    const Refusal* refusal = bench_.grants.find_refusal(w.pasid, w.page);
    const bool granted =
        (refusal != nullptr && std::ranges::max(refusal->granted_cycle) >= w.asked_cycle) ||
        bench_.grants.of(w.pasid, w.page, [](const Grant& g) { return g.any_live(); });
    if (bench_.report.holds(Rule::kPcie74, item == nullptr || granted)) return true;
    fail(Rule::kPcie74, scoreboard_.context(*item, nullptr, cycle),
         fmt::format("page {:#x} was answered with success at {} ns and its translation has not "
                     "been asked for again",
                     w.page, w.cycle * bench_.config.period / 1000));
    return true;
  });
}

void PageRequests::end_of_test(std::uint64_t cycle) {
  bench_.report.check(Rule::kPcie71);
  for (std::size_t i = 0; i < kGroups; ++i) {
    const Group& g = groups_[i];
    PasidState* space = g.active ? bench_.pasids.find(g.pasid) : nullptr;
    if (space == nullptr || !space->live())
      continue;  // software may drop it then. @spec vtd.md 7.3
    if (!bench_.report.holds(Rule::kPcie70, g.closed)) {
      fail(Rule::kPcie70, {.cycle = cycle, .pasid = g.pasid, .scope = &bench_.link_events},
           fmt::format("page request group {} has no last request", i));
      continue;
    }
    fail(Rule::kPcie71, {.cycle = cycle, .pasid = g.pasid, .scope = &bench_.link_events},
         fmt::format("page request group {} of {} ns was never answered", i,
                     g.cycle * bench_.config.period / 1000));
  }
}

}  // namespace siov::check
