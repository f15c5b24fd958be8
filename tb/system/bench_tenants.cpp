// SPDX-License-Identifier: Apache-2.0
// tenants_flatness: does the cost of a descriptor depend on how many virtual devices there are?
// Shared queues, one address space and PASID a VDEV, the same number of descriptors in flight in
// both cases, checks on.
#include <fmt/core.h>

#include <chrono>
#include <vector>

#include "abi/descriptor.hpp"
#include "common/error.hpp"
#include "coro/combine.hpp"
#include "coro/triggers.hpp"
#include "guest/address_space.hpp"
#include "guest/dsa_driver.hpp"
#include "guest/machine.hpp"
#include "system/bench_parts.hpp"
#include "system/device_side.hpp"
#include "system/host_side.hpp"
#include "vdcm/vdcm.hpp"

namespace siov::system {
namespace {

constexpr std::uint32_t kMany = 4096;
constexpr std::uint32_t kFew = 4;
constexpr std::uint32_t kLanes = 64;
constexpr std::uint64_t kDescriptors = 16384;
constexpr std::uint32_t kBytes = 256;
constexpr std::uint32_t kQueues = 4;
constexpr std::uint32_t kStartTogether = 256;
constexpr std::uint64_t kLimitedPortal = 0x1000;  // page 1 of the guest's BAR2

Scenario crowd_scenario(std::uint64_t seed) {
  Scenario s;
  s.name = "crowd";
  s.seed = seed;
  s.link.latency_min = s.link.latency_max = 200;
  s.groups.push_back({{0, 1, 2, 3}});
  for (std::uint32_t q = 0; q < kQueues; ++q) {
    WqParameters wq;
    wq.shared = true;
    wq.size = 32;
    wq.threshold = 32;
    s.wqs.push_back(wq);
  }
  return s;
}

/// One descriptor that is submitted again and again by one lane.
struct Slot {
  volatile std::byte* status = nullptr;  ///< first byte of the completion record
  port::Line line{};
};

struct Member {
  Member(guest::Machine& machine, const guest::AddressSpaceConfig& layout)
      : space(machine, layout) {}
  guest::AddressSpace space;
  vdcm::Vdev* vdev = nullptr;
  std::unique_ptr<guest::DsaDriver> driver;
  std::vector<Slot> slots;
};

class Crowd {
 public:
  Crowd(const BenchOptions& options, std::uint32_t count)
      : scenario_(crowd_scenario(options.seed)),
        device_(host_side_, scheduler_, scenario_, device_options(options)),
        host_(device_.port(), host_side_.platform, host_side_.iommu_driver, host_config(scenario_)),
        composer_(host_),
        machine_(host_side_.memory, host_side_.frames),
        count_(count) {}

  /// Wall seconds a descriptor.
  double run() {
    constexpr std::uint64_t kLimit = 200'000'000;
    scheduler_.run(start(), kLimit);
    const auto begin = std::chrono::steady_clock::now();
    scheduler_.run(play(), kLimit);
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (failed_ != 0 || device_.violations() != 0) {
      throw HarnessError(
          fmt::format("bench: {} descriptors failed, {} rule violations with {} VDEVs", failed_,
                      device_.violations(), count_));
    }
    return seconds / static_cast<double>(kDescriptors);
  }

 private:
  static DeviceOptions device_options(const BenchOptions& options) {
    DeviceOptions o;
    o.kind = options.device;
    return o;
  }
  coro::Task<> start();
  coro::Task<> join(std::uint32_t index);
  coro::Task<> play();
  coro::Task<> lane(std::uint32_t index);
  void prepare(Member& member, Pasid guest_pasid);

