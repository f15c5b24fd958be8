// SPDX-License-Identifier: Apache-2.0
// Gearboxes of a 256-bit link: a TLP of n DW travels as ceil(n / 8) narrow or ceil(n / 16) wide
// beats, at least one; header and prefix with the first, payload in address order
// (docs/architecture.md 1.1).
#include <cstring>
#include <deque>
#include <vector>

#include "Vgearbox_rx.h"
#include "Vgearbox_tx.h"
#include "block.hpp"

namespace siov::test {
namespace {

constexpr std::uint32_t kWrite = 0x40000000, kRead = 0x00000000;  // Fmt and Type of MWr, MRd
constexpr std::uint32_t kPoison = 1u << 14;                       // EP, PCIe 2.2.1

/// One TLP: payload is whole DWs; a read has Length but no payload.
struct Packet {
  std::uint32_t header[4] = {};
  bool prefix_valid = false;
  std::uint32_t prefix = 0;
  std::vector<std::uint32_t> payload;
};

struct Piece {
  bool sop = false, eop = false, prefix_valid = false;
  std::uint32_t header[4] = {};
  std::uint32_t prefix = 0;
  std::vector<std::uint32_t> data;
};

Packet random_packet(Random& random, std::uint32_t dws, bool read) {
  Packet p;
  p.header[0] = (read ? kRead : kWrite) | (dws & 0x3FF);
  for (int i = 1; i < 4; ++i) p.header[i] = random.word();
  p.prefix_valid = random.percent(50);
  p.prefix = p.prefix_valid ? random.word() : 0;
  if (!read)
    for (std::uint32_t i = 0; i < dws; ++i) p.payload.push_back(random.word());
  return p;
}

/// Beats of `words` DWs; the last one is filled with `filler`.
std::vector<Piece> pieces(const Packet& p, std::size_t words, std::uint32_t filler) {
  const std::size_t count = p.payload.empty() ? 1 : (p.payload.size() + words - 1) / words;
  std::vector<Piece> list(count);
  for (std::size_t i = 0; i < count; ++i) {
    list[i].sop = i == 0;
    list[i].eop = i + 1 == count;
    if (i == 0) {
      std::memcpy(list[i].header, p.header, sizeof p.header);
      list[i].prefix_valid = p.prefix_valid;
      list[i].prefix = p.prefix;
    }
    list[i].data.assign(words, filler);
    for (std::size_t w = 0; w < words && i * words + w < p.payload.size(); ++w)
      list[i].data[w] = p.payload[i * words + w];
  }
  return list;
}

template <class Model>
void drive(Model& dut, const Piece& piece) {
  dut.in_sop_i = piece.sop;
  dut.in_eop_i = piece.eop;
  dut.in_prefix_valid_i = piece.prefix_valid;
  dut.in_prefix_i = piece.prefix;
  for (int i = 0; i < 4; ++i) dut.in_hdr_i[i] = piece.header[i];
  for (std::size_t i = 0; i < piece.data.size(); ++i) dut.in_data_i[i] = piece.data[i];
}

template <class Model>
Piece observe(const Model& dut, std::size_t words) {
  Piece piece;
  piece.sop = dut.out_sop_o;
  piece.eop = dut.out_eop_o;
  piece.prefix_valid = dut.out_prefix_valid_o;
  piece.prefix = dut.out_prefix_o;
  for (int i = 0; i < 4; ++i) piece.header[i] = dut.out_hdr_o[i];
  for (std::size_t i = 0; i < words; ++i) piece.data.push_back(dut.out_data_o[i]);
  return piece;
}

/// Compares beats with a packet; what lies behind the payload in the last beat is not compared.
void expect_packet(const Packet& want, const std::vector<Piece>& got, std::size_t words) {
  const std::vector<Piece> model = pieces(want, words, 0);
  ASSERT_EQ(got.size(), model.size()) << want.payload.size() << " DW";
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].sop, i == 0);
    EXPECT_EQ(got[i].eop, i + 1 == got.size());
    if (i == 0) {
      for (int w = 0; w < 4; ++w) EXPECT_EQ(got[i].header[w], want.header[w]) << w;
      EXPECT_EQ(got[i].prefix_valid, want.prefix_valid);
      if (want.prefix_valid) EXPECT_EQ(got[i].prefix, want.prefix);
    }
    for (std::size_t w = 0; w < words && i * words + w < want.payload.size(); ++w)
      ASSERT_EQ(got[i].data[w], want.payload[i * words + w]) << "beat " << i << " word " << w;
  }
}

