// SPDX-License-Identifier: Apache-2.0
// MigrationRecord: one attempt to take a VM to the other host, as the results name it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace siov::system {

/// Numbers of one VDEV that are the host's own affair. @spec SIOV-H-39
struct HostNumbers {
  std::vector<std::uint32_t> wqs;   ///< physical queues, in order
  std::uint32_t default_pasid = 0;  ///< host PASIDs
  std::uint32_t process_pasid = 0;  ///< of the guest's process; 0: it has none
  std::uint32_t handle = 0;         ///< interrupt entry of vector 1; 0: it has none
};

struct MovedVdev {
  std::string tenant;
  HostNumbers here, there;
};

struct MigrationRecord {
  std::uint32_t vm = 0;                           ///< number of the scenario
  std::uint8_t from = 0;                          ///< host
  std::uint8_t to = 0;                            ///< host
  bool moved = false;                             ///< else the source goes on
  std::string reason;                             ///< why it did not move
  std::uint64_t vdevs = 0;                        ///< of the VM
  std::uint64_t start = 0;                        ///< clock cycle
  std::uint64_t cycles = 0;                       ///< from there to the end
  std::uint64_t rounds = 0;                       ///< of copying, the last one included
  std::uint64_t pages = 0;                        ///< 4 KiB pages copied in all rounds
  std::uint64_t device_pages = 0, cpu_pages = 0;  ///< of these, written by devices, by CPUs
  std::uint64_t stopped_pages = 0;                ///< of these, copied while the machine stood
  std::uint64_t image_bytes = 0;                  ///< saved VDEVs
  std::uint64_t held = 0;                         ///< descriptors in them
  std::uint64_t replayed = 0;                     ///< submitted by software afterwards
  std::uint64_t revoked = 0;                      ///< VDEVs whose handles changed
  std::uint64_t paused_cycles = 0;                ///< portals unmapped
  std::uint64_t downtime_cycles = 0;              ///< CPUs stood still
  std::uint64_t different = 0;  ///< pages that were not the same when it went on: a fault
  std::vector<MovedVdev> moves;
};

}  // namespace siov::system
