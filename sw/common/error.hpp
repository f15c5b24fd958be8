// SPDX-License-Identifier: Apache-2.0
// HarnessError: misuse of the harness or host model by its user. Never a modelled hardware outcome.
//
//   if (size == 0) throw HarnessError("transfer size must not be 0");
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>

namespace siov {

/// Thrown on misuse; the message carries file and line of the throwing call.
class HarnessError : public std::runtime_error {
 public:
  explicit HarnessError(const std::string& what,
                        std::source_location where = std::source_location::current())
      : std::runtime_error(what + " [" + where.file_name() + ":" + std::to_string(where.line()) +
                           "]") {}
};

}  // namespace siov
