// SPDX-License-Identifier: Apache-2.0
// Interrupts of the device model: permission, masks, pending bits, ignore. Literals from DSA 2.10
// and PCIe 6.1.4.
#include <gtest/gtest.h>

#include "device_bench.hpp"

namespace siov::model {
namespace {

/// The bench's dedicated queue has PASID 0x11; a no-op that asks for an interrupt and a record at
/// 0x8000.
struct InterruptTest : testing::Test {
  DeviceBench b;
  void SetUp() override { b.bring_up(); }
  /// @param page  0 MSI-X, 0x2000 IMS. @return status of the record
  int submit(std::uint64_t page, std::uint16_t handle) {
    b.host.memory[0x8000] = std::byte{0};
    abi::Descriptor d = DeviceBench::noop(0x1C, 0x8000);
    d.interrupt_handle = handle;
    b.movdir(page, d);
    b.run(100);
    return std::to_integer<int>(b.host.memory[0x8000]);
  }
  std::vector<std::uint32_t> messages() { return b.host.messages(); }
  using Data = std::vector<std::uint32_t>;
};

TEST_F(InterruptTest, PermissionNeedsTheSamePasid) {  // 2.10
  EXPECT_EQ(submit(0, 1), 0x19) << "entry without PASID, work with";
  EXPECT_EQ(b.read(0xC0, 4), 0x198Du);
  EXPECT_EQ(b.read(0xC8, 8), 0x0005000100000000u) << "handle 1, RCI, record required";
  b.write(0x408, 0x00012008);
  EXPECT_EQ(submit(0, 1), 0x19) << "another PASID";
  b.write(0x408, 0x00011008);
  EXPECT_EQ(submit(0, 1), 1);
  EXPECT_EQ(messages(), (Data{0x51}));
}

TEST_F(InterruptTest, HandleMustLieInItsTable) {  // 2.10
  EXPECT_EQ(submit(0, 9), 0x19);
  EXPECT_EQ(submit(0, 0xFFFF), 0x19);
  EXPECT_EQ(submit(0x2000, 256), 0x19);
  EXPECT_TRUE(messages().empty());
}

TEST_F(InterruptTest, PageDecidesTheTable) {  // 4.1
  b.write(0x4050, 0xFEE01004, 8);
  b.write(0x4058, 0x0001100800000077, 8);  // entry 5: data 77, PASID 11, unmasked
  EXPECT_EQ(submit(0x2000, 5), 1);
  EXPECT_EQ(messages(), (Data{0x77}));
  EXPECT_EQ(submit(0, 5), 0x19) << "MSI-X entry 5 has no PASID";
  const Seen last = b.host.seen[1];
  EXPECT_EQ(last, (Seen{Seen::kMessage, 0xFEE01004, 4, std::nullopt, false, 0x77}));
}

TEST_F(InterruptTest, WorkWithoutPasidNeedsAnEntryWithoutPasid) {  // 2.10
  ASSERT_EQ(b.command(7, 1), 0u);
  b.write(0x808, 0x11);
  ASSERT_EQ(b.command(6, 0), 0u);
  EXPECT_EQ(submit(0, 1), 1);
  b.write(0x408, 0x00000008);
  EXPECT_EQ(submit(0, 1), 0x19);
}

TEST_F(InterruptTest, MaskedImsEntryWaitsAndIsSentOnce) {  // 2.10
  b.write(0x4058, 0x0001100900000077, 8);
  EXPECT_EQ(submit(0x2000, 5), 1);
  EXPECT_EQ(submit(0x2000, 5), 1);
  EXPECT_TRUE(messages().empty());
  EXPECT_EQ(b.read(0x405C), 0x0001100Bu) << "pending";
  b.write(0x405C, 0x00011008);
  EXPECT_EQ(messages(), (Data{0x77}));
  EXPECT_EQ(b.read(0x405C), 0x00011008u);
}

TEST_F(InterruptTest, PendingBitCannotBeWritten) {  // 2.10
  b.write(0x405C, 0x00011003);
  EXPECT_EQ(b.read(0x405C), 0x00011001u);
  b.write(0x405C, 0x00011008);
  EXPECT_TRUE(messages().empty());
}

TEST_F(InterruptTest, MaskedMsixEntrySetsItsPendingBit) {  // PCIe 6.1.4.5
  b.write(0x408, 0x00011008);
  b.write(0x201C, 1);
  EXPECT_EQ(submit(0, 1), 1);
  EXPECT_EQ(b.read(0x3000, 8), 2u);
  EXPECT_TRUE(messages().empty());
  b.write(0x201C, 0);
  EXPECT_EQ(messages(), (Data{0x51}));
  EXPECT_EQ(b.read(0x3000, 8), 0u);
}

TEST_F(InterruptTest, FunctionMaskHoldsAllVectors) {  // PCIe 7.7.2.2
  b.write(0x408, 0x00011008);
  b.set_config(0x82, 0xC000, 2);
  EXPECT_EQ(submit(0, 1), 1);
  EXPECT_EQ(b.read(0x3000, 8), 2u);
  b.set_config(0x82, 0x8000, 2);
  EXPECT_EQ(messages(), (Data{0x51}));
  EXPECT_EQ(b.read(0x3000, 8), 0u);
}

TEST_F(InterruptTest, DisabledMsixDropsButImsWorks) {  // rtl contract: IMS does not depend on MSI-X
  b.write(0x408, 0x00011008);
  b.write(0x4058, 0x0001100800000077, 8);
  b.set_config(0x82, 0x0000, 2);
  EXPECT_EQ(submit(0, 1), 1);
  EXPECT_EQ(submit(0x2000, 5), 1);
  b.set_config(0x82, 0x8000, 2);
  EXPECT_EQ(messages(), (Data{0x77}));
}

TEST_F(InterruptTest, IgnoreDropsTheInterrupt) {  // 2.10
  b.write(0x408, 0x0001100C);
  b.write(0x4058, 0x0001100C00000077, 8);
  EXPECT_EQ(submit(0, 1), 1);
  EXPECT_EQ(submit(0x2000, 5), 1);
  EXPECT_TRUE(messages().empty());
  EXPECT_EQ(b.read(0x3000, 8), 0u);
  EXPECT_EQ(b.read(0x405C) & 2, 0u);
}

TEST_F(InterruptTest, ImsAddressOutsideTheInterruptRangeIsIgnored) {  // 2.10
  b.write(0x4050, 0xFEE12340, 8);
  EXPECT_EQ(b.read(0x4050, 8), 0xFEE12340u);
  for (const std::uint64_t address : {0x1000u, 0xFEF00000u, 0xFED00000u})
    b.write(0x4050, address, 8);
  b.write(0x4054, 1, 4);
  EXPECT_EQ(b.read(0x4050, 8), 0xFEE12340u);
}

TEST_F(InterruptTest, RequestOfAUserDescriptorNeedsGencfg) {  // 5.2.2
  DeviceBench quiet;
  quiet.set_up_function();
  quiet.set_wq(0, 16, true, 0x10001100);
  quiet.set_group(0, 0x1, 0x1);
  ASSERT_EQ(quiet.command(1), 0u);
  ASSERT_EQ(quiet.command(6, 0), 0u);
  quiet.host.seen.clear();
  quiet.write(0x408, 0x00011008);
  abi::Descriptor d = DeviceBench::noop(0x1C, 0x8000);
  d.interrupt_handle = 1;
  quiet.movdir(0, d);
  quiet.run(100);
  EXPECT_EQ(quiet.host.memory[0x8000], std::byte{0x11});
  EXPECT_EQ(quiet.host.memory[0x8010], std::byte{0x10});
  EXPECT_TRUE(quiet.host.messages().empty());
}

}  // namespace
}  // namespace siov::model
