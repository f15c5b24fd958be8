// SPDX-License-Identifier: Apache-2.0
// The plan of the sweep, its measurements, its table.
#include "system/bench_sweep.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "abi/siov_abi.hpp"
#include "common/error.hpp"
#include "system/bench_chart.hpp"

namespace siov::system {
namespace {

constexpr std::uint64_t kBudget = std::uint64_t{4} << 20;  // data of a point [bytes]
constexpr std::uint64_t kLargest = std::uint64_t{2} << 20;
constexpr std::uint64_t kFewest = 16, kMostWindows = 16;
constexpr std::uint64_t kProbes = 64;

std::string size_name(std::uint64_t bytes) {
  if (bytes >= kLargest / 2) return fmt::format("{} MiB", bytes >> 20);
  return bytes >= 1024 ? fmt::format("{} KiB", bytes >> 10) : fmt::format("{} B", bytes);
}
std::string batch_name(std::uint32_t batch) {
  return batch == 1 ? "single" : fmt::format("batches of {}", batch);
}

/// How many descriptors, and how many of them in flight: several windows, within the budget.
void choose_length(LeanConfig& c) {
  const std::uint64_t whole = std::uint64_t{c.bytes} * c.batch;
  const std::uint32_t entries = c.entries != 0 ? c.entries : 128 / c.queues;
  const std::uint64_t window = std::uint64_t{entries} * c.queues;
  c.descriptors =
      std::clamp<std::uint64_t>(kBudget / whole, kFewest, std::max(kFewest, kMostWindows * window));
  c.slots = static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(c.descriptors / 8 / c.queues, 2, entries));
}

struct Plan {
  std::vector<SweepPoint> points;
  void add(const char* chart, const std::string& series, double x, LeanConfig config) {
    choose_length(config);
    SweepPoint p;
    p.chart = chart;
    p.series = series;
    p.x = x;
    p.config = config;
    points.push_back(p);
  }
};

void plan_sizes(Plan& plan) {
  for (const std::uint32_t batch : {1U, 4U, 16U}) {
    for (std::uint64_t bytes = 64; bytes * batch <= kLargest; bytes *= 2) {
      LeanConfig c = sweep_centre();
      c.bytes = static_cast<std::uint32_t>(bytes);
      c.batch = batch;
      plan.add("size", batch_name(batch), static_cast<double>(bytes), c);
    }
  }
}

void plan_batches(Plan& plan) {
  for (const std::uint32_t bytes : {64U, 256U, 4096U}) {
    for (const std::uint32_t batch : {1U, 2U, 4U, 8U, 16U, 32U}) {
      LeanConfig c = sweep_centre();
      c.bytes = bytes;
      c.batch = batch;
      plan.add("batch", size_name(bytes), batch, c);
    }
  }
}

void plan_queues(Plan& plan) {
  for (const std::uint32_t bytes : {64U, 256U, 1024U, 4096U}) {
    for (const std::uint32_t queues : {1U, 2U, 4U, 8U}) {
      LeanConfig c = sweep_centre();
      c.bytes = bytes;
      c.queues = queues;
      c.entries = 16;
      plan.add("queues", size_name(bytes), queues, c);
    }
  }
}

void plan_engines(Plan& plan) {
  const auto series = [&plan](const std::string& name, std::uint32_t bytes, std::uint32_t batch) {
    for (const std::uint32_t engines : {1U, 2U, 3U, 4U}) {
      LeanConfig c = sweep_centre();
      c.bytes = bytes;
      c.batch = batch;
      c.engines = engines;
      plan.add("engines", name, engines, c);
    }
  };
  series("64 B", 64, 1);
  series("64 B, batches of 16", 64, 16);
  series("4 KiB", 4096, 1);
  series("64 KiB", 65536, 1);
}

void plan_latency(Plan& plan) {
  const auto series = [&plan](const std::string& name, std::uint32_t bytes, std::uint32_t batch) {
    for (const std::uint32_t l :
         {100U, 200U, 350U, 500U, 700U, 1000U, 1400U, 2000U, 2800U, 4000U}) {
      LeanConfig c = sweep_centre();
      c.bytes = bytes;
      c.batch = batch;
      c.latency = l;
      plan.add("latency", name, l, c);
    }
  };
  series("256 B", 256, 1);
  series("256 B, batches of 16", 256, 16);
  series("4 KiB", 4096, 1);
}

void plan_operations(Plan& plan) {
  struct Operation {
    const char* name;
    std::uint8_t opcode;
  };
  constexpr Operation kAll[] = {
      {"memory move", abi::kOpMemmove},      {"fill", abi::kOpFill},
      {"compare", abi::kOpCompare},          {"compare pattern", abi::kOpComparePattern},
      {"create delta", abi::kOpCreateDelta}, {"apply delta", abi::kOpApplyDelta},
      {"dualcast", abi::kOpDualcast},        {"CRC generation", abi::kOpCrcgen},
      {"copy with CRC", abi::kOpCopyCrc},    {"DIF check", abi::kOpDifCheck},
      {"DIF insert", abi::kOpDifInsert},     {"DIF strip", abi::kOpDifStrip},
      {"DIF update", abi::kOpDifUpdate}};
  for (const Operation& o : kAll) {
    LeanConfig c = sweep_centre();
    c.opcode = o.opcode;
    plan.add("operations", o.name, o.opcode, c);
  }
}

LeanResult play(const LeanConfig& config) {
  LeanSystem lean(config);
  const LeanResult r = lean.run();
  if (r.failed != 0 || r.violations != 0) {
    throw HarnessError(fmt::format(
        "bench --sweep: opcode {:#x}, {} bytes, batch {}, {} queues, {} engines, latency {}: {} "
        "failed, {} rule violations",
        config.opcode, config.bytes, config.batch, config.queues, config.engines, config.latency,
        r.failed, r.violations));
  }
  if (r.steady_cycles == 0) throw HarnessError("bench --sweep: a point took no time");
  return r;
}

/// One 64-byte move (or a batch of two) at a time: everything that is not host latency.
RoundTrips measure_round_trips(const SweepOptions& options) {
  LeanConfig c = sweep_centre();
  c.device = options.device;
  c.seed = options.seed;
  c.queues = 1;
  c.bytes = 64;
  c.slots = 1;
  c.descriptors = kProbes;
  RoundTrips trips;
  trips.single = 1 / play(c).descriptors_per_cycle() - c.latency;
  c.batch = 2;
  trips.batch = 1 / play(c).descriptors_per_cycle() - 2.0 * c.latency;
  return trips;
}

}  // namespace

