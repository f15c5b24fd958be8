// SPDX-License-Identifier: Apache-2.0
// RegisterShadow, ConfigShadow, Holes: the whole range of personalities. dsa.md 1.3, 2.
#include <gtest/gtest.h>

#include <array>

#include "abi/little_endian.hpp"
#include "check/config_shadow.hpp"
#include "check/range_index.hpp"
#include "check/register_shadow.hpp"

namespace siov::check::test {

namespace {

void read(RegisterShadow& shadow, std::uint32_t offset, std::uint64_t value) {
  std::array<std::byte, 8> bytes;
  abi::store_le(bytes, value, 8);
  EXPECT_FALSE(shadow.read(offset, bytes).has_value());
}

void write(RegisterShadow& shadow, std::uint32_t offset, std::uint64_t value) {
  std::array<std::byte, 8> bytes;
  abi::store_le(bytes, value, 8);
  shadow.write(offset, bytes, 100);
}

/// 128 queues, 2048 IMS entries, tables from 0x10000 on.
RegisterShadow large() {
  RegisterShadow shadow{Config{}};
  read(shadow, 0x10, 0x0010'0000'915F'2F16);
  read(shadow, 0x20, 0x007B'0000'0180'1000);
  read(shadow, 0x60, 0x0300'0100'0180'0140);
  shadow.set_msix(129, 0x2'0000, 0x2'8000);
  return shadow;
}

}  // namespace

TEST(RegisterShadowTest, TablesAreWhereOffsetsSay) {
  RegisterShadow shadow = large();
  EXPECT_EQ(shadow.num_queues(), 128u);
  EXPECT_EQ(shadow.bar0_bytes(), 0x4'0000u);
  ASSERT_NE(shadow.entry(true, 2047), nullptr);
  EXPECT_EQ(shadow.entry(true, 2048), nullptr);
  write(shadow, 0x3'0000 + 2047 * 16, 0xFEE0'1000);
  write(shadow, 0x3'0000 + 2047 * 16 + 8, 0x0000'7008'0000'0055);  // PASID 7, enabled, not masked
  bool found = false;
  shadow.entries_with(0xFEE0'1000, 0x55, [&](InterruptEntry& e) {
    found = e.ims && e.index == 2047 && e.pasid == 7 && !e.masked;
    return found;
  });
  EXPECT_TRUE(found);
  write(shadow, 0x2'0000 + 128 * 16, 0xFEE0'2000);
  EXPECT_EQ(shadow.entry(false, 128)->address, 0xFEE0'2000u);
  write(shadow, 0x1'0000 + 128 * 8, 0x9008);
  EXPECT_EQ(shadow.entry(false, 128)->pasid, 9u);
  EXPECT_EQ(shadow.pba_offset(), 0x2'8000u);
}

TEST(RegisterShadowTest, LastQueueIsLatched) {
  RegisterShadow shadow = large();
  const std::uint32_t base = 0x1'8000 + 127 * 64;
  write(shadow, base, 16);
  write(shadow, base + 8, 0x0000'00B4'1000'0511);  // dedicated, PASID 5, 2^5 members, 2^20 bytes
  write(shadow, base + 32, 0x0000'0000'0000'0009);
  shadow.latch_queue(127);
  const Queue& q = shadow.queue(127);
  EXPECT_EQ(q.size, 16u);
  EXPECT_EQ(q.pasid, 5u);
  EXPECT_EQ(q.max_batch, 32u);
  EXPECT_EQ(q.max_transfer, 0x10'0000u);
  EXPECT_EQ(q.operations, 0x9u);
  shadow.clear_queue(127);
  shadow.latch_queue(127);
  EXPECT_EQ(q.operations, 0x1'003F'03FFu);  // resets to OPCAP (dsa.md 2.9)
}

TEST(RegisterShadowTest, FeaturesComeFromGencap) {
  const RegisterShadow shadow = large();
  EXPECT_TRUE(shadow.features().fill16 && shadow.features().crc64);
  EXPECT_TRUE(shadow.features().drain_readback && shadow.features().batch1);
}

TEST(RegisterShadowTest, HandlesHaveToBeGrantedWhereTheyAreRequested) {
  RegisterShadow shadow = large();
  read(shadow, 0xB0, 0x7FFE);
  write(shadow, 0x3'0000 + 5 * 16 + 8, 0x0000'7008'0000'0000);
  EXPECT_FALSE(shadow.handle_permitted(true, 5, true, 7));
  shadow.grant(true, 5, true);
  EXPECT_TRUE(shadow.handle_permitted(true, 5, true, 7));
  EXPECT_FALSE(shadow.handle_permitted(true, 5, true, 8));
  shadow.reset(false);  // Reset Device
  write(shadow, 0x3'0000 + 5 * 16 + 8, 0x0000'7008'0000'0000);
  EXPECT_FALSE(shadow.handle_permitted(true, 5, true, 7));
}

TEST(RegisterShadowTest, OccupancyLimitIsLockedWhileEnabled) {
  RegisterShadow shadow{Config{}};
  write(shadow, 0x810, 0x0001'0003'0001'0002);  // IMS entry 2; limit 3, enabled
  const Occupancy& o = shadow.queue(0).occupancy;
  EXPECT_TRUE(o.enabled && o.ims);
  EXPECT_EQ(o.handle, 2u);
  EXPECT_EQ(o.limit, 3u);
  write(shadow, 0x810, 0x0001'0007'0001'0002);
  EXPECT_EQ(o.limit, 3u);
}

TEST(RegisterShadowTest, GlobalLimitReplacesTheAllowedBuffers) {
  RegisterShadow shadow{Config{}};
  write(shadow, 0x80, 40);  // GENCFG
  write(shadow, 0x620, 0xF);
  write(shadow, 0x628, 0x0600'0280);  // allowed 96, reserved 2, global limit
  ASSERT_EQ(shadow.groups().size(), 1u);
  EXPECT_EQ(shadow.groups()[0].allowed, 40u);
  EXPECT_EQ(shadow.groups()[0].reserved, 2u);
}

TEST(ConfigShadowTest, LearnsMsixTableAndBarSize) {
  ConfigShadow shadow;
  (void)shadow.on_read(0x34, 0x80);
  (void)shadow.on_read(0x84, 0x0002'0000);
  (void)shadow.on_read(0x88, 0x0002'8000);
  (void)shadow.on_read(0x80, 0x0080'0011);
  EXPECT_EQ(shadow.msix_entries, 129u);
  EXPECT_EQ(shadow.msix_table, 0x2'0000u);
  EXPECT_EQ(shadow.msix_pending, 0x2'8000u);
  shadow.on_write(0x10, 0xF, 0xFFFF'FFFF, RequesterId{0x100}, 10);
  (void)shadow.on_read(0x10, 0xFFFC'000C);
  EXPECT_EQ(shadow.bar0_bytes, 0x4'0000u);
}

TEST(HolesTest, PiecesAreTakenOnce) {
  Holes holes;
  holes.add(0, 8);
  holes.add(8, 16);  // one part with the first
  holes.add(32, 40);
  EXPECT_TRUE(holes.contains(4, 12));
  EXPECT_FALSE(holes.contains(12, 36));
  EXPECT_TRUE(holes.take(4, 12));
  EXPECT_FALSE(holes.take(11, 13));
  EXPECT_TRUE(holes.take(0, 4));
  EXPECT_TRUE(holes.take(32, 40));
  EXPECT_EQ(holes.first(), 12u);
  EXPECT_TRUE(holes.take(12, 16));
  EXPECT_TRUE(holes.empty());
}

}  // namespace siov::check::test
