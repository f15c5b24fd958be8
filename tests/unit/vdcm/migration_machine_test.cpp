// SPDX-License-Identifier: Apache-2.0
// Whole machines that move: several VDEVs in one plan, VDEVs of several queues, kinds and
// functions, and a machine that comes back. SIOV-H-34, SIOV-H-38..H-44.
#include <gtest/gtest.h>

#include "migration_rig.hpp"

namespace siov::test {
namespace {

constexpr std::uint64_t kOperations = 2000;  // of each program: more than a move takes

using vdcm::MigrationPhase;
using vdcm::QueueConfig;

/// A second function of a host, behind a unit of its own.
struct SecondOf {
  SecondOf(World& world, Host& host, vdcm::HostConfig config)
      : iommu(world.memory, host.platform, iommu::IommuConfig{}),
        tap(iommu),
        device(tap, world.scheduler, device_config()),
        counter(device),
        iommu_driver(iommu, world.memory, world.frames, RequesterId{0x6B00}),
        driver(counter, host.platform, iommu_driver, std::move(config)) {
    iommu_driver.start();
    world.scheduler.run(driver.start(), 20'000'000);
    number = host.vdcm.add_function(driver);
  }
  static model::DeviceConfig device_config() {
    model::DeviceConfig config;
    config.requester = RequesterId{0x6B00};
    return config;
  }
  iommu::Iommu iommu;
  DmaTap tap;
  model::DeviceModel device;
  PortalCounter counter;
  vdcm::IommuDriver iommu_driver;
  vdcm::HostDriver driver;
  std::uint8_t number = 0;
};

/// One VDEV of a machine, with its driver.
struct Member {
  vdcm::Vdev* vdev = nullptr;
  guest::InterruptController interrupts;
  std::unique_ptr<guest::DeviceSlot> slot;
  std::unique_ptr<guest::DsaDriver> driver;
  guest::WorkloadResult result;
};

/// A machine of several VDEVs; which host it is on changes.
struct Mobile {
  explicit Mobile(Hosts& all, std::vector<vdcm::IommuDriver*> logged = {})
      : hosts(all),
        machine(all.memory, all.frames, Tenant::machine_config()),
        space(machine, Tenant::space_config(vdcm::TranslationKind::kSecondStage)) {
    vm = hosts.here.vdcm.create_vm();
    hosts.here.vdcm.bind_pasid(vm, Pasid{7}, space.descriptor());
    prepare(logged.empty() ? std::vector{&hosts.here.iommu_driver} : logged);
  }
  void prepare(const std::vector<vdcm::IommuDriver*>& logged) {
    mover = std::make_unique<guest::MemoryMover>(machine, hosts.frames, ++seed);
    mover->add(space);
    log = std::make_unique<vdcm::DirtyLog>(logged, hosts.memory, machine.second_stage_root(),
                                           machine.second_stage_levels());
  }
  Member& add(std::vector<QueueConfig> queues) {
    members.push_back(std::make_unique<Member>());
    Member& m = *members.back();
    m.vdev = hosts.run(
        hosts.here.vdcm.create_vdev(config(m, std::move(queues), vm, space.descriptor())));
    m.slot = std::make_unique<guest::DeviceSlot>(*m.vdev);
    guest::DriverOptions options;
    options.pasid = Pasid{7};
    options.interrupts = &m.interrupts;
    options.queues = m.vdev->queue_count();
    m.driver = std::make_unique<guest::DsaDriver>(*m.slot, space, options);
    return m;
  }
  vdcm::VdevConfig config(Member& m, std::vector<QueueConfig> queues, vdcm::VmId on,
                          const vdcm::Space& where) {
    vdcm::VdevConfig c;
    c.name = "mobile";
    c.vm = on;
    c.queues = std::move(queues);
    c.default_space = where;
    c.guest_interrupts = &m.interrupts;
    return c;
  }
  /// @param queues of each VDEV, on the other host
  vdcm::MigrationPlan plan(Host& from, Host& to, std::vector<std::vector<QueueConfig>> queues) {
    vm_there = to.vdcm.create_vm();
    const vdcm::Space there = mover->there(space.descriptor());
    to.vdcm.bind_pasid(vm_there, Pasid{7}, there);
    vdcm::MigrationPlan p{&from.vdcm, &to.vdcm, {}};
    for (std::size_t i = 0; i < members.size(); ++i)
      p.vdevs.push_back({members[i]->vdev,
                         config(*members[i], std::move(queues[i]), vm_there, there),
                         members[i]->slot.get()});
    return p;
  }
  /// The host that was left forgets the machine.
  coro::Task<> leave(Host& left, const vdcm::MigrationReport& report) {
    for (std::size_t i = 0; i < members.size(); ++i) members[i]->vdev = report.targets.at(i);
    co_await left.vdcm.close_vm(vm);
    vm = vm_there;
  }

