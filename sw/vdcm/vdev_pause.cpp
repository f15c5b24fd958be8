// SPDX-License-Identifier: Apache-2.0
// Vdev: pause, save, restore, resume. @spec siov.md 3.7; SIOV-H-38..H-42
#include <fmt/format.h>

#include <algorithm>

#include "abi/little_endian.hpp"
#include "abi/siov_abi.hpp"
#include "common/error.hpp"
#include "coro/clock_triggers.hpp"
#include "vdcm/vdcm.hpp"
#include "vdcm/vdev.hpp"
#include "vdcm/vdev_use.hpp"

namespace siov::vdcm {

namespace {

constexpr std::uint32_t kPasidMask = kMaxPasid;
constexpr std::uint64_t kRetryMinNs = 50;  // between two replays of a descriptor
constexpr std::uint64_t kRetryMaxNs = 1600;

constexpr std::uint64_t field(unsigned lsb, unsigned width) {
  return ((std::uint64_t{1} << width) - 1) << lsb;
}
/// What of GENCAP a guest never sees (SIOV-H-12): it does not travel either.
constexpr std::uint64_t kHidden = field(abi::kGencapImsSizeLsb, abi::kGencapImsSizeWidth) |
                                  field(abi::kGencapEvlLsb, abi::kGencapEvlWidth) |
                                  field(abi::kGencapEvlOverflowLsb, 1) |
                                  field(abi::kGencapConfigLsb, 1);

}  // namespace

VirtualCapabilities Vdev::guest_capabilities() const {
  VirtualCapabilities seen = registers_.capabilities();
  seen.physical_gencap &= ~kHidden;
  for (QueueDescription& queue : seen.queues) queue.gencap &= ~kHidden;
  return seen;
}

/// Unmapped first, at once: from here on submissions trap and wait. Then what has been accepted
/// ends. The guest's CPUs go on all the time. @spec SIOV-H-38, SIOV-H-10
coro::Task<> Vdev::pause() {
  if (paused_) throw HarnessError(config_.name + " is paused already");
  const Use use(*this);
  paused_ = true;
  std::uint32_t open_queues = 0;
  for (std::size_t q = 0; q < queues_.size(); ++q) {
    if (queues_[q].admission == Admission::kOpen) open_queues |= 1U << q;
  }
  close(open_queues);
  for (std::size_t q = 0; q < queues_.size(); ++q) {
    if ((open_queues >> q & 1) != 0) queues_[q].admission = Admission::kHeld;
  }
  const coro::Lock::Guard guard = co_await hardware_lock_.scoped();
  if (vdcm_.mistakes().save_before_drain) co_return;
  co_await submissions_.earlier_done();
  co_await drain_queues(enabled_queues());
}

coro::Task<SavedVdev> Vdev::save() {
  if (!paused_) throw HarnessError(config_.name + " is saved while it runs");
  const Use use(*this);
  const coro::Lock::Guard guard = co_await hardware_lock_.scoped();
  SavedVdev saved;
  saved.capabilities = guest_capabilities();
  saved.config = virtual_config_.changeable();
  saved.registers = registers_.image();
  saved.msix = msix_.entries();
  saved.pending = msix_.pending();
  saved.handles = handles_;
  saved.granted = granted_;
  saved.command = waiting_command_;
  saved.parts = trapped_.parts();
  saved.held.assign(trapped_.held().begin(), trapped_.held().end());
  co_return saved;
}

/// Nothing of hardware is touched, and nothing at all unless everything fits.
/// @spec SIOV-H-40, SIOV-H-44
std::vector<std::string> Vdev::restore(const SavedVdev& saved) {
  std::vector<std::string> reasons = incompatible(saved, guest_capabilities());
  if (registers_.state() != DeviceState::kDisabled || handles_[1] || paused_)
    reasons.push_back("the VDEV is in use");
  if (saved.config.size() != virtual_config_.changeable().size()) {
    reasons.push_back(fmt::format("{} configuration dwords, there {}", saved.config.size(),
                                  virtual_config_.changeable().size()));
  }
  if (!reasons.empty()) return reasons;
  paused_ = true;
  registers_ = VirtualRegisters(saved.capabilities);  // the guest's interface goes on
  RegisterImage image = saved.registers;
  std::uint32_t enabled = 0;
  for (std::size_t q = 0; q < image.queues.size(); ++q) {
    // A halted VDEV waits for its reset, and has nothing behind it until then.
    if (image.queues[q].enabled && image.state == DeviceState::kEnabled) enabled |= 1U << q;
    image.queues[q].enabled = false;  // until resume() has enabled what is behind it
    queues_[q].admission = (enabled >> q & 1) != 0 ? Admission::kHeld : Admission::kClosed;
  }
  static_cast<void>(registers_.restore(image));
  static_cast<void>(virtual_config_.restore(saved.config));
  // Function mask and enable first: what pends is delivered as soon as it may be.
  msix_.set_control(virtual_config_.msix_enabled(), virtual_config_.msix_function_masked());
  static_cast<void>(msix_.restore(saved.msix, saved.pending));
  trapped_.restore_parts(saved.parts);
  for (const HeldDescriptor& held : saved.held)
    static_cast<void>(trapped_.hold(held, saved.capabilities.queues[held.queue].size));
  granted_ = saved.granted;
  waiting_command_ = saved.command;
  restored_ = Restored{enabled, saved.handles};
  return {};
}

/// Guest PASIDs that the VDEV cannot go on without, and the VM does not have.
std::vector<Pasid> Vdev::missing_pasids(const SavedVdev& saved) const {
  std::vector<Pasid> missing;
  const auto need = [&](std::uint32_t word) {
    const Pasid guest{word & kPasidMask};
    const bool known = guest.value == 0 || host_pasid(guest).has_value();
    if (!known && std::ranges::count(missing, guest) == 0) missing.push_back(guest);
  };
  for (std::size_t q = 0; q < saved.registers.queues.size(); ++q) {
    const RegisterImage::Queue& queue = saved.registers.queues[q];
    const bool pasid = (queue.dword2 >> 28 & 1) != 0;
    if (queue.enabled && pasid && saved.capabilities.queues[q].dedicated) need(queue.dword2 >> 8);
  }
  for (const HeldDescriptor& held : saved.held) {
    if (held.deferrable) need(static_cast<std::uint32_t>(abi::load_le(held.line, 4)));
  }
  return missing;
}

/// What is behind the VDEV takes its place: interrupt entries, queues with PASIDs of this host.
/// @spec SIOV-H-40
coro::Task<std::string> Vdev::activate() {
  const Use use(*this);
  const coro::Lock::Guard guard = co_await hardware_lock_.scoped();
  if (!restored_ || restored_->active) co_return std::string();
  if (virtual_config_.msix_enabled()) co_await allocate_vectors();
  for (std::size_t v = 1; v < handles_.size(); ++v) {
    if (restored_->handles[v] && !handles_[v])
      co_return fmt::format("no interrupt entry for vector {}", v);
  }
  for (std::uint8_t q = 0; q < queues_.size(); ++q) {
    if ((restored_->enabled >> q & 1) == 0) continue;
    const bool pasid = registers_.wq_pasid_enabled(q);
    const bool named = pasid && dedicated(q) && registers_.wq_pasid(q).value != 0;
    const std::optional<Pasid> host =
        named ? host_pasid(registers_.wq_pasid(q)) : std::optional(default_pasid_);
    CommandResult result;
    result.error = abi::kCmdErrWqPasid;
    if (host) co_await start_queue(q, *host, !pasid || registers_.wq_privileged(q), result);
    if (result.error != abi::kCmdErrNone) {
      co_return fmt::format("queue {} cannot be enabled: error {:#04x}", q, result.error);
    }
  }
  restored_->active = true;
  co_return std::string();
}

/// Revocation is announced before anything can be submitted with an old handle; held descriptors go
/// in front of everything that is submitted later. @spec SIOV-H-40..42
coro::Task<std::string> Vdev::resume() {
  if (!paused_) throw HarnessError(config_.name + " is resumed but not paused");
  if (std::string wrong = co_await activate(); !wrong.empty()) co_return wrong;
  const Use use(*this);
  const coro::Lock::Guard guard = co_await hardware_lock_.scoped();
  if (restored_) announce_revocation();
  restored_.reset();
  if (vdcm_.mistakes().drop_held) trapped_.drop_held();
  replaying_ = true;
  co_await replay();
  replaying_ = false;
  // Nothing waits any more, and nothing has been stored since: no descriptor overtakes another.
  paused_ = false;
  for (std::uint8_t q = 0; q < queues_.size(); ++q) {
    if (queues_[q].admission == Admission::kHeld) open(q);
  }
  if (waiting_command_) {
    const std::uint32_t command = *waiting_command_;
    waiting_command_.reset();
    start_task(run_command(command, epoch_), "command");
  }
  co_return std::string();
}

/// @spec SIOV-H-40
void Vdev::announce_revocation() {
  bool changed = false;
  for (std::size_t v = 1; v < handles_.size(); ++v) {
    const std::uint64_t bit = std::uint64_t{1} << v;
    if ((granted_ & bit) == 0 || handles_[v] == restored_->handles[v]) continue;
    granted_ &= ~bit;
    changed = true;
  }
  if (!changed) return;
  ++revocations_;
  if (!vdcm_.mistakes().revoke_silently) raise_cause(1U << abi::kIntcauseRevokedLsb);
}

coro::Task<> Vdev::replay() {
  const std::uint64_t epoch = epoch_;
  while (std::optional<HeldDescriptor> held = trapped_.take()) {
    if (queues_[held->queue].admission != Admission::kHeld) continue;  // disabled meanwhile
    VirtualQueue& queue = *queues_[held->queue].backing;
    if (!held->deferrable) {
      queue.submit_posted(held->limited, held->offset, held->line);
      ++replayed_;
      continue;
    }
    const auto dword0 = static_cast<std::uint32_t>(abi::load_le(held->line, 4));
    const Pasid guest{dword0 & kPasidMask};
    const std::optional<Pasid> host = host_pasid(guest);
    if (!host) {
      // The guest gave the PASID up with work under way. It hears of it, in its own terms.
      SoftwareError error;
      error.code = abi::kStTranslationError;
      error.descriptor_valid = true;
      error.wq_valid = true;
      error.wq = held->queue;
      error.opcode = std::to_integer<std::uint8_t>(held->line[7]);
      error.pasid = guest;
      record(error);
      ++unplayable_;
      continue;
    }
    abi::store_le(held->line, (dword0 & ~kPasidMask) | host->value, 4);
    std::uint64_t wait = kRetryMinNs;
    port::CompletionStatus status =
        co_await queue.submit_deferrable(held->limited, held->offset, held->line);
    while (status == port::CompletionStatus::kRetry && epoch == epoch_ &&
           queues_[held->queue].admission == Admission::kHeld) {
      co_await coro::Timer(coro::ns(wait));  // full of other tenants' work
      wait = std::min(2 * wait, kRetryMaxNs);
      status = co_await queue.submit_deferrable(held->limited, held->offset, held->line);
    }
    if (status == port::CompletionStatus::kSuccess) ++replayed_;
  }
}

/// The command has completed. What was signalled on handles that were stale comes out now: all
/// work ends, then every data vector is raised once. @spec SIOV-H-41; siov.md 3.4
coro::Task<> Vdev::finish_revocation(std::uint64_t epoch) {
  const coro::Lock::Guard guard = co_await hardware_lock_.scoped();
  if (epoch != epoch_) co_return;
  if (!vdcm_.mistakes().acknowledge_without_drain) {
    co_await submissions_.earlier_done();
    co_await drain_queues(enabled_queues());
  }
  if (vdcm_.mistakes().acknowledge_without_interrupts) co_return;
  for (std::uint32_t v = 1; v < handles_.size(); ++v) msix_.raise(v);
}

}  // namespace siov::vdcm
