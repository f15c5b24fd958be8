// SPDX-License-Identifier: Apache-2.0
// RegisterFile: the register page of the unit: which bits are where, what a write sets off.
//
//   RegisterFile registers(config, parts, actions);
//   registers.write(0x18, 4, 0x4000'0000);      // GCMD.SRTP
#pragma once

#include <cstdint>

#include "iommu/config.hpp"
#include "iommu/event_block.hpp"
#include "iommu/fault_log.hpp"
#include "iommu/invalidation_queue.hpp"
#include "iommu/page_request_queue.hpp"

namespace siov::iommu {

/// What the global command register does to the unit.
class RegisterActions {
 public:
  virtual ~RegisterActions() = default;
  /// SRTP. @param value RTADDR
  virtual void latch_root_table(std::uint64_t value) = 0;
  /// SIRTP. @param value IRTA
  virtual void latch_interrupt_table(std::uint64_t value) = 0;
  virtual void set_translation(bool enable) = 0;
  virtual void set_interrupt_remapping(bool enable) = 0;
  virtual void set_compatibility(bool enable) = 0;
  virtual void set_queue(bool enable) = 0;
  /// GSTS, without the bits of one-shot commands that have no lasting state.
  [[nodiscard]] virtual std::uint32_t global_status() const = 0;
  /// CCMD with ICC set. @return CAIG: 0 when the command was ignored
  virtual unsigned context_command(std::uint64_t value) = 0;
  /// IOTLB_REG with IVT set. @return IAIG: 0 when the command was ignored
  virtual unsigned iotlb_command(std::uint64_t value, std::uint64_t address) = 0;
};

/// @spec VT-d 11, vtd.md 1. Every register is reached as 32-bit halves; an 8-byte access is its low
/// half, then its high half.
class RegisterFile {
 public:
  struct Parts {
    FaultLog& faults;
    EventBlock& fault_event;
    InvalidationQueue& queue;
    PageRequestQueue& pages;
  };
  RegisterFile(const IommuConfig& config, const Parts& parts, RegisterActions& actions);

  /// As RegisterPage::mmio_read and mmio_write.
  [[nodiscard]] std::uint64_t read(std::uint32_t offset, unsigned size) const;
  void write(std::uint32_t offset, unsigned size, std::uint64_t value);

 private:
  [[nodiscard]] std::uint32_t read32(std::uint32_t offset) const;
  void write32(std::uint32_t offset, std::uint32_t value);
  /// The 64-bit register that holds the offset.
  [[nodiscard]] std::uint64_t wide(std::uint32_t offset) const;
  [[nodiscard]] std::uint64_t fault_record(std::uint32_t offset) const;
  [[nodiscard]] bool in_fault_records(std::uint32_t offset) const;
  void global_command(std::uint32_t value);
  void write_fault_record(std::uint32_t offset, std::uint32_t value);
  void write_fault_status(std::uint32_t value);
  void write_queue(std::uint32_t offset, std::uint32_t value);
  void write_pages(std::uint32_t offset, std::uint32_t value);

  IommuConfig config_;
  Parts parts_;
  RegisterActions& actions_;
  std::uint64_t capability_;
  std::uint64_t extended_capability_;
  std::uint64_t root_table_ = 0;       ///< RTADDR
  std::uint64_t interrupt_table_ = 0;  ///< IRTA
  std::uint64_t context_command_ = 0;  ///< CCMD
  std::uint64_t iva_ = 0;
  std::uint64_t iotlb_ = 0;  ///< IOTLB_REG
};

}  // namespace siov::iommu
