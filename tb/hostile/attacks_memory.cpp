// SPDX-License-Identifier: Apache-2.0
// Attacks by DMA: where the device is told to read and write, and what tables say meanwhile.
#include "abi/siov_abi.hpp"
#include "hostile/attack.hpp"
#include "hostile/attack_tools.hpp"

namespace siov::hostile {

namespace {

constexpr std::uint8_t kHardwareQueues[] = {kDedicatedQueue, kSharedQueue};
constexpr std::uint64_t kPresent = 0x67;  ///< present, writable, user, accessed, dirty

template <class T>
std::vector<T> some(Attacker& a, const std::vector<T>& all, std::size_t count) {
  std::vector<T> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(all[a.draw(0, all.size() - 1)]);
  return out;
}

coro::Task<> victims_addresses(Attacker& a) {
  std::vector<Iova> targets = some(a, a.stolen_pages(), 24);
  for (const auto& victim : a.around().victims) targets.push_back(victim->secret());
  for (std::size_t i = 0; i < targets.size(); ++i)
    co_await aim(a, static_cast<std::uint8_t>(i % kQueues), targets[i]);
}

coro::Task<> victims_frames(Attacker& a) {
  const std::vector<Hpa> targets = some(a, a.stolen_frames(), 24);
  for (std::size_t i = 0; i < targets.size(); ++i)
    co_await aim(a, static_cast<std::uint8_t>(i % kQueues), Iova{targets[i].value});
  abi::Descriptor d = a.copy();
  d.source = Iova{targets[0].value};
  const auto record = co_await a.run(kDedicatedQueue, d);
  a.expect(record && (record->status & 0x7F) != abi::kStSuccess, "a host address can be read");
}

coro::Task<> host_tables(Attacker& a) {
  const std::vector<Hpa> tables = a.stolen_tables();
  for (const Hpa table : tables) {
    for (const std::uint8_t queue : kAllQueues) {
      co_await aim(a, queue, Iova{table.value});
      co_await aim(a, queue, Iova{table.value + 0x800});
    }
  }
}

/// Writes that look like messages. @spec SIOV-D-28, P-06
coro::Task<> interrupt_window(Attacker& a) {
  constexpr std::uint64_t kWindow[] = {0xFEE0'0000, 0xFEE0'0FE0, 0xFEE1'0018, 0xFEEF'F000,
                                       0xFEDF'FFF0};
  constexpr std::uint32_t kSizes[] = {4, 8, 64, 200};
  for (const std::uint64_t at : kWindow) {
    for (const std::uint32_t size : kSizes) {
      for (const std::uint8_t queue : kAllQueues) {
        abi::Descriptor d = a.copy();
        d.destination = Iova{at};
        d.size = size;
        co_await a.submit(queue, d);
        d = a.copy();
        d.opcode = abi::kOpFill;
        d.source = Iova{0x0000'0040'0000'0040};
        d.destination = Iova{at};
        d.size = size;
        co_await a.submit(queue, d);
      }
      co_await a.wait_ns(700);
    }
  }
}

/// BARs of the device itself: interrupt entries, queues, portals of victims. @spec SIOV-D-32, P-17
coro::Task<> peer_to_peer(Attacker& a) {
  const vdcm::DeviceInfo& info = a.around().driver.info();
  const std::uint64_t bar0 = a.around().driver.config().bar0_base;
  const std::uint64_t bar2 = a.around().driver.config().bar2_base;
  const std::uint64_t targets[] = {bar0 + info.ims_offset,
                                   bar0 + info.msix_table_offset,
                                   bar0 + info.wqcfg_offset,
                                   bar0 + abi::kRegCmd,
                                   bar2,
                                   bar2 + 0x1000,
                                   bar2 + 0x3000,
                                   bar2 + 2 * 0x4000 + 0x3000};
  for (const std::uint64_t target : targets) {
    for (const std::uint8_t queue : kAllQueues) {
      co_await aim(a, queue, Iova{target});
      abi::Descriptor d = a.copy();
      d.source = a.allocate(64);
      a.space().write(d.source, abi::to_line(a.copy()));
      d.destination = Iova{target};
      d.size = 64;
      co_await a.submit(queue, d);
    }
  }
}

/// Its process's page points somewhere else in guest-physical space, where it may have nothing.
coro::Task<> point_elsewhere(Attacker& a, const std::vector<std::uint64_t>& targets) {
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (targets[i] < a.machine().guest_memory().bytes()) continue;  // it has memory there
    const Iova page = a.allocate(kPageSize);
    a.write_memory(a.table_entry(page), (targets[i] & ~std::uint64_t{0xFFF}) | kPresent);
    const auto queue = kHardwareQueues[i % 2];
    abi::Descriptor d = a.copy();
    d.source = page + (targets[i] & 0xFFF);
    const auto record = co_await a.run(queue, d);
    a.expect(record && (record->status & 0x7F) != abi::kStSuccess,
             "its own tables lead it out of its machine");
    d = a.copy();
    d.destination = page + (targets[i] & 0xFFF);
    co_await a.submit(queue, d);
    d = a.copy();
    d.completion_address = page;
    co_await a.submit(queue, d);
    co_await a.submit(kSoftwareQueue, d);
    co_await a.wait_ns(500);
  }
}

coro::Task<> own_tables_to_frames(Attacker& a) {
  std::vector<std::uint64_t> targets;
  const std::vector<Hpa> frames = some(a, a.stolen_frames(), 12);
  for (const Hpa frame : frames) targets.push_back(frame.value);
  const std::vector<Hpa> tables = a.stolen_tables();
  for (const Hpa table : tables) targets.push_back(table.value);
  co_await point_elsewhere(a, targets);
}

coro::Task<> own_tables_to_window(Attacker& a) {
  std::vector<std::uint64_t> targets{0xFEE0'0000, 0xFEE1'0018, 0xFEEF'F000};
  targets.push_back(a.around().driver.config().bar0_base + a.around().driver.info().ims_offset);
  targets.push_back(a.around().driver.config().bar2_base);
  targets.push_back(std::uint64_t{1} << 45);
  targets.push_back(std::uint64_t{1} << 51);
  co_await point_elsewhere(a, targets);
}

/// Tables of noise, with reserved bits, large pages, loops.
coro::Task<> own_tables_of_noise(Attacker& a) {
  const Iova page = a.allocate(kPageSize);
  const Gpa leaf = a.table_entry(page);
  const Gpa table{leaf.value & ~std::uint64_t{0xFFF}};
  const Gpa root{a.space().descriptor().first_stage_root};
  const std::uint64_t old_leaf = a.read_memory(leaf);
  const std::uint64_t slot = page.value >> 39 & 0x1FF;
  const std::uint64_t old_root = a.read_memory(root + 8 * slot);
  for (std::uint32_t i = 0; i < 24; ++i) {
    std::uint64_t entry = a.draw(0, ~std::uint64_t{0});
    if (i % 4 == 1) entry = root.value | kPresent;          // a table as a page
    if (i % 4 == 2) entry = table.value | kPresent | 0x80;  // PS or PAT
    a.write_memory(leaf, entry);
    if (i % 6 == 5) a.write_memory(root + 8 * slot, (root.value | kPresent));  // a loop
    abi::Descriptor d = a.copy();
    d.source = page;
    co_await a.submit(kHardwareQueues[i % 2], d);
    std::swap(d.source, d.destination);
    if (i % 4 != 1) co_await a.submit(kHardwareQueues[i % 2], d);
    co_await a.wait_ns(800);
    a.write_memory(root + 8 * slot, old_root);
  }
  a.write_memory(leaf, old_leaf);
}

/// A page that moves to and fro under the device, with no invalidation at all.
coro::Task<> changing_tables(Attacker& a) {
  const Iova page = a.allocate(kPageSize);
  const Gpa leaf = a.table_entry(page);
  const std::uint64_t here = a.read_memory(leaf);
  std::vector<std::uint64_t> targets{here, 0, here & ~std::uint64_t{2}, here & ~std::uint64_t{4},
                                     0xFEE0'0000 | kPresent};
  const std::vector<Hpa> frames = some(a, a.stolen_frames(), 3);
  for (const Hpa frame : frames) targets.push_back(frame.value | kPresent);
  for (std::uint32_t i = 0; i < 80; ++i) {
    abi::Descriptor d = a.copy();
    d.source = page;
    co_await a.submit(kHardwareQueues[i % 2], d);
    std::swap(d.source, d.destination);
    co_await a.submit(kHardwareQueues[i / 2 % 2], d);
    for (std::uint32_t n = 0; n < 4; ++n) {
      a.write_memory(leaf, targets[a.draw(0, targets.size() - 1)]);
      co_await a.wait_ns(70);
    }
  }
  a.write_memory(leaf, here);
}

/// The host takes memory away while its device uses it. @spec SIOV-H-32
coro::Task<> memory_taken_away(Attacker& a) {
  guest::Machine& machine = a.machine();
  std::vector<Gpa> pages;
  for (std::uint32_t i = 0; i < 4; ++i) pages.push_back(machine.guest_memory().allocate());
  for (std::uint32_t round = 0; round < 3; ++round) {
    Storm storm(a);
    co_await a.wait_ns(1'000);
    std::function<void()> unmap = [&machine, &pages] {
      for (const Gpa page : pages) static_cast<void>(machine.unmap_guest_page(page));
    };
    co_await a.around().vdcm.unmap_memory(a.vm(), std::move(unmap));
    co_await storm.end();
    const std::uint64_t state = co_await a.read(abi::kRegGensts);
    a.expect((state & 3) == 0 || state == ~std::uint64_t{0},
             "its device runs on without its memory");
    const bool good = co_await a.bring_up();
    a.expect(good, "the device does not start");
    for (const Gpa page : pages) {
      const Iova at = a.allocate(kPageSize);
      a.write_memory(a.table_entry(at), page.value | kPresent);
      abi::Descriptor d = a.copy();
      d.destination = at;  // posted: the device is not told of the fault
      co_await a.submit(kSharedQueue, d);
      d = a.copy();
      d.source = at;
      const auto record = co_await a.run(kDedicatedQueue, d);
      a.expect(record && (record->status & 0x7F) != abi::kStSuccess,
               "memory that was taken away can be read");
    }
    for (const Gpa page : pages) machine.map_guest_page(page);
  }
}

/// Absent pages, with block on fault: each descriptor waits for a page that never comes.
coro::Task<> absent_pages(Attacker& a) {
  for (std::uint32_t i = 0; i < 40; ++i) {
    abi::Descriptor d = a.copy();
    d.flags |= abi::flag(abi::kFlagBof);
    const Iova absent{0x1'0000'0000 + a.draw(0, 0xFFFF) * kPageSize};
    if (i % 3 == 0) d.source = absent;
    if (i % 3 == 1) d.destination = absent;
    if (i % 3 == 2) d.completion_address = absent;
    co_await a.submit(kHardwareQueues[i % 2], d);
    if (i % 4 == 3) co_await a.wait_ns(1'500);
  }
}

/// Absent pages, then the device is reset before anybody has answered.
coro::Task<> absent_pages_and_reset(Attacker& a) {
  for (std::uint32_t round = 0; round < 4; ++round) {
    for (std::uint32_t i = 0; i < 6; ++i) {
      abi::Descriptor d = a.copy();
      d.flags |= abi::flag(abi::kFlagBof);
      d.source = Iova{0x2'0000'0000 + (8 * round + i) * kPageSize};
      co_await a.submit(kHardwareQueues[i % 2], d);
    }
    co_await a.wait_ns(round * 300);
    co_await a.config_write(0x58, 2, 0x8000);
    const bool good = co_await a.bring_up();
    a.expect(good, "the device does not start");
  }
}

/// Translations that the device has cached, of pages that the guest then moves silently.
coro::Task<> cached_translations(Attacker& a) {
  const std::vector<Iova> stolen = some(a, a.stolen_pages(), 8);
  const Iova page = a.allocate(kPageSize);
  const Gpa leaf = a.table_entry(page);
  const std::uint64_t here = a.read_memory(leaf);
  for (std::uint32_t i = 0; i < 24; ++i) {
    abi::Descriptor d = a.copy();
    d.source = page;
    d.destination = i % 3 == 0 ? stolen[a.draw(0, stolen.size() - 1)] : d.destination;
    co_await a.submit(kHardwareQueues[i % 2], d);
    a.write_memory(leaf, i % 2 == 0 ? 0 : here);
    co_await a.wait_ns(600);
  }
  a.write_memory(leaf, here);
}

}  // namespace

std::vector<Attack> memory_attacks() {
  const Group g = Group::kMemory;
  const Setting ats{.translates = true};
  const Setting open{.open_results = true};
  const Setting open_ats{.translates = true, .open_results = true};
  return {
      {"victims-addresses", g, "SIOV-D-12, D-22", "reads and writes at addresses that victims use",
       "its own memory or a fault", victims_addresses, open},
      {"victims-frames", g, "SIOV-P-01, P-02",
       "reads and writes at host addresses of victims' pages", "faults", victims_frames, open},
      {"host-tables", g, "SIOV-P-02, P-05", "reads and writes at host addresses of page tables",
       "faults", host_tables, open},
      {"interrupt-window", g, "SIOV-D-28, P-06", "writes to FEEx_xxxx of every size",
       "no interrupt", interrupt_window, open},
      {"peer-to-peer", g, "SIOV-D-32, P-17",
       "reads and writes at BARs: interrupt entries, queues, portals", "no effect", peer_to_peer,
       open},
      {"own-tables-to-frames", g, "SIOV-P-02",
       "its first-stage tables point to victims' frames and host tables", "second-stage faults",
       own_tables_to_frames, open},
      {"own-tables-to-window", g, "SIOV-P-06, P-02",
       "its first-stage tables point to the interrupt window and BARs", "faults, no interrupt",
       own_tables_to_window, open},
      {"own-tables-of-noise", g, "SIOV-P-05",
       "reserved bits, loops and large pages in its first-stage tables", "faults of its own",
       own_tables_of_noise, open},
      {"changing-tables", g, "SIOV-P-05, D-26",
       "its first-stage tables change under way, without invalidation", "its own pages or faults",
       changing_tables, open},
      {"memory-taken-away", g, "SIOV-H-32", "submits without end while the host unmaps its memory",
       "its device is reset first; later accesses fault", memory_taken_away, open},
      {"victims-addresses-ats", g, "SIOV-D-12, D-26",
       "reads and writes at victims' addresses, with translations cached by the device",
       "no hit of another PASID", victims_addresses, open_ats},
      {"victims-frames-ats", g, "SIOV-D-26, D-53", "reads and writes at victims' frames, with ATS",
       "no translated request gets there", victims_frames, open_ats},
      {"interrupt-window-ats", g, "SIOV-P-08, D-28", "writes to FEEx_xxxx with ATS", "no interrupt",
       interrupt_window, open_ats},
      {"absent-pages", g, "SIOV-D-55, D-56", "blocks on pages that never come",
       "only its work waits for them", absent_pages, ats},
      {"absent-pages-and-reset", g, "SIOV-D-41, D-47",
       "blocks on absent pages, then resets its device", "the reset ends in time",
       absent_pages_and_reset, ats},
      {"cached-translations", g, "SIOV-D-12, D-26",
       "moves pages whose translations the device has cached", "its own old page at most",
       cached_translations, open_ats},
  };
}

}  // namespace siov::hostile
