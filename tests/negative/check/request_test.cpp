// SPDX-License-Identifier: Apache-2.0
// pcie.md 12.2 and 12.3: requests of the device against configuration, tags and PASID enables.
#include <gtest/gtest.h>

#include "pcie/tlp_factory.hpp"
#include "sequence.hpp"

namespace siov::check::test {

using pcie::Tlp;
using pcie::TlpType;

namespace {

void legal_move(Sequence& s) {
  s.submit(0, s.move());
  s.run(5, s.move());
  s.end();
}

/// A large move, so that long requests stay inside its ranges.
abi::Descriptor large(const Sequence& s) {
  abi::Descriptor d = s.move();
  d.size = 0x4000;
  d.destination = Iova{0x2'0000};
  return d;
}

void stop_device(Sequence& s) { s.command(2, 0); }

}  // namespace

NEGATIVE_TEST(PayloadAboveMps, Rule::kPcie11, legal_move, [](Sequence& s) {
  s.submit(0, large(s));
  s.up(s.data_write(5, 0x2'0000, s.memory.bytes(5, 0x1000, 512)));
})
NEGATIVE_TEST(ReadAboveMrrs, Rule::kPcie12, legal_move, [](Sequence& s) {
  s.submit(0, large(s));
  s.up(s.read_request(5, 0x1000, 1024));
})
NEGATIVE_TEST(ReadAcrossPage, Rule::kPcie13, legal_move, [](Sequence& s) {
  s.submit(0, large(s));
  s.up(s.read_request(5, 0x1F00, 512));
})
NEGATIVE_TEST(LastByteEnablesZero, Rule::kPcie14, legal_move, [](Sequence& s) {
  s.submit(0, large(s));
  Tlp read = s.read_request(5, 0x1000, 64);
  read.last_be = 0;
  s.up(read);
})
NEGATIVE_TEST(ForeignRequester, Rule::kPcie15, legal_move, [](Sequence& s) {
  s.submit(0, s.move());
  Tlp read = s.read_request(5, 0x1000, 64);
  read.requester = RequesterId{0x0101};
  s.up(read);
})
NEGATIVE_TEST(TagInUse, Rule::kPcie16, legal_move, [](Sequence& s) {
  s.submit(0, s.move());
  const Tlp first = s.read_request(5, 0x1000, 64);
  Tlp second = s.read_request(5, 0x1040, 64);
  second.tag = first.tag;
  s.up(first);
  s.up(second);
})

NEGATIVE_TEST(
    BusMasterNeverEnabled, Rule::kPcie17, [](Sequence& s) { s.config_write(0x04, 2, 0x0002); },
    [](Sequence& s) {
      s.config_write(0x04, 2, 0x0002);
      s.up(pcie::mem_read(kDevice, 1, 0x1000, 64));
    },
    {.configured = false})
NEGATIVE_TEST(
    RequestAfterBusMasterCleared, Rule::kPcie18,
    [](Sequence& s) {
      legal_move(s);
      stop_device(s);
      s.config_write(0x04, 2, 0x0002);
    },
    [](Sequence& s) {
      stop_device(s);
      s.config_write(0x04, 2, 0x0002);
      s.wait(3000);
      s.up(s.read_request(5, 0x1000, 64));
    })
NEGATIVE_TEST(RequestAfterFunctionReset, Rule::kPcie18, legal_move, [](Sequence& s) {
  s.submit(0, s.move());
  s.config_write(0x48, 2, 0xA930);
  s.wait(3000);
  s.up(s.read_request(5, 0x1000, 64));
})
NEGATIVE_TEST(
    RequestInD3hot, Rule::kPcie93,
    [](Sequence& s) {
      legal_move(s);
      s.config_write(0x94, 2, 0x0003);
    },
    [](Sequence& s) {
      s.submit(0, s.move());
      s.config_write(0x94, 2, 0x0003);
      s.wait(3000);
      s.up(s.read_request(5, 0x1000, 64));
    })
NEGATIVE_TEST(AtomicFromDevice, Rule::kPcie19, legal_move, [](Sequence& s) {
  Tlp t = s.data_write(5, 0x9000, s.memory.bytes(5, 0x1000, 8));
  t.type = TlpType::kFetchAdd;
  s.up(t);
})
NEGATIVE_TEST(DeferrableWriteFromDevice, Rule::kPcie20, legal_move, [](Sequence& s) {
  s.up(pcie::with_pasid(pcie::deferrable_write(kDevice, 1, 0x9000, s.memory.bytes(5, 0x1000, 64)),
                        Pasid{5}));
})
NEGATIVE_TEST(TooManyReadsOutstanding, Rule::kPcie21, legal_move,
              [](Sequence& s) {
                s.submit(0, s.move());
                for (unsigned i = 0; i < 3; ++i) s.up(s.read_request(5, 0x1000 + i * 64, 64));
              },
              {.change = [](Config& c) { c.max_outstanding_reads = 2; }})
NEGATIVE_TEST(ReadOutsideSource, Rule::kPcie22, legal_move, [](Sequence& s) {
  s.submit(0, s.move());
  s.up(s.read_request(5, 0x4'0000, 64));
})
NEGATIVE_TEST(ReadOverrunsSource, Rule::kPcie22, legal_move, [](Sequence& s) {
  s.submit(0, s.move());
  s.up(s.read_request(5, 0x1200, 128));  // the source ends at 0x1258
})
NEGATIVE_TEST(WriteOverrunsDestination, Rule::kPcie22, legal_move, [](Sequence& s) {
  s.submit(0, s.move());
  s.fetch(5, 0x1000, 600);
  s.up(s.data_write(5, 0x9200, s.memory.bytes(5, 0x1200, 96)));
})
NEGATIVE_TEST(
    PasidWhileDisabled, Rule::kPcie23, [](Sequence& s) { s.config_write(0x04, 2, 0x0006); },
    [](Sequence& s) {
      s.config_write(0x04, 2, 0x0006);
      s.up(s.read_request(5, 0x1000, 64));
    },
    {.configured = false})
NEGATIVE_TEST(PasidOfNobody, Rule::kPcie24, legal_move,
              [](Sequence& s) { s.up(s.read_request(9, 0x1000, 64)); })
NEGATIVE_TEST(ExecuteRequested, Rule::kPcie25, legal_move, [](Sequence& s) {
  s.submit(0, s.move());
  Tlp read = s.read_request(5, 0x1000, 64);
  read.prefix.execute = true;
  s.up(read);
})
NEGATIVE_TEST(
    PrefixOnCompletion, Rule::kPcie26, [](Sequence& s) { s.read_register(0x00, 0x100); },
    [](Sequence& s) {
      const Tlp request = s.register_read_request(0x00);
      s.down(request);
      const std::array<std::byte, 4> version{std::byte{0}, std::byte{1}, std::byte{0},
                                             std::byte{0}};
      s.up(pcie::with_pasid(pcie::completion_data(request, kDevice, 0, version), Pasid{5}));
    })
NEGATIVE_TEST(
    PrefixOnInterrupt, Rule::kPcie26,
    [](Sequence& s) {
      s.submit(0, s.with_interrupt(s.move(), 1));
      s.run(5, s.with_interrupt(s.move(), 1));
      s.end();
    },
    [](Sequence& s) {
      s.submit(0, s.with_interrupt(s.move(), 1));
      s.run(5, s.move());
      s.up(pcie::with_pasid(s.message(true, 1), Pasid{5}));
    })
NEGATIVE_TEST(DmaWithoutPasid, Rule::kPcie28, legal_move, [](Sequence& s) {
  s.submit(0, s.move());
  s.up(pcie::mem_read(kDevice, 1, 0x1000, 64));
})
NEGATIVE_TEST(
    RequestAfterQueueDisabled, Rule::kPcie29,
    [](Sequence& s) {
      legal_move(s);
      s.command(7, 1);
    },
    [](Sequence& s) {
      legal_move(s);
      s.command(7, 1);
      s.up(s.read_request(5, 0x5000, 64));
    })
NEGATIVE_TEST(
    RequestAfterPasidDrained, Rule::kPcie29,
    [](Sequence& s) {
      s.submit_shared(s.move(7));
      s.run(7, s.move(7));
      s.command(11, 7);
    },
    [](Sequence& s) {
      s.submit_shared(s.move(7));
      s.run(7, s.move(7));
      s.command(11, 7);
      s.up(s.read_request(7, 0x5000, 64));
    })
NEGATIVE_TEST(PrivilegedWithoutEnable, Rule::kPcie25, legal_move, [](Sequence& s) {
  s.submit(0, s.move());
  Tlp read = s.read_request(5, 0x1000, 64);
  read.prefix.privileged = true;
  s.up(read);
})
NEGATIVE_TEST(PrivilegeNotOfTheQueue, Rule::kSiovD08, legal_move, [](Sequence& s) {
  s.config_write(0x236, 2, 0x0005);  // PASID Enable, Privileged Mode Enable
  s.submit(0, s.move());
  Tlp read = s.read_request(5, 0x1000, 64);
  read.prefix.privileged = true;
  s.up(read);
})
NEGATIVE_TEST(ForeignPasid, Rule::kSiovD22, legal_move, [](Sequence& s) {
  s.submit(0, s.move());
  s.up(s.read_request(6, 0x1000, 64));  // WQ 2's PASID is live, the work is WQ 0's
})
NEGATIVE_TEST(
    PasidOfDescriptorBody, Rule::kSiovD23,
    [](Sequence& s) {
      s.submit(0, s.move(6));  // the body's PASID must not matter
      s.run(5, s.move());
    },
    [](Sequence& s) {
      s.submit(0, s.move(6));
      s.up(s.read_request(6, 0x1000, 64));
    })

}  // namespace siov::check::test
