// SPDX-License-Identifier: Apache-2.0
// Every command: with and without the request for an interrupt, at success and at an error; every
// bit of the queue bitmaps; operands outside their range. DSA 2.6, 3.1, 3.3.
#include <string>

#include "port_bench.hpp"

namespace siov::test {
namespace {

struct CommandCase {
  const char* name;
  std::uint32_t code, operand;
  bool enabled;  ///< the device and its queues are
};
constexpr CommandCase kCommands[] = {
    {"EnableDevice", 1, 0, false}, {"DisableDevice", 2, 0, true},  {"DrainAll", 3, 0, true},
    {"AbortAll", 4, 0, true},      {"ResetDevice", 5, 0, true},    {"EnableWq", 6, 7, true},
    {"DisableWq", 7, 0x1, true},   {"DrainWq", 8, 0x1, true},      {"AbortWq", 9, 0x1, true},
    {"ResetWq", 10, 0x1, true},    {"DrainPasid", 11, 0x11, true}, {"AbortPasid", 12, 0x11, true}};

struct EveryCommandTest : PortTest, testing::WithParamInterface<CommandCase> {
  /// All eight queues dedicated in one group; queue 7 stays disabled.
  void start(bool enabled) {
    b.set_up_function();
    for (unsigned wq = 0; wq < 8; ++wq) b.set_wq(wq, 16, 0x10001111);
    b.set_group(0, 0xFF, 0x1);
    if (!enabled) return;
    ASSERT_EQ(b.command(1), 0u);
    for (unsigned wq = 0; wq < 7; ++wq) ASSERT_EQ(b.command(6, wq), 0u);
  }
};

/// Commands that take a bitmap of queues.
struct QueueCommandTest : EveryCommandTest {};

TEST_P(EveryCommandTest, SucceedsSilentlyUnlessAnInterruptIsAskedFor) {  // 2.6
  const CommandCase& c = GetParam();
  for (const bool interrupt : {false, true}) {
    b.function_level_reset();
    start(c.enabled);
    b.host.seen.clear();
    EXPECT_EQ(b.command(c.code, c.operand, interrupt), 0u);
    (void)b.read(0x90);
    const std::vector<std::uint32_t> expected(interrupt ? 1 : 0, 0x50);
    EXPECT_EQ(b.host.messages(), expected);
    EXPECT_EQ(b.read(0x98), interrupt ? 0x2u : 0x0u);
  }
}

TEST_P(EveryCommandTest, FailsInHaltWith05AndInterruptsAllTheSame) {  // 3.3 (05)
  start(true);
  b.set_config(0x236, 0x4, 2);
  b.host.seen.clear();
  EXPECT_EQ(b.command(GetParam().code, GetParam().operand, true), 0x05u);
  (void)b.read(0x90);
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0x50}));
}

TEST_P(QueueCommandTest, QueueThatDoesNotExistIs02) {  // 3.3 (02), 3.1
  const CommandCase& c = GetParam();
  start(true);
  for (unsigned bit = 8; bit < 16; ++bit) EXPECT_EQ(b.command(c.code, 1u << bit), 0x02u) << bit;
  for (unsigned group = 1; group < 16; ++group)
    EXPECT_EQ(b.command(c.code, group << 16 | 0x1), 0x02u) << "sixteen queues " << group;
  for (unsigned wq = 0; wq < 7; ++wq) EXPECT_EQ(b.wq_state(wq), 1u) << "nothing was done";
}

TEST_P(QueueCommandTest, EachBitOfTheBitmapIsItsQueue) {  // 3.1
  const CommandCase& c = GetParam();
  start(true);
  ASSERT_EQ(b.command(6, 7), 0u);
  const bool disables = c.code == 7 || c.code == 10;
  for (unsigned wq = 0; wq < 8; ++wq) {
    EXPECT_EQ(b.command(c.code, 1u << wq), 0u) << wq;
    for (unsigned other = 0; other < 8; ++other)
      EXPECT_EQ(b.wq_state(other), disables && other <= wq ? 0u : 1u) << wq << " " << other;
  }
  const std::uint32_t again = c.code == 7 ? 0x32 : 0;
  EXPECT_EQ(b.command(c.code, 0x1), again)
      << "disabled, reset (12, point 14: no error), or as before";
}

TEST_P(QueueCommandTest, SeveralQueuesGoTogether) {  // 3.1
  start(true);
  EXPECT_EQ(b.command(GetParam().code, 0x55), 0u);
  const bool disables = GetParam().code == 7 || GetParam().code == 10;
  for (unsigned wq = 0; wq < 7; ++wq)
    EXPECT_EQ(b.wq_state(wq), disables && wq % 2 == 0 ? 0u : 1u) << wq;
  if (GetParam().code == 10) return;
  EXPECT_EQ(b.command(GetParam().code, 0xC0), 0x32u) << "queue 7 is disabled";
}

