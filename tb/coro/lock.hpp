// SPDX-License-Identifier: Apache-2.0
// Lock: mutual exclusion of tasks, granted in order of asking.
//
//   const Lock::Guard guard = co_await lock.scoped();    // released at end of scope, also when
//   cancelled
#pragma once

#include <coroutine>
#include <source_location>
#include <utility>

#include "common/error.hpp"
#include "coro/waiter.hpp"

namespace siov::coro {

class Lock {
 public:
  /// Releases at end of scope.
  class Guard {
   public:
    explicit Guard(Lock* lock) : lock_(lock) {}
    Guard(Guard&& other) noexcept : lock_(std::exchange(other.lock_, nullptr)) {}
    Guard& operator=(Guard&&) = delete;
    ~Guard() {
      if (lock_ != nullptr) lock_->release();
    }

   private:
    Lock* lock_;
  };

  explicit Lock(const char* name = "Lock") : name_(name) {}
  bool locked() const { return locked_; }
  /// Hands the lock to the oldest waiter. @throws HarnessError if not locked
  void release() {
    if (!locked_) throw HarnessError("release of an unlocked Lock");
    if (Awaiter* const next = static_cast<Awaiter*>(waiters_.front())) {
      next->granted_ = true;
      waiters_.wake_one();
    } else {
      locked_ = false;
    }
  }

  class Awaiter : public Waiter {
   public:
    Awaiter(Lock* lock, std::source_location where) : Waiter(lock->name_, where), lock_(lock) {}
    ~Awaiter() {
      if (granted_) lock_->release();  // cancelled between the grant and its use
    }
    bool await_ready() {
      if (lock_->locked_) return false;
      lock_->locked_ = true;
      return true;
    }
    void await_suspend(std::coroutine_handle<> h) {
      park(h);
      lock_->waiters_.push_back(*this);
    }
    void await_resume() { granted_ = false; }

   protected:
    friend class Lock;
    Lock* lock_;
    bool granted_ = false;
  };
  class ScopedAwaiter : public Awaiter {
   public:
    using Awaiter::Awaiter;
    Guard await_resume() {
      granted_ = false;
      return Guard(lock_);
    }
  };
  template <class A>
  class Acquire {
   public:
    Acquire(Lock* lock, std::source_location where) : lock_(lock), where_(where) {}
    A operator co_await() const { return A(lock_, where_); }

   private:
    Lock* lock_;
    std::source_location where_;
  };
  /// Pair with release().
  Acquire<Awaiter> acquire(std::source_location where = std::source_location::current()) {
    return Acquire<Awaiter>(this, where);
  }
  /// co_await gives a Guard.
  Acquire<ScopedAwaiter> scoped(std::source_location where = std::source_location::current()) {
    return Acquire<ScopedAwaiter>(this, where);
  }

 private:
  const char* name_;
  bool locked_ = false;
  WaitList waiters_;
};

}  // namespace siov::coro
