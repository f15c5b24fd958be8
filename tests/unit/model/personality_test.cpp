// SPDX-License-Identifier: Apache-2.0
// The small and the large build of the device model: capabilities, layouts, the last queue, group,
// vector and IMS entry. Literals from DSA 1 to 3.
#include <gtest/gtest.h>

#include "common/error.hpp"
#include "device_bench.hpp"

namespace siov::model {
namespace {

DeviceConfig at_bench_speed(DeviceConfig config) {
  const DeviceConfig quick = DeviceBench::quick();
  config.latency_cycles = quick.latency_cycles;
  config.access_cycles = quick.access_cycles;
  config.command_cycles = quick.command_cycles;
  return config;
}

struct SmallTest : testing::Test {
  DeviceBench b{at_bench_speed(DeviceConfig::small())};
  void SetUp() override {
    b.stride = 32;
    b.vectors = 5;
    b.set_up_function();
  }
};

struct LargeTest : testing::Test {
  DeviceBench b{at_bench_speed(DeviceConfig::large())};
  void SetUp() override {
    b.groups = 0x14000;
    b.queues = 0x18000;
    b.msix = 0x20000;
    b.vectors = 129;
    b.set_up_function();
  }
};

TEST_F(SmallTest, ConfigurationSpace) {  // 1.2, 1.3; SIOV-D-04
  EXPECT_EQ(b.config(0x80), 0x80049011u) << "5 vectors, enabled";
  EXPECT_EQ(b.config(0x84), 0x00002000u);
  EXPECT_EQ(b.config(0x88), 0x00003000u);
  EXPECT_EQ(b.config(0x64), 0x10700010u);
  EXPECT_EQ(b.config(0x214), 0x00000000u) << "no IMS";
  EXPECT_EQ(b.config(0x200), 0x23010023u) << "no ATS";
  EXPECT_EQ(b.config(0x230), 0x0001001Bu) << "the last one: no page requests";
  for (const std::uint32_t offset : {0x220u, 0x224u, 0x240u, 0x244u, 0x248u, 0x24Cu}) {
    b.set_config(offset, 0xFFFFFFFF);
    EXPECT_EQ(b.config(offset), 0u);
  }
  b.set_config(0x10, 0xFFFFFFFF);
  b.set_config(0x18, 0xFFFFFFFF);
  EXPECT_EQ(b.config(0x10), 0xFFFF000Cu) << "64 KiB";
  EXPECT_EQ(b.config(0x18), 0xFFFF000Cu) << "4 * 16 KiB";
}

TEST_F(SmallTest, Capabilities) {  // 2.2 to 2.5
  EXPECT_EQ(b.read(0x00), 0x100u);
  EXPECT_EQ(b.read(0x10, 8), 0x815F0106u);
  EXPECT_EQ(b.read(0x20, 8), 0x001B000000040020u);
  EXPECT_EQ(b.read(0x30, 8), 0x32002u);
  EXPECT_EQ(b.read(0x38, 8), 0x81001u);
  EXPECT_EQ(b.read(0x40, 8), 0x1003F03FFu);
  EXPECT_EQ(b.read(0x60, 8), 0x0000000400080006u);
  EXPECT_EQ(b.read(0x80), 0x20u);
  EXPECT_EQ(b.read(0x628, 8), 0x02000000u);
}

TEST_F(SmallTest, QueueEntriesHaveThirtyTwoBytes) {  // 2.9
  for (std::uint64_t i = 0; i < 32; i += 8) b.write(0x860 + i, ~std::uint64_t{0}, 8);
  EXPECT_EQ(b.read(0x860, 8), 0x0000FFFF0000FFFFu);
  EXPECT_EQ(b.read(0x868, 8), 0x000001FF3FFFFFF3u);
  EXPECT_EQ(b.read(0x870, 8), 0u) << "no occupancy interrupt";
  EXPECT_EQ(b.read(0x878, 8), 0u);
  b.write(0x880, ~std::uint64_t{0}, 8);
  EXPECT_EQ(b.read(0x880, 8), 0u) << "there is no queue 4";
}

TEST_F(SmallTest, WorkRunsInTheLastQueue) {
  b.set_wq(3, 32, true, 0x10001100);
  b.set_group(1, 0x8, 0x1);
  b.write(0x80, 0x1020);
  ASSERT_EQ(b.command(1), 0u);
  ASSERT_EQ(b.command(6, 4), 0x02u);
  ASSERT_EQ(b.command(6, 3), 0u);
  b.movdir(0xC000, DeviceBench::noop(0xC, 0x8000));
  b.movdir(0xE000, DeviceBench::noop(0xC, 0x8020));  // IMS page
  b.run(100);
  EXPECT_EQ(b.host.memory[0x8000], std::byte{1});
  EXPECT_EQ(b.host.memory[0x8020], std::byte{0});
  EXPECT_EQ(b.command(8, 0x10), 0x02u);
}

TEST_F(LargeTest, ConfigurationSpace) {  // 1.2, 1.3
  EXPECT_EQ(b.config(0x80), 0x80809011u) << "129 vectors, enabled";
  EXPECT_EQ(b.config(0x84), 0x00020000u);
  EXPECT_EQ(b.config(0x88), 0x00028000u);
  EXPECT_EQ(b.config(0x64), 0x10730010u) << "10-bit tags";
  b.set_config(0x68, 0xFFFFFFFF);
  EXPECT_EQ(b.config(0x68), 0x0000101Fu);
  b.set_config(0x10, 0xFFFFFFFF);
  b.set_config(0x18, 0xFFFFFFFF);
  EXPECT_EQ(b.config(0x10), 0xFFFC000Cu) << "256 KiB";
  EXPECT_EQ(b.config(0x18), 0xFFE0000Cu) << "128 * 16 KiB";
}

TEST_F(LargeTest, Capabilities) {  // 2.2 to 2.5
  EXPECT_EQ(b.read(0x00), 0x100u);
  EXPECT_EQ(b.read(0x10, 8), 0x00100000A15F2F17u);
  EXPECT_EQ(b.read(0x20, 8), 0x00FF000001801000u);
  EXPECT_EQ(b.read(0x30, 8), 0x3FF10u);
  EXPECT_EQ(b.read(0x38, 8), 0x84004u);
  EXPECT_EQ(b.read(0x40, 8), 0x1003F03FFu);
  EXPECT_EQ(b.read(0x60, 8), 0x0300010001800140u);
  EXPECT_EQ(b.read(0xB0, 8), 0x7FFEu);
  EXPECT_EQ(b.read(0x80), 0xFFu);
}

TEST_F(LargeTest, TablesReachTheirLastEntries) {  // 2.8 to 2.10
  EXPECT_EQ(b.read(0x143E8, 8), 0x0FF00000u) << "group 15: 255 read buffers allowed";
  b.write(0x143C8, 0x5A, 8);
  EXPECT_EQ(b.read(0x143C8, 8), 0x5Au);
  EXPECT_EQ(b.read(0x14428, 8), 0u);
  EXPECT_EQ(b.read(0x19FE0, 8), 0x1003F03FFu) << "OPCFG of queue 127";
  b.write(0x19FC0, 0x77, 8);
  EXPECT_EQ(b.read(0x19FC0, 8), 0x77u);
  EXPECT_EQ(b.read(0x1A020, 8), 0u);
  b.write(0x10400, 0x0007700C, 4);
  EXPECT_EQ(b.read(0x10400, 4), 0x0007700Cu) << "permission of vector 128";
  b.write(0x10408, 0x0007700C, 4);
  EXPECT_EQ(b.read(0x10408, 4), 0u);
  EXPECT_EQ(b.read(0x20808, 8), 0xD0u) << "data of vector 128";
  b.write(0x20810, 0xFEE00000, 8);
  EXPECT_EQ(b.read(0x20810, 8), 0u);
  EXPECT_EQ(b.read(0x3FFF0, 8), 0xFEE00000u) << "IMS 4095";
  EXPECT_EQ(b.read(0x3FFF8, 8), 0x0000000100000000u);
  for (const std::uint64_t offset : {0x400, 0x600, 0x800, 0x2000, 0x3000, 0x4000, 0xE000}) {
    b.write(offset, ~std::uint64_t{0}, 8);
    EXPECT_EQ(b.read(offset, 8), 0u) << std::hex << offset;
  }
  EXPECT_THROW((void)b.read(0x40000, 8), HarnessError);
}

TEST_F(LargeTest, MaskedVector128SetsItsPendingBit) {  // PCIe 6.1.4.5
  b.set_wq(127, 16, true);
  b.write(0x143C8, std::uint64_t{1} << 63, 8);
  b.write(0x143E0, 0x8, 8);
  ASSERT_EQ(b.command(1), 0u);
  ASSERT_EQ(b.command(6, 127), 0u);
  ASSERT_EQ(b.command(13, 128), 128u << 8);
  ASSERT_EQ(b.command(13, 0x10000 + 4095), 4095u << 8);
  b.write(0x2080C, 1);
  b.host.seen.clear();
  abi::Descriptor d = DeviceBench::noop(0x1C, 0x8000);
  d.interrupt_handle = 128;
  b.movdir(0x1FC000, d);
  b.run(100);
  EXPECT_EQ(b.host.memory[0x8000], std::byte{1});
  EXPECT_EQ(b.read(0x28010, 8), 1u);
  b.write(0x2080C, 0);
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0xD0}));
  b.write(0x3FFF8, 0x99, 8);
  d.interrupt_handle = 4095;
  b.movdir(0x1FE000, d);
  b.run(100);
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0xD0, 0x99}));
}

