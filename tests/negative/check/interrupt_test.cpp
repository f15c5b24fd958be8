// SPDX-License-Identifier: Apache-2.0
// pcie.md 12.6, SIOV-D-27..37: interrupt messages.
#include <gtest/gtest.h>

#include "pcie/tlp_factory.hpp"
#include "sequence.hpp"

namespace siov::check::test {

using pcie::Tlp;

namespace {

/// A move with an interrupt by IMS entry 1, everything but the message.
void move_without_message(Sequence& s) {
  s.submit(0, s.with_interrupt(s.move(), 1));
  s.run(5, s.move());
}

void legal(Sequence& s) {
  move_without_message(s);
  s.up(s.message(true, 1));
  s.end();
}

void legal_msix(Sequence& s) {
  s.submit(0, s.with_interrupt(s.move(), 2), 0);  // MSI-X page
  s.run(5, s.move());
  s.up(s.message(false, 2));
  s.end();
}

}  // namespace

/// A descriptor of which only the interrupt shows comes to its turn long after one that has ended.
abi::Descriptor signal_only(const Sequence& s) {
  abi::Descriptor d = s.with_interrupt(s.noop(), 1);
  d.flags &= ~0x08u;  // RCR
  return d;
}

void signals_late(Sequence& s) {
  const abi::Descriptor move = s.with_interrupt(s.move(), 1);
  s.submit(0, signal_only(s));
  s.submit(0, move);
  s.run(5, move);
  s.wait(60000);
  s.up(s.message(true, 1));
  s.end();
}

TEST(InterruptTest, WorkThatOnlySignalsMayComeToItsTurnLate) {
  Sequence s;
  signals_late(s);
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(s.referee.stats().finished, 2u);
}

NEGATIVE_TEST(WorkThatOnlySignalsNeverDoes, Rule::kIrqMissing, signals_late, [](Sequence& s) {
  const abi::Descriptor move = s.with_interrupt(s.move(), 1);
  s.submit(0, signal_only(s));
  s.submit(0, move);
  s.run(5, move);
  s.end();
})
NEGATIVE_TEST(WorkThatOnlySignalsWaitsForEver, Rule::kIrqMissing, signals_late, [](Sequence& s) {
  s.submit(0, signal_only(s));
  s.wait(510000);
})
NEGATIVE_TEST(SeenEndWithoutItsSignal, Rule::kIrqMissing, signals_late, [](Sequence& s) {
  const abi::Descriptor move = s.with_interrupt(s.move(), 1);
  s.submit(0, move);
  s.fetch(5, 0x1000, 600);
  s.store(5, 0x9000, 0x1000, 600);
  s.up(s.record(5, 0x8000));
  s.wait(60000);
})
NEGATIVE_TEST(MessageOfNoEntry, Rule::kPcie57, legal, [](Sequence& s) {
  move_without_message(s);
  Tlp t = s.message(true, 1);
  t.payload[1] ^= std::byte{1};
  s.up(t);
})
NEGATIVE_TEST(MessageWithPartialBytes, Rule::kPcie57, legal_msix, [](Sequence& s) {
  move_without_message(s);
  Tlp t = s.message(true, 1);
  t.first_be = 0x3;
  s.up(t);
})
NEGATIVE_TEST(
    MessageWhileMasked, Rule::kPcie58,
    [](Sequence& s) {
      s.program_entry(true, 1, 5, true);
      move_without_message(s);
      s.wait(4000);
      s.end();  // it waits for the unmasking
    },
    [](Sequence& s) {
      s.program_entry(true, 1, 5, true);
      s.wait(4000);
      move_without_message(s);
      s.up(s.message(true, 1));
    })
NEGATIVE_TEST(MessageWhileFunctionMasked, Rule::kPcie58, legal_msix, [](Sequence& s) {
  s.config_write(0x82, 2, 0xC000);
  s.wait(4000);
  s.submit(0, s.with_interrupt(s.move(), 2), 0);
  s.run(5, s.move());
  s.up(s.message(false, 2));
})
NEGATIVE_TEST(
    PendingWithoutEvent, Rule::kPcie59,
    [](Sequence& s) {
      s.program_entry(false, 2, 0, true);
      s.submit(0, s.with_interrupt(s.move(), 2), 0);
      s.run(5, s.move());
      s.read_register(0x3000, 0x4, 8);
    },
    [](Sequence& s) {
      s.program_entry(false, 2, 0, true);
      s.read_register(0x3000, 0x4, 8);
    })
NEGATIVE_TEST(
    PendingOfImsWithoutEvent, Rule::kPcie59, [](Sequence& s) { s.read_register(0x401C, 0x5008); },
    [](Sequence& s) { s.read_register(0x401C, 0x500A); })
NEGATIVE_TEST(
    NoMessageAfterUnmask, Rule::kPcie60,
    [](Sequence& s) {
      s.program_entry(true, 1, 5, true);
      move_without_message(s);
      s.program_entry(true, 1, 5, false);
      s.up(s.message(true, 1));
      s.end();
    },
    [](Sequence& s) {
      s.program_entry(true, 1, 5, true);
      move_without_message(s);
      s.program_entry(true, 1, 5, false);
      s.wait(60000);
    })
NEGATIVE_TEST(MessageOfForeignEntry, Rule::kPcie62, legal,
              [](Sequence& s) { s.up(s.message(true, 2)); })
NEGATIVE_TEST(LongMessage, Rule::kSiovD27, legal, [](Sequence& s) {
  const std::array<std::byte, 8> data{};
  s.up(pcie::mem_write(kDevice, 0xFEE0'1000, data));
})
NEGATIVE_TEST(
    DmaIntoInterruptWindowWithoutPasid, Rule::kSiovD28,
    [](Sequence& s) {
      abi::Descriptor d = s.fill();
      d.destination = Iova{0xFEE0'5000};
      d.size = 4;
      s.submit(0, d);
      const std::array<std::byte, 4> data{std::byte{0x88}, std::byte{0x77}, std::byte{0x66},
                                          std::byte{0x55}};
      s.up(s.data_write(5, 0xFEE0'5000, data));
      s.up(s.record(5, 0x8000));
      s.end();
    },
    [](Sequence& s) {
      abi::Descriptor d = s.fill();
      d.destination = Iova{0xFEE0'5000};
      d.size = 4;
      s.submit(0, d);
      const std::array<std::byte, 4> data{std::byte{0x88}, std::byte{0x77}, std::byte{0x66},
                                          std::byte{0x55}};
      s.up(pcie::mem_write(kDevice, 0xFEE0'5000, data));
    })
NEGATIVE_TEST(
    RefusedHandleSignals, Rule::kSiovD33,
    [](Sequence& s) {  // entry 2 belongs to PASID 6: status 0x19, no message
      s.submit(0, s.with_interrupt(s.move(), 2));
      s.up(s.record(5, 0x8000, 0x19));
      s.end();
    },
    [](Sequence& s) {
      s.submit(0, s.with_interrupt(s.move(), 2));
      s.up(s.record(5, 0x8000, 0x19));
      s.up(s.message(true, 2));
    })
NEGATIVE_TEST(InterruptBeforeRecord, Rule::kOrderCrIrq, legal, [](Sequence& s) {
  s.submit(0, s.with_interrupt(s.move(), 1));
  s.fetch(5, 0x1000, 600);
  s.store(5, 0x9000, 0x1000, 600);
  s.up(s.message(true, 1));
  s.up(s.record(5, 0x8000));
  s.end();
})
NEGATIVE_TEST(SecondMessage, Rule::kIrqOnce, legal, [](Sequence& s) {
  move_without_message(s);
  s.up(s.message(true, 1));
  s.up(s.message(true, 1));
})
NEGATIVE_TEST(MessageNeverSent, Rule::kIrqMissing, legal, [](Sequence& s) {
  move_without_message(s);
  s.wait(60000);
})
NEGATIVE_TEST(MessageMissingAtEnd, Rule::kIrqMissing, legal_msix, [](Sequence& s) {
  move_without_message(s);
  s.end();
})

}  // namespace siov::check::test
