// SPDX-License-Identifier: Apache-2.0
// The tables from RTADDR to the PASID entry, and what a request ends with. @spec VT-d 2, 4, 9
#include "reference_walker.hpp"

#include <fmt/format.h>

#include "reference_walker_state.hpp"

namespace siov::iommu::reference {

namespace {

/// Reasons that FPD = 1 keeps out of the log: column q. @spec VT-d 9.1
bool qualified(unsigned reason) {
  if (reason < 0x40) return false;                                       // RTA, SRT, 29h
  if (reason == 0x40 || reason == 0x50 || reason == 0x58) return false;  // fetch errors
  return reason != 0x89;                                                 // before any entry
}

/// Column T of the fault table: reasons that abort a translation request.
bool aborts_translation(unsigned reason) {
  switch (reason) {
    case 0x30:
    case 0x38:
    case 0x3A:
    case 0x40:
    case 0x42:
    case 0x43:
    case 0x50:
    case 0x52:
    case 0x58:
    case 0x5A:
    case 0x5B:
    case 0x78:
    case 0x7A:
    case 0x7B:
    case 0x7C:
    case 0x7D:
    case 0x87:
      return true;
    default:
      return false;
  }
}

/// Column T: reasons for which translation is not permitted at all.
bool refuses_translation(unsigned reason) {
  switch (reason) {
    case 0x31:
    case 0x33:
    case 0x34:
    case 0x39:
    case 0x41:
    case 0x44:
    case 0x45:
    case 0x46:
    case 0x48:
    case 0x89:
      return true;
    default:
      return false;
  }
}

bool in_interrupt_range(std::uint64_t address) { return address >> 20 == 0xFEE; }

}  // namespace

bool Walker::read(std::uint64_t address, std::uint64_t& value) const {
  const auto found = memory_.read64(Hpa{address});
  if (found) value = *found;
  return found.has_value();
}

bool Walker::beyond_host(std::uint64_t address) const { return address >> unit_.haw != 0; }

bool Walker::root_address(State& s) const {
  if (registers_.ttm == 0) return s.fault(0x31);  // with PASID only; the caller sees to that
  if (registers_.ttm == 2) return s.fault(0x30);
  if (registers_.ttm == 3) return s.fault(unit_.abort_dma ? 0x33 : 0x30);
  if (beyond_host(registers_.root)) return s.fault(0x30);
  if (s.request.with_pasid && s.request.pasid >> unit_.pasid_bits != 0) return s.fault(0x89);
  return true;
}

bool Walker::context(State& s) const {
  const unsigned bus = s.request.rid >> 8;
  const unsigned devfn = s.request.rid & 0xFF;
  std::uint64_t half = 0;  // lower half of the root entry: devfn 0..127
  if (!read(registers_.root + bus * 16 + (devfn >= 128 ? 8 : 0), half)) return s.fault(0x38);
  if ((half & 1) == 0) return s.fault(0x39);
  if (bits(half, 11, 1) != 0 || beyond_host(half)) return s.fault(0x3A);

  const std::uint64_t at = (half & kPage) + (devfn & 0x7F) * 32;
  for (unsigned i = 0; i < 4; ++i)
    if (!read(at + 8 * i, s.context[i])) return s.fault(0x40);
  s.fpd |= bit(s.context[0], 1);
  if (!bit(s.context[0], 0)) return s.fault(0x41);

  std::uint64_t reserved0 = 0x180;              // bits 8:7
  reserved0 |= 0x60;                            // HPTE, EPTR: revision 5 features, not in this unit
  if (!unit_.device_tlb) reserved0 |= 1u << 2;  // DTE
  if (!unit_.pasid) reserved0 |= 1u << 3;       // PASIDE
  if (!unit_.page_requests) reserved0 |= 1u << 4;  // PRE
  std::uint64_t reserved1 = ~std::uint64_t{0x1FFFFF};
  if (!unit_.rid_pasid) reserved1 |= 0xFFFFF;
  if (!unit_.rid_privilege) reserved1 |= 1u << 20;
  if ((s.context[0] & reserved0) != 0 || beyond_host(s.context[0])) return s.fault(0x42);
  if ((s.context[1] & reserved1) != 0 || s.context[2] != 0 || s.context[3] != 0)
    return s.fault(0x42);
  return context_combination(s);
}

bool Walker::context_combination(State& s) const {
  const bool dte = bit(s.context[0], 2);
  const bool paside = bit(s.context[0], 3);
  const bool pre = bit(s.context[0], 4);
  const std::uint64_t pasids = std::uint64_t{1} << (bits(s.context[0], 11, 9) + 13);
  const std::uint32_t rid_pasid =
      unit_.rid_pasid ? static_cast<std::uint32_t>(bits(s.context[1], 19, 0)) : 0;
  if (!dte && pre) return s.fault(0x43);
  if (rid_pasid >= pasids) return s.fault(0x43);
  if (s.request.at != kUntranslated && !dte) return s.fault(0x44);
  if (s.request.at == kTranslated) return true;
  if (s.request.with_pasid) {
    if (!paside) return s.fault(0x45);
    if (s.request.pasid >= pasids) return s.fault(0x46);
    if (s.request.pasid == rid_pasid) return s.fault(0x48);
    s.pasid = s.request.pasid;
    s.privileged = s.request.privileged;
  } else {
    s.pasid = rid_pasid;
    s.privileged = unit_.rid_privilege && bit(s.context[1], 20);
  }
  return true;
}

bool Walker::directory(State& s) const {
  std::uint64_t entry = 0;
  if (!read((s.context[0] & kPage) + (s.pasid >> 6) * 8, entry)) return s.fault(0x50);
  s.fpd |= bit(entry, 1);
  if (!bit(entry, 0)) return s.fault(0x51);
  if (bits(entry, 11, 2) != 0 || beyond_host(entry)) return s.fault(0x52);
  s.pasid_table = entry & kPage;
  return true;
}

bool Walker::pasid_entry(State& s) const {
  const std::uint64_t at = s.pasid_table + (s.pasid & 63) * 64;
  for (unsigned i = 0; i < 8; ++i)
    if (!read(at + 8 * i, s.entry[i])) return s.fault(0x58);
  s.fpd |= bit(s.entry[0], 1);
  if (!bit(s.entry[0], 0)) return s.fault(0x59);

  // Reserved bits by quadword. DID 79:64, CD, EMTE, EMT, PWT, PCD and PAT 127:89, and 133, 134 of
  // older revisions are never reserved.
  std::uint64_t reserved0 = 1u << 5;
  if (!unit_.second_stage_dirty) reserved0 |= 1u << 9;            // SSADE
  std::uint64_t reserved1 = bits(~std::uint64_t{0}, 6, 0) << 16;  // 86:80
  if (unit_.domain_bits < 16) reserved1 |= 0xFFFFull >> unit_.domain_bits << unit_.domain_bits;
  if (!unit_.coherent_walk) reserved1 |= 1u << 23;     // PWSNP
  if (!unit_.snoop_control) reserved1 |= 1u << 24;     // PGSNP
  std::uint64_t reserved2 = 1u << 1 | 0xF00;           // 129, 139:136
  if (!unit_.supervisor) reserved2 |= 1u << 0;         // SRE
  if (!unit_.extended_accessed) reserved2 |= 1u << 7;  // EAFE
  if ((s.entry[0] & reserved0) != 0) return s.fault(0x5A);
  if ((s.entry[1] & reserved1) != 0) return s.fault(0x5A);
  if ((s.entry[2] & reserved2) != 0) return s.fault(0x5A);
  for (unsigned i = 3; i < 8; ++i)
    if (s.entry[i] != 0) return s.fault(0x5A);
  return pasid_entry_values(s);
}

bool Walker::pasid_entry_values(State& s) const {
  const unsigned aw = static_cast<unsigned>(bits(s.entry[0], 4, 2));
  const unsigned pgtt = static_cast<unsigned>(bits(s.entry[0], 8, 6));
  const unsigned fspm = static_cast<unsigned>(bits(s.entry[2], 3, 2));
  const std::uint64_t fsptptr = s.entry[2] & kPage;
  s.first = pgtt == 1 || pgtt == 3;
  s.second = pgtt == 2 || pgtt == 3;
  const bool supported = (pgtt == 1 && unit_.first_stage) || (pgtt == 2 && unit_.second_stage) ||
                         (pgtt == 3 && unit_.nested) || (pgtt == 4 && unit_.pass_through);
  if (!supported) return s.fault(0x5B);
  if (s.second) {
    if (beyond_host(s.entry[0])) return s.fault(0x5A);
    const bool width = (aw == 1 && unit_.second_stage_3_level) ||
                       (aw == 2 && unit_.second_stage_4_level) ||
                       (aw == 3 && unit_.second_stage_5_level);
    if (!width) return s.fault(0x5B);
    s.second_levels = aw + 2;
    s.second_root = s.entry[0] & kPage;
  }
  if (s.first) {
    if (fspm > 1 || (fspm == 1 && !unit_.first_stage_5_level)) return s.fault(0x5B);
    if (s.second && fsptptr >> unit_.mgaw != 0) return s.fault(0x5B);
    if (!s.second && beyond_host(fsptptr)) return s.fault(0x5A);
    s.first_levels = fspm + 4;
    s.first_root = fsptptr;
  }
  if (s.privileged && !bit(s.entry[2], 0)) return s.fault(0x5D);
  return true;
}

void Walker::refuse(const State& s, Answer& a) const {
  a.reason = s.reason;
  a.status = Status::kUnsupportedRequest;
  bool reported = true;
  if (s.request.at == kTranslationRequest) {
    if (aborts_translation(s.reason)) {
      a.status = Status::kCompleterAbort;
    } else if (!refuses_translation(s.reason)) {
      a.status = Status::kSuccess;  // R = W = U = S = 0: the device may ask for the page
      reported = s.reason == 0x91;
    }
  }
  a.recorded = reported && !(qualified(s.reason) && s.fpd);
  if (!a.recorded) return;
  a.record_low = s.request.address & kPage;
  a.record_high = s.request.rid;
  if (!s.request.write) a.record_high |= std::uint64_t{1} << (126 - 64);  // {T1,T2} = 10: read
  if (s.request.with_pasid) {
    a.record_high |= std::uint64_t{s.request.privileged} << (93 - 64);
    a.record_high |= std::uint64_t{1} << (95 - 64);
    a.record_high |= std::uint64_t{s.request.pasid} << (104 - 64);
  }
  a.record_high |= std::uint64_t{s.reason} << (96 - 64);
  a.record_high |= std::uint64_t{s.request.at} << (124 - 64);
  a.record_high |= std::uint64_t{1} << (127 - 64);
}

void Walker::translated(State& s, Answer& a) const {
  a.host = s.host;
  a.shift = s.shift;
  a.pass_through = !s.first && !s.second;
  a.updates = s.updates;
  if (s.second) a.leaf = s.last.used.back().address;
  if (s.first && (!s.second || s.shift < s.last.shift)) a.leaf = s.first_used.back().entry.address;
  a.read = s.can_read;
  a.write = s.can_write && s.wants_write;
  a.privileged = s.request.with_pasid && s.request.privileged;
  a.non_snooped = bit(s.entry[1], 24) || (s.second && s.last.snoop);
}

Answer Walker::answer(const Request& request) const {
  Answer a;
  State s(request);
  s.wants_write =
      request.at == kTranslationRequest && !(request.no_write && unit_.no_write_flag);  // NWFS
  const auto unsupported = [&a] { a.status = Status::kUnsupportedRequest; };

  if (request.at == kReservedAt) return unsupported(), a;
  if (request.at == kTranslationRequest && request.write) return unsupported(), a;
  if (request.at == kTranslated && request.with_pasid) return unsupported(), a;
  if (request.at == kUntranslated && !request.with_pasid && in_interrupt_range(request.address)) {
    a.judged = !(request.write && request.bytes == 4);
    a.flushed = !request.write && request.bytes == 0;
    if (a.judged && !a.flushed) {
      s.reason = 0x29;
      refuse(s, a);
    }
    return a;
  }
  if (!registers_.translation) {
    if (request.at != kUntranslated) unsupported();
    a.host = request.address;
    return a;
  }
  if (registers_.ttm == 0 && !request.with_pasid) {
    a.judged = false;
    return a;
  }

  bool good = root_address(s) && context(s);
  if (good && request.at == kTranslated) {
    s.host = request.address;
    if (in_interrupt_range(s.host))
      good = s.fault(0x87);
    else if (beyond_host(s.host))
      good = s.fault(0x83);
    if (good)
      translated(s, a);
    else
      refuse(s, a);
    return a;
  }
  if (good && request.at == kTranslationRequest && !request.with_pasid &&
      in_interrupt_range(request.address)) {
    a.write = a.untranslated_only = s.wants_write;  // interrupts are sent untranslated
    return a;
  }
  good = good && directory(s) && pasid_entry(s) && address_width(s);
  if (good && s.first) good = first_stage(s);
  if (good && s.second) good = second_stage(s, s.first ? s.guest : request.address, false);
  if (good && !s.first && !s.second) s.host = request.address;
  if (good) good = rights(s);
  if (good && in_interrupt_range(s.host)) good = s.fault(0x87);
  if (good) good = accessed_dirty(s);
  if (good)
    translated(s, a);
  else
    refuse(s, a);
  return a;
}

std::string describe(const Request& r) {
  static constexpr const char* kAt[] = {"untranslated", "translation request", "translated",
                                        "AT=11"};
  std::string text = fmt::format("{} {} of {} bytes at {:#x} by {:04x}", kAt[r.at & 3],
                                 r.write ? "write" : "read", r.bytes, r.address, r.rid);
  if (r.with_pasid) text += fmt::format(" PASID {:#x}{}", r.pasid, r.privileged ? " PR" : "");
  if (r.no_write) text += " NW";
  return text;
}

std::string describe(const Answer& a) {
  static constexpr const char* kStatus[] = {"SC", "UR", "CA"};
  std::string text = fmt::format("{} reason {:02x}h {}", kStatus[static_cast<unsigned>(a.status)],
                                 a.reason, a.recorded ? "recorded" : "not recorded");
  if (a.status == Status::kSuccess && a.reason == 0)
    text += fmt::format(" host {:#x} shift {} R{:d} W{:d}", a.host, a.shift, a.read, a.write);
  for (const Update& u : a.updates) text += fmt::format(" [{:#x}|={:#x}]", u.address, u.set);
  return text;
}

}  // namespace siov::iommu::reference
