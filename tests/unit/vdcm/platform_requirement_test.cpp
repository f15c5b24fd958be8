// SPDX-License-Identifier: Apache-2.0
// What SIOV asks of the platform, seen with a device and host software in front of it: SIOV-P-02,
// P-03, P-05, P-09, P-16, P-18.
#include <gtest/gtest.h>

#include "common/error.hpp"
#include "pause_rig.hpp"
#include "vdcm/driver_error.hpp"

namespace siov::test {
namespace {

TEST(PlatformRequirementTest, OneGuestAddressOfTwoMachinesIsTwoHostPages) {  // SIOV-P-02
  Alike rig;
  Paused a(rig, 2);
  Paused b(rig, 2);
  // The same allocations of two machines: the same guest-physical addresses.
  const port::Line first = a.copy();
  const port::Line second = b.copy();
  abi::Descriptor d = abi::decode_descriptor(first);
  ASSERT_EQ(d.source, abi::decode_descriptor(second).source);
  ASSERT_EQ(d.destination, abi::decode_descriptor(second).destination);
  for (const auto& [v, fill] : {std::pair{&a, 0xA1}, std::pair{&b, 0xB2}}) {
    const std::vector<std::byte> data(64, static_cast<std::byte>(fill));
    v->space.write(d.source, data);
  }
  EXPECT_EQ(rig.run(enqcmd(*a.vdev, 0x1000, first)), port::CompletionStatus::kSuccess);
  EXPECT_EQ(rig.run(enqcmd(*b.vdev, 0x1000, second)), port::CompletionStatus::kSuccess);
  rig.run(pause(10'000));
  std::array<std::byte, 64> out{};
  a.space.read(d.destination, out);
  EXPECT_EQ(out[0], std::byte{0xA1});
  b.space.read(d.destination, out);
  EXPECT_EQ(out[63], std::byte{0xB2});
}

TEST(PlatformRequirementTest, APasidIsBoundOnceAFunction) {  // SIOV-P-03
  Alike rig;
  Paused a(rig, 2);
  VdevRig b(rig, 3);
  const Pasid host = *rig.vdcm.host_pasid(a.vm, Pasid{7});
  EXPECT_THROW(rig.iommu_driver.bind(host, b.space.descriptor()), HarnessError);
  EXPECT_THROW(rig.vdcm.bind_pasid(a.vm, Pasid{7}, b.space.descriptor()), HarnessError);
  const port::Line line = a.copy();
  EXPECT_EQ(rig.run(enqcmd(*a.vdev, 0x1000, line)), port::CompletionStatus::kSuccess);
  rig.run(pause(10'000));
  EXPECT_EQ(a.done(), 1u) << "the first binding stays";
}

TEST(PlatformRequirementTest, AnEntryClearedUnderLoadIsAFaultWithRidAndPasid) {  // SIOV-P-05, D-49
  Alike rig;
  Paused v(rig, 0);
  Paused other(rig, 1);
  const Pasid host = *rig.vdcm.host_pasid(v.vm, Pasid{7});
  v.vdev->posted_write64(0, v.copy(1 << 20));
  other.vdev->posted_write64(0, other.copy(1 << 20));
  rig.run(pause(2000));
  ASSERT_FALSE(rig.device.idle());
  rig.iommu_driver.unbind(host);  // behind the back of everybody
  rig.run(pause(500'000));
  const iommu::FaultRecord fault = rig.iommu.fault_log().record(0);
  ASSERT_TRUE(fault.valid);
  EXPECT_EQ(fault.reason, iommu::FaultReason::kPasidEntryNotPresent);
  EXPECT_EQ(fault.requester, RequesterId{0x6A00});
  EXPECT_EQ(fault.pasid, std::optional(host));
  EXPECT_TRUE(rig.device.idle());
  EXPECT_EQ(v.status(0), 0u) << "posted writes are lost: not even a record";
  EXPECT_EQ(other.done(), 1u) << "nobody else notices";
  EXPECT_EQ(other.read(0xC0, 8), 0u);
}

/// The remapping unit checks the requester, which is the same for all of a function.
TEST(PlatformRequirementTest, ThePlatformDoesNotTellInterruptsOfOneFunctionApart) {  // SIOV-P-09
  Alike rig;
  Paused a(rig, 0);
  Paused b(rig, 1);
  const std::uint16_t mine = *a.vdev->ims_index();
  const std::uint64_t theirs =
      rig.run(read_control(rig.device, 0x4000 + 16U * *b.vdev->ims_index(), 8));
  rig.host.write_foreign_message(mine, theirs, 0);
  a.vdev->posted_write64(0, a.copy(64, mine));
  rig.run(pause(10'000));
  EXPECT_EQ(a.done(), 1u);
  EXPECT_EQ(a.interrupts.count(0x51), 0u);
  EXPECT_EQ(b.interrupts.count(0x51), 1u) << "delivered: only the host's discipline separates them";
  EXPECT_FALSE(rig.iommu.fault_log().record(0).valid);
}

/// Two VDEVs of one machine on one queue work for the same process: no report can tell them apart.
TEST(PlatformRequirementTest, ErrorsOfASharedPasidGoToAllItsVdevs) {  // SIOV-P-16, SIOV-H-36
  Alike rig;
  Paused first(rig, 2);
  vdcm::Vdev& second = first.other(2);
  Paused stranger(rig, 2);
  rig.run(write_config(second, 0x04, 2, 2));
  const Iova bad = first.space.allocate(64) + 8;
  EXPECT_EQ(rig.run(enqcmd(*first.vdev, 0x1000, first.copy_line(7, bad))),
            port::CompletionStatus::kSuccess);
  rig.run(pause(5000));
  for (vdcm::Vdev* vdev : {first.vdev, &second}) {
    const std::uint64_t word = rig.run(read_control(*vdev, 0xC0, 8));
    EXPECT_EQ(word & 0xFF01, 0x1B01u);
    EXPECT_EQ(word >> 40 & 0xFFFFF, 7u);
  }
  EXPECT_EQ(stranger.read(0xC0, 8), 0u);
}

/// A device that says that no prefix passes it.
class NoPrefixes final : public port::DevicePort {
 public:
  explicit NoPrefixes(port::DevicePort& device) : device_(device) {}
  coro::Task<port::ReadResult> config_read(std::uint32_t offset, std::uint32_t size) override {
    port::ReadResult r = co_await device_.config_read(offset, size);
    if (offset == 0x64) r.data &= ~std::uint64_t{1U << 21};
    co_return r;
  }
  coro::Task<port::CompletionStatus> config_write(std::uint32_t offset, std::uint32_t size,
                                                  std::uint32_t value) override {
    return device_.config_write(offset, size, value);
  }
  coro::Task<port::ReadResult> mmio_read(port::Bar bar, std::uint64_t offset,
                                         std::uint32_t size) override {
    return device_.mmio_read(bar, offset, size);
  }
  void mmio_write(port::Bar bar, std::uint64_t offset, std::uint32_t size,
                  std::uint64_t value) override {
    device_.mmio_write(bar, offset, size, value);
  }
  void posted_write64(std::uint64_t offset, const port::Line& line) override {
    device_.posted_write64(offset, line);
  }
  coro::Task<port::CompletionStatus> deferrable_write64(std::uint64_t offset,
                                                        const port::Line& line) override {
    return device_.deferrable_write64(offset, line);
  }
  void set_bar_base(port::Bar bar, std::uint64_t base) override { device_.set_bar_base(bar, base); }

 private:
  port::DevicePort& device_;
};

coro::Task<std::uint64_t> pasid_control(port::DevicePort& device) {
  const port::ReadResult r = co_await device.config_read(0x236, 2);
  co_return r.data;
}

TEST(PlatformRequirementTest, WithoutPrefixesPasidStaysOff) {  // SIOV-P-18
  std::unique_ptr<NoPrefixes> front;
  Rig rig(default_host(), [&](port::DevicePort& device) -> port::DevicePort& {
    front = std::make_unique<NoPrefixes>(device);
    return *front;
  });
  EXPECT_THROW(rig.start(), vdcm::DriverError);
  EXPECT_EQ(rig.run(pasid_control(rig.device)) & 1, 0u);
}

}  // namespace
}  // namespace siov::test
