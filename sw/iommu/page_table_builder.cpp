// SPDX-License-Identifier: Apache-2.0
// Page table construction: one radix tree, two entry formats.
#include "iommu/page_table_builder.hpp"

#include "common/error.hpp"

namespace siov::iommu::tables {

namespace {

constexpr std::uint64_t kLargePage = 0x80;                   // bit 7 in both formats
constexpr std::uint64_t kFrameBits = 0x000F'FFFF'FFFF'F000;  // 51:12
constexpr std::uint64_t kFirstStageLink = 0x7;               // P, R/W, U/S
constexpr std::uint64_t kFirstStagePresent = 0x1;
constexpr std::uint64_t kSecondStageLink = 0x3;  // R, W
constexpr std::uint64_t kSecondStagePresent = 0x3;

/// How the two formats differ for this file.
struct Format {
  std::uint64_t link;     ///< bits of an entry that names a table
  std::uint64_t present;  ///< any of these set: the entry is in use
};
constexpr Format kFirst{kFirstStageLink, kFirstStagePresent};
constexpr Format kSecond{kSecondStageLink, kSecondStagePresent};

constexpr unsigned level_of(PageSize size) {
  return size == PageSize::k4K ? 1 : size == PageSize::k2M ? 2 : 3;
}

template <class Space>
Space slot(Space table, std::uint64_t address, unsigned level) {
  const std::uint64_t index = (address / (std::uint64_t{4096} << (9 * (level - 1)))) % 512;
  return table + index * 8;
}

/// Entry at `level`, or nothing if the way down ends before.
template <class Space>
std::optional<Space> descend(TableMemory<Space>& memory, const Format& format, Space table,
                             unsigned top, std::uint64_t address, unsigned level) {
  for (unsigned at = top; at > level; --at) {
    const std::uint64_t word = memory.read(slot(table, address, at));
    if ((word & format.present) == 0 || (at <= 3 && (word & kLargePage) != 0)) return std::nullopt;
    table = Space{word & kFrameBits};
  }
  return slot(table, address, level);
}

/// Entry at `level`, with tables made on the way and added to `owned`; owned[0] is the root.
/// @throws HarnessError if a larger page is in the way
template <class Space>
Space make_way(TableMemory<Space>& memory, const Format& format, std::vector<Space>& owned,
               unsigned top, std::uint64_t address, unsigned level) {
  Space table = owned.front();
  for (unsigned at = top; at > level; --at) {
    const Space entry = slot(table, address, at);
    std::uint64_t word = memory.read(entry);
    if ((word & format.present) == 0) {
      owned.push_back(memory.allocate());
      word = owned.back().value | format.link;
      memory.write(entry, word);
    } else if (at <= 3 && (word & kLargePage) != 0) {
      throw HarnessError("a larger page is mapped there");
    }
    table = Space{word & kFrameBits};
  }
  return slot(table, address, level);
}

template <class Space>
void store_leaf(TableMemory<Space>& memory, const Format& format, Space entry, std::uint64_t leaf) {
  if ((memory.read(entry) & format.present) != 0)
    throw HarnessError("something is mapped there already");
  memory.write(entry, leaf);
}

template <class Space>
bool clear_leaf(TableMemory<Space>& memory, const Format& format, Space table, unsigned top,
                std::uint64_t address) {
  for (unsigned level = top; level >= 1; --level) {
    const Space entry = slot(table, address, level);
    const std::uint64_t word = memory.read(entry);
    if ((word & format.present) == 0) return false;
    if (level == 1 || (level <= 3 && (word & kLargePage) != 0)) {
      memory.write(entry, 0);
      return true;
    }
    table = Space{word & kFrameBits};
  }
  return false;
}

void check_aligned(std::uint64_t address, std::uint64_t frame, PageSize size) {
  if (address % bytes_of(size) != 0 || frame % bytes_of(size) != 0) {
    throw HarnessError("address and frame must be aligned to the page size");
  }
}

}  // namespace

template <class Space>
FirstStageTable<Space>::FirstStageTable(TableMemory<Space>& memory, unsigned levels)
    : memory_(memory), levels_(levels) {
  if (levels != 4 && levels != 5) throw HarnessError("first-stage tables have 4 or 5 levels");
  owned_.push_back(memory_.allocate());
}

template <class Space>
FirstStageTable<Space>::~FirstStageTable() {
  for (const Space table : owned_) memory_.release(table);
}

template <class Space>
void FirstStageTable<Space>::map(Iova address, Space frame, PageSize size,
                                 FirstStageRights rights) {
  check_aligned(address.value, frame.value, size);
  const unsigned level = level_of(size);
  std::uint64_t leaf = frame.value | 0x1;
  if (rights.write) leaf |= 0x2;
  if (rights.user) leaf |= 0x4;
  if (level > 1) leaf |= kLargePage;
  store_leaf(memory_, kFirst, make_way(memory_, kFirst, owned_, levels_, address.value, level),
             leaf);
}

template <class Space>
bool FirstStageTable<Space>::unmap(Iova address) {
  return clear_leaf(memory_, kFirst, root(), levels_, address.value);
}

template <class Space>
std::optional<Space> FirstStageTable<Space>::entry_address(Iova address, unsigned level) const {
  return descend(memory_, kFirst, root(), levels_, address.value, level);
}

template class FirstStageTable<Hpa>;
template class FirstStageTable<Gpa>;

SecondStageTable::SecondStageTable(TableMemory<Hpa>& memory, unsigned levels)
    : memory_(memory), levels_(levels) {
  if (levels < 3 || levels > 5) throw HarnessError("second-stage tables have 3, 4 or 5 levels");
  owned_.push_back(memory_.allocate());
}

SecondStageTable::~SecondStageTable() {
  for (const Hpa table : owned_) memory_.release(table);
}

void SecondStageTable::map(Gpa address, Hpa frame, PageSize size, SecondStageRights rights) {
  check_aligned(address.value, frame.value, size);
  if (!rights.read && !rights.write)
    throw HarnessError("a second-stage entry without rights is no mapping");
  const unsigned level = level_of(size);
  std::uint64_t leaf = frame.value;
  if (rights.read) leaf |= 0x1;
  if (rights.write) leaf |= 0x2;
  if (rights.snoop) leaf |= 0x800;
  if (level > 1) leaf |= kLargePage;
  store_leaf(memory_, kSecond, make_way(memory_, kSecond, owned_, levels_, address.value, level),
             leaf);
}

bool SecondStageTable::unmap(Gpa address) {
  return clear_leaf(memory_, kSecond, root(), levels_, address.value);
}

std::optional<Hpa> SecondStageTable::entry_address(Gpa address, unsigned level) const {
  return descend(memory_, kSecond, root(), levels_, address.value, level);
}

}  // namespace siov::iommu::tables
