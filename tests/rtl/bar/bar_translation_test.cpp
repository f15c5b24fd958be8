// SPDX-License-Identifier: Apache-2.0
// What address translation adds to the registers: enables of configuration space, block on fault,
// queue control, forgetting. Literals from DSA 1.4, 2.9, 3.2 and 3.3.
#include <gtest/gtest.h>

#include "Vbar_default.h"
#include "Vbar_small.h"
#include "bar_bench.hpp"

namespace siov::test {
namespace {

using Default = Bench<Vbar_default>;
using Small = Bench<Vbar_small>;

/// ATS and page requests on; queue 0 dedicated, queue 1 shared, 16 entries each, engine 0.
template <class B>
void configure(B& b) {
  const unsigned stride = std::is_same_v<B, Small> ? 32 : 64;
  b.dut.ats_en_i = b.dut.pri_en_i = b.dut.pri_alloc_ok_i = 1;
  for (unsigned w = 0; w < 2; ++w) {
    b.write(0x800 + stride * w, 8, 0x0000001000000010);
    b.write(0x808 + stride * w, 8, 0x0000001F10012310 | (w == 0 ? 1 : 0));
  }
  b.write(0x600, 8, 0x3);
  b.write(0x620, 8, 0x1);
}

TEST(BarTranslationTest, EnableDeviceNeedsAnAllocationInRangeForPageRequests) {  // 3.3: 0x13
  Default b;
  configure(b);
  b.dut.pri_alloc_ok_i = 0;
  EXPECT_EQ(b.command(1), 0x13u);
  EXPECT_EQ(b.read(0x90, 4), 0u);
  b.dut.bme_i = 0;
  EXPECT_EQ(b.command(1), 0x12u) << "the lower code first";
  b.dut.bme_i = 1;
  b.write(0x600, 8, 0);
  EXPECT_EQ(b.command(1), 0x13u) << "before the groups";
  b.write(0x600, 8, 0x3);
  b.dut.pri_en_i = 0;
  EXPECT_EQ(b.command(1), 0u) << "nobody asks for pages";
}

// 1.4: each combination that a device can see is legal; PRS without ATS counts as off.
TEST(BarTranslationTest, EveryCombinationOfTheEnablesIsAccepted) {
  for (unsigned enables = 0; enables < 8; ++enables) {
    Default b;
    configure(b);
    b.dut.pasid_en_i = enables & 1;
    b.dut.ats_en_i = enables >> 1 & 1;
    b.dut.pri_en_i = (enables >> 2 & 1) && b.dut.ats_en_i;
    b.ticks(3);
    EXPECT_EQ(b.command(1), 0u) << enables;
    EXPECT_EQ(b.command(6, 1), b.dut.pasid_en_i ? 0u : 0x26u) << enables;
  }
}

TEST(BarTranslationTest, ChangeOfAnEnableHaltsADeviceThatIsNotDisabled) {  // 1.4, 2.7
  for (unsigned which = 0; which < 4; ++which) {
    for (unsigned state = 0; state < 3; ++state) {  // Disabled, Enabled, Disable Device under way
      Default b;
      configure(b);
      if (which == 3) b.dut.ats_en_i = b.dut.pri_en_i = 0;
      b.ticks(3);
      if (state != 0) ASSERT_EQ(b.command(1), 0u);
      if (state == 2) {
        b.drain_cycles = 500;
        b.write(0xA0, 4, 2u << 20);
        b.ticks(20);
        EXPECT_EQ(b.read(0x90, 4), 2u);
      }
      if (which == 0) b.dut.ats_en_i = b.dut.pri_en_i = 0;
      if (which == 1) b.dut.pri_en_i = 0;
      if (which == 2) b.dut.pasid_en_i = 0;
      if (which == 3) b.dut.ats_en_i = 1;
      b.ticks(6);
      EXPECT_EQ(b.read(0x90, 4), state == 0 ? 0u : 7u) << which << ' ' << state;
      EXPECT_EQ(b.read(0xC0) & 0xFFFF, state == 0 ? 0u : 0x5101u) << which << ' ' << state;
      if (state != 0) EXPECT_EQ(b.command(5), 0x05u) << "only function-level reset leaves it";
    }
  }
}

TEST(BarTranslationTest, BlockOnFaultNeedsPageRequests) {  // 3.3: 0x25; 2.9
  Default b;
  configure(b);
  ASSERT_EQ(b.command(1), 0u);
  const struct {
    unsigned dword2, error;
    const char* why;
  } cases[] = {{0x10012313, 0x00, "block on fault"},
               {0x10012317, 0x25, "ATS disabled for the queue, so PRS too"},
               {0x1001231B, 0x25, "PRS disabled for the queue"},
               {0x1001231F, 0x25, "both"},
               {0x1001231D, 0x00, "no block on fault"},
               {0x10012315, 0x00, "no block on fault"}};
  for (const auto& c : cases) {
    b.write(0x808, 4, c.dword2);
    EXPECT_EQ(b.command(6, 0), c.error) << c.why;
    if (c.error == 0) ASSERT_EQ(b.command(7, 1), 0u);
  }
  b.write(0x848, 4, 0x10012312);
  EXPECT_EQ(b.command(6, 1), 0u) << "a shared queue may, too";
  b.write(0x808, 4, 0x10012303);
  EXPECT_EQ(b.command(6, 0), 0x23u) << "the lower code first";
  b.write(0x808, 4, 0x0001231B);
  EXPECT_EQ(b.command(6, 0), 0x25u);

  Default off;
  configure(off);
  off.dut.pri_en_i = 0;
  off.ticks(3);
  ASSERT_EQ(off.command(1), 0u);
  off.write(0x808, 4, 0x10012313);
  EXPECT_EQ(off.command(6, 0), 0x25u) << "PRS is off";
}

TEST(BarTranslationTest, DisableBitsAreKeptLockedAndTold) {  // 2.9 dword 2
  Default b;
  configure(b);
  b.write(0x808, 4, 0x1001231D);
  EXPECT_EQ(b.read(0x808, 4), 0x1001231Du);
  EXPECT_EQ(get(b.dut.wq_cfg_o, 0, 2), 3u) << "{ATS, PRS} disabled";
  b.write(0x808, 1, 0x15);
  EXPECT_EQ(get(b.dut.wq_cfg_o, 0, 2), 2u);
  b.write(0x808, 1, 0x19);
  EXPECT_EQ(get(b.dut.wq_cfg_o, 0, 2), 1u);
  EXPECT_EQ(get(b.dut.wq_cfg_o, 88, 2), 0u) << "the sibling";
  ASSERT_EQ(b.command(1), 0u);
  ASSERT_EQ(b.command(6, 0), 0u);
  b.write(0x808, 1, 0x15);
  EXPECT_EQ(b.read(0x808, 4), 0x10012319u) << "locked";
  EXPECT_EQ(get(b.dut.wq_cfg_o, 0, 2), 1u);
  ASSERT_EQ(b.command(10, 1), 0u);
  EXPECT_EQ(b.read(0x808, 4), 0u);
  EXPECT_EQ(get(b.dut.wq_cfg_o, 0, 2), 0u);
}

TEST(BarTranslationTest, DeviceWithoutAtsHasNoDisableBitsAndNoBlockOnFault) {  // 2.2, 2.3, 3.3: 0x25
  Small b;
  configure(b);
  b.write(0x808, 4, 0x1001231F);
  EXPECT_EQ(b.read(0x808, 4), 0x10012313u) << "WQCAP offers no control: the bits do not exist";
  EXPECT_EQ(get(b.dut.wq_cfg_o, 0, 2), 0u);
  ASSERT_EQ(b.command(1), 0u);
  EXPECT_EQ(b.command(6, 0), 0x25u);
  b.write(0x808, 4, 0x1001231D);
  EXPECT_EQ(b.command(6, 0), 0u);
}

/// What a command does to cached translations.
struct Forget {
  unsigned code, operand;
  bool forgets;
};

TEST(BarTranslationTest, EndOfWorkForgetsTranslations) {  // 3.2, SIOV-D-41
  const Forget cases[] = {{3, 0, false},  {4, 0, true},  {8, 1, false},  {9, 1, true},
                          {10, 1, true},  {11, 5, false}, {12, 5, true}, {7, 2, true},
                          {6, 0, false},  {2, 0, true},  {1, 0, false},  {5, 0, true}};
  for (const bool ats : {true, false}) {
    Default b;
    configure(b);
    if (!ats) b.dut.ats_en_i = b.dut.pri_en_i = 0;
    b.ticks(3);
    ASSERT_EQ(b.command(1), 0u);
    ASSERT_EQ(b.command(6, 0), 0u);
    ASSERT_EQ(b.command(6, 1), 0u);
    for (const Forget& c : cases) {
      b.forgets = 0;
      EXPECT_EQ(b.command(c.code, c.operand), 0u) << c.code;
      EXPECT_EQ(b.forgets, c.forgets ? 1u : 0u) << c.code;
    }
  }
}

TEST(BarTranslationTest, CommandWaitsForTheTranslationsOfTheEndedWork) {  // SIOV-D-41
  for (const unsigned code : {4u, 9u, 10u, 12u, 7u, 2u, 5u}) {
    Default b;
    configure(b);
    ASSERT_EQ(b.command(1), 0u);
    ASSERT_EQ(b.command(6, 0), 0u);
    b.forget_cycles = 400;
    b.write(0xA0, 4, code << 20 | 1);
    b.ticks(300);
    EXPECT_EQ(b.read(0xA8, 4), 0x80000000u) << code << ": still active";
    b.ticks(300);
    EXPECT_EQ(b.read(0xA8, 4), 0u) << code;
  }
}

TEST(BarTranslationTest, HaltEndsTheWaitForTranslations) {  // 6
  Default b;
  configure(b);
  ASSERT_EQ(b.command(1), 0u);
  ASSERT_EQ(b.command(6, 0), 0u);
  b.forget_cycles = 1'000'000;
  b.write(0xA0, 4, 10u << 20 | 1);
  b.ticks(100);
  b.dut.ats_en_i = b.dut.pri_en_i = 0;
  b.ticks(10);
  EXPECT_EQ(b.read(0xA8, 4), 0x05u);
  EXPECT_EQ(b.read(0x90, 4), 7u);
}

}  // namespace
}  // namespace siov::test
