// SPDX-License-Identifier: Apache-2.0
// Attacks by the CPU side of ENQCMD: PASIDs that a guest has not.
#include "abi/siov_abi.hpp"
#include "hostile/attack.hpp"
#include "hostile/attack_tools.hpp"

namespace siov::hostile {

namespace {

using port::CompletionStatus;

/// Must end in a VM exit, with nothing sent. @spec SIOV-P-12
coro::Task<> must_exit(Attacker& a, std::uint32_t dword0) {
  const std::uint64_t exits = a.around().host.platform.pasid_exits();
  const abi::Descriptor d = a.copy();
  port::Line line = abi::to_line(d);
  abi::store_le(line, dword0, 4);
  const CompletionStatus status = co_await a.enqcmd(a.portal(kSharedQueue), line);
  a.expect(status == CompletionStatus::kUnsupportedRequest, "a PASID without an entry was sent");
  a.expect(a.around().host.platform.pasid_exits() == exits + 1,
           "no VM exit for a PASID without an entry");
}

coro::Task<> unbound_pasids(Attacker& a) {
  constexpr std::uint32_t kNumbers[] = {0,     1,        6,        8,        0x2A,    0x3FF,
                                        0x400, 0x7'FFFF, 0x8'0000, 0x8'0007, 0xF'FFFF};
  for (const std::uint32_t number : kNumbers) co_await must_exit(a, number);
  for (std::uint32_t i = 0; i < 150; ++i) {
    const auto number = static_cast<std::uint32_t>(a.draw(8, kMaxPasid));
    co_await must_exit(a, number);
  }
}

coro::Task<> host_pasids(Attacker& a) {
  std::vector<Pasid> stolen = a.stolen_pasids();
  const std::vector<Pasid> own = a.around().vdcm.host_pasids(a.vm());
  stolen.insert(stolen.end(), own.begin(), own.end());
  stolen.push_back(a.vdev()->default_pasid());
  for (std::uint32_t round = 0; round < 4; ++round) {
    for (const Pasid p : stolen) co_await must_exit(a, p.value);
  }
}

/// Bits 30:20 and the privilege beside a PASID that is not bound, and beside the one that is.
coro::Task<> reserved_bits(Attacker& a) {
  for (std::uint32_t bit = 20; bit < 32; ++bit) {
    co_await must_exit(a, 1U << bit);
    co_await must_exit(a, 1U << bit | 0x2A);
    const abi::Descriptor d = a.copy();
    port::Line line = abi::to_line(d);
    abi::store_le(line, 1U << bit | kGuestPasid.value, 4);
    co_await a.enqcmd(a.portal(kSharedQueue), line);
    co_await a.wait_ns(400);
  }
}

/// The page of another queue, of none, of nothing, with a PASID that is not bound: it exits first.
coro::Task<> unbound_everywhere(Attacker& a) {
  for (std::uint64_t at = 0; at < 4 * kPortalStride; at += 0x400) {
    port::Line line = abi::to_line(a.copy());
    abi::store_le(line, 0x2A, 4);
    const CompletionStatus status = co_await a.enqcmd(at, line);
    a.expect(status == CompletionStatus::kUnsupportedRequest, "a PASID without an entry was sent");
    if (a.space().allocated_bytes() > 0x20'0000) co_return;
  }
}

/// A queue that is closed, halted or disabled must not let a raw number out either. @spec SIOV-H-09
coro::Task<> in_every_state(Attacker& a) {
  co_await must_exit(a, 0x2A);
  co_await a.command(abi::kCmdDisableWq, 1U << kSharedQueue);
  co_await must_exit(a, 0x2A);
  co_await a.command(abi::kCmdDisableDevice, 0);
  co_await must_exit(a, 0x2A);
  co_await a.config_write(0x58, 2, 0x8000);
  co_await a.config_write(0x04, 2, 0x0002);
  co_await must_exit(a, 0x2A);
  a.write(kWqcfg + 32 * kSharedQueue + 8, 4, 0);
  const std::uint32_t status = co_await a.command(abi::kCmdEnableWq, kSharedQueue);
  a.expect((status & 0xFF) != 0, "a shared queue was enabled on a disabled device");
  const bool good = co_await a.bring_up();
  a.expect(good, "the device does not start");
  co_await a.command(abi::kCmdDisableWq, 1U << kSharedQueue);
  a.write(kWqcfg + 32 * kSharedQueue + 8, 4, 0);
  const std::uint32_t without = co_await a.command(abi::kCmdEnableWq, kSharedQueue);
  a.expect((without & 0xFF) == abi::kCmdErrWqPasid, "a shared queue was enabled without PASID");
}

}  // namespace

std::vector<Attack> cpu_attacks() {
  const Group g = Group::kCpu;
  return {
      {"unbound-pasids", g, "SIOV-P-12, H-21", "ENQCMD with PASIDs that were never bound",
       "VM exit, nothing sent", unbound_pasids},
      {"host-pasids", g, "SIOV-P-12, H-22", "ENQCMD with host PASIDs, of victims and its own",
       "VM exit, nothing sent", host_pasids},
      {"pasid-reserved-bits", g, "SIOV-P-12, D-57",
       "ENQCMDS with reserved bits and privilege beside the PASID", "unbound ones exit",
       reserved_bits},
      {"unbound-everywhere", g, "SIOV-P-12, H-09",
       "ENQCMD with an unbound PASID to every page of BAR2", "VM exit, nothing sent",
       unbound_everywhere},
      {"unbound-in-every-state", g, "SIOV-H-09, P-12",
       "ENQCMD with a victim's guest PASID in every state of queue and device",
       "VM exit, nothing sent", in_every_state},
  };
}

}  // namespace siov::hostile
