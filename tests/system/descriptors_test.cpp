// SPDX-License-Identifier: Apache-2.0
// Descriptors: each operation, each status, flags and reserved bytes, the exact record, SWERROR.
// DSA 5, 2.7.
#include <algorithm>

#include "port_bench.hpp"

namespace siov::test {
namespace {

using port::CompletionStatus;
constexpr std::uint64_t kDwq = 0x0000, kSwq = 0x4000;
constexpr std::uint64_t kRecord = 0x100000, kSource = 0x200000, kTarget = 0x300000;
constexpr Record kNothing{0, 0, 0, 0}, kSuccess{1, 0, 0, 0};

struct DescriptorTest : PortTest {
  void SetUp() override {
    b.bring_up();
    b.write(0x408, 0x00011008);  // vector 1 belongs to PASID 0x11
    b.host.fill_count(kSource, 0x4000);
  }
  /// Plays one descriptor to its end. @return its record
  Record play(const Work& w, std::uint64_t portal = kDwq) {
    std::fill_n(b.host.memory.begin() + kRecord, 32, std::byte{0});
    if (portal >= kSwq) {
      EXPECT_EQ(b.enqcmd(portal, w), CompletionStatus::kSuccess);
    } else {
      b.movdir(portal, w);
    }
    EXPECT_EQ(b.command(3), 0u);
    return b.host.record(kRecord);
  }
  /// SWERROR quad word 0, then clears it as Linux does.
  std::uint64_t take_error() {
    const std::uint64_t e = b.read(0xC0, 8);
    b.write(0xC0, e & 3, 8);
    return e;
  }
  /// A legal descriptor of each operation.
  static Work legal(std::uint8_t opcode) {
    switch (opcode) {
      case 0x00:
        return Work::noop(kWantRecord, kRecord);
      case 0x02:
        return Work::drain(kWantRecord, kRecord);
      case 0x03:
        return Work::move(kSource, kTarget, 64, kRecord);
      case 0x04:
        return Work::fill(0x1122334455667788, kTarget, 64, kRecord);
      default:
        return Work::compare(kSource, kSource, 64, kRecord);
    }
  }
};

TEST_F(DescriptorTest, EachOperationSucceeds) {
  for (const std::uint8_t opcode : {0x00, 0x02, 0x03, 0x04, 0x05}) {
    EXPECT_EQ(play(legal(opcode)), kSuccess) << int{opcode};
    EXPECT_EQ(play(legal(opcode).as(0x21), kSwq), kSuccess) << int{opcode};
  }
  EXPECT_EQ(take_error(), 0u);
}

TEST_F(DescriptorTest,
       FlagsOutsideTheTableAreInvalid) {  // 5.2.1, 5.2.2; GENCAP: no block on fault
  const struct {
    std::uint8_t opcode;
    std::uint32_t allowed;
  } rules[] = {
      {0x00, 0x00101C}, {0x02, 0x0C101C}, {0x03, 0x00771C}, {0x04, 0x04751C}, {0x05, 0x00169C}};
  for (const auto& rule : rules) {
    for (unsigned bit = 0; bit < 24; ++bit) {
      Work w = legal(rule.opcode);
      w.flags |= 1u << bit;
      if (bit == 4) w.handle = 1;
      const bool fine = (rule.allowed >> bit & 1) != 0;
      const Record expected = fine ? kSuccess : Record{0x11, 0, std::uint64_t{1} << bit, 0};
      const Record got = play(w);
      EXPECT_EQ(got, expected) << "opcode " << int{rule.opcode} << " flag " << bit;
    }
  }
  EXPECT_EQ(take_error(), 0u) << "errors with a record are in the record only";
}

TEST_F(DescriptorTest, SeveralInvalidFlagsAreAllNamed) {  // 5.4 byte 16
  Work w = legal(0x00);
  w.flags |= 0xFF0000 | 0x8043;
  EXPECT_EQ(play(w), (Record{0x11, 0, 0xFF8043, 0}));
}

TEST_F(DescriptorTest, RequiredFlagsThatAreMissingAreNamed) {  // 5.2.2
  Work compare = legal(0x05);
  compare.flags = kRecordValid;
  EXPECT_EQ(play(compare), (Record{0x11, 0, 0x8, 0})) << "compare needs RCR";
  Work drain = legal(0x02);
  drain.flags = kRecordValid;
  EXPECT_EQ(play(drain), (Record{0x11, 0, 0x18, 0})) << "drain needs RCR or RCI";
  drain.flags = kWantInterrupt;
  drain.record = 0;
  drain.handle = 1;
  EXPECT_EQ(play(drain), kNothing);
  EXPECT_EQ(take_error(), 0u) << "RCI alone will do";
}

TEST_F(DescriptorTest, FlagErrorsWithoutARecordGoToSoftwareError) {  // 5.2.2, 5.4; 2.7
  Work w = legal(0x05);
  w.flags = 0;
  w.record = 0;
  EXPECT_EQ(play(w), kNothing);
  EXPECT_EQ(take_error(), 0x000011050000118Du) << "compare without record";
  w = Work::noop(kRecordRequest, 0);
  EXPECT_EQ(play(w), kNothing);
  EXPECT_EQ(take_error(), 0x000011000000118Du) << "RCR without CRAV";
  w = Work::noop(0x1000, 0);
  EXPECT_EQ(play(w), kNothing);
  EXPECT_EQ(take_error(), 0x000011000000118Du) << "record traffic class without CRAV";
}

TEST_F(DescriptorTest, ReservedBytesMustBeZero) {  // 5.2.1
  const struct {
    std::uint8_t opcode;
    unsigned first, last;
  } ranges[] = {{0x00, 16, 35}, {0x00, 38, 63}, {0x02, 16, 35}, {0x02, 38, 63},
                {0x03, 38, 63}, {0x04, 38, 63}, {0x05, 38, 63}};
  for (const auto& range : ranges) {
    for (unsigned at = range.first; at <= range.last; ++at) {
      Work w = legal(range.opcode);
      w.set[at] = at % 2 != 0 ? 0x80 : 0x01;
      EXPECT_EQ(play(w), (Record{0x12, 0, 0, 0}))
          << "opcode " << int{range.opcode} << " byte " << at;
    }
  }
  Work w = legal(0x05);
  w.flags |= kCheckResult;
  for (unsigned at = 41; at <= 63; ++at) {
    w.set = {};
    w.set[at] = 0x40;
    EXPECT_EQ(play(w), (Record{0x12, 0, 0, 0})) << "compare with check, byte " << at;
  }
}

TEST_F(DescriptorTest, ConditionallyReservedFields) {  // 5.2.2
  Work w = legal(0x00);
  w.handle = 1;
  EXPECT_EQ(play(w), (Record{0x12, 0, 0, 0})) << "handle without RCI";
  w = Work::noop(0, 0x100000);
  EXPECT_EQ(play(w), kNothing);
  EXPECT_EQ(take_error(), 0x000011000000128Du) << "record address without CRAV";
  for (unsigned bit = 20; bit <= 30; ++bit) {
    EXPECT_EQ(play(legal(0x00).as(0x21 | 1u << bit), kSwq), (Record{0x12, 0, 0, 0}))
        << "dword 0 bit " << bit << ": 4.3";
    EXPECT_EQ(play(legal(0x00).as(1u << bit), kDwq), kSuccess)
        << "ignored in a dedicated queue: 4.3";
  }
}

TEST_F(DescriptorTest, UnsupportedOpcodes) {  // 2.4, 5.5 code 10
  for (const unsigned opcode : {0x0Au, 0x0Bu, 0x0Fu, 0x16u, 0x17u, 0x18u, 0x1Fu, 0x21u, 0x23u,
                                0x3Fu, 0x40u, 0x43u, 0x80u, 0x83u, 0xFFu}) {
    Work w = legal(0x00);
    w.opcode = static_cast<std::uint8_t>(opcode);
    EXPECT_EQ(play(w), (Record{0x10, 0, 0, 0})) << std::hex << opcode;
  }
}

TEST_F(DescriptorTest, TransferSizeMustBeInRange) {  // 5.6, 5.10 code 13
  EXPECT_EQ(b.command(7, 0x1), 0u);
  b.write(0x80C, 12 | 5u << 5);  // 4 KiB
  EXPECT_EQ(b.command(6, 0), 0u);
  for (const std::uint8_t opcode : {0x03, 0x04, 0x05}) {
    Work w = legal(opcode);
    w.size = 0;
    EXPECT_EQ(play(w), (Record{0x13, 0, 0, 0})) << int{opcode};
    w.size = 4097;
    EXPECT_EQ(play(w), (Record{0x13, 0, 0, 0})) << int{opcode};
    w.size = 0xFFFFFFFF;
    EXPECT_EQ(play(w), (Record{0x13, 0, 0, 0})) << int{opcode};
    w.size = 4096;
    EXPECT_EQ(play(w), kSuccess) << int{opcode};
  }
}

TEST_F(DescriptorTest, MoveCopiesAcrossPagesAndAlignments) {  // 5.6 (03)
  EXPECT_EQ(play(Work::move(kSource + 3, kTarget + 4093, 5000, kRecord)), kSuccess);
  for (unsigned i = 0; i < 5000; ++i)
    ASSERT_EQ(b.host.byte(kTarget + 4093 + i), (3 + i) & 0xFF) << i;
  EXPECT_EQ(b.host.byte(kTarget + 4092), 0u);
  EXPECT_EQ(b.host.byte(kTarget + 4093 + 5000), 0u);
}

TEST_F(DescriptorTest, MoveIsRightWhenBuffersOverlap) {  // 5.6 (03), GENCAP[1]
  EXPECT_EQ(play(Work::move(kSource, kSource + 100, 6000, kRecord)), kSuccess);
  for (unsigned i = 0; i < 6000; ++i) ASSERT_EQ(b.host.byte(kSource + 100 + i), i & 0xFF) << i;
  b.host.fill_count(kSource, 0x4000);
  EXPECT_EQ(play(Work::move(kSource + 100, kSource, 6000, kRecord)), kSuccess);
  for (unsigned i = 0; i < 6000; ++i) ASSERT_EQ(b.host.byte(kSource + i), (100 + i) & 0xFF) << i;
}

TEST_F(DescriptorTest, FillRepeatsThePatternFromTheFirstByte) {  // 5.6 (04)
  EXPECT_EQ(play(Work::fill(0x8877665544332211, kTarget + 5, 21, kRecord)), kSuccess);
  const std::uint8_t expected[] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                   0x88, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                   0x88, 0x11, 0x22, 0x33, 0x44, 0x55, 0x00};
  for (unsigned i = 0; i < 23; ++i) EXPECT_EQ(b.host.byte(kTarget + 4 + i), expected[i]) << i;
}

TEST_F(DescriptorTest, CompareGivesTheFirstDifference) {  // 5.6 (05), 5.4
  b.host.fill_count(kTarget, 0x4000);
  EXPECT_EQ(play(Work::compare(kSource, kTarget, 9000, kRecord)), kSuccess);
  for (const unsigned at : {0u, 1u, 63u, 64u, 4095u, 4096u, 8999u}) {
    b.host.memory[kTarget + at] ^= std::byte{0x20};
    b.host.memory[kTarget + 9000] ^= std::byte{1};
    EXPECT_EQ(play(Work::compare(kSource, kTarget, 9000, kRecord)),
              (Record{std::uint64_t{at} << 32 | 0x0101, 0, 0, 0}))
        << at;
    b.host.memory[kTarget + at] ^= std::byte{0x20};
  }
}

TEST_F(DescriptorTest, CheckResultTable) {  // 5.6 (05)
  b.host.fill_count(kTarget, 64);
  b.host.fill_count(kTarget + 64, 64, 1);
  const struct {
    bool check;
    std::uint8_t expected;
    bool different;
    std::uint64_t word0;
  } rows[] = {{false, 0, false, 0x0001}, {false, 0, true, 0x0101}, {true, 0, false, 0x0001},
              {true, 0, true, 0x0102},   {true, 1, false, 0x0002}, {true, 1, true, 0x0101}};
  for (const auto& row : rows) {
    Work w = Work::compare(kSource, row.different ? kTarget + 64 : kTarget, 64, kRecord);
    if (row.check) w.flags |= kCheckResult;
    w.set[40] = row.expected;
    EXPECT_EQ(play(w), (Record{row.word0, 0, 0, 0}))
        << row.check << int{row.expected} << row.different;
  }
}

TEST_F(DescriptorTest,
       RefusedReadsEndWithStatus20) {  // 5.5 code 20; fields of 5.4 that have no meaning are 0
  for (const port::DmaStatus refusal :
       {port::DmaStatus::kUnsupportedRequest, port::DmaStatus::kCompleterAbort}) {
    b.host.refusal = refusal;
    b.host.bad_pages = {kSource + 0x1000};
    EXPECT_EQ(play(Work::move(kSource + 0x1000, kTarget, 64, kRecord)), (Record{0x20, 0, 0, 0}));
    EXPECT_EQ(play(Work::move(kSource, kTarget, 0x3000, kRecord)), (Record{0x20, 0, 0, 0}))
        << "in the middle";
    EXPECT_EQ(play(Work::compare(kSource + 0x1000, kTarget, 64, kRecord)), (Record{0x20, 0, 0, 0}));
    b.host.fill_count(kTarget, 64);
    EXPECT_EQ(play(Work::compare(kTarget, kSource + 0x1000, 64, kRecord)), (Record{0x20, 0, 0, 0}));
    b.host.bad_pages.clear();
    EXPECT_EQ(play(Work::move(kSource + 0x1000, kTarget, 64, kRecord)), kSuccess)
        << "the next one is well";
  }
}

TEST_F(DescriptorTest, RefusedReadWritesNothingPastTheFault) {  // 5.5 code 20: the caller must not
                                                                // see data that was not read
  b.host.bad_pages = {kSource + 0x1000};
  EXPECT_EQ(play(Work::move(kSource, kTarget, 0x3000, kRecord)), (Record{0x20, 0, 0, 0}));
  for (unsigned i = 0x1000; i < 0x2000; ++i) ASSERT_EQ(b.host.byte(kTarget + i), 0u) << i;
}

TEST_F(DescriptorTest, RecordOnlyOnRequestOrError) {  // 5.4
  Work w = legal(0x00);
  w.flags = kRecordValid;
  EXPECT_EQ(play(w), kNothing) << "success without RCR";
  w.opcode = 0x3F;
  EXPECT_EQ(play(w), (Record{0x10, 0, 0, 0})) << "an error is always recorded";
  w.flags = 0;
  w.record = 0;
  EXPECT_EQ(play(w), kNothing);
  EXPECT_EQ(take_error(), 0x0000113F0000108Du) << "without CRAV it goes to SWERROR";
}

TEST_F(DescriptorTest, RecordIsOneAlignedWriteAfterTheData) {  // 5.3
  b.host.seen.clear();
  EXPECT_EQ(play(Work::move(kSource, kTarget, 1000, kRecord)), kSuccess);
  const std::vector<Seen> record = b.host.touching(kRecord, 32);
  ASSERT_EQ(record.size(), 1u);
  EXPECT_EQ(record[0].address, kRecord);
  EXPECT_EQ(record[0].bytes, 32u);
  EXPECT_EQ(b.host.seen.back().address, kRecord) << "nothing follows";
}

TEST_F(DescriptorTest, MisalignedRecordAddressIsLogged) {  // 5.5 code 1b
  for (const std::uint64_t offset : {1u, 4u, 8u, 16u, 31u}) {
    Work w = legal(0x03);
    w.record = kRecord + offset;
    b.host.seen.clear();
    (void)play(w);
    EXPECT_TRUE(b.host.seen.empty()) << "the descriptor is discarded: 5.2.3";
    EXPECT_EQ(b.read(0xC8, 8), 0x0004000000000000u) << "a record was required";
    EXPECT_EQ(b.read(0xD0, 8), kRecord + offset);
    EXPECT_EQ(b.read(0xD8, 8), 0u);
    EXPECT_EQ(take_error(), 0x0000110300001B8Du);
  }
}

TEST_F(DescriptorTest, BadHandleIsRecordedAndLogged) {  // 2.10, 5.5 code 19
  Work w = legal(0x00);
  w.flags |= kWantInterrupt;
  w.handle = 2;  // PASID disabled in MSIXPERM
  EXPECT_EQ(play(w), (Record{0x19, 0, 0, 0}));
  EXPECT_EQ(b.read(0xC8, 8), 0x0005000200000000u) << "handle 2, RCI, a record was required";
  EXPECT_EQ(b.read(0xD0, 8), 0u);
  EXPECT_EQ(take_error(), 0x000011000000198Du);
  EXPECT_TRUE(b.host.messages().empty()) << "SIOV-D-33";
}

TEST_F(DescriptorTest, PrivilegedSubmissionNeedsTheMode) {  // 4.3 code 1d
  EXPECT_EQ(play(legal(0x00).as(0x80000021), kSwq), kSuccess) << "mode on";
  EXPECT_EQ(b.command(2), 0u);
  b.set_config(0x236, 0x1, 2);
  EXPECT_EQ(b.command(1), 0u);
  EXPECT_EQ(b.command(6, 1), 0u);
  EXPECT_EQ(play(legal(0x00).as(0x80000021), kSwq), kNothing) << "nothing in it can be trusted";
  EXPECT_EQ(take_error(), 0x0000210000011DCDu)
      << "valid, descriptor, queue, privileged, information; WQ 1, PASID 21";
  EXPECT_EQ(play(legal(0x00).as(0x00000021), kSwq), kSuccess);
}

TEST_F(DescriptorTest, UserInterruptsNeedGencfg) {  // 5.2.2
  EXPECT_EQ(b.command(2), 0u);
  b.write(0x80, 0x0060);
  b.write(0x410, 0x00000000);  // vector 2: no PASID
  EXPECT_EQ(b.command(1), 0u);
  EXPECT_EQ(b.command(6, 0), 0u);
  Work w = legal(0x00);
  w.flags |= kWantInterrupt;
  w.handle = 1;
  EXPECT_EQ(play(w), (Record{0x11, 0, 0x10, 0}));
  EXPECT_TRUE(b.host.messages().empty());
  EXPECT_EQ(b.command(7, 0x1), 0u);
  b.write(0x808, 0x30001111);  // privileged
  EXPECT_EQ(b.command(6, 0), 0u);
  EXPECT_EQ(play(w), kSuccess);
  EXPECT_EQ(b.command(7, 0x1), 0u);
  b.write(0x808, 0x00000011);  // no PASID
  EXPECT_EQ(b.command(6, 0), 0u);
  w.handle = 2;
  EXPECT_EQ(play(w), kSuccess);
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0x51, 0x52}));
}