  Scenario scenario_;
  HostSide host_side_;
  coro::Scheduler scheduler_;
  DeviceSide device_;
  vdcm::HostDriver host_;
  vdcm::Vdcm composer_;
  guest::Machine machine_;
  std::uint32_t count_;
  std::vector<std::unique_ptr<Member>> members_;
  std::uint64_t failed_ = 0;
};

coro::Task<> Crowd::start() {
  co_await host_.start();
  guest::AddressSpaceConfig layout;
  layout.kind = vdcm::TranslationKind::kFirstStage;
  for (std::uint32_t i = 0; i < count_; ++i)
    members_.push_back(std::make_unique<Member>(machine_, layout));
  for (std::uint32_t first = 0; first < count_; first += kStartTogether) {
    std::vector<coro::JoinHandle> joining;
    for (std::uint32_t i = first; i < std::min(first + kStartTogether, count_); ++i) {
      coro::Task<> task = join(i);
      joining.push_back(coro::start_soon(std::move(task), "member"));
    }
    co_await coro::Combine(std::move(joining));
  }
}

coro::Task<> Crowd::join(std::uint32_t index) {
  Member& member = *members_[index];
  const Pasid guest_pasid{1};
  vdcm::VdevConfig config;
  config.name = fmt::format("vdev-{}", index);
  config.vm = composer_.create_vm();
  config.wq = static_cast<std::uint8_t>(index % kQueues);
  config.default_space = member.space.descriptor();
  member.vdev = co_await composer_.create_vdev(config);
  composer_.bind_pasid(config.vm, guest_pasid, member.space.descriptor());
  guest::DriverOptions options;
  options.pasid = guest_pasid;
  options.max_outstanding = 1;
  member.driver = std::make_unique<guest::DsaDriver>(*member.vdev, member.space, options);
  co_await member.driver->probe();
  co_await member.driver->enable();
  prepare(member, guest_pasid);
}

void Crowd::prepare(Member& member, Pasid guest_pasid) {
  constexpr std::uint32_t kSlotBytes = kBytes + 64;  // destination, then record
  member.slots.resize(std::max(1U, kLanes / count_));
  const Iova source = member.space.allocate(kBytes + kSlotBytes * member.slots.size());
  member.space.fill(source, kBytes, std::byte{0x5A});
  Iova next = source + kBytes;
  for (Slot& slot : member.slots) {
    abi::Descriptor descriptor;
    descriptor.opcode = abi::kOpMemmove;
    descriptor.pasid = guest_pasid;
    descriptor.flags = abi::flag(abi::kFlagCrav) | abi::flag(abi::kFlagRcr);
    descriptor.source = source;
    descriptor.destination = next;
    descriptor.completion_address = next + kBytes;
    descriptor.size = kBytes;
    slot.line = abi::to_line(descriptor);
    slot.status = member.space.page_tail(descriptor.completion_address).data();
    next += kSlotBytes;
  }
}

coro::Task<> Crowd::play() {
  std::vector<coro::JoinHandle> lanes;
  for (std::uint32_t i = 0; i < kLanes; ++i) {
    coro::Task<> task = lane(i);
    lanes.push_back(coro::start_soon(std::move(task), "lane"));
  }
  co_await coro::Combine(std::move(lanes));
}

/// One descriptor at a time, each on the next VDEV of this lane. With fewer VDEVs than lanes,
/// several lanes share one, each with a slot of its own.
coro::Task<> Crowd::lane(std::uint32_t index) {
  for (std::uint64_t i = 0; i < kDescriptors / kLanes; ++i) {
    Member& member = *members_[(index + i * kLanes) % count_];
    Slot& slot = member.slots[index / count_ % member.slots.size()];
    *slot.status = std::byte{0};
    while (true) {
      const port::CompletionStatus answer =
          co_await member.vdev->deferrable_write64(kLimitedPortal, slot.line);
      if (answer == port::CompletionStatus::kSuccess) break;
      if (answer != port::CompletionStatus::kRetry)
        throw HarnessError("bench: a portal did not answer Success or Retry");
      co_await coro::ClockCycles(64);
    }
    while (*slot.status == std::byte{0}) co_await coro::ClockCycles(32);
    if (*slot.status != std::byte{abi::kStSuccess}) ++failed_;
  }
}

}  // namespace

double measure_tenants_flatness(const BenchOptions& options, std::string& note) {
  std::vector<double> few, many;
  for (int round = 0; round < 2; ++round) {
    few.push_back(Crowd(options, kFew).run());
    many.push_back(Crowd(options, kMany).run());
  }
  note = fmt::format("{:.1f} us a descriptor with {} VDEVs, {:.1f} us with {}", median(many) * 1e6,
                     kMany, median(few) * 1e6, kFew);
  return median(many) / median(few);
}

}  // namespace siov::system
