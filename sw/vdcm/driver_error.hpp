// SPDX-License-Identifier: Apache-2.0
// DriverError: a driver gave up because the device did not answer as its programming interface
// says.
//
//   throw DriverError("Enable Device ended with error 0x15");
#pragma once

#include <stdexcept>
#include <string>

namespace siov::vdcm {

class DriverError : public std::runtime_error {
 public:
  explicit DriverError(const std::string& what) : std::runtime_error(what) {}
};

}  // namespace siov::vdcm
