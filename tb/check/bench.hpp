// SPDX-License-Identifier: Apache-2.0
// Bench: what all checkers of one referee share: configuration, report, shadows, tables of
// requests, state of each PASID.
//
//   bench.report.violation(Rule::kPcie12, bench.context(tlp, cycle), "...");
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <vector>

#include "check/config.hpp"
#include "check/config_shadow.hpp"
#include "check/event_ring.hpp"
#include "check/grants.hpp"
#include "check/outstanding.hpp"
#include "check/range_index.hpp"
#include "check/register_shadow.hpp"
#include "check/report.hpp"
#include "check/stats.hpp"

namespace siov::check {

/// Work that has ended a short while ago, to tell a repetition from a stray access.
struct Finished {
  std::uint64_t number = kNoDescriptor;
  std::uint64_t cycle = 0;  ///< of its last TLP
  std::uint32_t wq = kNoQueue;
  bool record_due = false, has_record_address = false;
  std::uint64_t record = 0;
  std::array<std::uint64_t, 3> lo{}, hi{};  ///< data, source 0, source 1
};

/// Everything known about one PASID, or about requests without one.
struct PasidState {
  static constexpr std::size_t kRecent = 16;
  std::uint32_t pasid = kNoPasid;
  EventRing ring;
  RangeIndex reads, writes;
  WorkItem* last_read = nullptr;  ///< the read and the write that the latest TLP belonged to
  WorkItem* last_write = nullptr;
  std::uint32_t live_dedicated = 0;  ///< live dedicated queues with this PASID
  std::bitset<256>
      shared;  ///< shared queues that have accepted work of this PASID since its last stop
  bool ever_live = false;
  std::uint32_t active = 0;     ///< work items in flight
  std::uint32_t undecided = 0;  ///< deferrable writes of this PASID without answer
  std::uint64_t progress_cycle = 0;
  std::array<Finished, kRecent> recent;
  std::size_t next_recent = 0;

  bool live() const { return live_dedicated != 0 || shared.any() || active != 0; }
};

/// PASID -> state: two levels of 1024, found with two loads.
class PasidTable {
 public:
  PasidTable() { none_.pasid = kNoPasid; }
  PasidState* find(std::uint32_t pasid) {
    if (pasid == kNoPasid) return &none_;
    const auto& chunk = chunks_[pasid >> 10 & 1023];
    return chunk ? (*chunk)[pasid & 1023].get() : nullptr;
  }
  PasidState& get(std::uint32_t pasid) {
    if (PasidState* state = find(pasid)) return *state;
    auto& chunk = chunks_[pasid >> 10 & 1023];
    if (!chunk) chunk = std::make_unique<Chunk>();
    auto& slot = (*chunk)[pasid & 1023];
    slot = std::make_unique<PasidState>();
    slot->pasid = pasid;
    all_.push_back(slot.get());
    return *slot;
  }
  /// All that exist, in order of first use; requests without PASID are not among them.
  const std::vector<PasidState*>& all() const { return all_; }
  PasidState& none() { return none_; }

 private:
  using Chunk = std::array<std::unique_ptr<PasidState>, 1024>;
  std::array<std::unique_ptr<Chunk>, 1024> chunks_;
  std::vector<PasidState*> all_;
  PasidState none_;
};

struct Bench {
  explicit Bench(const Config& c) : config(c), report(c.period), registers(c) {}

  Config config;
  Report report;
  ConfigShadow function;
  RegisterShadow registers;
  PasidTable pasids;
  EventRing link_events;
  Outstanding device_requests, host_requests;
  Grants grants;
  Stats stats;

  /// Place of the TLP under way on the link.
  std::uint64_t order() const { return stats.tlps_up + stats.tlps_down; }

  /// Context of a TLP without further owner.
  Context context(const pcie::Tlp& tlp, std::uint64_t cycle) {
    Context c{.cycle = cycle, .tlp = &tlp, .scope = &link_events};
    if (!tlp.prefix.present) return c;
    c.pasid = tlp.prefix.pasid;
    if (const PasidState* state = pasids.find(tlp.prefix.pasid)) c.scope = &state->ring;
    return c;
  }
};

/// Writes to FEEx_xxxx are interrupt messages unless they carry a PASID. @spec vtd.md 4.1
constexpr bool in_interrupt_window(std::uint64_t address) { return address >> 20 == 0xFEE; }

}  // namespace siov::check
