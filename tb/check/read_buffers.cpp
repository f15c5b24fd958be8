// SPDX-License-Identifier: Apache-2.0
// ReadBuffers: buffers held, allowed, reserved.
#include "check/read_buffers.hpp"

#include <fmt/format.h>

namespace siov::check {

namespace {
constexpr std::uint32_t kLineBytes = 64, kBufferLines = 8;
}  // namespace

std::uint32_t ReadBuffers::held(const Group& group) const {
  std::uint32_t lines = 0;
  for (std::size_t e = 0; e < Outstanding::kEngines; ++e) {
    if ((group.engines >> e & 1) != 0) lines += bench_.device_requests.lines(e);
  }
  return (lines + kBufferLines - 1) / kBufferLines;
}

std::string ReadBuffers::finding(const Group& mine) const {
  const std::uint32_t total = bench_.registers.read_buffers(), used = held(mine);
  if (used > mine.allowed)
    return fmt::format("{} read buffers in use, {} are allowed", used, mine.allowed);
  if (used <= mine.reserved) return {};
  std::uint32_t reserved = 0, shared = 0;
  for (const Group& g : bench_.registers.groups()) {
    const std::uint32_t now = held(g);
    reserved += g.reserved;
    shared += now > g.reserved ? now - g.reserved : 0;
  }
  if (reserved > total || shared <= total - reserved) return {};
  return fmt::format("{} read buffers in use beyond the reserved ones, {} of {} are not reserved",
                     shared, total - reserved, total);
}

bool ReadBuffers::forget_timed_out(std::uint64_t cycle) {
  bool any = false;
  bench_.device_requests.for_each_active([&](std::uint16_t, Request& r) {
    if (r.lines == 0 || cycle < r.cycle + bench_.config.device_timeout_cycles) return;
    bench_.device_requests.release_lines(r);
    any = true;
  });
  return any;
}

void ReadBuffers::on_data_read(Request& request, const pcie::Tlp& t, std::uint64_t cycle) {
  const ConfigShadow& f = bench_.function;
  const bool bytes = f.extended_tag || f.ten_bit_tag;
  const std::uint32_t tags = bytes ? bench_.config.engine_tags : bench_.config.engine_tags_short;
  if (tags == 0) return;
  const std::uint32_t engine = (t.tag & 0xFFu) / tags;
  if (engine >= Outstanding::kEngines) return;
  bench_.device_requests.hold_lines(request, engine, (request.span + kLineBytes - 1) / kLineBytes);
  bench_.report.check(Rule::kReadBuffers);
  for (const Group& g : bench_.registers.groups()) {
    if ((g.engines >> engine & 1) == 0) continue;
    std::string text = finding(g);
    if (!text.empty() && forget_timed_out(cycle)) text = finding(g);
    if (!text.empty()) {
      bench_.report.violation(Rule::kReadBuffers, bench_.context(t, cycle),
                              fmt::format("engine {}: {}", engine, text));
    }
    return;
  }
}

}  // namespace siov::check
