// SPDX-License-Identifier: Apache-2.0
// PhysicalMemory: sparse host physical memory. Storage appears with the first write; unwritten RAM
// reads as zeros.
//
//   memory::PhysicalMemory memory;                        // 64 GiB, 46-bit addresses
//   if (!memory.write(Hpa{0x1000}, bytes)) ...            // outside RAM: nothing was written
//   std::optional<std::uint64_t> entry = memory.read64(Hpa{0x1000});
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "common/types.hpp"

namespace siov::memory {

/// Bytes are RAM, or RAM that refuses writes.
enum class RamKind : std::uint8_t { kReadWrite, kReadOnly };

/// A run of populated addresses, multiple of 4 KiB.
struct RamRange {
  Hpa base;
  std::uint64_t bytes = 0;
  RamKind kind = RamKind::kReadWrite;
};

/// RAM below 2 GiB and, for what does not fit there, from 4 GiB up; between them is room for
/// devices and FEEx_xxxxh. @param bytes  multiple of 4 KiB
[[nodiscard]] std::vector<RamRange> standard_ram(std::uint64_t bytes = std::uint64_t{64} << 30);

class PhysicalMemory {
 public:
  /// RAM as standard_ram() has it.
  /// @param bytes  RAM [bytes], multiple of 4 KiB
  /// @param haw    host address width [bits], 46..52
  /// @throws HarnessError for values outside these ranges
  explicit PhysicalMemory(std::uint64_t bytes = std::uint64_t{64} << 30, unsigned haw = 46);
  /// RAM exactly at these ranges. @throws HarnessError if they overlap, are not page-aligned or
  /// exceed the width.
  explicit PhysicalMemory(const std::vector<RamRange>& ranges, unsigned haw = 46);
  PhysicalMemory(const PhysicalMemory&) = delete;
  PhysicalMemory& operator=(const PhysicalMemory&) = delete;

  /// Makes memory of this process, which others may use too, RAM at a range.
  /// @param bytes  range.bytes of them, valid until detach()  @throws HarnessError as for ranges
  void attach(const RamRange& range, std::byte* bytes);
  /// Takes such a range away. @throws HarnessError if nothing was attached there
  void detach(Hpa base);

  [[nodiscard]] unsigned haw() const { return haw_; }
  [[nodiscard]] const std::vector<RamRange>& ranges() const { return ranges_; }
  /// Whether all bytes are RAM (readable).
  [[nodiscard]] bool populated(Hpa address, std::uint64_t bytes) const;

  /// Whether all bytes are RAM that takes writes.
  [[nodiscard]] bool writable(Hpa address, std::uint64_t bytes) const;

  /// Copies out.size() bytes. @return false if any byte is not RAM; out is then untouched
  [[nodiscard]] bool read(Hpa address, std::span<std::byte> out) const;
  /// Writes all bytes. @return false if any byte is not writable RAM; memory is then untouched
  [[nodiscard]] bool write(Hpa address, std::span<const std::byte> data);
  /// What firmware put there: as write(), but read-only RAM takes it too.
  [[nodiscard]] bool load(Hpa address, std::span<const std::byte> data);
  /// Fills with zeros without creating storage for untouched memory. @return as write()
  [[nodiscard]] bool zero(Hpa address, std::uint64_t bytes);

  /// Little-endian quadword. @param address 8-byte aligned  @return nothing if not RAM
  [[nodiscard]] std::optional<std::uint64_t> read64(Hpa address) const;
  [[nodiscard]] bool write64(Hpa address, std::uint64_t value);
  /// Locked compare and exchange of an aligned quadword.
  /// @return the value found (equal to expected: exchanged), or nothing if the address is not
  /// writable RAM
  std::optional<std::uint64_t> compare_exchange64(Hpa address, std::uint64_t expected,
                                                  std::uint64_t desired);

  /// The 4 KiB page that holds the address, created if needed and valid as long as this object (an
  /// attached one until detach()); nullptr if not writable RAM.
  [[nodiscard]] std::byte* page(Hpa address);

  /// Storage created so far [bytes].
  [[nodiscard]] std::uint64_t resident_bytes() const { return chunks_.size() * kChunkBytes; }

 private:
  static constexpr std::uint64_t kChunkBytes = std::uint64_t{2} << 20;
  static constexpr unsigned kChunkShift = 21;
  static constexpr std::size_t kRecent = 256;  ///< last-hit cache, direct mapped

  struct FreeDeleter {
    void operator()(std::byte* p) const { std::free(p); }
  };
  struct Chunk {
    std::unique_ptr<std::byte[], FreeDeleter> bytes;
    bool plain = false;  ///< every byte of the chunk is read-write RAM
  };
  struct Recent {
    std::uint64_t number = ~std::uint64_t{0};
    std::byte* bytes = nullptr;
    bool plain = false;
  };

  /// Memory of this process in place of chunks.
  struct Window {
    std::uint64_t base = 0;
    std::uint64_t bytes = 0;
    std::byte* host = nullptr;
    bool writable = true;
  };

  void add_range(const RamRange& range);
  /// The window at an address; else nullptr, and limit is where the next one begins, if before it.
  [[nodiscard]] const Window* window_at(std::uint64_t address, std::uint64_t& limit) const;
  [[nodiscard]] bool covered(std::uint64_t address, std::uint64_t bytes, bool for_write) const;
  [[nodiscard]] const Recent* find(std::uint64_t number) const;
  const Recent& create(std::uint64_t number);
  [[nodiscard]] bool read_slow(Hpa address, std::span<std::byte> out) const;
  [[nodiscard]] bool write_slow(Hpa address, std::span<const std::byte> data);
  void copy_in(Hpa address, std::span<const std::byte> data);

  unsigned haw_;
  std::vector<RamRange> ranges_;  ///< sorted by base
  std::vector<Window> windows_;   ///< sorted by base
  std::unordered_map<std::uint64_t, Chunk> chunks_;
  mutable std::array<Recent, kRecent> recent_{};
};

}  // namespace siov::memory
