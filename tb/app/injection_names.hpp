// SPDX-License-Identifier: Apache-2.0
// Whether a text names an injection of check::list_injections().
//
//   if (!app::is_injection("wrong-pasid")) ...
#pragma once

#include <string_view>

namespace siov::app {

/// True if `siov-cosim list-injections` prints this name.
bool is_injection(std::string_view name);

}  // namespace siov::app
