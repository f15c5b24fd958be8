// SPDX-License-Identifier: Apache-2.0
// MemoryMover: another host's memory for a virtual machine, and the way there. What is left behind
// is watched: nothing may write it any more.
//
//   guest::MemoryMover mover(machine, memory_there, frames_there, 7);
//   mover.add(space);
//   target.bind_pasid(vm, Pasid{7}, mover.there(space.descriptor()));
//   co_await vdcm::migrate(plan, mover, options);
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "guest/address_space.hpp"
#include "guest/machine.hpp"
#include "memory/page_allocator.hpp"
#include "vdcm/dirty_log.hpp"
#include "vdcm/migration_memory.hpp"

namespace siov::guest {

class MemoryMover final : public vdcm::MigrationMemory {
 public:
  /// Takes a page of the other host for every guest page.
  /// @param machine, memory, frames  outlive this; memory of the other host
  /// @param seed  decides which
  MemoryMover(Machine& machine, memory::PhysicalMemory& memory, memory::PageAllocator& frames,
              std::uint64_t seed);
  /// Frees what the machine does not use: the other host's pages, or the old ones. No PASID may be
  /// bound to them any more.
  ~MemoryMover() override;
  MemoryMover(const MemoryMover&) = delete;
  MemoryMover& operator=(const MemoryMover&) = delete;

  /// The space moves with the machine. @param space  in guest-physical memory, outlives this
  void add(AddressSpace& space) { spaces_.push_back(&space); }
  /// The same space with the other host's second stage.
  [[nodiscard]] vdcm::Space there(vdcm::Space space) const;
  [[nodiscard]] bool moved() const { return moved_; }
  /// Pages of the host that was left which somebody has written since.
  [[nodiscard]] std::uint64_t stale_writes() const;
  /// Pages whose contents differ between the two hosts, before the switch.
  [[nodiscard]] std::uint64_t different() const;

  [[nodiscard]] std::uint64_t bytes() const override;
  void log_writes(bool on) override { machine_.log_writes(on); }
  [[nodiscard]] std::vector<Gpa> take_writes() override;
  void copy(Gpa address, std::uint64_t bytes) override;
  void switch_over() override;

 private:
  Machine& machine_;
  Machine::Backing there_;  ///< after the switch: what was left
  Hpa root_;
  std::vector<AddressSpace*> spaces_;
  bool moved_ = false;
};

}  // namespace siov::guest
