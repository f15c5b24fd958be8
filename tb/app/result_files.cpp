// SPDX-License-Identifier: Apache-2.0
// JSON writers. Keys are a contract (docs/summary.md): add, never rename.
#include "app/result_files.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

#include "app/input_error.hpp"

namespace siov::app {
namespace {

std::string write_file(const std::string& directory, const char* name,
                       const nlohmann::ordered_json& json) {
  const std::string path = directory + "/" + name;
  std::ofstream out(path);
  out << json.dump(2) << "\n";
  out.flush();
  if (!out) throw InputError(path + ": cannot write this file");
  return path;
}

/// A field of a CSV file. @spec RFC 4180
std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

nlohmann::ordered_json number_or_null(const std::optional<double>& value) {
  if (!value || !std::isfinite(*value)) return nullptr;
  return *value;
}

nlohmann::ordered_json numbers_of(const system::HostNumbers& numbers) {
  nlohmann::ordered_json j;
  j["wqs"] = numbers.wqs;
  j["default_pasid"] = numbers.default_pasid;
  j["process_pasid"] = numbers.process_pasid;
  j["handle"] = numbers.handle;
  return j;
}

nlohmann::ordered_json migrations_of(const system::RunResult& result) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const system::MigrationRecord& m : result.migrations) {
    nlohmann::ordered_json j;
    j["vm"] = m.vm;
    j["from"] = m.from;
    j["to"] = m.to;
    j["moved"] = m.moved;
    j["reason"] = m.reason;
    j["start"] = m.start;
    j["cycles"] = m.cycles;
    j["rounds"] = m.rounds;
    j["pages"] = m.pages;
    j["device_pages"] = m.device_pages;
    j["cpu_pages"] = m.cpu_pages;
    j["stopped_pages"] = m.stopped_pages;
    j["image_bytes"] = m.image_bytes;
    j["held"] = m.held;
    j["replayed"] = m.replayed;
    j["revoked"] = m.revoked;
    j["paused_cycles"] = m.paused_cycles;
    j["downtime_cycles"] = m.downtime_cycles;
    j["different"] = m.different;
    j["vdevs"] = nlohmann::ordered_json::array();
    for (const system::MovedVdev& v : m.moves) {
      nlohmann::ordered_json vdev;
      vdev["tenant"] = v.tenant;
      vdev["here"] = numbers_of(v.here);
      if (m.moved) vdev["there"] = numbers_of(v.there);
      j["vdevs"].push_back(vdev);
    }
    list.push_back(j);
  }
  return list;
}

nlohmann::ordered_json summary_of(const SummaryHead& head, const system::RunResult& result) {
  nlohmann::ordered_json j;
  j["schema"] = 1;
  j["command"] = head.command;
  j["scenario"] = head.scenario;
  j["seed"] = head.seed;
  j["device"] = head.device;
  j["vdevs"] = result.vdevs;
  j["vms"] = result.vms;
  j["pasids"] = result.pasids;
  j["descriptors"] = result.descriptors;
  j["operations"] = result.operations;
  j["batches"] = result.batches;
  j["bad_inputs"] = result.bad_inputs;
  j["dropped"] = result.dropped;
  j["errors_reported"] = result.errors_reported;
  j["errors_lost"] = result.errors_lost;
  j["events"] = result.events;
  j["bytes"] = result.bytes;
  j["tlps_up"] = result.tlps_up;
  j["tlps_down"] = result.tlps_down;
  j["checks"] = result.checks;
  j["violations"] = result.violations;
  j["mismatches"] = result.mismatches;
  j["translations"] = result.translations;
  j["faults"] = result.faults;
  j["ats_translations"] = result.ats_translations;
  j["invalidations"] = result.invalidations;
  j["page_requests"] = result.page_requests;
  j["stale_uses"] = result.stale_uses;
  j["pages"] = result.pages;
  j["pages_absent"] = result.pages_absent;
  j["pages_in"] = result.pages_in;
  j["pages_out"] = result.pages_out;
  j["pages_moved"] = result.pages_moved;
  j["resumed"] = result.resumed;
  j["interrupts"] = result.interrupts;
  j["retries"] = result.retries;
  j["lives"] = result.lives;
  j["churn_operations"] = result.churn_operations;
  j["pauses"] = result.pauses;
  j["moves"] = result.moves;
  j["resets"] = result.resets;
  j["refusals"] = result.refusals;
  j["bytes_per_vdev"] = result.bytes_per_vdev;
  if (!result.migrations.empty()) {
    j["migrations"] = migrations_of(result);
    j["submitted"] = result.submitted;
  }
  j["cycles"] = result.cycles;
  j["sim_ns"] = result.sim_ns;
  j["wall_seconds"] = result.wall_seconds;
  j["cycles_per_second"] = result.cycles_per_second;
  j["digest"] = result.digest;
  j["memory_digest"] = result.memory_digest;
  j["stopped"] = result.stopped;
  return j;
}

}  // namespace

void prepare_directory(const std::string& directory, const char* result) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  const std::string probe = directory + "/.write-test";
  std::ofstream out(probe);
  out << "x";
  out.flush();
  if (!out) throw InputError("--out " + directory + ": expected a directory that can be written");
  out.close();
  std::filesystem::remove(probe, error);
  // A run that crashes must not leave the good result of an earlier one behind.
  if (result != nullptr) std::filesystem::remove(directory + "/" + result, error);
}

