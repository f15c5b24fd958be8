// SPDX-License-Identifier: Apache-2.0
// Batches and readbacks in the device model: transactions in order, fences, failures, commands that
// meet them. Literals from DSA 5.3 to 5.6.
#include <gtest/gtest.h>

#include "abi/little_endian.hpp"
#include "device_bench.hpp"

namespace siov::model {
namespace {

constexpr std::uint64_t kList = 0x4000;
constexpr std::uint32_t kRecord = 0xC;  // CRAV, RCR
constexpr std::uint32_t kFence = 0x1;

/// Transactions of PASID 0x11 unless told.
Seen read_of(std::uint64_t address, std::size_t bytes) {
  return {Seen::kRead, address, bytes, 0x11, false, 0};
}
Seen write_of(std::uint64_t address, std::size_t bytes) {
  return {Seen::kWrite, address, bytes, 0x11, false, 0};
}
Seen message_of(std::uint32_t data) {
  return {Seen::kMessage, 0xFEE00000, 4, std::nullopt, false, data};
}

abi::Descriptor fill_of(std::uint64_t destination, std::uint32_t size, std::uint32_t flags = 0,
                        std::uint64_t record = 0) {
  abi::Descriptor d = DeviceBench::noop(flags, record);
  d.opcode = 4;
  d.source = Iova{0x5555555555555555};
  d.destination = Iova{destination};
  d.size = size;
  return d;
}

abi::Descriptor move_of(std::uint64_t source, std::uint64_t destination, std::uint32_t size,
                        std::uint32_t flags, std::uint64_t record) {
  abi::Descriptor d = DeviceBench::noop(flags, record);
  d.opcode = 3;
  d.source = Iova{source};
  d.destination = Iova{destination};
  d.size = size;
  return d;
}

abi::Descriptor bad_opcode(std::uint32_t flags = 0, std::uint64_t record = 0) {
  abi::Descriptor d = DeviceBench::noop(flags, record);
  d.opcode = 0x3F;
  return d;
}

struct BatchBench : DeviceBench {
  explicit BatchBench(const DeviceConfig& config = quick()) : DeviceBench(config) { bring_up(); }
  abi::Descriptor batch(const std::vector<abi::Descriptor>& members, std::uint32_t flags = kRecord,
                        std::uint64_t record = 0x8000, std::uint64_t list = kList) {
    for (std::size_t i = 0; i < members.size(); ++i) {
      const auto line = abi::to_line(members[i]);
      std::memcpy(host.memory.data() + list + 64 * i, line.data(), 64);
    }
    abi::Descriptor d = noop(flags, record);
    d.opcode = 1;
    d.source = Iova{list};
    d.size = static_cast<std::uint32_t>(members.size());
    return d;
  }
  void submit(const abi::Descriptor& d, std::uint64_t cycles = 1000) {
    movdir(0, d);
    run(cycles);
  }
  std::uint64_t record_word(std::uint64_t address) const {
    return abi::load_le(std::span(host.memory).subspan(address, 8), 8);
  }
  int byte(std::uint64_t address) const { return std::to_integer<int>(host.memory[address]); }
};

TEST(BatchTest, MembersRunInOrderAndTheListIsReadOnce) {  // 5.6 (01)
  BatchBench b;
  std::vector<abi::Descriptor> members;
  std::vector<Seen> expected = {read_of(0x4000, 512)};
  for (unsigned i = 0; i < 10; ++i) {
    members.push_back(DeviceBench::noop(kRecord, 0x9000 + 32 * i));
    if (i == 8) expected.push_back(read_of(0x4200, 128));
    expected.push_back(write_of(0x9000 + 32 * i, 32));
  }
  expected.push_back(write_of(0x8000, 32));
  b.submit(b.batch(members));
  EXPECT_EQ(b.host.seen, expected);
  EXPECT_EQ(b.record_word(0x8000), 0x0000000A00000001u);
  EXPECT_EQ(b.device.stats().completed, 1u);
  EXPECT_EQ(b.device.stats().members, 10u);
  EXPECT_TRUE(b.device.idle());
}

TEST(BatchTest, ListReadsEndAtFiveHundredAndTwelveByteBoundaries) {  // PCIe 2.2.7: MRRS
  BatchBench b;
  const abi::Descriptor nop = DeviceBench::noop(0);
  b.submit(b.batch({nop, nop, nop}, kRecord, 0x8000, 0x41C0));
  EXPECT_EQ(b.host.seen,
            (std::vector<Seen>{read_of(0x41C0, 64), read_of(0x4200, 128), write_of(0x8000, 32)}))
      << "a member without RCR gets no record";
}

TEST(BatchTest, MembersUsePasidAndPrivilegeOfTheBatch) {  // 4.3; SIOV-D-23, D-24
  BatchBench b;
  abi::Descriptor member = fill_of(0xA000, 8, kRecord, 0x9000);
  member.pasid = Pasid{0x77777};
  member.reserved0 = 0x7FF;
  abi::Descriptor d = b.batch({member, member});
  d.pasid = Pasid{0xABCDE};
  d.privileged = true;
  ASSERT_EQ(b.enqcmd(0x4000, d), port::CompletionStatus::kSuccess);
  b.run(300);
  ASSERT_EQ(b.host.seen.size(), 6u);
  for (const Seen& s : b.host.seen) {
    EXPECT_EQ(s.pasid, 0xABCDEu);
    EXPECT_TRUE(s.privileged);
  }
  EXPECT_EQ(b.byte(0x9000), 1);
  EXPECT_EQ(b.byte(0x8000), 1);
}

TEST(BatchTest, FailureWithoutFenceLeavesTheOthersAlone) {  // 5.6 (01), status 05
  BatchBench b;
  b.submit(b.batch({DeviceBench::noop(kRecord, 0x9000), bad_opcode(kRecord, 0x9020),
                    DeviceBench::noop(kRecord, 0x9040)}));
  EXPECT_EQ(b.byte(0x9000), 1);
  EXPECT_EQ(b.byte(0x9020), 0x10);
  EXPECT_EQ(b.byte(0x9040), 1);
  EXPECT_EQ(b.record_word(0x8000), 0x0000000300000005u);
}

TEST(BatchTest, FenceBehindAFailureEndsTheBatch) {  // 5.6 (01)
  BatchBench b;
  b.submit(
      b.batch({bad_opcode(kRecord, 0x9000), DeviceBench::noop(kRecord, 0x9020),
               fill_of(0xA000, 64, kRecord | kFence, 0x9040), DeviceBench::noop(kRecord, 0x9060)}));
  EXPECT_EQ(b.host.seen, (std::vector<Seen>{read_of(0x4000, 256), write_of(0x9000, 32),
                                            write_of(0x9020, 32), write_of(0x8000, 32)}));
  EXPECT_EQ(b.record_word(0x8000), 0x0000000200000005u);
  EXPECT_EQ(b.device.stats().members, 2u);
}

TEST(BatchTest, UnexpectedResultEndsAtTheFenceToo) {  // 5.6 (01): 02 counts
  BatchBench b;
  abi::Descriptor compare = DeviceBench::noop(kRecord | 0x80, 0x9000);
  compare.opcode = 5;
  compare.source = Iova{0xA000};
  compare.destination = Iova{0xB000};
  compare.size = 16;
  compare.set_expected_result(1);
  b.submit(b.batch({compare, DeviceBench::noop(kRecord | kFence, 0x9020)}));
  EXPECT_EQ(b.byte(0x9000), 2);
  EXPECT_EQ(b.byte(0x9020), 0);
  EXPECT_EQ(b.record_word(0x8000), 0x0000000100000005u);
}

TEST(BatchTest, FencedMemberSeesTheDataOfEarlierOnes) {  // 5.6 (01)
  BatchBench b;
  std::memcpy(&b.host.memory[0xA000], "chained data", 12);
  b.submit(b.batch({move_of(0xA000, 0xB000, 12, 0, 0), move_of(0xB000, 0xC000, 12, kFence, 0)}));
  EXPECT_EQ(std::memcmp(&b.host.memory[0xC000], "chained data", 12), 0);
  EXPECT_EQ(b.record_word(0x8000), 0x0000000200000001u);
}

TEST(BatchTest, UnreadableListEndsTheBatchBehindTheMembersBefore) {  // 5.5 (20), 5.6 (01)
  BatchBench b;
  b.host.bad_pages = {0x5000};
  std::vector<abi::Descriptor> members;
  for (unsigned i = 0; i < 4; ++i) members.push_back(DeviceBench::noop(kRecord, 0x9000 + 32 * i));
  b.submit(b.batch(members, kRecord, 0x8000, 0x4F80));
  EXPECT_EQ(b.host.seen,
            (std::vector<Seen>{read_of(0x4F80, 128), write_of(0x9000, 32), write_of(0x9020, 32),
                               read_of(0x5000, 128), write_of(0x8000, 32)}));
  EXPECT_EQ(b.record_word(0x8000), 0x0000000200000020u);
}

TEST(BatchTest, UnreadableListWithoutRecordIsLogged) {  // 5.4, 2.7
  BatchBench b;
  b.host.bad_pages = {0x4000};
  const abi::Descriptor nop = DeviceBench::noop(0);
  b.submit(b.batch({nop, nop}, 0, 0));
  EXPECT_EQ(b.read(0xC0, 8), 0x000011010000208Du);
  EXPECT_EQ(b.read(0xC8, 8), 0u);
  EXPECT_EQ(b.device.stats().members, 0u);
}

TEST(BatchTest, BatchAndDrainAreNoMembers) {  // 5.6 (01), status 10
  BatchBench b;
  abi::Descriptor inner = DeviceBench::noop(kRecord, 0x9000);
  inner.opcode = 1;
  inner.source = Iova{kList};
  inner.size = 2;
  abi::Descriptor drain = DeviceBench::noop(kRecord, 0x9020);
  drain.opcode = 2;
  b.submit(b.batch({inner, drain}));
  EXPECT_EQ(b.byte(0x9000), 0x10);
  EXPECT_EQ(b.byte(0x9020), 0x10);
  EXPECT_EQ(b.record_word(0x8000), 0x0000000200000005u);
}

TEST(BatchTest, OperationMaskHoldsForMembers) {  // 2.9, 5.5 (10)
  BatchBench b;
  ASSERT_EQ(b.command(7, 1), 0u);
  b.write(0x820, 0x3, 8);  // no-op and batch
  ASSERT_EQ(b.command(6, 0), 0u);
  b.submit(b.batch({DeviceBench::noop(kRecord, 0x9000), fill_of(0xA000, 8, kRecord, 0x9020)}));
  EXPECT_EQ(b.byte(0x9000), 1);
  EXPECT_EQ(b.byte(0x9020), 0x10);
}

TEST(BatchTest, ErrorOfAMemberNamesItsPlace) {  // 2.7: bit 4, index
  BatchBench b;
  const abi::Descriptor nop = DeviceBench::noop(0);
  b.submit(b.batch({nop, nop, bad_opcode()}));
  EXPECT_EQ(b.read(0xC0, 8), 0x0000113F0000109Du);
  EXPECT_EQ(b.read(0xC8, 8), 0x0008000000000002u) << "first error of the batch";
  EXPECT_EQ(b.record_word(0x8000), 0x0000000300000005u);
}

TEST(BatchTest, CountMustLieInTheLimits) {  // 5.5 (14): 2..32, with Batch1 1
  BatchBench b;
  abi::Descriptor d = b.batch({});
  for (const std::uint32_t count : {0u, 1u, 33u}) {
    d.size = count;
    b.host.memory[0x8000] = std::byte{0};
    b.submit(d, 100);
    EXPECT_EQ(b.byte(0x8000), 0x14) << count;
  }
  d.size = 32;
  b.submit(d);
  EXPECT_EQ(b.record_word(0x8000), 0x0000002000000001u);
  BatchBench one(DeviceBench::quick_with([](DeviceConfig& c) { c.batch1 = true; }));
  one.submit(one.batch({DeviceBench::noop(0)}));
  EXPECT_EQ(one.record_word(0x8000), 0x0000000100000001u);
}

TEST(BatchTest, RecordMayLieInTheMembersOwnSlot) {  // 5.6 (01): fetch each member once
  BatchBench b;
  b.submit(b.batch({DeviceBench::noop(kRecord, kList), DeviceBench::noop(kRecord, kList + 64)}));
  EXPECT_EQ(b.host.seen, (std::vector<Seen>{read_of(0x4000, 128), write_of(0x4000, 32),
                                            write_of(0x4040, 32), write_of(0x8000, 32)}));
  EXPECT_EQ(b.record_word(0x8000), 0x0000000200000001u);
}

TEST(BatchTest, InterruptsFollowTheRecords) {  // 5.3, 2.10
  BatchBench b;
  b.write(0x408, 0x00011008);
  b.write(0x410, 0x00011008);
  abi::Descriptor member = DeviceBench::noop(kRecord | 0x10, 0x9000);
  member.interrupt_handle = 2;
  abi::Descriptor bad = DeviceBench::noop(kRecord | 0x10, 0x9020);
  bad.interrupt_handle = 3;  // entry without PASID
  abi::Descriptor d = b.batch({member, bad}, kRecord | 0x10);
  d.interrupt_handle = 1;
  b.submit(d);
  EXPECT_EQ(b.host.seen,
            (std::vector<Seen>{read_of(0x4000, 128), write_of(0x9000, 32), message_of(0x52),
                               write_of(0x9020, 32), write_of(0x8000, 32), message_of(0x51)}));
  EXPECT_EQ(b.byte(0x9020), 0x19);
  EXPECT_EQ(b.read(0xC0, 8), 0x000011000000199Du);
}

/// A batch of three fills of 500 cycles each, and a device that has begun it.
struct BusyBatchTest : testing::Test {
  BatchBench b{DeviceBench::quick_with([](DeviceConfig& c) { c.bytes_per_cycle = 1; })};
  void begin(std::uint64_t cycles = 600) {
    b.submit(b.batch({fill_of(0xA000, 500, kRecord, 0x9000), fill_of(0xB000, 500, kRecord, 0x9020),
                      fill_of(0xC000, 500, kRecord, 0x9040)}),
             cycles);
  }
};

TEST_F(BusyBatchTest, OccupancyCountsUntilDispatch) {  // 4.2
  begin();
  EXPECT_EQ(b.read(0x818), 0x40000000u) << "the batch is in the engine";
  b.movdir(0, DeviceBench::noop(0));
  b.run(50);
  EXPECT_EQ(b.read(0x818), 0x40000001u) << "which it keeps to itself";
  b.run(2000);
  EXPECT_TRUE(b.device.idle());
  EXPECT_EQ(b.device.stats().completed, 2u);
}

TEST_F(BusyBatchTest, DrainWqWaitsForTheWholeBatch) {  // 3.2; SIOV-D-44
  begin();
  EXPECT_EQ(b.byte(0x9000), 1);
  EXPECT_EQ(b.byte(0x9020), 0);
  EXPECT_EQ(b.command(8, 0x1), 0u);
  EXPECT_EQ(b.record_word(0x8000), 0x0000000300000001u);
}

TEST_F(BusyBatchTest, AbortEndsWithTheBatchWholeAndWaitingOnesGone) {  // 3.2; SIOV-D-45
  begin();
  b.movdir(0, DeviceBench::noop(kRecord, 0x9060));
  EXPECT_EQ(b.command(9, 0x1), 0u);
  EXPECT_EQ(b.record_word(0x8000), 0x0000000300000001u);
  EXPECT_EQ(b.byte(0x9060), 0);
  EXPECT_EQ(b.device.stats().discarded, 1u);
  const std::size_t before = b.host.seen.size();
  b.run(2000);
  EXPECT_EQ(b.host.seen.size(), before) << "nothing after the end of the command";
}

TEST_F(BusyBatchTest, DrainPasidSeesTheBatch) {  // 3.2
  begin();
  EXPECT_EQ(b.command(11, 0x12), 0u);
  EXPECT_EQ(b.byte(0x8000), 0) << "another PASID";
  EXPECT_EQ(b.command(11, 0x11), 0u);
  EXPECT_EQ(b.byte(0x8000), 1);
}

TEST_F(BusyBatchTest, DisableDeviceFinishesTheBatch) {  // 3.2
  begin();
  EXPECT_EQ(b.command(2), 0u);
  EXPECT_EQ(b.record_word(0x8000), 0x0000000300000001u);
  EXPECT_EQ(b.read(0x90), 0u);
}

TEST_F(BusyBatchTest, ResetDeviceLeavesNothingBehind) {  // 3.2
  begin();
  EXPECT_EQ(b.command(5), 0u);
  EXPECT_TRUE(b.device.idle());
  const std::size_t before = b.host.seen.size();
  b.run(2000);
  EXPECT_EQ(b.host.seen.size(), before);
}

TEST_F(BusyBatchTest, HaltThrowsTheRestAway) {  // 6; SIOV-D-45
  begin();
  const std::size_t before = b.host.seen.size();
  b.set_config(0x236, 0x0, 2);
  b.run(2000);
  EXPECT_EQ(b.host.seen.size(), before);
  EXPECT_EQ(b.byte(0x8000), 0);
  EXPECT_TRUE(b.device.idle());
  EXPECT_EQ(b.device.stats().discarded, 1u);
}

TEST_F(BusyBatchTest, FunctionLevelResetThrowsTheRestAway) {  // 6; SIOV-D-43
  begin();
  const std::size_t before = b.host.seen.size();
  b.set_config(0x48, 0xA910, 2);
  b.run(2000);
  EXPECT_EQ(b.host.seen.size(), before);
  EXPECT_TRUE(b.device.idle());
}

TEST(BatchTest, DrainDescriptorWaitsForABatchInAnotherEngine) {  // 5.6 (02)
  DeviceConfig config = DeviceBench::quick();
  config.bytes_per_cycle = 1;
  BatchBench b(config);
  ASSERT_EQ(b.command(2), 0u);
  b.set_group(0, 0x3, 0xF);
  ASSERT_EQ(b.command(1), 0u);
  ASSERT_EQ(b.command(6, 0), 0u);
  b.movdir(0, b.batch({fill_of(0xA000, 300), fill_of(0xB000, 300)}));
  abi::Descriptor drain = DeviceBench::noop(kRecord, 0x8020);
  drain.opcode = 2;
  b.host.seen.clear();
  b.submit(drain, 2000);
  ASSERT_GE(b.host.seen.size(), 2u);
  EXPECT_EQ(b.host.seen[b.host.seen.size() - 2].address, 0x8000u);
  EXPECT_EQ(b.host.seen.back().address, 0x8020u);
}

TEST(BatchTest, EventLogNamesTheBatchAndItsFirstError) {  // 2.11
  BatchBench b;
  ASSERT_EQ(b.command(2), 0u);
  b.write(0xE0, 0x20000, 8);
  b.write(0xE8, 64, 8);
  b.write(0x80, 0x3060);
  ASSERT_EQ(b.command(1), 0u);
  ASSERT_EQ(b.command(6, 0), 0u);
  b.submit(
      b.batch({bad_opcode(kRecord, 0x9000), bad_opcode(), bad_opcode(), DeviceBench::noop(0x40)}));
  EXPECT_EQ(b.device.stats().events, 3u) << "an error with a record is not logged";
  EXPECT_EQ(b.record_word(0x20000), 0x0000113F0000109Cu);
  EXPECT_EQ(b.record_word(0x20008), 0x0008000000000001u) << "index 1, first error";
  EXPECT_EQ(b.record_word(0x20040), 0x0000113F0000109Cu);
  EXPECT_EQ(b.record_word(0x20048), 0x0000000000000002u) << "index 2, not the first";
  EXPECT_EQ(b.record_word(0x20080), 0x000011000000119Cu);
  EXPECT_EQ(b.record_word(0x20088), 0x0000004000000003u) << "index 3, invalid flags";
  EXPECT_EQ(b.record_word(0x8000), 0x0000000400000005u);
  EXPECT_EQ(b.read(0xC0, 8), 0u);
}

TEST(BatchTest, FullEventLogHoldsTheBatch) {  // 2.11
  BatchBench b;
  ASSERT_EQ(b.command(2), 0u);
  b.write(0xE0, 0x20000, 8);
  b.write(0xE8, 64, 8);
  b.write(0x80, 0x3060);
  ASSERT_EQ(b.command(1), 0u);
  ASSERT_EQ(b.command(6, 0), 0u);
  b.write(0xF0, 3);  // room for two
  b.submit(b.batch({bad_opcode(), bad_opcode(), bad_opcode(), DeviceBench::noop(kRecord, 0x9000)}));
  EXPECT_EQ(b.device.stats().events, 2u);
  EXPECT_EQ(b.byte(0x9000), 0);
  EXPECT_EQ(b.byte(0x8000), 0);
  b.write(0xF0, 0);
  b.run(100);
  EXPECT_EQ(b.device.stats().events, 3u);
  EXPECT_EQ(b.byte(0x9000), 1);
  EXPECT_EQ(b.record_word(0x8000), 0x0000000400000005u);
}

TEST(ReadbackTest, ReadsNoBytesBehindTheDataAndBeforeTheRecord) {  // 5.3
  BatchBench b;
  b.submit(move_of(0xA000, 0xB010, 300, kRecord | 0x4000, 0x8000));
  EXPECT_EQ(b.host.seen,
            (std::vector<Seen>{read_of(0xA000, 300), write_of(0xB010, 240), write_of(0xB100, 60),
                               read_of(0xB13B, 0), write_of(0x8000, 32)}));
  EXPECT_EQ(b.byte(0x8000), 1);
}

TEST(ReadbackTest, FailureGivesStatus21) {  // 5.5 (21)
  BatchBench b;
  b.host.bad_pages = {0xB000};
  b.submit(move_of(0xA000, 0xB000, 16, 0x4 | 0x4000, 0x8000));
  EXPECT_EQ(b.byte(0x8000), 0x21) << "an error has its record without RCR";
  EXPECT_EQ(b.host.seen.size(), 4u);
}

TEST(ReadbackTest, DualcastReadsBackBothDestinations) {  // 5.3
  BatchBench b;
  abi::Descriptor d = move_of(0xA000, 0xB000, 16, kRecord | 0x4000, 0x8000);
  d.opcode = 9;
  d.op_specific[1] = std::byte{0xC0};  // second destination 0xC000
  b.submit(d);
  EXPECT_EQ(b.host.seen,
            (std::vector<Seen>{read_of(0xA000, 16), write_of(0xB000, 16), write_of(0xC000, 16),
                               read_of(0xB00F, 0), read_of(0xC00F, 0), write_of(0x8000, 32)}));
  EXPECT_EQ(b.byte(0x8000), 1);
  b.host.bad_pages = {0xC000};
  b.submit(d);
  EXPECT_EQ(b.byte(0x8000), 0x21);
}

TEST(ReadbackTest, DrainReadsItsAddresses) {  // 5.6 (02), 5.5 (1f)
  BatchBench b(DeviceBench::quick_with([](DeviceConfig& c) { c.drain_readback = true; }));
  EXPECT_EQ(b.read(0x10, 8), 0x835F2F07u);
  abi::Descriptor d = DeviceBench::noop(kRecord | 0x30000, 0x8000);
  d.opcode = 2;
  d.source = Iova{0xA123};
  d.destination = Iova{0xB000};
  b.submit(d);
  EXPECT_EQ(b.host.seen,
            (std::vector<Seen>{read_of(0xA123, 0), read_of(0xB000, 0), write_of(0x8000, 32)}));
  EXPECT_EQ(b.byte(0x8000), 1);
  b.host.bad_pages = {0xB000};
  b.submit(d);
  EXPECT_EQ(b.byte(0x8000), 0x1F);
  BatchBench without;
  without.submit(d);
  EXPECT_EQ(without.byte(0x8000), 0x11);
}

TEST(OperationTest, CrcReachesTheRecord) {  // 5.8
  BatchBench b;
  std::memcpy(&b.host.memory[0xA000], "123456789", 9);
  abi::Descriptor d = DeviceBench::noop(kRecord, 0x8000);
  d.opcode = 0x10;
  d.source = Iova{0xA000};
  d.size = 9;
  b.submit(d);
  EXPECT_EQ(b.byte(0x8000), 1);
  EXPECT_EQ(b.record_word(0x8010), 0xE3069283u);
  d.flags |= 1u << 19;
  b.submit(d);
  EXPECT_EQ(b.record_word(0x8010), 0xAE8B14860A799888u);
}

TEST(OperationTest, FeaturesOfTheSmallBuildAreOff) {  // 2.2 (10), (11)
  DeviceConfig config = DeviceBench::quick();
  config.crc64 = false;
  config.fill16 = false;
  BatchBench b(config);
  abi::Descriptor d = DeviceBench::noop(kRecord | 1u << 19, 0x8000);
  d.opcode = 0x10;
  d.source = Iova{0xA000};
  d.size = 9;
  b.submit(d);
  EXPECT_EQ(b.record_word(0x8000), 0x11u);
  EXPECT_EQ(b.record_word(0x8010), 0x80000u);
  d = fill_of(0xA000, 16, kRecord | 1u << 18, 0x8000);
  b.submit(d);
  EXPECT_EQ(b.record_word(0x8000), 0x11u);
  EXPECT_EQ(b.record_word(0x8010), 0x40000u);
}

}  // namespace
}  // namespace siov::model
