// SPDX-License-Identifier: Apache-2.0
// VdevConfig: what a VDEV is made of.
//
//   vdcm::VdevConfig config;
//   config.name = "db";
//   config.vm = vm;
//   config.default_space = space;
//   config.queues = {vdcm::QueueConfig::physical(0), vdcm::QueueConfig::physical(3, 1)};
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "port/dma_port.hpp"
#include "port/interrupt_port.hpp"
#include "vdcm/space.hpp"

namespace siov::vdcm {

/// A queue that software plays. @spec siov.md 3.1 (VDEV with no ADI)
struct EmulatedQueueConfig {
  port::DmaPort* dma = nullptr;  ///< outlives the VDEV
  bool dedicated = true;
  std::uint16_t size = 16;      ///< entries, 1 or more
  std::uint16_t threshold = 8;  ///< shared: of the limited portal
  std::uint8_t priority = 8;
  std::uint8_t max_transfer_log2 = 21;  ///< 0..31
  std::uint64_t latency_ns = 400;       ///< of one descriptor
  std::uint64_t bytes_per_ns = 8;       ///< > 0
};

/// One queue of a VDEV.
struct QueueConfig {
  std::uint8_t function = 0;  ///< of the Vdcm: 0 or what add_function() gave
  std::uint8_t wq = 0;        ///< physical queue; its mode says which kind this is
  std::optional<EmulatedQueueConfig> emulated;  ///< no physical queue; function gives identity

  static QueueConfig physical(std::uint8_t wq, std::uint8_t function = 0) {
    return QueueConfig{function, wq, std::nullopt};
  }
  static QueueConfig software(const EmulatedQueueConfig& config, std::uint8_t function = 0) {
    return QueueConfig{function, 0, config};
  }
};

inline constexpr std::size_t kMaxQueues = 8;
inline constexpr std::uint16_t kMinVectors = 2;
inline constexpr std::uint16_t kMaxVectors = 64;

/// What to build a VDEV from.
struct VdevConfig {
  std::string name;
  VmId vm = 0;
  std::uint8_t wq = 0;  ///< the one physical queue of function 0, when queues is empty
  Space default_space;  ///< what DMA without a guest PASID sees (SIOV-H-19)
  port::InterruptPort* guest_interrupts =
      nullptr;                      ///< where virtual MSI-X messages go; may be null
  std::vector<QueueConfig> queues;  ///< 1..8, or empty for wq
  std::uint16_t vectors = 0;        ///< 2..64; 0: one more than queues
  bool interrupt_entries = true;    ///< of hardware, for vectors 1 and up; else it gives no handles
};

}  // namespace siov::vdcm
