// SPDX-License-Identifier: Apache-2.0
// Scheduler: one thread, one clock, a FIFO of ready coroutines, and the objects that move every
// cycle.
//
//   coro::Scheduler scheduler;                    // 2 ns clock
//   scheduler.add_clocked(root_complex);
//   const int result = scheduler.run(test_main(device), 1'000'000);
//
// A cycle: run everything ready; ReadWrite, then ReadOnly waiters; Clocked::cycle() of each in
// order of addition; time advances; NextTimeStep, Timer, then RisingEdge/ClockCycles waiters become
// ready.
#pragma once

#include <array>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include "coro/join.hpp"
#include "coro/task.hpp"
#include "coro/time.hpp"
#include "coro/waiter.hpp"

namespace siov::coro {

/// Something that acts once every clock cycle, in plain code.
class Clocked {
 public:
  virtual ~Clocked() = default;
  /// @param cycle  number of this cycle, from 0
  virtual void cycle(std::uint64_t cycle) = 0;
};

/// Who waits for what, where.
struct WaitInfo {
  std::string task;
  std::string what;
  std::source_location where;
  std::uint64_t since = 0;  ///< [cycles]
};

class Scheduler {
 public:
  /// @param clock_period  [ps], >= 2
  explicit Scheduler(SimTime clock_period = 2000);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// The scheduler that exists on this thread (the youngest). @throws HarnessError if there is none
  static Scheduler& current();

  SimTime now() const { return now_; }
  std::uint64_t cycle() const { return cycle_; }
  SimTime clock_period() const { return period_; }

  /// Calls object.cycle() every cycle, after those added before. The object must outlive its use.
  void add_clocked(Clocked& object) { clocked_.push_back(&object); }
  void remove_clocked(Clocked& object);

  /// Starts a task at the next scheduling point. An exception that leaves it ends run(). Dropping
  /// the handle is fine.
  JoinHandle start_soon(Task<void> task, std::string name = {});

  /// Runs main to its end and returns its result. Other tasks stay and go on in the next run(); if
  /// run() throws, all are destroyed.
  /// @throws SimTimeoutError after max_cycles; whatever leaves main or a started task
  template <class T>
  T run(Task<T> main, std::uint64_t max_cycles);
  /// Runs n cycles, with whatever tasks there are.
  void run_cycles(std::uint64_t n);
  /// Destroys all tasks, newest first. Not from inside a task.
  void cancel_all();

  /// Tasks that are suspended now.
  std::vector<WaitInfo> waiting() const;
  /// One line a task, for reports.
  std::string describe_waiting() const;

  /// Whether a task is ready, or waits for time or clock edges: something goes on if cycles pass.
  bool waits_for_time() const;

  /// True while ReadOnly waiters run: nothing may be driven.
  bool read_only() const { return phase_ == Phase::kReadOnly; }

 private:
  friend class Waiter;
  friend class JoinHandle;
  friend class TimedWait;
  friend class PhaseWait;
  enum class Phase : std::uint8_t { kNormal, kReadWrite, kReadOnly };
  static constexpr std::uint64_t kTurn = 1024;  ///< cycles a wheel covers

  /// Waits by due cycle. Everything due inside the current turn has its slot; the rest is sorted in
  /// once a turn.
  struct Wheel {
    std::array<WaitList, kTurn> slots;
    WaitList later;
    void insert(Waiter& w, std::uint64_t due, std::uint64_t now);
    void start_turn(std::uint64_t cycle);
    bool empty() const;
  };

  friend JoinHandle detail::start_contained(Task<void>, std::string);
  JoinHandle start(Task<void> task, std::string name, bool contained);
  bool cancel(TaskRecord& record);
  void finish(TaskRecord& record);
  void drain();
  void one_cycle();
  void run_phases();
  void run_until_done(const TaskRecord& main, std::uint64_t max_cycles);
  void check_failure();
  void enter_run();

  SimTime period_;
  SimTime now_ = 0;
  std::uint64_t cycle_ = 0;
  Scheduler* previous_;
  TaskRecord* running_ = nullptr;
  Phase phase_ = Phase::kNormal;
  bool in_run_ = false;
  std::exception_ptr failure_;
  WaitList ready_;
  WaitList read_write_, read_only_, next_time_step_, falling_;
  std::unique_ptr<Wheel> timers_, edges_;
  std::vector<Clocked*> clocked_;
  std::vector<std::shared_ptr<TaskRecord>> tasks_;
  std::uint64_t started_ = 0;
};

/// Scheduler::current().start_soon().
JoinHandle start_soon(Task<void> task, std::string name = {});

namespace detail {
template <class T>
Task<void> store_result(Task<T> task, std::optional<T>& out) {
  out.emplace(co_await task);
}
}  // namespace detail

template <class T>
T Scheduler::run(Task<T> main, std::uint64_t max_cycles) {
  enter_run();
  if constexpr (std::is_void_v<T>) {
    const JoinHandle handle = start(std::move(main), "main", false);
    run_until_done(*handle.record_, max_cycles);
  } else {
    std::optional<T> result;
    const JoinHandle handle = start(detail::store_result(std::move(main), result), "main", false);
    run_until_done(*handle.record_, max_cycles);
    return std::move(*result);
  }
}

}  // namespace siov::coro
