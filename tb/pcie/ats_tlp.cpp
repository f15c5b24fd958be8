// SPDX-License-Identifier: Apache-2.0
// Bit positions of pcie.md 9, transcribed by hand (nothing is shared with the RTL).
#include "pcie/ats_tlp.hpp"

#include <array>
#include <bit>

#include "pcie/tlp_codec.hpp"
#include "pcie/tlp_factory.hpp"

namespace siov::pcie {
namespace {

constexpr std::uint64_t kPage = 4096;

std::optional<Pasid> pasid_of(const Tlp& tlp) {
  if (!tlp.prefix.present) return std::nullopt;
  return Pasid{tlp.prefix.pasid};
}

Tlp prefixed(const Tlp& tlp, const std::optional<Pasid>& pasid, bool privileged = false) {
  return pasid ? with_pasid(tlp, *pasid, privileged) : tlp;
}

bool is_message(const Tlp& tlp, std::uint8_t code, std::uint8_t routing, bool payload) {
  const TlpType type = payload ? TlpType::kMessageData : TlpType::kMessage;
  return tlp.type == type && tlp.message_code == code && tlp.message_routing == routing &&
         tlp.payload_bytes == (payload ? kEntryBytes : 0);
}

std::array<std::byte, kEntryBytes> big_endian(std::uint64_t value) {
  std::array<std::byte, kEntryBytes> bytes;
  for (unsigned i = 0; i < kEntryBytes; ++i)
    bytes[i] = static_cast<std::byte>(value >> (56 - 8 * i));
  return bytes;
}

}  // namespace

std::uint64_t coded_bytes(std::uint64_t address, bool size) {
  if (!size) return kPage;
  const int ones = std::countr_one(address >> 12);
  if (ones >= 51) return 0;
  return kPage << (ones + 1);
}

std::uint64_t coded_start(std::uint64_t address, bool size) {
  const std::uint64_t bytes = coded_bytes(address, size);
  return bytes == 0 ? 0 : address & ~(bytes - 1);
}

Tlp translation_request(std::uint16_t tag, const port::TranslationRequest& request) {
  Tlp tlp = mem_read(request.requester, tag, request.address.value, kEntryBytes);
  tlp.at = kAtRequest;
  tlp.ph = request.no_write ? 1 : 0;
  return prefixed(tlp, request.pasid, request.privileged);
}

port::TranslationRequest translation_of(const Tlp& request) {
  port::TranslationRequest out;
  out.requester = request.requester;
  out.address = Iova{request.address & ~(kPage - 1)};
  out.pasid = pasid_of(request);
  out.privileged = request.prefix.present && request.prefix.privileged;
  out.no_write = (request.ph & 1) != 0;
  return out;
}

bool translation_request_legal(const Tlp& request, std::uint32_t rcb) {
  return request.length_dw % 2 == 0 && request.length_dw * 4u <= rcb && request.first_be == 0xF &&
         request.last_be == 0xF;
}

Tlp translation_completion(const Tlp& request, RequesterId completer, std::uint64_t entry,
                           std::uint32_t rcb) {
  Tlp tlp = completion_data(request, completer, 0, big_endian(entry));
  tlp.byte_count = kEntryBytes;
  tlp.lower_address = static_cast<std::uint8_t>((rcb - kEntryBytes) & 0x7F);
  return tlp;
}

std::uint64_t big_endian_entry(const Tlp& tlp, std::uint32_t offset) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < kEntryBytes; ++i)
    value = value << 8 | std::to_integer<std::uint64_t>(tlp.payload[offset + i]);
  return value;
}

Tlp invalidate_request(RequesterId host, const port::InvalidateRequest& request) {
  Tlp tlp = message(host, kRouteById, kMsgInvalidateRequest);
  tlp.type = TlpType::kMessageData;
  tlp.has_data = true;
  tlp.fmt_type = fmt_type_of(tlp);
  tlp.tag = request.itag & 0x1F;
  tlp.message_dw2 = static_cast<std::uint32_t>(request.device.value) << 16;
  const std::uint64_t value = (request.address & ~(kPage - 1)) |
                              (request.size ? port::kAtsSize : 0) | (request.global ? 1u : 0u);
  set_payload(tlp, big_endian(value));
  return prefixed(tlp, request.pasid);
}

std::optional<port::InvalidateRequest> invalidate_request_of(const Tlp& tlp) {
  if (!is_message(tlp, kMsgInvalidateRequest, kRouteById, true)) return std::nullopt;
  const std::uint64_t value = big_endian_entry(tlp);
  port::InvalidateRequest out;
  out.device = message_target(tlp);
  out.itag = static_cast<std::uint8_t>(tlp.tag & 0x1F);
  out.pasid = pasid_of(tlp);
  out.address = value & ~(kPage - 1);
  out.size = (value & port::kAtsSize) != 0;
  out.global = (value & 1) != 0;
  return out;
}

