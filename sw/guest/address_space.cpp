// SPDX-License-Identifier: Apache-2.0
// Buffers, their page tables, and CPU access through cached page pointers.
#include "guest/address_space.hpp"

#include <algorithm>
#include <cstring>

#include "common/error.hpp"

namespace siov::guest {

using vdcm::TranslationKind;

AddressSpace::AddressSpace(Machine& machine, AddressSpaceConfig config)
    : machine_(machine),
      config_(config),
      next_(config.base),
      leaf_bytes_(config.kind == TranslationKind::kSecondStage ? machine.page_bytes()
                                                               : config.page_bytes) {
  if (config.demand && config.kind == TranslationKind::kPassThrough)
    throw HarnessError("pass-through has no tables that a page could be absent from");
  if (config.page_bytes != memory::kSize4K && config.page_bytes != memory::kSize2M)
    throw HarnessError("page size must be 4 KiB or 2 MiB");
  if (config.base.value % memory::kSize2M != 0)
    throw HarnessError("base of an address space must be 2 MiB aligned");
  switch (config.kind) {
    case TranslationKind::kFirstStage:
      host_table_ = std::make_unique<iommu::tables::FirstStageTable<Hpa>>(machine.host_tables(),
                                                                          config.levels);
      descriptor_ = vdcm::Space::first_stage(host_table_->root(), config.levels);
      break;
    case TranslationKind::kSecondStage:
      descriptor_ =
          vdcm::Space::second_stage(machine.second_stage_root(), machine.second_stage_levels());
      break;
    case TranslationKind::kNested:
      guest_table_ = std::make_unique<iommu::tables::FirstStageTable<Gpa>>(machine.guest_tables(),
                                                                           config.levels);
      descriptor_ = vdcm::Space::nested(guest_table_->root(), config.levels,
                                        machine.second_stage_root(), machine.second_stage_levels());
      break;
    case TranslationKind::kPassThrough:
      descriptor_ = vdcm::Space::pass_through();
      break;
  }
}

AddressSpace::~AddressSpace() = default;

vdcm::Space AddressSpace::descriptor() const { return descriptor_; }

Iova AddressSpace::allocate(std::uint64_t bytes, std::uint32_t page_offset) {
  return add_buffer(bytes, page_offset, false);
}

Iova AddressSpace::allocate_pinned(std::uint64_t bytes) { return add_buffer(bytes, 0, true); }

Iova AddressSpace::add_buffer(std::uint64_t bytes, std::uint32_t page_offset, bool pinned) {
  if (bytes == 0 || page_offset >= kPageSize)
    throw HarnessError("buffer needs bytes and an offset below 4096");
  const std::uint64_t pages = (page_offset + bytes + kPageSize - 1) / kPageSize;
  Region region;
  const Iova first = map_pages(pages, region, pinned);
  region.first_page = first.value / kPageSize;
  allocated_bytes_ += region.host.size() * kPageSize;
  const auto after =
      std::upper_bound(regions_.begin(), regions_.end(), region.first_page,
                       [](std::uint64_t page, const Region& r) { return page < r.first_page; });
  regions_.insert(after, std::move(region));
  return first + page_offset;
}

Iova AddressSpace::map_pages(std::uint64_t pages, Region& region, bool pinned) {
  switch (config_.kind) {
    case TranslationKind::kSecondStage:
      return map_guest_physical(pages, region, pinned);
    case TranslationKind::kPassThrough: {
      const Hpa first = machine_.take_contiguous(pages * kPageSize);
      add_host_pages(first, pages, region);
      return Iova{first.value};
    }
    default:
      return map_virtual(pages, region, pinned);
  }
}

Iova AddressSpace::map_guest_physical(std::uint64_t pages, Region& region, bool pinned) {
  const Gpa first = take_guest_pages(pages * kPageSize, pinned);
  add_guest_pages(first, pages, region);
  return Iova{first.value};
}

Iova AddressSpace::map_virtual(std::uint64_t pages, Region& region, bool pinned) {
  const Iova first = next_;
  const std::uint64_t leaf_pages = config_.page_bytes / kPageSize;
  const auto size = config_.page_bytes == memory::kSize4K ? iommu::tables::PageSize::k4K
                                                          : iommu::tables::PageSize::k2M;
  for (std::uint64_t done = 0; done < pages; done += leaf_pages) {
    if (host_table_) {
      const Hpa frame = machine_.take_frame(config_.page_bytes);
      host_table_->map(next_, frame, size);
      add_host_pages(frame, leaf_pages, region);
      if (config_.demand && !pinned) add_leaf(next_, frame.value);
    } else {
      const Gpa frame = machine_.guest_memory().allocate(config_.page_bytes, config_.page_bytes);
      guest_table_->map(next_, frame, size);
      add_guest_pages(frame, leaf_pages, region);
      if (config_.demand && !pinned) add_leaf(next_, frame.value);
    }
    next_ += config_.page_bytes;
  }
  next_ += config_.page_bytes;  // an unmapped page between buffers: running over the end faults
  return first;
}

void AddressSpace::add_host_pages(Hpa first, std::uint64_t pages, Region& region) {
  for (std::uint64_t i = 0; i < pages; ++i) {
    const Hpa page = first + i * kPageSize;
    region.host.push_back(page);
    region.bytes.push_back(machine_.memory().page(page));
  }
}

void AddressSpace::add_guest_pages(Gpa first, std::uint64_t pages, Region& region) {
  for (std::uint64_t i = 0; i < pages; ++i) {
    const std::optional<Hpa> page = machine_.guest_memory().host_address(first + i * kPageSize);
    if (!page) throw HarnessError("guest-physical page without host page");
    add_host_pages(*page, 1, region);
  }
}

const AddressSpace::Region& AddressSpace::region_of(Iova address) const {
  const Region* const region = find_region(address);
  if (region == nullptr) throw HarnessError("address outside the address space's buffers");
  return *region;
}

const AddressSpace::Region* AddressSpace::find_region(Iova address) const {
  const std::uint64_t page = address.value / kPageSize;
  const auto holds = [page](const Region& r) {
    return page >= r.first_page && page - r.first_page < r.host.size();
  };
  if (last_region_ < regions_.size() && holds(regions_[last_region_]))
    return &regions_[last_region_];
  const auto after =
      std::upper_bound(regions_.begin(), regions_.end(), page,
                       [](std::uint64_t p, const Region& r) { return p < r.first_page; });
  if (after == regions_.begin() || !holds(*std::prev(after))) return nullptr;
  last_region_ = static_cast<std::size_t>(std::prev(after) - regions_.begin());
  return &regions_[last_region_];
}

std::span<std::byte> AddressSpace::page_tail(Iova address) const {
  const Region& region = region_of(address);
  std::byte* const page = region.bytes[address.value / kPageSize - region.first_page];
  return {page + address.page_offset(), kPageSize - address.page_offset()};
}

Hpa AddressSpace::host_address(Iova address) const {
  const Region& region = region_of(address);
  return region.host[address.value / kPageSize - region.first_page] + address.page_offset();
}

void AddressSpace::read(Iova address, std::span<std::byte> out) const {
  while (!out.empty()) {
    const std::span<std::byte> tail = page_tail(address);
    const std::size_t n = std::min(tail.size(), out.size());
    std::memcpy(out.data(), tail.data(), n);
    out = out.subspan(n);
    address += n;
  }
}

void AddressSpace::wrote(Iova address, std::uint64_t bytes) const {
  if (!machine_.logs_writes()) return;
  const Iova end = address + bytes;
  for (Iova page{address.value / kPageSize * kPageSize}; page < end; page += kPageSize)
    machine_.wrote(host_address(page));
}

void AddressSpace::write(Iova address, std::span<const std::byte> data) {
  if (!data.empty()) wrote(address, data.size());
  while (!data.empty()) {
    const std::span<std::byte> tail = page_tail(address);
    const std::size_t n = std::min(tail.size(), data.size());
    std::memcpy(tail.data(), data.data(), n);
    data = data.subspan(n);
    address += n;
  }
}

void AddressSpace::fill(Iova address, std::uint64_t bytes, std::byte value) {
  if (bytes != 0) wrote(address, bytes);
  while (bytes != 0) {
    const std::span<std::byte> tail = page_tail(address);
    const std::size_t n = std::min<std::uint64_t>(tail.size(), bytes);
    std::memset(tail.data(), std::to_integer<int>(value), n);
    bytes -= n;
    address += n;
  }
}

bool AddressSpace::equal(Iova address, std::span<const std::byte> data) const {
  while (!data.empty()) {
    const std::span<std::byte> tail = page_tail(address);
    const std::size_t n = std::min(tail.size(), data.size());
    if (std::memcmp(tail.data(), data.data(), n) != 0) return false;
    data = data.subspan(n);
    address += n;
  }
  return true;
}

}  // namespace siov::guest
