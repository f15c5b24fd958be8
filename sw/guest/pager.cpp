// SPDX-License-Identifier: Apache-2.0
// Pages taken away, moved, invalidated.
#include "guest/pager.hpp"

#include "coro/combine.hpp"
#include "coro/scheduler.hpp"
#include "vdcm/iommu_driver.hpp"

namespace siov::guest {

Pager::Pager(AddressSpace& space, vdcm::IommuDriver& iommu, std::vector<Pasid> users,
             PagerConfig config)
    : space_(space),
      iommu_(iommu),
      users_(std::move(users)),
      config_(config),
      engine_(config.seed) {}

coro::Task<> Pager::evict(std::uint32_t pages) { co_await take(pages, config_.stay_ns, false); }

coro::Task<> Pager::remap(std::uint32_t pages) { co_await take(pages, config_.rest_ns, true); }

coro::Task<> Pager::take(std::uint32_t pages, std::uint64_t stay_ns, bool bring_back) {
  const std::uint64_t now = coro::Scheduler::current().now();
  const std::uint64_t stay = coro::ns(stay_ns);
  const std::uint64_t not_since = now > stay ? now - stay : 0;
  std::vector<AddressSpace::Departure> leaving;
  std::vector<Iova> addresses;
  for (std::uint32_t i = 0; i < pages; ++i) {
    const std::optional<Iova> victim = space_.next_victim(not_since);
    if (!victim) break;
    const auto departure = space_.take_away(*victim);
    if (!departure) break;
    leaving.push_back(*departure);
    addresses.push_back(*victim);
  }
  if (leaving.empty()) co_return;
  if (config_.no_wait) {
    for (const AddressSpace::Departure& departure : leaving) space_.taken(departure, true);
    leaving.clear();
  }
  co_await forget(addresses);
  for (const AddressSpace::Departure& departure : leaving) {
    const bool away = space_.taken(departure, true);
    if (away && bring_back) space_.bring_in(departure.page, 0);  // nobody has asked for it
  }
}

coro::Task<> Pager::invalidate(std::uint32_t pages) {
  std::vector<Iova> addresses;
  for (std::uint32_t i = 0; i < pages; ++i) {
    const std::optional<Iova> page = space_.any_page(engine_());
    if (page) addresses.push_back(*page);
  }
  co_await forget(std::move(addresses));
}

/// All at once: the queue takes them one behind the other, and their waits overlap.
coro::Task<> Pager::forget(std::vector<Iova> pages) {
  std::vector<coro::JoinHandle> running;
  for (const Iova page : pages) {
    for (const Pasid pasid : users_) {
      ++invalidations_;
      running.push_back(coro::start_soon(forget_one(pasid, page), "page invalidation"));
    }
  }
  co_await coro::Combine(std::move(running));
}

coro::Task<> Pager::forget_one(Pasid pasid, Iova page) {
  co_await iommu_.async_invalidate_page(pasid, page, space_.page_bytes() / kPageSize, true);
}

}  // namespace siov::guest
