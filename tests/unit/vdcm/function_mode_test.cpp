// SPDX-License-Identifier: Apache-2.0
// Detection of SIOV by the DVSEC and without it; the SR-IOV capability.
#include "vdcm/function_mode.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "coro/scheduler.hpp"
#include "model/device_model.hpp"
#include "rig.hpp"

namespace siov::test {
namespace {

/// A configuration space of plain bytes.
class PlainDevice final : public port::DevicePort {
 public:
  PlainDevice() : bytes(4096) {}
  void put(std::uint32_t offset, std::uint32_t value) { std::memcpy(&bytes[offset], &value, 4); }
  std::uint32_t get(std::uint32_t offset, std::uint32_t size) const {
    std::uint32_t value = 0;
    std::memcpy(&value, &bytes[offset], size);
    return value;
  }
  coro::Task<port::ReadResult> config_read(std::uint32_t offset, std::uint32_t size) override {
    port::ReadResult result;
    result.data = get(offset, size);
    co_return result;
  }
  coro::Task<port::CompletionStatus> config_write(std::uint32_t offset, std::uint32_t size,
                                                  std::uint32_t value) override {
    writes.push_back(offset);
    std::memcpy(&bytes[offset], &value, size);
    co_return port::CompletionStatus::kSuccess;
  }
  coro::Task<port::ReadResult> mmio_read(port::Bar, std::uint64_t, std::uint32_t) override {
    port::ReadResult none;
    co_return none;
  }
  void mmio_write(port::Bar, std::uint64_t, std::uint32_t, std::uint64_t) override {}
  void posted_write64(std::uint64_t, const port::Line&) override {}
  coro::Task<port::CompletionStatus> deferrable_write64(std::uint64_t, const port::Line&) override {
    co_return port::CompletionStatus::kUnsupportedRequest;
  }
  void set_bar_base(port::Bar, std::uint64_t) override {}

