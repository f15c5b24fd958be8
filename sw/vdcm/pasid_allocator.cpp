// SPDX-License-Identifier: Apache-2.0
// Host PASID numbers and how many hold each one.
#include "vdcm/pasid_allocator.hpp"

#include "common/error.hpp"

namespace siov::vdcm {

PasidAllocator::PasidAllocator(Pasid first, Pasid last) : next_(first.value), last_(last.value) {
  if (first.value == 0 || last.value > kMaxPasid || first > last)
    throw HarnessError("bad PASID range");
}

Pasid PasidAllocator::allocate() {
  Pasid pasid;
  if (next_ <= last_) {
    pasid = Pasid{next_++};
  } else if (!freed_.empty()) {
    pasid = freed_.front();
    freed_.pop_front();
  } else {
    throw HarnessError("out of host PASIDs");
  }
  references_[pasid] = 1;
  return pasid;
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
