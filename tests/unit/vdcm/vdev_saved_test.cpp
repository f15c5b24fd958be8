// SPDX-License-Identifier: Apache-2.0
// What is saved of a VDEV, and how it goes on with other hardware: SIOV-H-39..H-41; siov.md 3.4,
// 3.7.
#include <gtest/gtest.h>

#include "migration_rig.hpp"
#include "pause_rig.hpp"

namespace siov::test {
namespace {

// ---- revoked handles

/// A VDEV that has been saved on queue `from` and goes on on queue `to` of the same host.
struct GoneOn {
  GoneOn(std::uint8_t from, std::uint8_t to) : v(rig, from) {
    old_handle = static_cast<std::uint16_t>(v.command(13, 1) >> 8);
    v.pause_now();
    next = &v.other(to);
    EXPECT_TRUE(next->restore(v.saved()).empty());
    // The old entry is somebody else's now.
    rig.run(rig.vdcm.destroy_vdev(*v.vdev));
    EXPECT_EQ(rig.run(rig.host.allocate_ims(Pasid{0x78}, [] {})), old_handle);
    zero = v.interrupts.count(0x50);
    one = v.interrupts.count(0x51);
  }
  void resume() { EXPECT_EQ(rig.run(resume_vdev(*next)), ""); }
  std::uint64_t read(std::uint64_t offset, std::uint32_t size) {
    return rig.run(read_control(*next, offset, size));
  }
  std::uint32_t command(std::uint32_t code, std::uint32_t operand) {
    return rig.run(guest_command(*next, code, operand));
  }
  std::uint64_t raised_zero() { return v.interrupts.count(0x50) - zero; }
  std::uint64_t raised_one() { return v.interrupts.count(0x51) - one; }

