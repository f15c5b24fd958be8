// SPDX-License-Identifier: Apache-2.0
// Physical memory, frame allocator, guest memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "common/error.hpp"
#include "memory/guest_memory.hpp"

namespace siov::memory {
namespace {

std::vector<std::byte> pattern(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + 3);
  return bytes;
}

TEST(PhysicalMemoryTest, ReadsBackAcrossChunksAndReadsZerosElsewhere) {
  PhysicalMemory memory;
  const auto data = pattern(5000);
  const Hpa at{0x40'0000 - 1000};  // 2 MiB chunk boundary at 40_0000h
  ASSERT_TRUE(memory.write(at, data));
  std::vector<std::byte> out(5002, std::byte{0xFF});
  ASSERT_TRUE(memory.read(at - 1, out));
  EXPECT_EQ(out.front(), std::byte{0});
  EXPECT_EQ(out.back(), std::byte{0});
  EXPECT_TRUE(std::equal(data.begin(), data.end(), out.begin() + 1));
  EXPECT_EQ(memory.resident_bytes(), 2u * 0x20'0000);
}

TEST(PhysicalMemoryTest, ReadingUntouchedMemoryCreatesNothing) {
  PhysicalMemory memory;
  EXPECT_EQ(memory.read64(Hpa{0x5'0000'0000}), 0u);
  EXPECT_TRUE(memory.zero(Hpa{0x10'0000}, 0x1000'0000));
  EXPECT_EQ(memory.resident_bytes(), 0u);
}

TEST(PhysicalMemoryTest, AccessOutsideRamFailsWhole) {
  PhysicalMemory memory(std::uint64_t{4} << 30);  // 0..2 GiB and 4..6 GiB
  std::vector<std::byte> bytes(16, std::byte{0x77});
  EXPECT_FALSE(memory.write(Hpa{0x8000'0000 - 8}, bytes));
  EXPECT_EQ(memory.read64(Hpa{0x8000'0000 - 8}), 0u);
  EXPECT_FALSE(memory.read(Hpa{0x8000'0000 - 8}, bytes));
  EXPECT_EQ(bytes[0], std::byte{0x77});
  EXPECT_FALSE(memory.read64(Hpa{0xFEE0'0000}).has_value());
  EXPECT_TRUE(memory.read64(Hpa{0x1'0000'0000}).has_value());
  EXPECT_FALSE(memory.read64(Hpa{0x1'8000'0000}).has_value());
  EXPECT_FALSE(memory.read64(Hpa{~std::uint64_t{7}}).has_value());
  EXPECT_FALSE(memory.populated(Hpa{~std::uint64_t{7}}, 16));
  EXPECT_EQ(memory.page(Hpa{0x9000'0000}), nullptr);
  EXPECT_TRUE(
      memory.write64(Hpa{0x8000'0000 - 8}, 1));  // the chunk exists now: the end is still the end
  EXPECT_FALSE(memory.write(Hpa{0x8000'0000 - 8}, bytes));
}

TEST(PhysicalMemoryTest, AdjacentRangesAreOneAndReadOnlyRefusesWrites) {
  PhysicalMemory memory({{Hpa{0}, 0x1000}, {Hpa{0x1000}, 0x1000, RamKind::kReadOnly}}, 46);
  const auto data = pattern(16);
  EXPECT_TRUE(memory.populated(Hpa{0xFF8}, 16));
  EXPECT_FALSE(memory.write(Hpa{0xFF8}, data));
  EXPECT_TRUE(memory.load(Hpa{0xFF8}, data));
  std::vector<std::byte> out(16);
  EXPECT_TRUE(memory.read(Hpa{0xFF8}, out));
  EXPECT_EQ(out, data);
  EXPECT_FALSE(memory.compare_exchange64(Hpa{0x1000}, 0, 1).has_value());
  EXPECT_FALSE(memory.writable(Hpa{0xFFF}, 2));
  EXPECT_TRUE(memory.writable(Hpa{0xFFF}, 1));
}

TEST(PhysicalMemoryTest, CompareExchangeWritesOnlyWhenEqual) {
  PhysicalMemory memory;
  ASSERT_TRUE(memory.write64(Hpa{0x1000}, 5));
  EXPECT_EQ(memory.compare_exchange64(Hpa{0x1000}, 4, 9), 5u);
  EXPECT_EQ(memory.read64(Hpa{0x1000}), 5u);
  EXPECT_EQ(memory.compare_exchange64(Hpa{0x1000}, 5, 9), 5u);
  EXPECT_EQ(memory.read64(Hpa{0x1000}), 9u);
}

TEST(PhysicalMemoryTest, QuadwordsAreLittleEndianAndPagesStay) {
  PhysicalMemory memory;
  ASSERT_TRUE(memory.write64(Hpa{0x3008}, 0x0102'0304'0506'0708));
  const std::byte* page = memory.page(Hpa{0x3FFF});
  EXPECT_EQ(page[8], std::byte{0x08});
  EXPECT_EQ(page[15], std::byte{0x01});
  for (std::uint64_t i = 0; i < 1000; ++i)
    ASSERT_TRUE(memory.write64(Hpa{0x1'0000'0000 + i * 0x20'0000}, i));
  EXPECT_EQ(memory.page(Hpa{0x3000}), page);
  for (std::uint64_t i = 0; i < 1000; ++i)
    EXPECT_EQ(memory.read64(Hpa{0x1'0000'0000 + i * 0x20'0000}), i);
}

TEST(PhysicalMemoryTest, HighestAddressOf52Bits) {
  const std::uint64_t top = std::uint64_t{1} << 52;
  PhysicalMemory memory({{Hpa{top - 0x1000}, 0x1000}}, 52);
  EXPECT_TRUE(memory.write64(Hpa{top - 8}, 1));
  EXPECT_FALSE(memory.read64(Hpa{top}).has_value());
}

TEST(PhysicalMemoryTest, RefusesImpossibleRanges) {
  EXPECT_THROW(PhysicalMemory(0x1000, 45), HarnessError);
  EXPECT_THROW(PhysicalMemory({{Hpa{0x800}, 0x1000}}, 46), HarnessError);
  EXPECT_THROW(PhysicalMemory({{Hpa{0}, 0x2000}, {Hpa{0x1000}, 0x1000}}, 46), HarnessError);
  EXPECT_THROW(PhysicalMemory({{Hpa{std::uint64_t{1} << 46}, 0x1000}}, 46), HarnessError);
}

TEST(PageAllocatorTest, GivesAlignedZeroedDistinctFramesAndCountsLeaks) {
  PhysicalMemory memory;
  PageAllocator frames(memory);
  const Hpa small = frames.allocate();
  const Hpa big = frames.allocate(kSize2M);
  const Hpa huge = frames.allocate(kSize1G);
  EXPECT_EQ(small.value % kSize4K, 0u);
  EXPECT_EQ(big.value % kSize2M, 0u);
  EXPECT_EQ(huge.value % kSize1G, 0u);
  EXPECT_EQ(frames.outstanding(), 3u);
  EXPECT_EQ(frames.bytes_in_use(), kSize4K + kSize2M + kSize1G);
  ASSERT_TRUE(memory.write64(small, 0xDEAD));
  frames.free(small);
  const Hpa again = frames.allocate();
  EXPECT_EQ(again, small);
  EXPECT_EQ(memory.read64(again), 0u);
  frames.free(again);
  frames.free(big);
  frames.free(huge);
  EXPECT_EQ(frames.outstanding(), 0u);
  EXPECT_THROW(frames.free(huge), HarnessError);
}

TEST(PageAllocatorTest, NeverGivesTheInterruptRangeAndEndsWithAnError) {
  // RAM straight through FEEx_xxxxh: the frames left out must be exactly that megabyte and the
  // first one.
  PhysicalMemory memory({{Hpa{0}, std::uint64_t{4} << 30}}, 46);
  PageAllocator frames(memory);
  EXPECT_EQ(frames.bytes_free(), (std::uint64_t{4} << 30) - 0x20'0000);
  PageAllocator few(memory, Hpa{0x10'0000}, 2 * kSize4K);
  (void)few.allocate();
  (void)few.allocate();
  EXPECT_THROW((void)few.allocate(), HarnessError);
}

TEST(PageAllocatorTest, FreedNeighboursBecomeOneExtent) {
  PhysicalMemory memory;
  PageAllocator frames(memory, Hpa{0x20'0000}, kSize2M);
  std::vector<Hpa> all;
  for (int i = 0; i < 512; ++i) all.push_back(frames.allocate());
  for (std::size_t i = 0; i < all.size(); i += 2) frames.free(all[i]);
  EXPECT_THROW((void)frames.allocate_range(2 * kSize4K), HarnessError);
  for (std::size_t i = 1; i < all.size(); i += 2) frames.free(all[i]);
  EXPECT_EQ(frames.allocate(kSize2M), Hpa{0x20'0000});
}

TEST(GuestMemoryTest, PagesAreScatteredAndReadBackAcrossThem) {
  PhysicalMemory memory;
  PageAllocator frames(memory);
  {
    GuestMemory guest(memory, frames, {.bytes = 1 << 20, .seed = 5});
    const auto data = pattern(3 * 4096);
    ASSERT_TRUE(guest.write(Gpa{0x1800}, data));
    std::vector<std::byte> out(data.size());
    ASSERT_TRUE(guest.read(Gpa{0x1800}, out));
    EXPECT_EQ(out, data);
    // byte 4096 of the pattern lies at GPA 2800h, in the host page of guest page 2
    std::byte one{};
    ASSERT_TRUE(memory.read(guest.host_address(Gpa{0x2800}).value(), std::span(&one, 1)));
    EXPECT_EQ(one, static_cast<std::byte>((4096 * 7 + 3) & 0xFF));
    unsigned neighbours = 0;
    for (std::size_t i = 1; i < guest.pages().size(); ++i) {
      neighbours += guest.pages()[i].host == guest.pages()[i - 1].host + 4096 ? 1 : 0;
    }
    EXPECT_LT(neighbours, 10u);
    EXPECT_FALSE(guest.write(Gpa{(1 << 20) - 4}, std::span(data).first(8)));
    EXPECT_FALSE(guest.read64(Gpa{1 << 20}).has_value());
    EXPECT_FALSE(guest.host_address(Gpa{1 << 20}).has_value());
  }
  EXPECT_EQ(frames.outstanding(), 0u);
}

TEST(GuestMemoryTest, AllocatorLeavesPageZeroAndReturnsZeroedMemory) {
  PhysicalMemory memory;
  PageAllocator frames(memory);
  GuestMemory guest(memory, frames, {.bytes = 4 << 20, .page_bytes = kSize2M, .seed = 1});
  const Gpa first = guest.allocate();
  EXPECT_EQ(first, Gpa{0x1000});
  ASSERT_TRUE(guest.write64(first, 9));
  guest.free(first);
  EXPECT_EQ(guest.read64(guest.allocate()), 0u);
  EXPECT_EQ(guest.outstanding(), 1u);
  EXPECT_THROW((void)guest.allocate(4 << 20), HarnessError);
}

TEST(GuestMemoryTest, OneSeedGivesOneLayout) {
  const auto layout = [](std::uint64_t seed) {
    PhysicalMemory memory;
    PageAllocator frames(memory);
    GuestMemory guest(memory, frames, {.bytes = 1 << 20, .seed = seed});
    std::vector<std::uint64_t> hosts;
    for (const GuestPage& page : guest.pages()) hosts.push_back(page.host.value);
    return hosts;
  };
  EXPECT_EQ(layout(4), layout(4));
  EXPECT_NE(layout(4), layout(5));
}

constexpr std::uint64_t kWindow = 0x8000'0000;  // behind standard_ram()'s first part

TEST(PhysicalMemoryWindowTest, IsMemoryOfTheProcess) {
  PhysicalMemory memory;
  std::vector<std::byte> bytes(0x40'0000);
  EXPECT_FALSE(memory.populated(Hpa{kWindow}, 1));
  memory.attach({Hpa{kWindow}, bytes.size()}, bytes.data());
  EXPECT_TRUE(memory.writable(Hpa{kWindow}, bytes.size()));
  const auto data = pattern(5000);
  ASSERT_TRUE(memory.write(Hpa{kWindow + 0x1F'F000}, data));  // across chunks
  EXPECT_TRUE(std::equal(data.begin(), data.end(), bytes.begin() + 0x1F'F000));
  bytes[7] = std::byte{0x77};
  std::vector<std::byte> out(8);
  ASSERT_TRUE(memory.read(Hpa{kWindow}, out));
  EXPECT_EQ(out[7], std::byte{0x77});
  EXPECT_EQ(memory.page(Hpa{kWindow + 0x3010}), bytes.data() + 0x3000);
  ASSERT_TRUE(memory.zero(Hpa{kWindow}, 8));
  EXPECT_EQ(bytes[7], std::byte{0});
  EXPECT_EQ(memory.resident_bytes(), 0U);
}

TEST(PhysicalMemoryWindowTest, GoesWithDetachAndNothingOfItIsKept) {
  PhysicalMemory memory;
  std::vector<std::byte> bytes(0x20'0000, std::byte{0x11});
  memory.attach({Hpa{kWindow}, bytes.size()}, bytes.data());
  EXPECT_EQ(memory.read64(Hpa{kWindow}), 0x1111'1111'1111'1111U);
  memory.detach(Hpa{kWindow});
  EXPECT_EQ(memory.read64(Hpa{kWindow}), std::nullopt);
  EXPECT_FALSE(memory.write64(Hpa{kWindow}, 1));
  EXPECT_EQ(memory.page(Hpa{kWindow}), nullptr);
  std::vector<std::byte> other(0x20'0000, std::byte{0x22});
  memory.attach({Hpa{kWindow}, other.size()}, other.data());
  EXPECT_EQ(memory.read64(Hpa{kWindow}), 0x2222'2222'2222'2222U);
  EXPECT_EQ(bytes[0], std::byte{0x11});
}

TEST(PhysicalMemoryWindowTest, ReadOnlyTakesNoWrites) {
  PhysicalMemory memory;
  std::vector<std::byte> bytes(0x20'0000);
  memory.attach({Hpa{kWindow}, bytes.size(), RamKind::kReadOnly}, bytes.data());
  EXPECT_EQ(memory.read64(Hpa{kWindow}), 0U);
  EXPECT_FALSE(memory.write64(Hpa{kWindow}, 1));
  EXPECT_EQ(memory.compare_exchange64(Hpa{kWindow}, 0, 1), std::nullopt);
  EXPECT_EQ(memory.page(Hpa{kWindow}), nullptr);
  ASSERT_TRUE(memory.load(Hpa{kWindow}, pattern(16)));
  EXPECT_EQ(bytes[0], std::byte{3});
}

TEST(PhysicalMemoryWindowTest, NeighboursAreApartAndAccessesCrossThem) {
  PhysicalMemory memory;
  std::vector<std::byte> low(0x3000);
  std::vector<std::byte> high(0x1000);
  memory.attach({Hpa{kWindow + 0x3000}, high.size()}, high.data());
  memory.attach({Hpa{kWindow}, low.size()}, low.data());
  const auto data = pattern(64);
  ASSERT_TRUE(memory.write(Hpa{kWindow + 0x2FE0}, data));
  EXPECT_TRUE(std::equal(data.begin(), data.begin() + 32, low.begin() + 0x2FE0));
  EXPECT_TRUE(std::equal(data.begin() + 32, data.end(), high.begin()));
  ASSERT_TRUE(memory.write(Hpa{kWindow - 32}, data));  // from RAM of its own into a window
  EXPECT_TRUE(std::equal(data.begin() + 32, data.end(), low.begin()));
  std::vector<std::byte> out(64);
  ASSERT_TRUE(memory.read(Hpa{kWindow - 32}, out));
  EXPECT_EQ(out, data);
  EXPECT_FALSE(memory.write(Hpa{kWindow + 0x3FE0}, data));  // out at the end: nothing is written
  EXPECT_EQ(high[0xFE0], std::byte{0});
}

TEST(PhysicalMemoryWindowTest, CompareExchangeIsOnTheSharedBytes) {
  PhysicalMemory memory;
  std::vector<std::byte> bytes(0x1000);
  memory.attach({Hpa{kWindow}, bytes.size()}, bytes.data());
  EXPECT_EQ(memory.compare_exchange64(Hpa{kWindow + 8}, 0, 5), 0U);
  EXPECT_EQ(bytes[8], std::byte{5});
  EXPECT_EQ(memory.compare_exchange64(Hpa{kWindow + 8}, 4, 9), 5U);
  EXPECT_EQ(bytes[8], std::byte{5});
}

TEST(PhysicalMemoryWindowTest, MisuseIsRefused) {
  PhysicalMemory memory;
  std::vector<std::byte> bytes(0x2000);
  memory.attach({Hpa{kWindow}, 0x1000}, bytes.data());
  EXPECT_THROW(memory.attach({Hpa{kWindow}, 0x1000}, bytes.data()), HarnessError);
  EXPECT_THROW(memory.attach({Hpa{0x1000}, 0x1000}, bytes.data()), HarnessError);  // RAM
  EXPECT_THROW(memory.attach({Hpa{kWindow + 0x1800}, 0x1000}, bytes.data()), HarnessError);
  EXPECT_THROW(memory.attach({Hpa{std::uint64_t{1} << 46}, 0x1000}, bytes.data()), HarnessError);
  EXPECT_THROW(memory.detach(Hpa{kWindow + 0x1000}), HarnessError);
  EXPECT_THROW(memory.detach(Hpa{0}), HarnessError);
  memory.detach(Hpa{kWindow});
  EXPECT_THROW(memory.detach(Hpa{kWindow}), HarnessError);
}

}  // namespace
}  // namespace siov::memory
