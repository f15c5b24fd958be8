// SPDX-License-Identifier: Apache-2.0
// IommuConfig: what one remapping unit can do (CAP, ECAP), and which table format RTADDR names.
//
//   iommu::IommuConfig config;
//   config.first_stage_5_level = false;
//   iommu::Iommu unit(memory, platform, config);
#pragma once

#include <cstdint>

namespace siov::iommu {

/// RTADDR bits 11:10. @spec VT-d RTADDR_REG.TTM
enum class TranslationTableMode : std::uint8_t {
  kLegacy = 0,
  kScalable = 1,
  kReserved = 2,
  kAbortDma = 3
};

/// Capability bits; names in comments are those of the specification. @spec VT-d CAP_REG, ECAP_REG
struct IommuConfig {
  unsigned haw = 46;                 ///< host address width [bits], 46..52
  unsigned mgaw = 57;                ///< widest second-stage input [bits], 39..57 (CAP.MGAW + 1)
  unsigned pasid_bits = 20;          ///< 1..20 (ECAP.PSS + 1)
  unsigned fault_records = 8;        ///< 1..256 (CAP.NFR + 1)
  bool second_stage_3_level = true;  ///< SAGAW bit 9
  bool second_stage_4_level = true;  ///< SAGAW bit 10
  bool second_stage_5_level = true;  ///< SAGAW bit 11
  bool second_stage_2m = true;       ///< SSLPS bit 34
  bool second_stage_1g = true;       ///< SSLPS bit 35
  bool first_stage_1g = true;        ///< FS1GP
  bool first_stage_5_level = true;   ///< FS5LP
  bool zero_length_read = true;      ///< ZLR
  bool posted_interrupts = true;     ///< PI
  bool invalidate_on_srtp = true;    ///< ESRTPS
  bool invalidate_on_sirtp = true;   ///< ESIRTPS
  bool first_stage = true;           ///< FSTS
  bool second_stage = true;          ///< SSTS
  bool nested = true;                ///< NEST
  bool pass_through = true;          ///< PT
  bool pasid = true;                 ///< PASID
  bool rid_pasid = true;             ///< RPS: RID_PASID field usable
  bool rid_privilege = false;        ///< RPRIVS
  bool supervisor = true;            ///< SRS
  bool second_stage_dirty = true;    ///< SSADS
  bool extended_accessed = false;    ///< EAFS
  bool snoop_control = true;         ///< SC
  bool coherent_walk = true;         ///< SMPWCS
  bool abort_dma = false;            ///< ADMS
  bool device_tlb = false;     ///< DT: gives DTE its meaning; translation requests still end in UR
  bool page_requests = false;  ///< PRS: gives PRE its meaning
  bool extended_interrupt_mode = true;  ///< EIM: 32-bit APIC ids
  bool irreq = false;                   ///< IRREQ: no interrupts while remapping is off
  bool eimer = false;  ///< EIMER: extended destination of a compatibility message must be 0
  std::uint32_t iotlb_entries = 8192;  ///< power of two, >= 16
};

}  // namespace siov::iommu
