// SPDX-License-Identifier: Apache-2.0
// The paging structures of RandomTables: a pool of first-stage tables, one of second-stage tables,
// and first-stage tables that live in the guest-physical space of the latter.
#include "random_tables.hpp"
#include "random_tables_layout.hpp"

namespace siov::iommu::test {

namespace {

constexpr unsigned kTables = 2;  // of each level
constexpr unsigned shift_of(unsigned level) { return 12 + 9 * (level - 1); }

}  // namespace

std::uint64_t RandomTables::spoilt(std::uint64_t entry) {
  if (!chance(defects_)) return entry;
  switch (below(6)) {
    case 0:
      return entry & ~std::uint64_t{3};
    case 1:
      return (entry & 0xFFF) | kHole;
    case 2:
      return entry | std::uint64_t{1} << (unit_.haw < 52 ? unit_.haw : 51);
    case 3:
      return entry ^ std::uint64_t{1} << (12 + below(18));
    case 4:
      return entry | 1u << 7;
    default:
      return rng_();
  }
}

std::uint64_t RandomTables::first_entry(unsigned level, bool leaf, std::uint64_t address) {
  std::uint64_t e = address | 1;
  e |= std::uint64_t{!chance(3)} << 1 | std::uint64_t{!chance(3)} << 2;  // R/W, U/S
  e |= below(4) << 3 | std::uint64_t{chance(60)} << 5 | std::uint64_t{chance(40)} << 6;
  e |= below(16) << 8 | below(0x800) << 52 | below(2) << 63;  // G, EA, ignored, XD
  if (level == 1) e |= below(2) << 7;                         // PAT
  if (level > 1 && leaf) e |= 1u << 7 | below(2) << 12;       // PS, PAT
  return spoilt(e);
}

void RandomTables::build_first() {
  for (unsigned level = 1; level <= 5; ++level) {
    for (unsigned t = 0; t < kTables; ++t) {
      const std::uint64_t table = table_page();
      first_.tables[level].push_back(table);
      for (const unsigned i : indices(true, level)) {
        const bool leaf = level == 1 || (level == 2 && chance(35)) ||
                          (level == 3 && unit_.first_stage_1g && chance(20));
        const std::uint64_t to = leaf ? data_page(shift_of(level)) : pick(first_.tables[level - 1]);
        write(table + i * 8, first_entry(level, leaf, to));
        entries_.push_back({table + i * 8, 1, Layer::kFirst});
      }
    }
  }
}

void RandomTables::build_second() {
  for (unsigned level = 1; level <= 5; ++level) {
    second_.children[level].resize(kTables);
    for (unsigned t = 0; t < kTables; ++t) {
      const std::uint64_t table = table_page();
      second_.tables[level].push_back(table);
      for (const unsigned i : indices(false, level)) {
        const bool leaf = level == 1 || (level == 2 && unit_.second_stage_2m && chance(30)) ||
                          (level == 3 && unit_.second_stage_1g && chance(15));
        int child = -1;
        std::uint64_t e = 0;
        if (level == 1) {
          frames_.push_back(chance(1) ? 0xFEE0'0000 : table_page());
          e = frames_.back();
        } else if (leaf) {
          e = data_page(shift_of(level)) | 1u << 7;
        } else {
          child = static_cast<int>(below(kTables));
          e = second_.tables[level - 1][static_cast<unsigned>(child)];
        }
        second_.children[level][t].push_back(child);
        e |= std::uint64_t{!chance(1.5)} | std::uint64_t{!chance(2)} << 1;
        e |= below(32) << 2 | below(2) << 10 | below(0x200) << 52;
        e |= std::uint64_t{chance(60)} << 8 | std::uint64_t{chance(40)} << 9 | below(2) << 63;
        if (leaf && unit_.snoop_control) e |= below(2) << 11;
        write(table + i * 8, spoilt(e));
        entries_.push_back({table + i * 8, 1, Layer::kSecond});
      }
    }
  }
}

std::uint64_t RandomTables::guest_address(int frame, unsigned shift) {
  const unsigned per_table = static_cast<unsigned>(indices(false, 1).size());
  std::uint64_t address = 0;
  for (int attempt = 0; attempt < 200; ++attempt) {
    address = 0;
    unsigned table = 0;
    unsigned level = vm_levels_;
    for (;; --level) {
      std::size_t i = below(indices(false, level).size());
      if (level == 1 && frame >= 0) i = static_cast<unsigned>(frame) % per_table;
      address |= std::uint64_t{indices(false, level)[i]} << shift_of(level);
      const int child = second_.children[level][table][i];
      if (child < 0) break;
      table = static_cast<unsigned>(child);
    }
    const std::uint64_t page = (std::uint64_t{1} << shift) - 1;
    if (frame < 0 && shift_of(level) >= shift) return (address | below(8) << 12) & ~page;
    if (frame >= 0 && level == 1 && table == static_cast<unsigned>(frame) / per_table)
      return address;
  }
  return address & ~((std::uint64_t{1} << shift) - 1);
}

void RandomTables::build_guest() {
  // Guest tables take the first frames under the second-stage level-1 tables, two of each level.
  for (unsigned level = 1; level <= 5; ++level) {
    for (unsigned t = 0; t < kTables; ++t) {
      const int frame = static_cast<int>((level - 1) * kTables + t);
      const std::uint64_t host = frames_[static_cast<unsigned>(frame)];
      guest_.tables[level].push_back(guest_address(frame, 12));
      for (const unsigned i : indices(true, level)) {
        const bool leaf = level == 1 || (level == 2 && chance(30)) ||
                          (level == 3 && unit_.first_stage_1g && chance(15));
        const std::uint64_t to =
            leaf ? guest_address(-1, shift_of(level)) : pick(guest_.tables[level - 1]);
        write(host + i * 8, first_entry(level, leaf, to));
        entries_.push_back({host + i * 8, 1, Layer::kFirst});
      }
    }
  }
}

std::uint64_t RandomTables::address_in(bool first, unsigned levels) {
  std::uint64_t address = 0;
  for (unsigned level = levels; level >= 1; --level) {
    const std::uint64_t i = chance(1) ? below(512) : pick(indices(first, level));
    address |= i << shift_of(level);
  }
  if (first) {  // canonical
    const unsigned width = levels == 5 ? 57 : 48;
    if ((address >> (width - 1) & 1) != 0) address |= ~std::uint64_t{0} << width;
  }
  return address;
}

}  // namespace siov::iommu::test
