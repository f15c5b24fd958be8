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
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "common/types.hpp"
#include "guest/machine.hpp"
#include "iommu/page_table_builder.hpp"
#include "vdcm/demand_space.hpp"
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
  /// Pages may be absent from the tables. Not with kPassThrough, which has none.
  bool demand = false;
  /// Share of pages that are absent until somebody needs them, at least so many [1/1000]; with
  /// demand only.
  std::uint32_t absent_permille = 0;
};

/// Pages of a demand-paged space. A page is one leaf of the table that translates.
struct PagingStatistics {
  std::uint64_t pages = 0;         ///< that can be absent
  std::uint64_t absent_first = 0;  ///< of these, absent until first needed
  std::uint64_t brought_in = 0;
  std::uint64_t taken_away = 0;
  std::uint64_t moved = 0;  ///< to another frame, while away
};

class AddressSpace final : public vdcm::DemandSpace {
 public:
  /// @param machine outlives the space
  AddressSpace(Machine& machine, AddressSpaceConfig config);
  ~AddressSpace() override;
  AddressSpace(const AddressSpace&) = delete;
  AddressSpace& operator=(const AddressSpace&) = delete;

  /// Zeroed buffer in pages of its own. It lives as long as the space.
  /// @param bytes at least 1  @param page_offset 0..4095: address modulo 4096
  [[nodiscard]] Iova allocate(std::uint64_t bytes, std::uint32_t page_offset = 0);
  /// A buffer whose pages are always present, for what the device must reach without a page
  /// request.
  [[nodiscard]] Iova allocate_pinned(std::uint64_t bytes);
  /// @throws HarnessError for bytes that were never allocated
  void read(Iova address, std::span<std::byte> out) const;
  void write(Iova address, std::span<const std::byte> data);
  void fill(Iova address, std::uint64_t bytes, std::byte value);
  /// Whether memory equals data; nothing is copied.
  [[nodiscard]] bool equal(Iova address, std::span<const std::byte> data) const;
  /// The bytes from address to the end of its page, as the CPU sees them. Valid until the page
  /// moves: while moves() stays the same.
  /// Who writes there says wrote() afterwards.
  [[nodiscard]] std::span<std::byte> page_tail(Iova address) const;
  /// The CPU wrote these bytes, at least one: for the machine's log of its writes.
  void wrote(Iova address, std::uint64_t bytes) const;
  /// Where a byte lives in host memory.
  [[nodiscard]] Hpa host_address(Iova address) const;

  /// For Vdcm: what the PASID entry of this space must hold.
  [[nodiscard]] vdcm::Space descriptor() const;
  [[nodiscard]] vdcm::TranslationKind kind() const { return config_.kind; }
  [[nodiscard]] std::uint64_t allocated_bytes() const { return allocated_bytes_; }

  // Demand paging (address_space_paging.cpp). Accesses of the CPU leave the device's tables alone.
  [[nodiscard]] bool demand() const { return config_.demand; }
  /// @param now  who asks for a page needs it from now on, whether or not it was there [ps]
  bool bring_in(Iova address, std::uint64_t now) override;
  [[nodiscard]] bool contents(Iova address, std::span<std::byte> out) const override;
  [[nodiscard]] bool holds(Iova address, std::uint64_t bytes) const override;
  /// A present page that the device has not used since this last came past it, by the accessed bit
  /// of the first stage where there is one. Nothing if there is none in one round.
  /// @param not_since  pages that somebody has asked for after this time stay [ps]
  [[nodiscard]] std::optional<Iova> next_victim(std::uint64_t not_since);
  /// A page on its way out.
  struct Departure {
    Iova page;
    std::uint64_t serial = 0;
  };
  /// Takes the page out of the tables. Until everybody has been told, the device may still use what
  /// it has cached. Nothing if it cannot be taken: not present, pinned or outside.
  [[nodiscard]] std::optional<Departure> take_away(Iova page);
  /// Everybody has forgotten the page. If it has not come back meanwhile (then with the same
  /// frame), its contents may go to another frame. @param move  do so (4 KiB pages)  @return false
  /// if it has come back
  bool taken(const Departure& departure, bool move);
  /// Bytes of one page.
  [[nodiscard]] std::uint64_t page_bytes() const { return leaf_bytes_; }
  /// Some page of some buffer. Nothing while there is none.
  [[nodiscard]] std::optional<Iova> any_page(std::uint64_t random) const;
  [[nodiscard]] bool present(Iova address) const;
  [[nodiscard]] const PagingStatistics& paging() const { return paging_; }
  /// Grows whenever a page gets another frame.
  [[nodiscard]] std::uint64_t moves() const { return paging_.moved; }
  [[nodiscard]] Machine& machine() { return machine_; }
  /// The machine's memory lies elsewhere now, with the same contents. Spaces in guest-physical
  /// memory only. @param moved  new place of a host page of guest memory
  void rebase(const std::function<Hpa(Hpa)>& moved);

