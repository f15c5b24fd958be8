// SPDX-License-Identifier: Apache-2.0
// Translations: translation requests and their completions, invalidations and their completions.
// pcie.md 12.7: PCIE-63, 67, 68, 69; keeps Bench::grants, which Isolation judges translated
// requests by.
//
//   translations.on_request(tlp, request, cycle);        // AT = 01 goes up
//   translations.on_completion(tlp, request, cycle);     // its completion comes down
//   translations.on_invalidate(tlp, cycle);              // Invalidate Request goes down
//   translations.on_invalidate_done(tlp, cycle);         // Invalidate Completion goes up
#pragma once

#include <array>
#include <cstdint>

#include "check/page_requests.hpp"
#include "check/scoreboard.hpp"
#include "pcie/ats_tlp.hpp"

namespace siov::check {

class Translations {
 public:
  Translations(Bench& bench, Scoreboard& scoreboard, PageRequests& pages)
      : bench_(bench), scoreboard_(scoreboard), pages_(pages) {}

  void on_request(const pcie::Tlp& t, Request* request, std::uint64_t cycle);
  void on_completion(const pcie::Tlp& t, Request& request, std::uint64_t cycle);
  /// The device reuses the tag of a translation request that timed out.
  void timed_out(std::uint32_t pasid, std::uint64_t page, std::uint64_t cycle);
  void on_invalidate(const pcie::Tlp& t, std::uint64_t cycle);
  void on_invalidate_done(const pcie::Tlp& t, std::uint64_t cycle);
  /// A translated request. @return false if UR has ended them, until ATS is enabled again
  bool allowed(const pcie::Tlp& t, std::uint64_t cycle);
  /// Configuration: address translation has just been enabled.
  void enabled() { stopped_cycle_ = 0; }
  /// Configuration: address translation has just been disabled.
  void disabled(std::uint64_t cycle);
  /// Function level reset: nothing is outstanding or granted any more.
  void forget(std::uint64_t cycle);
  void scan(std::uint64_t cycle);
  void end_of_test(std::uint64_t cycle);

 private:
  struct Pending {
    bool active = false, reported = false;
    bool forgotten = false;  ///< a reset came between: a completion is not judged
    Scope scope;
    RequesterId requester;
    std::uint64_t order = 0, cycle = 0;
    std::uint32_t received = 0, count = 0;  ///< completions; count 0: not told yet
  };
  /// An invalidation that has been answered: translations asked for before it are dead on arrival.
  struct Done {
    Scope scope;
    std::uint64_t order = 0, done_order = 0;
  };
  static constexpr std::size_t kDone = 1024;

  Scope scope_of(const port::InvalidateRequest& request) const;
  void judge_owner(const pcie::Tlp& t, std::uint64_t cycle);
  void take_entry(const Request& request, std::uint64_t address, std::uint64_t entry,
                  const pcie::Tlp& t, std::uint64_t cycle);
  void refuse(const Request& request, std::uint64_t address, const Rights& rights,
              std::uint64_t cycle);
  void finish(Pending& pending, const pcie::Tlp& t, std::uint64_t cycle);
  void fail(Rule rule, const Context& at, std::string text) {
    bench_.report.violation(rule, at, std::move(text));
  }

  Bench& bench_;
  Scoreboard& scoreboard_;
  PageRequests& pages_;
  std::array<Pending, 32> pending_{};
  std::uint32_t outstanding_ = 0;
  std::array<Done, kDone> done_{};
  std::uint64_t next_done_ = 0;
  std::uint64_t stopped_cycle_ = 0;  ///< a translation request has been answered UR; or 0
};

}  // namespace siov::check
