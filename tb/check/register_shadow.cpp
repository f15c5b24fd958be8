// SPDX-License-Identifier: Apache-2.0
// RegisterShadow: BAR0 of dsa.md 2 from the outside. Lock rules as there: locked bytes keep their
// old value. What is read back: register_learn.cpp.
#include "check/register_shadow.hpp"

#include <algorithm>

#include "abi/little_endian.hpp"

namespace siov::check {

namespace {
constexpr std::uint32_t kShadowBytes = 0x40000;  ///< the largest BAR0
constexpr std::uint32_t kEntryBytes = 16;
constexpr unsigned kStrideLsb = 24;  ///< WQCAP. @spec dsa.md 2.3
constexpr std::uint32_t kGroupBytes = 64, kGroupFlags = 0x28;
constexpr std::uint32_t kOccupancyFlag = 26, kOpcfg = 32;  ///< bytes of a WQCFG entry
constexpr std::uint64_t kImsResetAddress = 0xFEE0'0000;    // @spec dsa.md 2.10
}  // namespace

RegisterShadow::RegisterShadow(const Config& config)
    : bytes_(kShadowBytes),
      queues_(config.wqcap >> abi::kWqcapNumWqLsb & 0xFF),
      opcap_(config.opcap),
      gencap_(config.gencap),
      wqcap_(config.wqcap),
      cmdcap_(config.cmdcap),
      read_buffers_(config.read_buffers) {
  stride_ = 32u << (wqcap_ >> kStrideLsb & 0xF);
  msix_.resize(config.msix_entries);
  opcfg_written_.resize(queues_.size());
  place_tables(config.large_layout);
  resize_ims();
  reset(true);
}

/// Where the tables are if nobody says otherwise. @spec dsa.md 2.1
void RegisterShadow::place_tables(bool large) {
  large_ = large;
  msixperm_ = large ? 0x1'0000 : 0x400;
  grpcfg_ = large ? 0x1'4000 : 0x600;
  wqcfg_ = large ? 0x1'8000 : 0x800;
  msix_base_ = large ? 0x2'0000 : 0x2000;
  pba_ = large ? 0x2'8000 : 0x3000;
  ims_base_ = large ? 0x3'0000 : 0x4000;
}

void RegisterShadow::reset_entries(std::vector<InterruptEntry>& entries, std::uint32_t base) {
  const bool ims = &entries == &ims_;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    InterruptEntry& e = entries[i];
    const auto waiting = e.waiting;
    auto ready = std::move(e.ready);
    e = InterruptEntry{};
    e.ims = ims;
    e.index = static_cast<std::uint16_t>(i);
    e.waiting = waiting;
    e.ready = std::move(ready);
    const std::uint32_t at = base + static_cast<std::uint32_t>(i) * kEntryBytes;
    if (at + kEntryBytes > kShadowBytes) continue;
    std::fill_n(bytes_.begin() + at, kEntryBytes, std::byte{0});
    bytes_[at + 12] = std::byte{1};
    if (!ims) continue;
    e.address = e.old_address = kImsResetAddress;
    bytes_[at + 2] = std::byte{0xE0};
    bytes_[at + 3] = std::byte{0xFE};
  }
}

/// Read buffers allowed and the global limit come up as all there are. @spec dsa.md 2.6, 2.8
void RegisterShadow::reset_groups() {
  for (std::uint32_t base = grpcfg_; base + kGroupBytes <= wqcfg_; base += kGroupBytes)
    abi::store_le(std::span(bytes_).subspan(base + kGroupFlags), std::uint64_t{read_buffers_} << 20,
                  8);
  bytes_[abi::kRegGencfg] = static_cast<std::byte>(read_buffers_);
  refresh_groups();
}

void RegisterShadow::reset(bool msix) {
  const auto zero = [this](std::uint32_t lo, std::uint32_t hi) {
    std::fill(bytes_.begin() + lo, bytes_.begin() + std::min(hi, kShadowBytes), std::byte{0});
  };
  zero(abi::kRegGencfg, abi::kRegGencfg + 4);
  zero(abi::kRegGenctrl, abi::kRegGenctrl + 4);
  zero(abi::kRegEvlcfg, abi::kRegEvlcfg + 16);
  zero(msixperm_, msixperm_ + 8 * static_cast<std::uint32_t>(msix_.size()));
  zero(grpcfg_, std::max(grpcfg_, wqcfg_));
  zero(wqcfg_, wqcfg_ + stride_ * num_queues());
  for (Queue& q : queues_) q = Queue{.unfinished = q.unfinished, .under_way = q.under_way};
  std::fill(opcfg_written_.begin(), opcfg_written_.end(), false);
  reset_groups();
  reset_entries(ims_, ims_base_);
  if (msix) reset_entries(msix_, msix_base_);
  for (InterruptEntry& e : msix_) e.ignore = e.pasid_enable = e.granted = false;
  user_interrupts_ = device_enabled_ = log_.on = false;
  active_.reset();
  tc_map_ = 1;
  messages_stale_ = true;
}

