// SPDX-License-Identifier: Apache-2.0
// siov-cosim guest: real guests, attached by vfio-user.
#pragma once

#include <string>

#include "app/commands.hpp"

namespace siov::app {

/// Serves until the sessions are over or a signal (SIGINT, SIGTERM) asks for the end.
/// @throws InputError for a socket or an output directory that cannot be used
Exit serve_guests(const Options& options, const std::string& program);

}  // namespace siov::app
