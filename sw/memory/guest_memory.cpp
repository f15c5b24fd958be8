// SPDX-License-Identifier: Apache-2.0
// Guest-physical memory over shuffled host pages.
#include "memory/guest_memory.hpp"

#include <algorithm>
#include <bit>
#include <boost/random/mersenne_twister.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <utility>

#include "common/error.hpp"

namespace siov::memory {

GuestMemory::GuestMemory(PhysicalMemory& memory, PageAllocator& frames,
                         const GuestMemoryConfig& config)
    : memory_(&memory), frames_(&frames), config_(config) {
  const std::uint64_t page = config.page_bytes;
  if (page != kSize4K && page != kSize2M && page != kSize1G) {
    throw HarnessError("guest backing pages are 4 KiB, 2 MiB or 1 GiB");
  }
  if (config.bytes == 0 || config.bytes % page != 0 || config.bytes < 2 * kSize4K) {
    throw HarnessError("guest memory must be whole backing pages and at least two 4 KiB pages");
  }
  page_shift_ = static_cast<unsigned>(std::countr_zero(page));
  std::vector<Hpa> host(config.bytes >> page_shift_);
  for (Hpa& frame : host) frame = frames_->allocate(page);
  boost::random::mt19937_64 engine(config.seed);
  for (std::size_t i = host.size() - 1; i > 0; --i) {
    boost::random::uniform_int_distribution<std::size_t> pick(0, i);
    std::swap(host[i], host[pick(engine)]);
  }
  pages_.reserve(host.size());
  for (std::size_t i = 0; i < host.size(); ++i) {
    pages_.push_back({Gpa{static_cast<std::uint64_t>(i) << page_shift_}, host[i]});
  }
  extents_.add(kSize4K, config.bytes - kSize4K);
}

GuestMemory::~GuestMemory() {
  for (const GuestPage& page : pages_) frames_->free(page.host);
}

bool GuestMemory::inside(Gpa address, std::uint64_t bytes) const {
  return address.value <= config_.bytes && bytes <= config_.bytes - address.value;
}

std::optional<Hpa> GuestMemory::host_address(Gpa address) const {
  if (address.value >= config_.bytes) return std::nullopt;
  return pages_[address.value >> page_shift_].host + (address.value & (config_.page_bytes - 1));
}

bool GuestMemory::read(Gpa address, std::span<std::byte> out) const {
  if (!inside(address, out.size())) return false;
  while (!out.empty()) {
    const std::uint64_t offset = address.value & (config_.page_bytes - 1);
    const std::size_t piece = std::min<std::uint64_t>(out.size(), config_.page_bytes - offset);
    if (!memory_->read(pages_[address.value >> page_shift_].host + offset, out.first(piece)))
      return false;
    out = out.subspan(piece);
    address += piece;
  }
  return true;
}

void GuestMemory::log_writes(bool on) {
  log_on_ = on;
  written_.clear();
}

void GuestMemory::note_write(Gpa address, std::uint64_t bytes) {
  if (!log_on_ || bytes == 0) return;
  for (std::uint64_t page = address.value / kSize4K; page <= (address.value + bytes - 1) / kSize4K;
       ++page)
    written_.insert(page);
}

std::vector<Gpa> GuestMemory::take_writes() {
  std::vector<Gpa> pages;
  pages.reserve(written_.size());
  for (const std::uint64_t page : written_) pages.push_back(Gpa{page * kSize4K});
  written_.clear();
  return pages;
}

bool GuestMemory::write(Gpa address, std::span<const std::byte> data) {
  if (!inside(address, data.size())) return false;
  note_write(address, data.size());
  while (!data.empty()) {
    const std::uint64_t offset = address.value & (config_.page_bytes - 1);
    const std::size_t piece = std::min<std::uint64_t>(data.size(), config_.page_bytes - offset);
    if (!memory_->write(pages_[address.value >> page_shift_].host + offset, data.first(piece)))
      return false;
    data = data.subspan(piece);
    address += piece;
  }
  return true;
}

std::optional<std::uint64_t> GuestMemory::read64(Gpa address) const {
  if (!inside(address, 8)) return std::nullopt;
  return memory_->read64(*host_address(address));
}

bool GuestMemory::write64(Gpa address, std::uint64_t value) {
  if (!inside(address, 8)) return false;
  note_write(address, 8);
  return memory_->write64(*host_address(address), value);
}

Gpa GuestMemory::allocate(std::uint64_t bytes, std::uint64_t alignment) {
  if (bytes == 0 || bytes % kSize4K != 0 || alignment < kSize4K) {
    throw HarnessError("guest allocations are whole 4 KiB pages");
  }
  const std::optional<std::uint64_t> base = extents_.allocate(bytes, alignment);
  if (!base) throw HarnessError("guest memory is exhausted");
  note_write(Gpa{*base}, bytes);
  for (std::uint64_t done = 0; done < bytes; done += kSize4K) {
    if (!memory_->zero(*host_address(Gpa{*base + done}), kSize4K)) {
      throw HarnessError("guest page is not writable RAM");
    }
  }
  return Gpa{*base};
}

Hpa GuestMemory::relocate(Gpa page, Hpa host) {
  if (page.value >= config_.bytes || page.value % config_.page_bytes != 0)
    throw HarnessError("no such guest page to relocate");
  Hpa& behind = pages_[page.value >> page_shift_].host;
  return std::exchange(behind, host);
}

void GuestMemory::free(Gpa base) { extents_.release(base.value); }

}  // namespace siov::memory
