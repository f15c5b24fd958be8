// SPDX-License-Identifier: Apache-2.0
// InputError: something the user gave is wrong. The program prints the message and leaves with exit
// code 2.
//
//   throw InputError("a.toml", 12, "link.mps", "128, 256 or 512, found 100");   // a.toml:12:
//   link.mps: expected 128, ...
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

namespace siov::app {

class InputError : public std::runtime_error {
 public:
  /// A wrong value in a file: `file:line: key: expected ...`.
  InputError(const std::string& file, std::size_t line, const std::string& key,
             const std::string& expected)
      : std::runtime_error(file + ":" + std::to_string(line) + ": " + key + ": expected " +
                           expected) {}
  /// Anything else, one line.
  explicit InputError(const std::string& message) : std::runtime_error(message) {}
};

/// The input is well-formed but holds nothing to run: exit code 3.
class NothingToRun : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace siov::app
