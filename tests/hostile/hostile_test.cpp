// SPDX-License-Identifier: Apache-2.0
// Every attack: no victim changes, nothing leaks, and what the attack itself says must happen
// happens. SIOV_DEVICE picks the device.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>

#include "hostile/trial.hpp"
#include "system/device_factory.hpp"

namespace siov::test {
namespace {

hostile::TrialOptions options_of_run() {
  hostile::TrialOptions options;
  const char* const name = std::getenv("SIOV_DEVICE");
  if (name != nullptr && std::string(name) == "rtl") options.device = system::DeviceKind::kRtl;
  return options;
}

class AttackTest : public testing::TestWithParam<const hostile::Attack*> {};

TEST_P(AttackTest, NobodyElseNotices) {
  hostile::TrialOptions options = options_of_run();
  if (!system::device_available(options.device)) GTEST_SKIP() << "no such device in this build";
  hostile::Suite suite(options);
  const hostile::Verdict verdict = suite.run(*GetParam());
  EXPECT_TRUE(verdict.good()) << verdict.text();
  EXPECT_GT(verdict.steps, 0u);
}

std::vector<const hostile::Attack*> all_attacks() {
  std::vector<const hostile::Attack*> all;
  for (const hostile::Attack& attack : hostile::attacks()) all.push_back(&attack);
  return all;
}

std::string name_of(const testing::TestParamInfo<const hostile::Attack*>& info) {
  std::string name(info.param->name);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, AttackTest, testing::ValuesIn(all_attacks()), name_of);

}  // namespace
}  // namespace siov::test
