// SPDX-License-Identifier: Apache-2.0
// Sparse storage in 2 MiB chunks behind a direct-mapped cache of recent chunks.
#include "memory/physical_memory.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <new>

#include "common/error.hpp"

namespace siov::memory {

static_assert(std::endian::native == std::endian::little,
              "quadwords are copied as they lie in memory");

namespace {

constexpr std::uint64_t kBelowHole = std::uint64_t{2} << 30;
constexpr std::uint64_t kAboveHole = std::uint64_t{4} << 30;

/// As memcpy(), the first 8 bytes last: others who look at the memory at the same time see the
/// status at the begin of a record when the rest of the record is there.
void copy_first_last(std::byte* to, const std::byte* from, std::size_t bytes) {
  constexpr std::size_t kFirst = 8;
  if (bytes > kFirst) {
    std::memcpy(to + kFirst, from + kFirst, bytes - kFirst);
    std::atomic_thread_fence(std::memory_order_release);
  }
  std::memcpy(to, from, std::min(bytes, kFirst));
}

}  // namespace

std::vector<RamRange> standard_ram(std::uint64_t bytes) {
  std::vector<RamRange> ranges;
  ranges.push_back({Hpa{0}, std::min(bytes, kBelowHole)});
  if (bytes > kBelowHole) ranges.push_back({Hpa{kAboveHole}, bytes - kBelowHole});
  return ranges;
}

PhysicalMemory::PhysicalMemory(std::uint64_t bytes, unsigned haw)
    : PhysicalMemory(standard_ram(bytes), haw) {}

PhysicalMemory::PhysicalMemory(const std::vector<RamRange>& ranges, unsigned haw) : haw_(haw) {
  if (haw < 46 || haw > 52) throw HarnessError("host address width must be 46..52 bits");
  for (const RamRange& range : ranges) add_range(range);
}

void PhysicalMemory::add_range(const RamRange& range) {
  if (range.bytes == 0 || range.bytes % kPageSize != 0 || range.base.page_offset() != 0) {
    throw HarnessError("a RAM range must be a non-empty run of whole 4 KiB pages");
  }
  const std::uint64_t limit = std::uint64_t{1} << haw_;
  if (range.base.value >= limit || range.bytes > limit - range.base.value) {
    throw HarnessError("a RAM range must lie below the host address width");
  }
  const auto at =
      std::lower_bound(ranges_.begin(), ranges_.end(), range,
                       [](const RamRange& a, const RamRange& b) { return a.base < b.base; });
  const bool hits_next = at != ranges_.end() && range.base + range.bytes > at->base;
  const bool hits_previous =
      at != ranges_.begin() && std::prev(at)->base + std::prev(at)->bytes > range.base;
  if (hits_next || hits_previous) throw HarnessError("RAM ranges must not overlap");
  ranges_.insert(at, range);
}

void PhysicalMemory::attach(const RamRange& range, std::byte* bytes) {
  add_range(range);
  const Window window{range.base.value, range.bytes, bytes, range.kind == RamKind::kReadWrite};
  windows_.insert(std::upper_bound(windows_.begin(), windows_.end(), window.base,
                                   [](std::uint64_t at, const Window& w) { return at < w.base; }),
                  window);
  recent_.fill(Recent{});
}

void PhysicalMemory::detach(Hpa base) {
  const std::size_t found =
      std::erase_if(windows_, [base](const Window& window) { return window.base == base.value; });
  if (found == 0) throw HarnessError("no memory is attached there");
  std::erase_if(ranges_, [base](const RamRange& range) { return range.base == base; });
  recent_.fill(Recent{});
}

const PhysicalMemory::Window* PhysicalMemory::window_at(std::uint64_t address,
                                                        std::uint64_t& limit) const {
  auto next = std::upper_bound(windows_.begin(), windows_.end(), address,
                               [](std::uint64_t at, const Window& w) { return at < w.base; });
  if (next != windows_.end()) limit = std::min(limit, next->base);
  if (next == windows_.begin()) return nullptr;
  const Window& before = *std::prev(next);
  if (address - before.base >= before.bytes) return nullptr;
  limit = std::min(limit, before.base + before.bytes);
  return &before;
}

bool PhysicalMemory::covered(std::uint64_t address, std::uint64_t bytes, bool for_write) const {
  std::uint64_t done = 0;
  for (const RamRange& range : ranges_) {
    const std::uint64_t base = range.base.value;
    const std::uint64_t at = address + done;
    if (at < base) return false;
    if (at - base >= range.bytes) continue;
    if (for_write && range.kind == RamKind::kReadOnly) return false;
    done += range.bytes - (at - base);
    if (done >= bytes) return true;
  }
  return bytes == 0;
}

bool PhysicalMemory::populated(Hpa address, std::uint64_t bytes) const {
  if (bytes > ~address.value) return false;
  return covered(address.value, bytes, false);
}

bool PhysicalMemory::writable(Hpa address, std::uint64_t bytes) const {
  if (bytes > ~address.value) return false;
  return covered(address.value, bytes, true);
}

const PhysicalMemory::Recent* PhysicalMemory::find(std::uint64_t number) const {
  Recent& recent = recent_[number % kRecent];
  if (recent.number == number) return &recent;
  if (!windows_.empty()) {
    std::uint64_t limit = (number + 1) << kChunkShift;
    const Window* const window = window_at(number << kChunkShift, limit);
    if (window != nullptr && limit == (number + 1) << kChunkShift) {
      recent =
          Recent{number, window->host + ((number << kChunkShift) - window->base), window->writable};
      return &recent;
    }
  }
  const auto found = chunks_.find(number);
  if (found == chunks_.end()) return nullptr;
  recent = Recent{number, found->second.bytes.get(), found->second.plain};
  return &recent;
}

const PhysicalMemory::Recent& PhysicalMemory::create(std::uint64_t number) {
  if (const Recent* present = find(number)) return *present;
  Chunk chunk;
  // calloc: the operating system hands out zero pages when they are touched, not before.
  chunk.bytes.reset(static_cast<std::byte*>(std::calloc(kChunkBytes, 1)));
  if (!chunk.bytes) throw std::bad_alloc();
  std::uint64_t limit = (number + 1) << kChunkShift;
  const bool mixed =
      window_at(number << kChunkShift, limit) != nullptr || limit != (number + 1) << kChunkShift;
  chunk.plain = !mixed && covered(number << kChunkShift, kChunkBytes, true);
  chunks_.emplace(number, std::move(chunk));
  return *find(number);
}

bool PhysicalMemory::read(Hpa address, std::span<std::byte> out) const {
  const std::uint64_t offset = address.value & (kChunkBytes - 1);
  if (out.size() - 1 < kChunkBytes - offset) {  // an empty span takes the slow way
    const Recent& recent = recent_[(address.value >> kChunkShift) % kRecent];
    if (recent.number == address.value >> kChunkShift && recent.plain) {
      std::memcpy(out.data(), recent.bytes + offset, out.size());
      return true;
    }
  }
  return read_slow(address, out);
}

bool PhysicalMemory::read_slow(Hpa address, std::span<std::byte> out) const {
  if (out.empty()) return true;
  if (!populated(address, out.size())) return false;
  std::size_t done = 0;
  while (done < out.size()) {
    const std::uint64_t at = address.value + done;
    const std::uint64_t offset = at & (kChunkBytes - 1);
    std::uint64_t limit = at - offset + kChunkBytes;
    const Window* const window = window_at(at, limit);
    const std::size_t piece = std::min<std::uint64_t>(out.size() - done, limit - at);
    if (window != nullptr) {
      std::memcpy(out.data() + done, window->host + (at - window->base), piece);
    } else if (const Recent* chunk = find(at >> kChunkShift)) {
      std::memcpy(out.data() + done, chunk->bytes + offset, piece);
    } else {
      std::memset(out.data() + done, 0, piece);
    }
    done += piece;
  }
  return true;
}

bool PhysicalMemory::write(Hpa address, std::span<const std::byte> data) {
  const std::uint64_t offset = address.value & (kChunkBytes - 1);
  if (data.size() - 1 < kChunkBytes - offset) {
    const Recent& recent = recent_[(address.value >> kChunkShift) % kRecent];
    if (recent.number == address.value >> kChunkShift && recent.plain) {
      copy_first_last(recent.bytes + offset, data.data(), data.size());
      return true;
    }
  }
  return write_slow(address, data);
}

bool PhysicalMemory::write_slow(Hpa address, std::span<const std::byte> data) {
  if (data.empty()) return true;
  if (!writable(address, data.size())) return false;
  copy_in(address, data);
  return true;
}

bool PhysicalMemory::load(Hpa address, std::span<const std::byte> data) {
  if (!populated(address, data.size())) return false;
  copy_in(address, data);
  return true;
}

void PhysicalMemory::copy_in(Hpa address, std::span<const std::byte> data) {
  std::size_t done = 0;
  while (done < data.size()) {
    const std::uint64_t at = address.value + done;
    const std::uint64_t offset = at & (kChunkBytes - 1);
    std::uint64_t limit = at - offset + kChunkBytes;
    const Window* const window = window_at(at, limit);
    const std::size_t piece = std::min<std::uint64_t>(data.size() - done, limit - at);
    std::byte* const to = window != nullptr ? window->host + (at - window->base)
                                            : create(at >> kChunkShift).bytes + offset;
    copy_first_last(to, data.data() + done, piece);
    done += piece;
  }
}

bool PhysicalMemory::zero(Hpa address, std::uint64_t bytes) {
  if (!writable(address, bytes)) return false;
  std::uint64_t done = 0;
  while (done < bytes) {
    const std::uint64_t at = address.value + done;
    const std::uint64_t offset = at & (kChunkBytes - 1);
    std::uint64_t limit = at - offset + kChunkBytes;
    const Window* const window = window_at(at, limit);
    const std::uint64_t piece = std::min(bytes - done, limit - at);
    if (window != nullptr) {
      std::memset(window->host + (at - window->base), 0, piece);
    } else if (const Recent* chunk = find(at >> kChunkShift)) {
      std::memset(chunk->bytes + offset, 0, piece);
    }
    done += piece;
  }
  return true;
}

std::optional<std::uint64_t> PhysicalMemory::read64(Hpa address) const {
  if (address.value % 8 != 0) throw HarnessError("quadword address must be 8-byte aligned");
  std::uint64_t value = 0;
  if (!read(address, std::as_writable_bytes(std::span(&value, 1)))) return std::nullopt;
  return value;
}

bool PhysicalMemory::write64(Hpa address, std::uint64_t value) {
  if (address.value % 8 != 0) throw HarnessError("quadword address must be 8-byte aligned");
  return write(address, std::as_bytes(std::span(&value, 1)));
}

std::optional<std::uint64_t> PhysicalMemory::compare_exchange64(Hpa address, std::uint64_t expected,
                                                                std::uint64_t desired) {
  const std::optional<std::uint64_t> found = read64(address);
  if (!found || !covered(address.value, 8, true)) return std::nullopt;
  std::uint64_t limit = ~std::uint64_t{0};
  if (const Window* const window = window_at(address.value, limit)) {
    // Others may write there at the same time.
    auto* const at =
        reinterpret_cast<std::uint64_t*>(window->host + (address.value - window->base));
    std::uint64_t value = expected;
    __atomic_compare_exchange_n(at, &value, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return value;
  }
  if (*found == expected && !write64(address, desired)) return std::nullopt;
  return found;
}

std::byte* PhysicalMemory::page(Hpa address) {
  const Hpa base = address.page();
  if (!covered(base.value, kPageSize, true)) return nullptr;
  std::uint64_t limit = ~std::uint64_t{0};
  if (const Window* const window = window_at(base.value, limit))
    return window->host + (base.value - window->base);
  return create(base.value >> kChunkShift).bytes + (base.value & (kChunkBytes - 1));
}

}  // namespace siov::memory
