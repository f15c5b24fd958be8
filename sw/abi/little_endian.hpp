// SPDX-License-Identifier: Apache-2.0
// Little-endian loads and stores over bytes, whatever the machine.
//
//   store_le(bytes.subspan(8), address, 8);
//   const std::uint64_t address = load_le(bytes.subspan(8), 8);
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace siov::abi {

/// Reads an unsigned number. @param size  1..8 [bytes], not more than the span has
[[nodiscard]] inline std::uint64_t load_le(std::span<const std::byte> in, unsigned size) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < size; ++i) value |= std::to_integer<std::uint64_t>(in[i]) << (8 * i);
  return value;
}

/// Writes the low bytes of a number. @param size  1..8 [bytes], not more than the span has
inline void store_le(std::span<std::byte> out, std::uint64_t value, unsigned size) {
  for (unsigned i = 0; i < size; ++i) out[i] = static_cast<std::byte>(value >> (8 * i));
}

}  // namespace siov::abi
