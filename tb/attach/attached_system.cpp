// SPDX-License-Identifier: Apache-2.0
// One loop: what the guests want, then cycles while there is work.
#include "attach/attached_system.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <utility>

#include "attach/host_function.hpp"
#include "attach/timed_device.hpp"
#include "attach/vdev_function.hpp"
#include "check/rules.hpp"
#include "common/error.hpp"
#include "coro/scheduler.hpp"
#include "system/device_side.hpp"
#include "system/host_side.hpp"
#include "vdcm/driver_error.hpp"
#include "vdcm/host_driver.hpp"
#include "vdcm/manager.hpp"
#include "vdcm/vdcm.hpp"

namespace siov::attach {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// Simulated time goes on so long after the last work: posted writes are on their way.
constexpr std::uint64_t kQuietCycles = 512;
constexpr std::uint64_t kSlice = 32;
constexpr std::uint64_t kSetupCycles = 10'000'000;
constexpr std::uint64_t kTeardownCycles = 10'000'000;
/// Guest memory of the host mode lies below.
constexpr std::uint64_t kOwnRam = std::uint64_t{1} << 40;
constexpr std::uint64_t kOwnRamBytes = std::uint64_t{16} << 30;
constexpr std::size_t kMaxGuests = 8;

double seconds(Clock::duration d) { return std::chrono::duration<double>(d).count(); }

system::HostIdentity identity_of(const AttachOptions& options) {
  system::HostIdentity identity;
  if (options.mode != AttachMode::kHost) return identity;
  identity.function = options.guests.at(0).seen_as;
  identity.always_snoops = true;  // QEMU's unit does not offer SMPWCS
  identity.ram = {{Hpa{kOwnRam}, kOwnRamBytes}};
  return identity;
}

/// One dedicated queue a guest; the small payload is what a guest's kernel leaves at.
system::Scenario scenario_of(const AttachOptions& options) {
  system::Scenario s;
  s.name = options.mode == AttachMode::kVdev ? "guest-vdev" : "guest-host";
  s.seed = options.seed;
  s.personality = options.personality;
  s.link.mps = 128;
  s.link.latency_min = 200;
  s.link.latency_max = 400;
  const system::PersonalitySize size = system::size_of(options.personality);
  system::GroupParameters group;
  for (std::uint32_t e = 0; e < size.engines; ++e) group.engines.push_back(e);
  s.groups.push_back(group);
  for (std::size_t i = 0; i < options.guests.size(); ++i) {
    system::WqParameters wq;
    wq.size = 16;
    wq.threshold = 16;
    s.wqs.push_back(wq);
  }
  return s;
}

void check(const AttachOptions& options) {
  const std::size_t guests = options.guests.size();
  if (guests == 0 || guests > kMaxGuests) throw HarnessError("1 to 8 guests can be attached");
  if (options.mode == AttachMode::kHost && guests != 1)
    throw HarnessError("in host mode there is one guest: it is the host");
  if (options.mode == AttachMode::kHost && options.guests[0].monitor.empty())
    throw HarnessError("host mode needs the guest's QMP socket: its tables are found through it");
}

}  // namespace

struct AttachedSystem::Impl {
  explicit Impl(AttachOptions o)
      : options((check(o), std::move(o))),
        scenario(scenario_of(options)),
        host(false, false, std::nullopt, identity_of(options)),
        device(host, scheduler, scenario, device_options()),
        iommu_clock(host.iommu) {
    scheduler.add_clocked(iommu_clock);
  }
  /// Tasks hold locks of the guests.
  ~Impl() { scheduler.cancel_all(); }

  system::DeviceOptions device_options() {
    system::DeviceOptions d;
    d.kind = options.device;
    d.waves = options.waves;
    d.wrap = [this](pcie::LinkDevice& inner) {
      auto timed = std::make_unique<TimedDevice>(inner);
      rtl = timed.get();
      return timed;
    };
    return d;
  }

  struct Guest {
    std::unique_ptr<GuestFunction> function;
    std::unique_ptr<Endpoint> endpoint;
    std::unique_ptr<vfio_user::Server> server;
    GuestUnit* unit = nullptr;
  };

  void build();
  coro::Task<> start_host();
  coro::Task<> stop_host();
  void listen();
  void serve();
  [[nodiscard]] bool busy() const;
  [[nodiscard]] bool answered() const;
  /// Whether simulated time has to go on.
  [[nodiscard]] bool work() const;
  [[nodiscard]] std::uint64_t ended_sessions() const;
  void watch_violations();
  void watch_faults();
  void collect(AttachResult& result);
  void say(const std::string& line) const {
    if (options.log) options.log(line);
  }

  AttachOptions options;
  system::Scenario scenario;
  boost::asio::io_context context;
  system::HostSide host;
  coro::Scheduler scheduler;
  TimedDevice* rtl = nullptr;
  system::DeviceSide device;
  system::IommuClock iommu_clock;
  std::optional<vdcm::HostDriver> driver;
  std::optional<vdcm::Vdcm> vdcm;
  vdcm::LifecycleLog lifecycle;
  std::optional<vdcm::Manager> manager;
  std::vector<Guest> guests;
  std::uint64_t quiet_since = 0;
  std::uint64_t violations_said = 0;
  std::uint64_t faults_said = 0;
  Clock::duration waiting{};
  std::string stopped;
};

