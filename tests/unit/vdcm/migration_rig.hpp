// SPDX-License-Identifier: Apache-2.0
// Two hosts, each with a remapping unit, a device and a VDCM of its own, and a virtual machine that
// goes from one to the other.
//
//   Hosts hosts;                                   // the machine runs on hosts.here
//   Tenant tenant(hosts, 0);                       // on queue 0
//   const auto report = hosts.run(move_while_running(hosts, tenant, plan));
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "guest/device_slot.hpp"
#include "guest/memory_mover.hpp"
#include "rig.hpp"
#include "vdcm/migration.hpp"

namespace siov::test {

/// Passes everything on; counts what portals took.
class PortalCounter final : public port::DevicePort {
 public:
  explicit PortalCounter(port::DevicePort& device) : device_(device) {}
  coro::Task<port::ReadResult> config_read(std::uint32_t offset, std::uint32_t size) override {
    return device_.config_read(offset, size);
  }
  coro::Task<port::CompletionStatus> config_write(std::uint32_t offset, std::uint32_t size,
                                                  std::uint32_t value) override {
    return device_.config_write(offset, size, value);
  }
  coro::Task<port::ReadResult> mmio_read(port::Bar bar, std::uint64_t offset,
                                         std::uint32_t size) override {
    return device_.mmio_read(bar, offset, size);
  }
  void mmio_write(port::Bar bar, std::uint64_t offset, std::uint32_t size,
                  std::uint64_t value) override {
    ++register_writes;
    device_.mmio_write(bar, offset, size, value);
  }
  void posted_write64(std::uint64_t offset, const port::Line& line) override {
    ++taken;
    device_.posted_write64(offset, line);
  }
  coro::Task<port::CompletionStatus> deferrable_write64(std::uint64_t offset,
                                                        const port::Line& line) override {
    const port::CompletionStatus status = co_await device_.deferrable_write64(offset, line);
    if (status == port::CompletionStatus::kSuccess) ++taken;
    co_return status;
  }
  void set_bar_base(port::Bar bar, std::uint64_t base) override { device_.set_bar_base(bar, base); }

  std::uint64_t taken = 0;  ///< descriptors: posted, or deferrable and accepted
  std::uint64_t register_writes = 0;

 private:
  port::DevicePort& device_;
};

/// What the hosts have in common: time and, for the simulation, memory.
struct World {
  World() : frames(memory) {}
  coro::Scheduler scheduler;
  memory::PhysicalMemory memory;
  memory::PageAllocator frames;
};

struct Host {
  Host(World& world, vdcm::HostConfig config, Pasid first_pasid)
      : platform(first_pasid),
        iommu(world.memory, platform, iommu::IommuConfig{}),
        tap(iommu),
        device(tap, world.scheduler, model::DeviceConfig{}),
        recorder(device),
        counter(recorder),
        iommu_driver(iommu, world.memory, world.frames, RequesterId{0x6A00}),
        host(counter, platform, iommu_driver, std::move(config)),
        vdcm(host) {
    iommu.set_view_requester(RequesterId{0x6A00});
    iommu_driver.start();
    world.scheduler.run(host.start(), 20'000'000);
  }
  vdcm::Platform platform;
  iommu::Iommu iommu;
  DmaTap tap;
  model::DeviceModel device;
  Recorder recorder;
  PortalCounter counter;
  vdcm::IommuDriver iommu_driver;
  vdcm::HostDriver host;
  vdcm::Vdcm vdcm;
};

inline vdcm::HostConfig host_config(std::vector<vdcm::WqConfig> wqs) {
  vdcm::HostConfig config;
  config.groups = {vdcm::GroupConfig{0xF, 0, 0}};
  config.wqs = std::move(wqs);
  return config;
}

/// Here: dedicated 16, dedicated 8, shared 16. There: shared 16, dedicated 4, dedicated 16,
/// dedicated 32; and interrupt entries 1 to 3 are in use.
struct Hosts : World {
  Hosts()
      : here(*this,
             host_config({vdcm::WqConfig::dedicated(16, 0), vdcm::WqConfig::dedicated(8, 0),
                          vdcm::WqConfig::shared(16, 0, 8)}),
             Pasid{0xA5C31}),
        there(*this,
              host_config({vdcm::WqConfig::shared(16, 0, 8), vdcm::WqConfig::dedicated(4, 0),
                           vdcm::WqConfig::dedicated(16, 0), vdcm::WqConfig::dedicated(32, 0)}),
              Pasid{0x3B7D9}) {
    for (int i = 0; i < 3; ++i)
      static_cast<void>(run(there.host.allocate_ims(Pasid{0x3B000}, [] {})));
    static_cast<void>(there.vdcm.create_vm());  // so that VM numbers differ, too
  }
  template <class T>
  T run(coro::Task<T> task) {
    return scheduler.run(std::move(task), 20'000'000);
  }
  Host here;
  Host there;
};

/// A virtual machine with one VDEV, and a program that uses it with guest PASID 7.
struct Tenant {
  Tenant(Hosts& all, std::uint8_t wq,
         vdcm::TranslationKind kind = vdcm::TranslationKind::kSecondStage)
      : hosts(all),
        machine(all.memory, all.frames, machine_config()),
        space(machine, space_config(kind)) {
    vm = hosts.here.vdcm.create_vm();
    hosts.here.vdcm.bind_pasid(vm, Pasid{7}, space.descriptor());
    vdcm::VdevConfig config;
    config.name = "moving";
    config.vm = vm;
    config.wq = wq;
    config.default_space = space.descriptor();
    config.guest_interrupts = &interrupts;
    vdev = hosts.run(hosts.here.vdcm.create_vdev(config));
    slot = std::make_unique<guest::DeviceSlot>(*vdev);
    guest::DriverOptions options;
    options.pasid = Pasid{7};
    options.interrupts = &interrupts;
    driver = std::make_unique<guest::DsaDriver>(*slot, space, options);
    mover = std::make_unique<guest::MemoryMover>(machine, all.memory, all.frames, 99);
    mover->add(space);
    log = std::make_unique<vdcm::DirtyLog>(std::vector<vdcm::IommuDriver*>{&all.here.iommu_driver},
                                           all.memory, machine.second_stage_root(),
                                           machine.second_stage_levels());
  }
  static guest::MachineConfig machine_config() {
    guest::MachineConfig config;
    config.guest_bytes = 8 << 20;
    return config;
  }
  static guest::AddressSpaceConfig space_config(vdcm::TranslationKind kind) {
    guest::AddressSpaceConfig config;
    config.kind = kind;
    return config;
  }
  /// Where it goes: a VM there with the same guest PASID.
  vdcm::MigrationPlan plan(std::uint8_t wq) {
    vm_there = hosts.there.vdcm.create_vm();
    hosts.there.vdcm.bind_pasid(vm_there, Pasid{7}, mover->there(space.descriptor()));
    return {&hosts.here.vdcm, &hosts.there.vdcm, {{vdev, target(wq), slot.get()}}};
  }
  vdcm::VdevConfig target(std::uint8_t wq) {
    vdcm::VdevConfig config;
    config.name = "moved";
    config.vm = vm_there;
    config.wq = wq;
    config.default_space = mover->there(space.descriptor());
    config.guest_interrupts = &interrupts;
    return config;
  }

