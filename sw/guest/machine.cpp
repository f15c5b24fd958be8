// SPDX-License-Identifier: Apache-2.0
// Host pages in shuffled order, guest memory and its second stage on demand.
#include "guest/machine.hpp"

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <cstring>
#include <utility>

#include "common/error.hpp"

namespace siov::guest {

namespace {

constexpr std::size_t kPoolPages = 64;
constexpr unsigned char kPoison = 0xDB;

iommu::tables::PageSize leaf_of(std::uint64_t bytes) {
  if (bytes == memory::kSize4K) return iommu::tables::PageSize::k4K;
  if (bytes == memory::kSize2M) return iommu::tables::PageSize::k2M;
  throw HarnessError("page size must be 4 KiB or 2 MiB");
}

}  // namespace

Machine::Machine(memory::PhysicalMemory& memory, memory::PageAllocator& frames,
                 MachineConfig config)
    : home_(std::make_shared<HostPlace>(memory, frames)),
      place_(home_),
      config_(config),
      engine_(config.seed) {}

Machine::~Machine() = default;

HostPlace::~HostPlace() {
  for (const Hpa page : owned) frames.free(page);
  for (const Hpa page : pool) frames.free(page);
}

memory::GuestMemory& Machine::guest_memory() {
  if (!guest_memory_) {
    memory::GuestMemoryConfig config;
    config.bytes = config_.guest_bytes;
    config.page_bytes = config_.page_bytes;
    config.seed = config_.seed;
    guest_memory_ = std::make_unique<memory::GuestMemory>(memory(), place_->frames, config);
    guest_tables_ = std::make_unique<iommu::tables::GuestTableMemory>(*guest_memory_);
  }
  return *guest_memory_;
}

iommu::tables::GuestTableMemory& Machine::guest_tables() {
  static_cast<void>(guest_memory());
  return *guest_tables_;
}

Hpa Machine::second_stage_root() {
  if (!second_stage_) {
    const iommu::tables::PageSize leaf = leaf_of(config_.page_bytes);
    second_stage_ = std::make_unique<iommu::tables::SecondStageTable>(host_tables(),
                                                                      config_.second_stage_levels);
    for (const memory::GuestPage& page : guest_memory().pages())
      second_stage_->map(page.guest, page.host, leaf);
  }
  return second_stage_->root();
}

iommu::tables::SecondStageTable& Machine::second_stage() {
  static_cast<void>(second_stage_root());
  return *second_stage_;
}

bool Machine::unmap_guest_page(Gpa page) {
  const unsigned level = config_.page_bytes == memory::kSize4K ? 1 : 2;
  const std::optional<Hpa> at = second_stage().entry_address(page, level);
  const std::uint64_t entry = at ? host_tables().read(*at) : 0;
  if (!second_stage().unmap(page)) return false;
  if (unmap_listener_) unmap_listener_(page, config_.page_bytes, entry);
  return true;
}

void Machine::map_guest_page(Gpa page) {
  const std::optional<Hpa> host = guest_memory().host_address(page);
  if (!host) throw HarnessError("no such guest page to map");
  second_stage().map(page, *host, leaf_of(config_.page_bytes));
}

void Machine::relocate_guest_page(Gpa page) {
  if (config_.page_bytes != memory::kSize4K) throw HarnessError("only 4 KiB pages are relocated");
  const Hpa fresh = take_frame(memory::kSize4K);
  const Hpa old = guest_memory().relocate(page, fresh);
  std::memcpy(memory().page(fresh), memory().page(old), memory::kSize4K);
  std::erase(place_->owned, fresh);  // guest memory owns it, and this machine what it was before
  place_->owned.push_back(old);
  retire(old);
  if (logs_writes()) index_guest_pages();
}

void Machine::index_guest_pages() {
  guest_pages_.clear();
  for (const memory::GuestPage& page : guest_memory().pages())
    guest_pages_.emplace(page.host.value / config_.page_bytes, page.guest);
}

void Machine::log_writes(bool on) {
  guest_memory().log_writes(on);
  guest_pages_.clear();
  if (on) index_guest_pages();
}

void Machine::wrote(Hpa page) {
  const auto found = guest_pages_.find(page.value / config_.page_bytes);
  if (found == guest_pages_.end()) return;
  guest_memory_->note_write(found->second + page.value % config_.page_bytes, memory::kSize4K);
}

Machine::Backing Machine::exchange_backing(Backing fresh) {
  const std::vector<memory::GuestPage> pages = guest_memory().pages();
  if (!fresh.place || fresh.frames.size() != pages.size() || !fresh.second_stage)
    throw HarnessError("a new backing has a frame for every guest page, and tables");
  const unsigned level = config_.page_bytes == memory::kSize4K ? 1 : 2;
  Backing old;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const std::optional<Hpa> at = second_stage().entry_address(pages[i].guest, level);
    if (!at || (host_tables().read(*at) & 3) == 0) fresh.second_stage->unmap(pages[i].guest);
    old.frames.push_back(guest_memory().relocate(pages[i].guest, fresh.frames[i]));
  }
  for (Retired& retired : quarantine_) {
    if (!retired.guest) continue;
    retired.host = *guest_memory().host_address(*retired.guest);
    retired.place = fresh.place;
  }
  old.place = std::exchange(place_, std::move(fresh.place));
  guest_memory_->change_host(place_->memory, place_->frames);
  old.second_stage = std::exchange(second_stage_, std::move(fresh.second_stage));
  if (logs_writes()) index_guest_pages();
  return old;
}

