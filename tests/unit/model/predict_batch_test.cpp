// SPDX-License-Identifier: Apache-2.0
// Batches, readbacks, drains and what an error report carries. DSA 2.7, 2.11, 5.3, 5.6.
#include "predict_bench.hpp"

namespace siov::model {
namespace {

using abi::Descriptor;

// ---------------------------------------------------------------- batches

/// 3 descriptors at 0x1040.
const char* const kBatch = "00000000 0c0000 01 00f0000000000000 4010000000000000 00*8 03000000";

TEST(PredictBatchTest, GoodBatchNamesItsListAndNothingElse) {  // 5.6 (01)
  const Prediction p = run(descriptor_of(kBatch));
  EXPECT_TRUE(p.is_batch);
  EXPECT_EQ(p.status, 0);
  EXPECT_EQ(p.list, (Range{Iova{0x1040}, 192}));
  EXPECT_FALSE(p.writes_record);
  EXPECT_FALSE(p.interrupt);
  EXPECT_FALSE(p.software_error);
  EXPECT_TRUE(p.reads.empty());
}

TEST(PredictBatchTest, CountRunsFromTwoToTheLimitOfTheQueue) {  // 5.6 (01), 5.10
  WorkContext context;
  context.max_batch = 32;
  Descriptor d = descriptor_of(kBatch);
  const auto status = [&](std::uint32_t count) {
    d.size = count;
    return int{run(d, context).status};
  };
  EXPECT_EQ(status(0), 0x14);
  EXPECT_EQ(status(1), 0x14);
  EXPECT_EQ(status(2), 0);
  EXPECT_EQ(status(32), 0);
  EXPECT_EQ(status(33), 0x14);
  EXPECT_EQ(status(0xFFFFFFFF), 0x14);
  context.features.batch1 = true;  // GENCAP[52]
  EXPECT_EQ(status(0), 0x14);
  EXPECT_EQ(status(1), 0);
}

TEST(PredictBatchTest, ListIsAlignedTo64Bytes) {  // 5.5 (18)
  for (unsigned bit = 0; bit < 8; ++bit) {
    Descriptor d = descriptor_of(kBatch);
    d.source = Iova{0x1000 | 1u << bit};
    EXPECT_EQ(run(d).status, bit < 6 ? 0x18 : 0) << "bit " << bit;
  }
}

TEST(PredictBatchTest, BatchAndDrainAreNoMembers) {  // 5.6 (01, 02)
  WorkContext context;
  context.in_batch = true;
  EXPECT_EQ(run(descriptor_of(kBatch), context).status, 0x10);
  EXPECT_EQ(run(make(0x02), context).status, 0x10);
  EXPECT_EQ(run(make(0x00), context).status, 1);
}

TEST(PredictBatchTest, RecordTellsHowManyWereProcessed) {  // 5.6 (01)
  const Descriptor d = descriptor_of(kBatch);
  const Prediction good = finish_batch(d, {}, {.completed = 3});
  EXPECT_EQ(good.record, record_of("01 00 00 00 03000000"));
  EXPECT_TRUE(good.writes_record);
  EXPECT_EQ(good.record_address, Iova{0xF000});
  EXPECT_FALSE(good.software_error);
  const Prediction failed = finish_batch(d, {}, {.completed = 3, .any_failed = true});
  EXPECT_EQ(failed.record, record_of("05 00 00 00 03000000"));
  EXPECT_TRUE(failed.writes_record);
  const Prediction cut = finish_batch(d, {}, {.completed = 0x102, .any_failed = true});
  EXPECT_EQ(cut.record, record_of("05 00 00 00 02010000"));
  const Prediction list = finish_batch(d, {}, {.completed = 1, .list_error = true});
  EXPECT_EQ(list.record, record_of("20 00 00 00 01000000"));
  const Prediction both =
      finish_batch(d, {}, {.completed = 2, .any_failed = true, .list_error = true});
  EXPECT_EQ(both.record, record_of("20 00 00 00 02000000"));
}

TEST(PredictBatchTest, StatusFiveIsANormalEnd) {  // 5.4
  Descriptor d = descriptor_of(kBatch);
  d.flags = kCrav;
  EXPECT_FALSE(finish_batch(d, {}, {.completed = 3}).writes_record);
  const Prediction failed = finish_batch(d, {}, {.completed = 3, .any_failed = true});
  EXPECT_EQ(failed.status, 5);
  EXPECT_FALSE(failed.writes_record);
  EXPECT_FALSE(failed.software_error);
  EXPECT_TRUE(finish_batch(d, {}, {.completed = 3, .list_error = true}).writes_record);
  d.flags = 0;
  d.completion_address = Iova{0};
  const Prediction silent = finish_batch(d, {}, {.completed = 3, .list_error = true});
  EXPECT_FALSE(silent.writes_record);
  EXPECT_TRUE(silent.software_error);
  EXPECT_EQ(silent.status, 0x20);
}

TEST(PredictBatchTest, InterruptComesAtTheEnd) {  // 5.6 (01)
  Descriptor d = descriptor_of(kBatch);
  d.flags |= kRci;
  EXPECT_FALSE(run(d).interrupt);
  EXPECT_TRUE(finish_batch(d, {}, {.completed = 3}).interrupt);
  WorkContext context;
  context.handle_ok = false;
  EXPECT_EQ(run(d, context).status, 0x19);
}

TEST(PredictBatchTest, MembersHavePasidAndPrivilegeOfTheirBatch) {  // 5.6 (01)
  WorkContext context;
  context.dedicated = false;
  context.pasid = Pasid{5};
  context.in_batch = true;
  context.privileged = true;
  Descriptor member = make(0x00);
  member.reserved0 = 0x7FF;
  member.pasid = Pasid{9};
  EXPECT_EQ(run(member, context).status, 1) << "its dword 0 is ignored";
  EXPECT_TRUE(run(member, context).privileged);
  context.privileged = false;
  member.privileged = true;
  EXPECT_EQ(run(member, context).status, 1);
  EXPECT_FALSE(run(member, context).privileged);
}

TEST(PredictBatchTest, FenceEndsTheBatchOnlyAfterAFailure) {  // 5.6 (01)
  const Descriptor plain = make(0x00);
  const Descriptor fenced = make(0x00, kCrav | kRcr | 1);
  EXPECT_FALSE(fence_ends_batch(plain, false));
  EXPECT_FALSE(fence_ends_batch(plain, true));
  EXPECT_FALSE(fence_ends_batch(fenced, false));
  EXPECT_TRUE(fence_ends_batch(fenced, true));
}

// ---------------------------------------------------------------- destination readback

TEST(PredictReadbackTest, LastByteOfEachDestinationIsReadBack) {  // 5.3
  struct Case {
    std::uint8_t opcode;
    std::vector<std::uint64_t> at;
  };
  const Case cases[] = {{0x03, {0x4007}}, {0x04, {0x4007}}, {0x09, {0x4007, 0x8007}},
                        {0x11, {0x4007}}, {0x13, {0x4207}}, {0x20, {0x4007}},
                        {0x07, {0x8009}}};
  for (const Case& c : cases) {
    const Memory memory;
    const Prediction p = predict(valid(c.opcode, kCrav | kRcr | 0x4000), {}, memory);
    EXPECT_EQ(p.status, 1) << "opcode " << int{c.opcode};
    EXPECT_EQ(memory.zero_length, c.at) << "opcode " << int{c.opcode};
    std::vector<std::uint64_t> listed;
    for (const Iova address : p.readbacks) listed.push_back(address.value);
    EXPECT_EQ(listed, c.at) << "opcode " << int{c.opcode};
    EXPECT_TRUE(run(valid(c.opcode)).readbacks.empty());
  }
}

TEST(PredictReadbackTest, FailedReadbackIsStatus21) {  // 5.5 (21)
  Memory memory;
  memory.bad_pages = {0x8000};
  const Prediction p = predict(valid(0x09, kCrav | kRcr | 0x4000), {}, memory);
  EXPECT_EQ(p.record, record_of("21"));
  EXPECT_TRUE(p.writes_record);
  EXPECT_EQ(memory.zero_length, (std::vector<std::uint64_t>{0x4007, 0x8007}));
  ASSERT_EQ(p.writes.size(), 2u);
  EXPECT_FALSE(p.writes[0].optional) << "all was written before";
  EXPECT_EQ(p.reads.size(), 1u);
  memory.zero_length.clear();
  Descriptor silent = valid(0x03, 0x4000);
  silent.destination = Iova{0x8000};
  const Prediction logged = predict(silent, {}, memory);
  EXPECT_EQ(logged.status, 0x21);
  EXPECT_FALSE(logged.writes_record);
  EXPECT_TRUE(logged.software_error);
}

TEST(PredictReadbackTest, OnlySuccessIsReadBack) {  // 5.3
  Memory memory;
  memory.bad_pages = {0x2000};
  Descriptor cut = valid(0x03, kCrav | kRcr | 0x4000);
  cut.source = Iova{0x1FFC};
  const Prediction failed = predict(cut, {}, memory);
  EXPECT_EQ(failed.status, 0x20);
  EXPECT_EQ(failed.writes.size(), 1u) << "some of it may have been written";
  EXPECT_TRUE(failed.readbacks.empty());
  memory.put(0x1000, "0000 b1b2b3b4b5b6b7b8 0000 c1c2c3c4c5c6c7c8");
  Descriptor apply = valid(0x08, kCrav | kRcr | 0x4000);
  apply.set_delta_size(20);
  const Prediction bad_entry = predict(apply, {}, memory);
  EXPECT_EQ(bad_entry.status, 7);
  EXPECT_EQ(bad_entry.writes.size(), 1u);
  EXPECT_TRUE(bad_entry.readbacks.empty());
  EXPECT_TRUE(memory.zero_length.empty());
  Memory same;
  same.put(0x1000, "00*8");
  same.put(0x4000, "00*8");
  const Prediction equal = predict(valid(0x07, kCrav | kRcr | 0x4000), {}, same);
  EXPECT_EQ(equal.record, record_of("01"));
  EXPECT_TRUE(equal.readbacks.empty()) << "no destination was written";
}

TEST(PredictReadbackTest, ReadbackThatFailsLaterChangesTheEnd) {
  const Descriptor d = valid(0x03, kCrav | kRcr | 0x4000);
  const Prediction good = run(d);
  EXPECT_EQ(good.record, record_of("01"));
  const Prediction bad = readback_failed(good, d, {}, 0);
  EXPECT_EQ(bad.record, record_of("21"));
  EXPECT_EQ(bad.writes, good.writes);
  EXPECT_EQ(bad.reads, good.reads);
}

// ---------------------------------------------------------------- drain

/// Both addresses read back.
const char* const kDrain = "00000000 0c0003 02 00f0000000000000 0811000000000000 1022000000000000";

TEST(PredictDrainTest, ReadsBackTheAddressesItNames) {  // 5.6 (02)
  const Memory memory;
  EXPECT_EQ(predict(descriptor_of(kDrain), full_context(), memory).record, record_of("01"));
  EXPECT_EQ(memory.zero_length, (std::vector<std::uint64_t>{0x1108, 0x2210}));
  const Memory second;
  Descriptor d = descriptor_of(kDrain);
  d.flags &= ~0x10000u;
  d.source = Iova{0};
  EXPECT_EQ(predict(d, full_context(), second).status, 1);
  EXPECT_EQ(second.zero_length, (std::vector<std::uint64_t>{0x2210}));
}

TEST(PredictDrainTest, AddressThatFailsIsStatus1fWithTheAddress) {  // 5.4, 5.5 (1f)
  Memory memory;
  memory.bad_pages = {0x2000};
  const Prediction p = predict(descriptor_of(kDrain), full_context(), memory);
  EXPECT_EQ(p.record, record_of("1f 00 00 00 00000000 1022000000000000"));
  EXPECT_EQ(p.error_address, Iova{0x2210});
  EXPECT_EQ(p.error_info, 0x40040000u) << "operand 2, record required";
  memory.bad_pages = {0x1000, 0x2000};
  const Prediction first = predict(descriptor_of(kDrain), full_context(), memory);
  EXPECT_EQ(first.record, record_of("1f 00 00 00 00000000 0811000000000000"));
  EXPECT_EQ(first.error_info, 0x20040000u) << "operand 1";
}

TEST(PredictDrainTest, RecordGoesToTheLogWhileThatIsOn) {  // 2.11
  WorkContext context = full_context();
  context.event_log = true;
  const Prediction p = run(make(0x02), context);
  EXPECT_EQ(p.status, 1);
  EXPECT_TRUE(p.log_record);
  EXPECT_FALSE(p.writes_record);
  EXPECT_FALSE(p.software_error);
  EXPECT_EQ(p.record, record_of("01"));
  EXPECT_EQ(p.error_address, Iova{0xF000});
  EXPECT_FALSE(run(make(0x02, kRci), context).log_record) << "no record is due";
  EXPECT_TRUE(run(make(0x02, kRci), context).interrupt);
  EXPECT_FALSE(run(make(0x00), context).log_record);
  EXPECT_TRUE(run(make(0x00), context).writes_record);
  Memory memory;
  memory.bad_pages = {0x2000};
  const Prediction failed = predict(descriptor_of(kDrain), context, memory);
  EXPECT_FALSE(failed.log_record);
  EXPECT_TRUE(failed.writes_record) << "only the successful record goes to the log";
}

// ---------------------------------------------------------------- error information

TEST(PredictErrorInfoTest, HasTheFieldsOfTheLogEntry) {  // 2.11, bits 63:32 of the second qword
  WorkContext context;
  context.user_interrupts = true;
  Descriptor d = make(0x03, kRci);  // size 0, no record
  d.interrupt_handle = 0xABCD;
  EXPECT_EQ(run(d, context).error_info, 0x0001ABCDu);
  context.ims = true;
  EXPECT_EQ(run(d, context).error_info, 0x0003ABCDu);
  context.in_batch = true;
  EXPECT_EQ(run(d, context).error_info, 0x000BABCDu);
  context.first_error = false;
  EXPECT_EQ(run(d, context).error_info, 0x0003ABCDu);
  EXPECT_EQ(run(make(0x03), context).error_info, 0x00060000u) << "record required, IMS page";
}

TEST(PredictErrorInfoTest, IsTheFlagMaskOfStatus11) {  // 2.7
  WorkContext context;
  context.ims = true;
  EXPECT_EQ(run(make(0x00, kCrav | kRcr | 0x800020), context).error_info, 0x00800020u);
}

}  // namespace
}  // namespace siov::model
