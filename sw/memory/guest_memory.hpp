// SPDX-License-Identifier: Apache-2.0
// GuestMemory: guest-physical memory of one VM, from GPA 0 up, backed by scattered host pages.
//
//   memory::GuestMemory vm(memory, frames, {.bytes = 64 << 20, .seed = 7});
//   Gpa buffer = vm.allocate(8192);
//   if (!vm.write(buffer, bytes)) ...
//   for (const memory::GuestPage& p : vm.pages()) second_stage.map(p.guest, p.host, ...);
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "common/types.hpp"
#include "memory/extent_allocator.hpp"
#include "memory/page_allocator.hpp"
#include "memory/physical_memory.hpp"

namespace siov::memory {

struct GuestMemoryConfig {
  std::uint64_t bytes = std::uint64_t{64} << 20;  ///< multiple of page_bytes
  std::uint64_t page_bytes = kSize4K;  ///< size of the backing host pages: 4 KiB, 2 MiB or 1 GiB
  std::uint64_t seed = 1;              ///< decides which host page backs which guest page
};

/// One backing page.
struct GuestPage {
  Gpa guest;
  Hpa host;
};

class GuestMemory {
 public:
  /// Takes its frames from the allocator and gives them back when destroyed.
  GuestMemory(PhysicalMemory& memory, PageAllocator& frames, const GuestMemoryConfig& config);
  ~GuestMemory();
  GuestMemory(const GuestMemory&) = delete;
  GuestMemory& operator=(const GuestMemory&) = delete;

  [[nodiscard]] std::uint64_t bytes() const { return config_.bytes; }
  [[nodiscard]] std::uint64_t page_bytes() const { return config_.page_bytes; }
  /// Where a guest-physical byte lives; nothing outside the VM's memory.
  [[nodiscard]] std::optional<Hpa> host_address(Gpa address) const;
  /// All backing pages in guest order.
  [[nodiscard]] const std::vector<GuestPage>& pages() const { return pages_; }

  /// Copies across pages. @return false if any byte is outside; nothing is then copied
  [[nodiscard]] bool read(Gpa address, std::span<std::byte> out) const;
  [[nodiscard]] bool write(Gpa address, std::span<const std::byte> data);
  [[nodiscard]] std::optional<std::uint64_t> read64(Gpa address) const;
  [[nodiscard]] bool write64(Gpa address, std::uint64_t value);

  /// The guest's own page allocator; GPA page 0 is never given out. Memory comes zeroed.
  /// @param bytes multiple of 4 KiB  @throws HarnessError when the guest is full
  [[nodiscard]] Gpa allocate(std::uint64_t bytes = kSize4K, std::uint64_t alignment = kSize4K);
  void free(Gpa base);
  /// Another host page behind a guest page; contents are the caller's business. From now on this
  /// object owns the new one. @param page  aligned to page_bytes()  @return the old host page,
  /// which the caller owns  @throws HarnessError outside the VM's memory
  [[nodiscard]] Hpa relocate(Gpa page, Hpa host);
  /// Every host page has been exchanged for one of another host: later ones, and those that are
  /// given back at the end, are that host's.
  void change_host(PhysicalMemory& memory, PageAllocator& frames) {
    memory_ = &memory;
    frames_ = &frames;
  }
  // Which pages the guest's CPUs write. Who writes host memory directly says so with note_write().
  /// Starts with nothing written, or ends.
  void log_writes(bool on);
  [[nodiscard]] bool logs_writes() const { return log_on_; }
  void note_write(Gpa address, std::uint64_t bytes);
  /// 4 KiB pages written since the log began or the last call, ascending.
  [[nodiscard]] std::vector<Gpa> take_writes();

  [[nodiscard]] std::size_t outstanding() const { return extents_.outstanding(); }

 private:
  [[nodiscard]] bool inside(Gpa address, std::uint64_t bytes) const;

  PhysicalMemory* memory_;
  PageAllocator* frames_;
  GuestMemoryConfig config_;
  unsigned page_shift_ = 12;
  std::vector<GuestPage> pages_;
  ExtentAllocator extents_;
  bool log_on_ = false;
  std::set<std::uint64_t> written_;  ///< numbers of 4 KiB pages
};

}  // namespace siov::memory
