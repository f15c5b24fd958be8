// SPDX-License-Identifier: Apache-2.0
// Bench: measures what design calls performance; every ratio is taken inside one process.
// tb/system/README.md has the definitions.
//
//   system::BenchOptions options;
//   for (const system::BenchNumber& n : system::run_bench(options)) ...
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "system/run_result.hpp"
#include "system/scenario.hpp"

namespace siov::system {

/// One measured number. `value` is empty when it was not measured; `note` says why or how.
struct BenchNumber {
  std::string name;
  std::optional<double> value;
  std::optional<double> bar, goal;
  std::string unit;
  std::string note;
  bool lower_is_better = false;

  /// True when measured and worse than the bar.
  bool missed() const {
    if (!value || !bar) return false;
    return lower_is_better ? *value > *bar : *value < *bar;
  }
  /// What bench.json says: "goal", "bar", "missed", or "" without a value or a bar.
  const char* met() const {
    if (!value || !bar) return "";
    return missed() ? "missed" : reached_goal() ? "goal" : "bar";
  }
  bool reached_goal() const {
    if (!value || !goal) return false;
    return lower_is_better ? *value <= *goal : *value >= *goal;
  }
};

/// Told before each measurement begins.
class BenchListener {
 public:
  virtual ~BenchListener() = default;
  virtual void starting(const std::string& name) = 0;
};

struct BenchOptions {
  std::uint64_t seed = 1;
  DeviceKind device = DeviceKind::kRtl;
  std::string out;                ///< directory for temporary waves
  std::vector<std::string> only;  ///< names to measure; empty: all
  BenchListener* listener = nullptr;
};

/// Names in the order of the report.
std::vector<std::string> bench_names();

/// Measures. Numbers left out by `only` are not in the result.
std::vector<BenchNumber> run_bench(const BenchOptions& options);

}  // namespace siov::system
