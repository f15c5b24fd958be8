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

}  // namespace
}  // namespace siov::app
