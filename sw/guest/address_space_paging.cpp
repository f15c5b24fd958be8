// SPDX-License-Identifier: Apache-2.0
// AddressSpace: pages that come and go.
#include <algorithm>
#include <cstring>
#include <utility>

#include "common/error.hpp"
#include "guest/address_space.hpp"

namespace siov::guest {

using vdcm::TranslationKind;

namespace {

constexpr std::uint64_t kAccessed = 1U << 5;  // of a first-stage entry (VT-d 9.7)

}  // namespace

/// A page of the second stage is absent as a whole, so pinned buffers get pages of their own.
Gpa AddressSpace::take_guest_pages(std::uint64_t bytes, bool pinned) {
  if (!config_.demand) return machine_.guest_memory().allocate(bytes);
  Arena& arena = arenas_[pinned ? 0 : 1];
  if (arena.left < bytes) {
    const std::uint64_t size = (bytes + leaf_bytes_ - 1) / leaf_bytes_ * leaf_bytes_;
    arena.next = machine_.guest_memory().allocate(size, leaf_bytes_);
    arena.left = size;
    for (std::uint64_t done = 0; !pinned && done < size; done += leaf_bytes_)
      add_leaf(Iova{arena.next.value + done}, 0);
  }
  const Gpa first = arena.next;
  arena.next += bytes;
  arena.left -= bytes;
  return first;
}

/// Absent pages are spread evenly, and are never fewer than the share asked for.
void AddressSpace::add_leaf(Iova at, std::uint64_t frame) {
  leaf_numbers_.emplace(at.value / leaf_bytes_, leaves_.size());
  leaves_.push_back({at, frame});
  ++paging_.pages;
  absent_debt_ += config_.absent_permille;
  if (config_.absent_permille == 0 || absent_debt_ < 1000) return;
  absent_debt_ -= 1000;
  ++paging_.absent_first;
  leaves_.back().present = false;
  unmap_leaf(leaves_.back());
}

const AddressSpace::Leaf* AddressSpace::leaf_of(Iova address) const {
  const auto found = leaf_numbers_.find(address.value / leaf_bytes_);
  return found == leaf_numbers_.end() ? nullptr : &leaves_[found->second];
}

AddressSpace::Leaf* AddressSpace::leaf_of(Iova address) {
  return const_cast<Leaf*>(std::as_const(*this).leaf_of(address));
}

void AddressSpace::map_leaf(const Leaf& leaf) {
  const auto size =
      leaf_bytes_ == memory::kSize4K ? iommu::tables::PageSize::k4K : iommu::tables::PageSize::k2M;
  if (host_table_) {
    host_table_->map(leaf.at, Hpa{leaf.frame}, size);
  } else if (guest_table_) {
    guest_table_->map(leaf.at, Gpa{leaf.frame}, size);
  } else {
    machine_.map_guest_page(Gpa{leaf.at.value});
  }
}

void AddressSpace::unmap_leaf(const Leaf& leaf) {
  const bool was = host_table_    ? host_table_->unmap(leaf.at)
                   : guest_table_ ? guest_table_->unmap(leaf.at)
                                  : machine_.unmap_guest_page(Gpa{leaf.at.value});
  if (!was) throw HarnessError("a page that should be present is not in the tables");
}

bool AddressSpace::bring_in(Iova address, std::uint64_t now) {
  if (find_region(address) == nullptr) return false;
  Leaf* const leaf = leaf_of(address);
  if (leaf == nullptr) return true;
  leaf->needed = std::max(leaf->needed, now);
  if (leaf->present) return true;
  map_leaf(*leaf);
  leaf->present = true;
  ++paging_.brought_in;
  return true;
}

bool AddressSpace::present(Iova address) const {
  const Leaf* const leaf = leaf_of(address);
  if (leaf != nullptr) return leaf->present;
  return find_region(address) != nullptr;
}

std::optional<AddressSpace::Departure> AddressSpace::take_away(Iova page) {
  Leaf* const leaf = leaf_of(page);
  if (leaf == nullptr || !leaf->present) return std::nullopt;
  unmap_leaf(*leaf);
  leaf->present = false;
  leaf->departure = ++departures_;
  ++paging_.taken_away;
  return Departure{leaf->at, leaf->departure};
}

bool AddressSpace::taken(const Departure& departure, bool move) {
  Leaf* const leaf = leaf_of(departure.page);
  if (leaf == nullptr || departure.serial == 0) throw HarnessError("no page that was taken away");
  if (leaf->present || leaf->departure != departure.serial) return false;
  if (move && leaf_bytes_ == memory::kSize4K) move_leaf(*leaf);
  return true;
}

void AddressSpace::move_leaf(Leaf& leaf) {
  if (host_table_) {
    const Hpa old{leaf.frame};
    const Hpa fresh = machine_.take_frame(leaf_bytes_);
    std::memcpy(machine_.memory().page(fresh), machine_.memory().page(old), leaf_bytes_);
    leaf.frame = fresh.value;
    follow(leaf.at, fresh);
    machine_.retire(old);
  } else if (guest_table_) {
    const Gpa old{leaf.frame};
    const Gpa fresh = machine_.guest_memory().allocate();
    const Hpa host = *machine_.guest_memory().host_address(fresh);
    std::memcpy(machine_.memory().page(host), machine_.memory().page(host_address(leaf.at)),
                leaf_bytes_);
    machine_.wrote(host);
    leaf.frame = fresh.value;
    follow(leaf.at, host);
    machine_.retire(old);
  } else {
    const Gpa page{leaf.at.value};
    machine_.relocate_guest_page(page);
    follow(leaf.at, *machine_.guest_memory().host_address(page));
  }
  ++paging_.moved;
}

/// The CPU's own pointers to a page of 4 KiB.
void AddressSpace::follow(Iova page, Hpa host) {
  auto& region = const_cast<Region&>(region_of(page));
  const std::uint64_t index = page.value / kPageSize - region.first_page;
  region.host[index] = host;
  region.bytes[index] = machine_.memory().page(host);
}

void AddressSpace::rebase(const std::function<Hpa(Hpa)>& moved) {
  if (host_table_ || config_.kind == TranslationKind::kPassThrough)
    throw HarnessError("a space outside guest memory does not move with it");
  for (Region& region : regions_) {
    for (std::size_t i = 0; i < region.host.size(); ++i) {
      region.host[i] = moved(region.host[i]);
      region.bytes[i] = machine_.memory().page(region.host[i]);
    }
  }
  descriptor_.second_stage_root = machine_.second_stage_root();
  ++paging_.moved;
}

template <class Frame>
bool AddressSpace::test_accessed(iommu::tables::FirstStageTable<Frame>& table,
                                 iommu::tables::TableMemory<Frame>& memory, const Leaf& leaf) {
  const unsigned level = leaf_bytes_ == memory::kSize4K ? 1 : 2;
  const std::optional<Frame> at = table.entry_address(leaf.at, level);
  if (!at) return false;
  const std::uint64_t entry = memory.read(*at);
  // A cached translation sets it no more; so the page may look idle, and goes: that is no harm.
  memory.write(*at, entry & ~kAccessed);
  return (entry & kAccessed) != 0;
}

bool AddressSpace::used_since_last_look(const Leaf& leaf) {
  if (host_table_) return test_accessed(*host_table_, machine_.host_tables(), leaf);
  if (guest_table_) return test_accessed(*guest_table_, machine_.guest_tables(), leaf);
  return false;
}

std::optional<Iova> AddressSpace::next_victim(std::uint64_t not_since) {
  for (std::size_t looked = 0; looked < leaves_.size(); ++looked) {
    const Leaf& leaf = leaves_[hand_++ % leaves_.size()];
    if (!leaf.present || leaf.needed > not_since) continue;
    if (!used_since_last_look(leaf)) return leaf.at;
  }
  return std::nullopt;
}

std::optional<Iova> AddressSpace::any_page(std::uint64_t random) const {
  if (regions_.empty()) return std::nullopt;
  const Region& region = regions_[(random >> 32) % regions_.size()];
  const std::uint64_t page = region.first_page + (random & 0xFFFF'FFFF) % region.host.size();
  return Iova{page * kPageSize / leaf_bytes_ * leaf_bytes_};
}

bool AddressSpace::holds(Iova address, std::uint64_t bytes) const {
  for (std::uint64_t done = 0; done < bytes;) {
    if (find_region(address + done) == nullptr) return false;
    done += kPageSize - (address + done).page_offset();
  }
  return true;
}

bool AddressSpace::contents(Iova address, std::span<std::byte> out) const {
  if (!holds(address, out.size())) return false;
  read(address, out);
  return true;
}

}  // namespace siov::guest
