// SPDX-License-Identifier: Apache-2.0
// Whole systems with ATS, page requests and demand paging: storms of invalidations, work resumed by
// software, queues that may not ask, teardown under load, and hosts that make mistakes.
#include <gtest/gtest.h>

#include <algorithm>

#include "whole_system.hpp"

namespace siov::system {
namespace {

/// Two demand-paged tenants on queues that block, under pressure.
Scenario paged(std::uint64_t seed) {
  Scenario s = in_mode(four_tenants(seed), TranslationMode::kPri);
  s.host.page_latency_min = 200;
  s.host.page_latency_max = 600;
  for (TenantParameters& t : s.tenants) {
    if (t.paging.demand) t.paging.evict = 5;
  }
  return s;
}

// SIOV-D-53, vtd.md 5.6: pages go, their contents move, and nobody notices.
TEST(DemandPagingSystemTest, PagesTakenAwayUnderLoadAreNeverUsedAgain) {
  Scenario s = paged(21);
  for (TenantParameters& t : s.tenants) t.workload.descriptors = 300;
  const RunResult r = play(s);
  EXPECT_TRUE(r.good()) << why(r);
  EXPECT_EQ(r.stale_uses, 0u);
  EXPECT_GT(r.pages_out, 100u);
  EXPECT_GT(r.pages_moved, 50u);
  EXPECT_GT(r.page_requests, r.pages_absent / 4);
  EXPECT_GT(r.pages_in, r.pages_absent / 4);
  EXPECT_GE(r.pages_absent * 10, r.pages * 3);
}

// SIOV-D-55: a single page request at a time, several queues that fault.
TEST(DemandPagingSystemTest, OnePageRequestAtATimeIsEnough) {
  Scenario s = paged(22);
  s.host.page_requests = 1;
  const RunResult r = play(s);
  EXPECT_TRUE(r.good()) << why(r);
  EXPECT_GT(r.page_requests, 20u);
}

/// Every operation with a queue that does not ask for pages.
Scenario resuming(std::uint64_t seed, bool pri) {
  Scenario s = in_mode(all_operations(true), TranslationMode::kPri);
  s.seed = seed;
  s.pri = pri;
  for (WqParameters& wq : s.wqs) {
    wq.block_on_fault = false;
    wq.prs_disable = pri;
  }
  for (TenantParameters& t : s.tenants) {
    if (t.paging.demand) t.paging.absent_permille = 600, t.paging.evict = 3;
  }
  return s;
}

class ResumedTenantTest : public testing::TestWithParam<bool> {};

// SIOV-D-56; dsa.md 5.6, 5.7: the guest touches the page and submits the rest, whatever the
// operation.
TEST_P(ResumedTenantTest, GuestsFinishWhatTheDeviceHasStopped) {
  const RunResult r = play(resuming(31, GetParam()));
  EXPECT_TRUE(r.good()) << why(r);
  EXPECT_EQ(r.operations, 480u);
  EXPECT_GT(r.resumed, 200u);
  EXPECT_EQ(r.page_requests, 0u) << "neither without PRI nor with PRS disabled in the queue";
  EXPECT_GT(r.dropped, 0u);
}

std::string resume_name(const testing::TestParamInfo<bool>& info) {
  return info.param ? "PrsDisabledInTheQueue" : "PriOff";
}
INSTANTIATE_TEST_SUITE_P(Queues, ResumedTenantTest, testing::Bool(), resume_name);

// SIOV-D-52: a queue with ATS disabled beside one with it.
TEST(AtsDisableTest, OneQueueUntranslatedTheOtherTranslated) {
  Scenario s = in_mode(four_tenants(41), TranslationMode::kAts);
  s.wqs[1].ats_disable = true;
  const RunResult both = play(s);
  EXPECT_TRUE(both.good()) << why(both);
  EXPECT_GT(both.ats_translations, 0u);
  for (WqParameters& wq : s.wqs) wq.ats_disable = true;
  const RunResult none = play(s);
  EXPECT_TRUE(none.good()) << why(none);
  EXPECT_EQ(none.ats_translations, 0u);
}

// Pages in use are invalidated all the time, with and without a change behind them.
class StormTest : public testing::TestWithParam<TranslationMode> {};

TEST_P(StormTest, NothingIsUsedThatWasTakenAway) {
  Scenario s = in_mode(four_tenants(51), GetParam());
  s.host.invalidations = 100;
  for (TenantParameters& t : s.tenants) t.workload.descriptors = 250;
  const RunResult r = play(s);
  EXPECT_TRUE(r.good()) << why(r);
  EXPECT_GT(r.invalidations, 500u);
  EXPECT_EQ(r.stale_uses, 0u);
  if (GetParam() == TranslationMode::kPri) {
    EXPECT_GT(r.pages_moved, 20u);
  }
}

std::string storm_name(const testing::TestParamInfo<TranslationMode>& info) {
  return name_of(info.param);
}
INSTANTIATE_TEST_SUITE_P(Modes, StormTest, testing::ValuesIn(kModes), storm_name);

// vtd.md 5.6, 5.8: a device that stops to answer invalidations stops the run, with the reason.
TEST(DeadDeviceTlbTest, RunEndsAndSaysWhy) {
  if (test::device_kind() == DeviceKind::kModel)
    GTEST_SKIP() << "injections change TLPs, and the model has none";
  Scenario s = paged(71);
  s.injections.push_back({"drop-invalidate-completion"});
  const RunResult r = play(s);
  EXPECT_FALSE(r.good());
  EXPECT_EQ(std::count(r.rules.begin(), r.rules.end(), "PCIE-69"), 1) << why(r);
  const bool waits = r.stopped.find("not completed by the device") != std::string::npos;
  const bool timed_out =
      r.stopped.find("a device does not complete its invalidations") != std::string::npos;
  EXPECT_TRUE(waits || timed_out) << r.stopped;
}

/// What a host that makes this mistake must meet.
struct Wrong {
  const char* name;
  Mistake mistake;
  const char* rule;     ///< reported on a link; empty: none
  const char* stopped;  ///< part of why a run on the model ended; empty: whatever
  bool host_rule;       ///< the rule is judged in host memory, so with the model too
};

Scenario wrong_host(Mistake mistake, std::uint64_t seed) {
  Scenario s = paged(seed);
  s.host.mistakes.push_back(mistake);
  if (mistake == Mistake::kNoWait) s.host.invalidations = 100;  // moves pages in use
  for (TenantParameters& t : s.tenants) {
    t.workload.descriptors = 300;
    if (t.paging.demand) t.paging.evict = 20;
  }
  return s;
}

class MistakeTest : public testing::TestWithParam<Wrong> {};

TEST_P(MistakeTest, RunEndsWithAReport) {
  const Wrong& wrong = GetParam();
  // What is used too early need not be used by the device just then: one of several runs shows it.
  const std::uint64_t runs = wrong.mistake == Mistake::kNoWait ? 8 : 1;
  RunResult r;
  for (std::uint64_t seed = 61; seed < 61 + runs; ++seed) {
    r = play(wrong_host(wrong.mistake, seed));
    if (!r.good()) break;
  }
  EXPECT_FALSE(r.good());
  const bool on_link = test::device_kind() != DeviceKind::kModel;
  const std::string rule = wrong.rule;
  if (!on_link) {
    EXPECT_NE(r.stopped.find(wrong.stopped), std::string::npos) << why(r).substr(0, 2000);
  }
  if (!rule.empty() && (on_link || wrong.host_rule)) {
    EXPECT_NE(std::count(r.rules.begin(), r.rules.end(), rule), 0)
        << rule << " is not among " << testing::PrintToString(r.rules) << why(r).substr(0, 2000);
  }
}

std::string mistake_name(const testing::TestParamInfo<Wrong>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Host, MistakeTest,
    testing::Values(Wrong{"KeepDeviceTlb", Mistake::kKeepDeviceTlb, "SIOV-P-14", "", true},
                    Wrong{"KeepIotlb", Mistake::kKeepIotlb, "SIOV-P-14", "", true},
                    Wrong{"NoWait", Mistake::kNoWait, "", "", false},
                    Wrong{"NoPageResponse", Mistake::kNoPageResponse, "", "no operation finished",
                          false},
                    Wrong{"SecondPageResponse", Mistake::kSecondPageResponse, "PCIE-71",
                          "did not ask for", false},
                    Wrong{"SuccessWithoutMapping", Mistake::kSuccessWithoutMapping, "", "", false}),
    mistake_name);

}  // namespace
}  // namespace siov::system
