// SPDX-License-Identifier: Apache-2.0
// Page faults: every operation, operand and page, with block on fault and without. DSA 5.4, 5.6,
// 5.7; SIOV-D-56.
//
// Numbers. A source begins at byte 0x040 of its page, so its second page begins at byte 0xFC0 of
// the data and its third at 0x1FC0; second source 0x200: 0xE00, 0x1E00; destinations 0x100: 0xF00,
// 0x1F00. Create delta counts words of 8 bytes (an entry of 10 bytes each here), apply delta
// entries, DIF blocks: 0xFC0 / 520 = 7 blocks, 0x1FC0 / 520 = 15 blocks, 0xF00 / 512 = 7 blocks,
// 0x1F00 / 512 = 15 blocks.
#include <algorithm>
#include <string_view>

#include "fault_bench.hpp"

namespace siov::test {
namespace {

/// The record of a stop at one page: bytes completed, result, bytes 16-31.
struct Stop {
  std::uint32_t completed;
  unsigned result = 0;
  std::uint64_t low = 0, high = 0;
};

struct Case {
  std::uint8_t opcode;
  const char* operand;
  std::uint64_t at;  ///< the operand
  bool write;
  std::vector<Stop> stops;  ///< at its first, second, third page
  /// The operation writes data.
  bool writes() const {
    return opcode != 0x05 && opcode != 0x06 && opcode != 0x10 && opcode != 0x12 && opcode != 0x20;
  }
};

enum class Mode : std::uint8_t { kStops, kSuccess, kInvalid, kFailure };

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {0x03, "Source", kS1, false, {{0}, {0xFC0}, {0x1FC0}}},
      {0x03, "Destination", kD1, true, {{0}, {0xF00}, {0x1F00}}},
      {0x04, "Destination", kD1, true, {{0}, {0xF00}, {0x1F00}}},
      {0x05, "Source", kS1, false, {{0}, {0xFC0}, {0x1FC0}}},
      {0x05, "Source2", kS2, false, {{0}, {0xE00}, {0x1E00}}},
      {0x06, "Source", kPatterns, false, {{0}, {0xFC0}, {0x1FC0}}},
      // 0xFC0 / 8 = 504 entries, 0x1FC0 / 8 = 1016
      {0x07, "Source", kS1, false, {{0}, {0xFC0, 1, 5040}, {0x1FC0, 1, 10160}}},
      // 0xE00 / 8 = 448 entries, 0x1E00 / 8 = 960
      {0x07, "Source2", kOther, false, {{0}, {0xE00, 1, 4480}, {0x1E00, 1, 9600}}},
      // 0xD00 / 10 = 332 entries, 0x1D00 / 10 = 742
      {0x07, "Delta", kDelta, true, {{0}, {2656, 1, 3320}, {5936, 1, 7420}}},
      // 0xFC0 / 10 = 403 entries, 0x1FC0 / 10 = 812
      {0x08, "Delta", kEntries, false, {{0}, {4030}, {8120}}},
      // word 0xF00 / 8 = 480 is of entry 480, word 992 of entry 992
      {0x08, "Destination", kD1, true, {{0}, {4800}, {9920}}},
      {0x09, "Source", kS1, false, {{0}, {0xFC0}, {0x1FC0}}},
      {0x09, "Destination", kD1, true, {{0}, {0xF00}, {0x1F00}}},
      {0x09, "Destination2", kD2, true, {{0}, {0xF00}, {0x1F00}}},
      // CRC-32C of the bytes completed, seed 0
      {0x10, "Source", kS1, false, {{0}, {0xFC0, 0, 0xB7D9FCE5}, {0x1FC0, 0, 0x1A08FD92}}},
      {0x10, "Seed", kSeed, false, {{0}}},
      {0x11, "Source", kS1, false, {{0}, {0xFC0, 0, 0xB7D9FCE5}, {0x1FC0, 0, 0x1A08FD92}}},
      {0x11, "Destination", kD1, true, {{0}, {0xF00, 0, 0xC75DCFFF}, {0x1F00, 0, 0xEF213540}}},
      {0x11, "Seed", kSeed, false, {{0}}},
      // reference tag of the next block
      {0x12, "Source", kBlocks, false, {{0}, {7 * 520, 0, 7}, {15 * 520, 0, 15}}},
      {0x13, "Source", kS1, false, {{0}, {7 * 512, 0, 0, 7}, {15 * 512, 0, 0, 15}}},
      {0x13, "Destination", kD1, true, {{0}, {7 * 512, 0, 0, 7}, {15 * 512, 0, 0, 15}}},
      {0x14, "Source", kBlocks, false, {{0}, {7 * 520, 0, 7}, {15 * 520, 0, 15}}},
      {0x14, "Destination", kD1, true, {{0}, {7 * 520, 0, 7}, {15 * 520, 0, 15}}},
      {0x15, "Source", kBlocks, false, {{0}, {7 * 520, 0, 7, 7}, {15 * 520, 0, 15, 15}}},
      {0x15, "Destination", kD1, true, {{0}, {7 * 520, 0, 7, 7}, {15 * 520, 0, 15, 15}}},
      {0x20, "Range", kD1, false, {{0}, {0xF00}, {0x1F00}}},
  };
  return all;
}

