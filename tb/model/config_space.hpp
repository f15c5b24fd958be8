// SPDX-License-Identifier: Apache-2.0
// ConfigSpace: the 4 KiB configuration space as bytes with write masks, and what the rest of the
// device asks of it. A build without ATS leaves the ATS and PRI capabilities out of the list.
//
//   ConfigSpace space(config);
//   space.write(0x04, 2, 0x0006);           // memory space and bus master enable
//   if (space.bus_master()) ...
#pragma once

#include <array>
#include <cstdint>

#include "model/device_config.hpp"

namespace siov::model {

class ConfigSpace {
 public:
  static constexpr std::uint32_t kBytes = 4096;

  explicit ConfigSpace(const DeviceConfig& config);

  /// @param offset  size-aligned  @param size  1, 2 or 4 [bytes]
  std::uint32_t read(std::uint32_t offset, std::uint32_t size) const;
  /// @return true if the write asks for a function level reset
  [[nodiscard]] bool write(std::uint32_t offset, std::uint32_t size, std::uint32_t value);
  /// Function level reset: everything but what is sticky or describes the link. @spec
  /// PCIe-6.3 6.6.2
  void reset();

  /// Memory requests to the function are answered.
  bool memory_space() const;
  /// The function may send memory requests.
  bool bus_master() const;
  bool pasid_enabled() const;
  bool pasid_privileged() const;
  bool ats_enabled() const;
  /// The enable bit alone.
  bool pri_enable_bit() const;
  /// Page requests may be sent; without ATS the enable bit is ignored. @spec DSA 1.4
  bool pri_enabled() const { return ats_enabled() && pri_enable_bit(); }
  /// Page requests that may be outstanding.
  std::uint32_t page_allocation() const;
  void note_unexpected_group();
  void note_response_failure();
  void set_page_requests_stopped(bool stopped);
  /// Failure, unexpected index and stopped are cleared: the interface has been enabled.
  void clear_page_status();
  /// Whether a reset of the page request interface has been written since the last call.
  bool take_page_reset();
  bool msix_enabled() const;
  bool msix_function_mask() const;
  std::uint64_t bar0() const;
  std::uint64_t bar2() const;
  /// Notes an unsupported request. @param posted  a dropped write, else answered with a completion
  void note_unsupported(bool posted);
  void set_transactions_pending(bool pending);

 private:
  void put(std::uint32_t offset, std::uint32_t value, std::uint32_t writable = 0,
           std::uint32_t write_one_clears = 0);
  void define_header();
  void define_capabilities();
  void define_extended();
  bool d3hot() const;

  DeviceConfig config_;
  Bar0Layout layout_;
  std::array<std::uint8_t, kBytes> value_{};
  std::array<std::uint8_t, kBytes> writable_{};
  std::array<std::uint8_t, kBytes> clears_{};
  bool page_reset_ = false;
};

}  // namespace siov::model
