// SPDX-License-Identifier: Apache-2.0
// ReadBuffers: data reads outstanding in each group against the read buffers it may hold. A buffer
// is 512 bytes of a device's reorder store. Which engine reads is told by the tag.
// dsa.md 2.8, 5.11.
//
//   read_buffers.on_data_read(request, tlp, cycle);   // a read whose owner has been found
#pragma once

#include <cstdint>
#include <vector>

#include "check/bench.hpp"

namespace siov::check {

class ReadBuffers {
 public:
  explicit ReadBuffers(Bench& bench) : bench_(bench) {}

  void on_data_read(Request& request, const pcie::Tlp& t, std::uint64_t cycle);

 private:
  /// Buffers that the reads of a group hold.
  std::uint32_t held(const Group& group) const;
  /// What is wrong, empty if nothing.
  std::string finding(const Group& mine) const;
  /// Gives up reads that the device no longer waits for. @return whether there were any
  bool forget_timed_out(std::uint64_t cycle);

  Bench& bench_;
};

}  // namespace siov::check
