// SPDX-License-Identifier: Apache-2.0
// predict: what one descriptor means, without time: which bytes it reads and writes, how it ends,
// who is told. Pure: its only access to the world is the memory reader. It does not know queues,
// engines or translation.
//
//   auto peek = [&](Iova address, std::span<std::byte> out) { return view.peek(pasid, address,
//   out); }; const model::Prediction p = model::predict(descriptor, context, peek); if
//   (p.writes_record) expect_record(p.record_address, p.record);
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "abi/descriptor.hpp"
#include "common/types.hpp"
#include "model/memory_reader.hpp"

namespace siov::model {

/// What the queue and the device add to a descriptor.
struct WorkContext {
  /// PASID of the DMA: WQCFG PASID of a dedicated queue if enabled, the descriptor's in a shared
  /// queue. @spec DSA 4.3
  std::optional<Pasid> pasid;
  bool privileged = false;  ///< WQCFG privilege; used in dedicated queues only
  bool dedicated = true;
  std::uint64_t max_transfer = std::uint64_t{1} << 31;  ///< min(GENCAP, WQCFG) [bytes]
  bool bof_enabled = false;                             ///< WQCFG block-on-fault enable
  bool handle_ok = true;  ///< the interrupt handle passes the permission check. @spec DSA 2.10
  bool user_interrupts = false;     ///< GENCFG bit 12
  bool privileged_allowed = false;  ///< privileged mode enable of the PASID capability
  std::uint64_t opcap = 0x3D;       ///< bit n: opcode n supported
  bool in_batch = false;
};

/// Bytes of the descriptor owner's address space.
struct Range {
  Iova address;
  std::uint64_t bytes = 0;
  bool operator==(const Range&) const = default;
};

/// The outcome of one descriptor.
struct Prediction {
  std::uint8_t status = 0;  ///< kSt...; never 0
  bool writes_record = false;
  Iova record_address;
  std::array<std::byte, 32> record{};  ///< valid also when it is not written
  bool interrupt = false;              ///< one message to the entry that the handle names
  bool software_error = false;         ///< SWERROR records it (code = status)
  Iova error_address;                  ///< address field of SWERROR
  bool privileged = false;             ///< privilege of the DMA
  /// Source operands. A compare that ends at a difference need not read what follows it.
  std::vector<Range> reads;
  Iova write_address;
  std::vector<std::byte> write_data;  ///< empty: no data is written
  /// The descriptor ended with a read error: each byte of write_data may be written or not, nothing
  /// else may.
  bool write_optional = false;
};

/// The functional meaning of a descriptor. Order of checks: predict.cpp.
/// @param reader  sees memory with the owner's PASID; called in pieces that stay inside one 4 KiB
/// page
/// @spec DSA 5.2, 5.4, 5.5, 5.6
[[nodiscard]] Prediction predict(const abi::Descriptor& descriptor, const WorkContext& context,
                                 MemoryReader reader);

/// The data privilege: the descriptor's in a shared queue, WQCFG's in a dedicated one. @spec
/// DSA 4.3
[[nodiscard]] inline bool effective_privilege(const abi::Descriptor& descriptor,
                                              const WorkContext& context) {
  return context.dedicated || context.in_batch ? context.privileged : descriptor.privileged;
}

}  // namespace siov::model
