// SPDX-License-Identifier: Apache-2.0
// Interrupt routing by IRTE index, and the CPU's PASID translation of each VM.
#include "vdcm/platform.hpp"

#include "common/error.hpp"

namespace siov::vdcm {

void Platform::deliver(const port::Interrupt& interrupt) {
  ++interrupts_;
  if (observer_) observer_(interrupt);
  Handler handler;  // a copy: it may disconnect itself
  if (!interrupt.remapped) {
    const auto found = vectors_.find(interrupt.vector);
    if (found != vectors_.end()) handler = found->second;
  } else if (interrupt.irte_index < handlers_.size()) {
    handler = handlers_[interrupt.irte_index];
  }
  if (handler) {
    handler();
  } else {
    ++stray_interrupts_;
  }
}

void Platform::connect(std::uint16_t irte_index, Handler handler) {
  if (irte_index >= handlers_.size()) handlers_.resize(std::size_t{irte_index} + 1);
  if (handlers_[irte_index]) throw HarnessError("IRTE already has a handler");
  handlers_[irte_index] = std::move(handler);
}

void Platform::connect_vector(std::uint8_t vector, Handler handler) {
  if (!vectors_.emplace(vector, std::move(handler)).second)
    throw HarnessError("vector already has a handler");
}

void Platform::disconnect(std::uint16_t irte_index) {
  if (irte_index < handlers_.size()) handlers_[irte_index] = nullptr;
}

VmId Platform::create_vm() {
  vms_.push_back(std::make_unique<PasidTranslationTable>());
  return static_cast<VmId>(vms_.size() - 1);
}

PasidTranslationTable& Platform::pasid_table(VmId vm) {
  if (vm >= vms_.size()) throw HarnessError("no such VM");
  return *vms_[vm];
}

std::optional<Pasid> Platform::translate_for_enqcmd(VmId vm, Pasid guest) {
  const std::optional<Pasid> host = pasid_table(vm).translate(guest);
  if (!host) ++pasid_exits_;
  return host;
}

}  // namespace siov::vdcm
