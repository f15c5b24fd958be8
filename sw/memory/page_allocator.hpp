// SPDX-License-Identifier: Apache-2.0
// PageAllocator: the host's frame allocator. Frames come zeroed; what is never freed is counted as
// a leak.
//
//   memory::PageAllocator frames(memory);
//   Hpa table = frames.allocate();
//   Hpa buffer = frames.allocate(memory::kSize2M);
//   frames.free(table);
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/types.hpp"
#include "memory/extent_allocator.hpp"
#include "memory/physical_memory.hpp"

namespace siov::memory {

inline constexpr std::uint64_t kSize4K = std::uint64_t{1} << 12;
inline constexpr std::uint64_t kSize2M = std::uint64_t{1} << 21;
inline constexpr std::uint64_t kSize1G = std::uint64_t{1} << 30;

class PageAllocator {
 public:
  /// All writable RAM except the first megabyte and FEE0_0000h..FEEF_FFFFh.
  explicit PageAllocator(PhysicalMemory& memory);
  /// Only this range, which must be writable RAM. @throws HarnessError
  PageAllocator(PhysicalMemory& memory, Hpa base, std::uint64_t bytes);
  PageAllocator(const PageAllocator&) = delete;
  PageAllocator& operator=(const PageAllocator&) = delete;

  /// One zeroed frame of 4 KiB, 2 MiB or 1 GiB, aligned to its size. @throws HarnessError when
  /// memory is exhausted
  [[nodiscard]] Hpa allocate(std::uint64_t size = kSize4K) { return allocate_range(size, size); }
  /// Contiguous zeroed memory. @param bytes multiple of 4 KiB  @param alignment power of two, >= 4
  /// KiB
  [[nodiscard]] Hpa allocate_range(std::uint64_t bytes, std::uint64_t alignment = kSize4K);
  /// Gives back a whole allocation by its first address. @throws HarnessError if it is not one
  void free(Hpa base);

  /// Allocations not freed; 0 at the end of a clean run.
  [[nodiscard]] std::size_t outstanding() const { return extents_.outstanding(); }
  [[nodiscard]] std::uint64_t bytes_in_use() const { return extents_.bytes_in_use(); }
  [[nodiscard]] std::uint64_t bytes_free() const { return extents_.bytes_free(); }

 private:
  PhysicalMemory& memory_;
  ExtentAllocator extents_;
};

}  // namespace siov::memory
