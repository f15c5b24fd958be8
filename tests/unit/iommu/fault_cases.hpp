// SPDX-License-Identifier: Apache-2.0
// Every fault an untranslated request can raise, provoked by real entries in memory; codes as
// literals of VT-d 7.1.3.
//
//   for (const Case& c : kCases) run(*arranged(c, Fpd::kOff), c.op);
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "bench.hpp"

namespace siov::iommu::test {

enum class Op { kRead, kWrite };

struct Case {
  const char* name;
  unsigned code;
  bool qualified;
  Kind kind;
  Op op;
  void (*arrange)(Bench&);
  void (*configure)(IommuConfig&) = nullptr;
  Shape shape = {};
};

inline void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

constexpr std::uint64_t kBit(unsigned position) { return std::uint64_t{1} << position; }
inline constexpr std::uint64_t kAddressBits = 0x000F'FFFF'FFFF'F000;

/// Copies the table that holds an entry into read-only RAM. @return its new place
inline std::uint64_t table_to_rom(Bench& b, Hpa entry) {
  std::array<std::byte, 4096> table{};
  EXPECT_TRUE(b.memory.read(entry.page(), table));
  EXPECT_TRUE(b.memory.load(Hpa{kRom}, table));
  return kRom;
}

// clang-format off
inline const Case kCases[] = {
    {"ReservedTableMode", 0x30, false, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.set_root_table(b.tables.root(), TranslationTableMode::kReserved); }},
    {"RootAddressBeyondWidth", 0x30, false, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.set_root_table(Hpa{kBit(46)}, TranslationTableMode::kScalable); }},
    {"AbortModeNotSupported", 0x30, false, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.set_root_table(b.tables.root(), TranslationTableMode::kAbortDma); }},
    {"PasidInLegacyMode", 0x31, false, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.set_root_table(b.tables.root(), TranslationTableMode::kLegacy); }},
    {"AbortMode", 0x33, false, Kind::kFirstStage, Op::kWrite,
     [](Bench& b) { b.set_root_table(b.tables.root(), TranslationTableMode::kAbortDma); },
     [](IommuConfig& c) { c.abort_dma = true; }},
    {"RootFetch", 0x38, false, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.set_root_table(Hpa{kNoRam}, TranslationTableMode::kScalable); }},
    {"RootNotPresent", 0x39, false, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.tables.root_entry(kRid), kBit(0), 0); }},
    {"RootReserved", 0x3A, false, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.tables.root_entry(kRid), 0, kBit(11)); }},
    {"RootReservedAboveWidth", 0x3A, false, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.tables.root_entry(kRid), 0, kBit(46)); }},
    {"ContextNotPresent", 0x41, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.context(), kBit(0), 0); }},
    {"ContextReservedBit", 0x42, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.context(), 0, kBit(7)); }},
    {"ContextReservedWord", 0x42, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.context() + 24, 0, kBit(63)); }},
    {"ContextRidPrivNotSupported", 0x42, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.context() + 8, 0, kBit(20)); }},
    {"ContextRidPasidNotSupported", 0x42, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.context() + 8, 0, 1); }, [](IommuConfig& c) { c.rid_pasid = false; }},
    {"ContextDteNotSupported", 0x42, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.context(), 0, kBit(2)); },
     [](IommuConfig& c) { c.device_tlb = c.page_requests = c.no_write_flag = c.throttling = c.page_drain = false; }},
    {"ContextRidPasidBeyondDirectory", 0x43, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.context(), 7 << 9, 0); b.poke(b.context() + 8, 0, 0x2000); }},
    {"ContextPageRequestsWithoutDeviceTlb", 0x43, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.context(), 0, kBit(4)); },
     [](IommuConfig& c) { c.device_tlb = c.page_requests = true; }},
    {"PasidDisabled", 0x45, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.context(), kBit(3), 0); }},
    {"PasidBeyondDirectory", 0x46, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.context(), 7 << 9, 3 << 9); }},  // 2^16 PASIDs
    {"PasidIsRidPasid", 0x48, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.context() + 8, 0, 0x12345); }},
    {"DirectoryFetch", 0x50, false, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.context(), kAddressBits, kNoRam); }},
    {"DirectoryNotPresent", 0x51, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.directory(), kBit(0), 0); }},
    {"DirectoryReserved", 0x52, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.directory(), 0, kBit(2)); }},
    {"PasidEntryFetch", 0x58, false, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.directory(), kAddressBits, kNoRam); }},
    {"PasidEntryNotPresent", 0x59, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.entry(), kBit(0), 0); }},
    {"PasidEntryReservedBit5", 0x5A, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.entry(), 0, kBit(5)); }},
    {"PasidEntryReservedBit80", 0x5A, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.entry() + 8, 0, kBit(16)); }},
    {"PasidEntryDomainBeyondNd", 0x5A, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.entry() + 8, 0, kBit(8)); },
     [](IommuConfig& c) { c.domain_bits = 8; }},
    {"PasidEntryReservedBit129", 0x5A, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.entry() + 16, 0, kBit(1)); }},
    {"PasidEntryReservedBit139", 0x5A, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.entry() + 16, 0, kBit(11)); }},
    {"PasidEntryReservedBit511", 0x5A, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.entry() + 56, 0, kBit(63)); }},
    {"PasidEntryEafeNotSupported", 0x5A, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.entry() + 16, 0, kBit(7)); }},
    {"PasidEntrySsadeNotSupported", 0x5A, true, Kind::kSecondStage, Op::kRead,
     [](Bench& b) { b.poke(b.entry(), 0, kBit(9)); },
     [](IommuConfig& c) { c.second_stage_dirty = false; }},
    {"PasidEntryTypeZero", 0x5B, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.entry(), 7 << 6, 0); }},
    {"PasidEntryTypeFive", 0x5B, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.entry(), 7 << 6, 5 << 6); }},
    {"PasidEntryNestedNotSupported", 0x5B, true, Kind::kNested, Op::kRead,
     [](Bench&) {}, [](IommuConfig& c) { c.nested = false; }},
    {"PasidEntryWidth", 0x5B, true, Kind::kSecondStage, Op::kRead,
     [](Bench& b) { b.poke(b.entry(), 7 << 2, 4 << 2); }},
    {"PasidEntryWidthNotSupported", 0x5B, true, Kind::kSecondStage, Op::kRead,
     [](Bench&) {}, [](IommuConfig& c) { c.second_stage_4_level = false; }},
    {"PasidEntryFirstStageMode", 0x5B, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.entry() + 16, 0, 2 << 2); }},
    {"PasidEntryFiveLevelNotSupported", 0x5B, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.entry() + 16, 0, 1 << 2); },
     [](IommuConfig& c) { c.first_stage_5_level = false; }},
    {"PasidEntryNestedRootBeyondGuestWidth", 0x5B, true, Kind::kNested, Op::kRead,
     [](Bench& b) { b.poke(b.entry() + 16, 0, kBit(48)); }, [](IommuConfig& c) { c.mgaw = 48; }},
    {"SupervisorDisabled", 0x5D, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.privileged = true; }},
    {"FirstStageFetch", 0x70, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.first(4), kAddressBits, kNoRam); }},
    {"FirstStageLeafNotPresent", 0x71, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.first(1), kBit(0), 0); }},
    {"FirstStageTopNotPresent", 0x71, true, Kind::kFirstStage, Op::kWrite,
     [](Bench& b) { b.poke(b.first(4), kBit(0), 0); }},
    {"FirstStageAddressAboveWidth", 0x72, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.first(1), 0, kBit(46)); }},
    {"FirstStageLargePml4", 0x72, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.first(4), 0, kBit(7)); }},
    {"FirstStageGigabyteNotSupported", 0x72, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.first(3), 0, kBit(7)); },
     [](IommuConfig& c) { c.first_stage_1g = false; }},
    {"FirstStageTwoMegabyteMisaligned", 0x72, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.first(2), kAddressBits, kBit(7) | kBit(20)); }},
    {"FirstStageRootFetch", 0x73, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.entry() + 16, kAddressBits, kNoRam); }},
    {"NestedTableBeyondGuestWidth", 0x74, true, Kind::kNested, Op::kRead,
     [](Bench& b) { b.poke(b.first(4), kAddressBits, kBit(39)); }, nullptr, {4, 3, false, false}},
    {"NestedRootNotReadable", 0x75, true, Kind::kNested, Op::kRead,
     [](Bench& b) { b.poke(b.second(b.guest_table(4)), kBit(0), 0); }},
    {"NestedEntryNotReadable", 0x76, true, Kind::kNested, Op::kRead,
     [](Bench& b) { b.poke(b.second(b.guest_table(2)), kBit(0), 0); }},
    {"NestedEntryNotWritable", 0x77, true, Kind::kNested, Op::kRead,
     [](Bench& b) { b.poke(b.second(b.guest_table(1)), kBit(1), 0); }},
    {"SecondStageFetch", 0x78, true, Kind::kSecondStage, Op::kRead,
     [](Bench& b) { b.poke(b.second(Gpa{b.iova.value}, 4), kAddressBits, kNoRam); }},
    {"SecondStageNotPresent", 0x79, true, Kind::kSecondStage, Op::kRead,
     [](Bench& b) { b.poke(b.second(Gpa{b.iova.value}), 3, 0); }},
    {"NestedDataNotPresent", 0x79, true, Kind::kNested, Op::kRead,
     [](Bench& b) { b.poke(b.second(b.data_gpa), 3, 0); }},
    {"SecondStageAddressAboveWidth", 0x7A, true, Kind::kSecondStage, Op::kRead,
     [](Bench& b) { b.poke(b.second(Gpa{b.iova.value}), 0, kBit(51)); }},
    {"SecondStageBit62", 0x7A, true, Kind::kSecondStage, Op::kRead,
     [](Bench& b) { b.poke(b.second(Gpa{b.iova.value}), 0, kBit(62)); }},
    {"SecondStageSnoopInTable", 0x7A, true, Kind::kSecondStage, Op::kRead,
     [](Bench& b) { b.poke(b.second(Gpa{b.iova.value}, 2), 0, kBit(11)); }},
    {"SecondStageSnoopNotSupported", 0x7A, true, Kind::kSecondStage, Op::kRead,
     [](Bench& b) { b.poke(b.second(Gpa{b.iova.value}), 0, kBit(11)); },
     [](IommuConfig& c) { c.snoop_control = false; }},
    {"SecondStageLargePml4", 0x7A, true, Kind::kSecondStage, Op::kRead,
     [](Bench& b) { b.poke(b.second(Gpa{b.iova.value}, 4), 0, kBit(7)); }},
    {"SecondStageLargeNotSupported", 0x7A, true, Kind::kSecondStage, Op::kRead,
     [](Bench& b) { b.poke(b.second(Gpa{b.iova.value}, 2), 0, kBit(7)); },
     [](IommuConfig& c) { c.second_stage_2m = false; }},
    {"SecondStageTwoMegabyteMisaligned", 0x7A, true, Kind::kSecondStage, Op::kRead,
     [](Bench& b) { b.poke(b.second(Gpa{b.iova.value}, 2), kAddressBits, kBit(7) | kBit(12)); }},
    {"SecondStageRootFetch", 0x7B, true, Kind::kSecondStage, Op::kRead,
     [](Bench& b) { b.poke(b.entry(), kAddressBits, kNoRam); }},
    {"SecondStageUpdateNotSnooped", 0x7C, true, Kind::kSecondStage, Op::kRead,
     [](Bench& b) { b.poke(b.entry() + 8, kBit(23), 0); }, nullptr, {4, 4, true, false}},
    {"SecondStageUpdateFails", 0x7D, true, Kind::kSecondStage, Op::kRead,
     [](Bench& b) {
       const std::uint64_t rom = table_to_rom(b, b.second(Gpa{b.iova.value}));
       b.poke(b.second(Gpa{b.iova.value}, 2), kAddressBits, rom);
     }, nullptr, {4, 4, true, false}},
    {"NotCanonical", 0x80, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.iova = Iova{kBit(47)}; }},
    {"NotCanonicalFiveLevels", 0x80, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.iova = Iova{kBit(56)}; }, nullptr, {5, 4, false, false}},
    {"UserRequestToSupervisorPage", 0x81, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.first(1), kBit(2), 0); }},
    {"UserRequestBelowSupervisorTable", 0x81, true, Kind::kFirstStage, Op::kWrite,
     [](Bench& b) { b.poke(b.first(3), kBit(2), 0); }},
    {"PassThroughBeyondHostWidth", 0x83, true, Kind::kPassThrough, Op::kRead,
     [](Bench& b) { b.iova = Iova{kBit(46)}; }},
    {"BeyondGuestWidthOfTables", 0x84, true, Kind::kSecondStage, Op::kRead,
     [](Bench& b) { b.iova = Iova{kBit(48)}; }},
    {"BeyondGuestWidthOfUnit", 0x84, true, Kind::kSecondStage, Op::kRead,
     [](Bench& b) { b.iova = Iova{kBit(42)}; }, [](IommuConfig& c) { c.mgaw = 42; }},
    {"FirstStageNotWritable", 0x85, true, Kind::kFirstStage, Op::kWrite,
     [](Bench& b) { b.poke(b.first(1), kBit(1), 0); }},
    {"FirstStageTableNotWritable", 0x85, true, Kind::kFirstStage, Op::kWrite,
     [](Bench& b) { b.poke(b.first(2), kBit(1), 0); }},
    {"SecondStageNotWritable", 0x85, true, Kind::kSecondStage, Op::kWrite,
     [](Bench& b) { b.poke(b.second(Gpa{b.iova.value}), kBit(1), 0); }},
    {"NestedDataNotWritable", 0x85, true, Kind::kNested, Op::kWrite,
     [](Bench& b) { b.poke(b.second(b.data_gpa), kBit(1), 0); }},
    {"SupervisorWriteProtected", 0x85, true, Kind::kFirstStage, Op::kWrite,
     [](Bench& b) {
       b.privileged = true;
       b.poke(b.entry() + 16, 0, kBit(4));
       b.poke(b.first(1), kBit(1), 0);
     },
     nullptr, {4, 4, false, true}},
    {"SecondStageNotReadable", 0x86, true, Kind::kSecondStage, Op::kRead,
     [](Bench& b) { b.poke(b.second(Gpa{b.iova.value}), kBit(0), 0); }},
    {"SecondStageTableNotReadable", 0x86, true, Kind::kSecondStage, Op::kRead,
     [](Bench& b) { b.poke(b.second(Gpa{b.iova.value}, 3), kBit(0), 0); }},
    {"PassThroughIntoInterruptRange", 0x87, true, Kind::kPassThrough, Op::kWrite,
     [](Bench& b) { b.iova = Iova{0xFEE0'0000}; }},
    {"FirstStageIntoInterruptRange", 0x87, true, Kind::kFirstStage, Op::kWrite,
     [](Bench& b) { b.poke(b.first(1), kAddressBits, 0xFEEF'F000); }},
    {"SecondStageIntoInterruptRange", 0x87, true, Kind::kSecondStage, Op::kRead,
     [](Bench& b) { b.poke(b.second(Gpa{b.iova.value}), kAddressBits, 0xFEE1'0000); }},
    {"PasidTooWide", 0x89, false, Kind::kFirstStage, Op::kRead,
     [](Bench&) {}, [](IommuConfig& c) { c.pasid_bits = 16; }},
    {"FirstStageUpdateNotSnooped", 0x90, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) { b.poke(b.entry() + 8, kBit(23), 0); }},
    {"FirstStageUpdateFails", 0x91, true, Kind::kFirstStage, Op::kRead,
     [](Bench& b) {
       const std::uint64_t rom = table_to_rom(b, b.first(1));
       b.poke(b.first(2), kAddressBits, rom);
     }},
};
// clang-format on

inline DmaStatus run(Bench& bench, Op op) { return op == Op::kRead ? bench.read() : bench.write(); }

enum class Fpd { kOff, kOn };

inline std::unique_ptr<Bench> arranged(const Case& c, Fpd fpd) {
  IommuConfig config;
  if (c.configure != nullptr) c.configure(config);
  auto bench = std::make_unique<Bench>(c.kind, config, c.shape);
  if (fpd == Fpd::kOn) bench->poke(bench->context(), 0, 2);  // before the case breaks the way to it
  c.arrange(*bench);
  return bench;
}

}  // namespace siov::iommu::test