/// The record of the whole work.
Record whole(std::uint8_t opcode) {
  switch (opcode) {
    case 0x07:
      return {0x0101, 0, 14720, 0};  // 1472 words differ
    case 0x10:
    case 0x11:
      return {1, 0, 0xDA4C04CD, 0};
    case 0x12:
    case 0x14:
      return {1, 0, 22, 0};
    case 0x13:
      return {1, 0, 0, 22};
    case 0x15:
      return {1, 0, 22, 22};
    default:
      return {1, 0, 0, 0};
  }
}

struct PageFaultTest : FaultTest, testing::WithParamInterface<std::tuple<std::size_t, Mode>> {
  const Case& c() const { return cases()[std::get<0>(GetParam())]; }
  Mode mode() const { return std::get<1>(GetParam()); }

  void prepare() {
    start(mode() == Mode::kStops ? 0 : 16, mode() != Mode::kStops);
    b.host.pages.answer = mode() == Mode::kInvalid ? 1 : mode() == Mode::kFailure ? 15 : 0;
    b.host.pages.requests.clear();
  }
  Work work() const {
    Work w = work_of(c().opcode);
    if (mode() != Mode::kStops) w.flags |= kBlockOnFault;
    return w;
  }
  Record expected(const Stop& stop, std::uint64_t page) const {
    if (mode() == Mode::kSuccess) return whole(c().opcode);
    if (mode() == Mode::kFailure) return {0x22, 0, 0, 0};
    const std::uint64_t status = (mode() == Mode::kStops ? 3u : 4u) | (c().write ? 0x80u : 0u);
    return {status | stop.result << 8 | std::uint64_t{stop.completed} << 32, page, stop.low,
            stop.high};
  }
  /// Where a device may stop that writes whole payloads only: software can resume from any byte
  /// whose predecessors are written (5.7). Payloads end with the page of the destination, so this
  /// is where the same operation stops when its destination faults.
  const Stop* whole_payloads(std::size_t page) const {
    const bool copies = c().opcode == 0x03 || c().opcode == 0x09 || c().opcode == 0x11;
    if (!copies || std::string_view(c().operand) != "Source") return nullptr;
    for (const Case& other : cases()) {
      if (other.opcode == c().opcode && std::string_view(other.operand).starts_with("Destination"))
        return &other.stops[page];
    }
    return nullptr;
  }
  /// A CRC of no bytes is undefined (5.7).
  bool undefined_crc(const Stop& stop) const {
    const bool crc = c().opcode == 0x10 || c().opcode == 0x11;
    return crc && stop.completed == 0 && (mode() == Mode::kStops || mode() == Mode::kInvalid);
  }
  void expect_request(std::uint64_t page) const {
    const std::vector<port::PageRequest>& seen = b.host.pages.requests;
    if (mode() == Mode::kStops) {
      EXPECT_TRUE(seen.empty());
      return;
    }
    ASSERT_FALSE(seen.empty());
    EXPECT_EQ(seen[0].address, page);
    EXPECT_EQ(seen[0].pasid, Pasid{kOwner}) << "SIOV-D-25";
    EXPECT_TRUE(seen[0].last) << "a group of one";
    EXPECT_EQ(seen[0].write, c().write);
  }
};

