// SPDX-License-Identifier: Apache-2.0
// Pages that are absent under completion records, descriptor lists and members of batches. DSA
// 2.7, 2.11, 5.6 (01), 5.7; SIOV-D-45.
#include "fault_bench.hpp"

namespace siov::test {
namespace {

struct RecordFaultTest : PageRequestTest {
  void SetUp() override {
    PageRequestTest::SetUp();
    take_away(kRecordAt);
  }
  static Work plain() {
    Work w = copy();
    w.flags &= ~kBlockOnFault;
    return w;
  }
};

TEST_F(RecordFaultTest, WithoutPageRequestsItIsReported) {  // 5.7, 2.7
  start(0);
  Work w = plain();
  w.flags |= kWantInterrupt;
  w.handle = 1;
  EXPECT_EQ(play(w), kNoRecord);
  // valid, descriptor, queue, write, information; code 1a; opcode 03; PASID 0x11
  EXPECT_EQ(b.read(0xC0, 8), 0x0000110300001AADu);
  EXPECT_EQ(b.read(0xC8, 8) >> 61, 5u) << "completion record";
  EXPECT_EQ(b.read(0xD0, 8) & kPageMask, kRecordAt);
  EXPECT_EQ(b.host.byte(kTarget + 1), b.host.byte(kSource + 1)) << "the work is done";
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0x51})) << "5.2: with any outcome";
}

TEST_F(RecordFaultTest, BlocksWhateverTheFlagsSay) {  // 5.7
  start(16);
  EXPECT_EQ(play(plain()), kGood);
  ASSERT_EQ(pages().requests.size(), 1u);
  EXPECT_EQ(pages().requests[0].address, kRecordAt);
  EXPECT_TRUE(pages().requests[0].write);
}

TEST_F(RecordFaultTest, RefusedPageIsReported) {  // 5.7
  start(16);
  pages().answer = 1;
  EXPECT_EQ(play(plain()), kNoRecord);
  EXPECT_EQ(take_error() >> 8 & 0xFF, 0x1Au);
}

TEST_F(RecordFaultTest, EventLogKeepsTheRecord) {  // 2.11
  b.set_up_function();
  b.enable_translation(0);
  b.set_wq(0, 16, 0x10001111);
  b.set_group(0, 0x1, 0x1);
  b.write(0xE0, 0x120000, 8);
  b.write(0xE8, 64, 8);
  b.write(0x80, 0x3060);
  ASSERT_EQ(b.command(1), 0u);
  ASSERT_EQ(b.command(6, 0), 0u);
  b.movdir(kQueue0, plain());
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(b.read(0xC0, 8), 0u);
  EXPECT_EQ(b.host.record(0x120000)[0], 0x0000110300001AACu);
  EXPECT_EQ(b.host.record(0x120000)[1], 0xA004000000000000u) << "operand 5, record was wanted";
  EXPECT_EQ(b.host.record(0x120000)[2] & kPageMask, kRecordAt);
  EXPECT_EQ(b.host.record(0x120020), kGood);
}

struct BatchFaultTest : PageRequestTest {
  /// Two members at the end of a page, three on the next; each copies a page and has no record.
  static constexpr std::uint64_t kList = 0x180F80, kSecond = 0x181000;
  Work batch(bool block) {
    for (unsigned n = 0; n < 5; ++n) {
      Work member = copy(n);
      member.flags = block ? kBlockOnFault : 0;
      member.record = 0;
      const port::Line line = member.line();
      std::copy(line.begin(), line.end(), b.host.memory.begin() + kList + 64 * n);
    }
    Work w = Work::noop(kWantRecord, kRecordAt);
    w.opcode = 0x01;
    w.source = kList;
    w.size = 5;
    return w;
  }
};

