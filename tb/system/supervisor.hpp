// SPDX-License-Identifier: Apache-2.0
// Supervisor: watches a run from outside: progress for the user, and an end when nothing moves any
// more.
//
//   system::Supervisor supervisor(config);
//   scheduler.add_clocked(supervisor);
//   ++supervisor.done;                  // each finished operation
#pragma once

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

#include "coro/scheduler.hpp"
#include "system/run_result.hpp"

namespace siov::system {

/// The run has been given up; what() says why.
class RunStopped : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct SupervisorConfig {
  std::uint64_t total = 0;
  std::uint64_t max_cycles = 0;        ///< 0: no limit
  std::uint64_t patience = 2'000'000;  ///< cycles without a finished operation
  std::uint64_t patience_after_failure = 40'000;
  std::uint64_t max_violations = 1000;
  std::function<std::uint64_t()> violations;  ///< may be empty
  /// Called once, 4096 to 8192 cycles after the first violation: waves of what follows help nobody.
  std::function<void()> after_failure;
  /// What the host waits for, told when nothing moves; may be empty.
  std::function<std::string()> waits;
  ProgressSink* progress = nullptr;
};

class Supervisor final : public coro::Clocked {
 public:
  explicit Supervisor(SupervisorConfig config) : config_(std::move(config)) {}
  /// @throws RunStopped
  void cycle(std::uint64_t cycle) override {
    if ((cycle & 0xFFF) == 0) look(cycle);
  }
  std::uint64_t done = 0;  ///< operations finished so far

 private:
  void look(std::uint64_t cycle) {
    if (config_.progress != nullptr) config_.progress->update(done, config_.total, cycle);
    if (done != last_done_) {
      last_done_ = done;
      last_change_ = cycle;
    }
    const std::uint64_t broken = config_.violations ? config_.violations() : 0;
    if (broken != 0 && config_.after_failure) {
      if (failure_seen_) {
        config_.after_failure();
        config_.after_failure = nullptr;
      }
      failure_seen_ = true;  // one more interval shows what the failure led to
    }
    if (broken >= config_.max_violations)
      throw RunStopped(std::to_string(broken) + " rule violations");
    const std::uint64_t patience = broken != 0 ? config_.patience_after_failure : config_.patience;
    if (cycle - last_change_ > patience) {
      throw RunStopped("no operation finished for " + std::to_string(cycle - last_change_) +
                       " cycles" + (config_.waits ? config_.waits() : std::string()));
    }
    if (config_.max_cycles != 0 && cycle > config_.max_cycles) {
      throw RunStopped("max_cycles of the scenario reached");
    }
  }

  SupervisorConfig config_;
  std::uint64_t last_done_ = 0;
  std::uint64_t last_change_ = 0;
  bool failure_seen_ = false;
};

}  // namespace siov::system
