// SPDX-License-Identifier: Apache-2.0
// Translations: who asks, what is sent, what is kept for whom, invalidations. DSA 1.4, 2.9;
// PCIe 10.2, 10.3; SIOV-D-12, 25, 26, 52, 53.
#include <bit>

#include "fault_bench.hpp"

namespace siov::test {
namespace {

constexpr std::uint64_t kPortal1 = 0x4000;

struct AtsTest : FaultTest {
  /// Translation requests for a page.
  std::size_t asked(std::uint64_t page, std::uint32_t pasid = kOwner) const {
    return static_cast<std::size_t>(
        std::count_if(b.host.pages.translations.begin(), b.host.pages.translations.end(),
                      [&](const port::TranslationRequest& r) {
                        return r.address.value == page && PageHost::key_of(r.pasid) == pasid;
                      }));
  }
  Record run_as(std::uint32_t pasid, const Work& w) {
    std::fill_n(b.host.memory.begin() + kRecordAt, 32, std::byte{0});
    EXPECT_EQ(b.enqcmd(kPortal1, w.as(pasid)), port::CompletionStatus::kSuccess);
    EXPECT_EQ(b.command(3), 0u);
    return b.host.record(kRecordAt);
  }
  static Work copy(std::uint64_t from = 0x200000, std::uint64_t to = 0x300000) {
    return Work::move(from, to, 256, kRecordAt);
  }
  void expect_all(std::uint64_t page, bool translated) const {
    const std::vector<Seen> seen = b.host.touching(page, 0x1000);
    EXPECT_FALSE(seen.empty());
    for (const Seen& s : seen) {
      EXPECT_EQ(s.translated, translated) << std::hex << s.address;
      EXPECT_EQ(s.pasid.has_value(), !translated) << std::hex << s.address;
    }
  }
};

TEST_F(AtsTest, RequestsAreTranslatedAndCarryNoPasid) {  // SIOV-D-25, D-26
  start(0);
  Work w = copy();
  w.flags |= kWantInterrupt;
  w.handle = 1;
  EXPECT_EQ(play(w), kGood);
  for (const std::uint64_t page : {0x200000u, 0x300000u, 0x100000u}) {
    expect_all(page, true);
    EXPECT_EQ(asked(page), 1u) << std::hex << page;
  }
  for (const port::TranslationRequest& r : b.host.pages.translations) {
    EXPECT_EQ(r.pasid, Pasid{kOwner});
    EXPECT_EQ(r.no_write, r.address.value == 0x200000u) << "only the source is read";
    EXPECT_FALSE(r.privileged);
  }
  EXPECT_EQ(b.host.messages(), (std::vector<std::uint32_t>{0x51}));
}

TEST_F(AtsTest, WithoutAtsNothingAsks) {  // SIOV-D-52
  b.bring_up();
  EXPECT_EQ(play(copy()), kGood);
  expect_all(0x200000, false);
  expect_all(0x100000, false);
  EXPECT_TRUE(b.host.pages.translations.empty());
}

TEST_F(AtsTest, QueueCanGoWithoutAts) {  // 2.9 dword 2 bit 2
  start(0);
  ASSERT_EQ(b.command(7, 0x1), 0u);
  b.write(0x808, 0x10001115);
  ASSERT_EQ(b.command(6, 0), 0u);
  EXPECT_EQ(play(copy()), kGood);
  expect_all(0x200000, false);
  EXPECT_TRUE(b.host.pages.translations.empty());
  b.host.seen.clear();
  EXPECT_EQ(run_as(0x21, copy()), kGood);
  expect_all(0x200000, true);
}

TEST_F(AtsTest, QueueCanGoWithoutPageRequests) {  // 2.9 dword 2 bit 3
  start(16);
  ASSERT_EQ(b.command(7, 0x1), 0u);
  b.write(0x808, 0x10001119);
  ASSERT_EQ(b.command(6, 0), 0u);
  take_away(kRecordAt);
  EXPECT_EQ(play(copy()), kNoRecord);
  EXPECT_EQ(take_error() >> 8 & 0xFF, 0x1Au) << "nobody asks for the page of the record";
  EXPECT_TRUE(b.host.pages.requests.empty());
  take_away(kRecordAt, 0x21);
  EXPECT_EQ(run_as(0x21, copy()), kGood) << "the other queue does";
  EXPECT_EQ(b.host.pages.requests.size(), 1u);
}

TEST_F(AtsTest, SamePageOfTwoPasidsStaysApart) {  // SIOV-D-12
  start(0);
  b.host.pages.elsewhere = {{{0x21, 0x200000}, 0x210000},
                            {{0x22, 0x200000}, 0x220000},
                            {{0x21, 0x300000}, 0x310000},
                            {{0x22, 0x300000}, 0x320000}};
  b.host.fill_count(0x210000, 256, 1);
  b.host.fill_count(0x220000, 256, 2);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(run_as(0x21, copy()), kGood);
    EXPECT_EQ(run_as(0x22, copy()), kGood);
  }
  EXPECT_EQ(b.host.byte(0x310000), 1u);
  EXPECT_EQ(b.host.byte(0x320000), 2u);
  EXPECT_TRUE(b.host.touching(0x200000, 0x1000).empty());
  EXPECT_TRUE(b.host.touching(0x300000, 0x1000).empty());
  EXPECT_EQ(asked(0x200000, 0x21), 1u) << "kept";
  EXPECT_EQ(asked(0x200000, 0x22), 1u);
}

TEST_F(AtsTest, PrivilegeIsPartOfTheKey) {  // SIOV-D-12
  start(0);
  EXPECT_EQ(run_as(0x21, copy()), kGood);
  Work w = copy();
  w.word0 = 0x80000021;
  std::fill_n(b.host.memory.begin() + kRecordAt, 32, std::byte{0});
  EXPECT_EQ(b.enqcmd(kPortal1, w), port::CompletionStatus::kSuccess);
  EXPECT_EQ(b.command(3), 0u);
  EXPECT_EQ(b.host.record(kRecordAt), kGood);
  EXPECT_EQ(asked(0x200000, 0x21), 2u);
  EXPECT_TRUE(b.host.pages.translations.back().privileged);
}

TEST_F(AtsTest, QueueWithoutPasidAsksWithout) {  // 1.4
  b.set_up_function();
  b.set_config(0x236, 0x0, 2);
  b.enable_translation(16);
  b.set_wq(0, 16, 0x00000013);
  b.set_group(0, 0x1, 0x1);
  ASSERT_EQ(b.command(1), 0u);
  ASSERT_EQ(b.command(6, 0), 0u);
  take_away(0x200000, PageHost::kNoPasid);
  Work w = copy();
  w.flags |= kBlockOnFault;
  EXPECT_EQ(play(w), kGood);
  for (const auto& r : b.host.pages.translations) EXPECT_FALSE(r.pasid.has_value());
  ASSERT_EQ(b.host.pages.requests.size(), 1u);
  EXPECT_FALSE(b.host.pages.requests[0].pasid.has_value());
  for (const Seen& s : b.host.touching(0x200000, 0x1000)) EXPECT_TRUE(s.translated);
}

TEST_F(AtsTest, InvalidationEndsTheUseOfATranslation) {  // SIOV-D-53
  start(0);
  b.host.fill_count(0x200000, 256, 1);
  b.host.fill_count(0x210000, 256, 9);
  EXPECT_EQ(play(copy()), kGood);
  b.host.pages.elsewhere[{kOwner, 0x200000}] = 0x210000;
  invalidate(kOwner, 0x200000);
  ASSERT_EQ(b.host.pages.completions.size(), 1u);
  EXPECT_EQ(b.host.pages.completions[0].itags, 1u);
  EXPECT_EQ(b.host.pages.completions[0].count, 1u);
  b.host.seen.clear();
  EXPECT_EQ(play(copy()), kGood);
  EXPECT_EQ(b.host.byte(0x300000), 9u);
  EXPECT_TRUE(b.host.touching(0x200000, 0x1000).empty());
}

TEST_F(AtsTest, InvalidationNamesPasidAndRange) {  // PCIe 10.3, pcie.md 9.3
  start(0);
  struct {
    std::optional<Pasid> pasid;
    std::uint64_t address;
    bool size, global;
    bool drops_21, drops_22;
    const char* why;
  } const cases[] = {
      {Pasid{0x21}, 0x200000, false, false, true, false, "one page of one PASID"},
      {Pasid{0x22}, 0x201000, false, false, false, false, "another page"},
      {Pasid{0x23}, 0x200000, false, false, false, false, "another PASID"},
      {Pasid{0x23}, 0x200000, false, true, true, true, "global: of all PASIDs"},
      {std::nullopt, 0x200000, false, false, true, true, "without PASID: of all"},
      {std::nullopt, 0x203000, true, false, true, true, "16 KiB from 0x200000"},
      {std::nullopt, 0x20B000, true, false, false, false, "16 KiB from 0x208000"},
      {Pasid{0x22}, 0x7FFFFFFFFFFFF000, true, false, false, true, "everything of a PASID"},
      {std::nullopt, 0x7FFFFFFFFFFFF000, true, false, true, true, "everything"}};
  EXPECT_EQ(run_as(0x21, copy()), kGood);
  EXPECT_EQ(run_as(0x22, copy()), kGood);
  for (const auto& c : cases) {
    const std::size_t before_21 = asked(0x200000, 0x21), before_22 = asked(0x200000, 0x22);
    b.host.pages.invalidate(
        {.pasid = c.pasid, .address = c.address, .size = c.size, .global = c.global});
    await_invalidations();
    EXPECT_EQ(run_as(0x21, copy()), kGood);
    EXPECT_EQ(run_as(0x22, copy()), kGood);
    EXPECT_GE(asked(0x200000, 0x21), before_21 + (c.drops_21 ? 1 : 0)) << c.why;
    EXPECT_GE(asked(0x200000, 0x22), before_22 + (c.drops_22 ? 1 : 0)) << c.why;
    if (!b.is_model()) continue;  // more than asked for may go
    EXPECT_EQ(asked(0x200000, 0x21), before_21 + (c.drops_21 ? 1 : 0)) << c.why;
    EXPECT_EQ(asked(0x200000, 0x22), before_22 + (c.drops_22 ? 1 : 0)) << c.why;
  }
}

TEST_F(AtsTest, InvalidationsUnderLoadLeaveNothingStale) {  // SIOV-D-53
  start(0);
  const auto finished = [&] {  // one completion may name several tags
    std::size_t tags = 0;
    for (const auto& c : b.host.pages.completions) tags += std::size_t(std::popcount(c.itags));
    return tags;
  };
  for (unsigned round = 0; round < 40; ++round) {
    for (unsigned n = 0; n < 4; ++n) {
      Work w = Work::move(kS1, kD1, kLength, kRecordAt + 32 * n);
      b.movdir(kQueue0, w);
    }
    b.run(37 * (round % 7));
    b.host.pages.invalidate(kOwner, (round % 2 == 0 ? kS1 : kD1) & kPageMask);
    if (round % 8 == 7) {
      EXPECT_EQ(b.command(3), 0u);
      await_invalidations();
    }
  }
  EXPECT_EQ(finished(), 40u);
  for (unsigned i = 0; i < kLength; ++i) ASSERT_EQ(b.host.byte(kD1 + i), i % 256) << "offset " << i;
}

TEST_F(AtsTest, InvalidationIsAnsweredWhileAtsIsOff) {  // PCIE-69
  b.bring_up();
  for (unsigned i = 0; i < 32; ++i) b.host.pages.invalidate(kOwner, 0x200000 + 0x1000 * i);
  await_invalidations();
  std::uint64_t tags = 0;
  for (const auto& c : b.host.pages.completions) tags |= c.itags;
  EXPECT_EQ(tags, 0xFFFFFFFFu);
}

TEST_F(AtsTest, ReadOnlyPageIsReadAndNotWritten) {  // pcie.md 9.2
  start(0);
  b.host.pages.read_only.insert({kOwner, 0x200000});
  EXPECT_EQ(play(copy()), kGood);
  Record r = play_masked(copy(0x210000, 0x200000));
  EXPECT_EQ(r, (Record{0x83, 0x200000, 0, 0}));
  b.host.pages.read_only.clear();
  EXPECT_EQ(play(copy(0x210000, 0x200000)), kGood) << "more rights need no invalidation";
}

TEST_F(AtsTest, ReadPageIsAskedForAgainBeforeAWrite) {  // NW: pcie.md 9.1
  start(0);
  EXPECT_EQ(play(copy()), kGood);
  EXPECT_EQ(play(copy(0x210000, 0x200000)), kGood);
  EXPECT_EQ(asked(0x200000), 2u);
}

TEST_F(AtsTest, UntranslatedOnlyPageIsUsedUntranslated) {  // pcie.md 9.2 U, PCIE-65
  start(0);
  b.host.pages.untranslated_only.insert({kOwner, 0x200000});
  EXPECT_EQ(play(copy()), kGood);
  expect_all(0x200000, false);
  expect_all(0x300000, true);
}

TEST_F(AtsTest, LargeTranslationServesItsRange) {  // S: pcie.md 9.2
  start(0);
  for (std::uint64_t page = 0x200000; page < 0x400000; page += 0x1000)
    b.host.pages.large[{kOwner, page}] = 21;
  EXPECT_EQ(play(Work::move(0x200000, 0x300000, 0x10000, kRecordAt)), kGood);
  for (const Seen& s : b.host.touching(0x200000, 0x200000)) EXPECT_TRUE(s.translated);
  if (!b.is_model()) return;  // several may be under way before the first answer
  EXPECT_EQ(b.host.pages.translations.size(), 3u) << "read, write, record";
}

TEST_F(AtsTest, FailedTranslationIsReported) {  // 5.5 (22)
  start(0);
  EXPECT_EQ(play(Work::noop(kWantRecord, kRecordAt)), kGood) << "the record's page is known";
  b.host.pages.status = port::DmaStatus::kCompleterAbort;
  EXPECT_EQ(play(copy()), (Record{0x22, 0, 0, 0}));
  b.host.pages.status = port::DmaStatus::kSuccess;
  EXPECT_EQ(play(copy()), kGood) << "nothing of it is kept";
}

TEST_F(AtsTest, UnsupportedTranslationEndsAtsUntilItIsEnabledAgain) {  // pcie.md 9.2
  start(0);
  EXPECT_EQ(play(copy()), kGood);
  b.host.pages.status = port::DmaStatus::kUnsupportedRequest;
  (void)play(copy(0x210000));
  const std::size_t requests = b.host.pages.translations.size();
  b.host.seen.clear();
  (void)play(copy());
  for (const Seen& s : b.host.seen) EXPECT_FALSE(s.translated) << "no translated request";
  EXPECT_EQ(b.host.pages.translations.size(), requests) << "nothing is asked";
  b.host.pages.status = port::DmaStatus::kSuccess;
  b.function_level_reset();
  start(0);
  EXPECT_EQ(play(copy()), kGood);
}

TEST_F(AtsTest, ResetsForgetTranslations) {  // SIOV-D-41
  start(0);
  EXPECT_EQ(play(copy()), kGood);
  const auto stop = [&](std::uint32_t code, std::uint32_t operand) {
    EXPECT_EQ(b.command(code, operand), 0u) << code;
  };
  stop(10, 0x1);  // Reset WQ
  b.set_wq(0, 16, 0x10001111);
  stop(6, 0);
  EXPECT_EQ(play(copy()), kGood);
  EXPECT_EQ(asked(0x200000), 2u) << "Reset WQ";
  stop(9, 0x1);
  EXPECT_EQ(play(copy()), kGood);
  EXPECT_EQ(asked(0x200000), 3u) << "Abort WQ";
  stop(7, 0x1);
  stop(6, 0);
  EXPECT_EQ(play(copy()), kGood);
  EXPECT_EQ(asked(0x200000), 4u) << "Disable WQ";
  stop(5, 0);
  start(0);
  EXPECT_EQ(play(copy()), kGood);
  EXPECT_EQ(asked(0x200000), 5u) << "Reset Device";
  b.function_level_reset();
  start(0);
  EXPECT_EQ(play(copy()), kGood);
  EXPECT_EQ(asked(0x200000), 6u) << "FLR";
}

TEST_F(AtsTest, WritesAskForTheRightToWrite) {  // NW: pcie.md 9.1
  start(0);
  EXPECT_EQ(play(Work::fill(kPattern, 0x300000, 64, kRecordAt)), kGood);
  ASSERT_EQ(b.host.pages.translations.size(), 2u);
  for (const port::TranslationRequest& r : b.host.pages.translations) EXPECT_FALSE(r.no_write);
}

}  // namespace
}  // namespace siov::test
