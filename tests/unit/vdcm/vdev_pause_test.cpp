// SPDX-License-Identifier: Apache-2.0
// A VDEV that pauses, is saved, and goes on, here or on other hardware: SIOV-H-38..H-42; siov.md
// 3.7, 3.8.
#include <gtest/gtest.h>

#include <cstring>

#include "common/error.hpp"
#include "migration_rig.hpp"
#include "vdev_rig.hpp"

namespace siov::test {
namespace {

coro::Task<> pause_vdev(vdcm::Vdev& vdev) { co_await vdev.pause(); }
coro::Task<std::string> resume_vdev(vdcm::Vdev& vdev) { co_return co_await vdev.resume(); }
coro::Task<vdcm::SavedVdev> save_vdev(vdcm::Vdev& vdev) { co_return co_await vdev.save(); }

/// Queues 0 and 1 dedicated, 2 and 3 shared, all alike; entry 1 of the interrupt store is taken, so
/// that an index is not its vector.
struct Alike : Rig {
  explicit Alike(vdcm::HostConfig config = four_queues()) : Rig(std::move(config)) {
    start();
    static_cast<void>(run(host.allocate_ims(Pasid{0x77}, [] {})));
  }
  static vdcm::HostConfig four_queues() {
    vdcm::HostConfig config = default_host();
    config.wqs = {vdcm::WqConfig::dedicated(8, 0), vdcm::WqConfig::dedicated(8, 0),
                  vdcm::WqConfig::shared(16, 0, 6), vdcm::WqConfig::shared(16, 0, 6)};
    return config;
  }
};

/// A VDEV with vector 0 (0x50) and vector 1 (0x51), its queue enabled with guest PASID 7.
struct Paused : VdevRig {
  explicit Paused(Rig& shared_rig, std::uint8_t wq) : VdevRig(shared_rig, wq) {
    bring_up();
    write(0x600, 8, 0xFEE0'0000);
    write(0x608, 8, 0x50);
    write(0x610, 8, 0xFEE0'0000);
    write(0x618, 8, 0x51);
    write(0x308, 4, 0x7008);
    config(0x42, 2, 0x8000);
    rig.run(vdev->settle());
  }
  /// @param interrupt handle for the completion; 0: none
  port::Line copy(std::uint32_t bytes = 64, std::uint16_t interrupt = 0) {
    records.push_back(space.allocate(32));
    abi::Descriptor d;
    d.pasid = Pasid{7};
    d.opcode = 0x03;
    d.flags = interrupt != 0 ? 0x1C : 0xC;  // CRAV, RCR, RCI
    d.interrupt_handle = interrupt;
    d.completion_address = records.back();
    d.source = space.allocate(bytes);
    d.destination = space.allocate(bytes);
    d.size = bytes;
    return abi::to_line(d);
  }
  std::uint8_t status(std::size_t record) {
    std::array<std::byte, 1> byte{};
    space.read(records[record], byte);
    return std::to_integer<std::uint8_t>(byte[0]);
  }
  std::size_t done() {
    std::size_t count = 0;
    for (std::size_t i = 0; i < records.size(); ++i) count += status(i) == 1 ? 1 : 0;
    return count;
  }
  void pause_now() { rig.run(pause_vdev(*vdev)); }
  void resume_now() { EXPECT_EQ(rig.run(resume_vdev(*vdev)), ""); }
  vdcm::SavedVdev saved() { return rig.run(save_vdev(*vdev)); }
  vdcm::Vdev& other(std::uint8_t wq) { return rig.create(vm, wq, space.descriptor(), &interrupts); }
  std::vector<Iova> records;
};

// ---- pause

TEST(PauseTest, PortalsGoBeforeTheDrainAndAcceptedWorkEnds) {  // SIOV-H-38, SIOV-H-10
  Alike rig;
  Paused v(rig, 0);
  rig.recorder.forget();
  for (int i = 0; i < 4; ++i) v.vdev->posted_write64(0, v.copy(4096));
  const std::uint64_t flushes = rig.platform.cpu_flushes();
  v.pause_now();
  EXPECT_TRUE(v.vdev->paused());
  EXPECT_FALSE(v.vdev->portals_mapped());
  EXPECT_GT(rig.platform.cpu_flushes(), flushes);
  EXPECT_EQ(v.done(), 4u) << "what was accepted before is complete";
  EXPECT_EQ(rig.recorder.commands(), (std::vector<std::uint32_t>{8u << 20 | 1}));  // Drain WQ 0
  EXPECT_EQ(v.vdev->page_kind(port::Bar::kPortal, 0), vdcm::PageKind::kTrapped);
}

TEST(PauseTest, WithoutTheDrainWorkIsStillUnderWay) {  // siov.md 2.4 (10): the mistake is seen
  Alike rig;
  Paused v(rig, 0);
  rig.vdcm.mistakes().save_before_drain = true;
  for (int i = 0; i < 4; ++i) v.vdev->posted_write64(0, v.copy(65536));
  v.pause_now();
  EXPECT_LT(v.done(), 4u);
}

coro::Task<> storm(Paused& v, int stores) {
  for (int i = 0; i < stores; ++i) {
    const port::Line line = v.copy();
    v.vdev->posted_write64(64 * (i % 8), line);
    co_await coro::Timer(coro::ns(40));
  }
}

coro::Task<> pause_in_a_storm(Paused& v, std::size_t& at_unmap) {
  coro::JoinHandle stores = coro::start_soon(storm(v, 10), "guest");
  co_await coro::Timer(coro::ns(150));
  coro::JoinHandle pausing = coro::start_soon(pause_vdev(*v.vdev), "pause");
  co_await coro::Timer(coro::ns(2));
  EXPECT_FALSE(v.vdev->portals_mapped());
  at_unmap = v.rig.recorder.portals.size();
  co_await pausing;
  co_await stores;
}

TEST(PauseTest, AStormDuringPauseReachesNothingAndLosesNothing) {  // SIOV-H-38, SIOV-H-42
  Alike rig;
  Paused v(rig, 0);
  rig.recorder.forget();
  std::size_t at_unmap = 0;
  rig.run(pause_in_a_storm(v, at_unmap));
  EXPECT_GT(at_unmap, 0u);
  EXPECT_LT(at_unmap, 10u);
  EXPECT_EQ(rig.recorder.portals.size(), at_unmap) << "zero TLPs after the unmap point";
  EXPECT_EQ(v.vdev->trapped().held().size(), 10 - at_unmap);
  v.resume_now();
  rig.run(pause(20'000));
  EXPECT_EQ(v.done(), 10u);
  EXPECT_EQ(rig.recorder.portals.size(), 10u);
  EXPECT_TRUE(v.vdev->portals_mapped());
}

TEST(PauseTest, MappedPortalsWouldLetTheStormThrough) {  // siov.md 2.4 (10): the mistake is seen
  Alike rig;
  Paused v(rig, 0);
  rig.vdcm.mistakes().keep_portals = true;
  v.pause_now();
  rig.recorder.forget();
  v.vdev->posted_write64(0, v.copy());
  EXPECT_EQ(rig.recorder.portals.size(), 1u);
}

// ---- held descriptors

TEST(PauseTest, ADedicatedQueueHoldsItsSizeThenIsFullAsArchitected) {  // SIOV-H-42; dsa.md 4.2
  Alike rig;
  Paused v(rig, 0);
  v.pause_now();
  rig.recorder.forget();
  std::vector<port::Line> lines;
  for (int i = 0; i < 11; ++i) {
    lines.push_back(v.copy());
    v.vdev->posted_write64(64 * i, lines.back());
  }
  EXPECT_TRUE(rig.recorder.portals.empty());
  EXPECT_EQ(v.vdev->trapped().held().size(), 8u);
  EXPECT_EQ(v.read(0xC0, 8) & 0xFF03, 0x5303u);  // queue full, and more than once
  v.resume_now();
  rig.run(pause(20'000));
  ASSERT_EQ(rig.recorder.portals.size(), 8u);
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(rig.recorder.portals[i].line, lines[i]) << "in order";
    EXPECT_EQ(v.status(i), 1u);
  }
  for (std::size_t i = 8; i < 11; ++i) EXPECT_EQ(v.status(i), 0u);
  EXPECT_EQ(v.vdev->replayed(), 8u);
}

TEST(PauseTest, ASharedQueueHoldsUpToTheThresholdThenAnswersRetry) {  // SIOV-H-42, SIOV-H-20
  Alike rig;
  Paused v(rig, 2);
  v.pause_now();
  rig.recorder.forget();
  std::vector<port::Line> lines;
  for (int i = 0; i < 8; ++i) {
    lines.push_back(v.copy());
    EXPECT_EQ(rig.run(enqcmd(*v.vdev, 0x1000, lines.back())),
              i < 6 ? port::CompletionStatus::kSuccess : port::CompletionStatus::kRetry);
  }
  EXPECT_TRUE(rig.recorder.portals.empty());
  EXPECT_EQ(v.read(0xC0, 8), 0u) << "Retry leaves no trace";
  v.resume_now();
  rig.run(pause(20'000));
  ASSERT_EQ(rig.recorder.portals.size(), 6u);
  const Pasid host = *rig.vdcm.host_pasid(v.vm, Pasid{7});
  for (std::size_t i = 0; i < 6; ++i) {
    port::Line expected = lines[i];
    abi::store_le(expected, host.value, 4);
    EXPECT_EQ(rig.recorder.portals[i].line, expected) << "in order, with the host PASID";
    EXPECT_EQ(v.status(i), 1u);
  }
}

TEST(PauseTest, ACancelledPauseSubmitsWhatWasHeld) {  // siov.md 3.8
  for (const std::uint8_t wq : {0, 2}) {
    for (const bool mistake : {false, true}) {
      Alike rig;
      Paused v(rig, wq);
      rig.vdcm.mistakes().drop_held = mistake;
      v.pause_now();
      const port::Line line = v.copy();
      if (wq == 0) {
        v.vdev->posted_write64(0, line);
      } else {
        ASSERT_EQ(rig.run(enqcmd(*v.vdev, 0x1000, line)), port::CompletionStatus::kSuccess);
      }
      v.resume_now();
      rig.run(pause(10'000));
      EXPECT_EQ(v.done(), mistake ? 0u : 1u) << unsigned{wq};
      EXPECT_TRUE(v.vdev->portals_mapped());
      EXPECT_EQ(v.read(0x98, 4), 0u) << "no handle was revoked";
    }
  }
}

TEST(PauseTest, ReplayWaitsWhileTheSharedQueueIsFullOfOthers) {  // SIOV-H-42
  Alike rig;
  Paused v(rig, 2);
  Paused neighbour(rig, 2);
  v.pause_now();
  for (int i = 0; i < 6; ++i)
    ASSERT_EQ(rig.run(enqcmd(*v.vdev, 0x1000, v.copy())), port::CompletionStatus::kSuccess);
  int accepted = 0;
  for (int i = 0; i < 24; ++i) {
    if (rig.run(enqcmd(*neighbour.vdev, 0x1000, neighbour.copy(1 << 20))) ==
        port::CompletionStatus::kSuccess)
      ++accepted;
  }
  ASSERT_GT(accepted, 5);
  v.resume_now();
  rig.run(pause(1'000'000));
  EXPECT_EQ(v.done(), 6u);
  EXPECT_EQ(v.vdev->replayed(), 6u);
}

TEST(PauseTest, AHeldDescriptorOfALostPasidIsReportedInGuestTerms) {  // SIOV-H-20, SIOV-H-42
  Alike rig;
  Paused v(rig, 2);
  rig.vdcm.bind_pasid(v.vm, Pasid{9}, v.space.descriptor());
  v.pause_now();
  port::Line line = v.copy();
  abi::store_le(line, 9, 4);
  ASSERT_EQ(rig.run(enqcmd(*v.vdev, 0x1000, line)), port::CompletionStatus::kSuccess);
  rig.run(rig.vdcm.unbind_pasid(v.vm, Pasid{9}));
  rig.recorder.forget();
  v.resume_now();
  EXPECT_TRUE(rig.recorder.portals.empty());
  EXPECT_EQ(v.vdev->unplayable(), 1u);
  EXPECT_EQ(v.read(0xC0, 8), 0x0000'0903'0000'220Du);  // valid, descriptor, WQ 0; PASID 9; opcode 3
}

// ---- the guest goes on while the VDEV is paused

TEST(PauseTest, ACommandWaitsBehindWhatIsHeld) {
  Alike rig;
  Paused v(rig, 0);
  v.pause_now();
  v.vdev->posted_write64(0, v.copy(65536));
  v.write(0xA0, 4, 8u << 20 | 1);  // Drain WQ
  rig.run(pause(5'000));
  EXPECT_EQ(v.read(0xA8, 4), 0x8000'0000u);
  EXPECT_EQ(v.done(), 0u);
  v.resume_now();
  while (v.read(0xA8, 4) != 0) rig.run(pause(100));
  EXPECT_EQ(v.done(), 1u) << "drained means done";
}

TEST(PauseTest, AResetDropsWhatIsHeldAndStaysPaused) {  // SIOV-H-29
  Alike rig;
  Paused v(rig, 0);
  v.pause_now();
  v.vdev->posted_write64(0, v.copy());
  v.write(0xA0, 4, 8u << 20 | 1);
  v.config(0x58, 2, 0xA910);  // FLR
  EXPECT_TRUE(v.vdev->paused());
  EXPECT_TRUE(v.vdev->trapped().held().empty());
  rig.recorder.forget();
  v.resume_now();
  EXPECT_FALSE(v.vdev->portals_mapped());
  v.config(0x04, 2, 6);
  EXPECT_EQ(v.read(0x90, 4), 0u);
  rig.run(pause(5'000));
  EXPECT_TRUE(rig.recorder.portals.empty());
  EXPECT_EQ(v.read(0xA8, 4), 0u);
}

TEST(PauseTest, MisuseIsRefused) {
  Alike rig;
  Paused v(rig, 0);
  EXPECT_THROW(rig.run(save_vdev(*v.vdev)), HarnessError);
  EXPECT_THROW(rig.run(resume_vdev(*v.vdev)), HarnessError);
  v.pause_now();
  EXPECT_THROW(v.pause_now(), HarnessError);
  const vdcm::SavedVdev saved = v.saved();
  EXPECT_EQ(v.vdev->restore(saved), (std::vector<std::string>{"the VDEV is in use"}));
  vdcm::SavedVdev odd = saved;
  odd.config.pop_back();
  vdcm::Vdev& next = v.other(1);
  EXPECT_EQ(next.restore(odd).size(), 1u);
  EXPECT_FALSE(next.paused()) << "nothing has changed";
}

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
  EXPECT_EQ(g.read(0x90, 4), 1u);                                  // enabled
  EXPECT_EQ(g.read(0x508, 4), 0x1000'0781u);                       // the guest's own PASID
  EXPECT_EQ(g.read(0x518, 4) >> 30, 1u);                           // its queue runs
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
      : host(world, Alike::four_queues(), first), machine(world.memory, world.frames),
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
      const std::uint64_t message = world.scheduler.run(
          read_control(n->host.device, 0x4000 + 16 * n->handle, 8), 1'000'000);
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
