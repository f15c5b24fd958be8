// SPDX-License-Identifier: Apache-2.0
// Attacks on portals.
#include "abi/siov_abi.hpp"
#include "hostile/attack.hpp"
#include "hostile/attack_tools.hpp"

namespace siov::hostile {

namespace {

using port::CompletionStatus;

constexpr std::uint8_t kHardwareQueues[] = {kDedicatedQueue, kSharedQueue};
constexpr std::uint8_t kPostedQueues[] = {kDedicatedQueue, kSoftwareQueue};

coro::Task<> must_work(Attacker& a, std::uint8_t queue) {
  const auto record = co_await a.run(queue, a.copy());
  a.expect(record && record->status == abi::kStSuccess,
           "a good descriptor does not work afterwards");
}

coro::Task<> partial_writes(Attacker& a) {
  const abi::Descriptor d = a.copy();
  const port::Line line = abi::to_line(d);
  for (const std::uint8_t queue : kHardwareQueues) {
    for (std::uint32_t size = 1; size <= 8; size *= 2) {
      for (std::uint32_t at = 0; at < 64; at += size)
        a.portal_write(a.portal(queue) + 64 * size + at, size,
                       abi::load_le(std::span(line).subspan(at), size));
    }
    co_await a.wait_ns(2'000);
    a.expect(a.record_at(d.completion_address).status == 0,
             "partial writes made a descriptor");  // D-21
    co_await must_work(a, queue);
  }
}

coro::Task<> misaligned(Attacker& a) {
  const port::Line line = abi::to_line(a.copy());
  constexpr std::uint32_t kOffsets[] = {1, 4, 8, 32, 60, 63};
  for (const std::uint8_t queue : kAllQueues) {
    for (const std::uint32_t off : kOffsets) {
      a.movdir64b(a.portal(queue) + off, line);
      const CompletionStatus status = co_await a.enqcmd(a.portal(queue) + off, line);
      a.expect(status != CompletionStatus::kSuccess, "a misaligned ENQCMD was accepted");
    }
  }
  co_await must_work(a, kDedicatedQueue);
}

coro::Task<> aliases(Attacker& a) {
  for (std::uint32_t slot = 0; slot < 64; ++slot) {
    for (const std::uint8_t queue : kHardwareQueues) {
      const port::Line line = abi::to_line(a.copy());
      const std::uint64_t at = a.portal(queue, slot % 2 == 0) + 64 * slot;
      if (queue == kDedicatedQueue)
        a.movdir64b(at, line);
      else
        co_await a.enqcmd(at, line);
    }
    if (slot % 4 == 3) co_await a.wait_ns(900);
  }
  co_await must_work(a, kDedicatedQueue);
  co_await must_work(a, kSharedQueue);
}

/// Pages 2 and 3 of a queue: in hardware those of the other interrupt table.
coro::Task<> other_flavour(Attacker& a) {
  abi::Descriptor d = a.copy();
  d.flags |= abi::flag(abi::kFlagRci);
  for (std::uint16_t handle = 0; handle < 8; ++handle) {
    d.interrupt_handle = handle;
    const port::Line line = abi::to_line(d);
    for (const std::uint8_t queue : kAllQueues) {
      for (std::uint32_t page = 0x2000; page < 0x4000; page += 0x1000) {
        const std::uint64_t at = queue * kPortalStride + page + 64 * handle;
        a.movdir64b(at, line);
        a.portal_write(at, 8, ~std::uint64_t{0});
        const CompletionStatus status = co_await a.enqcmd(at, line);
        a.expect(status != CompletionStatus::kSuccess, "the other flavour of a portal took work");
      }
    }
  }
  co_await a.wait_ns(2'000);
  a.expect(a.record_at(d.completion_address).status == 0,
           "the other flavour of a portal worked");  // H-08
}

coro::Task<> beyond_the_last(Attacker& a) {
  const abi::Descriptor d = a.copy();
  const port::Line line = abi::to_line(d);
  for (std::uint64_t at = kQueues * kPortalStride; at < 0x4'0000; at += 0x1000) {
    a.movdir64b(at, line);
    a.portal_write(at, 8, 0);
    const CompletionStatus status = co_await a.enqcmd(at, line);
    a.expect(status != CompletionStatus::kSuccess, "a portal of another queue took work");  // H-07
  }
  constexpr std::uint64_t kFar[] = {0x3800'1000'0000, 0x3800'1000'8000, ~std::uint64_t{63},
                                    1ULL << 40};
  for (const std::uint64_t at : kFar) {
    a.movdir64b(at, line);
    const CompletionStatus status = co_await a.enqcmd(at, line);
    a.expect(status != CompletionStatus::kSuccess, "a far address took work");
  }
  const auto refused = a.vdev()->map_page(port::Bar::kPortal, kQueues * kPortalStride, kPageSize);
  a.expect(!refused, "a page of another queue was mapped");
  const auto many = a.vdev()->map_page(port::Bar::kPortal, 0, 2 * kPageSize);
  a.expect(!many, "two pages were mapped");
  co_await a.wait_ns(1'000);
  a.expect(a.record_at(d.completion_address).status == 0, "a portal beyond the last worked");
}

coro::Task<> wrong_kind(Attacker& a) {
  const abi::Descriptor d = a.copy();
  const port::Line line = abi::to_line(d);
  for (std::uint32_t i = 0; i < 30; ++i) {
    for (const std::uint8_t queue : kPostedQueues) {
      const CompletionStatus status = co_await a.enqcmd(a.portal(queue, i % 2 == 0), line);
      a.expect(status != CompletionStatus::kSuccess, "a dedicated queue took ENQCMD");
    }
    a.movdir64b(a.portal(kSharedQueue, i % 2 == 0), line);
  }
  co_await a.wait_ns(2'000);
  a.expect(a.record_at(d.completion_address).status == 0, "the wrong instruction worked");  // D-59
}

coro::Task<> dedicated_overflow(Attacker& a) {
  for (std::uint32_t round = 0; round < 6; ++round) {
    for (std::uint32_t i = 0; i < 40; ++i) {
      const port::Line line = abi::to_line(a.copy());
      a.movdir64b(a.portal(i % 2 == 0 ? kDedicatedQueue : kSoftwareQueue), line);
      if (a.space().allocated_bytes() > 0x6'0000) break;
    }
    co_await a.wait_ns(1'500);
  }
  co_await must_work(a, kDedicatedQueue);  // D-60
}

coro::Task<> shared_flood(Attacker& a) {
  const port::Line line = abi::to_line(a.copy());
  std::uint32_t taken = 0;
  for (std::uint32_t i = 0; i < 260; ++i) {
    const CompletionStatus status = co_await a.enqcmd(a.portal(kSharedQueue, i % 3 == 0), line);
    taken += status == CompletionStatus::kSuccess ? 1 : 0;
  }
  a.expect(taken != 0, "the flood was refused as a whole");  // D-58: the limited portal only
}

coro::Task<> noise(Attacker& a) {
  for (std::uint32_t i = 0; i < 250; ++i) {
    port::Line line = a.random_line();
    const auto queue = static_cast<std::uint8_t>(a.draw(0, kQueues - 1));
    if (queue == kSharedQueue) {
      abi::store_le(line, kGuestPasid.value | (a.draw(0, 1) << 31), 4);
      const CompletionStatus status = co_await a.enqcmd(a.portal(queue, a.draw(0, 1) != 0), line);
      static_cast<void>(status);
    } else {
      a.movdir64b(a.portal(queue, a.draw(0, 1) != 0), line);
    }
    if (i % 10 == 9) co_await a.wait_ns(500);
  }
}

coro::Task<> portal_reads(Attacker& a) {
  for (std::uint32_t at = 0; at < kQueues * kPortalStride; at += 0x1F8) {
    constexpr std::uint32_t kSizes[] = {1, 2, 4, 8};
    for (const std::uint32_t size : kSizes) {
      const std::uint64_t value = co_await a.portal_read(at, size);
      const std::uint64_t ones = size == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << 8 * size) - 1;
      a.expect(value == ones, "a portal can be read");  // D-20
    }
  }
}

/// Slots of a trapped portal that are filled but for one byte, then a reset.
coro::Task<> unfinished_slots(Attacker& a) {
  const abi::Descriptor d = a.copy();
  const port::Line line = abi::to_line(d);
  a.vdev()->set_trapping(true);
  for (std::uint32_t slot = 0; slot < 128; ++slot) {
    for (std::uint32_t at = 0; at < 63; ++at)
      a.portal_write(a.portal(kDedicatedQueue, false) + 64 * slot + at, 1,
                     std::to_integer<unsigned>(line[at]));
  }
  co_await a.command(abi::kCmdResetDevice, 0);
  const bool good = co_await a.bring_up();
  a.expect(good, "the device does not start");
  for (std::uint32_t slot = 0; slot < 128; ++slot)
    a.portal_write(a.portal(kDedicatedQueue, false) + 64 * slot + 63, 1,
                   std::to_integer<unsigned>(line[63]));
  co_await a.wait_ns(1'500);
  a.expect(a.record_at(d.completion_address).status == 0, "a slot outlives a reset");  // H-11, H-30
  a.vdev()->set_trapping(false);
  co_await must_work(a, kDedicatedQueue);
}

coro::Task<> storm_in_reset(Attacker& a) {
  Storm storm(a);
  for (std::uint32_t i = 0; i < 6; ++i) {
    co_await a.wait_ns(1'000);
    co_await a.command(abi::kCmdResetDevice, 0);
    for (const std::uint8_t queue : kHardwareQueues) must_trap(a, queue);  // H-10
    co_await a.wait_ns(1'000);
    const bool good = co_await a.bring_up();
    a.expect(good, "the device does not start");
  }
  co_await storm.end();
}

coro::Task<> storm_in_disable(Attacker& a) {
  Storm storm(a);
  for (std::uint32_t i = 0; i < 8; ++i) {
    for (std::uint32_t q = 0; q < kQueues; ++q) {
      co_await a.command(abi::kCmdDisableWq, 1U << q);
      if (q != kSoftwareQueue) must_trap(a, static_cast<std::uint8_t>(q));
      co_await a.command(abi::kCmdEnableWq, q);
    }
    co_await a.command(abi::kCmdDisableDevice, 0);
    co_await a.command(abi::kCmdEnableDevice, 0);
    for (std::uint32_t q = 0; q < kQueues; ++q) co_await a.command(abi::kCmdEnableWq, q);
  }
  co_await storm.end();
  co_await must_work(a, kSharedQueue);
}

}  // namespace

std::vector<Attack> portal_attacks() {
  const Group g = Group::kPortals;
  const Setting open{.open_results = true};
  return {
      {"portal-partial-writes", g, "SIOV-D-21",
       "descriptors in pieces of 1 to 8 bytes to mapped portals",
       "no work; later descriptors are intact", partial_writes},
      {"portal-misaligned", g, "SIOV-D-21, H-11", "64-byte writes off the grid", "refused, no work",
       misaligned},
      {"portal-aliases", g, "SIOV-D-20", "work through all 64 slots of both pages",
       "each slot is the same", aliases},
      {"portal-other-flavour", g, "SIOV-H-08, D-19",
       "work through the pages of the other interrupt table", "no work, no interrupt",
       other_flavour},
      {"portal-beyond", g, "SIOV-H-07",
       "work through pages of queues that it has not, and asks to map them", "no work, not mapped",
       beyond_the_last},
      {"portal-wrong-instruction", g, "SIOV-D-59",
       "ENQCMD to dedicated queues, MOVDIR64B to the shared one", "no work", wrong_kind},
      {"portal-overflow", g, "SIOV-D-60", "more posted descriptors than a dedicated queue holds",
       "the rest is dropped; the error is its own", dedicated_overflow},
      {"portal-flood", g, "SIOV-D-58, D-61", "ENQCMD to the shared queue without a pause",
       "the limited page only; victims get through", shared_flood, open},
      {"portal-noise", g, "SIOV-D-10, D-49", "250 random lines", "errors of its own", noise, open},
      {"portal-reads", g, "SIOV-D-20", "reads of all sizes in all portal pages", "all ones",
       portal_reads},
      {"portal-unfinished-slots", g, "SIOV-H-11, H-30",
       "trapped slots that lack a byte, completed after a reset", "no work", unfinished_slots},
      {"storm-in-reset", g, "SIOV-H-10, D-42", "submits without end while it resets its device",
       "portals are unmapped; submissions trap", storm_in_reset, open},
      {"storm-in-disable", g, "SIOV-H-10, D-41",
       "submits without end while it disables queues and device",
       "portals of disabled queues are unmapped", storm_in_disable, open},
  };
}

}  // namespace siov::hostile
