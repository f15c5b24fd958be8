// SPDX-License-Identifier: Apache-2.0
// Iommu: one VT-d remapping unit in scalable mode, between the root complex and physical memory.
//
//   iommu::Iommu unit(memory, platform, iommu::IommuConfig{});
//   unit.mmio_write(0x20, 8, tables.root().value | 1u << 10);       // RTADDR, TTM scalable
//   unit.mmio_write(0x18, 4, 1u << 30);                             // GCMD.SRTP, then TE
//   unit.mmio_write(0x18, 4, 1u << 31);
//   if (unit.write(request, data) != port::DmaStatus::kSuccess) read_fault_records();
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/result.hpp"
#include "common/types.hpp"
#include "iommu/config.hpp"
#include "iommu/event_block.hpp"
#include "iommu/fault_log.hpp"
#include "iommu/interrupt_remap.hpp"
#include "iommu/invalidation_queue.hpp"
#include "iommu/page_request_queue.hpp"
#include "iommu/page_walk.hpp"
#include "iommu/register_file.hpp"
#include "iommu/register_page.hpp"
#include "iommu/statistics.hpp"
#include "iommu/translation_caches.hpp"
#include "memory/physical_memory.hpp"
#include "port/address_space_view.hpp"
#include "port/ats_port.hpp"
#include "port/dma_port.hpp"
#include "port/interrupt_port.hpp"

