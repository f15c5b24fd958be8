// SPDX-License-Identifier: Apache-2.0
// LogicalView: what checkers see of an address space: the tables where a page is present, and the
// contents that a demand-paged space keeps of pages that are absent at the moment.
//
//   system::LogicalView view(iommu);
//   view.add(Pasid{5}, space);
#pragma once

#include <algorithm>
#include <map>

#include "port/address_space_view.hpp"
#include "vdcm/demand_space.hpp"

namespace siov::system {

class LogicalView final : public port::AddressSpaceView {
 public:
  /// @param tables  outlives this
  explicit LogicalView(const port::AddressSpaceView& tables) : tables_(tables) {}

  /// Pages of this PASID may be absent. @param space  stays until remove()
  void add(Pasid pasid, const vdcm::DemandSpace& space) { spaces_[pasid] = &space; }
  void remove(Pasid pasid) { spaces_.erase(pasid); }

  [[nodiscard]] bool peek(Pasid pasid, Iova address, std::span<std::byte> out) const override {
    const auto found = spaces_.find(pasid);
    if (found == spaces_.end()) return tables_.peek(pasid, address, out);
    while (!out.empty()) {
      const std::uint64_t n =
          std::min<std::uint64_t>(out.size(), kPageSize - address.page_offset());
      if (!tables_.peek(pasid, address, out.first(n)) &&
          !found->second->contents(address, out.first(n)))
        return false;
      out = out.subspan(n);
      address += n;
    }
    return true;
  }
  [[nodiscard]] bool writable(Pasid pasid, Iova address, std::uint64_t bytes) const override {
    if (tables_.writable(pasid, address, bytes)) return true;
    const auto found = spaces_.find(pasid);
    return found != spaces_.end() && found->second->holds(address, bytes);
  }

 private:
  const port::AddressSpaceView& tables_;
  std::map<Pasid, const vdcm::DemandSpace*> spaces_;
};

}  // namespace siov::system
