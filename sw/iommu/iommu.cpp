// SPDX-License-Identifier: Apache-2.0
// The DMA side of the unit: filters, binding to a PASID entry, IOTLB, faults, and the view for
// checkers.
#include "iommu/iommu.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "common/error.hpp"

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

template <std::size_t N>
bool read_words(const memory::PhysicalMemory& memory, Hpa address,
                std::array<std::uint64_t, N>& words) {
  return memory.read(address, std::as_writable_bytes(std::span(words)));
}

void check_config(const IommuConfig& c, const memory::PhysicalMemory& memory) {
  const auto need = [](bool ok, const char* what) {
    if (!ok) throw HarnessError(what);
  };
  need(c.haw == memory.haw(), "haw must be that of the physical memory");
  need(c.mgaw >= 39 && c.mgaw <= 57, "mgaw: 39..57 bits");
  need(c.pasid_bits >= 1 && c.pasid_bits <= 20, "pasid_bits: 1..20");
  need(!c.nested || (c.first_stage && c.second_stage), "nested needs first and second stage");
  need(!c.page_requests || c.device_tlb, "page requests need device-TLB support");
  need(!c.rid_privilege || c.supervisor, "rid_privilege needs supervisor");
  need(!c.second_stage_dirty || c.coherent_walk, "second_stage_dirty needs coherent_walk");
  need(!c.extended_accessed || (c.first_stage && c.coherent_walk),
       "extended_accessed needs first_stage and coherent_walk");
}

}  // namespace

Iommu::Iommu(memory::PhysicalMemory& memory, port::InterruptPort& interrupts,
             const IommuConfig& config)
    : memory_(memory),
      config_(config),
      walker_(memory, config),
      iotlb_(config.iotlb_entries),
      faults_(config.fault_records),
      interrupts_(memory, interrupts, config, statistics_) {
  check_config(config, memory);
}

DmaStatus Iommu::read(const port::DmaRequest& request, std::span<std::byte> out) {
  check_request(request, out.size());
  if (is_interrupt_request(request)) [[unlikely]] {
    if (out.empty()) return DmaStatus::kSuccess;
    return refuse(request, FaultReason::kInterruptMalformed, WalkAccess::kRead, 0, false);
  }
  const Result<Hpa, DmaStatus> host =
      translate(request, out.empty() ? WalkAccess::kFlush : WalkAccess::kRead);
  if (!host) return host.error();
  return memory_.read(*host, out) ? DmaStatus::kSuccess : DmaStatus::kUnsupportedRequest;
}

DmaStatus Iommu::write(const port::DmaRequest& request, std::span<const std::byte> data) {
  check_request(request, data.size());
  if (is_interrupt_request(request)) [[unlikely]]
    return interrupt_write(request, data);
  if (request.at == AddressType::kTranslationRequest) return DmaStatus::kUnsupportedRequest;
  const Result<Hpa, DmaStatus> host = translate(request, WalkAccess::kWrite);
  if (!host) return host.error();
  return memory_.write(*host, data) ? DmaStatus::kSuccess : DmaStatus::kUnsupportedRequest;
}

DmaStatus Iommu::interrupt_write(const port::DmaRequest& request, std::span<const std::byte> data) {
  if (data.size() != 4 || request.address.value % 4 != 0) {
    return refuse(request, FaultReason::kInterruptMalformed, WalkAccess::kWrite, 0, false);
  }
  std::uint32_t message = 0;
  for (unsigned i = 0; i < 4; ++i) message |= std::to_integer<std::uint32_t>(data[i]) << 8 * i;
  const InterruptOutcome outcome =
      interrupts_.message(request.requester, request.address.value, message);
  if (outcome.reason == FaultReason::kNone) return DmaStatus::kSuccess;
  return refuse(request, outcome.reason, WalkAccess::kWrite, outcome.info, outcome.fpd);
}

DmaStatus Iommu::refuse(const port::DmaRequest& request, FaultReason reason, WalkAccess access,
                        std::uint64_t info, bool fpd) {
  ++statistics_.faults;
  if (fpd && is_qualified(reason)) {
    ++statistics_.faults_suppressed;
    return completion_status(reason, request.at);
  }
  FaultRecord fault;
  fault.reason = reason;
  fault.access = access == WalkAccess::kWrite ? FaultAccess::kWrite : FaultAccess::kRead;
  fault.type = request.at;
  fault.requester = request.requester;
  fault.pasid = request.pasid;
  fault.privileged = request.privileged;
  fault.info = info;
  faults_.add(fault);
  return completion_status(reason, request.at);
}

