// SPDX-License-Identifier: Apache-2.0
// Engines and dispatch. @spec DSA 5.6, 5.11
#include "model/operations.hpp"

#include <algorithm>
#include <utility>

namespace siov::model {

void Operations::Job::give_up() {
  given_up = true;
  execution.wait.give_up();
  if (batch) batch->give_up();
}

/// A batch that does not wait for a page.
bool Operations::Engine::has_batch() const {
  return std::any_of(jobs.begin(), jobs.end(),
                     [](const Job& j) { return j.is_batch() && !j.blocked; });
}

Operations::Operations(const DeviceConfig& config, const Surroundings& around)
    : config_(config), around_(around), executor_(config, around), engines_(config.num_engines) {}

void Operations::bind_groups() {
  for (unsigned e = 0; e < engines_.size(); ++e) {
    engines_[e].group = -1;
    for (unsigned g = 0; g < around_.queues.num_groups(); ++g) {
      if ((around_.queues.group(g).engines >> e & 1u) != 0) engines_[e].group = static_cast<int>(g);
    }
  }
}

void Operations::flush() {
  around_.stats.discarded += in_flight_;
  for (Engine& e : engines_) {
    e.jobs.clear();
    e.next_free = 0;
  }
  in_flight_ = 0;
}

void Operations::cycle(std::uint64_t now) {
  if (in_flight_ != 0) {
    for (unsigned e = 0; e < engines_.size(); ++e) finish_due(e, now);
  }
  if (around_.queues.waiting() == 0) return;
  for (Engine& e : engines_) {
    const bool room = e.jobs.size() < config_.jobs_per_engine;
    if (e.group >= 0 && e.next_free <= now && room && !e.has_batch()) dispatch(e, now);
  }
}

/// Oldest first; later ones are due later. Behind one that waits for room in the event log nothing
/// ends.
void Operations::finish_due(unsigned engine, std::uint64_t now) {
  Engine& e = engines_[engine];
  for (std::size_t i = 0; i < e.jobs.size() && e.jobs[i].due <= now;) {
    const auto holds = [&](const Job& earlier) { return earlier.holds(e.jobs[i]); };
    const auto end = e.jobs.begin() + static_cast<std::ptrdiff_t>(i);
    const bool held = std::any_of(e.jobs.begin(), end, holds);
    const Progress progress = held ? Progress::kWait : advance(e.jobs[i], engine, now);
    if (progress == Progress::kLog) return;
    if (progress == Progress::kWait) ++i;
    if (progress == Progress::kEnded) retire(e, i);
  }
}

/// The next step of a job.
Operations::Progress Operations::advance(Job& job, unsigned engine, std::uint64_t now) {
  if (job.execution.stage == Execution::Stage::kDone)
    return executor_.settle(job.execution.ending) ? Progress::kEnded : Progress::kLog;
  return job.batch ? advance_batch(job, now) : execute(job, engine);
}

Operations::Progress Operations::execute(Job& job, unsigned engine) {
  job.blocked = !executor_.advance(job.execution, job.subject());
  if (job.blocked) return Progress::kWait;
  if (!job.execution.outcome.is_batch) return Progress::kOn;
  const auto identifier = static_cast<std::uint8_t>(engine * config_.batches_per_engine);
  job.batch.emplace(job.execution.outcome.list, identifier, executor_.page_wait());
  job.execution = executor_.begin();
  if (job.given_up) job.give_up();
  return Progress::kOn;
}

/// Behind the last member its execution is that of the record.
Operations::Progress Operations::advance_batch(Job& job, std::uint64_t now) {
  const Subject subject = job.subject();
  if (!job.batch->done()) {
    const BatchRun::Step step = job.batch->step(executor_, subject, now);
    job.blocked = step == BatchRun::Step::kWaitPage;
    return step == BatchRun::Step::kProgress ? Progress::kOn : Progress::kWait;
  }
  if (job.execution.stage == Execution::Stage::kData) {
    const Prediction end = finish_batch(job.work.descriptor, job.context, job.batch->result());
    job.execution = executor_.begin_record(end);
    if (job.given_up) job.give_up();
  }
  job.blocked = !executor_.advance(job.execution, subject);
  return job.blocked ? Progress::kWait : Progress::kOn;
}

void Operations::retire(Engine& e, std::size_t job) {
  e.jobs.erase(e.jobs.begin() + static_cast<std::ptrdiff_t>(job));
  --in_flight_;
  ++around_.stats.completed;
}

/// A drain waits at the head of its queue until the engines hold nothing of that queue. @spec
/// DSA 5.6 (02)
QueueSet Operations::blocked_heads() const {
  QueueSet blocked;
  for (unsigned w = 0; w < around_.queues.num_wq(); ++w) {
    const std::deque<Work>& entries = around_.queues.queue(w).entries;
    if (entries.empty() || entries.front().descriptor.opcode != abi::kOpDrain) continue;
    if (any([w](const Work& work) { return work.wq == w; })) blocked.set(w);
  }
  return blocked;
}

void Operations::dispatch(Engine& e, std::uint64_t now) {
  const auto wq = around_.queues.arbitrate(static_cast<unsigned>(e.group), blocked_heads());
  if (!wq) return;
  Job job(executor_.begin());
  job.work = around_.queues.pop(*wq);
  job.context = executor_.context_of(job.work);
  const std::uint64_t data_end = now + executor_.data_cycles(job.work.descriptor, job.context);
  job.due = data_end + config_.latency_cycles;
  e.next_free = data_end;
  e.jobs.push_back(std::move(job));
  ++in_flight_;
}

}  // namespace siov::model
