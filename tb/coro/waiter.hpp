// SPDX-License-Identifier: Apache-2.0
// Waiter: the node that stands for one suspended coroutine. It lives inside the coroutine frame, in
// at most one list, and leaves that list when the frame dies; so waiting allocates nothing and
// cancelling needs no search.
//
//   class Mailbox { WaitList waiters_; void post() { waiters_.wake_all(); } };
#pragma once

#include <coroutine>
#include <cstdint>
#include <source_location>

namespace siov::coro {

class TaskRecord;

/// Link of an intrusive circular list.
struct ListHook {
  ListHook* prev = nullptr;
  ListHook* next = nullptr;
  ListHook() = default;
  ListHook(const ListHook&) = delete;
  ListHook& operator=(const ListHook&) = delete;
  bool linked() const { return next != nullptr; }
  void unlink() {
    if (next == nullptr) return;
    prev->next = next;
    next->prev = prev;
    prev = next = nullptr;
  }
};

/// One suspended coroutine: what it waits for, and where in the source.
class Waiter : public ListHook {
 public:
  Waiter(const char* what, std::source_location where) : what_(what), where_(where) {}
  ~Waiter() { unlink(); }

  /// Binds to the coroutine that is suspending and makes this its reported wait.
  /// @throws HarnessError outside a running task
  void park(std::coroutine_handle<> handle);
  /// Binds without becoming the reported wait (a parent of the coroutine that really waits).
  void attach(std::coroutine_handle<> handle);
  /// Moves to the end of the scheduler's ready queue.
  void wake();
  /// For the scheduler: a coroutine that has not run yet.
  void bind(std::coroutine_handle<> handle, TaskRecord* record) {
    handle_ = handle;
    record_ = record;
  }

  const char* what() const { return what_; }
  const std::source_location& where() const { return where_; }
  std::uint64_t since() const { return since_; }  ///< cycle of park()
  TaskRecord* record() const { return record_; }

 private:
  friend class Scheduler;
  const char* what_;
  std::source_location where_;
  std::coroutine_handle<> handle_;
  TaskRecord* record_ = nullptr;
  std::uint64_t since_ = 0;
  std::uint64_t due_ = 0;  ///< of a timed wait [cycle]
};

/// FIFO of waiters. Waiters still inside when it dies are detached and never wake.
class WaitList {
 public:
  WaitList() { head_.prev = head_.next = &head_; }
  ~WaitList() {
    while (pop_front() != nullptr) {
    }
  }
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;

  bool empty() const { return head_.next == &head_; }
  void push_back(Waiter& w) {
    w.prev = head_.prev;
    w.next = &head_;
    head_.prev->next = &w;
    head_.prev = &w;
  }
  Waiter* front() { return empty() ? nullptr : static_cast<Waiter*>(head_.next); }
  /// Next of a waiter in this list, nullptr at the end.
  Waiter* after(Waiter& w) { return w.next == &head_ ? nullptr : static_cast<Waiter*>(w.next); }
  Waiter* pop_front() {
    Waiter* const w = front();
    if (w != nullptr) w->unlink();
    return w;
  }
  /// Wakes the oldest; false if nobody waits.
  bool wake_one() {
    Waiter* const w = pop_front();
    if (w != nullptr) w->wake();
    return w != nullptr;
  }
  /// Wakes all, oldest first.
  void wake_all() {
    while (wake_one()) {
    }
  }

 private:
  ListHook head_;
};

}  // namespace siov::coro
