// SPDX-License-Identifier: Apache-2.0
// The table of personalities; CMake makes personality_table.inc from rtl/personalities.txt.
#include "dut/personality.hpp"

#include <array>
#include <string>

#include "common/error.hpp"

namespace siov::dut {
namespace {

constexpr std::array kPersonalities{
#include "personality_table.inc"
};

}  // namespace

std::span<const Personality> personalities() { return kPersonalities; }

const Personality& personality(std::string_view name) {
  for (const Personality& p : kPersonalities)
    if (p.name == name) return p;
  throw HarnessError("no personality " + std::string(name));
}

}  // namespace siov::dut
