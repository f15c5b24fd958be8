// SPDX-License-Identifier: Apache-2.0
// The IOMMU driver: what it writes to registers and queues, and that its sequences leave nothing
// stale. vtd.md 5.6, 7.3, 13
#include <gtest/gtest.h>

#include "common/error.hpp"
#include "driver_rig.hpp"
#include "vdcm/driver_error.hpp"
#include "vdcm/vtd_descriptors.hpp"

namespace siov::vdcm::test {
namespace {

using port::DmaStatus;

/// Descriptors of the ring from the first on, quadwords 0 and 1.
std::vector<std::pair<std::uint64_t, std::uint64_t>> ring_of(DriverRig& rig) {
  const std::uint64_t iqa = rig.unit.mmio_read(0x90, 8);
  const std::uint64_t tail = rig.unit.mmio_read(0x88, 8);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> out;
  for (std::uint64_t at = 0; at < tail; at += 32) {
    const Hpa entry{(iqa & ~std::uint64_t{0xFFF}) + at};
    out.emplace_back(rig.word(entry), rig.word(entry + 8));
  }
  return out;
}

TEST(VtdDescriptorTest, WorkedEncodings) {  // vtd.md 13
  using namespace vtd;
  EXPECT_EQ(pasid_selective(5, kFirst)[0], 0x0001'2345'0005'0017u);
  EXPECT_EQ(p_iotlb_pasid(5, kFirst)[0], 0x0001'2345'0005'0026u);
  EXPECT_EQ(p_iotlb_pasid(5, kFirst)[1], 0u);
  EXPECT_EQ(iotlb_domain(5)[0], 0x0000'0000'0005'00E2u);
  EXPECT_EQ(context_device(kFunction)[0], 0x0000'8190'0000'0031u);
  EXPECT_EQ(device_tlb_all({kFunction, 0x8190, 0})[0], 0x8190'8190'0000'0003u);
  EXPECT_EQ(device_tlb_all({kFunction, 0, 0})[0], 0x0000'8190'0000'0003u);
  EXPECT_EQ(device_tlb_all({kFunction, 0, 0})[1], 0x7FFF'FFFF'FFFF'F001u);
  EXPECT_EQ(p_device_tlb_all({kFunction, 0, 0}, kFirst)[0], 0x0001'2345'8190'0008u);
  EXPECT_EQ(p_device_tlb_all({kFunction, 0, 0}, kFirst)[1], 0x7FFF'FFFF'FFFF'F800u);
  EXPECT_EQ(p_device_tlb_all({kFunction, 0x8190, 0}, kFirst)[0], 0x8191'2345'8190'0008u);
  EXPECT_EQ(interrupt_index(0x1234)[0], 0x0000'1234'0000'0014u);
  EXPECT_EQ(wait_status(Hpa{0x2000}, 2, false)[0], 0x0000'0002'0000'0025u);
  EXPECT_EQ(wait_status(Hpa{0x2000}, 2, true)[0], 0x0000'0002'0000'00A5u);
  EXPECT_EQ(wait_status(Hpa{0x2000}, 2, false)[1], 0x2000u);
  EXPECT_EQ(page_group_response(kFunction, true, kFirst, 0x1F, 0)[0], 0x0001'2345'8190'0019u);
  EXPECT_EQ(page_group_response(kFunction, true, kFirst, 0x1F, 0)[1], 0xF8u);
  EXPECT_EQ(page_group_response(kFunction, true, kFirst, 0x1F, 15)[0], 0x0001'2345'8190'F019u);
  EXPECT_EQ(p_device_tlb_page({kFunction, 0, 31}, kFirst, {Iova{0x1'2340'0000}, 9})[1],
            0x0000'0001'234F'F800u);
  EXPECT_EQ(p_device_tlb_page({kFunction, 0, 31}, kFirst, {Iova{0x5000}, 0})[0],
            0x0001'2345'8190'01F8u);
  EXPECT_EQ(p_device_tlb_page({kFunction, 0, 0}, kFirst, {Iova{0x5000}, 0})[1], 0x5000u);
}

TEST(IommuDriverTest, StartsInTheOrderOfTheSpecification) {
  DriverRig rig;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> seen;  // without the event registers
  for (const Recorder::Access& access : rig.recorder.writes()) {
    const bool event = (access.offset >= 0x38 && access.offset < 0x48) || access.offset >= 0xE0;
    if (!event) seen.emplace_back(access.offset, access.value);
  }
  ASSERT_EQ(seen.size(), 13u);
  EXPECT_EQ(seen[0], (std::pair<std::uint32_t, std::uint64_t>{0x88, 0}));  // IQT
  EXPECT_EQ(seen[1].first, 0x90u);                                         // IQA: DW, QS 1
  EXPECT_EQ(seen[1].second & 0xFFF, 0x801u);
  EXPECT_EQ(seen[2], (std::pair<std::uint32_t, std::uint64_t>{0x18, 0x0400'0000}));  // QIE
  EXPECT_EQ(seen[3].first, 0xC0u);                                                   // PQH
  EXPECT_EQ(seen[4].first, 0xC8u);
  EXPECT_EQ(seen[5].first, 0xD0u);
  EXPECT_EQ(seen[6], (std::pair<std::uint32_t, std::uint64_t>{0xDC, 3}));
  EXPECT_EQ(seen[7].first, 0x20u);  // RTADDR: TTM scalable
  EXPECT_EQ(seen[7].second & 0xFFF, 0x400u);
  EXPECT_EQ(seen[8], (std::pair<std::uint32_t, std::uint64_t>{0x18, 0x4400'0000}));   // SRTP
  EXPECT_EQ(seen[9].first, 0xB8u);                                                    // IRTA
  EXPECT_EQ(seen[9].second & 0xFFF, 0x80Du);                                          // EIME, S 13
  EXPECT_EQ(seen[10], (std::pair<std::uint32_t, std::uint64_t>{0x18, 0x0500'0000}));  // SIRTP
  EXPECT_EQ(seen[11], (std::pair<std::uint32_t, std::uint64_t>{0x18, 0x8400'0000}));  // TE
  EXPECT_EQ(seen[12], (std::pair<std::uint32_t, std::uint64_t>{0x18, 0x8600'0000}));  // IRE
  EXPECT_EQ(rig.unit.mmio_read(0x1C, 4), 0xC700'0000u);
}

TEST(IommuDriverTest, InvalidatesAfterOneShotsOfUnitsThatDoNot) {
  iommu::IommuConfig config;
  config.invalidate_on_srtp = config.invalidate_on_sirtp = false;
  DriverRig rig({}, config);
  const auto ring = ring_of(rig);
  ASSERT_EQ(ring.size(), 6u);
  EXPECT_EQ(ring[0].first, 0x11u);  // context, PASID cache, IOTLB: global, in this order
  EXPECT_EQ(ring[1].first, 0x37u);
  EXPECT_EQ(ring[2].first, 0xD2u);
  EXPECT_EQ(ring[3].first & 0xFF, 0x25u);
  EXPECT_EQ(ring[4].first, 0x04u);  // interrupt entries
}

TEST(IommuDriverTest, RefusesWhatTheUnitLacks) {
  iommu::IommuConfig config;
  config.page_requests = false;
  EXPECT_NO_THROW(DriverRig({.device_tlb = true}, config));
  EXPECT_THROW(DriverRig({.device_tlb = true, .page_requests = true}, config), DriverError);
  EXPECT_THROW(DriverRig({.page_requests = true}), DriverError);
  config.device_tlb = config.page_drain = config.throttling = config.no_write_flag = false;
  EXPECT_THROW(DriverRig({.device_tlb = true}, config), DriverError);
}

TEST(IommuDriverTest, UnbindLeavesNothingBehind) {
  DriverRig rig;
  rig.bind();
  EXPECT_EQ(rig.write(kFirst, 1), DmaStatus::kSuccess);
  rig.driver.unbind(kFirst);
  EXPECT_EQ(rig.write(kFirst, 2), DmaStatus::kUnsupportedRequest);
  const std::vector<RemappingFault> faults = rig.driver.take_faults();
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].reason, 0x59);
  EXPECT_EQ(faults[0].pasid, kFirst);
  EXPECT_EQ(faults[0].requester, kFunction);
  EXPECT_EQ(faults[0].access, RemappedAccess::kWrite);
  EXPECT_EQ(faults[0].address, kPage);
  EXPECT_TRUE(rig.driver.take_faults().empty());
  const auto ring = ring_of(rig);
  ASSERT_EQ(ring.size(), 3u);
  EXPECT_EQ(ring[0].first, 0x0001'2345'0001'0017u);  // PASID cache, domain 1
  EXPECT_EQ(ring[1].first, 0x0001'2345'0001'0026u);  // PASID-based IOTLB
  EXPECT_EQ(ring[2].first & 0xFF, 0x25u);            // wait with status write
}

TEST(IommuDriverTest, SecondStageUsesTheDomain) {
  DriverRig rig;
  iommu::tables::SecondStageTable vm(rig.host, 4);
  vm.map(Gpa{kPage.value & 0xFFFF'FFFF'FFFF}, rig.frame, iommu::tables::PageSize::k4K);
  rig.driver.bind(kFirst, Space::second_stage(vm.root(), 4));
  rig.driver.bind(kSecond, Space::second_stage(vm.root(), 4));
  EXPECT_EQ(rig.write(kFirst, 1), DmaStatus::kSuccess);
  rig.driver.invalidate_page(kFirst, kPage, 2);
  rig.driver.unbind(kFirst);
  EXPECT_EQ(rig.write(kFirst, 1), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(rig.write(kSecond, 1), DmaStatus::kSuccess);
  const auto ring = ring_of(rig);
  ASSERT_EQ(ring.size(), 5u);
  EXPECT_EQ(ring[0].first, 0x0000'0000'0002'00F2u);  // page-selective, domain 2
  EXPECT_EQ(ring[0].second, kPage.value | 1);        // AM 1
  EXPECT_EQ(ring[2].first, 0x0001'2345'0002'0017u);
  EXPECT_EQ(ring[3].first, 0x0000'0000'0002'00E2u);  // domain-selective
}

TEST(IommuDriverTest, DomainIdIsUsedAgainWhenItsLastPasidIsGone) {
  DriverRig rig;
  iommu::tables::SecondStageTable one(rig.host, 4);
  iommu::tables::SecondStageTable two(rig.host, 4);
  rig.driver.bind(kFirst, Space::second_stage(one.root(), 4));
  rig.driver.unbind(kFirst);
  rig.driver.bind(kFirst, Space::second_stage(two.root(), 4));
  rig.driver.invalidate(kFirst);
  EXPECT_EQ(ring_of(rig)[4].first, 0x0000'0000'0002'00E2u);
}

TEST(IommuDriverTest, PagesBecomeBlocks) {
  DriverRig rig;
  rig.bind();
  rig.driver.invalidate_page(kFirst, Iova{0x1000}, 3);  // 1 at 1000h, 2 at 2000h
  rig.driver.invalidate_page(kFirst, Iova{0}, 512, true);
  rig.driver.invalidate_page(kFirst, Iova{0x1000}, 0x3FFFE);  // too many blocks: all of it
  const auto ring = ring_of(rig);
  ASSERT_EQ(ring.size(), 7u);
  EXPECT_EQ(ring[0].first, 0x0001'2345'0001'0036u);
  EXPECT_EQ(ring[0].second, 0x1000u);
  EXPECT_EQ(ring[1].second, 0x2001u);
  EXPECT_EQ(ring[3].second, 0x49u);  // IH, AM 9
  EXPECT_EQ(ring[5].first, 0x0001'2345'0001'0026u);
  EXPECT_THROW(rig.driver.invalidate_page(kFirst, Iova{0x1001}, 1), HarnessError);
  EXPECT_THROW(rig.driver.invalidate_page(kFirst, Iova{0x1000}, 0), HarnessError);
}

TEST(IommuDriverTest, CachingModeIsToldOfNewEntries) {
  iommu::IommuConfig config;
  config.caching_mode = true;
  DriverRig rig({}, config);
  EXPECT_EQ(rig.write(kFirst, 1), DmaStatus::kUnsupportedRequest);  // remembered as absent
  rig.bind();
  EXPECT_EQ(rig.write(kFirst, 1), DmaStatus::kSuccess);
}

TEST(IommuDriverTest, InterruptEntriesAreReusedAfterTheirInvalidation) {
  DriverRig rig;
  const InterruptMessage first = rig.driver.allocate_interrupt(0, 0x41);
  int arrived = 0;
  rig.platform.connect(first.irte_index, [&] { ++arrived; });
  port::DmaRequest request;
  request.requester = kFunction;
  request.address = Iova{first.address};
  const auto send = [&] {
    return rig.unit.write(request, std::as_bytes(std::span(&first.data, 1)));
  };
  EXPECT_EQ(send(), DmaStatus::kSuccess);
  EXPECT_EQ(arrived, 1);
  rig.driver.free_interrupt(first);
  EXPECT_EQ(send(), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(rig.driver.take_faults().at(0).reason, 0x22);
  EXPECT_EQ(rig.driver.allocate_interrupt(0, 0x42).irte_index, first.irte_index);
}

TEST(IommuDriverTest, InterruptEntryIsFreedAlthoughADeviceIsSilent) {
  DriverRig rig({.device_tlb = true});
  rig.bind();
  rig.device.silent = true;
  rig.scheduler.start_soon(rig.driver.async_invalidate_page(kFirst, kPage, 1), "invalidation");
  rig.scheduler.run_cycles(10);
  const InterruptMessage message = rig.driver.allocate_interrupt(0, 0x41);
  rig.driver.free_interrupt(message);  // its wait covers nothing but itself
  EXPECT_EQ(rig.driver.allocate_interrupt(0, 0x42).irte_index, message.irte_index);
  rig.scheduler.cancel_all();
}

TEST(IommuDriverTest, InterruptEntryStaysAwayWhileTheQueueStands) {
  DriverRig rig({.device_tlb = true});
  rig.bind();
  rig.device.silent = true;
  for (int i = 0; i < 33; ++i)  // one more than there are tags
    rig.scheduler.start_soon(rig.driver.async_invalidate_page(kFirst, kPage, 1), "invalidation");
  rig.scheduler.run_cycles(10);
  const InterruptMessage message = rig.driver.allocate_interrupt(0, 0x41);
  rig.driver.free_interrupt(message);
  EXPECT_NE(rig.driver.allocate_interrupt(0, 0x42).irte_index, message.irte_index);
  rig.unit.invalidate_completion({kFunction, 0x1, 1});
  EXPECT_EQ(rig.driver.allocate_interrupt(0, 0x43).irte_index, message.irte_index);
  rig.scheduler.cancel_all();
}

TEST(IommuDriverTest, PlainCallsAreRefusedWithADeviceTlb) {
  DriverRig rig({.device_tlb = true});
  rig.bind();
  EXPECT_THROW(rig.driver.unbind(kFirst), HarnessError);
  EXPECT_THROW(rig.driver.invalidate(kFirst), HarnessError);
  EXPECT_THROW(rig.driver.invalidate_page(kFirst, kPage, 1), HarnessError);
  EXPECT_THROW(rig.driver.bind(kFirst, Space::pass_through()), HarnessError);
  EXPECT_THROW(rig.driver.set_page_handler(
                   kSecond, [](const PageFault&) { return port::PageResponse::kSuccess; }),
               HarnessError);
}

TEST(IommuDriverTest, InvalidationReachesTheDeviceAndWaitsForIt) {
  DriverRig rig({.device_tlb = true, .invalidation_depth = 31});
  rig.bind();
  EXPECT_EQ(rig.device.use(kFirst, kPage), rig.frame.value);
  rig.move();
  rig.device.delay = 200;
  const std::uint64_t before = rig.scheduler.cycle();
  rig.run(rig.driver.async_invalidate_page(kFirst, kPage, 1));
  EXPECT_GE(rig.scheduler.cycle() - before, 199u);
  EXPECT_EQ(rig.device.use(kFirst, kPage), rig.moved.value);
  ASSERT_EQ(rig.device.invalidates.size(), 1u);
  EXPECT_EQ(rig.device.invalidates[0].pasid, kFirst);
  EXPECT_EQ(rig.device.invalidates[0].address, kPage.value);
  EXPECT_FALSE(rig.device.invalidates[0].size);
  const auto ring = ring_of(rig);
  ASSERT_EQ(ring.size(), 3u);
  EXPECT_EQ(ring[0].first, 0x0001'2345'0001'0036u);  // IOTLB before device TLB
  EXPECT_EQ(ring[1].first, 0x8191'2345'8190'01F8u);  // PFSID, MIP 31
}

TEST(IommuDriverTest, AsyncUnbindFollowsTheDrainSequence) {
  DriverRig rig({.device_tlb = true, .page_requests = true});
  rig.bind();
  EXPECT_EQ(rig.device.use(kFirst, kPage), rig.frame.value);
  rig.run(rig.driver.async_unbind(kFirst));
  EXPECT_EQ(rig.device.use(kFirst, kPage), std::nullopt);
  EXPECT_EQ(rig.driver.bound_pasids(), 0u);
  const auto ring = ring_of(rig);
  ASSERT_EQ(ring.size(), 5u);
  EXPECT_EQ(ring[0].first & 0xFF, 0x45u);            // wait with fence
  EXPECT_EQ(ring[1].first, 0x0001'2345'0001'0017u);  // PASID cache
  EXPECT_EQ(ring[2].first, 0x0001'2345'0001'0026u);  // IOTLB
  EXPECT_EQ(ring[3].first & 0xF, 0x8u);              // device TLB
  EXPECT_EQ(ring[4].first & 0xFF, 0xA5u);            // wait: status write and page drain
}

TEST(IommuDriverTest, SilentDeviceIsGivenUpAfterThreeTimeouts) {
  iommu::IommuConfig config;
  config.invalidation_timeout = 500;
  DriverRig rig({.device_tlb = true}, config);
  rig.bind();
  rig.device.silent = true;
  EXPECT_THROW(rig.run(rig.driver.async_invalidate(kFirst)), DriverError);
  EXPECT_EQ(rig.driver.ring().timeouts(), 3u);
  EXPECT_EQ(rig.device.invalidates.size(), 3u);
}

TEST(IommuDriverTest, InvalidationIsSubmittedAgainAfterATimeout) {
  iommu::IommuConfig config;
  config.invalidation_timeout = 500;
  DriverRig rig({.device_tlb = true}, config);
  rig.bind();
  rig.device.delay = 600;  // the first answer comes too late: bogus for the second request's tag
  rig.device.silent = true;
  const coro::JoinHandle task =
      rig.scheduler.start_soon(rig.driver.async_invalidate(kFirst), "invalidation");
  rig.scheduler.run_cycles(520);
  rig.device.silent = false;
  rig.device.delay = 10;
  rig.scheduler.run_cycles(1200);
  EXPECT_TRUE(rig.scheduler.waiting().empty());
  EXPECT_GE(rig.driver.ring().timeouts(), 1u);
}

TEST(IommuDriverTest, ManyInvalidationsAtOnceShareTheRing) {
  DriverRig rig({.device_tlb = true});
  rig.bind();
  for (int i = 0; i < 300; ++i)
    rig.scheduler.start_soon(rig.driver.async_invalidate_page(kFirst, kPage, 1), "storm");
  rig.scheduler.run_cycles(20'000);
  EXPECT_TRUE(rig.scheduler.waiting().empty());
  EXPECT_EQ(rig.device.invalidates.size(), 300u);
  EXPECT_EQ(rig.driver.ring().timeouts(), 0u);
}

TEST(IommuDriverTest, DeviceTlbOfAFunctionGoesOnAndOff) {
  DriverRig rig;
  rig.bind();
  EXPECT_EQ(rig.device.use(kFirst, kPage), std::nullopt);
  EXPECT_EQ(rig.driver.take_faults().at(0).reason, 0x44);
  rig.run(rig.driver.async_set_device_tlb(true, true));
  EXPECT_TRUE(rig.driver.device_tlb());
  EXPECT_EQ(rig.device.use(kFirst, kPage), rig.frame.value);
  rig.run(rig.driver.async_set_device_tlb(false, false));
  EXPECT_EQ(rig.device.use(kFirst, kPage), std::nullopt);
  EXPECT_EQ(rig.device.invalidates.size(), 1u);
  EXPECT_FALSE(rig.device.invalidates[0].pasid);
  rig.driver.unbind(kFirst);
}

TEST(IommuDriverTest, FaultEventBringsTheRecords) {
  DriverRig rig;
  std::vector<RemappingFault> seen;
  rig.driver.set_fault_listener([&](const RemappingFault& fault) { seen.push_back(fault); });
  EXPECT_EQ(rig.write(kFirst, 1), DmaStatus::kUnsupportedRequest);  // before: masked
  rig.driver.connect_events(rig.platform);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(rig.write(kSecond, 1), DmaStatus::kUnsupportedRequest);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[1].pasid, kSecond);
  EXPECT_EQ(rig.unit.mmio_read(0x34, 4) & 0xFF, 0u);  // all clear
  EXPECT_EQ(rig.platform.stray_interrupts(), 0u);
  EXPECT_THROW(rig.driver.connect_events(rig.platform), HarnessError);
}

TEST(IommuDriverTest, FaultOverflowIsCountedAndCleared) {
  DriverRig rig;
  for (int i = 0; i < 12; ++i) EXPECT_EQ(rig.write(kFirst, 1), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(rig.driver.take_faults().size(), 8u);
  EXPECT_EQ(rig.driver.fault_overflows(), 1u);
  EXPECT_EQ(rig.write(kFirst, 1), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(rig.driver.take_faults().size(), 1u);
}

TEST(IommuDriverTest, BogusCompletionIsCounted) {
  DriverRig rig({.device_tlb = true});
  rig.bind();
  rig.unit.invalidate_completion({kFunction, 0x10, 1});
  rig.run(rig.driver.async_invalidate(kFirst));
  EXPECT_EQ(rig.driver.ring().bogus_completions(), 1u);
  EXPECT_EQ(rig.unit.mmio_read(0x34, 4), 0u);
}

TEST(IommuDriverTest, ErrorsOfDevicesDoNotKeepTheFaultEventAway) {
  iommu::IommuConfig config;
  config.invalidation_timeout = 50;
  DriverRig rig({.device_tlb = true, .poll_ns = 100'000}, config);
  rig.bind();
  rig.driver.connect_events(rig.platform);
  int faults = 0;
  rig.driver.set_fault_listener([&faults](const RemappingFault&) { ++faults; });
  rig.unit.invalidate_completion({kFunction, 0x10, 1});  // ICE
  EXPECT_EQ(rig.unit.mmio_read(0x34, 4), 0u);
  rig.device.silent = true;
  rig.scheduler.start_soon(rig.driver.async_invalidate(kFirst), "invalidation");
  rig.scheduler.run_cycles(100);  // ITE
  EXPECT_EQ(rig.driver.ring().timeouts(), 1u);
  EXPECT_EQ(rig.unit.mmio_read(0x34, 4), 0u);
  EXPECT_EQ(rig.write(kSecond, 1), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(faults, 1);
  rig.scheduler.cancel_all();
}

TEST(InvalidationRingTest, RefusedDescriptorIsReplacedAndReported) {
  DriverRig rig;
  InvalidationRing& ring = const_cast<InvalidationRing&>(rig.driver.ring());
  EXPECT_THROW(ring.run_now({{0x0F, 0, 0, 0}}), DriverError);
  EXPECT_NO_THROW(ring.run_now({vtd::iotlb_global()}));
  EXPECT_EQ(rig.unit.mmio_read(0x34, 4), 0u);
}

}  // namespace
}  // namespace siov::vdcm::test
