// SPDX-License-Identifier: Apache-2.0
// siov_eng_apply: entries of dsa 5.6 (08), their errors, records cut anywhere, stalls and rate.
#include <gtest/gtest.h>

#include <algorithm>

#include "Vsiov_eng_apply.h"
#include "unit_bench.hpp"
#include "write_sink.hpp"

namespace siov::test {
namespace {

/// An entry whose eight bytes are fill, fill + 1, ...
void append(Bytes& record, std::uint16_t number, std::uint8_t fill) {
  record.push_back(static_cast<std::uint8_t>(number));
  record.push_back(static_cast<std::uint8_t>(number >> 8));
  for (unsigned i = 0; i < 8; ++i) record.push_back(static_cast<std::uint8_t>(fill + i));
}

class ApplyUnit : public UnitBench<Vsiov_eng_apply> {
 public:
  void begin(std::uint64_t dst, std::uint32_t size) {
    sink = {};
    sink.boundary = 4096;
    top.start_i = 1;
    top.dst_i = dst;
    top.size_i = size;
    sink.cycle(*this, random);
    top.start_i = 0;
  }
  void line(std::span<const std::uint8_t> bytes) {
    put_bytes(top.data_i, random.bytes(64));
    put_bytes(top.data_i, bytes);
    top.bytes_i = static_cast<std::uint8_t>(bytes.size());
    top.valid_i = 1;
    settle();
    while (top.ready_o == 0) sink.cycle(*this, random);
    sink.cycle(*this, random);
    top.valid_i = 0;
  }
  /// @param cut  lines of random length, with gaps
  void lines(const Bytes& record, bool cut = false) {
    const std::span<const std::uint8_t> all(record);
    for (std::size_t at = 0; at < record.size();) {
      const std::size_t most = cut ? 1 + random.below(64) : 64;
      const std::size_t bytes = std::min(most, record.size() - at);
      line(all.subspan(at, bytes));
      at += bytes;
      while (cut && random.chance(4)) sink.cycle(*this, random);
    }
  }
  void finish() {
    top.flush_i = 1;
    sink.cycle(*this, random);
    top.flush_i = 0;
    for (int i = 0; i < 2000 && top.done_o == 0; ++i) sink.cycle(*this, random);
    EXPECT_EQ(top.done_o, 1);
    EXPECT_EQ(top.wr_valid_o, 0);
  }

