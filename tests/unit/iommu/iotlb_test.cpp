// SPDX-License-Identifier: Apache-2.0
// Caches: stale until invalidated, dropped exactly as wide as asked, never shared between PASIDs.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

#include "bench.hpp"

namespace siov::iommu::test {
namespace {

using tables::PageSize;
using tables::PasidSpec;

/// Moves the mapped page to another frame in memory only. @return the new frame
Hpa remap(Bench& b) {
  const Hpa entry = b.kind == Kind::kFirstStage ? b.first(1) : b.second(Gpa{b.iova.value});
  const Hpa frame = b.frames.allocate();
  b.poke(entry, 0x000F'FFFF'FFFF'F000, frame.value);
  return frame;
}

/// Whether a write now ends in the given frame.
bool writes_to(Bench& b, Hpa frame) {
  static std::uint64_t mark = 0x1000;
  EXPECT_EQ(b.write(++mark), DmaStatus::kSuccess);
  return b.word(frame) == mark;
}

struct Invalidation {
  const char* name;
  Kind kind;
  void (*run)(Bench&);
  bool drops;
};

constexpr std::uint16_t kOther = 6;

// clang-format off
const Invalidation kInvalidations[] = {
    {"Nothing", Kind::kFirstStage, [](Bench&) {}, false},
    {"ContextGlobal", Kind::kFirstStage,
     [](Bench& b) { b.software.context_global(); }, false},
    {"PasidCacheGlobal", Kind::kFirstStage,
     [](Bench& b) { b.software.pasid_cache_global(); }, false},
    {"IotlbGlobal", Kind::kFirstStage, [](Bench& b) { b.software.iotlb_global(); }, true},
    {"IotlbDomain", Kind::kFirstStage,
     [](Bench& b) { b.software.iotlb_domain(kDomain); }, true},
    {"IotlbOtherDomain", Kind::kFirstStage,
     [](Bench& b) { b.software.iotlb_domain(kOther); }, false},
    // Page-selective IOTLB drops all first-stage entries of the domain, whatever the address.
    {"IotlbPageElsewhereFirstStage", Kind::kFirstStage,
     [](Bench& b) { b.software.iotlb_page(kDomain, Iova{0x1000}); }, true},
    {"IotlbPageOtherDomainFirstStage", Kind::kFirstStage,
     [](Bench& b) { b.software.iotlb_page(kOther, b.iova); }, false},
    {"IotlbPageSecondStage", Kind::kSecondStage,
     [](Bench& b) { b.software.iotlb_page(kDomain, b.iova); }, true},
    {"IotlbPageElsewhereSecondStage", Kind::kSecondStage,
     [](Bench& b) { b.software.iotlb_page(kDomain, b.iova + 4096); }, false},
    {"IotlbPageMaskSecondStage", Kind::kSecondStage,  // AM=9: the 2 MiB around
     [](Bench& b) { b.software.iotlb_page(kDomain, Iova{b.iova.value & ~0x1F'FFFFull}, 9); },
     true},
    {"IotlbPageNextTwoMegabytesSecondStage", Kind::kSecondStage,
     [](Bench& b) {
       b.software.iotlb_page(kDomain, Iova{(b.iova.value & ~0x1F'FFFFull) + 0x20'0000}, 9);
     },
     false},
    {"PasidIotlb", Kind::kFirstStage,
     [](Bench& b) { b.software.p_iotlb_pasid(kDomain, kPasid); }, true},
    {"PasidIotlbSecondStage", Kind::kSecondStage,
     [](Bench& b) { b.software.p_iotlb_pasid(kDomain, kPasid); }, true},
    {"PasidIotlbOtherPasid", Kind::kFirstStage,
     [](Bench& b) { b.software.p_iotlb_pasid(kDomain, Pasid{0x12344}); }, false},
    {"PasidIotlbOtherDomain", Kind::kFirstStage,
     [](Bench& b) { b.software.p_iotlb_pasid(kOther, kPasid); }, false},
    {"PasidIotlbPage", Kind::kFirstStage,
     [](Bench& b) { b.software.p_iotlb_page(kDomain, kPasid, b.iova); }, true},
    {"PasidIotlbPageElsewhere", Kind::kFirstStage,
     [](Bench& b) { b.software.p_iotlb_page(kDomain, kPasid, b.iova + 4096); }, false},
    // p_iotlb by page does not match second-stage entries.
    {"PasidIotlbPageSecondStage", Kind::kSecondStage,
     [](Bench& b) { b.software.p_iotlb_page(kDomain, kPasid, b.iova); }, false},
    {"TranslationOffAndOn", Kind::kFirstStage,
     [](Bench& b) { b.software.translation(false); b.software.translation(true); }, true},
    {"SetRootTable", Kind::kFirstStage,  // ESRTPS
     [](Bench& b) { b.set_root_table(b.tables.root(), TranslationTableMode::kScalable); },
     true},
};
// clang-format on

void PrintTo(const Invalidation& i, std::ostream* out) { *out << i.name; }

class IotlbInvalidationTest : public testing::TestWithParam<Invalidation> {};

TEST_P(IotlbInvalidationTest, DropsExactlyWhatItsGranularitySays) {
  Bench bench(GetParam().kind);
  ASSERT_TRUE(writes_to(bench, bench.frame));
  const Hpa fresh = remap(bench);
  EXPECT_TRUE(writes_to(bench, bench.frame)) << "the old translation must hold until invalidated";
  GetParam().run(bench);
  EXPECT_TRUE(writes_to(bench, GetParam().drops ? fresh : bench.frame));
}

INSTANTIATE_TEST_SUITE_P(EachGranularity, IotlbInvalidationTest, testing::ValuesIn(kInvalidations),
                         [](const testing::TestParamInfo<Invalidation>& i) {
                           return i.param.name;
                         });

TEST(IotlbTest, NestedEntryGoesWithPasidPageButNotWithAnotherAddress) {
  Bench bench(Kind::kNested);
  ASSERT_TRUE(writes_to(bench, bench.frame));
  const Gpa other = bench.guest->allocate();
  const Hpa fresh = bench.guest->host_address(other).value();
  bench.poke(bench.first(1), 0x000F'FFFF'FFFF'F000, other.value);
  bench.software.p_iotlb_page(kDomain, kPasid, bench.iova + 4096);
  EXPECT_TRUE(writes_to(bench, bench.frame));
  bench.software.p_iotlb_page(kDomain, kPasid, bench.iova);
  EXPECT_TRUE(writes_to(bench, fresh));
}

TEST(IotlbTest, PageInsideALargePageDropsTheLargePage) {
  Bench bench(Kind::kFirstStage);
  const Hpa big = bench.frames.allocate(memory::kSize2M);
  bench.process->map(Iova{0x4000'0000}, big, PageSize::k2M);
  bench.iova = Iova{0x4000'0000};
  ASSERT_TRUE(writes_to(bench, big));
  const Hpa moved = bench.frames.allocate(memory::kSize2M);
  bench.poke(bench.first(2), 0x000F'FFFF'FFE0'0000, moved.value);
  EXPECT_TRUE(writes_to(bench, big));
  bench.software.p_iotlb_page(kDomain, kPasid, Iova{0x401F'F000});
  EXPECT_TRUE(writes_to(bench, moved));
}

TEST(IotlbTest, MissingRightIsLookedUpAgainInMemory) {
  Bench bench(Kind::kFirstStage);
  bench.poke(bench.first(1), 2, 0);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  bench.poke(bench.first(1), 0, 2);  // more rights need no invalidation
  EXPECT_EQ(bench.write(), DmaStatus::kSuccess);
}

TEST(IotlbTest, NotPresentIsNeverCached) {
  Bench bench(Kind::kFirstStage);
  const Iova free = bench.iova + 0x5000;
  bench.iova = free;
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  bench.process->map(free, bench.frame, PageSize::k4K);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
}

TEST(IotlbTest, SameAddressInTwoPasidsGoesToTwoFrames) {
  Bench bench(Kind::kFirstStage);
  tables::FirstStageTable<Hpa> second(bench.host, 4);
  const Hpa frame = bench.frames.allocate();
  second.map(bench.iova, frame, PageSize::k4K);
  const Pasid other{0x12344};
  bench.tables.set_pasid(kRid, other, PasidSpec::first_stage(second.root(), 4, kDomain));
  for (int round = 0; round < 3; ++round) {
    const std::uint64_t mine = 100 + round;
    const std::uint64_t theirs = 200 + round;
    EXPECT_EQ(bench.write(mine), DmaStatus::kSuccess);
    port::DmaRequest request = bench.request();
    request.pasid = other;
    EXPECT_EQ(bench.unit.write(request, std::as_bytes(std::span(&theirs, 1))), DmaStatus::kSuccess);
    EXPECT_EQ(bench.word(bench.frame), mine);
    EXPECT_EQ(bench.word(frame), theirs);
  }
  port::DmaRequest third = bench.request();
  third.pasid = Pasid{0x12346};
  std::array<std::byte, 4> out{};
  EXPECT_EQ(bench.unit.read(third, out), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(), 0x59u);
}

TEST(IotlbTest, AnotherFunctionDoesNotHitTheEntriesOfTheFirst) {
  Bench bench(Kind::kFirstStage);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  port::DmaRequest request = bench.request();
  request.requester = RequesterId{0x8191};
  std::array<std::byte, 4> out{};
  EXPECT_EQ(bench.unit.read(request, out), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(), 0x41u);
}

TEST(RidPasidTest, RequestsWithoutPasidUseTheEntryOfRidPasidOnly) {
  Bench bench(Kind::kFirstStage);
  const Hpa low = bench.frames.allocate();
  bench.tables.set_pasid(kRid, Pasid{0}, PasidSpec::pass_through(9));
  port::DmaRequest request = bench.request();
  request.pasid.reset();
  request.address = Iova{low.value};
  const std::uint64_t value = 77;
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(bench.unit.write(request, std::as_bytes(std::span(&value, 1))), DmaStatus::kSuccess);
  }
  EXPECT_EQ(bench.word(low), 77u);
  EXPECT_EQ(bench.unit.statistics().iotlb_hits, 1u);
  // The same PASID named explicitly is a fault even with the translation cached (48h), PP=1.
  request.pasid = Pasid{0};
  std::array<std::byte, 4> out{};
  EXPECT_EQ(bench.unit.read(request, out), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(), 0x48u);
}

TEST(RidPasidTest, FaultOfARequestWithoutPasidHasNoPasidInItsRecord) {
  Bench bench(Kind::kFirstStage);
  port::DmaRequest request = bench.request();
  request.pasid.reset();
  std::array<std::byte, 4> out{};
  EXPECT_EQ(bench.unit.read(request, out), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(), 0x51u);  // PASID 0: no table in its directory entry
  EXPECT_EQ(bench.unit.fault_log().raw(0).high & 0x0FFF'FF00'A000'0000, 0u);  // PV, PP, PRIV
}

TEST(RidPasidTest, PasideIsNotAskedForRequestsWithoutPasid) {
  Bench bench(Kind::kFirstStage);
  bench.tables.set_pasid(kRid, Pasid{0}, PasidSpec::pass_through(9));
  bench.poke(bench.context(), 8, 0);
  port::DmaRequest request = bench.request();
  request.pasid.reset();
  request.address = Iova{bench.frame.value};
  std::array<std::byte, 4> out{};
  EXPECT_EQ(bench.unit.read(request, out), DmaStatus::kSuccess);
}

TEST(RidPasidTest, RidPrivMakesThemSupervisorRequests) {
  IommuConfig config;
  config.rid_privilege = true;
  Bench bench(Kind::kFirstStage, config);
  PasidSpec spec = PasidSpec::pass_through(9);
  bench.tables.set_pasid(kRid, Pasid{0}, spec);
  bench.poke(bench.context() + 8, 0, 1u << 20);  // RID_PRIV, bit 84
  port::DmaRequest request = bench.request();
  request.pasid.reset();
  request.address = Iova{bench.frame.value};
  std::array<std::byte, 4> out{};
  EXPECT_EQ(bench.unit.read(request, out), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(), 0x5Du);
  bench.tables.clear_pasid(kRid, Pasid{0});
  spec.supervisor = true;
  bench.tables.set_pasid(kRid, Pasid{0}, spec);
  bench.software.pasid_cache_pasid(9, Pasid{0});
  EXPECT_EQ(bench.unit.read(request, out), DmaStatus::kSuccess);
}

/// PASID cache: a changed entry is seen after the PASID cache and the IOTLB were told, not before.
TEST(PasidCacheTest, KeepsAClearedEntryUntilInvalidated) {
  Bench bench(Kind::kFirstStage);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  bench.tables.clear_pasid(kRid, kPasid);
  bench.software.iotlb_global();
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  bench.software.pasid_cache_pasid(kDomain, Pasid{0x12344});
  bench.software.pasid_cache_pasid(kOther, kPasid);
  bench.software.pasid_cache_domain(kOther);
  bench.software.iotlb_global();
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  bench.software.pasid_cache_pasid(kDomain, kPasid);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);  // the IOTLB still holds the page
  bench.software.p_iotlb_pasid(kDomain, kPasid);
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(), 0x59u);
}

TEST(ContextCacheTest, KeepsAChangedEntryUntilInvalidatedByItsFunction) {
  Bench bench(Kind::kFirstStage);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  bench.poke(bench.context(), 1, 0);
  const auto again = [&bench] {
    bench.software.iotlb_global();
    return bench.read();
  };
  EXPECT_EQ(again(), DmaStatus::kSuccess);
  bench.software.context_device(RequesterId{0x8194}, 0);
  EXPECT_EQ(again(), DmaStatus::kSuccess);
  bench.software.context_device(RequesterId{0x8194}, 1);  // FM=1 ignores bit 2
  EXPECT_EQ(again(), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(), 0x41u);
}

TEST(ContextCacheTest, DomainSelectiveActsAsGlobal) {
  Bench bench(Kind::kFirstStage);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  bench.poke(bench.context(), 1, 0);
  bench.software.context_domain(kOther);
  bench.software.iotlb_global();
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
}

TEST(IotlbTest, SurvivesMoreTranslationsThanItHasEntries) {
  IommuConfig config;
  config.iotlb_entries = 16;
  Bench bench(Kind::kPassThrough, config);
  port::DmaRequest request = bench.request();
  for (std::uint32_t round = 0; round < 2; ++round) {
    for (std::uint64_t i = 0; i < 60; ++i) {
      request.address = Iova{0x1'0000'0000 + (i << 30)};  // one 1 GiB entry each
      const std::uint64_t value = i + 1;
      ASSERT_EQ(bench.unit.write(request, std::as_bytes(std::span(&value, 1))),
                DmaStatus::kSuccess);
    }
  }
  for (std::uint64_t i = 0; i < 60; ++i)
    EXPECT_EQ(bench.word(Hpa{0x1'0000'0000 + (i << 30)}), i + 1);
}

TEST(FilterTest, AddressTypesAreFilteredBeforeTables) {
  Bench bench(Kind::kFirstStage);
  std::array<std::byte, 8> bytes{};
  port::DmaRequest request = bench.request();
  request.at = port::AddressType::kReserved;
  EXPECT_EQ(bench.unit.read(request, bytes), DmaStatus::kUnsupportedRequest);
  request.at = port::AddressType::kTranslationRequest;
  EXPECT_EQ(bench.unit.write(request, bytes), DmaStatus::kUnsupportedRequest);
  request.at = port::AddressType::kTranslated;  // with PASID, no EPTR
  EXPECT_EQ(bench.unit.read(request, bytes), DmaStatus::kUnsupportedRequest);
  EXPECT_FALSE(bench.unit.fault_log().pending());
}

TEST(FilterTest, DeviceTlbDisabledRefusesTranslationAndTranslatedRequests) {
  Bench bench(Kind::kFirstStage);
  std::array<std::byte, 8> bytes{};
  port::DmaRequest request = bench.request();
  request.at = port::AddressType::kTranslationRequest;
  EXPECT_EQ(bench.unit.read(request, bytes), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(), 0x44u);
  EXPECT_EQ(bench.unit.fault_log().raw(0).high >> 60 & 3, 1u);  // AT 125:124
  bench.unit.fault_log().clear_all();
  request.at = port::AddressType::kTranslated;
  request.pasid.reset();
  EXPECT_EQ(bench.unit.write(request, bytes), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(1), 0x44u);
  EXPECT_EQ(bench.unit.fault_log().raw(1).high >> 60 & 3, 2u);
  bench.poke(bench.context(), 0, 1u << 7);  // broken context: translation requests are aborted
  bench.drop_everything();
  request.at = port::AddressType::kTranslationRequest;
  EXPECT_EQ(bench.unit.read(request, bytes), DmaStatus::kCompleterAbort);
}

TEST(FilterTest, TranslatedRequestsPassWithDeviceTlbEnabled) {
  IommuConfig config;
  config.device_tlb = true;
  Bench bench(Kind::kFirstStage, config);
  bench.poke(bench.context(), 0, 1u << 2);  // DTE
  std::array<std::byte, 8> bytes{};
  port::DmaRequest request = bench.request();
  request.at = port::AddressType::kTranslated;
  request.pasid.reset();
  request.address = Iova{bench.frame.value};
  EXPECT_EQ(bench.unit.write(request, bytes), DmaStatus::kSuccess);
  request.address = Iova{std::uint64_t{1} << 46};
  EXPECT_EQ(bench.unit.read(request, bytes), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(0), 0x83u);
  request.address = Iova{0xFEE0'0000};
  EXPECT_EQ(bench.unit.read(request, bytes), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(1), 0x87u);
}

TEST(FilterTest, TranslationOffUsesTheAddressAsItIs) {
  Bench bench(Kind::kFirstStage);
  bench.software.translation(false);
  bench.iova = Iova{bench.frame.value + 0x40};
  EXPECT_EQ(bench.write(0x55AA), DmaStatus::kSuccess);
  EXPECT_EQ(bench.word(bench.frame + 0x40), 0x55AAu);
  port::DmaRequest request = bench.request();
  request.at = port::AddressType::kTranslated;
  std::array<std::byte, 8> bytes{};
  EXPECT_EQ(bench.unit.read(request, bytes), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.unit.statistics().translations, 0u);
}

TEST(FilterTest, RequestAcrossFourKilobytesIsMisuse) {
  Bench bench(Kind::kFirstStage);
  port::DmaRequest request = bench.request();
  request.address = bench.iova + 4092;
  std::array<std::byte, 8> bytes{};
  EXPECT_THROW((void)bench.unit.read(request, bytes), HarnessError);
}

TEST(FilterTest, TranslatedAddressOutsideMemoryIsUnsupportedWithoutFault) {
  Bench bench(Kind::kPassThrough);
  bench.iova = Iova{kNoRam};
  std::array<std::byte, 8> out;
  out.fill(std::byte{0x5A});
  EXPECT_EQ(bench.unit.read(bench.request(), out), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(out[0], std::byte{0x5A});
  EXPECT_FALSE(bench.unit.fault_log().pending());
}

TEST(FaultLogTest, OverflowDropsUntilClearedAndFirstIndexFollowsPending) {
  IommuConfig config;
  config.fault_records = 2;
  Bench bench(Kind::kFirstStage, config);
  FaultLog& log = bench.unit.fault_log();
  int events = 0;
  log.set_event_handler([&events] { ++events; });
  bench.iova = bench.iova + 4096;
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_FALSE(log.overflow());
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_TRUE(log.overflow());
  EXPECT_EQ(log.first_index(), 0u);
  EXPECT_EQ(events, 1);
  log.clear(0);
  EXPECT_EQ(bench.read(),
            DmaStatus::kUnsupportedRequest);  // PFO still set: dropped although record 0 is free
  EXPECT_FALSE(log.record(0).valid);
  EXPECT_EQ(log.dropped(), 2u);
  log.clear(1);
  log.clear_overflow();
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_TRUE(log.record(0).valid);
  EXPECT_EQ(events, 2);
  log.clear(0);
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(log.first_index(), 1u);
  log.clear_all();
  bench.software.translation(false);  // TES=0 and IRES=0: index 0 again
  bench.software.translation(true);
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_TRUE(log.record(0).valid);
}

TEST(IommuTest, RefusesConfigurationsThatContradictThemselves) {
  memory::PhysicalMemory memory;
  InterruptSink sink;
  IommuConfig config;
  config.haw = 52;
  EXPECT_THROW(Iommu(memory, sink, config), HarnessError);
  config = {};
  config.coherent_walk = false;  // SSADS needs SMPWCS
  EXPECT_THROW(Iommu(memory, sink, config), HarnessError);
  config = {};
  config.device_tlb = false;  // PRS needs DT
  EXPECT_THROW(Iommu(memory, sink, config), HarnessError);
}

/// Prints what a cached translation costs; asserts only that all of them hit.
TEST(PerformanceTest, CachedTranslationCost) {
  Bench bench(Kind::kFirstStage);
  for (std::uint64_t i = 1; i < 64; ++i)
    bench.process->map(bench.iova + i * 4096, bench.frame, PageSize::k4K);
  port::DmaRequest request = bench.request();
  std::array<std::byte, 64> line{};
  constexpr std::uint64_t kRounds = 200'000;
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < kRounds; ++i) {
    request.address = bench.iova + (i % 64) * 4096 + 64;
    ASSERT_EQ(bench.unit.read(request, line), DmaStatus::kSuccess);
  }
  const auto spent = std::chrono::steady_clock::now() - start;
  std::printf(
      "cached 64-byte read: %.1f ns\n",
      std::chrono::duration<double, std::nano>(spent).count() / static_cast<double>(kRounds));
  EXPECT_EQ(bench.unit.statistics().iotlb_misses, 64u);
  EXPECT_EQ(bench.unit.statistics().iotlb_hits, kRounds - 64);
}

}  // namespace
}  // namespace siov::iommu::test
