// SPDX-License-Identifier: Apache-2.0
// The functional meaning of a descriptor.
//
// Order of checks. The specification leaves it open (5.2.3); this is the one order of this project,
// for the model and for every device that is compared with it bit by bit. The first violation
// decides the status:
//
//   1  0x10  opcode not in OPCAP; batch or drain inside a batch
//   2  0x1b  CRAV and completion record address not 32-byte aligned
//   3  0x1d  shared queue, privileged descriptor, privileged mode not enabled
//   4  0x11  flags: bits that the operation does not allow, and required ones that are missing
//   5  0x12  reserved bytes; record address without CRAV; handle without RCI; dword 0 bits 30:20 in
//   a shared queue 6  0x13  transfer size 0 or above the maximum (operations with data) 7  0x19 RCI
//   and the interrupt handle fails the permission check then the operation itself: 0x20 read error,
//   0x02 unexpected result, 0x01 success
//
// Record and interrupt. Violation 2 or 3, first or not, discards the descriptor: no record, no
// interrupt, SWERROR gets the status of the first violation. Otherwise the record is written if
// CRAV and (RCR or status not 1, 2, 5); an error that has no record goes to SWERROR, 0x19 goes
// there always. RCI interrupts with any status, unless RCI itself is invalid (4) or the handle
// fails (7), even when another violation came first.
//
// Invalid-flag mask (status 0x11): every set bit that is not allowed, plus the missing required
// bits. RCR without CRAV reports RCR; a drain with neither RCR nor RCI reports both.
#include "model/predict.hpp"

#include <algorithm>

#include "abi/completion_record.hpp"
#include "common/error.hpp"

