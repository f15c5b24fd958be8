// SPDX-License-Identifier: Apache-2.0
// Rig: a whole host over the C++ reference device, with a recorder between host driver and device
// and a tap on its DMA.
//
//   Rig rig;
//   rig.run(rig.host.start());
//   rig.recorder.writes_to(0x4000, 0x5000);
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "coro/clock_triggers.hpp"
#include "coro/scheduler.hpp"
#include "guest/address_space.hpp"
#include "guest/dsa_driver.hpp"
#include "guest/machine.hpp"
#include "guest/workload.hpp"
#include "iommu/iommu.hpp"
#include "memory/page_allocator.hpp"
#include "memory/physical_memory.hpp"
#include "model/device_model.hpp"
#include "vdcm/host_driver.hpp"
#include "vdcm/iommu_driver.hpp"
#include "vdcm/platform.hpp"
#include "vdcm/vdcm.hpp"

namespace siov::test {

/// Passes everything on and remembers what was written.
class Recorder final : public port::DevicePort {
 public:
  struct Write {
    port::Bar bar;
    std::uint64_t offset;
    std::uint32_t size;
    std::uint64_t value;
  };
  struct Portal {
    std::uint64_t offset;
    bool deferrable;
    port::Line line;
  };
  explicit Recorder(port::DevicePort& device) : device_(device) {}

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
    writes.push_back({bar, offset, size, value});
    device_.mmio_write(bar, offset, size, value);
  }
  void posted_write64(std::uint64_t offset, const port::Line& line) override {
    portals.push_back({offset, false, line});
    device_.posted_write64(offset, line);
  }
  coro::Task<port::CompletionStatus> deferrable_write64(std::uint64_t offset,
                                                        const port::Line& line) override {
    portals.push_back({offset, true, line});
    if (deferrable_delay_ns != 0) co_await coro::Timer(coro::ns(deferrable_delay_ns));
    co_return co_await device_.deferrable_write64(offset, line);
  }
  void set_bar_base(port::Bar bar, std::uint64_t base) override { device_.set_bar_base(bar, base); }

  /// BAR0 writes with first <= offset < end, in order.
  std::vector<Write> writes_to(std::uint64_t first, std::uint64_t end) const {
    std::vector<Write> out;
    for (const Write& w : writes) {
      if (w.bar == port::Bar::kControl && w.offset >= first && w.offset < end) out.push_back(w);
    }
    return out;
  }
  /// Command codes written to CMD, in order.
  std::vector<std::uint32_t> commands() const {
    std::vector<std::uint32_t> out;
    for (const Write& w : writes_to(0xA0, 0xA4))
      out.push_back(static_cast<std::uint32_t>(w.value) & 0x01FF'FFFF);
    return out;
  }
  void forget() {
    writes.clear();
    portals.clear();
  }

  std::vector<Write> writes;
  std::vector<Portal> portals;
  /// Time a deferrable write spends on the link; posted writes pass it meanwhile.
  std::uint64_t deferrable_delay_ns = 0;

 private:
  port::DevicePort& device_;
};

/// Shows each DMA request, and can change what is written.
class DmaTap final : public port::DmaPort {
 public:
  explicit DmaTap(port::DmaPort& next) : next_(next) {}
  port::DmaStatus read(const port::DmaRequest& request, std::span<std::byte> out) override {
    if (on_request) on_request(request, false);
    return next_.read(request, out);
  }
  port::DmaStatus write(const port::DmaRequest& request, std::span<const std::byte> data) override {
    if (on_request) on_request(request, true);
    std::vector<std::byte> copy(data.begin(), data.end());
    if (corrupt) corrupt(request, copy);
    return next_.write(request, copy);
  }
  std::function<void(const port::DmaRequest&, bool write)> on_request;
  std::function<void(const port::DmaRequest&, std::vector<std::byte>&)> corrupt;