  Hosts& hosts;
  guest::Machine machine;
  guest::AddressSpace space;
  std::vector<std::unique_ptr<Member>> members;
  std::unique_ptr<guest::MemoryMover> mover;
  std::unique_ptr<vdcm::DirtyLog> log;
  vdcm::VmId vm = 0;
  vdcm::VmId vm_there = 0;
  std::uint64_t seed = 98;
};

coro::Task<> program(Mobile& mobile, Member& m, std::uint64_t operations, std::uint64_t seed) {
  guest::MixConfig mix;
  mix.operations = operations;
  mix.interrupt_permille = 400;
  guest::RandomSource source(seed, mix);
  guest::WorkloadConfig config;
  config.window = 12;
  guest::Workload workload(*m.driver, mobile.space, source, config);
  co_await m.driver->probe();
  co_await m.driver->enable();
  co_await workload.run();
  co_await m.driver->drain();
  co_await m.driver->disable();
  m.result = workload.result();
}

struct Trip {
  vdcm::MigrationReport report;
  std::uint64_t different = ~std::uint64_t{0};
  std::uint64_t stale = ~std::uint64_t{0};
};

coro::Task<> travel(Mobile& mobile, vdcm::MigrationPlan plan, Trip& trip) {
  vdcm::MigrationOptions options = quick();
  options.cancel = [&](MigrationPhase phase) {
    if (phase == MigrationPhase::kLoaded) {
      for (const Gpa page : mobile.mover->take_writes()) mobile.mover->copy(page, 4096);
      trip.different = mobile.mover->different();
    }
    return false;
  };
  trip.report = co_await vdcm::migrate(std::move(plan), *mobile.mover, *mobile.log, options);
}

std::string reason(const vdcm::MigrationReport& report) {
  return report.reasons.empty() ? std::string() : report.reasons[0];
}

void expect_arrived(const Mobile& mobile, const Trip& trip, std::uint64_t operations) {
  ASSERT_TRUE(trip.report.moved) << reason(trip.report);
  EXPECT_EQ(trip.different, 0u) << "pages that the logs do not name";
  for (const auto& m : mobile.members) {
    EXPECT_EQ(m->result.operations, operations);
    EXPECT_EQ(m->result.mismatches, 0u) << (m->result.first.empty() ? "" : m->result.first[0].what);
    EXPECT_EQ(m->driver->outstanding(), 0u);
    EXPECT_EQ(m->driver->revocations(), 1u);
  }
  EXPECT_EQ(mobile.mover->stale_writes(), 0u) << "DMA to the host that was left";
}

coro::Task<> move_with_programs(Mobile& mobile, vdcm::MigrationPlan plan, Trip& trip) {
  std::vector<coro::JoinHandle> running;
  for (std::size_t i = 0; i < mobile.members.size(); ++i)
    running.push_back(coro::start_soon(program(mobile, *mobile.members[i], kOperations, 5 + i),
                                       "program of the guest"));
  co_await coro::Timer(coro::us(20));
  co_await travel(mobile, std::move(plan), trip);
  for (coro::JoinHandle& r : running) co_await r;
}

TEST(MachineMigrationTest, AllVdevsOfAMachineMoveTogether) {  // SIOV-H-40, SIOV-H-43
  Hosts hosts;
  Mobile mobile(hosts);
  mobile.add({QueueConfig::physical(0)});
  mobile.add({QueueConfig::physical(1)});
  mobile.add({QueueConfig::physical(2)});
  Trip trip;
  vdcm::MigrationPlan plan = mobile.plan(
      hosts.here, hosts.there,
      {{QueueConfig::physical(2)}, {QueueConfig::physical(3)}, {QueueConfig::physical(0)}});
  hosts.run(move_with_programs(mobile, std::move(plan), trip));
  expect_arrived(mobile, trip, kOperations);
  EXPECT_EQ(trip.report.targets.size(), 3u);
  EXPECT_EQ(trip.report.revoked, 3u);
  EXPECT_EQ(hosts.here.vdcm.vdevs().size(), 0u);
  EXPECT_GT(hosts.there.counter.taken, 60u);
}

TEST(MachineMigrationTest, OneVdevThatDoesNotFitKeepsAllHere) {  // SIOV-H-44
  Hosts hosts;
  Mobile mobile(hosts);
  mobile.add({QueueConfig::physical(0)});
  mobile.add({QueueConfig::physical(1)});
  Trip trip;
  // Both to the same dedicated queue: the second finds it taken.
  vdcm::MigrationPlan plan = mobile.plan(hosts.here, hosts.there,
                                         {{QueueConfig::physical(2)}, {QueueConfig::physical(2)}});
  hosts.run(move_with_programs(mobile, std::move(plan), trip));
  EXPECT_FALSE(trip.report.moved);
  EXPECT_EQ(reason(trip.report), "mobile: a dedicated work queue serves one VDEV only");
  EXPECT_EQ(hosts.there.vdcm.vdevs().size(), 0u);
  for (const auto& m : mobile.members) {
    EXPECT_EQ(m->result.operations, kOperations);
    EXPECT_EQ(m->result.mismatches, 0u);
    EXPECT_EQ(m->driver->revocations(), 0u);
  }
}

QueueConfig software(Host& host) {
  vdcm::EmulatedQueueConfig config;
  config.dma = &host.tap;
  return QueueConfig::software(config);
}

TEST(MachineMigrationTest, AVdevOfEveryKindOfQueueMoves) {  // SIOV-H-34, SIOV-H-40
  Hosts hosts;
  Mobile mobile(hosts);
  mobile.add({QueueConfig::physical(0), QueueConfig::physical(2), software(hosts.here)});
  Trip trip;
  vdcm::MigrationPlan plan =
      mobile.plan(hosts.here, hosts.there,
                  {{QueueConfig::physical(2), QueueConfig::physical(0), software(hosts.there)}});
  hosts.run(move_with_programs(mobile, std::move(plan), trip));
  expect_arrived(mobile, trip, kOperations);
}

TEST(MachineMigrationTest, AVdevOfSoftwareAloneMoves) {
  Hosts hosts;
  Mobile mobile(hosts);
  mobile.add({software(hosts.here)});
  Trip trip;
  vdcm::MigrationPlan plan = mobile.plan(hosts.here, hosts.there, {{software(hosts.there)}});
  hosts.run(move_with_programs(mobile, std::move(plan), trip));
  ASSERT_TRUE(trip.report.moved) << reason(trip.report);
  EXPECT_EQ(trip.different, 0u);
  EXPECT_EQ(mobile.members[0]->result.operations, kOperations);
  EXPECT_EQ(mobile.members[0]->result.mismatches, 0u);
  EXPECT_EQ(mobile.members[0]->driver->revocations(), 0u) << "its handles are its vectors";
  EXPECT_EQ(mobile.mover->stale_writes(), 0u);
}

TEST(MachineMigrationTest, HardwareAndSoftwareTakeEachOthersPlace) {  // SIOV-H-44: the model counts
  for (const bool to_software : {false, true}) {
    Hosts hosts;
    Mobile mobile(hosts);
    mobile.add({to_software ? QueueConfig::physical(0) : software(hosts.here)});
    Trip trip;
    vdcm::MigrationPlan plan =
        mobile.plan(hosts.here, hosts.there,
                    {{to_software ? software(hosts.there) : QueueConfig::physical(2)}});
    hosts.run(move_with_programs(mobile, std::move(plan), trip));
    // Software does less than the device: what the guest has seen must be there.
    EXPECT_EQ(trip.report.moved, !to_software) << reason(trip.report);
    EXPECT_EQ(mobile.members[0]->result.operations, kOperations);
    EXPECT_EQ(mobile.members[0]->result.mismatches, 0u);
  }
}

TEST(MachineMigrationTest, AVdevOfTwoFunctionsMoves) {  // SIOV-H-34, SIOV-P-13
  Hosts hosts;
  SecondOf here(hosts, hosts.here,
                host_config({vdcm::WqConfig::dedicated(16, 0), vdcm::WqConfig::shared(16, 0, 8)}));
  SecondOf there(hosts, hosts.there,
                 host_config({vdcm::WqConfig::shared(16, 0, 8), vdcm::WqConfig::dedicated(16, 0)}));
  Mobile mobile(hosts, {&hosts.here.iommu_driver, &here.iommu_driver});
  mobile.add({QueueConfig::physical(0), QueueConfig::physical(0, here.number),
              QueueConfig::physical(1, here.number)});
  Trip trip;
  vdcm::MigrationPlan plan =
      mobile.plan(hosts.here, hosts.there,
                  {{QueueConfig::physical(2), QueueConfig::physical(1, there.number),
                    QueueConfig::physical(0, there.number)}});
  hosts.run(move_with_programs(mobile, std::move(plan), trip));
  expect_arrived(mobile, trip, kOperations);
  EXPECT_GT(here.counter.taken, 20u);
  EXPECT_GT(there.counter.taken, 20u);
  EXPECT_EQ(here.iommu.statistics().faults + there.iommu.statistics().faults, 0u);
}

coro::Task<> there_and_back(Mobile& mobile, vdcm::MigrationPlan out, std::vector<QueueConfig> home,
                            Trip& first, Trip& second) {
  Hosts& hosts = mobile.hosts;
  coro::JoinHandle running =
      coro::start_soon(program(mobile, *mobile.members[0], 3000, 5), "program of the guest");
  co_await coro::Timer(coro::us(20));
  co_await travel(mobile, std::move(out), first);
  if (!first.report.moved) {
    co_await running;
    co_return;
  }
  first.stale = mobile.mover->stale_writes();
  co_await mobile.leave(hosts.here, first.report);
  mobile.prepare({&hosts.there.iommu_driver});
  co_await coro::Timer(coro::us(20));
  std::vector<std::vector<QueueConfig>> queues;
  queues.push_back(std::move(home));
  vdcm::MigrationPlan back = mobile.plan(hosts.there, hosts.here, std::move(queues));
  co_await travel(mobile, std::move(back), second);
  co_await running;
}

TEST(MachineMigrationTest, AMachineComesBack) {  // SIOV-H-40: to the place that it had before
  for (const bool shared : {false, true}) {
    Hosts hosts;
    Mobile mobile(hosts);
    const std::vector<QueueConfig> home = {QueueConfig::physical(shared ? 2 : 0)};
    mobile.add(home);
    Trip first, second;
    vdcm::MigrationPlan out =
        mobile.plan(hosts.here, hosts.there, {{QueueConfig::physical(shared ? 0 : 2)}});
    hosts.run(there_and_back(mobile, std::move(out), home, first, second));
    ASSERT_TRUE(first.report.moved) << reason(first.report);
    ASSERT_TRUE(second.report.moved) << reason(second.report);
    EXPECT_EQ(first.different + second.different, 0u);
    EXPECT_EQ(first.stale + mobile.mover->stale_writes(), 0u);
    const Member& m = *mobile.members[0];
    EXPECT_EQ(m.result.operations, 3000u);
    EXPECT_EQ(m.result.mismatches, 0u) << (m.result.first.empty() ? "" : m.result.first[0].what);
    EXPECT_EQ(m.driver->revocations(), 2u);
    EXPECT_GT(hosts.there.counter.taken, 20u);
    EXPECT_EQ(hosts.here.counter.taken + hosts.there.counter.taken,
              m.driver->submitted() + m.driver->resubmitted());
    EXPECT_TRUE(hosts.there.vdcm.vdevs().empty());
    EXPECT_EQ(hosts.here.vdcm.vdevs().size(), 1u);
  }
}

}  // namespace
}  // namespace siov::test
