// SPDX-License-Identifier: Apache-2.0
// What page faults make of a descriptor: the pages that its operands need, the record of a fault at
// a given page, records that cannot be written. Pure, as predict.
//
// A referee that has seen a record with status 0x03 or 0x04, fault address A and N bytes completed
// asks for every access of operand_pages() to page A (a write if status bit 7 is 1) what the record
// and the memory must be:
//
//   for (const model::PageAccess& a : model::operand_pages(descriptor)) {
//     if (a.page != record.fault_address.page() || a.write != wrote) continue;
//     const model::PageFault fault{.at = a, .status = code, .completed = record.bytes_completed};
//     if (const auto p = model::predict_fault(descriptor, context, peek, fault))
//       candidates.push_back(*p);                       // the record must be one of these
//   }
#pragma once

#include <optional>
#include <vector>

#include "model/predict.hpp"

namespace siov::model {

/// The bytes of one operand.
struct OperandRange {
  Operand operand = Operand::kSource1;
  Range range;
  bool write = false;
};

/// The operands of a descriptor that passed its checks, without its record: of create delta the
/// largest record, of apply delta the whole destination, of a drain and a batch readback addresses
/// and list. @spec DSA 5.6
[[nodiscard]] std::vector<OperandRange> operands(const abi::Descriptor& descriptor);

/// The pages of the operands in the order in which predict() asks for them: CRC seed first, then by
/// progress of the work (a copy that goes downward from its end), sources before destinations. The
/// second part of a delta operation depends on data: its pages come last.
[[nodiscard]] std::vector<PageAccess> operand_pages(const abi::Descriptor& descriptor);

/// Whether the page of a data operand is asked for when it is absent; lists, records and readbacks
/// need context.prs only. @spec DSA 5.7
[[nodiscard]] inline bool blocks_on_fault(const abi::Descriptor& descriptor,
                                          const WorkContext& context) {
  return context.prs && context.bof_enabled && descriptor.has(abi::kFlagBof);
}

/// The outcome if `fault.at` is the page at which the work ends, `fault.completed` bytes of it
/// being done. Bytes completed may be less than what lies before the page, never more (if the page
/// was taken away late: it ends before the last byte of the page), and counts whole words (create
/// delta), entries (apply delta) or blocks (DIF): predict_fault() cuts a number that cannot be; the
/// record then differs from the one that made the claim. Writes of completed work must be made;
/// those that are optional may go up to the page.
/// @return nothing if the work ends before it needs that page, or never needs it
/// @spec DSA 5.4, 5.6, 5.7
[[nodiscard]] std::optional<Prediction> predict_fault(const abi::Descriptor& descriptor,
                                                      const WorkContext& context,
                                                      MemoryReader reader, const PageFault& fault);

/// What becomes of a prediction whose record cannot be written because its page has no translation:
/// reported with code 0x1a, in the event log with the record. @spec DSA 2.11, 5.7
[[nodiscard]] Prediction record_failed(const Prediction& prediction,
                                       const abi::Descriptor& descriptor,
                                       const WorkContext& context);

}  // namespace siov::model
