// SPDX-License-Identifier: Apache-2.0
// VdcmAudit::Port: what passes between the host driver and one function, with a shadow of what the
// function has been told. A private part of vdcm_audit.
#pragma once

#include <map>
#include <unordered_map>
#include <vector>

#include "system/vdcm_audit.hpp"

namespace siov::system {

class VdcmAudit::Port final : public port::DevicePort {
 public:
  /// An interrupt entry as it was written.
  struct Entry {
    std::uint64_t address = 0;
    std::uint32_t data = 0;
    std::optional<std::uint16_t> irte;  ///< of its message; absent: cleared
    std::optional<Pasid> pasid;         ///< absent: none enabled
    bool ignored = false;
  };

  Port(VdcmAudit& audit, port::DevicePort& device, std::uint8_t function)
      : audit_(audit), device_(device), function_(function) {}

  coro::Task<port::ReadResult> config_read(std::uint32_t offset, std::uint32_t size) override {
    return device_.config_read(offset, size);
  }
  coro::Task<port::CompletionStatus> config_write(std::uint32_t offset, std::uint32_t size,
                                                  std::uint32_t value) override;
  coro::Task<port::ReadResult> mmio_read(port::Bar bar, std::uint64_t offset,
                                         std::uint32_t size) override;
  void mmio_write(port::Bar bar, std::uint64_t offset, std::uint32_t size,
                  std::uint64_t value) override;
  void posted_write64(std::uint64_t offset, const port::Line& line) override;
  coro::Task<port::CompletionStatus> deferrable_write64(std::uint64_t offset,
                                                        const port::Line& line) override;
  void set_bar_base(port::Bar bar, std::uint64_t base) override { device_.set_bar_base(bar, base); }

  /// Whether the queue has been enabled and not disabled since.
  [[nodiscard]] bool runs(std::uint8_t wq) const { return wq < runs_.size() && runs_[wq]; }
  [[nodiscard]] const std::map<std::uint16_t, Entry>& entries() const { return entries_; }

 private:
  [[nodiscard]] vdcm::HostDriver* host() const;
  [[nodiscard]] bool shared(std::uint8_t wq) const;
  [[nodiscard]] bool takes(const vdcm::Vdev& vdev, std::uint8_t wq) const;
  void portal_store(std::uint64_t offset);
  void submission(std::uint64_t offset, std::optional<Pasid> pasid);
  void register_write(std::uint64_t offset, std::uint32_t size, std::uint64_t value);
  void command(std::uint32_t value);
  void enable_queue(std::uint8_t wq);
  void queue_command(std::uint8_t code, std::uint32_t operand);
  void entry_message(std::uint16_t index);
  void entry_control(std::uint16_t index, bool masked);
  void permission(std::uint16_t index, std::uint32_t value);
  void used(Pasid pasid, const std::string& where);
  void stop_all() { runs_.assign(runs_.size(), false); }

  VdcmAudit& audit_;
  port::DevicePort& device_;
  std::uint8_t function_;
  std::vector<std::uint32_t> wq_control_;  ///< WQCFG dword 2
  std::vector<bool> runs_;
  std::optional<std::uint8_t> being_enabled_;
  std::map<std::uint16_t, Entry> entries_;
  std::unordered_map<std::uint16_t, std::uint16_t> interrupts_;  ///< IRTE to entry
};

}  // namespace siov::system
