// SPDX-License-Identifier: Apache-2.0
// predict with pages that are absent: bytes completed, records, writes that must and may be.
// Literals from DSA 2.7, 2.11, 5.4, 5.6, 5.7.
#include "model/page_fault.hpp"

#include <set>

#include "predict_bench.hpp"

namespace siov::model {
namespace {

constexpr Operand kS1 = Operand::kSource1, kS2 = Operand::kSource2, kD1 = Operand::kDestination1,
                  kD2 = Operand::kDestination2;

PageAccess reading(Operand operand, std::uint64_t page) { return {operand, Iova{page}, false}; }
PageAccess writing(Operand operand, std::uint64_t page) { return {operand, Iova{page}, true}; }

/// A descriptor over several pages: source 0x1F00, second operand 0x4E00, third 0x8E00.
abi::Descriptor wide(std::uint8_t opcode, std::uint32_t size) {
  abi::Descriptor d = valid(opcode);
  d.source = Iova{0x1F00};
  d.destination = Iova{0x4E00};
  d.size = size;
  return d;
}

Prediction stop(const abi::Descriptor& d, const PageAccess& at, std::uint8_t status = 0x03,
                std::uint32_t most = 0xFFFFFFFF) {
  const Memory memory;
  const auto p = predict_fault(d, full_context(), memory, {at, status, most});
  EXPECT_TRUE(p.has_value());
  return p.value_or(Prediction{});
}

std::uint64_t sure_bytes(const Prediction& p) {
  std::uint64_t bytes = 0;
  for (const Write& w : p.writes) bytes += w.optional ? 0 : w.data.size();
  return bytes;
}

TEST(PageGateTest, OpenPagesChangeNothing) {
  const Memory memory;
  std::vector<PageAccess> asked;
  const auto gate = [&](const PageAccess& a) -> std::uint8_t {
    asked.push_back(a);
    return 0;
  };
  const Prediction p = predict(wide(0x03, 0x1200), full_context(), memory, gate);
  EXPECT_EQ(p.status, 0x01);
  EXPECT_FALSE(p.fault.has_value());
  EXPECT_EQ(asked, (std::vector<PageAccess>{reading(kS1, 0x1000), reading(kS1, 0x2000),
                                            reading(kS1, 0x3000), writing(kD1, 0x4000),
                                            writing(kD1, 0x5000)}));
}

TEST(PageGateTest, NothingIsAskedBeyondAnAbsentSource) {
  const Memory memory;
  std::set<std::uint64_t> asked;
  const auto gate = [&](const PageAccess& a) -> std::uint8_t {
    asked.insert(a.page.value);
    return a.page == Iova{0x2000} ? 0x03 : 0;
  };
  const Prediction p = predict(wide(0x03, 0x1200), full_context(), memory, gate);
  EXPECT_EQ(p.status, 0x03);
  EXPECT_EQ(asked, (std::set<std::uint64_t>{0x1000, 0x2000, 0x4000}));
}

TEST(PredictFaultTest, MoveStopsAtTheByte) {  // 5.4, 5.6 (03)
  const Prediction p = stop(wide(0x03, 0x1200), reading(kS1, 0x2000));
  EXPECT_EQ(p.record, record_of("03 00 00 00 00010000 00200000 00000000"));
  EXPECT_EQ(p.fault, (PageFault{reading(kS1, 0x2000), 0x03, 0x100}));
  EXPECT_TRUE(p.writes_record);
  EXPECT_FALSE(p.software_error);
  ASSERT_EQ(p.writes.size(), 1u);
  EXPECT_EQ(p.writes[0].address, Iova{0x4E00});
  EXPECT_EQ(p.writes[0].data.size(), 0x100u);
  EXPECT_FALSE(p.writes[0].optional);
}

TEST(PredictFaultTest, WriteSetsBitSeven) {  // 5.4
  EXPECT_EQ(stop(wide(0x03, 0x1200), writing(kD1, 0x5000)).record,
            record_of("83 00 00 00 00020000 00500000 00000000"));
  EXPECT_EQ(stop(wide(0x03, 0x1200), writing(kD1, 0x5000), 0x04).record,
            record_of("84 00 00 00 00020000 00500000 00000000"));
}

TEST(PredictFaultTest, FailedRequestTellsNothingElse) {  // 5.5 (22)
  const Prediction p = stop(wide(0x03, 0x1200), writing(kD1, 0x5000), 0x22);
  EXPECT_EQ(p.status, 0x22);
  EXPECT_EQ(p.record, record_of("22"));
  EXPECT_EQ(sure_bytes(p), 0u);
}

TEST(PredictFaultTest, LessMayBeDoneThanLiesBeforeThePage) {
  const Prediction p = stop(wide(0x03, 0x1200), writing(kD1, 0x5000), 0x03, 0x40);
  EXPECT_EQ(p.record, record_of("83 00 00 00 40000000 00500000 00000000"));
  ASSERT_EQ(p.writes.size(), 2u);
  EXPECT_EQ(p.writes[0].data.size(), 0x40u);
  EXPECT_FALSE(p.writes[0].optional);
  EXPECT_EQ(p.writes[1].address, Iova{0x4E40});
  EXPECT_EQ(p.writes[1].data.size(), 0x1C0u) << "up to the page";
  EXPECT_TRUE(p.writes[1].optional);
}

TEST(PredictFaultTest, PageThatIsNotNeededCannotFault) {
  const Memory memory;
  const abi::Descriptor d = wide(0x03, 0x1200);
  for (const PageAccess& a : {reading(kS1, 0x4000), writing(kS1, 0x2000), reading(kD1, 0x4000),
                              writing(kD2, 0x4000), writing(kD1, 0x6000)})
    EXPECT_FALSE(predict_fault(d, full_context(), memory, {a, 0x03, 0}).has_value());
  abi::Descriptor bad = d;
  bad.size = 0;
  EXPECT_FALSE(
      predict_fault(bad, full_context(), memory, {reading(kS1, 0x1000), 0x03, 0}).has_value());
}

TEST(PredictFaultTest, BackwardMoveKeepsTheTail) {  // 5.6 (03): result 1
  abi::Descriptor d = wide(0x03, 0x1200);
  d.destination = Iova{0x2000};                           // 0x100 above the source
  const Prediction read = stop(d, reading(kS1, 0x2000));  // source bytes below 0x1100
  EXPECT_EQ(read.record, record_of("03 01 00 00 00010000 00200000 00000000"));
  ASSERT_EQ(read.writes.size(), 1u);
  EXPECT_EQ(read.writes[0].address, Iova{0x3100});
  EXPECT_EQ(read.writes[0].data.size(), 0x100u);
  const Prediction write = stop(d, writing(kD1, 0x2000));  // destination bytes below 0x1000
  EXPECT_EQ(write.record, record_of("83 01 00 00 00020000 00200000 00000000"));
  EXPECT_EQ(write.writes[0].address, Iova{0x3000});
  const Prediction less = stop(d, writing(kD1, 0x2000), 0x03, 0x10);
  EXPECT_EQ(less.record, record_of("83 01 00 00 10000000 00200000 00000000"));
  EXPECT_EQ(less.writes[0].address, Iova{0x31F0});
  EXPECT_EQ(less.writes[1].address, Iova{0x3000});
  EXPECT_TRUE(less.writes[1].optional);
}

TEST(PredictFaultTest, DualcastMayBeAheadInItsFirstDestination) {  // 5.6 (09)
  abi::Descriptor d = wide(0x09, 0x300);
  d.set_destination2(Iova{0x8E00});
  const Prediction p = stop(d, writing(kD2, 0x9000));
  EXPECT_EQ(p.record, record_of("83 00 00 00 00020000 00900000 00000000"));
  EXPECT_EQ(sure_bytes(p), 0x400u);
  ASSERT_EQ(p.writes.size(), 3u);
  EXPECT_EQ(p.writes[1].address, Iova{0x5000}) << "of the first destination only";
  EXPECT_TRUE(p.writes[1].optional);
}

TEST(PredictFaultTest, CompareStopsOnlyIfNothingDiffersBefore) {  // 5.6 (05)
  Memory memory;
  abi::Descriptor d = wide(0x05, 0x300);
  std::copy_n(memory.bytes.begin() + 0x1F00, 0x300, memory.bytes.begin() + 0x4E00);
  const PageFault fault{reading(kS2, 0x5000), 0x03, 0xFFFFFFFF};
  const auto p = predict_fault(d, full_context(), memory, fault);
  ASSERT_TRUE(p.has_value());
  EXPECT_EQ(p->record, record_of("03 00 00 00 00020000 00500000 00000000"));
  memory.bytes[0x4E01] ^= std::byte{1};
  EXPECT_FALSE(predict_fault(d, full_context(), memory, fault).has_value());
}

TEST(PredictFaultTest, CreateDeltaCountsRecordedWords) {  // 5.6 (07)
  Memory memory;
  std::copy_n(memory.bytes.begin() + 0x1F00, 0x300, memory.bytes.begin() + 0x4E00);
  for (const unsigned word : {1u, 3u, 9u}) memory.bytes[0x4E00 + 8 * word] ^= std::byte{1};
  abi::Descriptor d = wide(0x07, 0x300);
  d.set_delta_address(Iova{0x8FE8});  // 24 bytes before the page: two entries
  d.set_max_delta_size(80);
  const auto out =
      predict_fault(d, full_context(), memory, {writing(kD1, 0x9000), 0x03, 0xFFFFFFFF});
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(out->record, record_of("83 01 00 00 48000000 00900000 00000000 14000000"))
      << "words before the third difference";
  ASSERT_EQ(out->writes.size(), 2u);
  EXPECT_EQ(out->writes[0].data.size(), 20u);
  EXPECT_EQ(out->writes[1].data.size(), 4u) << "the part of the third entry before the page";
  EXPECT_TRUE(out->writes[1].optional);
  const auto less = predict_fault(d, full_context(), memory, {writing(kD1, 0x9000), 0x03, 0x1A});
  EXPECT_EQ(less->record, record_of("83 01 00 00 18000000 00900000 00000000 0a000000"))
      << "whole words";
  const auto source =
      predict_fault(d, full_context(), memory, {reading(kS1, 0x2000), 0x03, 0xFFFFFFFF});
  ASSERT_TRUE(source.has_value());
  EXPECT_EQ(source->record, record_of("03 01 00 00 00010000 00200000 00000000 1e000000"))
      << "all three lie before the page";
}

TEST(PredictFaultTest, ApplyDeltaCountsWholeEntries) {  // 5.6 (08)
  Memory memory;
  for (unsigned n = 0; n < 40; ++n) {
    memory.bytes[0x1F00 + 10 * n] = static_cast<std::byte>(n * 2);
    memory.bytes[0x1F01 + 10 * n] = std::byte{0};
  }
  abi::Descriptor d = wide(0x08, 0x300);
  d.set_delta_size(400);
  const auto record =
      predict_fault(d, full_context(), memory, {reading(kS1, 0x2000), 0x03, 0xFFFFFFFF});
  EXPECT_EQ(record->record, record_of("03 00 00 00 fa000000 00200000 00000000")) << "25 entries";
  EXPECT_EQ(sure_bytes(*record), 200u);
  const auto target =
      predict_fault(d, full_context(), memory, {writing(kD1, 0x5000), 0x03, 0xFFFFFFFF});
  EXPECT_EQ(target->record, record_of("83 00 00 00 40010000 00500000 00000000"))
      << "word 64 is of entry 32";
  EXPECT_EQ(sure_bytes(*target), 256u);
}

TEST(PredictFaultTest, CrcOfNothingIsUndefined) {  // 5.7
  abi::Descriptor d = wide(0x10, 0x300);
  d.destination = Iova{0};
  EXPECT_TRUE(stop(d, reading(kS1, 0x1000)).crc_undefined);
  EXPECT_FALSE(stop(d, reading(kS1, 0x2000)).crc_undefined);
  d.flags |= 1u << 16;
  d.set_crc_seed_address(Iova{0x8000});
  const Prediction p = stop(d, reading(kS2, 0x8000));
  EXPECT_TRUE(p.crc_undefined);
  EXPECT_EQ(p.record, record_of("03 00 00 00 00000000 00800000 00000000"));
}

TEST(PredictFaultTest, CrcIsThatOfTheBytesCompleted) {  // 5.8: 32 zeros
  Memory memory;
  std::fill_n(memory.bytes.begin() + 0x1FE0, 0x40, std::byte{0});
  abi::Descriptor d = wide(0x10, 0x40);
  d.source = Iova{0x1FE0};
  d.destination = Iova{0};
  const auto p = predict_fault(d, full_context(), memory, {reading(kS1, 0x2000), 0x03, 32});
  EXPECT_EQ(p->record, record_of("03 00 00 00 20000000 00200000 00000000 aa36918a"));
  const auto one = predict_fault(d, full_context(), memory, {reading(kS1, 0x2000), 0x03, 1});
  EXPECT_EQ(one->record, record_of("03 00 00 00 01000000 00200000 00000000 51537d52"));
}

TEST(PredictFaultTest, DifCountsWholeBlocksAndGivesTheirTags) {  // 5.9
  Memory memory;
  std::fill_n(memory.bytes.begin() + 0x1C00, 0x1000, std::byte{0});
  abi::Descriptor d = valid(0x13);  // insert
  d.source = Iova{0x1C00};
  d.destination = Iova{0x4E00};
  d.size = 4 * 512;
  d.set_dif_destination({.reference = 5, .mask = 0, .application = 0xABCD});
  const auto p = predict_fault(d, full_context(), memory, {reading(kS1, 0x2000), 0x03, 0xFFFFFFFF});
  EXPECT_EQ(p->record, record_of("03 00 00 00 00040000 00200000 00000000 00*8 "
                                 "07000000 0000 cdab"))
      << "two blocks";
  EXPECT_EQ(sure_bytes(*p), 1040u);
  const auto out =
      predict_fault(d, full_context(), memory, {writing(kD1, 0x5000), 0x03, 0xFFFFFFFF});
  EXPECT_EQ(out->record, record_of("83 00 00 00 00000000 00500000 00000000 00*8 "
                                   "05000000 0000 cdab"))
      << "the first block ends behind 0x5000";
  EXPECT_EQ(sure_bytes(*out), 0u);
  const auto less = predict_fault(d, full_context(), memory, {reading(kS1, 0x2000), 0x03, 700});
  EXPECT_EQ(less->record, record_of("03 00 00 00 00020000 00200000 00000000 00*8 "
                                    "06000000 0000 cdab"));
}

// The data of a bad block may be written (5.9), so a device may meet an absent page before it finds
// the block bad. What it generates it cannot write, and a check writes nothing.
TEST(PredictFaultTest, DataOfABadBlockMayMeetItsPage) {
  Memory memory;
  abi::Descriptor d = valid(0x14);  // strip
  d.source = Iova{0x1000};
  d.destination = Iova{0x4E00};
  d.size = 1040;
  memory.put(0x1000, "00*512 0000 0000 00000000 00*512 1234 0000 00000001");
  const PageAccess page = writing(kD1, 0x5000);
  const auto gate = [&](const PageAccess& a) -> std::uint8_t { return a == page ? 0x03 : 0; };
  EXPECT_EQ(predict(d, full_context(), memory, gate).status, 0x09) << "nor must it";
  const auto p = predict_fault(d, full_context(), memory, {page, 0x03, 520});
  ASSERT_TRUE(p.has_value());
  EXPECT_EQ(p->record, record_of("83 00 00 00 08020000 00500000 00000000 01000000 0000 0000"))
      << "one block, tags of the second";
  EXPECT_EQ(sure_bytes(*p), 512u);
  d.opcode = 0x15;  // update; the information of the second block lies at 0x5000
  d.destination = Iova{0x4BF8};
  EXPECT_FALSE(predict_fault(d, full_context(), memory, {page, 0x03, 520}).has_value());
  d.opcode = 0x12;  // check
  d.destination = Iova{0};
  EXPECT_FALSE(predict_fault(d, full_context(), memory, {writing(kD1, 0), 0x03, 520}).has_value());
}

TEST(PredictFaultTest, DataOfABlockMayNeedItsPageBeforeTheBlockIsFoundBad) {  // 5.9
  const Memory memory;  // no protection information: the first block is bad
  abi::Descriptor d = valid(0x14);
  d.destination = Iova{0x4E00};
  d.size = 2 * 520;
  EXPECT_EQ(predict(d, full_context(), memory).status, 0x09);
  EXPECT_EQ(stop(d, writing(kD1, 0x4000)).record,
            record_of("83 00 00 00 00000000 00400000 00000000"));
  EXPECT_FALSE(predict_fault(d, full_context(), memory, {writing(kD1, 0x5000), 0x03, 0xFFFFFFFF}))
      << "the page of the block behind the bad one";
}

TEST(PredictFaultTest, CacheFlushLooksItsPagesUp) {  // 5.6 (20)
  abi::Descriptor d = wide(0x20, 0x300);
  d.source = Iova{0};
  EXPECT_EQ(stop(d, reading(kD1, 0x5000)).record,
            record_of("03 00 00 00 00020000 00500000 00000000"));
}

TEST(PredictFaultTest, WithoutRecordTheReportHasOperandAndAddress) {  // 2.7, 5.4
  const Memory memory;
  abi::Descriptor d = wide(0x04, 0x300);
  d.flags = 0;
  d.completion_address = Iova{0};
  const auto p = predict_fault(d, full_context(), memory, {writing(kD1, 0x5000), 0x03, 0x200});
  EXPECT_FALSE(p->writes_record);
  EXPECT_TRUE(p->software_error);
  EXPECT_EQ(p->error_code, 0x03);
  EXPECT_TRUE(p->error_write);
  EXPECT_EQ(p->error_address, Iova{0x5000});
  EXPECT_EQ(p->error_info, 0x60000000u) << "operand 3";
}

TEST(OperandPagesTest, ComeInTheOrderOfTheWork) {
  EXPECT_EQ(
      operand_pages(wide(0x03, 0x1200)),
      (std::vector<PageAccess>{reading(kS1, 0x1000), writing(kD1, 0x4000), reading(kS1, 0x2000),
                               writing(kD1, 0x5000), reading(kS1, 0x3000)}));
  abi::Descriptor down = wide(0x03, 0x1200);
  down.destination = Iova{0x2000};
  EXPECT_EQ(
      operand_pages(down),
      (std::vector<PageAccess>{reading(kS1, 0x3000), writing(kD1, 0x3000), reading(kS1, 0x2000),
                               writing(kD1, 0x2000), reading(kS1, 0x1000)}));
}

TEST(OperandPagesTest, SeedComesFirstAndDependentOperandsLast) {
  abi::Descriptor crc = wide(0x11, 0x100);
  crc.flags |= 1u << 16;
  crc.set_crc_seed_address(Iova{0x8000});
  EXPECT_EQ(operand_pages(crc).front(), reading(kS2, 0x8000));
  abi::Descriptor delta = wide(0x07, 0x300);
  delta.set_delta_address(Iova{0x8000});
  EXPECT_EQ(operand_pages(delta).back(), writing(kD1, 0x8000));
  abi::Descriptor apply = wide(0x08, 0x100);
  apply.set_delta_size(400);
  EXPECT_EQ(
      operand_pages(apply),
      (std::vector<PageAccess>{reading(kS1, 0x1000), reading(kS1, 0x2000), writing(kD1, 0x4000)}));
}

TEST(OperandPagesTest, EveryOperationHasItsOperands) {  // 5.6
  const auto list = [](const abi::Descriptor& d) {
    std::string out;
    for (const OperandRange& r : operands(d)) {
      out += std::to_string(static_cast<int>(r.operand)) + (r.write ? "w" : "r");
      out += std::to_string(r.range.bytes) + " ";
    }
    return out;
  };
  EXPECT_EQ(list(valid(0x00)), "");
  EXPECT_EQ(list(valid(0x01)), "1r128 ");
  EXPECT_EQ(list(valid(0x02)), "");
  abi::Descriptor drain = valid(0x02, kCrav | kRcr | 1u << 17);
  EXPECT_EQ(list(drain), "2r1 ");
  EXPECT_EQ(list(valid(0x03)), "1r8 3w8 ");
  EXPECT_EQ(list(valid(0x04)), "3w8 ");
  EXPECT_EQ(list(valid(0x05)), "1r8 2r8 ");
  EXPECT_EQ(list(valid(0x06)), "1r8 ");
  EXPECT_EQ(list(valid(0x07)), "1r8 2r8 3w80 ");
  EXPECT_EQ(list(valid(0x08)), "1r10 3w8 ");
  EXPECT_EQ(list(valid(0x09)), "1r8 3w8 4w8 ");
  EXPECT_EQ(list(valid(0x10)), "1r8 ");
  EXPECT_EQ(list(valid(0x11)), "1r8 3w8 ");
  EXPECT_EQ(list(valid(0x12)), "1r520 ");
  EXPECT_EQ(list(valid(0x13)), "1r512 3w520 ");
  EXPECT_EQ(list(valid(0x14)), "1r520 3w512 ");
  EXPECT_EQ(list(valid(0x15)), "1r520 3w520 ");
  EXPECT_EQ(list(valid(0x20)), "3r8 ");
}

TEST(RecordFailedTest, GoesToTheErrorRegisterOrTheLog) {  // 2.11, 5.7
  const abi::Descriptor d = valid(0x03);
  WorkContext c = full_context();
  const Prediction good = run(d, c);
  const Prediction plain = record_failed(good, d, c);
  EXPECT_FALSE(plain.writes_record);
  EXPECT_TRUE(plain.software_error);
  EXPECT_FALSE(plain.log_record);
  EXPECT_EQ(plain.error_code, 0x1A);
  EXPECT_TRUE(plain.error_write);
  EXPECT_EQ(plain.error_address, Iova{0xF000});
  EXPECT_EQ(plain.error_info, 0xA0040000u) << "operand 5, record was wanted";
  EXPECT_EQ(plain.status, 0x01) << "the work itself has succeeded";
  c.event_log = true;
  const Prediction logged = record_failed(good, d, c);
  EXPECT_TRUE(logged.log_record);
  EXPECT_TRUE(logged.log_has_record);
  EXPECT_EQ(logged.record, record_of("01"));
}

TEST(FinishBatchTest, ListFaultTellsItsPage) {  // 5.6 (01)
  const abi::Descriptor d = valid(0x01);
  const BatchResult result{
      .completed = 3, .any_failed = true, .list_fault = 0x06, .fault_address = Iova{0x7000}};
  const Prediction p = finish_batch(d, {}, result);
  EXPECT_EQ(p.record, record_of("06 00 00 00 03000000 00700000 00000000"));
  const Prediction failed = finish_batch(d, {}, {.completed = 3, .list_fault = 0x22});
  EXPECT_EQ(failed.record, record_of("22 00 00 00 03000000"));
}

TEST(FinishBatchTest, RecordFollowsThatOfAMemberIntoTheLog) {  // 2.11 (27)
  const abi::Descriptor d = valid(0x01);
  WorkContext c;
  c.event_log = true;
  const Prediction p = finish_batch(d, c, {.completed = 2, .record_logged = true});
  EXPECT_FALSE(p.writes_record);
  EXPECT_TRUE(p.log_record);
  EXPECT_TRUE(p.log_has_record);
  EXPECT_EQ(p.error_code, 0x27);
  EXPECT_EQ(p.error_address, Iova{0xF000});
  EXPECT_EQ(p.record, record_of("01 00 00 00 02000000"));
  EXPECT_TRUE(finish_batch(d, c, {.completed = 2}).writes_record);
}

TEST(DrainTest, RecordStaysInMemoryWhilePagesMayBeAskedFor) {  // 2.11 (26): PRS off
  WorkContext c;
  c.event_log = true;
  EXPECT_TRUE(run(valid(0x02), c).log_record);
  c.prs = true;
  EXPECT_FALSE(run(valid(0x02), c).log_record);
  EXPECT_TRUE(run(valid(0x02), c).writes_record);
}

TEST(BlocksOnFaultTest, NeedsFlagQueueAndPageRequests) {  // 5.7
  abi::Descriptor d = valid(0x03);
  WorkContext c;
  c.prs = c.bof_enabled = true;
  EXPECT_FALSE(blocks_on_fault(d, c));
  d.flags |= 1u << 1;
  EXPECT_TRUE(blocks_on_fault(d, c));
  c.bof_enabled = false;
  EXPECT_FALSE(blocks_on_fault(d, c));
  c.bof_enabled = true;
  c.prs = false;
  EXPECT_FALSE(blocks_on_fault(d, c));
}

}  // namespace
}  // namespace siov::model
