// SPDX-License-Identifier: Apache-2.0
// The event log. @spec DSA 2.11
#include "model/event_log.hpp"

#include <algorithm>

#include "abi/little_endian.hpp"
#include "abi/siov_abi.hpp"

namespace siov::model {
namespace {

constexpr std::size_t kEntryBytes = 64;
constexpr std::uint32_t kLeastEntries = 64;
constexpr std::uint64_t kBaseMask = ~std::uint64_t{0xFFF};
constexpr std::array<std::uint64_t, 2> kConfigBits = {kBaseMask | 3, 0xFFFFFFFFFull};

}  // namespace

std::uint64_t SoftwareError::head_bits() const {
  return std::uint64_t{desc_valid} << 2 | std::uint64_t{wq_valid} << 3 |
         std::uint64_t{member} << 4 | std::uint64_t{write} << 5 | std::uint64_t{privileged} << 6 |
         std::uint64_t{info.has_value()} << 7 | std::uint64_t{code} << 8 | std::uint64_t{wq} << 16 |
         std::uint64_t{opcode} << 32 | std::uint64_t{pasid.value} << 40;
}

std::uint64_t EventLog::read(std::uint32_t offset) const {
  if (offset != abi::kRegEvlstatus) return config_[(offset - abi::kRegEvlcfg) / 8];
  return std::uint64_t{pending_} << abi::kEvlstatusIntPendingLsb |
         std::uint64_t{tail_} << abi::kEvlstatusTailLsb | head_;
}

void EventLog::write(std::uint32_t offset, std::uint64_t value, std::uint64_t mask, bool locked) {
  if (offset == abi::kRegEvlstatus) {
    head_ = static_cast<std::uint32_t>((head_ & ~mask) | (value & mask)) & 0xFFFFu;
    if (((value & mask) >> abi::kEvlstatusIntPendingLsb & 1u) != 0) pending_ = false;
    return;
  }
  if (locked) return;
  const std::size_t word = (offset - abi::kRegEvlcfg) / 8;
  config_[word] = (config_[word] & ~mask) | (value & mask & kConfigBits[word]);
}

bool EventLog::config_good(bool pasid_enabled) const {
  return size() >= kLeastEntries && ((config_[0] & 1u) == 0 || pasid_enabled);
}

void EventLog::append(const SoftwareError& e) {
  std::array<std::byte, kEntryBytes> entry{};
  const std::span<std::byte> bytes(entry);
  abi::store_le(bytes.first(8), e.head_bits() | std::uint64_t{e.batch} << 24, 8);
  abi::store_le(bytes.subspan(8, 8),
                std::uint64_t{e.info.value_or(0)} << 32 | std::uint64_t{e.member_index}, 8);
  abi::store_le(bytes.subspan(16, 8), e.address.value, 8);
  if (e.record) std::copy(e.record->begin(), e.record->end(), entry.begin() + 32);
  Owner owner;
  if ((config_[0] & 1u) != 0)
    owner.pasid = Pasid{static_cast<std::uint32_t>(config_[1] >> 16 & 0xFFFFFu)};
  owner.privileged = (config_[0] & 2u) != 0;
  master_.write_event(owner, Iova{(config_[0] & kBaseMask) + tail_ * kEntryBytes}, entry);
  tail_ = (tail_ + 1) % size();
}

bool EventLog::take_interrupt() {
  const bool first = !pending_;
  pending_ = true;
  return first;
}

void EventLog::reset_function() {
  reset_device();
  start();
}

}  // namespace siov::model
