// SPDX-License-Identifier: Apache-2.0
// Attacks on configuration space.
#include "abi/siov_abi.hpp"
#include "hostile/attack.hpp"

namespace siov::hostile {

namespace {

constexpr std::uint32_t kConfigBytes = 0x1000;
constexpr std::uint32_t kCommand = 0x04;
constexpr std::uint32_t kDeviceControl = 0x58;
constexpr std::uint32_t kFlr = 0x8000;

/// Every byte, with a value that depends on the address; then the device is asked what is left.
coro::Task<> write_all(Attacker& a, std::uint32_t size, std::uint32_t (*value)(Attacker&)) {
  for (std::uint32_t at = 0; at < kConfigBytes; at += size) {
    const std::uint32_t word = value(a);
    co_await a.config_write(at, size, word);
  }
}

coro::Task<> ones(Attacker& a) {
  co_await write_all(a, 4, [](Attacker&) { return ~0U; });
  const std::uint32_t id = co_await a.config_read(0x00);
  a.expect(id == 0x0B25'8086, "its identity has changed");  // H-04
}

coro::Task<> zeros(Attacker& a) {
  co_await write_all(a, 1, [](Attacker&) { return 0U; });
  const std::uint32_t id = co_await a.config_read(0x00);
  a.expect(id == 0x0B25'8086, "its identity has changed");
  const auto record = co_await a.run(kDedicatedQueue, a.copy(), 5'000);
  a.expect(!record, "it works without bus mastering");
}

coro::Task<> noise(Attacker& a) {
  constexpr std::uint32_t kSizes[] = {1U, 2U, 4U};
  for (const std::uint32_t size : kSizes)
    co_await write_all(a, size, [](Attacker& who) {
      return static_cast<std::uint32_t>(who.draw(0, 0xFFFF'FFFF));
    });
  const std::uint32_t header = co_await a.config_read(0x120);
  a.expect(header == 0x0001'001B, "a capability header has changed");  // PASID, end of the list
}

/// Sizes and offsets that no CPU can send, but a guest's software may ask its VMM for.
coro::Task<> bad_accesses(Attacker& a) {
  constexpr std::uint32_t kBadSizes[] = {0U, 3U, 5U, 8U, 64U, 0x8000'0000U};
  for (const std::uint32_t size : kBadSizes) {
    constexpr std::uint32_t kOffsets[] = {0U,     1U,     2U,      3U,          4U,
                                          0xFFEU, 0xFFFU, 0x1000U, 0xFFFF'FFFFU};
    for (const std::uint32_t at : kOffsets) {
      co_await a.config_write(at, size, ~0U);
      co_await a.config_read(at, size);
    }
  }
  constexpr std::uint32_t kMisaligned[] = {1U, 3U, 5U, 0x107U};
  for (const std::uint32_t at : kMisaligned) co_await a.config_write(at, 4, ~0U);
  const std::uint32_t command = co_await a.config_read(kCommand, 2);
  a.expect((command & 0x6) == 0x6, "a misaligned write was taken");
}

coro::Task<> bus_master(Attacker& a) {
  for (std::uint32_t i = 0; i < 3; ++i) {
    for (std::uint32_t n = 0; n < 4; ++n) {
      co_await a.submit(kDedicatedQueue, a.copy());
      co_await a.submit(kSharedQueue, a.copy());
    }
    co_await a.config_write(kCommand, 2, 0x0002);
    const auto record = co_await a.run(kDedicatedQueue, a.copy(), 2'000);
    a.expect(!record, "a descriptor ran without bus mastering");  // H-05
    const std::uint64_t state = co_await a.read(abi::kRegGensts);
    a.expect((state & 3) == 3, "bus mastering went and the device does not halt");
    co_await a.config_write(kCommand, 2, 0x0006);
    co_await a.config_write(kDeviceControl, 2, kFlr);
    const bool good = co_await a.bring_up();
    a.expect(good, "the device does not come back from a halt");
  }
}

/// BARs at the addresses of other devices, of RAM, of the interrupt window, of each other.
coro::Task<> move_bars(Attacker& a) {
  constexpr std::uint64_t kPlaces[] = {0,           0x3800'0000'0000, 0x3800'1000'0000, 0xFEE0'0000,
                                       0x0010'0000, 0xC000'0000,      0xC001'0000,      ~0xFFFULL};
  for (const std::uint64_t bar0 : kPlaces) {
    for (const std::uint64_t bar2 : kPlaces) {
      co_await a.config_write(0x10, 4, static_cast<std::uint32_t>(bar0));
      co_await a.config_write(0x14, 4, static_cast<std::uint32_t>(bar0 >> 32));
      co_await a.config_write(0x18, 4, static_cast<std::uint32_t>(bar2));
      co_await a.config_write(0x1C, 4, static_cast<std::uint32_t>(bar2 >> 32));
      a.slot().set_bar_base(port::Bar::kControl, bar0);
      a.slot().set_bar_base(port::Bar::kPortal, bar2);
      a.movdir64b(a.portal(kDedicatedQueue), a.random_line());
      a.write(abi::kRegGenctrl, 4, 0);
      co_await a.read(0);
    }
  }
}

coro::Task<> flr_storm(Attacker& a) {
  for (std::uint32_t i = 0; i < 12; ++i) {
    for (std::uint32_t n = 0; n < 3; ++n) {
      co_await a.submit(kDedicatedQueue, a.copy());
      co_await a.submit(kSharedQueue, a.copy());
    }
    co_await a.config_write(kDeviceControl, 2, kFlr);
    const std::uint32_t control = co_await a.config_read(kDeviceControl, 2);
    a.expect((control & kFlr) == 0, "the FLR bit reads 1");  // H-29
    const std::uint64_t state = co_await a.read(abi::kRegGensts);
    a.expect(state == ~0ULL, "registers answer after FLR, with memory space off");
    const bool good = co_await a.bring_up();
    a.expect(good, "the device does not start after FLR");
  }
}

/// Enables of PASID, ATS and PRI in every order while work is in flight.
coro::Task<> translation_controls(Attacker& a) {
  for (std::uint32_t mask = 0; mask < 8; ++mask) {
    for (std::uint32_t n = 0; n < 3; ++n) {
      co_await a.submit(kDedicatedQueue, a.copy());
      co_await a.submit(kSharedQueue, a.copy());
    }
    co_await a.config_write(0x126, 2, mask & 1);
    co_await a.config_write(0x106, 2, (mask & 2) != 0 ? 0x801F : 0x001F);
    co_await a.config_write(0x114, 2, mask >> 2);
    co_await a.config_write(0x11C, 4, 0xFFFF'FFFF);
    co_await a.config_write(0x116, 2, 0xFFFF);
    co_await a.wait_ns(500);
    co_await a.config_write(kDeviceControl, 2, kFlr);
    co_await a.config_write(kCommand, 2, 0x0006);
    co_await a.config_write(0x126, 2, mask & 1);
    co_await a.config_write(0x106, 2, (mask & 2) != 0 ? 0x8000 : 0);
    co_await a.config_write(0x114, 2, mask >> 2);
    const std::uint32_t status = co_await a.command(abi::kCmdEnableDevice, 0);
    const bool pasid = (mask & 1) != 0, ats = (mask & 2) != 0, pri = (mask & 4) != 0;
    const bool legal = pasid == pri && (ats || !pasid);  // H-15
    a.expect(((status & 0xFF) == 0) == legal, "Enable Device took a combination that is not legal");
    co_await a.config_write(kDeviceControl, 2, kFlr);
    co_await a.bring_up();
  }
}

coro::Task<> msix_control(Attacker& a) {
  for (std::uint32_t i = 0; i < 24; ++i) {
    abi::Descriptor d = a.copy();
    d.flags |= abi::flag(abi::kFlagRci);
    d.interrupt_handle = a.handle();
    co_await a.submit(i % 2 == 0 ? kDedicatedQueue : kSharedQueue, d);
    co_await a.config_write(0x42, 2, static_cast<std::uint32_t>(a.draw(0, 3)) << 14);
    const std::uint32_t status = co_await a.command(abi::kCmdRequestIntHandle, 1);
    static_cast<void>(status);
  }
  co_await a.config_write(0x42, 2, 0);
  const std::uint64_t before = a.interrupts().total();
  abi::Descriptor d = a.copy();
  d.flags |= abi::flag(abi::kFlagRci);
  d.interrupt_handle = a.handle();
  co_await a.run(kDedicatedQueue, d);
  a.expect(a.interrupts().total() == before, "an interrupt came with MSI-X off");
}

coro::Task<> hidden_capabilities(Attacker& a) {
  for (std::uint32_t i = 0; i < 4; ++i) {
    for (std::uint32_t at = 0x130; at < 0x200; ++at) co_await a.config_write(at, 1, 0xFF);
    const std::uint32_t ims = co_await a.config_read(0x144);
    a.expect((ims & 1) == 0, "a guest is offered IMS");  // H-02
  }
  const std::uint64_t gencap = co_await a.read(abi::kRegGencap, 8);
  a.expect((gencap >> abi::kGencapImsSizeLsb & 0x3F) == 0, "GENCAP offers IMS");
  constexpr std::uint32_t kCodes[] = {abi::kCmdRequestIntHandle, abi::kCmdReleaseIntHandle};
  for (const std::uint32_t code : kCodes) {
    for (std::uint32_t index = 0; index < 8; ++index) {
      const std::uint32_t status = co_await a.command(code, 0x1'0000 | index);
      a.expect((status & 0xFF) != 0, "a handle of an IMS entry was given or taken");
    }
  }
}

}  // namespace

std::vector<Attack> config_attacks() {
  const Group g = Group::kConfig;
  const Setting open{.open_results = true};
  return {
      {"config-ones", g, "SIOV-H-03, H-04", "writes all ones to every dword",
       "read-only fields keep their values", ones},
      {"config-zeros", g, "SIOV-H-03, H-05",
       "writes zero to every byte, so that bus mastering goes", "no work runs any more", zeros},
      {"config-noise", g, "SIOV-H-03, H-04", "writes random values to every byte, word and dword",
       "capability headers keep their values", noise},
      {"config-bad-accesses", g, "SIOV-H-47", "accesses of bad sizes, alignments and offsets",
       "they have no effect", bad_accesses},
      {"bus-master-off", g, "SIOV-H-05, D-07", "turns bus mastering off and on with work in flight",
       "the device halts, nothing runs; FLR leads out", bus_master},
      {"bars-over-others", g, "SIOV-H-03, H-06",
       "moves its BARs over RAM, other BARs and the interrupt window",
       "its accesses reach its own VDEV only", move_bars},
      {"flr-storm", g, "SIOV-H-29, D-40", "function-level resets, each with work in flight",
       "only its own work ends; the bit reads 0", flr_storm},
      {"translation-controls", g, "SIOV-H-15, H-03",
       "PASID, ATS and PRI control in all combinations under load",
       "only legal combinations enable the device", translation_controls},
      {"msix-control-storm", g, "SIOV-H-27",
       "turns MSI-X and its function mask on and off under load",
       "no interrupt comes while MSI-X is off", msix_control, open},
      {"hidden-capabilities", g, "SIOV-H-02, H-28",
       "writes to the DVSEC and asks for handles of IMS entries",
       "IMS stays hidden and no handle is given", hidden_capabilities},
  };
}

}  // namespace siov::hostile
