// SPDX-License-Identifier: Apache-2.0
// Commands of the device model: every check and its code, what they wait for, what they leave.
// Literals from DSA 3.
#include <gtest/gtest.h>

#include "device_bench.hpp"

namespace siov::model {
namespace {

struct CommandTest : testing::Test {
  DeviceBench b;
  /// One dedicated and one shared queue in one group with one engine; nothing enabled.
  void configure() {
    b.set_up_function();
    b.set_wq(0, 16, true, 0x10001100);
    b.set_wq(1, 8, false, 0x10000000, 4);
    b.set_group(0, 0x3, 0x1);
  }
  void enable_device() {
    configure();
    ASSERT_EQ(b.command(1), 0u);
  }
};

TEST_F(CommandTest, StatusReadsActiveAtOnceAndInterruptFollows) {  // 2.6
  configure();
  b.write(0xA0, 0x80100000);
  EXPECT_EQ(b.read(0xA8), 0x80000000u);
  b.run(20);
  EXPECT_EQ(b.read(0xA8), 0u);
  EXPECT_EQ(b.read(0x90), 1u);
  EXPECT_EQ(b.read(0x98), 2u);
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0x50}));
}

TEST_F(CommandTest, CommandWhileActiveIsDroppedAndLogged) {  // 2.6, 5.5 (52)
  configure();
  b.write(0xA0, 0x00100000);
  b.write(0xA0, 0x00200000);
  b.run(20);
  EXPECT_EQ(b.read(0x90), 1u);
  EXPECT_EQ(b.read(0xC0, 8), 0x5201u);
}

TEST_F(CommandTest, UnknownCommandsAreRefused) {  // 3.3 (01)
  configure();
  for (const std::uint32_t code : {0u, 13u, 14u, 15u, 17u, 31u})
    EXPECT_EQ(b.command(code), 0x01u) << code;
}

TEST_F(CommandTest, EnableDeviceChecksStateAndBusMaster) {  // 3.3 (10), (12)
  enable_device();
  EXPECT_EQ(b.command(1), 0x10u);
  EXPECT_EQ(b.command(2), 0u);
  b.set_config(0x04, 0x2, 2);
  EXPECT_EQ(b.command(1), 0x12u);
}

TEST_F(CommandTest, OperandOfDeviceCommandsIsIgnored) {  // 7.9
  configure();
  EXPECT_EQ(b.command(1, 0xFFFFF), 0u);
  EXPECT_EQ(b.command(2, 0x3), 0u);
}

TEST_F(CommandTest, EnableDeviceChecksTheSumOfSizes) {  // 3.3 (14)
  configure();
  b.write(0x800, 120);
  EXPECT_EQ(b.command(1), 0u) << "120 + 8 = 128";
  b.command(2);
  b.write(0x800, 121);
  EXPECT_EQ(b.command(1), 0x14u);
}

TEST_F(CommandTest, EnableDeviceChecksGroups) {  // 3.3 (15), (16), (17)
  configure();
  b.set_group(1, 0, 0x2);
  EXPECT_EQ(b.command(1), 0x15u) << "engines without queues";
  b.set_group(1, 0, 0);
  b.set_group(0, 0x3, 0);
  EXPECT_EQ(b.command(1), 0x15u) << "queues without engines";
  b.set_group(0, 0x3, 0x10);
  EXPECT_EQ(b.command(1), 0x15u) << "engine 4 of 4";
  b.set_group(0, 0x103, 0x1);
  EXPECT_EQ(b.command(1), 0x15u) << "queue 8 of 8";
  b.set_group(0, 0x3, 0x1);
  b.set_group(1, 0x2, 0x2);
  EXPECT_EQ(b.command(1), 0x16u) << "queue in two groups";
  b.set_group(1, 0, 0);
  b.set_group(0, 0x1, 0x1);
  EXPECT_EQ(b.command(1), 0x16u) << "queue with a size in no group";
  b.set_group(0, 0x7, 0x1);
  EXPECT_EQ(b.command(1), 0x16u) << "queue of size 0 in a group";
  b.set_group(0, 0x1, 0x1);
  b.set_group(1, 0x2, 0x1);
  EXPECT_EQ(b.command(1), 0x17u) << "engine in two groups";
  b.set_group(1, 0x2, 0x2);
  EXPECT_EQ(b.command(1), 0u);
}

