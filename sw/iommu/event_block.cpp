// SPDX-License-Identifier: Apache-2.0
// Event messages: sent as they are, never remapped nor posted.
#include "iommu/event_block.hpp"

namespace siov::iommu {

namespace {
constexpr std::uint32_t kMask = 1u << 31;
constexpr std::uint32_t kPending = 1u << 30;
}  // namespace

void EventBlock::raise() {
  pending_ = true;
  if (!masked_) send();
}

void EventBlock::send() {
  pending_ = false;  // before the handler runs: it may cause the next one
  port::Interrupt interrupt;
  interrupt.requester = unit_;
  // Destination id: bits 7:0 in address 19:12, bits 31:8 in upper address 31:8.
  interrupt.destination = (address_ >> 12 & 0xFF) | (upper_ & 0xFFFF'FF00);
  interrupt.vector = static_cast<std::uint8_t>(data_ & 0xFF);
  port_.deliver(interrupt);
}

std::uint32_t EventBlock::read(unsigned index) const {
  switch (index) {
    case 0:
      return (masked_ ? kMask : 0) | (pending_ ? kPending : 0);
    case 1:
      return data_;
    case 2:
      return address_;
    default:
      return upper_;
  }
}

void EventBlock::write(unsigned index, std::uint32_t value) {
  switch (index) {
    case 0:
      masked_ = (value & kMask) != 0;
      if (!masked_ && pending_) send();
      break;
    case 1:
      data_ = value;
      break;
    case 2:
      address_ = value & ~std::uint32_t{3};
      break;
    default:
      upper_ = value;
      break;
  }
}

}  // namespace siov::iommu
