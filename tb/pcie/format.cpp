// SPDX-License-Identifier: Apache-2.0
// Text of TLPs.
#include "pcie/format.hpp"

#include <fmt/format.h>

#include "pcie/ats_tlp.hpp"

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

std::string rights_text(const port::PageRequest& p) {
  if (is_stop_marker(p)) return " stop marker";
  return fmt::format(" {}{}{}", p.read ? "R" : "", p.write ? "W" : "", p.last ? " last" : "");
}

/// What the messages of address translation say; empty if this is none, or a malformed one.
std::string ats_text(const Tlp& tlp) {
  if (const auto p = page_request_of(tlp))
    return fmt::format(" Page Request @{:#x} group {}{}", p->address, p->group, rights_text(*p));
  if (const auto r = page_response_of(tlp))
    return fmt::format(" PRG Response group {} code {}", r->group, r->code);
  if (const auto i = invalidate_request_of(tlp)) {
    const std::uint64_t bytes = coded_bytes(i->address, i->size);
    return bytes == 0 ? fmt::format(" Invalidate Request itag {} all{}", i->itag,
                                    i->global ? " global" : "")
                      : fmt::format(" Invalidate Request itag {} {:#x} B @{:#x}{}", i->itag, bytes,
                                    coded_start(i->address, i->size), i->global ? " global" : "");
  }
  if (const auto c = invalidate_completion_of(tlp))
    return fmt::format(" Invalidate Completion itags {:#010x} count {}", c->itags, c->count);
  return {};
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
  } else if (const std::string ats = ats_text(tlp); !ats.empty()) {
    text +=
        fmt::format("{}{} rid {}", ats, pasid_text(tlp.prefix), format_requester(tlp.requester));
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
