// SPDX-License-Identifier: Apache-2.0
// Replaces Verilator's vl_stop and vl_fatal.
#include "dut/assertion_hook.hpp"

#include <verilated.h>

#include <cstdio>
#include <cstdlib>

namespace {
thread_local std::string* current_text = nullptr;
thread_local std::uint64_t current_time = 0;

void note(const char* filename, int line, const char* hierarchy) {
  if (current_text == nullptr) {
    std::fprintf(stderr, "RTL assertion outside a clock cycle: %s:%d %s\n", filename, line,
                 hierarchy);
    std::abort();
  }
  if (!current_text->empty()) return;
  *current_text = "RTL assertion failed at " + std::to_string(current_time / 1000) +
                  " ns: " + (filename ? filename : "?") + ":" + std::to_string(line) + " in " +
                  (hierarchy ? hierarchy : "?");
}
}  // namespace

// Verilator calls these for $stop, $error and assertion failures when VL_USER_STOP and
// VL_USER_FATAL are defined.
void vl_stop(const char* filename, int linenum, const char* hier) VL_MT_UNSAFE {
  note(filename, linenum, hier);
}
void vl_fatal(const char* filename, int linenum, const char* hier, const char* msg) VL_MT_UNSAFE {
  (void)msg;
  note(filename, linenum, hier);
}

namespace siov::dut {

AssertionScope::AssertionScope(std::string& text, std::uint64_t time_ps) {
  current_text = &text;
  current_time = time_ps;
}
AssertionScope::~AssertionScope() { current_text = nullptr; }

}  // namespace siov::dut
