// SPDX-License-Identifier: Apache-2.0
// Executor: turns one descriptor into transactions: data, readbacks, record, report, interrupt.
// What the descriptor means is model::predict. Execution is one on its way.
//
//   Execution run = executor.begin();
//   if (!executor.advance(run, subject)) ...             // waits for a page: ask again
//   if (!executor.settle(run.ending)) ...                // the event log is full: ask again
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "model/config_space.hpp"
#include "model/control_registers.hpp"
#include "model/device_config.hpp"
#include "model/dma_master.hpp"
#include "model/interrupts.hpp"
#include "model/page_fault.hpp"
#include "model/page_wait.hpp"
#include "model/progress.hpp"
#include "model/work_queues.hpp"

namespace siov::model {

/// The parts of the device that an engine touches.
struct Surroundings {
  const ConfigSpace& space;
  ControlRegisters& registers;
  Interrupts& interrupts;
  WorkQueues& queues;
  DmaMaster& master;
  Translations& translations;
  PageRequests& pages;
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

/// One descriptor on its way.
struct Execution {
  enum class Stage : std::uint8_t { kData, kReadbacks, kRecord, kDone };
  explicit Execution(PageWait page_wait) : wait(std::move(page_wait)) {}

  Stage stage = Stage::kData;
  Prediction outcome;        ///< valid behind kData
  std::size_t readback = 0;  ///< the next one
  Ending ending;             ///< valid in kDone
  Progress progress;
  PageWait wait;
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

  Execution begin() const { return Execution(page_wait()); }
  /// Only the record of an outcome that is known.
  Execution begin_record(const Prediction& outcome) const;
  PageWait page_wait() const { return PageWait(config_.page_retries); }
  /// Reads, writes, readbacks, record, as far as pages are there. A good batch ends behind its
  /// checks. @return false: waits for a page
  [[nodiscard]] bool advance(Execution& execution, const Subject& subject);
  /// Whether an absent page of the list of a batch is still to come.
  bool list_pending(PageWait& wait, const Subject& batch);
  /// Whether a page of the list can be read. @return 0, or why not: 0x03, 0x04, 0x22
  std::uint8_t list_status(const PageWait& wait, const Subject& batch, Iova address);
  /// Reads a piece of a descriptor list as the owner of the batch. @return false if it failed
  [[nodiscard]] bool read_list(const Subject& batch, Iova address, std::span<std::byte> out);
  /// Report, then interrupt. @return false if the report found no room; nothing is lost
  [[nodiscard]] bool settle(Ending& ending);
  void count_member() { ++around_.stats.members; }

 private:
  enum class Step : std::uint8_t { kWait, kAgain, kOn };
  std::uint8_t gate(const PageWait& wait, const Owner& owner, const PageAccess& access);
  Step data(Execution& x, const Subject& s);
  Step readbacks(Execution& x, const Subject& s);
  Step record(Execution& x, const Subject& s);
  SoftwareError report_of(const Subject& subject, const Prediction& prediction) const;

  DeviceConfig config_;
  Surroundings around_;
};

}  // namespace siov::model
