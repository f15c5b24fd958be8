// SPDX-License-Identifier: Apache-2.0
// Page requests: fields, allocation, responses, retries; stops while work waits. DSA 3.2, 5.7;
// pcie.md 9.4; SIOV-D-41, 45, 47, 54, 55.
#include "fault_bench.hpp"

namespace siov::test {
namespace {

constexpr std::uint64_t kPortal1 = 0x4000, kPortal2 = 0x8000;

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
    EXPECT_EQ(record(0), kNoRecord) << "the response was the other one's";
    // What is behind it in the same engine may wait for it. @spec dsa.md 5.11
    EXPECT_TRUE(record(1) == kGood || (record(1) == kNoRecord && !b.is_model()));
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
  b.set_config(0x236, 0x5, 2);  // a prefix is unsupported before: pcie.md 2.2
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

}  // namespace
}  // namespace siov::test
