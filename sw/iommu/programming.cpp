// SPDX-License-Identifier: Apache-2.0
// What writes to the registers do to the unit.
#include "common/error.hpp"
#include "iommu/iommu.hpp"

namespace siov::iommu {

std::uint64_t Iommu::mmio_read(std::uint32_t offset, unsigned size) {
  return registers_.read(offset, size);
}

void Iommu::mmio_write(std::uint32_t offset, unsigned size, std::uint64_t value) {
  registers_.write(offset, size, value);
}

void Iommu::set_root_table(Hpa root, TranslationTableMode mode) {
  root_table_ = root;
  mode_ = mode;
  root_latched_ = true;
  queue_.set_mode(mode);
  if (config_.invalidate_on_srtp) caches_.clear();
}

void Iommu::enable_translation(bool enable) {
  if (translation_enabled_ && !enable && config_.scalable_mode) caches_.clear();
  translation_enabled_ = enable;
  if (!enable && !interrupts_.enabled()) faults_.reset_index();
}

void Iommu::set_interrupt_remap_table(Hpa table, unsigned size_code, bool extended) {
  if (size_code > 15) throw HarnessError("interrupt remapping table size code: 0..15");
  if (extended && !config_.extended_interrupt_mode)
    throw HarnessError("no extended interrupt mode");
  interrupts_.set_table(table, size_code, extended);
  interrupt_table_latched_ = true;
  if (config_.invalidate_on_sirtp) interrupts_.invalidate_all();
}

void Iommu::enable_interrupt_remapping(bool enable) {
  interrupts_.enable(enable);
  if (!enable && !translation_enabled_) faults_.reset_index();
}

void Iommu::enable_compatibility_format(bool enable) { interrupts_.enable_compatibility(enable); }

void Iommu::latch_root_table(std::uint64_t value) {
  constexpr std::uint64_t kMode = 3u << 10;
  // Reserved bits stay in the address, where they make it invalid (30h).
  set_root_table(Hpa{value & ~kMode}, static_cast<TranslationTableMode>(value >> 10 & 3));
}

void Iommu::latch_interrupt_table(std::uint64_t value) {
  const bool extended = (value >> 11 & 1) != 0 && config_.extended_interrupt_mode;
  set_interrupt_remap_table(Hpa{value & ~std::uint64_t{0xFFF}}, value & 0xF, extended);
}

void Iommu::set_translation(bool enable) { enable_translation(enable); }
void Iommu::set_interrupt_remapping(bool enable) { enable_interrupt_remapping(enable); }
void Iommu::set_compatibility(bool enable) { enable_compatibility_format(enable); }
void Iommu::set_queue(bool enable) { queue_.enable(enable); }

std::uint32_t Iommu::global_status() const {
  std::uint32_t status = 0;
  if (translation_enabled_) status |= 1u << 31;
  if (root_latched_) status |= 1u << 30;
  if (queue_.enabled()) status |= 1u << 26;
  if (interrupts_.enabled()) status |= 1u << 25;
  if (interrupt_table_latched_) status |= 1u << 24;
  if (interrupts_.compatibility()) status |= 1u << 23;
  return status;
}

unsigned Iommu::context_command(std::uint64_t value) {
  if (mode_ != TranslationTableMode::kLegacy || queue_.enabled()) return 0;
  const auto granularity = static_cast<unsigned>(value >> 61 & 3);
  if (granularity != 0) caches_.context_global();  // nothing of legacy mode is cached
  return granularity;
}

unsigned Iommu::iotlb_command(std::uint64_t value, std::uint64_t) {
  if (mode_ != TranslationTableMode::kLegacy || queue_.enabled()) return 0;
  const auto granularity = static_cast<unsigned>(value >> 60 & 3);
  if (granularity != 0) caches_.iotlb_global();
  return granularity;
}

}  // namespace siov::iommu
