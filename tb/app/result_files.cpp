// SPDX-License-Identifier: Apache-2.0
// JSON writers. Keys are a contract (docs/summary.md): add, never rename.
#include "app/result_files.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

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

nlohmann::ordered_json number_or_null(const std::optional<double>& value) {
  if (!value || !std::isfinite(*value)) return nullptr;
  return *value;
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
  j["bytes"] = result.bytes;
  j["tlps_up"] = result.tlps_up;
  j["tlps_down"] = result.tlps_down;
  j["checks"] = result.checks;
  j["violations"] = result.violations;
  j["mismatches"] = result.mismatches;
  j["translations"] = result.translations;
  j["faults"] = result.faults;
  j["interrupts"] = result.interrupts;
  j["retries"] = result.retries;
  j["cycles"] = result.cycles;
  j["sim_ns"] = result.sim_ns;
  j["wall_seconds"] = result.wall_seconds;
  j["cycles_per_second"] = result.cycles_per_second;
  j["digest"] = result.digest;
  j["stopped"] = result.stopped;
  return write_file(directory, "summary.json", j);
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
