// SPDX-License-Identifier: Apache-2.0
// Root, context and PASID structures as software writes them.
#include "iommu/table_builder.hpp"

#include "common/error.hpp"

namespace siov::iommu::tables {

namespace {

constexpr std::uint64_t kPresent = 1;
constexpr std::uint64_t kTableBits = ~std::uint64_t{0xFFF};

/// AW: 1, 2, 3 for 3, 4, 5 levels.
std::uint64_t address_width(unsigned levels) {
  if (levels < 3 || levels > 5) throw HarnessError("second-stage tables have 3, 4 or 5 levels");
  return levels - 2;
}

}  // namespace

PasidSpec PasidSpec::first_stage(Hpa root, unsigned levels, std::uint16_t domain) {
  PasidSpec spec;
  spec.kind = PasidKind::kFirstStage;
  spec.domain = domain;
  spec.first_stage_root = root.value;
  spec.first_stage_levels = levels;
  return spec;
}

PasidSpec PasidSpec::second_stage(Hpa root, unsigned levels, std::uint16_t domain) {
  PasidSpec spec;
  spec.kind = PasidKind::kSecondStage;
  spec.domain = domain;
  spec.second_stage_root = root;
  spec.second_stage_levels = levels;
  return spec;
}

PasidSpec PasidSpec::nested(Gpa first_root, unsigned first_levels, Hpa second_root,
                            unsigned second_levels, std::uint16_t domain) {
  PasidSpec spec = second_stage(second_root, second_levels, domain);
  spec.kind = PasidKind::kNested;
  spec.first_stage_root = first_root.value;
  spec.first_stage_levels = first_levels;
  return spec;
}

PasidSpec PasidSpec::pass_through(std::uint16_t domain) {
  PasidSpec spec;
  spec.kind = PasidKind::kPassThrough;
  spec.domain = domain;
  return spec;
}

RemappingTables::RemappingTables(memory::PhysicalMemory& memory, memory::PageAllocator& frames)
    : memory_(memory), frames_(frames), root_(frames.allocate()) {}

RemappingTables::~RemappingTables() {
  for (const Hpa table : owned_) frames_.free(table);
  frames_.free(root_);
}

void RemappingTables::write(Hpa address, std::uint64_t value) {
  if (!memory_.write64(address, value)) throw HarnessError("table entry outside memory");
}

std::uint64_t RemappingTables::read(Hpa address) const {
  const std::optional<std::uint64_t> value = memory_.read64(address);
  if (!value) throw HarnessError("table entry outside memory");
  return *value;
}

Hpa RemappingTables::root_entry(RequesterId function) const {
  const std::uint64_t upper = function.devfn() >= 128 ? 8 : 0;
  return root_ + function.bus() * std::uint64_t{16} + upper;
}

Hpa RemappingTables::context_entry(RequesterId function) const {
  const std::uint64_t half = read(root_entry(function));
  if ((half & kPresent) == 0) throw HarnessError("the function's bus has no context table");
  return Hpa{half & kTableBits} + function.devfn() % 128 * std::uint64_t{32};
}

void RemappingTables::add_function(RequesterId function, const FunctionOptions& options) {
  if (options.directory_size > 7) throw HarnessError("PASID directory size code: 0..7");
  if (functions_.contains(function.value))
    throw HarnessError("the function has a context entry already");
  const Hpa root = root_entry(function);
  if ((read(root) & kPresent) == 0) {
    const Hpa table = frames_.allocate();
    owned_.push_back(table);
    write(root, table.value | kPresent);
  }
  const std::uint64_t directory_bytes = (std::uint64_t{128} << options.directory_size) * 8;
  const Hpa directory = frames_.allocate_range((directory_bytes + 4095) / 4096 * 4096);
  owned_.push_back(directory);
  functions_[function.value] = Function{directory, options.directory_size};

  std::uint64_t low = directory.value | std::uint64_t{options.directory_size} << 9 | kPresent;
  if (options.fault_disable) low |= 1u << 1;
  if (options.device_tlb) low |= 1u << 2;
  if (options.pasid_enable) low |= 1u << 3;
  if (options.page_requests) low |= 1u << 4;
  const Hpa entry = context_entry(function);
  write(entry + 8, options.rid_pasid.value | std::uint64_t{options.rid_privilege} << 20);
  write(entry, low);
}

const RemappingTables::Function& RemappingTables::function_of(RequesterId function) const {
  const auto found = functions_.find(function.value);
  if (found == functions_.end()) throw HarnessError("the function has no context entry");
  return found->second;
}

Hpa RemappingTables::directory_entry(RequesterId function, Pasid pasid) const {
  const Function& known = function_of(function);
  if (pasid.value >= std::uint32_t{1} << (known.directory_size + 13)) {
    throw HarnessError("PASID beyond the function's directory");
  }
  return known.directory + std::uint64_t{pasid.value / 64} * 8;
}

Hpa RemappingTables::pasid_entry(RequesterId function, Pasid pasid) const {
  const std::uint64_t directory = read(directory_entry(function, pasid));
  if ((directory & kPresent) == 0) throw HarnessError("the PASID has no table");
  return Hpa{directory & kTableBits} + pasid.value % 64 * std::uint64_t{64};
}

void RemappingTables::set_pasid(RequesterId function, Pasid pasid, const PasidSpec& spec) {
  const Hpa directory = directory_entry(function, pasid);
  if ((read(directory) & kPresent) == 0) {
    const Hpa table = frames_.allocate();
    owned_.push_back(table);
    write(directory, table.value | kPresent);
  }
  const Hpa entry = pasid_entry(function, pasid);
  if ((read(entry) & kPresent) != 0) throw HarnessError("the PASID table entry is in use");

  const bool second = spec.kind == PasidKind::kSecondStage || spec.kind == PasidKind::kNested;
  const bool first = spec.kind == PasidKind::kFirstStage || spec.kind == PasidKind::kNested;
  if (first && spec.first_stage_levels != 4 && spec.first_stage_levels != 5) {
    throw HarnessError("first-stage tables have 4 or 5 levels");
  }
  std::uint64_t low = static_cast<std::uint64_t>(spec.kind) << 6 | kPresent;
  if (spec.fault_disable) low |= 1u << 1;
  if (spec.second_stage_dirty) low |= 1u << 9;
  if (second) low |= spec.second_stage_root.value | address_width(spec.second_stage_levels) << 2;
  std::uint64_t middle = spec.domain;
  if (spec.walk_snoop) middle |= std::uint64_t{1} << 23;
  if (spec.page_snoop) middle |= std::uint64_t{1} << 24;
  std::uint64_t high = first ? spec.first_stage_root : 0;
  if (first && spec.first_stage_levels == 5) high |= 1u << 2;
  if (spec.supervisor) high |= 1u << 0;
  if (spec.write_protect) high |= 1u << 4;
  if (spec.extended_accessed) high |= 1u << 7;

  for (unsigned word = 3; word < 8; ++word) write(entry + word * 8, 0);
  write(entry + 16, high);
  write(entry + 8, middle);
  write(entry, low);
}

void RemappingTables::disable_pasid(RequesterId function, Pasid pasid) {
  const Hpa entry = pasid_entry(function, pasid);
  const std::uint64_t low = read(entry);
  if ((low & kPresent) == 0) throw HarnessError("the PASID table entry is not in use");
  write(entry, low & ~kPresent);
}

void RemappingTables::erase_pasid(RequesterId function, Pasid pasid) {
  const Hpa entry = pasid_entry(function, pasid);
  if ((read(entry) & kPresent) != 0) throw HarnessError("the PASID table entry is in use");
  for (unsigned word = 0; word < 8; ++word) write(entry + word * 8, 0);
}

void RemappingTables::clear_pasid(RequesterId function, Pasid pasid) {
  disable_pasid(function, pasid);
  erase_pasid(function, pasid);
}

void RemappingTables::set_second_stage_dirty(RequesterId function, Pasid pasid, bool on) {
  constexpr std::uint64_t kSsade = 1u << 9;
  const Hpa entry = pasid_entry(function, pasid);
  const std::uint64_t low = read(entry);
  if ((low & kPresent) == 0) throw HarnessError("the PASID table entry is not in use");
  write(entry, on ? low | kSsade : low & ~kSsade);
}

void RemappingTables::set_device_tlb(RequesterId function, bool device_tlb, bool page_requests) {
  constexpr std::uint64_t kDeviceTlb = 1u << 2;
  constexpr std::uint64_t kPageRequests = 1u << 4;
  const Hpa entry = context_entry(function);
  std::uint64_t low = read(entry) & ~(kDeviceTlb | kPageRequests);
  if (device_tlb) low |= kDeviceTlb;
  if (page_requests) low |= kPageRequests;
  write(entry, low);
}

}  // namespace siov::iommu::tables
