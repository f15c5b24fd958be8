// SPDX-License-Identifier: Apache-2.0
// Virtual machines go from a host to another one and back while they and others work: two devices,
// two memories, other numbers. SIOV-H-38..H-44, SIOV-P-19; siov.md 3.7, 3.8.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "whole_system.hpp"

namespace siov::system {
namespace {

TenantParameters moving(const std::string& name, std::uint32_t vm, bool shared,
                        Translation translation) {
  TenantParameters t = tenant(name, vm, shared, 0, translation);
  t.any_wq = true;
  t.window = 6;
  t.workload.descriptors = 700;
  t.workload.size_max = 1500;
  return t;
}

MigrationParameters journey(std::uint32_t vm, std::uint32_t times) {
  MigrationParameters m;
  m.vm = vm;
  m.times = times;
  m.after_min = 4000;
  m.after_max = 6000;
  m.bandwidth = 400'000;
  return m;
}

/// First host: two dedicated queues, two shared ones. Second: two shared ones, two dedicated ones,
/// and interrupt entries from 33 up.
Scenario two_hosts(std::uint64_t seed) {
  Scenario s;
  s.seed = seed;
  s.link.latency_min = 60;
  s.link.latency_max = 200;
  s.wqs = {queue(false, 16), queue(false, 16), queue(true, 16), queue(true, 16)};
  s.groups.push_back({{0, 1, 2, 3}});
  s.second.present = true;
  s.second.wqs = {queue(true, 16), queue(true, 16), queue(false, 16), queue(false, 16)};
  s.second.groups = {{{0, 1}}, {{2, 3}}};
  s.second.wqs[1].group = s.second.wqs[3].group = 1;
  s.second.reserved_interrupts = 32;
  s.max_cycles = 600'000;
  return s;
}

/// One VM on a dedicated queue, one with two VDEVs on shared ones; a neighbour on each host.
Scenario busy(std::uint64_t seed) {
  Scenario s = two_hosts(seed);
  s.tenants.push_back(moving("alone", 0, false, Translation::kSecondStage));
  s.tenants.push_back(moving("pair-0", 1, true, Translation::kNested));
  s.tenants.push_back(moving("pair-1", 1, true, Translation::kNested));
  s.tenants.push_back(moving("here", 2, true, Translation::kFirstStage));
  s.tenants.push_back(moving("there", 3, false, Translation::kPassThrough));
  s.tenants.back().on_second = true;
  s.migrations = {journey(0, 2), journey(1, 2)};
  return s;
}

std::set<std::uint32_t> pasids_of(const HostNumbers& numbers) {
  std::set<std::uint32_t> pasids{numbers.default_pasid};
  if (numbers.process_pasid != 0) pasids.insert(numbers.process_pasid);
  return pasids;
}

/// Queues, interrupt entries and PASIDs have other numbers. @spec SIOV-H-39, SIOV-H-40
void expect_other_numbers(const MovedVdev& v) {
  ASSERT_EQ(v.here.wqs.size(), v.there.wqs.size());
  for (std::size_t q = 0; q < v.here.wqs.size(); ++q)
    EXPECT_NE(v.here.wqs[q], v.there.wqs[q]) << "queue " << q << " of " << v.tenant;
  EXPECT_NE(v.here.handle, 0u);
  EXPECT_NE(v.here.handle, v.there.handle) << v.tenant;
  for (const std::uint32_t pasid : pasids_of(v.here))
    EXPECT_FALSE(pasids_of(v.there).contains(pasid)) << v.tenant;
}

std::uint64_t events(const RunResult& r, const std::string& name, std::uint8_t host) {
  return static_cast<std::uint64_t>(std::ranges::count_if(
      r.lifecycle,
      [&](const vdcm::LifecycleEvent& e) { return e.event == name && e.host == host; }));
}

std::string stay_at_home(Scenario s) {
  s.migrations.clear();
  s.host.mistakes.clear();
  const RunResult r = play(s);
  EXPECT_TRUE(r.good()) << why(r);
  return r.memory_digest;
}

TEST(TwoHostsTest, NothingIsLostOrDoubledAndMemoryIsThatOfARunWithoutMigration) {
  const Scenario s = busy(1);  // SIOV-H-40, SIOV-H-42, SIOV-H-43
  const RunResult r = play(s);
  EXPECT_TRUE(r.good()) << why(r);
  EXPECT_EQ(r.operations, 5u * 700);
  ASSERT_EQ(r.migrations.size(), 4u);
  std::uint64_t held = 0;
  std::map<std::uint32_t, int> place;
  for (const MigrationRecord& m : r.migrations) {
    EXPECT_TRUE(m.moved) << m.reason;
    EXPECT_EQ(m.from, place[m.vm]) << "there, then back";
    place[m.vm] = m.to;
    EXPECT_NE(m.from, m.to);
    ASSERT_EQ(m.moves.size(), m.vm == 0 ? 1u : 2u);
    for (const MovedVdev& v : m.moves) expect_other_numbers(v);
    EXPECT_EQ(m.revoked, m.moves.size());
    EXPECT_EQ(m.different, 0u);
    EXPECT_GE(m.rounds, 2u);
    EXPECT_GE(m.pages, 512u) << "all of memory at least once";
    EXPECT_GT(m.device_pages, 0u);
    EXPECT_LT(m.stopped_pages, 512u);
    EXPECT_GT(m.downtime_cycles, 0u);
    EXPECT_GE(m.paused_cycles, m.downtime_cycles);
    EXPECT_GE(m.replayed, m.held);
    EXPECT_GT(m.image_bytes, 200u * m.moves.size());
    held += m.held;
  }
  EXPECT_GT(held, 0u) << "no migration met work";
  ASSERT_EQ(r.submitted.size(), 2u);
  EXPECT_GT(r.submitted[0], 700u);
  EXPECT_GT(r.submitted[1], 700u);
  EXPECT_EQ(r.faults, 0u);
  for (const std::uint8_t host : {0, 1}) {
    EXPECT_EQ(events(r, "migrated", host), 3u);
    EXPECT_EQ(events(r, "arrived", host), 3u);
  }
  EXPECT_EQ(r.memory_digest, stay_at_home(s));
  EXPECT_EQ(play(s).digest, r.digest) << "the same seed is the same run";
}

TEST(TwoHostsTest, PagesThatComeAndGoMoveToo) {  // SIOV-H-43 with ATS and page requests
  Scenario s = two_hosts(3);
  set_translation_mode(s, TranslationMode::kPri);
  s.host.page_latency_min = 200;
  s.host.page_latency_max = 500;
  s.host.invalidations = 2;
  for (const Translation translation : {Translation::kSecondStage, Translation::kNested}) {
    const bool nested = translation == Translation::kNested;
    TenantParameters t = moving(nested ? "nested" : "second", nested ? 1 : 0, nested, translation);
    t.paging = {.demand = true, .absent_permille = 300, .evict = 1};
    t.on_second = nested;
    s.tenants.push_back(t);
  }
  s.migrations = {journey(0, 2), journey(1, 2)};
  const RunResult r = play(s);
  EXPECT_TRUE(r.good()) << why(r);
  ASSERT_EQ(r.migrations.size(), 4u);
  for (const MigrationRecord& m : r.migrations) {
    EXPECT_TRUE(m.moved) << m.reason;
    EXPECT_EQ(m.different, 0u);
    for (const MovedVdev& v : m.moves) expect_other_numbers(v);
  }
  EXPECT_GT(r.page_requests, 0u);
  EXPECT_GT(r.pages_out, 0u);
  EXPECT_EQ(r.stale_uses, 0u);
  EXPECT_EQ(r.memory_digest, stay_at_home(s));
}

TEST(TwoHostsTest, VdevsOfSeveralQueuesAndWithoutHardwareMoveToo) {  // SIOV-H-34
  Scenario s = two_hosts(5);
  s.tenants.push_back(moving("several", 0, false, Translation::kSecondStage));
  s.tenants.back().any_wq = false;
  s.tenants.back().shared = true;
  s.tenants.back().queues = {0, 2, 3};
  s.tenants.push_back(moving("software", 1, true, Translation::kSecondStage));
  s.tenants.back().any_wq = false;
  s.tenants.back().emulated = true;
  s.migrations = {journey(0, 2), journey(1, 1)};
  const RunResult r = play(s);
  EXPECT_TRUE(r.good()) << why(r);
  ASSERT_EQ(r.migrations.size(), 3u);
  for (const MigrationRecord& m : r.migrations) {
    ASSERT_EQ(m.moves.size(), 1u);
    EXPECT_TRUE(m.moved) << m.reason;
    EXPECT_EQ(m.moves[0].here.wqs.size(), m.vm == 0 ? 3u : 0u);
    if (m.vm == 0) expect_other_numbers(m.moves[0]);
  }
  EXPECT_EQ(r.memory_digest, stay_at_home(s));
}

// ---- it does not happen

class CancelledRunTest : public testing::TestWithParam<CancelPhase> {};

TEST_P(CancelledRunTest, TheSourceRunsOnAndMovesLater) {  // siov.md 3.8
  Scenario s = busy(2);
  for (MigrationParameters& m : s.migrations) {
    m.cancel = GetParam();
    m.times = 1;
  }
  const RunResult r = play(s);
  EXPECT_TRUE(r.good()) << why(r);
  ASSERT_EQ(r.migrations.size(), 4u);
  std::map<std::uint32_t, int> attempts;
  for (const MigrationRecord& m : r.migrations) {
    const bool first = ++attempts[m.vm] == 1;
    EXPECT_EQ(m.moved, !first);
    EXPECT_EQ(m.reason, first ? "cancelled" : "");
    EXPECT_EQ(m.from, 0);
    if (!first) continue;
    EXPECT_EQ(m.downtime_cycles != 0, GetParam() >= CancelPhase::kStopped);
    EXPECT_EQ(m.paused_cycles != 0, GetParam() >= CancelPhase::kPaused);
    EXPECT_EQ(m.revoked, 0u) << "handles are what they were";
  }
  EXPECT_EQ(r.refusals, 2u);
  EXPECT_EQ(r.memory_digest, stay_at_home(s));
}

INSTANTIATE_TEST_SUITE_P(Phases, CancelledRunTest,
                         testing::Values(CancelPhase::kChecked, CancelPhase::kPreCopied,
                                         CancelPhase::kPaused, CancelPhase::kStopped,
                                         CancelPhase::kLoaded));

struct Obstacle {
  const char* name;
  std::function<void(Scenario&)> build;
  const char* reason;
};

class RefusedRunTest : public testing::TestWithParam<Obstacle> {};

TEST_P(RefusedRunTest, TheSourceRunsOnUnharmed) {  // SIOV-H-44
  Scenario s = two_hosts(4);
  s.tenants.push_back(moving("stays", 0, false, Translation::kSecondStage));
  s.tenants.push_back(moving("there", 1, true, Translation::kFirstStage));
  s.tenants.back().on_second = true;
  s.migrations = {journey(0, 2)};
  s.migrations[0].refused = true;
  GetParam().build(s);
  const RunResult r = play(s);
  EXPECT_TRUE(r.good()) << why(r);
  ASSERT_EQ(r.migrations.size(), 2u);
  for (const MigrationRecord& m : r.migrations) {
    EXPECT_FALSE(m.moved);
    EXPECT_NE(m.reason.find(GetParam().reason), std::string::npos) << m.reason;
  }
  EXPECT_EQ(r.refusals, 2u);
  EXPECT_EQ(events(r, "migrated", 0), 0u);
  EXPECT_EQ(r.memory_digest, stay_at_home(s));
}

INSTANTIATE_TEST_SUITE_P(
    Obstacles, RefusedRunTest,
    testing::Values(
        Obstacle{"NoDedicatedQueue",
                 [](Scenario& s) {
                   s.second.wqs = {queue(true, 16), queue(true, 16)};
                 },
                 "no dedicated queue is free for this VM"},
        Obstacle{"EveryQueueTaken",
                 [](Scenario& s) {
                   for (const char* name : {"a", "b"}) {
                     s.tenants.push_back(moving(name, 2, false, Translation::kFirstStage));
                     s.tenants.back().on_second = true;
                   }
                 },
                 "no dedicated queue is free for this VM"},
        Obstacle{"SmallerQueue",
                 [](Scenario& s) { s.second.wqs[2] = s.second.wqs[3] = queue(false, 8); },
                 "no dedicated queue is free for this VM"},
        Obstacle{"SmallerTransfers",
                 [](Scenario& s) {
                   s.second.wqs[2].max_transfer_log2 = s.second.wqs[3].max_transfer_log2 = 14;
                 },
                 "transfers of 2^21 bytes, there 2^14"},
        Obstacle{"SmallerBatches",
                 [](Scenario& s) {
                   s.second.wqs[2].max_batch_log2 = s.second.wqs[3].max_batch_log2 = 3;
                 },
                 "batches of 2^5 descriptors, there 2^3"},
        Obstacle{
            "FewerOperations",
            [](Scenario& s) { s.second.wqs[2].operations = s.second.wqs[3].operations = 0x3F; },
            "are missing there"}),
    [](const testing::TestParamInfo<Obstacle>& info) { return info.param.name; });

/// A device of a poorer build cannot take over. @spec SIOV-H-44: OPCAP and GENCAP
TEST(TwoHostsTest, APoorerPersonalityIsRefused) {
  if (!personality_available(test::device_kind(), Personality::kSmall))
    GTEST_SKIP() << "this build has the default personality only";
  Scenario s = two_hosts(6);
  s.second.personality = Personality::kSmall;
  s.second.wqs = {queue(false, 16), queue(true, 16)};
  s.second.groups = {{{0}}};
  s.tenants.push_back(moving("stays", 0, false, Translation::kSecondStage));
  s.migrations = {journey(0, 1)};
  s.migrations[0].refused = true;
  const RunResult r = play(s);
  EXPECT_TRUE(r.good()) << why(r);
  ASSERT_EQ(r.migrations.size(), 1u);
  EXPECT_NE(r.migrations[0].reason.find("there"), std::string::npos) << r.migrations[0].reason;
  EXPECT_EQ(r.memory_digest, stay_at_home(s));
}

TEST(TwoHostsTest, WhatWasExpectedAndDidNotHappenIsNoGoodRun) {
  Scenario s = busy(7);
  s.migrations = {journey(0, 1)};
  s.migrations[0].refused = true;
  EXPECT_EQ(play(s).stopped,
            "VM 0 moved 1 times, expected 0; was refused 0 times, expected 1; was cancelled 0 "
            "times, expected 0");
  s.migrations[0].refused = false;
  s.migrations[0].times = 60;
  EXPECT_NE(play(s).stopped.find("the work of VM 0 ended after"), std::string::npos);
}

// ---- mistakes of the host software, each seen by the run

struct Mischief {
  const char* name;
  Mistake mistake;
  const char* rule;
};

class MigrationMistakeTest : public testing::TestWithParam<Mischief> {};

TEST_P(MigrationMistakeTest, IsSeenByTheRun) {
  Scenario s = busy(1);
  s.max_cycles = 120'000;
  s.host.mistakes = {GetParam().mistake};
  const RunResult r = play(s);
  EXPECT_FALSE(r.good());
  EXPECT_NE(std::ranges::count(r.rules, GetParam().rule), 0)
      << GetParam().rule << " is not among:" << why(r);
}

INSTANTIATE_TEST_SUITE_P(
    Host, MigrationMistakeTest,
    testing::Values(Mischief{"DropHeld", Mistake::kDropHeld, "SIOV-H-42"},
                    Mischief{"ReplayTwice", Mistake::kReplayTwice, "SIOV-H-40"},
                    Mischief{"SaveBeforeDrain", Mistake::kSaveBeforeDrain, "SIOV-H-43"},
                    Mischief{"MissDirtyPages", Mistake::kMissDirtyPages, "SIOV-H-43"}),
    [](const testing::TestParamInfo<Mischief>& info) { return info.param.name; });

}  // namespace
}  // namespace siov::system
