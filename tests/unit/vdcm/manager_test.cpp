// SPDX-License-Identifier: Apache-2.0
// Management interface: every legal step, every misuse, what is refused and why.
#include "vdcm/manager.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>

#include "manager_rig.hpp"

namespace siov::test {
namespace {

using vdcm::QueueRequest;
using vdcm::RefusalCode;
using vdcm::VdevAction;
using vdcm::VdevId;
using vdcm::VdevState;

template <class T>
RefusalCode code(const vdcm::Manager::Answer<T>& answer) {
  return answer ? RefusalCode::kUnknownVm : answer.error().code;
}

/// Does one action on a VDEV. @return what was refused, nothing if it worked
std::optional<vdcm::Refusal> act(ManagedRig& rig, VdevId id, VdevAction action) {
  const auto why = [](const auto& answer) {
    return answer ? std::nullopt : std::optional(answer.error());
  };
  switch (action) {
    case VdevAction::kStart:
      return why(rig.manager.start(id));
    case VdevAction::kStop:
      return why(rig.run(rig.manager.stop(id)));
    case VdevAction::kPause:
      return why(rig.run(rig.manager.pause(id)));
    case VdevAction::kResume:
      return why(rig.run(rig.manager.resume(id)));
    case VdevAction::kSave:
      return why(rig.run(rig.manager.save(id)));
    case VdevAction::kRestore: {
      const VdevId other = rig.make("other", {QueueRequest::shared()});
      EXPECT_TRUE(rig.manager.start(other));
      EXPECT_TRUE(rig.run(rig.manager.pause(other)));
      const auto saved = rig.run(rig.manager.save(other));
      EXPECT_TRUE(rig.run(rig.manager.destroy(other)));
      return why(rig.run(rig.manager.restore(id, *saved)));
    }
    case VdevAction::kResize:
      return why(rig.run(rig.manager.resize(id, {QueueRequest::shared()})));
    case VdevAction::kReset:
      return why(rig.run(rig.manager.reset(id)));
    case VdevAction::kDestroy:
      return why(rig.run(rig.manager.destroy(id)));
    case VdevAction::kMigrate:
      break;  // migration_manager_test.cpp
  }
  return std::nullopt;
}

VdevId in_state(ManagedRig& rig, VdevState state) {
  const VdevId id = rig.make("subject", {QueueRequest::shared()});
  const std::vector<VdevAction> ways[] = {
      {},
      {VdevAction::kStart},
      {VdevAction::kStart, VdevAction::kPause},
      {VdevAction::kStart, VdevAction::kPause, VdevAction::kSave},
      {VdevAction::kDestroy}};
  for (const VdevAction step : ways[static_cast<std::size_t>(state)])
    EXPECT_FALSE(act(rig, id, step).has_value());
  EXPECT_EQ(rig.manager.state(id), state);
  return id;
}

struct Step {
  VdevAction action;
  /// After created, running, paused, saved; nothing: refused.
  std::array<std::optional<VdevState>, 4> next;
};

constexpr auto kCreated = VdevState::kCreated;
constexpr auto kRunning = VdevState::kRunning;
constexpr auto kPaused = VdevState::kPaused;
constexpr auto kSaved = VdevState::kSaved;
constexpr auto kGone = VdevState::kGone;

class TransitionTest : public testing::TestWithParam<Step> {};

TEST_P(TransitionTest, FromEachState) {
  const Step& step = GetParam();
  for (const VdevState from : {kCreated, kRunning, kPaused, kSaved}) {
    SCOPED_TRACE(std::string(to_string(step.action)) + " of " + std::string(to_string(from)));
    const std::optional<VdevState> next = step.next[static_cast<std::size_t>(from)];
    EXPECT_EQ(vdcm::after(step.action, from), next);
    ManagedRig rig;
    const VdevId id = in_state(rig, from);
    const auto refused = act(rig, id, step.action);
    EXPECT_EQ(refused.has_value(), !next.has_value());
    EXPECT_EQ(rig.manager.state(id), next.value_or(from));
    if (refused) {
      EXPECT_EQ(refused->code, RefusalCode::kState);
      EXPECT_NE(refused->reason.find("subject is " + std::string(to_string(from))),
                std::string::npos)
          << refused->reason;
      EXPECT_EQ(rig.log.events().back().event, "refused");
    }
  }
}

TEST_P(TransitionTest, OfAVdevThatIsGone) {
  ManagedRig rig;
  const VdevId id = in_state(rig, kGone);
  const auto refused = act(rig, id, GetParam().action);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->code, RefusalCode::kUnknownVdev);
  EXPECT_EQ(refused->reason, "there is no VDEV 1");
}

INSTANTIATE_TEST_SUITE_P(
    Actions, TransitionTest,
    testing::Values(Step{VdevAction::kStart, {{kRunning, {}, {}, {}}}},
                    Step{VdevAction::kStop, {{{}, kCreated, kCreated, kCreated}}},
                    Step{VdevAction::kPause, {{{}, kPaused, {}, {}}}},
                    Step{VdevAction::kResume, {{{}, {}, kRunning, kRunning}}},
                    Step{VdevAction::kSave, {{{}, {}, kSaved, kSaved}}},
                    Step{VdevAction::kRestore, {{kPaused, {}, {}, {}}}},
                    Step{VdevAction::kResize, {{kCreated, {}, {}, {}}}},
                    Step{VdevAction::kReset, {{kCreated, kRunning, kPaused, kPaused}}},
                    Step{VdevAction::kDestroy, {{kGone, kGone, kGone, kGone}}}),
    [](const auto& info) { return std::string(to_string(info.param.action)); });

coro::Task<> race(ManagedRig& rig, VdevId id, std::optional<vdcm::Refusal>& refused) {
  coro::JoinHandle destroying = coro::start_soon(
      [](ManagedRig& r, VdevId v) -> coro::Task<> {
        static_cast<void>(co_await r.manager.destroy(v));
      }(rig, id),
      "destroy");
  co_await coro::Timer(coro::ns(10));
  const auto second = co_await rig.manager.reset(id);
  if (!second) refused = second.error();
  co_await destroying;
}

TEST(ManagerTest, ASecondActionWaitsForNothingAndIsRefused) {
  ManagedRig rig;
  const VdevId id = rig.make("a", {QueueRequest::dedicated()});
  ASSERT_TRUE(rig.manager.start(id));
  guest::Machine machine(rig.memory, rig.frames);
  guest::AddressSpaceConfig layout;
  layout.kind = vdcm::TranslationKind::kPassThrough;
  guest::AddressSpace space(machine, layout);
  guest::DsaDriver driver(**rig.manager.device(id), space);
  rig.run(driver.probe());
  rig.run(driver.enable());
  std::optional<vdcm::Refusal> refused;
  rig.run(race(rig, id, refused));
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->code, RefusalCode::kBusy);
  EXPECT_EQ(refused->reason, "a is busy: destroy");
  EXPECT_EQ(rig.manager.state(id), kGone);
}

