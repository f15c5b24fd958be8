// SPDX-License-Identifier: Apache-2.0
// RawBench: the device alone on a link, in front of a flat memory: no IOMMU, no VDCM, no drivers.
// For tests that look at the device's own behaviour.
//
//   RawBench bench(pcie::LinkConfig{});
//   bench.run(bench.bring_up({RawQueue{16, true, 8}}));
//   bench.submit(0, descriptor);
//   bench.wait_record(address);
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "abi/descriptor.hpp"
#include "abi/siov_abi.hpp"
#include "coro/clock_triggers.hpp"
#include "coro/scheduler.hpp"
#include "dut/rtl_device.hpp"
#include "pcie/root_complex.hpp"
#include "port/dma_port.hpp"

namespace siov::test {

/// Flat memory from address 0; remembers messages and the writes it saw. Addresses from 1 GiB up
/// are refused (UR).
class FlatMemory : public port::DmaPort {
 public:
  explicit FlatMemory(std::size_t bytes) : bytes_(bytes) {}
  port::DmaStatus read(const port::DmaRequest& r, std::span<std::byte> out) override {
    if (!holds(r.address.value, out.size())) return port::DmaStatus::kUnsupportedRequest;
    std::memcpy(out.data(), &bytes_[r.address.value], out.size());
    ++reads;
    if (r.pasid) last_pasid = r.pasid->value;
    return port::DmaStatus::kSuccess;
  }
  port::DmaStatus write(const port::DmaRequest& r, std::span<const std::byte> data) override {
    if ((r.address.value >> 20) == 0xFEE && !r.pasid) {
      std::uint32_t value = 0;
      std::memcpy(&value, data.data(), 4);
      messages.push_back({r.address.value, value});
      return port::DmaStatus::kSuccess;
    }
    if (!holds(r.address.value, data.size())) return port::DmaStatus::kUnsupportedRequest;
    std::memcpy(&bytes_[r.address.value], data.data(), data.size());
    ++writes;
    return port::DmaStatus::kSuccess;
  }
  bool holds(std::uint64_t address, std::size_t bytes) const {
    return address < bytes_.size() && bytes <= bytes_.size() - address;
  }
  std::byte* at(std::uint64_t address) { return &bytes_[address]; }

  struct Message {
    std::uint64_t address;
    std::uint32_t data;
  };
  std::vector<Message> messages;
  std::uint64_t reads = 0, writes = 0;
  std::uint32_t last_pasid = 0;

 private:
  std::vector<std::byte> bytes_;
};

/// What a test needs of one queue; index in the list is the WQ number.
struct RawQueue {
  std::uint16_t size = 16;
  bool dedicated = true;
  std::uint8_t priority = 8;
  std::uint16_t threshold = 16;
  std::uint32_t pasid = 0x12345;
  std::uint8_t group = 0;
};

class RawBench {
 public:
  static constexpr std::uint64_t kBar0 = 0x3800'0000'0000, kBar2 = 0x3800'1000'0000;

  /// Puts something between the device's pins and the root complex.
  using Wrap = std::unique_ptr<pcie::LinkDevice> (*)(pcie::LinkDevice& device);

  explicit RawBench(const pcie::LinkConfig& link, std::size_t memory_bytes = 64u << 20,
                    Wrap wrap = nullptr, std::string_view personality = "default")
      : memory(memory_bytes),
        device(dut::make_device(personality, dut::DeviceOptions{})),
        wrapper(wrap != nullptr ? wrap(*device) : nullptr),
        root(wrapper ? *wrapper : *device, memory, scheduler, link) {
    root.reset();
  }

  template <class T>
  T run(coro::Task<T> task, std::uint64_t max_cycles = 1'000'000) {
    return scheduler.run(std::move(task), max_cycles);
  }

  coro::Task<std::uint64_t> read(std::uint32_t offset, std::uint32_t size = 4) {
    const port::ReadResult r = co_await root.mmio_read(port::Bar::kControl, offset, size);
    co_return r.data;
  }
  void write(std::uint32_t offset, std::uint32_t size, std::uint64_t value) {
    root.mmio_write(port::Bar::kControl, offset, size, value);
  }
  /// Runs a command to its end. @return CMDSTATUS
  coro::Task<std::uint32_t> command(std::uint32_t code, std::uint32_t operand = 0) {
    write(abi::kRegCmd, 4, code << 20 | operand);
    for (;;) {
      const std::uint64_t status = co_await read(abi::kRegCmdstatus);
      if ((status >> 31 & 1) == 0) co_return static_cast<std::uint32_t>(status);
    }
  }
  coro::Task<> configure_space();
  /// Configuration space, groups (each owning engines by mask), queues, Enable Device, Enable WQ.
  /// @return 0 or the first error
  coro::Task<std::uint32_t> bring_up(std::vector<RawQueue> queues,
                                     std::vector<std::uint32_t> engine_masks);

  void submit(std::uint8_t wq, const abi::Descriptor& d, std::uint32_t slot = 0, bool ims = false) {
    root.posted_write64(portal(wq, ims) + (slot & 63) * 64, abi::to_line(d));
  }
  static std::uint64_t portal(std::uint8_t wq, bool ims) {
    return std::uint64_t{wq} * 0x4000 + (ims ? 0x2000 : 0);
  }
  /// Waits until byte 0 of the record is not 0. @return it
  coro::Task<std::uint8_t> wait_record(std::uint64_t address) {
    while (std::to_integer<int>(*memory.at(address)) == 0) co_await coro::ClockCycles(8);
    co_return std::to_integer<std::uint8_t>(*memory.at(address));
  }

  coro::Scheduler scheduler;
  FlatMemory memory;
  std::unique_ptr<dut::TracedDevice> device;
  std::unique_ptr<pcie::LinkDevice> wrapper;
  pcie::RootComplex root;
};

}  // namespace siov::test
