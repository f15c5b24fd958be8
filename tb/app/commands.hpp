// SPDX-License-Identifier: Apache-2.0
// The commands of siov-cosim. Each returns an exit code; input errors are thrown.
//
//   return app::execute(app::parse_options(arguments), "build/siov-cosim");
#pragma once

#include <string>

#include "app/options.hpp"

namespace siov::app {

/// Exit codes of every command.
enum class Exit : int { kGood = 0, kFailed = 1, kUsage = 2, kNothing = 3, kCrash = 4 };

/// Runs the command. @param program  how the program was called, for lines to paste
/// @throws InputError, NothingToRun
Exit execute(const Options& options, const std::string& program);

}  // namespace siov::app
