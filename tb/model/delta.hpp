// SPDX-License-Identifier: Apache-2.0
// Delta records: ten bytes for each 8-byte word that differs: its number, then its new bytes.
//
//   const model::Delta delta = model::create_delta(old_bytes, new_bytes, 80);
//   const model::DeltaEntries entries = model::read_delta(delta.bytes, old_bytes.size());
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace siov::model {

inline constexpr std::uint32_t kDeltaEntryBytes = 10;
inline constexpr std::uint32_t kDeltaWordBytes = 8;

/// @spec DSA 5.6 (07)
struct Delta {
  std::vector<std::byte> bytes;  ///< the record as far as it fits
  bool overflow = false;         ///< one more entry would not fit
  std::uint32_t compared = 0;    ///< bytes before the word that did not fit, or all [bytes]
};

/// What turns one into two. @param one, two  same size; bytes behind the last whole word are not
/// compared @param max_size  of the record [bytes]
[[nodiscard]] Delta create_delta(std::span<const std::byte> one, std::span<const std::byte> two,
                                 std::uint32_t max_size);

struct DeltaEntry {
  std::uint32_t offset = 0;  ///< in the destination [bytes]
  std::array<std::byte, kDeltaWordBytes> bytes{};
};

/// @spec DSA 5.6 (08)
struct DeltaEntries {
  std::vector<DeltaEntry> good;  ///< those before the first bad one
  std::uint8_t status = 0;       ///< 0, or 0x07 or 0x08 of the first bad one
};

/// The entries of a record; a cut entry at its end is left out. @param size  of the destination
/// [bytes]
[[nodiscard]] DeltaEntries read_delta(std::span<const std::byte> record, std::uint32_t size);

}  // namespace siov::model
