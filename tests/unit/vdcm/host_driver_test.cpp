// SPDX-License-Identifier: Apache-2.0
// The host driver against the reference device: bring-up, interrupt message storage, commands,
// errors.
#include <gtest/gtest.h>

#include "rig.hpp"
#include "vdcm/driver_error.hpp"

namespace siov::test {
namespace {

coro::Task<std::uint64_t> read0(Rig& rig, std::uint64_t offset, std::uint32_t size) {
  const port::ReadResult r = co_await rig.device.mmio_read(port::Bar::kControl, offset, size);
  co_return r.data;
}

coro::Task<std::uint64_t> config(Rig& rig, std::uint32_t offset, std::uint32_t size) {
  const port::ReadResult r = co_await rig.device.config_read(offset, size);
  co_return r.data;
}

TEST(HostDriverTest, StartLeavesTheDeviceEnabledAsConfigured) {
  Rig rig;
  rig.start();
  EXPECT_EQ(rig.run(read0(rig, 0x90, 4)), 1u);     // GENSTS enabled
  EXPECT_EQ(rig.host.info().bar0_size, 0x10000u);  // dsa.md 1.2
  EXPECT_EQ(rig.host.info().bar2_size, 0x20000u);
  EXPECT_EQ(rig.host.capabilities().siov_dvsec,
            0x200u);  // found by walking; dsa.md 1.3 places it there
  EXPECT_EQ(rig.run(config(rig, 0x04, 2)) & 6, 6u);
  EXPECT_EQ(rig.run(config(rig, 0x48, 2)) & 0x70F0,
            0x2030u);  // MRRS 512 (2), MPS 256 (1), relaxed ordering
  EXPECT_EQ(rig.run(config(rig, rig.host.capabilities().pasid + 6u, 2)), 5u);  // enable, privileged
  EXPECT_EQ(rig.run(read0(rig, 0x800, 4)), 16u);                               // WQ 0 size
  EXPECT_EQ(rig.run(read0(rig, 0x808, 4)), 0x81u);         // dedicated, priority 8
  EXPECT_EQ(rig.run(read0(rig, 0x888, 4)), 0x1000'0080u);  // WQ 2 shared, PASID enable
  EXPECT_EQ(rig.run(read0(rig, 0x898, 4)) >> 30, 1u);      // shared queue enabled
  EXPECT_EQ(rig.run(read0(rig, 0x818, 4)) >> 30, 0u);      // dedicated one waits for its VDEV
  EXPECT_EQ(rig.run(read0(rig, 0x600, 8)), 7u);
  EXPECT_EQ(rig.run(read0(rig, 0x620, 8)), 0xFu);
  EXPECT_EQ(rig.platform.interrupts(), 2u);  // Enable Device, Enable WQ 2
  EXPECT_EQ(rig.platform.stray_interrupts(), 0u);
}

TEST(HostDriverTest, StartWithPollingUsesNoCommandInterrupt) {
  vdcm::HostConfig host = default_host();
  host.poll_commands = true;
  Rig rig(host);
  rig.start();
  EXPECT_EQ(rig.run(read0(rig, 0x90, 4)), 1u);
  EXPECT_EQ(rig.platform.interrupts(), 0u);
}

TEST(HostDriverTest, BadConfigurationIsRefusedByTheDeviceWithItsCode) {
  vdcm::HostConfig host = default_host();
  host.wqs[0].size = 120;  // 120 + 8 + 16 > 128
  Rig rig(host);
  rig.iommu_driver.start();
  try {
    rig.run(rig.host.start());
    FAIL() << "Enable Device must fail";
  } catch (const vdcm::DriverError& e) {
    EXPECT_STREQ(e.what(), "Enable Device ended with error 0x14");  // dsa.md 3.3
  }
}

TEST(HostDriverTest, ImsEntryIsClearedMaskedTaggedAndOnlyThenUnmasked) {  // SIOV-H-26
  Rig rig;
  rig.start();
  rig.recorder.forget();
  const std::uint16_t index = rig.run(rig.host.allocate_ims(Pasid{0x54321}, [] {}));
  ASSERT_EQ(index, 1u);
  const std::vector<Recorder::Write> w = rig.recorder.writes_to(0x4010, 0x4020);
  ASSERT_EQ(w.size(), 7u);
  EXPECT_EQ(w[0].offset, 0x401Cu);
  EXPECT_EQ(w[0].value, 1u);  // masked, no PASID
  EXPECT_EQ(w[1].value, 0xFEE0'0000u);
  EXPECT_EQ(w[2].value, 0u);
  EXPECT_EQ(w[3].offset, 0x401Cu);
  EXPECT_EQ(w[3].value, 0x5432'1009u);  // PASID, PASID enable, still masked
  EXPECT_EQ(w[4].offset, 0x4010u);
  EXPECT_EQ(w[4].value & 0xFFF0'0010, 0xFEE0'0010u);  // remappable format, vtd.md 6.1
  EXPECT_EQ(w[5].value, 0u);                          // data: no subhandle
  EXPECT_EQ(w[6].value, 0x5432'1008u);                // unmasked last
  rig.recorder.forget();
  rig.run(rig.host.free_ims(index));
  const std::vector<Recorder::Write> f = rig.recorder.writes_to(0x4010, 0x4020);
  ASSERT_EQ(f.size(), 5u);
  EXPECT_EQ(f[0].value, 1u);  // PASID enable off and masked
  EXPECT_EQ(f[1].value, 4u);  // ignored, not masked: what is pending is dropped (dsa.md 2.10)
  EXPECT_EQ(f[2].value, 1u);
  EXPECT_EQ(f[3].value, 0xFEE0'0000u);
}

TEST(HostDriverTest, ImsEntriesAndIrtesAreReused) {
  Rig rig;
  rig.start();
  const std::uint16_t a = rig.run(rig.host.allocate_ims(Pasid{1}, [] {}));
  const std::uint16_t b = rig.run(rig.host.allocate_ims(Pasid{2}, [] {}));
  EXPECT_NE(a, b);
  rig.run(rig.host.free_ims(a));
  EXPECT_EQ(rig.run(rig.host.allocate_ims(Pasid{3}, [] {})), a);
}

coro::Task<> enable_wq0(Rig& rig, std::vector<std::uint8_t>& errors) {
  const vdcm::CommandResult result = co_await rig.host.enable_wq(0);
  errors.push_back(result.error);
}

coro::Task<> enable_twice_at_once(Rig& rig, std::vector<std::uint8_t>& errors) {
  const coro::JoinHandle first = coro::start_soon(enable_wq0(rig, errors));
  const coro::JoinHandle second = coro::start_soon(enable_wq0(rig, errors));
  co_await first;
  co_await second;
}

TEST(HostDriverTest, CommandsGivenAtOnceQueueUp) {
  Rig rig;
  rig.start();
  std::vector<std::uint8_t> errors;
  rig.run(enable_twice_at_once(rig, errors));
  // The second is refused because the queue is enabled already; a dropped command would be SWERROR
  // 0x52 (dsa.md 2.6).
  EXPECT_EQ(errors, (std::vector<std::uint8_t>{0x00, 0x21}));
  EXPECT_EQ(rig.host.software_errors(), 0u);
}

TEST(HostDriverTest, StopDisablesTheDevice) {
  Rig rig;
  rig.start();
  rig.run(rig.host.stop());
  EXPECT_EQ(rig.run(read0(rig, 0x90, 4)) & 3, 0u);
}

}  // namespace
}  // namespace siov::test