struct EnableWqTest : EveryCommandTest {};

TEST_P(EnableWqTest, IndexThatDoesNotExistIs02AndReservedBitsAre04) {  // 3.3 (02, 04)
  start(true);
  for (const std::uint32_t index : {8u, 9u, 128u, 255u}) EXPECT_EQ(b.command(6, index), 0x02u);
  for (unsigned bit = 8; bit < 20; ++bit)
    EXPECT_EQ(b.command(6, 7 | 1u << bit), 0x04u) << "reserved operand bit " << bit;
  EXPECT_EQ(b.command(6, 7), 0u);
}

TEST_P(EnableWqTest, OperationTheDeviceHasNotIs2d) {  // 2.9, 3.3 (2d)
  start(true);
  const std::uint64_t mask = 0x800 + 64 * 7 + 0x20;
  for (const unsigned opcode : {0x0Au, 0x0Fu, 0x16u, 0x17u, 0x1Fu, 0x21u, 0x3Fu}) {
    b.write(mask, 0x1003F03FF | std::uint64_t{1} << opcode, 8);
    EXPECT_EQ(b.command(6, 7), 0x2Du) << std::hex << opcode;
    EXPECT_EQ(b.wq_state(7), 0u);
  }
  b.write(mask, 0x1003F03FF, 8);
  for (const unsigned opcode : {0x40u, 0x80u, 0xBFu, 0xFFu}) {
    const std::uint64_t at = mask + opcode / 64 * 8, bit = std::uint64_t{1} << opcode % 64;
    b.write(at, bit, 8);
    const bool allowed = (b.read(at, 8) & bit) != 0;  // a bit may be missing, not be wrong
    EXPECT_EQ(b.command(6, 7), allowed ? 0x2Du : 0u) << std::hex << opcode;
    b.write(at, 0, 8);
    EXPECT_EQ(b.command(7, 0x80), allowed ? 0x32u : 0u);
  }
  EXPECT_EQ(b.command(6, 7), 0u);
  b.write(mask, 0, 8);
  EXPECT_EQ(b.read(mask, 8), 0x1003F03FFu) << "locked while enabled";
}

INSTANTIATE_TEST_SUITE_P(Dsa, EnableWqTest, testing::Values(kCommands[5]),
                         [](const auto& i) { return std::string(i.param.name); });
INSTANTIATE_TEST_SUITE_P(Dsa, QueueCommandTest,
                         testing::ValuesIn(std::begin(kCommands) + 6, std::begin(kCommands) + 10),
                         [](const auto& i) { return std::string(i.param.name); });
INSTANTIATE_TEST_SUITE_P(Dsa, EveryCommandTest, testing::ValuesIn(kCommands),
                         [](const auto& i) { return std::string(i.param.name); });

struct EnablePathTest : PortTest {};

TEST_F(EnablePathTest, TwoGroupsWithTrafficClassOneAsDriversConfigureThem) {  // 7.3; 13, point 2
  b.set_up_function();
  b.set_wq(0, 16, 0x10001111);
  b.set_wq(5, 16, 0x10003311);
  b.set_group(0, 0x01, 0x1);
  b.set_group(2, 0x20, 0xC);
  for (const std::uint64_t group : {0u, 1u, 2u, 3u})
    b.write(0x628 + 64 * group, 0x06000009);  // both classes 1, 96 buffers; low half as SPDK does
  b.write(0x88, 0x3);
  b.host.seen.clear();
  EXPECT_EQ(b.command(1, 0, true), 0u);
  (void)b.read(0x90);
  EXPECT_EQ(b.read(0x98), 0x2u);
  b.write(0x98, 0x2);
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0x50})) << "vector 0, once";
  EXPECT_EQ(b.command(6, 0), 0u);
  EXPECT_EQ(b.command(6, 5), 0u);
  b.host.fill_count(0x200000, 4096);
  for (const std::uint32_t selectors : {0x0000u, 0x1600u}) {
    for (const unsigned wq : {0u, 5u}) {
      Work w = Work::move(0x200000, 0x300000 + 0x10000 * wq, 4096, 0x100000 + 32 * wq);
      w.flags |= selectors;
      b.movdir(0x4000 * wq, w);
    }
    EXPECT_EQ(b.command(3), 0u);
    for (const unsigned wq : {0u, 5u}) {
      EXPECT_EQ(b.host.record(0x100000 + 32 * wq), (Record{1, 0, 0, 0}));
      EXPECT_EQ(b.host.byte(0x300000 + 0x10000 * wq + 4095), 0xFFu);
      b.host.memory[0x100000 + 32 * wq] = std::byte{0};
    }
  }
}

}  // namespace
}  // namespace siov::test
