// SPDX-License-Identifier: Apache-2.0
// What each operation leaves in memory and in its record, byte by byte: patterns, compares, delta
// records, dualcast, CRC and DIF with the vectors of the specification. DSA 5.4, 5.6, 5.8, 5.9.
#include <string_view>

#include "operation_bench.hpp"

namespace siov::test {
namespace {

using Bytes = std::vector<unsigned>;

struct PatternStatusTest : OperationTest {};

TEST_F(PatternStatusTest, SixteenBytePatternRepeatsFromTheFirstByte) {  // 5.6 (04), GENCAP[10]
  Work w = Work::fill(0x8877665544332211, kOutAt + 3, 35, kRecordAt);
  w.flags |= 0x040000;
  put(w, 40, 0x00FFEEDDCCBBAA99, 8);
  EXPECT_EQ(play(w), kGood);
  const Bytes pattern = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
                         0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0x00};
  for (unsigned i = 0; i < 35; ++i) EXPECT_EQ(b.host.byte(kOutAt + 3 + i), pattern[i % 16]) << i;
  EXPECT_EQ(b.host.byte(kOutAt + 2), 0u);
  EXPECT_EQ(b.host.byte(kOutAt + 38), 0u);
  put(w, 48, 1, 1);
  EXPECT_EQ(play(w), (Record{0x12, 0, 0, 0})) << "48 to 63 stay reserved";
}

TEST_F(PatternStatusTest, ComparePatternIs01WithTheResult) {  // 5.6 (06)
  Work w = good(0x06);
  w.size = 4099;
  EXPECT_EQ(play(w), kGood);
  for (const unsigned at : {0u, 7u, 63u, 64u, 4095u, 4096u, 4098u}) {
    b.host.memory[kPatternAt + at] ^= std::byte{0x10};
    const Record r = play(w);
    EXPECT_EQ(r[0] & 0xFFFFFFFF, 0x0101u) << at;
    EXPECT_LE(r[0] >> 32, at) << "any value not beyond the difference";
    b.host.memory[kPatternAt + at] ^= std::byte{0x10};
  }
  b.host.memory[kPatternAt + 4099] ^= std::byte{0x10};
  EXPECT_EQ(play(w), kGood) << "the byte behind is not looked at";
}

TEST_F(PatternStatusTest, UnexpectedResultIs02) {  // 5.6: the table of expected results
  const struct {
    bool expected_different, different;
    unsigned word;
  } rows[] = {
      {false, false, 0x0001}, {false, true, 0x0102}, {true, false, 0x0002}, {true, true, 0x0101}};
  for (const std::uint8_t opcode : {0x05, 0x06}) {
    for (const auto& row : rows) {
      Work w = good(opcode);
      w.flags |= kCheckResult;
      if (row.expected_different) put(w, 40, 1, 1);
      b.host.memory[w.source] ^= std::byte{row.different};
      EXPECT_EQ(play(w)[0], row.word) << int{opcode} << row.expected_different << row.different;
      b.host.memory[w.source] ^= std::byte{row.different};
    }
  }
}

TEST_F(PatternStatusTest, DualcastWritesBothDestinationsAndNothingElse) {  // 5.6 (09)
  for (const unsigned size : {1u, 63u, 64u, 65u, 4097u}) {
    Work w = Work::move(kCountAt + 1, kOutAt + 5, size, kRecordAt);
    w.opcode = 0x09;
    put(w, 40, kOut2At + 5, 8);
    EXPECT_EQ(play(w), kGood);
    for (const std::uint64_t to : {kOutAt, kOut2At}) {
      EXPECT_EQ(b.host.byte(to + 4), 0u);
      for (unsigned i = 0; i < size; ++i)
        ASSERT_EQ(b.host.byte(to + 5 + i), (1 + i) & 0xFF) << size << " " << i;
      EXPECT_EQ(b.host.byte(to + 5 + size), 0u);
    }
  }
}

TEST_F(PatternStatusTest, CacheFlushChangesNothing) {  // 5.6 (20)
  Work w = good(0x20);
  w.destination = kCountAt + 3;
  w.size = 5000;
  EXPECT_EQ(play(w), kGood);
  for (unsigned i = 0; i < 0x2000; ++i) ASSERT_EQ(b.host.byte(kCountAt + i), i & 0xFF) << i;
}

struct MoveSizeTest : OperationTest, testing::WithParamInterface<unsigned> {};

TEST_P(MoveSizeTest, DataIsWholeAndTheRecordIsOneWriteBehindIt) {  // 13, point 3; 5.3
  const std::uint64_t from = 0x200000, to = 0x500000;
  const unsigned size = GetParam();
  for (unsigned i = 0; i < size; ++i)
    b.host.memory[from + i] = static_cast<std::byte>(i * 2654435761u >> 24);
  EXPECT_EQ(play(Work::move(from, to, size, kRecordAt)), kGood);
  EXPECT_TRUE(std::equal(b.host.memory.begin() + from, b.host.memory.begin() + from + size,
                         b.host.memory.begin() + to));
  EXPECT_EQ(b.host.byte(to - 1), 0u);
  EXPECT_EQ(b.host.byte(to + size), 0u);
  const std::vector<Seen> records = b.host.touching(kRecordAt, 32);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].bytes, 32u);
  EXPECT_EQ(b.host.seen.back().address, kRecordAt);
}

