// SPDX-License-Identifier: Apache-2.0
// Parts that several attacks have in common.
//
//   hostile::Storm storm(a);
//   ... something that must not be disturbed ...
//   co_await storm.end();
#pragma once

#include "coro/join.hpp"
#include "coro/task.hpp"
#include "hostile/attacker.hpp"

namespace siov::hostile {

/// Submissions to all queues, by both instructions and through all pages, good ones and noise,
/// until end().
class Storm {
 public:
  /// From inside a task. @param gap_ns  between two rounds
  explicit Storm(Attacker& attacker, std::uint64_t gap_ns = 150);
  coro::Task<> end();

 private:
  coro::Task<> run();
  Attacker& attacker_;
  std::uint64_t gap_ns_;
  bool runs_ = true;
  coro::JoinHandle task_;
};

/// A store to a portal that must not be mapped, nor known to a CPU any more. @spec SIOV-H-10
void must_trap(Attacker& a, std::uint8_t queue);

/// Destinations and records that lie where the attacker wants them; the result is its own business.
coro::Task<> aim(Attacker& a, std::uint8_t queue, Iova target);

}  // namespace siov::hostile
