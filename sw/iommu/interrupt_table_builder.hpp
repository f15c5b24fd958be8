// SPDX-License-Identifier: Apache-2.0
// InterruptTable: software's side of interrupt remapping: IRTEs, messages, posted-interrupt
// descriptors.
//
//   iommu::tables::InterruptTable table(memory, frames, 7);            // 256 entries
//   table.set_remapped(3, {.vector = 0x41, .rule = {.source = RequesterId{0x0100}}});
//   unit.set_interrupt_remap_table(table.root(), table.size_code(), true);
//   const auto message = iommu::tables::InterruptTable::message(3);    // into the device's MSI-X
//   or IMS entry
#pragma once

#include <cstdint>

#include "common/types.hpp"
#include "memory/page_allocator.hpp"
#include "memory/physical_memory.hpp"

namespace siov::iommu::tables {

/// SVT: how the requester is checked. @spec VT-d IRTE.SVT
enum class SourceCheck : std::uint8_t { kNone = 0, kRequester = 1, kBusRange = 2 };

/// Whom an entry accepts interrupts from.
struct SourceRule {
  SourceCheck check = SourceCheck::kRequester;
  std::uint8_t qualifier =
      0;  ///< SQ 0..3: 0 all bits, 1 ignore bit 2, 2 ignore bits 2:1, 3 ignore bits 2:0
  RequesterId source;  ///< for kBusRange: first bus in 15:8, last bus in 7:0
};

/// A remapped-format entry: fixed delivery, edge, physical destination.
struct RemappedSpec {
  std::uint8_t vector = 0;
  std::uint32_t destination = 0;  ///< APIC id; 8 bits without extended mode
  SourceRule rule;
  bool fault_disable = false;
};

/// A posted-format entry.
struct PostedSpec {
  std::uint8_t vector = 0;  ///< virtual vector: bit number in PIR
  Hpa descriptor;           ///< 64-byte aligned
  bool urgent = false;
  SourceRule rule;
  bool fault_disable = false;
};

struct Message {
  std::uint64_t address = 0;
  std::uint32_t data = 0;
};

class InterruptTable {
 public:
  /// @param size_code S 0..15: 2^(S+1) entries  @param extended EIME: destinations are 32 bits
  InterruptTable(memory::PhysicalMemory& memory, memory::PageAllocator& frames, unsigned size_code,
                 bool extended = true);
  ~InterruptTable();
  InterruptTable(const InterruptTable&) = delete;
  InterruptTable& operator=(const InterruptTable&) = delete;

  [[nodiscard]] Hpa root() const { return root_; }
  [[nodiscard]] unsigned size_code() const { return size_code_; }
  [[nodiscard]] std::uint32_t entries() const { return std::uint32_t{2} << size_code_; }
  [[nodiscard]] bool extended() const { return extended_; }
  void set_remapped(std::uint16_t index, const RemappedSpec& spec);
  void set_posted(std::uint16_t index, const PostedSpec& spec);
  void clear(std::uint16_t index);
  [[nodiscard]] Hpa entry(std::uint16_t index) const;

  /// Remappable-format message, SHV=0. @spec VT-d 5.1.2.2
  static Message message(std::uint16_t handle);
  /// Remappable-format message, SHV=1: the device adds subhandle in its data.
  static Message message(std::uint16_t handle, std::uint16_t subhandle);
  /// Compatibility-format message.
  static Message compatibility_message(std::uint8_t destination, std::uint8_t vector);

 private:
  void store(std::uint16_t index, std::uint64_t low, std::uint64_t high);
  memory::PhysicalMemory& memory_;
  memory::PageAllocator& frames_;
  Hpa root_;
  unsigned size_code_;
  bool extended_;
};

/// Software's view of a posted-interrupt descriptor in memory, 64 bytes. @spec VT-d 9.11
class PostedDescriptor {
 public:
  /// Writes an empty descriptor. @param base 64-byte aligned
  PostedDescriptor(memory::PhysicalMemory& memory, Hpa base, std::uint8_t notification_vector,
                   std::uint32_t destination);
  [[nodiscard]] Hpa base() const { return base_; }
  [[nodiscard]] bool requested(std::uint8_t vector) const;
  [[nodiscard]] bool outstanding() const;  ///< ON
  void set_suppress(bool suppress);        ///< SN
  void clear_outstanding();
  void clear_request(std::uint8_t vector);

 private:
  [[nodiscard]] std::uint64_t word(unsigned index) const;
  void set_word(unsigned index, std::uint64_t value);
  memory::PhysicalMemory& memory_;
  Hpa base_;
};

}  // namespace siov::iommu::tables
