// SPDX-License-Identifier: Apache-2.0
// PageWalker: first-stage, second-stage, nested and pass-through translation of one address by the
// tables in memory.
//
//   const WalkRequest request{.address = iova, .access = WalkAccess::kRead, .privileged = false};
//   const Result<WalkResult, FaultReason> r = walker.walk(entry, request, WalkEffect::kUpdate);
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/result.hpp"
#include "common/types.hpp"
#include "iommu/config.hpp"
#include "iommu/entries.hpp"
#include "iommu/fault_reason.hpp"
#include "iommu/structure_cache.hpp"
#include "memory/physical_memory.hpp"

namespace siov::iommu {

/// Interrupt messages, not memory. @spec VT-d 3.14: FEE0_0000h to FEEF_FFFFh
[[nodiscard]] constexpr bool in_interrupt_range(std::uint64_t address) {
  return (address >> 20) == 0xFEE;
}

/// kFlush is a zero-length read: with ZLR, write permission is as good as read permission.
enum class WalkAccess : std::uint8_t { kRead, kWrite, kFlush };

/// kUpdate sets accessed and dirty bits; kPeek changes nothing.
enum class WalkEffect : std::uint8_t { kUpdate, kPeek };

struct WalkRequest {
  std::uint64_t address = 0;
  WalkAccess access = WalkAccess::kRead;
  bool privileged = false;
  Pasid pasid;  ///< tag of first-stage paging structures, with the domain of the entry
};

/// Rights of a translation, as a mask.
enum Rights : std::uint8_t {
  kUserRead = 1,
  kUserWrite = 2,
  kSupervisorRead = 4,
  kSupervisorWrite = 8,
};

/// A successful walk.
struct WalkResult {
  Hpa host;                 ///< of the requested byte
  std::uint8_t shift = 12;  ///< the translation is valid for 2^shift aligned bytes: 12, 21 or 30
  std::uint8_t rights =
      0;               ///< what may be cached: write rights only where the dirty bit is set already
  bool snoop = false;  ///< SNP of the second-stage leaf
  std::uint8_t saved = 0;  ///< steps that paging-structure caches have saved
};

class PageWalker {
 public:
  PageWalker(memory::PhysicalMemory& memory, const IommuConfig& config)
      : memory_(memory), config_(config) {}
  /// With paging-structure caches, which walks with kUpdate use and fill.
  PageWalker(memory::PhysicalMemory& memory, const IommuConfig& config, StructureCache& first_stage,
             StructureCache& second_stage)
      : memory_(memory),
        config_(config),
        first_cache_(&first_stage),
        second_cache_(&second_stage) {}

  /// @spec VT-d 3.6 (first stage), 3.7 (second stage), 3.8 (nested), 3.9 (pass-through)
  [[nodiscard]] Result<WalkResult, FaultReason> walk(const PasidEntry& entry,
                                                     const WalkRequest& request,
                                                     WalkEffect effect) const;

 private:
  /// A/D/EA bits to be set once the walk is known to succeed.
  struct Update {
    std::uint64_t entry;  ///< HPA
    std::uint64_t bits;
    bool first_stage;
  };
  /// Room for the elements that a walk really has: nothing is initialised before it is used.
  struct Updates {
    Updates() {}  // NOLINT
    std::array<Update, 64> list;
    std::size_t count = 0;
    void add(Hpa entry, std::uint64_t bits, bool first_stage);
  };
  /// Where one stage ended.
  struct Leaf {
    std::uint64_t address = 0;  ///< translated
    std::uint8_t shift = 12;
    bool read = true;
    bool write = true;
    bool user = true;
    bool dirty = true;  ///< a write needs no more dirty bit
    bool snoop = false;
    Hpa entry;  ///< the leaf entry itself
  };
  /// An entry that names a table, to be cached once the walk is known to succeed.
  struct Table {
    std::uint64_t address;  ///< input address that led to it
    std::uint64_t table;
    std::uint8_t level;
    bool read, write, user;
  };
  struct Tables {
    Tables() {}  // NOLINT
    std::array<Table, 32> list;
    std::size_t count = 0;
    void add(const Table& table) {
      if (count < list.size()) list[count++] = table;
    }
  };
  struct Walk {
    Walk(const PasidEntry& pasid_entry, const WalkRequest& walk_request)
        : entry(pasid_entry), request(walk_request) {}
    const PasidEntry& entry;
    const WalkRequest& request;
    bool cached = false;  ///< look into the paging-structure caches
    unsigned saved = 0;   ///< steps not made because of them
    Updates updates;
    Tables first_tables;
    Tables second_tables;
  };
  /// Where a stage starts: at its root, or below what the caches hold.
  struct Start {
    unsigned level = 0;
    std::uint64_t table = 0;
  };

  [[nodiscard]] Result<WalkResult, FaultReason> walk_once(Walk& walk, WalkEffect effect) const;
  [[nodiscard]] Start start(Walk& walk, StructureCache* cache, Pasid tag, unsigned levels,
                            std::uint64_t root, std::uint64_t address, Leaf& leaf) const;
  [[nodiscard]] Result<Leaf, FaultReason> second_stage(Walk& walk, std::uint64_t address) const;
  [[nodiscard]] Result<Leaf, FaultReason> first_stage(Walk& walk) const;
  /// Host address of a first-stage entry; through the second stage when nested.
  [[nodiscard]] Result<Leaf, FaultReason> locate_first_stage(Walk& walk, std::uint64_t table,
                                                             unsigned index, bool root) const;
  /// Notes that first-stage bits must be set in the entry that `at` locates.
  [[nodiscard]] FaultReason update_first_stage(Walk& walk, const Leaf& at,
                                               std::uint64_t bits) const;
  void want_dirty(Walk& walk, const Leaf& second) const;
  [[nodiscard]] FaultReason check_first_stage_rights(const Walk& walk, const Leaf& leaf) const;
  [[nodiscard]] FaultReason check_second_stage_rights(const Walk& walk, const Leaf& first,
                                                      const Leaf& leaf) const;
  [[nodiscard]] Result<WalkResult, FaultReason> finish(Walk& walk, const Leaf& first,
                                                       const Leaf& second, WalkEffect effect) const;
  [[nodiscard]] FaultReason apply(const Walk& walk, WalkEffect effect) const;
  /// Puts the tables of one stage into its cache.
  void keep(const Tables& tables, StructureCache& cache, std::uint16_t domain, Pasid tag) const;
  void set_bits(Hpa entry, std::uint64_t set, std::uint64_t present) const;

  memory::PhysicalMemory& memory_;
  IommuConfig config_;
  StructureCache* first_cache_ = nullptr;
  StructureCache* second_cache_ = nullptr;
};

}  // namespace siov::iommu
