// SPDX-License-Identifier: Apache-2.0
// Commands over all queues, handles, occupancy interrupts, event log start. Literals from DSA 2.9,
// 2.10, 2.11 and 3.
#include <gtest/gtest.h>

#include "Vbar_default.h"
#include "Vbar_large.h"
#include "Vbar_small.h"
#include "bar_bench.hpp"

namespace siov::test {
namespace {

using Small = Bench<Vbar_small>;
using Default = Bench<Vbar_default>;
using Large = Bench<Vbar_large>;

/// Queue 1 (shared, PASID 0x123 in WQCFG) in group 0 with engine 0, device enabled.
void enable_device(Default& b) {
  b.write(0x840, 8, 0x0000000400000010);
  b.write(0x848, 8, 0x0000001F10012310);
  b.write(0x600, 8, 0x2);
  b.write(0x620, 8, 0x1);
  ASSERT_EQ(b.command(1), 0u);
}

/// All 128 queues of 32 entries: queue w in group w % 4, each with one engine; device enabled.
void enable_device(Large& b) {
  for (unsigned w = 0; w < 128; ++w) {
    b.write(0x18000 + 64 * w, 8, 0x20);
    b.write(0x18008 + 64 * w, 8, 0x0000001F00000011 + (w << 8));
  }
  for (unsigned g = 0; g < 4; ++g) {
    for (unsigned word = 0; word < 2; ++word)
      b.write(0x14000 + 64 * g + 8 * word, 8, 0x1111111111111111u << g);
    b.write(0x14020 + 64 * g, 8, 1u << g);
  }
  ASSERT_EQ(b.command(1), 0u);
}

TEST(BarCommandTest, EveryQueueIsReachedByIndexAndBitmap) {  // 3.1
  Large b;
  enable_device(b);
  for (const unsigned w : {0u, 15u, 16u, 64u, 127u}) {
    EXPECT_EQ(b.command(6, w), 0u) << w;
    EXPECT_EQ(b.command(6, w), 0x21u) << w;
    EXPECT_EQ(b.read(0x18018 + 64 * w) >> 30, 1u);
    EXPECT_EQ(get(b.dut.wq_cfg_o, 88 * w + 87, 1), 1u) << "accepts";
    EXPECT_EQ(get(b.dut.wq_cfg_o, 88 * w + 71, 16), 32u * w) << "entries stand one after the other";
  }
  EXPECT_EQ(b.command(6, 128), 0x02u);
  EXPECT_EQ(b.command(6, 255), 0x02u);
  EXPECT_EQ(b.command(6, 0x100), 0x04u);
  b.drains.clear();
  EXPECT_EQ(b.command(8, 7u << 16 | 0x8000), 0u);
  EXPECT_EQ(b.drains.back(), (std::set<unsigned>{127}));
  EXPECT_EQ(b.command(9, 0x8001), 0u);
  EXPECT_EQ(b.drains.back(), (std::set<unsigned>{0, 15}));
  EXPECT_EQ(b.command(8, 1u << 16 | 0x0003), 0x32u) << "17 is not enabled";
  EXPECT_EQ(b.drains.size(), 2u);
  EXPECT_EQ(b.command(7, 4u << 16 | 0x0001), 0u);
  EXPECT_EQ(b.read(0x18018 + 64 * 64) >> 30, 0u);
  EXPECT_EQ(b.command(10, 7u << 16 | 0x8000), 0u);
  EXPECT_EQ(b.read(0x18000 + 64 * 127), 0x20u) << "Reset WQ keeps the size";
  EXPECT_EQ(b.read(0x18008 + 64 * 127), 0u);
  for (unsigned code = 7; code <= 10; ++code) {
    EXPECT_EQ(b.command(code, 8u << 16 | 1), 0x02u) << "queue 128";
    EXPECT_EQ(b.command(code, 15u << 16 | 0x8000), 0x02u);
    EXPECT_EQ(b.command(code, 15u << 16), 0u) << "no bit, no queue";
  }
  b.drains.clear();
  EXPECT_EQ(b.command(11, 0x00010), 0u);
  EXPECT_EQ(b.drains.back(), (std::set<unsigned>{})) << "PASID is not enabled in these queues";
  EXPECT_EQ(b.command(3, 0xFFFFF), 0u) << "operand ignored";
  EXPECT_EQ(b.drains.back().size(), 128u);
}

TEST(BarCommandTest, QueuesAreBusyAsSoonAsTheyStop) {  // 2.9 dword 6, 3.2
  Large b;
  enable_device(b);
  ASSERT_EQ(b.command(6, 127), 0u);
  ASSERT_EQ(b.command(6, 3), 0u);
  b.drain_cycles = 300;
  b.write(0xA0, 4, 7u << 20 | 7u << 16 | 0x8000);
  b.ticks(6);
  EXPECT_EQ(b.read(0x18018 + 64 * 127) >> 30, 2u) << "Disable WQ";
  EXPECT_EQ(b.read(0x18018 + 64 * 3) >> 30, 1u) << "the sibling";
  while (b.read(0xA8, 4) >> 31 != 0) {
  }
  EXPECT_EQ(b.read(0x18018 + 64 * 127) >> 30, 0u);
  b.write(0xA0, 4, 2u << 20);
  EXPECT_EQ(b.read(0x90, 4), 2u) << "Disable Device";
  EXPECT_EQ(b.read(0x18018 + 64 * 3) >> 30, 2u);
  while (b.read(0xA8, 4) >> 31 != 0) {
  }
  EXPECT_EQ(b.read(0x18018 + 64 * 3) >> 30, 0u);
  EXPECT_EQ(b.read(0x90, 4), 0u);
}

TEST(BarCommandTest, BitmapEndsAtTheLastQueue) {  // 3.3 code 0x02
  Default b;
  enable_device(b);
  EXPECT_EQ(b.command(10, 0x0080), 0u);
  EXPECT_EQ(b.command(10, 0x0100), 0x02u);
  EXPECT_EQ(b.command(10, 0x10001), 0x02u);
  EXPECT_EQ(b.command(6, 8), 0x02u);
}

TEST(BarCommandTest, PasidCommandsMeanTheQueuesThatMayHoldIt) {  // 3.2
  Default b;
  b.write(0x800, 8, 8);
  b.write(0x808, 8, 0x0000001F10045611);  // dedicated, PASID 0x456
  b.write(0x8C0, 8, 8);
  b.write(0x8C8, 8, 0x0000001F00045611);  // dedicated, no PASID
  b.write(0x840, 8, 8);
  b.write(0x848, 8, 0x0000001F10000010);  // shared
  b.write(0x600, 8, 0xB);
  b.write(0x620, 8, 0x1);
  ASSERT_EQ(b.command(1), 0u);
  for (const unsigned w : {0u, 1u, 3u}) ASSERT_EQ(b.command(6, w), 0u);
  EXPECT_EQ(b.command(11, 0x456), 0u);
  EXPECT_EQ(b.drains.back(), (std::set<unsigned>{0, 1}));
  EXPECT_EQ(b.command(12, 0x457), 0u);
  EXPECT_EQ(b.drains.back(), (std::set<unsigned>{1}));
}

TEST(BarCommandTest, HandlesAreGrantedAndReleased) {  // 3.1, 3.3: 13 and 14
  Large b;
  EXPECT_EQ(b.command(13, 7), 0x00000700u) << "handle is the index";
  EXPECT_EQ(b.command(13, 7), 0x00000700u) << "again";
  EXPECT_EQ(b.command(13, 1u << 16 | 99), 0x00006300u);
  EXPECT_EQ(b.granted, (std::set<unsigned>{7, 1u << 16 | 99}));
  EXPECT_EQ(b.command(13, 100), 0x41u) << "out of range";
  EXPECT_EQ(b.command(14, 8), 0x41u) << "never granted";
  EXPECT_EQ(b.command(14, 99), 0x41u) << "granted in the other table";
  EXPECT_EQ(b.command(14, 7), 0u) << "no result";
  EXPECT_EQ(b.command(14, 7), 0x41u);
  EXPECT_EQ(b.command(13, 2u << 16 | 1), 0x04u);
  EXPECT_EQ(b.command(14, 8u << 16 | 1), 0x04u);
  EXPECT_EQ(b.granted, (std::set<unsigned>{1u << 16 | 99}));
  EXPECT_EQ(b.messages, 0u);
  EXPECT_EQ(b.command(13, 3, true), 0x00000300u);
  EXPECT_EQ(b.messages, 1u);
  EXPECT_EQ(b.command(3), 0u) << "the result does not stay";
  EXPECT_EQ(b.command(15), 0x01u);
  EXPECT_EQ(b.command(31), 0x01u);
}

TEST(BarCommandTest, HandleCommandsAreUnknownWithoutCmdcap) {  // 3.1
  Default b;
  for (unsigned code = 13; code < 32; ++code) EXPECT_EQ(b.command(code, 1), 0x01u) << code;
  EXPECT_EQ(b.command(0), 0x01u);
  EXPECT_EQ(b.dut.gr_valid_o, 0);
}

TEST(BarCommandTest, EnableDeviceRefusesWhatDoesNotExist) {  // 3.3: 0x15, 0x14
  Large b;
  b.write(0x18000 + 64 * 127, 8, 4096);
  b.write(0x14000 + 64 * 15 + 8, 8, std::uint64_t{1} << 63);
  b.write(0x14020 + 64 * 15, 8, 8);
  EXPECT_EQ(b.command(1), 0u);
  EXPECT_EQ(b.command(5), 0u);
  b.write(0x18000 + 64 * 127, 8, 4096);
  b.write(0x18000, 8, 1);
  EXPECT_EQ(b.command(1), 0x14u);
  b.write(0x18000, 8, 0);
  EXPECT_EQ(b.command(1), 0x16u) << "in no group";
  b.write(0x14000 + 64 * 15 + 8, 8, std::uint64_t{1} << 63);
  b.write(0x14020 + 64 * 15, 8, 8);
  b.write(0x14010, 8, 1);
  EXPECT_EQ(b.command(1), 0x15u) << "queue 128";
  b.write(0x14010, 8, 0);
  b.write(0x14020, 8, 0x10);
  EXPECT_EQ(b.command(1), 0x15u) << "engine 4";
  b.write(0x14020, 8, 0);
  b.write(0x14008, 8, std::uint64_t{1} << 63);
  b.write(0x14020, 8, 1);
  EXPECT_EQ(b.command(1), 0x16u) << "in two groups";
  b.write(0x14008, 8, 0);
  b.write(0x14000, 8, 0);
  b.write(0x14020, 8, 0);
  EXPECT_EQ(b.command(1), 0u);
}

TEST(BarCommandTest, EnableWqRefusesOperationsTheDeviceHasNot) {  // 3.3: 0x2d
  for (const unsigned bit : {10u, 15u, 22u, 33u, 63u}) {
    Default b;
    enable_device(b);
    b.write(0x860, 8, 0x8 | std::uint64_t{1} << bit);
    EXPECT_EQ(b.command(6, 1), 0x2Du) << bit;
    b.write(0x860, 8, 0x1003F03FF);
    EXPECT_EQ(b.command(6, 1), 0u) << bit;
    b.write(0x860, 8, 0);
    EXPECT_EQ(b.read(0x860), 0x1003F03FFu) << "locked while enabled";
    EXPECT_EQ(b.command(10, 2), 0u);
    b.write(0x860, 8, 0x9);
    EXPECT_EQ(b.command(10, 2), 0u);
    EXPECT_EQ(b.read(0x860), 0x1003F03FFu) << "Reset WQ: back to OPCAP";
  }
}

TEST(BarCommandTest, QueueIsLockedWhileItIsBeingEnabled) {  // 2.9, 3.3
  for (unsigned gap = 0; gap < 12; ++gap) {
    Default b;
    enable_device(b);
    b.write(0xA0, 4, 6u << 20 | 1);
    b.ticks(gap);
    b.write(0x848, 4, 0x00012301);  // priority 0, no PASID
    b.write(0x860, 1, 0);
    while (b.read(0xA8, 4) >> 31 != 0) {
    }
    EXPECT_EQ(b.read(0xA8, 4), 0u);
    EXPECT_EQ(b.read(0x848, 4), 0x10012310u) << gap;
    EXPECT_EQ(b.read(0x860), 0x1003F03FFu) << gap;
    EXPECT_EQ(b.read(0x858) >> 30, 1u);
  }
}

TEST(BarEventLogTest, EnableDeviceStartsTheLogOnce) {  // 2.11, 3.3: 0x19
  Default b;
  b.write(0x80, 4, 0x2060);
  b.dut.evl_cfg_ok_i = 0;
  EXPECT_EQ(b.command(1), 0x19u);
  EXPECT_EQ(b.log_starts, 0u);
  EXPECT_EQ(b.dut.evl_active_o, 0);
  b.write(0x640, 8, 1);  // queue without engine: the lower code
  EXPECT_EQ(b.command(1), 0x15u);
  b.write(0x640, 8, 0);
  b.dut.evl_cfg_ok_i = 1;
  EXPECT_EQ(b.dut.evl_locked_o, 0);
  EXPECT_EQ(b.command(1), 0u);
  EXPECT_EQ(b.log_starts, 1u);
  EXPECT_EQ(b.dut.evl_active_o, 1);
  EXPECT_EQ(b.dut.evl_locked_o, 1);
  b.write(0x80, 4, 0x60);
  EXPECT_EQ(b.read(0x80, 4), 0x2060u) << "locked";
  EXPECT_EQ(b.command(2), 0u);
  EXPECT_EQ(b.dut.evl_active_o, 0);
  b.write(0x80, 4, 0x60);
  b.dut.evl_cfg_ok_i = 0;
  EXPECT_EQ(b.command(1), 0u) << "a log that is off is not looked at";
  EXPECT_EQ(b.log_starts, 1u);
  EXPECT_EQ(b.dut.evl_active_o, 0);
  EXPECT_EQ(b.dut.evl_locked_o, 1);
}

TEST(BarEventLogTest, LogEndsWithTheDeviceAndLastsThroughHalt) {  // 2.11, 6
  Default b;
  b.write(0x80, 4, 0x2060);
  ASSERT_EQ(b.command(1), 0u);
  b.dut.halt_req_i = 1;
  b.ticks(3);
  b.dut.halt_req_i = 0;
  EXPECT_EQ(b.read(0x90, 4), 3u);
  EXPECT_EQ(b.dut.evl_active_o, 1);
  EXPECT_EQ(b.command(5), 0u);
  EXPECT_EQ(b.dut.evl_active_o, 0);
  EXPECT_EQ(b.read(0x80, 4), 0x60u);
}

}  // namespace
}  // namespace siov::test
