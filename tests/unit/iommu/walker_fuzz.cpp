// SPDX-License-Identifier: Apache-2.0
// Scenarios, changes with their invalidations, and the comparison.
#include "walker_fuzz.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace siov::iommu::test {

using Layer = RandomTables::Layer;
using reference::Answer;
using reference::Request;
using reference::Status;

namespace {

const char* name(port::DmaStatus status) {
  static constexpr const char* kNames[] = {"SC", "UR", "CA"};
  return kNames[static_cast<unsigned>(status)];
}

port::DmaRequest dma(const Request& r) {
  port::DmaRequest q;
  q.requester = RequesterId{r.rid};
  q.address = Iova{r.address};
  if (r.with_pasid) q.pasid = Pasid{r.pasid};
  q.privileged = r.privileged;
  q.at = static_cast<port::AddressType>(r.at);
  return q;
}

}  // namespace

void WalkerFuzz::scenario() {
  tables_ = std::make_unique<RandomTables>(rng_);
  unit_ = std::make_unique<Iommu>(tables_->memory(), sink_, tables_->unit());
  believed_ = tables_->unit();
  if (mistakes_.alter != nullptr) mistakes_.alter(believed_);
  registers_ = tables_->registers();
  next_record_ = 0;
  recent_.clear();
  remember_pages();
  thorough_ = ++report_.scenarios % 8 == 0;
  if (tables_->chance(4)) odd_root();
  unit_->set_root_table(Hpa{registers_.root}, static_cast<TranslationTableMode>(registers_.ttm));
  unit_->enable_translation(registers_.translation);

  requests(60);
  for (unsigned i = 0; i < 4; ++i) change_and_repeat();
  for (unsigned round = 0; round < 8; ++round) {
    std::vector<RandomTables::Damage> damages;
    for (std::uint64_t n = 1 + tables_->below(4); n != 0; --n) {
      damages.push_back(tables_->damage());
      if (damages.back().layer <= Layer::kDirectory) aliased_ = true;
      invalidate(damages.back().layer);
    }
    remember_pages();
    requests(30);
    while (!damages.empty()) {  // in reverse: the same word may be damaged twice
      tables_->write(damages.back().address, damages.back().before);
      invalidate(damages.back().layer);
      damages.pop_back();
    }
    aliased_ = false;
    remember_pages();
  }
}

void WalkerFuzz::odd_root() {
  switch (tables_->below(5)) {
    case 0:
      registers_.translation = false;
      break;
    case 1:
      registers_.ttm = tables_->pick(std::vector<unsigned>{0, 0, 2, 3});
      break;
    case 2:
      registers_.root |= std::uint64_t{1} << std::min(believed_.haw, 51u);
      break;
    case 3:
      registers_.root = 0x9000'0000;
      break;
    default:
      registers_.ttm = 3;
      break;
  }
}

void WalkerFuzz::requests(unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    // Most of the requests come back to what the caches know already.
    if (!recent_.empty() && tables_->chance(60)) {
      Request again = tables_->pick(recent_);
      again.address = (again.address & ~std::uint64_t{0xFFF}) | tables_->below(64) * 64;
      if (again.at == reference::kTranslationRequest) again.address &= ~std::uint64_t{0xFFF};
      if (again.at == reference::kUntranslated && tables_->chance(20)) {
        again.write = !again.write;
        again.bytes = 8;
      }
      compare(again);
      continue;
    }
    const Request fresh = tables_->request();
    if (recent_.size() < 12)
      recent_.push_back(fresh);
    else
      recent_[tables_->below(12)] = fresh;
    compare(fresh);
  }
  if (thorough_) return;
  now_ = "pages after a run of requests";
  compare_pages();
}