  Alike rig;
  Paused v;
  vdcm::Vdev* next = nullptr;
  std::uint16_t old_handle = 0;
  std::uint64_t zero = 0;
  std::uint64_t one = 0;
};

constexpr std::uint32_t kProcessed = 31;

TEST(RevocationTest, ChangedHandlesAreAnnouncedOnVectorZero) {  // SIOV-H-40
  GoneOn g(0, 1);
  EXPECT_EQ(g.old_handle, 2u);
  g.resume();
  EXPECT_EQ(g.read(0x98, 4), 0x8000'0000u);  // INTCAUSE 31
  EXPECT_EQ(g.raised_zero(), 1u);
  EXPECT_EQ(g.command(14, 2), 0x43u) << "the old handle is no handle any more";
  EXPECT_EQ(g.command(13, 1), 3u << 8);
  EXPECT_EQ(g.command(14, 3), 0u);
}

TEST(RevocationTest, SilenceWouldLeaveTheGuestWithADeadHandle) {  // siov.md 2.4 (11)
  GoneOn g(0, 1);
  g.rig.vdcm.mistakes().revoke_silently = true;
  g.resume();
  EXPECT_EQ(g.read(0x98, 4), 0u);
  EXPECT_EQ(g.raised_zero(), 0u);
  g.next->posted_write64(0, g.v.copy(64, g.old_handle));
  g.rig.run(pause(10'000));
  EXPECT_EQ(g.v.status(0), 0x19u);
  EXPECT_EQ(g.raised_one(), 0u);
}

TEST(RevocationTest, HandlesThatTheGuestDoesNotHaveAreNotRevoked) {
  Alike rig;
  Paused v(rig, 0);
  v.pause_now();
  vdcm::Vdev& next = v.other(1);
  ASSERT_TRUE(next.restore(v.saved()).empty());
  ASSERT_EQ(rig.run(resume_vdev(next)), "");
  EXPECT_EQ(rig.run(read_control(next, 0x98, 4)), 0u);
}

TEST(RevocationTest, AfterTheAcknowledgementEveryDataVectorIsRaisedOnce) {  // SIOV-H-41
  GoneOn g(0, 1);
  g.resume();
  g.next->posted_write64(0, g.v.copy(1 << 20));
  EXPECT_EQ(g.command(kProcessed, 0), 0u) << "completes at once";
  EXPECT_EQ(g.v.done(), 0u);
  EXPECT_EQ(g.raised_one(), 0u);
  std::uint8_t at_interrupt = 0;
  g.v.interrupts.connect(0x51, [&] { at_interrupt = g.v.status(0); });
  g.rig.run(pause(500'000));
  EXPECT_EQ(g.raised_one(), 1u);
  EXPECT_EQ(at_interrupt, 1u) << "drained before";
}

TEST(RevocationTest, MistakesInTheAcknowledgementAreSeen) {  // siov.md 2.4 (11)
  {
    GoneOn g(0, 1);
    g.rig.vdcm.mistakes().acknowledge_without_drain = true;
    g.resume();
    g.next->posted_write64(0, g.v.copy(1 << 20));
    std::uint8_t at_interrupt = 0xFF;
    g.v.interrupts.connect(0x51, [&] { at_interrupt = g.v.status(0); });
    EXPECT_EQ(g.command(kProcessed, 0), 0u);
    g.rig.run(pause(500'000));
    EXPECT_EQ(at_interrupt, 0u);
  }
  GoneOn g(0, 1);
  g.rig.vdcm.mistakes().acknowledge_without_interrupts = true;
  g.resume();
  EXPECT_EQ(g.command(kProcessed, 0), 0u);
  g.rig.run(pause(50'000));
  EXPECT_EQ(g.raised_one(), 0u);
}

TEST(RevocationTest, TheCommandTakesNoOperandAndIsInCmdcap) {  // siov.md 3.3
  Alike rig;
  VdevRig v(rig, 0);
  v.enable_pci(kAllPci);
  EXPECT_EQ(v.read(0xB0, 4), 0x8000'7FFEu);
  EXPECT_EQ(v.command(kProcessed, 1), 0x04u);
  EXPECT_EQ(v.command(kProcessed, 0), 0u);
}

// ---- what a saved VDEV is

TEST(SavedVdevTest, RegistersAndQueueGoOnWithTheNewHostsPasid) {  // SIOV-H-40
  GoneOn g(0, 1);
  g.resume();
  EXPECT_EQ(g.read(0x90, 4), 1u);                                        // enabled
  EXPECT_EQ(g.read(0x508, 4), 0x1000'0781u);                             // the guest's own PASID
  EXPECT_EQ(g.read(0x518, 4) >> 30, 1u);                                 // its queue runs
  EXPECT_EQ(g.rig.run(read_control(g.rig.device, 0x858, 4)) >> 30, 1u);  // so does WQ 1
  g.next->posted_write64(0, g.v.copy());
  g.rig.run(pause(10'000));
  EXPECT_EQ(g.v.status(0), 1u);
}

TEST(SavedVdevTest, PendingInterruptsAndCommandsTravel) {  // SIOV-H-39
  Alike rig;
  Paused v(rig, 0);
  v.write(0x61C, 4, 1);  // vector 1 masked
  const auto handle = static_cast<std::uint16_t>(v.command(13, 1) >> 8);
  v.vdev->posted_write64(0, v.copy(64, handle));
  rig.run(pause(10'000));
  v.pause_now();
  v.write(0xA0, 4, 7u << 20 | 1);  // Disable WQ
  vdcm::Vdev& next = v.other(1);
  const vdcm::SavedVdev saved = v.saved();
  EXPECT_EQ(saved.pending, 2u);
  EXPECT_EQ(saved.command, 7u << 20 | 1);
  ASSERT_TRUE(next.restore(saved).empty());
  ASSERT_EQ(rig.run(resume_vdev(next)), "");
  rig.run(pause(10'000));
  EXPECT_EQ(rig.run(read_control(next, 0x518, 4)) >> 30, 0u) << "the command was carried out";
  EXPECT_EQ(v.interrupts.count(0x51), 0u);
  next.mmio_write(port::Bar::kControl, 0x61C, 4, 0);
  EXPECT_EQ(v.interrupts.count(0x51), 1u) << "the pending interrupt came along";
}

/// A host whose numbers are all its own, and one VDEV on it with held work.
struct Numbered {
  Numbered(World& world, std::uint8_t wq, Pasid first, int entries)
      : host(world, Alike::four_queues(), first),
        machine(world.memory, world.frames),
        space(machine, {}) {
    for (int i = 0; i < entries; ++i)
      static_cast<void>(
          world.scheduler.run(host.host.allocate_ims(Pasid{0x60000}, [] {}), 1'000'000));
    for (int i = 0; i < entries; ++i) static_cast<void>(host.vdcm.create_vm());
    vm = host.vdcm.create_vm();
    vdcm::VdevConfig config;
    config.name = "numbered";
    config.vm = vm;
    config.wq = wq;
    config.default_space = space.descriptor();
    vdev = world.scheduler.run(host.vdcm.create_vdev(config), 1'000'000);
    host.vdcm.bind_pasid(vm, Pasid{7}, space.descriptor());
    world.scheduler.run(set_up(), 1'000'000);
  }
  coro::Task<> set_up() {
    co_await write_config(*vdev, 0x126, 2, 1);
    co_await write_config(*vdev, 0x106, 2, 0x8000);
    co_await write_config(*vdev, 0x114, 2, 1);
    co_await write_config(*vdev, 0x04, 2, 6);
    co_await write_config(*vdev, 0x42, 2, 0x8000);
    vdev->mmio_write(port::Bar::kControl, 0x308, 4, 0x7008);
    const std::uint32_t mode = vdev->dedicated() ? 1 : 0;
    vdev->mmio_write(port::Bar::kControl, 0x508, 4, mode | 0x1000'0700);
    EXPECT_EQ(co_await guest_command(*vdev, 1, 0), 0u);
    EXPECT_EQ(co_await guest_command(*vdev, 6, 0), 0u);
    handle = static_cast<std::uint16_t>((co_await guest_command(*vdev, 13, 1)) >> 8);
    vdev->mmio_write(port::Bar::kControl, 0xA0, 4, 9u << 20);  // and an error: command while active
    vdev->mmio_write(port::Bar::kControl, 0xA0, 4, 9u << 20);
    co_await coro::Timer(coro::us(5));
    co_await vdev->pause();
    abi::Descriptor d;
    d.pasid = Pasid{7};
    d.opcode = 0x03;
    d.flags = 0xC;
    d.completion_address = space.allocate(32);
    d.source = space.allocate(64);
    d.destination = space.allocate(64);
    d.size = 64;
    const port::Line line = abi::to_line(d);
    if (vdev->dedicated()) {
      vdev->posted_write64(0x40, line);
    } else {
      EXPECT_EQ(co_await vdev->deferrable_write64(0x1040, line), port::CompletionStatus::kSuccess);
    }
    saved = co_await vdev->save();
  }
  Host host;
  guest::Machine machine;
  guest::AddressSpace space;
  vdcm::VmId vm = 0;
  vdcm::Vdev* vdev = nullptr;
  std::uint16_t handle = 0;
  vdcm::SavedVdev saved;
};

/// Whether a number of so many bits is at any place, byte boundary or not.
bool holds(const std::vector<std::byte>& bytes, std::uint64_t value, unsigned bits) {
  for (std::size_t bit = 0; bit + bits <= 8 * bytes.size(); ++bit) {
    std::uint64_t found = 0;
    for (unsigned i = 0; i < bits; ++i) {
      const std::size_t at = bit + i;
      found |= (std::to_integer<std::uint64_t>(bytes[at / 8]) >> at % 8 & 1) << i;
    }
    if (found == value) return true;
  }
  return false;
}

TEST(SavedVdevTest, BytesHoldNothingOfTheHost) {  // SIOV-H-39, SIOV-H-20
  for (const std::uint8_t shared : {0, 2}) {
    World world;
    Numbered a(world, shared, Pasid{0xA5C31}, 1);
    Numbered b(world, static_cast<std::uint8_t>(shared + 1), Pasid{0x3B7D9}, 5);
    ASSERT_NE(a.handle, b.handle);
    ASSERT_NE(a.vm, b.vm);
    for (Numbered* n : {&a, &b}) {
      const std::vector<std::byte> bytes = vdcm::serialize(n->saved);
      EXPECT_FALSE(holds(bytes, n->vdev->default_pasid().value, 20));
      EXPECT_FALSE(holds(bytes, n->host.vdcm.host_pasid(n->vm, Pasid{7})->value, 20));
      // The message of its interrupt entry: remappable format, so never one of the guest's.
      const std::uint64_t message =
          world.scheduler.run(read_control(n->host.device, 0x4000 + 16 * n->handle, 8), 1'000'000);
      ASSERT_EQ(message & 0xFFF0'0010, 0xFEE0'0010u);
      EXPECT_FALSE(holds(bytes, message, 32));
    }
    // The scan can find something: the guest's PASID as WQCFG has it.
    EXPECT_TRUE(holds(vdcm::serialize(a.saved), 0x1000'0700u | (shared == 0 ? 1 : 0), 32));
    // All that differs between the two is the handle that the guest was given.
    EXPECT_EQ(a.saved.handles[1], a.handle);
    EXPECT_EQ(b.saved.handles[1], b.handle);
    b.saved.handles = a.saved.handles;
    EXPECT_EQ(vdcm::serialize(a.saved), vdcm::serialize(b.saved));
  }
}

}  // namespace
}  // namespace siov::test
