// SPDX-License-Identifier: Apache-2.0
// TableMemory: where a table builder keeps its tables. Host tables live at HPAs, a guest's own
// tables at GPAs.
//
//   iommu::tables::HostTableMemory host(memory, frames);
//   iommu::tables::GuestTableMemory guest(vm_memory);
#pragma once

#include <cstdint>

#include "common/types.hpp"
#include "memory/guest_memory.hpp"
#include "memory/page_allocator.hpp"
#include "memory/physical_memory.hpp"

namespace siov::iommu::tables {

/// @tparam Space address type of the tables and of the frames a first-stage leaf names: Hpa or Gpa
template <class Space>
class TableMemory {
 public:
  virtual ~TableMemory() = default;
  /// A zeroed 4 KiB table.
  virtual Space allocate() = 0;
  virtual void release(Space table) = 0;
  /// @throws HarnessError outside memory
  virtual std::uint64_t read(Space entry) = 0;
  virtual void write(Space entry, std::uint64_t value) = 0;
};

class HostTableMemory final : public TableMemory<Hpa> {
 public:
  HostTableMemory(memory::PhysicalMemory& memory, memory::PageAllocator& frames)
      : memory_(memory), frames_(frames) {}
  Hpa allocate() override;
  void release(Hpa table) override;
  std::uint64_t read(Hpa entry) override;
  void write(Hpa entry, std::uint64_t value) override;

 private:
  memory::PhysicalMemory& memory_;
  memory::PageAllocator& frames_;
};

class GuestTableMemory final : public TableMemory<Gpa> {
 public:
  explicit GuestTableMemory(memory::GuestMemory& guest) : guest_(guest) {}
  Gpa allocate() override;
  void release(Gpa table) override;
  std::uint64_t read(Gpa entry) override;
  void write(Gpa entry, std::uint64_t value) override;

 private:
  memory::GuestMemory& guest_;
};

}  // namespace siov::iommu::tables
