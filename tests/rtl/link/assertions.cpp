// SPDX-License-Identifier: Apache-2.0
// RTL assertions of the blocks fail the test that runs (VL_USER_STOP, VL_USER_FATAL).
#include <gtest/gtest.h>
#include <verilated.h>

void vl_stop(const char* filename, int line, const char* hierarchy) VL_MT_UNSAFE {
  ADD_FAILURE() << "RTL assertion at " << filename << ":" << line << " in " << hierarchy;
}
void vl_fatal(const char* filename, int line, const char* hierarchy,
              const char* message) VL_MT_UNSAFE {
  ADD_FAILURE() << "RTL failure at " << filename << ":" << line << " in " << hierarchy << ": "
                << message;
}
