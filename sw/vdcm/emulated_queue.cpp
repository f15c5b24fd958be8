// SPDX-License-Identifier: Apache-2.0
// EmulatedQueue: admission and order. What a descriptor does is in emulated_work.cpp.
#include "vdcm/emulated_queue.hpp"

#include <algorithm>

#include "abi/siov_abi.hpp"
#include "coro/clock_triggers.hpp"
#include "coro/scheduler.hpp"

namespace siov::vdcm {

EmulatedQueue::EmulatedQueue(HostDriver& host, EmulatedQueueConfig config, EmulatedHooks hooks)
    : host_(host), config_(config), hooks_(std::move(hooks)) {
  rules_.dedicated = config.dedicated;
  rules_.max_transfer = std::uint64_t{1} << config.max_transfer_log2;
}

EmulatedQueue::~EmulatedQueue() {
  if (worker_.valid() && !worker_.done()) worker_.cancel();
}

QueueDescription EmulatedQueue::description() const {
  QueueDescription d;
  d.dedicated = config_.dedicated;
  d.size = config_.size;
  d.threshold = config_.threshold;
  d.priority = config_.priority;
  d.max_transfer_log2 = config_.max_transfer_log2;
  d.operations = kEmulatedOperations;
  d.gencap = std::uint64_t{1} << abi::kGencapOverlapLsb | std::uint64_t{config_.max_transfer_log2}
                                                              << abi::kGencapMaxXferLsb;
  return d;
}

coro::Task<CommandResult> EmulatedQueue::enable(Pasid pasid, bool privileged) {
  enabled_ = true;
  pasid_ = pasid;
  privileged_ = privileged;
  co_return CommandResult{};
}

coro::Task<> EmulatedQueue::disable(std::span<const Pasid>) {
  enabled_ = false;
  co_await wait_for(accepted_);
  pasid_ = Pasid{0};
  privileged_ = false;
}

coro::Task<> EmulatedQueue::drain(std::span<const Pasid>) { co_await wait_for(accepted_); }

coro::Task<> EmulatedQueue::abort(std::span<const Pasid>) {
  const std::uint64_t end = accepted_;
  ended_ += waiting_.size();
  waiting_.clear();
  co_await wait_for(end);
}

coro::Task<CommandResult> EmulatedQueue::drain_pasid(Pasid) {
  co_await wait_for(accepted_);
  co_return CommandResult{};
}

coro::Task<CommandResult> EmulatedQueue::abort_pasid(Pasid pasid) {
  const std::uint64_t end = accepted_;
  ended_ += std::erase_if(waiting_, [&](const Work& work) { return work.pasid == pasid; });
  co_await wait_for(end);
  co_return CommandResult{};
}

/// Work ends in the order of its acceptance, so a count says all.
coro::Task<> EmulatedQueue::wait_for(std::uint64_t number) {
  while (ended_ < number) {
    progress_.clear();
    co_await progress_.wait();
  }
}

void EmulatedQueue::accept(Work work) {
  waiting_.push_back(std::move(work));
  ++accepted_;
  if (running_) return;
  running_ = true;
  worker_ = coro::start_soon(worker(), "emulated queue");
}

void EmulatedQueue::submit_posted(bool, std::uint32_t, const port::Line& line) {
  if (!enabled_ || !config_.dedicated) return;
  if (waiting_.size() >= config_.size) {
    SoftwareError full;
    full.code = abi::kSwErrDwqFull;
    full.pasid = pasid_;
    hooks_.error(full);
    return;
  }
  accept(Work{abi::decode_descriptor(line), pasid_, privileged_});
}

coro::Task<port::CompletionStatus> EmulatedQueue::submit_deferrable(bool limited, std::uint32_t,
                                                                    const port::Line& line) {
  const std::size_t limit = limited ? std::min(config_.threshold, config_.size) : config_.size;
  if (!enabled_ || config_.dedicated || waiting_.size() >= limit)
    co_return port::CompletionStatus::kRetry;
  const abi::Descriptor descriptor = abi::decode_descriptor(line);
  accept(Work{descriptor, descriptor.pasid, descriptor.privileged});
  co_return port::CompletionStatus::kSuccess;
}

coro::Task<> EmulatedQueue::worker() {
  while (!waiting_.empty()) {
    const Work work = waiting_.front();
    waiting_.pop_front();
    const bool moves =
        work.descriptor.opcode > abi::kOpDrain && work.descriptor.size <= rules_.max_transfer;
    const std::uint64_t bytes = moves ? work.descriptor.size : 0;
    co_await coro::Timer(coro::ns(config_.latency_ns + bytes / config_.bytes_per_ns));
    run_emulated({work.descriptor, work.pasid, work.privileged, host_.iommu().function()}, rules_,
                 hooks_, *config_.dma);
    ++completed_;
    ++ended_;
    progress_.set();
  }
  running_ = false;
}

}  // namespace siov::vdcm
