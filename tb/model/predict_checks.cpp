// SPDX-License-Identifier: Apache-2.0
// The checks of a descriptor.
//
// Order of checks. The specification leaves it open (5.2.3); this is the one order of this project,
// for the model and for every device that is compared with it bit by bit. The first violation
// decides the status:
//
//   1   0x10  opcode not in OPCAP or OPCFG; batch or drain inside a batch
//   2   0x1b  CRAV and completion record address not 32-byte aligned
//   3   0x1d  shared queue, privileged descriptor, privileged mode not enabled
//   4   0x11  flags: bits that the operation does not allow, and required ones that are missing
//   5   0x12  reserved bytes; record address without CRAV; handle without RCI; dword 0 bits 30:20
//             in a shared queue
//   6   0x13  transfer size 0, above the maximum, above 0x80000 for delta records; not a multiple
//             of the DIF block
//       0x14  batch: number of descriptors
//   7   0x15  size of the delta record
//   8   0x1c  alignment: CRC seed address; create delta: sources, record address; create and apply
//             delta: transfer size
//       0x18  alignment of the descriptor list
//   9   0x17  dualcast destinations differ in bits 11:0
//   10  0x16  operands overlap
//   11  0x19  RCI and the interrupt handle fails the permission check
//
// Invalid-flag mask (status 0x11): every set bit that is not allowed, plus the missing required
// bits. RCR without CRAV reports RCR; a drain with neither RCR nor RCI reports both.
#include "model/predict_checks.hpp"

#include <algorithm>
#include <string>

#include "common/error.hpp"
#include "model/delta.hpp"
#include "model/dif.hpp"

