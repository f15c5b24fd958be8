// SPDX-License-Identifier: Apache-2.0
// siov_eng_crc: the vectors of the specification, every place of a part in a line, streams cut at
// random, and its rate.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "Vsiov_eng_crc.h"
#include "unit_bench.hpp"

namespace siov::test {
namespace {

enum Mode : std::uint8_t { kCrc32 = 0, kCrc64 = 1, kCrc16 = 2 };

struct Setting {
  Mode mode = kCrc32;
  std::uint64_t seed = 0;
  bool bypass_inversion = false, bypass_reflection = false;  // flags 17, 18
  bool invert_seed = false, invert_result = false;           // CRC-16
};

std::uint64_t reverse(std::uint64_t value, unsigned width) {
  std::uint64_t out = 0;
  for (unsigned i = 0; i < width; ++i) out |= ((value >> i) & 1) << (width - 1 - i);
  return out;
}

/// The definition of dsa 5.8 and 5.9, bit by bit: a register that shifts toward its top bit.
std::uint64_t defined_crc(const Setting& s, const Bytes& data) {
  const unsigned width = s.mode == kCrc32 ? 32 : s.mode == kCrc64 ? 64 : 16;
  const std::uint64_t mask = width == 64 ? ~0ull : (1ull << width) - 1;
  const std::uint64_t generator = s.mode == kCrc32   ? 0x1EDC6F41u
                                  : s.mode == kCrc64 ? 0xAD93D23594C93659u
                                                     : 0x8BB7u;
  std::uint64_t r = 0;
  if (s.mode == kCrc16) {
    r = s.invert_seed ? mask : 0;
  } else {
    r = s.bypass_inversion ? s.seed & mask : reverse(~s.seed & mask, width);
  }
  const bool high_bit_first = s.mode == kCrc16 || s.bypass_reflection;
  for (const std::uint8_t byte : data) {
    for (unsigned i = 0; i < 8; ++i) {
      const std::uint64_t bit = (byte >> (high_bit_first ? 7 - i : i)) & 1;
      const std::uint64_t top = ((r >> (width - 1)) & 1) ^ bit;
      r = ((r << 1) & mask) ^ (top != 0 ? generator : 0);
    }
  }
  if (s.mode == kCrc16) return s.invert_result ? ~r & mask : r;
  return s.bypass_inversion ? r : ~reverse(r, width) & mask;
}

class CrcUnit : public UnitBench<Vsiov_eng_crc> {
 public:
  void drive_start(const Setting& s) {
    top.start_i = 1;
    top.mode_i = s.mode;
    top.seed_i = s.seed;
    top.bypass_inv_i = s.bypass_inversion;
    top.bypass_data_refl_i = s.bypass_reflection;
    top.inv_seed_i = s.invert_seed;
    top.inv_result_i = s.invert_result;
  }
  void start(const Setting& s) {
    drive_start(s);
    tick();
    top.start_i = 0;
  }
  /// Offers one line until it is taken. Lanes around the bytes hold noise.
  void line(std::span<const std::uint8_t> bytes, unsigned lane) {
    put_bytes(top.data_i, noise_.bytes(64));
    put_bytes(top.data_i, bytes, lane);
    top.lane_i = static_cast<std::uint8_t>(lane);
    top.bytes_i = static_cast<std::uint8_t>(bytes.size());
    top.valid_i = 1;
    settle();
    while (top.ready_o == 0) tick();
    tick();
    top.valid_i = 0;
    top.start_i = 0;
  }
  void stream(std::span<const std::uint8_t> data) {
    for (std::size_t at = 0; at < data.size(); at += 64) {
      line(data.subspan(at, std::min<std::size_t>(64, data.size() - at)), 0);
    }
  }
  std::uint64_t result() {
    for (int i = 0; i < 10 && top.busy_o != 0; ++i) tick();
    EXPECT_EQ(top.busy_o, 0);
    return top.result_o;
  }
  std::uint64_t crc(const Setting& s, const Bytes& data) {
    start(s);
    stream(data);
    return result();
  }

