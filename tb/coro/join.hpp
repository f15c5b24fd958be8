// SPDX-License-Identifier: Apache-2.0
// JoinHandle: what start_soon returns. Copyable; the task goes on when all handles are gone.
//
//   JoinHandle copier = start_soon(copy_all(device), "copier");
//   co_await copier;              // or copier.cancel()
#pragma once

#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <source_location>
#include <string>
#include <vector>

#include "coro/task.hpp"
#include "coro/time.hpp"
#include "coro/waiter.hpp"

namespace siov::coro {

class Scheduler;
struct WaitInfo;

/// A started task, kept by its scheduler while alive and by its handles.
class TaskRecord {
 public:
  enum class State : std::uint8_t { kRunning, kDone, kCancelled };
  TaskRecord(Scheduler& scheduler, Task<void> body, std::string name, bool contained)
      : scheduler(scheduler),
        body(std::move(body)),
        name(std::move(name)),
        contained(contained),
        start("start", std::source_location::current()) {}

  Scheduler& scheduler;
  WaitList joiners;  ///< before body: the frame may die while others wait for it
  Task<void> body;
  std::string name;
  std::size_t index = 0;     ///< position in the scheduler's list
  std::uint64_t number = 0;  ///< order of start
  State state = State::kRunning;
  bool contained;  ///< errors go to the joiner, not to run()
  bool cancel_requested = false;
  std::exception_ptr error;
  const Waiter* waiting = nullptr;
  Waiter start;
};

class JoinHandle {
 public:
  JoinHandle() = default;
  bool valid() const { return record_ != nullptr; }
  bool done() const { return state() != TaskRecord::State::kRunning; }
  bool cancelled() const { return state() == TaskRecord::State::kCancelled; }
  /// Destroys the task where it waits; a task cancelling itself ends at its next wait. @return
  /// false if it was over already
  bool cancel() const;
  const std::string& name() const;
  /// For helpers of this folder. @throws HarnessError if empty
  TaskRecord& record() const;

  /// Ends when the task ends. @throws CancelledError if it was cancelled
  class Awaiter {
   public:
    Awaiter(std::shared_ptr<TaskRecord> record, std::source_location where);
    bool await_ready() const { return record_->state != TaskRecord::State::kRunning; }
    void await_suspend(std::coroutine_handle<> h) {
      waiter_.park(h);
      record_->joiners.push_back(waiter_);
    }
    void await_resume() const;

   private:
    std::shared_ptr<TaskRecord> record_;
    Waiter waiter_;
  };
  /// What co_await uses.
  Awaiter join(std::source_location where) const { return Awaiter(record_, where); }

 private:
  friend class Scheduler;
  friend class ScopedTask;
  explicit JoinHandle(std::shared_ptr<TaskRecord> record) : record_(std::move(record)) {}
  TaskRecord::State state() const { return record().state; }
  std::shared_ptr<TaskRecord> record_;
};

namespace detail {
/// start_soon for helpers: an exception is kept for whoever joins.
JoinHandle start_contained(Task<void> task, std::string name);
}  // namespace detail

/// Owns a started task: cancels it at the end of scope.
class ScopedTask {
 public:
  ScopedTask() = default;
  explicit ScopedTask(JoinHandle handle) : handle_(std::move(handle)) {}
  ScopedTask(ScopedTask&& other) noexcept : handle_(std::move(other.handle_)) {
    other.handle_ = JoinHandle();
  }
  ScopedTask& operator=(ScopedTask&& other) noexcept;
  ~ScopedTask();
  const JoinHandle& handle() const { return handle_; }

 private:
  JoinHandle handle_;
};

}  // namespace siov::coro
