// SPDX-License-Identifier: Apache-2.0
// Occupancy interrupts: WQCFG dwords 4 to 6 and the permission of their handles. Literals from DSA
// 2.6, 2.9, 2.10 and 3.3.
#include <gtest/gtest.h>

#include "Vbar_default.h"
#include "Vbar_large.h"
#include "bar_bench.hpp"

namespace siov::test {
namespace {

using Default = Bench<Vbar_default>;
using Large = Bench<Vbar_large>;

/// Queue 1: shared, PASID 0x123 enabled, handle 0x42 of the IMS, limit 3, interrupt enabled. It is
/// the only one; the device is enabled, the queue is not.
struct BarOccupancyTest : testing::Test {
  void SetUp() override {
    b.write(0x840, 8, 0x0000000400000010);
    b.write(0x848, 8, 0x0000001F10012310);
    b.write(0x850, 8, 0x0001000300010042);
    b.write(0x600, 8, 0x2);
    b.write(0x620, 8, 0x1);
    ASSERT_EQ(b.command(1), 0u);
  }
  /// Occupancy as it goes, one value a cycle, the last one for a while.
  void pass(std::initializer_list<unsigned> values) {
    for (const unsigned v : values) {
      b.occupancy(1, v);
      b.tick();
    }
    b.ticks(20);
  }
  bool generated() { return (b.read(0x858) >> 16 & 1) != 0; }

