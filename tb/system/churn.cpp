// SPDX-License-Identifier: Apache-2.0
// Lives of VDEVs, one after the other in each lane.
#include "system/churn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>

#include "abi/siov_abi.hpp"
#include "common/error.hpp"
#include "coro/clock_triggers.hpp"
#include "coro/combine.hpp"
#include "guest/address_space.hpp"
#include "guest/dsa_driver.hpp"
#include "guest/interrupt_controller.hpp"

namespace siov::system {

namespace {

constexpr std::uint32_t kLeftBehind = 4;  ///< descriptors in flight when a guest is killed
constexpr std::uint32_t kLeftBytes = 512;
constexpr std::uint32_t kMostDelayUs = 6;  ///< from the start of the work to an event

template <class T>
const T& must(const Result<T, vdcm::Refusal>& answer, const std::string& what) {
  if (!answer) throw HarnessError("churn: " + what + " was refused: " + answer.error().reason);
  return *answer;
}

}  // namespace

struct Churn::Lane {
  Lane(HostSide& host, const Scenario& scenario, std::uint32_t index)
      : name(fmt::format("churn-{}", index)),
        engine(derive_seed(scenario.seed, name)),
        machine(host.memory, host.frames, machine_config(scenario, name)) {}
  static guest::MachineConfig machine_config(const Scenario& scenario, const std::string& name) {
    guest::MachineConfig config;
    config.seed = derive_seed(scenario.seed, "memory of " + name);
    return config;
  }
  std::uint32_t draw(std::uint32_t low, std::uint32_t high) {
    return boost::random::uniform_int_distribution<std::uint32_t>(low, high)(engine);
  }
  bool chance(std::uint32_t permille) { return draw(0, 999) < permille; }

