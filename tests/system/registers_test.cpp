// SPDX-License-Identifier: Apache-2.0
// BAR0: reset values, widths, write masks, locked fields. Literals from DSA 2.
#include "port_bench.hpp"

namespace siov::test {
namespace {

struct RegisterTest : PortTest {};
constexpr std::uint64_t kOnes = ~std::uint64_t{0};

TEST_F(RegisterTest, CapabilitiesReadTheirValues) {  // 2.1 to 2.5
  b.set_up_function();
  EXPECT_EQ(b.read(0x00), 0x100u);
  EXPECT_EQ(b.read(0x10, 8), 0x00000000835F2D07u)
      << "block on fault, overlap, cache control, readback, 16-byte fill, 64-bit CRC, event log, "
         "2^31 bytes, 2^10 "
         "members, 256 IMS, configurable";
  EXPECT_EQ(b.read(0x20, 8), 0x00FF000001080080u)
      << "128 entries, 8 queues of 64 bytes, shared, dedicated, ATS and PRS control, priority, "
         "occupancy and its interrupt, operation masks";
  EXPECT_EQ(b.read(0x30, 8), 0x0000000000036004u) << "4 groups, 96 read buffers";
  EXPECT_EQ(b.read(0x38, 8), 0x0000000000084004u) << "4 engines of 64 descriptors and 8 batches";
  EXPECT_EQ(b.read(0x40, 8), 0x00000001003F03FFu) << "00 to 09, 10 to 15, 20";
  EXPECT_EQ(b.read(0x60, 8), 0x0040000400080006u)
      << "GRPCFG 600, WQCFG 800, MSIXPERM 400, IMS 4000";
}

TEST_F(RegisterTest, UnimplementedOffsetsReadZeroAndIgnoreWrites) {  // 2.1
  b.set_up_function();
  for (const std::uint64_t offset :
       {0x08,   0x18,   0x28,   0x48,   0x50,   0x58,   0x68,   0x70,   0xB0,   0xB8,
        0xF8,   0x100,  0x108,  0x180,  0x1F8,  0x200,  0x448,  0x700,  0xA00,  0xFF8,
        0x1000, 0x1FF8, 0x2090, 0x2FF8, 0x3008, 0x5000, 0xDFF8, 0xE000, 0xF000, 0xFFF8}) {
    b.write(offset, kOnes, 8);
    EXPECT_EQ(b.read(offset, 8), 0u) << std::hex << offset;
  }
  EXPECT_EQ(b.read(0x90), 0u);
}

TEST_F(RegisterTest, ControlRegistersAndTablesReadTheirResetValues) {  // 2.1, 2.6 to 2.10
  b.set_config(0x14, 0x3800);
  b.set_config(0x04, 0x0006, 2);
  b.device().set_bar_base(port::Bar::kControl, 0x380000000000);
  EXPECT_EQ(b.read(0x80), 0x60u) << "global limit: all read buffers";
  for (const std::uint64_t offset :
       {0x88, 0x90, 0x98, 0xA8, 0xC0, 0xC8, 0xD0, 0xD8, 0xE0, 0xE8, 0xF0})
    EXPECT_EQ(b.read(offset, 8), 0u) << std::hex << offset;
  for (std::uint64_t group = 0; group < 4; ++group) {
    for (const std::uint64_t word : {0x00, 0x08, 0x10, 0x18, 0x20, 0x30, 0x38})
      EXPECT_EQ(b.read(0x600 + 64 * group + word, 8), 0u);
    EXPECT_EQ(b.read(0x628 + 64 * group, 8), 0x06000000u) << "96 read buffers allowed";
  }
  for (std::uint64_t offset = 0x800; offset < 0xA00; offset += 8)
    EXPECT_EQ(b.read(offset, 8), offset % 64 == 0x20 ? 0x1003F03FFu : 0u)
        << std::hex << offset << ": OPCFG resets to OPCAP";
  for (std::uint64_t v = 0; v < 9; ++v) {
    EXPECT_EQ(b.read(0x2000 + 16 * v, 8), 0u);
    EXPECT_EQ(b.read(0x2008 + 16 * v, 8), 0x0000000100000000u) << "masked";
    EXPECT_EQ(b.read(0x400 + 8 * v, 8), 0u);
  }
  EXPECT_EQ(b.read(0x3000, 8), 0u);
  for (const std::uint64_t entry : {0, 1, 128, 255}) {
    EXPECT_EQ(b.read(0x4000 + 16 * entry, 8), 0x00000000FEE00000u);
    EXPECT_EQ(b.read(0x4008 + 16 * entry, 8), 0x0000000100000000u) << "masked, data 0: SIOV-D-35";
  }
}

TEST_F(RegisterTest, ReadsOfAnyWidthGiveTheirBytes) {  // 2
  b.set_up_function();
  EXPECT_EQ(b.read(0x10, 1), 0x07u);
  EXPECT_EQ(b.read(0x12, 1), 0x5Fu);
  EXPECT_EQ(b.read(0x13, 1), 0x83u);
  EXPECT_EQ(b.read(0x12, 2), 0x835Fu);
  EXPECT_EQ(b.read(0x14, 4), 0u);
  EXPECT_EQ(b.read(0x24, 4), 0x00FF0000u);
  EXPECT_EQ(b.read(0x26, 1), 0xFFu);
  EXPECT_EQ(b.read(0x66, 2), 0x0040u);
}

TEST_F(
    RegisterTest,
    WidestReadSpansTwoRegistersOf32Bits) {  // 2: software reads two adjacent ones with one access
  b.set_up_function();
  b.write(0x800, 0x0010);
  b.write(0x804, 0x0008);
  EXPECT_EQ(b.read(0x800, 8), 0x0000000800000010u);
  b.write(0x808, 0x12345610);
  b.write(0x80C, 0x000000B5);
  EXPECT_EQ(b.read(0x808, 8), 0x000000B512345610u);
  b.write(0x2018, 0x0000000100ABCDEF, 8);
  EXPECT_EQ(b.read(0x2018), 0x00ABCDEFu);
  EXPECT_EQ(b.read(0x201C), 0x00000001u);
}

TEST_F(RegisterTest, PartialWritesTouchTheirBytesOnly) {  // 2
  b.set_up_function();
  b.write(0x80, 0x11, 1);
  EXPECT_EQ(b.read(0x80), 0x11u);
  b.write(0x81, 0x10, 1);
  EXPECT_EQ(b.read(0x80), 0x1011u);
  b.write(0x82, 0xFFFF, 2);
  EXPECT_EQ(b.read(0x80), 0x1011u);
  b.write(0x804, 0x34, 1);
  b.write(0x805, 0x12, 1);
  EXPECT_EQ(b.read(0x804), 0x1234u);
  b.write(0x80A, 0x1234, 2);
  EXPECT_EQ(b.read(0x808), 0x12340000u);
  b.write(0x628, 0x0010011B);  // SPDK writes the low half only: 2.8
  EXPECT_EQ(b.read(0x628, 8), 0x0010011Bu);
  b.write(0x62A, 0x20, 1);
  EXPECT_EQ(b.read(0x628, 8), 0x0020011Bu);
  b.write(0x4018, 0x44332211);
  b.write(0x4019, 0xAA, 1);
  EXPECT_EQ(b.read(0x4018), 0x4433AA11u);
  b.write(0x401D, 0x50, 1);  // PASID bits 3:0
  EXPECT_EQ(b.read(0x401C), 0x00005001u);
  b.write(0x40A, 0x1234, 2);
  EXPECT_EQ(b.read(0x408, 8), 0x12340000u);
  b.write(0x2014, 0x00000001);
  EXPECT_EQ(b.read(0x2010, 8), 0x00000001FEE00000u);
}

TEST_F(RegisterTest, ReservedBitsIgnoreWrites) {  // 2.6, 2.8 to 2.10
  b.set_up_function();
  b.write(0x80, 0xFFFFFFFF);
  EXPECT_EQ(b.read(0x80), 0x000030FFu) << "limit, user interrupts, event log";
  b.write(0x88, 0xFFFFFFFF);
  EXPECT_EQ(b.read(0x88), 0x7u);
  b.write(0x90, 0xFFFFFFFF);
  EXPECT_EQ(b.read(0x90), 0x0u);
  for (const std::uint64_t offset : {0xE0, 0xE8, 0xF0}) b.write(offset, kOnes, 8);
  EXPECT_EQ(b.read(0xE0, 8), 0xFFFFFFFFFFFFF003u) << "base, privilege, PASID enable";
  EXPECT_EQ(b.read(0xE8, 8), 0x0000000FFFFFFFFFu) << "PASID, size";
  EXPECT_EQ(b.read(0xF0, 8), 0x000000000000FFFFu) << "tail and pending are the device's";
  for (std::uint64_t i = 0; i < 64; i += 8) b.write(0x800 + i, kOnes, 8);
  EXPECT_EQ(b.read(0x800, 8), 0x0000FFFF0000FFFFu);
  EXPECT_EQ(b.read(0x808, 8), 0x000001FF3FFFFFFFu) << "no SGL";
  EXPECT_EQ(b.read(0x810, 8), 0x0001FFFF0001FFFFu) << "occupancy interrupt";
  EXPECT_EQ(b.read(0x818, 8), 0u) << "occupancy and state are read-only";
  EXPECT_EQ(b.read(0x820, 8), kOnes) << "OPCFG, checked by Enable WQ";
  for (const std::uint64_t offset : {0x828, 0x830, 0x838})
    EXPECT_EQ(b.read(offset, 8), 0u) << "no operation has a number above 63";
  b.write(0x628, kOnes, 8);
  EXPECT_EQ(b.read(0x628, 8), 0x0FF0FFBFu) << "no 2.0 limits";
  b.write(0x408, kOnes, 8);
  EXPECT_EQ(b.read(0x408, 8), 0x00000000FFFFF00Cu);
  b.write(0x201C, 0xFFFFFFFF);
  EXPECT_EQ(b.read(0x201C), 0x1u);
  b.write(0x2010, kOnes, 8);
  EXPECT_EQ(b.read(0x2010, 8), 0xFFFFFFFFFFFFFFFCu)
      << "message address is a multiple of four: PCIe 7.7.2.5";
  b.write(0x4018, kOnes, 8);
  EXPECT_EQ(b.read(0x4018, 8), 0xFFFFF00DFFFFFFFFu) << "pending is read-only";
  b.write(0x3000, kOnes, 8);
  EXPECT_EQ(b.read(0x3000, 8), 0u);
  for (const std::uint64_t offset : {0x00, 0x10, 0x20, 0x30, 0x38, 0x40, 0x60})
    b.write(offset, kOnes, 8);
  EXPECT_EQ(b.read(0x00), 0x100u);
  EXPECT_EQ(b.read(0x10, 8), 0x835F2D07u);
  EXPECT_EQ(b.read(0x40, 8), 0x1003F03FFu);
}

TEST_F(RegisterTest, ImsAddressStaysInTheInterruptWindow) {  // 2.10
  b.set_up_function();
  b.write(0x4010, 0xFEE12344, 8);
  EXPECT_EQ(b.read(0x4010, 8), 0xFEE12344u);
  b.write(0x4010, 0x12345678, 8);
  EXPECT_EQ(b.read(0x4010, 8), 0xFEE12344u);
  b.write(0x4014, 0x00000001);
  EXPECT_EQ(b.read(0x4010, 8), 0xFEE12344u);
  b.write(0x4010, 0xFEF00000);
  EXPECT_EQ(b.read(0x4010, 8), 0xFEE12344u);
  b.write(0x4010, 0xFEEFFFFC);
  EXPECT_EQ(b.read(0x4010, 8), 0xFEEFFFFCu);
}

TEST_F(RegisterTest, FieldsLockWhileTheDeviceIsEnabled) {  // 2.6, 2.8, 2.9
  b.bring_up();
  b.write(0x80, 0);
  EXPECT_EQ(b.read(0x80), 0x1060u);
  for (std::uint64_t i = 0; i < 0x30; i += 8) b.write(0x600 + i, kOnes, 8);
  EXPECT_EQ(b.read(0x600, 8), 0x3u);
  EXPECT_EQ(b.read(0x608, 8), 0x0u);
  EXPECT_EQ(b.read(0x620, 8), 0x1u);
  EXPECT_EQ(b.read(0x628, 8), 0x06000000u);
  b.write(0x640, 0x4, 8);
  EXPECT_EQ(b.read(0x640, 8), 0x0u) << "unused groups too";
  b.write(0x840, 0x0000000700000055, 8);
  EXPECT_EQ(b.read(0x840, 8), 0x0000000700000008u) << "size locked, threshold free";
  b.write(0x880, 0x11);
  EXPECT_EQ(b.read(0x880), 0u) << "size of a disabled queue too";
  b.write(0x88, 3);
  EXPECT_EQ(b.read(0x88), 3u) << "GENCTRL is never locked";
}

TEST_F(RegisterTest, FieldsLockWhileTheQueueIsEnabled) {  // 2.9: Linux and SPDK rewrite whole
                                                          // entries and depend on it
  b.bring_up();
  for (std::uint64_t i = 8; i < 64; i += 8) b.write(0x840 + i, 0x5555555555555555, 8);
  EXPECT_EQ(b.read(0x848, 8), 0x000000BF10000010u);
  EXPECT_EQ(b.read(0x850, 8), 0x0001555500000000u) << "occupancy handle locked, limit free";
  EXPECT_EQ(b.read(0x858, 8), 0x0000000040000000u) << "enabled, empty";
  EXPECT_EQ(b.read(0x860, 8), 0x1003F03FFu) << "OPCFG";
  b.write(0x888, 0x10012311);
  b.write(0x88C, 0x000000B5);
  EXPECT_EQ(b.read(0x888, 8), 0x000000B510012311u) << "WQ 2 is disabled";
  EXPECT_EQ(b.command(7, 0x2), 0u);
  b.write(0x848, 0x10000020);
  EXPECT_EQ(b.read(0x848), 0x10000020u);
}

TEST_F(RegisterTest, RegistersUnlockWhenTheDeviceIsDisabled) {  // 2.6, 2.8
  b.bring_up();
  EXPECT_EQ(b.command(2), 0u);
  b.write(0x80, 0x0055);
  EXPECT_EQ(b.read(0x80), 0x55u);
  b.write(0x600, 0x1, 8);
  EXPECT_EQ(b.read(0x600, 8), 0x1u);
  b.write(0x840, 0x20);
  EXPECT_EQ(b.read(0x840), 0x20u);
}

TEST_F(RegisterTest, PortalReadsAreHarmlessAndUniform) {  // 4.2, SIOV-D-20
  b.bring_up();
  for (std::uint64_t page = 0; page < 32; ++page) {
    for (const std::uint32_t size : {1u, 2u, 4u, 8u}) {
      const port::ReadResult r = b.access(port::Bar::kPortal, page * 0x1000 + 0x40, size);
      EXPECT_EQ(r.status, port::CompletionStatus::kSuccess);
      const std::uint64_t ones = size == 8 ? kOnes : (std::uint64_t{1} << 8 * size) - 1;
      EXPECT_TRUE(r.data == 0 || r.data == ones) << std::hex << r.data;
    }
  }
  EXPECT_EQ(b.occupancy(0), 0u);
  EXPECT_EQ(b.read(0xC0, 8), 0u);
}

}  // namespace
}  // namespace siov::test
