// SPDX-License-Identifier: Apache-2.0
// PartialWork: the descriptor for the rest and the record of the whole, operation by operation.
// Expected values are typed from dsa.md 5.6 to 5.9.
#include "guest/partial_work.hpp"

#include <gtest/gtest.h>

#include "abi/siov_abi.hpp"
#include "guest/arithmetic.hpp"

namespace siov::guest {
namespace {

abi::Descriptor work(std::uint8_t opcode, std::uint32_t size) {
  abi::Descriptor d;
  d.opcode = opcode;
  d.source = Iova{0x1000'0000};
  d.destination = Iova{0x2000'0000};
  d.size = size;
  return d;
}

abi::CompletionRecord stop(std::uint32_t bytes, std::uint8_t status = 0x03) {
  abi::CompletionRecord r;
  r.status = status;
  r.bytes_completed = bytes;
  r.fault_address = Iova{0x1000'1000};
  return r;
}

abi::CompletionRecord ended(std::uint8_t status, std::uint8_t result = 0, std::uint32_t bytes = 0) {
  abi::CompletionRecord r;
  r.status = status;
  r.result = result;
  r.bytes_completed = bytes;
  return r;
}

TEST(StoppedAtPageTest, OnlyTheCodesThatMayBeResumed) {  // dsa.md 5.5
  for (const unsigned status : {0x03u, 0x83u, 0x06u, 0x1Fu})
    EXPECT_TRUE(stopped_at_page(stop(0, static_cast<std::uint8_t>(status)))) << status;
  for (const unsigned status : {0x00u, 0x01u, 0x02u, 0x04u, 0x84u, 0x05u, 0x22u, 0x1Au})
    EXPECT_FALSE(stopped_at_page(stop(0, static_cast<std::uint8_t>(status)))) << status;
}

TEST(PartialWorkTest, MoveAdvancesBothAddresses) {
  PartialWork w(work(0x03, 10000));
  const abi::Descriptor& rest = w.rest(stop(4096));
  EXPECT_EQ(rest.source, Iova{0x1000'1000});
  EXPECT_EQ(rest.destination, Iova{0x2000'1000});
  EXPECT_EQ(rest.size, 5904u);
  EXPECT_EQ(w.rest(stop(904, 0x83)).size, 5000u);
  EXPECT_EQ(w.whole(ended(1)).bytes_completed, 0u);
}

TEST(PartialWorkTest, MoveThatRanBackwardsOnlyGetsShorter) {  // result byte 1
  PartialWork w(work(0x03, 10000));
  abi::CompletionRecord r = stop(4000);
  r.result = 1;
  const abi::Descriptor& rest = w.rest(r);
  EXPECT_EQ(rest.source, Iova{0x1000'0000});
  EXPECT_EQ(rest.destination, Iova{0x2000'0000});
  EXPECT_EQ(rest.size, 6000u);
}

TEST(PartialWorkTest, NothingDoneIsTheSamePieceAgain) {
  PartialWork w(work(0x03, 10000));
  const abi::Descriptor before = work(0x03, 10000);
  EXPECT_EQ(w.rest(stop(0)), before);
  EXPECT_EQ(w.rest(stop(10000)), before) << "all done and still a fault: once more";
}

TEST(PartialWorkTest, FillTurnsItsPattern) {  // repeats relative to the destination start
  abi::Descriptor d = work(0x04, 1000);
  d.set_pattern(0x0807'0605'0403'0201);
  PartialWork w(d);
  const abi::Descriptor& rest = w.rest(stop(3, 0x83));
  EXPECT_EQ(rest.pattern(), 0x0302'0108'0706'0504u);
  EXPECT_EQ(rest.destination, Iova{0x2000'0003});
  EXPECT_EQ(rest.size, 997u);
}

TEST(PartialWorkTest, FillOf16BytesTurnsOverBothHalves) {
  abi::Descriptor d = work(0x04, 1000);
  d.flags = 1U << 18;
  d.set_pattern(0x0706'0504'0302'0100);
  d.set_pattern_high(0x0F0E'0D0C'0B0A'0908);
  PartialWork w(d);
  const abi::Descriptor first = w.rest(stop(18));  // 2 beyond a whole pattern
  EXPECT_EQ(first.pattern(), 0x0908'0706'0504'0302u);
  EXPECT_EQ(first.pattern_high(), 0x0100'0F0E'0D0C'0B0Au);
  const abi::Descriptor second = w.rest(stop(8));
  EXPECT_EQ(second.pattern(), 0x0100'0F0E'0D0C'0B0Au);
  EXPECT_EQ(second.pattern_high(), 0x0908'0706'0504'0302u);
  const abi::Descriptor third = w.rest(stop(9));
  EXPECT_EQ(third.pattern(), 0x0A09'0807'0605'0403u);
  EXPECT_EQ(third.pattern_high(), 0x0201'000F'0E0D'0C0Bu);
}

TEST(PartialWorkTest, CompareCountsFromTheStartOfTheWhole) {
  PartialWork w(work(0x05, 10000));
  const abi::Descriptor& rest = w.rest(stop(4096));
  EXPECT_EQ(rest.source, Iova{0x1000'1000});
  EXPECT_EQ(rest.destination, Iova{0x2000'1000});
  EXPECT_EQ(rest.size, 5904u);
  EXPECT_EQ(w.whole(ended(1, 1, 10)).bytes_completed, 4106u);
  EXPECT_EQ(w.whole(ended(2, 1, 0)).bytes_completed, 4096u) << "different in the first byte";
  EXPECT_EQ(w.whole(ended(1, 0, 0)).bytes_completed, 0u) << "equal";
}

TEST(PartialWorkTest, ComparePatternTurnsThePatternInTheSecondAddress) {
  abi::Descriptor d = work(0x06, 1000);
  d.set_compare_pattern(0x0807'0605'0403'0201);
  PartialWork w(d);
  const abi::Descriptor& rest = w.rest(stop(13));
  EXPECT_EQ(rest.compare_pattern(), 0x0504'0302'0108'0706u);
  EXPECT_EQ(rest.source, Iova{0x1000'000D});
  EXPECT_EQ(w.whole(ended(1, 1, 7)).bytes_completed, 20u);
}

TEST(PartialWorkTest, CreateDeltaStartsAgain) {  // a cut record could not be aligned to 8 bytes
  abi::Descriptor d = work(0x07, 4096);
  d.set_delta_address(Iova{0x3000'0000});
  d.set_max_delta_size(800);
  PartialWork w(d);
  EXPECT_TRUE(w.starts_again());
  EXPECT_EQ(w.rest(stop(2048, 0x83)), d);
  EXPECT_EQ(w.whole(ended(1, 2, 640)).bytes_completed, 640u);
}

TEST(PartialWorkTest, ApplyDeltaCountsBytesOfTheRecord) {
  abi::Descriptor d = work(0x08, 4096);
  d.set_delta_size(500);
  PartialWork w(d);
  const abi::Descriptor& rest = w.rest(stop(130, 0x83));
  EXPECT_EQ(rest.source, Iova{0x1000'0082});
  EXPECT_EQ(rest.destination, Iova{0x2000'0000});
  EXPECT_EQ(rest.size, 4096u);
  EXPECT_EQ(rest.delta_size(), 370u);
  EXPECT_EQ(w.whole(ended(0x08, 0, 20)).bytes_completed, 150u);
  EXPECT_EQ(w.whole(ended(1)).bytes_completed, 0u);
}

TEST(PartialWorkTest, DualcastKeepsItsDestinationsTogether) {
  abi::Descriptor d = work(0x09, 5000);
  d.set_destination2(Iova{0x3000'0000});
  PartialWork w(d);
  const abi::Descriptor& rest = w.rest(stop(100));
  EXPECT_EQ(rest.source, Iova{0x1000'0064});
  EXPECT_EQ(rest.destination, Iova{0x2000'0064});
  EXPECT_EQ(rest.destination2(), Iova{0x3000'0064});
  EXPECT_EQ(rest.size, 4900u);
}

// 123456789 in two pieces is 123456789 in one: e3069283. @spec dsa.md 5.8
TEST(PartialWorkTest, CrcOfPiecesIsTheCrcOfTheWhole) {
  std::vector<std::byte> digits;
  for (const char c : std::string_view("123456789")) digits.push_back(static_cast<std::byte>(c));
  const auto piece = [&](std::size_t from, std::size_t to) {
    return std::span<const std::byte>(digits).subspan(from, to - from);
  };
  abi::Descriptor d = work(0x10, 9);
  d.flags = 1U << 16;
  d.set_crc_seed_address(Iova{0x4000'0000});
  PartialWork w(d);
  abi::CompletionRecord r = stop(4);
  r.set_crc(crc_of(piece(0, 4), 0, CrcKind{}));
  const abi::Descriptor& rest = w.rest(r);
  EXPECT_FALSE(rest.has(16)) << "the seed is in the descriptor now";
  EXPECT_EQ(rest.crc_seed_address(), Iova{0});
  EXPECT_EQ(rest.source, Iova{0x1000'0004});
  EXPECT_EQ(rest.size, 5u);
  EXPECT_EQ(crc_of(piece(4, 9), rest.crc_seed(false), CrcKind{}), 0xE306'9283u);
}

TEST(PartialWorkTest, WideCrcKeepsAllItsBits) {
  abi::Descriptor d = work(0x11, 9);
  d.flags = 1U << 19;
  PartialWork w(d);
  abi::CompletionRecord r = stop(2);
  r.set_crc(0xFEDC'BA98'7654'3210);
  const abi::Descriptor& rest = w.rest(r);
  EXPECT_EQ(rest.crc_seed(true), 0xFEDC'BA98'7654'3210u);
  EXPECT_EQ(rest.destination, Iova{0x2000'0002});
}

TEST(PartialWorkTest, DifAdvancesByBlocksAndTakesTheTagsOfTheRecord) {  // dsa.md 5.9
  struct Case {
    std::uint8_t opcode;
    std::uint32_t source_block, destination_block;
    bool source_tags, destination_tags;
  };
  for (const Case& c : {Case{0x12, 520, 0, true, false}, Case{0x13, 512, 520, false, true},
                        Case{0x14, 520, 512, true, false}, Case{0x15, 520, 520, true, true}}) {
    abi::Descriptor d = work(c.opcode, 10 * c.source_block);
    d.set_dif_source({100, 0xF0, 7});
    d.set_dif_destination({200, 0x0F, 9});
    PartialWork w(d);
    abi::CompletionRecord r = stop(3 * c.source_block);
    r.set_dif_source({103, 0, 8});
    r.set_dif_destination({203, 0, 10});
    const abi::Descriptor& rest = w.rest(r);
    EXPECT_EQ(rest.size, 7 * c.source_block);
    EXPECT_EQ(rest.source.value, 0x1000'0000u + 3 * c.source_block);
    EXPECT_EQ(rest.destination.value, 0x2000'0000u + 3 * c.destination_block);
    const abi::DifTags source =
        c.source_tags ? abi::DifTags{103, 0xF0, 8} : abi::DifTags{100, 0xF0, 7};
    const abi::DifTags destination =
        c.destination_tags ? abi::DifTags{203, 0x0F, 10} : abi::DifTags{200, 0x0F, 9};
    EXPECT_EQ(rest.dif_source(), source) << +c.opcode;
    EXPECT_EQ(rest.dif_destination(), destination) << +c.opcode;
    EXPECT_EQ(w.whole(ended(0x09, 1, c.source_block)).bytes_completed, 4 * c.source_block);
  }
}

TEST(PartialWorkTest, LargeDifBlocksAreCountedAsSuch) {
  abi::Descriptor d = work(0x13, 4 * 4104);
  d.set_dif_flags(0, 0, 3);
  PartialWork w(d);
  EXPECT_EQ(w.rest(stop(4104)).destination, Iova{0x2000'0000 + 4112});
}

TEST(PartialWorkTest, CacheFlushAdvancesAndDrainStartsAgain) {
  PartialWork flush(work(0x20, 9000));
  EXPECT_EQ(flush.rest(stop(4096)).destination, Iova{0x2000'1000});
  EXPECT_EQ(flush.rest(stop(4)).size, 4900u);
  PartialWork drain(work(0x02, 0));
  EXPECT_TRUE(drain.starts_again());
  EXPECT_EQ(drain.rest(stop(0, 0x1F)), work(0x02, 0));
}

TEST(OperandsTest, EveryRangeOfEachOperation) {
  const auto ranges = [](const abi::Descriptor& d) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> out;
    for (const OperandRange& r : operands_of(d)) out.emplace_back(r.at.value, r.bytes);
    return out;
  };
  using Ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  const std::uint64_t s = 0x1000'0000, t = 0x2000'0000;
  EXPECT_EQ(ranges(work(0x00, 0)), Ranges{});
  EXPECT_EQ(ranges(work(0x03, 9)), (Ranges{{s, 9}, {t, 9}}));
  EXPECT_EQ(ranges(work(0x04, 9)), (Ranges{{t, 9}}));
  EXPECT_EQ(ranges(work(0x05, 9)), (Ranges{{s, 9}, {t, 9}}));
  EXPECT_EQ(ranges(work(0x06, 9)), (Ranges{{s, 9}}));
  EXPECT_EQ(ranges(work(0x20, 9)), (Ranges{{t, 9}}));
  EXPECT_EQ(ranges(work(0x12, 520)), (Ranges{{s, 520}}));
  EXPECT_EQ(ranges(work(0x13, 1024)), (Ranges{{s, 1024}, {t, 1040}}));
  EXPECT_EQ(ranges(work(0x14, 1040)), (Ranges{{s, 1040}, {t, 1024}}));
  abi::Descriptor d = work(0x07, 64);
  d.set_delta_address(Iova{0x3000});
  d.set_max_delta_size(80);
  EXPECT_EQ(ranges(d), (Ranges{{s, 64}, {t, 64}, {0x3000, 80}}));
  d = work(0x08, 64);
  d.set_delta_size(30);
  EXPECT_EQ(ranges(d), (Ranges{{s, 30}, {t, 64}}));
  d = work(0x09, 64);
  d.set_destination2(Iova{0x3000});
  EXPECT_EQ(ranges(d), (Ranges{{s, 64}, {t, 64}, {0x3000, 64}}));
  d = work(0x11, 64);
  d.flags = 1U << 16;
  d.set_crc_seed_address(Iova{0x3000});
  EXPECT_EQ(ranges(d), (Ranges{{s, 64}, {t, 64}, {0x3000, 4}}));
  d = work(0x02, 0);
  d.flags = 1U << 17;
  EXPECT_EQ(ranges(d), (Ranges{{t, 1}}));
}

}  // namespace
}  // namespace siov::guest
