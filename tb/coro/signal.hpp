// SPDX-License-Identifier: Apache-2.0
// BoolSignal, and the edge triggers over it and over the scheduler's clock.
//
//   BoolSignal idle;
//   co_await RisingEdge(idle);          // somebody calls idle.set(true)
//   co_await ClockFallingEdge();         // middle of the clock cycle
#pragma once

#include <coroutine>
#include <source_location>

#include "common/error.hpp"
#include "coro/clock_triggers.hpp"
#include "coro/scheduler.hpp"
#include "coro/waiter.hpp"

namespace siov::coro {

/// A bit that tasks can wait on. Must outlive its waiters.
class BoolSignal {
 public:
  explicit BoolSignal(bool value = false) : value_(value) {}
  bool value() const { return value_; }
  /// Changes the value at once and wakes the edge's waiters. @throws HarnessError in ReadOnly
  void set(bool value) {
    if (Scheduler::current().read_only()) throw HarnessError("BoolSignal::set in ReadOnly");
    if (value == value_) return;
    value_ = value;
    (value ? rising_ : falling_).wake_all();
  }

 private:
  friend class EdgeWait;
  bool value_;
  WaitList rising_, falling_;
};

/// Awaiter of the edge triggers.
class EdgeWait {
 public:
  EdgeWait(BoolSignal* signal, bool rising, std::source_location where)
      : signal_(signal), rising_(rising), waiter_(rising ? "RisingEdge" : "FallingEdge", where) {}
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> h) {
    waiter_.park(h);
    (rising_ ? signal_->rising_ : signal_->falling_).push_back(waiter_);
  }
  void await_resume() const {}

 private:
  BoolSignal* signal_;
  bool rising_;
  Waiter waiter_;
};

/// The signal's next change to true.
class RisingEdge {
 public:
  explicit RisingEdge(BoolSignal& signal,
                      std::source_location where = std::source_location::current())
      : signal_(&signal), where_(where) {}
  EdgeWait operator co_await() const { return EdgeWait(signal_, true, where_); }

 private:
  BoolSignal* signal_;
  std::source_location where_;
};

/// The signal's next change to false.
class FallingEdge {
 public:
  explicit FallingEdge(BoolSignal& signal,
                       std::source_location where = std::source_location::current())
      : signal_(&signal), where_(where) {}
  EdgeWait operator co_await() const { return EdgeWait(signal_, false, where_); }

 private:
  BoolSignal* signal_;
  std::source_location where_;
};

/// Next rising edge of the scheduler's clock.
class ClockRisingEdge {
 public:
  explicit ClockRisingEdge(std::source_location where = std::source_location::current())
      : where_(where) {}
  TimedWait operator co_await() const {
    return TimedWait(TimedWait::Kind::kEdge, 1, "RisingEdge of clock", where_);
  }

 private:
  std::source_location where_;
};

/// Middle of the current clock cycle, after the clocked objects have moved.
class ClockFallingEdge {
 public:
  explicit ClockFallingEdge(std::source_location where = std::source_location::current())
      : where_(where) {}
  PhaseWait operator co_await() const {
    return PhaseWait(PhaseWait::Kind::kFallingEdge, "FallingEdge of clock", where_);
  }

 private:
  std::source_location where_;
};

}  // namespace siov::coro
