// SPDX-License-Identifier: Apache-2.0
// Task and Scheduler: results, exceptions, laziness, depth, cancellation, order.
#include "coro/task.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "coro/triggers.hpp"

namespace siov::coro {
namespace {

Task<int> answer() { co_return 42; }
Task<int> late_answer(int value) {
  co_await ClockCycles(3);
  co_return value;
}
Task<int> thrower(bool wait) {
  if (wait) co_await ClockCycles(1);
  throw std::runtime_error("boom");
}
Task<int> sum() {
  const int a = co_await answer();
  const int b = co_await late_answer(8);
  co_return a + b;
}
Task<void> mark(bool& flag) {
  flag = true;
  co_return;
}

TEST(TaskTest, ResultsTravelThroughAwaits) {
  Scheduler scheduler;
  EXPECT_EQ(scheduler.run(sum(), 10), 50);
  EXPECT_EQ(scheduler.cycle(), 3u);
  EXPECT_EQ(scheduler.now(), 6000u);  // 3 cycles of 2 ns
}

TEST(TaskTest, TaskIsLazyUntilStarted) {
  Scheduler scheduler;
  bool flag = false;
  {
    const Task<void> never = mark(flag);
    EXPECT_TRUE(never.valid());
  }
  EXPECT_FALSE(flag);
  scheduler.run(mark(flag), 1);
  EXPECT_TRUE(flag);
}

TEST(TaskTest, ExceptionReachesTheCaller) {
  Scheduler scheduler;
  EXPECT_THROW(scheduler.run(thrower(false), 10), std::runtime_error);
  EXPECT_THROW(scheduler.run(thrower(true), 10), std::runtime_error);
}

Task<std::string> catcher() {
  std::string text;
  try {
    co_await thrower(true);
  } catch (const std::runtime_error& e) {
    text = e.what();
  }
  co_return text;
}

TEST(TaskTest, ExceptionCanBeCaughtInTheAwaitingTask) {
  Scheduler scheduler;
  EXPECT_EQ(scheduler.run(catcher(), 10), "boom");
}

Task<void> background_failure() {
  co_await ClockCycles(2);
  throw std::logic_error("background");
}
Task<void> start_failure() {
  start_soon(background_failure(), "bad");
  co_await ClockCycles(100);
}

TEST(TaskTest, ExceptionInStartedTaskEndsTheRun) {
  Scheduler scheduler;
  EXPECT_THROW(scheduler.run(start_failure(), 1000), std::logic_error);
  EXPECT_EQ(scheduler.cycle(), 2u);
  EXPECT_TRUE(scheduler.waiting().empty());
}

Task<std::uint64_t> immediate_loop() {
  std::uint64_t total = 0;
  for (int i = 0; i < 1'000'000; ++i) total += static_cast<std::uint64_t>(co_await answer());
  co_return total;
}
Task<int> yielding() {
  co_await NullTrigger();
  co_return 1;
}
Task<std::uint64_t> yielding_loop() {
  std::uint64_t total = 0;
  for (int i = 0; i < 1'000'000; ++i) total += static_cast<std::uint64_t>(co_await yielding());
  co_return total;
}

TEST(TaskTest, MillionAwaitsDoNotGrowTheStack) {
  Scheduler scheduler;
  EXPECT_EQ(scheduler.run(immediate_loop(), 10), 42'000'000u);
  EXPECT_EQ(scheduler.run(yielding_loop(), 10), 1'000'000u);
}

Task<void> double_await() {
  Task<int> task = answer();
  co_await task;
  co_await task;
}

TEST(TaskTest, AwaitingTwiceIsMisuse) {
  Scheduler scheduler;
  EXPECT_THROW(scheduler.run(double_await(), 10), HarnessError);
}

Task<void> append(std::vector<int>& order, int id, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    order.push_back(id);
    co_await NullTrigger();
  }
}
Task<void> start_three(std::vector<int>& order) {
  const JoinHandle a = start_soon(append(order, 1, 2));
  const JoinHandle b = start_soon(append(order, 2, 2));
  const JoinHandle c = start_soon(append(order, 3, 2));
  order.push_back(0);
  co_await a;
  co_await b;
  co_await c;
}

TEST(SchedulerTest, ReadyTasksRunInFifoOrder) {
  Scheduler scheduler;
  std::vector<int> order;
  scheduler.run(start_three(order), 10);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 1, 2, 3}));
}