void RegisterShadow::set_device_enabled(bool on) {
  device_enabled_ = on;
  const bool exists = (gencap_ >> abi::kGencapEvlLsb & 3) != 0;
  const bool wanted = (dword(abi::kRegGencfg) >> abi::kGencfgEvlEnableLsb & 1) != 0;
  log_.on = on && exists && wanted;
  if (!log_.on) return;
  const std::uint64_t where = abi::load_le(std::span(bytes_).subspan(abi::kRegEvlcfg), 8);
  const std::uint64_t what = abi::load_le(std::span(bytes_).subspan(abi::kRegEvlcfg + 8), 8);
  log_ = EventLog{.on = true,
                  .pasid_enable = (where & 1) != 0,
                  .privileged = (where >> 1 & 1) != 0,
                  .pasid = static_cast<std::uint32_t>(what >> 16 & 0xF'FFFF),
                  .base = where & ~std::uint64_t{0xFFF},
                  .size = std::max(1u, static_cast<std::uint32_t>(what & 0xFFFF))};
  std::fill_n(bytes_.begin() + abi::kRegEvlstatus, 8, std::byte{0});
}

std::uint32_t RegisterShadow::dword(std::uint32_t offset) const {
  if (offset + 4 > kShadowBytes) return 0;
  return static_cast<std::uint32_t>(abi::load_le(std::span(bytes_).subspan(offset), 4));
}

bool RegisterShadow::queue_field_locked(std::uint32_t offset) const {
  const bool queue_on = queues_[(offset - wqcfg_) / stride_].state != QueueState::kDisabled;
  switch ((offset - wqcfg_) % stride_ / 4) {
    case 0:
      return device_enabled_;
    case 1:
      return false;
    case 2:
    case 3:
    case 4:  // Enable WQ has checked the occupancy handle
      return queue_on;
    case 5: {  // the limit while the interrupt is enabled
      const std::uint32_t flag = (offset & ~3u) + 2;
      return offset < flag && (bytes_[flag] & std::byte{1}) != std::byte{0};
    }
    case 6:
    case 7:
      return true;
    default:
      return queue_on || !has_opcfg();
  }
}

bool RegisterShadow::locked(std::uint32_t offset) const {
  if (offset >= abi::kRegGencfg && offset < abi::kRegGencfg + 4u) return device_enabled_;
  if (offset >= abi::kRegEvlcfg && offset < abi::kRegEvlcfg + 16u) return device_enabled_;
  if (in_groups(offset)) return device_enabled_;
  if (in_queues(offset)) return queue_field_locked(offset);
  return offset < abi::kRegGencfg;
}

/// OPCFG comes up as OPCAP. @spec dsa.md 2.9
void RegisterShadow::write_opcfg(std::uint32_t wq) {
  if (opcfg_written_[wq]) return;
  opcfg_written_[wq] = true;
  abi::store_le(std::span(bytes_).subspan(wqcfg_ + wq * stride_ + kOpcfg), opcap_, 8);
}

void RegisterShadow::write_byte(std::uint32_t offset, std::byte value) {
  if (offset >= kShadowBytes) return;
  if (in_queues(offset)) {
    const std::uint32_t wq = (offset - wqcfg_) / stride_, at = (offset - wqcfg_) % stride_;
    if (at == kOccupancyFlag && (value & std::byte{1}) != std::byte{0}) {
      Occupancy& occupancy = queues_[wq].occupancy;
      occupancy.generated = occupancy.seen_above = false;
      occupancy.due = 0;
      queues_[wq].peak = queues_[wq].unfinished + queues_[wq].under_way;
    }
    if (at >= kOpcfg && !locked(offset)) write_opcfg(wq);
  }
  if (!locked(offset)) bytes_[offset] = value;
}

std::optional<Command> RegisterShadow::write(std::uint32_t offset, std::span<const std::byte> bytes,
                                             std::uint64_t cycle) {
  for (std::size_t i = 0; i < bytes.size(); ++i)
    write_byte(offset + static_cast<std::uint32_t>(i), bytes[i]);
  const auto end = offset + static_cast<std::uint32_t>(bytes.size());
  for (std::uint32_t at = offset & ~3u; at < end; at += 4) refresh(at, cycle);
  if (offset <= abi::kRegCmd && end >= abi::kRegCmd + 4u && !active_) {
    const std::uint32_t value = dword(abi::kRegCmd);
    active_ = Command{static_cast<std::uint8_t>(value >> abi::kCmdCodeLsb & 0x1F), value & 0xF'FFFF,
                      cycle};
    return active_;
  }
  return std::nullopt;
}

void RegisterShadow::refresh(std::uint32_t at, std::uint64_t cycle) {
  if (at == abi::kRegGencfg) {
    user_interrupts_ = (dword(at) >> abi::kGencfgUserIntLsb & 1) != 0;
    refresh_groups();
  }
  if (at == abi::kRegEvlstatus && log_.on) log_.head = dword(at) & 0xFFFF;
  if (in_groups(at)) refresh_groups();
  if (in_queues(at)) refresh_queue(at);
  if (const TableHit hit = message_table(at); hit.entry != nullptr)
    refresh_entry(hit, at - hit.byte, cycle);
  if (at >= msixperm_ && at < msixperm_ + 8 * msix_.size() && (at - msixperm_) % 8 == 0) {
    InterruptEntry& e = msix_[(at - msixperm_) / 8];
    const std::uint32_t value = dword(at);
    e.ignore = (value >> abi::kMsixpermIgnoreLsb & 1) != 0;
    e.pasid_enable = (value >> abi::kMsixpermPasidEnLsb & 1) != 0;
    e.pasid = value >> abi::kMsixpermPasidLsb;
  }
}

void RegisterShadow::refresh_queue(std::uint32_t at) {
  Queue& q = queues_[(at - wqcfg_) / stride_];
  const std::uint32_t value = dword(at);
  switch ((at - wqcfg_) % stride_ / 4) {
    case 1:
      q.threshold = value & 0xFFFF;
      return;
    case 4:
      q.occupancy.handle = static_cast<std::uint16_t>(value);
      q.occupancy.ims = (value >> 16 & 1) != 0;
      return;
    case 5: {
      const bool on = (value >> 16 & 1) != 0 && (wqcap_ >> abi::kWqcapOccupancyIntLsb & 1) != 0;
      if (on && !q.occupancy.enabled) q.peak = q.unfinished + q.under_way;
      if (!on) q.occupancy.seen_above = false;
      q.occupancy.enabled = on;
      q.occupancy.limit = value & 0xFFFF;
      return;
    }
    default:
      return;
  }
}

RegisterShadow::TableHit RegisterShadow::message_table(std::uint32_t offset) {
  const auto in = [&](std::vector<InterruptEntry>& entries, std::uint32_t base) -> TableHit {
    if (offset < base || offset >= base + kEntryBytes * entries.size()) return {};
    return {&entries[(offset - base) / kEntryBytes], (offset - base) % kEntryBytes};
  };
  const TableHit hit = in(msix_, msix_base_);
  return hit.entry != nullptr ? hit : in(ims_, ims_base_);
}

void RegisterShadow::refresh_entry(const TableHit& hit, std::uint32_t base, std::uint64_t cycle) {
  InterruptEntry& e = *hit.entry;
  (hit.byte < 8 ? e.address_written : e.data_written) = true;
  const std::uint64_t address =
      (std::uint64_t{dword(base + 4)} << 32 | dword(base)) & ~std::uint64_t{3};
  const std::uint32_t data = dword(base + 8), control = dword(base + 12);
  if (e.ims && (address >> 20) != 0xFEE) {  // such a write is ignored. @spec dsa.md 2.10
    for (unsigned i = 0; i < 8; ++i)
      bytes_[base + i] = static_cast<std::byte>(e.address >> (8 * i));
  } else if (address != e.address) {
    e.old_address = e.address;
    e.old_data = e.data;
    e.address = address;
    e.changed_cycle = cycle;
  }
  if (data != e.data) {
    e.old_data = e.data;
    e.data = data;
    e.changed_cycle = cycle;
  }
  const bool masked = (control & 1) != 0;
  if (masked && !e.masked) e.masked_cycle = cycle;
  if (!masked && e.masked) {
    e.unmasked_cycle = cycle;
    e.pending_on_unmask = !e.ready.empty();
  }
  e.masked = masked;
  if (e.ims) {
    e.ignore = (control >> 2 & 1) != 0;
    e.pasid_enable = (control >> 3 & 1) != 0;
    e.pasid = control >> 12;
  }
  messages_stale_ = true;
}

void RegisterShadow::index_messages() {
  messages_stale_ = false;
  by_message_.clear();
  for (std::vector<InterruptEntry>* entries : {&msix_, &ims_}) {
    for (const InterruptEntry& e : *entries) {
      if (!e.address_written) continue;
      const EntryRef ref{e.ims, e.index};
      by_message_.emplace(message_key(e.address, e.data), ref);
      if (e.old_address != e.address || e.old_data != e.data)
        by_message_.emplace(message_key(e.old_address, e.old_data), ref);
    }
  }
}

void RegisterShadow::refresh_groups() {
  tc_map_ = 0;
  groups_.clear();
  const std::uint32_t global = dword(abi::kRegGencfg) & 0xFF;
  for (std::uint32_t base = grpcfg_; base + kGroupBytes <= wqcfg_; base += kGroupBytes) {
    const std::uint32_t flags = dword(base + kGroupFlags);
    tc_map_ = static_cast<std::uint8_t>(tc_map_ | 1u << (flags & 7) | 1u << (flags >> 3 & 7));
    const std::uint64_t engines = abi::load_le(std::span(bytes_).subspan(base + 0x20), 8);
    const std::uint32_t reserved = flags >> 8 & 0xFF, allowed = flags >> 20 & 0xFF;
    if (engines == 0 && reserved == 0) continue;
    groups_.push_back({engines, reserved, (flags >> 7 & 1) != 0 ? global : allowed});
  }
}

void RegisterShadow::latch_queue(std::uint32_t wq) {
  Queue& q = queues_[wq];
  const std::uint32_t base = wqcfg_ + wq * stride_, mode = dword(base + 8);
  const std::uint32_t limits = dword(base + 12);
  q.size = dword(base) & 0xFFFF;
  q.threshold = dword(base + 4) & 0xFFFF;
  q.dedicated = (mode & 1) != 0;
  q.bof = (mode >> 1 & 1) != 0;
  // Only where there is such a control. @spec dsa.md 2.3, 2.9
  q.ats_disabled = (mode >> 2 & 1) != 0 && (wqcap_ >> abi::kWqcapAtsControlLsb & 1) != 0;
  q.prs_disabled = (mode >> 3 & 1) != 0 && (wqcap_ >> abi::kWqcapPrsControlLsb & 1) != 0;
  q.pasid = mode >> 8 & 0xF'FFFF;
  q.pasid_enable = (mode >> 28 & 1) != 0;
  q.privileged = (mode >> 29 & 1) != 0;
  const auto power = [](std::uint64_t log2) { return std::uint64_t{1} << log2; };
  q.max_transfer = std::min(power(gencap_ >> abi::kGencapMaxXferLsb & 0x1F), power(limits & 0x1F));
  q.max_batch = static_cast<std::uint32_t>(
      std::min(power(gencap_ >> abi::kGencapMaxBatchLsb & 0xF), power(limits >> 5 & 0xF)));
  q.operations = opcap_;
  if (opcfg_written_[wq]) q.operations &= abi::load_le(std::span(bytes_).subspan(base + kOpcfg), 8);
}

void RegisterShadow::clear_queue(std::uint32_t wq) {
  Queue& q = queues_[wq];
  q.state = QueueState::kDisabled;
  q.occupancy = {};
  opcfg_written_[wq] = false;
  const std::uint32_t base = wqcfg_ + wq * stride_;
  std::fill(bytes_.begin() + base + 4, bytes_.begin() + base + stride_, std::byte{0});
}

InterruptEntry* RegisterShadow::entry(bool ims, std::uint32_t handle) {
  std::vector<InterruptEntry>& all = entries(ims);
  return handle < all.size() ? &all[handle] : nullptr;
}

void RegisterShadow::grant(bool ims, std::uint32_t index, bool granted) {
  if (InterruptEntry* e = entry(ims, index)) e->granted = granted;
}

bool RegisterShadow::handle_permitted(bool ims, std::uint32_t handle, bool pasid_enable,
                                      std::uint32_t pasid) {
  const InterruptEntry* e = entry(ims, handle);
  if (e == nullptr || e->pasid_enable != pasid_enable) return false;
  // Where handles are requested, only granted ones are good. @spec dsa.md 2.10, 3.1
  const bool requested = (gencap_ >> abi::kGencapCmdcapLsb & 1) != 0 &&
                         (cmdcap_ >> abi::kCmdRequestIntHandle & 1) != 0;
  if (requested && !e->granted) return false;
  return !pasid_enable || e->pasid == pasid;
}

}  // namespace siov::check
