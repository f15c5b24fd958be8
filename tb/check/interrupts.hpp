// SPDX-License-Identifier: Apache-2.0
// Interrupts: message writes against the programmed entries and the events that are due.
// pcie.md 12.6, SIOV-D-27..37.
//
//   if (interrupts.is_message(tlp)) interrupts.on_message(tlp, cycle);
#pragma once

#include <cstdint>
#include <vector>

#include "check/scoreboard.hpp"

namespace siov::check {

class Interrupts {
 public:
  Interrupts(Bench& bench, Scoreboard& scoreboard) : bench_(bench), scoreboard_(scoreboard) {}

  /// A write into the interrupt window without PASID.
  void on_message(const pcie::Tlp& t, std::uint64_t cycle);
  /// Whether a write looks like one of the programmed messages.
  bool matches_entry(const pcie::Tlp& t);
  /// Messages that came while their work had not written its record: too early, or one too many.
  /// Decided when the work's record has come or is late. @param now  decide without waiting
  void settle_early(std::uint64_t cycle, bool now);
  /// Function level reset.
  void forget() { early_.clear(); }
  /// A pending bit was read. @spec pcie.md 10.4
  void on_pending_read(const InterruptEntry& entry, bool pending, const pcie::Tlp& t,
                       std::uint64_t cycle);
  /// Dword 6 of WQCFG was read. @spec dsa.md 2.9
  void on_occupancy_read(std::uint32_t wq, std::uint32_t value, const pcie::Tlp& t,
                         std::uint64_t cycle);
  /// Occupancy messages that never came.
  void scan(std::uint64_t cycle);

 private:
  InterruptEntry* find_entry(const pcie::Tlp& t);
  bool descriptor_writes(std::uint64_t address) const;
  void deliver(InterruptEntry& entry, const pcie::Tlp& t, std::uint64_t cycle);
  Queue* occupancy_queue(const InterruptEntry& entry, bool may_come);
  void no_event(InterruptEntry& entry, const pcie::Tlp& t, std::uint64_t cycle);

  /// A message without a ready event, kept until it can be told what it was.
  struct Early {
    InterruptEntry* entry;
    pcie::Tlp tlp;
    std::uint64_t cycle;
  };
  void decide(const Early& early);
  void settle_entry(const InterruptEntry& entry);

  Bench& bench_;
  Scoreboard& scoreboard_;
  std::vector<Early> early_;
};

}  // namespace siov::check
