// SPDX-License-Identifier: Apache-2.0
// Isolation: the owner of each memory request, and why a request has none.
#include "check/isolation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "pcie/ats_tlp.hpp"

namespace siov::check {

using pcie::Tlp;
using pcie::TlpType;

bool content_fits(const RangeIndex::Entry& e, const Tlp& t) {
  if (t.type == TlpType::kMemRead) return t.first_byte() + t.byte_span() <= e.hi;
  if (e.kind == RangeKind::kRecord) return t.address == e.lo && t.payload_bytes == 32;
  const std::uint64_t lo = t.first_byte();
  if (lo + t.byte_span() > e.hi) return false;
  const Piece* piece = e.item->piece_at(lo);
  if (piece == nullptr || piece->data == nullptr || lo + t.byte_span() > piece->hi) return false;
  const std::byte* expected = piece->data + (lo - piece->lo);
  return std::memcmp(t.payload.data() + (lo - t.address), expected, t.byte_span()) == 0;
}

bool Isolation::owned(PasidState& space, const Tlp& t, Request* request, std::uint64_t cycle) {
  if (t.type != TlpType::kMemRead) return scoreboard_.write(space, t, cycle);
  if (!scoreboard_.read(space, t, request, cycle)) return false;
  const bool data = request != nullptr && request->item != nullptr && !request->list;
  if (data && request->span != 0) read_buffers_.on_data_read(*request, t, cycle);
  return true;
}

void Isolation::on_request(const Tlp& t, Request* request, std::uint64_t cycle) {
  Report& report = bench_.report;
  report.check(Rule::kPcie22);
  report.check(Rule::kPcie28);
  if (t.type == TlpType::kMemWrite && log_.inside(t) && log_.owned(t)) {
    log_.on_write(t, cycle);
    return;
  }
  if (!t.prefix.present) {
    if (t.type == TlpType::kMemWrite && in_interrupt_window(t.address)) {
      interrupts_.on_message(t, cycle);
    } else {
      without_pasid(t, request, cycle);
    }
    return;
  }
  report.check(Rule::kPcie24);
  report.check(Rule::kPcie29);
  report.check(Rule::kSiovD22);
  PasidState& space = bench_.pasids.get(t.prefix.pasid);
  if (space.active != 0 && owned(space, t, request, cycle)) return;
  if (space.undecided != 0 && portals_.accept_early(space, t, cycle) &&
      owned(space, t, request, cycle))
    return;
  if (space.live() && t.byte_span() == 0) return;  // a flush touches nothing
  explain(space, t, cycle);
}

void Isolation::without_pasid(const Tlp& t, Request* request, std::uint64_t cycle) {
  PasidState& none = bench_.pasids.none();
  if (none.active != 0 && owned(none, t, request, cycle)) return;
  if (scoreboard_.explain_member(none, t, cycle)) return;
  if (t.type == TlpType::kMemWrite && log_.inside(t)) {
    log_.foreign(t, cycle);
    return;
  }
  bench_.report.violation(Rule::kPcie28, bench_.context(t, cycle),
                          "memory request without PASID that belongs to no queue without PASID");
}

void Isolation::explain(PasidState& space, const Tlp& t, std::uint64_t cycle) {
  Context at = bench_.context(t, cycle);
  if (t.type == TlpType::kMemWrite && in_interrupt_window(t.address) &&
      interrupts_.matches_entry(t)) {
    bench_.report.violation(Rule::kPcie26, at,
                            "interrupt message with a PASID prefix: the IOMMU takes it as DMA");
    return;
  }
  if (portals_.explain(space.pasid, t, cycle)) return;
  // Tenants often use the same addresses: a write is another's if its content is, a repetition if
  // it could be one.
  if (repeated_record(space, t, cycle) && explain_repeated(space, t, cycle)) return;
  if (explain_foreign(space, t, true, cycle)) return;
  if (scoreboard_.explain_member(space, t, cycle)) return;
  if (t.type == TlpType::kMemWrite && log_.inside(t)) {
    log_.foreign(t, cycle);
    return;
  }
  if (t.type == TlpType::kMemWrite && space.live() && explain_repeated(space, t, cycle)) return;
  if (explain_foreign(space, t, false, cycle)) return;
  if (!space.live()) {
    const Rule rule = space.ever_live ? Rule::kPcie29 : Rule::kPcie24;
    bench_.report.violation(rule, at,
                            space.ever_live ? "request of a PASID that has been stopped"
                                            : "PASID belongs to no live ADI");
    return;
  }
  if (explain_repeated(space, t, cycle)) return;
  bench_.report.violation(
      Rule::kPcie22, at,
      fmt::format("{:#x}..{:#x} is in no {} of a descriptor of this PASID", t.first_byte(),
                  t.first_byte() + t.byte_span(),
                  t.type == TlpType::kMemRead ? "source" : "destination or record"));
}

bool Isolation::repeated_record(const PasidState& space, const Tlp& t, std::uint64_t cycle) const {
  if (t.type != TlpType::kMemWrite || t.payload_bytes != 32 || !space.live()) return false;
  return std::any_of(space.recent.begin(), space.recent.end(), [&](const Finished& f) {
    return f.number != kNoDescriptor && f.has_record_address && f.record == t.address &&
           cycle <= f.cycle + bench_.config.grace_cycles;
  });
}

bool Isolation::explain_foreign(const PasidState& space, const Tlp& t, bool surely,
                                std::uint64_t cycle) {
  for (PasidState* other : bench_.pasids.all()) {
    if (other == &space || other->active == 0) continue;
    const RangeIndex& index = t.type == TlpType::kMemRead ? other->reads : other->writes;
    const WorkItem* victim = nullptr;
    index.containing(t.first_byte(), [&](const RangeIndex::Entry& e) {
      if (surely && !content_fits(e, t)) return false;
      victim = e.item;
      return true;
    });
    if (victim == nullptr) continue;
    const bool ignored = victim->dedicated || victim->is_member();
    const bool from_body = ignored && victim->descriptor.pasid.value == t.prefix.pasid;
    const Context at = scoreboard_.context(*victim, &t, cycle);
    if (t.at == pcie::kAtTranslated) {
      bench_.report.violation(
          Rule::kSiovD26, at,
          fmt::format(
              "translated address was granted to PASID {:#x}, the work belongs to PASID {:#x}",
              t.prefix.pasid, other->pasid));
      return true;
    }
    bench_.report.violation(
        from_body ? Rule::kSiovD23 : Rule::kSiovD22, at,
        fmt::format("carries PASID {:#x}{}, the work belongs to PASID {:#x}", t.prefix.pasid,
                    from_body ? " of the descriptor's body" : "", other->pasid));
    return true;
  }
  return false;
}

bool Isolation::explain_repeated(const PasidState& space, const Tlp& t, std::uint64_t cycle) {
  const std::uint64_t lo = t.first_byte();
  Context at = bench_.context(t, cycle);
  for (std::size_t i = 0; i < PasidState::kRecent; ++i) {  // youngest first
    const Finished& f =
        space.recent[(space.next_recent + PasidState::kRecent - 1 - i) % PasidState::kRecent];
    if (f.number == kNoDescriptor) continue;
    at.descriptor = f.number;
    at.wq = f.wq;
    const auto in = [&](std::size_t k) { return lo >= f.lo[k] && lo < f.hi[k]; };
    if (t.type == TlpType::kMemRead) {
      if (!in(1) && !in(2)) continue;
      bench_.report.violation(Rule::kSbReads, at,
                              "source is requested again after the work has ended");
      return true;
    }
    if (f.has_record_address && lo >= f.record && lo < f.record + 32) {
      bench_.report.violation(f.record_due ? Rule::kCrOnce : Rule::kCrUndue, at,
                              f.record_due
                                  ? "completion record is written again"
                                  : "no completion record is due: RCR is 0 and the work succeeded");
      ++bench_.stats.mismatches;
      return true;
    }
    if (!in(0)) continue;
    bench_.report.violation(Rule::kSbCover, at,
                            "destination is written again after the work has ended");
    ++bench_.stats.mismatches;
    return true;
  }
  return false;
}

}  // namespace siov::check