/// Queues 0, 15, 16, 64 and 127, dedicated, in groups 0 and 15.
struct LargeQueuesTest : LargeTest {
  void SetUp() override {
    LargeTest::SetUp();
    for (const unsigned w : {0u, 15u, 16u, 64u, 127u}) b.set_wq(w, 800, true);
    b.write(0x14000, 0x18001, 8);
    b.write(0x14020, 0x1, 8);
    b.write(0x143C8, 0x8000000000000001, 8);
    b.write(0x143E0, 0x2, 8);
    ASSERT_EQ(b.command(1), 0u);
    for (const unsigned w : {0u, 15u, 16u, 64u, 127u}) ASSERT_EQ(b.command(6, w), 0u) << w;
  }
  unsigned state(unsigned w) { return static_cast<unsigned>(b.read(0x18018 + 64 * w) >> 30); }
};

TEST_F(LargeQueuesTest, BitmapsWorkInGroupsOfSixteen) {  // 3.1
  EXPECT_EQ(b.command(7, 0x08000), 0u);
  EXPECT_EQ(state(15), 0u);
  EXPECT_EQ(state(0), 1u);
  EXPECT_EQ(b.command(7, 0x10001), 0u);
  EXPECT_EQ(state(16), 0u);
  EXPECT_EQ(state(0), 1u);
  EXPECT_EQ(b.command(9, 0x40001), 0u);
  EXPECT_EQ(state(64), 1u) << "abort leaves it enabled";
  EXPECT_EQ(b.command(8, 0x78000), 0u);
  EXPECT_EQ(b.command(10, 0x78000), 0u);
  EXPECT_EQ(state(127), 0u);
  EXPECT_EQ(state(64), 1u);
  EXPECT_EQ(b.command(8, 0x78000), 0x32u);
  EXPECT_EQ(b.command(8, 0x70000), 0u) << "no queue named";
  EXPECT_EQ(b.command(8, 0x80001), 0x02u) << "queue 128";
  EXPECT_EQ(b.command(10, 0xF8000), 0x02u);
  EXPECT_EQ(b.command(6, 128), 0x02u);
}

