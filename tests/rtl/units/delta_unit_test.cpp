// SPDX-License-Identifier: Apache-2.0
// siov_eng_delta: records as dsa 5.6 (07) describes them, overflow, stalls and rate.
#include <gtest/gtest.h>

#include <algorithm>

#include "Vsiov_eng_delta.h"
#include "unit_bench.hpp"
#include "write_sink.hpp"

namespace siov::test {
namespace {

struct Outcome {
  Bytes record;
  bool differs = false, overflow = false;
  std::uint32_t compared = 0;
};

/// Word by word, for comparison with the unit.
Outcome expected(const Bytes& a, const Bytes& b, std::uint32_t max_size) {
  Outcome out;
  for (std::size_t at = 0; at < a.size(); at += 8) {
    if (!std::equal(&a[at], &a[at] + 8, &b[at])) {
      out.differs = true;
      if (out.record.size() + 10 > max_size) {
        out.overflow = true;
        return out;
      }
      out.record.push_back(static_cast<std::uint8_t>(at / 8));
      out.record.push_back(static_cast<std::uint8_t>(at / 8 >> 8));
      out.record.insert(out.record.end(), &b[at], &b[at] + 8);
    }
    out.compared += 8;
  }
  return out;
}

class DeltaUnit : public UnitBench<Vsiov_eng_delta> {
 public:
  void begin(std::uint32_t max_size, std::uint64_t dst) {
    sink = {};
    dst_ = dst;
    top.start_i = 1;
    top.max_size_i = max_size;
    top.dst_i = dst;
    sink.cycle(*this, random);
    top.start_i = 0;
  }
  void pair(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
    put_bytes(top.a_i, random.bytes(64));
    put_bytes(top.b_i, random.bytes(64));
    put_bytes(top.a_i, a);
    put_bytes(top.b_i, b);
    top.words_i = static_cast<std::uint8_t>(a.size() / 8);
    top.valid_i = 1;
    settle();
    while (top.ready_o == 0) sink.cycle(*this, random);
    sink.cycle(*this, random);
    top.valid_i = 0;
  }
  void pairs(const Bytes& a, const Bytes& b, unsigned gaps = 0) {
    const std::span<const std::uint8_t> all_a(a), all_b(b);
    for (std::size_t at = 0; at < a.size();) {
      std::size_t bytes = std::min<std::size_t>(64, a.size() - at);
      if (gaps != 0 && random.chance(8))
        bytes = std::min<std::size_t>(bytes, 8 + 8 * random.below(8));
      pair(all_a.subspan(at, bytes), all_b.subspan(at, bytes));
      at += bytes;
      while (gaps != 0 && random.chance(gaps)) sink.cycle(*this, random);
    }
  }
  Outcome finish() {
    top.flush_i = 1;
    sink.cycle(*this, random);
    top.flush_i = 0;
    for (int i = 0; i < 200 && top.done_o == 0; ++i) sink.cycle(*this, random);
    EXPECT_EQ(top.done_o, 1);
    EXPECT_EQ(top.wr_valid_o, 0);
    EXPECT_EQ(sink.memory.size(), top.size_o);
    return {sink.at(dst_, top.size_o), top.differs_o != 0, top.overflow_o != 0, top.compared_o};
  }

  WriteSink sink;
  Random random{11};

