// SPDX-License-Identifier: Apache-2.0
// IommuDriver: the unit's events, fault records.
#include "common/error.hpp"
#include "iommu/register_page.hpp"
#include "vdcm/iommu_driver.hpp"
#include "vdcm/vtd_registers.hpp"

namespace siov::vdcm {

namespace {
constexpr std::uint32_t kEventMasked = 1u << 31;
}

RemappingFault decode_fault(std::uint64_t low, std::uint64_t high) {
  const auto bit = [high](unsigned position) { return (high >> (position - 64) & 1) != 0; };
  RemappingFault fault;
  fault.reason = static_cast<std::uint8_t>(high >> (96 - 64));
  fault.requester = RequesterId{static_cast<std::uint16_t>(high)};
  if (bit(95)) {
    fault.pasid = Pasid{static_cast<std::uint32_t>(high >> (104 - 64) & kMaxPasid)};
    fault.privileged = bit(93);
  }
  fault.access = static_cast<RemappedAccess>((bit(126) ? 2 : 0) | (bit(92) ? 1 : 0));
  fault.address_type = static_cast<std::uint8_t>(high >> (124 - 64) & 3);
  fault.address = Iova{low}.page();
  if (fault.interrupt()) fault.interrupt_index = static_cast<std::uint16_t>(low >> 48);
  return fault;
}

/// Control last, so that the message is whole when it may go out.
void IommuDriver::set_event(std::uint32_t offset, std::uint8_t vector, bool masked) {
  const std::uint32_t destination = options_.event_destination;
  unit_.mmio_write(offset + 4, 4, vector);
  unit_.mmio_write(offset + 8, 4, 0xFEE0'0000u | (destination & 0xFF) << 12);
  unit_.mmio_write(offset + 12, 4, destination & 0xFFFF'FF00u);
  unit_.mmio_write(offset, 4, masked ? kEventMasked : 0);
}

void IommuDriver::start_events() {
  set_event(vtd::kFectl, options_.fault_vector, true);
  if (!extended(vtd::kEcapPrs)) return;
  pages_.enable();
  set_event(vtd::kPectl, options_.page_vector, true);
}

void IommuDriver::connect_events(Platform& platform) {
  if (platform_ != nullptr) throw HarnessError("the events are connected already");
  platform_ = &platform;
  platform.connect_vector(options_.fault_vector, [this] { fault_event(); });
  platform.connect_vector(options_.page_vector, [this] {
    if (page_event_) {
      page_event_();
    } else {
      pages_.run();
    }
  });
  set_event(vtd::kFectl, options_.fault_vector, false);
  if (extended(vtd::kEcapPrs)) set_event(vtd::kPectl, options_.page_vector, false);
}

/// Whatever stays pending keeps the next event away.
void IommuDriver::fault_event() {
  ring_.check_devices();
  for (const RemappingFault& fault : take_faults()) {
    if (fault_listener_) fault_listener_(fault);
  }
}

std::vector<RemappingFault> IommuDriver::take_faults() {
  std::vector<RemappingFault> faults;
  const auto base = static_cast<std::uint32_t>(capability(vtd::kCapFro, 10) * 16);
  const auto count = static_cast<std::uint32_t>(capability(vtd::kCapNfr, 8) + 1);
  const std::uint64_t status = unit_.mmio_read(vtd::kFsts, 4);
  auto index = static_cast<std::uint32_t>(status >> 8 & 0xFF);
  for (std::uint32_t i = 0; i < count; ++i, index = (index + 1) % count) {
    const std::uint32_t at = base + 16 * (index % count);
    const std::uint64_t top = unit_.mmio_read(at + 12, 4);
    if (top >> 31 == 0) continue;
    const std::uint64_t high = top << 32 | unit_.mmio_read(at + 8, 4);
    faults.push_back(decode_fault(unit_.mmio_read(at, 8), high));
    unit_.mmio_write(at + 12, 4, 1u << 31);
  }
  if ((unit_.mmio_read(vtd::kFsts, 4) & vtd::kFaultOverflow) != 0) {
    ++fault_overflows_;
    unit_.mmio_write(vtd::kFsts, 4, vtd::kFaultOverflow);
  }
  return faults;
}

}  // namespace siov::vdcm
