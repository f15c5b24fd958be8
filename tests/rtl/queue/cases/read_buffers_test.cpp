// SPDX-License-Identifier: Apache-2.0
// Read buffers of the groups (dsa 2.8, 5.11): limits, reservations, and that nobody stops for good.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <utility>

#include "Vbuffers_32.h"
#include "Vbuffers_96.h"
#include "block.hpp"

namespace siov::blocks {
namespace {

constexpr unsigned kEngines = 4, kGroups = 4, kLinesOfBuffer = 8;

struct Group {
  unsigned engines, allowed, reserved;  ///< bitmap, buffers, buffers
};

/// Four engines that read whenever they may (and want), behind the limiter.
template <typename Dut, unsigned Total>
class BufferBench : public Block<Dut> {
 public:
  BufferBench(std::array<Group, kGroups> groups, unsigned lag, unsigned seed)
      : Block<Dut>(seed), groups_(groups), lag_(lag) {
    auto& d = this->dut();
    put(d.rb_used_i, 0, 48, 0);
    for (unsigned g = 0; g < kGroups; ++g) {
      put(d.grp_eng_i, kEngines * g, kEngines, groups[g].engines);
      put(d.grp_rb_i, 16 * g, 16, groups[g].allowed << 8 | groups[g].reserved);
    }
    for (int i = 0; i < 20; ++i) this->tick();
  }

  /// One cycle. @param wants  engines that have something to read  @param lines  0: 1..8 at random
  void step(unsigned wants, unsigned lines, unsigned latency) {
    auto& d = this->dut();
    this->settle();
    for (unsigned e = 0; e < kEngines; ++e) {
      auto& out = outstanding_[e];
      while (!out.empty() && out.front().first <= this->cycle()) {
        lines_[e] -= out.front().second;
        out.pop_front();
      }
      if ((d.rb_ok_o >> e & 1u) == 0 || (wants >> e & 1u) == 0) continue;
      const unsigned take = lines != 0 ? lines : 1 + this->below(8);
      const std::uint64_t back =
          std::max(this->cycle() + 1 + latency / 2 + this->below(latency), last_[e]);
      last_[e] = back;
      out.emplace_back(back, take);
      lines_[e] += take;
      ++reads[e];
    }
    check();
    // What the limiter hears is `lag` cycles old.
    history_.push_back(lines_);
    if (history_.size() > lag_) history_.pop_front();
    this->tick();
    for (unsigned e = 0; e < kEngines; ++e) put(d.rb_used_i, 12 * e, 12, history_.front()[e]);
  }

  std::array<unsigned, kEngines> reads{};
  std::array<unsigned, kGroups> most{};  ///< lines, largest seen

 private:
  void check() {
    unsigned taken = 0;
    for (unsigned g = 0; g < kGroups; ++g) {
      unsigned held = 0;
      for (unsigned e = 0; e < kEngines; ++e)
        if ((groups_[g].engines >> e & 1u) != 0) held += lines_[e];
      most[g] = std::max(most[g], held);
      if (groups_[g].engines != 0)
        ASSERT_LE(held, groups_[g].allowed * kLinesOfBuffer) << "group " << g;
      taken += std::max(held, groups_[g].reserved * kLinesOfBuffer);
    }
    ASSERT_LE(taken, Total * kLinesOfBuffer);
  }

