// SPDX-License-Identifier: Apache-2.0
// What is read from the invalidation queue of a guest. Descriptors are literals of vtd.md 5.2.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "attach/invalidation_watch.hpp"

namespace siov::attach {
namespace {

constexpr std::uint64_t kRing = 0x8000;
constexpr std::uint64_t kNarrow = kRing;         // 4 KiB, 256 entries of 16 bytes
constexpr std::uint64_t kWide = kRing | 0x800;   // IQA.DW: 128 entries of 32 bytes
constexpr std::uint64_t kContext = 0x11;         // context cache, global
constexpr std::uint64_t kIotlb = 0x12;           // IOTLB, global
constexpr std::uint64_t kWait = 0x2'0000'0025;   // status write
constexpr std::uint64_t kPasid = 0x5'0000'0026;  // PASID-based IOTLB of PASID 5

class WatchTest : public testing::Test {
 protected:
  Invalidations look(std::uint64_t iqa, std::uint64_t tail) {
    UnitRegisters registers;
    registers.iq_base = iqa;
    registers.iq_tail = tail;
    const GuestReader reader = [this](Gpa address, std::span<std::byte> out) {
      if (address.value > memory.size() || out.size() > memory.size() - address.value) return false;
      std::memcpy(out.data(), memory.data() + address.value, out.size());
      return true;
    };
    return watch.look(reader, registers);
  }
  void put(std::size_t offset, std::uint64_t low, std::uint64_t high = 0) {
    std::memcpy(memory.data() + kRing + offset, &low, 8);
    std::memcpy(memory.data() + kRing + offset + 8, &high, 8);
  }
  std::vector<std::byte> memory = std::vector<std::byte>(0x20000);
  InvalidationWatch watch;
};

TEST_F(WatchTest, FirstLookKnowsNothing) {
  put(0, kContext);
  const Invalidations seen = look(kNarrow, 16);
  EXPECT_TRUE(seen.lost);
  EXPECT_TRUE(seen.descriptors.empty());
}

TEST_F(WatchTest, NarrowDescriptorsInOrderWithoutWaits) {
  static_cast<void>(look(kNarrow, 0));
  put(0, kContext);
  put(16, kIotlb, 0x1234000);
  put(32, kWait, 0x4000);
  put(48, kPasid);
  const Invalidations seen = look(kNarrow, 64);
  EXPECT_FALSE(seen.lost);
  ASSERT_EQ(seen.descriptors.size(), 3U);
  EXPECT_EQ(seen.descriptors[0], (vdcm::vtd::Descriptor{kContext, 0, 0, 0}));
  EXPECT_EQ(seen.descriptors[1], (vdcm::vtd::Descriptor{kIotlb, 0x1234000, 0, 0}));
  EXPECT_EQ(seen.descriptors[2], (vdcm::vtd::Descriptor{kPasid, 0, 0, 0}));
  EXPECT_EQ(watch.seen(), 3U);
  EXPECT_TRUE(look(kNarrow, 64).descriptors.empty());  // once
}

TEST_F(WatchTest, WideDescriptorsHaveFourWords) {
  static_cast<void>(look(kWide, 0));
  put(0, kIotlb);
  put(16, 0xAA, 0xBB);
  put(32, kWait);
  put(64, kPasid, 0x77);
  const Invalidations seen = look(kWide, 96);
  ASSERT_EQ(seen.descriptors.size(), 2U);
  EXPECT_EQ(seen.descriptors[0], (vdcm::vtd::Descriptor{kIotlb, 0, 0xAA, 0xBB}));
  EXPECT_EQ(seen.descriptors[1], (vdcm::vtd::Descriptor{kPasid, 0x77, 0, 0}));
}

TEST_F(WatchTest, GoesAroundTheEnd) {
  static_cast<void>(look(kNarrow, 0xFE0));
  put(0xFE0, kContext);
  put(0xFF0, kIotlb);
  put(0, kPasid);
  const Invalidations seen = look(kNarrow, 16);
  EXPECT_FALSE(seen.lost);
  ASSERT_EQ(seen.descriptors.size(), 3U);
  EXPECT_EQ(seen.descriptors[0][0], kContext);
  EXPECT_EQ(seen.descriptors[1][0], kIotlb);
  EXPECT_EQ(seen.descriptors[2][0], kPasid);
}

/// More than the ring holds: what is not new by the tail has changed nevertheless.
TEST_F(WatchTest, MoreThanARingIsLost) {
  static_cast<void>(look(kNarrow, 0));
  put(0, kIotlb);
  put(0x800, kPasid);  // behind the tail
  const Invalidations seen = look(kNarrow, 16);
  EXPECT_TRUE(seen.lost);
  EXPECT_EQ(watch.times_lost(), 1U);
  put(16, kContext);
  const Invalidations next = look(kNarrow, 32);
  EXPECT_FALSE(next.lost);
  EXPECT_EQ(next.descriptors.size(), 1U);
}

TEST_F(WatchTest, AChangeWithoutANewTailIsLost) {
  static_cast<void>(look(kNarrow, 64));
  put(0x40, kPasid);
  EXPECT_TRUE(look(kNarrow, 64).lost);  // exactly once around
}

TEST_F(WatchTest, AnotherRingIsAnotherBeginning) {
  static_cast<void>(look(kNarrow, 0));
  put(0, kIotlb);
  EXPECT_TRUE(look(kWide, 32).lost);
  EXPECT_TRUE(look(kNarrow + 0x1000, 0).lost);
  put(0x1000, kPasid);
  const Invalidations seen = look(kNarrow + 0x1000, 16);
  EXPECT_FALSE(seen.lost);
  EXPECT_EQ(seen.descriptors.size(), 1U);
}

TEST_F(WatchTest, ResetForgets) {
  static_cast<void>(look(kNarrow, 0));
  watch.reset();
  EXPECT_TRUE(look(kNarrow, 0).lost);
}

/// A ring at address 0 is a ring like any other, also at the first look.
TEST_F(WatchTest, RingAtZero) {
  EXPECT_TRUE(look(0, 0).lost);
  memory[0] = std::byte{0x12};
  EXPECT_EQ(look(0, 16).descriptors.size(), 1U);
}

TEST_F(WatchTest, RingOutsideMemoryIsLostEachTimeAndComesBack) {
  static_cast<void>(look(kNarrow, 0));
  EXPECT_TRUE(look(0x1F000 | 1, 0).lost);  // 8 KiB, half of it there
  EXPECT_TRUE(look(0xFFFF'FFFF'FFFF'F000, 0).lost);
  EXPECT_TRUE(look(0xFFFF'FFFF'FFFF'F000, 16).lost);
  EXPECT_TRUE(look(0, 0).lost);
  EXPECT_FALSE(look(0, 0).lost);
}

TEST_F(WatchTest, TailOutsideTheRingOrBetweenEntriesDoesNoHarm) {
  static_cast<void>(look(kWide, 0));
  put(0, kIotlb);
  EXPECT_EQ(look(kWide, 0x1000 + 32 + 16).descriptors.size(), 1U);
  static_cast<void>(look(kWide | 7, 0));
  static_cast<void>(look(kWide, ~std::uint64_t{0}));
}

}  // namespace
}  // namespace siov::attach