/// Every length up to 512 bytes as a write, some as reads, in random order.
std::vector<Packet> mixture(Random& random) {
  std::vector<Packet> list;
  for (int round = 0; round < 4; ++round) {
    for (std::uint32_t dws = 1; dws <= 128; ++dws) {
      list.push_back(random_packet(random, dws, false));
      if (random.percent(30)) list.push_back(random_packet(random, 1 + random.below(1024), true));
    }
  }
  for (std::size_t i = list.size(); i > 1; --i)
    std::swap(list[i - 1], list[random.below(static_cast<std::uint32_t>(i))]);
  return list;
}

/// Plays wide beats into the transmitter's gearbox. @return narrow packets
std::vector<std::vector<Piece>> transmit(Block<Vgearbox_tx>& b, const std::vector<Piece>& input,
                                         Random& random, std::uint32_t offer_percent,
                                         std::uint32_t take_percent) {
  std::vector<std::vector<Piece>> packets;
  std::vector<Piece> current;
  std::size_t next = 0;
  bool offered = false;
  b.dut->in_valid_i = 0;
  b.dut->out_ready_i = 0;
  b.reset();
  for (int idle = 0; idle < 64;) {
    offered = offered || (next < input.size() && random.percent(offer_percent));
    b.dut->in_valid_i = offered;
    if (offered) drive(*b.dut, input[next]);
    b.dut->out_ready_i = random.percent(take_percent);
    b.settle();
    if (b.dut->out_valid_o && b.dut->out_ready_i) {
      current.push_back(observe(*b.dut, 8));
      if (b.dut->out_eop_o) {
        packets.push_back(current);
        current.clear();
      }
    }
    if (offered && b.dut->in_ready_o) {
      offered = false;
      ++next;
    }
    idle = next == input.size() && !b.dut->out_valid_o ? idle + 1 : 0;
    b.edge();
  }
  EXPECT_TRUE(current.empty());
  return packets;
}

TEST(GearboxTxTest, EveryLengthLeavesWholeInAsFewBeatsAsItNeeds) {
  for (const std::uint32_t take : {100u, 60u, 20u}) {
    Random random(take);
    const std::vector<Packet> packets = mixture(random);
    std::vector<Piece> input;
    for (const Packet& p : packets)
      for (const Piece& piece : pieces(p, 16, random.word())) input.push_back(piece);
    Block<Vgearbox_tx> b;
    const auto output = transmit(b, input, random, take == 100 ? 100 : 70, take);
    ASSERT_EQ(output.size(), packets.size());
    for (std::size_t i = 0; i < output.size(); ++i) expect_packet(packets[i], output[i], 8);
  }
}

TEST(GearboxTxTest, NarrowSideHasNoIdleCycleWhileBeatsWait) {
  Random random(7);
  const std::vector<Packet> packets = mixture(random);
  std::vector<Piece> input;
  std::size_t narrow = 0;
  for (const Packet& p : packets) {
    for (const Piece& piece : pieces(p, 16, 0)) input.push_back(piece);
    narrow += pieces(p, 8, 0).size();
  }
  Block<Vgearbox_tx> b;
  b.dut->in_valid_i = 0;
  b.dut->out_ready_i = 1;
  b.reset();
  std::size_t next = 0, moved = 0, cycles = 0;
  while (moved < narrow && cycles < 2 * narrow) {
    b.dut->in_valid_i = next < input.size();
    if (next < input.size()) drive(*b.dut, input[next]);
    b.settle();
    moved += b.dut->out_valid_o;
    if (b.dut->in_valid_i && b.dut->in_ready_o) ++next;
    ++cycles;
    b.edge();
  }
  EXPECT_EQ(cycles, narrow + 1);  // one cycle of latency, then a beat a cycle
}

