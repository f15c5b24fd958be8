// SPDX-License-Identifier: Apache-2.0
// DifTags: reference tag, application tag mask and application tag, eight bytes in descriptors and
// completion records.
//
//   descriptor.set_dif_destination({0x100, 0, 0x55AA});
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "abi/little_endian.hpp"

namespace siov::abi {

/// @spec DSA 5.4, 5.9
struct DifTags {
  std::uint32_t reference = 0;
  std::uint16_t mask = 0;  ///< bits of the application tag that are 0 instead
  std::uint16_t application = 0;
  bool operator==(const DifTags&) const = default;
};

/// @param in  at least 8 bytes
[[nodiscard]] inline DifTags load_dif_tags(std::span<const std::byte> in) {
  return {static_cast<std::uint32_t>(load_le(in, 4)),
          static_cast<std::uint16_t>(load_le(in.subspan(4), 2)),
          static_cast<std::uint16_t>(load_le(in.subspan(6), 2))};
}

/// @param out  at least 8 bytes
inline void store_dif_tags(std::span<std::byte> out, const DifTags& tags) {
  store_le(out, tags.reference, 4);
  store_le(out.subspan(4), tags.mask, 2);
  store_le(out.subspan(6), tags.application, 2);
}

}  // namespace siov::abi
