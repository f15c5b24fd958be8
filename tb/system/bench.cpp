// SPDX-License-Identifier: Apache-2.0
// The list of numbers, their bars, and the measurements on the link.
#include "system/bench.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>

#include "common/error.hpp"
#include "system/bench_parts.hpp"
#include "system/device_factory.hpp"
#include "system/lean_system.hpp"
#include "system/recording_device.hpp"

namespace siov::system {
namespace {

constexpr std::uint32_t kHostLatency = 500;  // cycles, part of the definition of link utilisation
constexpr std::uint32_t kShortLatency =
    200;  // cycles, second figure of the portal rate, in its note
constexpr std::uint64_t kLinkDescriptors = 4000;
constexpr std::uint64_t kSmallDescriptors = 16000;
constexpr std::uint32_t kBatch = 16;  // part of the definition of link_utilisation_256
constexpr int kRounds = 5;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

LeanResult play(const LeanConfig& config) {
  LeanSystem lean(config);
  const LeanResult result = lean.run();
  if (result.failed != 0 || result.violations != 0) {
    throw HarnessError(fmt::format("bench: {} descriptors of {} bytes failed, {} rule violations",
                                   result.failed, config.bytes, result.violations));
  }
  return result;
}

/// Share of cycles with an upstream beat, counted by the root complex: an independent look at the
/// same window [%].
double busy_percent(const LeanResult& r) {
  return r.steady_cycles == 0 ? 0
                              : 100.0 * static_cast<double>(r.steady_beats_up) /
                                    static_cast<double>(r.steady_cycles);
}

LeanConfig lean_config(const BenchOptions& options) {
  LeanConfig config;
  config.device = options.device;
  config.seed = options.seed;
  config.latency = kHostLatency;
  return config;
}

BenchNumber make(const char* name, std::optional<double> bar, std::optional<double> goal,
                 const char* unit, bool lower) {
  BenchNumber n;
  n.name = name;
  n.bar = bar;
  n.goal = goal;
  n.unit = unit;
  n.lower_is_better = lower;
  return n;
}

std::vector<BenchNumber> all_numbers() {
  return {make("link_utilisation_4k", 0.95, 0.98, "ratio", false),
          make("link_utilisation_4k_ats", 0.90, 0.95, "ratio", false),
          make("link_utilisation_4k_4_tenants", 0.95, 0.98, "ratio", false),
          make("link_utilisation_256", 0.80, 0.90, "ratio", false),
          make("descriptors_per_cycle_64", 1.0 / 6, 0.25, "1/cycle", false),
          make("cosim_over_bare", 0.7, 0.95, "ratio", false),
          make("tenants_flatness", 1.5, 1.1, "ratio", true),
          make("cpp_over_cocotb", 60, 150, "ratio", false),
          make("waves_cost", 1.05, 1.02, "ratio", true),
          make("coverage_cost", std::nullopt, std::nullopt, "ratio", true)};
}

void measure(const BenchOptions& options, BenchNumber& n) {
  if (n.name == "link_utilisation_4k") n.value = measure_link(options, 1, 4096, 1, n.note);
  if (n.name == "link_utilisation_4k_ats") n.value = measure_link_ats(options, n.note);
  if (n.name == "link_utilisation_4k_4_tenants")
    n.value = measure_link(options, 4, 4096, 1, n.note);
  if (n.name == "link_utilisation_256") n.value = measure_link(options, 4, 256, kBatch, n.note);
  if (n.name == "descriptors_per_cycle_64") n.value = measure_descriptor_rate(options, n.note);
  if (n.name == "cosim_over_bare") n.value = measure_cosim_over_bare(options, n.note);
  if (n.name == "tenants_flatness") n.value = measure_tenants_flatness(options, n.note);
  if (n.name == "cpp_over_cocotb") n.note = "comes with the cocotb work";
  if (n.name == "coverage_cost") n.note = "coverage is a build of its own";
  if (n.name == "waves_cost") {
    n.note = "built in but off needs a second build without tracing";
    if (options.device == DeviceKind::kRtl)
      n.note += fmt::format("; being written: {:.0f} times slower", measure_waves_on(options));
  }
}

}  // namespace

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

std::vector<std::string> bench_names() {
  std::vector<std::string> names;
  for (const BenchNumber& n : all_numbers()) names.push_back(n.name);
  return names;
}

std::vector<BenchNumber> run_bench(const BenchOptions& options) {
  std::vector<BenchNumber> measured;
  for (BenchNumber& n : all_numbers()) {
    const bool wanted = options.only.empty() || std::find(options.only.begin(), options.only.end(),
                                                          n.name) != options.only.end();
    if (!wanted) continue;
    if (options.listener != nullptr) options.listener->starting(n.name);
    if (options.device == DeviceKind::kModel && n.name != "cpp_over_cocotb" &&
        n.name != "tenants_flatness") {
      n.note = "the C++ model has no link to measure";
    } else {
      measure(options, n);
    }
    measured.push_back(n);
  }
  return measured;
}

double measure_link(const BenchOptions& options, std::uint32_t queues, std::uint32_t bytes,
                    std::uint32_t batch, std::string& note) {
  LeanConfig config = lean_config(options);
  config.queues = queues;
  config.bytes = bytes;
  config.batch = batch;
  config.descriptors = (bytes >= 4096 ? kLinkDescriptors : kSmallDescriptors) / batch;
  const LeanResult r = play(config);
  const double rate = r.descriptors_per_cycle() * batch * bytes;
  const double limit = link_limit(bytes, batch);
  const std::string unit =
      batch == 1 ? "descriptors" : fmt::format("batches of {} descriptors", batch);
  note = fmt::format(
      "{:.1f} of {:.1f} bytes a cycle, {} queue{}, {} {}, host latency {} cycles (link busy {:.1f} "
      "%)",
      rate, limit, queues, queues == 1 ? "" : "s", r.descriptors, unit, kHostLatency,
      busy_percent(r));
  return rate / limit;
}

double measure_link_ats(const BenchOptions& options, std::string& note) {
  LeanConfig config = lean_config(options);
  config.descriptors = kLinkDescriptors;
  config.ats = true;
  const LeanResult r = play(config);
  if (r.translations == 0) throw HarnessError("bench: the device has asked for no translation");
  const double rate = r.descriptors_per_cycle() * 4096;
  note = fmt::format(
      "{:.1f} of {:.1f} bytes a cycle, 1 queue, {} descriptors, host latency {} cycles, {} "
      "translations, {} of them while measured (link busy {:.1f} %)",
      rate, link_limit(4096), r.descriptors, kHostLatency, r.translations, r.steady_translations,
      busy_percent(r));
  return rate / link_limit(4096);
}

double measure_descriptor_rate(const BenchOptions& options, std::string& note) {
  LeanConfig config = lean_config(options);
  config.queues = 4;
  config.bytes = 64;
  config.descriptors = kSmallDescriptors;
  const LeanResult r = play(config);
  config.latency = kShortLatency;
  const LeanResult quick = play(config);
  note = fmt::format(
      "4 dedicated queues, {} descriptors, host latency {} cycles (link busy {:.1f} %); {:.3f} at "
      "{} cycles",
      r.descriptors, kHostLatency, busy_percent(r), quick.descriptors_per_cycle(), kShortLatency);
  return r.descriptors_per_cycle();
}

double measure_cosim_over_bare(const BenchOptions& options, std::string& note) {
  LeanConfig config = lean_config(options);
  config.queues = 4;
  config.bytes = 1024;
  config.descriptors = 4000;
  config.checks = true;
  Stimulus stimulus;
  LeanConfig recording = config;
  recording.wrap = [&stimulus](pcie::LinkDevice& device) -> std::unique_ptr<pcie::LinkDevice> {
    return std::make_unique<RecordingDevice>(device, stimulus);
  };
  play(recording);
  stimulus.seal();
  std::vector<double> ratios, with_host, bare;
  for (int round = 0; round < kRounds; ++round) {
    const LeanResult r = play(config);
    with_host.push_back(static_cast<double>(r.cycles) / r.wall_seconds);
    const auto device = make_link_device(options.device, "");
    const auto start = std::chrono::steady_clock::now();
    const std::uint64_t seen = stimulus.replay(*device);
    bare.push_back(static_cast<double>(stimulus.size()) / seconds_since(start));
    if (seen != stimulus.recorded_beats()) {
      throw HarnessError(fmt::format("bench: the replay saw {} upstream beats, the recorded run {}",
                                     seen, stimulus.recorded_beats()));
    }
    ratios.push_back(with_host.back() / bare.back());
  }
  note = fmt::format("{:.0f} k cycles/s checked, {:.0f} k bare, median of {} rounds of {} cycles",
                     median(with_host) / 1000, median(bare) / 1000, kRounds, stimulus.size());
  return median(ratios);
}

double measure_waves_on(const BenchOptions& options) {
  LeanConfig config = lean_config(options);
  config.queues = 4;
  config.bytes = 1024;
  config.descriptors = 200;
  const LeanResult off = play(config);
  config.waves = options.out + "/bench-waves.fst";
  const LeanResult on = play(config);
  std::remove(config.waves.c_str());
  return (on.wall_seconds / static_cast<double>(on.cycles)) /
         (off.wall_seconds / static_cast<double>(off.cycles));
}

}  // namespace siov::system