INSTANTIATE_TEST_SUITE_P(Dsa, MoveSizeTest, testing::Values(1, 63, 64, 65, 4096, 4097, 2u << 20),
                         [](const auto& i) { return "Bytes" + std::to_string(i.param); });

struct DeltaStatusTest : OperationTest {
  /// Word `index` of the second source differs.
  void differ(unsigned index) { b.host.memory[kCopyAt + 8 * index + 2] ^= std::byte{0xFF}; }
  static Work create(unsigned size, unsigned max) {
    Work w = good(0x07);
    w.size = size;
    w.set = {};
    put(w, 40, kDeltaAt, 8);
    put(w, 48, max, 4);
    return w;
  }
  static Work apply(unsigned record_bytes, unsigned size) {
    Work w = good(0x08);
    w.source = kDeltaAt;
    w.size = size;
    w.set = {};
    put(w, 40, record_bytes, 4);
    return w;
  }
};

TEST_F(DeltaStatusTest, RecordHasIndexAndBytesOfTheSecondSource) {  // 5.6 (07)
  differ(1);
  differ(7);
  EXPECT_EQ(play(create(64, 80)), (Record{0x0101, 0, 20, 0}));
  EXPECT_EQ(peek(kDeltaAt, 21),
            (Bytes{0x01, 0x00, 0x08, 0x09, 0xF5, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x07,
                   0x00, 0x38, 0x39, 0xC5, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F, 0x00}));
  differ(7);
  differ(300);
  EXPECT_EQ(play(create(4096, 80)), (Record{0x0101, 0, 20, 0}));
  EXPECT_EQ(peek(kDeltaAt + 10, 4), (Bytes{0x2C, 0x01, 0x60, 0x61})) << "index 300";
}

TEST_F(DeltaStatusTest, EqualSourcesGiveResultZero) {  // 5.6 (07)
  EXPECT_EQ(play(create(4096, 80)), kGood);
  EXPECT_EQ(b.host.byte(kDeltaAt), 0u);
}

TEST_F(DeltaStatusTest, FullRecordGivesResultTwo) {  // 5.6 (07)
  for (unsigned i = 0; i < 9; ++i) differ(2 * i);
  const Record r = play(create(256, 80));
  EXPECT_EQ(r[0] & 0xFFFF, 0x0201u);
  EXPECT_EQ(r[2] & 0xFFFFFFFF, 80u);
  EXPECT_EQ(r[0] >> 32, 128u) << "everything before word 16 is compared";
  EXPECT_EQ(play(create(256, 90)), (Record{0x0101, 0, 90, 0})) << "room for the ninth";
  EXPECT_EQ(play(create(128, 80)), (Record{0x0101, 0, 80, 0})) << "eight fit";
}

