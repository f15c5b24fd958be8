// SPDX-License-Identifier: Apache-2.0
// Checks of operands (sizes, alignment, overlap) and delta records. DSA 5.5, 5.6, 5.9.
#include <functional>

#include "model/delta.hpp"
#include "predict_bench.hpp"

namespace siov::model {
namespace {

using abi::Descriptor;

// ---------------------------------------------------------------- create delta

Descriptor create_of(std::uint32_t size, std::uint32_t max, std::uint32_t flags = 0,
                     std::uint8_t expected = 0) {
  Descriptor d = valid(0x07, kCrav | kRcr | flags);
  d.size = size;
  d.set_max_delta_size(max);
  d.set_expected_mask(expected);
  return d;
}

/// Two regions whose first `words` words all differ.
Memory different(std::size_t words) {
  Memory memory;
  memory.put(0x1000, "00*4096");
  memory.put(0x4000, "00*4096");
  for (std::size_t i = 0; i < words; ++i) memory.bytes[0x4000 + 8 * i + 7] = std::byte{0xAA};
  return memory;
}

TEST(PredictDeltaTest, RecordThatIsFullEndsTheWorkWithResultTwo) {  // 5.6 (07)
  const Memory memory = different(9);
  const Prediction p = predict(create_of(256, 80), {}, memory);
  EXPECT_EQ(p.record, record_of("01 02 00 00 40000000 0000000000000000 50000000"));
  ASSERT_EQ(p.writes.size(), 1u);
  EXPECT_EQ(p.writes[0].data.size(), 80u);
  EXPECT_FALSE(p.writes[0].optional);
  const Prediction exact = predict(create_of(64, 80), {}, memory);
  EXPECT_EQ(exact.record, record_of("01 01 00 00 00000000 0000000000000000 50000000"));
}

TEST(PredictDeltaTest, LargestSizeNeedNotBeAMultipleOfTen) {  // 5.6 (07)
  const Memory memory = different(9);
  EXPECT_EQ(predict(create_of(256, 89), {}, memory).record,
            record_of("01 02 00 00 40000000 0000000000000000 50000000"));
  EXPECT_EQ(predict(create_of(256, 90), {}, memory).record,
            record_of("01 01 00 00 00000000 0000000000000000 5a000000"));
}

TEST(PredictDeltaTest, ExpectedMaskHasABitForEachResult) {  // 5.6 (07)
  for (const int result : {0, 1, 2}) {
    const Memory memory = different(result == 0 ? 0 : result == 1 ? 1 : 9);
    for (unsigned mask = 0; mask < 8; ++mask) {
      const Prediction p =
          predict(create_of(256, 80, kCheck, static_cast<std::uint8_t>(mask)), {}, memory);
      EXPECT_EQ(p.status, (mask & 1u << result) != 0 ? 1 : 2) << "result " << result;
      EXPECT_EQ(p.record[1], static_cast<std::byte>(result));
    }
    EXPECT_EQ(predict(create_of(256, 80, 0, 0), {}, memory).status, 1) << "no check asked for";
  }
}

TEST(PredictDeltaTest, FullRecordBeforeAnUnreadablePageIsNoReadError) {
  Memory memory = different(9);
  memory.bad_pages = {0x2000};
  Descriptor d = create_of(8192, 80);
  EXPECT_EQ(predict(d, {}, memory).status, 1);
  d.set_max_delta_size(90);
  EXPECT_EQ(predict(d, {}, memory).record, record_of("20"));
}

TEST(PredictDeltaTest, LastWordHasNumber65535) {  // 5.6 (07): 512 KiB
  std::vector<std::byte> one(0x80000), two(0x80000);
  two.back() = std::byte{0x77};
  EXPECT_EQ(create_delta(one, two, 80).bytes, bytes_of("ffff 0000000000000077"));
  const DeltaEntries entries = read_delta(bytes_of("ffff 0000000000000077"), 0x80000);
  ASSERT_EQ(entries.good.size(), 1u);
  EXPECT_EQ(entries.good[0].offset, 0x7FFF8u);
}

// ---------------------------------------------------------------- apply delta

TEST(PredictDeltaTest, NeighbouringEntriesAreOneWrite) {
  Memory memory;
  memory.put(0x1000, "0100 b1b2b3b4b5b6b7b8 0200 c1c2c3c4c5c6c7c8 0400 d1d2d3d4d5d6d7d8");
  Descriptor d = valid(0x08);
  d.size = 40;
  d.set_delta_size(30);
  const Prediction p = predict(d, {}, memory);
  EXPECT_EQ(p.status, 1);
  ASSERT_EQ(p.writes.size(), 2u);
  EXPECT_EQ(p.writes[0], (Write{Iova{0x4008}, bytes_of("b1b2b3b4b5b6b7b8 c1c2c3c4c5c6c7c8")}));
  EXPECT_EQ(p.writes[1], (Write{Iova{0x4020}, bytes_of("d1d2d3d4d5d6d7d8")}));
  EXPECT_EQ(p.reads.at(0), (Range{Iova{0x1000}, 30}));
}

TEST(PredictDeltaTest, BadEntryBeforeAnUnreadablePageWins) {
  Memory memory;
  memory.bad_pages = {0x2000};
  memory.put(0x1FEC, "0100 b1b2b3b4b5b6b7b8 0100 c1c2c3c4c5c6c7c8");
  Descriptor d = valid(0x08);
  d.source = Iova{0x1FEC};
  d.size = 64;
  d.set_delta_size(30);
  EXPECT_EQ(predict(d, {}, memory).record, record_of("07 00 00 00 0a000000"));
}

TEST(PredictDeltaTest, DeltaGoesThereAndBack) {
  std::vector<std::byte> one = bytes_of("inc*4096"), two = one;
  for (const std::size_t at : {0u, 7u, 8u, 100u, 4095u}) two[at] ^= std::byte{0x80};
  const Delta delta = create_delta(one, two, 4096);
  EXPECT_EQ(delta.bytes.size(), 40u);
  for (const DeltaEntry& e : read_delta(delta.bytes, 4096).good)
    std::copy(e.bytes.begin(), e.bytes.end(), one.begin() + e.offset);
  EXPECT_EQ(one, two);
}

// ---------------------------------------------------------------- sizes and counts, 0x13 to 0x15

TEST(PredictOperandTest, SizeLimitsOfEveryOperation) {  // 5.6, 5.10
  WorkContext context = full_context();
  context.max_transfer = 0x2000;
  for (const int opcode : {0x03, 0x04, 0x05, 0x06, 0x09, 0x10, 0x11, 0x20}) {
    Descriptor d = valid(static_cast<std::uint8_t>(opcode));
    for (const std::uint32_t size : {0u, 0x2001u, 0x80000000u, 0xFFFFFFFFu}) {
      d.size = size;
      expect_record(run(d, context), 0x13);
    }
    for (const std::uint32_t size : {1u, 0x2000u}) {
      d.size = size;
      EXPECT_NE(run(d, context).status, 0x13) << "opcode " << opcode << " size " << size;
    }
  }
}

TEST(PredictOperandTest, DeltaTransfersEndAt512KiB) {  // 5.10
  for (const int opcode : {0x07, 0x08}) {
    Descriptor d = valid(static_cast<std::uint8_t>(opcode));
    d.destination = Iova{0x100000};
    d.set_field(40, 4, opcode == 0x08 ? 10 : 0x200000);
    d.size = 0x80008;
    EXPECT_EQ(run(d).status, 0x13);
    d.size = 0x80000;
    EXPECT_NE(run(d).status, 0x13);
    d.size = 0;
    EXPECT_EQ(run(d).status, 0x13);
    WorkContext small;
    small.max_transfer = 0x1000;
    d.size = 0x1008;
    EXPECT_EQ(run(d, small).status, 0x13);
  }
}

TEST(PredictOperandTest, DifSizesAreWholeBlocks) {  // 5.9
  const std::uint32_t blocks[4] = {512, 520, 4096, 4104};
  for (const int opcode : {0x12, 0x13, 0x14, 0x15}) {
    for (unsigned which = 0; which < 4; ++which) {
      const std::uint32_t unit = blocks[which] + (opcode == 0x13 ? 0 : 8);
      Descriptor d = valid(static_cast<std::uint8_t>(opcode));
      d.set_dif_flags(0, 0, static_cast<std::uint8_t>(which));
      for (const std::uint32_t size : {unit, 2 * unit}) {
        d.size = size;
        EXPECT_NE(run(d).status, 0x13) << "opcode " << opcode << " size " << size;
      }
      for (const std::uint32_t size : {0u, 1u, 8u, unit - 8, unit - 1, unit + 1, unit + 8}) {
        d.size = size;
        EXPECT_EQ(run(d).status, 0x13) << "opcode " << opcode << " size " << size;
      }
    }
  }
}

TEST(PredictOperandTest, DeltaRecordSizes) {  // 5.6 (07, 08)
  WorkContext context;
  context.max_transfer = 0x1000;
  Descriptor create = valid(0x07);
  const auto created = [&](std::uint32_t max) {
    create.set_max_delta_size(max);
    return run(create, context).status;
  };
  EXPECT_EQ(created(0), 0x15);
  EXPECT_EQ(created(79), 0x15);
  EXPECT_EQ(created(80), 1);
  EXPECT_EQ(created(0x1000), 1);
  EXPECT_EQ(created(0x1001), 0x15);
  EXPECT_EQ(created(0xFFFFFFFF), 0x15);
  Descriptor apply = valid(0x08);
  const auto applied = [&](std::uint32_t size) {
    apply.set_delta_size(size);
    return run(apply, context).status;
  };
  for (const std::uint32_t size : {0u, 1u, 9u, 11u, 15u, 4095u, 4100u, 0xFFFFFFFAu})
    EXPECT_EQ(applied(size), 0x15) << size;
  for (const std::uint32_t size : {10u, 20u, 4090u}) EXPECT_NE(applied(size), 0x15) << size;
}

// ---------------------------------------------------------------- alignment, 0x1c and 0x17

TEST(PredictOperandTest, AlignmentOfDeltaOperands) {  // 5.5 (1c), 5.6
  for (unsigned offset = 1; offset < 8; ++offset) {
    Descriptor d = valid(0x07);
    d.source += offset;
    expect_record(run(d), 0x1C);
    d = valid(0x07);
    d.destination += offset;
    expect_record(run(d), 0x1C);
    d = valid(0x07);
    d.set_delta_address(Iova{0x8000 + offset});
    expect_record(run(d), 0x1C);
    d = valid(0x07);
    d.size += offset;
    expect_record(run(d), 0x1C);
    d = valid(0x08);
    d.size += offset;
    expect_record(run(d), 0x1C);
    Descriptor free = valid(0x08);  // record and destination have no alignment
    free.source += offset;
    free.destination += offset;
    EXPECT_NE(run(free).status, 0x1C);
  }
}

TEST(PredictOperandTest, AlignmentOfTheCrcSeed) {  // 5.8
  for (const std::uint8_t opcode : {0x10, 0x11}) {
    for (unsigned offset = 0; offset < 8; ++offset) {
      Descriptor d = valid(opcode, kCrav | kRcr | 0x10000);
      d.set_crc_seed_address(Iova{0x3000 + offset});
      EXPECT_EQ(run(d, full_context()).status, offset % 4 == 0 ? 1 : 0x1C);
      d.flags |= 0x80000;
      EXPECT_EQ(run(d, full_context()).status, offset == 0 ? 1 : 0x1C);
    }
  }
}

TEST(PredictOperandTest, DualcastDestinationsAgreeInTwelveBits) {  // 5.5 (17)
  for (unsigned bit = 0; bit < 64; ++bit) {
    Descriptor d = valid(0x09);
    d.set_destination2(Iova{0x4000 ^ (std::uint64_t{1} << bit)});
    const int expected = bit < 12 ? 0x17 : 1;
    EXPECT_EQ(run(d).status, expected) << "bit " << bit;
  }
}

// ---------------------------------------------------------------- overlap, 0x16

/// Status with operand B at some distance from operand A (both 64 bytes), in both directions.
void expect_overlap(const std::function<int(std::int64_t)>& status, std::int64_t below,
                    std::int64_t above) {
  for (std::int64_t at = -below - 8; at <= above + 8; at += 8) {
    const bool shares = at > -below && at < above;
    EXPECT_EQ(status(at) == 0x16, shares) << "distance " << at;
  }
}

TEST(PredictOperandTest, OverlapOfDeltaOperands) {  // 5.6 (07, 08)
  Descriptor create = valid(0x07);
  create.size = 64;
  create.set_max_delta_size(80);
  const auto record_at = [&create](std::uint64_t base) {
    return [&create, base](std::int64_t at) {
      create.set_delta_address(Iova{base + static_cast<std::uint64_t>(at)});
      return int{run(create).status};
    };
  };
  expect_overlap(record_at(0x1000), 80, 64);
  expect_overlap(record_at(0x4000), 80, 64);
  Descriptor apply = valid(0x08);
  apply.size = 64;
  apply.set_delta_size(40);
  expect_overlap(
      [&apply](std::int64_t at) {
        apply.source = Iova{0x4000 + static_cast<std::uint64_t>(at)};
        return int{run(apply).status};
      },
      40, 64);
}

TEST(PredictOperandTest, OverlapOfCopies) {  // 5.6 (09, 11)
  Descriptor d = valid(0x11);
  d.size = 64;
  const auto destination_at = [&d](std::int64_t at) {
    d.destination = Iova{0x1000 + static_cast<std::uint64_t>(at)};
    return int{run(d).status};
  };
  expect_overlap(destination_at, 64, 64);
  d = valid(0x09);
  d.size = 0x1800;
  const auto dualcast = [&d](std::uint64_t source, std::uint64_t one, std::uint64_t two) {
    d.source = Iova{source};
    d.destination = Iova{one};
    d.set_destination2(Iova{two});
    return int{run(d).status};
  };
  EXPECT_EQ(dualcast(0x1000, 0x4000, 0x6000), 1);
  EXPECT_EQ(dualcast(0x1000, 0x2000, 0x8000), 0x16) << "source and first";
  EXPECT_EQ(dualcast(0x1000, 0x8000, 0x2000), 0x16) << "source and second";
  EXPECT_EQ(dualcast(0x1000, 0x8000, 0x9000), 0x16) << "first and second";
  EXPECT_EQ(dualcast(0x1000, 0x2800, 0x5800), 1) << "they touch";
  EXPECT_EQ(dualcast(0x1000, 0x27FF, 0x57FF), 0x16);
}

TEST(PredictOperandTest, OverlapOfDifCountsTheProtectionInformation) {  // 5.9
  Descriptor insert = valid(0x13);
  insert.source = Iova{0x2000};
  const auto inserted = [&insert](std::uint64_t at) {
    insert.destination = Iova{at};
    return int{run(insert).status};
  };
  EXPECT_EQ(inserted(0x2000 - 520), 1);
  EXPECT_EQ(inserted(0x2000 - 519), 0x16);
  EXPECT_EQ(inserted(0x2000 + 511), 0x16);
  EXPECT_EQ(inserted(0x2000 + 512), 1);
  Memory memory;
  memory.put(0x2000, "00*520");
  const auto other = [&memory](std::uint8_t opcode, std::uint64_t at) {
    Descriptor d = valid(opcode);
    d.source = Iova{0x2000};
    d.destination = Iova{at};
    return int{predict(d, {}, memory).status};
  };
  EXPECT_EQ(other(0x14, 0x2000 - 512), 1);
  EXPECT_EQ(other(0x14, 0x2000 - 511), 0x16);
  EXPECT_EQ(other(0x14, 0x2000 + 519), 0x16);
  EXPECT_EQ(other(0x14, 0x2000 + 520), 1);
  EXPECT_EQ(other(0x15, 0x2000 - 520), 1);
  EXPECT_EQ(other(0x15, 0x2000 - 519), 0x16);
  EXPECT_EQ(other(0x15, 0x2000 + 519), 0x16);
  EXPECT_EQ(other(0x15, 0x2000 + 520), 1);
}

TEST(PredictOperandTest, OverlapSeesTheWholeAddressSpace) {
  Descriptor d = valid(0x11);
  d.size = 0x1000;
  d.source = Iova{0x1000};
  d.destination = Iova{0x100001800};  // equal in the low 32 bits
  EXPECT_EQ(run(d).status, 1);
  d.source = Iova{0xFFFFFFFFFFFFF800};  // wraps to 0x7FF
  d.destination = Iova{0x7FF};
  EXPECT_EQ(run(d).status, 0x16);
  d.destination = Iova{0x800};
  EXPECT_NE(run(d).status, 0x16);
}

TEST(PredictOperandTest, MemoryMoveMayOverlap) {  // GENCAP[1]
  Descriptor d = valid(0x03);
  d.destination = Iova{0x1004};
  EXPECT_EQ(run(d).status, 1);
}

// ---------------------------------------------------------------- the order of predict_checks.cpp

TEST(PredictOperandTest, OrderOfOperandChecks) {
  WorkContext context;
  context.handle_ok = false;
  Descriptor d = valid(0x07, kCrav | kRcr | kRci);
  d.size = 0x80001;
  d.set_max_delta_size(79);
  d.source = Iova{0x1001};
  d.set_delta_address(Iova{0x1000});
  EXPECT_EQ(run(d, context).status, 0x13);
  d.size = 9;
  EXPECT_EQ(run(d, context).status, 0x15);
  d.set_max_delta_size(80);
  EXPECT_EQ(run(d, context).status, 0x1C);
  d.size = 8;
  EXPECT_EQ(run(d, context).status, 0x1C);
  d.source = Iova{0x1000};
  EXPECT_EQ(run(d, context).status, 0x16);
  d.set_delta_address(Iova{0x8000});
  EXPECT_EQ(run(d, context).status, 0x19);
  Descriptor dual = valid(0x09, kCrav | kRcr | kRci);
  dual.destination = Iova{0x1000};
  dual.set_destination2(Iova{0x8008});
  EXPECT_EQ(run(dual, context).status, 0x17);
  dual.set_destination2(Iova{0x8000});
  EXPECT_EQ(run(dual, context).status, 0x16);
}

}  // namespace
}  // namespace siov::model