  std::vector<std::byte> bytes;
  std::vector<std::uint32_t> writes;
};

/// Extended list: PASID at 0x100, the DVSEC at 0x120. @spec siov.md 1.1
void put_siov(PlainDevice& device, std::uint32_t length = 0x018) {
  device.put(0x100, 0x1201'001B);
  device.put(0x104, 0x0000'1406);
  device.put(0x120, 0x0001'0023);
  device.put(0x124, length << 20 | 0x8086);
  device.put(0x128, 0x0103'0005);  // link 3, H set
  device.put(0x12C, 0x0000'0201);
  device.put(0x130, 1);
  device.put(0x134, 1);
}

struct Found {
  explicit Found(PlainDevice& device, vdcm::SiovResources resources = {})
      : list(scheduler.run(vdcm::walk_capabilities(device), 1000)),
        siov(scheduler.run(vdcm::detect_siov(device, list, resources), 1000)) {}
  coro::Scheduler scheduler;
  vdcm::CapabilityList list;
  Result<vdcm::SiovSupport, std::string> siov;
};

TEST(DetectSiovTest, ByTheDvsec) {  // SIOV-H-45
  PlainDevice device;
  put_siov(device);
  const Found found(device);
  ASSERT_TRUE(found.siov);
  EXPECT_EQ(found.siov->evidence, vdcm::SiovEvidence::kDvsec);
  EXPECT_EQ(found.siov->page_sizes, 0x201u);
  EXPECT_TRUE(found.siov->ims);
  EXPECT_TRUE(found.siov->dependent);
  EXPECT_EQ(found.siov->link, 3);
}

TEST(DetectSiovTest, ByPasidAndResourcesWithoutADvsec) {  // SIOV-H-45
  for (const bool short_dvsec : {false, true}) {
    PlainDevice device;
    put_siov(device, 0x014);
    if (!short_dvsec) device.put(0x100, 0x0001'001B);
    const Found found(device, {.queues = 8, .message_entries = 256, .portal_page_bytes = 0x1000});
    ASSERT_TRUE(found.siov);
    EXPECT_EQ(found.siov->evidence, vdcm::SiovEvidence::kResources);
    EXPECT_EQ(found.siov->page_sizes, 1u);
    EXPECT_TRUE(found.siov->ims);
    const Found without(device, {.queues = 8, .message_entries = 0, .portal_page_bytes = 0x1000});
    EXPECT_FALSE(without.siov->ims);
  }
}

TEST(DetectSiovTest, WhatIsNotEnough) {
  PlainDevice bare;
  EXPECT_EQ(Found(bare, {8, 256, 0x1000}).siov.error(), "the function has no PASID capability");
  PlainDevice pasid;
  pasid.put(0x100, 0x0001'001B);
  EXPECT_FALSE(Found(pasid).siov);
  EXPECT_FALSE(Found(pasid, {8, 256, 0x800}).siov);  // portals that share pages
  EXPECT_FALSE(Found(pasid, {0, 256, 0x1000}).siov);
  PlainDevice large;
  put_siov(large);
  large.put(0x12C, 0x200);  // SIOV-D-02: 4 KiB must be usable
  EXPECT_EQ(Found(large).siov.error(), "the DVSEC does not offer pages of 4 KiB");
}

/// The SIOV capability of PCIe 7.0 (ID 0x38) is another thing of the same name. @spec siov.md 6
TEST(DetectSiovTest, TheCapabilityOfPcie7IsNotTheDvsec) {  // siov.md 2.4 (13)
  PlainDevice device;
  put_siov(device);
  device.put(0x120, 0x0001'0038);
  EXPECT_FALSE(Found(device).siov);
  const Found found(device, {.queues = 8, .message_entries = 256, .portal_page_bytes = 0x1000});
  ASSERT_TRUE(found.siov);
  EXPECT_EQ(found.siov->evidence, vdcm::SiovEvidence::kResources);
  // Neither is a DVSEC of somebody else, or with another ID.
  for (const std::uint32_t other : {0x0180'1234u, 0x0180'8086u}) {
    PlainDevice foreign;
    put_siov(foreign);
    foreign.put(0x124, other);
    if (other == 0x0180'8086u) foreign.put(0x128, 0x0103'0004);
    EXPECT_FALSE(Found(foreign).siov);
  }
}

TEST(DetectSiovTest, TheReferenceDeviceShowsItsDvsec) {
  Rig rig;
  rig.start();
  const auto siov =
      rig.run(vdcm::detect_siov(rig.device, rig.host.capabilities(), vdcm::SiovResources{}));
  ASSERT_TRUE(siov);
  EXPECT_EQ(siov->evidence, vdcm::SiovEvidence::kDvsec);
  EXPECT_TRUE(siov->ims);
  EXPECT_FALSE(siov->dependent);
}

/// SR-IOV at 0x140 with 7 VFs. @spec PCIe-6.3 9.3.3
TEST(SriovTest, VirtualFunctionsGoOnAndOff) {  // SIOV-H-46
  coro::Scheduler scheduler;
  PlainDevice device;
  put_siov(device);
  device.put(0x120, 0x1401'0023);
  device.put(0x140, 0x0001'0010);
  device.put(0x14C, 0x0007'0007);
  EXPECT_EQ(scheduler.run(vdcm::set_virtual_functions(device, 8), 1000),
            "8 virtual functions of 7");
  EXPECT_TRUE(device.writes.empty());
  EXPECT_EQ(scheduler.run(vdcm::set_virtual_functions(device, 4), 1000), "");
  EXPECT_EQ(device.get(0x150, 2), 4u);
  EXPECT_EQ(device.get(0x148, 2), 0x9u);  // VF Enable, VF MSE
  EXPECT_EQ(device.writes, (std::vector<std::uint32_t>{0x148, 0x150, 0x148}));
  EXPECT_EQ(scheduler.run(vdcm::set_virtual_functions(device, 0), 1000), "");
  EXPECT_EQ(device.get(0x148, 2), 0u);
  EXPECT_EQ(device.get(0x150, 2), 0u);
}

}  // namespace
}  // namespace siov::test
