// SPDX-License-Identifier: Apache-2.0
// The configuration space a guest sees: values and write rules typed from siov.md 3.2 and dsa.md 1.
#include "vdcm/virtual_config.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace siov::vdcm {
namespace {

TEST(VirtualConfigTest, PowerOnValuesAreThoseOfTheReference) {
  const VirtualConfig config(0x8086, 0x0B25);
  const struct {
    std::uint32_t offset, value;
  } golden[] = {
      {0x00, 0x0B25'8086},  // dsa.md 1.1
      {0x04, 0x0010'0000},  // status: capability list
      {0x08, 0x0880'0000},  // class 088000
      {0x0C, 0x0080'0000},  // multi-function bit set, type 0
      {0x10, 0x0000'000C},
      {0x14, 0},
      {0x18, 0x0000'000C},
      {0x1C, 0},  // 64-bit prefetchable
      {0x20, 0},
      {0x24, 0},
      {0x34, 0x0000'0040},  // capability pointer
      {0x3C, 0x0000'0000},  // pin 0
      {0x40, 0x0001'5011},  // MSI-X, next 0x50, 2 vectors
      {0x44, 0x0000'0600},
      {0x48, 0x0000'0700},  // table, PBA in BAR0
      {0x50, 0x0092'0010},  // PCIe v2 RCiEP, end of list
      {0x54, 0x1000'8022},
      {0x100, 0x1101'000F},
      {0x104, 0x0000'0061},  // ATS: depth 1, page aligned, global invalidate
      {0x110, 0x1201'0013},
      {0x114, 0x8100'0000},
      {0x118, 1},
      {0x11C, 0},  // PRI: stopped, PASID required, capacity 1
      {0x120, 0x0001'001B},
      {0x124, 0x0000'1404},  // PASID: next 0, width 20, privileged
      {0x130, 0x0001'0023},
      {0x134, 0x0181'8086},
      {0x138, 0x0000'0005},
      {0x13C, 1},
      {0x140, 1},
      {0x144, 0},  // DVSEC
  };
  for (const auto& g : golden) EXPECT_EQ(config.read(g.offset, 4), g.value) << std::hex << g.offset;
  EXPECT_EQ(config.read(0x74, 4), 0x0070'0010u);  // DevCap2: bits 20, 21, 23:22 = 1, 4
}

TEST(VirtualConfigTest, SmallReadsGiveTheirBytes) {
  const VirtualConfig config(0x8086, 0x0B25);
  EXPECT_EQ(config.read(0x02, 2), 0x0B25u);
  EXPECT_EQ(config.read(0x0B, 1), 0x08u);
  EXPECT_EQ(config.read(0x0A, 1), 0x80u);
  EXPECT_EQ(config.read(0x01, 2), 0xFFFF'FFFFu);  // misaligned
}

TEST(VirtualConfigTest, AllOnesChangesOnlyTheListedBits) {  // SIOV-H-03, SIOV-H-04
  const VirtualConfig before(0x8086, 0x0B25);
  for (std::uint32_t offset = 0; offset < 4096; offset += 4) {
    VirtualConfig config(0x8086, 0x0B25);
    config.write(offset, 4, 0xFFFF'FFFF);
    std::uint32_t expected = before.read(offset, 4);
    switch (offset) {
      case 0x04:
        expected |= 0x0146;
        break;  // MSE, BME, PERR, SERR
      case 0x0C:
        expected |= 0xFF;
        break;
      case 0x10:
      case 0x18:
        expected = 0xFFFF'E00C;
        break;  // 8 KiB: the inverted mask, siov.md 3.8
      case 0x14:
      case 0x1C:
        expected = 0xFFFF'FFFF;
        break;
      case 0x3C:
        expected |= 0xFF;
        break;
      case 0x40:
        expected |= 0xC000'0000;
        break;
      case 0x58:
        expected |= 0x0000'7FFF;
        break;  // DevCtl without FLR, which reads 0
      case 0x78:
        expected |= 0x1F;
        break;
      case 0x104:
        expected |= 0x801F'0000;
        break;
      case 0x114:
        expected = 0x8000'0001;
        break;  // enabling clears stopped
      case 0x11C:
        expected = 0xFFFF'FFFF;
        break;
      case 0x124:
        expected |= 0x0005'0000;
        break;  // bits 0 and 2 only
      default:
        break;
    }
    EXPECT_EQ(config.read(offset, 4), expected) << std::hex << offset;
    for (std::uint32_t other = 0; other < 4096; other += 4) {
      if (other == offset) continue;
      ASSERT_EQ(config.read(other, 4), before.read(other, 4)) << std::hex << offset << " " << other;
    }
  }
}

TEST(VirtualConfigTest, ByteWriteLeavesNeighboursAlone) {
  VirtualConfig config(0x8086, 0x0B25);
  config.write(0x13, 1, 0xAB);
  EXPECT_EQ(config.read(0x10, 4), 0xAB00'000Cu);
  config.write(0x10, 1, 0xFF);
  EXPECT_EQ(config.read(0x10, 4), 0xAB00'000Cu);
}

TEST(VirtualConfigTest, WalkDoesNotReachTheDvsec) {  // SIOV-H-02
  const VirtualConfig config(0x8086, 0x0B25);
  std::vector<std::uint32_t> offsets;
  for (std::uint32_t at = 0x100; at != 0; at = config.read(at, 4) >> 20) offsets.push_back(at);
  EXPECT_EQ(offsets, (std::vector<std::uint32_t>{0x100, 0x110, 0x120}));
}

TEST(VirtualConfigTest, FlrIsReportedAndReadsZero) {  // SIOV-H-29
  VirtualConfig config(0x8086, 0x0B25);
  EXPECT_FALSE(config.write(0x58, 2, 0x2910));
  EXPECT_TRUE(config.write(0x58, 2, 0xA910));
  EXPECT_EQ(config.read(0x58, 2), 0x2910u);
  EXPECT_TRUE(config.write(0x59, 1, 0x80));
}

TEST(VirtualConfigTest, DisablingPriStopsIt) {
  VirtualConfig config(0x8086, 0x0B25);
  config.write(0x114, 2, 1);
  EXPECT_TRUE(config.pri_enabled());
  EXPECT_EQ(config.read(0x116, 2), 0x8000u);
  config.write(0x114, 2, 0);
  EXPECT_EQ(config.read(0x116, 2), 0x8100u);
}

}  // namespace
}  // namespace siov::vdcm
