// SPDX-License-Identifier: Apache-2.0
// One run: build, start, play, take apart.
#include "system/testbench.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <string_view>

#include "common/error.hpp"
#include "coro/combine.hpp"
#include "coro/triggers.hpp"
#include "system/testbench_parts.hpp"
#include "vdcm/driver_error.hpp"

namespace siov::system {
namespace {

/// Cycles a quiet system gets to finish what is still on the link.
constexpr std::uint64_t kSettleCycles = 4096;
constexpr std::size_t kFewTenants = 64;
/// Smallest memory of a VM: of few tenants, of one among many or one that moves.
constexpr std::uint64_t kRoomy = 32ULL << 20, kModest = 2ULL << 20;

}  // namespace

std::uint64_t total_work(const Scenario& scenario) {
  std::uint64_t total = 0;
  for (const TenantParameters& t : scenario.tenants) total += planned_descriptors(scenario, t);
  return total + scenario.churn.planned();
}

Testbench::Impl::Impl(Scenario s, const RunOptions& o)
    : scenario(std::move(s)), options(o), supervisor(supervisor_config()) {
  build_node(0);
  if (scenario.second.present) build_node(1);
  scheduler.add_clocked(supervisor);
  churn = std::make_unique<Churn>(scenario, nodes[0]->host_side, nodes[0]->manager,
                                  [this] { ++supervisor.done; });
  build_tenants();
  if (!scenario.migrations.empty())
    migrations = std::make_unique<Migrations>(scenario, nodes, tenants);
}

DeviceOptions Testbench::Impl::device_options(std::uint8_t host) const {
  DeviceOptions d;
  d.kind = options.device;
  d.waves = options.waves;
  constexpr std::string_view kEnding = ".fst";
  if (host != 0 && !d.waves.empty()) {
    if (d.waves.ends_with(kEnding)) d.waves.resize(d.waves.size() - kEnding.size());
    d.waves += "-second.fst";
  }
  return d;
}

SupervisorConfig Testbench::Impl::supervisor_config() {
  SupervisorConfig config;
  config.total = total_work(scenario);
  config.max_cycles = scenario.max_cycles;
  config.progress = options.progress;
  config.violations = [this] { return violations(); };
  config.after_failure = [this] {
    for (const auto& node : nodes) node->device.stop_waves();
  };
  config.waits = [this] {
    std::size_t open = 0;
    for (const auto& node : nodes) open += node->host_side.iommu.open_invalidations();
    return open == 0 ? std::string()
                     : fmt::format("; {} invalidations are not completed by the device", open);
  };
  return config;
}

std::uint64_t Testbench::Impl::violations() const {
  std::uint64_t sum = 0;
  for (const auto& node : nodes) sum += node->device.violations() + node->audit.total();
  return sum;
}

void Testbench::Impl::build_node(std::uint8_t number) {
  nodes.push_back(std::make_unique<Node>(scenario, number, scheduler, device_options(number),
                                         options.mistakes));
  Node& node = *nodes.back();
  node.host.set_record_listener(
      [this, &node](Pasid pasid, Iova address, std::span<const std::byte> record) {
        late_record(node, pasid, address, record);
      });
  if (node.device.referee() != nullptr) {
    node.device.referee()->report().set_owner_names(
        [this, &node](std::uint32_t wq, std::uint32_t pasid) {
          return owner_name(node, wq, pasid);
        });
  }
}

/// Enough for the buffers of every operation in flight: source, destination, room for overlaps.
std::uint64_t Testbench::Impl::memory_of_vm(std::uint32_t vm) const {
  // Many machines are small ones, and so is one that is copied.
  const bool roomy =
      scenario.tenants.size() <= kFewTenants && migration_of(scenario, vm) == nullptr;
  const std::uint64_t unit = roomy ? kRoomy : kModest;
  std::uint64_t bytes = unit;
  for (const TenantParameters& t : scenario.tenants) {
    if (t.vm != vm) continue;
    std::uint64_t largest = t.workload.size_max;
    for (const TraceOperation& op : t.workload.operations)
      largest = std::max<std::uint64_t>(largest, op.bytes);
    std::uint64_t areas = guest::Areas::capacity(static_cast<std::uint32_t>(largest));
    if (t.workload.batch.share_permille != 0)
      areas += t.workload.batch.size_max * (guest::Areas::capacity(kMemberBytes) + 4 * kPageSize);
    bytes += t.window * 3 * (areas + 4 * kPageSize);
  }
  return (bytes + unit - 1) / unit * unit;
}

void Testbench::Impl::build_tenants() {
  std::map<std::uint32_t, vdcm::VmId> vms;
  std::uint32_t number = 0;
  for (const TenantParameters& p : scenario.tenants) {
    HostSide& side = nodes[p.on_second ? 1 : 0]->host_side;
    auto& machine = machines[p.vm];
    if (!machine) {
      guest::MachineConfig config;
      config.second_stage_levels =
          p.translation == Translation::kSecondStage ? static_cast<std::uint8_t>(p.levels) : 4;
      config.page_bytes = p.large_pages ? std::uint64_t{1} << 21 : kPageSize;
      config.guest_bytes = memory_of_vm(p.vm);
      config.seed = derive_seed(scenario.seed, fmt::format("memory of VM {}", p.vm));
      machine = std::make_unique<guest::Machine>(side.memory, side.frames, config);
      meter.begin(side);
      vms[p.vm] = *nodes[p.on_second ? 1 : 0]->manager.create_vm();
      meter.end(side);
    }
    tenants.push_back(std::make_unique<Tenant>(scenario, p, *machine, vms[p.vm], number++));
  }
}

bool Testbench::Impl::is_on(const Tenant& tenant, const Node& node) const {
  if (migration_of(scenario, tenant.parameters().vm) == nullptr || !migrations)
    return node.number == (tenant.parameters().on_second ? 1 : 0);
  return migrations->host_of(tenant.parameters().vm) == node.number;
}

std::string Testbench::Impl::owner_name(const Node& node, std::uint32_t wq,
                                        std::uint32_t pasid) const {
  const Tenant* only = nullptr;
  std::size_t on_queue = 0;
  for (const auto& tenant : tenants) {
    if (!is_on(*tenant, node)) continue;
    const vdcm::Vdev* vdev = tenant->vdev();
    const bool pasid_is = (tenant->host_pasid() && tenant->host_pasid()->value == pasid) ||
                          (vdev != nullptr && vdev->default_pasid().value == pasid);
    if (pasid_is) return tenant->name();
    if (tenant->parameters().wq == wq) {
      only = tenant.get();
      ++on_queue;
    }
  }
  return on_queue == 1 ? only->name() : std::string();
}

/// The host writes a record that the device could not, into the memory of whoever it belongs to.
void Testbench::Impl::late_record(const Node& node, Pasid pasid, Iova address,
                                  std::span<const std::byte> record) {
  for (const auto& tenant : tenants) {
    if (!is_on(*tenant, node)) continue;
    const vdcm::Vdev* vdev = tenant->vdev();
    const bool owns = tenant->host_pasid() == std::optional(pasid) ||
                      (vdev != nullptr && vdev->default_pasid() == pasid);
    if (owns) return tenant->late_record(address, record);
  }
  throw vdcm::DriverError("a completion record in the event log belongs to no tenant");
}

/// Errors of VDEVs of one VM on one queue go to all of them (SIOV-P-16); those of a VM that moves
/// may meet on one.
bool Testbench::Impl::own_errors(const Tenant& tenant) const {
  const std::vector<std::uint8_t>& mine = tenant.physical_queues();
  const std::uint32_t vm = tenant.parameters().vm;
  const bool moves = migration_of(scenario, vm) != nullptr;
  return std::none_of(tenants.begin(), tenants.end(), [&](const auto& other) {
    if (other.get() == &tenant || other->parameters().vm != vm) return false;
    if (moves) return true;
    const std::vector<std::uint8_t>& theirs = other->physical_queues();
    return std::find_first_of(mine.begin(), mine.end(), theirs.begin(), theirs.end()) != mine.end();
  });
}

coro::Task<> Testbench::Impl::play_one(Tenant& tenant) {
  std::vector<coro::JoinHandle> pressure;
  const bool moves = migration_of(scenario, tenant.parameters().vm) != nullptr;
  for (const auto& node : nodes) {
    if (moves || node.get() == &home_of(tenant))
      pressure.push_back(
          coro::start_soon(node->paging.press(tenant), "memory pressure on " + tenant.name()));
  }
  std::function<void()> count = [this] { ++supervisor.done; };
  co_await tenant.play(std::move(count), own_errors(tenant));
  for (const auto& node : nodes) node->paging.stop(tenant);
  co_await coro::Combine(std::move(pressure));
}

/// What is still on the links ends, and the last credits come back.
coro::Task<> Testbench::Impl::settle() {
  const auto idle = [](const auto& node) { return node->device.idle(); };
  for (std::uint64_t i = 0; i < kSettleCycles / 64 && !std::ranges::all_of(nodes, idle); ++i)
    co_await coro::ClockCycles(64);
  co_await coro::ClockCycles(64);
}

coro::Task<> Testbench::Impl::main() {
  for (const auto& node : nodes) co_await node->start();
  for (const auto& tenant : tenants) {
    Node& node = home_of(*tenant);
    static_cast<void>(tenant->default_space());  // memory of the guest, not of the host
    meter.begin(node.host_side);
    co_await tenant->create(node.manager, node.host_side.iommu);
    meter.end(node.host_side);
    node.paging.add(*tenant);
  }
  for (const auto& node : nodes) pasids += node->vdcm.live_pasids();
  std::vector<coro::JoinHandle> storms;
  for (const auto& node : nodes)
    storms.push_back(coro::start_soon(node->paging.storm(), "invalidation storm"));
  std::vector<coro::JoinHandle> running;
  for (const auto& tenant : tenants)
    running.push_back(coro::start_soon(play_one(*tenant), "tenant " + tenant->name()));
  churn->start();
  if (migrations) migrations->start();
  co_await coro::Combine(std::move(running));
  co_await churn->join();
  if (migrations) co_await migrations->join();
  for (const auto& node : nodes) node->paging.stop_storm();
  co_await coro::Combine(std::move(storms));
  for (const auto& node : nodes) node->audit.sweep();
  for (const auto& tenant : tenants) {
    for (const auto& node : nodes) {
      if (node->paging.has(*tenant)) node->paging.remove(*tenant);
    }
    co_await tenant->destroy();
  }
  for (const auto& node : nodes) node->audit.sweep();
  for (const auto& node : nodes) co_await node->host.stop();
  co_await settle();
}

void Testbench::Impl::play() {
  constexpr std::uint64_t kNoLimit = ~std::uint64_t{0} >> 1;
  try {
    scheduler.run(main(), kNoLimit);
    for (const auto& node : nodes) {
      node->device.end_of_test(scheduler.cycle());
      for (const std::string& name : node->device.unfired())
        stopped = "injection " + name + " found nothing to break in this run";
      if (stopped.empty() && !node->device.idle()) stopped = "the link is not idle at the end";
    }
  } catch (const RunStopped& e) {
    stopped = e.what();
  } catch (const coro::SimTimeoutError& e) {
    stopped = e.what();
  } catch (const vdcm::DriverError& e) {
    stopped = std::string("a driver gave up: ") + e.what();
  } catch (const HarnessError& e) {
    // A device or host software that breaks rules can lead the host model astray; without a broken
    // rule it is our own fault.
    if (violations() == 0) throw;
    stopped = std::string("the host model gave up after the violations: ") + e.what();
  }
}

Testbench::Testbench(Scenario scenario, const RunOptions& options)
    : impl_(std::make_unique<Impl>(std::move(scenario), options)) {}
Testbench::~Testbench() = default;

RunResult Testbench::run() {
  RunResult result;
  const auto start = std::chrono::steady_clock::now();
  impl_->play();
  result.wall_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  impl_->collect(result);
  result.cycles_per_second =
      result.wall_seconds > 0 ? static_cast<double>(result.cycles) / result.wall_seconds : 0;
  return result;
}

}  // namespace siov::system
