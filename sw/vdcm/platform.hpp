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
#include <unordered_map>
#include <vector>

#include "common/types.hpp"
#include "port/interrupt_port.hpp"
#include "vdcm/pasid_allocator.hpp"
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
  /// @param first, last host PASIDs that may be given out
  explicit Platform(Pasid first = Pasid{0x8001}, Pasid last = Pasid{kMaxPasid})
      : pasids_(first, last) {}

  /// Runs inside the device's write; it must not wait and not access the device: set an event or
  /// start a task.
  using Handler = std::function<void()>;

  void deliver(const port::Interrupt& interrupt) override;

  void connect(std::uint16_t irte_index, Handler handler);
  void disconnect(std::uint16_t irte_index);
  /// For an IRTE of the unit that this function is behind; with several units an index alone says
  /// nothing. Comes before a handler without a function.
  void connect(RequesterId function, std::uint16_t irte_index, Handler handler);
  void disconnect(RequesterId function, std::uint16_t irte_index);
  /// Whether an interrupt of this function through this IRTE has a handler.
  [[nodiscard]] bool connected(RequesterId function, std::uint16_t irte_index);
  /// For interrupts that do not come through an IRTE: the remapping unit's own events.
  void connect_vector(std::uint8_t vector, Handler handler);
  void disconnect_vector(std::uint8_t vector) { vectors_.erase(vector); }

  /// Its CPUs translate PASIDs from the start.
  [[nodiscard]] VmId create_vm();
  /// Gives the VM's table back; the number is not used again.
  void destroy_vm(VmId vm);
  [[nodiscard]] std::size_t vm_count() const { return vms_.size(); }
  /// CPU PASID translation table of one VM. @throws HarnessError for an unknown VM.
  [[nodiscard]] PasidTranslationTable& pasid_table(VmId vm);
  /// Whether ENQCMD of the VM goes through the table. Off: the guest's number leaves as it is.
  /// @spec SIOV-H-09
  void set_pasid_translation(VmId vm, bool active);
  [[nodiscard]] bool pasid_translation(VmId vm) const;
  /// What ENQCMD does to the PASID; a missing entry counts as a VM exit. @spec SIOV-P-12
  [[nodiscard]] std::optional<Pasid> translate_for_enqcmd(VmId vm, Pasid guest);
  /// Host PASIDs of the whole platform, whatever function uses them. @spec SIOV-P-13
  [[nodiscard]] PasidAllocator& pasids() { return pasids_; }

  /// The VM's CPUs forget their translations of device pages. @spec SIOV-H-10
  void flush_cpu_translations(VmId) { ++cpu_flushes_; }
  [[nodiscard]] std::uint64_t cpu_flushes() const { return cpu_flushes_; }

  /// Called after each delivered interrupt (tests, event log); may be empty.
  void set_observer(std::function<void(const port::Interrupt&)> observer) {
    observer_ = std::move(observer);
  }

  [[nodiscard]] std::uint64_t interrupts() const { return interrupts_; }
  /// Interrupts that no handler was connected for.
  [[nodiscard]] std::uint64_t stray_interrupts() const { return stray_interrupts_; }
  [[nodiscard]] std::uint64_t pasid_exits() const { return pasid_exits_; }

 private:
  struct Vm {
    PasidTranslationTable table;
    bool translates = true;
  };
  [[nodiscard]] Vm& vm_of(VmId vm) const;
  [[nodiscard]] static Handler* find(std::vector<Handler>& handlers, std::uint16_t index);

  std::vector<Handler> handlers_;
  std::unordered_map<std::uint16_t, std::vector<Handler>> function_handlers_;
  std::map<std::uint8_t, Handler> vectors_;
  PasidAllocator pasids_;
  std::vector<std::unique_ptr<Vm>> vms_;
  std::function<void(const port::Interrupt&)> observer_;
  std::uint64_t interrupts_ = 0;
  std::uint64_t stray_interrupts_ = 0;
  std::uint64_t pasid_exits_ = 0;
  std::uint64_t cpu_flushes_ = 0;
};

}  // namespace siov::vdcm
