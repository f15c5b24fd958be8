// SPDX-License-Identifier: Apache-2.0
// Configuration space: every register of every capability, both lists, write masks, widths.
// Literals from DSA 1, PCIe 7, SIOV 1.1.
#include "port_bench.hpp"

namespace siov::test {
namespace {

struct ConfigSpaceTest : PortTest {};

TEST_F(ConfigSpaceTest, EveryRegisterReadsItsResetValue) {
  const std::pair<std::uint32_t, std::uint32_t> values[] = {
      {0x00, 0x0B258086},  // DSA 1.1
      {0x04, 0x00100000},  // capability list
      {0x08, 0x08800000},  // class
      {0x0C, 0x00000000},  // header type 0, single function
      {0x10, 0x0000000C},
      {0x14, 0x00000000},
      {0x18, 0x0000000C},
      {0x1C, 0x00000000},  // DSA 1.2
      {0x20, 0x00000000},
      {0x24, 0x00000000},
      {0x28, 0x00000000},
      {0x2C, 0x00008086},
      {0x30, 0x00000000},
      {0x34, 0x00000040},
      {0x38, 0x00000000},
      {0x3C, 0x00000000},
      {0x40, 0x00928010},
      {0x44, 0x10008022},
      {0x48, 0x00002910},  // RCiEP, FLR, DSA 1.3
      {0x4C, 0x00000000},
      {0x50, 0x00000000},  // no link registers in an RCiEP
      {0x64, 0x10700010},  // DMWr completer, 1 end-end prefix, extended format, timeout disable; no
                           // LTR, no 10-bit tags
      {0x68, 0x00000000},
      {0x80, 0x00089011},
      {0x84, 0x00002000},
      {0x88, 0x00003000},  // 9 vectors
      {0x90, 0x00030001},
      {0x94, 0x00000008},  // D0, no soft reset
      {0x100, 0x20020001},
      {0x104, 0x00000000},
      {0x108, 0x00000000},
      {0x10C, 0x00040000},
      {0x110, 0x00000000},
      {0x114, 0x00002000},  // advisory non-fatal masked: PCIe 7.8.4.6
      {0x200, 0x22010023},
      {0x204, 0x01818086},
      {0x208, 0x00000005},
      {0x20C, 0x00000001},
      {0x210, 0x00000001},
      {0x214, 0x00000001},  // SIOV-D-01..05
      {0x220, 0x2301000F},
      {0x224, 0x00000060},
      {0x230, 0x2401001B},
      {0x234, 0x00001404},  // SIOV-D-06: 20 bits
      {0x240, 0x00010013},
      {0x244, 0x81000000},
      {0x248, 0x00000200},
      {0x24C, 0x00000000},
      {0xFFC, 0x00000000}};
  for (const auto& [offset, value] : values)
    EXPECT_EQ(b.config(offset), value) << std::hex << offset;
}

TEST_F(ConfigSpaceTest, NothingStandsBetweenTheCapabilities) {
  for (const std::uint32_t offset : {0x54u, 0x6Cu, 0x70u, 0x7Cu, 0x8Cu, 0x98u, 0xFCu, 0x148u,
                                     0x150u, 0x1FCu, 0x218u, 0x22Cu, 0x238u, 0x250u, 0x800u}) {
    b.set_config(offset, 0xFFFFFFFF);
    EXPECT_EQ(b.config(offset), 0u) << std::hex << offset;
  }
}

TEST_F(ConfigSpaceTest, WalkOfTheListsFindsEveryCapabilityOnce) {  // PCIE-88
  std::vector<std::uint32_t> found;
  for (std::uint32_t at = b.config(0x34, 1); at != 0 && found.size() < 16; at = b.config(at + 1, 1))
    found.push_back(b.config(at, 1));
  EXPECT_EQ(found, (std::vector<std::uint32_t>{0x10, 0x11, 0x01}));
  found.clear();
  std::uint32_t at = 0x100;
  while (at != 0 && found.size() < 16) {
    const std::uint32_t header = b.config(at);
    found.push_back(header & 0xFFFF);
    at = header >> 20;
  }
  EXPECT_EQ(found, (std::vector<std::uint32_t>{0x0001, 0x0023, 0x000F, 0x001B, 0x0013}));
}

TEST_F(ConfigSpaceTest, BarsReportTheirSizes) {  // DSA 1.2: 64 KiB registers, 8 * 4 * 4 KiB portals
  for (const std::uint32_t offset : {0x10u, 0x14u, 0x18u, 0x1Cu, 0x20u, 0x24u})
    b.set_config(offset, 0xFFFFFFFF);
  EXPECT_EQ(b.config(0x10), 0xFFFF000Cu);
  EXPECT_EQ(b.config(0x14), 0xFFFFFFFFu);
  EXPECT_EQ(b.config(0x18), 0xFFFE000Cu);
  EXPECT_EQ(b.config(0x1C), 0xFFFFFFFFu);
  EXPECT_EQ(b.config(0x20), 0u);
  EXPECT_EQ(b.config(0x24), 0u);
}

struct Mask {
  std::uint32_t offset, ones, zeros;  ///< value after all ones, then after all zeros, were written
};

TEST_F(ConfigSpaceTest, WritableBitsAreThoseAndNoOthers) {  // PCIE-87
  const Mask masks[] = {
      {0x00, 0x0B258086, 0x0B258086},
      {0x04, 0x00100146, 0x00100000},  // DSA 1.1: bits 1, 2, 6, 8
      {0x08, 0x08800000, 0x08800000},
      {0x0C, 0x000000FF, 0x00000000},
      {0x2C, 0x00008086, 0x00008086},
      {0x30, 0x00000000, 0x00000000},
      {0x34, 0x00000040, 0x00000040},
      {0x3C, 0x000000FF, 0x00000000},
      {0x40, 0x00928010, 0x00928010},
      {0x44, 0x10008022, 0x10008022},
      {0x64, 0x10700010, 0x10700010},
      {0x68, 0x0000001F, 0x00000000},  // timeout value and disable
      {0x80, 0xC0089011, 0x00089011},
      {0x84, 0x00002000, 0x00002000},
      {0x88, 0x00003000, 0x00003000},
      {0x90, 0x00030001, 0x00030001},
      {0x104, 0x00000000, 0x00000000},  // RW1C, nothing set
      {0x108, 0x0015D000, 0x00000000},
      {0x10C, 0x0015D000, 0x00000000},
      {0x110, 0x00000000, 0x00000000},
      {0x114, 0x00002000, 0x00000000},
      {0x200, 0x22010023, 0x22010023},
      {0x204, 0x01818086, 0x01818086},
      {0x208, 0x00000005, 0x00000005},
      {0x20C, 0x00000001, 0x00000001},  // SIOV-D-02
      {0x210, 0x00000001, 0x00000001},  // SIOV-D-03: 4 KiB is the only legal value
      {0x214, 0x00000001, 0x00000001},  // SIOV-D-04
      {0x220, 0x2301000F, 0x2301000F},
      {0x224, 0x801F0060, 0x00000060},  // enable, STU
      {0x230, 0x2401001B, 0x2401001B},
      {0x234, 0x00051404, 0x00001404},  // enable, privileged mode; no execute
      {0x240, 0x00010013, 0x00010013},
      {0x248, 0x00000200, 0x00000200},
      {0x24C, 0xFFFFFFFF, 0x00000000}};  // outstanding page request allocation: PCIe 10.5.2.5
  for (const Mask& m : masks) {
    b.set_config(m.offset, 0xFFFFFFFF);
    EXPECT_EQ(b.config(m.offset), m.ones) << std::hex << m.offset;
    b.set_config(m.offset, 0);
    EXPECT_EQ(b.config(m.offset), m.zeros) << std::hex << m.offset;
  }
}

TEST_F(ConfigSpaceTest, PageRequestInterfaceIsEnabledAndResetByItsControl) {  // PCIe 10.5.2
  constexpr std::uint32_t kStopped = 0x01000000;  // means nothing while the interface is enabled
  EXPECT_EQ(b.config(0x244), 0x81000000u) << "stopped; responses need their PASID: dsa 1.3";
  b.set_config(0x244, 0xFFFFFFFC);
  EXPECT_EQ(b.config(0x244), 0x81000000u) << "neither enable nor reset, and no status is set";
  b.set_config(0x244, 0x0002, 2);
  EXPECT_EQ(b.config(0x244), 0x81000000u) << "reset reads 0";
  b.set_config(0x244, 0x0001, 2);
  EXPECT_EQ(b.config(0x244) & ~kStopped, 0x80000001u);
  b.set_config(0x244, 0x0003, 2);
  EXPECT_EQ(b.config(0x244) & ~kStopped, 0x80000001u) << "no reset while enabled";
  b.set_config(0x246, 0xFFFF, 2);
  EXPECT_EQ(b.config(0x244) & ~kStopped, 0x80000001u) << "status is not written";
  b.set_config(0x245, 0xFF, 1);
  EXPECT_EQ(b.config(0x244) & ~kStopped, 0x80000001u);
  b.set_config(0x244, 0x0002, 2);
  EXPECT_EQ(b.config(0x244), 0x81000000u) << "disabled and reset at once; nothing was outstanding";
}

TEST_F(ConfigSpaceTest, AtsControlTakesItsBytes) {  // PCIe 10.5.1
  b.set_config(0x227, 0x80, 1);
  EXPECT_EQ(b.config(0x224), 0x80000060u);
  b.set_config(0x226, 0xFF, 1);
  EXPECT_EQ(b.config(0x224), 0x801F0060u) << "STU is five bits";
  b.set_config(0x224, 0xFFFF, 2);
  EXPECT_EQ(b.config(0x224), 0x801F0060u) << "32 invalidations, page aligned, global";
  b.set_config(0x227, 0x00, 1);
  EXPECT_EQ(b.config(0x224), 0x001F0060u);
}

TEST_F(ConfigSpaceTest, DeviceControlTakesItsBitsButNotTheResetBit) {  // PCIe 7.5.3.4
  b.set_config(0x48, 0x7FFF, 2);
  EXPECT_EQ(b.config(0x48, 2), 0x79FFu);
  b.set_config(0x48, 0x0000, 2);
  EXPECT_EQ(b.config(0x48, 2), 0x0000u);
}

TEST_F(ConfigSpaceTest, NarrowWritesTouchTheirBytesOnly) {
  b.set_config(0x10, 0x44332211);
  b.set_config(0x13, 0xAA, 1);
  EXPECT_EQ(b.config(0x10), 0xAA33000Cu);
  b.set_config(0x12, 0x5678, 2);
  EXPECT_EQ(b.config(0x10), 0x5678000Cu);
  b.set_config(0x1C, 0x11111111);
  b.set_config(0x1D, 0x22, 1);
  b.set_config(0x1E, 0x4433, 2);
  EXPECT_EQ(b.config(0x1C), 0x44332211u);
  b.set_config(0x04, 0xFF, 1);
  EXPECT_EQ(b.config(0x04, 2), 0x0046u) << "the upper byte holds SERR enable";
  b.set_config(0x05, 0xFF, 1);
  EXPECT_EQ(b.config(0x04, 2), 0x0146u);
  b.set_config(0x83, 0x80, 1);
  EXPECT_EQ(b.config(0x80), 0x80089011u);
  b.set_config(0x236, 0x05, 1);
  EXPECT_EQ(b.config(0x234), 0x00051404u);
  b.set_config(0x237, 0xFF, 1);
  EXPECT_EQ(b.config(0x236, 2), 0x0005u);
}

TEST_F(ConfigSpaceTest, NarrowReadsGiveTheirBytes) {
  EXPECT_EQ(b.config(0x00, 2), 0x8086u);
  EXPECT_EQ(b.config(0x02, 2), 0x0B25u);
  EXPECT_EQ(b.config(0x0A, 2), 0x0880u);
  EXPECT_EQ(b.config(0x0B, 1), 0x08u);
  EXPECT_EQ(b.config(0x34, 1), 0x40u);
  EXPECT_EQ(b.config(0x204, 2), 0x8086u);
  EXPECT_EQ(b.config(0x206, 2), 0x0181u) << "revision 1, length 0x18: SIOV-D-01";
  EXPECT_EQ(b.config(0x20A, 1), 0x00u) << "function dependency link: SIOV-D-05";
  EXPECT_EQ(b.config(0x20B, 1), 0x00u) << "H";
  EXPECT_EQ(b.config(0x235, 1), 0x14u) << "20 PASID bits: SIOV-D-06";
}

TEST_F(ConfigSpaceTest, OtherPowerStatesThanD0AndD3AreIgnored) {  // PCIe 7.5.2.2
  for (const std::uint32_t state : {1u, 2u}) {
    b.set_config(0x94, state);
    EXPECT_EQ(b.config(0x94), 0x8u);
  }
  b.set_config(0x94, 0x3);
  EXPECT_EQ(b.config(0x94), 0xBu);
  for (const std::uint32_t state : {1u, 2u}) {
    b.set_config(0x94, state);
    EXPECT_EQ(b.config(0x94), 0xBu);
  }
  b.set_config(0x94, 0x0);
  EXPECT_EQ(b.config(0x94), 0x8u);
}

TEST_F(ConfigSpaceTest, RefusedReadIsLoggedAsAdvisoryAndCleared) {  // PCIe 6.2.3.2.4.1; DSA 1.3
  b.set_up_function();
  b.set_config(0x04, 0x0004, 2);
  const port::ReadResult r = b.access(port::Bar::kControl, 0, 4);
  EXPECT_EQ(r.status, port::CompletionStatus::kUnsupportedRequest);
  EXPECT_EQ(r.data, ~std::uint64_t{0});
  EXPECT_EQ(b.config(0x4A, 2) & 0xFu, 0x9u) << "correctable and unsupported request";
  EXPECT_EQ(b.config(0x110), 0x00002000u) << "advisory non-fatal";
  EXPECT_EQ(b.config(0x104), 0x00000000u)
      << "advisory is masked, so the uncorrectable status stays: PCIe 6.2.3.2.4";
  b.set_config(0x4A, 0x1, 2);
  EXPECT_EQ(b.config(0x4A, 2) & 0xFu, 0x8u) << "each bit on its own";
  b.set_config(0x4A, 0xF, 2);
  EXPECT_EQ(b.config(0x4A, 2) & 0xFu, 0x0u);
  b.set_config(0x110, 0xFFFFFFFF);
  EXPECT_EQ(b.config(0x110), 0u);
}

TEST_F(ConfigSpaceTest, RefusedWriteIsAnUncorrectableError) {  // PCIe 6.2.3.1: posted
  b.set_up_function();
  b.set_config(0x04, 0x0004, 2);
  b.write(0x88, 3);
  b.run(50);
  EXPECT_EQ(b.config(0x4A, 2) & 0xFu, 0xAu) << "non-fatal and unsupported request";
  EXPECT_EQ(b.config(0x104), 0x00100000u);
  EXPECT_EQ(b.config(0x110), 0u);
  b.set_config(0x104, 0x00100000);
  EXPECT_EQ(b.config(0x104), 0u);
}

}  // namespace
}  // namespace siov::test
