// SPDX-License-Identifier: Apache-2.0
// PortalCounter: stands between a host's software and its device and counts the descriptors that
// portals take.
//
//   system::PortalCounter portals(device_side.port());
//   vdcm::HostDriver host(portals, platform, iommu_driver, config);
//   portals.taken();
#pragma once

#include <cstdint>

#include "port/device_port.hpp"

namespace siov::system {

class PortalCounter final : public port::DevicePort {
 public:
  /// @param device  outlives this
  explicit PortalCounter(port::DevicePort& device) : device_(device) {}

  coro::Task<port::ReadResult> config_read(std::uint32_t offset, std::uint32_t size) override {
    return device_.config_read(offset, size);
  }
  coro::Task<port::CompletionStatus> config_write(std::uint32_t offset, std::uint32_t size,
                                                  std::uint32_t value) override {
    return device_.config_write(offset, size, value);
  }
  coro::Task<port::ReadResult> mmio_read(port::Bar bar, std::uint64_t offset,
                                         std::uint32_t size) override {
    return device_.mmio_read(bar, offset, size);
  }
  void mmio_write(port::Bar bar, std::uint64_t offset, std::uint32_t size,
                  std::uint64_t value) override {
    device_.mmio_write(bar, offset, size, value);
  }
  void posted_write64(std::uint64_t offset, const port::Line& line) override {
    ++taken_;
    device_.posted_write64(offset, line);
  }
  coro::Task<port::CompletionStatus> deferrable_write64(std::uint64_t offset,
                                                        const port::Line& line) override {
    const port::CompletionStatus status = co_await device_.deferrable_write64(offset, line);
    if (status == port::CompletionStatus::kSuccess) ++taken_;
    co_return status;
  }
  void set_bar_base(port::Bar bar, std::uint64_t base) override { device_.set_bar_base(bar, base); }

  /// Posted, or deferrable and accepted.
  [[nodiscard]] std::uint64_t taken() const { return taken_; }

 private:
  port::DevicePort& device_;
  std::uint64_t taken_ = 0;
};

}  // namespace siov::system
