// SPDX-License-Identifier: Apache-2.0
// Batches: order, fences, counts, members that fail, lists that cannot be read, and commands that
// meet a batch under way. DSA 2.9, 3.2, 4.3, 5.3 to 5.6; SIOV-D-23, 24, 41, 44, 45.
#include "operation_bench.hpp"

namespace siov::test {
namespace {

constexpr std::uint64_t kMemberRecords = 0x101000;
constexpr std::uint32_t kFence = 0x1;

/// Status word of a batch record.
constexpr Record ended(std::uint64_t status, std::uint64_t completed) {
  return {completed << 32 | status, 0, 0, 0};
}

struct BatchTest : OperationTest {
  static std::uint64_t record_of(unsigned n) { return kMemberRecords + 32 * n; }
  /// Member number n with its record.
  static Work member(unsigned n, std::uint8_t opcode = 0x00, std::uint32_t flags = 0) {
    Work w = good(opcode);
    w.record = record_of(n);
    w.flags |= flags;
    return w;
  }
  unsigned member_status(unsigned n) const { return b.host.byte(record_of(n)); }
  Work fill_member(unsigned n, std::uint64_t to, unsigned size, std::uint32_t flags = 0) {
    Work w = Work::fill(0x0101010101010101 * (n + 1), to, size, record_of(n));
    w.flags |= flags;
    return w;
  }
};

TEST_F(BatchTest, EveryOperationRunsAsAMember) {  // 5.6 (01)
  std::vector<Work> members;
  for (const std::uint8_t opcode : kOperations) {
    if (opcode == 0x01 || opcode == 0x02) continue;
    members.push_back(member(static_cast<unsigned>(members.size()), opcode));
  }
  ASSERT_EQ(members.size(), 15u);
  EXPECT_EQ(play(list(members)), ended(0x01, 15));
  for (unsigned n = 0; n < 15; ++n) EXPECT_EQ(member_status(n), 0x01u) << n;
  EXPECT_EQ(b.host.seen.back().address, kRecordAt) << "5.3: behind all members";
}

TEST_F(BatchTest, RecordComesLastAndItsInterruptBehindIt) {  // 5.3
  std::vector<Work> members;
  for (unsigned n = 0; n < 20; ++n) members.push_back(fill_member(n, kOutAt + 0x400 * n, 1024));
  Work w = list(members);
  w.flags |= kWantInterrupt;
  w.handle = 1;
  EXPECT_EQ(play(w), ended(0x01, 20));
  ASSERT_GE(b.host.seen.size(), 2u);
  EXPECT_EQ(b.host.seen.back().kind, Seen::kMessage);
  EXPECT_EQ(b.host.seen[b.host.seen.size() - 2].address, kRecordAt);
  for (unsigned n = 0; n < 20; ++n) {
    EXPECT_EQ(member_status(n), 0x01u);
    EXPECT_EQ(b.host.byte(kOutAt + 0x400 * n + 1023), n + 1);
  }
}

TEST_F(BatchTest, MembersWithoutRcrGetNoRecordAndNoInterrupt) {  // 5.4, 5.6 (01)
  Work quiet = member(0);
  quiet.flags = kRecordValid;
  Work loud = member(1);
  loud.flags |= kWantInterrupt;
  loud.handle = 1;
  EXPECT_EQ(play(list({quiet, loud, quiet})), ended(0x01, 3));
  EXPECT_EQ(member_status(0), 0u);
  EXPECT_EQ(member_status(1), 1u);
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0x51}));
}

TEST_F(BatchTest, BatchWithoutRecordRunsToo) {  // 5.4
  Work w = list({member(0), member(1)});
  w.flags = 0;
  w.record = 0;
  EXPECT_EQ(play(w), kNoRecord);
  EXPECT_EQ(member_status(0), 1u);
  EXPECT_EQ(member_status(1), 1u);
}

TEST_F(BatchTest, FailureOfAMemberIs05AndTheOthersRun) {  // 5.5 (05)
  Work bad = member(1);
  bad.opcode = 0x3F;
  EXPECT_EQ(play(list({member(0), bad, member(2)})), ended(0x05, 3));
  EXPECT_EQ(member_status(0), 0x01u);
  EXPECT_EQ(member_status(1), 0x10u);
  EXPECT_EQ(member_status(2), 0x01u);
  Work w = list({member(0), bad, member(2)});
  w.flags = kRecordValid;
  EXPECT_EQ(play(w), kNoRecord) << "05 is a normal end: no record without RCR";
}

