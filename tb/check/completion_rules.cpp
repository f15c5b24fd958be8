// SPDX-License-Identifier: Apache-2.0
// TlpRules, pcie.md 12.4: completions of both directions against the requests they answer.
#include <fmt/format.h>

#include <cstring>

#include "check/tlp_rules.hpp"
#include "pcie/ats_tlp.hpp"

namespace siov::check {

using pcie::CplStatus;
using pcie::Direction;
using pcie::Tlp;
using pcie::TlpType;

namespace {

bool is_read(TlpType type) {
  return type == TlpType::kMemRead || type == TlpType::kConfigRead0 ||
         type == TlpType::kConfigRead1 || type == TlpType::kIoRead;
}

bool defined(CplStatus status) {
  return status == CplStatus::kSc || status == CplStatus::kUr || status == CplStatus::kRrs ||
         status == CplStatus::kCa;
}

}  // namespace

void TlpRules::unexpected(const Tlp& t, const Request& r, const Context& at) {
  if (r.forgotten) return;
  if (!r.used || r.requester != t.requester) {
    fail(Rule::kPcie32, at,
         fmt::format("no request of {:#06x} with tag {:#x}", t.requester.value, t.tag));
  } else if (r.type == TlpType::kMemRead) {
    fail(Rule::kPcie40, at,
         fmt::format("request with tag {:#x} has had its final completion", t.tag));
  } else {
    fail(Rule::kPcie41, at, fmt::format("second completion for tag {:#x}", t.tag));
  }
}

void TlpRules::answered_in_time(const Tlp& t, const Request& r, const Context& at) {
  Report& report = bench_.report;
  const std::uint64_t limit = r.type == TlpType::kDeferrableWrite
                                  ? bench_.config.deferrable_limit_cycles
                                  : bench_.config.completion_limit_cycles;
  if (!r.late_reported && !report.holds(Rule::kPcie42, at.cycle <= r.cycle + limit)) {
    fail(Rule::kPcie42, at,
         fmt::format("completion after {} cycles, limit {}", at.cycle - r.cycle, limit));
  }
  if (r.pasid_disabled && !report.holds(Rule::kPcie30, t.status == CplStatus::kUr)) {
    fail(Rule::kPcie30, at, "request with PASID while PASID Enable is 0 was not answered UR");
  }
}

void TlpRules::completion(Direction direction, const Tlp& t, std::uint64_t cycle, Seen& seen) {
  Report& report = bench_.report;
  Outstanding& table = direction == Direction::kUp ? bench_.host_requests : bench_.device_requests;
  Request& r = table.at(t.tag);
  const Context at = bench_.context(t, cycle);
  if (!report.holds(Rule::kPcie32, r.active && r.requester == t.requester)) {
    unexpected(t, r, at);
    return;
  }
  report.check(Rule::kPcie40);
  report.check(Rule::kPcie41);
  if (!report.holds(Rule::kPcie36, !t.bcm))  // @spec pcie.md 5
    fail(Rule::kPcie36, at, "BCM is set: no PCIe completer modifies the Byte Count");
  completion_identity(direction, t, r, at);
  if (direction == Direction::kUp) answered_in_time(t, r, at);
  seen.answered = &r;
  const bool retry_ok = r.type == TlpType::kDeferrableWrite || r.type == TlpType::kConfigRead0 ||
                        r.type == TlpType::kConfigWrite0;
  if (!report.holds(Rule::kPcie34,
                    defined(t.status) && (t.status != CplStatus::kRrs || retry_ok))) {
    fail(Rule::kPcie34, at,
         fmt::format("completion status {} for this request", static_cast<unsigned>(t.status)));
  }
  const bool data_due = is_read(r.type) && t.status == CplStatus::kSc;
  if (!report.holds(Rule::kPcie35, (t.type == TlpType::kCompletionData) == data_due)) {
    fail(Rule::kPcie35, at, data_due ? "successful read without data" : "data where none belongs");
    seen.last = true;
    table.close(r);
    return;
  }
  if (r.at == 1) {
    translation_piece(t, r, at, seen);
  } else if (r.type == TlpType::kMemRead) {
    read_piece(direction, t, r, at, seen);
  } else {
    seen.last = true;
    if (!report.holds(Rule::kPcie36, t.byte_count == 4))
      fail(Rule::kPcie36, at, fmt::format("Byte Count {}, must be 4", t.byte_count));
    if (!report.holds(Rule::kPcie37, t.lower_address == 0))
      fail(Rule::kPcie37, at, fmt::format("Lower Address {:#x}, must be 0", t.lower_address));
    if (data_due && !report.holds(Rule::kPcie39, t.payload_bytes == 4))
      fail(Rule::kPcie39, at, fmt::format("{} bytes, must be 4", t.payload_bytes));
  }
  if (seen.last) table.close(r);
}

void TlpRules::completion_identity(Direction direction, const Tlp& t, const Request& r,
                                   const Context& at) {
  const ConfigShadow& f = bench_.function;
  bool ok = t.tc == r.tc && t.ro == r.ro && t.ns == r.ns;
  std::string text;
  if (!ok)
    text =
        fmt::format("TC {} RO {} NS {}, request had {} {} {}", t.tc, t.ro, t.ns, r.tc, r.ro, r.ns);
  if (direction == Direction::kUp && ok) {
    const bool settling = !f.bdf_known || !f.bdf_settled;
    ok = t.completer == f.bdf || (settling && t.completer == f.previous_bdf);
    if (!ok)
      text = fmt::format("Completer ID {:#06x}, captured {:#06x}", t.completer.value, f.bdf.value);
  }
  if (!bench_.report.holds(Rule::kPcie33, ok)) fail(Rule::kPcie33, at, text);
}

/// One or two completions of whole entries; the last has as many bytes as Byte Count says, at the
/// end of a block. @spec pcie.md 9.2, vtd.md 4.6
void TlpRules::translation_piece(const Tlp& t, Request& r, const Context& at, Seen& seen) {
  Report& report = bench_.report;
  seen.bytes_before = r.span - r.left;
  seen.last = true;
  if (t.status != CplStatus::kSc) return;
  const bool whole = t.payload_bytes % pcie::kEntryBytes == 0 && t.payload_bytes <= r.left;
  if (!report.holds(Rule::kPcie39, whole && t.payload_bytes != 0)) {
    fail(Rule::kPcie39, at,
         fmt::format("{} payload bytes of translations, {} were asked for", t.payload_bytes,
                     r.left));
    return;
  }
  if (!report.holds(Rule::kPcie36, t.byte_count >= t.payload_bytes && t.byte_count <= r.left)) {
    fail(Rule::kPcie36, at,
         fmt::format("Byte Count {}, {} bytes of translations", t.byte_count, t.payload_bytes));
    return;
  }
  const std::uint32_t lower = (bench_.config.host_rcb - t.byte_count) & 0x7F;
  if (!report.holds(Rule::kPcie37, t.lower_address == lower)) {
    fail(Rule::kPcie37, at,
         fmt::format("Lower Address {:#x}, {:#x} for the end of a block", t.lower_address, lower));
  }
  seen.last = t.byte_count == t.payload_bytes;
  r.left -= t.payload_bytes;
}

void TlpRules::read_piece(Direction direction, const Tlp& t, Request& r, const Context& at,
                          Seen& seen) {
  Report& report = bench_.report;
  seen.bytes_before = r.span - r.left;
  if (r.span == 0) {
    seen.last = true;
    const bool ok = t.byte_count == 1 && (t.status != CplStatus::kSc || t.payload_bytes == 4);
    if (!report.holds(Rule::kPcie43, ok))
      fail(Rule::kPcie43, at,
           fmt::format("zero-length read: {} bytes, Byte Count {}", t.payload_bytes, t.byte_count));
    return;
  }
  if (!report.holds(Rule::kPcie36, t.byte_count == r.left))
    fail(Rule::kPcie36, at, fmt::format("Byte Count {}, {} bytes are left", t.byte_count, r.left));
  if (!report.holds(Rule::kPcie37, t.lower_address == (r.next & 0x7F))) {
    fail(Rule::kPcie37, at,
         fmt::format("Lower Address {:#x}, next byte is at {:#x}", t.lower_address, r.next));
  }
  if (t.status != CplStatus::kSc) {
    seen.last = true;
    return;
  }
  const auto lead = static_cast<std::uint32_t>(r.next & 3);
  const std::uint32_t whole = (lead + r.left + 3) & ~3u;
  const std::uint32_t limit =
      direction == Direction::kUp ? bench_.function.max_payload : bench_.config.host_max_payload;
  if (!report.holds(Rule::kPcie39, t.payload_bytes <= whole && t.payload_bytes <= limit &&
                                       t.payload_bytes > lead)) {
    fail(Rule::kPcie39, at,
         fmt::format("{} payload bytes, {} left, Max_Payload_Size {}", t.payload_bytes, r.left,
                     limit));
    seen.last = true;
    return;
  }
  const bool final_piece = t.payload_bytes == whole;
  const std::uint32_t bytes = final_piece ? r.left : t.payload_bytes - lead;
  const std::uint32_t rcb =
      direction == Direction::kUp ? bench_.config.device_rcb : bench_.config.host_rcb;
  if (!final_piece && !report.holds(Rule::kPcie38, ((r.next + bytes) & (rcb - 1)) == 0)) {
    fail(Rule::kPcie38, at,
         fmt::format("piece ends at {:#x}, not a multiple of {}", r.next + bytes, rcb));
  }
  if (r.data_known && !t.ep) {
    const bool same =
        std::memcmp(t.payload.data() + lead, r.expected.data() + seen.bytes_before, bytes) == 0;
    Context whose = at;
    if (r.has_pasid) whose.pasid = r.pasid;
    if (!report.holds(Rule::kPcie44, same))
      fail(Rule::kPcie44, whose,
           fmt::format("data of {:#x} differs from memory at the time of the request", r.next));
  }
  r.next += bytes;
  r.left -= bytes;
  seen.last = final_piece;
}

}  // namespace siov::check
