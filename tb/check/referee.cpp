// SPDX-License-Identifier: Apache-2.0
// Referee: hands each TLP to the checkers in the right order and keeps the shadows up to date.
#include "check/referee.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>

#include "abi/little_endian.hpp"
#include "check/bench.hpp"
#include "check/commands.hpp"
#include "check/credits.hpp"
#include "check/digest.hpp"
#include "check/event_log.hpp"
#include "check/interrupts.hpp"
#include "check/isolation.hpp"
#include "check/page_requests.hpp"
#include "check/portals.hpp"
#include "check/scoreboard.hpp"
#include "check/tlp_rules.hpp"
#include "check/translations.hpp"
#include "pcie/ats_tlp.hpp"

namespace siov::check {

using pcie::Direction;
using pcie::Tlp;
using pcie::TlpType;

namespace {
constexpr std::uint64_t kScanPeriod = 2048;  // [cycles]
}  // namespace

struct Referee::Parts {
  explicit Parts(const Config& config)
      : bench(config),
        rules(bench),
        scoreboard(bench),
        interrupts(bench, scoreboard),
        portals(bench, scoreboard),
        event_log(bench, scoreboard),
        isolation(bench, scoreboard, interrupts, portals, event_log),
        pages(bench, scoreboard),
        translations(bench, scoreboard, pages),
        commands(bench, scoreboard, pages),
        credits(bench) {}

  void down(const Tlp& t, TlpRules::Seen& seen, std::uint64_t cycle);
  void up(const Tlp& t, TlpRules::Seen& seen, std::uint64_t cycle);
  void completed(const Tlp& t, TlpRules::Seen& seen, std::uint64_t cycle);
  void configuration_write(const Tlp& t, std::uint64_t cycle);
  void posted_write(const Tlp& t, std::uint64_t cycle);
  void answered(const Tlp& t, TlpRules::Seen& seen, std::uint64_t cycle);
  void register_read(const Tlp& t, const Request& request, std::uint64_t cycle);
  void judge_register(std::uint32_t offset, std::span<const std::byte> bytes, const Tlp& t,
                      std::uint64_t cycle);
  void judge_software_error(std::uint32_t offset, std::span<const std::byte> bytes, const Tlp& t,
                            std::uint64_t cycle);
  bool in_bar0(std::uint64_t address) const {
    const ConfigShadow& f = bench.function;
    const std::uint32_t bytes = f.bar0_bytes != 0 ? f.bar0_bytes : bench.registers.bar0_bytes();
    return f.memory_space && f.bar0 != 0 && address >= f.bar0 && address - f.bar0 < bytes;
  }

