// SPDX-License-Identifier: Apache-2.0
// Bench: memory, tables and one unit with one mapped page, for the tests of this folder.
//
//   Bench bench(Kind::kNested);
//   EXPECT_EQ(bench.read(), port::DmaStatus::kSuccess);
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "iommu/iommu.hpp"
#include "iommu/table_builder.hpp"
#include "memory/guest_memory.hpp"
#include "memory/page_allocator.hpp"
#include "memory/physical_memory.hpp"
#include "software.hpp"

namespace siov::iommu::test {

inline constexpr RequesterId kRid{0x8190};  // worked encodings: bus 81h, devfn 90h
inline constexpr Pasid kPasid{0x12345};
inline constexpr std::uint16_t kDomain = 5;
inline constexpr std::uint64_t kNoRam = 0x9000'0000;  // between 2 and 4 GiB, not populated
inline constexpr std::uint64_t kRom = 0x8000'0000;    // 2 MiB of RAM that refuses writes

using port::DmaStatus;

struct InterruptSink final : port::InterruptPort {
  std::vector<port::Interrupt> seen;
  void deliver(const port::Interrupt& interrupt) override { seen.push_back(interrupt); }
};

enum class Kind { kFirstStage, kSecondStage, kNested, kPassThrough };

struct Shape {
  unsigned first_levels = 4;
  unsigned second_levels = 4;
  bool second_stage_dirty = false;
  bool supervisor = false;
};

class Bench {
 public:
  explicit Bench(Kind kind, const IommuConfig& config = {}, Shape shape = {})
      : kind(kind),
        memory({{Hpa{0}, 0x8000'0000},
                {Hpa{kRom}, 0x20'0000, memory::RamKind::kReadOnly},
                {Hpa{0x1'0000'0000}, std::uint64_t{60} << 30}},
               config.haw),
        frames(memory),
        unit(memory, sink, config),
        software(unit, memory, frames),
        tables(memory, frames),
        host(memory, frames) {
    tables.add_function(kRid, {});
    frame = frames.allocate();
    build(shape);
    set_root_table(tables.root(), TranslationTableMode::kScalable);
    software.translation(true);
    unit.set_view_requester(kRid);
  }

  [[nodiscard]] port::DmaRequest request() const {
    port::DmaRequest r;
    r.requester = kRid;
    r.address = iova;
    r.pasid = kPasid;
    r.privileged = privileged;
    return r;
  }
  DmaStatus read() {
    std::array<std::byte, 8> out{};
    return unit.read(request(), out);
  }
  DmaStatus write(std::uint64_t value = 0) {
    return unit.write(request(), std::as_bytes(std::span(&value, 1)));
  }
  DmaStatus flush() { return unit.read(request(), {}); }
  [[nodiscard]] std::uint64_t word(Hpa at) const { return memory.read64(at).value(); }
  void poke(Hpa at, std::uint64_t clear, std::uint64_t set) {
    if (!memory.write64(at, (word(at) & ~clear) | set)) throw HarnessError("poke outside memory");
  }
  void set_root_table(Hpa root, TranslationTableMode mode) {
    software.set_root_table(root.value | static_cast<std::uint64_t>(mode) << 10);
  }
  void drop_everything() {
    software.context_global();
    software.pasid_cache_global();
    software.iotlb_global();
  }
  [[nodiscard]] Hpa context() const { return tables.context_entry(kRid); }
  [[nodiscard]] Hpa directory() const { return tables.directory_entry(kRid, kPasid); }
  [[nodiscard]] Hpa entry() const { return tables.pasid_entry(kRid, kPasid); }
  /// First-stage entry of the mapped page; level 1 = PTE.
  [[nodiscard]] Hpa first(unsigned level) const {
    if (process) return process->entry_address(iova, level).value();
    return guest->host_address(guest_process->entry_address(iova, level).value()).value();
  }
  /// Second-stage entry for a guest-physical address.
  [[nodiscard]] Hpa second(Gpa address, unsigned level = 1) const {
    return vm->entry_address(address, level).value();
  }
  /// GPA of the guest's first-stage table of a level; the root is level 4.
  [[nodiscard]] Gpa guest_table(unsigned level) const {
    return guest_process->entry_address(iova, level).value().page();
  }
  /// FR of record 0, the raw bits 103:96 of the record.
  [[nodiscard]] unsigned fault_code(unsigned index = 0) const {
    return static_cast<unsigned>(unit.fault_log().raw(index).high >> 32 & 0xFF);
  }

  Kind kind;
  memory::PhysicalMemory memory;
  memory::PageAllocator frames;
  InterruptSink sink;
  Iommu unit;
  Software software;
  tables::RemappingTables tables;
  tables::HostTableMemory host;
  std::unique_ptr<memory::GuestMemory> guest;
  std::unique_ptr<tables::GuestTableMemory> guest_tables;
  std::unique_ptr<tables::SecondStageTable> vm;
  std::unique_ptr<tables::FirstStageTable<Hpa>> process;
  std::unique_ptr<tables::FirstStageTable<Gpa>> guest_process;
  Iova iova;
  Gpa data_gpa;  ///< nested: what the first stage maps iova to
  Hpa frame;     ///< where iova ends
  bool privileged = false;

 private:
  void build(const Shape& shape) {
    using tables::PageSize;
    using tables::PasidSpec;
    PasidSpec spec = PasidSpec::pass_through(kDomain);
    switch (kind) {
      case Kind::kPassThrough:
        iova = Iova{frame.value};
        break;
      case Kind::kFirstStage:
        iova = Iova{0x7654'3210'0000};
        process = std::make_unique<tables::FirstStageTable<Hpa>>(host, shape.first_levels);
        process->map(iova, frame, PageSize::k4K);
        spec = PasidSpec::first_stage(process->root(), shape.first_levels, kDomain);
        break;
      case Kind::kSecondStage:
        iova = Iova{0x12'3456'7000};
        vm = std::make_unique<tables::SecondStageTable>(host, shape.second_levels);
        vm->map(Gpa{iova.value}, frame, PageSize::k4K);
        spec = PasidSpec::second_stage(vm->root(), shape.second_levels, kDomain);
        break;
      case Kind::kNested:
        iova = Iova{0x7654'3210'0000};
        guest = std::make_unique<memory::GuestMemory>(
            memory, frames, memory::GuestMemoryConfig{.bytes = 1 << 20, .seed = 3});
        guest_tables = std::make_unique<tables::GuestTableMemory>(*guest);
        vm = std::make_unique<tables::SecondStageTable>(host, shape.second_levels);
        for (const memory::GuestPage& page : guest->pages())
          vm->map(page.guest, page.host, PageSize::k4K);
        guest_process =
            std::make_unique<tables::FirstStageTable<Gpa>>(*guest_tables, shape.first_levels);
        data_gpa = guest->allocate();
        guest_process->map(iova, data_gpa, PageSize::k4K);
        frames.free(frame);
        frame = guest->host_address(data_gpa).value();
        spec = PasidSpec::nested(guest_process->root(), shape.first_levels, vm->root(),
                                 shape.second_levels, kDomain);
        break;
    }
    spec.second_stage_dirty = shape.second_stage_dirty;
    spec.supervisor = shape.supervisor;
    tables.set_pasid(kRid, kPasid, spec);
  }
};

}  // namespace siov::iommu::test
