// SPDX-License-Identifier: Apache-2.0
// PageRequests: groups of page requests, their responses, stop markers. pcie.md 12.7: PCIE-70 to
// 74, SIOV-D-54, SIOV-D-55.
//
//   pages.on_request(tlp, cycle);                   // Page Request goes up
//   pages.on_response(tlp, cycle);                  // PRG Response comes down
//   pages.asked_again(pasid, page, 1);              // a translation request
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "check/scoreboard.hpp"
#include "pcie/ats_tlp.hpp"

namespace siov::check {

/// Whether requests without PASID may be made for work: a queue without PASID is live, or has work.
bool plain_work(Bench& bench);

class PageRequests {
 public:
  PageRequests(Bench& bench, Scoreboard& scoreboard) : bench_(bench), scoreboard_(scoreboard) {}

  void on_request(const pcie::Tlp& t, std::uint64_t cycle);
  void on_response(const pcie::Tlp& t, std::uint64_t cycle);
  /// The device asks for the translation of so many pages.
  void asked_again(std::uint32_t pasid, std::uint64_t address, std::uint64_t pages);
  /// A configuration write of the PRI control and status. @param dword  what is written
  void on_control(std::uint8_t be, std::uint32_t dword);
  /// The PRI control and status have been read.
  void on_status(std::uint32_t dword, const pcie::Tlp& t, std::uint64_t cycle);
  /// A reset of the ADI has been reported done: SIOV-D-41.
  void judge_stopped(std::uint32_t pasid, std::uint64_t cycle);
  /// Function level reset.
  void forget();
  void scan(std::uint64_t cycle);
  void end_of_test(std::uint64_t cycle);

 private:
  static constexpr std::size_t kGroups = 512;
  struct Group {
    bool active = false, closed = false;  ///< closed: its last request has been seen
    bool forgotten = false;               ///< a reset came between: a response is not judged
    std::uint32_t pasid = kNoPasid;
    std::vector<std::uint64_t> pages;
    std::uint64_t cycle = 0;
  };
  /// A page that was answered with success: the translation must be asked for again.
  struct Waiting {
    std::uint32_t pasid = kNoPasid;
    std::uint64_t page = 0, cycle = 0;
    std::uint64_t asked_cycle = 0;  ///< of the page request
  };
  struct Stopped {
    std::uint32_t pasid = kNoPasid;
    std::uint64_t next_order = 0;  ///< work accepted later starts the PASID anew
  };

  bool judge_owner(const pcie::Tlp& t, std::uint64_t cycle);
  void stop(const pcie::Tlp& t, std::uint64_t cycle);
  void enter(const port::PageRequest& request, const pcie::Tlp& t, std::uint64_t cycle);
  void judge_response(const Group& group, const port::PageGroupResponse& response,
                      const pcie::Tlp& t, std::uint64_t cycle);
  void fail(Rule rule, const Context& at, std::string text) {
    bench_.report.violation(rule, at, std::move(text));
  }

  Bench& bench_;
  Scoreboard& scoreboard_;
  std::array<Group, kGroups> groups_{};
  std::uint32_t outstanding_ = 0;  ///< page requests
  std::vector<Waiting> waiting_;
  std::vector<Stopped> stopped_;
  bool response_failure_ = false;  ///< since RF was cleared
  bool unexpected_group_ = false;  ///< since UPRGI was cleared
  bool halted_ = false;            ///< by a Response Failure, until PRI is enabled or reset again
  std::uint64_t halted_cycle_ = 0;
  bool status_unsure_ =
      false;  ///< a response came behind a reset: what the status says is not known
};

}  // namespace siov::check
