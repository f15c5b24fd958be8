// SPDX-License-Identifier: Apache-2.0
// Construction of a system, its play in three acts, and what is looked at afterwards.
#include "hostile/trial.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>

#include "check/rules.hpp"
#include "common/error.hpp"
#include "coro/clock_triggers.hpp"
#include "coro/combine.hpp"
#include "coro/scheduler.hpp"
#include "hostile/host_image.hpp"
#include "hostile/leak_scan.hpp"
#include "system/device_side.hpp"
#include "system/host_side.hpp"
#include "vdcm/driver_error.hpp"
#include "vdcm/page_fault_service.hpp"
#include "vdcm/virtual_layout.hpp"

namespace siov::hostile {

namespace {

// Three acts: before, during and after the attack.
constexpr std::uint32_t kBefore = 8;
constexpr std::uint32_t kDuring = 16;
constexpr std::uint32_t kAfter = 8;
constexpr std::uint64_t kPauseNs = 600;  ///< between two submissions during the attack
constexpr std::uint64_t kMostCycles = 1'500'000;
constexpr std::uint32_t kReadLatency = 120;
constexpr std::uint16_t kEventLogEntries = 128;
/// Frames that nobody has, so that no host address is also one of the attacker's.
constexpr std::uint64_t kGap = 16 << 20;
constexpr std::uint64_t kSettleCycles = 4096;

constexpr std::uint8_t kLedgerWq = 0;
constexpr std::uint8_t kAttackerWq = 1;
constexpr std::uint8_t kSharedWq = 2;
constexpr std::uint8_t kSpareWq = 3;

system::WqParameters queue(bool shared, std::uint32_t size, std::uint32_t threshold,
                           bool block_on_fault) {
  system::WqParameters wq;
  wq.shared = shared;
  wq.size = size;
  wq.threshold = threshold;
  wq.block_on_fault = block_on_fault;
  return wq;
}

system::Scenario make_scenario(const TrialOptions& options, const Setting& setting) {
  const bool translates = setting.translates;
  system::Scenario s;
  s.name = "hostile";
  s.seed = options.seed;
  s.event_log = true;
  s.ats = s.pri = translates;
  s.link.latency_min = s.link.latency_max = kReadLatency;
  s.wqs = {queue(false, 48, 0, translates), queue(false, 8, 0, translates),
           queue(true, 48, 40, translates), queue(false, 8, 0, translates)};
  s.groups.emplace_back();
  for (std::uint32_t e = 0; e < setting.engines; ++e) s.groups[0].engines.push_back(e);
  for (const std::string& name : options.inject) s.injections.push_back({name});
  return s;
}

struct MistakeField {
  const char* name;
  bool vdcm::VdcmMistakes::*field;
};
constexpr MistakeField kMistakes[] = {
    {"msix-portal", &vdcm::VdcmMistakes::msix_portal},
    {"guest-message-in-ims", &vdcm::VdcmMistakes::guest_message_in_ims},
    {"pasid-off", &vdcm::VdcmMistakes::pasid_off},
    {"abort-shared-queue", &vdcm::VdcmMistakes::abort_shared_queue},
    {"map-before-translation", &vdcm::VdcmMistakes::map_before_translation},
    {"reuse-pasid-early", &vdcm::VdcmMistakes::reuse_pasid_early},
    {"reset-keeps-queue", &vdcm::VdcmMistakes::reset_keeps_queue},
    {"keep-portals", &vdcm::VdcmMistakes::keep_portals},
    {"skip-cpu-flush", &vdcm::VdcmMistakes::skip_cpu_flush},
    {"raw-errors", &vdcm::VdcmMistakes::raw_errors},
    {"save-before-drain", &vdcm::VdcmMistakes::save_before_drain},
    {"drop-held", &vdcm::VdcmMistakes::drop_held},
    {"revoke-silently", &vdcm::VdcmMistakes::revoke_silently},
    {"acknowledge-without-drain", &vdcm::VdcmMistakes::acknowledge_without_drain},
    {"acknowledge-without-interrupts", &vdcm::VdcmMistakes::acknowledge_without_interrupts},
};

const MistakeField& mistake(const std::string& name) {
  const auto* found =
      std::ranges::find_if(kMistakes, [&](const auto& m) { return name == m.name; });
  if (found == std::end(kMistakes)) throw HarnessError("no mistake of the VDCM is called " + name);
  return *found;
}

VictimConfig victim(const std::string& name, std::uint8_t wq, vdcm::TranslationKind kind, Iova base,
                    Pasid pasid, std::uint64_t seed) {
  VictimConfig config;
  config.name = name;
  config.wq = wq;
  config.shared = wq == kSharedWq;
  config.kind = kind;
  config.base = base;
  config.guest_pasid = pasid;
  config.operations = kBefore + kDuring + kAfter;
  config.seed = seed;
  return config;
}

}  // namespace

std::vector<std::string> vdcm_mistake_names() {
  std::vector<std::string> names;
  for (const MistakeField& m : kMistakes) names.emplace_back(m.name);
  return names;
}

namespace {

class Trial {
 public:
  Trial(const TrialOptions& options, const Attack* attack, const Setting& setting)
      : attack_(attack),
        scenario_(make_scenario(options, setting)),
        host_(setting.translates, setting.translates,
              system::derive_seed(options.seed, "host PASIDs")),
        gap_(host_.frames.allocate_range(kGap)),
        device_(host_, scheduler_, scenario_, device_options(options)),
        driver_(device_.port(), host_.platform, host_.iommu_driver, system::host_config(scenario_)),
        vdcm_(driver_),
        manager_(vdcm_),
        iommu_clock_(host_.iommu) {
    scheduler_.add_clocked(iommu_clock_);
    driver_.use_event_log(host_.memory, host_.frames, kEventLogEntries);
    driver_.set_record_listener([this](Pasid pasid, Iova address, std::span<const std::byte> r) {
      late_record(pasid, address, r);
    });
    if (setting.translates) {
      vdcm::PageFaultConfig config;
      config.seed = system::derive_seed(options.seed, "page faults");
      faults_ = std::make_unique<vdcm::PageFaultService>(host_.iommu_driver, config);
    }
    for (const std::string& name : options.mistakes) mistakes_.push_back(&mistake(name));
    using vdcm::TranslationKind;
    const std::uint64_t seed = options.seed;
    // The first has the addresses of the attacker's process, the second its PASID number.
    add(victim("ledger", kLedgerWq, TranslationKind::kFirstStage, Iova{0x7F00'0000'0000}, Pasid{0},
               seed));
    add(victim("sharer", kSharedWq, TranslationKind::kFirstStage, Iova{0x66B0'0000'0000},
               kGuestPasid, seed));
    add(victim("nested", kSharedWq, TranslationKind::kNested, Iova{0x5C10'0000'0000}, Pasid{0x2A},
               seed));
    attacker_ = std::make_unique<Attacker>(
        Surroundings{host_, driver_, vdcm_, manager_, victims_, kAttackerWq, kSpareWq, kSharedWq,
                     system::derive_seed(seed, attack == nullptr ? "" : attack->name)});
  }

