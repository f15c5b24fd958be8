// SPDX-License-Identifier: Apache-2.0
// A VDEV with an enabled queue and two vectors, to be paused.
//
//   Alike rig;
//   Paused v(rig, 0);
//   v.pause_now();
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "vdev_rig.hpp"

namespace siov::test {

inline coro::Task<> pause_vdev(vdcm::Vdev& vdev) { co_await vdev.pause(); }
inline coro::Task<std::string> resume_vdev(vdcm::Vdev& vdev) { co_return co_await vdev.resume(); }
inline coro::Task<vdcm::SavedVdev> save_vdev(vdcm::Vdev& vdev) { co_return co_await vdev.save(); }

/// Queues 0 and 1 dedicated, 2 and 3 shared, all alike; entry 1 of the interrupt store is taken, so
/// that an index is not its vector.
struct Alike : Rig {
  explicit Alike(vdcm::HostConfig config = four_queues()) : Rig(std::move(config)) {
    start();
    static_cast<void>(run(host.allocate_ims(Pasid{0x77}, [] {})));
  }
  static vdcm::HostConfig four_queues() {
    vdcm::HostConfig config = default_host();
    config.wqs = {vdcm::WqConfig::dedicated(8, 0), vdcm::WqConfig::dedicated(8, 0),
                  vdcm::WqConfig::shared(16, 0, 6), vdcm::WqConfig::shared(16, 0, 6)};
    return config;
  }
};

/// A VDEV with vector 0 (0x50) and vector 1 (0x51), its queue enabled with guest PASID 7.
struct Paused : VdevRig {
  explicit Paused(Rig& shared_rig, std::uint8_t wq) : VdevRig(shared_rig, wq) {
    bring_up();
    write(0x600, 8, 0xFEE0'0000);
    write(0x608, 8, 0x50);
    write(0x610, 8, 0xFEE0'0000);
    write(0x618, 8, 0x51);
    write(0x308, 4, 0x7008);
    config(0x42, 2, 0x8000);
    rig.run(vdev->settle());
  }
  /// @param interrupt handle for the completion; 0: none
  port::Line copy(std::uint32_t bytes = 64, std::uint16_t interrupt = 0) {
    records.push_back(space.allocate(32));
    abi::Descriptor d;
    d.pasid = Pasid{7};
    d.opcode = 0x03;
    d.flags = interrupt != 0 ? 0x1C : 0xC;  // CRAV, RCR, RCI
    d.interrupt_handle = interrupt;
    d.completion_address = records.back();
    d.source = space.allocate(bytes);
    d.destination = space.allocate(bytes);
    d.size = bytes;
    return abi::to_line(d);
  }
  std::uint8_t status(std::size_t record) {
    std::array<std::byte, 1> byte{};
    space.read(records[record], byte);
    return std::to_integer<std::uint8_t>(byte[0]);
  }
  std::size_t done() {
    std::size_t count = 0;
    for (std::size_t i = 0; i < records.size(); ++i) count += status(i) == 1 ? 1 : 0;
    return count;
  }
  void pause_now() { rig.run(pause_vdev(*vdev)); }
  void resume_now() { EXPECT_EQ(rig.run(resume_vdev(*vdev)), ""); }
  vdcm::SavedVdev saved() { return rig.run(save_vdev(*vdev)); }
  vdcm::Vdev& other(std::uint8_t wq) { return rig.create(vm, wq, space.descriptor(), &interrupts); }
  std::vector<Iova> records;
};

}  // namespace siov::test
