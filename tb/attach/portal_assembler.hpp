// SPDX-License-Identifier: Apache-2.0
// PortalAssembler: a CPU that has no 64-byte store writes a descriptor in pieces. Collects them,
// slot by slot, until 64 bytes are there.
//
//   if (const auto line = assembler.store(offset, bytes)) port.posted_write64(offset & ~63, *line);
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "port/device_port.hpp"

namespace siov::attach {

class PortalAssembler {
 public:
  /// A store inside one 64-byte slot. A byte that is written twice begins the slot anew.
  /// @return the slot's 64 bytes when this store was the last that they needed
  [[nodiscard]] std::optional<port::Line> store(std::uint64_t offset,
                                                std::span<const std::byte> bytes) {
    const std::uint64_t at = offset % kSlot;
    const std::uint64_t mask =
        (bytes.size() == kSlot ? ~std::uint64_t{0} : (std::uint64_t{1} << bytes.size()) - 1) << at;
    Slot& slot = slots_[offset - at];
    if ((slot.written & mask) != 0) {
      ++torn_;
      slot.written = 0;
    }
    for (std::size_t i = 0; i < bytes.size(); ++i) slot.line[at + i] = bytes[i];
    slot.written |= mask;
    if (~slot.written != 0) return std::nullopt;
    const port::Line line = slot.line;
    slots_.erase(offset - at);
    return line;
  }
  void clear() { slots_.clear(); }
  /// Slots that have been begun anew.
  [[nodiscard]] std::uint64_t torn() const { return torn_; }

 private:
  static constexpr std::uint64_t kSlot = 64;
  struct Slot {
    port::Line line{};
    std::uint64_t written = 0;  ///< a bit a byte
  };
  std::map<std::uint64_t, Slot> slots_;
  std::uint64_t torn_ = 0;
};

}  // namespace siov::attach
