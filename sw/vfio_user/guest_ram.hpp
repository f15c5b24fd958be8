// SPDX-License-Identifier: Apache-2.0
// GuestRam: the memory that a client has opened for DMA, range by range: mapped into this process,
// or reached by messages only.
//
//   GuestRam ram;
//   ram.map({.address = Gpa{0}, .bytes = 512 << 20, .readable = true, .writable = true},
//   std::move(fd)); if (const std::byte* p = ram.host(Gpa{0x1000}, 64)) ... if
//   (!ram.write(Gpa{0x1000}, bytes)) ...            // not mapped for writing: nothing was written
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "common/types.hpp"
#include "vfio_user/file_descriptor.hpp"

namespace siov::vfio_user {

/// A range of one DMA_MAP.
struct DmaRange {
  Gpa address;                    ///< multiple of 4096
  std::uint64_t bytes = 0;        ///< multiple of 4096, not 0
  std::uint64_t file_offset = 0;  ///< of the first byte in the descriptor [bytes]
  bool readable = false;
  bool writable = false;
  bool shared = false;  ///< mapped into this process; set by GuestRam
  bool operator==(const DmaRange&) const = default;
};

enum class DmaAccess : std::uint8_t { kRead, kWrite };

/// How bytes can be reached.
enum class Reach : std::uint8_t {
  kMapped,     ///< all of them through memory of this process
  kByMessage,  ///< at least one byte needs a DMA message
  kNoRight,    ///< known, but a byte may not be accessed so
  kUnknown,    ///< a byte is in no range
};

class GuestRam {
 public:
  /// @param max_ranges  ranges at once, 1 or more
  explicit GuestRam(std::size_t max_ranges = 65535);
  ~GuestRam();
  GuestRam(const GuestRam&) = delete;
  GuestRam& operator=(const GuestRam&) = delete;

  /// Adds a range. @param fd  empty: reached by messages only
  /// @return 0, or EINVAL (not on the 4 KiB grid, empty, beyond 2^64, no right at all, file too
  /// short), EEXIST (overlaps), ENOSPC (too many ranges), or the errno of mmap
  [[nodiscard]] int map(const DmaRange& range, FileDescriptor fd);
  /// The ranges that lie wholly in [address, address + bytes): what an unmap takes out. A whole
  /// address space may be named, also an empty one.
  /// @return 0, or EINVAL (not on the grid, empty, beyond 2^64, or cuts a range)
  [[nodiscard]] int find(Gpa address, std::uint64_t bytes, std::vector<DmaRange>& out) const;
  /// Takes out one range exactly. @return whether there was one
  bool remove(Gpa address, std::uint64_t bytes);
  void clear();

  [[nodiscard]] Reach reach(Gpa address, std::uint64_t bytes, DmaAccess access) const;
  /// The range that holds the byte; nullptr if none does.
  [[nodiscard]] const DmaRange* range_at(Gpa address) const;
  /// Pointer to bytes that one mapped range holds and lets be read; else nullptr. Valid until the
  /// range is taken out.
  [[nodiscard]] const std::byte* host(Gpa address, std::uint64_t bytes) const;
  /// The same for bytes that may be written.
  [[nodiscard]] std::byte* host_writable(Gpa address, std::uint64_t bytes);

  /// Copies across ranges that touch. @return false if not kMapped; nothing was copied then
  [[nodiscard]] bool read(Gpa address, std::span<std::byte> out) const;
  [[nodiscard]] bool write(Gpa address, std::span<const std::byte> data);

  [[nodiscard]] std::size_t size() const { return ranges_.size(); }
  [[nodiscard]] std::vector<DmaRange> ranges() const;
  /// Whether all readable and writable ranges are mapped.
  [[nodiscard]] bool all_shared() const;

 private:
  class Mapping;
  struct Entry {
    DmaRange range;
    std::unique_ptr<Mapping> mapping;  ///< null: by message
  };
  [[nodiscard]] const Entry* entry_at(std::uint64_t address) const;
  [[nodiscard]] std::byte* pointer(Gpa address, std::uint64_t bytes, DmaAccess access) const;

  std::size_t max_ranges_;
  std::map<std::uint64_t, Entry> ranges_;  ///< by first address
  mutable const Entry* recent_ = nullptr;
};

}  // namespace siov::vfio_user
