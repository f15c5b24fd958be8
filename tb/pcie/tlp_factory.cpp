// SPDX-License-Identifier: Apache-2.0
// Well-formed TLPs.
#include "pcie/tlp_factory.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/error.hpp"
#include "pcie/tlp_codec.hpp"

namespace siov::pcie {
namespace {

/// A TLP without the payload array being cleared.
void start(Tlp& tlp, TlpType type) {
  tlp.type = type;
  switch (type) {
    case TlpType::kMemWrite:
    case TlpType::kDeferrableWrite:
    case TlpType::kConfigWrite0:
    case TlpType::kCompletionData:
      tlp.has_data = true;
      break;
    default:
      break;
  }
}

void set_address(Tlp& tlp, std::uint64_t address, std::uint32_t bytes) {
  const ByteEnables be = byte_enables(address, bytes);
  tlp.address = address & ~std::uint64_t{3};
  tlp.four_dw = (address >> 32) != 0;
  tlp.length_dw = be.length_dw;
  tlp.first_be = be.first;
  tlp.last_be = be.last;
  tlp.fmt_type = fmt_type_of(tlp);
}

void fill_write(Tlp& tlp, std::uint64_t address, std::span<const std::byte> data) {
  const std::size_t lead = address & 3;
  if (lead + data.size() > kMaxPayload) throw HarnessError("payload larger than kMaxPayload");
  set_address(tlp, address, static_cast<std::uint32_t>(data.size()));
  tlp.payload_bytes = static_cast<std::uint16_t>(4 * tlp.length_dw);
  std::memset(tlp.payload.data(), 0, 4);
  std::memset(tlp.payload.data() + tlp.payload_bytes - 4, 0, 4);
  if (!data.empty()) std::memcpy(tlp.payload.data() + lead, data.data(), data.size());
}

void fill_config(Tlp& tlp, RequesterId requester, std::uint16_t tag, const ConfigAccess& access) {
  const bool size_ok = access.size == 1 || access.size == 2 || access.size == 4;
  if (!size_ok || access.offset % access.size != 0 || access.offset > 4095)
    throw HarnessError("configuration access must be 1, 2 or 4 bytes, aligned, below 4096");
  tlp.requester = requester;
  tlp.tag = tag;
  tlp.length_dw = 1;
  tlp.first_be = static_cast<std::uint8_t>(((1u << access.size) - 1) << (access.offset & 3));
  tlp.config_target = access.target;
  tlp.register_offset = static_cast<std::uint16_t>(access.offset & ~3u);
  tlp.fmt_type = fmt_type_of(tlp);
}

void fill_completion(Tlp& tlp, const Tlp& request, RequesterId completer) {
  tlp.requester = request.requester;
  tlp.tag = request.tag;
  tlp.tc = request.tc;
  tlp.ro = request.ro;
  tlp.ns = request.ns;
  tlp.completer = completer;
  switch (request.type) {
    case TlpType::kMemRead:
      tlp.byte_count = static_cast<std::uint16_t>(completion_byte_count(request));
      tlp.lower_address = completion_lower_address(request);
      break;
    case TlpType::kFetchAdd:
    case TlpType::kSwap:
      tlp.byte_count = static_cast<std::uint16_t>(4 * request.length_dw);
      break;
    case TlpType::kCompareSwap:
      tlp.byte_count = static_cast<std::uint16_t>(2 * request.length_dw);
      break;
    default:
      tlp.byte_count = 4;
  }
  tlp.fmt_type = fmt_type_of(tlp);
}

/// Bits from the lowest to the highest set one, without holes.
bool contiguous(std::uint8_t be) {
  const unsigned shifted = be == 0 ? 0u : static_cast<unsigned>(be) >> std::countr_zero(be);
  return (shifted & (shifted + 1)) == 0;
}

}  // namespace

ByteEnables byte_enables(std::uint64_t address, std::uint32_t bytes) {
  const auto lead = static_cast<std::uint32_t>(address & 3);
  if (bytes == 0) return ByteEnables{0, 0, 1};
  const std::uint32_t end = lead + bytes;
  const std::uint32_t dws = (end + 3) / 4;
  if (dws > 1024) throw HarnessError("a TLP covers at most 1024 DW");
  const std::uint32_t head = (0xFu << lead) & 0xFu;
  const std::uint32_t tail = 0xFu >> (4 * dws - end);
  if (dws == 1) return ByteEnables{static_cast<std::uint8_t>(head & tail), 0, 1};
  return ByteEnables{static_cast<std::uint8_t>(head), static_cast<std::uint8_t>(tail),
                     static_cast<std::uint16_t>(dws)};
}

bool byte_enables_legal(const Tlp& request) {
  const std::uint8_t first = request.first_be;
  const std::uint8_t last = request.last_be;
  if (request.length_dw == 1) return last == 0;
  if (first == 0 || last == 0) return false;
  if (request.length_dw == 2 && (request.address & 7) == 0) return true;
  return contiguous(first) && (first & 8) != 0 && contiguous(last) && (last & 1) != 0;
}

std::uint32_t completion_byte_count(const Tlp& request) {
  return std::max(1u, request.byte_span());
}

std::uint8_t completion_lower_address(const Tlp& request) {
  return static_cast<std::uint8_t>(request.first_byte() & 0x7F);
}

Tlp mem_read(RequesterId requester, std::uint16_t tag, std::uint64_t address, std::uint32_t bytes) {
  Tlp tlp;
  start(tlp, TlpType::kMemRead);
  tlp.requester = requester;
  tlp.tag = tag;
  set_address(tlp, address, bytes);
  return tlp;
}

Tlp mem_write(RequesterId requester, std::uint64_t address, std::span<const std::byte> data) {
  Tlp tlp;
  start(tlp, TlpType::kMemWrite);
  tlp.requester = requester;
  fill_write(tlp, address, data);
  return tlp;
}

Tlp deferrable_write(RequesterId requester, std::uint16_t tag, std::uint64_t address,
                     std::span<const std::byte> data) {
  Tlp tlp;
  start(tlp, TlpType::kDeferrableWrite);
  tlp.requester = requester;
  tlp.tag = tag;
  fill_write(tlp, address, data);
  return tlp;
}

Tlp config_read(RequesterId requester, std::uint16_t tag, const ConfigAccess& access) {
  Tlp tlp;
  start(tlp, TlpType::kConfigRead0);
  fill_config(tlp, requester, tag, access);
  return tlp;
}

Tlp config_write(RequesterId requester, std::uint16_t tag, const ConfigAccess& access,
                 std::uint32_t value) {
  Tlp tlp;
  start(tlp, TlpType::kConfigWrite0);
  fill_config(tlp, requester, tag, access);
  const std::uint32_t placed = value << (8 * (access.offset & 3));
  for (unsigned i = 0; i < 4; ++i)
    tlp.payload[i] =
        (tlp.first_be >> i & 1) != 0 ? static_cast<std::byte>(placed >> (8 * i)) : std::byte{0};
  tlp.payload_bytes = 4;
  return tlp;
}

Tlp completion(const Tlp& request, RequesterId completer, CplStatus status) {
  Tlp tlp;
  start(tlp, TlpType::kCompletion);
  fill_completion(tlp, request, completer);
  tlp.status = status;
  return tlp;
}

Tlp completion_data(const Tlp& request, RequesterId completer, std::uint32_t offset,
                    std::span<const std::byte> data) {
  Tlp tlp;
  start(tlp, TlpType::kCompletionData);
  fill_completion(tlp, request, completer);
  if (request.type == TlpType::kMemRead && offset != 0) {
    const std::uint64_t from = request.address + offset;
    tlp.byte_count =
        static_cast<std::uint16_t>(request.first_byte() + completion_byte_count(request) - from);
    tlp.lower_address = static_cast<std::uint8_t>(from & 0x7F);
  }
  set_payload(tlp, data);
  return tlp;
}

Tlp message(RequesterId requester, std::uint8_t routing, std::uint8_t code) {
  Tlp tlp;
  start(tlp, TlpType::kMessage);
  tlp.four_dw = true;
  tlp.requester = requester;
  tlp.message_routing = routing;
  tlp.message_code = code;
  tlp.fmt_type = fmt_type_of(tlp);
  return tlp;
}

void make_vendor_defined(Tlp& tlp) {
  tlp.message_code = 0x7F;
  tlp.tag = 0;
  tlp.message_dw2 &= 0xFFFF'0000;  // Vendor ID 0
  tlp.message_dw3 = 0;
  tlp.prefix = {};
}

Tlp with_pasid(Tlp tlp, Pasid pasid, bool privileged) {
  tlp.prefix.present = true;
  tlp.prefix.privileged = privileged;
  tlp.prefix.pasid = pasid.value;
  tlp.prefix.raw = encode(tlp).prefix;
  return tlp;
}

void set_payload(Tlp& tlp, std::span<const std::byte> dws) {
  if (dws.empty() || dws.size() % 4 != 0 || dws.size() > kMaxPayload)
    throw HarnessError("payload must be 4..512 bytes in whole DWs");
  tlp.length_dw = static_cast<std::uint16_t>(dws.size() / 4);
  tlp.payload_bytes = static_cast<std::uint16_t>(dws.size());
  std::memcpy(tlp.payload.data(), dws.data(), dws.size());
}

}  // namespace siov::pcie
