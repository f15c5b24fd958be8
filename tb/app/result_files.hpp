// SPDX-License-Identifier: Apache-2.0
// Result files: OUT/summary.json and OUT/bench.json. docs/summary.md documents the keys.
//
//   app::prepare_directory("out/run");
//   app::write_summary("out/run", {.command = "run", .scenario = "default", .seed = 1, .device =
//   "rtl"}, result);
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "system/bench.hpp"
#include "system/run_result.hpp"

namespace siov::app {

struct SummaryHead {
  std::string command;
  std::string scenario;
  std::uint64_t seed = 0;
  std::string device;
};

/// Creates the directory and proves that files can be written there. @throws InputError
/// @param result  file of an earlier run to remove, may be null
void prepare_directory(const std::string& directory, const char* result = nullptr);
/// OUT/lifecycle.csv: what happened to VMs and VDEVs. @return the path written. @throws InputError
std::string write_lifecycle(const std::string& directory, const system::RunResult& result);
/// @return the path written. @throws InputError if the file cannot be written
std::string write_summary(const std::string& directory, const SummaryHead& head,
                          const system::RunResult& result);
/// One of several runs.
struct SeedResult {
  std::uint64_t seed = 0;
  system::RunResult result;
};
/// Sums of all numbers; the digest is one over all digests in order.
system::RunResult total_of(const std::vector<SeedResult>& results);
/// OUT/seeds.json: totals, and seed, digest and verdict of each run.
std::string write_seeds(const std::string& directory, const SummaryHead& head,
                        const std::vector<SeedResult>& results);
std::string write_bench(const std::string& directory,
                        const std::vector<system::BenchNumber>& numbers);

}  // namespace siov::app
