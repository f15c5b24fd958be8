// SPDX-License-Identifier: Apache-2.0
// Command line: defaults, and one clear line for each wrong use.
#include "app/options.hpp"

#include <gtest/gtest.h>

#include <string>

#include "app/input_error.hpp"

namespace siov::app {
namespace {

std::string error_of(const std::vector<std::string>& arguments) {
  try {
    parse_options(arguments);
  } catch (const InputError& e) {
    return e.what();
  }
  return "no error";
}

TEST(OptionsTest, RunHasDefaults) {
  const Options o = parse_options({"run"});
  EXPECT_EQ(o.command, Command::kRun);
  EXPECT_EQ(o.input, "");
  EXPECT_EQ(o.out, "out/run");
  EXPECT_EQ(o.device, system::DeviceKind::kRtl);
  EXPECT_FALSE(o.seed.has_value());
  EXPECT_FALSE(o.waves);
}

TEST(OptionsTest, EveryOptionOfRunIsRead) {
  const Options o = parse_options({"run", "s.toml", "--seed", "9", "--device", "netlist", "--out",
                                   "o", "--waves", "--inject", "wrong-pasid", "--limit", "4"});
  EXPECT_EQ(o.input, "s.toml");
  EXPECT_EQ(o.seed, 9U);
  EXPECT_EQ(o.device, system::DeviceKind::kNetlist);
  EXPECT_EQ(o.out, "o");
  EXPECT_TRUE(o.waves);
  EXPECT_EQ(o.inject, std::vector<std::string>{"wrong-pasid"});
  EXPECT_EQ(o.limit, 4U);
}

TEST(OptionsTest, PasteLineQuotesForTheShell) {
  EXPECT_EQ(parse_options({"run", "a b.toml", "--seed", "9"}).paste, "run 'a b.toml' --seed 9");
}

TEST(OptionsTest, EveryCommandHasHelpWithExamples) {
  for (const char* command : {"run", "replay", "bench", "list-injections"}) {
    const Options o = parse_options({command, "--help"});
    EXPECT_EQ(o.command, Command::kHelp);
    EXPECT_NE(o.help.find("examples:"), std::string::npos) << command;
    for (const char* option : {"--seed", "--device", "--out", "--waves"}) {
      EXPECT_NE(o.help.find(option), std::string::npos) << command << " " << option;
    }
  }
}

TEST(OptionsTest, SweepIsAnOptionOfBench) {
  EXPECT_FALSE(parse_options({"bench"}).sweep);
  const Options o = parse_options({"bench", "--sweep", "--out", "docs"});
  EXPECT_TRUE(o.sweep);
  EXPECT_EQ(o.out, "docs");
}

TEST(OptionsTest, TranslationModeIsForRunAndReplay) {
  EXPECT_FALSE(parse_options({"run"}).mode.has_value());
  EXPECT_EQ(parse_options({"run", "--translation-mode", "off"}).mode,
            system::TranslationMode::kOff);
  EXPECT_EQ(parse_options({"run", "--translation-mode", "ats"}).mode,
            system::TranslationMode::kAts);
  EXPECT_EQ(parse_options({"replay", "t.csv", "--translation-mode", "pri"}).mode,
            system::TranslationMode::kPri);
}

TEST(OptionsTest, VersionIsACommand) {
  EXPECT_EQ(parse_options({"--version"}).command, Command::kVersion);
}

TEST(OptionsTest, WrongUseIsNamed) {
  EXPECT_EQ(
      error_of({}),
      "which command? expected run, replay, bench, hostile or list-injections (siov-cosim --help)");
  EXPECT_EQ(error_of({"rnu"}),
            "'rnu': expected run, replay, bench, hostile or list-injections (siov-cosim --help)");
  EXPECT_EQ(error_of({"run", "--sed", "1"}), "unrecognised option '--sed' (siov-cosim run --help)");
  EXPECT_EQ(error_of({"run", "--see", "1"}), "unrecognised option '--see' (siov-cosim run --help)");
  EXPECT_EQ(error_of({"bench", "--inject", "wrong-pasid"}),
            "unrecognised option '--inject' (siov-cosim bench --help)");
  EXPECT_EQ(error_of({"run", "--seed", "x"}),
            "--seed: expected a whole number below 10^18, found 'x'");
  EXPECT_EQ(error_of({"run", "--seed", "-1"}),
            "--seed: expected a whole number below 10^18, found '-1'");
  EXPECT_EQ(error_of({"run", "--device", "fpga"}),
            "--device: expected rtl, model or netlist, found 'fpga'");
  EXPECT_EQ(error_of({"run", "a.toml", "b.toml"}),
            "'b.toml': expected one input file (siov-cosim run --help)");
  EXPECT_EQ(error_of({"bench", "a.toml"}),
            "'a.toml': expected no input file (siov-cosim bench --help)");
  EXPECT_EQ(error_of({"run", "--translation-mode", "on"}),
            "--translation-mode: expected off, ats or pri, found 'on'");
  EXPECT_EQ(error_of({"bench", "--translation-mode", "ats"}),
            "unrecognised option '--translation-mode' (siov-cosim bench --help)");
  EXPECT_EQ(error_of({"replay"}), "which trace? expected siov-cosim replay TRACE.csv");
  EXPECT_EQ(error_of({"replay", "t.csv", "--translation", "third-stage"}),
            "--translation: expected first-stage, second-stage, nested or pass-through, found "
            "'third-stage'");
  EXPECT_EQ(error_of({"run", "--inject", "nothing"}),
            "--inject: expected a name of 'siov-cosim list-injections', found 'nothing'");
  EXPECT_EQ(error_of({"run", "--sweep"}), "unrecognised option '--sweep' (siov-cosim run --help)");
  EXPECT_EQ(error_of({"bench", "--sweep", "--only", "link_utilisation_4k"}),
            "--sweep: expected without --only; it measures all");
  EXPECT_EQ(error_of({"bench", "--sweep", "--waves"}),
            "--sweep: expected without --waves; it is many runs");
  EXPECT_EQ(error_of({"run", "--device", "model", "--waves"}),
            "--waves: expected --device rtl or netlist; the C++ model has no signals");
}

TEST(OptionsTest, GuestHasDefaults) {
  const Options o = parse_options({"guest", "--socket", "/tmp/v"});
  EXPECT_EQ(o.command, Command::kGuest);
  EXPECT_FALSE(o.guest.host);
  EXPECT_EQ(o.guest.sockets, std::vector<std::string>{"/tmp/v"});
  EXPECT_TRUE(o.guest.monitors.empty());
  EXPECT_EQ(o.guest.sessions, 1U);
  EXPECT_EQ(o.guest.patience, 600U);
}

TEST(OptionsTest, EveryOptionOfGuestIsRead) {
  const Options o = parse_options({"guest", "--mode", "host", "--socket", "s", "--qmp", "q",
                                   "--function", "3a:1f.7", "--sessions", "0", "--patience", "9"});
  EXPECT_TRUE(o.guest.host);
  EXPECT_EQ(o.guest.monitors, std::vector<std::string>{"q"});
  EXPECT_EQ(o.guest.functions, std::vector<std::uint16_t>{0x3AFF});
  EXPECT_EQ(o.guest.sessions, ~std::uint64_t{0});  // without end
  EXPECT_EQ(o.guest.patience, 9U);
}

TEST(OptionsTest, WrongGuestOptionsAreNamed) {
  const auto starts = [](const std::vector<std::string>& arguments, const std::string& with) {
    const std::string error = error_of(arguments);
    EXPECT_TRUE(error.starts_with(with)) << error;
  };
  starts({"guest"}, "--socket:");
  std::vector<std::string> nine{"guest"};
  for (int i = 0; i < 9; ++i) nine.insert(nine.end(), {"--socket", "s" + std::to_string(i)});
  starts(nine, "--socket:");
  starts({"guest", "--socket", "s", "--mode", "bare"}, "--mode:");
  starts({"guest", "--socket", "s", "--qmp", "a", "--qmp", "b"}, "--qmp:");
  starts({"guest", "--socket", "s", "--mode", "host"}, "--mode host:");
  starts({"guest", "--socket", "s", "--socket", "t", "--qmp", "q", "--mode", "host"},
         "--mode host:");
  starts({"guest", "--socket", "s", "--function", "00:04.0", "--function", "00:05.0"},
         "--function:");
  for (const char* bad : {"", "4", "00:20.0", "00:04.8", "00:04.0x", "zz:04.0", "0000:00:04.0"})
    starts({"guest", "--socket", "s", "--function", bad}, "--function:");
  starts({"guest", "--socket", "s", "--sessions", "many"}, "--sessions");
  starts({"guest", "--socket", "s", "--patience", "-1"}, "--patience");
  starts({"guest", "--socket", "s", "--patience", "1000000001"}, "--patience:");
}

}  // namespace
}  // namespace siov::app
