// SPDX-License-Identifier: Apache-2.0
// Crash handling: a signal that would end the program prints what ran and leaves with exit code 4.
//
//   app::install_crash_handler();
//   app::set_crash_context("build/siov-cosim run --seed 7");
#pragma once

#include <string>

namespace siov::app {

/// SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT.
void install_crash_handler();
/// The command to paste that repeats what runs now; kept in a static buffer (cut at 1 KiB).
void set_crash_context(const std::string& command);

}  // namespace siov::app