TEST_F(CommandTest, EnableDeviceChecksReadBuffers) {  // 3.3 (18)
  configure();
  b.set_group(0, 0x3, 0x3);
  b.write(0x628, 0x00800000);  // 8 = 4 * two engines
  b.write(0x668, 0);           // an empty group may have anything
  EXPECT_EQ(b.command(1), 0u);
  b.command(2);
  b.write(0x628, 0x00700000);
  EXPECT_EQ(b.command(1), 0x18u) << "below 4 * engines";
  b.write(0x628, 0x00800900);
  EXPECT_EQ(b.command(1), 0x18u) << "below its reservation";
  b.write(0x628, 0x06000000);
  b.write(0x668, 0x00000100);
  EXPECT_EQ(b.command(1), 0x18u) << "96 allowed, 95 to be had";
  b.write(0x628, 0x05F00000);
  EXPECT_EQ(b.command(1), 0u);
  b.command(2);
  b.write(0x668, 0x00006100);
  EXPECT_EQ(b.command(1), 0x18u) << "97 reserved of 96";
  b.write(0x668, 0);
  b.write(0x628, 0x00800080);
  b.write(0x80, 7);
  EXPECT_EQ(b.command(1), 0x18u) << "global limit below 4 * engines";
  b.write(0x628, 0x00800000);
  EXPECT_EQ(b.command(1), 0u) << "nobody uses the limit";
}

TEST_F(CommandTest, EnableWqChecksOperandAndDevice) {  // 3.3 (04), (02), (20)
  configure();
  EXPECT_EQ(b.command(6, 0), 0x20u);
  EXPECT_EQ(b.command(1), 0u);
  EXPECT_EQ(b.command(6, 8), 0x02u);
  EXPECT_EQ(b.command(6, 0x100), 0x04u);
  EXPECT_EQ(b.command(6, 0), 0u);
  EXPECT_EQ(b.command(6, 0), 0x21u);
}

TEST_F(CommandTest, EnableWqChecksTheConfiguration) {  // 3.3 (22) to (26)
  enable_device();
  EXPECT_EQ(b.command(6, 2), 0x22u);
  const std::pair<std::uint32_t, std::uint32_t> cases[] = {
      {0x00000001, 0x23},   // priority 0
      {0x00000013, 0x25},   // block on fault
      {0x00000010, 0x26},   // shared without PASID
      {0x00000011, 0x00}};  // dedicated without PASID
  for (const auto& [dword2, error] : cases) {
    b.write(0x808, dword2);
    EXPECT_EQ(b.command(6, 0), error) << std::hex << dword2;
  }
}

TEST_F(CommandTest, EnableWqChecksBatchLimit) {  // 3.3 (27)
  enable_device();
  b.write(0x80C, 21 | 11 << 5);
  EXPECT_EQ(b.command(6, 0), 0x27u);
  b.write(0x80C, 31 | 10 << 5);
  EXPECT_EQ(b.command(6, 0), 0u);
}

TEST_F(CommandTest, EnableWqChecksPasidAndPrivilegedMode) {  // 3.3 (26), (2a)
  configure();
  b.set_config(0x236, 0x0, 2);
  ASSERT_EQ(b.command(1), 0u);
  EXPECT_EQ(b.command(6, 1), 0x26u) << "PASID not enabled in configuration space";
  EXPECT_EQ(b.command(6, 0), 0x26u);
  b.write(0x808, 0x20000011);
  EXPECT_EQ(b.command(6, 0), 0u) << "privileged without PASID is legal";
  b.command(2);
  b.set_config(0x236, 0x1, 2);
  ASSERT_EQ(b.command(1), 0u);
  b.write(0x808, 0x30001111);
  EXPECT_EQ(b.command(6, 0), 0x2Au);
  b.set_config(0x236, 0x5, 2);
  EXPECT_EQ(b.command(6, 0), 0u);
}

