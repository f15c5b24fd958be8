// SPDX-License-Identifier: Apache-2.0
// Which devices there are depends on how the project was configured: SIOV_HAVE_RTL is set when
// tb/dut is part of the build.
#include "system/device_factory.hpp"

#include "common/error.hpp"

namespace siov::system {

bool device_available(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::kModel:
      return true;
#ifdef SIOV_HAVE_RTL
    case DeviceKind::kRtl:
      return true;
    case DeviceKind::kNetlist:
      return dut::netlist_available();
#else
    case DeviceKind::kRtl:
    case DeviceKind::kNetlist:
      return false;
#endif
  }
  return false;
}

bool personality_available(DeviceKind kind, Personality personality) {
  if (kind == DeviceKind::kModel) return true;
#ifdef SIOV_HAVE_RTL
  if (kind == DeviceKind::kRtl) return dut::personality_available(to_string(personality));
#endif
  return personality == Personality::kDefault;
}

std::unique_ptr<dut::TracedDevice> make_link_device(DeviceKind kind, const std::string& waves,
                                                    Personality personality) {
  if (kind == DeviceKind::kModel || !device_available(kind) ||
      !personality_available(kind, personality)) {
    throw HarnessError("no link device of kind " + std::string(to_string(kind)) + " in this build");
  }
  std::unique_ptr<dut::TracedDevice> device;
#ifdef SIOV_HAVE_RTL
  const dut::DeviceOptions options;
  device = kind == DeviceKind::kRtl ? dut::make_device(to_string(personality), options)
                                    : dut::make_netlist_device(options);
  if (!waves.empty()) device->start_trace(waves);
#else
  static_cast<void>(waves);
  static_cast<void>(personality);
#endif
  return device;
}

}  // namespace siov::system