Tlp invalidate_completion(RequesterId host, const port::InvalidateCompletion& completion) {
  Tlp tlp = message(completion.device, kRouteById, kMsgInvalidateCompletion);
  tlp.message_dw2 = static_cast<std::uint32_t>(host.value) << 16 | (completion.count & 7u);
  tlp.message_dw3 = completion.itags;
  return tlp;
}

std::optional<port::InvalidateCompletion> invalidate_completion_of(const Tlp& tlp) {
  if (!is_message(tlp, kMsgInvalidateCompletion, kRouteById, false) || tlp.message_dw3 == 0)
    return std::nullopt;
  port::InvalidateCompletion out;
  out.device = tlp.requester;
  out.itags = tlp.message_dw3;
  out.count = static_cast<std::uint8_t>(tlp.message_dw2 & 7);
  return out;
}

RequesterId message_target(const Tlp& tlp) {
  return RequesterId(static_cast<std::uint16_t>(tlp.message_dw2 >> 16));
}

Tlp page_request(const port::PageRequest& request) {
  Tlp tlp = message(request.requester, kRouteToRoot, kMsgPageRequest);
  tlp.message_dw2 = static_cast<std::uint32_t>(request.address >> 32);
  tlp.message_dw3 = (static_cast<std::uint32_t>(request.address) & 0xFFFF'F000u) |
                    (request.group & 0x1FFu) << 3 | (request.last ? 4u : 0u) |
                    (request.write ? 2u : 0u) | (request.read ? 1u : 0u);
  return prefixed(tlp, request.pasid, request.privileged);
}

std::optional<port::PageRequest> page_request_of(const Tlp& tlp) {
  if (!is_message(tlp, kMsgPageRequest, kRouteToRoot, false)) return std::nullopt;
  port::PageRequest out;
  out.requester = tlp.requester;
  out.pasid = pasid_of(tlp);
  out.privileged = tlp.prefix.present && tlp.prefix.privileged;
  out.address = std::uint64_t{tlp.message_dw2} << 32 | (tlp.message_dw3 & 0xFFFF'F000u);
  out.read = (tlp.message_dw3 & 1) != 0;
  out.write = (tlp.message_dw3 & 2) != 0;
  out.last = (tlp.message_dw3 & 4) != 0;
  out.group = static_cast<std::uint16_t>(tlp.message_dw3 >> 3 & 0x1FF);
  return out;
}

Tlp page_response(RequesterId host, const port::PageGroupResponse& response) {
  Tlp tlp = message(host, kRouteById, kMsgPageResponse);
  tlp.message_dw2 = static_cast<std::uint32_t>(response.device.value) << 16 |
                    (response.code & 0xFu) << 12 | (response.group & 0x1FFu);
  return prefixed(tlp, response.pasid);
}

std::optional<port::PageGroupResponse> page_response_of(const Tlp& tlp) {
  if (!is_message(tlp, kMsgPageResponse, kRouteById, false)) return std::nullopt;
  port::PageGroupResponse out;
  out.device = message_target(tlp);
  out.pasid = pasid_of(tlp);
  out.group = static_cast<std::uint16_t>(tlp.message_dw2 & 0x1FF);
  out.code = static_cast<std::uint8_t>(tlp.message_dw2 >> 12 & 0xF);
  return out;
}

bool message_reserved_bits(const Tlp& tlp) {
  switch (tlp.message_code) {
    case kMsgInvalidateRequest: {
      const bool payload = tlp.payload_bytes == kEntryBytes && (big_endian_entry(tlp) & 0x7FE) != 0;
      return (tlp.tag & 0xE0) != 0 || (tlp.message_dw2 & 0xFFFF) != 0 || tlp.message_dw3 != 0 ||
             payload;
    }
    case kMsgInvalidateCompletion:
      return (tlp.message_dw2 & 0xFFF8) != 0;
    case kMsgPageResponse:
      return (tlp.message_dw2 & 0x0E00) != 0 || tlp.message_dw3 != 0;
    default:
      return false;
  }
}

bool is_ats_message(const Tlp& tlp) {
  const bool message = tlp.type == TlpType::kMessage || tlp.type == TlpType::kMessageData;
  const std::uint8_t code = tlp.message_code;
  return message && (code == kMsgInvalidateRequest || code == kMsgInvalidateCompletion ||
                     code == kMsgPageRequest || code == kMsgPageResponse);
}

}  // namespace siov::pcie
