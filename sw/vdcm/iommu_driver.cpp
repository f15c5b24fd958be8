// SPDX-License-Identifier: Apache-2.0
// IommuDriver: tables in memory through the builders, and the invalidations that changes to them
// need.
#include "vdcm/iommu_driver.hpp"

#include "common/error.hpp"
#include "iommu/interrupt_table_builder.hpp"
#include "iommu/iommu.hpp"
#include "iommu/table_builder.hpp"

namespace siov::vdcm {

namespace {

constexpr unsigned kIrteSizeCode = 11;  // 4096 entries
constexpr std::uint16_t kSharedDomain =
    1;  // all first-stage and pass-through entries (vtd.md 2.4 invariants)

iommu::tables::PasidSpec spec_of(const Space& space, std::uint16_t domain) {
  using iommu::tables::PasidSpec;
  switch (space.kind) {
    case TranslationKind::kFirstStage:
      return PasidSpec::first_stage(Hpa{space.first_stage_root}, space.first_stage_levels, domain);
    case TranslationKind::kSecondStage:
      return PasidSpec::second_stage(space.second_stage_root, space.second_stage_levels, domain);
    case TranslationKind::kNested:
      return PasidSpec::nested(Gpa{space.first_stage_root}, space.first_stage_levels,
                               space.second_stage_root, space.second_stage_levels, domain);
    case TranslationKind::kPassThrough:
      return PasidSpec::pass_through(domain);
  }
  throw HarnessError("unknown translation kind");
}

}  // namespace

struct IommuDriver::Tables {
  Tables(memory::PhysicalMemory& memory, memory::PageAllocator& frames)
      : remapping(memory, frames), interrupts(memory, frames, kIrteSizeCode) {}
  iommu::tables::RemappingTables remapping;
  iommu::tables::InterruptTable interrupts;
};

IommuDriver::IommuDriver(iommu::Iommu& iommu, memory::PhysicalMemory& memory,
                         memory::PageAllocator& frames, RequesterId function)
    : iommu_(iommu), function_(function), tables_(std::make_unique<Tables>(memory, frames)) {}

IommuDriver::~IommuDriver() = default;

void IommuDriver::start() {
  // RID_PASID is 0 and has no entry: nothing on this function may do DMA without a PASID
  // (SIOV-D-22, SIOV-P-04).
  const iommu::tables::FunctionOptions options;
  tables_->remapping.add_function(function_, options);
  iommu_.set_root_table(tables_->remapping.root(), iommu::TranslationTableMode::kScalable);
  iommu_.set_interrupt_remap_table(tables_->interrupts.root(), tables_->interrupts.size_code(),
                                   tables_->interrupts.extended());
  iommu_.set_view_requester(function_);
  iommu_.enable_translation(true);
  iommu_.enable_interrupt_remapping(true);
}

std::uint16_t IommuDriver::domain_of(const Space& space) {
  if (space.kind == TranslationKind::kFirstStage || space.kind == TranslationKind::kPassThrough)
    return kSharedDomain;
  const auto [it, added] = domains_.try_emplace(space.second_stage_root.value, next_domain_);
  if (added) ++next_domain_;
  return it->second;
}

void IommuDriver::bind(Pasid pasid, const Space& space) {
  if (bindings_.contains(pasid)) throw HarnessError("host PASID is bound already");
  const std::uint16_t domain = domain_of(space);
  iommu::tables::PasidSpec spec = spec_of(space, domain);
  spec.supervisor = iommu_.config().supervisor;
  tables_->remapping.set_pasid(function_, pasid, spec);
  bindings_.emplace(pasid, domain);
}

void IommuDriver::unbind(Pasid pasid) {
  const auto it = bindings_.find(pasid);
  if (it == bindings_.end()) throw HarnessError("host PASID is not bound");
  tables_->remapping.clear_pasid(function_, pasid);
  invalidate(pasid);
  bindings_.erase(it);
}

void IommuDriver::invalidate(Pasid pasid) {
  const auto it = bindings_.find(pasid);
  if (it == bindings_.end()) throw HarnessError("host PASID is not bound");
  iommu_.caches().pasid_selective(it->second, pasid);
  if (it->second == kSharedDomain) {
    iommu_.caches().p_iotlb_pasid(it->second, pasid);  // first-stage and pass-through
  } else {
    iommu_.caches().iotlb_domain(it->second);  // second-stage and nested (VT-d 6.5.3.3)
  }
}

InterruptMessage IommuDriver::allocate_interrupt(std::uint32_t destination, std::uint8_t vector) {
  std::uint16_t index = next_irte_;
  if (!free_irtes_.empty()) {
    index = free_irtes_.back();
    free_irtes_.pop_back();
  } else if (next_irte_ < tables_->interrupts.entries()) {
    ++next_irte_;
  } else {
    throw HarnessError("no free interrupt remapping entry");
  }
  iommu::tables::RemappedSpec spec;
  spec.vector = vector;
  spec.destination = destination;
  spec.rule.source = function_;
  tables_->interrupts.set_remapped(index, spec);
  iommu_.remapper().invalidate(index, 0);
  const iommu::tables::Message message = iommu::tables::InterruptTable::message(index);
  return InterruptMessage{message.address, message.data, index};
}

void IommuDriver::free_interrupt(const InterruptMessage& message) {
  tables_->interrupts.clear(message.irte_index);
  iommu_.remapper().invalidate(message.irte_index, 0);
  free_irtes_.push_back(message.irte_index);
}

}  // namespace siov::vdcm
