// SPDX-License-Identifier: Apache-2.0
// Arithmetic of the guest: CRC, protection information and delta records, bit by bit as the
// specification words them. Slow and plain on purpose: a second opinion on the device.
//
//   guest::crc_of(bytes, 0, {});                       // CRC-32C
//   guest::guard_of(block, false, false);              // T10-DIF guard
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "abi/dif_tags.hpp"

namespace siov::guest {

/// @spec dsa.md 5.8
struct CrcKind {
  bool wide = false;       ///< 64 bits
  bool plain = false;      ///< flag 17: no inversion, no reflection of seed and result
  bool msb_first = false;  ///< flag 18: bit 7 of a byte first
};
std::uint64_t crc_of(std::span<const std::byte> data, std::uint64_t seed, CrcKind kind);

/// Guard of one block. @spec dsa.md 5.9
std::uint16_t guard_of(std::span<const std::byte> block, bool invert_seed, bool invert_result);

/// The eight bytes behind a block. @spec dsa.md 5.9
struct Protection {
  std::uint16_t guard = 0;
  std::uint16_t application = 0;
  std::uint32_t reference = 0;
};
void append_protection(std::vector<std::byte>& out, const Protection& p);
/// What the source flags of byte 40 say of a stored field. @return DIF status, 0 is good
std::uint8_t judge_protection(const Protection& stored, std::uint16_t guard,
                              const abi::DifTags& tags, std::uint8_t source_flags);
/// Tags of the block after this one. @param flags  byte 40 or 41
abi::DifTags step_tags(abi::DifTags tags, std::uint8_t flags);

/// A delta record and what it says. @spec dsa.md 5.6 (07)
struct DeltaRecord {
  std::vector<std::byte> bytes;
  std::uint8_t result = 0;     ///< 0 equal, 1 complete, 2 overflow
  std::uint32_t compared = 0;  ///< on overflow: bytes before the word that did not fit
};
DeltaRecord delta_of(std::span<const std::byte> one, std::span<const std::byte> two,
                     std::uint32_t max_bytes);
void append_delta_entry(std::vector<std::byte>& record, std::uint32_t word,
                        std::span<const std::byte, 8> bytes);

}  // namespace siov::guest
