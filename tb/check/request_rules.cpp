// SPDX-License-Identifier: Apache-2.0
// TlpRules, pcie.md 12.2: requests of the device against the function's configuration and the table
// of tags; opening of host requests.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "check/tlp_rules.hpp"

namespace siov::check {

using pcie::Direction;
using pcie::Tlp;
using pcie::TlpType;

bool legal_byte_enables(std::uint16_t length_dw, std::uint8_t first, std::uint8_t last,
                        std::uint64_t address) {
  if (length_dw == 1) return last == 0;
  if (first == 0 || last == 0) return false;
  const bool to_top = first == 0xF || first == 0xE || first == 0xC || first == 0x8;
  const bool from_bottom = last == 0xF || last == 0x7 || last == 0x3 || last == 0x1;
  if (to_top && from_bottom) return true;
  return length_dw == 2 && (address & 7) == 0;
}

void TlpRules::on_tlp(Direction direction, const Tlp& t, std::uint64_t cycle, Seen& seen) {
  seen.usable = format(direction, t, cycle);
  if (!seen.usable) return;
  if (t.is_completion()) {
    completion(direction, t, cycle, seen);
  } else if (direction == Direction::kUp) {
    device_request(t, cycle, seen);
  } else {
    host_request(t, cycle, seen);
  }
}

void TlpRules::requester_identity(const Tlp& t, std::uint64_t cycle) {
  Report& report = bench_.report;
  const ConfigShadow& f = bench_.function;
  const bool current = t.requester == f.bdf || (!f.bdf_settled && t.requester == f.previous_bdf);
  const bool stale = !current && t.requester == f.previous_bdf;
  report.check(Rule::kPcie89);
  if (stale) {
    fail(Rule::kPcie89, bench_.context(t, cycle),
         fmt::format("Requester ID {:#06x} is the one before the last configuration write",
                     t.requester.value));
  } else if (!report.holds(Rule::kPcie15, current)) {
    fail(Rule::kPcie15, bench_.context(t, cycle),
         fmt::format("Requester ID {:#06x}, captured {:#06x}", t.requester.value, f.bdf.value));
  }
}

bool TlpRules::is_dma(const Tlp& t, std::uint64_t cycle, Seen& seen) {
  Report& report = bench_.report;
  switch (t.type) {
    case TlpType::kMessage:
    case TlpType::kMessageData: {
      const bool error = t.message_code == 0x30 || t.message_code == 0x31 ||
                         t.message_code == 0x33;  // @spec pcie.md 10.6
      if (error && !report.holds(Rule::kPcie92, bench_.config.expect_errors)) {
        fail(Rule::kPcie92, bench_.context(t, cycle),
             fmt::format("error message {:#04x}", t.message_code));
      }
      return false;
    }
    case TlpType::kFetchAdd:
    case TlpType::kSwap:
    case TlpType::kCompareSwap:
      report.check(Rule::kPcie19);
      fail(Rule::kPcie19, bench_.context(t, cycle), "AtomicOp without AtomicOp Requester Enable");
      seen.usable = false;
      return false;
    case TlpType::kDeferrableWrite:
      report.check(Rule::kPcie20);
      fail(Rule::kPcie20, bench_.context(t, cycle),
           "deferrable write without DMWr Requester Enable");
      seen.usable = false;
      return false;
    default:
      return true;
  }
}

void TlpRules::device_request(const Tlp& t, std::uint64_t cycle, Seen& seen) {
  Report& report = bench_.report;
  const ConfigShadow& f = bench_.function;
  requester_identity(t, cycle);
  if (!is_dma(t, cycle, seen)) return;
  if (!enables(t, cycle)) {
    seen.usable = false;
    return;
  }
  seen.usable =
      f.bus_master &&
      (f.pasid || !t.prefix.present);  // what is still under way belongs to work that is given up
  const std::uint32_t bytes = t.length_dw * 4u;
  if (!report.holds(Rule::kPcie13, (t.address & 0xFFF) + bytes <= 4096)) {
    fail(Rule::kPcie13, bench_.context(t, cycle),
         fmt::format("{} bytes at {:#x} cross 4 KiB", bytes, t.address));
  }
  if (!report.holds(Rule::kPcie14,
                    legal_byte_enables(t.length_dw, t.first_be, t.last_be, t.address))) {
    fail(
        Rule::kPcie14, bench_.context(t, cycle),
        fmt::format("byte enables {:#x}/{:#x} with Length {}", t.first_be, t.last_be, t.length_dw));
  }
  if (t.type == TlpType::kMemWrite) {
    if (!report.holds(Rule::kPcie11, t.payload_bytes <= f.max_payload)) {
      fail(Rule::kPcie11, bench_.context(t, cycle),
           fmt::format("payload {} B, Max_Payload_Size {} B", t.payload_bytes, f.max_payload));
    }
    return;
  }
  device_read(t, cycle, seen);
}

bool TlpRules::enables(const Tlp& t, std::uint64_t cycle) {
  Report& report = bench_.report;
  const ConfigShadow& f = bench_.function;
  const std::uint64_t grace = bench_.config.grace_cycles;
  report.check(Rule::kPcie17);
  report.check(Rule::kPcie18);
  if (!f.bus_master) {
    const bool went_off = f.in_flr || f.bus_master_was_on;
    const std::uint64_t off = f.in_flr ? f.flr_cycle : f.bus_master_off_cycle;
    if (!went_off) {
      fail(Rule::kPcie17, bench_.context(t, cycle), "memory request while Bus Master Enable is 0");
      return false;
    } else if (cycle > off + grace) {
      fail(Rule::kPcie18, bench_.context(t, cycle),
           fmt::format("memory request {} cycles after {}", cycle - off,
                       f.in_flr ? "function level reset" : "Bus Master Enable was cleared"));
      return false;
    }
  }
  if (f.d3hot && !report.holds(Rule::kPcie93, cycle <= f.d3_cycle + grace)) {
    fail(Rule::kPcie93, bench_.context(t, cycle), "memory request in D3hot");
    return false;
  }
  return true;
}

void TlpRules::device_read(const Tlp& t, std::uint64_t cycle, Seen& seen) {
  Report& report = bench_.report;
  const ConfigShadow& f = bench_.function;
  if (!report.holds(Rule::kPcie12, t.length_dw * 4u <= f.max_read_request)) {
    fail(Rule::kPcie12, bench_.context(t, cycle),
         fmt::format("read of {} B, Max_Read_Request_Size {} B", t.length_dw * 4,
                     f.max_read_request));
  }
  Outstanding& table = bench_.device_requests;
  // With 10-bit tags bits 9:8 are never 00. @spec pcie.md 3
  const std::uint16_t first = f.ten_bit_tag ? 256 : 0;
  const std::uint16_t limit = f.ten_bit_tag ? 1024 : f.extended_tag ? 256 : 32;
  if (!report.holds(Rule::kPcie16, t.tag >= first && t.tag < limit)) {
    fail(
        Rule::kPcie16, bench_.context(t, cycle),
        fmt::format("tag {:#x} is outside the enabled range of {} to {}", t.tag, first, limit - 1));
  }
  const Request& old = table.at(t.tag);
  if (old.active) {
    if (cycle >= old.cycle + bench_.config.device_timeout_cycles) {
      seen.timed_out = old.owner();
      seen.translation_timed_out = old.at == 1;
      seen.timed_out_pasid = old.has_pasid ? old.pasid : kNoPasid;
      seen.timed_out_page = old.address;
    } else {
      fail(Rule::kPcie16, bench_.context(t, cycle),
           fmt::format("tag {:#x} is in use since {} ns", t.tag,
                       old.cycle * bench_.config.period / 1000));
    }
  }
  Request& r = table.open(t, cycle);
  r.start = r.next = t.first_byte();
  r.span = r.left = t.byte_span();
  r.order = bench_.order();
  seen.opened = &r;
  if (!report.holds(Rule::kPcie21, table.count() <= bench_.config.max_outstanding_reads)) {
    fail(Rule::kPcie21, bench_.context(t, cycle),
         fmt::format("{} reads outstanding, at most {} allowed", table.count(),
                     bench_.config.max_outstanding_reads));
  }
  if (t.at == 0) expect_data(bench_, r);
}

void expect_data(Bench& bench, Request& r) {
  if (!bench.config.check_read_data || bench.config.memory == nullptr || r.span == 0 ||
      r.span > r.expected.size())
    return;
  std::optional<Pasid> space = bench.config.rid_pasid;
  if (r.has_pasid) space = Pasid{r.pasid};
  if (space)
    r.data_known =
        bench.config.memory->peek(*space, Iova{r.next}, std::span(r.expected).first(r.span));
}

void TlpRules::host_request(const Tlp& t, std::uint64_t cycle, Seen& seen) {
  if (t.type == TlpType::kMemWrite || t.type == TlpType::kMessage ||
      t.type == TlpType::kMessageData)
    return;
  Outstanding& table = bench_.host_requests;
  if (!bench_.report.holds(Rule::kPcie16,
                           !table.at(t.tag).active || table.at(t.tag).late_reported)) {
    fail(Rule::kPcie16, bench_.context(t, cycle),
         fmt::format("host reuses tag {:#x} while it is outstanding", t.tag));
  }
  Request& r = table.open(t, cycle);
  r.pasid_disabled = t.prefix.present && !bench_.function.pasid;
  r.next = r.address;
  r.span = r.left = 4;
  if (t.type == TlpType::kMemRead) {
    r.next = t.first_byte();
    r.span = r.left = t.byte_span();
  } else if (t.type == TlpType::kDeferrableWrite) {
    std::memcpy(r.line.data(), t.payload.data(), std::min<std::size_t>(64, t.payload_bytes));
  } else if (t.type == TlpType::kConfigWrite0) {
    r.written = 0;
    for (unsigned i = 0; i < 4; ++i)
      r.written |= std::to_integer<std::uint32_t>(t.payload[i]) << (8 * i);
  }
  seen.opened = &r;
}

void TlpRules::scan(std::uint64_t cycle) {
  bench_.host_requests.for_each_active([&](std::uint16_t tag, Request& r) {
    if (r.late_reported) return;
    const bool deferrable = r.type == TlpType::kDeferrableWrite;
    const std::uint64_t limit =
        deferrable ? bench_.config.deferrable_limit_cycles : bench_.config.completion_limit_cycles;
    if (bench_.report.holds(Rule::kPcie42, cycle <= r.cycle + limit)) return;
    const Context at{.cycle = cycle, .scope = &bench_.link_events};
    fail(
        Rule::kPcie42, at,
        fmt::format("host request with tag {:#x}, sent at {} ns, has no completion after {} cycles",
                    tag, r.cycle * bench_.config.period / 1000, limit));
    r.late_reported = true;
  });
}

void TlpRules::end_of_test(std::uint64_t cycle) {
  const auto judge = [&](Outstanding& table, const char* who, std::uint64_t timeout) {
    bench_.report.check(Rule::kIdleTags);
    table.for_each_active([&](std::uint16_t tag, Request& r) {
      if (r.late_reported || cycle >= r.cycle + timeout) return;  // the device gave up waiting
      const Context at{
          .cycle = cycle, .pasid = r.has_pasid ? r.pasid : kNoPasid, .scope = &bench_.link_events};
      fail(Rule::kIdleTags, at,
           fmt::format("{} request with tag {:#x} of {} ns is still outstanding", who, tag,
                       r.cycle * bench_.config.period / 1000));
    });
  };
  judge(bench_.device_requests, "device", bench_.config.device_timeout_cycles);
  judge(bench_.host_requests, "host", ~std::uint64_t{0} / 2);
}

}  // namespace siov::check