 private:
  port::DmaPort& next_;
};

/// Two dedicated queues (0, 1) and one shared (2) in one group of four engines.
inline vdcm::HostConfig default_host() {
  vdcm::HostConfig config;
  config.groups = {vdcm::GroupConfig{0xF, 0, 0}};
  config.wqs = {vdcm::WqConfig::dedicated(16, 0), vdcm::WqConfig::dedicated(8, 0),
                vdcm::WqConfig::shared(16, 0, 8)};
  return config;
}

struct Rig {
  /// What the host driver sees of the recorder; empty: the recorder.
  using Front = std::function<port::DevicePort&(port::DevicePort&)>;
  explicit Rig(vdcm::HostConfig config = default_host(), const Front& front = {})
      : frames(memory),
        iommu(memory, platform, iommu::IommuConfig{}),
        tap(iommu),
        device(tap, scheduler, model::DeviceConfig{}),
        recorder(device),
        iommu_driver(iommu, memory, frames, RequesterId{0x6A00}),
        host(front ? front(recorder) : recorder, platform, iommu_driver, std::move(config)),
        vdcm(host) {
    iommu.set_view_requester(RequesterId{0x6A00});
  }

  template <class T>
  T run(coro::Task<T> task) {
    return scheduler.run(std::move(task), 20'000'000);
  }
  void start() {
    iommu_driver.start();
    run(host.start());
  }
  vdcm::Vdev& create(vdcm::VmId vm, std::uint8_t wq, const vdcm::Space& space,
                     port::InterruptPort* interrupts = nullptr) {
    vdcm::VdevConfig config;
    config.name = "vdev";
    config.vm = vm;
    config.wq = wq;
    config.default_space = space;
    config.guest_interrupts = interrupts;
    return *run(vdcm.create_vdev(config));
  }

  vdcm::Vdev& create(const vdcm::VdevConfig& config) { return *run(vdcm.create_vdev(config)); }

  coro::Scheduler scheduler;
  memory::PhysicalMemory memory;
  memory::PageAllocator frames;
  vdcm::Platform platform;
  iommu::Iommu iommu;
  DmaTap tap;
  model::DeviceModel device;
  Recorder recorder;
  vdcm::IommuDriver iommu_driver;
  vdcm::HostDriver host;
  vdcm::Vdcm vdcm;
};

/// A second function behind a unit of its own, on the same platform and memory.
struct SecondFunction {
  explicit SecondFunction(Rig& rig, vdcm::HostConfig config = default_host())
      : iommu(rig.memory, rig.platform, iommu::IommuConfig{}),
        tap(iommu),
        device(tap, rig.scheduler, device_config()),
        recorder(device),
        iommu_driver(iommu, rig.memory, rig.frames, RequesterId{0x6B00}),
        host(recorder, rig.platform, iommu_driver, std::move(config)) {
    iommu_driver.start();
    rig.run(host.start());
    number = rig.vdcm.add_function(host);
  }
  static model::DeviceConfig device_config() {
    model::DeviceConfig config;
    config.requester = RequesterId{0x6B00};
    return config;
  }
  iommu::Iommu iommu;
  DmaTap tap;
  model::DeviceModel device;
  Recorder recorder;
  vdcm::IommuDriver iommu_driver;
  vdcm::HostDriver host;
  std::uint8_t number = 0;
};

/// One register command of a guest, polled; CMDSTATUS when it ended.
inline coro::Task<std::uint32_t> guest_command(port::DevicePort& vdev, std::uint32_t code,
                                               std::uint32_t operand) {
  vdev.mmio_write(port::Bar::kControl, 0xA0, 4, code << 20 | operand);
  port::ReadResult status = co_await vdev.mmio_read(port::Bar::kControl, 0xA8, 4);
  while ((status.data & 0x8000'0000) != 0) {
    co_await coro::Timer(coro::ns(100));
    status = co_await vdev.mmio_read(port::Bar::kControl, 0xA8, 4);
  }
  co_return static_cast<std::uint32_t>(status.data);
}

}  // namespace siov::test