  Bench bench;
  TlpRules rules;
  Scoreboard scoreboard;
  Interrupts interrupts;
  Portals portals;
  EventLogRules event_log;
  Isolation isolation;
  PageRequests pages;
  Translations translations;
  Commands commands;
  Credits credits;
  Digest digest;
};

Referee::Referee(const Config& config) : parts_(std::make_unique<Parts>(config)) {}
Referee::~Referee() = default;

void Referee::on_tlp(Direction direction, const Tlp& tlp, std::uint64_t cycle) {
  Parts& p = *parts_;
  Bench& b = p.bench;
  const bool up = direction == Direction::kUp;
  if (cycle >= next_scan_) scan(cycle);  // memory holds what all TLPs before this one did
  ++(up ? b.stats.tlps_up : b.stats.tlps_down);
  if (b.config.digest) p.digest.on_tlp(direction, tlp, cycle);
  b.link_events.push(direction, tlp, cycle);
  if (tlp.prefix.present) b.pasids.get(tlp.prefix.pasid).ring.push(direction, tlp, cycle);
  p.credits.on_tlp(direction, tlp, cycle);
  TlpRules::Seen seen;
  p.rules.on_tlp(direction, tlp, cycle, seen);
  if (!seen.usable) return;
  if (up) {
    p.up(tlp, seen, cycle);
  } else {
    p.down(tlp, seen, cycle);
  }
}

void Referee::Parts::down(const Tlp& t, TlpRules::Seen& seen, std::uint64_t cycle) {
  switch (t.type) {
    case TlpType::kMemWrite:
      posted_write(t, cycle);
      return;
    case TlpType::kConfigWrite0:
      configuration_write(t, cycle);
      return;
    case TlpType::kDeferrableWrite:
      portals.on_deferrable(t, *seen.opened, cycle);
      return;
    case TlpType::kCompletion:
    case TlpType::kCompletionData:
      completed(t, seen, cycle);
      return;
    case TlpType::kMessage:
      if (t.message_code == pcie::kMsgPageResponse) pages.on_response(t, cycle);
      return;
    case TlpType::kMessageData:
      if (t.message_code == pcie::kMsgInvalidateRequest) translations.on_invalidate(t, cycle);
      return;
    default:
      return;
  }
}

void Referee::Parts::completed(const Tlp& t, TlpRules::Seen& seen, std::uint64_t cycle) {
  if (seen.answered == nullptr) return;
  Request& request = *seen.answered;
  if (request.at == pcie::kAtRequest) {
    translations.on_completion(t, request, cycle);
  } else if (t.status != pcie::CplStatus::kSc || t.ep) {
    scoreboard.read_failed(request.owner(), cycle);
  } else if (request.item != nullptr && (request.list || request.span == 0)) {
    scoreboard.read_data(request, t, seen.bytes_before, cycle);
  }
}

void Referee::Parts::configuration_write(const Tlp& t, std::uint64_t cycle) {
  if (t.ep) return;  // target unchanged. @spec pcie.md 11
  ConfigShadow& f = bench.function;
  std::uint32_t dword = 0;
  for (unsigned i = 0; i < 4; ++i) dword |= std::to_integer<std::uint32_t>(t.payload[i]) << (8 * i);
  const bool bus_master = f.bus_master, pasid = f.pasid, ats = f.ats, pri = f.pri;
  const bool lost = f.on_write(t.register_offset, t.first_be, dword, t.config_target, cycle);
  if (ats && !f.ats && !lost) translations.disabled(cycle);
  if (!ats && f.ats) translations.enabled();
  if (t.register_offset == f.page_request_status()) pages.on_control(t.first_be, dword);
  if (lost) {
    interrupts.forget();
    portals.forget();
    translations.forget(cycle);
    pages.forget();
    commands.lost(true, cycle);
  } else if (bench.registers.device_enabled() &&
             (bus_master != f.bus_master || pasid != f.pasid || ats != f.ats || pri != f.pri)) {
    commands.lost(false, cycle);  // Halt. @spec dsa.md 1.4
  }
  bench.registers.set_msix(f.msix_entries, f.msix_table, f.msix_pending);
}

void Referee::Parts::posted_write(const Tlp& t, std::uint64_t cycle) {
  if (!in_bar0(t.address)) {
    portals.on_posted(t, cycle);
    return;
  }
  if (t.ep || t.payload_bytes > 8 || (t.prefix.present && !bench.function.pasid)) return;
  const auto offset = static_cast<std::uint32_t>(t.address - bench.function.bar0);
  // Enabled bytes in runs.
  const std::uint32_t enabled =
      t.first_be | static_cast<std::uint32_t>(t.length_dw == 2 ? t.last_be << 4 : 0);
  for (std::uint32_t lo = 0; lo < t.payload_bytes;) {
    std::uint32_t hi = lo;
    while (hi < t.payload_bytes && (enabled >> hi & 1u) != 0) ++hi;
    if (hi == lo) {
      ++lo;
      continue;
    }
    const auto command = bench.registers.write(offset + lo, t.data().subspan(lo, hi - lo), cycle);
    if (command) commands.started(*command);
    lo = hi;
  }
}

void Referee::Parts::up(const Tlp& t, TlpRules::Seen& seen, std::uint64_t cycle) {
  if (t.is_completion()) {
    if (seen.answered != nullptr) answered(t, seen, cycle);
    return;
  }
  scoreboard.start_due(cycle);
  if (seen.timed_out.item != nullptr) scoreboard.read_failed(seen.timed_out, cycle);
  if (seen.translation_timed_out)
    translations.timed_out(seen.timed_out_pasid, seen.timed_out_page, cycle);
  if (t.type == TlpType::kMemRead || t.type == TlpType::kMemWrite) {
    const bool translating = t.at == pcie::kAtUntranslated || rules.translating(cycle);
    if (t.at == pcie::kAtUntranslated || (!translating && t.prefix.present)) {
      isolation.on_request(t, seen.opened, cycle);
    } else if (!translating) {
      return;  // PCIE-05; whose it is cannot be told
    } else if (t.at == pcie::kAtTranslated) {
      if (translations.allowed(t, cycle)) isolation.on_translated(t, seen.opened, cycle);
    } else if (t.type == TlpType::kMemRead && t.at == pcie::kAtRequest) {
      translations.on_request(t, seen.opened, cycle);
    }
  } else if (t.message_code == pcie::kMsgPageRequest) {
    pages.on_request(t, cycle);
  } else if (t.message_code == pcie::kMsgInvalidateCompletion) {
    translations.on_invalidate_done(t, cycle);
  }
}

void Referee::Parts::answered(const Tlp& t, TlpRules::Seen& seen, std::uint64_t cycle) {
  Request& request = *seen.answered;
  const bool success = t.status == pcie::CplStatus::kSc;
  switch (request.type) {
    case TlpType::kDeferrableWrite:
      portals.on_answer(t, request, cycle);
      return;
    case TlpType::kConfigWrite0:
      bench.function.on_write_completed();
      return;
    case TlpType::kConfigRead0: {
      if (!success || t.payload_bytes != 4) return;
      std::uint32_t dword = 0;
      for (unsigned i = 0; i < 4; ++i)
        dword |= std::to_integer<std::uint32_t>(t.payload[i]) << (8 * i);
      if (request.register_offset == bench.function.page_request_status())
        pages.on_status(dword, t, cycle);
      bench.report.check(Rule::kPcie87);
      bench.report.check(Rule::kPcie88);
      bench.report.check(Rule::kPcie90);
      const ConfigShadow::Finding finding = bench.function.on_read(request.register_offset, dword);
      using Kind = ConfigShadow::Finding::Kind;
      if (finding.kind == Kind::kNone) return;
      const Rule rule = finding.kind == Kind::kField      ? Rule::kPcie87
                        : finding.kind == Kind::kAfterFlr ? Rule::kPcie90
                                                          : Rule::kPcie88;
      bench.report.violation(rule, bench.context(t, cycle), finding.text);
      return;
    }
    case TlpType::kMemRead:
      if (success && seen.last && in_bar0(request.address)) register_read(t, request, cycle);
      return;
    default:
      return;
  }
}

void Referee::Parts::register_read(const Tlp& t, const Request& request, std::uint64_t cycle) {
  if (request.span == 0 || request.length_dw > 2) return;
  const std::uint64_t first = request.next - request.span;
  const auto lead = static_cast<std::size_t>(first & 3);
  if (lead + request.span > t.payload_bytes) return;
  const auto offset = static_cast<std::uint32_t>(first - bench.function.bar0);
  const std::span<const std::byte> bytes = t.data().subspan(lead, request.span);
  judge_register(offset, bytes, t, cycle);
  judge_software_error(offset, bytes, t, cycle);
  if (offset == abi::kRegEvlstatus && bytes.size() == 8)
    event_log.on_status(abi::load_le(bytes, 8), t, cycle);
  if (const auto wq = bench.registers.queue_status(offset); wq && bytes.size() >= 4)
    interrupts.on_occupancy_read(*wq, static_cast<std::uint32_t>(abi::load_le(bytes, 4)), t, cycle);
  if (const auto ended = bench.registers.read(offset, bytes)) {
    interrupts.settle_early(cycle, true);
    commands.ended(*ended, cycle);
  }
}

void Referee::Parts::judge_register(std::uint32_t offset, std::span<const std::byte> bytes,
                                    const Tlp& t, std::uint64_t cycle) {
  RegisterShadow& registers = bench.registers;
  const std::uint32_t pba = registers.pba_offset();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::uint32_t at = offset + static_cast<std::uint32_t>(i);
    const auto value = std::to_integer<unsigned>(bytes[i]);
    const std::vector<InterruptEntry>& msix = registers.entries(false);
    if (at >= pba && (at - pba) * 8 < msix.size()) {
      for (std::size_t bit = 0; bit < 8 && (at - pba) * 8 + bit < msix.size(); ++bit) {
        interrupts.on_pending_read(msix[(at - pba) * 8 + bit], (value >> bit & 1) != 0, t, cycle);
      }
      continue;
    }
    const RegisterShadow::TableHit hit = registers.message_table(at);
    if (hit.entry == nullptr) continue;
    const InterruptEntry& e = *hit.entry;
    if (e.ims && hit.byte == 12) interrupts.on_pending_read(e, (value >> 1 & 1) != 0, t, cycle);
    unsigned expected = value;
    if (hit.byte < 8 && e.address_written)
      expected = static_cast<unsigned>(e.address >> (8 * hit.byte) & 0xFF);
    if (hit.byte >= 8 && hit.byte < 12 && e.data_written)
      expected = e.data >> (8 * (hit.byte - 8)) & 0xFF;
    if (bench.report.holds(Rule::kPcie44, value == expected)) continue;
    bench.report.violation(
        Rule::kPcie44, bench.context(t, cycle),
        fmt::format("byte {} of {} entry {} reads {:02x}, {:02x} was written", hit.byte,
                    e.ims ? "IMS" : "MSI-X", e.index, value, expected));
    return;
  }
}