namespace siov::iommu {

class Iommu final : public port::DmaPort,
                    public port::AtsHostPort,
                    public port::AddressSpaceView,
                    public RegisterPage,
                    private RegisterActions {
 public:
  /// @throws HarnessError for values out of range or capabilities that need others
  Iommu(memory::PhysicalMemory& memory, port::InterruptPort& interrupts, const IommuConfig& config);
  Iommu(const Iommu&) = delete;
  Iommu& operator=(const Iommu&) = delete;

  // Registers: what software sees. @spec vtd.md 1
  [[nodiscard]] std::uint64_t mmio_read(std::uint32_t offset, unsigned size) override;
  void mmio_write(std::uint32_t offset, unsigned size, std::uint64_t value) override;

  // Address translation services. @spec vtd.md 4.4, 4.6, 5.5, 7
  /// A/D bits are set before this returns. Served from the IOTLB like other requests.
  [[nodiscard]] port::TranslationReply translate(const port::TranslationRequest& request) override;
  /// Puts the request into the queue, or answers it. Stop markers are never answered.
  void page_request(const port::PageRequest& request) override;
  void invalidate_completion(const port::InvalidateCompletion& completion) override;
  /// Where Invalidate Requests and PRG Responses go; nullptr (the initial state): to nobody.
  void set_device_port(port::AtsDevicePort* device);
  /// Tells the time, which must not go back; Invalidate Requests that have been open for
  /// IommuConfig::invalidation_timeout end with FSTS.ITE. Call it every cycle, or as often as the
  /// time-out should be exact.
  void advance(std::uint64_t now);
  /// Invalidate Requests that no device has completed.
  [[nodiscard]] std::size_t open_invalidations() const { return queue_.open_count(); }

  // DMA. Requests must not cross 4 KiB (HarnessError). A read with AT = 01 returns the translation
  // completion entry as on the link (8 bytes, bits 63:56 first); bit 0 of its address is NW.
  [[nodiscard]] port::DmaStatus read(const port::DmaRequest& request,
                                     std::span<std::byte> out) override;
  port::DmaStatus write(const port::DmaRequest& request, std::span<const std::byte> data) override;

  // Side-effect-free view of the tables in memory (not of cached copies) as user requests of one
  // function see them.
  /// Function whose PASIDs peek() and writable() mean.
  void set_view_requester(RequesterId requester) { view_requester_ = requester; }
  [[nodiscard]] bool peek(Pasid pasid, Iova address, std::span<std::byte> out) const override;
  [[nodiscard]] bool writable(Pasid pasid, Iova address, std::uint64_t bytes) const override;

  // What registers and descriptors set off, for tests of one part. Software uses the registers.
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
  [[nodiscard]] TranslationCaches& caches() { return caches_; }
  [[nodiscard]] InterruptRemapper& remapper() { return interrupts_; }

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
  enum class Purpose : std::uint8_t { kAccess, kPageRequest };

  // RegisterActions
  void latch_root_table(std::uint64_t value) override;
  void latch_interrupt_table(std::uint64_t value) override;
  void set_translation(bool enable) override;
  void set_interrupt_remapping(bool enable) override;
  void set_compatibility(bool enable) override;
  void set_queue(bool enable) override;
  [[nodiscard]] std::uint32_t global_status() const override;
  unsigned context_command(std::uint64_t value) override;
  unsigned iotlb_command(std::uint64_t value, std::uint64_t address) override;

  /// Everything that is checked before a PASID entry is looked for.
  [[nodiscard]] Result<ContextEntry, FaultReason> bind_context(const port::DmaRequest& request,
                                                               Purpose purpose, Caching caching,
                                                               bool& fpd) const;
  [[nodiscard]] Result<Binding, FaultReason> bind(const port::DmaRequest& request, Purpose purpose,
                                                  Caching caching, bool& fpd) const;
  [[nodiscard]] Result<Binding, FaultReason> bind_pasid(const ContextEntry& context,
                                                        const port::DmaRequest& request,
                                                        Caching caching, bool& fpd) const;
  [[nodiscard]] Result<ContextEntry, FaultReason> context_of(RequesterId requester, Caching caching,
                                                             bool& fpd) const;
  [[nodiscard]] Result<ContextEntry, FaultReason> read_context(RequesterId requester,
                                                               bool& fpd) const;
  /// Why a request without PASID fails in legacy mode, whose tables this unit does not walk.
  [[nodiscard]] FaultReason refuse_legacy(const port::DmaRequest& request, bool& fpd) const;
  [[nodiscard]] Result<PasidEntry, FaultReason> entry_of(const ContextEntry& context,
                                                         RequesterId requester, Pasid pasid,
                                                         Caching caching, bool& fpd) const;
  [[nodiscard]] Result<PasidEntry, FaultReason> read_entry(const ContextEntry& context, Pasid pasid,
                                                           bool& fpd) const;
  /// Walks the tables for one page and fills the IOTLB.
  [[nodiscard]] Result<WalkResult, FaultReason> walk_page(const Binding& bound,
                                                          const port::DmaRequest& request,
                                                          WalkAccess access);
  /// Host address, or the status the request ends with.
  [[nodiscard]] Result<Hpa, port::DmaStatus> translate_dma(const port::DmaRequest& request,
                                                           WalkAccess access);
  [[nodiscard]] Result<Hpa, port::DmaStatus> translate_miss(const port::DmaRequest& request,
                                                            WalkAccess access);
  [[nodiscard]] Result<Hpa, port::DmaStatus> translated_request(const port::DmaRequest& request,
                                                                WalkAccess access);
  [[nodiscard]] port::DmaStatus read_translation(const port::DmaRequest& request,
                                                 std::span<std::byte> out);
  [[nodiscard]] Result<WalkResult, FaultReason> walk_for_device(const Binding& bound,
                                                                const port::DmaRequest& request,
                                                                bool write);
  [[nodiscard]] port::TranslationReply refuse_translation(const port::DmaRequest& request,
                                                          FaultReason reason, bool fpd);
  void answer_page_request(const port::PageRequest& request, port::PageResponse code);
  void forget_page(const Binding& bound, Iova address);
  /// Counts, records unless FPD forbids, and answers. @param info FI of the record
  [[nodiscard]] port::DmaStatus refuse(const port::DmaRequest& request, FaultReason reason,
                                       FaultAccess access, std::uint64_t info, bool fpd);
  [[nodiscard]] port::DmaStatus interrupt_write(const port::DmaRequest& request,
                                                std::span<const std::byte> data);
  /// Length of the run at address that the view may use [bytes], 0 if refused.
  [[nodiscard]] std::uint64_t view(Pasid pasid, Iova address, bool write, Hpa& host) const;

  memory::PhysicalMemory& memory_;
  IommuConfig config_;
  mutable TranslationCaches caches_;
  PageWalker walker_;
  PageWalker view_walker_;  ///< without caches
  FaultLog faults_;
  Statistics statistics_;
  InterruptRemapper interrupts_;
  EventBlock fault_event_;
  InvalidationQueue queue_;
  PageRequestQueue pages_;
  RegisterFile registers_;
  port::AtsDevicePort* device_ = nullptr;
  Hpa root_table_;
  TranslationTableMode mode_ = TranslationTableMode::kLegacy;
  bool translation_enabled_ = false;
  bool root_latched_ = false;             ///< GSTS.RTPS
  bool interrupt_table_latched_ = false;  ///< GSTS.IRTPS
  RequesterId view_requester_;
};

}  // namespace siov::iommu
