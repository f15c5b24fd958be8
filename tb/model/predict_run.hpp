// SPDX-License-Identifier: Apache-2.0
// The operations themselves, after all checks have passed. Internal to predict.
//
//   p.status = run_move({descriptor, reader, p, record});
//
// Each fills in the reads and writes of the prediction and the result fields of the record, and
// gives the status. Everything happens in address order: an end (difference, bad block, full
// record) counts if it lies before the first byte that cannot be used.
//
// Unreadable byte: the status is 0x20, the record has no other field, and what was computed from
// the readable bytes may have been written.
// Page closed by the gate: the work before it is complete, and the record tells how far it goes;
// with status 0x22 the record has no other field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "abi/completion_record.hpp"
#include "model/predict.hpp"

namespace siov::model {

/// One operation on its way.
struct Run {
  const abi::Descriptor& d;
  MemoryReader reader;
  Prediction& p;
  abi::CompletionRecord& record;
  PageGate gate;
  /// A fault leaves no more than this done [bytes, as the record counts].
  std::uint32_t most = 0xFFFFFFFF;
  /// The gate closes its page after the work has begun there: when `most` is done.
  bool late = false;
  /// A device has told of the fault: it may have come by it with bytes that it need not write.
  bool told = false;
};

/// How far an operand can be used, and what ends it there.
struct Reach {
  std::size_t bytes = 0;    ///< from its start; downward: from its end
  std::uint8_t status = 0;  ///< 0: nothing ends it; 0x20: unreadable; else what the gate said
  PageAccess at;            ///< the page that the gate closed
};

std::uint8_t run_move(const Run& run);
std::uint8_t run_fill(const Run& run);
std::uint8_t run_dualcast(const Run& run);
std::uint8_t run_flush(const Run& run);
std::uint8_t run_compare(const Run& run);
std::uint8_t run_compare_pattern(const Run& run);
std::uint8_t run_create_delta(const Run& run);
std::uint8_t run_apply_delta(const Run& run);
std::uint8_t run_crc(const Run& run);  ///< CRC, copy with CRC
std::uint8_t run_dif(const Run& run);  ///< check, insert, strip, update

/// Reads upward, page by page.
[[nodiscard]] Reach read_up(const Run& run, Operand operand, Iova address,
                            std::span<std::byte> out);
/// Reads downward from the end.
[[nodiscard]] Reach read_down(const Run& run, Operand operand, Iova address,
                              std::span<std::byte> out);
/// Asks for pages without reading them, upward.
[[nodiscard]] Reach reach_up(const Run& run, Operand operand, Iova address, std::size_t bytes,
                             bool write = true);
/// Asks for pages without reading them, downward from the end.
[[nodiscard]] Reach reach_down(const Run& run, Operand operand, Iova address, std::size_t bytes,
                               bool write = true);
/// reach_up() of a piece of a destination: a page that closes late is open to it.
/// @param done  progress behind this piece [bytes]
[[nodiscard]] Reach reach_piece(const Run& run, Iova address, std::size_t bytes, std::size_t done);
/// The one that ends first; the first of two that end together.
[[nodiscard]] Reach first_end(const Reach& a, const Reach& b);

/// How much counts as done when the work ends at `bytes`. @param unit  of progress [bytes]
[[nodiscard]] std::size_t done_at(const Run& run, std::size_t bytes, std::size_t unit = 1);
/// Ends the work at a page or at an unreadable byte. @param done  as the record counts [bytes]
/// @return the status
std::uint8_t end_at(const Run& run, const Reach& end, std::size_t done);
/// Whether the record of such an end tells more than its status.
[[nodiscard]] constexpr bool tells_progress(const Reach& end) {
  return end.status == abi::kStPageFault || end.status == abi::kStPageFaultInvalid;
}

/// Adds what is written of data: the first `done` bytes for certain, the others perhaps. After an
/// end that does not tell its progress all of it perhaps.
void add_upward(const Run& run, Iova address, std::span<const std::byte> data, const Reach& end,
                std::size_t done);

}  // namespace siov::model
