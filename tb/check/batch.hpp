// SPDX-License-Identifier: Apache-2.0
// Batch: what is known of a batch under way. Its members are learned from the completions of the
// list reads: exactly what the device got, when it got it.
//
//   item.batch->descriptor(3);   // only below item.batch->known
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "abi/descriptor.hpp"
#include "check/range_index.hpp"
#include "model/predict.hpp"

namespace siov::check {

struct Batch {
  static constexpr std::uint32_t kSlotBytes = 64;
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  model::WorkContext context;   ///< of the batch descriptor
  std::vector<std::byte> list;  ///< as it has arrived
  Holes missing;                ///< offsets in the list that have not arrived
  std::uint32_t count = 0;      ///< members in the list
  std::uint32_t known = 0;      ///< members, from the first, whose descriptors have arrived
  std::uint32_t next = 0;       ///< the next member to start
  std::uint32_t running = 0;    ///< started, and the batch must wait for them
  std::uint32_t stop = 0;       ///< members that will run: all, or those before the end below
  std::uint32_t must_run = 0;   ///< list error: members that surely run; the rest below stop may
  bool list_error = false;      ///< a list read has failed, or a page of the list
  std::uint8_t list_fault = 0;  ///< ... a page: the status that the record tells of it
  Iova fault_address;
  bool fence_failed = false;       ///< the member at stop is fenced, an earlier one has failed
  bool any_failed = false;         ///< a member ended with a status other than 1
  std::uint32_t doubtful = kNone;  ///< the first member that may have failed unseen
  std::uint32_t shown = 0;         ///< members up to the last that has shown anything but a message
  bool ripe = false;               ///< members can start with the next TLP
  bool complete = false;           ///< no member is under way and none will be
  bool order_reported = false;     ///< BATCH-LAST has been reported

  abi::Descriptor descriptor(std::uint32_t member) const {
    return abi::decode_descriptor(
        std::span(list).subspan(std::size_t{member} * kSlotBytes).first<kSlotBytes>());
  }
  bool uncertain() const { return doubtful != kNone; }
  void doubt(std::uint32_t member) { doubtful = std::min(doubtful, member); }
  /// Whether the batch may have ended at this member: fenced, with one before it that may have
  /// failed, and nothing has been seen of it and of those behind it. @spec dsa.md 5.6 (01)
  bool may_end_at(std::uint32_t member) const {
    return member < std::min(known, stop) && doubtful < member && shown <= member &&
           descriptor(member).has(abi::kFlagFence);
  }
  bool done() const { return next == stop && running == 0; }
};

}  // namespace siov::check
