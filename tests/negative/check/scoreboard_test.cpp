// SPDX-License-Identifier: Apache-2.0
// Scoreboard rules: data, coverage, reads, records, order, drains, progress. dsa.md 5.
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

void moved_data(Sequence& s) {
  s.submit(0, s.move());
  s.fetch(5, 0x1000, 600);
  s.store(5, 0x9000, 0x1000, 600);
}

}  // namespace

NEGATIVE_TEST(WrongByte, Rule::kSbData, legal_move, [](Sequence& s) {
  s.submit(0, s.move());
  s.fetch(5, 0x1000, 600);
  std::vector<std::byte> data = s.memory.bytes(5, 0x1000, 256);
  data[100] ^= std::byte{0x10};
  s.up(s.data_write(5, 0x9000, data));
  s.store(5, 0x9100, 0x1100, 344);
  s.up(s.record(5, 0x8000));
  s.end();
})
NEGATIVE_TEST(PoisonedData, Rule::kSbData, legal_move, [](Sequence& s) {
  s.submit(0, s.move());
  s.fetch(5, 0x1000, 600);
  Tlp t = s.data_write(5, 0x9000, s.memory.bytes(5, 0x1000, 256));
  t.ep = true;
  s.up(t);
})
NEGATIVE_TEST(
    WrongFill, Rule::kSbData,
    [](Sequence& s) {  // pattern 0x1122334455667788: byte 0 goes first (dsa.md 5.6, 04)
      abi::Descriptor d = s.fill();
      d.size = 3;
      s.submit(0, d);
      const std::array<std::byte, 3> data{std::byte{0x88}, std::byte{0x77}, std::byte{0x66}};
      s.up(s.data_write(5, 0x9000, data));
      s.up(s.record(5, 0x8000));
      s.end();
    },
    [](Sequence& s) {
      abi::Descriptor d = s.fill();
      d.size = 3;
      s.submit(0, d);
      const std::array<std::byte, 3> data{std::byte{0x11}, std::byte{0x22}, std::byte{0x33}};
      s.up(s.data_write(5, 0x9000, data));
      s.up(s.record(5, 0x8000));
      s.end();
    })
NEGATIVE_TEST(BytesWrittenTwice, Rule::kSbCover, legal_move, [](Sequence& s) {
  s.submit(0, s.move());
  s.fetch(5, 0x1000, 600);
  s.store(5, 0x9000, 0x1000, 256);
  s.store(5, 0x9000, 0x1000, 256);
})
NEGATIVE_TEST(DataMissingBehindRecord, Rule::kSbCover, legal_move, [](Sequence& s) {
  s.submit(0, s.move());
  s.fetch(5, 0x1000, 600);
  s.store(5, 0x9000, 0x1000, 512);
  s.up(s.record(5, 0x8000));
  s.wait(60000);
})
NEGATIVE_TEST(
    BufferReusedOverMissingData, Rule::kSbCover,
    [](Sequence& s) {  // only the interrupt is still due when the buffer is used again
      s.submit(0, s.with_interrupt(s.move(), 1));
      s.run(5, s.move());
      abi::Descriptor next = s.move();
      next.completion_address = Iova{0x8040};
      s.submit(0, next);
      s.up(s.message(true, 1));
      s.run(5, next);
      s.end();
    },
    [](Sequence& s) {
      s.submit(0, s.move());
      s.fetch(5, 0x1000, 600);
      s.store(5, 0x9000, 0x1000, 512);
      s.up(s.record(5, 0x8000));
      abi::Descriptor next = s.move();
      next.completion_address = Iova{0x8040};
      s.submit(0, next);
      s.run(5, next);
      s.end();
    })
