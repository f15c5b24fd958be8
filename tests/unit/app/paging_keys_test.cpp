// SPDX-License-Identifier: Apache-2.0
// Keys of scenario files for ATS, page requests, demand paging and what the host does wrong.
#include <gtest/gtest.h>

#include <string>

#include "app/input_error.hpp"
#include "app/scenario_file.hpp"

namespace siov::app {
namespace {

// Line numbers in the expectations below count from here.
const std::string kGood = R"(name = "t"
[device]
ats = true
pri = true
[[device.wq]]
mode = "dedicated"
block_on_fault = true
[[device.wq]]
mode = "dedicated"
prs_disable = true
[[device.wq]]
mode = "dedicated"
ats_disable = true
[[tenant]]
name = "a"
vdev = "dedicated"
wq = 0
paging = "demand"
absent = 0.4
evict = 3
workload = { mix = { copy = 1 }, descriptors = 5 }
[[tenant]]
name = "b"
vdev = "dedicated"
wq = 1
paging = "demand"
workload = { mix = { copy = 1 }, descriptors = 5 }
[[tenant]]
name = "c"
vdev = "dedicated"
wq = 2
paging = "pinned"
workload = { mix = { copy = 1 }, descriptors = 5 }
[host]
invalidations = 40
page_latency = [300, 900]
page_requests = 8
mistakes = ["keep-device-tlb", "no-page-response"]
)";

std::string with(const std::string& from, const std::string& to) {
  std::string text = kGood;
  const std::size_t at = text.find(from);
  if (at == std::string::npos) return "the text to replace is not there";
  return text.replace(at, from.size(), to);
}

std::string error_of(const std::string& text) {
  try {
    parse_scenario(text, "s.toml");
  } catch (const InputError& e) {
    return e.what();
  }
  return "no error";
}

TEST(PagingKeysTest, EveryKeyIsRead) {
  const system::Scenario s = parse_scenario(kGood, "s.toml");
  EXPECT_TRUE(s.ats);
  EXPECT_TRUE(s.pri);
  EXPECT_TRUE(s.wqs[0].block_on_fault);
  EXPECT_FALSE(s.wqs[0].prs_disable);
  EXPECT_TRUE(s.wqs[1].prs_disable);
  EXPECT_TRUE(s.wqs[2].ats_disable);
  EXPECT_TRUE(s.tenants[0].paging.demand);
  EXPECT_EQ(s.tenants[0].paging.absent_permille, 400U);
  EXPECT_EQ(s.tenants[0].paging.evict, 3U);
  EXPECT_TRUE(s.tenants[1].paging.demand);
  EXPECT_EQ(s.tenants[1].paging.absent_permille, 300U);
  EXPECT_EQ(s.tenants[1].paging.evict, 0U);
  EXPECT_FALSE(s.tenants[2].paging.demand);
  EXPECT_EQ(s.host.invalidations, 40U);
  EXPECT_EQ(s.host.page_latency_min, 300U);
  EXPECT_EQ(s.host.page_latency_max, 900U);
  EXPECT_EQ(s.host.page_requests, 8U);
  ASSERT_EQ(s.host.mistakes.size(), 2U);
  EXPECT_TRUE(s.host.makes(system::Mistake::kKeepDeviceTlb));
  EXPECT_TRUE(s.host.makes(system::Mistake::kNoPageResponse));
  EXPECT_FALSE(s.host.makes(system::Mistake::kKeepIotlb));
}

TEST(PagingKeysTest, EverythingIsOffByDefault) {
  const system::Scenario s = parse_scenario(
      "name = \"t\"\n[[device.wq]]\nmode = \"dedicated\"\n[[tenant]]\nname = \"a\"\nvdev = "
      "\"dedicated\"\nwq = 0\nworkload = { mix = { copy = 1 }, descriptors = 5 }\n",
      "s.toml");
  EXPECT_FALSE(s.ats);
  EXPECT_FALSE(s.pri);
  EXPECT_FALSE(s.wqs[0].block_on_fault);
  EXPECT_FALSE(s.tenants[0].paging.demand);
  EXPECT_EQ(s.host.invalidations, 0U);
  EXPECT_TRUE(s.host.mistakes.empty());
}

struct Bad {
  const char* from;
  const char* to;
  const char* message;
};
class PagingErrorTest : public testing::TestWithParam<Bad> {};

TEST_P(PagingErrorTest, WrongInputIsNamedWithFileLineKeyAndExpectation) {
  EXPECT_EQ(error_of(with(GetParam().from, GetParam().to)), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Keys, PagingErrorTest,
    testing::Values(
        Bad{"ats = true", "ats = false",
            "s.toml:4: device.pri: expected false, because page requests need ATS (device.ats)"},
        Bad{"ats = true\n", "ats = 1\n", "s.toml:3: device.ats: expected true or false, found 1"},
        Bad{"pri = true", "pri = false",
            "s.toml:7: device.wq[0].block_on_fault: expected false, because PRI is off "
            "(device.pri)"},
        Bad{"block_on_fault = true", "block_on_fault = true\nprs_disable = true",
            "s.toml:7: device.wq[0].block_on_fault: expected false, because ATS or PRS of the "
            "queue "
            "is disabled"},
        Bad{"block_on_fault = true", "block_on_fault = true\nats_disable = true",
            "s.toml:7: device.wq[0].block_on_fault: expected false, because ATS or PRS of the "
            "queue "
            "is disabled"},
        Bad{"ats = true\npri = true", "\n",
            "s.toml:7: device.wq[0].block_on_fault: expected false, because PRI is off "
            "(device.pri)"},
        Bad{"wq = 2\npaging = \"pinned\"", "wq = 2\npaging = \"demand\"",
            "s.toml:32: tenant[2].paging: expected \"pinned\", because ATS of the device or the "
            "work "
            "queue is off"},
        Bad{"paging = \"demand\"\nabsent",
            "translation = \"pass-through\"\npaging = \"demand\"\nabsent",
            "s.toml:19: tenant[0].paging: expected \"pinned\", because pass-through has no tables"},
        Bad{"paging = \"demand\"\nabsent", "paging = \"pinned\"\nabsent",
            "s.toml:19: tenant[0].absent: expected no such key: paging is not \"demand\""},
        Bad{"paging = \"demand\"\nabsent = 0.4", "",
            "s.toml:19: tenant[0].evict: expected no such key: paging is not \"demand\""},
        Bad{"paging = \"pinned\"", "paging = \"swapped\"",
            "s.toml:32: tenant[2].paging: expected one of \"pinned\" \"demand\", found 'swapped'"},
        Bad{"absent = 0.4", "absent = 1.5",
            "s.toml:19: tenant[0].absent: expected a share from 0.0 to 1.0, found 1.5"},
        Bad{"evict = 3", "evict = 101",
            "s.toml:20: tenant[0].evict: expected a whole number from 0 to 100, found 101"},
        Bad{"invalidations = 40", "invalidations = 1001",
            "s.toml:35: host.invalidations: expected a whole number from 0 to 1000, found 1001"},
        Bad{"page_latency = [300, 900]", "page_latency = [900, 300]",
            "s.toml:36: host.page_latency: expected [least, most], found most < least"},
        Bad{"page_requests = 8", "page_requests = 513",
            "s.toml:37: host.page_requests: expected a whole number from 0 to 512, found 513"},
        Bad{"invalidations = 40", "invalidation = 40",
            "s.toml:35: host.invalidation: expected one of the keys invalidations, mistakes, "
            "page_latency, page_requests, pasids"},
        Bad{"\"keep-device-tlb\"", "\"keep-cat\"",
            "s.toml:38: host.mistakes: expected names out of keep-device-tlb keep-iotlb no-wait "
            "no-page-response second-page-response success-without-mapping drop-held replay-twice "
            "save-before-drain miss-dirty-pages, found keep-cat"}));

TEST(PagingKeysTest, MistakesNeedWhatTheyAreAbout) {
  const std::string plain =
      "name = \"t\"\n[[device.wq]]\nmode = \"dedicated\"\n[[tenant]]\nname = \"a\"\nvdev = "
      "\"dedicated\"\nwq = 0\nworkload = { mix = { copy = 1 }, descriptors = 5 }\n[host]\n";
  EXPECT_EQ(error_of(plain + "mistakes = [\"keep-iotlb\"]"),
            "s.toml:10: host.mistakes: expected no keep-iotlb, because ATS is off (device.ats)");
  EXPECT_EQ(error_of(plain + "mistakes = [\"no-page-response\"]"),
            "s.toml:10: host.mistakes: expected no no-page-response, because PRI is off "
            "(device.pri)");
  EXPECT_EQ(error_of(plain + "page_requests = 3"),
            "s.toml:10: host.page_requests: expected no such key: PRI is off (device.pri)");
  const std::string ats = "name = \"t\"\n[device]\nats = true\n" + plain.substr(11);
  EXPECT_EQ(error_of(ats + "mistakes = [\"keep-iotlb\"]"),
            "s.toml:12: host.mistakes: expected no keep-iotlb, because no tenant has paging "
            "\"demand\"");
}

TEST(TranslationModeTest, EachModeRewritesTheWholeScenario) {
  system::Scenario s = parse_scenario(kGood, "s.toml");
  s.tenants[1].translation = system::Translation::kPassThrough;
  system::set_translation_mode(s, system::TranslationMode::kPri);
  EXPECT_TRUE(s.ats && s.pri);
  for (const system::WqParameters& wq : s.wqs) {
    EXPECT_TRUE(wq.block_on_fault);
    EXPECT_FALSE(wq.ats_disable || wq.prs_disable);
  }
  EXPECT_TRUE(s.host.mistakes.empty());
  EXPECT_EQ(s.tenants[0].paging.absent_permille, 400U) << "what it has, if that is more";
  EXPECT_EQ(s.tenants[0].paging.evict, 3U);
  EXPECT_FALSE(s.tenants[1].paging.demand) << "pass-through has no tables";
  EXPECT_TRUE(s.tenants[2].paging.demand);
  EXPECT_EQ(s.tenants[2].paging.absent_permille, 300U);
  system::set_translation_mode(s, system::TranslationMode::kAts);
  EXPECT_TRUE(s.ats);
  EXPECT_FALSE(s.pri);
  for (const system::WqParameters& wq : s.wqs) EXPECT_FALSE(wq.block_on_fault);
  for (const system::TenantParameters& t : s.tenants) {
    EXPECT_FALSE(t.paging.demand);
    EXPECT_EQ(t.paging.evict, 0U);
  }
  system::set_translation_mode(s, system::TranslationMode::kOff);
  EXPECT_FALSE(s.ats || s.pri);
}

}  // namespace
}  // namespace siov::app
