// SPDX-License-Identifier: Apache-2.0
// Commands that only a VDEV has; a guest finds them in CMDCAP.
#pragma once

#include <cstdint>

namespace siov::vdcm {

/// Interrupt Handles Revoked-Processed: the guest has new handles and uses them from now on.
/// Completes at once; then, when all work has ended, every data vector is raised once. The
/// reference names the command and gives no number; this one is none of dsa.md 3.1. @spec
/// siov.md 3.3 CMDCAP, 3.4
inline constexpr std::uint8_t kCmdHandlesProcessed = 31;

}  // namespace siov::vdcm
