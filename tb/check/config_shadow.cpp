// SPDX-License-Identifier: Apache-2.0
// ConfigShadow: fields of pcie.md 10 that rules need, kept from writes; expected read values;
// capability lists.
#include "check/config_shadow.hpp"

#include <fmt/format.h>

namespace siov::check {

namespace {

std::uint32_t byte_mask(std::uint8_t be) {
  std::uint32_t mask = 0;
  for (unsigned i = 0; i < 4; ++i) mask |= (be >> i & 1u) != 0 ? 0xFFu << (8 * i) : 0u;
  return mask;
}

std::uint32_t merge(std::uint32_t old, std::uint8_t be, std::uint32_t dword) {
  return (old & ~byte_mask(be)) | (dword & byte_mask(be));
}

// Writable bits that are judged on read-back. @spec pcie.md 10.1, 10.2, 10.4, 9.5
constexpr std::uint32_t kCommandBits = 0x0006;  // MSE, BME
constexpr std::uint32_t kDeviceControlBits =
    0x0000'7810;  // MRRS 14:12, NoSnoop 11, RO 4 (MPS: see max payload below)
constexpr std::uint32_t kMpsBits = 0x0000'00E0;
constexpr std::uint32_t kMsixBits = 0xC000'0000;   // Enable, Function Mask in the upper half of DW0
constexpr std::uint32_t kPasidBits = 0x0005'0000;  // Enable, Privileged in the upper half of +4
constexpr std::uint32_t kAtsBits = 0x801F'0000;    // Enable, STU in the upper half of +4
constexpr std::uint32_t kPriBits = 0x0000'0001;    // Enable
constexpr std::uint32_t kFlrBit = 0x0000'8000;
constexpr std::uint32_t kBarBits = 0xFFFF'0000;  // above the smallest BAR of this interface, 64 KiB

}  // namespace

ConfigShadow::Known* ConfigShadow::known_field(std::uint16_t offset) {
  if (offset == 0x04) return &command_;
  if (offset == 0x10) return &bar0_low_;
  if (offset == 0x14) return &bar0_high_;
  if (offset == 0x18) return &bar2_low_;
  if (offset == 0x1C) return &bar2_high_;
  if (offset == cap_pcie_ + 0x08) return &device_control_;
  if (offset == cap_pcie_ + 0x28) return &device_control2_;
  if (offset == cap_msix_) return &msix_control_;
  if (offset == cap_pm_ + 0x04) return &pm_control_;
  if (cap_pasid_ != 0 && offset == cap_pasid_ + 0x04) return &pasid_control_;
  if (cap_ats_ != 0 && offset == cap_ats_ + 0x04) return &ats_control_;
  if (cap_pri_ != 0 && offset == cap_pri_ + 0x04) return &pri_control_;
  if (cap_pri_ != 0 && offset == cap_pri_ + 0x0C) return &pri_allocation_;
  return nullptr;
}

/// @return whether the register belongs to address translation. @spec pcie.md 9.5
bool ConfigShadow::apply_translation(const Known* known, std::uint8_t be, std::uint32_t dword,
                                     std::uint64_t cycle) {
  if (known == &ats_control_) {
    expect(ats_control_, kAtsBits, be, dword);
    const bool on = ats_control_.value >> 31 != 0;
    if (ats && !on) ats_off_cycle = cycle;
    ats = on;
    stu = ats_control_.value >> 16 & 0x1F;
  } else if (known == &pri_control_) {
    expect(pri_control_, kPriBits, be, dword);
    const bool on = (pri_control_.value & 1) != 0;
    if (pri && !on) pri_off_cycle = cycle;
    pri = on;
    pri_reset = (byte_mask(be) & 2) != 0 && (dword & 2) != 0;
  } else if (known == &pri_allocation_) {
    expect(pri_allocation_, 0, be, dword);
    page_allocation = pri_allocation_.value;
  } else {
    return false;
  }
  return true;
}

void ConfigShadow::learn_translation(std::uint16_t offset, std::uint32_t dword) {
  if (offset == cap_ats_ + 0x04) {
    invalidate_depth = (dword & 0x1F) == 0 ? 32 : dword & 0x1F;
    global_invalidate = (dword >> 6 & 1) != 0;
  } else if (offset == cap_pri_ + 0x04) {
    prg_pasid_required = dword >> 31 != 0;
  }
}

void ConfigShadow::expect(Known& known, std::uint32_t judged, std::uint8_t be,
                          std::uint32_t dword) {
  known.value = merge(known.value, be, dword);
  known.mask |= judged & byte_mask(be);
  known.written_since_flr = true;
}

void ConfigShadow::apply_command(std::uint32_t value, std::uint64_t cycle) {
  memory_space = (value & 2) != 0;
  const bool on = (value & 4) != 0;
  if (bus_master && !on) bus_master_off_cycle = cycle;
  bus_master = on;
  bus_master_was_on |= on;
  if (on) in_flr = false;
}

bool ConfigShadow::on_write(std::uint16_t offset, std::uint8_t be, std::uint32_t dword,
                            RequesterId target, std::uint64_t cycle) {
  if (!bdf_known || target != bdf) {
    previous_bdf = bdf;  // 0 before the first write. @spec pcie.md 5 (CompleterID)
    bdf = target;
    bdf_known = true;
    bdf_settled = false;
  }
  Known* known = known_field(offset);
  if (known == nullptr) return false;
  if (apply_translation(known, be, dword, cycle)) return false;
  if (known == &command_) {
    expect(command_, kCommandBits, be, dword);
    apply_command(command_.value, cycle);
  } else if (known == &bar0_low_ || known == &bar2_low_) {
    expect(*known, kBarBits, be, dword);
    std::uint64_t& bar = known == &bar0_low_ ? bar0 : bar2;
    bar = (bar & ~std::uint64_t{0xFFFF'FFFF}) | (known->value & ~std::uint32_t{0xF});
    known->mask &= known->value == 0xFFFF'FFF0 || known->value == 0xFFFF'FFFF
                       ? 0
                       : ~0u;  // sizing is not judged
  } else if (known == &bar0_high_ || known == &bar2_high_) {
    expect(*known, 0xFFFF'FFFF, be, dword);
    std::uint64_t& bar = known == &bar0_high_ ? bar0 : bar2;
    bar = (bar & 0xFFFF'FFFF) | std::uint64_t{known->value} << 32;
  } else if (known == &device_control_) {
    const bool starts_flr = (dword & kFlrBit & byte_mask(be)) != 0;
    expect(*known, kDeviceControlBits | kMpsBits, be, dword);
    if (byte_mask(be) & 0x0000'00FF) {
      max_payload = 128u << (known->value >> 5 & 7);
      relaxed_ordering = (known->value & 0x10) != 0;
    }
    if (byte_mask(be) & 0x0000'FF00) {
      extended_tag = (known->value & 0x100) != 0;
      no_snoop = (known->value & 0x800) != 0;
      max_read_request = 128u << (known->value >> 12 & 7);
    }
    if (starts_flr) {
      flr(cycle);
      return true;
    }
  } else if (known == &device_control2_) {
    expect(*known, 0, be, dword);
    ido_requests = (known->value & 0x100) != 0;
    ido_completions = (known->value & 0x200) != 0;
    ten_bit_tag = (known->value & 0x1000) != 0;
  } else if (known == &msix_control_) {
    expect(*known, kMsixBits, be, dword);
    const bool deliverable = msix && !msix_function_mask;
    msix = known->value >> 31 != 0;
    msix_function_mask = (known->value >> 30 & 1) != 0;
    if (deliverable && !(msix && !msix_function_mask)) msix_off_cycle = cycle;
  } else if (known == &pm_control_) {
    expect(*known, 0, be, dword);
    const bool d3 = (known->value & 3) == 3;
    if (d3 && !d3hot) d3_cycle = cycle;
    d3hot = d3;
  } else if (known == &pasid_control_) {
    expect(*known, kPasidBits, be, dword);
    const bool on = (known->value >> 16 & 1) != 0;
    if (pasid && !on) pasid_off_cycle = cycle;
    pasid = on;
    pasid_execute = (known->value >> 17 & 1) != 0;
    pasid_privileged = (known->value >> 18 & 1) != 0;
    translated_pasid = (known->value >> 19 & 1) != 0;
  }
  return false;
}

void ConfigShadow::flr(std::uint64_t cycle) {
  flr_cycle = cycle;
  in_flr = true;
  const std::uint32_t kept_mps = device_control_.value & kMpsBits;
  command_ = {0, kCommandBits, false};
  bar0_low_ = {0, kBarBits, false};
  bar2_low_ = {0, kBarBits, false};
  bar0_high_ = {0, 0xFFFF'FFFF, false};
  bar2_high_ = {0, 0xFFFF'FFFF, false};
  device_control_ = {kept_mps, kMpsBits, false};  // MPS survives FLR. @spec pcie.md 10.7
  msix_control_ = {0, kMsixBits, false};
  pasid_control_ = {0, kPasidBits, false};
  ats_control_ = {0, kAtsBits, false};
  pri_control_ = {0, kPriBits, false};
  pri_allocation_ = {};
  if (ats) ats_off_cycle = cycle;
  if (pri) pri_off_cycle = cycle;
  ats = pri = pri_reset = translated_pasid = false;
  stu = page_allocation = 0;
  device_control2_ = pm_control_ = {};
  memory_space = bus_master = bus_master_was_on = d3hot = pasid = pasid_privileged = pasid_execute =
      false;
  msix = msix_function_mask = ido_requests = ido_completions = ten_bit_tag = false;
  relaxed_ordering = no_snoop = extended_tag = true;
  max_read_request = 512;
  bar0 = bar2 = 0;
}

ConfigShadow::Finding ConfigShadow::on_read(std::uint16_t offset, std::uint32_t dword) {
  if (Known* known = known_field(offset); known != nullptr && known->mask != 0) {
    const std::uint32_t wrong = (dword ^ known->value) & known->mask;
    if (wrong != 0) {
      const std::uint32_t expected = known->value;
      const bool written = known->written_since_flr;
      known->mask &= ~wrong;  // say it once
      return {written ? Finding::Kind::kField : Finding::Kind::kAfterFlr,
              fmt::format("register {:#x} reads {:#010x}, expected {:#010x} in the bits {:#010x}",
                          offset, dword, expected, wrong)};
    }
  }
  const bool sizing = bar0_low_.value >= 0xFFFF'FFF0;
  if (offset == 0x10 && sizing && (dword & ~0xFu) != 0) bar0_bytes = ~(dword & ~0xFu) + 1;
  return learn(offset, dword);
}

ConfigShadow::Finding ConfigShadow::learn(std::uint16_t offset, std::uint32_t dword) {
  learn_translation(offset, dword);
  const std::size_t index = offset / 4u;
  if (seen_valid_[index] && seen_[index] == dword) return {};
  seen_[index] = dword;
  seen_valid_[index] = true;
  if (list_reported_) return {};
  Finding finding = offset < 0x100 ? walk_standard() : walk_extended();
  list_reported_ = finding.kind == Finding::Kind::kList;
  return finding;
}

ConfigShadow::Finding ConfigShadow::walk_standard() {
  if (!seen_valid_[0x34 / 4]) return {};
  std::uint32_t at = seen_[0x34 / 4] & 0xFF;
  for (unsigned hops = 0; at != 0; ++hops) {
    if (at < 0x40 || (at & 3) != 0)
      return {Finding::Kind::kList,
              fmt::format("capability pointer {:#x} is below 0x40 or unaligned", at)};
    if (hops > 48)
      return {Finding::Kind::kList,
              fmt::format("capability list does not end; it comes back to {:#x}", at)};
    if (!seen_valid_[at / 4]) return {};
    const std::uint32_t header = seen_[at / 4];
    const auto offset = static_cast<std::uint16_t>(at);
    if ((header & 0xFF) == 0x10) cap_pcie_ = offset;
    if ((header & 0xFF) == 0x01) cap_pm_ = offset;
    if ((header & 0xFF) == 0x11) {
      cap_msix_ = offset;
      msix_entries = (header >> 16 & 0x7FF) + 1;
      if (seen_valid_[at / 4 + 1]) msix_table = seen_[at / 4 + 1] & ~7u;
      if (seen_valid_[at / 4 + 2]) msix_pending = seen_[at / 4 + 2] & ~7u;
    }
    at = header >> 8 & 0xFF;
  }
  return {};
}

ConfigShadow::Finding ConfigShadow::walk_extended() {
  std::uint32_t at = 0x100;
  for (unsigned hops = 0; at != 0; ++hops) {
    if (at < 0x100 || (at & 3) != 0)
      return {Finding::Kind::kList,
              fmt::format("extended capability pointer {:#x} is below 0x100 or unaligned", at)};
    if (hops > 960)
      return {Finding::Kind::kList,
              fmt::format("extended capability list does not end; it comes back to {:#x}", at)};
    if (!seen_valid_[at / 4]) return {};
    const std::uint32_t header = seen_[at / 4];
    if ((header & 0xFFFF) == 0x1B) cap_pasid_ = static_cast<std::uint16_t>(at);
    if ((header & 0xFFFF) == 0x0F) cap_ats_ = static_cast<std::uint16_t>(at);
    if ((header & 0xFFFF) == 0x13) cap_pri_ = static_cast<std::uint16_t>(at);
    at = header >> 20;
  }
  return {};
}

}  // namespace siov::check
