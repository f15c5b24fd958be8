// SPDX-License-Identifier: Apache-2.0
// Whole systems over the C++ device: every translation type and queue mode plays to its end; a seed
// means a digest.
#include "system/testbench.hpp"

#include <gtest/gtest.h>

#include <string>

namespace siov::system {
namespace {

WqParameters queue(bool shared, std::uint32_t size) {
  WqParameters wq;
  wq.shared = shared;
  wq.size = size;
  wq.threshold = size;
  return wq;
}

TenantParameters tenant(const std::string& name, bool shared, std::uint32_t wq,
                        Translation translation) {
  TenantParameters t;
  t.name = name;
  t.vm = wq;
  t.shared = shared;
  t.wq = wq;
  t.translation = translation;
  t.workload.descriptors = 60;
  t.workload.size_max = 3000;
  return t;
}

RunResult play(const Scenario& scenario) {
  RunOptions options;
  options.device = DeviceKind::kModel;
  return Testbench(scenario, options).run();
}

struct Case {
  Translation translation;
  bool shared;
  std::uint32_t levels;
  bool large_pages;
  WaitMode wait;
};
class TestbenchTest : public testing::TestWithParam<Case> {};

TEST_P(TestbenchTest, TenantPlaysToItsEndAndMemoryIsRight) {
  const Case& c = GetParam();
  Scenario s;
  s.wqs.push_back(queue(c.shared, 4));
  s.groups.push_back({{0, 1}});
  TenantParameters t = tenant("t", c.shared, 0, c.translation);
  t.levels = c.levels;
  t.large_pages = c.large_pages;
  t.wait = c.wait;
  s.tenants.push_back(t);
  const RunResult r = play(s);
  EXPECT_EQ(r.stopped, "");
  EXPECT_EQ(r.mismatches, 0U);
  EXPECT_EQ(r.descriptors, 60U);
  EXPECT_EQ(r.faults, 0U);
  EXPECT_EQ(r.vdevs, 1U);
  EXPECT_GT(r.translations, 60U);
  EXPECT_GE(r.interrupts, c.wait == WaitMode::kInterrupt ? 60U : 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, TestbenchTest,
    testing::Values(Case{Translation::kFirstStage, false, 4, false, WaitMode::kPoll},
                    Case{Translation::kFirstStage, true, 5, true, WaitMode::kInterrupt},
                    Case{Translation::kSecondStage, false, 4, true, WaitMode::kInterrupt},
                    Case{Translation::kSecondStage, true, 5, false, WaitMode::kPoll},
                    Case{Translation::kNested, false, 5, false, WaitMode::kPoll},
                    Case{Translation::kNested, true, 4, true, WaitMode::kInterrupt},
                    Case{Translation::kPassThrough, false, 4, false, WaitMode::kInterrupt},
                    Case{Translation::kPassThrough, true, 4, false, WaitMode::kPoll}));

Scenario two_tenants(std::uint64_t seed) {
  Scenario s;
  s.seed = seed;
  s.wqs.push_back(queue(false, 8));
  s.wqs.push_back(queue(true, 2));
  s.groups.push_back({{0, 1, 2, 3}});
  s.tenants.push_back(tenant("a", false, 0, Translation::kNested));
  s.tenants.push_back(tenant("b", true, 1, Translation::kSecondStage));
  s.tenants.push_back(tenant("c", true, 1, Translation::kSecondStage));
  return s;
}

TEST(TestbenchSeedTest, SameSeedSameDigestOtherSeedOtherDigest) {
  const RunResult first = play(two_tenants(3));
  const RunResult again = play(two_tenants(3));
  const RunResult other = play(two_tenants(4));
  EXPECT_TRUE(first.good()) << first.stopped;
  EXPECT_EQ(first.digest.size(), 16U);
  EXPECT_EQ(first.digest, again.digest);
  EXPECT_EQ(first.cycles, again.cycles);
  EXPECT_NE(first.digest, other.digest);
}

TEST(TestbenchSharedTest, FullSharedQueueIsRetriedUntilAllWorkIsDone) {
  Scenario s = two_tenants(3);
  for (TenantParameters& t : s.tenants) t.window = 32;
  const RunResult r = play(s);
  EXPECT_EQ(r.descriptors, 180U);
  EXPECT_EQ(r.vms, 2U);
  EXPECT_GT(r.retries, 0U);
}

TEST(TestbenchLimitTest, RunEndsAtMaxCyclesAndSaysSo) {
  Scenario s = two_tenants(3);
  for (TenantParameters& t : s.tenants) t.workload.descriptors = 5000;  // far more than fits
  s.max_cycles = 5000;
  const RunResult r = play(s);
  EXPECT_FALSE(r.good());
  EXPECT_EQ(r.stopped, "max_cycles of the scenario reached");
}

}  // namespace
}  // namespace siov::system
