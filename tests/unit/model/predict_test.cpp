// SPDX-License-Identifier: Apache-2.0
// The functional meaning of descriptors, with bytes and codes typed from DSA 5.2 to 5.6: the basic
// operations, routing of results, order of checks. The other operations: predict_*_test.cpp.
#include "common/error.hpp"
#include "predict_bench.hpp"

namespace siov::model {
namespace {

using abi::Descriptor;

Descriptor memmove_of(std::uint64_t source, std::uint64_t destination, std::uint32_t size) {
  Descriptor d = make(0x03);
  d.source = Iova{source};
  d.destination = Iova{destination};
  d.size = size;
  return d;
}

Descriptor compare_of(std::uint64_t one, std::uint64_t two, std::uint32_t size,
                      std::uint32_t flags = kCrav | kRcr) {
  Descriptor d = make(0x05, flags);
  d.source = Iova{one};
  d.destination = Iova{two};
  d.size = size;
  return d;
}

// ---------------------------------------------------------------- operations

TEST(PredictTest, NoopWithRequestedRecordWritesStatusOne) {  // 5.4, 5.6 (00)
  const Prediction p = run(make(0x00));
  EXPECT_EQ(p.status, 1);
  EXPECT_TRUE(p.writes_record);
  EXPECT_EQ(p.record, record_of("01"));
  EXPECT_FALSE(p.interrupt);
  EXPECT_FALSE(p.software_error);
  EXPECT_TRUE(p.reads.empty());
}

TEST(PredictTest, SuccessWithoutRcrWritesNoRecord) {  // 5.4
  EXPECT_FALSE(run(make(0x00, kCrav)).writes_record);
  const Prediction silent = run(make(0x00, 0));
  EXPECT_FALSE(silent.writes_record);
  EXPECT_FALSE(silent.software_error);
}

TEST(PredictTest, DrainIsSuccess) {  // 5.6 (02)
  EXPECT_EQ(run(make(0x02)).record, record_of("01"));
  EXPECT_EQ(run(make(0x02, kCrav | kRcr | 0xC0000)).status, 1) << "suppressed readbacks";
}

TEST(PredictTest, MemmoveCopiesSourceToDestination) {  // 5.6 (03)
  Memory memory;
  memory.put_text(0x1003, "the quick brown fox");
  const Prediction p = predict(memmove_of(0x1003, 0x2FF9, 19), {}, memory);
  EXPECT_EQ(p.status, 1);
  EXPECT_EQ(p.writes.at(0).address, Iova{0x2FF9});
  EXPECT_EQ(text_of(p.writes.at(0).data), "the quick brown fox");
  EXPECT_FALSE(p.writes.at(0).optional);
  ASSERT_EQ(p.reads.size(), 1u);
  EXPECT_EQ(p.reads[0], (Range{Iova{0x1003}, 19}));
  EXPECT_EQ(p.record, record_of("01")) << "bytes completed is 0 on success (5.4)";
}

TEST(PredictTest, MemmoveWithOverlapIsAsThroughATemporary) {  // 5.6 (03), GENCAP[1]
  Memory memory;
  memory.put_text(0x1000, "abcdefgh");
  EXPECT_EQ(text_of(predict(memmove_of(0x1000, 0x1003, 8), {}, memory).writes.at(0).data),
            "abcdefgh");
  memory.put_text(0x1003, "ABCDEFGH");
  EXPECT_EQ(text_of(predict(memmove_of(0x1003, 0x1000, 8), {}, memory).writes.at(0).data),
            "ABCDEFGH");
}

TEST(PredictTest, FillRepeatsThePatternFromTheDestinationAndCutsTheLastCopy) {  // 5.6 (04)
  Descriptor d = make(0x04);
  d.set_pattern(0x4847464544434241);  // "ABCDEFGH", byte 0 first
  d.destination = Iova{0x1235};
  d.size = 19;
  const Prediction p = run(d);
  EXPECT_EQ(p.status, 1);
  EXPECT_EQ(p.writes.at(0).address, Iova{0x1235});
  EXPECT_EQ(text_of(p.writes.at(0).data), "ABCDEFGHABCDEFGHABC");
  d.size = 3;
  EXPECT_EQ(text_of(run(d).writes.at(0).data), "ABC");
  EXPECT_TRUE(p.reads.empty());
}

TEST(PredictTest, CompareGivesTheOffsetOfTheFirstDifference) {  // 5.6 (05)
  Memory memory;
  memory.put_text(0x1FFE, "same bytes, then X");
  memory.put_text(0x3001, "same bytes, then Y");
  const Prediction different = predict(compare_of(0x1FFE, 0x3001, 18), {}, memory);
  EXPECT_EQ(different.status, 1);
  EXPECT_EQ(different.record, record_of("0101000011000000"));
  const Prediction equal = predict(compare_of(0x1FFE, 0x3001, 17), {}, memory);
  EXPECT_EQ(equal.record, record_of("0100000000000000"));
  ASSERT_EQ(equal.reads.size(), 2u);
  EXPECT_EQ(equal.reads[1], (Range{Iova{0x3001}, 17}));
  EXPECT_TRUE(equal.writes.empty());
}

TEST(PredictTest, CompareOffsetUsesAllFourBytes) {  // 5.4: bytes completed at byte 4
  Memory memory;
  memory.bytes.fill(std::byte{0x5A});
  memory.bytes[0x2000 + 0x1234] = std::byte{0};
  EXPECT_EQ(predict(compare_of(0x2000, 0x8000, 0x2000), {}, memory).record,
            record_of("0101000034120000"));
}

TEST(PredictTest, CheckResultComparesWithTheExpectedOne) {  // 5.6 (05), the table
  Memory memory;
  memory.put_text(0x1000, "aaaa");
  memory.put_text(0x2000, "aaab");
  const auto status = [&memory](int expected, std::uint32_t size) {
    Descriptor d = compare_of(0x1000, 0x2000, size, kCrav | kRcr | kCheck);
    d.set_expected_result(static_cast<std::uint8_t>(expected));
    return predict(d, {}, memory).status;
  };
  EXPECT_EQ(status(0, 3), 1);
  EXPECT_EQ(status(0, 4), 2);
  EXPECT_EQ(status(1, 3), 2);
  EXPECT_EQ(status(1, 4), 1);
}

// ---------------------------------------------------------------- read errors

TEST(PredictTest, UnreadableSourceGivesReadErrorAndAtMostThePrefix) {  // 5.5 (20)
  Memory memory;
  memory.put_text(0x1FFB, "12345");
  memory.bad_pages = {0x2000};
  const Prediction p = predict(memmove_of(0x1FFB, 0x4000, 100), {}, memory);
  EXPECT_EQ(p.status, 0x20);
  EXPECT_TRUE(p.writes_record);
  EXPECT_EQ(p.record, record_of("20"));
  EXPECT_TRUE(p.writes.at(0).optional);
  EXPECT_EQ(p.writes.at(0).address, Iova{0x4000});
  EXPECT_EQ(text_of(p.writes.at(0).data), "12345");
}

TEST(PredictTest, UnreadableSourceOfADownwardCopyLeavesAtMostTheSuffix) {  // 5.6 (03)
  Memory memory;
  memory.put_text(0x2000, "tail!");
  memory.bad_pages = {0x1000};
  const Prediction p = predict(memmove_of(0x1FF0, 0x1FF8, 21), {}, memory);
  EXPECT_EQ(p.status, 0x20);
  EXPECT_TRUE(p.writes.at(0).optional);
  EXPECT_EQ(p.writes.at(0).address, Iova{0x2008});
  EXPECT_EQ(text_of(p.writes.at(0).data), "tail!");
}

TEST(PredictTest, CompareSeesADifferenceOnlyBeforeTheUnreadablePage) {
  Memory memory;
  memory.bytes.fill(std::byte{0});
  memory.bad_pages = {0x2000};
  EXPECT_EQ(predict(compare_of(0x1F00, 0x4F00, 0x200), {}, memory).status, 0x20);
  memory.bytes[0x4F10] = std::byte{1};
  const Prediction p = predict(compare_of(0x1F00, 0x4F00, 0x200), {}, memory);
  EXPECT_EQ(p.record, record_of("0101000010"));
}

TEST(PredictTest, ErrorWithoutRecordAddressGoesToTheSoftwareErrorRegister) {  // 5.4
  Memory memory;
  memory.bad_pages = {0x1000};
  Descriptor d = memmove_of(0x1000, 0x2000, 64);
  d.flags = 0;
  d.completion_address = Iova{0};
  const Prediction p = predict(d, {}, memory);
  EXPECT_EQ(p.status, 0x20);
  EXPECT_FALSE(p.writes_record);
  EXPECT_TRUE(p.software_error);
}

// ---------------------------------------------------------------- checks, one each

TEST(PredictTest, OpcodeOutsideOpcapIsStatus10) {  // 2.4
  for (const std::uint8_t opcode : {0x0A, 0x0F, 0x16, 0x17, 0x1F, 0x21, 0x3F, 0x40, 0xFF})
    expect_record(run(make(opcode)), 0x10);
  WorkContext context;
  context.operations = 0x35;  // no memory move
  const Memory memory;
  EXPECT_EQ(predict(memmove_of(0x1000, 0x2000, 8), context, memory).status, 0x10);
}

TEST(PredictTest, DrainInsideABatchIsStatus10) {  // 5.6 (02)
  WorkContext context;
  context.in_batch = true;
  EXPECT_EQ(run(make(0x02), context).status, 0x10);
  EXPECT_EQ(run(make(0x00), context).status, 1);
}

TEST(PredictTest, MisalignedRecordAddressGoesToTheSoftwareErrorRegisterOnly) {  // 5.5 (1b)
  for (const std::uint64_t offset : {1, 8, 16, 31}) {
    Descriptor d = make(0x00, kCrav | kRcr | kRci);
    d.completion_address = Iova{0xF000 + offset};
    const Prediction p = run(d);
    EXPECT_EQ(p.status, 0x1B);
    EXPECT_FALSE(p.writes_record);
    EXPECT_FALSE(p.interrupt);
    EXPECT_TRUE(p.software_error);
    EXPECT_EQ(p.error_address, Iova{0xF000 + offset});
  }
  Descriptor aligned = make(0x00);
  aligned.completion_address = Iova{0xF020};
  EXPECT_EQ(run(aligned).status, 1);
}

TEST(PredictTest, PrivilegeInASharedQueueNeedsPrivilegedMode) {  // 4.3, 5.5 (1d)
  WorkContext context;
  context.dedicated = false;
  context.pasid = Pasid{5};
  Descriptor d = make(0x00);
  d.privileged = true;
  const Prediction refused = run(d, context);
  EXPECT_EQ(refused.status, 0x1D);
  EXPECT_TRUE(refused.software_error);
  EXPECT_FALSE(refused.writes_record);
  context.privileged_allowed = true;
  const Prediction good = run(d, context);
  EXPECT_EQ(good.status, 1);
  EXPECT_TRUE(good.privileged);
}

TEST(PredictTest, DedicatedQueueIgnoresPasidAndPrivilegeOfTheDescriptor) {  // 4.3
  Descriptor d = make(0x00);
  d.privileged = true;
  d.pasid = Pasid{0x12345};
  d.reserved0 = 0x7FF;
  const Prediction p = run(d);
  EXPECT_EQ(p.status, 1);
  EXPECT_FALSE(p.privileged);
  WorkContext kernel;
  kernel.privileged = true;
  EXPECT_TRUE(run(make(0x00), kernel).privileged);
}

TEST(PredictTest, BlockOnFaultFollowsTheQueue) {  // 5.2.2
  WorkContext context;
  context.bof_enabled = true;
  Descriptor d = memmove_of(0x1000, 0x2000, 8);
  d.flags |= 2;
  EXPECT_EQ(run(d, context).status, 1);
  Descriptor noop = make(0x00);
  noop.flags |= 2;
  EXPECT_EQ(run(noop, context).status, 0x11) << "a no-op has no data operand";
}

TEST(PredictTest, CompareNeedsRecordAddressAndRequest) {  // 5.2.2
  const Prediction no_request = run(compare_of(0x1000, 0x2000, 8, kCrav));
  expect_record(no_request, 0x11);
  EXPECT_EQ(no_request.record[16], std::byte{0x08});
  Descriptor d = compare_of(0x1000, 0x2000, 8, 0);
  const Prediction nothing = run(d);
  EXPECT_EQ(nothing.status, 0x11);
  EXPECT_TRUE(nothing.software_error);
  EXPECT_FALSE(nothing.writes_record);
}

TEST(PredictTest, DrainNeedsARecordOrAnInterrupt) {  // 5.2.2
  const Prediction p = run(make(0x02, kCrav));
  expect_record(p, 0x11);
  EXPECT_EQ(p.record[16], std::byte{0x18});
  EXPECT_EQ(run(make(0x02, kRci)).status, 1);
}

TEST(PredictTest, RequestWithoutRecordAddressIsStatus11) {  // 5.2.2
  const Prediction p = run(make(0x00, kRcr));
  EXPECT_EQ(p.status, 0x11);
  EXPECT_TRUE(p.software_error);
}

TEST(PredictTest, RecordTrafficClassWithoutRecordAddressIsStatus11) {  // 5.2.2
  EXPECT_EQ(run(make(0x00, 0x1000)).status, 0x11);
}

TEST(PredictTest, UserInterruptsNeedTheirEnable) {  // 5.2.2, GENCFG[12]
  WorkContext context;
  context.pasid = Pasid{7};
  const Prediction refused = run(make(0x00, kCrav | kRcr | kRci), context);
  expect_record(refused, 0x11);
  EXPECT_EQ(refused.record[16], std::byte{0x10});
  EXPECT_FALSE(refused.interrupt);
  context.user_interrupts = true;
  EXPECT_TRUE(run(make(0x00, kCrav | kRcr | kRci), context).interrupt);
  context.user_interrupts = false;
  context.privileged = true;
  EXPECT_TRUE(run(make(0x00, kCrav | kRcr | kRci), context).interrupt);
  EXPECT_TRUE(run(make(0x00, kRci)).interrupt) << "no PASID: not a user descriptor";
}

TEST(PredictTest, RecordAddressWithoutItsFlagIsReserved) {  // 5.2.2
  Descriptor d = make(0x00, 0);
  d.completion_address = Iova{0xF000};
  const Prediction p = run(d);
  EXPECT_EQ(p.status, 0x12);
  EXPECT_TRUE(p.software_error);
  EXPECT_FALSE(p.writes_record);
}

TEST(PredictTest, HandleWithoutInterruptRequestIsReserved) {  // 5.2.2
  Descriptor d = make(0x00);
  d.interrupt_handle = 0x100;
  expect_record(run(d), 0x12);
}

TEST(PredictTest, ReservedBitsOfTheFirstDwordCountInASharedQueue) {  // 4.3
  WorkContext context;
  context.dedicated = false;
  context.pasid = Pasid{5};
  Descriptor d = make(0x00);
  d.reserved0 = 1;
  expect_record(run(d, context), 0x12);
}

TEST(PredictTest, SizeMustBeOneToTheMaximum) {  // 5.6, 5.10
  WorkContext context;
  context.max_transfer = 4096;
  for (const std::uint8_t opcode : {0x03, 0x04, 0x05}) {
    Descriptor d = make(opcode);
    d.source = Iova{0x1000};
    d.destination = Iova{0x4000};
    expect_record(run(d, context), 0x13);
    d.size = 4097;
    expect_record(run(d, context), 0x13);
    d.size = 4096;
    EXPECT_EQ(run(d, context).status, 1);
    d.size = 1;
    EXPECT_EQ(run(d, context).status, 1);
  }
}

TEST(PredictTest, InvalidHandleIsRecordedAndLogged) {  // 2.10, 5.5 (19)
  WorkContext context;
  context.handle_ok = false;
  Descriptor d = memmove_of(0x1000, 0x2000, 8);
  d.flags |= kRci;
  d.interrupt_handle = 3;
  const Prediction p = run(d, context);
  EXPECT_EQ(p.status, 0x19);
  EXPECT_TRUE(p.writes_record);
  EXPECT_TRUE(p.software_error);
  EXPECT_FALSE(p.interrupt);
  EXPECT_TRUE(p.writes.empty());
  EXPECT_EQ(p.record, record_of("19"));
  EXPECT_EQ(run(make(0x00), context).status, 1)
      << "the handle matters only with an interrupt request";
}

TEST(PredictTest, InterruptComesWithAnyStatus) {  // 5.2: RCI at completion, any outcome
  EXPECT_TRUE(run(make(0x00, kRci)).interrupt);
  EXPECT_TRUE(run(make(0x3F, kCrav | kRci)).interrupt);
  Descriptor d = make(0x03, kCrav | kRci);
  EXPECT_TRUE(run(d).interrupt) << "size 0";
}

// ---------------------------------------------------------------- the order of predict.cpp

TEST(PredictTest, FirstViolationOfTheDocumentedOrderWins) {
  WorkContext context;
  context.dedicated = false;
  context.pasid = Pasid{5};
  context.user_interrupts = true;
  context.handle_ok = false;
  Descriptor d = make(0x3F, kCrav | kRcr | kRci | 0x40);
  d.privileged = true;
  d.completion_address = Iova{0xF001};
  d.reserved1 = 1;
  EXPECT_EQ(run(d, context).status, 0x10);
  EXPECT_TRUE(run(d, context).software_error)
      << "no record at a misaligned address, whatever the status";
  EXPECT_FALSE(run(d, context).writes_record);
  d.opcode = 0x03;
  EXPECT_EQ(run(d, context).status, 0x1B);
  d.completion_address = Iova{0xF000};
  EXPECT_EQ(run(d, context).status, 0x1D);
  d.privileged = false;
  EXPECT_EQ(run(d, context).status, 0x11);
  d.flags = kCrav | kRcr | kRci;
  EXPECT_EQ(run(d, context).status, 0x12);
  d.reserved1 = 0;
  EXPECT_EQ(run(d, context).status, 0x13);
  d.size = 1;
  EXPECT_EQ(run(d, context).status, 0x19);
  context.handle_ok = true;
  EXPECT_EQ(run(d, context).status, 1);
}

TEST(PredictTest, OpcodeThatOpcapShowsButNobodyImplementsIsMisuse) {
  WorkContext context;
  context.operations |= std::uint64_t{1} << 0x0A;
  EXPECT_THROW((void)run(make(0x0A), context), HarnessError);
}

}  // namespace
}  // namespace siov::model
