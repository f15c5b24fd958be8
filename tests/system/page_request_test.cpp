// SPDX-License-Identifier: Apache-2.0
// Page requests: fields, allocation, responses, retries; lists, records and members that wait;
// stops while work waits. DSA 2.11, 3.2, 5.7; pcie.md 9.4; SIOV-D-41, 45, 47, 54, 55.
#include "fault_bench.hpp"

namespace siov::test {
namespace {

constexpr std::uint64_t kPortal1 = 0x4000, kPortal2 = 0x8000;
constexpr std::uint64_t kSource = 0x200000, kTarget = 0x300000;
constexpr std::uint32_t kStatusMask = 0x3;  // of 0x246: unexpected index, response failure

struct PageRequestTest : FaultTest {
  static Work copy(unsigned n = 0) {
    Work w = Work::move(kSource + 0x1000 * n, kTarget + 0x1000 * n, 256, kRecordAt + 32 * n);
    w.flags |= kBlockOnFault;
    return w;
  }
  PageHost& pages() { return b.host.pages; }
  unsigned page_status() { return b.config(0x246, 2) & kStatusMask; }
  /// Runs until n page requests have been seen.
  void await_requests(std::size_t n) {
    for (int i = 0; i < 200 && pages().requests.size() < n; ++i) b.run(50);
    ASSERT_EQ(pages().requests.size(), n);
  }
  Record record(unsigned n) const { return b.host.record(kRecordAt + 32 * n); }
  void expect_silence() {
    const std::size_t before = b.host.seen.size();
    b.run(10'000);
    EXPECT_EQ(b.host.seen.size(), before);
  }
  /// Starts with a copy that waits for its source page, unanswered.
  void block_queue_0() {
    start(16, true);
    pages().answer.reset();
    take_away(kSource);
    b.movdir(kQueue0, copy());
    await_requests(1);
  }
};

TEST_F(PageRequestTest, CarriesPageRightsAndPasid) {  // SIOV-D-25, D-54
  start(16, true);
  take_away(kSource);
  take_away(kTarget);
  EXPECT_EQ(play(copy()), kGood);
  ASSERT_EQ(pages().requests.size(), 2u);
  for (const port::PageRequest& r : pages().requests) {
    EXPECT_EQ(r.requester, RequesterId{0x0100});
    EXPECT_EQ(r.pasid, Pasid{kOwner});
    EXPECT_FALSE(r.privileged);
    EXPECT_TRUE(r.last);
    EXPECT_LT(r.group, 512u);
    EXPECT_EQ(r.write, r.address == kTarget);
  }
  const std::size_t translations = pages().translations.size();
  EXPECT_GE(translations, 5u) << "both pages are asked for again: PCIE-74";
}

TEST_F(PageRequestTest, RetriesAreBounded) {  // 5.5 (04), PCIE-74
  start(16, true);
  take_away(kSource);
  pages().stubborn.insert(kSource);
  Record r = play(copy());
  EXPECT_EQ(r[0], 0x04u);
  EXPECT_EQ(r[1] & kPageMask, kSource);
  EXPECT_GE(pages().requests.size(), 2u) << "it asks again";
  EXPECT_LE(pages().requests.size(), 64u);
}

TEST_F(PageRequestTest, LateSuccessLetsTheWorkFinish) {
  block_queue_0();
  b.run(5'000);
  EXPECT_EQ(record(0), kNoRecord) << "it waits";
  pages().absent.clear();
  pages().respond(pages().requests[0], 0);
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(record(0), kGood);
}

TEST_F(PageRequestTest, UndefinedCodeIsAFailure) {  // pcie.md 9.4
  block_queue_0();
  pages().respond(pages().requests[0], 7);
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(record(0), (Record{0x22, 0, 0, 0}));
  EXPECT_EQ(page_status(), 1u);
}

TEST_F(PageRequestTest, FailureStopsTheInterfaceUntilItIsEnabledAgain) {  // pcie.md 9.4
  block_queue_0();
  pages().respond(pages().requests[0], 15);
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(record(0), (Record{0x22, 0, 0, 0}));
  EXPECT_EQ(page_status(), 1u);
  b.movdir(kQueue0, copy(1));
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(record(1), kGood) << "what needs no page goes on";
  take_away(kSource + 0x2000);
  b.movdir(kQueue0, copy(2));
  b.run(5'000);
  EXPECT_EQ(pages().requests.size(), 1u) << "nothing more is asked";
  EXPECT_EQ(b.command(2), 0u);
  b.set_config(0x246, 0x1, 2);
  EXPECT_EQ(page_status(), 0u);
  b.set_config(0x244, 0x0, 2);
  b.set_config(0x244, 0x1, 2);
  EXPECT_EQ(b.command(1), 0u);
  EXPECT_EQ(b.command(6, 0), 0u);
  pages().answer = 0;
  take_away(kSource + 0x3000);
  b.movdir(kQueue0, copy(3));
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(record(3), kGood);
}

TEST_F(PageRequestTest, UnknownIndexIsNoted) {  // pcie.md 9.5, PCIE-71
  start(16, true);
  pages().device->page_group_response(
      {.device = RequesterId{0x0100}, .pasid = Pasid{kOwner}, .group = 300, .code = 0});
  b.run(100);
  EXPECT_EQ(page_status(), 2u);
  b.set_config(0x246, 0x2, 2);
  EXPECT_EQ(page_status(), 0u);
  EXPECT_EQ(play(copy()), kGood);
}

TEST_F(PageRequestTest, ResponseOfAnotherPasidIsNotOurs) {  // SIOV-D-54
  block_queue_0();
  port::PageRequest wrong = pages().requests[0];
  wrong.pasid = Pasid{0x12};
  pages().absent.clear();
  pages().respond(wrong, 0);
  b.run(2'000);
  EXPECT_EQ(record(0), kNoRecord) << "still waiting";
  EXPECT_EQ(page_status(), 2u);
  pages().respond(pages().requests[0], 0);
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(record(0), kGood);
}

TEST_F(PageRequestTest, ResponsesComeInAnyOrder) {  // SIOV-D-54
  start(16, true);
  pages().answer.reset();
  take_away(kSource);
  take_away(kSource, 0x21);
  b.movdir(kQueue0, copy(0));
  await_requests(1);
  Work other = copy(1).as(0x21);
  other.source = kSource;
  EXPECT_EQ(b.enqcmd(kPortal1, other), port::CompletionStatus::kSuccess);
  b.run(2'000);
  if (pages().requests.size() == 1) {  // the engine takes one at a time
    pages().absent.clear();
    pages().respond(pages().requests[0], 0);
    await_requests(1);
    EXPECT_EQ(b.command(3), 0u);
  } else {
    ASSERT_EQ(pages().requests.size(), 2u);
    EXPECT_NE(pages().requests[0].group, pages().requests[1].group) << "not before the response";
    pages().absent.clear();
    pages().respond(pages().requests[1], 0);
    b.run(2'000);
    EXPECT_EQ(record(1), kGood);
    EXPECT_EQ(record(0), kNoRecord);
    pages().respond(pages().requests[0], 0);
    EXPECT_EQ(b.command(3), 0u);
  }
  EXPECT_EQ(record(0), kGood);
  EXPECT_EQ(record(1), kGood);
}

TEST_F(PageRequestTest, AllocationOfOneIsKept) {  // SIOV-D-55, PCIE-70
  b.set_up_function();
  b.enable_translation(1);
  for (unsigned wq = 0; wq < 3; ++wq) {
    b.set_wq(wq, 16, 0x10000013 | (kOwner + wq) << 8);
    b.set_group(wq, 1u << wq, 1u << wq);
  }
  ASSERT_EQ(b.command(1), 0u);
  for (unsigned wq = 0; wq < 3; ++wq) ASSERT_EQ(b.command(6, wq), 0u);
  pages().answer.reset();
  for (unsigned n = 0; n < 6; ++n) {
    take_away(kSource + 0x1000 * n, kOwner + n % 3);
    b.movdir(0x4000 * (n % 3), copy(n));
  }
  for (std::size_t n = 0; n < 6; ++n) {
    await_requests(n + 1);
    b.run(1'000);
    ASSERT_EQ(pages().requests.size(), n + 1) << "one is outstanding";
    const port::PageRequest request = pages().requests[n];
    pages().absent.erase({request.pasid->value, request.address});
    pages().respond(request, 0);
  }
  EXPECT_EQ(b.command(3), 0u);
  for (unsigned n = 0; n < 6; ++n) EXPECT_EQ(record(n), kGood) << n;
}

TEST_F(PageRequestTest, UnansweredRequestStallsItsOwnWorkOnly) {  // SIOV-D-47, D-55
  b.set_up_function();
  b.enable_translation(16);
  b.set_wq(0, 16, 0x10001113);
  b.set_wq(2, 16, 0x10003313);
  b.set_group(0, 0x1, 0x1);
  b.set_group(1, 0x4, 0x2);
  ASSERT_EQ(b.command(1), 0u);
  ASSERT_EQ(b.command(6, 0), 0u);
  ASSERT_EQ(b.command(6, 2), 0u);
  pages().answer.reset();
  take_away(kSource);
  b.movdir(kQueue0, copy(0));
  await_requests(1);
  b.movdir(kPortal2, copy(1));
  EXPECT_EQ(b.command(8, 0x4), 0u) << "Drain WQ 2";
  EXPECT_EQ(record(1), kGood);
  EXPECT_EQ(record(0), kNoRecord);
  b.function_level_reset();
  expect_silence();
  pages().respond(pages().requests[0], 0);
  b.run(100);
  EXPECT_EQ(page_status(), 2u) << "the request is forgotten";
  pages().answer = 0;
  pages().absent.clear();
  start(16, true);
  EXPECT_EQ(play(copy()), kGood);
}

/// Commands that end the waiting: the operand, and what the queue is afterwards.
struct StopCase {
  const char* name;
  std::uint32_t code, operand;
  unsigned wq_state;
};

struct BlockedStopTest : PageRequestTest, testing::WithParamInterface<StopCase> {};

/// The command ends when the outstanding request is answered or has timed out (SIOV-D-41, D-47);
/// the descriptor is over then, done or not (SIOV-D-45).
TEST_P(BlockedStopTest, EndsTheWaiting) {
  block_queue_0();
  for (unsigned n = 1; n < 4; ++n) b.movdir(kQueue0, copy(n));
  b.start_command(GetParam().code, GetParam().operand);
  b.run(500);
  pages().respond(pages().requests[0], 1);
  EXPECT_EQ(b.end_of_command(), 0u);
  for (unsigned n = 0; n < 4; ++n) {
    const std::uint64_t status = record(n)[0] & 0x7F;
    EXPECT_TRUE(status == 0 || status == 1 || (n == 0 && (status == 3 || status == 4)))
        << n << " has " << status;
  }
  expect_silence();
  EXPECT_EQ(b.wq_state(0), GetParam().wq_state);
  EXPECT_EQ(page_status(), 0u);
  pages().absent.clear();
  pages().answer = 0;
  if (GetParam().wq_state == 0) {
    b.function_level_reset();
    start(16, true);
  }
  EXPECT_EQ(play(copy()), kGood) << "the device is usable";
}

INSTANTIATE_TEST_SUITE_P(All, BlockedStopTest,
                         testing::Values(StopCase{"AbortAll", 4, 0, 1},
                                         StopCase{"AbortWq", 9, 1, 1},
                                         StopCase{"AbortPasid", 12, kOwner, 1},
                                         StopCase{"ResetWq", 10, 1, 0},
                                         StopCase{"ResetDevice", 5, 0, 0}),
                         [](const auto& test) { return test.param.name; });

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