  WriteSink sink;
  Random random{5};
};

TEST(ApplyUnitTest, EntryWritesEightBytesAtItsWord) {  // dsa 5.6 (08)
  Bytes record;
  append(record, 2, 0x10);
  append(record, 0x103, 0x80);
  ApplyUnit unit;
  unit.begin(0x5000, 0x820);
  unit.lines(record);
  unit.finish();
  EXPECT_EQ(unit.top.error_o, 0);
  EXPECT_EQ(unit.top.used_o, 20u);
  EXPECT_EQ(unit.sink.memory.size(), 16u);
  EXPECT_EQ(unit.sink.at(0x5010, 8), (Bytes{0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17}));
  EXPECT_EQ(unit.sink.at(0x5818, 8), (Bytes{0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87}));
}

TEST(ApplyUnitTest, NumbersMustAscend) {  // status 0x07
  for (const std::uint16_t second : {std::uint16_t{5}, std::uint16_t{4}, std::uint16_t{0}}) {
    Bytes record;
    append(record, 5, 1);
    append(record, second, 2);
    append(record, 9, 3);
    ApplyUnit unit;
    unit.begin(0x5000, 0x1000);
    unit.lines(record);
    unit.finish();
    EXPECT_EQ(unit.top.error_o, 1);
    EXPECT_EQ(unit.top.status_o, 0x07);
    EXPECT_EQ(unit.top.used_o, 10u);
    EXPECT_EQ(unit.sink.memory.size(), 8u);
    EXPECT_EQ(unit.sink.at(0x5028, 1), Bytes{1});
  }
}

TEST(ApplyUnitTest, NumbersMustLieInTheDestination) {  // status 0x08
  for (const std::uint16_t number : {std::uint16_t{63}, std::uint16_t{64}, std::uint16_t{0xFFFF}}) {
    Bytes record;
    append(record, 0, 1);
    append(record, number, 2);
    append(record, static_cast<std::uint16_t>(number + 1), 3);
    ApplyUnit unit;
    unit.begin(0x5000, 0x200);
    unit.lines(record);
    unit.finish();
    EXPECT_EQ(unit.top.error_o, 1);
    EXPECT_EQ(unit.top.status_o, 0x08);
    EXPECT_EQ(unit.top.used_o, number == 63 ? 20u : 10u);
    EXPECT_EQ(unit.sink.memory.size(), number == 63 ? 16u : 8u);
  }
}

TEST(ApplyUnitTest, LargestNumber) {  // destination of 512 KiB
  Bytes record;
  append(record, 0xFFFF, 7);
  ApplyUnit unit;
  unit.begin(0x1'0000'0000, 0x80000);
  unit.lines(record);
  unit.finish();
  EXPECT_EQ(unit.top.error_o, 0);
  EXPECT_EQ(unit.sink.at(0x1'0007'FFF8, 1), Bytes{7});
}

TEST(ApplyUnitTest, EveryAlignmentAcrossAPage) {
  for (unsigned offset = 0; offset < 16; ++offset) {
    Bytes record;
    append(record, 1, 0x20);
    append(record, 2, 0x30);
    append(record, 3, 0x40);
    ApplyUnit unit;
    unit.begin(0x7'0000'0FE0 + offset, 4096);
    unit.lines(record);
    unit.finish();
    const std::uint64_t first = 0x7'0000'0FE8 + offset;
    EXPECT_EQ(unit.sink.at(first, 8), (Bytes{0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27}));
    EXPECT_EQ(unit.sink.at(first + 8, 8), (Bytes{0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37}));
    EXPECT_EQ(unit.sink.at(first + 16, 8), (Bytes{0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47}));
    EXPECT_EQ(unit.sink.memory.size(), 24u);
    EXPECT_EQ(unit.sink.writes, offset % 8 == 0 ? 3u : 4u);
  }
}

TEST(ApplyUnitTest, RandomRecordsCutAnywhere) {
  ApplyUnit unit;
  Random& random = unit.random;
  unsigned errors[9] = {};
  for (int n = 0; n < 1500; ++n) {
    Bytes record;
    const std::uint64_t dst = random.bits();
    const std::uint32_t words = 1 + random.below(3000);
    const std::uint32_t size = 8 * words;
    std::map<std::uint64_t, std::uint8_t> memory;
    std::int32_t last = -1;
    std::uint32_t used = 0;
    std::uint8_t status = 0;
    for (std::uint32_t i = random.below(60); i > 0; --i) {
      std::int64_t next = last + 1 + random.below(100);
      if (random.chance(50)) next = random.bits() & 0xFFFF;
      if (random.chance(50)) next = std::max<std::int64_t>(0, last - random.below(2));
      const auto number = static_cast<std::uint16_t>(next);
      const std::uint8_t fill = random.byte();
      append(record, number, fill);
      if (status != 0) continue;
      if (number <= last)
        status = 7;
      else if (number >= words)
        status = 8;
      last = number;
      if (status != 0) continue;
      used += 10;
      for (unsigned b = 0; b < 8; ++b) {
        memory[dst + 8ull * number + b] = static_cast<std::uint8_t>(fill + b);
      }
    }
    ++errors[status];
    unit.begin(dst, size);
    unit.sink.stalls = 1 + random.below(8);
    unit.lines(record, random.chance(2));
    unit.finish();
    ASSERT_EQ(unit.top.error_o, status != 0) << "run " << n;
    ASSERT_EQ(unit.top.status_o, status) << "run " << n;
    ASSERT_EQ(unit.top.used_o, used) << "run " << n;
    ASSERT_EQ(unit.sink.memory, memory) << "run " << n;
  }
  EXPECT_GT(errors[0], 100u);
  EXPECT_GT(errors[7], 100u);
  EXPECT_GT(errors[8], 100u);
}

TEST(ApplyUnitTest, AnEntryACycleAndOneForEachLine) {
  Bytes record;
  for (std::uint16_t i = 0; i < 640; ++i) append(record, i, static_cast<std::uint8_t>(i));
  ApplyUnit unit;
  unit.begin(0x1000, 8 * 640);
  const std::uint64_t before = unit.cycles;
  unit.lines(record);
  EXPECT_LE(unit.cycles - before, 640u + 100u);
  unit.finish();
  EXPECT_EQ(unit.sink.writes, 640u);
}

TEST(ApplyUnitTest, LinesAfterAnErrorAreSwallowedAtOneACycle) {
  Bytes record;
  append(record, 3, 1);
  append(record, 3, 1);
  record.resize(64, 0xFF);
  ApplyUnit unit;
  unit.begin(0x1000, 4096);
  unit.line(record);
  while (unit.top.error_o == 0) unit.sink.cycle(unit, unit.random);
  const std::uint64_t before = unit.cycles;
  for (int i = 0; i < 50; ++i) unit.line(record);
  EXPECT_EQ(unit.cycles - before, 50u);
  unit.finish();
  EXPECT_EQ(unit.top.status_o, 0x07);
  EXPECT_EQ(unit.sink.memory.size(), 8u);
}

TEST(ApplyUnitTest, ClearLeavesNothingBehind) {
  for (int ticks = 0; ticks < 12; ++ticks) {
    Bytes record;
    for (std::uint16_t i = 0; i < 6; ++i) append(record, i, 0x50);
    ApplyUnit unit;
    unit.begin(0x0FF9, 4096);
    unit.sink.stalls = 3;
    unit.line(record);
    for (int i = 0; i < ticks; ++i) unit.sink.cycle(unit, unit.random);
    unit.top.clear_i = 1;
    unit.sink.cycle(unit, unit.random);
    unit.top.clear_i = 0;
    EXPECT_EQ(unit.top.wr_valid_o, 0);
    EXPECT_EQ(unit.top.error_o, 0);
    unit.begin(0x9000, 4096);
    unit.line(record);
    unit.finish();
    EXPECT_EQ(unit.sink.memory.size(), 48u);
    EXPECT_EQ(unit.sink.at(0x9000, 2), (Bytes{0x50, 0x51}));
  }
}

}  // namespace
}  // namespace siov::test
