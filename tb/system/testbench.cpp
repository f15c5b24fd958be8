// SPDX-License-Identifier: Apache-2.0
// One run: build, start, play, take apart, count.
#include "system/testbench.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "check/rules.hpp"
#include "common/error.hpp"
#include "coro/combine.hpp"
#include "coro/triggers.hpp"
#include "guest/machine.hpp"
#include "system/churn.hpp"
#include "system/device_side.hpp"
#include "system/host_paging.hpp"
#include "system/host_side.hpp"
#include "system/memory_meter.hpp"
#include "system/supervisor.hpp"
#include "system/tenant.hpp"
#include "system/vdcm_audit.hpp"
#include "vdcm/driver_error.hpp"
#include "vdcm/host_driver.hpp"
#include "vdcm/manager.hpp"
#include "vdcm/vdcm.hpp"

namespace siov::system {
namespace {

/// Cycles a quiet system gets to finish what is still on the link.
constexpr std::uint64_t kSettleCycles = 4096;
/// Small enough that a run goes around the ring, large enough for bursts of errors.
constexpr std::uint16_t kEventLogEntries = 128;
constexpr std::size_t kFewTenants = 64;

std::uint64_t total_work(const Scenario& scenario) {
  std::uint64_t total = 0;
  for (const TenantParameters& t : scenario.tenants) total += planned_descriptors(scenario, t);
  return total + scenario.churn.planned();
}

}  // namespace

struct Testbench::Impl {
  Impl(Scenario s, const RunOptions& o)
      : scenario(std::move(s)),
        options(o),
        host_side(scenario.ats, scenario.pri, pasid_order(scenario)),
        device(host_side, scheduler, scenario, device_options(o)),
        host(audit.watch(device.port()), host_side.platform, host_side.iommu_driver,
             host_config(scenario)),
        vdcm(host),
        manager(vdcm, &log),
        churn(scenario, host_side, manager, [this] { ++supervisor.done; }),
        paging(host_side, scenario),
        supervisor(supervisor_config()),
        iommu_clock(host_side.iommu) {
    audit.attach(vdcm, scheduler);
    vdcm.mistakes() = options.mistakes;
    scheduler.add_clocked(supervisor);
    scheduler.add_clocked(iommu_clock);
    if (scenario.event_log)
      host.use_event_log(host_side.memory, host_side.frames, kEventLogEntries);
    host.set_record_listener([this](Pasid pasid, Iova address, std::span<const std::byte> record) {
      late_record(pasid, address, record);
    });
    if (device.referee() != nullptr) {
      device.referee()->report().set_owner_names(
          [this](std::uint32_t wq, std::uint32_t pasid) { return owner_name(wq, pasid); });
    }
    build_tenants();
  }

  static std::optional<std::uint64_t> pasid_order(const Scenario& scenario) {
    if (!scenario.host.scatter_pasids) return std::nullopt;
    return derive_seed(scenario.seed, "host PASIDs");
  }

  static DeviceOptions device_options(const RunOptions& o) {
    DeviceOptions d;
    d.kind = o.device;
    d.waves = o.waves;
    return d;
  }

  SupervisorConfig supervisor_config() {
    SupervisorConfig config;
    config.total = total_work(scenario);
    config.max_cycles = scenario.max_cycles;
    config.progress = options.progress;
    config.violations = [this] { return device.violations() + audit.total(); };
    config.after_failure = [this] { device.stop_waves(); };
    config.waits = [this] {
      const std::size_t open = host_side.iommu.open_invalidations();
      return open == 0 ? std::string()
                       : fmt::format("; {} invalidations are not completed by the device", open);
    };
    return config;
  }