/// A page is used, remapped and invalidated exactly; the next access must see the new page.
void WalkerFuzz::change_and_repeat() {
  const RandomTables::Bound& bound = tables_->pick(tables_->bound());
  const Request request = tables_->request_of(bound);
  compare(request);
  reference::Walker judge(tables_->memory(), registers_, believed_);
  const Answer before = judge.answer(request);
  if (before.leaf == 0 || before.reason != 0) return;
  const std::uint64_t entry = tables_->word(before.leaf);
  const std::uint64_t changed =
      tables_->chance(30) ? entry & ~std::uint64_t{3} : entry ^ std::uint64_t{1} << before.shift;
  tables_->write(before.leaf, changed);
  remember_pages();
  if (!mistakes_.skip_invalidation) {
    const unsigned mask = before.shift - 12;
    const Iova page{request.address >> before.shift << before.shift};
    const Pasid pasid{bound.pasid};
    const bool leaf_only = tables_->chance(50);  // the entry that changes names no table
    TranslationCaches& caches = unit_->caches();
    switch (tables_->below(3)) {
      case 0:
        if (bound.pgtt == 1)
          caches.p_iotlb_page(bound.domain, pasid, page, mask, leaf_only);
        else
          caches.iotlb_page(bound.domain, page, mask, leaf_only);
        break;
      case 1:
        if (bound.pgtt == 1)
          caches.p_iotlb_pasid(bound.domain, pasid);
        else
          caches.iotlb_domain(bound.domain);
        break;
      default:
        caches.iotlb_domain(bound.domain);
        break;
    }
  }
  compare(request);
  tables_->write(before.leaf, entry | (tables_->word(before.leaf) & 0x760));
  remember_pages();
  invalidate(Layer::kFirst);  // others share the table
  compare(request);
}

void WalkerFuzz::invalidate(Layer layer) {
  if (mistakes_.skip_invalidation) return;
  switch (aliased_ ? Layer::kRoot : layer) {
    case Layer::kRoot:
    case Layer::kContext:
      unit_->caches().context_global();
      [[fallthrough]];
    case Layer::kDirectory:
    case Layer::kPasid:
      unit_->caches().pasid_global();
      [[fallthrough]];
    default:
      unit_->caches().iotlb_global();
  }
}

void WalkerFuzz::remember_pages() {
  for (const std::uint64_t page : tables_->pages()) {
    std::vector<std::byte>& copy = shadow_[page];
    copy.resize(kPageSize);
    if (!tables_->memory().read(Hpa{page}, copy)) copy.clear();
  }
  std::erase_if(shadow_, [this](const auto& item) {
    return std::ranges::find(tables_->pages(), item.first) == tables_->pages().end();
  });
}

bool WalkerFuzz::is_table(std::uint64_t host, const Answer& must) const {
  const std::uint64_t page = host & ~std::uint64_t{0xFFF};
  if (shadow_.contains(page)) return true;
  return std::ranges::any_of(must.updates, [page](const reference::Update& u) {
    return (u.address & ~std::uint64_t{0xFFF}) == page;
  });
}

