// SPDX-License-Identifier: Apache-2.0
// Operations: the engines. They take work from the queues of their group, and some cycles later
// perform it at once: data, completion record, interrupt. A batch keeps its engine until it ends.
//
//   operations.bind_groups();        // at Enable Device
//   operations.cycle(now);
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
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
  /// Throws everything away: halt and function level reset.
  void flush();

 private:
  struct Job {
    Work work;
    WorkContext context;
    std::uint64_t due = 0;
    std::optional<BatchRun> batch;  ///< members are under way
    std::optional<Ending> ending;   ///< the record is written
    Subject subject() const { return {work.descriptor, context, work.wq}; }
  };
  struct Engine {
    int group = -1;
    std::uint64_t next_free = 0;
    std::deque<Job> jobs;
  };
  void finish_due(std::uint64_t now);
  bool advance(unsigned engine, std::uint64_t now);
  void begin(Job& job, unsigned engine);
  bool advance_batch(Job& job, std::uint64_t now);
  void retire(Engine& engine, std::uint64_t now);
  void dispatch(Engine& engine, std::uint64_t now);
  QueueSet blocked_heads() const;

  DeviceConfig config_;
  Surroundings around_;
  Executor executor_;
  std::vector<Engine> engines_;
  unsigned in_flight_ = 0;
};

}  // namespace siov::model
