// SPDX-License-Identifier: Apache-2.0
// Interrupt remapping and posting.
#include "iommu/interrupt_remap.hpp"

#include <optional>

namespace siov::iommu {

namespace {

/// Bits high..low of a quadword, in place.
constexpr std::uint64_t mask(unsigned high, unsigned low) {
  return (~std::uint64_t{0} >> (63 - high)) & (~std::uint64_t{0} << low);
}
/// FI of an interrupt fault. @spec VT-d FRCD_REG.FI
constexpr std::uint64_t index_info(std::uint64_t index) { return index << 48; }

}  // namespace

InterruptRemapper::InterruptRemapper(memory::PhysicalMemory& memory, port::InterruptPort& port,
                                     const IommuConfig& config, Statistics& statistics)
    : memory_(memory), port_(port), config_(config), statistics_(statistics), cache_(kLines) {}

void InterruptRemapper::set_table(Hpa table, unsigned size_code, bool extended) {
  table_ = table;
  size_code_ = size_code;
  extended_ = extended;
}

void InterruptRemapper::invalidate_all() {
  for (Line& line : cache_) line.valid = false;
}

void InterruptRemapper::invalidate(std::uint16_t index, unsigned index_mask) {
  for (Line& line : cache_) {
    if (line.index >> index_mask == index >> index_mask) line.valid = false;
  }
}

void InterruptRemapper::deliver_compatibility(RequesterId requester, std::uint64_t address,
                                              std::uint32_t data) {
  port::Interrupt interrupt;
  interrupt.requester = requester;
  interrupt.destination = static_cast<std::uint32_t>(address >> 12 & 0xFF);
  interrupt.vector = static_cast<std::uint8_t>(data & 0xFF);
  ++statistics_.interrupts;
  port_.deliver(interrupt);
}

InterruptOutcome InterruptRemapper::message(RequesterId requester, std::uint64_t address,
                                            std::uint32_t data) {
  const bool remappable = (address >> 4 & 1) != 0;
  if (enabled_ && remappable) return remap(requester, address, data);
  if (!enabled_ && config_.irreq) return {FaultReason::kInterruptsDisabled, 0, false};
  if (enabled_ && (extended_ || !compatibility_))
    return {FaultReason::kCompatibilityBlocked, 0, false};
  if (config_.eimer && (address >> 5 & 0x7F) != 0)
    return {FaultReason::kExtendedDestination, 0, false};
  deliver_compatibility(requester, address, data);
  return {};
}

InterruptOutcome InterruptRemapper::remap(RequesterId requester, std::uint64_t address,
                                          std::uint32_t data) {
  const bool subhandle_valid = (address >> 3 & 1) != 0;
  std::uint32_t wide_index =
      static_cast<std::uint32_t>((address >> 5 & 0x7FFF) | (address >> 2 & 1) << 15);
  if (subhandle_valid) {
    if (data >> 16 != 0) return {FaultReason::kInterruptReserved, 0, false};
    wide_index += data;
  }
  const std::uint64_t info = index_info(wide_index & 0xFFFF);
  if (wide_index >= std::uint32_t{2} << size_code_)
    return {FaultReason::kInterruptIndex, info, false};
  const auto index = static_cast<std::uint16_t>(wide_index);

  bool fpd = false;
  const Result<Irte, FaultReason> irte = fetch(index, fpd);
  if (!irte) return {irte.error(), info, fpd};
  if (!source_allowed(*irte, requester)) return {FaultReason::kInterruptSource, info, fpd};
  if (irte->posted) return {post(requester, index, *irte), info, fpd};

  port::Interrupt interrupt;
  interrupt.requester = requester;
  interrupt.destination = irte->destination;
  interrupt.vector = irte->vector;
  interrupt.remapped = true;
  interrupt.irte_index = index;
  ++statistics_.interrupts;
  port_.deliver(interrupt);
  return {};
}

Result<Irte, FaultReason> InterruptRemapper::fetch(std::uint16_t index, bool& fpd) {
  Line& line = cache_[index % kLines];
  if (line.valid && line.index == index) {
    fpd = line.irte.fault_disable;
    if (line.refusal != FaultReason::kNone) return Failure{line.refusal};
    return line.irte;
  }
  const Hpa entry = table_ + std::uint64_t{index} * 16;
  const std::optional<std::uint64_t> low = memory_.read64(entry);
  const std::optional<std::uint64_t> high = memory_.read64(entry + 8);
  if (!low || !high) return Failure{FaultReason::kIrteFetch};
  fpd = (*low >> 1 & 1) != 0;
  const bool present = (*low & 1) != 0;
  const Result<Irte, FaultReason> irte =
      present ? decode(*low, *high)
              : Result<Irte, FaultReason>(Failure{FaultReason::kIrteNotPresent});
  if (irte) {
    line = Line{true, index, FaultReason::kNone, *irte};
  } else if (config_.caching_mode) {
    line = Line{true, index, irte.error(), Irte{.fault_disable = fpd}};
  }
  return irte;
}

Result<Irte, FaultReason> InterruptRemapper::decode(std::uint64_t low, std::uint64_t high) const {
  Irte irte;
  irte.fault_disable = (low >> 1 & 1) != 0;
  irte.posted = (low >> 15 & 1) != 0;
  irte.vector = static_cast<std::uint8_t>(low >> 16 & 0xFF);
  irte.source = static_cast<std::uint16_t>(high & 0xFFFF);
  irte.qualifier = static_cast<std::uint8_t>(high >> (80 - 64) & 3);
  irte.check = static_cast<std::uint8_t>(high >> (82 - 64) & 3);

  std::uint64_t reserved_low = mask(13, 12);
  std::uint64_t reserved_high = mask(95 - 64, 84 - 64);
  if (irte.posted) {
    reserved_low |= mask(7, 2) | mask(37, 24);
    if (!config_.posted_interrupts) reserved_low |= mask(15, 15);
    irte.urgent = (low >> 14 & 1) != 0;
    irte.descriptor = Hpa{(high & mask(63, 32)) | (low >> 32 & mask(31, 6))};
  } else {
    reserved_low |= mask(14, 14) | mask(31, 24);
    if (!extended_) reserved_low |= mask(63, 48) | mask(39, 32);
    reserved_high |= mask(63, 32);
    irte.destination = static_cast<std::uint32_t>(extended_ ? low >> 32 : low >> 40 & 0xFF);
  }
  const bool reserved_check = irte.check == 3;
  if ((low & reserved_low) != 0 || (high & reserved_high) != 0 || reserved_check) {
    return Failure{FaultReason::kIrteReserved};
  }
  return irte;
}

bool InterruptRemapper::source_allowed(const Irte& irte, RequesterId requester) {
  if (irte.check == 1) {
    // SQ 0..3 ignores no bit, bit 2, bits 2:1, bits 2:0 of the requester id.
    static constexpr std::uint16_t kIgnored[4] = {0, 4, 6, 7};
    return ((irte.source ^ requester.value) & ~kIgnored[irte.qualifier]) == 0;
  }
  if (irte.check == 2)
    return requester.bus() >= irte.source >> 8 && requester.bus() <= (irte.source & 0xFF);
  return true;
}

FaultReason InterruptRemapper::post(RequesterId requester, std::uint16_t index, const Irte& irte) {
  // Bits 319:256 of the descriptor: ON 0, SN 1, NV 23:16, NDST 63:32 of this quadword.
  constexpr std::uint64_t kOutstanding = 1;
  constexpr std::uint64_t kSuppress = 2;
  const Hpa control_at = irte.descriptor + 32;
  const Hpa request_at = irte.descriptor + irte.vector / 64 * 8;
  const std::optional<std::uint64_t> control = memory_.read64(control_at);
  const std::optional<std::uint64_t> requests = memory_.read64(request_at);
  if (!control || !requests) return FaultReason::kPostedDescriptorAccess;
  if ((*control & (mask(15, 2) | mask(31, 24))) != 0) return FaultReason::kPostedDescriptorReserved;

  const bool notify =
      (*control & kOutstanding) == 0 && (irte.urgent || (*control & kSuppress) == 0);
  if (!memory_.write64(request_at, *requests | std::uint64_t{1} << irte.vector % 64)) {
    return FaultReason::kPostedDescriptorAccess;
  }
  ++statistics_.interrupts_posted;
  if (!notify) return FaultReason::kNone;
  if (!memory_.write64(control_at, *control | kOutstanding))
    return FaultReason::kPostedDescriptorAccess;

  port::Interrupt interrupt;
  interrupt.requester = requester;
  interrupt.vector = static_cast<std::uint8_t>(*control >> 16 & 0xFF);
  interrupt.destination =
      static_cast<std::uint32_t>(extended_ ? *control >> 32 : *control >> 40 & 0xFF);
  interrupt.remapped = true;
  interrupt.irte_index = index;
  ++statistics_.interrupts;
  port_.deliver(interrupt);
  return FaultReason::kNone;
}

}  // namespace siov::iommu