TEST_F(DeltaStatusTest, ResultOutsideTheExpectedMaskIs02) {  // 5.6 (07)
  for (unsigned result = 0; result < 3; ++result) {
    if (result > 0) {
      for (unsigned i = 0; i < (result == 1 ? 1u : 9u); ++i) {
        if (result == 1 || i > 0) differ(i);
      }
    }
    for (unsigned mask = 0; mask < 8; ++mask) {
      Work w = create(256, 80);
      w.flags |= kCheckResult;
      put(w, 56, mask, 1);
      const unsigned expected = (mask >> result & 1) != 0 ? 0x01 : 0x02;
      EXPECT_EQ(play(w)[0] & 0xFFFF, result << 8 | expected) << result << " mask " << mask;
    }
  }
}

TEST_F(DeltaStatusTest, RecordIsAppliedWordByWord) {  // 5.6 (08)
  poke(kDeltaAt, {0x00, 0x00, 0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7,
                  0x07, 0x00, 0xB0, 0xB1, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7});
  EXPECT_EQ(play(apply(20, 64)), kGood);
  EXPECT_EQ(peek(kOutAt, 9), (Bytes{0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0}));
  EXPECT_EQ(peek(kOutAt + 55, 10), (Bytes{0, 0xB0, 0xB1, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0}));
}

TEST_F(DeltaStatusTest, IndexThatDoesNotAscendIs07) {  // 5.5 (07)
  for (const unsigned second : {3u, 2u, 0u}) {
    poke(kDeltaAt, {0x03, 0x00, 1, 1, 1, 1, 1, 1, 1, 1, second, 0x00, 2, 2, 2, 2, 2, 2, 2, 2});
    const Record r = play(apply(20, 64));
    EXPECT_EQ(r[0] & 0xFFFF, 0x0007u) << second;
    EXPECT_EQ(b.host.byte(kOutAt + 16), 0u) << "the bad entry is not applied";
    EXPECT_EQ(b.host.byte(kOutAt), 0u);
  }
}

TEST_F(DeltaStatusTest, IndexBehindTheTransferIs08) {  // 5.5 (08)
  for (const unsigned index : {8u, 9u, 0xFFu}) {
    poke(kDeltaAt, {index, 0x00, 1, 1, 1, 1, 1, 1, 1, 1});
    EXPECT_EQ(play(apply(10, 64))[0] & 0xFFFF, 0x0008u) << index;
    EXPECT_EQ(b.host.byte(kOutAt + 8 * index), 0u);
  }
  poke(kDeltaAt, {7, 0x00, 1, 1, 1, 1, 1, 1, 1, 1});
  EXPECT_EQ(play(apply(10, 64)), kGood);
  poke(kDeltaAt, {0, 0x80, 1, 1, 1, 1, 1, 1, 1, 1});
  EXPECT_EQ(play(apply(10, 64))[0] & 0xFFFF, 0x0008u) << "index 0x8000";
}

TEST_F(DeltaStatusTest, WhatCreateRecordsApplyRestores) {  // 5.6 (07, 08)
  for (const unsigned i : {0u, 5u, 6u, 511u, 512u, 1000u}) differ(i);
  EXPECT_EQ(play(create(8192, 16384)), (Record{0x0101, 0, 60, 0}));
  EXPECT_EQ(play(Work::move(kCountAt, kOutAt, 8192, kRecordAt)), kGood);
  EXPECT_EQ(play(apply(60, 8192)), kGood);
  EXPECT_EQ(play(Work::compare(kOutAt, kCopyAt, 8192, kRecordAt)), kGood);
}

struct CrcVector {
  const char* name;
  std::string_view data;  ///< text, or "" for `count` bytes from `first`, `step` apart
  unsigned count, first, step;
  std::uint32_t seed;
  std::uint32_t value[4];  ///< plain; flag 18; flag 17; both
};
constexpr CrcVector kCrcVectors[] = {
    {"Digits", "123456789", 9, 0, 0, 0, {0xe3069283, 0xa8f022a0, 0x045fc71a, 0xc052a8c8}},
    {"DigitsSeeded",
     "123456789",
     9,
     0,
     0,
     0x12345678,
     {0x27d87b6a, 0x6c2ecb49, 0xa1b203f2, 0x65bf6c20}},
    {"Zeros", "", 32, 0, 0, 0, {0x8a9136aa, 0x8a9136aa, 0, 0}},
    {"Ones", "", 32, 0xFF, 0, 0, {0x62a8ab43, 0x62a8ab43, 0x97b99c17, 0x97b99c17}},
    {"Counting", "", 32, 0, 1, 0, {0x46dd794e, 0x29b1e0f6, 0x27f23233, 0x3a6b04c5}},
    {"OneByte", "", 1, 0, 0, 0, {0x527d5351, 0x527d5351, 0, 0}},
    {"OneByteSeeded", "", 1, 0, 0, 0x12345678, {0xa92e6bc5, 0xa92e6bc5, 0xfaf43dd3, 0xfaf43dd3}}};

