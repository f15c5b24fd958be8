// SPDX-License-Identifier: Apache-2.0
// Placement, quotas, quality of service, PASIDs and modes of functions.
#include <gtest/gtest.h>

#include <array>
#include <boost/random/mersenne_twister.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <map>
#include <set>

#include "common/error.hpp"
#include "manager_rig.hpp"

namespace siov::test {
namespace {

using vdcm::QueueRequest;
using vdcm::RefusalCode;
using vdcm::VdevId;
using vdcm::VmPolicy;

/// Shared queues 0 (8 entries), 1 (16), 2 (8, important), dedicated 3.
vdcm::HostConfig shared_host() {
  vdcm::HostConfig config;
  config.groups = {vdcm::GroupConfig{0xF, 0, 0}};
  config.wqs = {vdcm::WqConfig::shared(8, 0, 4), vdcm::WqConfig::shared(16, 0, 16),
                vdcm::WqConfig::shared(8, 0, 8), vdcm::WqConfig::dedicated(8, 0)};
  config.wqs[2].priority = 15;
  config.wqs[2].operations = 0x1D;  // no-op, drain, move, fill
  return config;
}

TEST(PlacementTest, SharedQueuesFillByTheirSize) {  // SIOV-H-33
  ManagedRig rig(shared_host());
  std::map<std::uint8_t, int> users;
  for (int i = 0; i < 16; ++i) ++users[*rig.queue_of(rig.make("v", {QueueRequest::shared()}))];
  EXPECT_EQ(users, (std::map<std::uint8_t, int>{{0, 4}, {1, 8}, {2, 4}}));
}

TEST(PlacementTest, TheLeastLoadedQueueIsTaken) {  // SIOV-H-33
  ManagedRig rig(shared_host());
  EXPECT_EQ(rig.queue_of(rig.make("a", {QueueRequest::shared(0)})), 0);
  EXPECT_EQ(rig.queue_of(rig.make("b", {QueueRequest::shared()})), 1);
  EXPECT_EQ(rig.queue_of(rig.make("c", {QueueRequest::shared()})), 2);
  EXPECT_EQ(rig.queue_of(rig.make("d", {QueueRequest::shared()})), 1);  // 1 of 16 before 1 of 8
  EXPECT_EQ(rig.queue_of(rig.make("e", {QueueRequest::shared()})), 0);
}

TEST(PlacementTest, QueuesThatAreTooSmallArePassedOver) {
  ManagedRig rig(shared_host());
  QueueRequest wanted = QueueRequest::shared();
  wanted.entries = 9;
  EXPECT_EQ(rig.queue_of(rig.make("a", {wanted})), 1);
  EXPECT_EQ(rig.queue_of(rig.make("b", {wanted})), 1);
  wanted.wq = 0;
  EXPECT_EQ(rig.create(rig.request("c", {wanted})).error().reason,
            "queue 0: it has 8 entries, 9 are wanted");
}

TEST(PlacementTest, AVdevGetsDifferentQueues) {  // SIOV-H-34
  ManagedRig rig(shared_host());
  const VdevId id = rig.make("a", {QueueRequest::shared(), QueueRequest::shared(1),
                                   QueueRequest::shared(), rig.software()});
  EXPECT_EQ(rig.queue_of(id, 0), 0);
  EXPECT_EQ(rig.queue_of(id, 1), 1);
  EXPECT_EQ(rig.queue_of(id, 2), 2);
  EXPECT_EQ(rig.queue_of(id, 3), std::nullopt);
  const auto fourth =
      rig.create(rig.request("b", std::vector<QueueRequest>(4, QueueRequest::shared())));
  ASSERT_FALSE(fourth);
  EXPECT_EQ(fourth.error().reason, "no shared queue is free for this VM");
}

/// Random requests and ends against a count of one's own.
TEST(PlacementTest, AllocationsAtRandomKeepTheRules) {  // SIOV-H-33
  ManagedRig rig(shared_host());
  boost::random::mt19937_64 engine(11);
  const auto draw = [&](std::uint32_t high) {
    return boost::random::uniform_int_distribution<std::uint32_t>(0, high)(engine);
  };
  std::vector<VdevId> alive;
  std::map<VdevId, std::vector<std::uint8_t>> has;
  for (int i = 0; i < 400; ++i) {
    if (!alive.empty() && draw(2) == 0) {
      const std::size_t at = draw(static_cast<std::uint32_t>(alive.size() - 1));
      ASSERT_TRUE(rig.run(rig.manager.destroy(alive[at])));
      has.erase(alive[at]);
      alive.erase(alive.begin() + static_cast<std::ptrdiff_t>(at));
      continue;
    }
    std::vector<QueueRequest> queues;
    for (std::uint32_t q = 0; q <= draw(2); ++q)
      queues.push_back(draw(3) == 0 ? QueueRequest::dedicated() : QueueRequest::shared());
    const auto id = rig.create(rig.request("v", queues));
    if (!id) continue;
    alive.push_back(*id);
    for (std::uint8_t q = 0; q < queues.size(); ++q) has[*id].push_back(*rig.queue_of(*id, q));
    std::vector<int> users(4);
    for (const auto& [vdev, names] : has) {
      std::set<std::uint8_t> distinct(names.begin(), names.end());
      EXPECT_EQ(distinct.size(), names.size());
      for (const std::uint8_t name : names) ++users[name];
    }
    EXPECT_LE(users[3], 1);
    for (std::uint8_t q = 0; q < 4; ++q)
      EXPECT_EQ(rig.vdcm.users(q), static_cast<std::size_t>(users[q]));
  }
  EXPECT_GT(rig.log.count("refused"), 0u);
  EXPECT_GT(rig.log.count("destroyed"), 50u);
}

struct Quota {
  VmPolicy policy;
  std::vector<QueueRequest> queues;
  std::string reason;
};

TEST(PlacementTest, QuotasOfAVm) {
  const Quota cases[] = {
      {{.vdevs = 1}, {QueueRequest::shared()}, "the VM has 1 VDEVs, wants 1 more, and may have 1"},
      {{.queues = 2},
       {QueueRequest::shared(), QueueRequest::shared()},
       "the VM has 1 queues, wants 2 more, and may have 2"},
      {{.dedicated_queues = 0},
       {QueueRequest::dedicated()},
       "the VM has 0 dedicated queues, wants 1 more, and may have 0"},
      {{.interrupts = 1},
       {QueueRequest::shared()},
       "the VM has 1 interrupt entries, wants 1 more, and may have 1"}};
  for (const Quota& c : cases) {
    SCOPED_TRACE(c.reason);
    ManagedRig rig(shared_host());
    ASSERT_TRUE(rig.manager.set_policy(rig.vm, c.policy));
    static_cast<void>(rig.make("first", {QueueRequest::shared()}));
    const auto refused = rig.create(rig.request("second", c.queues));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, RefusalCode::kQuota);
    EXPECT_EQ(refused.error().reason, c.reason);
    // Another VM has a quota of its own.
    vdcm::VdevRequest other = rig.request("other", c.queues);
    other.vm = *rig.manager.create_vm();
    EXPECT_TRUE(rig.create(other));
  }
}

TEST(PlacementTest, QuotaOfPasidsAndTheirMisuse) {
  ManagedRig rig;
  ASSERT_TRUE(rig.manager.set_policy(rig.vm, {.pasids = 1}));
  const vdcm::Space space = vdcm::Space::pass_through();
  const auto bind = [&](Pasid guest) {
    const auto answer = rig.manager.bind_pasid(rig.vm, guest, space);
    return answer ? std::string() : answer.error().reason;
  };
  EXPECT_EQ(bind(Pasid{0}), "guest PASIDs are 0x1 to 0xfffff");
  EXPECT_EQ(bind(Pasid{0x100000}), "guest PASIDs are 0x1 to 0xfffff");
  EXPECT_EQ(bind(Pasid{5}), "");
  EXPECT_EQ(bind(Pasid{5}), "guest PASID 0x5 is bound already");
  EXPECT_EQ(bind(Pasid{6}), "the VM has 1 PASIDs, wants 1 more, and may have 1");
  EXPECT_FALSE(rig.run(rig.manager.unbind_pasid(rig.vm, Pasid{6})));
  EXPECT_TRUE(rig.run(rig.manager.unbind_pasid(rig.vm, Pasid{5})));
  EXPECT_EQ(rig.manager.usage(rig.vm)->pasids, 0u);
  EXPECT_EQ(bind(Pasid{6}), "");
  EXPECT_EQ(rig.manager.bind_pasid(99, Pasid{1}, space).error().code, RefusalCode::kUnknownVm);
}

TEST(PlacementTest, QueuesThatThePolicyDoesNotAllow) {
  struct Case {
    VmPolicy policy;
    std::uint8_t named;
    std::string reason;
    int placed;  ///< where three shares go in turn, smallest queue first
  };
  const Case cases[] = {
      {{.max_priority = 8}, 2, "queue 2: its priority is 15, the VM may have 8", 1},
      {{.max_threshold = 4}, 1, "queue 1: its threshold is 16, the VM may have 4", 0},
      {{.max_transfer_log2 = 20},
       0,
       "queue 0: its transfers are up to 2^21 bytes, the VM may have 2^20",
       -1},
      {{.max_batch_log2 = 4},
       1,
       "queue 1: its batches are up to 2^5 descriptors, the VM may have 2^4",
       -1},
      {{.operations = 0x1F}, 0, "", 2}};
  for (const Case& c : cases) {
    ManagedRig rig(shared_host());
    ASSERT_TRUE(rig.manager.set_policy(rig.vm, c.policy));
    const auto named = rig.create(rig.request("a", {QueueRequest::shared(c.named)}));
    ASSERT_FALSE(named);
    EXPECT_EQ(named.error().code, RefusalCode::kQueue);
    if (!c.reason.empty()) EXPECT_EQ(named.error().reason, c.reason);
    const auto first = rig.create(rig.request("b", {QueueRequest::shared()}));
    const auto second = rig.create(rig.request("c", {QueueRequest::shared()}));
    EXPECT_EQ(first.has_value(), c.placed >= 0);
    if (second) EXPECT_EQ(rig.queue_of(*second), c.placed);
  }
  ManagedRig rig(shared_host());
  ASSERT_TRUE(rig.manager.set_policy(rig.vm, {.max_priority = 7}));
  const auto emulated = rig.create(rig.request("e", {rig.software()}));  // its priority is 8
  EXPECT_FALSE(emulated);
}

TEST(PlacementTest, InterruptEntriesAreSetAside) {
  ManagedRig rig;
  vdcm::VdevRequest wide = rig.request("wide", {QueueRequest::shared()});
  wide.vectors = 64;
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(rig.create(wide));  // 252 of 256
  const auto refused = rig.create(wide);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, RefusalCode::kInterrupts);
  EXPECT_EQ(refused.error().reason, "function 0 has 256 interrupt entries, 252 are given out");
  wide.interrupt_entries = false;
  const auto without = rig.create(wide);
  ASSERT_TRUE(without);
  EXPECT_EQ(rig.manager.usage(rig.vm)->interrupts, 252u);
  // Its guest turns MSI-X on and gets no handle: error 42h of command 13 (dsa.md 3.3).
  ASSERT_TRUE(rig.manager.start(*without));
  vdcm::Vdev& vdev = **rig.manager.device(*without);
  rig.run(vdev.config_write(0x04, 2, 0x6));
  rig.run(vdev.config_write(0x42, 2, 0x8000));
  EXPECT_EQ(vdev.ims_index(1), std::nullopt);
  EXPECT_EQ(rig.run(guest_command(vdev, 13, 1)) & 0xFF, 0x42u);
}

