// SPDX-License-Identifier: Apache-2.0
// One-line text of a TLP, for logs and failure reports.
//
//   format_tlp(tlp)   // "MWr 256 B @0x12340000 PASID 0x5 rid 00:01.0 tag 12"
#pragma once

#include <string>

#include "pcie/tlp.hpp"

namespace siov::pcie {

/// Short name of a type: MRd, MWr, DMWr, CfgRd0, Cpl, CplD, ...
const char* type_name(TlpType type);
/// SC, UR, RRS, CA, or "reserved".
const char* status_name(CplStatus status);
/// "bb:dd.f" in hexadecimal.
std::string format_requester(RequesterId id);
/// One line without end of line. The payload is not shown.
std::string format_tlp(const Tlp& tlp);

}  // namespace siov::pcie
