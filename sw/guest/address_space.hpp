// SPDX-License-Identifier: Apache-2.0
// AddressSpace: the addresses a guest program puts into descriptors. Gives out buffers, keeps the
// page tables that make them reachable for the device, and lets the program read and write them.
//
//   guest::AddressSpace space(machine, config);
//   const Iova buffer = space.allocate(10000, 0x123);   // starts 0x123 bytes into a page
//   space.write(buffer, bytes);
//   vdcm.bind_pasid(vm, Pasid{5}, space.descriptor());
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/types.hpp"
#include "guest/machine.hpp"
#include "iommu/page_table_builder.hpp"
#include "vdcm/space.hpp"

namespace siov::guest {

struct AddressSpaceConfig {
  /// kFirstStage: host virtual; kSecondStage: guest physical; kNested: guest virtual; kPassThrough:
  /// host physical.
  vdcm::TranslationKind kind = vdcm::TranslationKind::kSecondStage;
  std::uint8_t levels = 4;               ///< of the first stage: 4 or 5
  std::uint64_t page_bytes = kPageSize;  ///< of first-stage leaves: 4 KiB or 2 MiB
  Iova base{0x7F00'0000'0000};  ///< lowest virtual address given out (first-stage and nested), 2
                                ///< MiB aligned
};

class AddressSpace {
 public:
  /// @param machine outlives the space
  AddressSpace(Machine& machine, AddressSpaceConfig config);
  ~AddressSpace();
  AddressSpace(const AddressSpace&) = delete;
  AddressSpace& operator=(const AddressSpace&) = delete;

  /// Zeroed buffer in pages of its own. It lives as long as the space.
  /// @param bytes at least 1  @param page_offset 0..4095: address modulo 4096
  [[nodiscard]] Iova allocate(std::uint64_t bytes, std::uint32_t page_offset = 0);
  /// @throws HarnessError for bytes that were never allocated
  void read(Iova address, std::span<std::byte> out) const;
  void write(Iova address, std::span<const std::byte> data);
  void fill(Iova address, std::uint64_t bytes, std::byte value);
  /// Whether memory equals data; nothing is copied.
  [[nodiscard]] bool equal(Iova address, std::span<const std::byte> data) const;
  /// The bytes from address to the end of its page, as the CPU sees them. Valid as long as the
  /// space.
  [[nodiscard]] std::span<std::byte> page_tail(Iova address) const;
  /// Where a byte lives in host memory.
  [[nodiscard]] Hpa host_address(Iova address) const;

  /// For Vdcm: what the PASID entry of this space must hold.
  [[nodiscard]] vdcm::Space descriptor() const;
  [[nodiscard]] vdcm::TranslationKind kind() const { return config_.kind; }
  [[nodiscard]] std::uint64_t allocated_bytes() const { return allocated_bytes_; }

 private:
  /// Pages that are neighbours in this space.
  struct Region {
    std::uint64_t first_page = 0;
    std::vector<Hpa> host;
    std::vector<std::byte*> bytes;
  };
  [[nodiscard]] Iova map_pages(std::uint64_t pages, Region& region);
  [[nodiscard]] Iova map_guest_physical(std::uint64_t pages, Region& region);
  [[nodiscard]] Iova map_virtual(std::uint64_t pages, Region& region);
  void add_host_pages(Hpa first, std::uint64_t pages, Region& region);
  void add_guest_pages(Gpa first, std::uint64_t pages, Region& region);
  [[nodiscard]] const Region& region_of(Iova address) const;

  Machine& machine_;
  AddressSpaceConfig config_;
  std::unique_ptr<iommu::tables::FirstStageTable<Hpa>> host_table_;   ///< kFirstStage
  std::unique_ptr<iommu::tables::FirstStageTable<Gpa>> guest_table_;  ///< kNested
  vdcm::Space descriptor_;
  std::vector<Region> regions_;  ///< ascending first_page
  mutable std::size_t last_region_ = 0;
  Iova next_;
  std::uint64_t allocated_bytes_ = 0;
};

}  // namespace siov::guest
