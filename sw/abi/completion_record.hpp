// SPDX-License-Identifier: Apache-2.0
// CompletionRecord: the 32 bytes that the device writes when a descriptor ends.
//
//   const abi::CompletionRecord record = abi::decode_completion_record(bytes);
//   if (record.status == abi::kStSuccess) ...
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "abi/dif_tags.hpp"
#include "abi/little_endian.hpp"
#include "abi/siov_abi.hpp"
#include "common/types.hpp"

namespace siov::abi {

/// A completion record, field by field; nothing is lost in decoding. @spec DSA 5.4
struct CompletionRecord {
  std::uint8_t status =
      0;  ///< 0: not yet written; else kSt..., bit 7 = faulting access was a write
  std::uint8_t result = 0;      ///< compare: 0 equal, 1 different; delta: 2 overflow; DIF status
  std::uint8_t fault_info = 0;  ///< 2.0 only
  std::uint8_t reserved = 0;    ///< byte 3
  std::uint32_t bytes_completed = 0;  ///< batch: descriptors
  Iova fault_address;
  std::array<std::byte, 16> op_specific{};  ///< bytes 16-31

  bool operator==(const CompletionRecord&) const = default;

  /// Status 0x11: the flags at fault, 24 bits at byte 16.
  std::uint32_t invalid_flags() const;
  void set_invalid_flags(std::uint32_t mask);
  /// Create delta: bytes of the record.
  std::uint32_t delta_size() const { return static_cast<std::uint32_t>(load_le(op_specific, 4)); }
  void set_delta_size(std::uint32_t bytes) { store_le(op_specific, bytes, 4); }
  /// CRC of either width.
  std::uint64_t crc() const { return load_le(op_specific, 8); }
  void set_crc(std::uint64_t value) { store_le(op_specific, value, 8); }
  /// DIF: the tags of the next block.
  DifTags dif_source() const { return load_dif_tags(op_specific); }
  void set_dif_source(const DifTags& tags) { store_dif_tags(op_specific, tags); }
  DifTags dif_destination() const { return load_dif_tags(std::span(op_specific).subspan(8)); }
  void set_dif_destination(const DifTags& tags) {
    store_dif_tags(std::span(op_specific).subspan(8), tags);
  }
};

/// Writes the 32 bytes, little-endian.
void encode(const CompletionRecord& record, std::span<std::byte, 32> out);
/// Reads 32 bytes; any content is a record.
[[nodiscard]] CompletionRecord decode_completion_record(std::span<const std::byte, 32> in);
/// The 32 bytes as an array.
[[nodiscard]] std::array<std::byte, 32> to_bytes(const CompletionRecord& record);

}  // namespace siov::abi
