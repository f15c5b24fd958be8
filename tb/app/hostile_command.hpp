// SPDX-License-Identifier: Apache-2.0
// The command 'hostile': lists the attacks of hostile tenants, or plays them.
//
//   return app::play_hostile(options);
#pragma once

#include "app/commands.hpp"

namespace siov::app {

/// One row an attack. kFailed if a victim changed, something leaked, or an attack got what it must
/// not get. @throws InputError for a name of --only that is none
Exit play_hostile(const Options& options);

}  // namespace siov::app
