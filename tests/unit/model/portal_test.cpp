// SPDX-License-Identifier: Apache-2.0
// Portals of the device model: the admission table of DSA 4.2, PASIDs of 4.3, operations end to end
// as DMA.
#include <gtest/gtest.h>

#include "device_bench.hpp"

namespace siov::model {
namespace {

using port::CompletionStatus;

constexpr std::uint64_t kDwq = 0x0000;         // WQ 0, unlimited, MSI-X
constexpr std::uint64_t kSwq = 0x4000;         // WQ 1, unlimited, MSI-X
constexpr std::uint64_t kSwqLimited = 0x5000;  // WQ 1, limited, MSI-X

/// Nothing leaves the queues while the bench submits.
DeviceConfig stuck() {
  DeviceConfig c = DeviceBench::quick();
  c.bytes_per_cycle = 1;
  return c;
}

abi::Descriptor long_fill(std::uint32_t pasid = 0) {
  abi::Descriptor d = DeviceBench::noop(0);
  d.pasid = Pasid{pasid};
  d.opcode = 4;
  d.size = 0x8000;
  d.destination = Iova{0x10000};
  return d;
}

TEST(PortalTest, SharedQueueTakesDeferrableWritesOnly) {  // 4.2 row 1
  DeviceBench b;
  b.bring_up();
  EXPECT_EQ(b.enqcmd(kSwq, DeviceBench::noop(0)), CompletionStatus::kSuccess);
  b.movdir(kSwq, DeviceBench::noop(0));
  b.run(100);
  EXPECT_EQ(b.device.stats().completed, 1u);
  EXPECT_EQ(b.read(0xC0), 0u) << "ignored silently";
}

TEST(PortalTest, DedicatedQueueTakesPostedWritesOnly) {  // 4.2 row 2
  DeviceBench b;
  b.bring_up();
  b.movdir(kDwq, DeviceBench::noop(0));
  EXPECT_EQ(b.enqcmd(kDwq, DeviceBench::noop(0)), CompletionStatus::kRetry);
  b.run(100);
  EXPECT_EQ(b.device.stats().completed, 1u);
}

TEST(PortalTest, DisabledQueuesAndDevicesTakeNothing) {  // 4.2 rows 3, 5
  DeviceBench b;
  b.set_up_function();
  b.movdir(kDwq, DeviceBench::noop(0));
  EXPECT_EQ(b.enqcmd(kSwq, DeviceBench::noop(0)), CompletionStatus::kRetry);
  b.bring_up();
  for (const std::uint64_t offset : {0x8000, 0x1C000, 0x20000, 0x3C000}) {
    b.movdir(offset, DeviceBench::noop(0));
    EXPECT_EQ(b.enqcmd(offset, DeviceBench::noop(0)), CompletionStatus::kRetry) << offset;
  }
  b.run(100);
  EXPECT_EQ(b.device.stats().accepted, 0u);
  EXPECT_EQ(b.read(0xC0), 0u);
}

TEST(PortalTest, ImsPagesNeedIms) {  // 4.2 row 5
  DeviceConfig config = DeviceBench::quick();
  config.ims_entries = 0;
  DeviceBench b(config);
  b.bring_up();
  b.movdir(0x2000, DeviceBench::noop(0));
  EXPECT_EQ(b.enqcmd(0x6000, DeviceBench::noop(0)), CompletionStatus::kRetry);
  EXPECT_EQ(b.device.stats().accepted, 0u);
  EXPECT_EQ(b.read(0x10, 8), 0x815F2D07u);
}

TEST(PortalTest, OtherSizesAreIgnoredAndReadsAreOnes) {  // 4.2 columns 3, 4
  DeviceBench b;
  b.bring_up();
  b.device.mmio_write(port::Bar::kPortal, 0, 8, 0x0300000000000000);
  b.run(50);
  EXPECT_EQ(b.device.stats().accepted, 0u);
  const auto wide = b.scheduler.run(b.device.mmio_read(port::Bar::kPortal, 0x40, 8), 100);
  EXPECT_EQ(wide.status, CompletionStatus::kSuccess);
  EXPECT_EQ(wide.data, 0xFFFFFFFFFFFFFFFFu);
  EXPECT_EQ(b.scheduler.run(b.device.mmio_read(port::Bar::kPortal, 0x40, 4), 100).data,
            0xFFFFFFFFu);
}

TEST(PortalTest, LimitedPortalStopsAtTheThresholdUnlimitedAtTheSize) {  // 4.2, second table
  DeviceBench b(stuck());
  b.bring_up();
  EXPECT_EQ(b.enqcmd(kSwq, long_fill(1)), CompletionStatus::kSuccess);  // occupies the engine
  b.run(5);
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(b.enqcmd(kSwqLimited, long_fill(1)), CompletionStatus::kSuccess) << i;
  EXPECT_EQ(b.enqcmd(kSwqLimited, long_fill(1)), CompletionStatus::kRetry);
  for (int i = 4; i < 8; ++i)
    EXPECT_EQ(b.enqcmd(kSwq, long_fill(1)), CompletionStatus::kSuccess) << i;
  EXPECT_EQ(b.enqcmd(kSwq, long_fill(1)), CompletionStatus::kRetry);
  EXPECT_EQ(b.read(0x858) & 0xFFFF, 8u) << "occupancy";
  EXPECT_EQ(b.device.stats().retried, 2u);
  EXPECT_EQ(b.read(0xC0), 0u) << "retry logs nothing";
}

TEST(PortalTest, ThresholdZeroClosesTheLimitedPortalAboveSizeMeansSize) {  // 2.9
  DeviceBench b(stuck());
  b.bring_up();
  b.write(0x844, 0);
  EXPECT_EQ(b.enqcmd(kSwqLimited, long_fill(1)), CompletionStatus::kRetry);
  b.write(0x844, 100);
  EXPECT_EQ(b.enqcmd(kSwq, long_fill(1)), CompletionStatus::kSuccess);
  b.run(5);
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(b.enqcmd(kSwqLimited, long_fill(1)), CompletionStatus::kSuccess) << i;
  EXPECT_EQ(b.enqcmd(kSwqLimited, long_fill(1)), CompletionStatus::kRetry);
}

TEST(PortalTest, FullDedicatedQueueDropsAndLogs) {  // 4.2, 5.5 (53)
  DeviceBench b(stuck());
  b.bring_up();
  b.movdir(kDwq, long_fill());
  b.run(5);
  for (int i = 0; i < 16; ++i) b.movdir(kDwq + 0x1000, long_fill());  // limited means nothing here
  EXPECT_EQ(b.read(0xC0), 0u);
  b.movdir(kDwq, long_fill());
  EXPECT_EQ(b.read(0xC0, 4), 0x5309u);
  EXPECT_EQ(b.device.stats().accepted, 17u);
  EXPECT_EQ(b.device.stats().dropped, 1u);
}

TEST(PortalTest,
     MoveReadsAndWritesWithThePasidOfTheQueue) {  // 4.3, 5.3; pieces of 512 and 256 inside 4 KiB
  DeviceBench b;
  b.bring_up();
  for (std::size_t i = 0; i < 1000; ++i)
    b.host.memory[0x1F00 + i] = static_cast<std::byte>(i ^ i >> 8);
  abi::Descriptor d = DeviceBench::noop(0xC, 0x8000);
  d.pasid = Pasid{0x77777};
  d.privileged = true;
  d.opcode = 3;
  d.source = Iova{0x1F00};
  d.destination = Iova{0x4FFF};
  d.size = 1000;
  b.movdir(kDwq, d);
  b.run(200);
  const std::vector<Seen> expected = {
      {Seen::kRead, 0x1F00, 256, 0x11, false, 0},  {Seen::kRead, 0x2000, 512, 0x11, false, 0},
      {Seen::kRead, 0x2200, 232, 0x11, false, 0},  {Seen::kWrite, 0x4FFF, 1, 0x11, false, 0},
      {Seen::kWrite, 0x5000, 256, 0x11, false, 0}, {Seen::kWrite, 0x5100, 256, 0x11, false, 0},
      {Seen::kWrite, 0x5200, 256, 0x11, false, 0}, {Seen::kWrite, 0x5300, 231, 0x11, false, 0},
      {Seen::kWrite, 0x8000, 32, 0x11, false, 0}};
  EXPECT_EQ(b.host.seen, expected);
  EXPECT_EQ(std::memcmp(&b.host.memory[0x1F00], &b.host.memory[0x4FFF], 1000), 0);
  EXPECT_EQ(b.host.memory[0x8000], std::byte{1});
}

TEST(PortalTest, SharedQueueUsesPasidAndPrivilegeOfTheDescriptor) {  // 4.3
  DeviceBench b;
  b.bring_up();
  abi::Descriptor d = DeviceBench::noop(0xC, 0x8000);
  d.pasid = Pasid{0xABCDE};
  d.privileged = true;
  EXPECT_EQ(b.enqcmd(kSwq, d), CompletionStatus::kSuccess);
  b.run(100);
  EXPECT_EQ(b.host.seen, (std::vector<Seen>{{Seen::kWrite, 0x8000, 32, 0xABCDE, true, 0}}));
}

TEST(PortalTest,
     PrivilegedQueueWithoutPasidMakesPlainRequests) {  // 4.3; PMR exists only in a PASID prefix
  DeviceBench b;
  b.bring_up();
  ASSERT_EQ(b.command(7, 1), 0u);
  b.write(0x808, 0x20000011);
  ASSERT_EQ(b.command(6, 0), 0u);
  b.movdir(kDwq, DeviceBench::noop(0xC, 0x8000));
  b.run(100);
  EXPECT_EQ(b.host.seen, (std::vector<Seen>{{Seen::kWrite, 0x8000, 32, std::nullopt, false, 0}}));
}

TEST(PortalTest, ReadErrorEndsTheDescriptorWithStatus20) {  // 5.5 (20)
  DeviceBench b;
  b.bring_up();
  b.host.bad_pages = {0x2000};
  abi::Descriptor d = DeviceBench::noop(0x4, 0x8000);
  d.opcode = 3;
  d.source = Iova{0x1FC0};
  d.destination = Iova{0x3000};
  d.size = 128;
  b.movdir(kDwq, d);
  b.run(100);
  EXPECT_EQ(b.host.memory[0x8000], std::byte{0x20});
  for (const Seen& s : b.host.seen)
    EXPECT_FALSE(s.kind == Seen::kWrite && s.address >= 0x3040 && s.address < 0x3080);
}

TEST(PortalTest, DrainDescriptorWaitsForEarlierWork) {  // 5.6 (02)
  DeviceConfig config = stuck();
  DeviceBench b(config);
  b.set_up_function();
  b.set_wq(0, 16, true);
  b.set_group(0, 0x1, 0xF);  // four engines: without the wait the drain would be first
  ASSERT_EQ(b.command(1), 0u);
  ASSERT_EQ(b.command(6, 0), 0u);
  abi::Descriptor fill = DeviceBench::noop(0xC, 0x8000);
  fill.opcode = 4;
  fill.size = 300;
  fill.destination = Iova{0x3000};
  b.movdir(kDwq, fill);
  abi::Descriptor drain = DeviceBench::noop(0xC, 0x8020);
  drain.opcode = 2;
  b.movdir(kDwq, drain);
  b.run(1000);
  ASSERT_GE(b.host.seen.size(), 2u);
  EXPECT_EQ(b.host.seen[b.host.seen.size() - 2].address, 0x8000u);
  EXPECT_EQ(b.host.seen.back().address, 0x8020u);
}

TEST(PortalTest, PriorityWeighsTheQueuesAndNoneStarves) {  // 5.11
  DeviceBench b(stuck());
  b.set_up_function();
  b.set_wq(0, 64, true);
  b.set_wq(1, 64, true);
  b.write(0x808, 0x31);  // priority 3 against 1
  b.set_group(0, 0x3, 0x1);
  ASSERT_EQ(b.command(1), 0u);
  ASSERT_EQ(b.command(6, 0), 0u);
  ASSERT_EQ(b.command(6, 1), 0u);
  b.host.seen.clear();
  for (int i = 0; i < 16; ++i) {
    b.movdir(0x0000, DeviceBench::noop(0xC, 0x8000));
    b.movdir(0x4000, DeviceBench::noop(0xC, 0x9000));
  }
  b.run(200);
  ASSERT_EQ(b.host.seen.size(), 32u);
  int high = 0;
  for (int i = 0; i < 16; ++i) high += b.host.seen[static_cast<std::size_t>(i)].address == 0x8000;
  EXPECT_EQ(high, 12);
}

TEST(PortalTest, IdleSaysWhetherWorkIsLeft) {
  DeviceBench b;
  b.bring_up();
  EXPECT_TRUE(b.device.idle());
  b.movdir(kDwq, DeviceBench::noop(0));
  EXPECT_FALSE(b.device.idle());
  b.run(5);
  EXPECT_FALSE(b.device.idle());
  b.run(100);
  EXPECT_TRUE(b.device.idle());
}

/// Writes down what the observer hears.
class Ear : public DmaObserver {
 public:
  void on_read(const port::DmaRequest&, std::uint64_t bytes, port::DmaStatus,
               std::span<const std::byte>) override {
    heard += "r" + std::to_string(bytes) + " ";
  }
  void on_write(const port::DmaRequest&, std::span<const std::byte> data) override {
    heard += "w" + std::to_string(data.size()) + " ";
  }
  void on_interrupt(Iova, std::uint32_t data) override {
    heard += "i" + std::to_string(data) + " ";
  }
  std::string heard;
};

TEST(PortalTest, ObserverSeesDataRecordInterruptInOrder) {  // 5.3
  DeviceBench b;
  b.bring_up();
  Ear ear;
  b.device.set_observer(&ear);
  b.write(0x408, 0x00011008);  // vector 1 belongs to PASID 11
  abi::Descriptor d = DeviceBench::noop(0x1C, 0x8000);
  d.interrupt_handle = 1;
  d.opcode = 3;
  d.size = 16;
  d.source = Iova{0x1000};
  d.destination = Iova{0x2000};
  b.movdir(kDwq, d);
  b.run(100);
  EXPECT_EQ(ear.heard, "r16 w16 w32 i81 ");
}

}  // namespace
}  // namespace siov::model
