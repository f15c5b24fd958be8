// SPDX-License-Identifier: Apache-2.0
// Page requests served by host software, and what each deliberate mistake of the IOMMU driver leads
// to. vtd.md 7
#include <gtest/gtest.h>

#include "driver_rig.hpp"

namespace siov::vdcm::test {
namespace {

using port::DmaStatus;
using port::PageResponse;

struct PageServiceTest : testing::Test {
  explicit PageServiceTest(const iommu::IommuConfig& config = {})
      : rig({.device_tlb = true, .page_requests = true}, config) {
    rig.driver.connect_events(rig.platform);
    rig.bind();
    rig.table.unmap(kPage);
  }
  void serve(Pasid pasid = kFirst) {
    rig.driver.set_page_handler(pasid, [this](const PageFault& fault) {
      faults.push_back(fault);
      if (!rig.table.entry_address(fault.address, 1) ||
          (rig.word(*rig.table.entry_address(fault.address, 1)) & 1) == 0)
        rig.table.map(fault.address, rig.frame, iommu::tables::PageSize::k4K);
      return answer;
    });
  }
  DriverRig rig;
  PageResponse answer = PageResponse::kSuccess;
  std::vector<PageFault> faults;
};

TEST_F(PageServiceTest, AbsentPageIsBroughtInAndAnswered) {
  serve();
  EXPECT_EQ(rig.device.use(kFirst, kPage), std::nullopt);
  rig.device.ask_page(kFirst, kPage, 7);
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].pasid, kFirst);
  EXPECT_EQ(faults[0].address, kPage);
  EXPECT_TRUE(faults[0].read);
  EXPECT_TRUE(faults[0].write);
  EXPECT_TRUE(faults[0].last);
  ASSERT_EQ(rig.device.responses.size(), 1u);
  EXPECT_EQ(rig.device.responses[0].code, 0);
  EXPECT_EQ(rig.device.responses[0].group, 7);
  EXPECT_EQ(rig.device.responses[0].pasid, kFirst);
  EXPECT_EQ(rig.device.use(kFirst, kPage), rig.frame.value);
  EXPECT_EQ(rig.driver.pages().requests(), 1u);
  EXPECT_EQ(rig.driver.pages().responses(), 1u);
}

TEST_F(PageServiceTest, GroupIsAnsweredOnceWithItsWorstAnswer) {
  serve();
  rig.device.ask_page(kFirst, kPage, 3, false);
  answer = PageResponse::kFailure;
  rig.device.ask_page(kFirst, kPage + 4096, 3, false);
  answer = PageResponse::kInvalid;
  rig.device.ask_page(kFirst, kPage + 8192, 4, true);  // another group
  answer = PageResponse::kSuccess;
  rig.device.ask_page(kFirst, kPage + 12288, 3, true);
  ASSERT_EQ(rig.device.responses.size(), 2u);
  EXPECT_EQ(rig.device.responses[0].group, 4);
  EXPECT_EQ(rig.device.responses[0].code, 1);
  EXPECT_EQ(rig.device.responses[1].group, 3);
  EXPECT_EQ(rig.device.responses[1].code, 15);
  rig.device.ask_page(kFirst, kPage, 3, true);  // the group's index is free again
  EXPECT_EQ(rig.device.responses.back().code, 0);
}

TEST_F(PageServiceTest, WithoutAHandlerTheAnswerIsInvalid) {
  rig.device.ask_page(kFirst, kPage, 1);
  ASSERT_EQ(rig.device.responses.size(), 1u);
  EXPECT_EQ(rig.device.responses[0].code, 1);
  serve();
  rig.driver.set_page_handler(kFirst, {});
  rig.device.ask_page(kFirst, kPage, 1);
  EXPECT_EQ(rig.device.responses[1].code, 1);
}

TEST_F(PageServiceTest, ServiceCanRunLater) {
  serve();
  int events = 0;
  rig.driver.set_page_event([&events] { ++events; });
  rig.device.ask_page(kFirst, kPage, 1);
  rig.device.ask_page(kFirst, kPage + 4096, 2);
  EXPECT_EQ(events, 1);
  EXPECT_TRUE(rig.device.responses.empty());
  EXPECT_TRUE(rig.driver.pages().pending());
  rig.driver.pages().run();
  EXPECT_EQ(rig.device.responses.size(), 2u);
  EXPECT_FALSE(rig.driver.pages().pending());
  rig.device.ask_page(kFirst, kPage, 1);
  EXPECT_EQ(events, 2);
}

TEST_F(PageServiceTest, OverflowIsRecovered) {
  serve();
  rig.driver.set_page_event([] {});
  for (int i = 0; i < 258; ++i)
    rig.device.ask_page(kFirst, kPage, static_cast<std::uint16_t>(i % 200));
  EXPECT_EQ(rig.unit.mmio_read(0xDC, 4), 3u);  // PPR, PRO
  EXPECT_EQ(rig.device.responses.size(), 3u);  // by the unit: 255 fit
  rig.driver.pages().run();
  EXPECT_EQ(rig.device.responses.size(), 258u);
  EXPECT_EQ(rig.driver.pages().overflows(), 1u);
  EXPECT_EQ(rig.unit.mmio_read(0xDC, 4), 0u);
  rig.device.ask_page(kFirst, kPage, 1);
  rig.driver.pages().run();
  EXPECT_EQ(rig.device.responses.size(), 259u);
}