/// Never looks like a present entry of any table: bits 1:0 of each quadword are 0.
std::uint64_t WalkerFuzz::tag() { return rng_() & 0xFCFC'FCFC'FCFC'FCFC; }

void WalkerFuzz::compare(const Request& request) {
  const reference::Walker judge(tables_->memory(), registers_, believed_);
  const Answer must = judge.answer(request);
  if (!must.judged) return;
  // Where any page may serve as a PASID table, entries break the rules that tags rely on
  // (one table for each domain and PASID).
  if (mistakes_.cold || aliased_) invalidate(Layer::kRoot);
  now_ = describe(request) + "\n  reference: " + describe(must);
  expected_.clear();
  for (const reference::Update& u : must.updates) {
    auto [at, fresh] = expected_.try_emplace(u.address, 0);
    if (fresh) at->second = tables_->word(u.address);
    at->second |= u.set;
  }
  unit_->fault_log().clear_all();
  const std::uint64_t hits = unit_->statistics().iotlb_hits;
  if (request.at == reference::kTranslationRequest && !request.write)
    compare_translation(request, must);
  else
    compare_dma(request, must);
  ++report_.translations;
  report_.warm += unit_->statistics().iotlb_hits - hits;
  count(request, must);
  compare_updates(must);
  compare_log(request, must);
  if (thorough_) compare_pages();
}

void WalkerFuzz::compare_dma(const Request& request, const Answer& must) {
  memory::PhysicalMemory& memory = tables_->memory();
  const bool granted = must.status == Status::kSuccess && !must.flushed;
  const bool table = granted && is_table(must.host, must);
  std::vector<std::byte> data(request.bytes);
  const auto fill = [&] {
    for (unsigned i = 0; i < request.bytes; i += 4) {
      const std::uint64_t value = tag();
      std::memcpy(&data[i], &value, std::min(8u, request.bytes - i));
    }
  };
  port::DmaStatus want = static_cast<port::DmaStatus>(must.status);
  port::DmaStatus got;
  if (request.write) {
    fill();
    if (granted && !memory.writable(Hpa{must.host}, request.bytes))
      want = port::DmaStatus::kUnsupportedRequest;     // the host bridge refuses it
    if (table && memory.read(Hpa{must.host}, data)) {  // tables: write what is there anyway
      for (const auto& [address, value] : expected_)
        for (unsigned i = 0; i < 8; ++i)
          if (address + i - must.host < request.bytes)
            data[address + i - must.host] = static_cast<std::byte>(value >> 8 * i);
    }
    got = unit_->write(dma(request), data);
  } else {
    if (granted && request.bytes != 0 && !memory.populated(Hpa{must.host}, request.bytes))
      want = port::DmaStatus::kUnsupportedRequest;
    if (granted && !table && request.bytes != 0) {
      fill();
      (void)memory.write(Hpa{must.host}, data);
    }
    std::ranges::fill(data, std::byte{0x5A});
    got = unit_->read(dma(request), data);
  }
  if (got != want) differ(fmt::format("status {}, must be {}", name(got), name(want)));
  if (!granted || want != port::DmaStatus::kSuccess || request.bytes == 0) return;
  std::vector<std::byte> there(request.bytes);
  (void)memory.read(Hpa{must.host}, there);
  if (there != data) differ("data at the host address are others");
}

void WalkerFuzz::compare_translation(const Request& request, const Answer& must) {
  port::TranslationRequest asked;
  asked.requester = RequesterId{request.rid};
  asked.address = Iova{request.address};
  if (request.with_pasid) asked.pasid = Pasid{request.pasid};
  asked.privileged = request.privileged;
  asked.no_write = request.no_write;
  const port::TranslationReply reply = unit_->translate(asked);
  const auto want = static_cast<port::DmaStatus>(must.status);
  if (reply.status != want)
    return differ(fmt::format("status {}, must be {}", name(reply.status), name(want)));
  if (want != port::DmaStatus::kSuccess) return;
  const auto entry = [&reply](unsigned bit) { return (reply.entry >> bit & 1) != 0; };
  // Bits 0 R, 1 W, 2 U, 3 Exe, 4 Priv, 5 Global, 10 N, 11 S. @spec PCIe-6.3 10.2.3.2, vtd.md 4.6
  if (must.reason != 0 || (!must.read && !must.write)) {
    if (entry(0) || entry(1) || entry(2) || entry(11))
      differ(fmt::format("entry {:#x} must have R = W = U = S = 0", reply.entry));
    return;
  }
  if (entry(0) != must.read || entry(1) != must.write || entry(2) != must.untranslated_only ||
      entry(3) || entry(5))
    return differ(fmt::format("rights of entry {:#x}", reply.entry));
  if (must.untranslated_only) {
    if (entry(11)) differ("size of an entry for untranslated access");
    return;
  }
  if (entry(4) != must.privileged) differ(fmt::format("Priv of entry {:#x}", reply.entry));
  if (entry(10) != must.non_snooped) differ(fmt::format("N of entry {:#x}", reply.entry));
  compare_size(request, must, reply.entry);
}

/// Size code: the lowest zero bit at or above bit 12 ends the run of ones.
void WalkerFuzz::compare_size(const Request& request, const Answer& must, std::uint64_t entry) {
  unsigned shift = 12;
  if ((entry >> 11 & 1) != 0) {
    while (shift < 63 && (entry >> shift & 1) != 0) ++shift;
    ++shift;  // bit 12 = 0 is 8 KiB
  }
  const std::uint64_t offset = (std::uint64_t{1} << shift) - 1;
  const std::uint64_t base = entry & ~std::uint64_t{0xFFF} & ~offset;
  if ((base | (request.address & offset)) != must.host)
    differ(fmt::format("entry {:#x} names another host address", entry));
  const bool interrupts = base <= 0xFEEF'FFFF && base + offset >= 0xFEE0'0000;
  if (interrupts) differ(fmt::format("entry {:#x} covers the interrupt range", entry));
  // Smaller is allowed where the page that the tables give reaches into the interrupt range.
  const std::uint64_t page = (must.host >> must.shift) << must.shift;
  const bool cut = page <= 0xFEEF'FFFF && (page + (std::uint64_t{1} << must.shift)) > 0xFEE0'0000;
  if (must.pass_through) {
    if ((base + offset) >> believed_.haw != 0) differ("region beyond the host address width");
  } else if (cut ? shift > must.shift : shift != must.shift) {
    differ(fmt::format("entry {:#x} has 2^{} bytes, must be 2^{}", entry, shift, must.shift));
  }
}

void WalkerFuzz::compare_updates(const Answer& must) {
  for (const auto& [address, value] : expected_) {
    const std::uint64_t found = tables_->word(address);
    if (found != value)
      differ(fmt::format("entry {:#x} is {:#x}, must be {:#x}", address, found, value));
    const auto page = shadow_.find(address & ~std::uint64_t{0xFFF});
    if (page != shadow_.end() && !page->second.empty())
      std::memcpy(&page->second[address & 0xFFF], &value, 8);
  }
  // Bits that land in a root, context, directory or PASID entry change what the unit holds copies
  // of.
  const auto structural = [this](const reference::Update& u) {
    return aliased_ || tables_->structure_page(u.address & ~std::uint64_t{0xFFF});
  };
  if (std::ranges::any_of(must.updates, structural)) invalidate(Layer::kRoot);
}

void WalkerFuzz::compare_log(const Request& request, const Answer& must) {
  const FaultLog& log = unit_->fault_log();
  const bool known = must.reason != 0x29;  // its FI is undefined
  for (unsigned i = 0; i < log.size(); ++i) {
    const bool here = must.recorded && i == next_record_;
    const RawFaultRecord raw = log.raw(i);
    const bool pending = raw.high >> 63 != 0;
    if (pending != here) {
      differ(fmt::format("record {} {}", i, pending ? "was written" : "is missing"));
    } else if (here && (raw.high != must.record_high || (known && raw.low != must.record_low))) {
      differ(fmt::format("record {:#018x} {:#018x}, must be {:#018x} {:#018x}", raw.high, raw.low,
                         must.record_high, must.record_low));
    }
  }
  if (log.overflow()) differ("fault overflow with an empty log");
  if (must.recorded) next_record_ = (next_record_ + 1) % log.size();
  (void)request;
}

void WalkerFuzz::compare_pages() {
  std::vector<std::byte> page(kPageSize);
  for (const auto& [address, copy] : shadow_) {
    if (copy.empty() || !tables_->memory().read(Hpa{address}, page)) continue;
    if (std::memcmp(page.data(), copy.data(), kPageSize) == 0) continue;
    const auto at = std::ranges::mismatch(page, copy).in1 - page.begin();
    differ(fmt::format("table byte {:#x} changed", address + static_cast<std::uint64_t>(at)));
  }
}

void WalkerFuzz::count(const Request& request, const Answer& must) {
  static constexpr const char* kKinds[] = {"untranslated", "ATS", "translated", "AT=11"};
  static constexpr const char* kStatus[] = {"SC", "UR", "CA"};
  const bool sc0 = request.at == reference::kTranslationRequest &&
                   must.status == Status::kSuccess && must.reason != 0;
  ++report_.reasons[must.reason];
  ++report_.outcomes[fmt::format("{:<12} {:02x}h {}{}", kKinds[request.at & 3], must.reason,
                                 sc0 ? "SC0" : kStatus[static_cast<unsigned>(must.status)],
                                 must.reason != 0 && !must.recorded ? " not recorded" : "")];
}

void WalkerFuzz::differ(const std::string& what) {
  if (++report_.differences > 10) return;
  report_.text += fmt::format("scenario {}: {}\n  {}\n", report_.scenarios, now_, what);
}

std::uint64_t WalkerFuzz::Report::digest() const {
  std::uint64_t hash = 0xCBF2'9CE4'8422'2325;
  const auto add = [&hash](unsigned char c) { hash = (hash ^ c) * 0x100'0000'01B3; };
  for (const auto& [outcome, n] : outcomes) {
    for (const char c : outcome) add(static_cast<unsigned char>(c));
    for (unsigned i = 0; i < 64; i += 8) add(static_cast<unsigned char>(n >> i));
  }
  return hash;
}

std::string WalkerFuzz::Report::table() const {
  std::string text;
  for (const auto& [outcome, n] : outcomes) text += fmt::format("  {:<40} {:>9}\n", outcome, n);
  return text;
}

}  // namespace siov::iommu::test
