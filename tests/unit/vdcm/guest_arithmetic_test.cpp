// SPDX-License-Identifier: Apache-2.0
// The guest's own arithmetic against the vectors of the specification.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "guest/arithmetic.hpp"
#include "guest/operation.hpp"

namespace siov::guest {
namespace {

std::vector<std::byte> text(const std::string& s) {
  std::vector<std::byte> out(s.size());
  std::memcpy(out.data(), s.data(), s.size());
  return out;
}

// dsa.md 5.8: default, flag 18, flag 17, flags 17 and 18
TEST(GuestCrcTest, VectorsOfTheSpecification) {
  const std::vector<std::byte> digits = text("123456789");
  const auto crc = [&](std::uint64_t seed, bool wide, bool plain, bool msb) {
    return crc_of(digits, seed, {.wide = wide, .plain = plain, .msb_first = msb});
  };
  EXPECT_EQ(crc(0, false, false, false), 0xE3069283u);
  EXPECT_EQ(crc(0, false, false, true), 0xA8F022A0u);
  EXPECT_EQ(crc(0, false, true, false), 0x045FC71Au);
  EXPECT_EQ(crc(0, false, true, true), 0xC052A8C8u);
  EXPECT_EQ(crc(0x12345678, false, false, false), 0x27D87B6Au);
  EXPECT_EQ(crc(0x12345678, false, true, false), 0xA1B203F2u);
  EXPECT_EQ(crc(0, true, false, false), 0xAE8B14860A799888u);
  EXPECT_EQ(crc(0, true, false, true), 0xA9AF4CB7CB02C703u);
  EXPECT_EQ(crc(0, true, true, false), 0x21EC152B2603001Eu);
  EXPECT_EQ(crc(0, true, true, true), 0xF016CBA8AA1924FEu);
}

// dsa.md 5.9
TEST(GuestGuardTest, VectorsOfTheSpecification) {
  EXPECT_EQ(guard_of(text("123456789"), false, false), 0xD0DB);
  const std::vector<std::byte> zeros(512);
  EXPECT_EQ(guard_of(zeros, false, false), 0x0000);
  EXPECT_EQ(guard_of(zeros, true, false), 0x72BB);
  EXPECT_EQ(guard_of(zeros, false, true), 0xFFFF);
  EXPECT_EQ(guard_of(std::vector<std::byte>(512, std::byte{0xFF}), false, false), 0xE6A1);
}

// dsa.md 5.9: big-endian tags, status bits, skips
TEST(GuestProtectionTest, JudgesEachFieldAndSkips) {
  std::vector<std::byte> bytes;
  append_protection(bytes, {0x1234, 0x5678, 0x9ABCDEF0});
  ASSERT_EQ(bytes.size(), 8u);
  EXPECT_EQ(bytes[0], std::byte{0x12});
  EXPECT_EQ(bytes[7], std::byte{0xF0});
  const abi::DifTags tags{0x100, 0x00FF, 0xAB12};
  const Protection right{0x1111, 0xAB00, 0x100};
  EXPECT_EQ(judge_protection(right, 0x1111, tags, 0), 0);
  EXPECT_EQ(judge_protection(right, 0x1112, tags, 0), 1);
  EXPECT_EQ(judge_protection({0x1111, 0xAB12, 0x100}, 0x1111, tags, 0), 2);
  EXPECT_EQ(judge_protection({0x1111, 0xAB00, 0x101}, 0x1111, tags, 0), 4);
  EXPECT_EQ(judge_protection({0, 0, 0}, 0x1111, tags, 0), 7);
  EXPECT_EQ(judge_protection({0, 0, 0}, 0x1111, tags, 0x60), 2);
  const Protection all_f{0xFFFF, 0xFFFF, 0xFFFF'FFFF};
  EXPECT_EQ(judge_protection(all_f, 0, tags, 0x01), 8);
  EXPECT_EQ(judge_protection(all_f, 0, tags, 0x02), 0);
  EXPECT_EQ(judge_protection({1, 0xFFFF, 1}, 0, tags, 0x04), 0);
  EXPECT_EQ(judge_protection({1, 0xFFFF, 1}, 0, tags, 0x08), 7);
}

// dsa.md 5.6 (07): word index little-endian, then the bytes of source 2; overflow
TEST(GuestDeltaTest, EntriesAndOverflow) {
  std::vector<std::byte> one(800), two(800);
  EXPECT_EQ(delta_of(one, two, 80).result, 0);
  two[8 * 3 + 1] = std::byte{7};
  const DeltaRecord single = delta_of(one, two, 80);
  const std::array<std::byte, 10> expected{std::byte{3}, std::byte{0}, std::byte{0}, std::byte{7}};
  EXPECT_EQ(single.result, 1);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), single.bytes.begin()));
  for (std::size_t i = 0; i < 100; ++i) two[8 * i] = std::byte{9};
  const DeltaRecord full = delta_of(one, two, 85);
  EXPECT_EQ(full.result, 2);
  EXPECT_EQ(full.bytes.size(), 80u);
  EXPECT_EQ(full.compared, 64u);
}

TEST(RandomSourceTest, BatchesHaveMembersFencesAndBadOnes) {
  MixConfig mix;
  mix.operations = 3000;
  std::fill(std::begin(mix.weights), std::end(mix.weights), 1U);
  mix.batch = {.permille = 400, .least = 2, .most = 9, .fence_permille = 200, .max_bytes = 500};
  mix.bad_permille = 50;
  RandomSource source(5, mix);
  std::set<OperationKind> kinds;
  int batches = 0, members = 0, fences = 0, bad = 0;
  while (const std::optional<Operation> op = source.next()) {
    kinds.insert(op->kind);
    bad += op->bad ? 1 : 0;
    if (op->kind != OperationKind::kBatch) continue;
    ++batches;
    EXPECT_GE(op->members.size(), 2u);
    EXPECT_LE(op->members.size(), 9u);
    EXPECT_FALSE(op->members.front().fence);
    for (const Operation& m : op->members) {
      ++members;
      fences += m.fence ? 1 : 0;
      EXPECT_LE(m.bytes, 500u);
      EXPECT_NE(m.kind, OperationKind::kDrain);
      EXPECT_NE(m.kind, OperationKind::kBatch);
    }
  }
  EXPECT_EQ(kinds.size(), 19u);
  EXPECT_GT(batches, 1000);
  EXPECT_GT(members, 5000);
  EXPECT_GT(fences, 700);
  EXPECT_GT(bad, 100);
}

}  // namespace
}  // namespace siov::guest
