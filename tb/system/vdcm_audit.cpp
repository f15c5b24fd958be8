// SPDX-License-Identifier: Apache-2.0
// VdcmAudit: what every VDEV has.
#include "system/vdcm_audit.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "system/vdcm_audit_port.hpp"

namespace siov::system {

namespace {
constexpr std::uint64_t kSweepEvents = 1024;  // portal stores and commands between two sweeps

const AuditRuleInfo& info_of(AuditRule rule) { return kAuditRules[static_cast<std::size_t>(rule)]; }
}  // namespace

std::string VdcmAudit::Violation::text() const {
  const AuditRuleInfo& info = info_of(rule);
  return fmt::format("{} ns  {}: {}\n  rule: {} [{}]", time_ns, info.name, message, info.what,
                     info.clause);
}

VdcmAudit::VdcmAudit() = default;
VdcmAudit::~VdcmAudit() = default;

port::DevicePort& VdcmAudit::watch(port::DevicePort& device) {
  const auto function = static_cast<std::uint8_t>(ports_.size());
  ports_.push_back(std::make_unique<Port>(*this, device, function));
  return *ports_.back();
}

void VdcmAudit::attach(vdcm::Vdcm& vdcm, const coro::Scheduler& scheduler) {
  vdcm_ = &vdcm;
  scheduler_ = &scheduler;
}

void VdcmAudit::violation(AuditRule rule, std::string message) {
  ++total_;
  ++counts_[static_cast<std::size_t>(rule)];
  if (kept_.size() < kKept) kept_.push_back({rule, scheduler_->now() / 1000, std::move(message)});
}

/// With many VDEVs less often, so that the time for it stays a share of the whole.
void VdcmAudit::now_and_then() {
  if (++events_ < std::max<std::uint64_t>(kSweepEvents, 4 * vdcm_->vdevs().size())) return;
  sweep();
}

std::optional<std::uint8_t> VdcmAudit::function_of(const vdcm::HostDriver& host) const {
  for (std::uint8_t f = 0; f < vdcm_->functions(); ++f) {
    if (&vdcm_->host(f) == &host) return f;
  }
  return std::nullopt;
}

/// @spec dsa.md 4.1
std::uint64_t VdcmAudit::portal_page(std::uint8_t function, std::uint8_t wq, bool limited) const {
  const vdcm::HostDriver& host = vdcm_->host(function);
  const bool shared = host.config().wqs.at(wq).mode == vdcm::WqMode::kShared;
  return wq * std::uint64_t{0x4000} + (limited || shared ? 0x1000 : 0) +
         (host.has_ims() ? 0x2000 : 0);
}

/// Each page that goes straight to hardware: the guest's queue q has its four pages at q times
/// 16 KiB. @spec SIOV-H-06..H-10
void VdcmAudit::sweep_pages(const vdcm::Vdev& vdev) {
  for (const vdcm::PageAudit& page : vdev.map_audit()) {
    if (page.kind != vdcm::PageKind::kDirect) continue;
    const std::uint64_t queue = page.offset / 0x4000;
    const std::vector<vdcm::QueueConfig>& queues = vdev.config().queues;
    if (!holds(page.bar == port::Bar::kPortal && queue < queues.size() && !queues[queue].emulated &&
               page.physical)) {
      violation(AuditRule::kForeignPage,
                fmt::format("{}: page {:#x} is no portal", vdev.name(), page.offset));
      continue;
    }
    const vdcm::QueueConfig& config = queues[queue];
    const std::uint64_t expected =
        portal_page(config.function, config.wq, (page.offset & 0x1000) != 0);
    const std::uint64_t mapped = page.physical->offset;
    if (!holds(function_of(*page.physical->host) == std::optional(config.function) &&
               mapped / 0x4000 == config.wq)) {
      violation(AuditRule::kForeignPage, fmt::format("{}: page {:#x} is mapped to {:#x} of another "
                                                     "queue",
                                                     vdev.name(), page.offset, mapped));
    } else if (!holds(mapped == expected)) {
      violation(AuditRule::kFlavour, fmt::format("{}: page {:#x} is mapped to {:#x}, not {:#x}",
                                                 vdev.name(), page.offset, mapped, expected));
    }
    const auto q = static_cast<std::uint8_t>(queue);
    if (!holds(vdev.registers().queue_enabled(q) && !vdev.paused())) {
      violation(AuditRule::kClosedPortal,
                fmt::format("{}: page {:#x} is mapped while its queue is {}", vdev.name(),
                            page.offset, vdev.paused() ? "paused" : "disabled"));
    }
    if (!holds(vdev.dedicated(q) || vdcm_->platform().pasid_translation(vdev.vm()))) {
      violation(AuditRule::kUntranslated,
                fmt::format("{}: a shared queue is mapped without PASID translation", vdev.name()));
    }
  }
}

/// Each vector's entry, in every function of the VDEV. @spec SIOV-H-20, SIOV-H-25
void VdcmAudit::sweep_entries(const vdcm::Vdev& vdev) {
  for (std::uint16_t v = 1; v < vdev.registers().layout().vectors; ++v) {
    const std::optional<std::uint16_t> index = vdev.ims_index(v);
    if (!index) continue;
    for (const vdcm::QueueConfig& queue : vdev.config().queues) {
      if (queue.emulated || queue.function >= ports_.size()) continue;
      const auto& entries = ports_[queue.function]->entries();
      const auto entry = entries.find(*index);
      if (entry == entries.end() || !entry->second.pasid || entry->second.pasid->value == 0)
        continue;
      const Pasid pasid = *entry->second.pasid;
      if (!holds(vdcm_->owner(pasid) == std::optional(vdev.vm()))) {
        violation(AuditRule::kForeignPasid,
                  fmt::format("{}: the entry of vector {} has PASID {:#x} of somebody else",
                              vdev.name(), v, pasid.value));
      }
    }
  }
}

/// The guest reads a PASID of its own, or 0. @spec SIOV-H-20, SIOV-H-36
void VdcmAudit::sweep_error(const vdcm::Vdev& vdev) {
  const vdcm::SoftwareError error = vdcm::SoftwareError::decode(vdev.registers().image().swerror);
  if (!error.valid) return;
  const bool own_pasid =
      error.pasid.value == 0 || vdcm_->host_pasid(vdev.vm(), error.pasid).has_value();
  const bool somebodys = vdcm_->owner(error.pasid).has_value();
  if (!holds(own_pasid || !somebodys)) {
    violation(AuditRule::kRawError,
              fmt::format("{}: SWERROR shows host PASID {:#x}", vdev.name(), error.pasid.value));
  }
  if (!holds(!error.wq_valid || error.wq < vdev.queue_count())) {
    violation(AuditRule::kRawError,
              fmt::format("{}: SWERROR shows WQ {} of the host", vdev.name(), error.wq));
  }
}

void VdcmAudit::sweep() {
  events_ = 0;
  if (vdcm_ == nullptr) return;
  vdcm::PasidAllocator& pasids = vdcm_->platform().pasids();
  for (const auto& vdev : vdcm_->vdevs()) {
    sweep_pages(*vdev);
    sweep_entries(*vdev);
    sweep_error(*vdev);
    if (!holds(pasids.references(vdev->default_pasid()) != 0)) {
      violation(AuditRule::kFreePasid, fmt::format("{}: its default PASID {:#x} is free",
                                                   vdev->name(), vdev->default_pasid().value));
    }
  }
  for (std::uint8_t f = 0; f < ports_.size() && f < vdcm_->functions(); ++f) {
    const vdcm::HostConfig& config = vdcm_->host(f).config();
    for (std::uint8_t wq = 0; wq < config.wqs.size(); ++wq) {
      if (config.wqs[wq].mode != vdcm::WqMode::kDedicated || !ports_[f]->runs(wq)) continue;
      const vdcm::Vdev* const owner = vdcm_->dedicated_owner(wq, f);
      bool wanted = false;
      for (std::uint8_t q = 0; owner != nullptr && q < owner->queue_count(); ++q) {
        const vdcm::QueueConfig& queue = owner->config().queues[q];
        if (queue.emulated || queue.function != f || queue.wq != wq) continue;
        wanted = owner->registers().queue_enabled(q) || owner->running_pasid(q).has_value();
      }
      if (!holds(wanted)) {
        violation(AuditRule::kStillRunning,
                  fmt::format(
                      "WQ {} runs, and {}", wq,
                      owner == nullptr ? "belongs to nobody" : owner->name() + " has it disabled"));
      }
    }
  }
}

}  // namespace siov::system
