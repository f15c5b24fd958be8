// SPDX-License-Identifier: Apache-2.0
// Detection of SIOV, and the SR-IOV capability as far as a host has to touch it.
#include "vdcm/function_mode.hpp"

#include <fmt/format.h>

#include "vdcm/driver_error.hpp"

namespace siov::vdcm {

namespace {

constexpr std::uint16_t kSriovId = 0x0010;
constexpr std::uint32_t kDvsecLength = 0x18;
constexpr std::uint64_t kPageBytes = 4096;

coro::Task<std::uint32_t> read(port::DevicePort& device, std::uint32_t offset, std::uint32_t size) {
  const port::ReadResult r = co_await device.config_read(offset, size);
  if (r.status != port::CompletionStatus::kSuccess) throw DriverError("configuration read failed");
  co_return static_cast<std::uint32_t>(r.data);
}

coro::Task<> write(port::DevicePort& device, std::uint32_t offset, std::uint32_t size,
                   std::uint32_t value) {
  const port::CompletionStatus status = co_await device.config_write(offset, size, value);
  if (status != port::CompletionStatus::kSuccess) throw DriverError("configuration write failed");
}

coro::Task<std::uint32_t> find_extended(port::DevicePort& device, std::uint16_t id) {
  std::uint32_t offset = 0x100;
  for (int steps = 0; offset >= 0x100 && steps < 960; ++steps) {
    const std::uint32_t header = co_await read(device, offset, 4);
    if (header == 0 || header == 0xFFFFFFFF) co_return 0;
    if ((header & 0xFFFF) == id) co_return offset;
    offset = header >> 20 & 0xFFC;
  }
  co_return 0;
}

}  // namespace

coro::Task<Result<SiovSupport, std::string>> detect_siov(port::DevicePort& device,
                                                         CapabilityList list,
                                                         SiovResources resources) {
  using Answer = Result<SiovSupport, std::string>;
  if (list.pasid == 0) {
    Answer none(Failure{std::string("the function has no PASID capability")});
    co_return none;
  }
  SiovSupport support;
  if (list.siov_dvsec != 0) {
    const std::uint32_t base = list.siov_dvsec;
    const std::uint32_t length = co_await read(device, base + 4, 4);
    if (length >> 20 >= kDvsecLength) {
      support.link = static_cast<std::uint8_t>(co_await read(device, base + 0x0A, 1));
      support.dependent = (co_await read(device, base + 0x0B, 1) & 1) != 0;
      support.page_sizes = co_await read(device, base + 0x0C, 4);
      support.ims = (co_await read(device, base + 0x14, 4) & 1) != 0;
      if ((support.page_sizes & 1) == 0) {
        Answer bad(Failure{std::string("the DVSEC does not offer pages of 4 KiB")});  // SIOV-D-02
        co_return bad;
      }
      Answer found(support);
      co_return found;
    }
  }
  // SIOV-H-45: no DVSEC, or one that says nothing.
  support.evidence = SiovEvidence::kResources;
  support.ims = resources.message_entries != 0;
  if (resources.queues == 0 || resources.portal_page_bytes == 0 ||
      resources.portal_page_bytes % kPageBytes != 0) {
    Answer none(
        Failure{fmt::format("the function has no DVSEC, and {} queues with portals {} bytes apart",
                            resources.queues, resources.portal_page_bytes)});
    co_return none;
  }
  Answer found(support);
  co_return found;
}

coro::Task<std::string> set_virtual_functions(port::DevicePort& device, std::uint16_t count) {
  const std::uint32_t base = co_await find_extended(device, kSriovId);
  if (base == 0) {
    co_return count == 0 ? std::string() : std::string("the function has no SR-IOV capability");
  }
  const std::uint32_t total = co_await read(device, base + 0x0E, 2);  // TotalVFs
  if (count > total) co_return fmt::format("{} virtual functions of {}", count, total);
  const std::uint32_t control = co_await read(device, base + 0x08, 2);
  // NumVFs changes only while VF Enable is clear; VF MSE goes with it.
  co_await write(device, base + 0x08, 2, control & ~9U);
  co_await write(device, base + 0x10, 2, count);
  if (count != 0) co_await write(device, base + 0x08, 2, control | 9U);
  co_return std::string();
}

}  // namespace siov::vdcm
