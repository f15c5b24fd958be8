// SPDX-License-Identifier: Apache-2.0
// Keeps work queues full with prepared descriptors.
#include "system/lean_system.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include "abi/descriptor.hpp"
#include "coro/event.hpp"
#include "coro/triggers.hpp"
#include "guest/address_space.hpp"
#include "guest/machine.hpp"
#include "system/device_side.hpp"
#include "system/host_side.hpp"
#include "system/lean_work.hpp"
#include "system/supervisor.hpp"
#include "vdcm/host_driver.hpp"

namespace siov::system {
namespace {

constexpr std::uint32_t kBeat = 64;
constexpr std::uint32_t kMaxReadRequest = 512;
constexpr std::uint32_t kLineBytes = 64;
constexpr std::uint32_t kWqEntries = 128;
constexpr std::uint64_t kLarge = std::uint64_t{1} << 21;

std::uint32_t ceil_div(std::uint32_t a, std::uint32_t b) { return (a + b - 1) / b; }

Scenario lean_scenario(const LeanConfig& config) {
  Scenario s;
  s.name = "lean";
  s.seed = config.seed;
  s.ats = config.ats;
  s.link.latency_min = s.link.latency_max = config.latency;
  s.link.stall_permille = config.stall_permille;
  s.groups.push_back({});
  for (std::uint32_t e = 0; e < config.engines; ++e) s.groups[0].engines.push_back(e);
  for (std::uint32_t q = 0; q < config.queues; ++q) {
    WqParameters wq;
    wq.size = config.entries != 0 ? config.entries : kWqEntries / config.queues;
    wq.threshold = wq.size;
    s.wqs.push_back(wq);
  }
  return s;
}

struct Queue {
  std::uint64_t portal = 0;
  std::unique_ptr<LeanWork> work;
  std::uint64_t submitted = 0, finished = 0, quota = 0;
};

/// Looks at the oldest record of each queue every cycle and submits the next descriptor.
class Pump final : public coro::Clocked {
 public:
  Pump(DeviceSide& device, const iommu::Iommu& iommu, Supervisor& supervisor, std::uint64_t total)
      : device_(device), iommu_(iommu), supervisor_(supervisor), total_(total) {}
  void cycle(std::uint64_t cycle) override {
    if (!running_) return;
    for (Queue& q : queues) {
      std::vector<LeanWork::Slot>& slots = q.work->slots();
      while (q.finished < q.submitted) {
        LeanWork::Slot& slot = slots[q.finished % slots.size()];
        const auto status = std::to_integer<std::uint8_t>(*slot.status);
        if (status == 0) break;
        *slot.status = std::byte{0};
        if (status != abi::kStSuccess) ++failed;
        ++q.finished;
        count(cycle);
      }
      while (q.submitted < q.quota && q.submitted - q.finished < slots.size() && link_has_room()) {
        device_.port().posted_write64(q.portal, slots[q.submitted % slots.size()].line);
        ++q.submitted;
      }
    }
  }
  void start() { running_ = true; }

  std::vector<Queue> queues;
  coro::Event over{"end of the lean run"};
  std::uint64_t done = 0, failed = 0;
  std::uint64_t steady_start = 0, steady_end = 0;
  pcie::LinkStatistics at_start, at_end;  ///< zero with the model
  std::uint64_t translations_at_start = 0, translations_at_end = 0;

 private:
  bool link_has_room() { return device_.root() == nullptr || device_.root()->posted_queued() < 4; }
  void count(std::uint64_t cycle) {
    ++done;
    ++supervisor_.done;
    if (done == total_ / 4) {
      steady_start = cycle;
      translations_at_start = iommu_.statistics().translation_requests;
      if (device_.root() != nullptr) at_start = device_.root()->statistics();
    }
    if (done == total_ - total_ / 4) {
      steady_end = cycle;
      translations_at_end = iommu_.statistics().translation_requests;
      if (device_.root() != nullptr) at_end = device_.root()->statistics();
    }
    if (done == total_) {
      running_ = false;
      over.set();
    }
  }
  DeviceSide& device_;
  const iommu::Iommu& iommu_;
  Supervisor& supervisor_;
  std::uint64_t total_;
  bool running_ = false;
};

}  // namespace

double link_limit(std::uint32_t bytes, std::uint32_t batch) {
  const std::uint32_t list_reads = batch > 1 ? ceil_div(kLineBytes * batch, kMaxReadRequest) : 0;
  const std::uint32_t beats =
      batch * (ceil_div(bytes, kBeat) + ceil_div(bytes, kMaxReadRequest)) + list_reads + 1;
  return static_cast<double>(bytes) * batch / beats;
}

struct LeanSystem::Impl {
  explicit Impl(const LeanConfig& c)
      : config(c),
        scenario(lean_scenario(c)),
        host_side(c.ats),
        device(host_side, scheduler, scenario, options(c)),
        host(device.port(), host_side.platform, host_side.iommu_driver, host_config(scenario)),
        machine(host_side.memory, host_side.frames),
        supervisor(SupervisorConfig{}),
        pump(device, host_side.iommu, supervisor, c.descriptors) {
    scheduler.add_clocked(pump);
    scheduler.add_clocked(supervisor);
  }
  static DeviceOptions options(const LeanConfig& c) {
    DeviceOptions o;
    o.kind = c.device;
    o.checks = c.checks;
    o.waves = c.waves;
    o.wrap = c.wrap;
    return o;
  }
  coro::Task<> main();
  coro::Task<> open_queue(std::uint8_t wq);
  void check_destinations();

