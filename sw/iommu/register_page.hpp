// SPDX-License-Identifier: Apache-2.0
// RegisterPage: the memory-mapped registers of a remapping unit, all that software has of it.
//
//   page.mmio_write(0x18, 4, gcmd);
//   while ((page.mmio_read(0x1C, 4) & 0x8000'0000) == 0) {}
#pragma once

#include <cstdint>

namespace siov::iommu {

class RegisterPage {
 public:
  virtual ~RegisterPage() = default;
  /// @param size 4 or 8 [bytes], offset aligned to it; other accesses read all ones. Offsets
  /// without a register read 0. @spec VT-d 11 (register descriptions), vtd.md 1
  [[nodiscard]] virtual std::uint64_t mmio_read(std::uint32_t offset, unsigned size) = 0;
  /// @param size 4 or 8 [bytes], offset aligned to it; other accesses change nothing. A 64-bit
  /// register may be written in halves.
  virtual void mmio_write(std::uint32_t offset, unsigned size, std::uint64_t value) = 0;
};

}  // namespace siov::iommu
