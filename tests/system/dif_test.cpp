// SPDX-License-Identifier: Apache-2.0
// Protection information through the whole device: guard vectors of all block sizes, tags that
// step, masks, checks, blocks of all ones, errors in a later block. DSA 5.9.
#include "operation_bench.hpp"

namespace siov::test {
namespace {

using Bytes = std::vector<unsigned>;
constexpr std::uint64_t kBlocksAt = 0x500000;

/// Fields of a DIF descriptor: bytes 40 to 42 and the two tag sets.
struct Dif {
  unsigned source_flags = 0, destination_flags = 0, flags = 0;
  std::uint32_t source_ref = 0, destination_ref = 0;
  std::uint16_t source_mask = 0, source_app = 0, destination_mask = 0, destination_app = 0;
};

struct DifStatusTest : OperationTest {
  static Work make(std::uint8_t opcode, unsigned size, const Dif& d) {
    Work w = good(opcode);
    w.source = kBlocksAt;
    w.size = size;
    put(w, 40, d.source_flags, 1);
    put(w, 41, d.destination_flags, 1);
    put(w, 42, d.flags, 1);
    put(w, 48, d.source_ref, 4);
    put(w, 52, d.source_mask, 2);
    put(w, 54, d.source_app, 2);
    put(w, 56, d.destination_ref, 4);
    put(w, 60, d.destination_mask, 2);
    put(w, 62, d.destination_app, 2);
    return w;
  }
  /// Blocks of 512 zeros, each with the eight bytes given.
  void blocks(std::initializer_list<std::initializer_list<unsigned>> tags) {
    std::fill_n(b.host.memory.begin() + kBlocksAt, 0x4000, std::byte{0});
    std::uint64_t at = kBlocksAt;
    for (const auto& tag : tags) {
      poke(at + 512, tag);
      at += 520;
    }
  }
  /// Status, result and bytes completed of a check.
  std::uint64_t check(unsigned size, const Dif& d) { return play(make(0x12, size, d))[0]; }
};

TEST_F(DifStatusTest, InsertWritesGuardVectorsBigEndian) {  // 5.9: the vectors
  const struct {
    unsigned flags, block;
    int first, step;
    Bytes guard;
  } rows[] = {{0, 512, 0, 0, {0x00, 0x00}},    {4, 512, 0, 0, {0x72, 0xBB}},
              {8, 512, 0, 0, {0xFF, 0xFF}},    {0, 512, 0xFF, 0, {0xE6, 0xA1}},
              {8, 512, 0xFF, 0, {0x19, 0x5E}}, {0, 512, 0, 1, {0x4F, 0x10}},
              {2, 4096, 0, 1, {0x8F, 0x6D}}};
  for (const auto& row : rows) {
    for (unsigned i = 0; i < row.block; ++i)
      b.host.memory[kBlocksAt + i] =
          static_cast<std::byte>(row.first + row.step * static_cast<int>(i));
    const Dif d{.flags = row.flags, .destination_ref = 0x01020304, .destination_app = 0xABCD};
    EXPECT_EQ(play(make(0x13, row.block, d)), (Record{1, 0, 0, 0xABCD000001020305}))
        << "the tags of the next block";
    Bytes expected = row.guard;
    expected.insert(expected.end(), {0xAB, 0xCD, 0x01, 0x02, 0x03, 0x04});
    EXPECT_EQ(peek(kOutAt + row.block, 8), expected) << row.flags << " " << row.first;
    EXPECT_EQ(peek(kOutAt, row.block), peek(kBlocksAt, row.block));
    EXPECT_EQ(b.host.byte(kOutAt + row.block + 8), 0u);
  }
}

TEST_F(DifStatusTest, InsertStepsAndMasksItsTags) {  // 5.9: destination flags 7 and 4, masks
  std::fill_n(b.host.memory.begin() + kBlocksAt, 1024, std::byte{0});
  const struct {
    Dif d;
    Bytes second;
    std::uint64_t next;
  } rows[] = {{{.destination_ref = 0xFFFFFFFF, .destination_app = 7},
               {0, 0, 0, 7, 0, 0, 0, 0},
               0x0007000000000001},
              {{.destination_flags = 0x80, .destination_ref = 5, .destination_app = 7},
               {0, 0, 0, 7, 0, 0, 0, 5},
               0x0007000000000005},
              {{.destination_flags = 0x10, .destination_ref = 5, .destination_app = 0xFFFF},
               {0, 0, 0, 0, 0, 0, 0, 6},
               0x0001000000000007},
              {{.destination_flags = 0x90,
                .destination_ref = 5,
                .destination_mask = 0x00FF,
                .destination_app = 0x12FF},
               {0, 0, 0x13, 0, 0, 0, 0, 5},
               0x130100FF00000005}};
  for (const auto& row : rows) {
    EXPECT_EQ(play(make(0x13, 1024, row.d)), (Record{1, 0, 0, row.next}));
    EXPECT_EQ(peek(kOutAt + 520 + 512, 8), row.second);
  }
}

TEST_F(DifStatusTest, EachWrongFieldIs09WithItsBit) {  // 5.9: DIF status 1, 2, 4
  const Dif d{.source_ref = 0x01020304, .source_app = 0x0506};
  const struct {
    Bytes tag;
    unsigned result;
  } rows[] = {{{0, 0, 5, 6, 1, 2, 3, 4}, 0}, {{0, 1, 5, 6, 1, 2, 3, 4}, 1},
              {{0, 0, 5, 7, 1, 2, 3, 4}, 2}, {{0, 0, 5, 6, 1, 2, 3, 5}, 4},
              {{1, 0, 4, 6, 1, 2, 3, 4}, 3}, {{8, 0, 5, 6, 0, 2, 3, 4}, 5},
              {{0, 0, 6, 6, 1, 3, 3, 4}, 6}, {{9, 0, 1, 6, 1, 2, 2, 4}, 7}};
  for (const auto& row : rows) {
    blocks({});
    for (unsigned i = 0; i < 8; ++i)
      b.host.memory[kBlocksAt + 512 + i] = static_cast<std::byte>(row.tag[i]);
    EXPECT_EQ(check(520, d), row.result == 0 ? 0x0001u : row.result << 8 | 0x09u) << row.result;
    EXPECT_EQ(status(make(0x14, 520, d)), row.result == 0 ? 0x01u : 0x09u) << "strip";
    EXPECT_EQ(status(make(0x15, 520, d)), row.result == 0 ? 0x01u : 0x09u) << "update";
  }
}

TEST_F(DifStatusTest, ChecksCanBeTurnedOffOneByOne) {  // 5.9: source flags 6, 5; mask of ones
  blocks({{9, 9, 9, 9, 9, 9, 9, 9}});
  EXPECT_EQ(check(520, {}), 0x0709u);
  EXPECT_EQ(check(520, {.source_flags = 0x20}), 0x0609u) << "guard";
  EXPECT_EQ(check(520, {.source_flags = 0x40}), 0x0309u) << "reference tag";
  EXPECT_EQ(check(520, {.source_mask = 0xFFFF}), 0x0509u) << "application tag";
  EXPECT_EQ(check(520, {.source_flags = 0x60, .source_mask = 0xFFFF}), 0x0001u);
}

TEST_F(DifStatusTest, BlocksOfAllOnesAreSkippedOrReported) {  // 5.9: source flags 3 to 0
  constexpr unsigned F = 0xFF;
  blocks({{1, 1, F, F, F, F, F, F}});
  EXPECT_EQ(check(520, {}), 0x0709u);
  EXPECT_EQ(check(520, {.source_flags = 0x08}), 0x0001u) << "application and reference";
  EXPECT_EQ(check(520, {.source_flags = 0x04}), 0x0001u) << "application alone";
  EXPECT_EQ(check(520, {.source_flags = 0x02}), 0x0709u) << "the guard is not all ones";
  blocks({{1, 1, F, F, 1, 1, 1, 1}});
  EXPECT_EQ(check(520, {.source_flags = 0x08}), 0x0709u);
  EXPECT_EQ(check(520, {.source_flags = 0x04}), 0x0001u);
  blocks({{F, F, F, F, F, F, F, F}});
  EXPECT_EQ(check(520, {.source_flags = 0x02}), 0x0001u);
  EXPECT_EQ(check(520, {.source_flags = 0x01}), 0x0809u) << "reported";
}

TEST_F(DifStatusTest, ReferenceStepsAndApplicationStays) {  // 5.9: opposite senses of 7 and 4
  blocks({{0, 0, 0, 1, 0, 0, 0, 2}, {0, 0, 0, 1, 0, 0, 0, 3}});
  EXPECT_EQ(play(make(0x12, 1040, {.source_ref = 2, .source_app = 1})),
            (Record{1, 0, 0x0001000000000004, 0}));
  EXPECT_EQ(check(1040, {.source_flags = 0x80, .source_ref = 2, .source_app = 1}),
            0x0000020800000409u)
      << "fixed: the second block is wrong, 520 bytes are good";
  EXPECT_EQ(check(1040, {.source_flags = 0x10, .source_ref = 2, .source_app = 1}),
            0x0000020800000209u);
  blocks({{0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, {0, 0, 0, 0, 0, 0, 0, 0}});
  EXPECT_EQ(play(make(0x12, 1040,
                      {.source_flags = 0x10, .source_ref = 0xFFFFFFFF, .source_app = 0xFFFF})),
            (Record{1, 0, 0x0001000000000001, 0}))
      << "both wrap";
}

TEST_F(DifStatusTest, StripRemovesTheTags) {  // 5.9
  blocks({{0xE6, 0xA1, 0, 9, 0, 0, 0, 1}, {0x00, 0x00, 0, 9, 0, 0, 0, 2}});
  std::fill_n(b.host.memory.begin() + kBlocksAt, 512, std::byte{0xFF});
  EXPECT_EQ(play(make(0x14, 1040, {.source_ref = 1, .source_app = 9})),
            (Record{1, 0, 0x0009000000000003, 0}));
  EXPECT_EQ(peek(kOutAt, 512), Bytes(512, 0xFF));
  EXPECT_EQ(peek(kOutAt + 512, 600), Bytes(600, 0));
}

TEST_F(DifStatusTest, UpdateRebuildsOrPassesThroughEachField) {  // 5.9: flags 6, 5, 3
  const struct {
    unsigned pass;
    Bytes tag;
  } rows[] = {{0x00, {0x00, 0x00, 0x77, 0x88, 0x01, 0x01, 0x01, 0x01}},
              {0x20, {0x00, 0x05, 0x77, 0x88, 0x01, 0x01, 0x01, 0x01}},
              {0x08, {0x00, 0x00, 0x00, 0x09, 0x01, 0x01, 0x01, 0x01}},
              {0x40, {0x00, 0x00, 0x77, 0x88, 0x00, 0x00, 0x00, 0x02}}};
  for (const auto& row : rows) {
    blocks({{0, 5, 0, 9, 0, 0, 0, 2}});
    const Dif d{.source_flags = 0x20,
                .destination_flags = row.pass,
                .source_ref = 2,
                .destination_ref = 0x01010101,
                .source_app = 9,
                .destination_app = 0x7788};
    const Record r = play(make(0x15, 520, d));
    EXPECT_EQ(r[0], 1u);
    EXPECT_EQ(r[2], 0x0009000000000003u);
    EXPECT_EQ(peek(kOutAt + 512, 8), row.tag) << row.pass;
  }
}

TEST_F(DifStatusTest, BlocksBeforeABadOneAreWritten) {  // 5.9: bytes completed; 5.5 (09)
  blocks({{0, 0, 0, 0, 0, 0, 0, 0},
          {0, 0, 0, 0, 0, 0, 0, 1},
          {0, 0, 0, 0, 0, 0, 0, 9},
          {0, 0, 0, 0, 0, 0, 0, 3}});
  for (unsigned i = 0; i < 4; ++i)
    b.host.memory[kBlocksAt + 520 * i] = std::byte{0xAA};  // the guard is wrong, too
  const Dif d{.source_flags = 0x20};
  for (const std::uint8_t opcode : {0x12, 0x14, 0x15}) {
    std::fill_n(b.host.memory.begin() + kOutAt, 0x1000, std::byte{0x55});
    EXPECT_EQ(play(make(opcode, 2080, d))[0], 0x0000041000000409u) << int{opcode};
    if (opcode == 0x12) continue;
    const unsigned unit = opcode == 0x14 ? 512 : 520;
    EXPECT_EQ(b.host.byte(kOutAt), 0xAAu);
    EXPECT_EQ(b.host.byte(kOutAt + unit), 0xAAu);
    EXPECT_EQ(b.host.byte(kOutAt + 2 * unit - 10), 0x00u);
    EXPECT_EQ(b.host.byte(kOutAt + 3 * unit), 0x55u) << "blocks behind the bad one are not";
  }
}

TEST_F(DifStatusTest, EveryBlockSizeGoesThereAndBack) {  // 5.9
  const unsigned sizes[] = {512, 520, 4096, 4104};
  for (unsigned code = 0; code < 4; ++code) {
    for (const unsigned invert : {0x0u, 0x4u, 0x8u, 0xCu}) {
      const unsigned flags = code | invert, block = sizes[code];
      for (unsigned i = 0; i < 3 * block; ++i)
        b.host.memory[kBlocksAt + i] = static_cast<std::byte>(i * 7 + code);
      const Bytes data = peek(kBlocksAt, 3 * block);
      Work insert =
          make(0x13, 3 * block,
               {.flags = flags, .destination_ref = 0xFFFFFFFE, .destination_app = 0x1234});
      EXPECT_EQ(status(insert), 0x01u);
      const Dif tags{.flags = flags, .source_ref = 0xFFFFFFFE, .source_app = 0x1234};
      Work back = make(0x12, 3 * (block + 8), tags);
      back.source = kOutAt;
      EXPECT_EQ(play(back), (Record{1, 0, 0x1234000000000001, 0})) << block;
      back = make(0x14, 3 * (block + 8), tags);
      back.source = kOutAt;
      back.destination = 0x580000;
      EXPECT_EQ(play(back), (Record{1, 0, 0x1234000000000001, 0})) << block;
      EXPECT_EQ(peek(0x580000, 3 * block), data);
    }
  }
}

}  // namespace
}  // namespace siov::test