void AttachedSystem::Impl::build() {
  if (options.mode == AttachMode::kVdev) {
    driver.emplace(device.port(), host.platform, host.iommu_driver, system::host_config(scenario));
    vdcm.emplace(*driver);
    manager.emplace(*vdcm, &lifecycle);
  }
  std::uint32_t number = 0;
  for (const GuestOptions& g : options.guests) {
    Guest guest;
    if (options.mode == AttachMode::kVdev) {
      VdevFunctionOptions o;
      o.name = fmt::format("guest-{}", number);
      o.monitor = g.monitor;
      o.seen_as = g.seen_as;
      o.number = number;
      auto function = std::make_unique<VdevFunction>(host, *manager, context, std::move(o));
      guest.unit = &function->unit();
      guest.function = std::move(function);
    } else {
      HostFunctionOptions o;
      o.monitor = g.monitor;
      auto function = std::make_unique<HostFunction>(host, device.port(), context, o);
      guest.unit = &function->unit();
      guest.function = std::move(function);
    }
    guest.endpoint = std::make_unique<Endpoint>(*guest.function, scheduler);
    guests.push_back(std::move(guest));
    ++number;
  }
}

coro::Task<> AttachedSystem::Impl::start_host() {
  if (driver) co_await driver->start();
  for (Guest& guest : guests) {
    if (auto* const vdev = dynamic_cast<VdevFunction*>(guest.function.get()))
      co_await vdev->create();
    co_await guest.endpoint->prepare();
  }
}

coro::Task<> AttachedSystem::Impl::stop_host() {
  for (Guest& guest : guests) {
    if (auto* const vdev = dynamic_cast<VdevFunction*>(guest.function.get()))
      co_await vdev->destroy();
  }
  if (driver) co_await driver->stop();
}

void AttachedSystem::Impl::listen() {
  for (std::size_t i = 0; i < guests.size(); ++i) {
    vfio_user::ServerOptions o;
    o.socket_path = options.guests[i].socket;
    o.log = [this, name = guests[i].function->name()](const std::string& line) {
      say(name + ": " + line);
    };
    guests[i].server =
        std::make_unique<vfio_user::Server>(context, std::move(o), *guests[i].endpoint);
    guests[i].endpoint->use(*guests[i].server);
    say(fmt::format("{}: listening on {}", guests[i].function->name(), options.guests[i].socket));
  }
}

/// Whether the device or an access of a guest goes on; what waits for an answer of a monitor does
/// not.
bool AttachedSystem::Impl::busy() const {
  if (!device.idle()) return true;
  return std::ranges::any_of(guests, [](const Guest& guest) {
    return guest.endpoint->under_way() >
           (guest.unit->waiting() ? guest.endpoint->catching_up() : 0U);
  });
}

/// Whether a look at a guest's unit has got its answer and goes on.
bool AttachedSystem::Impl::answered() const {
  return std::ranges::any_of(guests, [](const Guest& guest) {
    return guest.endpoint->looking() && !guest.unit->waiting();
  });
}

bool AttachedSystem::Impl::work() const {
  return busy() || answered() || scheduler.cycle() - quiet_since < kQuietCycles ||
         scheduler.waits_for_time();
}

std::uint64_t AttachedSystem::Impl::ended_sessions() const {
  std::uint64_t ended = 0;
  for (const Guest& guest : guests) {
    const bool open = guest.server->connected() || guest.endpoint->under_way() != 0;
    ended += guest.endpoint->counts().sessions - (open ? 1 : 0);
  }
  return ended;
}

void AttachedSystem::Impl::watch_violations() {
  const std::uint64_t now = device.violations();
  if (now == violations_said) return;
  if (violations_said == 0 && device.referee() != nullptr) {
    for (const check::Violation& v : device.referee()->report().violations()) {
      say(v.text());
      break;
    }
  }
  violations_said = now;
}

/// What our remapping unit refused: in host mode nobody else reads its fault records.
void AttachedSystem::Impl::watch_faults() {
  constexpr std::uint64_t kSaid = 20;
  for (const vdcm::RemappingFault& f : host.iommu_driver.take_faults()) {
    if (++faults_said > kSaid) continue;
    static constexpr const char* kAccess[] = {"write", "page request", "read", "atomic"};
    say(fmt::format("remapping fault {:#04x}: {} of {:#x}, AT {}, by {:02x}:{:02x}.{:x}{}",
                    f.reason, kAccess[static_cast<unsigned>(f.access) & 3], f.address.value,
                    f.address_type, f.requester.value >> 8, f.requester.value >> 3 & 31,
                    f.requester.value & 7,
                    f.pasid ? fmt::format(", PASID {:#x}", f.pasid->value) : std::string()));
  }
}

