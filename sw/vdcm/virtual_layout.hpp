// SPDX-License-Identifier: Apache-2.0
// VirtualLayout: where things are in the BARs of a VDEV; depends on its numbers of queues and
// vectors.
//
//   constexpr vdcm::VirtualLayout layout(1, 2);
#pragma once

#include <bit>
#include <cstdint>

namespace siov::vdcm {

/// A VDEV with up to 16 vectors has the tables where the reference has them; with more they would
/// overlap, and move. @spec siov.md 3.2, 3.3
struct VirtualLayout {
  static constexpr std::uint32_t kControlBytes = 0x2000;  ///< BAR0
  static constexpr std::uint32_t kGrpcfg = 0x400;
  static constexpr std::uint32_t kWqcfg = 0x500;  ///< 32 bytes a queue
  static constexpr std::uint32_t kWqStride = 32;

  constexpr VirtualLayout(std::uint32_t queue_count, std::uint32_t vector_count)
      : queues(queue_count),
        vectors(vector_count),
        msixperm(vector_count <= 16 ? 0x300 : 0x800),
        msix_table(vector_count <= 16 ? 0x600 : 0x1000),
        msix_pba(vector_count <= 16 ? 0x700 : 0x1800),
        portal_bytes(queue_count == 1 ? 0x2000 : std::bit_ceil(queue_count) * 0x4000),
        portal_stride(queue_count == 1 ? 0x2000 : 0x4000) {}

  std::uint32_t queues;
  std::uint32_t vectors;
  std::uint32_t msixperm;       ///< 8 bytes a vector
  std::uint32_t msix_table;     ///< 16 bytes a vector
  std::uint32_t msix_pba;       ///< 8 bytes
  std::uint32_t portal_bytes;   ///< BAR2, a power of two
  std::uint32_t portal_stride;  ///< from queue to queue. @spec dsa.md 4.1
  constexpr bool operator==(const VirtualLayout&) const = default;
};

}  // namespace siov::vdcm
