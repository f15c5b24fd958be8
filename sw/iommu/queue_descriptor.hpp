// SPDX-License-Identifier: Apache-2.0
// QueueDescriptor: one invalidation queue descriptor, checked and taken apart.
//
//   const auto descriptor = decode_descriptor(words, 32, mode, config);
//   if (!descriptor) stop_with(descriptor.error());
#pragma once

#include <array>
#include <cstdint>

#include "common/result.hpp"
#include "common/types.hpp"
#include "iommu/config.hpp"

namespace siov::iommu {

/// IQERCD.IQEI. @spec VT-d IQERCD_REG
enum class QueueError : std::uint8_t {
  kNone = 0,
  kTail = 1,       ///< tail beyond the queue
  kFetch = 2,      ///< the descriptor cannot be read
  kType = 3,       ///< type unknown, or of a capability that is off
  kReserved = 4,   ///< reserved field set, or an undefined value
  kWidth = 5,      ///< 128-bit descriptors where 256-bit ones are required
  kAlignment = 6,  ///< tail not aligned to the width
  kTableMode = 7   ///< TTM accepts no descriptor
};

/// @spec VT-d 6.5.2
enum class DescriptorType : std::uint8_t {
  kContextCache = 1,
  kIotlb = 2,
  kDeviceTlb = 3,
  kInterruptEntry = 4,
  kWait = 5,
  kPasidIotlb = 6,
  kPasidCache = 7,
  kPasidDeviceTlb = 8,
  kPageGroupResponse = 9
};

/// Fields that the type does not have stay 0.
struct QueueDescriptor {
  DescriptorType type = DescriptorType::kWait;
  std::uint8_t granularity = 0;  ///< G as it stands in the descriptor
  std::uint16_t domain = 0;
  RequesterId source;
  Pasid pasid;
  bool has_pasid = false;               ///< PP of a page group response
  std::uint8_t function_mask = 0;       ///< FM
  std::uint64_t address = 0;            ///< ADDR in place, STADDR of a wait
  std::uint8_t mask = 0;                ///< AM, or IM
  bool leaf_only = false;               ///< IH
  bool size = false;                    ///< S of a device-TLB descriptor
  bool global = false;                  ///< GI
  std::uint16_t physical_function = 0;  ///< PFSID
  std::uint8_t pending_limit = 0;       ///< MIP, 0 means 32
  std::uint16_t index = 0;              ///< IIDX, or PRGI
  std::uint8_t response = 0;            ///< RC
  bool interrupt = false;               ///< IF
  bool write_status = false;            ///< SW
  bool fence = false;                   ///< FN
  bool drain_pages = false;             ///< PD
  std::uint32_t status = 0;             ///< STDATA
};

/// @param words  the descriptor; words[2..3] are 0 for 128-bit descriptors
/// @param bytes  16 or 32 (IQA.DW)
[[nodiscard]] Result<QueueDescriptor, QueueError> decode_descriptor(
    const std::array<std::uint64_t, 4>& words, unsigned bytes, TranslationTableMode mode,
    const IommuConfig& config);

}  // namespace siov::iommu
