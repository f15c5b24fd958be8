// SPDX-License-Identifier: Apache-2.0
// Travellers: one task for each VM that moves.
#include "system/migrations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/random/mersenne_twister.hpp>
#include <boost/random/uniform_int_distribution.hpp>

#include "common/error.hpp"
#include "coro/clock_triggers.hpp"
#include "coro/combine.hpp"
#include "coro/scheduler.hpp"

namespace siov::system {
namespace {

constexpr std::uint64_t kLookCycles = 64;  // between two looks at whether there is work left

HostNumbers numbers_of(const vdcm::Vdev& vdev, std::optional<Pasid> process) {
  HostNumbers numbers;
  for (std::uint8_t q = 0; q < vdev.queue_count(); ++q) {
    if (const auto wq = vdev.queue(q).physical_wq()) numbers.wqs.push_back(*wq);
  }
  numbers.default_pasid = vdev.default_pasid().value;
  if (process) numbers.process_pasid = process->value;
  numbers.handle = vdev.ims_index(1).value_or(0);
  return numbers;
}

void copy_report(const vdcm::MigrationReport& r, MigrationRecord& record) {
  record.rounds = r.rounds;
  record.pages = r.pages;
  record.device_pages = r.device_pages;
  record.cpu_pages = r.cpu_pages;
  record.stopped_pages = r.stopped_pages;
  record.image_bytes = r.image_bytes;
  record.held = r.held;
  record.replayed = r.replayed;
  record.revoked = r.revoked;
  record.paused_cycles = r.paused_cycles;
  record.downtime_cycles = r.downtime_cycles;
}

vdcm::MigrationPhase phase_of(CancelPhase phase) {
  switch (phase) {
    case CancelPhase::kPreCopied:
      return vdcm::MigrationPhase::kPreCopied;
    case CancelPhase::kPaused:
      return vdcm::MigrationPhase::kPaused;
    case CancelPhase::kStopped:
      return vdcm::MigrationPhase::kStopped;
    case CancelPhase::kLoaded:
      return vdcm::MigrationPhase::kLoaded;
    default:
      return vdcm::MigrationPhase::kChecked;
  }
}

}  // namespace

/// One VM that moves, with everything it has.
struct Migrations::Traveller {
  const MigrationParameters& parameters;
  boost::random::mt19937_64 engine;
  std::uint8_t host = 0;
  std::vector<Tenant*> tenants = {};
  std::uint32_t arrivals = 0;
  std::uint32_t refusals = 0;
  std::uint32_t cancelled = 0;
  bool ended_early = false;
};

/// CPUs of one tenant, and what its hosts do to its pages meanwhile.
class Migrations::Guest final : public vdcm::MigratingGuest {
 public:
  Guest(Tenant& tenant, Node& from, Node& to, vdcm::VmId vm_there)
      : tenant_(tenant), from_(from), to_(to), vm_there_(vm_there) {}

  coro::Task<> stop() override {
    co_await tenant_.slot().stop();
    co_await from_.paging.hold(tenant_);
  }

  void start(port::DevicePort& vdev) override {
    if (&vdev == tenant_.vdev()) {
      from_.paging.go_on(tenant_);
    } else {
      from_.paging.remove(tenant_);
      tenant_.arrive(dynamic_cast<vdcm::Vdev&>(vdev), vm_there_, process_there);
      to_.paging.add(tenant_);
    }
    tenant_.slot().start(vdev);
  }

  std::optional<Pasid> process_there;  ///< host PASID of its process

