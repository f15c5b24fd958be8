// SPDX-License-Identifier: Apache-2.0
// Where the random tables and their data live, and which indices their tables use.
//
//   RAM 0..512 MiB: tables; 2 MiB of read-only RAM; RAM 1..2 GiB and 4..8 GiB: data; RAM at the top
#pragma once

#include <cstdint>
#include <vector>

namespace siov::iommu::test {

inline constexpr std::uint64_t kRom = 0x2000'0000;
inline constexpr std::uint64_t kData = 0x4000'0000;
inline constexpr std::uint64_t kHole = 0x9000'0000;  // not populated
inline constexpr std::uint64_t kHighData = 0x1'0000'0000;

/// Indices with an entry in each table of a level. FEEx_xxxxh is {0, 0, 3, 1F7h, 0..FFh}.
inline const std::vector<unsigned>& indices(bool first, unsigned level) {
  static const std::vector<unsigned> kFirst[6] = {{},
                                                  {0, 1, 2, 3, 4, 5, 6, 0x1FF},
                                                  {0, 1, 2, 0x1F7, 0x1FF},
                                                  {0, 1, 3, 0x1FF},
                                                  {0, 0xFF, 0x100, 0x1FF},
                                                  {0, 0xFF, 0x100, 0x1FF}};
  static const std::vector<unsigned> kSecond[6] = {{},
                                                   {0, 1, 2, 3, 4, 5, 6, 0x1FF},
                                                   {0, 1, 2, 0x1F7, 0x1FF},
                                                   {0, 1, 3, 0x1FF},
                                                   {0, 1, 0x1F},
                                                   {0, 1, 0xF}};
  return first ? kFirst[level] : kSecond[level];
}

}  // namespace siov::iommu::test
