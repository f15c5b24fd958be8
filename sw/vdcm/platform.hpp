// SPDX-License-Identifier: Apache-2.0
// Platform: the host's interrupt fabric and CPU side of ENQCMD. Remapped interrupts go to the
// handler of their IRTE; each VM has its own PASID translation table.
//
//   vdcm::Platform platform;
//   iommu::Iommu iommu(memory, platform, config);
//   platform.connect(irte_index, [] { ... });
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "common/types.hpp"
#include "port/interrupt_port.hpp"
#include "vdcm/pasid_translation_table.hpp"
#include "vdcm/space.hpp"

namespace siov::vdcm {

/// A message the host puts into an MSI-X or IMS entry; always in remappable format.
struct InterruptMessage {
  std::uint64_t address = 0;
  std::uint32_t data = 0;
  std::uint16_t irte_index = 0;
};

class Platform final : public port::InterruptPort {
 public:
  /// Runs inside the device's write; it must not wait and not access the device: set an event or
  /// start a task.
  using Handler = std::function<void()>;

  void deliver(const port::Interrupt& interrupt) override;

  void connect(std::uint16_t irte_index, Handler handler);
  void disconnect(std::uint16_t irte_index);
  /// For interrupts that do not come through an IRTE: the remapping unit's own events.
  void connect_vector(std::uint8_t vector, Handler handler);
  void disconnect_vector(std::uint8_t vector) { vectors_.erase(vector); }

  [[nodiscard]] VmId create_vm();
  [[nodiscard]] std::size_t vm_count() const { return vms_.size(); }
  /// CPU PASID translation table of one VM. @throws HarnessError for an unknown VM.
  [[nodiscard]] PasidTranslationTable& pasid_table(VmId vm);
  /// What ENQCMD does to the PASID; a missing entry counts as a VM exit. @spec SIOV-P-12
  [[nodiscard]] std::optional<Pasid> translate_for_enqcmd(VmId vm, Pasid guest);

  /// Called after each delivered interrupt (tests, event log); may be empty.
  void set_observer(std::function<void(const port::Interrupt&)> observer) {
    observer_ = std::move(observer);
  }

  [[nodiscard]] std::uint64_t interrupts() const { return interrupts_; }
  /// Interrupts that no handler was connected for.
  [[nodiscard]] std::uint64_t stray_interrupts() const { return stray_interrupts_; }
  [[nodiscard]] std::uint64_t pasid_exits() const { return pasid_exits_; }

 private:
  std::vector<Handler> handlers_;
  std::map<std::uint8_t, Handler> vectors_;
  std::vector<std::unique_ptr<PasidTranslationTable>> vms_;
  std::function<void(const port::Interrupt&)> observer_;
  std::uint64_t interrupts_ = 0;
  std::uint64_t stray_interrupts_ = 0;
  std::uint64_t pasid_exits_ = 0;
};

}  // namespace siov::vdcm
