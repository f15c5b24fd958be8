// SPDX-License-Identifier: Apache-2.0
// Machine: one tenant's machine. Gives out scattered host pages; when it is a virtual machine also
// guest-physical memory and the second-stage tables that map all of it.
//
//   guest::MachineConfig config;
//   config.guest_bytes = 64 << 20;
//   guest::Machine machine(memory, frames, config);
//   const Hpa root = machine.second_stage_root();
#pragma once

#include <boost/random/mersenne_twister.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "common/types.hpp"
#include "iommu/page_table_builder.hpp"
#include "iommu/table_memory.hpp"
#include "memory/guest_memory.hpp"
#include "memory/page_allocator.hpp"
#include "memory/physical_memory.hpp"

namespace siov::guest {

/// Memory of one host, and what a machine has of it.
class HostPlace {
 public:
  HostPlace(memory::PhysicalMemory& memory, memory::PageAllocator& frames)
      : memory(memory), frames(frames), tables(memory, frames) {}
  /// Gives everything back that is still owned.
  ~HostPlace();
  HostPlace(const HostPlace&) = delete;
  HostPlace& operator=(const HostPlace&) = delete;

  memory::PhysicalMemory& memory;
  memory::PageAllocator& frames;
  iommu::tables::HostTableMemory tables;
  std::vector<Hpa> pool;   ///< 4 KiB pages taken but not given out
  std::vector<Hpa> owned;  ///< given out
};

struct MachineConfig {
  std::uint64_t guest_bytes = std::uint64_t{64}
                              << 20;  ///< guest-physical memory, multiple of page_bytes
  std::uint64_t page_bytes =
      kPageSize;  ///< host pages behind it, and second-stage leaves: 4 KiB or 2 MiB
  std::uint8_t second_stage_levels = 4;  ///< 3, 4 or 5
  std::uint64_t seed = 1;                ///< decides which host pages are taken
};

class Machine {
 public:
  Machine(memory::PhysicalMemory& memory, memory::PageAllocator& frames,
          MachineConfig config = MachineConfig{});
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// Guest-physical memory; made on first use.
  [[nodiscard]] memory::GuestMemory& guest_memory();
  /// Root of the second-stage tables, which map all guest memory read-write; made on first use.
  [[nodiscard]] Hpa second_stage_root();
  [[nodiscard]] std::uint8_t second_stage_levels() const { return config_.second_stage_levels; }
  /// Of second-stage leaves.
  [[nodiscard]] std::uint64_t page_bytes() const { return config_.page_bytes; }

  /// A zeroed host page, not next to the one before. @param bytes 4 KiB or 2 MiB
  [[nodiscard]] Hpa take_frame(std::uint64_t bytes);
  /// Second-stage leaf of a guest page, for demand paging of a VM. @return false if there was none
  bool unmap_guest_page(Gpa page);
  void map_guest_page(Gpa page);
  /// Puts a fresh host page with the same contents behind a guest page of 4 KiB that is not mapped,
  /// and retires the old one.
  void relocate_guest_page(Gpa page);

  /// Told of each second-stage leaf that is taken away, with the entry as it was: its dirty bit
  /// goes with it. May be empty.
  using UnmapListener = std::function<void(Gpa page, std::uint64_t bytes, std::uint64_t entry)>;
  void set_unmap_listener(UnmapListener listener) { unmap_listener_ = std::move(listener); }

  // The log of what the CPUs write, by host page. Pages that are not guest memory are left out.
  void log_writes(bool on);
  [[nodiscard]] bool logs_writes() const { return guest_memory_ && guest_memory_->logs_writes(); }
  /// @param page  4 KiB aligned
  void wrote(Hpa page);

  /// What is behind guest memory: a host page for each guest page, in order, and the tables.
  struct Backing {
    std::shared_ptr<HostPlace> place;  ///< whose memory they are in
    std::vector<Hpa> frames;
    std::unique_ptr<iommu::tables::SecondStageTable> second_stage;
  };
  /// Everything at once; contents are the caller's business. Leaves that are absent now are absent
  /// in the new tables. From now on the machine takes pages of that place. @param fresh  maps all
  /// of guest memory  @return what was there, now the caller's
  [[nodiscard]] Backing exchange_backing(Backing fresh);

  /// Takes a 4 KiB page out of use that no device may reach any more. It is overwritten with a
  /// pattern, so that a late read gets wrong bytes and a late write is seen. It comes back into use
  /// after kQuarantine others.
  void retire(Hpa frame) { put_into_quarantine({frame, std::nullopt, place_}); }
  /// The same for a guest page that nothing in the guest maps.
  void retire(Gpa page);
  /// Retired pages that somebody has written to.
  [[nodiscard]] std::uint64_t stale_writes() const;

  /// Zeroed host pages in one piece. @param bytes multiple of 4 KiB
  [[nodiscard]] Hpa take_contiguous(std::uint64_t bytes);

  /// Of the host that the machine is on.
  [[nodiscard]] memory::PhysicalMemory& memory() { return place_->memory; }
  [[nodiscard]] const std::shared_ptr<HostPlace>& place() const { return place_; }
  [[nodiscard]] iommu::tables::HostTableMemory& host_tables() { return place_->tables; }
  [[nodiscard]] iommu::tables::GuestTableMemory& guest_tables();

 private:
  static constexpr std::size_t kQuarantine = 256;
  struct Retired {
    Hpa host;
    std::optional<Gpa> guest;          ///< frame of the guest's allocator, not of the host's
    std::shared_ptr<HostPlace> place;  ///< that it is in
  };
  void put_into_quarantine(Retired page);
  void index_guest_pages();
  [[nodiscard]] static bool untouched(const Retired& page);
  [[nodiscard]] iommu::tables::SecondStageTable& second_stage();

  std::shared_ptr<HostPlace> home_;  ///< first-stage tables stay in it
  std::shared_ptr<HostPlace> place_;
  MachineConfig config_;
  std::unique_ptr<memory::GuestMemory> guest_memory_;
  std::unique_ptr<iommu::tables::GuestTableMemory> guest_tables_;
  std::unique_ptr<iommu::tables::SecondStageTable> second_stage_;
  boost::random::mt19937_64 engine_;
  std::deque<Retired> quarantine_;
  UnmapListener unmap_listener_;
  std::unordered_map<std::uint64_t, Gpa> guest_pages_;  ///< by host page, while writes are logged
  std::uint64_t stale_writes_ = 0;                      ///< among those that have left quarantine
};

}  // namespace siov::guest
