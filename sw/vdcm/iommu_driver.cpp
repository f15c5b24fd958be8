// SPDX-License-Identifier: Apache-2.0
// IommuDriver: start, address spaces, interrupts. What is invalidated is in
// iommu_driver_invalidate.cpp, events are in iommu_driver_events.cpp.
#include "vdcm/iommu_driver.hpp"

#include "common/error.hpp"
#include "iommu/register_page.hpp"
#include "vdcm/driver_error.hpp"
#include "vdcm/iommu_driver_tables.hpp"
#include "vdcm/vtd_registers.hpp"

namespace siov::vdcm {

namespace {

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

IommuDriver::IommuDriver(iommu::RegisterPage& unit, memory::PhysicalMemory& memory,
                         memory::PageAllocator& frames, RequesterId function)
    : unit_(unit),
      function_(function),
      tables_(std::make_unique<Tables>(memory, frames)),
      ring_(unit, memory, frames),
      pages_(unit, memory, frames, ring_, mistakes_) {}

IommuDriver::~IommuDriver() {
  if (platform_ == nullptr) return;
  platform_->disconnect_vector(options_.fault_vector);
  platform_->disconnect_vector(options_.page_vector);
}

std::uint64_t IommuDriver::capability(unsigned bit, unsigned width) const {
  return cap_ >> bit & ((std::uint64_t{1} << width) - 1);
}

bool IommuDriver::extended(unsigned bit) const { return (ecap_ >> bit & 1) != 0; }

/// One field of GCMD; done when GSTS shows it.
void IommuDriver::command(std::uint32_t bit) {
  const std::uint64_t now = unit_.mmio_read(vtd::kGsts, 4) & vtd::kLevelBits;
  unit_.mmio_write(vtd::kGcmd, 4, now | bit);
  if ((unit_.mmio_read(vtd::kGsts, 4) & bit) == 0)
    throw DriverError("the remapping unit does not take a command");
}

void IommuDriver::start(const IommuOptions& options) {
  cap_ = unit_.mmio_read(vtd::kCap, 8);
  ecap_ = unit_.mmio_read(vtd::kEcap, 8);
  if (options.device_tlb && !extended(vtd::kEcapDeviceTlb))
    throw DriverError("the remapping unit does not serve device TLBs");
  if (options.page_requests && (!options.device_tlb || !extended(vtd::kEcapPrs)))
    throw DriverError("page requests need a device TLB and a unit that takes them");
  options_ = options;
  ring_.set_poll(options.poll_ns);
  // RID_PASID is 0 and has no entry: nothing on this function may do DMA without a PASID
  // (SIOV-D-22, SIOV-P-04).
  iommu::tables::FunctionOptions function;
  function.device_tlb = options.device_tlb;
  function.page_requests = options.page_requests;
  tables_->remapping.add_function(function_, function);

  ring_.enable();
  start_events();
  unit_.mmio_write(vtd::kRtaddr, 8, tables_->remapping.root().value | vtd::kScalableMode);
  command(vtd::kSetRootTable);
  if (capability(vtd::kCapEsrtps) == 0)
    ring_.run_now({vtd::context_global(), vtd::pasid_global(), vtd::iotlb_global()});
  unit_.mmio_write(
      vtd::kIrta, 8,
      tables_->interrupts.root().value | vtd::kExtendedMode | tables_->interrupts.size_code());
  command(vtd::kSetInterruptTable);
  if (capability(vtd::kCapEsirtps) == 0) ring_.run_now({vtd::interrupt_global()});
  command(vtd::kTranslationEnable);
  command(vtd::kInterruptEnable);
}

std::uint16_t IommuDriver::acquire_domain(const Space& space) {
  if (space.kind == TranslationKind::kFirstStage || space.kind == TranslationKind::kPassThrough)
    return kSharedDomain;
  Domain& domain = domains_[space.second_stage_root.value];
  if (domain.users++ != 0) return domain.id;
  if (!free_domains_.empty()) {
    // Its last user has dropped everything of it (vtd.md 5.6, DID reuse).
    domain.id = free_domains_.back();
    free_domains_.pop_back();
  } else {
    if (next_domain_ == 0) throw HarnessError("no free domain id");
    domain.id = next_domain_++;
  }
  return domain.id;
}

void IommuDriver::release_domain(const Binding& binding) {
  if (binding.domain == kSharedDomain) return;
  const auto it = domains_.find(binding.second_stage_root);
  if (--it->second.users != 0) return;
  free_domains_.push_back(it->second.id);
  domains_.erase(it);
}

const IommuDriver::Binding& IommuDriver::binding_of(Pasid pasid) const {
  const auto it = bindings_.find(pasid);
  if (it == bindings_.end()) throw HarnessError("host PASID is not bound");
  return it->second;
}

void IommuDriver::bind(Pasid pasid, const Space& space) {
  if (bindings_.contains(pasid)) throw HarnessError("host PASID is bound already");
  Binding binding;
  binding.kind = space.kind;
  binding.domain = acquire_domain(space);
  binding.second_stage_root = space.second_stage_root.value;
  iommu::tables::PasidSpec spec = spec_of(space, binding.domain);
  spec.supervisor = extended(vtd::kEcapSrs);
  spec.second_stage_dirty =
      binding.domain != kSharedDomain && tracked_.contains(binding.second_stage_root);
  tables_->remapping.set_pasid(function_, pasid, spec);
  bindings_.emplace(pasid, binding);
  // Caching mode: the unit may hold that there was nothing (under domain 0). vtd.md 5.6, 8.4
  if (capability(vtd::kCapCachingMode) == 0) return;
  List list = entry_list(pasid, true);
  list.insert(list.begin(), vtd::pasid_selective(0, pasid));
  ring_.run_now(list);
}

void IommuDriver::erase(Pasid pasid) {
  tables_->remapping.erase_pasid(function_, pasid);
  const auto it = bindings_.find(pasid);
  release_domain(it->second);
  bindings_.erase(it);
}

void IommuDriver::unbind(Pasid pasid) {
  require_plain();
  static_cast<void>(binding_of(pasid));
  pages_.set_handler(pasid, {});
  tables_->remapping.disable_pasid(function_, pasid);
  ring_.run_now(entry_list(pasid, true));
  erase(pasid);
}

coro::Task<> IommuDriver::async_unbind(Pasid pasid) {
  static_cast<void>(binding_of(pasid));
  pages_.set_handler(pasid, {});
  tables_->remapping.disable_pasid(function_, pasid);
  const List changed = entry_list(pasid, true);
  if (mistakes_.free_before_drain) {
    for (const vtd::Descriptor& descriptor : changed) ring_.post(descriptor);
    erase(pasid);
    co_return;
  }
  std::uint64_t overflows = 0;
  do {
    overflows = pages_.overflows();
    List list = in_order({vtd::wait_fence()}, changed, device_list(pasid));
    co_await ring_.run(std::move(list), extended(vtd::kEcapPds));
    // Requests that raced: answered with Invalid Request, since nobody handles the PASID any more.
    pages_.run();
  } while (pages_.overflows() != overflows);
  pages_.forget(pasid);
  erase(pasid);
}

void IommuDriver::set_page_handler(Pasid pasid, PageHandler handler) {
  if (handler) static_cast<void>(binding_of(pasid));
  pages_.set_handler(pasid, std::move(handler));
}

void IommuDriver::reclaim_irtes() {
  std::erase_if(retired_irtes_, [this](const RetiredIrte& retired) {
    if (!ring_.done(retired.ticket)) return false;
    free_irtes_.push_back(retired.index);
    return true;
  });
}

InterruptMessage IommuDriver::allocate_interrupt(std::uint32_t destination, std::uint8_t vector) {
  reclaim_irtes();
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
  if (capability(vtd::kCapCachingMode) != 0) ring_.run_now({vtd::interrupt_index(index)});
  const iommu::tables::Message message = iommu::tables::InterruptTable::message(index);
  return InterruptMessage{message.address, message.data, index};
}

void IommuDriver::free_interrupt(const InterruptMessage& message) {
  tables_->interrupts.clear(message.irte_index);
  const List list{vtd::interrupt_index(message.irte_index)};
  retired_irtes_.push_back({message.irte_index, ring_.submit(list)});
  reclaim_irtes();
}

}  // namespace siov::vdcm
