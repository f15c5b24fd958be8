// SPDX-License-Identifier: Apache-2.0
// Isolation: every memory request of the device belongs to a live ADI and to work of that ADI.
// SIOV-D-22..29, PCIE-22..29. A request that fits nothing is explained as well as can be: whose it
// would have been, what it repeats, what should never have run.
//
//   isolation.on_request(tlp, request, cycle);   // request: table entry of a read, null for writes
#pragma once

#include <vector>

#include "check/event_log.hpp"
#include "check/interrupts.hpp"
#include "check/portals.hpp"
#include "check/read_buffers.hpp"
#include "check/scoreboard.hpp"

namespace siov::check {

class Isolation {
 public:
  Isolation(Bench& bench, Scoreboard& scoreboard, Interrupts& interrupts, Portals& portals,
            EventLogRules& log)
      : bench_(bench),
        scoreboard_(scoreboard),
        interrupts_(interrupts),
        portals_(portals),
        log_(log),
        read_buffers_(bench) {}

  void on_request(const pcie::Tlp& t, Request* request, std::uint64_t cycle);

 private:
  bool owned(PasidState& space, const pcie::Tlp& t, Request* request, std::uint64_t cycle);
  void without_pasid(const pcie::Tlp& t, Request* request, std::uint64_t cycle);
  void explain(PasidState& space, const pcie::Tlp& t, std::uint64_t cycle);
  /// @param surely  only if the content fits the other's work
  bool explain_foreign(const PasidState& space, const pcie::Tlp& t, bool surely,
                       std::uint64_t cycle);
  bool repeated_record(const PasidState& space, const pcie::Tlp& t, std::uint64_t cycle) const;
  bool explain_repeated(const PasidState& space, const pcie::Tlp& t, std::uint64_t cycle);

  Bench& bench_;
  Scoreboard& scoreboard_;
  Interrupts& interrupts_;
  Portals& portals_;
  EventLogRules& log_;
  ReadBuffers read_buffers_;
};

}  // namespace siov::check
