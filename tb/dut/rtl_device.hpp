// SPDX-License-Identifier: Apache-2.0
// The Verilated device (or its Yosys-written netlist) behind pcie::LinkDevice: the only place, with
// the ABI cross-check, that sees Verilated headers.
//
//   dut::DeviceOptions options;
//   auto device = dut::make_rtl_device(options);
//   device->reset();
//   device->start_trace("out/waves.fst");
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "pcie/link.hpp"

namespace siov::dut {

struct DeviceOptions {
  std::uint64_t period_ps = 2000;  ///< clock period, only for the time stamps of waves [ps]
};

/// A LinkDevice that can record waves.
class TracedDevice : public pcie::LinkDevice {
 public:
  /// Starts an FST dump. @throws HarnessError if the file cannot be written or the build has no
  /// tracing
  virtual void start_trace(const std::string& path) = 0;
  virtual void stop_trace() = 0;
  /// Clock cycles since construction.
  virtual std::uint64_t cycles() const = 0;
  /// Text of the first RTL assertion that failed, empty if none did.
  virtual const std::string& assertion_failure() const = 0;
};

/// The RTL with the parameters of a personality ("small", "default", "large").
/// @throws HarnessError when there is no such personality or the build was made without it
std::unique_ptr<TracedDevice> make_device(std::string_view personality,
                                          const DeviceOptions& options);
/// The RTL in its default personality.
std::unique_ptr<TracedDevice> make_rtl_device(const DeviceOptions& options);
/// Whether this build can make a device of this personality.
bool personality_available(std::string_view name);

/// The netlist that `make synth` wrote back. @throws HarnessError when the build was made without
/// it
std::unique_ptr<TracedDevice> make_netlist_device(const DeviceOptions& options);
bool netlist_available();

}  // namespace siov::dut
