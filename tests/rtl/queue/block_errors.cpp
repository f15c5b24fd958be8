// SPDX-License-Identifier: Apache-2.0
// A failing assertion of the RTL ends the test program: Verilator has printed its name.
#include <cstdio>
#include <cstdlib>

#include "verilated.h"

void vl_stop(const char* file, int line, const char* hierarchy) {
  std::fprintf(stderr, "RTL assertion: %s:%d in %s\n", file, line, hierarchy);
  std::abort();
}
