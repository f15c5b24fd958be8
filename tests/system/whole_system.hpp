// SPDX-License-Identifier: Apache-2.0
// Scenarios of the whole-system tests and how they are played.
//
//   Scenario s = four_tenants(7);
//   set_translation_mode(s, TranslationMode::kPri);
//   const RunResult r = play(s);
//   EXPECT_TRUE(r.good()) << why(r);
#pragma once

#include <string>

#include "port_bench.hpp"
#include "system/testbench.hpp"

namespace siov::system {

inline WqParameters queue(bool shared, std::uint32_t size) {
  WqParameters wq;
  wq.shared = shared;
  wq.size = size;
  wq.threshold = size;
  return wq;
}

inline TenantParameters tenant(const std::string& name, std::uint32_t vm, bool shared,
                               std::uint32_t wq, Translation translation) {
  TenantParameters t;
  t.name = name;
  t.vm = vm;
  t.shared = shared;
  t.wq = wq;
  t.translation = translation;
  t.workload.descriptors = 80;
  t.workload.size_max = 6000;
  t.interrupt_permille = 200;
  return t;
}

inline RunResult play(const Scenario& scenario, const std::string& waves = {}) {
  RunOptions options;
  options.device = test::device_kind();
  options.waves = waves;
  return Testbench(scenario, options).run();
}

inline std::string why(const RunResult& r) {
  std::string text = r.stopped;
  for (const std::string& f : r.failures) text += "\n" + f;
  return text;
}

/// Two VMs of their own queues and two that share one.
inline Scenario four_tenants(std::uint64_t seed) {
  Scenario s;
  s.seed = seed;
  s.wqs = {queue(false, 16), queue(false, 16), queue(true, 8)};
  s.groups.push_back({{0, 1, 2}});
  s.groups.push_back({{3}});
  s.wqs[1].group = 1;
  s.tenants.push_back(tenant("a", 0, false, 0, Translation::kNested));
  s.tenants.push_back(tenant("b", 1, false, 1, Translation::kSecondStage));
  s.tenants.push_back(tenant("c", 2, true, 2, Translation::kFirstStage));
  s.tenants.push_back(tenant("d", 3, true, 2, Translation::kPassThrough));
  return s;
}

/// Every operation, batches with fences, and descriptors that are wrong on purpose.
inline Scenario all_operations(bool event_log) {
  Scenario s = four_tenants(11);
  s.event_log = event_log;
  s.link.latency_min = 50;
  s.link.latency_max = 400;
  s.link.reorder = true;
  s.link.stall_permille = 100;
  for (TenantParameters& t : s.tenants) {
    WorkloadParameters& w = t.workload;
    w.descriptors = 120;
    w.mix = {2, 2, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1};
    w.batch = {.share_permille = 300, .size_min = 2, .size_max = 10, .fence_permille = 200};
    w.bad_input_permille = 80;
  }
  return s;
}

/// The three modes of the regression, and their names in tests.
inline constexpr TranslationMode kModes[] = {TranslationMode::kOff, TranslationMode::kAts,
                                             TranslationMode::kPri};
inline const char* name_of(TranslationMode mode) {
  return mode == TranslationMode::kOff ? "Off" : mode == TranslationMode::kAts ? "Ats" : "Pri";
}
inline Scenario in_mode(Scenario scenario, TranslationMode mode) {
  set_translation_mode(scenario, mode);
  return scenario;
}

}  // namespace siov::system
