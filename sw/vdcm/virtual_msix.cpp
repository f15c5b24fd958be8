// SPDX-License-Identifier: Apache-2.0
// MSI-X table semantics of PCI.
#include "vdcm/virtual_msix.hpp"

namespace siov::vdcm {

void VirtualMsix::set_control(bool enabled, bool function_masked) {
  enabled_ = enabled;
  function_masked_ = function_masked;
  for (std::uint32_t v = 0; v < vectors(); ++v) try_deliver(v);
}

void VirtualMsix::raise(std::uint32_t vector) {
  if (vector >= vectors() || !enabled_) return;
  pending_ |= std::uint64_t{1} << vector;
  try_deliver(vector);
}

void VirtualMsix::try_deliver(std::uint32_t vector) {
  const Entry& entry = entries_[vector];
  const std::uint64_t bit = std::uint64_t{1} << vector;
  if ((pending_ & bit) == 0 || !enabled_ || function_masked_ || (entry.control & 1) != 0) return;
  pending_ &= ~bit;
  ++delivered_;
  if (sink_ == nullptr) return;
  port::Interrupt interrupt;  // compatibility format of the guest's own MSI (vtd.md 6.1)
  interrupt.destination = static_cast<std::uint32_t>(entry.address >> 12 & 0xFF);
  interrupt.vector = static_cast<std::uint8_t>(entry.data);
  sink_->deliver(interrupt);
}

std::uint64_t VirtualMsix::read_table(std::uint32_t offset, std::uint32_t size) const {
  const Entry& entry = entries_.at(offset / 16);
  const std::uint64_t half =
      (offset & 8) == 0 ? entry.address : entry.data | std::uint64_t{entry.control} << 32;
  const std::uint64_t value = half >> 8 * (offset & 7);
  return size == 8 ? value : value & ((std::uint64_t{1} << 8 * size) - 1);
}

void VirtualMsix::write_table(std::uint32_t offset, std::uint32_t size, std::uint64_t value) {
  if ((size != 4 && size != 8) || offset % size != 0)
    return;  // PCIe 6.1.4.2: DWORD or QWORD accesses only
  const std::uint32_t vector = offset / 16;
  Entry& entry = entries_.at(vector);
  const bool low = (offset & 4) == 0;
  if ((offset & 8) == 0) {
    if (size == 8) entry.address = value & ~std::uint64_t{3};
    if (size == 4 && low)
      entry.address = (entry.address & ~std::uint64_t{0xFFFFFFFF}) | (value & 0xFFFFFFFC);
    if (size == 4 && !low) entry.address = (entry.address & 0xFFFFFFFF) | value << 32;
    return;
  }
  if (low) entry.data = static_cast<std::uint32_t>(value);
  if (size == 8) entry.control = static_cast<std::uint32_t>(value >> 32) & 1;
  if (size == 4 && !low) entry.control = static_cast<std::uint32_t>(value) & 1;
  try_deliver(vector);
}

bool VirtualMsix::restore(const std::vector<Entry>& entries, std::uint64_t pending) {
  if (entries.size() != entries_.size()) return false;
  entries_ = entries;
  pending_ = vectors() == 64 ? pending : pending & ((std::uint64_t{1} << vectors()) - 1);
  for (std::uint32_t v = 0; v < vectors(); ++v) try_deliver(v);
  return true;
}

void VirtualMsix::reset() {
  entries_.assign(entries_.size(), Entry{});
  pending_ = 0;
  enabled_ = false;
  function_masked_ = false;
}

}  // namespace siov::vdcm
