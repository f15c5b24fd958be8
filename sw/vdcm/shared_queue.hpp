// SPDX-License-Identifier: Apache-2.0
// SharedQueue: a VDEV's share of a shared work queue. Hardware tells the users apart by PASID; no
// command of one user touches the queue as a whole.
//
//   vdcm::SharedQueue queue(host, 2, mistakes);
#pragma once

#include "vdcm/vdcm_mistakes.hpp"
#include "vdcm/virtual_queue.hpp"

namespace siov::vdcm {

/// @spec SIOV-H-17, SIOV-H-35, SIOV-D-46
class SharedQueue final : public VirtualQueue {
 public:
  /// @param mistakes outlives the queue
  SharedQueue(HostDriver& host, std::uint8_t wq, const VdcmMistakes& mistakes)
      : host_(host), wq_(wq), mistakes_(mistakes) {}

  [[nodiscard]] QueueKind kind() const override { return QueueKind::kShared; }
  [[nodiscard]] QueueDescription description() const override;
  [[nodiscard]] HostDriver& host() const override { return host_; }
  [[nodiscard]] std::optional<std::uint8_t> physical_wq() const override { return wq_; }
  /// The limited page, whichever the guest uses. @spec SIOV-H-08, SIOV-D-58
  [[nodiscard]] std::optional<PhysicalPage> portal_page(bool limited) const override;
  /// The physical queue runs already, for all.
  coro::Task<CommandResult> enable(Pasid pasid, bool privileged) override;
  coro::Task<> disable(std::span<const Pasid> own) override;
  coro::Task<> drain(std::span<const Pasid> own) override;
  coro::Task<> abort(std::span<const Pasid> own) override;
  coro::Task<> reset(std::span<const Pasid> own) override;
  coro::Task<CommandResult> drain_pasid(Pasid pasid) override;
  coro::Task<CommandResult> abort_pasid(Pasid pasid) override;
  void submit_posted(bool limited, std::uint32_t offset, const port::Line& line) override;
  coro::Task<port::CompletionStatus> submit_deferrable(bool limited, std::uint32_t offset,
                                                       const port::Line& line) override;

 private:
  HostDriver& host_;
  std::uint8_t wq_;
  const VdcmMistakes& mistakes_;
};

}  // namespace siov::vdcm