  LeanConfig config;
  Scenario scenario;
  HostSide host_side;
  coro::Scheduler scheduler;
  DeviceSide device;
  vdcm::HostDriver host;
  guest::Machine machine;
  std::vector<std::unique_ptr<guest::AddressSpace>> spaces;
  Supervisor supervisor;
  Pump pump;
};

coro::Task<> LeanSystem::Impl::open_queue(std::uint8_t wq) {
  guest::AddressSpaceConfig layout;
  layout.kind = vdcm::TranslationKind::kFirstStage;
  layout.page_bytes = kLarge;
  spaces.push_back(std::make_unique<guest::AddressSpace>(machine, layout));
  guest::AddressSpace& space = *spaces.back();
  const Pasid pasid{0x100U + wq};
  host_side.iommu_driver.bind(pasid, space.descriptor());
  co_await host.set_wq_pasid(wq, pasid, false);
  const vdcm::CommandResult enabled = co_await host.enable_wq(wq);
  if (enabled.error != 0)
    throw HarnessError("bench: Enable WQ failed with error " + std::to_string(enabled.error));

  Queue queue;
  queue.portal = vdcm::HostDriver::portal_offset(wq, false, false);
  queue.quota =
      config.descriptors / config.queues + (wq < config.descriptors % config.queues ? 1 : 0);
  const std::uint32_t size = scenario.wqs[wq].size;
  const std::uint32_t slots = config.slots != 0 ? std::min(config.slots, size) : size;
  queue.work = std::make_unique<LeanWork>(
      space, WorkShape{config.opcode, config.bytes, config.batch, slots, wq});
  pump.queues.push_back(std::move(queue));
}

coro::Task<> LeanSystem::Impl::main() {
  co_await host.start();
  for (std::uint8_t q = 0; q < config.queues; ++q) co_await open_queue(q);
  pump.start();
  co_await pump.over.wait();
  for (std::uint8_t q = 0; q < config.queues; ++q) {
    const vdcm::CommandResult ended = co_await host.disable_wq(q);
    if (ended.error != 0) ++pump.failed;
  }
  co_await host.stop();
  co_await coro::ClockCycles(256);
}

void LeanSystem::Impl::check_destinations() {
  for (const Queue& queue : pump.queues) {
    const std::size_t used = std::min<std::size_t>(queue.work->slots().size(), queue.finished);
    pump.failed += queue.work->wrong(used);
  }
}

LeanSystem::LeanSystem(const LeanConfig& config) : impl_(std::make_unique<Impl>(config)) {}
LeanSystem::~LeanSystem() = default;

LeanResult LeanSystem::run() {
  constexpr std::uint64_t kLimit = 500'000'000;
  Impl& s = *impl_;
  const auto start = std::chrono::steady_clock::now();
  s.scheduler.run(s.main(), kLimit);
  LeanResult r;
  r.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  r.cycles = s.scheduler.cycle();
  s.device.end_of_test(s.scheduler.cycle());
  s.check_destinations();
  r.descriptors = s.pump.done;
  r.failed = s.pump.failed;
  r.violations = s.device.violations();
  r.steady_descriptors = s.config.descriptors - 2 * (s.config.descriptors / 4);
  r.steady_cycles = s.pump.steady_end - s.pump.steady_start;
  r.steady_beats_up = s.pump.at_end.beats_up - s.pump.at_start.beats_up;
  r.translations = s.host_side.iommu.statistics().translation_requests;
  r.steady_translations = s.pump.translations_at_end - s.pump.translations_at_start;
  r.steady_reads = s.pump.at_end.reads - s.pump.at_start.reads;
  return r;
}

}  // namespace siov::system
