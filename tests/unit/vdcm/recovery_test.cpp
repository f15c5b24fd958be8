// SPDX-License-Identifier: Apache-2.0
// A function that halts and comes back: SIOV-H-37; dsa.md 6.
#include <gtest/gtest.h>

#include "common/error.hpp"
#include "pause_rig.hpp"

namespace siov::test {
namespace {

/// PASID enable of the physical function off while it runs (dsa.md 1.4).
void halt(Rig& rig) {
  rig.run(write_config(rig.device, rig.host.capabilities().pasid + 6U, 2, 0));
  rig.run(pause(5000));
  ASSERT_TRUE(rig.host.halted());
}

coro::Task<> recover(Rig& rig) { co_await rig.vdcm.recover(); }

/// What a guest does that finds its device halted: FLR, and everything again.
void start_again(Paused& v) {
  v.config(0x58, 2, 0xA910);
  v.enable_pci(kAllPci);
  EXPECT_EQ(v.read(0x90, 4), 0u);
  EXPECT_EQ(v.command(1, 0), 0u);
  v.set_wq_pasid(7);
  EXPECT_EQ(v.command(6, 0), 0u);
  v.write(0x610, 8, 0xFEE0'0000);
  v.write(0x618, 8, 0x51);
  v.write(0x308, 4, 0x7008);
  v.config(0x42, 2, 0x8000);
  v.rig.run(v.vdev->settle());
}

void submit(Paused& v, const port::Line& line) {
  if (v.vdev->dedicated()) {
    v.vdev->posted_write64(0, line);
  } else {
    EXPECT_EQ(v.rig.run(enqcmd(*v.vdev, 0x1000, line)), port::CompletionStatus::kSuccess);
  }
}

TEST(RecoveryTest, GuestsOfAHaltedFunctionWorkAgain) {  // SIOV-H-37
  Alike rig;
  Paused own(rig, 0);
  Paused first(rig, 2);
  Paused second(rig, 2);
  std::vector<Paused*> all{&own, &first, &second};
  for (Paused* v : all) submit(*v, v->copy(1 << 20));
  halt(rig);
  for (Paused* v : all) EXPECT_EQ(v->read(0x90, 4), 7u) << "halted, and FLR leads out";
  rig.run(recover(rig));
  EXPECT_FALSE(rig.host.halted());
  EXPECT_EQ(rig.host.recoveries(), 1u);
  EXPECT_EQ(rig.run(read_control(rig.device, 0x90, 4)) & 3, 1u);
  rig.run(pause(200'000));
  for (Paused* v : all) {
    EXPECT_EQ(v->done(), 0u) << "lost work is lost, as the device says";
    EXPECT_EQ(v->read(0x90, 4), 7u) << "no guest goes on unasked";
    EXPECT_FALSE(v->vdev->portals_mapped());
  }
  for (Paused* v : all) {
    const std::uint64_t before = v->interrupts.count(0x51);
    start_again(*v);
    const auto handle = static_cast<std::uint16_t>(v->command(13, 1) >> 8);
    submit(*v, v->copy(64, handle));
    rig.run(pause(10'000));
    EXPECT_EQ(v->done(), 1u);
    EXPECT_EQ(v->interrupts.count(0x51), before + 1);
  }
  EXPECT_EQ(rig.host.software_errors(), 1u) << "0x51 of the halt";
  EXPECT_EQ(rig.platform.stray_interrupts(), 0u);
}

TEST(RecoveryTest, InterruptEntriesAreAsBefore) {  // SIOV-H-26
  Alike rig;
  Paused v(rig, 0);
  const std::uint64_t entry = 0x4000 + 16U * *v.vdev->ims_index();
  const std::uint64_t address = rig.run(read_control(rig.device, entry, 8));
  const std::uint64_t rest = rig.run(read_control(rig.device, entry + 8, 8));
  ASSERT_EQ(address & 0xFFF0'0010, 0xFEE0'0010u);
  halt(rig);
  rig.recorder.forget();
  rig.run(recover(rig));
  EXPECT_EQ(rig.run(read_control(rig.device, entry, 8)), address);
  EXPECT_EQ(rig.run(read_control(rig.device, entry + 8, 8)), rest);
  std::vector<std::uint64_t> controls;
  for (const Recorder::Write& w : rig.recorder.writes_to(entry + 12, entry + 16))
    controls.push_back(w.value & 9);
  EXPECT_EQ(controls, (std::vector<std::uint64_t>{9, 8})) << "masked until its message is there";
}

TEST(RecoveryTest, AGuestMayResetBeforeTheHostIsDone) {
  for (const std::uint8_t wq : {0, 2}) {
    Alike rig;
    Paused v(rig, wq);
    halt(rig);
    v.config(0x58, 2, 0xA910);  // FLR on the halted function
    v.enable_pci(kAllPci);
    EXPECT_EQ(v.read(0x90, 4), 0u);
    EXPECT_EQ(v.command(1, 0), 0u);
    v.set_wq_pasid(7);
    v.config(0x42, 2, 0x8000);
    if (wq == 0) {
      EXPECT_EQ(v.command(6, 0), 0x05u) << "the queue's device is halted";
    }
    const auto recovering = rig.scheduler.start_soon(recover(rig), "recovery");
    rig.run(pause(500));
    ASSERT_TRUE(rig.host.halted()) << "in the middle of it";
    // FLR again, and all its commands, while there is no function.
    start_again(v);
    EXPECT_FALSE(rig.host.halted());
    const auto handle = static_cast<std::uint16_t>(v.command(13, 1) >> 8);
    submit(v, v.copy(64, handle));
    rig.run(pause(10'000));
    EXPECT_EQ(v.done(), 1u) << unsigned{wq};
    EXPECT_EQ(v.interrupts.count(0x51), 1u);
  }
}

TEST(RecoveryTest, OtherFunctionsGoOn) {  // SIOV-H-37: of the function
  Rig rig;
  rig.start();
  SecondFunction other(rig);
  VdevRig there(rig, [&] {
    vdcm::VdevConfig config;
    config.name = "there";
    config.queues = {vdcm::QueueConfig::physical(0, other.number)};
    return config;
  }());
  VdevRig here(rig, 0);
  there.bring_up();
  here.bring_up();
  halt(rig);
  EXPECT_EQ(here.read(0x90, 4), 7u);
  EXPECT_EQ(there.read(0x90, 4), 1u);
  const Iova record = there.space.allocate(32);
  there.vdev->posted_write64(0, there.copy_line(7, record));
  rig.run(recover(rig));
  EXPECT_EQ(there.status(record), 1u);
  EXPECT_EQ(there.read(0x90, 4), 1u);
  EXPECT_FALSE(other.host.halted());
}

TEST(RecoveryTest, WithAnEventLogItIsEmptyAndWorks) {  // dsa.md 2.11
  Rig rig(Alike::four_queues());
  rig.host.use_event_log(rig.memory, rig.frames, 64);
  rig.start();
  Paused v(rig, 2);
  const Iova bad = v.space.allocate(64) + 8;
  static_cast<void>(rig.run(enqcmd(*v.vdev, 0x1000, v.copy_line(7, bad))));
  rig.run(pause(5000));
  ASSERT_EQ(rig.host.events(), 1u);
  halt(rig);
  const std::uint64_t events = rig.host.events();
  rig.run(recover(rig));
  start_again(v);
  static_cast<void>(rig.run(enqcmd(*v.vdev, 0x1000, v.copy_line(7, bad))));
  rig.run(pause(5000));
  EXPECT_EQ(rig.host.events(), events + 1);
  EXPECT_EQ(v.read(0xC0, 8) & 0x0FFF'FFFF'FFFF'FF0F,
            0x0000'0703'0000'1B0Du);  // valid, descriptor, WQ 0; PASID 7; opcode 3
}

TEST(RecoveryTest, AHealthyFunctionBeginsAfreshAsWell) {
  Alike rig;
  Paused v(rig, 0);
  rig.run(recover(rig));
  EXPECT_EQ(v.read(0x90, 4), 7u) << "its guest has to know";
  start_again(v);
  submit(v, v.copy());
  rig.run(pause(10'000));
  EXPECT_EQ(v.done(), 1u);
}

}  // namespace
}  // namespace siov::test
