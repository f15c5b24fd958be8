// SPDX-License-Identifier: Apache-2.0
// Tables in host memory and in a guest's memory.
#include "iommu/table_memory.hpp"

#include <optional>

#include "common/error.hpp"

namespace siov::iommu::tables {

namespace {

std::uint64_t must(std::optional<std::uint64_t> value) {
  if (!value) throw HarnessError("table entry outside memory");
  return *value;
}
void must(bool done) {
  if (!done) throw HarnessError("table entry outside memory");
}

}  // namespace

Hpa HostTableMemory::allocate() { return frames_.allocate(); }
void HostTableMemory::release(Hpa table) { frames_.free(table); }
std::uint64_t HostTableMemory::read(Hpa entry) { return must(memory_.read64(entry)); }
void HostTableMemory::write(Hpa entry, std::uint64_t value) { must(memory_.write64(entry, value)); }

Gpa GuestTableMemory::allocate() { return guest_.allocate(); }
void GuestTableMemory::release(Gpa table) { guest_.free(table); }
std::uint64_t GuestTableMemory::read(Gpa entry) { return must(guest_.read64(entry)); }
void GuestTableMemory::write(Gpa entry, std::uint64_t value) { must(guest_.write64(entry, value)); }

}  // namespace siov::iommu::tables
