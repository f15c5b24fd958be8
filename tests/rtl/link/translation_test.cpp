// SPDX-License-Identifier: Apache-2.0
// Address translation on siov_link alone: capabilities, messages that arrive, messages and requests
// that leave. Headers are typed from pcie.md 1, 2.1 and 9.
#include <algorithm>
#include <vector>

#include "Vlink_large.h"
#include "Vlink_small.h"
#include "link_bench.hpp"

namespace siov::test {
namespace {

using Link = LinkBench<Vlink_large>;

constexpr std::uint32_t kAtsControl = 0x224, kPasidControl = 0x234, kPri = 0x244,
                        kPriAllocation = 0x24C, kErrors = 0x104;
constexpr std::uint32_t kPoisoned = 1u << 12, kMalformed = 1u << 18, kUnsupported = 1u << 20;
// MsgD and Msg routed by ID to bus 1, device 0; from 00:02.0.
constexpr std::uint32_t kMsgD = 0x72000002, kMsg = 0x32000000, kTo = 0x01000000;

void bring_up(Link& b) {
  b.bring_up();
  b.config_write(kPasidControl, 0x00050000);
  b.config_write(kAtsControl, 0x80000000);
  b.config_write(kPriAllocation, 16);
  b.config_write(kPri, 1);
}

void offer_message(Link& b, bool page_request, std::uint32_t dw2, std::uint32_t dw3, bool has_pasid,
                   unsigned pasid, bool priv) {
  put(b.dut->pm_i, 0, 1, priv);
  put(b.dut->pm_i, 1, 20, pasid);
  put(b.dut->pm_i, 21, 1, has_pasid);
  put(b.dut->pm_i, 22, 32, dw3);
  put(b.dut->pm_i, 54, 32, dw2);
  put(b.dut->pm_i, 86, 1, page_request);
  b.dut->pm_valid_i = 1;
}

/// Runs until the message on offer is taken, at most `cycles`. @return whether it was
bool taken(Link& b, unsigned cycles = 20) {
  for (unsigned i = 0; i < cycles; ++i) {
    b.settle();
    const bool done = b.dut->pm_ready_o;
    b.cycle();
    if (!done) continue;
    b.dut->pm_valid_i = 0;
    for (int k = 0; k < 5; ++k) b.cycle();
    return true;
  }
  return false;
}

/// The same for a translation request, for a read of engine 2.
bool request_taken(Link& b, unsigned cycles = 20) {
  for (unsigned i = 0; i < cycles; ++i) {
    b.settle();
    const bool done = b.dut->xr_ready_o || (b.dut->rd_ready_o & 4) != 0;
    b.cycle();
    if (!done) continue;
    b.dut->xr_valid_i = b.dut->rd_valid_i = 0;
    for (int k = 0; k < 5; ++k) b.cycle();
    return true;
  }
  return false;
}

std::uint32_t take_errors(Link& b) {
  const std::uint32_t errors = b.config_read(kErrors);
  b.config_write(kErrors, ~0u);
  return errors;
}

// ------------------------------------------------------------------------------------ capabilities

TEST(TranslationCapabilityTest, PriStatusIsSetByResponsesAndClearedByOnesAndByEnabling) {  // 9.5
  Link b;
  b.dut->pri_stopped_i = 1;
  EXPECT_EQ(b.config_read(kPri), 0x81000000u) << "stopped, responses need their PASID";
  const auto pulse = [&](auto& pin) {
    pin = 1;
    b.cycle();
    pin = 0;
  };
  pulse(b.dut->pri_failure_i);
  EXPECT_EQ(b.config_read(kPri), 0x81010000u) << "response failure";
  pulse(b.dut->pri_unexpected_i);
  EXPECT_EQ(b.config_read(kPri), 0x81030000u) << "unexpected group";
  b.config_write(kPri, 0x00010000);
  EXPECT_EQ(b.config_read(kPri), 0x81020000u) << "each bit on its own";
  b.config_write(kPri, 0x00020000);
  EXPECT_EQ(b.config_read(kPri), 0x81000000u);
  pulse(b.dut->pri_failure_i);
  pulse(b.dut->pri_unexpected_i);
  b.config_write(kPri, 1);
  EXPECT_EQ(b.config_read(kPri) & ~0x01000000u, 0x80000001u) << "enabling clears the status";
  pulse(b.dut->pri_failure_i);
  b.config_write(kPri, 1);
  EXPECT_EQ(b.config_read(kPri) & ~0x01000000u, 0x80010001u) << "it was enabled already";
  b.dut->pri_stopped_i = 0;
  b.config_write(kPri, 0);
  EXPECT_EQ(b.config_read(kPri), 0x80010000u) << "page requests are outstanding: not stopped";
  b.dut->pri_stopped_i = 1;
  EXPECT_EQ(b.config_read(kPri), 0x81010000u);
}

TEST(TranslationCapabilityTest, PriResetIsTakenOnlyByAWriteThatLeavesItDisabled) {  // 9.5
  Link b;
  b.dut->pri_stopped_i = 1;
  b.config_write(kPri, 2);
  EXPECT_EQ(b.pri_resets, 1u);
  EXPECT_EQ(b.config_read(kPri), 0x81000000u) << "reads 0";
  b.config_write(kPri, 3);
  EXPECT_EQ(b.pri_resets, 1u) << "enables";
  b.config_write(kPri, 2);
  EXPECT_EQ(b.pri_resets, 2u) << "disables and resets at once";
  EXPECT_EQ(b.config_read(kPri), 0x81000000u);
  b.send({kCfgWr, 0x0E, 0x01000000 | kPri, 0}, {2});  // not byte 0
  EXPECT_EQ(b.pri_resets, 2u);
}

TEST(TranslationCapabilityTest, PageRequestsAreOnOnlyWithAtsAndAllocationInRange) {  // dsa 1.3, 1.4
  Link b;
  const auto enables = [&] { return static_cast<unsigned>(b.dut->cfg_o & 3); };  // {ATS, PRI}
  b.config_write(kPri, 1);
  EXPECT_EQ(enables(), 0u) << "PRI without ATS is ignored";
  b.config_write(kAtsControl, 0x80050000);
  EXPECT_EQ(b.config_read(kAtsControl), 0x80050060u);
  EXPECT_EQ(b.dut->stu_o, 5u);
  EXPECT_EQ(enables(), 3u);
  b.send({kCfgWr, 0x04, 0x01000000 | kAtsControl, 0}, {0});  // byte 2: STU alone
  EXPECT_EQ(b.config_read(kAtsControl), 0x80000060u);
  b.config_write(kPri, 0);
  EXPECT_EQ(enables(), 2u);
  b.config_write(kPri, 1);
  b.config_write(kAtsControl, 0);
  EXPECT_EQ(enables(), 0u);
  EXPECT_EQ(b.config_read(kPri) & 1, 1u);
  for (const auto& [value, ok] : {std::pair{0u, 0u}, {1u, 1u}, {0x200u, 1u}, {0x201u, 0u},
                                  {0x80000001u, 0u}}) {
    b.config_write(kPriAllocation, value);
    EXPECT_EQ(b.dut->pri_alloc_ok_o, ok) << std::hex << value;
    EXPECT_EQ(b.dut->pri_alloc_o, value);
  }
}

TEST(TranslationCapabilityTest, FunctionLevelResetTurnsThemOff) {  // 10.7
  Link b;
  b.dut->pri_stopped_i = 1;
  bring_up(b);
  b.dut->pri_failure_i = 1;
  b.cycle();
  b.dut->pri_failure_i = 0;
  b.config_write(kAtsControl, 0x801F0000);
  b.send({kCfgWr, 0x0F, 0x01000048, 0}, {0xA910});
  b.ups.clear();
  EXPECT_EQ(b.config_read(kAtsControl), 0x00000060u);
  EXPECT_EQ(b.config_read(kPri), 0x81000000u);
  EXPECT_EQ(b.config_read(kPriAllocation), 0u);
  EXPECT_EQ(b.dut->cfg_o & 3, 0u);
}

TEST(TranslationCapabilityTest, DeviceWithoutAtsHasNeitherCapability) {  // dsa 1.3; PCIE-88
  LinkBench<Vlink_small> b;
  EXPECT_EQ(b.config_read(0x200), 0x23010023u) << "DVSEC, next is PASID";
  EXPECT_EQ(b.config_read(0x230), 0x0001001Bu) << "the last";
  for (std::uint32_t at = 0x220; at < 0x260; at += 4) {
    if (at == 0x230 || at == 0x234) continue;
    b.config_write(at, ~0u);
    EXPECT_EQ(b.config_read(at), 0u) << std::hex << at;
  }
  EXPECT_EQ(b.dut->cfg_o & 3, 0u);
  b.send({kMsgD, 0x00100001, kTo, 0}, {0, 0});
  EXPECT_TRUE(b.messages.empty());
  EXPECT_EQ(b.config_read(kErrors), kUnsupported);
  b.config_write(kErrors, ~0u);
  b.send({kMsg, 0x00100005, kTo, 0});
  EXPECT_TRUE(b.messages.empty());
  EXPECT_EQ(b.config_read(kErrors), kUnsupported);
}

// ------------------------------------------------------------------------------------ messages down

TEST(TranslationMessageTest, InvalidateRequestIsReadBigEndian) {  // 9.3
  Link b;
  bring_up(b);
  // ITag 21; payload bytes 00 00 00 01 23 4F F8 01; PASID 0xABCDE.
  b.send({kMsgD, 0x12341501, kTo, 0}, {0x01000000, 0x01F84F23}, 0x910ABCDE);
  ASSERT_EQ(b.messages.size(), 1u);
  const Message& m = b.messages[0];
  EXPECT_TRUE(m.invalidate);
  EXPECT_EQ(m.requester, 0x1234u);
  EXPECT_EQ(m.itag, 21u);
  EXPECT_TRUE(m.has_pasid);
  EXPECT_EQ(m.pasid, 0xABCDEu);
  EXPECT_EQ(m.data, 0x00000001234FF801u);
  b.send({kMsgD, 0x00101F01, kTo, 0}, {0xFFFFFF7F, 0x00F8FFFF});  // everything, ITag 31
  ASSERT_EQ(b.messages.size(), 2u);
  EXPECT_FALSE(b.messages[1].has_pasid);
  EXPECT_EQ(b.messages[1].data, 0x7FFFFFFFFFFFF800u);
  EXPECT_EQ(b.messages[1].itag, 31u);
  EXPECT_EQ(take_errors(b), 0u);
}

TEST(TranslationMessageTest, GroupResponseIsRead) {  // 9.4
  Link b;
  bring_up(b);
  b.send({kMsg, 0x00100005, kTo | 0xF1A5, 0}, {}, 0x91000042);  // Response Failure, group 0x1A5
  b.send({kMsg, 0x00100005, kTo | 0x1000, 0});                  // Invalid Request, group 0, no PASID
  ASSERT_EQ(b.messages.size(), 2u);
  EXPECT_FALSE(b.messages[0].invalidate);
  EXPECT_EQ(b.messages[0].code, 15u);
  EXPECT_EQ(b.messages[0].group, 0x1A5u);
  EXPECT_TRUE(b.messages[0].has_pasid);
  EXPECT_EQ(b.messages[0].pasid, 0x42u);
  EXPECT_EQ(b.messages[1].code, 1u);
  EXPECT_EQ(b.messages[1].group, 0u);
  EXPECT_FALSE(b.messages[1].has_pasid);
  EXPECT_EQ(take_errors(b), 0u);
}

TEST(TranslationMessageTest, InvalidationsArriveWhateverIsTurnedOff) {  // 9.3, 10.1, 10.3; PCIE-69
  Link b;
  b.send({kCfgWr, 0x0F, 0x01000004, 0}, {0});  // memory space and bus master off, all else too
  b.ups.clear();
  b.send({kMsgD, 0x00100301, kTo, 0}, {0, 0});
  EXPECT_EQ(b.messages.size(), 1u);
  b.config_write(0x94, 3);  // D3hot
  b.send({kMsgD, 0x00100401, kTo, 0}, {0, 0});
  b.send({kMsgD, 0x00100401, 0xBEE80000, 0}, {0, 0});  // another bus and device: function 0 it is
  EXPECT_EQ(b.messages.size(), 3u);
  EXPECT_EQ(take_errors(b), 0u);
}

struct Bad {
  std::array<std::uint32_t, 4> header;
  std::uint32_t prefix, error;
  const char* why;
};

TEST(TranslationMessageTest, WrongOnesAreReportedAndGiveTheirCreditsBack) {  // 1, 2.2, 9.3, 9.4, 11
  const Bad cases[] = {
      {{0x72000001, 0x00100001, kTo, 0}, 0, kMalformed, "Length 1"},
      {{0x72000003, 0x00100001, kTo, 0}, 0, kMalformed, "Length 3"},
      {{0x72000010, 0x00100001, kTo, 0}, 0x91000001, kMalformed, "Length 16"},
      {{0x72004001, 0x00100001, kTo, 0}, 0, kMalformed, "Length before poison"},
      {{0x72004002, 0x00100001, kTo, 0}, 0, kPoisoned, "poisoned"},
      {{0x72004002, 0x00100001, kTo, 0}, 0x91000001, kPoisoned, "poisoned, with PASID"},
      {{0x32000000, 0x00100001, kTo, 0}, 0, kUnsupported, "Invalidate Request without payload"},
      {{0x70000002, 0x00100001, kTo, 0}, 0, kUnsupported, "to the root complex"},
      {{0x71000002, 0x00100001, kTo, 0}, 0, kUnsupported, "by address"},
      {{0x73000002, 0x00100001, kTo, 0}, 0, kUnsupported, "broadcast"},
      {{0x74000002, 0x00100001, kTo, 0}, 0, kUnsupported, "local"},
      {{0x72000002, 0x00100001, kTo | 0x10000, 0}, 0, kUnsupported, "function 1"},
      {{0x72000002, 0x00100001, kTo, 0}, 0x90000001, kUnsupported, "prefix of another type"},
      {{0x72000002, 0x00100001, kTo, 0}, 0x81000001, kUnsupported, "local prefix"},
      {{0x72000002, 0x00100005, kTo, 0}, 0, kUnsupported, "PRG Response with payload"},
      {{0x30000000, 0x00100005, kTo, 0}, 0, kUnsupported, "PRG Response to the root complex"},
      {{0x32000000, 0x00100005, kTo | 0x20000, 0}, 0x91000001, kUnsupported, "function 2"},
      {{0x32000000, 0x00100005, kTo, 0}, 0x92000001, kUnsupported, "prefix of another type"},
      {{0x32000000, 0x00100002, kTo, 1}, 0, kUnsupported, "Invalidate Completion"},
      {{0x30000000, 0x00100004, 0, 7}, 0x91000001, kUnsupported, "Page Request"},
      {{0x32000000, 0x00100003, kTo, 0}, 0, kUnsupported, "no such code"},
      {{0x72000002, 0x001000FF, kTo, 0}, 0, kUnsupported, "no such code"}};
  Link b;
  bring_up(b);
  for (const Bad& c : cases) {
    const auto ph = b.dut->dn_cl_ph_o;
    const auto pd = b.dut->dn_cl_pd_o;
    b.send(c.header, {0, 0}, c.prefix);
    EXPECT_TRUE(b.messages.empty()) << c.why;
    EXPECT_EQ((b.dut->dn_cl_ph_o - ph) & 0xFF, 1) << c.why;
    const unsigned units = (c.header[0] >> 30 & 1) * ((c.header[0] & 0x3FF) + 3) / 4;
    EXPECT_EQ((b.dut->dn_cl_pd_o - pd) & 0xFFF, static_cast<int>(units)) << c.why;
    EXPECT_EQ(b.config_read(0x11C), c.header[0]) << c.why << ": header log";
    EXPECT_EQ(take_errors(b), c.error) << c.why;
    b.messages.clear();
  }
}

TEST(TranslationMessageTest, PasidIsRefusedWhileItIsOff) {  // 2.2
  Link b;
  bring_up(b);
  b.config_write(kPasidControl, 0);
  b.send({kMsgD, 0x00100001, kTo, 0}, {0, 0}, 0x91000001);
  b.send({kMsg, 0x00100005, kTo, 0}, {}, 0x91000001);
  EXPECT_TRUE(b.messages.empty());
  EXPECT_EQ(take_errors(b), kUnsupported);
}

TEST(TranslationMessageTest, ThirtyTwoInvalidationsComeWithoutAPause) {  // 9.3, PCIE-69
  Link b;
  bring_up(b);
  b.dut->up_ready_i = 0;  // nothing upstream holds them up
  const auto ph = b.dut->dn_cl_ph_o;
  for (unsigned i = 0; i < 32; ++i) {
    EXPECT_LT((b.dut->dn_cl_ph_o - ph - i - 1) & 0xFF, 0x80) << "header credit for " << i;
    b.offer({kMsgD, 0x00100001 | i << 8, kTo, 0}, {0, i});
    b.cycle();
  }
  b.dut->dn_valid_i = 0;
  for (int i = 0; i < 8; ++i) b.cycle();
  ASSERT_EQ(b.messages.size(), 32u);
  for (unsigned i = 0; i < 32; ++i) EXPECT_EQ(b.messages[i].itag, i);
}

// -------------------------------------------------------------------------------------- messages up

TEST(TranslationMessageTest, PageRequestIsAMessageToTheRootComplex) {  // 9.4, 2.1
  Link b;
  bring_up(b);
  offer_message(b, true, 0x00000038, 0x12345A2D, true, 0xABCDE, true);
  ASSERT_TRUE(taken(b));
  ASSERT_EQ(b.ups.size(), 1u);
  const Up& up = b.ups[0];
  EXPECT_EQ(up.header[0], 0x30000000u);
  EXPECT_EQ(up.header[1], 0x01000004u);
  EXPECT_EQ(up.header[2], 0x00000038u);
  EXPECT_EQ(up.header[3], 0x12345A2Du);
  EXPECT_TRUE(up.has_prefix);
  EXPECT_EQ(up.prefix, 0x918ABCDEu);
  EXPECT_EQ(up.data, std::vector<std::uint32_t>(16, 0));
  b.config_write(kPasidControl, 0x00010000);  // privileged mode may not be said
  b.ups.clear();
  offer_message(b, true, 0, 0x00001005, true, 0x00001, true);
  ASSERT_TRUE(taken(b));
  EXPECT_EQ(b.ups[0].prefix, 0x91000001u);
  b.ups.clear();
  offer_message(b, true, 0, 0x00001005, false, 0x00001, false);
  ASSERT_TRUE(taken(b));
  EXPECT_FALSE(b.ups[0].has_prefix);
  EXPECT_EQ(b.ups[0].prefix, 0u);
}

TEST(TranslationMessageTest, InvalidateCompletionIsRoutedById) {  // 9.3
  Link b;
  b.config_write(0x04, 0);  // bus master off, ATS off: answered all the same (10.1)
  offer_message(b, false, 0x00100001, 0x80000001, true, 0x12345, true);
  ASSERT_TRUE(taken(b));
  ASSERT_EQ(b.ups.size(), 1u);
  EXPECT_EQ(b.ups[0].header[0], 0x32000000u);
  EXPECT_EQ(b.ups[0].header[1], 0x01000002u);
  EXPECT_EQ(b.ups[0].header[2], 0x00100001u);
  EXPECT_EQ(b.ups[0].header[3], 0x80000001u);
  EXPECT_FALSE(b.ups[0].has_prefix) << "never on an Invalidate Completion";
}

TEST(TranslationMessageTest, PageRequestNeedsPriAndAtsAndPasidButNotBusMastering) {  // 9.4, 10.1
  for (int off = 0; off < 4; ++off) {
    Link b;
    bring_up(b);
    if (off == 0) b.config_write(kPri, 0);
    if (off == 1) b.config_write(kAtsControl, 0);
    if (off == 2) b.config_write(kPasidControl, 0);
    if (off == 3) b.config_write(0x04, 2);
    offer_message(b, true, 0, 0x00001005, true, 5, false);
    EXPECT_EQ(taken(b), off == 3) << off;
    EXPECT_EQ(b.ups.size(), off == 3 ? 1u : 0u) << off;
  }
}

TEST(TranslationMessageTest, MessageWaitsForAHeaderCreditOnly) {  // 8
  Link b;
  bring_up(b);
  b.dut->up_cl_ph_i = 0;
  b.dut->up_cl_pd_i = 0;
  offer_message(b, false, 0, 1, false, 0, false);
  EXPECT_FALSE(taken(b));
  b.dut->up_cl_ph_i = 1;
  EXPECT_TRUE(taken(b));
  offer_message(b, false, 0, 2, false, 0, false);
  b.dut->up_cl_ph_i = 1;
  EXPECT_FALSE(taken(b)) << "one message, one credit";
}

TEST(TranslationMessageTest, NothingLeavesBetweenTheResetAndItsCompletion) {  // PCIE-18, 10.7
  Link b;
  bring_up(b);
  b.dut->up_cl_cplh_i = 3;  // the completions of bring_up are paid; this one has to wait
  b.dut->up_cl_cplh_i = 0;
  b.offer({kCfgWr, 0x0F, 0x01000048, 0}, {0xA910});
  for (int i = 0; i < 10; ++i) b.cycle();
  offer_message(b, false, 0, 1, false, 0, false);
  EXPECT_FALSE(taken(b));
  EXPECT_TRUE(b.ups.empty());
}

// Writes, interrupts and messages appear in the order in which they were accepted (9.3 rule 2).
TEST(TranslationMessageTest, MessagesKeepTheirPlaceAmongTheWrites) {
  Link b;
  bring_up(b);
  Random random(5);
  std::vector<unsigned> accepted;
  unsigned next = 1, message = 0, write = 0;
  while (accepted.size() < 400) {
    if (message == 0 && random.percent(40)) {
      message = next++;
      offer_message(b, false, 0, message, false, 0, false);
    }
    if (write == 0 && random.percent(70)) {
      write = next++;
      request(b.dut->wr_req_i, 1, 0x1000 * write, 1, 0);
      b.dut->wr_valid_i = b.dut->wr_sop_i = b.dut->wr_eop_i = 2;
    }
    b.settle();
    const bool message_goes = message != 0 && b.dut->pm_ready_o;
    const bool write_goes = write != 0 && (b.dut->wr_ready_o & 2) != 0;
    EXPECT_FALSE(message_goes && write_goes);
    b.cycle();
    if (message_goes) {
      accepted.push_back(message);
      message = 0;
      b.dut->pm_valid_i = 0;
    }
    if (write_goes) {
      accepted.push_back(write);
      write = 0;
      b.dut->wr_valid_i = 0;
    }
  }
  b.dut->wr_valid_i = b.dut->pm_valid_i = 0;
  for (int i = 0; i < 5; ++i) b.cycle();
  std::vector<unsigned> seen;
  for (const Up& up : b.ups)
    seen.push_back(up.header[0] == 0x32000000 ? up.header[3] : up.header[2] >> 12);
  seen.resize(accepted.size());
  EXPECT_EQ(seen, accepted);
  EXPECT_GT(std::count_if(b.ups.begin(), b.ups.end(),
                          [](const Up& up) { return up.header[0] == 0x32000000; }),
            50);
}

// ---------------------------------------------------------------------------------------- requests

TEST(TranslationRequestTest, RequestSaysAt01AndNoWriteInBitZero) {  // 9.1
  Link b;
  bring_up(b);
  request(b.dut->xr_req_i, 0, 0x00000ABC12345001, 2, 0x3FF);
  qualify(b.dut->xr_req_i, 0, 1, true, 0x54321, true);
  b.dut->xr_valid_i = 1;
  ASSERT_TRUE(request_taken(b));
  ASSERT_EQ(b.ups.size(), 1u);
  EXPECT_EQ(b.ups[0].header[0], 0x20880402u) << "MRd of 4 DW, T9 and T8, AT 01, Length 2";
  EXPECT_EQ(b.ups[0].header[1], 0x0100FFFFu) << "all bytes";
  EXPECT_EQ(b.ups[0].header[2], 0x00000ABCu);
  EXPECT_EQ(b.ups[0].header[3], 0x12345001u) << "NW";
  EXPECT_TRUE(b.ups[0].has_prefix);
  EXPECT_EQ(b.ups[0].prefix, 0x91854321u);
  b.ups.clear();
  request(b.dut->xr_req_i, 0, 0x12345000, 2, 0x07);
  qualify(b.dut->xr_req_i, 0, 1, false, 0, false);
  b.dut->xr_valid_i = 1;
  ASSERT_TRUE(request_taken(b));
  EXPECT_EQ(b.ups[0].header[0], 0x00000402u) << "below 4 GB";
  EXPECT_EQ(b.ups[0].header[1], 0x010007FFu);
  EXPECT_EQ(b.ups[0].header[2], 0x12345000u) << "to be written";
  EXPECT_FALSE(b.ups[0].has_prefix);
}

TEST(TranslationRequestTest, TranslatedRequestsCarryNoPasid) {  // 2.2, SIOV-D-26
  Link b;
  bring_up(b);
  request(b.dut->rd_req_i, 2, 0x7654321000, 16, 0x105);
  qualify(b.dut->rd_req_i, 2, 2, true, 0x54321, true);
  b.dut->rd_valid_i = 4;
  ASSERT_TRUE(request_taken(b));
  ASSERT_EQ(b.ups.size(), 1u);
  EXPECT_EQ(b.ups[0].header[0], 0x20080810u) << "AT 10";
  EXPECT_EQ(b.ups[0].header[3], 0x54321000u);
  EXPECT_FALSE(b.ups[0].has_prefix);
  EXPECT_EQ(b.ups[0].prefix, 0u);
  b.ups.clear();
  request(b.dut->wr_req_i, 3, 0x7654321000, 1, 0);
  qualify(b.dut->wr_req_i, 3, 2, true, 0x54321, true);
  b.dut->wr_valid_i = b.dut->wr_sop_i = b.dut->wr_eop_i = 8;
  for (int i = 0; i < 10 && b.ups.empty(); ++i) {
    b.settle();
    const bool gone = b.dut->wr_ready_o != 0;
    b.cycle();
    if (gone) b.dut->wr_valid_i = 0;
  }
  ASSERT_EQ(b.ups.size(), 1u);
  EXPECT_EQ(b.ups[0].header[0], 0x60000801u);
  EXPECT_FALSE(b.ups[0].has_prefix);
  b.ups.clear();
  qualify(b.dut->rd_req_i, 2, 0, true, 0x54321, false);  // untranslated, as ever
  b.dut->rd_valid_i = 4;
  ASSERT_TRUE(request_taken(b));
  EXPECT_EQ(b.ups[0].header[0], 0x20080010u);
  EXPECT_EQ(b.ups[0].prefix, 0x91054321u);
}

TEST(TranslationRequestTest, NothingTranslatedLeavesWithoutItsEnables) {  // PCIE-05, 17, 23
  for (int off = 0; off < 3; ++off) {
    for (const unsigned at : {1u, 2u, 0u}) {
      Link b;
      bring_up(b);
      if (off == 0) b.config_write(kAtsControl, 0);
      if (off == 1) b.config_write(0x04, 2);  // bus master
      if (off == 2) b.config_write(kPasidControl, 0);
      if (at == 1) {
        request(b.dut->xr_req_i, 0, 0x5000, 2, 0x3FF);
        qualify(b.dut->xr_req_i, 0, at, true, 1, false);
        b.dut->xr_valid_i = 1;
      } else {
        request(b.dut->rd_req_i, 2, 0x5000, 16, 0x100);
        qualify(b.dut->rd_req_i, 2, at, true, 1, false);
        b.dut->rd_valid_i = 4;
        request(b.dut->wr_req_i, 0, 0x5000, 1, 0);
        qualify(b.dut->wr_req_i, 0, at, true, 1, false);
        b.dut->wr_valid_i = b.dut->wr_sop_i = b.dut->wr_eop_i = 1;
      }
      const bool goes = off == 0 && at == 0;
      b.settle();
      EXPECT_EQ(b.dut->wr_ready_o != 0 || request_taken(b), goes) << off << ' ' << at;
      if (!goes) EXPECT_TRUE(b.ups.empty()) << off << ' ' << at;
    }
  }
}

// Five sources of reads share the non-posted class; none is starved (SIOV-D-14).
TEST(TranslationRequestTest, RequestsTakeTurnsWithTheReads) {
  Link b;
  bring_up(b);
  for (unsigned e = 0; e < 4; ++e) request(b.dut->rd_req_i, e, 0x1000 * (e + 1), 16, 0x100 + 64 * e);
  request(b.dut->xr_req_i, 0, 0x5000, 2, 0x1BC);
  qualify(b.dut->xr_req_i, 0, 1, false, 0, false);
  b.dut->rd_valid_i = 15;
  b.dut->xr_valid_i = 1;
  unsigned count[5] = {};
  for (int i = 0; i < 100; ++i) {
    b.settle();
    for (unsigned e = 0; e < 4; ++e) count[e] += b.dut->rd_ready_o >> e & 1;
    count[4] += b.dut->xr_ready_o;
    b.cycle();
  }
  for (const unsigned c : count) EXPECT_EQ(c, 20u);
}

}  // namespace
}  // namespace siov::test
