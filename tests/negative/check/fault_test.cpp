// SPDX-License-Identifier: Apache-2.0
// Work that ends at a page: dsa.md 5.4, 5.7; SIOV-D-56.
#include <gtest/gtest.h>

#include "abi/little_endian.hpp"
#include "pcie/ats_tlp.hpp"
#include "pcie/tlp_factory.hpp"
#include "sequence.hpp"

namespace siov::check::test {

using pcie::Tlp;

namespace {

/// From 0x1000 to 0x9000: the second pages of both begin after 4096 bytes.
abi::Descriptor large(const Sequence& s, std::uint32_t pasid = 5) {
  abi::Descriptor d = s.move(pasid);
  d.size = 0x1800;
  d.completion_address = Iova{0x8000};
  return d;
}

abi::Descriptor blocking(abi::Descriptor d) {
  d.flags |= 0x02;  // block on fault
  return d;
}

/// Block on fault enabled in queue 0.
void blocking_queue(Sequence& s) {
  s.ats_on();
  s.reconfigure([](Sequence& q) { q.write_register(0x808, 1u << 28 | 5u << 8 | 0x10 | 2 | 1); });
}

/// Status, bytes completed, fault address (dsa.md 5.4).
Tlp fault_record(const Sequence& s, std::uint8_t status, std::uint32_t completed,
                 std::uint64_t address) {
  std::array<std::byte, 32> bytes{};
  bytes[0] = std::byte{status};
  abi::store_le(std::span(bytes).subspan(4), completed, 4);
  abi::store_le(std::span(bytes).subspan(8), address, 8);
  return s.data_write(5, 0x8000, bytes);
}

/// The second destination page is absent: 4096 bytes are done.
void partial(Sequence& s) {
  s.submit(0, large(s));
  s.fetch(5, 0x1000, 0x1800);
  s.refuse(5, 0xA000);
  s.store(5, 0x9000, 0x1000, 0x1000);
}

void faulted_move(Sequence& s) {
  s.ats_on();
  partial(s);
  s.up(fault_record(s, 0x83, 0x1000, 0xA000));
  s.end();
}

/// The page is asked for, and given; or not.
void paged_move(Sequence& s) {
  blocking_queue(s);
  s.submit(0, blocking(large(s)));
  s.fetch(5, 0x1000, 0x1800);
  s.refuse(5, 0xA000);
  s.page_request(5, 0xA000, 7);
  s.respond(5, 7);
  s.store(5, 0x9000, 0x1000, 0x1800);
  s.up(s.record(5, 0x8000));
  s.end();
}

}  // namespace

TEST(FaultTest, EndsOfWorkAtAPageAreClean) {
  Sequence s;
  faulted_move(s);
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(s.referee.stats().faulted, 1u);
  EXPECT_EQ(s.referee.stats().finished, 1u);
  Sequence source;  // the second source page: status 03, a read
  source.ats_on();
  source.submit(0, large(source));
  source.fetch(5, 0x1000, 0x1000);
  source.refuse(5, 0x2000);
  source.store(5, 0x9000, 0x1000, 0x1000);
  source.up(fault_record(source, 0x03, 0x1000, 0x2000));
  source.end();
  EXPECT_EQ(source.text(), "");
  Sequence less;  // fewer bytes completed than lie before the page, low address bits given
  less.ats_on();
  partial(less);
  less.up(fault_record(less, 0x83, 0x800, 0xA123));
  less.end();
  EXPECT_EQ(less.text(), "");
}

/// The second destination page is taken away when `bytes` of it have been written.
void taken_away(Sequence& s, std::uint32_t bytes) {
  s.ats_on();
  s.submit(0, large(s));
  s.fetch(5, 0x1000, 0x1800);
  s.store(5, 0x9000, 0x1000, 0x1000 + bytes);
  s.invalidate(5, 0xA000);
  s.refuse(5, 0xA000);
}

void faulted_inside(Sequence& s) {
  taken_away(s, 0x200);
  s.up(fault_record(s, 0x83, 0x1200, 0xA000));
  s.end();
}

TEST(FaultTest, PageTakenAwayEndsTheWorkInsideIt) {
  Sequence s;
  faulted_inside(s);
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(s.referee.stats().faulted, 1u);
  Sequence less;  // what has been written and is not told is written again
  taken_away(less, 0x400);
  less.up(fault_record(less, 0x83, 0x1200, 0xA000));
  less.end();
  EXPECT_EQ(less.text(), "");
}

/// A move of 16 KiB, from its end: the source begins 0x3800 before the destination. Of the page at
/// 0x24000 the upper `bytes` have been written when it is taken away.
void taken_away_downward(Sequence& s, std::uint32_t bytes) {
  s.ats_on();
  abi::Descriptor d = s.move();
  d.source = Iova{0x20000};
  d.destination = Iova{0x23800};
  d.size = 0x4000;
  d.completion_address = Iova{0x8000};
  s.submit(0, d);
  s.fetch(5, 0x20000, 0x4000);
  const std::uint64_t lowest = 0x25000 - bytes;
  s.store(5, lowest, lowest - 0x3800, 0x2800 + bytes);
  s.invalidate(5, 0x24000);
  s.refuse(5, 0x24000);
}

/// Result 1: what is left lies before what has been done (dsa.md 5.6 (03)).
Tlp downward_record(const Sequence& s, std::uint32_t completed, std::uint8_t result = 1) {
  Tlp t = fault_record(s, 0x83, completed, 0x24000);
  t.payload[1] = std::byte{result};
  return t;
}

void faulted_inside_downward(Sequence& s) {
  taken_away_downward(s, 0x200);
  s.up(downward_record(s, 0x2A00));
  s.end();
}

TEST(FaultTest, PageTakenAwayEndsADownwardMoveInsideIt) {
  Sequence s;
  faulted_inside_downward(s);
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(s.referee.stats().faulted, 1u);
  Sequence less;
  taken_away_downward(less, 0x400);
  less.up(downward_record(less, 0x2A00));
  less.end();
  EXPECT_EQ(less.text(), "");
}

/// Of 8 KiB that differ at 0x1F00 the second page of a source is absent.
void compare_to(Sequence& s, std::uint32_t completed) {
  s.ats_on();
  abi::Descriptor d = s.compare();
  d.destination = Iova{0x20000};
  d.size = 0x1800;
  d.completion_address = Iova{0x8000};
  std::vector<std::byte> same = s.memory.bytes(5, d.source.value, 0x1800);
  same[0xF00] ^= std::byte{1};
  s.memory.poke(5, d.destination.value, same);
  s.submit(0, d);
  s.fetch(5, d.source.value, 0x1000);
  s.fetch(5, d.destination.value, 0x1000);
  s.refuse(5, d.source.value + 0x1000);
  s.up(fault_record(s, 0x03, completed, d.source.value + 0x1000));
}

TEST(FaultTest, DifferenceInATlpThatIsGivenUpIsNotTold) {
  Sequence s;
  compare_to(s, 0xE00);
  s.end();
  EXPECT_EQ(s.text(), "");
}

TEST(FaultTest, PageThatIsGivenLetsTheWorkGoOn) {
  Sequence s;
  paged_move(s);
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(s.referee.stats().faulted, 0u);
}

TEST(FaultTest, InvalidPageAndRetriesEndWithFour) {
  Sequence s;
  blocking_queue(s);
  s.submit(0, blocking(large(s)));
  s.fetch(5, 0x1000, 0x1800);
  s.refuse(5, 0xA000);
  s.page_request(5, 0xA000, 7);
  s.respond(5, 7, 1);
  s.store(5, 0x9000, 0x1000, 0x1000);
  s.up(fault_record(s, 0x84, 0x1000, 0xA000));
  s.end();
  EXPECT_EQ(s.text(), "");
  Sequence tired;
  blocking_queue(tired);
  tired.submit(0, blocking(large(tired)));
  tired.fetch(5, 0x1000, 0x1800);
  tired.refuse(5, 0xA000);
  tired.page_request(5, 0xA000, 7);
  tired.respond(5, 7);
  tired.refuse(5, 0xA000);
  tired.store(5, 0x9000, 0x1000, 0x1000);
  tired.up(fault_record(tired, 0x84, 0x1000, 0xA000));
  tired.end();
  EXPECT_EQ(tired.text(), "");
}

TEST(FaultTest, FailedTranslationEndsWithTwentyTwo) {
  for (const pcie::CplStatus status : {pcie::CplStatus::kUr, pcie::CplStatus::kCa}) {
    Sequence s;
    s.ats_on();
    s.submit(0, s.move());
    s.translation(s.translation_request(5, 0x1000), status);
    s.up(s.record(5, 0x8000, 0x22));
    s.end();
    EXPECT_EQ(s.text(), "");
  }
  Sequence s;  // so does a Response Failure
  blocking_queue(s);
  s.submit(0, blocking(s.move()));
  s.refuse(5, 0x1000);
  s.page_request(5, 0x1000, 7);
  s.respond(5, 7, 15);
  s.up(s.record(5, 0x8000, 0x22));
  s.end();
  EXPECT_EQ(s.text(), "");
}

TEST(FaultTest, ReadOnlyPageThatIsKnownNeedsNoNewRequest) {
  Sequence s;
  s.ats_on();
  s.submit(0, s.move());
  s.translation(s.translation_request(5, 0x9000), 1);  // asked with NW = 0, W = 0
  s.fetch(5, 0x1000, 600);
  s.up(fault_record(s, 0x83, 0, 0x9000));
  s.wait(5000);
  s.submit(0, s.move());
  s.fetch(5, 0x1000, 600);
  s.up(fault_record(s, 0x83, 0, 0x9000));
  s.end();
  EXPECT_EQ(s.text(), "");
}

TEST(FaultTest, LostRecordGoesToTheLog) {
  Sequence s;
  s.ats_on();
  s.log_on();
  s.reconfigure([](Sequence& q) { q.config_write(0x244, 2, 0); });
  s.submit(0, s.noop());
  s.refuse(5, 0x8000);
  // status 0x1a, WQ 0, PASID 5, record address (dsa.md 2.11)
  Tlp entry = s.log_entry(0, {0x0000'0500'0000'1A8C, 0, 0x8000});
  s.referee.on_tlp(pcie::Direction::kUp, entry, 100000);  // the log is written untranslated
  s.end();
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(s.referee.stats().log_entries, 1u);
  EXPECT_EQ(s.referee.stats().finished, 1u);
}

TEST(FaultTest, BatchEndsAtAPageOfItsList) {
  Sequence s;
  s.ats_on();
  abi::Descriptor d = s.batch({});
  d.source = Iova{0x4FC0};
  d.size = 3;
  for (std::uint32_t i = 0; i < 3; ++i)
    s.memory.poke(5, 0x4FC0 + 64 * i, abi::to_line(s.member(i)));
  s.submit(0, d);
  s.fetch(5, 0x4FC0, 64);
  s.refuse(5, 0x5000);
  s.run(5, s.member(0));
  std::array<std::byte, 32> record{std::byte{6}};
  record[4] = std::byte{1};
  abi::store_le(std::span(record).subspan(8), 0x5000, 8);
  s.up(s.data_write(5, 0x8200, record));
  s.end();
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(s.referee.stats().members, 1u);
}

TEST(FaultTest, DrainEndsAtItsReadback) {
  Sequence s(true, [](Config& c) { c.gencap |= 1u << 9; });
  s.ats_on();
  abi::Descriptor d = s.drain();
  d.flags |= 1u << 16;
  d.source = Iova{0xB000};
  d.completion_address = Iova{0x8000};
  s.submit(0, d);
  s.refuse(5, 0xB000);
  s.up(fault_record(s, 0x1F, 0, 0xB000));
  s.end();
  EXPECT_EQ(s.text(), "");
}

/// A copy of the shared queue that writes a record only when it fails.
abi::Descriptor quiet(const Sequence& s) {
  abi::Descriptor d = large(s);
  d.flags &= ~0x08u;  // RCR
  return d;
}

/// Its second destination page is refused before the answer of the portal is seen.
void refused_early(Sequence& s) {
  s.ats_on();
  const Tlp write = s.deferrable(1, quiet(s));
  s.down(write);
  s.refuse(5, 0xA000);
  s.up(s.answer(write, pcie::CplStatus::kSc));
  s.fetch(5, 0x1000, 0x1800);
  s.store(5, 0x9000, 0x1000, 0x1000);
  s.up(fault_record(s, 0x83, 0x1000, 0xA000));
  s.end();
}

/// The page of a fenced member is refused when all before it have ended and nothing has followed.
void refused_behind_the_fence(Sequence& s) {
  s.ats_on();
  abi::Descriptor fenced = s.member(1, true);
  fenced.flags &= ~0x08u;
  s.submit(0, s.batch({s.member(0), fenced}));
  s.fetch(5, 0x4000, 128);
  s.fetch(5, 0x10000, 256);
  s.store(5, 0x40000, 0x10000, 256);
  const Tlp request = s.translation_request(5, 0x11000);
  s.up(s.record(5, 0x8400));
  s.translation(request, 0);
  std::array<std::byte, 32> bytes{std::byte{3}};
  abi::store_le(std::span(bytes).subspan(8), 0x11000, 8);
  s.up(s.data_write(5, 0x8420, bytes));
  s.up(s.record(5, 0x8200, 5, 2));
  s.end();
}

TEST(FaultTest, RefusalBeforeTheWorkIsKnownToHaveBegun) {
  Sequence s;
  refused_early(s);
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(s.referee.stats().faulted, 1u);
  Sequence fenced;
  refused_behind_the_fence(fenced);
  EXPECT_EQ(fenced.text(), "");
  EXPECT_EQ(fenced.referee.stats().faulted, 1u);
  Sequence lost;  // the page of the record
  lost.ats_on();
  lost.log_on();
  lost.reconfigure([](Sequence& q) { q.config_write(0x244, 2, 0); });
  const Tlp write = lost.deferrable(1, lost.noop());
  lost.down(write);
  lost.refuse(5, 0x8000);
  lost.up(lost.answer(write, pcie::CplStatus::kSc));
  // status 0x1a, WQ 1, PASID 5, record address (dsa.md 2.11)
  const Tlp entry = lost.log_entry(0, {0x0000'0500'0001'1A8C, 0, 0x8000});
  lost.referee.on_tlp(pcie::Direction::kUp, entry, 100000);
  lost.end();
  EXPECT_EQ(lost.text(), "");
  EXPECT_EQ(lost.referee.stats().log_entries, 1u);
}

NEGATIVE_TEST(RefusalTakenBackBeforeTheWork, Rule::kCrUndue, refused_early, [](Sequence& s) {
  s.ats_on();
  const Tlp write = s.deferrable(1, quiet(s));
  s.down(write);
  s.refuse(5, 0xA000);
  s.grant(5, 0xA000);
  s.up(s.answer(write, pcie::CplStatus::kSc));
  s.fetch(5, 0x1000, 0x1800);
  s.store(5, 0x9000, 0x1000, 0x1800);
  s.up(fault_record(s, 0x83, 0x1000, 0xA000));
})
NEGATIVE_TEST(RefusalBeforeTheSubmission, Rule::kCrUndue, refused_early, [](Sequence& s) {
  s.ats_on();
  s.refuse(5, 0xA000);
  s.submit_shared(quiet(s));
  s.fetch(5, 0x1000, 0x1800);
  s.store(5, 0x9000, 0x1000, 0x1800);
  s.up(fault_record(s, 0x83, 0x1000, 0xA000));
})
NEGATIVE_TEST(RefusalJustBeforeTheSubmission, Rule::kFaultCause, faulted_move, [](Sequence& s) {
  s.ats_on();
  abi::Descriptor other = s.move();
  other.destination = Iova{0xA000};
  s.submit(0, other);
  s.refuse(5, 0xA000);
  s.run(5, other);
  s.submit(0, large(s));
  s.fetch(5, 0x1000, 0x1800);
  s.drop(5, 0xA000);
  s.store(5, 0x9000, 0x1000, 0x1000);
  s.up(fault_record(s, 0x83, 0x1000, 0xA000));
})
/// Two pages from 0x9000; a record only if it fails.
abi::Descriptor silent_flush(const Sequence& s) {
  abi::Descriptor d = s.noop();
  d.opcode = 0x20;
  d.flags &= ~0x08u;
  d.destination = Iova{0x9000};
  d.size = 0x1800;
  return d;
}

abi::Descriptor flush(const Sequence& s) { return s.with_interrupt(silent_flush(s), 1); }

/// Its second page is refused after the first has been looked up.
void faulted_flush(Sequence& s) {
  s.ats_on();
  s.submit(0, flush(s));
  s.grant(5, 0x9000);
  s.refuse(5, 0xA000);
  s.up(fault_record(s, 0x03, 0x1000, 0xA000));
  s.up(s.message(true, 1));
  s.end();
}

TEST(FaultTest, CacheFlushEndsAtAPage) {
  Sequence s;
  faulted_flush(s);
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(s.referee.stats().faulted, 1u);
  Sequence whole;
  whole.ats_on();
  whole.submit(0, flush(whole));
  whole.grant(5, 0x9000);
  whole.grant(5, 0xA000);
  whole.up(whole.message(true, 1));
  whole.end();
  EXPECT_EQ(whole.text(), "");
  EXPECT_EQ(whole.referee.stats().finished, 1u);
}

/// A flush that shows nothing when it succeeds, and a fenced member.
void submit_flush_and_fence(Sequence& s) {
  s.ats_on();
  s.submit(0, s.batch({silent_flush(s), s.member(1, true)}));
  s.fetch(5, 0x4000, 128);
  s.grant(5, 0x9000);
}

void flush_falls_before_the_fence(Sequence& s) {
  submit_flush_and_fence(s);
  s.refuse(5, 0xA000);
  s.up(fault_record(s, 0x03, 0x1000, 0xA000));
  s.up(s.record(5, 0x8200, 5, 1));
  s.end();
}

TEST(FaultTest, FenceBehindAFlushThatFails) {
  Sequence s;
  flush_falls_before_the_fence(s);
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(s.referee.stats().faulted, 1u);
  EXPECT_EQ(s.referee.outstanding_descriptors(), 0u);
}

NEGATIVE_TEST(MemberRunsBehindAFlushThatFailed, Rule::kBatchFence, flush_falls_before_the_fence,
              [](Sequence& s) {
                submit_flush_and_fence(s);
                s.refuse(5, 0xA000);
                s.up(fault_record(s, 0x03, 0x1000, 0xA000));
                s.fetch(5, 0x11000, 256);
                s.up(s.record(5, 0x8200, 5, 1));
              })
NEGATIVE_TEST(MemberLeftOutBehindAFlush, Rule::kBatchLast, flush_falls_before_the_fence,
              [](Sequence& s) {
                submit_flush_and_fence(s);
                s.grant(5, 0xA000);
                s.up(s.record(5, 0x8200, 5, 1));
              })
NEGATIVE_TEST(CacheFlushFaultsOutOfNothing, Rule::kCrUndue, faulted_flush, [](Sequence& s) {
  s.ats_on();
  s.submit(0, flush(s));
  s.grant(5, 0x9000);
  s.grant(5, 0xA000);
  s.up(fault_record(s, 0x03, 0x1000, 0xA000));
  s.up(s.message(true, 1));
})
NEGATIVE_TEST(CacheFlushSignalsTwice, Rule::kIrqOnce, faulted_flush, [](Sequence& s) {
  s.ats_on();
  s.submit(0, flush(s));
  s.grant(5, 0x9000);
  s.grant(5, 0xA000);
  s.up(s.message(true, 1));
  s.up(s.message(true, 1));
})
NEGATIVE_TEST(FaultOfAPageThatWasGiven, Rule::kFaultCause, faulted_move, [](Sequence& s) {
  s.ats_on();
  s.submit(0, large(s));
  s.fetch(5, 0x1000, 0x1800);
  s.store(5, 0x9000, 0x1000, 0x1000);
  s.up(fault_record(s, 0x83, 0x1000, 0xA000));
})
NEGATIVE_TEST(FaultOfAnotherPage, Rule::kFaultCause, faulted_move, [](Sequence& s) {
  s.ats_on();
  partial(s);
  s.refuse(5, 0xF000);
  s.up(fault_record(s, 0x83, 0x1000, 0xF000));
})
NEGATIVE_TEST(WriteFaultCalledARead, Rule::kFaultCause, faulted_move, [](Sequence& s) {
  s.ats_on();
  partial(s);
  s.up(fault_record(s, 0x03, 0x1000, 0xA000));
})
NEGATIVE_TEST(RefusalBeforeTheWork, Rule::kFaultCause, faulted_move, [](Sequence& s) {
  s.ats_on();
  abi::Descriptor other = s.move();
  other.destination = Iova{0xA000};
  s.submit(0, other);
  s.refuse(5, 0xA000);
  s.run(5, other);
  s.wait(5000);
  s.submit(0, large(s));
  s.fetch(5, 0x1000, 0x1800);
  s.store(5, 0x9000, 0x1000, 0x1000);
  s.up(fault_record(s, 0x83, 0x1000, 0xA000));
})
NEGATIVE_TEST(TranslationErrorOutOfNothing, Rule::kFaultCause, faulted_move, [](Sequence& s) {
  s.ats_on();
  partial(s);
  s.up(s.record(5, 0x8000, 0x22));
})
NEGATIVE_TEST(ListFaultOutOfNothing, Rule::kFaultCause, faulted_move, [](Sequence& s) {
  s.ats_on();
  s.submit(0, s.batch({s.member(0), s.member(1)}));
  std::array<std::byte, 32> record{std::byte{6}};
  abi::store_le(std::span(record).subspan(8), 0x4000, 8);
  s.up(s.data_write(5, 0x8200, record));
})
NEGATIVE_TEST(MoreBytesCompletedThanLieBeforeThePage, Rule::kFaultRecord, faulted_move,
              [](Sequence& s) {
                s.ats_on();
                partial(s);
                s.up(fault_record(s, 0x83, 0x1001, 0xA000));
              })
NEGATIVE_TEST(BytesCompletedInsideAPageWithoutTheData, Rule::kSbCover, faulted_inside,
              [](Sequence& s) {
                taken_away(s, 0x200);
                s.up(fault_record(s, 0x83, 0x1204, 0xA000));
              })
NEGATIVE_TEST(BytesCompletedBeyondTheFaultingPage, Rule::kFaultRecord, faulted_inside,
              [](Sequence& s) {
                s.ats_on();
                s.submit(0, large(s));
                s.fetch(5, 0x1000, 0x1800);
                s.store(5, 0x9000, 0x1000, 0x1800);
                s.invalidate(5, 0x9000);
                s.refuse(5, 0x9000);
                s.up(fault_record(s, 0x83, 0x1000, 0x9000));
              })
NEGATIVE_TEST(DownwardCompletedWithoutTheData, Rule::kSbCover, faulted_inside_downward,
              [](Sequence& s) {
                taken_away_downward(s, 0x200);
                s.up(downward_record(s, 0x2A04));
              })
NEGATIVE_TEST(DownwardMoveToldAsUpward, Rule::kFaultRecord, faulted_inside_downward,
              [](Sequence& s) {
                taken_away_downward(s, 0x200);
                s.up(downward_record(s, 0x2A00, 0));
              })
NEGATIVE_TEST(CompletedBehindTheDifference, Rule::kFaultRecord, faulted_move,
              [](Sequence& s) { compare_to(s, 0x1000); })
NEGATIVE_TEST(DifferenceFarBeforeThePage, Rule::kFaultRecord, faulted_move,
              [](Sequence& s) { compare_to(s, 0x200); })
NEGATIVE_TEST(UnusedFieldOfAFaultRecord, Rule::kFaultRecord, faulted_move, [](Sequence& s) {
  s.ats_on();
  partial(s);
  Tlp t = fault_record(s, 0x83, 0x1000, 0xA000);
  t.payload[20] = std::byte{1};
  s.up(t);
})
NEGATIVE_TEST(BytesCompletedWithoutTheData, Rule::kSbCover, faulted_move, [](Sequence& s) {
  s.ats_on();
  s.submit(0, large(s));
  s.fetch(5, 0x1000, 0x1800);
  s.refuse(5, 0xA000);
  s.store(5, 0x9000, 0x1000, 0x800);
  s.up(fault_record(s, 0x83, 0x1000, 0xA000));
})
NEGATIVE_TEST(BlockingWorkDoesNotAsk, Rule::kSiovD56, paged_move, [](Sequence& s) {
  blocking_queue(s);
  s.submit(0, blocking(large(s)));
  s.fetch(5, 0x1000, 0x1800);
  s.refuse(5, 0xA000);
  s.store(5, 0x9000, 0x1000, 0x1000);
  s.up(fault_record(s, 0x83, 0x1000, 0xA000));
})
NEGATIVE_TEST(WorkThatDoesNotBlockEndsWithFour, Rule::kSiovD56, faulted_move, [](Sequence& s) {
  s.ats_on();
  partial(s);
  s.page_request(5, 0xA000, 7);
  s.respond(5, 7, 1);
  s.up(fault_record(s, 0x84, 0x1000, 0xA000));
})
NEGATIVE_TEST(FaultAndThenMoreData, Rule::kSbCover, faulted_move, [](Sequence& s) {
  s.ats_on();
  partial(s);
  s.up(fault_record(s, 0x83, 0x1000, 0xA000));
  s.store(5, 0xA000, 0x2000, 0x100);
})
NEGATIVE_TEST(SuccessWithoutTheRefusedPage, Rule::kSbCover, paged_move, [](Sequence& s) {
  s.ats_on();
  partial(s);
  s.up(s.record(5, 0x8000));
  s.wait(60000);
})

}  // namespace siov::check::test
