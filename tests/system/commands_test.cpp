// SPDX-License-Identifier: Apache-2.0
// Commands 1 to 12: operands, every error of 3.3 that this build can raise, results, interrupts,
// what resets leave. DSA 3.
#include "port_bench.hpp"

namespace siov::test {
namespace {

struct SystemCommandTest : PortTest {
  /// One dedicated and one shared queue in one group with one engine; nothing enabled.
  void configure() {
    b.set_up_function();
    b.set_wq(0, 16, 0x10001111);
    b.set_wq(1, 8, 0x10000010, 4);
    b.set_group(0, 0x3, 0x1);
  }
};

TEST_F(SystemCommandTest,
       StatusReadsActiveAtOnceAndZeroInTheEnd) {  // 2.6, 7.3: the whole word must be 0
  b.bring_up();
  b.occupy_engine(0x0000);
  EXPECT_EQ(b.command(9, 0x4), 0x32u) << "something that must not be seen again";
  b.start_command(8, 0x1);
  EXPECT_EQ(b.read(0xA8), 0x80000000u);
  EXPECT_EQ(b.end_of_command(), 0u);
  EXPECT_EQ(b.read(0x98), 0u) << "no interrupt was asked for";
  EXPECT_TRUE(b.host.messages().empty());
}

TEST_F(SystemCommandTest, CompletionInterruptComesOnVectorZero) {  // 2.6
  configure();
  EXPECT_EQ(b.command(1, 0, true), 0u);
  (void)b.read(0x90);
  EXPECT_EQ(b.read(0x98), 0x2u);
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0x50}));
  b.write(0x98, 0x2);
  EXPECT_EQ(b.read(0x98), 0x0u);
  EXPECT_EQ(b.command(1, 0, true), 0x10u);
  (void)b.read(0x90);
  EXPECT_EQ(b.read(0x98), 0x2u) << "a command that fails ends too";
  EXPECT_EQ(b.host.messages().size(), 2u);
}

TEST_F(SystemCommandTest, CommandWhileActiveIsDroppedAndLogged) {  // 2.6, 5.5 code 52
  b.bring_up();
  b.occupy_engine(0x0000);
  b.start_command(8, 0x1);
  b.start_command(2);
  EXPECT_EQ(b.read(0x90), 1u);
  EXPECT_EQ(b.read(0xC0, 8), 0x5201u);
  EXPECT_EQ(b.read(0xC8, 8), 0u);
  EXPECT_EQ(b.end_of_command(), 0u);
  EXPECT_EQ(b.read(0x90), 1u) << "Disable Device was dropped";
}

TEST_F(SystemCommandTest,
       CommandStartsOnlyWithAllFourBytes) {  // rtl/bar/README.md; DSA 3 is silent
  configure();
  b.write(0xA2, 0x10, 1);
  b.write(0xA2, 0x0010, 2);
  b.write(0xA0, 0x00, 1);
  b.run(200);
  EXPECT_EQ(b.read(0x90), 0u);
  EXPECT_EQ(b.read(0xA8), 0u);
}

TEST_F(SystemCommandTest, UnknownCommandsAreRefused) {  // 3.3 code 01
  b.bring_up();
  for (const std::uint32_t code : {0u, 13u, 14u, 15u, 16u, 17u, 18u, 24u, 31u})
    EXPECT_EQ(b.command(code), 0x01u) << code;
  EXPECT_EQ(b.read(0x90), 1u);
}

TEST_F(SystemCommandTest, EnableDeviceNeedsTheDisabledState) {  // 3.3 code 10
  b.bring_up();
  EXPECT_EQ(b.command(1), 0x10u);
  EXPECT_EQ(b.read(0x90), 1u);
}

