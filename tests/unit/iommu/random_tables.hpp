// SPDX-License-Identifier: Apache-2.0
// RandomTables: memory with random remapping tables, mostly valid, and requests that fit them.
// Tables of a level are few and entries point at any of them, so subtables are shared, large pages
// are common, and a single damaged entry is met by many requests.
//
//   RandomTables tables(rng);
//   iommu::Iommu unit(tables.memory(), sink, tables.unit());
//   const reference::Request request = tables.request();
//   const RandomTables::Damage damage = tables.damage();   // and tell the unit what to invalidate
#pragma once

#include <boost/random/mersenne_twister.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "memory/physical_memory.hpp"
#include "reference_walker.hpp"

namespace siov::iommu::test {

using Rng = boost::random::mt19937_64;

class RandomTables {
 public:
  /// What an entry belongs to: decides which caches hold copies of it.
  enum class Layer : std::uint8_t { kRoot, kContext, kDirectory, kPasid, kFirst, kSecond };

  /// An entry in memory.
  struct Entry {
    std::uint64_t address = 0;
    unsigned words = 1;
    Layer layer = Layer::kRoot;
  };

  /// A PASID with a table entry.
  struct Bound {
    std::uint16_t rid = 0;
    bool explicit_pasid = true;  ///< false: RID_PASID
    std::uint32_t pasid = 0;
    std::uint16_t domain = 0;
    unsigned pgtt = 1;
    unsigned first_levels = 4;
    unsigned second_levels = 4;
    std::uint64_t entry = 0;  ///< address of its PASID table entry
  };

  struct Damage {
    Layer layer = Layer::kRoot;
    std::uint64_t address = 0;  ///< quadword
    std::uint64_t before = 0;
  };

  explicit RandomTables(Rng& rng);

  [[nodiscard]] memory::PhysicalMemory& memory() { return *memory_; }
  [[nodiscard]] const IommuConfig& unit() const { return unit_; }
  [[nodiscard]] const reference::Registers& registers() const { return registers_; }
  [[nodiscard]] const std::vector<Bound>& bound() const { return bound_; }
  /// 4 KiB pages that hold tables.
  [[nodiscard]] const std::vector<std::uint64_t>& pages() const { return pages_; }

  /// Whether entries of a layer other than the pages are there.
  [[nodiscard]] bool structure_page(std::uint64_t page) const;
  /// Any kind of request, mostly one that the tables allow.
  [[nodiscard]] reference::Request request();
  /// An untranslated request of this PASID to a random address of its tables.
  [[nodiscard]] reference::Request request_of(const Bound& bound);
  /// Changes one quadword of an entry.
  Damage damage();
  void write(std::uint64_t address, std::uint64_t value);
  [[nodiscard]] std::uint64_t word(std::uint64_t address) const;

  /// @param percent 0..100, may be a fraction
  [[nodiscard]] bool chance(double percent);
  [[nodiscard]] std::uint64_t below(std::uint64_t limit);
  template <class T>
  [[nodiscard]] const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }

 private:
  /// Tables of one stage: level (1..5), then table.
  struct Pool {
    std::vector<std::uint64_t> tables[6];
    /// Second stage: children[level][table][i] is the table below, -1 where the entry is a page.
    std::vector<std::vector<int>> children[6];
  };

  void choose_unit();
  void choose_memory();
  [[nodiscard]] std::uint64_t table_page(unsigned count = 1);
  [[nodiscard]] std::uint64_t data_page(unsigned shift);
  [[nodiscard]] std::uint64_t spoilt(std::uint64_t entry);

  void build_first();
  void build_second();
  void build_guest();
  void build_function(std::uint16_t rid, unsigned number);
  void bind(std::uint64_t directory, const Bound& bound);
  [[nodiscard]] std::uint64_t first_entry(unsigned level, bool leaf, std::uint64_t address);
  /// Guest-physical address of a page that the second stage maps; frame < 0: any page.
  [[nodiscard]] std::uint64_t guest_address(int frame, unsigned shift);
  [[nodiscard]] std::uint64_t address_in(bool first, unsigned levels);

  Rng& rng_;
  IommuConfig unit_;
  std::unique_ptr<memory::PhysicalMemory> memory_;
  reference::Registers registers_;
  std::uint64_t next_page_ = 0x10'0000;
  std::uint64_t next_rom_ = 0x2000'0000;
  std::uint64_t root_ = 0;
  std::vector<std::uint64_t> pages_;
  std::vector<Entry> entries_;
  std::vector<std::uint16_t> rids_;
  std::vector<Bound> bound_;
  Pool first_, second_, guest_;
  std::vector<std::uint64_t> frames_;  ///< host pages under the second-stage level-1 tables
  unsigned vm_levels_ = 4;             ///< second stage under the guest's tables
  double defects_ = 0;                 ///< defective paging entries [percent]
};

}  // namespace siov::iommu::test
