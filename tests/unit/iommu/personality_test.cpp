// SPDX-License-Identifier: Apache-2.0
// The ways to fail again on units with other capabilities: CM=1, RPS=0, PRS=0, SSADS=0, NEST=0, no
// paging-structure cache. vtd.md 1.2
#include <gtest/gtest.h>

#include <string>

#include "fault_cases.hpp"

namespace siov::iommu::test {
namespace {

struct Personality {
  const char* name;
  void (*change)(IommuConfig&);
  bool (*fits)(const Case&);  ///< cases that do not need the capability
};
void PrintTo(const Personality& p, std::ostream* out) { *out << p.name; }

bool is(const Case& c, const char* name) { return std::string(c.name) == name; }
bool any(const Case&) { return true; }

const Personality kPersonalities[] = {
    {"CachingMode", [](IommuConfig& c) { c.caching_mode = true; }, any},
    {"NoRidPasid", [](IommuConfig& c) { c.rid_pasid = false; },
     [](const Case& c) {
       return !is(c, "ContextRidPasidBeyondDirectory") && !is(c, "PasidIsRidPasid");
     }},
    {"NoPageRequests", [](IommuConfig& c) { c.page_requests = false; },
     [](const Case& c) { return !is(c, "ContextPageRequestsWithoutDeviceTlb"); }},
    {"NoSecondStageDirty", [](IommuConfig& c) { c.second_stage_dirty = false; },
     [](const Case& c) { return !c.shape.second_stage_dirty; }},
    {"NoNested", [](IommuConfig& c) { c.nested = false; },
     [](const Case& c) { return c.kind != Kind::kNested; }},
    {"NoStructureCache", [](IommuConfig& c) { c.structure_entries = 0; }, any},
};

class PersonalityTest : public testing::TestWithParam<Personality> {};

TEST_P(PersonalityTest, EachFaultIsRecordedWithItsCode) {
  unsigned ran = 0;
  for (const Case& c : kCases) {
    if (!GetParam().fits(c)) continue;
    IommuConfig config;
    if (c.configure != nullptr) c.configure(config);
    GetParam().change(config);
    Bench bench(c.kind, config, c.shape);
    c.arrange(bench);
    for (unsigned again = 0; again < 2; ++again) {  // the second time from what is cached
      EXPECT_EQ(run(bench, c.op), DmaStatus::kUnsupportedRequest) << c.name;
      EXPECT_EQ(bench.fault_code(again), c.code) << c.name;
    }
    ++ran;
  }
  EXPECT_GT(ran, 60u);
}

INSTANTIATE_TEST_SUITE_P(Each, PersonalityTest, testing::ValuesIn(kPersonalities),
                         [](const testing::TestParamInfo<Personality>& i) { return i.param.name; });

TEST(RidPasidPersonalityTest, WithoutRidPasidRequestsWithoutPasidUsePasid0) {
  IommuConfig config;
  config.rid_pasid = false;
  Bench bench(Kind::kFirstStage, config);
  bench.tables.set_pasid(kRid, Pasid{0}, tables::PasidSpec::pass_through(9));
  port::DmaRequest request = bench.request();
  request.pasid.reset();
  request.address = Iova{bench.frame.value};
  const std::uint64_t value = 5;
  EXPECT_EQ(bench.unit.write(request, std::as_bytes(std::span(&value, 1))), DmaStatus::kSuccess);
  EXPECT_EQ(bench.word(bench.frame), 5u);
}

}  // namespace
}  // namespace siov::iommu::test
