// SPDX-License-Identifier: Apache-2.0
// First-fit allocation over coalesced free extents.
#include "memory/extent_allocator.hpp"

#include <bit>
#include <iterator>

#include "common/error.hpp"

namespace siov::memory {

void ExtentAllocator::add(std::uint64_t base, std::uint64_t bytes) {
  if (bytes == 0 || bytes > ~base) throw HarnessError("free extent is empty or wraps around");
  auto next = free_.lower_bound(base);
  if (next != free_.end() && base + bytes > next->first) throw HarnessError("free extents overlap");
  free_bytes_ += bytes;
  if (next != free_.begin()) {
    const auto previous = std::prev(next);
    if (previous->first + previous->second > base) {
      free_bytes_ -= bytes;
      throw HarnessError("free extents overlap");
    }
    if (previous->first + previous->second == base) {
      base = previous->first;
      bytes += previous->second;
      free_.erase(previous);
    }
  }
  if (next != free_.end() && base + bytes == next->first) {
    bytes += next->second;
    free_.erase(next);
  }
  free_.emplace(base, bytes);
}

std::optional<std::uint64_t> ExtentAllocator::allocate(std::uint64_t bytes,
                                                       std::uint64_t alignment) {
  if (bytes == 0 || !std::has_single_bit(alignment)) {
    throw HarnessError("allocation needs a size and a power-of-two alignment");
  }
  for (auto it = free_.begin(); it != free_.end(); ++it) {
    const std::uint64_t start = it->first;
    const std::uint64_t end = start + it->second;
    const std::uint64_t base = (start + alignment - 1) & ~(alignment - 1);
    if (base < start || base >= end || end - base < bytes) continue;
    free_.erase(it);
    if (base > start) free_.emplace(start, base - start);
    if (base + bytes < end) free_.emplace(base + bytes, end - base - bytes);
    free_bytes_ -= bytes;
    in_use_ += bytes;
    used_.emplace(base, bytes);
    return base;
  }
  return std::nullopt;
}

std::uint64_t ExtentAllocator::release(std::uint64_t base) {
  const auto found = used_.find(base);
  if (found == used_.end()) throw HarnessError("release of something that is not allocated");
  const std::uint64_t bytes = found->second;
  used_.erase(found);
  in_use_ -= bytes;
  add(base, bytes);
  return bytes;
}

std::uint64_t ExtentAllocator::size_of(std::uint64_t base) const {
  const auto found = used_.find(base);
  return found == used_.end() ? 0 : found->second;
}

}  // namespace siov::memory