TEST_P(PageFaultTest, RecordTellsWhatWasDone) {
  prepare();
  (void)play(work_of(c().opcode));
  const std::vector<std::byte> good = outputs();
  for (std::size_t p = 0; p < c().stops.size(); ++p) {
    if (p != 0 && mode() == Mode::kFailure) {  // it has stopped the page request interface
      b.function_level_reset();
      prepare();
    }
    clear_outputs();
    const std::uint64_t page = (c().at & kPageMask) + 0x1000 * p;
    take_away(page);
    invalidate(kOwner, page);
    b.host.pages.requests.clear();
    Record record = play_masked(work());
    if (undefined_crc(c().stops[p])) record[2] = 0;
    if (!whole_payloads(p) || record != expected(*whole_payloads(p), page)) {
      EXPECT_EQ(record, expected(c().stops[p], page)) << "page " << p;
    }
    const std::uint64_t done = c().writes() && mode() != Mode::kSuccess ? record[0] >> 32 : 0;
    const auto first = static_cast<std::ptrdiff_t>(kD1 & 0xFFF);
    if (whole_payloads(p)) {
      const std::vector<std::byte> now = outputs();
      EXPECT_TRUE(std::equal(now.begin() + first, now.begin() + first + std::ptrdiff_t(done),
                             good.begin() + first))
          << "page " << p << ": not all that counts as completed is written";
    }
    expect_request(page);
    EXPECT_EQ(outputs() == good, mode() == Mode::kSuccess || !c().writes()) << "page " << p;
    EXPECT_EQ(b.config(0x246, 2) & 3, mode() == Mode::kFailure ? 1u : 0u) << "response failure";
    b.host.pages.absent.clear();
  }
}

std::string name_of_case(const testing::TestParamInfo<PageFaultTest::ParamType>& info) {
  const Case& c = cases()[std::get<0>(info.param)];
  constexpr const char* kModes[] = {"Stops", "Success", "Invalid", "Failure"};
  return name_of(c.opcode) + c.operand + kModes[static_cast<unsigned>(std::get<1>(info.param))];
}

INSTANTIATE_TEST_SUITE_P(All, PageFaultTest,
                         testing::Combine(testing::Range<std::size_t>(0, cases().size()),
                                          testing::Values(Mode::kStops, Mode::kSuccess,
                                                          Mode::kInvalid, Mode::kFailure)),
                         name_of_case);

/// A copy to 0x800 bytes above its source goes downward: 0x300100 to 0x300900.
struct BackwardFaultTest : FaultTest {
  static Work backward() { return Work::move(0x300100, 0x300900, kLength, kRecordAt); }
};

TEST_F(BackwardFaultTest, SourcePageEndsItWithTheTailDone) {  // 5.6 (03)
  start(0);
  b.host.fill_count(0x300100, 0x3800);
  take_away(0x301000);  // source bytes below 0x1F00; the destination is still in page 0x302000
  EXPECT_EQ(play_masked(backward()), (Record{0x00000F0000000103, 0x301000, 0, 0}));
}

TEST_F(BackwardFaultTest, DestinationPageEndsItWithTheTailDone) {
  start(0);
  b.host.fill_count(0x300100, 0x3800);
  b.host.pages.read_only.insert({kOwner, 0x301000});  // destination bytes below 0x1700
  EXPECT_EQ(play_masked(backward()), (Record{0x0000170000000183, 0x301000, 0, 0}));
}