TEST_F(BatchTest, UnexpectedResultOfAMemberIs05) {  // 5.5 (02, 05)
  Work unequal = member(0, 0x05, kCheckResult);
  put(unequal, 40, 1, 1);
  EXPECT_EQ(play(list({unequal, member(1)})), ended(0x05, 2));
  EXPECT_EQ(member_status(0), 0x02u);
  EXPECT_EQ(member_status(1), 0x01u);
}

TEST_F(BatchTest, BatchAndDrainAsMembersAre10) {  // 5.6 (01, 02)
  Work inner = member(0, 0x01);
  inner.source = kListAt + 0x1000;
  EXPECT_EQ(play(list({inner, member(1, 0x02), member(2)})), ended(0x05, 3));
  EXPECT_EQ(member_status(0), 0x10u);
  EXPECT_EQ(member_status(1), 0x10u);
  EXPECT_EQ(member_status(2), 0x01u);
}

TEST_F(BatchTest, MaskedMemberIs10) {  // 2.9: OPCFG, checklist 6
  ASSERT_EQ(b.command(7, 0x1), 0u);
  b.write(0x820, 0x0000000B, 8);  // noop, batch, move
  ASSERT_EQ(b.command(6, 0), 0u);
  EXPECT_EQ(play(list({member(0, 0x03), member(1, 0x04), member(2, 0x00)})), ended(0x05, 3));
  EXPECT_EQ(member_status(0), 0x01u);
  EXPECT_EQ(member_status(1), 0x10u);
  EXPECT_EQ(member_status(2), 0x01u);
}

TEST_F(BatchTest, FencedMemberSeesTheDataOfEarlierOnes) {  // 5.6 (01), 5.3
  std::vector<Work> members;
  members.push_back(fill_member(0, kOutAt, 0x4000));
  for (unsigned n = 1; n < 8; ++n) {
    Work w = member(n, 0x03, kFence);
    w.source = kOutAt + 0x4000 * (n - 1);
    w.destination = kOutAt + 0x4000 * n;
    w.size = 0x4000;
    members.push_back(w);
  }
  EXPECT_EQ(play(list(members)), ended(0x01, 8));
  for (unsigned i = 0; i < 0x4000; ++i) ASSERT_EQ(b.host.byte(kOutAt + 0x1C000 + i), 1u) << i;
}

TEST_F(BatchTest, FenceAfterAFailureDropsTheRest) {  // 5.6 (01)
  Work bad = member(1, 0x03);
  bad.size = 0;
  const Work fenced = fill_member(3, kOutAt, 64, kFence);
  EXPECT_EQ(play(list({member(0), bad, member(2), fenced, member(4), member(5)})), ended(0x05, 3));
  EXPECT_EQ(member_status(1), 0x13u);
  EXPECT_EQ(member_status(2), 0x01u) << "before the fence";
  for (unsigned n = 3; n < 6; ++n) EXPECT_EQ(member_status(n), 0u) << n << " is dropped";
  EXPECT_EQ(b.host.byte(kOutAt), 0u);
}

TEST_F(BatchTest, FenceAfterAnUnexpectedResultDropsTheRest) {  // 5.6 (01): 02 counts
  Work unequal = member(0, 0x05, kCheckResult);
  put(unequal, 40, 1, 1);
  EXPECT_EQ(play(list({unequal, member(1, 0x00, kFence), member(2)})), ended(0x05, 1));
  EXPECT_EQ(member_status(0), 0x02u);
  EXPECT_EQ(member_status(1), 0u);
  EXPECT_EQ(member_status(2), 0u);
}

TEST_F(BatchTest, FenceOnTheFirstMemberAndBeforeAFailureIsHarmless) {  // 5.6 (01)
  Work bad = member(2);
  bad.opcode = 0x3F;
  EXPECT_EQ(play(list({member(0, 0x00, kFence), member(1, 0x00, kFence), bad, member(3)})),
            ended(0x05, 4));
  EXPECT_EQ(member_status(3), 0x01u);
}

