// SPDX-License-Identifier: Apache-2.0
// Resets by every route, VMs that close or die, memory that goes away, PASIDs that end.
#include <gtest/gtest.h>

#include "common/error.hpp"
#include "vdev_rig.hpp"

namespace siov::test {
namespace {

using vdcm::QueueConfig;

struct Started : Rig {
  Started() { start(); }
};

enum class Route { kFlr, kResetDevice, kVmReset, kHostReset, kClose };

/// DMA of a PASID, by number of requests.
struct DmaCount {
  explicit DmaCount(Rig& rig) {
    rig.tap.on_request = [this](const port::DmaRequest& r, bool) {
      if (r.pasid) ++of[*r.pasid];
    };
  }
  std::map<Pasid, unsigned> of;
};

class ResetRouteTest : public testing::TestWithParam<std::tuple<Route, std::uint8_t>> {};

void take_route(VdevRig& v, Route route) {
  switch (route) {
    case Route::kFlr:
      v.config(0x58, 2, 0xA910);
      EXPECT_EQ(v.vdev->virtual_config().read(0x58, 2), 0x2910u);  // FLR reads 0
      break;
    case Route::kResetDevice:
      EXPECT_EQ(v.command(5, 0), 0u);
      break;
    case Route::kVmReset:
      v.rig.run(v.rig.vdcm.reset_vm(v.vm));
      break;
    case Route::kHostReset:
      v.rig.run(v.vdev->reset());
      break;
    case Route::kClose:
      v.rig.run(v.rig.vdcm.close_vm(v.vm));
      v.vdev = nullptr;
      break;
  }
}

/// Work is on its way when the reset begins; when it ends there is none, and nothing comes later.
TEST_P(ResetRouteTest, UnderLoadNothingComesAfterIt) {  // SIOV-H-29, SIOV-H-31, SIOV-D-41
  const auto [route, wq] = GetParam();
  Started rig;
  VdevRig v(rig, wq);
  v.bring_up();
  v.write(0x308, 4, 7u << 12 | 8);
  v.write(0x618, 8, 0x41);
  v.config(0x42, 2, 0x8000);
  const Pasid host = *rig.vdcm.host_pasid(v.vm, Pasid{7});
  DmaCount dma(rig);
  int interrupts = 0;
  v.interrupts.connect(0x41, [&] { ++interrupts; });
  for (int i = 0; i < 8; ++i) {
    port::Line line = v.copy_line(7, v.space.allocate(32));
    line[4] = std::byte{0x1C};
    line[36] = std::byte{1};
    if (wq == 2) static_cast<void>(rig.run(enqcmd(*v.vdev, 0x1000, line)));
    if (wq != 2) v.vdev->posted_write64(0x1000, line);
  }
  take_route(v, route);
  EXPECT_TRUE(rig.device.idle());
  const unsigned after = dma.of[host];
  const int interrupts_after = interrupts;
  rig.run(pause(20'000));
  EXPECT_EQ(dma.of[host], after);
  EXPECT_EQ(interrupts, interrupts_after);
  if (route == Route::kClose) {
    EXPECT_EQ(rig.vdcm.live_pasids(), 0u);
    EXPECT_EQ(rig.iommu_driver.bound_pasids(), 0u);
    EXPECT_FALSE(rig.vdcm.has_vm(v.vm));
    EXPECT_EQ(rig.run(read_control(rig.device, 0x401C, 4)), 1u);  // IMS: masked, no PASID
    return;
  }
  EXPECT_EQ(v.vdev->registers().state(), vdcm::DeviceState::kDisabled);
  EXPECT_FALSE(v.vdev->portals_mapped());
  if (wq != 2) {
    EXPECT_EQ(rig.run(read_control(rig.device, 0x800 + 64u * wq + 8, 4)) & 0x0FFF'FF00, 0u);
  }
  EXPECT_EQ(v.vdev->msix().pending(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Routes, ResetRouteTest,
                         testing::Combine(testing::Values(Route::kFlr, Route::kResetDevice,
                                                          Route::kVmReset, Route::kHostReset,
                                                          Route::kClose),
                                          testing::Values(std::uint8_t{0}, std::uint8_t{2})));

std::vector<std::uint32_t> config_image(const vdcm::Vdev& vdev) {
  std::vector<std::uint32_t> image;
  for (std::uint32_t at = 0; at < 4096; at += 4) image.push_back(vdev.virtual_config().read(at, 4));
  return image;
}

/// Everything a guest can write is written; the reset VDEV equals one that was never touched.
TEST(LifecycleTest, ResetRestoresEveryInitialValue) {  // SIOV-H-30, SIOV-D-42
  Started rig;
  VdevRig fresh(rig, 1);
  VdevRig v(rig, 2);
  VdevRig w(rig, 0);
  for (VdevRig* dirty : {&v, &w}) {
    dirty->bring_up();
    for (std::uint32_t at = 0x10; at < 0x140; at += 4) {
      if (at == 0x58) continue;
      dirty->config(at, 4, 0xFFFF'FFFF);
    }
    dirty->config(0x04, 2, 6);
    for (std::uint32_t at = 0; at < 0x800; at += 4) {
      if (at != 0xA0) dirty->write(at, 4, 0xFFFF'FFFE);
    }
    rig.run(pause(1000));
    rig.run(dirty->vdev->settle());
    rig.run(dirty->vdev->reset());
    EXPECT_EQ(config_image(*dirty->vdev), config_image(*fresh.vdev));
    vdcm::RegisterImage image = fresh.vdev->registers().image();
    image.queues[0].dword2 = dirty == &w ? 1 : 0;  // the mode
    EXPECT_EQ(dirty->vdev->registers().image(), image);
    EXPECT_EQ(dirty->vdev->msix().entries(), fresh.vdev->msix().entries());
    EXPECT_EQ(dirty->vdev->msix().pending(), 0u);
    EXPECT_FALSE(dirty->vdev->ims_index().has_value());
  }
  // What the host owns stays, and the PASID is programmed again.
  EXPECT_EQ(rig.run(read_control(rig.device, 0x800, 4)), 16u);
  w.enable_pci(kAllPci);
  w.set_wq_pasid(7);
  ASSERT_EQ(w.command(1, 0), 0u);
  ASSERT_EQ(w.command(6, 0), 0u);
  EXPECT_EQ(rig.run(read_control(rig.device, 0x808, 4)),
            0x1000'0081u | rig.vdcm.host_pasid(w.vm, Pasid{7})->value << 8);
}

TEST(LifecycleTest, NextOpenerOfAQueueSeesPowerOnState) {  // SIOV-H-31
  Started rig;
  {
    VdevRig v(rig, 0);
    v.bring_up();
    v.config(0x42, 2, 0x8000);
    v.write(0xA0, 4, 7u << 20 | 1);  // a command in flight when the VM dies
    v.vdev->posted_write64(0x1000, v.copy_line(7, v.space.allocate(32)));
    v.vdev->mmio_write(port::Bar::kControl, 0x308, 4, 7u << 12 | 8);
    rig.run(rig.vdcm.close_vm(v.vm));
  }
  VdevRig next(rig, 0);
  next.config(0x04, 2, 2);
  EXPECT_EQ(next.read(0x90, 4), 0u);
  EXPECT_EQ(next.read(0xA8, 4), 0u);
  EXPECT_EQ(next.read(0x308, 4), 0u);
  EXPECT_EQ(next.read(0x508, 4), 0x81u);
  next.config(0x04, 2, 0);
  next.bring_up();
  const Iova record = next.space.allocate(32);
  next.vdev->posted_write64(0x1000, next.copy_line(7, record));
  rig.run(pause(3000));
  EXPECT_EQ(next.status(record), 1u);
  EXPECT_THROW(rig.run(rig.vdcm.close_vm(0)), HarnessError);  // closed already
}

TEST(LifecycleTest, CommandOvertakenByAResetSaysNothing) {  // SIOV-H-30
  Started rig;
  VdevRig v(rig, 0);
  v.bring_up();
  const auto reset = rig.scheduler.start_soon(v.vdev->reset(), "reset");
  rig.run(pause(50));
  v.write(0xA0, 4, 1u << 31 | 1u << 20);
  rig.run(pause(20'000));
  EXPECT_EQ(v.vdev->registers().image().cmdstatus, 0u);
  EXPECT_EQ(v.vdev->registers().image().intcause, 0u);
}

/// A dedicated, a shared and an emulated queue.
vdcm::VdevConfig of_kinds(Rig& rig) {
  vdcm::EmulatedQueueConfig queue;
  queue.dma = &rig.tap;
  vdcm::VdevConfig config;
  config.name = "all kinds";
  config.queues = {QueueConfig::physical(0), QueueConfig::physical(2),
                   QueueConfig::software(queue)};
  return config;
}

/// The guest's memory goes while work is on its way: no request may meet the hole.
TEST(LifecycleTest, MemoryGoesOnlyFromUnderAResetVdev) {  // SIOV-H-32
  Started rig;
  VdevRig v(rig, of_kinds(rig));
  v.bring_up();
  bool mapped = true;
  unsigned before = 0, after = 0;
  rig.tap.on_request = [&](const port::DmaRequest& r, bool) {
    if (r.pasid) ++(mapped ? before : after);
  };
  std::vector<Iova> records;
  for (int i = 0; i < 6; ++i) {
    records.push_back(v.space.allocate(32));
    const port::Line line = v.copy_line(7, records.back());
    const std::uint64_t page = 0x1000 + 0x4000 * (i % 3);
    if (i % 3 == 1) static_cast<void>(rig.run(enqcmd(*v.vdev, page, line)));
    if (i % 3 != 1) v.vdev->posted_write64(page, line);
  }
  bool enabled_at_unmap = true;
  rig.run(rig.vdcm.unmap_memory(v.vm, [&] {
    mapped = false;
    enabled_at_unmap = v.vdev->registers().any_queue_enabled() || v.vdev->portals_mapped();
  }));
  EXPECT_FALSE(enabled_at_unmap);
  EXPECT_GT(before, 0u);
  for (int i = 0; i < 3; ++i)
    v.vdev->posted_write64(0x1000 + 0x4000 * i, v.copy_line(7, records[0]));
  rig.run(pause(20'000));
  EXPECT_EQ(after, 0u);
  EXPECT_EQ(rig.iommu.statistics().faults, 0u);
}

TEST(LifecycleTest, IdleVdevKeepsItsStateWhenMemoryGoes) {  // SIOV-H-32
  Started rig;
  VdevRig v(rig, 0);
  v.enable_pci(kAllPci);
  v.set_wq_pasid(7);
  rig.run(rig.vdcm.unmap_memory(v.vm, [] {}));
  EXPECT_EQ(v.read(0x508, 4), 0x1000'0781u);
}

/// Every command of one VDEV on a shared queue, while another VM's work is in it.
TEST(LifecycleTest, NeighbourOnASharedQueueNoticesNothing) {  // SIOV-H-17, SIOV-H-35, SIOV-D-46
  Started rig;
  VdevRig victim(rig, 2);
  VdevRig other(rig, 2);
  victim.bring_up();
  other.bring_up();
  std::vector<Iova> records;
  for (std::uint32_t code = 2; code <= 14; ++code) {
    for (int i = 0; i < 2; ++i) {
      records.push_back(victim.space.allocate(32));
      EXPECT_EQ(rig.run(enqcmd(*victim.vdev, 0x1000, victim.copy_line(7, records.back()))),
                port::CompletionStatus::kSuccess);
    }
    const std::uint32_t operand = code == 6 ? 0 : (code == 11 || code == 12 ? 7 : 1);
    static_cast<void>(other.command(code, operand));
    if (other.read(0x90, 4) == 0) {
      static_cast<void>(other.command(1, 0));
    }
    other.set_wq_pasid(7);
    static_cast<void>(other.command(6, 0));
  }
  rig.run(other.vdev->reset());
  rig.run(pause(20'000));
  for (const Iova record : records) EXPECT_EQ(victim.status(record), 1u);
}

TEST(LifecycleTest, FreedPasidIsNotGivenOutBeforeItsLastTrace) {  // SIOV-H-24
  Started rig;
  VdevRig v(rig, 2);
  v.bring_up();
  const Pasid host = *rig.vdcm.host_pasid(v.vm, Pasid{7});
  DmaCount dma(rig);
  for (int i = 0; i < 4; ++i)
    static_cast<void>(rig.run(enqcmd(*v.vdev, 0x1000, v.copy_line(7, v.space.allocate(32)))));
  const auto unbind = rig.scheduler.start_soon(rig.vdcm.unbind_pasid(v.vm, Pasid{7}), "unbind");
  unsigned steps = 0;
  while (rig.platform.pasids().references(host) != 0 && steps < 10'000) {
    rig.run(pause(10));
    ++steps;
  }
  EXPECT_GT(steps, 0u);
  EXPECT_TRUE(rig.device.idle());
  EXPECT_FALSE(rig.platform.pasid_table(v.vm).translate(Pasid{7}).has_value());
  const unsigned requests = dma.of[host];
  rig.run(pause(20'000));
  EXPECT_EQ(dma.of[host], requests);
  EXPECT_EQ(requests, 12u);  // read, write and record of each: nothing was lost
}

TEST(LifecycleTest, GuestPasidZeroOfADedicatedQueueIsTheDefaultOne) {  // SIOV-H-21, SIOV-H-19
  Started rig;
  VdevRig v(rig, 0);
  v.enable_pci(kAllPci);
  v.set_wq_pasid(0);
  ASSERT_EQ(v.command(1, 0), 0u);
  ASSERT_EQ(v.command(6, 0), 0u);
  EXPECT_EQ(v.vdev->running_pasid(), v.vdev->default_pasid());
  EXPECT_EQ(rig.run(read_control(rig.device, 0x808, 4)),
            0x1000'0081u | v.vdev->default_pasid().value << 8);  // as the guest says: unprivileged
}

TEST(LifecycleTest, DmaOfAGuestWithoutPasidIsTaggedAndPrivileged) {  // SIOV-H-19
  Started rig;
  VdevRig v(rig, 0);
  v.enable_pci(kBme);
  v.write(0x508, 4, 1);
  ASSERT_EQ(v.command(1, 0), 0u);
  ASSERT_EQ(v.command(6, 0), 0u);
  std::vector<port::DmaRequest> seen;
  rig.tap.on_request = [&](const port::DmaRequest& r, bool) { seen.push_back(r); };
  const Iova record = v.space.allocate(32);
  v.vdev->posted_write64(0x1000, v.copy_line(0, record));
  rig.run(pause(3000));
  EXPECT_EQ(v.status(record), 1u);
  ASSERT_EQ(seen.size(), 3u);
  for (const port::DmaRequest& r : seen) {
    EXPECT_EQ(r.pasid, v.vdev->default_pasid());
    EXPECT_TRUE(r.privileged);
  }
}

/// Guest PASID 7 everywhere a guest can name one: no write to the function has it.
TEST(LifecycleTest, NoRegisterWriteCarriesAGuestPasid) {  // SIOV-H-20, SIOV-H-22
  Started rig;
  VdevRig v(rig, 0);
  rig.recorder.forget();
  v.bring_up();
  v.config(0x42, 2, 0x8000);
  v.write(0x308, 4, 7u << 12 | 8);
  EXPECT_EQ(v.command(11, 7), 0u);
  EXPECT_EQ(v.command(12, 7), 0u);
  rig.run(v.vdev->settle());
  rig.run(pause(500));
  EXPECT_FALSE(rig.recorder.writes.empty());
  for (const Recorder::Write& write : rig.recorder.writes_to(0x800, 0xA00))
    EXPECT_NE(write.value >> 8 & 0xFFFFF, 7u) << write.offset;
  for (const Recorder::Write& write : rig.recorder.writes_to(0x4000, 0x5000))
    EXPECT_FALSE(write.offset % 16 == 12 && write.value >> 12 == 7) << write.offset;
  for (const std::uint32_t command : rig.recorder.commands())
    EXPECT_FALSE((command >> 20 == 11 || command >> 20 == 12) && (command & 0xFFFFF) == 7);
}

/// A real completion interrupt meets the virtual mask. @spec siov.md 3.8
TEST(LifecycleTest, InterruptOfAnImsEntryPendsWhileMasked) {  // SIOV-H-27
  for (const bool function_mask : {false, true}) {
    Started rig;
    VdevRig v(rig, 0);
    v.bring_up();
    v.write(0x308, 4, 7u << 12 | 8);
    v.write(0x618, 4, 0x41);
    v.write(0x61C, 4, function_mask ? 0 : 1);
    v.config(0x42, 2, function_mask ? 0xC000 : 0x8000);
    int arrived = 0;
    v.interrupts.connect(0x41, [&] { ++arrived; });
    for (int i = 0; i < 2; ++i) {
      port::Line line = v.copy_line(0, v.space.allocate(32));
      line[4] = std::byte{0x1C};
      line[36] = std::byte{1};
      v.vdev->posted_write64(0x1000, line);
    }
    rig.run(pause(5000));
    EXPECT_EQ(arrived, 0);
    EXPECT_EQ(v.read(0x700, 8), 2u);  // PBA
    if (function_mask) v.config(0x42, 2, 0x8000);
    if (!function_mask) v.write(0x61C, 4, 0);
    EXPECT_EQ(arrived, 1);
    EXPECT_EQ(v.read(0x700, 8), 0u);
    v.write(0x700, 8, ~std::uint64_t{0});  // read-only
    EXPECT_EQ(v.read(0x700, 8), 0u);
  }
}

TEST(LifecycleTest, ForeignHandleEndsOnceWithItsError) {  // siov.md 3.8, SIOV-H-25
  Started rig;
  VdevRig v(rig, 0);
  v.bring_up();
  v.write(0x608, 8, 0x40);  // vector 0
  v.config(0x42, 2, 0x8000);
  std::vector<std::uint32_t> status;
  v.interrupts.connect(0x40, [&] { status.push_back(v.vdev->registers().cmdstatus()); });
  for (const std::uint32_t handle : {0u, 1u, 2u, 0xFFFFu}) {  // 1 was not asked for yet
    v.write(0xA0, 4, 1u << 31 | 14u << 20 | handle);
    rig.run(pause(500));
  }
  EXPECT_EQ(status, (std::vector<std::uint32_t>{0x43, 0x43, 0x43, 0x43}));
}

/// The first of several violated conditions decides. @spec SIOV-H-16
TEST(LifecycleTest, EnableWqErrorPriorityMatrix) {  // SIOV-H-16
  for (const std::uint8_t wq : {std::uint8_t{0}, std::uint8_t{2}}) {
    for (unsigned bad = 0; bad < 64; ++bad) {
      const bool reserved = (bad & 1) != 0, index = (bad & 2) != 0, device = (bad & 4) != 0,
                 enabled = (bad & 8) != 0, mode = (bad & 16) != 0, pasid = (bad & 32) != 0;
      if (enabled && (device || mode || pasid)) continue;  // cannot be
      Started rig;
      VdevRig v(rig, wq);
      v.enable_pci(kAllPci);
      if (!device) {
        ASSERT_EQ(v.command(1, 0), 0u);
      }
      v.set_wq_pasid(0);
      if (enabled) {
        ASSERT_EQ(v.command(6, 0), 0u);
      }
      const std::uint32_t right = wq == 0 ? 1 : 0;
      std::uint32_t dword = (mode ? 1 - right : right) | 1u << 28;
      if (pasid) dword = wq == 0 ? dword | 9u << 8 : dword & 1;  // unknown; not enabled
      if (!enabled) v.write(0x508, 4, dword);
      rig.recorder.forget();
      const std::uint32_t expected = reserved  ? 0x04
                                     : index   ? 0x02
                                     : device  ? 0x20
                                     : enabled ? 0x21
                                     : mode    ? 0x24
                                     : pasid   ? 0x26
                                               : 0x00;
      EXPECT_EQ(v.command(6, (reserved ? 0x100 : 0) | (index ? 1 : 0)), expected) << bad;
      if (expected != 0) {
        EXPECT_TRUE(rig.recorder.writes.empty()) << bad;
      }
    }
  }
}

TEST(LifecycleTest, ChangedPasidSetupHaltsToo) {  // SIOV-H-05; dsa.md 1.4
  for (const auto& [offset, value] :
       {std::pair{0x126u, 0u}, std::pair{0x106u, 0u}, std::pair{0x114u, 0u}}) {
    Started rig;
    VdevRig v(rig, 0);
    v.bring_up();
    DmaCount dma(rig);
    v.config(offset, 2, value);
    EXPECT_EQ(v.read(0x90, 4), 0x7u) << offset;
    EXPECT_EQ(v.read(0xC0, 4), 0x5101u);
    v.vdev->posted_write64(0x1000, v.copy_line(0, v.space.allocate(32)));
    rig.run(pause(5000));
    EXPECT_TRUE(dma.of.empty());
  }
}

}  // namespace
}  // namespace siov::test
