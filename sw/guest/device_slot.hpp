// SPDX-License-Identifier: Apache-2.0
// DeviceSlot: where a guest's driver finds its VDEV. While the guest's CPUs stand still, accesses
// wait; then they may go on with another VDEV.
//
//   guest::DeviceSlot slot(*vdev);
//   guest::DsaDriver driver(slot, space, options);
//   co_await slot.stop();
//   slot.start(*other);
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "coro/event.hpp"
#include "port/device_port.hpp"
#include "vdcm/migration_memory.hpp"

namespace siov::guest {

class DeviceSlot final : public port::DevicePort, public vdcm::MigratingGuest {
 public:
  explicit DeviceSlot(port::DevicePort& vdev) : vdev_(&vdev) { runs_.set(); }

  coro::Task<> stop() override;
  void start(port::DevicePort& vdev) override;
  [[nodiscard]] port::DevicePort& device() { return *vdev_; }
  /// Accesses of stopped CPUs so far.
  [[nodiscard]] std::uint64_t waited() const { return waited_; }

  coro::Task<port::ReadResult> config_read(std::uint32_t offset, std::uint32_t size) override;
  coro::Task<port::CompletionStatus> config_write(std::uint32_t offset, std::uint32_t size,
                                                  std::uint32_t value) override;
  coro::Task<port::ReadResult> mmio_read(port::Bar bar, std::uint64_t offset,
                                         std::uint32_t size) override;
  void mmio_write(port::Bar bar, std::uint64_t offset, std::uint32_t size,
                  std::uint64_t value) override;
  void posted_write64(std::uint64_t offset, const port::Line& line) override;
  coro::Task<port::CompletionStatus> deferrable_write64(std::uint64_t offset,
                                                        const port::Line& line) override;
  void set_bar_base(port::Bar bar, std::uint64_t base) override;

 private:
  /// One access that the VDEV has and the CPU has no answer to.
  class Access;
  void post(std::function<void(port::DevicePort&)> store);
  coro::Task<> turn();

  port::DevicePort* vdev_;
  bool stopped_ = false;
  std::uint32_t open_ = 0;
  std::uint64_t waited_ = 0;
  coro::Event runs_{"guest CPUs"};
  coro::Event answered_{"guest access"};
  std::vector<std::function<void(port::DevicePort&)>> stores_;  ///< of stopped CPUs, in order
};

}  // namespace siov::guest
