// SPDX-License-Identifier: Apache-2.0
// Address translation services: translation requests, page requests, invalidation completions.
#include <cstddef>
#include <span>

#include "iommu/iommu.hpp"

namespace siov::iommu {

namespace {

using port::AddressType;
using port::DmaStatus;

/// One translation as the device gets it. @spec PCIe-6.3 10.2.3, vtd.md 4.6
std::uint64_t completion_entry(Hpa host, unsigned shift) {
  const std::uint64_t offset = (std::uint64_t{1} << shift) - 1;
  std::uint64_t entry = host.value & ~offset & port::kAtsAddress;
  if (shift == 12) return entry;
  // Ones below the highest bit of the size, that bit 0: 2 MiB is 19:12 ones, bit 20 zero.
  entry |= (offset >> 1) & port::kAtsAddress;
  return entry | port::kAtsSize;
}

}  // namespace

void Iommu::set_device_port(port::AtsDevicePort* device) {
  device_ = device;
  queue_.set_device_port(device);
}

void Iommu::advance(std::uint64_t now) { queue_.advance(now); }

port::TranslationReply Iommu::translate(const port::TranslationRequest& asked) {
  ++statistics_.translation_requests;
  if (!translation_enabled_) return {DmaStatus::kUnsupportedRequest, 0};
  port::DmaRequest request;
  request.requester = asked.requester;
  request.address = asked.address.page();
  request.pasid = asked.pasid;
  request.privileged = asked.pasid && asked.privileged;
  request.at = AddressType::kTranslationRequest;
  const bool write = !asked.no_write || !config_.no_write_flag;

  bool fpd = false;
  const Result<ContextEntry, FaultReason> context =
      bind_context(request, Purpose::kAccess, Caching::kUse, fpd);
  if (!context) return refuse_translation(request, context.error(), fpd);
  if (!request.pasid && in_interrupt_range(request.address.value)) {
    // Interrupt messages are sent untranslated.
    return {DmaStatus::kSuccess, write ? port::kAtsUntranslatedOnly | port::kAtsWrite : 0};
  }

  const Pasid pasid = request.pasid ? *request.pasid : context->rid_pasid;
  const bool privileged = request.pasid ? request.privileged : context->rid_privilege;
  const Rights read_right = privileged ? kSupervisorRead : kUserRead;
  const Rights write_right = privileged ? kSupervisorWrite : kUserWrite;
  const std::uint64_t key = Iotlb::key(request.requester, pasid, request.pasid.has_value());
  const Iotlb::Entry* hit = caches_.iotlb.find(key, request.address.value);
  Hpa host;
  unsigned shift = 12;
  unsigned rights = 0;
  bool snoop = false;
  if (hit != nullptr && hit->allows(write ? write_right : read_right)) {
    ++statistics_.iotlb_hits;
    host = hit->host(request.address.value);
    shift = hit->shift;
    rights = hit->rights();
    snoop = hit->snoop();
  } else {
    ++statistics_.iotlb_misses;
    const Result<Binding, FaultReason> bound = bind_pasid(*context, request, Caching::kUse, fpd);
    if (!bound) return refuse_translation(request, bound.error(), fpd);
    const Result<WalkResult, FaultReason> result = walk_for_device(*bound, request, write);
    if (!result) return refuse_translation(request, result.error(), fpd);
    host = result->host;
    shift = result->shift;
    rights = result->rights;
    snoop = bound->entry.page_snoop || result->snoop;
  }
  ++statistics_.translations;
  std::uint64_t entry = completion_entry(host, shift);
  if ((rights & read_right) != 0) entry |= port::kAtsRead;
  if (write && (rights & write_right) != 0) entry |= port::kAtsWrite;
  if (snoop) entry |= port::kAtsNonSnooped;
  if (request.privileged) entry |= port::kAtsPrivileged;
  return {DmaStatus::kSuccess, entry};
}

/// Reading and writing is wanted: where writing is not allowed, reading may be.
Result<WalkResult, FaultReason> Iommu::walk_for_device(const Binding& bound,
                                                       const port::DmaRequest& request,
                                                       bool write) {
  if (write) {
    const Result<WalkResult, FaultReason> both = walk_page(bound, request, WalkAccess::kWrite);
    if (both || both.error() != FaultReason::kNoWriteRight) return both;
  }
  return walk_page(bound, request, WalkAccess::kRead);
}

port::TranslationReply Iommu::refuse_translation(const port::DmaRequest& request,
                                                 FaultReason reason, bool fpd) {
  const DmaStatus status = completion_status(reason, request.at);
  if (is_logged_for_translation(reason)) {
    static_cast<void>(
        refuse(request, reason, FaultAccess::kRead, request.address.page().value, fpd));
  }
  return {status, 0};
}

DmaStatus Iommu::read_translation(const port::DmaRequest& request, std::span<std::byte> out) {
  constexpr std::size_t kEntryBytes = 8;
  if (out.size() < kEntryBytes || out.size() % kEntryBytes != 0)
    return DmaStatus::kUnsupportedRequest;
  port::TranslationRequest asked;
  asked.requester = request.requester;
  asked.address = request.address.page();
  asked.pasid = request.pasid;
  asked.privileged = request.privileged;
  asked.no_write = (request.address.value & 1) != 0;
  const port::TranslationReply reply = translate(asked);
  if (reply.status != DmaStatus::kSuccess) return reply.status;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const bool entry = i < kEntryBytes;
    out[i] = static_cast<std::byte>(entry ? reply.entry >> (56 - 8 * i) & 0xFF : 0);
  }
  return DmaStatus::kSuccess;
}