/// Plays narrow beats into the receiver's gearbox. @return wide packets
std::vector<std::vector<Piece>> receive(Block<Vgearbox_rx>& b, const std::vector<Piece>& input,
                                        Random& random, std::uint32_t percent) {
  std::vector<std::vector<Piece>> packets;
  std::vector<Piece> current;
  b.dut->in_valid_i = 0;
  b.reset();
  std::size_t next = 0;
  for (int idle = 0; idle < 64;) {
    const bool valid = next < input.size() && random.percent(percent);
    b.dut->in_valid_i = valid;
    // Without valid the pins carry rubbish.
    Piece rubbish;
    rubbish.sop = random.percent(50);
    rubbish.eop = random.percent(50);
    rubbish.data.assign(8, random.word());
    drive(*b.dut, valid ? input[next++] : rubbish);
    b.settle();
    if (b.dut->out_valid_o) {
      current.push_back(observe(*b.dut, 16));
      if (b.dut->out_eop_o) {
        packets.push_back(current);
        current.clear();
      }
    }
    idle = next == input.size() && !b.dut->out_valid_o ? idle + 1 : 0;
    b.edge();
  }
  EXPECT_TRUE(current.empty());
  return packets;
}

TEST(GearboxRxTest, EveryLengthArrivesWholeWithAndWithoutGaps) {
  for (const std::uint32_t percent : {100u, 50u, 10u}) {
    Random random(percent);
    const std::vector<Packet> packets = mixture(random);
    std::vector<Piece> input;
    for (const Packet& p : packets)
      for (const Piece& piece : pieces(p, 8, random.word())) input.push_back(piece);
    Block<Vgearbox_rx> b;
    const auto output = receive(b, input, random, percent);
    ASSERT_EQ(output.size(), packets.size());
    for (std::size_t i = 0; i < output.size(); ++i) expect_packet(packets[i], output[i], 16);
  }
}

// A payload shorter than Length is malformed (PCIe 2.2.2) and must not look whole behind the
// gearbox: with 17 DW or more a wide beat is missing, with 9..16 DW the payload is poisoned.
TEST(GearboxRxTest, PacketWithoutItsLastHalfDoesNotLookWhole) {
  Random random(3);
  for (const std::uint32_t percent : {100u, 40u}) {
    for (std::uint32_t dws = 9; dws <= 128; ++dws) {
      if ((dws - 1) % 16 < 8) continue;  // its last half is not an upper one
      const Packet before = random_packet(random, 1 + random.below(64), false);
      const Packet cut = random_packet(random, dws, false);
      const Packet after = random_packet(random, 1 + random.below(64), false);
      std::vector<Piece> input = pieces(before, 8, 0);
      std::vector<Piece> short_one = pieces(cut, 8, 0);
      short_one.pop_back();
      short_one.back().eop = true;
      input.insert(input.end(), short_one.begin(), short_one.end());
      for (const Piece& piece : pieces(after, 8, 0)) input.push_back(piece);
      Block<Vgearbox_rx> b;
      const auto output = receive(b, input, random, percent);
      ASSERT_EQ(output.size(), 3u);
      expect_packet(before, output[0], 16);
      expect_packet(after, output[2], 16);
      const std::size_t whole = (dws + 15) / 16;
      if (whole == 1) {
        ASSERT_EQ(output[1].size(), 1u);
        EXPECT_EQ(output[1][0].header[0], cut.header[0] | kPoison);
      } else {
        ASSERT_EQ(output[1].size(), whole - 1) << dws;
        EXPECT_EQ(output[1][0].header[0], cut.header[0]);
        for (std::size_t i = 0; i < 16 * (whole - 1); ++i)
          ASSERT_EQ(output[1][i / 16].data[i % 16], cut.payload[i]);
      }
    }
  }
}

TEST(GearboxRxTest, PacketCutAnywhereElseEndsWhereItWasCut) {
  Random random(5);
  for (std::size_t kept = 1; kept < 8; ++kept) {
    const Packet cut = random_packet(random, 64, false);  // 8 halves, 4 beats
    std::vector<Piece> input = pieces(cut, 8, 0);
    input.resize(kept);
    input.back().eop = true;
    Block<Vgearbox_rx> b;
    const auto output = receive(b, input, random, 70);
    ASSERT_EQ(output.size(), 1u);
    EXPECT_LT(output[0].size(), 4u) << kept;  // siov_rx expects 4
  }
}

}  // namespace
}  // namespace siov::test