  std::array<Group, kGroups> groups_;
  unsigned lag_;
  std::array<unsigned, kEngines> lines_{};
  std::array<std::uint64_t, kEngines> last_{};
  std::array<std::deque<std::pair<std::uint64_t, unsigned>>, kEngines> outstanding_;
  std::deque<std::array<unsigned, kEngines>> history_;
};
using Buffers96 = BufferBench<Vbuffers_96, 96>;
using Buffers32 = BufferBench<Vbuffers_32, 32>;

TEST(ReadBuffersTest, OneReadACycleOfEachEngineFarFromTheLimit) {
  Buffers96 b({{{0xF, 96, 0}, {}, {}, {}}}, 1, 1);
  for (unsigned i = 0; i < 1000; ++i) b.step(0xF, 1, 40);  // 4 engines x 40 lines = 20 buffers
  for (unsigned e = 0; e < kEngines; ++e) EXPECT_EQ(b.reads[e], 1000u);
}

TEST(ReadBuffersTest, AGroupUsesNearlyAllItMay) {
  Buffers96 b({{{0xF, 96, 0}, {}, {}, {}}}, 1, 1);
  for (unsigned i = 0; i < 20000; ++i) b.step(0xF, 8, 800);
  EXPECT_GE(b.most[0], 92u * 8);
}

TEST(ReadBuffersTest, EnginesWithoutAGroupReadNothing) {
  Buffers96 b({{{0x1, 96, 0}, {}, {}, {}}}, 1, 1);
  for (unsigned i = 0; i < 100; ++i) b.step(0xF, 8, 40);
  EXPECT_GT(b.reads[0], 0u);
  EXPECT_EQ(b.reads[1] + b.reads[2] + b.reads[3], 0u);
}

TEST(ReadBuffersTest, LeastAllowedStillReads) {  // dsa 3.3, 0x18: allowed >= 4 x engines
  Buffers96 b({{{0x3, 8, 0}, {0xC, 8, 0}, {0, 8, 0}, {0, 8, 0}}}, 1, 1);
  for (unsigned i = 0; i < 20000; ++i) b.step(0xF, 8, 200);
  EXPECT_EQ(b.most[0], 8u * 8);
  EXPECT_EQ(b.most[1], 8u * 8);
  for (unsigned e = 0; e < kEngines; ++e) EXPECT_GT(b.reads[e], 200u);
}

TEST(ReadBuffersTest, ReservationsLeaveASmallPoolThatIsShared) {
  // 28 of 32 are reserved; three groups without reservation share 4.
  Buffers32 b({{{0x1, 28, 28}, {0x2, 4, 0}, {0x4, 4, 0}, {0x8, 4, 0}}}, 1, 1);
  for (unsigned i = 0; i < 40000; ++i) b.step(0xF, 8, 200);
  EXPECT_GE(b.most[0], 27u * 8);
  for (unsigned e = 1; e < kEngines; ++e) {
    EXPECT_GT(b.reads[e], 100u);
    EXPECT_NEAR(b.reads[e], (b.reads[1] + b.reads[2] + b.reads[3]) / 3.0, 0.25 * b.reads[e]);
  }
}

TEST(ReadBuffersTest, ReservedBuffersStayFreeForTheirGroup) {
  Buffers32 b({{{0x1, 16, 8}, {0xE, 24, 0}, {}, {}}}, 1, 1);
  for (unsigned i = 0; i < 4000; ++i) b.step(0xE, 8, 3000);  // the others take the whole pool
  EXPECT_EQ(b.most[1], 24u * 8);
  for (unsigned i = 0; i < 200; ++i) b.step(0xF, 8, 3000);
  EXPECT_EQ(b.reads[0], 8u);  // and still the first group has its eight
}

TEST(ReadBuffersTest, ReservationOfAGroupWithoutEnginesCounts) {
  Buffers32 b({{{0xF, 20, 0}, {0, 12, 12}, {}, {}}}, 1, 1);
  for (unsigned i = 0; i < 20000; ++i) b.step(0xF, 8, 400);
  EXPECT_EQ(b.most[0], 20u * 8);
}

TEST(ReadBuffersTest, RandomLoadsKeepTheLimits) {
  for (unsigned seed = 1; seed <= 24; ++seed) {
    boost::random::mt19937 random(seed);
    // Engines to groups at random; every configuration that Enable Device would take (dsa 3.3).
    std::array<Group, kGroups> groups{};
    for (unsigned e = 0; e < kEngines; ++e) groups[random() % kGroups].engines |= 1u << e;
    unsigned reserved = 0;
    for (auto& g : groups) {
      g.reserved = random() % 5;
      reserved += g.reserved;
    }
    for (auto& g : groups) {
      const unsigned least = 4 * static_cast<unsigned>(__builtin_popcount(g.engines));
      const unsigned most = 32 - reserved + g.reserved;
      if (g.engines != 0) g.allowed = std::max(least, g.reserved);
      if (g.engines != 0 && most > g.allowed && random() % 2 == 0)
        g.allowed += random() % (most - g.allowed + 1);
    }
    Buffers32 b(groups, 1 + seed % 3, seed);
    unsigned wants = 0xF;
    for (unsigned i = 0; i < 8000; ++i) {
      if (i % 64 == 0) wants = random() & 0xF;
      b.step(wants, i / 2000 % 2 == 0 ? 0 : 8, 10 + 400 * (seed % 2));
      if (::testing::Test::HasFatalFailure()) FAIL() << "seed " << seed;
    }
    for (unsigned e = 0; e < kEngines; ++e) EXPECT_GT(b.reads[e], 20u) << "seed " << seed;
  }
}

}  // namespace
}  // namespace siov::blocks
