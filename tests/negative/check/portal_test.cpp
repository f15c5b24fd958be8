// SPDX-License-Identifier: Apache-2.0
// pcie.md 12.8, dsa.md 4: portals and deferrable writes.
#include <gtest/gtest.h>

#include "pcie/tlp_factory.hpp"
#include "sequence.hpp"

namespace siov::check::test {

using pcie::CplStatus;
using pcie::Tlp;

namespace {

void legal_shared(Sequence& s) {
  s.submit_shared(s.move(7));
  s.run(7, s.move(7));
  s.end();
}

/// What a device does that runs the move although it should not have entered.
void run_anyway(Sequence& s, std::uint32_t pasid) { s.up(s.read_request(pasid, 0x1000, 512)); }

}  // namespace

NEGATIVE_TEST(SharedPortalAnswersAbort, Rule::kPcie75, legal_shared,
              [](Sequence& s) { s.submit_shared(s.move(7), CplStatus::kCa); })
NEGATIVE_TEST(
    ShortDeferrableAccepted, Rule::kPcie78,
    [](Sequence& s) {
      const std::array<std::byte, 32> half{};
      const Tlp t = pcie::deferrable_write(kHost, 0x66, kBar2 + 0x7000, half);
      s.down(t);
      s.up(s.answer(t, CplStatus::kCa));
    },
    [](Sequence& s) {
      const std::array<std::byte, 32> half{};
      const Tlp t = pcie::deferrable_write(kHost, 0x66, kBar2 + 0x7000, half);
      s.down(t);
      s.up(s.answer(t, CplStatus::kSc));
    })
NEGATIVE_TEST(
    PoisonedDeferrableAccepted, Rule::kPcie79,
    [](Sequence& s) {
      Tlp t = s.deferrable(1, s.move(7));
      t.ep = true;
      s.down(t);
      s.up(s.answer(t, CplStatus::kUr));
    },
    [](Sequence& s) {
      Tlp t = s.deferrable(1, s.move(7));
      t.ep = true;
      s.down(t);
      s.up(s.answer(t, CplStatus::kSc));
    })
NEGATIVE_TEST(
    DisabledQueueAcceptsDeferrable, Rule::kPcie80,
    [](Sequence& s) {
      const Tlp t = s.deferrable(3, s.move(7));
      s.down(t);
      s.up(s.answer(t, CplStatus::kRrs));
    },
    [](Sequence& s) {
      const Tlp t = s.deferrable(3, s.move(7));
      s.down(t);
      s.up(s.answer(t, CplStatus::kSc));
    })
NEGATIVE_TEST(
    DisabledQueueRunsPostedWrite, Rule::kPcie80, [](Sequence& s) { s.submit(3, s.move(7)); },
    [](Sequence& s) {
      s.submit(3, s.move(7));
      run_anyway(s, 7);
    })
NEGATIVE_TEST(
    SharedQueueRunsPostedWrite, Rule::kPcie81, [](Sequence& s) { s.submit(1, s.move(7)); },
    [](Sequence& s) {
      s.submit(1, s.move(7));
      run_anyway(s, 7);
    })
NEGATIVE_TEST(
    DedicatedQueueAcceptsDeferrable, Rule::kPcie81,
    [](Sequence& s) {
      const Tlp t = s.deferrable(0, s.move(5), 2);
      s.down(t);
      s.up(s.answer(t, CplStatus::kRrs));
    },
    [](Sequence& s) {
      const Tlp t = s.deferrable(0, s.move(5), 2);
      s.down(t);
      s.up(s.answer(t, CplStatus::kSc));
    })
NEGATIVE_TEST(
    RetryOfEmptyQueue, Rule::kPcie84,
    [](Sequence& s) {  // threshold 2: the third write to the limited portal may be retried
      for (unsigned i = 0; i < 2; ++i) {
        abi::Descriptor d = s.move(7);
        d.completion_address = Iova{0x8000 + i * 32};
        d.source = Iova{0x1000 + i * 0x1000};
        d.destination = Iova{0x9000 + i * 0x1000};
        s.submit_shared(d);
      }
      s.submit_shared(s.move(7), CplStatus::kRrs);
    },
    [](Sequence& s) { s.submit_shared(s.move(7), CplStatus::kRrs); })
NEGATIVE_TEST(
    TornDescriptorRuns, Rule::kPcie86,
    [](Sequence& s) {
      const auto line = abi::to_line(s.move(5));
      s.down(pcie::mem_write(kHost, kBar2, std::span(line).first(32)));
      s.down(pcie::mem_write(kHost, kBar2 + 32, std::span(line).subspan(32)));
    },
    [](Sequence& s) {
      const auto line = abi::to_line(s.move(5));
      s.down(pcie::mem_write(kHost, kBar2, std::span(line).first(32)));
      s.down(pcie::mem_write(kHost, kBar2 + 32, std::span(line).subspan(32)));
      run_anyway(s, 5);
    })
NEGATIVE_TEST(
    RetriedSubmissionRuns, Rule::kSiovD57,
    [](Sequence& s) {
      s.submit_shared(s.noop(7));
      s.up(s.record(7, 0x8000));
      // Two slots below the threshold are taken before the retry, so that the retry itself is
      // legal.
      for (unsigned i = 0; i < 2; ++i) {
        abi::Descriptor d = s.noop(7);
        d.completion_address = Iova{0x8040 + i * 32};
        s.submit_shared(d);
      }
      s.submit_shared(s.move(7), CplStatus::kRrs);
    },
    [](Sequence& s) {
      for (unsigned i = 0; i < 2; ++i) {
        abi::Descriptor d = s.noop(7);
        d.completion_address = Iova{0x8040 + i * 32};
        s.submit_shared(d);
      }
      s.submit_shared(s.move(7), CplStatus::kRrs);
      run_anyway(s, 7);
    })
NEGATIVE_TEST(
    WorkSeenThenRetry, Rule::kSiovD57,
    [](Sequence& s) {  // work may start before the completion of its submission
      const Tlp t = s.deferrable(1, s.move(7));
      s.down(t);
      s.fetch(7, 0x1000, 600);
      s.up(s.answer(t, CplStatus::kSc));
      s.store(7, 0x9000, 0x1000, 600);
      s.up(s.record(7, 0x8000));
      s.end();
    },
    [](Sequence& s) {
      const Tlp t = s.deferrable(1, s.move(7));
      s.down(t);
      s.fetch(7, 0x1000, 600);
      s.up(s.answer(t, CplStatus::kRrs));
    })

}  // namespace siov::check::test