TEST_F(BatchFaultTest, ListFaultTellsHowFarItCame) {  // 5.6 (01)
  start(0);
  take_away(kSecond);
  EXPECT_EQ(play_masked(batch(false)), (Record{0x0000000200000006, kSecond, 0, 0}));
  EXPECT_EQ(b.host.byte(kTarget + 0x1001), 0xC1u) << "the second member has run";
  take_away(kList & kPageMask);
  invalidate(kOwner, kList & kPageMask);
  EXPECT_EQ(play_masked(batch(false)), (Record{0x06, 0x180000, 0, 0}));
}

TEST_F(BatchFaultTest, ListBlocksWhateverTheFlagsSay) {  // 5.6 (01), 5.7
  start(16);
  take_away(kSecond);
  EXPECT_EQ(play(batch(false)), (Record{0x0000000500000001, 0, 0, 0}));
  ASSERT_EQ(pages().requests.size(), 1u);
  EXPECT_EQ(pages().requests[0].address, kSecond);
}

TEST_F(BatchFaultTest, RefusedListEndsTheBatch) {
  start(16);
  take_away(kSecond);
  pages().answer = 1;
  EXPECT_EQ(play_masked(batch(false)), (Record{0x0000000200000006, kSecond, 0, 0}));
}

TEST_F(BatchFaultTest, ResumedListGivesTheSameMemory) {  // 5.6: list += 64 * completed
  start(0);
  take_away(kSecond);
  Work w = batch(false);
  Record r = play(w);
  ASSERT_EQ(r[0] & 0xFF, 0x06u);
  const auto done = static_cast<std::uint32_t>(r[0] >> 32);
  w.source += 64 * done;
  w.size -= done;
  pages().absent.clear();
  EXPECT_EQ(play(w), (Record{0x0000000300000001, 0, 0, 0}));
  for (unsigned n = 0; n < 5; ++n)
    EXPECT_EQ(b.host.byte(kTarget + 0x1000 * n + 0x41), b.host.byte(kSource + 0x1000 * n + 0x41));
}

TEST_F(BatchFaultTest, FaultOfAMemberIsItsOwn) {  // 5.6 (01)
  start(0);
  take_away(kSource + 0x2000);
  EXPECT_EQ(play(batch(false)), (Record{0x0000000500000005, 0, 0, 0}));
  EXPECT_EQ(take_error() & 0xFF1Du, 0x031Du) << "valid, descriptor, queue, member; code 03";
  for (const unsigned n : {0u, 1u, 3u, 4u})
    EXPECT_EQ(b.host.byte(kTarget + 0x1000 * n + 0x41), b.host.byte(kSource + 0x1000 * n + 0x41));
}

TEST_F(BatchFaultTest, MembersWaitForTheirPages) {
  start(16, true);
  for (unsigned n = 0; n < 5; ++n) {
    take_away(kSource + 0x1000 * n);
    take_away(kTarget + 0x1000 * n);
  }
  EXPECT_EQ(play(batch(true)), (Record{0x0000000500000001, 0, 0, 0}));
  EXPECT_EQ(pages().requests.size(), 10u);
}

TEST_F(BatchFaultTest, AbortEndsTheWaitingOfMembers) {  // 3.2, SIOV-D-45
  start(16, true);
  pages().answer.reset();
  take_away(kSource);
  take_away(kSource + 0x2000);
  b.movdir(kQueue0, batch(true));
  for (int i = 0; i < 200 && pages().requests.empty(); ++i) b.run(50);
  ASSERT_FALSE(pages().requests.empty());
  b.start_command(9, 0x1);
  b.run(500);
  const std::vector<port::PageRequest> asked = pages().requests;
  for (const port::PageRequest& r : asked) pages().respond(r, 1);
  EXPECT_EQ(b.end_of_command(), 0u);
  expect_silence();
  pages().absent.clear();
  pages().answer = 0;
  b.movdir(kQueue0, copy(7));
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(record(7), kGood);
}

}  // namespace
}  // namespace siov::test