TEST_F(CommandTest, QueueCommandsNeedEnabledQueues) {  // 3.3 (32), (02), (31)
  configure();
  EXPECT_EQ(b.command(2), 0x31u);
  ASSERT_EQ(b.command(1), 0u);
  for (const std::uint32_t code : {7u, 8u, 9u}) EXPECT_EQ(b.command(code, 0x1), 0x32u);
  EXPECT_EQ(b.command(10, 0x1), 0u) << "Reset WQ has no such error";
  EXPECT_EQ(b.command(8, 0x100), 0x02u);
  EXPECT_EQ(b.command(8, 0x10001), 0x02u);
  for (const std::uint32_t code : {3u, 4u, 11u, 12u}) EXPECT_EQ(b.command(code, 0), 0u);
}

TEST_F(CommandTest, DrainWqWaitsForItsWork) {  // 3.2
  b.bring_up();
  abi::Descriptor d = DeviceBench::noop(0xC, 0x1000);
  for (int i = 0; i < 5; ++i) b.movdir(0, d);
  EXPECT_EQ(b.command(8, 0x1), 0u);
  EXPECT_EQ(b.device.stats().completed, 5u);
  EXPECT_EQ(b.device.stats().records, 5u);
}

TEST_F(CommandTest, DisableWqFinishesItsWorkAndKeepsTheConfiguration) {  // 3.2
  b.bring_up();
  for (int i = 0; i < 5; ++i) b.movdir(0, DeviceBench::noop(0));
  b.write(0xA0, 7u << 20 | 1);
  EXPECT_EQ(b.read(0x818, 4) >> 30, 2u) << "busy";
  b.movdir(0, DeviceBench::noop(0));
  b.run(100);
  EXPECT_EQ(b.device.stats().completed, 5u) << "the sixth came too late";
  EXPECT_EQ(b.read(0x818, 4), 0u);
  EXPECT_EQ(b.read(0x808), 0x10001111u);
}

TEST_F(CommandTest, ResetWqAbandonsWorkAndKeepsTheSize) {  // 3.2
  DeviceConfig slow = DeviceBench::quick();
  slow.bytes_per_cycle = 1;
  DeviceBench s(slow);
  s.bring_up();
  abi::Descriptor fill = DeviceBench::noop(0x0C, 0x1000);
  fill.opcode = 4;
  fill.size = 256;
  fill.destination = Iova{0x2000};
  for (int i = 0; i < 4; ++i) s.movdir(0, fill);
  s.run(5);
  EXPECT_EQ(s.command(10, 0x1), 0u);
  EXPECT_EQ(s.device.stats().completed, 1u) << "what an engine had begun";
  EXPECT_EQ(s.device.stats().discarded, 3u);
  EXPECT_EQ(s.device.stats().records, 1u);
  EXPECT_EQ(s.read(0x800, 8), 16u);
  EXPECT_EQ(s.read(0x808, 8), 0u);
  EXPECT_EQ(s.read(0x818, 8), 0u);
  EXPECT_EQ(s.read(0x858, 8) >> 30, 1u) << "the other queue stays enabled";
}

TEST_F(CommandTest, AbortPasidTakesOnlyThatPasid) {  // 3.2
  DeviceConfig slow = DeviceBench::quick();
  slow.bytes_per_cycle = 1;
  DeviceBench s(slow);
  s.bring_up();
  abi::Descriptor fill = DeviceBench::noop(0x0C, 0x1000);
  fill.opcode = 4;
  fill.size = 200;
  fill.destination = Iova{0x2000};
  for (const std::uint32_t pasid : {7u, 8u, 7u, 8u}) {
    fill.pasid = Pasid{pasid};
    EXPECT_EQ(s.enqcmd(0x4000, fill), port::CompletionStatus::kSuccess);
  }
  EXPECT_EQ(s.command(12, 8), 0u);
  EXPECT_EQ(s.device.stats().discarded, 2u);
  s.run(1000);
  EXPECT_EQ(s.device.stats().completed, 2u);
}