  std::string name;
  boost::random::mt19937_64 engine;
  guest::Machine machine;
};

/// One VM with its guest.
struct Churn::Life {
  Life(guest::Machine& machine, const guest::AddressSpaceConfig& layout) : space(machine, layout) {}
  std::string name;
  vdcm::VmId vm = 0;
  Pasid guest_pasid;
  vdcm::QueueRequest queue;
  vdcm::VdevId id = 0;
  guest::InterruptController interrupts;
  guest::AddressSpace space;
  std::unique_ptr<guest::DeviceSlot> slot;
  std::unique_ptr<guest::DsaDriver> driver;
  std::uint64_t seed = 0;
};

Churn::Churn(const Scenario& scenario, HostSide& host, vdcm::Manager& manager,
             std::function<void()> on_operation)
    : scenario_(scenario), host_(host), manager_(manager), on_operation_(std::move(on_operation)) {
  for (std::uint32_t i = 0; i < scenario.churn.lanes; ++i)
    lanes_.push_back(std::make_unique<Lane>(host, scenario, i));
}

Churn::~Churn() = default;

void Churn::start() {
  for (const auto& lane : lanes_) tasks_.push_back(coro::start_soon(run(*lane), lane->name));
}

coro::Task<> Churn::join() {
  std::vector<coro::JoinHandle> tasks = std::move(tasks_);
  tasks_.clear();
  co_await coro::Combine(std::move(tasks));
}

std::uint64_t Churn::stale_writes() const {
  std::uint64_t count = 0;
  for (const auto& lane : lanes_) count += lane->machine.stale_writes();
  return count;
}

coro::Task<> Churn::run(Lane& lane) {
  for (std::uint32_t i = 0; i < scenario_.churn.lives; ++i) co_await live(lane, i);
}

Churn::Event Churn::draw_event(Lane& lane) const {
  const ChurnParameters& p = scenario_.churn;
  std::uint32_t at = lane.draw(0, p.pause + p.move + p.reset + p.quiet - 1);
  if (at < p.pause) return Event::kPause;
  at -= p.pause;
  if (at < p.move) return Event::kMove;
  at -= p.move;
  return at < p.reset ? Event::kReset : Event::kQuiet;
}

vdcm::VdevRequest Churn::request(Life& life) {
  vdcm::VdevRequest request;
  request.name = life.name;
  request.vm = life.vm;
  request.space = life.space.descriptor();
  request.interrupts = &life.interrupts;
  request.queues = {life.queue};
  return request;
}

/// The kind that was drawn, or a share if the host has no such queue left.
coro::Task<vdcm::VdevId> Churn::create(Life& life) {
  vdcm::VdevRequest wanted = request(life);
  const auto id = co_await manager_.create(std::move(wanted));
  if (id) co_return *id;
  if (id.error().code != vdcm::RefusalCode::kQueue)
    throw HarnessError("churn: " + life.name + ": " + id.error().reason);
  life.queue = vdcm::QueueRequest::shared();
  vdcm::VdevRequest other = request(life);
  const auto share = co_await manager_.create(std::move(other));
  co_return must(share, "a share");
}

/// A fresh driver for what is in the slot.
coro::Task<> Churn::open(Life& life) {
  guest::DriverOptions options;
  options.pasid = life.guest_pasid;
  options.interrupts = &life.interrupts;
  options.max_outstanding = std::max(scenario_.churn.window, kLeftBehind);
  life.driver.reset();
  life.driver = std::make_unique<guest::DsaDriver>(*life.slot, life.space, options);
  co_await life.driver->probe();
  co_await life.driver->enable();
}

coro::Task<> Churn::live(Lane& lane, std::uint32_t number) {
  const ChurnParameters& p = scenario_.churn;
  guest::AddressSpaceConfig layout;
  layout.kind = vdcm::TranslationKind::kFirstStage;
  auto life = std::make_unique<Life>(lane.machine, layout);
  life->name = fmt::format("{}.{}", lane.name, number);
  life->guest_pasid = Pasid{lane.draw(1, kMaxPasid)};
  life->seed = derive_seed(scenario_.seed, life->name);
  life->queue = vdcm::QueueRequest::shared();
  if (lane.chance(p.emulated_permille)) {
    vdcm::EmulatedQueueConfig queue;
    queue.dma = &host_.iommu;
    life->queue = vdcm::QueueRequest::software(queue);
  } else if (lane.chance(p.dedicated_permille)) {
    life->queue = vdcm::QueueRequest::dedicated();
  }
  vdcm::VmPolicy policy;  // of two VDEVs while one moves
  policy.vdevs = policy.queues = policy.interrupts = 2;
  policy.pasids = 1;
  life->vm = must(manager_.create_vm(policy), "a VM");
  static_cast<void>(
      must(manager_.bind_pasid(life->vm, life->guest_pasid, life->space.descriptor()), "a PASID"));
  life->id = co_await create(*life);
  static_cast<void>(must(manager_.start(life->id), "start"));
  life->slot = std::make_unique<guest::DeviceSlot>(*must(manager_.device(life->id), "the device"));
  co_await open(*life);
  for (std::uint32_t e = 0; e < p.events; ++e) {
    const Event event = draw_event(lane);
    co_await happen(lane, *life, event);
  }
  if (lane.chance(p.killed_permille)) {
    co_await leave_work_in_flight(*life);
    ++result_.killed;
  } else {
    co_await life->driver->drain();
    co_await life->driver->disable();
    const auto unbound = co_await manager_.unbind_pasid(life->vm, life->guest_pasid);
    static_cast<void>(must(unbound, "unbind"));
    const auto destroyed = co_await manager_.destroy(life->id);
    static_cast<void>(must(destroyed, "destroy"));
  }
  result_.retries += life->driver->retries();
  life->driver.reset();  // the guest is gone, whatever it was doing
  const auto closed = co_await manager_.close_vm(life->vm);
  static_cast<void>(must(closed, "close"));
  ++result_.lives;
}

/// Work, and something that happens to the VDEV meanwhile.
coro::Task<> Churn::happen(Lane& lane, Life& life, Event event) {
  const std::uint64_t seed = derive_seed(life.seed, fmt::format("{}", lane.engine()));
  coro::JoinHandle working = coro::start_soon(work(life, seed), "guest of " + life.name);
  co_await coro::Timer(coro::us(lane.draw(1, kMostDelayUs)));
  if (event == Event::kPause) co_await pause(lane, life);
  if (event == Event::kMove) co_await move(lane, life);
  co_await working;
  if (event != Event::kReset) co_return;
  co_await leave_work_in_flight(life);
  const auto reset = co_await manager_.reset(life.id);
  static_cast<void>(must(reset, "reset"));
  ++result_.resets;
  co_await open(life);
}

coro::Task<> Churn::work(Life& life, std::uint64_t seed) {
  const ChurnParameters& p = scenario_.churn;
  guest::MixConfig mix;
  mix.operations = p.descriptors;
  mix.max_bytes = p.size_max;
  mix.interrupt_permille = 400;
  guest::RandomSource source(seed, mix);
  guest::WorkloadConfig config;
  config.window = p.window;
  config.seed = seed;
  config.on_operation = on_operation_;
  guest::Workload workload(*life.driver, life.space, source, config);
  co_await workload.run();
  const guest::WorkloadResult& r = workload.result();
  result_.operations += r.operations;
  result_.descriptors += r.descriptors;
  result_.bytes += r.bytes;
  result_.mismatches += r.mismatches;
  for (const guest::Mismatch& m : r.first) {
    result_.failures.push_back(
        fmt::format("MISMATCH  VDEV {}, operation {}: {}", life.name, m.operation, m.what));
  }
}

/// The guest submits all the time. @spec SIOV-H-38
coro::Task<> Churn::pause(Lane& lane, Life& life) {
  const auto paused = co_await manager_.pause(life.id);
  static_cast<void>(must(paused, "pause"));
  co_await coro::Timer(coro::us(lane.draw(1, kMostDelayUs)));
  const auto resumed = co_await manager_.resume(life.id);
  static_cast<void>(must(resumed, "resume"));
  ++result_.pauses;
}

/// Another VDEV of the VM, with other hardware behind it, goes on. @spec SIOV-H-39, SIOV-H-40
coro::Task<> Churn::move(Lane& lane, Life& life) {
  vdcm::VdevRequest wanted = request(life);
  const auto target = co_await manager_.create(std::move(wanted));
  if (!target) {  // no second queue of this kind, or a dedicated one that is smaller
    co_await pause(lane, life);
    co_return;
  }
  const auto paused = co_await manager_.pause(life.id);
  static_cast<void>(must(paused, "pause"));
  co_await life.slot->stop();
  const auto saved = co_await manager_.save(life.id);
  const std::vector<std::byte> bytes = vdcm::serialize(must(saved, "save"));
  const auto parsed = vdcm::parse(bytes);
  if (!parsed) throw HarnessError("churn: a saved VDEV cannot be read: " + parsed.error());
  const auto restored = co_await manager_.restore(*target, *parsed);
  vdcm::VdevId goes_on = *target;
  vdcm::VdevId ends = life.id;
  if (!restored) {  // the queue there is smaller
    if (restored.error().code != vdcm::RefusalCode::kIncompatible)
      static_cast<void>(must(restored, "restore"));
    std::swap(goes_on, ends);
  } else {
    ++result_.moves;
  }
  life.slot->start(*manager_.inspect(goes_on));
  const auto resumed = co_await manager_.resume(goes_on);
  static_cast<void>(must(resumed, "resume"));
  const auto destroyed = co_await manager_.destroy(ends);
  static_cast<void>(must(destroyed, "destroy"));
  life.id = goes_on;
}

/// Submitted, and nobody waits for it.
coro::Task<> Churn::leave_work_in_flight(Life& life) {
  const Iova source = life.space.allocate(kLeftBytes);
  for (std::uint32_t i = 0; i < kLeftBehind; ++i) {
    abi::Descriptor descriptor;
    descriptor.opcode = abi::kOpMemmove;
    descriptor.source = source;
    descriptor.destination = life.space.allocate(kLeftBytes);
    descriptor.size = kLeftBytes;
    static_cast<void>(co_await life.driver->submit(descriptor));
  }
}

}  // namespace siov::system
