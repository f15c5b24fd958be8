// SPDX-License-Identifier: Apache-2.0
// Credits: flow control of both directions: never overdrawn, returned exactly once, minimum
// advertised, posted accepted in time.
//
//   credits.on_limits(pcie::Direction::kDown, limits, cycle);
//   credits.on_tlp(direction, tlp, cycle);
#pragma once

#include <array>
#include <cstdint>

#include "check/bench.hpp"
#include "pcie/credit_tracker.hpp"

namespace siov::check {

class Credits {
 public:
  explicit Credits(Bench& bench) : bench_(bench) {}

  void on_limits(pcie::Direction direction, const pcie::CreditLimits& limits, std::uint64_t cycle);
  void on_tlp(pcie::Direction direction, const pcie::Tlp& t, std::uint64_t cycle);
  /// PCIE-55.
  void scan(std::uint64_t cycle);
  /// IDLE-CREDITS.
  void end_of_test(std::uint64_t cycle);

 private:
  struct Account {
    std::uint32_t limit = 0, used = 0, initial = 0, mask = 0xFF;
    std::uint32_t free() const { return (limit - used) & mask; }
    bool overdrawn() const { return free() > mask / 2; }
  };
  struct Side {
    bool known = false;               ///< limits have been told
    bool running = false;             ///< a TLP has been sent: the initial grant is final
    std::array<Account, 6> accounts;  ///< PH, PD, NPH, NPD, CplH, CplD
    std::uint64_t posted_cycle = 0;   ///< since when posted headers wait without a return
    bool posted_reported = false;
  };
  void start(pcie::Direction direction, Side& side, std::uint64_t cycle);
  Context context(std::uint64_t cycle, const pcie::Tlp* t = nullptr) {
    return {.cycle = cycle, .tlp = t, .scope = &bench_.link_events};
  }

  Bench& bench_;
  std::array<Side, 2> sides_;
};

}  // namespace siov::check
