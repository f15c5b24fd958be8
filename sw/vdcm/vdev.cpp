// SPDX-License-Identifier: Apache-2.0
// Vdev: accesses of the guest, portals, virtual interrupts, errors. Commands are in
// vdev_commands.cpp.
#include "vdcm/vdev.hpp"

#include <fmt/format.h>

#include <bit>

#include "abi/little_endian.hpp"
#include "abi/siov_abi.hpp"
#include "common/error.hpp"
#include "coro/scheduler.hpp"
#include "vdcm/vdcm.hpp"

namespace siov::vdcm {

namespace {

constexpr std::uint64_t kPortalPage = 0x1000;
constexpr std::uint32_t kPasidMask = kMaxPasid;

std::uint8_t engines_of(const HostDriver& host, std::uint8_t group) {
  return static_cast<std::uint8_t>(std::popcount(host.config().groups[group].engines));
}

VirtualCapabilities capabilities_of(const HostDriver& host, std::uint8_t wq) {
  const WqConfig& queue = host.config().wqs[wq];
  VirtualCapabilities c;
  c.version = host.info().version;
  c.physical_gencap = host.info().gencap;
  c.opcap = host.info().opcap;
  c.engines = engines_of(host, queue.group);
  c.dedicated = queue.mode == WqMode::kDedicated;
  c.block_on_fault = queue.block_on_fault;
  c.size = queue.size;
  c.threshold = queue.threshold;
  c.priority = queue.priority;
  c.max_transfer_log2 = queue.max_transfer_log2;
  c.max_batch_log2 = queue.max_batch_log2;
  return c;
}

bool valid_access(std::uint64_t offset, std::uint32_t size, std::uint64_t bar_size) {
  return (size == 1 || size == 2 || size == 4 || size == 8) && offset % size == 0 &&
         offset + size <= bar_size;
}

}  // namespace

Vdev::Vdev(Vdcm& vdcm, HostDriver& host, VdevConfig config, Pasid default_pasid)
    : vdcm_(vdcm),
      host_(host),
      config_(std::move(config)),
      default_pasid_(default_pasid),
      dedicated_(host.config().wqs.at(config_.wq).mode == WqMode::kDedicated),
      virtual_config_(0x8086, 0x0B25),
      registers_(capabilities_of(host, config_.wq)),
      hardware_lock_("VDEV hardware access") {
  msix_.set_sink(config_.guest_interrupts);
}

Vdev::~Vdev() = default;

void Vdev::start_task(coro::Task<> task, const char* what) {
  coro::start_soon(std::move(task), config_.name + ": " + what);
}

coro::Task<port::ReadResult> Vdev::config_read(std::uint32_t offset, std::uint32_t size) {
  port::ReadResult result;
  result.data = virtual_config_.read(offset, size);
  co_return result;
}

coro::Task<port::CompletionStatus> Vdev::config_write(std::uint32_t offset, std::uint32_t size,
                                                      std::uint32_t value) {
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
  if ((changed || lost_bme) && registers_.state != DeviceState::kDisabled)
    co_await halt_after_config_change();
  if (virtual_config_.msix_enabled() != ims_index_.has_value()) co_await update_ims();
  co_return port::CompletionStatus::kSuccess;
}

coro::Task<port::ReadResult> Vdev::mmio_read(port::Bar bar, std::uint64_t offset,
                                             std::uint32_t size) {
  port::ReadResult result;
  if (!virtual_config_.memory_enabled() ||
      !valid_access(offset, size, VirtualConfigLayout::kBarSize)) {
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
  using Layout = VirtualConfigLayout;
  if (offset >= Layout::kMsixTable && offset < Layout::kMsixTable + 16 * VirtualMsix::kVectors)
    return msix_.read_table(offset - Layout::kMsixTable, size);
  if (offset >= Layout::kMsixPba && offset < Layout::kMsixPba + 8) {
    const std::uint64_t value = msix_.pending() >> 8 * (offset - Layout::kMsixPba);
    return size == 8 ? value : value & ((std::uint64_t{1} << 8 * size) - 1);
  }
  return registers_.read(offset, size);
}

void Vdev::mmio_write(port::Bar bar, std::uint64_t offset, std::uint32_t size,
                      std::uint64_t value) {
  using Layout = VirtualConfigLayout;
  if (!virtual_config_.memory_enabled() || !valid_access(offset, size, Layout::kBarSize)) return;
  if (bar == port::Bar::kPortal) {
    // Mapped pages take any store; anything but 64 bytes creates no work there (dsa.md 4.2).
    if (portals_mapped_) {
      host_.device().mmio_write(port::Bar::kPortal, physical_portal(offset), size, value);
    } else {
      ++trapped_submissions_;
    }
    return;
  }
  const auto at = static_cast<std::uint32_t>(offset);
  if (at == abi::kRegCmd) {
    if (size == 4) write_cmd(static_cast<std::uint32_t>(value));  // SIOV-H-13
    return;
  }
  if (at >= Layout::kMsixTable && at < Layout::kMsixTable + 16 * VirtualMsix::kVectors) {
    msix_.write_table(at - Layout::kMsixTable, size, value);
    return;
  }
  // Also while the entry is still being allocated: that used the old value.
  if (registers_.write(at, size, value) && virtual_config_.msix_enabled())
    start_task(update_ims(), "IMS update");
}

/// Guest page 0 is unlimited, page 1 limited; a shared queue only has the limited page. Always the
/// IMS flavour.
/// @spec SIOV-H-08; siov.md 3.5
std::uint64_t Vdev::physical_portal(std::uint64_t offset) const {
  const bool limited = !dedicated_ || (offset & kPortalPage) != 0;
  return HostDriver::portal_offset(config_.wq, limited, host_.has_ims()) +
         (offset & (kPortalPage - 1));
}

void Vdev::posted_write64(std::uint64_t offset, const port::Line& line) {
  if (!virtual_config_.memory_enabled() || offset >= VirtualConfigLayout::kBarSize) return;
  if (!portals_mapped_) {
    ++trapped_submissions_;
    return;
  }
  host_.device().posted_write64(physical_portal(offset), line);
}

coro::Task<port::CompletionStatus> Vdev::deferrable_write64(std::uint64_t offset,
                                                            const port::Line& line) {
  if (!virtual_config_.memory_enabled() || offset >= VirtualConfigLayout::kBarSize)
    co_return port::CompletionStatus::kUnsupportedRequest;
  const auto dword0 = static_cast<std::uint32_t>(abi::load_le(line, 4));
  const std::optional<Pasid> host =
      host_.platform().translate_for_enqcmd(config_.vm, Pasid{dword0 & kPasidMask});
  if (!host) co_return port::CompletionStatus::kUnsupportedRequest;
  if (!portals_mapped_) {
    ++trapped_submissions_;
    co_return port::CompletionStatus::kRetry;  // what a queue that is not enabled answers
                                               // (dsa.md 4.2)
  }
  const SubmissionTracker::Guard in_flight = submissions_.begin();
  port::Line translated = line;
  abi::store_le(translated, (dword0 & ~kPasidMask) | host->value, 4);
  co_return co_await host_.device().deferrable_write64(physical_portal(offset), translated);
}

void Vdev::set_bar_base(port::Bar, std::uint64_t) {}

void Vdev::raise_cause(std::uint32_t cause) {
  registers_.intcause |= cause;
  msix_.raise(0);
}

void Vdev::report_error(SoftwareError error) {
  // Into the guest's terms: its queue is number 0, its PASID is the one it knows. @spec SIOV-H-20,
  // SIOV-H-36
  error.wq = 0;
  const std::optional<Pasid> guest = vdcm_.guest_pasid(config_.vm, error.pasid);
  error.pasid = guest.value_or(Pasid{0});
  if (registers_.record_error(error) && registers_.error_interrupt_enabled())
    raise_cause(1U << abi::kIntcauseSwerrorLsb);
}

void Vdev::report_halt() {
  if (registers_.state == DeviceState::kHalted) return;
  portals_mapped_ = false;
  registers_.state = DeviceState::kHalted;
  if (registers_.halt_interrupt_enabled()) raise_cause(1U << abi::kIntcauseHaltLsb);
}

std::optional<Pasid> Vdev::host_pasid(Pasid guest) const {
  return vdcm_.host_pasid(config_.vm, guest);
}

/// MSIXPERM of vector 1 in host terms. An unknown guest PASID gives PASID 0, which is never given
/// out: the entry matches nobody's work. @spec SIOV-H-20, SIOV-H-21
Pasid Vdev::ims_pasid() const {
  const std::uint32_t entry = registers_.msixperm(1);
  const Pasid guest{entry >> 12};
  if ((entry & 8) == 0 || guest.value == 0) return default_pasid_;
  return host_pasid(guest).value_or(Pasid{0});
}

coro::Task<> Vdev::update_ims() {
  const coro::Lock::Guard guard = co_await hardware_lock_.scoped();
  co_await update_ims_locked();
}

coro::Task<> Vdev::update_ims_locked() {
  if (virtual_config_.msix_enabled() && !ims_index_) {
    Platform::Handler handler = [this] { msix_.raise(1); };
    const std::uint16_t index = co_await host_.allocate_ims(ims_pasid(), std::move(handler));
    ims_index_ = index;
  } else if (!virtual_config_.msix_enabled() && ims_index_) {
    const std::uint16_t index = *ims_index_;
    ims_index_.reset();
    co_await host_.free_ims(index);
  } else if (ims_index_) {
    co_await host_.set_ims_pasid(*ims_index_, ims_pasid());
  }
}

coro::Task<> Vdev::settle() { const coro::Lock::Guard guard = co_await hardware_lock_.scoped(); }

/// Bus mastering or PASID setup changed under a running device. @spec SIOV-H-05; dsa.md 10 (BME
/// cleared)
coro::Task<> Vdev::halt_after_config_change() {
  const coro::Lock::Guard guard = co_await hardware_lock_.scoped();
  portals_mapped_ = false;
  co_await quiesce();
  registers_.wq_enabled = false;
  registers_.state = DeviceState::kHalted;
  SoftwareError error;
  error.code = abi::kSwErrPciChanged;
  std::uint32_t cause = 0;
  if (registers_.record_error(error) && registers_.error_interrupt_enabled())
    cause |= 1U << abi::kIntcauseSwerrorLsb;
  if (registers_.halt_interrupt_enabled()) cause |= 1U << abi::kIntcauseHaltLsb;
  if (cause != 0) raise_cause(cause);
}

coro::Task<> Vdev::reset() {
  const coro::Lock::Guard guard = co_await hardware_lock_.scoped();
  portals_mapped_ = false;
  co_await quiesce();
  virtual_config_.reset();
  registers_.reset_all();
  co_await update_ims_locked();
  msix_.reset();
}

}  // namespace siov::vdcm