TEST(PlacementTest, ModesOfAFunctionExcludeEachOther) {  // SIOV-H-46
  ManagedRig rig;
  const VdevId id = rig.make("a", {rig.software()});
  const auto with_vdev = rig.run(rig.manager.set_mode(0, vdcm::FunctionMode::kPlain));
  ASSERT_FALSE(with_vdev);
  EXPECT_EQ(with_vdev.error().reason, "function 0 has VDEVs");
  ASSERT_TRUE(rig.run(rig.manager.destroy(id)));
  const auto absent = rig.run(rig.manager.set_mode(0, vdcm::FunctionMode::kSriov, 2));
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().reason, "the function has no SR-IOV capability");
  EXPECT_FALSE(rig.run(rig.manager.set_mode(1, vdcm::FunctionMode::kPlain)));
  EXPECT_FALSE(rig.run(rig.manager.set_mode(0, vdcm::FunctionMode::kPlain, 1)));
  ASSERT_TRUE(rig.run(rig.manager.set_mode(0, vdcm::FunctionMode::kPlain)));
  const auto refused = rig.create(rig.request("a", {QueueRequest::shared()}));
  EXPECT_EQ(refused.error().code, RefusalCode::kMode);
  EXPECT_EQ(rig.manager.available(vdcm::VdevType::kShared), 0u);
  ASSERT_TRUE(rig.run(rig.manager.set_mode(0, vdcm::FunctionMode::kSiov)));
  EXPECT_TRUE(rig.create(rig.request("a", {QueueRequest::shared()})));
}

