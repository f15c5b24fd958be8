// SPDX-License-Identifier: Apache-2.0
// Device-TLB invalidation: messages, tags, completion counts, fences, bogus completions, time-outs.
// vtd.md 5.4, 5.5
#include <gtest/gtest.h>

#include <string>

#include "bench.hpp"
#include "fake_device.hpp"

namespace siov::iommu::test {
namespace {

constexpr std::uint32_t kIce = 1u << 5;
constexpr std::uint32_t kIte = 1u << 6;

class DeviceTlbTest : public testing::Test {
 protected:
  explicit DeviceTlbTest(const IommuConfig& config = {})
      : bench(Kind::kFirstStage, config), device(bench.unit) {}
  Software& software() { return bench.software; }
  /// Type 3 for a function; PFSID the same.
  void invalidate(std::uint64_t rid, std::uint64_t mip = 0) {
    software().submit({0x3 | rid << 32 | mip << 16 | (rid & 0xF) << 12 | rid >> 4 << 52, 0x5000});
  }
  /// @return whether it was done at once
  bool wait() { return software().wait(); }
  [[nodiscard]] std::uint64_t status() { return bench.word(software().status); }
  std::uint32_t faults() { return software().read32(0x34); }
  Bench bench;
  FakeDevice device;
};

TEST_F(DeviceTlbTest, MessagesCarryWhatTheDescriptorsSay) {
  software().submit({0x8190'8190'0000'0003, 0x7FFF'FFFF'FFFF'F001, 0, 0});
  software().submit({0x8191'2345'8190'0008, 0x0000'0001'2340'F801, 0, 0});
  ASSERT_EQ(device.invalidates.size(), 2u);
  EXPECT_EQ(device.invalidates[0].device, RequesterId{0x8190});
  EXPECT_FALSE(device.invalidates[0].pasid);
  EXPECT_EQ(device.invalidates[0].address, 0x7FFF'FFFF'FFFF'F000u);
  EXPECT_TRUE(device.invalidates[0].size);
  EXPECT_EQ(device.invalidates[0].itag, 0);
  EXPECT_EQ(device.invalidates[1].pasid, Pasid{0x12345});
  EXPECT_EQ(device.invalidates[1].address, 0x0000'0001'2340'F000u);
  EXPECT_TRUE(device.invalidates[1].size);
  EXPECT_TRUE(device.invalidates[1].global);
  EXPECT_EQ(device.invalidates[1].itag, 1);
  device.complete(device.invalidates[0]);
  invalidate(0x8190);
  EXPECT_EQ(device.invalidates[2].itag, 0);  // free again
}

TEST_F(DeviceTlbTest, WaitIsDoneWhenTheDeviceHasAnswered) {
  invalidate(0x8190);
  EXPECT_EQ(software().read64(0x80), software().tail);
  EXPECT_FALSE(wait());
  device.complete(device.invalidates[0]);
  EXPECT_EQ(status(), 1u);
}

TEST_F(DeviceTlbTest, WaitCoversWhatCameSinceTheWaitBefore) {
  invalidate(0x8190);
  EXPECT_FALSE(wait());
  EXPECT_TRUE(wait()) << "covers nothing";
  invalidate(0x8190);
  EXPECT_FALSE(wait());
  device.complete(device.invalidates[1]);
  EXPECT_EQ(status(), 3u);
  device.complete(device.invalidates[0]);
  EXPECT_EQ(status(), 1u);
}

TEST_F(DeviceTlbTest, FenceHoldsBackWhatFollows) {
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess);
  bench.process->unmap(bench.iova);
  invalidate(0x8190);
  software().submit({0x45, 0, 0, 0});  // FN
  software().iotlb_global();
  EXPECT_EQ(bench.read(), DmaStatus::kSuccess) << "the IOTLB invalidation has not started";
  EXPECT_EQ(software().read64(0x80), software().tail - 32);
  device.complete(device.invalidates[0]);
  EXPECT_EQ(software().read64(0x80), software().tail);
  EXPECT_EQ(bench.read(), DmaStatus::kUnsupportedRequest);
}

TEST_F(DeviceTlbTest, WithoutFenceLaterDescriptorsStart) {
  invalidate(0x8190);
  software().submit({0x05, 0, 0, 0});
  software().iotlb_global();
  EXPECT_EQ(software().read64(0x80), software().tail);
}

TEST_F(DeviceTlbTest, CompletionsAreCountedUpToCc) {
  invalidate(0x8190);
  EXPECT_FALSE(wait());
  for (int i = 0; i < 2; ++i) {
    device.complete(device.invalidates[0], 3);
    EXPECT_EQ(status(), 0u);
  }
  device.complete(device.invalidates[0], 3);
  EXPECT_EQ(status(), 1u);
}

TEST_F(DeviceTlbTest, CcZeroMeansEight) {
  invalidate(0x8190);
  EXPECT_FALSE(wait());
  for (int i = 0; i < 7; ++i) device.complete(device.invalidates[0], 0);
  EXPECT_EQ(status(), 0u);
  device.complete(device.invalidates[0], 0);
  EXPECT_EQ(status(), 1u);
}

TEST_F(DeviceTlbTest, OneCompletionForSeveralTags) {
  invalidate(0x8190);
  invalidate(0x8190);
  EXPECT_FALSE(wait());
  bench.unit.invalidate_completion({kRid, 0x3, 1});
  EXPECT_EQ(status(), 1u);
  EXPECT_EQ(faults(), 0u);
}

TEST_F(DeviceTlbTest, CompletionForAnUnusedTagIsIce) {
  bench.unit.invalidate_completion({kRid, 0x4, 1});
  EXPECT_EQ(faults(), kIce);
  EXPECT_EQ(software().read64(0xB0) >> 48, 0x8190u);  // ICESID
  software().write32(0x34, kIce);
  EXPECT_EQ(faults(), 0u);
}

TEST_F(DeviceTlbTest, CompletionFromAnotherRequesterIsIce) {
  invalidate(0x8190);
  bench.unit.invalidate_completion({RequesterId{0x8191}, 0x1, 1});
  EXPECT_EQ(faults(), kIce);
  EXPECT_EQ(software().read64(0xB0) >> 48, 0x8191u);
  EXPECT_FALSE(wait());
  device.complete(device.invalidates[0]);
  EXPECT_EQ(status(), 1u);
}

TEST_F(DeviceTlbTest, IceDoesNotStopTheQueue) {
  bench.unit.invalidate_completion({kRid, 0x4, 1});
  EXPECT_TRUE(wait());
}

TEST_F(DeviceTlbTest, CompletionsOfOneTagMustAgreeOnCc) {
  invalidate(0x8190);
  device.complete(device.invalidates[0], 2);
  device.complete(device.invalidates[0], 3);
  EXPECT_EQ(faults(), kIce);
  EXPECT_FALSE(wait());
  device.complete(device.invalidates[0], 2);
  EXPECT_EQ(status(), 1u);
}

TEST_F(DeviceTlbTest, TagsBelongToTheFunction) {
  invalidate(0x8190);
  invalidate(0x8191);
  EXPECT_EQ(device.invalidates[0].itag, 0);
  EXPECT_EQ(device.invalidates[1].itag, 0);
}

TEST_F(DeviceTlbTest, ThirtyThirdInvalidationWaitsForATag) {
  for (int i = 0; i < 33; ++i) invalidate(0x8190);
  EXPECT_EQ(device.invalidates.size(), 32u);
  EXPECT_EQ(software().read64(0x80), 32u * 32);
  device.complete(device.invalidates[7]);
  ASSERT_EQ(device.invalidates.size(), 33u);
  EXPECT_EQ(device.invalidates[32].itag, 7);
}

TEST_F(DeviceTlbTest, PendingLimitThrottlesByPhysicalFunction) {
  for (int i = 0; i < 3; ++i) invalidate(0x8190, 2);
  EXPECT_EQ(device.invalidates.size(), 2u);
  device.complete(device.invalidates[1]);
  EXPECT_EQ(device.invalidates.size(), 3u);
}

struct NoThrottling : DeviceTlbTest {
  static IommuConfig config() {
    IommuConfig c;
    c.throttling = false;
    return c;
  }
  NoThrottling() : DeviceTlbTest(config()) {}
};
TEST_F(NoThrottling, PendingLimitIsIgnored) {
  for (int i = 0; i < 3; ++i) invalidate(0x8190, 2);
  EXPECT_EQ(device.invalidates.size(), 3u);
}

struct ShortTime : DeviceTlbTest {
  static IommuConfig config() {
    IommuConfig c;
    c.invalidation_timeout = 100;
    return c;
  }
  ShortTime() : DeviceTlbTest(config()) {}
};

TEST_F(ShortTime, SilentDeviceIsIteAndTheWaitIsDropped) {
  bench.unit.advance(50);
  invalidate(0x8190);
  EXPECT_FALSE(wait());
  bench.unit.advance(149);
  EXPECT_EQ(faults(), 0u);
  bench.unit.advance(150);
  EXPECT_EQ(faults(), kIte);
  EXPECT_EQ(software().read64(0xB0) >> 32 & 0xFFFF, 0x8190u);  // ITESID
  software().write32(0x34, kIte);
  EXPECT_EQ(status(), 0u);  // never done
  EXPECT_TRUE(wait());      // the queue goes on
  invalidate(0x8190);
  EXPECT_EQ(device.invalidates[1].itag, 0);  // the tag is free
}

TEST_F(ShortTime, NothingIsFetchedWhileIteStands) {
  invalidate(0x8190);
  bench.unit.advance(100);
  const std::uint64_t head = software().tail;
  software().submit({0x37, 0, 0, 0});
  EXPECT_EQ(software().read64(0x80), head);
  software().write32(0x34, kIte);
  EXPECT_EQ(software().read64(0x80), software().tail);
}

TEST_F(ShortTime, WaitFetchedAfterTheTimeoutOfWhatItCoversIsNotDone) {
  invalidate(0x8190);
  bench.unit.advance(100);
  software().write32(0x34, kIte);
  EXPECT_FALSE(wait());
  EXPECT_TRUE(wait());
}

TEST_F(ShortTime, AnswerInTimeIsNoError) {
  invalidate(0x8190);
  bench.unit.advance(99);
  device.complete(device.invalidates[0]);
  bench.unit.advance(1000);
  EXPECT_EQ(faults(), 0u);
  device.complete(device.invalidates[0]);  // too late: bogus
  EXPECT_EQ(faults(), kIce);
}

TEST_F(ShortTime, AllPendingWaitsGoWithOneTimeout) {
  invalidate(0x8190);
  EXPECT_FALSE(wait());
  bench.unit.advance(60);
  invalidate(0x8191);
  EXPECT_FALSE(wait());
  bench.unit.advance(100);
  software().write32(0x34, kIte);
  device.complete(device.invalidates[1]);
  EXPECT_EQ(status(), 0u);
}

TEST_F(DeviceTlbTest, CompletionWhileTranslationIsOffIsDropped) {
  invalidate(0x8190);
  software().translation(false);
  device.complete(device.invalidates[0]);
  EXPECT_EQ(faults(), 0u);
  EXPECT_EQ(bench.unit.statistics().completions_dropped, 1u);
  software().translation(true);
  EXPECT_FALSE(wait());
}

TEST_F(DeviceTlbTest, PageGroupResponsesAndInvalidationsGoInQueueOrder) {
  struct Order final : port::AtsDevicePort {
    std::string seen;
    void invalidate(const port::InvalidateRequest&) override { seen += 'i'; }
    void page_group_response(const port::PageGroupResponse&) override { seen += 'r'; }
  } order;
  bench.unit.set_device_port(&order);
  invalidate(0x8190);
  software().submit({0x0001'2345'8190'1019, 0xF8, 0, 0});
  invalidate(0x8190);
  software().submit({0x0000'0000'8190'F009, 0x8, 0, 0});
  EXPECT_EQ(order.seen, "irir");
}

TEST_F(DeviceTlbTest, ResponseCarriesCodeGroupAndPasid) {
  software().submit({0x0001'2345'8190'1019, 0xF8, 0, 0});
  software().submit({0x0001'2345'8191'F009, 0xFFC, 0, 0});  // bit 66 is ignored
  ASSERT_EQ(device.responses.size(), 2u);
  EXPECT_EQ(device.responses[0].device, RequesterId{0x8190});
  EXPECT_EQ(device.responses[0].pasid, Pasid{0x12345});
  EXPECT_EQ(device.responses[0].group, 0x1F);
  EXPECT_EQ(device.responses[0].code, 1);
  EXPECT_EQ(device.responses[1].device, RequesterId{0x8191});
  EXPECT_FALSE(device.responses[1].pasid);
  EXPECT_EQ(device.responses[1].group, 0x1FF);
  EXPECT_EQ(device.responses[1].code, 15);
}

}  // namespace
}  // namespace siov::iommu::test
