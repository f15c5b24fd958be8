// SPDX-License-Identifier: Apache-2.0
// Iotlb: set-associative cache of translations, keyed by requester, PASID, with/without PASID, and
// page.
//
//   const std::uint64_t key = Iotlb::key(requester, pasid, with_pasid);
//   if (const Iotlb::Entry* hit = iotlb.find(key, address); hit && hit->allows(right))
//   use(hit->host(address));
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/types.hpp"

namespace siov::iommu {

class Iotlb {
 public:
  /// Which stage produced an entry; decides what invalidates it. @spec VT-d 6.2.4, 6.5.2
  enum class Origin : std::uint8_t { kSecondStageOrPassThrough, kFirstStageOrNested };

  /// 40 bytes. tag: page address 63:12, valid bit 0, size class 2:1. data: host page 63:12, snoop
  /// 4, rights 3:0.
  struct Entry {
    std::uint64_t tag = 0;
    std::uint64_t key = 0;
    std::uint64_t data = 0;
    std::uint16_t domain = 0;
    std::uint8_t shift = 12;
    Origin origin = Origin::kSecondStageOrPassThrough;
    std::uint32_t age = 0;

    [[nodiscard]] bool allows(std::uint8_t rights) const { return (data & rights) != 0; }
    [[nodiscard]] Hpa host(std::uint64_t address) const {
      const std::uint64_t offset = (std::uint64_t{1} << shift) - 1;
      return Hpa{((data & ~std::uint64_t{0xFFF}) & ~offset) | (address & offset)};
    }
    [[nodiscard]] std::uint8_t rights() const { return static_cast<std::uint8_t>(data & 0xF); }
    /// Accesses with this translation are snooped whatever the request says.
    [[nodiscard]] bool snoop() const { return (data & kSnoop) != 0; }
    [[nodiscard]] bool valid() const { return (tag & 1) != 0; }
    [[nodiscard]] std::uint64_t page() const { return tag & ~std::uint64_t{0xFFF}; }
    [[nodiscard]] Pasid pasid() const { return Pasid{static_cast<std::uint32_t>(key & kMaxPasid)}; }
  };

  static constexpr std::uint64_t kSnoop = 1 << 4;

  /// What insert() stores.
  struct Translation {
    std::uint64_t address = 0;  ///< any byte of the page
    Hpa host;                   ///< its host address
    std::uint8_t shift = 12;    ///< 12, 21 or 30
    std::uint8_t rights = 0;    ///< mask of iommu::Rights
    bool snoop = false;
    std::uint16_t domain = 0;
    Origin origin = Origin::kSecondStageOrPassThrough;
  };

  /// @param entries power of two, >= 16
  explicit Iotlb(std::uint32_t entries);

  [[nodiscard]] static constexpr std::uint64_t key(RequesterId requester, Pasid pasid,
                                                   bool with_pasid) {
    return pasid.value | std::uint64_t{with_pasid} << 20 | std::uint64_t{requester.value} << 32;
  }
  /// The entry that covers the address, or nullptr.
  [[nodiscard]] const Entry* find(std::uint64_t key, std::uint64_t address) {
    for (unsigned size = 0; size < kShifts.size(); ++size) {
      if (used_[size] == 0) continue;
      const std::uint64_t tag = make_tag(address, size);
      Entry* set = &entries_[set_of(key, address >> kShifts[size]) * kWays];
      for (unsigned way = 0; way < kWays; ++way) {
        if (set[way].tag == tag && set[way].key == key) {
          set[way].age = ++clock_;
          return &set[way];
        }
      }
    }
    return nullptr;
  }
  /// Adds or replaces; the least recently used entry of a full set goes.
  void insert(std::uint64_t key, const Translation& translation);

  void clear();
  void drop_domain(std::uint16_t domain);
  /// @param address_mask low page-number bits ignored
  void drop_domain_page(std::uint16_t domain, std::uint64_t address, unsigned address_mask);
  void drop_pasid(std::uint16_t domain, Pasid pasid);
  void drop_pasid_page(std::uint16_t domain, Pasid pasid, std::uint64_t address,
                       unsigned address_mask);

  /// Valid entries.
  [[nodiscard]] std::size_t size() const { return used_[0] + used_[1] + used_[2]; }

 private:
  static constexpr unsigned kWays = 4;
  static constexpr std::array<std::uint8_t, 3> kShifts{12, 21, 30};

  static constexpr std::uint64_t make_tag(std::uint64_t address, unsigned size) {
    return (address >> kShifts[size] << kShifts[size]) | size << 1 | 1;
  }
  [[nodiscard]] std::size_t set_of(std::uint64_t key, std::uint64_t page) const {
    std::uint64_t mix = (page + (key << 24) + (key >> 20)) * 0x9E3779B97F4A7C15ull;
    mix ^= mix >> 32;
    return static_cast<std::size_t>(mix) & set_mask_;
  }
  void invalidate(Entry& entry);

  std::vector<Entry> entries_;
  std::size_t set_mask_;
  std::array<std::size_t, 3> used_{};  ///< valid entries by size; sizes not in use are not probed
  std::uint32_t clock_ = 0;
};

}  // namespace siov::iommu