TEST(PasidAllocatorTest, ScatteredNumbersAreAllDifferentAndEverywhere) {
  vdcm::PasidAllocator pasids(Pasid{1}, Pasid{0xFFFFF});
  pasids.scatter(5);
  EXPECT_EQ(pasids.available(), 0xFFFFFu);
  std::set<std::uint32_t> seen;
  std::array<int, 16> parts{};
  for (int i = 0; i < 8192; ++i) {
    const std::uint32_t value = pasids.allocate().value;
    EXPECT_TRUE(value >= 1 && value <= 0xFFFFF);
    EXPECT_TRUE(seen.insert(value).second);
    ++parts[value >> 16];
  }
  for (const int part : parts) EXPECT_NEAR(part, 512, 128);
  EXPECT_EQ(pasids.available(), 0xFFFFFu - 8192);
  EXPECT_THROW(pasids.scatter(6), HarnessError);
}

TEST(PasidAllocatorTest, ScatteredNumbersAreAPermutationOfASmallRange) {
  for (const std::uint64_t seed : {1U, 2U}) {
    vdcm::PasidAllocator pasids(Pasid{0xFFF00}, Pasid{0xFFFFF});
    pasids.scatter(seed);
    std::set<std::uint32_t> seen;
    for (int i = 0; i < 256; ++i) seen.insert(pasids.allocate().value);
    EXPECT_EQ(seen.size(), 256u);
    EXPECT_EQ(*seen.begin(), 0xFFF00u);
    EXPECT_THROW(static_cast<void>(pasids.allocate()), HarnessError);
  }
}

}  // namespace
}  // namespace siov::test
