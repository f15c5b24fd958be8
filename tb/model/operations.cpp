// SPDX-License-Identifier: Apache-2.0
// Engines and dispatch. @spec DSA 5.6, 5.11
#include "model/operations.hpp"

#include <limits>
#include <utility>

namespace siov::model {
namespace {

/// The engine takes no more work until the batch in it has ended.
constexpr std::uint64_t kBusy = std::numeric_limits<std::uint64_t>::max();

}  // namespace

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
  if (in_flight_ != 0) finish_due(now);
  if (around_.queues.waiting() == 0) return;
  for (Engine& e : engines_) {
    const bool room = e.jobs.size() < config_.jobs_per_engine;
    if (e.group >= 0 && e.next_free <= now && room) dispatch(e, now);
  }
}

void Operations::finish_due(std::uint64_t now) {
  for (unsigned e = 0; e < engines_.size(); ++e) {
    while (!engines_[e].jobs.empty() && advance(e, now)) {
    }
  }
}

/// The next step of the oldest job of an engine. @return false if it has to wait
bool Operations::advance(unsigned engine, std::uint64_t now) {
  Engine& e = engines_[engine];
  Job& job = e.jobs.front();
  if (job.ending) {
    if (!executor_.settle(*job.ending)) return false;
    retire(e, now);
    return true;
  }
  if (job.batch) return advance_batch(job, now);
  if (job.due > now) return false;
  begin(job, engine);
  return true;
}

void Operations::begin(Job& job, unsigned engine) {
  const Subject subject = job.subject();
  const Prediction p = executor_.run(subject);
  if (p.is_batch) {
    const auto identifier = static_cast<std::uint8_t>(engine * config_.batches_per_engine);
    job.batch.emplace(p.list, identifier);
  } else {
    job.ending = executor_.conclude(subject, p);
  }
}

bool Operations::advance_batch(Job& job, std::uint64_t now) {
  const Subject subject = job.subject();
  if (!job.batch->done())
    return job.batch->step(executor_, subject, now) == BatchRun::Step::kProgress;
  const Prediction p = finish_batch(job.work.descriptor, job.context, job.batch->result());
  job.ending = executor_.conclude(subject, p);
  return true;
}

void Operations::retire(Engine& e, std::uint64_t now) {
  if (e.next_free == kBusy) e.next_free = now;
  e.jobs.pop_front();
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
  Job job;
  job.work = around_.queues.pop(*wq);
  job.context = executor_.context_of(job.work);
  const std::uint64_t data_end = now + executor_.data_cycles(job.work.descriptor, job.context);
  job.due = data_end + config_.latency_cycles;
  e.next_free = job.work.descriptor.opcode == abi::kOpBatch ? kBusy : data_end;
  e.jobs.push_back(std::move(job));
  ++in_flight_;
}

}  // namespace siov::model
