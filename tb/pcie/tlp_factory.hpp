// SPDX-License-Identifier: Apache-2.0
// Well-formed TLPs from few arguments, and byte-enable arithmetic.
//
//   const Tlp read = mem_read(device_bdf, tag, 0x1003, 61);                 // byte enables and 3
//   or 4 DW form follow const Tlp write = with_pasid(mem_write(device_bdf, 0x2000, data),
//   Pasid{5}); const Tlp answer = completion(read, host_bdf, CplStatus::kUr);
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "pcie/tlp.hpp"

namespace siov::pcie {

/// Shape of a memory request for a byte range.
struct ByteEnables {
  std::uint8_t first = 0, last = 0;
  std::uint16_t length_dw = 0;
};

/// Byte enables of bytes [address, address + bytes). bytes = 0 gives a zero-length request (1 DW,
/// none enabled).
/// @spec PCIe-6.3 2.2.5
ByteEnables byte_enables(std::uint64_t address, std::uint32_t bytes);

/// Legal combination of Length and byte enables. @spec PCIe-6.3 2.2.5
bool byte_enables_legal(const Tlp& request);

/// Byte Count of the first completion of a memory read, 1..4096. @spec PCIe-6.3 2.3.1.1, table 2-39
std::uint32_t completion_byte_count(const Tlp& request);

/// Lower Address of the first completion of a memory read. @spec PCIe-6.3 2.3.1.1, table 2-40
std::uint8_t completion_lower_address(const Tlp& request);

/// Memory read of any byte range inside 4096 bytes; AT 00, TC 0, no attributes.
Tlp mem_read(RequesterId requester, std::uint16_t tag, std::uint64_t address, std::uint32_t bytes);
/// Memory write of any byte range up to kMaxPayload.
Tlp mem_write(RequesterId requester, std::uint64_t address, std::span<const std::byte> data);
/// Deferrable memory write. @spec PCIe-6.3 6.32
Tlp deferrable_write(RequesterId requester, std::uint16_t tag, std::uint64_t address,
                     std::span<const std::byte> data);

/// What a configuration request aims at.
struct ConfigAccess {
  RequesterId target;
  std::uint32_t offset = 0;  ///< 0..4095, size-aligned
  std::uint32_t size = 4;    ///< 1, 2 or 4 [bytes]
};
/// Type 0 configuration read.
Tlp config_read(RequesterId requester, std::uint16_t tag, const ConfigAccess& access);
/// Type 0 configuration write. @param value  in its low bits, whatever the offset
Tlp config_write(RequesterId requester, std::uint16_t tag, const ConfigAccess& access,
                 std::uint32_t value);

/// Completion without data: TC, RO, NS and transaction id copied; Byte Count and Lower Address as
/// the request demands.
Tlp completion(const Tlp& request, RequesterId completer, CplStatus status);
/// One completion with data: the whole answer, or a piece of a memory read.
/// @param offset  of data in the request's DWs [bytes], multiple of 4
/// @param data    whole DWs
Tlp completion_data(const Tlp& request, RequesterId completer, std::uint32_t offset,
                    std::span<const std::byte> data);

/// Message without data. @param routing  0..5, as Type[2:0]
Tlp message(RequesterId requester, std::uint8_t routing, std::uint8_t code);

/// Makes a message one of vendor-defined type 1, which every receiver that does not know it
/// discards silently. Length and routing stay. @spec PCIe-6.3 2.2.8.6
void make_vendor_defined(Tlp& tlp);

/// The same TLP with a PASID prefix.
Tlp with_pasid(Tlp tlp, Pasid pasid, bool privileged = false);

/// Replaces the payload and Length.
void set_payload(Tlp& tlp, std::span<const std::byte> dws);

}  // namespace siov::pcie
