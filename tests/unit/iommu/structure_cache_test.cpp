// SPDX-License-Identifier: Apache-2.0
// Paging-structure caches: stale until invalidated, and by exactly what. vtd.md 5.3, 8
#include <gtest/gtest.h>

#include "bench.hpp"
#include "iommu/interrupt_table_builder.hpp"

namespace siov::iommu::test {
namespace {

constexpr std::uint64_t kFrameBits = 0x000F'FFFF'FFFF'F000;
constexpr std::uint16_t kOther = 6;

/// Two pages below one PDE. The first has been used; then the PDE is made to name another table, in
/// which the second page lies elsewhere. Whether the second page is found in the old or the new
/// place shows where the walk went.
struct Moved {
  explicit Moved(Kind kind) : bench(kind) {
    neighbour = bench.iova + 4096;
    old_frame = bench.frames.allocate();
    new_frame = bench.frames.allocate();
    if (kind == Kind::kFirstStage) {
      bench.process->map(neighbour, old_frame, tables::PageSize::k4K);
      directory = bench.first(2);
    } else {
      bench.vm->map(Gpa{neighbour.value}, old_frame, tables::PageSize::k4K);
      directory = bench.second(Gpa{bench.iova.value}, 2);
    }
    EXPECT_EQ(bench.read(), DmaStatus::kSuccess);  // fills IOTLB and paging-structure cache
    const Hpa fresh = bench.frames.allocate();
    const unsigned index = static_cast<unsigned>(neighbour.value >> 12 & 0x1FF);
    const std::uint64_t flags = kind == Kind::kFirstStage ? 7 : 3;
    EXPECT_TRUE(bench.memory.write64(fresh + index * 8, new_frame.value | flags));
    bench.poke(directory, kFrameBits, fresh.value);
  }
  /// Reads the second page.
  bool stale() {
    (void)bench.memory.write64(old_frame, 1);
    (void)bench.memory.write64(new_frame, 2);
    port::DmaRequest request = bench.request();
    request.address = neighbour;
    std::uint64_t value = 0;
    EXPECT_EQ(bench.unit.read(request, std::as_writable_bytes(std::span(&value, 1))),
              DmaStatus::kSuccess);
    return value == 1;
  }
  Bench bench;
  Iova neighbour;
  Hpa old_frame;
  Hpa new_frame;
  Hpa directory;
};

struct Invalidation {
  const char* name;
  Kind kind;
  void (*run)(Software&, Iova);
  bool drops;
};
void PrintTo(const Invalidation& i, std::ostream* out) { *out << i.name; }

// clang-format off
const Invalidation kInvalidations[] = {
    {"FirstNothing", Kind::kFirstStage, [](Software&, Iova) {}, false},
    {"FirstContextGlobal", Kind::kFirstStage, [](Software& s, Iova) { s.context_global(); }, false},
    {"FirstPasidCacheGlobal", Kind::kFirstStage, [](Software& s, Iova) { s.pasid_cache_global(); }, false},
    {"FirstIotlbGlobal", Kind::kFirstStage, [](Software& s, Iova) { s.iotlb_global(); }, true},
    {"FirstIotlbDomain", Kind::kFirstStage, [](Software& s, Iova) { s.iotlb_domain(kDomain); }, true},
    {"FirstIotlbOtherDomain", Kind::kFirstStage, [](Software& s, Iova) { s.iotlb_domain(kOther); }, false},
    {"FirstIotlbPageElsewhere", Kind::kFirstStage, [](Software& s, Iova) { s.iotlb_page(kDomain, Iova{0x1000}); }, true},
    {"FirstIotlbPageLeafOnly", Kind::kFirstStage, [](Software& s, Iova) { s.iotlb_page(kDomain, Iova{0x1000}, 0, true); }, true},
    {"FirstPasidIotlb", Kind::kFirstStage, [](Software& s, Iova) { s.p_iotlb_pasid(kDomain, kPasid); }, true},
    {"FirstPasidIotlbOtherPasid", Kind::kFirstStage, [](Software& s, Iova) { s.p_iotlb_pasid(kDomain, Pasid{1}); }, false},
    {"FirstPasidIotlbOtherDomain", Kind::kFirstStage, [](Software& s, Iova) { s.p_iotlb_pasid(kOther, kPasid); }, false},
    {"FirstPasidIotlbPage", Kind::kFirstStage, [](Software& s, Iova a) { s.p_iotlb_page(kDomain, kPasid, a); }, true},
    {"FirstPasidIotlbPageLeafOnly", Kind::kFirstStage, [](Software& s, Iova a) { s.p_iotlb_page(kDomain, kPasid, a, 0, true); }, false},
    {"FirstPasidIotlbPageSameTable", Kind::kFirstStage, [](Software& s, Iova a) { s.p_iotlb_page(kDomain, kPasid, a + 0x8'0000); }, true},
    {"FirstPasidIotlbPageOtherPasid", Kind::kFirstStage, [](Software& s, Iova a) { s.p_iotlb_page(kDomain, Pasid{1}, a); }, false},
    {"FirstTranslationOff", Kind::kFirstStage, [](Software& s, Iova) { s.translation(false); s.translation(true); }, true},
    {"SecondNothing", Kind::kSecondStage, [](Software&, Iova) {}, false},
    {"SecondIotlbGlobal", Kind::kSecondStage, [](Software& s, Iova) { s.iotlb_global(); }, true},
    {"SecondIotlbDomain", Kind::kSecondStage, [](Software& s, Iova) { s.iotlb_domain(kDomain); }, true},
    {"SecondIotlbOtherDomain", Kind::kSecondStage, [](Software& s, Iova) { s.iotlb_domain(kOther); }, false},
    {"SecondIotlbPage", Kind::kSecondStage, [](Software& s, Iova a) { s.iotlb_page(kDomain, a); }, true},
    {"SecondIotlbPageLeafOnly", Kind::kSecondStage, [](Software& s, Iova a) { s.iotlb_page(kDomain, a, 0, true); }, false},
    {"SecondIotlbPageMask", Kind::kSecondStage, [](Software& s, Iova a) { s.iotlb_page(kDomain, Iova{a.value & ~0x3FFF'FFFFull}, 18); }, true},
    // p_iotlb leaves the second-stage paging-structure cache alone.
    {"SecondPasidIotlb", Kind::kSecondStage, [](Software& s, Iova) { s.p_iotlb_pasid(kDomain, kPasid); }, false},
    {"SecondPasidIotlbPage", Kind::kSecondStage, [](Software& s, Iova a) { s.p_iotlb_page(kDomain, kPasid, a); }, false},
};
// clang-format on

class StructureCacheTest : public testing::TestWithParam<Invalidation> {};

TEST_P(StructureCacheTest, DropsExactlyWhatTheTableSays) {
  Moved moved(GetParam().kind);
  GetParam().run(moved.bench.software, moved.neighbour);
  EXPECT_EQ(moved.stale(), !GetParam().drops);
}

INSTANTIATE_TEST_SUITE_P(EachGranularity, StructureCacheTest, testing::ValuesIn(kInvalidations),
                         [](const testing::TestParamInfo<Invalidation>& i) {
                           return i.param.name;
                         });

TEST(StructureWalkTest, PageFarAwayDropsTheLevelsThatCoverItOnly) {
  // Next PDE of the same PDPTE: the entries of levels 3 and 4 go, the one of level 2 stays.
  Moved moved(Kind::kSecondStage);
  moved.bench.software.iotlb_page(kDomain, moved.neighbour + 0x20'0000);
  EXPECT_TRUE(moved.stale());
}

TEST(StructureWalkTest, SavesStepsOfTheWalk) {
  Bench bench(Kind::kFirstStage);
  bench.process->map(bench.iova + 4096, bench.frame, tables::PageSize::k4K);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  EXPECT_EQ(bench.unit.statistics().structure_hits, 0u);
  bench.iova = bench.iova + 4096;
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  EXPECT_EQ(bench.unit.statistics().structure_hits, 3u);  // PML4E, PDPTE, PDE
}

TEST(StructureWalkTest, RightsOfUpperLevelsHoldForCachedEntries) {
  Bench bench(Kind::kFirstStage);
  bench.process->map(bench.iova + 4096, bench.frame, tables::PageSize::k4K);
  bench.poke(bench.first(3), 2, 0);  // the PDPTE does not allow writes
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  bench.iova = bench.iova + 4096;
  EXPECT_EQ(bench.write(), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(), 0x85u);
}

TEST(StructureWalkTest, MissingRightIsLookedUpInMemoryBeforeAFault) {
  Bench bench(Kind::kFirstStage);
  bench.process->map(bench.iova + 4096, bench.frame, tables::PageSize::k4K);
  bench.poke(bench.first(3), 2, 0);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  bench.poke(bench.first(3), 0, 2);  // more rights need no invalidation
  bench.iova = bench.iova + 4096;
  EXPECT_EQ(bench.write(), DmaStatus::kSuccess);
}

TEST(StructureWalkTest, RefusedWalkFillsNothing) {
  Bench bench(Kind::kFirstStage);
  bench.iova = bench.iova + 4096;  // not mapped, same tables
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  bench.process->map(bench.iova, bench.frame, tables::PageSize::k4K);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  EXPECT_EQ(bench.unit.statistics().structure_hits, 0u);
}

TEST(StructureWalkTest, CanBeLeftOut) {
  IommuConfig config;
  config.structure_entries = 0;
  Bench bench(Kind::kNested, config);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  bench.software.iotlb_page(kDomain, Iova{0x1000}, 0, true);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  EXPECT_EQ(bench.unit.statistics().structure_hits, 0u);
  config.structure_entries = 3;
  EXPECT_THROW(Bench(Kind::kNested, config), HarnessError);
}

TEST(StructureWalkTest, ViewLooksAtMemory) {
  Moved moved(Kind::kFirstStage);
  (void)moved.bench.memory.write64(moved.new_frame, 2);
  std::uint64_t value = 0;
  EXPECT_TRUE(
      moved.bench.unit.peek(kPasid, moved.neighbour, std::as_writable_bytes(std::span(&value, 1))));
  EXPECT_EQ(value, 2u);
}

// Caching mode. vtd.md 8.4

IommuConfig caching() {
  IommuConfig config;
  config.caching_mode = true;
  return config;
}

TEST(CachingModeTest, AbsentPasidEntryIsRememberedUnderDomain0) {
  Bench bench(Kind::kFirstStage, caching());
  bench.poke(bench.entry(), 1, 0);
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  bench.poke(bench.entry(), 0, 1);
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(1), 0x59u);
  bench.software.pasid_cache_domain(kDomain);
  bench.software.pasid_cache_pasid(0, Pasid{1});
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  bench.software.pasid_cache_pasid(0, kPasid);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
}

TEST(CachingModeTest, DomainSelectiveOfDomain0DropsAbsentEntries) {
  Bench bench(Kind::kFirstStage, caching());
  bench.poke(bench.entry(), 1, 0);
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  bench.poke(bench.entry(), 0, 1);
  bench.software.pasid_cache_domain(0);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
}

TEST(CachingModeTest, AbsentContextIsRemembered) {
  Bench bench(Kind::kFirstStage, caching());
  bench.poke(bench.context(), 1, 0);
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  bench.poke(bench.context(), 0, 1);
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  bench.software.context_device(RequesterId{0x8191});
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  bench.software.context_device(kRid);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
}

TEST(CachingModeTest, AbsentSecondStagePageIsRememberedFirstStageIsNot) {
  Bench second(Kind::kSecondStage, caching());
  second.iova = second.iova + 4096;
  EXPECT_EQ(second.read(), DmaStatus::kUnsupportedRequest);
  second.vm->map(Gpa{second.iova.value}, second.frame, tables::PageSize::k4K);
  EXPECT_EQ(second.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(second.fault_code(1), 0x79u);
  second.software.iotlb_page(kDomain, second.iova + 4096);
  EXPECT_EQ(second.read(), DmaStatus::kUnsupportedRequest);
  second.software.iotlb_page(kDomain, second.iova);
  EXPECT_EQ(second.read(), DmaStatus::kSuccess);

  Bench first(Kind::kFirstStage, caching());
  first.iova = first.iova + 4096;
  EXPECT_EQ(first.read(), DmaStatus::kUnsupportedRequest);
  first.process->map(first.iova, first.frame, tables::PageSize::k4K);
  EXPECT_EQ(first.read(), DmaStatus::kSuccess);
}

TEST(CachingModeTest, WithoutItNothingAbsentIsRemembered) {
  Bench bench(Kind::kSecondStage);
  bench.poke(bench.entry(), 1, 0);
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  bench.poke(bench.entry(), 0, 1);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  bench.iova = bench.iova + 4096;
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  bench.vm->map(Gpa{bench.iova.value}, bench.frame, tables::PageSize::k4K);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
}

TEST(CachingModeTest, AbsentInterruptEntryIsRemembered) {
  Bench bench(Kind::kFirstStage, caching());
  tables::InterruptTable table(bench.memory, bench.frames, 7);
  bench.software.set_interrupt_table(table.root().value | 1u << 11 | 7);
  bench.software.interrupt_remapping(true);
  const tables::Message message = tables::InterruptTable::message(9);
  port::DmaRequest request;
  request.requester = kRid;
  request.address = Iova{message.address};
  const auto send = [&] {
    return bench.unit.write(request, std::as_bytes(std::span(&message.data, 1)));
  };
  EXPECT_EQ(send(), DmaStatus::kUnsupportedRequest);
  table.set_remapped(9, {.vector = 1, .rule = {tables::SourceCheck::kRequester, 0, kRid}});
  EXPECT_EQ(send(), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(1), 0x22u);
  bench.software.interrupt_entries(8);
  EXPECT_EQ(send(), DmaStatus::kUnsupportedRequest);
  bench.software.interrupt_entries(8, 1);  // IM = 1: 8 and 9
  EXPECT_EQ(send(), DmaStatus::kSuccess);
}

}  // namespace
}  // namespace siov::iommu::test