TEST_F(BackwardFaultTest, ShrunkRestGivesTheSameMemory) {
  start(0);
  b.host.fill_count(0x300100, 0x3800);
  std::vector<std::byte> expected(b.host.memory.begin() + 0x300100,
                                  b.host.memory.begin() + 0x300100 + kLength);
  for (std::uint64_t page = 0x300000; page < 0x304000; page += 0x1000) take_away(page);
  Work w = backward();
  unsigned stops = 0;
  for (Record r = play(w); (r[0] & 0x7F) == 3; r = play(w)) {
    ASSERT_LT(++stops, 9u);
    const auto done = static_cast<std::uint32_t>(r[0] >> 32);
    ASSERT_LT(done, w.size);
    EXPECT_TRUE(done == 0 || (r[0] >> 8 & 0xFF) == 1);
    w.size -= done;
    b.host.pages.absent.erase({kOwner, r[1] & kPageMask});
  }
  EXPECT_EQ(b.host.record(kRecordAt)[0], 1u);
  EXPECT_GE(stops, 4u) << "each page is missed once";
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), b.host.memory.begin() + 0x300900));
}

struct WithoutBlockingTest : FaultTest {
  Work asks() const {
    Work w = work_of(0x04);
    w.flags |= kBlockOnFault;
    return w;
  }
};

TEST_F(WithoutBlockingTest, FlagIsReservedWithoutTheEnableOfTheQueue) {  // 5.2.2
  start(16, false);
  take_away(kD1 & kPageMask);
  EXPECT_EQ(play(asks()), (Record{0x11, 0, 0x2, 0}));
  EXPECT_EQ(play_masked(work_of(0x04)), (Record{0x83, 0x300000, 0, 0}));
  EXPECT_TRUE(b.host.pages.requests.empty());
}

TEST_F(WithoutBlockingTest, EnableOfTheQueueAloneDoesNotBlock) {  // 5.7
  start(16, true);
  take_away(kD1 & kPageMask);
  EXPECT_EQ(play_masked(work_of(0x04)), (Record{0x83, 0x300000, 0, 0}));
  EXPECT_TRUE(b.host.pages.requests.empty());
}

TEST_F(WithoutBlockingTest, DifferenceBeforeTheAbsentPageIsAResult) {  // 5.6 (05)
  start(0);
  b.host.memory[kS2 + 0x123] = std::byte{0xFF};
  take_away((kS1 & kPageMask) + 0x1000);
  EXPECT_EQ(play(work_of(0x05)), (Record{0x0000012300000101, 0, 0, 0}));
}

TEST_F(WithoutBlockingTest, FullDeltaRecordBeforeTheAbsentPageIsAResult) {  // 5.6 (07)
  start(0);
  take_away((kS1 & kPageMask) + 0x1000);
  Work w = work_of(0x07);
  replace(w, 48, 80, 4);
  EXPECT_EQ(play(w), (Record{0x0000004000000201, 0, 80, 0})) << "8 words";
}

TEST_F(WithoutBlockingTest, DifErrorBeforeTheAbsentPageIsAResult) {  // 5.9
  start(0);
  b.host.memory[kBlocks + 2 * 520 + 515] = std::byte{1};  // application tag of block 2
  take_away((kBlocks & kPageMask) + 0x1000);
  EXPECT_EQ(play(work_of(0x12))[0], 0x0000041000000209u) << "2 blocks of 520";
}

TEST_F(WithoutBlockingTest, UntouchedDeltaRecordNeedsNoPage) {  // 5.6 (07)
  start(0);
  take_away(kDelta & kPageMask);
  Work w = work_of(0x07);
  w.destination = kS2;  // equal
  EXPECT_EQ(play(w), kGood);
}

TEST_F(WithoutBlockingTest, FaultWithoutARecordGoesToTheErrorRegister) {  // 2.7, 5.4
  start(0);
  take_away((kD1 & kPageMask) + 0x1000);
  Work w = work_of(0x04);
  w.flags = 0;
  w.record = 0;
  (void)play(w);
  // valid, descriptor, queue, write, information; code 03; opcode 04; PASID 0x11
  EXPECT_EQ(b.read(0xC0, 8), 0x00001104000003ADu);
  EXPECT_EQ(b.read(0xC8, 8) >> 61, 3u) << "destination";
  EXPECT_EQ(b.read(0xD0, 8) & kPageMask, 0x301000u);
}

}  // namespace
}  // namespace siov::test
