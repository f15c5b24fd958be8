// SPDX-License-Identifier: Apache-2.0
// Page requests: the queue, overflow, automatic answers, refusals, implicit invalidation, stop
// markers. vtd.md 7
#include <gtest/gtest.h>

#include "fake_device.hpp"
#include "fault_cases.hpp"

namespace siov::iommu::test {
namespace {

class PageRequestTest : public testing::Test {
 protected:
  explicit PageRequestTest(Kind kind = Kind::kFirstStage, const IommuConfig& config = {})
      : bench(kind, config), device(bench.unit), ring(bench.frames.allocate()) {
    bench.poke(bench.context(), 0, kBit(2) | kBit(4));
    software().write64(0xD0, ring.value);   // PQA: 128 entries
    software().write32(0xE4, 0x99);         // PEDATA
    software().write32(0xE8, 0xFEE0'7000);  // PEADDR
    software().write32(0xE0, 0);            // PECTL
  }
  Software& software() { return bench.software; }
  port::PageRequest request(bool last = true) {
    port::PageRequest r;
    r.requester = kRid;
    r.pasid = kPasid;
    r.address = 0x7654'3210'5000;
    r.read = true;
    r.last = last;
    r.group = 0x1F;
    return r;
  }
  void ask(bool last = true) { bench.unit.page_request(request(last)); }
  std::uint32_t status() { return software().read32(0xDC); }
  std::uint64_t word(unsigned entry, unsigned index) {
    return bench.word(ring + 32 * entry + 8 * index);
  }
  Bench bench;
  FakeDevice device;
  Hpa ring;
};

TEST_F(PageRequestTest, EntryIsWrittenAndTheEventRaised) {
  port::PageRequest r = request();
  r.write = true;
  r.privileged = false;
  bench.unit.page_request(r);
  EXPECT_EQ(word(0, 0), 0x0001'2345'8190'0101u);  // PASID, RID, PP, type
  EXPECT_EQ(word(0, 1), 0x7654'3210'50FFu);       // address, PRGI 1Fh, LPIG, W, R
  EXPECT_EQ(word(0, 2), 0u);
  EXPECT_EQ(word(0, 3), 0u);
  EXPECT_EQ(software().read64(0xC8), 32u);  // PQT
  EXPECT_EQ(software().read64(0xC0), 0u);
  EXPECT_EQ(status(), 1u);  // PPR
  ASSERT_EQ(bench.sink.seen.size(), 1u);
  EXPECT_EQ(bench.sink.seen[0].vector, 0x99);
  EXPECT_EQ(bench.sink.seen[0].destination, 7u);
  EXPECT_FALSE(bench.sink.seen[0].remapped);
  EXPECT_TRUE(device.responses.empty());
  EXPECT_FALSE(bench.unit.fault_log().pending());
}

TEST_F(PageRequestTest, FieldsOfAnEntry) {
  bench.tables.clear_pasid(kRid, kPasid);
  tables::PasidSpec spec = tables::PasidSpec::first_stage(bench.process->root(), 4, kDomain);
  spec.supervisor = true;
  bench.tables.set_pasid(kRid, kPasid, spec);
  port::PageRequest r = request(false);
  r.privileged = true;
  r.group = 0x155;
  bench.unit.page_request(r);
  EXPECT_EQ(word(0, 0), 0x0021'2345'8190'0101u);  // PMR 53
  EXPECT_EQ(word(0, 1), 0x7654'3210'5AA9u);       // PRGI 155h, R
  bench.tables.set_pasid(kRid, Pasid{0}, tables::PasidSpec::pass_through(9));
  r.pasid.reset();
  bench.unit.page_request(r);
  EXPECT_EQ(word(1, 0), 0x0000'0000'8190'0001u);  // no PP, no PMR
}

TEST_F(PageRequestTest, EventOnlyWhenNothingWasPending) {
  ask();
  ask();
  EXPECT_EQ(bench.sink.seen.size(), 1u);
  software().write32(0xDC, 1);
  EXPECT_EQ(status(), 0u);
  ask();
  EXPECT_EQ(bench.sink.seen.size(), 2u);
  EXPECT_EQ(software().read64(0xC8), 96u);
}

TEST_F(PageRequestTest, MaskedEventWaitsAndGoesWhenServiced) {
  software().write32(0xE0, 0x8000'0000);
  ask();
  EXPECT_EQ(software().read32(0xE0), 0xC000'0000u);
  software().write32(0xDC, 1);
  EXPECT_EQ(software().read32(0xE0), 0x8000'0000u);
}

TEST_F(PageRequestTest, FullRingOverflowsAndAnswersSuccessForTheLastOfAGroup) {
  for (int i = 0; i < 127; ++i) ask();
  EXPECT_EQ(software().read64(0xC8), 127u * 32);
  EXPECT_EQ(status(), 1u);
  ask(false);  // dropped without a word
  EXPECT_EQ(status(), 3u);
  EXPECT_TRUE(device.responses.empty());
  ask();
  ASSERT_EQ(device.responses.size(), 1u);
  EXPECT_EQ(device.responses[0].code, 0);
  EXPECT_EQ(device.responses[0].group, 0x1F);
  EXPECT_EQ(device.responses[0].pasid, kPasid);
  EXPECT_EQ(device.responses[0].device, kRid);
  EXPECT_EQ(software().read64(0xC8), 127u * 32);
  // PRO keeps the queue closed although there is room.
  software().write64(0xC0, 127 * 32);
  ask();
  EXPECT_EQ(device.responses.size(), 2u);
  software().write32(0xDC, 3);
  ask();
  EXPECT_EQ(software().read64(0xC8), 0u);  // 127 -> wraps to 0
  EXPECT_EQ(word(127, 0) & 0xFF, 1u);
  EXPECT_EQ(device.responses.size(), 2u);
}

TEST_F(PageRequestTest, OverflowAloneRaisesTheEvent) {
  for (int i = 0; i < 127; ++i) ask();
  software().write32(0xDC, 1);
  ask();
  EXPECT_EQ(status(), 2u);
  EXPECT_EQ(bench.sink.seen.size(), 2u);
}

TEST_F(PageRequestTest, LargerRing) {
  const Hpa big = bench.frames.allocate_range(8192);
  software().write64(0xD0, big.value | 1);
  for (int i = 0; i < 255; ++i) ask();
  EXPECT_EQ(status(), 1u);
  ask();
  EXPECT_EQ(status(), 3u);
}

TEST_F(PageRequestTest, RingOutsideMemoryIsAnsweredWithFailure) {
  software().write64(0xD0, kNoRam);
  ask();
  ASSERT_EQ(device.responses.size(), 1u);
  EXPECT_EQ(device.responses[0].code, 15);
}

TEST_F(PageRequestTest, PriDisabledIs47) {
  bench.poke(bench.context(), kBit(4), 0);
  ask();
  EXPECT_EQ(bench.fault_code(), 0x47u);
  EXPECT_EQ(bench.unit.fault_log().raw(0).high >> 62 & 1, 0u);  // T1
  EXPECT_EQ(bench.unit.fault_log().raw(0).high >> 28 & 1, 1u);  // T2: page request
  EXPECT_EQ(bench.unit.fault_log().raw(0).low, 0x7654'3210'5000u);
  ASSERT_EQ(device.responses.size(), 1u);
  EXPECT_EQ(device.responses[0].code, 1);
  ask(false);
  EXPECT_EQ(device.responses.size(), 1u);
}

TEST_F(PageRequestTest, LegacyModeIs32) {
  software().set_root_table(bench.tables.root().value);
  ask();
  EXPECT_EQ(bench.fault_code(), 0x32u);
  ASSERT_EQ(device.responses.size(), 1u);
  EXPECT_EQ(device.responses[0].code, 1);
}

TEST_F(PageRequestTest, TranslationOffIsInvalidWithoutRecord) {
  software().translation(false);
  ask();
  EXPECT_FALSE(bench.unit.fault_log().pending());
  ASSERT_EQ(device.responses.size(), 1u);
  EXPECT_EQ(device.responses[0].code, 1);
}

TEST_F(PageRequestTest, ImplicitlyInvalidatesThePage) {
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  bench.process->unmap(bench.iova);
  ask();  // another page
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  port::PageRequest r = request();
  r.address = bench.iova.value;
  bench.unit.page_request(r);
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
}

struct NestedPageRequestTest : PageRequestTest {
  NestedPageRequestTest() : PageRequestTest(Kind::kNested) {}
};
TEST_F(NestedPageRequestTest, ImplicitlyInvalidatesTheWholeDomain) {
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  bench.poke(bench.first(1), 1, 0);
  ask();
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
}

struct SecondStagePageRequestTest : PageRequestTest {
  SecondStagePageRequestTest() : PageRequestTest(Kind::kSecondStage) {}
};
TEST_F(SecondStagePageRequestTest, ImplicitlyInvalidatesThePageOnly) {
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  bench.vm->unmap(Gpa{bench.iova.value});
  ask();
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  port::PageRequest r = request();
  r.address = bench.iova.value;
  bench.unit.page_request(r);
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
}

port::PageRequest stop_marker() {
  port::PageRequest r;
  r.requester = kRid;
  r.pasid = kPasid;
  r.last = true;
  return r;
}

TEST_F(PageRequestTest, StopMarkerWithoutTheCapabilityIsDropped) {
  bench.unit.page_request(stop_marker());
  EXPECT_EQ(software().read64(0xC8), 0u);
  EXPECT_TRUE(device.responses.empty());
}

struct StopMarkerTest : PageRequestTest {
  static IommuConfig config() {
    IommuConfig c;
    c.stop_marker = true;
    return c;
  }
  StopMarkerTest() : PageRequestTest(Kind::kFirstStage, config()) {}
};
TEST_F(StopMarkerTest, IsQueuedAndNeverAnswered) {
  bench.unit.page_request(stop_marker());
  EXPECT_EQ(word(0, 0), 0x0001'2345'8190'0101u);
  EXPECT_EQ(word(0, 1), 0x4u);
  for (int i = 0; i < 126; ++i) ask();
  bench.unit.page_request(stop_marker());  // overflow
  EXPECT_EQ(status(), 3u);
  bench.poke(bench.context(), kBit(4), 0);
  bench.drop_everything();
  bench.unit.page_request(stop_marker());  // refused
  EXPECT_EQ(bench.fault_code(), 0x47u);
  EXPECT_TRUE(device.responses.empty());
}

struct NoPageRequestTest : PageRequestTest {
  static IommuConfig config() {
    IommuConfig c;
    c.page_requests = false;
    return c;
  }
  NoPageRequestTest() : PageRequestTest(Kind::kFirstStage, config()) {}
};
TEST_F(NoPageRequestTest, MessageIsNotForThisUnit) {
  ask();
  EXPECT_TRUE(device.responses.empty());
  EXPECT_FALSE(bench.unit.fault_log().pending());
}

// Column P of vtd.md 9.1: everything up to the PASID entry, as for untranslated requests.
std::vector<Case> page_request_cases() {
  std::vector<Case> cases;
  for (const Case& c : kCases) {
    const bool reaches = c.code < 0x70 || c.code == 0x89;
    const bool other = c.code == 0x31 || std::string(c.name) == "ContextDteNotSupported";
    if (reaches && !other) cases.push_back(c);
  }
  return cases;
}

class PageRequestFaultTest : public testing::TestWithParam<Case> {
 protected:
  static void ask(Bench& b, bool last) {
    port::PageRequest r;
    r.requester = kRid;
    r.pasid = kPasid;
    r.privileged = b.privileged;
    r.address = b.iova.value;
    r.read = true;
    r.last = last;
    b.unit.page_request(r);
  }
  static std::unique_ptr<Bench> arranged(Fpd fpd) {
    const Case& c = GetParam();
    IommuConfig config;
    if (c.configure != nullptr) c.configure(config);
    auto bench = std::make_unique<Bench>(c.kind, config, c.shape);
    const bool illegal = std::string(c.name) == "ContextPageRequestsWithoutDeviceTlb";
    bench->poke(bench->context(), 0, illegal ? 0 : kBit(2) | kBit(4));
    if (fpd == Fpd::kOn) bench->poke(bench->context(), 0, 2);
    c.arrange(*bench);
    return bench;
  }
};

TEST_P(PageRequestFaultTest, IsLoggedAndTheLastOfAGroupIsInvalid) {
  const auto b = arranged(Fpd::kOff);
  FakeDevice device(b->unit);
  ask(*b, false);
  EXPECT_TRUE(device.responses.empty());
  ask(*b, true);
  ASSERT_EQ(device.responses.size(), 1u);
  EXPECT_EQ(device.responses[0].code, 1);
  EXPECT_EQ(b->fault_code(), GetParam().code);
  EXPECT_EQ(b->unit.fault_log().raw(0).high >> 28 & 1, 1u);
  EXPECT_EQ(b->software.read64(0xC8), 0u);
}

TEST_P(PageRequestFaultTest, FaultDisableHidesQualifiedOnes) {
  const auto b = arranged(Fpd::kOn);
  FakeDevice device(b->unit);
  ask(*b, true);
  EXPECT_EQ(device.responses.size(), 1u);
  EXPECT_EQ(b->unit.fault_log().pending(), !GetParam().qualified);
}

INSTANTIATE_TEST_SUITE_P(EachReason, PageRequestFaultTest, testing::ValuesIn(page_request_cases()),
                         [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

}  // namespace
}  // namespace siov::iommu::test
