// SPDX-License-Identifier: Apache-2.0
// FirstStageTable, SecondStageTable: software's side of the paging structures. Shares no code with
// the walker.
//
//   iommu::tables::FirstStageTable<Hpa> process(host_tables, 4);
//   process.map(Iova{0x7f00'0000'0000}, frame, PageSize::k4K, {.write = true});
//   iommu::tables::SecondStageTable vm(host_tables, 4);
//   for (const auto& p : guest.pages()) vm.map(p.guest, p.host, PageSize::k4K, {});
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/types.hpp"
#include "iommu/table_memory.hpp"

namespace siov::iommu::tables {

/// Size of a leaf; the value is the number of address bits it covers.
enum class PageSize : std::uint8_t { k4K = 12, k2M = 21, k1G = 30 };

/// [bytes]
constexpr std::uint64_t bytes_of(PageSize size) {
  return std::uint64_t{1} << static_cast<unsigned>(size);
}

/// First-stage leaf bits. Upper levels are always writable and user.
struct FirstStageRights {
  bool write = true;
  bool user = true;
};

/// Second-stage leaf bits. Upper levels always allow both.
struct SecondStageRights {
  bool read = true;
  bool write = true;
  bool snoop = false;
};

/// First-stage tables. @tparam Space Hpa for a host process, Gpa for a guest's own tables (nested)
template <class Space>
class FirstStageTable {
 public:
  /// @param levels 4 or 5. The destructor releases every table it made.
  FirstStageTable(TableMemory<Space>& memory, unsigned levels);
  ~FirstStageTable();
  FirstStageTable(const FirstStageTable&) = delete;
  FirstStageTable& operator=(const FirstStageTable&) = delete;

  [[nodiscard]] Space root() const { return owned_.front(); }
  [[nodiscard]] unsigned levels() const { return levels_; }
  /// Adds one leaf. @throws HarnessError if something is mapped there or an address is not aligned
  /// to the size
  void map(Iova address, Space frame, PageSize size, FirstStageRights rights = {});
  /// Clears the leaf that covers the address (tables stay). @return false if there was none
  bool unmap(Iova address);
  /// Where the entry of a level lies that translates the address; level 1 = PTE. Nothing if no
  /// table exists there.
  [[nodiscard]] std::optional<Space> entry_address(Iova address, unsigned level) const;

 private:
  TableMemory<Space>& memory_;
  unsigned levels_;
  std::vector<Space> owned_;  ///< every table; the root first
};

extern template class FirstStageTable<Hpa>;
extern template class FirstStageTable<Gpa>;

/// Second-stage tables: GPA to HPA.
class SecondStageTable {
 public:
  /// @param levels 3, 4 or 5
  SecondStageTable(TableMemory<Hpa>& memory, unsigned levels);
  ~SecondStageTable();
  SecondStageTable(const SecondStageTable&) = delete;
  SecondStageTable& operator=(const SecondStageTable&) = delete;

  [[nodiscard]] Hpa root() const { return owned_.front(); }
  [[nodiscard]] unsigned levels() const { return levels_; }
  void map(Gpa address, Hpa frame, PageSize size, SecondStageRights rights = {});
  bool unmap(Gpa address);
  [[nodiscard]] std::optional<Hpa> entry_address(Gpa address, unsigned level) const;

 private:
  TableMemory<Hpa>& memory_;
  unsigned levels_;
  std::vector<Hpa> owned_;  ///< every table; the root first
};

}  // namespace siov::iommu::tables
