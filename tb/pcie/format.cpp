// SPDX-License-Identifier: Apache-2.0
// Text of TLPs.
#include "pcie/format.hpp"

#include <fmt/format.h>

namespace siov::pcie {

const char* type_name(TlpType type) {
  switch (type) {
    case TlpType::kMemRead:
      return "MRd";
    case TlpType::kMemWrite:
      return "MWr";
    case TlpType::kDeferrableWrite:
      return "DMWr";
    case TlpType::kFetchAdd:
      return "FetchAdd";
    case TlpType::kSwap:
      return "Swap";
    case TlpType::kCompareSwap:
      return "CAS";
    case TlpType::kIoRead:
      return "IORd";
    case TlpType::kIoWrite:
      return "IOWr";
    case TlpType::kConfigRead0:
      return "CfgRd0";
    case TlpType::kConfigWrite0:
      return "CfgWr0";
    case TlpType::kConfigRead1:
      return "CfgRd1";
    case TlpType::kConfigWrite1:
      return "CfgWr1";
    case TlpType::kCompletion:
      return "Cpl";
    case TlpType::kCompletionData:
      return "CplD";
    case TlpType::kMessage:
      return "Msg";
    case TlpType::kMessageData:
      return "MsgD";
    case TlpType::kUnknown:
      return "undefined";
  }
  return "undefined";
}

const char* status_name(CplStatus status) {
  switch (status) {
    case CplStatus::kSc:
      return "SC";
    case CplStatus::kUr:
      return "UR";
    case CplStatus::kRrs:
      return "RRS";
    case CplStatus::kCa:
      return "CA";
  }
  return "reserved";
}

std::string format_requester(RequesterId id) {
  return fmt::format("{:02x}:{:02x}.{}", id.bus(), id.devfn() >> 3, id.devfn() & 7);
}

namespace {
bool is_config(TlpType type) {
  return type >= TlpType::kConfigRead0 && type <= TlpType::kConfigWrite1;
}

std::string attributes(const Tlp& tlp) {
  std::string text;
  if (tlp.tc != 0) text += fmt::format(" TC{}", tlp.tc);
  if (tlp.ro) text += " RO";
  if (tlp.ns) text += " NS";
  if (tlp.ido) text += " IDO";
  if (tlp.ep) text += " poisoned";
  if (tlp.td) text += " TD";
  if (tlp.th) text += " TH";
  if (tlp.at != 0) text += fmt::format(" AT{}", tlp.at);
  if (tlp.reserved_bits_set) text += " reserved-bits";
  return text;
}

std::string pasid_text(const PasidPrefix& prefix) {
  if (!prefix.present) return {};
  return fmt::format(" PASID {:#x}{}{}", prefix.pasid, prefix.privileged ? " priv" : "",
                     prefix.execute ? " exec" : "");
}
}  // namespace

std::string format_tlp(const Tlp& tlp) {
  std::string text = type_name(tlp.type);
  const std::string ids = fmt::format(" rid {} tag {}", format_requester(tlp.requester), tlp.tag);
  if (tlp.is_memory_request()) {
    text += fmt::format(" {} B @{:#x}{}{}", tlp.byte_span(), tlp.first_byte(),
                        pasid_text(tlp.prefix), ids);
  } else if (is_config(tlp.type)) {
    text += fmt::format(" {} +{:#05x} be {:#x}{}{}", format_requester(tlp.config_target),
                        tlp.register_offset, tlp.first_be, pasid_text(tlp.prefix), ids);
  } else if (tlp.is_completion()) {
    text += fmt::format(" {} {} B count {} la {:#04x} cid {}{}{}", status_name(tlp.status),
                        tlp.payload_bytes, tlp.byte_count, tlp.lower_address,
                        format_requester(tlp.completer), pasid_text(tlp.prefix), ids);
  } else if (tlp.type == TlpType::kMessage || tlp.type == TlpType::kMessageData) {
    text += fmt::format(" code {:#04x} routing {} {} B{}{}", tlp.message_code, tlp.message_routing,
                        tlp.payload_bytes, pasid_text(tlp.prefix), ids);
  } else {
    text += fmt::format(" fmt-type {:#04x} {} DW{}{}", tlp.fmt_type, tlp.length_dw,
                        pasid_text(tlp.prefix), ids);
  }
  return text + attributes(tlp);
}

}  // namespace siov::pcie
