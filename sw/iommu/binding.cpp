// SPDX-License-Identifier: Apache-2.0
// From a requester and a PASID to a PASID table entry: root, context, directory, table.
#include <array>
#include <optional>
#include <span>

#include "iommu/iommu.hpp"

namespace siov::iommu {

namespace {

using port::AddressType;

constexpr std::uint64_t bits(unsigned high, unsigned low) {
  return (~std::uint64_t{0} >> (63 - high)) & (~std::uint64_t{0} << low);
}

template <std::size_t N>
bool read_words(const memory::PhysicalMemory& memory, Hpa address,
                std::array<std::uint64_t, N>& words) {
  return memory.read(address, std::as_writable_bytes(std::span(words)));
}

/// What caching mode keeps of a context entry.
bool keeps_context(FaultReason reason) {
  return reason == FaultReason::kContextNotPresent || reason == FaultReason::kContextReserved ||
         reason == FaultReason::kContextIllegal;
}

/// What caching mode keeps of a PASID table entry.
bool keeps_entry(FaultReason reason) {
  return reason != FaultReason::kDirectoryFetch && reason != FaultReason::kPasidEntryFetch;
}

}  // namespace

Result<ContextEntry, FaultReason> Iommu::bind_context(const port::DmaRequest& request,
                                                      Purpose purpose, Caching caching,
                                                      bool& fpd) const {
  const bool abort = mode_ == TranslationTableMode::kAbortDma;
  const bool scalable = mode_ == TranslationTableMode::kScalable;
  if (mode_ == TranslationTableMode::kReserved || (abort && !config_.abort_dma) ||
      (scalable && !config_.scalable_mode) || root_table_.value >> config_.haw != 0 ||
      root_table_.page_offset() != 0) {
    return Failure{FaultReason::kRootTableAddress};
  }
  if (abort) return Failure{FaultReason::kAbortMode};
  const bool page_request = purpose == Purpose::kPageRequest;
  if (!scalable) {
    if (page_request) return Failure{FaultReason::kPageRequestInLegacyMode};
    if (request.pasid) return Failure{FaultReason::kPasidInLegacyMode};
    return Failure{refuse_legacy(request, fpd)};
  }
  if (request.pasid && request.pasid->value >> config_.pasid_bits != 0) {
    return Failure{FaultReason::kPasidTooWide};
  }
  Result<ContextEntry, FaultReason> context = context_of(request.requester, caching, fpd);
  if (!context) return context;
  if (request.at != AddressType::kUntranslated && !context->device_tlb) {
    return Failure{FaultReason::kDeviceTlbDisabled};
  }
  if (page_request && !context->page_requests) return Failure{FaultReason::kPageRequestsDisabled};
  if (request.pasid) {
    if (!context->pasid_enable) return Failure{FaultReason::kPasidDisabled};
    if (request.pasid->value >= context->pasid_limit)
      return Failure{FaultReason::kPasidBeyondDirectory};
    if (*request.pasid == context->rid_pasid) return Failure{FaultReason::kPasidIsRidPasid};
  }
  return context;
}

Result<Iommu::Binding, FaultReason> Iommu::bind(const port::DmaRequest& request, Purpose purpose,
                                                Caching caching, bool& fpd) const {
  const Result<ContextEntry, FaultReason> context = bind_context(request, purpose, caching, fpd);
  if (!context) return Failure{context.error()};
  return bind_pasid(*context, request, caching, fpd);
}

Result<Iommu::Binding, FaultReason> Iommu::bind_pasid(const ContextEntry& context,
                                                      const port::DmaRequest& request,
                                                      Caching caching, bool& fpd) const {
  Binding binding;
  binding.pasid = request.pasid ? *request.pasid : context.rid_pasid;
  binding.privileged = request.pasid ? request.privileged : context.rid_privilege;
  const Result<PasidEntry, FaultReason> entry =
      entry_of(context, request.requester, binding.pasid, caching, fpd);
  if (!entry) return Failure{entry.error()};
  binding.entry = *entry;
  if (binding.privileged && !entry->supervisor) return Failure{FaultReason::kSupervisorDisabled};
  return binding;
}

Result<ContextEntry, FaultReason> Iommu::context_of(RequesterId requester, Caching caching,
                                                    bool& fpd) const {
  if (caching == Caching::kBypass) return read_context(requester, fpd);
  if (const ContextEntry* hit = caches_.contexts.find(requester)) {
    fpd = fpd || hit->fault_disable;
    return *hit;
  }
  if (config_.caching_mode) {
    if (const CachedRefusal* hit = caches_.contexts.find_refusal(requester)) {
      fpd = fpd || hit->fault_disable;
      return Failure{hit->reason};
    }
  }
  const Result<ContextEntry, FaultReason> context = read_context(requester, fpd);
  if (context) {
    caches_.contexts.insert(requester, *context);
  } else if (config_.caching_mode && keeps_context(context.error())) {
    caches_.contexts.insert_refusal(requester, {context.error(), fpd});
  }
  return context;
}

Result<ContextEntry, FaultReason> Iommu::read_context(RequesterId requester, bool& fpd) const {
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
  return decode_context(words, config_, fpd);
}

/// The legacy structures: root entry P 0, table 63:12; context entry of 16 bytes, P 0, FPD 1, TT
/// 3:2, table 63:12, AW 66:64, DID 87:72.
FaultReason Iommu::refuse_legacy(const port::DmaRequest& request, bool& fpd) const {
  const std::uint64_t beyond = bits(63, config_.haw);
  std::array<std::uint64_t, 2> root{};
  if (!read_words(memory_, root_table_ + std::uint64_t{request.requester.bus()} * 16, root))
    return FaultReason::kLegacyRootFetch;
  if ((root[0] & 1) == 0) return FaultReason::kLegacyRootNotPresent;
  if ((root[0] & (bits(11, 1) | beyond)) != 0 || root[1] != 0)
    return FaultReason::kLegacyRootReserved;
  const Hpa table{root[0] & ~std::uint64_t{0xFFF}};
  std::array<std::uint64_t, 2> context{};
  if (!read_words(memory_, table + std::uint64_t{request.requester.devfn()} * 16, context))
    return FaultReason::kLegacyContextFetch;
  fpd = fpd || (context[0] & 2) != 0;
  if ((context[0] & 1) == 0) return FaultReason::kLegacyContextNotPresent;
  if ((context[0] & (bits(11, 4) | beyond)) != 0 || (context[1] & (bits(7, 7) | bits(63, 24))) != 0)
    return FaultReason::kLegacyContextReserved;
  if (request.at != AddressType::kUntranslated) return FaultReason::kLegacyTranslationBlocked;
  return FaultReason::kLegacyContextIllegal;
}

Result<PasidEntry, FaultReason> Iommu::entry_of(const ContextEntry& context, RequesterId requester,
                                                Pasid pasid, Caching caching, bool& fpd) const {
  bool entry_fpd = false;
  if (caching == Caching::kBypass) {
    const Result<PasidEntry, FaultReason> entry = read_entry(context, pasid, entry_fpd);
    fpd = fpd || entry_fpd;
    return entry;
  }
  if (const PasidEntry* hit = caches_.pasids.find(requester, pasid)) {
    fpd = fpd || hit->fault_disable;
    return *hit;
  }
  if (config_.caching_mode) {
    if (const CachedRefusal* hit = caches_.pasids.find_refusal(requester, pasid)) {
      fpd = fpd || hit->fault_disable;
      return Failure{hit->reason};
    }
  }
  const Result<PasidEntry, FaultReason> entry = read_entry(context, pasid, entry_fpd);
  fpd = fpd || entry_fpd;
  if (entry) {
    caches_.pasids.insert(requester, pasid, *entry);
  } else if (config_.caching_mode && keeps_entry(entry.error())) {
    caches_.pasids.insert_refusal(requester, pasid, {entry.error(), entry_fpd});
  }
  return entry;
}

Result<PasidEntry, FaultReason> Iommu::read_entry(const ContextEntry& context, Pasid pasid,
                                                  bool& fpd) const {
  const std::optional<std::uint64_t> word =
      memory_.read64(context.directory + std::uint64_t{pasid.value >> 6} * 8);
  if (!word) return Failure{FaultReason::kDirectoryFetch};
  const Result<Hpa, FaultReason> table = decode_directory(*word, config_, fpd);
  if (!table) return Failure{table.error()};
  std::array<std::uint64_t, 8> words{};
  if (!read_words(memory_, *table + std::uint64_t{pasid.value & 0x3F} * 64, words)) {
    return Failure{FaultReason::kPasidEntryFetch};
  }
  Result<PasidEntry, FaultReason> entry = decode_pasid_entry(words, config_, fpd);
  if (entry) entry.value().fault_disable = fpd;
  return entry;
}

}  // namespace siov::iommu
