// SPDX-License-Identifier: Apache-2.0
// IommuDriver: tracking of what the device writes through second-stage tables. @spec SIOV-P-19
#include <algorithm>
#include <bit>

#include "common/error.hpp"
#include "vdcm/driver_error.hpp"
#include "vdcm/iommu_driver.hpp"
#include "vdcm/iommu_driver_tables.hpp"

namespace siov::vdcm {

namespace {

constexpr std::size_t kMaxLeaves = 8;  // more are not worth it: everything goes

bool uses(TranslationKind kind) {
  return kind == TranslationKind::kSecondStage || kind == TranslationKind::kNested;
}

vtd::PageBlock block_of(const IommuDriver::SecondStageLeaf& leaf) {
  return {Iova{leaf.address.value},
          static_cast<unsigned>(std::countr_zero(leaf.bytes / kPageSize))};
}

}  // namespace

coro::Task<> IommuDriver::async_track_writes(Hpa second_stage_root, bool on) {
  if (!can_track_writes())
    throw DriverError("the remapping unit keeps no dirty bits of second-stage entries");
  const std::uint64_t root = second_stage_root.value;
  if (on) {
    tracked_.insert(root);
  } else {
    tracked_.erase(root);
  }
  // The same tables always go with the same SSADE (vtd.md 2.4), so all entries change together.
  List caches;
  List devices;
  std::uint16_t domain = 0;
  for (const auto& [pasid, binding] : bindings_) {
    if (!uses(binding.kind) || binding.second_stage_root != root) continue;
    tables_->remapping.set_second_stage_dirty(function_, pasid, on);
    domain = binding.domain;
    if (!mistakes_.skip_pasid_cache) caches.push_back(vtd::pasid_selective(domain, pasid));
    const List more = device_list(pasid);
    devices.insert(devices.end(), more.begin(), more.end());
  }
  if (domain == 0) co_return;  // nobody uses them yet
  List iotlb;
  if (!mistakes_.skip_iotlb) iotlb.push_back(vtd::iotlb_domain(domain));
  List list = in_order(std::move(caches), std::move(iotlb), std::move(devices));
  co_await ring_.run(std::move(list));
}

coro::Task<> IommuDriver::async_invalidate_leaves(Hpa second_stage_root,
                                                  std::vector<SecondStageLeaf> leaves) {
  if (leaves.empty()) co_return;
  const auto found = domains_.find(second_stage_root.value);
  if (found == domains_.end()) co_return;  // bound by nobody: nothing is cached
  const std::uint16_t domain = found->second.id;
  const unsigned max_order = static_cast<unsigned>(capability(vtd::kCapMamv, 6));
  const bool by_page = leaves.size() <= kMaxLeaves && capability(vtd::kCapPsi) != 0 &&
                       std::all_of(leaves.begin(), leaves.end(), [&](const SecondStageLeaf& leaf) {
                         return block_of(leaf).order <= max_order;
                       });
  List iotlb;
  if (!mistakes_.skip_iotlb && !by_page) iotlb.push_back(vtd::iotlb_domain(domain));
  if (!mistakes_.skip_iotlb && by_page) {
    for (const SecondStageLeaf& leaf : leaves)
      iotlb.push_back(vtd::iotlb_page(domain, block_of(leaf), true));
  }
  List devices;
  for (const auto& [pasid, binding] : bindings_) {
    if (!uses(binding.kind) || binding.domain != domain) continue;
    if (!options_.device_tlb || mistakes_.skip_device_tlb) break;
    // A nested space has other addresses in front of these: all of it goes.
    if (!by_page || binding.kind == TranslationKind::kNested) {
      devices.push_back(vtd::p_device_tlb_all(device(), pasid));
      continue;
    }
    for (const SecondStageLeaf& leaf : leaves)
      devices.push_back(vtd::p_device_tlb_page(device(), pasid, block_of(leaf)));
  }
  List list = in_order({}, std::move(iotlb), std::move(devices));
  co_await ring_.run(std::move(list));
}

}  // namespace siov::vdcm
