// SPDX-License-Identifier: Apache-2.0
// Faults of what belongs to the control of work: completion records, descriptor lists, readbacks,
// and who is told (dsa 2.7, 2.11, 5.6 (01, 02), 5.7).
#include "engine_bench.hpp"

namespace siov::blocks {
namespace {

constexpr std::uint64_t kSrc = 0x10'0000, kDst = 0x20'0000, kList = 0x40'0FC0, kRecord = 0x9000;

Bytes noise(std::size_t n) {
  Bytes out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<std::uint8_t>(i * 5 + 3);
  return out;
}

abi::Descriptor copy(std::uint64_t record, std::uint32_t size = 256) {
  abi::Descriptor d = operation(0x03, record);
  d.source = Iova{kSrc};
  d.destination = Iova{kDst};
  d.size = size;
  return d;
}

Bytes line(const abi::Descriptor& d) {
  Bytes out;
  for (const std::byte b : abi::to_line(d)) out.push_back(std::to_integer<std::uint8_t>(b));
  return out;
}

// ---------------------------------------------------------------- records
TEST(EngineRecordFaultTest, WithoutPageRequestsTheRecordIsReported) {
  for (const bool log : {false, true}) {
    EngineBench b(41);
    b.dut().evl_i = log;
    b.write(kSrc, noise(256));
    b.page(kRecord).present = false;
    Work w{copy(kRecord + 0x40)};
    w.prs = false;
    w.wq = 3;
    b.submit(w);
    b.run();
    EXPECT_EQ(b.read(kDst, 256), noise(256));
    ASSERT_EQ(b.reports.size(), 1U);
    const Report& r = b.reports[0];
    EXPECT_EQ(r.code, 0x1A);
    EXPECT_TRUE(r.write);
    EXPECT_TRUE(r.has_record);
    EXPECT_EQ(r.address, kRecord + 0x40);
    // Operand 5 in bits 31:29, bit 18: the record was required; no interrupt asked for.
    EXPECT_EQ(r.info, 5U << 29 | 1U << 18);
    EXPECT_EQ(abi::decode_completion_record(r.record).status, 0x01);
    EXPECT_EQ(b.record(kRecord + 0x40).status, 0);
  }
}

TEST(EngineRecordFaultTest, RecordsBlockWheneverPageRequestsAreOn) {
  for (const PageAnswer answer :
       {PageAnswer::kMap, PageAnswer::kInvalid, PageAnswer::kFailure, PageAnswer::kEmpty}) {
    EngineBench b(42);
    b.page(kRecord).present = false;
    b.page(kRecord).answer = answer;
    Work w{copy(kRecord)};
    w.bof = false;
    b.submit(w);
    b.run();
    EXPECT_EQ(b.page(kRecord).requests, answer == PageAnswer::kEmpty ? 8U : 1U);
    if (answer == PageAnswer::kMap) {
      EXPECT_EQ(b.record(kRecord).status, 0x01);
      EXPECT_TRUE(b.reports.empty());
    } else {
      ASSERT_EQ(b.reports.size(), 1U);
      EXPECT_EQ(b.reports[0].code, 0x1A);  // dsa 5.7: PRS off or fails
    }
  }
}

TEST(EngineRecordFaultTest, ARecordThatTellsOfAFaultMayFaultItself) {
  EngineBench b(43);
  b.page(kDst).present = false;
  b.page(kRecord).present = false;
  Work w{copy(kRecord)};
  w.prs = false;
  b.submit(w);
  b.run();
  ASSERT_EQ(b.reports.size(), 1U);
  EXPECT_EQ(b.reports[0].code, 0x1A);
  const abi::CompletionRecord r = abi::decode_completion_record(b.reports[0].record);
  EXPECT_EQ(r.status, 0x83);
  EXPECT_EQ(r.fault_address.value, kDst);
}

TEST(EngineRecordFaultTest, AResubmittedDescriptorIsLookedUpAgain) {
  EngineBench b(44);
  b.page(kRecord).present = false;
  Work w{copy(kRecord)};
  w.prs = false;
  b.submit(w);
  b.run();
  b.page(kRecord).present = true;
  b.submit(w);
  b.run();
  EXPECT_EQ(b.record(kRecord).status, 0x01);
  EXPECT_EQ(b.reports.size(), 1U);
}

TEST(EngineRecordFaultTest, AFaultWithoutARecordIsReportedWithItsOperand) {
  struct Which {
    std::uint8_t opcode;
    std::uint64_t page;
    std::uint32_t operand;
    bool write;
  };
  for (const Which& c :
       {Which{0x03, kSrc, 1, false}, Which{0x03, kDst, 3, true}, Which{0x09, 0x30'0000, 4, true}}) {
    EngineBench b(45);
    b.page(c.page).present = false;
    abi::Descriptor d = copy(0);
    d.opcode = c.opcode;
    d.flags = 0;
    d.completion_address = Iova{0};
    if (c.opcode == 0x09) d.set_field(40, 8, 0x30'0000);
    Work w{d};
    w.prs = false;
    b.submit(w);
    b.run();
    ASSERT_EQ(b.reports.size(), 1U);
    EXPECT_EQ(b.reports[0].code, 0x03);
    EXPECT_EQ(b.reports[0].write, c.write);
    EXPECT_EQ(b.reports[0].address, c.page);
    EXPECT_EQ(b.reports[0].info, c.operand << 29);
    EXPECT_FALSE(b.reports[0].has_record);
    EXPECT_TRUE(c.opcode == 0x09 || b.writes.empty());
  }
}

TEST(EngineRecordFaultTest, SecondSourcesAndSeedsAreOperand2) {
  for (const std::uint8_t opcode : {0x05, 0x10}) {
    EngineBench b(46);
    b.page(opcode == 0x05 ? kDst : 0x50'0000).present = false;
    b.page(kRecord).present = false;  // the report of the record has operand 5
    abi::Descriptor d = copy(kRecord);
    d.opcode = opcode;
    if (opcode == 0x10) {
      d.destination = Iova{0};
      d.flags |= abi::flag(16);
      d.set_field(48, 8, 0x50'0000);
    }
    Work w{d};
    w.prs = false;
    b.submit(w);
    b.run();
    ASSERT_EQ(b.reports.size(), 1U);
    EXPECT_EQ(b.reports[0].info >> 29, 5U);
    const abi::CompletionRecord r = abi::decode_completion_record(b.reports[0].record);
    EXPECT_EQ(r.status, 0x03);
    EXPECT_EQ(r.fault_address.value, opcode == 0x05 ? kDst : 0x50'0000);
  }
}

// ---------------------------------------------------------------- batches
Work batch(EngineBench& b, unsigned count, std::uint64_t list = kList) {
  for (unsigned i = 0; i < count; ++i) b.write(list + 64 * i, line(copy(0xA000 + 32 * i)));
  abi::Descriptor d = operation(0x01, kRecord);
  d.source = Iova{list};
  d.size = count;
  return Work{d};
}

TEST(EngineBatchFaultTest, AListFaultIs06BehindTheMembersBeforeIt) {
  struct Which {
    std::uint64_t page;
    std::uint32_t completed;
  };
  for (const Which& c : {Which{kList & ~0xFFFULL, 0}, Which{0x40'1000, 1}}) {
    for (const bool prs : {false, true}) {
      EngineBench b(47);
      Work w = batch(b, 4);
      w.prs = prs;
      b.page(c.page).present = false;
      b.page(c.page).answer = PageAnswer::kInvalid;
      b.submit(w);
      b.run();
      const abi::CompletionRecord r = b.record(kRecord);
      EXPECT_EQ(r.status, 0x06);
      EXPECT_EQ(r.bytes_completed, c.completed);
      EXPECT_EQ(r.fault_address.value, c.page);
      EXPECT_EQ(b.page(c.page).requests, prs ? 1U : 0U);
      EXPECT_EQ(b.record(0xA000).status, c.completed != 0 ? 1 : 0);
      EXPECT_EQ(b.record(0xA020).status, 0);
    }
  }
}

TEST(EngineBatchFaultTest, AListBlocksWheneverPageRequestsAreOn) {
  EngineBench b(48);
  Work w = batch(b, 4);
  w.bof = false;
  b.page(0x40'1000).present = false;
  b.submit(w);
  b.run();
  EXPECT_EQ(b.record(kRecord).status, 0x01);
  EXPECT_EQ(b.record(kRecord).bytes_completed, 4U);
  EXPECT_EQ(b.page(0x40'1000).requests, 1U);
}

TEST(EngineBatchFaultTest, ATranslationOfTheListThatFailsIs22) {
  EngineBench b(49);
  const Work w = batch(b, 4);
  b.page(0x40'1000).broken = true;
  b.submit(w);
  b.run();
  EXPECT_EQ(b.record(kRecord).status, 0x22);
}

TEST(EngineBatchFaultTest, AMemberThatFaultsMakesTheBatch05) {
  EngineBench b(50);
  Work w = batch(b, 3);
  abi::Descriptor bad = copy(0xA020);
  bad.destination = Iova{0x60'0000};
  b.write(kList + 64, line(bad));
  b.page(0x60'0000).present = false;
  w.prs = false;
  b.submit(w);
  b.run();
  EXPECT_EQ(b.record(0xA000).status, 0x01);
  EXPECT_EQ(b.record(0xA020).status, 0x83);
  EXPECT_EQ(b.record(0xA040).status, 0x01);
  EXPECT_EQ(b.record(kRecord).status, 0x05);
  EXPECT_EQ(b.record(kRecord).bytes_completed, 3U);
}

// dsa 2.11: the record of the batch follows that of its member into the log, with code 27.
TEST(EngineBatchFaultTest, ALoggedMemberRecordTakesTheBatchRecordAlong) {
  EngineBench b(51);
  b.dut().evl_i = 1;
  Work w = batch(b, 2);
  b.write(kList + 64, line(copy(0x7'0000)));
  b.page(0x7'0000).present = false;
  w.prs = false;
  b.submit(w);
  b.run();
  ASSERT_EQ(b.reports.size(), 2U);
  EXPECT_EQ(b.reports[0].code, 0x1A);
  EXPECT_TRUE(b.reports[0].batch);
  EXPECT_EQ(b.reports[0].info, 5U << 29 | 1U << 19 | 1U << 18);  // the first error of its batch
  EXPECT_EQ(b.reports[1].code, 0x27);
  EXPECT_EQ(b.reports[1].address, kRecord);
  EXPECT_EQ(abi::decode_completion_record(b.reports[1].record).status, 0x01);
  EXPECT_EQ(abi::decode_completion_record(b.reports[1].record).bytes_completed, 2U);
  EXPECT_EQ(b.record(kRecord).status, 0);
  // The next batch is written as ever.
  b.submit(batch(b, 2));
  b.run();
  EXPECT_EQ(b.record(kRecord).status, 0x01);
}

// ---------------------------------------------------------------- readbacks
TEST(EngineReadbackFaultTest, ADrainReadbackThatFaultsIs1f) {
  for (const bool second : {false, true}) {
    for (const bool prs : {false, true}) {
      EngineBench b(52);
      abi::Descriptor d = operation(0x02, kRecord);
      d.flags |= abi::flag(16) | abi::flag(17);
      d.source = Iova{kSrc + 0x123};
      d.destination = Iova{kDst + 0x456};
      Page& page = b.page(second ? kDst : kSrc);
      page.present = false;
      page.answer = PageAnswer::kInvalid;
      Work w{d};
      w.prs = prs;
      w.bof = false;
      b.submit(w);
      b.run();
      const abi::CompletionRecord r = b.record(kRecord);
      EXPECT_EQ(r.status, 0x1F);
      EXPECT_EQ(r.fault_address.value, second ? kDst + 0x456 : kSrc + 0x123);
      EXPECT_EQ(page.requests, prs ? 1U : 0U);
    }
  }
}

TEST(EngineReadbackFaultTest, ADrainReadbackBlocksWheneverPageRequestsAreOn) {
  EngineBench b(53);
  abi::Descriptor d = operation(0x02, kRecord);
  d.flags |= abi::flag(16);
  d.source = Iova{kSrc};
  b.page(kSrc).present = false;
  b.submit(d);
  b.run();
  EXPECT_EQ(b.record(kRecord).status, 0x01);
  EXPECT_EQ(b.page(kSrc).requests, 1U);
  EXPECT_EQ(b.reads, 1U);
}

TEST(EngineReadbackFaultTest, ADestinationReadbackIsTranslated) {
  EngineBench b(54);
  b.write(kSrc, noise(256));
  abi::Descriptor d = copy(kRecord);
  d.flags |= abi::flag(abi::kFlagCc2);
  b.submit(d);
  b.run();
  EXPECT_EQ(b.record(kRecord).status, 0x01);
  EXPECT_EQ(b.reads, 2U);
}

// dsa 2.11: with PRS off a drain's record goes to the log, with PRS on to memory.
TEST(EngineReadbackFaultTest, ADrainIsLoggedOnlyWithoutPageRequests) {
  for (const bool prs : {false, true}) {
    EngineBench b(55);
    b.dut().evl_i = 1;
    Work w{operation(0x02, kRecord)};
    w.prs = prs;
    b.submit(w);
    b.run();
    EXPECT_EQ(b.reports.size(), prs ? 0U : 1U);
    EXPECT_EQ(b.record(kRecord).status, prs ? 1 : 0);
    if (!prs) EXPECT_EQ(b.reports[0].code, 0x26);
  }
}

}  // namespace
}  // namespace siov::blocks
