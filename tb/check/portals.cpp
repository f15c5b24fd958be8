// SPDX-License-Identifier: Apache-2.0
// Portals: the admission table of dsa.md 4.2 seen from the link.
#include "check/portals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "check/touches.hpp"

namespace siov::check {

using pcie::CplStatus;
using pcie::Tlp;
using pcie::TlpType;

namespace {
constexpr std::uint64_t kQueueBytes = 0x4000, kPageBytes = 0x1000;  // @spec dsa.md 4.1
std::span<const std::byte, 64> line_of(const Tlp& t) {
  return std::span<const std::byte, 64>(t.payload.data(), 64);
}
std::uint32_t pasid_of(std::span<const std::byte, 64> line) {
  std::uint32_t dword = 0;
  for (unsigned i = 0; i < 3; ++i) dword |= std::to_integer<std::uint32_t>(line[i]) << (8 * i);
  return dword & 0xF'FFFF;
}
}  // namespace

Portals::Place Portals::place(const Tlp& t) const {
  Place at;
  const ConfigShadow& f = bench_.function;
  if (!f.memory_space || f.bar2 == 0 || t.address < f.bar2) return at;
  const std::uint64_t offset = t.address - f.bar2;
  if (offset >= kQueueBytes * bench_.registers.num_queues()) return at;
  at.portal = true;
  at.wq = static_cast<std::uint32_t>(offset / kQueueBytes);
  at.limited = (offset & kPageBytes) != 0;
  at.ims = (offset & 2 * kPageBytes) != 0;
  at.whole = t.payload_bytes == 64 && (offset & 63) == 0 && t.first_be == 0xF && t.last_be == 0xF;
  return at;
}

void Portals::remember(Rule rule, std::uint32_t wq, std::span<const std::byte, 64> line) {
  Phantom& p = phantoms_[next_phantom_++ % phantoms_.size()];
  p.used = true;
  p.rule = rule;
  p.wq = wq;
  const Queue& queue = bench_.registers.queue(wq);
  p.pasid = queue.dedicated && queue.pasid_enable ? queue.pasid : pasid_of(line);
  std::copy(line.begin(), line.end(), p.line.begin());
}

void Portals::assemble(const Tlp& t, const Place& at) {
  const std::size_t start = static_cast<std::size_t>(t.address & 63);
  for (std::size_t i = 0; i < t.payload_bytes && start + i < 64; ++i) {
    torn_[start + i] = t.payload[i];
    torn_bytes_ |= std::uint64_t{1} << (start + i);
  }
  if (torn_bytes_ != ~std::uint64_t{0}) return;
  remember(Rule::kPcie86, at.wq, torn_);
  torn_bytes_ = 0;
}

void Portals::on_posted(const Tlp& t, std::uint64_t cycle) {
  const Place at = place(t);
  if (!at.portal || (t.prefix.present && !bench_.function.pasid)) return;
  const Queue& queue = bench_.registers.queue(at.wq);
  bench_.report.check(Rule::kPcie86);
  if (!at.whole || t.ep) {
    assemble(t, at);
    return;
  }
  const bool live = queue.live() && bench_.registers.device_enabled();
  bench_.report.check(Rule::kPcie80);
  bench_.report.check(Rule::kPcie81);
  if (!live || !queue.dedicated) {
    remember(live ? Rule::kPcie81 : Rule::kPcie80, at.wq, line_of(t));
    return;
  }
  scoreboard_.accept({at.wq, at.ims, line_of(t), queue.unfinished >= queue.size, cycle}, cycle);
}

Portals::Kind Portals::kind(const Tlp& t, const Place& at) const {
  if (t.ep) return Kind::kPoisoned;
  if (!at.portal || !at.whole) return Kind::kMisplaced;
  const Queue& queue = bench_.registers.queue(at.wq);
  if (!queue.live() || !bench_.registers.device_enabled()) return Kind::kDead;
  return queue.dedicated ? Kind::kDedicated : Kind::kShared;
}

void Portals::on_deferrable(const Tlp& t, Request& request, std::uint64_t) {
  const Place at = place(t);
  const Kind what = kind(t, at);
  kinds_[t.tag & 1023] = what;
  ims_[t.tag & 1023] = at.ims;
  request.queue = at.wq;
  if (what != Kind::kShared) return;
  Queue& queue = bench_.registers.queue(at.wq);
  const std::uint32_t limit = at.limited ? std::min(queue.threshold, queue.size) : queue.size;
  request.had_room = queue.state == QueueState::kLive && !bench_.registers.command_active() &&
                     queue.unfinished + queue.under_way < limit;
  request.pasid = pasid_of(request.line);
  request.counted = true;
  ++queue.under_way;
  queue.peak = std::max(queue.peak, queue.unfinished + queue.under_way);
  std::erase(waiting_, t.tag & 1023);
  waiting_.push_back(t.tag & 1023);
  ++bench_.pasids.get(request.pasid).undecided;
}

void Portals::on_answer(const Tlp& t, Request& request, std::uint64_t cycle) {
  Report& report = bench_.report;
  const Context at{.cycle = cycle,
                   .tlp = &t,
                   .wq = request.queue,
                   .pasid = request.counted ? request.pasid : kNoPasid,
                   .scope = &bench_.link_events};
  if (request.counted) {
    --bench_.registers.queue(request.queue).under_way;
    --bench_.pasids.get(request.pasid).undecided;
    request.counted = false;
    std::erase(waiting_, t.tag & 1023);
  }
  if (request.pasid_disabled) return;  // PCIE-30
  const bool sc = t.status == CplStatus::kSc, rrs = t.status == CplStatus::kRrs;
  const std::string status = fmt::format("completion status {}", static_cast<unsigned>(t.status));
  switch (kinds_[t.tag & 1023]) {
    case Kind::kMisplaced:
      if (!report.holds(Rule::kPcie78, !sc))
        report.violation(Rule::kPcie78, at,
                         "deferrable write of wrong size, alignment or place was accepted");
      return;
    case Kind::kPoisoned:
      if (!report.holds(Rule::kPcie79, rrs || t.status == CplStatus::kUr))
        report.violation(Rule::kPcie79, at, "poisoned deferrable write: " + status);
      return;
    case Kind::kDead:
      bench_.stats.retries += rrs ? 1 : 0;
      if (!report.holds(Rule::kPcie80, rrs))
        report.violation(Rule::kPcie80, at, "deferrable write to a disabled queue: " + status);
      remember(Rule::kPcie80, request.queue, request.line);
      return;
    case Kind::kDedicated:
      if (!report.holds(Rule::kPcie81, rrs))
        report.violation(Rule::kPcie81, at, "deferrable write to a dedicated queue: " + status);
      remember(Rule::kPcie81, request.queue, request.line);
      return;
    case Kind::kShared:
      break;
  }
  if (!report.holds(Rule::kPcie75, sc || rrs)) report.violation(Rule::kPcie75, at, status);
  if (sc && !request.accepted_early) {
    scoreboard_.accept({request.queue, ims_[t.tag & 1023], request.line, false, request.cycle},
                       cycle);
  } else if (!sc) {
    judge_retry(t, request, cycle);
  }
}

void Portals::judge_retry(const Tlp& t, Request& request, std::uint64_t cycle) {
  Report& report = bench_.report;
  const Context at{.cycle = cycle,
                   .tlp = &t,
                   .wq = request.queue,
                   .pasid = request.pasid,
                   .scope = &bench_.pasids.get(request.pasid).ring};
  ++bench_.stats.retries;
  report.check(Rule::kSiovD57);
  if (request.accepted_early) {
    report.violation(Rule::kSiovD57, at,
                     "work of a deferrable write was seen, then it was answered retry");
    return;
  }
  remember(Rule::kSiovD57, request.queue, request.line);
  if (t.status != CplStatus::kRrs) return;
  const Queue& queue = bench_.registers.queue(request.queue);
  const bool steady = queue.state == QueueState::kLive && !bench_.registers.command_active();
  if (!report.holds(Rule::kPcie84, !(request.had_room && steady))) {
    report.violation(
        Rule::kPcie84, at,
        fmt::format("retry although the queue of {} entries had room when the write was sent",
                    queue.size));
  }
}

bool Portals::touched_by(std::span<const std::byte, 64> line, const Tlp& t) const {
  return touches(abi::decode_descriptor(line), t);
}

bool Portals::accept_early(PasidState& space, const Tlp& t, std::uint64_t cycle) {
  for (const std::uint16_t tag : waiting_) {
    Request& r = bench_.host_requests.at(tag);
    if (r.accepted_early || r.pasid != space.pasid || !touched_by(r.line, t)) continue;
    r.accepted_early = true;
    r.item = scoreboard_.accept({r.queue, ims_[tag], r.line, false, r.cycle}, cycle);
    return true;
  }
  return false;
}

void Portals::forget() {
  for (const std::uint16_t tag : waiting_) {
    Request& r = bench_.host_requests.at(tag);
    --bench_.registers.queue(r.queue).under_way;
    --bench_.pasids.get(r.pasid).undecided;
    r.counted = false;
  }
  waiting_.clear();
}

bool Portals::explain(std::uint32_t pasid, const Tlp& t, std::uint64_t cycle) {
  for (std::size_t i = 0; i < phantoms_.size(); ++i) {
    const Phantom& p = phantoms_[(next_phantom_ + phantoms_.size() - 1 - i) % phantoms_.size()];
    if (!p.used || p.pasid != pasid || !touched_by(p.line, t)) continue;
    Context at = bench_.context(t, cycle);
    at.wq = p.wq;
    bench_.report.violation(p.rule, at, "request of a submission that was not accepted");
    return true;
  }
  return false;
}

}  // namespace siov::check