Result<Hpa, DmaStatus> Iommu::translate(const port::DmaRequest& request, WalkAccess access) {
  if (request.at != AddressType::kUntranslated) [[unlikely]]
    return translated_request(request, access);
  if (!translation_enabled_) [[unlikely]]
    return Hpa{request.address.value};

  Pasid pasid;
  bool privileged = request.privileged;
  if (request.pasid) {
    pasid = *request.pasid;
  } else {
    const ContextEntry* context = contexts_.find(request.requester);
    if (context == nullptr) return translate_miss(request, access);
    pasid = context->rid_pasid;
    privileged = context->rid_privilege;
  }
  const std::uint64_t key = Iotlb::key(request.requester, pasid, request.pasid.has_value());
  const Iotlb::Entry* hit = iotlb_.find(key, request.address.value);
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
  const Result<Binding, FaultReason> bound = bind(request, Caching::kUse, fpd);
  if (!bound) return Failure{refuse(request, bound.error(), access, info, fpd)};
  const WalkRequest walk{request.address.value, access, bound->privileged};
  const Result<WalkResult, FaultReason> result =
      walker_.walk(bound->entry, walk, WalkEffect::kUpdate);
  if (!result) return Failure{refuse(request, result.error(), access, info, fpd)};

  Iotlb::Translation translation;
  translation.address = request.address.value;
  translation.host = result->host;
  translation.shift = result->shift;
  translation.rights = result->rights;
  translation.domain = bound->entry.domain;
  translation.origin = bound->entry.uses_first_stage() ? Iotlb::Origin::kFirstStageOrNested
                                                       : Iotlb::Origin::kSecondStageOrPassThrough;
  iotlb_.insert(Iotlb::key(request.requester, bound->pasid, request.pasid.has_value()),
                translation);
  ++statistics_.translations;
  return result->host;
}

Result<Hpa, DmaStatus> Iommu::translated_request(const port::DmaRequest& request,
                                                 WalkAccess access) {
  const bool translated = request.at == AddressType::kTranslated;
  if (!translation_enabled_ || request.at == AddressType::kReserved ||
      (translated && request.pasid)) {
    return Failure{DmaStatus::kUnsupportedRequest};
  }
  const std::uint64_t address = request.address.value;
  bool fpd = false;
  FaultReason reason = FaultReason::kNone;
  if (const Result<ContextEntry, FaultReason> context = bind_context(request, Caching::kUse, fpd);
      !context) {
    reason = context.error();
  } else if (!translated) {
    return Failure{DmaStatus::kUnsupportedRequest};  // no device-TLB service in this unit
  } else if (address >> config_.haw != 0) {
    reason = FaultReason::kBeyondHostWidth;
  } else if (in_interrupt_range(address)) {
    reason = FaultReason::kInterruptRange;
  }
  if (reason == FaultReason::kNone) return Hpa{address};
  return Failure{refuse(request, reason, access, request.address.page().value, fpd)};
}

Result<ContextEntry, FaultReason> Iommu::bind_context(const port::DmaRequest& request,
                                                      Caching caching, bool& fpd) const {
  const bool abort = mode_ == TranslationTableMode::kAbortDma;
  if (mode_ == TranslationTableMode::kReserved || (abort && !config_.abort_dma) ||
      root_table_.value >> config_.haw != 0 || root_table_.page_offset() != 0) {
    return Failure{FaultReason::kRootTableAddress};
  }
  if (abort) return Failure{FaultReason::kAbortMode};
  if (mode_ == TranslationTableMode::kLegacy) {
    if (request.pasid || request.at != AddressType::kUntranslated)
      return Failure{FaultReason::kPasidInLegacyMode};
    throw HarnessError("requests without PASID through legacy-mode tables are not modelled");
  }
  if (request.pasid && request.pasid->value >> config_.pasid_bits != 0) {
    return Failure{FaultReason::kPasidTooWide};
  }
  Result<ContextEntry, FaultReason> context = context_of(request.requester, caching, fpd);
  if (!context) return context;
  if (request.at != AddressType::kUntranslated && !context->device_tlb) {
    return Failure{FaultReason::kDeviceTlbDisabled};
  }
  if (request.pasid) {
    if (!context->pasid_enable) return Failure{FaultReason::kPasidDisabled};
    if (request.pasid->value >= context->pasid_limit)
      return Failure{FaultReason::kPasidBeyondDirectory};
    if (*request.pasid == context->rid_pasid) return Failure{FaultReason::kPasidIsRidPasid};
  }
  return context;
}

