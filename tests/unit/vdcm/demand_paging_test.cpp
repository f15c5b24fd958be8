// SPDX-License-Identifier: Apache-2.0
// AddressSpace with pages that come and go: presence, contents, frames, victims.
#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "common/error.hpp"
#include "guest/address_space.hpp"
#include "guest/machine.hpp"

namespace siov::guest {
namespace {

using vdcm::TranslationKind;

struct Bench {
  explicit Bench(TranslationKind kind, std::uint32_t absent_permille = 0, std::uint64_t page = 4096,
                 bool demand = true)
      : frames(memory), machine(memory, frames, machine_config(kind, page)) {
    AddressSpaceConfig config;
    config.kind = kind;
    config.page_bytes = kind == TranslationKind::kSecondStage ? 4096 : page;
    config.demand = demand;
    config.absent_permille = absent_permille;
    space = std::make_unique<AddressSpace>(machine, config);
  }
  static MachineConfig machine_config(TranslationKind kind, std::uint64_t page) {
    MachineConfig config;
    if (kind == TranslationKind::kSecondStage) config.page_bytes = page;
    return config;
  }
  std::byte at(Iova address) {
    std::array<std::byte, 1> one{};
    space->read(address, one);
    return one[0];
  }
  memory::PhysicalMemory memory;
  memory::PageAllocator frames;
  Machine machine;
  std::unique_ptr<AddressSpace> space;
};

void take(Bench& b, Iova page, bool move) {
  const auto departure = b.space->take_away(page);
  ASSERT_TRUE(departure.has_value());
  EXPECT_TRUE(b.space->taken(*departure, move));
}

class DemandPagingTest : public testing::TestWithParam<TranslationKind> {};

TEST_P(DemandPagingTest, AtLeastTheShareOfPagesIsAbsentAtFirst) {
  for (const std::uint32_t permille : {1u, 300u, 333u, 1000u}) {
    Bench b(GetParam(), permille);
    for (int i = 0; i < 7; ++i) static_cast<void>(b.space->allocate(5000, 100));  // 2 pages each
    EXPECT_EQ(b.space->paging().pages, 14u);
    EXPECT_GE(b.space->paging().absent_first * 1000, 14u * permille);
    EXPECT_LE(b.space->paging().absent_first, 14u * permille / 1000 + 1);
  }
}

TEST_P(DemandPagingTest, ContentsAreThereWhetherThePageIsOrNot) {
  Bench b(GetParam(), 1000);
  const Iova buffer = b.space->allocate(4096);
  EXPECT_FALSE(b.space->present(buffer));
  b.space->fill(buffer, 4096, std::byte{0x5A});
  EXPECT_FALSE(b.space->present(buffer)) << "an access of the CPU does not map it for the device";
  EXPECT_TRUE(b.space->bring_in(buffer + 17, 5));
  EXPECT_TRUE(b.space->present(buffer + 4095));
  EXPECT_EQ(b.at(buffer + 4095), std::byte{0x5A});
  EXPECT_EQ(b.space->paging().brought_in, 1u);
  EXPECT_TRUE(b.space->bring_in(buffer, 6)) << "it is there already";
  EXPECT_EQ(b.space->paging().brought_in, 1u);
}

TEST_P(DemandPagingTest, OutsideIsOutside) {
  Bench b(GetParam(), 300);
  const Iova buffer = b.space->allocate(4096);
  EXPECT_FALSE(b.space->bring_in(Iova{0x7000'0000'0000}, 0));
  EXPECT_TRUE(b.space->holds(buffer, 4096));
  EXPECT_FALSE(b.space->holds(buffer, 4097));
  std::array<std::byte, 8> out{};
  EXPECT_FALSE(b.space->contents(buffer + 4092, out));
  EXPECT_TRUE(b.space->contents(buffer + 4088, out));
}

TEST_P(DemandPagingTest, PageThatComesBackEarlyKeepsItsFrame) {
  Bench b(GetParam(), 0);
  const Iova buffer = b.space->allocate(4096);
  const Hpa frame = b.space->host_address(buffer);
  ASSERT_TRUE(b.space->present(buffer));
  const auto first = b.space->take_away(buffer);
  ASSERT_TRUE(first.has_value());
  EXPECT_FALSE(b.space->take_away(buffer).has_value()) << "once";
  EXPECT_TRUE(b.space->bring_in(buffer, 0)) << "while the invalidation is under way";
  EXPECT_FALSE(b.space->taken(*first, true));
  EXPECT_EQ(b.space->host_address(buffer), frame);
  const auto second = b.space->take_away(buffer);
  ASSERT_TRUE(second.has_value());
  EXPECT_FALSE(b.space->taken(*first, true)) << "the device was told of the first departure only";
  EXPECT_EQ(b.space->host_address(buffer), frame);
  EXPECT_TRUE(b.space->taken(*second, true));
  EXPECT_NE(b.space->host_address(buffer), frame);
  EXPECT_EQ(b.space->paging().taken_away, 2u);
  EXPECT_THROW(b.space->taken({}, false), HarnessError);
}

TEST_P(DemandPagingTest, MovedPageHasItsContentsElsewhere) {
  Bench b(GetParam(), 0);
  const Iova buffer = b.space->allocate(4096);
  b.space->fill(buffer, 4096, std::byte{0x77});
  const Hpa before = b.space->host_address(buffer);
  take(b, buffer, true);
  const Hpa after = b.space->host_address(buffer);
  EXPECT_NE(before, after);
  EXPECT_EQ(b.at(buffer + 4000), std::byte{0x77});
  EXPECT_EQ(b.memory.page(before)[0], std::byte{0xDB}) << "what is left behind is poison";
  EXPECT_EQ(b.space->moves(), 1u);
  EXPECT_EQ(b.machine.stale_writes(), 0u);
  b.memory.page(before)[12] = std::byte{1};
  EXPECT_EQ(b.machine.stale_writes(), 1u) << "a write by an old translation is seen";
  EXPECT_TRUE(b.space->bring_in(buffer, 0));
  EXPECT_EQ(b.space->host_address(buffer), after);
}

TEST_P(DemandPagingTest, RetiredFramesComeBackClean) {
  Bench b(GetParam(), 0);
  const Iova buffer = b.space->allocate(4096);
  for (int i = 0; i < 600; ++i) {
    take(b, buffer, true);
    ASSERT_TRUE(b.space->bring_in(buffer, 0));
  }
  EXPECT_EQ(b.machine.stale_writes(), 0u);
  const Iova fresh = b.space->allocate(40 * 4096);
  for (std::uint64_t at = 0; at < 40 * 4096; at += 512)
    ASSERT_EQ(b.at(fresh + at), std::byte{0}) << "no poison in new buffers";
}

TEST_P(DemandPagingTest, PinnedBuffersStay) {
  Bench b(GetParam(), 1000);
  const Iova pinned = b.space->allocate_pinned(100);
  const Iova other = b.space->allocate(100);
  EXPECT_TRUE(b.space->present(pinned));
  EXPECT_FALSE(b.space->present(other));
  EXPECT_FALSE(b.space->take_away(pinned).has_value());
  EXPECT_EQ(b.space->paging().pages, 1u);
}

TEST_P(DemandPagingTest, VictimsAreThoseNotUsedAndNotNew) {
  Bench b(GetParam(), 0);
  const Iova a = b.space->allocate(4096), c = b.space->allocate(4096);
  EXPECT_EQ(b.space->next_victim(0), std::optional(a));
  EXPECT_EQ(b.space->next_victim(0), std::optional(c));
  take(b, a, false);
  EXPECT_EQ(b.space->next_victim(0), std::optional(c)) << "a is away";
  ASSERT_TRUE(b.space->bring_in(a, 1000));
  EXPECT_EQ(b.space->next_victim(999), std::optional(c)) << "a came after that";
  EXPECT_EQ(b.space->next_victim(1000), std::optional(a));
  ASSERT_TRUE(b.space->bring_in(a, 2000)) << "it is there";
  EXPECT_EQ(b.space->next_victim(1999), std::optional(c)) << "a was needed after that";
  EXPECT_EQ(b.space->next_victim(1999), std::optional(c));
  ASSERT_TRUE(b.space->bring_in(a, 0)) << "moved, but not needed";
  EXPECT_EQ(b.space->next_victim(1999), std::optional(c));
}

std::string kind_name(const testing::TestParamInfo<TranslationKind>& info) {
  constexpr std::array kNames{"FirstStage", "SecondStage", "Nested"};
  return kNames[static_cast<std::size_t>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Kinds, DemandPagingTest,
                         testing::Values(TranslationKind::kFirstStage,
                                         TranslationKind::kSecondStage, TranslationKind::kNested),
                         kind_name);

TEST(VictimTest, AccessedPagesGetASecondChance) {  // VT-d 9.7: bit 5 of the entry
  Bench b(TranslationKind::kFirstStage, 0);
  const Iova a = b.space->allocate(4096), c = b.space->allocate(4096);
  // Walk the tables as hardware would and mark the first page as accessed.
  Hpa table{b.space->descriptor().first_stage_root};
  for (const unsigned shift : {39u, 30u, 21u}) {
    const std::uint64_t entry = *b.memory.read64(table + (a.value >> shift & 0x1FF) * 8);
    table = Hpa{entry & 0x000F'FFFF'FFFF'F000};
  }
  const Hpa leaf = table + (a.value >> 12 & 0x1FF) * 8;
  ASSERT_TRUE(b.memory.write64(leaf, *b.memory.read64(leaf) | 0x20));
  EXPECT_EQ(b.space->next_victim(0), std::optional(c));
  EXPECT_EQ(*b.memory.read64(leaf) & 0x20, 0u) << "cleared by the look";
  EXPECT_EQ(b.space->next_victim(0), std::optional(a));
}

TEST(DemandSpaceTest, LargePagesOfTheSecondStageAreSharedByBuffersOfOneKind) {
  Bench b(TranslationKind::kSecondStage, 1000, std::uint64_t{2} << 20);
  const Iova a = b.space->allocate(4096), c = b.space->allocate(4096);
  const Iova pinned = b.space->allocate_pinned(64);
  EXPECT_EQ(a.value >> 21, c.value >> 21);
  EXPECT_NE(a.value >> 21, pinned.value >> 21);
  EXPECT_EQ(b.space->paging().pages, 1u);
  EXPECT_FALSE(b.space->present(c));
  EXPECT_TRUE(b.space->bring_in(a, 0));
  EXPECT_TRUE(b.space->present(c));
  const Hpa before = b.space->host_address(c);
  take(b, Iova{c.value & ~std::uint64_t{0x1F'FFFF}}, true);
  EXPECT_EQ(b.space->host_address(c), before) << "only 4 KiB pages move";
}

TEST(DemandSpaceTest, PassThroughHasNothingToBeAbsentFrom) {
  EXPECT_THROW(Bench(TranslationKind::kPassThrough, 0), HarnessError);
}

}  // namespace
}  // namespace siov::guest
