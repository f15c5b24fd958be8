// SPDX-License-Identifier: Apache-2.0
// What must never cross from one guest to hardware or to another guest.
#include <gtest/gtest.h>

#include "vdev_rig.hpp"

namespace siov::test {
namespace {

struct Started : Rig {
  Started() { start(); }
};

TEST(IsolationTest, UnknownGuestPasidNeverReachesTheDevice) {  // SIOV-P-12, SIOV-H-21
  Started rig;
  VdevRig v(rig, 2);
  v.bring_up();
  rig.recorder.forget();
  const Iova record = v.space.allocate(32);
  for (const std::uint32_t pasid :
       {0u, 6u, 8u, 0xFFFFFu, rig.vdcm.host_pasid(v.vm, Pasid{7})->value}) {
    const port::Line line = v.copy_line(pasid, record);
    EXPECT_EQ(rig.run(enqcmd(*v.vdev, 0x1000, line)), port::CompletionStatus::kUnsupportedRequest)
        << pasid;
  }
  EXPECT_TRUE(rig.recorder.portals.empty());
  EXPECT_EQ(rig.platform.pasid_exits(), 5u);
  const port::Line good = v.copy_line(7, record);
  EXPECT_EQ(rig.run(enqcmd(*v.vdev, 0x1040, good)), port::CompletionStatus::kSuccess);
  ASSERT_EQ(rig.recorder.portals.size(), 1u);
  EXPECT_EQ(rig.recorder.portals[0].offset, 0xB040u);  // WQ 2, limited, IMS, same slot
  rig.run(pause(2000));
  EXPECT_EQ(v.space.page_tail(record)[0], std::byte{1});
}

TEST(IsolationTest, PortalIsNotMappedOutsideTheEnabledQueue) {  // SIOV-H-09, SIOV-H-10
  Started rig;
  VdevRig shared(rig, 2);
  VdevRig own(rig, 0);
  rig.vdcm.bind_pasid(shared.vm, Pasid{7}, shared.space.descriptor());
  shared.enable_pci(kAllPci);
  own.enable_pci(kAllPci);
  const Iova record = shared.space.allocate(32);
  const port::Line line = shared.copy_line(7, record);
  rig.recorder.forget();
  EXPECT_EQ(rig.run(enqcmd(*shared.vdev, 0x1000, line)), port::CompletionStatus::kRetry);
  own.vdev->posted_write64(0x1000, line);
  EXPECT_TRUE(rig.recorder.portals.empty());
  EXPECT_EQ(shared.vdev->trapped_submissions(), 1u);
  EXPECT_EQ(own.vdev->trapped_submissions(), 1u);
}

TEST(IsolationTest, GuestMsixContentNeverReachesIms) {  // SIOV-H-23
  Started rig;
  VdevRig v(rig, 0);
  v.bring_up();
  v.write(0x308, 4, 7u << 12 | 8);
  v.config(0x42, 2, 0x8000);
  const std::uint64_t address = rig.run(read_control(rig.device, 0x4010, 8));
  EXPECT_EQ(address & 0xFFF0'0010, 0xFEE0'0010u);  // remappable
  EXPECT_EQ(rig.run(read_control(rig.device, 0x401C, 4)),
            8u | rig.vdcm.host_pasid(v.vm, Pasid{7})->value << 12);
  rig.recorder.forget();
  v.write(0x610, 8, 0xFEEF'FFFC);
  v.write(0x618, 4, 0xDEAD'BEEF);
  v.write(0x61C, 4, 0);
  v.write(0x4010, 8, 0xFEE1'2340);  // beyond the guest's BAR
  EXPECT_TRUE(rig.recorder.writes.empty());
  EXPECT_EQ(rig.run(read_control(rig.device, 0x4010, 8)), address);
}

TEST(IsolationTest, UnknownPasidInMsixpermMatchesNobody) {  // SIOV-H-21
  Started rig;
  VdevRig v(rig, 0);
  v.bring_up();
  v.config(0x42, 2, 0x8000);
  v.write(0x308, 4, 0x55u << 12 | 8);
  rig.run(v.vdev->settle());
  rig.run(pause(100));
  EXPECT_EQ(rig.run(read_control(rig.device, 0x401C, 4)), 8u);  // PASID 0: never given out
}

TEST(IsolationTest, ErrorIsToldToTheGuiltyVdevOnlyInItsOwnTerms) {  // SIOV-H-36, SIOV-H-20
  Started rig;
  VdevRig victim(rig, 2);
  VdevRig guilty(rig, 2);
  victim.bring_up();
  guilty.bring_up();
  const Iova bad =
      guilty.space.allocate(64) + 8;  // record not 32-byte aligned: 0x1b goes to SWERROR
  const port::Line line = guilty.copy_line(7, bad);
  EXPECT_EQ(rig.run(enqcmd(*guilty.vdev, 0x1000, line)), port::CompletionStatus::kSuccess);
  rig.run(pause(3000));
  EXPECT_EQ(rig.host.software_errors(), 1u);
  EXPECT_EQ(victim.read(0xC0, 8), 0u);
  const std::uint64_t word = guilty.read(0xC0, 8);
  EXPECT_EQ(word & 0xFF03, 0x1B01u);
  EXPECT_EQ(word >> 16 & 0xFF, 0u);     // its queue is number 0
  EXPECT_EQ(word >> 40 & 0xFFFFF, 7u);  // its PASID, not the host's
  EXPECT_EQ(guilty.read(0xD0, 8), bad.value);
  EXPECT_EQ(rig.vdcm.unattributed_errors(), 0u);
}

TEST(IsolationTest, ErrorOfADedicatedQueueStaysWithItsVdev) {
  Started rig;
  VdevRig a(rig, 0);
  VdevRig b(rig, 1);
  a.bring_up();
  b.bring_up();
  const port::Line line = b.copy_line(0, b.space.allocate(64) + 4);
  b.vdev->posted_write64(0x1000, line);
  rig.run(pause(3000));
  EXPECT_EQ(a.read(0xC0, 8), 0u);
  EXPECT_EQ(b.read(0xC0, 4) & 0xFF01, 0x1B01u);
}

TEST(IsolationTest, PasidInADescriptorOfADedicatedQueueIsIgnored) {  // SIOV-D-23
  Started rig;
  VdevRig a(rig, 0);
  VdevRig b(rig, 1);
  a.bring_up();
  b.bring_up();
  std::vector<Pasid> seen;
  rig.tap.on_request = [&](const port::DmaRequest& r, bool) {
    if (r.pasid) seen.push_back(*r.pasid);
  };
  const port::Line line =
      b.copy_line(rig.vdcm.host_pasid(a.vm, Pasid{7})->value, b.space.allocate(32));
  b.vdev->posted_write64(0x1000, line);
  rig.run(pause(3000));
  ASSERT_EQ(seen.size(), 3u);  // read, write, record
  for (const Pasid p : seen) EXPECT_EQ(p, rig.vdcm.host_pasid(b.vm, Pasid{7}));
}

TEST(IsolationTest, UnboundPasidIsGoneFromCpuDeviceAndIommu) {  // SIOV-H-24
  Started rig;
  VdevRig v(rig, 2);
  v.bring_up();
  const Pasid host = *rig.vdcm.host_pasid(v.vm, Pasid{7});
  const Iova record = v.space.allocate(32);
  const port::Line line = v.copy_line(7, record);
  EXPECT_EQ(rig.run(enqcmd(*v.vdev, 0x1000, line)), port::CompletionStatus::kSuccess);
  rig.run(rig.vdcm.unbind_pasid(v.vm, Pasid{7}));
  EXPECT_EQ(v.space.page_tail(record)[0], std::byte{1});  // drained: the accepted work is complete
  EXPECT_EQ(rig.run(enqcmd(*v.vdev, 0x1000, line)), port::CompletionStatus::kUnsupportedRequest);
  port::DmaRequest request;
  request.requester = RequesterId{0x6A00};
  request.address = record;
  request.pasid = host;
  std::array<std::byte, 4> bytes{};
  EXPECT_NE(rig.iommu.read(request, bytes), port::DmaStatus::kSuccess);
  EXPECT_EQ(rig.iommu.fault_log().record(0).reason,
            iommu::FaultReason::kPasidEntryNotPresent);  // 59h
}

TEST(IsolationTest, UnboundPasidLeavesTheInterruptEntry) {  // SIOV-H-24, SIOV-D-33
  Started rig;
  VdevRig v(rig, 2);
  v.bring_up();
  v.write(0x308, 4, 7u << 12 | 8);
  v.config(0x42, 2, 0x8000);
  const Pasid host = *rig.vdcm.host_pasid(v.vm, Pasid{7});
  EXPECT_EQ(rig.run(read_control(rig.device, 0x401C, 4)), 8u | host.value << 12);
  rig.run(rig.vdcm.unbind_pasid(v.vm, Pasid{7}));
  EXPECT_EQ(rig.run(read_control(rig.device, 0x401C, 4)), 8u);  // PASID 0: never given out
  // Bound again, the guest writes the same value again: the entry follows.
  const Pasid again = rig.vdcm.bind_pasid(v.vm, Pasid{7}, v.space.descriptor());
  v.write(0x308, 4, 7u << 12 | 8);
  rig.run(pause(100));
  rig.run(v.vdev->settle());
  EXPECT_EQ(rig.run(read_control(rig.device, 0x401C, 4)), 8u | again.value << 12);
}

TEST(IsolationTest, EntryThatIsGivenBackRaisesNothingForItsNextOwner) {  // SIOV-D-39, SIOV-H-26
  Started rig;
  VdevRig before(rig, 0);
  VdevRig next(rig, 1);
  before.bring_up();
  next.bring_up();
  before.write(0x308, 4, 7u << 12 | 8);
  before.config(0x42, 2, 0x8000);
  const std::uint16_t handle = *before.vdev->ims_index();
  const Iova record = before.space.allocate(32);
  abi::Descriptor d = abi::decode_descriptor(before.copy_line(7, record));
  d.flags |= 1u << 4;  // RCI
  d.interrupt_handle = handle;
  const port::Line line = abi::to_line(d);
  before.vdev->posted_write64(0x1000, line);
  rig.run(pause(60));  // the handle has been looked up; the work has not ended
  ASSERT_EQ(before.status(record), 0u);
  before.config(0x42, 2, 0);
  rig.run(pause(3000));
  ASSERT_EQ(before.status(record), 1u);
  next.write(0x610, 8, 0xFEE0'0000);
  next.write(0x618, 8, 0x55);  // not masked
  next.config(0x42, 2, 0x8000);
  ASSERT_EQ(next.vdev->ims_index(), handle);
  rig.run(pause(1000));
  EXPECT_EQ(next.interrupts.total(), 0u);
}

TEST(IsolationTest, UnbindFindsAQueueThatIsJustBeingEnabled) {  // SIOV-H-24
  Started rig;
  VdevRig v(rig, 0);
  const Pasid host = rig.vdcm.bind_pasid(v.vm, Pasid{7}, v.space.descriptor());
  v.enable_pci(kAllPci);
  v.set_wq_pasid(7);
  ASSERT_EQ(v.command(1, 0), 0u);
  v.write(0xA0, 4, 6u << 20);  // Enable WQ, not waited for
  rig.run(rig.vdcm.unbind_pasid(v.vm, Pasid{7}));
  rig.run(v.vdev->settle());
  EXPECT_FALSE(v.vdev->running_pasid().has_value());
  EXPECT_EQ(rig.run(read_control(rig.device, 0x808, 4)), 0x1000'0081u);  // WQCFG: PASID 0
  EXPECT_EQ(rig.host.pasids().references(host), 0u);
}

coro::Task<> submit(port::DevicePort& vdev, const port::Line& line,
                    port::CompletionStatus& status) {
  status = co_await vdev.deferrable_write64(0x1000, line);
}

TEST(IsolationTest, UnbindWaitsForAnEnqcmdOnTheLink) {  // SIOV-H-24
  Started rig;
  VdevRig v(rig, 2);
  v.bring_up();
  const Iova record = v.space.allocate(32);
  const port::Line line = v.copy_line(7, record);
  auto status = port::CompletionStatus::kTimeout;
  rig.recorder.deferrable_delay_ns = 5000;
  const auto task = rig.scheduler.start_soon(submit(*v.vdev, line, status), "ENQCMD");
  rig.run(pause(10));
  ASSERT_EQ(rig.recorder.portals.size(), 1u);
  rig.run(rig.vdcm.unbind_pasid(v.vm, Pasid{7}));
  EXPECT_EQ(status, port::CompletionStatus::kSuccess);
  EXPECT_EQ(v.space.page_tail(record)[0], std::byte{1});  // done before the PASID went
  EXPECT_EQ(rig.iommu.fault_log().record(0).valid, false);
}

TEST(IsolationTest, ResetWaitsForAnEnqcmdOnTheLink) {  // SIOV-H-10
  Started rig;
  VdevRig v(rig, 2);
  v.bring_up();
  const Iova record = v.space.allocate(32);
  const port::Line line = v.copy_line(7, record);
  auto status = port::CompletionStatus::kTimeout;
  rig.recorder.deferrable_delay_ns = 5000;
  const auto task = rig.scheduler.start_soon(submit(*v.vdev, line, status), "ENQCMD");
  rig.run(pause(10));
  rig.run(v.vdev->reset());
  EXPECT_EQ(status, port::CompletionStatus::kSuccess);
  EXPECT_EQ(v.space.page_tail(record)[0], std::byte{1});
}

TEST(IsolationTest, HaltOfTheFunctionIsToldToEveryVdev) {  // SIOV-H-37
  Started rig;
  VdevRig a(rig, 0);
  VdevRig b(rig, 2);
  a.bring_up();
  b.bring_up();
  a.write(0x88, 4, 2);  // GENCTRL: halt interrupt
  // PASID enable of the physical function off while it runs: it halts (dsa.md 1.4).
  rig.run(write_config(rig.device, rig.host.capabilities().pasid + 6U, 2, 0));
  rig.run(pause(5000));
  ASSERT_TRUE(rig.host.halted());
  EXPECT_EQ(a.read(0x90, 4) & 3, 3u);  // GENSTS: halted
  EXPECT_EQ(b.read(0x90, 4) & 3, 3u);
  EXPECT_NE(a.read(0x98, 4), 0u);  // INTCAUSE only where the guest asked for it
  EXPECT_EQ(b.read(0x98, 4), 0u);
  EXPECT_FALSE(a.vdev->portals_mapped());
  EXPECT_FALSE(b.vdev->portals_mapped());
}

TEST(IsolationTest, MsixpermWrittenWhileTheEntryIsAllocatedCounts) {  // SIOV-H-20
  Started rig;
  VdevRig v(rig, 0);
  v.bring_up();
  const auto enable =
      rig.scheduler.start_soon(write_config(*v.vdev, 0x42, 2, 0x8000), "MSI-X enable");
  for (int i = 0; i < 1000 && rig.recorder.writes_to(0x401C, 0x4020).empty(); ++i)
    rig.run(pause(1));
  ASSERT_FALSE(v.vdev->ims_index().has_value());
  v.write(0x308, 4, 7u << 12 | 8);
  rig.run(pause(1000));
  rig.run(v.vdev->settle());
  EXPECT_EQ(rig.run(read_control(rig.device, 0x401C, 4)),
            8u | rig.vdcm.host_pasid(v.vm, Pasid{7})->value << 12);
}

TEST(IsolationTest,
     DmaWithoutPasidIsRefused) {  // SIOV-D-22: nothing of this function may go untagged
  Started rig;
  port::DmaRequest request;
  request.requester = RequesterId{0x6A00};
  request.address = Iova{0x100000};
  std::array<std::byte, 4> bytes{};
  EXPECT_NE(rig.iommu.read(request, bytes), port::DmaStatus::kSuccess);
}

}  // namespace
}  // namespace siov::test
