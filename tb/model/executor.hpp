// SPDX-License-Identifier: Apache-2.0
// Executor: turns one descriptor into transactions: data, readbacks, record, report, interrupt.
// What the descriptor means is model::predict.
//
//   const Prediction p = executor.run(subject);          // reads, writes, readbacks
//   Ending ending = executor.conclude(subject, p);       // completion record
//   if (!executor.settle(ending)) ...                    // the event log is full: ask again
#pragma once

#include <cstdint>
#include <optional>

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

/// A descriptor with all that is known about it. Refers to its parts; lives as long as a call.
struct Subject {
  const abi::Descriptor& descriptor;
  const WorkContext& context;
  std::uint8_t wq = 0;
  std::uint8_t batch = 0;   ///< identifies the batch of a member
  std::uint16_t index = 0;  ///< of a member
};

/// What is left to do when the record is written.
struct Ending {
  std::optional<SoftwareError> report;
  std::optional<InterruptHandle> interrupt;
};

class Executor {
 public:
  Executor(const DeviceConfig& config, const Surroundings& around)
      : config_(config), around_(around) {}

  /// What queue and device add to a descriptor that is dispatched.
  WorkContext context_of(const Work& work) const;
  /// What its batch adds to a member.
  WorkContext member_context(const Subject& batch, const abi::Descriptor& member) const;
  /// Time on the data path. @return [cycles], > 0
  std::uint64_t data_cycles(const abi::Descriptor& descriptor, const WorkContext& context) const;

  /// Reads, writes, then readbacks. A good batch does nothing here.
  Prediction run(const Subject& subject);
  /// Reads a piece of a descriptor list as the owner of the batch. @return false if it failed
  [[nodiscard]] bool read_list(const Subject& batch, Iova address, std::span<std::byte> out);
  /// Writes the record, if there is one.
  Ending conclude(const Subject& subject, const Prediction& prediction);
  /// Report, then interrupt. @return false if the report found no room; nothing is lost
  [[nodiscard]] bool settle(Ending& ending);
  void count_member() { ++around_.stats.members; }

 private:
  SoftwareError report_of(const Subject& subject, const Prediction& prediction) const;

  DeviceConfig config_;
  Surroundings around_;
};

}  // namespace siov::model
