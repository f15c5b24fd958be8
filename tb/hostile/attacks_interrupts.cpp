// SPDX-License-Identifier: Apache-2.0
// Attacks on interrupts: the virtual MSI-X table, handles, permissions.
#include <algorithm>

#include "abi/siov_abi.hpp"
#include "hostile/attack.hpp"

namespace siov::hostile {

namespace {

constexpr std::uint32_t kEntries = kQueues + 1;
constexpr std::uint32_t kImsStride = 16;

/// A copy that asks for an interrupt.
abi::Descriptor with_interrupt(Attacker& a, std::uint16_t handle) {
  abi::Descriptor d = a.copy();
  d.flags |= abi::flag(abi::kFlagRci);
  d.interrupt_handle = handle;
  return d;
}

bool own_handle(Attacker& a, std::uint32_t handle) {
  for (std::uint16_t v = 1; v < kEntries; ++v) {
    if (a.vdev()->ims_index(v) == handle) return true;
  }
  return false;
}

/// What hardware has in an interrupt entry.
coro::Task<std::uint64_t> physical_entry(Attacker& a, std::uint16_t index, std::uint32_t half) {
  vdcm::HostDriver& driver = a.around().driver;
  const port::ReadResult read = co_await driver.device().mmio_read(
      port::Bar::kControl, driver.info().ims_offset + kImsStride * index + half, 8);
  co_return read.data;
}

coro::Task<> table_noise(Attacker& a) {
  const std::uint16_t index = *a.vdev()->ims_index(1);
  const std::uint64_t address = co_await physical_entry(a, index, 0);
  for (std::uint32_t i = 0; i < 600; ++i) {
    const auto size = std::uint32_t{1} << a.draw(0, 3);
    a.write(kMsixTable + a.draw(0, 16 * kEntries - 1), size, a.draw(0, ~std::uint64_t{0}));
    if (i % 50 == 49) co_await a.submit(kDedicatedQueue, with_interrupt(a, a.handle()));
  }
  co_await a.wait_ns(2'000);
  const std::uint64_t address_now = co_await physical_entry(a, index, 0);
  a.expect(address == address_now, "a message of the host has changed");  // H-23
}

/// Messages that would write to memory: its own, and frames of victims.
coro::Task<> messages_to_memory(Attacker& a) {
  std::vector<Hpa> frames = a.stolen_frames();
  frames.resize(std::min<std::size_t>(frames.size(), 24));
  const Gpa own = a.machine().guest_memory().allocate();
  frames.push_back(Hpa{own.value});
  for (const Hpa frame : frames) {
    for (std::uint32_t v = 0; v < kEntries; ++v) {
      a.write(kMsixTable + 16 * v, 8, frame.value);
      a.write(kMsixTable + 16 * v + 8, 8, 0xDEAD'BEEF);
    }
    co_await a.submit(kDedicatedQueue, with_interrupt(a, a.handle()));
    a.write(abi::kRegCmd, 4, 0x8000'0000 | abi::kCmdDrainAll << abi::kCmdCodeLsb);
    co_await a.wait_ns(1'000);
  }
  a.expect(a.read_memory(own) == 0, "a message was written to memory");
}

/// The victims' own messages, as their entries have them.
coro::Task<> messages_of_others(Attacker& a) {
  for (std::uint32_t round = 0; round < 3; ++round) {
    for (const auto& victim : a.around().victims) {
      const std::uint16_t index = *victim->vdev().ims_index(1);
      const std::uint64_t address = co_await physical_entry(a, index, 0);
      const std::uint64_t data = co_await physical_entry(a, index, 8);
      for (std::uint32_t v = 0; v < kEntries; ++v) {
        a.write(kMsixTable + 16 * v, 8, address);
        a.write(kMsixTable + 16 * v + 8, 8, data & 0xFFFF'FFFF);
      }
      for (const std::uint8_t queue : kAllQueues)
        co_await a.submit(queue, with_interrupt(a, a.handle()));
      a.write(abi::kRegCmd, 4, 0x8000'0000 | abi::kCmdDrainAll << abi::kCmdCodeLsb);
      co_await a.wait_ns(2'000);
    }
  }
}

/// Every handle that could exist.
coro::Task<> foreign_handles(Attacker& a) {
  for (const auto& victim : a.around().victims) {
    const std::uint16_t index = *victim->vdev().ims_index(1);
    for (const std::uint8_t queue : kAllQueues) {
      const auto record = co_await a.run(queue, with_interrupt(a, index));
      a.expect(record && record->status == abi::kStBadHandle,
               "a handle of a victim was accepted");  // D-33
    }
  }
  constexpr std::uint32_t kHandles[] = {0,  1,  2,  3,   4,   5,      8,     15,
                                        16, 63, 64, 255, 256, 0x7FFF, 0xFFFF};
  for (const std::uint32_t handle : kHandles) {
    if (own_handle(a, handle)) continue;
    const auto queue = static_cast<std::uint8_t>(handle % kQueues);
    const auto record =
        co_await a.run(queue, with_interrupt(a, static_cast<std::uint16_t>(handle)));
    a.expect(record && record->status == abi::kStBadHandle, "a bad handle was accepted");
  }
}

/// Handles of entries that are gone.
coro::Task<> stale_handles(Attacker& a) {
  const std::uint16_t old = a.handle();
  co_await a.command(abi::kCmdReleaseIntHandle, old);
  const std::uint32_t twice = co_await a.command(abi::kCmdReleaseIntHandle, old);
  a.expect((twice & 0xFF) != 0, "a handle was released twice");
  co_await a.config_write(0x42, 2, 0);
  const std::uint64_t before = a.interrupts().total();
  for (std::uint32_t i = 0; i < 4; ++i) {
    const auto record =
        co_await a.run(i % 2 == 0 ? kDedicatedQueue : kSharedQueue, with_interrupt(a, old));
    a.expect(record && record->status == abi::kStBadHandle, "a handle outlives its entry");
  }
  a.expect(a.interrupts().total() == before, "an entry that was freed raises interrupts");  // D-39
}

coro::Task<> release_of_others(Attacker& a) {
  for (std::uint32_t handle = 0; handle < 300; handle += handle < 16 ? 1 : 17) {
    if (own_handle(a, handle)) continue;
    const std::uint32_t status = co_await a.command(abi::kCmdReleaseIntHandle, handle);
    a.expect((status & 0xFF) != 0, "a handle of another was released");  // siov 3.8
  }
  for (std::uint32_t index = kEntries; index < 0x1'0000; index = 2 * index + 1) {
    const std::uint32_t status = co_await a.command(abi::kCmdRequestIntHandle, index);
    a.expect((status & 0xFF) != 0, "a handle was given beyond the last vector");  // H-25
  }
  for (std::uint32_t i = 0; i < 40; ++i) co_await a.command(abi::kCmdRequestIntHandle, 1 + i % 3);
}

coro::Task<> pending_bits(Attacker& a) {
  for (std::uint32_t i = 0; i < 60; ++i) {
    const auto v = static_cast<std::uint32_t>(a.draw(0, kEntries - 1));
    a.write(kMsixTable + 16 * v + 12, 4, a.draw(0, 1));
    a.write(kMsixPba, 8, a.draw(0, ~std::uint64_t{0}));
    a.write(kMsixPba + 4, 4, ~std::uint64_t{0});
    if (i % 6 == 0) co_await a.submit(kSharedQueue, with_interrupt(a, a.handle()));
    co_await a.wait_ns(100);
  }
  const std::uint64_t pending = co_await a.read(kMsixPba, 8);
  a.expect(pending < 1U << kEntries, "pending bits of vectors that are not there");
}

/// Permissions for PASIDs that it has not, host numbers of victims among them.
coro::Task<> permissions_of_others(Attacker& a) {
  const std::uint16_t index = *a.vdev()->ims_index(1);
  const std::vector<Pasid> stolen = a.stolen_pasids();
  for (const Pasid p : stolen) {
    a.write(kMsixperm + 8, 4, p.value << 12 | 8);
    co_await a.wait_ns(2'500);
    const std::uint64_t entry = co_await physical_entry(a, index, 8);
    a.expect(entry >> 44 != p.value, "an interrupt entry names the PASID of a victim");  // H-20
    const auto record = co_await a.run(kSharedQueue, with_interrupt(a, a.handle()));
    a.expect(record && record->status == abi::kStBadHandle,
             "a handle without permission was accepted");  // H-21
  }
  for (std::uint32_t i = 0; i < 64; ++i)
    a.write(kMsixperm + 8 * a.draw(0, 40), 4, a.draw(0, 0xFFFF'FFFF));
}

/// Entries go while work that asks for interrupts ends; then somebody has them again.
coro::Task<> left_behind(Attacker& a) {
  for (std::uint32_t i = 0; i < 16; ++i) {
    for (std::uint32_t n = 0; n < 6; ++n)
      co_await a.submit(n % 2 == 0 ? kDedicatedQueue : kSharedQueue,
                        with_interrupt(a, *a.vdev()->ims_index(1)));
    co_await a.wait_ns(60 * i);
    co_await a.config_write(0x42, 2, 0);
    co_await a.wait_ns(2'500);
    const std::uint64_t pending = co_await a.read(kMsixPba, 8);
    const std::uint64_t before = a.interrupts().total();
    co_await a.config_write(0x42, 2, 0x8000);
    co_await a.wait_ns(600);
    a.expect(pending != 0 || a.interrupts().total() == before,
             "an interrupt of before comes from a new entry");
  }
}

coro::Task<> interrupt_storm(Attacker& a) {
  const std::uint64_t before = a.interrupts().total();
  for (std::uint32_t i = 0; i < 60; ++i) {
    co_await a.submit(static_cast<std::uint8_t>(i % 2), with_interrupt(a, a.handle()));
    if (i % 6 == 5) co_await a.wait_ns(800);
  }
  co_await a.wait_ns(3'000);
  a.expect(a.interrupts().total() > before, "the storm raises no interrupt at all");
}

}  // namespace

std::vector<Attack> interrupt_attacks() {
  const Group g = Group::kInterrupts;
  return {
      {"msix-table-noise", g, "SIOV-H-23, H-27",
       "writes random values of all sizes to the MSI-X table",
       "messages in hardware stay those of the host", table_noise},
      {"messages-to-memory", g, "SIOV-H-23, D-32",
       "MSI-X messages with addresses of victims' frames, then interrupts",
       "no message is written to memory", messages_to_memory},
      {"messages-of-others", g, "SIOV-H-23, P-09",
       "MSI-X messages that name the remapping entries of victims",
       "victims get no interrupt of it", messages_of_others},
      {"handles-of-others", g, "SIOV-D-33", "asks for interrupts with every handle but its own",
       "bad handle, no interrupt", foreign_handles},
      {"stale-handles", g, "SIOV-D-39, H-26", "uses and releases handles of entries that are gone",
       "bad handle, no interrupt", stale_handles},
      {"release-of-others", g, "SIOV-H-25", "requests and releases handles that are not its own",
       "errors; victims keep theirs", release_of_others},
      {"pending-bits", g, "SIOV-H-27", "writes the PBA while it masks and unmasks vectors",
       "only vectors that exist are ever pending", pending_bits},
      {"permissions-of-others", g, "SIOV-H-20, H-21", "writes host PASIDs of victims to MSIXPERM",
       "the entry in hardware matches nobody", permissions_of_others},
      {"interrupts-left-behind", g, "SIOV-D-39, H-26",
       "gives entries back while work that names them ends, and takes them again",
       "a new entry raises nothing of before", left_behind, Setting{.open_results = true}},
      {"interrupt-storm", g, "SIOV-D-10, D-38", "asks for an interrupt with every descriptor",
       "victims' interrupts all come", interrupt_storm},
  };
}

}  // namespace siov::hostile