NEGATIVE_TEST(
    OverrunOfContendedWork, Rule::kPcie22,
    [](Sequence& s) {  // two moves without record to one destination: their ends are not visible
      abi::Descriptor second = s.without_record(s.move());
      second.source = Iova{0x3000};
      s.submit(0, s.without_record(s.move()));
      s.submit(0, second);
      s.fetch(5, 0x3000, 600);
      s.fetch(5, 0x1000, 600);
      s.store(5, 0x9000, 0x3000, 300);
      s.store(5, 0x9000, 0x1000, 600);
      s.store(5, 0x912C, 0x312C, 300);
      s.end();
    },
    [](Sequence& s) {
      abi::Descriptor second = s.without_record(s.move());
      second.source = Iova{0x3000};
      s.submit(0, s.without_record(s.move()));
      s.submit(0, second);
      s.fetch(5, 0x3000, 600);
      s.store(5, 0x9200, 0x3200, 89);  // the destination ends at 0x9258
    })
NEGATIVE_TEST(DataMissingAtEnd, Rule::kSbCover, legal_move, [](Sequence& s) {
  s.submit(0, s.move());
  s.fetch(5, 0x1000, 600);
  s.store(5, 0x9000, 0x1000, 512);
  s.up(s.record(5, 0x8000));
  s.end();
})
NEGATIVE_TEST(DataAgainAfterTheEnd, Rule::kSbCover, legal_move, [](Sequence& s) {
  legal_move(s);
  s.store(5, 0x9000, 0x1000, 256);
})
NEGATIVE_TEST(SourceNeverRequested, Rule::kSbReads, legal_move, [](Sequence& s) {
  s.submit(0, s.move());
  s.fetch(5, 0x1000, 512);
  s.store(5, 0x9000, 0x1000, 600);
  s.up(s.record(5, 0x8000));
  s.end();
})
NEGATIVE_TEST(SourceRequestedTwice, Rule::kSbReads, legal_move, [](Sequence& s) {
  s.submit(0, s.move());
  s.fetch(5, 0x1000, 64);
  s.fetch(5, 0x1000, 64);
})
NEGATIVE_TEST(
    CompareStopsTooEarly, Rule::kSbReads,
    [](Sequence& s) {  // byte 0 differs: the rest need not be read
      s.submit(0, s.compare());
      s.fetch(5, 0x1000, 32);
      s.fetch(5, 0x2000, 32);
      std::array<std::byte, 32> record{};
      record[0] = std::byte{1};
      record[1] = std::byte{1};
      s.up(s.data_write(5, 0x8000, record));
      s.end();
    },
    [](Sequence& s) {
      s.submit(0, s.compare());
      s.fetch(5, 0x1000, 32);
      std::array<std::byte, 32> record{};
      record[0] = std::byte{1};
      record[1] = std::byte{1};
      s.up(s.data_write(5, 0x8000, record));
      s.end();
    })
NEGATIVE_TEST(SecondRecord, Rule::kCrOnce, legal_move, [](Sequence& s) {
  legal_move(s);
  s.up(s.record(5, 0x8000));
})
NEGATIVE_TEST(WrongStatus, Rule::kCrBytes, legal_move, [](Sequence& s) {
  moved_data(s);
  s.up(s.record(5, 0x8000, 0x02));
})
NEGATIVE_TEST(
    BadOpcodeReportedAsSuccess, Rule::kCrBytes,
    [](Sequence& s) {
      abi::Descriptor d = s.noop();
      d.opcode = 0x3F;
      s.submit(0, d);
      s.up(s.record(5, 0x8000, 0x10));  // dsa.md 5.5
      s.end();
    },
    [](Sequence& s) {
      abi::Descriptor d = s.noop();
      d.opcode = 0x3F;
      s.submit(0, d);
      s.up(s.record(5, 0x8000, 0x01));
      s.end();
    })
NEGATIVE_TEST(RecordInTwoWrites, Rule::kCrShape, legal_move, [](Sequence& s) {
  moved_data(s);
  const std::array<std::byte, 16> half{std::byte{1}};
  s.up(s.data_write(5, 0x8000, half));
})
NEGATIVE_TEST(
    RecordNotRequired, Rule::kCrUndue,
    [](Sequence& s) {
      s.submit(0, s.without_record(s.move()));
      s.run(5, s.without_record(s.move()));
      s.end();
    },
    [](Sequence& s) {
      s.submit(0, s.without_record(s.move()));
      s.run(5, s.move());
    })
