// SPDX-License-Identifier: Apache-2.0
// Attacks while the host pauses, moves, resets, rebinds and destroys.
#include <fmt/format.h>

#include <algorithm>

#include "abi/siov_abi.hpp"
#include "common/error.hpp"
#include "hostile/attack.hpp"
#include "hostile/attack_tools.hpp"

namespace siov::hostile {

namespace {

using vdcm::Manager;

template <class T>
bool check(Attacker& a, const Manager::Answer<T>& answer, const char* what) {
  a.expect(answer.has_value(),
           answer ? "" : fmt::format("{} was refused: {}", what, answer.error().reason));
  return answer.has_value();
}

/// At any byte, as a number of three bytes. @spec SIOV-H-39
void expect_no_host_numbers(Attacker& a, const std::vector<std::byte>& image) {
  std::vector<Pasid> pasids = a.around().vdcm.host_pasids(a.vm());
  pasids.push_back(a.vdev()->default_pasid());
  for (const Pasid p : pasids) {
    std::array<std::byte, 3> number{};
    abi::store_le(number, p.value, 3);
    a.expect(std::ranges::search(image, number).empty(), "a host PASID is in the image");
  }
}

coro::Task<> must_work(Attacker& a) {
  bool good = co_await a.bring_up();
  const auto record = co_await a.run(kSharedQueue, a.copy());
  good = good && record && record->status == abi::kStSuccess;
  a.expect(good, "its device does not work afterwards");
}

coro::Task<> pause_storm(Attacker& a) {
  Manager& manager = a.around().manager;
  Storm storm(a, 60);
  for (std::uint32_t i = 0; i < 6; ++i) {
    co_await a.wait_ns(800);
    const auto paused = co_await manager.pause(a.id());
    check(a, paused, "pause");
    must_trap(a, kDedicatedQueue);  // H-38
    must_trap(a, kSharedQueue);
    co_await a.wait_ns(1'200);
    const auto resumed = co_await manager.resume(a.id());
    check(a, resumed, "resume");
  }
  co_await storm.end();
  co_await must_work(a);
}

/// Commands and resets by the guest while it is paused.
coro::Task<> commands_in_pause(Attacker& a) {
  Manager& manager = a.around().manager;
  for (std::uint32_t i = 0; i < 5; ++i) {
    co_await a.submit(kSharedQueue, a.copy());
    const auto paused = co_await manager.pause(a.id());
    check(a, paused, "pause");
    a.write(abi::kRegCmd, 4,
            (i % 2 == 0 ? abi::kCmdResetDevice : abi::kCmdAbortAll) << abi::kCmdCodeLsb);
    a.write(abi::kRegCmd, 4, abi::kCmdDisableDevice << abi::kCmdCodeLsb);
    for (std::uint32_t n = 0; n < 20; ++n) a.movdir64b(a.portal(kDedicatedQueue), a.random_line());
    if (i == 3) co_await a.config_write(0x58, 2, 0x8000);
    if (i == 4) co_await a.config_write(0x04, 2, 0x0002);
    for (std::uint32_t n = 0; n < 60; ++n) {
      const port::Line line = abi::to_line(a.copy());
      co_await a.enqcmd(a.portal(kSharedQueue), line);
      if (a.space().allocated_bytes() > 0x18'0000) break;
    }
    const auto resumed = co_await manager.resume(a.id());
    check(a, resumed, "resume");
    co_await a.wait_ns(1'500);
    const bool good = co_await a.bring_up();
    if (!good) {
      co_await a.config_write(0x58, 2, 0x8000);
      co_await must_work(a);
    }
  }
}

/// To another VDEV with another dedicated queue, and back.
coro::Task<> move_storm(Attacker& a) {
  Manager& manager = a.around().manager;
  for (std::uint32_t i = 0; i < 3; ++i) {
    vdcm::VdevRequest wanted =
        a.request("attacker", i % 2 == 0 ? a.around().spare_wq : a.around().dedicated_wq);
    const auto target = co_await manager.create(std::move(wanted));
    if (!check(a, target, "a second VDEV")) co_return;
    Storm storm(a, 60);
    co_await a.wait_ns(700);
    const auto paused = co_await manager.pause(a.id());
    check(a, paused, "pause");
    co_await a.wait_ns(700);
    co_await storm.end();
    co_await a.slot().stop();
    const auto saved = co_await manager.save(a.id());
    if (!check(a, saved, "save")) co_return;
    const std::vector<std::byte> bytes = vdcm::serialize(*saved);
    expect_no_host_numbers(a, bytes);
    const auto parsed = vdcm::parse(bytes);
    const auto restored = co_await manager.restore(*target, *parsed);
    if (!check(a, restored, "restore")) co_return;
    const vdcm::VdevId old = a.id();
    a.slot().start(*manager.inspect(*target));
    const auto resumed = co_await manager.resume(*target);
    check(a, resumed, "resume");
    a.set_device(*target, manager.inspect(*target));
    const auto gone = co_await manager.destroy(old);
    check(a, gone, "destroy");
    for (std::uint32_t n = 0; n < 4; ++n) {  // with the handle of before
      abi::Descriptor d = a.copy();
      d.flags |= abi::flag(abi::kFlagRci);
      d.interrupt_handle = a.handle();
      co_await a.submit(static_cast<std::uint8_t>(n % 2), d);
    }
    co_await must_work(a);
  }
}

/// Images of itself with flipped bits.
coro::Task<> forged_images(Attacker& a) {
  Manager& manager = a.around().manager;
  const auto paused = co_await manager.pause(a.id());
  check(a, paused, "pause");
  const auto saved = co_await manager.save(a.id());
  if (!check(a, saved, "save")) co_return;
  const std::vector<std::byte> bytes = vdcm::serialize(*saved);
  for (std::uint32_t i = 0; i < 400; ++i) {
    std::vector<std::byte> bad = bytes;
    const std::uint64_t bit = a.draw(0, 8 * bad.size() - 1);
    bad[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    if (i % 5 == 0) bad.resize(a.draw(0, bad.size()));
    const auto parsed = vdcm::parse(bad);
    a.expect(!parsed, "an image that was changed is taken");  // H-44
  }
  const auto resumed = co_await manager.resume(a.id());
  check(a, resumed, "resume");
  co_await must_work(a);
}

coro::Task<> host_resets(Attacker& a) {
  Manager& manager = a.around().manager;
  for (std::uint32_t i = 0; i < 6; ++i) {
    Storm storm(a, 60);
    co_await a.wait_ns(800);
    if (i % 2 == 0) {
      const auto reset = co_await manager.reset(a.id());
      check(a, reset, "reset");
    } else {
      co_await a.around().vdcm.reset_vm(a.vm());
    }
    co_await a.config_write(0x04, 2, 0x0006);  // its BARs answer
    must_trap(a, kDedicatedQueue);
    must_trap(a, kSharedQueue);
    co_await storm.end();
    const bool good = co_await a.bring_up();
    a.expect(good, "the device does not start after a reset by the host");
  }
}

/// The PASID goes and comes under load.
coro::Task<> rebind_storm(Attacker& a) {
  Manager& manager = a.around().manager;
  for (std::uint32_t i = 0; i < 4; ++i) {
    Storm storm(a, 60);
    co_await a.wait_ns(800);
    const Pasid old = *a.around().vdcm.host_pasid(a.vm(), kGuestPasid);
    const auto unbound = co_await manager.unbind_pasid(a.vm(), kGuestPasid);
    check(a, unbound, "unbind");
    const std::uint64_t faults = a.around().host.iommu.statistics().faults;
    const port::Line line = abi::to_line(a.copy());
    const port::CompletionStatus status = co_await a.enqcmd(a.portal(kSharedQueue), line);
    a.expect(status == port::CompletionStatus::kUnsupportedRequest,
             "a PASID is sent after its end");
    co_await a.wait_ns(1'000);
    a.expect(a.around().host.iommu.statistics().faults == faults,
             "work of a PASID is under way after its end");  // H-24
    std::array<std::byte, 4> bytes{};
    a.expect(!a.around().host.iommu.peek(old, a.copy().source, bytes),
             "the IOMMU still knows the PASID");
    co_await storm.end();
    const auto bound = manager.bind_pasid(a.vm(), kGuestPasid, a.space().descriptor());
    check(a, bound, "bind");
    co_await must_work(a);
  }
}

/// Gone in the middle of everything; its queues go to a fresh VDEV that must know nothing.
coro::Task<> killed(Attacker& a) {
  Manager& manager = a.around().manager;
  for (std::uint32_t i = 0; i < 3; ++i) {
    for (std::uint32_t n = 0; n < 8; ++n) {
      co_await a.submit(kDedicatedQueue, a.copy());
      co_await a.submit(kSharedQueue, a.copy());
      co_await a.submit(kSoftwareQueue, a.copy());
    }
    a.write(abi::kRegCmd, 4, abi::kCmdDrainAll << abi::kCmdCodeLsb);
    const vdcm::VdevId old = a.id();
    a.set_device(0, nullptr);
    const auto gone = co_await manager.destroy(old);
    check(a, gone, "destroy");
    vdcm::VdevRequest wanted = a.request("heir", a.around().dedicated_wq);
    const auto id = co_await manager.create(std::move(wanted));
    if (!check(a, id, "a new VDEV")) co_return;
    check(a, manager.start(*id), "start");
    a.set_device(*id, *manager.device(*id));
    // Power-on state. @spec SIOV-H-31
    const std::uint32_t command = co_await a.config_read(0x04, 2);
    a.expect(command == 0, "the command register of a new VDEV is not 0");
    co_await a.config_write(0x04, 2, 0x0006);
    constexpr std::uint32_t kZeros[] = {0x80, 0x88,  0x90,  0x98,  0xA8,  0xC0,  0xC8,  0xD0,
                                        0xD8, 0x300, 0x308, 0x600, 0x608, 0x610, 0x618, 0x700};
    for (const std::uint32_t at : kZeros) {
      const std::uint64_t value = co_await a.read(at, 8);
      const bool masked = at == 0x608 || at == 0x618;
      a.expect(value == (masked ? std::uint64_t{1} << 32 : 0),
               fmt::format("register {:#x} of a new VDEV is {:#x}", at, value));
    }
    const bool good = co_await a.bring_up();
    a.expect(good, "the new VDEV does not start");
  }
}

coro::Task<> vm_closed(Attacker& a) {
  Manager& manager = a.around().manager;
  for (std::uint32_t n = 0; n < 8; ++n) {
    co_await a.submit(kDedicatedQueue, a.copy());
    co_await a.submit(kSharedQueue, a.copy());
    co_await a.submit(kSoftwareQueue, a.copy());
  }
  a.write(abi::kRegCmd, 4, abi::kCmdResetDevice << abi::kCmdCodeLsb);
  const vdcm::VmId vm = a.vm();
  a.forget_vm();
  const auto closed = co_await manager.close_vm(vm);
  check(a, closed, "close");
}

coro::Task<> stop_and_start(Attacker& a) {
  Manager& manager = a.around().manager;
  for (std::uint32_t i = 0; i < 4; ++i) {
    for (std::uint32_t n = 0; n < 6; ++n) {
      co_await a.submit(kDedicatedQueue, a.copy());
      co_await a.submit(kSharedQueue, a.copy());
    }
    const auto stopped = co_await manager.stop(a.id());
    check(a, stopped, "stop");
    a.movdir64b(a.portal(kDedicatedQueue), a.random_line());
    check(a, manager.start(a.id()), "start");
    const bool good = co_await a.bring_up();
    a.expect(good, "the device does not start");
  }
}

/// Everything at once, without a plan.
coro::Task<> everything(Attacker& a) {
  Storm storm(a, 90);
  const std::vector<Iova> pages = a.stolen_pages();
  for (std::uint32_t i = 0; i < 120; ++i) {
    const std::uint64_t what = a.draw(0, 7);
    if (what == 0) a.write(abi::kRegCmd, 4, a.draw(0, 0xFFFF'FFFF));
    if (what == 1) a.write(a.draw(0, 0x1FF) * 8, 8, a.draw(0, ~std::uint64_t{0}));
    if (what == 2)
      co_await a.config_write(static_cast<std::uint32_t>(a.draw(0, 0x7F) * 4), 4,
                              static_cast<std::uint32_t>(a.draw(0, ~0U)));
    if (what == 3)
      co_await aim(a, static_cast<std::uint8_t>(i % kQueues), pages[a.draw(0, pages.size() - 1)]);
    if (what == 4) {
      const auto paused = co_await a.around().manager.pause(a.id());
      check(a, paused, "pause");
      co_await a.wait_ns(200);
      const auto resumed = co_await a.around().manager.resume(a.id());
      check(a, resumed, "resume");
    }
    if (what == 5) co_await a.read(a.draw(0, 0x3FF) * 8, 8);
    if (what == 6)
      a.portal_write(a.draw(0, 0xFFFF), std::uint32_t{1} << a.draw(0, 3),
                     a.draw(0, ~std::uint64_t{0}));
    if (what == 7 && i % 3 == 0) co_await a.bring_up();
    co_await a.wait_ns(100);
  }
  co_await storm.end();
}

}  // namespace

std::vector<Attack> life_attacks() {
  const Group g = Group::kLifeCycle;
  const Setting open{.open_results = true};
  return {
      {"storm-in-pause", g, "SIOV-H-38, H-42", "submits without end while the host pauses it",
       "portals are unmapped; what is submitted is held or refused", pause_storm, open},
      {"commands-in-pause", g, "SIOV-H-38, H-42",
       "commands, resets and too many descriptors while paused",
       "they wait; the device works afterwards", commands_in_pause, open},
      {"storm-in-move", g, "SIOV-H-39, H-40",
       "submits without end while the host moves it to other queues",
       "the image holds no number of the host; old handles die", move_storm, open},
      {"forged-images", g, "SIOV-H-39, H-44", "restores images of itself with flipped bits",
       "each is refused", forged_images},
      {"storm-in-host-reset", g, "SIOV-H-29, H-10",
       "submits without end while the host resets it and its VM", "portals are unmapped",
       host_resets, open},
      {"storm-in-unbind", g, "SIOV-H-24, D-41",
       "submits without end while its PASID is unbound and bound",
       "nothing of the PASID comes after its end", rebind_storm, open},
      {"killed-at-work", g, "SIOV-H-31, D-13",
       "is destroyed with work and a command in flight; its queues get a new owner",
       "the new owner finds power-on state", killed},
      {"vm-closed-at-work", g, "SIOV-H-31, H-24", "its VM goes with work and a reset in flight",
       "everything comes back to the host", vm_closed},
      {"stop-and-start", g, "SIOV-H-30, H-31", "stopped and started by the host under load",
       "it starts again", stop_and_start},
      {"everything-at-once", g, "SIOV-D-10, H-36",
       "random accesses, commands, DMA and pauses during a storm", "nothing else", everything,
       open},
  };
}

}  // namespace siov::hostile
