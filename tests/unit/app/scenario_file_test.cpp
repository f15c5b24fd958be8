// SPDX-License-Identifier: Apache-2.0
// Scenario files: what each key sets, and the one clear line for each way to be wrong. Keys:
// docs/scenarios.md.
#include "app/scenario_file.hpp"

#include <gtest/gtest.h>

#include <string>

#include "app/input_error.hpp"

namespace siov::app {
namespace {

// Line numbers in the expectations below count from here.
const std::string kGood = R"(name = "t"
seed = 7
length = 50
[link]
latency = [100, 200]
reorder = true
rcb = 128
mps = 512
mrrs = 1024
stall_permille = 10
[link.credits]
posted_header = 8
completion_data = 999
[[device.wq]]
mode = "dedicated"
size = 24
priority = 3
[[device.wq]]
mode = "shared"
size = 4
threshold = 2
group = 1
[[device.group]]
engines = [0]
[[device.group]]
engines = [2, 3]
[[tenant]]
name = "a"
vm = 3
vdev = "dedicated"
wq = 0
translation = "nested"
levels = 5
page_size = "2m"
window = 9
wait = "interrupt"
interrupts = 0.25
workload = { trace = "x.csv", limit = 10 }
[[tenant]]
name = "b"
vdev = "shared"
wq = 1
translation = "pass-through"
workload = { mix = { copy = 3, noop = 1 }, descriptors = 77, sizes = [5, 60] }
)";

/// The good file with one text replaced.
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

TEST(ScenarioFileTest, EveryKeyIsRead) {
  const system::Scenario s = parse_scenario(kGood, "s.toml");
  EXPECT_EQ(s.name, "t");
  EXPECT_EQ(s.seed, 7U);
  EXPECT_EQ(s.length, 50U);
  EXPECT_EQ(s.link.latency_min, 100U);
  EXPECT_EQ(s.link.latency_max, 200U);
  EXPECT_TRUE(s.link.reorder);
  EXPECT_EQ(s.link.rcb, 128U);
  EXPECT_EQ(s.link.mps, 512U);
  EXPECT_EQ(s.link.mrrs, 1024U);
  EXPECT_EQ(s.link.stall_permille, 10U);
  EXPECT_EQ(s.link.posted.header, 8U);
  EXPECT_EQ(s.link.completion.data, 999U);
  ASSERT_EQ(s.wqs.size(), 2U);
  EXPECT_FALSE(s.wqs[0].shared);
  EXPECT_EQ(s.wqs[0].size, 24U);
  EXPECT_EQ(s.wqs[0].priority, 3U);
  EXPECT_TRUE(s.wqs[1].shared);
  EXPECT_EQ(s.wqs[1].threshold, 2U);
  EXPECT_EQ(s.wqs[1].group, 1U);
  ASSERT_EQ(s.groups.size(), 2U);
  EXPECT_EQ(s.groups[1].engines, (std::vector<std::uint32_t>{2, 3}));
  ASSERT_EQ(s.tenants.size(), 2U);
  const system::TenantParameters& a = s.tenants[0];
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.vm, 3U);
  EXPECT_FALSE(a.shared);
  EXPECT_EQ(a.translation, system::Translation::kNested);
  EXPECT_EQ(a.levels, 5U);
  EXPECT_TRUE(a.large_pages);
  EXPECT_EQ(a.window, 9U);
  EXPECT_EQ(a.wait, system::WaitMode::kInterrupt);
  EXPECT_EQ(a.interrupt_permille, 250U);
  EXPECT_EQ(a.workload.trace, "x.csv");
  EXPECT_EQ(a.workload.limit, 10U);
  const system::TenantParameters& b = s.tenants[1];
  EXPECT_TRUE(b.shared);
  EXPECT_EQ(b.translation, system::Translation::kPassThrough);
  EXPECT_EQ(b.workload.mix.copy, 3U);
  EXPECT_EQ(b.workload.mix.fill, 0U);
  EXPECT_EQ(b.workload.descriptors, 77U);
  EXPECT_EQ(b.workload.size_min, 5U);
  EXPECT_EQ(b.workload.size_max, 60U);
}

