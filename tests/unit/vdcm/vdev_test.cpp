// SPDX-License-Identifier: Apache-2.0
// Commands, handles and life cycle of a VDEV: siov.md 3.4, 3.5 and the SIOV-H rules.
#include <gtest/gtest.h>

#include "common/error.hpp"
#include "vdev_rig.hpp"

namespace siov::test {
namespace {

struct Started : Rig {
  Started() { start(); }
};

std::uint64_t physical(Rig& rig, std::uint64_t offset, std::uint32_t size) {
  return rig.run(read_control(rig.device, offset, size));
}

TEST(VdevTest, EnableDeviceFollowsAllSixteenPciCombinations) {  // SIOV-H-15
  for (unsigned bits = 0; bits < 16; ++bits) {
    Started rig;
    VdevRig v(rig, 0);
    v.enable_pci(bits);
    std::uint32_t expected = 0;
    if ((bits & kBme) == 0) {
      expected = 0x12;
    } else if (((bits & kPasid) != 0) != ((bits & kPri) != 0)) {
      expected = 0x1B;
    } else if ((bits & kPasid) != 0 && (bits & kAts) == 0) {
      expected = 0x1A;
    }
    EXPECT_EQ(v.command(1, 0), expected) << bits;
    EXPECT_EQ(v.read(0x90, 4), expected == 0 ? 1u : 0u) << bits;
    if (expected == 0) {
      EXPECT_EQ(v.command(1, 0), 0x10u) << "a second enable fails";
    }
  }
}

TEST(VdevTest, CodesOutsideCmdcapAreUnsupported) {  // SIOV-H-14
  Started rig;
  VdevRig v(rig, 0);
  v.enable_pci(kAllPci);
  for (std::uint32_t code = 0; code < 32; ++code) {
    const std::uint32_t status = v.command(code, 0);
    const bool known = (code >= 1 && code <= 14) || code == 31;
    EXPECT_EQ((status & 0xFF) == 0x01, !known) << code << " gave " << status;
  }
}

TEST(VdevTest, EnableWqChecksInOrderAndTouchesNoHardwareOnFailure) {  // SIOV-H-16
  Started rig;
  VdevRig v(rig, 0);
  v.enable_pci(kAllPci);
  rig.recorder.forget();
  EXPECT_EQ(v.command(6, 1), 0x02u);      // index before device state
  EXPECT_EQ(v.command(6, 0x100), 0x04u);  // reserved operand bit
  EXPECT_EQ(v.command(6, 0), 0x20u);      // device not enabled
  EXPECT_EQ(v.command(1, 0), 0u);
  v.write(0x508, 4, 0x1000'0900);  // shared mode, unknown PASID 9: mode comes first
  EXPECT_EQ(v.command(6, 0), 0x24u);
  v.set_wq_pasid(9);
  EXPECT_EQ(v.command(6, 0), 0x26u);  // SIOV-H-21
  v.write(0x508, 4, 0x3000'0001);     // privileged, default PASID, privileged mode off
  EXPECT_EQ(v.command(6, 0), 0x2Au);
  EXPECT_TRUE(rig.recorder.writes.empty());
  EXPECT_TRUE(rig.recorder.portals.empty());
  v.set_wq_pasid(0);
  EXPECT_EQ(v.command(6, 0), 0u);
  EXPECT_EQ(v.command(6, 0), 0x21u);
}

TEST(VdevTest, DedicatedQueueRunsWithTheHostPasid) {  // SIOV-H-20
  Started rig;
  VdevRig v(rig, 1);
  v.bring_up();
  const Pasid host = *rig.vdcm.host_pasid(v.vm, Pasid{7});
  EXPECT_EQ(physical(rig, 0x848, 4), 0x1000'0081u | host.value << 8);  // not privileged
  EXPECT_EQ(v.read(0x508, 4), 0x1000'0781u);  // the guest sees its own number
  EXPECT_EQ(v.vdev->running_pasid(), host);
  EXPECT_EQ(rig.host.pasids().references(host), 2u);
  EXPECT_EQ(v.command(7, 1), 0u);
  EXPECT_EQ(physical(rig, 0x848, 4), 0x1000'0081u);  // let go
  EXPECT_EQ(rig.host.pasids().references(host), 1u);
}

TEST(VdevTest, GuestWithoutPasidRunsPrivilegedInTheDefaultPasid) {  // SIOV-H-19
  Started rig;
  VdevRig v(rig, 0);
  v.enable_pci(kBme);
  v.write(0x508, 4, 1);
  ASSERT_EQ(v.command(1, 0), 0u);
  ASSERT_EQ(v.command(6, 0), 0u);
  EXPECT_EQ(physical(rig, 0x808, 4), 0x3000'0081u | v.vdev->default_pasid().value << 8);
}

TEST(VdevTest, SharedQueueNeedsThePasidAndTouchesNoHardware) {  // siov.md 3.4
  Started rig;
  VdevRig v(rig, 2);
  v.enable_pci(kAllPci);
  ASSERT_EQ(v.command(1, 0), 0u);
  rig.recorder.forget();
  EXPECT_EQ(v.command(6, 0), 0x26u);
  v.set_wq_pasid(0);
  EXPECT_EQ(v.command(6, 0), 0u);
  EXPECT_TRUE(rig.recorder.writes.empty());
  EXPECT_EQ(v.read(0x518, 4), 0x6000'0000u);
}

TEST(VdevTest, SharedQueueIsNeverAbortedDisabledOrResetForOneVdev) {  // SIOV-H-17
  Started rig;
  VdevRig v(rig, 2);
  v.bring_up();
  rig.recorder.forget();
  EXPECT_EQ(v.command(3, 0), 0u);
  EXPECT_EQ(v.command(4, 0), 0u);
  EXPECT_EQ(v.command(8, 1), 0u);
  EXPECT_EQ(v.command(9, 1), 0u);
  EXPECT_EQ(v.command(12, 7), 0u);
  EXPECT_EQ(v.command(10, 1), 0u);
  v.set_wq_pasid(7);
  EXPECT_EQ(v.command(6, 0), 0u);
  EXPECT_EQ(v.command(7, 1), 0u);
  EXPECT_EQ(v.command(6, 0), 0u);
  EXPECT_EQ(v.command(2, 0), 0u);
  EXPECT_EQ(v.command(1, 0), 0u);
  EXPECT_EQ(v.command(6, 0), 0u);
  EXPECT_EQ(v.command(5, 0), 0u);
  const std::uint32_t drain = 11u << 20 | rig.vdcm.host_pasid(v.vm, Pasid{7})->value;
  const std::vector<std::uint32_t> seen = rig.recorder.commands();
  EXPECT_GE(seen.size(), 9u);
  for (const std::uint32_t command : seen) EXPECT_EQ(command, drain) << std::hex << command;
  EXPECT_EQ(physical(rig, 0x898, 4) >> 30, 1u);  // the queue runs on for the others
}

TEST(VdevTest, DedicatedCommandsReachThePhysicalQueueOnly) {  // siov.md 3.4
  Started rig;
  VdevRig v(rig, 1);
  v.bring_up();
  rig.recorder.forget();
  EXPECT_EQ(v.command(3, 0), 0u);
  EXPECT_EQ(v.command(8, 1), 0u);
  EXPECT_EQ(v.command(4, 0), 0u);
  EXPECT_EQ(v.command(9, 1), 0u);
  EXPECT_EQ(v.command(11, 7), 0u);
  EXPECT_EQ(v.command(12, 7), 0u);
  EXPECT_EQ(v.command(11, 8), 0u);  // a PASID this VM does not own has no work
  EXPECT_EQ(v.command(10, 1), 0u);  // Reset WQ: abort, then disable
  const std::uint32_t wq1 = 1u << 1;
  EXPECT_EQ(
      rig.recorder.commands(),
      (std::vector<std::uint32_t>{8u << 20 | wq1, 8u << 20 | wq1, 9u << 20 | wq1, 9u << 20 | wq1,
                                  8u << 20 | wq1, 9u << 20 | wq1, 9u << 20 | wq1, 7u << 20 | wq1}));
  EXPECT_EQ(v.read(0x518, 4), 0x2000'0000u);
  EXPECT_EQ(v.read(0x508, 4), 0x81u);  // configuration back to reset
}

TEST(VdevTest, QueueCommandsCheckMaskAndState) {  // SIOV-H-34; dsa.md 3.3
  Started rig;
  VdevRig v(rig, 0);
  v.enable_pci(kAllPci);
  ASSERT_EQ(v.command(1, 0), 0u);
  for (const std::uint32_t code : {7u, 8u, 9u}) EXPECT_EQ(v.command(code, 1), 0x32u) << code;
  EXPECT_EQ(v.command(10, 1), 0u);  // Reset WQ has no error
  for (const std::uint32_t code : {7u, 8u, 9u, 10u}) {
    EXPECT_EQ(v.command(code, 2), 0x02u) << code;
    EXPECT_EQ(v.command(code, 0x10001), 0x02u) << code;
  }
  EXPECT_EQ(v.command(2, 0), 0u);
  EXPECT_EQ(v.command(2, 0), 0x31u);
}

TEST(VdevTest, InterruptHandleIsTheImsIndex) {  // SIOV-H-25
  Started rig;
  static_cast<void>(
      rig.run(rig.host.allocate_ims(Pasid{0x77}, [] {})));  // so that index and vector differ
  VdevRig v(rig, 0);
  v.enable_pci(kAllPci);
  EXPECT_EQ(v.command(13, 1), 0x42u);  // MSI-X is off
  v.config(0x42, 2, 0x8000);
  ASSERT_TRUE(v.vdev->ims_index().has_value());
  EXPECT_EQ(*v.vdev->ims_index(), 2u);
  EXPECT_EQ(v.command(13, 1), 2u << 8);
  EXPECT_EQ(v.command(13, 0), 0x41u);
  EXPECT_EQ(v.command(13, 2), 0x41u);
  EXPECT_EQ(v.command(13, 0x10001), 0x42u);  // IMS flavour
  EXPECT_EQ(v.command(13, 0x20001), 0x04u);
  EXPECT_EQ(v.command(14, 2), 0u);
  EXPECT_EQ(v.command(14, 1), 0x43u);  // a handle of somebody else
  v.config(0x42, 2, 0);
  EXPECT_FALSE(v.vdev->ims_index().has_value());
  EXPECT_EQ(physical(rig, 0x402C, 4), 1u);  // masked, PASID off
}

TEST(VdevTest, CommandInterruptComesAfterStatusAndCause) {  // SIOV-H-18
  Started rig;
  VdevRig v(rig, 0);
  v.enable_pci(kAllPci);
  v.write(0x600, 8, 0xFEE0'0000);
  v.write(0x608, 8, 0x55);
  v.config(0x42, 2, 0x8000);
  std::vector<std::uint32_t> seen;
  v.interrupts.connect(0x55, [&] {
    seen.push_back(v.vdev->registers().cmdstatus());
    seen.push_back(v.vdev->registers().intcause());
  });
  v.write(0xA0, 4, 0x8000'0000 | 6u << 20);
  EXPECT_EQ(v.vdev->registers().cmdstatus(), 0x8000'0000u);  // active at once
  rig.run(pause(100));
  EXPECT_EQ(seen, (std::vector<std::uint32_t>{0x20, 0x2}));
  v.write(0xA0, 4, 1u << 20);
  rig.run(pause(100));
  EXPECT_EQ(v.interrupts.total(), 1u);  // nobody asked
}

TEST(VdevTest, CommandWhileActiveIsDroppedAndRecorded) {  // SIOV-H-13
  Started rig;
  VdevRig v(rig, 0);
  v.enable_pci(kAllPci);
  v.write(0xA0, 4, 1u << 20);
  v.write(0xA0, 4, 2u << 20);
  rig.run(pause(100));
  EXPECT_EQ(v.read(0x90, 4), 1u);
  EXPECT_EQ(v.read(0xC0, 4), 0x5201u);
  v.write(0xA0, 2, 2u << 4);  // only 32-bit writes start a command
  v.write(0xA0, 8, 2u << 20);
  rig.run(pause(100));
  EXPECT_EQ(v.read(0x90, 4), 1u);
}

TEST(VdevTest, ClearingBusMasterHaltsUntilFlr) {  // SIOV-H-05, SIOV-H-29
  Started rig;
  VdevRig v(rig, 0);
  v.bring_up();
  v.config(0x04, 2, 2);
  EXPECT_EQ(v.read(0x90, 4), 0x7u);  // Halt, reset type FLR
  EXPECT_EQ(v.read(0xC0, 4), 0x5101u);
  EXPECT_EQ(physical(rig, 0x818, 4) >> 30, 0u);  // DMA stopped
  EXPECT_FALSE(v.vdev->portals_mapped());
  EXPECT_EQ(v.command(5, 0), 0x05u);
  v.config(0x58, 2, 0xA910);
  v.config(0x04, 2, 6);
  EXPECT_EQ(v.read(0x90, 4), 0u);
  EXPECT_EQ(v.read(0xC0, 8), 0u);
}

TEST(VdevTest, DedicatedQueueServesOneVdevOnly) {  // SIOV-H-33
  Started rig;
  VdevRig v(rig, 0);
  EXPECT_THROW(rig.create(v.vm, 0, v.space.descriptor()), HarnessError);
}

TEST(VdevTest, DestroyFreesEverythingAndTheQueueServesTheNext) {  // SIOV-H-31
  Started rig;
  {
    VdevRig v(rig, 0);
    v.bring_up();
    v.config(0x42, 2, 0x8000);
    rig.run(rig.vdcm.destroy_vdev(*v.vdev));
    rig.run(rig.vdcm.unbind_pasid(v.vm, Pasid{7}));
  }
  EXPECT_EQ(rig.vdcm.live_pasids(), 0u);
  EXPECT_EQ(rig.iommu_driver.bound_pasids(), 0u);
  EXPECT_EQ(physical(rig, 0x818, 4) >> 30, 0u);
  VdevRig next(rig, 0);
  next.bring_up();
  EXPECT_EQ(physical(rig, 0x818, 4) >> 30, 1u);
}

}  // namespace
}  // namespace siov::test
