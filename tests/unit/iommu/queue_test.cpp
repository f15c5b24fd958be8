// SPDX-License-Identifier: Apache-2.0
// Queued invalidation: mechanics of the ring, every descriptor type, reserved fields, errors and
// their recovery, waits. Literals of vtd.md 5 and 13.
#include <gtest/gtest.h>

#include "bench.hpp"
#include "fake_device.hpp"
#include "iommu/queue_descriptor.hpp"

namespace siov::iommu::test {
namespace {

constexpr std::uint32_t kIqe = 1u << 4;

class QueueTest : public testing::Test {
 protected:
  explicit QueueTest(const IommuConfig& config = {}) : bench(Kind::kFirstStage, config) {}
  Software& software() { return bench.software; }
  unsigned error() { return static_cast<unsigned>(software().read64(0xB0) & 0xF); }
  bool stopped() { return (software().read32(0x34) & kIqe) != 0; }
  void expect_error(unsigned code, std::uint64_t head) {
    EXPECT_TRUE(stopped());
    EXPECT_EQ(error(), code);
    EXPECT_EQ(software().read64(0x80), head);
  }
  Bench bench;
};

struct Legal {
  const char* name;
  Software::Words words;
};
const Legal kLegal[] = {
    {"ContextGlobal", {0x11, 0, 0, 0}},
    {"ContextDomain", {0x0000'0000'0005'0021, 0, 0, 0}},
    {"ContextDevice", {0x0003'8190'0005'0031, 0, 0, 0}},
    {"IotlbGlobal", {0xD2, 0, 0, 0}},
    {"IotlbDomain", {0x0000'0000'0005'00E2, 0, 0, 0}},
    {"IotlbPage", {0x0000'0000'0005'00F2, 0x1234'4000'0052, 0, 0}},
    {"DeviceTlb", {0x8190'8190'001F'0003, 0x7FFF'FFFF'FFFF'F001, 0, 0}},
    {"InterruptGlobal", {0x04, 0, 0, 0}},
    {"InterruptIndex", {0x0000'1234'7800'0014, 0, 0, 0}},
    {"PasidIotlbAll", {0x0001'2345'0005'0026, 0, 0, 0}},
    {"PasidIotlbPage", {0x0001'2345'0005'0036, 0x7654'3210'0040, 0, 0}},
    {"PasidCacheDomain", {0x0000'0000'0005'0007, 0, 0, 0}},
    {"PasidCachePasid", {0x0001'2345'0005'0017, 0, 0, 0}},
    {"PasidCacheGlobal", {0x37, 0, 0, 0}},
    {"PasidDeviceTlb", {0x8191'2345'8190'01F8, 0x7FFF'FFFF'FFFF'F801, 0, 0}},
    {"PageGroupResponse", {0x0001'2345'8190'F019, 0xFFC, 0, 0}},
    {"WaitNothing", {0x05, 0, 0, 0}},
    {"WaitAll", {0x0000'0002'0000'00F5, 0x2000, 0, 0}},
};

TEST_F(QueueTest, EachTypeAndGranularityIsAccepted) {
  for (const Legal& legal : kLegal) {
    const std::uint64_t before = bench.unit.statistics().descriptors;
    software().submit(legal.words);
    EXPECT_FALSE(stopped()) << legal.name;
    EXPECT_EQ(bench.unit.statistics().descriptors, before + 1) << legal.name;
    EXPECT_EQ(software().read64(0x80), software().read64(0x88)) << legal.name;
  }
}

/// Defined bits by type; each other bit of the four quadwords is reserved. vtd.md 5.2
struct Defined {
  const char* name;
  Software::Words legal;
  std::uint64_t low;  ///< bits that may be 1 (or change the type)
  std::uint64_t high;
};
const Defined kDefined[] = {
    {"ContextCache", {0x31, 0, 0, 0}, 0x0003'FFFF'FFFF'0E3F, 0},
    {"Iotlb", {0x12, 0, 0, 0}, 0x0000'0000'FFFF'0EFF, 0xFFFF'FFFF'FFFF'F07F},
    {"DeviceTlb", {0x03, 0, 0, 0}, 0xFFF0'FFFF'001F'FE0F, 0xFFFF'FFFF'FFFF'F001},
    {"InterruptEntry", {0x14, 0, 0, 0}, 0x0000'FFFF'F800'0E1F, 0},
    {"Wait", {0x05, 0, 0, 0}, 0xFFFF'FFFF'0000'0EFF, 0xFFFF'FFFF'FFFF'FFFC},
    {"PasidIotlb", {0x26, 0, 0, 0}, 0x000F'FFFF'FFFF'0E3F, 0xFFFF'FFFF'FFFF'F07F},
    {"PasidCache", {0x37, 0, 0, 0}, 0x000F'FFFF'FFFF'0E3F, 0},
    {"PasidDeviceTlb", {0x08, 0, 0, 0}, 0xFFFF'FFFF'FFFF'FFFF, 0xFFFF'FFFF'FFFF'F801},
    {"PageGroupResponse", {0x09, 0, 0, 0}, 0x000F'FFFF'FFFF'FE1F, 0x0000'0000'0000'0FFC},
};

TEST_F(QueueTest, EachReservedBitIsError4AndTheHeadStaysOnIt) {
  unsigned reserved = 0;
  for (const Defined& type : kDefined) {
    for (unsigned bit = 0; bit < 256; ++bit) {
      const std::uint64_t mask = std::uint64_t{1} << bit % 64;
      const std::uint64_t defined[4] = {type.low, type.high, 0, 0};
      if ((defined[bit / 64] & mask) != 0) continue;
      ++reserved;
      const std::uint64_t head = software().tail;
      Software::Words words = type.legal;
      words[bit / 64] |= mask;
      software().submit(words);
      ASSERT_TRUE(stopped()) << type.name << " bit " << bit;
      ASSERT_EQ(error(), 4u) << type.name << " bit " << bit;
      ASSERT_EQ(software().read64(0x80), head) << type.name << " bit " << bit;
      // Replaced by one that is right, then IQE cleared: it goes on.
      const Software::Words nothing{0x05, 0, 0, 0};
      ASSERT_TRUE(bench.memory.write(software().ring + head, std::as_bytes(std::span(nothing))));
      software().write32(0x34, kIqe);
      ASSERT_FALSE(stopped()) << type.name << " bit " << bit;
      ASSERT_EQ(software().read64(0x80), software().tail);
      ASSERT_EQ(error(), 0u);
    }
  }
  EXPECT_GT(reserved, 1400u);
}

TEST_F(QueueTest, UndefinedValuesOfFieldsAreError4) {
  const Legal illegal[] = {
      {"ContextGranularity0", {0x01, 0, 0, 0}},    {"IotlbGranularity0", {0x02, 0, 0, 0}},
      {"IotlbMaskAboveMamv", {0x32, 19, 0, 0}},    {"PasidIotlbGranularity0", {0x06, 0, 0, 0}},
      {"PasidIotlbGranularity1", {0x16, 0, 0, 0}}, {"PasidCacheGranularity2", {0x27, 0, 0, 0}},
  };
  for (const Legal& one : illegal) {
    const std::uint64_t head = software().tail;
    software().submit(one.words);
    EXPECT_TRUE(stopped()) << one.name;
    EXPECT_EQ(error(), 4u) << one.name;
    (void)bench.memory.write64(software().ring + head, 0x05);
    (void)bench.memory.write64(software().ring + head + 8, 0);
    software().write32(0x34, kIqe);
    EXPECT_FALSE(stopped());
  }
  // AM above MAMV is no matter for the PASID-based IOTLB.
  software().submit({0x36, 63, 0, 0});
  EXPECT_FALSE(stopped());
}

TEST_F(QueueTest, UnknownTypesAreError3) {
  for (const std::uint64_t type : {0x0ull, 0xAull, 0xBull, 0xFull, 0x201ull, 0x405ull, 0x801ull}) {
    const std::uint64_t head = software().tail;
    software().submit({type, 0, 0, 0});
    expect_error(3, head);
    (void)bench.memory.write64(software().ring + head, 0x05);
    software().write32(0x34, kIqe);
  }
}

struct Missing {
  const char* name;
  void (*configure)(IommuConfig&);
  std::uint64_t low;
  unsigned code;
};
void PrintTo(const Missing& m, std::ostream* out) { *out << m.name; }
void no_device_tlb(IommuConfig& c) {
  c.device_tlb = c.page_requests = c.throttling = c.no_write_flag = c.page_drain = false;
}
const Missing kMissing[] = {
    {"DeviceTlb", no_device_tlb, 0x03, 3},
    {"PasidDeviceTlb", no_device_tlb, 0x08, 3},
    {"PageGroupResponse", [](IommuConfig& c) { c.page_requests = false; }, 0x09, 3},
    {"InterruptEntry", [](IommuConfig& c) { c.interrupt_remapping = false; }, 0x04, 3},
    {"PageSelectiveWithoutPsi", [](IommuConfig& c) { c.page_selective = false; }, 0x32, 4},
    {"PageDrainWithoutPds", [](IommuConfig& c) { c.page_drain = false; }, 0x85, 4},
    {"HandleMaskAboveMhmv", [](IommuConfig& c) { c.max_handle_mask = 3; }, 0x2000'0014, 4},
    {"DomainBeyondNd", [](IommuConfig& c) { c.domain_bits = 8; }, 0x0100'0022, 4},
};

class MissingCapabilityTest : public testing::TestWithParam<Missing> {};

TEST_P(MissingCapabilityTest, DescriptorIsRefused) {
  IommuConfig config;
  GetParam().configure(config);
  Bench bench(Kind::kFirstStage, config);
  bench.software.submit({GetParam().low, 0, 0, 0});
  EXPECT_EQ(bench.software.read32(0x34) & kIqe, kIqe);
  EXPECT_EQ(bench.software.read64(0xB0) & 0xF, GetParam().code);
}

INSTANTIATE_TEST_SUITE_P(Each, MissingCapabilityTest, testing::ValuesIn(kMissing),
                         [](const testing::TestParamInfo<Missing>& i) { return i.param.name; });

TEST_F(QueueTest, TailBeyondTheRingIsError1) {
  software().write64(0x88, 4096);
  expect_error(1, 0);
  software().write64(0x88, 0);
  software().write32(0x34, kIqe);
  EXPECT_FALSE(stopped());
}

TEST_F(QueueTest, DescriptorOutsideMemoryIsError2) {
  software().command(26, false);
  software().write64(0x90, kNoRam | 1u << 11);
  software().command(26, true);
  software().write64(0x88, 32);
  expect_error(2, 0);
}

TEST_F(QueueTest, NarrowDescriptorsAreError5InScalableMode) {
  software().command(26, false);
  software().write64(0x90, software().ring.value);  // DW = 0
  software().command(26, true);
  (void)bench.memory.write64(software().ring, 0x05);
  software().write64(0x88, 16);
  expect_error(5, 0);
}

TEST_F(QueueTest, TailInsideAWideDescriptorIsError6) {
  software().write64(0x88, 16);
  expect_error(6, 0);
}

TEST_F(QueueTest, ReservedTableModeIsError7) {
  software().set_root_table(bench.tables.root().value | 0x800);
  software().submit({0x05, 0, 0, 0});
  expect_error(7, 0);
}

TEST_F(QueueTest, LegacyModeTakesTypes1To5InBothWidths) {
  software().set_root_table(bench.tables.root().value);
  for (const std::uint64_t low : {0x11ull, 0x12ull, 0x8190'0000'0003ull, 0x04ull, 0x05ull}) {
    software().submit({low, 0, 0, 0});
    EXPECT_FALSE(stopped()) << low;
  }
  const std::uint64_t head = software().tail;
  software().submit({0x37, 0, 0, 0});
  expect_error(3, head);

  software().command(26, false);
  software().write32(0x34, kIqe);
  software().write64(0x88, 0);
  software().write64(0x90, software().ring.value);  // 256 entries of 16 bytes
  software().command(26, true);
  const std::uint64_t narrow[] = {0x11, 0, 0x12,          0,
                                  0x04, 0, 0x7'0000'0025, software().status.value};
  ASSERT_TRUE(bench.memory.write(software().ring, std::as_bytes(std::span(narrow))));
  software().write64(0x88, 64);
  EXPECT_FALSE(stopped());
  EXPECT_EQ(software().read64(0x80), 64u);
  EXPECT_EQ(bench.word(software().status), 7u);
}

TEST_F(QueueTest, NothingIsFetchedWhileTheQueueIsOff) {
  software().command(26, false);
  EXPECT_EQ(software().read32(0x1C) >> 26 & 1, 0u);
  software().submit({0x37, 0, 0, 0});
  EXPECT_EQ(bench.unit.statistics().descriptors, 0u);
  software().command(26, true);
  EXPECT_EQ(bench.unit.statistics().descriptors, 1u);
}

TEST_F(QueueTest, TurningItOffReturnsTheHead) {
  software().submit({0x37, 0, 0, 0});
  EXPECT_EQ(software().read64(0x80), 32u);
  software().write64(0x90, 0x5000);  // ignored while on
  EXPECT_EQ(software().read64(0x90), software().ring.value | 1u << 11);
  software().command(26, false);
  EXPECT_EQ(software().read64(0x80), 0u);
}

TEST_F(QueueTest, RingWrapsAround) {
  for (unsigned i = 0; i < 300; ++i) EXPECT_TRUE(software().submit_and_wait({0x37, 0, 0, 0}));
  EXPECT_EQ(software().read64(0x80), 600u * 32 % 4096);
  EXPECT_EQ(bench.unit.statistics().descriptors, 600u);
}

TEST_F(QueueTest, NothingIsFetchedWhileAnErrorStands) {
  software().submit({0x0F, 0, 0, 0});
  software().submit({0x37, 0, 0, 0});
  expect_error(3, 0);
  EXPECT_EQ(bench.unit.statistics().descriptors, 0u);
  (void)bench.memory.write64(software().ring, 0x05);
  EXPECT_TRUE(stopped());  // not before software says so
  software().write32(0x34, kIqe);
  EXPECT_EQ(bench.unit.statistics().descriptors, 2u);
  EXPECT_EQ(software().read64(0x80), 64u);
}

TEST_F(QueueTest, StillWrongDescriptorIsRefusedAgain) {
  software().submit({0x0F, 0, 0, 0});
  software().write32(0x34, kIqe);
  expect_error(3, 0);
}

TEST_F(QueueTest, WaitWritesOneDwordAndNoMore) {
  (void)bench.memory.write64(software().status, 0x1111'1111'2222'2222);
  software().submit({0x0000'0002'0000'0025, software().status.value, 0, 0});
  EXPECT_EQ(bench.word(software().status), 0x1111'1111'0000'0002u);
  software().submit({0x0000'0003'0000'0005, software().status.value, 0, 0});  // SW = 0
  EXPECT_EQ(bench.word(software().status), 0x1111'1111'0000'0002u);
  software().submit({0x0000'0003'0000'0025, kNoRam, 0, 0});  // nowhere: lost
  EXPECT_FALSE(stopped());
}

TEST_F(QueueTest, WaitWithInterruptFlagSetsIwcAndRaisesItsEventOnce) {
  software().write32(0xA4, 0x77);         // IEDATA
  software().write32(0xA8, 0xFEE0'3000);  // IEADDR
  software().write32(0xA0, 0);            // IECTL
  software().submit({0x15, 0, 0, 0});
  EXPECT_EQ(software().read32(0x9C), 1u);
  ASSERT_EQ(bench.sink.seen.size(), 1u);
  EXPECT_EQ(bench.sink.seen[0].vector, 0x77);
  EXPECT_EQ(bench.sink.seen[0].destination, 3u);
  software().submit({0x15, 0, 0, 0});  // IWC is set already
  EXPECT_EQ(bench.sink.seen.size(), 1u);
  software().write32(0x9C, 1);
  EXPECT_EQ(software().read32(0x9C), 0u);
  software().write32(0xA0, 0x8000'0000);
  software().submit({0x15, 0, 0, 0});
  EXPECT_EQ(software().read32(0xA0), 0xC000'0000u);  // masked: IP
  software().write32(0x9C, 1);
  EXPECT_EQ(software().read32(0xA0), 0x8000'0000u);  // serviced: IP is gone
  software().write32(0xA0, 0);
  EXPECT_EQ(bench.sink.seen.size(), 1u);
}

/// vtd.md 13, decoded.
TEST(DescriptorTest, WorkedEncodings) {
  const auto decode = [](std::uint64_t low, std::uint64_t high) {
    return decode_descriptor({low, high, 0, 0}, 32, TranslationTableMode::kScalable, {}).value();
  };
  const QueueDescriptor context = decode(0x0000'8190'0005'0031, 0);
  EXPECT_EQ(context.granularity, 3);
  EXPECT_EQ(context.source, RequesterId{0x8190});
  const QueueDescriptor pasid = decode(0x0001'2345'0005'0017, 0);
  EXPECT_EQ(pasid.type, DescriptorType::kPasidCache);
  EXPECT_EQ(pasid.domain, 5);
  EXPECT_EQ(pasid.pasid, Pasid{0x12345});
  const QueueDescriptor device = decode(0x8190'8190'0000'0003, 0x7FFF'FFFF'FFFF'F001);
  EXPECT_EQ(device.physical_function, 0x8190);
  EXPECT_EQ(device.source, RequesterId{0x8190});
  EXPECT_TRUE(device.size);
  const QueueDescriptor p_device = decode(0x8191'2345'8190'0008, 0x7FFF'FFFF'FFFF'F800);
  EXPECT_EQ(p_device.physical_function, 0x8190);
  EXPECT_EQ(p_device.source, RequesterId{0x8190});
  EXPECT_EQ(p_device.pasid, Pasid{0x12345});
  EXPECT_TRUE(p_device.size);
  EXPECT_FALSE(p_device.global);
  const QueueDescriptor entry = decode(0x0000'1234'0000'0014, 0);
  EXPECT_EQ(entry.index, 0x1234);
  EXPECT_EQ(entry.granularity, 1);
  const QueueDescriptor wait = decode(0x0000'0002'0000'0025, 0x2000);
  EXPECT_TRUE(wait.write_status);
  EXPECT_FALSE(wait.interrupt);
  EXPECT_EQ(wait.status, 2u);
  const QueueDescriptor response = decode(0x0001'2345'8190'0019, 0xF8);
  EXPECT_EQ(response.index, 0x1F);
  EXPECT_TRUE(response.has_pasid);
  EXPECT_EQ(response.response, 0);
}

}  // namespace
}  // namespace siov::iommu::test