  std::uint64_t memory_of_vm(std::uint32_t vm) const;
  void build_tenants();
  std::string owner_name(std::uint32_t wq, std::uint32_t pasid) const;
  void late_record(Pasid pasid, Iova address, std::span<const std::byte> record);
  coro::Task<> main();
  coro::Task<> play_one(Tenant& tenant);
  void play();
  void collect(RunResult& result) const;
  void collect_mismatches(RunResult& result) const;
  void collect_paging(RunResult& result) const;
  void collect_lives(RunResult& result) const;
  void collect_audit(RunResult& result) const;
  [[nodiscard]] bool own_errors(const Tenant& tenant) const;

  Scenario scenario;
  RunOptions options;
  HostSide host_side;
  coro::Scheduler scheduler;
  DeviceSide device;
  VdcmAudit audit;
  vdcm::HostDriver host;
  vdcm::Vdcm vdcm;
  vdcm::LifecycleLog log;
  vdcm::Manager manager;
  Churn churn;
  HostPaging paging;
  Supervisor supervisor;
  IommuClock iommu_clock;
  std::map<std::uint32_t, std::unique_ptr<guest::Machine>>
      machines;  ///< by VM number of the scenario
  std::vector<std::unique_ptr<Tenant>> tenants;
  std::uint64_t pasids = 0;
  MemoryMeter meter;
  std::string stopped;
};

/// Enough for the buffers of every operation in flight: source, destination, room for overlaps.
std::uint64_t Testbench::Impl::memory_of_vm(std::uint32_t vm) const {
  // Many machines are small ones.
  const std::uint64_t unit = std::uint64_t{scenario.tenants.size() <= kFewTenants ? 32U : 2U} << 20;
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
    auto& machine = machines[p.vm];
    if (!machine) {
      guest::MachineConfig config;
      config.second_stage_levels =
          p.translation == Translation::kSecondStage ? static_cast<std::uint8_t>(p.levels) : 4;
      config.page_bytes = p.large_pages ? std::uint64_t{1} << 21 : kPageSize;
      config.guest_bytes = memory_of_vm(p.vm);
      config.seed = derive_seed(scenario.seed, fmt::format("memory of VM {}", p.vm));
      machine = std::make_unique<guest::Machine>(host_side.memory, host_side.frames, config);
      meter.begin(host_side);
      vms[p.vm] = *manager.create_vm();
      meter.end(host_side);
    }
    tenants.push_back(std::make_unique<Tenant>(scenario, p, *machine, vms[p.vm], number++));
  }
}

