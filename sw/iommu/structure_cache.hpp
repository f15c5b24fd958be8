// SPDX-License-Identifier: Apache-2.0
// StructureCache: paging-structure entries that name a table, right or stale until software
// invalidates them. One object for the first stage, one for the second.
//
//   if (const StructureCache::Entry* hit = cache.find(domain, pasid, level, address))
//     continue_walk_at(hit->table);
#pragma once

#include <cstdint>
#include <vector>

#include "common/types.hpp"

namespace siov::iommu {

/// Direct mapped. @spec VT-d 6.2.5 (paging-structure caches), vtd.md 8.1
class StructureCache {
 public:
  /// What the entry of one level said, together with the levels above it.
  struct Entry {
    bool valid = false;
    bool read = true;  ///< second stage
    bool write = true;
    bool user = true;        ///< first stage
    std::uint8_t level = 0;  ///< of the entry, 2..5
    std::uint16_t domain = 0;
    Pasid pasid;               ///< second stage: 1 for walks that keep accessed bits, else 0
    std::uint64_t prefix = 0;  ///< input address bits that select the entry, shifted down
    std::uint64_t table = 0;   ///< the table of the level below
  };

  /// @param lines power of two, or 0: holds nothing  @throws HarnessError
  explicit StructureCache(std::uint32_t lines);

  /// @param level 2..5: the level of the wanted entry
  [[nodiscard]] const Entry* find(std::uint16_t domain, Pasid pasid, unsigned level,
                                  std::uint64_t address) const;
  /// @param entry valid, with the prefix of prefix_of()
  void insert(const Entry& entry);
  [[nodiscard]] static std::uint64_t prefix_of(std::uint64_t address, unsigned level) {
    return address >> (12 + 9 * (level - 1));
  }

  void clear();
  void drop_domain(std::uint16_t domain);
  void drop_pasid(std::uint16_t domain, Pasid pasid);
  /// Entries that cover a byte of the 2^(12+address_mask) bytes around the address.
  void drop_domain_page(std::uint16_t domain, std::uint64_t address, unsigned address_mask);
  void drop_pasid_page(std::uint16_t domain, Pasid pasid, std::uint64_t address,
                       unsigned address_mask);

 private:
  [[nodiscard]] std::size_t slot(std::uint16_t domain, Pasid pasid, unsigned level,
                                 std::uint64_t prefix) const;
  std::vector<Entry> lines_;
};

}  // namespace siov::iommu
