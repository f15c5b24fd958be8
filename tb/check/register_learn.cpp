// SPDX-License-Identifier: Apache-2.0
// RegisterShadow: what reads of BAR0 tell: capabilities, offsets, ended commands.
#include "abi/little_endian.hpp"
#include "check/register_shadow.hpp"

namespace siov::check {

model::Features RegisterShadow::features() const {
  const auto bit = [this](unsigned n) { return (gencap_ >> n & 1) != 0; };  // @spec dsa.md 2.2
  return {.fill16 = bit(10), .crc64 = bit(11), .drain_readback = bit(9), .batch1 = bit(52)};
}

void RegisterShadow::set_msix(std::uint32_t entries, std::uint32_t table, std::uint32_t pending) {
  if (entries != msix_.size() && entries != 0) {
    const std::size_t old = msix_.size();
    msix_.resize(entries);
    for (std::size_t i = old; i < entries; ++i) msix_[i].index = static_cast<std::uint16_t>(i);
    messages_stale_ = true;
  }
  if (table != 0 && table != msix_base_) {
    msix_base_ = table;
    reset_entries(msix_, msix_base_);
    messages_stale_ = true;
  }
  if (pending != 0) pba_ = pending;
}

/// As many entries as GENCAP says; those that exist keep their content.
void RegisterShadow::resize_ims() {
  const std::size_t old = ims_.size(), now = (gencap_ >> abi::kGencapImsSizeLsb & 0x3F) * 256u;
  if (now == old) return;
  ims_.resize(now);
  for (std::size_t i = old; i < now; ++i) {
    ims_[i].ims = true;
    ims_[i].index = static_cast<std::uint16_t>(i);
  }
  messages_stale_ = true;
}

void RegisterShadow::learn_offsets(std::uint32_t low, std::uint32_t high, bool first) {
  const std::uint32_t old_ims = ims_base_, old_groups = grpcfg_;
  (first ? grpcfg_ : msixperm_) = low;
  if (first || high != 0) (first ? wqcfg_ : ims_base_) = high;
  const bool large = grpcfg_ >= 0x1'0000 || wqcfg_ >= 0x1'0000;
  if (large != large_) {
    large_ = large;
    msix_base_ = large ? 0x2'0000 : 0x2000;
    pba_ = large ? 0x2'8000 : 0x3000;
    reset_entries(msix_, msix_base_);
  }
  if (ims_base_ != old_ims) reset_entries(ims_, ims_base_);
  if (grpcfg_ != old_groups) reset_groups();
}

void RegisterShadow::learn_capabilities(std::uint32_t offset, std::uint32_t v) {
  const auto low = [v](std::uint64_t old) { return (old & ~std::uint64_t{0xFFFF'FFFF}) | v; };
  const auto high = [v](std::uint64_t old) { return (old & 0xFFFF'FFFF) | std::uint64_t{v} << 32; };
  switch (offset) {
    case abi::kRegGencap:
      gencap_ = low(gencap_);
      resize_ims();
      return;
    case abi::kRegGencap + 4:
      gencap_ = high(gencap_);
      return;
    case abi::kRegWqcap:
      if ((v >> abi::kWqcapNumWqLsb & 0xFF) == 0) return;
      wqcap_ = low(wqcap_);
      queues_.resize(v >> abi::kWqcapNumWqLsb & 0xFF);
      opcfg_written_.resize(queues_.size());
      stride_ = 32u << (v >> 24 & 0xF);
      return;
    case abi::kRegWqcap + 4:
      wqcap_ = high(wqcap_);
      return;
    case abi::kRegGrpcap: {
      const std::uint32_t total = v >> 8 & 0xFF;
      if (total == read_buffers_ || total == 0) return;
      read_buffers_ = total;
      reset_groups();
      return;
    }
    case abi::kRegOpcap:
      opcap_ = low(opcap_);
      return;
    case abi::kRegOpcap + 4:
      opcap_ = high(opcap_);
      return;
    case abi::kRegCmdcap:
      cmdcap_ = v;
      return;
    case abi::kRegOffsets:
      if (v != 0) learn_offsets((v & 0xFFFF) * 0x100, (v >> 16) * 0x100, true);
      return;
    case abi::kRegOffsets + 4:
      if (v != 0) learn_offsets((v & 0xFFFF) * 0x100, (v >> 16) * 0x100, false);
      return;
    default:
      return;
  }
}

std::optional<RegisterShadow::Ended> RegisterShadow::read(std::uint32_t offset,
                                                          std::span<const std::byte> bytes) {
  std::optional<Ended> ended;
  for (std::uint32_t at = 0; at + 4 <= bytes.size(); at += 4) {
    const auto v = static_cast<std::uint32_t>(abi::load_le(bytes.subspan(at), 4));
    const std::uint32_t reg = offset + at;
    if (reg < abi::kRegGencfg || reg == abi::kRegCmdcap) learn_capabilities(reg, v);
    if (reg == abi::kRegCmdstatus && active_ && v >> 31 == 0) {
      ended = Ended{*active_, static_cast<std::uint8_t>(v & 0xFF)};
      active_.reset();
    }
  }
  return ended;
}

}  // namespace siov::check
