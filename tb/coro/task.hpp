// SPDX-License-Identifier: Apache-2.0
// Task<T>: a lazy coroutine that owns its frame. It starts when awaited or given to start_soon, and
// runs on the scheduler.
//
//   Task<int> twice(int x) { co_await ClockCycles(1); co_return 2 * x; }
//   Task<> test() { const int six = co_await twice(3); }
//
// Awaiting runs the task at once up to its first wait; when it had to wait, the awaiting coroutine
// comes back through the scheduler's FIFO ready queue. The stack never grows with the number of
// awaits.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <source_location>
#include <utility>

#include "common/error.hpp"
#include "coro/waiter.hpp"

namespace siov::coro {

template <class T = void>
class Task;

namespace detail {

struct PromiseBase {
  Waiter* continuation = nullptr;  ///< the awaiting coroutine, once it really is suspended
  std::exception_ptr error;

  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <class P>
    void await_suspend(std::coroutine_handle<P> h) const noexcept {
      if (Waiter* const w = h.promise().continuation) w->wake();
    }
    void await_resume() const noexcept {}
  };
  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }
  /// Gives Task and JoinHandle the place of the co_await; other awaitables know theirs.
  template <class A>
  decltype(auto) await_transform(A&& a,
                                 std::source_location where = std::source_location::current()) {
    if constexpr (requires { a.join(where); })
      return a.join(where);
    else
      return std::forward<A>(a);
  }
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> result;
  Task<T> get_return_object();
  template <class U>
  void return_value(U&& value) {
    result.emplace(std::forward<U>(value));
  }
  T take() {
    if (error) std::rethrow_exception(error);
    return std::move(*result);
  }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() const noexcept {}
  void take() const {
    if (error) std::rethrow_exception(error);
  }
};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      reset();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Task() { reset(); }

  bool valid() const { return handle_ != nullptr; }
  bool done() const { return handle_ && handle_.done(); }
  /// For the scheduler: frame, and what it ended with.
  Handle handle() const { return handle_; }
  /// Destroys the frame and everything it awaits.
  void reset() {
    if (Handle h = std::exchange(handle_, nullptr)) h.destroy();
  }

  class Awaiter {
   public:
    Awaiter(Handle child, std::source_location where) : child_(child), waiter_("Task", where) {}
    bool await_ready() const {
      if (!child_ || child_.done() || child_.promise().continuation != nullptr)
        throw HarnessError("co_await of an empty, finished or already awaited Task");
      return false;
    }
    bool await_suspend(std::coroutine_handle<> parent) {
      child_.resume();
      if (child_.done()) return false;
      waiter_.attach(parent);
      child_.promise().continuation = &waiter_;
      return true;
    }
    T await_resume() { return child_.promise().take(); }

   private:
    Handle child_;
    Waiter waiter_;
  };
  /// What co_await uses.
  Awaiter join(std::source_location where) const { return Awaiter(handle_, where); }

 private:
  Handle handle_ = nullptr;
};

template <class T>
Task<T> detail::Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> detail::Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

}  // namespace siov::coro
