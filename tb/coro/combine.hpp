// SPDX-License-Identifier: Apache-2.0
// First and Combine over triggers, tasks and join handles; with_timeout.
//
//   const std::size_t which = co_await First(done.wait(), Timer(ns(100)));    // 0 or 1; the other
//   is cancelled co_await Combine(std::move(copier), std::move(filler)); const int answer =
//   co_await with_timeout(ask(device), us(10));            // SimTimeoutError names who waited
// A JoinHandle only stops being awaited: its task goes on. A Task given by value is cancelled when
// it loses.
#pragma once

#include <array>
#include <cstddef>
#include <exception>
#include <optional>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/error.hpp"
#include "coro/clock_triggers.hpp"
#include "coro/event.hpp"
#include "coro/join.hpp"

namespace siov::coro {

namespace detail {

struct Gathering {
  Event over{"First or Combine"};
  std::size_t winner = 0;
  std::size_t open = 0;
  std::exception_ptr error;
  bool first_ends = false;
  void ended(std::size_t index, std::exception_ptr failure) {
    --open;
    if (over.is_set()) return;
    winner = index;
    error = failure;
    if (first_ends || open == 0 || failure) over.set();
  }
};

template <class A>
Task<void> gathered(A awaitable, std::size_t index, Gathering& gathering) {
  std::exception_ptr failure;
  try {
    co_await std::move(awaitable);
  } catch (...) {
    failure = std::current_exception();
  }
  gathering.ended(index, failure);
}

template <class... A>
Task<std::size_t> gather(bool first_ends, A... awaitables) {
  Gathering gathering;
  gathering.first_ends = first_ends;
  gathering.open = sizeof...(A);
  std::array<ScopedTask, sizeof...(A)> tasks;
  std::size_t index = 0;
  ((tasks[index] = ScopedTask(start_contained(gathered(std::move(awaitables), index, gathering),
                                              "part of a combination")),
    ++index),
   ...);
  co_await gathering.over.wait();
  if (gathering.error) std::rethrow_exception(gathering.error);
  co_return gathering.winner;
}

Task<void> join_all(std::vector<JoinHandle> handles);

/// Waits for the end of a task or for a time limit.
class JoinOrTimer {
 public:
  JoinOrTimer(const JoinHandle& handle, SimTime limit, std::source_location where)
      : handle_(handle),
        limit_(limit),
        join_("with_timeout", where),
        timer_("with_timeout", where) {}
  bool await_ready() const { return handle_.done(); }
  void await_suspend(std::coroutine_handle<> h);
  bool await_resume() {
    join_.unlink();  // both may have fired
    timer_.unlink();
    return handle_.done();
  }

 private:
  const JoinHandle& handle_;
  SimTime limit_;
  Waiter join_, timer_;
};

/// co_await gives whether the task ended within the limit.
class EndWithin {
 public:
  EndWithin(const JoinHandle& handle, SimTime limit, std::source_location where)
      : handle_(&handle), limit_(limit), where_(where) {}
  JoinOrTimer operator co_await() const { return JoinOrTimer(*handle_, limit_, where_); }

 private:
  const JoinHandle* handle_;
  SimTime limit_;
  std::source_location where_;
};

/// @throws SimTimeoutError naming what the task waited for
[[noreturn]] void throw_timeout(const JoinHandle& task, SimTime limit, std::source_location where);
void rethrow_error(const JoinHandle& task);

}  // namespace detail

/// Index of the first to end; the others are cancelled. Rethrows the exception of the first.
template <class... A>
requires(sizeof...(A) > 0) Task<std::size_t> First(A... awaitables) {
  return detail::gather(true, std::move(awaitables)...);
}

/// Ends when all have ended; the first exception cancels the rest and propagates. @return index of
/// the last to end
template <class... A>
requires(sizeof...(A) > 0) Task<std::size_t> Combine(A... awaitables) {
  return detail::gather(false, std::move(awaitables)...);
}

/// Ends when all tasks have ended.
inline Task<void> Combine(std::vector<JoinHandle> handles) {
  return detail::join_all(std::move(handles));
}

/// Runs a task; cancels it when the limit passes.
/// @param limit  [ps], > 0
/// @throws SimTimeoutError naming what the task waited for, and where
template <class T>
Task<T> with_timeout(Task<T> task, SimTime limit,
                     std::source_location where = std::source_location::current()) {
  if constexpr (std::is_void_v<T>) {
    const ScopedTask scope(detail::start_contained(std::move(task), "task under with_timeout"));
    const bool ended = co_await detail::EndWithin(scope.handle(), limit, where);
    if (!ended) detail::throw_timeout(scope.handle(), limit, where);
    detail::rethrow_error(scope.handle());
  } else {
    std::optional<T> result;
    const ScopedTask scope(detail::start_contained(detail::store_result(std::move(task), result),
                                                   "task under with_timeout"));
    const bool ended = co_await detail::EndWithin(scope.handle(), limit, where);
    if (!ended) detail::throw_timeout(scope.handle(), limit, where);
    detail::rethrow_error(scope.handle());
    co_return std::move(*result);
  }
}

}  // namespace siov::coro
