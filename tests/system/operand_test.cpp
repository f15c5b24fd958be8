// SPDX-License-Identifier: Apache-2.0
// Operands at their borders: sizes of delta records, whole blocks, alignments, overlaps by one
// byte, destinations of a dualcast, errors of reads and readbacks. DSA 5.3, 5.5, 5.6, 5.9.
#include "operation_bench.hpp"

namespace siov::test {
namespace {

constexpr Record kAlignment{0x1C, 0, 0, 0}, kSize{0x13, 0, 0, 0}, kOverlap{0x16, 0, 0, 0},
    kDeltaSize{0x15, 0, 0, 0};

struct OperandStatusTest : OperationTest {
  /// good() with other addresses and size.
  static Work shaped(std::uint8_t opcode, std::uint64_t source, std::uint64_t destination,
                     unsigned size) {
    Work w = good(opcode);
    w.source = source;
    w.destination = destination;
    w.size = size;
    return w;
  }
  static Work create(std::uint64_t one, std::uint64_t two, std::uint64_t delta, unsigned max,
                     unsigned size = 64) {
    Work w = Work::move(one, two, size, kRecordAt);
    w.opcode = 0x07;
    put(w, 40, delta, 8);
    put(w, 48, max, 4);
    return w;
  }
  static Work apply(std::uint64_t record, unsigned record_size, std::uint64_t to,
                    unsigned size = 64) {
    Work w = Work::move(record, to, size, kRecordAt);
    w.opcode = 0x08;
    put(w, 40, record_size, 4);
    return w;
  }
  static Work dualcast(std::uint64_t from, std::uint64_t one, std::uint64_t two, unsigned size) {
    Work w = Work::move(from, one, size, kRecordAt);
    w.opcode = 0x09;
    put(w, 40, two, 8);
    return w;
  }
  static Work seeded(std::uint8_t opcode, std::uint64_t seed_at, std::uint32_t flags) {
    Work w = good(opcode);
    w.flags |= 0x010000 | flags;
    put(w, 48, seed_at, 8);
    return w;
  }
};

TEST_F(OperandStatusTest, DeltaTransferAbove512KiBIs13) {  // 5.10
  EXPECT_EQ(play(create(kZeroAt, kZeroAt, 0x7FF000, 80, 0x80008)), kSize);
  EXPECT_EQ(play(create(0x300000, 0x400000, 0x7FF000, 80, 0x80000)), kGood);
  EXPECT_EQ(play(apply(kChangeAt, 10, 0x400000, 0x80008)), kSize);
  EXPECT_EQ(play(apply(kChangeAt, 10, 0x400000, 0x80000)), kGood);
}

TEST_F(OperandStatusTest, DeltaTransferThatIsNoMultipleOf8Is1c) {  // 5.6
  for (const unsigned size : {1u, 4u, 7u, 63u, 65u, 68u}) {
    EXPECT_EQ(play(create(kCountAt, kCopyAt, kDeltaAt, 80, size)), kAlignment) << size;
    EXPECT_EQ(play(apply(kChangeAt, 10, kOutAt, size)), kAlignment) << size;
  }
}

TEST_F(OperandStatusTest, CreateDeltaOperandsOffTheGridAre1c) {  // 5.6
  for (unsigned offset = 1; offset < 8; ++offset) {
    EXPECT_EQ(play(create(kCountAt + offset, kCopyAt, kDeltaAt, 80)), kAlignment) << offset;
    EXPECT_EQ(play(create(kCountAt, kCopyAt + offset, kDeltaAt, 80)), kAlignment) << offset;
    EXPECT_EQ(play(create(kCountAt, kCopyAt, kDeltaAt + offset, 80)), kAlignment) << offset;
  }
  EXPECT_EQ(play(create(kCountAt + 8, kCopyAt + 8, kDeltaAt + 8, 80)), kGood);
}

TEST_F(OperandStatusTest, CreateDeltaMaxSizeOutsideItsLimitsIs15) {  // 5.6
  for (const unsigned max : {0u, 1u, 10u, 79u})
    EXPECT_EQ(play(create(kCountAt, kCopyAt, kDeltaAt, max)), kDeltaSize) << max;
  for (const unsigned max : {80u, 81u, 85u, 4096u})
    EXPECT_EQ(play(create(kCountAt, kCopyAt, kDeltaAt, max)), kGood) << max;
  limit(12);
  EXPECT_EQ(play(create(kCountAt, kCopyAt, kDeltaAt, 4096)), kGood);
  EXPECT_EQ(play(create(kCountAt, kCopyAt, kDeltaAt, 4097)), kDeltaSize);
}

TEST_F(OperandStatusTest, ApplyDeltaRecordSizeOutsideItsLimitsIs15) {  // 5.6
  for (const unsigned size : {0u, 1u, 8u, 9u, 11u, 15u, 19u, 0xFFFFFFFFu})
    EXPECT_EQ(play(apply(kChangeAt, size, kOutAt)), kDeltaSize) << size;
  limit(12);
  EXPECT_EQ(play(apply(kChangeAt, 4100, kOutAt)), kDeltaSize);
  EXPECT_EQ(play(apply(kChangeAt, 10, kOutAt)), kGood);
}

TEST_F(OperandStatusTest, ApplyDeltaRecordMayLieAnywhere) {  // 5.6: resume at two-byte addresses
  for (unsigned offset = 1; offset < 8; ++offset) {
    poke(kDeltaAt + offset, {0x02, 0x00, 1, 2, 3, 4, 5, 6, 7, offset});
    EXPECT_EQ(play(apply(kDeltaAt + offset, 10, kOutAt + offset)), kGood) << offset;
    EXPECT_EQ(peek(kOutAt + offset + 16, 8), (std::vector<unsigned>{1, 2, 3, 4, 5, 6, 7, offset}));
  }
}

TEST_F(OperandStatusTest, DifSizesThatAreNoWholeBlocksAre13) {  // 5.9
  const struct { unsigned flags, block; } sizes[] = {{0, 512}, {1, 520}, {2, 4096}, {3, 4104}};
  for (const auto& s : sizes) {
    for (const std::uint8_t opcode : {0x12, 0x13, 0x14, 0x15}) {
      const unsigned unit = opcode == 0x13 ? s.block : s.block + 8;
      Work w = good(opcode);
      put(w, 42, s.flags, 1);
      for (const unsigned size : {1u, unit - 1, unit + 1, 2 * unit - 8, unit - 8}) {
        w.size = size;
        EXPECT_EQ(play(w), kSize) << int{opcode} << " blocks of " << s.block << " size " << size;
      }
      for (const unsigned size : {unit, 2 * unit}) {
        w.size = size;
        w.flags = kWantRecord;
        put(w, 40, 0x60, opcode == 0x13 ? 0 : 1);  // guard and reference are not checked
        EXPECT_EQ(status(w), 0x01u) << int{opcode} << " blocks of " << s.block << " size " << size;
      }
    }
  }
}

TEST_F(OperandStatusTest, CrcSeedAddressOffTheGridIs1c) {  // 5.8
  for (const std::uint8_t opcode : {0x10, 0x11}) {
    for (unsigned offset = 1; offset < 8; ++offset) {
      const unsigned narrow = offset == 4 ? 0x01 : 0x1C;
      EXPECT_EQ(status(seeded(opcode, kZeroAt + offset, 0)), narrow) << offset;
      EXPECT_EQ(play(seeded(opcode, kZeroAt + offset, 0x080000)), kAlignment) << offset;
    }
    EXPECT_EQ(status(seeded(opcode, kZeroAt, 0x080000)), 0x01u);
  }
}

TEST_F(OperandStatusTest, CrcSeedIsEitherAValueOrAnAddress) {  // 5.6 (10), 5.2.1
  for (const std::uint8_t opcode : {0x10, 0x11}) {
    Work w = seeded(opcode, kZeroAt, 0);
    put(w, 40, 1, 4);
    EXPECT_EQ(play(w), (Record{0x12, 0, 0, 0})) << "both";
    w = good(opcode);
    put(w, 40, 0x12345678, 4);
    EXPECT_EQ(status(w), 0x01u);
    put(w, 44, 0x80, 1);
    EXPECT_EQ(play(w), (Record{0x12, 0, 0, 0})) << "upper half of a 32-bit seed";
    w.flags |= 0x080000;
    EXPECT_EQ(status(w), 0x01u);
  }
}

TEST_F(OperandStatusTest, ListOffTheGridIs18) {  // 5.5 (18)
  for (const unsigned offset : {1u, 2u, 4u, 8u, 16u, 32u, 63u}) {
    Work w = good(0x01);
    w.source += offset;
    EXPECT_EQ(play(w), (Record{0x18, 0, 0, 0})) << offset;
  }
}

TEST_F(OperandStatusTest, DescriptorCountOutsideItsLimitsIs14) {  // 5.6 (01), 5.10
  Work w = good(0x01);
  for (const unsigned count : {0u, 1u, 33u, 1024u, 0xFFFFFFFFu}) {
    w.size = count;
    EXPECT_EQ(play(w), (Record{0x14, 0, 0, 0})) << count;
  }
  w.size = 32;
  EXPECT_EQ(play(w), (Record{0x0000002000000001, 0, 0, 0}));
  limit(31, 1);
  w.size = 3;
  EXPECT_EQ(play(w), (Record{0x14, 0, 0, 0}));
  w.size = 2;
  EXPECT_EQ(play(w), (Record{0x0000000200000001, 0, 0, 0}));
}

TEST_F(OperandStatusTest, DualcastDestinationsThatDifferBelowThePageAre17) {  // 5.5 (17)
  for (unsigned bit = 0; bit < 16; ++bit) {
    EXPECT_EQ(play(dualcast(kCountAt, kOutAt, kOut2At ^ 1u << bit, 16)),
              bit < 12 ? (Record{0x17, 0, 0, 0}) : kGood)
        << bit;
  }
}

TEST_F(OperandStatusTest, CreateDeltaBufferThatTouchesASourceIs16) {  // 5.6 (07)
  EXPECT_EQ(play(create(kCountAt, kZeroAt, kCountAt + 56, 80)), kOverlap);
  EXPECT_EQ(play(create(kZeroAt, kCountAt, kCountAt + 56, 80)), kOverlap);
  EXPECT_EQ(play(create(kCountAt, kZeroAt, kCountAt - 80, 81)), kOverlap) << "by its maximum";
  EXPECT_EQ(play(create(kZeroAt, kCountAt, kCountAt - 80, 81)), kOverlap);
  EXPECT_EQ(play(create(kCopyAt, kCountAt, kCountAt - 80, 80)), kGood);
  EXPECT_EQ(play(create(kCountAt, kCopyAt, kCopyAt + 64, 80)), kGood);
  EXPECT_EQ(play(create(kCopyAt, kCopyAt, kDeltaAt, 80)), kGood) << "sources may be the same";
}

TEST_F(OperandStatusTest, ApplyDeltaRecordThatTouchesTheDestinationIs16) {  // 5.6 (08)
  for (const int offset : {-9, 0, 63}) {
    EXPECT_EQ(play(apply(kOutAt + static_cast<std::uint64_t>(offset), 10, kOutAt)), kOverlap)
        << offset;
  }
  for (const int offset : {-10, 64})
    EXPECT_EQ(play(apply(kOutAt + static_cast<std::uint64_t>(offset), 10, kOutAt)), kGood)
        << offset;
}

TEST_F(OperandStatusTest, DualcastBuffersThatTouchAre16) {  // 5.6 (09)
  for (const int offset : {-63, 0, 63}) {
    const auto o = static_cast<std::uint64_t>(offset);
    EXPECT_EQ(play(dualcast(kOutAt + o, kOutAt, kOut2At, 64)), kOverlap) << offset;
    EXPECT_EQ(play(dualcast(kOut2At + o, kOutAt, kOut2At, 64)), kOverlap) << offset;
  }
  for (const int offset : {-64, 64}) {
    const auto o = static_cast<std::uint64_t>(offset);
    EXPECT_EQ(play(dualcast(kOutAt + o, kOutAt, kOut2At, 64)), kGood) << offset;
    EXPECT_EQ(play(dualcast(kOut2At + o, kOutAt, kOut2At, 64)), kGood) << offset;
  }
  EXPECT_EQ(play(dualcast(kCountAt, kOutAt, kOutAt + 0x1000, 0x1001)), kOverlap);
  EXPECT_EQ(play(dualcast(kCountAt, kOutAt + 0x1000, kOutAt, 0x1001)), kOverlap);
  EXPECT_EQ(play(dualcast(kCountAt, kOutAt, kOutAt + 0x1000, 0x1000)), kGood);
}

TEST_F(OperandStatusTest, CopyCrcAndDifBuffersThatTouchAre16) {  // 5.6 (11), 5.9
  const struct {
    std::uint8_t opcode;
    unsigned from, to;  // bytes of source and destination
  } rows[] = {{0x11, 64, 64}, {0x13, 512, 520}, {0x14, 520, 512}, {0x15, 520, 520}};
  const std::uint64_t base = kZeroAt + 0x4000;
  for (const auto& row : rows) {
    EXPECT_EQ(play(shaped(row.opcode, base, base + row.from - 1, row.from)), kOverlap)
        << int{row.opcode};
    EXPECT_EQ(play(shaped(row.opcode, base, base - row.to + 1, row.from)), kOverlap)
        << int{row.opcode};
    EXPECT_EQ(play(shaped(row.opcode, base, base, row.from)), kOverlap) << int{row.opcode};
    EXPECT_EQ(status(shaped(row.opcode, base, base + row.from, row.from)), 0x01u)
        << int{row.opcode};
    EXPECT_EQ(status(shaped(row.opcode, base, base - row.to, row.from)), 0x01u) << int{row.opcode};
  }
}

TEST_F(OperandStatusTest, OverlapIsSeenAboveFourGiB) {  // 5.6: 64-bit ranges
  const std::uint64_t high = 0xFFFF'0000'0000;
  EXPECT_EQ(play(shaped(0x11, high - 1, high, 64)), kOverlap);
  EXPECT_EQ(play(shaped(0x11, high + 0x1'0000'0000, high, 64)), (Record{0x20, 0, 0, 0}))
      << "far apart: only the read fails";
}

/// Data that cannot be read: status 20 with nothing else in the record.
struct ReadErrorStatusTest : EveryOperationTest {};

TEST_P(ReadErrorStatusTest, RefusedReadIs20AndTheNextDescriptorIsWell) {  // 5.5 (20)
  const Work w = legal();
  for (const port::DmaStatus refusal :
       {port::DmaStatus::kUnsupportedRequest, port::DmaStatus::kCompleterAbort}) {
    b.host.refusal = refusal;
    b.host.bad_pages = {w.source};
    EXPECT_EQ(play(w), (Record{0x20, 0, 0, 0}));
    if (GetParam() == 0x05 || GetParam() == 0x07) {
      b.host.bad_pages = {w.destination};
      EXPECT_EQ(play(w), (Record{0x20, 0, 0, 0})) << "second source";
    }
    if (GetParam() == 0x10 || GetParam() == 0x11) {
      Work seed = w;
      seed.flags |= 0x010000;
      put(seed, 48, kZeroAt, 8);
      b.host.bad_pages = {kZeroAt};
      EXPECT_EQ(play(seed), (Record{0x20, 0, 0, 0})) << "seed";
    }
    b.host.bad_pages.clear();
    EXPECT_EQ(status(w), 0x01u);
  }
  EXPECT_EQ(take_error(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Dsa, ReadErrorStatusTest,
                         testing::Values(0x01, 0x03, 0x05, 0x06, 0x07, 0x08, 0x09, 0x10, 0x11, 0x12,
                                         0x13, 0x14, 0x15),
                         [](const auto& i) { return name_of(i.param); });

/// Destinations read back after the data: flag 14.
struct ReadbackStatusTest : EveryOperationTest {
  /// Ends with a write of its destination.
  Work with_readback() {
    Work w = legal();
    w.flags |= 0x4000;
    if (GetParam() == 0x07) poke(kCopyAt, {0xFF});  // something to record
    return w;
  }
  std::uint64_t target() const { return GetParam() == 0x07 ? kDeltaAt : kOutAt; }
};

TEST_P(ReadbackStatusTest, DestinationIsReadBackBetweenDataAndRecord) {  // 5.3
  ASSERT_EQ(status(with_readback()), 0x01u);
  std::size_t readback = 0, last_data = 0, record = 0;
  for (std::size_t i = 0; i < b.host.seen.size(); ++i) {
    const Seen& s = b.host.seen[i];
    const bool there = s.address >= target() && s.address < target() + 0x1000;
    if (s.kind == Seen::kRead && there) readback = i;
    if (s.kind == Seen::kWrite && there) last_data = i;
    if (s.address == kRecordAt) record = i;
  }
  EXPECT_GT(readback, last_data);
  EXPECT_GT(record, readback);
}

TEST_P(ReadbackStatusTest, ReadbackThatFailsIs21) {  // 5.5 (21)
  const Work w = with_readback();
  b.host.bad_pages = {target()};
  EXPECT_EQ(status(w), 0x21u);
  if (GetParam() == 0x09) {
    b.host.bad_pages = {kOut2At};
    EXPECT_EQ(status(w), 0x21u) << "second destination";
  }
  b.host.bad_pages.clear();
  EXPECT_EQ(status(w), 0x01u);
}

INSTANTIATE_TEST_SUITE_P(Dsa, ReadbackStatusTest,
                         testing::Values(0x03, 0x04, 0x07, 0x08, 0x09, 0x11, 0x13, 0x14, 0x15),
                         [](const auto& i) { return name_of(i.param); });

}  // namespace
}  // namespace siov::test