void Referee::Parts::judge_software_error(std::uint32_t offset, std::span<const std::byte> bytes,
                                          const Tlp& t, std::uint64_t cycle) {
  if (offset != abi::kRegSwerror || bytes.size() < 4 || (bytes[0] & std::byte{1}) == std::byte{0})
    return;
  const auto code = std::to_integer<std::uint8_t>(bytes[1]);
  const bool device_level = code >= abi::kSwErrPciChanged && code <= abi::kSwErrEvlAppend;
  if (bench.report.holds(Rule::kSwErr, device_level || scoreboard.software_error_expected(code)))
    return;
  bench.report.violation(
      Rule::kSwErr, bench.context(t, cycle),
      fmt::format("SWERROR shows code {:#04x}, which no descriptor has earned", code));
}

void Referee::on_credit_limits(const pcie::CreditLimits& down, const pcie::CreditLimits& up,
                               std::uint64_t cycle) {
  parts_->credits.on_limits(Direction::kDown, down, cycle);
  parts_->credits.on_limits(Direction::kUp, up, cycle);
}

void Referee::scan(std::uint64_t cycle) {
  next_scan_ = cycle + kScanPeriod;
  parts_->rules.scan(cycle);
  parts_->credits.scan(cycle);
  parts_->interrupts.settle_early(cycle, false);
  parts_->interrupts.scan(cycle);
  parts_->translations.scan(cycle);
  parts_->pages.scan(cycle);
  parts_->scoreboard.scan(cycle);
}

void Referee::end_of_test(std::uint64_t cycle) {
  scan(cycle);
  parts_->rules.end_of_test(cycle);
  parts_->interrupts.settle_early(cycle, true);
  parts_->translations.end_of_test(cycle);
  parts_->pages.end_of_test(cycle);
  parts_->scoreboard.end_of_test(cycle);
  parts_->credits.end_of_test(cycle);
}

const Report& Referee::report() const { return parts_->bench.report; }
Report& Referee::report() { return parts_->bench.report; }

Stats Referee::stats() const {
  Stats stats = parts_->bench.stats;
  stats.checks = parts_->bench.report.total_checks();
  return stats;
}

std::string Referee::digest() const { return parts_->digest.hex(); }
std::size_t Referee::outstanding_descriptors() const { return parts_->scoreboard.active().size(); }

}  // namespace siov::check
