// SPDX-License-Identifier: Apache-2.0
// Attacks, one after the other, and what came of them.
#include "app/hostile_command.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "app/input_error.hpp"
#include "hostile/trial.hpp"

namespace siov::app {

namespace {

void print_table() {
  fmt::print("{:<26} {:<20} {:<20} {}\n", "name", "aims at", "clause",
             "what it does; what must happen");
  for (const hostile::Attack& a : hostile::attacks())
    fmt::print("{:<26} {:<20} {:<20} {}; {}\n", a.name, to_string(a.group), a.clause, a.what,
               a.must);
  fmt::print(
      "\n{} kinds of attack. For all of them: no victim changes, and nothing of one is seen.\n",
      hostile::attacks().size());
}

}  // namespace

Exit play_hostile(const Options& options) {
  for (const std::string& name : options.only) {
    if (hostile::find_attack(name) == nullptr)
      throw InputError(
          fmt::format("--only: expected a name of 'siov-cosim hostile --list', found '{}'", name));
  }
  if (options.list) {
    print_table();
    return Exit::kGood;
  }
  hostile::TrialOptions trial;
  trial.device = options.device;
  trial.seed = options.seed.value_or(1);
  trial.inject = options.inject;
  hostile::Suite suite(trial);
  fmt::print("hostile: seed {}, device {}\n\n{:<26} {:>8} {:>8} {:>7} {:>7}  {}\n", trial.seed,
             to_string(trial.device), "attack", "accesses", "cycles", "faults", "errors", "result");
  std::uint64_t played = 0, bad = 0;
  for (const hostile::Attack& attack : hostile::attacks()) {
    if (!options.only.empty() && std::ranges::count(options.only, attack.name) == 0) continue;
    const hostile::Verdict v = suite.run(attack);
    ++played;
    bad += v.good() ? 0 : 1;
    fmt::print("{:<26} {:>8} {:>8} {:>7} {:>7}  {}\n", attack.name, v.steps, v.cycles, v.faults,
               v.errors,
               v.good() ? "nobody notices"
                        : fmt::format("{} changed, {} leaked, {} broken", v.changed.size(),
                                      v.leaked.size(), v.broken.size()));
    if (!v.good()) fmt::print("{}\n", v.text());
    std::fflush(stdout);
  }
  fmt::print("\n{} attacks, {} got through\n\n{}\n", played, bad, bad == 0 ? "GOOD" : "FAILED");
  return bad == 0 ? Exit::kGood : Exit::kFailed;
}

}  // namespace siov::app
