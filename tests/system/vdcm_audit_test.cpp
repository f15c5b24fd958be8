// SPDX-License-Identifier: Apache-2.0
// Host software that makes a mistake (siov.md 2.4) in a whole system: the audit ends the run as
// bad.
#include <gtest/gtest.h>

#include <algorithm>

#include "whole_system.hpp"

namespace siov::system {
namespace {

using vdcm::VdcmMistakes;

RunResult play_with(const Scenario& scenario, const VdcmMistakes& mistakes) {
  RunOptions options;
  options.device = test::device_kind();
  options.mistakes = mistakes;
  return Testbench(scenario, options).run();
}

struct Wrong {
  const char* name;
  bool VdcmMistakes::*mistake;
  const char* rule;
};

class AuditedRunTest : public testing::TestWithParam<Wrong> {};

TEST_P(AuditedRunTest, AMistakeIsReportedUnderItsRule) {
  Scenario s = four_tenants(7);
  for (TenantParameters& t : s.tenants) {
    t.workload.descriptors = 60;
    t.workload.bad_input_permille = 200;  // errors to be forwarded
  }
  const RunResult right = play_with(s, {});
  EXPECT_TRUE(right.good()) << why(right);
  VdcmMistakes mistakes;
  mistakes.*GetParam().mistake = true;
  const RunResult wrong = play_with(s, mistakes);
  EXPECT_FALSE(wrong.good());
  EXPECT_GT(wrong.violations, 0u);
  EXPECT_NE(std::ranges::count(wrong.rules, GetParam().rule), 0)
      << GetParam().rule << " is not among " << testing::PrintToString(wrong.rules);
}

INSTANTIATE_TEST_SUITE_P(
    Mistakes, AuditedRunTest,
    testing::Values(Wrong{"MsixPortals", &VdcmMistakes::msix_portal, "SIOV-H-08"},
                    Wrong{"NoTranslation", &VdcmMistakes::map_before_translation, "SIOV-H-09"},
                    Wrong{"PasidFreeTooEarly", &VdcmMistakes::reuse_pasid_early, "SIOV-H-24"},
                    Wrong{"RawErrors", &VdcmMistakes::raw_errors, "SIOV-H-36"}),
    [](const testing::TestParamInfo<Wrong>& info) { return info.param.name; });

}  // namespace
}  // namespace siov::system
