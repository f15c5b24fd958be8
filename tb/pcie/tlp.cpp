// SPDX-License-Identifier: Apache-2.0
// What the fields of a TLP say: class, byte range.
#include "pcie/tlp.hpp"

#include <bit>

namespace siov::pcie {

FlowClass Tlp::flow_class() const {
  switch (type) {
    case TlpType::kMemWrite:
    case TlpType::kMessage:
    case TlpType::kMessageData:
      return FlowClass::kPosted;
    case TlpType::kCompletion:
    case TlpType::kCompletionData:
      return FlowClass::kCompletion;
    case TlpType::kUnknown:
      return has_data ? FlowClass::kPosted : FlowClass::kNonPosted;
    default:
      return FlowClass::kNonPosted;
  }
}

bool Tlp::is_memory_request() const {
  switch (type) {
    case TlpType::kMemRead:
    case TlpType::kMemWrite:
    case TlpType::kDeferrableWrite:
    case TlpType::kFetchAdd:
    case TlpType::kSwap:
    case TlpType::kCompareSwap:
      return true;
    default:
      return false;
  }
}

namespace {
/// Byte enables of AtomicOps are reserved. @spec PCIe-6.3 2.2.7
bool whole_dws(TlpType type) {
  return type == TlpType::kFetchAdd || type == TlpType::kSwap || type == TlpType::kCompareSwap;
}
}  // namespace

std::uint64_t Tlp::first_byte() const {
  if (!is_memory_request() || whole_dws(type) || first_be == 0) return address;
  return address + static_cast<unsigned>(std::countr_zero(first_be));
}

std::uint32_t Tlp::byte_span() const {
  if (!is_memory_request()) return 0;
  const std::uint32_t all = 4u * length_dw;
  if (whole_dws(type)) return all;
  if (length_dw == 1)
    return first_be == 0
               ? 0
               : static_cast<std::uint32_t>(std::bit_width(first_be) - std::countr_zero(first_be));
  if (first_be == 0 || last_be == 0) return all;
  const auto leading = static_cast<std::uint32_t>(std::countr_zero(first_be));
  const auto trailing = 4u - static_cast<std::uint32_t>(std::bit_width(last_be));
  return all - leading - trailing;
}

}  // namespace siov::pcie
