// SPDX-License-Identifier: Apache-2.0
// Testbench: one whole system from a scenario, and one run of it. Everything random comes from the
// seed and names.
//
//   system::RunOptions options;
//   options.device = system::DeviceKind::kModel;
//   system::Testbench testbench(scenario, options);
//   const system::RunResult result = testbench.run();
#pragma once

#include <memory>
#include <string>

#include "system/device_factory.hpp"
#include "system/run_result.hpp"
#include "system/scenario.hpp"
#include "vdcm/vdcm_mistakes.hpp"

namespace siov::system {

struct RunOptions {
  DeviceKind device = DeviceKind::kRtl;
  std::string waves;                 ///< FST file; empty: none. Not with kModel
  ProgressSink* progress = nullptr;  ///< may be null
  vdcm::VdcmMistakes mistakes;       ///< of host software, on purpose
};

class Testbench {
 public:
  /// @throws HarnessError if the build lacks the device, or the scenario cannot be built
  Testbench(Scenario scenario, const RunOptions& options);
  ~Testbench();
  Testbench(const Testbench&) = delete;
  Testbench& operator=(const Testbench&) = delete;

  /// Starts the host, creates VDEVs, runs all tenants to their end, drains, disables, judges the
  /// idle end state. Once. What the device does wrong is in the result, not thrown.
  RunResult run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace siov::system
