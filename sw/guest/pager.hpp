// SPDX-License-Identifier: Apache-2.0
// Pager: takes pages of one space away while the device works, and invalidates pages in use, in the
// order that keeps contents safe: unmap, invalidate IOTLB and device TLB, wait, then move.
//
//   guest::Pager pager(space, iommu_driver, {default_pasid, process_pasid}, config);
//   co_await pager.evict(4);
//   co_await pager.invalidate(4);      // pages that stay
#pragma once

#include <boost/random/mersenne_twister.hpp>
#include <cstdint>
#include <vector>

#include "common/types.hpp"
#include "coro/task.hpp"
#include "guest/address_space.hpp"

namespace siov::vdcm {
class IommuDriver;
}

namespace siov::guest {

struct PagerConfig {
  std::uint64_t seed = 1;
  std::uint64_t stay_ns = 4000;  ///< a page is not taken away for so long after it was needed
  std::uint64_t rest_ns = 4000;  ///< nor moved
  bool no_wait = false;          ///< mistake: contents move before the invalidations are complete
};

class Pager {
 public:
  /// @param users  PASIDs that translate through the space's tables. All references outlive this.
  Pager(AddressSpace& space, vdcm::IommuDriver& iommu, std::vector<Pasid> users,
        PagerConfig config);

  /// Takes up to so many pages away; each one's contents move to another frame (4 KiB pages), and
  /// it stays away until somebody needs it. @spec vtd.md 5.6 (page tables)
  coro::Task<> evict(std::uint32_t pages);
  /// The same, and the pages are back at once, elsewhere.
  coro::Task<> remap(std::uint32_t pages);
  /// Invalidates up to so many pages that stay where they are: never wrong, and the device must not
  /// notice but by asking again (vtd.md 5.3).
  coro::Task<> invalidate(std::uint32_t pages);

  /// Pages invalidated, times PASIDs that use them.
  [[nodiscard]] std::uint64_t invalidations() const { return invalidations_; }

 private:
  coro::Task<> take(std::uint32_t pages, std::uint64_t stay_ns, bool bring_back);
  coro::Task<> forget(std::vector<Iova> pages);
  coro::Task<> forget_one(Pasid pasid, Iova page);

  AddressSpace& space_;
  vdcm::IommuDriver& iommu_;
  std::vector<Pasid> users_;
  PagerConfig config_;
  boost::random::mt19937_64 engine_;
  std::uint64_t invalidations_ = 0;
};

}  // namespace siov::guest