LeanConfig sweep_centre() {
  LeanConfig c;
  c.queues = 4;
  c.entries = 32;
  c.bytes = 4096;
  c.latency = 500;
  c.engines = 4;
  return c;
}

std::vector<SweepPoint> sweep_plan() {
  Plan plan;
  plan_sizes(plan);
  plan_batches(plan);
  plan_queues(plan);
  plan_engines(plan);
  plan_latency(plan);
  plan_operations(plan);
  return plan.points;
}

SweepResult run_sweep(const SweepOptions& options) {
  SweepResult result;
  result.device = options.device;
  result.seed = options.seed;
  if (options.starting) options.starting("round trips");
  result.trips = measure_round_trips(options);
  std::string chart;
  for (SweepPoint p : sweep_plan()) {
    if (p.chart != chart && options.starting) options.starting(p.chart);
    chart = p.chart;
    p.config.device = options.device;
    p.config.seed = options.seed;
    const LeanResult r = play(p.config);
    p.operations_per_cycle = r.descriptors_per_cycle() * p.config.batch;
    p.bytes_per_cycle = p.operations_per_cycle * p.config.bytes;
    p.link_busy = static_cast<double>(r.steady_beats_up) / static_cast<double>(r.steady_cycles);
    p.cycles = r.steady_cycles;
    p.limit = limit_of(p.config, result.trips);
    result.points.push_back(p);
  }
  return result;
}

std::string sweep_csv(const SweepResult& result) {
  std::vector<std::vector<std::string>> rows;
  for (const SweepPoint& p : result.points) {
    const LeanConfig& c = p.config;
    rows.push_back(
        {p.chart, p.series, fmt::format("{:.0f}", p.x), fmt::format("{:#04x}", c.opcode),
         std::to_string(c.bytes), std::to_string(c.batch), std::to_string(c.queues),
         std::to_string(c.queues * c.slots), std::to_string(c.engines), std::to_string(c.latency),
         std::to_string(p.cycles), fmt::format("{:.3f}", p.bytes_per_cycle),
         fmt::format("{:.3f}", p.gigabytes_per_second()),
         fmt::format("{:.5f}", p.operations_per_cycle), fmt::format("{:.3f}", p.link_busy),
         fmt::format("{:.3f}", p.limit.bytes_per_cycle), p.limit.bound,
         fmt::format("{:.3f}", p.bytes_per_cycle / p.limit.bytes_per_cycle)});
  }
  return to_csv({"chart", "series", "x", "opcode", "bytes", "batch", "queues", "in_flight",
                 "engines", "latency_cycles", "window_cycles", "bytes_per_cycle", "gb_per_s",
                 "operations_per_cycle", "link_busy", "limit_bytes_per_cycle", "bound", "of_limit"},
                rows);
}

}  // namespace siov::system
