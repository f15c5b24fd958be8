// SPDX-License-Identifier: Apache-2.0
// CRC arithmetic: every vector of DSA 5.8, and the CRC operations byte by byte.
#include "model/crc.hpp"
#include "predict_bench.hpp"

namespace siov::model {
namespace {

/// One row of the table in 5.8.
struct Row {
  const char* data;
  std::uint64_t seed;
  std::uint64_t plain, flag18, flag17, both;
  bool wide = false;
};

constexpr const char* kDigits = "313233343536373839";  // ASCII 123456789

const std::vector<Row> kRows = {
    {kDigits, 0, 0xE3069283, 0xA8F022A0, 0x045FC71A, 0xC052A8C8},
    {kDigits, 0x12345678, 0x27D87B6A, 0x6C2ECB49, 0xA1B203F2, 0x65BF6C20},
    {"00*32", 0, 0x8A9136AA, 0x8A9136AA, 0, 0},
    {"ff*32", 0, 0x62A8AB43, 0x62A8AB43, 0x97B99C17, 0x97B99C17},
    {"inc*32", 0, 0x46DD794E, 0x29B1E0F6, 0x27F23233, 0x3A6B04C5},
    {"00", 0, 0x527D5351, 0x527D5351, 0, 0},
    {"00", 0x12345678, 0xA92E6BC5, 0xA92E6BC5, 0xFAF43DD3, 0xFAF43DD3},
    {kDigits, 0, 0xAE8B14860A799888, 0xA9AF4CB7CB02C703, 0x21EC152B2603001E, 0xF016CBA8AA1924FE,
     true},
};

TEST(CrcTest, GivesEveryVectorOfTheSpecification) {  // 5.8
  for (const Row& row : kRows) {
    const std::vector<std::byte> data = bytes_of(row.data);
    EXPECT_EQ(crc({row.wide, false, false}, row.seed, data), row.plain) << row.data;
    EXPECT_EQ(crc({row.wide, false, true}, row.seed, data), row.flag18) << row.data;
    EXPECT_EQ(crc({row.wide, true, false}, row.seed, data), row.flag17) << row.data;
    EXPECT_EQ(crc({row.wide, true, true}, row.seed, data), row.both) << row.data;
  }
}

std::uint64_t value_of(const Prediction& p) {
  std::uint64_t value = 0;
  for (unsigned i = 8; i-- > 0;)
    value = value << 8 | std::to_integer<std::uint64_t>(p.record[16 + i]);
  return value;
}

/// The four flag modes of one row through one operation.
void expect_row(const Row& row, std::uint8_t opcode, bool by_address) {
  const std::pair<std::uint32_t, std::uint64_t> modes[] = {
      {0, row.plain}, {0x40000, row.flag18}, {0x20000, row.flag17}, {0x60000, row.both}};
  for (const auto& [flags, value] : modes) {
    Memory memory;
    memory.put(0x1FFB, row.data);
    abi::Descriptor d = valid(opcode, kCrav | kRcr | flags | (row.wide ? 0x80000u : 0u));
    d.source = Iova{0x1FFB};
    d.size = static_cast<std::uint32_t>(bytes_of(row.data).size());
    if (by_address) {
      d.flags |= 0x10000;
      for (unsigned i = 0; i < 8; ++i)
        memory.bytes[0x3008 + i] =
            static_cast<std::byte>(i < 4 || row.wide ? row.seed >> (8 * i) : 0xEE);
      d.set_crc_seed_address(Iova{0x3008});
    } else {
      d.set_crc_seed(row.seed, row.wide);
    }
    const Prediction p = predict(d, full_context(), memory);
    EXPECT_EQ(p.status, 1);
    EXPECT_EQ(value_of(p), value) << row.data << " opcode " << int{opcode} << " flags " << flags;
    for (const std::size_t zero : {1, 2, 3, 4, 5, 6, 7, 8, 15, 24, 31})
      EXPECT_EQ(p.record[zero], std::byte{0}) << "record byte " << zero;
    EXPECT_EQ(p.reads.size(), by_address ? 2u : 1u);
    if (by_address) {
      EXPECT_EQ(p.reads.at(1), (Range{Iova{0x3008}, row.wide ? 8u : 4u}));
    }
    ASSERT_EQ(p.writes.size(), opcode == 0x11 ? 1u : 0u);
    if (opcode == 0x11) {
      EXPECT_EQ(p.writes[0], (Write{Iova{0x4000}, bytes_of(row.data), false}));
    }
  }
}

TEST(CrcTest, OperationsGiveEveryVector) {  // 5.6 (10, 11), 5.8
  for (const Row& row : kRows) {
    for (const std::uint8_t opcode : {0x10, 0x11}) {
      expect_row(row, opcode, false);
      expect_row(row, opcode, true);
    }
  }
}

TEST(CrcTest, PiecesChainThroughTheSeed) {  // 5.8
  const std::vector<std::byte> data = bytes_of(kDigits);
  const std::span<const std::byte> all(data);
  const std::uint64_t first = crc({}, 0, all.first(4));
  EXPECT_EQ(crc({}, first, all.subspan(4)), 0xE3069283u);
  const std::uint64_t wide = crc({.wide = true}, 0, all.first(5));
  EXPECT_EQ(crc({.wide = true}, wide, all.subspan(5)), 0xAE8B14860A799888u);
}

TEST(CrcTest, T10GivesEveryVectorOfTheSpecification) {  // 5.9
  EXPECT_EQ(crc16_t10(0, bytes_of(kDigits)), 0xD0DB);
  EXPECT_EQ(crc16_t10(0, bytes_of("00*512")), 0x0000);
  EXPECT_EQ(crc16_t10(0xFFFF, bytes_of("00*512")), 0x72BB);
  EXPECT_EQ(crc16_t10(0, bytes_of("ff*512")), 0xE6A1);
  EXPECT_EQ(crc16_t10(0, bytes_of("inc*512")), 0x4F10);
  EXPECT_EQ(crc16_t10(0, bytes_of("inc*4096")), 0x8F6D);
}

TEST(CrcTest, UnreadableSeedOrDataIsAReadError) {  // 5.5 (20)
  Memory memory;
  memory.bad_pages = {0x3000};
  abi::Descriptor d = valid(0x11, kCrav | kRcr | 0x10000);
  d.set_crc_seed_address(Iova{0x3008});
  const Prediction seed = predict(d, {}, memory);
  EXPECT_EQ(seed.record, record_of("20"));
  ASSERT_EQ(seed.writes.size(), 1u);
  EXPECT_TRUE(seed.writes[0].optional) << "the copy may have gone on";
  memory.bad_pages = {0x2000};
  d = valid(0x11);
  d.source = Iova{0x1FFC};
  memory.put(0x1FFC, "a1a2a3a4");
  const Prediction data = predict(d, {}, memory);
  EXPECT_EQ(data.record, record_of("20"));
  ASSERT_EQ(data.writes.size(), 1u);
  EXPECT_EQ(data.writes[0], (Write{Iova{0x4000}, bytes_of("a1a2a3a4"), true}));
  d = valid(0x10);
  d.source = Iova{0x1FFC};
  expect_record(predict(d, {}, memory), 0x20);
}

}  // namespace
}  // namespace siov::model