 private:
  Random noise_{99};
};

Bytes text(const std::string& s) { return Bytes(s.begin(), s.end()); }

Bytes ramp(std::size_t n) {
  Bytes out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<std::uint8_t>(i);
  return out;
}

TEST(CrcUnitTest, VectorsOfTheSpecification) {  // dsa 5.8
  struct Row {
    Bytes data;
    Mode mode;
    std::uint64_t seed, plain, flag18, flag17, both;
  };
  const Row rows[] = {
      {text("123456789"), kCrc32, 0, 0xe3069283, 0xa8f022a0, 0x045fc71a, 0xc052a8c8},
      {text("123456789"), kCrc32, 0x12345678, 0x27d87b6a, 0x6c2ecb49, 0xa1b203f2, 0x65bf6c20},
      {Bytes(32, 0x00), kCrc32, 0, 0x8a9136aa, 0x8a9136aa, 0, 0},
      {Bytes(32, 0xff), kCrc32, 0, 0x62a8ab43, 0x62a8ab43, 0x97b99c17, 0x97b99c17},
      {ramp(32), kCrc32, 0, 0x46dd794e, 0x29b1e0f6, 0x27f23233, 0x3a6b04c5},
      {Bytes(1, 0x00), kCrc32, 0, 0x527d5351, 0x527d5351, 0, 0},
      {Bytes(1, 0x00), kCrc32, 0x12345678, 0xa92e6bc5, 0xa92e6bc5, 0xfaf43dd3, 0xfaf43dd3},
      {text("123456789"), kCrc64, 0, 0xae8b14860a799888, 0xa9af4cb7cb02c703, 0x21ec152b2603001e,
       0xf016cba8aa1924fe},
  };
  CrcUnit unit;
  for (const Row& row : rows) {
    EXPECT_EQ(unit.crc({row.mode, row.seed}, row.data), row.plain);
    EXPECT_EQ(unit.crc({row.mode, row.seed, false, true}, row.data), row.flag18);
    EXPECT_EQ(unit.crc({row.mode, row.seed, true, false}, row.data), row.flag17);
    EXPECT_EQ(unit.crc({row.mode, row.seed, true, true}, row.data), row.both);
  }
}

TEST(CrcUnitTest, GuardVectorsOfTheSpecification) {  // dsa 5.9
  const Setting guard{kCrc16}, inverted_seed{kCrc16, 0, false, false, true};
  const Setting inverted_result{kCrc16, 0, false, false, false, true};
  CrcUnit unit;
  EXPECT_EQ(unit.crc(guard, text("123456789")), 0xd0dbu);
  EXPECT_EQ(unit.crc(inverted_result, text("123456789")), 0x2f24u);  // ~d0db
  EXPECT_EQ(unit.crc(guard, Bytes(512, 0x00)), 0x0000u);
  EXPECT_EQ(unit.crc(inverted_seed, Bytes(512, 0x00)), 0x72bbu);
  EXPECT_EQ(unit.crc(guard, Bytes(512, 0xff)), 0xe6a1u);
  EXPECT_EQ(unit.crc(guard, ramp(512)), 0x4f10u);
  EXPECT_EQ(unit.crc(guard, ramp(4096)), 0x8f6du);
}

TEST(CrcUnitTest, NoBytesGiveTheSeed) {
  CrcUnit unit;
  EXPECT_EQ(unit.crc({kCrc32, 0xFFFFFFFF12345678}, {}), 0x12345678u);
  EXPECT_EQ(unit.crc({kCrc64, 0x0123456789abcdef}, {}), 0x0123456789abcdefu);
  EXPECT_EQ(unit.crc({kCrc16, ~0ull}, {}), 0u);
}

TEST(CrcUnitTest, CodesChainThroughTheirSeeds) {  // dsa 5.8, "Chaining"
  CrcUnit unit;
  const std::uint64_t first = unit.crc({kCrc32, 0}, text("1234"));
  EXPECT_EQ(unit.crc({kCrc32, first}, text("56789")), 0xe3069283u);
  const std::uint64_t first64 = unit.crc({kCrc64, 0}, text("1234567"));
  EXPECT_EQ(unit.crc({kCrc64, first64}, text("89")), 0xae8b14860a799888u);
}

class CrcPlacesTest : public ::testing::TestWithParam<Mode> {};

TEST_P(CrcPlacesTest, EveryPartOfALine) {
  CrcUnit unit;
  Random random(GetParam() + 1);
  for (unsigned lane = 0; lane < 64; ++lane) {
    for (unsigned bytes = 1; bytes <= 64 - lane; ++bytes) {
      const Setting s{GetParam(), random.bits()};
      const Bytes data = random.bytes(64 + bytes + 9);
      const std::span<const std::uint8_t> all(data);
      unit.start(s);
      unit.line(all.subspan(0, 64), 0);
      unit.line(all.subspan(64, bytes), lane);
      unit.line(all.subspan(64 + bytes, 9), 3);
      ASSERT_EQ(unit.result(), defined_crc(s, data)) << "lane " << lane << " bytes " << bytes;
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Codes, CrcPlacesTest, ::testing::Values(kCrc32, kCrc64, kCrc16));

TEST(CrcUnitTest, RandomStreams) {
  CrcUnit unit;
  Random random(7);
  for (int n = 0; n < 3000; ++n) {
    const Setting s{static_cast<Mode>(random.below(3)),
                    random.bits(),
                    random.chance(2),
                    random.chance(2),
                    random.chance(2),
                    random.chance(2)};
    const Bytes data = random.bytes(random.below(700));
    const std::span<const std::uint8_t> all(data);
    const bool whole = random.chance(3);
    std::size_t at = 0;
    if (random.chance(2))
      unit.start(s);
    else
      unit.drive_start(s);  // together with the first line
    while (at < data.size()) {
      const std::size_t left = data.size() - at;
      const std::size_t most = whole ? 64 : 1 + random.below(64);
      const std::size_t bytes = std::min(left, most);
      unit.line(all.subspan(at, bytes), random.below(static_cast<std::uint32_t>(65 - bytes)));
      at += bytes;
      while (random.chance(4)) unit.tick();
    }
    if (unit.top.start_i != 0) unit.start(s);  // there was no line
    ASSERT_EQ(unit.result(), defined_crc(s, data)) << "stream " << n;
  }
}

TEST(CrcUnitTest, ClearForgetsLinesUnderWay) {
  CrcUnit unit;
  for (const unsigned bytes : {64u, 5u}) {
    for (int ticks = 0; ticks < 4; ++ticks) {
      unit.start({kCrc64, 1});
      unit.line(Bytes(64, 0x55), 0);
      unit.line(Bytes(bytes, 0x55), 0);
      for (int i = 0; i < ticks; ++i) unit.tick();
      unit.top.clear_i = 1;
      unit.tick();
      unit.top.clear_i = 0;
      unit.settle();
      EXPECT_EQ(unit.top.busy_o, 0);
      EXPECT_EQ(unit.crc({kCrc32, 0}, text("123456789")), 0xe3069283u);
    }
  }
}

TEST(CrcUnitTest, WholeLinesAtOneACyclePartsAtTwo) {
  CrcUnit unit;
  unit.start({kCrc64, 0});
  std::uint64_t before = unit.cycles;
  for (int i = 0; i < 100; ++i) unit.line(Bytes(64, 0x11), 0);
  EXPECT_EQ(unit.cycles - before, 100u);
  unit.result();
  EXPECT_EQ(unit.cycles - before, 102u);  // line to result 3 cycles
  before = unit.cycles;
  for (int i = 0; i < 100; ++i) unit.line(Bytes(9, 0x11), 8);
  EXPECT_LE(unit.cycles - before, 200u);
  unit.result();
  EXPECT_LE(unit.cycles - before, 203u);
}

}  // namespace
}  // namespace siov::test
