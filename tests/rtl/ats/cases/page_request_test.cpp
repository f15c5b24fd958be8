// SPDX-License-Identifier: Apache-2.0
// Page requests and PRG responses. Bit patterns are those of the reference, pcie.md 9.4.
#include "Vats_default.h"
#include "Vats_small.h"
#include "ats_bench_checks.hpp"

namespace siov::ats {
namespace {

using Bench = AtsBench<Vats_default, 4>;
using SmallBench = AtsBench<Vats_small, 2>;

Ask page_of(std::uint64_t page, std::optional<unsigned> pasid = 5, bool write = false) {
  return {.key = {.page = page,
                  .pasid_en = pasid.has_value(),
                  .pasid = pasid.value_or(0),
                  .priv = false},
          .write = write,
          .page_request = true};
}
Ask read_of(std::uint64_t page) { return {.key = {.page = page, .pasid_en = true, .pasid = 5}}; }

template <typename B>
Answer request(B& b, const Ask& a) {
  const auto before = b.messages.size();
  const Answer answer = b.ask_now(0, a);
  EXPECT_EQ(answer.code, kMiss);
  EXPECT_TRUE(b.run_until([&] { return b.messages.size() > before; }));
  return answer;
}

TEST(AtsPageRequestTest, MessageOfAReadAndOfAWrite) {
  Bench b;
  Ask a = page_of(0x12345'6789A, 0xABCDE);
  const Answer read = request(b, a);
  EXPECT_EQ(read.slot, 16u);
  EXPECT_TRUE(b.messages[0].page_request);
  EXPECT_EQ(b.messages[0].dw2, 0x00012345u);
  EXPECT_EQ(b.messages[0].dw3, 0x6789A005u);  // index 0, L = 1, W = 0, R = 1
  EXPECT_TRUE(b.messages[0].pasid_valid);
  EXPECT_EQ(b.messages[0].pasid, 0xABCDEu);
  EXPECT_FALSE(b.messages[0].priv);
  a.write = true;
  a.key.priv = true;
  const Answer write = request(b, a);
  EXPECT_EQ(write.slot, 17u);
  EXPECT_EQ(b.messages[1].dw3, 0x6789A00Eu);  // index 1, L = 1, W = 1, R = 0
  EXPECT_TRUE(b.messages[1].priv);
}

TEST(AtsPageRequestTest, ResponseCodes) {
  const unsigned expected[][2] = {
      {0, kPageOk}, {1, kPageInvalid}, {15, kPageFailure}, {2, kPageFailure}, {8, kPageFailure}};
  for (const auto& [code, answer] : expected) {
    Bench b;
    const Answer a = request(b, page_of(0x5));
    b.respond({.group = 0, .code = code, .pasid = 5});
    EXPECT_EQ(b.end_of(a.slot).code, answer) << code;
    EXPECT_EQ(b.failures, code > 1 ? 1u : 0u);
    EXPECT_EQ(b.unknown_groups, 0u);
  }
}

TEST(AtsPageRequestTest, ResponsesOutOfOrder) {
  Bench b;
  for (unsigned i = 0; i < 8; ++i) request(b, page_of(0x50 + i, i));
  for (const unsigned i : {6u, 1u, 7u, 0u, 3u, 2u, 5u, 4u}) {
    b.respond({.group = i, .code = i % 2, .pasid = i});
    EXPECT_EQ(b.end_of(16 + i).code, i % 2 == 0 ? kPageOk : kPageInvalid);
  }
}

TEST(AtsPageRequestTest, SamePageSharesARequest) {
  Bench b;
  const Answer a = request(b, page_of(0x5));
  EXPECT_EQ(b.ask_now(3, page_of(0x5)).slot, a.slot);
  EXPECT_NE(b.ask_now(3, page_of(0x5, 6)).slot, a.slot);
  EXPECT_NE(b.ask_now(3, page_of(0x5, 5, true)).slot, a.slot);
  b.run(20);
  EXPECT_EQ(b.messages.size(), 3u);
}

TEST(AtsPageRequestTest, AllocationIsNeverExceeded) {
  for (const unsigned allocation : {1u, 2u, 15u, 16u, 17u, 0x8000'0000u}) {
    Bench b;
    b.dut().pri_alloc_i = allocation;
    const unsigned most = allocation < 16 ? allocation : 16;
    for (unsigned i = 0; i < most; ++i) request(b, page_of(0x50 + i));
    EXPECT_EQ(b.ask_now(1, page_of(0x90)).code, kBusy);
    b.run(50);
    EXPECT_EQ(b.messages.size(), most);
    b.respond({.group = 0, .code = 0, .pasid = 5});
    EXPECT_EQ(b.end_of(16).code, kPageOk);
    const Answer next = request(b, page_of(0x90));
    EXPECT_EQ(next.slot, 16u);
  }
}

TEST(AtsPageRequestTest, SlotsOfASmallDevice) {
  SmallBench b;
  for (unsigned i = 0; i < 4; ++i) request(b, page_of(0x50 + i));
  EXPECT_EQ(b.ask_now(1, page_of(0x90)).code, kBusy);
}

TEST(AtsPageRequestTest, NoAllocationOrInterfaceOff) {
  Bench b;
  b.dut().pri_alloc_i = 0;
  EXPECT_EQ(b.ask_now(0, page_of(0x5)).code, kPageFailure);
  b.dut().pri_alloc_i = 4;
  b.configure(Bench::kPriEn, false);
  EXPECT_EQ(b.ask_now(0, page_of(0x5)).code, kPageFailure);
  EXPECT_EQ(b.dut().pri_stopped_o, 1);
  b.configure(Bench::kPriEn, true);
  EXPECT_EQ(request(b, page_of(0x5)).code, kMiss);
}

TEST(AtsPageRequestTest, ResponseFailureStopsTheInterface) {
  Bench b;
  const Answer a = request(b, page_of(0x5));
  const Answer other = request(b, page_of(0x6));
  b.pm_ready_one_in = 0;
  const Answer unsent = b.ask_now(0, page_of(0x7));
  b.respond({.group = 0, .code = 15, .pasid = 5});
  EXPECT_EQ(b.end_of(a.slot).code, kPageFailure);
  EXPECT_EQ(b.end_of(other.slot).code, kPageFailure);
  EXPECT_EQ(b.end_of(unsent.slot).code, kPageFailure);
  EXPECT_EQ(b.failures, 1u);
  b.pm_ready_one_in = 1;
  EXPECT_EQ(b.ask_now(0, page_of(0x8)).code, kPageFailure);
  b.run(20);
  EXPECT_EQ(b.messages.size(), 2u);
  // Responses are ignored now, also unknown ones.
  b.respond({.group = 1, .code = 15, .pasid = 5});
  b.respond({.group = 9, .code = 0, .pasid = 5});
  b.run(10);
  EXPECT_EQ(b.failures, 1u);
  EXPECT_EQ(b.unknown_groups, 0u);
  b.configure(Bench::kPriEn, false);
  b.run(2);
  EXPECT_EQ(b.dut().pri_stopped_o, 1);
  b.configure(Bench::kPriEn, true);
  const Answer again = request(b, page_of(0x8));
  b.respond({.group = again.slot - 16, .code = 0, .pasid = 5});
  EXPECT_EQ(b.end_of(again.slot).code, kPageOk);
}

TEST(AtsPageRequestTest, UnknownResponses) {
  Bench b;
  const Answer a = request(b, page_of(0x5));
  b.respond({.group = 1, .code = 0, .pasid = 5});  // nobody asked
  b.run(5);
  EXPECT_EQ(b.unknown_groups, 1u);
  b.respond({.group = 0, .code = 0, .pasid = 6});      // another PASID
  b.respond({.group = 0, .code = 0});                  // none
  b.respond({.group = 0x100, .code = 0, .pasid = 5});  // bit 8 counts
  b.respond({.group = 16, .code = 15, .pasid = 5});
  b.run(10);
  EXPECT_EQ(b.unknown_groups, 5u);
  EXPECT_EQ(b.failures, 0u);
  EXPECT_TRUE(b.live(a.slot));
  b.respond({.group = 0, .code = 0, .pasid = 5});
  EXPECT_EQ(b.end_of(a.slot).code, kPageOk);
  b.respond({.group = 0, .code = 0, .pasid = 5});  // twice
  b.run(5);
  EXPECT_EQ(b.unknown_groups, 6u);
}

TEST(AtsPageRequestTest, WithoutPasid) {
  Bench b;
  const Answer a = request(b, page_of(0x5, std::nullopt));
  EXPECT_FALSE(b.messages[0].pasid_valid);
  b.respond({.group = 0, .code = 0, .pasid = 0});
  b.run(5);
  EXPECT_EQ(b.unknown_groups, 1u);
  b.respond({.group = 0, .code = 0});
  EXPECT_EQ(b.end_of(a.slot).code, kPageOk);
}

TEST(AtsPageRequestTest, ResponseBeforeTheRequestIsUnknown) {
  Bench b;
  b.pm_ready_one_in = 0;
  const Answer a = b.ask_now(0, page_of(0x5));
  b.run(10);
  b.respond({.group = 0, .code = 0, .pasid = 5});
  b.run(5);
  EXPECT_EQ(b.unknown_groups, 1u);
  EXPECT_TRUE(b.live(a.slot));
}

TEST(AtsPageRequestTest, DisableWithdrawsWhatIsNotSentAndWaitsForTheRest) {
  Bench b;
  const Answer sent = request(b, page_of(0x5));
  b.pm_ready_one_in = 0;
  const Answer unsent = b.ask_now(0, page_of(0x6));
  b.run(10);
  EXPECT_EQ(b.dut().pm_valid_o, 1);
  b.page_failure_expected = true;
  b.configure(Bench::kPriEn, false);
  EXPECT_EQ(b.end_of(unsent.slot).code, kPageFailure);
  EXPECT_EQ(b.dut().pm_valid_o, 0);
  EXPECT_EQ(b.dut().pri_stopped_o, 0);
  b.page_failure_expected = false;
  b.respond({.group = sent.slot - 16, .code = 0, .pasid = 5});
  EXPECT_EQ(b.end_of(sent.slot).code, kPageOk);
  EXPECT_EQ(b.dut().pri_stopped_o, 1);
}

TEST(AtsPageRequestTest, TimeoutEndsTheWaitAndTheIndexRests) {
  SmallBench b;
  b.dut().pri_alloc_i = 1;
  const Answer a = request(b, page_of(0x5));
  b.page_failure_expected = true;
  const auto start = b.cycle();
  EXPECT_EQ(b.end_of(a.slot).code, kPageFailure);
  EXPECT_GE(b.cycle() - start, 790u);  // PageTimeout of this build: 800
  EXPECT_LE(b.cycle() - start, 940u);
  // All that is allowed rests: no use to wait.
  EXPECT_EQ(b.ask_now(0, page_of(0x6)).code, kPageFailure);
  b.dut().pri_alloc_i = 2;
  const Answer next = request(b, page_of(0x6));
  EXPECT_NE(next.slot, a.slot);
  b.respond({.group = a.slot - 16, .code = 0, .pasid = 5});  // late: absorbed
  b.run(5);
  EXPECT_EQ(b.unknown_groups, 0u);
  EXPECT_TRUE(b.live(next.slot));
  EXPECT_EQ(request(b, page_of(0x7)).slot, a.slot);
}

TEST(AtsPageRequestTest, WithoutTimeoutItWaits) {
  Bench b;  // PageTimeout 0
  const Answer a = request(b, page_of(0x5));
  b.run(20000);
  EXPECT_TRUE(b.live(a.slot));
}

TEST(AtsPageRequestTest, ResetForgetsEverything) {
  SmallBench b;
  b.page_failure_expected = true;
  for (unsigned i = 0; i < 4; ++i) request(b, page_of(0x50 + i));
  b.respond({.group = 2, .code = 15, .pasid = 5});
  b.run(40);
  EXPECT_EQ(b.live_count(16, 32), 0u);
  EXPECT_EQ(b.ask_now(0, page_of(0x5)).code, kPageFailure);
  b.configure(SmallBench::kPriEn, false);
  b.dut().pri_reset_i = 1;
  b.step();
  b.dut().pri_reset_i = 0;
  b.configure(SmallBench::kPriEn, true);
  b.forget_indexes();
  for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(request(b, page_of(0x60 + i)).slot, 16 + i);
}

TEST(AtsPageRequestTest, ForgetWaitsForOldRequests) {
  Bench b;
  const Answer a = request(b, page_of(0x5));
  b.forget();
  EXPECT_EQ(b.dut().forget_busy_o, 1);
  EXPECT_NE(request(b, page_of(0x5)).slot, a.slot);  // nobody joins the old one
  b.respond({.group = 0, .code = 0, .pasid = 5});
  b.end_of(a.slot);
  b.run(3);
  EXPECT_EQ(b.dut().forget_busy_o, 0);  // the new one does not count
}

TEST(AtsPageRequestTest, SuccessIsFollowedByATranslation) {
  Bench b;
  EXPECT_EQ(b.learn(read_of(0x5), 0).code, kFault);
  const Answer a = request(b, page_of(0x5));
  b.respond({.group = 0, .code = 0, .pasid = 5});
  EXPECT_EQ(b.end_of(a.slot).code, kPageOk);
  EXPECT_EQ(b.learn(read_of(0x5), 0x7001).page, 7u);
}

TEST(AtsPageRequestTest, InvalidationDoesNotOvertakeAnOfferedRequest) {
  Bench b;
  b.pm_ready_one_in = 0;
  b.ask_now(0, page_of(0x5));
  b.run(5);
  b.invalidate({.itag = 1, .data = 0x5000});
  b.run(600);
  b.pm_ready_one_in = 1;
  ASSERT_TRUE(b.run_until([&] { return b.messages.size() == 2; }));
  EXPECT_TRUE(b.messages[0].page_request);
  EXPECT_FALSE(b.messages[1].page_request);
}

}  // namespace
}  // namespace siov::ats
