// SPDX-License-Identifier: Apache-2.0
// LinkConfig: how the host side of the link behaves. Defaults: fixed read latency, plenty of
// credits, nothing stalls.
//
//   LinkConfig config;
//   config.bdf = RequesterId{0x0100};
//   config.up_stall_permille = 200;
#pragma once

#include <cstdint>
#include <functional>

#include "common/types.hpp"
#include "pcie/link.hpp"
#include "pcie/tlp.hpp"

namespace siov::pcie {

/// A class is blocked in the first `blocked` cycles of every `period`. period 0: never.
struct StallWindow {
  std::uint32_t blocked = 0;
  std::uint32_t period = 0;
  bool active(std::uint64_t cycle) const { return period != 0 && cycle % period < blocked; }
};

/// One window for each class. Towards the host the class gets no credits back while blocked;
/// towards the device it is not sent.
struct StallWindows {
  StallWindow posted, nonposted, completion;
};

/// What happens to a read of the device.
enum class ReadFault : std::uint8_t {
  kNone,
  kUnsupportedRequest,
  kCompleterAbort,
  kPoisoned,
  kNever
};

struct LinkConfig {
  RequesterId bdf{
      0x0100};  ///< bus, device, function of the device: target of configuration requests
  RequesterId host_id{0x0000};  ///< requester and completer id of the host
  std::uint32_t read_latency_min =
      500;  ///< last beat of a read to its first completion at the earliest [cycles]
  std::uint32_t read_latency_max = 500;  ///< drawn uniformly for each read [cycles]
  bool reorder_completions = false;      ///< completions of different tags mix at random
  bool random_splits =
      false;  ///< pieces end at random RCB multiples instead of being as large as possible
  std::uint32_t rcb = 64;           ///< read completion boundary, 64 or 128 [bytes]
  std::uint32_t max_payload = 256;  ///< of completions, 128..512 [bytes]
  std::uint32_t max_read_request =
      512;  ///< for statistics of oversized reads only; any read up to 4096 B is answered
  /// Granted to the device at reset: below 128 headers and 2048 data units a class. The host takes
  /// its credits back at once when a TLP has been processed.
  CreditLimits up_credits = CreditLimits{64, 1024, 64, 256, 64, 256};
  std::uint32_t up_stall_permille = 0;  ///< chance that the host takes no beat in a cycle, 0..999
  StallWindows up_windows, down_windows;
  std::uint64_t completion_timeout =
      1'000'000;                  ///< of host requests, from their last beat; 0 = never [cycles]
  std::uint32_t host_tags = 256;  ///< outstanding non-posted host requests, 1..256
  std::uint64_t seed = 1;
  /// Fault injection: called once for each memory read of the device; empty = no faults.
  std::function<ReadFault(const Tlp& read)> read_fault;
};

}  // namespace siov::pcie
