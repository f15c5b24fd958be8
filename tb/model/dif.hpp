// SPDX-License-Identifier: Apache-2.0
// DIF: protection information of one block, its tags and checks. Blocks come in order; the tags are
// the caller's, stepped from block to block.
//
//   const model::DifSetup dif(descriptor);
//   model::DifTags tags = descriptor.dif_source();
//   if (dif.check(tags, dif.guard(block), stored) == 0) tags = dif.next_source(tags);
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "abi/descriptor.hpp"

namespace siov::model {

using abi::DifTags;

/// The 8 bytes behind a block: guard, application tag, reference tag, big-endian. @spec DSA 5.9
struct ProtectionInfo {
  static constexpr std::size_t kBytes = 8;
  std::uint16_t guard = 0;
  std::uint16_t application = 0;
  std::uint32_t reference = 0;

  [[nodiscard]] static ProtectionInfo load(std::span<const std::byte, kBytes> in);
  [[nodiscard]] std::array<std::byte, kBytes> bytes() const;
};

/// What a DIF status has, byte 1 of the record. @spec DSA 5.9
inline constexpr std::uint8_t kDifGuard = 1, kDifApplication = 2, kDifReference = 4, kDifAllF = 8;

/// The DIF fields of a descriptor. @spec DSA 5.9
class DifSetup {
 public:
  explicit DifSetup(const abi::Descriptor& descriptor);

  /// Bytes of a block without its protection information: 512, 520, 4096 or 4104.
  std::size_t block_bytes() const { return block_bytes_; }
  /// Guard of a block's data.
  [[nodiscard]] std::uint16_t guard(std::span<const std::byte> block) const;
  /// The status bits of a block; 0 is good. A block of all ones that is to be reported has status 8
  /// alone; a skipped one 0. @param guard  of the data
  [[nodiscard]] std::uint8_t check(const DifTags& source, std::uint16_t guard,
                                   const ProtectionInfo& stored) const;
  /// What is written behind a block. @param stored  source to pass through, update only
  [[nodiscard]] ProtectionInfo make(const DifTags& destination, std::uint16_t guard,
                                    const ProtectionInfo& stored) const;
  [[nodiscard]] DifTags next_source(const DifTags& tags) const { return next(tags, source_); }
  [[nodiscard]] DifTags next_destination(const DifTags& tags) const {
    return next(tags, destination_);
  }

 private:
  static DifTags next(DifTags tags, std::uint8_t flags);

  std::size_t block_bytes_;
  bool invert_seed_, invert_result_;
  std::uint8_t source_, destination_;  ///< flags
  bool passes_;                        ///< update: the pass-through flags count
};

/// Block size of byte 42, bits 1:0 [bytes].
[[nodiscard]] constexpr std::uint32_t dif_block_bytes(std::uint8_t dif_flags) {
  constexpr std::uint32_t kSizes[4] = {512, 520, 4096, 4104};
  return kSizes[dif_flags & 3u];
}

}  // namespace siov::model