TEST_F(BatchTest, ListThatCannotBeReadIs20BehindTheMembersBefore) {  // 5.5 (20), 5.6 (01)
  std::vector<Work> members;
  for (unsigned n = 0; n < 8; ++n) members.push_back(fill_member(n, kOutAt + 0x1000 * n, 64));
  const Work w = list(members, kListAt + 0x1000 - 5 * 64);
  b.host.bad_pages = {kListAt + 0x1000};
  EXPECT_EQ(play(w), ended(0x20, 5));
  for (unsigned n = 0; n < 8; ++n) EXPECT_EQ(member_status(n), n < 5 ? 1u : 0u) << n;
  b.host.bad_pages = {kListAt};
  EXPECT_EQ(play(w), ended(0x20, 0));
}

TEST_F(BatchTest, ErrorOfAMemberWithoutRecordNamesItsPlace) {  // 2.7: bit 4, index
  Work bad;
  bad.opcode = 0x3F;
  EXPECT_EQ(play(list({member(0), member(1), bad})), ended(0x05, 3));
  EXPECT_EQ(b.read(0xC8, 8), 0x0008000000000002u) << "index 2, the first error of the batch";
  EXPECT_EQ(take_error(), 0x0000113F0000109Du);
}

TEST_F(BatchTest, MembersUseThePasidAndPrivilegeOfTheBatch) {  // 4.3; SIOV-D-23, D-24
  Work hostile = fill_member(0, kOutAt, 64);
  hostile.word0 = 0xFFF77777;
  EXPECT_EQ(play(list({hostile, hostile}).as(0xABCDE), kQueue1), ended(0x01, 2));
  ASSERT_FALSE(b.host.seen.empty());
  for (const Seen& s : b.host.seen) {
    EXPECT_EQ(s.pasid, 0xABCDEu);
    EXPECT_FALSE(s.privileged);
  }
  EXPECT_EQ(play(list({hostile, hostile})), ended(0x01, 2));
  for (const Seen& s : b.host.seen) EXPECT_EQ(s.pasid, 0x11u);
  Work calm = fill_member(0, kOutAt, 64);
  EXPECT_EQ(play(list({calm, calm}).as(0x800ABCDE), kQueue1), ended(0x01, 2));
  ASSERT_FALSE(b.host.seen.empty());
  for (const Seen& s : b.host.seen) EXPECT_TRUE(s.privileged) << "list, data and records";
}

TEST_F(BatchTest, HandleOfAMemberIsCheckedForTheSubmitter) {  // 2.10, SIOV-D-33
  b.write(0x410, 0x00022008);
  Work foreign = member(0);
  foreign.flags |= kWantInterrupt;
  foreign.handle = 2;
  EXPECT_EQ(play(list({foreign, member(1)})), ended(0x05, 2));
  EXPECT_EQ(member_status(0), 0x19u);
  EXPECT_TRUE(b.host.messages().empty());
}

TEST_F(BatchTest, RecordMayLieInTheMembersOwnSlot) {  // 5.6 (01): each member is read once
  std::vector<Work> members;
  for (unsigned n = 0; n < 16; ++n) {
    Work w = fill_member(n, kOutAt + 64 * n, 64);
    w.record = kListAt + 64 * n;
    members.push_back(w);
  }
  EXPECT_EQ(play(list(members)), ended(0x01, 16));
  for (unsigned n = 0; n < 16; ++n) {
    EXPECT_EQ(b.host.record(kListAt + 64 * n), kGood) << n;
    EXPECT_EQ(b.host.byte(kOutAt + 64 * n), n + 1);
  }
  unsigned bytes = 0;
  for (const Seen& s : b.host.touching(kListAt, 1024)) {
    if (s.kind == Seen::kRead) bytes += static_cast<unsigned>(s.bytes);
  }
  EXPECT_EQ(bytes, 1024u);
}

TEST_F(BatchTest, BatchesOfBothQueuesRunSideBySide) {
  std::vector<Work> one, two;
  for (unsigned n = 0; n < 32; ++n) {
    one.push_back(fill_member(n, kOutAt + 256 * n, 256));
    two.push_back(fill_member(32 + n, kOut2At + 256 * n, 256));
  }
  const Work second = list(two, kListAt + 0x1000).as(0x21);
  Work first = list(one);
  first.record = 0x102000;
  b.movdir(kQueue0, first);
  EXPECT_EQ(play(second, kQueue1), ended(0x01, 32));
  EXPECT_EQ(b.host.record(0x102000), ended(0x01, 32));
  for (unsigned n = 0; n < 32; ++n) {
    EXPECT_EQ(b.host.byte(kOutAt + 256 * n + 255), n + 1);
    EXPECT_EQ(b.host.byte(kOut2At + 256 * n + 255), n + 33);
  }
}

