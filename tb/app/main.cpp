// SPDX-License-Identifier: Apache-2.0
// siov-cosim: the program. Turns everything that can happen into one of five exit codes.
#include <fmt/core.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "app/commands.hpp"
#include "app/crash.hpp"
#include "app/input_error.hpp"

int main(int argc, char** argv) {
  using siov::app::Exit;
  const std::string program = argc > 0 ? argv[0] : "siov-cosim";
  siov::app::install_crash_handler();
  Exit code = Exit::kCrash;
  std::string context = program;
  for (int i = 1; i < argc; ++i) context += std::string(" ") + argv[i];
  siov::app::set_crash_context(context);
  try {
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    code = siov::app::execute(siov::app::parse_options(arguments), program);
  } catch (const siov::app::InputError& e) {
    fmt::print(stderr, "siov-cosim: {}\n", e.what());
    code = Exit::kUsage;
  } catch (const siov::app::NothingToRun& e) {
    fmt::print(stderr, "siov-cosim: nothing to run: {}\n", e.what());
    code = Exit::kNothing;
  } catch (const std::exception& e) {
    fmt::print(stderr, "siov-cosim: crash: {}\n  to repeat: {}\n", e.what(), context);
  }
  std::fflush(stdout);
  return static_cast<int>(code);
}
