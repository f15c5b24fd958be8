// SPDX-License-Identifier: Apache-2.0
// HostDriver: interrupt message storage. Only this file writes it, and only with messages of the
// interrupt remapper.
#include <fmt/format.h>

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

std::uint32_t with_pasid(Pasid pasid) {
  return kPasidEnable | pasid.value << (abi::kImsPasidLsb - 96);
}

}  // namespace

coro::Task<std::uint16_t> HostDriver::allocate_ims(Pasid pasid, Platform::Handler handler) {
  const coro::Lock::Guard guard = co_await ims_lock_.scoped();
  std::uint16_t index = 1;  // entry 0 is never given to a guest
  while (index < ims_.size() && ims_[index].used) ++index;
  if (index >= ims_.size()) throw HarnessError("no free IMS entry");
  ImsSlot& slot = ims_[index];
  slot.used = true;
  const std::uint32_t at = ims_address(index);
  write(at + 12, 4, kMask);
  write(at, 8, kClearedAddress);
  write(at + 8, 4, 0);
  write(at + 12, 4,
        kMask | with_pasid(pasid));  // SIOV-H-26: PASID before the entry can be unmasked
  slot.message = iommu_.allocate_interrupt(0, static_cast<std::uint8_t>(0x40 + index % 0xA0));
  platform_.connect(slot.message.irte_index, std::move(handler));
  write(at, 8, slot.message.address);
  write(at + 8, 4, slot.message.data);
  write(at + 12, 4, with_pasid(pasid));
  const std::uint64_t control = co_await read(at + 12, 4);  // flush
  if ((control & ~std::uint64_t{2}) != with_pasid(pasid))
    throw DriverError(fmt::format("IMS entry {} reads back {:#x}", index, control));
  co_return index;
}

coro::Task<> HostDriver::set_ims_pasid(std::uint16_t index, Pasid pasid) {
  const coro::Lock::Guard guard = co_await ims_lock_.scoped();
  const std::uint32_t at = ims_address(index);
  const std::uint64_t old = co_await read(at + 12, 4);
  write(at + 12, 4, (old & ~std::uint64_t{2}) | kMask);
  write(at + 12, 4, kMask | with_pasid(pasid));
  write(at + 12, 4, with_pasid(pasid));
  co_await read(at + 12, 4);
}

coro::Task<> HostDriver::free_ims(std::uint16_t index) {
  const coro::Lock::Guard guard = co_await ims_lock_.scoped();
  ImsSlot& slot = ims_.at(index);
  if (!slot.used) throw HarnessError("free of an IMS entry that is not allocated");
  const std::uint32_t at = ims_address(index);
  write(at + 12, 4, kMask);
  write(at, 8, kClearedAddress);
  write(at + 8, 4, 0);
  co_await read(at + 12, 4);
  platform_.disconnect(slot.message.irte_index);
  iommu_.free_interrupt(slot.message);
  slot = ImsSlot{};
}

}  // namespace siov::vdcm
