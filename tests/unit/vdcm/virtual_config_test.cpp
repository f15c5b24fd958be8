// SPDX-License-Identifier: Apache-2.0
// The configuration space a guest sees: values and write rules typed from siov.md 3.2 and dsa.md 1.
#include "vdcm/virtual_config.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace siov::vdcm {
namespace {

struct Dword {
  std::uint32_t offset, value;
  std::uint32_t writable = 0, clear_by_one = 0;
};

/// Every dword that is not 0, and what a guest may do to it. One queue, two vectors.
const std::vector<Dword>& golden() {
  static const std::vector<Dword> dwords = {
      {0x00, 0x0B25'8086},                            // dsa.md 1.1
      {0x04, 0x0010'0000, 0x0000'0146, 0xF900'0000},  // MSE, BME, PERR, SERR; status high byte RW1C
      {0x08, 0x0880'0000},                            // class 088000
      {0x0C, 0x0080'0000, 0x0000'00FF},               // multi-function bit set, type 0
      {0x10, 0x0000'000C, 0xFFFF'E000},               // BAR0: 64-bit prefetchable, 8 KiB
      {0x14, 0x0000'0000, 0xFFFF'FFFF},
      {0x18, 0x0000'000C, 0xFFFF'E000},  // BAR2: 8 KiB
      {0x1C, 0x0000'0000, 0xFFFF'FFFF},
      {0x2C, 0x0000'8086},               // subsystem 8086 / 0000
      {0x34, 0x0000'0040},               // capability pointer
      {0x3C, 0x0000'0000, 0x0000'00FF},  // interrupt line; pin 0
      {0x40, 0x0001'5011, 0xC000'0000},  // MSI-X, next 0x50, 2 vectors; enable, function mask
      {0x44, 0x0000'0600},               // table in BAR0
      {0x48, 0x0000'0700},               // PBA in BAR0, in its own dword (siov.md 3.8)
      {0x50, 0x0092'0010},               // PCIe v2 RCiEP, end of list
      {0x54, 0x1000'8022},
      {0x58, 0x0000'2910, 0x0000'7FFF, 0x000F'0000},  // bit 15, FLR, reads 0
      {0x74, 0x0070'0010},  // DevCap2: extended fmt 20, end-end prefix 21, one prefix 23:22, 4
      {0x78, 0x0000'0000, 0x0000'001F},
      {0x100, 0x1101'000F},                            // ATS, next 0x110
      {0x104, 0x0000'0061, 0x801F'0000},               // depth 1, page aligned, global invalidate
      {0x110, 0x1201'0013},                            // PRI, next 0x120
      {0x114, 0x8100'0000, 0x0000'0001, 0x0003'0000},  // PASID required, stopped
      {0x118, 0x0000'0001},                            // capacity 1
      {0x11C, 0x0000'0000, 0xFFFF'FFFF},
      {0x120, 0x0001'001B},               // PASID, end of the list
      {0x124, 0x0000'1404, 0x0005'0000},  // width 20, privileged; enable, privileged enable
      {0x130, 0x0001'0023},               // DVSEC, in no list
      {0x134, 0x0181'8086},
      {0x138, 0x0000'0005},
      {0x13C, 0x0000'0001},
      {0x140, 0x0000'0001},  // 0x144: no IMS
  };
  return dwords;
}

std::vector<Dword> whole_golden() {
  std::vector<Dword> all(1024);
  for (std::uint32_t i = 0; i < 1024; ++i) all[i].offset = 4 * i;
  for (const Dword& dword : golden()) all[dword.offset / 4] = dword;
  return all;
}

TEST(VirtualConfigTest, EveryBytePowersOnAsInTheReference) {  // SIOV-H-01
  const VirtualConfig config(0x8086, 0x0B25);
  for (const Dword& d : whole_golden()) {
    ASSERT_EQ(config.read(d.offset, 4), d.value) << std::hex << d.offset;
    for (std::uint32_t b = 0; b < 4; ++b)
      ASSERT_EQ(config.read(d.offset + b, 1), d.value >> 8 * b & 0xFF) << std::hex << d.offset + b;
    ASSERT_EQ(config.read(d.offset, 2), d.value & 0xFFFF);
    ASSERT_EQ(config.read(d.offset + 2, 2), d.value >> 16);
  }
}

TEST(VirtualConfigTest, ShapeFollowsQueuesAndVectors) {  // SIOV-H-01; dsa.md 4.1
  VirtualConfig four(0x8086, 0x0B25, VirtualLayout(4, 5));
  EXPECT_EQ(four.read(0x40, 4), 0x0004'5011u);  // 5 vectors
  EXPECT_EQ(four.read(0x44, 4), 0x0600u);
  EXPECT_EQ(four.read(0x48, 4), 0x0700u);
  four.write(0x18, 4, 0xFFFF'FFFF);
  EXPECT_EQ(four.read(0x18, 4), 0xFFFF'000Cu);  // 4 * 16 KiB
  VirtualConfig three(0x8086, 0x0B25, VirtualLayout(3, 64));
  EXPECT_EQ(three.read(0x40, 4), 0x003F'5011u);
  EXPECT_EQ(three.read(0x44, 4), 0x1000u);  // 64 entries do not fit before 0x700
  EXPECT_EQ(three.read(0x48, 4), 0x1800u);
  three.write(0x18, 4, 0xFFFF'FFFF);
  EXPECT_EQ(three.read(0x18, 4), 0xFFFF'000Cu);  // rounded up
  VirtualConfig two(0x8086, 0x0B25, VirtualLayout(2, 3));
  two.write(0x18, 4, 0xFFFF'FFFF);
  EXPECT_EQ(two.read(0x18, 4), 0xFFFF'800Cu);
}

TEST(VirtualConfigTest, EveryBitFollowsItsRuleAtEveryAccessSize) {  // SIOV-H-03, SIOV-H-04
  const VirtualConfig fresh(0x8086, 0x0B25);
  for (const Dword& d : whole_golden()) {
    for (std::uint32_t bit = 0; bit < 32; ++bit) {
      for (const std::uint32_t size : {1u, 2u, 4u}) {
        const std::uint32_t at = bit / 8 / size * size;
        const std::uint32_t lanes = size == 4 ? ~0u : ((1u << 8 * size) - 1) << 8 * at;
        VirtualConfig config = fresh;
        const std::uint32_t wanted = d.value ^ 1u << bit;
        const bool flr = config.write(d.offset + at, size, (wanted & lanes) >> 8 * at);
        std::uint32_t expected = (d.value & ~(d.writable & lanes)) | (wanted & d.writable & lanes);
        if (d.offset == 0x114 && bit == 0) expected &= ~0x0100'0000u;  // enabled: not stopped
        ASSERT_EQ(config.read(d.offset, 4), expected) << std::hex << d.offset << " bit " << bit;
        ASSERT_EQ(flr, d.offset == 0x58 && bit == 15);
        std::size_t changed = 0;
        for (std::size_t i = 0; i < config.changeable().size(); ++i)
          changed += config.changeable()[i] != fresh.changeable()[i] ? 1 : 0;
        ASSERT_LE(changed, 1u);
      }
    }
  }
}

TEST(VirtualConfigTest, StatusBitsClearByOneOnly) {  // SIOV-H-03
  VirtualConfig config(0x8086, 0x0B25);
  std::vector<std::uint32_t> values = config.changeable();
  for (std::uint32_t& value : values) value = 0xFFFF'FFFF;
  ASSERT_TRUE(config.restore(values));
  EXPECT_EQ(config.read(0x04, 4), 0xF910'0146u);
  EXPECT_EQ(config.read(0x58, 4), 0x000F'7FFFu);
  EXPECT_EQ(config.read(0x114, 4), 0x8103'0001u);
  EXPECT_EQ(config.read(0x40, 4), 0xC001'5011u);  // bits without a rule stay
  config.write(0x04, 4, 0x0000'0146);
  EXPECT_EQ(config.read(0x04, 4), 0xF910'0146u);
  config.write(0x07, 1, 0x81);
  EXPECT_EQ(config.read(0x04, 4), 0x7810'0146u);
  config.write(0x116, 2, 0x0002);
  EXPECT_EQ(config.read(0x114, 4), 0x8101'0001u);
  EXPECT_FALSE(config.restore({1, 2, 3}));
  config.reset();
  EXPECT_EQ(config.read(0x04, 4), 0x0010'0000u);
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