void AttachedSystem::Impl::serve() {
  constexpr auto kNap = 20ms;
  Clock::time_point last_client = Clock::now();
  Clock::time_point last_look = last_client;
  quiet_since = scheduler.cycle();
  while (true) {
    guests[0].server->poll();
    const Clock::time_point now = Clock::now();
    bool client = false;
    for (Guest& guest : guests) {
      guest.unit->check_patience(now);
      client = client || guest.server->connected();
    }
    if (client) last_client = now;
    if (options.stop && options.stop()) break;
    if (ended_sessions() >= options.sessions && !work()) break;
    if (now - last_client > options.patience) {
      stopped = fmt::format("no client for {} s", options.patience.count());
      break;
    }
    if (busy()) quiet_since = scheduler.cycle();
    if (work()) {
      scheduler.run_cycles(kSlice);
    } else {
      const Clock::time_point from = Clock::now();
      const bool acted = guests[0].server->wait(kNap) != 0;
      waiting += Clock::now() - from;
      if (acted) scheduler.run_cycles(1);  // whoever has been woken goes on
    }
    // A guest that submits nothing still invalidates.
    if (now - last_look > 50ms) {
      last_look = now;
      watch_violations();
      watch_faults();
      for (Guest& guest : guests) {
        if (guest.server->connected()) guest.endpoint->look();
      }
    }
  }
}

void AttachedSystem::Impl::collect(AttachResult& result) {
  system::RunResult& run = result.run;
  run.vdevs = options.mode == AttachMode::kVdev ? guests.size() : 0;
  run.vms = guests.size();
  for (const Guest& guest : guests) {
    GuestReport report;
    report.name = guest.function->name();
    report.counts = guest.endpoint->counts();
    report.translation = guest.function->translation();
    report.last_end = guest.endpoint->last_end();
    run.pasids += report.translation.pasids_bound;
    run.invalidations += report.translation.invalidations;
    run.resets += report.counts.resets;
    run.descriptors += report.counts.submissions;
    result.guests.push_back(std::move(report));
  }
  if (const check::Referee* const referee = device.referee()) {
    run.checks = referee->report().total_checks();
    for (const check::Violation& v : referee->report().violations()) {
      run.failures.push_back(v.text());
      const std::string rule(check::rule_info(v.rule).name);
      if (std::ranges::find(run.rules, rule) == run.rules.end()) run.rules.push_back(rule);
    }
    const check::Stats stats = device.referee()->stats();
    run.stale_uses = stats.stale_uses;
    run.batches = stats.batches;
    run.mismatches = stats.mismatches;  // what real guests compare, they tell on their console
    result.descriptors = stats.accepted + stats.members;
  }
  run.violations = device.violations();
  if (const std::string failed = device.assertion_failure(); !failed.empty()) {
    run.failures.push_back("RTL-ASSERT  " + failed);
    run.rules.push_back("RTL-ASSERT");
  }
  const iommu::Statistics& unit = host.iommu.statistics();
  run.translations = unit.translations;
  run.faults = unit.faults;
  run.ats_translations = unit.translation_requests;
  run.interrupts = host.platform.interrupts();
  run.tlps_up = device.tlps_up();
  run.tlps_down = device.tlps_down();
  run.cycles = scheduler.cycle();
  run.sim_ns = scheduler.now() / 1000;
  run.digest = device.digest();
  run.lifecycle = lifecycle.events();
  run.stopped = stopped;
  result.walks = unit.iotlb_misses;
  result.wall_waiting = seconds(waiting);
  result.wall_rtl = rtl != nullptr ? seconds(rtl->spent()) : 0;
}

AttachedSystem::AttachedSystem(AttachOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {
  impl_->build();
}
AttachedSystem::~AttachedSystem() = default;

AttachResult AttachedSystem::run() {
  AttachResult result;
  const Clock::time_point start = Clock::now();
  try {
    impl_->scheduler.run(impl_->start_host(), kSetupCycles);
    impl_->listen();
    impl_->serve();
    for (Impl::Guest& guest : impl_->guests) guest.server->disconnect("the run ends");
    for (int i = 0; i < 1000 && impl_->work(); ++i) {
      impl_->guests[0].server->poll();
      for (Impl::Guest& guest : impl_->guests) guest.unit->check_patience(Clock::now());
      impl_->scheduler.run_cycles(1024);
    }
    impl_->scheduler.run(impl_->stop_host(), kTeardownCycles);
    impl_->scheduler.run_cycles(kQuietCycles);
    impl_->device.end_of_test(impl_->scheduler.cycle());
  } catch (const vdcm::DriverError& e) {
    impl_->stopped = std::string("a driver gave up: ") + e.what();
  } catch (const coro::SimTimeoutError& e) {
    impl_->stopped = e.what();
  }
  result.run.wall_seconds = seconds(Clock::now() - start);
  impl_->collect(result);
  result.run.cycles_per_second =
      result.run.wall_seconds > 0 ? static_cast<double>(result.run.cycles) / result.run.wall_seconds
                                  : 0;
  return result;
}

}  // namespace siov::attach
