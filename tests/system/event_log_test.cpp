// SPDX-License-Identifier: Apache-2.0
// The event log: registers, entries byte by byte, the ring, interrupts, what stays in SWERROR.
// DSA 2.6, 2.7, 2.11, 3.2, 3.3 (19).
#include "operation_bench.hpp"

namespace siov::test {
namespace {

using Entry = std::array<std::uint64_t, 8>;
constexpr std::uint64_t kLogAt = 0x120000;

/// Waits behind a long fill in the engine, then in the queue; no record.
Work short_fill() {
  Work w = Work::fill(0, kOutAt, 0x2000, 0);
  w.flags = 0;
  return w;
}

struct EventLogTest : OperationTest {
  void SetUp() override {
    OperationTest::SetUp();
    restart(kLogAt, 64);
  }
  /// Disable Device, new log, Enable Device and both queues. @return CMDSTATUS of Enable Device
  std::uint32_t restart(std::uint64_t low, std::uint64_t high, std::uint32_t gencfg = 0x3060) {
    (void)b.command(2);
    b.write(0xE0, low, 8);
    b.write(0xE8, high, 8);
    b.write(0x80, gencfg);
    const std::uint32_t result = b.command(1);
    if (result == 0) {
      EXPECT_EQ(b.command(6, 0), 0u);
      EXPECT_EQ(b.command(6, 1), 0u);
    }
    return result;
  }
  Entry entry(unsigned index) const {
    const Record low = b.host.record(kLogAt + 64 * index);
    const Record high = b.host.record(kLogAt + 64 * index + 32);
    return {low[0], low[1], low[2], low[3], high[0], high[1], high[2], high[3]};
  }
  static Work bad_opcode() {
    Work w;
    w.opcode = 0x3F;
    return w;
  }
  unsigned tail() { return static_cast<unsigned>(b.read(0xF4) & 0xFFFF); }
};

constexpr std::uint64_t kBadOpcode = 0x0000113F0000108C;  // of bad_opcode() on WQ 0

TEST_F(EventLogTest, RegistersTakeTheirBitsWhileDisabledOnly) {  // 2.11
  b.write(0xE0, 0, 8);
  b.write(0xE8, 0, 8);
  EXPECT_EQ(b.read(0xE0, 8), kLogAt);
  EXPECT_EQ(b.read(0xE8, 8), 64u);
  b.write(0x80, 0x1060);
  EXPECT_EQ(b.read(0x80), 0x3060u);
  EXPECT_EQ(b.command(2), 0u);
  b.write(0xE0, ~std::uint64_t{0}, 8);
  b.write(0xE8, ~std::uint64_t{0}, 8);
  EXPECT_EQ(b.read(0xE0, 8), 0xFFFFFFFFFFFFF003u);
  EXPECT_EQ(b.read(0xE8, 8), 0x0000000FFFFFFFFFu);
}

TEST_F(EventLogTest, EnableDeviceChecksTheSetup) {  // 3.3 (19)
  EXPECT_EQ(restart(kLogAt, 63), 0x19u);
  EXPECT_EQ(restart(kLogAt, 0), 0x19u);
  EXPECT_EQ(restart(kLogAt, 0, 0x1060), 0u) << "nobody uses it";
  EXPECT_EQ(restart(kLogAt, 65535), 0u);
  (void)b.command(2);
  b.set_config(0x236, 0x0, 2);
  b.write(0xE0, kLogAt | 1, 8);
  b.write(0xE8, 64, 8);
  b.write(0x80, 0x3060);
  EXPECT_EQ(b.command(1), 0x19u) << "PASID of the log needs PASID";
}

TEST_F(EventLogTest, EnableDeviceZeroesHeadAndTail) {  // 2.11
  (void)play(bad_opcode());
  b.write(0xF0, 1);
  EXPECT_EQ(b.read(0xF0, 8), 0x0000000100000001u);
  EXPECT_EQ(restart(kLogAt, 64), 0u);
  EXPECT_EQ(b.read(0xF0, 8), 0u);
}

TEST_F(EventLogTest, ErrorsWithoutRecordAreEntries) {  // 2.11, 5.4
  (void)play(bad_opcode());
  (void)play(Work::noop(0x8041));
  Work misaligned = good(0x03);
  misaligned.record += 1;
  (void)play(misaligned);
  EXPECT_EQ(entry(0), (Entry{kBadOpcode, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(entry(1), (Entry{0x000011000000118C, 0x0000804100000000, 0, 0, 0, 0, 0, 0}))
      << "the mask of invalid flags";
  EXPECT_EQ(entry(2),
            (Entry{0x0000110300001B8C, 0x0004000000000000, kRecordAt + 1, 0, 0, 0, 0, 0}));
  EXPECT_EQ(b.read(0xF0, 8), 0x0000000300000000u);
  EXPECT_EQ(b.read(0xC0, 8), 0u) << "nothing in SWERROR";
}

TEST_F(EventLogTest, ErrorsWithRecordAreNoEntries) {  // 5.4, 6
  Work w = good(0x03);
  w.size = 0;
  EXPECT_EQ(play(w), (Record{0x13, 0, 0, 0}));
  EXPECT_EQ(tail(), 0u);
  EXPECT_EQ(b.read(0xC0, 8), 0u);
}

TEST_F(EventLogTest, BadHandleIsAnEntryWithTheRecordInMemoryToo) {  // 5.5 (19), 6
  Work w = good(0x00);
  w.flags |= kWantInterrupt;
  w.handle = 2;
  EXPECT_EQ(play(w), (Record{0x19, 0, 0, 0}));
  EXPECT_EQ(tail(), 1u);
  EXPECT_EQ(entry(0)[0], 0x000011000000198Cu);
  EXPECT_EQ(entry(0)[1], 0x0005000200000000u) << "handle 2, RCI, record required";
  (void)play(w, 0x2000);
  EXPECT_EQ(entry(1)[1], 0x0007000200000000u) << "the same of the IMS page";
}

TEST_F(EventLogTest, PrivilegeErrorNamesQueueAndPasid) {  // 5.5 (1d)
  (void)b.command(2);
  b.set_config(0x236, 0x1, 2);
  EXPECT_EQ(restart(kLogAt, 64), 0u);
  (void)play(good(0x00).as(0x800ABCDE), kQueue1);
  EXPECT_EQ(entry(0)[0], 0x0ABCDE0000011DCCu);
}

TEST_F(EventLogTest, MembersNameBatchIndexAndFirstError) {  // 2.11
  EXPECT_EQ(play(list({Work{}, bad_opcode(), bad_opcode()})),
            (Record{0x0000000300000005, 0, 0, 0}));
  EXPECT_EQ(tail(), 2u);
  const std::uint64_t kBatchId = 0xFF000000;
  EXPECT_EQ(entry(0)[0] & ~kBatchId, 0x0000113F0000109Cu);
  EXPECT_EQ(entry(0)[1], 0x0008000000000001u);
  EXPECT_EQ(entry(1)[0] & ~kBatchId, 0x0000113F0000109Cu);
  EXPECT_EQ(entry(1)[1], 0x0000000000000002u);
  EXPECT_EQ(entry(0)[0] & kBatchId, entry(1)[0] & kBatchId) << "one batch, one identifier";
}

TEST_F(EventLogTest, RecordOfADrainIsLoggedWithCode26) {  // 2.11
  EXPECT_EQ(play(Work::drain(kWantRecord, kRecordAt)), kNoRecord);
  EXPECT_EQ(tail(), 1u);
  EXPECT_EQ(entry(0)[0], 0x000011020000268Cu);
  EXPECT_EQ(entry(0)[2], kRecordAt) << "where the record belongs";
  EXPECT_EQ(entry(0)[4], 1u) << "the record";
}

TEST_F(EventLogTest, WritesCarryPasidAndPrivilegeOfTheLog) {  // 2.11, SIOV-D-24
  (void)play(bad_opcode());
  ASSERT_EQ(b.host.seen.size(), 1u);
  EXPECT_FALSE(b.host.seen[0].pasid.has_value());
  EXPECT_EQ(b.host.seen[0].bytes, 64u);
  EXPECT_EQ(restart(kLogAt | 3, 64 | 0xABCDEull << 16), 0u);
  (void)play(bad_opcode());
  ASSERT_EQ(b.host.seen.size(), 1u);
  EXPECT_EQ(b.host.seen[0].pasid, 0xABCDEu);
  EXPECT_TRUE(b.host.seen[0].privileged);
}

TEST_F(EventLogTest, InterruptComesOnceUntilPendingIsCleared) {  // 2.11, 2.6
  (void)play(bad_opcode());
  EXPECT_TRUE(b.host.messages().empty()) << "GENCTRL[2] is 0";
  EXPECT_EQ(b.read(0x98), 0u);
  b.write(0x88, 0x4);
  (void)play(bad_opcode());
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0x50}));
  EXPECT_EQ(b.host.seen.back().kind, Seen::kMessage) << "behind the entry";
  EXPECT_EQ(b.read(0x98), 0x20u);
  EXPECT_EQ(b.read(0xF0, 8), 0x4000000200000000u);
  (void)play(bad_opcode());
  EXPECT_TRUE(b.host.messages().empty()) << "still pending";
  b.write(0xF4, 0x40000000);
  EXPECT_EQ(b.read(0xF0, 8), 0x0000000300000000u) << "four bytes, as Linux writes them";
  (void)play(bad_opcode());
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0x50}));
}

