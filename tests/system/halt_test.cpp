// SPDX-License-Identifier: Apache-2.0
// Halt, function-level reset, bus master, memory space, power. DSA 1.4, 6; PCIe 6.6.2, 7.5;
// SIOV-D-07, 43, 47, 48.
#include "port_bench.hpp"

namespace siov::test {
namespace {

using port::CompletionStatus;
constexpr std::uint64_t kDwq = 0x0000, kSwq = 0x4000;
constexpr std::uint64_t kRecords = 0x100000, kSource = 0x200000, kTarget = 0x300000;

struct HaltTest : PortTest {
  void load(unsigned first = 0) {
    for (unsigned n = first; n < first + 8; ++n)
      b.movdir(kDwq, Work::move(kSource, kTarget + 0x1000 * n, 0x1000, kRecords + 32 * n));
  }
  void expect_silence() {
    const std::size_t before = b.host.seen.size();
    b.run(20'000);
    EXPECT_EQ(b.host.seen.size(), before);
  }
  void expect_usable() {
    b.bring_up();
    b.movdir(kDwq, Work::noop(kWantRecord, kRecords + 32 * 50));
    EXPECT_EQ(b.enqcmd(kSwq, Work::noop(kWantRecord, kRecords + 32 * 51).as(0x21)),
              CompletionStatus::kSuccess);
    EXPECT_EQ(b.command(3), 0u);
    EXPECT_EQ(b.host.record(kRecords + 32 * 50), (Record{1, 0, 0, 0}));
    EXPECT_EQ(b.host.record(kRecords + 32 * 51), (Record{1, 0, 0, 0}));
  }
};

TEST_F(HaltTest, PasidEnableChangedWhileEnabledHalts) {  // 1.4
  b.bring_up();
  b.write(0x88, 3);
  b.set_config(0x236, 0x4, 2);
  EXPECT_EQ(b.read(0x90), 0x7u) << "Halt; function-level reset needed";
  EXPECT_EQ(b.read(0xC0, 8), 0x5101u);
  EXPECT_EQ(b.read(0x98), 0x11u) << "software error and halt";
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0x50, 0x50}));
}

TEST_F(HaltTest, HaltInterruptsNeedTheirEnables) {  // 2.6
  b.bring_up();
  b.set_config(0x236, 0x4, 2);
  b.run(200);
  EXPECT_EQ(b.read(0x90), 0x7u);
  EXPECT_EQ(b.read(0x98), 0x0u);
  EXPECT_TRUE(b.host.messages().empty());
}

TEST_F(HaltTest, BusMasterClearedWhileEnabledHalts) {  // 1.4, SIOV-D-07
  b.bring_up();
  b.set_config(0x04, 0x0002, 2);
  EXPECT_EQ(b.read(0x90), 0x7u);
  EXPECT_EQ(b.read(0xC0, 8), 0x5101u);
  expect_silence();
}

TEST_F(HaltTest, AtsAndPageRequestEnablesChangedWhileEnabledHalt) {  // 1.4
  for (int which = 0; which < 4; ++which) {
    b.set_config(0x24C, 8);
    b.set_config(0x226, which == 0 ? 0x0000 : 0x8000, 2);
    b.set_config(0x244, which == 3 ? 1 : 0, 2);
    b.bring_up();
    EXPECT_EQ(b.read(0xC0, 8), 0u);
    if (which == 0) b.set_config(0x226, 0x8000, 2);  // ATS on
    if (which == 1) b.set_config(0x226, 0x0000, 2);  // ATS off
    if (which == 2) b.set_config(0x244, 1, 2);       // page requests on
    if (which == 3) b.set_config(0x244, 0, 2);       // page requests off
    EXPECT_EQ(b.read(0x90), 0x7u) << which;
    EXPECT_EQ(b.read(0xC0, 8), 0x5101u) << which;
    expect_silence();
    b.function_level_reset();
    EXPECT_EQ(b.config(0x224), 0x00000060u);
    EXPECT_EQ(b.config(0x244), 0x81000000u);
    EXPECT_EQ(b.config(0x24C), 0u);
  }
}

TEST_F(HaltTest, PageRequestEnableIsIgnoredWithoutAts) {  // 1.4
  b.bring_up();
  b.set_config(0x244, 1, 2);
  b.set_config(0x24C, 8);
  b.set_config(0x226, 0x0003, 2);  // STU alone
  EXPECT_EQ(b.read(0x90), 0x1u);
  EXPECT_EQ(b.read(0xC0, 8), 0u);
}

TEST_F(HaltTest, EnablesMayChangeWhileDisabled) {  // 1.4
  b.bring_up();
  EXPECT_EQ(b.command(2), 0u);
  b.set_config(0x236, 0x0, 2);
  b.set_config(0x04, 0x0002, 2);
  b.set_config(0x236, 0x5, 2);
  b.set_config(0x04, 0x0006, 2);
  b.set_config(0x24C, 8);
  b.set_config(0x226, 0x8000, 2);
  b.set_config(0x244, 1, 2);
  EXPECT_EQ(b.read(0x90), 0x0u);
  EXPECT_EQ(b.read(0xC0, 8), 0x0u);
  EXPECT_EQ(b.command(1), 0u);
}

