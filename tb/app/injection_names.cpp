// SPDX-License-Identifier: Apache-2.0
// Injection names come from the checkers, which own the list.
#include "app/injection_names.hpp"

#include "check/injector.hpp"

namespace siov::app {

bool is_injection(std::string_view name) {
  for (const check::Injection& i : check::list_injections()) {
    if (i.name == name) return true;
  }
  return false;
}

}  // namespace siov::app
