// SPDX-License-Identifier: Apache-2.0
// Bring-up of the bare device: the shortest legal sequence, from the register tables of the DSA
// specification.
#include "raw_bench.hpp"

#include <array>

namespace siov::test {

coro::Task<> RawBench::configure_space() {
  co_await root.config_write(0x10, 4, static_cast<std::uint32_t>(kBar0));
  co_await root.config_write(0x14, 4, static_cast<std::uint32_t>(kBar0 >> 32));
  co_await root.config_write(0x18, 4, static_cast<std::uint32_t>(kBar2));
  co_await root.config_write(0x1C, 4, static_cast<std::uint32_t>(kBar2 >> 32));
  co_await root.config_write(0x48, 2, 0x2930);   // MPS 256, MRRS 512, extended tags
  co_await root.config_write(0x236, 2, 0x0005);  // PASID and privileged mode on
  co_await root.config_write(0x82, 2, 0x8000);   // MSI-X on
  co_await root.config_write(0x04, 2, 0x0006);   // memory space, bus master
  root.set_bar_base(port::Bar::kControl, kBar0);
  root.set_bar_base(port::Bar::kPortal, kBar2);
}

coro::Task<std::uint32_t> RawBench::bring_up(std::vector<RawQueue> queues,
                                             std::vector<std::uint32_t> engine_masks) {
  co_await configure_space();
  write(abi::kRegGencfg, 4, 1u << 12);  // user interrupts
  // Where the tables are and how wide a WQCFG entry is. @spec dsa 2.3, 2.5
  const std::uint64_t offsets = co_await read(abi::kRegOffsets, 8);
  const std::uint64_t wqcap = co_await read(abi::kRegWqcap, 8);
  const auto grpcfg = static_cast<std::uint32_t>(offsets & 0xFFFF) * 0x100;
  const auto wqcfg = static_cast<std::uint32_t>(offsets >> 16 & 0xFFFF) * 0x100;
  const std::uint32_t stride = 32u << (wqcap >> 24 & 0xF);
  for (std::size_t g = 0; g < engine_masks.size(); ++g) {
    std::array<std::uint64_t, 4> wqs{};  // dsa 2.8: a bitmap of 256 queues
    for (std::size_t w = 0; w < queues.size(); ++w)
      if (queues[w].group == g) wqs[w / 64] |= std::uint64_t{1} << w % 64;
    const std::uint32_t base = grpcfg + 64 * static_cast<std::uint32_t>(g);
    for (std::uint32_t i = 0; i < 4; ++i) write(base + 8 * i, 8, wqs[i]);
    write(base + 0x20, 8, engine_masks[g]);
  }
  for (std::size_t w = 0; w < queues.size(); ++w) {
    const RawQueue& q = queues[w];
    const std::uint32_t base = wqcfg + stride * static_cast<std::uint32_t>(w);
    write(base, 4, q.size);
    write(base + 4, 4, q.threshold);
    write(base + 8, 4,
          (q.dedicated ? 1u : 0u) | std::uint32_t{q.priority} << 4 | q.pasid << 8 | 1u << 28);
    write(base + 12, 4, 31u | 10u << 5);
  }
  std::uint32_t status = co_await command(abi::kCmdEnableDevice);
  for (std::size_t w = 0; status == 0 && w < queues.size(); ++w)
    status = co_await command(abi::kCmdEnableWq, static_cast<std::uint32_t>(w));
  co_return status;
}

}  // namespace siov::test