namespace siov::model {
namespace {

using abi::flag;

constexpr std::uint64_t kCrAlignment = 32;
constexpr std::uint64_t kListAlignment = 64;
constexpr std::uint64_t kMaxDeltaTransfer = 0x80000;
constexpr std::uint32_t kMinDeltaRecord = 80;
constexpr std::uint64_t kDualcastMask = 0xFFF;

/// Bytes first..last of the descriptor as a mask of 64 bits.
constexpr std::uint64_t bytes(unsigned first, unsigned last) {
  return (~std::uint64_t{0} >> (63 - last)) & (~std::uint64_t{0} << first);
}

/// What one operation allows. @spec DSA 5.2.1, 5.2.2
struct OpRules {
  std::uint32_t allowed = 0;   ///< flags beside those that every operation has
  std::uint32_t required = 0;  ///< flags
  std::uint64_t reserved = 0;  ///< mask of bytes that must be 0
  bool sized = false;          ///< has a transfer size
};

constexpr std::uint32_t kBof = flag(abi::kFlagBof), kCheck = flag(abi::kFlagCheckResult),
                        kA1 = flag(abi::kFlagAddr1Tc), kA2 = flag(abi::kFlagAddr2Tc),
                        kA3 = flag(abi::kFlagAddr3Tc),
                        kCrRequired = flag(abi::kFlagCrav) | flag(abi::kFlagRcr);
/// What operations with a destination have: cache control, readback, ordering.
constexpr std::uint32_t kDestination =
    flag(abi::kFlagCc1) | flag(abi::kFlagCc2) | flag(abi::kFlagStrictOrder);
constexpr std::uint64_t kHead = bytes(38, 39);

OpRules drain_rules(const abi::Descriptor& d, const Features& features) {
  OpRules r;
  r.allowed = flag(kFlagSuppressA) | flag(kFlagSuppressB);
  r.reserved = bytes(32, 35) | bytes(38, 63);
  const bool one = features.drain_readback && d.has(kFlagReadback1);
  const bool two = features.drain_readback && d.has(kFlagReadback2);
  if (features.drain_readback) r.allowed |= flag(kFlagReadback1) | flag(kFlagReadback2);
  if (one) r.allowed |= kA1;
  if (two) r.allowed |= kA2;
  if (!one) r.reserved |= bytes(16, 23);
  if (!two) r.reserved |= bytes(24, 31);
  return r;
}

OpRules crc_rules(const abi::Descriptor& d, const Features& features) {
  OpRules r;
  const bool wide = features.crc64 && d.has(kFlagCrc64);
  const bool by_address = d.has(kFlagSeedAddress);
  r.allowed = kBof | kA1 | kA3 | flag(kFlagSeedAddress) | flag(kFlagCrcBypassInversion) |
              flag(kFlagCrcBypassReflection);
  if (features.crc64) r.allowed |= flag(kFlagCrc64);
  r.required = kCrRequired;
  r.reserved = kHead | bytes(56, 63);
  if (by_address) r.reserved |= bytes(40, 43);
  if (by_address || !wide) r.reserved |= bytes(44, 47);
  if (!by_address) r.reserved |= bytes(48, 55);
  r.sized = true;
  return r;
}

/// @param reserved  beside bytes 38 and 39
OpRules data_rules(std::uint32_t allowed, std::uint64_t reserved, std::uint32_t required = 0) {
  return {kBof | allowed, required, kHead | reserved, true};
}

OpRules rules_of(const abi::Descriptor& d, const Features& features) {
  OpRules r;
  switch (d.opcode) {
    case abi::kOpNoop:
      r.reserved = bytes(16, 35) | bytes(38, 63);
      return r;
    case abi::kOpBatch:
      r.allowed = kA1;
      r.reserved = bytes(24, 31) | bytes(38, 63);
      return r;
    case abi::kOpDrain:
      return drain_rules(d, features);
    case abi::kOpMemmove:
      return data_rules(kDestination | kA1 | kA2, bytes(40, 63));
    case abi::kOpFill: {
      const std::uint32_t wide = features.fill16 ? flag(kFlagFill16) : 0;
      return data_rules(kDestination | kA2 | wide, bytes((d.flags & wide) != 0 ? 48 : 40, 63));
    }
    case abi::kOpCompare:
      return data_rules(kCheck | kA1 | kA2, bytes(d.has(abi::kFlagCheckResult) ? 41 : 40, 63),
                        kCrRequired);
    case abi::kOpComparePattern:
      return data_rules(kCheck | kA1, bytes(41, 63), kCrRequired);
    case abi::kOpCreateDelta:
      return data_rules(kCheck | kDestination | kA1 | kA2 | kA3, bytes(52, 55) | bytes(57, 63),
                        kCrRequired);
    case abi::kOpApplyDelta:
      return data_rules(kDestination | kA1 | kA2, bytes(44, 63));
    case abi::kOpDualcast:
      return data_rules(kDestination | kA1 | kA2 | kA3, bytes(48, 63));
    case abi::kOpCrcgen:
      r = crc_rules(d, features);
      r.reserved |= bytes(24, 31);
      return r;
    case abi::kOpCopyCrc:
      r = crc_rules(d, features);
      r.allowed |= kDestination | kA2;
      return r;
    case abi::kOpDifCheck:
      return data_rules(kA1, bytes(24, 31) | bytes(41, 41) | bytes(43, 47) | bytes(56, 63),
                        kCrRequired);
    case abi::kOpDifInsert:
      return data_rules(kDestination | kA1 | kA2, bytes(40, 40) | bytes(43, 55));
    case abi::kOpDifStrip:
      return data_rules(kDestination | kA1 | kA2, bytes(41, 41) | bytes(43, 47) | bytes(56, 63));
    case abi::kOpDifUpdate:
      return data_rules(kDestination | kA1 | kA2, bytes(43, 47));
    case abi::kOpCacheFlush:
      return data_rules(flag(abi::kFlagCc2) | flag(abi::kFlagStrictOrder) | kA2,
                        bytes(16, 23) | bytes(40, 63));
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

/// The invalid-flag mask, 0 if all is well.
std::uint32_t bad_flags(const abi::Descriptor& d, const WorkContext& ctx, const OpRules& rules) {
  std::uint32_t allowed =
      rules.allowed | flag(abi::kFlagCrav) | flag(abi::kFlagRcr) | flag(abi::kFlagRci);
  if (!ctx.bof_enabled) allowed &= ~kBof;
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

bool is_delta(const abi::Descriptor& d) {
  return d.opcode == abi::kOpCreateDelta || d.opcode == abi::kOpApplyDelta;
}

/// Source bytes of one DIF block; 0 for other operations. @spec DSA 5.9
std::uint32_t dif_source_block(const abi::Descriptor& d) {
  if (d.opcode == abi::kOpDifInsert) return dif_block_bytes(d.dif_flags());
  if (d.opcode < abi::kOpDifCheck || d.opcode > abi::kOpDifUpdate) return 0;
  return dif_block_bytes(d.dif_flags()) + ProtectionInfo::kBytes;
}

bool size_bad(const abi::Descriptor& d, const WorkContext& ctx) {
  std::uint64_t limit = ctx.max_transfer;
  if (is_delta(d)) limit = std::min(limit, kMaxDeltaTransfer);
  if (d.size == 0 || d.size > limit) return true;
  const std::uint32_t block = dif_source_block(d);
  return block != 0 && d.size % block != 0;
}

bool count_bad(const abi::Descriptor& d, const WorkContext& ctx) {
  return d.count() < (ctx.features.batch1 ? 1u : 2u) || d.count() > ctx.max_batch;
}

bool delta_size_bad(const abi::Descriptor& d, const WorkContext& ctx) {
  if (d.opcode == abi::kOpCreateDelta)
    return d.max_delta_size() < kMinDeltaRecord || d.max_delta_size() > ctx.max_transfer;
  if (d.opcode != abi::kOpApplyDelta) return false;
  return d.delta_size() == 0 || d.delta_size() % kDeltaEntryBytes != 0 ||
         d.delta_size() > ctx.max_transfer;
}

bool misaligned(const abi::Descriptor& d) {
  const auto off = [](std::uint64_t value, std::uint64_t unit) { return value % unit != 0; };
  switch (d.opcode) {
    case abi::kOpCreateDelta:
      return off(d.source.value, 8) || off(d.destination.value, 8) ||
             off(d.delta_address().value, 8) || off(d.size, kDeltaWordBytes);
    case abi::kOpApplyDelta:
      return off(d.size, kDeltaWordBytes);
    case abi::kOpCrcgen:
    case abi::kOpCopyCrc:
      return d.has(kFlagSeedAddress) && off(d.crc_seed_address().value, d.has(kFlagCrc64) ? 8 : 4);
    default:
      return false;
  }
}

bool operands_overlap(const abi::Descriptor& d) {
  const Range source{d.source, d.size};
  const Range destination{d.destination, d.size};
  const std::uint64_t block = dif_block_bytes(d.dif_flags());
  const std::uint64_t with_info = block + ProtectionInfo::kBytes;
  switch (d.opcode) {
    case abi::kOpCreateDelta: {
      const Range record{d.delta_address(), d.max_delta_size()};
      return overlap(record, source) || overlap(record, destination);
    }
    case abi::kOpApplyDelta:
      return overlap({d.source, d.delta_size()}, destination);
    case abi::kOpDualcast: {
      const Range second{d.destination2(), d.size};
      return overlap(source, destination) || overlap(source, second) ||
             overlap(destination, second);
    }
    case abi::kOpCopyCrc:
    case abi::kOpDifUpdate:
      return overlap(source, destination);
    case abi::kOpDifInsert:
      return overlap(source, {d.destination, d.size / block * with_info});
    case abi::kOpDifStrip:
      return overlap(source, {d.destination, d.size / with_info * block});
    default:
      return false;
  }
}

/// Items 6 to 10 of the order.
std::uint8_t check_operands(const abi::Descriptor& d, const WorkContext& ctx, bool sized) {
  if (d.opcode == abi::kOpBatch) {
    if (count_bad(d, ctx)) return abi::kStBadCount;
    if (d.list().value % kListAlignment != 0) return abi::kStListAlign;
    return 0;
  }
  if (!sized) return 0;
  if (size_bad(d, ctx)) return abi::kStBadSize;
  if (delta_size_bad(d, ctx)) return abi::kStBadDeltaSize;
  if (misaligned(d)) return abi::kStMisaligned;
  const bool dualcast = d.opcode == abi::kOpDualcast;
  if (dualcast && ((d.destination.value ^ d.destination2().value) & kDualcastMask) != 0)
    return abi::kStDualcastAlign;
  if (operands_overlap(d)) return abi::kStOverlap;
  return 0;
}

}  // namespace

bool interrupt_allowed(const abi::Descriptor& d, const WorkContext& ctx) {
  return ctx.user_interrupts || !ctx.pasid.has_value() || effective_privilege(d, ctx);
}

bool discarded(const abi::Descriptor& d, const WorkContext& ctx) {
  return cr_misaligned(d) || privilege_bad(d, ctx);
}

std::uint8_t check_descriptor(const abi::Descriptor& d, const WorkContext& ctx,
                              abi::CompletionRecord& record) {
  if (!opcode_supported(d, ctx)) return abi::kStBadOpcode;
  const OpRules rules = rules_of(d, ctx.features);
  if (cr_misaligned(d)) return abi::kStCrMisaligned;
  if (privilege_bad(d, ctx)) return abi::kStBadPriv;
  if (const std::uint32_t bad = bad_flags(d, ctx, rules)) {
    record.set_invalid_flags(bad);
    return abi::kStInvalidFlags;
  }
  if (reserved_set(d, ctx, rules)) return abi::kStReservedField;
  if (const std::uint8_t bad = check_operands(d, ctx, rules.sized)) return bad;
  if (d.has(abi::kFlagRci) && !ctx.handle_ok) return abi::kStBadHandle;
  return 0;
}

}  // namespace siov::model
