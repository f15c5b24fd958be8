// SPDX-License-Identifier: Apache-2.0
// IommuDriver::Tables: what the driver keeps in memory for the unit to walk.
#pragma once

#include "iommu/interrupt_table_builder.hpp"
#include "iommu/table_builder.hpp"
#include "vdcm/iommu_driver.hpp"

namespace siov::vdcm {

struct IommuDriver::Tables {
  static constexpr unsigned kIrteSizeCode = 13;  ///< 16384 entries
  Tables(memory::PhysicalMemory& memory, memory::PageAllocator& frames)
      : remapping(memory, frames), interrupts(memory, frames, kIrteSizeCode) {}
  iommu::tables::RemappingTables remapping;
  iommu::tables::InterruptTable interrupts;
};

}  // namespace siov::vdcm
