// SPDX-License-Identifier: Apache-2.0
// Translation requests, their completions, the cache. Bit patterns are those of the reference,
// pcie.md 9.1 and 9.2.
#include "Vats_default.h"
#include "Vats_small.h"
#include "ats_bench_checks.hpp"

namespace siov::ats {
namespace {

using Bench = AtsBench<Vats_default, 4>;
using SmallBench = AtsBench<Vats_small, 2>;

constexpr std::uint64_t kReadWrite = 0x3;

Ask read_of(std::uint64_t page, unsigned pasid = 7) {
  return {.key = {.page = page, .pasid_en = true, .pasid = pasid, .priv = false}};
}
Ask write_of(std::uint64_t page, unsigned pasid = 7) {
  Ask a = read_of(page, pasid);
  a.write = true;
  return a;
}

TEST(AtsTranslationTest, RequestHeaderOfARead) {
  Bench b;
  const Answer a = b.ask_now(2, read_of(0x12345'6789A, 0xABCDE));
  EXPECT_EQ(a.code, kMiss);
  EXPECT_EQ(a.engine, 2u);
  ASSERT_TRUE(b.run_until([&] { return b.requests.size() == 1; }));
  const Request r = b.requests[0];
  EXPECT_EQ(r.addr, 0x123456789A001u);  // 9.1: NW in bit 0, bits 11:1 zero
  EXPECT_EQ(r.length, 2u);              // one translation
  EXPECT_EQ(r.first_be, 0xFu);
  EXPECT_EQ(r.last_be, 0xFu);
  EXPECT_EQ(r.at, 1u);
  EXPECT_EQ(r.pasid_valid, 1u);
  EXPECT_EQ(r.pasid, 0xABCDEu);
  EXPECT_EQ(r.tag, 60u);  // slot 0: the last four tags of engine 0
}

TEST(AtsTranslationTest, WriteIsAskedWithoutNoWriteAndPrivilegeIsNamed) {
  Bench b;
  Ask a = write_of(0x5);
  a.key.priv = true;
  b.ask_now(0, a);
  ASSERT_TRUE(b.run_until([&] { return b.requests.size() == 1; }));
  EXPECT_EQ(b.requests[0].addr, 0x5000u);
  EXPECT_EQ(b.requests[0].priv, 1u);
}

TEST(AtsTranslationTest, RequestWithoutPasid) {
  Bench b;
  b.ask_now(0, {.key = {.page = 0x77, .pasid_en = false, .pasid = 0x123, .priv = true}});
  ASSERT_TRUE(b.run_until([&] { return b.requests.size() == 1; }));
  EXPECT_EQ(b.requests[0].pasid_valid, 0u);
}

TEST(AtsTranslationTest, TwoMegabytePageOfTheReference) {
  Bench b;
  // 9.2: 2 MB, HPA 1_2340_0000h, R = W = 1 is 0000_0001_234F_F803h. The asked page is the 0x1A5th
  // of it.
  const Answer a = b.learn(write_of(0x7F'0000'01A5), 0x0000'0001'234F'F803);
  EXPECT_EQ(a.code, kOk);
  EXPECT_EQ(a.page, 0x123400u + 0x1A5u);
  EXPECT_TRUE(a.write);
  EXPECT_FALSE(a.untranslated);
  const Answer hit = b.ask_now(3, write_of(0x7F'0000'01A5));
  EXPECT_EQ(hit.code, kOk);
  EXPECT_EQ(hit.page, 0x1235A5u);
}

TEST(AtsTranslationTest, SizesBelowAndAbove) {
  Bench b;
  EXPECT_EQ(b.learn(read_of(0x1001), 0x0000'0000'9000'0001).page, 0x90000u);  // S = 0: 4 KB
  EXPECT_EQ(b.learn(read_of(0x1003), 0x0000'0000'9000'0801).page, 0x90001u);  // bit 12 = 0: 8 KB
  EXPECT_EQ(b.learn(read_of(0x1007), 0x0000'0000'9000'1801).page, 0x90003u);  // bit 13 = 0: 16 KB
  EXPECT_EQ(b.learn(read_of(0x3'FFFF), 0x0000'0040'1FFF'F801).page,
            0x4000000u + 0x3FFFFu);  // bit 29 = 0: 1 GB
}

TEST(AtsTranslationTest, BytesAreBigEndian) {
  Bench b;
  const Answer a = b.ask_now(0, read_of(0x42));
  ASSERT_TRUE(b.run_until([&] { return b.requests.size() == 1; }));
  b.grant(b.requests[0], 0x1122'3344'5566'7001);
  b.step();
  // Payload byte 0 is bits 63:56 of the value, and bits 7:0 of the beat.
  EXPECT_EQ(b.dut().cpl_data_i[0], 0x44332211u);
  EXPECT_EQ(b.dut().cpl_data_i[1], 0x01706655u);
  EXPECT_EQ(b.end_of(a.slot).page, 0x1122334455667u);
}

TEST(AtsTranslationTest, UntranslatedOnly) {
  Bench b;
  EXPECT_TRUE(b.learn(read_of(0x9), 0x0000'0000'0000'9005).untranslated);  // U is bit 2
  const Answer hit = b.ask_now(1, read_of(0x9));
  EXPECT_EQ(hit.code, kOk);
  EXPECT_TRUE(hit.untranslated);
}

TEST(AtsTranslationTest, OtherBitsDoNotMatter) {
  Bench b;
  // N 10, CXL.io 9, AMA 8:6, Global 5, Exe 3.
  EXPECT_EQ(b.learn(read_of(0x21), 0x0000'0000'0500'07E9).page, 0x5000u);
  // A global entry is still one of this PASID alone.
  EXPECT_EQ(b.ask_now(0, read_of(0x21, 8)).code, kMiss);
}

TEST(AtsTranslationTest, ReadableAloneIsAskedAgainForWriting) {
  Bench b;
  EXPECT_EQ(b.learn(read_of(0x31), 0x6001).code, kOk);
  // Asked with NW = 1: nothing is known of writing.
  EXPECT_EQ(b.learn(write_of(0x31), 0x7003).code, kOk);
  EXPECT_EQ(b.requests.back().addr, 0x31000u);
  EXPECT_EQ(b.ask_now(0, write_of(0x31)).page, 7u);
  EXPECT_EQ(b.ask_now(0, read_of(0x31)).page, 7u);
}

// A fault of a right may end without an invalidation: pcie.md 9.2.
TEST(AtsTranslationTest, NoRightToWriteIsAskedAgain) {
  Bench b;
  EXPECT_EQ(b.learn(write_of(0x32), 0x6001).code, kFault);
  const Answer r = b.ask_now(0, read_of(0x32));
  EXPECT_EQ(r.code, kOk);
  EXPECT_FALSE(r.write);
  const std::size_t asked = b.requests.size();
  EXPECT_EQ(b.learn(write_of(0x32), 0x6001).code, kFault);
  EXPECT_EQ(b.learn(write_of(0x32), 0x6003).code, kOk);
  ASSERT_EQ(b.requests.size(), asked + 2);
  EXPECT_EQ(b.requests.back().addr, 0x32000u) << "NW = 0";
  EXPECT_EQ(b.ask_now(0, write_of(0x32)).code, kOk);
}

TEST(AtsTranslationTest, NoRightToReadIsAskedAgain) {
  Bench b;
  EXPECT_EQ(b.learn(read_of(0x33), 0x6002).code, kFault);
  EXPECT_EQ(b.learn(read_of(0x33), 0x6003).code, kOk);
  EXPECT_EQ(b.ask_now(0, read_of(0x33)).code, kOk);
}

TEST(AtsTranslationTest, NoRightsAtAllAreNotCached) {
  Bench b;
  EXPECT_EQ(b.learn(read_of(0x34), 0).code, kFault);
  EXPECT_EQ(b.learn(read_of(0x34), 0x8003).code, kOk);
  EXPECT_EQ(b.learn(write_of(0x35), 0x1234'5678'9ABC'D7FC).code,
            kFault);  // the other fields mean nothing
  EXPECT_EQ(b.ask_now(0, write_of(0x35)).code, kMiss);
}

TEST(AtsTranslationTest, PrivilegedRightsAreForThePrivileged) {
  Bench b;
  Ask priv = read_of(0x40);
  priv.key.priv = true;
  EXPECT_EQ(b.learn(priv, 0x4013).code, kOk);  // Priv is bit 4
  EXPECT_EQ(b.ask_now(0, priv).code, kOk);
  EXPECT_EQ(b.learn(read_of(0x40), 0x5003).page, 5u);  // not shared with user mode
  EXPECT_EQ(b.ask_now(0, priv).page, 4u);
  Ask other = read_of(0x41);
  other.key.priv = true;
  EXPECT_EQ(b.learn(other, 0x4003).code, kFault);  // user rights
  EXPECT_EQ(b.learn(read_of(0x42), 0x4013).code,
            kError);  // privileged rights that nobody asked for
}

TEST(AtsTranslationTest, OwnersWithTheSameAddressDoNotMix) {
  Bench b;
  const std::uint64_t page = 0xABCDE;
  Ask none = read_of(page);
  none.key.pasid_en = false;
  EXPECT_EQ(b.learn(read_of(page, 1), 0x1001).page, 1u);
  EXPECT_EQ(b.learn(read_of(page, 0), 0x2001).page, 2u);
  EXPECT_EQ(b.learn(none, 0x3001).page, 3u);
  EXPECT_EQ(b.learn(read_of(page, 0x80001), 0x4001).page, 4u);
  EXPECT_EQ(b.ask_now(0, read_of(page, 1)).page, 1u);
  EXPECT_EQ(b.ask_now(1, read_of(page, 0)).page, 2u);
  EXPECT_EQ(b.ask_now(2, none).page, 3u);
  EXPECT_EQ(b.ask_now(3, read_of(page, 0x80001)).page, 4u);
}

TEST(AtsTranslationTest, RequestsForTheSameShareASlot) {
  Bench b;
  for (unsigned e = 0; e < 4; ++e) {
    b.ask(e, read_of(0x50));
    b.ask(e, read_of(0x50));
  }
  b.run(30);
  ASSERT_EQ(b.answers.size(), 8u);
  for (const Answer& a : b.answers) EXPECT_EQ(a.slot, b.answers[0].slot);
  EXPECT_EQ(b.requests.size(), 1u);
  b.grant(b.requests[0], 0x9003);
  EXPECT_EQ(b.end_of(b.answers[0].slot).page, 9u);
  b.run(20);
  EXPECT_EQ(b.answers.size(), 9u);
}

TEST(AtsTranslationTest, ReadersAndWritersHaveSlotsOfTheirOwn) {
  Bench b;
  const Answer r = b.ask_now(0, read_of(0x51));
  const Answer w = b.ask_now(0, write_of(0x51));
  EXPECT_NE(r.slot, w.slot);
}

TEST(AtsTranslationTest, SixteenOutstandingThenBusyAndHitsPass) {
  Bench b;
  EXPECT_EQ(b.learn(read_of(0x999), 0x1001).code, kOk);
  for (unsigned i = 0; i < 16; ++i) EXPECT_EQ(b.ask_now(i % 4, read_of(0x100 + i)).code, kMiss);
  ASSERT_TRUE(b.run_until([&] { return b.requests.size() == 17; }));
  unsigned tags = 0;
  for (unsigned i = 1; i < 17; ++i)
    tags |= 1u << ((b.requests[i].tag >> 6) * 4 + (b.requests[i].tag & 3u));
  EXPECT_EQ(tags, 0xFFFFu);
  EXPECT_EQ(b.ask_now(0, read_of(0x200)).code, kBusy);
  EXPECT_EQ(b.ask_now(0, read_of(0x999)).code, kOk);    // hit under miss
  EXPECT_EQ(b.ask_now(0, read_of(0x105)).code, kMiss);  // joins
  b.grant(b.requests[9], 0x2001);                       // out of order
  b.end_of(b.requests[9].slot);
  EXPECT_EQ(b.ask_now(0, read_of(0x200)).code, kMiss);
}

TEST(AtsTranslationTest, UrEndsTranslationUntilAtsIsEnabledAgain) {
  Bench b;
  EXPECT_EQ(b.learn(read_of(0x60), 0x1003).code, kOk);
  const Answer first = b.ask_now(0, read_of(0x61));
  const Answer other = b.ask_now(1, read_of(0x62));
  ASSERT_TRUE(b.run_until([&] { return b.requests.size() == 3; }));
  b.complete({.tag = b.requests[1].tag, .status = 1, .has_data = false, .length = 0});
  const auto marks = b.marks.size();
  EXPECT_EQ(b.end_of(first.slot).code, kError);
  EXPECT_EQ(b.end_of(other.slot).code, kError);
  EXPECT_EQ(b.dut().ats_off_o, 1);
  b.run(10);
  EXPECT_EQ(b.marks.size(), marks + 1);  // engines drop what they hold
  EXPECT_EQ(b.ask_now(0, read_of(0x60)).code, kError);
  EXPECT_EQ(b.ask_now(0, read_of(0x63)).code, kError);
  EXPECT_EQ(b.requests.size(), 3u);
  b.grant(b.requests[2], 0x5003);  // the one in flight finishes, without effect
  b.run(10);
  EXPECT_EQ(b.unexpected, 0u);
  b.configure(Bench::kAtsEn, false);
  b.run(4);
  EXPECT_EQ(b.dut().ats_off_o, 0);
  b.configure(Bench::kAtsEn, true);
  EXPECT_EQ(b.learn(read_of(0x60), 0x7003).page, 7u);
}

TEST(AtsTranslationTest, ReservedStatusIsUr) {
  Bench b;
  const Answer a = b.ask_now(0, read_of(0x61));
  ASSERT_TRUE(b.run_until([&] { return b.requests.size() == 1; }));
  b.complete({.tag = b.requests[0].tag, .status = 6, .has_data = false, .length = 0});
  EXPECT_EQ(b.end_of(a.slot).code, kError);
  EXPECT_EQ(b.dut().ats_off_o, 1);
}

// Each ends its request with an error, leaves translation on and the tag free for the next one.
TEST(AtsTranslationTest, MalformedCompletions) {
  const Completion bad[] = {
      {.status = 4, .has_data = false, .length = 0},      // CA
      {.status = 2, .has_data = false, .length = 0},      // RRS
      {.has_data = false, .length = 0, .byte_count = 8},  // success without data
      {.poisoned = true, .entry = 0x1003},
      {.length = 4, .byte_count = 16, .entry = 0x1003},  // two entries
      {.length = 1, .byte_count = 4, .entry = 0x1003},
      {.eop = false, .length = 2, .byte_count = 8, .entry = 0x1003},
      {.length = 2, .byte_count = 4, .entry = 0x1003},
  };
  for (const Completion& c : bad) {
    Bench b;
    const Answer a = b.ask_now(0, read_of(0x61));
    ASSERT_TRUE(b.run_until([&] { return b.requests.size() == 1; }));
    Completion d = c;
    d.tag = b.requests[0].tag;
    b.complete(d);
    EXPECT_EQ(b.end_of(a.slot).code, kError);
    EXPECT_EQ(b.dut().ats_off_o, 0);
    EXPECT_EQ(b.dut().pending_o, 0);
    EXPECT_EQ(b.unexpected, 0u);
    EXPECT_EQ(b.learn(read_of(0x61), 0x4001).page, 4u);
  }
}

TEST(AtsTranslationTest, RestOfASplitAnswerIsAbsorbed) {
  Bench b;
  const Answer a = b.ask_now(0, read_of(0x61));
  ASSERT_TRUE(b.run_until([&] { return b.requests.size() == 1; }));
  b.complete({.tag = 60, .length = 1, .byte_count = 8, .entry = 0x1003});
  EXPECT_EQ(b.end_of(a.slot).code, kError);
  EXPECT_EQ(b.dut().pending_o, 1);
  EXPECT_NE(b.ask_now(0, read_of(0x62)).slot, a.slot);  // the tag is not free
  b.complete({.tag = 60, .length = 1, .byte_count = 4});
  b.run(5);
  EXPECT_EQ(b.unexpected, 0u);
  b.complete({.tag = 60});
  b.run(5);
  EXPECT_EQ(b.unexpected, 1u);
}

TEST(AtsTranslationTest, UnexpectedCompletions) {
  Bench b;
  b.complete({.tag = 60, .entry = 0x1003});
  b.run(5);
  EXPECT_EQ(b.unexpected, 1u);
  b.complete({.tag = 59, .entry = 0x1003});  // an engine's
  b.run(5);
  EXPECT_EQ(b.unexpected, 1u);
  const Answer a = b.ask_now(0, read_of(0x61));
  b.run(5);
  b.complete(
      {.tag = 60, .bad = true, .entry = 0x1003});  // another requester's: the request goes on
  b.complete({.tag = 60 + 256, .entry = 0x1003});
  b.run(20);
  EXPECT_TRUE(b.live(a.slot));
  EXPECT_EQ(b.answers.size(), 1u);
}

TEST(AtsTranslationTest, TimeoutAndLateCompletion) {
  Bench b;
  const Answer a = b.ask_now(0, read_of(0x61));
  const auto start = b.cycle();
  EXPECT_EQ(b.end_of(a.slot).code, kError);
  EXPECT_GE(b.cycle() - start, 2000u);  // CtoCycles of this build
  EXPECT_LE(b.cycle() - start, 2000u * 9 / 8 + 20);
  EXPECT_EQ(b.timeouts, 1u);
  const Answer next = b.ask_now(0, read_of(0x61));
  EXPECT_NE(next.slot, a.slot);
  EXPECT_EQ(b.dut().pending_o, 1);
  b.grant(b.requests[0], 0x1003);
  b.run(5);
  EXPECT_EQ(b.unexpected, 0u);
  EXPECT_TRUE(b.live(next.slot));
  ASSERT_TRUE(b.run_until([&] { return b.requests.size() == 2; }));
  b.grant(b.requests[1], 0x5003);
  EXPECT_EQ(b.end_of(next.slot).page, 5u);
  EXPECT_EQ(b.dut().pending_o, 0);
}

TEST(AtsTranslationTest, TimeoutSwitchedOff) {
  Bench b;
  b.configure(Bench::kCtoDisable, true);
  const Answer a = b.ask_now(0, read_of(0x61));
  b.run(6000);
  EXPECT_TRUE(b.live(a.slot));
  b.grant(b.requests[0], 0x1003);
  EXPECT_EQ(b.end_of(a.slot).code, kOk);
}

TEST(AtsTranslationTest, RestingTagIsFreeAfterAnotherTimeout) {
  SmallBench b;
  const Answer a = b.ask_now(0, read_of(0x61));
  EXPECT_EQ(b.end_of(a.slot).code, kError);
  EXPECT_EQ(b.dut().pending_o, 1);
  b.run(500);
  EXPECT_EQ(b.dut().pending_o, 0);
}

TEST(AtsTranslationTest, SmallestTranslationUnit) {
  Bench b;
  b.dut().stu_i = 1;  // 8 KB
  EXPECT_EQ(b.learn(read_of(0x1), 0x4001).code, kError);
  EXPECT_EQ(b.learn(read_of(0x1), 0x4801).page, 5u);
  b.dut().stu_i = 9;                                                       // 2 MB
  EXPECT_EQ(b.learn(read_of(0x2A5), 0x0000'0001'2347'F801).code, kError);  // 1 MB
  EXPECT_EQ(b.learn(read_of(0x2A5), 0x0000'0001'234F'F801).page, 0x1234A5u);
  EXPECT_EQ(b.learn(read_of(0x300), 0).code, kFault);
}

TEST(AtsTranslationTest, FiveBitTagsAllowOneRequestAnEngine) {
  Bench b;
  b.configure(Bench::kExtTag, false);
  for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(b.ask_now(0, read_of(0x10 + i)).code, kMiss);
  EXPECT_EQ(b.ask_now(0, read_of(0x20)).code, kBusy);
  ASSERT_TRUE(b.run_until([&] { return b.requests.size() == 4; }));
  for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(b.requests[i].tag, 8 * i + 7);  // {engine, 7}
  for (unsigned i = 4; i-- > 0;) b.grant(b.requests[i], 0x1000 * (i + 1) + 3);
  ASSERT_TRUE(b.run_until([&] { return b.idle(); }));
  for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(b.ask_now(0, read_of(0x10 + i)).page, i + 1);
}

TEST(AtsTranslationTest, TenBitTags) {
  SmallBench b;
  b.configure(SmallBench::kTag10, true);
  for (unsigned i = 0; i < 16; ++i) EXPECT_EQ(b.ask_now(0, read_of(0x10 + i)).code, kMiss);
  ASSERT_TRUE(b.run_until([&] { return b.requests.size() == 16; }));
  EXPECT_EQ(b.requests[0].tag, 0x300u + 60);          // n = 188: {188[7:6] + 1, engine 0, 188[5:0]}
  EXPECT_EQ(b.requests[15].tag, 0x300u + 0xC0 + 63);  // n = 191, engine 3
  for (const Request& r : b.requests) b.grant(r, 0x1000 * (r.slot + 1) + 3);
  EXPECT_TRUE(b.run_until([&] { return b.idle(); }));
}

TEST(AtsTranslationTest, ForgetEmptiesTheCacheAndKeepsAnswersOut) {
  Bench b;
  EXPECT_EQ(b.learn(read_of(0x70), 0x1003).code, kOk);
  const Answer old = b.ask_now(0, read_of(0x71));
  ASSERT_TRUE(b.run_until([&] { return b.requests.size() == 2; }));
  EXPECT_EQ(b.dut().forget_busy_o, 0);
  b.forget();
  EXPECT_EQ(b.dut().forget_busy_o, 1);
  EXPECT_EQ(b.ask_now(0, read_of(0x70)).code, kMiss);
  const Answer fresh = b.ask_now(0, read_of(0x71));
  EXPECT_EQ(fresh.code, kMiss);
  EXPECT_NE(fresh.slot, old.slot);  // nobody joins what was asked before
  b.grant(b.requests[1], 0x2003);
  EXPECT_EQ(b.end_of(old.slot).page, 2u);
  b.run(3);
  EXPECT_EQ(b.dut().forget_busy_o, 0);
  EXPECT_EQ(b.ask_now(0, read_of(0x71)).slot, fresh.slot);
}

TEST(AtsTranslationTest, AtsOffEndsWhatWaits) {
  Bench b;
  EXPECT_EQ(b.learn(read_of(0x80), 0x1003).code, kOk);
  const Answer sent = b.ask_now(0, read_of(0x81));
  ASSERT_TRUE(b.run_until([&] { return b.requests.size() == 2; }));
  b.xr_ready_one_in = 0;
  const Answer unsent = b.ask_now(0, read_of(0x82));
  b.run(5);
  b.configure(Bench::kAtsEn, false);
  EXPECT_EQ(b.end_of(sent.slot).code, kError);
  EXPECT_EQ(b.end_of(unsent.slot).code, kError);
  b.xr_ready_one_in = 1;
  b.run(20);
  EXPECT_EQ(b.requests.size(), 2u);
  EXPECT_EQ(b.dut().pending_o, 1);  // the tag rests
  b.configure(Bench::kAtsEn, true);
  b.grant(b.requests[1], 0x2003);
  b.run(5);
  EXPECT_EQ(b.unexpected, 0u);
  EXPECT_EQ(b.dut().pending_o, 0);
  EXPECT_EQ(b.ask_now(0, read_of(0x80)).code, kMiss);
  EXPECT_EQ(b.ask_now(0, read_of(0x81)).code, kMiss);
}

TEST(AtsTranslationTest, NothingIsSentWithoutBusMasterOrPasidEnable) {
  Bench b;
  EXPECT_EQ(b.learn(read_of(0x80), 0x1003).code, kOk);
  b.xr_ready_one_in = 0;
  Answer a = b.ask_now(0, read_of(0x82));
  b.run(5);
  b.configure(Bench::kPasidEn, false);
  EXPECT_EQ(b.ask_now(1, {.key = {.page = 0x90}}).code, kMiss);  // without PASID it goes on
  b.configure(Bench::kBme, false);
  b.run(30);
  EXPECT_FALSE(b.live(a.slot));
  EXPECT_EQ(b.live_count(0, 16), 0u);
  EXPECT_EQ(b.dut().xr_valid_o, 0);
  EXPECT_EQ(b.ask_now(0, read_of(0x83)).code, kError);
  EXPECT_EQ(b.ask_now(0, read_of(0x80)).code, kOk);  // what is known is known
}

TEST(AtsTranslationTest, RequestHoldsWhileTheLinkStalls) {
  Bench b;
  b.xr_ready_one_in = 0;
  for (unsigned i = 0; i < 5; ++i) b.ask(i % 4, read_of(0x10 + i));
  b.run(50);
  EXPECT_EQ(b.requests.size(), 0u);
  b.xr_ready_one_in = 3;
  EXPECT_TRUE(b.run_until([&] { return b.requests.size() == 5; }));
}

TEST(AtsTranslationTest, MoreEntriesOfASetThanWaysReplaceTheOldest) {
  SmallBench b;  // 16 sets of 4
  for (unsigned i = 0; i < 4; ++i) b.learn(read_of(i << 8), (i + 1) << 12 | kReadWrite);
  for (const unsigned i : {1u, 2u, 3u, 0u, 1u, 2u, 3u})
    EXPECT_EQ(b.ask_now(0, read_of(i << 8)).page, i + 1);
  b.learn(read_of(4 << 8), 0x9003);
  unsigned kept = 0;
  for (unsigned i = 1; i < 4; ++i) {
    const auto n = b.answers.size();
    kept += b.ask_now(0, read_of(i << 8)).code == kOk ? 1u : 0u;
    EXPECT_EQ(b.answers.size(), n + 1);
  }
  EXPECT_EQ(kept, 3u);
  EXPECT_EQ(b.ask_now(0, read_of(4 << 8)).page, 9u);
  EXPECT_EQ(b.ask_now(0, read_of(0)).code, kMiss);
}

// Line rate: four engines, each asking in each cycle, warm cache.
TEST(AtsTranslationTest, OneHitACycle) {
  Bench b;
  for (unsigned i = 0; i < 64; ++i) b.learn(read_of(0x1000 + i), (0x100 + i) << 12 | kReadWrite);
  const auto hits = b.hits;
  const auto start = b.cycle();
  for (unsigned i = 0; i < 2000; ++i) b.ask(i % 4, read_of(0x1000 + i * 7 % 64));
  ASSERT_TRUE(b.run_until([&] { return b.idle(); }));
  EXPECT_EQ(b.hits - hits, 2000u);
  const double rate = 2000.0 / static_cast<double>(b.cycle() - start);
  RecordProperty("hits_a_cycle", std::to_string(rate));
  EXPECT_GE(rate, 0.99);
}

TEST(AtsTranslationTest, EnginesGetTheirTurn) {
  Bench b;
  for (unsigned i = 0; i < 8; ++i) b.learn(read_of(0x1000 + i), (0x100 + i) << 12 | kReadWrite);
  b.answers.clear();
  for (unsigned i = 0; i < 400; ++i) b.ask(i % 4, read_of(0x1000 + i % 8));
  b.run(204);
  unsigned of[4] = {};
  for (const Answer& a : b.answers) ++of[a.engine];
  for (const unsigned n : of) EXPECT_NEAR(n, 50.0, 1.0);
}

}  // namespace
}  // namespace siov::ats
