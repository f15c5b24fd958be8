// SPDX-License-Identifier: Apache-2.0
// Translation requests: contents of the completion, and how each fault reason ends.
// vtd.md 4.4, 4.6, 9
#include <gtest/gtest.h>

#include "fake_device.hpp"
#include "fault_cases.hpp"

namespace siov::iommu::test {
namespace {

using tables::PageSize;
using tables::PasidSpec;

constexpr std::uint64_t kR = 1, kW = 2, kU = 4, kPriv = 16, kN = 1 << 10, kS = 1 << 11;

class AtsTest : public testing::Test {
 protected:
  /// DTE and PRE set.
  static std::unique_ptr<Bench> make(Kind kind, const IommuConfig& config = {}, Shape shape = {}) {
    auto bench = std::make_unique<Bench>(kind, config, shape);
    bench->poke(bench->context(), 0, kBit(2) | kBit(4));
    return bench;
  }
  static port::TranslationRequest request(const Bench& b, bool no_write = false) {
    return {kRid, b.iova.page(), kPasid, b.privileged, no_write};
  }
  static port::TranslationReply ask(Bench& b, bool no_write = false) {
    return b.unit.translate(request(b, no_write));
  }
  static void expect_entry(Bench& b, std::uint64_t entry, bool no_write = false) {
    const port::TranslationReply reply = ask(b, no_write);
    EXPECT_EQ(reply.status, DmaStatus::kSuccess);
    EXPECT_EQ(reply.entry, entry) << std::hex << reply.entry;
    EXPECT_FALSE(b.unit.fault_log().pending());
  }
};

TEST_F(AtsTest, PageOfFourKilobytes) {
  const auto b = make(Kind::kFirstStage);
  expect_entry(*b, b->frame.value | kR | kW);
  expect_entry(*b, b->frame.value | kR | kW);  // from the IOTLB
  EXPECT_EQ(b->unit.statistics().iotlb_hits, 1u);
  expect_entry(*b, b->frame.value | kR, true);
}

/// vtd.md 13: HPA 1_2340_0000h, 2 MB, R = W = 1.
TEST_F(AtsTest, SizeCodeOfTwoMegabytes) {
  const auto b = make(Kind::kFirstStage);
  b->process->map(Iova{0x4000'0000}, Hpa{0x1'2340'0000}, PageSize::k2M);
  b->iova = Iova{0x401F'5000};
  expect_entry(*b, 0x0000'0001'234F'F803);
  // As the device gets it: big-endian.
  port::DmaRequest read = b->request();
  read.at = port::AddressType::kTranslationRequest;
  std::array<std::uint8_t, 8> out{};
  EXPECT_EQ(b->unit.read(read, std::as_writable_bytes(std::span(out))), DmaStatus::kSuccess);
  EXPECT_EQ(out, (std::array<std::uint8_t, 8>{0, 0, 0, 1, 0x23, 0x4F, 0xF8, 0x03}));
  read.address = b->iova + 1;  // NW
  EXPECT_EQ(b->unit.read(read, std::as_writable_bytes(std::span(out))), DmaStatus::kSuccess);
  EXPECT_EQ(out[7], 0x01);
}

TEST_F(AtsTest, SizeCodeOfOneGigabyteAndOfPassThrough) {
  const auto b = make(Kind::kPassThrough);
  b->iova = Iova{0x1'4000'1000};
  expect_entry(*b, 0x0000'0001'5FFF'F803);  // 1 GB at 1_4000_0000h: bits 28:12 ones, bit 29 zero
}

TEST_F(AtsTest, NestedReportsTheSmallerPage) {
  const auto b = make(Kind::kNested);
  expect_entry(*b, b->frame.value | kR | kW);
}

TEST_F(AtsTest, PassThroughPageAcrossTheInterruptRangeIsNotLarge) {
  const auto b = make(Kind::kPassThrough);
  b->iova = Iova{0xFED0'0000};
  expect_entry(*b, 0xFED0'0000 | kR | kW);
}

TEST_F(AtsTest, ReadOnlyPageGivesReadAlthoughWriteWasWanted) {
  const auto b = make(Kind::kFirstStage);
  b->poke(b->first(1), kBit(1), 0);
  expect_entry(*b, b->frame.value | kR);
}

TEST_F(AtsTest, SecondStageWriteOnlyPage) {
  const auto b = make(Kind::kSecondStage);
  b->poke(b->second(Gpa{b->iova.value}), kBit(0), 0);
  expect_entry(*b, b->frame.value | kW);
  expect_entry(*b, 0, true);  // NW: no right is left
}

TEST_F(AtsTest, NoWriteFlagIsIgnoredWithoutTheCapability) {
  IommuConfig config;
  config.no_write_flag = false;
  const auto b = make(Kind::kFirstStage, config);
  expect_entry(*b, b->frame.value | kR | kW, true);
}

TEST_F(AtsTest, DirtyIsSetBeforeTheCompletionUnlessNoWrite) {
  const auto b = make(Kind::kFirstStage);
  ask(*b, true);
  EXPECT_EQ(b->word(b->first(1)) & 0x60, 0x20u);  // A only
  ask(*b, false);
  EXPECT_EQ(b->word(b->first(1)) & 0x60, 0x60u);
  EXPECT_EQ(b->word(b->first(4)) & 0x20, 0x20u);
}

TEST_F(AtsTest, DirtyIsNotSetWhereWritingIsNotPermitted) {
  const auto b = make(Kind::kFirstStage);
  b->poke(b->first(1), kBit(1), 0);
  ask(*b);
  EXPECT_EQ(b->word(b->first(1)) & 0x60, 0x20u);
}

TEST_F(AtsTest, SecondStageDirtyIsSetWithSsade) {
  const auto b = make(Kind::kSecondStage, {}, {4, 4, true, false});
  ask(*b);
  EXPECT_EQ(b->word(b->second(Gpa{b->iova.value})) & 0x300, 0x300u);
}

TEST_F(AtsTest, SnoopBitFollowsPageSnoopAndTheSecondStageLeaf) {
  const auto first = make(Kind::kFirstStage);
  first->poke(first->entry() + 8, 0, kBit(24));  // PGSNP
  expect_entry(*first, first->frame.value | kR | kW | kN);
  expect_entry(*first, first->frame.value | kR | kW | kN);  // cached

  const auto second = make(Kind::kSecondStage);
  expect_entry(*second, second->frame.value | kR | kW);
  second->drop_everything();
  second->poke(second->second(Gpa{second->iova.value}), 0, kBit(11));  // SNP
  expect_entry(*second, second->frame.value | kR | kW | kN);

  const auto nested = make(Kind::kNested);
  nested->poke(nested->second(nested->data_gpa), 0, kBit(11));
  expect_entry(*nested, nested->frame.value | kR | kW | kN);

  const auto pass = make(Kind::kPassThrough);
  pass->poke(pass->entry() + 8, 0, kBit(24));
  pass->iova = Iova{0x1'4000'0000};
  expect_entry(*pass, 0x0000'0001'5FFF'F803 | kN);
}

TEST_F(AtsTest, GlobalIsNeverReported) {
  const auto b = make(Kind::kFirstStage);
  b->poke(b->first(1), 0, kBit(8));  // G
  expect_entry(*b, b->frame.value | kR | kW);
}

TEST_F(AtsTest, PrivilegedRequestGetsItsOwnRights) {
  const auto b = make(Kind::kFirstStage, {}, {4, 4, false, true});
  b->poke(b->first(1), kBit(1) | kBit(2), 0);  // supervisor page, not writable
  expect_entry(*b, 0);                         // user: U/S = 0
  b->privileged = true;
  expect_entry(*b, b->frame.value | kR | kW | kPriv);  // WPE = 0
  b->drop_everything();
  b->poke(b->entry() + 16, 0, kBit(4));  // WPE
  expect_entry(*b, b->frame.value | kR | kPriv);
}

TEST_F(AtsTest, InterruptRangeWithoutPasidIsWriteUntranslated) {
  const auto b = make(Kind::kFirstStage);
  port::TranslationRequest r{kRid, Iova{0xFEE0'1000}, std::nullopt, false, false};
  EXPECT_EQ(b->unit.translate(r).status, DmaStatus::kSuccess);
  EXPECT_EQ(b->unit.translate(r).entry, kU | kW);
  r.no_write = true;
  EXPECT_EQ(b->unit.translate(r).status, DmaStatus::kSuccess);
  EXPECT_EQ(b->unit.translate(r).entry, 0u);
  r.pasid = kPasid;  // with PASID an address like any other: not mapped
  EXPECT_EQ(b->unit.translate(r).entry, 0u);
  EXPECT_FALSE(b->unit.fault_log().pending());
}

TEST_F(AtsTest, RequestWithoutPasidUsesRidPasid) {
  const auto b = make(Kind::kFirstStage);
  b->tables.set_pasid(kRid, Pasid{0}, PasidSpec::pass_through(9));
  const port::TranslationReply reply =
      b->unit.translate({kRid, Iova{0x1'4000'0000}, std::nullopt, true, false});
  EXPECT_EQ(reply.entry, 0x0000'0001'5FFF'F803u);  // PMR without a prefix means nothing
}

TEST_F(AtsTest, TranslationOffIsUnsupportedAndNotLogged) {
  const auto b = make(Kind::kFirstStage);
  b->software.translation(false);
  EXPECT_EQ(ask(*b).status, DmaStatus::kUnsupportedRequest);
  EXPECT_FALSE(b->unit.fault_log().pending());
}

TEST_F(AtsTest, DeviceTlbDisabledIs44) {
  Bench b(Kind::kFirstStage);
  EXPECT_EQ(ask(b).status, DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(b.fault_code(), 0x44u);
  EXPECT_EQ(b.unit.fault_log().raw(0).high >> 60 & 3, 1u);  // AT
  EXPECT_EQ(b.unit.fault_log().raw(0).high >> 62 & 1, 1u);  // T1: read
}

TEST_F(AtsTest, StaleUntilTheIotlbIsInvalidated) {
  const auto b = make(Kind::kFirstStage);
  expect_entry(*b, b->frame.value | kR | kW);
  b->process->unmap(b->iova);
  expect_entry(*b, b->frame.value | kR | kW);
  b->software.p_iotlb_page(kDomain, kPasid, b->iova);
  expect_entry(*b, 0);
}

TEST_F(AtsTest, TranslatedRequestOfWhatWasGrantedReachesMemory) {
  const auto b = make(Kind::kFirstStage);
  port::DmaRequest write = b->request();
  write.at = port::AddressType::kTranslated;
  write.pasid.reset();
  write.address = Iova{ask(*b).entry & ~std::uint64_t{0xFFF}};
  const std::uint64_t value = 0x5555;
  EXPECT_EQ(b->unit.write(write, std::as_bytes(std::span(&value, 1))), DmaStatus::kSuccess);
  EXPECT_EQ(b->word(b->frame), 0x5555u);
}

TEST_F(AtsTest, ReadAsAMemoryRequestNeedsWholeEntries) {
  const auto b = make(Kind::kFirstStage);
  port::DmaRequest read = b->request();
  read.at = port::AddressType::kTranslationRequest;
  std::array<std::byte, 16> out{};
  EXPECT_EQ(b->unit.read(read, std::span(out).first(4)), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(b->unit.read(read, std::span(out).first(12)), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(b->unit.read(read, out), DmaStatus::kSuccess);  // one entry, then R = W = 0
  EXPECT_EQ(out[7], std::byte{3});
  EXPECT_EQ(out[15], std::byte{0});
}

// Column T of vtd.md 9.1 for each way to fail that is known for untranslated requests.

enum class Class { kUnsupported, kAbort, kNoTranslation, kLesserRight };

Class class_of(unsigned code) {
  switch (code) {
    case 0x31:
    case 0x33:
    case 0x39:
    case 0x41:
    case 0x45:
    case 0x46:
    case 0x48:
    case 0x89:
      return Class::kUnsupported;
    case 0x30:
    case 0x38:
    case 0x3A:
    case 0x40:
    case 0x42:
    case 0x43:
    case 0x50:
    case 0x52:
    case 0x58:
    case 0x5A:
    case 0x5B:
    case 0x78:
    case 0x7A:
    case 0x7B:
    case 0x7C:
    case 0x7D:
    case 0x87:
      return Class::kAbort;
    case 0x85:
    case 0x86:
      return Class::kLesserRight;
    default:  // 51 59 5D 70..77 79 80 81 83 84 90 91
      return Class::kNoTranslation;
  }
}

/// Cases whose entries say already what DTE must be.
std::vector<Case> translation_cases() {
  std::vector<Case> cases;
  for (const Case& c : kCases) {
    if (std::string(c.name) != "ContextDteNotSupported") cases.push_back(c);
  }
  return cases;
}

class TranslationFaultTest : public testing::TestWithParam<Case> {
 protected:
  static std::unique_ptr<Bench> arranged(Fpd fpd) {
    const Case& c = GetParam();
    IommuConfig config;
    if (c.configure != nullptr) c.configure(config);
    auto bench = std::make_unique<Bench>(c.kind, config, c.shape);
    if (std::string(c.name) != "ContextPageRequestsWithoutDeviceTlb")
      bench->poke(bench->context(), 0, kBit(2));
    if (fpd == Fpd::kOn) bench->poke(bench->context(), 0, 2);
    c.arrange(*bench);
    return bench;
  }
  static port::TranslationReply ask(Bench& b) {
    const bool read = GetParam().op == Op::kRead;
    return b.unit.translate({kRid, b.iova.page(), kPasid, b.privileged, read});
  }
};

TEST_P(TranslationFaultTest, EndsAsItsClassAndIsLoggedOrNot) {
  const unsigned code = GetParam().code;
  const auto b = arranged(Fpd::kOff);
  const port::TranslationReply reply = ask(*b);
  const Class expected = class_of(code);
  bool logged = true;
  switch (expected) {
    case Class::kUnsupported:
      EXPECT_EQ(reply.status, DmaStatus::kUnsupportedRequest);
      break;
    case Class::kAbort:
      EXPECT_EQ(reply.status, DmaStatus::kCompleterAbort);
      break;
    case Class::kNoTranslation:
      EXPECT_EQ(reply.status, DmaStatus::kSuccess);
      EXPECT_EQ(reply.entry, 0u);
      logged = code == 0x91;
      break;
    case Class::kLesserRight:
      EXPECT_EQ(reply.status, DmaStatus::kSuccess);
      EXPECT_EQ(reply.entry & kW, 0u);
      EXPECT_EQ(reply.entry & kR, GetParam().op == Op::kRead ? 0u : kR);
      logged = false;
      break;
  }
  EXPECT_EQ(b->unit.fault_log().pending(), logged);
  if (!logged) return;
  EXPECT_EQ(b->fault_code(), code);
  EXPECT_EQ(b->unit.fault_log().raw(0).high >> 60 & 3, 1u);  // AT 125:124
}

TEST_P(TranslationFaultTest, FaultDisableHidesQualifiedOnes) {
  const auto b = arranged(Fpd::kOn);
  static_cast<void>(ask(*b));
  const Class expected = class_of(GetParam().code);
  const bool could = expected == Class::kUnsupported || expected == Class::kAbort;
  EXPECT_EQ(b->unit.fault_log().pending(), could && !GetParam().qualified);
}

INSTANTIATE_TEST_SUITE_P(EachReason, TranslationFaultTest, testing::ValuesIn(translation_cases()),
                         [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

TEST(TranslationFaultTableTest, DirectoryOfATranslatedRequestIsAbort) {
  EXPECT_EQ(completion_status(FaultReason::kDirectoryFetch, port::AddressType::kTranslated),
            DmaStatus::kCompleterAbort);
  EXPECT_EQ(completion_status(FaultReason::kDirectoryReserved, port::AddressType::kTranslated),
            DmaStatus::kCompleterAbort);
  EXPECT_EQ(completion_status(FaultReason::kDirectoryNotPresent, port::AddressType::kTranslated),
            DmaStatus::kUnsupportedRequest);
}

// Column X: root and context of translated requests.
TEST(TranslatedFaultTest, RootAndContextReasonsAreUnsupportedRequests) {
  for (const Case& c : kCases) {
    const bool context_only =
        c.code < 0x45 && c.code != 0x31 && std::string(c.name) != "ContextDteNotSupported";
    if (!context_only) continue;
    IommuConfig config;
    if (c.configure != nullptr) c.configure(config);
    Bench bench(c.kind, config, c.shape);
    if (std::string(c.name) != "ContextPageRequestsWithoutDeviceTlb")
      bench.poke(bench.context(), 0, kBit(2));
    c.arrange(bench);
    port::DmaRequest request = bench.request();
    request.at = port::AddressType::kTranslated;
    request.pasid.reset();
    std::array<std::byte, 8> out{};
    EXPECT_EQ(bench.unit.read(request, out), DmaStatus::kUnsupportedRequest) << c.name;
    EXPECT_EQ(bench.fault_code(), c.code) << c.name;
    EXPECT_EQ(bench.unit.fault_log().raw(0).high >> 60 & 3, 2u) << c.name;
  }
}

// Legacy mode: what this unit answers in place of a page walk.
TEST(LegacyModeTest, RequestsWithoutPasidGetLegacyCodes) {
  struct Step {
    unsigned code;
    bool qualified;
    void (*arrange)(Bench&, Hpa root, Hpa context);
  };
  const Step steps[] = {
      {0x01, false, [](Bench&, Hpa, Hpa) {}},
      {0x0A, false,
       [](Bench& b, Hpa root, Hpa context) { b.poke(root + 0x810, 0, context.value | 0x21); }},
      {0x09, false, [](Bench& b, Hpa root, Hpa) { b.poke(root + 0x810, 0, kNoRam | 1); }},
      {0x02, true,
       [](Bench& b, Hpa root, Hpa context) { b.poke(root + 0x810, 0, context.value | 1); }},
      {0x0B, true,
       [](Bench& b, Hpa root, Hpa context) {
         b.poke(root + 0x810, 0, context.value | 1);
         b.poke(context + 0x900, 0, 0x11);
       }},
      {0x03, true,
       [](Bench& b, Hpa root, Hpa context) {
         b.poke(root + 0x810, 0, context.value | 1);
         b.poke(context + 0x900, 0, 0x1);
       }},
  };
  for (const Step& step : steps) {
    Bench b(Kind::kFirstStage);
    const Hpa root = b.frames.allocate();
    const Hpa context = b.frames.allocate();
    b.software.set_root_table(root.value);
    step.arrange(b, root, context);
    port::DmaRequest request = b.request();
    request.pasid.reset();
    std::array<std::byte, 8> out{};
    EXPECT_EQ(b.unit.read(request, out), DmaStatus::kUnsupportedRequest);
    EXPECT_EQ(b.fault_code(), step.code);
    EXPECT_EQ(is_qualified(static_cast<FaultReason>(step.code)), step.qualified);
    if (step.code == 0x03) {
      request.at = port::AddressType::kTranslated;
      EXPECT_EQ(b.unit.read(request, out), DmaStatus::kUnsupportedRequest);
      EXPECT_EQ(b.fault_code(1), 0x0Du);
    }
  }
  Bench b(Kind::kFirstStage);
  b.software.set_root_table(kNoRam);
  port::DmaRequest request = b.request();
  request.pasid.reset();
  std::array<std::byte, 8> out{};
  EXPECT_EQ(b.unit.read(request, out), DmaStatus::kUnsupportedRequest);
  EXPECT_EQ(b.fault_code(), 0x08u);
}

}  // namespace
}  // namespace siov::iommu::test
