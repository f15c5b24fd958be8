// SPDX-License-Identifier: Apache-2.0
// Direct-mapped entry caches.
#include "iommu/entry_caches.hpp"

namespace siov::iommu {

namespace {
constexpr std::size_t kPasidLines = 8192;
}

const ContextEntry* ContextCache::find(RequesterId requester) const {
  const Line& line = lines_[requester.value % lines_.size()];
  return line.valid && line.requester == requester ? &line.entry : nullptr;
}

void ContextCache::insert(RequesterId requester, const ContextEntry& entry) {
  lines_[requester.value % lines_.size()] = Line{true, requester, entry};
}

const CachedRefusal* ContextCache::find_refusal(RequesterId requester) const {
  const Refused& line = refused_[requester.value % refused_.size()];
  return line.valid && line.requester == requester ? &line.refusal : nullptr;
}

void ContextCache::insert_refusal(RequesterId requester, const CachedRefusal& refusal) {
  refused_[requester.value % refused_.size()] = Refused{true, requester, refusal};
}

void ContextCache::clear() {
  for (Line& line : lines_) line.valid = false;
  for (Refused& line : refused_) line.valid = false;
}

void ContextCache::drop(RequesterId requester, unsigned function_mask) {
  // FM 0..3 ignores no bit, bit 2, bits 2:1, bits 2:0 of the function number.
  static constexpr std::uint16_t kIgnored[4] = {0, 4, 6, 7};
  const std::uint16_t ignored = kIgnored[function_mask & 3];
  for (Line& line : lines_) {
    if (((line.requester.value ^ requester.value) & ~ignored) == 0) line.valid = false;
  }
  for (Refused& line : refused_) {
    if (((line.requester.value ^ requester.value) & ~ignored) == 0) line.valid = false;
  }
}

PasidCache::PasidCache() : lines_(kPasidLines) {}

std::size_t PasidCache::slot(RequesterId requester, Pasid pasid) {
  return (pasid.value ^ (std::size_t{requester.value} * 0x9E5)) % kPasidLines;
}

const PasidEntry* PasidCache::find(RequesterId requester, Pasid pasid) const {
  const Line& line = lines_[slot(requester, pasid)];
  return line.valid && line.requester == requester && line.pasid == pasid ? &line.entry : nullptr;
}

void PasidCache::insert(RequesterId requester, Pasid pasid, const PasidEntry& entry) {
  lines_[slot(requester, pasid)] = Line{true, requester, pasid, entry};
}

const CachedRefusal* PasidCache::find_refusal(RequesterId requester, Pasid pasid) const {
  const Refused& line = refused_[slot(requester, pasid) % refused_.size()];
  const bool hit = line.valid && line.requester == requester && line.pasid == pasid;
  return hit ? &line.refusal : nullptr;
}

void PasidCache::insert_refusal(RequesterId requester, Pasid pasid, const CachedRefusal& refusal) {
  refused_[slot(requester, pasid) % refused_.size()] = Refused{true, requester, pasid, refusal};
}

void PasidCache::clear() {
  for (Line& line : lines_) line.valid = false;
  for (Refused& line : refused_) line.valid = false;
}

void PasidCache::drop_domain(std::uint16_t domain) {
  for (Line& line : lines_) {
    if (line.entry.domain == domain) line.valid = false;
  }
  for (Refused& line : refused_) {
    if (domain == 0) line.valid = false;
  }
}

void PasidCache::drop_pasid(std::uint16_t domain, Pasid pasid) {
  for (Line& line : lines_) {
    if (line.entry.domain == domain && line.pasid == pasid) line.valid = false;
  }
  for (Refused& line : refused_) {
    if (line.pasid == pasid) line.valid = false;
  }
}

}  // namespace siov::iommu