std::string write_summary(const std::string& directory, const SummaryHead& head,
                          const system::RunResult& result) {
  return write_file(directory, "summary.json", summary_of(head, result));
}

std::string write_lifecycle(const std::string& directory, const system::RunResult& result) {
  const std::string path = directory + "/lifecycle.csv";
  std::ofstream out(path);
  out << "ns,event,vm,vdev,name,detail,host\n";
  for (const vdcm::LifecycleEvent& e : result.lifecycle) {
    out << e.time_ps / 1000 << "," << e.event << "," << e.vm << "," << e.vdev << ","
        << quoted(e.name) << "," << quoted(e.detail) << "," << unsigned{e.host} << "\n";
  }
  out.flush();
  if (!out) throw InputError(path + ": cannot write this file");
  return path;
}

system::RunResult total_of(const std::vector<SeedResult>& results) {
  system::RunResult total;
  std::uint64_t digest = 0xCBF2'9CE4'8422'2325;  // FNV-1a, 64 bit
  std::uint64_t memory = digest;
  for (const SeedResult& one : results) {
    const system::RunResult& r = one.result;
    total.vdevs = r.vdevs;  // the same in every run
    total.vms = r.vms;
    total.pasids = r.pasids;
    total.bytes_per_vdev = std::max(total.bytes_per_vdev, r.bytes_per_vdev);
    using Number = std::uint64_t system::RunResult::*;
    for (const Number n : {&system::RunResult::operations,
                           &system::RunResult::descriptors,
                           &system::RunResult::batches,
                           &system::RunResult::bad_inputs,
                           &system::RunResult::dropped,
                           &system::RunResult::events,
                           &system::RunResult::errors_reported,
                           &system::RunResult::errors_lost,
                           &system::RunResult::error_overflows,
                           &system::RunResult::bytes,
                           &system::RunResult::tlps_up,
                           &system::RunResult::tlps_down,
                           &system::RunResult::checks,
                           &system::RunResult::violations,
                           &system::RunResult::mismatches,
                           &system::RunResult::translations,
                           &system::RunResult::faults,
                           &system::RunResult::interrupts,
                           &system::RunResult::retries,
                           &system::RunResult::cycles,
                           &system::RunResult::sim_ns,
                           &system::RunResult::ats_translations,
                           &system::RunResult::invalidations,
                           &system::RunResult::page_requests,
                           &system::RunResult::stale_uses,
                           &system::RunResult::pages,
                           &system::RunResult::pages_absent,
                           &system::RunResult::pages_in,
                           &system::RunResult::pages_out,
                           &system::RunResult::pages_moved,
                           &system::RunResult::resumed,
                           &system::RunResult::lives,
                           &system::RunResult::churn_operations,
                           &system::RunResult::pauses,
                           &system::RunResult::moves,
                           &system::RunResult::resets,
                           &system::RunResult::refusals})
      total.*n += r.*n;
    total.wall_seconds += r.wall_seconds;
    for (const char c : r.digest)
      digest = (digest ^ static_cast<unsigned char>(c)) * 0x100'0000'01B3;
    for (const char c : r.memory_digest)
      memory = (memory ^ static_cast<unsigned char>(c)) * 0x100'0000'01B3;
    total.migrations.insert(total.migrations.end(), r.migrations.begin(), r.migrations.end());
    total.submitted.resize(std::max(total.submitted.size(), r.submitted.size()));
    for (std::size_t i = 0; i < r.submitted.size(); ++i) total.submitted[i] += r.submitted[i];
    if (total.stopped.empty() && !r.stopped.empty())
      total.stopped = "seed " + std::to_string(one.seed) + ": " + r.stopped;
  }
  if (total.wall_seconds > 0)
    total.cycles_per_second = static_cast<double>(total.cycles) / total.wall_seconds;
  const auto hex = [](std::uint64_t value) {
    std::ostringstream text;
    text << std::hex << std::setw(16) << std::setfill('0') << value;
    return text.str();
  };
  total.digest = hex(digest);
  total.memory_digest = hex(memory);
  return total;
}

std::string write_seeds(const std::string& directory, const SummaryHead& head,
                        const std::vector<SeedResult>& results) {
  nlohmann::ordered_json j = summary_of(head, total_of(results));
  j["runs"] = nlohmann::ordered_json::array();
  for (const SeedResult& one : results) {
    nlohmann::ordered_json run;
    run["seed"] = one.seed;
    run["descriptors"] = one.result.descriptors;
    run["digest"] = one.result.digest;
    run["good"] = one.result.good();
    j["runs"].push_back(run);
  }
  return write_file(directory, "seeds.json", j);
}

std::string write_bench(const std::string& directory,
                        const std::vector<system::BenchNumber>& numbers) {
  nlohmann::ordered_json j;
  for (const system::BenchNumber& n : numbers) {
    nlohmann::ordered_json entry;
    entry["value"] = number_or_null(n.value);
    entry["bar"] = number_or_null(n.bar);
    entry["goal"] = number_or_null(n.goal);
    entry["met"] = n.met();
    entry["unit"] = n.unit;
    entry["note"] = n.note;
    j[n.name] = entry;
  }
  return write_file(directory, "bench.json", j);
}

}  // namespace siov::app
