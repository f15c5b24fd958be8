// SPDX-License-Identifier: Apache-2.0
// How long one translation of the IOMMU model takes, warm and cold. Not a test: `make bench-iommu`.
//
// A DMA read of 8 bytes stands for a look-up; BM_Memory is what the bytes alone cost.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "iommu/iommu.hpp"
#include "iommu/table_builder.hpp"
#include "memory/guest_memory.hpp"
#include "memory/page_allocator.hpp"
#include "memory/physical_memory.hpp"

namespace siov::iommu {
namespace {

using tables::PageSize;
using tables::PasidSpec;

constexpr RequesterId kRid{0x8190};
constexpr Pasid kPasid{0x12345};
constexpr std::uint64_t kFirstPage = 0x7654'0000'0000;
constexpr unsigned kCold = 4096;  ///< pages of a cold run, each far from the last

struct Nobody final : port::InterruptPort {
  void deliver(const port::Interrupt&) override {}
};

/// Caches that hold nothing to speak of make every look-up a walk.
IommuConfig config(bool warm) {
  IommuConfig c;
  if (!warm) {
    c.iotlb_entries = 16;
    c.structure_entries = 0;
  }
  return c;
}

/// A unit with one PASID whose pages start at kFirstPage (second stage: at 0).
class World {
 public:
  enum class Kind { kFirstStage, kNested, kSecondStage };

  World(Kind kind, unsigned levels, PageSize size, std::uint64_t pages, bool warm)
      : frames(memory),
        unit(memory, nobody, config(warm)),
        root(memory, frames),
        host(memory, frames) {
    root.add_function(kRid, {.device_tlb = true});
    const std::uint64_t bytes = size == PageSize::k2M ? memory::kSize2M : memory::kSize4K;
    stride = bytes;
    switch (kind) {
      case Kind::kFirstStage:
        process = std::make_unique<tables::FirstStageTable<Hpa>>(host, levels);
        base = kFirstPage;
        for (std::uint64_t i = 0; i < pages; ++i)
          process->map(Iova{base + i * bytes}, frames.allocate(bytes), size);
        root.set_pasid(kRid, kPasid, PasidSpec::first_stage(process->root(), levels, 5));
        break;
      case Kind::kSecondStage:
        vm = std::make_unique<tables::SecondStageTable>(host, levels);
        for (std::uint64_t i = 0; i < pages; ++i)
          vm->map(Gpa{i * bytes}, frames.allocate(bytes), size);
        root.set_pasid(kRid, kPasid, PasidSpec::second_stage(vm->root(), levels, 5));
        break;
      case Kind::kNested:
        guest = std::make_unique<memory::GuestMemory>(
            memory, frames, memory::GuestMemoryConfig{.bytes = (pages + 1024) * bytes, .seed = 3});
        guest_tables = std::make_unique<tables::GuestTableMemory>(*guest);
        vm = std::make_unique<tables::SecondStageTable>(host, 4);
        for (const memory::GuestPage& page : guest->pages())
          vm->map(page.guest, page.host, PageSize::k4K);
        guest_process = std::make_unique<tables::FirstStageTable<Gpa>>(*guest_tables, levels);
        base = kFirstPage;
        for (std::uint64_t i = 0; i < pages; ++i)
          guest_process->map(Iova{base + i * bytes}, guest->allocate(), PageSize::k4K);
        root.set_pasid(kRid, kPasid,
                       PasidSpec::nested(guest_process->root(), levels, vm->root(), 4, 5));
        break;
    }
    unit.set_root_table(root.root(), TranslationTableMode::kScalable);
    unit.enable_translation(true);
  }

  [[nodiscard]] port::DmaRequest request(std::uint64_t page) const {
    port::DmaRequest r;
    r.requester = kRid;
    r.pasid = kPasid;
    r.address = Iova{base + page * stride};
    return r;
  }

