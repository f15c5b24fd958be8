// SPDX-License-Identifier: Apache-2.0
// LeanSystem: a host that does nothing but keep work queues full, to measure the device and the
// harness instead of the guest. It has real page tables and the real host driver for set-up; work
// is raw portal writes of prepared descriptors.
//
//   system::LeanSystem lean(config);
//   const system::LeanResult r = lean.run();
//   r.bytes_per_cycle();
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "pcie/link.hpp"
#include "system/scenario.hpp"

namespace siov::system {

struct LeanConfig {
  DeviceKind device = DeviceKind::kRtl;
  std::uint64_t seed = 1;
  std::uint32_t queues = 1;    ///< dedicated work queues, 1..8, each a tenant with its own PASID
  std::uint32_t bytes = 4096;  ///< of each memmove
  std::uint64_t descriptors = 4000;  ///< all queues together
  std::uint32_t latency = 500;       ///< host read latency [cycles]
  std::uint32_t stall_permille = 0;  ///< chance that the host takes no beat in a cycle
  bool checks = false;               ///< referee on the link
  std::string waves;                 ///< FST file; empty: none
  std::function<std::unique_ptr<pcie::LinkDevice>(pcie::LinkDevice&)> wrap;  ///< see DeviceOptions
};

struct LeanResult {
  std::uint64_t descriptors = 0;
  std::uint64_t failed = 0;  ///< status other than success, or wrong destination bytes
  std::uint64_t violations = 0;
  std::uint64_t cycles = 0;              ///< of the whole run, set-up included
  std::uint64_t steady_descriptors = 0;  ///< finished between the first and the last quarter
  std::uint64_t steady_cycles = 0;
  std::uint64_t steady_beats_up =
      0;                    ///< upstream beats in the same window, counted by the root complex
  double wall_seconds = 0;  ///< of the whole run
  double descriptors_per_cycle() const {
    return steady_cycles == 0
               ? 0
               : static_cast<double>(steady_descriptors) / static_cast<double>(steady_cycles);
  }
};

class LeanSystem {
 public:
  explicit LeanSystem(const LeanConfig& config);
  ~LeanSystem();
  LeanSystem(const LeanSystem&) = delete;
  LeanSystem& operator=(const LeanSystem&) = delete;
  /// Sets the device up, plays all descriptors, takes it down. Once.
  LeanResult run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What the link allows for memmoves of a size: payload bytes a cycle, with write beats, read
/// requests and the completion record sharing one beat a cycle upstream. Max payload 256 bytes, max
/// read request 512 bytes.
double link_limit(std::uint32_t bytes);

}  // namespace siov::system
