// SPDX-License-Identifier: Apache-2.0
// RegisterShadow: BAR0 of dsa.md 2 from the outside. Lock rules as there: locked bytes keep their
// old value.
#include "check/register_shadow.hpp"

#include <algorithm>

#include "abi/siov_abi.hpp"

namespace siov::check {

namespace {
constexpr std::uint32_t kBar0Bytes = 0x10000;
constexpr std::uint32_t kEntryBytes = 16;
constexpr std::uint64_t kImsResetAddress = 0xFEE0'0000;  // @spec dsa.md 2.10
}  // namespace

RegisterShadow::RegisterShadow(const Config& config)
    : bytes_(kBar0Bytes), queues_(config.num_wq), opcap_(config.opcap) {
  msix_.resize(config.num_wq + 1);
  ims_.resize(config.ims_entries);
  reset(true);
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
    if (at + kEntryBytes > kBar0Bytes) continue;
    std::fill_n(bytes_.begin() + at, kEntryBytes, std::byte{0});
    bytes_[at + 12] = std::byte{1};
    if (!ims) continue;
    e.address = e.old_address = kImsResetAddress;
    bytes_[at + 2] = std::byte{0xE0};
    bytes_[at + 3] = std::byte{0xFE};
  }
}

void RegisterShadow::reset(bool msix) {
  const auto zero = [this](std::uint32_t lo, std::uint32_t hi) {
    std::fill(bytes_.begin() + lo, bytes_.begin() + std::min(hi, kBar0Bytes), std::byte{0});
  };
  zero(abi::kRegGencfg, abi::kRegGencfg + 4);
  zero(abi::kRegGenctrl, abi::kRegGenctrl + 4);
  zero(msixperm_, msixperm_ + 8 * static_cast<std::uint32_t>(msix_.size()));
  zero(grpcfg_, std::max(grpcfg_, wqcfg_));
  zero(wqcfg_, wqcfg_ + stride_ * num_queues());
  for (Queue& q : queues_) q = Queue{.unfinished = q.unfinished, .under_way = q.under_way};
  reset_entries(ims_, ims_base_);
  if (msix) reset_entries(msix_, msix_base_);
  for (InterruptEntry& e : msix_) e.ignore = e.pasid_enable = false;
  user_interrupts_ = device_enabled_ = false;
  active_.reset();
  tc_map_ = 1;
  messages_stale_ = true;
}

void RegisterShadow::set_msix_entries(std::uint32_t n) {
  if (n == msix_.size() || n == 0) return;
  const std::size_t old = msix_.size();
  msix_.resize(n);
  for (std::size_t i = old; i < n; ++i) msix_[i].index = static_cast<std::uint16_t>(i);
}

std::uint32_t RegisterShadow::dword(std::uint32_t offset) const {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4 && offset + i < kBar0Bytes; ++i)
    value |= std::to_integer<std::uint32_t>(bytes_[offset + i]) << (8 * i);
  return value;
}

bool RegisterShadow::locked(std::uint32_t offset) const {
  if (offset >= abi::kRegGencfg && offset < abi::kRegGencfg + 4u) return device_enabled_;
  if (offset >= grpcfg_ && offset < wqcfg_) return device_enabled_;
  if (offset >= wqcfg_ && offset < wqcfg_ + stride_ * num_queues()) {
    const std::uint32_t field = (offset - wqcfg_) % stride_ / 4;
    if (field == 0) return device_enabled_;
    if (field == 2 || field == 3)
      return queues_[(offset - wqcfg_) / stride_].state != QueueState::kDisabled;
    return field > 5;
  }
  return offset < abi::kRegGencfg;
}

void RegisterShadow::write_byte(std::uint32_t offset, std::byte value) {
  if (offset < kBar0Bytes && !locked(offset)) bytes_[offset] = value;
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
  if (at == abi::kRegGencfg) user_interrupts_ = (dword(at) >> abi::kGencfgUserIntLsb & 1) != 0;
  if (at >= grpcfg_ && at < wqcfg_) refresh_groups();
  if (at >= wqcfg_ && at < wqcfg_ + stride_ * num_queues() && (at - wqcfg_) % stride_ == 4) {
    queues_[(at - wqcfg_) / stride_].threshold = dword(at) & 0xFFFF;
  }
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
  for (std::uint32_t base = grpcfg_; base + 64 <= wqcfg_; base += 64) {
    const std::uint32_t flags = dword(base + 0x28);
    tc_map_ = static_cast<std::uint8_t>(tc_map_ | 1u << (flags & 7) | 1u << (flags >> 3 & 7));
  }
}

