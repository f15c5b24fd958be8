// SPDX-License-Identifier: Apache-2.0
// DriverRig: the IOMMU driver over a unit, with a recorder between them and a device that has a
// translation cache of its own.
//
//   DriverRig rig({.device_tlb = true});
//   rig.run(rig.driver.async_unbind(kPasid));
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "coro/clock_triggers.hpp"
#include "coro/scheduler.hpp"
#include "iommu/iommu.hpp"
#include "iommu/page_table_builder.hpp"
#include "memory/page_allocator.hpp"
#include "memory/physical_memory.hpp"
#include "vdcm/iommu_driver.hpp"
#include "vdcm/platform.hpp"

namespace siov::vdcm::test {

inline constexpr RequesterId kFunction{0x8190};
inline constexpr Pasid kFirst{0x12345};
inline constexpr Pasid kSecond{0x12346};
inline constexpr Iova kPage{0x7654'3210'0000};

/// Every register access, in order.
struct Recorder final : iommu::RegisterPage {
  struct Access {
    bool write;
    std::uint32_t offset;
    unsigned size;
    std::uint64_t value;
    bool operator==(const Access&) const = default;
  };
  explicit Recorder(iommu::RegisterPage& page) : page_(page) {}
  std::uint64_t mmio_read(std::uint32_t offset, unsigned size) override {
    const std::uint64_t value = page_.mmio_read(offset, size);
    accesses.push_back({false, offset, size, value});
    return value;
  }
  void mmio_write(std::uint32_t offset, unsigned size, std::uint64_t value) override {
    accesses.push_back({true, offset, size, value});
    page_.mmio_write(offset, size, value);
  }
  std::vector<Access> writes() const {
    std::vector<Access> out;
    std::copy_if(accesses.begin(), accesses.end(), std::back_inserter(out),
                 [](const Access& access) { return access.write; });
    return out;
  }
  std::vector<Access> accesses;

 private:
  iommu::RegisterPage& page_;
};

/// Caches translations by PASID and page; answers invalidations some cycles later.
class CachingDevice final : public port::AtsDevicePort, public coro::Clocked {
 public:
  explicit CachingDevice(iommu::Iommu& unit) : unit_(unit) { unit.set_device_port(this); }

  void invalidate(const port::InvalidateRequest& request) override {
    invalidates.push_back(request);
    const std::uint64_t base = request.size ? covered(request.address).first : request.address;
    const std::uint64_t bytes = request.size ? covered(request.address).second : 4096;
    std::vector<Key> dropped;
    std::erase_if(cache_, [&](const auto& line) {
      const auto& [pasid, page] = line.first;
      const bool hit = (!request.pasid || request.global || request.pasid->value == pasid) &&
                       page - base < bytes;
      if (hit) dropped.push_back(line.first);
      return hit;
    });
    if (eager) {  // prefetches what it has just lost
      for (const Key& key : dropped) use(Pasid{key.first}, Iova{key.second});
    }
    if (!silent) completions_.emplace_back(delay, request);
  }
  void page_group_response(const port::PageGroupResponse& response) override {
    responses.push_back(response);
  }
  void cycle(std::uint64_t cycle) override {
    unit_.advance(cycle);
    for (auto& [left, request] : completions_) --left;
    while (!completions_.empty() && completions_.front().first <= 0) {
      const port::InvalidateRequest request = completions_.front().second;
      completions_.pop_front();
      unit_.invalidate_completion({request.device, std::uint32_t{1} << request.itag, 1});
    }
  }

  /// Host address that the device would use now; asks for a translation when it has none.
  std::optional<std::uint64_t> use(Pasid pasid, Iova page) {
    const Key key{pasid.value, page.value};
    const auto hit = cache_.find(key);
    if (hit != cache_.end()) return hit->second;
    const port::TranslationReply reply = unit_.translate({kFunction, page, pasid, false, false});
    if (reply.status != port::DmaStatus::kSuccess || (reply.entry & 3) == 0) return std::nullopt;
    cache_[key] = reply.entry & ~std::uint64_t{0xFFF};
    return cache_[key];
  }
  void ask_page(Pasid pasid, Iova page, std::uint16_t group, bool last = true) {
    port::PageRequest request;
    request.requester = kFunction;
    request.pasid = pasid;
    request.address = page.value;
    request.read = request.write = true;
    request.last = last;
    request.group = group;
    unit_.page_request(request);
  }

  int delay = 5;        ///< [cycles] until an invalidation is answered
  bool silent = false;  ///< never
  bool eager = false;
  std::vector<port::InvalidateRequest> invalidates;
  std::vector<port::PageGroupResponse> responses;

 private:
  using Key = std::pair<std::uint32_t, std::uint64_t>;
  /// Size code: lowest zero bit from bit 12 on.
  static std::pair<std::uint64_t, std::uint64_t> covered(std::uint64_t address) {
    unsigned bit = 12;
    while (bit < 63 && (address >> bit & 1) != 0) ++bit;
    const std::uint64_t bytes = bit == 63 ? ~std::uint64_t{0} : std::uint64_t{2} << bit;
    return {bit == 63 ? 0 : address & ~(bytes - 1), bytes};
  }
  iommu::Iommu& unit_;
  std::map<Key, std::uint64_t> cache_;
  std::deque<std::pair<int, port::InvalidateRequest>> completions_;
};

struct DriverRig {
  explicit DriverRig(const IommuOptions& options = {}, const iommu::IommuConfig& config = {})
      : frames(memory),
        unit(memory, platform, config),
        device(unit),
        recorder(unit),
        host(memory, frames),
        table(host, 4),
        driver(recorder, memory, frames, kFunction) {
    scheduler.add_clocked(device);
    frame = frames.allocate();
    moved = frames.allocate();
    driver.start(options);
    table.map(kPage, frame, iommu::tables::PageSize::k4K);
  }
  void run(coro::Task<> task) { scheduler.run(std::move(task), 100'000); }
  void bind(Pasid pasid = kFirst) { driver.bind(pasid, Space::first_stage(table.root(), 4)); }
  /// The page lies elsewhere now; nobody has been told.
  void move() {
    table.unmap(kPage);
    table.map(kPage, moved, iommu::tables::PageSize::k4K);
  }
  port::DmaStatus write(Pasid pasid, std::uint64_t value) {
    port::DmaRequest request;
    request.requester = kFunction;
    request.pasid = pasid;
    request.address = kPage;
    return unit.write(request, std::as_bytes(std::span(&value, 1)));
  }
  [[nodiscard]] std::uint64_t word(Hpa at) const { return memory.read64(at).value(); }

  coro::Scheduler scheduler;
  memory::PhysicalMemory memory;
  memory::PageAllocator frames;
  Platform platform;
  iommu::Iommu unit;
  CachingDevice device;
  Recorder recorder;
  iommu::tables::HostTableMemory host;
  iommu::tables::FirstStageTable<Hpa> table;
  IommuDriver driver;
  Hpa frame;
  Hpa moved;
};

}  // namespace siov::vdcm::test
