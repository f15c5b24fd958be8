// SPDX-License-Identifier: Apache-2.0
// SubmissionTracker: the ENQCMDs of a VDEV that hardware has not answered yet. A command is a
// posted write and may pass them on the link, so a drain must not start before they have arrived.
//
//   const SubmissionTracker::Guard guard = tracker.begin();   // around one ENQCMD
//   co_await tracker.earlier_done();                          // before the drain
#pragma once

#include <cstdint>
#include <memory>
#include <set>

#include "coro/event.hpp"
#include "coro/task.hpp"

namespace siov::vdcm {

/// @spec SIOV-H-10, SIOV-H-24
class SubmissionTracker {
  struct State {
    std::uint64_t next = 0;
    std::set<std::uint64_t> open;
    coro::Event ended{"ENQCMD answered"};
  };

 public:
  /// One submission, from its begin to its answer. Shares the state, so it may outlive the tracker.
  class Guard {
   public:
    explicit Guard(std::shared_ptr<State> state)
        : state_(std::move(state)), number_(state_->next++) {
      state_->open.insert(number_);
    }
    ~Guard() {
      state_->open.erase(number_);
      state_->ended.set();
    }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    std::shared_ptr<State> state_;
    std::uint64_t number_;
  };

  [[nodiscard]] Guard begin() { return Guard(state_); }
  /// Waits for those that began before this call; later ones do not delay it.
  coro::Task<> earlier_done() {
    const std::shared_ptr<State> state = state_;
    const std::uint64_t end = state->next;
    while (!state->open.empty() && *state->open.begin() < end) {
      state->ended.clear();
      co_await state->ended.wait();
    }
  }

 private:
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace siov::vdcm