TEST_F(HaltTest, OtherBitsOfTheRegistersMayChangeWhileEnabled) {  // 1.4 names the enables only
  b.bring_up();
  b.set_config(0x04, 0x0146, 2);
  b.set_config(0x236, 0x0005, 2);
  EXPECT_EQ(b.read(0x90), 0x1u);
}

TEST_F(HaltTest, CommandsAreRefusedInHalt) {  // 3.3 code 05, 6
  b.bring_up();
  b.set_config(0x236, 0x0, 2);
  for (const std::uint32_t code : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 9u, 10u, 11u, 12u})
    EXPECT_EQ(b.command(code, code >= 7 ? 1 : 0), 0x05u) << code;
  EXPECT_EQ(b.read(0x90), 0x7u);
}

TEST_F(HaltTest, HaltLosesWorkWithoutRecords) {  // 6
  b.bring_up();
  load();
  b.occupy_engine(kDwq);
  load(8);
  b.set_config(0x236, 0x0, 2);
  EXPECT_EQ(b.read(0x90), 0x7u);
  expect_silence();
  EXPECT_EQ(b.host.byte(kRecords + 32 * 15), 0u);
}

TEST_F(HaltTest, HaltEndsAnActiveCommand) {
  b.bring_up();
  b.occupy_engine(kDwq);
  b.start_command(8, 0x1);
  b.set_config(0x236, 0x0, 2);
  EXPECT_EQ(b.end_of_command(), 0x05u) << "3.3: halted";
}

TEST_F(HaltTest, FunctionLevelResetLeavesHalt) {  // 6
  b.bring_up();
  b.set_config(0x236, 0x0, 2);
  EXPECT_EQ(b.read(0x90), 0x7u);
  b.function_level_reset();
  expect_usable();
  EXPECT_EQ(b.read(0xC0, 8), 0u);
}

TEST_F(HaltTest, FunctionLevelResetRestoresConfigurationSpace) {  // PCIe 6.6.2; PCIE-90
  b.bring_up();
  b.set_config(0x04, 0x0146, 2);
  b.set_config(0x0C, 0x10, 1);
  b.set_config(0x3C, 0x0B, 1);
  b.set_config(0x68, 0x10, 2);
  b.function_level_reset();
  EXPECT_EQ(b.config(0x04), 0x00100000u);
  EXPECT_EQ(b.config(0x0C), 0u);
  EXPECT_EQ(b.config(0x10), 0x0000000Cu);
  EXPECT_EQ(b.config(0x14), 0u);
  EXPECT_EQ(b.config(0x18), 0x0000000Cu);
  EXPECT_EQ(b.config(0x3C, 1), 0u);
  EXPECT_EQ(b.config(0x48, 2), 0x2930u) << "Max_Payload_Size stays";
  EXPECT_EQ(b.config(0x68, 2), 0u);
  EXPECT_EQ(b.config(0x80), 0x00089011u);
  EXPECT_EQ(b.config(0x234), 0x00001404u);
}

TEST_F(HaltTest, FunctionLevelResetRestoresAllRegisters) {  // 3.2, SIOV-D-43
  b.bring_up();
  b.write(0x88, 3);
  b.write(0x408, 0x00011008);
  b.write(0x4018, 0x0001100800000077, 8);
  b.movdir(kDwq, [] {
    Work w;
    w.opcode = 0x3F;
    return w;
  }());
  EXPECT_EQ(b.command(1), 0x10u);
  EXPECT_NE(b.read(0xC0, 8), 0u);
  b.function_level_reset();
  b.set_config(0x14, 0x3800);
  b.set_config(0x04, 0x0006, 2);
  for (const std::uint64_t offset : {0x88, 0x90, 0x98, 0xA8, 0xC0, 0xD0, 0x408, 0x600, 0x620, 0x800,
                                     0x808, 0x818, 0x840, 0x2010, 0x3000})
    EXPECT_EQ(b.read(offset, 8), 0u) << std::hex << offset;
  EXPECT_EQ(b.read(0x80), 0x60u);
  EXPECT_EQ(b.read(0x628, 8), 0x06000000u);
  EXPECT_EQ(b.read(0x2018, 8), 0x0000000100000000u);
  EXPECT_EQ(b.read(0x4010, 8), 0xFEE00000u);
  EXPECT_EQ(b.read(0x4018, 8), 0x0000000100000000u);
}

