// SPDX-License-Identifier: Apache-2.0
// EventLogRules: writes into the ring of the event log against the errors that descriptors have
// made. dsa.md 2.11.
//
//   if (event_log.inside(tlp)) event_log.on_write(tlp, cycle);
#pragma once

#include <cstdint>
#include <span>

#include "check/scoreboard.hpp"

namespace siov::check {

class EventLogRules {
 public:
  EventLogRules(Bench& bench, Scoreboard& scoreboard) : bench_(bench), scoreboard_(scoreboard) {}

  /// Whether the log is on and a write goes into its ring, whoever the PASID says it is.
  bool inside(const pcie::Tlp& t) const;
  /// Whether the PASID of a write is that of the log.
  bool owned(const pcie::Tlp& t) const;
  void on_write(const pcie::Tlp& t, std::uint64_t cycle);
  /// A write into the ring that belongs neither to the log nor to any work.
  void foreign(const pcie::Tlp& t, std::uint64_t cycle);
  /// EVLSTATUS has been read.
  void on_status(std::uint64_t status, const pcie::Tlp& t, std::uint64_t cycle);

 private:
  /// How well an entry fits what an item owes: 0 not at all, 1 the same work with other content,
  /// 2 exactly.
  int fit(const WorkItem& item, std::span<const std::byte, 64> entry) const;
  bool fault_fits(const WorkItem& item, std::span<const std::byte, 64> entry) const;
  void judge_place(const pcie::Tlp& t, std::uint64_t cycle);

  Bench& bench_;
  Scoreboard& scoreboard_;
};

}  // namespace siov::check
