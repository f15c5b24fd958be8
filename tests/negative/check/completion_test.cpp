// SPDX-License-Identifier: Apache-2.0
// pcie.md 12.4: completions of both directions.
#include <gtest/gtest.h>

#include "pcie/tlp_factory.hpp"
#include "sequence.hpp"

namespace siov::check::test {

using pcie::CplStatus;
using pcie::Tlp;

namespace {

void legal_move(Sequence& s) {
  s.submit(0, s.move());
  s.run(5, s.move());
  s.end();
}

void legal_read(Sequence& s) { s.read_register(0x20, 0x001B'0000'0008'0080, 8); }

/// A register read of 4 bytes whose completion is changed.
template <class F>
void read_with(Sequence& s, F change) {
  const Tlp request = s.register_read_request(0x14);
  s.down(request);
  const std::array<std::byte, 4> data{};
  Tlp cpl = pcie::completion_data(request, kDevice, 0, data);
  change(cpl);
  s.up(cpl);
}

/// A completion of the device's 256-byte read, piece by piece: [0, 64), [64, 256).
void split_read(Sequence& s, std::uint32_t first_piece) {
  s.submit(0, s.move());
  const Tlp read = s.read_request(5, 0x1000, 256);
  s.up(read);
  const std::vector<std::byte> data = s.memory.bytes(5, 0x1000, 256);
  s.down(pcie::completion_data(read, kHost, 0, std::span(data).first(first_piece)));
  s.down(pcie::completion_data(read, kHost, first_piece, std::span(data).subspan(first_piece)));
}

}  // namespace

NEGATIVE_TEST(CompletionOfNothing, Rule::kPcie32, legal_read, [](Sequence& s) {
  Tlp request = s.register_read_request(0x00);
  request.tag = 0xC8;  // never used
  const std::array<std::byte, 4> data{};
  s.up(pcie::completion_data(request, kDevice, 0, data));
})
NEGATIVE_TEST(CompletionWithOtherTrafficClass, Rule::kPcie33, legal_read,
              [](Sequence& s) { read_with(s, [](Tlp& t) { t.tc = 1; }); })
NEGATIVE_TEST(ForeignCompleter, Rule::kPcie33, legal_read,
              [](Sequence& s) { read_with(s, [](Tlp& t) { t.completer = RequesterId{0x0200}; }); })
NEGATIVE_TEST(RetryOfMemoryRead, Rule::kPcie34, legal_read, [](Sequence& s) {
  const Tlp request = s.register_read_request(0x14);
  s.down(request);
  s.up(pcie::completion(request, kDevice, CplStatus::kRrs));
})
NEGATIVE_TEST(SuccessfulReadWithoutData, Rule::kPcie35, legal_read, [](Sequence& s) {
  const Tlp request = s.register_read_request(0x14);
  s.down(request);
  s.up(pcie::completion(request, kDevice, CplStatus::kSc));
})
NEGATIVE_TEST(WrongByteCount, Rule::kPcie36, legal_read,
              [](Sequence& s) { read_with(s, [](Tlp& t) { t.byte_count = 8; }); })
// BCM is never set by PCIe completers. @spec pcie.md 5
NEGATIVE_TEST(ByteCountModified, Rule::kPcie36, legal_read,
              [](Sequence& s) { read_with(s, [](Tlp& t) { t.bcm = true; }); })
NEGATIVE_TEST(WrongByteCountOfWrite, Rule::kPcie36, legal_read, [](Sequence& s) {
  const Tlp request = pcie::config_write(kHost, 0x77, {kDevice, 0x0C, 4}, 0);
  s.down(request);
  Tlp cpl = pcie::completion(request, kDevice, CplStatus::kSc);
  cpl.byte_count = 1;
  s.up(cpl);
})
NEGATIVE_TEST(WrongLowerAddress, Rule::kPcie37, legal_read,
              [](Sequence& s) { read_with(s, [](Tlp& t) { t.lower_address = 0x10; }); })
NEGATIVE_TEST(
    SplitOffBoundary, Rule::kPcie38, [](Sequence& s) { split_read(s, 64); },
    [](Sequence& s) { split_read(s, 32); })
NEGATIVE_TEST(CompletionLongerThanRequest, Rule::kPcie39, legal_read, [](Sequence& s) {
  read_with(s, [](Tlp& t) {
    t.payload_bytes = 8;
    t.length_dw = 2;
  });
})
NEGATIVE_TEST(CompletionAfterTheLast, Rule::kPcie40, legal_read, [](Sequence& s) {
  const Tlp request = s.register_read_request(0x14);
  s.down(request);
  const std::array<std::byte, 4> data{};
  const Tlp cpl = pcie::completion_data(request, kDevice, 0, data);
  s.up(cpl);
  s.up(cpl);
})
NEGATIVE_TEST(SecondCompletionOfConfigWrite, Rule::kPcie41, legal_read, [](Sequence& s) {
  const Tlp request = pcie::config_write(kHost, 0x77, {kDevice, 0x0C, 4}, 0);
  s.down(request);
  s.up(pcie::completion(request, kDevice, CplStatus::kSc));
  s.up(pcie::completion(request, kDevice, CplStatus::kSc));
})
NEGATIVE_TEST(
    NoCompletion, Rule::kPcie42,
    [](Sequence& s) {
      legal_read(s);
      s.wait(600000);
    },
    [](Sequence& s) {
      s.down(s.register_read_request(0x00));
      s.wait(600000);
    })
NEGATIVE_TEST(LateDeferrableCompletion, Rule::kPcie42, legal_read, [](Sequence& s) {
  const Tlp request = s.deferrable(1, s.noop(7));
  s.down(request);
  s.wait(8192);
  s.end();
})
NEGATIVE_TEST(
    ZeroLengthReadWithByteCountFour, Rule::kPcie43,
    [](Sequence& s) {
      const Tlp request = pcie::mem_read(kHost, 0x55, kBar0 + 0x14, 0);
      s.down(request);
      const std::array<std::byte, 4> data{};
      s.up(pcie::completion_data(request, kDevice, 0, data));
    },
    [](Sequence& s) {
      const Tlp request = pcie::mem_read(kHost, 0x55, kBar0 + 0x14, 0);
      s.down(request);
      const std::array<std::byte, 4> data{};
      Tlp cpl = pcie::completion_data(request, kDevice, 0, data);
      cpl.byte_count = 4;
      s.up(cpl);
    })
NEGATIVE_TEST(ReadDataDiffersFromMemory, Rule::kPcie44, legal_move, [](Sequence& s) {
  s.submit(0, s.move());
  const Tlp read = s.read_request(5, 0x1000, 64);
  s.up(read);
  std::vector<std::byte> data = s.memory.bytes(5, 0x1000, 64);
  data[17] ^= std::byte{1};
  s.down(pcie::completion_data(read, kHost, 0, data));
})
NEGATIVE_TEST(
    InterruptEntryReadsBackWrong, Rule::kPcie44,
    [](Sequence& s) { s.read_register(0x4018, 0xA001); },
    [](Sequence& s) { s.read_register(0x4018, 0xA002); })
NEGATIVE_TEST(
    FailedReadEndsWithSuccess, Rule::kPcie45,
    [](Sequence& s) {
      s.submit(0, s.move());
      const Tlp read = s.read_request(5, 0x1000, 512);
      s.up(read);
      s.complete(read, CplStatus::kUr);
      s.up(s.record(5, 0x8000, 0x20));  // dsa.md 5.5: read completion error
      s.end();
    },
    [](Sequence& s) {
      s.submit(0, s.move());
      const Tlp read = s.read_request(5, 0x1000, 512);
      s.up(read);
      s.complete(read, CplStatus::kUr);
      s.up(s.record(5, 0x8000, 0x01));
      s.end();
    })
/// The sources differ in byte 0. One read of them fails.
void compare_with_a_failed_read(Sequence& s, std::uint64_t failing) {
  s.submit(0, s.compare());
  for (const std::uint64_t address : {0x1000u, 0x1020u, 0x2000u, 0x2020u}) {
    if (address != failing) {
      s.fetch(5, address, 32);
      continue;
    }
    const Tlp read = s.read_request(5, address, 32);
    s.up(read);
    s.complete(read, CplStatus::kUr);
  }
  std::array<std::byte, 32> record{};
  record[0] = std::byte{1};
  record[1] = std::byte{1};
  s.up(s.data_write(5, 0x8000, record));
  s.end();
}
NEGATIVE_TEST(
    CompareWhoseFirstBytesNeverCameEndsWithSuccess, Rule::kPcie45,
    [](Sequence& s) { compare_with_a_failed_read(s, 0x1020); },  // behind the difference
    [](Sequence& s) { compare_with_a_failed_read(s, 0x2000); })
NEGATIVE_TEST(
    PasidRequestAnsweredWhilePasidDisabled, Rule::kPcie30,
    [](Sequence& s) {
      s.config_write(0x04, 2, 0x0002);
      const Tlp read = pcie::with_pasid(pcie::mem_read(kHost, 3, kBar0, 4), Pasid{5});
      s.down(read);
      s.up(pcie::completion(read, kDevice, CplStatus::kUr));
    },
    [](Sequence& s) {
      s.config_write(0x04, 2, 0x0002);
      const Tlp read = pcie::with_pasid(pcie::mem_read(kHost, 3, kBar0, 4), Pasid{5});
      s.down(read);
      const std::array<std::byte, 4> data{};
      s.up(pcie::completion_data(read, kDevice, 0, data));
    },
    {.configured = false})

}  // namespace siov::check::test
