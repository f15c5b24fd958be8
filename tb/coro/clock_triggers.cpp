// SPDX-License-Identifier: Apache-2.0
// Timers, edges and phases: where each waiter goes.
#include "coro/clock_triggers.hpp"

#include "common/error.hpp"

namespace siov::coro {

Timer::Timer(SimTime duration, std::source_location where) : duration_(duration), where_(where) {
  if (duration == 0) throw HarnessError("Timer of 0 ps", where);
}

ClockCycles::ClockCycles(std::uint64_t n, std::source_location where) : n_(n), where_(where) {
  if (n == 0) throw HarnessError("ClockCycles of 0", where);
}

void TimedWait::arm_timer(Waiter& waiter, SimTime duration) {
  Scheduler& s = waiter.record()->scheduler;
  std::uint64_t due = (s.now_ + duration + s.period_ - 1) / s.period_;
  if (due <= s.cycle_) due = s.cycle_ + 1;
  s.timers_->insert(waiter, due, s.cycle_);
}

void TimedWait::await_suspend(std::coroutine_handle<> h) {
  waiter_.park(h);
  if (kind_ == Kind::kTimer) {
    arm_timer(waiter_, amount_);
  } else {
    Scheduler& s = waiter_.record()->scheduler;
    s.edges_->insert(waiter_, s.cycle_ + amount_, s.cycle_);
  }
}

void PhaseWait::await_suspend(std::coroutine_handle<> h) {
  Scheduler& s = Scheduler::current();
  const bool to_phase = kind_ == Kind::kReadWrite || kind_ == Kind::kReadOnly;
  if (to_phase && s.read_only())
    throw HarnessError("ReadWrite or ReadOnly awaited in ReadOnly", waiter_.where());
  waiter_.park(h);
  switch (kind_) {
    case Kind::kReadWrite:
      s.read_write_.push_back(waiter_);
      break;
    case Kind::kReadOnly:
      s.read_only_.push_back(waiter_);
      break;
    case Kind::kNextTimeStep:
      s.next_time_step_.push_back(waiter_);
      break;
    case Kind::kFallingEdge:
      s.falling_.push_back(waiter_);
      break;
    case Kind::kNull:
      waiter_.wake();
      break;
  }
}

}  // namespace siov::coro
