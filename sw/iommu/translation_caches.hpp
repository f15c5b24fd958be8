// SPDX-License-Identifier: Apache-2.0
// TranslationCaches: everything the unit remembers of DMA-remapping structures, and what each
// invalidation takes out of it.
//
//   caches.iotlb_domain(5);        // a domain-selective IOTLB descriptor
//   caches.p_iotlb_page(5, Pasid{7}, Iova{0x1000}, 0, false);
#pragma once

#include <cstdint>

#include "common/types.hpp"
#include "iommu/config.hpp"
#include "iommu/entry_caches.hpp"
#include "iommu/iotlb.hpp"
#include "iommu/structure_cache.hpp"

namespace siov::iommu {

/// address_mask: number of low page-number bits ignored. leaf_only (IH): no entry that names a
/// table has changed, the paging-structure caches stay. @spec VT-d 6.5.2, vtd.md 5.3
class TranslationCaches {
 public:
  explicit TranslationCaches(const IommuConfig& config);

  void context_global();
  /// In scalable mode this is a global invalidation, whatever the domain.
  void context_domain();
  /// @param function_mask FM: 0 all bits count, 1 ignores bit 2, 2 bits 2:1, 3 bits 2:0
  void context_device(RequesterId requester, unsigned function_mask);

  void pasid_global();
  void pasid_domain(std::uint16_t domain);
  void pasid_selective(std::uint16_t domain, Pasid pasid);

  void iotlb_global();
  void iotlb_domain(std::uint16_t domain);
  /// Second-stage and pass-through entries by address; every first-stage and nested entry of the
  /// domain.
  void iotlb_page(std::uint16_t domain, Iova address, unsigned address_mask, bool leaf_only);
  void p_iotlb_pasid(std::uint16_t domain, Pasid pasid);
  /// First-stage and nested entries only; second-stage paging structures stay.
  void p_iotlb_page(std::uint16_t domain, Pasid pasid, Iova address, unsigned address_mask,
                    bool leaf_only);

  void clear();

  ContextCache contexts;
  PasidCache pasids;
  Iotlb iotlb;
  Iotlb refusals;  ///< caching mode: second-stage pages that are not mapped; host holds the reason
  StructureCache first_stage;
  StructureCache second_stage;
};

}  // namespace siov::iommu
