// SPDX-License-Identifier: Apache-2.0
// Migration from one host's manager to another's.
#include <gtest/gtest.h>

#include "migration_rig.hpp"
#include "vdcm/manager.hpp"

namespace siov::test {
namespace {

using vdcm::QueueRequest;
using vdcm::RefusalCode;

/// A machine with one VDEV on dedicated queue 0 of the first host.
struct Managed : Hosts {
  Managed()
      : from(here.vdcm, &log_here),
        to(there.vdcm, &log_there),
        machine(memory, frames, Tenant::machine_config()),
        space(machine, Tenant::space_config(vdcm::TranslationKind::kSecondStage)) {
    vm = *from.create_vm();
    static_cast<void>(*from.bind_pasid(vm, Pasid{7}, space.descriptor()));
    vdcm::VdevRequest request;
    request.name = "moving";
    request.vm = vm;
    request.space = space.descriptor();
    request.interrupts = &interrupts;
    request.queues = {QueueRequest::dedicated()};
    id = *run(from.create(std::move(request)));
    mover = std::make_unique<guest::MemoryMover>(machine, memory, frames, 99);
    mover->add(space);
    log = std::make_unique<vdcm::DirtyLog>(std::vector<vdcm::IommuDriver*>{&here.iommu_driver},
                                           memory, machine.second_stage_root(),
                                           machine.second_stage_levels());
    vm_there = *to.create_vm();
    slot = std::make_unique<guest::DeviceSlot>(*from.inspect(id));
  }
  void bind_there() {
    static_cast<void>(*to.bind_pasid(vm_there, Pasid{7}, mover->there(space.descriptor())));
  }
  vdcm::Move move() { return {id, mover->there(space.descriptor()), slot.get(), {}}; }
  vdcm::Manager::Answer<vdcm::MoveResult> go(std::vector<vdcm::Move> moves) {
    return run(from.migrate(std::move(moves), to, vm_there, *mover, *log));
  }
  vdcm::LifecycleLog log_here, log_there;
  vdcm::Manager from, to;
  guest::Machine machine;
  guest::AddressSpace space;
  guest::InterruptController interrupts;
  std::unique_ptr<guest::MemoryMover> mover;
  std::unique_ptr<vdcm::DirtyLog> log;
  std::unique_ptr<guest::DeviceSlot> slot;
  vdcm::VmId vm = 0, vm_there = 0;
  vdcm::VdevId id = 0;
};

TEST(ManagerMigrationTest, TheVdevIsThereAndNotHere) {
  Managed m;
  m.bind_there();
  ASSERT_TRUE(m.from.start(m.id));
  guest::DriverOptions options;
  options.pasid = Pasid{7};
  guest::DsaDriver driver(*m.slot, m.space, options);
  m.run(driver.probe());
  m.run(driver.enable());
  const auto moved = m.go({m.move()});
  ASSERT_TRUE(moved) << moved.error().reason;
  EXPECT_EQ(m.from.state(m.id), vdcm::VdevState::kGone);
  EXPECT_EQ(m.from.usage(m.vm)->vdevs, 0u);
  EXPECT_EQ(m.to.state(moved->ids[0]), vdcm::VdevState::kRunning);
  EXPECT_EQ(m.to.usage(m.vm_there)->vdevs, 1u);
  // Dedicated queues there have 4, 16 and 32 entries; the first is too small for the saved 16.
  EXPECT_EQ(m.to.inspect(moved->ids[0])->queue(0).physical_wq(), 2);
  EXPECT_EQ(m.log_here.count("migrated"), 1u);
  EXPECT_EQ(m.log_there.count("arrived"), 1u);
  // It works there.
  guest::MixConfig mix;
  mix.operations = 40;
  mix.interrupt_permille = 0;
  guest::RandomSource source(3, mix);
  guest::Workload workload(driver, m.space, source, guest::WorkloadConfig{});
  m.run(workload.run());
  EXPECT_EQ(workload.result().operations, 40u);
  EXPECT_EQ(workload.result().mismatches, 0u);
}

TEST(ManagerMigrationTest, WhatIsRefusedChangesNothing) {
  Managed m;
  const auto why = [&](std::vector<vdcm::Move> moves) {
    const auto answer = m.go(std::move(moves));
    return answer ? std::string() : answer.error().reason;
  };
  EXPECT_EQ(why({m.move()}), "moving is created, it has to be running");
  ASSERT_TRUE(m.from.start(m.id));
  EXPECT_EQ(why({}), "all VDEVs of a VM move together");
  EXPECT_EQ(why({m.move(), m.move()}), "VDEV 1 is named twice");
  vdcm::Move nobody = m.move();
  nobody.guest = nullptr;
  EXPECT_EQ(why({nobody}), "nobody stops the guest's CPUs");
  vdcm::Move unknown = m.move();
  unknown.id = 50;
  EXPECT_EQ(why({unknown}), "there is no VDEV 50");
  vdcm::Move shared = m.move();
  shared.queues = {QueueRequest::dedicated(0)};
  EXPECT_EQ(why({shared}), "queue 0: it is shared");
  EXPECT_EQ(why({m.move()}).substr(0, 41), "moving: guest PASID 0x7 is not bound ther");
  vdcm::Move small = m.move();
  small.queues = {QueueRequest::dedicated(1)};
  m.bind_there();
  EXPECT_EQ(why({small}), "moving: queue 0: has 16 entries, there 4");
  const auto self = m.run(m.from.migrate({m.move()}, m.from, m.vm, *m.mover, *m.log));
  EXPECT_EQ(self.error().reason, "the target is this host");
  EXPECT_EQ(m.from.state(m.id), vdcm::VdevState::kRunning);
  EXPECT_EQ(m.to.vdev_count(), 0u);
  EXPECT_EQ(m.to.usage(m.vm_there)->queues, 0u);
  EXPECT_EQ(m.there.vdcm.vdevs().size(), 0u);
}

}  // namespace
}  // namespace siov::test