  Hosts& hosts;
  guest::Machine machine;
  guest::AddressSpace space;
  guest::InterruptController interrupts;
  vdcm::VmId vm = 0;
  vdcm::VmId vm_there = 0;
  vdcm::Vdev* vdev = nullptr;
  std::unique_ptr<guest::DeviceSlot> slot;
  std::unique_ptr<guest::DsaDriver> driver;
  std::unique_ptr<guest::MemoryMover> mover;
  std::unique_ptr<vdcm::DirtyLog> log;
};

/// A fast link, so that a short program is long enough.
inline vdcm::MigrationOptions quick() {
  vdcm::MigrationOptions options;
  options.bytes_per_us = 400'000;
  return options;
}

struct WorkOptions {
  std::uint64_t operations = 1000;
  std::uint64_t seed = 5;
  std::uint32_t window = 12;
};

inline coro::Task<guest::WorkloadResult> work(Tenant& tenant, WorkOptions options) {
  guest::MixConfig mix;
  mix.operations = options.operations;
  mix.interrupt_permille = 400;
  guest::RandomSource source(options.seed, mix);
  guest::WorkloadConfig config;
  config.window = options.window;
  guest::Workload workload(*tenant.driver, tenant.space, source, config);
  co_await tenant.driver->probe();
  co_await tenant.driver->enable();
  co_await workload.run();
  co_await tenant.driver->drain();
  co_await tenant.driver->disable();
  co_return workload.result();
}

struct MoveResult {
  vdcm::MigrationReport report;
  guest::WorkloadResult work;
};

inline coro::Task<> work_into(Tenant& tenant, WorkOptions options, guest::WorkloadResult& out) {
  out = co_await work(tenant, options);
}

/// The program starts; some time later the machine moves while it goes on.
inline coro::Task<MoveResult> move_while_running(Tenant& tenant, vdcm::MigrationPlan plan,
                                                 vdcm::MigrationOptions options,
                                                 WorkOptions program) {
  MoveResult result;
  coro::JoinHandle running =
      coro::start_soon(work_into(tenant, program, result.work), "program of the guest");
  co_await coro::Timer(coro::us(20));
  result.report = co_await vdcm::migrate(plan, *tenant.mover, *tenant.log, options);
  co_await running;
  co_return result;
}

}  // namespace siov::test
