// SPDX-License-Identifier: Apache-2.0
// Descriptors that are wrong in exactly one way, and the status each must get. @spec dsa.md 5.2.2,
// 5.5
#include <algorithm>

#include "abi/siov_abi.hpp"
#include "guest/job_builder.hpp"

namespace siov::guest {

namespace {

constexpr std::uint32_t kMaxDeltaTransfer = 0x80000;
constexpr std::uint16_t kNoSuchHandle = 0xFFFE;
/// Reserved in every operation of this device: 5, 6 and 15; the last where the queue does not block
/// on faults.
constexpr std::uint32_t kReservedFlags[] = {abi::kFlagCc3, abi::kFlagReserved6,
                                            abi::kFlagReserved15, abi::kFlagBof};

bool is_delta(std::uint8_t opcode) {
  return opcode == abi::kOpCreateDelta || opcode == abi::kOpApplyDelta;
}
bool is_dif(std::uint8_t opcode) {
  return opcode >= abi::kOpDifCheck && opcode <= abi::kOpDifUpdate;
}
bool has_size(std::uint8_t opcode) { return opcode != abi::kOpNoop && opcode != abi::kOpDrain; }

void refuse_flag(Job& job, std::uint32_t bit) {
  job.descriptor.flags |= abi::flag(bit);
  job.refuse(abi::kStInvalidFlags, "a reserved flag");
  job.expected.set_invalid_flags(abi::flag(bit));
}

void refuse_without_record(Job& job) {
  job.refuse(abi::kStCrMisaligned, "a record address that is not aligned");
  job.ending = Ending::kErrorOnly;
}

}  // namespace

void JobBuilder::spoil() {
  if (!job_.fault.empty()) return;  // its data is wrong
  // An interrupt is asked for only where the fault is about it: the guest looks for the record.
  job_.descriptor.flags &= ~abi::flag(abi::kFlagRci);
  if (one_in(2) && has_size(job_.descriptor.opcode) && spoil_operands()) return;
  spoil_anything();
}

void JobBuilder::spoil_anything() {
  abi::Descriptor& d = job_.descriptor;
  switch (draw(0, 6)) {
    case 0:
      return spoil_opcode();
    case 1:
    case 2:
      return spoil_flags();
    case 3:
      d.reserved1 = static_cast<std::uint16_t>(1U << draw(0, 15));
      return job_.refuse(abi::kStReservedField, "a reserved byte that is not 0");
    case 4:
      d.interrupt_handle = static_cast<std::uint16_t>(draw(1, 0xFFFF));
      job_.own_handle = true;
      return job_.refuse(abi::kStReservedField, "an interrupt handle without a request");
    case 5:
      flag(abi::kFlagRci);
      d.interrupt_handle = kNoSuchHandle;
      job_.own_handle = true;
      return job_.refuse(abi::kStBadHandle, "an interrupt handle that does not exist");
    default:
      return refuse_without_record(job_);
  }
}

void JobBuilder::spoil_opcode() {
  std::uint32_t opcode = draw(0, 255);
  if (facts_.in_batch && one_in(2)) opcode = draw(abi::kOpBatch, abi::kOpDrain);
  const auto known = [&](std::uint32_t code) {
    if (facts_.in_batch && (code == abi::kOpBatch || code == abi::kOpDrain)) return false;
    return code < 64 && (facts_.operations >> code & 1) != 0;
  };
  while (known(opcode)) opcode = (opcode + 1) % 256;
  job_.descriptor.opcode = static_cast<std::uint8_t>(opcode);
  job_.refuse(abi::kStBadOpcode, "an operation that is not supported or not allowed");
}

void JobBuilder::spoil_flags() {
  if (!facts_.in_batch && one_in(5)) return refuse_flag(job_, abi::kFlagFence);
  refuse_flag(job_, kReservedFlags[draw(0, facts_.block_on_fault ? 2 : 3)]);
}

bool JobBuilder::spoil_operands() {
  switch (draw(0, 3)) {
    case 0:
      spoil_size();
      return true;
    case 1:
      return spoil_delta_size();
    case 2:
      return spoil_alignment();
    default:
      return spoil_overlap();
  }
}

void JobBuilder::spoil_size() {
  abi::Descriptor& d = job_.descriptor;
  const std::uint64_t limit = is_delta(d.opcode)
                                  ? std::min<std::uint64_t>(facts_.max_transfer, kMaxDeltaTransfer)
                                  : facts_.max_transfer;
  const std::uint32_t pick = draw(0, 2);
  if (pick == 0 && limit < 0xFFFF'FFF0) {
    d.size = static_cast<std::uint32_t>(limit) + 8;
  } else if (pick == 1 && is_dif(d.opcode)) {
    d.size += draw(1, 7);
  } else {
    d.size = 0;
  }
  job_.refuse(abi::kStBadSize, "a transfer size out of range");
}

bool JobBuilder::spoil_delta_size() {
  abi::Descriptor& d = job_.descriptor;
  const auto above = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(facts_.max_transfer / 10 * 10 + 10, 0xFFFF'FFFA));
  if (d.opcode == abi::kOpCreateDelta) {
    d.set_max_delta_size(one_in(3) ? above : draw(0, 79));
  } else if (d.opcode == abi::kOpApplyDelta) {
    d.set_delta_size(one_in(3) ? above : one_in(2) ? 0 : d.delta_size() + draw(1, 9));
  } else {
    return false;
  }
  job_.refuse(abi::kStBadDeltaSize, "a delta record size out of range");
  return true;
}

bool JobBuilder::spoil_alignment() {
  abi::Descriptor& d = job_.descriptor;
  const std::uint32_t pick = draw(0, 3);
  const std::uint32_t off = draw(1, 7);
  if (d.opcode == abi::kOpCreateDelta) {
    if (pick == 0) d.source += off;
    if (pick == 1) d.destination += off;
    if (pick == 2) d.set_delta_address(d.delta_address() + off);
    if (pick == 3) d.size -= off;
  } else if (d.opcode == abi::kOpApplyDelta) {
    d.size -= off;
  } else if ((d.opcode == abi::kOpCrcgen || d.opcode == abi::kOpCopyCrc) && d.has(16)) {
    d.set_crc_seed_address(d.crc_seed_address() + draw(1, 3));
  } else if (d.opcode == abi::kOpDualcast) {
    d.set_destination2(d.destination2() + off);
    job_.refuse(abi::kStDualcastAlign, "dualcast destinations with different page offsets");
    return true;
  } else {
    return false;
  }
  job_.refuse(abi::kStMisaligned, "a misaligned operand");
  return true;
}

bool JobBuilder::spoil_overlap() {
  abi::Descriptor& d = job_.descriptor;
  switch (d.opcode) {
    case abi::kOpCreateDelta:
      d.set_delta_address(one_in(2) ? d.source : d.destination);
      break;
    case abi::kOpApplyDelta:
      d.destination = d.source + (d.delta_size() - 1);
      break;
    case abi::kOpDualcast:
      if (one_in(2)) {
        d.set_destination2(d.destination);
      } else {
        d.source = d.destination + draw(0, d.size - 1);
      }
      break;
    case abi::kOpCopyCrc:
      d.destination = d.source + draw(0, d.size - 1);
      break;
    case abi::kOpDifInsert:
    case abi::kOpDifStrip:
    case abi::kOpDifUpdate:
      d.destination = d.source + (d.size - 1);
      break;
    default:
      return false;
  }
  job_.refuse(abi::kStOverlap, "operands that overlap");
  return true;
}

bool spoil_batch(Job& job, const DeviceFacts& facts, std::uint32_t pick) {
  abi::Descriptor& d = job.descriptor;
  d.flags &= ~abi::flag(abi::kFlagRci);
  switch (pick % 8) {
    case 0:
      d.size = 0;
      job.refuse(abi::kStBadCount, "a batch without members");
      return true;
    case 1:
      if (facts.has(kGencapBatch1)) return false;
      d.size = 1;
      job.refuse(abi::kStBadCount, "a batch of one");
      return true;
    case 2:
    case 3:
      d.size = facts.max_batch + 1;
      job.refuse(abi::kStBadCount, "a batch of too many");
      return true;
    case 4:
      d.source += 32;
      job.refuse(abi::kStListAlign, "a descriptor list that is not aligned");
      return true;
    case 5:
      d.destination = Iova{1};
      job.refuse(abi::kStReservedField, "a reserved byte that is not 0");
      return true;
    case 6:
      refuse_flag(job, abi::kFlagStrictOrder);
      return true;
    default:
      refuse_without_record(job);
      return true;
  }
}

}  // namespace siov::guest
