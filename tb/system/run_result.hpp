// SPDX-License-Identifier: Apache-2.0
// RunResult: what a run gave, in the numbers of docs/summary.md, plus the text of every failure.
//
//   const system::RunResult result = testbench.run();
//   if (!result.good()) for (const auto& f : result.failures) std::cout << f;
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "system/migration_record.hpp"
#include "vdcm/lifecycle_log.hpp"

namespace siov::system {

struct RunResult {
  std::uint64_t vdevs = 0, vms = 0, pasids = 0;
  std::uint64_t operations = 0;   ///< of the workloads; a batch is one
  std::uint64_t descriptors = 0;  ///< finished and seen by their guest, members of batches included
  std::uint64_t batches = 0;
  std::uint64_t bad_inputs = 0;       ///< descriptors wrong on purpose
  std::uint64_t dropped = 0;          ///< members that a fence or a refused batch has dropped
  std::uint64_t events = 0;           ///< entries of the event log
  std::uint64_t errors_reported = 0;  ///< software errors that reached their guest
  std::uint64_t errors_lost = 0;      ///< that did not, because SWERROR keeps only one
  std::uint64_t error_overflows = 0;  ///< times that host or guests found SWERROR overflown
  std::uint64_t bytes = 0;            ///< payload the guests' operations asked for
  std::uint64_t tlps_up = 0, tlps_down = 0;
  std::uint64_t checks = 0;      ///< single judgements of checkers and scoreboard
  std::uint64_t violations = 0;  ///< rules broken
  std::uint64_t mismatches = 0;  ///< operations whose result was wrong in guest memory
  std::uint64_t translations = 0, faults = 0;
  std::uint64_t ats_translations = 0;         ///< translation requests the IOMMU answered
  std::uint64_t invalidations = 0;            ///< device-TLB invalidations the device completed
  std::uint64_t page_requests = 0;            ///< page requests the host's software has seen
  std::uint64_t stale_uses = 0;               ///< memory reached by a translation that was invalid
  std::uint64_t pages = 0;                    ///< that can be absent
  std::uint64_t pages_absent = 0;             ///< of these, absent until first needed
  std::uint64_t pages_in = 0, pages_out = 0;  ///< brought in, taken away again
  std::uint64_t pages_moved = 0;              ///< to another frame while away
  std::uint64_t resumed = 0;                  ///< pieces of work that guests submitted again
  std::uint64_t interrupts = 0;               ///< delivered by the platform
  std::uint64_t retries = 0;                  ///< ENQCMD answered Retry
  std::uint64_t lives = 0;                    ///< VDEVs of churn that were created and are gone
  std::uint64_t churn_operations = 0;         ///< of operations, those of their guests
  std::uint64_t pauses = 0, moves = 0, resets = 0;  ///< of their VDEVs
  std::uint64_t refusals = 0;               ///< actions that the management interface refused
  std::vector<MigrationRecord> migrations;  ///< in order of their ends
  /// Descriptors that the portals of each device took; only with migrations.
  std::vector<std::uint64_t> submitted;
  std::uint64_t bytes_per_vdev = 0;  ///< memory of the host for an idle VDEV; 0: cannot be measured
  std::uint64_t cycles = 0, sim_ns = 0;
  double wall_seconds = 0, cycles_per_second = 0;
  std::string digest;  ///< 16 hexadecimal digits
  /// 16 hexadecimal digits over what the tenants' operations left in memory, and their statuses:
  /// the same whatever their order and wherever they ran.
  std::string memory_digest;
  std::vector<std::string> failures;  ///< printable, several lines each
  std::vector<std::string> rules;     ///< ids of the rules broken, in order of first report
  std::vector<vdcm::LifecycleEvent> lifecycle;  ///< of VMs and VDEVs, in order
  std::string stopped;                          ///< why the run ended early; empty if it did not

  bool good() const { return violations == 0 && mismatches == 0 && stopped.empty(); }
};

/// Told now and then how far a run is.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  virtual void update(std::uint64_t done, std::uint64_t total, std::uint64_t cycles) = 0;
};

}  // namespace siov::system
