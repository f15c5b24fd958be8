// SPDX-License-Identifier: Apache-2.0
// Makes the Verilated RTL.
#include "dut/rtl_device.hpp"

#include "Vsiov_device.h"
#include "dut/verilated_device.hpp"

namespace siov::dut {

std::unique_ptr<TracedDevice> make_rtl_device(const DeviceOptions& options) {
  return std::make_unique<VerilatedDevice<Vsiov_device, true>>(options);
}

}  // namespace siov::dut