TEST_F(EventLogTest, FullRingBlocksUntilTheHeadMoves) {  // 2.11: full when tail + 1 is head
  for (unsigned n = 0; n < 63; ++n) (void)play(bad_opcode());
  EXPECT_EQ(b.read(0xF0, 8), 0x0000003F00000000u);
  b.movdir(kQueue0, bad_opcode());
  b.movdir(kQueue0, good(0x03));
  b.run(20'000);
  EXPECT_EQ(tail(), 63u);
  EXPECT_EQ(entry(63), (Entry{})) << "the last place stays empty";
  b.write(0xF0, 1);
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(entry(63)[0], kBadOpcode);
  EXPECT_EQ(b.read(0xF0, 8), 0x0000000000000001u) << "the tail wraps";
  EXPECT_EQ(b.host.record(kRecordAt), kGood);
  EXPECT_EQ(b.read(0xC0, 8), 0u);
}

TEST_F(EventLogTest, FunctionLevelResetEndsABlockedDevice) {  // 6
  for (unsigned n = 0; n < 63; ++n) (void)play(bad_opcode());
  b.movdir(kQueue0, bad_opcode());
  b.run(2000);
  b.function_level_reset();
  OperationTest::SetUp();
  EXPECT_EQ(play(good(0x03)), kGood);
  EXPECT_EQ(b.read(0xF0, 8), 0u);
}

TEST_F(EventLogTest, ErrorsOfTheDeviceStayInSwerror) {  // 2.6, 5.5 (51, 52, 53)
  b.occupy_engine(kQueue0);
  b.start_command(8, 0x1);
  b.start_command(8, 0x1);
  b.run(200);
  EXPECT_EQ(b.read(0xC0, 8) & 0xFFFF, 0x5201u);
  (void)b.end_of_command();
  (void)take_error();
  b.occupy_engine(kQueue0);
  for (unsigned n = 0; n < 200; ++n) b.movdir(kQueue0, short_fill());
  b.run(200);
  EXPECT_EQ(b.read(0xC0, 8) & 0xFF01, 0x5301u);
  EXPECT_EQ(b.command(4), 0u);
  (void)take_error();
  b.set_config(0x236, 0x4, 2);
  EXPECT_EQ(b.read(0xC0, 8) & 0xFF01, 0x5101u);
  EXPECT_EQ(tail(), 0u);
}

TEST_F(EventLogTest, ResetDeviceKeepsTheStatusAndClearsTheConfiguration) {  // 3.2
  (void)play(bad_opcode());
  EXPECT_EQ(b.command(5), 0u);
  EXPECT_EQ(b.read(0xF0, 8), 0x0000000100000000u);
  EXPECT_EQ(b.read(0xE0, 8), 0u);
  EXPECT_EQ(b.read(0xE8, 8), 0u);
  EXPECT_EQ(b.read(0x80), 0x60u);
  b.function_level_reset();
  b.set_up_function();
  EXPECT_EQ(b.read(0xF0, 8), 0u);
}

/// Occupancy interrupt of WQ 0: 2.9 dwords 4 to 6, INTCAUSE[2].
struct OccupancyTest : OperationTest {
  /// Limit 4, by MSI-X vector 1.
  void configure(std::uint32_t handle, std::uint32_t limit) {
    ASSERT_EQ(b.command(7, 0x1), 0u);
    b.write(0x810, handle);
    b.write(0x814, limit);
  }
  /// Lets the occupancy rise to `count` and not above; the engine may take some before.
  void crowd(unsigned count) {
    b.occupy_engine(kQueue0);
    for (unsigned n = 0; n < 200 && b.occupancy(0) < count; ++n) {
      b.movdir(kQueue0, short_fill());
      b.run(40);
    }
    EXPECT_EQ(b.occupancy(0), count);
  }
  bool generated() { return (b.read(0x818) >> 16 & 1) != 0; }
};

TEST_F(OccupancyTest, FallingToTheLimitInterruptsOnceUntilCleared) {  // 2.9
  configure(1, 0x10004);
  ASSERT_EQ(b.command(6, 0), 0u);
  crowd(8);
  EXPECT_TRUE(b.host.messages().empty());
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_TRUE(generated());
  EXPECT_EQ(b.read(0x98), 0x4u);
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0x51}));
  crowd(8);
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(b.host.messages().size(), 1u) << "still generated";
  b.write(0x818, 0x10000);
  EXPECT_FALSE(generated());
  crowd(8);
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(b.host.messages().size(), 2u);
}

