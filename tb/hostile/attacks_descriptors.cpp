// SPDX-License-Identifier: Apache-2.0
// Attacks by descriptors: malformed, forged, aimed.
#include "abi/siov_abi.hpp"
#include "hostile/attack.hpp"
#include "hostile/attack_tools.hpp"

namespace siov::hostile {

namespace {

constexpr std::uint8_t kHardwareQueues[] = {kDedicatedQueue, kSharedQueue};
constexpr bool kBoth[] = {false, true};

bool refused(const std::optional<abi::CompletionRecord>& record) {
  return record && record->status != abi::kStSuccess && record->status != abi::kStSuccessPredicate;
}

/// A batch of descriptors that lie in its memory.
abi::Descriptor batch_of(Attacker& a, const std::vector<abi::Descriptor>& members) {
  abi::Descriptor batch = a.copy();
  const Iova list = a.allocate(64 * members.size());
  for (std::size_t i = 0; i < members.size(); ++i)
    a.space().write(list + 64 * i, abi::to_line(members[i]));
  batch.opcode = abi::kOpBatch;
  batch.source = list;
  batch.destination = Iova{0};
  batch.size = static_cast<std::uint32_t>(members.size());
  return batch;
}

coro::Task<> every_opcode(Attacker& a) {
  const std::uint64_t opcap = co_await a.read(abi::kRegOpcap, 8);
  for (std::uint32_t opcode = 0; opcode < 256; ++opcode) {
    abi::Descriptor d = a.copy();
    d.opcode = static_cast<std::uint8_t>(opcode);
    if (opcode % 4 != 0 || opcode < 0x24) {
      co_await a.submit(static_cast<std::uint8_t>(opcode % kQueues), d);
      if (opcode % 4 == 3) co_await a.wait_ns(500);
      continue;
    }
    const auto record = co_await a.run(static_cast<std::uint8_t>(opcode % kQueues), d);
    const bool known = opcode < 64 && (opcap >> opcode & 1) != 0;
    a.expect(known || (record && record->status == abi::kStBadOpcode),
             "an opcode that does not exist is not refused");
  }
}

coro::Task<> every_flag(Attacker& a) {
  for (std::uint32_t bit = 0; bit < 24; ++bit) {
    for (const std::uint8_t queue : kAllQueues) {
      abi::Descriptor d = a.copy();
      d.flags |= abi::flag(bit);
      co_await a.submit(queue, d);
      d = a.copy();
      d.opcode = abi::kOpDrain;
      d.flags = abi::flag(bit) | abi::flag(abi::kFlagCrav) | abi::flag(abi::kFlagRcr);
      co_await a.submit(queue, d);
    }
    co_await a.wait_ns(700);
  }
  abi::Descriptor d = a.copy();
  d.flags |= abi::flag(abi::kFlagReserved6);
  const auto record = co_await a.run(kDedicatedQueue, d);
  a.expect(record && record->status == abi::kStInvalidFlags, "a reserved flag was taken");
}

coro::Task<> reserved_fields(Attacker& a) {
  for (std::uint32_t i = 0; i < 60; ++i) {
    abi::Descriptor d = a.copy();
    const std::uint64_t which = a.draw(0, 3);
    if (which == 0) d.reserved0 = static_cast<std::uint16_t>(a.draw(1, 0x7FF));
    if (which == 1) d.reserved1 = static_cast<std::uint16_t>(a.draw(1, 0xFFFF));
    if (which >= 2) {
      for (std::byte& b : d.op_specific) b = static_cast<std::byte>(a.draw(0, 255));
    }
    co_await a.submit(static_cast<std::uint8_t>(i % kQueues), d);
    if (i % 6 == 5) co_await a.wait_ns(700);
  }
  abi::Descriptor d = a.copy();
  d.reserved1 = 1;
  const auto record = co_await a.run(kSharedQueue, d);
  a.expect(record && record->status == abi::kStReservedField, "a reserved field was taken");
}

/// On a dedicated queue the PASID of a descriptor means nothing.
coro::Task<> forged_pasid(Attacker& a) {
  const std::vector<Pasid> stolen = a.stolen_pasids();
  const std::vector<Iova> pages = a.stolen_pages();
  for (const Pasid p : stolen) {
    for (const bool privileged : kBoth) {
      abi::Descriptor d = a.copy();
      d.pasid = p;
      d.privileged = privileged;
      const auto record = co_await a.run(kDedicatedQueue, d);
      a.expect(record && record->status == abi::kStSuccess,
               "its own work fails for its PASID field");  // D-23
      d = a.copy();
      d.pasid = p;
      d.privileged = privileged;
      d.source = pages[a.draw(0, pages.size() - 1)];
      co_await a.submit(kDedicatedQueue, d);
      d.destination = d.source;
      co_await a.submit(kSoftwareQueue, d);
      co_await a.wait_ns(500);
    }
  }
}

/// Privilege that nobody has given it.
coro::Task<> forged_privilege(Attacker& a) {
  for (std::uint32_t i = 0; i < 40; ++i) {
    abi::Descriptor d = a.copy();
    d.privileged = true;
    if (i % 2 == 0) d.source = Iova{a.draw(0, 0x7F00'0000)};
    co_await a.submit(i % 4 < 2 ? kSharedQueue : kDedicatedQueue, d);
    if (i % 4 == 3) co_await a.wait_ns(500);
  }
}

coro::Task<> drain_readback(Attacker& a) {
  std::vector<Iova> pages = a.stolen_pages();
  pages.push_back(Iova{0xFEE0'0000});
  pages.push_back(Iova{0x3800'0000'0000});
  pages.push_back(Iova{1});
  for (std::uint32_t i = 0; i < 40; ++i) {
    abi::Descriptor d = a.copy();
    d.opcode = abi::kOpDrain;
    d.flags |= static_cast<std::uint32_t>(a.draw(0, 3)) << 16;
    d.source = pages[a.draw(0, pages.size() - 1)];
    d.destination = pages[pages.size() - 1 - i % 3];
    d.size = static_cast<std::uint32_t>(a.draw(0, 1));
    co_await a.submit(kHardwareQueues[i % 2], d);
    if (i % 4 == 3) co_await a.wait_ns(600);
  }
}

coro::Task<> batch_counts(Attacker& a) {
  constexpr std::uint32_t kCounts[] = {0, 1, 33, 64, 1000, 0x7FFF'FFFF, 0xFFFF'FFFF};
  for (const std::uint32_t count : kCounts) {
    for (const std::uint8_t queue : kHardwareQueues) {
      abi::Descriptor d = a.copy();
      d.opcode = abi::kOpBatch;
      d.destination = Iova{0};
      d.size = count;
      const auto record = co_await a.run(queue, d);
      a.expect(refused(record), "a batch of a bad count was taken");
    }
  }
}

/// Lists off the grid, in absent pages, in the interrupt window, in BARs, at victims' addresses.
coro::Task<> batch_lists(Attacker& a) {
  std::vector<std::uint64_t> lists{0xFEE0'0000, 0x3800'0000'0000, 0x3800'1000'0000, 64,
                                   0xFFFF'FFFF'FFFF'F000};
  for (const Hpa frame : a.stolen_frames()) {
    if (lists.size() < 16) lists.push_back(frame.value);
  }
  for (std::uint32_t offset = 1; offset < 64; offset *= 2)
    lists.push_back(a.allocate(512).value + offset);
  for (const std::uint64_t list : lists) {
    for (const std::uint8_t queue : kHardwareQueues) {
      abi::Descriptor d = a.copy();
      d.opcode = abi::kOpBatch;
      d.destination = Iova{0};
      d.source = Iova{list};
      d.size = 8;
      const auto record = co_await a.run(queue, d);
      a.expect(refused(record), "a batch of a bad list was taken");
    }
  }
}

coro::Task<> nested_batches(Attacker& a) {
  abi::Descriptor inner = batch_of(a, {a.copy(), a.copy()});
  for (std::uint32_t depth = 0; depth < 4; ++depth) inner = batch_of(a, {inner, inner, a.copy()});
  for (const std::uint8_t queue : kHardwareQueues) {
    const auto record = co_await a.run(queue, inner);
    a.expect(record && record->status == abi::kStBatchFail, "a batch in a batch was taken");
  }
  // And one that is its own list.
  abi::Descriptor self = a.copy();
  self.opcode = abi::kOpBatch;
  self.destination = Iova{0};
  const Iova list = a.allocate(512);
  self.source = list;
  self.size = 8;
  for (std::uint32_t i = 0; i < 8; ++i) a.space().write(list + 64 * i, abi::to_line(self));
  for (const std::uint8_t queue : kHardwareQueues) co_await a.run(queue, self, 10'000);
}

/// Members with PASIDs, privilege, handles and addresses of victims.
coro::Task<> forged_members(Attacker& a) {
  const std::vector<Pasid> pasids = a.stolen_pasids();
  const std::vector<Iova> pages = a.stolen_pages();
  const std::vector<Hpa> frames = a.stolen_frames();
  for (std::uint32_t round = 0; round < 8; ++round) {
    std::vector<abi::Descriptor> members;
    for (std::uint32_t i = 0; i < 8; ++i) {
      abi::Descriptor d = a.copy();
      d.pasid = pasids[a.draw(0, pasids.size() - 1)];
      d.privileged = i % 2 == 0;
      d.flags |= abi::flag(abi::kFlagRci);
      d.interrupt_handle = static_cast<std::uint16_t>(a.draw(0, 8));
      if (i % 3 == 1) d.destination = pages[a.draw(0, pages.size() - 1)];
      if (i % 3 == 2) d.source = Iova{frames[a.draw(0, frames.size() - 1)].value};
      if (i == 5) d.completion_address = Iova{frames[0].value};
      if (i == 6) d.completion_address = d.completion_address + 4;
      members.push_back(d);
    }
    const abi::Descriptor batch = batch_of(a, members);
    const auto record = co_await a.run(kHardwareQueues[round % 2], batch);
    a.expect(refused(record), "a batch of forged members succeeds");
  }
}

/// The CPU rewrites the list while the device reads it.
coro::Task<> changing_lists(Attacker& a) {
  const std::vector<Pasid> pasids = a.stolen_pasids();
  std::vector<abi::Descriptor> members(16, a.copy());
  const abi::Descriptor batch = batch_of(a, members);
  for (std::uint32_t round = 0; round < 12; ++round) {
    co_await a.submit(kHardwareQueues[round % 2], batch);
    for (std::uint32_t i = 0; i < 24; ++i) {
      port::Line line = abi::to_line(members[0]);
      if (i % 2 == 0) line = a.random_line();
      if (i % 4 == 1) abi::store_le(line, pasids[i % pasids.size()].value, 4);
      a.space().write(batch.source + 64 * a.draw(0, 15), line);
      co_await a.wait_ns(40);
    }
  }
}

coro::Task<> record_addresses(Attacker& a) {
  std::vector<std::uint64_t> places{0xFEE0'0000,          0xFEEF'FFE0, 0x3800'0000'4000,
                                    0x3800'1000'0000,     0,           0x8000'0000'0000,
                                    0xFFFF'FFFF'FFFF'FFE0};
  for (const Iova page : a.stolen_pages()) {
    if (places.size() < 14) places.push_back(page.value);
  }
  for (const Hpa frame : a.stolen_frames()) {
    if (places.size() < 20) places.push_back(frame.value);
  }
  for (std::uint32_t offset = 1; offset < 32; offset *= 2)
    places.push_back(a.allocate(64).value + offset);
  for (const std::uint64_t place : places) {
    for (const std::uint8_t queue : kAllQueues) {
      abi::Descriptor d = a.copy();
      d.completion_address = Iova{place};
      co_await a.submit(queue, d);
      d.opcode = abi::kOpNoop;
      co_await a.submit(queue, d);
    }
    co_await a.wait_ns(900);
  }
}

coro::Task<> transfer_sizes(Attacker& a) {
  constexpr std::uint32_t kSizes[] = {0, (1U << 21) + 1, 1U << 22, 0x7FFF'FFFF, 0xFFFF'FFFF};
  for (const std::uint32_t size : kSizes) {
    for (const std::uint8_t queue : kAllQueues) {
      abi::Descriptor d = a.copy();
      d.size = size;
      const auto record = co_await a.run(queue, d);
      a.expect(record && record->status == abi::kStBadSize, "a transfer of a bad size was taken");
    }
  }
}

/// Ranges that wrap around, overlap, or end in nothing.
coro::Task<> wrapping_ranges(Attacker& a) {
  constexpr std::uint64_t kStarts[] = {0xFFFF'FFFF'FFFF'F000, 0xFFFF'FFFF'FFFF'FFFF,
                                       0x7FFF'FFFF'FF00,      0x8000'0000'0000,
                                       0xFFFF'8000'0000'0000, 0xFFC0};
  constexpr std::uint8_t kOpcodes[] = {abi::kOpMemmove,  abi::kOpFill,        abi::kOpCompare,
                                       abi::kOpDualcast, abi::kOpCreateDelta, abi::kOpApplyDelta,
                                       abi::kOpCopyCrc,  abi::kOpDifUpdate,   abi::kOpCacheFlush};
  for (const std::uint64_t start : kStarts) {
    for (const std::uint8_t opcode : kOpcodes) {
      abi::Descriptor d = a.copy();
      d.opcode = opcode;
      d.size = 4096;
      if (opcode % 2 == 0) d.source = Iova{start};
      d.destination = Iova{start};
      d.set_field(40, 8, start);
      co_await a.submit(kHardwareQueues[opcode % 2], d);
      co_await a.wait_ns(300);
    }
  }
}

coro::Task<> mutated(Attacker& a) {
  for (std::uint32_t i = 0; i < 300; ++i) {
    abi::Descriptor d = a.copy();
    d.opcode = static_cast<std::uint8_t>(a.draw(0, 0x21));
    port::Line line = abi::to_line(d);
    for (std::uint64_t n = a.draw(1, 6); n != 0; --n) {
      const std::uint64_t bit = a.draw(64, 511);
      line[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    }
    const abi::Descriptor bad = abi::decode_descriptor(line);
    co_await a.submit(static_cast<std::uint8_t>(i % kQueues), bad);
    if (i % 8 == 7) co_await a.wait_ns(700);
  }
}

/// Ends with errors only: SWERROR and the event log are for all.
coro::Task<> error_storm(Attacker& a) {
  for (std::uint32_t i = 0; i < 120; ++i) {
    abi::Descriptor d = a.copy();
    d.completion_address = d.completion_address + 4;
    co_await a.submit(static_cast<std::uint8_t>(i % kQueues), d);
    if (i % 8 == 7) co_await a.wait_ns(600);
  }
  const std::uint64_t error = co_await a.read(abi::kRegSwerror, 8);
  a.expect((error & 1) != 0, "it is not told of its own errors");
  a.expect((error >> abi::kSwerrorPasidLsb & kMaxPasid) == kGuestPasid.value,
           "its error names a PASID that it does not know");  // H-20
  a.expect((error >> abi::kSwerrorWqLsb & 0xFF) < kQueues, "its error names a physical queue");
}

coro::Task<> cache_flush(Attacker& a) {
  const std::vector<Iova> pages = a.stolen_pages();
  const std::vector<Hpa> frames = a.stolen_frames();
  for (std::uint32_t i = 0; i < 40; ++i) {
    abi::Descriptor d = a.copy();
    d.opcode = abi::kOpCacheFlush;
    d.source = Iova{0};
    d.destination = i % 2 == 0 ? pages[a.draw(0, pages.size() - 1)]
                               : Iova{frames[a.draw(0, frames.size() - 1)].value};
    d.size = static_cast<std::uint32_t>(a.draw(1, 0x4000));
    co_await a.submit(kHardwareQueues[i % 2], d);
    if (i % 4 == 3) co_await a.wait_ns(600);
  }
}

}  // namespace

std::vector<Attack> descriptor_attacks() {
  const Group g = Group::kDescriptors;
  const Setting open{.open_results = true};
  return {
      {"every-opcode", g, "SIOV-D-49, dsa 5.5", "all 256 opcodes", "unknown ones end with 0x10",
       every_opcode},
      {"every-flag", g, "SIOV-D-49, dsa 5.2", "all 24 flags of a copy and of a drain",
       "reserved ones end with 0x11", every_flag},
      {"reserved-fields", g, "SIOV-D-49, dsa 5.1", "reserved bits and bytes", "0x12",
       reserved_fields},
      {"forged-pasid", g, "SIOV-D-23, H-20",
       "host PASIDs of victims in descriptors of a dedicated queue", "the field is ignored",
       forged_pasid, open},
      {"forged-privilege", g, "SIOV-D-08, P-12", "the privilege bit, on both kinds of queue",
       "pages of its own process at most", forged_privilege},
      {"drain-readback", g, "SIOV-D-24, dsa 5.6", "drains that read back at addresses of others",
       "faults of its own", drain_readback},
      {"batch-counts", g, "SIOV-D-49, dsa 5.6", "batches of 0, 1, too many and 2^32-1 descriptors",
       "refused", batch_counts},
      {"batch-lists", g, "SIOV-D-24, D-49",
       "lists off the grid, absent, in the interrupt window, in BARs, in victims' frames",
       "refused or faulted", batch_lists},
      {"nested-batches", g, "SIOV-D-49, dsa 5.6", "batches in batches, and one that holds itself",
       "members are refused", nested_batches, open},
      {"forged-members", g, "SIOV-D-23, D-24",
       "batch members with PASIDs, handles and addresses of victims",
       "the batch's PASID holds for all", forged_members},
      {"changing-lists", g, "SIOV-D-23, D-49", "rewrites a batch list while the device reads it",
       "errors of its own", changing_lists, open},
      {"record-addresses", g, "SIOV-D-24, D-28",
       "records off the grid, at victims, in the interrupt window and in BARs",
       "no record is written there", record_addresses, open},
      {"transfer-sizes", g, "SIOV-D-49, dsa 5.6", "transfers of nothing and of too much", "0x13",
       transfer_sizes},
      {"wrapping-ranges", g, "SIOV-D-22, D-49", "ranges across the ends of address space",
       "faults of its own", wrapping_ranges},
      {"mutated-descriptors", g, "SIOV-D-10, D-49", "300 descriptors with flipped bits",
       "errors of its own", mutated, open},
      {"error-storm", g, "SIOV-H-36, H-20", "120 errors that only SWERROR tells of",
       "each guest is told of its own errors, in its own terms", error_storm},
      {"cache-flush-others", g, "SIOV-D-22, D-49",
       "cache flushes at addresses and frames of victims", "faults of its own", cache_flush},
  };
}

}  // namespace siov::hostile
