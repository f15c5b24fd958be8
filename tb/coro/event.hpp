// SPDX-License-Identifier: Apache-2.0
// Event: a flag that tasks wait for. set() wakes all, oldest first; the flag stays until clear().
//
//   Event done("copy done");
//   done.set();                  // from a task or from plain code
//   co_await done.wait();        // returns at once while set
#pragma once

#include <coroutine>
#include <source_location>

#include "coro/waiter.hpp"

namespace siov::coro {

class Event {
 public:
  /// @param name  for deadlock reports; must outlive the event (a literal)
  explicit Event(const char* name = "Event") : name_(name) {}

  void set() {
    set_ = true;
    waiters_.wake_all();
  }
  void clear() { set_ = false; }
  bool is_set() const { return set_; }

  class Awaiter {
   public:
    Awaiter(Event* event, std::source_location where)
        : event_(event), waiter_(event->name_, where) {}
    bool await_ready() const { return event_->set_; }
    void await_suspend(std::coroutine_handle<> h) {
      waiter_.park(h);
      event_->waiters_.push_back(waiter_);
    }
    void await_resume() const {}

   private:
    Event* event_;
    Waiter waiter_;
  };
  class Wait {
   public:
    Wait(Event* event, std::source_location where) : event_(event), where_(where) {}
    Awaiter operator co_await() const { return Awaiter(event_, where_); }

   private:
    Event* event_;
    std::source_location where_;
  };
  Wait wait(std::source_location where = std::source_location::current()) {
    return Wait(this, where);
  }

 private:
  const char* name_;
  bool set_ = false;
  WaitList waiters_;
};

}  // namespace siov::coro
