// SPDX-License-Identifier: Apache-2.0
// Descriptor: the 64 bytes that software writes to a portal.
//
//   abi::Descriptor copy;
//   copy.opcode = abi::kOpMemmove;
//   copy.flags = abi::flag(abi::kFlagCrav) | abi::flag(abi::kFlagRcr);
//   copy.completion_address = Iova{0x3000};
//   copy.source = Iova{0x1000};
//   copy.destination = Iova{0x2000};
//   copy.size = 256;
//   device.posted_write64(portal, abi::to_line(copy));
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "abi/siov_abi.hpp"
#include "common/types.hpp"

namespace siov::abi {

/// The flag word with one flag set. @param bit  a kFlag... bit number, 0..23
constexpr std::uint32_t flag(unsigned bit) { return std::uint32_t{1} << bit; }

/// A descriptor, field by field; every bit of the 64 bytes has its place, so decoding loses
/// nothing. @spec DSA 5.1
struct Descriptor {
  Pasid pasid;                  ///< 20 bits; ignored in dedicated queues
  std::uint16_t reserved0 = 0;  ///< 11 bits, dword 0 bits 30:20
  bool privileged = false;      ///< ignored in dedicated queues
  std::uint32_t flags = 0;      ///< 24 bits, see flag()
  std::uint8_t opcode = 0;      ///< kOp...
  Iova completion_address;      ///< 32-byte aligned
  Iova source;                  ///< also the pattern of a fill
  Iova destination;             ///< also the second source of a compare
  std::uint32_t size = 0;       ///< [bytes]
  std::uint16_t interrupt_handle = 0;
  std::uint16_t reserved1 = 0;              ///< bytes 38-39
  std::array<std::byte, 24> op_specific{};  ///< bytes 40-63

  bool operator==(const Descriptor&) const = default;

  /// Whether a flag is set. @param bit  a kFlag... bit number
  constexpr bool has(unsigned bit) const { return (flags >> bit & 1u) != 0; }
  /// Fill: the eight pattern bytes, the first destination byte lowest. @spec DSA 5.6 (04)
  constexpr std::uint64_t pattern() const { return source.value; }
  void set_pattern(std::uint64_t pattern) { source = Iova{pattern}; }
  /// Compare: the result that the check-result flag expects, byte 40. @spec DSA 5.6 (05)
  std::uint8_t expected_result() const { return std::to_integer<std::uint8_t>(op_specific[0]); }
  void set_expected_result(std::uint8_t result) { op_specific[0] = std::byte{result}; }
};

/// Writes the 64 bytes, little-endian. Bits outside a field's width are cut.
void encode(const Descriptor& descriptor, std::span<std::byte, 64> out);
/// Reads 64 bytes; any content is a descriptor.
[[nodiscard]] Descriptor decode_descriptor(std::span<const std::byte, 64> in);
/// The 64 bytes as one line.
[[nodiscard]] std::array<std::byte, 64> to_line(const Descriptor& descriptor);

}  // namespace siov::abi
