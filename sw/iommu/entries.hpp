// SPDX-License-Identifier: Apache-2.0
// Decoders of root, context, PASID directory and PASID table entries, with every check of reserved
// bits and legality.
//
//   const auto context = decode_context(quadwords, config, fpd);
//   if (!context) return Failure{context.error()};
#pragma once

#include <array>
#include <cstdint>

#include "common/result.hpp"
#include "common/types.hpp"
#include "iommu/config.hpp"
#include "iommu/fault_reason.hpp"

namespace siov::iommu {

/// PGTT of a PASID table entry.
enum class PageTableType : std::uint8_t {
  kFirstStage = 1,
  kSecondStage = 2,
  kNested = 3,
  kPassThrough = 4
};

/// A legal, present scalable-mode context entry.
struct ContextEntry {
  Hpa directory;                  ///< PASIDDIRPTR
  std::uint32_t pasid_limit = 0;  ///< first PASID beyond the directory: 2^(PDTS+13)
  Pasid rid_pasid;                ///< PASID of requests without PASID
  bool rid_privilege = false;
  bool fault_disable = false;
  bool device_tlb = false;     ///< DTE
  bool pasid_enable = false;   ///< PASIDE
  bool page_requests = false;  ///< PRE
};

/// A legal, present PASID table entry.
struct PasidEntry {
  PageTableType type = PageTableType::kPassThrough;
  std::uint16_t domain = 0;
  std::uint64_t first_stage_root = 0;  ///< HPA, or GPA when nested
  std::uint8_t first_stage_levels = 4;
  Hpa second_stage_root;
  std::uint8_t second_stage_levels = 4;
  bool supervisor = false;          ///< SRE
  bool write_protect = false;       ///< WPE
  bool extended_accessed = false;   ///< EAFE
  bool second_stage_dirty = false;  ///< SSADE
  bool walk_snoop = false;          ///< PWSNP
  bool page_snoop = false;          ///< PGSNP
  bool fault_disable = false;       ///< FPD of this entry or of its directory entry

  [[nodiscard]] bool uses_second_stage() const {
    return type == PageTableType::kSecondStage || type == PageTableType::kNested;
  }
  [[nodiscard]] bool uses_first_stage() const {
    return type == PageTableType::kFirstStage || type == PageTableType::kNested;
  }
};

// Each decoder ORs the entry's FPD into fpd before it fails. @spec VT-d 9.1 (FPD is honoured with
// P=0)

/// @param half one half of a root entry  @return context table. @spec VT-d 9.2
[[nodiscard]] Result<Hpa, FaultReason> decode_root(std::uint64_t half, const IommuConfig& config);
/// @spec VT-d 9.4
[[nodiscard]] Result<ContextEntry, FaultReason> decode_context(
    const std::array<std::uint64_t, 4>& words, const IommuConfig& config, bool& fpd);
/// @return PASID table. @spec VT-d 9.5
[[nodiscard]] Result<Hpa, FaultReason> decode_directory(std::uint64_t word,
                                                        const IommuConfig& config, bool& fpd);
/// @spec VT-d 9.6
[[nodiscard]] Result<PasidEntry, FaultReason> decode_pasid_entry(
    const std::array<std::uint64_t, 8>& words, const IommuConfig& config, bool& fpd);

}  // namespace siov::iommu
