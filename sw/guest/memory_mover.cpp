// SPDX-License-Identifier: Apache-2.0
// Two sets of host pages behind one guest memory.
#include "guest/memory_mover.hpp"

#include <algorithm>
#include <boost/random/mersenne_twister.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <cstring>
#include <unordered_map>

#include "common/error.hpp"

namespace siov::guest {

namespace {
constexpr unsigned char kLeft = 0xE7;  // what the old host's pages are filled with

iommu::tables::PageSize leaf_of(std::uint64_t bytes) {
  return bytes == memory::kSize4K ? iommu::tables::PageSize::k4K : iommu::tables::PageSize::k2M;
}
}  // namespace

MemoryMover::MemoryMover(Machine& machine, memory::PhysicalMemory& memory,
                         memory::PageAllocator& frames, std::uint64_t seed)
    : machine_(machine) {
  there_.place = std::make_shared<HostPlace>(memory, frames);
  const std::vector<memory::GuestPage>& pages = machine.guest_memory().pages();
  static_cast<void>(machine.second_stage_root());
  for (std::size_t i = 0; i < pages.size(); ++i)
    there_.frames.push_back(frames.allocate(machine.page_bytes()));
  boost::random::mt19937_64 engine(seed);
  for (std::size_t i = pages.size() - 1; i > 0; --i) {
    boost::random::uniform_int_distribution<std::size_t> pick(0, i);
    std::swap(there_.frames[i], there_.frames[pick(engine)]);
  }
  there_.second_stage = std::make_unique<iommu::tables::SecondStageTable>(
      there_.place->tables, machine.second_stage_levels());
  for (std::size_t i = 0; i < pages.size(); ++i)
    there_.second_stage->map(pages[i].guest, there_.frames[i], leaf_of(machine.page_bytes()));
  root_ = there_.second_stage->root();
}

MemoryMover::~MemoryMover() {
  there_.second_stage.reset();
  for (const Hpa frame : there_.frames) there_.place->frames.free(frame);
}

vdcm::Space MemoryMover::there(vdcm::Space space) const {
  using vdcm::TranslationKind;
  if (space.kind != TranslationKind::kSecondStage && space.kind != TranslationKind::kNested)
    throw HarnessError("a space outside guest memory does not move with it");
  space.second_stage_root = root_;
  return space;
}

std::uint64_t MemoryMover::bytes() const { return machine_.guest_memory().bytes(); }

std::vector<Gpa> MemoryMover::take_writes() { return machine_.guest_memory().take_writes(); }

void MemoryMover::copy(Gpa address, std::uint64_t bytes) {
  if (moved_) throw HarnessError("memory has moved already");
  const std::uint64_t page_bytes = machine_.page_bytes();
  for (std::uint64_t done = 0; done < bytes; done += memory::kSize4K) {
    const Gpa at = address + done;
    const std::optional<Hpa> from = machine_.guest_memory().host_address(at);
    if (!from) throw HarnessError("no such guest page to copy");
    const Hpa to = there_.frames[at.value / page_bytes] + at.value % page_bytes;
    std::memcpy(there_.place->memory.page(to), machine_.memory().page(*from), memory::kSize4K);
  }
}

std::uint64_t MemoryMover::different() const {
  std::uint64_t count = 0;
  const std::uint64_t page_bytes = machine_.page_bytes();
  const std::vector<memory::GuestPage>& pages = machine_.guest_memory().pages();
  for (std::size_t i = 0; i < pages.size(); ++i) {
    for (std::uint64_t at = 0; at < page_bytes; at += memory::kSize4K) {
      count += std::memcmp(machine_.memory().page(pages[i].host + at),
                           there_.place->memory.page(there_.frames[i] + at), memory::kSize4K) != 0;
    }
  }
  return count;
}

void MemoryMover::switch_over() {
  if (moved_) throw HarnessError("memory has moved already");
  for (const Gpa page : take_writes()) copy(page, memory::kSize4K);
  const std::vector<Hpa> fresh = there_.frames;
  there_ = machine_.exchange_backing(std::move(there_));
  moved_ = true;
  const std::uint64_t page_bytes = machine_.page_bytes();
  std::unordered_map<std::uint64_t, Hpa> places;
  for (std::size_t i = 0; i < fresh.size(); ++i)
    places.emplace(there_.frames[i].value / page_bytes, fresh[i]);
  for (AddressSpace* const space : spaces_) {
    space->rebase(
        [&](Hpa old) { return places.at(old.value / page_bytes) + old.value % page_bytes; });
  }
  for (const Hpa frame : there_.frames) {
    for (std::uint64_t at = 0; at < page_bytes; at += memory::kSize4K)
      std::memset(there_.place->memory.page(frame + at), kLeft, memory::kSize4K);
  }
}

std::uint64_t MemoryMover::stale_writes() const {
  if (!moved_) return 0;
  std::uint64_t count = 0;
  for (const Hpa frame : there_.frames) {
    for (std::uint64_t at = 0; at < machine_.page_bytes(); at += memory::kSize4K) {
      const std::byte* const page = there_.place->memory.page(frame + at);
      const bool untouched = std::all_of(page, page + memory::kSize4K,
                                         [](std::byte b) { return b == std::byte{kLeft}; });
      count += untouched ? 0 : 1;
    }
  }
  return count;
}

}  // namespace siov::guest
