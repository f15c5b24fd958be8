// SPDX-License-Identifier: Apache-2.0
// DedicatedQueue: commands and stores of the physical queue.
#include "vdcm/dedicated_queue.hpp"

namespace siov::vdcm {

QueueDescription describe_physical(const HostDriver& host, std::uint8_t wq) {
  const WqConfig& config = host.config().wqs.at(wq);
  QueueDescription d;
  d.dedicated = config.mode == WqMode::kDedicated;
  d.size = config.size;
  d.threshold = config.threshold;
  d.priority = config.priority;
  d.max_transfer_log2 = config.max_transfer_log2;
  d.max_batch_log2 = config.max_batch_log2;
  d.block_on_fault = config.block_on_fault;
  d.operations = host.info().opcap[0];
  if (config.operations != 0) d.operations &= config.operations;
  d.gencap = host.info().gencap;
  d.version = host.info().version;
  return d;
}

/// Always the flavour of the table that guests' interrupts are in. @spec SIOV-H-08; siov.md 3.5
std::optional<PhysicalPage> DedicatedQueue::portal_page(bool limited) const {
  return PhysicalPage{&host_, HostDriver::portal_offset(wq_, limited, host_.has_ims())};
}

coro::Task<CommandResult> DedicatedQueue::enable(Pasid pasid, bool privileged) {
  const bool enabled = !(mistakes_.pasid_off && privileged);
  if (!(mistakes_.forget_pasid && was_disabled_))
    co_await host_.set_wq_pasid(wq_, pasid, privileged, enabled);
  co_return co_await host_.enable_wq(wq_);
}

coro::Task<> DedicatedQueue::disable(std::span<const Pasid>) {
  co_await host_.disable_wq(wq_);
  was_disabled_ = true;
  co_await host_.set_wq_pasid(wq_, Pasid{0}, false);
}

coro::Task<> DedicatedQueue::drain(std::span<const Pasid>) { co_await host_.drain_wq(wq_); }

coro::Task<> DedicatedQueue::abort(std::span<const Pasid>) { co_await host_.abort_wq(wq_); }

/// All work of the queue has its one PASID.
coro::Task<CommandResult> DedicatedQueue::drain_pasid(Pasid) {
  co_return co_await host_.drain_wq(wq_);
}

coro::Task<CommandResult> DedicatedQueue::abort_pasid(Pasid) {
  co_return co_await host_.abort_wq(wq_);
}

void DedicatedQueue::submit_posted(bool limited, std::uint32_t offset, const port::Line& line) {
  host_.device().posted_write64(portal_page(limited)->offset + offset, line);
}

coro::Task<port::CompletionStatus> DedicatedQueue::submit_deferrable(bool limited,
                                                                     std::uint32_t offset,
                                                                     const port::Line& line) {
  co_return co_await host_.device().deferrable_write64(portal_page(limited)->offset + offset, line);
}

}  // namespace siov::vdcm
