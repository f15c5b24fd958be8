// SPDX-License-Identifier: Apache-2.0
// Page requests, served in a task of their own.
#include "vdcm/page_fault_service.hpp"

#include <boost/random/uniform_int_distribution.hpp>

#include "coro/clock_triggers.hpp"
#include "coro/scheduler.hpp"

namespace siov::vdcm {

PageFaultService::PageFaultService(IommuDriver& iommu, PageFaultConfig config)
    : iommu_(iommu), config_(config), event_("page request event"), engine_(config.seed) {
  iommu_.set_page_event([this] { event_.set(); });
}

PageFaultService::~PageFaultService() {
  if (task_.valid()) task_.cancel();
  iommu_.set_page_event(nullptr);
}

void PageFaultService::start() { task_ = coro::start_soon(run(), "page fault service"); }

void PageFaultService::attach(Pasid pasid, DemandSpace& space) {
  iommu_.set_page_handler(pasid,
                          [this, &space](const PageFault& fault) { return serve(fault, space); });
}

void PageFaultService::detach(Pasid pasid) { iommu_.set_page_handler(pasid, nullptr); }

port::PageResponse PageFaultService::serve(const PageFault& fault, DemandSpace& space) {
  if (config_.success_without_mapping) return port::PageResponse::kSuccess;
  if (space.bring_in(fault.address, coro::Scheduler::current().now()))
    return port::PageResponse::kSuccess;
  ++refused_;
  return port::PageResponse::kInvalid;
}

coro::Task<> PageFaultService::run() {
  boost::random::uniform_int_distribution<std::uint64_t> latency(config_.latency_min_ns,
                                                                 config_.latency_max_ns);
  while (true) {
    co_await event_.wait();
    event_.clear();
    const std::uint64_t pause = latency(engine_);
    co_await coro::Timer(coro::ns(pause));
    iommu_.pages().run();
  }
}

}  // namespace siov::vdcm
