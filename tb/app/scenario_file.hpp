// SPDX-License-Identifier: Apache-2.0
// Scenario files: TOML to system::Scenario, with every key and range checked (docs/scenarios.md has
// the keys).
//
//   system::Scenario scenario = app::load_scenario("scenarios/default.toml");
#pragma once

#include <string>
#include <string_view>

#include "system/scenario.hpp"

namespace siov::app {

/// Reads a scenario and the traces it names.
/// @throws InputError `file:line: key: expected ...` for syntax, unknown keys, wrong types, values
/// out of range
system::Scenario load_scenario(const std::string& path);

/// The same from text, without loading traces (their paths are kept as written); `name` stands for
/// the file in messages.
system::Scenario parse_scenario(std::string_view text, const std::string& name);

}  // namespace siov::app
