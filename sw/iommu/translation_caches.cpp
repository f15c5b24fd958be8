// SPDX-License-Identifier: Apache-2.0
// The effect table of vtd.md 5.3.
#include "iommu/translation_caches.hpp"

namespace siov::iommu {

namespace {
constexpr std::uint32_t kRefusals = 1024;
constexpr std::uint32_t kNoRefusals = 16;  // the smallest there is
}  // namespace

TranslationCaches::TranslationCaches(const IommuConfig& config)
    : iotlb(config.iotlb_entries),
      refusals(config.caching_mode ? kRefusals : kNoRefusals),
      first_stage(config.structure_entries),
      second_stage(config.structure_entries) {}

void TranslationCaches::context_global() { contexts.clear(); }
void TranslationCaches::context_domain() { contexts.clear(); }
void TranslationCaches::context_device(RequesterId requester, unsigned function_mask) {
  contexts.drop(requester, function_mask);
}

void TranslationCaches::pasid_global() { pasids.clear(); }
void TranslationCaches::pasid_domain(std::uint16_t domain) { pasids.drop_domain(domain); }
void TranslationCaches::pasid_selective(std::uint16_t domain, Pasid pasid) {
  pasids.drop_pasid(domain, pasid);
}

void TranslationCaches::iotlb_global() {
  iotlb.clear();
  refusals.clear();
  first_stage.clear();
  second_stage.clear();
}

void TranslationCaches::iotlb_domain(std::uint16_t domain) {
  iotlb.drop_domain(domain);
  refusals.drop_domain(domain);
  first_stage.drop_domain(domain);
  second_stage.drop_domain(domain);
}

void TranslationCaches::iotlb_page(std::uint16_t domain, Iova address, unsigned address_mask,
                                   bool leaf_only) {
  iotlb.drop_domain_page(domain, address.value, address_mask);
  refusals.drop_domain_page(domain, address.value, address_mask);
  first_stage.drop_domain(domain);
  if (!leaf_only) second_stage.drop_domain_page(domain, address.value, address_mask);
}

void TranslationCaches::p_iotlb_pasid(std::uint16_t domain, Pasid pasid) {
  iotlb.drop_pasid(domain, pasid);
  refusals.drop_pasid(domain, pasid);
  first_stage.drop_pasid(domain, pasid);
}

void TranslationCaches::p_iotlb_page(std::uint16_t domain, Pasid pasid, Iova address,
                                     unsigned address_mask, bool leaf_only) {
  iotlb.drop_pasid_page(domain, pasid, address.value, address_mask);
  if (!leaf_only) first_stage.drop_pasid_page(domain, pasid, address.value, address_mask);
}

void TranslationCaches::clear() {
  context_global();
  pasid_global();
  iotlb_global();
}

}  // namespace siov::iommu
