// SPDX-License-Identifier: Apache-2.0
// ContextCache and PasidCache: decoded entries that stay, right or stale, until software
// invalidates them.
//
//   if (const ContextEntry* hit = contexts.find(requester)) return *hit;
//   contexts.insert(requester, entry);
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "common/types.hpp"
#include "iommu/entries.hpp"

namespace siov::iommu {

/// Caching mode: an entry that was refused. @spec VT-d 6.1, vtd.md 8.4
struct CachedRefusal {
  FaultReason reason = FaultReason::kNone;
  bool fault_disable = false;  ///< FPD met on the way
};

/// Context entries by requester id, direct mapped.
class ContextCache {
 public:
  [[nodiscard]] const ContextEntry* find(RequesterId requester) const;
  void insert(RequesterId requester, const ContextEntry& entry);
  [[nodiscard]] const CachedRefusal* find_refusal(RequesterId requester) const;
  void insert_refusal(RequesterId requester, const CachedRefusal& refusal);
  void clear();
  /// Drops entries equal to requester in the bits that function_mask leaves. @spec VT-d 6.5.2.1 FM
  void drop(RequesterId requester, unsigned function_mask);

 private:
  struct Line {
    bool valid = false;
    RequesterId requester;
    ContextEntry entry;
  };
  struct Refused {
    bool valid = false;
    RequesterId requester;
    CachedRefusal refusal;
  };
  std::array<Line, 64> lines_{};
  std::array<Refused, 64> refused_{};
};

/// PASID table entries by requester id and PASID, direct mapped.
class PasidCache {
 public:
  PasidCache();
  [[nodiscard]] const PasidEntry* find(RequesterId requester, Pasid pasid) const;
  void insert(RequesterId requester, Pasid pasid, const PasidEntry& entry);
  // Refused entries belong to domain 0; dropping a PASID of any domain drops them too.
  [[nodiscard]] const CachedRefusal* find_refusal(RequesterId requester, Pasid pasid) const;
  void insert_refusal(RequesterId requester, Pasid pasid, const CachedRefusal& refusal);
  void clear();
  void drop_domain(std::uint16_t domain);
  void drop_pasid(std::uint16_t domain, Pasid pasid);

 private:
  struct Line {
    bool valid = false;
    RequesterId requester;
    Pasid pasid;
    PasidEntry entry;
  };
  struct Refused {
    bool valid = false;
    RequesterId requester;
    Pasid pasid;
    CachedRefusal refusal;
  };
  [[nodiscard]] static std::size_t slot(RequesterId requester, Pasid pasid);
  std::vector<Line> lines_;
  std::array<Refused, 256> refused_{};
};

}  // namespace siov::iommu