TEST(ManagerTest, AGuestGetsItsDeviceFromStartToEnd) {
  ManagedRig rig;
  const VdevId id = rig.make("a", {QueueRequest::shared()});
  EXPECT_EQ(code(rig.manager.device(id)), RefusalCode::kState);
  ASSERT_TRUE(rig.manager.start(id));
  EXPECT_EQ(*rig.manager.device(id), rig.manager.inspect(id));
  ASSERT_TRUE(rig.run(rig.manager.pause(id)));
  EXPECT_TRUE(rig.manager.device(id));  // vCPUs may run on (SIOV-H-38)
  ASSERT_TRUE(rig.run(rig.manager.destroy(id)));
  EXPECT_EQ(code(rig.manager.device(id)), RefusalCode::kUnknownVdev);
}

TEST(ManagerTest, RequestsThatMakeNoSense) {
  ManagedRig rig;
  const auto refused = [&](vdcm::VdevRequest r) {
    const auto answer = rig.create(std::move(r));
    return answer ? std::string("created") : answer.error().reason;
  };
  EXPECT_EQ(refused(rig.request("", {QueueRequest::shared()})), "a VDEV needs a name");
  EXPECT_EQ(refused(rig.request("a", {})), "a VDEV has 1 to 8 queues, not 0");
  EXPECT_EQ(refused(rig.request("a", std::vector<QueueRequest>(9, rig.software()))),
            "a VDEV has 1 to 8 queues, not 9");
  for (const std::uint16_t vectors : {std::uint16_t{1}, std::uint16_t{65}}) {
    vdcm::VdevRequest r = rig.request("a", {QueueRequest::shared()});
    r.vectors = vectors;
    EXPECT_EQ(code(rig.create(r)), RefusalCode::kRequest);
  }
  QueueRequest elsewhere = QueueRequest::shared();
  elsewhere.function = 1;
  EXPECT_EQ(refused(rig.request("a", {elsewhere})), "there is no function 1");
  QueueRequest numbered = rig.software();
  numbered.wq = 0;
  EXPECT_EQ(refused(rig.request("a", {numbered})), "an emulated queue has no number");
  QueueRequest idle = rig.software();
  idle.emulated.dma = nullptr;
  EXPECT_EQ(code(rig.create(rig.request("a", {idle}))), RefusalCode::kRequest);
  vdcm::VdevRequest foreign = rig.request("a", {QueueRequest::shared()});
  foreign.vm = 77;
  EXPECT_EQ(refused(foreign), "there is no VM 77");
  EXPECT_EQ(refused(rig.request("a", {QueueRequest::shared(9)})), "there is no queue 9");
  EXPECT_EQ(refused(rig.request("a", {QueueRequest::shared(0)})), "queue 0: it is dedicated");
  EXPECT_EQ(refused(rig.request("a", {QueueRequest::dedicated(2)})), "queue 2: it is shared");
  EXPECT_EQ(refused(rig.request("a", {QueueRequest::shared(2), QueueRequest::shared(2)})),
            "queue 2 is named twice");
  EXPECT_EQ(rig.manager.vdev_count(), 0u);
  EXPECT_EQ(rig.log.count("created"), 0u);
  EXPECT_EQ(rig.log.count("refused"), 13u);
  EXPECT_EQ(*rig.manager.usage(rig.vm), vdcm::VmUsage{});
  EXPECT_EQ(rig.vdcm.live_pasids(), 0u);
}

