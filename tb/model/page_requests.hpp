// SPDX-License-Identifier: Apache-2.0
// PageRequests: the page request interface. Each request is a group of its own; requests for the
// same page share one.
//
//   if (auto ticket = pages.ask(owner, page, true)) ...   // else no room: ask again later
//   if (ticket->answer == port::PageResponse::kSuccess) ask_for_the_translation_again();
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "common/types.hpp"
#include "model/config_space.hpp"
#include "model/device_config.hpp"
#include "model/owner.hpp"
#include "port/ats_port.hpp"

namespace siov::model {

/// One page that was asked for.
struct PageTicket {
  std::optional<port::PageResponse> answer;
};

class PageRequests {
 public:
  static constexpr std::uint32_t kGroups = 512;  ///< page request group indexes, and the capacity

  PageRequests(const DeviceConfig& config, ConfigSpace& space, DeviceStats& stats)
      : config_(config), space_(space), stats_(stats) {}
  /// @param host  not owned; nullptr: requests are never answered
  void set_host(port::AtsHostPort* host) { host_ = host; }

  /// Asks for a page or joins a request that is under way. While the interface is off or has been
  /// stopped by a failure the answer is kFailure at once.
  /// @return nothing: as many requests are outstanding as software allows
  [[nodiscard]] std::shared_ptr<const PageTicket> ask(const Owner& owner, Iova page, bool write);
  /// Takes effect in the next cycle(); may be called from inside ask().
  void respond(const port::PageGroupResponse& response) { inbox_.push_back(response); }
  /// Takes responses, gives up what has waited too long.
  void cycle(std::uint64_t now);
  /// Number of the next request.
  std::uint64_t next_number() const { return sent_; }
  /// No request with a lower number is outstanding.
  bool settled(std::uint64_t number) const;

  /// The enable bit has risen: failure and unexpected index are cleared. @spec PCIe-6.3 10.5.2.3
  void enable();
  /// Outstanding requests are forgotten: reset of the interface, function level reset.
  void forget();

 private:
  struct Group {
    Owner owner;
    Iova page;
    bool write = false;
    std::uint64_t number = 0;
    std::uint64_t due = 0;  ///< given up in this cycle
    std::shared_ptr<PageTicket> ticket;
  };
  bool stopped() const { return failed_ || !space_.pri_enabled(); }
  std::uint32_t free_group();
  void take(const port::PageGroupResponse& response);
  void end(std::optional<Group>& group, port::PageResponse answer);
  void end_all();

  DeviceConfig config_;
  ConfigSpace& space_;
  DeviceStats& stats_;
  port::AtsHostPort* host_ = nullptr;
  std::array<std::optional<Group>, kGroups> groups_;
  std::uint32_t outstanding_ = 0;
  std::uint32_t next_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t now_ = 0;
  std::uint64_t next_due_ = ~std::uint64_t{0};  ///< not behind the first group that is given up
  std::deque<port::PageGroupResponse> inbox_;
  bool failed_ = false;  ///< a Response Failure has come: nothing is sent, responses are ignored
};

}  // namespace siov::model
