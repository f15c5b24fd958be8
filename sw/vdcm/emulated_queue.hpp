// SPDX-License-Identifier: Apache-2.0
// EmulatedQueue: a work queue without hardware. Software runs no-op, drain, move, fill, compare and
// compare with pattern; its DMA carries requester id and PASID, so the IOMMU judges it as it judges
// the device.
//
//   vdcm::EmulatedQueue queue(host, config, hooks);
//   co_await queue.enable(pasid, false);
//   queue.submit_posted(true, 0, line);
#pragma once

#include <deque>
#include <functional>

#include "abi/descriptor.hpp"
#include "coro/event.hpp"
#include "coro/join.hpp"
#include "vdcm/emulated_work.hpp"
#include "vdcm/vdev_config.hpp"
#include "vdcm/virtual_queue.hpp"

namespace siov::vdcm {

class EmulatedQueue final : public VirtualQueue {
 public:
  /// @param host whose requester id and PASID table are used
  EmulatedQueue(HostDriver& host, EmulatedQueueConfig config, EmulatedHooks hooks);
  ~EmulatedQueue() override;

  [[nodiscard]] QueueKind kind() const override { return QueueKind::kEmulated; }
  [[nodiscard]] QueueDescription description() const override;
  [[nodiscard]] HostDriver& host() const override { return host_; }
  [[nodiscard]] std::optional<PhysicalPage> portal_page(bool) const override {
    return std::nullopt;
  }
  coro::Task<CommandResult> enable(Pasid pasid, bool privileged) override;
  coro::Task<> disable(std::span<const Pasid> own) override;
  coro::Task<> drain(std::span<const Pasid> own) override;
  /// What has not begun is abandoned: no record, no interrupt. @spec dsa.md 3.2
  coro::Task<> abort(std::span<const Pasid> own) override;
  coro::Task<CommandResult> drain_pasid(Pasid pasid) override;
  coro::Task<CommandResult> abort_pasid(Pasid pasid) override;
  /// @spec dsa.md 4.2: overflow of a dedicated queue is SWERROR 0x53
  void submit_posted(bool limited, std::uint32_t offset, const port::Line& line) override;
  coro::Task<port::CompletionStatus> submit_deferrable(bool limited, std::uint32_t offset,
                                                       const port::Line& line) override;

  [[nodiscard]] std::uint64_t completed() const { return completed_; }

 private:
  struct Work {
    abi::Descriptor descriptor;
    Pasid pasid;
    bool privileged = false;
  };
  void accept(Work work);
  coro::Task<> worker();
  coro::Task<> wait_for(std::uint64_t number);

  HostDriver& host_;
  EmulatedQueueConfig config_;
  EmulatedHooks hooks_;
  EmulatedRules rules_;
  std::deque<Work> waiting_;
  coro::JoinHandle worker_;
  coro::Event progress_{"emulated queue"};
  bool running_ = false;  ///< the worker has something to do
  bool enabled_ = false;
  Pasid pasid_;
  bool privileged_ = false;
  std::uint64_t accepted_ = 0;
  std::uint64_t ended_ = 0;  ///< completed or abandoned
  std::uint64_t completed_ = 0;
};

}  // namespace siov::vdcm
