// SPDX-License-Identifier: Apache-2.0
// Space: what a PASID table entry points at; how the host IOMMU driver sees an address space it is
// asked to bind.
//
//   vdcm::Space space = vdcm::Space::first_stage(root, 4);
//   Pasid host = co_await vdcm.bind_pasid(vm, Pasid{7}, space);
#pragma once

#include <cstdint>

#include "common/types.hpp"

namespace siov::vdcm {

/// How requests of a PASID are translated. @spec VT-d 9.6 PGTT
enum class TranslationKind : std::uint8_t { kFirstStage, kSecondStage, kNested, kPassThrough };

/// One address space: roots of its tables and their depth. Fields that the kind does not use stay
/// 0.
struct Space {
  TranslationKind kind = TranslationKind::kPassThrough;
  std::uint64_t first_stage_root =
      0;  ///< HPA (kFirstStage) or GPA (kNested) of the first-stage root table
  std::uint8_t first_stage_levels = 4;   ///< 4 or 5
  Hpa second_stage_root;                 ///< HPA of the second-stage root table
  std::uint8_t second_stage_levels = 4;  ///< 3, 4 or 5

  static Space first_stage(Hpa root, std::uint8_t levels) {
    return Space{TranslationKind::kFirstStage, root.value, levels, Hpa{}, 4};
  }
  static Space second_stage(Hpa root, std::uint8_t levels) {
    return Space{TranslationKind::kSecondStage, 0, 4, root, levels};
  }
  static Space nested(Gpa first_root, std::uint8_t first_levels, Hpa second_root,
                      std::uint8_t second_levels) {
    return Space{TranslationKind::kNested, first_root.value, first_levels, second_root,
                 second_levels};
  }
  static Space pass_through() { return Space{}; }
};

/// Number of a virtual machine (or host process that owns VDEVs), given by Platform.
using VmId = std::uint16_t;

}  // namespace siov::vdcm
