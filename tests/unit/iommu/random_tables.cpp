// SPDX-License-Identifier: Apache-2.0
// The random unit, memory, functions and PASID entries; damage; requests.
#include "random_tables.hpp"

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <span>

#include "random_tables_layout.hpp"

namespace siov::iommu::test {

bool RandomTables::chance(double percent) {
  return static_cast<double>(rng_() >> 11) * 0x1p-53 * 100.0 < percent;
}

std::uint64_t RandomTables::below(std::uint64_t limit) {
  return boost::random::uniform_int_distribution<std::uint64_t>(0, limit - 1)(rng_);
}

void RandomTables::choose_unit() {
  const auto usually = [this] { return !chance(6); };
  unit_ = {};
  unit_.haw = static_cast<unsigned>(pick(std::vector<unsigned>{46, 46, 46, 48, 52}));
  unit_.mgaw = pick(std::vector<unsigned>{57, 57, 57, 57, 48, 48, 44, 39});
  unit_.domain_bits = chance(70) ? 16 : 6;
  unit_.pasid_bits = chance(95) ? 20 : 12;
  unit_.fault_records = static_cast<unsigned>(1 + below(8));
  for (bool* flag : {&unit_.second_stage_3_level, &unit_.second_stage_4_level,
                     &unit_.second_stage_5_level, &unit_.second_stage_2m, &unit_.second_stage_1g,
                     &unit_.first_stage_1g, &unit_.first_stage_5_level, &unit_.zero_length_read,
                     &unit_.first_stage, &unit_.second_stage, &unit_.nested, &unit_.pass_through,
                     &unit_.rid_pasid, &unit_.supervisor, &unit_.second_stage_dirty,
                     &unit_.snoop_control, &unit_.coherent_walk, &unit_.device_tlb})
    *flag = usually();
  unit_.pasid = !chance(2);
  unit_.rid_privilege = unit_.supervisor && chance(50);
  unit_.extended_accessed = unit_.first_stage && unit_.coherent_walk && chance(50);
  unit_.page_requests = unit_.device_tlb && chance(80);
  unit_.no_write_flag = unit_.no_write_flag && unit_.device_tlb;
  unit_.throttling = unit_.page_drain = unit_.device_tlb;
  unit_.abort_dma = chance(50);
  unit_.nested = unit_.nested && unit_.first_stage && unit_.second_stage;
  unit_.second_stage_dirty = unit_.second_stage_dirty && unit_.coherent_walk;
  unit_.iotlb_entries = chance(50) ? 16 : 1024;
  unit_.structure_entries = pick(std::vector<unsigned>{0, 16, 256});
  unit_.caching_mode = chance(10);
}

void RandomTables::choose_memory() {
  using memory::RamKind;
  using memory::RamRange;
  memory_ = std::make_unique<memory::PhysicalMemory>(
      std::vector<RamRange>{{Hpa{0}, kRom},
                            {Hpa{kRom}, 0x20'0000, RamKind::kReadOnly},
                            {Hpa{kData}, 0x4000'0000},
                            {Hpa{kHighData}, std::uint64_t{4} << 30},
                            {Hpa{(std::uint64_t{1} << unit_.haw) - 0x20'0000}, 0x20'0000}},
      unit_.haw);
}

RandomTables::RandomTables(Rng& rng) : rng_(rng) {
  choose_unit();
  choose_memory();
  defects_ = chance(50) ? 0 : 0.4;
  vm_levels_ = static_cast<unsigned>(3 + below(3));
  if (unit_.mgaw < 48 && chance(80)) vm_levels_ = 3;
  root_ = table_page();
  build_first();
  build_second();
  build_guest();
  unsigned number = 0;
  for (const std::uint16_t rid : {0x8190, 0x8110, 0x0107}) build_function(rid, number++);
  registers_ = {.root = root_, .ttm = 1, .translation = true};
}

std::uint64_t RandomTables::table_page(unsigned count) {
  std::uint64_t& next = count == 1 && chance(1) ? next_rom_ : next_page_;
  const std::uint64_t page = next;
  next += count * kPageSize;
  for (unsigned i = 0; i < count && i < 2; ++i) pages_.push_back(page + i * kPageSize);
  return page;
}

std::uint64_t RandomTables::data_page(unsigned shift) {
  const bool high = chance(50);
  if (shift == 30) return high ? kHighData + (below(4) << 30) : kData;
  if (chance(1)) return 0xFEE0'0000 + (shift == 12 ? below(256) << 12 : 0);
  if (chance(1)) return (std::uint64_t{1} << unit_.haw) - (std::uint64_t{1} << shift);
  return (high ? kHighData : kData) + (below(6) << shift) + (shift == 12 ? 0 : 0x20'0000);
}

bool RandomTables::structure_page(std::uint64_t page) const {
  return std::ranges::any_of(entries_, [page](const Entry& e) {
    return e.layer < Layer::kFirst && (e.address & ~std::uint64_t{0xFFF}) == page;
  });
}

void RandomTables::write(std::uint64_t address, std::uint64_t value) {
  (void)memory_->load(Hpa{address}, std::as_bytes(std::span(&value, 1)));
}

std::uint64_t RandomTables::word(std::uint64_t address) const {
  return memory_->read64(Hpa{address}).value_or(0);
}

void RandomTables::build_function(std::uint16_t rid, unsigned number) {
  const unsigned bus = rid >> 8;
  const unsigned devfn = rid & 0xFF;
  const std::uint64_t half = root_ + bus * 16 + devfn / 128 * 8;
  const std::uint64_t contexts = table_page();
  write(half, contexts | 1);
  entries_.push_back({half, 1, Layer::kRoot});
  rids_.push_back(rid);

  const std::uint64_t context = contexts + devfn % 128 * 32;
  const unsigned pdts = static_cast<unsigned>(chance(70) ? 7 : below(8));
  const std::uint64_t limit = std::uint64_t{1} << (pdts + 13);
  const unsigned directory_pages = pdts < 2 ? 1u : 1u << (pdts - 2);
  const std::uint64_t directory = table_page(directory_pages);

  std::vector<std::uint32_t> pasids{1, 2, 0x40, 0x7F, 0x1FFF, 0x12345 & 0x7FFF, 0x12345, 0xFFFFF};
  const std::uint32_t rid_pasid =
      unit_.rid_pasid ? static_cast<std::uint32_t>(pick(std::vector<int>{0, 0, 3, 0x41, 0x1000}))
                      : 0;
  std::uint64_t word0 = directory | 1 | std::uint64_t{pdts} << 9;
  word0 |= std::uint64_t{chance(10)} << 1;
  if (unit_.device_tlb && !chance(10)) {
    word0 |= 1u << 2;
    if (unit_.page_requests && chance(50)) word0 |= 1u << 4;
  }
  if (unit_.pasid && !chance(3)) word0 |= 1u << 3;
  std::uint64_t word1 = rid_pasid;
  if (unit_.rid_privilege && chance(40)) word1 |= 1u << 20;
  write(context, word0);
  write(context + 8, word1);
  entries_.push_back({context, 4, Layer::kContext});

  unsigned k = 0;
  const auto add = [&](std::uint32_t pasid, bool explicit_pasid) {
    Bound b{.rid = rid, .explicit_pasid = explicit_pasid, .pasid = pasid};
    b.domain = static_cast<std::uint16_t>(number * 16 + ++k);
    bind(directory, b);
  };
  add(rid_pasid, false);
  for (const std::uint32_t pasid : pasids)
    if (pasid < limit && pasid != rid_pasid && chance(75)) add(pasid, true);
}

void RandomTables::bind(std::uint64_t directory, const Bound& wanted) {
  Bound b = wanted;
  const std::uint64_t slot = directory + (b.pasid >> 6) * 8;
  if (word(slot) == 0) {
    write(slot, table_page() | 1 | std::uint64_t{chance(5)} << 1);
    entries_.push_back({slot, 1, Layer::kDirectory});
    const std::uint64_t page = slot & ~std::uint64_t{0xFFF};
    if (std::ranges::find(pages_, page) == pages_.end()) pages_.push_back(page);
  }
  b.entry = (word(slot) & ~0xFFFull) + (b.pasid & 63) * 64;

  b.pgtt = pick(std::vector<unsigned>{1, 1, 2, 2, 3, 3, 3, 4});
  if (b.pgtt == 1 && !unit_.first_stage) b.pgtt = 2;
  if (b.pgtt == 3 && !unit_.nested) b.pgtt = 2;
  if (b.pgtt == 2 && !unit_.second_stage) b.pgtt = 4;
  b.first_levels = unit_.first_stage_5_level && chance(40) ? 5 : 4;
  b.second_levels = b.pgtt == 3 && chance(97) ? vm_levels_ : static_cast<unsigned>(3 + below(3));
  const auto flag = [this](bool supported, double percent, unsigned bit) {
    return supported && chance(percent) ? std::uint64_t{1} << bit : 0;
  };
  std::uint64_t words[3] = {};
  words[0] = 1 | b.pgtt << 6 | (b.second_levels - 2) << 2;
  words[0] |= second_.tables[b.second_levels][0];
  words[0] |= flag(true, 4, 1) | flag(unit_.second_stage_dirty, 50, 9);
  if (chance(1)) b.domain |= 0x8000;  // too wide, if the unit has fewer domain bits
  words[1] = b.domain | below(0x80) << 25 | below(std::uint64_t{1} << 32) << 32;
  words[1] |= flag(unit_.coherent_walk, 85, 23) | flag(unit_.snoop_control, 30, 24);
  words[2] = (b.first_levels - 4) << 2;
  words[2] |= b.pgtt == 3 ? guest_.tables[b.first_levels][0] : first_.tables[b.first_levels][0];
  words[2] |= flag(unit_.supervisor, 70, 0) | flag(true, 50, 4) | flag(true, 50, 5) |
              flag(true, 50, 6) | flag(unit_.extended_accessed, 50, 7);
  for (unsigned i = 0; i < 3; ++i) write(b.entry + 8 * i, words[i]);
  entries_.push_back({b.entry, 8, Layer::kPasid});
  bound_.push_back(b);
}

RandomTables::Damage RandomTables::damage() {
  // Pages have most of the entries; the few others are met nearly as often.
  const auto layer = pick(std::vector<Layer>{Layer::kRoot, Layer::kContext, Layer::kDirectory,
                                             Layer::kPasid, Layer::kPasid, Layer::kFirst,
                                             Layer::kFirst, Layer::kSecond, Layer::kSecond});
  Entry entry = pick(entries_);
  for (int i = 0; i < 200 && entry.layer != layer; ++i) entry = pick(entries_);
  const std::uint64_t at =
      entry.address + 8 * below(entry.words > 4 && chance(80) ? 3 : entry.words);
  const std::uint64_t before = word(at);
  std::uint64_t after = before;
  constexpr std::uint64_t kAddress = 0xF'FFFF'FFFF'F000;
  const std::uint64_t rest = before & ~kAddress;
  switch (below(12)) {
    case 0:
      after = rng_();
      break;
    case 1:
      after = before & ~std::uint64_t{3};
      break;  // not present
    case 2:
      after = rest | kHole;
      break;  // cannot be fetched
    case 3:
      after = rest | (kRom + (below(4) << 12));
      break;  // cannot be updated
    case 4:
      after = before | std::uint64_t{1} << (unit_.haw - 1 + below(2));
      break;
    case 5:
      after = before ^ std::uint64_t{1} << below(12);
      break;
    case 6:
      after = before ^ std::uint64_t{1} << (12 + below(18));
      break;  // misaligned large page
    case 7:
      after = rest | pick(pages_);
      break;  // a table of another kind
    case 8:
      after = before ^ std::uint64_t{1} << (48 + below(16));
      break;
    case 9:
      after = before & ~std::uint64_t{1 | 1u << 5 | 1u << 8};
      break;
    default:
      after = before ^ std::uint64_t{1} << below(64);
      break;
  }
  // Two entries with one domain id must agree about their tables: the DID stays.
  if (entry.layer == Layer::kPasid && at == entry.address + 8)
    after = (after & ~std::uint64_t{0xFFFF}) | (before & 0xFFFF);
  write(at, after);
  return {entry.layer, at, before};
}

reference::Request RandomTables::request() {
  if (chance(2)) {  // nobody is bound there
    reference::Request r = request_of(pick(bound_));
    r.rid = pick(std::vector<std::uint16_t>{0x8191, 0x4200, 0x0107, 0x8100});
    return r;
  }
  reference::Request r = request_of(pick(bound_));
  if (chance(2)) r.pasid = static_cast<std::uint32_t>(below(std::uint64_t{1} << (1 + below(20))));
  if (chance(1)) r.with_pasid = !r.with_pasid;
  const std::uint64_t kind = below(100);
  if (kind < 25) {
    r.at = reference::kTranslationRequest;
    r.address &= ~std::uint64_t{0xFFF};
    r.write = false;
    r.bytes = 8;
    r.no_write = chance(40);
  } else if (kind < 31) {
    r.at = reference::kTranslated;
    r.with_pasid = chance(8) && r.with_pasid;
    r.address =
        chance(85) ? data_page(12) + below(64) * 64 : rng_() >> below(30) & ~std::uint64_t{63};
  } else if (kind < 32) {
    r.at = reference::kReservedAt;
  }
  return r;
}

reference::Request RandomTables::request_of(const Bound& b) {
  reference::Request r;
  r.rid = b.rid;
  r.with_pasid = b.explicit_pasid;
  r.pasid = b.pasid;
  if (!r.with_pasid) r.pasid = 0;
  r.privileged = r.with_pasid && chance(35);
  r.write = chance(45);
  const unsigned bytes = pick(std::vector<unsigned>{8, 8, 8, 8, 64, 4, 0});
  r.bytes = r.write && bytes == 0 ? 8 : bytes;
  if (b.pgtt == 4) {
    r.address = chance(80) ? data_page(12) : data_page(30);
  } else {
    const bool first = b.pgtt == 1 || b.pgtt == 3;
    r.address = address_in(first, first ? b.first_levels : b.second_levels);
  }
  r.address |= below(kPageSize / 64) * 64;
  if (chance(1)) r.address ^= std::uint64_t{1} << (30 + below(34));
  if (chance(0.5)) r.address = rng_() & ~std::uint64_t{63};
  if (chance(0.5)) r.address = 0xFEE0'0000 + below(0x4000) * 64;
  return r;
}

}  // namespace siov::iommu::test
