// SPDX-License-Identifier: Apache-2.0
// The physical function in front of a guest that is the host: our unit walks the tables that the
// guest built.
#include <gtest/gtest.h>

#include <cstring>

#include "rig.hpp"

namespace siov::attach::test {
namespace {

using vfio_user::test::Payload;

constexpr std::uint64_t kSource = 0x200000;
constexpr std::uint64_t kTarget = 0x300000;
constexpr std::uint64_t kRecord = 0x400000;
constexpr std::uint64_t kTables = 0x120000;
constexpr std::uint64_t kV = GuestSide::kVirtual;
constexpr std::uint64_t kFlushPasid = 0x5'0001'0026;  // PASID-based IOTLB, PASID 5, DID 1

abi::Descriptor copy(std::uint64_t from, std::uint64_t to, std::uint32_t bytes,
                     std::uint64_t record) {
  abi::Descriptor d;
  d.opcode = 3;
  d.flags = 0x0C;
  d.source = Iova{from};
  d.destination = Iova{to};
  d.size = bytes;
  d.completion_address = Iova{record};
  return d;
}

struct HostRig : AttachRig {
  HostRig() : AttachRig(kHost, 1, true), g(guest(0)) {
    attach_guest();
    for (std::size_t i = 0; i < 4096; ++i) *g.at(kSource + i) = static_cast<std::byte>(i * 5 + 1);
    g.build_unit(RequesterId{0x0020});
    g.bind(5, kTables);
    g.map_page(kTables, kV, kSource);
    g.map_page(kTables, kV + 0x1000, kTarget);
    g.map_page(kTables, kV + 0x2000, kRecord);
    look(g);
  }
  void attach_guest() {
    g.connect();
    EXPECT_EQ(g.map(0, GuestSide::kRam), 0U);
    pump(20);
  }
  std::uint8_t run(std::uint64_t record) {
    g.submit(copy(kV, kV + 0x1000, 4096, kV + 0x2000 + record));
    return g.wait_status(kRecord + record);
  }
  [[nodiscard]] bool copied(std::uint64_t to) {
    return std::memcmp(g.at(kSource), g.at(to), 4096) == 0;
  }
  GuestSide& g;
};

TEST(HostFunctionTest, DmaGoesThroughTheTablesOfTheGuest) {
  HostRig rig;
  EXPECT_TRUE(rig.g.function->remapping());
  ASSERT_EQ(rig.g.start_queue(5), 0U);
  EXPECT_EQ(rig.run(0), 1U);
  EXPECT_TRUE(rig.copied(kTarget));
  for (const vdcm::RemappingFault& f : rig.host.iommu_driver.take_faults())
    ADD_FAILURE() << "fault " << std::hex << unsigned{f.reason} << " at " << f.address.value
                  << " by " << f.requester.value;
  EXPECT_GT(rig.host.iommu.statistics().iotlb_misses, 0U);
}

TEST(HostFunctionTest, AnotherPasidFaults) {
  HostRig rig;
  ASSERT_EQ(rig.g.start_queue(6), 0U);  // the device knows nothing of the table
  EXPECT_EQ(rig.run(0), 0U);
  EXPECT_GT(rig.host.iommu.statistics().faults, 0U);
  EXPECT_EQ(rig.g.endpoint->counts().refused, 0U);
}

TEST(HostFunctionTest, InvalidationsOfTheGuestAreHonoured) {
  HostRig rig;
  ASSERT_EQ(rig.g.start_queue(5), 0U);
  ASSERT_EQ(rig.run(0), 1U);
  rig.g.map_page(kTables, kV + 0x1000, 0x500000);
  rig.g.invalidate(kFlushPasid);
  ASSERT_EQ(rig.run(0x40), 1U);
  EXPECT_TRUE(rig.copied(0x500000));
  EXPECT_EQ(rig.g.function->translation().invalidations, 1U);
}

/// What the test above sees is the invalidation: without one the old page is written.
TEST(HostFunctionTest, WithoutInvalidationTheOldTranslationShows) {
  HostRig rig;
  ASSERT_EQ(rig.g.start_queue(5), 0U);
  ASSERT_EQ(rig.run(0), 1U);
  std::memset(rig.g.at(kTarget), 0, 4096);
  rig.g.map_page(kTables, kV + 0x1000, 0x500000);
  ASSERT_EQ(rig.run(0x40), 1U);
  EXPECT_TRUE(rig.copied(kTarget));
  EXPECT_FALSE(rig.copied(0x500000));
}

TEST(HostFunctionTest, InvalidationOfAnotherPasidChangesNothing) {
  HostRig rig;
  ASSERT_EQ(rig.g.start_queue(5), 0U);
  ASSERT_EQ(rig.run(0), 1U);
  rig.g.map_page(kTables, kV + 0x1000, 0x500000);
  rig.g.invalidate(0x6'0001'0026);
  ASSERT_EQ(rig.run(0x40), 1U);
  EXPECT_FALSE(rig.copied(0x500000));
}

/// While nothing is submitted, a look now and then does it.
TEST(HostFunctionTest, ALookHonoursInvalidationsToo) {
  HostRig rig;
  rig.g.invalidate(kFlushPasid);
  rig.look(rig.g);
  EXPECT_EQ(rig.g.function->translation().invalidations, 1U);
  rig.look(rig.g);
  EXPECT_EQ(rig.g.function->translation().invalidations, 1U);  // once
}

/// Type 3 and 8 for another device, type 4, type 9, a wait.
TEST(HostFunctionTest, DescriptorsThatDoNotConcernUs) {
  HostRig rig;
  rig.g.invalidate(0x0018'0000'0003, 0x7FFF'FFFF'FFFF'F001);
  rig.g.invalidate(0x5'0018'0008, 0x7FFF'FFFF'FFFF'F800);
  rig.g.invalidate(0x4);
  rig.g.invalidate(0x5'0020'0019, 0);
  rig.g.invalidate(0x2'0000'0025, 0x4000);
  const std::uint64_t before = rig.g.function->translation().dropped_all;
  rig.look(rig.g);
  EXPECT_EQ(rig.g.function->translation().invalidations, 0U);
  EXPECT_EQ(rig.g.function->translation().dropped_all, before);
}

/// The device's own caches are off: its type 3 and 8 need nobody's answer.
TEST(HostFunctionTest, DeviceTlbInvalidationsWaitForNobodyWhileAtsIsOff) {
  HostRig rig;
  rig.g.invalidate(0x0020'0000'0003, 0x7FFF'FFFF'FFFF'F001);
  rig.look(rig.g);
  EXPECT_EQ(rig.g.function->translation().invalidations, 0U);
}

TEST(HostFunctionTest, DeviceTlbInvalidationsReachTheDeviceWhileAtsIsOn) {
  HostRig rig;
  rig.g.put(0x101000 + 32 * 0x20, 0x10200D);  // DTE
  rig.g.enable_memory();
  const std::uint32_t ats = rig.g.extended_capability(0x0F);
  rig.g.set_config(ats + 6, 2, 0x8000);
  rig.g.invalidate(0x0020'0000'0003, 0x7FFF'FFFF'FFFF'F001);
  rig.look(rig.g);
  EXPECT_EQ(rig.g.function->translation().invalidations, 1U);
}

/// What our unit would refuse is not given to it: everything is dropped.
TEST(HostFunctionTest, BadDescriptorsDropEverything) {
  for (const std::uint64_t bad :
       {0x0ULL, 0xAULL, 0x2AULL, 0x02ULL, 0x06ULL, 0x8000'0000'0000'0026ULL}) {
    HostRig rig;
    ASSERT_EQ(rig.g.start_queue(5), 0U);
    ASSERT_EQ(rig.run(0), 1U);
    const std::uint64_t before = rig.g.function->translation().dropped_all;
    rig.g.map_page(kTables, kV + 0x1000, 0x500000);
    rig.g.invalidate(bad);
    ASSERT_EQ(rig.run(0x40), 1U) << bad;
    EXPECT_EQ(rig.g.function->translation().dropped_all, before + 1) << bad;
    EXPECT_TRUE(rig.copied(0x500000)) << bad;
  }
}

TEST(HostFunctionTest, LegacyModeEndsTheSessionWithAReason) {
  HostRig rig;
  rig.g.monitor->set_root(0x100000);
  rig.look(rig.g);
  rig.pump(300);
  EXPECT_TRUE(rig.g.client->closed());
  EXPECT_NE(rig.g.endpoint->last_end().find("scalable mode"), std::string::npos);
  EXPECT_EQ(rig.g.endpoint->counts().refused, 1U);
  rig.g.monitor->set_root(0x100400);
  rig.attach_guest();
  rig.look(rig.g);
  ASSERT_EQ(rig.g.start_queue(5), 0U);
  EXPECT_EQ(rig.run(0), 1U);
}

TEST(HostFunctionTest, RootTableOutsideMemoryFaults) {
  HostRig rig;
  rig.g.monitor->set_root(0x000F'FFFF'FFFF'F400);
  ASSERT_EQ(rig.g.start_queue(5), 0U);
  EXPECT_EQ(rig.run(0), 0U);
  EXPECT_GT(rig.host.iommu.statistics().faults, 0U);
  EXPECT_TRUE(rig.g.server->connected());
}

TEST(HostFunctionTest, AnotherRootTableCountsAtOnce) {
  HostRig rig;
  ASSERT_EQ(rig.g.start_queue(5), 0U);
  ASSERT_EQ(rig.run(0), 1U);
  std::memcpy(rig.g.at(0x150000), rig.g.at(0x100000), 4096);
  std::memcpy(rig.g.at(0x151000), rig.g.at(0x101000), 4096);
  std::memcpy(rig.g.at(0x153000), rig.g.at(0x103000), 4096);
  rig.g.put(0x150000, 0x151001);
  rig.g.put(0x151000 + 32 * 0x20, 0x152009);
  rig.g.put(0x152000, 0x153001);
  rig.g.put(0x153000 + 64 * 5 + 16, 0x160000);
  std::memcpy(rig.g.at(0x160000), rig.g.at(kTables), 0x4000);
  rig.g.put(0x160000 + 8 * 254, 0x161027);  // 7F00'0000'0000h, level 4
  rig.g.put(0x161000, 0x162027);
  rig.g.put(0x162000, 0x163027);
  rig.g.map_page(0x160000, kV + 0x1000, 0x600000);
  rig.g.monitor->set_root(0x150400);
  ASSERT_EQ(rig.run(0x40), 1U);
  EXPECT_TRUE(rig.copied(0x600000));
}

TEST(HostFunctionTest, TranslationOffIsPhysicalMemory) {
  HostRig rig;
  rig.g.monitor->set_status(0x0400'0000);
  rig.look(rig.g);
  EXPECT_FALSE(rig.g.function->remapping());
  rig.g.monitor->set_root(0);
  rig.look(rig.g);
  ASSERT_EQ(rig.g.start_queue(std::nullopt), 0U);
  rig.g.submit(copy(kSource, kTarget, 4096, kRecord));
  EXPECT_EQ(rig.g.wait_status(kRecord), 1U);
  EXPECT_TRUE(rig.copied(kTarget));
}

/// What was cached before translation went off does not count when it is on again.
TEST(HostFunctionTest, TranslationOffAndOnBeginsAnew) {
  HostRig rig;
  ASSERT_EQ(rig.g.start_queue(5), 0U);
  ASSERT_EQ(rig.run(0), 1U);
  rig.g.monitor->set_status(0x0400'0000);
  rig.look(rig.g);
  rig.g.map_page(kTables, kV + 0x1000, 0x500000);
  rig.g.monitor->set_status(0x8400'0000);
  ASSERT_EQ(rig.run(0x40), 1U);
  EXPECT_TRUE(rig.copied(0x500000));
}

TEST(HostFunctionTest, FlrAndAnotherSetUp) {
  HostRig rig;
  ASSERT_EQ(rig.g.start_queue(5), 0U);
  ASSERT_EQ(rig.run(0), 1U);
  const std::uint32_t control = rig.g.capability(0x10) + 8;
  rig.g.set_config(control, 2, rig.g.config(control, 2) | 0x8000);
  rig.pump(100);
  EXPECT_EQ(rig.g.config(4, 2) & 6, 0U);
  rig.g.enable_memory();
  EXPECT_EQ(rig.g.read(0, 0x90, 4) & 3, 0U);
  ASSERT_EQ(rig.g.start_queue(5), 0U);
  EXPECT_EQ(rig.run(0x40), 1U);
}

TEST(HostFunctionTest, InterruptsWriteEventfdsAlsoAfterAnFlr) {
  HostRig rig;
  const auto enable = [&] {
    rig.g.write(0, 0xA0, 4, 1U << 20 | 1U << 31);
    rig.pump(100);
    return rig.g.events(0);
  };
  rig.g.enable_memory();
  rig.g.assign_vectors();
  rig.g.enable_msix();
  EXPECT_EQ(enable(), 1U);
  const std::uint32_t control = rig.g.capability(0x10) + 8;
  rig.g.set_config(control, 2, rig.g.config(control, 2) | 0x8000);
  rig.pump(100);
  rig.g.enable_memory();
  rig.g.enable_msix();
  EXPECT_EQ(enable(), 1U);
}

TEST(HostFunctionTest, GuestVanishesMidWorkAndTheNextStartsClean) {
  HostRig rig;
  ASSERT_EQ(rig.g.start_queue(5), 0U);
  for (unsigned i = 0; i < 8; ++i)
    rig.g.submit(copy(kV, kV + 0x1000, 4096, kV + 0x2000 + 0x40 * i), i);
  rig.g.vanish();
  rig.pump(300);
  EXPECT_EQ(rig.g.endpoint->under_way(), 0U);
  EXPECT_FALSE(rig.host.memory.populated(Hpa{0}, 4096));
  EXPECT_FALSE(rig.g.function->remapping());
  std::memset(rig.g.at(kTarget), 0, 4096);
  std::memset(rig.g.at(kRecord), 0, 4096);
  rig.attach_guest();
  rig.g.enable_memory();
  EXPECT_EQ(rig.g.read(0, 0x90, 4) & 3, 0U);
  rig.look(rig.g);
  ASSERT_EQ(rig.g.start_queue(5), 0U);
  EXPECT_EQ(rig.run(0), 1U);
  EXPECT_TRUE(rig.copied(kTarget));
}

TEST(HostFunctionTest, MemoryWhereOursIsEndsTheSession) {
  HostRig rig;
  rig.g.monitor->set_status(0);
  rig.look(rig.g);
  EXPECT_EQ(rig.g.map(std::uint64_t{1} << 40, 0x1000), 0U);
  rig.pump(300);
  EXPECT_TRUE(rig.g.client->closed());
  EXPECT_NE(rig.g.endpoint->last_end().find("memory of ours"), std::string::npos);
}

TEST(HostFunctionTest, MemoryBeyondTheAddressWidthEndsTheSession) {
  HostRig rig;
  rig.g.monitor->set_status(0);
  rig.look(rig.g);
  EXPECT_EQ(rig.g.map(std::uint64_t{1} << 46, 0x1000), 0U);
  rig.pump(300);
  EXPECT_TRUE(rig.g.client->closed());
}

/// While the guest's unit translates, the client opens I/O addresses: they are not memory.
TEST(HostFunctionTest, IoAddressesAreNotMemory) {
  HostRig rig;
  EXPECT_EQ(rig.g.map(0xFFFF'F000, 0x1000, 0x1000), 0U);
  rig.pump(20);
  EXPECT_FALSE(rig.host.memory.populated(Hpa{0xFFFF'F000}, 0x1000));
  EXPECT_EQ(rig.g.unmap(0, GuestSide::kRam), 0U);
  EXPECT_TRUE(rig.host.memory.populated(Hpa{0}, 0x1000));
}

/// The second submission finds done what the first look has seen.
TEST(HostFunctionTest, LooksAreCarriedOutInOrder) {
  HostRig rig;
  ASSERT_EQ(rig.g.start_queue(5), 0U);
  ASSERT_EQ(rig.run(0), 1U);
  rig.g.map_page(kTables, kV + 0x1000, 0x500000);
  rig.g.invalidate(kFlushPasid);
  rig.g.endpoint->look();
  ASSERT_EQ(rig.run(0x40), 1U);
  EXPECT_TRUE(rig.copied(0x500000));
}

}  // namespace
}  // namespace siov::attach::test
