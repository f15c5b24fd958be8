// SPDX-License-Identifier: Apache-2.0
// Configuration space and BAR0 of the device model: reset values, write rules, widths. Literals
// from DSA 1 and 2.
#include <gtest/gtest.h>

#include "common/error.hpp"
#include "device_bench.hpp"

namespace siov::model {
namespace {

TEST(ConfigSpaceTest, ReadsItsResetValues) {  // DSA 1.1 to 1.3
  DeviceBench b;
  const std::pair<std::uint32_t, std::uint32_t> values[] = {
      {0x00, 0x0B258086},  {0x04, 0x00100000},  {0x08, 0x08800000},  {0x10, 0x0000000C},
      {0x14, 0x00000000},  {0x18, 0x0000000C},  {0x20, 0x00000000},  {0x2C, 0x00008086},
      {0x34, 0x00000040},  {0x3C, 0x00000000},  {0x40, 0x00928010},  {0x44, 0x10008022},
      {0x48, 0x00002910},  {0x64, 0x10700010},  {0x80, 0x00089011},  {0x84, 0x00002000},
      {0x88, 0x00003000},  {0x90, 0x00030001},  {0x94, 0x00000008},  {0x100, 0x20020001},
      {0x200, 0x22010023}, {0x204, 0x01818086}, {0x208, 0x00000005}, {0x20C, 0x00000001},
      {0x210, 0x00000001}, {0x214, 0x00000001}, {0x220, 0x2301000F}, {0x224, 0x00000060},
      {0x230, 0x2401001B}, {0x234, 0x00001404}, {0x240, 0x00010013}, {0x244, 0x81000000},
      {0x248, 0x00000200}, {0xFFC, 0x00000000}};
  for (const auto& [offset, value] : values)
    EXPECT_EQ(b.config(offset), value) << std::hex << offset;
}

TEST(ConfigSpaceTest, BarsReportTheirSizes) {  // DSA 1.2: 64 KiB registers, 8 * 16 KiB portals
  DeviceBench b;
  for (const std::uint32_t offset : {0x10u, 0x14u, 0x18u, 0x1Cu, 0x20u, 0x24u})
    b.set_config(offset, 0xFFFFFFFF);
  EXPECT_EQ(b.config(0x10), 0xFFFF000Cu);
  EXPECT_EQ(b.config(0x14), 0xFFFFFFFFu);
  EXPECT_EQ(b.config(0x18), 0xFFFE000Cu);
  EXPECT_EQ(b.config(0x1C), 0xFFFFFFFFu);
  EXPECT_EQ(b.config(0x20), 0u);
  EXPECT_EQ(b.config(0x24), 0u);
}

TEST(ConfigSpaceTest, CommandTakesOnlyItsBits) {  // DSA 1.1: 1, 2, 6, 8
  DeviceBench b;
  b.set_config(0x04, 0xFFFF, 2);
  EXPECT_EQ(b.config(0x04, 2), 0x0146u);
}

TEST(ConfigSpaceTest, AtsControlTakesEnableAndTranslationUnit) {  // PCIe 10.5.1.3
  DeviceBench b;
  b.set_config(0x224, 0xFFFFFFFF);
  EXPECT_EQ(b.config(0x224), 0x801F0060u);
  b.set_config(0x226, 0x0000, 2);
  EXPECT_EQ(b.config(0x224), 0x00000060u);
}

TEST(ConfigSpaceTest, PriControlStatusAndAllocation) {  // PCIe 10.5.2
  DeviceBench b;
  b.set_config(0x248, 0xFFFFFFFF);
  b.set_config(0x24C, 0xFFFFFFFF);
  EXPECT_EQ(b.config(0x248), 0x00000200u);
  EXPECT_EQ(b.config(0x24C), 0xFFFFFFFFu);
  b.set_config(0x244, 0x1, 2);
  b.run(2);
  EXPECT_EQ(b.config(0x244), 0x80000001u) << "enabled: not stopped";
  b.set_config(0x244, 0x2, 2);
  b.run(2);
  EXPECT_EQ(b.config(0x244), 0x81000000u) << "reset reads 0";
}

TEST(ConfigSpaceTest, OtherPowerStatesThanD0AndD3AreIgnored) {  // PCIe 7.5.2.2
  DeviceBench b;
  b.set_config(0x94, 0x3);
  EXPECT_EQ(b.config(0x94), 0xBu);
  b.set_config(0x94, 0x1);
  EXPECT_EQ(b.config(0x94), 0xBu);
  b.set_config(0x94, 0x0);
  EXPECT_EQ(b.config(0x94), 0x8u);
}

TEST(ConfigSpaceTest, AccessMustBeAlignedAndInside) {
  DeviceBench b;
  EXPECT_THROW((void)b.config(0x01, 2), HarnessError);
  EXPECT_THROW((void)b.config(0x1000, 4), HarnessError);
  EXPECT_THROW((void)b.config(0x00, 8), HarnessError);
}

TEST(ConfigSpaceTest, DisabledMemorySpaceAnswersUnsupportedRequest) {  // PCIe 2.3.1
  DeviceBench b;
  const auto r = b.scheduler.run(b.device.mmio_read(port::Bar::kControl, 0, 4), 1000);
  EXPECT_EQ(r.status, port::CompletionStatus::kUnsupportedRequest);
  EXPECT_EQ(r.data, ~std::uint64_t{0});
  EXPECT_EQ(b.config(0x4A, 2), 0x9u) << "correctable (advisory) and unsupported request";
  EXPECT_EQ(b.config(0x110), 0x00002000u) << "advisory";
  EXPECT_EQ(b.config(0x104), 0u) << "advisory errors are masked: PCIe 6.2.3.2.4";
  b.set_config(0x114, 0);
  (void)b.scheduler.run(b.device.mmio_read(port::Bar::kControl, 0, 4), 1000);
  EXPECT_EQ(b.config(0x104), 0x00100000u);
  b.set_config(0x4A, 0x9, 2);
  b.set_config(0x104, 0xFFFFFFFF);
  EXPECT_EQ(b.config(0x4A, 2), 0u);
  EXPECT_EQ(b.config(0x104), 0u);
}

TEST(ConfigSpaceTest, AccessBesideTheBarIsUnsupported) {
  DeviceBench b;
  b.set_config(0x04, 0x2, 2);
  b.set_config(0x10, 0x40000000);
  b.device.set_bar_base(port::Bar::kControl, 0x40000000);
  EXPECT_EQ(b.read(0x00), 0x100u);
  b.device.set_bar_base(port::Bar::kControl, 0x50000000);
  EXPECT_EQ(b.scheduler.run(b.device.mmio_read(port::Bar::kControl, 0, 4), 1000).status,
            port::CompletionStatus::kUnsupportedRequest);
}

TEST(RegisterTest, CapabilitiesReadTheirValues) {  // DSA 2.1 to 2.5
  DeviceBench b;
  b.set_up_function();
  EXPECT_EQ(b.read(0x00), 0x100u);
  EXPECT_EQ(b.read(0x10, 8), 0x835F2D07u);
  EXPECT_EQ(b.read(0x20, 8), 0x00FF000001080080u);
  EXPECT_EQ(b.read(0x30, 8), 0x36004u);
  EXPECT_EQ(b.read(0x38, 8), 0x84004u);
  EXPECT_EQ(b.read(0x40, 8), 0x1003F03FFu);
  for (const std::uint64_t offset : {0x48, 0x50, 0x58, 0x68, 0xB0, 0xE0, 0xE8, 0xF0, 0x100, 0x180})
    EXPECT_EQ(b.read(offset, 8), 0u) << offset;
  EXPECT_EQ(b.read(0x60, 8), 0x0040000400080006u);
}

TEST(RegisterTest, ControlAndTablesReadTheirResetValues) {  // DSA 2.1, 2.8 to 2.10
  DeviceBench b;
  b.set_config(0x04, 0x6, 2);
  EXPECT_EQ(b.read(0x80), 0x60u);
  for (const std::uint64_t offset : {0x88, 0x90, 0x98, 0xA8, 0xC0, 0xC8, 0xD0, 0xD8})
    EXPECT_EQ(b.read(offset, 8), 0u);
  EXPECT_EQ(b.read(0x600, 8), 0u);
  EXPECT_EQ(b.read(0x628, 8), 0x06000000u) << "96 read buffers allowed";
  for (std::uint64_t i = 0; i < 64; i += 8)
    EXPECT_EQ(b.read(0x800 + i, 8), i == 32 ? 0x1003F03FFu : 0u) << "OPCFG resets to OPCAP";
  EXPECT_EQ(b.read(0x2000, 8), 0u);
  EXPECT_EQ(b.read(0x2008, 8), 0x0000000100000000u);
  EXPECT_EQ(b.read(0x3000, 8), 0u);
  EXPECT_EQ(b.read(0x400, 8), 0u);
  EXPECT_EQ(b.read(0x4000, 8), 0xFEE00000u);
  EXPECT_EQ(b.read(0x4FF8, 8), 0x0000000100000000u);
  EXPECT_EQ(b.read(0x5000, 8), 0u) << "behind the last IMS entry";
}

TEST(RegisterTest, NarrowAccessesTouchTheirBytesOnly) {  // DSA 2
  DeviceBench b;
  b.set_up_function();
  b.write(0x800, 0x0010, 2);
  b.write(0x804, 0x34, 1);
  b.write(0x805, 0x12, 1);
  EXPECT_EQ(b.read(0x800, 8), 0x0000123400000010u);
  EXPECT_EQ(b.read(0x805, 1), 0x12u);
  EXPECT_EQ(b.read(0x804, 2), 0x1234u);
  EXPECT_EQ(b.read(0x12, 2), 0x835Fu);
  b.write(0x628, 0x0010011B);  // SPDK writes only the low half
  EXPECT_EQ(b.read(0x628, 8), 0x0010011Bu);
}

TEST(RegisterTest, ReservedBitsAreIgnored) {  // DSA 2.6, 2.8, 2.9, 2.10
  DeviceBench b;
  b.set_up_function();
  b.write(0x80, 0xFFFFFFFF);
  EXPECT_EQ(b.read(0x80), 0x30FFu);
  b.write(0x88, 0xFFFFFFFF);
  EXPECT_EQ(b.read(0x88), 0x7u);
  for (std::uint64_t i = 0; i < 64; i += 8) b.write(0x800 + i, ~std::uint64_t{0}, 8);
  EXPECT_EQ(b.read(0x800, 8), 0x0000FFFF0000FFFFu);
  EXPECT_EQ(b.read(0x808, 8), 0x000001FF3FFFFFFFu);
  EXPECT_EQ(b.read(0x810, 8), 0x0001FFFF0001FFFFu);
  EXPECT_EQ(b.read(0x818, 8), 0u);
  EXPECT_EQ(b.read(0x820, 8), 0xFFFFFFFFFFFFFFFFu);
  for (const std::uint64_t offset : {0x828, 0x830, 0x838}) EXPECT_EQ(b.read(offset, 8), 0u);
  b.write(0x628, ~std::uint64_t{0}, 8);
  EXPECT_EQ(b.read(0x628, 8), 0x0FF0FFBFu);
  b.write(0x408, ~std::uint64_t{0}, 8);
  EXPECT_EQ(b.read(0x408, 8), 0xFFFFF00Cu);
  b.write(0x4018, ~std::uint64_t{0}, 8);
  EXPECT_EQ(b.read(0x4018, 8), 0xFFFFF00DFFFFFFFFu);
  b.write(0x00, 0xFFFFFFFF);
  EXPECT_EQ(b.read(0x00), 0x100u);
}

TEST(RegisterTest, FieldsLockWhileDeviceAndQueueAreEnabled) {  // DSA 2.6, 2.8, 2.9
  DeviceBench b;
  b.bring_up();
  b.write(0x80, 0);
  EXPECT_EQ(b.read(0x80), 0x1060u);
  b.write(0x600, 0xFF, 8);
  EXPECT_EQ(b.read(0x600, 8), 0x3u);
  b.write(0x840, 0x0000000700000055, 8);  // size locked, threshold free
  EXPECT_EQ(b.read(0x840, 8), 0x0000000700000008u);
  b.write(0x848, 0, 8);
  EXPECT_EQ(b.read(0x848, 8), 0x000000B510000010u);
  b.write(0x850, 0x0000000300000001, 8);  // occupancy handle locked, limit free
  EXPECT_EQ(b.read(0x850, 8), 0x0000000300000000u);
  b.write(0x860, 0, 8);
  EXPECT_EQ(b.read(0x860, 8), 0x1003F03FFu) << "OPCFG locked";
  b.write(0x888, 0x11, 4);  // WQ 2 is disabled
  EXPECT_EQ(b.read(0x888), 0x11u);
  EXPECT_EQ(b.read(0x858, 8), 0x40000000u) << "WQ 1 enabled";
}

TEST(RegisterTest, SoftwareErrorKeepsTheFirstAndCountsTheRest) {  // DSA 2.7
  DeviceBench b;
  b.bring_up();
  b.write(0x88, 1);
  abi::Descriptor bad = DeviceBench::noop(0);
  bad.opcode = 0x3F;
  b.movdir(0, bad);
  b.run(100);
  EXPECT_EQ(b.read(0xC0, 8), 0x0000113F0000108Du)
      << "valid, descriptor, queue and information known, code 10, PASID 11, opcode 3f";
  EXPECT_EQ(b.read(0xC8, 8), 0u);
  EXPECT_EQ(b.read(0x98), 0x1u);
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0x50}));
  b.movdir(0, bad);
  b.run(100);
  EXPECT_EQ(b.read(0xC0) & 3, 3u);
  EXPECT_EQ(b.host.messages().size(), 1u) << "only a change of valid interrupts";
  b.write(0xC0, 3, 8);
  EXPECT_EQ(b.read(0xC0) & 3, 0u);
  b.write(0x98, 1);
  EXPECT_EQ(b.read(0x98), 0u);
  b.movdir(0, bad);
  b.run(100);
  EXPECT_EQ(b.host.messages().size(), 2u);
}

