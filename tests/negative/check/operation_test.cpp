// SPDX-License-Identifier: Apache-2.0
// Operations with several destinations or sources, readbacks, read buffers, operation masks,
// granted handles. dsa.md 2.8 to 2.10, 5.3, 5.6.
#include <gtest/gtest.h>

#include <string_view>

#include "pcie/tlp_factory.hpp"
#include "sequence.hpp"

namespace siov::check::test {

using pcie::CplStatus;
using pcie::Tlp;

namespace {

/// Bit 14: destination readback. @spec dsa.md 5.2
abi::Descriptor read_back_move(const Sequence& s) {
  abi::Descriptor d = s.move();
  d.flags |= 0x4000;
  return d;
}

void move_to_readback(Sequence& s) {
  s.submit(0, read_back_move(s));
  s.fetch(5, 0x1000, 600);
  s.store(5, 0x9000, 0x1000, 600);
}

void legal_readback(Sequence& s) {
  move_to_readback(s);
  s.read_back(5, 0x9257);  // the last byte
  s.up(s.record(5, 0x8000));
  s.end();
}

abi::Descriptor dualcast(const Sequence& s) {
  abi::Descriptor d = s.move();
  d.opcode = 9;
  d.set_destination2(Iova{0xB000});
  return d;
}

void legal_dualcast(Sequence& s) {
  s.submit(0, dualcast(s));
  s.fetch(5, 0x1000, 600);
  s.store(5, 0xB000, 0x1000, 600);
  s.store(5, 0x9000, 0x1000, 600);
  s.up(s.record(5, 0x8000));
  s.end();
}

/// Two entries: word 1 and word 4 of 64 bytes. @spec dsa.md 5.6 (07, 08)
void put_delta(Sequence& s) {
  std::array<std::byte, 20> delta{};
  delta[0] = std::byte{1};
  for (std::size_t i = 2; i < 10; ++i) delta[i] = std::byte{0xA5};
  delta[10] = std::byte{4};
  for (std::size_t i = 12; i < 20; ++i) delta[i] = std::byte{0x5A};
  s.memory.poke(5, 0x2000, delta);
}

void submit_apply(Sequence& s) {
  put_delta(s);
  abi::Descriptor d = s.move();
  d.opcode = 8;
  d.source = Iova{0x2000};
  d.size = 64;
  d.set_delta_size(20);
  s.submit(0, d);
  s.fetch(5, 0x2000, 20);
}

void write_word(Sequence& s, std::uint64_t address, std::uint8_t value) {
  std::array<std::byte, 8> data;
  data.fill(std::byte{value});
  s.up(s.data_write(5, address, data));
}

void legal_apply(Sequence& s) {
  submit_apply(s);
  write_word(s, 0x9008, 0xA5);
  write_word(s, 0x9020, 0x5A);
  s.up(s.record(5, 0x8000));
  s.end();
}

/// CRC of "123456789", seed 0: e3069283. @spec dsa.md 5.8
void submit_crc(Sequence& s) {
  constexpr std::string_view kText = "123456789";
  s.memory.poke(5, 0x1000, std::as_bytes(std::span(kText)));
  abi::Descriptor d = s.noop();
  d.opcode = 0x10;
  d.source = Iova{0x1000};
  d.size = 9;
  s.submit(0, d);
  s.fetch(5, 0x1000, 9);
}

Tlp crc_record(const Sequence& s, std::uint32_t crc) {
  std::array<std::byte, 32> record{std::byte{1}};
  for (unsigned i = 0; i < 4; ++i) record[16 + i] = static_cast<std::byte>(crc >> (8 * i));
  return s.data_write(5, 0x8000, record);
}

/// CRC with the seed in memory: a second source.
void submit_seeded(Sequence& s) {
  abi::Descriptor d = s.noop();
  d.opcode = 0x10;
  d.flags |= 0x1'0000;
  d.source = Iova{0x1000};
  d.size = 1;
  d.set_crc_seed_address(Iova{0x2000});
  const std::array<std::byte, 4> seed{std::byte{0x78}, std::byte{0x56}, std::byte{0x34},
                                      std::byte{0x12}};
  s.memory.poke(5, 0x2000, seed);
  s.memory.poke(5, 0x1000, std::array<std::byte, 1>{});
  s.submit(0, d);
  s.fetch(5, 0x1000, 1);
}

void group_flags(Sequence& s, std::uint32_t allowed, std::uint32_t reserved) {
  s.write_register(0x628, allowed << 20 | reserved << 8);
}

/// Reads of 512 bytes of a long move; the tags of a sequence count up from 0.
std::vector<Tlp> reads_of(Sequence& s, std::uint32_t n) {
  abi::Descriptor d = s.without_record(s.move());
  d.source = Iova{0x1'0000};
  d.destination = Iova{0x4'0000};
  d.size = n * 512;
  s.submit(0, d);
  std::vector<Tlp> reads;
  for (std::uint32_t i = 0; i < n; ++i) {
    reads.push_back(s.read_request(5, 0x1'0000 + i * 512, 512));
    s.up(reads.back());
  }
  return reads;
}

}  // namespace

NEGATIVE_TEST(ReadbackMissing, Rule::kSbReadback, legal_readback, [](Sequence& s) {
  move_to_readback(s);
  s.up(s.record(5, 0x8000));
  s.end();
})
NEGATIVE_TEST(RecordBeforeReadbackAnswer, Rule::kSbReadback, legal_readback, [](Sequence& s) {
  move_to_readback(s);
  const Tlp request = s.readback_request(5, 0x9257);
  s.up(request);
  s.up(s.record(5, 0x8000));
  const std::array<std::byte, 4> nothing{};
  s.down(pcie::completion_data(request, kHost, 0, nothing));
  s.end();
})
NEGATIVE_TEST(ReadbackBeforeData, Rule::kSbReadback, legal_readback, [](Sequence& s) {
  s.submit(0, read_back_move(s));
  s.fetch(5, 0x1000, 600);
  s.store(5, 0x9000, 0x1000, 512);
  s.read_back(5, 0x9257);
  s.store(5, 0x9200, 0x1200, 88);
  s.up(s.record(5, 0x8000));
  s.end();
})
NEGATIVE_TEST(
    ReadbackWithoutRecordMissing, Rule::kSbReadback,
    [](Sequence& s) {
      abi::Descriptor d = s.without_record(read_back_move(s));
      s.submit(0, d);
      s.run(5, d);
      s.read_back(5, 0x9257);
      s.end();
    },
    [](Sequence& s) {
      abi::Descriptor d = s.without_record(read_back_move(s));
      s.submit(0, d);
      s.run(5, d);
      s.end();
    })
NEGATIVE_TEST(
    FailedReadbackIgnored, Rule::kSbReadback,
    [](Sequence& s) {  // dsa.md 5.5: 0x21
      move_to_readback(s);
      s.read_back(5, 0x9257, CplStatus::kUr);
      s.up(s.record(5, 0x8000, 0x21));
      s.end();
    },
    [](Sequence& s) {
      move_to_readback(s);
      s.read_back(5, 0x9257, CplStatus::kUr);
      s.up(s.record(5, 0x8000));
      s.end();
    })
NEGATIVE_TEST(SecondDestinationMissing, Rule::kSbCover, legal_dualcast, [](Sequence& s) {
  s.submit(0, dualcast(s));
  s.fetch(5, 0x1000, 600);
  s.store(5, 0x9000, 0x1000, 600);
  s.up(s.record(5, 0x8000));
  s.end();
})
NEGATIVE_TEST(
    SecondDestinationNotReadBack, Rule::kSbReadback,
    [](Sequence& s) {
      abi::Descriptor d = dualcast(s);
      d.flags |= 0x4000;
      s.submit(0, d);
      s.fetch(5, 0x1000, 600);
      s.store(5, 0x9000, 0x1000, 600);
      s.store(5, 0xB000, 0x1000, 600);
      s.read_back(5, 0xB257);
      s.read_back(5, 0x9257);
      s.up(s.record(5, 0x8000));
      s.end();
    },
    [](Sequence& s) {
      abi::Descriptor d = dualcast(s);
      d.flags |= 0x4000;
      s.submit(0, d);
      s.fetch(5, 0x1000, 600);
      s.store(5, 0x9000, 0x1000, 600);
      s.store(5, 0xB000, 0x1000, 600);
      s.read_back(5, 0x9257);
      s.up(s.record(5, 0x8000));
      s.end();
    })
NEGATIVE_TEST(DeltaEntryMissing, Rule::kSbCover, legal_apply, [](Sequence& s) {
  submit_apply(s);
  write_word(s, 0x9020, 0x5A);
  s.up(s.record(5, 0x8000));
  s.end();
})
NEGATIVE_TEST(DeltaEntryAtWrongPlace, Rule::kPcie22, legal_apply, [](Sequence& s) {
  submit_apply(s);
  write_word(s, 0x9010, 0xA5);
})
NEGATIVE_TEST(DeltaEntryWithWrongData, Rule::kSbData, legal_apply, [](Sequence& s) {
  submit_apply(s);
  write_word(s, 0x9008, 0xA5);
  write_word(s, 0x9020, 0xA5);
  s.up(s.record(5, 0x8000));
  s.end();
})
NEGATIVE_TEST(
    DifErrorLosesGoodBlock, Rule::kSbCover,
    [](Sequence& s) {  // block 0 is good, block 1 is not: it may be written or not (dsa.md 5.9)
      abi::Descriptor d = s.noop();
      d.opcode = 0x14;  // strip
      d.source = Iova{0x1'0000};
      d.destination = Iova{0x9000};
      d.size = 1040;
      d.set_dif_flags(0x40, 0, 0);  // no reference tag check
      d.set_dif_source({.mask = 0xFFFF});
      std::array<std::byte, 1040> blocks{};  // 512 zeros have guard 0
      blocks[1032] = std::byte{1};
      s.memory.poke(5, 0x1'0000, blocks);
      s.submit(0, d);
      s.fetch(5, 0x1'0000, 1040);
      s.store(5, 0x9000, 0x1'0000, 512);
      std::array<std::byte, 32> record{std::byte{9}, std::byte{1}};
      record[4] = std::byte{0x08};
      record[5] = std::byte{0x02};  // 520 bytes before the bad block
      record[16] = std::byte{1};    // next reference tag
      record[20] = record[21] = std::byte{0xFF};
      s.up(s.data_write(5, 0x8000, record));
      s.end();
    },
    [](Sequence& s) {
      abi::Descriptor d = s.noop();
      d.opcode = 0x14;
      d.source = Iova{0x1'0000};
      d.destination = Iova{0x9000};
      d.size = 1040;
      d.set_dif_flags(0x40, 0, 0);
      d.set_dif_source({.mask = 0xFFFF});
      std::array<std::byte, 1040> blocks{};
      blocks[1032] = std::byte{1};
      s.memory.poke(5, 0x1'0000, blocks);
      s.submit(0, d);
      s.fetch(5, 0x1'0000, 1040);
      s.store(5, 0x9000, 0x1'0000, 256);
      std::array<std::byte, 32> record{std::byte{9}, std::byte{1}};
      record[4] = std::byte{0x08};
      record[5] = std::byte{0x02};
      record[16] = std::byte{1};
      record[20] = record[21] = std::byte{0xFF};
      s.up(s.data_write(5, 0x8000, record));
      s.end();
    })
NEGATIVE_TEST(
    CrcWrong, Rule::kCrBytes,
    [](Sequence& s) {
      submit_crc(s);
      s.up(crc_record(s, 0xE3069283));
      s.end();
    },
    [](Sequence& s) {
      submit_crc(s);
      s.up(crc_record(s, 0xE3069282));
      s.end();
    })
NEGATIVE_TEST(
    SeedNeverRead, Rule::kSbReads,
    [](Sequence& s) {
      submit_seeded(s);
      s.fetch(5, 0x2000, 4);
      s.up(crc_record(s, 0xA92E6BC5));  // byte 00, seed 12345678 (dsa.md 5.8)
      s.end();
    },
    [](Sequence& s) {
      submit_seeded(s);
      s.up(crc_record(s, 0xA92E6BC5));
      s.end();
    })
NEGATIVE_TEST(
    MoreReadBuffersThanAllowed, Rule::kReadBuffers,
    [](Sequence& s) {
      s.reconfigure([](Sequence& t) { group_flags(t, 16, 0); });
      const std::vector<Tlp> reads = reads_of(s, 16);
      for (const Tlp& read : reads) s.complete(read);
      s.store(5, 0x4'0000, 0x1'0000, 16 * 512);
      s.end();
    },
    [](Sequence& s) {
      s.reconfigure([](Sequence& t) { group_flags(t, 16, 0); });
      reads_of(s, 17);
    })
NEGATIVE_TEST(
    ReservedReadBuffersTaken, Rule::kReadBuffers,
    [](Sequence& s) {
      const std::vector<Tlp> reads = reads_of(s, 40);
      for (const Tlp& read : reads) s.complete(read);
      s.store(5, 0x4'0000, 0x1'0000, 40 * 512);
      s.end();
    },
    [](Sequence& s) {  // group 1, with an engine of its own, keeps 60 of 96
      s.reconfigure([](Sequence& t) {
        t.write_register(0x620, 0x7, 8);
        t.write_register(0x660, 0x8, 8);
        t.write_register(0x668, 60u << 20 | 60u << 8);
      });
      reads_of(s, 37);
    })
NEGATIVE_TEST(
    OperationMaskIgnored, Rule::kCrBytes,
    [](Sequence& s) {  // OPCFG of WQ 0 without memory move (dsa.md 2.9)
      s.command(7, 1);
      s.write_register(0x820, 0x1'003F'03F7, 8);
      s.command(6, 0);
      s.submit(0, s.move());
      s.up(s.record(5, 0x8000, 0x10));
      s.end();
    },
    [](Sequence& s) {
      s.command(7, 1);
      s.write_register(0x820, 0x1'003F'03F7, 8);
      s.command(6, 0);
      s.submit(0, s.noop());
      s.up(s.record(5, 0x8000, 0x10));
      s.end();
    })
NEGATIVE_TEST(
    HandleNotGranted, Rule::kCrBytes,
    [](Sequence& s) {
      s.submit(0, s.with_interrupt(s.noop(), 1));
      s.up(s.record(5, 0x8000, 0x19));
      s.begin_command(13, 0x1'0001);  // Request Interrupt Handle: IMS entry 1
      s.read_register(0xA8, 0x0000'0100);
      s.submit(0, s.with_interrupt(s.noop(), 1));
      s.up(s.record(5, 0x8000));
      s.up(s.message(true, 1));
      s.command(14, 0x1'0001);
      s.submit(0, s.with_interrupt(s.noop(), 1));
      s.up(s.record(5, 0x8000, 0x19));
      s.end();
    },
    [](Sequence& s) {
      s.submit(0, s.with_interrupt(s.noop(), 1));
      s.up(s.record(5, 0x8000));
    },
    {.change = [](Config& c) {
      c.gencap = 0x835F'2D16;
      c.cmdcap = 0x7FFE;
    }})

namespace {

/// WQ 0 sends IMS entry 1 when its occupancy falls to 1. @spec dsa.md 2.9
void occupancy_on(Sequence& s) {
  s.command(7, 1);
  s.write_register(0x810, 0x1'0001);
  s.write_register(0x814, 0x1'0001);
  s.command(6, 0);
}

void submit_three(Sequence& s) {
  for (std::uint32_t i = 0; i < 3; ++i) s.submit(0, s.member(i));
}

void run_three(Sequence& s) {
  for (std::uint32_t i = 0; i < 3; ++i) s.run(5, s.member(i));
}

void legal_occupancy(Sequence& s) {
  occupancy_on(s);
  submit_three(s);
  s.read_register(0x818, 2);  // two wait
  s.run(5, s.member(0));
  s.up(s.message(true, 1));
  s.read_register(0x818, 0x1'0000);  // none waits, generated
  s.run(5, s.member(1));
  s.run(5, s.member(2));
  s.write_register(0x818, 0x1'0000);  // acknowledged
  submit_three(s);
  s.up(s.message(true, 1));
  run_three(s);
  s.wait(60000);
  s.end();
}

}  // namespace

NEGATIVE_TEST(OccupancyMessageTwice, Rule::kIrqOcc, legal_occupancy, [](Sequence& s) {
  occupancy_on(s);
  submit_three(s);
  s.up(s.message(true, 1));
  s.up(s.message(true, 1));
})
NEGATIVE_TEST(OccupancyNeverAboveLimit, Rule::kIrqOcc, legal_occupancy, [](Sequence& s) {
  occupancy_on(s);
  s.submit(0, s.member(0));
  s.up(s.message(true, 1));
})
NEGATIVE_TEST(OccupancyNotGenerated, Rule::kIrqOcc, legal_occupancy, [](Sequence& s) {
  occupancy_on(s);
  submit_three(s);
  s.read_register(0x818, 2);
  run_three(s);
  s.read_register(0x818, 0);
})
NEGATIVE_TEST(OccupancyMessageMissing, Rule::kIrqOcc, legal_occupancy, [](Sequence& s) {
  occupancy_on(s);
  submit_three(s);
  run_three(s);
  s.read_register(0x818, 0x1'0000);
  s.wait(60000);
})
NEGATIVE_TEST(
    ShortTagWhileTenBitTagsAreOn, Rule::kPcie16,
    [](Sequence& s) {
      s.config_write(0x68, 2, 0x1000);  // Device Control 2: 10-bit tags
      s.submit(0, s.member(0));
      Tlp read = s.read_request(5, 0x1'0000, 256);
      read.tag = 0x3C5;
      s.up(read);
      s.complete(read);
      s.store(5, 0x4'0000, 0x1'0000, 256);
      s.up(s.record(5, 0x8400));
      s.end();
    },
    [](Sequence& s) {
      s.config_write(0x68, 2, 0x1000);
      s.submit(0, s.member(0));
      Tlp read = s.read_request(5, 0x1'0000, 256);
      read.tag = 0x0C5;
      s.up(read);
    })

TEST(OperationTest, OpenWorkIsJudgedByItsRangeOnly) {  // create and apply without a fence between
  Sequence s;
  abi::Descriptor fill = s.fill();
  fill.destination = Iova{0x2000};
  fill.size = 20;
  fill.completion_address = Iova{0x8040};
  s.submit(0, fill);
  put_delta(s);
  abi::Descriptor d = s.move();
  d.opcode = 8;
  d.source = Iova{0x2000};
  d.size = 64;
  d.set_delta_size(20);
  s.submit(0, d);
  s.fetch(5, 0x2000, 20);
  write_word(s, 0x9038, 0x11);
  s.up(s.record(5, 0x8000, 0x07));
  std::array<std::byte, 20> data;
  for (std::size_t i = 0; i < data.size(); ++i)
    data[i] = static_cast<std::byte>(0x1122'3344'5566'7788u >> (8 * (i % 8)));
  s.up(s.data_write(5, 0x2000, data));
  s.up(s.record(5, 0x8040));
  s.end();
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(s.referee.stats().racy, 1u);
}

}  // namespace siov::check::test
