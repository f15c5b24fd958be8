// SPDX-License-Identifier: Apache-2.0
// IommuDriver: host software that owns the IOMMU's tables: root, context, PASID entries, interrupt
// remapping entries.
//
//   vdcm::IommuDriver driver(iommu, memory, frames, RequesterId{0x0100});
//   driver.start();
//   driver.bind(Pasid{5}, space);
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "common/types.hpp"
#include "vdcm/platform.hpp"
#include "vdcm/space.hpp"

namespace siov::iommu {
class Iommu;
}
namespace siov::memory {
class PhysicalMemory;
class PageAllocator;
}  // namespace siov::memory

namespace siov::vdcm {

class IommuDriver {
 public:
  /// @param function requester id of the device that all VDEVs live on
  IommuDriver(iommu::Iommu& iommu, memory::PhysicalMemory& memory, memory::PageAllocator& frames,
              RequesterId function);
  ~IommuDriver();
  IommuDriver(const IommuDriver&) = delete;
  IommuDriver& operator=(const IommuDriver&) = delete;

  /// Builds root, context and interrupt tables, turns translation and interrupt remapping on.
  void start();

  /// Writes the PASID table entry. Supervisor requests are allowed, because the default PASID of a
  /// VDEV runs privileged (SIOV-H-19). Spaces with one second stage share a domain id. @throws
  /// HarnessError if the PASID is bound already.
  /// @spec VT-d 9.6
  void bind(Pasid pasid, const Space& space);
  /// Clears the entry and invalidates PASID cache and IOTLB in the order of VT-d 6.5.3.3.
  void unbind(Pasid pasid);
  /// Drops cached translations of one PASID after its tables changed.
  void invalidate(Pasid pasid);

  /// Reserves an IRTE that accepts only this function's requester id. @return the message that
  /// selects it
  /// @spec VT-d 9.9 (remapped format), 5.1.5.2 (remappable message)
  [[nodiscard]] InterruptMessage allocate_interrupt(std::uint32_t destination, std::uint8_t vector);
  void free_interrupt(const InterruptMessage& message);

  [[nodiscard]] RequesterId function() const { return function_; }
  [[nodiscard]] std::size_t bound_pasids() const { return bindings_.size(); }

 private:
  struct Tables;
  std::uint16_t domain_of(const Space& space);

  iommu::Iommu& iommu_;
  RequesterId function_;
  std::unique_ptr<Tables> tables_;
  std::map<Pasid, std::uint16_t> bindings_;         ///< PASID -> domain id
  std::map<std::uint64_t, std::uint16_t> domains_;  ///< second-stage root -> domain id
  std::uint16_t next_domain_ = 2;
  std::vector<std::uint16_t> free_irtes_;
  std::uint16_t next_irte_ = 0;
};

}  // namespace siov::vdcm
