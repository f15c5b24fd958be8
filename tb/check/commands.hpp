// SPDX-License-Identifier: Apache-2.0
// Commands: life and death of queues and PASIDs as the command registers tell it. dsa.md 3.
//
//   if (auto command = registers.write(...)) commands.started(*command);
//   if (auto ended = registers.read(...)) commands.ended(*ended, cycle);
#pragma once

#include <cstdint>
#include <vector>

#include "check/page_requests.hpp"
#include "check/scoreboard.hpp"

namespace siov::check {

class Commands {
 public:
  Commands(Bench& bench, Scoreboard& scoreboard, PageRequests& pages)
      : bench_(bench), scoreboard_(scoreboard), pages_(pages) {}

  void started(const Command& command);
  void ended(const RegisterShadow::Ended& ended, std::uint64_t cycle);
  /// The function was reset, or halted by a configuration change: everything accepted is given up.
  void lost(bool function_reset, std::uint64_t cycle);

 private:
  bool names(const Command& command, std::uint32_t wq) const;
  void stop_queue(std::uint32_t wq, bool aborted, bool clear, std::uint64_t cycle);
  void start_queue(std::uint32_t wq);
  void disable_all(bool aborted, std::uint64_t cycle);
  /// A reset of the ADI has been reported done. SIOV-D-41
  void forget_translations(std::uint32_t pasid, std::uint64_t cycle);

  Bench& bench_;
  Scoreboard& scoreboard_;
  PageRequests& pages_;
  std::uint64_t before_ = 0;            ///< work accepted before the command: numbers below this
  std::vector<std::uint32_t> stopped_;  ///< queues that the running command stops
};

}  // namespace siov::check