namespace siov::model {
namespace {

using abi::flag;

constexpr std::uint64_t kCrAlignment = 32;

/// Bytes first..last of the descriptor as a mask of 64 bits.
constexpr std::uint64_t bytes(unsigned first, unsigned last) {
  return (~std::uint64_t{0} >> (63 - last)) & (~std::uint64_t{0} << first);
}

/// What one operation allows. @spec DSA 5.2.1, 5.2.2
struct OpRules {
  std::uint32_t allowed = 0;  ///< flags beside those that every operation has
  std::uint32_t required = 0;
  std::uint64_t reserved = 0;  ///< mask of bytes that must be 0
  bool sized = false;          ///< has a transfer size
};

constexpr std::uint32_t kDestination = flag(abi::kFlagCc1) | flag(abi::kFlagStrictOrder);
constexpr std::uint32_t kDrainSuppressReadback = flag(18) | flag(19);

OpRules rules_of(const abi::Descriptor& d) {
  OpRules r;
  switch (d.opcode) {
    case abi::kOpNoop:
      r.reserved = bytes(16, 35) | bytes(38, 63);
      return r;
    case abi::kOpDrain:
      r.allowed = kDrainSuppressReadback;
      r.reserved = bytes(16, 35) | bytes(38, 63);
      return r;
    case abi::kOpMemmove:
      r.allowed =
          flag(abi::kFlagBof) | kDestination | flag(abi::kFlagAddr1Tc) | flag(abi::kFlagAddr2Tc);
      r.reserved = bytes(38, 63);
      r.sized = true;
      return r;
    case abi::kOpFill:
      r.allowed = flag(abi::kFlagBof) | kDestination | flag(abi::kFlagAddr2Tc);
      r.reserved = bytes(38, 63);
      r.sized = true;
      return r;
    case abi::kOpCompare:
      r.allowed = flag(abi::kFlagBof) | flag(abi::kFlagCheckResult) | flag(abi::kFlagAddr1Tc) |
                  flag(abi::kFlagAddr2Tc);
      r.required = flag(abi::kFlagCrav) | flag(abi::kFlagRcr);
      r.reserved = bytes(38, 39) | bytes(d.has(abi::kFlagCheckResult) ? 41 : 40, 63);
      r.sized = true;
      return r;
    default:
      throw HarnessError("predict does not know opcode " + std::to_string(d.opcode));
  }
}

bool opcode_supported(const abi::Descriptor& d, const WorkContext& ctx) {
  if (d.opcode >= 64 || (ctx.operations >> d.opcode & 1u) == 0) return false;
  return !(ctx.in_batch && (d.opcode == abi::kOpBatch || d.opcode == abi::kOpDrain));
}

bool cr_misaligned(const abi::Descriptor& d) {
  return d.has(abi::kFlagCrav) && d.completion_address.value % kCrAlignment != 0;
}

bool privilege_bad(const abi::Descriptor& d, const WorkContext& ctx) {
  return !ctx.dedicated && !ctx.in_batch && d.privileged && !ctx.privileged_allowed;
}

/// RCI is reserved for user descriptors while GENCFG does not allow them. @spec DSA 5.2.2
bool interrupt_allowed(const abi::Descriptor& d, const WorkContext& ctx) {
  return ctx.user_interrupts || !ctx.pasid.has_value() || effective_privilege(d, ctx);
}

/// The invalid-flag mask, 0 if all is well.
std::uint32_t bad_flags(const abi::Descriptor& d, const WorkContext& ctx, const OpRules& rules) {
  std::uint32_t allowed =
      rules.allowed | flag(abi::kFlagCrav) | flag(abi::kFlagRcr) | flag(abi::kFlagRci);
  if (!ctx.bof_enabled) allowed &= ~flag(abi::kFlagBof);
  if (d.has(abi::kFlagCrav)) allowed |= flag(abi::kFlagCrTc);
  if (ctx.in_batch) allowed |= flag(abi::kFlagFence);
  if (!interrupt_allowed(d, ctx)) allowed &= ~flag(abi::kFlagRci);
  if (!d.has(abi::kFlagCrav)) allowed &= ~flag(abi::kFlagRcr);
  std::uint32_t bad = (d.flags & ~allowed) | (rules.required & ~d.flags);
  const std::uint32_t drain_needs = flag(abi::kFlagRcr) | flag(abi::kFlagRci);
  if (d.opcode == abi::kOpDrain && (d.flags & drain_needs) == 0) bad |= drain_needs;
  return bad;
}

bool reserved_set(const abi::Descriptor& d, const WorkContext& ctx, const OpRules& rules) {
  if (!ctx.dedicated && !ctx.in_batch && d.reserved0 != 0) return true;
  std::uint64_t mask = rules.reserved;
  if (!d.has(abi::kFlagCrav)) mask |= bytes(8, 15);
  if (!d.has(abi::kFlagRci)) mask |= bytes(36, 37);
  const std::array<std::byte, 64> line = abi::to_line(d);
  for (; mask != 0; mask &= mask - 1) {
    if (line[static_cast<unsigned>(__builtin_ctzll(mask))] != std::byte{0}) return true;
  }
  return false;
}

/// The first violation, or 0. Fills the flag mask of the record.
std::uint8_t check(const abi::Descriptor& d, const WorkContext& ctx,
                   abi::CompletionRecord& record) {
  if (!opcode_supported(d, ctx)) return abi::kStBadOpcode;
  const OpRules rules = rules_of(d);
  if (cr_misaligned(d)) return abi::kStCrMisaligned;
  if (privilege_bad(d, ctx)) return abi::kStBadPriv;
  if (const std::uint32_t bad = bad_flags(d, ctx, rules)) {
    record.set_invalid_flags(bad);
    return abi::kStInvalidFlags;
  }
  if (reserved_set(d, ctx, rules)) return abi::kStReservedField;
  if (rules.sized && (d.size == 0 || d.size > ctx.max_transfer)) return abi::kStBadSize;
  if (d.has(abi::kFlagRci) && !ctx.handle_ok) return abi::kStBadHandle;
  return 0;
}

/// Reads upward, page by page. @return bytes before the first page that is not readable
std::size_t read_prefix(MemoryReader reader, Iova address, std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const Iova at = address + done;
    const std::size_t piece =
        std::min<std::size_t>(out.size() - done, kPageSize - at.page_offset());
    if (!reader(at, out.subspan(done, piece))) return done;
    done += piece;
  }
  return done;
}

/// Reads downward from the end. @return bytes after the last page that is not readable
std::size_t read_suffix(MemoryReader reader, Iova address, std::span<std::byte> out) {
  std::size_t left = out.size();
  while (left > 0) {
    const std::size_t in_page = (address + (left - 1)).page_offset() + std::size_t{1};
    const std::size_t piece = std::min(left, in_page);
    if (!reader(address + (left - piece), out.subspan(left - piece, piece))) break;
    left -= piece;
  }
  return out.size() - left;
}

/// A copy goes downward when the destination begins inside the source; any other goes upward. @spec
/// DSA 5.6 (03)
std::uint8_t move(const abi::Descriptor& d, MemoryReader reader, Prediction& p) {
  p.reads.push_back({d.source, d.size});
  Write& w = p.writes.emplace_back();
  w.address = d.destination;
  w.data.resize(d.size);
  const bool downward = d.source < d.destination && d.destination - d.source < d.size;
  const std::size_t good =
      downward ? read_suffix(reader, d.source, w.data) : read_prefix(reader, d.source, w.data);
  if (good == d.size) return abi::kStSuccess;
  w.optional = true;
  if (downward) {
    w.address += d.size - good;
    w.data.erase(w.data.begin(), w.data.end() - static_cast<std::ptrdiff_t>(good));
  } else {
    w.data.resize(good);
  }
  if (good == 0) p.writes.clear();
  return abi::kStReadError;
}

std::uint8_t fill(const abi::Descriptor& d, Prediction& p) {
  Write& w = p.writes.emplace_back();
  w.address = d.destination;
  w.data.resize(d.size);
  std::size_t done = std::min<std::size_t>(8, d.size);
  for (std::size_t i = 0; i < done; ++i) w.data[i] = static_cast<std::byte>(d.pattern() >> (8 * i));
  while (done < d.size) {  // doubles whole patterns
    const std::size_t piece = std::min<std::size_t>(done, d.size - done);
    std::copy_n(w.data.begin(), piece, w.data.begin() + static_cast<std::ptrdiff_t>(done));
    done += piece;
  }
  return abi::kStSuccess;
}

/// In address order: a difference counts only if it lies before the first unreadable byte. @spec
/// DSA 5.6 (05)
std::uint8_t compare(const abi::Descriptor& d, MemoryReader reader, Prediction& p,
                     abi::CompletionRecord& record) {
  p.reads.push_back({d.source, d.size});
  p.reads.push_back({d.destination, d.size});
  std::vector<std::byte> one(d.size);
  std::vector<std::byte> two(d.size);
  const std::size_t good =
      std::min(read_prefix(reader, d.source, one), read_prefix(reader, d.destination, two));
  const auto end = one.begin() + static_cast<std::ptrdiff_t>(good);
  const auto at = std::mismatch(one.begin(), end, two.begin()).first;
  if (at == end && good < d.size) return abi::kStReadError;
  const bool different = at != end;
  if (different) {
    record.result = 1;
    record.bytes_completed = static_cast<std::uint32_t>(at - one.begin());
  }
  const bool expected = (d.expected_result() & 1u) != 0;
  if (d.has(abi::kFlagCheckResult) && different != expected) return abi::kStSuccessPredicate;
  return abi::kStSuccess;
}

std::uint8_t operate(const abi::Descriptor& d, MemoryReader reader, Prediction& p,
                     abi::CompletionRecord& record) {
  switch (d.opcode) {
    case abi::kOpMemmove:
      return move(d, reader, p);
    case abi::kOpFill:
      return fill(d, p);
    case abi::kOpCompare:
      return compare(d, reader, p, record);
    default:
      return abi::kStSuccess;  // no-op, drain
  }
}

/// Codes that end a descriptor normally: a record only on request. @spec DSA 5.4
bool ends_normally(std::uint8_t status) {
  return status == abi::kStSuccess || status == abi::kStSuccessPredicate ||
         status == abi::kStBatchFail;
}

/// @spec DSA 2.7, 2.11
std::uint32_t error_info(const abi::Descriptor& d, const WorkContext& ctx, const Prediction& p,
                         const abi::CompletionRecord& record) {
  if (p.status == abi::kStInvalidFlags) return record.invalid_flags();
  std::uint32_t info = d.interrupt_handle;
  if (d.has(abi::kFlagRci)) info |= 1u << 16;
  if (ctx.ims) info |= 1u << 17;
  if (d.has(abi::kFlagRcr)) info |= 1u << 18;
  if (ctx.in_batch && ctx.first_error) info |= 1u << 19;
  return info;
}

/// Who is told: record, log, SWERROR, interrupt.
void conclude(const abi::Descriptor& d, const WorkContext& ctx, abi::CompletionRecord& record,
              Prediction& p) {
  record.status = p.status;
  p.record = abi::to_bytes(record);
  p.record_address = d.completion_address;
  p.privileged = effective_privilege(d, ctx);
  const bool discard = cr_misaligned(d) || privilege_bad(d, ctx);
  const bool error = !ends_normally(p.status);
  p.writes_record = !discard && d.has(abi::kFlagCrav) && (d.has(abi::kFlagRcr) || error);
  p.software_error = discard || (error && !p.writes_record) || p.status == abi::kStBadHandle;
  p.interrupt = !discard && d.has(abi::kFlagRci) && ctx.handle_ok && interrupt_allowed(d, ctx);
  if (p.status == abi::kStCrMisaligned) p.error_address = d.completion_address;
  if (d.opcode == abi::kOpDrain && ctx.event_log && !error && p.writes_record) {
    p.writes_record = false;
    p.log_record = true;
    p.error_address = d.completion_address;
  }
  p.error_info = error_info(d, ctx, p, record);
}

}  // namespace

