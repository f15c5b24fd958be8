// SPDX-License-Identifier: Apache-2.0
// Every operation with every flag, reserved byte, size border, and the errors that all of them
// share: mask of operations, record address, privilege, handle. DSA 2.9, 2.10, 5.2, 5.4, 5.5.
#include <map>
#include <set>

#include "operation_bench.hpp"

namespace siov::test {
namespace {

/// Flags that an operation takes besides those of good(), which has CRAV and RCR. Blocks on fault
/// need a queue that allows them, fences a batch.
const std::map<unsigned, std::uint32_t> kAllowedFlags = {
    {0x00, 0x00101C}, {0x01, 0x00121C}, {0x02, 0x0C101C}, {0x03, 0x00771C}, {0x04, 0x04751C},
    {0x05, 0x00169C}, {0x06, 0x00129C}, {0x07, 0x007F9C}, {0x08, 0x00771C}, {0x09, 0x007F1C},
    {0x10, 0x0F1A1C}, {0x11, 0x0F7F1C}, {0x12, 0x00121C}, {0x13, 0x00771C}, {0x14, 0x00771C},
    {0x15, 0x00771C}, {0x20, 0x00741C}};

struct Bytes {
  unsigned opcode, first, last;
};
constexpr Bytes kReservedBytes[] = {
    {0x00, 16, 35}, {0x00, 38, 63}, {0x01, 24, 31}, {0x01, 38, 63}, {0x02, 16, 35}, {0x02, 38, 63},
    {0x03, 38, 63}, {0x04, 38, 63}, {0x05, 38, 63}, {0x06, 38, 39}, {0x06, 41, 63}, {0x07, 38, 39},
    {0x07, 52, 55}, {0x07, 57, 63}, {0x08, 38, 39}, {0x08, 44, 63}, {0x09, 38, 39}, {0x09, 48, 63},
    {0x10, 24, 31}, {0x10, 38, 39}, {0x10, 44, 63}, {0x11, 38, 39}, {0x11, 44, 63}, {0x12, 24, 31},
    {0x12, 38, 39}, {0x12, 41, 41}, {0x12, 43, 47}, {0x12, 56, 63}, {0x13, 38, 40}, {0x13, 43, 55},
    {0x14, 38, 39}, {0x14, 41, 41}, {0x14, 43, 47}, {0x14, 56, 63}, {0x15, 38, 39}, {0x15, 43, 47},
    {0x20, 16, 23}, {0x20, 38, 63}};

/// Operations that give a result need a record: 5.2.2.
const std::set<unsigned> kWithResult = {0x05, 0x06, 0x07, 0x10, 0x11, 0x12};

struct OperationStatusTest : EveryOperationTest {
  /// Quad word 0 of SWERROR for WQ 0, PASID 0x11.
  std::uint64_t error_word(unsigned code) const {
    return 0x000011000000008D | std::uint64_t{GetParam()} << 32 | std::uint64_t{code} << 8;
  }
  void expect_no_data(const char* why) {
    EXPECT_EQ(peek(kOutAt, 64), std::vector<unsigned>(64)) << why;
    EXPECT_EQ(peek(kOut2At, 64), std::vector<unsigned>(64)) << why;
    EXPECT_EQ(peek(kDeltaAt, 64), std::vector<unsigned>(64)) << why;
  }
};

TEST_P(OperationStatusTest, LegalDescriptorIs01) {  // 5.5 (01)
  EXPECT_EQ(status(legal()), 0x01u);
  EXPECT_EQ(status(legal().as(0x21), kQueue1), 0x01u) << "shared queue";
  EXPECT_EQ(b.host.record(kRecordAt)[0] >> 8 & 0xFFFFFF, 0u) << "result";
  EXPECT_EQ(take_error(), 0u);
}

TEST_P(OperationStatusTest, EachFlagOutsideTheTableIs11) {  // 5.2.1
  for (unsigned bit = 0; bit < 24; ++bit) {
    Work w = legal();
    w.flags |= 1u << bit;
    if (bit == 4) w.handle = 1;
    if (bit == 7 && w.opcode == 0x07) put(w, 56, 0x01, 1);
    const Record got = play(w);
    if ((kAllowedFlags.at(GetParam()) >> bit & 1) != 0) {
      EXPECT_EQ(got[0] & 0xFF, 0x01u) << "flag " << bit;
    } else {
      EXPECT_EQ(got, (Record{0x11, 0, std::uint64_t{1} << bit, 0})) << "flag " << bit;
    }
  }
  EXPECT_EQ(take_error(), 0u) << "errors with a record are in the record only";
}

TEST_P(OperationStatusTest, MissingRecordFlagsAre11WhereAResultIsDue) {  // 5.2.2
  Work w = legal();
  w.flags = kRecordValid;
  const Record got = play(w);
  if (kWithResult.contains(GetParam())) {
    EXPECT_EQ(got, (Record{0x11, 0, 0x8, 0}));
  } else if (GetParam() == 0x02) {
    EXPECT_EQ(got, (Record{0x11, 0, 0x18, 0})) << "RCR or RCI";
  } else {
    EXPECT_EQ(got, kNoRecord) << "success without RCR";
  }
  w.flags = 0;
  w.record = 0;
  EXPECT_EQ(play(w), kNoRecord);
  const bool wrong = kWithResult.contains(GetParam()) || GetParam() == 0x02;
  EXPECT_EQ(take_error(), wrong ? error_word(0x11) : 0u) << "without record address";
}

TEST_P(OperationStatusTest, EachReservedByteIs12) {  // 5.2.1
  for (const Bytes& range : kReservedBytes) {
    if (range.opcode != GetParam()) continue;
    for (unsigned at = range.first; at <= range.last; ++at) {
      Work w = legal();
      w.set[at] = at % 3 == 0 ? 0x80 : at % 3 == 1 ? 0x01 : 0x10;
      ASSERT_EQ(play(w), (Record{0x12, 0, 0, 0})) << "byte " << at;
    }
  }
  expect_no_data("12");
}

TEST_P(OperationStatusTest, HandleWithoutInterruptIs12) {  // 5.2.2
  Work w = legal();
  w.handle = 1;
  EXPECT_EQ(play(w), (Record{0x12, 0, 0, 0}));
}

TEST_P(OperationStatusTest, MaskedOperationIs10) {  // 2.9: OPCFG
  ASSERT_EQ(b.command(7, 0x1), 0u);
  b.write(0x820, 0x1003F03FF & ~(std::uint64_t{1} << GetParam()), 8);
  ASSERT_EQ(b.command(6, 0), 0u);
  EXPECT_EQ(play(legal()), (Record{0x10, 0, 0, 0}));
  expect_no_data("10");
  EXPECT_EQ(status(good(GetParam() == 0x03 ? 0x04 : 0x03)), 0x01u) << "its neighbour is allowed";
  EXPECT_EQ(status(legal().as(0x21), kQueue1), 0x01u) << "another queue allows it";
}

TEST_P(OperationStatusTest, MisalignedRecordAddressIs1bAndDiscarded) {  // 5.5 (1b)
  for (const unsigned offset : {1u, 16u, 24u, 31u}) {
    Work w = legal();
    w.record += offset;
    EXPECT_EQ(play(w), kNoRecord);
    EXPECT_TRUE(b.host.seen.empty());
    EXPECT_EQ(b.read(0xC8, 8), 0x0004000000000000u) << "a record was required";
    EXPECT_EQ(b.read(0xD0, 8), kRecordAt + offset);
    EXPECT_EQ(take_error(), error_word(0x1B));
  }
}

TEST_P(OperationStatusTest, PrivilegeWithoutItsModeIs1dAndDiscarded) {  // 4.3, 5.5 (1d)
  EXPECT_EQ(status(legal().as(0x80000021), kQueue1), 0x01u) << "mode on";
  ASSERT_EQ(b.command(2), 0u);
  b.set_config(0x236, 0x1, 2);
  ASSERT_EQ(b.command(1), 0u);
  ASSERT_EQ(b.command(6, 1), 0u);
  EXPECT_EQ(play(legal().as(0x80000021), kQueue1), kNoRecord);
  EXPECT_TRUE(b.host.seen.empty());
  EXPECT_EQ(take_error(), 0x0000210000011DCDu | std::uint64_t{GetParam()} << 32);
}

TEST_P(OperationStatusTest, ForeignHandleIs19InTheRecordAndSwerror) {  // 2.10, 5.5 (19)
  b.write(0x410, 0x00022008);                                          // vector 2: PASID 0x22
  for (const std::uint16_t handle : {2, 3, 9, 0xFFFF}) {  // foreign, without PASID, no such vector
    Work w = legal();
    w.flags |= kWantInterrupt;
    w.handle = handle;
    EXPECT_EQ(play(w), (Record{0x19, 0, 0, 0})) << handle;
    EXPECT_EQ(b.read(0xC8, 8), 0x0005000000000000u | std::uint64_t{handle} << 32);
    EXPECT_EQ(take_error(), error_word(0x19));
    EXPECT_TRUE(b.host.messages().empty()) << "SIOV-D-33";
  }
  expect_no_data("19");
}

TEST_P(OperationStatusTest, InterruptFollowsTheRecord) {  // 5.2, 5.3
  Work w = legal();
  w.flags |= kWantInterrupt;
  w.handle = 1;
  EXPECT_EQ(status(w), 0x01u);
  ASSERT_GE(b.host.seen.size(), 2u);
  EXPECT_EQ(b.host.seen.back().kind, Seen::kMessage);
  EXPECT_EQ(b.host.seen.back().data, 0x51u);
  EXPECT_EQ(b.host.seen[b.host.seen.size() - 2].address, kRecordAt);
}

TEST_P(OperationStatusTest, EveryRequestCarriesThePasidOfTheQueue) {  // SIOV-D-22, D-23, D-24
  (void)status(legal().as(0x80077777));
  for (const Seen& s : b.host.seen) EXPECT_EQ(s.pasid, 0x11u);
  EXPECT_FALSE(b.host.seen.empty());
  (void)status(legal().as(0x77777), kQueue1);
  for (const Seen& s : b.host.seen) EXPECT_EQ(s.pasid, 0x77777u);
}

INSTANTIATE_TEST_SUITE_P(Dsa, OperationStatusTest, testing::ValuesIn(kOperations),
                         [](const auto& i) { return name_of(i.param); });

/// Operations with a transfer size.
struct TransferSizeTest : EveryOperationTest {
  /// A legal size of at most 4 KiB, the largest.
  unsigned largest() const {
    const bool tagged = GetParam() == 0x12 || GetParam() == 0x14 || GetParam() == 0x15;
    return tagged ? 3640 : 4096;  // seven blocks of 520
  }
  unsigned step() const {
    if (GetParam() == 0x07 || GetParam() == 0x08) return 8;
    if (GetParam() == 0x13) return 512;
    return largest() == 3640 ? 520 : 1;
  }
};

TEST_P(TransferSizeTest, ZeroAndMoreThanTheQueueAllowsAre13) {  // 5.6, 5.10
  limit(12);
  Work w = legal();
  if (largest() == 3640) put(w, 40, 0x40, 1);  // blocks of zeros: no check of the reference tag
  for (const unsigned size : {0u, largest() + step(), 0x40000000u, 0xFFFFFFF8u, 0xFFFFFFFFu}) {
    w.size = size;
    ASSERT_EQ(play(w), (Record{0x13, 0, 0, 0})) << size;
  }
  for (const unsigned size : {step(), largest()}) {
    w.size = size;
    // An entry past the end of eight bytes is 08, not 13.
    const unsigned expected = GetParam() == 0x08 && size == 8 ? 0x08 : 0x01;
    EXPECT_EQ(status(w), expected) << size;
  }
}

INSTANTIATE_TEST_SUITE_P(Dsa, TransferSizeTest,
                         testing::Values(0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x10, 0x11, 0x12,
                                         0x13, 0x14, 0x15, 0x20),
                         [](const auto& i) { return name_of(i.param); });

}  // namespace
}  // namespace siov::test
