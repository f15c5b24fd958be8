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

#include "abi/siov_abi.hpp"
#include "pcie/link.hpp"
#include "system/scenario.hpp"

namespace siov::system {

struct LeanConfig {
  DeviceKind device = DeviceKind::kRtl;
  std::uint64_t seed = 1;
  std::uint32_t queues = 1;    ///< dedicated work queues, 1..8, each a tenant with its own PASID
  std::uint32_t bytes = 4096;  ///< data of each operation
  std::uint8_t opcode = abi::kOpMemmove;
  std::uint32_t batch = 1;    ///< members of a batch, up to 32; 1: single descriptors
  std::uint32_t engines = 4;  ///< in the one group, 1..4
  /// Descriptors (or batches) in flight in each queue, not more than it has entries; 0: 128 entries
  /// shared by the queues.
  std::uint32_t entries = 0;
  std::uint32_t slots = 0;  ///< in flight in each queue if less than its entries; 0: all of them
  std::uint64_t descriptors = 4000;  ///< all queues together; batches count as one
  std::uint32_t latency = 500;       ///< host read latency [cycles]
  std::uint32_t stall_permille = 0;  ///< chance that the host takes no beat in a cycle
  bool checks = false;               ///< referee on the link
  bool ats = false;                  ///< translations asked for and cached
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
      0;  ///< upstream beats in the same window, counted by the root complex; 0 with the model
  std::uint64_t steady_reads = 0;  ///< read requests of the device in the same window, likewise
  std::uint64_t translations = 0;  ///< translation requests of the whole run
  std::uint64_t steady_translations = 0;  ///< and of the same window: 0 with a warm cache
  double wall_seconds = 0;                ///< of the whole run
  /// A batch is one.
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
/// requests and completion records sharing one beat a cycle upstream. Max payload 256 bytes, max
/// read request 512 bytes.
/// @param batch  members of a batch, which write no record; the batch writes one, and its list is
/// read 512 bytes at a time. 1: single descriptors with a record each.
double link_limit(std::uint32_t bytes, std::uint32_t batch = 1);

}  // namespace siov::system
