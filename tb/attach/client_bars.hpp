// SPDX-License-Identifier: Apache-2.0
// ClientBars: the base address registers that a client sees. What it writes there is its own
// business; what it reads has type and size of the device's.
//
//   ClientBars bars;
//   bars.set(0, 0x10000, 0xC);                  // BAR 0 and 1: 64 KiB, 64 bits, prefetchable
//   bars.write(0x10, 4, 0xFFFFFFFF);
//   bars.read(0x10, 4);                         // 0xFFFF000C
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace siov::attach {

class ClientBars {
 public:
  static constexpr std::uint32_t kFirst = 0x10;  ///< in configuration space [bytes]
  static constexpr std::uint32_t kEnd = 0x28;
  [[nodiscard]] static bool holds(std::uint32_t offset) {
    return offset >= kFirst && offset < kEnd;
  }

  /// A 64-bit BAR. @param index  of its first register, 0, 2, 4  @param bytes  power of two, from
  /// 16
  void set(std::size_t index, std::uint64_t bytes, std::uint32_t type) {
    pairs_.at(index / 2) = {0, bytes, type};
  }
  /// Addresses are 0 again.
  void clear() {
    for (Pair& pair : pairs_) pair.address = 0;
  }
  /// Inside one register.
  [[nodiscard]] std::uint32_t read(std::uint32_t offset, std::uint32_t bytes) const {
    const Pair& pair = pairs_[(offset - kFirst) / 8];
    const std::uint64_t value = (pair.address | pair.type) >> 8 * ((offset - kFirst) % 8);
    return static_cast<std::uint32_t>(value & mask(bytes));
  }
  void write(std::uint32_t offset, std::uint32_t bytes, std::uint32_t value) {
    Pair& pair = pairs_[(offset - kFirst) / 8];
    if (pair.bytes == 0) return;
    const unsigned shift = 8 * ((offset - kFirst) % 8);
    pair.address &= ~(mask(bytes) << shift);
    pair.address |= (value & mask(bytes)) << shift;
    pair.address &= ~(pair.bytes - 1);
  }

 private:
  struct Pair {
    std::uint64_t address = 0;
    std::uint64_t bytes = 0;  ///< 0: there is no such BAR
    std::uint32_t type = 0;   ///< bits 3:0 of the first register
  };
  static std::uint64_t mask(std::uint32_t bytes) { return (std::uint64_t{1} << 8 * bytes) - 1; }
  std::array<Pair, 3> pairs_;
};

}  // namespace siov::attach
