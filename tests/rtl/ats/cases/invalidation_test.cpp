// SPDX-License-Identifier: Apache-2.0
// Invalidate Requests and Completions. Bit patterns are those of the reference, pcie.md 9.3.
#include "Vats_default.h"
#include "ats_bench_checks.hpp"

namespace siov::ats {
namespace {

using Bench = AtsBench<Vats_default, 4>;

Ask read_of(std::uint64_t page, std::optional<unsigned> pasid) {
  return {
      .key = {
          .page = page, .pasid_en = pasid.has_value(), .pasid = pasid.value_or(0), .priv = false}};
}

// Learns a page of an owner; the translation is the page itself, readable.
void fill(Bench& b, std::uint64_t page, std::optional<unsigned> pasid) {
  EXPECT_EQ(b.learn(read_of(page, pasid), page << 12 | 1u).code, kOk);
}
bool cached(Bench& b, std::uint64_t page, std::optional<unsigned> pasid) {
  b.xr_ready_one_in = 1;
  const Answer a = b.ask_now(0, read_of(page, pasid));
  if (a.code == kOk) return true;
  // Leave nothing behind.
  EXPECT_EQ(a.code, kMiss);
  const auto sent = b.requests.size();
  EXPECT_TRUE(b.run_until([&] { return b.requests.size() > sent; }));
  b.complete({.tag = b.requests.back().tag, .status = 4, .has_data = false, .length = 0});
  EXPECT_EQ(b.end_of(a.slot).code, kError);
  return false;
}
// Sends an invalidation and waits for its completion.
void settle(Bench& b, const Invalidation& i) {
  const auto before = b.messages.size();
  b.invalidate(i);
  ASSERT_TRUE(b.run_until([&] { return b.messages.size() > before; }));
}

TEST(AtsInvalidationTest, CompletionNamesRequesterAndTag) {
  Bench b;
  settle(b, {.itag = 19, .requester = 0xBEEF, .data = 0x5000});
  ASSERT_EQ(b.messages.size(), 1u);
  EXPECT_FALSE(b.messages[0].page_request);
  EXPECT_EQ(b.messages[0].dw2, 0xBEEF0001u);  // destination 31:16, CC = 1
  EXPECT_EQ(b.messages[0].dw3, 0x00080000u);  // ITag 19
  EXPECT_FALSE(b.messages[0].pasid_valid);
  EXPECT_EQ(b.marks.size(), 1u);
}

TEST(AtsInvalidationTest, OnePageOfOnePasid) {
  Bench b;
  for (const std::uint64_t page : {0x10u, 0x11u, 0x12u}) {
    fill(b, page, 5);
    fill(b, page, 6);
    fill(b, page, std::nullopt);
  }
  settle(b, {.itag = 0, .pasid = 5, .data = 0x11000});
  EXPECT_FALSE(cached(b, 0x11, 5));
  EXPECT_TRUE(cached(b, 0x10, 5));
  EXPECT_TRUE(cached(b, 0x12, 5));
  EXPECT_TRUE(cached(b, 0x11, 6));
  EXPECT_TRUE(cached(b, 0x11, std::nullopt));
}

TEST(AtsInvalidationTest, WithoutPasidEveryOwnerLosesTheRange) {
  Bench b;
  for (const std::uint64_t page : {0x10u, 0x11u}) {
    fill(b, page, 5);
    fill(b, page, 6);
    fill(b, page, std::nullopt);
  }
  settle(b, {.itag = 0, .data = 0x11000});
  EXPECT_FALSE(cached(b, 0x11, 5));
  EXPECT_FALSE(cached(b, 0x11, 6));
  EXPECT_FALSE(cached(b, 0x11, std::nullopt));
  EXPECT_TRUE(cached(b, 0x10, 5));
  EXPECT_TRUE(cached(b, 0x10, 6));
  EXPECT_TRUE(cached(b, 0x10, std::nullopt));
}

TEST(AtsInvalidationTest, GlobalFlagCoversAllPasidsInTheRange) {
  Bench b;
  fill(b, 0x11, 5);
  fill(b, 0x11, 6);
  fill(b, 0x12, 6);
  fill(b, 0x11, std::nullopt);
  settle(b, {.itag = 0, .pasid = 5, .data = 0x11001});  // byte 7 bit 0
  EXPECT_FALSE(cached(b, 0x11, 5));
  EXPECT_FALSE(cached(b, 0x11, 6));
  EXPECT_TRUE(cached(b, 0x12, 6));
  EXPECT_TRUE(cached(b, 0x11, std::nullopt));
}

TEST(AtsInvalidationTest, GlobalFlagIsReservedWithoutPasid) {
  Bench b;
  fill(b, 0x11, std::nullopt);
  settle(b, {.itag = 0, .data = 0x11001});
  EXPECT_FALSE(cached(b, 0x11, std::nullopt));
}

// 8 KB .. 8 MB: the lowest zero bit at or above bit 12 says how much; sizes around the number of
// sets (256) included.
TEST(AtsInvalidationTest, RangeSizes) {
  for (const unsigned pages : {2u, 4u, 64u, 128u, 256u, 512u, 2048u}) {
    for (const bool with_pasid : {true, false}) {
      Bench b;
      const std::uint64_t base = 0x40000;
      const std::uint64_t inside[] = {base, base + 1, base + pages / 2, base + pages - 1};
      const std::uint64_t outside[] = {base - 1, base + pages, base ^ 0x800'0000'0000u};
      for (const auto p : inside) {
        if (!cached(b, p, 9)) fill(b, p, 9);
      }
      for (const auto p : outside) fill(b, p, 9);
      const std::uint64_t low_ones = (std::uint64_t{pages / 2} - 1) << 12;
      Invalidation i{.itag = 3, .data = base << 12 | low_ones | 0x800};
      if (with_pasid) i.pasid = 9;
      settle(b, i);
      for (const auto p : inside)
        EXPECT_FALSE(cached(b, p, 9)) << pages << " pages, " << std::hex << p;
      for (const auto p : outside)
        EXPECT_TRUE(cached(b, p, 9)) << pages << " pages, " << std::hex << p;
    }
  }
}

TEST(AtsInvalidationTest, WholeRange) {
  for (const std::uint64_t code : {0x7FFF'FFFF'FFFF'F800u, 0xFFFF'FFFF'FFFF'F800u}) {
    Bench b;
    fill(b, 0x1, 9);
    fill(b, 0xF'FFFF'0000'1234, 9);
    fill(b, 0x2, 10);
    fill(b, 0x3, std::nullopt);
    settle(b, {.itag = 0, .pasid = 9, .data = code});
    EXPECT_FALSE(cached(b, 0x1, 9));
    EXPECT_FALSE(cached(b, 0xF'FFFF'0000'1234, 9));
    EXPECT_TRUE(cached(b, 0x2, 10));
    EXPECT_TRUE(cached(b, 0x3, std::nullopt));
    settle(b, {.itag = 1, .data = code});
    EXPECT_FALSE(cached(b, 0x2, 10));
    EXPECT_FALSE(cached(b, 0x3, std::nullopt));
  }
}

// A range of one page has S = 0: address bits are not a size code then.
TEST(AtsInvalidationTest, WithoutSizeBitTheAddressIsExact) {
  Bench b;
  fill(b, 0x7, 9);
  fill(b, 0x6, 9);
  settle(b, {.itag = 0, .pasid = 9, .data = 0x7000});
  EXPECT_FALSE(cached(b, 0x7, 9));
  EXPECT_TRUE(cached(b, 0x6, 9));
}

TEST(AtsInvalidationTest, AnswerOfAnOverlappedRequestIsDiscardedAndAskedAgain) {
  Bench b;
  const Answer a = b.ask_now(0, read_of(0x21, 5));
  const Answer other = b.ask_now(0, read_of(0x22, 5));
  ASSERT_TRUE(b.run_until([&] { return b.requests.size() == 2; }));
  settle(b, {.itag = 0, .pasid = 5, .data = 0x21000});
  b.grant(b.requests[0], 0x4001);  // old
  b.grant(b.requests[1], 0x5001);
  EXPECT_EQ(b.end_of(other.slot).page, 5u);
  ASSERT_TRUE(b.run_until([&] { return b.requests.size() == 3; }));
  EXPECT_EQ(b.requests[2].tag, b.requests[0].tag);  // under the same slot
  EXPECT_EQ(b.requests[2].addr, b.requests[0].addr);
  EXPECT_TRUE(b.live(a.slot));
  EXPECT_EQ(b.ask_now(1, read_of(0x21, 5)).slot, a.slot);
  b.grant(b.requests[2], 0x6001);
  EXPECT_EQ(b.end_of(a.slot).page, 6u);
  EXPECT_EQ(b.ask_now(0, read_of(0x21, 5)).page, 6u);
}

// The invalidation comes at each moment around the answer.
TEST(AtsInvalidationTest, MeetsTheAnswerAtEachMoment) {
  for (unsigned delay = 0; delay < 40; ++delay) {
    Bench b;
    const Answer a = b.ask_now(0, read_of(0x21, 5));
    ASSERT_TRUE(b.run_until([&] { return b.requests.size() == 1; }));
    b.run(20);
    b.on_request = [&](const Request& r) { b.grant(r, 0x9001, 10); };
    b.grant(b.requests[0], 0x4001, 20);
    b.run(delay);
    settle(b, {.itag = 0, .pasid = 5, .data = 0x21000});
    ASSERT_TRUE(b.run_until([&] { return !b.live(a.slot); }));
    b.run(5);
    // Whatever happened: nobody gets the old one now.
    const Answer again = b.ask_now(0, read_of(0x21, 5));
    EXPECT_EQ(again.code == kOk ? again.page : 9u, 9u) << delay;
  }
}

TEST(AtsInvalidationTest, FaultThatIsOldIsAskedAgain) {
  Bench b;
  const Answer a = b.ask_now(0, read_of(0x21, 5));
  ASSERT_TRUE(b.run_until([&] { return b.requests.size() == 1; }));
  settle(b, {.itag = 0, .data = 0x7FFF'FFFF'FFFF'F800});
  b.grant(b.requests[0], 0);
  ASSERT_TRUE(b.run_until([&] { return b.requests.size() == 2; }));
  b.grant(b.requests[1], 0x6001);
  EXPECT_EQ(b.end_of(a.slot).code, kOk);
}

TEST(AtsInvalidationTest, RequestThatIsNotYetSentIsNotOld) {
  Bench b;
  b.xr_ready_one_in = 0;
  const Answer a = b.ask_now(0, read_of(0x21, 5));
  b.run(10);
  settle(b, {.itag = 0, .pasid = 5, .data = 0x21000});
  b.xr_ready_one_in = 1;
  ASSERT_TRUE(b.run_until([&] { return b.requests.size() == 1; }));
  b.grant(b.requests[0], 0x6001);
  EXPECT_EQ(b.end_of(a.slot).page, 6u);
  EXPECT_EQ(b.requests.size(), 1u);
}

TEST(AtsInvalidationTest, WaitsForBusyEngines) {
  Bench b;
  b.busy_cycles = 400;
  for (unsigned i = 0; i < 20; ++i) settle(b, {.itag = i, .data = 0x1000});
  EXPECT_EQ(b.acknowledged, 20u);  // the bench checks each
}

// Going off marks the engines once more; what they say of the first mark means nothing for two
// cycles.
TEST(AtsInvalidationTest, SwitchingOffMeanwhileDoesNotShortenTheWait) {
  for (unsigned delay = 0; delay < 20; ++delay) {
    Bench b;
    b.busy_cycles = 2000;
    b.invalidate({.itag = 1, .data = 0x1000});
    ASSERT_TRUE(b.run_until([&] { return b.marks.size() == 1; }));
    b.run(delay);
    b.configure(Bench::kAtsEn, false);
    ASSERT_TRUE(b.run_until([&] { return b.acknowledged == 1; }));
    EXPECT_EQ(b.marks.size(), 2u);
  }
}

TEST(AtsInvalidationTest, ThirtyTwoAtOnceShareCompletions) {
  Bench b;
  b.busy_cycles = 50;
  for (unsigned i = 0; i < 32; ++i) b.invalidate({.itag = i, .data = std::uint64_t{i} << 12});
  EXPECT_TRUE(b.run_until([&] { return b.acknowledged == 32; }, 32 * 1000));
  EXPECT_EQ(b.open_invalidations(), 0u);
  EXPECT_LT(b.messages.size(), 8u);
}

TEST(AtsInvalidationTest, RequestersDoNotShareACompletion) {
  Bench b;
  for (unsigned i = 0; i < 6; ++i)
    b.invalidate({.itag = 4, .requester = 0x100 + i, .data = 0x1000});
  EXPECT_TRUE(b.run_until([&] { return b.acknowledged == 6; }));
  ASSERT_EQ(b.messages.size(), 6u);
  for (unsigned i = 0; i < 6; ++i) EXPECT_EQ(b.messages[i].dw2, (0x100 + i) << 16 | 1u);
}

TEST(AtsInvalidationTest, AnsweredWhileAtsIsOff) {
  Bench b;
  b.configure(Bench::kAtsEn, false);
  b.configure(Bench::kBme, false);
  settle(b, {.itag = 30, .data = 0x1000});
  EXPECT_EQ(b.acknowledged, 1u);
}

TEST(AtsInvalidationTest, StallingLinkLosesNothing) {
  Bench b;
  b.pm_ready_one_in = 0;
  for (unsigned i = 0; i < 32; ++i) b.invalidate({.itag = i, .requester = i % 2, .data = 0x1000});
  b.run(3000);
  b.pm_ready_one_in = 5;
  EXPECT_TRUE(b.run_until([&] { return b.acknowledged == 32; }, 50000));
}

TEST(AtsInvalidationTest, LookupsGoOnDuringAScan) {
  Bench b;
  for (unsigned i = 0; i < 16; ++i) fill(b, 0x1000 + i, 5);
  for (unsigned i = 0; i < 30; ++i) b.invalidate({.itag = i, .data = 0x9000});
  b.run(10);
  const auto hits = b.hits;
  const auto done = b.acknowledged;
  for (unsigned i = 0; i < 4000; ++i) b.ask(i % 4, read_of(0x1000 + i % 16, 5));
  b.run(4000);
  EXPECT_GE(b.hits - hits, 1990u);  // half of the cycles
  b.run_until([&] { return b.acknowledged == done + 30; }, 20000);
  EXPECT_EQ(b.open_invalidations(), 0u);
}

}  // namespace
}  // namespace siov::ats
