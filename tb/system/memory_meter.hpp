// SPDX-License-Identifier: Apache-2.0
// MemoryMeter: what the host keeps for VMs and VDEVs: its own heap, and the tables in simulated
// memory. Pages of guests are not the host's.
//
//   system::MemoryMeter meter;
//   meter.begin(host_side);
//   co_await tenant.create(manager, dma);
//   meter.end(host_side);
//   meter.bytes();                        // sum over all such steps
#pragma once

#include <cstdint>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "system/host_side.hpp"

namespace siov::system {

class MemoryMeter {
 public:
  void begin(const HostSide& host) { before_ = now(host); }
  void end(const HostSide& host) { bytes_ += now(host) - before_; }
  /// Grown between begin() and end(), all times together; 0 where the C library does not tell.
  [[nodiscard]] std::uint64_t bytes() const {
    return bytes_ > 0 ? static_cast<std::uint64_t>(bytes_) : 0;
  }
  /// Bytes allocated from the C library now; 0 where it does not tell (sanitizers, other systems).
  [[nodiscard]] static std::uint64_t heap() {
#if defined(__GLIBC__)
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
#else
    return 0;
#endif
  }

 private:
  /// Simulated memory counts by frames given out, not by the storage behind it.
  [[nodiscard]] static std::int64_t now(const HostSide& host) {
    const std::uint64_t own = heap();
    if (own == 0) return 0;
    return static_cast<std::int64_t>(own + host.frames.bytes_in_use()) -
           static_cast<std::int64_t>(host.memory.resident_bytes());
  }
  std::int64_t before_ = 0;
  std::int64_t bytes_ = 0;
};

}  // namespace siov::system
