// SPDX-License-Identifier: Apache-2.0
// Device factory: the one place that knows which Verilated devices this build has.
//
//   if (system::device_available(system::DeviceKind::kRtl)) auto device =
//   system::make_link_device(DeviceKind::kRtl, "");
#pragma once

#include <memory>
#include <string>

#include "dut/rtl_device.hpp"
#include "system/scenario.hpp"

namespace siov::system {

/// Whether this build can make such a device. The C++ model always can.
bool device_available(DeviceKind kind);

/// Whether this build has this device in this personality.
bool personality_available(DeviceKind kind, Personality personality);

/// A device behind a link. @param waves  file to dump to from reset on; empty: none
/// @throws HarnessError for kModel (it has no link) and for what the build lacks
std::unique_ptr<dut::TracedDevice> make_link_device(
    DeviceKind kind, const std::string& waves, Personality personality = Personality::kDefault);

}  // namespace siov::system
