// SPDX-License-Identifier: Apache-2.0
// DirtyLog: which guest-physical pages of one VM its devices have written, from the dirty bits that
// the remapping unit keeps in the second-stage tables.
//
//   vdcm::DirtyLog log({&iommu_driver}, memory, machine.second_stage_root(), 4);
//   co_await log.enable();
//   copy_all();
//   for (const vdcm::DirtyPage& page : co_await log.collect()) copy(page);   // as often as needed
//   co_await log.disable();
#pragma once

#include <cstdint>
#include <vector>

#include "common/types.hpp"
#include "coro/task.hpp"
#include "memory/physical_memory.hpp"
#include "vdcm/iommu_driver.hpp"

namespace siov::vdcm {

/// A run of guest-physical memory that was written: one leaf of the second stage.
struct DirtyPage {
  Gpa address;
  std::uint64_t bytes = 0;  ///< 4 KiB, 2 MiB or 1 GiB
  bool operator==(const DirtyPage&) const = default;
};

/// Deliberate mistakes for negative tests; all off is correct software.
struct DirtyLogMistakes {
  bool miss_pages = false;  ///< collect() names nothing (SIOV-P-19)
};

/// With a device TLB the log may name more than was written: a translation that allows writing is
/// dirty when it is handed out. Never less. @spec SIOV-P-19, SIOV-H-43; vtd.md 3.2
class DirtyLog {
 public:
  /// @param iommus  every unit that a device of the VM is behind; outlive this
  /// @param root, levels  second-stage tables of the VM, the same in all units
  DirtyLog(std::vector<IommuDriver*> iommus, memory::PhysicalMemory& memory, Hpa root,
           unsigned levels);

  /// Starts with nothing dirty. What is written before it returns may be missing: copy after it.
  /// @throws DriverError if a unit cannot (SSADS)  @throws HarnessError if it is on
  coro::Task<> enable();
  /// Takes the pages written since enable() or the last collect(), in ascending order. The bits are
  /// cleared first, then every cached translation that would write without setting them again goes;
  /// so copy a page after this has returned: what is written later is in the next set.
  coro::Task<std::vector<DirtyPage>> collect();
  /// What is dirty is forgotten: collect() first.
  coro::Task<> disable();

  /// A leaf that leaves the tables takes its dirty bit with it: who unmaps it says so here.
  /// @param word  the entry as it was
  void unmapped(Gpa address, std::uint64_t bytes, std::uint64_t word);

  /// Whether every unit can.
  [[nodiscard]] bool possible() const;
  [[nodiscard]] bool enabled() const { return enabled_; }
  [[nodiscard]] std::uint64_t collected() const { return collected_; }  ///< leaves so far
  [[nodiscard]] DirtyLogMistakes& mistakes() { return mistakes_; }

 private:
  /// Clears every dirty bit. @return the leaves that had it
  std::vector<DirtyPage> clear();
  void clear_table(Hpa table, unsigned level, std::uint64_t address, std::vector<DirtyPage>& out);

  std::vector<IommuDriver*> iommus_;
  memory::PhysicalMemory& memory_;
  Hpa root_;
  unsigned levels_;
  bool enabled_ = false;
  std::vector<DirtyPage> departed_;
  std::uint64_t collected_ = 0;
  DirtyLogMistakes mistakes_;
};

}  // namespace siov::vdcm
