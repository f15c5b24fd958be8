// SPDX-License-Identifier: Apache-2.0
// predict: what one descriptor means, without time: which bytes it reads and writes, how it ends,
// who is told. Pure: its only access to the world is the memory reader. It does not know queues,
// engines or translation.
//
//   auto peek = [&](Iova address, std::span<std::byte> out) { return view.peek(pasid, address,
//   out); }; const model::Prediction p = model::predict(descriptor, context, peek); if
//   (p.writes_record) expect_record(p.record_address, p.record);
//
// With a PageGate the work may end at a page: page_fault.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "abi/descriptor.hpp"
#include "common/types.hpp"
#include "model/memory_reader.hpp"
#include "model/operand.hpp"

namespace siov::model {

// Operation-specific flags. @spec DSA 5.6
inline constexpr unsigned kFlagReadback1 = 16;            ///< drain: address 1 is read back
inline constexpr unsigned kFlagReadback2 = 17;            ///< drain: address 2 is read back
inline constexpr unsigned kFlagSuppressA = 18;            ///< drain: no implicit readback, class A
inline constexpr unsigned kFlagSuppressB = 19;            ///< drain: no implicit readback, class B
inline constexpr unsigned kFlagFill16 = 18;               ///< fill: pattern of 16 bytes
inline constexpr unsigned kFlagSeedAddress = 16;          ///< CRC: the seed is in memory
inline constexpr unsigned kFlagCrcBypassInversion = 17;   ///< CRC: no inversion and reflection
inline constexpr unsigned kFlagCrcBypassReflection = 18;  ///< CRC: no reflection of data
inline constexpr unsigned kFlagCrc64 = 19;                ///< CRC: 64 bits

/// Optional features of a build. @spec DSA 2.2
struct Features {
  bool fill16 = false;          ///< GENCAP[10]: fill with a 16-byte pattern
  bool crc64 = false;           ///< GENCAP[11]
  bool drain_readback = false;  ///< GENCAP[9]: readback addresses of a drain
  bool batch1 = false;          ///< GENCAP[52]: a batch of one
};

/// What the queue and the device add to a descriptor.
struct WorkContext {
  /// PASID of the DMA: WQCFG PASID of a dedicated queue if enabled, the descriptor's in a shared
  /// queue, the batch's for its members. @spec DSA 4.3
  std::optional<Pasid> pasid;
  bool privileged = false;  ///< WQCFG privilege of a dedicated queue; the batch's for its members
  bool dedicated = true;
  std::uint64_t max_transfer = std::uint64_t{1} << 31;  ///< min(GENCAP, WQCFG) [bytes]
  std::uint32_t max_batch = 1024;                       ///< min(GENCAP, WQCFG) [descriptors]
  bool bof_enabled = false;                             ///< WQCFG block-on-fault enable
  bool handle_ok = true;  ///< the interrupt handle passes the permission check. @spec DSA 2.10
  bool ims = false;  ///< the handle names an IMS entry (portal page of the descriptor or batch)
  bool user_interrupts = false;     ///< GENCFG bit 12
  bool privileged_allowed = false;  ///< privileged mode enable of the PASID capability
  /// Bit n: opcode n allowed: OPCAP and OPCFG. @spec DSA 2.4, 2.9
  std::uint64_t operations = 0x1'003F'03FF;
  Features features;
  bool event_log = false;  ///< errors go to the event log. @spec DSA 2.11
  bool ats = false;        ///< the requests of the queue are translated. @spec DSA 1.4, 2.9
  bool prs = false;        ///< ats, and absent pages may be asked for
  bool in_batch = false;
  bool first_error = true;  ///< member: none before it in its batch was reported to SWERROR or log
};

/// Bytes of the descriptor owner's address space.
struct Range {
  Iova address;
  std::uint64_t bytes = 0;
  bool operator==(const Range&) const = default;
};

/// Bytes that the descriptor writes, upward from an address.
struct Write {
  Iova address;
  std::vector<std::byte> data;
  /// The descriptor ended with an error: each of these bytes may be written or not.
  bool optional = false;
  bool operator==(const Write&) const = default;
};

/// The outcome of one descriptor.
struct Prediction {
  std::uint8_t status = 0;  ///< kSt...; never 0, but for a good batch
  bool writes_record = false;
  Iova record_address;
  std::array<std::byte, 32> record{};  ///< valid also when it is not written
  /// The record goes to the event log, not to memory: of a drain with code 0x26, of a batch with a
  /// member whose record went there with 0x27.
  bool log_record = false;
  bool interrupt = false;        ///< one message to the entry that the handle names
  bool software_error = false;   ///< SWERROR or the event log records it
  std::uint8_t error_code = 0;   ///< code there: the status, 0x1a, 0x26 or 0x27
  bool error_write = false;      ///< the faulting access was a write
  bool log_has_record = false;   ///< a log entry carries the completion record
  Iova error_address;            ///< address field of SWERROR or of the log entry
  std::uint32_t error_info = 0;  ///< error information of SWERROR or of the log entry
  bool privileged = false;       ///< privilege of the DMA
  /// Source operands. A compare that ends at a difference need not read what follows it.
  std::vector<Range> reads;
  /// What is written, in order; nothing else may be.
  std::vector<Write> writes;
  /// Zero-length reads, after the writes and before the record.
  std::vector<Iova> readbacks;
  /// The page at which the work ended; only with a PageGate.
  std::optional<PageFault> fault;
  /// The CRC value of the record (bytes 16 to 23) is undefined: a fault before the first byte.
  bool crc_undefined = false;
  /// A batch whose own checks passed: run its members, then ask finish_batch().
  bool is_batch = false;
  Range list;  ///< its descriptor list
};

/// How a batch went.
struct BatchResult {
  std::uint32_t completed = 0;  ///< members processed, those that failed included
  bool any_failed = false;      ///< a member ended with a status other than 1
  bool list_error = false;      ///< a read of the list failed
  std::uint8_t list_fault = 0;  ///< the list has a page without translation: 0x06 or 0x22
  Iova fault_address;           ///< of that page
  /// The record of a member went to the event log because its page has no translation.
  bool record_logged = false;
};

/// The functional meaning of a descriptor. Order of checks: predict_checks.cpp.
/// @param reader  sees memory with the owner's PASID; called in pieces that stay inside one 4 KiB
/// page. An empty piece asks for a zero-length read of that address; these come last.
/// @spec DSA 5.2, 5.4, 5.5, 5.6
[[nodiscard]] Prediction predict(const abi::Descriptor& descriptor, const WorkContext& context,
                                 MemoryReader reader);

/// The same on pages that may be absent. @param gate  asked in the order of the work, once or more
/// often for a page; a page that it closes ends the work there, unless that ends earlier
[[nodiscard]] Prediction predict(const abi::Descriptor& descriptor, const WorkContext& context,
                                 MemoryReader reader, PageGate gate);

/// The end of a batch: record, interrupt, error report. @param descriptor  a batch for which
/// predict() gave is_batch @spec DSA 5.6 (01)
[[nodiscard]] Prediction finish_batch(const abi::Descriptor& descriptor, const WorkContext& context,
                                      const BatchResult& result);

/// Asked before each member: whether its fence ends the batch before it.
/// @param any_failed  an earlier member of the batch ended with a status other than 1
[[nodiscard]] inline bool fence_ends_batch(const abi::Descriptor& member, bool any_failed) {
  return member.has(abi::kFlagFence) && any_failed;
}

/// What becomes of a prediction whose readback failed although predict() saw it succeed.
/// @param which  index in readbacks
[[nodiscard]] Prediction readback_failed(const Prediction& prediction,
                                         const abi::Descriptor& descriptor,
                                         const WorkContext& context, std::size_t which);

/// The data privilege: the descriptor's in a shared queue, WQCFG's in a dedicated one. @spec
/// DSA 4.3
[[nodiscard]] inline bool effective_privilege(const abi::Descriptor& descriptor,
                                              const WorkContext& context) {
  return context.dedicated || context.in_batch ? context.privileged : descriptor.privileged;
}

}  // namespace siov::model
