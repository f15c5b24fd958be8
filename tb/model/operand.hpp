// SPDX-License-Identifier: Apache-2.0
// Operand, PageAccess, PageGate, PageFault: which operand needs which page, and the end of a
// descriptor at a page that it may not use.
//
//   auto gate = [&](const PageAccess& a) -> std::uint8_t {
//     return absent.contains(a.page) ? abi::kStPageFault : 0;
//   };
#pragma once

#include <cstdint>

#include "common/types.hpp"
#include "model/function_ref.hpp"

namespace siov::model {

/// The number that an operand has in fault information. @spec DSA 2.11, 5.4
enum class Operand : std::uint8_t {
  kSource1 = 1,       ///< source, descriptor list, delta record that is applied, readback address 1
  kSource2 = 2,       ///< second source, CRC seed, readback address 2
  kDestination1 = 3,  ///< destination, delta record that is created, range of a cache flush
  kDestination2 = 4,
  kRecord = 5  ///< completion record
};

/// One operand needs one page.
struct PageAccess {
  Operand operand = Operand::kSource1;
  Iova page;           ///< bits 11:0 are 0
  bool write = false;  ///< the access is a write
  bool operator==(const PageAccess&) const = default;
};

/// Asked before the first byte of a page is used: 0 if the access may be made, else the status with
/// which the descriptor ends there: 0x03 (page fault), 0x04 (page request answered Invalid or
/// retries exhausted), 0x22 (translation or page request failed). @spec DSA 5.5, 5.7
using PageGate = FunctionRef<std::uint8_t(const PageAccess&)>;

/// A descriptor ended because it might not use a page.
struct PageFault {
  PageAccess at;
  std::uint8_t status = 0;  ///< 0x03, 0x04 or 0x22
  /// Bytes completed, as the record of the operation counts them. @spec DSA 5.6
  std::uint32_t completed = 0;
  /// The page was taken away when the work had begun to use it: what is completed may end inside
  /// it.
  bool late = false;
  bool operator==(const PageFault&) const = default;
};

}  // namespace siov::model
