// SPDX-License-Identifier: Apache-2.0
// migrate(): a running virtual machine's VDEVs and memory go to other hardware, with other queues,
// interrupt entries and host PASIDs.
//
//   vdcm::MigrationPlan plan{source_vdcm, target_vdcm, {{vdev, target_config, &slot}}};
//   const vdcm::MigrationReport report = co_await vdcm::migrate(plan, memory, log);
//   if (!report.moved) log(report.reasons);
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "coro/task.hpp"
#include "vdcm/dirty_log.hpp"
#include "vdcm/migration_memory.hpp"
#include "vdcm/vdcm.hpp"
#include "vdcm/vdev_state.hpp"

namespace siov::vdcm {

/// One VDEV on its way.
struct MigratingVdev {
  Vdev* source = nullptr;
  VdevConfig target;                ///< its VM has the guest PASIDs of the source's bound already
  MigratingGuest* guest = nullptr;  ///< CPUs that use it
};

/// All VDEVs of one virtual machine.
struct MigrationPlan {
  Vdcm* from = nullptr;
  Vdcm* to = nullptr;
  std::vector<MigratingVdev> vdevs;
};

/// Where a migration has got to.
enum class MigrationPhase : std::uint8_t { kChecked, kPreCopied, kPaused, kStopped, kLoaded };

struct MigrationOptions {
  std::uint32_t rounds = 8;           ///< of copying while the machine runs, at most
  std::uint64_t stop_pages = 64;      ///< few enough to stop for [4 KiB pages]
  std::uint64_t bytes_per_us = 8000;  ///< between the hosts; > 0
  /// Asked at the end of each phase; true gives the migration up. May be empty.
  std::function<bool(MigrationPhase)> cancel;
  /// Sees each VDEV's bytes on their way, and may spoil them. May be empty.
  std::function<void(std::vector<std::byte>&)> image;
  /// Gets a copy of the report at the end, whether or not anything has moved. May be null.
  struct MigrationReport* report = nullptr;
};

struct MigrationReport {
  bool moved = false;
  std::vector<std::string> reasons;   ///< why not; the source runs on as before
  std::vector<Vdev*> targets;         ///< in the order of the plan
  std::uint32_t rounds = 0;           ///< of copying, the last one included
  std::uint64_t pages = 0;            ///< 4 KiB pages copied, all rounds
  std::uint64_t device_pages = 0;     ///< of these because devices wrote them
  std::uint64_t cpu_pages = 0;        ///< of these because CPUs wrote them
  std::uint64_t stopped_pages = 0;    ///< copied while the machine stood
  std::uint64_t image_bytes = 0;      ///< saved VDEVs
  std::uint64_t held = 0;             ///< descriptors that waited when the VDEVs were saved
  std::uint64_t replayed = 0;         ///< submitted by software, later ones included
  std::uint64_t revoked = 0;          ///< VDEVs whose interrupt handles changed
  std::uint64_t paused_cycles = 0;    ///< from the first unmapped portal to the last one mapped
  std::uint64_t downtime_cycles = 0;  ///< CPUs stood still
};

/// Checks everything before it changes anything; copies memory while the machine runs, then pauses
/// the VDEVs, stops the CPUs, copies the rest, saves, loads, and goes on there. Whatever goes wrong
/// before that ends with the machine running here, nothing lost. On success the source VDEVs are
/// destroyed; the plan's owner closes the VM they belonged to.
/// @param log  of all second-stage tables that the VDEVs' DMA goes through; off
/// @throws HarnessError for an incomplete plan  @spec SIOV-H-38..H-44, SIOV-P-19; siov.md 3.7
coro::Task<MigrationReport> migrate(MigrationPlan plan, MigrationMemory& memory, DirtyLog& log,
                                    MigrationOptions options = {});

}  // namespace siov::vdcm
