// SPDX-License-Identifier: Apache-2.0
// Operation masks and occupancy interrupts of queues, interrupt handles. Literals from DSA 2.9,
// 2.10, 3.1 and 3.3.
#include <gtest/gtest.h>

#include "device_bench.hpp"

namespace siov::model {
namespace {

using Data = std::vector<std::uint32_t>;

/// Fills of one queue while a long one occupies the engine.
struct OccupancyTest : testing::Test {
  DeviceBench b{DeviceBench::quick_with([](DeviceConfig& c) { c.bytes_per_cycle = 1; })};
  /// WQ 0 as in bring_up, limit 2, handle MSI-X 3 of its PASID.
  void configure(std::uint32_t dword4 = 3, std::uint32_t dword5 = 0x10002) {
    b.set_up_function();
    b.set_wq(0, 16, true, 0x10001100);
    b.set_group(0, 0x1, 0x1);
    b.write(0x418, 0x00011008);
    b.write(0x810, dword4);
    b.write(0x814, dword5);
    ASSERT_EQ(b.command(1), 0u);
  }
  void start() {
    configure();
    ASSERT_EQ(b.command(6, 0), 0u);
    b.host.seen.clear();
  }
  void fill(std::uint32_t size = 100) {
    abi::Descriptor d = DeviceBench::noop(0);
    d.opcode = 4;
    d.size = size;
    d.destination = Iova{0x10000};
    b.movdir(0, d);
    b.run(2);
  }
  std::uint64_t occupancy() { return b.read(0x818); }
};

TEST_F(OccupancyTest, FallingToTheLimitInterruptsOnce) {  // 2.9, 2.6
  start();
  for (int i = 0; i < 4; ++i) fill(1000);  // one in the engine, three wait
  EXPECT_EQ(occupancy(), 0x40000003u);
  EXPECT_TRUE(b.host.messages().empty());
  b.run(1000);
  EXPECT_EQ(occupancy(), 0x40010002u) << "generated";
  EXPECT_EQ(b.host.messages(), (Data{0x53}));
  EXPECT_EQ(b.read(0x98), 4u);
  b.run(4000);
  for (int i = 0; i < 4; ++i) fill();
  b.run(2000);
  EXPECT_EQ(b.host.messages().size(), 1u) << "generated is still set";
  b.write(0x818, 0x10000);
  EXPECT_EQ(occupancy(), 0x40000000u);
  for (int i = 0; i < 4; ++i) fill();
  b.run(2000);
  EXPECT_EQ(b.host.messages().size(), 2u);
}

TEST_F(OccupancyTest, FallingFromTheLimitIsNoEvent) {  // 2.9
  start();
  for (int i = 0; i < 3; ++i) fill();  // two wait
  b.run(2000);
  EXPECT_TRUE(b.host.messages().empty());
  EXPECT_EQ(occupancy(), 0x40000000u);
}

TEST_F(OccupancyTest, DisabledInterruptIsSilentAndItsLimitOpen) {  // 2.9
  configure(3, 0x00002);
  ASSERT_EQ(b.command(6, 0), 0u);
  for (int i = 0; i < 4; ++i) fill();
  b.run(2000);
  EXPECT_TRUE(b.host.messages().empty());
  EXPECT_EQ(occupancy(), 0x40000000u);
  b.write(0x814, 0x10001);
  EXPECT_EQ(b.read(0x814), 0x10001u) << "limit and enable together, in an enabled queue";
  b.write(0x814, 0x10005);
  EXPECT_EQ(b.read(0x814), 0x10001u) << "locked";
  b.write(0x814, 0x00005);
  EXPECT_EQ(b.read(0x814), 0x00001u) << "the write that disables still meets the lock";
  b.write(0x814, 0x00005);
  EXPECT_EQ(b.read(0x814), 0x00005u);
}

TEST_F(OccupancyTest, ImsHandleSendsTheImsEntry) {  // 2.9 dword 4 bit 16
  configure(0x10007);
  b.write(0x4070, 0xFEE00040, 8);
  b.write(0x4078, 0x0001100800000077, 8);
  ASSERT_EQ(b.command(6, 0), 0u);
  for (int i = 0; i < 4; ++i) fill();
  b.run(2000);
  EXPECT_EQ(b.host.messages(), (Data{0x77}));
}

TEST_F(OccupancyTest, AbortLetsTheOccupancyFallToo) {  // 2.9, 3.2
  start();
  for (int i = 0; i < 4; ++i) fill(1000);
  EXPECT_EQ(b.command(9, 0x1), 0u);
  EXPECT_EQ(b.host.messages(), (Data{0x53}));
  EXPECT_EQ(occupancy(), 0x40010000u);
}

TEST_F(OccupancyTest, EnableWqChecksTheHandle) {  // 3.3 (2b)
  configure(0x9);
  EXPECT_EQ(b.command(6, 0), 0x2Bu) << "vector 9 of 9";
  b.write(0x810, 0x10100);
  EXPECT_EQ(b.command(6, 0), 0x2Bu) << "IMS entry 256 of 256";
  b.write(0x810, 3);
  b.write(0x418, 0x00012008);
  EXPECT_EQ(b.command(6, 0), 0x2Bu) << "another PASID";
  b.write(0x418, 0);
  EXPECT_EQ(b.command(6, 0), 0x2Bu) << "entry without PASID";
  b.write(0x808, 0x11);
  EXPECT_EQ(b.command(6, 0), 0u) << "queue without PASID";
  ASSERT_EQ(b.command(7, 1), 0u);
  b.write(0x810, 0x9);
  b.write(0x814, 0);
  EXPECT_EQ(b.command(6, 0), 0u) << "not enabled, not checked";
}

TEST_F(OccupancyTest, ResetWqClearsTheFields) {  // 2.9
  start();
  for (int i = 0; i < 4; ++i) fill();
  b.run(2000);
  b.write(0x820, 1);
  ASSERT_EQ(b.command(10, 1), 0u);
  EXPECT_EQ(b.read(0x800, 8), 16u);
  EXPECT_EQ(b.read(0x810, 8), 0u);
  EXPECT_EQ(b.read(0x818, 8), 0u);
  EXPECT_EQ(b.read(0x820, 8), 0x1003F03FFu);
}

TEST(OperationMaskTest, MaskedOperationsFailWithTheirOpcode) {  // 2.9, 5.5 (10)
  DeviceBench b;
  b.set_up_function();
  b.set_wq(0, 16, true);
  b.set_group(0, 0x1, 0x1);
  b.write(0x820, 0x9, 8);  // no-op and move
  ASSERT_EQ(b.command(1), 0u);
  ASSERT_EQ(b.command(6, 0), 0u);
  abi::Descriptor d = DeviceBench::noop(0xC, 0x8000);
  b.movdir(0, d);
  b.run(100);
  EXPECT_EQ(b.host.memory[0x8000], std::byte{0x01});
  d.opcode = 4;
  d.size = 8;
  d.destination = Iova{0x9000};
  d.source = Iova{0x5555555555555555};
  b.movdir(0, d);
  b.run(100);
  EXPECT_EQ(b.host.memory[0x8000], std::byte{0x10});
  EXPECT_EQ(b.host.memory[0x9000], std::byte{0});
}

TEST(OperationMaskTest, EnableWqRefusesOperationsThatTheDeviceHasNot) {  // 3.3 (2d)
  DeviceBench b;
  b.set_up_function();
  b.set_wq(0, 16, true);
  b.set_group(0, 0x1, 0x1);
  ASSERT_EQ(b.command(1), 0u);
  for (const unsigned opcode : {10u, 15u, 22u, 31u, 33u, 63u}) {
    b.write(0x820, std::uint64_t{1} << opcode, 8);
    EXPECT_EQ(b.command(6, 0), 0x2Du) << opcode;
  }
  b.write(0x820, 0, 8);
  EXPECT_EQ(b.command(6, 0), 0u) << "a queue without operations is legal";
}

DeviceConfig with_handles() {
  return DeviceBench::quick_with([](DeviceConfig& c) { c.cmd_cap = true; });
}

TEST(HandleTest, CapabilityNamesTheCommands) {  // 2.1, 2.2 (4)
  DeviceBench b(with_handles());
  b.set_up_function();
  EXPECT_EQ(b.read(0x10, 8), 0x835F2D17u);
  EXPECT_EQ(b.read(0xB0, 8), 0x7FFEu);
  EXPECT_EQ(b.command(15), 0x01u);
  DeviceBench without;
  without.set_up_function();
  EXPECT_EQ(without.read(0xB0, 8), 0u);
  EXPECT_EQ(without.command(13, 0), 0x01u);
  EXPECT_EQ(without.command(14, 0), 0x01u);
}

TEST(HandleTest, RequestReturnsTheIndexAsHandle) {  // 3.1 (13), 3.3 (41), (04)
  DeviceBench b(with_handles());
  b.set_up_function();
  EXPECT_EQ(b.command(13, 0), 0x00000000u) << "entry 0 is not special";
  EXPECT_EQ(b.command(13, 3), 0x00000300u);
  EXPECT_EQ(b.command(13, 3), 0x00000300u) << "again";
  EXPECT_EQ(b.command(13, 8), 0x00000800u);
  EXPECT_EQ(b.command(13, 9), 0x41u);
  EXPECT_EQ(b.command(13, 0x10009), 0x00000900u) << "IMS";
  EXPECT_EQ(b.command(13, 0x100FF), 0x0000FF00u);
  EXPECT_EQ(b.command(13, 0x10100), 0x41u);
  for (const std::uint32_t operand : {0x20000u, 0x40000u, 0x80000u})
    EXPECT_EQ(b.command(13, operand), 0x04u);
  EXPECT_EQ(b.command(3), 0u) << "no result in other commands";
}

TEST(HandleTest, ReleaseNeedsAGrantedHandle) {  // 3.1 (14), 3.3 (41), (04)
  DeviceBench b(with_handles());
  b.set_up_function();
  EXPECT_EQ(b.command(14, 3), 0x41u);
  ASSERT_EQ(b.command(13, 3), 0x00000300u);
  EXPECT_EQ(b.command(14, 0x10003), 0x41u) << "the other table";
  EXPECT_EQ(b.command(14, 0x20003), 0x04u);
  EXPECT_EQ(b.command(14, 3), 0u);
  EXPECT_EQ(b.command(14, 3), 0x41u);
  EXPECT_EQ(b.command(14, 0xFFFF), 0x41u);
}

struct GrantTest : testing::Test {
  DeviceBench b{with_handles()};
  void SetUp() override {
    b.bring_up();
    b.write(0x408, 0x00011008);
  }
  int submit() {
    b.host.memory[0x8000] = std::byte{0};
    abi::Descriptor d = DeviceBench::noop(0x1C, 0x8000);
    d.interrupt_handle = 1;
    b.movdir(0, d);
    b.run(100);
    return std::to_integer<int>(b.host.memory[0x8000]);
  }
};

TEST_F(GrantTest, OnlyGrantedHandlesInterrupt) {  // 2.10, 5.5 (19)
  EXPECT_EQ(submit(), 0x19);
  EXPECT_TRUE(b.host.messages().empty());
  ASSERT_EQ(b.command(13, 1), 0x100u);
  EXPECT_EQ(submit(), 1);
  EXPECT_EQ(b.host.messages(), (Data{0x51}));
  ASSERT_EQ(b.command(14, 1), 0u);
  EXPECT_EQ(submit(), 0x19);
}

TEST_F(GrantTest, ResetDeviceTakesTheGrantsBack) {  // 3.2
  ASSERT_EQ(b.command(13, 1), 0x100u);
  ASSERT_EQ(b.command(5), 0u);
  EXPECT_EQ(b.command(14, 1), 0x41u);
}

TEST_F(GrantTest, FunctionLevelResetTakesTheGrantsBack) {  // 3.2
  ASSERT_EQ(b.command(13, 0x10002), 0x200u);
  b.set_config(0x48, 0xA910, 2);
  b.set_config(0x04, 0x6, 2);
  EXPECT_EQ(b.command(14, 0x10002), 0x41u);
}

TEST_F(GrantTest, OccupancyHandleMustBeGranted) {  // 2.10, 3.3 (2b)
  ASSERT_EQ(b.command(7, 1), 0u);
  b.write(0x810, 0x0001000200000001, 8);
  EXPECT_EQ(b.command(6, 0), 0x2Bu);
  ASSERT_EQ(b.command(13, 1), 0x100u);
  EXPECT_EQ(b.command(6, 0), 0u);
}

TEST_F(GrantTest, HaltedDeviceGrantsNothing) {  // 3.3 (05)
  b.set_config(0x236, 0x0, 2);
  EXPECT_EQ(b.command(13, 1), 0x05u);
  EXPECT_EQ(b.command(14, 1), 0x05u);
}

}  // namespace
}  // namespace siov::model