TEST_F(HaltTest, NothingLeavesAfterFunctionLevelResetUnderLoad) {  // 6, PCIE-18, SIOV-D-48
  for (const unsigned delay : {1u, 20u, 60u, 150u, 400u}) {
    SCOPED_TRACE(delay);
    PortBench fresh(200);
    fresh.bring_up();
    fresh.write(0x408, 0x00011008);
    for (unsigned n = 0; n < 12; ++n) {
      Work w = Work::move(kSource, kTarget + 0x1000 * n, 0x1000, kRecords + 32 * n);
      w.flags |= kWantInterrupt;
      w.handle = 1;
      fresh.movdir(kDwq, w);
    }
    fresh.run(delay);
    fresh.function_level_reset();
    const std::size_t before = fresh.host.seen.size();
    fresh.run(5000);
    EXPECT_EQ(fresh.host.seen.size(), before);
    fresh.bring_up();
    fresh.movdir(kDwq, Work::move(kSource, kTarget, 0x2000, kRecords + 32 * 50));
    EXPECT_EQ(fresh.command(3), 0u);
    EXPECT_EQ(fresh.host.record(kRecords + 32 * 50), (Record{1, 0, 0, 0}));
    EXPECT_EQ(fresh.assertion(), "");
  }
}

TEST_F(HaltTest, FunctionLevelResetOfAnIdleDeviceKeepsItUsable) {
  b.function_level_reset();
  expect_usable();
  b.function_level_reset();
  expect_usable();
}

TEST_F(HaltTest, NothingMovesWhileBusMasterIsOff) {  // SIOV-D-07, PCIE-17
  b.set_up_function();
  b.set_config(0x04, 0x0002, 2);
  EXPECT_EQ(b.command(1, 0, true), 0x12u);
  b.run(500);
  EXPECT_TRUE(b.host.seen.empty()) << "not even the interrupt";
  EXPECT_EQ(b.read(0x98), 0x2u);
  b.set_config(0x04, 0x0006, 2);
  b.run(200);
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0x50})) << "it waited";
}

TEST_F(HaltTest, MemorySpaceOffRefusesAccessesAndNothingElse) {  // PCIe 7.5.1.1.3
  b.bring_up();
  b.set_config(0x04, 0x0004, 2);
  EXPECT_EQ(b.access(port::Bar::kControl, 0x90, 4).status, CompletionStatus::kUnsupportedRequest);
  EXPECT_EQ(b.access(port::Bar::kPortal, 0x0, 4).status, CompletionStatus::kUnsupportedRequest);
  EXPECT_EQ(b.enqcmd(kSwq, Work::noop(kWantRecord, kRecords).as(0x21)),
            CompletionStatus::kUnsupportedRequest);
  b.movdir(kDwq, Work::noop(kWantRecord, kRecords));
  b.write(0x88, 3);
  b.run(500);
  EXPECT_TRUE(b.host.seen.empty());
  b.set_config(0x04, 0x0006, 2);
  EXPECT_EQ(b.read(0x90), 0x1u) << "the device did not notice";
  EXPECT_EQ(b.read(0x88), 0x0u);
  EXPECT_EQ(b.enqcmd(kSwq, Work::noop(kWantRecord, kRecords).as(0x21)), CompletionStatus::kSuccess);
}

TEST_F(HaltTest, WorkGoesOnWhileMemorySpaceIsOff) {
  b.bring_up();
  load();
  b.set_config(0x04, 0x0004, 2);
  b.run(5000);
  for (unsigned n = 0; n < 8; ++n)
    EXPECT_EQ(b.host.record(kRecords + 32 * n), (Record{1, 0, 0, 0})) << n;
}

TEST_F(HaltTest, SleepingFunctionAnswersConfigurationOnly) {  // PCIe 5.3.1.4, PCIE-93
  b.set_up_function();
  b.set_config(0x94, 0x3);
  EXPECT_EQ(b.access(port::Bar::kControl, 0x00, 4).status, CompletionStatus::kUnsupportedRequest);
  EXPECT_EQ(b.enqcmd(kSwq, Work::noop(kWantRecord, kRecords).as(0x21)),
            CompletionStatus::kUnsupportedRequest);
  EXPECT_EQ(b.config(0x00), 0x0B258086u);
  EXPECT_EQ(b.config(0x04, 2), 0x0006u) << "enables keep their values";
  b.run(500);
  EXPECT_TRUE(b.host.seen.empty());
  b.set_config(0x94, 0x0);
  EXPECT_EQ(b.read(0x00), 0x100u);
  EXPECT_EQ(b.read(0x2018, 8), 0x51u) << "no soft reset: registers are kept";
  expect_usable();
}

TEST_F(HaltTest, SleepUnderLoadSilencesTheFunction) {  // PCIE-93
  b.bring_up();
  load();
  b.run(30);
  b.set_config(0x94, 0x3);
  expect_silence();
  b.set_config(0x94, 0x0);
  b.function_level_reset();
  expect_usable();
}

}  // namespace
}  // namespace siov::test
