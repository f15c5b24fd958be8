// SPDX-License-Identifier: Apache-2.0
// Page faults, memory pressure, invalidation storm.
#include "system/host_paging.hpp"

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>

#include "coro/clock_triggers.hpp"
#include "coro/scheduler.hpp"

namespace siov::system {
namespace {

constexpr std::uint64_t kPeriodNs = 2;  // of a clock cycle
/// What a page rests at least before it is moved, in page latencies: a descriptor needs all its
/// pages at a time, and a device asks for each one only a few times (pcie.md 9.4).
constexpr std::uint64_t kRestLatencies = 2;
/// Page requests at a time below which the pages of several engines come one after the other: a
/// page that has come stays until the others have, else pages leave faster than they come.
constexpr std::uint64_t kRequestsAtATime = 8;
constexpr std::uint64_t kRateCycles = 1000;  // rates of a scenario are per so many cycles
constexpr std::uint64_t kLookCycles = 250;   // between two rounds of pressure or storm
constexpr std::uint32_t kMostAtOnce = 16;    // pages of one round: the queue has 256 entries

/// How many page latencies the requests of one time take. @param allowed  0: as many as there are
std::uint64_t turns_of(std::uint32_t allowed) {
  return allowed == 0 ? 1 : std::max<std::uint64_t>(1, kRequestsAtATime / allowed);
}

/// How many operations may be in flight. Engines work in order, each operation may wait for a page,
/// and the rest of one that stopped at a page comes behind all others (dsa.md 5.6, 5.7). A page
/// that leaves earlier than that may leave before it is used, and again, with any device.
std::uint64_t in_flight(const Scenario& scenario) {
  std::uint64_t sum = 0;
  for (const TenantParameters& tenant : scenario.tenants) sum += tenant.window;
  return sum;
}

}  // namespace

/// One round of work on a tenant's pages; its entry stays until the end.
class HostPaging::Round {
 public:
  Round(HostPaging& paging, Entry& entry) : paging_(paging), entry_(entry) { ++entry_.busy; }
  ~Round() {
    --entry_.busy;
    paging_.idle_.set();
  }
  Round(const Round&) = delete;
  Round& operator=(const Round&) = delete;

 private:
  HostPaging& paging_;
  Entry& entry_;
};

HostPaging::HostPaging(HostSide& host, const Scenario& scenario)
    : host_(host), scenario_(scenario), engine_(derive_seed(scenario.seed, "invalidations")) {
  const HostParameters& p = scenario.host;
  vdcm::IommuMistakes& mistakes = host.iommu_driver.mistakes();
  mistakes.skip_device_tlb = p.makes(Mistake::kKeepDeviceTlb);
  mistakes.skip_iotlb = p.makes(Mistake::kKeepIotlb);
  mistakes.forget_response = p.makes(Mistake::kNoPageResponse);
  mistakes.respond_twice = p.makes(Mistake::kSecondPageResponse);
  if (!scenario.pri) return;
  vdcm::PageFaultConfig config;
  config.latency_min_ns = p.page_latency_min * kPeriodNs;
  config.latency_max_ns = p.page_latency_max * kPeriodNs;
  config.seed = derive_seed(scenario.seed, "page faults");
  config.success_without_mapping = p.makes(Mistake::kSuccessWithoutMapping);
  faults_ = std::make_unique<vdcm::PageFaultService>(host.iommu_driver, config);
}

void HostPaging::start() {
  if (faults_) faults_->start();
}

void HostPaging::add(Tenant& tenant) {
  guest::AddressSpace& space = tenant.space();
  const std::vector<Pasid> users = tenant.users();
  guest::PagerConfig config;
  config.seed = derive_seed(scenario_.seed, "pages of " + tenant.name());
  const std::uint64_t latency_ns = scenario_.host.page_latency_max * kPeriodNs;
  config.rest_ns = kRestLatencies * turns_of(scenario_.host.page_requests) * latency_ns;
  config.stay_ns = std::max(config.rest_ns, in_flight(scenario_) * latency_ns);
  config.no_wait = scenario_.host.makes(Mistake::kNoWait);
  Entry& entry = entries_[&tenant];
  entry.tenant = &tenant;
  entry.pager = std::make_unique<guest::Pager>(space, host_.iommu_driver, users, config);
  order_.push_back(&tenant);
  if (!space.demand()) return;
  for (const Pasid pasid : users) {
    host_.view.add(pasid, space);
    if (faults_) faults_->attach(pasid, space);
  }
}

void HostPaging::remove(Tenant& tenant) {
  invalidations_ += entry_of(tenant).pager->invalidations();
  for (const Pasid pasid : tenant.users()) {
    if (faults_ && tenant.space().demand()) faults_->detach(pasid);
    host_.view.remove(pasid);
  }
  std::erase(order_, &tenant);
  entries_.erase(&tenant);
}

HostPaging::Entry& HostPaging::entry_of(const Tenant& tenant) { return entries_.at(&tenant); }

void HostPaging::stop(Tenant& tenant) {
  const auto found = entries_.find(&tenant);
  if (found != entries_.end()) found->second.runs = false;
}

coro::Task<> HostPaging::hold(Tenant& tenant) {
  Entry& entry = entry_of(tenant);
  entry.held = true;
  while (entry.busy != 0) {
    idle_.clear();
    co_await idle_.wait();
  }
}

void HostPaging::go_on(Tenant& tenant) { entry_of(tenant).held = false; }

coro::Task<> HostPaging::press(Tenant& tenant) {
  const std::uint64_t rate = tenant.parameters().paging.evict;
  std::uint64_t last = coro::Scheduler::current().cycle(), due = 0;
  while (!tenant.played() && rate != 0) {
    co_await coro::ClockCycles(kLookCycles);
    const auto found = entries_.find(&tenant);
    const bool here = found != entries_.end() && !found->second.held;
    if (here && !found->second.runs) break;
    const std::uint64_t now = coro::Scheduler::current().cycle();
    due += rate * (now - last);
    last = now;
    const auto pages =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(due / kRateCycles, kMostAtOnce));
    due = std::min(due - pages * kRateCycles, kMostAtOnce * kRateCycles);
    if (pages == 0 || !here) continue;
    const Round round(*this, found->second);
    co_await found->second.pager->evict(pages);
  }
}

coro::Task<> HostPaging::storm() {
  const std::uint64_t rate = scenario_.host.invalidations;
  std::uint64_t last = coro::Scheduler::current().cycle(), due = 0;
  while (storm_runs_ && rate != 0) {
    co_await coro::ClockCycles(kLookCycles);
    const std::uint64_t now = coro::Scheduler::current().cycle();
    due += rate * (now - last);
    last = now;
    const auto pages =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(due / kRateCycles, kMostAtOnce));
    due = std::min(due - pages * kRateCycles, kMostAtOnce * kRateCycles);
    std::vector<Entry*> running;
    for (const Tenant* tenant : order_) {
      Entry& entry = entry_of(*tenant);
      if (entry.runs && !entry.held) running.push_back(&entry);
    }
    if (pages == 0 || running.empty()) continue;
    Entry& entry = *running[engine_() % running.size()];
    const Round round(*this, entry);
    const bool moves = entry.tenant->space().demand() && engine_() % 2 == 0;
    if (moves) {
      co_await entry.pager->remap(pages);
    } else {
      co_await entry.pager->invalidate(pages);
    }
  }
}

std::uint64_t HostPaging::invalidations() const {
  std::uint64_t sum = invalidations_;
  for (const auto& [tenant, entry] : entries_) sum += entry.pager->invalidations();
  return sum;
}

}  // namespace siov::system