TEST_F(DescriptorTest, SoftwareErrorKeepsTheFirstAndNotesMore) {  // 2.7, SIOV-D-51
  b.write(0x88, 1);
  Work first = legal(0x03);
  first.record = kRecord + 8;
  Work second;
  second.opcode = 0x3F;
  (void)play(first);
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0x50}));
  EXPECT_EQ(b.read(0x98), 0x1u);
  (void)play(second);
  EXPECT_EQ(b.read(0xC0, 8), 0x0000110300001B8Fu);
  EXPECT_EQ(b.read(0xD0, 8), kRecord + 8);
  EXPECT_EQ(b.host.messages().size(), 1u) << "only valid 0 to 1 interrupts";
  b.write(0xC0, 0x2, 8);
  EXPECT_EQ(b.read(0xC0) & 3, 1u) << "each bit on its own";
  b.write(0xC0, 0xFFFFFFFFFFFFFFFC, 8);
  EXPECT_EQ(b.read(0xC0) & 3, 1u);
  b.write(0xC0, 0x1, 8);
  EXPECT_EQ(b.read(0xC0) & 3, 0u);
  (void)play(second);
  EXPECT_EQ(b.read(0xC0, 8), 0x0000113F0000108Du);
  EXPECT_EQ(b.read(0xD0, 8), 0u);
  EXPECT_EQ(b.host.messages().size(), 2u);
}