/// Every operation as a member that fails.
struct BatchMemberStatusTest : BatchTest, testing::WithParamInterface<std::uint8_t> {
  Work first() const { return member(1, GetParam()); }
  /// Plays it between two noops. @return its record
  Record play_member(const Work& w) {
    std::fill_n(b.host.memory.begin() + kMemberRecords, 128, std::byte{0});
    EXPECT_EQ(play(list({member(0), w, member(2)})), ended(0x05, 3));
    EXPECT_EQ(member_status(0), 0x01u);
    EXPECT_EQ(member_status(2), 0x01u) << "the others run";
    return b.host.record(record_of(1));
  }
};

TEST_P(BatchMemberStatusTest, InvalidFlagIs11) {  // 5.2
  Work w = first();
  w.flags |= 0x008000;
  EXPECT_EQ(play_member(w), (Record{0x11, 0, 0x8000, 0}));
}

TEST_P(BatchMemberStatusTest, ReservedByteIs12) {  // 5.2.1
  Work w = first();
  w.set[38] = 0x20;
  EXPECT_EQ(play_member(w), (Record{0x12, 0, 0, 0}));
}

TEST_P(BatchMemberStatusTest, ForeignHandleIs19InTheRecordAndSwerror) {  // 2.10
  Work w = first();
  w.flags |= kWantInterrupt;
  w.handle = 2;
  EXPECT_EQ(play_member(w), (Record{0x19, 0, 0, 0}));
  EXPECT_EQ(b.read(0xC8, 8), 0x000D000200000001u)
      << "handle 2, RCI, record required, first error; index 1";
  EXPECT_EQ(take_error(), 0x000011000000199Du | std::uint64_t{GetParam()} << 32);
  EXPECT_TRUE(b.host.messages().empty());
}

TEST_P(BatchMemberStatusTest, MisalignedRecordIs1bInSwerrorOnly) {  // 5.5 (1b)
  Work w = first();
  w.record += 16;
  EXPECT_EQ(play_member(w), kNoRecord);
  EXPECT_EQ(b.read(0xC8, 8), 0x000C000000000001u);
  EXPECT_EQ(b.read(0xD0, 8), record_of(1) + 16);
  EXPECT_EQ(take_error(), 0x0000110000001B9Du | std::uint64_t{GetParam()} << 32);
}

TEST_P(BatchMemberStatusTest, MaskedOperationIs10) {  // 2.9
  if (GetParam() == 0x00) {
    Work other = first();
    other.opcode = 0x0A;
    EXPECT_EQ(play_member(other), (Record{0x10, 0, 0, 0})) << "the noops around it are needed";
    return;
  }
  ASSERT_EQ(b.command(7, 0x1), 0u);
  b.write(0x820, 0x1003F03FF & ~(std::uint64_t{1} << GetParam()), 8);
  ASSERT_EQ(b.command(6, 0), 0u);
  EXPECT_EQ(play_member(first()), (Record{0x10, 0, 0, 0}));
}

INSTANTIATE_TEST_SUITE_P(Dsa, BatchMemberStatusTest,
                         testing::Values(0x00, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x10, 0x11,
                                         0x12, 0x13, 0x14, 0x15, 0x20),
                         [](const auto& i) { return name_of(i.param); });

