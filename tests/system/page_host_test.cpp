// SPDX-License-Identifier: Apache-2.0
// PageHost itself: it must see a translated request that is wrong. SIOV-D-26, D-53, PCIE-64, 66.
#include "page_host.hpp"

#include <gtest/gtest.h>

namespace siov::test {
namespace {

struct NoDevice final : port::AtsDevicePort {
  void invalidate(const port::InvalidateRequest&) override {}
  void page_group_response(const port::PageGroupResponse&) override { ++responses; }
  unsigned responses = 0;
};

struct PageHostTest : testing::Test {
  NoDevice device;
  PageHost host;
  void SetUp() override { host.device = &device; }
  void grant(std::uint64_t page, bool no_write = false) {
    (void)host.translate({.address = Iova{page}, .pasid = Pasid{5}, .no_write = no_write});
  }
  /// Violations after one more translated request.
  std::size_t judged(std::uint64_t address, bool write, std::size_t bytes = 64) {
    port::DmaRequest r;
    r.address = Iova{address};
    r.at = port::AddressType::kTranslated;
    host.judge(r, bytes, write);
    return host.violations.size();
  }
};

TEST_F(PageHostTest, GrantedPageMayBeUsed) {
  grant(0x3000);
  EXPECT_EQ(judged(0x3000, true), 0u);
  EXPECT_EQ(judged(0x3FC0, false), 0u);
  EXPECT_EQ(judged(0x3FFF, false, 0), 0u);
}

TEST_F(PageHostTest, OtherPagesMayNot) {
  grant(0x3000);
  EXPECT_EQ(judged(0x4000, false), 1u);
  EXPECT_EQ(judged(0x3FE0, false), 2u) << "leaves the page";
  EXPECT_EQ(judged(0x2FFF, false, 0), 3u);
}

TEST_F(PageHostTest, PasidIsAViolation) {
  grant(0x3000);
  port::DmaRequest r;
  r.address = Iova{0x3000};
  r.pasid = Pasid{5};
  r.at = port::AddressType::kTranslated;
  host.judge(r, 64, false);
  EXPECT_EQ(host.violations.size(), 1u);
}

TEST_F(PageHostTest, WriteNeedsItsRight) {
  grant(0x3000, true);
  EXPECT_EQ(judged(0x3000, false), 0u);
  EXPECT_EQ(judged(0x3000, true), 1u);
  grant(0x3000);
  EXPECT_EQ(judged(0x3000, true), 1u);
}

TEST_F(PageHostTest, UntranslatedOnlyIsNoGrant) {
  host.untranslated_only.insert({5, 0x3000});
  grant(0x3000);
  EXPECT_EQ(judged(0x3000, false), 1u);
}

TEST_F(PageHostTest, CompletionEndsOlderGrantsOnly) {
  grant(0x3000);
  grant(0x5000);
  host.invalidate(5, 0x3000);
  EXPECT_EQ(judged(0x3000, false), 0u) << "not yet completed";
  host.invalidate_completion({.itags = 1});
  EXPECT_EQ(judged(0x3000, false), 1u);
  EXPECT_EQ(judged(0x5000, false), 1u);
  host.invalidate(5, 0x5000);
  grant(0x5000);
  host.invalidate_completion({.itags = 2});
  EXPECT_EQ(judged(0x5000, false), 1u) << "granted behind the invalidation";
  EXPECT_EQ(host.outstanding(), 0u);
}

TEST_F(PageHostTest, InvalidationCoversItsRangeAndOwner) {
  grant(0x3000);
  host.invalidate(6, 0x3000);
  host.invalidate_completion({.itags = 1});
  EXPECT_EQ(judged(0x3000, false), 0u) << "of another PASID";
  host.invalidate({.pasid = Pasid{6}, .address = 0x3000, .global = true});
  host.invalidate_completion({.itags = 2});
  EXPECT_EQ(judged(0x3000, false), 1u);
  grant(0x6000);
  host.invalidate({.address = 0x7FFFFFFFFFFFF000, .size = true});
  host.invalidate_completion({.itags = 4});
  EXPECT_EQ(judged(0x6000, false), 2u);
}

TEST_F(PageHostTest, AbsentPageComesWithItsRequest) {
  host.absent.insert({5, 0x3000});
  EXPECT_EQ(host.translate({.address = Iova{0x3000}, .pasid = Pasid{5}}).entry, 0u);
  host.page_request({.pasid = Pasid{5}, .address = 0x3000, .read = true, .last = true});
  EXPECT_EQ(device.responses, 1u);
  EXPECT_EQ(host.translate({.address = Iova{0x3000}, .pasid = Pasid{5}}).entry, 0x3003u);
}

TEST_F(PageHostTest, LargeAnswerIsCodedByItsLowestZero) {  // pcie.md 9.2: 2 MiB
  host.large[{5, 0x12345000}] = 21;
  EXPECT_EQ(host.translate({.address = Iova{0x12345000}, .pasid = Pasid{5}}).entry, 0x122FF803u);
}

}  // namespace
}  // namespace siov::test
