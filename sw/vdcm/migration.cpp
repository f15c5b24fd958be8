// SPDX-License-Identifier: Apache-2.0
// Live migration, phase by phase.
#include "vdcm/migration.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "common/error.hpp"
#include "coro/clock_triggers.hpp"
#include "coro/scheduler.hpp"

namespace siov::vdcm {

namespace {

std::uint64_t cycles_since(coro::SimTime start) {
  coro::Scheduler& scheduler = coro::Scheduler::current();
  return (scheduler.now() - start) / scheduler.clock_period();
}

bool uses_second_stage(const Space& space) {
  return space.kind == TranslationKind::kSecondStage || space.kind == TranslationKind::kNested;
}

class Migration {
 public:
  Migration(MigrationPlan plan, MigrationMemory& memory, DirtyLog& log, MigrationOptions options)
      : plan_(std::move(plan)), memory_(memory), log_(log), options_(std::move(options)) {
    const auto incomplete = [](const MigratingVdev& v) { return !v.source || !v.guest; };
    if (plan_.from == nullptr || plan_.to == nullptr || plan_.vdevs.empty() ||
        std::ranges::any_of(plan_.vdevs, incomplete) || options_.bytes_per_us == 0)
      throw HarnessError("an incomplete plan of a migration");
  }

  coro::Task<MigrationReport> run() {
    co_await prepare();
    if (going()) co_await pre_copy();
    if (going()) co_await pause();
    if (going()) co_await stop();
    if (going()) co_await load();
    if (going()) {
      co_await go_on_there();
    } else {
      co_await go_on_here();
    }
    if (options_.report != nullptr) *options_.report = report_;
    co_return std::move(report_);
  }

 private:
  [[nodiscard]] bool going() const { return report_.reasons.empty(); }
  void give_up(std::string reason) { report_.reasons.push_back(std::move(reason)); }
  void end_of(MigrationPhase phase) {
    if (going() && options_.cancel && options_.cancel(phase)) give_up("cancelled");
  }

  // ---- checks

  /// What can be known before anything exists there.
  void check(const MigratingVdev& v) {
    const std::string& name = v.source->name();
    if (v.source->paused()) give_up(name + " is paused");
    if (!uses_second_stage(v.source->config().default_space) ||
        !uses_second_stage(v.target.default_space))
      give_up(name + ": its space has no second stage, so nobody knows what it writes");
    if (const auto refusal = plan_.to->refusal(v.target)) give_up(name + ": " + *refusal);
    const VmId vm = v.source->vm();
    for (const Pasid host : plan_.from->host_pasids(vm)) {
      const Pasid guest = plan_.from->guest_pasid(vm, host).value_or(Pasid{0});
      if (!plan_.to->host_pasid(v.target.vm, guest))
        give_up(fmt::format("{}: guest PASID {:#x} is not bound there", name, guest.value));
    }
  }

  coro::Task<> prepare() {
    for (const MigratingVdev& v : plan_.vdevs) check(v);
    if (log_.enabled()) give_up("the dirty log is in use");
    if (!log_.possible()) give_up("a remapping unit here keeps no dirty bits");
    // One after the other: two of a plan may ask for the same queue there.
    for (const MigratingVdev& v : plan_.vdevs) {
      if (!going()) co_return;
      if (const auto refusal = plan_.to->refusal(v.target)) {
        give_up(v.source->name() + ": " + *refusal);
        co_return;
      }
      Vdev* const target = co_await plan_.to->create_vdev(v.target);
      targets_.push_back(target);
      SavedVdev shape;
      shape.capabilities = v.source->guest_capabilities();
      for (std::string& reason : incompatible(shape, target->guest_capabilities()))
        give_up(fmt::format("{}: {}", v.source->name(), reason));
    }
    end_of(MigrationPhase::kChecked);
  }

  // ---- memory

  coro::Task<> transfer(std::uint64_t bytes) {
    if (bytes == 0) co_return;
    co_await coro::Timer(
        coro::ns(std::max<std::uint64_t>(1, bytes * 1000 / options_.bytes_per_us)));
  }

  /// What was written since the last time. @return 4 KiB pages
  coro::Task<std::uint64_t> copy_written() {
    const std::vector<DirtyPage> device = co_await log_.collect();
    const std::vector<Gpa> cpu = memory_.take_writes();
    std::uint64_t pages = 0;
    for (const DirtyPage& page : device) {
      memory_.copy(page.address, page.bytes);
      pages += page.bytes / kPageSize;
    }
    report_.device_pages += pages;
    for (const Gpa page : cpu) memory_.copy(page, kPageSize);
    report_.cpu_pages += cpu.size();
    pages += cpu.size();
    report_.pages += pages;
    ++report_.rounds;
    co_await transfer(pages * kPageSize);
    co_return pages;
  }

