// SPDX-License-Identifier: Apache-2.0
// Whole systems over the C++ device with many VDEVs, and with VDEVs that come and go.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "system/memory_meter.hpp"
#include "system/testbench.hpp"

namespace siov::system {
namespace {

RunResult play(const Scenario& scenario) {
  RunOptions options;
  options.device = DeviceKind::kModel;
  return Testbench(scenario, options).run();
}

Scenario four_queues(std::uint64_t seed) {
  Scenario s;
  s.seed = seed;
  s.host.scatter_pasids = true;
  s.groups.push_back({{0, 1, 2, 3}});
  for (std::uint32_t q = 0; q < 4; ++q) {
    WqParameters wq;
    wq.shared = q >= 2;
    wq.size = wq.threshold = 16;
    s.wqs.push_back(wq);
  }
  return s;
}

TenantParameters any(const std::string& name, std::uint32_t vm, bool shared) {
  TenantParameters t;
  t.name = name;
  t.vm = vm;
  t.shared = shared;
  t.any_wq = true;
  t.workload.descriptors = 60;
  t.workload.size_max = 1000;
  return t;
}

Scenario busy(std::uint64_t seed) {
  Scenario s = four_queues(seed);
  s.tenants.push_back(any("steady", 0, true));
  s.tenants.back().workload.descriptors = 400;
  s.churn.lanes = 3;
  s.churn.lives = 3;
  s.churn.events = 4;
  s.churn.descriptors = 20;
  s.churn.move = 2;
  s.churn.reset = 2;
  s.churn.emulated_permille = 250;
  return s;
}

TEST(ChurnTest, VdevsComeAndGoAndEveryResultIsRight) {
  std::uint64_t moves = 0, pauses = 0, resets = 0;
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const RunResult r = play(busy(seed));
    EXPECT_EQ(r.stopped, "");
    EXPECT_TRUE(r.good()) << (r.failures.empty() ? "" : r.failures[0]);
    EXPECT_EQ(r.lives, 9u);
    EXPECT_EQ(r.churn_operations, 3u * 3 * 4 * 20);
    EXPECT_EQ(r.operations, 400u + r.churn_operations);
    EXPECT_EQ(r.faults, 0u);
    moves += r.moves;
    pauses += r.pauses;
    resets += r.resets;
    std::map<std::string, int> events;
    for (const vdcm::LifecycleEvent& e : r.lifecycle) ++events[e.event];
    EXPECT_EQ(events["vm-created"], 10);
    EXPECT_EQ(events["vm-closed"], 9);
    EXPECT_EQ(events["created"], events["destroyed"]);
    EXPECT_EQ(events["restored"], static_cast<int>(r.moves));
  }
  EXPECT_GT(moves, 3u);
  EXPECT_GT(pauses, 3u);
  EXPECT_GT(resets, 3u);
}

TEST(ChurnTest, ASeedMeansADigest) {
  const RunResult a = play(busy(4));
  const RunResult b = play(busy(4));
  const RunResult c = play(busy(5));
  EXPECT_EQ(a.digest, b.digest);
  EXPECT_NE(a.digest, c.digest);
}

TEST(CrowdTest, TenantsOfEveryKindFindTheirPlaces) {  // SIOV-H-33
  Scenario s = four_queues(1);
  for (std::uint32_t i = 0; i < 2; ++i) s.tenants.push_back(any("d" + std::to_string(i), i, false));
  for (std::uint32_t i = 0; i < 6; ++i) s.tenants.push_back(any("s" + std::to_string(i), i, true));
  s.tenants.back().interrupt_entries = false;
  TenantParameters software = any("e", 9, false);
  software.any_wq = false;
  software.emulated = true;
  software.wait = WaitMode::kInterrupt;
  s.tenants.push_back(software);
  const RunResult r = play(s);
  EXPECT_EQ(r.stopped, "");
  EXPECT_TRUE(r.good()) << (r.failures.empty() ? "" : r.failures[0]);
  EXPECT_EQ(r.operations, 9u * 60);
  std::multiset<std::string> places;
  for (const vdcm::LifecycleEvent& e : r.lifecycle) {
    if (e.event == "created") places.insert(e.detail);
  }
  EXPECT_EQ(places, (std::multiset<std::string>{"WQ 0:0", "WQ 0:1", "WQ 0:2", "WQ 0:2", "WQ 0:2",
                                                "WQ 0:3", "WQ 0:3", "WQ 0:3", "emulated"}));
}

TEST(CrowdTest, AVdevOfSeveralQueuesUsesAllOfThem) {  // SIOV-H-34
  for (const std::vector<std::uint32_t>& queues :
       {std::vector<std::uint32_t>{0, 1}, {2, 3}, {0, 2, 3, 1}}) {
    Scenario s = four_queues(1);
    TenantParameters t = any("several", 0, true);
    t.any_wq = false;
    t.queues = queues;
    t.wait = WaitMode::kInterrupt;
    t.workload.descriptors = 200;
    s.tenants.push_back(t);
    const RunResult r = play(s);
    EXPECT_EQ(r.stopped, "");
    EXPECT_TRUE(r.good()) << (r.failures.empty() ? "" : r.failures[0]);
    EXPECT_EQ(r.operations, 200u);
    EXPECT_GE(r.interrupts, 200u);
  }
}

/// Issue D: under 64 KiB apart from guest pages. @spec docs/summary.md bytes_per_vdev
TEST(CrowdTest, AnIdleVdevTakesLessThan64KiBOfTheHost) {
  if (MemoryMeter::heap() == 0) GTEST_SKIP() << "this C library does not tell what is allocated";
  Scenario s = four_queues(1);
  for (std::uint32_t i = 0; i < 512; ++i) {
    s.tenants.push_back(any("t" + std::to_string(i), i / 4, true));
    s.tenants.back().interrupt_entries = false;
    s.tenants.back().workload.descriptors = 1;
    s.tenants.back().window = 1;
  }
  const RunResult r = play(s);
  EXPECT_TRUE(r.good()) << r.stopped;
  EXPECT_LT(r.bytes_per_vdev, 65536u);
  // A configuration space, registers and two PASIDs are more than this.
  EXPECT_GT(r.bytes_per_vdev, 4096u);
}

}  // namespace
}  // namespace siov::system
