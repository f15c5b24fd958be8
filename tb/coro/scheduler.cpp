// SPDX-License-Identifier: Apache-2.0
// Scheduler, waiters, task handles.
#include "coro/scheduler.hpp"

#include <algorithm>

#include "common/error.hpp"

namespace siov::coro {

namespace {
thread_local Scheduler* g_current = nullptr;
/// Resumptions within one time step after which a loop that never waits for time is assumed.
constexpr std::uint64_t kMaxResumptionsInStep = 200'000'000;
}  // namespace

void Waiter::attach(std::coroutine_handle<> handle) {
  Scheduler& s = Scheduler::current();
  if (s.running_ == nullptr) throw HarnessError("co_await outside a task of the scheduler");
  handle_ = handle;
  record_ = s.running_;
}

void Waiter::park(std::coroutine_handle<> handle) {
  attach(handle);
  since_ = record_->scheduler.cycle();
  record_->waiting = this;
}

void Waiter::wake() {
  unlink();
  record_->scheduler.ready_.push_back(*this);
}

void Scheduler::Wheel::insert(Waiter& w, std::uint64_t due, std::uint64_t now) {
  w.due_ = due;
  if (due / kTurn == now / kTurn)
    slots[due % kTurn].push_back(w);
  else
    later.push_back(w);
}

void Scheduler::Wheel::start_turn(std::uint64_t cycle) {
  for (Waiter* w = later.front(); w != nullptr;) {
    Waiter* const next = later.after(*w);
    if (w->due_ / kTurn == cycle / kTurn) {
      w->unlink();
      slots[w->due_ % kTurn].push_back(*w);
    }
    w = next;
  }
}

bool Scheduler::Wheel::empty() const {
  return later.empty() &&
         std::all_of(slots.begin(), slots.end(), [](const WaitList& slot) { return slot.empty(); });
}

bool Scheduler::waits_for_time() const {
  return !ready_.empty() || !next_time_step_.empty() || !falling_.empty() || !read_write_.empty() ||
         !read_only_.empty() || !timers_->empty() || !edges_->empty();
}

Scheduler::Scheduler(SimTime clock_period)
    : period_(clock_period),
      previous_(g_current),
      timers_(std::make_unique<Wheel>()),
      edges_(std::make_unique<Wheel>()) {
  if (clock_period < 2) throw HarnessError("clock period must be at least 2 ps");
  g_current = this;
}

Scheduler::~Scheduler() {
  cancel_all();
  g_current = previous_;
}

Scheduler& Scheduler::current() {
  if (g_current == nullptr) throw HarnessError("no Scheduler exists on this thread");
  return *g_current;
}

void Scheduler::remove_clocked(Clocked& object) {
  const auto it = std::find(clocked_.begin(), clocked_.end(), &object);
  if (it == clocked_.end()) throw HarnessError("remove_clocked of an object that was not added");
  clocked_.erase(it);
}

JoinHandle Scheduler::start(Task<void> task, std::string name, bool contained) {
  if (!task.valid() || task.done()) throw HarnessError("start of an empty or finished Task");
  ++started_;
  if (name.empty()) name = "task" + std::to_string(started_);
  auto record = std::make_shared<TaskRecord>(*this, std::move(task), std::move(name), contained);
  record->index = tasks_.size();
  record->number = started_;
  record->start.bind(record->body.handle(), record.get());
  record->start.wake();
  tasks_.push_back(record);
  return JoinHandle(std::move(record));
}

JoinHandle Scheduler::start_soon(Task<void> task, std::string name) {
  return start(std::move(task), std::move(name), false);
}

JoinHandle start_soon(Task<void> task, std::string name) {
  return Scheduler::current().start_soon(std::move(task), std::move(name));
}

JoinHandle detail::start_contained(Task<void> task, std::string name) {
  return Scheduler::current().start(std::move(task), std::move(name), true);
}

bool Scheduler::cancel(TaskRecord& record) {
  if (record.state != TaskRecord::State::kRunning) return false;
  if (running_ == &record) {
    record.cancel_requested = true;
  } else {
    record.state = TaskRecord::State::kCancelled;
    finish(record);
  }
  return true;
}

// Takes the record out of the list, destroys its frame and wakes who joined it. The state is set.
void Scheduler::finish(TaskRecord& record) {
  const std::size_t index = record.index;
  const std::shared_ptr<TaskRecord> keep = std::move(tasks_[index]);
  if (index + 1 != tasks_.size()) {
    tasks_[index] = std::move(tasks_.back());
    tasks_[index]->index = index;
  }
  tasks_.pop_back();
  record.waiting = nullptr;
  record.start.unlink();
  record.body.reset();
  record.joiners.wake_all();
}

void Scheduler::drain() {
  std::uint64_t resumptions = 0;
  while (Waiter* const w = ready_.pop_front()) {
    TaskRecord& record = *w->record_;
    running_ = &record;
    record.waiting = nullptr;
    w->handle_.resume();
    running_ = nullptr;
    if (record.body.done()) {
      record.state = TaskRecord::State::kDone;
      record.error = record.body.handle().promise().error;
      if (record.error && !record.contained && !failure_) failure_ = record.error;
      finish(record);
      if (failure_) return;
    } else if (record.cancel_requested) {
      record.state = TaskRecord::State::kCancelled;
      finish(record);
    }
    if (++resumptions == kMaxResumptionsInStep)
      throw HarnessError("tasks keep each other awake without time advancing:\n" +
                         describe_waiting());
  }
}

void Scheduler::run_phases() {
  while (!read_write_.empty() && !failure_) {
    phase_ = Phase::kReadWrite;
    read_write_.wake_all();
    drain();
  }
  if (!read_only_.empty() && !failure_) {
    phase_ = Phase::kReadOnly;
    read_only_.wake_all();
    drain();
  }
  phase_ = Phase::kNormal;
}

void Scheduler::one_cycle() {
  if (!ready_.empty()) drain();
  if (!read_write_.empty() || !read_only_.empty()) run_phases();
  if (failure_) return;
  for (std::size_t i = 0; i < clocked_.size(); ++i) clocked_[i]->cycle(cycle_);
  if (!falling_.empty()) {
    now_ += period_ / 2;
    falling_.wake_all();
    drain();
    now_ += period_ - period_ / 2;
  } else {
    now_ += period_;
  }
  ++cycle_;
  const std::uint64_t slot = cycle_ % kTurn;
  if (slot == 0) {
    timers_->start_turn(cycle_);
    edges_->start_turn(cycle_);
  }
  next_time_step_.wake_all();
  timers_->slots[slot].wake_all();
  edges_->slots[slot].wake_all();
}

void Scheduler::check_failure() {
  if (!failure_) return;
  const std::exception_ptr error = std::exchange(failure_, nullptr);
  cancel_all();
  std::rethrow_exception(error);
}

void Scheduler::enter_run() {
  if (in_run_) throw HarnessError("run() inside run()");
}

void Scheduler::run_until_done(const TaskRecord& main, std::uint64_t max_cycles) {
  struct Flag {
    bool& value;
    ~Flag() { value = false; }
  } flag(in_run_);
  in_run_ = true;
  const std::uint64_t end = cycle_ + max_cycles;
  try {
    drain();
    while (main.state == TaskRecord::State::kRunning && !failure_) {
      if (cycle_ >= end)
        throw SimTimeoutError("no end after " + std::to_string(max_cycles) + " cycles (" +
                              std::to_string(now_ / 1000) + " ns); waiting:\n" +
                              describe_waiting());
      one_cycle();
      if (!ready_.empty()) drain();
    }
  } catch (...) {
    phase_ = Phase::kNormal;
    running_ = nullptr;
    cancel_all();
    throw;
  }
  check_failure();
  if (main.state == TaskRecord::State::kCancelled) throw CancelledError("main was cancelled");
}

void Scheduler::run_cycles(std::uint64_t n) {
  enter_run();
  struct Flag {
    bool& value;
    ~Flag() { value = false; }
  } flag(in_run_);
  in_run_ = true;
  try {
    for (std::uint64_t i = 0; i < n && !failure_; ++i) one_cycle();
    if (!failure_ && !ready_.empty()) drain();
  } catch (...) {
    phase_ = Phase::kNormal;
    running_ = nullptr;
    cancel_all();
    throw;
  }
  check_failure();
}

void Scheduler::cancel_all() {
  if (running_ != nullptr) throw HarnessError("cancel_all from inside a task");
  while (!tasks_.empty()) {
    TaskRecord& youngest = *tasks_.back();
    youngest.state = TaskRecord::State::kCancelled;
    finish(youngest);
  }
}

std::vector<WaitInfo> Scheduler::waiting() const {
  std::vector<const TaskRecord*> order;
  for (const auto& task : tasks_)
    if (task->waiting != nullptr) order.push_back(task.get());
  std::sort(order.begin(), order.end(), [](auto* a, auto* b) { return a->number < b->number; });
  std::vector<WaitInfo> infos;
  for (const TaskRecord* task : order)
    infos.push_back(WaitInfo{task->name, task->waiting->what(), task->waiting->where(),
                             task->waiting->since()});
  return infos;
}

std::string Scheduler::describe_waiting() const {
  std::string text;
  for (const WaitInfo& info : waiting())
    text += "  " + info.task + " waits for " + info.what + " since cycle " +
            std::to_string(info.since) + " at " + info.where.file_name() + ":" +
            std::to_string(info.where.line()) + "\n";
  return text.empty() ? "  nobody waits\n" : text;
}

JoinHandle::Awaiter::Awaiter(std::shared_ptr<TaskRecord> record, std::source_location where)
    : record_(std::move(record)), waiter_("end of task", where) {
  if (!record_) throw HarnessError("co_await of an empty JoinHandle");
}

void JoinHandle::Awaiter::await_resume() const {
  if (record_->error && record_->contained) std::rethrow_exception(record_->error);
  if (record_->state == TaskRecord::State::kCancelled)
    throw CancelledError("task " + record_->name + " was cancelled");
}

bool JoinHandle::cancel() const { return record_ && record_->scheduler.cancel(*record_); }

const std::string& JoinHandle::name() const { return record().name; }

TaskRecord& JoinHandle::record() const {
  if (!record_) throw HarnessError("use of an empty JoinHandle");
  return *record_;
}

ScopedTask& ScopedTask::operator=(ScopedTask&& other) noexcept {
  if (this != &other) {
    if (handle_.valid()) handle_.cancel();
    handle_ = std::exchange(other.handle_, JoinHandle());
  }
  return *this;
}

ScopedTask::~ScopedTask() {
  if (handle_.valid()) handle_.cancel();
}

}  // namespace siov::coro
