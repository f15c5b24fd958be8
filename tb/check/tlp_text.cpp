// SPDX-License-Identifier: Apache-2.0
// One line about a TLP, for violations.
#include "check/tlp_text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "pcie/format.hpp"

namespace siov::check {

std::string tlp_text(const pcie::Tlp& tlp) {
  std::string text = pcie::format_tlp(tlp);
  if (tlp.type == pcie::TlpType::kMemRead || tlp.type == pcie::TlpType::kMemWrite ||
      tlp.type == pcie::TlpType::kDeferrableWrite) {
    text += fmt::format(" be {:x}/{:x}", tlp.first_be, tlp.last_be);
  }
  if (tlp.payload_bytes != 0) {
    text += fmt::format(" [{} B:", tlp.payload_bytes);
    const std::size_t shown = std::min<std::size_t>(tlp.payload_bytes, 16);
    for (std::size_t i = 0; i < shown; ++i)
      text += fmt::format(" {:02x}", std::to_integer<unsigned>(tlp.payload[i]));
    text += tlp.payload_bytes > shown ? " ...]" : "]";
  }
  return text;
}

}  // namespace siov::check
