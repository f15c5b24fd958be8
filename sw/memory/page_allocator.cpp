// SPDX-License-Identifier: Apache-2.0
// Host frames out of the writable RAM ranges.
#include "memory/page_allocator.hpp"

#include <algorithm>

#include "common/error.hpp"

namespace siov::memory {

namespace {
constexpr std::uint64_t kFirstFrame = std::uint64_t{1} << 20;
constexpr std::uint64_t kInterruptBase = 0xFEE00000;
constexpr std::uint64_t kInterruptEnd = 0xFEF00000;
}  // namespace

PageAllocator::PageAllocator(PhysicalMemory& memory) : memory_(memory) {
  const auto add = [this](std::uint64_t from, std::uint64_t to) {
    if (from < to) extents_.add(from, to - from);
  };
  for (const RamRange& range : memory.ranges()) {
    if (range.kind == RamKind::kReadOnly) continue;
    const std::uint64_t from = std::max(range.base.value, kFirstFrame);
    const std::uint64_t to = range.base.value + range.bytes;
    add(from, std::min(to, kInterruptBase));
    add(std::max(from, kInterruptEnd), to);
  }
}

PageAllocator::PageAllocator(PhysicalMemory& memory, Hpa base, std::uint64_t bytes)
    : memory_(memory) {
  if (base.page_offset() != 0 || bytes == 0 || bytes % kSize4K != 0 || !memory.zero(base, bytes)) {
    throw HarnessError("a frame allocator needs whole pages of writable RAM");
  }
  extents_.add(base.value, bytes);
}

Hpa PageAllocator::allocate_range(std::uint64_t bytes, std::uint64_t alignment) {
  if (bytes == 0 || bytes % kSize4K != 0 || alignment < kSize4K) {
    throw HarnessError("frames are whole 4 KiB pages");
  }
  const std::optional<std::uint64_t> base = extents_.allocate(bytes, alignment);
  if (!base) throw HarnessError("host memory is exhausted");
  if (!memory_.zero(Hpa{*base}, bytes)) throw HarnessError("allocated frame is not writable RAM");
  return Hpa{*base};
}

void PageAllocator::free(Hpa base) { extents_.release(base.value); }

}  // namespace siov::memory
