// SPDX-License-Identifier: Apache-2.0
// PageWait: one descriptor (or a list) on its way through pages that are absent: which page it
// waits for, how often it has asked, what has been refused.
//
//   if (wait.pending(pages, owner)) return;                // still waiting
//   if (absent && wait.ask(access)) continue;              // waits from now on
//   status = wait.refused(access);                         // 0: never asked
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "model/operand.hpp"
#include "model/page_requests.hpp"

namespace siov::model {

class PageWait {
 public:
  /// @param retries  of one page, at least 1
  explicit PageWait(unsigned retries) : retries_(retries) {}

  /// Whether the page that was asked for is still to come. Sends the request when there is room.
  bool pending(PageRequests& pages, const Owner& owner);
  /// Wants an absent page. @return false: it has been refused, has been asked for too often, or
  /// waiting has been given up
  [[nodiscard]] bool ask(const PageAccess& access);
  /// 0x04 or 0x22 of an access that will not be asked for again, else 0. @spec DSA 5.5
  [[nodiscard]] std::uint8_t refused(const PageAccess& access) const;
  /// An abort: what is absent now counts as faulted.
  void give_up() { given_up_ = true; }
  bool waiting() const { return wanted_.has_value(); }

 private:
  using Key = std::pair<Iova, bool>;  ///< page, write
  static Key key_of(const PageAccess& a) { return {a.page, a.write}; }

  unsigned retries_;
  bool given_up_ = false;
  std::optional<PageAccess> wanted_;
  std::shared_ptr<const PageTicket> ticket_;
  std::map<Key, unsigned> asked_;
  std::map<Key, std::uint8_t> refused_;
};

}  // namespace siov::model
