// SPDX-License-Identifier: Apache-2.0
// HostDriver: interrupt message storage. Only this file writes it, and only with messages of the
// interrupt remapper.
#include <fmt/format.h>

#include <algorithm>

#include "abi/siov_abi.hpp"
#include "common/error.hpp"
#include "vdcm/driver_error.hpp"
#include "vdcm/host_driver.hpp"

namespace siov::vdcm {

namespace {

constexpr std::uint32_t kMask = 1U << (abi::kImsMaskLsb - 96);
constexpr std::uint32_t kPasidEnable = 1U << (abi::kImsPasidEnLsb - 96);
constexpr std::uint64_t kClearedAddress =
    0xFEE00000;  // dsa.md 2.10: reset value; other ranges are ignored
constexpr std::uint32_t kImsOperand = 1U << 16;  // commands 13 and 14: the index is one of IMS

std::uint32_t with_pasid(std::optional<Pasid> pasid) {
  // MSIXPERM has PASID and enable at the same bits as an IMS entry.
  return pasid ? kPasidEnable | pasid->value << (abi::kImsPasidLsb - 96) : 0;
}

}  // namespace

void HostDriver::write_message(std::uint16_t index, std::uint64_t address, std::uint32_t data) {
  write(ims_address(index), 8, address);
  write(ims_address(index) + 8, 4, data);
}

void HostDriver::write_permission(std::uint16_t index, bool masked, std::optional<Pasid> pasid) {
  const std::uint32_t control = ims_address(index) + 12;
  if (has_ims()) {
    write(control, 4, (masked ? kMask : 0) | with_pasid(pasid));
    return;
  }
  if (masked) write(control, 4, kMask);
  write(info_.msixperm_offset + 8U * index, 4, with_pasid(pasid));
  if (!masked) write(control, 4, 0);
}

/// A read pushes the writes before it.
coro::Task<> HostDriver::flush_ims(std::uint16_t index) {
  static_cast<void>(co_await read(ims_address(index) + 12, 4));
}

/// Where the device gives handles out, a handle counts only while it is granted. @spec dsa.md 3.1
/// @param locked the caller holds the command lock
coro::Task<> HostDriver::grant_handle(std::uint8_t code, std::uint16_t index, bool locked) {
  if ((info_.cmdcap >> code & 1) == 0) co_return;
  const std::uint32_t operand = index | (has_ims() ? kImsOperand : 0);
  const CommandResult result =
      locked ? co_await run_command(code, operand) : co_await command(code, operand);
  if (result.error == abi::kCmdErrHalted) co_return;  // recover() sees to it
  if (result.error != 0)
    throw DriverError(fmt::format("command {} for interrupt entry {} ended with error {:#04x}",
                                  code, index, result.error));
  if (code == abi::kCmdRequestIntHandle && result.result != index)
    throw DriverError("an interrupt handle is not its index");
}

std::optional<std::uint16_t> HostDriver::free_ims_from(std::uint16_t index) const {
  std::size_t at = std::max<std::size_t>(index, ims_hint_);
  while (at < ims_.size() && ims_[at].used) ++at;
  if (at >= ims_.size()) return std::nullopt;
  return static_cast<std::uint16_t>(at);
}

void HostDriver::reserve_ims(std::uint16_t index) {
  if (ims_.at(index).used) throw HarnessError("the IMS entry is in use");
  ims_[index].used = true;
  if (index == ims_hint_) ++ims_hint_;
}

coro::Task<std::uint16_t> HostDriver::allocate_ims(Pasid pasid, Platform::Handler handler) {
  const coro::Lock::Guard guard = co_await ims_lock_.scoped();
  std::optional<std::uint16_t> index = free_ims_from(1);
  if (!index && last_ims_free()) index = 0;
  if (!index) throw HarnessError("no free IMS entry");
  reserve_ims(*index);
  co_await program_ims(*index, pasid, std::move(handler));
  co_return *index;
}

coro::Task<> HostDriver::allocate_ims_at(std::uint16_t index, Pasid pasid,
                                         Platform::Handler handler) {
  const coro::Lock::Guard guard = co_await ims_lock_.scoped();
  co_await program_ims(index, pasid, std::move(handler));
}

/// @spec SIOV-H-26
coro::Task<> HostDriver::program_ims(std::uint16_t index, Pasid pasid, Platform::Handler handler) {
  ImsSlot& slot = ims_[index];
  slot.pasid = pasid;
  write_permission(index, true, std::nullopt);
  write_message(index, kClearedAddress, 0);
  write_permission(index, true, pasid);  // PASID before the entry can be unmasked
  slot.message = iommu_.allocate_interrupt(0, static_cast<std::uint8_t>(0x40 + index % 0xA0));
  platform_.connect(iommu_.function(), slot.message.irte_index, std::move(handler));
  write_message(index, slot.message.address, slot.message.data);
  write_permission(index, false, pasid);
  const std::uint32_t at = has_ims() ? ims_address(index) + 12 : info_.msixperm_offset + 8U * index;
  const std::uint64_t control = co_await read(at, 4);  // flush
  if ((control & ~std::uint64_t{2}) != with_pasid(pasid))
    throw DriverError(fmt::format("interrupt entry {} reads back {:#x}", index, control));
  co_await grant_handle(abi::kCmdRequestIntHandle, index);
}

coro::Task<> HostDriver::set_ims_pasid(std::uint16_t index, Pasid pasid) {
  const coro::Lock::Guard guard = co_await ims_lock_.scoped();
  ims_.at(index).pasid = pasid;
  if (has_ims()) {
    const std::uint32_t at = ims_address(index);
    const std::uint64_t old = co_await read(at + 12, 4);
    write(at + 12, 4, (old & ~std::uint64_t{2}) | kMask);
  }
  write_permission(index, true, pasid);
  write_permission(index, false, pasid);
  co_await flush_ims(index);
}

coro::Task<> HostDriver::free_ims(std::uint16_t index) {
  const coro::Lock::Guard guard = co_await ims_lock_.scoped();
  ImsSlot& slot = ims_.at(index);
  if (!slot.used) throw HarnessError("free of an IMS entry that is not allocated");
  co_await grant_handle(abi::kCmdReleaseIntHandle, index);
  write_permission(index, true, std::nullopt);
  write_message(index, kClearedAddress, 0);
  co_await flush_ims(index);
  platform_.disconnect(iommu_.function(), slot.message.irte_index);
  iommu_.free_interrupt(slot.message);
  slot = ImsSlot{};
  if (index != 0) ims_hint_ = std::min(ims_hint_, index);
}

}  // namespace siov::vdcm
