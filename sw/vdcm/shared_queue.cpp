// SPDX-License-Identifier: Apache-2.0
// SharedQueue: everything by PASID.
#include "vdcm/shared_queue.hpp"

#include "vdcm/dedicated_queue.hpp"

namespace siov::vdcm {

QueueDescription SharedQueue::description() const { return describe_physical(host_, wq_); }

std::optional<PhysicalPage> SharedQueue::portal_page(bool) const {
  return PhysicalPage{&host_, HostDriver::portal_offset(wq_, true, host_.has_ims())};
}

coro::Task<CommandResult> SharedQueue::enable(Pasid, bool) { co_return CommandResult{}; }

coro::Task<> SharedQueue::disable(std::span<const Pasid> own) { co_await drain(own); }

coro::Task<> SharedQueue::drain(std::span<const Pasid> own) {
  for (const Pasid pasid : own) co_await host_.drain_pasid(pasid);
}

coro::Task<> SharedQueue::abort(std::span<const Pasid> own) {
  if (mistakes_.abort_shared_queue) co_await host_.abort_wq(wq_);
  co_await drain(own);
}

/// Once is enough: nothing is admitted any more.
coro::Task<> SharedQueue::reset(std::span<const Pasid> own) { co_await abort(own); }

coro::Task<CommandResult> SharedQueue::drain_pasid(Pasid pasid) {
  co_return co_await host_.drain_pasid(pasid);
}

/// Abandoned work would be legal; finished work is, too, and the guest's own.
coro::Task<CommandResult> SharedQueue::abort_pasid(Pasid pasid) {
  co_return co_await host_.drain_pasid(pasid);
}

void SharedQueue::submit_posted(bool limited, std::uint32_t offset, const port::Line& line) {
  host_.device().posted_write64(portal_page(limited)->offset + offset, line);
}

coro::Task<port::CompletionStatus> SharedQueue::submit_deferrable(bool limited,
                                                                  std::uint32_t offset,
                                                                  const port::Line& line) {
  co_return co_await host_.device().deferrable_write64(portal_page(limited)->offset + offset, line);
}

}  // namespace siov::vdcm
