// SPDX-License-Identifier: Apache-2.0
// One line about a TLP, for violations: the traffic log's line, the attributes that rules speak of,
// the start of the payload.
//
//   violation.tlp = tlp_text(tlp);
#pragma once

#include <string>

#include "pcie/tlp.hpp"

namespace siov::check {

std::string tlp_text(const pcie::Tlp& tlp);

}  // namespace siov::check
