// SPDX-License-Identifier: Apache-2.0
// Software resumes partial work: every operation, with all pages absent at the start, ends with the
// memory and the result that it has without a fault. DSA 5.6, 5.7, 5.9.
#include "fault_bench.hpp"

namespace siov::test {
namespace {

/// What software does with one operation, DSA 5.6.
class Software {
 public:
  explicit Software(std::uint8_t opcode) : opcode_(opcode) {}

  /// Changes the descriptor so that it does the rest. @return bytes done
  std::uint32_t resume(Work& w, const Record& r, std::uint8_t (&delta)[0x4000]) {
    const auto done = static_cast<std::uint32_t>(r[0] >> 32);
    switch (opcode_) {
      case 0x04:
        w.source = rotated(w.source, done);
        advance(w, 0, done, done);
        break;
      case 0x06:
        w.destination = rotated(w.destination, done);
        advance(w, done, 0, done);
        break;
      case 0x07:
        keep(delta, static_cast<std::uint32_t>(r[2]));
        advance(w, done, done, done);
        words_ += done / 8;
        break;
      case 0x08:
        w.source += done;
        replace(w, 40, field(w, 40, 4) - done, 4);
        break;
      case 0x09:
        replace(w, 40, field(w, 40, 8) + done, 8);
        advance(w, done, done, done);
        break;
      case 0x10:
      case 0x11:
        if (done != 0) seed(w, r[2]);
        advance(w, done, opcode_ == 0x11 ? done : 0, done);
        break;
      case 0x12:
      case 0x13:
      case 0x14:
      case 0x15:
        tags(w, r);
        advance(w, done, destination_bytes(done), done);
        break;
      case 0x20:
        advance(w, 0, done, done);
        break;
      default:
        advance(w, done, done, done);
        break;
    }
    return done;
  }
  /// Create delta: appends a part of the record, its words counted from the start of the work.
  void keep(const std::uint8_t (&delta)[0x4000], std::uint32_t bytes) {
    for (std::uint32_t at = 0; at < bytes; at += 10) {
      const unsigned word = delta[at] + delta[at + 1] * 256u + words_;
      record_.push_back(static_cast<std::uint8_t>(word));
      record_.push_back(static_cast<std::uint8_t>(word >> 8));
      record_.insert(record_.end(), delta + at + 2, delta + at + 10);
    }
  }
  const std::vector<std::uint8_t>& record() const { return record_; }

 private:
  static std::uint64_t rotated(std::uint64_t pattern, std::uint32_t bytes) {
    const unsigned bits = bytes % 8 * 8;
    return bits == 0 ? pattern : pattern >> bits | pattern << (64 - bits);
  }
  static std::uint64_t field(const Work& w, unsigned at, unsigned bytes) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= std::uint64_t{w.set[at + i]} << 8 * i;
    return value;
  }
  static void advance(Work& w, std::uint64_t source, std::uint64_t destination,
                      std::uint32_t size) {
    w.source += source;
    w.destination += destination;
    w.size -= size;
  }
  static void seed(Work& w, std::uint64_t crc) {
    w.flags &= ~0x10000u;  // no longer in memory
    replace(w, 48, 0, 8);
    replace(w, 40, crc, 4);
  }
  void tags(Work& w, const Record& r) const {
    if (opcode_ != 0x13) replace(w, 48, r[2], 8);
    if (opcode_ == 0x13 || opcode_ == 0x15) replace(w, 56, r[3], 8);
  }
  std::uint32_t destination_bytes(std::uint32_t done) const {
    switch (opcode_) {
      case 0x12:
        return 0;
      case 0x13:
        return done / 512 * 520;
      case 0x14:
        return done / 520 * 512;
      default:
        return done;
    }
  }

  std::uint8_t opcode_;
  unsigned words_ = 0;
  std::vector<std::uint8_t> record_;
};

struct ResumeTest : FaultTest, testing::WithParamInterface<std::uint8_t> {
  void SetUp() override {
    FaultTest::SetUp();
    start(0);
  }
  /// Every page of every operand.
  void take_all_away() {
    for (const std::uint64_t at :
         {kS1, kS2, kOther, kBlocks, kEntries, kPatterns, kD1, kD2, kDelta})
      for (std::uint64_t p = 0; p < 0x4000; p += 0x1000) take_away((at & kPageMask) + p);
    take_away(kSeed & kPageMask);
    b.host.pages.invalidate({.pasid = Pasid{kOwner}, .address = 0x7FFFFFFFFFFFF000, .size = true});
    await_invalidations();
  }
  void read_delta(std::uint8_t (&out)[0x4000]) const {
    for (std::uint32_t i = 0; i < 0x3C00; ++i) out[i] = b.host.byte(kDelta + i);
  }
};

TEST_P(ResumeTest, PartsGiveTheMemoryOfTheWhole) {
  std::uint8_t delta[0x4000] = {};
  Record whole = play(work_of(GetParam()));
  ASSERT_EQ(whole[0] & 0xFF, 1u);
  const std::vector<std::byte> good = outputs();
  Software one_go(GetParam()), parts(GetParam());
  read_delta(delta);
  if (GetParam() == 0x07) one_go.keep(delta, static_cast<std::uint32_t>(whole[2]));

  clear_outputs();
  take_all_away();
  Work w = work_of(GetParam());
  unsigned stops = 0;
  Record r = play(w);
  for (; (r[0] & 0x7F) == 3; r = play(w)) {
    ASSERT_LT(++stops, 20u) << "each page is missed once";
    const std::uint32_t size = w.size;
    read_delta(delta);
    const std::uint32_t done = parts.resume(w, r, delta);
    ASSERT_TRUE(done < size || GetParam() == 0x08) << "there is something left";
    ASSERT_EQ(b.host.pages.absent.erase({kOwner, r[1] & kPageMask}), 1u) << "it was absent";
  }
  EXPECT_GE(stops, 3u);
  if (GetParam() == 0x07) {
    read_delta(delta);
    parts.keep(delta, static_cast<std::uint32_t>(r[2]));
    EXPECT_EQ(parts.record(), one_go.record());
    EXPECT_EQ(r[0] & 0xFF, 1u);
    return;
  }
  EXPECT_EQ(r, whole) << "CRC, tags";
  EXPECT_TRUE(outputs() == good);
}

INSTANTIATE_TEST_SUITE_P(All, ResumeTest,
                         testing::Values(0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x10, 0x11, 0x12,
                                         0x13, 0x14, 0x15, 0x20),
                         [](const auto& test) { return name_of(test.param); });

}  // namespace
}  // namespace siov::test
