// SPDX-License-Identifier: Apache-2.0
// IommuDriver: which descriptors a change of the tables needs. @spec vtd.md 5.6
#include <algorithm>
#include <bit>

#include "common/error.hpp"
#include "vdcm/iommu_driver.hpp"
#include "vdcm/iommu_driver_tables.hpp"
#include "vdcm/vtd_registers.hpp"

namespace siov::vdcm {

namespace {

constexpr std::size_t kMaxBlocks = 8;  // more are not worth it: everything goes

/// The pages as blocks of powers of two, each aligned to its size.
std::vector<vtd::PageBlock> blocks_of(Iova address, std::uint64_t pages, unsigned max_order) {
  std::vector<vtd::PageBlock> blocks;
  std::uint64_t page = address.value / kPageSize;
  while (pages != 0 && blocks.size() <= kMaxBlocks) {
    unsigned order = std::min<unsigned>(max_order, std::bit_width(pages) - 1);
    if (page != 0) order = std::min<unsigned>(order, std::countr_zero(page));
    blocks.push_back({Iova{page * kPageSize}, order});
    page += std::uint64_t{1} << order;
    pages -= std::uint64_t{1} << order;
  }
  return blocks;
}

bool uses_second_stage(TranslationKind kind) {
  return kind == TranslationKind::kSecondStage || kind == TranslationKind::kNested;
}

}  // namespace

void IommuDriver::require_plain() const {
  if (options_.device_tlb)
    throw HarnessError("the function has a device TLB: use the async_ form of the call");
}

vtd::DeviceTlb IommuDriver::device() const {
  vtd::DeviceTlb to{function_};
  if (extended(vtd::kEcapDit)) {
    to.physical_function = function_.value;
    to.pending_limit = options_.invalidation_depth;
  }
  return to;
}

IommuDriver::List IommuDriver::device_list(Pasid pasid) const {
  if (!options_.device_tlb || mistakes_.skip_device_tlb) return {};
  return {vtd::p_device_tlb_all(device(), pasid)};
}

IommuDriver::List IommuDriver::in_order(List caches, List iotlb, List device) const {
  if (mistakes_.device_tlb_first) std::swap(iotlb, device);
  caches.insert(caches.end(), iotlb.begin(), iotlb.end());
  caches.insert(caches.end(), device.begin(), device.end());
  return caches;
}

IommuDriver::List IommuDriver::entry_list(Pasid pasid, bool pasid_cache) const {
  const Binding& binding = binding_of(pasid);
  List list;
  if (pasid_cache && !mistakes_.skip_pasid_cache)
    list.push_back(vtd::pasid_selective(binding.domain, pasid));
  if (mistakes_.skip_iotlb) return list;
  list.push_back(uses_second_stage(binding.kind) ? vtd::iotlb_domain(binding.domain)
                                                 : vtd::p_iotlb_pasid(binding.domain, pasid));
  return list;
}

void IommuDriver::invalidate(Pasid pasid) {
  require_plain();
  ring_.run_now(entry_list(pasid, true));
}

coro::Task<> IommuDriver::async_invalidate(Pasid pasid) {
  const Binding& binding = binding_of(pasid);
  List devices = device_list(pasid);
  for (const auto& [other, its] : bindings_) {
    if (other == pasid || its.domain != binding.domain || !uses_second_stage(its.kind)) continue;
    const List more = device_list(other);
    devices.insert(devices.end(), more.begin(), more.end());
  }
  List list = in_order({}, entry_list(pasid, true), std::move(devices));
  co_await ring_.run(std::move(list));
}

IommuDriver::List IommuDriver::page_list(Pasid pasid, Iova address, std::uint64_t pages,
                                         bool leaf_only) const {
  if (address.page_offset() != 0 || pages == 0)
    throw HarnessError("invalidation of pages: a page address and at least one page");
  const Binding& binding = binding_of(pasid);
  const bool second = binding.kind == TranslationKind::kSecondStage;
  const bool pass_through = binding.kind == TranslationKind::kPassThrough;
  // Only the IOTLB descriptor of second-stage pages has a largest block, and needs PSI.
  const unsigned max_order = second ? static_cast<unsigned>(capability(vtd::kCapMamv, 6)) : 51;
  const std::vector<vtd::PageBlock> blocks = blocks_of(address, pages, max_order);
  const bool by_page =
      blocks.size() <= kMaxBlocks && !pass_through && (!second || capability(vtd::kCapPsi) != 0);
  List iotlb = by_page ? List{} : entry_list(pasid, false);
  if (by_page && !mistakes_.skip_iotlb) {
    for (const vtd::PageBlock& block : blocks) {
      iotlb.push_back(second ? vtd::iotlb_page(binding.domain, block, leaf_only)
                             : vtd::p_iotlb_page(binding.domain, pasid, block, leaf_only));
    }
  }
  List devices;
  for (const auto& [other, its] : bindings_) {
    const bool shares = second && its.domain == binding.domain;
    if (other != pasid && !shares) continue;
    if (!options_.device_tlb || mistakes_.skip_device_tlb) break;
    // A nested space on this second stage has other addresses in front of it: all of it goes.
    if (!by_page || its.kind != binding.kind) {
      devices.push_back(vtd::p_device_tlb_all(device(), other));
      continue;
    }
    for (const vtd::PageBlock& block : blocks)
      devices.push_back(vtd::p_device_tlb_page(device(), other, block));
  }
  return in_order({}, std::move(iotlb), std::move(devices));
}

void IommuDriver::invalidate_page(Pasid pasid, Iova address, std::uint64_t pages, bool leaf_only) {
  require_plain();
  ring_.run_now(page_list(pasid, address, pages, leaf_only));
}

coro::Task<> IommuDriver::async_invalidate_page(Pasid pasid, Iova address, std::uint64_t pages,
                                                bool leaf_only) {
  List list = page_list(pasid, address, pages, leaf_only);
  co_await ring_.run(std::move(list));
}

coro::Task<> IommuDriver::async_set_device_tlb(bool device_tlb, bool page_requests) {
  if (page_requests && !device_tlb) throw HarnessError("page requests need the device TLB");
  if (device_tlb && !extended(vtd::kEcapDeviceTlb))
    throw HarnessError("the remapping unit does not serve device TLBs");
  if (page_requests && !extended(vtd::kEcapPrs))
    throw HarnessError("the remapping unit does not take page requests");
  const bool was_on = options_.device_tlb;
  tables_->remapping.set_device_tlb(function_, device_tlb, page_requests);
  // Of a context entry: device-selective context, PASID cache, IOTLB, device TLB.
  List list{vtd::context_device(function_), vtd::pasid_global(), vtd::iotlb_global()};
  if (was_on && !mistakes_.skip_device_tlb) list.push_back(vtd::device_tlb_all(device()));
  co_await ring_.run(std::move(list), extended(vtd::kEcapPds));
  options_.device_tlb = device_tlb;
  options_.page_requests = page_requests;
}

}  // namespace siov::vdcm