Result<Iommu::Binding, FaultReason> Iommu::bind(const port::DmaRequest& request, Caching caching,
                                                bool& fpd) const {
  const Result<ContextEntry, FaultReason> context = bind_context(request, caching, fpd);
  if (!context) return Failure{context.error()};
  Binding binding;
  binding.pasid = request.pasid ? *request.pasid : context->rid_pasid;
  binding.privileged = request.pasid ? request.privileged : context->rid_privilege;
  const Result<PasidEntry, FaultReason> entry =
      entry_of(*context, request.requester, binding.pasid, caching, fpd);
  if (!entry) return Failure{entry.error()};
  binding.entry = *entry;
  if (binding.privileged && !entry->supervisor) return Failure{FaultReason::kSupervisorDisabled};
  return binding;
}

Result<ContextEntry, FaultReason> Iommu::context_of(RequesterId requester, Caching caching,
                                                    bool& fpd) const {
  if (caching == Caching::kUse) {
    if (const ContextEntry* hit = contexts_.find(requester)) {
      fpd = fpd || hit->fault_disable;
      return *hit;
    }
  }
  const bool upper = requester.devfn() >= 0x80;
  const std::optional<std::uint64_t> root =
      memory_.read64(root_table_ + std::uint64_t{requester.bus()} * 16 + (upper ? 8 : 0));
  if (!root) return Failure{FaultReason::kRootFetch};
  const Result<Hpa, FaultReason> table = decode_root(*root, config_);
  if (!table) return Failure{table.error()};
  std::array<std::uint64_t, 4> words{};
  if (!read_words(memory_, *table + std::uint64_t{requester.devfn() & 0x7Fu} * 32, words)) {
    return Failure{FaultReason::kContextFetch};
  }
  const Result<ContextEntry, FaultReason> context = decode_context(words, config_, fpd);
  if (context && caching == Caching::kUse) contexts_.insert(requester, *context);
  return context;
}

Result<PasidEntry, FaultReason> Iommu::entry_of(const ContextEntry& context, RequesterId requester,
                                                Pasid pasid, Caching caching, bool& fpd) const {
  if (caching == Caching::kUse) {
    if (const PasidEntry* hit = pasids_.find(requester, pasid)) {
      fpd = fpd || hit->fault_disable;
      return *hit;
    }
  }
  const std::optional<std::uint64_t> word =
      memory_.read64(context.directory + std::uint64_t{pasid.value >> 6} * 8);
  if (!word) return Failure{FaultReason::kDirectoryFetch};
  bool entry_fpd = false;
  const Result<Hpa, FaultReason> table = decode_directory(*word, config_, entry_fpd);
  fpd = fpd || entry_fpd;
  if (!table) return Failure{table.error()};
  std::array<std::uint64_t, 8> words{};
  if (!read_words(memory_, *table + std::uint64_t{pasid.value & 0x3F} * 64, words)) {
    return Failure{FaultReason::kPasidEntryFetch};
  }
  Result<PasidEntry, FaultReason> entry = decode_pasid_entry(words, config_, entry_fpd);
  fpd = fpd || entry_fpd;
  if (!entry) return entry;
  entry.value().fault_disable = entry_fpd;
  if (caching == Caching::kUse) pasids_.insert(requester, pasid, *entry);
  return entry;
}

std::uint64_t Iommu::view(Pasid pasid, Iova address, bool write, Hpa& host) const {
  host = Hpa{address.value};
  if (!translation_enabled_) return kPageSize - address.page_offset();
  port::DmaRequest request;
  request.requester = view_requester_;
  request.address = address;
  request.pasid = pasid;
  bool fpd = false;
  const Result<Binding, FaultReason> bound = bind(request, Caching::kBypass, fpd);
  if (!bound) return 0;
  const WalkRequest walk{address.value, write ? WalkAccess::kWrite : WalkAccess::kRead, false};
  const Result<WalkResult, FaultReason> result =
      walker_.walk(bound->entry, walk, WalkEffect::kPeek);
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
