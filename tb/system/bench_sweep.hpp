// SPDX-License-Identifier: Apache-2.0
// Sweep: throughput against transfer size, batch size, number of queues, engines and host latency,
// one factor at a time around a centre, each beside what the arithmetic of bench_limits allows.
//
//   system::SweepOptions options;
//   const system::SweepResult result = system::run_sweep(options);
//   system::write_sweep("out/sweep", result);
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "system/bench_limits.hpp"
#include "system/lean_system.hpp"

namespace siov::system {

/// One measurement.
struct SweepPoint {
  std::string chart;   ///< "size", "batch", "queues", "engines", "latency" or "operations"
  std::string series;  ///< what stays the same along a line of the chart
  double x = 0;        ///< the factor
  LeanConfig config;
  double bytes_per_cycle = 0;       ///< payload: LeanConfig::bytes of each operation
  double operations_per_cycle = 0;  ///< members of batches counted, batches not
  double link_busy = 0;             ///< share of cycles with an upstream beat; 0 with the model
  std::uint64_t cycles = 0;         ///< of the measured window
  Limit limit;
  /// @param mhz  of the clock
  double gigabytes_per_second(double mhz = 500) const { return bytes_per_cycle * mhz / 1000; }
};

struct SweepOptions {
  std::uint64_t seed = 1;
  DeviceKind device = DeviceKind::kRtl;
  std::function<void(const std::string& chart)> starting;  ///< may be empty
};

struct SweepResult {
  DeviceKind device = DeviceKind::kRtl;
  std::uint64_t seed = 1;
  RoundTrips trips;
  std::vector<SweepPoint> points;
};

/// The workload that the factors are varied around: 4 KiB moves, single, four queues of 32 entries,
/// four engines, host latency 500 cycles.
[[nodiscard]] LeanConfig sweep_centre();
/// What is measured, in order, with config filled in and no result. About 8 MiB of data at most a
/// point, except that the largest transfers come 16 times.
[[nodiscard]] std::vector<SweepPoint> sweep_plan();
/// Measures. @throws HarnessError if a descriptor fails or a destination or record is wrong
[[nodiscard]] SweepResult run_sweep(const SweepOptions& options);

/// One line a point.
[[nodiscard]] std::string sweep_csv(const SweepResult& result);
/// The page with tables, charts (performance/NAME.svg) and the explanation of each knee.
[[nodiscard]] std::string sweep_page(const SweepResult& result);
/// The SVG of one chart. @param name  as SweepPoint::chart, not "operations"
[[nodiscard]] std::string sweep_chart(const SweepResult& result, const std::string& name);
/// Writes sweep.csv, performance.md and performance/NAME.svg. @return the files
/// @throws HarnessError if a file cannot be written
std::vector<std::string> write_sweep(const std::string& directory, const SweepResult& result);

}  // namespace siov::system
