// SPDX-License-Identifier: Apache-2.0
// The unit against the reference walker (reference_walker.hpp) on random tables.
//
//   SIOV_FUZZ_SCALE=12 unit_iommu --gtest_filter=WalkerFuzzTest.*     twelve times as many
#include "walker_fuzz.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace siov::iommu::test {
namespace {

std::uint64_t scale() {
  const char* text = std::getenv("SIOV_FUZZ_SCALE");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

TEST(WalkerFuzzTest, UnitAndReferenceAgree) {
  WalkerFuzz fuzz(0x5EED);
  const std::uint64_t wanted = 100'000 * scale();
  while (fuzz.report().translations < wanted && fuzz.report().differences < 100) fuzz.scenario();
  const WalkerFuzz::Report& report = fuzz.report();
  fmt::print("{}translations {}, differences {}, warm {}, digest {:016x}\n", report.table(),
             report.translations, report.differences, report.warm, report.digest());
  EXPECT_EQ(report.differences, 0u) << report.text;
}

}  // namespace
}  // namespace siov::iommu::test
