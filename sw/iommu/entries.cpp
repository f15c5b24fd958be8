// SPDX-License-Identifier: Apache-2.0
// Entry decoders. Bit numbers are those of the whole entry; words[n] holds bits 64n+63..64n.
#include "iommu/entries.hpp"

#include <algorithm>

namespace siov::iommu {

namespace {

constexpr std::uint64_t kAddressMask = ~std::uint64_t{0xFFF};

/// Bits high..low of one quadword, in place.
constexpr std::uint64_t mask(unsigned high, unsigned low) {
  return (~std::uint64_t{0} >> (63 - high)) & (~std::uint64_t{0} << low);
}
/// Address bits at and above the host address width.
std::uint64_t beyond_host(const IommuConfig& config) { return mask(63, config.haw); }

/// 0 for a field value that names no supported width. @spec VT-d 9.6 AW
unsigned second_stage_levels(unsigned aw, const IommuConfig& config) {
  if (aw == 1 && config.second_stage_3_level) return 3;
  if (aw == 2 && config.second_stage_4_level) return 4;
  if (aw == 3 && config.second_stage_5_level) return 5;
  return 0;
}

/// Bits that must be 0 whatever the type of the entry. @spec VT-d 9.6
bool reserved_set(const std::array<std::uint64_t, 8>& words, const IommuConfig& config) {
  std::uint64_t low = mask(5, 5);
  if (!config.second_stage_dirty) low |= mask(9, 9);
  std::uint64_t second = mask(86 - 64, 80 - 64);
  if (config.domain_bits < 16) second |= mask(15, config.domain_bits);
  if (!config.coherent_walk) second |= mask(87 - 64, 87 - 64);
  if (!config.snoop_control) second |= mask(88 - 64, 88 - 64);
  std::uint64_t third = mask(129 - 128, 129 - 128) | mask(139 - 128, 136 - 128);
  if (!config.supervisor) third |= mask(0, 0);
  if (!config.extended_accessed) third |= mask(135 - 128, 135 - 128);
  if ((words[0] & low) != 0 || (words[1] & second) != 0 || (words[2] & third) != 0) return true;
  return std::any_of(words.begin() + 3, words.end(), [](std::uint64_t word) { return word != 0; });
}

bool type_supported(unsigned type, const IommuConfig& config) {
  switch (type) {
    case 1:
      return config.first_stage;
    case 2:
      return config.second_stage;
    case 3:
      return config.nested;
    case 4:
      return config.pass_through;
    default:
      return false;
  }
}

}  // namespace

Result<Hpa, FaultReason> decode_root(std::uint64_t half, const IommuConfig& config) {
  if ((half & 1) == 0) return Failure{FaultReason::kRootNotPresent};
  if ((half & (mask(11, 1) | beyond_host(config))) != 0) return Failure{FaultReason::kRootReserved};
  return Hpa{half & kAddressMask};
}

Result<ContextEntry, FaultReason> decode_context(const std::array<std::uint64_t, 4>& words,
                                                 const IommuConfig& config, bool& fpd) {
  const std::uint64_t low = words[0];
  fpd = fpd || (low & 2) != 0;
  if ((low & 1) == 0) return Failure{FaultReason::kContextNotPresent};

  std::uint64_t reserved =
      mask(8, 5) | beyond_host(config);  // HPTE, EPTR and 8:7: not in this unit
  if (!config.device_tlb) reserved |= mask(2, 2);
  if (!config.pasid) reserved |= mask(3, 3);
  if (!config.page_requests) reserved |= mask(4, 4);
  std::uint64_t reserved_second = mask(63, 85 - 64);
  if (!config.rid_pasid) reserved_second |= mask(83 - 64, 0);
  if (!config.rid_privilege) reserved_second |= mask(84 - 64, 84 - 64);
  if ((low & reserved) != 0 || (words[1] & reserved_second) != 0 || words[2] != 0 ||
      words[3] != 0) {
    return Failure{FaultReason::kContextReserved};
  }

  ContextEntry entry;
  entry.fault_disable = (low & 2) != 0;
  entry.device_tlb = (low >> 2 & 1) != 0;
  entry.pasid_enable = (low >> 3 & 1) != 0;
  entry.page_requests = (low >> 4 & 1) != 0;
  entry.pasid_limit = std::uint32_t{1} << ((low >> 9 & 7) + 13);
  entry.directory = Hpa{low & kAddressMask};
  entry.rid_pasid = Pasid{static_cast<std::uint32_t>(words[1] & kMaxPasid)};
  entry.rid_privilege = (words[1] >> (84 - 64) & 1) != 0;
  if ((entry.page_requests && !entry.device_tlb) || entry.rid_pasid.value >= entry.pasid_limit) {
    return Failure{FaultReason::kContextIllegal};
  }
  return entry;
}

Result<Hpa, FaultReason> decode_directory(std::uint64_t word, const IommuConfig& config,
                                          bool& fpd) {
  fpd = fpd || (word & 2) != 0;
  if ((word & 1) == 0) return Failure{FaultReason::kDirectoryNotPresent};
  if ((word & (mask(11, 2) | beyond_host(config))) != 0)
    return Failure{FaultReason::kDirectoryReserved};
  return Hpa{word & kAddressMask};
}

Result<PasidEntry, FaultReason> decode_pasid_entry(const std::array<std::uint64_t, 8>& words,
                                                   const IommuConfig& config, bool& fpd) {
  fpd = fpd || (words[0] & 2) != 0;
  if ((words[0] & 1) == 0) return Failure{FaultReason::kPasidEntryNotPresent};
  if (reserved_set(words, config)) return Failure{FaultReason::kPasidEntryReserved};

  const auto type = static_cast<unsigned>(words[0] >> 6 & 7);
  if (!type_supported(type, config)) return Failure{FaultReason::kPasidEntryInvalid};
  PasidEntry entry;
  entry.type = static_cast<PageTableType>(type);
  entry.domain = static_cast<std::uint16_t>(words[1] & 0xFFFF);
  entry.second_stage_dirty = (words[0] >> 9 & 1) != 0;
  entry.walk_snoop = config.always_snoops || (words[1] >> (87 - 64) & 1) != 0;
  entry.page_snoop = (words[1] >> (88 - 64) & 1) != 0;
  entry.supervisor = (words[2] & 1) != 0;
  entry.write_protect = (words[2] >> (132 - 128) & 1) != 0;
  entry.extended_accessed = (words[2] >> (135 - 128) & 1) != 0;
  entry.fault_disable = (words[0] & 2) != 0;

  if (entry.uses_second_stage()) {
    if ((words[0] & beyond_host(config)) != 0) return Failure{FaultReason::kPasidEntryReserved};
    entry.second_stage_root = Hpa{words[0] & kAddressMask};
    entry.second_stage_levels = static_cast<std::uint8_t>(
        second_stage_levels(static_cast<unsigned>(words[0] >> 2 & 7), config));
    if (entry.second_stage_levels == 0) return Failure{FaultReason::kPasidEntryInvalid};
  }
  if (entry.uses_first_stage()) {
    const auto mode = static_cast<unsigned>(words[2] >> (130 - 128) & 3);
    if (mode > 1 || (mode == 1 && !config.first_stage_5_level))
      return Failure{FaultReason::kPasidEntryInvalid};
    entry.first_stage_levels = mode == 1 ? 5 : 4;
    entry.first_stage_root = words[2] & kAddressMask;
    if (entry.type == PageTableType::kNested) {
      if (entry.first_stage_root >> config.mgaw != 0)
        return Failure{FaultReason::kPasidEntryInvalid};
    } else if ((entry.first_stage_root & beyond_host(config)) != 0) {
      return Failure{FaultReason::kPasidEntryReserved};
    }
  }
  return entry;
}

}  // namespace siov::iommu