Prediction predict(const abi::Descriptor& d, const WorkContext& ctx, MemoryReader reader) {
  Prediction p;
  abi::CompletionRecord record;
  p.status = check(d, ctx, record);
  if (p.status == 0) p.status = operate(d, reader, p, record);
  conclude(d, ctx, record, p);
  return p;
}

Prediction finish_batch(const abi::Descriptor& d, const WorkContext& ctx,
                        const BatchResult& result) {
  Prediction p;
  abi::CompletionRecord record;
  p.status = result.list_error   ? abi::kStReadError
             : result.any_failed ? abi::kStBatchFail
                                 : abi::kStSuccess;
  record.bytes_completed = result.completed;
  conclude(d, ctx, record, p);
  return p;
}

Prediction readback_failed(const Prediction& before, const abi::Descriptor& d,
                           const WorkContext& ctx, std::size_t which) {
  Prediction p;
  abi::CompletionRecord record;
  p.reads = before.reads;
  p.writes = before.writes;
  p.readbacks = before.readbacks;
  p.status = abi::kStWriteError;
  if (d.opcode == abi::kOpDrain) {
    p.status = abi::kStReadbackFault;
    record.fault_address = before.readbacks[which];
    p.error_address = before.readbacks[which];
  }
  conclude(d, ctx, record, p);
  return p;
}

}  // namespace siov::model
