// SPDX-License-Identifier: Apache-2.0
// Makes the Verilated netlist, if this build has one.
#include "dut/rtl_device.hpp"

#ifdef SIOV_NETLIST
#include "Vsiov_netlist.h"
#include "dut/verilated_device.hpp"
#else
#include "common/error.hpp"
#endif

namespace siov::dut {

#ifdef SIOV_NETLIST
std::unique_ptr<TracedDevice> make_netlist_device(const DeviceOptions& options) {
  return std::make_unique<VerilatedDevice<Vsiov_netlist, false>>(options);
}
bool netlist_available() { return true; }
#else
std::unique_ptr<TracedDevice> make_netlist_device(const DeviceOptions&) {
  throw HarnessError("this build has no netlist; run `make synth` first");
}
bool netlist_available() { return false; }
#endif

}  // namespace siov::dut
