// SPDX-License-Identifier: Apache-2.0
// Isolation: every memory request of the device belongs to a live ADI and to work of that ADI.
// SIOV-D-22..29, PCIE-22..29. A request that fits nothing is explained as well as can be: whose it
// would have been, what it repeats, what should never have run.
//
//   isolation.on_request(tlp, request, cycle);   // request: table entry of a read, null for writes
//
// A translated request is looked up among the grants of its address and judged as what it is for
// the PASID that the address was granted to: PCIE-27, 64 to 66, SIOV-D-26
// (isolation_translated.cpp).
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
  /// A memory read or write with AT = 10.
  void on_translated(const pcie::Tlp& t, Request* request, std::uint64_t cycle);

 private:
  /// What the search for a grant has found on its way.
  struct Misses {
    const Grant* stale = nullptr;         ///< the right is gone
    const Grant* untranslated = nullptr;  ///< U = 1
    const Grant* partly = nullptr;        ///< the request runs over its end
    const Grant* no_right = nullptr;      ///< never had the right
  };
  bool enter_translated(const pcie::Tlp& t, Request* request, std::uint64_t cycle, Misses& misses);
  void look_like(const pcie::Tlp& t, const Grant& grant);
  bool take_view(Request* request, const Grant& grant, bool write, std::uint64_t cycle);
  int fit(const Grant& grant, const pcie::Tlp& t);
  void explain_translated(const pcie::Tlp& t, const Misses& misses, std::uint64_t cycle);
  void explain_stale(const pcie::Tlp& t, const Grant& grant, std::uint64_t cycle);
  /// Work of another PASID that would do this at the same place in its page.
  const WorkItem* foreign_work(const pcie::Tlp& view, std::uint32_t pasid) const;
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
  pcie::Tlp view_;  ///< a translated request as its PASID sees it
  std::vector<Grant> candidates_;
};

/// Whether this is what the work of the range would do there. Reads have no content.
bool content_fits(const RangeIndex::Entry& e, const pcie::Tlp& t);

}  // namespace siov::check
