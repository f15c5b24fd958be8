// SPDX-License-Identifier: Apache-2.0
// Non-template parts of First, Combine and with_timeout.
#include "coro/combine.hpp"

namespace siov::coro::detail {

Task<void> join_all(std::vector<JoinHandle> handles) {
  for (const JoinHandle& handle : handles) co_await handle;
}

void JoinOrTimer::await_suspend(std::coroutine_handle<> h) {
  join_.attach(h);
  timer_.park(h);
  handle_.record().joiners.push_back(join_);
  TimedWait::arm_timer(timer_, limit_);
}

void throw_timeout(const JoinHandle& task, SimTime limit, std::source_location where) {
  std::string text = "time limit of " + std::to_string(limit / 1000) + " ns at " +
                     where.file_name() + ":" + std::to_string(where.line()) + " passed";
  if (const Waiter* const w = task.record().waiting)
    text += std::string("; the task waits for ") + w->what() + " since cycle " +
            std::to_string(w->since()) + " at " + w->where().file_name() + ":" +
            std::to_string(w->where().line());
  throw SimTimeoutError(text);
}

void rethrow_error(const JoinHandle& task) {
  if (task.record().error) std::rethrow_exception(task.record().error);
  if (task.cancelled()) throw CancelledError("task " + task.name() + " was cancelled");
}

}  // namespace siov::coro::detail