TEST_F(DescriptorTest, SoftwareErrorInterruptNeedsItsEnable) {  // 2.7
  Work bad;
  bad.opcode = 0x3F;
  (void)play(bad);
  EXPECT_EQ(b.read(0xC0) & 1, 1u);
  EXPECT_EQ(b.read(0x98), 0u);
  EXPECT_TRUE(b.host.messages().empty());
}

TEST_F(DescriptorTest,
       PasidComesFromTheQueueOrTheSubmission) {  // 4.3, SIOV-D-22, SIOV-D-23, SIOV-D-11
  for (const std::uint32_t pasid : {0x00001u, 0x7FFFFu, 0xFFFFFu}) {
    b.host.seen.clear();
    EXPECT_EQ(play(legal(0x03).as(pasid), kSwq), kSuccess);
    ASSERT_FALSE(b.host.seen.empty());
    for (const Seen& s : b.host.seen) {
      EXPECT_EQ(s.pasid, pasid);
      EXPECT_FALSE(s.privileged);
      EXPECT_EQ(s.requester, 0x0100u);
    }
  }
  b.host.seen.clear();
  EXPECT_EQ(play(legal(0x03).as(0x80000021), kDwq), kSuccess)
      << "PASID and privilege of the descriptor are ignored";
  ASSERT_FALSE(b.host.seen.empty());
  for (const Seen& s : b.host.seen) {
    EXPECT_EQ(s.pasid, 0x11u);
    EXPECT_FALSE(s.privileged);
  }
}

