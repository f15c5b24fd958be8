// SPDX-License-Identifier: Apache-2.0
// Page requests: ring, groups, responses.
#include "vdcm/page_request_service.hpp"

#include <array>
#include <span>

#include "common/error.hpp"
#include "iommu/register_page.hpp"
#include "memory/page_allocator.hpp"
#include "memory/physical_memory.hpp"
#include "vdcm/iommu_driver.hpp"
#include "vdcm/vtd_registers.hpp"

namespace siov::vdcm {

namespace {

constexpr unsigned kBytes = 32;
constexpr std::uint64_t kQueueBytes = std::uint64_t{PageRequestService::kEntries} * kBytes;
constexpr std::uint64_t kSizeCode = 1;  // 2^(1+7) entries

/// @spec vtd.md 7.1
PageFault decode(const std::array<std::uint64_t, 4>& words) {
  const auto bit = [](std::uint64_t word, unsigned position) {
    return (word >> position & 1) != 0;
  };
  PageFault fault;
  fault.requester = RequesterId{static_cast<std::uint16_t>(words[0] >> 16)};
  if (bit(words[0], 8)) fault.pasid = Pasid{static_cast<std::uint32_t>(words[0] >> 32 & kMaxPasid)};
  fault.privileged = bit(words[0], 53);
  fault.read = bit(words[1], 0);
  fault.write = bit(words[1], 1);
  fault.last = bit(words[1], 2);
  fault.group = static_cast<std::uint16_t>(words[1] >> 3 & 0x1FF);
  fault.address = Iova{words[1]}.page();
  return fault;
}

/// Failure before invalid before success.
port::PageResponse worse(port::PageResponse a, port::PageResponse b) {
  return static_cast<unsigned>(a) > static_cast<unsigned>(b) ? a : b;
}

}  // namespace

PageRequestService::PageRequestService(iommu::RegisterPage& unit, memory::PhysicalMemory& memory,
                                       memory::PageAllocator& frames, InvalidationRing& ring,
                                       const IommuMistakes& mistakes)
    : unit_(unit),
      memory_(memory),
      frames_(frames),
      ring_(ring),
      mistakes_(mistakes),
      queue_(frames.allocate_range(kQueueBytes)) {}

PageRequestService::~PageRequestService() { frames_.free(queue_); }

void PageRequestService::enable() {
  unit_.mmio_write(vtd::kPqh, 8, 0);
  unit_.mmio_write(vtd::kPqt, 8, 0);
  unit_.mmio_write(vtd::kPqa, 8, queue_.value | kSizeCode);
  unit_.mmio_write(vtd::kPrs, 4, vtd::kPagePending | vtd::kPageOverflow);
  enabled_ = true;
}

void PageRequestService::set_handler(Pasid pasid, PageHandler handler) {
  if (handler) {
    handlers_[pasid] = std::move(handler);
  } else {
    handlers_.erase(pasid);
  }
}

bool PageRequestService::pending() const {
  if (!enabled_) return false;
  return unit_.mmio_read(vtd::kPqh, 8) != unit_.mmio_read(vtd::kPqt, 8) ||
         unit_.mmio_read(vtd::kPrs, 4) != 0;
}

void PageRequestService::run() {
  if (!enabled_ || running_) return;
  running_ = true;
  while (pending()) drain();
  running_ = false;
}

void PageRequestService::drain() {
  // PPR goes before the look at head and tail: what comes later raises the event again.
  unit_.mmio_write(vtd::kPrs, 4, vtd::kPagePending);
  std::uint64_t head = unit_.mmio_read(vtd::kPqh, 8);
  const std::uint64_t tail = unit_.mmio_read(vtd::kPqt, 8);
  while (head != tail) {
    std::array<std::uint64_t, 4> words{};
    if (!memory_.read(queue_ + head, std::as_writable_bytes(std::span(words))))
      throw HarnessError("page request queue outside memory");
    head = (head + kBytes) % kQueueBytes;
    unit_.mmio_write(vtd::kPqh, 8, head);
    handle(decode(words));
  }
  if ((unit_.mmio_read(vtd::kPrs, 4) & vtd::kPageOverflow) == 0) return;
  if (unit_.mmio_read(vtd::kPqh, 8) != unit_.mmio_read(vtd::kPqt, 8)) return;  // once more
  // What was lost belongs to groups that the unit has answered itself.
  ++overflows_;
  groups_.clear();
  unit_.mmio_write(vtd::kPrs, 4, vtd::kPageOverflow);
}

void PageRequestService::handle(const PageFault& fault) {
  if (fault.last && !fault.read && !fault.write) {
    ++stop_markers_;
    if (stop_listener_) stop_listener_(fault);
    return;
  }
  ++requests_;
  port::PageResponse answer = port::PageResponse::kInvalid;
  const auto handler = fault.pasid ? handlers_.find(*fault.pasid) : handlers_.end();
  if (handler != handlers_.end()) {
    const PageHandler call = handler->second;  // it may be replaced meanwhile
    answer = call(fault);
  }
  const Group group{fault.requester.value, fault.pasid.has_value(),
                    fault.pasid ? fault.pasid->value : 0, fault.group};
  const auto earlier = groups_.find(group);
  if (earlier != groups_.end()) answer = worse(answer, earlier->second);
  if (!fault.last) {
    groups_[group] = answer;
    return;
  }
  if (earlier != groups_.end()) groups_.erase(earlier);
  respond(fault, answer);
}

void PageRequestService::respond(const PageFault& fault, port::PageResponse code) {
  if (mistakes_.forget_response) return;
  const vtd::Descriptor response = vtd::page_group_response(
      fault.requester, fault.pasid.has_value(), fault.pasid.value_or(Pasid{}), fault.group,
      static_cast<std::uint8_t>(code));
  ++responses_;
  ring_.post(response);
  if (mistakes_.respond_twice) ring_.post(response);
}

void PageRequestService::forget(Pasid pasid) {
  std::erase_if(groups_, [pasid](const auto& group) {
    return std::get<1>(group.first) && std::get<2>(group.first) == pasid.value;
  });
}

}  // namespace siov::vdcm
