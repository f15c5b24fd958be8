// SPDX-License-Identifier: Apache-2.0
// The DMA side of the unit: filters, IOTLB, faults, and the view for checkers.
#include "iommu/iommu.hpp"

#include <algorithm>
#include <optional>

#include "common/error.hpp"
#include "iommu/capabilities.hpp"

namespace siov::iommu {

namespace {

using port::AddressType;
using port::DmaStatus;

void check_request(const port::DmaRequest& request, std::size_t bytes) {
  if (request.address.page_offset() + bytes > kPageSize) {
    throw HarnessError("a memory request must not cross 4 KiB");
  }
}

/// Request whose target is the interrupt range and not memory. @spec VT-d 3.14
bool is_interrupt_request(const port::DmaRequest& request) {
  return in_interrupt_range(request.address.value) && !request.pasid &&
         request.at == AddressType::kUntranslated;
}

FaultAccess kind_of(WalkAccess access) {
  return access == WalkAccess::kWrite ? FaultAccess::kWrite : FaultAccess::kRead;
}

}  // namespace

Iommu::Iommu(memory::PhysicalMemory& memory, port::InterruptPort& interrupts,
             const IommuConfig& config)
    : memory_(memory),
      config_((check_config(config, memory.haw()), config)),
      caches_(config),
      walker_(memory, config, caches_.first_stage, caches_.second_stage),
      view_walker_(memory, config),
      faults_(config.fault_records),
      interrupts_(memory, interrupts, config, statistics_),
      fault_event_(interrupts, config.unit),
      queue_(memory, interrupts, config, caches_, interrupts_, faults_, statistics_),
      pages_(memory, interrupts, config.unit),
      registers_(config, {faults_, fault_event_, queue_, pages_}, *this) {
  faults_.set_event_handler([this] { fault_event_.raise(); });
}

DmaStatus Iommu::read(const port::DmaRequest& request, std::span<std::byte> out) {
  check_request(request, out.size());
  if (is_interrupt_request(request)) [[unlikely]] {
    if (out.empty()) return DmaStatus::kSuccess;
    return refuse(request, FaultReason::kInterruptMalformed, FaultAccess::kRead, 0, false);
  }
  if (request.at == AddressType::kTranslationRequest) [[unlikely]]
    return read_translation(request, out);
  const Result<Hpa, DmaStatus> host =
      translate_dma(request, out.empty() ? WalkAccess::kFlush : WalkAccess::kRead);
  if (!host) return host.error();
  return memory_.read(*host, out) ? DmaStatus::kSuccess : DmaStatus::kUnsupportedRequest;
}

DmaStatus Iommu::write(const port::DmaRequest& request, std::span<const std::byte> data) {
  check_request(request, data.size());
  if (is_interrupt_request(request)) [[unlikely]]
    return interrupt_write(request, data);
  if (request.at == AddressType::kTranslationRequest) return DmaStatus::kUnsupportedRequest;
  const Result<Hpa, DmaStatus> host = translate_dma(request, WalkAccess::kWrite);
  if (!host) return host.error();
  return memory_.write(*host, data) ? DmaStatus::kSuccess : DmaStatus::kUnsupportedRequest;
}

DmaStatus Iommu::interrupt_write(const port::DmaRequest& request, std::span<const std::byte> data) {
  if (data.size() != 4 || request.address.value % 4 != 0) {
    return refuse(request, FaultReason::kInterruptMalformed, FaultAccess::kWrite, 0, false);
  }
  std::uint32_t message = 0;
  for (unsigned i = 0; i < 4; ++i) message |= std::to_integer<std::uint32_t>(data[i]) << 8 * i;
  const InterruptOutcome outcome =
      interrupts_.message(request.requester, request.address.value, message);
  if (outcome.reason == FaultReason::kNone) return DmaStatus::kSuccess;
  return refuse(request, outcome.reason, FaultAccess::kWrite, outcome.info, outcome.fpd);
}

DmaStatus Iommu::refuse(const port::DmaRequest& request, FaultReason reason, FaultAccess access,
                        std::uint64_t info, bool fpd) {
  ++statistics_.faults;
  if (fpd && is_qualified(reason)) {
    ++statistics_.faults_suppressed;
    return completion_status(reason, request.at);
  }
  FaultRecord fault;
  fault.reason = reason;
  fault.access = access;
  fault.type = request.at;
  fault.requester = request.requester;
  fault.pasid = request.pasid;
  fault.privileged = request.privileged;
  fault.info = info;
  faults_.add(fault);
  return completion_status(reason, request.at);
}

Result<Hpa, DmaStatus> Iommu::translate_dma(const port::DmaRequest& request, WalkAccess access) {
  if (request.at != AddressType::kUntranslated) [[unlikely]]
    return translated_request(request, access);
  if (!translation_enabled_) [[unlikely]]
    return Hpa{request.address.value};

  Pasid pasid;
  bool privileged = request.privileged;
  if (request.pasid) {
    pasid = *request.pasid;
  } else {
    const ContextEntry* context = caches_.contexts.find(request.requester);
    if (context == nullptr) return translate_miss(request, access);
    pasid = context->rid_pasid;
    privileged = context->rid_privilege;
  }
  const std::uint64_t key = Iotlb::key(request.requester, pasid, request.pasid.has_value());
  const Iotlb::Entry* hit = caches_.iotlb.find(key, request.address.value);
  const bool write = access == WalkAccess::kWrite;
  const Rights right =
      privileged ? (write ? kSupervisorWrite : kSupervisorRead) : (write ? kUserWrite : kUserRead);
  if (hit == nullptr || !hit->allows(right)) [[unlikely]]
    return translate_miss(request, access);
  ++statistics_.iotlb_hits;
  ++statistics_.translations;
  return hit->host(request.address.value);
}

Result<Hpa, DmaStatus> Iommu::translate_miss(const port::DmaRequest& request, WalkAccess access) {
  ++statistics_.iotlb_misses;
  const std::uint64_t info = request.address.page().value;
  bool fpd = false;
  const Result<Binding, FaultReason> bound = bind(request, Purpose::kAccess, Caching::kUse, fpd);
  if (!bound) return Failure{refuse(request, bound.error(), kind_of(access), info, fpd)};
  const Result<WalkResult, FaultReason> result = walk_page(*bound, request, access);
  if (!result) return Failure{refuse(request, result.error(), kind_of(access), info, fpd)};
  ++statistics_.translations;
  return result->host;
}

Result<WalkResult, FaultReason> Iommu::walk_page(const Binding& bound,
                                                 const port::DmaRequest& request,
                                                 WalkAccess access) {
  const std::uint64_t key = Iotlb::key(request.requester, bound.pasid, request.pasid.has_value());
  Iotlb::Translation translation;
  translation.address = request.address.value;
  translation.domain = bound.entry.domain;
  translation.origin = bound.entry.uses_first_stage() ? Iotlb::Origin::kFirstStageOrNested
                                                      : Iotlb::Origin::kSecondStageOrPassThrough;
  const bool keeps_refusals =
      config_.caching_mode && bound.entry.type == PageTableType::kSecondStage;
  if (keeps_refusals) {
    if (const Iotlb::Entry* hit = caches_.refusals.find(key, request.address.value))
      return Failure{static_cast<FaultReason>(hit->data >> 12 & 0xFF)};
  }
  const WalkRequest walk{request.address.value, access, bound.privileged, bound.pasid};
  const Result<WalkResult, FaultReason> result =
      walker_.walk(bound.entry, walk, WalkEffect::kUpdate);
  if (!result) {
    const bool kept = result.error() == FaultReason::kSecondStageNotPresent ||
                      result.error() == FaultReason::kSecondStageReserved;
    if (keeps_refusals && kept) {
      translation.host = Hpa{static_cast<std::uint64_t>(result.error()) << 12};
      caches_.refusals.insert(key, translation);
    }
    return result;
  }
  statistics_.structure_hits += result->saved;
  translation.host = result->host;
  translation.shift = result->shift;
  translation.rights = result->rights;
  translation.snoop = bound.entry.page_snoop || result->snoop;
  caches_.iotlb.insert(key, translation);
  return result;
}

Result<Hpa, DmaStatus> Iommu::translated_request(const port::DmaRequest& request,
                                                 WalkAccess access) {
  // A PASID needs EPTR, which this unit has not; AT = 11 is reserved. @spec vtd.md 4.1
  if (!translation_enabled_ || request.at == AddressType::kReserved || request.pasid) {
    return Failure{DmaStatus::kUnsupportedRequest};
  }
  const std::uint64_t address = request.address.value;
  bool fpd = false;
  FaultReason reason = FaultReason::kNone;
  const Result<ContextEntry, FaultReason> context =
      bind_context(request, Purpose::kAccess, Caching::kUse, fpd);
  if (!context) {
    reason = context.error();
  } else if (address >> config_.haw != 0) {
    reason = FaultReason::kBeyondHostWidth;
  } else if (in_interrupt_range(address)) {
    reason = FaultReason::kInterruptRange;
  }
  if (reason == FaultReason::kNone) return Hpa{address};
  return Failure{refuse(request, reason, kind_of(access), request.address.page().value, fpd)};
}

std::uint64_t Iommu::view(Pasid pasid, Iova address, bool write, Hpa& host) const {
  host = Hpa{address.value};
  if (!translation_enabled_) return kPageSize - address.page_offset();
  port::DmaRequest request;
  request.requester = view_requester_;
  request.address = address;
  request.pasid = pasid;
  bool fpd = false;
  const Result<Binding, FaultReason> bound = bind(request, Purpose::kAccess, Caching::kBypass, fpd);
  if (!bound) return 0;
  const WalkRequest walk{address.value, write ? WalkAccess::kWrite : WalkAccess::kRead, false,
                         pasid};
  const Result<WalkResult, FaultReason> result =
      view_walker_.walk(bound->entry, walk, WalkEffect::kPeek);
  if (!result) return 0;
  host = result->host;
  const std::uint64_t page = std::uint64_t{1} << result->shift;
  return page - (address.value & (page - 1));
}

bool Iommu::peek(Pasid pasid, Iova address, std::span<std::byte> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    Hpa host;
    const std::uint64_t run = view(pasid, address + done, false, host);
    const std::size_t piece = std::min<std::uint64_t>(run, out.size() - done);
    if (piece == 0 || !memory_.read(host, out.subspan(done, piece))) return false;
    done += piece;
  }
  return true;
}

bool Iommu::writable(Pasid pasid, Iova address, std::uint64_t bytes) const {
  std::uint64_t done = 0;
  while (done < bytes) {
    Hpa host;
    const std::uint64_t run = view(pasid, address + done, true, host);
    const std::uint64_t piece = std::min(run, bytes - done);
    if (piece == 0 || !memory_.writable(host, piece)) return false;
    done += piece;
  }
  return true;
}

}  // namespace siov::iommu