TEST(RegisterTest, SoftwareErrorBitsClearEachOnItsOwn) {  // DSA 2.7
  DeviceBench b;
  b.bring_up();
  abi::Descriptor bad = DeviceBench::noop(0);
  bad.opcode = 0x3F;
  b.movdir(0, bad);
  b.movdir(0, bad);
  b.run(100);
  b.write(0xC0, 2, 1);
  EXPECT_EQ(b.read(0xC0) & 3, 1u);
  b.write(0xC0, 0xFFFFFFFFFFFFFFFD, 8);
  EXPECT_EQ(b.read(0xC0) & 3, 0u);
  EXPECT_TRUE(b.host.messages().empty()) << "GENCTRL bit 0 is off";
}

TEST(RegisterTest, OverflowStaysWhenANewErrorIsRecorded) {  // DSA 2.7
  DeviceBench b;
  b.bring_up();
  abi::Descriptor bad = DeviceBench::noop(0);
  bad.opcode = 0x3F;
  b.movdir(0, bad);
  b.movdir(0, bad);
  b.run(100);
  b.write(0xC0, 1, 1);
  EXPECT_EQ(b.read(0xC0) & 3, 2u);
  b.movdir(0, bad);
  b.run(100);
  EXPECT_EQ(b.read(0xC0) & 3, 3u);
}

TEST(RegisterTest, DeviceRejectsSizesItCannotHave) {
  DeviceConfig config;
  config.num_wq = 129;
  EXPECT_THROW(DeviceBench{config}, HarnessError);
  config = {};
  config.num_groups = 17;
  EXPECT_THROW(DeviceBench{config}, HarnessError);
  config = {};
  config.msix_vectors = 2049;
  EXPECT_THROW(DeviceBench{config}, HarnessError);
  config = {};
  config.ims_entries = 128;
  EXPECT_THROW(DeviceBench{config}, HarnessError);
  config = {};
  config.opcap = 0x43D;
  EXPECT_THROW(DeviceBench{config}, HarnessError);
}

}  // namespace
}  // namespace siov::model