std::optional<RegisterShadow::Ended> RegisterShadow::read(std::uint32_t offset,
                                                          std::span<const std::byte> bytes) {
  const auto value = [&](std::uint32_t at, std::uint32_t& out) {
    if (at < offset || at + 4 > offset + bytes.size()) return false;
    out = 0;
    for (unsigned i = 0; i < 4; ++i)
      out |= std::to_integer<std::uint32_t>(bytes[at - offset + i]) << (8 * i);
    return true;
  };
  std::uint32_t v = 0;
  if (value(abi::kRegWqcap, v) && (v >> 16 & 0xFF) != 0) {
    queues_.resize(v >> 16 & 0xFF);
    stride_ = 32u << (v >> 24 & 0xF);
  }
  if (value(abi::kRegGencap, v)) {
    gencap_max_transfer_ = std::uint64_t{1} << (v >> abi::kGencapMaxXferLsb & 0x1F);
    const std::size_t old = ims_.size(), now = (v >> abi::kGencapImsSizeLsb & 0x3F) * 256u;
    if (now > old) {
      ims_.resize(now);
      for (std::size_t i = old; i < now; ++i) {
        ims_[i].ims = true;
        ims_[i].index = static_cast<std::uint16_t>(i);
      }
    }
  }
  if (value(abi::kRegOpcap, v)) opcap_ = v;
  if (value(abi::kRegOffsets, v) && v != 0) {
    grpcfg_ = (v & 0xFFFF) * 0x100;
    wqcfg_ = (v >> 16) * 0x100;
  }
  if (value(abi::kRegOffsets + 4, v) && v != 0) {
    msixperm_ = (v & 0xFFFF) * 0x100;
    ims_base_ = (v >> 16) * 0x100;
  }
  if (value(abi::kRegCmdstatus, v) && active_ && v >> 31 == 0) {
    const Ended ended{*active_, static_cast<std::uint8_t>(v & 0xFF)};
    active_.reset();
    return ended;
  }
  return std::nullopt;
}

void RegisterShadow::latch_queue(std::uint32_t wq) {
  Queue& q = queues_[wq];
  const std::uint32_t base = wqcfg_ + wq * stride_, mode = dword(base + 8);
  q.size = dword(base) & 0xFFFF;
  q.threshold = dword(base + 4) & 0xFFFF;
  q.dedicated = (mode & 1) != 0;
  q.bof = (mode >> 1 & 1) != 0;
  q.pasid = mode >> 8 & 0xF'FFFF;
  q.pasid_enable = (mode >> 28 & 1) != 0;
  q.privileged = (mode >> 29 & 1) != 0;
  q.max_transfer = std::min(gencap_max_transfer_, std::uint64_t{1} << (dword(base + 12) & 0x1F));
}

void RegisterShadow::clear_queue(std::uint32_t wq) {
  queues_[wq].state = QueueState::kDisabled;
  const std::uint32_t base = wqcfg_ + wq * stride_;
  std::fill(bytes_.begin() + base + 4, bytes_.begin() + base + stride_, std::byte{0});
}

InterruptEntry* RegisterShadow::entry(bool ims, std::uint32_t handle) {
  std::vector<InterruptEntry>& all = entries(ims);
  return handle < all.size() ? &all[handle] : nullptr;
}

bool RegisterShadow::handle_permitted(bool ims, std::uint32_t handle, bool pasid_enable,
                                      std::uint32_t pasid) {
  const InterruptEntry* e = entry(ims, handle);
  if (e == nullptr || e->pasid_enable != pasid_enable) return false;
  return !pasid_enable || e->pasid == pasid;
}

}  // namespace siov::check
