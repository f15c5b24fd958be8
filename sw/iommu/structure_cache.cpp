// SPDX-License-Identifier: Apache-2.0
// Direct-mapped paging-structure cache.
#include "iommu/structure_cache.hpp"

#include <algorithm>
#include <bit>

#include "common/error.hpp"

namespace siov::iommu {

namespace {

/// Whether the entry's input range shares a byte with 2^(12+mask) aligned bytes at the address.
bool overlaps(const StructureCache::Entry& entry, std::uint64_t address, unsigned mask) {
  const unsigned covered = 12 + 9 * (entry.level - 1u);
  const unsigned shift = std::max(covered, 12 + mask);
  if (shift >= 64) return true;
  return entry.prefix << covered >> shift == address >> shift;
}

}  // namespace

StructureCache::StructureCache(std::uint32_t lines) : lines_(lines) {
  if (lines != 0 && !std::has_single_bit(lines)) {
    throw HarnessError("paging-structure cache lines: a power of two, or 0");
  }
}

std::size_t StructureCache::slot(std::uint16_t domain, Pasid pasid, unsigned level,
                                 std::uint64_t prefix) const {
  std::uint64_t mix = prefix + (std::uint64_t{pasid.value} << 40) + (std::uint64_t{domain} << 24);
  mix = (mix + level) * 0x9E3779B97F4A7C15ull;
  return static_cast<std::size_t>(mix >> 40) & (lines_.size() - 1);
}

const StructureCache::Entry* StructureCache::find(std::uint16_t domain, Pasid pasid, unsigned level,
                                                  std::uint64_t address) const {
  if (lines_.empty()) return nullptr;
  const std::uint64_t prefix = prefix_of(address, level);
  const Entry& entry = lines_[slot(domain, pasid, level, prefix)];
  const bool hit = entry.valid && entry.level == level && entry.prefix == prefix &&
                   entry.domain == domain && entry.pasid == pasid;
  return hit ? &entry : nullptr;
}

void StructureCache::insert(const Entry& entry) {
  if (lines_.empty()) return;
  lines_[slot(entry.domain, entry.pasid, entry.level, entry.prefix)] = entry;
}

void StructureCache::clear() {
  for (Entry& entry : lines_) entry.valid = false;
}

void StructureCache::drop_domain(std::uint16_t domain) {
  for (Entry& entry : lines_) {
    if (entry.domain == domain) entry.valid = false;
  }
}

void StructureCache::drop_pasid(std::uint16_t domain, Pasid pasid) {
  for (Entry& entry : lines_) {
    if (entry.domain == domain && entry.pasid == pasid) entry.valid = false;
  }
}

void StructureCache::drop_domain_page(std::uint16_t domain, std::uint64_t address,
                                      unsigned address_mask) {
  for (Entry& entry : lines_) {
    if (!entry.valid || entry.domain != domain) continue;
    if (overlaps(entry, address, address_mask)) entry.valid = false;
  }
}

void StructureCache::drop_pasid_page(std::uint16_t domain, Pasid pasid, std::uint64_t address,
                                     unsigned address_mask) {
  for (Entry& entry : lines_) {
    if (!entry.valid || entry.domain != domain || entry.pasid != pasid) continue;
    if (overlaps(entry, address, address_mask)) entry.valid = false;
  }
}

}  // namespace siov::iommu