struct Bad {
  const char* from;
  const char* to;
  const char* message;
};
class ScenarioErrorTest : public testing::TestWithParam<Bad> {};

TEST_P(ScenarioErrorTest, WrongInputIsNamedWithFileLineKeyAndExpectation) {
  EXPECT_EQ(error_of(with(GetParam().from, GetParam().to)), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Keys, ScenarioErrorTest,
    testing::Values(
        Bad{"seed = 7", "sede = 7",
            "s.toml:2: sede: expected one of the keys churn, device, host, inject, length, link, "
            "max_cycles, "
            "migration, name, second, seed, tenant"},
        Bad{"mrrs = 1024", "mrss = 1024",
            "s.toml:9: link.mrss: expected one of the keys credits, latency, mps, mrrs, rcb, "
            "reorder, stall_permille"},
        Bad{"size = 24", "depth = 24",
            "s.toml:16: device.wq[0].depth: expected one of the keys ats_disable, block_on_fault, "
            "count, group, groups, max_batch_log2, "
            "max_transfer_log2, mode, operations, priority, prs_disable, size, threshold"},
        Bad{"completion_data = 999", "data = 1",
            "s.toml:13: link.credits.data: expected one of the keys completion_data, "
            "completion_header, nonposted_data, "
            "nonposted_header, posted_data, posted_header"},
        Bad{"limit = 10", "limt = 10",
            "s.toml:38: tenant[0].workload.limt: expected one of the keys limit, trace"},
        Bad{"noop = 1", "nop = 1",
            "s.toml:44: tenant[1].workload.mix.nop: expected one of the keys apply_delta, "
            "cache_flush, compare, compare_pattern, copy, copy_crc, crc, create_delta, dif_check, "
            "dif_insert, dif_strip, dif_update, drain, dualcast, fill, fill16, move, noop"},
        Bad{"priority = 3", "operations = [\"move\", \"fly\"]",
            "s.toml:17: device.wq[0].operations: expected names out of noop batch drain move fill "
            "compare compare_pattern create_delta apply_delta dualcast crc copy_crc dif_check "
            "dif_insert dif_strip dif_update cache_flush, found fly"},
        Bad{"priority = 3", "max_transfer_log2 = 11",
            "s.toml:17: device.wq[0].max_transfer_log2: expected a whole number from 12 to 31, "
            "found 11"},
        Bad{"window = 9", "windows = 9",
            "s.toml:35: tenant[0].windows: expected one of the keys absent, count, evict, host, "
            "interrupt_entries, interrupts, levels, name, "
            "page_size, paging, translation, "
            "vdev, vm, wait, window, workload, wq"}));

INSTANTIATE_TEST_SUITE_P(
    Ranges, ScenarioErrorTest,
    testing::Values(
        Bad{"seed = 7", "seed = -1",
            "s.toml:2: seed: expected a whole number from 0 to 9223372036854775807, found -1"},
        Bad{"seed = 7", "seed = \"7\"",
            "s.toml:2: seed: expected a whole number from 0 to 9223372036854775807, found '7'"},
        Bad{"latency = [100, 200]", "latency = [200, 100]",
            "s.toml:5: link.latency: expected [least, most], found most < least"},
        Bad{"latency = [100, 200]", "latency = 100",
            "s.toml:5: link.latency: expected a list of 1 to 2 whole numbers from 1 to 100000"},
        Bad{"reorder = true", "reorder = 1",
            "s.toml:6: link.reorder: expected true or false, found 1"},
        Bad{"rcb = 128", "rcb = 96", "s.toml:7: link.rcb: expected one of 64 128, found 96"},
        Bad{"mps = 512", "mps = 1024",
            "s.toml:8: link.mps: expected one of 128 256 512, found 1024"},
        Bad{"stall_permille = 10", "stall_permille = 901",
            "s.toml:10: link.stall_permille: expected a whole number from 0 to 900, found 901"},
        Bad{"posted_header = 8", "posted_header = 128",
            "s.toml:12: link.credits.posted_header: expected a whole number from 1 to 127, found "
            "128"},
        Bad{"mode = \"dedicated\"", "mode = \"mine\"",
            "s.toml:15: device.wq[0].mode: expected one of \"dedicated\" \"shared\", found 'mine'"},
        Bad{"size = 24", "size = 129",
            "s.toml:16: device.wq[0].size: expected a whole number from 1 to 128, found 129"},
        Bad{"size = 4\n", "size = 105\n",
            "s.toml:20: device.wq[1].size: expected at most 128 entries in all work queues "
            "together"},
        Bad{"priority = 3", "priority = 0",
            "s.toml:17: device.wq[0].priority: expected a whole number from 1 to 15, found 0"},
        Bad{"engines = [2, 3]", "engines = [0, 3]",
            "s.toml:26: device.group[1].engines: expected each engine in one group only"},
        Bad{"engines = [2, 3]", "engines = [4]",
            "s.toml:26: device.group[1].engines: expected a list of 1 to 4 whole numbers from 0 to "
            "3, found 4"},
        Bad{"levels = 5", "levels = 3",
            "s.toml:33: tenant[0].levels: expected a whole number from 4 to 5, found 3"},
        Bad{"page_size = \"2m\"", "page_size = \"8k\"",
            "s.toml:34: tenant[0].page_size: expected one of \"4k\" \"2m\", found '8k'"},
        Bad{"window = 9", "window = 0",
            "s.toml:35: tenant[0].window: expected a whole number from 1 to 128, found 0"},
        Bad{"interrupts = 0.25", "interrupts = 1.5",
            "s.toml:37: tenant[0].interrupts: expected a share from 0.0 to 1.0, found 1.5"},
        Bad{"sizes = [5, 60]", "sizes = [60, 5]",
            "s.toml:44: tenant[1].workload.sizes: expected [least, most], found most < least"},
        Bad{"descriptors = 77", "descriptors = 0",
            "s.toml:44: tenant[1].workload.descriptors: expected a whole number from 1 to "
            "1000000000, found 0"},
        Bad{"{ copy = 3, noop = 1 }", "{ copy = 0 }",
            "s.toml:44: tenant[1].workload.mix: expected at least one weight above 0"}));

INSTANTIATE_TEST_SUITE_P(
    References, ScenarioErrorTest,
    testing::Values(
        Bad{"name = \"b\"", "name = \"a\"",
            "s.toml:40: tenant[1].name: expected a name no other tenant has, found \"a\""},
        Bad{"wq = 1\n", "wq = 2\n",
            "s.toml:42: tenant[1].wq: expected the number of a work queue of [device], 0 to 1, "
            "found 2"},
        Bad{"wq = 1\n", "wq = 0\n",
            "s.toml:42: tenant[1].wq: expected a shared work queue, as vdev says"},
        Bad{"vdev = \"shared\"\nwq = 1", "vdev = \"dedicated\"\nwq = 0",
            "s.toml:42: tenant[1].wq: expected a dedicated work queue of its own, found one that "
            "\"a\" has"},
        Bad{"length = 50", "inject = [\"no-such\"]",
            "s.toml:3: inject: expected a name of 'siov-cosim list-injections', found 'no-such'"}));

INSTANTIATE_TEST_SUITE_P(
    Missing, ScenarioErrorTest,
    testing::Values(
        Bad{"name = \"t\"\n", "\n", "s.toml:1: name: expected a text; the key is missing"},
        Bad{"name = \"a\"\n", "\n",
            "s.toml:27: tenant[0].name: expected a text; the key is missing"},
        Bad{"trace = \"x.csv\", limit = 10", "",
            "s.toml:38: tenant[0].workload.trace: expected either trace or mix, found neither"},
        Bad{"limit = 10", "mix = {}",
            "s.toml:38: tenant[0].workload.trace: expected either trace or mix, found both"},
        Bad{"descriptors = 77, ", "",
            "s.toml:44: tenant[1].workload.descriptors: expected a whole number from 1 to "
            "1000000000; the key is missing"}));

TEST(ScenarioFileTest, SyntaxErrorNamesTheLine) {
  EXPECT_EQ(error_of(with("seed = 7", "seed = = 7")).substr(0, 32),
            "s.toml:2: syntax: expected TOML:");
}

TEST(ScenarioFileTest, QueueInAGroupThatDoesNotExistIsRefused) {
  const std::string text = with("[[device.group]]\nengines = [2, 3]\n", "");
  EXPECT_EQ(error_of(text),
            "s.toml:14: device.wq: expected every work queue in an existing group, found group 1");
}

TEST(ScenarioFileTest, MissingFileIsNamed) {
  try {
    load_scenario("no/such.toml");
    FAIL() << "a missing file was accepted";
  } catch (const InputError& e) {
    EXPECT_STREQ(e.what(), "no/such.toml: cannot read this scenario file");
  }
}

TEST(ScenarioTest, SeedsOfDifferentNamesAndRunsDiffer) {
  EXPECT_NE(system::derive_seed(1, "a"), system::derive_seed(1, "b"));
  EXPECT_NE(system::derive_seed(1, "a"), system::derive_seed(2, "a"));
  EXPECT_EQ(system::derive_seed(1, "a"), system::derive_seed(1, "a"));
}

TEST(ScenarioTest, PlannedDescriptorsHonourLimitAndLength) {
  system::Scenario s;
  system::TenantParameters t;
  t.workload.operations.resize(100);
  EXPECT_EQ(planned_descriptors(s, t), 100U);
  t.workload.limit = 60;
  EXPECT_EQ(planned_descriptors(s, t), 60U);
  s.length = 10;
  EXPECT_EQ(planned_descriptors(s, t), 10U);
  t.workload = {};
  t.workload.descriptors = 5;
  EXPECT_EQ(planned_descriptors(s, t), 5U);
}

// Every key of the device, batches and bad input. docs/scenarios.md
TEST(ScenarioFileTest, KeysOfTheWholeDevice) {
  const system::Scenario s = parse_scenario(R"(name = "t"
[device]
personality = "large"
event_log = true
[[device.wq]]
mode = "dedicated"
size = 200
max_transfer_log2 = 16
max_batch_log2 = 4
operations = ["noop", "batch", "move", "crc", "cache_flush"]
[[device.group]]
engines = [1]
traffic_class_a = 1
traffic_class_b = 2
read_buffers = 40
read_buffers_reserved = 3
[[tenant]]
name = "a"
vdev = "dedicated"
wq = 0
[tenant.workload]
mix = { copy = 1, crc = 5, cache_flush = 2 }
descriptors = 10
batch = { share = 0.3, size = [2, 16], fence = 0.1 }
bad_input = 0.05
)",
                                            "s.toml");
  EXPECT_EQ(s.personality, system::Personality::kLarge);
  EXPECT_TRUE(s.event_log);
  EXPECT_EQ(s.wqs.at(0).size, 200u);
  EXPECT_EQ(s.wqs.at(0).max_transfer_log2, 16u);
  EXPECT_EQ(s.wqs.at(0).max_batch_log2, 4u);
  EXPECT_EQ(s.wqs.at(0).operations, 0x1'0001'000Bu);
  EXPECT_EQ(s.groups.at(0).engines, std::vector<std::uint32_t>{1});
  EXPECT_EQ(s.groups.at(0).traffic_class_a, 1u);
  EXPECT_EQ(s.groups.at(0).traffic_class_b, 2u);
  EXPECT_EQ(s.groups.at(0).read_buffers_allowed, 40u);
  EXPECT_EQ(s.groups.at(0).read_buffers_reserved, 3u);
  const system::WorkloadParameters& w = s.tenants.at(0).workload;
  EXPECT_EQ(w.mix.copy, 1u);
  EXPECT_EQ(w.mix.crc, 5u);
  EXPECT_EQ(w.mix.cache_flush, 2u);
  EXPECT_EQ(w.mix.fill, 0u);
  EXPECT_EQ(w.batch.share_permille, 300u);
  EXPECT_EQ(w.batch.size_min, 2u);
  EXPECT_EQ(w.batch.size_max, 16u);
  EXPECT_EQ(w.batch.fence_permille, 100u);
  EXPECT_EQ(w.bad_input_permille, 50u);
}

}  // namespace
}  // namespace siov::app
