// SPDX-License-Identifier: Apache-2.0
// The event log of the device model: registers, entries byte by byte, the full ring, interrupts.
// Literals from DSA 2.11 and 3.3.
#include <gtest/gtest.h>

#include "abi/little_endian.hpp"
#include "device_bench.hpp"

namespace siov::model {
namespace {

constexpr std::uint64_t kRing = 0x20000;

abi::Descriptor misaligned_record() { return DeviceBench::noop(0xC, 0x1001); }

abi::Descriptor drain(std::uint64_t record) {
  abi::Descriptor d = DeviceBench::noop(0xC, record);
  d.opcode = 2;
  return d;
}

/// Queues as in DeviceBench::bring_up, event log of 64 entries at 0x20000 without PASID.
struct EventLogBench : DeviceBench {
  explicit EventLogBench(const DeviceConfig& config = quick()) : DeviceBench(config) {}
  void configure(std::uint64_t evlcfg = kRing, std::uint64_t size_and_pasid = 64) {
    set_up_function();
    set_wq(0, 16, true, 0x10001100);
    set_wq(1, 8, false, 0x10000000, 4);
    set_group(0, 0x3, 0x1);
    write(0xE0, evlcfg, 8);
    write(0xE8, size_and_pasid, 8);
    write(0x80, 0x3060);
  }
  void start(std::uint64_t evlcfg = kRing, std::uint64_t size_and_pasid = 64) {
    configure(evlcfg, size_and_pasid);
    EXPECT_EQ(command(1), 0u);
    EXPECT_EQ(command(6, 0), 0u);
    EXPECT_EQ(command(6, 1), 0u);
    host.seen.clear();
  }
  std::uint64_t word(std::uint64_t address) const {
    return abi::load_le(std::span(host.memory).subspan(address, 8), 8);
  }
  std::vector<std::uint64_t> entry(unsigned index) const {
    std::vector<std::uint64_t> out;
    for (unsigned i = 0; i < 8; ++i) out.push_back(word(kRing + 64 * index + 8 * i));
    return out;
  }
  void submit(const abi::Descriptor& d, unsigned count = 1) {
    for (unsigned i = 0; i < count; ++i) {
      movdir(0, d);
      run(30);
    }
    run(100);
  }
};

using Words = std::vector<std::uint64_t>;

TEST(EventLogTest, RegistersTakeTheirBitsWhileDisabled) {  // 2.11
  EventLogBench b;
  b.set_up_function();
  for (const std::uint64_t offset : {0xE0, 0xE8, 0xF0}) {
    EXPECT_EQ(b.read(offset, 8), 0u);
    b.write(offset, ~std::uint64_t{0}, 8);
  }
  EXPECT_EQ(b.read(0xE0, 8), 0xFFFFFFFFFFFFF003u);
  EXPECT_EQ(b.read(0xE8, 8), 0x0000000FFFFFFFFFu);
  EXPECT_EQ(b.read(0xF0, 8), 0x000000000000FFFFu) << "tail and pending are the device's";
  b.write(0xEA, 0x0000, 2);
  EXPECT_EQ(b.read(0xE8, 8), 0x0000000F0000FFFFu);
}

TEST(EventLogTest, RegistersAreLockedAndStatusClearedByEnableDevice) {  // 2.11
  EventLogBench b;
  b.configure();
  b.write(0xF0, 5);
  ASSERT_EQ(b.command(1), 0u);
  EXPECT_EQ(b.read(0xF0, 8), 0u);
  b.write(0xE0, 0, 8);
  b.write(0xE8, 0, 8);
  EXPECT_EQ(b.read(0xE0, 8), 0x20000u);
  EXPECT_EQ(b.read(0xE8, 8), 64u);
  b.write(0xF0, 7);
  EXPECT_EQ(b.read(0xF0, 8), 7u) << "the head moves at any time";
}

TEST(EventLogTest, StatusSurvivesEnableDeviceWithoutTheLog) {  // 2.11
  EventLogBench b;
  b.configure();
  b.write(0x80, 0x60);
  b.write(0xF0, 5);
  ASSERT_EQ(b.command(1), 0u);
  EXPECT_EQ(b.read(0xF0, 8), 5u);
}

TEST(EventLogTest, EnableDeviceChecksTheSetup) {  // 3.3 (19)
  EventLogBench b;
  b.configure(kRing, 63);
  EXPECT_EQ(b.command(1), 0x19u);
  b.write(0x80, 0x60);
  EXPECT_EQ(b.command(1), 0u) << "nobody uses the log";
  b.command(2);
  b.write(0x80, 0x2060);
  b.write(0xE8, 64, 8);
  EXPECT_EQ(b.command(1), 0u);
  b.command(2);
  b.write(0xE8, 65535, 8);
  EXPECT_EQ(b.command(1), 0u);
  b.command(2);
  b.write(0xE0, kRing | 1, 8);
  EXPECT_EQ(b.command(1), 0u);
  b.command(2);
  b.set_config(0x236, 0x0, 2);
  EXPECT_EQ(b.command(1), 0x19u) << "PASID not enabled in configuration space";
  b.write(0xE0, kRing, 8);
  EXPECT_EQ(b.command(1), 0u);
}

TEST(EventLogTest, EntryOfAMisalignedRecordAddress) {  // 2.11, 5.5 (1b)
  EventLogBench b;
  b.start();
  b.submit(misaligned_record());
  EXPECT_EQ(b.entry(0), (Words{0x0000110000001B8C, 0x0004000000000000, 0x1001, 0, 0, 0, 0, 0}));
  EXPECT_EQ(b.host.seen, (std::vector<Seen>{{Seen::kWrite, 0x20000, 64, std::nullopt, false, 0}}));
  EXPECT_EQ(b.read(0xF0, 8), 0x0000000100000000u);
  EXPECT_EQ(b.read(0xC0, 8), 0u);
  EXPECT_EQ(b.device.stats().events, 1u);
}

TEST(EventLogTest, EntriesOfDescriptorsWithoutRecord) {  // 2.11, 5.4: CRAV = 0
  EventLogBench b;
  b.start();
  abi::Descriptor opcode = DeviceBench::noop(0);
  opcode.opcode = 0x3F;
  b.submit(opcode);
  b.submit(DeviceBench::noop(0x40));
  EXPECT_EQ(b.entry(0), (Words{0x0000113F0000108C, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(b.entry(1), (Words{0x000011000000118C, 0x0000004000000000, 0, 0, 0, 0, 0, 0}))
      << "the invalid flags";
}

TEST(EventLogTest, EntryOfAPrivilegedDescriptorNamesQueueAndPasid) {  // 2.11, 5.5 (1d)
  EventLogBench b;
  b.configure();
  b.set_config(0x236, 0x1, 2);
  ASSERT_EQ(b.command(1), 0u);
  ASSERT_EQ(b.command(6, 1), 0u);
  abi::Descriptor d = DeviceBench::noop(0xC, 0x8000);
  d.pasid = Pasid{0xABCDE};
  d.privileged = true;
  ASSERT_EQ(b.enqcmd(0x4000, d), port::CompletionStatus::kSuccess);
  b.run(100);
  EXPECT_EQ(b.entry(0), (Words{0x0ABCDE0000011DCC, 0x0004000000000000, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(b.host.memory[0x8000], std::byte{0});
}

TEST(EventLogTest, BadHandleIsLoggedWithItsRecord) {  // 2.11, 5.5 (19)
  EventLogBench b;
  b.start();
  abi::Descriptor d = DeviceBench::noop(0x1C, 0x8000);
  d.interrupt_handle = 0x102;
  b.movdir(0x2000, d);
  b.run(100);
  EXPECT_EQ(b.entry(0), (Words{0x000011000000198C, 0x0007010200000000, 0, 0, 0x19, 0, 0, 0}))
      << "handle 102, RCI, IMS, record required";
  EXPECT_EQ(b.host.memory[0x8000], std::byte{0x19}) << "in the record too";
}

TEST(EventLogTest, DrainRecordGoesToTheLog) {  // 2.11: code 26
  EventLogBench b;
  b.start();
  b.submit(drain(0x8000));
  EXPECT_EQ(b.entry(0), (Words{0x000011020000268C, 0x0004000000000000, 0x8000, 0, 1, 0, 0, 0}));
  EXPECT_EQ(b.host.memory[0x8000], std::byte{0});
  EXPECT_EQ(b.device.stats().records, 0u);
}

TEST(EventLogTest, DrainRecordGoesToMemoryWithoutTheLog) {  // 2.11
  DeviceBench b;
  b.bring_up();
  b.movdir(0, drain(0x8000));
  b.run(100);
  EXPECT_EQ(b.host.memory[0x8000], std::byte{1});
  EXPECT_EQ(b.device.stats().events, 0u);
}

TEST(EventLogTest, WritesCarryPasidAndPrivilegeOfTheSetup) {  // 2.11
  EventLogBench b;
  b.start(kRing | 3, 64 | 0x54321ull << 16);
  b.submit(misaligned_record());
  EXPECT_EQ(b.host.seen, (std::vector<Seen>{{Seen::kWrite, 0x20000, 64, 0x54321, true, 0}}));
}

TEST(EventLogTest, InterruptFollowsTheEntryUntilItIsPending) {  // 2.11
  EventLogBench b;
  b.start();
  b.submit(misaligned_record());
  EXPECT_EQ(b.read(0x98), 0u) << "GENCTRL bit 2 is off";
  EXPECT_EQ(b.read(0xF0, 8), 0x0000000100000000u);
  b.host.seen.clear();
  b.write(0x88, 4);
  b.submit(misaligned_record());
  EXPECT_EQ(b.host.seen,
            (std::vector<Seen>{{Seen::kWrite, 0x20040, 64, std::nullopt, false, 0},
                               {Seen::kMessage, 0xFEE00000, 4, std::nullopt, false, 0x50}}));
  EXPECT_EQ(b.read(0x98), 0x20u);
  EXPECT_EQ(b.read(0xF0, 8), 0x4000000200000000u);
  b.submit(misaligned_record());
  EXPECT_EQ(b.host.messages().size(), 1u) << "one is pending";
  b.write(0xF4, 0x40000000);  // upper half alone, as Linux does
  EXPECT_EQ(b.read(0xF0, 8), 0x0000000300000000u);
  b.submit(misaligned_record());
  EXPECT_EQ(b.host.messages().size(), 2u);
}

TEST(EventLogTest, TailWrapsAndAFullRingBlocksTheDevice) {  // 2.11
  EventLogBench b;
  b.start();
  b.submit(misaligned_record(), 66);
  EXPECT_EQ(b.device.stats().events, 63u) << "one entry stays free";
  EXPECT_EQ(b.read(0xF0, 8), 0x0000003F00000000u);
  b.write(0xA0, 8u << 20 | 1);
  b.run(500);
  EXPECT_EQ(b.read(0xA8), 0x80000000u) << "the drain waits";
  EXPECT_FALSE(b.device.idle());
  b.write(0xF0, 2);
  b.run(500);
  EXPECT_EQ(b.device.stats().events, 65u);
  EXPECT_EQ(b.read(0xF0, 8), 0x0000000100000002u);
  EXPECT_EQ(b.read(0xA8), 0x80000000u);
  b.write(0xF0, 3);
  b.run(500);
  EXPECT_EQ(b.device.stats().events, 66u);
  EXPECT_EQ(b.read(0xA8), 0u);
  EXPECT_EQ(b.read(0xC0, 8), 0u) << "nothing is lost";
  EXPECT_EQ(b.host.seen[64].address, 0x20000u) << "entry 64 is the first of the ring again";
}

TEST(EventLogTest, FullRingDropsWhereTheBuildSaysSo) {  // 2.2 (32), 2.11, 5.5 (54)
  EventLogBench b(DeviceBench::quick_with([](DeviceConfig& c) { c.evl_overflow = true; }));
  b.start();
  EXPECT_EQ(b.read(0x10, 8), 0x00000001835F2D07u);
  b.write(0x88, 1);
  b.submit(misaligned_record(), 64);
  EXPECT_EQ(b.device.stats().events, 63u);
  EXPECT_EQ(b.read(0xC0, 8), 0x5401u);
  EXPECT_EQ(b.read(0x98), 1u);
  EXPECT_TRUE(b.device.idle());
}

TEST(EventLogTest, FunctionLevelResetEndsABlockedLog) {  // 3.2, 6
  EventLogBench b;
  b.start();
  b.submit(misaligned_record(), 65);
  b.set_config(0x48, 0xA910, 2);
  EXPECT_TRUE(b.device.idle());
  b.set_config(0x04, 0x6, 2);
  for (const std::uint64_t offset : {0xE0, 0xE8, 0xF0}) EXPECT_EQ(b.read(offset, 8), 0u);
}

TEST(EventLogTest, DeviceErrorsStayInSwerror) {  // 2.6 (13), 5.5 (51) to (53)
  EventLogBench b(DeviceBench::quick_with([](DeviceConfig& c) { c.bytes_per_cycle = 1; }));
  b.start();
  b.write(0xA0, 3u << 20);
  b.write(0xA0, 3u << 20);
  EXPECT_EQ(b.read(0xC0, 8), 0x5201u);
  b.run(50);
  b.write(0xC0, 1, 8);
  abi::Descriptor fill = DeviceBench::noop(0);
  fill.opcode = 4;
  fill.size = 0x8000;
  fill.destination = Iova{0x10000};
  b.movdir(0, fill);
  b.run(5);
  for (int i = 0; i < 17; ++i) b.movdir(0, fill);
  EXPECT_EQ(b.read(0xC0, 8), 0x5309u);
  b.write(0xC0, 1, 8);
  b.set_config(0x04, 0x2, 2);
  EXPECT_EQ(b.read(0xC0, 8), 0x5101u);
  EXPECT_EQ(b.device.stats().events, 0u);
}

TEST(EventLogTest, ResetDeviceKeepsTheStatusOnly) {  // 3.2
  EventLogBench b;
  b.start();
  b.write(0x88, 4);
  b.submit(misaligned_record());
  b.write(0xF0, 1);
  EXPECT_EQ(b.command(5), 0u);
  EXPECT_EQ(b.read(0xE0, 8), 0u);
  EXPECT_EQ(b.read(0xE8, 8), 0u);
  EXPECT_EQ(b.read(0xF0, 8), 0x4000000100000001u);
  EXPECT_EQ(b.read(0x80), 0x60u);
  EXPECT_EQ(b.read(0x88), 0u);
}

TEST(EventLogTest, BuildWithoutLogHasNoTraceOfIt) {  // 2.1, 2.6, 2.7 (7)
  EventLogBench b(DeviceBench::quick_with([](DeviceConfig& c) { c.evl = false; }));
  b.start();
  EXPECT_EQ(b.read(0x10, 8), 0x835F0D07u);
  EXPECT_EQ(b.read(0x80), 0x1060u);
  b.write(0x88, 7);
  EXPECT_EQ(b.read(0x88), 3u);
  for (const std::uint64_t offset : {0xE0, 0xE8, 0xF0}) {
    b.write(offset, ~std::uint64_t{0}, 8);
    EXPECT_EQ(b.read(offset, 8), 0u);
  }
  b.submit(misaligned_record());
  EXPECT_EQ(b.read(0xC0, 8), 0x0000110000001B0Du) << "no error information";
  EXPECT_EQ(b.read(0xC8, 8), 0u);
  EXPECT_EQ(b.read(0xD0, 8), 0x1001u);
}

}  // namespace
}  // namespace siov::model
