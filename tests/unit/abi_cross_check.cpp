// SPDX-License-Identifier: Apache-2.0
// Constants that RTL and C++ both state by hand must agree. The RTL side is what Verilator read
// from rtl/siov_pkg.sv (marked public there). Register offsets and codes of rtl/abi/ are generated
// for both sides and need no comparison.
//
// Verilator writes these constants as static constexpr members, so most of this file is checked by
// compiling it.
#include <gtest/gtest.h>

#include <tuple>
#include <type_traits>

#include "Vsiov_device_siov_pkg.h"
#include "abi/descriptor.hpp"
#include "pcie/link.hpp"
#include "pcie/tlp_assembler.hpp"
#include "pcie/tlp_codec.hpp"

namespace siov {
namespace {

using Rtl = Vsiov_device_siov_pkg;

// One beat carries 64 bytes, a whole descriptor (DSA-1.0 5.1: 64 bytes).
static_assert(Rtl::DataBytes == pcie::kBeatBytes);
static_assert(
    Rtl::DataBytes ==
    std::tuple_size_v<std::invoke_result_t<decltype(abi::to_line), const abi::Descriptor&>>);

// PCIe-6.3 2.2.10.4.
static_assert(Rtl::PrefixPasid == pcie::kPasidPrefixByte);

// PCIe-6.3 2.2.9.1.
static_assert(Rtl::CplSc == static_cast<unsigned>(pcie::CplStatus::kSc));
static_assert(Rtl::CplUr == static_cast<unsigned>(pcie::CplStatus::kUr));
static_assert(Rtl::CplRrs == static_cast<unsigned>(pcie::CplStatus::kRrs));
static_assert(Rtl::CplCa == static_cast<unsigned>(pcie::CplStatus::kCa));

/// Fmt and Type that the C++ codec gives a 3 DW TLP of this type.
std::uint8_t codec_byte(pcie::TlpType type) {
  pcie::Tlp tlp;
  tlp.type = type;
  return pcie::fmt_type_of(tlp);
}

// PCIe-6.3 table 2-3.
TEST(AbiCrossCheck, TlpCodesOfRtlAndCodecAgree) {
  EXPECT_EQ(Rtl::TlpMRd, codec_byte(pcie::TlpType::kMemRead));
  EXPECT_EQ(Rtl::TlpMWr, codec_byte(pcie::TlpType::kMemWrite));
  EXPECT_EQ(Rtl::TlpDMWr, codec_byte(pcie::TlpType::kDeferrableWrite));
  EXPECT_EQ(Rtl::TlpCfgRd0, codec_byte(pcie::TlpType::kConfigRead0));
  EXPECT_EQ(Rtl::TlpCfgWr0, codec_byte(pcie::TlpType::kConfigWrite0));
  EXPECT_EQ(Rtl::TlpCpl, codec_byte(pcie::TlpType::kCompletion));
  EXPECT_EQ(Rtl::TlpMsg, codec_byte(pcie::TlpType::kMessage));
  EXPECT_EQ(Rtl::TlpCplD, codec_byte(pcie::TlpType::kCompletionData));
}

}  // namespace
}  // namespace siov
