// SPDX-License-Identifier: Apache-2.0
// Catches RTL assertion failures: vl_stop is replaced (the library is built with VL_USER_STOP), so
// that the first failure of a device is kept as text and the run goes on to report it, instead of
// aborting the process.
#pragma once

#include <cstdint>
#include <string>

namespace siov::dut {

/// While alive, an assertion that fails in this thread is noted in `text` (first one only).
class AssertionScope {
 public:
  AssertionScope(std::string& text, std::uint64_t time_ps);
  ~AssertionScope();
  AssertionScope(const AssertionScope&) = delete;
  AssertionScope& operator=(const AssertionScope&) = delete;
};

}  // namespace siov::dut
