// SPDX-License-Identifier: Apache-2.0
// PartialWork: what software does after the device has stopped at a page that was not there:
// which descriptor does the rest, and what record the pieces give together.
//
//   guest::PartialWork work(descriptor);
//   while (guest::stopped_at_page(record)) {
//     ... bring in the page at record.fault_address ...
//     record = submit_and_wait(work.rest(record));
//   }
//   record = work.whole(record);
#pragma once

#include <cstdint>
#include <vector>

#include "abi/completion_record.hpp"
#include "abi/descriptor.hpp"

namespace siov::guest {

/// Whether the device stopped at a page and the rest may be submitted: a data page (03, 83), the
/// descriptor list of a batch (06), a readback of drain (1f). @spec dsa.md 5.5, 5.7
[[nodiscard]] bool stopped_at_page(const abi::CompletionRecord& record);

/// Bytes an operand of a descriptor occupies.
struct OperandRange {
  Iova at;
  std::uint64_t bytes = 0;
};
/// Every range that the operation reads or writes, the record and a list of members left out.
[[nodiscard]] std::vector<OperandRange> operands_of(const abi::Descriptor& descriptor);

/// @spec dsa.md 5.6, 5.7
class PartialWork {
 public:
  explicit PartialWork(const abi::Descriptor& whole) : whole_(whole), rest_(whole) {}

  /// The descriptor for what is left after a stop. Addresses advance by the bytes completed; an
  /// overlapping move that ran backwards only gets shorter; patterns of fill and compare turn;
  /// CRC seeds and protection tags come from the record; create delta and drain start again.
  [[nodiscard]] const abi::Descriptor& rest(const abi::CompletionRecord& stop);
  /// The record of the last piece, with the bytes completed counted from the start of the whole.
  [[nodiscard]] abi::CompletionRecord whole(abi::CompletionRecord last) const;
  /// Whether an operation has no rest: all of it is done again, so all its pages are needed.
  [[nodiscard]] bool starts_again() const;

 private:
  void advance_blocks(const abi::CompletionRecord& stop);
  void turn_fill(std::uint32_t bytes);
  void chain_crc(const abi::CompletionRecord& stop);

  abi::Descriptor whole_;
  abi::Descriptor rest_;
  std::uint64_t done_ = 0;  ///< bytes completed by earlier pieces, in the units of the operation
};

}  // namespace siov::guest
