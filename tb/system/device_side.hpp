// SPDX-License-Identifier: Apache-2.0
// DeviceSide: the device and what stands between it and the host: root complex, referee and
// injections on a link, or the C++ model with a digest of its transactions.
//
//   system::DeviceSide device(host, scheduler, scenario, options);
//   co_await device.port().config_read(0, 4);
//   device.end_of_test();
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "check/digest.hpp"
#include "check/injector.hpp"
#include "check/referee.hpp"
#include "model/device_model.hpp"
#include "pcie/root_complex.hpp"
#include "system/device_factory.hpp"
#include "system/host_side.hpp"
#include "system/scenario.hpp"

namespace siov::system {

struct DeviceOptions {
  DeviceKind kind = DeviceKind::kRtl;
  std::string waves;   ///< FST file; empty: none
  bool checks = true;  ///< referee on the link
  std::function<std::unique_ptr<pcie::LinkDevice>(pcie::LinkDevice&)>
      wrap;  ///< stands between device and link; may be empty
};

class DeviceSide {
 public:
  /// Builds and resets the device. host and scheduler outlive this.
  DeviceSide(HostSide& host, coro::Scheduler& scheduler, const Scenario& scenario,
             const DeviceOptions& options);
  ~DeviceSide();
  DeviceSide(const DeviceSide&) = delete;
  DeviceSide& operator=(const DeviceSide&) = delete;

  port::DevicePort& port();
  /// nullptr with the model.
  pcie::RootComplex* root() { return root_.get(); }
  /// nullptr with the model or without checks.
  check::Referee* referee() { return referee_.get(); }
  /// Nothing queued, in flight or waiting.
  bool idle() const;
  /// Judges the idle end state; closes the waves.
  void end_of_test(std::uint64_t cycle);

  /// Closes the wave file, if one is being written; the run goes on.
  void stop_waves();

  std::uint64_t tlps_up() const;
  std::uint64_t tlps_down() const;
  /// Rules broken, a failed assertion of the RTL and broken framing included.
  std::uint64_t violations() const;
  /// Beats of the device outside a packet, or starting one inside another. @spec pcie.md PCIE-94
  std::uint64_t framing_errors() const;
  /// First assertion of the RTL that failed; empty if none did.
  std::string assertion_failure() const;
  std::string digest() const;
  /// Injections that found no suitable TLP.
  std::vector<std::string> unfired() const;
  const std::vector<std::unique_ptr<check::Injector>>& injectors() const { return injectors_; }

 private:
  class ModelDigest;
  class Mutators;
  void build_link(HostSide& host, coro::Scheduler& scheduler, const Scenario& scenario,
                  const DeviceOptions& options);

  HostSide& host_;
  std::unique_ptr<dut::TracedDevice> device_;
  std::unique_ptr<pcie::LinkDevice> wrapper_;
  std::unique_ptr<check::Referee> referee_;
  std::vector<std::unique_ptr<check::Injector>> injectors_;
  std::unique_ptr<Mutators> mutators_;
  std::unique_ptr<pcie::RootComplex> root_;
  std::unique_ptr<ModelDigest> model_digest_;
  std::unique_ptr<model::DeviceModel> model_;
  bool ended_ = false;
};

}  // namespace siov::system
