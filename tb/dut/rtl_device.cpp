// SPDX-License-Identifier: Apache-2.0
// Makes the Verilated RTL. SIOV_SMALL and SIOV_LARGE: this build has the personality.
#include "dut/rtl_device.hpp"

#include "Vsiov_device.h"
#ifdef SIOV_SMALL
#include "Vsiov_small.h"
#endif
#ifdef SIOV_LARGE
#include "Vsiov_large.h"
#endif
#include "common/error.hpp"
#include "dut/personality.hpp"
#include "dut/verilated_device.hpp"

namespace siov::dut {

std::unique_ptr<TracedDevice> make_device(std::string_view personality_name,
                                          const DeviceOptions& options) {
  const std::string name(personality(personality_name).name);  // throws if there is none
  if (name == "default") return std::make_unique<VerilatedDevice<Vsiov_device, true>>(options);
#ifdef SIOV_SMALL
  if (name == "small") return std::make_unique<VerilatedDevice<Vsiov_small, true>>(options);
#endif
#ifdef SIOV_LARGE
  if (name == "large") return std::make_unique<VerilatedDevice<Vsiov_large, true>>(options);
#endif
  throw HarnessError("this build has no device of personality " + name);
}

std::unique_ptr<TracedDevice> make_rtl_device(const DeviceOptions& options) {
  return make_device("default", options);
}

bool personality_available(std::string_view name) {
#ifdef SIOV_SMALL
  if (name == "small") return true;
#endif
#ifdef SIOV_LARGE
  if (name == "large") return true;
#endif
  return name == "default";
}

}  // namespace siov::dut