TEST_F(OccupancyTest, NotAboveTheLimitOrDisabledIsSilent) {  // 2.9
  configure(1, 0x10004);
  ASSERT_EQ(b.command(6, 0), 0u);
  crowd(4);
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_FALSE(generated());
  configure(1, 0x00004);
  ASSERT_EQ(b.command(6, 0), 0u);
  crowd(8);
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_FALSE(generated());
  EXPECT_TRUE(b.host.messages().empty());
}

TEST_F(OccupancyTest, ImsHandleSendsItsEntry) {  // 2.9: dword 4 bit 16
  b.write(0x4050, 0xFEE00040, 8);
  b.write(0x4058, 0x0001100800000099, 8);
  configure(0x10005, 0x10000);
  ASSERT_EQ(b.command(6, 0), 0u);
  crowd(3);
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0x99}));
}

TEST_F(OccupancyTest, EnableWqChecksTheHandle) {  // 2.10, 3.3 (2b)
  b.write(0x410, 0x00022008);                     // another PASID
  b.write(0x4058, 0x0002200800000099, 8);
  for (const std::uint32_t handle : {0x2u, 0x3u, 0x9u, 0xFFFFu, 0x10005u, 0x10100u}) {
    configure(handle, 0x10004);
    EXPECT_EQ(b.command(6, 0), 0x2Bu) << std::hex << handle;
    b.write(0x814, 0x00004);
    EXPECT_EQ(b.command(6, 0), 0u) << "nobody uses it";
  }
  configure(1, 0x10004);
  EXPECT_EQ(b.command(6, 0), 0u);
}

TEST_F(OccupancyTest, LimitIsLockedWhileEnabled) {  // 2.9
  configure(1, 0x10004);
  ASSERT_EQ(b.command(6, 0), 0u);
  b.write(0x814, 0x10007);
  EXPECT_EQ(b.read(0x814), 0x10004u);
}

}  // namespace
}  // namespace siov::test
