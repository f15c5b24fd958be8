// SPDX-License-Identifier: Apache-2.0
// Paging modes, page sizes, rights, accessed and dirty bits.
#include <gtest/gtest.h>

#include <boost/random/mersenne_twister.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <map>

#include "bench.hpp"

namespace siov::iommu::test {
namespace {

using tables::PageSize;
using tables::PasidSpec;

struct Mode {
  const char* name;
  Kind kind;
  unsigned first_levels;
  unsigned second_levels;
  PageSize first_size;
  PageSize second_size;
};

const Mode kModes[] = {
    {"FirstStage4Level4K", Kind::kFirstStage, 4, 4, PageSize::k4K, PageSize::k4K},
    {"FirstStage4Level2M", Kind::kFirstStage, 4, 4, PageSize::k2M, PageSize::k4K},
    {"FirstStage4Level1G", Kind::kFirstStage, 4, 4, PageSize::k1G, PageSize::k4K},
    {"FirstStage5Level4K", Kind::kFirstStage, 5, 4, PageSize::k4K, PageSize::k4K},
    {"FirstStage5Level2M", Kind::kFirstStage, 5, 4, PageSize::k2M, PageSize::k4K},
    {"FirstStage5Level1G", Kind::kFirstStage, 5, 4, PageSize::k1G, PageSize::k4K},
    {"SecondStage3Level4K", Kind::kSecondStage, 4, 3, PageSize::k4K, PageSize::k4K},
    {"SecondStage3Level2M", Kind::kSecondStage, 4, 3, PageSize::k4K, PageSize::k2M},
    {"SecondStage3Level1G", Kind::kSecondStage, 4, 3, PageSize::k4K, PageSize::k1G},
    {"SecondStage4Level4K", Kind::kSecondStage, 4, 4, PageSize::k4K, PageSize::k4K},
    {"SecondStage4Level2M", Kind::kSecondStage, 4, 4, PageSize::k4K, PageSize::k2M},
    {"SecondStage4Level1G", Kind::kSecondStage, 4, 4, PageSize::k4K, PageSize::k1G},
    {"SecondStage5Level4K", Kind::kSecondStage, 4, 5, PageSize::k4K, PageSize::k4K},
    {"SecondStage5Level2M", Kind::kSecondStage, 4, 5, PageSize::k4K, PageSize::k2M},
    {"SecondStage5Level1G", Kind::kSecondStage, 4, 5, PageSize::k4K, PageSize::k1G},
    {"Nested4On4Small", Kind::kNested, 4, 4, PageSize::k4K, PageSize::k4K},
    {"Nested4On4LargeOnSmall", Kind::kNested, 4, 4, PageSize::k2M, PageSize::k4K},
    {"Nested4On3SmallOnLarge", Kind::kNested, 4, 3, PageSize::k4K, PageSize::k2M},
    {"Nested5On5LargeOnLarge", Kind::kNested, 5, 5, PageSize::k2M, PageSize::k2M},
    {"Nested5On4", Kind::kNested, 5, 4, PageSize::k4K, PageSize::k4K},
    {"Nested4On5Gigabyte", Kind::kNested, 4, 5, PageSize::k1G, PageSize::k2M},
};

/// One large region mapped in one mode; every 4 KiB page of it must end where plain arithmetic
/// says.
class PagingModeTest : public testing::TestWithParam<Mode> {
 protected:
  /// Writes through the unit, then looks for the bytes in physical memory, and back.
  static void expect_same_byte(Bench& bench, Iova iova, Hpa expected) {
    bench.iova = iova;
    const std::uint64_t mark = 0xA5A5'0000'0000'0000 ^ iova.value;
    ASSERT_EQ(bench.write(mark), DmaStatus::kSuccess) << std::hex << iova.value;
    EXPECT_EQ(bench.word(expected), mark);
    std::array<std::byte, 8> seen{};
    ASSERT_EQ(bench.unit.read(bench.request(), seen), DmaStatus::kSuccess);
    EXPECT_TRUE(std::ranges::equal(seen, std::as_bytes(std::span(&mark, 1))));
    std::array<std::byte, 8> peeked{};
    EXPECT_TRUE(bench.unit.peek(kPasid, iova, peeked));
    EXPECT_TRUE(std::ranges::equal(seen, peeked));
    EXPECT_TRUE(bench.unit.writable(kPasid, iova, 8));
  }
};

TEST_P(PagingModeTest, MapsEveryOffsetOfTheRegion) {
  const Mode& mode = GetParam();
  Bench bench(mode.kind, {}, {mode.first_levels, mode.second_levels, false, false});
  const bool five = mode.first_levels == 5;
  const Iova base{mode.kind == Kind::kSecondStage ? std::uint64_t{0x40} << 30
                  : five                          ? 0x00AB'CDC0'0000'0000
                                                  : 0x0000'1240'0000'0000};
  const PageSize outer = mode.kind == Kind::kSecondStage ? mode.second_size : mode.first_size;
  const std::uint64_t bytes = tables::bytes_of(outer);
  Hpa start;
  if (mode.kind == Kind::kFirstStage) {
    start = bench.frames.allocate(bytes);
    bench.process->map(base, start, mode.first_size);
  } else if (mode.kind == Kind::kSecondStage) {
    start = bench.frames.allocate(bytes);
    bench.vm->map(Gpa{base.value}, start, mode.second_size);
  } else {
    // Guest memory beyond the small VM of the bench, at GPA 1 GiB: contiguous, so that arithmetic
    // predicts it.
    start = bench.frames.allocate_range(std::max(bytes, tables::bytes_of(mode.second_size)),
                                        tables::bytes_of(PageSize::k1G));
    const Gpa guest{std::uint64_t{1} << 30};
    const std::uint64_t step = tables::bytes_of(mode.second_size);
    for (std::uint64_t at = 0; at == 0 || at < bytes; at += step) {
      bench.vm->map(guest + at, start + at, mode.second_size);
    }
    bench.guest_process->map(base, guest, mode.first_size);
  }
  expect_same_byte(bench, base, start);
  expect_same_byte(bench, base + (bytes - 8), start + (bytes - 8));
  expect_same_byte(bench, base + (bytes / 2 + 0x120), start + (bytes / 2 + 0x120));
  bench.iova = base + bytes;
  EXPECT_EQ(bench.read(),
            DmaStatus::kUnsupportedRequest);  // the byte after the region is not mapped
  bench.iova = base - 8;
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
}

INSTANTIATE_TEST_SUITE_P(EachMode, PagingModeTest, testing::ValuesIn(kModes),
                         [](const testing::TestParamInfo<Mode>& info) { return info.param.name; });

TEST(FirstStageTest, HandWrittenTablesTranslateAsTheBitsSay) {
  // No builder: the four entries are typed in.
  Bench bench(Kind::kFirstStage);
  const Hpa pml4 = bench.frames.allocate();
  const Hpa pdpt = bench.frames.allocate();
  const Hpa pd = bench.frames.allocate();
  const Hpa pt = bench.frames.allocate();
  const Hpa page = bench.frames.allocate();
  // IOVA 0000_0080_C060_4ABCh: bits 47:39 = 1, 38:30 = 3, 29:21 = 3, 20:12 = 4, offset ABCh
  // (computed by hand).
  bench.poke(pml4 + 1 * 8, 0, pdpt.value | 7);
  bench.poke(pdpt + 3 * 8, 0, pd.value | 7);
  bench.poke(pd + 3 * 8, 0, pt.value | 7);
  bench.poke(pt + 4 * 8, 0, page.value | 7);
  bench.poke(bench.entry() + 16, ~std::uint64_t{0}, pml4.value);
  bench.poke(page + 0xAB8, 0, 0x1122'3344'5566'7788);
  port::DmaRequest request = bench.request();
  request.address = Iova{0x0000'0080'C060'4ABC};
  std::array<std::byte, 2> out{};
  ASSERT_EQ(bench.unit.read(request, out), DmaStatus::kSuccess);
  EXPECT_EQ(out[0], std::byte{0x44});  // byte 4 of the quadword at AB8h
  EXPECT_EQ(out[1], std::byte{0x33});
  // Accessed bits everywhere, dirty nowhere after a read: 7 | 20h.
  EXPECT_EQ(bench.word(pml4 + 1 * 8) & 0xFFF, 0x27u);
  EXPECT_EQ(bench.word(pdpt + 3 * 8) & 0xFFF, 0x27u);
  EXPECT_EQ(bench.word(pd + 3 * 8) & 0xFFF, 0x27u);
  EXPECT_EQ(bench.word(pt + 4 * 8) & 0xFFF, 0x27u);
  ASSERT_EQ(bench.unit.write(request, out), DmaStatus::kSuccess);
  EXPECT_EQ(bench.word(pd + 3 * 8) & 0xFFF, 0x27u);
  EXPECT_EQ(bench.word(pt + 4 * 8) & 0xFFF, 0x67u);  // D in the leaf only
}

TEST(AccessedDirtyTest, ReadThenWriteSetsDirtyAlthoughTheReadIsCached) {
  Bench bench(Kind::kFirstStage);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  EXPECT_EQ(bench.word(bench.first(1)) & 0x60, 0x20u);
  EXPECT_EQ(bench.write(), DmaStatus::kSuccess);
  EXPECT_EQ(bench.word(bench.first(1)) & 0x60, 0x60u);
}

TEST(AccessedDirtyTest, RefusedRequestSetsNothingInTheLeaf) {
  Bench bench(Kind::kFirstStage);
  bench.poke(bench.first(1), 2, 0);
  EXPECT_EQ(bench.write(), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.word(bench.first(1)) & 0x60, 0u);
}

TEST(AccessedDirtyTest, ExtendedAccessedOnlyWhenEnabled) {
  IommuConfig config;
  config.extended_accessed = true;
  Bench bench(Kind::kFirstStage, config);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  EXPECT_EQ(bench.word(bench.first(1)) & 0x420, 0x020u);
  bench.poke(bench.entry() + 16, 0, 0x80);  // EAFE
  bench.drop_everything();
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  EXPECT_EQ(bench.word(bench.first(1)) & 0x420, 0x420u);
  EXPECT_EQ(bench.word(bench.first(4)) & 0x420, 0x420u);
}

TEST(AccessedDirtyTest, SecondStageBitsOnlyWithSsade) {
  Bench off(Kind::kSecondStage);
  EXPECT_EQ(off.write(), DmaStatus::kSuccess);
  EXPECT_EQ(off.word(off.second(Gpa{off.iova.value})) & 0x300, 0u);

  Bench on(Kind::kSecondStage, {}, {4, 4, true, false});
  EXPECT_EQ(on.read(), DmaStatus::kSuccess);
  EXPECT_EQ(on.word(on.second(Gpa{on.iova.value}, 4)) & 0x300, 0x100u);
  EXPECT_EQ(on.word(on.second(Gpa{on.iova.value})) & 0x300, 0x100u);
  EXPECT_EQ(on.write(), DmaStatus::kSuccess);
  EXPECT_EQ(on.word(on.second(Gpa{on.iova.value}, 4)) & 0x300, 0x100u);
  EXPECT_EQ(on.word(on.second(Gpa{on.iova.value})) & 0x300, 0x300u);
}

TEST(AccessedDirtyTest, NestedWalkMarksPagesOfGuestTablesDirtyWhenItWritesThem) {
  Bench bench(Kind::kNested, {}, {4, 4, true, false});
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  EXPECT_EQ(bench.word(bench.first(1)) & 0x60, 0x20u);
  EXPECT_EQ(bench.word(bench.second(bench.guest_table(1))) & 0x300,
            0x300u);                                                    // A was set in that page
  EXPECT_EQ(bench.word(bench.second(bench.data_gpa)) & 0x300, 0x100u);  // data was only read
  EXPECT_EQ(bench.write(), DmaStatus::kSuccess);
  EXPECT_EQ(bench.word(bench.second(bench.data_gpa)) & 0x300, 0x300u);
}

TEST(AccessedDirtyTest, PresetBitsNeedNoSnoopedWalk) {
  Bench bench(Kind::kFirstStage);
  bench.poke(bench.entry() + 8, std::uint64_t{1} << 23, 0);  // PWSNP=0
  for (unsigned level = 1; level <= 4; ++level)
    bench.poke(bench.first(level), 0, 0x60 & ~(level > 1 ? 0x40 : 0));
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  EXPECT_EQ(bench.write(), DmaStatus::kSuccess);
}

TEST(AccessedDirtyTest, PeekSetsNothing) {
  Bench bench(Kind::kNested, {}, {4, 4, true, false});
  std::array<std::byte, 16> out{};
  EXPECT_TRUE(bench.unit.peek(kPasid, bench.iova, out));
  EXPECT_TRUE(bench.unit.writable(kPasid, bench.iova, 4096));
  EXPECT_EQ(bench.word(bench.first(1)) & 0x60, 0u);
  EXPECT_EQ(bench.word(bench.second(bench.data_gpa)) & 0x300, 0u);
  EXPECT_EQ(bench.unit.statistics().iotlb_misses, 0u);
}

TEST(RightsTest, SupervisorIgnoresUserBitAndWriteBitWithoutWriteProtect) {
  Bench bench(Kind::kFirstStage, {}, {4, 4, false, true});
  bench.privileged = true;
  bench.poke(bench.first(1), 6, 0);  // R/W = U/S = 0
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  EXPECT_EQ(bench.write(), DmaStatus::kSuccess);
  bench.privileged = false;
  EXPECT_EQ(bench.read(),
            DmaStatus::kUnsupportedRequest);  // the cached supervisor right is not the user's
  EXPECT_EQ(bench.fault_code(), 0x81u);
}

TEST(RightsTest, ZeroLengthReadOfWriteOnlyPageNeedsZlr) {
  Bench with(Kind::kSecondStage);
  with.poke(with.second(Gpa{with.iova.value}), 1, 0);
  EXPECT_EQ(with.flush(), DmaStatus::kSuccess);
  EXPECT_EQ(with.read(), DmaStatus::kUnsupportedRequest);

  IommuConfig config;
  config.zero_length_read = false;
  Bench without(Kind::kSecondStage, config);
  without.poke(without.second(Gpa{without.iova.value}), 1, 0);
  EXPECT_EQ(without.flush(), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(without.fault_code(), 0x86u);
}

TEST(RightsTest, ZeroLengthReadNeedsARightThatBothStagesGrant) {
  Bench bench(Kind::kNested);
  bench.poke(bench.second(bench.data_gpa), 1, 0);  // second stage: write only
  EXPECT_EQ(bench.flush(), DmaStatus::kSuccess);
  bench.poke(bench.first(1), 2, 0);  // first stage: read only
  bench.drop_everything();
  EXPECT_EQ(bench.flush(), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(), 0x86u);
}

TEST(RightsTest, LargePageAcrossTheInterruptRangeIsUsableOutsideItOnly) {
  // 2 MiB page FEE0_0000h: its second megabyte FEF0_0000h.. is ordinary address space (no RAM here:
  // UR without fault).
  Bench bench(Kind::kPassThrough);
  bench.iova = Iova{0xFEF0'0000};
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_FALSE(bench.unit.fault_log().pending());
  bench.iova = Iova{0xFEE0'0000};
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(), 0x87u);
}

/// Random maps and unmaps against a plain map<page, frame>: a second opinion that knows nothing of
/// page tables.
class RandomMappingTest : public testing::TestWithParam<Kind> {};

TEST_P(RandomMappingTest, AgreesWithAPlainMap) {
  Bench bench(GetParam());
  boost::random::mt19937_64 engine(20240607);
  const auto below = [&engine](std::uint64_t n) {
    return boost::random::uniform_int_distribution<std::uint64_t>(0, n - 1)(engine);
  };
  std::map<std::uint64_t, std::uint64_t> shadow;  // iova page -> host page
  const std::uint64_t base = std::uint64_t{1} << 34;
  for (int step = 0; step < 4000; ++step) {
    const std::uint64_t iova = base + below(64) * 4096 + below(4) * (std::uint64_t{1} << 30);
    if (below(4) == 0) {
      if (shadow.erase(iova) != 0) {
        if (bench.process) {
          EXPECT_TRUE(bench.process->unmap(Iova{iova}));
          bench.software.p_iotlb_page(kDomain, kPasid, Iova{iova});
        } else if (bench.guest_process) {
          EXPECT_TRUE(bench.guest_process->unmap(Iova{iova}));
          bench.software.p_iotlb_page(kDomain, kPasid, Iova{iova});
        } else {
          EXPECT_TRUE(bench.vm->unmap(Gpa{iova}));
          bench.software.iotlb_page(kDomain, Iova{iova});
        }
      } else if (bench.guest_process) {
        const Gpa page{4096 * (100 + below(100))};  // tables are allocated from the bottom
        bench.guest_process->map(Iova{iova}, page, PageSize::k4K);
        shadow[iova] = bench.guest->host_address(page).value().value;
      } else {
        const Hpa page{0x4000'0000 + below(1000) * 4096};
        if (bench.process)
          bench.process->map(Iova{iova}, page, PageSize::k4K);
        else
          bench.vm->map(Gpa{iova}, page, PageSize::k4K);
        shadow[iova] = page.value;
      }
    }
    bench.iova = Iova{iova + below(512) * 8};
    std::array<std::byte, 8> out{};
    const auto found = shadow.find(iova);
    const DmaStatus status = bench.unit.read(bench.request(), out);
    if (found == shadow.end()) {
      ASSERT_EQ(status, DmaStatus::kUnsupportedRequest) << step;
      ASSERT_FALSE(bench.unit.peek(kPasid, bench.iova, out));
      bench.unit.fault_log().clear_all();
    } else {
      ASSERT_EQ(status, DmaStatus::kSuccess) << step;
      std::array<std::byte, 8> direct{};
      ASSERT_TRUE(bench.memory.read(Hpa{found->second + bench.iova.page_offset()}, direct));
      ASSERT_EQ(out, direct);
      ASSERT_EQ(bench.write(engine()), DmaStatus::kSuccess);
    }
  }
  EXPECT_GT(bench.unit.statistics().iotlb_hits, 100u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, RandomMappingTest,
                         testing::Values(Kind::kFirstStage, Kind::kSecondStage, Kind::kNested));

}  // namespace
}  // namespace siov::iommu::test
