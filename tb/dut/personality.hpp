// SPDX-License-Identifier: Apache-2.0
// Personality: the parameters of a Verilated device, as rtl/personalities.txt gives them.
//
//   const dut::Personality& p = dut::personality("small");
//   auto device = dut::make_device(p.name, options);   // p.num_wq queues behind p.link_bits
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace siov::dut {

/// Members carry the names of the parameters of siov_device. A parameter that the table does not
/// name is 0.
struct Personality {
  std::string_view name;
  std::uint32_t num_wq = 0;      ///< 1..128
  std::uint32_t num_groups = 0;  ///< 1..16
  std::uint32_t num_engines = 0;
  std::uint32_t wq_entries = 0;  ///< of all queues together
  std::uint32_t read_buffers = 0;
  std::uint32_t ims_entries = 0;  ///< 0: no interrupt message storage
  std::uint32_t msix_vectors = 0;
  std::uint32_t link_bits = 0;        ///< 256 or 512
  std::uint32_t tags_per_engine = 0;  ///< 64; 256: 10-bit tags supported
  std::uint32_t ring_lines = 0;       ///< reorder store of an engine [64 bytes]
  std::uint32_t jobs_per_engine = 0;
  bool opcfg = false;
  bool evl = false;
  bool evl_overflow = false;
  bool cmd_cap = false;
  bool batch1 = false;
  bool drain_readback = false;
  bool fill16 = false;
  bool crc64 = false;
  bool ats = false;               ///< ATS, PRI, block on fault
  std::uint32_t atc_entries = 0;  ///< translations cached; only with ats
  std::uint32_t page_slots = 0;   ///< page requests outstanding; only with ats

  /// Size of BAR0: the wide register layout is for what does not fit the default one [bytes].
  /// @spec dsa 2.5
  constexpr std::uint32_t bar0_bytes() const {
    return num_wq > 16 || msix_vectors > 64 || num_groups > 8 || ims_entries > 2560 ? 0x40000
                                                                                    : 0x10000;
  }
};

/// All of them, in the order of the table.
std::span<const Personality> personalities();
/// @throws HarnessError when there is none of this name
const Personality& personality(std::string_view name);

}  // namespace siov::dut