NEGATIVE_TEST(RecordBeforeItIsKnownToBeUndue, Rule::kCrUndue, legal_move, [](Sequence& s) {
  s.submit(0, s.without_record(s.move()));
  s.fetch(5, 0x1000, 600);
  s.up(s.record(5, 0x8000));
})
NEGATIVE_TEST(RecordMissing, Rule::kCrMissing, legal_move, [](Sequence& s) {
  moved_data(s);
  s.end();
})
NEGATIVE_TEST(RecordNeverComes, Rule::kCrMissing, legal_move, [](Sequence& s) {
  moved_data(s);
  s.wait(1'100'000);
})
NEGATIVE_TEST(DataBehindRecord, Rule::kOrderDataCr, legal_move, [](Sequence& s) {
  s.submit(0, s.move());
  s.fetch(5, 0x1000, 600);
  s.store(5, 0x9000, 0x1000, 512);
  s.up(s.record(5, 0x8000));
  s.store(5, 0x9200, 0x1200, 88);
  s.end();
})
// RO=1 lets a posted write pass posted writes before it. @spec pcie.md 7, dsa.md 5.3
NEGATIVE_TEST(RelaxedRecord, Rule::kOrderDataCr, legal_move, [](Sequence& s) {
  moved_data(s);
  pcie::Tlp record = s.record(5, 0x8000);
  record.ro = true;
  s.up(record);
  s.end();
})
NEGATIVE_TEST(
    DrainOvertakesWork, Rule::kSiovD44,
    [](Sequence& s) {
      s.submit(0, s.move());
      s.submit(0, s.drain());
      s.run(5, s.move());
      s.up(s.record(5, 0x8100));
      s.end();
    },
    [](Sequence& s) {
      s.submit(0, s.move());
      s.submit(0, s.drain());
      s.up(s.record(5, 0x8100));
      s.run(5, s.move());
      s.end();
    })
NEGATIVE_TEST(
    DisableLosesWork, Rule::kSiovD44,
    [](Sequence& s) {
      s.submit(0, s.move());
      s.begin_command(7, 1);
      s.run(5, s.move());
      s.end_command();
      s.end();
    },
    [](Sequence& s) {
      s.submit(0, s.move());
      s.command(7, 1);
    })
NEGATIVE_TEST(
    NoProgress, Rule::kPcie56,
    [](Sequence& s) {
      legal_move(s);
      s.wait(1'100'000);
    },
    [](Sequence& s) {
      s.submit(0, s.move());
      s.wait(1'100'000);
    })
NEGATIVE_TEST(
    SoftwareErrorOutOfNothing, Rule::kSwErr,
    [](Sequence& s) {  // dsa.md 5.5: a misaligned record address goes to SWERROR as 0x1b
      abi::Descriptor d = s.noop();
      d.completion_address = Iova{0x8008};
      s.submit(0, d);
      s.read_register(0xC0, 0x0000'0500'0000'1B0D, 8);
      s.end();
    },
    [](Sequence& s) { s.read_register(0xC0, 0x0000'0500'0000'1B0D, 8); })
NEGATIVE_TEST(ReadOutstandingAtEnd, Rule::kIdleTags, legal_move, [](Sequence& s) {
  s.submit(0, s.without_record(s.move()));
  s.fetch(5, 0x1000, 512);
  s.up(s.read_request(5, 0x1200, 88));
  s.store(5, 0x9000, 0x1000, 600);
  s.end();
})
NEGATIVE_TEST(DescriptorOutstandingAtEnd, Rule::kIdleDesc, legal_move, [](Sequence& s) {
  s.submit(0, s.move());
  s.end();
})

}  // namespace siov::check::test
