// SPDX-License-Identifier: Apache-2.0
// pcie.md 12.9 and the credits of 12.5.
#include <gtest/gtest.h>

#include "pcie/tlp_factory.hpp"
#include "sequence.hpp"

namespace siov::check::test {

using pcie::CplStatus;
using pcie::CreditLimits;
using pcie::Tlp;

namespace {

// PH, PD, NPH, NPD, CplH, CplD. A posted TLP of 64 bytes takes 1 PH and 4 PD (pcie.md 8).
constexpr CreditLimits kDown{16, 64, 8, 32, 0, 0}, kUp{16, 64, 8, 32, 16, 64};

void legal_credits(Sequence& s) {
  s.credits(kDown, kUp);
  s.submit(1, s.move(7));
  s.credits({17, 68, 8, 32, 0, 0}, kUp);
  s.end();
}

}  // namespace

NEGATIVE_TEST(
    FieldReadsBackWrong, Rule::kPcie87, [](Sequence& s) { s.config_read(0x04, 0x0010'0006); },
    [](Sequence& s) { s.config_read(0x04, 0x0010'0002); })
NEGATIVE_TEST(
    CapabilityListLoops, Rule::kPcie88,
    [](Sequence& s) {
      s.config_read(0x34, 0x40);
      s.config_read(0x40, 0x0092'8010);
      s.config_read(0x80, 0x8008'9011);
      s.config_read(0x90, 0x0003'0001);
    },
    [](Sequence& s) {
      s.config_read(0x34, 0x40);
      s.config_read(0x40, 0x0092'8010);
      s.config_read(0x80, 0x8008'9011);
      s.config_read(0x90, 0x0003'4001);
    })
NEGATIVE_TEST(
    StaleRequesterId, Rule::kPcie89,
    [](Sequence& s) {
      const Tlp write = pcie::config_write(kHost, 0x70, {RequesterId{0x0200}, 0x0C, 4}, 0);
      s.down(write);
      s.up(pcie::completion(write, RequesterId{0x0200}, CplStatus::kSc));
    },
    [](Sequence& s) {
      const Tlp write = pcie::config_write(kHost, 0x70, {RequesterId{0x0200}, 0x0C, 4}, 0);
      s.down(write);
      s.up(pcie::completion(write, RequesterId{0x0200}, CplStatus::kSc));
      s.submit(0, s.move());
      s.up(s.read_request(5, 0x1000, 64));
    })
NEGATIVE_TEST(
    CommandKeptOverFunctionReset, Rule::kPcie90,
    [](Sequence& s) {
      s.config_write(0x48, 2, 0xA930);  // DevCtl bit 15: Initiate FLR
      s.config_read(0x04, 0x0010'0000);
    },
    [](Sequence& s) {
      s.config_write(0x48, 2, 0xA930);
      s.config_read(0x04, 0x0010'0006);
    })
NEGATIVE_TEST(
    ErrorMessageInCleanRun, Rule::kPcie92, [](Sequence& s) { s.config_read(0x04, 0x0010'0006); },
    [](Sequence& s) { s.up(pcie::message(kDevice, 0, 0x31)); })
NEGATIVE_TEST(SentWithoutCredit, Rule::kPcie54, legal_credits, [](Sequence& s) {
  s.credits(kDown, kUp);
  for (unsigned i = 0; i < 17; ++i) s.write_register(0x88, 0);  // 16 posted headers were granted
})
NEGATIVE_TEST(CreditReturnedTwice, Rule::kPcie54, legal_credits, [](Sequence& s) {
  s.credits(kDown, kUp);
  s.submit(1, s.move(7));
  s.credits({18, 68, 8, 32, 0, 0}, kUp);
})
NEGATIVE_TEST(AdvertisementTooSmall, Rule::kPcie54, legal_credits, [](Sequence& s) {
  s.credits({16, 8, 8, 32, 0, 0}, kUp);  // Max_Payload_Size 256 needs 16 units
  s.write_register(0x88, 0);
})
NEGATIVE_TEST(
    PostedNotAccepted, Rule::kPcie55,
    [](Sequence& s) {
      legal_credits(s);
      s.wait(20000);
    },
    [](Sequence& s) {
      s.credits(kDown, kUp);
      s.submit(1, s.move(7));
      s.wait(20000);
    })
NEGATIVE_TEST(CreditsMissingAtEnd, Rule::kIdleCredits, legal_credits, [](Sequence& s) {
  s.credits(kDown, kUp);
  s.submit(1, s.move(7));
  s.credits({17, 64, 8, 32, 0, 0}, kUp);
  s.end();
})

}  // namespace siov::check::test
