// SPDX-License-Identifier: Apache-2.0
// TrappedPortal: assembly and the list of those that wait.
#include "vdcm/trapped_portal.hpp"

#include <algorithm>

namespace siov::vdcm {

std::optional<port::Line> TrappedPortal::store(std::uint64_t offset, std::uint32_t size,
                                               std::uint64_t value) {
  const std::uint64_t slot = offset & ~std::uint64_t{63};
  Parts& parts = parts_[slot];
  for (std::uint32_t i = 0; i < size; ++i) {
    const std::uint64_t at = (offset & 63) + i;
    parts.line[at] = static_cast<std::byte>(value >> 8 * i);
    parts.present |= std::uint64_t{1} << at;
  }
  if (parts.present != ~std::uint64_t{0}) return std::nullopt;
  const port::Line line = parts.line;
  parts_.erase(slot);
  return line;
}

std::vector<PartialSlot> TrappedPortal::parts() const {
  std::vector<PartialSlot> out;
  for (const auto& [offset, parts] : parts_) out.push_back({offset, parts.present, parts.line});
  return out;
}

void TrappedPortal::restore_parts(const std::vector<PartialSlot>& parts) {
  parts_.clear();
  for (const PartialSlot& slot : parts) parts_[slot.offset] = Parts{slot.line, slot.present};
}

std::size_t TrappedPortal::held(std::uint8_t queue) const {
  return static_cast<std::size_t>(
      std::count_if(held_.begin(), held_.end(), [&](const auto& h) { return h.queue == queue; }));
}

bool TrappedPortal::hold(const HeldDescriptor& descriptor, std::size_t capacity) {
  if (held(descriptor.queue) >= capacity) return false;
  held_.push_back(descriptor);
  return true;
}

std::optional<HeldDescriptor> TrappedPortal::take() {
  if (held_.empty()) return std::nullopt;
  const HeldDescriptor first = held_.front();
  held_.pop_front();
  return first;
}

void TrappedPortal::drop_held(std::uint8_t queue) {
  std::erase_if(held_, [&](const auto& h) { return h.queue == queue; });
}

}  // namespace siov::vdcm
