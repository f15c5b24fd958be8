// SPDX-License-Identifier: Apache-2.0
// HostConfig: how the host driver sets the physical function up: link parameters, groups, work
// queues.
//
//   vdcm::HostConfig config;
//   config.groups = {vdcm::GroupConfig{0xF}};
//   config.wqs = {vdcm::WqConfig::dedicated(32, 0), vdcm::WqConfig::shared(64, 0, 48)};
#pragma once

#include <cstdint>
#include <vector>

#include "common/types.hpp"

namespace siov::vdcm {

enum class WqMode : std::uint8_t { kShared = 0, kDedicated = 1 };

/// One physical work queue; index in HostConfig::wqs is the WQ number. @spec dsa.md 2.9
struct WqConfig {
  std::uint16_t size = 16;  ///< entries
  WqMode mode = WqMode::kDedicated;
  std::uint16_t threshold = 0;  ///< shared: occupancy at which the limited portal answers Retry
  std::uint8_t priority = 8;    ///< 1..15
  std::uint8_t group = 0;
  std::uint8_t max_transfer_log2 = 21;
  std::uint8_t max_batch_log2 = 5;
  std::uint64_t operations = 0;  ///< mask of opcodes allowed, needs OPCFG; 0: as after reset, all
  bool block_on_fault = false;   ///< descriptors may wait for pages; needs HostConfig::pri
  bool ats_disable = false;      ///< untranslated requests only, needs WQCAP 50
  bool prs_disable = false;      ///< no page requests, needs WQCAP 55

  static WqConfig dedicated(std::uint16_t size, std::uint8_t group) {
    WqConfig config;
    config.size = size;
    config.group = group;
    return config;
  }
  static WqConfig shared(std::uint16_t size, std::uint8_t group, std::uint16_t threshold) {
    WqConfig config;
    config.size = size;
    config.mode = WqMode::kShared;
    config.threshold = threshold;
    config.group = group;
    return config;
  }
};

/// Engines and traffic classes of one group; index in HostConfig::groups is the group number. @spec
/// dsa.md 2.8
struct GroupConfig {
  std::uint64_t engines = 1;  ///< bitmap
  std::uint8_t traffic_class_a = 0;
  std::uint8_t traffic_class_b = 0;
  std::uint8_t read_buffers_allowed = 0;  ///< 0: as after reset, all
  std::uint8_t read_buffers_reserved = 0;
};

/// ATS is enabled after PASID, PRI after ATS; all are off again only when the device is quiet.
/// @spec pcie.md 9.5, SIOV-P-15
struct HostConfig {
  std::uint64_t bar0_base =
      0x3800'0000'0000;  ///< host address given to BAR0; aligned to its size by the driver
  std::uint64_t bar2_base = 0x3800'1000'0000;
  std::uint32_t max_payload = 256;       ///< [bytes] 128, 256, 512
  std::uint32_t max_read_request = 512;  ///< [bytes] 128..4096
  bool relaxed_ordering = true;
  bool ats = false;  ///< the device may ask for translations and cache them
  bool pri = false;  ///< the device may ask for pages; needs ats
  /// Page requests that may be outstanding, 0: as many as the device can. @spec PCIe-6.3 7.8.9
  std::uint32_t page_request_allocation = 0;
  bool poll_commands = false;  ///< wait for commands by reading CMDSTATUS instead of the interrupt
  std::uint64_t command_timeout_ns = 2'000'000;
  std::vector<GroupConfig> groups = {GroupConfig{}};
  std::vector<WqConfig> wqs = {WqConfig{}};
};

}  // namespace siov::vdcm
