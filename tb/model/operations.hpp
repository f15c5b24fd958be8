// SPDX-License-Identifier: Apache-2.0
// Operations: the engines. They take work from the queues of their group, and some cycles later
// perform it at once: data, completion record, interrupt. What a descriptor means is
// model::predict.
//
//   operations.bind_groups();        // at Enable Device
//   operations.cycle(now);
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "model/config_space.hpp"
#include "model/control_registers.hpp"
#include "model/device_config.hpp"
#include "model/dma_master.hpp"
#include "model/interrupts.hpp"
#include "model/predict.hpp"
#include "model/work_queues.hpp"

namespace siov::model {

/// The parts of the device that an engine touches.
struct Surroundings {
  const ConfigSpace& space;
  ControlRegisters& registers;
  Interrupts& interrupts;
  WorkQueues& queues;
  DmaMaster& master;
  DeviceStats& stats;
};

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
  };
  struct Engine {
    int group = -1;
    std::uint64_t next_free = 0;
    std::deque<Job> jobs;
  };
  void finish_due(std::uint64_t now);
  void dispatch(Engine& engine, std::uint64_t now);
  std::uint64_t blocked_heads() const;
  WorkContext context_of(const Work& work) const;
  std::uint64_t data_cycles(const abi::Descriptor& descriptor, std::uint64_t max_transfer) const;
  void perform(const Job& job);
  void log(const Job& job, const Prediction& prediction);

  DeviceConfig config_;
  Surroundings around_;
  std::vector<Engine> engines_;
  unsigned in_flight_ = 0;
};

}  // namespace siov::model
