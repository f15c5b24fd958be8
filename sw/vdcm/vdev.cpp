// SPDX-License-Identifier: Apache-2.0
// Vdev: composition, configuration space, registers, resets. Portals, interrupts and commands have
// files of their own.
#include "vdcm/vdev.hpp"

#include <algorithm>
#include <bit>
#include <set>

#include "abi/siov_abi.hpp"
#include "common/error.hpp"
#include "coro/scheduler.hpp"
#include "vdcm/dedicated_queue.hpp"
#include "vdcm/emulated_queue.hpp"
#include "vdcm/shared_queue.hpp"
#include "vdcm/vdcm.hpp"
#include "vdcm/vdev_use.hpp"

namespace siov::vdcm {

namespace {

std::uint16_t vectors_of(const VdevConfig& config) {
  const std::size_t queues = config.queues.empty() ? 1 : config.queues.size();
  return config.vectors != 0 ? config.vectors : static_cast<std::uint16_t>(queues + 1);
}

/// A feature counts where every queue has it; of a limit the largest, since each queue says its
/// own.
std::uint64_t merge_gencap(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t kTransfer = std::uint64_t{0x1F} << abi::kGencapMaxXferLsb;
  constexpr std::uint64_t kBatch = std::uint64_t{0xF} << abi::kGencapMaxBatchLsb;
  return (a & b & ~(kTransfer | kBatch)) | std::max(a & kTransfer, b & kTransfer) |
         std::max(a & kBatch, b & kBatch);
}

bool valid_access(std::uint64_t offset, std::uint32_t size, std::uint64_t bar_size) {
  return (size == 1 || size == 2 || size == 4 || size == 8) && offset % size == 0 &&
         offset < bar_size && size <= bar_size - offset;
}

}  // namespace

Vdev::Vdev(Vdcm& vdcm, VdevConfig config, Pasid default_pasid)
    : vdcm_(vdcm),
      config_(std::move(config)),
      default_pasid_(default_pasid),
      queues_([this] {
        if (config_.queues.empty()) config_.queues = {QueueConfig::physical(config_.wq)};
        std::vector<QueueSlot> slots(config_.queues.size());
        for (std::size_t i = 0; i < slots.size(); ++i)
          slots[i].backing = make_queue(config_.queues[i], static_cast<std::uint8_t>(i));
        return slots;
      }()),
      registers_(compose()),
      virtual_config_(0x8086, 0x0B25, registers_.layout()),
      msix_(registers_.layout().vectors),
      hardware_lock_("VDEV hardware access"),
      handles_(registers_.layout().vectors) {
  msix_.set_sink(config_.guest_interrupts);
  for (const QueueSlot& slot : queues_) {
    HostDriver* const host = &slot.backing->host();
    if (slot.backing->kind() == QueueKind::kEmulated || std::ranges::count(functions_, host) != 0)
      continue;
    functions_.push_back(host);
  }
}

Vdev::~Vdev() = default;

std::unique_ptr<VirtualQueue> Vdev::make_queue(const QueueConfig& queue, std::uint8_t index) {
  HostDriver& host = vdcm_.host(queue.function);
  if (queue.emulated) {
    EmulatedHooks hooks;
    hooks.handle_ok = [this](std::uint16_t handle, Pasid pasid) {
      return handle_ok(handle, pasid);
    };
    hooks.interrupt = [this](std::uint16_t handle) {
      if (const auto vector = vector_of(handle)) msix_.raise(*vector);
    };
    hooks.error = [this, index](const SoftwareError& error) { report_error(index, error); };
    hooks.privileged_allowed = [this] { return virtual_config_.pasid_privileged(); };
    return std::make_unique<EmulatedQueue>(host, *queue.emulated, std::move(hooks));
  }
  if (host.config().wqs.at(queue.wq).mode == WqMode::kDedicated)
    return std::make_unique<DedicatedQueue>(host, queue.wq, vdcm_.mistakes());
  return std::make_unique<SharedQueue>(host, queue.wq, vdcm_.mistakes());
}

/// @spec SIOV-H-12
VirtualCapabilities Vdev::compose() const {
  VirtualCapabilities c;
  c.vectors = vectors_of(config_);
  std::set<std::pair<const HostDriver*, std::uint8_t>> groups;
  unsigned engines = 0;
  bool first = true;
  for (const QueueSlot& slot : queues_) {
    const QueueDescription d = slot.backing->description();
    c.version = first ? d.version : std::min(c.version, d.version);
    c.physical_gencap = first ? d.gencap : merge_gencap(c.physical_gencap, d.gencap);
    c.opcap[0] = first ? d.operations : c.opcap[0] & d.operations;
    first = false;
    c.queues.push_back(d);
    const HostDriver& host = slot.backing->host();
    const auto wq = slot.backing->physical_wq();
    if (!wq) {
      ++engines;
    } else if (groups.emplace(&host, host.config().wqs[*wq].group).second) {
      engines += static_cast<unsigned>(
          std::popcount(host.config().groups[host.config().wqs[*wq].group].engines));
    }
  }
  c.engines = static_cast<std::uint8_t>(std::min(engines, 64U));
  return c;
}

coro::Task<> Vdev::counted(coro::Task<> task) {
  co_await std::move(task);
  --uses_;
  use_ended_.set();
}

/// Counted from here on, not from when it first runs.
void Vdev::start_task(coro::Task<> task, const char* what) {
  ++uses_;
  coro::start_soon(counted(std::move(task)), config_.name + ": " + what);
}

/// Nothing new may begin: the VDEV is closing.
coro::Task<> Vdev::unused() {
  while (uses_ != 0) {
    use_ended_.clear();
    co_await use_ended_.wait();
  }
}

coro::Task<port::ReadResult> Vdev::config_read(std::uint32_t offset, std::uint32_t size) {
  port::ReadResult result;
  result.data = virtual_config_.read(offset, size);
  co_return result;
}

coro::Task<port::CompletionStatus> Vdev::config_write(std::uint32_t offset, std::uint32_t size,
                                                      std::uint32_t value) {
  if (closing_) co_return port::CompletionStatus::kUnsupportedRequest;
  const Use use(*this);
  const bool bme = virtual_config_.bus_master();
  const bool ats = virtual_config_.ats_enabled();
  const bool pri = virtual_config_.pri_enabled();
  const bool pasid = virtual_config_.pasid_enabled();
  const bool flr = virtual_config_.write(offset, size, value);
  msix_.set_control(virtual_config_.msix_enabled(), virtual_config_.msix_function_masked());
  if (flr) {
    co_await reset();
    co_return port::CompletionStatus::kSuccess;
  }
  const bool changed = ats != virtual_config_.ats_enabled() ||
                       pri != virtual_config_.pri_enabled() ||
                       pasid != virtual_config_.pasid_enabled();
  const bool lost_bme = bme && !virtual_config_.bus_master();
  if ((changed || lost_bme) && registers_.state() != DeviceState::kDisabled)
    co_await halt_after_config_change();
  if (virtual_config_.msix_enabled() != handles_[1].has_value()) co_await update_ims();
  co_return port::CompletionStatus::kSuccess;
}

coro::Task<port::ReadResult> Vdev::mmio_read(port::Bar bar, std::uint64_t offset,
                                             std::uint32_t size) {
  port::ReadResult result;
  const std::uint64_t bar_size =
      bar == port::Bar::kControl ? VirtualLayout::kControlBytes : registers_.layout().portal_bytes;
  if (!virtual_config_.memory_enabled() || !valid_access(offset, size, bar_size)) {
    result.status = port::CompletionStatus::kUnsupportedRequest;
    co_return result;
  }
  // Portal reads are all ones (siov.md 3.3).
  if (bar == port::Bar::kControl) {
    result.data = emulated_read(static_cast<std::uint32_t>(offset), size);
  } else if (size < 8) {
    result.data = (std::uint64_t{1} << 8 * size) - 1;
  }
  co_return result;
}

std::uint64_t Vdev::emulated_read(std::uint32_t offset, std::uint32_t size) const {
  const VirtualLayout& layout = registers_.layout();
  if (offset - layout.msix_table < 16 * layout.vectors)
    return msix_.read_table(offset - layout.msix_table, size);
  if (offset - layout.msix_pba < 8) {
    const std::uint64_t value = msix_.pending() >> 8 * (offset - layout.msix_pba);
    return size == 8 ? value : value & ((std::uint64_t{1} << 8 * size) - 1);
  }
  return registers_.read(offset, size);
}

void Vdev::mmio_write(port::Bar bar, std::uint64_t offset, std::uint32_t size,
                      std::uint64_t value) {
  if (closing_ || !virtual_config_.memory_enabled()) return;
  const VirtualLayout& layout = registers_.layout();
  if (bar == port::Bar::kPortal) {
    if (valid_access(offset, size, layout.portal_bytes)) store_portal(offset, size, value);
    return;
  }
  if (!valid_access(offset, size, VirtualLayout::kControlBytes)) return;
  const auto at = static_cast<std::uint32_t>(offset);
  if (at == abi::kRegCmd) {
    if (size == 4) write_cmd(static_cast<std::uint32_t>(value));  // SIOV-H-13
    return;
  }
  if (at - layout.msix_table < 16 * layout.vectors) {
    write_msix(at - layout.msix_table, size, value);
    return;
  }
  // Also while the entry is still being allocated: that used the old value.
  const std::optional<std::uint32_t> vector = registers_.write(at, size, value);
  if (vector && virtual_config_.msix_enabled()) start_task(update_vector(*vector), "IMS update");
}

void Vdev::set_bar_base(port::Bar, std::uint64_t) {}

bool Vdev::runs_with(Pasid pasid) const {
  return std::ranges::any_of(queues_,
                             [&](const auto& slot) { return slot.running_pasid == pasid; });
}

std::optional<Pasid> Vdev::host_pasid(Pasid guest) const {
  return vdcm_.host_pasid(config_.vm, guest);
}

coro::Task<> Vdev::settle() {
  const Use use(*this);
  const coro::Lock::Guard guard = co_await hardware_lock_.scoped();
}

/// All work of this VDEV ends, and nothing of it can start again before its guest enables it.
coro::Task<> Vdev::quiesce() { co_await stop_queues(enabled_queues(), true); }

/// Bus mastering or PASID setup changed under a running device. @spec SIOV-H-05; dsa.md 10 (BME
/// cleared)
coro::Task<> Vdev::halt_after_config_change() {
  const coro::Lock::Guard guard = co_await hardware_lock_.scoped();
  co_await quiesce();
  registers_.set_state(DeviceState::kHalted);
  SoftwareError error;
  error.code = abi::kSwErrPciChanged;
  std::uint32_t cause = 0;
  if (registers_.record_error(error) && registers_.error_interrupt_enabled())
    cause |= 1U << abi::kIntcauseSwerrorLsb;
  if (registers_.halt_interrupt_enabled()) cause |= 1U << abi::kIntcauseHaltLsb;
  if (cause != 0) raise_cause(cause);
}

coro::Task<> Vdev::reset() {
  const Use use(*this);
  if (!vdcm_.mistakes().keep_portals) unmap_portals();  // SIOV-H-10: before it waits for its turn
  const coro::Lock::Guard guard = co_await hardware_lock_.scoped();
  co_await reset_locked();
}

/// @spec SIOV-H-29, SIOV-H-30
coro::Task<> Vdev::reset_locked() {
  co_await quiesce();
  ++epoch_;  // of commands that wait for their turn, none is carried out
  virtual_config_.reset();
  registers_.reset_all();
  trapped_.drop_all_parts();
  trapped_.drop_held();
  granted_ = 0;
  waiting_command_.reset();
  restored_.reset();
  co_await update_ims_locked();
  msix_.reset();
}

}  // namespace siov::vdcm
