// SPDX-License-Identifier: Apache-2.0
// Result files: the exact keys of the contract (docs/summary.md), and directories that cannot be
// written.
#include "app/result_files.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "app/input_error.hpp"

namespace siov::app {
namespace {

nlohmann::ordered_json load(const std::string& path) {
  std::ifstream in(path);
  return nlohmann::ordered_json::parse(in);
}

TEST(ResultFilesTest, SummaryHasExactlyTheDocumentedKeysInOrder) {
  const std::string directory = testing::TempDir() + "siov_summary_test";
  prepare_directory(directory);
  system::RunResult result;
  result.descriptors = 20000;
  result.digest = "0123456789abcdef";
  result.cycles_per_second = 2.5;
  result.stopped = "no operation finished";
  const auto json = load(write_summary(directory, {"run", "default", 7, "rtl"}, result));
  const std::vector<std::string> expected{"schema",
                                          "command",
                                          "scenario",
                                          "seed",
                                          "device",
                                          "vdevs",
                                          "vms",
                                          "pasids",
                                          "descriptors",
                                          "operations",
                                          "batches",
                                          "bad_inputs",
                                          "dropped",
                                          "errors_reported",
                                          "errors_lost",
                                          "events",
                                          "bytes",
                                          "tlps_up",
                                          "tlps_down",
                                          "checks",
                                          "violations",
                                          "mismatches",
                                          "translations",
                                          "faults",
                                          "ats_translations",
                                          "invalidations",
                                          "page_requests",
                                          "stale_uses",
                                          "pages",
                                          "pages_absent",
                                          "pages_in",
                                          "pages_out",
                                          "pages_moved",
                                          "resumed",
                                          "interrupts",
                                          "retries",
                                          "lives",
                                          "churn_operations",
                                          "pauses",
                                          "moves",
                                          "resets",
                                          "refusals",
                                          "bytes_per_vdev",
                                          "cycles",
                                          "sim_ns",
                                          "wall_seconds",
                                          "cycles_per_second",
                                          "digest",
                                          "memory_digest",
                                          "stopped"};
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  EXPECT_EQ(keys, expected);
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["command"], "run");
  EXPECT_EQ(json["seed"], 7);
  EXPECT_EQ(json["descriptors"], 20000);
  EXPECT_EQ(json["digest"], "0123456789abcdef");
  EXPECT_EQ(json["stopped"], "no operation finished") << "0 violations must not look good";
}

TEST(ResultFilesTest, LifeCycleEventsAreLinesOfACsvFile) {
  const std::string directory = testing::TempDir() + "siov_lifecycle_test";
  prepare_directory(directory);
  system::RunResult result;
  result.lifecycle = {
      {2'500'000, "created", 3, 4, "db", "WQ 0:2 emulated"},
      {7'000'999, "refused", 3, 4, "db", "pause: \"db\" is created, not running", 1}};
  std::ifstream in(write_lifecycle(directory, result));
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(),
            "ns,event,vm,vdev,name,detail,host\n"
            "2500,created,3,4,db,WQ 0:2 emulated,0\n"
            "7000,refused,3,4,db,\"pause: \"\"db\"\" is created, not running\",1\n");
}

TEST(ResultFilesTest, ResultsOfAnEarlierRunAreRemoved) {
  const std::string directory = testing::TempDir() + "siov_stale_test";
  prepare_directory(directory);
  const std::string summary = write_summary(directory, {"run", "default", 7, "rtl"}, {});
  ASSERT_TRUE(std::ifstream(summary).good());
  prepare_directory(directory, "bench.json");
  ASSERT_TRUE(std::ifstream(summary).good()) << "only its own result";
  prepare_directory(directory, "summary.json");
  EXPECT_FALSE(std::ifstream(summary).good());
}

TEST(ResultFilesTest, BenchNumberThatWasNotMeasuredIsNullWithItsReason) {
  const std::string directory = testing::TempDir() + "siov_bench_test";
  prepare_directory(directory);
  system::BenchNumber measured{"link_utilisation_4k", 0.9, 0.85, 0.98, "ratio", "", false};
  system::BenchNumber later{
      "cpp_over_cocotb", std::nullopt, 60.0, 150.0, "ratio", "comes with the cocotb work", false};
  const auto json = load(write_bench(directory, {measured, later}));
  EXPECT_EQ(json["link_utilisation_4k"]["value"], 0.9);
  EXPECT_EQ(json["link_utilisation_4k"]["bar"], 0.85);
  EXPECT_TRUE(json["cpp_over_cocotb"]["value"].is_null());
  EXPECT_EQ(json["cpp_over_cocotb"]["note"], "comes with the cocotb work");
}

TEST(ResultFilesTest, BarIsMissedOnlyByAMeasuredValueOnTheWrongSide) {
  EXPECT_TRUE((system::BenchNumber{"a", 0.5, 0.85, 0.98, "", "", false}.missed()));
  EXPECT_FALSE((system::BenchNumber{"a", 0.85, 0.85, 0.98, "", "", false}.missed()));
  EXPECT_TRUE((system::BenchNumber{"a", 1.6, 1.5, 1.1, "", "", true}.missed()));
  EXPECT_FALSE((system::BenchNumber{"a", std::nullopt, 1.5, 1.1, "", "", true}.missed()));
}

TEST(ResultFilesTest, GoalIsReachedOnlyByAMeasuredValueOnTheRightSide) {
  EXPECT_FALSE((system::BenchNumber{"a", 0.242, 0.1, 0.25, "", "", false}.reached_goal()));
  EXPECT_TRUE((system::BenchNumber{"a", 0.25, 0.1, 0.25, "", "", false}.reached_goal()));
  EXPECT_FALSE((system::BenchNumber{"a", 1.108, 1.5, 1.1, "", "", true}.reached_goal()));
  EXPECT_FALSE((system::BenchNumber{"a", std::nullopt, 1.5, 1.1, "", "", true}.reached_goal()));
}

TEST(ResultFilesTest, DirectoryThatCannotBeMadeIsNamed) {
  try {
    prepare_directory("/dev/null/out");
    FAIL() << "an impossible directory was accepted";
  } catch (const InputError& e) {
    EXPECT_STREQ(e.what(), "--out /dev/null/out: expected a directory that can be written");
  }
}

}  // namespace
}  // namespace siov::app
