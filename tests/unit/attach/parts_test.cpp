// SPDX-License-Identifier: Apache-2.0
// Descriptors in pieces, BARs of a client, memory that is mapped twice.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "attach/client_bars.hpp"
#include "attach/memory_alias.hpp"
#include "attach/portal_assembler.hpp"
#include "vfio_user/file_descriptor.hpp"

namespace siov::attach {
namespace {

std::vector<std::byte> piece(std::size_t bytes, unsigned first) {
  std::vector<std::byte> out;
  for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<std::byte>(first + i));
  return out;
}

TEST(PortalAssemblerTest, EightPiecesAreOneDescriptor) {
  PortalAssembler assembler;
  for (unsigned i = 0; i < 7; ++i)
    ASSERT_FALSE(assembler.store(0x1040 + 8 * i, piece(8, 8 * i))) << i;
  const auto line = assembler.store(0x1078, piece(8, 56));
  ASSERT_TRUE(line);
  for (unsigned i = 0; i < 64; ++i) EXPECT_EQ(std::to_integer<unsigned>((*line)[i]), i);
  EXPECT_EQ(assembler.torn(), 0U);
  EXPECT_FALSE(assembler.store(0x1078, piece(8, 0)));  // and nothing is left of it
}

TEST(PortalAssemblerTest, OrderAndSizeOfThePiecesDoNotMatter) {
  PortalAssembler assembler;
  EXPECT_FALSE(assembler.store(32, piece(32, 32)));
  EXPECT_FALSE(assembler.store(4, piece(4, 4)));
  EXPECT_FALSE(assembler.store(8, piece(24, 8)));
  EXPECT_FALSE(assembler.store(1, piece(1, 1)));
  EXPECT_FALSE(assembler.store(2, piece(2, 2)));
  const auto line = assembler.store(0, piece(1, 0));
  ASSERT_TRUE(line);
  for (unsigned i = 0; i < 64; ++i) EXPECT_EQ(std::to_integer<unsigned>((*line)[i]), i);
}

TEST(PortalAssemblerTest, AWholeLineIsADescriptorAtOnce) {
  PortalAssembler assembler;
  const auto line = assembler.store(0x80, piece(64, 7));
  ASSERT_TRUE(line);
  EXPECT_EQ(std::to_integer<unsigned>((*line)[63]), 70U);
}

TEST(PortalAssemblerTest, SlotsAreApart) {
  PortalAssembler assembler;
  for (unsigned i = 0; i < 7; ++i) {
    EXPECT_FALSE(assembler.store(0x00 + 8 * i, piece(8, 0)));
    EXPECT_FALSE(assembler.store(0x40 + 8 * i, piece(8, 100)));
  }
  const auto second = assembler.store(0x78, piece(8, 100));
  ASSERT_TRUE(second);
  EXPECT_EQ(std::to_integer<unsigned>((*second)[0]), 100U);
  const auto first = assembler.store(0x38, piece(8, 0));
  ASSERT_TRUE(first);
  EXPECT_EQ(std::to_integer<unsigned>((*first)[0]), 0U);
}

/// A process was killed in the middle; the next one writes to the same slot.
TEST(PortalAssemblerTest, AByteThatIsWrittenTwiceBeginsAnew) {
  PortalAssembler assembler;
  for (unsigned i = 0; i < 3; ++i) EXPECT_FALSE(assembler.store(8 * i, piece(8, 200)));
  for (unsigned i = 0; i < 7; ++i) EXPECT_FALSE(assembler.store(8 * i, piece(8, 8 * i)));
  const auto line = assembler.store(56, piece(8, 56));
  ASSERT_TRUE(line);
  for (unsigned i = 0; i < 64; ++i) EXPECT_EQ(std::to_integer<unsigned>((*line)[i]), i);
  EXPECT_EQ(assembler.torn(), 1U);
}

TEST(PortalAssemblerTest, ClearForgetsWhatHasBegun) {
  PortalAssembler assembler;
  EXPECT_FALSE(assembler.store(0, piece(32, 0)));
  assembler.clear();
  EXPECT_FALSE(assembler.store(32, piece(32, 0)));
}

// PCIe 7.5.1.2.1: all ones written, size and type read.
TEST(ClientBarsTest, SizingShowsSizeAndType) {
  ClientBars bars;
  bars.set(0, 0x10000, 0xC);
  bars.set(2, 0x10'0000'0000, 0x4);
  EXPECT_EQ(bars.read(0x10, 4), 0xCU);
  for (std::uint32_t offset = 0x10; offset < 0x28; offset += 4) bars.write(offset, 4, 0xFFFFFFFF);
  EXPECT_EQ(bars.read(0x10, 4), 0xFFFF000CU);
  EXPECT_EQ(bars.read(0x14, 4), 0xFFFFFFFFU);
  EXPECT_EQ(bars.read(0x18, 4), 0x4U);
  EXPECT_EQ(bars.read(0x1C, 4), 0xFFFFFFF0U);
  EXPECT_EQ(bars.read(0x20, 4), 0U);  // there is no such BAR
  EXPECT_EQ(bars.read(0x24, 4), 0U);
}

TEST(ClientBarsTest, AddressIsWhatWasWrittenUntilReset) {
  ClientBars bars;
  bars.set(2, 0x4000, 0xC);
  bars.write(0x18, 4, 0xFE00'7FFF);
  bars.write(0x1C, 2, 0x1234);
  bars.write(0x1E, 1, 0x56);
  EXPECT_EQ(bars.read(0x18, 4), 0xFE00400CU);
  EXPECT_EQ(bars.read(0x1A, 2), 0xFE00U);
  EXPECT_EQ(bars.read(0x19, 1), 0x40U);
  EXPECT_EQ(bars.read(0x1C, 4), 0x00561234U);
  bars.clear();
  EXPECT_EQ(bars.read(0x18, 4), 0xCU);
  EXPECT_EQ(bars.read(0x1C, 4), 0U);
}

TEST(ClientBarsTest, HoldsTheSixRegistersOnly) {
  EXPECT_FALSE(ClientBars::holds(0xF));
  EXPECT_TRUE(ClientBars::holds(0x10));
  EXPECT_TRUE(ClientBars::holds(0x27));
  EXPECT_FALSE(ClientBars::holds(0x28));
}

std::byte* mapping(std::size_t bytes, int flags) {
  const vfio_user::FileDescriptor file(::memfd_create("alias", MFD_CLOEXEC));
  EXPECT_EQ(::ftruncate(file.get(), static_cast<off_t>(bytes)), 0);
  return static_cast<std::byte*>(
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, file.get(), 0));
}

TEST(MemoryAliasTest, StaysWhenTheFirstMappingGoes) {
  std::byte* const first = mapping(8192, MAP_SHARED);
  first[5000] = std::byte{0x5A};
  MemoryAlias alias(first, 8192);
  ASSERT_NE(alias.data(), nullptr);
  ASSERT_NE(alias.data(), first);
  first[6000] = std::byte{0x6B};  // the same memory
  ::munmap(first, 8192);
  EXPECT_EQ(alias.data()[5000], std::byte{0x5A});
  EXPECT_EQ(alias.data()[6000], std::byte{0x6B});
  alias.data()[0] = std::byte{1};
}

TEST(MemoryAliasTest, MemoryNeedNotBeginAtAPage) {
  std::byte* const first = mapping(8192, MAP_SHARED);
  first[512] = std::byte{0x11};
  first[512 + 4095] = std::byte{0x22};
  {
    MemoryAlias alias(first + 512, 4096);
    ASSERT_NE(alias.data(), nullptr);
    EXPECT_EQ(alias.data()[0], std::byte{0x11});
    EXPECT_EQ(alias.data()[4095], std::byte{0x22});
  }
  EXPECT_EQ(first[512], std::byte{0x11});
  ::munmap(first, 8192);
}

TEST(MemoryAliasTest, PrivateMemoryHasNone) {
  std::byte* const first = mapping(4096, MAP_PRIVATE);
  EXPECT_EQ(MemoryAlias(first, 4096).data(), nullptr);
  ::munmap(first, 4096);
}

TEST(MemoryAliasTest, MovesAndEndsOnce) {
  std::byte* const first = mapping(4096, MAP_SHARED);
  MemoryAlias one(first, 4096);
  std::byte* const at = one.data();
  MemoryAlias two(std::move(one));
  EXPECT_EQ(two.data(), at);
  MemoryAlias three;
  EXPECT_EQ(three.data(), nullptr);
  three = std::move(two);
  EXPECT_EQ(three.data(), at);
  at[7] = std::byte{7};
  EXPECT_EQ(first[7], std::byte{7});
  ::munmap(first, 4096);
}

}  // namespace
}  // namespace siov::attach
