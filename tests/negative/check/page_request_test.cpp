// SPDX-License-Identifier: Apache-2.0
// pcie.md 12.7: page requests, responses, stop markers. SIOV-D-41, D-54, D-55.
#include <gtest/gtest.h>

#include "pcie/ats_tlp.hpp"
#include "pcie/tlp_factory.hpp"
#include "sequence.hpp"

namespace siov::check::test {

using pcie::Tlp;

namespace {

constexpr std::uint64_t kPages[] = {0x1000, 0x9000, 0x8000};

/// The source of a move is absent at first.
void paged_move(Sequence& s) {
  s.ats_on();
  s.submit(0, s.move());
  s.refuse(5, 0x1000);
  s.page_request(5, 0x1000, 7);
  s.respond(5, 7);
  s.run(5, s.move());
  s.end();
}

/// A page of a move is refused and asked for.
void asked(Sequence& s, std::uint32_t allocation = 8) {
  s.ats_on(allocation);
  s.submit(0, s.move());
  s.refuse(5, 0x1000);
  s.page_request(5, 0x1000, 7);
}

}  // namespace

TEST(PageRequestTest, GroupOfSeveralPagesIsAnsweredOnce) {
  Sequence s;
  s.ats_on();
  s.submit(0, s.move());
  for (const std::uint64_t page : kPages) s.refuse(5, page);
  s.page_request(5, 0x1000, 7, false, false);
  s.page_request(5, 0x9000, 7, true, false);
  s.page_request(5, 0x8000, 7, true, true);
  s.respond(5, 7);
  s.run(5, s.move());
  s.page_request(5, 0x1000, 7);  // the index is free again
  s.respond(5, 7);
  s.end();
  EXPECT_EQ(s.text(), "");
  EXPECT_EQ(s.referee.stats().page_requests, 4u);
  EXPECT_EQ(s.referee.stats().refused_pages, 3u);
}

/// A request that was under way brings the page before the response; the page is taken away behind
/// the work, and other work needs it when the time for asking again is over.
void brought_before_the_response(Sequence& s) {
  asked(s);
  s.grant(5, 0x1000);
  s.respond(5, 7);
  s.run(5, s.move());
  s.invalidate(5, 0x1000);
  s.wait(99000);
  s.submit(0, s.move());
  s.wait(2000);
  s.run(5, s.move());
  s.end();
}

TEST(PageRequestTest, TranslationBeforeTheResponseIsEnough) {
  Sequence s;
  brought_before_the_response(s);
  EXPECT_EQ(s.text(), "");
}

TEST(PageRequestTest, TranslationUnderWayAtTheResponseIsEnough) {
  Sequence s;
  asked(s);
  const Tlp ask = s.translation_request(5, 0x1000);
  s.respond(5, 7);
  s.translation(ask);
  s.wait(110000);
  EXPECT_EQ(s.text(), "");
}

NEGATIVE_TEST(PageRequestWhileDisabled, Rule::kPcie70, paged_move, [](Sequence& s) {
  s.ats_on();
  s.command(2, 0);
  s.config_write(0x244, 2, 0);
  s.command(1, 0);
  s.command(6, 0);
  s.submit(0, s.move());
  s.wait(3000);
  s.page_request(5, 0x1000, 7);
})
NEGATIVE_TEST(GroupUsedBeforeItsResponse, Rule::kPcie70, paged_move, [](Sequence& s) {
  asked(s);
  s.page_request(5, 0x9000, 7);
})
NEGATIVE_TEST(PageRequestForNothing, Rule::kPcie70, paged_move, [](Sequence& s) {
  s.ats_on();
  s.submit(0, s.move());
  s.up(pcie::page_request({.requester = kDevice, .pasid = Pasid{5}, .address = 0x1000}));
})
NEGATIVE_TEST(GroupOfTwoOwners, Rule::kPcie70, paged_move, [](Sequence& s) {
  s.ats_on();
  s.submit(0, s.move());
  s.submit(2, s.move(6));
  s.page_request(5, 0x1000, 7, false, false);
  s.page_request(6, 0x1000, 7);
})
NEGATIVE_TEST(GroupWithoutLastRequest, Rule::kPcie70, paged_move, [](Sequence& s) {
  s.ats_on();
  s.page_request(5, 0x1000, 7, false, false);
  s.end();
})
NEGATIVE_TEST(
    MorePagesThanAllowed, Rule::kSiovD55,
    [](Sequence& s) {
      asked(s, 2);
      s.page_request(5, 0x9000, 8);
      s.respond(5, 8);
      s.page_request(5, 0x8000, 8);
    },
    [](Sequence& s) {
      asked(s, 1);
      s.page_request(5, 0x9000, 8);
    })
NEGATIVE_TEST(ResponseToNoRequest, Rule::kPcie71, paged_move, [](Sequence& s) {
  asked(s);
  s.respond(5, 8);
})
NEGATIVE_TEST(SecondResponse, Rule::kPcie71, paged_move, [](Sequence& s) {
  asked(s);
  s.respond(5, 7);
  s.respond(5, 7);
})
NEGATIVE_TEST(ResponseBeforeTheLastRequest, Rule::kPcie71, paged_move, [](Sequence& s) {
  s.ats_on();
  s.submit(0, s.move());
  s.page_request(5, 0x1000, 7, false, false);
  s.respond(5, 7);
})
NEGATIVE_TEST(GroupIsNeverAnswered, Rule::kPcie71, paged_move, [](Sequence& s) {
  s.ats_on();
  s.page_request(5, 0x1000, 7);
  s.end();
})
NEGATIVE_TEST(
    PageRequestAfterResponseFailure, Rule::kPcie71,
    [](Sequence& s) {  // after Reset and Enable they go on
      asked(s);
      s.respond(5, 7, 15);
      s.wait(3000);
      s.command(4, 0);
      s.command(2, 0);
      s.config_write(0x244, 2, 0x0002);
      s.config_write(0x244, 2, 0x0001);
      s.command(1, 0);
      s.command(6, 0);
      s.submit(0, s.move());
      s.page_request(5, 0x1000, 8);
    },
    [](Sequence& s) {
      asked(s);
      s.respond(5, 7, 15);
      s.wait(3000);
      s.page_request(5, 0x1000, 8);
    })
NEGATIVE_TEST(
    ResponseFailureNotInTheStatus, Rule::kPcie71,
    [](Sequence& s) {  // RF 0, W1C; PASID required 15 (pcie.md 9.5)
      asked(s);
      s.config_read(0x244, 0x8000'0001);
      s.respond(5, 7, 15);
      s.config_read(0x244, 0x8101'0001);
      s.config_write(0x246, 2, 0x0001);
      s.config_read(0x244, 0x8100'0001);
    },
    [](Sequence& s) {
      asked(s);
      s.respond(5, 7, 15);
      s.config_read(0x244, 0x8000'0001);
    })
NEGATIVE_TEST(UnexpectedIndexOutOfNothing, Rule::kPcie71, paged_move, [](Sequence& s) {
  asked(s);
  s.config_read(0x244, 0x8002'0001);
})
NEGATIVE_TEST(
    ResponseWithoutThePasid, Rule::kPcie72,
    [](Sequence& s) {  // status bit 15 is 0: none
      s.config_read(0x244, 0x0100'0000);
      asked(s);
      s.down(pcie::page_response(kHost, {.device = kDevice, .group = 7}));
    },
    [](Sequence& s) {
      asked(s);
      s.down(pcie::page_response(kHost, {.device = kDevice, .group = 7}));
    })
NEGATIVE_TEST(ResponseWithAnotherPasid, Rule::kPcie72, paged_move, [](Sequence& s) {
  asked(s);
  s.respond(6, 7);
})
NEGATIVE_TEST(ResponseWithPasidThatIsNotRequired, Rule::kPcie72, paged_move, [](Sequence& s) {
  s.config_read(0x244, 0x0100'0000);
  asked(s);
  s.respond(5, 7);
})
NEGATIVE_TEST(
    PageRequestBehindTheStopMarker, Rule::kPcie73,
    [](Sequence& s) {  // new work starts the PASID anew
      asked(s);
      s.respond(5, 7);
      s.run(5, s.move());
      s.up(pcie::page_request({.requester = kDevice, .pasid = Pasid{5}, .last = true}));
      s.submit(0, s.move());
      s.page_request(5, 0x1000, 7);
      s.respond(5, 7);
      s.run(5, s.move());
      s.end();
    },
    [](Sequence& s) {
      asked(s);
      s.up(pcie::page_request({.requester = kDevice, .pasid = Pasid{5}, .last = true}));
      s.page_request(5, 0x9000, 8);
    })
NEGATIVE_TEST(StopMarkerWithoutPasid, Rule::kPcie73, paged_move, [](Sequence& s) {
  s.ats_on();
  s.up(pcie::page_request({.requester = kDevice, .last = true}));
})
NEGATIVE_TEST(SuccessIsNotFollowedByATranslationRequest, Rule::kPcie74, paged_move,
              [](Sequence& s) {
                asked(s);
                s.respond(5, 7);
                s.wait(110000);
              })
NEGATIVE_TEST(TranslationBeforeThePageRequestIsNotEnough, Rule::kPcie74,
              brought_before_the_response, [](Sequence& s) {
                s.ats_on();
                s.submit(0, s.move());
                s.refuse(5, 0x1000);
                s.grant(5, 0x1000);
                s.invalidate(5, 0x1000);
                s.refuse(5, 0x1000);
                s.page_request(5, 0x1000, 7);
                s.respond(5, 7);
                s.wait(110000);
              })
NEGATIVE_TEST(
    PageIsAskedForWithoutEnd, Rule::kPcie74,
    [](Sequence& s) {
      asked(s);
      for (unsigned i = 0; i < 4; ++i) {
        s.respond(5, 7);
        s.refuse(5, 0x1000);
        s.page_request(5, 0x1000, 7);
      }
    },
    [](Sequence& s) {
      asked(s);
      for (unsigned i = 0; i < 5; ++i) {
        s.respond(5, 7);
        s.refuse(5, 0x1000);
        s.page_request(5, 0x1000, 7);
      }
    },
    {.change = [](Config& c) { c.max_page_retries = 4; }})
NEGATIVE_TEST(PageRequestOfNobody, Rule::kSiovD54, paged_move, [](Sequence& s) {
  s.ats_on();
  s.page_request(0x99, 0x1000, 7);
})
NEGATIVE_TEST(PageRequestWithoutPasid, Rule::kSiovD54, paged_move, [](Sequence& s) {
  s.ats_on();
  s.submit(0, s.move());
  s.up(pcie::page_request({.requester = kDevice, .address = 0x1000, .read = true, .last = true}));
})
NEGATIVE_TEST(
    ResetDoneWithAPageRequestOutstanding, Rule::kSiovD41,
    [](Sequence& s) {
      asked(s);
      s.begin_command(10, 1);
      s.respond(5, 7, 1);
      s.end_command();
    },
    [](Sequence& s) {
      asked(s);
      s.command(10, 1);
    })

}  // namespace siov::check::test
