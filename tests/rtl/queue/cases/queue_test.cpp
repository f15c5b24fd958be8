// SPDX-License-Identifier: Apache-2.0
// Admission, dispatch, fairness, drains and aborts of the work queues (dsa 3.2, 4.2, 5.6, 5.11).
#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <vector>

#include "Vqueue_default.h"
#include "Vqueue_large.h"
#include "queue_bench.hpp"

namespace siov::blocks {
namespace {

using Queue = QueueBench<Vqueue_default, 8, 4>;
using LargeQueue = QueueBench<Vqueue_large, 128, 16>;

TEST(QueueTest, SharedQueueObeysSizeAndThreshold) {  // dsa 4.2
  Queue b;
  b.configure(3, {.size = 4, .base = 20, .threshold = 2});
  EXPECT_TRUE(b.submit(3, 3, 1, true));
  EXPECT_TRUE(b.submit(3, 3, 1, true));
  EXPECT_FALSE(b.submit(3, 3, 1, true));
  EXPECT_TRUE(b.submit(3));
  EXPECT_TRUE(b.submit(3));
  EXPECT_FALSE(b.submit(3));
  EXPECT_EQ(b.occupancy(3), 4u);
  EXPECT_TRUE(b.reports.empty());
}

TEST(QueueTest, ThresholdAboveSizeActsAsSizeAndZeroCloses) {  // dsa 2.9
  Queue b;
  b.configure(0, {.size = 2, .threshold = 9});
  b.configure(1, {.size = 2, .base = 2, .threshold = 0});
  EXPECT_TRUE(b.submit(0, 3, 1, true));
  EXPECT_TRUE(b.submit(0, 3, 1, true));
  EXPECT_FALSE(b.submit(0, 3, 1, true));
  EXPECT_FALSE(b.submit(1, 3, 1, true));
  EXPECT_TRUE(b.submit(1));
}

TEST(QueueTest, DedicatedQueueReportsOverflow) {  // dsa 4.2, code 0x53
  Queue b;
  b.configure(5, {.size = 3, .base = 100, .dedicated = true});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(b.submit(5));
  EXPECT_FALSE(b.submit(5));
  ASSERT_EQ(b.reports.size(), 1u);
  EXPECT_EQ(b.reports[0].first, 0x53u);
  EXPECT_EQ(b.reports[0].second, 5u);
}

TEST(QueueTest, WrongKindOfWriteCreatesNoWork) {  // dsa 4.2, SIOV-D-21, D-59
  Queue b;
  b.configure(0, {.size = 4, .dedicated = true});
  b.configure(1, {.size = 4, .base = 4});
  EXPECT_FALSE(b.submit(0, Queue::Submit{.deferrable = true}));
  EXPECT_FALSE(b.submit(1, Queue::Submit{.deferrable = false}));
  EXPECT_FALSE(b.submit(0, Queue::Submit{.deferrable = false, .whole = false}));
  EXPECT_FALSE(b.submit(1, Queue::Submit{.deferrable = true, .whole = false}));
  EXPECT_FALSE(b.submit(2, Queue::Submit{.deferrable = true}));  // closed
  EXPECT_FALSE(b.submit(9, Queue::Submit{.deferrable = true}));  // no such queue
  EXPECT_FALSE(b.submit(200, Queue::Submit{.deferrable = false}));
  for (unsigned w = 0; w < 8; ++w) EXPECT_EQ(b.occupancy(w), 0u);
  EXPECT_TRUE(b.reports.empty());
}

TEST(QueueTest, OnePortalWriteACycleFillsAQueueExactly) {
  Queue b;
  b.configure(0, {.size = 7, .dedicated = true});
  for (int i = 0; i < 10; ++i) {
    b.portal(0, {.deferrable = false});
    b.step();
  }
  b.run(5);
  EXPECT_EQ(b.occupancy(0), 7u);
  EXPECT_EQ(b.reports.size(), 3u);
}

/// Opens queues of equal parts of the storage, all in one group.
template <typename Bench>
void equal_queues(Bench& b, unsigned count, unsigned size, unsigned prio = 1) {
  for (unsigned w = 0; w < count; ++w) {
    b.configure(w, {.size = size,
                    .base = w * size,
                    .prio = prio,
                    .dedicated = true,
                    .pasid = 64 + w,
                    .ops = 0x155555555 ^ w});
    b.member(0, w);
  }
}

template <typename Bench>
void fill_queues(Bench& b, unsigned count, unsigned size) {
  for (unsigned i = 0; i < size; ++i)
    for (unsigned w = 0; w < count; ++w) {
      b.portal(w, {.deferrable = false});
      b.step();
    }
  b.run(5);
}

TEST(QueueTest, OneDispatchACycleOverDifferentQueues) {
  Queue b;
  equal_queues(b, 8, 16);
  fill_queues(b, 8, 16);
  b.engines(0, 0xF);
  b.run(128 + 12);
  EXPECT_EQ(b.delivered.size(), 128u);
  b.run(10);
  EXPECT_EQ(b.in_engines(), 0u);
}

TEST(QueueTest, OneQueueAloneDeliversEveryThirdCycle) {
  Queue b;
  equal_queues(b, 1, 64);
  fill_queues(b, 1, 64);
  b.engines(0, 0xF);
  b.run(3 * 64 + 12);
  EXPECT_EQ(b.delivered.size(), 64u);
}

TEST(QueueTest, LargeOneDispatchACycleOver128Queues) {
  LargeQueue b;
  equal_queues(b, 128, 32);
  fill_queues(b, 128, 32);
  b.engines(0, 0xF);
  b.run(4096 + 12);
  EXPECT_EQ(b.delivered.size(), 4096u);
  std::set<unsigned> queues;
  for (const auto& x : b.delivered) queues.insert(x.wq);
  EXPECT_EQ(queues.size(), 128u);
}

/// Keeps the fullest possible queues: every cycle one write into the emptiest.
template <typename Bench>
void saturate(Bench& b, unsigned count, unsigned size, unsigned cycles) {
  for (unsigned i = 0; i < cycles; ++i) {
    unsigned least = 0;
    for (unsigned w = 1; w < count; ++w)
      if (b.occupancy(w) < b.occupancy(least)) least = w;
    if (b.occupancy(least) + 2 < size) b.portal(least, {.deferrable = false});
    b.step();
  }
}

TEST(QueueTest, DispatchesFollowThePriorities) {  // dsa 5.11
  Queue b;
  const std::vector<unsigned> prio{1, 2, 5, 15};
  for (unsigned w = 0; w < 4; ++w) {
    b.configure(w, {.size = 32, .base = 32 * w, .prio = prio[w], .dedicated = true});
    b.member(0, w);
  }
  fill_queues(b, 4, 30);
  b.engines(0, 0x2);
  b.take_one_in = 4;
  saturate(b, 4, 32, 6000);
  std::vector<unsigned> count(4);
  for (const auto& x : b.delivered) ++count[x.wq];
  const double round = static_cast<double>(b.delivered.size()) / (1 + 2 + 5 + 15);
  EXPECT_GT(round, 40.0);
  for (unsigned w = 0; w < 4; ++w) EXPECT_NEAR(count[w], round * prio[w], 1.0 * prio[w] + 1) << w;
}

TEST(QueueTest, ALowPriorityQueueIsNotStarvedBy127Others) {  // SIOV-D-14
  LargeQueue b;
  for (unsigned w = 0; w < 128; ++w) {
    b.configure(w, {.size = 32, .base = w * 32, .prio = w == 77 ? 1u : 15u, .dedicated = true});
    b.member(9, w);
  }
  fill_queues(b, 128, 30);
  b.engines(9, 0xF);
  b.take_one_in = 8;
  saturate(b, 128, 32, 9000);
  // Between two turns every other queue goes at most twice its priority.
  unsigned gap = 0, turns = 0;
  for (const auto& x : b.delivered) {
    ++gap;
    if (x.wq != 77) continue;
    EXPECT_LE(gap, 2u * 127 * 15);
    gap = 0;
    ++turns;
  }
  EXPECT_GE(turns, 2u);
  EXPECT_GT(b.delivered.size(), 2u * 127 * 15);
}

TEST(QueueTest, AGroupWithBusyEnginesDoesNotStopAnother) {  // dsa 5.11
  Queue b;
  for (unsigned w = 0; w < 2; ++w) {
    b.configure(w, {.size = 32, .base = 32 * w, .dedicated = true});
    b.member(w, w);
  }
  fill_queues(b, 2, 32);
  b.take_one_in = 0;
  b.engines(0, 0x1);
  b.run(50);  // engine 0 takes nothing; its way is full
  b.engines(1, 0xE);
  b.take_one_in = 1;
  b.run(3 * 32 + 20);
  unsigned second = 0;
  for (const auto& x : b.delivered) second += x.wq == 1 ? 1 : 0;
  EXPECT_EQ(second, 32u);
}

TEST(QueueTest, DrainWaitsForTheOldGenerationOnly) {  // dsa 3.2, SIOV-D-44
  Queue b;
  b.configure(2, {.size = 16, .dedicated = true});
  b.member(1, 2);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(b.submit(2));
  EXPECT_FALSE(b.draining(2));
  b.drain(2);
  b.step();
  EXPECT_TRUE(b.draining(2));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(b.submit(2));
  b.engines(1, 0x4);
  b.finish_one_in = 0;
  b.run(40);
  ASSERT_EQ(b.in_engines(), 8u);
  EXPECT_TRUE(b.draining(2));
  b.finish_one_in = 1;
  for (unsigned left = 8; left > 4; --left) {
    EXPECT_TRUE(b.draining(2));
    b.step();
    ASSERT_EQ(b.in_engines(), left - 1);
  }
  b.step();  // four of eight are done: the drain is over
  EXPECT_FALSE(b.draining(2));
  EXPECT_GT(b.in_engines(), 0u);
}

TEST(QueueTest, AbortOfOnePasidLeavesTheOther) {  // SIOV-D-46
  Queue b;
  b.configure(0, {.size = 32});
  b.member(0, 0);
  std::vector<std::uint64_t> mine, others;
  for (unsigned i = 0; i < 32; ++i) {
    const std::uint64_t id = b.portal(0, {.deferrable = true, .pasid = i % 2 == 0 ? 0xA0u : 0xB0u});
    (i % 2 == 0 ? mine : others).push_back(id);
    b.run(4);
  }
  b.drain(0);
  b.may_drop = true;
  put(b.dut().discard_i, 0, 1, 1);
  b.dut().discard_pasid_en_i = 1;
  b.dut().discard_pasid_i = 0xA0;
  b.engines(0, 0xF);
  b.run(32 * 3 + 20);
  EXPECT_EQ(b.delivered.size(), 16u);  // nobody waits behind the aborted ones
  EXPECT_FALSE(b.draining(0));
  std::set<std::uint64_t> got;
  for (const auto& x : b.delivered) got.insert(x.id);
  EXPECT_EQ(got, std::set<std::uint64_t>(others.begin(), others.end()));
  EXPECT_EQ(b.occupancy(0), 0u);
  put(b.dut().discard_i, 0, 1, 0);
  b.waiting.clear();
  b.may_drop = false;
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(b.submit(0, 3, 0xA0));  // A works again
  b.run(40);
  EXPECT_EQ(b.delivered.size(), 21u);
}

TEST(QueueTest, AbortDropsTheOldGenerationAndKeepsTheNew) {  // dsa 3.2
  Queue b;
  b.configure(6, {.size = 32, .base = 64, .dedicated = true});
  b.member(2, 6);
  for (unsigned i = 0; i < 10; ++i) EXPECT_TRUE(b.submit(6));
  b.drain(6);
  std::vector<std::uint64_t> fresh;
  for (unsigned i = 0; i < 5; ++i) {
    fresh.push_back(b.portal(6, {.deferrable = false}));
    b.run(4);
  }
  b.may_drop = true;
  put(b.dut().discard_i, 6, 1, 1);
  b.engines(2, 0x3);
  b.run(15 * 3 + 20);
  ASSERT_EQ(b.delivered.size(), 5u);
  for (const auto& x : b.delivered) EXPECT_GE(x.id, fresh.front());
  EXPECT_FALSE(b.draining(6));
}

TEST(QueueTest, AbortOfAPasidSparesADedicatedQueueWithoutOne) {
  Queue b;
  b.configure(1, {.size = 8, .dedicated = true, .pasid_en = false, .pasid = 0xA0});
  b.member(0, 1);
  for (unsigned i = 0; i < 4; ++i) EXPECT_TRUE(b.submit(1));
  b.drain(1);
  put(b.dut().discard_i, 1, 1, 1);
  b.dut().discard_pasid_en_i = 1;
  b.dut().discard_pasid_i = 0xA0;
  b.engines(0, 0x1);
  b.run(30);
  EXPECT_EQ(b.delivered.size(), 4u);
}

TEST(QueueTest, DrainDescriptorWaitsForEverythingBeforeIt) {  // dsa 5.6 (02)
  Queue b;
  b.configure(0, {.size = 16, .dedicated = true});
  b.configure(1, {.size = 16, .base = 16, .dedicated = true});
  b.member(0, 0);
  b.member(0, 1);
  for (unsigned i = 0; i < 3; ++i) EXPECT_TRUE(b.submit(0));
  EXPECT_TRUE(b.submit(0, 2));  // drain
  for (unsigned i = 0; i < 3; ++i) EXPECT_TRUE(b.submit(0));
  b.finish_one_in = 0;
  b.engines(0, 0xF);
  b.run(60);
  EXPECT_EQ(b.delivered.size(), 3u);
  EXPECT_EQ(b.occupancy(0), 4u);
  for (unsigned i = 0; i < 6; ++i) EXPECT_TRUE(b.submit(1));  // the other queue goes on
  b.run(40);
  EXPECT_EQ(b.delivered.size(), 9u);
  b.finish_one_in = 1;
  b.run(60);
  EXPECT_EQ(b.delivered.size(), 13u);
  EXPECT_EQ(b.in_engines(), 0u);
}

TEST(QueueTest, AbortReachesAWaitingDrain) {  // SIOV-D-47
  Queue b;
  b.configure(0, {.size = 16, .dedicated = true});
  b.member(0, 0);
  EXPECT_TRUE(b.submit(0));
  EXPECT_TRUE(b.submit(0, 2));
  EXPECT_TRUE(b.submit(0));
  b.finish_one_in = 0;
  b.engines(0, 0x1);
  b.run(30);
  b.drain(0);
  b.may_drop = true;
  put(b.dut().discard_i, 0, 1, 1);
  b.run(20);
  EXPECT_EQ(b.occupancy(0), 0u);
  EXPECT_TRUE(b.draining(0));  // one is still in its engine
  b.finish_one_in = 1;
  b.run(4);
  EXPECT_FALSE(b.draining(0));
}

TEST(QueueTest, AClosedEmptyQueueStartsAgainAtItsBase) {
  Queue b;
  b.configure(4, {.size = 5, .base = 10, .dedicated = true});
  b.member(0, 4);
  b.engines(0, 0x1);
  for (unsigned i = 0; i < 8; ++i) EXPECT_TRUE(b.submit(4));
  b.run(30);
  b.open(4, false);
  b.run(4);
  b.configure(4, {.size = 3, .base = 125, .dedicated = true});  // the last entries of the storage
  b.run(4);
  b.engines(0, 0);
  for (unsigned i = 0; i < 3; ++i) EXPECT_TRUE(b.submit(4));
  EXPECT_FALSE(b.submit(4));
  b.engines(0, 0x1);
  b.run(30);
  EXPECT_EQ(b.delivered.size(), 11u);
}

TEST(QueueTest, FlushForgetsEverythingAndCountsAreRight) {
  Queue b;
  b.configure(0, {.size = 16, .dedicated = true});
  b.member(0, 0);
  b.engines(0, 0x3);
  b.finish_one_in = 0;
  for (unsigned i = 0; i < 12; ++i) EXPECT_TRUE(b.submit(0));
  b.take_one_in = 0;
  b.dut().flush_i = 1;
  b.step();
  b.dut().flush_i = 0;
  EXPECT_EQ(b.occupancy(0), 0u);
  b.take_one_in = 1;
  const auto before = b.delivered.size();
  b.run(20);
  EXPECT_EQ(b.delivered.size(), before);
  b.drain(0);
  b.step();
  EXPECT_FALSE(b.draining(0));
  for (unsigned i = 0; i < 3; ++i) EXPECT_TRUE(b.submit(0));
  b.run(20);
  b.drain(0);
  b.step();
  EXPECT_TRUE(b.draining(0));
  EXPECT_TRUE(b.submit(0, 2));
  b.finish_one_in = 1;
  b.run(30);
  EXPECT_FALSE(b.draining(0));
  EXPECT_EQ(b.delivered.size(), before + 4);
}

/// Everything at once, at random.
template <typename Bench>
void soak(std::uint32_t seed, unsigned groups, unsigned entries, unsigned cycles) {
  Bench b(seed);
  const unsigned part = entries / Bench::kWqs;
  for (unsigned w = 0; w < Bench::kWqs; ++w) {
    const unsigned size = 1 + b.below(part);
    b.configure(w, {.size = size,
                    .base = w * part + part - size,
                    .threshold = b.below(part + 2),
                    .prio = b.below(16),
                    .max_xfer = b.below(32),
                    .max_batch = b.below(16),
                    .dedicated = b.chance(2),
                    .bof = b.chance(2),
                    .pasid_en = true,
                    .priv = b.chance(2),
                    .ats_dis = b.chance(2),
                    .prs_dis = b.chance(2),
                    .pasid = b.below(1u << 20),
                    .ops = b.below(1u << 30) * 8ull});
    b.member(seed % 2 == 0 ? 0 : w % groups, w);
  }
  for (unsigned g = 0; g < groups; ++g) b.engines(g, g < 4 ? 1u << g : 0, b.below(8), b.below(8));
  if (seed % 2 == 0) {
    for (unsigned g = 1; g < groups; ++g) b.engines(g, 0);
    b.engines(0, 0xF, 3, 4);
  }
  for (unsigned i = 0; i < cycles; ++i) {
    if (i % 512 == 0) {
      b.take_one_in = 1 + b.below(6);
      b.finish_one_in = 1 + b.below(8);
    }
    if (!b.chance(3))
      b.portal(b.chance(4) ? b.below(3) : b.below(Bench::kWqs + 1),
               {.deferrable = b.chance(2),
                .whole = !b.chance(20),
                .ims = b.chance(2),
                .limited = b.chance(2),
                .opcode = b.chance(25) ? 2u : 3u,
                .pasid = b.below(1u << 20),
                .priv = b.chance(2)});
    if (b.chance(700)) {
      b.dut().flush_i = 1;
      b.step();
      b.dut().flush_i = 0;
    } else {
      b.step();
    }
    if (::testing::Test::HasFatalFailure()) FAIL() << "seed " << seed << " cycle " << b.cycle();
  }
  b.take_one_in = b.finish_one_in = 1;
  unsigned left = 1;
  for (unsigned t = 0; t < 500 && (left != 0 || b.in_engines() != 0); ++t) {
    b.run(50);
    left = 0;
    for (const auto& w : b.waiting) left += static_cast<unsigned>(w.second.size());
    for (unsigned w = 0; w < Bench::kWqs; ++w)
      if (seed % 2 != 0 && w % groups >= 4) left -= b.occupancy(w);  // no engine serves these
  }
  EXPECT_EQ(left, 0u);
  EXPECT_EQ(b.in_engines(), 0u);
  EXPECT_GT(b.delivered.size(), cycles / 20);
}

TEST(QueueTest, RandomTrafficNothingLostNothingTwice) {
  for (std::uint32_t seed = 1; seed <= 6; ++seed) soak<Queue>(seed, 4, 128, 15000);
}

TEST(QueueTest, LargeRandomTrafficNothingLostNothingTwice) {
  for (std::uint32_t seed = 1; seed <= 2; ++seed) soak<LargeQueue>(seed, 16, 4096, 6000);
}

}  // namespace
}  // namespace siov::blocks
