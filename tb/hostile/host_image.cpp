// SPDX-License-Identifier: Apache-2.0
// What the host has programmed.
#include "hostile/host_image.hpp"

#include <fmt/format.h>

#include "abi/siov_abi.hpp"

namespace siov::hostile {

coro::Task<HostImage> HostImage::take(vdcm::HostDriver& driver,
                                      const std::vector<std::unique_ptr<Victim>>& victims) {
  HostImage image;
  port::DevicePort& device = driver.device();
  const vdcm::DeviceInfo& info = driver.info();
  const vdcm::CapabilityList& caps = driver.capabilities();
  const std::pair<const char*, std::uint32_t> config[] = {{"command register", 0x04},
                                                          {"BAR0", 0x10},
                                                          {"BAR2", 0x18},
                                                          {"MSI-X control", caps.msix},
                                                          {"ATS control", caps.ats + 4U},
                                                          {"PRI control", caps.pri + 4U},
                                                          {"PRI allocation", caps.pri + 12U},
                                                          {"PASID control", caps.pasid + 4U}};
  for (const auto& [name, offset] : config) {
    const port::ReadResult read = co_await device.config_read(offset, 4);
    // The status beside the command register tells of refused reads.
    image.values_.emplace_back(name, offset == 0x04 ? read.data & 0xFFFF : read.data);
  }
  std::vector<std::pair<std::string, std::uint32_t>> places{
      {"GENCFG", abi::kRegGencfg},
      {"GENCTRL", abi::kRegGenctrl},
      {"GENSTS", abi::kRegGensts},
      {"EVLCFG", abi::kRegEvlcfg},
      {"EVLCFG", abi::kRegEvlcfg + 8U},
      {"message of vector 0", info.msix_table_offset},
      {"message of vector 0", info.msix_table_offset + 8}};
  for (std::uint32_t at = 0; at < abi::kTblGrpcfgStride; at += 8)
    places.emplace_back("GRPCFG", info.grpcfg_offset + at);
  for (const auto& victim : victims) {
    const auto wq = victim->vdev().queue(0).physical_wq();
    for (std::uint32_t at = 0; wq && at < 24; at += 8)
      places.emplace_back("WQCFG of " + victim->name(),
                          info.wqcfg_offset + info.wq_stride * *wq + at);
    const auto entry = victim->vdev().ims_index(1);
    for (std::uint32_t at = 0; entry && at < 16; at += 8)
      places.emplace_back("interrupt entry of " + victim->name(),
                          info.ims_offset + 16 * *entry + at);
  }
  for (const auto& [name, offset] : places) {
    const port::ReadResult read = co_await device.mmio_read(port::Bar::kControl, offset, 8);
    image.values_.emplace_back(fmt::format("{} ({:#x})", name, offset), read.data);
  }
  co_return image;
}

std::vector<std::string> HostImage::differences(const HostImage& later) const {
  std::vector<std::string> out;
  if (values_.size() != later.values_.size()) out.emplace_back("a victim has other resources");
  for (std::size_t i = 0; i < std::min(values_.size(), later.values_.size()); ++i) {
    if (values_[i].second != later.values_[i].second)
      out.push_back(fmt::format("{} was {:#x} and is {:#x}", values_[i].first, values_[i].second,
                                later.values_[i].second));
  }
  return out;
}

}  // namespace siov::hostile