  TrialResult play();

 private:
  static system::DeviceOptions device_options(const TrialOptions& options) {
    system::DeviceOptions d;
    d.kind = options.device;
    return d;
  }
  void add(VictimConfig config) {
    victims_.push_back(std::make_unique<Victim>(host_, std::move(config)));
  }
  void late_record(Pasid pasid, Iova address, std::span<const std::byte> record);
  coro::Task<> main();
  coro::Task<> attack();
  coro::Task<> act(std::uint32_t operations, std::uint64_t pause_ns);
  coro::Task<> look_for_leaks();
  coro::Task<> take_apart();
  void judge();
  [[nodiscard]] bool is_open(const check::Violation& violation) const;

  const Attack* attack_;
  system::Scenario scenario_;
  system::HostSide host_;
  Hpa gap_;
  coro::Scheduler scheduler_;
  system::DeviceSide device_;
  vdcm::HostDriver driver_;
  vdcm::Vdcm vdcm_;
  vdcm::Manager manager_;
  system::IommuClock iommu_clock_;
  std::unique_ptr<vdcm::PageFaultService> faults_;
  std::vector<std::unique_ptr<Victim>> victims_;
  std::unique_ptr<Attacker> attacker_;
  std::vector<const MistakeField*> mistakes_;
  std::vector<std::uint32_t> victims_pasids_;
  TrialResult result_;
};

/// The host writes what the device could not, if the guest has memory there.
void Trial::late_record(Pasid pasid, Iova address, std::span<const std::byte> record) {
  for (const auto& victim : victims_) {
    if (std::ranges::count(victim->host_pasids(), pasid) == 0) continue;
    if (victim->space().holds(address, record.size())) victim->space().write(address, record);
    return;
  }
  guest::AddressSpace& space = attacker_->space();
  if (vdcm_.guest_pasid(attacker_->vm(), pasid) && space.holds(address, record.size()))
    space.write(address, record);
}

coro::Task<> Trial::act(std::uint32_t operations, std::uint64_t pause_ns) {
  std::vector<coro::JoinHandle> playing;
  for (const auto& victim : victims_)
    playing.push_back(coro::start_soon(victim->play(operations, pause_ns), victim->name()));
  co_await coro::Combine(std::move(playing));
}

coro::Task<> Trial::attack() {
  const std::uint64_t before = attacker_->steps();
  if (attack_ != nullptr) co_await attack_->script(*attacker_);
  result_.steps = attacker_->steps() - before;
}

coro::Task<> Trial::main() {
  co_await driver_.start();
  if (faults_) faults_->start();
  for (const auto& victim : victims_) {
    co_await victim->create(manager_);
    for (const Pasid p : victim->host_pasids()) victims_pasids_.push_back(p.value);
  }
  for (const auto& victim : victims_) co_await victim->open();
  // Mistakes begin when the victims are at work: without an attack all would be well.
  for (const MistakeField* m : mistakes_) vdcm_.mistakes().*m->field = true;
  co_await attacker_->create();
  const bool good = co_await attacker_->bring_up();
  attacker_->expect(good, "the attacker's device does not start");
  co_await act(kBefore, 0);
  const HostImage before = co_await HostImage::take(driver_, victims_);
  coro::JoinHandle attacking = coro::start_soon(attack(), "attack");
  co_await act(kDuring, kPauseNs);
  co_await attacking;
  co_await act(kAfter, 0);
  const HostImage after = co_await HostImage::take(driver_, victims_);
  for (std::string& text : before.differences(after)) result_.broken.push_back(std::move(text));
  for (const auto& victim : victims_) {
    VictimResult seen = co_await victim->look();
    result_.victims.push_back(std::move(seen));
  }
  co_await look_for_leaks();
  co_await take_apart();
}

/// Everything that its VDEV shows, that its CPUs have read, and all of its memory.
coro::Task<> Trial::look_for_leaks() {
  LeakScan scan([this](std::uint64_t number) { return attacker_->told(number); });
  for (const auto& victim : victims_) {
    for (const Pasid p : victim->host_pasids()) scan.add_pasid(p, victim->name());
    for (const Hpa frame : victim->frames()) scan.add_page(frame.value, victim->name());
    // The first has the same addresses as the attacker.
    if (victim != victims_.front()) {
      for (const Iova page : victim->pages()) scan.add_page(page.value, victim->name());
    }
    scan.add_data(victim->memory(), victim->name());
  }
  for (const Pasid p : vdcm_.host_pasids(attacker_->vm())) scan.add_pasid(p, "the attacker");
  if (attacker_->vdev() != nullptr)
    scan.add_pasid(attacker_->vdev()->default_pasid(), "the attacker");

  for (const std::uint64_t word : attacker_->seen())
    scan.look_at_word(word, "what it has read", result_.leaked);
  if (attacker_->vdev() != nullptr) {
    co_await attacker_->config_write(0x04, 2, 0x0002);  // its registers answer
    std::uint64_t low = 0;
    for (std::uint32_t at = 0; at < 0x1000; at += 4) {
      const std::uint64_t dword = co_await attacker_->config_read(at);
      if (at % 8 == 4)
        scan.look_at_word(dword << 32 | low, fmt::format("configuration space {:#x}", at - 4),
                          result_.leaked);
      low = dword;
    }
    for (std::uint32_t at = 0; at < vdcm::VirtualLayout::kControlBytes; at += 8) {
      const std::uint64_t word = co_await attacker_->read(at, 8);
      scan.look_at_word(word, fmt::format("register {:#x}", at), result_.leaked);
    }
    for (std::uint32_t at = 0; at < 4 * kPortalStride; at += 0x1000) {
      const std::uint64_t word = co_await attacker_->portal_read(at, 8);
      scan.look_at_word(word, fmt::format("portal {:#x}", at), result_.leaked);
    }
  }
  memory::GuestMemory& guest = attacker_->machine().guest_memory();
  std::vector<std::byte> bytes(guest.bytes());
  if (!guest.read(Gpa{0}, bytes)) throw HarnessError("the attacker's memory cannot be read");
  scan.look_at_memory(bytes, "its memory", result_.leaked);
}

coro::Task<> Trial::take_apart() {
  if (attacker_->alive()) {
    const auto closed = co_await manager_.close_vm(attacker_->vm());
    if (!closed)
      result_.broken.push_back("the attacker cannot be removed: " + closed.error().reason);
    attacker_->forget_vm();
  }
  for (const auto& victim : victims_) co_await victim->close(manager_);
  if (driver_.halted()) result_.broken.push_back("the function has halted");
  if (const std::size_t pasids = vdcm_.live_pasids(); pasids != 1)  // that of the event log
    result_.broken.push_back(fmt::format("{} host PASIDs are left behind", pasids));
  co_await driver_.stop();
  for (std::uint64_t i = 0; i < kSettleCycles / 64 && !device_.idle(); ++i)
    co_await coro::ClockCycles(64);
  co_await coro::ClockCycles(64);
}

/// What is wrong whoever it happens to.
void Trial::judge() {
  if (!device_.idle()) result_.broken.push_back("the device is not idle at the end");
  if (host_.platform.stray_interrupts() != 0)
    result_.broken.push_back(fmt::format("{} interrupts belong to nobody (SIOV-D-28)",
                                         host_.platform.stray_interrupts()));
  if (vdcm_.unattributed_errors() != 0)
    result_.broken.push_back(
        fmt::format("{} errors belong to nobody (SIOV-D-49)", vdcm_.unattributed_errors()));
  for (const std::string& name : device_.unfired())
    result_.broken.push_back("injection " + name + " found nothing to break");
}

/// A prediction of the contents of the attacker's own work, in an attack that leaves it open.
bool Trial::is_open(const check::Violation& violation) const {
  constexpr std::string_view kContents[] = {"CR-",     "SB-",     "BATCH-",     "FAULT-",
                                            "EVL-",    "ORDER-",  "PCIE-22",    "PCIE-44",
                                            "PCIE-45", "PCIE-81", "IRQ-MISSING"};
  if (attack_ == nullptr || !attack_->setting.open_results) return false;
  const bool victims = violation.wq == kLedgerWq || violation.pasid == check::kNoPasid ||
                       std::ranges::count(victims_pasids_, violation.pasid) != 0;
  if (victims) return false;
  const std::string_view rule = check::rule_info(violation.rule).name;
  return std::ranges::any_of(kContents, [&](std::string_view c) { return rule.starts_with(c); });
}

TrialResult Trial::play() {
  try {
    scheduler_.run(main(), kMostCycles);
    device_.end_of_test(scheduler_.cycle());
    judge();
  } catch (const coro::SimTimeoutError& e) {
    result_.stopped = e.what();
  } catch (const vdcm::DriverError& e) {
    result_.stopped = std::string("a driver gave up: ") + e.what();
  } catch (const HarnessError& e) {
    result_.stopped = std::string("the host gave up: ") + e.what();
  }
  if (check::Referee* const referee = device_.referee()) {
    for (const check::Violation& v : referee->report().violations()) {
      if (!is_open(v)) result_.broken.push_back(v.text());
    }
  }
  if (const std::string failed = device_.assertion_failure(); !failed.empty())
    result_.broken.push_back("assertion of the RTL: " + failed);
  const auto& found = attacker_->findings();
  result_.broken.insert(result_.broken.end(), found.begin(), found.end());
  result_.cycles = scheduler_.cycle();
  result_.faults = host_.iommu.statistics().faults;
  result_.errors = driver_.software_errors();
  scheduler_.cancel_all();
  return result_;
}

}  // namespace

TrialResult play_trial(const TrialOptions& options, const Attack* attack, const Setting& setting) {
  Trial trial(options, attack, setting);
  return trial.play();
}

std::string Verdict::text() const {
  std::string out;
  for (const std::string& line : changed) out += "changed: " + line + "\n";
  for (const std::string& line : leaked) out += "leaked: " + line + "\n";
  for (const std::string& line : broken) out += "broken: " + line + "\n";
  return out;
}

const TrialResult& Suite::alone(const Setting& setting) {
  const auto known = alone_.find(setting);
  if (known != alone_.end()) return known->second;
  TrialOptions honest = options_;
  honest.inject.clear();
  honest.mistakes.clear();
  TrialResult result = play_trial(honest, nullptr, setting);
  if (!result.stopped.empty() || !result.broken.empty() || !result.leaked.empty()) {
    throw HarnessError(fmt::format("the run without an attack is not good: {} {} {}",
                                   result.stopped, fmt::join(result.broken, "; "),
                                   fmt::join(result.leaked, "; ")));
  }
  for (const VictimResult& victim : result.victims) {
    if (!victim.mismatches.empty())
      throw HarnessError("without an attack " + victim.name + ": " + victim.mismatches.front());
  }
  return alone_.emplace(setting, std::move(result)).first->second;
}

Verdict Suite::run(const Attack& attack) {
  const TrialResult& honest = alone(attack.setting);
  TrialResult now = play_trial(options_, &attack, attack.setting);
  Verdict verdict;
  if (!now.stopped.empty()) verdict.changed.push_back("everybody: the run ended: " + now.stopped);
  for (std::size_t i = 0; i < now.victims.size(); ++i) {
    for (const std::string& text : differences(honest.victims[i], now.victims[i]))
      verdict.changed.push_back(now.victims[i].name + ": " + text);
  }
  verdict.leaked = std::move(now.leaked);
  verdict.broken = std::move(now.broken);
  verdict.steps = now.steps;
  verdict.cycles = now.cycles;
  verdict.faults = now.faults;
  verdict.errors = now.errors;
  return verdict;
}

}  // namespace siov::hostile
