// SPDX-License-Identifier: Apache-2.0
// Progress: how far a run is. One line that is rewritten on a terminal; a plain line each tenth
// elsewhere.
//
//   app::Progress progress(stderr);
//   options.progress = &progress;
#pragma once

#include <chrono>
#include <cstdio>

#include "system/run_result.hpp"

namespace siov::app {

class Progress : public system::ProgressSink {
 public:
  explicit Progress(std::FILE* out);
  /// Ends the line on a terminal.
  ~Progress() override;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void update(std::uint64_t done, std::uint64_t total, std::uint64_t cycles) override;

 private:
  std::FILE* out_;
  bool terminal_;
  bool line_open_ = false;
  std::uint64_t next_tenth_ = 1;
  std::chrono::steady_clock::time_point start_, last_;
};

}  // namespace siov::app
