// SPDX-License-Identifier: Apache-2.0
// AttachedSystem: device, host model and checkers of a run, with real guests in place of C++ ones.
//
//   attach::AttachOptions options;
//   options.guests.push_back({.socket = "/tmp/vdev0", .monitor = "/tmp/qmp0"});
//   attach::AttachedSystem system(options);
//   const attach::AttachResult result = system.run();      // until the sessions are over
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "attach/endpoint.hpp"
#include "attach/guest_function.hpp"
#include "system/run_result.hpp"
#include "system/scenario.hpp"

namespace siov::attach {

/// What a guest has in front of it.
enum class AttachMode : std::uint8_t {
  kVdev,  ///< a VDEV each
  kHost   ///< the physical function: the guest is the host
};

struct GuestOptions {
  std::string socket;           ///< vfio-user, we listen
  std::string monitor;          ///< QMP, QEMU listens; empty: the guest has no remapping unit
  RequesterId seen_as{0x0020};  ///< bus, device and function that the guest sees: 00:04.0
};

struct AttachOptions {
  AttachMode mode = AttachMode::kVdev;
  std::vector<GuestOptions> guests;  ///< 1..8; one with kHost
  system::DeviceKind device = system::DeviceKind::kRtl;
  system::Personality personality = system::Personality::kDefault;
  std::string waves;  ///< FST file; empty: none
  std::uint64_t seed = 1;
  std::uint64_t sessions = 1;  ///< clients that come and go, all guests together, before the end
  std::chrono::seconds patience{600};           ///< without a client before the run ends
  std::function<bool()> stop;                   ///< ends the run when it says so; may be empty
  std::function<void(const std::string&)> log;  ///< a line now and then; may be empty
};

struct GuestReport {
  std::string name;
  EndpointCounts counts;
  TranslationCounts translation;
  std::string last_end;
};

struct AttachResult {
  system::RunResult run;
  std::vector<GuestReport> guests;
  double wall_waiting = 0;        ///< [s] for the guests
  double wall_rtl = 0;            ///< [s] inside the device
  std::uint64_t walks = 0;        ///< page walks of our remapping unit
  std::uint64_t descriptors = 0;  ///< that the device took, as the referee saw
};

class AttachedSystem {
 public:
  /// @throws HarnessError if the build lacks the device, or a socket cannot be used
  explicit AttachedSystem(AttachOptions options);
  ~AttachedSystem();
  AttachedSystem(const AttachedSystem&) = delete;
  AttachedSystem& operator=(const AttachedSystem&) = delete;

  /// Serves until so many clients have gone, patience is over or stop() says so. Simulated time
  /// passes only while there is work.
  AttachResult run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace siov::attach
