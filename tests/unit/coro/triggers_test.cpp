// SPDX-License-Identifier: Apache-2.0
// Triggers: times, phases, edges, events, locks, queues, combinations, time limits.
#include "coro/triggers.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace siov::coro {
namespace {

using Log = std::vector<std::string>;
SimTime now() { return Scheduler::current().now(); }

Task<void> timers(std::vector<SimTime>& at) {
  co_await Timer(ns(4));
  at.push_back(now());
  co_await Timer(ns(3));  // rounded up to the next clock edge
  at.push_back(now());
  co_await Timer(1);
  at.push_back(now());
  co_await ClockCycles(2000);  // beyond one turn of the wheel
  at.push_back(now());
  co_await Timer(us(10));
  at.push_back(now());
}

TEST(TimerTest, ResolutionIsTheClockPeriod) {
  Scheduler scheduler;
  std::vector<SimTime> at;
  scheduler.run(timers(at), 10000);
  EXPECT_EQ(at, (std::vector<SimTime>{4000, 8000, 10000, 4010000, 14010000}));
  EXPECT_THROW(Timer(0), HarnessError);
  EXPECT_THROW(ClockCycles(0), HarnessError);
}

Task<void> log_after(Log& log, std::string name, std::uint64_t cycles, bool timer) {
  if (timer)
    co_await Timer(2000 * cycles);
  else
    co_await ClockCycles(cycles);
  log.push_back(name);
}

TEST(TimerTest, TimersComeBeforeClockCyclesAndEachInOrder) {
  Scheduler scheduler;
  Log log;
  scheduler.start_soon(log_after(log, "c1", 1500, false));
  scheduler.start_soon(log_after(log, "t1", 1500, true));
  scheduler.run_cycles(1000);
  scheduler.start_soon(log_after(log, "c2", 500, false));
  scheduler.start_soon(log_after(log, "t2", 500, true));
  scheduler.run_cycles(500);
  EXPECT_EQ(log, (Log{"t1", "t2", "c1", "c2"}));
}

Task<void> read_write_task(Log& log) {
  co_await ReadWrite();
  log.push_back("rw");
}
Task<void> read_only_task(Log& log, BoolSignal& signal) {
  co_await ReadOnly();
  log.push_back("ro");
  EXPECT_THROW(signal.set(true), HarnessError);
  bool thrown = false;
  try {
    co_await ReadWrite();
  } catch (const HarnessError&) {
    thrown = true;
  }
  EXPECT_TRUE(thrown);
  co_await NextTimeStep();
  log.push_back("next");
  signal.set(true);
}
Task<void> null_task(Log& log) {
  co_await NullTrigger();
  log.push_back("null");
}
Task<void> falling_task(Log& log) {
  co_await ClockFallingEdge();
  log.push_back("fall " + std::to_string(now()));
}

TEST(PhaseTest, PhasesComeInOrderWithinATimeStep) {
  class Mark : public Clocked {
   public:
    explicit Mark(Log* log) : log_(log) {}
    void cycle(std::uint64_t) override { log_->push_back("clock"); }
    Log* log_;
  };
  Scheduler scheduler;
  Log log;
  Mark mark(&log);
  BoolSignal signal;
  scheduler.add_clocked(mark);
  scheduler.start_soon(falling_task(log));
  scheduler.start_soon(read_only_task(log, signal));
  scheduler.start_soon(read_write_task(log));
  scheduler.start_soon(null_task(log));
  scheduler.run_cycles(1);
  EXPECT_EQ(log, (Log{"null", "rw", "ro", "clock", "fall 1000", "next"}));
  EXPECT_TRUE(signal.value());
}

Task<void> edges(BoolSignal& signal, Log& log) {
  co_await RisingEdge(signal);
  log.push_back("rise");
  co_await FallingEdge(signal);
  log.push_back("fall");
}
Task<void> toggle(BoolSignal& signal) {
  co_await ClockCycles(1);
  signal.set(false);  // no change, no edge
  signal.set(true);
  co_await ClockRisingEdge();
  signal.set(true);
  co_await ClockCycles(1);
  signal.set(false);
  co_await ClockCycles(1);
}

TEST(SignalTest, EdgesWakeOnChangesOnly) {
  Scheduler scheduler;
  BoolSignal signal;
  Log log;
  scheduler.start_soon(edges(signal, log));
  scheduler.run(toggle(signal), 10);
  EXPECT_EQ(log, (Log{"rise", "fall"}));
}

Task<void> wait_event(Event& event, Log& log, std::string name) {
  co_await event.wait();
  log.push_back(name);
}

TEST(EventTest, SetWakesAllInOrderAndStays) {
  Scheduler scheduler;
  Event event;
  Log log;
  for (const char* name : {"a", "b", "c"}) scheduler.start_soon(wait_event(event, log, name));
  scheduler.run_cycles(3);
  EXPECT_TRUE(log.empty());
  event.set();
  scheduler.start_soon(wait_event(event, log, "d"));
  scheduler.run_cycles(1);
  EXPECT_EQ(log, (Log{"a", "b", "c", "d"}));
  event.clear();
  EXPECT_FALSE(event.is_set());
  scheduler.start_soon(wait_event(event, log, "e"));
  scheduler.run_cycles(3);
  EXPECT_EQ(log.size(), 4u);
}

TEST(EventTest, EventMayDieBeforeItsWaiters) {
  Scheduler scheduler;
  Log log;
  {
    Event event;
    scheduler.start_soon(wait_event(event, log, "never"));
    scheduler.run_cycles(1);
  }
  scheduler.run_cycles(5);
  EXPECT_TRUE(log.empty());
  EXPECT_EQ(scheduler.waiting().size(), 1u);
}

Task<void> hold_lock(Lock& lock, Log& log, std::string name, std::uint64_t cycles) {
  const Lock::Guard guard = co_await lock.scoped();
  log.push_back(name);
  co_await ClockCycles(cycles);
}

TEST(LockTest, GrantedInOrderOfAskingAndReleasedByTheGuard) {
  Scheduler scheduler;
  Lock lock;
  Log log;
  scheduler.start_soon(hold_lock(lock, log, "a", 3));
  const JoinHandle b = scheduler.start_soon(hold_lock(lock, log, "b", 3));
  scheduler.start_soon(hold_lock(lock, log, "c", 1));
  scheduler.run_cycles(2);
  EXPECT_EQ(log, (Log{"a"}));
  EXPECT_TRUE(lock.locked());
  scheduler.run_cycles(2);
  EXPECT_EQ(log, (Log{"a", "b"}));
  b.cancel();  // the holder: its guard hands on
  scheduler.run_cycles(4);
  EXPECT_EQ(log, (Log{"a", "b", "c"}));
  EXPECT_FALSE(lock.locked());
  EXPECT_THROW(lock.release(), HarnessError);
}

Task<void> cancel_granted(Lock& lock, Log& log) {
  co_await lock.acquire();
  const JoinHandle next = start_soon(hold_lock(lock, log, "granted", 1));
  co_await ClockCycles(1);
  lock.release();  // granted to next, which has not run yet
  next.cancel();
  EXPECT_FALSE(lock.locked());
}

TEST(LockTest, GrantToACancelledTaskIsGivenBack) {
  Scheduler scheduler;
  Lock lock;
  Log log;
  scheduler.run(cancel_granted(lock, log), 10);
  EXPECT_TRUE(log.empty());
}

Task<void> producer(Queue<std::unique_ptr<int>>& queue, int n) {
  for (int i = 0; i < n; ++i) {
    std::unique_ptr<int> item = std::make_unique<int>(i);
    co_await queue.put(std::move(item));
    EXPECT_LE(queue.size(), 2u);
  }
}
Task<int> consumer(Queue<std::unique_ptr<int>>& queue, int n) {
  int sum = 0;
  for (int i = 0; i < n; ++i) {
    const std::unique_ptr<int> item = co_await queue.get();
    EXPECT_EQ(*item, i);
    sum += *item;
    if (i % 3 == 0) co_await ClockCycles(1);
  }
  co_return sum;
}

TEST(QueueTest, BoundedQueueKeepsOrderOfMoveOnlyItems) {
  Scheduler scheduler;
  Queue<std::unique_ptr<int>> queue(2);
  scheduler.start_soon(producer(queue, 100));
  EXPECT_EQ(scheduler.run(consumer(queue, 100), 1000), 4950);
  EXPECT_TRUE(queue.empty());
}

Task<void> take_one(Queue<int>& queue, std::vector<int>& got, int who) {
  const int item = co_await queue.get();
  got.push_back(who * 10 + item);
}
Task<void> cancel_served(Queue<int>& queue, std::vector<int>& got) {
  const JoinHandle first = start_soon(take_one(queue, got, 1));
  start_soon(take_one(queue, got, 2));
  co_await ClockCycles(1);
  queue.put_nowait(5);  // delivered to the first
  first.cancel();
  EXPECT_EQ(queue.size(), 0u);  // now the second has it
  queue.put_nowait(6);
  co_await ClockCycles(1);
}

TEST(QueueTest, GettersAreServedInOrderAndNothingIsLostByCancelling) {
  Scheduler scheduler;
  Queue<int> queue;
  std::vector<int> got;
  scheduler.start_soon(take_one(queue, got, 1));
  scheduler.start_soon(take_one(queue, got, 2));
  scheduler.run_cycles(1);
  queue.put_nowait(7);
  queue.put_nowait(8);
  scheduler.run_cycles(1);
  EXPECT_EQ(got, (std::vector<int>{17, 28}));
  got.clear();
  scheduler.run(cancel_served(queue, got), 10);
  EXPECT_EQ(got, (std::vector<int>{25}));
  EXPECT_EQ(queue.get_nowait(), 6);
  Queue<int> full(1);
  full.put_nowait(1);
  EXPECT_THROW(full.put_nowait(2), HarnessError);
  EXPECT_EQ(full.get_nowait(), 1);
  EXPECT_THROW(full.get_nowait(), HarnessError);
}

Task<void> wait_cycles(std::uint64_t n, int* finished) {
  co_await ClockCycles(n);
  ++*finished;
}
Task<void> fail_after(std::uint64_t n) {
  co_await ClockCycles(n);
  throw std::runtime_error("part failed");
}
Task<void> combinations(Event& event, int* finished) {
  const std::size_t timer_first = co_await First(event.wait(), Timer(ns(10)));
  EXPECT_EQ(timer_first, 1u);
  EXPECT_EQ(now(), 10000u);
  event.set();
  const std::size_t event_first = co_await First(event.wait(), Timer(ns(10)));
  EXPECT_EQ(event_first, 0u);
  EXPECT_EQ(now(), 10000u);
  Task<void> slow = wait_cycles(50, finished);
  Task<void> fast = wait_cycles(2, finished);
  const std::size_t task_first = co_await First(std::move(slow), std::move(fast));
  EXPECT_EQ(task_first, 1u);
  EXPECT_EQ(*finished, 1);
  Task<void> three = wait_cycles(3, finished);
  Task<void> seven = wait_cycles(7, finished);
  co_await Combine(std::move(seven), std::move(three));
  EXPECT_EQ(*finished, 3);
  EXPECT_EQ(now(), 10000u + 2 * 2000 + 7 * 2000);
  co_await ClockCycles(100);
  EXPECT_EQ(*finished, 3);  // the loser was cancelled
}

TEST(CombineTest, FirstCancelsLosersAndCombineWaitsForAll) {
  Scheduler scheduler;
  Event event;
  int finished = 0;
  scheduler.run(combinations(event, &finished), 1000);
}

Task<void> first_over_handle(int* finished) {
  const JoinHandle handle = start_soon(wait_cycles(20, finished));
  const std::size_t which = co_await First(handle, ClockCycles(5));
  EXPECT_EQ(which, 1u);
  EXPECT_FALSE(handle.done());
  co_await handle;
  EXPECT_EQ(*finished, 1);
}

TEST(CombineTest, JoinedTaskOutlivesLosing) {
  Scheduler scheduler;
  int finished = 0;
  scheduler.run(first_over_handle(&finished), 1000);
  EXPECT_EQ(finished, 1);
}

Task<void> failing_combination(int* finished) {
  Task<void> bad = fail_after(2);
  Task<void> good = wait_cycles(9, finished);
  co_await Combine(std::move(good), std::move(bad));
}

TEST(CombineTest, FailureOfAPartPropagatesAtOnce) {
  Scheduler scheduler;
  int finished = 0;
  EXPECT_THROW(scheduler.run(failing_combination(&finished), 100), std::runtime_error);
  EXPECT_EQ(scheduler.cycle(), 2u);
  EXPECT_EQ(finished, 0);
}

Task<int> slow_answer(std::uint64_t cycles) {
  co_await ClockCycles(cycles);
  co_return 5;
}
constexpr int kStuckLine = __LINE__ + 1;
Task<void> stuck(Event& event) { co_await event.wait(); }
Task<void> time_limits(Event& event) {
  const int in_time = co_await with_timeout(slow_answer(3), ns(100));
  EXPECT_EQ(in_time, 5);
  std::string text;
  const SimTime before = now();
  try {
    co_await with_timeout(stuck(event), ns(100));
  } catch (const SimTimeoutError& e) {
    text = e.what();
  }
  EXPECT_EQ(now() - before, 100000u);
  EXPECT_NE(text.find("time limit of 100 ns"), std::string::npos) << text;
  EXPECT_NE(text.find("waits for the answer"), std::string::npos) << text;
  EXPECT_NE(text.find("triggers_test.cpp:" + std::to_string(kStuckLine)), std::string::npos)
      << text;
  bool thrown = false;
  try {
    co_await with_timeout(fail_after(1), ns(100));
  } catch (const std::runtime_error&) {
    thrown = true;
  }
  EXPECT_TRUE(thrown);
}

TEST(TimeoutTest, LimitNamesTheWaitAndResultsAndErrorsPass) {
  Scheduler scheduler;
  Event event("the answer");
  scheduler.run(time_limits(event), 1000);
  EXPECT_TRUE(scheduler.waiting().empty());
}

Task<void> outer(Event& event) { co_await with_timeout(stuck(event), us(100)); }
Task<void> cancel_outer(Event& event) {
  const JoinHandle handle = start_soon(outer(event), "outer");
  co_await ClockCycles(3);
  EXPECT_EQ(Scheduler::current().waiting().size(), 2u);  // outer, and the task inside
  handle.cancel();
  co_await ClockCycles(1);
}

TEST(TimeoutTest, CancellingTheWaitCancelsTheTaskInside) {
  Scheduler scheduler;
  Event event;
  scheduler.run(cancel_outer(event), 100);
  EXPECT_TRUE(scheduler.waiting().empty());
}

constexpr int kJoinLine = __LINE__ + 1;
Task<void> join_forever(JoinHandle handle) { co_await handle; }

TEST(JoinTest, JoinKnowsThePlaceOfItsAwait) {
  Scheduler scheduler;
  Event event;
  const JoinHandle handle = scheduler.start_soon(stuck(event), "stuck");
  scheduler.start_soon(join_forever(handle), "joiner");
  scheduler.run_cycles(2);
  const std::vector<WaitInfo> waits = scheduler.waiting();
  ASSERT_EQ(waits.size(), 2u);
  EXPECT_EQ(waits[0].task, "stuck");
  EXPECT_EQ(waits[1].task, "joiner");
  EXPECT_EQ(waits[1].what, "end of task");
  EXPECT_EQ(waits[1].where.line(), static_cast<unsigned>(kJoinLine));
}

}  // namespace
}  // namespace siov::coro