struct Recorder {
  explicit Recorder(int* live) : live_(live) { ++*live_; }
  Recorder(const Recorder&) = delete;
  ~Recorder() { --*live_; }
  int* live_;
};
Task<void> hold_inner(int* live) {
  const Recorder recorder(live);
  co_await ClockCycles(1'000'000);
}
Task<void> hold(int* live) {
  const Recorder recorder(live);
  co_await hold_inner(live);
}
Task<void> cancel_other(int* live) {
  const JoinHandle handle = start_soon(hold(live), "holder");
  co_await ClockCycles(5);
  EXPECT_EQ(*live, 2);
  EXPECT_TRUE(handle.cancel());
  EXPECT_EQ(*live, 0);
  EXPECT_TRUE(handle.done());
  EXPECT_TRUE(handle.cancelled());
  EXPECT_FALSE(handle.cancel());
  bool thrown = false;
  try {
    co_await handle;
  } catch (const CancelledError&) {
    thrown = true;
  }
  EXPECT_TRUE(thrown);
}

TEST(SchedulerTest, CancelDestroysTheWholeChain) {
  Scheduler scheduler;
  int live = 0;
  scheduler.run(cancel_other(&live), 100);
  EXPECT_EQ(live, 0);
}

Task<void> cancel_self(JoinHandle& self, int& reached) {
  EXPECT_TRUE(self.cancel());
  reached = 1;
  co_await ClockCycles(1);
  reached = 2;
}
Task<void> run_cancel_self(int& reached) {
  JoinHandle self;
  self = start_soon(cancel_self(self, reached));
  co_await ClockCycles(3);
  EXPECT_TRUE(self.cancelled());
}

TEST(SchedulerTest, TaskCancellingItselfEndsAtItsNextWait) {
  Scheduler scheduler;
  int reached = 0;
  scheduler.run(run_cancel_self(reached), 100);
  EXPECT_EQ(reached, 1);
}

TEST(SchedulerTest, RemainingTasksDieWithTheScheduler) {
  int live = 0;
  {
    Scheduler scheduler;
    scheduler.start_soon(hold(&live), "holder");
    scheduler.run_cycles(3);
    EXPECT_EQ(live, 2);
  }
  EXPECT_EQ(live, 0);
}

TEST(SchedulerTest, TasksGoOnInTheNextRun) {
  Scheduler scheduler;
  int live = 0;
  scheduler.start_soon(hold(&live), "holder");
  EXPECT_EQ(scheduler.run(answer(), 10), 42);
  EXPECT_EQ(live, 2);
  EXPECT_EQ(scheduler.run(late_answer(7), 10), 7);
  EXPECT_EQ(live, 2);
}

constexpr int kWaitForeverLine = __LINE__ + 1;
Task<void> wait_forever(Event& event) { co_await event.wait(); }

TEST(SchedulerTest, TimeoutNamesEveryWaiterAndItsPlace) {
  Scheduler scheduler;
  Event event("the moon");
  scheduler.start_soon(wait_forever(event), "lunatic");
  int live = 0;
  std::string text;
  try {
    scheduler.run(hold_inner(&live), 5);
  } catch (const SimTimeoutError& e) {
    text = e.what();
  }
  EXPECT_NE(text.find("lunatic waits for the moon since cycle 0 at "), std::string::npos) << text;
  EXPECT_NE(text.find("task_test.cpp:" + std::to_string(kWaitForeverLine)), std::string::npos)
      << text;
}

class Counter : public Clocked {
 public:
  Counter(std::vector<int>* order, int id) : order_(order), id_(id) {}
  void cycle(std::uint64_t cycle) override {
    order_->push_back(static_cast<int>(10 * cycle) + id_);
  }

 private:
  std::vector<int>* order_;
  int id_;
};

TEST(SchedulerTest, ClockedObjectsMoveInOrderOncePerCycle) {
  Scheduler scheduler;
  std::vector<int> order;
  Counter first(&order, 1);
  Counter second(&order, 2);
  scheduler.add_clocked(first);
  scheduler.add_clocked(second);
  scheduler.run_cycles(2);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 11, 12}));
  scheduler.remove_clocked(first);
  scheduler.run_cycles(1);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 11, 12, 22}));
}

TEST(SchedulerTest, CurrentThrowsWithoutScheduler) {
  EXPECT_THROW(Scheduler::current(), HarnessError);
  Scheduler scheduler;
  EXPECT_EQ(&Scheduler::current(), &scheduler);
}

Task<void> spin_until(bool& stop) {
  while (!stop) co_await ClockCycles(1);
}
TEST(SchedulerTest, RunInsideRunIsMisuse) {
  class Nested : public Clocked {
   public:
    explicit Nested(Scheduler* s) : s_(s) {}
    void cycle(std::uint64_t) override { s_->run_cycles(1); }
    Scheduler* s_;
  };
  Scheduler scheduler;
  Nested nested(&scheduler);
  scheduler.add_clocked(nested);
  bool stop = false;
  EXPECT_THROW(scheduler.run(spin_until(stop), 10), HarnessError);
}

}  // namespace
}  // namespace siov::coro
