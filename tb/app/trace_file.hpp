// SPDX-License-Identifier: Apache-2.0
// Trace files: memory operations of a real program as CSV (traces/README.md has the format).
//
//   std::vector<system::TraceOperation> ops = app::load_trace("traces/sqlite.csv");
#pragma once

#include <istream>
#include <string>
#include <vector>

#include "system/scenario.hpp"

namespace siov::app {

/// Largest operation a trace may hold [bytes].
inline constexpr std::uint32_t kMaxTraceBytes = 1U << 21;

/// Reads a whole trace. @throws InputError naming file, line and column when anything is not as the
/// format says
std::vector<system::TraceOperation> load_trace(const std::string& path);

/// The same from a stream; `name` stands for the file in messages.
std::vector<system::TraceOperation> parse_trace(std::istream& in, const std::string& name);

}  // namespace siov::app
