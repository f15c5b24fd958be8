// SPDX-License-Identifier: Apache-2.0
// DeviceModel: the C++ reference device behind port::DevicePort, written from the specification and
// from no RTL. It has configuration space, registers, commands, queues, interrupts, operations,
// translations and page requests; it has no TLPs, credits or tags.
//
//   coro::Scheduler scheduler;
//   model::DeviceModel device(iommu, scheduler);
//   device.set_ats_host(&iommu);
//   host_driver.attach(device);                     // any user of port::DevicePort
#pragma once

#include <cstdint>
#include <memory>

#include "coro/scheduler.hpp"
#include "coro/task.hpp"
#include "model/device_config.hpp"
#include "model/dma_observer.hpp"
#include "port/ats_port.hpp"
#include "port/device_port.hpp"
#include "port/dma_port.hpp"

namespace siov::model {

class DeviceModel final : public port::DevicePort,
                          public port::AtsDevicePort,
                          public coro::Clocked {
 public:
  /// Registers itself with the scheduler; both must outlive the model.
  /// @throws HarnessError for sizes outside the ranges of DeviceConfig
  DeviceModel(port::DmaPort& dma, coro::Scheduler& scheduler, const DeviceConfig& config = {});
  ~DeviceModel() override;
  DeviceModel(const DeviceModel&) = delete;
  DeviceModel& operator=(const DeviceModel&) = delete;

  coro::Task<port::ReadResult> config_read(std::uint32_t offset, std::uint32_t size) override;
  coro::Task<port::CompletionStatus> config_write(std::uint32_t offset, std::uint32_t size,
                                                  std::uint32_t value) override;
  coro::Task<port::ReadResult> mmio_read(port::Bar bar, std::uint64_t offset,
                                         std::uint32_t size) override;
  /// Takes effect at once, as seen by every later access.
  void mmio_write(port::Bar bar, std::uint64_t offset, std::uint32_t size,
                  std::uint64_t value) override;
  void posted_write64(std::uint64_t offset, const port::Line& line) override;
  coro::Task<port::CompletionStatus> deferrable_write64(std::uint64_t offset,
                                                        const port::Line& line) override;
  /// Where the port sends accesses. Until it is set, accesses hit the BAR; afterwards only if the
  /// BAR agrees.
  void set_bar_base(port::Bar bar, std::uint64_t base) override;

  /// Where translation requests, page requests and invalidate completions go.
  /// @param host  not owned; nullptr, as at the start: translation requests end as unsupported
  void set_ats_host(port::AtsHostPort* host);
  /// Completed some cycles later, when the requests that used translations are done.
  void invalidate(const port::InvalidateRequest& request) override;
  void page_group_response(const port::PageGroupResponse& response) override;

  /// One clock cycle: commands, dispatch, completions. Called by the scheduler.
  void cycle(std::uint64_t cycle) override;

  /// Shows every transaction from now on. @param observer  not owned; nullptr switches off
  void set_observer(DmaObserver* observer);
  const DeviceStats& stats() const;
  /// No descriptor queued or in an engine, no command active.
  bool idle() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
  coro::Scheduler& scheduler_;
};

}  // namespace siov::model
