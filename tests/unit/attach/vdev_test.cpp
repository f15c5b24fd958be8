// SPDX-License-Identifier: Apache-2.0
// VDEVs in front of guests, from a client's first message to its end.
#include <gtest/gtest.h>

#include <cstring>

#include "rig.hpp"

namespace siov::attach::test {
namespace {

using vfio_user::test::Payload;

constexpr std::uint64_t kSource = 0x200000;
constexpr std::uint64_t kTarget = 0x300000;
constexpr std::uint64_t kRecord = 0x400000;

abi::Descriptor copy(std::uint64_t from, std::uint64_t to, std::uint32_t bytes,
                     std::uint64_t record) {
  abi::Descriptor d;
  d.opcode = 3;    // memory move
  d.flags = 0x0C;  // completion record: valid address, also on success
  d.source = Iova{from};
  d.destination = Iova{to};
  d.size = bytes;
  d.completion_address = Iova{record};
  return d;
}

void fill(GuestSide& guest, std::uint64_t address, std::size_t bytes, unsigned seed) {
  for (std::size_t i = 0; i < bytes; ++i)
    *guest.at(address + i) = static_cast<std::byte>(i * 7 + seed + i / 256);
}

bool same(GuestSide& guest, std::uint64_t a, std::uint64_t b, std::size_t bytes) {
  return std::memcmp(guest.at(a), guest.at(b), bytes) == 0;
}

TEST(VdevEndpointTest, ShowsAPciFunctionWithTwoBarsAndMsix) {
  AttachRig rig(AttachRig::kVdev, 1);
  GuestSide& guest = rig.guest(0);
  guest.connect();
  EXPECT_EQ(guest.config(0, 4), 0x0B258086U);    // dsa.md 1
  EXPECT_EQ(guest.config(0x10, 4) & 0x6, 0x4U);  // 64-bit memory
  guest.set_config(0x10, 4, 0xFFFFFFFF);
  EXPECT_EQ(guest.config(0x10, 4) & 0xFF0, 0U);  // whole pages
  const auto info = guest.ask(5, Payload().u32(32).u32(0).u32(0).u32(0).u64(0).u64(0));
  const std::uint32_t sizes = guest.config(0x10, 4) & 0xFFFFFFF0;
  EXPECT_EQ(info.u64(16), 0x1'0000'0000U - sizes);
  EXPECT_EQ(guest.endpoint->counts().sessions, 1U);
  EXPECT_GT(guest.endpoint->counts().config_accesses, 0U);
}

TEST(VdevEndpointTest, WhatTheDeviceRefusesReadsAsOnes) {
  AttachRig rig(AttachRig::kVdev, 1);
  GuestSide& guest = rig.guest(0);
  guest.connect();
  guest.enable_memory();
  EXPECT_EQ(guest.read(2, 0, 8), ~0ULL);  // portals cannot be read
}

TEST(VdevEndpointTest, EightStoresAreADescriptorAndTheRecordIsInSharedMemory) {
  AttachRig rig(AttachRig::kVdev, 1);
  GuestSide& guest = rig.guest(0);
  guest.connect();
  ASSERT_EQ(guest.map(0, GuestSide::kRam), 0U);
  ASSERT_EQ(guest.start_queue(std::nullopt), 0U);
  fill(guest, kSource, 5000, 1);
  guest.submit(copy(kSource, kTarget, 5000, kRecord), 3);
  EXPECT_EQ(guest.wait_status(kRecord), 1U);
  EXPECT_TRUE(same(guest, kSource, kTarget, 5000));
  EXPECT_EQ(guest.endpoint->counts().submissions, 1U);
  EXPECT_EQ(rig.host.iommu.statistics().faults, 0U);
}

TEST(VdevEndpointTest, HalfADescriptorIsNone) {
  AttachRig rig(AttachRig::kVdev, 1);
  GuestSide& guest = rig.guest(0);
  guest.connect();
  ASSERT_EQ(guest.map(0, GuestSide::kRam), 0U);
  ASSERT_EQ(guest.start_queue(std::nullopt), 0U);
  for (unsigned i = 0; i < 7; ++i) guest.write(2, 8 * i, 8, 0);
  rig.pump(50);
  EXPECT_EQ(guest.endpoint->counts().submissions, 0U);
}

/// Command interrupts on vector 0.
std::uint64_t command_interrupts(AttachRig& rig, GuestSide& guest) {
  guest.write(0, 0xA0, 4, 1U << 20 | 1U << 31);  // Enable Device, with interrupt
  rig.pump(100);
  return guest.events(0);
}

TEST(VdevEndpointTest, InterruptsWriteEventfds) {
  AttachRig rig(AttachRig::kVdev, 1);
  GuestSide& guest = rig.guest(0);
  guest.connect();
  guest.enable_memory();
  guest.assign_vectors();
  guest.enable_msix();
  EXPECT_EQ(command_interrupts(rig, guest), 1U);
  EXPECT_EQ(guest.events(1), 0U);
  EXPECT_EQ(guest.endpoint->counts().interrupts, 1U);
}

TEST(VdevEndpointTest, VectorsThatAreTakenAwayWriteNothing) {
  AttachRig rig(AttachRig::kVdev, 1);
  GuestSide& guest = rig.guest(0);
  guest.connect();
  guest.enable_memory();
  guest.assign_vectors();
  guest.enable_msix();
  EXPECT_EQ(guest.ask(8, Payload().u32(20).u32(0x21).u32(2).u32(0).u32(0)).error, 0U);
  EXPECT_EQ(command_interrupts(rig, guest), 0U);
}

/// Eventfds that come before the guest lets the function answer in its BARs.
TEST(VdevEndpointTest, VectorsBeforeMemorySpaceCountWhenItIsOn) {
  AttachRig rig(AttachRig::kVdev, 1);
  GuestSide& guest = rig.guest(0);
  guest.connect();
  guest.assign_vectors();
  guest.enable_memory();
  guest.enable_msix();
  EXPECT_EQ(command_interrupts(rig, guest), 1U);
}

/// The client keeps its eventfds and its table over an FLR of the guest, the function does not.
TEST(VdevEndpointTest, VectorsOutliveAnFlrOfTheGuest) {
  AttachRig rig(AttachRig::kVdev, 1);
  GuestSide& guest = rig.guest(0);
  guest.connect();
  guest.enable_memory();
  guest.assign_vectors();
  guest.enable_msix();
  const std::uint32_t control = guest.capability(0x10) + 8;
  guest.set_config(control, 2, guest.config(control, 2) | 0x8000);
  rig.pump(100);
  EXPECT_EQ(guest.config(4, 2) & 6, 0U);
  guest.enable_memory();
  guest.enable_msix();
  EXPECT_EQ(command_interrupts(rig, guest), 1U);
}

TEST(VdevEndpointTest, ResetLeavesNothingOfTheGuestButItsMemory) {
  AttachRig rig(AttachRig::kVdev, 1);
  GuestSide& guest = rig.guest(0);
  guest.connect();
  ASSERT_EQ(guest.map(0, GuestSide::kRam), 0U);
  ASSERT_EQ(guest.start_queue(std::nullopt), 0U);
  guest.set_config(0x10, 4, 0xFE000000);
  guest.write(2, 0, 8, 0);  // a piece of a descriptor
  guest.reset_device();
  EXPECT_EQ(guest.endpoint->counts().resets, 1U);
  EXPECT_EQ(guest.config(0x10, 4) & ~0xFU, 0U);
  guest.enable_memory();
  EXPECT_EQ(guest.read(0, 0x90, 4) & 3, 0U);  // GENSTS: disabled
  ASSERT_EQ(guest.start_queue(std::nullopt), 0U);
  fill(guest, kSource, 64, 2);
  guest.submit(copy(kSource, kTarget, 64, kRecord));
  EXPECT_EQ(guest.wait_status(kRecord), 1U);
  EXPECT_TRUE(same(guest, kSource, kTarget, 64));
}

TEST(VdevEndpointTest, MemoryThatIsNotOpenFaults) {
  AttachRig rig(AttachRig::kVdev, 1);
  GuestSide& guest = rig.guest(0);
  guest.connect();
  ASSERT_EQ(guest.map(0x400000, 0x100000, 0x400000), 0U);  // the record only
  ASSERT_EQ(guest.start_queue(std::nullopt), 0U);
  guest.submit(copy(kSource, kTarget, 64, kRecord));
  EXPECT_EQ(guest.wait_status(kRecord), 0x20U);  // a read that was refused, dsa.md 5.4
  EXPECT_GT(rig.host.iommu.statistics().faults, 0U);
  EXPECT_EQ(guest.endpoint->counts().refused, 0U);
}

TEST(VdevEndpointTest, ReadOnlyMemoryTakesNoWrites) {
  AttachRig rig(AttachRig::kVdev, 1);
  GuestSide& guest = rig.guest(0);
  guest.connect();
  ASSERT_EQ(guest.map(0, 0x300000, 0), 0U);
  ASSERT_EQ(guest.map(0x300000, 0x100000, 0x300000, 1), 0U);
  ASSERT_EQ(guest.map(0x400000, 0x100000, 0x400000), 0U);
  ASSERT_EQ(guest.start_queue(std::nullopt), 0U);
  fill(guest, kSource, 64, 3);
  guest.submit(copy(kSource, kTarget, 64, kRecord));
  EXPECT_NE(guest.wait_status(kRecord), 0U);  // a posted write that is refused is lost
  EXPECT_GT(rig.host.iommu.statistics().faults, 0U);
  EXPECT_EQ(guest.get(kTarget), 0U);
}

TEST(VdevEndpointTest, UnmappedMemoryIsGoneAndTheRestGoesOn) {
  AttachRig rig(AttachRig::kVdev, 1);
  GuestSide& guest = rig.guest(0);
  guest.connect();
  ASSERT_EQ(guest.map(0, 0x300000, 0), 0U);
  ASSERT_EQ(guest.map(0x300000, 0x100000, 0x300000), 0U);
  ASSERT_EQ(guest.map(0x400000, 0x400000, 0x400000), 0U);
  ASSERT_EQ(guest.start_queue(std::nullopt), 0U);
  fill(guest, kSource, 4096, 4);
  guest.submit(copy(kSource, kTarget, 4096, kRecord));
  ASSERT_EQ(guest.wait_status(kRecord), 1U);
  ASSERT_EQ(guest.unmap(0x300000, 0x100000), 0U);
  std::memset(guest.at(kTarget), 0xEE, 4096);
  EXPECT_EQ(guest.read(0, 0x90, 4) & 3, 1U);  // still enabled
  guest.submit(copy(kSource, kTarget, 4096, kRecord + 0x40));
  EXPECT_NE(guest.wait_status(kRecord + 0x40), 0U);
  EXPECT_EQ(*guest.at(kTarget), std::byte{0xEE});
  EXPECT_GT(rig.host.iommu.statistics().faults, 0U);
  guest.submit(copy(kSource, 0x500000, 4096, kRecord + 0x80));
  EXPECT_TRUE((guest.wait_status(kRecord + 0x80)) == 1U);
  ASSERT_EQ(guest.map(0x300000, 0x100000, 0x600000), 0U);  // other memory in its place
  guest.submit(copy(kSource, kTarget, 4096, kRecord + 0xC0));
  EXPECT_EQ(guest.wait_status(kRecord + 0xC0), 1U);
  EXPECT_TRUE(same(guest, kSource, 0x600000, 4096));
}

/// Work that is under way when its memory goes faults, and nothing is written afterwards.
TEST(VdevEndpointTest, UnmapWhileWorkIsInFlight) {
  AttachRig rig(AttachRig::kVdev, 1);
  GuestSide& guest = rig.guest(0);
  guest.connect();
  ASSERT_EQ(guest.map(0, 0x600000, 0), 0U);
  ASSERT_EQ(guest.map(0x600000, 0x200000, 0x600000), 0U);
  ASSERT_EQ(guest.start_queue(std::nullopt), 0U);
  fill(guest, kSource, 0x100000, 5);
  for (unsigned i = 0; i < 8; ++i)
    guest.submit(copy(kSource, 0x600000, 0x100000, kRecord + 0x40 * i), i);
  ASSERT_EQ(guest.unmap(0x600000, 0x200000), 0U);
  std::memset(guest.at(0x600000), 0xEE, 0x200000);
  for (unsigned i = 0; i < 8; ++i) EXPECT_NE(guest.wait_status(kRecord + 0x40 * i, 4000), 0U) << i;
  EXPECT_GT(rig.host.iommu.statistics().faults, 0U);
  for (std::size_t i = 0; i < 0x200000; i += 64)
    ASSERT_EQ(*guest.at(0x600000 + i), std::byte{0xEE}) << i;
}

TEST(VdevEndpointTest, MemoryBeyondItsRoomEndsTheSessionOfThatGuestOnly) {
  AttachRig rig(AttachRig::kVdev, 2);
  for (const std::uint64_t address : {std::uint64_t{1} << 40, (std::uint64_t{1} << 40) - 0x1000,
                                      0xFFFF'FFFF'FFFF'F000 - 0x1000, 0xFFFF'FFFF'FFFF'E000}) {
    GuestSide& guest = rig.guest(1);
    guest.connect();
    static_cast<void>(guest.map(address, 0x2000, 0));
    rig.pump(200);
    EXPECT_TRUE(guest.client->closed()) << address;
    EXPECT_NE(guest.endpoint->last_end().find("guest memory beyond 1 TiB"), std::string::npos);
    guest.vanish();
  }
  EXPECT_EQ(rig.guest(1).endpoint->counts().refused, 4U);
  GuestSide& other = rig.guest(0);
  other.connect();
  ASSERT_EQ(other.map(0, GuestSide::kRam), 0U);
  ASSERT_EQ(other.start_queue(std::nullopt), 0U);
  fill(other, kSource, 64, 3);
  other.submit(copy(kSource, kTarget, 64, kRecord));
  EXPECT_EQ(other.wait_status(kRecord), 1U);
}

TEST(VdevEndpointTest, ClientVanishesMidWorkTheOtherIsUnaffectedAndANewOneAttaches) {
  AttachRig rig(AttachRig::kVdev, 2);
  for (int i = 0; i < 2; ++i) {
    GuestSide& guest = rig.guest(i);
    guest.connect();
    ASSERT_EQ(guest.map(0, GuestSide::kRam), 0U);
    ASSERT_EQ(guest.start_queue(std::nullopt), 0U);
    fill(guest, kSource, 0x100000, 6 + i);
  }
  GuestSide& killed = rig.guest(0);
  GuestSide& other = rig.guest(1);
  for (unsigned i = 0; i < 8; ++i) {
    killed.submit(copy(kSource, kTarget, 0x80000, kRecord + 0x40 * i), i);
    other.submit(copy(kSource, kTarget, 0x80000, kRecord + 0x40 * i), i);
  }
  killed.vanish();
  for (unsigned i = 0; i < 8; ++i) EXPECT_EQ(other.wait_status(kRecord + 0x40 * i, 4000), 1U) << i;
  EXPECT_TRUE(same(other, kSource, kTarget, 0x80000));
  rig.pump(200);
  EXPECT_EQ(killed.endpoint->under_way(), 0U);
  EXPECT_FALSE(rig.host.memory.populated(Hpa{std::uint64_t{1} << 40}, 4096));  // its memory is gone
  EXPECT_TRUE(rig.host.memory.populated(Hpa{std::uint64_t{2} << 40}, 4096));
  std::memset(killed.at(kTarget), 0xEE, 0x80000);

  killed.connect();
  killed.enable_memory();
  EXPECT_EQ(killed.read(0, 0x90, 4) & 3, 0U);  // disabled
  ASSERT_EQ(killed.map(0, GuestSide::kRam), 0U);
  ASSERT_EQ(killed.start_queue(std::nullopt), 0U);
  EXPECT_EQ(*killed.at(kTarget), std::byte{0xEE});  // nothing came late
  std::memset(killed.at(kRecord), 0, 64);
  killed.submit(copy(kSource, kTarget, 4096, kRecord));
  EXPECT_EQ(killed.wait_status(kRecord), 1U);
  EXPECT_EQ(killed.endpoint->counts().sessions, 2U);
}

/// At each step of what a client does.
TEST(VdevEndpointTest, ClientVanishesAtAnyMoment) {
  AttachRig rig(AttachRig::kVdev, 1);
  GuestSide& guest = rig.guest(0);
  for (unsigned turns = 0; turns < 40; ++turns) {
    guest.connect();
    const auto send = [&](std::uint16_t command, const vfio_user::test::Bytes& payload) {
      guest.client->command(99, command, payload);
    };
    ASSERT_EQ(guest.map(0, GuestSide::kRam), 0U);
    ASSERT_EQ(guest.start_queue(std::nullopt), 0U);
    guest.submit(copy(kSource, kTarget, 0x10000, kRecord));
    send(9, Payload().u64(0).u32(7).u32(256));
    send(10, Payload().u64(0xA0).u32(0).u32(4).u32(5 << 20));
    send(3, Payload().u32(24).u32(0).u64(0).u64(GuestSide::kRam));
    send(13, {});
    rig.pump(turns);
    guest.vanish();
    rig.pump(turns % 3);
  }
  guest.connect();
  ASSERT_EQ(guest.map(0, GuestSide::kRam), 0U);
  ASSERT_EQ(guest.start_queue(std::nullopt), 0U);
  std::memset(guest.at(kRecord), 0, 64);
  guest.submit(copy(kSource, kTarget, 64, kRecord));
  EXPECT_EQ(guest.wait_status(kRecord), 1U);
}

TEST(VdevEndpointTest, OverlappingMemoryGivesWay) {
  AttachRig rig(AttachRig::kVdev, 1, true);  // its memory stays when the client closes it
  GuestSide& guest = rig.guest(0);
  guest.connect();
  ASSERT_EQ(guest.map(0, GuestSide::kRam), 0U);
  ASSERT_EQ(guest.unmap(0, GuestSide::kRam), 0U);
  ASSERT_EQ(guest.map(0x300000, 0x1000, 0x700000), 0U);
  rig.pump(20);
  const std::uint64_t base = std::uint64_t{1} << 40;
  guest.put(0x2FF000, 0x11);
  guest.put(0x700000, 0x22);
  guest.put(0x301000, 0x33);
  EXPECT_EQ(rig.host.memory.read64(Hpa{base + 0x2FF000}), 0x11U);
  EXPECT_EQ(rig.host.memory.read64(Hpa{base + 0x300000}), 0x22U);
  EXPECT_EQ(rig.host.memory.read64(Hpa{base + 0x301000}), 0x33U);
}

// Guests with remapping units
// ----------------------------------------------------------------------

constexpr std::uint64_t kTables = 0x120000;
constexpr std::uint64_t kOther = 0x130000;
constexpr std::uint64_t kV = GuestSide::kVirtual;

/// PASID 5: source, target and record pages at kV, kV + 1000h, kV + 2000h.
struct PasidRig : AttachRig {
  PasidRig() : AttachRig(kVdev, 1, true), g(guest(0)) {
    g.connect();
    EXPECT_EQ(g.map(0, GuestSide::kRam), 0U);
    g.build_unit(RequesterId{0x0020});
    g.bind(5, kTables);
    g.map_page(kTables, kV, kSource);
    g.map_page(kTables, kV + 0x1000, kTarget);
    g.map_page(kTables, kV + 0x2000, kRecord);
    fill(g, kSource, 4096, 9);
    pump(20);
    look(g);
  }
  std::uint8_t run(std::uint64_t record) {
    g.submit(copy(kV, kV + 0x1000, 4096, kV + 0x2000 + record));
    return g.wait_status(kRecord + record);
  }
  GuestSide& g;
};

TEST(VdevPasidTest, PasidOfTheGuestIsBoundFromItsTable) {
  PasidRig rig;
  EXPECT_EQ(rig.g.function->translation().pasids_bound, 1U);
  ASSERT_EQ(rig.g.start_queue(5), 0U);
  EXPECT_EQ(rig.run(0), 1U);
  EXPECT_TRUE(same(rig.g, kSource, kTarget, 4096));
}

TEST(VdevPasidTest, APasidThatTheGuestHasNotGivenOutCannotBeUsed) {
  PasidRig rig;
  EXPECT_NE(rig.g.start_queue(6), 0U);
}

/// Between two looks: the command itself reads the table.
TEST(VdevPasidTest, APasidThatComesWithTheCommand) {
  PasidRig rig;
  rig.g.bind(9, kTables);
  ASSERT_EQ(rig.g.start_queue(9), 0U);
  EXPECT_EQ(rig.run(0), 1U);
}

TEST(VdevPasidTest, InvalidationsOfTheGuestAreHonoured) {
  PasidRig rig;
  ASSERT_EQ(rig.g.start_queue(5), 0U);
  ASSERT_EQ(rig.run(0), 1U);
  rig.g.map_page(kTables, kV + 0x1000, 0x500000);
  rig.g.invalidate(0x5'0001'0026);  // PASID-based IOTLB, PASID 5, DID 1
  ASSERT_EQ(rig.run(0x40), 1U);
  EXPECT_TRUE(same(rig.g, kSource, 0x500000, 4096));
  EXPECT_GT(rig.g.function->translation().invalidations, 0U);
}

/// What the test above sees is the invalidation: without one the old page is written.
TEST(VdevPasidTest, WithoutInvalidationTheOldTranslationShows) {
  PasidRig rig;
  ASSERT_EQ(rig.g.start_queue(5), 0U);
  ASSERT_EQ(rig.run(0), 1U);
  std::memset(rig.g.at(kTarget), 0, 4096);
  rig.g.map_page(kTables, kV + 0x1000, 0x500000);
  ASSERT_EQ(rig.run(0x40), 1U);
  EXPECT_TRUE(same(rig.g, kSource, kTarget, 4096));
  EXPECT_EQ(rig.g.get(0x500000), 0U);
}

/// A process ends while its queue runs: nothing is reached until the queue is given to another.
TEST(VdevPasidTest, AnEntryThatGoesWhileTheQueueRuns) {
  PasidRig rig;
  ASSERT_EQ(rig.g.start_queue(5), 0U);
  ASSERT_EQ(rig.run(0), 1U);
  std::memset(rig.g.at(kTarget), 0, 4096);
  rig.g.put(0x103000 + 64 * 5, 0);
  rig.g.invalidate(0x5'0001'0017);  // PASID cache, PASID 5
  EXPECT_EQ(rig.run(0x40), 0U);     // not even its record
  EXPECT_EQ(rig.g.get(kTarget), 0U);
  EXPECT_EQ(rig.g.read(0, 0x90, 4) & 3, 1U);  // the device is still enabled

  rig.g.bind(5, kOther);  // the next process gets the number
  rig.g.map_page(kOther, kV, kSource);
  rig.g.map_page(kOther, kV + 0x1000, 0x600000);
  rig.g.map_page(kOther, kV + 0x2000, kRecord);
  EXPECT_EQ(rig.run(0x80), 1U);
  EXPECT_TRUE(same(rig.g, kSource, 0x600000, 4096));
}

TEST(VdevPasidTest, AnEntryThatGoesWithoutAQueueIsUnbound) {
  PasidRig rig;
  rig.g.put(0x103000 + 64 * 5, 0);
  rig.look(rig.g);
  EXPECT_EQ(rig.g.function->translation().pasids_unbound, 1U);
  EXPECT_NE(rig.g.start_queue(5), 0U);
}

TEST(VdevPasidTest, UnitThatTurnsOffTakesAllPasids) {
  PasidRig rig;
  rig.g.monitor->set_status(0);
  rig.g.monitor->set_root(0);
  rig.look(rig.g);
  EXPECT_EQ(rig.g.function->translation().pasids_unbound, 1U);
}

TEST(VdevPasidTest, KindsThatCannotBeBoundReachNothing) {
  PasidRig rig;
  for (const std::uint64_t kind : {0x81U, 0xC1U, 0x01U, 0x1C1U}) {
    rig.g.put(0x103000 + 64 * 6, kind);
    rig.look(rig.g);
    EXPECT_NE(rig.g.start_queue(6), 0U) << kind;
    rig.g.reset_device();
  }
  EXPECT_EQ(rig.g.function->translation().pasids_unsupported, 4U);  // once after each reset
  EXPECT_EQ(rig.g.endpoint->counts().refused, 0U);
}

TEST(VdevPasidTest, PassThroughIsGuestPhysicalMemory) {
  PasidRig rig;
  rig.g.put(0x103000 + 64 * 7, 0x101);
  ASSERT_EQ(rig.g.start_queue(7), 0U);
  rig.g.submit(copy(kSource, kTarget, 4096, kRecord));
  EXPECT_EQ(rig.g.wait_status(kRecord), 1U);
}

TEST(VdevPasidTest, FirstStageOutsideMemoryFaults) {
  PasidRig rig;
  rig.g.put(0x103000 + 64 * 5 + 16, 0x000F'FFFF'FFFF'F000);
  rig.look(rig.g);
  ASSERT_EQ(rig.g.start_queue(5), 0U);
  EXPECT_EQ(rig.run(0), 0U);
  EXPECT_GT(rig.host.iommu.statistics().faults, 0U);
  EXPECT_EQ(rig.g.endpoint->counts().refused, 0U);
}

/// Addresses of other guests, and of the host, below and above its own.
TEST(VdevPasidTest, TablesOutsideItsMemoryAreNotRead) {
  PasidRig rig;
  const std::uint64_t span = std::uint64_t{1} << 40;
  ASSERT_TRUE(rig.host.memory.write64(Hpa{0x5000}, 0x101001));
  rig.g.monitor->set_root((0 - span + 0x5000) | 0x400);  // the host's page 5000h
  rig.look(rig.g);
  EXPECT_EQ(rig.g.function->translation().pasids_unbound, 1U);
  EXPECT_NE(rig.g.start_queue(5), 0U);
}

TEST(VdevPasidTest, TooManyPasidsEndTheSession) {
  PasidRig rig;
  for (std::uint64_t i = 0; i < 64; ++i) rig.g.put(0x140000 + 64 * i, 0x101);
  for (std::uint64_t d = 0; d < 16384; ++d) rig.g.put(0x180000 + 8 * d, 0x140001);
  rig.g.put(0x101000 + 32 * 0x20, 0x180E09);
  rig.look(rig.g);
  rig.pump(100);
  EXPECT_TRUE(rig.g.client->closed());
  EXPECT_NE(rig.g.endpoint->last_end().find("more than 1024 PASIDs"), std::string::npos);
  rig.g.put(0x101000 + 32 * 0x20, 0x102009);
  rig.g.connect();
  ASSERT_EQ(rig.g.map(0, GuestSide::kRam), 0U);
  rig.pump(20);
  rig.look(rig.g);
  ASSERT_EQ(rig.g.start_queue(5), 0U);
}

/// The end of one guest and what was found for it at the same time: the next one starts with
/// nothing.
TEST(VdevPasidTest, ALookThatEndsAfterTheGuest) {
  PasidRig rig;
  for (unsigned turns = 0; turns < 8; ++turns) {
    rig.g.endpoint->look();
    rig.pump(turns);
    rig.g.vanish();
    rig.pump(200);
    EXPECT_FALSE(rig.g.endpoint->looking());
    const TranslationCounts counts = rig.g.function->translation();
    EXPECT_EQ(counts.pasids_bound, counts.pasids_unbound) << turns;
    EXPECT_FALSE(rig.g.function->remapping());
    rig.g.connect();
    ASSERT_EQ(rig.g.map(0, GuestSide::kRam), 0U);
    rig.pump(20);
    rig.look(rig.g);
  }
}

TEST(VdevPasidTest, AMonitorThatDoesNotAnswerCostsPatienceOnly) {
  PasidRig rig;
  ASSERT_EQ(rig.g.start_queue(5), 0U);
  rig.g.monitor->answer = false;
  rig.g.map_page(kTables, kV + 0x1000, 0x500000);
  const std::array<std::byte, 64> line = abi::to_line(copy(kV, kV + 0x1000, 4096, kV + 0x2000));
  for (std::uint64_t i = 0; i < 8; ++i) {
    Payload payload;
    payload.u64(8 * i).u32(2).u32(8).bytes(std::span(line).subspan(8 * i, 8));
    rig.g.client->command(50, 10, payload);
  }
  rig.pump(100);
  EXPECT_EQ(rig.g.endpoint->catching_up(), 1U);
  EXPECT_EQ(rig.g.endpoint->counts().submissions, 0U);
  rig.pump_impatient(100);
  EXPECT_EQ(rig.g.endpoint->counts().submissions, 1U);
  EXPECT_EQ(rig.g.function->translation().blind_looks, 1U);
  EXPECT_EQ(rig.g.wait_status(kRecord), 1U);
  EXPECT_TRUE(same(rig.g, kSource, 0x500000, 4096));
}

TEST(VdevPasidTest, KilledWhileItsMonitorIsWaitedFor) {
  PasidRig rig;
  ASSERT_EQ(rig.g.start_queue(5), 0U);
  rig.g.monitor->answer = false;
  for (std::uint64_t i = 0; i < 8; ++i)
    rig.g.client->command(50, 10, Payload().u64(8 * i).u32(2).u32(8).u64(0));
  rig.pump(50);
  rig.g.monitor.reset();
  rig.g.vanish();
  rig.pump(300);
  EXPECT_EQ(rig.g.endpoint->under_way(), 0U);
  rig.g.monitor.emplace(rig.directory + "/0/qmp");
  rig.g.connect();
}

}  // namespace
}  // namespace siov::attach::test
