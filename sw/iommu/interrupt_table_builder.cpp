// SPDX-License-Identifier: Apache-2.0
// Interrupt remapping entries and messages as software writes them.
#include "iommu/interrupt_table_builder.hpp"

#include <algorithm>
#include <optional>

#include "common/error.hpp"

namespace siov::iommu::tables {

namespace {

constexpr std::uint64_t kMessageBase = 0xFEE00000;
constexpr std::uint64_t kRemappable = 0x10;
constexpr std::uint64_t kSubhandleValid = 0x8;

std::uint64_t source_bits(const SourceRule& rule) {
  if (rule.qualifier > 3) throw HarnessError("source qualifier: 0..3");
  return rule.source.value | std::uint64_t{rule.qualifier} << 16 |
         static_cast<std::uint64_t>(rule.check) << 18;
}

}  // namespace

InterruptTable::InterruptTable(memory::PhysicalMemory& memory, memory::PageAllocator& frames,
                               unsigned size_code, bool extended)
    : memory_(memory), frames_(frames), size_code_(size_code), extended_(extended) {
  if (size_code > 15) throw HarnessError("interrupt remapping table size code: 0..15");
  root_ = frames_.allocate_range(std::max<std::uint64_t>(std::uint64_t{entries()} * 16, 4096));
}

InterruptTable::~InterruptTable() { frames_.free(root_); }

Hpa InterruptTable::entry(std::uint16_t index) const {
  if (index >= entries()) throw HarnessError("index beyond the interrupt remapping table");
  return root_ + std::uint64_t{index} * 16;
}

void InterruptTable::store(std::uint16_t index, std::uint64_t low, std::uint64_t high) {
  const Hpa at = entry(index);
  // Not present while it changes, P last.
  if (!memory_.write64(at, 0) || !memory_.write64(at + 8, high) || !memory_.write64(at, low)) {
    throw HarnessError("interrupt remapping table outside memory");
  }
}

void InterruptTable::set_remapped(std::uint16_t index, const RemappedSpec& spec) {
  std::uint64_t low = 1 | std::uint64_t{spec.vector} << 16;
  if (spec.fault_disable) low |= 2;
  if (!extended_ && spec.destination > 0xFF) throw HarnessError("destination needs extended mode");
  low |= std::uint64_t{spec.destination} << (extended_ ? 32 : 40);
  store(index, low, source_bits(spec.rule));
}

void InterruptTable::set_posted(std::uint16_t index, const PostedSpec& spec) {
  if (spec.descriptor.value % 64 != 0)
    throw HarnessError("posted-interrupt descriptor: 64-byte aligned");
  std::uint64_t low = 1 | 0x8000 | std::uint64_t{spec.vector} << 16;
  if (spec.fault_disable) low |= 2;
  if (spec.urgent) low |= 0x4000;
  low |= (spec.descriptor.value & 0xFFFFFFC0) << 32;
  const std::uint64_t high = source_bits(spec.rule) | (spec.descriptor.value & 0xFFFFFFFF00000000);
  store(index, low, high);
}

void InterruptTable::clear(std::uint16_t index) { store(index, 0, 0); }

Message InterruptTable::message(std::uint16_t handle) {
  const std::uint64_t low = std::uint64_t{handle} & 0x7FFF;
  const std::uint64_t top = handle >> 15;
  return {kMessageBase | kRemappable | low << 5 | top << 2, 0};
}

Message InterruptTable::message(std::uint16_t handle, std::uint16_t subhandle) {
  return {message(handle).address | kSubhandleValid, subhandle};
}

Message InterruptTable::compatibility_message(std::uint8_t destination, std::uint8_t vector) {
  return {kMessageBase | std::uint64_t{destination} << 12, vector};
}

PostedDescriptor::PostedDescriptor(memory::PhysicalMemory& memory, Hpa base,
                                   std::uint8_t notification_vector, std::uint32_t destination)
    : memory_(memory), base_(base) {
  if (base.value % 64 != 0) throw HarnessError("posted-interrupt descriptor: 64-byte aligned");
  for (unsigned i = 0; i < 8; ++i) set_word(i, 0);
  set_word(4, std::uint64_t{notification_vector} << 16 | std::uint64_t{destination} << 32);
}

std::uint64_t PostedDescriptor::word(unsigned index) const {
  const std::optional<std::uint64_t> value = memory_.read64(base_ + index * 8);
  if (!value) throw HarnessError("posted-interrupt descriptor outside memory");
  return *value;
}

void PostedDescriptor::set_word(unsigned index, std::uint64_t value) {
  if (!memory_.write64(base_ + index * 8, value)) {
    throw HarnessError("posted-interrupt descriptor outside memory");
  }
}

bool PostedDescriptor::requested(std::uint8_t vector) const {
  return (word(vector / 64) >> vector % 64 & 1) != 0;
}
bool PostedDescriptor::outstanding() const { return (word(4) & 1) != 0; }
void PostedDescriptor::set_suppress(bool suppress) {
  set_word(4, (word(4) & ~std::uint64_t{2}) | (suppress ? 2 : 0));
}
void PostedDescriptor::clear_outstanding() { set_word(4, word(4) & ~std::uint64_t{1}); }
void PostedDescriptor::clear_request(std::uint8_t vector) {
  set_word(vector / 64, word(vector / 64) & ~(std::uint64_t{1} << vector % 64));
}

}  // namespace siov::iommu::tables