TEST_F(LargeQueuesTest, QueuesTakeWorkAtTheirPortals) {  // 4.1
  const unsigned queues[] = {0, 15, 16, 64, 127};
  for (unsigned i = 0; i < 5; ++i)
    b.movdir(0x4000 * queues[i], DeviceBench::noop(0xC, 0x8000 + 32 * i));
  b.movdir(0x4000 * 1, DeviceBench::noop(0xC, 0x9000));
  b.movdir(0x4000 * 126, DeviceBench::noop(0xC, 0x9000));
  b.run(200);
  for (unsigned i = 0; i < 5; ++i) EXPECT_EQ(b.host.memory[0x8000 + 32 * i], std::byte{1}) << i;
  EXPECT_EQ(b.host.memory[0x9000], std::byte{0});
}

TEST_F(LargeQueuesTest, ConfigurationErrorsReachTheLastQueueAndGroup) {  // 3.3 (14) to (17)
  ASSERT_EQ(b.command(2), 0u);
  b.write(0x18000 + 64 * 127, 897);
  EXPECT_EQ(b.command(1), 0x14u) << "4 * 800 + 897 of 4096";
  b.write(0x18000 + 64 * 127, 896);
  EXPECT_EQ(b.command(1), 0u);
  ASSERT_EQ(b.command(2), 0u);
  b.write(0x14010, 1, 8);
  EXPECT_EQ(b.command(1), 0x15u) << "queue 128";
  b.write(0x14010, 0, 8);
  b.write(0x14008, 0x8000000000000000, 8);
  EXPECT_EQ(b.command(1), 0x16u) << "queue 127 in two groups";
  b.write(0x14008, 0x4000000000000000, 8);
  EXPECT_EQ(b.command(1), 0x16u) << "queue 126 has no size";
  b.write(0x14008, 0, 8);
  b.write(0x14020, 0x3, 8);
  EXPECT_EQ(b.command(1), 0x17u) << "engine 1 in groups 0 and 15";
}

}  // namespace
}  // namespace siov::model
