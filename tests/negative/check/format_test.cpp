// SPDX-License-Identifier: Apache-2.0
// pcie.md 12.1: each format rule broken once in an otherwise legal move of 600 bytes.
#include <gtest/gtest.h>

#include "pcie/tlp_factory.hpp"
#include "sequence.hpp"

namespace siov::check::test {

using pcie::Tlp;

namespace {

void legal_move(Sequence& s) {
  s.submit(0, s.move());
  s.run(5, s.move());
  s.end();
}

/// A move whose first read is changed on its way.
template <class F>
void move_with_read(Sequence& s, F change) {
  s.submit(0, s.move());
  Tlp read = s.read_request(5, 0x1000, 512);
  change(read);
  s.up(read);
}

/// A move whose first data write is changed.
template <class F>
void move_with_write(Sequence& s, F change) {
  s.submit(0, s.move());
  s.fetch(5, 0x1000, 600);
  Tlp write = s.data_write(5, 0x9000, s.memory.bytes(5, 0x1000, 256));
  change(write);
  s.up(write);
}

}  // namespace

NEGATIVE_TEST(ConfigRequestFromDevice, Rule::kPcie01, legal_move, [](Sequence& s) {
  s.up(pcie::config_read(kDevice, 9, {kHost, 0, 4}));
})
NEGATIVE_TEST(FourDwHeaderBelow4Gb, Rule::kPcie02, legal_move,
              [](Sequence& s) { move_with_read(s, [](Tlp& t) { t.four_dw = true; }); })
NEGATIVE_TEST(PayloadShorterThanLength, Rule::kPcie03, legal_move,
              [](Sequence& s) { move_with_write(s, [](Tlp& t) { t.payload_bytes = 252; }); })
NEGATIVE_TEST(PoisonedRead, Rule::kPcie04, legal_move,
              [](Sequence& s) { move_with_read(s, [](Tlp& t) { t.ep = true; }); })
NEGATIVE_TEST(TranslatedAddressWithoutAts, Rule::kPcie05, legal_move,
              [](Sequence& s) { move_with_read(s, [](Tlp& t) { t.at = 2; }); })
NEGATIVE_TEST(TrafficClassOutsideMap, Rule::kPcie06, legal_move,
              [](Sequence& s) { move_with_read(s, [](Tlp& t) { t.tc = 3; }); })
NEGATIVE_TEST(
    IdoWithoutEnable, Rule::kPcie07,
    [](Sequence& s) {
      s.submit(0, s.move());
      Tlp read = s.read_request(5, 0x1000, 512);
      read.ro = true;  // DevCtl bit 4 is set
      s.up(read);
      s.complete(read);
    },
    [](Sequence& s) { move_with_read(s, [](Tlp& t) { t.ido = true; }); })
NEGATIVE_TEST(
    UnknownPrefix, Rule::kPcie08,
    [](Sequence& s) { move_with_read(s, [](Tlp& t) { t.prefix.raw = 0x9100'0005; }); },
    [](Sequence& s) { move_with_read(s, [](Tlp& t) { t.prefix.raw = 0x9200'0005; }); })
NEGATIVE_TEST(
    ConfigWriteOfTwoDw, Rule::kPcie09, [](Sequence& s) { s.config_read(0x00, 0x0B25'8086); },
    [](Sequence& s) {
      Tlp read = s.config_read_request(0x00);
      read.last_be = 0xF;
      s.down(read);
    })
NEGATIVE_TEST(ReservedBit, Rule::kPcie10, legal_move,
              [](Sequence& s) { move_with_read(s, [](Tlp& t) { t.reserved_bits_set = true; }); })

}  // namespace siov::check::test