void Iommu::page_request(const port::PageRequest& asked) {
  ++statistics_.page_requests;
  if (!config_.page_requests) return;  // such a message is not for this unit
  const bool stop = asked.last && !asked.read && !asked.write;
  if (!translation_enabled_) {
    if (!stop) answer_page_request(asked, port::PageResponse::kInvalid);
    return;
  }
  port::DmaRequest request;
  request.requester = asked.requester;
  request.address = Iova{asked.address}.page();
  request.pasid = asked.pasid;
  request.privileged = asked.pasid && asked.privileged;
  bool fpd = false;
  const Result<Binding, FaultReason> bound =
      bind(request, Purpose::kPageRequest, Caching::kUse, fpd);
  if (!bound) {
    static_cast<void>(
        refuse(request, bound.error(), FaultAccess::kPageRequest, request.address.value, fpd));
    if (!stop) answer_page_request(asked, port::PageResponse::kInvalid);
    return;
  }
  if (stop && !config_.stop_marker) return;
  if (!stop) forget_page(*bound, request.address);
  switch (pages_.put(asked)) {
    case PageRequestQueue::Outcome::kQueued:
      ++statistics_.page_requests_queued;
      break;
    case PageRequestQueue::Outcome::kOverflow:
      // The device asks for the translation again, and for the page if need be.
      if (!stop) answer_page_request(asked, port::PageResponse::kSuccess);
      break;
    case PageRequestQueue::Outcome::kNoMemory:
      if (!stop) answer_page_request(asked, port::PageResponse::kFailure);
      break;
  }
}

/// The last request of a group is answered, the others are dropped without a word.
void Iommu::answer_page_request(const port::PageRequest& request, port::PageResponse code) {
  if (!request.last || device_ == nullptr) return;
  ++statistics_.page_requests_answered;
  port::PageGroupResponse response;
  response.device = request.requester;
  response.pasid = request.pasid;
  response.group = request.group;
  response.code = static_cast<std::uint8_t>(code);
  device_->page_group_response(response);
}

/// A page request drops what is cached for its page. @spec vtd.md 7.2
void Iommu::forget_page(const Binding& bound, Iova address) {
  const std::uint16_t domain = bound.entry.domain;
  switch (bound.entry.type) {
    case PageTableType::kFirstStage:
      caches_.p_iotlb_page(domain, bound.pasid, address, 0, false);
      break;
    case PageTableType::kNested:
      caches_.iotlb_domain(domain);
      break;
    default:
      caches_.iotlb_page(domain, address, 0, false);
      break;
  }
}

void Iommu::invalidate_completion(const port::InvalidateCompletion& completion) {
  if (!translation_enabled_) {  // unsupported request
    ++statistics_.completions_dropped;
    return;
  }
  queue_.complete(completion);
}

}  // namespace siov::iommu
