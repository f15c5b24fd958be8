// SPDX-License-Identifier: Apache-2.0
// TLPs of address translation services and page requests: built from the port's structures, and
// taken apart. Field positions are here and nowhere else on the C++ side. @spec pcie.md 9
//
//   const Tlp ask = translation_request(device, tag, {.address = page, .pasid = Pasid{5}});
//   const Tlp answer = translation_completion(ask, host, entry, rcb);
//   down.push_posted(invalidate_request(host, {.device = device, .itag = 3, .address = page}));
#pragma once

#include <cstdint>
#include <optional>

#include "pcie/tlp.hpp"
#include "port/ats_port.hpp"

namespace siov::pcie {

// Message codes. @spec pcie.md 9.3, 9.4
inline constexpr std::uint8_t kMsgInvalidateRequest = 0x01;
inline constexpr std::uint8_t kMsgInvalidateCompletion = 0x02;
inline constexpr std::uint8_t kMsgPageRequest = 0x04;
inline constexpr std::uint8_t kMsgPageResponse = 0x05;

// Message routing, Type[2:0]. @spec PCIe-6.3 2.2.8
inline constexpr std::uint8_t kRouteToRoot = 0;
inline constexpr std::uint8_t kRouteById = 2;

// Values of the AT field. @spec PCIe-6.3 2.2.4.1
inline constexpr std::uint8_t kAtUntranslated = 0, kAtRequest = 1, kAtTranslated = 2;

inline constexpr std::uint32_t kEntryBytes = 8;  ///< of one translation [bytes]

/// Bytes that a translation entry or an Invalidate Request covers: 4096 without the size bit, else
/// coded by the lowest zero address bit from 12 up. Address bits 62:12 all ones and bit 63 zero
/// give 2^64, which is returned as 0: everything. @spec pcie.md 9.2, 9.3
std::uint64_t coded_bytes(std::uint64_t address, bool size);

/// Start of that range: the address without its size code.
std::uint64_t coded_start(std::uint64_t address, bool size);

/// Memory read with AT = 01 for one translation. NW is bit 0 of the last address DW.
Tlp translation_request(std::uint16_t tag, const port::TranslationRequest& request);
/// Fields of a translation request (type memory read, AT = 01).
port::TranslationRequest translation_of(const Tlp& request);
/// Length even, at most one read completion boundary, byte enables all ones: otherwise Malformed.
/// @param rcb  read completion boundary of the root complex [bytes]
bool translation_request_legal(const Tlp& request, std::uint32_t rcb);
/// One entry as the last bytes of a block of `rcb` bytes, big-endian. @spec vtd.md 4.6
Tlp translation_completion(const Tlp& request, RequesterId completer, std::uint64_t entry,
                           std::uint32_t rcb);
/// Eight payload bytes from `offset` as a big-endian value.
std::uint64_t big_endian_entry(const Tlp& tlp, std::uint32_t offset = 0);

Tlp invalidate_request(RequesterId host, const port::InvalidateRequest& request);
/// Null if this is no well-formed Invalidate Request (code, routing, payload of 8 bytes).
std::optional<port::InvalidateRequest> invalidate_request_of(const Tlp& tlp);

/// @param host  requester of the invalidations that are acknowledged
Tlp invalidate_completion(RequesterId host, const port::InvalidateCompletion& completion);
/// Null if this is no well-formed Invalidate Completion (code, routing, no payload, some ITag).
std::optional<port::InvalidateCompletion> invalidate_completion_of(const Tlp& tlp);
/// Where an Invalidate Completion or a PRG Response is routed to.
RequesterId message_target(const Tlp& tlp);

Tlp page_request(const port::PageRequest& request);
/// Null if this is no well-formed Page Request (code, routing, no payload).
std::optional<port::PageRequest> page_request_of(const Tlp& tlp);

Tlp page_response(RequesterId host, const port::PageGroupResponse& response);
/// Null if this is no well-formed PRG Response (code, routing, no payload).
std::optional<port::PageGroupResponse> page_response_of(const Tlp& tlp);

/// R = W = 0 and L = 1: the PASID asks for no more pages. @spec pcie.md 9.4
inline bool is_stop_marker(const port::PageRequest& request) {
  return request.last && !request.read && !request.write;
}

/// A message of 9.3 or 9.4 with bits set that it reserves.
bool message_reserved_bits(const Tlp& tlp);

/// Message with one of the four codes above.
bool is_ats_message(const Tlp& tlp);

}  // namespace siov::pcie
