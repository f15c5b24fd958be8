// SPDX-License-Identifier: Apache-2.0
// Register page: offsets, access rules, one-shot and level bits, events. Literals of vtd.md 1.
#include <gtest/gtest.h>

#include "bench.hpp"
#include "iommu/capabilities.hpp"

namespace siov::iommu::test {
namespace {

constexpr std::uint64_t kAllOnes = ~std::uint64_t{0};

TEST(RegisterTest, CapabilitiesOfTheDefaultPersonality) {
  Bench bench(Kind::kFirstStage);
  EXPECT_EQ(bench.software.read32(0x00), 0x60u);
  // ND 6, SAGAW 9..11, MGAW 56, ZLR, FRO 22h, SSLPS 3, PSI, NFR 7, MAMV 18, DWD, DRD, FS1GP, PI,
  // FS5LP, ESIRTPS, ESRTPS.
  EXPECT_EQ(bench.software.read64(0x08), 0xD9D2'078C'2278'0E06u);
  // C, QI, DT, IR, EIM, PT, SC, IRO 0Fh, MHMV 15, NEST, PRS, SRS, NWFS, PSS 19, PASID, DIT, PDS,
  // SMTS, SSADS, SSTS, FSTS, SMPWCS, RPS.
  EXPECT_EQ(bench.software.read64(0x10), 0x0003'EF9A'A4F0'0FDFu);
}

struct Bit {
  const char* name;
  bool IommuConfig::*flag;
  bool extended;
  unsigned bit;
};

TEST(RegisterTest, EachCapabilityFlagIsItsBit) {
  const Bit bits[] = {{"CM", &IommuConfig::caching_mode, false, 7},
                      {"SAGAW39", &IommuConfig::second_stage_3_level, false, 9},
                      {"SAGAW48", &IommuConfig::second_stage_4_level, false, 10},
                      {"SAGAW57", &IommuConfig::second_stage_5_level, false, 11},
                      {"ZLR", &IommuConfig::zero_length_read, false, 22},
                      {"SSLPS2M", &IommuConfig::second_stage_2m, false, 34},
                      {"SSLPS1G", &IommuConfig::second_stage_1g, false, 35},
                      {"PSI", &IommuConfig::page_selective, false, 39},
                      {"DWD", &IommuConfig::write_draining, false, 54},
                      {"DRD", &IommuConfig::read_draining, false, 55},
                      {"FS1GP", &IommuConfig::first_stage_1g, false, 56},
                      {"PI", &IommuConfig::posted_interrupts, false, 59},
                      {"FS5LP", &IommuConfig::first_stage_5_level, false, 60},
                      {"ESIRTPS", &IommuConfig::invalidate_on_sirtp, false, 62},
                      {"ESRTPS", &IommuConfig::invalidate_on_srtp, false, 63},
                      {"C", &IommuConfig::coherent, true, 0},
                      {"QI", &IommuConfig::queued_invalidation, true, 1},
                      {"DT", &IommuConfig::device_tlb, true, 2},
                      {"IR", &IommuConfig::interrupt_remapping, true, 3},
                      {"EIM", &IommuConfig::extended_interrupt_mode, true, 4},
                      {"PT", &IommuConfig::pass_through, true, 6},
                      {"SC", &IommuConfig::snoop_control, true, 7},
                      {"NEST", &IommuConfig::nested, true, 26},
                      {"PRS", &IommuConfig::page_requests, true, 29},
                      {"SRS", &IommuConfig::supervisor, true, 31},
                      {"NWFS", &IommuConfig::no_write_flag, true, 33},
                      {"EAFS", &IommuConfig::extended_accessed, true, 34},
                      {"PASID", &IommuConfig::pasid, true, 40},
                      {"DIT", &IommuConfig::throttling, true, 41},
                      {"PDS", &IommuConfig::page_drain, true, 42},
                      {"SMTS", &IommuConfig::scalable_mode, true, 43},
                      {"SSADS", &IommuConfig::second_stage_dirty, true, 45},
                      {"SSTS", &IommuConfig::second_stage, true, 46},
                      {"FSTS", &IommuConfig::first_stage, true, 47},
                      {"SMPWCS", &IommuConfig::coherent_walk, true, 48},
                      {"RPS", &IommuConfig::rid_pasid, true, 49},
                      {"ADMS", &IommuConfig::abort_dma, true, 52},
                      {"RPRIVS", &IommuConfig::rid_privilege, true, 53},
                      {"SMS", &IommuConfig::stop_marker, true, 58},
                      {"EIMER", &IommuConfig::eimer, true, 61},
                      {"IRREQ", &IommuConfig::irreq, true, 62}};
  for (const Bit& bit : bits) {
    IommuConfig on;
    IommuConfig off;
    on.*bit.flag = true;
    off.*bit.flag = false;
    const std::uint64_t changed =
        bit.extended ? extended_capability_register(on) ^ extended_capability_register(off)
                     : capability_register(on) ^ capability_register(off);
    EXPECT_EQ(changed, std::uint64_t{1} << bit.bit) << bit.name;
  }
}

/// vtd.md 1.2: what needs what.
TEST(RegisterTest, CapabilitiesWithoutWhatTheyNeedAreRefused) {
  struct Rule {
    const char* name;
    void (*broken)(IommuConfig&);
  };
  const Rule rules[] = {
      {"SMTS needs QI", [](IommuConfig& c) { c.queued_invalidation = false; }},
      {"PRS, PDS, DIT, NWFS need DT", [](IommuConfig& c) { c.device_tlb = false; }},
      {"PDS needs DT",
       [](IommuConfig& c) {
         c.device_tlb = c.page_requests = c.throttling = c.no_write_flag = false;
       }},
      {"DIT needs DT",
       [](IommuConfig& c) {
         c.device_tlb = c.page_requests = c.page_drain = c.no_write_flag = false;
       }},
      {"NWFS needs DT",
       [](IommuConfig& c) {
         c.device_tlb = c.page_requests = c.page_drain = c.throttling = false;
       }},
      {"PASID and more need SMTS", [](IommuConfig& c) { c.scalable_mode = false; }},
      {"EAFS needs FSTS",
       [](IommuConfig& c) {
         c.extended_accessed = true;
         c.first_stage = c.nested = false;
       }},
      {"SSADS needs SMPWCS", [](IommuConfig& c) { c.coherent_walk = false; }},
      {"RPRIVS needs SRS",
       [](IommuConfig& c) {
         c.rid_privilege = true;
         c.supervisor = false;
       }},
      {"NEST needs SSTS", [](IommuConfig& c) { c.second_stage = false; }},
      {"DWD goes with SMTS", [](IommuConfig& c) { c.write_draining = false; }},
      {"IR needs QI",
       [](IommuConfig& c) {
         c.queued_invalidation = c.scalable_mode = c.pasid = c.rid_pasid = c.coherent_walk = false;
         c.first_stage = c.nested = c.supervisor = c.page_requests = c.second_stage_dirty = false;
       }},
      {"ND is even", [](IommuConfig& c) { c.domain_bits = 9; }},
      {"MAMV has 6 bits", [](IommuConfig& c) { c.max_address_mask = 64; }},
      {"MHMV has 4 bits", [](IommuConfig& c) { c.max_handle_mask = 16; }},
      {"a time limit", [](IommuConfig& c) { c.invalidation_timeout = 0; }},
  };
  for (const Rule& rule : rules) {
    IommuConfig config;
    rule.broken(config);
    EXPECT_THROW(check_config(config, 46), HarnessError) << rule.name;
  }
  EXPECT_NO_THROW(check_config({}, 46));
}

TEST(RegisterTest, OnlyAlignedAccessesOfFourOrEightBytes) {
  Bench bench(Kind::kFirstStage);
  EXPECT_EQ(bench.unit.mmio_read(0x08, 2), kAllOnes);
  EXPECT_EQ(bench.unit.mmio_read(0x0A, 4), kAllOnes);
  EXPECT_EQ(bench.unit.mmio_read(0x0C, 8), kAllOnes);
  EXPECT_EQ(bench.unit.mmio_read(0x0C, 4), 0xD9D2'078Cu);
  bench.unit.mmio_write(0x38, 1, 0);
  bench.unit.mmio_write(0x3A, 4, 0);
  EXPECT_EQ(bench.software.read32(0x38), 0x8000'0000u);  // FECTL.IM is still 1
  // Halves of a 64-bit register.
  bench.software.write32(0x24, 0x12);
  bench.software.write32(0x20, 0x3400'0400);
  EXPECT_EQ(bench.software.read64(0x20), 0x12'3400'0400u);
}

TEST(RegisterTest, OffsetsWithoutARegisterReadZero) {
  Bench bench(Kind::kFirstStage);
  // AFLOG, PMEN and its ranges, MTRR, performance, ECMD, VCMD: capabilities that are off.
  for (const std::uint32_t offset : {0x04u, 0x30u, 0x58u, 0x64u, 0x68u, 0x70u, 0x78u, 0xD8u, 0x100u,
                                     0x120u, 0x300u, 0x400u, 0x448u, 0xE00u, 0xE10u, 0xE30u}) {
    bench.software.write32(offset, 0xFFFF'FFFF);
    EXPECT_EQ(bench.software.read32(offset), 0u) << std::hex << offset;
  }
}

TEST(RegisterTest, GlobalCommandReadsZeroAndStatusShowsLevels) {
  Bench bench(Kind::kFirstStage);
  EXPECT_EQ(bench.software.read32(0x18), 0u);
  EXPECT_EQ(bench.software.read32(0x1C), 0xC400'0000u);  // TES, RTPS, QIES
  bench.software.set_interrupt_table(bench.frames.allocate().value | 7);
  bench.software.interrupt_remapping(true);
  bench.software.compatibility(true);
  EXPECT_EQ(bench.software.read32(0x1C), 0xC780'0000u);
  bench.software.translation(false);  // a level bit is cleared by writing 0
  EXPECT_EQ(bench.software.read32(0x1C), 0x4780'0000u);
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);  // untranslated: no RAM there
  EXPECT_FALSE(bench.unit.translation_enabled());
}

TEST(RegisterTest, RootTableCountsFromItsOneShotOn) {
  Bench bench(Kind::kFirstStage);
  bench.software.write64(0x20, 0xC00);  // abort mode: only written
  bench.software.iotlb_global();
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  bench.software.command(30, true);
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(), 0x30u);  // ADMS is off
}

TEST(RegisterTest, InterruptTableCountsFromItsOneShotOn) {
  Bench bench(Kind::kFirstStage);
  bench.software.set_interrupt_table(bench.frames.allocate().value | 7);  // 256 entries
  bench.software.interrupt_remapping(true);
  bench.software.write64(0xB8, 0x123'4000'0F8F);  // reserved bits 10:4 do not stick
  EXPECT_EQ(bench.software.read64(0xB8), 0x123'4000'080Fu);
  port::DmaRequest request;
  request.requester = kRid;
  request.address = Iova{0xFEE0'2010};  // handle 100h
  const std::uint32_t data = 0;
  EXPECT_EQ(bench.unit.write(request, std::as_bytes(std::span(&data, 1))),
            DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(), 0x21u);
}

TEST(RegisterTest, ReservedBitsOfRootTableAddressAre30) {
  Bench bench(Kind::kFirstStage);
  bench.software.set_root_table(bench.tables.root().value | 0x400 | 0x80);  // SSIRWE: not there
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(), 0x30u);
}

TEST(RegisterTest, WithoutEsrtpsCachesSurviveTheRootTable) {
  IommuConfig config;
  config.invalidate_on_srtp = false;
  Bench bench(Kind::kFirstStage, config);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  bench.software.set_root_table(kNoRam | 0x400);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  bench.drop_everything();
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(), 0x38u);
}

TEST(RegisterTest, RegisterBasedInvalidationIsIgnoredInScalableMode) {
  Bench bench(Kind::kFirstStage);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  bench.process->unmap(bench.iova);
  bench.software.write64(0x28, 0xA000'0000'0000'0000);             // CCMD: ICC, global
  EXPECT_EQ(bench.software.read64(0x28), 0x2000'0000'0000'0000u);  // ICC off, CAIG 0
  bench.software.write64(0xF8, 0x9000'0000'0000'0000);             // IOTLB: IVT, global
  EXPECT_EQ(bench.software.read64(0xF8), 0x1000'0000'0000'0000u);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess) << "still the stale translation";
}

TEST(RegisterTest, RegisterBasedInvalidationWorksInLegacyModeWithTheQueueOff) {
  Bench bench(Kind::kFirstStage);
  bench.software.set_root_table(bench.tables.root().value);  // legacy
  bench.software.write64(0x28, 0xA000'0000'0000'0000);
  EXPECT_EQ(bench.software.read64(0x28) >> 59, 0x4u);  // the queue is on: CAIG 0
  bench.software.command(26, false);
  bench.software.write64(0x28, 0xA000'0000'0000'0000);
  EXPECT_EQ(bench.software.read64(0x28), 0x2800'0000'0000'0000u);  // CAIG 1: global
  bench.software.write64(0xF8, 0xA000'0000'0000'0000);             // domain
  EXPECT_EQ(bench.software.read64(0xF8), 0x2400'0000'0000'0000u);  // IAIG 2
}

TEST(RegisterTest, WithoutPageRequestsTheirRegistersAreNotThere) {
  IommuConfig config;
  config.page_requests = false;
  Bench bench(Kind::kFirstStage, config);
  bench.software.write64(0xD0, 0x1000);
  bench.software.write32(0xE0, 0);
  EXPECT_EQ(bench.software.read64(0xD0), 0u);
  EXPECT_EQ(bench.software.read32(0xE0), 0u);
}

class FaultEventTest : public testing::Test {
 protected:
  FaultEventTest() : bench(Kind::kFirstStage) {
    bench.software.write32(0x3C, 0x5A);         // FEDATA
    bench.software.write32(0x40, 0xFEE1'2003);  // FEADDR, bits 1:0 do not stick
    bench.software.write32(0x44, 0x0000'AB00);  // FEUADDR
    bench.iova = bench.iova + 4096;             // not mapped
  }
  void unmask() { bench.software.write32(0x38, 0); }
  void mask() { bench.software.write32(0x38, 0x8000'0000); }
  void fault() { EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest); }
  std::size_t events() { return bench.sink.seen.size(); }
  Bench bench;
};

TEST_F(FaultEventTest, MessageIsSentAsItIsProgrammed) {
  EXPECT_EQ(bench.software.read32(0x40), 0xFEE1'2000u);
  unmask();
  fault();
  ASSERT_EQ(events(), 1u);
  EXPECT_EQ(bench.sink.seen[0].vector, 0x5A);
  EXPECT_EQ(bench.sink.seen[0].destination, 0xAB12u);
  EXPECT_FALSE(bench.sink.seen[0].remapped);
  EXPECT_EQ(bench.software.read32(0x38), 0u);    // IP is clear again
  EXPECT_EQ(bench.software.read32(0x34), 0x2u);  // PPF, FRI 0
}

TEST_F(FaultEventTest, IsNeverRemapped) {
  bench.software.set_interrupt_table(bench.frames.allocate().value | 7);  // all entries P=0
  bench.software.interrupt_remapping(true);
  unmask();
  fault();
  ASSERT_EQ(events(), 1u);
  EXPECT_EQ(bench.fault_code(0), 0x71u);
  EXPECT_FALSE(bench.unit.fault_log().record(1).valid);
}

TEST_F(FaultEventTest, SecondConditionRaisesNothingWhileOneIsPending) {
  unmask();
  fault();
  fault();
  bench.software.submit({0x0F, 0, 0, 0});  // IQE, of the same block
  EXPECT_EQ(bench.software.read32(0x34), 0x12u);
  EXPECT_EQ(events(), 1u);
}

TEST_F(FaultEventTest, QueueErrorAloneRaisesIt) {
  unmask();
  bench.software.submit({0x0F, 0, 0, 0});
  EXPECT_EQ(events(), 1u);
  fault();
  EXPECT_EQ(events(), 1u);
}

TEST_F(FaultEventTest, MaskedEventGoesOutWhenUnmasked) {
  fault();
  EXPECT_EQ(events(), 0u);
  EXPECT_EQ(bench.software.read32(0x38), 0xC000'0000u);  // IM, IP
  unmask();
  EXPECT_EQ(events(), 1u);
  mask();
  unmask();
  EXPECT_EQ(events(), 1u);
}

TEST_F(FaultEventTest, ServicedBeforeUnmaskingIsNotSent) {
  fault();
  fault();
  bench.software.write32(0x22C, 0x8000'0000);  // FRCD[0].F
  EXPECT_EQ(bench.software.read32(0x38), 0xC000'0000u);
  bench.software.write32(0x23C, 0x8000'0000);  // FRCD[1].F
  EXPECT_EQ(bench.software.read32(0x38), 0x8000'0000u);
  unmask();
  EXPECT_EQ(events(), 0u);
  fault();
  EXPECT_EQ(events(), 1u);
  EXPECT_EQ(bench.software.read32(0x34), 0x0202u);  // PPF, FRI 2
}

TEST_F(FaultEventTest, RecordIsReadWhereCapSays) {
  fault();
  EXPECT_EQ(bench.software.read64(0x220), 0x7654'3210'1000u);
  EXPECT_EQ(bench.software.read32(0x22C), 0xC123'4571u);  // F, T1 (read), AT 0, PASID 12345h, 71h
  EXPECT_EQ(bench.software.read32(0x228), 0x8000'8190u);  // PP, SID
  bench.software.write64(0x220, 0);                       // no 1 in F: nothing happens
  EXPECT_EQ(bench.software.read32(0x22C) >> 31, 1u);
  bench.software.write64(0x228, std::uint64_t{1} << 63);
  EXPECT_EQ(bench.software.read32(0x22C) >> 31, 0u);
  EXPECT_EQ(bench.software.read32(0x34), 0u);
}

TEST(FaultRegisterTest, OverflowIsClearedByWritingOne) {
  IommuConfig config;
  config.fault_records = 1;
  Bench bench(Kind::kFirstStage, config);
  bench.iova = bench.iova + 4096;
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.software.read32(0x34), 0x3u);
  bench.software.write32(0x34, 0x2);  // PPF is read-only
  EXPECT_EQ(bench.software.read32(0x34), 0x3u);
  bench.software.write32(0x34, 0x1);
  EXPECT_EQ(bench.software.read32(0x34), 0x2u);
}

TEST(FaultRegisterTest, ManyRecordsLieBehindTheFirstPage) {
  IommuConfig config;
  config.fault_records = 256;
  Bench bench(Kind::kFirstStage, config);
  EXPECT_EQ(bench.software.read64(0x08) >> 24 & 0x3FF, 0x100u);  // FRO
  EXPECT_EQ(bench.software.read64(0x08) >> 40 & 0xFF, 0xFFu);    // NFR
  bench.iova = bench.iova + 4096;
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.software.read32(0x100C) >> 31, 1u);
}

}  // namespace
}  // namespace siov::iommu::test