struct CrcStatusTest : OperationTest, testing::WithParamInterface<CrcVector> {
  void load(const CrcVector& v, std::uint64_t at) {
    for (unsigned i = 0; i < v.count; ++i)
      b.host.memory[at + i] = static_cast<std::byte>(
          v.data.empty() ? v.first + v.step * i : static_cast<unsigned char>(v.data[i]));
  }
};

TEST_P(CrcStatusTest, VectorIsInTheRecordWithAllFlagsAndSeeds) {  // 5.8
  const CrcVector& v = GetParam();
  for (const std::uint8_t opcode : {0x10, 0x11}) {
    for (unsigned mode = 0; mode < 4; ++mode) {
      const std::uint64_t from = 0x500000 + 61 * (mode + 1);  // also across lines
      load(v, from);
      Work w = good(opcode);
      w.source = from;
      w.size = v.count;
      w.flags |= (mode & 1 ? 0x040000u : 0u) | (mode & 2 ? 0x020000u : 0u);
      Work by_address = w;
      put(w, 40, v.seed, 4);
      EXPECT_EQ(play(w), (Record{1, 0, v.value[mode], 0})) << int{opcode} << " mode " << mode;
      by_address.flags |= 0x010000;
      put(by_address, 48, 0x510004, 8);
      for (unsigned i = 0; i < 4; ++i)
        b.host.memory[0x510004 + i] = static_cast<std::byte>(v.seed >> 8 * i);
      EXPECT_EQ(play(by_address), (Record{1, 0, v.value[mode], 0})) << "seed by address";
      if (opcode == 0x10) continue;
      EXPECT_EQ(peek(kOutAt, v.count), peek(from, v.count)) << "copied";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Dsa, CrcStatusTest, testing::ValuesIn(kCrcVectors),
                         [](const auto& i) { return std::string(i.param.name); });

struct WideCrcStatusTest : CrcStatusTest {};

TEST_P(WideCrcStatusTest, SixtyFourBitVector) {  // 5.8: flag 19
  const std::uint64_t values[] = {0xae8b14860a799888, 0xa9af4cb7cb02c703, 0x21ec152b2603001e,
                                  0xf016cba8aa1924fe};
  load(GetParam(), 0x500000);
  for (unsigned mode = 0; mode < 4; ++mode) {
    Work w = good(0x10);
    w.source = 0x500000;
    w.size = 9;
    w.flags |= 0x080000u | (mode & 1 ? 0x040000u : 0u) | (mode & 2 ? 0x020000u : 0u);
    EXPECT_EQ(play(w), (Record{1, 0, values[mode], 0})) << mode;
  }
}

INSTANTIATE_TEST_SUITE_P(Dsa, WideCrcStatusTest, testing::Values(kCrcVectors[0]),
                         [](const auto& i) { return std::string(i.param.name); });

struct CrcChainTest : OperationTest {};

TEST_F(CrcChainTest, SeedOfTheNextPieceIsTheRecordOfTheLast) {  // 5.6 (10): seed at record + 16
  const Work whole = [] {
    Work w = good(0x10);
    w.size = 5000;
    return w;
  }();
  const Record expected = play(whole);
  Work first = good(0x10);
  first.size = 777;
  first.record = 0x101000;
  EXPECT_EQ(play(first), kNoRecord);
  Work second = good(0x10);
  second.source = kCountAt + 777;
  second.size = 5000 - 777;
  second.flags |= 0x010000;
  put(second, 48, 0x101010, 8);
  EXPECT_EQ(play(second), expected);
}

}  // namespace
}  // namespace siov::test
