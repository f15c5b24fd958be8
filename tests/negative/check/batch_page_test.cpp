// SPDX-License-Identifier: Apache-2.0
// Batches whose members may have failed unseen at a page: fences, count, what is left of members
// that have not run. dsa.md 5.6 (01), 5.7.
#include <gtest/gtest.h>

#include "abi/little_endian.hpp"
#include "sequence.hpp"

namespace siov::check::test {

using pcie::Tlp;

namespace {

constexpr std::uint64_t kList = 0x4000, kRecord = 0x8200;

/// A compare of bytes that are equal, which is not what its result is expected to be: status 2. Its
/// record has a page of its own.
abi::Descriptor unexpected(const Sequence& s) {
  abi::Descriptor d = s.compare();
  d.flags |= 0x80;
  d.set_expected_result(1);
  d.completion_address = Iova{0xB000};
  return d;
}

/// Two fenced members wait for it. Each has an interrupt.
abi::Descriptor lost_batch(Sequence& s) {
  return s.batch(
      {unexpected(s), s.with_interrupt(s.member(1, true), 1), s.with_interrupt(s.member(2), 1)});
}

/// The page of the first member's record is given, asked for in vain and refused again: the record
/// may be lost, and the end of the member with it.
void record_in_doubt(Sequence& s) {
  s.ats_on();
  s.memory.poke(5, 0x2000, s.memory.bytes(5, 0x1000, 64));
  s.submit(0, lost_batch(s));
  s.fetch(5, kList, 192);
  s.refuse(5, 0xB000);
  s.page_request(5, 0xB000, 7);
  s.respond(5, 7);
  s.refuse(5, 0xB000);
  s.page_request(5, 0xB000, 8);
  s.respond(5, 8);
}

void compare_fails(Sequence& s) {
  s.fetch(5, 0x1000, 64);
  s.fetch(5, 0x2000, 64);
  s.up(s.data_write(5, 0xB000, std::array<std::byte, 32>{std::byte{2}}));
}

void ends_at_the_fence(Sequence& s) {
  record_in_doubt(s);
  compare_fails(s);
  s.up(s.record(5, kRecord, 5, 1));
}

/// The same memory is used again, and all goes well.
void run_again(Sequence& s) {
  abi::Descriptor first = unexpected(s);
  first.set_expected_result(0);
  s.submit(0, s.batch({first, s.with_interrupt(s.member(1, true), 1), s.member(2)}));
  s.fetch(5, kList, 192);
  s.fetch(5, 0x1000, 64);
  s.fetch(5, 0x2000, 64);
  s.up(s.record(5, 0xB000));
  s.run(5, s.with_interrupt(s.member(1), 1));
  s.run(5, s.member(2));
  s.up(s.record(5, kRecord, 1, 3));
}

void ends_and_runs_again(Sequence& s) {
  ends_at_the_fence(s);
  run_again(s);
  s.end();
}

/// Nothing tells how it has ended: a cache flush without record address.
abi::Descriptor blind_flush(const Sequence& s) {
  abi::Descriptor d = s.noop();
  d.opcode = 0x20;
  d.flags = 0;
  d.completion_address = Iova{0};
  d.destination = Iova{0x9000};
  d.size = 0x1800;
  return d;
}

void submit_blind(Sequence& s, bool fenced) {
  s.ats_on();
  s.submit(0, s.batch({blind_flush(s), s.member(1, fenced)}));
  s.fetch(5, kList, 128);
  s.grant(5, 0x9000);
  s.refuse(5, 0xA000);
}

void blind_before_a_fence(Sequence& s) {
  submit_blind(s, true);
  s.up(s.record(5, kRecord, 5, 1));
  s.end();
}

}  // namespace

TEST(BatchPageTest, MembersHeldBackUnseenLeaveNothingBehind) {
  Sequence s;
  ends_and_runs_again(s);
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(s.referee.outstanding_descriptors(), 0u);
  Sequence blind;
  blind_before_a_fence(blind);
  EXPECT_EQ(blind.text(), "");
  EXPECT_EQ(blind.referee.outstanding_descriptors(), 0u);
}

TEST(BatchPageTest, MembersRunBehindAFenceThatWasInDoubt) {
  Sequence s;
  s.ats_on();
  s.submit(0, s.batch({blind_flush(s), s.member(1, true)}));
  s.fetch(5, kList, 128);
  s.refuse(5, 0xA000);
  s.grant(5, 0xA000);
  s.run(5, s.member(1));
  s.up(s.record(5, kRecord, 1, 2));
  s.end();
  EXPECT_EQ(s.text(), "");
}

NEGATIVE_TEST(MemberRunsThatTheBatchDoesNotCount, Rule::kBatchRecord, ends_and_runs_again,
              [](Sequence& s) {
                record_in_doubt(s);
                compare_fails(s);
                s.run(5, s.with_interrupt(s.member(1), 1));
                s.run(5, s.with_interrupt(s.member(2), 1));
                s.up(s.record(5, kRecord, 5, 1));
              })
NEGATIVE_TEST(BatchEndsBehindAMemberWithoutFence, Rule::kBatchRecord, blind_before_a_fence,
              [](Sequence& s) {
                submit_blind(s, false);
                s.run(5, s.member(1));
                s.up(s.record(5, kRecord, 5, 1));
              })
NEGATIVE_TEST(BatchEndsAtAFenceAndTellsOfSuccess, Rule::kBatchRecord, blind_before_a_fence,
              [](Sequence& s) {
                submit_blind(s, true);
                s.up(s.record(5, kRecord, 1, 1));
              })
NEGATIVE_TEST(CountedMemberHasNotRun, Rule::kBatchLast, ends_and_runs_again, [](Sequence& s) {
  record_in_doubt(s);
  compare_fails(s);
  s.run(5, s.with_interrupt(s.member(2), 1));
  s.up(s.record(5, kRecord, 5, 3));
})
NEGATIVE_TEST(MemberReadsBehindTheEndAtItsFence, Rule::kBatchFence, ends_and_runs_again,
              [](Sequence& s) {
                ends_at_the_fence(s);
                s.up(s.read_request(5, 0x1'1000, 256));
              })
NEGATIVE_TEST(MemberRecordBehindTheEndAtItsFence, Rule::kBatchFence, ends_and_runs_again,
              [](Sequence& s) {
                ends_at_the_fence(s);
                s.up(s.record(5, 0x8420));
              })
NEGATIVE_TEST(MemberRunsBeforeTheFlushFails, Rule::kBatchFence, blind_before_a_fence,
              [](Sequence& s) {
                abi::Descriptor flush = blind_flush(s);
                flush.flags = 0x04;  // a record if it fails
                flush.completion_address = Iova{0x8000};
                s.ats_on();
                s.submit(0, s.batch({flush, s.member(1, true)}));
                s.fetch(5, kList, 128);
                s.grant(5, 0x9000);
                s.refuse(5, 0xA000);
                s.fetch(5, 0x1'1000, 256);
                std::array<std::byte, 32> fault{std::byte{3}};
                abi::store_le(std::span(fault).subspan(4), 0x1000, 4);
                abi::store_le(std::span(fault).subspan(8), 0xA000, 8);
                s.up(s.data_write(5, 0x8000, fault));
              })

}  // namespace siov::check::test
