// SPDX-License-Identifier: Apache-2.0
// Encoding and decoding of completion records.
#include "abi/completion_record.hpp"

#include <algorithm>

#include "abi/little_endian.hpp"

namespace siov::abi {

std::uint32_t CompletionRecord::invalid_flags() const {
  return static_cast<std::uint32_t>(load_le(op_specific, 3));
}

void CompletionRecord::set_invalid_flags(std::uint32_t mask) { store_le(op_specific, mask, 3); }

void encode(const CompletionRecord& r, std::span<std::byte, 32> out) {
  store_le(out.subspan(0), r.status, 1);
  store_le(out.subspan(1), r.result, 1);
  store_le(out.subspan(2), r.fault_info, 1);
  store_le(out.subspan(3), r.reserved, 1);
  store_le(out.subspan(4), r.bytes_completed, 4);
  store_le(out.subspan(8), r.fault_address.value, 8);
  std::copy(r.op_specific.begin(), r.op_specific.end(), out.begin() + 16);
}

CompletionRecord decode_completion_record(std::span<const std::byte, 32> in) {
  CompletionRecord r;
  r.status = static_cast<std::uint8_t>(load_le(in.subspan(0), 1));
  r.result = static_cast<std::uint8_t>(load_le(in.subspan(1), 1));
  r.fault_info = static_cast<std::uint8_t>(load_le(in.subspan(2), 1));
  r.reserved = static_cast<std::uint8_t>(load_le(in.subspan(3), 1));
  r.bytes_completed = static_cast<std::uint32_t>(load_le(in.subspan(4), 4));
  r.fault_address = Iova{load_le(in.subspan(8), 8)};
  std::copy(in.begin() + 16, in.end(), r.op_specific.begin());
  return r;
}

std::array<std::byte, 32> to_bytes(const CompletionRecord& record) {
  std::array<std::byte, 32> bytes;
  encode(record, bytes);
  return bytes;
}

}  // namespace siov::abi
