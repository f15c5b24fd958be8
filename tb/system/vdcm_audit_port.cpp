// SPDX-License-Identifier: Apache-2.0
// VdcmAudit::Port: judgements of single accesses.
#include "system/vdcm_audit_port.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "abi/little_endian.hpp"
#include "abi/siov_abi.hpp"

namespace siov::system {

namespace {
constexpr std::uint64_t kQueuePages = 0x4000;  // dsa.md 4.1
constexpr std::uint64_t kImsFlavour = 0x2000;
constexpr std::uint64_t kLimited = 0x1000;
constexpr std::uint32_t kPasidEnable = 1U << 28;  // WQCFG dword 2
constexpr std::uint32_t kEntryIgnore = 1u << 2;
constexpr std::uint32_t kEntryPasid = 1U << 3;  // IMS control and MSIXPERM, PASID in 31:12
constexpr std::uint32_t kActive = 1U << abi::kCmdstatusActiveLsb;
constexpr std::uint64_t kCleared = 0xFEE0'0000;
}  // namespace

vdcm::HostDriver* VdcmAudit::Port::host() const {
  return audit_.vdcm_ == nullptr || function_ >= audit_.vdcm_->functions()
             ? nullptr
             : &audit_.vdcm_->host(function_);
}

bool VdcmAudit::Port::shared(std::uint8_t wq) const {
  return host()->config().wqs.at(wq).mode == vdcm::WqMode::kShared;
}

/// Whether the VDEV's guest may have work in this physical queue now.
bool VdcmAudit::Port::takes(const vdcm::Vdev& vdev, std::uint8_t wq) const {
  if (vdev.paused() && !vdev.replaying()) return false;
  const std::vector<vdcm::QueueConfig>& queues = vdev.config().queues;
  for (std::uint8_t q = 0; q < queues.size(); ++q) {
    if (!queues[q].emulated && queues[q].function == function_ && queues[q].wq == wq &&
        vdev.registers().queue_enabled(q))
      return true;
  }
  return false;
}

/// A PASID goes into hardware.
void VdcmAudit::Port::used(Pasid pasid, const std::string& where) {
  if (!audit_.holds(audit_.vdcm_->platform().pasids().references(pasid) != 0)) {
    audit_.violation(AuditRule::kFreePasid,
                     fmt::format("{}: PASID {:#x} is free", where, pasid.value));
  }
  if (!audit_.holds(audit_.vdcm_->owner(pasid).has_value())) {
    audit_.violation(AuditRule::kForeignPasid,
                     fmt::format("{}: PASID {:#x} belongs to no VM", where, pasid.value));
  }
}

void VdcmAudit::Port::portal_store(std::uint64_t offset) {
  if (host() == nullptr) return;
  audit_.now_and_then();
  const std::uint64_t wq = offset / kQueuePages;
  if (!audit_.holds(wq < host()->config().wqs.size())) {
    audit_.violation(AuditRule::kForeignPage, fmt::format("store to a portal of WQ {}", wq));
    return;
  }
  const bool ims = (offset & kImsFlavour) != 0;
  const bool limited = (offset & kLimited) != 0;
  if (!audit_.holds(ims == host()->has_ims() &&
                    (limited || !shared(static_cast<std::uint8_t>(wq))))) {
    audit_.violation(AuditRule::kFlavour,
                     fmt::format("store to portal page {:#x} of WQ {}", offset % kQueuePages, wq));
  }
}

/// @param pasid of a deferrable write
void VdcmAudit::Port::submission(std::uint64_t offset, std::optional<Pasid> pasid) {
  portal_store(offset);
  if (host() == nullptr || offset / kQueuePages >= host()->config().wqs.size()) return;
  const auto wq = static_cast<std::uint8_t>(offset / kQueuePages);
  if (!shared(wq)) {
    const vdcm::Vdev* const owner = audit_.vdcm_->dedicated_owner(wq, function_);
    if (!audit_.holds(owner != nullptr && takes(*owner, wq))) {
      audit_.violation(
          AuditRule::kClosedPortal,
          fmt::format("descriptor for WQ {}, which {}", wq,
                      owner == nullptr ? "nobody has" : "is not open for " + owner->name()));
    }
    return;
  }
  if (!pasid) return;  // not a submission: a shared queue ignores it
  const std::optional<vdcm::VmId> vm = audit_.vdcm_->owner(*pasid);
  if (!audit_.holds(vm.has_value())) {
    audit_.violation(
        AuditRule::kUntranslated,
        fmt::format("descriptor for WQ {} with PASID {:#x}, which is nobody's", wq, pasid->value));
    return;
  }
  used(*pasid, fmt::format("descriptor for WQ {}", wq));
  const std::vector<vdcm::Vdev*>& vdevs = audit_.vdcm_->vdevs_of(*vm);
  const bool open = std::ranges::any_of(vdevs, [&](const auto* v) { return takes(*v, wq); });
  if (!audit_.holds(open)) {
    audit_.violation(AuditRule::kClosedPortal,
                     fmt::format("descriptor for WQ {}, which is not open for VM {}", wq, *vm));
  }
}

coro::Task<port::CompletionStatus> VdcmAudit::Port::config_write(std::uint32_t offset,
                                                                 std::uint32_t size,
                                                                 std::uint32_t value) {
  // FLR: nothing of the function is left.
  if (const vdcm::HostDriver* const h = host();
      h != nullptr && offset == h->capabilities().pcie + 8U && (value & 0x8000) != 0) {
    stop_all();
    entries_.clear();
    interrupts_.clear();
  }
  return device_.config_write(offset, size, value);
}

/// A queue that cannot be enabled does not run.
coro::Task<port::ReadResult> VdcmAudit::Port::mmio_read(port::Bar bar, std::uint64_t offset,
                                                        std::uint32_t size) {
  const port::ReadResult result = co_await device_.mmio_read(bar, offset, size);
  if (bar == port::Bar::kControl && offset == abi::kRegCmdstatus && being_enabled_ &&
      (result.data & kActive) == 0) {
    if ((result.data & 0xFF) != 0) runs_[*being_enabled_] = false;
    being_enabled_.reset();
  }
  co_return result;
}

void VdcmAudit::Port::mmio_write(port::Bar bar, std::uint64_t offset, std::uint32_t size,
                                 std::uint64_t value) {
  if (bar == port::Bar::kPortal) portal_store(offset);
  if (bar == port::Bar::kControl) register_write(offset, size, value);
  device_.mmio_write(bar, offset, size, value);
}

void VdcmAudit::Port::posted_write64(std::uint64_t offset, const port::Line& line) {
  submission(offset, std::nullopt);
  device_.posted_write64(offset, line);
}

coro::Task<port::CompletionStatus> VdcmAudit::Port::deferrable_write64(std::uint64_t offset,
                                                                       const port::Line& line) {
  submission(offset, Pasid{static_cast<std::uint32_t>(abi::load_le(line, 4)) & kMaxPasid});
  return device_.deferrable_write64(offset, line);
}

void VdcmAudit::Port::register_write(std::uint64_t offset, std::uint32_t size,
                                     std::uint64_t value) {
  const vdcm::HostDriver* const h = host();
  if (h == nullptr) return;
  if (offset == abi::kRegCmd) return command(static_cast<std::uint32_t>(value));
  const vdcm::DeviceInfo& info = h->info();
  const std::size_t wqs = h->config().wqs.size();
  if (info.wqcfg_offset != 0 && offset - info.wqcfg_offset < wqs * info.wq_stride) {
    const std::uint64_t at = offset - info.wqcfg_offset;
    wq_control_.resize(wqs);
    if (at % info.wq_stride == 8)
      wq_control_[at / info.wq_stride] = static_cast<std::uint32_t>(value);
    return;
  }
  const std::uint32_t table = h->has_ims() ? info.ims_offset : info.msix_table_offset;
  const std::size_t count = h->has_ims() ? info.ims_entries : info.msix_vectors;
  if (table != 0 && offset - table < 16 * count) {
    const auto index = static_cast<std::uint16_t>((offset - table) / 16);
    if (index < h->first_guest_entry()) return;
    Entry& entry = entries_[index];
    switch (offset % 16) {
      case 0:
        entry.address = size == 8 ? value : (entry.address & ~0xFFFF'FFFFULL) | value;
        break;
      case 4:
        entry.address = (entry.address & 0xFFFF'FFFF) | value << 32;
        break;
      case 8:
        entry.data = static_cast<std::uint32_t>(value);
        entry_message(index);
        break;
      default:
        if (h->has_ims()) permission(index, static_cast<std::uint32_t>(value));
        entry_control(index, (value & 1) != 0);
        break;
    }
    return;
  }
  if (!h->has_ims() && info.msixperm_offset != 0 && offset - info.msixperm_offset < 8 * count) {
    const auto index = static_cast<std::uint16_t>((offset - info.msixperm_offset) / 8);
    if (index >= h->first_guest_entry()) permission(index, static_cast<std::uint32_t>(value));
  }
}

/// Only what interrupt remapping composed, and for this entry alone. @spec vtd.md 6, SIOV-H-23
void VdcmAudit::Port::entry_message(std::uint16_t index) {
  Entry& entry = entries_[index];
  if (entry.irte) interrupts_.erase(*entry.irte);
  entry.irte.reset();
  if (entry.address == kCleared && entry.data == 0) return;
  const bool remappable = (entry.address & ~0xF'FFFFULL) == 0xFEE0'0000 &&
                          (entry.address >> 4 & 1) == 1 && (entry.address & 3) == 0;
  if (!audit_.holds(remappable)) {
    audit_.violation(AuditRule::kMessage,
                     fmt::format("interrupt entry {} gets message {:#x}, {:#x}", index,
                                 entry.address, entry.data));
    return;
  }
  const auto irte =
      static_cast<std::uint16_t>((entry.address >> 5 & 0x7FFF) | (entry.address >> 2 & 1) << 15);
  const auto [other, own] = interrupts_.emplace(irte, index);
  const bool known =
      audit_.vdcm_->platform().connected(host()->iommu().function(), irte) && entry.data == 0;
  if (!audit_.holds(own && known)) {
    audit_.violation(
        AuditRule::kMessage,
        fmt::format("interrupt entry {} gets interrupt {}, which is {}", index, irte,
                    own ? "nobody's" : fmt::format("that of entry {}", other->second)));
  }
  if (own) entry.irte = irte;
}

/// PASID 0 with the enable on matches nobody's work. @spec SIOV-H-21
void VdcmAudit::Port::permission(std::uint16_t index, std::uint32_t value) {
  Entry& entry = entries_[index];
  entry.ignored = (value & kEntryIgnore) != 0;
  entry.pasid.reset();
  if ((value & kEntryPasid) == 0) return;
  entry.pasid = Pasid{value >> 12};
  if (entry.pasid->value != 0) used(*entry.pasid, fmt::format("interrupt entry {}", index));
}

/// What is ignored is never sent. @spec dsa.md 2.10
void VdcmAudit::Port::entry_control(std::uint16_t index, bool masked) {
  if (masked || entries_[index].ignored) return;
  if (!audit_.holds(entries_[index].pasid.has_value())) {
    audit_.violation(AuditRule::kUnmaskedEntry,
                     fmt::format("interrupt entry {} has no PASID and is unmasked", index));
  }
}

void VdcmAudit::Port::command(std::uint32_t value) {
  audit_.now_and_then();
  const auto code = static_cast<std::uint8_t>(value >> abi::kCmdCodeLsb & 0x1F);
  const std::uint32_t operand = value & 0xFFFFF;
  switch (code) {
    case abi::kCmdDisableDevice:
    case abi::kCmdDrainAll:
    case abi::kCmdAbortAll:
    case abi::kCmdResetDevice: {
      const auto& vdevs = audit_.vdcm_->vdevs();
      const bool used_by_some = std::ranges::any_of(vdevs, [&](const auto& v) {
        for (std::uint8_t wq = 0; wq < host()->config().wqs.size(); ++wq) {
          if (takes(*v, wq)) return true;
        }
        return false;
      });
      if (!audit_.holds(!used_by_some)) {
        audit_.violation(AuditRule::kQueueWide,
                         fmt::format("command {} for the whole device while VDEVs work", code));
      }
      if (code == abi::kCmdDisableDevice || code == abi::kCmdResetDevice) stop_all();
      break;
    }
    case abi::kCmdEnableWq:
      if ((operand & 0xFF) < host()->config().wqs.size())
        enable_queue(static_cast<std::uint8_t>(operand));
      break;
    case abi::kCmdDisableWq:
    case abi::kCmdDrainWq:
    case abi::kCmdAbortWq:
    case abi::kCmdResetWq:
      queue_command(code, operand);
      break;
    case abi::kCmdDrainPasid:
    case abi::kCmdAbortPasid:
      used(Pasid{operand}, fmt::format("command {}", code));
      break;
    default:
      break;
  }
}

void VdcmAudit::Port::enable_queue(std::uint8_t wq) {
  const std::size_t wqs = host()->config().wqs.size();
  wq_control_.resize(wqs);
  runs_.resize(wqs);
  runs_[wq] = true;
  being_enabled_ = wq;
  const std::uint32_t control = wq_control_[wq];
  if (!audit_.holds((control & kPasidEnable) != 0)) {
    audit_.violation(AuditRule::kNoPasid, fmt::format("WQ {} is enabled without PASID", wq));
    return;
  }
  if (shared(wq)) return;
  const Pasid pasid{control >> 8 & kMaxPasid};
  used(pasid, fmt::format("WQ {}", wq));
  const vdcm::Vdev* const owner = audit_.vdcm_->dedicated_owner(wq, function_);
  const bool own = owner != nullptr && audit_.vdcm_->owner(pasid) == std::optional(owner->vm()) &&
                   (pasid == owner->default_pasid() ||
                    audit_.vdcm_->guest_pasid(owner->vm(), pasid).has_value());
  if (!audit_.holds(own)) {
    audit_.violation(AuditRule::kForeignPasid,
                     fmt::format("WQ {} is enabled with PASID {:#x}, which is not its owner's", wq,
                                 pasid.value));
  }
}

/// The operand is a bitmap of 16 queues. @spec dsa.md 3.1
void VdcmAudit::Port::queue_command(std::uint8_t code, std::uint32_t operand) {
  const std::size_t wqs = host()->config().wqs.size();
  runs_.resize(wqs);
  for (std::uint32_t bit = 0; bit < 16; ++bit) {
    const std::uint32_t wq = 16 * (operand >> 16) + bit;
    if ((operand >> bit & 1) == 0 || wq >= wqs) continue;
    const auto number = static_cast<std::uint8_t>(wq);
    if (!audit_.holds(!shared(number) || audit_.vdcm_->users(number, function_) == 0)) {
      audit_.violation(AuditRule::kQueueWide,
                       fmt::format("command {} for WQ {}, which VDEVs share", code, wq));
    }
    if (code == abi::kCmdDisableWq || code == abi::kCmdResetWq) runs_[wq] = false;
  }
}

}  // namespace siov::system