TEST(ManagerTest, DedicatedQueuesServeOneVdev) {  // SIOV-H-33
  ManagedRig rig;
  const VdevId a = rig.make("a", {QueueRequest::dedicated()});
  const VdevId b = rig.make("b", {QueueRequest::dedicated()});
  EXPECT_EQ(rig.queue_of(a), 0);
  EXPECT_EQ(rig.queue_of(b), 1);
  const auto third = rig.create(rig.request("c", {QueueRequest::dedicated()}));
  EXPECT_EQ(code(third), RefusalCode::kQueue);
  EXPECT_EQ(third.error().reason, "no dedicated queue is free for this VM");
  const auto named = rig.create(rig.request("c", {QueueRequest::dedicated(1)}));
  EXPECT_EQ(named.error().reason, "queue 1: another VDEV has it");
  ASSERT_TRUE(rig.run(rig.manager.destroy(a)));
  EXPECT_EQ(rig.queue_of(rig.make("c", {QueueRequest::dedicated()})), 0);
}

TEST(ManagerTest, TypesOnOffer) {
  ManagedRig rig;
  using vdcm::VdevType;
  EXPECT_EQ(rig.manager.available(VdevType::kDedicated), 2u);
  EXPECT_EQ(rig.manager.available(VdevType::kShared), 256u);  // interrupt entries
  EXPECT_EQ(rig.manager.available(VdevType::kMulti), 128u);
  EXPECT_EQ(rig.manager.available(VdevType::kEmulated), 0xF7FFFu);  // PASIDs 0x8001..0xFFFFF
  static_cast<void>(rig.make("a", {QueueRequest::dedicated(), QueueRequest::shared()}));
  EXPECT_EQ(rig.manager.available(VdevType::kDedicated), 1u);
  EXPECT_EQ(rig.manager.available(VdevType::kShared), 254u);
  EXPECT_EQ(vdcm::type_of(rig.request("a", {QueueRequest::shared(), rig.software()})),
            VdevType::kMulti);
  EXPECT_EQ(vdcm::type_of(rig.request("a", {rig.software()})), VdevType::kEmulated);
  EXPECT_EQ(vdcm::type_of(rig.request("a", {QueueRequest::dedicated()})), VdevType::kDedicated);
  EXPECT_EQ(to_string(VdevType::kShared), "shared");
}

