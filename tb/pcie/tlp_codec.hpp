// SPDX-License-Identifier: Apache-2.0
// Tlp fields <-> header DWs, bit-exact. The payload travels beside the header and is not touched.
//
//   const WireHeader wire = encode(tlp);
//   Tlp seen;
//   decode(wire, seen);              // then set seen.payload and seen.payload_bytes
#pragma once

#include <array>
#include <cstdint>

#include "pcie/tlp.hpp"

namespace siov::pcie {

/// Header as on the wire: DW0 first, bit 31 of a DW = bit 7 of its first byte. dw[3] is 0 in 3 DW
/// forms.
struct WireHeader {
  std::array<std::uint32_t, 4> dw{};
  bool prefix_valid = false;
  std::uint32_t prefix = 0;
  bool operator==(const WireHeader&) const = default;
};

/// First byte of the PASID prefix. @spec PCIe-6.3 2.2.10.4
inline constexpr std::uint32_t kPasidPrefixByte = 0x91;

/// Fmt and Type of a TLP: of its type, four_dw and message_routing; of fmt_type for kUnknown.
std::uint8_t fmt_type_of(const Tlp& tlp);

/// Builds the header. tlp.fmt_type counts only for kUnknown; prefix.raw, reserved_bits_set and
/// has_data never count.
WireHeader encode(const Tlp& tlp);

/// Fills every field except the payload; payload_bytes becomes 0. Undefined Fmt:Type codes give
/// kUnknown (with fmt_type, and the fields that all TLPs share). A prefix of another kind than
/// PASID gives prefix.present with prefix.raw and the other fields 0.
void decode(const WireHeader& wire, Tlp& out);

}  // namespace siov::pcie