/// Four batches of 32 fills of 8 KiB, submitted at once.
struct BusyBatchTest : BatchTest {
  static constexpr std::uint64_t kBatchRecords = 0x103000;
  void load() {
    for (unsigned k = 0; k < 4; ++k) {
      std::vector<Work> members;
      for (unsigned n = 0; n < 32; ++n)
        members.push_back(fill_member(32 * k + n, 0x400000 + 0x2000 * (32 * k + n), 0x2000));
      Work w = list(members, kListAt + 0x800 * k);
      w.record = kBatchRecords + 32 * k;
      b.movdir(kQueue0, w);
    }
    b.run(700);
  }
  unsigned batches() const {
    unsigned sum = 0;
    for (unsigned k = 0; k < 4; ++k) sum += b.host.byte(kBatchRecords + 32 * k) != 0 ? 1 : 0;
    return sum;
  }
  void expect_silence() {
    const std::size_t before = b.host.seen.size();
    b.run(20'000);
    EXPECT_EQ(b.host.seen.size(), before);
  }
  /// Members whose record says success are whole; batches whose record says so have all of them.
  void expect_records_are_true() {
    for (unsigned n = 0; n < 128; ++n) {
      if (member_status(n) == 0) continue;
      ASSERT_EQ(b.host.record(record_of(n)), kGood) << n;
      for (unsigned i = 0; i < 0x2000; ++i)
        ASSERT_EQ(b.host.byte(0x400000 + 0x2000 * n + i), n + 1) << n;
    }
    for (unsigned k = 0; k < 4; ++k) {
      if (b.host.byte(kBatchRecords + 32 * k) == 0) continue;
      EXPECT_EQ(b.host.record(kBatchRecords + 32 * k), ended(0x01, 32));
      for (unsigned n = 0; n < 32; ++n) EXPECT_EQ(member_status(32 * k + n), 1u);
    }
  }
};

TEST_F(BusyBatchTest, DrainWaitsForWholeBatches) {  // 3.2, SIOV-D-44
  load();
  EXPECT_EQ(b.command(8, 0x1), 0u);
  EXPECT_EQ(batches(), 4u);
  expect_records_are_true();
  expect_silence();
}

TEST_F(BusyBatchTest, DrainDescriptorWaitsForWholeBatches) {  // 5.6 (02)
  load();
  Work drain = Work::drain(kWantRecord, kRecordAt);
  b.movdir(kQueue0, drain);
  for (int i = 0; i < 100'000 && b.host.byte(kRecordAt) == 0; i += 10) b.run(10);
  EXPECT_EQ(b.host.record(kRecordAt), kGood);
  EXPECT_EQ(batches(), 4u);
}

TEST_F(BusyBatchTest, DisableDeviceFinishesBatches) {  // 3.2
  load();
  EXPECT_EQ(b.command(2), 0u);
  EXPECT_EQ(batches(), 4u);
  expect_records_are_true();
}

TEST_F(BusyBatchTest, AbortLeavesWholeRecordsOrNone) {  // 3.2, SIOV-D-45
  load();
  EXPECT_EQ(b.command(9, 0x1), 0u);
  expect_silence();
  expect_records_are_true();
  EXPECT_EQ(b.occupancy(0), 0u);
  EXPECT_EQ(play(good(0x03)), kGood) << "and the queue works on";
}

TEST_F(BusyBatchTest, AbortPasidLeavesWholeRecordsOrNone) {  // 3.2, SIOV-D-46
  load();
  EXPECT_EQ(b.command(12, 0x11), 0u);
  expect_silence();
  expect_records_are_true();
  EXPECT_EQ(b.occupancy(0), 0u);
}

TEST_F(BusyBatchTest, ResetWqIsQuietAfterwards) {  // 3.2, SIOV-D-41
  load();
  EXPECT_EQ(b.command(10, 0x1), 0u);
  expect_silence();
  expect_records_are_true();
  EXPECT_EQ(play(good(0x01).as(0x21), kQueue1), ended(0x01, 2)) << "the sibling: SIOV-D-40";
}

TEST_F(BusyBatchTest, ResetDeviceIsQuietAfterwards) {  // 3.2
  load();
  EXPECT_EQ(b.command(5), 0u);
  expect_silence();
  expect_records_are_true();
}

TEST_F(BusyBatchTest, FunctionLevelResetIsQuietAfterwards) {  // 6, SIOV-D-43
  load();
  b.function_level_reset();
  expect_silence();
  expect_records_are_true();
  SetUp();
  EXPECT_EQ(play(good(0x01)), ended(0x01, 2));
}

TEST_F(BusyBatchTest, HaltLosesTheRest) {  // 6
  load();
  b.set_config(0x236, 0x4, 2);
  EXPECT_EQ(b.read(0x90), 0x7u);
  expect_silence();
  expect_records_are_true();
  EXPECT_LT(batches(), 4u);
}

}  // namespace
}  // namespace siov::test
