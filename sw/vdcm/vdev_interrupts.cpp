// SPDX-License-Identifier: Apache-2.0
// Vdev: vectors and what is behind them, errors and causes that a guest is told.
#include <algorithm>

#include "abi/siov_abi.hpp"
#include "vdcm/vdcm.hpp"
#include "vdcm/vdev.hpp"
#include "vdcm/vdev_use.hpp"

namespace siov::vdcm {

namespace {
/// VDCM's answer when command 14 names a handle that this VDEV was not given. @spec dsa.md 3.3 (row
/// 0x41/0x42)
constexpr std::uint8_t kErrHandleNotGranted = 0x43;
constexpr std::uint32_t kReservedOperand = 0xE0000;
constexpr std::uint32_t kImsTable = 0x10000;
constexpr std::uint32_t kPermissionPasid = 8;  ///< MSIXPERM bit 3
}  // namespace

void Vdev::raise_cause(std::uint32_t cause) {
  registers_.add_intcause(cause);
  msix_.raise(0);
}

void Vdev::record(SoftwareError error) {
  if (registers_.record_error(error) && registers_.error_interrupt_enabled())
    raise_cause(1U << abi::kIntcauseSwerrorLsb);
}

/// Into the guest's terms: its number of the queue, the PASID that it knows. Addresses and handles
/// are its own already. @spec SIOV-H-20, SIOV-H-36
void Vdev::report_error(std::uint8_t queue, SoftwareError error) {
  if (vdcm_.mistakes().raw_errors) return record(error);
  error.wq = queue;
  error.wq_valid = true;
  error.pasid = vdcm_.guest_pasid(config_.vm, error.pasid).value_or(Pasid{0});
  record(error);
}

void Vdev::report_halt() {
  if (registers_.state() == DeviceState::kHalted) return;
  unmap_portals();
  registers_.set_state(DeviceState::kHalted);
  if (registers_.halt_interrupt_enabled()) raise_cause(1U << abi::kIntcauseHaltLsb);
}

/// MSIXPERM of a vector in host terms. An unknown guest PASID gives PASID 0, which is never given
/// out: the entry matches nobody's work. @spec SIOV-H-20, SIOV-H-21
Pasid Vdev::vector_pasid(std::uint16_t vector) const {
  const std::uint32_t entry = registers_.msixperm(vector);
  const Pasid guest{entry >> 12};
  if ((entry & kPermissionPasid) == 0 || guest.value == 0) return default_pasid_;
  return host_pasid(guest).value_or(Pasid{0});
}

std::optional<std::uint16_t> Vdev::vector_of(std::uint16_t handle) const {
  const auto found = std::ranges::find(handles_, std::optional(handle));
  if (found == handles_.end()) return std::nullopt;
  return static_cast<std::uint16_t>(found - handles_.begin());
}

/// What hardware checks with an IMS entry. @spec dsa.md 2.10, SIOV-D-33
bool Vdev::handle_ok(std::uint16_t handle, Pasid pasid) const {
  const std::optional<std::uint16_t> vector = vector_of(handle);
  return vector && vector_pasid(*vector) == pasid;
}

coro::Task<> Vdev::update_ims() {
  const Use use(*this);
  const coro::Lock::Guard guard = co_await hardware_lock_.scoped();
  co_await update_ims_locked();
}

coro::Task<> Vdev::forget_pasid(Pasid host) {
  const Use use(*this);
  const coro::Lock::Guard guard = co_await hardware_lock_.scoped();
  for (std::uint16_t v = 1; v < handles_.size(); ++v) {
    if (!handles_[v] || functions_.empty()) continue;
    if (functions_[0]->ims_pasid(*handles_[v]) == host) co_await set_vector_pasid(v);
  }
}

coro::Task<> Vdev::update_vector(std::uint32_t vector) {
  const coro::Lock::Guard guard = co_await hardware_lock_.scoped();
  if (handles_[vector]) co_await set_vector_pasid(static_cast<std::uint16_t>(vector));
}

/// After MSI-X was turned on or off, or PASIDs mean something else.
coro::Task<> Vdev::update_ims_locked() {
  if (virtual_config_.msix_enabled() && !handles_[1]) {
    co_await allocate_vectors();
  } else if (!virtual_config_.msix_enabled() && handles_[1]) {
    co_await free_vectors();
  } else if (handles_[1]) {
    for (std::uint16_t v = 1; v < handles_.size(); ++v) {
      if (handles_[v]) co_await set_vector_pasid(v);
    }
  }
}

/// One entry a vector in every function of this VDEV, of the same index, so that the handle means
/// the same in all its queues. Without hardware the handle is the vector. What is not there is
/// missing: command 13 says so. @spec SIOV-H-25, SIOV-H-34
coro::Task<> Vdev::allocate_vectors() {
  for (std::uint16_t v = 1; v < handles_.size(); ++v) {
    if (functions_.empty()) {
      handles_[v] = v;
      continue;
    }
    if (!config_.interrupt_entries) co_return;
    std::optional<std::uint16_t> index = functions_[0]->free_ims_from(1);
    for (std::size_t agreed = 1; index && agreed < functions_.size();) {
      const auto next = functions_[agreed]->free_ims_from(*index);
      if (next == index) {
        ++agreed;
        continue;
      }
      index = next ? functions_[0]->free_ims_from(*next) : std::nullopt;
      agreed = 1;
    }
    if (!index && std::ranges::all_of(functions_, &HostDriver::last_ims_free)) index = 0;
    if (!index) co_return;
    for (HostDriver* const host : functions_) host->reserve_ims(*index);
    for (HostDriver* const host : functions_) {
      Platform::Handler handler = [this, v] { msix_.raise(v); };
      co_await host->allocate_ims_at(*index, vector_pasid(v), std::move(handler));
    }
    handles_[v] = index;
  }
}

coro::Task<> Vdev::free_vectors() {
  granted_ = 0;
  for (std::uint16_t v = 1; v < handles_.size(); ++v) {
    if (!handles_[v]) continue;
    const std::uint16_t index = *handles_[v];
    handles_[v].reset();
    for (HostDriver* const host : functions_) co_await host->free_ims(index);
  }
}

coro::Task<> Vdev::set_vector_pasid(std::uint16_t vector) {
  for (HostDriver* const host : functions_)
    co_await host->set_ims_pasid(*handles_[vector], vector_pasid(vector));
}

/// The table stays here. @spec SIOV-H-23
void Vdev::write_msix(std::uint32_t offset, std::uint32_t size, std::uint64_t value) {
  msix_.write_table(offset, size, value);
  if (!vdcm_.mistakes().guest_message_in_ims) return;
  const std::uint32_t vector = offset / 16;
  const VirtualMsix::Entry& entry = msix_.entries()[vector];
  if (!handles_[vector]) return;
  for (HostDriver* const host : functions_)
    host->write_foreign_message(*handles_[vector], entry.address, entry.data);
}

/// @spec siov.md 3.4 Request Interrupt Handle; SIOV-H-25
void Vdev::request_handle(std::uint32_t operand, CommandResult& out) {
  const std::uint32_t index = operand & 0xFFFF;
  if ((operand & kReservedOperand) != 0) {
    out.error = abi::kCmdErrReservedOperand;
  } else if ((operand & kImsTable) != 0) {
    out.error = abi::kCmdErrIntHandle;  // the guest has no IMS
  } else if (index == 0 || index >= handles_.size()) {
    out.error = abi::kCmdErrIntIndex;
  } else if (!handles_[index]) {
    out.error = abi::kCmdErrIntHandle;  // MSI-X is off: no entry backs the vector yet
  } else {
    granted_ |= std::uint64_t{1} << index;
    out.result = *handles_[index];
  }
}

/// The operand is a handle; with one error there is one completion. @spec siov.md 3.4, 3.8
void Vdev::release_handle(std::uint32_t operand, CommandResult& out) {
  if ((operand & kReservedOperand) != 0) {
    out.error = abi::kCmdErrReservedOperand;
    return;
  }
  const std::optional<std::uint16_t> vector =
      vector_of(static_cast<std::uint16_t>(operand & 0xFFFF));
  if ((operand & kImsTable) != 0 || !vector || (granted_ >> *vector & 1) == 0) {
    out.error = kErrHandleNotGranted;
    return;
  }
  granted_ &= ~(std::uint64_t{1} << *vector);
}

}  // namespace siov::vdcm
