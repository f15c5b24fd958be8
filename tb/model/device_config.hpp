// SPDX-License-Identifier: Apache-2.0
// DeviceConfig: size and speed of the device model.
//
//   model::DeviceConfig config;
//   config.latency_cycles = 0;   // everything finishes in the cycle after its dispatch
#pragma once

#include <cstdint>

#include "common/types.hpp"

namespace siov::model {

/// Sizes are those of the default device build; the timing is a model's, not any hardware's.
struct DeviceConfig {
  RequesterId requester{0x6A00};  ///< bus, device, function on outgoing requests
  unsigned num_wq = 8;            ///< 1..8
  unsigned num_groups = 4;        ///< 1..8
  unsigned num_engines = 4;       ///< 1..8
  unsigned wq_entries = 128;      ///< shared by all queues
  unsigned read_buffers = 96;     ///< reported and checked, not modelled in time
  unsigned ims_entries = 256;     ///< multiple of 256, at most 2560 (BAR0 0x4000..0xDFFF)
  std::uint64_t opcap = 0x3D;     ///< bit n: opcode n supported; subset of 0x3D
  unsigned latency_cycles =
      200;  ///< from dispatch to the end of a descriptor, beside its data time [cycles]
  unsigned bytes_per_cycle = 64;  ///< data rate of one engine [bytes], > 0
  unsigned access_cycles = 40;    ///< non-posted host access, there and back [cycles], >= 2
  unsigned command_cycles = 8;    ///< a command without work to wait for [cycles]

  /// Vectors of the MSI-X table: one for the device, one for each queue.
  unsigned msix_vectors() const { return num_wq + 1; }
};

/// What the model has done so far.
struct DeviceStats {
  std::uint64_t accepted = 0;    ///< descriptors admitted
  std::uint64_t retried = 0;     ///< deferrable writes answered Request Retry
  std::uint64_t dropped = 0;     ///< posted portal writes that created no work
  std::uint64_t completed = 0;   ///< descriptors ended, with success or not
  std::uint64_t discarded = 0;   ///< descriptors abandoned by abort, reset or halt
  std::uint64_t records = 0;     ///< completion records written
  std::uint64_t interrupts = 0;  ///< interrupt messages sent
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;  ///< data, without records
};

}  // namespace siov::model