TEST_F(SystemCommandTest, EnableDeviceNeedsBusMaster) {  // 3.3 code 12, SIOV-D-07
  configure();
  b.set_config(0x04, 0x0002, 2);
  EXPECT_EQ(b.command(1), 0x12u);
  EXPECT_EQ(b.read(0x90), 0u);
  b.set_config(0x04, 0x0006, 2);
  EXPECT_EQ(b.command(1), 0u);
}

TEST_F(SystemCommandTest, EnableDeviceChecksTheSumOfSizes) {  // 3.3 code 14
  configure();
  b.write(0x800, 120);
  EXPECT_EQ(b.command(1), 0u) << "120 + 8 = 128";
  EXPECT_EQ(b.command(2), 0u);
  b.write(0x800, 121);
  EXPECT_EQ(b.command(1), 0x14u);
  b.write(0x800, 0xFFFF);
  b.write(0x840, 0xFFFF);
  EXPECT_EQ(b.command(1), 0x14u) << "no overflow of the sum";
}

TEST_F(SystemCommandTest, EnableDeviceChecksGroups) {  // 3.3 codes 15, 16, 17
  configure();
  b.set_group(1, 0, 0x2);
  EXPECT_EQ(b.command(1), 0x15u) << "engines without queues";
  b.set_group(1, 0, 0);
  b.set_group(0, 0x3, 0);
  EXPECT_EQ(b.command(1), 0x15u) << "queues without engines";
  b.set_group(0, 0x3, 0x11);
  EXPECT_EQ(b.command(1), 0x15u) << "engine 4 of 4";
  b.set_group(0, 0x103, 0x1);
  EXPECT_EQ(b.command(1), 0x15u) << "queue 8 of 8";
  b.set_group(0, 0x3, 0x1);
  b.write(0x618, std::uint64_t{1} << 63, 8);
  EXPECT_EQ(b.command(1), 0x15u) << "queue 255 of 8";
  b.write(0x618, 0, 8);
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

TEST_F(SystemCommandTest, EnableDeviceChecksReadBuffers) {  // 3.3 code 18
  configure();
  b.set_group(0, 0x3, 0x3);
  b.write(0x628, 0x00800000);
  b.write(0x668, 0);
  EXPECT_EQ(b.command(1), 0u) << "8 = 4 * 2 engines; an empty group may have 0";
  EXPECT_EQ(b.command(2), 0u);
  b.write(0x628, 0x00700000);
  EXPECT_EQ(b.command(1), 0x18u) << "below 4 * engines";
  b.write(0x628, 0x00800900);
  EXPECT_EQ(b.command(1), 0x18u) << "below its reservation";
  b.write(0x628, 0x06100000);
  EXPECT_EQ(b.command(1), 0x18u) << "97 of 96";
  b.write(0x628, 0x06000000);
  b.write(0x668, 0x00000100);
  EXPECT_EQ(b.command(1), 0x18u) << "96 allowed, 95 left";
  b.write(0x628, 0x05F00000);
  EXPECT_EQ(b.command(1), 0u);
  EXPECT_EQ(b.command(2), 0u);
  b.write(0x668, 0x00006100);
  EXPECT_EQ(b.command(1), 0x18u) << "97 reserved of 96";
  b.write(0x668, 0);
  b.write(0x628, 0x00800080);
  b.write(0x80, 7);
  EXPECT_EQ(b.command(1), 0x18u) << "global limit below 4 * engines";
  b.write(0x80, 8);
  EXPECT_EQ(b.command(1), 0u);
}

TEST_F(SystemCommandTest, EnableWqTakesAnIndexAndChecksIt) {  // 3.1, 3.3 codes 04, 02, 20, 21
  configure();
  EXPECT_EQ(b.command(6, 0), 0x20u);
  EXPECT_EQ(b.command(1), 0u);
  EXPECT_EQ(b.command(6, 8), 0x02u);
  EXPECT_EQ(b.command(6, 0xFF), 0x02u);
  EXPECT_EQ(b.command(6, 0x100), 0x04u);
  EXPECT_EQ(b.command(6, 0x80000), 0x04u);
  EXPECT_EQ(b.command(6, 1), 0u);
  EXPECT_EQ(b.wq_state(1), 1u);
  EXPECT_EQ(b.wq_state(0), 0u);
  EXPECT_EQ(b.command(6, 1), 0x21u);
}

TEST_F(SystemCommandTest, EnableWqChecksTheConfiguration) {  // 3.3 codes 22 to 2a
  configure();
  b.set_config(0x236, 0x1, 2);  // PASID without privileged mode
  EXPECT_EQ(b.command(1), 0u);
  EXPECT_EQ(b.command(6, 2), 0x22u) << "size 0";
  const struct {
    std::uint32_t dword2, dword3, error;
    const char* why;
  } cases[] = {{0x10001101, 0x0000001F, 0x23, "priority 0"},
               {0x10001113, 0x0000001F, 0x25, "block on fault, but page requests are off"},
               {0x00000010, 0x0000001F, 0x26, "shared without PASID"},
               {0x10001111, 0x0000017F, 0x27, "2^11 members"},
               {0x30001111, 0x0000001F, 0x2A, "privileged while the mode is off"}};
  for (const auto& c : cases) {
    b.write(0x808, c.dword2);
    b.write(0x80C, c.dword3);
    EXPECT_EQ(b.command(6, 0), c.error) << c.why;
    EXPECT_EQ(b.wq_state(0), 0u);
  }
  b.write(0x808, 0x20000011);
  b.write(0x80C, 0x0000015F);
  EXPECT_EQ(b.command(6, 0), 0u)
      << "privileged without PASID is legal; 2^10 members and 2^31 bytes are the limits";
}

TEST_F(SystemCommandTest, EnableDeviceChecksThePageRequestAllocation) {  // 3.3 code 13, 1.3
  configure();
  b.set_config(0x244, 1, 2);
  EXPECT_EQ(b.command(1), 0u) << "PRI without ATS is ignored: 1.4";
  EXPECT_EQ(b.command(2), 0u);
  b.set_config(0x226, 0x8000, 2);
  for (const std::uint32_t allocation : {0u, 0x201u, 0xFFFFFFFFu}) {
    b.set_config(0x24C, allocation);
    EXPECT_EQ(b.command(1), 0x13u) << allocation;
    EXPECT_EQ(b.read(0x90), 0u);
  }
  for (const std::uint32_t allocation : {1u, 0x200u}) {
    b.set_config(0x24C, allocation);
    EXPECT_EQ(b.command(1), 0u) << allocation;
    EXPECT_EQ(b.command(2), 0u);
  }
  b.set_config(0x24C, 0);
  b.set_config(0x244, 0, 2);
  EXPECT_EQ(b.command(1), 0u) << "nobody asks for pages";
}

TEST_F(SystemCommandTest, BlockOnFaultNeedsPageRequestsOfTheQueue) {  // 3.3 code 25, 2.9
  configure();
  b.set_config(0x24C, 8);
  b.set_config(0x226, 0x8000, 2);
  b.set_config(0x244, 1, 2);
  EXPECT_EQ(b.command(1), 0u);
  const struct {
    std::uint32_t dword2, error;
    const char* why;
  } cases[] = {{0x10001117, 0x25, "no ATS for the queue, so no page requests"},
               {0x1000111B, 0x25, "no page requests for the queue"},
               {0x10001113, 0x00, "block on fault"},
               {0x1000111D, 0x00, "neither"}};
  for (const auto& c : cases) {
    b.write(0x808, c.dword2);
    EXPECT_EQ(b.read(0x808), c.dword2);
    EXPECT_EQ(b.command(6, 0), c.error) << c.why;
    if (c.error == 0) EXPECT_EQ(b.command(7, 1), 0u);
  }
}

TEST_F(SystemCommandTest, EnableWqNeedsPasidEnabledInConfigurationSpace) {  // 3.3 code 26, 1.4
  configure();
  b.set_config(0x236, 0x0, 2);
  EXPECT_EQ(b.command(1), 0u);
  EXPECT_EQ(b.command(6, 0), 0x26u);
  EXPECT_EQ(b.command(6, 1), 0x26u);
  b.write(0x808, 0x00000011);
  EXPECT_EQ(b.command(6, 0), 0u) << "dedicated without PASID";
}

TEST_F(SystemCommandTest, PrivilegedQueueIsAcceptedWithTheMode) {  // 3.3 code 2a
  configure();
  b.write(0x808, 0x30001111);
  EXPECT_EQ(b.command(1), 0u);
  EXPECT_EQ(b.command(6, 0), 0u);
}

TEST_F(SystemCommandTest, QueueCommandsTakeABitmapAndNeedEnabledQueues) {  // 3.1, 3.3 codes 32, 02
  b.bring_up();
  for (const std::uint32_t code : {7u, 8u, 9u}) {
    EXPECT_EQ(b.command(code, 0x4), 0x32u) << code;
    EXPECT_EQ(b.command(code, 0x5), 0x32u) << code;
    EXPECT_EQ(b.command(code, 0x100), 0x02u) << code;
    EXPECT_EQ(b.command(code, 0x10001), 0x02u) << "queues 16 to 31";
  }
  EXPECT_EQ(b.command(10, 0x100), 0x02u);
  EXPECT_EQ(b.command(10, 0x4), 0u) << "Reset WQ works on a disabled queue: 3.2";
  EXPECT_EQ(b.wq_state(0), 1u);
  EXPECT_EQ(b.wq_state(1), 1u);
  EXPECT_EQ(b.command(8, 0x3), 0u);
  EXPECT_EQ(b.command(9, 0x3), 0u);
  EXPECT_EQ(b.wq_state(0), 1u) << "drain and abort leave queues enabled";
  EXPECT_EQ(b.command(7, 0x3), 0u);
  EXPECT_EQ(b.wq_state(0), 0u);
  EXPECT_EQ(b.wq_state(1), 0u);
  EXPECT_EQ(b.read(0x808, 8), 0x000000BF10001111u) << "configuration kept";
  EXPECT_EQ(b.read(0x840, 8), 0x0000000400000008u);
}

TEST_F(SystemCommandTest, DisableDeviceNeedsAnEnabledOne) {  // 3.3 code 31
  configure();
  EXPECT_EQ(b.command(2), 0x31u);
}

TEST_F(SystemCommandTest, CommandsWithoutErrorCodesSucceedOnAnIdleDevice) {  // 3.2
  b.bring_up();
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(b.command(4), 0u);
  EXPECT_EQ(b.command(11, 0x11), 0u);
  EXPECT_EQ(b.command(11, 0xFFFFF), 0u);
  EXPECT_EQ(b.command(12, 0x11), 0u);
  EXPECT_EQ(b.wq_state(0), 1u);
  EXPECT_EQ(b.read(0x90), 1u);
}

TEST_F(SystemCommandTest, DisableDeviceDisablesAllQueues) {  // 3.1
  b.bring_up();
  EXPECT_EQ(b.command(2), 0u);
  EXPECT_EQ(b.read(0x90), 0u);
  EXPECT_EQ(b.wq_state(0), 0u);
  EXPECT_EQ(b.wq_state(1), 0u);
  EXPECT_EQ(b.read(0x808, 8), 0x000000BF10001111u);
  EXPECT_EQ(b.command(1), 0u) << "and it starts again";
  EXPECT_EQ(b.command(6, 0), 0u);
}

TEST_F(SystemCommandTest, DeviceShowsStateTwoWhileItDisables) {  // 2.6
  b.bring_up();
  b.occupy_engine(0x0000);
  b.start_command(2);
  EXPECT_EQ(b.read(0x90), 2u);
  EXPECT_EQ(b.wq_state(0), 2u) << "busy";
  EXPECT_EQ(b.end_of_command(), 0u);
  EXPECT_EQ(b.read(0x90), 0u);
}

TEST_F(SystemCommandTest, ResetWqClearsAllButTheSize) {  // 2.9, 3.2
  b.bring_up();
  EXPECT_EQ(b.command(10, 0x2), 0u);
  EXPECT_EQ(b.read(0x840, 8), 0x0000000000000008u);
  EXPECT_EQ(b.read(0x848, 8), 0u);
  EXPECT_EQ(b.read(0x850, 8), 0u);
  EXPECT_EQ(b.read(0x858, 8), 0u);
  EXPECT_EQ(b.wq_state(0), 1u) << "the sibling: SIOV-D-40";
}

TEST_F(SystemCommandTest, ResetDeviceRestoresEverythingButTheListedRegisters) {  // 3.2
  b.bring_up();
  b.write(0x88, 3);
  b.write(0x404, 0, 4);
  b.write(0x408, 0x00011008);
  b.write(0x4010, 0xFEE00040, 8);
  b.write(0x4018, 0x0001100800000077, 8);
  b.movdir(0x0000, [] {
    Work w;
    w.opcode = 0x3F;
    return w;
  }());
  EXPECT_EQ(b.command(3), 0u);
  const std::uint64_t error = 0x0000113F0000108D;  // valid, descriptor, queue, information; code
                                                   // 10, WQ 0, opcode 3F, PASID 11
  EXPECT_EQ(b.read(0xC0, 8), error);
  EXPECT_EQ(b.read(0x98), 0x1u);
  EXPECT_EQ(b.command(5), 0u);
  EXPECT_EQ(b.read(0x90), 0u);
  EXPECT_EQ(b.read(0x80), 0x60u);
  EXPECT_EQ(b.read(0x88), 0u);
  EXPECT_EQ(b.read(0x98), 0u);
  EXPECT_EQ(b.read(0xC0, 8), error) << "SWERROR stays";
  EXPECT_EQ(b.read(0x600, 8), 0u);
  EXPECT_EQ(b.read(0x620, 8), 0u);
  EXPECT_EQ(b.read(0x628, 8), 0x06000000u);
  for (std::uint64_t offset = 0x800; offset < 0x880; offset += 8)
    EXPECT_EQ(b.read(offset, 8), offset % 64 == 0x20 ? 0x1003F03FFu : 0u) << std::hex << offset;
  EXPECT_EQ(b.read(0x408, 8), 0u) << "MSIXPERM";
  EXPECT_EQ(b.read(0x4010, 8), 0xFEE00000u) << "IMS";
  EXPECT_EQ(b.read(0x4018, 8), 0x0000000100000000u);
  EXPECT_EQ(b.read(0x2010, 8), 0xFEE00000u) << "the MSI-X table stays";
  EXPECT_EQ(b.read(0x2018, 8), 0x51u);
  EXPECT_EQ(b.config(0x04, 2), 0x0006u) << "configuration space is not touched";
}

TEST_F(SystemCommandTest, ResetDeviceOfADisabledDeviceRestoresDefaults) {  // 6
  configure();
  b.write(0x88, 3);
  EXPECT_EQ(b.command(5), 0u);
  EXPECT_EQ(b.read(0x88), 0u);
  EXPECT_EQ(b.read(0x800, 8), 0u);
  EXPECT_EQ(b.read(0x600, 8), 0u);
}

TEST_F(SystemCommandTest,
       OperandOfDeviceCommandsIsIgnored) {  // 7.9: DPDK leaves its queue index in it
  configure();
  EXPECT_EQ(b.command(1, 0xFFFFF), 0u);
  EXPECT_EQ(b.command(2, 0x3), 0u);
  EXPECT_EQ(b.command(5, 0x1), 0u);
}

}  // namespace
}  // namespace siov::test
