// SPDX-License-Identifier: Apache-2.0
// Offsets and bits of the remapping unit's registers, as host software knows them. Shares nothing
// with the unit, so that one misreading cannot hide in both. @spec vtd.md 1
//
//   unit.mmio_write(vtd::kGcmd, 4, vtd::kQueueEnable);
#pragma once

#include <cstdint>

namespace siov::vdcm::vtd {

inline constexpr std::uint32_t kCap = 0x08;
inline constexpr std::uint32_t kEcap = 0x10;
inline constexpr std::uint32_t kGcmd = 0x18;
inline constexpr std::uint32_t kGsts = 0x1C;
inline constexpr std::uint32_t kRtaddr = 0x20;
inline constexpr std::uint32_t kFsts = 0x34;
inline constexpr std::uint32_t kFectl = 0x38;  ///< +4 data, +8 address, +12 upper address
inline constexpr std::uint32_t kIqh = 0x80;
inline constexpr std::uint32_t kIqt = 0x88;
inline constexpr std::uint32_t kIqa = 0x90;
inline constexpr std::uint32_t kIqercd = 0xB0;
inline constexpr std::uint32_t kIrta = 0xB8;
inline constexpr std::uint32_t kPqh = 0xC0;
inline constexpr std::uint32_t kPqt = 0xC8;
inline constexpr std::uint32_t kPqa = 0xD0;
inline constexpr std::uint32_t kPrs = 0xDC;
inline constexpr std::uint32_t kPectl = 0xE0;

// GCMD and GSTS
inline constexpr std::uint32_t kTranslationEnable = 1u << 31;
inline constexpr std::uint32_t kSetRootTable = 1u << 30;
inline constexpr std::uint32_t kQueueEnable = 1u << 26;
inline constexpr std::uint32_t kInterruptEnable = 1u << 25;
inline constexpr std::uint32_t kSetInterruptTable = 1u << 24;
/// What software keeps of GSTS when it writes GCMD: no one-shot bits.
inline constexpr std::uint32_t kLevelBits = 0x96FF'FFFF;

// CAP, ECAP
inline constexpr unsigned kCapCachingMode = 7;
inline constexpr unsigned kCapFro = 24;   ///< 10 bits
inline constexpr unsigned kCapNfr = 40;   ///< 8 bits
inline constexpr unsigned kCapMamv = 48;  ///< 6 bits
inline constexpr unsigned kCapPsi = 39;
inline constexpr unsigned kCapEsirtps = 62;
inline constexpr unsigned kCapEsrtps = 63;
inline constexpr unsigned kEcapDeviceTlb = 2;
inline constexpr unsigned kEcapPrs = 29;
inline constexpr unsigned kEcapSrs = 31;
inline constexpr unsigned kEcapDit = 41;
inline constexpr unsigned kEcapPds = 42;
inline constexpr unsigned kEcapSsads = 45;

// FSTS
inline constexpr std::uint32_t kFaultOverflow = 1u << 0;
inline constexpr std::uint32_t kFaultPending = 1u << 1;
inline constexpr std::uint32_t kQueueError = 1u << 4;
inline constexpr std::uint32_t kCompletionError = 1u << 5;
inline constexpr std::uint32_t kTimeoutError = 1u << 6;

// PRS
inline constexpr std::uint32_t kPagePending = 1u << 0;
inline constexpr std::uint32_t kPageOverflow = 1u << 1;

/// RTADDR.TTM scalable
inline constexpr std::uint64_t kScalableMode = std::uint64_t{1} << 10;
/// IQA.DW
inline constexpr std::uint64_t kWideDescriptors = std::uint64_t{1} << 11;
/// IRTA.EIME
inline constexpr std::uint64_t kExtendedMode = std::uint64_t{1} << 11;

}  // namespace siov::vdcm::vtd