TEST_F(PageServiceTest, RequestsThatRacedWithUnbindAreInvalid) {
  serve();
  rig.driver.set_page_event([] {});
  rig.device.ask_page(kFirst, kPage, 5);
  rig.device.ask_page(kFirst, kPage, 6, false);  // a group that will never end
  rig.run(rig.driver.async_unbind(kFirst));
  EXPECT_TRUE(faults.empty());
  ASSERT_EQ(rig.device.responses.size(), 1u);
  EXPECT_EQ(rig.device.responses[0].code, 1);
  EXPECT_FALSE(rig.driver.pages().pending());
}

struct StopMarkerServiceTest : PageServiceTest {
  static iommu::IommuConfig config() {
    iommu::IommuConfig c;
    c.stop_marker = true;
    return c;
  }
  StopMarkerServiceTest() : PageServiceTest(config()) {}
};
TEST_F(StopMarkerServiceTest, StopMarkerIsReportedAndNotAnswered) {
  std::vector<PageFault> stops;
  rig.driver.pages().set_stop_listener([&](const PageFault& fault) { stops.push_back(fault); });
  port::PageRequest marker;
  marker.requester = kFunction;
  marker.pasid = kFirst;
  marker.last = true;
  rig.unit.page_request(marker);
  ASSERT_EQ(stops.size(), 1u);
  EXPECT_EQ(stops[0].pasid, kFirst);
  EXPECT_TRUE(rig.device.responses.empty());
  EXPECT_EQ(rig.driver.pages().stop_markers(), 1u);
}

// Deliberate mistakes: each is seen by somebody.

TEST(MistakeTest, SkippedIotlbInvalidationIsAStaleUse) {
  for (const bool mistake : {false, true}) {
    DriverRig rig;
    rig.bind();
    EXPECT_EQ(rig.write(kFirst, 1), DmaStatus::kSuccess);
    rig.move();
    rig.driver.mistakes().skip_iotlb = mistake;
    rig.driver.invalidate_page(kFirst, kPage, 1);
    EXPECT_EQ(rig.write(kFirst, 0x77), DmaStatus::kSuccess);
    EXPECT_EQ(rig.word(rig.frame) == 0x77, mistake);
    EXPECT_EQ(rig.word(rig.moved) == 0x77, !mistake);
  }
}

TEST(MistakeTest, SkippedPasidCacheInvalidationKeepsAPasidAlive) {
  for (const bool mistake : {false, true}) {
    DriverRig rig;
    rig.bind();
    EXPECT_EQ(rig.write(kFirst, 1), DmaStatus::kSuccess);
    rig.driver.mistakes().skip_pasid_cache = mistake;
    rig.driver.unbind(kFirst);
    EXPECT_EQ(rig.write(kFirst, 2), mistake ? DmaStatus::kSuccess : DmaStatus::kUnsupportedRequest);
  }
}

TEST(MistakeTest, SkippedDeviceTlbInvalidationIsAStaleUseByTheDevice) {
  for (const bool mistake : {false, true}) {
    DriverRig rig({.device_tlb = true});
    rig.bind();
    EXPECT_EQ(rig.device.use(kFirst, kPage), rig.frame.value);
    rig.move();
    rig.driver.mistakes().skip_device_tlb = mistake;
    rig.run(rig.driver.async_invalidate_page(kFirst, kPage, 1));
    EXPECT_EQ(rig.device.use(kFirst, kPage), mistake ? rig.frame.value : rig.moved.value);
  }
}

TEST(MistakeTest, DeviceTlbBeforeIotlbLetsTheDeviceRefillWithTheOldTranslation) {
  for (const bool mistake : {false, true}) {
    DriverRig rig({.device_tlb = true});
    rig.bind();
    rig.device.eager = true;
    EXPECT_EQ(rig.device.use(kFirst, kPage), rig.frame.value);
    rig.move();
    rig.driver.mistakes().device_tlb_first = mistake;
    rig.run(rig.driver.async_invalidate_page(kFirst, kPage, 1));
    EXPECT_EQ(rig.device.use(kFirst, kPage), mistake ? rig.frame.value : rig.moved.value);
  }
}

TEST_F(PageServiceTest, RespondingTwiceIsSeenByTheDevice) {
  serve();
  rig.driver.mistakes().respond_twice = true;
  rig.device.ask_page(kFirst, kPage, 9);
  ASSERT_EQ(rig.device.responses.size(), 2u);  // the second is for no group: UPRGI
  EXPECT_EQ(rig.device.responses[1].group, 9);
}

TEST_F(PageServiceTest, ForgottenResponseLeavesTheGroupOpen) {
  serve();
  rig.driver.mistakes().forget_response = true;
  rig.device.ask_page(kFirst, kPage, 9);
  EXPECT_EQ(faults.size(), 1u);
  EXPECT_TRUE(rig.device.responses.empty());
}

TEST_F(PageServiceTest, FreeingAPasidBeforeTheDrainGivesItsRequestsToTheNextOwner) {
  for (const bool mistake : {false, true}) {
    rig.driver.mistakes().free_before_drain = mistake;
    rig.driver.set_page_event([] {});
    rig.device.delay = 50;
    EXPECT_EQ(rig.driver.bound_pasids(), 1u);
    faults.clear();
    rig.device.ask_page(kFirst, kPage, 5);
    const std::uint64_t before = rig.scheduler.cycle();
    rig.run(rig.driver.async_unbind(kFirst));
    EXPECT_EQ(rig.scheduler.cycle() - before < 40, mistake) << "waits for the device";
    rig.bind();  // the next owner
    serve();
    rig.driver.pages().run();
    EXPECT_EQ(faults.size(), mistake ? 1u : 0u);
    rig.scheduler.run_cycles(100);
  }
}

}  // namespace
}  // namespace siov::vdcm::test
