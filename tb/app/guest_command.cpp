// SPDX-License-Identifier: Apache-2.0
// Options in, a run with real guests, files and a report out.
#include "app/guest_command.hpp"

#include <fmt/core.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "app/crash.hpp"
#include "app/input_error.hpp"
#include "app/result_files.hpp"
#include "attach/attached_system.hpp"
#include "common/error.hpp"
#include "system/device_factory.hpp"

namespace siov::app {

namespace {

volatile std::sig_atomic_t stop_wanted = 0;
void on_signal(int) { stop_wanted = 1; }

attach::AttachOptions attach_options(const Options& options) {
  attach::AttachOptions attach;
  attach.mode = options.guest.host ? attach::AttachMode::kHost : attach::AttachMode::kVdev;
  attach.device = options.device;
  attach.seed = options.seed.value_or(1);
  attach.sessions = options.guest.sessions;
  attach.patience = std::chrono::seconds(options.guest.patience);
  if (options.personality) attach.personality = *options.personality;
  if (options.waves) attach.waves = options.out + "/waves.fst";
  for (std::size_t i = 0; i < options.guest.sockets.size(); ++i) {
    attach::GuestOptions guest;
    guest.socket = options.guest.sockets[i];
    if (i < options.guest.monitors.size()) guest.monitor = options.guest.monitors[i];
    if (i < options.guest.functions.size()) guest.seen_as = RequesterId{options.guest.functions[i]};
    attach.guests.push_back(std::move(guest));
  }
  return attach;
}

nlohmann::ordered_json json_of(const attach::GuestReport& g) {
  nlohmann::ordered_json j;
  j["name"] = g.name;
  j["sessions"] = g.counts.sessions;
  j["submissions"] = g.counts.submissions;
  j["interrupts"] = g.counts.interrupts;
  j["reads"] = g.counts.reads;
  j["writes"] = g.counts.writes;
  j["config_accesses"] = g.counts.config_accesses;
  j["resets"] = g.counts.resets;
  j["looks"] = g.translation.looks;
  j["blind_looks"] = g.translation.blind_looks;
  j["invalidations"] = g.translation.invalidations;
  j["dropped_all"] = g.translation.dropped_all;
  j["pasids_bound"] = g.translation.pasids_bound;
  j["pasids_unbound"] = g.translation.pasids_unbound;
  j["pasids_unsupported"] = g.translation.pasids_unsupported;
  j["refused"] = g.counts.refused;
  j["last_end"] = g.last_end;
  return j;
}

std::string write_guests(const std::string& directory, const attach::AttachResult& result) {
  nlohmann::ordered_json j;
  j["schema"] = 1;
  j["walks"] = result.walks;
  j["descriptors"] = result.descriptors;
  j["wall_seconds"] = result.run.wall_seconds;
  j["wall_waiting"] = result.wall_waiting;
  j["wall_rtl"] = result.wall_rtl;
  j["wall_host_model"] = result.run.wall_seconds - result.wall_waiting - result.wall_rtl;
  j["guests"] = nlohmann::ordered_json::array();
  for (const attach::GuestReport& g : result.guests) j["guests"].push_back(json_of(g));
  const std::string path = directory + "/guests.json";
  std::ofstream out(path);
  out << j.dump(2) << "\n";
  out.flush();
  if (!out) throw InputError(path + ": cannot write this file");
  return path;
}

void print(const attach::AttachResult& result) {
  const system::RunResult& r = result.run;
  for (const attach::GuestReport& g : result.guests) {
    fmt::print("\n  {:<13} {} sessions, {} descriptors submitted, {} interrupts, {} resets\n",
               g.name, g.counts.sessions, g.counts.submissions, g.counts.interrupts,
               g.counts.resets);
    fmt::print("                {} reads, {} writes of BARs, {} accesses of configuration space\n",
               g.counts.reads, g.counts.writes, g.counts.config_accesses);
    fmt::print(
        "                {} PASIDs bound, {} unbound, {} invalidations honoured, {} looks "
        "({} blind)\n",
        g.translation.pasids_bound, g.translation.pasids_unbound, g.translation.invalidations,
        g.translation.looks, g.translation.blind_looks);
  }
  const double host = r.wall_seconds - result.wall_waiting - result.wall_rtl;
  fmt::print("\n  work          {} descriptors accepted by the device\n", result.descriptors);
  fmt::print("  link          {} TLPs up, {} down\n", r.tlps_up, r.tlps_down);
  fmt::print("  IOMMU         {} translations, {} walks, {} faults, {} translation requests\n",
             r.translations, result.walks, r.faults, r.ats_translations);
  fmt::print("  judged        {} checks, {} violations, {} mismatches\n", r.checks, r.violations,
             r.mismatches);
  fmt::print("  time          {} cycles ({} ns)\n", r.cycles, r.sim_ns);
  fmt::print(
      "  wall          {:.1f} s: {:.1f} s for the guest, {:.1f} s RTL, {:.1f} s host model\n",
      r.wall_seconds, result.wall_waiting, result.wall_rtl, host);
}

}  // namespace

Exit serve_guests(const Options& options, const std::string& program) {
  if (!system::device_available(options.device))
    throw InputError("--device: this build does not have that device");
  prepare_directory(options.out, "summary.json");
  set_crash_context(program + " " + options.paste);
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  std::signal(SIGPIPE, SIG_IGN);
  attach::AttachOptions attach = attach_options(options);
  attach.stop = [] { return stop_wanted != 0; };
  attach.log = [](const std::string& line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
  };
  attach::AttachResult result;
  try {
    attach::AttachedSystem system(std::move(attach));
    result = system.run();
  } catch (const HarnessError& e) {
    throw InputError(std::string("guest: ") + e.what());
  }
  const SummaryHead head{"guest", options.guest.host ? "host" : "vdev", options.seed.value_or(1),
                         std::string(to_string(options.device))};
  const std::string path = write_summary(options.out, head, result.run);
  static_cast<void>(write_lifecycle(options.out, result.run));
  const std::string guests = write_guests(options.out, result);
  print(result);
  fmt::print("  results       {}, {}\n", path, guests);
  if (result.run.good()) {
    fmt::print("\nGOOD\n");
    return Exit::kGood;
  }
  for (std::size_t i = 0; i < result.run.failures.size() && i < 3; ++i)
    fmt::print("\n{}\n", result.run.failures[i]);
  if (!result.run.stopped.empty()) fmt::print("\nstopped: {}\n", result.run.stopped);
  fmt::print("\nFAILED: {} rule violations, {} mismatches\n", result.run.violations,
             result.run.mismatches);
  return Exit::kFailed;
}

}  // namespace siov::app
