// SPDX-License-Identifier: Apache-2.0
// Filling and invalidating the IOTLB; the look-up is in the header.
#include "iommu/iotlb.hpp"

#include <bit>

#include "common/error.hpp"

namespace siov::iommu {

namespace {

/// Whether an entry shares a byte with the 2^(12+address_mask) aligned bytes at address.
bool overlaps(const Iotlb::Entry& entry, std::uint64_t address, unsigned address_mask) {
  const unsigned bits = 12 + address_mask;
  const unsigned shift = bits > entry.shift ? bits : entry.shift;
  return shift >= 64 || (entry.page() >> shift) == (address >> shift);
}

}  // namespace

Iotlb::Iotlb(std::uint32_t entries) : entries_(entries), set_mask_(entries / kWays - 1) {
  if (entries < 16 || !std::has_single_bit(entries)) {
    throw HarnessError("IOTLB entries: a power of two, at least 16");
  }
}

void Iotlb::invalidate(Entry& entry) {
  if (!entry.valid()) return;
  --used_[entry.tag >> 1 & 3];
  entry.tag = 0;
}

void Iotlb::insert(std::uint64_t key, const Translation& translation) {
  const unsigned size = translation.shift == 12 ? 0 : translation.shift == 21 ? 1 : 2;
  const std::uint64_t tag = make_tag(translation.address, size);
  Entry* set = &entries_[set_of(key, translation.address >> kShifts[size]) * kWays];
  // The same page again, else a free way, else the one not used for longest.
  Entry* victim = &set[0];
  for (unsigned way = 0; way < kWays; ++way) {
    Entry& entry = set[way];
    if (entry.tag == tag && entry.key == key) {
      victim = &entry;
      break;
    }
    if (!victim->valid()) continue;
    if (!entry.valid() || clock_ - entry.age > clock_ - victim->age) victim = &entry;
  }
  invalidate(*victim);
  const std::uint64_t offset = (std::uint64_t{1} << kShifts[size]) - 1;
  victim->tag = tag;
  victim->key = key;
  victim->data = (translation.host.value & ~offset) | translation.rights;
  if (translation.snoop) victim->data |= kSnoop;
  victim->domain = translation.domain;
  victim->shift = kShifts[size];
  victim->origin = translation.origin;
  victim->age = ++clock_;
  ++used_[size];
}

void Iotlb::clear() {
  for (Entry& entry : entries_) entry.tag = 0;
  used_ = {};
}

void Iotlb::drop_domain(std::uint16_t domain) {
  for (Entry& entry : entries_) {
    if (entry.domain == domain) invalidate(entry);
  }
}

void Iotlb::drop_domain_page(std::uint16_t domain, std::uint64_t address, unsigned address_mask) {
  for (Entry& entry : entries_) {
    if (!entry.valid() || entry.domain != domain) continue;
    if (entry.origin == Origin::kFirstStageOrNested || overlaps(entry, address, address_mask)) {
      invalidate(entry);
    }
  }
}

void Iotlb::drop_pasid(std::uint16_t domain, Pasid pasid) {
  for (Entry& entry : entries_) {
    if (entry.domain == domain && entry.pasid() == pasid) invalidate(entry);
  }
}

void Iotlb::drop_pasid_page(std::uint16_t domain, Pasid pasid, std::uint64_t address,
                            unsigned address_mask) {
  for (Entry& entry : entries_) {
    if (!entry.valid() || entry.domain != domain || entry.pasid() != pasid) continue;
    if (entry.origin == Origin::kFirstStageOrNested && overlaps(entry, address, address_mask)) {
      invalidate(entry);
    }
  }
}

}  // namespace siov::iommu
