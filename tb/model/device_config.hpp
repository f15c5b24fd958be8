// SPDX-License-Identifier: Apache-2.0
// DeviceConfig: size, features and speed of the device model.
//
//   model::DeviceConfig config = model::DeviceConfig::large();
//   config.latency_cycles = 0;   // everything finishes in the cycle after its dispatch
#pragma once

#include <cstdint>

#include "common/types.hpp"

namespace siov::model {

/// Sizes and features are those of the default device build; the timing is a model's, not any
/// hardware's.
struct DeviceConfig {
  RequesterId requester{0x6A00};      ///< bus, device, function on outgoing requests
  unsigned num_wq = 8;                ///< 1..128
  unsigned num_groups = 4;            ///< 1..16
  unsigned num_engines = 4;           ///< 1..8
  unsigned wq_entries = 128;          ///< shared by all queues, 1..65535
  unsigned read_buffers = 96;         ///< reported and checked, not modelled in time; 0..255
  unsigned ims_entries = 256;         ///< multiple of 256, at most 4096; 0: no IMS
  unsigned msix_vectors = 9;          ///< 1..2048
  unsigned tags_per_engine = 64;      ///< 64, or 256: 10-bit tags
  unsigned jobs_per_engine = 64;      ///< descriptors in progress in one engine, 1..255
  unsigned batches_per_engine = 8;    ///< reported; the model runs one at a time. 1..32
  std::uint64_t opcap = 0x1003F03FF;  ///< bit n: opcode n supported; subset of the default
  bool opcfg = true;                  ///< operation masks and occupancy interrupts of queues
  bool evl = true;                    ///< event log
  bool evl_overflow = false;          ///< a full event log drops events instead of blocking
  bool cmd_cap = false;               ///< CMDCAP, commands 13 and 14; handles must be granted
  bool batch1 = false;                ///< batches of one descriptor
  bool drain_readback = false;        ///< readback addresses of drains
  bool ats = true;                    ///< ATS and PRI capabilities, block on fault
  unsigned atc_entries = 256;         ///< of the address translation cache, > 0
  unsigned page_retries = 8;          ///< page requests for one page of a descriptor, > 0
  std::uint64_t page_timeout_cycles = 250'000'000;  ///< longest wait for a PRG response [cycles]
  bool fill16 = true;                               ///< 16-byte patterns
  bool crc64 = true;
  unsigned latency_cycles =
      200;  ///< from dispatch to the end of a descriptor, beside its data time [cycles]
  unsigned bytes_per_cycle = 64;  ///< data rate of one engine [bytes], > 0
  unsigned access_cycles = 40;    ///< non-posted host access, there and back [cycles], >= 2
  unsigned command_cycles = 8;    ///< a command without work to wait for [cycles]

  /// The small build: no IMS, no 2.0 features.
  static DeviceConfig small();
  /// The large build: everything.
  static DeviceConfig large();
};

/// Where things are in BAR0 [byte offsets]. Builds that fit into 64 KiB share one layout.
struct Bar0Layout {
  std::uint32_t bytes = 0x10000;  ///< size of the BAR
  std::uint32_t msix_permissions = 0x400;
  std::uint32_t groups = 0x600;
  std::uint32_t queues = 0x800;
  std::uint32_t msix = 0x2000;
  std::uint32_t pending = 0x3000;
  std::uint32_t ims = 0x4000;
  std::uint32_t end = 0xE000;  ///< behind the last table
  std::uint32_t queue_stride = 64;

  static Bar0Layout of(const DeviceConfig& config);
};

/// What the model has done so far.
struct DeviceStats {
  std::uint64_t accepted = 0;    ///< descriptors admitted
  std::uint64_t retried = 0;     ///< deferrable writes answered Request Retry
  std::uint64_t dropped = 0;     ///< posted portal writes that created no work
  std::uint64_t completed = 0;   ///< admitted descriptors ended, with success or not
  std::uint64_t members = 0;     ///< members of batches ended
  std::uint64_t discarded = 0;   ///< descriptors abandoned by abort, reset or halt
  std::uint64_t records = 0;     ///< completion records written
  std::uint64_t events = 0;      ///< event log entries written
  std::uint64_t interrupts = 0;  ///< interrupt messages sent
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;  ///< data, without records
  std::uint64_t translations = 0;   ///< translation requests
  std::uint64_t page_requests = 0;
  std::uint64_t invalidations = 0;  ///< invalidations completed
};

}  // namespace siov::model
