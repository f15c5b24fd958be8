// SPDX-License-Identifier: Apache-2.0
// CRCs of the device: 32 and 64 bits with their flags, 16 bits of DIF guards.
//
//   model::crc({}, 0, bytes_of("123456789"));        // 0xE3069283
//   model::crc16_t10(0, bytes_of("123456789"));      // 0xD0DB
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace siov::model {

/// @spec DSA 5.8
struct CrcMode {
  bool wide = false;                    ///< flag 19: 64 bits
  bool bypass_inversion = false;        ///< flag 17: neither inversion nor reflection of the value
  bool bypass_data_reflection = false;  ///< flag 18: bit 7 of each byte first
};

/// CRC over exactly these bytes. @param seed  32 bits are used unless wide @spec DSA 5.8
[[nodiscard]] std::uint64_t crc(const CrcMode& mode, std::uint64_t seed,
                                std::span<const std::byte> data);

/// CRC-16 T10-DIF, most significant bit first. @param start  0, or 0xFFFF for the inverted seed
/// @spec DSA 5.9
[[nodiscard]] std::uint16_t crc16_t10(std::uint16_t start, std::span<const std::byte> data);

}  // namespace siov::model
