// SPDX-License-Identifier: Apache-2.0
// Every fault an untranslated request can raise, provoked by real entries in memory; codes as
// literals of VT-d 7.1.3.
#include <gtest/gtest.h>

#include "fault_cases.hpp"

namespace siov::iommu::test {
namespace {

class FaultReasonTest : public testing::TestWithParam<Case> {};

TEST_P(FaultReasonTest, RecordsCodeRequesterAndPasid) {
  const std::unique_ptr<Bench> bench = arranged(GetParam(), Fpd::kOff);
  EXPECT_EQ(run(*bench, GetParam().op), DmaStatus::kUnsupportedRequest);

  EXPECT_EQ(bench->fault_code(), GetParam().code);
  const RawFaultRecord raw = bench->unit.fault_log().raw(0);
  EXPECT_EQ(raw.low, bench->iova.value & ~std::uint64_t{0xFFF});        // FI 63:12
  EXPECT_EQ(raw.high & 0xFFFF, 0x8190u);                                // SID 79:64
  EXPECT_EQ(raw.high >> 40 & 0xFFFFF, 0x12345u);                        // PV 123:104
  EXPECT_EQ(raw.high >> 31 & 1, 1u);                                    // PP 95
  EXPECT_EQ(raw.high >> 29 & 1, bench->privileged ? 1u : 0u);           // PRIV 93
  EXPECT_EQ(raw.high >> 62 & 1, GetParam().op == Op::kRead ? 1u : 0u);  // T1 126
  EXPECT_EQ(raw.high >> 28 & 1, 0u);                                    // T2 92
  EXPECT_EQ(raw.high >> 63 & 1, 1u);                                    // F 127
  EXPECT_FALSE(bench->unit.fault_log().record(1).valid);
  EXPECT_EQ(bench->unit.statistics().faults, 1u);
  EXPECT_EQ(bench->unit.statistics().translations, 0u);
}

TEST_P(FaultReasonTest, FaultProcessingDisableHidesQualifiedReasonsOnly) {
  const std::unique_ptr<Bench> bench = arranged(GetParam(), Fpd::kOn);
  EXPECT_EQ(run(*bench, GetParam().op), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench->unit.fault_log().record(0).valid, !GetParam().qualified);
  EXPECT_EQ(bench->unit.statistics().faults_suppressed, GetParam().qualified ? 1u : 0u);
}

/// The view makes user requests and writes no table: cases about privilege or failing table writes
/// are not for it.
std::vector<Case> view_cases() {
  std::vector<Case> cases;
  for (const Case& c : kCases) {
    const bool fails_in_update = c.code == 0x91 || c.code == 0x7D;
    const bool privileged = c.code == 0x5D || c.shape.supervisor;
    if (!fails_in_update && !privileged) cases.push_back(c);
  }
  return cases;
}

class FaultViewTest : public testing::TestWithParam<Case> {};

TEST_P(FaultViewTest, ViewRefusesWhatTheUnitRefusesAndLeavesNoTrace) {
  const Case& c = GetParam();
  const std::unique_ptr<Bench> bench = arranged(c, Fpd::kOff);
  std::array<std::byte, 8> out{};
  if (c.op == Op::kRead) {
    EXPECT_FALSE(bench->unit.peek(kPasid, bench->iova, out));
  } else {
    EXPECT_FALSE(bench->unit.writable(kPasid, bench->iova, 8));
  }
  EXPECT_FALSE(bench->unit.fault_log().pending());
  EXPECT_EQ(bench->unit.statistics().faults, 0u);
}

INSTANTIATE_TEST_SUITE_P(EachReason, FaultReasonTest, testing::ValuesIn(kCases),
                         [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(EachReason, FaultViewTest, testing::ValuesIn(view_cases()),
                         [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

TEST(ContextFetchTest, ContextTableOutsideMemoryIs40) {
  // 40h: the context table itself cannot be read, so no FPD exists.
  Bench bench(Kind::kFirstStage);
  bench.poke(bench.tables.root_entry(kRid), kAddressBits, kNoRam);
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(), 0x40u);
}

TEST(FaultDisableTest, DirectoryAndTableEntriesCountEvenWhenNotPresent) {
  Bench directory(Kind::kFirstStage);
  directory.poke(directory.directory(), 1, 2);
  EXPECT_EQ(directory.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_FALSE(directory.unit.fault_log().pending());

  Bench entry(Kind::kFirstStage);
  entry.poke(entry.entry(), 1, 2);
  EXPECT_EQ(entry.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_FALSE(entry.unit.fault_log().pending());
}

TEST(FaultDisableTest, StaysWithCachedEntries) {
  Bench bench(Kind::kFirstStage);
  bench.poke(bench.directory(), 0, 2);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);  // caches context and PASID entry
  bench.iova = bench.iova + 4096;
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_FALSE(bench.unit.fault_log().pending());
  EXPECT_EQ(bench.unit.statistics().faults_suppressed, 1u);
}

TEST(RootEntryTest, BadUpperHalfDoesNotFaultADeviceOfTheLowerHalf) {
  Bench bench(Kind::kFirstStage);
  const RequesterId low{0x8108};
  bench.tables.add_function(low, {});
  bench.tables.set_pasid(low, kPasid,
                         tables::PasidSpec::first_stage(bench.process->root(), 4, kDomain));
  bench.poke(bench.tables.root_entry(kRid), 0, kBit(5));
  port::DmaRequest request = bench.request();
  request.requester = low;
  std::array<std::byte, 4> out{};
  EXPECT_EQ(bench.unit.read(request, out), DmaStatus::kSuccess);
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(bench.fault_code(), 0x3Au);
}

TEST(PasidEntryTest, IgnoredBitsAreNotReserved) {
  // Bits 133, 134 (old NXE, SMEP), CD, EMTE, EMT/PWT/PCD 95:89 and PAT 127:96 are ignored; AW is
  // for first stage.
  Bench bench(Kind::kFirstStage);
  bench.poke(bench.entry() + 16, 0, kBit(5) | kBit(6));
  bench.poke(bench.entry() + 8, 0, 0xFFFF'FFFF'FE00'0000);
  bench.poke(bench.entry(), 0, 7 << 2);
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
}

}  // namespace
}  // namespace siov::iommu::test