 private:
  Tenant& tenant_;
  Node& from_;
  Node& to_;
  vdcm::VmId vm_there_;
};

Migrations::Migrations(const Scenario& scenario, Nodes& nodes, Tenants& tenants)
    : scenario_(scenario), nodes_(nodes) {
  for (const MigrationParameters& m : scenario.migrations) {
    const std::uint64_t seed = derive_seed(scenario.seed, fmt::format("journeys of VM {}", m.vm));
    travellers_.push_back(std::make_unique<Traveller>(m, boost::random::mt19937_64(seed)));
    Traveller& traveller = *travellers_.back();
    for (const auto& tenant : tenants) {
      if (tenant->parameters().vm != m.vm) continue;
      traveller.tenants.push_back(tenant.get());
      traveller.host = tenant->parameters().on_second ? 1 : 0;
    }
    if (traveller.tenants.empty() || nodes.size() < 2)
      throw HarnessError("a migration needs a VM with tenants and a second host");
  }
}

Migrations::~Migrations() = default;

void Migrations::start() {
  for (const auto& traveller : travellers_)
    tasks_.push_back(coro::start_soon(travel(*traveller),
                                      fmt::format("journeys of VM {}", traveller->parameters.vm)));
}

coro::Task<> Migrations::join() {
  std::vector<coro::JoinHandle> tasks = std::move(tasks_);
  tasks_.clear();
  co_await coro::Combine(std::move(tasks));
}

std::uint8_t Migrations::host_of(std::uint32_t vm) const {
  for (const auto& traveller : travellers_) {
    if (traveller->parameters.vm == vm) return traveller->host;
  }
  throw HarnessError("the VM does not move");
}

bool Migrations::at_work(const Traveller& traveller) const {
  return std::ranges::any_of(traveller.tenants, [](const Tenant* t) { return !t->played(); });
}

/// @return false if the work has ended meanwhile
coro::Task<bool> Migrations::rest(const Traveller& traveller, std::uint64_t cycles) {
  const auto begun = [](const Tenant* t) { return t->playing() || t->played(); };
  while (!std::ranges::all_of(traveller.tenants, begun)) co_await coro::ClockCycles(kLookCycles);
  for (std::uint64_t waited = 0; waited < cycles && at_work(traveller); waited += kLookCycles)
    co_await coro::ClockCycles(kLookCycles);
  co_return at_work(traveller);
}

coro::Task<> Migrations::travel(Traveller& traveller) {
  const MigrationParameters& p = traveller.parameters;
  boost::random::uniform_int_distribution<std::uint32_t> after(p.after_min, p.after_max);
  for (std::uint32_t i = 0; i < p.times; ++i) {
    const bool works = co_await rest(traveller, after(traveller.engine));
    if (!works) {
      traveller.ended_early = true;
      co_return;
    }
    if (p.cancel != CancelPhase::kNever) co_await attempt(traveller, p.cancel);
    co_await attempt(traveller, CancelPhase::kNever);
  }
}

coro::Task<> Migrations::attempt(Traveller& traveller, CancelPhase cancel) {
  const MigrationParameters& p = traveller.parameters;
  Node& from = *nodes_[traveller.host];
  Node& to = *nodes_[1 - traveller.host];
  guest::Machine& machine = traveller.tenants[0]->machine();
  coro::Scheduler& scheduler = coro::Scheduler::current();
  MigrationRecord record;
  record.vm = p.vm;
  record.from = traveller.host;
  record.to = static_cast<std::uint8_t>(1 - traveller.host);
  record.vdevs = traveller.tenants.size();
  record.start = scheduler.cycle();

  auto mover = std::make_unique<guest::MemoryMover>(machine, to.host_side.memory,
                                                    to.host_side.frames, traveller.engine());
  vdcm::DirtyLog log({&from.host_side.iommu_driver}, from.host_side.memory,
                     machine.second_stage_root(), machine.second_stage_levels());
  log.mistakes().miss_pages = scenario_.host.makes(Mistake::kMissDirtyPages);
  machine.set_unmap_listener([&log](Gpa page, std::uint64_t bytes, std::uint64_t entry) {
    log.unmapped(page, bytes, entry);
  });
  const vdcm::VmId vm_here = traveller.tenants[0]->vm();
  const vdcm::VmId vm_there = *to.manager.create_vm();
  std::vector<std::unique_ptr<Guest>> guests;
  std::vector<vdcm::Move> moves;
  for (Tenant* const tenant : traveller.tenants) {
    mover->add(tenant->space());
    guests.push_back(std::make_unique<Guest>(*tenant, from, to, vm_there));
    if (const auto pasid = tenant->guest_pasid()) {
      const auto bound =
          to.manager.bind_pasid(vm_there, *pasid, mover->there(tenant->space().descriptor()));
      if (!bound) throw HarnessError("migration: " + bound.error().reason);
      guests.back()->process_there = *bound;
    }
    record.moves.push_back({tenant->name(), numbers_of(*tenant->vdev(), tenant->host_pasid()), {}});
    vdcm::Move move;
    move.id = tenant->id();
    move.there = mover->there(tenant->default_space());
    move.guest = guests.back().get();
    move.queues = tenant->queues_there(to.host_side.iommu);
    moves.push_back(std::move(move));
  }

  vdcm::MigrationOptions options;
  options.rounds = p.rounds;
  options.stop_pages = p.stop_pages;
  options.bytes_per_us = p.bandwidth;
  vdcm::MigrationReport report;
  options.report = &report;
  guest::MemoryMover& memory = *mover;
  options.cancel = [&](vdcm::MigrationPhase phase) {
    if (phase == vdcm::MigrationPhase::kLoaded) {
      // CPUs of the simulation go on up to their next access; that is not the devices' doing.
      for (const Gpa page : memory.take_writes()) memory.copy(page, kPageSize);
      record.different = memory.different();
    }
    return cancel != CancelPhase::kNever && phase == phase_of(cancel);
  };
  const auto result = co_await from.manager.migrate(std::move(moves), to.manager, vm_there, memory,
                                                    log, std::move(options));
  machine.set_unmap_listener({});
  record.moved = static_cast<bool>(result);
  record.cycles = scheduler.cycle() - record.start;
  copy_report(report, record);
  if (result) {
    for (std::size_t i = 0; i < traveller.tenants.size(); ++i) {
      Tenant& tenant = *traveller.tenants[i];
      tenant.enroll(to.manager, result->ids[i]);
      record.moves[i].there = numbers_of(*tenant.vdev(), tenant.host_pasid());
    }
    movers_.push_back(std::move(mover));
    traveller.host = record.to;
    ++traveller.arrivals;
  } else {
    record.reason = result.error().reason;
    ++(cancel == CancelPhase::kNever ? traveller.refusals : traveller.cancelled);
  }
  const auto closed = co_await (result ? from : to).manager.close_vm(result ? vm_here : vm_there);
  if (!closed) throw HarnessError("migration: " + closed.error().reason);
  records_.push_back(std::move(record));
}

std::uint64_t Migrations::stale_writes() const {
  std::uint64_t count = 0;
  for (const auto& mover : movers_) count += mover->stale_writes();
  return count;
}

std::vector<std::string> Migrations::unexpected() const {
  std::vector<std::string> faults;
  for (const auto& traveller : travellers_) {
    const MigrationParameters& p = traveller->parameters;
    const std::uint32_t cancels = p.cancel == CancelPhase::kNever ? 0 : p.times;
    const std::uint32_t moves = p.refused ? 0 : p.times;
    const std::uint32_t refusals = p.refused ? p.times : 0;
    if (traveller->ended_early) {
      faults.push_back(fmt::format("the work of VM {} ended after {} of {} migrations", p.vm,
                                   traveller->arrivals + traveller->refusals, p.times));
    } else if (traveller->arrivals != moves || traveller->refusals != refusals ||
               traveller->cancelled != cancels) {
      faults.push_back(fmt::format(
          "VM {} moved {} times, expected {}; was refused {} times, expected {}; was cancelled {} "
          "times, expected {}",
          p.vm, traveller->arrivals, moves, traveller->refusals, refusals, traveller->cancelled,
          cancels));
    }
  }
  return faults;
}

}  // namespace siov::system
