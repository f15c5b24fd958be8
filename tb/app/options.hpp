// SPDX-License-Identifier: Apache-2.0
// Options: the command line of siov-cosim, checked.
//
//   app::Options options = app::parse_options({"run", "scenarios/default.toml", "--seed", "7"});
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "system/scenario.hpp"

namespace siov::app {

enum class Command : std::uint8_t {
  kHelp,
  kVersion,
  kRun,
  kReplay,
  kBench,
  kHostile,
  kListInjections,
  kGuest
};

/// guest: what is attached.
struct GuestSettings {
  bool host = false;                     ///< --mode host; else vdev
  std::vector<std::string> sockets;      ///< vfio-user
  std::vector<std::string> monitors;     ///< QMP, in the order of sockets
  std::vector<std::uint16_t> functions;  ///< bus, device, function in the guest, likewise
  std::uint64_t sessions = 1;
  std::uint64_t patience = 600;  ///< [s]
};

struct Options {
  Command command = Command::kHelp;
  std::string help;   ///< text to print for kHelp
  std::string input;  ///< scenario or trace; empty: the default scenario
  std::optional<std::uint64_t> seed;
  system::DeviceKind device = system::DeviceKind::kRtl;
  std::string out;  ///< directory
  bool waves = false;
  std::vector<std::string> inject;
  /// run: seeds to play one after the other, first and last; absent: one run
  std::optional<std::pair<std::uint64_t, std::uint64_t>> seeds;
  std::optional<system::Personality> personality;  ///< run: instead of the scenario's
  std::uint64_t limit = 0;  ///< run, replay: at most this many operations a tenant; 0: all
  std::string translation = "first-stage";      ///< replay
  std::optional<system::TranslationMode> mode;  ///< run, replay: instead of the scenario's
  std::vector<std::string> only;                ///< bench: names to measure; hostile: attacks
  bool list = false;                            ///< hostile: name the attacks, play none
  bool sweep = false;                           ///< bench: the sweep instead of the numbers
  GuestSettings guest;
  std::string paste;  ///< the command line as typed, quoted for a shell
};

/// @param arguments  without the program's name
/// @throws InputError on an unknown command or option, or a value out of range
Options parse_options(const std::vector<std::string>& arguments);

}  // namespace siov::app
