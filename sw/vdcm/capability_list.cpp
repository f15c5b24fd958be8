// SPDX-License-Identifier: Apache-2.0
// Walks of the standard and the extended capability list, and BAR sizing.
#include "vdcm/capability_list.hpp"

#include "vdcm/driver_error.hpp"

namespace siov::vdcm {

namespace {

coro::Task<std::uint32_t> read(port::DevicePort& device, std::uint32_t offset, std::uint32_t size) {
  const port::ReadResult r = co_await device.config_read(offset, size);
  if (r.status != port::CompletionStatus::kSuccess) throw DriverError("configuration read failed");
  co_return static_cast<std::uint32_t>(r.data);
}

coro::Task<> write(port::DevicePort& device, std::uint32_t offset, std::uint32_t value) {
  const port::CompletionStatus status = co_await device.config_write(offset, 4, value);
  if (status != port::CompletionStatus::kSuccess) throw DriverError("configuration write failed");
}

void note_standard(CapabilityList& list, std::uint8_t id, std::uint16_t offset) {
  list.ids.push_back(id);
  if (id == 0x01 && list.power == 0) list.power = offset;
  if (id == 0x10 && list.pcie == 0) list.pcie = offset;
  if (id == 0x11 && list.msix == 0) list.msix = offset;
}

void note_extended(CapabilityList& list, std::uint16_t id, std::uint16_t offset) {
  list.extended_ids.push_back(id);
  if (id == 0x0001 && list.aer == 0) list.aer = offset;
  if (id == 0x000F && list.ats == 0) list.ats = offset;
  if (id == 0x0013 && list.pri == 0) list.pri = offset;
  if (id == 0x001B && list.pasid == 0) list.pasid = offset;
}

coro::Task<> walk_standard(port::DevicePort& device, CapabilityList& list) {
  const std::uint32_t status = co_await read(device, 0x06, 2);
  if ((status & 0x10) == 0) co_return;  // PCIe 7.5.1.1.4: no capability list
  std::uint32_t offset = co_await read(device, 0x34, 1);
  offset &= 0xFC;
  for (int steps = 0; offset != 0; ++steps) {
    if (offset < 0x40 || steps == 48) throw DriverError("standard capability list is broken");
    const std::uint32_t header = co_await read(device, offset, 2);
    note_standard(list, static_cast<std::uint8_t>(header), static_cast<std::uint16_t>(offset));
    offset = header >> 8 & 0xFC;
  }
}

coro::Task<> walk_extended(port::DevicePort& device, CapabilityList& list) {
  std::uint32_t offset = 0x100;
  for (int steps = 0; offset != 0; ++steps) {
    if (offset < 0x100 || steps == 960) throw DriverError("extended capability list is broken");
    const std::uint32_t header = co_await read(device, offset, 4);
    if (header == 0 || header == 0xFFFFFFFF) co_return;  // PCIe 7.6.3: no extended capabilities
    const auto id = static_cast<std::uint16_t>(header);
    note_extended(list, id, static_cast<std::uint16_t>(offset));
    if (id == 0x0023) {
      const std::uint32_t vendor = co_await read(device, offset + 4, 2);
      const std::uint32_t dvsec = co_await read(device, offset + 8, 2);
      if (vendor == 0x8086 && dvsec == 0x0005)
        list.siov_dvsec = static_cast<std::uint16_t>(offset);  // SIOV-D-01
    }
    offset = header >> 20 & 0xFFC;
  }
}

}  // namespace

coro::Task<CapabilityList> walk_capabilities(port::DevicePort& device) {
  CapabilityList list;
  co_await walk_standard(device, list);
  co_await walk_extended(device, list);
  co_return list;
}

coro::Task<std::uint64_t> size_bar(port::DevicePort& device, std::uint32_t offset) {
  const std::uint32_t low = co_await read(device, offset, 4);
  const std::uint32_t high = co_await read(device, offset + 4, 4);
  if ((low & 0x7) != 0x4) throw DriverError("BAR is not a 64-bit memory BAR");
  co_await write(device, offset, 0xFFFFFFFF);
  co_await write(device, offset + 4, 0xFFFFFFFF);
  const std::uint64_t mask_low = co_await read(device, offset, 4);
  const std::uint64_t mask_high = co_await read(device, offset + 4, 4);
  co_await write(device, offset, low);
  co_await write(device, offset + 4, high);
  const std::uint64_t mask = (mask_high << 32 | mask_low) & ~std::uint64_t{0xF};
  if (mask == 0) throw DriverError("BAR does not exist");
  co_return ~mask + 1;
}

}  // namespace siov::vdcm