  coro::Task<> pre_copy() {
    memory_.log_writes(true);
    co_await log_.enable();
    memory_.copy(Gpa{0}, memory_.bytes());
    report_.pages += memory_.bytes() / kPageSize;
    ++report_.rounds;
    co_await transfer(memory_.bytes());
    for (std::uint32_t round = 1; round < options_.rounds; ++round) {
      const std::uint64_t pages = co_await copy_written();
      if (pages <= options_.stop_pages) break;
    }
    end_of(MigrationPhase::kPreCopied);
  }

  // ---- VDEVs

  coro::Task<> pause() {
    paused_since_ = coro::Scheduler::current().now();
    for (const MigratingVdev& v : plan_.vdevs) {
      paused_.push_back(v.source);
      co_await v.source->pause();
    }
    end_of(MigrationPhase::kPaused);
  }

  coro::Task<> stop() {
    stopped_since_ = coro::Scheduler::current().now();
    stopped_ = true;
    for (const MigratingVdev& v : plan_.vdevs) co_await v.guest->stop();
    report_.stopped_pages = co_await copy_written();
    end_of(MigrationPhase::kStopped);
  }

  coro::Task<> load() {
    for (std::size_t i = 0; i < targets_.size() && going(); ++i) {
      const SavedVdev here = co_await plan_.vdevs[i].source->save();
      std::vector<std::byte> bytes = serialize(here);
      if (options_.image) options_.image(bytes);
      report_.image_bytes += bytes.size();
      report_.held += here.held.size();
      co_await transfer(bytes.size());
      const Result<SavedVdev, std::string> there = parse(bytes);
      if (!there) {
        give_up(there.error());
        co_return;
      }
      for (std::string& reason : targets_[i]->restore(*there)) give_up(std::move(reason));
      for (const Pasid guest : targets_[i]->missing_pasids(*there))
        give_up(fmt::format("guest PASID {:#x} is not bound there", guest.value));
      if (!going()) co_return;
      std::string wrong = co_await targets_[i]->activate();
      if (!wrong.empty()) give_up(std::move(wrong));
    }
    end_of(MigrationPhase::kLoaded);
  }

  /// The point of no return: memory and CPUs in one step.
  coro::Task<> go_on_there() {
    memory_.switch_over();
    memory_.log_writes(false);
    for (std::size_t i = 0; i < targets_.size(); ++i) plan_.vdevs[i].guest->start(*targets_[i]);
    report_.downtime_cycles = cycles_since(stopped_since_);
    for (Vdev* const target : targets_) {
      const std::string wrong = co_await target->resume();
      if (!wrong.empty()) throw HarnessError("an active VDEV does not resume: " + wrong);
      report_.replayed += target->replayed();
      report_.revoked += target->revocations();
    }
    report_.paused_cycles = cycles_since(paused_since_);
    for (const MigratingVdev& v : plan_.vdevs) co_await plan_.from->destroy_vdev(*v.source);
    co_await log_.disable();
    report_.targets = targets_;
    report_.moved = true;
  }

  /// Nothing happened, but for some time that the guest had to wait. @spec siov.md 3.8
  coro::Task<> go_on_here() {
    if (stopped_) {
      for (const MigratingVdev& v : plan_.vdevs) v.guest->start(*v.source);
      report_.downtime_cycles = cycles_since(stopped_since_);
    }
    for (Vdev* const source : paused_) {
      const std::uint64_t before = source->replayed();
      const std::string wrong = co_await source->resume();
      if (!wrong.empty()) throw HarnessError("a VDEV does not resume: " + wrong);
      report_.replayed += source->replayed() - before;
    }
    if (!paused_.empty()) report_.paused_cycles = cycles_since(paused_since_);
    memory_.log_writes(false);
    if (log_.enabled() && report_.rounds != 0) co_await log_.disable();
    for (Vdev* const target : targets_) co_await plan_.to->destroy_vdev(*target);
  }

  MigrationPlan plan_;
  MigrationMemory& memory_;
  DirtyLog& log_;
  MigrationOptions options_;
  MigrationReport report_;
  std::vector<Vdev*> targets_;
  std::vector<Vdev*> paused_;
  coro::SimTime paused_since_ = 0;
  coro::SimTime stopped_since_ = 0;
  bool stopped_ = false;
};

}  // namespace

coro::Task<MigrationReport> migrate(MigrationPlan plan, MigrationMemory& memory, DirtyLog& log,
                                    MigrationOptions options) {
  Migration migration(std::move(plan), memory, log, std::move(options));
  co_return co_await migration.run();
}

}  // namespace siov::vdcm
