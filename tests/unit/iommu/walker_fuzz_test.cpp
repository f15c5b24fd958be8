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

/// Reasons of vtd.md 9.1 and 9.2 that a request for memory can end with on this unit.
constexpr unsigned kReasons[] = {
    0x00, 0x29, 0x30, 0x31, 0x33, 0x38, 0x39, 0x3A, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x48,
    0x50, 0x51, 0x52, 0x58, 0x59, 0x5A, 0x5B, 0x5D, 0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77,
    0x78, 0x79, 0x7A, 0x7B, 0x7C, 0x7D, 0x80, 0x81, 0x83, 0x84, 0x85, 0x86, 0x87, 0x89, 0x90, 0x91};

TEST(WalkerFuzzTest, UnitAndReferenceAgree) {
  WalkerFuzz fuzz(0x5EED);
  const std::uint64_t wanted = 120'000 * scale();
  while (fuzz.report().translations < wanted && fuzz.report().differences < 100) fuzz.scenario();
  const WalkerFuzz::Report& report = fuzz.report();
  fmt::print("{}translations {}, differences {}, from the IOTLB {}, digest {:016x}\n",
             report.table(), report.translations, report.differences, report.warm, report.digest());
  EXPECT_EQ(report.differences, 0u) << report.text;
  for (const unsigned reason : kReasons)
    EXPECT_TRUE(report.reasons.contains(reason))
        << fmt::format("{:02x}h was never reached", reason);
}

TEST(WalkerFuzzTest, ColdUnitAgreesAsWell) {
  WalkerFuzz fuzz(0xC01D, {.cold = true});
  while (fuzz.report().translations < 15'000) fuzz.scenario();
  EXPECT_EQ(fuzz.report().differences, 0u) << fuzz.report().text;
  EXPECT_EQ(fuzz.report().warm, 0u);
}

/// Differences that a mistake makes, at least 1 unless 60,000 requests show none.
std::uint64_t differences(const WalkerFuzz::Mistakes& mistakes) {
  WalkerFuzz fuzz(0xBAD, mistakes);
  while (fuzz.report().translations < 60'000 && fuzz.report().differences == 0) fuzz.scenario();
  return fuzz.report().differences;
}

TEST(WalkerFuzzNegativeTest, MissingInvalidationIsSeen) {
  EXPECT_GT(differences({.skip_invalidation = true}), 0u);
}

struct Misbelief {
  const char* name;
  void (*alter)(IommuConfig&);
};

void PrintTo(const Misbelief& m, std::ostream* out) { *out << m.name; }

class WalkerFuzzMisbeliefTest : public testing::TestWithParam<Misbelief> {};

TEST_P(WalkerFuzzMisbeliefTest, ReferenceOfAnotherUnitDiffers) {
  EXPECT_GT(differences({.alter = GetParam().alter}), 0u);
}

#define MISBELIEF(field)                                \
  Misbelief {                                           \
#field, [](IommuConfig & c) { c.field = !c.field; } \
  }
INSTANTIATE_TEST_SUITE_P(
    EachCapability, WalkerFuzzMisbeliefTest,
    testing::Values(MISBELIEF(zero_length_read), MISBELIEF(first_stage_1g),
                    MISBELIEF(first_stage_5_level), MISBELIEF(second_stage_2m),
                    MISBELIEF(second_stage_1g), MISBELIEF(second_stage_3_level),
                    MISBELIEF(second_stage_4_level), MISBELIEF(second_stage_5_level),
                    MISBELIEF(first_stage), MISBELIEF(second_stage), MISBELIEF(nested),
                    MISBELIEF(pass_through), MISBELIEF(pasid), MISBELIEF(rid_pasid),
                    MISBELIEF(rid_privilege), MISBELIEF(supervisor), MISBELIEF(snoop_control),
                    MISBELIEF(second_stage_dirty), MISBELIEF(extended_accessed),
                    MISBELIEF(coherent_walk), MISBELIEF(abort_dma), MISBELIEF(device_tlb),
                    MISBELIEF(page_requests), MISBELIEF(no_write_flag),
                    Misbelief{"mgaw", [](IommuConfig& c) { c.mgaw = c.mgaw == 39 ? 57 : 39; }},
                    Misbelief{"haw", [](IommuConfig& c) { c.haw = c.haw == 46 ? 52 : 46; }},
                    Misbelief{"pasid_bits", [](IommuConfig& c) { c.pasid_bits = 7; }}),
    [](const auto& info) { return std::string(info.param.name); });
#undef MISBELIEF

}  // namespace
}  // namespace siov::iommu::test
