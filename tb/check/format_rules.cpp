// SPDX-License-Identifier: Apache-2.0
// TlpRules, pcie.md 12.1 and the prefix rules of 12.3: what a header may say by itself.
#include <fmt/format.h>

#include "check/tlp_rules.hpp"
#include "pcie/ats_tlp.hpp"

namespace siov::check {

using pcie::Direction;
using pcie::Tlp;
using pcie::TlpType;

namespace {

bool carries_payload(TlpType type) {
  switch (type) {
    case TlpType::kMemWrite:
    case TlpType::kDeferrableWrite:
    case TlpType::kFetchAdd:
    case TlpType::kSwap:
    case TlpType::kCompareSwap:
    case TlpType::kIoWrite:
    case TlpType::kConfigWrite0:
    case TlpType::kConfigWrite1:
    case TlpType::kCompletionData:
    case TlpType::kMessageData:
      return true;
    default:
      return false;
  }
}

bool is_memory(TlpType type) { return type <= TlpType::kCompareSwap; }
bool is_config_or_io(TlpType type) {
  return type >= TlpType::kIoRead && type <= TlpType::kConfigWrite1;
}
bool is_message(TlpType type) { return type == TlpType::kMessage || type == TlpType::kMessageData; }

constexpr std::uint8_t kMsgInvalidateRequest = pcie::kMsgInvalidateRequest,
                       kMsgInvalidateCompletion = pcie::kMsgInvalidateCompletion,
                       kMsgPageRequest = pcie::kMsgPageRequest,
                       kMsgPrgResponse = pcie::kMsgPageResponse;

}  // namespace

bool TlpRules::legal_type(Direction direction, const Tlp& t) const {
  if (t.type == TlpType::kUnknown) return false;
  if (direction == Direction::kUp) {
    if (is_config_or_io(t.type)) return false;
    return !(is_message(t.type) &&
             (t.message_code == kMsgInvalidateRequest || t.message_code == kMsgPrgResponse));
  }
  return !(is_message(t.type) &&
           (t.message_code == kMsgPageRequest || t.message_code == kMsgInvalidateCompletion));
}

bool TlpRules::translating(std::uint64_t cycle) const {
  const ConfigShadow& f = bench_.function;
  return f.ats || (f.ats_off_cycle != 0 && cycle <= f.ats_off_cycle + bench_.config.grace_cycles);
}

bool TlpRules::format(Direction direction, const Tlp& t, std::uint64_t cycle) {
  Report& report = bench_.report;
  if (!report.holds(Rule::kPcie01, legal_type(direction, t))) {
    fail(Rule::kPcie01, bench_.context(t, cycle),
         fmt::format("Fmt/Type {:#04x} is undefined or not legal {}", t.fmt_type,
                     direction == Direction::kUp ? "from the device" : "from the host"));
    return false;
  }
  const bool payload = carries_payload(t.type);
  const bool fits = payload ? t.payload_bytes == t.length_dw * 4 : t.payload_bytes == 0;
  if (!report.holds(Rule::kPcie03, fits)) {
    fail(Rule::kPcie03, bench_.context(t, cycle),
         fmt::format("{} payload bytes with Length {} DW", t.payload_bytes, t.length_dw));
    return false;
  }
  if (is_memory(t.type) && !report.holds(Rule::kPcie02, t.four_dw == (t.address >> 32 != 0))) {
    fail(Rule::kPcie02, bench_.context(t, cycle),
         fmt::format("{} DW header with address {:#x}", t.four_dw ? 4 : 3, t.address));
  }
  if (!report.holds(Rule::kPcie04, !t.td && !(t.ep && t.payload_bytes == 0))) {
    fail(Rule::kPcie04, bench_.context(t, cycle),
         t.td ? "TD set although this link has no digests" : "EP set without payload");
  }
  const bool at_legal = t.at == 0 || (is_memory(t.type) && t.at < 3 && translating(cycle) &&
                                      (t.at != 1 || t.type == TlpType::kMemRead));
  if (!report.holds(Rule::kPcie05, at_legal))
    fail(Rule::kPcie05, bench_.context(t, cycle), fmt::format("AT {}", t.at));
  const bool reserved =
      t.reserved_bits_set || (is_message(t.type) && pcie::message_reserved_bits(t));
  if (!report.holds(Rule::kPcie10, !reserved))
    fail(Rule::kPcie10, bench_.context(t, cycle), "a reserved bit is 1");
  if (is_config_or_io(t.type)) {
    const bool ok = t.length_dw == 1 && t.last_be == 0 && t.tc == 0 && !t.ro && !t.ns && !t.ido;
    if (!report.holds(Rule::kPcie09, ok)) {
      fail(Rule::kPcie09, bench_.context(t, cycle),
           fmt::format("Length {} LastBE {:#x} TC {}", t.length_dw, t.last_be, t.tc));
    }
  } else {
    attributes(direction, t, cycle);
  }
  return !t.prefix.present || prefix(direction, t, cycle);
}

void TlpRules::attributes(Direction direction, const Tlp& t, std::uint64_t cycle) {
  Report& report = bench_.report;
  if (!t.is_completion()) {
    const unsigned allowed =
        bench_.config.tc_map | (direction == Direction::kUp ? bench_.registers.tc_map() : 0u);
    if (!report.holds(Rule::kPcie06, (allowed >> t.tc & 1u) != 0)) {
      fail(Rule::kPcie06, bench_.context(t, cycle),
           fmt::format("TC {} is not in the map {:#04x}", t.tc, allowed));
    }
  }
  const ConfigShadow& f = bench_.function;
  bool ok = true;
  if (is_message(t.type)) {
    ok = !t.ro && !t.ns;
  } else if (direction == Direction::kUp) {
    const bool interrupt =
        t.type == TlpType::kMemWrite && !t.prefix.present && in_interrupt_window(t.address);
    if (t.is_completion()) {
      ok = !t.ido || f.ido_completions;  // RO and NS are copied: PCIE-33
    } else {
      ok = (!t.ro || f.relaxed_ordering) && (!t.ns || f.no_snoop) && (!t.ido || f.ido_requests) &&
           !(interrupt && (t.ro || t.ns));
    }
  }
  if (!report.holds(Rule::kPcie07, ok)) {
    fail(Rule::kPcie07, bench_.context(t, cycle),
         fmt::format("RO {} NS {} IDO {}", t.ro, t.ns, t.ido));
  }
}

bool TlpRules::prefix(Direction direction, const Tlp& t, std::uint64_t cycle) {
  Report& report = bench_.report;
  const ConfigShadow& f = bench_.function;
  const std::uint32_t kind = t.prefix.raw >> 24;
  const bool known = t.prefix.raw == 0 || kind == 0x91;
  const bool place = is_memory(t.type) || is_message(t.type) || direction == Direction::kUp;
  if (!report.holds(Rule::kPcie08, known && place)) {
    fail(Rule::kPcie08, bench_.context(t, cycle),
         fmt::format("prefix {:#010x} on this TLP", t.prefix.raw));
    return true;
  }
  if (direction == Direction::kDown) return true;
  const bool page_request = is_message(t.type) && t.message_code == kMsgPageRequest;
  const bool request = is_memory(t.type) || page_request;
  if (!report.holds(Rule::kPcie26, request)) {
    fail(Rule::kPcie26, bench_.context(t, cycle),
         "PASID prefix on a TLP that is no memory request and no page request");
    return true;
  }
  const bool going_off =
      f.in_flr || (f.pasid_off_cycle != 0 &&
                   cycle <= f.pasid_off_cycle + bench_.config.grace_cycles);  // FLR: PCIE-18
  if (!report.holds(Rule::kPcie23, f.pasid || going_off)) {
    fail(Rule::kPcie23, bench_.context(t, cycle), "PASID prefix while PASID Enable is 0");
    return false;
  }
  const bool execute_ok = !t.prefix.execute || (f.pasid_execute && t.type == TlpType::kMemRead);
  if (!report.holds(Rule::kPcie25,
                    (!t.prefix.privileged || f.pasid_privileged || !f.pasid) && execute_ok)) {
    fail(Rule::kPcie25, bench_.context(t, cycle),
         fmt::format("PMR {} ER {} without their enables", t.prefix.privileged, t.prefix.execute));
  }
  return true;
}

}  // namespace siov::check
