// SPDX-License-Identifier: Apache-2.0
// Triggers of time: Timer, ClockCycles, the phases of a time step, and NullTrigger.
//
//   co_await ClockCycles(3);
//   co_await Timer(ns(50));
#pragma once

#include <coroutine>
#include <cstdint>
#include <source_location>

#include "coro/scheduler.hpp"
#include "coro/time.hpp"
#include "coro/waiter.hpp"

namespace siov::coro {

/// Awaiter of Timer and ClockCycles.
class TimedWait {
 public:
  enum class Kind : std::uint8_t { kTimer, kEdge };
  TimedWait(Kind kind, std::uint64_t amount, const char* what, std::source_location where)
      : kind_(kind), amount_(amount), waiter_(what, where) {}
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> h);
  void await_resume() const {}
  /// For composite waits: puts a bound waiter where a Timer would.
  static void arm_timer(Waiter& waiter, SimTime duration);

 private:
  Kind kind_;
  std::uint64_t amount_;
  Waiter waiter_;
};

/// Returns at the first clock edge at or after now() + duration: the clock period is the
/// resolution.
class Timer {
 public:
  /// @param duration  [ps], > 0  @throws HarnessError if 0
  explicit Timer(SimTime duration, std::source_location where = std::source_location::current());
  TimedWait operator co_await() const {
    return TimedWait(TimedWait::Kind::kTimer, duration_, "Timer", where_);
  }

 private:
  SimTime duration_;
  std::source_location where_;
};

/// Returns after n rising edges of the scheduler's clock.
class ClockCycles {
 public:
  /// @param n  > 0  @throws HarnessError if 0
  explicit ClockCycles(std::uint64_t n,
                       std::source_location where = std::source_location::current());
  TimedWait operator co_await() const {
    return TimedWait(TimedWait::Kind::kEdge, n_, "ClockCycles", where_);
  }

 private:
  std::uint64_t n_;
  std::source_location where_;
};

/// Awaiter of the phase triggers.
class PhaseWait {
 public:
  enum class Kind : std::uint8_t { kReadWrite, kReadOnly, kNextTimeStep, kNull, kFallingEdge };
  PhaseWait(Kind kind, const char* what, std::source_location where)
      : kind_(kind), waiter_(what, where) {}
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> h);
  void await_resume() const {}

 private:
  Kind kind_;
  Waiter waiter_;
};

/// After all tasks of this time step have run; driving is still allowed. Not from ReadOnly.
class ReadWrite {
 public:
  explicit ReadWrite(std::source_location where = std::source_location::current())
      : where_(where) {}
  PhaseWait operator co_await() const {
    return PhaseWait(PhaseWait::Kind::kReadWrite, "ReadWrite", where_);
  }

 private:
  std::source_location where_;
};

/// End of the time step, just before the clock edge; driving throws. Not from ReadOnly.
class ReadOnly {
 public:
  explicit ReadOnly(std::source_location where = std::source_location::current()) : where_(where) {}
  PhaseWait operator co_await() const {
    return PhaseWait(PhaseWait::Kind::kReadOnly, "ReadOnly", where_);
  }

 private:
  std::source_location where_;
};

/// Beginning of the next time step: the next cycle, before timers.
class NextTimeStep {
 public:
  explicit NextTimeStep(std::source_location where = std::source_location::current())
      : where_(where) {}
  PhaseWait operator co_await() const {
    return PhaseWait(PhaseWait::Kind::kNextTimeStep, "NextTimeStep", where_);
  }

 private:
  std::source_location where_;
};

/// Lets every other ready task run; no time passes.
class NullTrigger {
 public:
  explicit NullTrigger(std::source_location where = std::source_location::current())
      : where_(where) {}
  PhaseWait operator co_await() const {
    return PhaseWait(PhaseWait::Kind::kNull, "NullTrigger", where_);
  }

 private:
  std::source_location where_;
};

}  // namespace siov::coro
