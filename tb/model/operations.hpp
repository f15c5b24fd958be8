// SPDX-License-Identifier: Apache-2.0
// Operations: the engines. They take work from the queues of their group, and some cycles later
// perform it at once: data, completion record, interrupt. A batch keeps its engine until it ends or
// waits for a page. Work that waits for a page is passed by all other work but that of the same
// queue and PASID, which is to stay behind it (DSA 5.3).
//
//   operations.bind_groups();        // at Enable Device
//   operations.cycle(now);
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "model/batch_run.hpp"
#include "model/executor.hpp"

namespace siov::model {

class Operations {
 public:
  Operations(const DeviceConfig& config, const Surroundings& around);

  /// Reads from GRPCFG which engine serves which group.
  void bind_groups();
  /// Ends what is due, then starts at most one descriptor in each engine.
  void cycle(std::uint64_t now);
  /// Descriptors in engines.
  unsigned in_flight() const { return in_flight_; }
  /// Whether a descriptor for which match(work) holds is in an engine.
  template <class F>
  bool any(F match) const {
    if (in_flight_ == 0) return false;
    for (const Engine& e : engines_) {
      for (const Job& j : e.jobs) {
        if (match(j.work)) return true;
      }
    }
    return false;
  }
  /// Ends the waiting for pages of all work for which match(work) holds.
  template <class F>
  void give_up(F match) {
    for (Engine& e : engines_) {
      for (Job& j : e.jobs) {
        if (match(j.work)) j.give_up();
      }
    }
  }
  /// Throws everything away: halt and function level reset.
  void flush();

 private:
  struct Job {
    Work work;
    WorkContext context;
    std::uint64_t due = 0;
    Execution execution;
    std::optional<BatchRun> batch;  ///< members are under way
    bool blocked = false;           ///< waits for a page
    bool given_up = false;
    explicit Job(Execution start) : execution(std::move(start)) {}
    Subject subject() const { return {work.descriptor, context, work.wq}; }
    bool is_batch() const { return work.descriptor.opcode == abi::kOpBatch; }
    bool holds(const Job& later) const {
      return blocked && work.wq == later.work.wq && context.pasid == later.context.pasid;
    }
    void give_up();
  };
  enum class Progress : std::uint8_t { kOn, kEnded, kWait, kLog };
  struct Engine {
    int group = -1;
    std::uint64_t next_free = 0;
    std::deque<Job> jobs;
    bool has_batch() const;
  };
  void finish_due(unsigned engine, std::uint64_t now);
  Progress advance(Job& job, unsigned engine, std::uint64_t now);
  Progress execute(Job& job, unsigned engine);
  Progress advance_batch(Job& job, std::uint64_t now);
  void retire(Engine& engine, std::size_t job);
  void dispatch(Engine& engine, std::uint64_t now);
  QueueSet blocked_heads() const;

  DeviceConfig config_;
  Surroundings around_;
  Executor executor_;
  std::vector<Engine> engines_;
  unsigned in_flight_ = 0;
};

}  // namespace siov::model
