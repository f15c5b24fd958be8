// SPDX-License-Identifier: Apache-2.0
// Progress line.
#include "app/progress.hpp"

#include <unistd.h>

namespace siov::app {

Progress::Progress(std::FILE* out)
    : out_(out),
      terminal_(isatty(fileno(out)) == 1),
      start_(std::chrono::steady_clock::now()),
      last_(start_) {}

Progress::~Progress() {
  if (line_open_) std::fputs("\r\033[K", out_);
  std::fflush(out_);
}

void Progress::update(std::uint64_t done, std::uint64_t total, std::uint64_t cycles) {
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = seconds > 0 ? static_cast<double>(cycles) / seconds / 1000 : 0;
  const auto print = [&](const char* before, const char* after) {
    std::fprintf(out_, "%s%llu of %llu descriptors, %llu cycles, %.0f k cycles/s%s", before,
                 static_cast<unsigned long long>(done), static_cast<unsigned long long>(total),
                 static_cast<unsigned long long>(cycles), rate, after);
    std::fflush(out_);
  };
  if (terminal_) {
    if (now - last_ < std::chrono::milliseconds(200)) return;
    last_ = now;
    line_open_ = true;
    print("\r", "\033[K");
    return;
  }
  if (total == 0 || done * 10 < next_tenth_ * total) return;
  next_tenth_ = done * 10 / total + 1;
  print("  ", "\n");
}

}  // namespace siov::app
