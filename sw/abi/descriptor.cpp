// SPDX-License-Identifier: Apache-2.0
// Encoding and decoding of descriptors.
#include "abi/descriptor.hpp"

#include <algorithm>

#include "abi/little_endian.hpp"

namespace siov::abi {

void encode(const Descriptor& d, std::span<std::byte, 64> out) {
  const std::uint32_t dword0 =
      (d.pasid.value & 0xFFFFFu) | (d.reserved0 & 0x7FFu) << 20 | (d.privileged ? 0x80000000u : 0u);
  store_le(out.subspan(0), dword0, 4);
  store_le(out.subspan(4), d.flags, 3);
  store_le(out.subspan(7), d.opcode, 1);
  store_le(out.subspan(8), d.completion_address.value, 8);
  store_le(out.subspan(16), d.source.value, 8);
  store_le(out.subspan(24), d.destination.value, 8);
  store_le(out.subspan(32), d.size, 4);
  store_le(out.subspan(36), d.interrupt_handle, 2);
  store_le(out.subspan(38), d.reserved1, 2);
  std::copy(d.op_specific.begin(), d.op_specific.end(), out.begin() + 40);
}

Descriptor decode_descriptor(std::span<const std::byte, 64> in) {
  Descriptor d;
  const auto dword0 = static_cast<std::uint32_t>(load_le(in.subspan(0), 4));
  d.pasid = Pasid{dword0 & 0xFFFFFu};
  d.reserved0 = static_cast<std::uint16_t>(dword0 >> 20 & 0x7FFu);
  d.privileged = dword0 >> 31 != 0;
  d.flags = static_cast<std::uint32_t>(load_le(in.subspan(4), 3));
  d.opcode = static_cast<std::uint8_t>(load_le(in.subspan(7), 1));
  d.completion_address = Iova{load_le(in.subspan(8), 8)};
  d.source = Iova{load_le(in.subspan(16), 8)};
  d.destination = Iova{load_le(in.subspan(24), 8)};
  d.size = static_cast<std::uint32_t>(load_le(in.subspan(32), 4));
  d.interrupt_handle = static_cast<std::uint16_t>(load_le(in.subspan(36), 2));
  d.reserved1 = static_cast<std::uint16_t>(load_le(in.subspan(38), 2));
  std::copy(in.begin() + 40, in.end(), d.op_specific.begin());
  return d;
}

std::array<std::byte, 64> to_line(const Descriptor& descriptor) {
  std::array<std::byte, 64> line;
  encode(descriptor, line);
  return line;
}

}  // namespace siov::abi
