// SPDX-License-Identifier: Apache-2.0
// pcie.md 12.7: translations, translated requests, invalidations.
#include <gtest/gtest.h>

#include "pcie/ats_tlp.hpp"
#include "pcie/tlp_factory.hpp"
#include "sequence.hpp"

namespace siov::check::test {

using pcie::CplStatus;
using pcie::Tlp;

namespace {

void translated_move(Sequence& s) {
  s.ats_on();
  s.submit(0, s.move());
  s.run(5, s.move());
  s.end();
}

/// A move whose pages have been granted, and nothing more.
void granted_move(Sequence& s) {
  s.ats_on();
  s.submit(0, s.move());
  for (const std::uint64_t page : {0x1000u, 0x9000u, 0x8000u}) s.grant(5, page);
}

/// After an invalidation a move runs with new translations.
void invalidated_move(Sequence& s) {
  granted_move(s);
  s.invalidate(5, 0x1000);
  s.place(5, 0x1000, 0x77'0000'0000);
  s.run(5, s.move());
  s.end();
}

}  // namespace

TEST(TranslationTest, TranslatedWorkOfSeveralTenantsIsClean) {
  Sequence s;
  s.ats_on();
  for (const std::uint32_t pasid : {5u, 6u}) {
    const abi::Descriptor d =
        s.with_interrupt(s.move(pasid), static_cast<std::uint16_t>(pasid - 4));
    s.submit(pasid == 5 ? 0 : 2, d);
    s.run(pasid, d);
  }
  s.submit(0, s.batch({s.member(0), s.member(1, true)}));
  s.fetch(5, 0x4000, 128);
  s.run(5, s.member(0));
  s.run(5, s.member(1));
  s.up(s.record(5, 0x8200, 0x01, 2));
  s.end();
  EXPECT_EQ(s.text(), "");
  const Stats stats = s.referee.stats();
  EXPECT_EQ(stats.finished, 3u);
  EXPECT_EQ(stats.members, 2u);
  EXPECT_EQ(stats.translations, stats.translation_requests);
  EXPECT_EQ(stats.translations, 11u);  // 3 pages each, list, two of each member
  EXPECT_EQ(stats.translated, 20u);    // 6 of each move, list, 3 of each member, batch record
  EXPECT_EQ(stats.stale_uses, 0u);
}

TEST(TranslationTest, DeferrableWorkIsSeenBeforeItsAnswer) {
  Sequence s;
  s.ats_on();
  const Tlp request = s.deferrable(1, s.move(7));
  s.down(request);
  s.fetch(7, 0x1000, 600);
  s.up(s.answer(request, CplStatus::kSc));
  s.store(7, 0x9000, 0x1000, 600);
  s.up(s.record(7, 0x8000));
  s.end();
  EXPECT_EQ(s.text(), "");
}

TEST(TranslationTest, OwnersThatShareAHostPageAreToldApart) {
  Sequence s;
  s.ats_on();
  for (const std::uint32_t pasid : {5u, 6u}) {
    s.place(pasid, 0x8000, 0x55'0000'0000);
    abi::Descriptor d = s.move(pasid);
    if (pasid == 6) d.completion_address = Iova{0x8040};
    s.submit(pasid == 5 ? 0 : 2, d);
  }
  for (const std::uint32_t pasid : {5u, 6u}) {
    s.fetch(pasid, 0x1000, 600);
    s.store(pasid, 0x9000, 0x1000, 600);
  }
  s.up(s.record(6, 0x8040));
  s.up(s.record(5, 0x8000));
  s.end();
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(s.referee.stats().finished, 2u);
}

TEST(TranslationTest, LargeTranslationIsOneGrantForAllItsPages) {
  Sequence s;
  s.ats_on();
  s.submit(0, s.move());
  // 2 MB at 0x1_2340_0000 (pcie.md 9.2)
  s.translation(s.translation_request(5, 0x1000), std::uint64_t{0x1'234F'F803});
  for (const std::uint64_t page : {0x1000u, 0x8000u, 0x9000u}) {
    s.place(5, page, 0x1'2340'0000 + page);
  }
  for (const auto& [bytes, at] : {std::pair{512u, 0x1000u}, std::pair{88u, 0x1200u}}) {
    Tlp read = s.read_request(5, at, bytes);
    Tlp wire = read;
    wire.prefix = {};
    wire.at = 2;
    wire.address += 0x1'2340'0000;
    wire.four_dw = true;
    s.up(wire);
    s.complete(read);
  }
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(s.referee.stats().translations, 1u);
  // One page of it is invalidated: the others stay.
  s.invalidate_request(3, Pasid{5}, 0x1000);
  s.invalidated(8);
  const std::vector<std::byte> data = s.memory.bytes(5, 0x1000, 256);
  Tlp write = pcie::mem_write(kDevice, 0x1'2340'9000, data);
  write.at = 2;
  s.up(write);
  EXPECT_EQ(s.text(), "");
  Tlp again = pcie::mem_read(kDevice, 0x70, 0x1'2340'1000, 64);
  again.at = 2;
  s.up(again);
  EXPECT_EQ(s.only(Rule::kPcie66), "");
  EXPECT_EQ(s.referee.stats().stale_uses, 1u);
}

NEGATIVE_TEST(TranslatedRequestWithPasid, Rule::kPcie27, translated_move, [](Sequence& s) {
  granted_move(s);
  s.up(pcie::with_pasid(s.translated(s.read_request(5, 0x1000, 64)), Pasid{5}));
})
NEGATIVE_TEST(
    TranslatedRequestWithAnotherPasid, Rule::kPcie27,
    [](Sequence& s) {
      s.config_write(0x236, 2, 0x0009);  // Translated Requests with PASID Enable (pcie.md 9.5)
      granted_move(s);
      const Tlp read = s.read_request(5, 0x1000, 64);
      s.up(pcie::with_pasid(s.translated(read), Pasid{5}));
      s.complete(read);
    },
    [](Sequence& s) {
      s.config_write(0x236, 2, 0x0009);
      granted_move(s);
      s.up(pcie::with_pasid(s.translated(s.read_request(5, 0x1000, 64)), Pasid{6}));
    })
NEGATIVE_TEST(TranslationRequestOfOddLength, Rule::kPcie63, translated_move, [](Sequence& s) {
  s.ats_on();
  s.submit(0, s.move());
  Tlp t = pcie::translation_request(
      1, {.requester = kDevice, .address = Iova{0x1000}, .pasid = Pasid{5}});
  t.length_dw = 3;
  s.up(t);
})
NEGATIVE_TEST(TranslationRequestInsideAPage, Rule::kPcie63, translated_move, [](Sequence& s) {
  s.ats_on();
  s.submit(0, s.move());
  s.translation_request(5, 0x1040);
})
NEGATIVE_TEST(TranslationRequestWithoutAllBytes, Rule::kPcie63, translated_move, [](Sequence& s) {
  s.ats_on();
  s.submit(0, s.move());
  Tlp t = pcie::translation_request(
      1, {.requester = kDevice, .address = Iova{0x1000}, .pasid = Pasid{5}});
  t.first_be = 0xE;
  s.up(t);
})
NEGATIVE_TEST(AddressThatWasNeverGiven, Rule::kPcie64, translated_move, [](Sequence& s) {
  granted_move(s);
  Tlp t = s.translated(s.read_request(5, 0x1000, 64));
  t.address += 0x10'0000;
  s.up(t);
})
NEGATIVE_TEST(
    WriteWithoutTheRight, Rule::kPcie64,
    [](Sequence& s) {  // asked for again with NW = 0, the page may be written
      granted_move(s);
      s.grant(5, 0x1000, 1);
      s.run(5, s.move());
      s.end();
    },
    [](Sequence& s) {
      s.ats_on();
      s.submit(0, s.move());
      s.fetch(5, 0x1000, 600);
      s.grant(5, 0x9000, 1);
      s.store(5, 0x9000, 0x1000, 256);
    })
NEGATIVE_TEST(ReadWithoutTheRight, Rule::kPcie64, translated_move, [](Sequence& s) {
  s.ats_on();
  s.submit(0, s.move());
  s.grant(5, 0x1000, 2);
  s.up(s.read_request(5, 0x1000, 64));
})
NEGATIVE_TEST(
    RangeBelowTheSmallestTranslationUnit, Rule::kPcie64,
    [](Sequence& s) {  // STU 1: 8 KB (pcie.md 9.2)
      s.ats_on(8, 1);
      s.submit(0, s.move());
      s.translation(s.translation_request(5, 0x2000), std::uint64_t{0x55'0000'2803});
    },
    [](Sequence& s) {
      s.ats_on(8, 1);
      s.submit(0, s.move());
      s.translation(s.translation_request(5, 0x1000));
    })
NEGATIVE_TEST(TranslationAfterTheEndOfAts, Rule::kPcie05, translated_move, [](Sequence& s) {
  granted_move(s);
  s.config_write(0x226, 2, 0);
  s.wait(3000);
  s.up(s.translated(s.read_request(5, 0x1000, 64)));
})
NEGATIVE_TEST(TranslationOlderThanTheEndOfAts, Rule::kPcie64, translated_move, [](Sequence& s) {
  s.ats_on();
  s.grant(5, 0x1000);
  s.command(2, 0);
  s.config_write(0x226, 2, 0);
  s.wait(3000);
  s.ats_on();
  s.submit(0, s.move());
  s.up(s.translated(s.read_request(5, 0x1000, 64)));
})
NEGATIVE_TEST(
    TranslatedRequestAfterUr, Rule::kPcie64,
    [](Sequence& s) {  // what is under way may finish
      granted_move(s);
      s.translation(s.translation_request(5, 0x2000), CplStatus::kUr);
      s.run(5, s.move());
    },
    [](Sequence& s) {
      granted_move(s);
      s.translation(s.translation_request(5, 0x2000), CplStatus::kUr);
      s.wait(3000);
      s.up(s.read_request(5, 0x1000, 64));
    })
NEGATIVE_TEST(
    UntranslatedRangeTranslated, Rule::kPcie65,
    [](Sequence& s) {
      s.ats_on();
      s.submit(0, s.move());
      s.grant(5, 0x1000, 7);
      Tlp read = s.read_request(5, 0x1000, 64);
      s.referee.on_tlp(pcie::Direction::kUp, read, 1000);  // AT 00, with PASID
    },
    [](Sequence& s) {
      s.ats_on();
      s.submit(0, s.move());
      s.grant(5, 0x1000, 7);
      s.up(s.read_request(5, 0x1000, 64));
    })

// ------------------------------------------------------------------ invalidations

NEGATIVE_TEST(ReadAfterInvalidation, Rule::kPcie66, invalidated_move, [](Sequence& s) {
  granted_move(s);
  const Tlp read = s.translated(s.read_request(5, 0x1000, 64));
  s.invalidate(5, 0x1000);
  s.up(read);
})
NEGATIVE_TEST(WriteAfterInvalidation, Rule::kPcie66, invalidated_move, [](Sequence& s) {
  granted_move(s);
  s.fetch(5, 0x1000, 600);
  const Tlp write = s.translated(s.data_write(5, 0x9000, s.memory.bytes(5, 0x1000, 256)));
  s.invalidate(5, 0x9000);
  s.up(write);
})
NEGATIVE_TEST(
    InvalidationWithoutPasidCoversAll, Rule::kPcie66,
    [](Sequence& s) {  // that of another PASID, or of another page, changes nothing
      granted_move(s);
      s.invalidate_request(1, Pasid{6}, 0x1000);
      s.invalidate_request(2, Pasid{5}, 0x2000);
      s.invalidated(6);
      s.run(5, s.move());
      s.end();
    },
    [](Sequence& s) {
      granted_move(s);
      const Tlp read = s.translated(s.read_request(5, 0x1000, 64));
      s.invalidate_request(1, std::nullopt, 0x1000);
      s.invalidated(2);
      s.up(read);
    })
NEGATIVE_TEST(
    GlobalInvalidationCoversAllPasids, Rule::kPcie66,
    [](Sequence& s) {  // not supported: the flag is ignored (pcie.md 9.3)
      s.config_read(0x224, 0x0020);
      granted_move(s);
      s.invalidate_request(1, Pasid{6}, 0x1000, false, true);
      s.invalidated(2);
      s.run(5, s.move());
    },
    [](Sequence& s) {
      granted_move(s);
      const Tlp read = s.translated(s.read_request(5, 0x1000, 64));
      s.invalidate_request(1, Pasid{6}, 0x1000, false, true);
      s.invalidated(2);
      s.up(read);
    })
NEGATIVE_TEST(InvalidationOfEverything, Rule::kPcie66, invalidated_move, [](Sequence& s) {
  granted_move(s);
  const Tlp read = s.translated(s.read_request(5, 0x1000, 64));
  s.invalidate_request(1, std::nullopt, 0x7FFF'FFFF'FFFF'F000, true);
  s.invalidated(2);
  s.up(read);
})
NEGATIVE_TEST(
    TranslationAskedForBeforeInvalidation, Rule::kPcie66,
    [](Sequence& s) {  // asked for while the invalidation is under way: it is a new one
      s.ats_on();
      s.submit(0, s.move());
      s.invalidate_request(1, Pasid{5}, 0x1000);
      const Tlp ask = s.translation_request(5, 0x1000);
      s.invalidated(2);
      s.translation(ask);
      const Tlp read = s.read_request(5, 0x1000, 64);
      s.up(s.translated(read));
      s.complete(read);
    },
    [](Sequence& s) {
      s.ats_on();
      s.submit(0, s.move());
      const Tlp ask = s.translation_request(5, 0x1000);
      s.invalidate_request(1, Pasid{5}, 0x1000);
      s.invalidated(2);
      s.translation(ask);
      s.place(5, 0x1000, s.host_page(5, 0x1000));
      Tlp read = s.read_request(5, 0x1000, 64);
      read.address = s.host_page(5, 0x1000);
      read.prefix = {};
      read.at = 2;
      read.four_dw = true;
      s.up(read);
    })
NEGATIVE_TEST(HostPageGivenToAnotherAfterInvalidation, Rule::kPcie66, invalidated_move,
              [](Sequence& s) {
                granted_move(s);
                s.submit(2, s.move(6));
                const Tlp read = s.translated(s.read_request(5, 0x1000, 64));
                s.invalidate(5, 0x1000);
                s.place(6, 0x2000, s.host_page(5, 0x1000));
                s.grant(6, 0x2000);
                s.up(read);
              })
NEGATIVE_TEST(CompletionOfNoInvalidation, Rule::kPcie67, invalidated_move, [](Sequence& s) {
  granted_move(s);
  s.invalidated(4);
})
NEGATIVE_TEST(CompletionForAnotherRequester, Rule::kPcie67, invalidated_move, [](Sequence& s) {
  granted_move(s);
  s.invalidate_request(1, Pasid{5}, 0x1000);
  s.invalidated(2, 1, RequesterId{0x0010});
})
NEGATIVE_TEST(
    CompletionsWithDifferentCounts, Rule::kPcie67,
    [](Sequence& s) {
      granted_move(s);
      s.invalidate_request(1, Pasid{5}, 0x1000);
      s.invalidated(2, 2);
      s.run(5, s.move());  // the first of two: not over yet
      s.invalidated(2, 2);
      s.end();
    },
    [](Sequence& s) {
      granted_move(s);
      s.invalidate_request(1, Pasid{5}, 0x1000);
      s.invalidated(2, 3);
      s.invalidated(2, 2);
    })
NEGATIVE_TEST(CompletionWithoutItag, Rule::kPcie67, invalidated_move, [](Sequence& s) {
  granted_move(s);
  s.invalidated(0);
})
NEGATIVE_TEST(ItagReusedByTheHost, Rule::kPcie67, invalidated_move, [](Sequence& s) {
  granted_move(s);
  s.invalidate_request(1, Pasid{5}, 0x1000);
  s.invalidate_request(1, Pasid{5}, 0x2000);
})
NEGATIVE_TEST(PrefixOnInvalidateCompletion, Rule::kPcie26, invalidated_move, [](Sequence& s) {
  granted_move(s);
  s.invalidate_request(1, Pasid{5}, 0x1000);
  s.up(pcie::with_pasid(pcie::invalidate_completion(kHost, {.device = kDevice, .itags = 2}),
                        Pasid{5}));
})
NEGATIVE_TEST(
    CompletionAheadOfReads, Rule::kPcie68,
    [](Sequence& s) {  // reads of other pages do not matter
      granted_move(s);
      const Tlp read = s.read_request(5, 0x1000, 512);
      s.up(read);
      s.invalidate_request(1, Pasid{5}, 0x9000);
      s.drop(5, 0x9000);
      s.invalidated(2);
      s.complete(read);
      s.fetch(5, 0x1200, 88);
      s.store(5, 0x9000, 0x1000, 600);
      s.up(s.record(5, 0x8000));
      s.end();
    },
    [](Sequence& s) {
      granted_move(s);
      const Tlp read = s.read_request(5, 0x1000, 512);
      s.up(read);
      s.invalidate_request(1, Pasid{5}, 0x1000);
      s.invalidated(2);
      s.complete(read);
    })
/// The source page is asked for twice, and the first request is answered last. An invalidation
/// comes before or behind the second request.
void answered_in_the_other_order(Sequence& s, bool asked_again_behind_it) {
  s.ats_on();
  s.submit(0, s.move());
  for (const std::uint64_t page : {0x9000u, 0x8000u}) s.grant(5, page);
  const Tlp first = s.translation_request(5, 0x1000);
  if (!asked_again_behind_it) s.grant(5, 0x1000);
  s.invalidate_request(1, Pasid{5}, 0x1000);
  if (asked_again_behind_it) s.grant(5, 0x1000);
  s.translation(first);
  const Tlp read = s.read_request(5, 0x1000, 512);
  s.up(read);
  s.invalidated(2);
  s.complete(read);
  if (!asked_again_behind_it) return;
  s.fetch(5, 0x1200, 88);
  s.store(5, 0x9000, 0x1000, 600);
  s.up(s.record(5, 0x8000));
  s.end();
}
NEGATIVE_TEST(
    CompletionAheadOfReadsOfTheLatestRequest, Rule::kPcie68,
    [](Sequence& s) { answered_in_the_other_order(s, true); },
    [](Sequence& s) { answered_in_the_other_order(s, false); })
NEGATIVE_TEST(InvalidationIsNotAnswered, Rule::kPcie69, invalidated_move, [](Sequence& s) {
  s.ats_on();
  s.invalidate_request(1, Pasid{5}, 0x1000);
  s.wait(110000);
})
NEGATIVE_TEST(
    InvalidationAnsweredWithAtsJustDisabled, Rule::kPcie69,
    [](Sequence& s) {
      s.ats_on();
      s.command(2, 0);
      s.invalidate_request(1, Pasid{5}, 0x1000);
      s.config_write(0x226, 2, 0);
      s.invalidated(2);
      s.end();
    },
    [](Sequence& s) {
      s.ats_on();
      s.command(2, 0);
      s.invalidate_request(1, Pasid{5}, 0x1000);
      s.config_write(0x226, 2, 0);
      s.end();
    })
NEGATIVE_TEST(
    MoreInvalidationsThanTheDeviceTakes, Rule::kPcie69,
    [](Sequence& s) {
      s.config_read(0x224, 0x0062);  // QDEP 2
      s.ats_on();
      for (std::uint8_t i = 0; i < 2; ++i) s.invalidate_request(i, Pasid{5}, 0x1000);
      s.invalidated(3);
      s.end();
    },
    [](Sequence& s) {
      s.config_read(0x224, 0x0062);
      s.ats_on();
      for (std::uint8_t i = 0; i < 3; ++i) s.invalidate_request(i, Pasid{5}, 0x1000);
    })

// ------------------------------------------------------------------ owners

NEGATIVE_TEST(TranslationRequestForAnotherPasid, Rule::kSiovD25, translated_move, [](Sequence& s) {
  s.ats_on();
  s.submit(0, s.move());
  abi::Descriptor far = s.move(6);
  far.source = Iova{0x2'0000};
  s.submit(2, far);
  s.translation_request(6, 0x1000);
})
NEGATIVE_TEST(TranslationRequestWithoutPasid, Rule::kSiovD25, translated_move, [](Sequence& s) {
  s.ats_on();
  s.submit(0, s.move());
  s.up(pcie::translation_request(1, {.requester = kDevice, .address = Iova{0x1000}}));
})
NEGATIVE_TEST(TranslationRequestOfAStoppedPasid, Rule::kPcie29, translated_move, [](Sequence& s) {
  translated_move(s);
  s.command(2, 0);
  s.translation_request(5, 0x1000);
})
NEGATIVE_TEST(TranslationRequestOfNobody, Rule::kPcie24, translated_move, [](Sequence& s) {
  s.ats_on();
  s.translation_request(0x99, 0x1000);
})
NEGATIVE_TEST(DataIntoAnotherPasidsPage, Rule::kSiovD26, translated_move, [](Sequence& s) {
  granted_move(s);
  s.submit(2, s.move(6));
  for (const std::uint64_t page : {0x1000u, 0x9000u, 0x8000u}) s.grant(6, page);
  s.fetch(5, 0x1000, 600);
  s.run(6, s.move(6));
  Tlp write = s.translated(s.data_write(5, 0x9000, s.memory.bytes(5, 0x1000, 256)));
  write.address = s.host_page(6, 0x9000);
  s.up(write);
})
NEGATIVE_TEST(ReadOfAnotherPasidsPage, Rule::kSiovD26, translated_move, [](Sequence& s) {
  granted_move(s);
  abi::Descriptor other = s.move(6);
  other.source = Iova{0x2'0000};
  s.submit(2, other);
  s.run(6, other);
  Tlp read = s.translated(s.read_request(5, 0x1000, 512));
  read.address = s.host_page(6, 0x2'0000);
  s.up(read);
})
NEGATIVE_TEST(TranslatedAccessOutsideAnyOperand, Rule::kPcie22, translated_move, [](Sequence& s) {
  granted_move(s);
  s.grant(5, 0xA000);
  s.up(s.read_request(5, 0xA000, 64));
})
NEGATIVE_TEST(TranslatedDataIsWrong, Rule::kSbData, translated_move, [](Sequence& s) {
  granted_move(s);
  s.fetch(5, 0x1000, 600);
  s.store(5, 0x9000, 0x1100, 256);
})
NEGATIVE_TEST(TranslatedReadAnsweredWithOtherData, Rule::kPcie44, translated_move, [](Sequence& s) {
  granted_move(s);
  const Tlp read = s.read_request(5, 0x1000, 64);
  s.up(read);
  s.down(pcie::completion_data(read, kHost, 0, s.memory.bytes(6, 0x1000, 64)));
})
NEGATIVE_TEST(
    TranslationOlderThanTheReset, Rule::kSiovD41,
    [](Sequence& s) {
      granted_move(s);
      s.command(10, 1);  // Reset WQ 0
      for (const std::uint64_t page : {0x1000u, 0x9000u, 0x8000u}) s.drop(5, page);
      s.reconfigure([](Sequence& q) {
        q.write_register(0x808, 1u << 28 | 5u << 8 | 0x10 | 1);
        q.write_register(0x80C, 5u << 5 | 0x14);
      });
      s.submit(0, s.move());
      s.run(5, s.move());
      s.end();
    },
    [](Sequence& s) {
      granted_move(s);
      s.command(10, 1);
      s.reconfigure([](Sequence& q) {
        q.write_register(0x808, 1u << 28 | 5u << 8 | 0x10 | 1);
        q.write_register(0x80C, 5u << 5 | 0x14);
      });
      s.submit(0, s.move());
      s.up(s.read_request(5, 0x1000, 64));
    })

// ------------------------------------------------------------------ translation completions

NEGATIVE_TEST(TranslationCompletionInTheMiddleOfABlock, Rule::kPcie37, translated_move,
              [](Sequence& s) {
                s.ats_on();
                s.submit(0, s.move());
                Tlp t = pcie::translation_completion(s.translation_request(5, 0x1000), kHost,
                                                     0x55'0000'0003, 64);
                t.lower_address = 0;
                s.down(t);
              })
NEGATIVE_TEST(TranslationCompletionLongerThanAskedFor, Rule::kPcie39, translated_move,
              [](Sequence& s) {
                s.ats_on();
                s.submit(0, s.move());
                const Tlp ask = s.translation_request(5, 0x1000);
                Tlp t = pcie::translation_completion(ask, kHost, 0x55'0000'0003, 64);
                const std::array<std::byte, 16> two{};
                pcie::set_payload(t, two);
                t.byte_count = 16;
                t.lower_address = 0x30;
                s.down(t);
              })
NEGATIVE_TEST(TranslationCompletionByteCount, Rule::kPcie36, translated_move, [](Sequence& s) {
  s.ats_on();
  s.submit(0, s.move());
  Tlp t = pcie::translation_completion(s.translation_request(5, 0x1000), kHost, 0x55'0000'0003, 64);
  t.byte_count = 16;
  s.down(t);
})
NEGATIVE_TEST(TranslationCompletionWithRetry, Rule::kPcie34, translated_move, [](Sequence& s) {
  s.ats_on();
  s.submit(0, s.move());
  s.translation(s.translation_request(5, 0x1000), CplStatus::kRrs);
})
NEGATIVE_TEST(ReservedBitsOfInvalidateRequest, Rule::kPcie10, invalidated_move, [](Sequence& s) {
  granted_move(s);
  Tlp t = pcie::invalidate_request(kHost, {.device = kDevice, .itag = 1, .address = 0x1000});
  t.payload[7] = std::byte{4};
  s.down(t);
})

}  // namespace siov::check::test
