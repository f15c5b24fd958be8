// SPDX-License-Identifier: Apache-2.0
// Batches: list, fences, order, record, owner. dsa.md 5.6 (01).
#include <gtest/gtest.h>

#include "pcie/tlp_factory.hpp"
#include "sequence.hpp"

namespace siov::check::test {

using pcie::CplStatus;
using pcie::Tlp;

namespace {

constexpr std::uint64_t kList = 0x4000, kRecord = 0x8200;

/// Submits members 0 to 3; the third waits for the first two.
void submit_fenced(Sequence& s) {
  s.submit(0, s.batch({s.member(0), s.member(1), s.member(2, true), s.member(3)}));
}

void legal_batch(Sequence& s) {
  submit_fenced(s);
  s.fetch(5, kList, 256);
  s.run(5, s.member(1));  // any order between fences
  s.run(5, s.member(0));
  s.run(5, s.member(2));
  s.run(5, s.member(3));
  s.up(s.record(5, kRecord, 0x01, 4));
  s.end();
}

/// The first member has an unknown opcode; the second is fenced.
void submit_failing(Sequence& s) {
  abi::Descriptor bad = s.member(0);
  bad.opcode = 0x3F;
  s.submit(0, s.batch({bad, s.member(1, true), s.member(2)}));
  s.fetch(5, kList, 192);
  s.up(s.record(5, 0x8400, 0x10));
}

void legal_failing(Sequence& s) {
  submit_failing(s);
  s.up(s.record(5, kRecord, 0x05, 1));
  s.end();
}

/// Two members without fence, complete but for the batch record.
void run_two(Sequence& s) {
  s.submit(0, s.batch({s.member(0), s.member(1)}));
  s.fetch(5, kList, 128);
  s.run(5, s.member(0));
  s.run(5, s.member(1));
}

void legal_two(Sequence& s) {
  run_two(s);
  s.up(s.record(5, kRecord, 0x01, 2));
  s.end();
}

/// Sixteen members; the read of the second eight fails.
void submit_unreadable(Sequence& s) {
  std::vector<abi::Descriptor> members;
  for (std::uint32_t i = 0; i < 16; ++i) members.push_back(s.member(i));
  s.submit(0, s.batch(members));
  const Tlp first = s.read_request(5, kList, 512), second = s.read_request(5, kList + 512, 512);
  s.up(first);
  s.up(second);
  s.complete(second, CplStatus::kCa);
  s.complete(first);
  for (std::uint32_t i = 0; i < 8; ++i) s.run(5, s.member(i));
}

void legal_unreadable(Sequence& s) {
  submit_unreadable(s);
  s.up(s.record(5, kRecord, 0x20, 8));
  s.end();
}

}  // namespace

NEGATIVE_TEST(ListFetchedTwice, Rule::kBatchFetch, legal_batch, [](Sequence& s) {
  submit_fenced(s);
  s.fetch(5, kList, 256);
  s.fetch(5, kList + 64, 64);
})
NEGATIVE_TEST(MemberStartsUnfetched, Rule::kBatchFetch, legal_two, [](Sequence& s) {
  s.submit(0, s.batch({s.member(0), s.member(1)}));
  s.fetch(5, kList, 64);
  s.up(s.read_request(5, 0x1'1000, 256));
})
NEGATIVE_TEST(MemberStartsBeforeListArrives, Rule::kBatchFetch, legal_two, [](Sequence& s) {
  s.submit(0, s.batch({s.member(0), s.member(1)}));
  s.up(s.read_request(5, kList, 128));
  s.up(s.read_request(5, 0x1'0000, 256));
})
NEGATIVE_TEST(FenceIgnoredByRead, Rule::kBatchFence, legal_batch, [](Sequence& s) {
  submit_fenced(s);
  s.fetch(5, kList, 256);
  s.run(5, s.member(0));
  s.up(s.read_request(5, 0x1'2000, 256));
})
NEGATIVE_TEST(
    FenceIgnoredByWrite, Rule::kBatchFence,
    [](Sequence& s) {
      abi::Descriptor fill = s.member(1, true);
      fill.opcode = 4;
      fill.source = Iova{0};  // pattern
      fill.destination = Iova{0x4'9000};
      fill.size = 8;
      s.submit(0, s.batch({s.member(0), fill}));
      s.fetch(5, kList, 128);
      s.run(5, s.member(0));
      const std::array<std::byte, 8> zero{};
      s.up(s.data_write(5, 0x4'9000, zero));
      s.up(s.record(5, 0x8420));
      s.up(s.record(5, kRecord, 0x01, 2));
      s.end();
    },
    [](Sequence& s) {
      abi::Descriptor fill = s.member(1, true);
      fill.opcode = 4;
      fill.source = Iova{0};
      fill.destination = Iova{0x4'9000};
      fill.size = 8;
      s.submit(0, s.batch({s.member(0), fill}));
      s.fetch(5, kList, 128);
      const std::array<std::byte, 8> zero{};
      s.up(s.data_write(5, 0x4'9000, zero));
    })
NEGATIVE_TEST(MemberBehindFailedFence, Rule::kBatchFence, legal_failing, [](Sequence& s) {
  submit_failing(s);
  s.up(s.read_request(5, 0x1'2000, 256));
})
NEGATIVE_TEST(RecordBehindFailedFence, Rule::kBatchFence, legal_failing, [](Sequence& s) {
  legal_failing(s);
  s.up(s.record(5, 0x8420));
})
NEGATIVE_TEST(
    PredicateFailsTheFence, Rule::kBatchFence,
    [](Sequence& s) {  // status 0x02 counts as a failure (dsa.md 5.6)
      abi::Descriptor compare = s.compare();
      compare.flags |= 0x80;
      compare.set_expected_result(0);
      compare.completion_address = Iova{0x8400};
      s.submit(0, s.batch({compare, s.member(1, true)}));
      s.fetch(5, kList, 128);
      s.fetch(5, 0x1000, 64);
      s.fetch(5, 0x2000, 64);
      std::array<std::byte, 32> record{std::byte{2}, std::byte{1}};
      s.up(s.data_write(5, 0x8400, record));
      s.up(s.record(5, kRecord, 0x05, 1));
      s.end();
    },
    [](Sequence& s) {
      abi::Descriptor compare = s.compare();
      compare.flags |= 0x80;
      compare.set_expected_result(0);
      compare.completion_address = Iova{0x8400};
      s.submit(0, s.batch({compare, s.member(1, true)}));
      s.fetch(5, kList, 128);
      s.fetch(5, 0x1000, 64);
      s.fetch(5, 0x2000, 64);
      std::array<std::byte, 32> record{std::byte{2}, std::byte{1}};
      s.up(s.data_write(5, 0x8400, record));
      s.run(5, s.member(1, true));
    })
NEGATIVE_TEST(BatchRecordBeforeMembers, Rule::kBatchLast, legal_two, [](Sequence& s) {
  s.submit(0, s.batch({s.member(0), s.member(1)}));
  s.fetch(5, kList, 128);
  s.run(5, s.member(0));
  s.up(s.record(5, kRecord, 0x01, 2));
  s.run(5, s.member(1));
  s.end();
})
NEGATIVE_TEST(BatchRecordBeforeMemberRecord, Rule::kBatchLast, legal_two, [](Sequence& s) {
  s.submit(0, s.batch({s.member(0), s.member(1)}));
  s.fetch(5, kList, 128);
  s.run(5, s.member(0));
  s.run(5, s.without_record(s.member(1)));
  s.up(s.record(5, kRecord, 0x01, 2));
  s.up(s.record(5, 0x8420));
  s.end();
})
NEGATIVE_TEST(BatchCountWrong, Rule::kBatchRecord, legal_two, [](Sequence& s) {
  run_two(s);
  s.up(s.record(5, kRecord, 0x01, 1));
  s.end();
})
NEGATIVE_TEST(FailedMemberNotInBatchStatus, Rule::kBatchRecord, legal_failing, [](Sequence& s) {
  submit_failing(s);
  s.up(s.record(5, kRecord, 0x01, 1));
  s.end();
})
NEGATIVE_TEST(UnreadableListReportedAsSuccess, Rule::kBatchRecord, legal_unreadable,
              [](Sequence& s) {
                submit_unreadable(s);
                s.up(s.record(5, kRecord, 0x01, 16));
                s.end();
              })
NEGATIVE_TEST(
    BatchOfOne, Rule::kBatchRecord,
    [](Sequence& s) {  // GENCAP[52] = 0: a batch has at least two (dsa.md 5.6)
      abi::Descriptor batch = s.batch({s.member(0)});
      s.submit(0, batch);
      s.up(s.record(5, kRecord, 0x14));
      s.submit(0, s.batch({s.member(0), s.member(1)}));
      s.fetch(5, kList, 128);
      s.run(5, s.member(0));
      s.run(5, s.member(1));
      s.up(s.record(5, kRecord, 0x01, 2));
      s.end();
    },
    [](Sequence& s) {
      run_two(s);
      s.up(s.record(5, kRecord, 0x14, 0));
      s.end();
    })
NEGATIVE_TEST(MemberPasidFromItsBody, Rule::kSiovD23, legal_two, [](Sequence& s) {
  s.submit(0, s.batch({s.member(0), s.member(1)}));
  s.fetch(5, kList, 128);
  s.up(s.read_request(0x77, 0x1'0000, 256));
})
NEGATIVE_TEST(ListWithForeignPasid, Rule::kSiovD22, legal_two, [](Sequence& s) {
  s.submit(0, s.batch({s.member(0), s.member(1)}));
  s.up(s.read_request(6, kList, 128));
})
NEGATIVE_TEST(
    FencedMemberReadsOldData, Rule::kSbData,
    [](Sequence& s) {  // member 1 copies on what member 0 has copied
      abi::Descriptor second = s.member(1, true);
      second.source = s.member(0).destination;
      s.memory.poke(5, 0x1'0000, s.memory.bytes(5, 0x1'0003, 256));
      s.submit(0, s.batch({s.member(0), second}));
      s.fetch(5, kList, 128);
      s.run(5, s.member(0));
      s.memory.poke(5, 0x4'0000, s.memory.bytes(5, 0x1'0000, 256));
      s.run(5, second);
      s.up(s.record(5, kRecord, 0x01, 2));
      s.end();
    },
    [](Sequence& s) {
      abi::Descriptor second = s.member(1, true);
      second.source = s.member(0).destination;
      s.memory.poke(5, 0x1'0000, s.memory.bytes(5, 0x1'0003, 256));
      s.submit(0, s.batch({s.member(0), second}));
      s.fetch(5, kList, 128);
      const std::vector<std::byte> old = s.memory.bytes(5, 0x4'0000, 256);
      s.run(5, s.member(0));
      s.memory.poke(5, 0x4'0000, s.memory.bytes(5, 0x1'0000, 256));
      s.fetch(5, 0x4'0000, 256);
      s.up(s.data_write(5, 0x4'1000, old));
      s.up(s.record(5, 0x8420));
      s.up(s.record(5, kRecord, 0x01, 2));
      s.end();
    })
NEGATIVE_TEST(
    DrainOvertakesBatch, Rule::kSiovD44,
    [](Sequence& s) {
      s.submit(0, s.batch({s.member(0), s.member(1)}));
      s.submit(0, s.drain());
      s.fetch(5, kList, 128);
      s.run(5, s.member(0));
      s.run(5, s.member(1));
      s.up(s.record(5, kRecord, 0x01, 2));
      s.up(s.record(5, 0x8100));
      s.end();
    },
    [](Sequence& s) {
      s.submit(0, s.batch({s.member(0), s.member(1)}));
      s.submit(0, s.drain());
      s.fetch(5, kList, 128);
      s.run(5, s.member(0));
      s.up(s.record(5, 0x8100));
    })
NEGATIVE_TEST(
    DisableLosesMembers, Rule::kSiovD44,
    [](Sequence& s) {
      s.submit(0, s.batch({s.member(0), s.member(1)}));
      s.begin_command(7, 1);
      s.fetch(5, kList, 128);
      s.run(5, s.member(0));
      s.run(5, s.member(1));
      s.up(s.record(5, kRecord, 0x01, 2));
      s.end_command();
      s.end();
    },
    [](Sequence& s) {
      s.submit(0, s.batch({s.member(0), s.member(1)}));
      s.fetch(5, kList, 128);
      s.run(5, s.member(0));
      s.command(7, 1);
    })
NEGATIVE_TEST(
    MemberAfterAbort, Rule::kPcie29,
    [](Sequence& s) {
      s.submit(0, s.batch({s.member(0), s.member(1)}));
      s.begin_command(10, 1);  // Reset WQ
      s.fetch(5, kList, 128);
      s.run(5, s.member(0));
      s.end_command();
      s.end();
    },
    [](Sequence& s) {
      s.submit(0, s.batch({s.member(0), s.member(1)}));
      s.begin_command(10, 1);
      s.fetch(5, kList, 128);
      s.end_command();
      s.up(s.read_request(5, 0x1'0000, 256));
    })
NEGATIVE_TEST(
    MemberRecordMissing, Rule::kCrMissing,
    [](Sequence& s) {  // records of members and batch only on request; the batch interrupts
      abi::Descriptor batch =
          s.batch({s.without_record(s.member(0)), s.without_record(s.member(1))});
      batch = s.with_interrupt(s.without_record(batch), 1);
      s.submit(0, batch);
      s.fetch(5, kList, 128);
      s.run(5, s.without_record(s.member(1)));
      s.run(5, s.without_record(s.member(0)));
      s.up(s.message(true, 1));
      s.end();
    },
    [](Sequence& s) {
      s.submit(0, s.batch({s.member(0), s.member(1)}));
      s.fetch(5, kList, 128);
      s.run(5, s.member(0));
      s.run(5, s.without_record(s.member(1)));
      s.end();
    })
NEGATIVE_TEST(
    BatchInterruptBeforeRecord, Rule::kOrderCrIrq,
    [](Sequence& s) {
      s.submit(0, s.with_interrupt(s.batch({s.member(0), s.member(1)}), 1));
      s.fetch(5, kList, 128);
      s.run(5, s.member(0));
      s.run(5, s.member(1));
      s.up(s.record(5, kRecord, 0x01, 2));
      s.up(s.message(true, 1));
      s.end();
    },
    [](Sequence& s) {
      s.submit(0, s.with_interrupt(s.batch({s.member(0), s.member(1)}), 1));
      s.fetch(5, kList, 128);
      s.run(5, s.member(0));
      s.run(5, s.member(1));
      s.up(s.message(true, 1));
      s.up(s.record(5, kRecord, 0x01, 2));
      s.end();
    })

TEST(BatchTest, RecordMayOverwriteItsOwnListSlot) {  // dsa.md 5.6: fetched once
  Sequence s;
  abi::Descriptor first = s.member(0), second = s.member(1);
  first.completion_address = Iova{kList};
  second.completion_address = Iova{kList + 64};
  s.submit(0, s.batch({first, second}));
  s.fetch(5, kList, 128);
  s.run(5, first);
  s.run(5, second);
  s.up(s.record(5, kRecord, 0x01, 2));
  s.end();
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(s.referee.stats().racy, 0u);
  EXPECT_EQ(s.referee.stats().batches, 1u);
  EXPECT_EQ(s.referee.stats().members, 2u);
  EXPECT_EQ(s.referee.stats().finished, 1u);
}

TEST(BatchTest, ListWrittenInFlightIsTakenFromTheLink) {
  Sequence s;
  s.submit(0, s.batch({s.member(0), s.member(1)}));
  s.memory.poke(5, kList + 64, abi::to_line(s.member(2)));  // before the device reads it
  s.fetch(5, kList, 128);
  s.run(5, s.member(0));
  s.run(5, s.member(2));
  s.up(s.record(5, kRecord, 0x01, 2));
  s.end();
  EXPECT_EQ(s.text(), "");
}

TEST(BatchTest, FencedMemberReadsWhatCameBeforeWheneverTheWatchdogsRun) {
  Sequence s;
  const std::vector<std::byte> old = s.memory.bytes(5, 0x4'0000, 256);
  const std::vector<std::byte> fresh = s.memory.bytes(5, 0x1'0003, 256);
  s.memory.poke(5, 0x1'0000, fresh);
  abi::Descriptor second = s.member(1, true);
  second.source = s.member(0).destination;
  for (unsigned round = 0; round < 3000; ++round) {  // the watchdogs meet every TLP of a round
    s.memory.poke(5, 0x4'0000, old);
    s.submit(0, s.batch({s.member(0), second}));
    s.fetch(5, kList, 128);
    s.run(5, s.member(0));
    s.memory.poke(5, 0x4'0000, fresh);
    s.run(5, second);
    s.up(s.record(5, kRecord, 0x01, 2));
  }
  s.end();
  EXPECT_EQ(s.text(), "");
}

TEST(BatchTest, FencedMemberIsSeenByItsInterruptAlone) {
  Sequence s;
  abi::Descriptor told = s.with_interrupt(s.without_record(s.member(1, true)), 1);
  told.opcode = 0;
  told.source = told.destination = Iova{0};
  told.size = 0;
  s.submit(0, s.batch({s.member(0), told, s.member(2)}));
  s.fetch(5, kList, 192);
  s.run(5, s.member(0));
  s.up(s.message(true, 1));  // nothing else stands between the fence and it
  s.run(5, s.member(2));
  s.up(s.record(5, kRecord, 0x01, 3));
  s.end();
  EXPECT_EQ(s.text(), "");
}

TEST(BatchTest, FencedMemberIsSeenByItsLogEntryAlone) {
  Sequence s;
  s.log_on();
  abi::Descriptor bad = s.noop();
  bad.flags |= 1;  // fence
  bad.completion_address = Iova{0x8008};
  s.submit(0, s.batch({s.member(0), bad}));
  s.fetch(5, kList, 128);
  s.run(5, s.member(0));
  s.up(s.log_entry(0, {0x0000'0500'0000'1B9C, 0x0006'0000'0000'0001, 0x8008}));
  s.up(s.record(5, kRecord, 0x05, 2));
  s.end();
  EXPECT_EQ(s.text(), "");
}

TEST(BatchTest, DependentMembersWithoutFenceAreRacy) {
  Sequence s;
  abi::Descriptor second = s.member(1);
  second.source = s.member(0).destination;
  s.submit(0, s.batch({s.member(0), second}));
  s.fetch(5, kList, 128);
  s.fetch(5, 0x4'0000, 256);
  s.run(5, s.member(0));
  s.store(5, 0x4'1000, 0x4'0000, 256);
  s.up(s.record(5, 0x8420));
  s.up(s.record(5, kRecord, 0x01, 2));
  s.end();
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(s.referee.stats().racy, 1u);
}

TEST(BatchTest, SilentMembersDoNotHoldTheBatch) {
  Sequence s;
  abi::Descriptor quiet = s.without_record(s.noop());
  quiet.completion_address = Iova{0x8420};
  abi::Descriptor bad = s.noop();  // without record address its error is not seen on the link
  bad.opcode = 0x3F;
  bad.flags = 0;
  bad.completion_address = Iova{0};
  s.submit(0, s.batch({quiet, bad, quiet}));
  s.fetch(5, kList, 192);
  s.up(s.record(5, kRecord, 0x05, 3));
  s.end();
  EXPECT_EQ(s.text(), "");
}

TEST(BatchTest, SharedListsAreFetchedByEachBatch) {
  Sequence s;
  const abi::Descriptor n = s.without_record(s.noop());
  abi::Descriptor first = s.batch({n, n}), second = first;
  second.completion_address = Iova{0x8240};
  s.submit(0, first);
  s.submit(0, second);
  s.fetch(5, kList, 128);
  s.up(s.record(5, kRecord, 0x01, 2));
  s.fetch(5, kList, 128);
  s.up(s.record(5, 0x8240, 0x01, 2));
  s.end();
  EXPECT_EQ(s.text(), "");
}

}  // namespace siov::check::test
