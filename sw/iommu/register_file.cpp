// SPDX-License-Identifier: Apache-2.0
// Register access.
#include "iommu/register_file.hpp"

#include "iommu/capabilities.hpp"

namespace siov::iommu {

namespace {

enum Offset : std::uint32_t {
  kVersion = 0x00,
  kCapability = 0x08,
  kExtendedCapability = 0x10,
  kGlobalCommand = 0x18,
  kGlobalStatus = 0x1C,
  kRootTable = 0x20,
  kContextCommand = 0x28,
  kFaultStatus = 0x34,
  kFaultEvent = 0x38,  // four registers: control, data, address, upper address
  kQueueHead = 0x80,
  kQueueTail = 0x88,
  kQueueAddress = 0x90,
  kInvalidationStatus = 0x9C,
  kInvalidationEvent = 0xA0,
  kQueueError = 0xB0,
  kInterruptTable = 0xB8,
  kPageHead = 0xC0,
  kPageTail = 0xC8,
  kPageAddress = 0xD0,
  kPageStatus = 0xDC,
  kPageEvent = 0xE0,
  kInvalidateAddress = kIotlbRegisters,
  kIotlb = kIotlbRegisters + 8
};

// GCMD and GSTS. @spec vtd.md 1.3
constexpr std::uint32_t kTranslation = 1u << 31;
constexpr std::uint32_t kSetRoot = 1u << 30;
constexpr std::uint32_t kQueue = 1u << 26;
constexpr std::uint32_t kInterrupts = 1u << 25;
constexpr std::uint32_t kSetInterruptTable = 1u << 24;
constexpr std::uint32_t kCompatibility = 1u << 23;

constexpr std::uint64_t kInterruptTableBits = ~std::uint64_t{0x7F0};  // base, EIME, S
constexpr std::uint64_t kInvalidateContext = std::uint64_t{1} << 63;  // ICC
constexpr std::uint64_t kInvalidateIotlb = std::uint64_t{1} << 63;    // IVT

bool is_event(std::uint32_t offset, std::uint32_t base) {
  return offset >= base && offset < base + 16;
}

/// The register with one half replaced.
std::uint64_t merge(std::uint64_t old, std::uint32_t offset, std::uint32_t value) {
  const unsigned shift = (offset & 4) != 0 ? 32 : 0;
  return (old & ~(std::uint64_t{0xFFFF'FFFF} << shift)) | std::uint64_t{value} << shift;
}

bool legal(std::uint32_t offset, unsigned size) {
  return (size == 4 || size == 8) && offset % size == 0;
}

}  // namespace

RegisterFile::RegisterFile(const IommuConfig& config, const Parts& parts, RegisterActions& actions)
    : config_(config),
      parts_(parts),
      actions_(actions),
      capability_(capability_register(config)),
      extended_capability_(extended_capability_register(config)) {}

std::uint64_t RegisterFile::read(std::uint32_t offset, unsigned size) const {
  if (!legal(offset, size)) return ~std::uint64_t{0};
  const std::uint64_t low = read32(offset);
  return size == 4 ? low : low | std::uint64_t{read32(offset + 4)} << 32;
}

void RegisterFile::write(std::uint32_t offset, unsigned size, std::uint64_t value) {
  if (!legal(offset, size)) return;
  write32(offset, static_cast<std::uint32_t>(value));
  if (size == 8) write32(offset + 4, static_cast<std::uint32_t>(value >> 32));
}

bool RegisterFile::in_fault_records(std::uint32_t offset) const {
  const std::uint32_t base = fault_record_offset(config_);
  return offset >= base && offset < base + 16 * config_.fault_records;
}

std::uint64_t RegisterFile::fault_record(std::uint32_t offset) const {
  const RawFaultRecord raw = parts_.faults.raw((offset - fault_record_offset(config_)) / 16);
  return (offset & 8) != 0 ? raw.high : raw.low;
}

std::uint32_t RegisterFile::read32(std::uint32_t offset) const {
  switch (offset) {
    case kVersion:
      return config_.version;
    case kGlobalStatus:
      return actions_.global_status();
    case kFaultStatus:
      return parts_.faults.status();
    case kInvalidationStatus:
      return parts_.queue.wait_done() ? 1 : 0;
    default:
      break;
  }
  if (is_event(offset, kFaultEvent)) return parts_.fault_event.read((offset - kFaultEvent) / 4);
  if (is_event(offset, kInvalidationEvent))
    return parts_.queue.event().read((offset - kInvalidationEvent) / 4);
  if (config_.page_requests) {
    if (offset == kPageStatus) return parts_.pages.status();
    if (is_event(offset, kPageEvent)) return parts_.pages.event().read((offset - kPageEvent) / 4);
  }
  const std::uint64_t value = wide(offset & ~7u);
  return static_cast<std::uint32_t>((offset & 4) != 0 ? value >> 32 : value);
}

std::uint64_t RegisterFile::wide(std::uint32_t offset) const {
  switch (offset) {
    case kCapability:
      return capability_;
    case kExtendedCapability:
      return extended_capability_;
    case kRootTable:
      return root_table_;
    case kContextCommand:
      return context_command_;
    case kQueueHead:
      return parts_.queue.head();
    case kQueueTail:
      return parts_.queue.tail();
    case kQueueAddress:
      return parts_.queue.address();
    case kQueueError:
      return parts_.queue.error_record();
    case kInterruptTable:
      return interrupt_table_;
    case kInvalidateAddress:
      return 0;  // write only
    case kIotlb:
      return iotlb_;
    default:
      break;
  }
  if (config_.page_requests) {
    if (offset == kPageHead) return parts_.pages.head();
    if (offset == kPageTail) return parts_.pages.tail();
    if (offset == kPageAddress) return parts_.pages.address();
  }
  return in_fault_records(offset) ? fault_record(offset) : 0;
}

void RegisterFile::write32(std::uint32_t offset, std::uint32_t value) {
  if (is_event(offset, kFaultEvent)) {
    parts_.fault_event.write((offset - kFaultEvent) / 4, value);
    return;
  }
  if (in_fault_records(offset)) {
    write_fault_record(offset, value);
    return;
  }
  if (offset >= kPageHead && offset < kPageEvent + 16) {
    if (config_.page_requests) write_pages(offset, value);
    return;
  }
  switch (offset & ~4u) {
    case kRootTable:
      root_table_ = merge(root_table_, offset, value);
      return;
    case kInterruptTable:
      interrupt_table_ = merge(interrupt_table_, offset, value) & kInterruptTableBits;
      return;
    case kContextCommand:
      context_command_ = merge(context_command_, offset, value);
      if ((context_command_ & kInvalidateContext) == 0) return;
      context_command_ &= ~(kInvalidateContext | std::uint64_t{3} << 59);
      context_command_ |= std::uint64_t{actions_.context_command(context_command_)} << 59;
      return;
    case kInvalidateAddress:
      iva_ = merge(iva_, offset, value);
      return;
    case kIotlb:
      iotlb_ = merge(iotlb_, offset, value);
      if ((iotlb_ & kInvalidateIotlb) == 0) return;
      iotlb_ &= ~(kInvalidateIotlb | std::uint64_t{3} << 57);
      iotlb_ |= std::uint64_t{actions_.iotlb_command(iotlb_, iva_)} << 57;
      return;
    default:
      break;
  }
  if (offset == kGlobalCommand) global_command(value);
  if (offset == kFaultStatus) write_fault_status(value);
  if (config_.queued_invalidation) write_queue(offset, value);
}

void RegisterFile::global_command(std::uint32_t value) {
  if ((value & kSetRoot) != 0) actions_.latch_root_table(root_table_);
  if (config_.interrupt_remapping) {
    if ((value & kSetInterruptTable) != 0) actions_.latch_interrupt_table(interrupt_table_);
    actions_.set_compatibility((value & kCompatibility) != 0);
    actions_.set_interrupt_remapping((value & kInterrupts) != 0);
  }
  if (config_.queued_invalidation) actions_.set_queue((value & kQueue) != 0);
  actions_.set_translation((value & kTranslation) != 0);
}

void RegisterFile::write_fault_record(std::uint32_t offset, std::uint32_t value) {
  if ((offset & 0xC) != 0xC || value >> 31 == 0) return;  // only F, bit 127, can be written
  parts_.faults.clear((offset - fault_record_offset(config_)) / 16);
  if (!parts_.faults.any()) parts_.fault_event.serviced();
}

void RegisterFile::write_fault_status(std::uint32_t value) {
  parts_.faults.write_status(value);
  if (!parts_.faults.any()) parts_.fault_event.serviced();
  constexpr std::uint32_t kQueueErrors = 0x70;
  if ((value & kQueueErrors) != 0) parts_.queue.errors_cleared();
}

void RegisterFile::write_queue(std::uint32_t offset, std::uint32_t value) {
  if (is_event(offset, kInvalidationEvent)) {
    parts_.queue.event().write((offset - kInvalidationEvent) / 4, value);
    return;
  }
  if (offset == kInvalidationStatus && (value & 1) != 0) parts_.queue.clear_wait_done();
  if (offset == kQueueTail) parts_.queue.write_tail(value);
  if ((offset & ~4u) == kQueueAddress)
    parts_.queue.write_address(merge(parts_.queue.address(), offset, value));
}

void RegisterFile::write_pages(std::uint32_t offset, std::uint32_t value) {
  if (is_event(offset, kPageEvent)) {
    parts_.pages.event().write((offset - kPageEvent) / 4, value);
    return;
  }
  if (offset == kPageStatus) parts_.pages.write_status(value);
  if (offset == kPageHead) parts_.pages.write_head(value);
  if (offset == kPageTail) parts_.pages.write_tail(value);
  if ((offset & ~4u) == kPageAddress)
    parts_.pages.write_address(merge(parts_.pages.address(), offset, value));
}

}  // namespace siov::iommu
