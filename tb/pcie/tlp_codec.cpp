// SPDX-License-Identifier: Apache-2.0
// Header bit positions, transcribed from the base specification by hand (nothing is shared with the
// RTL).
#include "pcie/tlp_codec.hpp"

namespace siov::pcie {
namespace {

constexpr std::uint32_t bit(std::uint32_t dw, unsigned n) { return (dw >> n) & 1u; }
constexpr std::uint32_t bits(std::uint32_t dw, unsigned high, unsigned low) {
  return (dw >> low) & ((1u << (high - low + 1)) - 1u);
}

/// @spec PCIe-6.3 table 2-3
TlpType type_of(std::uint8_t fmt_type) {
  switch (fmt_type) {
    case 0x00:
    case 0x20:
      return TlpType::kMemRead;
    case 0x40:
    case 0x60:
      return TlpType::kMemWrite;
    case 0x5B:
    case 0x7B:
      return TlpType::kDeferrableWrite;
    case 0x4C:
    case 0x6C:
      return TlpType::kFetchAdd;
    case 0x4D:
    case 0x6D:
      return TlpType::kSwap;
    case 0x4E:
    case 0x6E:
      return TlpType::kCompareSwap;
    case 0x02:
      return TlpType::kIoRead;
    case 0x42:
      return TlpType::kIoWrite;
    case 0x04:
      return TlpType::kConfigRead0;
    case 0x44:
      return TlpType::kConfigWrite0;
    case 0x05:
      return TlpType::kConfigRead1;
    case 0x45:
      return TlpType::kConfigWrite1;
    case 0x0A:
      return TlpType::kCompletion;
    case 0x4A:
      return TlpType::kCompletionData;
    default:
      break;
  }
  if (fmt_type >= 0x30 && fmt_type <= 0x35) return TlpType::kMessage;
  if (fmt_type >= 0x70 && fmt_type <= 0x75) return TlpType::kMessageData;
  return TlpType::kUnknown;
}

/// Fmt:Type of the 3 DW form; of the only form for types that have one.
std::uint8_t base_code(const Tlp& tlp) {
  switch (tlp.type) {
    case TlpType::kMemRead:
      return 0x00;
    case TlpType::kMemWrite:
      return 0x40;
    case TlpType::kDeferrableWrite:
      return 0x5B;
    case TlpType::kFetchAdd:
      return 0x4C;
    case TlpType::kSwap:
      return 0x4D;
    case TlpType::kCompareSwap:
      return 0x4E;
    case TlpType::kIoRead:
      return 0x02;
    case TlpType::kIoWrite:
      return 0x42;
    case TlpType::kConfigRead0:
      return 0x04;
    case TlpType::kConfigWrite0:
      return 0x44;
    case TlpType::kConfigRead1:
      return 0x05;
    case TlpType::kConfigWrite1:
      return 0x45;
    case TlpType::kCompletion:
      return 0x0A;
    case TlpType::kCompletionData:
      return 0x4A;
    case TlpType::kMessage:
      return static_cast<std::uint8_t>(0x30 | (tlp.message_routing & 7));
    case TlpType::kMessageData:
      return static_cast<std::uint8_t>(0x70 | (tlp.message_routing & 7));
    case TlpType::kUnknown:
      return tlp.fmt_type;
  }
  return tlp.fmt_type;
}

bool is_posted(TlpType type) {
  return type == TlpType::kMemWrite || type == TlpType::kMessage || type == TlpType::kMessageData;
}

/// Completions and messages without data have no Length. @spec PCIe-6.3 2.2.8, 2.2.9
bool has_length(TlpType type) { return type != TlpType::kCompletion && type != TlpType::kMessage; }

void decode_address(const WireHeader& wire, Tlp& out) {
  const std::uint32_t low = out.four_dw ? wire.dw[3] : wire.dw[2];
  out.address = (out.four_dw ? std::uint64_t{wire.dw[2]} << 32 : 0) | (low & ~3u);
  out.ph = static_cast<std::uint8_t>(low & 3u);
  // PH without TH is reserved; in a translation request bit 0 is the no-write flag.
  const std::uint32_t defined = out.th ? 3u : out.at == 1 ? 1u : 0u;
  if ((low & 3u & ~defined) != 0) out.reserved_bits_set = true;
}

void decode_request_ids(std::uint32_t dw1, Tlp& out) {
  out.requester = RequesterId(static_cast<std::uint16_t>(dw1 >> 16));
  out.tag |= static_cast<std::uint16_t>(bits(dw1, 15, 8));
  out.last_be = static_cast<std::uint8_t>(bits(dw1, 7, 4));
  out.first_be = static_cast<std::uint8_t>(bits(dw1, 3, 0));
}

void decode_config(const WireHeader& wire, Tlp& out) {
  const std::uint32_t dw2 = wire.dw[2];
  out.config_target = RequesterId(static_cast<std::uint16_t>(dw2 >> 16));
  out.register_offset = static_cast<std::uint16_t>(dw2 & 0xFFC);
  if ((dw2 & 0xF003) != 0) out.reserved_bits_set = true;
}

void decode_completion(const WireHeader& wire, Tlp& out) {
  const std::uint32_t dw1 = wire.dw[1];
  const std::uint32_t dw2 = wire.dw[2];
  out.completer = RequesterId(static_cast<std::uint16_t>(dw1 >> 16));
  out.status = static_cast<CplStatus>(bits(dw1, 15, 13));
  out.bcm = bit(dw1, 12) != 0;
  const std::uint32_t count = bits(dw1, 11, 0);
  out.byte_count = static_cast<std::uint16_t>(count == 0 ? 4096 : count);
  out.requester = RequesterId(static_cast<std::uint16_t>(dw2 >> 16));
  out.tag |= static_cast<std::uint16_t>(bits(dw2, 15, 8));
  out.lower_address = static_cast<std::uint8_t>(bits(dw2, 6, 0));
  if (bit(dw2, 7) != 0) out.reserved_bits_set = true;
}

void decode_message(const WireHeader& wire, Tlp& out) {
  const std::uint32_t dw1 = wire.dw[1];
  out.requester = RequesterId(static_cast<std::uint16_t>(dw1 >> 16));
  out.tag |= static_cast<std::uint16_t>(bits(dw1, 15, 8));
  out.message_code = static_cast<std::uint8_t>(bits(dw1, 7, 0));
  out.message_routing = out.fmt_type & 7;
  out.message_dw2 = wire.dw[2];
  out.message_dw3 = wire.dw[3];
}

void decode_prefix(const WireHeader& wire, Tlp& out) {
  out.prefix = PasidPrefix{};
  if (!wire.prefix_valid) return;
  out.prefix.present = true;
  out.prefix.raw = wire.prefix;
  if (bits(wire.prefix, 31, 24) != kPasidPrefixByte) return;
  out.prefix.privileged = bit(wire.prefix, 23) != 0;
  out.prefix.execute = bit(wire.prefix, 22) != 0;
  out.prefix.pasid = bits(wire.prefix, 19, 0);
  if (bits(wire.prefix, 21, 20) != 0) out.reserved_bits_set = true;
}

void clear_type_fields(Tlp& out) {
  out.requester = RequesterId();
  out.first_be = out.last_be = 0;
  out.address = 0;
  out.ph = 0;
  out.completer = RequesterId();
  out.status = CplStatus::kSc;
  out.bcm = false;
  out.byte_count = 0;
  out.lower_address = 0;
  out.config_target = RequesterId();
  out.register_offset = 0;
  out.message_code = out.message_routing = 0;
  out.message_dw2 = out.message_dw3 = 0;
  out.payload_bytes = 0;
}

void decode_common(std::uint32_t dw0, Tlp& out) {
  out.fmt_type = static_cast<std::uint8_t>(dw0 >> 24);
  out.type = type_of(out.fmt_type);
  out.four_dw = bit(dw0, 29) != 0;
  out.has_data = bit(dw0, 30) != 0;
  out.tc = static_cast<std::uint8_t>(bits(dw0, 22, 20));
  out.tag = static_cast<std::uint16_t>(bit(dw0, 23) << 9 | bit(dw0, 19) << 8);
  out.ido = bit(dw0, 18) != 0;
  out.th = bit(dw0, 16) != 0;
  out.td = bit(dw0, 15) != 0;
  out.ep = bit(dw0, 14) != 0;
  out.ro = bit(dw0, 13) != 0;
  out.ns = bit(dw0, 12) != 0;
  out.at = static_cast<std::uint8_t>(bits(dw0, 11, 10));
  const std::uint32_t length = bits(dw0, 9, 0);
  out.reserved_bits_set = bit(dw0, 17) != 0;
  if (has_length(out.type)) {
    out.length_dw = static_cast<std::uint16_t>(length == 0 ? 1024 : length);
  } else {
    out.length_dw = 0;
    if (length != 0) out.reserved_bits_set = true;
  }
  if (is_posted(out.type) && out.tag != 0) out.reserved_bits_set = true;
}

std::uint32_t encode_common(const Tlp& tlp) {
  const std::uint32_t length = has_length(tlp.type) ? tlp.length_dw & 0x3FFu : 0;
  const auto flag = [](bool on, unsigned n) { return static_cast<std::uint32_t>(on) << n; };
  return static_cast<std::uint32_t>(fmt_type_of(tlp)) << 24 | flag((tlp.tag & 0x200) != 0, 23) |
         (tlp.tc & 7u) << 20 | flag((tlp.tag & 0x100) != 0, 19) | flag(tlp.ido, 18) |
         flag(tlp.th, 16) | flag(tlp.td, 15) | flag(tlp.ep, 14) | flag(tlp.ro, 13) |
         flag(tlp.ns, 12) | (tlp.at & 3u) << 10 | length;
}

}  // namespace

std::uint8_t fmt_type_of(const Tlp& tlp) {
  const std::uint8_t code = base_code(tlp);
  return tlp.is_memory_request() && tlp.four_dw ? code | 0x20 : code;
}

WireHeader encode(const Tlp& tlp) {
  WireHeader wire;
  wire.dw[0] = encode_common(tlp);
  const std::uint32_t tag = (tlp.tag & 0xFFu) << 8;
  const std::uint32_t requester = static_cast<std::uint32_t>(tlp.requester.value) << 16;
  switch (tlp.type) {
    case TlpType::kCompletion:
    case TlpType::kCompletionData:
      wire.dw[1] = static_cast<std::uint32_t>(tlp.completer.value) << 16 |
                   (static_cast<std::uint32_t>(tlp.status) & 7u) << 13 |
                   static_cast<std::uint32_t>(tlp.bcm) << 12 | (tlp.byte_count & 0xFFFu);
      wire.dw[2] = requester | tag | (tlp.lower_address & 0x7Fu);
      break;
    case TlpType::kMessage:
    case TlpType::kMessageData:
      wire.dw[1] = requester | tag | tlp.message_code;
      wire.dw[2] = tlp.message_dw2;
      wire.dw[3] = tlp.message_dw3;
      break;
    default: {
      wire.dw[1] = requester | tag | (tlp.last_be & 0xFu) << 4 | (tlp.first_be & 0xFu);
      const auto low = static_cast<std::uint32_t>(tlp.address & ~std::uint64_t{3}) | (tlp.ph & 3u);
      const bool config = tlp.type == TlpType::kConfigRead0 || tlp.type == TlpType::kConfigWrite0 ||
                          tlp.type == TlpType::kConfigRead1 || tlp.type == TlpType::kConfigWrite1;
      if (config) {
        wire.dw[2] = static_cast<std::uint32_t>(tlp.config_target.value) << 16 |
                     (tlp.register_offset & 0xFFCu);
      } else if ((wire.dw[0] >> 29 & 1u) != 0) {
        wire.dw[2] = static_cast<std::uint32_t>(tlp.address >> 32);
        wire.dw[3] = low;
      } else {
        wire.dw[2] = low;
      }
    }
  }
  if (tlp.prefix.present) {
    wire.prefix_valid = true;
    wire.prefix = kPasidPrefixByte << 24 | static_cast<std::uint32_t>(tlp.prefix.privileged) << 23 |
                  static_cast<std::uint32_t>(tlp.prefix.execute) << 22 |
                  (tlp.prefix.pasid & 0xFFFFFu);
  }
  return wire;
}

void decode(const WireHeader& wire, Tlp& out) {
  decode_common(wire.dw[0], out);
  clear_type_fields(out);
  decode_prefix(wire, out);
  switch (out.type) {
    case TlpType::kCompletion:
    case TlpType::kCompletionData:
      decode_completion(wire, out);
      break;
    case TlpType::kMessage:
    case TlpType::kMessageData:
      decode_message(wire, out);
      break;
    case TlpType::kConfigRead0:
    case TlpType::kConfigWrite0:
    case TlpType::kConfigRead1:
    case TlpType::kConfigWrite1:
      decode_request_ids(wire.dw[1], out);
      decode_config(wire, out);
      break;
    default:
      decode_request_ids(wire.dw[1], out);
      decode_address(wire, out);
  }
  if (!out.four_dw && wire.dw[3] != 0) out.reserved_bits_set = true;
}

}  // namespace siov::pcie
