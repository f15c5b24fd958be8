// SPDX-License-Identifier: Apache-2.0
// GuestError: a guest did what cannot be carried out. Ends the session of that guest, nothing else.
//
//   throw GuestError("guest memory beyond 1 TiB");
#pragma once

#include <stdexcept>
#include <string>

namespace siov::attach {

class GuestError : public std::runtime_error {
 public:
  explicit GuestError(const std::string& what) : std::runtime_error(what) {}
};

}  // namespace siov::attach