 private:
  /// Pages that are neighbours in this space.
  struct Region {
    std::uint64_t first_page = 0;
    std::vector<Hpa> host;
    std::vector<std::byte*> bytes;
  };
  /// One page of the table that translates.
  struct Leaf {
    Iova at;
    std::uint64_t frame = 0;  ///< first stage: HPA, nested: GPA; second stage: unused
    bool present = true;
    std::uint64_t needed = 0;     ///< somebody has asked for it last at [ps]
    std::uint64_t departure = 0;  ///< serial number of the last one
  };
  /// Guest-physical pages that buffers are cut from, so that a page has one kind of buffer only.
  struct Arena {
    Gpa next;
    std::uint64_t left = 0;
  };
  [[nodiscard]] Iova add_buffer(std::uint64_t bytes, std::uint32_t page_offset, bool pinned);
  [[nodiscard]] Gpa take_guest_pages(std::uint64_t bytes, bool pinned);
  void add_leaf(Iova at, std::uint64_t frame);
  [[nodiscard]] Leaf* leaf_of(Iova address);
  [[nodiscard]] const Leaf* leaf_of(Iova address) const;
  void map_leaf(const Leaf& leaf);
  void unmap_leaf(const Leaf& leaf);
  void move_leaf(Leaf& leaf);
  void follow(Iova page, Hpa host);
  [[nodiscard]] bool used_since_last_look(const Leaf& leaf);
  template <class Frame>
  [[nodiscard]] bool test_accessed(iommu::tables::FirstStageTable<Frame>& table,
                                   iommu::tables::TableMemory<Frame>& memory, const Leaf& leaf);
  [[nodiscard]] Iova map_pages(std::uint64_t pages, Region& region, bool pinned);
  [[nodiscard]] Iova map_guest_physical(std::uint64_t pages, Region& region, bool pinned);
  [[nodiscard]] Iova map_virtual(std::uint64_t pages, Region& region, bool pinned);
  void add_host_pages(Hpa first, std::uint64_t pages, Region& region);
  void add_guest_pages(Gpa first, std::uint64_t pages, Region& region);
  [[nodiscard]] const Region& region_of(Iova address) const;
  [[nodiscard]] const Region* find_region(Iova address) const;

  Machine& machine_;
  AddressSpaceConfig config_;
  std::unique_ptr<iommu::tables::FirstStageTable<Hpa>> host_table_;   ///< kFirstStage
  std::unique_ptr<iommu::tables::FirstStageTable<Gpa>> guest_table_;  ///< kNested
  vdcm::Space descriptor_;
  std::vector<Region> regions_;  ///< ascending first_page
  mutable std::size_t last_region_ = 0;
  Iova next_;
  std::uint64_t allocated_bytes_ = 0;
  std::uint64_t leaf_bytes_;
  std::vector<Leaf> leaves_;                                     ///< those that may be absent
  std::unordered_map<std::uint64_t, std::size_t> leaf_numbers_;  ///< by address / leaf_bytes_
  Arena arenas_[2];                                              ///< pinned, and not
  std::uint64_t absent_debt_ = 999;  ///< thousandths of an absent page that are due
  std::size_t hand_ = 0;
  std::uint64_t departures_ = 0;
  PagingStatistics paging_;
};

}  // namespace siov::guest
