// SPDX-License-Identifier: Apache-2.0
// EventLogRules: place, owner and content of log entries.
#include "check/event_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "abi/little_endian.hpp"

namespace siov::check {

using pcie::Tlp;

namespace {

constexpr std::uint32_t kEntryBytes = 64;  // @spec dsa.md 2.11

std::uint64_t qword(std::span<const std::byte, kEntryBytes> entry, std::size_t index) {
  return abi::load_le(entry.subspan(8 * index), 8);
}

/// What the work may log: the code, the address, the information, the record.
struct Expected {
  std::uint8_t code = 0;
  bool status_only = false;  ///< an access failed: its address and information are not known
};

Expected expected_of(const WorkItem& item) {
  if (item.expected.log_record) return {item.expected.error_code, false};
  const std::uint8_t status = item.status();
  const bool access = status == abi::kStReadError || status == abi::kStWriteError ||
                      status == abi::kStReadbackFault;
  return {status, access || item.open};
}

/// Bits of the three quadwords that are judged: not the unused bits 1:0, the batch identifier, and
/// "first error in batch", which depends on the order of the members.
constexpr std::uint64_t kHeadBits = ~std::uint64_t{0xFF00'0003};
constexpr std::uint64_t kInfoBits = ~(std::uint64_t{1} << 51);
constexpr std::uint64_t kIndexBits = 0xFFFF;

std::uint64_t head(const WorkItem& item, std::uint8_t code) {
  const bool has_pasid = item.space->pasid != kNoPasid;
  std::uint64_t value = 0x8C;  // error information, queue and descriptor are valid
  value |= std::uint64_t{item.is_member()} << 4;
  value |= std::uint64_t{has_pasid && item.expected.privileged} << 6;
  value |= std::uint64_t{code} << 8 | std::uint64_t{item.wq} << 16;
  value |= std::uint64_t{item.descriptor.opcode} << 32;
  if (has_pasid) value |= std::uint64_t{item.space->pasid} << 40;
  return value;
}

}  // namespace

bool EventLogRules::inside(const Tlp& t) const {
  const EventLog& log = bench_.registers.log();
  const std::uint64_t at = t.first_byte();
  return log.on && at >= log.base && at - log.base < std::uint64_t{log.size} * kEntryBytes;
}

bool EventLogRules::owned(const Tlp& t) const {
  const EventLog& log = bench_.registers.log();
  return t.prefix.present == log.pasid_enable && (!log.pasid_enable || t.prefix.pasid == log.pasid);
}

void EventLogRules::foreign(const Tlp& t, std::uint64_t cycle) {
  const EventLog& log = bench_.registers.log();
  bench_.report.violation(
      Rule::kEvlOwner, bench_.context(t, cycle),
      fmt::format("write into the event log; its entries carry {}",
                  log.pasid_enable ? fmt::format("PASID {:#x}", log.pasid) : "no PASID"));
}

void EventLogRules::judge_place(const Tlp& t, std::uint64_t cycle) {
  EventLog& log = bench_.registers.log();
  const Context at = bench_.context(t, cycle);
  const std::uint64_t place = log.base + std::uint64_t{log.tail} * kEntryBytes;
  const bool shape = t.payload_bytes == kEntryBytes && t.first_be == 0xF && t.last_be == 0xF;
  if (!bench_.report.holds(Rule::kEvlRing, shape && t.address == place)) {
    bench_.report.violation(Rule::kEvlRing, at,
                            fmt::format("{} bytes at {:#x}; the tail {} is at {:#x}", t.byte_span(),
                                        t.first_byte(), log.tail, place));
    return;
  }
  if (!bench_.report.holds(Rule::kEvlRing, (log.tail + 1) % log.size != log.head)) {
    bench_.report.violation(
        Rule::kEvlRing, at,
        fmt::format("entry {} although the log is full, head {}", log.tail, log.head));
  }
}

/// An entry that tells of a page fault: its owner, its code, its page. Bit 7 of the code is not
/// part of it; the record of a lost one is in the entry and judged by whoever copies it.
bool EventLogRules::fault_fits(const WorkItem& item,
                               std::span<const std::byte, kEntryBytes> entry) const {
  if (!item.fault_maybe) return false;
  constexpr std::uint64_t kOwner = 0x0FFF'FFFF'00FF'0000;
  const auto code = std::to_integer<std::uint8_t>(entry[1]);
  if (((qword(entry, 0) ^ head(item, code)) & kOwner) != 0) return false;
  const std::uint64_t index = item.is_member() ? item.member : 0;
  return (qword(entry, 1) & kIndexBits) == index &&
         scoreboard_.fault_logged(item, code, qword(entry, 2));
}

int EventLogRules::fit(const WorkItem& item, std::span<const std::byte, kEntryBytes> entry) const {
  const Expected e = expected_of(item);
  if (fault_fits(item, entry)) return 2;
  const std::uint64_t seen = qword(entry, 0) & kHeadBits;
  constexpr std::uint64_t kCode = 0xFF00, kWho = 0x0FFF'FFFF'00FF'0000;
  if (((seen ^ head(item, e.code)) & kWho) != 0) return 0;
  const std::uint64_t index = item.is_member() ? item.member : 0;
  if ((qword(entry, 1) & kIndexBits) != index) return 0;
  const std::uint64_t code_bits = item.open ? ~kCode : ~std::uint64_t{0};
  if (((seen ^ head(item, e.code)) & code_bits) != 0) return 1;
  if (e.status_only) return 2;
  const std::uint64_t information = index | std::uint64_t{item.expected.error_info} << 32;
  const std::uint64_t bits = e.code == abi::kStInvalidFlags ? ~std::uint64_t{0} : kInfoBits;
  if (((qword(entry, 1) ^ information) & bits) != 0) return 1;
  if (qword(entry, 2) != item.expected.error_address.value || qword(entry, 3) != 0) return 1;
  const bool with_record =
      e.code == abi::kStBadHandle || e.code == abi::kStEvlDrain || e.code == abi::kStEvlBatch;
  std::array<std::byte, 32> record{};
  if (with_record) record = item.expected.record;
  return std::equal(record.begin(), record.end(), entry.begin() + 32) ? 2 : 1;
}

void EventLogRules::on_write(const Tlp& t, std::uint64_t cycle) {
  EventLog& log = bench_.registers.log();
  ++bench_.stats.log_entries;
  const bool privilege = !t.prefix.present || !bench_.function.pasid_privileged ||
                         t.prefix.privileged == log.privileged;
  if (!bench_.report.holds(Rule::kEvlOwner, privilege && t.tc == 0)) {
    bench_.report.violation(Rule::kEvlOwner, bench_.context(t, cycle),
                            privilege
                                ? fmt::format("log entry on traffic class {}", t.tc)
                                : fmt::format("PMR {}, the log is {}", t.prefix.privileged,
                                              log.privileged ? "privileged" : "not privileged"));
  }
  judge_place(t, cycle);
  log.tail = (log.tail + 1) % log.size;
  ++log.written;
  if (t.payload_bytes != kEntryBytes) return;
  const std::span<const std::byte, kEntryBytes> entry(t.payload.data(), kEntryBytes);
  WorkItem* best = nullptr;
  int quality = 0;
  for (WorkItem* item : scoreboard_.active()) {
    if (!(item->log_due || item->log_maybe) || item->log_seen) continue;
    const int now = fit(*item, entry);
    if (now == 0 || now < quality) continue;
    if (now == quality && best != nullptr && best->number < item->number) continue;
    best = item;
    quality = now;
  }
  if (!bench_.report.holds(Rule::kEvlEntry, quality == 2 && !t.ep)) {
    const Context at =
        best != nullptr ? scoreboard_.context(*best, &t, cycle) : bench_.context(t, cycle);
    bench_.report.violation(
        Rule::kEvlEntry, at,
        best == nullptr
            ? fmt::format("entry with code {:#04x} of WQ {}, which no descriptor has earned",
                          std::to_integer<unsigned>(entry[1]), std::to_integer<unsigned>(entry[2]))
            : fmt::format("{:016x} {:016x} {:016x}; expected code {:#04x}, info {:#010x}, "
                          "address {:#x}",
                          qword(entry, 0), qword(entry, 1), qword(entry, 2),
                          expected_of(*best).code, best->expected.error_info,
                          best->expected.error_address.value));
  }
  if (best == nullptr) return;
  if (fault_fits(*best, entry)) scoreboard_.end_at_page(*best, entry);
  scoreboard_.log_done(*best, cycle);
}

void EventLogRules::on_status(std::uint64_t status, const Tlp& t, std::uint64_t cycle) {
  const EventLog& log = bench_.registers.log();
  if (!log.on || log.size == 0) return;
  const auto tail = static_cast<std::uint32_t>(status >> abi::kEvlstatusTailLsb & 0xFFFF);
  const std::uint32_t filled = (log.tail + log.size - log.head) % log.size;
  const std::uint32_t behind = (log.tail + log.size - tail % log.size) % log.size;
  const bool pending = (status >> abi::kEvlstatusIntPendingLsb & 1) != 0;
  const bool ok = tail < log.size && behind <= filled && !(pending && log.written == 0);
  if (bench_.report.holds(Rule::kEvlRing, ok)) return;
  bench_.report.violation(
      Rule::kEvlRing, bench_.context(t, cycle),
      fmt::format("EVLSTATUS reads tail {}{}; {} entries have been written, the tail is {}", tail,
                  pending ? " and an interrupt" : "", log.written, log.tail));
}

}  // namespace siov::check
