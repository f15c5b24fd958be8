// SPDX-License-Identifier: Apache-2.0
// touches: whether a request could belong to a descriptor, going by the addresses in it alone. For
// work that has not been accepted, or must not run.
//
//   if (touches(descriptor, tlp)) ...
#pragma once

#include "abi/descriptor.hpp"
#include "pcie/tlp.hpp"

namespace siov::check {

/// @param t  a memory request with at least one byte
[[nodiscard]] bool touches(const abi::Descriptor& d, const pcie::Tlp& t);

}  // namespace siov::check