  Default b;
};

TEST_F(BarOccupancyTest, FallToTheLimitSendsOneMessage) {  // 2.9 dwords 4 to 6
  ASSERT_EQ(b.command(6, 1), 0u);
  pass({1, 2, 3, 2});
  EXPECT_FALSE(generated()) << "never above the limit";
  pass({3, 4});
  EXPECT_FALSE(generated()) << "still above";
  pass({3});
  EXPECT_TRUE(generated());
  EXPECT_EQ(b.occupancy_asks, (std::vector<Ask>{{true, 0x42, false, 0}}));
  EXPECT_EQ(b.read(0x98, 4), 0x4u) << "INTCAUSE";
  EXPECT_EQ(b.messages, 0u) << "its own message, none on vector 0";
  pass({9, 0, 9, 0});
  EXPECT_EQ(b.occupancy_asks.size(), 1u) << "generated is still 1";
  b.write(0x858, 4, 0xFFFEFFFF);
  EXPECT_TRUE(generated()) << "W1C";
  b.write(0x85A, 1, 0x01);
  EXPECT_FALSE(generated());
  pass({9, 0});
  EXPECT_TRUE(generated());
  EXPECT_EQ(b.occupancy_asks.size(), 2u);
  EXPECT_EQ(b.read(0x858) & 0xFFFF, 0u);
}

TEST_F(BarOccupancyTest, NothingHappensWhileDisabled) {  // 2.9
  pass({9, 0});
  EXPECT_FALSE(generated()) << "queue disabled";
  b.write(0x856, 1, 0);
  ASSERT_EQ(b.command(6, 1), 0u);
  pass({9, 0});
  EXPECT_FALSE(generated()) << "interrupt disabled";
  EXPECT_TRUE(b.occupancy_asks.empty());
  EXPECT_EQ(b.read(0x98, 4), 0u);
  pass({9});
  b.write(0x854, 4, 0x00010005);  // limit and enable in one write
  pass({9});
  pass({5});
  EXPECT_EQ(b.occupancy_asks.size(), 1u) << "enabled while above";
}

TEST_F(BarOccupancyTest, NewLimitIsNoFall) {  // 2.9
  b.write(0x854, 4, 0x00000003);
  ASSERT_EQ(b.command(6, 1), 0u);
  pass({8});
  b.write(0x854, 4, 0x00010009);
  b.ticks(20);
  EXPECT_FALSE(generated());
  EXPECT_TRUE(b.occupancy_asks.empty());
}

TEST_F(BarOccupancyTest, FieldsLock) {  // 2.9
  b.write(0x850, 8, 0xFFFFFFFFFFFFFFFF);
  EXPECT_EQ(b.read(0x850), 0x000100030001FFFFu) << "limit locked while the interrupt is enabled";
  b.write(0x854, 4, 0x00000007);
  EXPECT_EQ(b.read(0x854, 4), 0x00000003u) << "still as the write begins";
  b.write(0x854, 4, 0x00010007);
  EXPECT_EQ(b.read(0x854, 4), 0x00010007u);
  b.write(0x850, 4, 0x00010042);
  ASSERT_EQ(b.command(6, 1), 0u);
  b.write(0x850, 4, 0x00000001);
  EXPECT_EQ(b.read(0x850, 4), 0x00010042u) << "the handle was checked";
  b.write(0x856, 1, 0x00);
  b.write(0x854, 2, 0x1234);
  EXPECT_EQ(b.read(0x854, 4), 0x1234u) << "any time";
  EXPECT_EQ(b.command(10, 2), 0u);
  EXPECT_EQ(b.read(0x850), 0u) << "Reset WQ clears all but the size";
  EXPECT_EQ(b.read(0x840), 0x10u);
}

TEST_F(BarOccupancyTest, HandleNeedsPermission) {  // 2.10, 3.3: 0x2b
  b.permitted = [](const Ask& a) { return a == Ask{true, 0x42, true, 0x124}; };
  EXPECT_EQ(b.command(6, 1), 0x2Bu);
  EXPECT_EQ(b.permission_asks, (std::vector<Ask>{{true, 0x42, true, 0x123}}));
  b.write(0x848, 4, 0x10012410);
  b.write(0x860, 8, 0x10000000000);  // wrong, but the higher code
  b.write(0x850, 4, 0x00000042);
  EXPECT_EQ(b.command(6, 1), 0x2Bu) << "the other table";
  b.write(0x850, 4, 0x00010042);
  EXPECT_EQ(b.command(6, 1), 0x2Du);
  b.write(0x860, 8, 0x9);
  EXPECT_EQ(b.command(6, 1), 0u);
}

TEST_F(BarOccupancyTest, HandleWithoutPermissionNeverSends) {  // 2.10
  b.permitted = [](const Ask&) { return false; };
  b.write(0x856, 1, 0);
  ASSERT_EQ(b.command(6, 1), 0u) << "the interrupt is off";
  b.write(0x856, 1, 1);
  pass({9});
  pass({0});
  EXPECT_TRUE(generated());
  EXPECT_EQ(b.read(0x98, 4), 0x4u);
  EXPECT_TRUE(b.occupancy_asks.empty());
}

TEST_F(BarOccupancyTest, ResetWithdrawsWhatIsOwed) {  // 3.2
  ASSERT_EQ(b.command(6, 1), 0u);
  b.take_messages = false;
  pass({9, 0});
  EXPECT_EQ(b.dut.occ_irq_valid_o, 1);
  EXPECT_EQ(b.command(10, 2), 0u);
  b.ticks(4);
  EXPECT_EQ(b.dut.occ_irq_valid_o, 0);
  b.take_messages = true;
  b.ticks(50);
  EXPECT_TRUE(b.occupancy_asks.empty());
  EXPECT_EQ(b.read(0x858), 0u);
}

TEST_F(BarOccupancyTest, HaltMakesNoEvent) {  // 6
  ASSERT_EQ(b.command(6, 1), 0u);
  pass({9});
  b.dut.halt_req_i = 1;
  b.ticks(3);
  b.dut.halt_req_i = 0;
  pass({0});
  EXPECT_FALSE(generated());
  EXPECT_TRUE(b.occupancy_asks.empty());
}

TEST(BarOccupancyLargeTest, EveryQueueSendsItsOwn) {  // 2.9
  Large b;
  for (unsigned w = 0; w < 128; ++w) {
    b.write(0x18000 + 64 * w, 8, 0x20);
    b.write(0x18008 + 64 * w, 8, 0x0000001F00000011);
    b.write(0x18010 + 64 * w, 8, 0x0001000200000400 + w);
  }
  b.write(0x14000, 8, 0xFFFFFFFFFFFFFFFF);
  b.write(0x14008, 8, 0xFFFFFFFFFFFFFFFF);
  b.write(0x14020, 8, 0x1);
  ASSERT_EQ(b.command(1), 0u);
  for (unsigned w = 0; w < 128; ++w) ASSERT_EQ(b.command(6, w), 0u);
  for (unsigned w = 0; w < 128; ++w) b.occupancy(w, 3);
  b.ticks(3);
  for (unsigned w = 0; w < 128; ++w) b.occupancy(w, 2);
  b.ticks(1500);
  std::set<unsigned> seen;
  for (const Ask& a : b.occupancy_asks) {
    EXPECT_FALSE(a.ims);
    EXPECT_TRUE(seen.insert(a.handle).second) << a.handle;
  }
  EXPECT_EQ(seen.size(), 128u);
  EXPECT_EQ(*seen.begin(), 0x400u);
  EXPECT_EQ(*seen.rbegin(), 0x47Fu);
  for (unsigned w = 0; w < 128; ++w) EXPECT_EQ(b.read(0x18018 + 64 * w), 0x40010002u) << w;
}

}  // namespace
}  // namespace siov::test
