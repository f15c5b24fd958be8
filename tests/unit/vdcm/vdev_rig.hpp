// SPDX-License-Identifier: Apache-2.0
// VdevRig: a VDEV on guest-physical space, driven register by register.
//
//   VdevRig v(2);                       // queue 2: shared
//   v.enable_pci(7);
//   EXPECT_EQ(v.command(1, 0), 0u);
#pragma once

#include "abi/descriptor.hpp"
#include "guest/interrupt_controller.hpp"
#include "rig.hpp"

namespace siov::test {

/// Configuration bits of enable_pci.
inline constexpr unsigned kBme = 1, kPasid = 2, kPri = 4, kAts = 8, kAllPci = 15;

inline coro::Task<> write_config(port::DevicePort& vdev, std::uint32_t offset, std::uint32_t size,
                                 std::uint32_t value) {
  EXPECT_EQ(co_await vdev.config_write(offset, size, value), port::CompletionStatus::kSuccess);
}
inline coro::Task<std::uint64_t> read_control(port::DevicePort& vdev, std::uint64_t offset,
                                              std::uint32_t size) {
  const port::ReadResult r = co_await vdev.mmio_read(port::Bar::kControl, offset, size);
  co_return r.data;
}
inline coro::Task<port::CompletionStatus> enqcmd(port::DevicePort& vdev, std::uint64_t offset,
                                                 const port::Line& line) {
  co_return co_await vdev.deferrable_write64(offset, line);
}
inline coro::Task<> pause(std::uint64_t ns) { co_await coro::Timer(coro::ns(ns)); }

/// A VDEV and its VM; several may live on one Rig.
struct VdevRig {
  VdevRig(Rig& shared_rig, std::uint8_t wq)
      : rig(shared_rig), machine(rig.memory, rig.frames), space(machine, {}) {
    vm = rig.vdcm.create_vm();
    vdev = &rig.create(vm, wq, space.descriptor(), &interrupts);
  }
  /// @param config all but VM, default space and interrupts
  VdevRig(Rig& shared_rig, vdcm::VdevConfig config)
      : rig(shared_rig), machine(rig.memory, rig.frames), space(machine, {}) {
    vm = rig.vdcm.create_vm();
    config.vm = vm;
    config.default_space = space.descriptor();
    config.guest_interrupts = &interrupts;
    vdev = &rig.create(config);
  }
  void config(std::uint32_t offset, std::uint32_t size, std::uint32_t value) {
    rig.run(write_config(*vdev, offset, size, value));
  }
  /// Memory space always; the rest as asked. Offsets of siov.md 3.2.
  void enable_pci(unsigned bits) {
    if ((bits & kPasid) != 0) config(0x126, 2, 1);
    if ((bits & kAts) != 0) config(0x106, 2, 0x8000);
    if ((bits & kPri) != 0) config(0x114, 2, 1);
    config(0x04, 2, (bits & kBme) != 0 ? 6 : 2);
  }
  std::uint32_t command(std::uint32_t code, std::uint32_t operand) {
    return rig.run(guest_command(*vdev, code, operand));
  }
  std::uint64_t read(std::uint64_t offset, std::uint32_t size) {
    return rig.run(read_control(*vdev, offset, size));
  }
  void write(std::uint64_t offset, std::uint32_t size, std::uint64_t value) {
    vdev->mmio_write(port::Bar::kControl, offset, size, value);
  }
  /// PASID of a virtual queue, in guest terms.
  void set_wq_pasid(std::uint32_t pasid, std::uint8_t queue = 0) {
    const std::uint32_t mode = vdev->dedicated(queue) ? 1 : 0;
    write(0x508 + 32U * queue, 4, mode | pasid << 8 | 1U << 28);
  }
  /// Everything up to enabled queues with guest PASID 7.
  void bring_up() {
    rig.vdcm.bind_pasid(vm, Pasid{7}, space.descriptor());
    enable_pci(kAllPci);
    ASSERT_EQ(command(1, 0), 0u);
    for (std::uint8_t q = 0; q < vdev->queue_count(); ++q) {
      set_wq_pasid(7, q);
      ASSERT_EQ(command(6, q), 0u);
    }
  }
  /// A copy of 64 bytes with a completion record; returns the record's address.
  port::Line copy_line(std::uint32_t pasid, Iova record) {
    abi::Descriptor d;
    d.pasid = Pasid{pasid};
    d.opcode = 0x03;
    d.flags = 0xC;  // CRAV, RCR
    d.completion_address = record;
    d.source = space.allocate(64);
    d.destination = space.allocate(64);
    d.size = 64;
    return abi::to_line(d);
  }

  /// First byte of a record: the status.
  unsigned status(Iova record) { return std::to_integer<unsigned>(space.page_tail(record)[0]); }

  Rig& rig;
  guest::Machine machine;
  guest::AddressSpace space;
  guest::InterruptController interrupts;
  vdcm::VmId vm = 0;
  vdcm::Vdev* vdev = nullptr;
};

}  // namespace siov::test
