// SPDX-License-Identifier: Apache-2.0
// Checks and fields of each descriptor type. Bit numbers are those of the whole descriptor.
#include "iommu/queue_descriptor.hpp"

namespace siov::iommu {

namespace {

constexpr unsigned kTypes = 10;

/// Bits high..low of one quadword, in place.
constexpr std::uint64_t bits(unsigned high, unsigned low) {
  return (~std::uint64_t{0} >> (63 - high)) & (~std::uint64_t{0} << low);
}
constexpr std::uint64_t field(std::uint64_t word, unsigned high, unsigned low) {
  return (word & bits(high, low)) >> low;
}

/// Bits of the first and second quadword that must be 0, by type. @spec vtd.md 5.2
struct Reserved {
  std::uint64_t low;
  std::uint64_t high;
};
constexpr std::uint64_t kAddressed = bits(75 - 64, 71 - 64);  ///< between IH and ADDR
constexpr std::uint64_t kAll = ~std::uint64_t{0};
constexpr Reserved kReserved[kTypes] = {
    {0, 0},
    {bits(8, 6) | bits(15, 12) | bits(63, 50), kAll},         // context cache
    {bits(8, 8) | bits(15, 12) | bits(63, 32), kAddressed},   // IOTLB
    {bits(8, 4) | bits(31, 21) | bits(51, 48), bits(11, 1)},  // device TLB
    {bits(8, 5) | bits(26, 12) | bits(63, 48), kAll},         // interrupt entry cache
    {bits(8, 8) | bits(31, 12), bits(1, 0)},                  // wait
    {bits(8, 6) | bits(15, 12) | bits(63, 52), kAddressed},   // PASID-based IOTLB
    {bits(8, 6) | bits(15, 12) | bits(63, 52), kAll},         // PASID cache
    {0, bits(10, 1)},                                         // PASID-based device TLB
    {bits(8, 5) | bits(63, 52), bits(1, 0) | bits(63, 12)},   // page group response
};

bool available(unsigned type, TranslationTableMode mode, const IommuConfig& c) {
  if (type == 0 || type >= kTypes) return false;
  if (mode == TranslationTableMode::kLegacy && type > 5) return false;
  switch (static_cast<DescriptorType>(type)) {
    case DescriptorType::kDeviceTlb:
      return c.device_tlb;
    case DescriptorType::kInterruptEntry:
      return c.interrupt_remapping;
    case DescriptorType::kPasidIotlb:
    case DescriptorType::kPasidCache:
      return c.scalable_mode;
    case DescriptorType::kPasidDeviceTlb:
      return c.device_tlb && c.pasid;
    case DescriptorType::kPageGroupResponse:
      return c.page_requests;
    default:
      return true;
  }
}

/// Values that a field may not have although its bits are defined.
bool illegal(const QueueDescriptor& d, const IommuConfig& c) {
  if (d.domain >> c.domain_bits != 0) return true;
  switch (d.type) {
    case DescriptorType::kContextCache:
      return d.granularity == 0;
    case DescriptorType::kIotlb:
      return d.granularity == 0 ||
             (d.granularity == 3 && (!c.page_selective || d.mask > c.max_address_mask));
    case DescriptorType::kInterruptEntry:
      return d.granularity == 1 && d.mask > c.max_handle_mask;
    case DescriptorType::kPasidIotlb:
      return d.granularity < 2;
    case DescriptorType::kPasidCache:
      return d.granularity == 2;
    case DescriptorType::kWait:
      return d.drain_pages && !c.page_drain;
    default:
      return false;
  }
}

void take_wait(QueueDescriptor& d, std::uint64_t low, std::uint64_t high) {
  d.interrupt = field(low, 4, 4) != 0;
  d.write_status = field(low, 5, 5) != 0;
  d.fence = field(low, 6, 6) != 0;
  d.drain_pages = field(low, 7, 7) != 0;
  d.status = static_cast<std::uint32_t>(field(low, 63, 32));
  d.address = high;
}

void take_device_tlb(QueueDescriptor& d, std::uint64_t low, std::uint64_t high) {
  d.physical_function = static_cast<std::uint16_t>(field(low, 15, 12) | field(low, 63, 52) << 4);
  d.address = high & bits(63, 12);
  if (d.type == DescriptorType::kDeviceTlb) {
    d.pending_limit = static_cast<std::uint8_t>(field(low, 20, 16));
    d.source = RequesterId{static_cast<std::uint16_t>(field(low, 47, 32))};
    d.size = field(high, 0, 0) != 0;
    return;
  }
  d.pending_limit = static_cast<std::uint8_t>(field(low, 8, 4));
  d.source = RequesterId{static_cast<std::uint16_t>(field(low, 31, 16))};
  d.pasid = Pasid{static_cast<std::uint32_t>(field(low, 51, 32))};
  d.has_pasid = true;
  d.global = field(high, 0, 0) != 0;
  d.size = field(high, 11, 11) != 0;
}

QueueDescriptor take(DescriptorType type, std::uint64_t low, std::uint64_t high) {
  QueueDescriptor d;
  d.type = type;
  switch (type) {
    case DescriptorType::kContextCache:
      d.granularity = static_cast<std::uint8_t>(field(low, 5, 4));
      d.domain = static_cast<std::uint16_t>(field(low, 31, 16));
      d.source = RequesterId{static_cast<std::uint16_t>(field(low, 47, 32))};
      d.function_mask = static_cast<std::uint8_t>(field(low, 49, 48));
      break;
    case DescriptorType::kIotlb:
    case DescriptorType::kPasidIotlb:
      d.mask = static_cast<std::uint8_t>(field(high, 69 - 64, 0));
      d.leaf_only = field(high, 70 - 64, 70 - 64) != 0;
      d.address = high & bits(63, 12);
      [[fallthrough]];
    case DescriptorType::kPasidCache:
      d.granularity = static_cast<std::uint8_t>(field(low, 5, 4));
      d.domain = static_cast<std::uint16_t>(field(low, 31, 16));
      if (type != DescriptorType::kIotlb)
        d.pasid = Pasid{static_cast<std::uint32_t>(field(low, 51, 32))};
      break;
    case DescriptorType::kDeviceTlb:
    case DescriptorType::kPasidDeviceTlb:
      take_device_tlb(d, low, high);
      break;
    case DescriptorType::kInterruptEntry:
      d.granularity = static_cast<std::uint8_t>(field(low, 4, 4));
      d.mask = static_cast<std::uint8_t>(field(low, 31, 27));
      d.index = static_cast<std::uint16_t>(field(low, 47, 32));
      break;
    case DescriptorType::kWait:
      take_wait(d, low, high);
      break;
    case DescriptorType::kPageGroupResponse:
      d.has_pasid = field(low, 4, 4) != 0;
      d.response = static_cast<std::uint8_t>(field(low, 15, 12));
      d.source = RequesterId{static_cast<std::uint16_t>(field(low, 31, 16))};
      d.pasid = Pasid{static_cast<std::uint32_t>(field(low, 51, 32))};
      d.index = static_cast<std::uint16_t>(field(high, 75 - 64, 67 - 64));
      break;
  }
  return d;
}

}  // namespace

Result<QueueDescriptor, QueueError> decode_descriptor(const std::array<std::uint64_t, 4>& words,
                                                      unsigned bytes, TranslationTableMode mode,
                                                      const IommuConfig& config) {
  if (mode == TranslationTableMode::kReserved ||
      (mode == TranslationTableMode::kAbortDma && !config.abort_dma) ||
      (mode == TranslationTableMode::kScalable && !config.scalable_mode)) {
    return Failure{QueueError::kTableMode};
  }
  if (mode != TranslationTableMode::kLegacy && bytes != 32) return Failure{QueueError::kWidth};
  const auto type = static_cast<unsigned>(field(words[0], 3, 0) | field(words[0], 11, 9) << 4);
  if (!available(type, mode, config)) return Failure{QueueError::kType};
  const Reserved& reserved = kReserved[type];
  if ((words[0] & reserved.low) != 0 || (words[1] & reserved.high) != 0 || words[2] != 0 ||
      words[3] != 0) {
    return Failure{QueueError::kReserved};
  }
  const QueueDescriptor descriptor = take(static_cast<DescriptorType>(type), words[0], words[1]);
  if (illegal(descriptor, config)) return Failure{QueueError::kReserved};
  return descriptor;
}

}  // namespace siov::iommu
