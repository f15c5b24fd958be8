// SPDX-License-Identifier: Apache-2.0
// Iommu: one VT-d remapping unit in scalable mode, between the root complex and physical memory.
//
//   iommu::Iommu unit(memory, platform, iommu::IommuConfig{});
//   unit.set_root_table(tables.root(), iommu::TranslationTableMode::kScalable);
//   unit.enable_translation(true);
//   if (unit.write(request, data) != port::DmaStatus::kSuccess) inspect(unit.fault_log());
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/result.hpp"
#include "common/types.hpp"
#include "iommu/config.hpp"
#include "iommu/entry_caches.hpp"
#include "iommu/fault_log.hpp"
#include "iommu/interrupt_remap.hpp"
#include "iommu/iotlb.hpp"
#include "iommu/page_walk.hpp"
#include "iommu/statistics.hpp"
#include "memory/physical_memory.hpp"
#include "port/address_space_view.hpp"
#include "port/dma_port.hpp"
#include "port/interrupt_port.hpp"

namespace siov::iommu {

class Iommu final : public port::DmaPort, public port::AddressSpaceView {
 public:
  /// @throws HarnessError for values out of range or capabilities that need others
  Iommu(memory::PhysicalMemory& memory, port::InterruptPort& interrupts, const IommuConfig& config);

  // DMA. Requests must not cross 4 KiB (HarnessError).
  [[nodiscard]] port::DmaStatus read(const port::DmaRequest& request,
                                     std::span<std::byte> out) override;
  port::DmaStatus write(const port::DmaRequest& request, std::span<const std::byte> data) override;

  // Side-effect-free view of the tables in memory (not of cached copies) as user requests of one
  // function see them.
  /// Function whose PASIDs peek() and writable() mean.
  void set_view_requester(RequesterId requester) { view_requester_ = requester; }
  [[nodiscard]] bool peek(Pasid pasid, Iova address, std::span<std::byte> out) const override;
  [[nodiscard]] bool writable(Pasid pasid, Iova address, std::uint64_t bytes) const override;

  // Programming: the effects of GCMD, RTADDR and IRTA.
  /// SRTP. @spec VT-d GCMD_REG.SRTP; drops all DMA caches when the configuration says so (ESRTPS)
  void set_root_table(Hpa root, TranslationTableMode mode);
  /// TE. Turning it off drops all DMA caches.
  void enable_translation(bool enable);
  /// SIRTP. @param size_code S: the table has 2^(S+1) entries, 0..15  @param extended EIME: 32-bit
  /// APIC ids
  void set_interrupt_remap_table(Hpa table, unsigned size_code, bool extended);
  /// IRE.
  void enable_interrupt_remapping(bool enable);
  /// CFI: compatibility-format messages pass although remapping is on.
  void enable_compatibility_format(bool enable);
  [[nodiscard]] bool translation_enabled() const { return translation_enabled_; }
  [[nodiscard]] bool interrupt_remapping_enabled() const { return interrupts_.enabled(); }

  // Invalidation, each exactly as wide as its descriptor. Page masks: number of low page-number
  // bits ignored.
  void invalidate_context_global();
  /// In scalable mode this is a global invalidation. @spec VT-d 6.5.2.1
  void invalidate_context_domain(std::uint16_t domain);
  /// @param function_mask FM: 0 all bits count, 1 ignores bit 2, 2 bits 2:1, 3 bits 2:0
  void invalidate_context_device(RequesterId requester, unsigned function_mask = 0);
  void invalidate_pasid_cache_global();
  void invalidate_pasid_cache_domain(std::uint16_t domain);
  void invalidate_pasid_cache_pasid(std::uint16_t domain, Pasid pasid);
  void invalidate_iotlb_global();
  void invalidate_iotlb_domain(std::uint16_t domain);
  /// Second-stage and pass-through entries by address; every first-stage and nested entry of the
  /// domain.
  void invalidate_iotlb_page(std::uint16_t domain, Iova address, unsigned address_mask = 0);
  void invalidate_p_iotlb_pasid(std::uint16_t domain, Pasid pasid);
  /// First-stage and nested entries only.
  void invalidate_p_iotlb_page(std::uint16_t domain, Pasid pasid, Iova address,
                               unsigned address_mask = 0);
  void invalidate_interrupt_entries_global();
  /// @param index_mask number of low index bits ignored
  void invalidate_interrupt_entries(std::uint16_t index, unsigned index_mask = 0);

  [[nodiscard]] FaultLog& fault_log() { return faults_; }
  [[nodiscard]] const FaultLog& fault_log() const { return faults_; }
  [[nodiscard]] const Statistics& statistics() const { return statistics_; }
  [[nodiscard]] const IommuConfig& config() const { return config_; }

 private:
  /// What the tables say before any page is walked.
  struct Binding {
    PasidEntry entry;
    Pasid pasid;
    bool privileged = false;
  };
  enum class Caching : std::uint8_t { kUse, kBypass };

  /// Everything that is checked before a PASID entry is looked for.
  [[nodiscard]] Result<ContextEntry, FaultReason> bind_context(const port::DmaRequest& request,
                                                               Caching caching, bool& fpd) const;
  [[nodiscard]] Result<Binding, FaultReason> bind(const port::DmaRequest& request, Caching caching,
                                                  bool& fpd) const;
  [[nodiscard]] Result<ContextEntry, FaultReason> context_of(RequesterId requester, Caching caching,
                                                             bool& fpd) const;
  [[nodiscard]] Result<PasidEntry, FaultReason> entry_of(const ContextEntry& context,
                                                         RequesterId requester, Pasid pasid,
                                                         Caching caching, bool& fpd) const;
  /// Host address, or the status the request ends with.
  [[nodiscard]] Result<Hpa, port::DmaStatus> translate(const port::DmaRequest& request,
                                                       WalkAccess access);
  [[nodiscard]] Result<Hpa, port::DmaStatus> translate_miss(const port::DmaRequest& request,
                                                            WalkAccess access);
  [[nodiscard]] Result<Hpa, port::DmaStatus> translated_request(const port::DmaRequest& request,
                                                                WalkAccess access);
  /// Counts, records unless FPD forbids, and answers. @param info FI of the record
  [[nodiscard]] port::DmaStatus refuse(const port::DmaRequest& request, FaultReason reason,
                                       WalkAccess access, std::uint64_t info, bool fpd);
  [[nodiscard]] port::DmaStatus interrupt_write(const port::DmaRequest& request,
                                                std::span<const std::byte> data);
  /// Length of the run at address that the view may use [bytes], 0 if refused.
  [[nodiscard]] std::uint64_t view(Pasid pasid, Iova address, bool write, Hpa& host) const;
  void drop_dma_caches();

  memory::PhysicalMemory& memory_;
  IommuConfig config_;
  PageWalker walker_;
  Iotlb iotlb_;
  mutable ContextCache contexts_;
  mutable PasidCache pasids_;
  FaultLog faults_;
  Statistics statistics_;
  InterruptRemapper interrupts_;
  Hpa root_table_;
  TranslationTableMode mode_ = TranslationTableMode::kLegacy;
  bool translation_enabled_ = false;
  RequesterId view_requester_;
};

}  // namespace siov::iommu
