// SPDX-License-Identifier: Apache-2.0
// The checks of a descriptor before it does anything. Their order: predict_checks.cpp. Internal to
// predict.
//
//   record.status = check_descriptor(descriptor, context, record);   // 0: nothing wrong
#pragma once

#include <cstdint>

#include "abi/completion_record.hpp"
#include "model/predict.hpp"

namespace siov::model {

/// The first violation, or 0. Fills the flag mask of the record. @throws HarnessError for an
/// operation that the context allows but that does not exist
[[nodiscard]] std::uint8_t check_descriptor(const abi::Descriptor& descriptor,
                                            const WorkContext& context,
                                            abi::CompletionRecord& record);

/// The record can be written nowhere or the work must not run at all: it is discarded and only
/// reported. @spec DSA 5.2.3, 5.5
[[nodiscard]] bool discarded(const abi::Descriptor& descriptor, const WorkContext& context);

/// RCI is reserved for user descriptors while GENCFG does not allow them. @spec DSA 5.2.2
[[nodiscard]] bool interrupt_allowed(const abi::Descriptor& descriptor, const WorkContext& context);

/// Whether two sets of bytes share one; addresses wrap at 2^64.
[[nodiscard]] constexpr bool overlap(const Range& a, const Range& b) {
  if (a.bytes == 0 || b.bytes == 0) return false;
  return b.address.value - a.address.value < a.bytes || a.address.value - b.address.value < b.bytes;
}

}  // namespace siov::model
