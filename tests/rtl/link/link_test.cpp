// SPDX-License-Identifier: Apache-2.0
// siov_link alone, with the parameters of a small and of a large device: BAR sizes and what goes
// where in them, 10-bit tags, posted streams beyond the engines'. Headers are typed from PCIe 2.2.
#include <algorithm>
#include <array>
#include <vector>

#include "Vlink_large.h"
#include "Vlink_small.h"
#include "link_bench.hpp"

namespace siov::test {
namespace {

// dsa 1.2, 1.3, SIOV-D-04; pcie.md 10.2, 10.4.
TEST(LinkTest, LargeDeviceHasWideBarsTablesAndLongTags) {
  LinkBench<Vlink_large> b;
  for (const std::uint32_t offset : {0x10u, 0x14u, 0x18u, 0x1Cu}) b.config_write(offset, ~0u);
  EXPECT_EQ(b.config_read(0x10), 0xFFFC000Cu);  // 256 KiB
  EXPECT_EQ(b.config_read(0x14), 0xFFFFFFFFu);
  EXPECT_EQ(b.config_read(0x18), 0xFFE0000Cu);  // 128 portals of 16 KiB
  EXPECT_EQ(b.config_read(0x1C), 0xFFFFFFFFu);
  EXPECT_EQ(b.config_read(0x80), 0x00809011u);  // 129 vectors
  EXPECT_EQ(b.config_read(0x84), 0x00020000u);
  EXPECT_EQ(b.config_read(0x88), 0x00028000u);
  EXPECT_EQ(b.config_read(0x64), 0x10730010u);  // 10-bit tags, completer and requester
  EXPECT_EQ(b.config_read(0x214), 1u);
}

TEST(LinkTest, SmallDeviceHasNarrowBarsAndNoLongTags) {
  LinkBench<Vlink_small> b;
  for (const std::uint32_t offset : {0x10u, 0x14u, 0x18u, 0x1Cu}) b.config_write(offset, ~0u);
  EXPECT_EQ(b.config_read(0x10), 0xFFFF000Cu);  // 64 KiB
  EXPECT_EQ(b.config_read(0x18), 0xFFFF000Cu);  // 4 portals of 16 KiB
  EXPECT_EQ(b.config_read(0x80), 0x00049011u);  // 5 vectors
  EXPECT_EQ(b.config_read(0x84), 0x00002000u);
  EXPECT_EQ(b.config_read(0x88), 0x00003000u);
  EXPECT_EQ(b.config_read(0x64), 0x10700010u);
  EXPECT_EQ(b.config_read(0x214), 0u);  // no interrupt message storage
  b.config_write(0x68, 0x1000);
  EXPECT_EQ(b.config_read(0x68), 0u);
  EXPECT_EQ(b.dut->cfg_o >> 34 & 1, 0u);
}

TEST(LinkTest, LongTagEnableIsTakenByItsByteAndClearedByReset) {
  LinkBench<Vlink_large> b;
  b.config_write(0x68, 0x1000);
  EXPECT_EQ(b.config_read(0x68), 0x1000u);
  EXPECT_EQ(b.dut->cfg_o >> 34 & 1, 1u);
  b.send({kCfgWr, 0x01, 0x01000068, 0});  // byte 0 alone
  EXPECT_EQ(b.config_read(0x68), 0x1000u);
  b.send({kCfgWr, 0x0F, 0x01000048, 0}, {0xA910});  // function-level reset
  b.ups.clear();
  EXPECT_EQ(b.config_read(0x68), 0u);
  EXPECT_EQ(b.dut->cfg_o >> 34 & 1, 0u);
}

TEST(LinkTest, RegistersAndPortalsAreReachedToTheEndsOfTheBars) {
  LinkBench<Vlink_large> large;
  large.bring_up();
  EXPECT_EQ(large.read_status(kBar0 + 0x3FFF8), 0u);
  EXPECT_EQ(large.read_status(kBar0 + 0x20010), 0u);
  EXPECT_EQ(large.registers, (std::vector<std::uint32_t>{0x3FFF8, 0x20010}));
  EXPECT_EQ(large.read_status(kBar0 + 0x40000), 1u);  // unsupported request
  EXPECT_EQ(large.read_status(kBar0 - 8), 1u);
  large.send({kMWr | 0xF, 0xFF, kBar2 + 127 * 0x4000 + 0x3000, 0});
  ASSERT_EQ(large.portals.size(), 1u);
  EXPECT_EQ(large.portals[0] & 0x3FF, (127u << 2 | 3)) << "portal 127, IMS page, limited";
  EXPECT_EQ(large.read_status(kBar2 + 0x200000), 1u);

  LinkBench<Vlink_small> small;
  small.bring_up();
  EXPECT_EQ(small.read_status(kBar0 + 0xFFF8), 0u);
  EXPECT_EQ(small.registers, (std::vector<std::uint32_t>{0xFFF8}));
  EXPECT_EQ(small.read_status(kBar0 + 0x10000), 1u);
  EXPECT_EQ(small.read_status(kBar2 + 0x10000), 1u);
}

TEST(LinkTest, AllTenTagBitsGoOutAndComeBack) {
  LinkBench<Vlink_large> b;
  b.bring_up();
  for (const unsigned tag : {0x2A5u, 0x15Au, 0x3FFu, 0x100u, 0x03Fu}) {
    request(b.dut->rd_req_i, 3, 0x4000, 16, tag);
    b.dut->rd_valid_i = 8;
    do b.cycle();
    while (!b.dut->rd_ready_o);
    b.cycle();
    b.dut->rd_valid_i = 0;
    for (int i = 0; i < 5; ++i) b.cycle();
    ASSERT_FALSE(b.ups.empty());
    const Up& read = b.ups.back();
    EXPECT_EQ(read.header[0] >> 23 & 1, tag >> 9 & 1) << "T9";
    EXPECT_EQ(read.header[0] >> 19 & 1, tag >> 8 & 1) << "T8";
    EXPECT_EQ(read.header[1] >> 8 & 0xFF, tag & 0xFF);
    b.ups.clear();
    // Completion for us: bus 1, device 0; the tag's upper bits in DW0.
    b.completion_tags.clear();
    b.send({0x4A000010 | (tag >> 9 & 1) << 23 | (tag >> 8 & 1) << 19, 0x00000040,
            0x01000000 | (tag & 0xFF) << 8, 0});
    EXPECT_EQ(b.completion_tags, (std::vector<unsigned>{tag}));
  }
}

// A completer echoes all ten bits (pcie.md 3).
TEST(LinkTest, CompletionsEchoAllTenTagBits) {
  LinkBench<Vlink_large> b;
  for (const unsigned tag : {0x2A5u, 0x15Au, 0x0FFu, 0x300u}) {
    b.send({kCfgRd | (tag >> 9 & 1) << 23 | (tag >> 8 & 1) << 19, (tag & 0xFF) << 8 | 0xF,
            0x01000000, 0});
    ASSERT_EQ(b.ups.size(), 1u);
    EXPECT_EQ(b.ups[0].header[0] >> 23 & 1, tag >> 9 & 1);
    EXPECT_EQ(b.ups[0].header[0] >> 19 & 1, tag >> 8 & 1);
    EXPECT_EQ(b.ups[0].header[2] >> 8 & 0xFF, tag & 0xFF);
    b.ups.clear();
  }
}

// Five posted streams behind four engines: each TLP whole, each stream in its order, none starved.
TEST(LinkTest, PostedStreamBesideTheEnginesIsServedLikeTheirs) {
  LinkBench<Vlink_large> b;
  b.bring_up();
  Random random(11);
  constexpr unsigned kStreams = 5, kTlps = 100;
  struct Stream {
    unsigned sent = 0, dws = 0, beat = 0;
  };
  std::array<Stream, kStreams> streams;
  std::array<std::vector<unsigned>, kStreams> lengths;
  for (unsigned total = 0; total < kStreams * kTlps;) {
    unsigned valid = 0, sop = 0, eop = 0;
    for (unsigned s = 0; s < kStreams; ++s) {
      Stream& x = streams[s];
      if (x.dws == 0 && x.sent < kTlps) {
        x.dws = 1 + random.below(32);
        x.beat = 0;
        lengths[s].push_back(x.dws);
        request(b.dut->wr_req_i, s, 0x100000 * (s + 1) + 128 * x.sent, x.dws, 0);
      }
      if (x.dws == 0) continue;
      valid |= 1u << s;
      sop |= (x.beat == 0 ? 1u : 0u) << s;
      eop |= (16 * (x.beat + 1) >= x.dws ? 1u : 0u) << s;
      for (unsigned w = 0; w < 16; ++w)
        put(b.dut->wr_data_i, 512 * s + 32 * w, 32, s << 24 | x.sent << 8 | (16 * x.beat + w));
    }
    b.dut->wr_valid_i = static_cast<std::uint8_t>(valid);
    b.dut->wr_sop_i = static_cast<std::uint8_t>(sop);
    b.dut->wr_eop_i = static_cast<std::uint8_t>(eop);
    b.dut->up_ready_i = random.percent(70);
    b.settle();
    const unsigned moved = valid & b.dut->wr_ready_o;
    const bool taken = b.dut->up_ready_i;
    if (!taken && b.dut->up_valid_o) {
      b.edge();  // nothing is seen of a beat that does not move
    } else {
      b.cycle();
    }
    for (unsigned s = 0; s < kStreams; ++s) {
      if ((moved >> s & 1) == 0) continue;
      Stream& x = streams[s];
      if ((eop >> s & 1) != 0) {
        x.dws = 0;
        ++x.sent;
        ++total;
      } else {
        ++x.beat;
      }
    }
    ASSERT_LT(b.cycles, 100000u);
    // Round robin: no stream gets more than a few TLPs ahead.
    const auto [low, high] = std::minmax_element(streams.begin(), streams.end(),
                                                 [](auto& p, auto& q) { return p.sent < q.sent; });
    EXPECT_LE(high->sent - low->sent, 2u);
  }
  b.dut->wr_valid_i = 0;
  b.dut->up_ready_i = 1;
  for (int i = 0; i < 20; ++i) b.cycle();
  std::array<unsigned, kStreams> seen{};
  for (const Up& tlp : b.ups) {
    const unsigned s = (tlp.header[2] >> 20) - 1;
    ASSERT_LT(s, kStreams);
    const unsigned n = seen[s]++;
    ASSERT_LT(n, kTlps);
    EXPECT_EQ(tlp.header[0], 0x40000000u | lengths[s][n]);
    EXPECT_EQ(tlp.header[2], 0x100000 * (s + 1) + 128 * n);
    ASSERT_EQ(tlp.data.size(), (lengths[s][n] + 15) / 16 * 16);
    for (unsigned w = 0; w < lengths[s][n]; ++w)
      ASSERT_EQ(tlp.data[w], s << 24 | n << 8 | w) << "stream " << s << " TLP " << n;
  }
  for (unsigned s = 0; s < kStreams; ++s) EXPECT_EQ(seen[s], kTlps);
}

}  // namespace
}  // namespace siov::test