 private:
  std::uint64_t dst_ = 0;
};

void expect_same(const Outcome& got, const Outcome& want) {
  EXPECT_EQ(got.differs, want.differs);
  EXPECT_EQ(got.overflow, want.overflow);
  EXPECT_EQ(got.compared, want.compared);
  EXPECT_EQ(got.record, want.record);
}

TEST(DeltaUnitTest, EntryIsNumberAndWordOfSourceTwo) {  // dsa 5.6 (07)
  Bytes a(72, 0), b(72, 0);
  for (unsigned i = 0; i < 8; ++i) b[16 + i] = static_cast<std::uint8_t>(0xA0 + i);
  a[71] = 0x80;
  DeltaUnit unit;
  unit.begin(80, 0x1000);
  unit.pairs(a, b);
  const Outcome got = unit.finish();
  const Bytes want = {0x02, 0x00, 0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7,
                      0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
  EXPECT_EQ(got.record, want);
  EXPECT_TRUE(got.differs);
  EXPECT_FALSE(got.overflow);
  EXPECT_EQ(got.compared, 72u);
}

TEST(DeltaUnitTest, EqualSourcesWriteNothing) {
  DeltaUnit unit;
  unit.begin(80, 0x1000);
  const Bytes same = unit.random.bytes(4096);
  unit.pairs(same, same);
  const Outcome got = unit.finish();
  EXPECT_FALSE(got.differs);
  EXPECT_FALSE(got.overflow);
  EXPECT_EQ(got.compared, 4096u);
  EXPECT_TRUE(unit.sink.memory.empty());
}

TEST(DeltaUnitTest, NoLinesAtAll) {
  DeltaUnit unit;
  unit.begin(80, 0x1000);
  const Outcome got = unit.finish();
  EXPECT_FALSE(got.differs);
  EXPECT_EQ(got.compared, 0u);
}

TEST(DeltaUnitTest, EightEntriesFillEightyBytesANinthOverflows) {  // 80 is the smallest maximum
  const Bytes zero(256, 0);
  Bytes eight = zero, nine = zero;
  for (unsigned w = 0; w < 8; ++w) eight[24 * w] = 1, nine[24 * w] = 1;
  nine[24 * 8 + 7] = 1;  // word 24
  DeltaUnit unit;
  unit.begin(80, 0x2008);
  unit.pairs(zero, eight);
  Outcome got = unit.finish();
  EXPECT_EQ(got.record.size(), 80u);
  EXPECT_FALSE(got.overflow);
  EXPECT_EQ(got.compared, 256u);
  unit.begin(89, 0x2008);  // not a multiple of ten
  unit.pairs(zero, nine);
  got = unit.finish();
  EXPECT_EQ(got.record.size(), 80u);
  EXPECT_TRUE(got.overflow);
  EXPECT_EQ(got.compared, 192u);
  unit.begin(90, 0x2008);
  unit.pairs(zero, nine);
  got = unit.finish();
  EXPECT_EQ(got.record.size(), 90u);
  EXPECT_FALSE(got.overflow);
}

TEST(DeltaUnitTest, LastWordOfTheLargestSourceHasNumber65535) {  // 512 KiB
  Bytes a(0x80000, 0x33), b = a;
  b.back() = 0x34;
  DeltaUnit unit;
  unit.begin(80, 0xFFFF'FFFF'0000'0FF8);
  unit.pairs(a, b);
  const Outcome got = unit.finish();
  const Bytes want = {0xFF, 0xFF, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x34};
  EXPECT_EQ(got.record, want);
  EXPECT_EQ(got.compared, 0x80000u);
}

TEST(DeltaUnitTest, EveryPlaceOfTheRecordInALine) {
  const Bytes zero(64 * 24, 0), one(64 * 24, 1);
  for (unsigned words = 0; words < 8; ++words) {
    for (unsigned entries = 1; entries <= 24; ++entries) {
      DeltaUnit unit;
      unit.begin(4096, 0x40'0000 + 8 * words);
      const Bytes a(8 * entries, 0), b(8 * entries, 1);
      unit.pairs(a, b);
      expect_same(unit.finish(), expected(a, b, 4096));
      const unsigned lines = (8 * words + 10 * entries + 63) / 64;
      EXPECT_EQ(unit.sink.writes, lines);  // whole lines, no more writes than lines
    }
  }
}

TEST(DeltaUnitTest, RandomSources) {
  DeltaUnit unit;
  unsigned overflows = 0;
  for (int n = 0; n < 1500; ++n) {
    Random& random = unit.random;
    const Bytes a = random.bytes(8 * (1 + random.below(300)));
    Bytes b = a;
    const unsigned density = 1 + random.below(40);
    for (std::uint8_t& byte : b) {
      if (random.chance(density)) byte = static_cast<std::uint8_t>(byte ^ (1u << random.below(8)));
    }
    const std::uint32_t max_size = 80 + random.below(3000);
    const Outcome want = expected(a, b, max_size);
    overflows += want.overflow ? 1 : 0;
    unit.begin(max_size, random.bits() & ~7ull);
    unit.sink.stalls = 1 + random.below(20);
    unit.pairs(a, b, random.chance(2) ? 3 : 0);
    expect_same(unit.finish(), want);
    ASSERT_FALSE(HasFailure()) << "run " << n;
  }
  EXPECT_GT(overflows, 200u);
}

TEST(DeltaUnitTest, OneEqualPairACycleOneDifferingWordACycle) {
  const Bytes zero(64, 0), one(64, 1);
  Bytes single(64, 0);
  single[40] = 1;
  DeltaUnit unit;
  unit.begin(1u << 20, 0x1000);
  std::uint64_t before = unit.cycles;
  for (int i = 0; i < 100; ++i) unit.pair(zero, zero);
  EXPECT_EQ(unit.cycles - before, 100u);
  before = unit.cycles;
  for (int i = 0; i < 100; ++i) unit.pair(zero, single);
  EXPECT_LE(unit.cycles - before, 101u);
  before = unit.cycles;
  for (int i = 0; i < 100; ++i) unit.pair(zero, one);
  EXPECT_LE(unit.cycles - before, 801u);
  EXPECT_EQ(unit.finish().record.size(), 9000u);
  EXPECT_EQ(unit.sink.largest, 64u);
}

TEST(DeltaUnitTest, LinesAfterAnOverflowAreSwallowedAtOneACycle) {
  const Bytes zero(64, 0), one(64, 1);
  DeltaUnit unit;
  unit.begin(80, 0x1000);
  for (int i = 0; i < 3; ++i) unit.pair(zero, one);
  while (unit.top.overflow_o == 0) unit.sink.cycle(unit, unit.random);
  const std::uint64_t before = unit.cycles;
  for (int i = 0; i < 100; ++i) unit.pair(zero, one);
  EXPECT_EQ(unit.cycles - before, 100u);
  const Outcome got = unit.finish();
  EXPECT_EQ(got.record.size(), 80u);
  EXPECT_EQ(got.compared, 64u);
}

TEST(DeltaUnitTest, ClearLeavesNothingBehind) {
  const Bytes zero(64, 0), one(64, 1);
  for (int ticks = 0; ticks < 30; ++ticks) {
    DeltaUnit unit;
    unit.begin(4096, 0x1000);
    unit.sink.stalls = 1000;
    unit.pair(zero, one);
    for (int i = 0; i < ticks; ++i) unit.sink.cycle(unit, unit.random);
    unit.top.clear_i = 1;
    unit.sink.cycle(unit, unit.random);
    unit.top.clear_i = 0;
    EXPECT_EQ(unit.top.wr_valid_o, 0);
    unit.begin(4096, 0x3010);
    unit.pair(one, zero);
    expect_same(unit.finish(), expected(one, zero, 4096));
  }
}

}  // namespace
}  // namespace siov::test
