// SPDX-License-Identifier: Apache-2.0
// IommuConfig: what one remapping unit can do (CAP, ECAP), and which table format RTADDR names.
//
//   iommu::IommuConfig config;
//   config.first_stage_5_level = false;
//   iommu::Iommu unit(memory, platform, config);
#pragma once

#include <cstdint>

#include "common/types.hpp"

namespace siov::iommu {

/// RTADDR bits 11:10. @spec VT-d RTADDR_REG.TTM
enum class TranslationTableMode : std::uint8_t {
  kLegacy = 0,
  kScalable = 1,
  kReserved = 2,
  kAbortDma = 3
};

/// Capability bits; names in comments are those of the specification. The defaults are the
/// personality for SIOV of vtd.md 1.2. What depends on what is checked when the unit is made.
/// @spec VT-d CAP_REG, ECAP_REG
struct IommuConfig {
  unsigned haw = 46;                 ///< host address width [bits], 46..52
  unsigned mgaw = 57;                ///< widest second-stage input [bits], 39..57 (CAP.MGAW + 1)
  unsigned pasid_bits = 20;          ///< 1..20 (ECAP.PSS + 1)
  unsigned domain_bits = 16;         ///< even, 4..16 (CAP.ND)
  unsigned fault_records = 8;        ///< 1..256 (CAP.NFR + 1)
  unsigned max_address_mask = 18;    ///< MAMV: largest AM of an IOTLB descriptor, 0..63
  unsigned max_handle_mask = 15;     ///< MHMV: largest IM of an IEC descriptor, 0..15
  std::uint8_t version = 0x60;       ///< VER: major 7:4, minor 3:0
  bool caching_mode = false;         ///< CM: entries that fault are cached too. @spec vtd.md 8.4
  bool page_selective = true;        ///< PSI
  bool write_draining = true;        ///< DWD
  bool read_draining = true;         ///< DRD
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
  bool coherent = true;              ///< C: root, context, PASID tables and queues
  bool queued_invalidation = true;   ///< QI
  bool interrupt_remapping = true;   ///< IR
  bool scalable_mode = true;         ///< SMTS
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
  /// Walks are coherent although PWSNP is 0: memory of an emulator whose unit does not offer
  /// SMPWCS.
  bool always_snoops = false;
  bool abort_dma = false;               ///< ADMS
  bool device_tlb = true;               ///< DT: translation requests, DTE
  bool page_requests = true;            ///< PRS: page requests, PRE
  bool no_write_flag = true;            ///< NWFS: NW of translation requests counts
  bool throttling = true;               ///< DIT: PFSID and MIP of device-TLB descriptors count
  bool page_drain = true;               ///< PDS: PD of wait descriptors
  bool stop_marker = false;             ///< SMS: stop markers are put into the page request queue
  bool extended_interrupt_mode = true;  ///< EIM: 32-bit APIC ids
  bool irreq = false;                   ///< IRREQ: no interrupts while remapping is off
  bool eimer = false;  ///< EIMER: extended destination of a compatibility message must be 0
  std::uint32_t iotlb_entries = 8192;  ///< power of two, >= 16
  std::uint32_t structure_entries =
      1024;  ///< lines of each paging-structure cache, a power of two; 0: none
  /// Time a device has to complete an Invalidate Request, in the unit of Iommu::advance().
  std::uint64_t invalidation_timeout = 2'000'000;
  RequesterId unit;  ///< requester id that the unit's own event messages carry
};

}  // namespace siov::iommu
