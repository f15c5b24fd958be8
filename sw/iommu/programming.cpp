// SPDX-License-Identifier: Apache-2.0
// The programming side of the unit: what register writes and invalidation descriptors do.
#include "common/error.hpp"
#include "iommu/iommu.hpp"

namespace siov::iommu {

void Iommu::drop_dma_caches() {
  contexts_.clear();
  pasids_.clear();
  iotlb_.clear();
}

void Iommu::set_root_table(Hpa root, TranslationTableMode mode) {
  root_table_ = root;
  mode_ = mode;
  if (config_.invalidate_on_srtp) drop_dma_caches();
}

void Iommu::enable_translation(bool enable) {
  if (translation_enabled_ && !enable) drop_dma_caches();
  translation_enabled_ = enable;
  if (!enable && !interrupts_.enabled()) faults_.reset_index();
}

void Iommu::set_interrupt_remap_table(Hpa table, unsigned size_code, bool extended) {
  if (size_code > 15) throw HarnessError("interrupt remapping table size code: 0..15");
  if (extended && !config_.extended_interrupt_mode)
    throw HarnessError("no extended interrupt mode");
  interrupts_.set_table(table, size_code, extended);
  if (config_.invalidate_on_sirtp) interrupts_.invalidate_all();
}

void Iommu::enable_interrupt_remapping(bool enable) {
  interrupts_.enable(enable);
  if (!enable && !translation_enabled_) faults_.reset_index();
}

void Iommu::enable_compatibility_format(bool enable) { interrupts_.enable_compatibility(enable); }

void Iommu::invalidate_context_global() { contexts_.clear(); }
void Iommu::invalidate_context_domain(std::uint16_t) { contexts_.clear(); }
void Iommu::invalidate_context_device(RequesterId requester, unsigned function_mask) {
  if (function_mask > 3) throw HarnessError("function mask: 0..3");
  contexts_.drop(requester, function_mask);
}

void Iommu::invalidate_pasid_cache_global() { pasids_.clear(); }
void Iommu::invalidate_pasid_cache_domain(std::uint16_t domain) { pasids_.drop_domain(domain); }
void Iommu::invalidate_pasid_cache_pasid(std::uint16_t domain, Pasid pasid) {
  pasids_.drop_pasid(domain, pasid);
}

void Iommu::invalidate_iotlb_global() { iotlb_.clear(); }
void Iommu::invalidate_iotlb_domain(std::uint16_t domain) { iotlb_.drop_domain(domain); }
void Iommu::invalidate_iotlb_page(std::uint16_t domain, Iova address, unsigned address_mask) {
  iotlb_.drop_domain_page(domain, address.value, address_mask);
}
void Iommu::invalidate_p_iotlb_pasid(std::uint16_t domain, Pasid pasid) {
  iotlb_.drop_pasid(domain, pasid);
}
void Iommu::invalidate_p_iotlb_page(std::uint16_t domain, Pasid pasid, Iova address,
                                    unsigned address_mask) {
  iotlb_.drop_pasid_page(domain, pasid, address.value, address_mask);
}

void Iommu::invalidate_interrupt_entries_global() { interrupts_.invalidate_all(); }
void Iommu::invalidate_interrupt_entries(std::uint16_t index, unsigned index_mask) {
  interrupts_.invalidate(index, index_mask);
}

}  // namespace siov::iommu
