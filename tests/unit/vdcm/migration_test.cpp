// SPDX-License-Identifier: Apache-2.0
// A machine moves between two hosts while its program runs: SIOV-H-38..H-44, SIOV-P-19;
// siov.md 3.7, 3.8.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <functional>

#include "common/error.hpp"
#include "migration_rig.hpp"

namespace siov::test {
namespace {

using vdcm::MigrationPhase;
using vdcm::TranslationKind;

coro::Task<> close_source(Tenant& tenant) { co_await tenant.hosts.here.vdcm.close_vm(tenant.vm); }

std::string first_mismatch(const guest::WorkloadResult& result) {
  return result.first.empty() ? "" : result.first[0].what;
}

/// Checks when everything has been loaded there: what was copied is what is here.
struct Compare {
  Tenant& tenant;
  std::uint64_t different = ~std::uint64_t{0};
  bool cancel = false;
  bool operator()(MigrationPhase phase) {
    if (phase != MigrationPhase::kLoaded) return false;
    // CPUs of the simulation go on up to their next access; that is not the devices' doing.
    for (const Gpa page : tenant.mover->take_writes()) tenant.mover->copy(page, 4096);
    different = tenant.mover->different();
    return cancel;
  }
};

struct Move {
  const char* name;
  std::uint8_t from;
  std::uint8_t to;
  TranslationKind kind;
};

class MigrationTest : public testing::TestWithParam<Move> {};

TEST_P(MigrationTest, NothingIsLostOrDoubledAndMemoryIsTheSame) {  // SIOV-H-40, SIOV-H-43
  Hosts hosts;
  Tenant tenant(hosts, GetParam().from, GetParam().kind);
  Compare compare{tenant};
  vdcm::MigrationOptions options = quick();
  options.cancel = [&](MigrationPhase phase) { return compare(phase); };
  const vdcm::MigrationPlan plan = tenant.plan(GetParam().to);
  const MoveResult result = hosts.run(move_while_running(tenant, plan, options, {}));

  ASSERT_TRUE(result.report.moved)
      << (result.report.reasons.empty() ? "" : result.report.reasons[0]);
  EXPECT_EQ(result.work.operations, 1000u);
  EXPECT_EQ(result.work.mismatches, 0u) << first_mismatch(result.work);
  EXPECT_EQ(compare.different, 0u) << "pages that the logs do not name";
  EXPECT_EQ(tenant.mover->stale_writes(), 0u) << "DMA to the host that was left";
  EXPECT_EQ(hosts.here.counter.taken + hosts.there.counter.taken,
            tenant.driver->submitted() + tenant.driver->resubmitted());
  EXPECT_GT(hosts.here.counter.taken, 20u);
  EXPECT_GT(hosts.there.counter.taken, 20u);
  EXPECT_EQ(tenant.driver->outstanding(), 0u);
  EXPECT_TRUE(hosts.there.device.idle());
  EXPECT_EQ(hosts.here.iommu.statistics().faults + hosts.there.iommu.statistics().faults, 0u);

  // Other numbers, announced and taken over.
  EXPECT_EQ(result.report.revoked, 1u);
  EXPECT_EQ(tenant.driver->revocations(), 1u);
  EXPECT_GT(tenant.driver->interrupt_handle(), 3u);
  ASSERT_EQ(result.report.targets.size(), 1u);
  EXPECT_EQ(result.report.targets[0]->queue(0).physical_wq(), GetParam().to);

  const vdcm::MigrationReport& report = result.report;
  EXPECT_GT(report.downtime_cycles, 0u);
  EXPECT_GE(report.paused_cycles, report.downtime_cycles);
  EXPECT_GE(report.rounds, 3u);
  EXPECT_GT(report.device_pages, 0u);
  EXPECT_GT(report.cpu_pages, 0u);
  EXPECT_LT(report.stopped_pages, 2048u) << "less than all of memory while the machine stood";
  EXPECT_GE(report.replayed, report.held);
  EXPECT_GT(report.image_bytes, 200u);

  EXPECT_TRUE(hosts.here.vdcm.vdevs().empty());
  hosts.run(close_source(tenant));
  EXPECT_EQ(hosts.here.vdcm.live_pasids(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Queues, MigrationTest,
                         testing::Values(Move{"Dedicated", 0, 2, TranslationKind::kSecondStage},
                                         Move{"DedicatedNested", 0, 2, TranslationKind::kNested},
                                         Move{"DedicatedToALargerOne", 1, 3,
                                              TranslationKind::kSecondStage},
                                         Move{"Shared", 2, 0, TranslationKind::kSecondStage},
                                         Move{"SharedNested", 2, 0, TranslationKind::kNested}),
                         [](const testing::TestParamInfo<Move>& info) { return info.param.name; });

TEST(MigrationTest, AGapInTheDirtyLogIsSeen) {  // SIOV-P-19: shows that the comparison can fail
  Hosts hosts;
  Tenant tenant(hosts, 0);
  Compare compare{tenant};
  compare.cancel = true;
  vdcm::MigrationOptions options = quick();
  options.cancel = [&](MigrationPhase phase) {
    if (phase == MigrationPhase::kChecked) hosts.here.iommu_driver.mistakes().skip_iotlb = true;
    return compare(phase);
  };
  const vdcm::MigrationPlan plan = tenant.plan(2);
  const MoveResult result = hosts.run(move_while_running(tenant, plan, options, {}));
  EXPECT_FALSE(result.report.moved);
  EXPECT_GT(compare.different, 0u);
  EXPECT_EQ(result.work.mismatches, 0u) << "the source has all of it";
}

TEST(MigrationTest, SavingBeforeTheDrainWouldLoseWork) {  // SIOV-H-38; siov.md 2.4 (10)
  Hosts hosts;
  hosts.here.vdcm.mistakes().save_before_drain = true;
  Tenant tenant(hosts, 0);
  const vdcm::MigrationPlan plan = tenant.plan(2);
  std::uint64_t late = 0;
  vdcm::MigrationOptions options = quick();
  options.stop_pages = 0;
  options.cancel = [&](MigrationPhase phase) {
    if (phase == MigrationPhase::kPaused) late = hosts.here.device.idle() ? 0 : 1;
    return phase == MigrationPhase::kPaused;
  };
  static_cast<void>(hosts.run(move_while_running(tenant, plan, options, {})));
  EXPECT_EQ(late, 1u) << "the device still works for a VDEV that says it is paused";
}

// ---- it does not happen

class CancelledTest : public testing::TestWithParam<MigrationPhase> {};

TEST_P(CancelledTest, TheSourceRunsOnAndNothingIsLost) {  // siov.md 3.8
  for (const std::uint8_t wq : {0, 2}) {
    Hosts hosts;
    Tenant tenant(hosts, wq);
    const vdcm::MigrationPlan plan = tenant.plan(wq == 0 ? 2 : 0);
    const std::size_t pasids = hosts.there.vdcm.live_pasids();
    vdcm::MigrationOptions options = quick();
    options.cancel = [](MigrationPhase phase) { return phase == GetParam(); };
    const MoveResult result = hosts.run(move_while_running(tenant, plan, options, {}));
    EXPECT_FALSE(result.report.moved);
    EXPECT_EQ(result.report.reasons, (std::vector<std::string>{"cancelled"}));
    EXPECT_EQ(result.work.operations, 1000u);
    EXPECT_EQ(result.work.mismatches, 0u) << first_mismatch(result.work);
    EXPECT_EQ(tenant.driver->revocations(), 0u);
    EXPECT_EQ(hosts.here.counter.taken, tenant.driver->submitted());
    EXPECT_EQ(hosts.there.counter.taken, 0u);
    EXPECT_TRUE(hosts.there.vdcm.vdevs().empty());
    EXPECT_EQ(hosts.there.vdcm.live_pasids(), pasids);
    EXPECT_FALSE(tenant.mover->moved());
    EXPECT_FALSE(tenant.log->enabled());
  }
}

INSTANTIATE_TEST_SUITE_P(Phases, CancelledTest,
                         testing::Values(MigrationPhase::kChecked, MigrationPhase::kPreCopied,
                                         MigrationPhase::kPaused, MigrationPhase::kStopped,
                                         MigrationPhase::kLoaded));

struct Refusal {
  const char* name;
  std::function<void(Hosts&, Tenant&, vdcm::MigrationPlan&)> spoil;
  const char* reason;
};

class RefusedTest : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedTest, BeforeAnythingWasChanged) {  // SIOV-H-44
  Hosts hosts;
  Tenant tenant(hosts, 0);
  vdcm::MigrationPlan plan = tenant.plan(2);
  GetParam().spoil(hosts, tenant, plan);
  const std::size_t pasids = hosts.there.vdcm.live_pasids();
  const std::size_t vdevs = hosts.there.vdcm.vdevs().size();
  const std::uint64_t writes = hosts.there.counter.register_writes;
  bool checked = false;
  vdcm::MigrationOptions options = quick();
  options.cancel = [&](MigrationPhase) { return checked = true; };
  const MoveResult result = hosts.run(move_while_running(tenant, plan, options, {}));
  EXPECT_FALSE(result.report.moved);
  EXPECT_FALSE(checked) << "no phase was reached";
  ASSERT_EQ(result.report.reasons.size(), 1u)
      << fmt::format("{}", fmt::join(result.report.reasons, "; "));
  EXPECT_EQ(result.report.reasons[0], GetParam().reason);
  EXPECT_EQ(result.report.rounds, 0u);
  EXPECT_EQ(result.report.paused_cycles, 0u);
  EXPECT_EQ(result.report.downtime_cycles, 0u);
  EXPECT_EQ(result.work.mismatches, 0u);
  EXPECT_EQ(hosts.there.vdcm.vdevs().size(), vdevs);
  EXPECT_EQ(hosts.there.vdcm.live_pasids(), pasids);
  EXPECT_EQ(hosts.there.counter.register_writes, writes) << "no hardware was touched there";
  EXPECT_EQ(hosts.here.counter.taken, tenant.driver->submitted());
}

coro::Task<> unbind_there(Hosts& hosts, vdcm::VmId vm) {
  co_await hosts.there.vdcm.unbind_pasid(vm, Pasid{7});
}

INSTANTIATE_TEST_SUITE_P(
    Targets, RefusedTest,
    testing::Values(
        Refusal{"SmallerQueue",
                [](Hosts&, Tenant&, vdcm::MigrationPlan& plan) { plan.vdevs[0].target.wq = 1; },
                "moving: queue 0: has 16 entries, there 4"},
        Refusal{"OtherMode",
                [](Hosts&, Tenant&, vdcm::MigrationPlan& plan) { plan.vdevs[0].target.wq = 0; },
                "moving: queue 0: is dedicated, there it would be shared"},
        Refusal{
            "MoreVectors",
            [](Hosts&, Tenant&, vdcm::MigrationPlan& plan) { plan.vdevs[0].target.vectors = 5; },
            "moving: 2 vectors, there 5"},
        Refusal{"MissingPasid",
                [](Hosts& hosts, Tenant& tenant, vdcm::MigrationPlan&) {
                  hosts.run(unbind_there(hosts, tenant.vm_there));
                },
                "moving: guest PASID 0x7 is not bound there"},
        Refusal{"NoSecondStage",
                [](Hosts&, Tenant&, vdcm::MigrationPlan& plan) {
                  plan.vdevs[0].target.default_space = vdcm::Space::pass_through();
                },
                "moving: its space has no second stage, so nobody knows what it writes"}),
    [](const testing::TestParamInfo<Refusal>& info) { return info.param.name; });

TEST(MigrationTest, ATakenQueueIsRefused) {  // SIOV-H-33, SIOV-H-44
  Hosts hosts;
  Tenant tenant(hosts, 0);
  const vdcm::MigrationPlan plan = tenant.plan(2);
  static_cast<void>(hosts.run(hosts.there.vdcm.create_vdev(tenant.target(2))));
  const MoveResult result = hosts.run(move_while_running(tenant, plan, quick(), {}));
  EXPECT_FALSE(result.report.moved);
  EXPECT_EQ(result.report.reasons.size(), 1u);
  EXPECT_EQ(result.work.mismatches, 0u);
  EXPECT_EQ(hosts.there.vdcm.vdevs().size(), 1u);
}

TEST(MigrationTest, BytesSpoiledOnTheWayEndIt) {
  Hosts hosts;
  Tenant tenant(hosts, 0);
  const vdcm::MigrationPlan plan = tenant.plan(2);
  vdcm::MigrationOptions options = quick();
  options.image = [](std::vector<std::byte>& bytes) { bytes[40] ^= std::byte{1}; };
  const MoveResult result = hosts.run(move_while_running(tenant, plan, options, {}));
  EXPECT_FALSE(result.report.moved);
  ASSERT_EQ(result.report.reasons.size(), 1u);
  EXPECT_EQ(result.report.reasons[0].substr(0, 7), "CRC is ");
  EXPECT_EQ(result.work.mismatches, 0u) << first_mismatch(result.work);
  EXPECT_TRUE(hosts.there.vdcm.vdevs().empty());
}

TEST(MigrationTest, NoInterruptEntryThereEndsIt) {  // SIOV-H-44
  Hosts hosts;
  Tenant tenant(hosts, 0);
  const vdcm::MigrationPlan plan = tenant.plan(2);
  while (const auto free = hosts.there.host.free_ims_from(1)) hosts.there.host.reserve_ims(*free);
  hosts.there.host.reserve_ims(0);
  const MoveResult result = hosts.run(move_while_running(tenant, plan, quick(), {}));
  EXPECT_FALSE(result.report.moved);
  EXPECT_EQ(result.report.reasons, (std::vector<std::string>{"no interrupt entry for vector 1"}));
  EXPECT_EQ(result.work.mismatches, 0u) << first_mismatch(result.work);
  EXPECT_EQ(hosts.here.counter.taken, tenant.driver->submitted());
}

TEST(MigrationTest, AnIncompletePlanIsMisuse) {
  Hosts hosts;
  Tenant tenant(hosts, 0);
  vdcm::MigrationPlan plan = tenant.plan(2);
  plan.vdevs[0].guest = nullptr;
  EXPECT_THROW(hosts.run(vdcm::migrate(plan, *tenant.mover, *tenant.log)), HarnessError);
  EXPECT_THROW(hosts.run(vdcm::migrate({}, *tenant.mover, *tenant.log)), HarnessError);
}

}  // namespace
}  // namespace siov::test
