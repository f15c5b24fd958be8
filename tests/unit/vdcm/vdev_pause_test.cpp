// SPDX-License-Identifier: Apache-2.0
// A VDEV that pauses and goes on, and what its guest does meanwhile: SIOV-H-38, SIOV-H-42; siov.md
// 3.7, 3.8.
#include <gtest/gtest.h>

#include "abi/little_endian.hpp"
#include "common/error.hpp"
#include "pause_rig.hpp"

namespace siov::test {
namespace {

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

// ---- a store of 64 bytes in parts, and the CPU stopped between them

/// Bytes [first, end) of a descriptor, in 8-byte stores.
void store_parts(port::DevicePort& vdev, const port::Line& line, std::uint32_t first,
                 std::uint32_t end) {
  for (std::uint32_t at = first; at < end; at += 8)
    vdev.mmio_write(port::Bar::kPortal, 0x80 + at, 8, abi::load_le(std::span(line).subspan(at), 8));
}

TEST(PauseTest, AStoreInPartsGoesOnAfterThePause) {  // SIOV-H-11, SIOV-H-42
  Alike rig;
  Paused v(rig, 0);
  v.pause_now();
  const port::Line line = v.copy();
  store_parts(*v.vdev, line, 0, 40);
  EXPECT_EQ(v.vdev->trapped().open_slots(), 1u);
  v.resume_now();
  EXPECT_TRUE(v.vdev->portals_mapped());
  rig.recorder.forget();
  store_parts(*v.vdev, line, 40, 64);
  ASSERT_EQ(rig.recorder.portals.size(), 1u);
  EXPECT_EQ(rig.recorder.portals[0].line, line);
  EXPECT_EQ(v.vdev->trapped().open_slots(), 0u);
  rig.run(pause(10'000));
  EXPECT_EQ(v.done(), 1u);
  // In a mapped slot without parts they are what they always were: no descriptor.
  rig.recorder.forget();
  store_parts(*v.vdev, line, 0, 64);
  EXPECT_TRUE(rig.recorder.portals.empty());
}

TEST(PauseTest, AStoreInPartsEndsElsewhere) {  // SIOV-H-39
  Alike rig;
  Paused v(rig, 0);
  v.pause_now();
  const port::Line line = v.copy();
  store_parts(*v.vdev, line, 0, 24);
  const vdcm::SavedVdev saved = v.saved();
  ASSERT_EQ(saved.parts.size(), 1u);
  EXPECT_EQ(saved.parts[0].offset, 0x80u);
  EXPECT_EQ(saved.parts[0].present, 0xFF'FFFFu);
  const auto travelled = vdcm::parse(vdcm::serialize(saved));
  ASSERT_TRUE(travelled) << travelled.error();
  vdcm::Vdev& next = v.other(1);
  ASSERT_TRUE(next.restore(*travelled).empty());
  ASSERT_EQ(rig.run(resume_vdev(next)), "");
  rig.recorder.forget();
  store_parts(next, line, 24, 64);
  ASSERT_EQ(rig.recorder.portals.size(), 1u);
  EXPECT_EQ(rig.recorder.portals[0].line, line);
  EXPECT_EQ(rig.recorder.portals[0].offset, 0x6080u);  // WQ 1, IMS, the same slot
  rig.run(pause(10'000));
  EXPECT_EQ(v.done(), 1u);
}

TEST(PauseTest, PartsEndWithTheirQueue) {
  Alike rig;
  Paused v(rig, 0);
  v.pause_now();
  const port::Line line = v.copy();
  store_parts(*v.vdev, line, 0, 32);
  v.resume_now();
  EXPECT_EQ(v.command(7, 1), 0u);  // Disable WQ
  EXPECT_EQ(v.vdev->trapped().open_slots(), 0u);
  EXPECT_EQ(v.command(6, 0), 0u);
  rig.recorder.forget();
  store_parts(*v.vdev, line, 32, 64);
  EXPECT_TRUE(rig.recorder.portals.empty());
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

TEST(PauseTest, OnlyAFreshVdevBecomesTheSavedOne) {
  Alike rig;
  Paused v(rig, 0);
  v.pause_now();
  const vdcm::SavedVdev saved = v.saved();
  EXPECT_EQ(v.vdev->restore(saved), (std::vector<std::string>{"the VDEV is in use"}));
  vdcm::SavedVdev odd = saved;
  odd.config.pop_back();
  vdcm::Vdev& next = v.other(1);
  EXPECT_EQ(next.restore(odd).size(), 1u);
  EXPECT_FALSE(next.paused()) << "nothing has changed";
  EXPECT_TRUE(next.restore(saved).empty());
}

TEST(PauseTest, MisuseIsRefused) {
  Alike rig;
  Paused v(rig, 0);
  v.pause_now();
  EXPECT_THROW(v.pause_now(), HarnessError);
  Alike other;
  Paused running(other, 0);
  EXPECT_THROW(other.run(save_vdev(*running.vdev)), HarnessError);
  EXPECT_THROW(other.run(resume_vdev(*running.vdev)), HarnessError);
}

}  // namespace
}  // namespace siov::test
