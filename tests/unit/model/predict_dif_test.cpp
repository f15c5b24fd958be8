// SPDX-License-Identifier: Apache-2.0
// DIF check, insert, strip and update: guards, tags, flags and errors of DSA 5.9, with typed bytes.
#include "model/dif.hpp"
#include "predict_bench.hpp"

namespace siov::model {
namespace {

using abi::Descriptor;

/// Two blocks of 512 zeros with these tags behind them, at 0x1000.
Memory two_blocks(const std::string& first, const std::string& second) {
  Memory memory;
  memory.put(0x1000, "00*512 " + first + " 00*512 " + second);
  return memory;
}

/// A check of two blocks of 512. @param tags  reference, mask, application, little-endian text
Descriptor check_of(std::uint8_t source_flags, const std::string& tags,
                    std::uint8_t opcode = 0x12) {
  Descriptor d = valid(opcode);
  d.size = 1040;
  d.set_dif_flags(source_flags, 0, 0);
  d.set_dif_source(abi::load_dif_tags(bytes_of(tags)));
  return d;
}

// ---------------------------------------------------------------- guards and block sizes

TEST(PredictDifTest, InsertWritesTheGuardOfEveryBlockSize) {  // 5.9, vectors
  struct Case {
    std::uint8_t blocks;
    const char* data;
    const char* guard;
  };
  const Case cases[] = {{0, "00*512", "0000"},  {4, "00*512", "72bb"},   {8, "00*512", "ffff"},
                        {12, "00*512", "8d44"}, {0, "ff*512", "e6a1"},   {8, "ff*512", "195e"},
                        {0, "inc*512", "4f10"}, {8, "inc*512", "b0ef"},  {1, "00*520", "0000"},
                        {9, "00*520", "ffff"},  {2, "inc*4096", "8f6d"}, {10, "inc*4096", "7092"},
                        {3, "00*4104", "0000"}, {11, "00*4104", "ffff"}};
  for (const Case& c : cases) {
    Memory memory;
    memory.put(0x1000, c.data);
    Descriptor d = valid(0x13);
    d.size = static_cast<std::uint32_t>(bytes_of(c.data).size());
    d.set_dif_flags(0, 0, c.blocks);
    const Prediction p = predict(d, {}, memory);
    EXPECT_EQ(p.status, 1);
    ASSERT_EQ(p.writes.size(), 1u);
    EXPECT_EQ(p.writes[0].data, bytes_of(std::string(c.data) + " " + c.guard + " 0000 00000000"));
    EXPECT_EQ(p.writes[0].address, Iova{0x4000});
  }
}

TEST(PredictDifTest, CheckAcceptsTheGuardOfEveryBlockSize) {  // 5.9
  const std::pair<std::uint8_t, const char*> cases[] = {
      {0, "inc*512 4f10"}, {4, "00*512 72bb"},   {8, "ff*512 195e"}, {12, "00*512 8d44"},
      {1, "00*520 0000"},  {2, "inc*4096 8f6d"}, {3, "00*4104 0000"}};
  for (const auto& [blocks, data] : cases) {
    Memory memory;
    memory.put(0x1000, std::string(data) + " 0000 00000000");
    Descriptor d = valid(0x12);
    d.size = static_cast<std::uint32_t>(bytes_of(data).size() + 6);
    d.set_dif_flags(0, 0, blocks);
    EXPECT_EQ(predict(d, {}, memory).status, 1) << data;
    memory.bytes[0x1000 + d.size - 7] ^= std::byte{1};
    EXPECT_EQ(predict(d, {}, memory).record, record_of("09 01")) << data;
  }
}

TEST(PredictDifTest, BlockFlagsBeyondTheFirstFourBitsAreIgnored) {
  const Memory memory = two_blocks("0000 0000 00000000", "0000 0000 00000001");
  Descriptor d = check_of(0, "00000000 0000 0000");
  d.set_dif_flags(0, 0, 0xF0);
  EXPECT_EQ(predict(d, {}, memory).status, 1);
}

// ---------------------------------------------------------------- tags of the source

TEST(PredictDifTest, ReferenceTagStepsUnlessFixed) {  // 5.9, source flag 7
  const Memory steps = two_blocks("0000 0000 fffffffe", "0000 0000 ffffffff");
  EXPECT_EQ(predict(check_of(0, "feffffff 0000 0000"), {}, steps).record,
            record_of("01 000000 00000000 00*8 00000000 0000 0000"))
      << "and wraps";
  EXPECT_EQ(predict(check_of(0x80, "feffffff 0000 0000"), {}, steps).record,
            record_of("09 040000 08020000 00*8 feffffff 0000 0000"));
  const Memory fixed = two_blocks("0000 0000 11223344", "0000 0000 11223344");
  EXPECT_EQ(predict(check_of(0x80, "44332211 0000 0000"), {}, fixed).record,
            record_of("01 000000 00000000 00*8 44332211 0000 0000"));
}

TEST(PredictDifTest, ApplicationTagStepsOnlyIfAsked) {  // 5.9, source flag 4
  const Memory steps = two_blocks("0000 ffff 00000000", "0000 0000 00000001");
  EXPECT_EQ(predict(check_of(0x10, "00000000 0000 ffff"), {}, steps).record,
            record_of("01 000000 00000000 00*8 02000000 0000 0100"))
      << "and wraps";
  EXPECT_EQ(predict(check_of(0, "00000000 0000 ffff"), {}, steps).record,
            record_of("09 020000 08020000 00*8 01000000 0000 ffff"));
}

TEST(PredictDifTest, MaskMakesBitsOfTheExpectedTagZeroAfterTheStep) {  // 5.9
  const Memory memory = two_blocks("0000 1200 00000000", "0000 1300 00000001");
  EXPECT_EQ(predict(check_of(0x10, "00000000 ff00 ff12"), {}, memory).record,
            record_of("01 000000 00000000 00*8 02000000 ff00 0113"));
  const Memory low_bits = two_blocks("0000 1201 00000000", "0000 1300 00000001");
  EXPECT_EQ(predict(check_of(0x10, "00000000 ff00 ff12"), {}, low_bits).record[1], std::byte{2})
      << "the stored tag is compared whole";
}

TEST(PredictDifTest, MaskOfAllOnesTurnsTheApplicationCheckOff) {  // 5.9
  const Memory memory = two_blocks("0000 abcd 00000000", "0000 0123 00000001");
  EXPECT_EQ(predict(check_of(0, "00000000 ffff 0000"), {}, memory).status, 1);
  EXPECT_EQ(predict(check_of(0, "00000000 feff 0000"), {}, memory).record[1], std::byte{2});
}

TEST(PredictDifTest, ErrorsAreCombinedAndEachCanBeTurnedOff) {  // 5.9, source flags 6, 5
  const Memory memory = two_blocks("0001 0002 00000003", "0000 0000 00000001");
  EXPECT_EQ(predict(check_of(0, "00000000 0000 0000"), {}, memory).record, record_of("09 07"));
  EXPECT_EQ(predict(check_of(0x40, "00000000 0000 0000"), {}, memory).record[1], std::byte{3});
  EXPECT_EQ(predict(check_of(0x20, "00000000 0000 0000"), {}, memory).record[1], std::byte{6});
  EXPECT_EQ(predict(check_of(0x60, "00000000 0000 0000"), {}, memory).record[1], std::byte{2});
  EXPECT_EQ(predict(check_of(0, "00000000 ffff 0000"), {}, memory).record[1], std::byte{5});
  EXPECT_EQ(predict(check_of(0x60, "00000000 ffff 0000"), {}, memory).status, 1);
}

struct AllF {
  const char* stored;
  std::uint8_t flags;
  int status;  ///< DIF status of the first block
};

TEST(PredictDifTest, BlocksOfAllOnesAreSkippedOrReported) {  // 5.9, source flags 3 to 0
  const AllF cases[] = {{"ffff ffff ffffffff", 0x00, 7}, {"ffff ffff ffffffff", 0x08, 0},
                        {"ffff ffff ffffffff", 0x04, 0}, {"ffff ffff ffffffff", 0x02, 0},
                        {"ffff ffff ffffffff", 0x01, 8}, {"ffff ffff ffffffff", 0x0F, 8},
                        {"0001 ffff ffffffff", 0x08, 0}, {"0001 ffff ffffffff", 0x04, 0},
                        {"0001 ffff ffffffff", 0x02, 7}, {"0001 ffff ffffffff", 0x01, 7},
                        {"0001 ffff 00000005", 0x08, 7}, {"0001 ffff 00000005", 0x04, 0},
                        {"0001 ffff 00000005", 0x02, 7}, {"0001 ffff 00000005", 0x01, 7},
                        {"ffff fffe ffffffff", 0x0F, 7}, {"ffff ffff fffffffe", 0x0B, 7},
                        {"0000 0000 00000000", 0x0F, 0}};
  for (const AllF& c : cases) {
    const Memory memory = two_blocks(c.stored, "0000 0000 00000001");
    const Prediction p = predict(check_of(c.flags, "00000000 0000 0000"), {}, memory);
    EXPECT_EQ(p.status, c.status == 0 ? 1 : 9) << c.stored << " flags " << int{c.flags};
    EXPECT_EQ(p.record[1], static_cast<std::byte>(c.status))
        << c.stored << " flags " << int{c.flags};
  }
}

TEST(PredictDifTest, ErrorRecordHasTheBytesAndTagsBeforeTheBadBlock) {  // 5.9
  Memory memory;
  memory.put(0x1000,
             "00*512 0000 0007 00000009 00*512 0000 0008 0000000a 00*512 0000 0009 0000000c");
  Descriptor d = check_of(0x10, "09000000 0000 0700");
  d.size = 1560;
  const Prediction p = predict(d, {}, memory);
  EXPECT_EQ(p.record, record_of("09 040000 10040000 00*8 0b000000 0000 0900"));
  expect_record(p, 9);
}

// ---------------------------------------------------------------- what is written

TEST(PredictDifTest, InsertStepsItsTags) {  // 5.9, destination flags 7, 4
  Memory memory;
  memory.put(0x1000, "00*1024");
  Descriptor d = valid(0x13);
  d.size = 1024;
  d.set_dif_destination({0xFFFFFFFF, 0x00F0, 0xFFFF});
  const auto data = [&](std::uint8_t flags) {
    d.set_dif_flags(0, flags, 0);
    return predict(d, {}, memory);
  };
  const Prediction plain = data(0);
  EXPECT_EQ(plain.writes.at(0).data,
            bytes_of("00*512 0000 ff0f ffffffff 00*512 0000 ff0f 00000000"));
  EXPECT_EQ(plain.record, record_of("01 00*23 01000000 f000 ffff"));
  const Prediction both = data(0x90);
  EXPECT_EQ(both.writes.at(0).data,
            bytes_of("00*512 0000 ff0f ffffffff 00*512 0000 0000 ffffffff"));
  EXPECT_EQ(both.record, record_of("01 00*23 ffffffff f000 0100"));
  EXPECT_EQ(data(0x68).writes.at(0).data, plain.writes.at(0).data)
      << "an insert has nothing to pass through";
}

TEST(PredictDifTest, UpdateRebuildsOrPassesThrough) {  // 5.9, destination flags 6, 5, 3
  const std::pair<std::uint8_t, const char*> cases[] = {{0x00, "0000 0102 0a0b0c0d"},
                                                        {0x40, "0000 0102 00000001"},
                                                        {0x20, "1111 0102 0a0b0c0d"},
                                                        {0x08, "0000 2222 0a0b0c0d"},
                                                        {0x68, "1111 2222 00000001"}};
  Memory memory;
  memory.put(0x1000, "00*512 1111 2222 00000001");
  for (const auto& [flags, info] : cases) {
    Descriptor d = valid(0x15);
    d.set_dif_source({1, 0, 0x2222});
    d.set_dif_destination({0x0A0B0C0D, 0xF0F0, 0xF1F2});
    d.set_dif_flags(0x20, flags, 0);  // the stored guard is wrong and not checked
    const Prediction p = predict(d, {}, memory);
    EXPECT_EQ(p.status, 1);
    EXPECT_EQ(p.writes.at(0).data, bytes_of(std::string("00*512 ") + info)) << int{flags};
    EXPECT_EQ(p.record, record_of("01 00*15 02000000 0000 2222 0e0c0b0a f0f0 f2f1"));
  }
}

TEST(PredictDifTest, UpdateOfASkippedBlockIsRebuiltToo) {
  const Memory memory = two_blocks("ffff ffff ffffffff", "0000 0000 00000001");
  Descriptor d = check_of(0x02, "00000000 0000 0000", 0x15);
  EXPECT_EQ(predict(d, {}, memory).writes.at(0).data,
            bytes_of("00*512 0000 0000 00000000 00*512 0000 0000 00000001"));
}

TEST(PredictDifTest, StripAndUpdateWriteTheBlocksBeforeABadOne) {  // 5.9
  const Memory memory = two_blocks("0000 0000 00000000", "0000 0000 00000007");
  const Prediction strip = predict(check_of(0, "00000000 0000 0000", 0x14), {}, memory);
  EXPECT_EQ(strip.record, record_of("09 040000 08020000 00*8 01000000"));
  ASSERT_EQ(strip.writes.size(), 2u);
  EXPECT_EQ(strip.writes[0], (Write{Iova{0x4000}, bytes_of("00*512"), false}));
  EXPECT_EQ(strip.writes[1], (Write{Iova{0x4200}, bytes_of("00*512"), true}));
  const Prediction update = predict(check_of(0, "00000000 0000 0000", 0x15), {}, memory);
  EXPECT_EQ(update.record, record_of("09 040000 08020000 00*8 01000000 0000 0000 01000000"));
  ASSERT_EQ(update.writes.size(), 2u);
  EXPECT_EQ(update.writes[0], (Write{Iova{0x4000}, bytes_of("00*520"), false}));
  EXPECT_EQ(update.writes[1], (Write{Iova{0x4208}, bytes_of("00*512 0000 0000 00000001"), true}));
}

TEST(PredictDifTest, StripOfABadFirstBlockMayWriteOnlyThat) {
  const Memory memory = two_blocks("0000 0000 00000005", "0000 0000 00000001");
  const Prediction p = predict(check_of(0, "00000000 0000 0000", 0x14), {}, memory);
  ASSERT_EQ(p.writes.size(), 1u);
  EXPECT_EQ(p.writes[0], (Write{Iova{0x4000}, bytes_of("00*512"), true}));
}

TEST(PredictDifTest, UnreadableSourceIsAReadErrorUnlessABadBlockComesFirst) {  // 5.5 (20)
  Memory memory;
  memory.bad_pages = {0x2000};
  memory.put(0x1D00, "00*512 0000 0000 00000000 11*248");  // 520 + 248 bytes to the page's end
  Descriptor d = check_of(0, "00000000 0000 0000", 0x14);
  d.source = Iova{0x1D00};
  const Prediction p = predict(d, {}, memory);
  EXPECT_EQ(p.record, record_of("20"));
  ASSERT_EQ(p.writes.size(), 1u);
  EXPECT_EQ(p.writes[0], (Write{Iova{0x4000}, bytes_of("00*512 11*248"), true}));
  memory.bytes[0x1D00 + 519] = std::byte{1};
  EXPECT_EQ(predict(d, {}, memory).record, record_of("09 04"));
}

}  // namespace
}  // namespace siov::model
