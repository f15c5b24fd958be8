// SPDX-License-Identifier: Apache-2.0
// The operations themselves, after all checks have passed. Internal to predict.
//
//   p.status = run_move({descriptor, reader, p, record});
//
// Each fills in the reads and writes of the prediction and the result fields of the record, and
// gives the status. Everything happens in address order: an end (difference, bad block, full
// record) counts if it lies before the first unreadable byte; otherwise the status is 0x20, the
// record has no other field, and what was computed from the readable bytes may have been written.
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
};

std::uint8_t run_move(const Run& run);
std::uint8_t run_fill(const Run& run);
std::uint8_t run_dualcast(const Run& run);
std::uint8_t run_compare(const Run& run);
std::uint8_t run_compare_pattern(const Run& run);
std::uint8_t run_create_delta(const Run& run);
std::uint8_t run_apply_delta(const Run& run);
std::uint8_t run_crc(const Run& run);  ///< CRC, copy with CRC
std::uint8_t run_dif(const Run& run);  ///< check, insert, strip, update

/// Reads upward, page by page. @return bytes before the first page that is not readable
[[nodiscard]] std::size_t read_prefix(MemoryReader reader, Iova address, std::span<std::byte> out);
/// Reads downward from the end. @return bytes after the last page that is not readable
[[nodiscard]] std::size_t read_suffix(MemoryReader reader, Iova address, std::span<std::byte> out);

}  // namespace siov::model