void Machine::retire(Gpa page) {
  const std::optional<Hpa> host = guest_memory().host_address(page);
  if (!host) throw HarnessError("no such guest page to retire");
  wrote(*host);  // the pattern, as far as a log of writes is concerned
  put_into_quarantine({*host, page, place_});
}

void Machine::put_into_quarantine(Retired page) {
  std::memset(page.place->memory.page(page.host), kPoison, memory::kSize4K);
  quarantine_.push_back(page);
  if (quarantine_.size() <= kQuarantine) return;
  const Retired out = quarantine_.front();
  quarantine_.pop_front();
  if (!untouched(out)) ++stale_writes_;
  if (out.guest) {
    guest_memory_->free(*out.guest);
    return;
  }
  std::memset(out.place->memory.page(out.host), 0, memory::kSize4K);
  std::erase(out.place->owned, out.host);
  out.place->pool.push_back(out.host);
}

bool Machine::untouched(const Retired& page) {
  const std::byte* const bytes = page.place->memory.page(page.host);
  return std::all_of(bytes, bytes + memory::kSize4K,
                     [](std::byte b) { return b == std::byte{kPoison}; });
}

std::uint64_t Machine::stale_writes() const {
  std::uint64_t count = stale_writes_;
  for (const Retired& page : quarantine_) count += untouched(page) ? 0 : 1;
  return count;
}

Hpa Machine::take_frame(std::uint64_t bytes) {
  if (bytes != memory::kSize4K) {
    const Hpa frame = place_->frames.allocate(bytes);
    place_->owned.push_back(frame);
    return frame;
  }
  while (place_->pool.size() < kPoolPages) place_->pool.push_back(place_->frames.allocate());
  boost::random::uniform_int_distribution<std::size_t> pick(0, place_->pool.size() - 1);
  std::swap(place_->pool[pick(engine_)], place_->pool.back());
  const Hpa frame = place_->pool.back();
  place_->pool.pop_back();
  place_->owned.push_back(frame);
  return frame;
}

Hpa Machine::take_contiguous(std::uint64_t bytes) {
  const Hpa first = place_->frames.allocate_range(bytes);
  place_->owned.push_back(first);
  return first;
}

}  // namespace siov::guest
