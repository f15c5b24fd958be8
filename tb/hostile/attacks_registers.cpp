// SPDX-License-Identifier: Apache-2.0
// Attacks on BAR0: registers and commands.
#include "abi/siov_abi.hpp"
#include "hostile/attack.hpp"
#include "hostile/attack_tools.hpp"
#include "vdcm/virtual_commands.hpp"
#include "vdcm/virtual_layout.hpp"

namespace siov::hostile {

namespace {

constexpr std::uint64_t kBar0 = vdcm::VirtualLayout::kControlBytes;
constexpr std::uint32_t kActive = 0x8000'0000;

coro::Task<> load(Attacker& a, std::uint32_t count) {
  for (std::uint32_t n = 0; n < count; ++n) {
    co_await a.submit(kDedicatedQueue, a.copy());
    co_await a.submit(kSharedQueue, a.copy());
    co_await a.submit(kSoftwareQueue, a.copy());
  }
}

coro::Task<> every_register(Attacker& a) {
  const std::uint64_t gencap = co_await a.read(abi::kRegGencap, 8);
  const std::uint64_t wqcap = co_await a.read(abi::kRegWqcap, 8);
  constexpr std::uint32_t kValues[] = {0xFFFF'FFFFU, 0U, 0xA5A5'A5A5U};
  for (const std::uint32_t value : kValues) {
    for (std::uint64_t at = 0; at < kBar0; at += 4) a.write(at, 4, value);
    co_await a.wait_ns(1000);
  }
  const std::uint64_t gencap_now = co_await a.read(abi::kRegGencap, 8);
  const std::uint64_t wqcap_now = co_await a.read(abi::kRegWqcap, 8);
  a.expect(gencap == gencap_now && wqcap == wqcap_now,
           "a capability register has changed");  // H-12
}

coro::Task<> random_registers(Attacker& a) {
  for (std::uint32_t i = 0; i < 3000; ++i) {
    const auto size = std::uint32_t{1} << a.draw(0, 3);
    a.write(a.draw(0, kBar0 - 1), size, a.draw(0, ~std::uint64_t{0}));
    if (i % 100 == 99) co_await a.wait_ns(200);
  }
}

coro::Task<> bad_sizes(Attacker& a) {
  constexpr std::uint32_t kBadSizes[] = {0U, 3U, 5U, 7U, 16U, 64U, 4096U, 0xFFFF'FFFFU};
  for (const std::uint32_t size : kBadSizes) {
    constexpr std::uint64_t kOffsets[] = {0x10ULL,  0x88ULL,  0xA0ULL,  0xC0ULL,
                                          0x508ULL, 0x600ULL, kBar0 - 1};
    for (const std::uint64_t at : kOffsets) {
      a.write(at, size, ~std::uint64_t{0});
      co_await a.read(at, size);
    }
  }
  constexpr std::uint32_t kSizes[] = {2U, 4U, 8U};
  for (const std::uint32_t size : kSizes) {
    for (std::uint64_t at = 1; at < size; ++at) {
      a.write(0x80 + at, size, ~std::uint64_t{0});
      co_await a.read(0x80 + at, size);
    }
  }
  const std::uint64_t status = co_await a.read(abi::kRegCmdstatus);
  a.expect((status & kActive) == 0, "an access of a bad size started a command");  // H-13, H-47
}

coro::Task<> beyond_the_end(Attacker& a) {
  for (std::uint64_t at = kBar0; at < 0x2'0000; at += 0x1FC) {
    const std::uint64_t aligned = at & ~std::uint64_t{7};
    a.write(aligned, 8, 0xFEE0'0000'0000'0008);
    const std::uint64_t value = co_await a.read(aligned, 8);
    a.expect(value == ~std::uint64_t{0}, "something answers beyond the end of BAR0");
  }
  constexpr std::uint64_t kFar[] = {0x3800'0000'0000, ~std::uint64_t{7}, std::uint64_t{1} << 32};
  for (const std::uint64_t at : kFar) {
    a.write(at, 8, ~std::uint64_t{0});
    co_await a.read(at, 8);
  }
}

/// Offsets that mean something in the physical function: its tables.
coro::Task<> physical_offsets(Attacker& a) {
  const vdcm::DeviceInfo& info = a.around().driver.info();
  const std::uint32_t tables[] = {info.grpcfg_offset, info.wqcfg_offset, info.msixperm_offset,
                                  info.ims_offset, info.msix_table_offset};
  for (const std::uint32_t table : tables) {
    for (std::uint32_t at = 0; at < 0x200; at += 8) {
      a.write(table + at, 8, ~std::uint64_t{0});
      a.write(table + at + 4, 4, 0);
      co_await a.read(table + at, 8);
    }
  }
}

coro::Task<> all_commands(Attacker& a) {
  for (std::uint32_t code = 0; code < 32; ++code) {
    constexpr std::uint32_t kOperands[] = {0U, 1U, 7U, 0xFFU, 0xF'FFFFU};
    for (const std::uint32_t operand : kOperands) {
      const std::uint32_t status = co_await a.command(code, operand);
      a.expect((status & kActive) == 0, "a command does not end");
      if (code == 0 || (code > 14 && code != vdcm::kCmdHandlesProcessed))
        a.expect((status & 0xFF) == abi::kCmdErrUnsupported,
                 "an unknown command was taken");  // H-14
    }
  }
}

coro::Task<> reserved_bits(Attacker& a) {
  for (std::uint32_t code = 1; code < 15; ++code) {
    for (std::uint32_t bit = 25; bit < 31; ++bit) {
      a.write(abi::kRegCmd, 4, code << abi::kCmdCodeLsb | 1U << bit);
      co_await a.wait_ns(300);
    }
  }
  for (std::uint32_t bit = 8; bit < 20; ++bit) {
    const std::uint32_t status = co_await a.command(abi::kCmdEnableWq, 1U << bit);
    a.expect((status & 0xFF) != 0, "Enable WQ took reserved operand bits");
  }
}

coro::Task<> queues_of_others(Attacker& a) {
  for (std::uint32_t queue = kQueues; queue < 256; queue += queue < 16 ? 1 : 40) {
    const std::uint32_t status = co_await a.command(abi::kCmdEnableWq, queue);
    a.expect((status & 0xFF) == abi::kCmdErrWqIndex, "Enable WQ took a queue that it has not");
  }
  constexpr std::uint32_t kCodes[] = {abi::kCmdDisableWq, abi::kCmdDrainWq, abi::kCmdAbortWq,
                                      abi::kCmdResetWq};
  for (const std::uint32_t code : kCodes) {
    for (std::uint32_t bit = kQueues; bit < 20; ++bit) {
      const std::uint32_t status = co_await a.command(code, 1U << bit);
      a.expect((status & 0xFF) == abi::kCmdErrWqIndex,
               "a command took a queue that it has not");  // H-34
    }
  }
  const auto record = co_await a.run(kSharedQueue, a.copy());
  a.expect(record && record->status == abi::kStSuccess, "its own queue is gone");
}

/// CMD written again and again while a command is active.
coro::Task<> command_flood(Attacker& a) {
  for (std::uint32_t round = 0; round < 10; ++round) {
    co_await load(a, 2);
    for (std::uint32_t i = 0; i < 40; ++i)
      a.write(abi::kRegCmd, 4,
              0x8000'0000 | static_cast<std::uint32_t>(a.draw(0, 31)) << 20 |
                  static_cast<std::uint32_t>(a.draw(0, 7)));
    const std::uint64_t error = co_await a.read(abi::kRegSwerror, 8);
    if ((error & 1) != 0)
      a.expect((error >> 8 & 0xFF) == abi::kSwErrCmdActive || (error >> 8 & 0xFF) < 0x50,
               "a command while another is active is reported as something else");  // H-13
    co_await a.wait_ns(1500);
  }
}

/// Abort, reset and disable of the shared queue, when others' work waits behind its own: one
/// engine has more than it can begin.
coro::Task<> abort_shared(Attacker& a) {
  constexpr std::uint32_t kLarge = 0x4000;
  constexpr std::uint32_t kMany = 96;
  constexpr std::uint32_t kCodes[] = {abi::kCmdAbortWq, abi::kCmdAbortAll, abi::kCmdResetWq};
  const Iova from = a.allocate(kLarge);
  const Iova to = a.allocate(kLarge);
  abi::Descriptor d = a.copy();
  d.source = from;
  d.destination = to;
  d.size = kLarge;
  for (const std::uint32_t code : kCodes) {
    std::uint32_t taken = 0;
    for (std::uint32_t n = 0; n < kMany; ++n) {
      const bool accepted = co_await a.submit(kSharedQueue, d);
      taken += accepted ? 1 : 0;
    }
    a.expect(taken > kMany / 2, "the shared queue takes nothing");
    co_await a.command(code, code == abi::kCmdAbortAll ? 0 : 1U << kSharedQueue);
  }
  a.write(kWqcfg + 32 * kSharedQueue + 8, 4, kGuestPasid.value << 8 | 1U << 28);
  std::uint32_t status = co_await a.command(abi::kCmdEnableWq, kSharedQueue);
  a.expect((status & 0xFF) == 0, "the shared queue cannot be enabled again");
  co_await a.submit(kSharedQueue, d);
  status = co_await a.command(abi::kCmdDisableWq, 1U << kSharedQueue);
  a.expect((status & 0xFF) == 0, "the shared queue cannot be disabled");
}

coro::Task<> reset_storm(Attacker& a) {
  for (std::uint32_t i = 0; i < 10; ++i) {
    co_await load(a, 2);
    co_await a.command(abi::kCmdResetDevice, 0);
    must_trap(a, kDedicatedQueue);
    const port::Line line = abi::to_line(a.copy());
    const port::CompletionStatus status = co_await a.enqcmd(a.portal(kSharedQueue), line);
    a.expect(status != port::CompletionStatus::kSuccess,
             "a reset queue took a descriptor");  // D-42
    must_trap(a, kSharedQueue);                   // H-10
    const bool good = co_await a.bring_up();
    a.expect(good, "the device does not start after a reset");
  }
}

/// Drain and abort of PASIDs that it does not have.
coro::Task<> pasids_of_others(Attacker& a) {
  std::vector<std::uint32_t> numbers{0, 1, 8, 0x2A, 0xF'FFFF};
  const std::vector<Pasid> stolen = a.stolen_pasids();
  for (const Pasid p : stolen) numbers.push_back(p.value);
  for (std::uint32_t i = 0; i < 3; ++i) {
    for (const std::uint32_t number : numbers) {
      co_await a.command(abi::kCmdAbortPasid, number);
      co_await a.command(abi::kCmdDrainPasid, number);
    }
    co_await load(a, 1);
  }
}

coro::Task<> queue_config(Attacker& a) {
  const std::vector<Pasid> stolen = a.stolen_pasids();
  for (std::uint32_t q = 0; q < kQueues; ++q) {
    const std::uint32_t at = kWqcfg + 32 * q;
    for (std::uint32_t dword = 0; dword < 8; ++dword) a.write(at + 4 * dword, 4, 0xFFFF'FFFF);
    a.write(at, 8, ~std::uint64_t{0});
    co_await a.command(abi::kCmdDisableWq, 1U << q);
    const std::uint64_t size = co_await a.read(at);
    for (std::uint32_t dword = 0; dword < 8; ++dword) a.write(at + 4 * dword, 4, 0xFFFF'FFFF);
    const std::uint64_t size_now = co_await a.read(at);
    a.expect(size == size_now, "the guest has changed the size of a queue");
  }
  // Host numbers of others where a guest's number belongs.
  for (const Pasid p : stolen) {
    a.write(kWqcfg + 8, 4, 1U | p.value << 8 | 1U << 28);
    const std::uint32_t status = co_await a.command(abi::kCmdEnableWq, kDedicatedQueue);
    a.expect((status & 0xFF) == abi::kCmdErrWqPasid,
             "a queue runs with a PASID of another");  // H-21
  }
  a.write(kWqcfg + 8, 4, 1U | kGuestPasid.value << 8 | 3U << 28);
  const std::uint32_t status = co_await a.command(abi::kCmdEnableWq, kDedicatedQueue);
  a.expect((status & 0xFF) == abi::kCmdErrWqPriv, "a queue is privileged without permission");
}

coro::Task<> groups(Attacker& a) {
  for (std::uint32_t at = 0x400; at < 0x500; at += 8) a.write(at, 8, ~std::uint64_t{0});
  for (std::uint32_t at = 0x400; at < 0x500; at += 4) a.write(at, 4, 0);
  a.write(abi::kRegGencfg, 4, 0xFFFF'FFFF);  // read buffers
  a.write(abi::kRegEvlcfg, 8, 0x0010'0001);
  a.write(abi::kRegEvlcfg + 8, 8, 0xFFFF);
  a.write(abi::kRegEvlstatus, 8, ~std::uint64_t{0});
  co_await load(a, 3);
  const auto record = co_await a.run(kDedicatedQueue, a.copy());
  a.expect(record && record->status == abi::kStSuccess, "its own queue has lost its engines");
}

/// The dedicated queue without a PASID of the guest: the default one is used, never none.
coro::Task<> without_pasid(Attacker& a) {
  co_await a.config_write(0x58, 2, 0x8000);
  co_await a.config_write(0x04, 2, 0x0006);
  a.write(kWqcfg + 8, 4, 1);
  std::uint32_t status = co_await a.command(abi::kCmdEnableDevice, 0);
  a.expect((status & 0xFF) == 0, "Enable Device without PASID");
  status = co_await a.command(abi::kCmdEnableWq, kDedicatedQueue);
  a.expect((status & 0xFF) == 0, "Enable WQ without PASID");
  // Guest-physical addresses now: its own, and those where the host has others.
  memory::GuestMemory& memory = a.machine().guest_memory();
  const Gpa page = memory.allocate();
  abi::Descriptor d = a.copy();
  d.completion_address = Iova{page.value};
  d.source = Iova{page.value + 64};
  d.destination = Iova{page.value + 2048};
  co_await a.submit(kDedicatedQueue, d);
  co_await a.wait_ns(6'000);
  a.expect((a.read_memory(page) & 0xFF) == abi::kStSuccess,
           "work without a guest PASID does not reach the guest's memory");  // H-19
  const std::vector<Hpa> tables = a.stolen_tables();
  for (const Hpa frame : tables) {
    const Gpa record = memory.allocate();
    d.completion_address = Iova{record.value};
    d.source = Iova{frame.value};
    co_await a.submit(kDedicatedQueue, d);
    std::swap(d.source, d.destination);
    d.completion_address = d.completion_address + 64;
    co_await a.submit(kDedicatedQueue, d);
    std::swap(d.source, d.destination);
    co_await a.wait_ns(1'500);
  }
}

}  // namespace

std::vector<Attack> register_attacks() {
  const Group g = Group::kRegisters;
  return {
      {"every-register", g, "SIOV-H-12, D-15",
       "writes all ones, zero and a pattern to every dword of BAR0",
       "capability registers keep their values", every_register},
      {"random-registers", g, "SIOV-H-12, H-47", "3000 writes of random offset, size and value",
       "nothing outside its VDEV changes", random_registers},
      {"register-sizes", g, "SIOV-H-13, H-47", "sub-dword, misaligned, 64-bit and impossible sizes",
       "no command starts", bad_sizes},
      {"beyond-bar0", g, "SIOV-H-06", "reads and writes beyond the end of BAR0",
       "all ones, no effect", beyond_the_end},
      {"physical-offsets", g, "SIOV-D-15, D-16",
       "writes where the physical function has its tables",
       "groups, queues and messages of the host keep their values", physical_offsets},
      {"all-commands", g, "SIOV-H-14", "all 32 command codes with five operands",
       "each ends; unknown ones as unsupported", all_commands},
      {"reserved-command-bits", g, "SIOV-H-14, dsa 2.6", "reserved bits of CMD and of operands",
       "no queue is enabled by them", reserved_bits},
      {"queues-of-others", g, "SIOV-H-34", "commands for queue numbers that it has not",
       "index error; its own queues are untouched", queues_of_others},
      {"command-flood", g, "SIOV-H-13", "commands while a command is active",
       "they are not carried out, the error says so", command_flood},
      {"abort-shared-queue", g, "SIOV-H-17, D-46",
       "aborts, disables and resets the shared queue under load",
       "work of the others on it is done all the same", abort_shared, Setting{.engines = 1}},
      {"reset-storm", g, "SIOV-H-29, D-42", "Reset Device with work in flight, then submissions",
       "portals are unmapped, nothing is accepted", reset_storm},
      {"pasids-of-others", g, "SIOV-H-20, D-46",
       "Drain and Abort PASID with the host PASIDs of victims", "no work of theirs is aborted",
       pasids_of_others},
      {"queue-config", g, "SIOV-H-16, H-21",
       "writes all of WQCFG, enables with host PASIDs of victims and privilege",
       "sizes stay; PASID and privilege errors", queue_config},
      {"groups-and-event-log", g, "SIOV-H-12, D-16",
       "writes GRPCFG, GENCFG and the event log registers",
       "its queue still works, the host's log stays", groups},
      {"no-guest-pasid", g, "SIOV-H-19, D-22",
       "runs a dedicated queue without PASID at addresses of the host's tables",
       "it works in its own guest-physical memory only", without_pasid},
  };
}

}  // namespace siov::hostile