TEST(ManagerTest, ResizeKeepsTheNumberAndTakesItsOwnQueuesAgain) {  // SIOV-H-34
  ManagedRig rig;
  const VdevId id = rig.make("a", {QueueRequest::dedicated(0)});
  ASSERT_TRUE(rig.run(rig.manager.resize(
      id, {QueueRequest::dedicated(), QueueRequest::dedicated(), QueueRequest::shared()})));
  EXPECT_EQ(rig.manager.inspect(id)->queue_count(), 3);
  EXPECT_EQ(rig.manager.usage(rig.vm)->queues, 3u);
  EXPECT_EQ(rig.manager.usage(rig.vm)->interrupts, 3u);
  EXPECT_EQ(rig.vdcm.users(0) + rig.vdcm.users(1) + rig.vdcm.users(2), 3u);
  ASSERT_TRUE(rig.run(rig.manager.resize(id, {QueueRequest::shared()})));
  EXPECT_EQ(rig.vdcm.users(0) + rig.vdcm.users(1), 0u);
  const VdevId other = rig.make("b", {QueueRequest::dedicated(0)});
  const auto refused = rig.run(rig.manager.resize(id, {QueueRequest::dedicated(0)}));
  EXPECT_EQ(code(refused), RefusalCode::kQueue);
  EXPECT_EQ(rig.manager.inspect(id)->queue_count(), 1);  // nothing has changed
  EXPECT_EQ(rig.queue_of(id), 2);
  EXPECT_EQ(rig.manager.state(other), kCreated);
}

TEST(ManagerTest, ASavedVdevThatDoesNotFitIsRefused) {  // SIOV-H-44
  ManagedRig rig;
  const VdevId big = rig.make("big", {QueueRequest::dedicated(0)});
  ASSERT_TRUE(rig.manager.start(big));
  ASSERT_TRUE(rig.run(rig.manager.pause(big)));
  const auto saved = rig.run(rig.manager.save(big));
  ASSERT_TRUE(saved);
  const VdevId small = rig.make("small", {QueueRequest::dedicated(1)});
  const auto refused = rig.run(rig.manager.restore(small, *saved));
  EXPECT_EQ(code(refused), RefusalCode::kIncompatible);
  EXPECT_EQ(refused.error().reason, "queue 0: has 16 entries, there 8");
  EXPECT_EQ(rig.manager.state(small), kCreated);
}

TEST(ManagerTest, ClosingAVmEndsEverythingOfIt) {  // SIOV-H-31
  ManagedRig rig;
  const VdevId running = rig.make("running", {QueueRequest::shared()});
  const VdevId paused = rig.make("paused", {QueueRequest::dedicated()});
  static_cast<void>(rig.make("created", {rig.software()}));
  ASSERT_TRUE(rig.manager.start(running));
  ASSERT_TRUE(rig.manager.start(paused));
  ASSERT_TRUE(rig.run(rig.manager.pause(paused)));
  ASSERT_TRUE(rig.manager.bind_pasid(rig.vm, Pasid{7}, vdcm::Space::pass_through()));
  ASSERT_TRUE(rig.run(rig.manager.close_vm(rig.vm)));
  EXPECT_EQ(rig.manager.vdev_count(), 0u);
  EXPECT_EQ(rig.vdcm.live_pasids(), 0u);
  EXPECT_EQ(rig.vdcm.vdevs().size(), 0u);
  EXPECT_EQ(rig.log.count("destroyed"), 3u);
  EXPECT_EQ(code(rig.manager.usage(rig.vm)), RefusalCode::kUnknownVm);
  EXPECT_EQ(rig.run(rig.manager.close_vm(rig.vm)).error().code, RefusalCode::kUnknownVm);
}

TEST(ManagerTest, LifeIsLoggedInOrder) {
  ManagedRig rig;
  const VdevId id = rig.make("db", {QueueRequest::shared(), rig.software()});
  ASSERT_TRUE(rig.manager.start(id));
  ASSERT_TRUE(rig.run(rig.manager.pause(id)));
  ASSERT_TRUE(rig.run(rig.manager.resume(id)));
  ASSERT_TRUE(rig.run(rig.manager.reset(id)));
  ASSERT_TRUE(rig.run(rig.manager.stop(id)));
  EXPECT_FALSE(rig.run(rig.manager.pause(id)));
  ASSERT_TRUE(rig.run(rig.manager.destroy(id)));
  std::vector<std::string> names;
  for (const vdcm::LifecycleEvent& e : rig.log.events()) {
    names.push_back(e.event);
    EXPECT_EQ(e.vm, rig.vm);
    if (e.event != "vm-created") EXPECT_EQ(e.name, "db");
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"vm-created", "created", "started", "paused", "resumed",
                                      "reset", "stopped", "refused", "destroyed"}));
  EXPECT_EQ(rig.log.events()[1].detail, "WQ 0:2 emulated");
  EXPECT_EQ(rig.log.events()[7].detail, "pause: db is created, it has to be running");
}

}  // namespace
}  // namespace siov::test