TEST_F(DescriptorTest, PrivilegeComesFromTheQueueOrTheSubmission) {  // 4.3, SIOV-D-08
  b.host.seen.clear();
  EXPECT_EQ(play(legal(0x03).as(0x80000021), kSwq), kSuccess);
  for (const Seen& s : b.host.seen) EXPECT_TRUE(s.privileged);
  EXPECT_EQ(b.command(7, 0x1), 0u);
  b.write(0x808, 0x30001111);
  EXPECT_EQ(b.command(6, 0), 0u);
  b.host.seen.clear();
  EXPECT_EQ(play(legal(0x03)), kSuccess);
  ASSERT_FALSE(b.host.seen.empty());
  for (const Seen& s : b.host.seen) EXPECT_TRUE(s.privileged);
}

TEST_F(DescriptorTest, QueueWithoutPasidSendsPlainRequests) {  // 1.4, SIOV-D-29
  EXPECT_EQ(b.command(7, 0x1), 0u);
  b.write(0x808, 0x20001111);  // PASID field set, not enabled; privileged
  EXPECT_EQ(b.command(6, 0), 0u);
  b.host.seen.clear();
  EXPECT_EQ(play(legal(0x03).as(0x21)), kSuccess);
  ASSERT_FALSE(b.host.seen.empty());
  for (const Seen& s : b.host.seen) EXPECT_FALSE(s.pasid.has_value());
}

TEST_F(DescriptorTest, DmaIntoTheInterruptWindowKeepsItsPasid) {  // SIOV-D-28
  b.host.seen.clear();
  Work w = legal(0x00);
  w.record = 0xFEE00020;
  (void)play(w);
  (void)play(Work::fill(0x50, 0xFEE00000, 4, kRecord));
  (void)play(Work::move(kSource, 0xFEE01000, 4, kRecord));
  EXPECT_TRUE(b.host.messages().empty()) << "no interrupt can be forged";
  for (const std::uint64_t at : {0xFEE00020u, 0xFEE00000u, 0xFEE01000u}) {
    const std::vector<Seen> writes = b.host.touching(at, 4);
    ASSERT_EQ(writes.size(), 1u) << std::hex << at;
    EXPECT_EQ(writes[0].kind, Seen::kWrite);
    EXPECT_EQ(writes[0].pasid, 0x11u);
  }
}

}  // namespace
}  // namespace siov::test
