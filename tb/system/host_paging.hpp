// SPDX-License-Identifier: Apache-2.0
// HostPaging: what the host does to the pages of tenants while they work: brings them in when the
// device asks, takes them away, invalidates them.
//
//   system::HostPaging paging(host_side, scenario);
//   paging.start();
//   paging.add(tenant);                       // when its PASIDs are bound
//   auto pressure = coro::start_soon(paging.press(tenant), "...");
//   ... paging.stop(tenant); co_await pressure; paging.remove(tenant); ...
#pragma once

#include <boost/random/mersenne_twister.hpp>
#include <cstdint>
#include <map>
#include <memory>

#include "coro/event.hpp"
#include "coro/task.hpp"
#include "guest/pager.hpp"
#include "system/host_side.hpp"
#include "system/scenario.hpp"
#include "system/tenant.hpp"
#include "vdcm/page_fault_service.hpp"

namespace siov::system {

class HostPaging {
 public:
  /// Sets the mistakes of the scenario in the IOMMU driver. Both outlive this.
  HostPaging(HostSide& host, const Scenario& scenario);

  /// From inside a task.
  void start();
  /// The tenant's PASIDs are bound.
  void add(Tenant& tenant);
  /// Before they are unbound; its pressure has ended.
  void remove(Tenant& tenant);

  /// Takes pages of one tenant away at the rate of the scenario until stop(); does nothing while
  /// the tenant is held or on another host. @spec vtd.md 5.6
  coro::Task<> press(Tenant& tenant);
  void stop(Tenant& tenant);
  /// Nothing is done to its pages any more when this returns, until go_on() or remove().
  coro::Task<> hold(Tenant& tenant);
  void go_on(Tenant& tenant);
  /// Whether add() was called and remove() was not.
  [[nodiscard]] bool has(const Tenant& tenant) const { return entries_.contains(&tenant); }
  /// Invalidates pages in use of all tenants at the rate of the scenario, until stop_storm(). Pages
  /// of tenants with demand paging also get other frames; those of the others must stay.
  coro::Task<> storm();
  void stop_storm() { storm_runs_ = false; }

  /// Pages invalidated, times PASIDs that use them.
  [[nodiscard]] std::uint64_t invalidations() const;
  [[nodiscard]] std::uint64_t page_requests() const {
    return host_.iommu_driver.pages().requests();
  }

 private:
  struct Entry {
    Tenant* tenant = nullptr;
    std::unique_ptr<guest::Pager> pager;
    bool runs = true;
    bool held = false;
    std::uint32_t busy = 0;  ///< rounds under way
  };
  class Round;
  Entry& entry_of(const Tenant& tenant);

  HostSide& host_;
  const Scenario& scenario_;
  std::unique_ptr<vdcm::PageFaultService> faults_;
  std::map<const Tenant*, Entry> entries_;
  std::vector<const Tenant*> order_;  ///< of add(): maps of pointers have none that repeats
  boost::random::mt19937_64 engine_;
  std::uint64_t invalidations_ = 0;  ///< of tenants that are gone
  bool storm_runs_ = true;
  coro::Event idle_{"end of a round of paging"};
};

}  // namespace siov::system
