// SPDX-License-Identifier: Apache-2.0
// ConfigShadow: what the configuration writes and reads on the link say about the function. Knows
// nothing else.
//
//   shadow.on_write(offset, byte_enables, dword, target, cycle);   // a CfgWr0 goes down
//   if (!shadow.bus_master) ...
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>

#include "common/types.hpp"

namespace siov::check {

class ConfigShadow {
 public:
  // State, public to read. Enables take effect here when the write is sent; *_cycle say when one
  // last went away.
  RequesterId bdf, previous_bdf;
  bool bdf_known = false;
  bool bdf_settled = true;  ///< the write that set bdf has been completed
  bool memory_space = false, bus_master = false, d3hot = false;
  bool bus_master_was_on = false;  ///< since the last FLR or ever
  bool relaxed_ordering = true, no_snoop = true, extended_tag = true, ten_bit_tag = false;
  bool ido_requests = false, ido_completions = false;
  bool pasid = false, pasid_privileged = false, pasid_execute = false;
  bool translated_pasid = false;  ///< Translated Requests with PASID Enable
  bool ats = false, pri = false;
  bool pri_reset = false;               ///< the latest write to the PRI control had Reset set
  std::uint32_t stu = 0;                ///< smallest translation unit, log2 of 4 KiB blocks
  std::uint32_t invalidate_depth = 32;  ///< outstanding Invalidate Requests the device can take
  bool global_invalidate = true;        ///< supported; until the capability has been read
  bool prg_pasid_required = true;       ///< PRG responses carry a PASID; as before
  std::uint32_t page_allocation = 0;    ///< outstanding page requests
  bool msix = false, msix_function_mask = false;
  std::uint32_t max_payload = 128, max_read_request = 512;  ///< [bytes]
  std::uint32_t msix_entries = 0;                           ///< 0: not known
  std::uint32_t msix_table = 0, msix_pending = 0;           ///< offsets in BAR0; 0: not known
  std::uint32_t bar0_bytes = 0;                             ///< from sizing; 0: not known
  std::uint64_t bar0 = 0, bar2 = 0;
  std::uint64_t bus_master_off_cycle = 0, d3_cycle = 0, pasid_off_cycle = 0, msix_off_cycle = 0;
  std::uint64_t ats_off_cycle = 0, pri_off_cycle = 0;
  std::uint64_t flr_cycle = 0;
  bool in_flr = false;  ///< since FLR until Bus Master Enable is set again

  /// A configuration write that will be executed (not poisoned). @return true if it starts an FLR
  bool on_write(std::uint16_t offset, std::uint8_t be, std::uint32_t dword, RequesterId target,
                std::uint64_t cycle);
  void on_write_completed() { bdf_settled = true; }
  /// Control and status of page requests. @spec pcie.md 9.5
  std::uint16_t page_request_status() const { return static_cast<std::uint16_t>(cap_pri_ + 0x04); }

  /// What a read result must have said. Fields: mismatch of a writable field, or a broken list;
  /// empty if all is well.
  struct Finding {
    enum class Kind : std::uint8_t { kNone, kField, kAfterFlr, kList } kind = Kind::kNone;
    std::string text;
  };
  Finding on_read(std::uint16_t offset, std::uint32_t dword);

  /// Whether a message-signalled interrupt may leave.
  bool msix_deliverable() const { return msix && !msix_function_mask && bus_master; }

 private:
  struct Known {
    std::uint32_t value = 0;  ///< expected
    std::uint32_t mask = 0;   ///< bits that are judged
    bool written_since_flr = false;
  };
  Known* known_field(std::uint16_t offset);
  void expect(Known& known, std::uint32_t judged, std::uint8_t be, std::uint32_t dword);
  void flr(std::uint64_t cycle);
  Finding learn(std::uint16_t offset, std::uint32_t dword);
  Finding walk_standard();
  Finding walk_extended();
  void apply_command(std::uint32_t value, std::uint64_t cycle);
  bool apply_translation(const Known* known, std::uint8_t be, std::uint32_t dword,
                         std::uint64_t cycle);
  void learn_translation(std::uint16_t offset, std::uint32_t dword);

  // Where the capabilities are: defaults of dsa.md 1.3 until the host has walked the lists.
  std::uint16_t cap_pcie_ = 0x40, cap_msix_ = 0x80, cap_pm_ = 0x90, cap_pasid_ = 0x230,
                cap_ats_ = 0x220, cap_pri_ = 0x240;
  std::array<std::uint32_t, 1024> seen_{};
  std::bitset<1024> seen_valid_;
  Known command_, bar0_low_, bar0_high_, bar2_low_, bar2_high_, device_control_, device_control2_,
      msix_control_, pasid_control_, pm_control_, ats_control_, pri_control_, pri_allocation_;
  bool list_reported_ = false;
};

}  // namespace siov::check
