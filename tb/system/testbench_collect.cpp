// SPDX-License-Identifier: Apache-2.0
// What a run gave, counted on all its hosts.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <utility>

#include "check/digest.hpp"
#include "check/rules.hpp"
#include "system/testbench_parts.hpp"

namespace siov::system {

void Testbench::Impl::collect_mismatches(RunResult& result) const {
  std::uint64_t memory = 0;
  for (const auto& tenant : tenants) {
    const guest::WorkloadResult* r = tenant->result();
    if (r == nullptr) continue;
    result.operations += r->operations;
    result.descriptors += r->descriptors;
    result.batches += r->batches;
    result.bad_inputs += r->bad_inputs;
    result.dropped += r->dropped;
    result.errors_reported += r->errors_reported;
    result.errors_lost += r->errors_lost;
    result.bytes += r->bytes;
    result.mismatches += r->mismatches;
    result.checks += r->descriptors;
    memory += r->memory_digest;
    result.retries += tenant->retries();
    result.error_overflows += tenant->error_overflows();
    for (const guest::Mismatch& m : r->first) {
      result.failures.push_back(
          fmt::format("MISMATCH  VDEV {}, operation {}: {}", tenant->name(), m.operation, m.what));
    }
  }
  result.memory_digest = fmt::format("{:016x}", memory);
}

void Testbench::Impl::collect_paging(RunResult& result) {
  std::uint64_t uses = 0;
  for (const auto& node : nodes) {
    result.ats_translations += node->host_side.iommu.statistics().translation_requests;
    result.invalidations += node->paging.invalidations();
    result.page_requests += node->paging.page_requests();
    if (const check::Referee* referee = node->device.referee()) uses += referee->stats().stale_uses;
  }
  for (const auto& tenant : tenants) {
    const guest::PagingStatistics& p = tenant->space().paging();
    result.pages += p.pages;
    result.pages_absent += p.absent_first;
    result.pages_in += p.brought_in;
    result.pages_out += p.taken_away;
    result.pages_moved += p.moved;
    if (const guest::WorkloadResult* r = tenant->result()) result.resumed += r->resumed;
  }
  std::uint64_t written = 0;
  for (const auto& [vm, machine] : machines) written += machine->stale_writes();
  written += churn->stale_writes();
  result.stale_uses = written + uses;
  if (written == 0) return;
  // A wait descriptor guarantees that nobody uses the translations before it. @spec SIOV-P-14
  result.violations += written;
  result.failures.push_back(fmt::format(
      "SIOV-P-14  {} pages were written through translations that had been taken away", written));
  result.rules.push_back("SIOV-P-14");
}

void Testbench::Impl::collect_lives(RunResult& result) const {
  const ChurnResult& c = churn->result();
  result.lives = c.lives;
  result.churn_operations = c.operations;
  result.pauses = c.pauses;
  result.moves = c.moves;
  result.resets = c.resets;
  result.operations += c.operations;
  result.descriptors += c.descriptors;
  result.bytes += c.bytes;
  result.mismatches += c.mismatches;
  result.checks += c.descriptors;
  result.retries += c.retries;
  result.failures.insert(result.failures.end(), c.failures.begin(), c.failures.end());
  for (const auto& node : nodes) {
    result.refusals += node->log.count("refused");
    for (vdcm::LifecycleEvent event : node->log.events()) {
      event.host = node->number;
      result.lifecycle.push_back(std::move(event));
    }
  }
  std::ranges::stable_sort(result.lifecycle, {}, &vdcm::LifecycleEvent::time_ps);
  result.bytes_per_vdev = meter.bytes() / std::max<std::uint64_t>(1, tenants.size());
}

/// @spec SIOV-H-38..H-43
void Testbench::Impl::collect_migrations(RunResult& result) {
  if (!migrations) return;
  const auto fault = [&](std::string text, const char* rule) {
    ++result.violations;
    result.failures.push_back(std::string(rule) + "  " + std::move(text));
    if (std::ranges::count(result.rules, rule) == 0) result.rules.emplace_back(rule);
  };
  result.migrations = migrations->records();
  for (const MigrationRecord& m : result.migrations) {
    if (m.different == 0) continue;
    fault(fmt::format("VM {}: {} pages were not the same on both hosts when it went on from cycle "
                      "{}",
                      m.vm, m.different, m.start + m.cycles),
          "SIOV-H-43");
  }
  if (const std::uint64_t pages = migrations->stale_writes(); pages != 0)
    fault(fmt::format("{} pages of a host that a VM had left were written", pages), "SIOV-H-38");
  std::uint64_t submitted = 0, counted = 0, accepted = 0;
  bool judged = true;
  for (const auto& tenant : tenants) {
    const guest::DsaDriver* driver = tenant->driver();
    if (driver != nullptr && !tenant->parameters().emulated)
      submitted += driver->submitted() + driver->resubmitted();
  }
  for (const auto& node : nodes) {
    counted += node->portals.taken();
    result.submitted.push_back(node->portals.taken());
    const check::Referee* referee = node->device.referee();
    judged = judged && referee != nullptr;
    if (referee != nullptr) accepted += referee->stats().accepted;
  }
  const auto compare = [&](std::uint64_t number, const char* who) {
    if (number == submitted) return;
    fault(fmt::format("guests submitted {} descriptors, {} {}: {} were {}", submitted, who, number,
                      number < submitted ? submitted - number : number - submitted,
                      number < submitted ? "lost" : "too many"),
          number < submitted ? "SIOV-H-42" : "SIOV-H-40");
  };
  compare(counted, "the portals of both devices took");
  if (judged && scenario.injections.empty()) compare(accepted, "both devices accepted");
  if (!result.stopped.empty()) return;
  for (const std::string& text : migrations->unexpected()) result.stopped = text;
}

void Testbench::Impl::collect_device(RunResult& result, Node& node) const {
  DeviceSide& side = node.device;
  const std::string where = nodes.size() == 1 ? "" : fmt::format(" [{} device]", node.name());
  if (const check::Referee* referee = side.referee()) {
    result.checks += referee->report().total_checks();
    for (const check::Violation& v : referee->report().violations()) {
      result.failures.push_back(v.text() + where);
      const std::string rule(check::rule_info(v.rule).name);
      if (std::ranges::count(result.rules, rule) == 0) result.rules.push_back(rule);
    }
  }
  result.violations += side.violations();
  if (const std::string failed = side.assertion_failure(); !failed.empty()) {
    result.failures.push_back("RTL-ASSERT  " + failed + where);
    result.rules.push_back("RTL-ASSERT");
  }
  if (const std::uint64_t beats = side.framing_errors(); beats != 0) {
    result.failures.push_back(fmt::format(
        "PCIE-94  {} beats of the device stand outside a packet or start one inside another{}",
        beats, where));
    result.rules.push_back("PCIE-94");
  }
  result.checks += node.audit.checks();
  result.violations += node.audit.total();
  for (const VdcmAudit::Violation& v : node.audit.violations()) {
    result.failures.push_back(v.text() + where);
    const std::string rule(kAuditRules[static_cast<std::size_t>(v.rule)].name);
    if (std::ranges::count(result.rules, rule) == 0) result.rules.push_back(rule);
  }
  result.events += node.host.events();
  result.error_overflows += node.host.error_overflows();
  result.tlps_up += side.tlps_up();
  result.tlps_down += side.tlps_down();
  result.translations += node.host_side.iommu.statistics().translations;
  result.faults += node.host_side.iommu.statistics().faults;
  result.interrupts += node.host_side.platform.interrupts();
}

/// Of one device its own, of two one over both.
std::string Testbench::Impl::digest() const {
  if (nodes.size() == 1) return nodes[0]->device.digest();
  check::Digest both;
  for (const auto& node : nodes) {
    const std::string one = node->device.digest();
    both.add(one.data(), one.size());
  }
  return both.hex();
}

void Testbench::Impl::collect(RunResult& result) {
  std::map<std::uint32_t, int> vms;
  for (const TenantParameters& p : scenario.tenants) vms[p.vm] = 1;
  result.vdevs = tenants.size();
  result.vms = vms.size();
  result.pasids = pasids;
  for (const auto& node : nodes) collect_device(result, *node);
  collect_mismatches(result);
  collect_paging(result);
  collect_lives(result);
  result.cycles = scheduler.cycle();
  result.sim_ns = scheduler.now() / 1000;
  result.digest = digest();
  result.stopped = stopped;
  const std::uint64_t planned = total_work(scenario);
  if (result.stopped.empty() && result.operations != planned) {
    result.stopped = fmt::format("{} of {} operations were played", result.operations, planned);
  }
  if (result.stopped.empty() && result.errors_lost != 0 && result.error_overflows == 0) {
    result.stopped = fmt::format("{} software errors were lost without an overflow of SWERROR",
                                 result.errors_lost);
  }
  collect_migrations(result);
}

}  // namespace siov::system
