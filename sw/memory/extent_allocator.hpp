// SPDX-License-Identifier: Apache-2.0
// ExtentAllocator: aligned ranges out of free extents, first fit, lowest address first. Knows
// numbers only, no memory.
//
//   memory::ExtentAllocator extents;
//   extents.add(0x100000, 0x40000000);
//   std::optional<std::uint64_t> base = extents.allocate(8192, 4096);
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>

namespace siov::memory {

class ExtentAllocator {
 public:
  /// Adds free space. @throws HarnessError if it overlaps free space.
  void add(std::uint64_t base, std::uint64_t bytes);
  /// @param bytes  > 0  @param alignment power of two  @return lowest fitting base, or nothing when
  /// full
  [[nodiscard]] std::optional<std::uint64_t> allocate(std::uint64_t bytes, std::uint64_t alignment);
  /// Gives back one allocation. @return its size [bytes]  @throws HarnessError if base was not
  /// allocated
  std::uint64_t release(std::uint64_t base);
  /// Size of the allocation that starts at base, 0 if none.
  [[nodiscard]] std::uint64_t size_of(std::uint64_t base) const;

  [[nodiscard]] std::uint64_t bytes_in_use() const { return in_use_; }
  [[nodiscard]] std::uint64_t bytes_free() const { return free_bytes_; }
  /// Allocations not released yet; 0 at the end of a clean run.
  [[nodiscard]] std::size_t outstanding() const { return used_.size(); }

 private:
  std::map<std::uint64_t, std::uint64_t> free_;            ///< base -> bytes, never adjacent
  std::unordered_map<std::uint64_t, std::uint64_t> used_;  ///< base -> bytes
  std::uint64_t in_use_ = 0;
  std::uint64_t free_bytes_ = 0;
};

}  // namespace siov::memory
