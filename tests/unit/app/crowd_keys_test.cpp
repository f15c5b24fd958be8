// SPDX-License-Identifier: Apache-2.0
// Scenario files: keys for many tenants, and for those that come and go.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "app/input_error.hpp"
#include "app/scenario_file.hpp"

namespace siov::app {
namespace {

const std::string kCrowd = R"(name = "t"
[host]
pasids = "scattered"
[[device.wq]]
mode = "dedicated"
count = 2
size = 8
[[device.wq]]
mode = "shared"
count = 3
size = 4
threshold = 2
groups = [0, 1]
[[device.group]]
engines = [0]
[[device.group]]
engines = [1]
[[tenant]]
name = "d"
count = 2
vdev = "dedicated"
wq = "any"
workload = { mix = { copy = 1 }, descriptors = 3 }
[[tenant]]
name = "s"
count = 5
vm = 10
vms = 2
vdev = "shared"
wq = "any"
interrupt_entries = false
workload = { mix = { copy = 1 }, descriptors = 3 }
[[tenant]]
name = "e"
vdev = "emulated"
mode = "shared"
workload = { mix = { fill = 1 }, descriptors = 3 }
[churn]
lanes = 3
lives = 5
events = 6
descriptors = 7
window = 8
largest = 900
pause = 1
move = 2
reset = 3
quiet = 4
dedicated = 0.5
emulated = 0.25
killed = 0.125
)";

std::string with(const std::string& from, const std::string& to) {
  std::string text = kCrowd;
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

TEST(CrowdKeysTest, TemplatesBecomeTenantsAndQueues) {
  const system::Scenario s = parse_scenario(kCrowd, "s.toml");
  EXPECT_TRUE(s.host.scatter_pasids);
  ASSERT_EQ(s.wqs.size(), 5u);
  EXPECT_FALSE(s.wqs[1].shared);
  EXPECT_TRUE(s.wqs[2].shared);
  EXPECT_EQ(s.wqs[2].group, 0u);
  EXPECT_EQ(s.wqs[3].group, 1u);
  EXPECT_EQ(s.wqs[4].group, 0u);
  ASSERT_EQ(s.tenants.size(), 8u);
  EXPECT_EQ(s.tenants[0].name, "d-0");
  EXPECT_EQ(s.tenants[0].vm, 0u);
  EXPECT_EQ(s.tenants[1].name, "d-1");
  EXPECT_EQ(s.tenants[1].vm, 1u);
  EXPECT_TRUE(s.tenants[1].any_wq);
  EXPECT_FALSE(s.tenants[1].shared);
  EXPECT_EQ(s.tenants[2].name, "s-0");
  EXPECT_EQ(s.tenants[4].vm, 10u);
  EXPECT_EQ(s.tenants[5].vm, 11u);
  EXPECT_EQ(s.tenants[6].name, "s-4");
  EXPECT_FALSE(s.tenants[6].interrupt_entries);
  EXPECT_EQ(s.tenants[7].name, "e");
  EXPECT_TRUE(s.tenants[7].emulated);
  EXPECT_TRUE(s.tenants[7].shared);
  EXPECT_EQ(s.churn.lanes, 3u);
  EXPECT_EQ(s.churn.lives, 5u);
  EXPECT_EQ(s.churn.events, 6u);
  EXPECT_EQ(s.churn.descriptors, 7u);
  EXPECT_EQ(s.churn.window, 8u);
  EXPECT_EQ(s.churn.size_max, 900u);
  EXPECT_EQ(s.churn.pause, 1u);
  EXPECT_EQ(s.churn.move, 2u);
  EXPECT_EQ(s.churn.reset, 3u);
  EXPECT_EQ(s.churn.quiet, 4u);
  EXPECT_EQ(s.churn.dedicated_permille, 500u);
  EXPECT_EQ(s.churn.emulated_permille, 250u);
  EXPECT_EQ(s.churn.killed_permille, 125u);
  EXPECT_EQ(s.churn.planned(), 630u);
}

struct Bad {
  const char* from;
  const char* to;
  const char* message;
};
class CrowdErrorTest : public testing::TestWithParam<Bad> {};

TEST_P(CrowdErrorTest, WrongInputIsNamedWithFileLineKeyAndExpectation) {
  EXPECT_EQ(error_of(with(GetParam().from, GetParam().to)), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Keys, CrowdErrorTest,
    testing::Values(
        Bad{"pasids = \"scattered\"", "pasids = \"random\"",
            "s.toml:3: host.pasids: expected one of \"ascending\" \"scattered\", found 'random'"},
        Bad{"count = 2\nsize = 8", "count = 0\nsize = 8",
            "s.toml:6: device.wq[0].count: expected a whole number from 1 to 8, found 0"},
        Bad{"count = 3\nsize = 4", "count = 7\nsize = 4",
            "s.toml:10: device.wq[1].count: expected at most 8 work queues in all"},
        Bad{"count = 3\nsize = 4", "count = 3\nsize = 38",
            "s.toml:11: device.wq[1].size: expected at most 128 entries in all work queues "
            "together"},
        Bad{"groups = [0, 1]", "groups = [0, 9]",
            "s.toml:13: device.wq[1].groups: expected a list of 1 to 4 whole numbers from 0 to 3, "
            "found 9"},
        Bad{"groups = [0, 1]", "groups = [0, 1]\ngroup = 0",
            "s.toml:13: device.wq[1].groups: expected either group or groups, found both"},
        Bad{"count = 2\nvdev", "count = 3\nvdev",
            "s.toml:21: tenant[0].vdev: expected at most as many dedicated tenants as there are "
            "dedicated work queues (2)"},
        Bad{"wq = \"any\"\nworkload", "wq = 0\nworkload",
            "s.toml:22: tenant[0].wq: expected \"any\", because each of 2 tenants needs a "
            "dedicated work queue of its own"},
        Bad{"wq = \"any\"\nworkload", "wq = \"some\"\nworkload",
            "s.toml:22: tenant[0].wq: expected one of \"any\", found 'some'"},
        Bad{"vms = 2", "vms = 6",
            "s.toml:28: tenant[1].vms: expected a whole number from 1 to 5, found 6"},
        Bad{"vm = 10", "vm = 4095",
            "s.toml:28: tenant[1].vms: expected VM numbers from 0 to 4095, found 4096"},
        Bad{"name = \"s\"", "name = \"d\"",
            "s.toml:25: tenant[1].name: expected a name no other tenant has, found \"d-0\""},
        Bad{"interrupt_entries = false", "interrupt_entries = false\nwait = \"interrupt\"",
            "s.toml:31: tenant[1].interrupt_entries: expected true, because the guest asks for "
            "interrupts"},
        Bad{"mode = \"shared\"\nworkload", "wq = 1\nworkload",
            "s.toml:36: tenant[2].wq: expected no such key: vdev is \"emulated\""},
        Bad{"mix = { fill = 1 }", "mix = { crc = 1 }",
            "s.toml:37: tenant[2].workload.mix: expected only operations of the work queue, found "
            "crc"},
        Bad{"mix = { fill = 1 }, descriptors = 3",
            "mix = { fill = 1 }, descriptors = 3, bad_input = 0.1",
            "s.toml:37: tenant[2].workload.mix: expected no batches and no bad input: the queue is "
            "emulated"},
        Bad{"largest = 900", "biggest = 900",
            "s.toml:44: churn.biggest: expected one of the keys dedicated, descriptors, emulated, "
            "events, killed, lanes, largest, lives, move, pause, quiet, reset, window"}));

std::string multi(const std::string& queues) {
  return "name = \"t\"\n[[device.wq]]\nmode = \"dedicated\"\n[[device.wq]]\nmode = \"shared\"\n"
         "[[tenant]]\nname = \"a\"\nvdev = \"multi\"\n" +
         queues + "\nworkload = { mix = { copy = 1 }, descriptors = 3 }\n";
}

TEST(CrowdKeysTest, TenantsOfSeveralQueues) {
  const system::Scenario s = parse_scenario(multi("queues = [1, 0]"), "s.toml");
  EXPECT_EQ(s.tenants.at(0).queues, (std::vector<std::uint32_t>{1, 0}));
  EXPECT_TRUE(s.tenants.at(0).shared);
  EXPECT_EQ(system::dedicated_queues(s, s.tenants[0]), 1u);
  EXPECT_EQ(error_of(multi("queues = [1, 1]")),
            "s.toml:9: tenant[0].queues: expected different queues, found 1 twice");
  EXPECT_EQ(error_of(multi("queues = [1]")),
            "s.toml:9: tenant[0].queues: expected a list of 2 to 8 whole numbers from 0 to 1");
  EXPECT_EQ(error_of(multi("queues = [0, 1]\ncount = 2")),
            "s.toml:9: tenant[0].queues: expected \"any\", because each of 2 tenants needs a "
            "dedicated work queue of its own");
  EXPECT_EQ(error_of(multi("")),
            "s.toml:6: tenant[0].queues: expected a list of 2 to 8 numbers of work queues of "
            "[device]; the key is missing");
  EXPECT_EQ(error_of(multi("queues = [0, 1]") +
                     "[[tenant]]\nname = \"b\"\nvdev = \"dedicated\"\nwq = 0\n"),
            "s.toml:14: tenant[1].wq: expected a dedicated work queue of its own, found one that "
            "\"a\" has");
}

TEST(CrowdKeysTest, ChurnNeedsLanesWeightsAndASharedQueue) {
  EXPECT_EQ(error_of(with("lanes = 3\n", "")),
            "s.toml:38: churn.lanes: expected a whole number from 1 to 1024; the key is missing");
  std::string none = with("pause = 1\nmove = 2\nreset = 3\nquiet = 4",
                          "pause = 0\nmove = 0\nreset = 0\nquiet = 0");
  EXPECT_EQ(error_of(none), "s.toml:48: churn.quiet: expected at least one weight above 0");
  EXPECT_EQ(error_of("name = \"t\"\n[[device.wq]]\nmode = \"dedicated\"\n[churn]\nlanes = 1\n"),
            "s.toml:5: churn.lanes: expected a [device] with a shared work queue");
}

/// The files that come with the project. docs/scenarios.md, issue D: 4096 VDEVs, 1024 VMs, 128
/// queues
TEST(CrowdKeysTest, TheScaleScenarioIsWhatItSays) {
  const system::Scenario s = load_scenario(SIOV_SOURCE_DIR "/scenarios/scale.toml");
  EXPECT_EQ(s.personality, system::Personality::kLarge);
  EXPECT_EQ(s.wqs.size(), 128u);
  EXPECT_EQ(s.tenants.size(), 4096u);
  EXPECT_TRUE(s.host.scatter_pasids);
  std::map<std::uint32_t, int> vms;
  std::uint64_t descriptors = 0, shared = 0, entries = 0;
  for (const system::TenantParameters& t : s.tenants) {
    ++vms[t.vm];
    descriptors += planned_descriptors(s, t);
    shared += t.shared ? 1 : 0;
    entries += t.interrupt_entries ? 1 : 0;
  }
  EXPECT_EQ(vms.size(), 1024u);
  EXPECT_GE(descriptors, 100'000u);
  EXPECT_EQ(shared, 4080u);
  EXPECT_EQ(entries, 4096u);
}

}  // namespace
}  // namespace siov::app