std::string Testbench::Impl::owner_name(std::uint32_t wq, std::uint32_t pasid) const {
  const Tenant* only = nullptr;
  std::size_t on_queue = 0;
  for (const auto& tenant : tenants) {
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
void Testbench::Impl::late_record(Pasid pasid, Iova address, std::span<const std::byte> record) {
  for (const auto& tenant : tenants) {
    const vdcm::Vdev* vdev = tenant->vdev();
    const bool owns = tenant->host_pasid() == std::optional(pasid) ||
                      (vdev != nullptr && vdev->default_pasid() == pasid);
    if (owns) return tenant->late_record(address, record);
  }
  throw vdcm::DriverError("a completion record in the event log belongs to no tenant");
}

/// Errors of VDEVs of one VM on one queue go to all of them (SIOV-P-16).
bool Testbench::Impl::own_errors(const Tenant& tenant) const {
  const std::vector<std::uint8_t>& mine = tenant.physical_queues();
  return std::none_of(tenants.begin(), tenants.end(), [&](const auto& other) {
    if (other.get() == &tenant || other->vm() != tenant.vm()) return false;
    const std::vector<std::uint8_t>& theirs = other->physical_queues();
    return std::find_first_of(mine.begin(), mine.end(), theirs.begin(), theirs.end()) != mine.end();
  });
}

coro::Task<> Testbench::Impl::play_one(Tenant& tenant) {
  coro::JoinHandle pressure =
      coro::start_soon(paging.press(tenant), "memory pressure on " + tenant.name());
  std::function<void()> count = [this] { ++supervisor.done; };
  co_await tenant.play(std::move(count), own_errors(tenant));
  paging.stop(tenant);
  co_await pressure;
}

coro::Task<> Testbench::Impl::main() {
  co_await host.start();
  paging.start();
  for (const auto& tenant : tenants) {
    static_cast<void>(tenant->default_space());  // memory of the guest, not of the host
    meter.begin(host_side);
    co_await tenant->create(manager, host_side.iommu);
    meter.end(host_side);
    paging.add(*tenant);
  }
  pasids = vdcm.live_pasids();
  coro::JoinHandle storm = coro::start_soon(paging.storm(), "invalidation storm");
  std::vector<coro::JoinHandle> running;
  for (const auto& tenant : tenants)
    running.push_back(coro::start_soon(play_one(*tenant), "tenant " + tenant->name()));
  churn.start();
  co_await coro::Combine(std::move(running));
  co_await churn.join();
  paging.stop_storm();
  co_await storm;
  audit.sweep();
  for (const auto& tenant : tenants) {
    paging.remove(*tenant);
    co_await tenant->destroy(manager);
  }
  audit.sweep();
  co_await host.stop();
  for (std::uint64_t i = 0; i < kSettleCycles / 64 && !device.idle(); ++i)
    co_await coro::ClockCycles(64);
  co_await coro::ClockCycles(64);  // the last credits come back
}

void Testbench::Impl::play() {
  constexpr std::uint64_t kNoLimit = ~std::uint64_t{0} >> 1;
  try {
    scheduler.run(main(), kNoLimit);
    device.end_of_test(scheduler.cycle());
    for (const std::string& name : device.unfired()) {
      stopped = "injection " + name + " found nothing to break in this run";
    }
    if (stopped.empty() && !device.idle()) stopped = "the link is not idle at the end";
  } catch (const RunStopped& e) {
    stopped = e.what();
  } catch (const coro::SimTimeoutError& e) {
    stopped = e.what();
  } catch (const vdcm::DriverError& e) {
    stopped = std::string("a driver gave up: ") + e.what();
  } catch (const HarnessError& e) {
    // A device or host software that breaks rules can lead the host model astray; without a broken
    // rule it is our own fault.
    if (device.violations() + audit.total() == 0) throw;
    stopped = std::string("the host model gave up after the violations: ") + e.what();
  }
}

void Testbench::Impl::collect_mismatches(RunResult& result) const {
  for (const auto& tenant : tenants) {
    const guest::WorkloadResult* r = tenant->result();
    if (r == nullptr) continue;
    result.operations += r->operations;
    result.descriptors += r->descriptors;
    result.batches += r->batches;
    result.bad_inputs += r->bad_inputs;
    result.dropped += r->dropped;
    result.errors_reported += r->errors_reported;
    result.errors_lost += r->errors_lost;
    result.bytes += r->bytes;
    result.mismatches += r->mismatches;
    result.checks += r->descriptors;
    result.retries += tenant->retries();
    result.error_overflows += tenant->error_overflows();
    for (const guest::Mismatch& m : r->first) {
      result.failures.push_back(
          fmt::format("MISMATCH  VDEV {}, operation {}: {}", tenant->name(), m.operation, m.what));
    }
  }
}

void Testbench::Impl::collect_paging(RunResult& result) const {
  result.ats_translations = host_side.iommu.statistics().translation_requests;
  result.invalidations = paging.invalidations();
  result.page_requests = paging.page_requests();
  for (const auto& tenant : tenants) {
    const guest::PagingStatistics& p = tenant->space().paging();
    result.pages += p.pages;
    result.pages_absent += p.absent_first;
    result.pages_in += p.brought_in;
    result.pages_out += p.taken_away;
    result.pages_moved += p.moved;
    if (const guest::WorkloadResult* r = tenant->result()) result.resumed += r->resumed;
  }
  std::uint64_t written = 0;
  for (const auto& [vm, machine] : machines) written += machine->stale_writes();
  written += churn.stale_writes();
  result.stale_uses = written;
  check::Referee* const referee = const_cast<Impl*>(this)->device.referee();
  if (referee != nullptr) result.stale_uses += referee->stats().stale_uses;
  if (written == 0) return;
  // A wait descriptor guarantees that nobody uses the translations before it. @spec SIOV-P-14
  result.violations += written;
  result.failures.push_back(fmt::format(
      "SIOV-P-14  {} pages were written through translations that had been taken away", written));
  result.rules.push_back("SIOV-P-14");
}

void Testbench::Impl::collect_lives(RunResult& result) const {
  const ChurnResult& c = churn.result();
  result.lives = c.lives;
  result.churn_operations = c.operations;
  result.pauses = c.pauses;
  result.moves = c.moves;
  result.resets = c.resets;
  result.refusals = log.count("refused");
  result.operations += c.operations;
  result.descriptors += c.descriptors;
  result.bytes += c.bytes;
  result.mismatches += c.mismatches;
  result.checks += c.descriptors;
  result.retries += c.retries;
  result.failures.insert(result.failures.end(), c.failures.begin(), c.failures.end());
  result.lifecycle = log.events();
  result.bytes_per_vdev = meter.bytes() / std::max<std::uint64_t>(1, tenants.size());
}

void Testbench::Impl::collect_audit(RunResult& result) const {
  result.checks += audit.checks();
  result.violations += audit.total();
  for (const VdcmAudit::Violation& v : audit.violations()) {
    result.failures.push_back(v.text());
    const std::string rule(kAuditRules[static_cast<std::size_t>(v.rule)].name);
    if (std::ranges::count(result.rules, rule) == 0) result.rules.push_back(rule);
  }
}

void Testbench::Impl::collect(RunResult& result) const {
  auto& side = const_cast<Impl*>(this)->device;
  std::map<std::uint32_t, int> vms;
  for (const TenantParameters& p : scenario.tenants) vms[p.vm] = 1;
  result.vdevs = tenants.size();
  result.vms = vms.size();
  result.pasids = pasids;
  if (const check::Referee* referee = side.referee()) {
    result.checks += referee->report().total_checks();
    for (const check::Violation& v : referee->report().violations()) {
      result.failures.push_back(v.text());
      const std::string rule(check::rule_info(v.rule).name);
      bool known = false;
      for (const std::string& r : result.rules) known = known || r == rule;
      if (!known) result.rules.push_back(rule);
    }
  }
  result.violations = side.violations();
  if (const std::string failed = side.assertion_failure(); !failed.empty()) {
    result.failures.push_back("RTL-ASSERT  " + failed);
    result.rules.push_back("RTL-ASSERT");
  }
  if (const std::uint64_t beats = side.framing_errors(); beats != 0) {
    result.failures.push_back(fmt::format(
        "PCIE-94  {} beats of the device stand outside a packet or start one inside another",
        beats));
    result.rules.push_back("PCIE-94");
  }
  collect_mismatches(result);
  collect_paging(result);
  collect_lives(result);
  collect_audit(result);
  result.events = host.events();
  result.error_overflows += host.error_overflows();
  result.tlps_up = side.tlps_up();
  result.tlps_down = side.tlps_down();
  result.translations = host_side.iommu.statistics().translations;
  result.faults = host_side.iommu.statistics().faults;
  result.interrupts = host_side.platform.interrupts();
  result.cycles = scheduler.cycle();
  result.sim_ns = scheduler.now() / 1000;
  result.digest = side.digest();
  result.stopped = stopped;
  const std::uint64_t planned = total_work(scenario);
  if (result.stopped.empty() && result.operations != planned) {
    result.stopped = fmt::format("{} of {} operations were played", result.operations, planned);
  }
  if (result.stopped.empty() && result.errors_lost != 0 && result.error_overflows == 0) {
    result.stopped = fmt::format("{} software errors were lost without an overflow of SWERROR",
                                 result.errors_lost);
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