TEST_F(CommandTest, ResetDeviceRestoresAllButTheMsixTable) {  // 3.2
  b.bring_up();
  b.write(0x88, 3);
  b.write(0x4008, 0x55, 8);
  b.write(0x408, 0xC);
  EXPECT_EQ(b.command(5, 0, true), 0u);
  EXPECT_EQ(b.read(0x90), 0u);
  EXPECT_EQ(b.read(0x80), 0x60u);
  EXPECT_EQ(b.read(0x88), 0u);
  EXPECT_EQ(b.read(0x98), 2u) << "its own interrupt";
  EXPECT_EQ(b.read(0x600, 8), 0u);
  EXPECT_EQ(b.read(0x800, 8), 0u);
  EXPECT_EQ(b.read(0x408), 0u);
  EXPECT_EQ(b.read(0x4008, 8), 0x100000000u);
  EXPECT_EQ(b.read(0x2018, 8), 0x51u);
}

TEST_F(CommandTest, DisableDeviceFinishesWorkAndDisablesQueues) {  // 3.2
  b.bring_up();
  for (int i = 0; i < 5; ++i) b.movdir(0, DeviceBench::noop(0));
  b.write(0xA0, 2u << 20);
  EXPECT_EQ(b.read(0x90), 2u);
  b.run(100);
  EXPECT_EQ(b.read(0x90), 0u);
  EXPECT_EQ(b.read(0xA8), 0u);
  EXPECT_EQ(b.device.stats().completed, 5u);
  EXPECT_EQ(b.read(0x858), 0u);
}

TEST_F(CommandTest, ChangeOfPciEnablesHaltsUntilFunctionLevelReset) {  // 1.4, 6
  b.bring_up();
  b.write(0x88, 3);
  b.movdir(0, DeviceBench::noop(0xC, 0x1000));
  b.run(3);
  b.set_config(0x236, 0x0, 2);
  b.run(100);
  EXPECT_EQ(b.read(0x90), 0x7u) << "Halt, reset type FLR";
  EXPECT_EQ(b.read(0xC0, 8), 0x5101u);
  EXPECT_EQ(b.read(0x98), 0x11u);
  EXPECT_EQ(b.device.stats().records, 0u) << "work is lost";
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0x50, 0x50}));
  EXPECT_EQ(b.command(5), 0x05u);
  EXPECT_EQ(b.command(1), 0x05u);
  EXPECT_EQ(b.enqcmd(0x4000, DeviceBench::noop(0)), port::CompletionStatus::kRetry);
  b.set_config(0x48, 0xA910, 2);
  EXPECT_EQ(b.config(0x04), 0x00100000u);
  EXPECT_EQ(b.config(0x48, 2), 0x2910u);
  b.set_config(0x04, 0x6, 2);
  EXPECT_EQ(b.read(0x90), 0u);
  EXPECT_EQ(b.read(0xC0, 8), 0u);
  EXPECT_EQ(b.read(0x2018, 8), 0x100000000u);
}

TEST_F(CommandTest, LosingBusMasterHaltsWithoutAMessage) {  // 1.4; PCIe 7.5.1.1.3
  b.bring_up();
  b.write(0x88, 3);
  b.set_config(0x04, 0x2, 2);
  b.run(10);
  EXPECT_EQ(b.read(0x90), 0x7u);
  EXPECT_TRUE(b.host.messages().empty());
  EXPECT_EQ(b.read(0x3000, 8), 1u) << "vector 0 pending";
  b.set_config(0x04, 0x6, 2);
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0x50}));
}

TEST_F(CommandTest, DrainAllDoesNotWaitForLaterWork) {  // 3.2
  DeviceConfig slow = DeviceBench::quick();
  slow.bytes_per_cycle = 1;
  DeviceBench s(slow);
  s.bring_up();
  s.movdir(0, DeviceBench::noop(0));
  s.write(0xA0, 3u << 20);
  abi::Descriptor fill = DeviceBench::noop(0);
  fill.opcode = 4;
  fill.size = 5000;
  fill.destination = Iova{0x2000};
  s.movdir(0, fill);
  s.run(100);
  EXPECT_EQ(s.read(0xA8), 0u);
  EXPECT_EQ(s.device.stats().completed, 1u);
  EXPECT_FALSE(s.device.idle());
}

TEST_F(CommandTest, FunctionLevelResetKeepsThePayloadSize) {  // PCIe 6.6.2
  b.bring_up();
  b.set_config(0x48, 0xA950, 2);  // payload code 2 and the reset
  EXPECT_EQ(b.config(0x48, 2), 0x2950u);
}

}  // namespace
}  // namespace siov::model
