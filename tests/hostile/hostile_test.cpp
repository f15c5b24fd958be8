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
  static hostile::Suite suite(options);  // the run without an attack is played once
  const hostile::Verdict verdict = suite.run(*GetParam());
  EXPECT_TRUE(verdict.good()) << verdict.text();
  EXPECT_GT(verdict.steps, 0u);
}

std::vector<const hostile::Attack*> attacks_of(hostile::Group group) {
  std::vector<const hostile::Attack*> all;
  for (const hostile::Attack& attack : hostile::attacks()) {
    if (attack.group == group) all.push_back(&attack);
  }
  return all;
}

std::string name_of(const testing::TestParamInfo<const hostile::Attack*>& info) {
  std::string name(info.param->name);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Config, AttackTest, testing::ValuesIn(attacks_of(hostile::Group::kConfig)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Registers, AttackTest,
                         testing::ValuesIn(attacks_of(hostile::Group::kRegisters)), name_of);
INSTANTIATE_TEST_SUITE_P(Interrupts, AttackTest,
                         testing::ValuesIn(attacks_of(hostile::Group::kInterrupts)), name_of);
INSTANTIATE_TEST_SUITE_P(Portals, AttackTest,
                         testing::ValuesIn(attacks_of(hostile::Group::kPortals)), name_of);
INSTANTIATE_TEST_SUITE_P(Descriptors, AttackTest,
                         testing::ValuesIn(attacks_of(hostile::Group::kDescriptors)), name_of);
INSTANTIATE_TEST_SUITE_P(Memory, AttackTest, testing::ValuesIn(attacks_of(hostile::Group::kMemory)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Cpu, AttackTest, testing::ValuesIn(attacks_of(hostile::Group::kCpu)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(LifeCycle, AttackTest,
                         testing::ValuesIn(attacks_of(hostile::Group::kLifeCycle)), name_of);

}  // namespace
}  // namespace siov::test
