// SPDX-License-Identifier: Apache-2.0
// DeviceBench: a device model, a host that remembers every transaction, and the steps that bring
// the device up.
//
//   DeviceBench bench;
//   bench.bring_up();
//   bench.enable_wq(0);
//   bench.device.posted_write64(0, abi::to_line(descriptor));
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <set>
#include <vector>

#include "abi/descriptor.hpp"
#include "coro/clock_triggers.hpp"
#include "coro/scheduler.hpp"
#include "model/device_model.hpp"

namespace siov::model {

/// One transaction as the host saw it.
struct Seen {
  enum Kind { kRead, kWrite, kMessage } kind;
  std::uint64_t address;
  std::size_t bytes;
  std::optional<std::uint32_t> pasid;
  bool privileged;
  std::uint32_t data;  ///< of a message
  bool operator==(const Seen&) const = default;
};

/// 256 KiB of memory without translation.
class RecordingHost : public port::DmaPort {
 public:
  port::DmaStatus read(const port::DmaRequest& r, std::span<std::byte> out) override {
    note(Seen::kRead, r, out.size(), 0);
    if (bad_pages.contains(r.address.page().value)) return port::DmaStatus::kUnsupportedRequest;
    std::memcpy(out.data(), memory.data() + r.address.value, out.size());
    return port::DmaStatus::kSuccess;
  }
  port::DmaStatus write(const port::DmaRequest& r, std::span<const std::byte> data) override {
    if (r.address.value >> 20 == 0xFEE) {
      std::uint32_t value = 0;
      for (unsigned i = 0; i < 4; ++i) value |= std::to_integer<std::uint32_t>(data[i]) << 8 * i;
      note(Seen::kMessage, r, data.size(), value);
      return port::DmaStatus::kSuccess;
    }
    note(Seen::kWrite, r, data.size(), 0);
    std::memcpy(memory.data() + r.address.value, data.data(), data.size());
    return port::DmaStatus::kSuccess;
  }
  /// Data words of the interrupt messages so far.
  std::vector<std::uint32_t> messages() const {
    std::vector<std::uint32_t> out;
    for (const Seen& s : seen) {
      if (s.kind == Seen::kMessage) out.push_back(s.data);
    }
    return out;
  }

  std::vector<std::byte> memory = std::vector<std::byte>(0x40000);
  std::set<std::uint64_t> bad_pages;
  std::vector<Seen> seen;

 private:
  void note(Seen::Kind kind, const port::DmaRequest& r, std::size_t bytes, std::uint32_t data) {
    std::optional<std::uint32_t> pasid;
    if (r.pasid) pasid = r.pasid->value;
    seen.push_back({kind, r.address.value, bytes, pasid, r.privileged, data});
  }
};

class DeviceBench {
 public:
  explicit DeviceBench(const DeviceConfig& config = quick()) : device(host, scheduler, config) {}

  /// Short latencies.
  static DeviceConfig quick() {
    DeviceConfig c;
    c.latency_cycles = 20;
    c.access_cycles = 4;
    c.command_cycles = 2;
    return c;
  }

  std::uint64_t read(std::uint64_t offset, std::uint32_t size = 4) {
    return scheduler.run(device.mmio_read(port::Bar::kControl, offset, size), 1000).data;
  }
  void write(std::uint64_t offset, std::uint64_t value, std::uint32_t size = 4) {
    device.mmio_write(port::Bar::kControl, offset, size, value);
  }
  std::uint32_t config(std::uint32_t offset, std::uint32_t size = 4) {
    return static_cast<std::uint32_t>(scheduler.run(device.config_read(offset, size), 1000).data);
  }
  void set_config(std::uint32_t offset, std::uint32_t value, std::uint32_t size = 4) {
    EXPECT_EQ(scheduler.run(device.config_write(offset, size, value), 1000),
              port::CompletionStatus::kSuccess);
  }
  void run(std::uint64_t cycles) { scheduler.run_cycles(cycles); }

  /// The configuration of the default build at bench speed, changed.
  template <class F>
  static DeviceConfig quick_with(F change) {
    DeviceConfig c = quick();
    change(c);
    return c;
  }

  /// Writes CMD and waits for its end. @return CMDSTATUS
  std::uint32_t command(std::uint32_t code, std::uint32_t operand = 0, bool interrupt = false) {
    write(0xA0, code << 20 | operand | (interrupt ? 0x80000000u : 0u));
    for (int i = 0; i < 1000; ++i) {
      const auto status = static_cast<std::uint32_t>(read(0xA8));
      if ((status & 0x80000000u) == 0) return status;
    }
    return 0xFFFFFFFF;
  }

  /// Memory and bus master enable, PASID enable with privileged mode, MSI-X enable; vector n sends
  /// data 0x50 + n.
  void set_up_function() {
    set_config(0x04, 0x6, 2);
    set_config(0x236, 0x5, 2);
    set_config(0x82, 0x8000, 2);
    for (std::uint64_t v = 0; v < vectors; ++v) {
      write(msix + 16 * v, 0xFEE00000, 8);
      write(msix + 16 * v + 8, 0x50 + v, 8);
    }
  }

  /// dword 2: mode, priority 1, PASID. dword 3: 2 MiB, 32 members.
  void set_wq(unsigned wq, unsigned size, bool dedicated, std::uint32_t dword2_bits = 0,
              unsigned threshold = 0) {
    const std::uint64_t base = queues + stride * wq;
    write(base, size);
    write(base + 4, threshold);
    write(base + 8, (dedicated ? 1u : 0u) | 0x10u | dword2_bits);
    write(base + 12, 21u | 5u << 5);
  }
  void set_group(unsigned group, std::uint64_t wqs, std::uint64_t engines) {
    write(groups + 64 * group, wqs, 8);
    write(groups + 64 * group + 0x20, engines, 8);
  }

  /// Group 0: WQ 0 dedicated (16, PASID 0x11), WQ 1 shared (8, threshold 4), one engine. Enabled,
  /// with user interrupts.
  void bring_up() {
    set_up_function();
    set_wq(0, 16, true, 0x10001100);
    set_wq(1, 8, false, 0x10000000, 4);
    set_group(0, 0x3, 0x1);
    write(0x80, 0x1060);
    EXPECT_EQ(command(1), 0u);
    EXPECT_EQ(command(6, 0), 0u);
    EXPECT_EQ(command(6, 1), 0u);
    host.seen.clear();
  }

  port::CompletionStatus enqcmd(std::uint64_t offset, const abi::Descriptor& d) {
    const port::Line line = abi::to_line(d);
    return scheduler.run(device.deferrable_write64(offset, line), 1000);
  }
  void movdir(std::uint64_t offset, const abi::Descriptor& d) {
    device.posted_write64(offset, abi::to_line(d));
  }

  static abi::Descriptor noop(std::uint32_t flags, std::uint64_t record = 0) {
    abi::Descriptor d;
    d.flags = flags;
    d.completion_address = Iova{record};
    return d;
  }

  /// Where the tables are; a bench of another build says so before it uses them.
  std::uint64_t groups = 0x600;
  std::uint64_t queues = 0x800;
  std::uint64_t stride = 64;
  std::uint64_t msix = 0x2000;
  std::uint64_t vectors = 9;

  coro::Scheduler scheduler;
  RecordingHost host;
  DeviceModel device;
};

}  // namespace siov::model