  memory::PhysicalMemory memory;
  memory::PageAllocator frames;
  Nobody nobody;
  Iommu unit;
  tables::RemappingTables root;
  tables::HostTableMemory host;
  std::unique_ptr<memory::GuestMemory> guest;
  std::unique_ptr<tables::GuestTableMemory> guest_tables;
  std::unique_ptr<tables::SecondStageTable> vm;
  std::unique_ptr<tables::FirstStageTable<Hpa>> process;
  std::unique_ptr<tables::FirstStageTable<Gpa>> guest_process;
  std::uint64_t base = 0;
  std::uint64_t stride = 4096;
};

/// Reads from each page in turn; all have been read before. Ends the run if one is refused, or if
/// the share of IOTLB hits is not what the name says (sets of the IOTLB may overflow: some miss).
void run_reads(benchmark::State& state, World& world, std::uint64_t pages, bool warm) {
  std::array<std::byte, 8> data{};
  for (std::uint64_t page = 0; page < pages; ++page)
    if (world.unit.read(world.request(page), data) != port::DmaStatus::kSuccess)
      return state.SkipWithError("a mapped page was refused");
  const std::uint64_t before = world.unit.statistics().iotlb_hits;
  std::uint64_t page = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(world.unit.read(world.request(page), data));
    if (++page == pages) page = 0;
  }
  const double hits = static_cast<double>(world.unit.statistics().iotlb_hits - before);
  const double share = hits / static_cast<double>(state.iterations());
  if (warm ? share < 0.8 : share > 0.01) state.SkipWithError("not the IOTLB hits meant");
  state.counters["IOTLB"] = share;
}

void BM_Warm(benchmark::State& state) {
  const auto pages = static_cast<std::uint64_t>(state.range(0));
  World world(World::Kind::kFirstStage, 4, PageSize::k4K, pages, true);
  run_reads(state, world, pages, true);
}
BENCHMARK(BM_Warm)->ArgName("pages")->Arg(1)->Arg(64)->Arg(4096);

void BM_ColdFirstStage(benchmark::State& state) {
  World world(World::Kind::kFirstStage, static_cast<unsigned>(state.range(0)), PageSize::k4K, kCold,
              false);
  run_reads(state, world, kCold, false);
}
BENCHMARK(BM_ColdFirstStage)->ArgName("levels")->Arg(4)->Arg(5);

void BM_ColdNested(benchmark::State& state) {
  World world(World::Kind::kNested, 4, PageSize::k4K, kCold, false);
  run_reads(state, world, kCold, false);
}
BENCHMARK(BM_ColdNested);

void BM_ColdSecondStage2M(benchmark::State& state) {
  World world(World::Kind::kSecondStage, 4, PageSize::k2M, 256, false);
  run_reads(state, world, 256, false);
}
BENCHMARK(BM_ColdSecondStage2M);

/// Translation requests for reading and writing; the caches of the unit warm or not there.
void BM_TranslationRequest(benchmark::State& state) {
  const bool warm = state.range(0) != 0;
  const std::uint64_t pages = warm ? 64 : kCold;
  World world(World::Kind::kFirstStage, 4, PageSize::k4K, pages, warm);
  const auto translate = [&world](std::uint64_t page) {
    const port::DmaRequest r = world.request(page);
    return world.unit.translate({.requester = kRid, .address = r.address, .pasid = kPasid});
  };
  for (std::uint64_t page = 0; page < pages; ++page)
    if ((translate(page).entry & (port::kAtsRead | port::kAtsWrite)) != 3)
      return state.SkipWithError("a mapped page was refused");
  const std::uint64_t before = world.unit.statistics().iotlb_hits;
  std::uint64_t page = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(translate(page));
    if (++page == pages) page = 0;
  }
  const double hits = static_cast<double>(world.unit.statistics().iotlb_hits - before);
  state.counters["IOTLB"] = hits / static_cast<double>(state.iterations());
}
BENCHMARK(BM_TranslationRequest)->ArgName("warm")->Arg(0)->Arg(1);

void BM_Memory(benchmark::State& state) {
  World world(World::Kind::kFirstStage, 4, PageSize::k4K, 1, true);
  std::array<std::byte, 8> data{};
  for (auto _ : state) benchmark::DoNotOptimize(world.memory.read(Hpa{0x20'0000}, data));
}
BENCHMARK(BM_Memory);

}  // namespace
}  // namespace siov::iommu

BENCHMARK_MAIN();
