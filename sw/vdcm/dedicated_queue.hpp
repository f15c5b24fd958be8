// SPDX-License-Identifier: Apache-2.0
// DedicatedQueue: a whole dedicated work queue of a function, for one VDEV.
//
//   vdcm::DedicatedQueue queue(host, 0, mistakes);
#pragma once

#include "vdcm/vdcm_mistakes.hpp"
#include "vdcm/virtual_queue.hpp"

namespace siov::vdcm {

/// What a physical queue looks like to a guest. @spec siov.md 3.3
[[nodiscard]] QueueDescription describe_physical(const HostDriver& host, std::uint8_t wq);

class DedicatedQueue final : public VirtualQueue {
 public:
  /// @param mistakes outlives the queue
  DedicatedQueue(HostDriver& host, std::uint8_t wq, const VdcmMistakes& mistakes)
      : host_(host), wq_(wq), mistakes_(mistakes) {}

  [[nodiscard]] QueueKind kind() const override { return QueueKind::kDedicated; }
  [[nodiscard]] QueueDescription description() const override {
    return describe_physical(host_, wq_);
  }
  [[nodiscard]] HostDriver& host() const override { return host_; }
  [[nodiscard]] std::optional<std::uint8_t> physical_wq() const override { return wq_; }
  [[nodiscard]] std::optional<PhysicalPage> portal_page(bool limited) const override;
  coro::Task<CommandResult> enable(Pasid pasid, bool privileged) override;
  coro::Task<> disable(std::span<const Pasid> own) override;
  coro::Task<> drain(std::span<const Pasid> own) override;
  coro::Task<> abort(std::span<const Pasid> own) override;
  coro::Task<CommandResult> drain_pasid(Pasid pasid) override;
  coro::Task<CommandResult> abort_pasid(Pasid pasid) override;
  void submit_posted(bool limited, std::uint32_t offset, const port::Line& line) override;
  coro::Task<port::CompletionStatus> submit_deferrable(bool limited, std::uint32_t offset,
                                                       const port::Line& line) override;

 private:
  HostDriver& host_;
  std::uint8_t wq_;
  const VdcmMistakes& mistakes_;
  bool was_disabled_ = false;
};

}  // namespace siov::vdcm
