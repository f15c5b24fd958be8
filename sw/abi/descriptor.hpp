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

#include "abi/dif_tags.hpp"
#include "abi/little_endian.hpp"
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

  /// A field of bytes 40 to 63. @param byte  counted in the descriptor @param size  1..8 [bytes]
  std::uint64_t field(unsigned byte, unsigned size) const {
    return load_le(std::span(op_specific).subspan(byte - 40), size);
  }
  void set_field(unsigned byte, unsigned size, std::uint64_t value) {
    store_le(std::span(op_specific).subspan(byte - 40), value, size);
  }

  /// Batch: the members, 64 bytes each, and their number. @spec DSA 5.6 (01)
  constexpr Iova list() const { return source; }
  constexpr std::uint32_t count() const { return size; }
  /// Fill: the eight pattern bytes, the first destination byte lowest. @spec DSA 5.6 (04)
  constexpr std::uint64_t pattern() const { return source.value; }
  void set_pattern(std::uint64_t pattern) { source = Iova{pattern}; }
  /// Fill with 16 bytes: the second eight. @spec DSA 5.6 (04)
  std::uint64_t pattern_high() const { return field(40, 8); }
  void set_pattern_high(std::uint64_t pattern) { set_field(40, 8, pattern); }
  /// Compare with pattern: the pattern is in the second address. @spec DSA 5.6 (06)
  constexpr std::uint64_t compare_pattern() const { return destination.value; }
  void set_compare_pattern(std::uint64_t pattern) { destination = Iova{pattern}; }
  /// Compare: the result that the check-result flag expects, byte 40. @spec DSA 5.6 (05)
  std::uint8_t expected_result() const { return static_cast<std::uint8_t>(field(40, 1)); }
  void set_expected_result(std::uint8_t result) { set_field(40, 1, result); }
  /// Create delta: where the record goes, its largest size, and the mask of results that the
  /// check-result flag expects. @spec DSA 5.6 (07)
  Iova delta_address() const { return Iova{field(40, 8)}; }
  void set_delta_address(Iova address) { set_field(40, 8, address.value); }
  std::uint32_t max_delta_size() const { return static_cast<std::uint32_t>(field(48, 4)); }
  void set_max_delta_size(std::uint32_t bytes) { set_field(48, 4, bytes); }
  std::uint8_t expected_mask() const { return static_cast<std::uint8_t>(field(56, 1)); }
  void set_expected_mask(std::uint8_t mask) { set_field(56, 1, mask); }
  /// Apply delta: the record is the source; its size. @spec DSA 5.6 (08)
  std::uint32_t delta_size() const { return static_cast<std::uint32_t>(field(40, 4)); }
  void set_delta_size(std::uint32_t bytes) { set_field(40, 4, bytes); }
  /// Dualcast: the second destination. @spec DSA 5.6 (09)
  Iova destination2() const { return Iova{field(40, 8)}; }
  void set_destination2(Iova address) { set_field(40, 8, address.value); }
  /// CRC: seed, or where it lies (flag 16). @param wide  64-bit CRC @spec DSA 5.6 (10)
  std::uint64_t crc_seed(bool wide) const { return field(40, wide ? 8 : 4); }
  void set_crc_seed(std::uint64_t seed, bool wide) { set_field(40, wide ? 8 : 4, seed); }
  Iova crc_seed_address() const { return Iova{field(48, 8)}; }
  void set_crc_seed_address(Iova address) { set_field(48, 8, address.value); }
  /// DIF: flags of the source tags, of the destination tags, of the blocks. @spec DSA 5.9
  std::uint8_t dif_source_flags() const { return static_cast<std::uint8_t>(field(40, 1)); }
  std::uint8_t dif_destination_flags() const { return static_cast<std::uint8_t>(field(41, 1)); }
  std::uint8_t dif_flags() const { return static_cast<std::uint8_t>(field(42, 1)); }
  void set_dif_flags(std::uint8_t source, std::uint8_t destination, std::uint8_t blocks) {
    set_field(40, 3, source | destination << 8 | blocks << 16);
  }
  DifTags dif_source() const { return load_dif_tags(std::span(op_specific).subspan(8)); }
  void set_dif_source(const DifTags& t) { store_dif_tags(std::span(op_specific).subspan(8), t); }
  DifTags dif_destination() const { return load_dif_tags(std::span(op_specific).subspan(16)); }
  void set_dif_destination(const DifTags& t) {
    store_dif_tags(std::span(op_specific).subspan(16), t);
  }
};

/// Writes the 64 bytes, little-endian. Bits outside a field's width are cut.
void encode(const Descriptor& descriptor, std::span<std::byte, 64> out);
/// Reads 64 bytes; any content is a descriptor.
[[nodiscard]] Descriptor decode_descriptor(std::span<const std::byte, 64> in);
/// The 64 bytes as one line.
[[nodiscard]] std::array<std::byte, 64> to_line(const Descriptor& descriptor);

}  // namespace siov::abi
