// SPDX-License-Identifier: Apache-2.0
// run, replay, bench, list-injections (hostile is next door): input in, files and a report out.
#include "app/commands.hpp"

#include <fmt/core.h>

#include <cstdio>
#include <filesystem>
#include <vector>

#include "app/crash.hpp"
#include "app/guest_command.hpp"
#include "app/hostile_command.hpp"
#include "app/input_error.hpp"
#include "app/progress.hpp"
#include "app/result_files.hpp"
#include "app/scenario_file.hpp"
#include "app/trace_file.hpp"
#include "check/injector.hpp"
#include "check/rules.hpp"
#include "system/bench.hpp"
#include "system/bench_sweep.hpp"
#include "system/testbench.hpp"

#ifndef SIOV_SOURCE_DIR
#define SIOV_SOURCE_DIR "."
#endif

namespace siov::app {
namespace {

constexpr const char* kDefaultScenario = "scenarios/default.toml";
constexpr std::size_t kPrintedFailures = 3;

std::string default_scenario() {
  std::error_code ignored;
  if (std::filesystem::exists(kDefaultScenario, ignored)) return kDefaultScenario;
  return std::string(SIOV_SOURCE_DIR) + "/" + kDefaultScenario;
}

/// The line to paste that repeats this run, with waves.
std::string repeat_line(const Options& options, const std::string& program, std::uint64_t seed) {
  std::string line = program + " " + options.paste;
  if (!options.seed) line += fmt::format(" --seed {}", seed);
  if (!options.waves && options.device != system::DeviceKind::kModel) line += " --waves";
  return line;
}

void require_device(system::DeviceKind kind) {
  if (system::device_available(kind)) return;
  throw InputError(
      fmt::format("--device {}: {}", to_string(kind),
                  kind == system::DeviceKind::kNetlist
                      ? "this build has no netlist; 'make synth' writes it, then build again"
                      : "this build has no RTL; configure with -DSIOV_RTL=ON"));
}

void print_failures(const system::RunResult& result, const std::string& repeat) {
  const std::size_t shown = std::min(kPrintedFailures, result.failures.size());
  for (std::size_t i = 0; i < shown; ++i) fmt::print("\n{}\n", result.failures[i]);
  if (shown < result.failures.size()) {
    fmt::print("\n... and {} more, all in the log\n", result.failures.size() - shown);
  }
  if (!result.stopped.empty()) fmt::print("\nstopped: {}\n", result.stopped);
  fmt::print("\nFAILED: {} rule violations, {} mismatches", result.violations, result.mismatches);
  if (!result.rules.empty()) {
    fmt::print("; rules:");
    for (const std::string& rule : result.rules) fmt::print(" {}", rule);
  }
  fmt::print("\nto repeat: {}\n", repeat);
}

void write_log(const std::string& directory, const system::RunResult& result) {
  const std::string path = directory + "/failures.log";
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  if (result.good()) return;
  std::FILE* log = std::fopen(path.c_str(), "w");
  if (log == nullptr) throw InputError(path + ": cannot write this file");
  for (const std::string& f : result.failures) fmt::print(log, "{}\n\n", f);
  if (!result.stopped.empty()) fmt::print(log, "stopped: {}\n", result.stopped);
  std::fclose(log);
}

std::string numbers(const std::vector<std::uint32_t>& list) {
  if (list.empty()) return "-";
  std::string text;
  for (const std::uint32_t n : list) text += (text.empty() ? "" : "+") + std::to_string(n);
  return text;
}

void print_migrations(const system::RunResult& r) {
  fmt::print(
      "\n  {:>5} {:<4} {:>6} {:>9} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>5} {:>7} {:>8} {:>8}  "
      "{}\n",
      "VM", "way", "VDEVs", "cycle", "rounds", "pages", "device", "CPU", "stop", "held", "again",
      "revoked", "paused", "downtime", "queues, interrupt handles, host PASIDs");
  for (const system::MigrationRecord& m : r.migrations) {
    fmt::print(
        "  {:>5} {}->{} {:>6} {:>9} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>5} {:>7} {:>8} {:>8}",
        m.vm, m.from, m.to, m.vdevs, m.start, m.rounds, m.pages, m.device_pages, m.cpu_pages,
        m.stopped_pages, m.held, m.replayed, m.revoked, m.paused_cycles, m.downtime_cycles);
    if (!m.moved) {
      fmt::print("  stayed: {}\n", m.reason);
      continue;
    }
    std::string sep = "  ";
    for (const system::MovedVdev& v : m.moves) {
      fmt::print("{}{}->{}, {}->{}, {:x}->{:x}", sep, numbers(v.here.wqs), numbers(v.there.wqs),
                 v.here.handle, v.there.handle, v.here.default_pasid, v.there.default_pasid);
      if (v.here.process_pasid != 0)
        fmt::print(" {:x}->{:x}", v.here.process_pasid, v.there.process_pasid);
      sep = "; ";
    }
    fmt::print("\n");
  }
  std::uint64_t sum = 0;
  std::string both;
  for (const std::uint64_t n : r.submitted) {
    sum += n;
    both += (both.empty() ? "" : " + ") + std::to_string(n);
  }
  fmt::print("  migration     {} attempts; {} = {} descriptors reached the devices\n\n",
             r.migrations.size(), both, sum);
}

void print_summary(const system::RunResult& r) {
  fmt::print("\n  tenants       {} VDEVs of {} VMs, {} PASIDs\n", r.vdevs, r.vms, r.pasids);
  fmt::print("  work          {} descriptors, {} batches, {:.1f} MB\n", r.descriptors, r.batches,
             static_cast<double>(r.bytes) / 1e6);
  if (r.bad_inputs != 0)
    fmt::print("  bad input     {} descriptors refused as they should be, {} members dropped\n",
               r.bad_inputs, r.dropped);
  fmt::print("  link          {} TLPs up, {} down\n", r.tlps_up, r.tlps_down);
  fmt::print("  IOMMU         {} translations, {} faults\n", r.translations, r.faults);
  if (r.ats_translations != 0)
    fmt::print(
        "  ATS           {} translations, {} invalidations, {} page requests, {} stale uses\n",
        r.ats_translations, r.invalidations, r.page_requests, r.stale_uses);
  if (r.pages != 0)
    fmt::print(
        "  paging        {} pages, {} absent at first, {} brought in, {} taken away, {} "
        "resumed pieces\n",
        r.pages, r.pages_absent, r.pages_in, r.pages_out, r.resumed);
  fmt::print("  events        {} interrupts, {} retries of a full shared queue\n", r.interrupts,
             r.retries);
  if (r.lives != 0)
    fmt::print(
        "  churn         {} VMs came and went, {} pauses, {} moves, {} resets, {} refusals\n",
        r.lives, r.pauses, r.moves, r.resets, r.refusals);
  if (!r.migrations.empty()) print_migrations(r);
  if (r.bytes_per_vdev != 0)
    fmt::print("  memory        {:.1f} KiB of the host for an idle VDEV\n",
               static_cast<double>(r.bytes_per_vdev) / 1024);
  fmt::print("  judged        {} checks, {} violations, {} mismatches\n", r.checks, r.violations,
             r.mismatches);
  fmt::print("  time          {} cycles ({} ns), {:.1f} s of wall time, {:.0f} cycles/s\n",
             r.cycles, r.sim_ns, r.wall_seconds, r.cycles_per_second);
  fmt::print("  digest        {}\n", r.digest);
}

/// A scenario made for one build of the device, played on another.
void change_personality(system::Scenario& scenario, system::Personality personality) {
  const system::PersonalitySize size = system::size_of(personality);
  const auto need = [&](bool fits, const std::string& what) {
    if (!fits)
      throw InputError(fmt::format("--personality {}: expected a scenario with at most {}",
                                   to_string(personality), what));
  };
  for (std::uint8_t host = 0; host < (scenario.second.present ? 2 : 1); ++host) {
    const system::Scenario seen = scenario_of_host(scenario, host);
    std::uint32_t entries = 0;
    for (const system::WqParameters& wq : seen.wqs) {
      entries += wq.size;
      need(wq.operations == 0 || size.opcfg, "no operation masks");
    }
    need(seen.wqs.size() <= size.wqs, fmt::format("{} work queues", size.wqs));
    need(entries <= size.entries, fmt::format("{} entries of work queues", size.entries));
    need(seen.groups.size() <= size.groups, fmt::format("{} groups", size.groups));
    for (const system::GroupParameters& group : seen.groups) {
      for (const std::uint32_t e : group.engines)
        need(e < size.engines, fmt::format("{} engines", size.engines));
      need(group.read_buffers_allowed <= size.read_buffers,
           fmt::format("{} read buffers", size.read_buffers));
    }
  }
  need(!scenario.event_log || size.event_log, "no event log");
  scenario.personality = scenario.second.personality = personality;
}

Exit play(const Options& options, const std::string& program, system::Scenario scenario,
          const char* command, system::RunResult* out = nullptr) {
  require_device(options.device);
  if (options.seed) scenario.seed = *options.seed;
  if (options.mode) set_translation_mode(scenario, *options.mode);
  if (options.personality) change_personality(scenario, *options.personality);
  for (std::uint8_t host = 0; host < (scenario.second.present ? 2 : 1); ++host) {
    const system::Personality wanted = scenario_of_host(scenario, host).personality;
    if (system::personality_available(options.device, wanted)) continue;
    throw InputError(
        fmt::format("--device {}: this build does not have the personality {} that is wanted",
                    to_string(options.device), to_string(wanted)));
  }
  if (options.limit != 0) scenario.length = options.limit;
  for (const std::string& name : options.inject) scenario.injections.push_back({name});
  std::uint64_t total = 0;
  for (const auto& tenant : scenario.tenants) total += planned_descriptors(scenario, tenant);
  total += scenario.churn.planned();
  if (total == 0) throw NothingToRun(scenario.file + ": no tenant has anything to do");
  prepare_directory(options.out, "summary.json");
  const std::string repeat = repeat_line(options, program, scenario.seed);
  set_crash_context(repeat);
  fmt::print("{}: scenario {}, seed {}, device {}, {} tenants, {} descriptors\n", command,
             scenario.name, scenario.seed, to_string(options.device), scenario.tenants.size(),
             total);
  std::fflush(stdout);

  system::RunOptions run;
  run.device = options.device;
  if (options.waves) run.waves = options.out + "/waves.fst";
  system::RunResult result;
  {
    Progress progress(stderr);
    run.progress = &progress;
    system::Testbench testbench(scenario, run);
    result = testbench.run();
  }
  const SummaryHead head{command, scenario.name, scenario.seed,
                         std::string(to_string(options.device))};
  const std::string path = write_summary(options.out, head, result);
  write_log(options.out, result);
  static_cast<void>(write_lifecycle(options.out, result));
  if (out != nullptr) *out = result;
  print_summary(result);
  if (options.waves) fmt::print("  waves         {}\n", run.waves);
  fmt::print("  results       {}\n", path);
  if (result.good()) {
    fmt::print("\nGOOD\n");
    return Exit::kGood;
  }
  print_failures(result, repeat);
  return Exit::kFailed;
}

/// Every seed of --seeds, one after the other; the totals are the sums.
Exit play_seeds(const Options& options, const std::string& program) {
  const system::Scenario scenario =
      load_scenario(options.input.empty() ? default_scenario() : options.input);
  prepare_directory(options.out, "seeds.json");
  std::vector<SeedResult> results;
  bool good = true;
  for (std::uint64_t seed = options.seeds->first; seed <= options.seeds->second; ++seed) {
    Options one = options;
    one.seed = seed;
    one.seeds.reset();
    one.out = fmt::format("{}/seed-{}", options.out, seed);
    one.paste = options.paste + fmt::format(" --seeds {}..{}", seed, seed);
    SeedResult result;
    result.seed = seed;
    good = play(one, program, scenario, "run", &result.result) == Exit::kGood && good;
    results.push_back(std::move(result));
  }
  const SummaryHead head{"run", scenario.name, options.seeds->first,
                         std::string(to_string(options.device))};
  const std::string path = write_seeds(options.out, head, results);
  const system::RunResult total = total_of(results);
  fmt::print("\n{} seeds\n", results.size());
  print_summary(total);
  fmt::print("  results       {}\n\n{}\n", path, good ? "GOOD" : "FAILED");
  return good ? Exit::kGood : Exit::kFailed;
}

/// One VM with one VDEV on a dedicated queue.
system::Scenario replay_scenario(const Options& options) {
  system::Scenario s;
  s.name = std::filesystem::path(options.input).stem().string();
  s.file = options.input;
  system::WqParameters wq;
  wq.size = 32;
  wq.threshold = 32;
  s.wqs.push_back(wq);
  s.groups.push_back({{0, 1, 2, 3}});
  system::TenantParameters tenant;
  tenant.name = s.name;
  tenant.window = 16;
  tenant.interrupt_permille = 50;
  tenant.workload.trace = options.input;
  tenant.workload.operations = load_trace(options.input);
  for (const auto kind : {system::Translation::kFirstStage, system::Translation::kSecondStage,
                          system::Translation::kNested, system::Translation::kPassThrough}) {
    if (to_string(kind) == options.translation) tenant.translation = kind;
  }
  s.tenants.push_back(std::move(tenant));
  return s;
}

class BenchLines : public system::BenchListener {
 public:
  void starting(const std::string& name) override {
    fmt::print(stderr, "  measuring {}\n", name);
    std::fflush(stderr);
  }
};

std::string cell(const std::optional<double>& value) {
  return value ? fmt::format("{:.3f}", *value) : "-";
}

Exit sweep(const Options& options, const std::string& program) {
  prepare_directory(options.out, "sweep.csv");
  set_crash_context(program + " " + options.paste);
  system::SweepOptions sweep;
  sweep.seed = options.seed.value_or(1);
  sweep.device = options.device;
  sweep.starting = [](const std::string& chart) {
    fmt::print(stderr, "  measuring {}\n", chart);
    std::fflush(stderr);
  };
  const system::SweepResult result = system::run_sweep(sweep);
  fmt::print("{:<11} {:<22} {:>8} {:>8} {:>8} {:>8}  {}\n", "chart", "series", "x", "B/cycle",
             "GB/s", "limit", "bound");
  for (const system::SweepPoint& p : result.points) {
    fmt::print("{:<11} {:<22} {:>8.0f} {:>8.2f} {:>8.2f} {:>8.2f}  {}\n", p.chart, p.series, p.x,
               p.bytes_per_cycle, p.gigabytes_per_second(), p.limit.bytes_per_cycle, p.limit.bound);
  }
  fmt::print("\n");
  for (const std::string& file : system::write_sweep(options.out, result))
    fmt::print("results: {}\n", file);
  return Exit::kGood;
}

Exit bench(const Options& options, const std::string& program) {
  require_device(options.device);
  if (options.sweep) return sweep(options, program);
  const std::vector<std::string> known = system::bench_names();
  for (const std::string& name : options.only) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      std::string expected;
      for (const std::string& k : known) expected += " " + k;
      throw InputError(fmt::format("--only: expected one of{}, found '{}'", expected, name));
    }
  }
  prepare_directory(options.out, "bench.json");
  set_crash_context(program + " " + options.paste);
  BenchLines lines;
  system::BenchOptions bench;
  bench.seed = options.seed.value_or(1);
  bench.device = options.device;
  bench.out = options.out;
  bench.only = options.only;
  bench.listener = &lines;
  const std::vector<system::BenchNumber> numbers = system::run_bench(bench);
  const std::string path = write_bench(options.out, numbers);
  fmt::print("\n{:<28} {:>9} {:>9} {:>9}  {:<12} {}\n", "name", "value", "bar", "goal", "", "note");
  for (const system::BenchNumber& n : numbers) {
    const char* verdict = !n.value           ? "not measured"
                          : !n.bar           ? "report"
                          : n.missed()       ? "MISSED"
                          : n.reached_goal() ? "goal met"
                                             : "bar met";
    fmt::print("{:<28} {:>9} {:>9} {:>9}  {:<12} {}\n", n.name, cell(n.value), cell(n.bar),
               cell(n.goal), verdict, n.note);
  }
  fmt::print("\nresults: {}\n", path);
  return Exit::kGood;
}

Exit list() {
  fmt::print("{:<26} {:<12} {}\n", "name", "breaks", "what the device does wrong");
  for (const check::Injection& i : check::list_injections()) {
    fmt::print("{:<26} {:<12} {}\n", i.name, check::rule_info(i.rule).name, i.what);
  }
  return Exit::kGood;
}

}  // namespace

Exit execute(const Options& options, const std::string& program) {
  switch (options.command) {
    case Command::kHelp:
      fmt::print("{}", options.help);
      return Exit::kGood;
    case Command::kVersion:
      fmt::print("siov-cosim {}\n", SIOV_VERSION);
      return Exit::kGood;
    case Command::kListInjections:
      return list();
    case Command::kRun:
      if (options.seeds) return play_seeds(options, program);
      return play(options, program,
                  load_scenario(options.input.empty() ? default_scenario() : options.input), "run");
    case Command::kReplay:
      return play(options, program, replay_scenario(options), "replay");
    case Command::kGuest:
      return serve_guests(options, program);
    case Command::kBench:
      return bench(options, program);
    case Command::kHostile:
      if (!options.list) require_device(options.device);
      return play_hostile(options);
  }
  return Exit::kUsage;
}

}  // namespace siov::app
