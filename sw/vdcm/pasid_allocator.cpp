// SPDX-License-Identifier: Apache-2.0
// Host PASID numbers and how many hold each one.
#include "vdcm/pasid_allocator.hpp"

#include "common/error.hpp"

namespace siov::vdcm {

namespace {

/// One round's function: any will do, if it mixes.
std::uint32_t round_of(std::uint32_t half, std::uint64_t key) {
  std::uint64_t x = (key + half) * 0x9E37'79B9'7F4A'7C15;
  x = (x ^ x >> 30) * 0xBF58'476D'1CE4'E5B9;
  return static_cast<std::uint32_t>(x >> 40) & 0x3FF;
}

}  // namespace

PasidAllocator::PasidAllocator(Pasid first, Pasid last)
    : first_(first.value), next_(first.value), last_(last.value) {
  if (first.value == 0 || last.value > kMaxPasid || first > last)
    throw HarnessError("bad PASID range");
}

Pasid PasidAllocator::allocate() {
  Pasid pasid;
  if (next_ <= last_) {
    pasid = scatter_ ? scattered(next_) : Pasid{next_};
    ++next_;
  } else if (!freed_.empty()) {
    pasid = freed_.front();
    freed_.pop_front();
  } else {
    throw HarnessError("out of host PASIDs");
  }
  references_[pasid] = 1;
  return pasid;
}

void PasidAllocator::scatter(std::uint64_t seed) {
  if (next_ != first_) throw HarnessError("host PASIDs have been given out already");
  scatter_ = seed;
}

/// A Feistel network of 20 bits is a permutation; numbers outside the range go round again.
Pasid PasidAllocator::scattered(std::uint32_t number) const {
  std::uint32_t value = number;
  do {
    std::uint32_t left = value >> 10, right = value & 0x3FF;
    for (std::uint64_t round = 0; round < 4; ++round) {
      const std::uint32_t next = left ^ round_of(right, *scatter_ + (round << 32));
      left = right;
      right = next;
    }
    value = left << 10 | right;
  } while (value < first_ || value > last_);
  return Pasid{value};
}

void PasidAllocator::hold(Pasid pasid) {
  const auto it = references_.find(pasid);
  if (it == references_.end()) throw HarnessError("hold of a host PASID that is not allocated");
  ++it->second;
}

void PasidAllocator::release(Pasid pasid) {
  const auto it = references_.find(pasid);
  if (it == references_.end()) throw HarnessError("release of a host PASID that is not allocated");
  if (--it->second != 0) return;
  references_.erase(it);
  freed_.push_back(pasid);
}

std::uint32_t PasidAllocator::references(Pasid pasid) const {
  const auto it = references_.find(pasid);
  return it == references_.end() ? 0 : it->second;
}

}  // namespace siov::vdcm
