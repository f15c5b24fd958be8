// SPDX-License-Identifier: Apache-2.0
// Names and derived values of a scenario.
#include "system/scenario.hpp"

#include <algorithm>

namespace siov::system {

std::uint64_t derive_seed(std::uint64_t seed, std::string_view name) {
  std::uint64_t hash = 0xCBF29CE484222325U;  // FNV-1a, 64 bit
  for (const char c : name) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001B3U;
  }
  std::uint64_t x = hash ^ (seed + 0x9E3779B97F4A7C15U);  // splitmix64 finaliser
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

std::string_view to_string(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::kRtl:
      return "rtl";
    case DeviceKind::kModel:
      return "model";
    case DeviceKind::kNetlist:
      return "netlist";
  }
  return "?";
}

std::string_view to_string(Translation translation) {
  switch (translation) {
    case Translation::kFirstStage:
      return "first-stage";
    case Translation::kSecondStage:
      return "second-stage";
    case Translation::kNested:
      return "nested";
    case Translation::kPassThrough:
      return "pass-through";
  }
  return "?";
}

std::string_view to_string(Personality personality) {
  switch (personality) {
    case Personality::kSmall:
      return "small";
    case Personality::kDefault:
      return "default";
    case Personality::kLarge:
      return "large";
  }
  return "?";
}

std::string_view to_string(CancelPhase phase) {
  switch (phase) {
    case CancelPhase::kNever:
      return "never";
    case CancelPhase::kChecked:
      return "checked";
    case CancelPhase::kPreCopied:
      return "pre-copied";
    case CancelPhase::kPaused:
      return "paused";
    case CancelPhase::kStopped:
      return "stopped";
    case CancelPhase::kLoaded:
      return "loaded";
  }
  return "?";
}

Scenario scenario_of_host(const Scenario& scenario, std::uint8_t host) {
  if (host == 0) return scenario;
  Scenario there = scenario;
  there.seed = derive_seed(scenario.seed, "second host");
  there.personality = scenario.second.personality;
  there.wqs = scenario.second.wqs;
  there.groups = scenario.second.groups;
  there.injections.clear();
  return there;
}

const std::vector<WqParameters>& wqs_of(const Scenario& scenario, const TenantParameters& tenant) {
  return tenant.on_second ? scenario.second.wqs : scenario.wqs;
}

const MigrationParameters* migration_of(const Scenario& scenario, std::uint32_t vm) {
  for (const MigrationParameters& m : scenario.migrations) {
    if (m.vm == vm) return &m;
  }
  return nullptr;
}

const std::vector<MistakeName>& mistake_names() {
  static const std::vector<MistakeName> kNames{
      {"keep-device-tlb", Mistake::kKeepDeviceTlb, MistakeNeeds::kPaging},
      {"keep-iotlb", Mistake::kKeepIotlb, MistakeNeeds::kPaging},
      {"no-wait", Mistake::kNoWait, MistakeNeeds::kPaging},
      {"no-page-response", Mistake::kNoPageResponse, MistakeNeeds::kPageRequests},
      {"second-page-response", Mistake::kSecondPageResponse, MistakeNeeds::kPageRequests},
      {"success-without-mapping", Mistake::kSuccessWithoutMapping, MistakeNeeds::kPageRequests},
      {"drop-held", Mistake::kDropHeld, MistakeNeeds::kMigration},
      {"replay-twice", Mistake::kReplayTwice, MistakeNeeds::kMigration},
      {"save-before-drain", Mistake::kSaveBeforeDrain, MistakeNeeds::kMigration},
      {"miss-dirty-pages", Mistake::kMissDirtyPages, MistakeNeeds::kMigration},
  };
  return kNames;
}

bool HostParameters::makes(Mistake mistake) const {
  return std::find(mistakes.begin(), mistakes.end(), mistake) != mistakes.end();
}

void set_translation_mode(Scenario& scenario, TranslationMode mode) {
  constexpr std::uint32_t kAbsentPermille = 300;
  const bool pri = mode == TranslationMode::kPri;
  scenario.ats = mode != TranslationMode::kOff;
  scenario.pri = pri;
  for (std::vector<WqParameters>* wqs : {&scenario.wqs, &scenario.second.wqs}) {
    for (WqParameters& wq : *wqs) {
      wq.block_on_fault = pri;
      wq.ats_disable = wq.prs_disable = false;
    }
  }
  for (TenantParameters& tenant : scenario.tenants) {
    if (!pri || tenant.translation == Translation::kPassThrough) {
      tenant.paging = {};
    } else {
      tenant.paging.demand = true;
      tenant.paging.absent_permille = std::max(tenant.paging.absent_permille, kAbsentPermille);
    }
  }
  scenario.host.mistakes.clear();
}

PersonalitySize size_of(Personality personality) {
  switch (personality) {
    case Personality::kSmall:
      return {4, 2, 1, 32, 32, false, false, false};
    case Personality::kDefault:
      return {8, 4, 4, 128, 96, true, true, true};
    case Personality::kLarge:
      return {128, 16, 4, 4096, 255, true, true, true};
  }
  return {};
}

std::uint32_t dedicated_queues(const Scenario& scenario, const TenantParameters& tenant) {
  if (tenant.queues.empty()) return tenant.shared || tenant.emulated ? 0 : 1;
  return static_cast<std::uint32_t>(
      std::count_if(tenant.queues.begin(), tenant.queues.end(),
                    [&](std::uint32_t wq) { return !wqs_of(scenario, tenant).at(wq).shared; }));
}

WqParameters queue_of(const Scenario& scenario, const TenantParameters& tenant) {
  // No-op, drain, memmove, fill, compare, compare pattern.
  constexpr std::uint64_t kEmulatedOperations = 0b111'1101;
  if (tenant.emulated) {
    WqParameters queue;
    queue.shared = tenant.shared;
    queue.operations = kEmulatedOperations;
    queue.max_batch_log2 = 0;
    return queue;
  }
  const std::vector<WqParameters>& all = wqs_of(scenario, tenant);
  std::vector<WqParameters> wqs;
  for (const std::uint32_t wq : tenant.queues) wqs.push_back(all.at(wq));
  if (wqs.empty() && !tenant.any_wq) return all.at(tenant.wq);
  for (const WqParameters& wq : all) {
    if (tenant.queues.empty() && wq.shared == tenant.shared) wqs.push_back(wq);
  }
  WqParameters least;
  bool first = true;
  for (const WqParameters& wq : wqs) {
    if (first) least = wq;
    first = false;
    least.size = std::min(least.size, wq.size);
    least.max_transfer_log2 = std::min(least.max_transfer_log2, wq.max_transfer_log2);
    least.max_batch_log2 = std::min(least.max_batch_log2, wq.max_batch_log2);
    if (wq.operations != 0)
      least.operations = least.operations == 0 ? wq.operations : least.operations & wq.operations;
    least.block_on_fault = least.block_on_fault && wq.block_on_fault;
    least.ats_disable = least.ats_disable || wq.ats_disable;
    least.prs_disable = least.prs_disable || wq.prs_disable;
  }
  return least;
}

std::uint64_t planned_descriptors(const Scenario& scenario, const TenantParameters& tenant) {
  const WorkloadParameters& work = tenant.workload;
  std::uint64_t count = work.descriptors;
  if (!work.trace.empty() || !work.operations.empty()) {
    count = work.operations.size();
    if (work.limit != 0) count = std::min(count, work.limit);
  }
  return scenario.length == 0 ? count : std::min(count, scenario.length);
}

}  // namespace siov::system
