// SPDX-License-Identifier: Apache-2.0
// Invalidations, aborts, halts and the rate of work with translation (docs/architecture.md 1.8).
// The bench checks each TLP: a translation from before an invalidation is not seen after its end.
#include "engine_bench.hpp"

namespace siov::blocks {
namespace {

constexpr std::uint64_t kSrc = 0x10'0000, kDst = 0x80'0000, kRecords = 0x9000;

Bytes noise(EngineBench& b, std::size_t n) {
  Bytes out(n);
  for (std::uint8_t& x : out) x = static_cast<std::uint8_t>(b.below(256));
  return out;
}

abi::Descriptor copy(std::uint64_t src, std::uint64_t dst, std::uint32_t size, unsigned record) {
  abi::Descriptor d = operation(0x03, kRecords + 32 * record);
  d.source = Iova{src};
  d.destination = Iova{dst};
  d.size = size;
  d.flags |= abi::flag(abi::kFlagBof);
  return d;
}

/// Copies of every alignment, blocks on pages that come and go, marks all the time.
void storm(std::uint32_t seed, unsigned copies, unsigned mark_every, bool caches, bool absent) {
  EngineBench b(seed);
  b.stalls = true;
  b.mark_every = mark_every;
  b.caches = caches;
  b.mps512 = b.chance(2);
  std::vector<std::pair<std::uint64_t, Bytes>> wanted;
  std::uint64_t dst = kDst + b.below(4096);
  for (unsigned i = 0; i < copies; ++i) {
    const std::uint32_t size = 1 + b.below(b.chance(3) ? 9000 : 300);
    const std::uint64_t src = kSrc + 0x4000ULL * i + b.below(4096);
    const Bytes data = noise(b, size);
    b.write(src, data);
    wanted.emplace_back(dst, data);
    if (absent)
      for (std::uint64_t p = dst & ~0xFFFULL; p < dst + size; p += 4096)
        if (b.chance(3)) b.page(p).present = false;
    if (absent && b.chance(3)) b.page(src).present = false;
    if (b.chance(3)) b.page(src).untranslated = true;
    b.submit(copy(src, dst, size, i));
    dst += size;
  }
  b.run(400000);
  for (unsigned i = 0; i < copies; ++i) {
    EXPECT_EQ(b.record(kRecords + 32 * i).status, 0x01) << i;
    EXPECT_TRUE(b.read(wanted[i].first, wanted[i].second.size()) == wanted[i].second) << i;
  }
  EXPECT_GE(b.completed_marks, 5U);
}

TEST(EngineMarkTest, NoTranslationOutlivesItsInvalidation) { storm(61, 60, 40, true, false); }
TEST(EngineMarkTest, InvalidationsWhileEveryRequestMisses) { storm(62, 20, 300, false, false); }
TEST(EngineMarkTest, InvalidationsWhilePagesAreAbsent) { storm(63, 40, 150, true, true); }

TEST(EngineMarkTest, AnInvalidationEndsWhileTrafficGoesOn) {
  EngineBench b(64);
  for (unsigned i = 0; i < 110; ++i) b.submit(copy(kSrc + 0x1000 * i, kDst + 0x1000 * i, 4096, i));
  b.cycles(400);
  for (int i = 0; i < 8; ++i) {
    const unsigned before = b.completed_marks;
    b.mark();
    b.cycles(600);  // 51 reads of 8 beats, one after the other
    EXPECT_EQ(b.completed_marks, before + 1);
    EXPECT_FALSE(b.idle());
  }
  b.run();
}

TEST(EngineMarkTest, BlockedWorkDoesNotHoldAnInvalidationUp) {
  EngineBench b(65);
  b.page(kDst + 0x1000).present = false;
  b.page(kDst + 0x1000).answer = PageAnswer::kSilent;
  b.page(kSrc + 0x3000).present = false;
  b.page(kSrc + 0x3000).answer = PageAnswer::kSilent;
  b.submit(copy(kSrc, kDst, 0x4000, 0));
  b.cycles(1000);
  EXPECT_FALSE(b.idle());
  b.mark();
  b.cycles(8);
  EXPECT_EQ(b.completed_marks, 1U);
}

// A page that comes each time it is asked for is not refused, however often it leaves before it is
// used.
TEST(EngineMarkTest, APageThatComesAndGoesIsAskedForAgain) {
  EngineBench b(69);
  Page& first = b.page(kSrc);
  Page& second = b.page(kSrc + 0x1000);
  first.present = second.present = false;
  first.answer = PageAnswer::kSilent;  // all the time the second one is not used
  b.submit(copy(kSrc, kDst, 0x2000, 0));
  for (unsigned round = 1; round <= 20; ++round) {
    b.cycles(600);
    EXPECT_TRUE(second.present);
    EXPECT_EQ(second.requests, round);
    second.present = false;
    b.mark();
  }
  b.cycles(600);
  first.answer = PageAnswer::kMap;
  b.run();
  EXPECT_EQ(b.record(kRecords).status, 0x01);
}

// A report may wait for software (the log is full); what is ordered behind it holds no translation.
TEST(EngineMarkTest, AReportThatWaitsDoesNotHoldAnInvalidationUp) {
  EngineBench b(66);
  b.reports_wait = true;
  abi::Descriptor bad = copy(kSrc, kDst, 64, 0);
  bad.opcode = 0x7F;
  bad.flags = 0;
  bad.completion_address = Iova{0};
  b.submit(bad);
  for (unsigned i = 0; i < 4; ++i) b.submit(copy(kSrc, kDst + 0x1000 * i, 4096, i));
  b.cycles(1500);
  EXPECT_EQ(b.done, 0U);
  b.mark();
  b.cycles(200);
  EXPECT_EQ(b.completed_marks, 1U);
  b.reports_wait = false;
  b.run();
  EXPECT_EQ(b.record(kRecords + 32 * 3).status, 0x01);
}

// So a delta unit stops with its lines; it goes on when the report is out, though its commands are
// not.
TEST(EngineMarkTest, AReportThatWaitsHoldsUpADeltaUnitNoLongerThanItself) {
  constexpr std::uint64_t kOut = 0x90'0000;
  for (const bool apply : {false, true}) {
    EngineBench b(68);
    b.reports_wait = true;
    abi::Descriptor bad = copy(kSrc, kDst, 64, 0);
    bad.opcode = 0x7F;
    bad.flags = 0;
    bad.completion_address = Iova{0};
    b.submit(bad);
    abi::Descriptor d = operation(apply ? 0x08 : 0x07, kRecords);
    d.source = Iova{kSrc};
    d.destination = Iova{kDst};
    d.size = 0x1000;
    if (apply) {
      Bytes delta;
      for (unsigned i = 0; i < 400; ++i) {
        delta.push_back(static_cast<std::uint8_t>(i));
        delta.push_back(static_cast<std::uint8_t>(i >> 8));
        delta.insert(delta.end(), 8, 0x77);
      }
      b.write(kSrc, delta);
      d.set_field(40, 4, 4000);
    } else {
      b.write(kDst, Bytes(0x1000, 0x5A));
      d.set_delta_address(Iova{kOut});
      d.set_max_delta_size(0x4000);
    }
    b.submit(d);
    b.cycles(1500);
    EXPECT_TRUE(b.writes.empty());
    b.mark();
    b.cycles(200);
    EXPECT_EQ(b.completed_marks, 1U);
    b.reports_wait = false;
    b.run(6000);
    EXPECT_EQ(b.record(kRecords).status, 0x01);
    if (apply) {
      EXPECT_EQ(b.read(kDst, 3200), Bytes(3200, 0x77));
    } else {
      EXPECT_EQ(b.record(kRecords).delta_size(), 5120U);
    }
  }
}

TEST(EngineMarkTest, AForgottenCacheIsAskedAgain) {
  EngineBench b(67);
  b.submit(copy(kSrc, kDst, 64, 0));
  b.run();
  const unsigned once = b.asked;
  b.submit(copy(kSrc, kDst, 64, 0));
  b.run();
  EXPECT_EQ(b.asked, once);  // what the engine still has
  b.dut().xl_forget_i = 1;
  b.cycles(1);
  b.dut().xl_forget_i = 0;
  b.submit(copy(kSrc, kDst, 64, 0));
  b.run();
  EXPECT_EQ(b.asked, 2 * once);
}

// ---------------------------------------------------------------- abort, halt
TEST(EngineAbortTest, AnAbortEndsTheWaitForPages) {
  struct Which {
    bool source, list;
  };
  for (const bool source : {false, true}) {
    EngineBench b(71);
    Page& page = b.page((source ? kSrc : kDst) + 0x1000);
    page.present = false;
    page.answer = PageAnswer::kSilent;
    b.submit(copy(kSrc, kDst, 0x3000, 0));
    b.cycles(1500);
    EXPECT_EQ(page.requests, 1U);
    EXPECT_FALSE(b.idle());
    b.abort(1);  // another queue
    b.cycles(300);
    EXPECT_FALSE(b.idle());
    b.abort(0, true, 6);  // another PASID
    b.cycles(300);
    EXPECT_FALSE(b.idle());
    b.abort(0, true, 5);
    b.run(3000);
    const abi::CompletionRecord r = b.record(kRecords);
    EXPECT_EQ(r.status, source ? 0x03 : 0x83);
    EXPECT_EQ(r.bytes_completed, 0x1000U);
  }
}

TEST(EngineAbortTest, AnAbortLeavesTheNewGenerationAlone) {
  EngineBench b(72);
  b.page(kDst).present = false;
  b.page_latency = 1500;
  Work w{copy(kSrc, kDst, 64, 0)};
  w.epoch = true;
  b.submit(w);
  b.cycles(300);
  b.abort(0);
  b.cycles(300);
  EXPECT_FALSE(b.idle());
  b.run();
  EXPECT_EQ(b.record(kRecords).status, 0x01);
}

TEST(EngineAbortTest, AnAbortedRecordIsReported) {
  EngineBench b(73);
  b.page(kRecords).present = false;
  b.page(kRecords).answer = PageAnswer::kSilent;
  b.submit(copy(kSrc, kDst, 64, 0));
  b.cycles(1000);
  b.abort(0);
  b.run(2000);
  ASSERT_EQ(b.reports.size(), 1U);
  EXPECT_EQ(b.reports[0].code, 0x1A);
}

TEST(EngineAbortTest, AHaltClearsAndAnswersThatComeLaterBelongToNobody) {
  EngineBench b(74);
  b.answer_latency = 30;
  for (int round = 0; round < 12; ++round) {
    for (unsigned i = 0; i < 6; ++i)
      b.submit(copy(kSrc + 0x2000 * i, kDst + 0x2000 * i, 0x1800, i));
    b.cycles(20 + 17 * static_cast<unsigned>(round));
    b.forget_work();
    b.dut().flush_i = 1;  // holds until a TLP half sent is out
    b.cycles(1);
    b.dut().flush_i = 0;
    b.cycles(20);
    b.forget_work();
    b.write(kRecords + 32 * 7, Bytes(32));
    const Bytes data = noise(b, 0x1000);
    b.write(kSrc + 0x9'0000 + 0x2000 * static_cast<unsigned>(round), data);
    b.submit(
        copy(kSrc + 0x9'0000 + 0x2000 * static_cast<unsigned>(round), kDst + 0x9'0000, 0x1000, 7));
    b.run();
    EXPECT_EQ(b.record(kRecords + 32 * 7).status, 0x01) << round;
    EXPECT_TRUE(b.read(kDst + 0x9'0000, 0x1000) == data) << round;
  }
}

// ---------------------------------------------------------------- rate
TEST(EngineRateTest, MissesOverlap) {
  EngineBench b(81);
  b.slot_latency = 500;
  for (unsigned i = 0; i < 12; ++i) b.submit(copy(kSrc + 0x2000 * i, kDst + 0x2000 * i, 64, i));
  b.run();
  EXPECT_GE(b.most_slots, 8U);
}

TEST(EngineRateTest, BusyCachesAreAskedAgain) {
  EngineBench b(82);
  b.full = true;
  b.submit(copy(kSrc, kDst, 64, 0));
  b.cycles(1000);
  EXPECT_FALSE(b.idle());
  EXPECT_LT(b.asked, 80U);  // not all the time
  b.full = false;
  b.run();
  EXPECT_EQ(b.record(kRecords).status, 0x01);
}

/// Cycles a descriptor in a stream of copies.
double rate(bool ats, std::uint32_t size, unsigned latency, std::uint64_t step) {
  EngineBench b(83);
  b.read_latency = latency;
  const unsigned n = size > 1000 ? 60 : 300;
  std::uint64_t from = 0;
  for (int warm = 0; warm < 2; ++warm) {
    from = b.cycle();
    for (unsigned i = 0; i < n; ++i) {
      Work w{copy(kSrc + step * (i % 30), kDst + step * (i % 30), size, 0)};
      w.ats = ats;
      b.submit(w);
    }
    b.run();
  }
  return static_cast<double>(b.last_done - from) / n;
}

TEST(EngineRateTest, WarmCopiesOfAPageRunAtLineRate) {
  EXPECT_LE(rate(true, 4096, 60, 0x1000), 1.03 * rate(false, 4096, 60, 0x1000));
  // Far away the tags bound the rate; translation hides behind what is outstanding.
  EXPECT_LE(rate(true, 4096, 500, 0x1000), rate(false, 4096, 500, 0x1000) / 0.9);
}

TEST(EngineRateTest, SmallCopiesCostFewMoreCycles) {
  EXPECT_LE(rate(true, 64, 60, 64), rate(false, 64, 60, 64) + 3);
  EXPECT_LE(rate(true, 64, 60, 0x1000), rate(false, 64, 60, 0x1000) + 3);  // each in another page
}

}  // namespace
}  // namespace siov::blocks
