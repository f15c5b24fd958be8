// SPDX-License-Identifier: Apache-2.0
// Storm and aim.
#include "hostile/attack_tools.hpp"

#include <algorithm>

#include "abi/siov_abi.hpp"

namespace siov::hostile {

Storm::Storm(Attacker& attacker, std::uint64_t gap_ns)
    : attacker_(attacker), gap_ns_(gap_ns), task_(coro::start_soon(run(), "storm")) {}

coro::Task<> Storm::end() {
  runs_ = false;
  co_await task_;
}

coro::Task<> Storm::run() {
  abi::Descriptor good = attacker_.copy();
  for (std::uint32_t round = 0; runs_; ++round) {
    const auto queue = static_cast<std::uint8_t>(round % kQueues);
    const std::uint64_t at = attacker_.portal(queue, round % 2 == 0) + 64 * (round % 64);
    const port::Line line = abi::to_line(good);
    attacker_.movdir64b(at, line);
    if (round % 4 == 1) attacker_.portal_write(at + 8 * (round % 8), 8, ~std::uint64_t{0});
    if (round % 5 == 2) attacker_.movdir64b(at, attacker_.random_line());
    const port::CompletionStatus status = co_await attacker_.enqcmd(at, line);
    static_cast<void>(status);
    co_await attacker_.wait_ns(gap_ns_);
  }
}

void must_trap(Attacker& a, std::uint8_t queue) {
  a.expect(!a.vdev()->portals_mapped(queue), "a portal is mapped that must not be");
  const std::uint64_t before = a.vdev()->trapped_submissions();
  a.movdir64b(a.portal(queue), a.random_line());
  a.expect(a.vdev()->trapped_submissions() == before + 1,
           "a store to a portal that is not mapped reaches the device");
}

coro::Task<> aim(Attacker& a, std::uint8_t queue, Iova target) {
  abi::Descriptor d = a.copy();
  d.destination = target;
  co_await a.submit(queue, d);
  d = a.copy();
  d.source = target;
  co_await a.submit(queue, d);
  d = a.copy();
  d.completion_address = Iova{target.value & ~std::uint64_t{31}};
  co_await a.submit(queue, d);
  co_await a.wait_ns(600);
}

}  // namespace siov::hostile
