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

#include "abi/siov_abi.hpp"
#include "common/types.hpp"

namespace siov::abi {

/// A completion record, field by field; nothing is lost in decoding. @spec DSA 5.4
struct CompletionRecord {
  std::uint8_t status =
      0;  ///< 0: not yet written; else kSt..., bit 7 = faulting access was a write
  std::uint8_t result = 0;      ///< compare: 0 equal, 1 different
  std::uint8_t fault_info = 0;  ///< 2.0 only
  std::uint8_t reserved = 0;    ///< byte 3
  std::uint32_t bytes_completed = 0;
  Iova fault_address;
  std::array<std::byte, 16> op_specific{};  ///< bytes 16-31

  bool operator==(const CompletionRecord&) const = default;

  /// Status 0x11: the flags at fault, 24 bits at byte 16.
  std::uint32_t invalid_flags() const;
  void set_invalid_flags(std::uint32_t mask);
};

/// Writes the 32 bytes, little-endian.
void encode(const CompletionRecord& record, std::span<std::byte, 32> out);
/// Reads 32 bytes; any content is a record.
[[nodiscard]] CompletionRecord decode_completion_record(std::span<const std::byte, 32> in);
/// The 32 bytes as an array.
[[nodiscard]] std::array<std::byte, 32> to_bytes(const CompletionRecord& record);

}  // namespace siov::abi
