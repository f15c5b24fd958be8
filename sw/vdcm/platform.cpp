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
  } else {
    const auto function = function_handlers_.find(interrupt.requester.value);
    const Handler* found = function == function_handlers_.end()
                               ? nullptr
                               : find(function->second, interrupt.irte_index);
    if (found == nullptr) found = find(handlers_, interrupt.irte_index);
    if (found != nullptr) handler = *found;
  }
  if (handler) {
    handler();
  } else {
    ++stray_interrupts_;
  }
}

Platform::Handler* Platform::find(std::vector<Handler>& handlers, std::uint16_t index) {
  return index < handlers.size() && handlers[index] ? &handlers[index] : nullptr;
}

void Platform::connect(std::uint16_t irte_index, Handler handler) {
  if (irte_index >= handlers_.size()) handlers_.resize(std::size_t{irte_index} + 1);
  if (handlers_[irte_index]) throw HarnessError("IRTE already has a handler");
  handlers_[irte_index] = std::move(handler);
}

void Platform::connect(RequesterId function, std::uint16_t irte_index, Handler handler) {
  std::vector<Handler>& handlers = function_handlers_[function.value];
  if (irte_index >= handlers.size()) handlers.resize(std::size_t{irte_index} + 1);
  if (handlers[irte_index]) throw HarnessError("IRTE already has a handler");
  handlers[irte_index] = std::move(handler);
}

void Platform::disconnect(std::uint16_t irte_index) {
  if (irte_index < handlers_.size()) handlers_[irte_index] = nullptr;
}

void Platform::disconnect(RequesterId function, std::uint16_t irte_index) {
  const auto found = function_handlers_.find(function.value);
  if (found != function_handlers_.end() && irte_index < found->second.size())
    found->second[irte_index] = nullptr;
}

bool Platform::connected(RequesterId function, std::uint16_t irte_index) {
  const auto found = function_handlers_.find(function.value);
  return (found != function_handlers_.end() && find(found->second, irte_index) != nullptr) ||
         find(handlers_, irte_index) != nullptr;
}

void Platform::connect_vector(std::uint8_t vector, Handler handler) {
  if (!vectors_.emplace(vector, std::move(handler)).second)
    throw HarnessError("vector already has a handler");
}

VmId Platform::create_vm() {
  if (vms_.size() > 0xFFFF) throw HarnessError("out of VM numbers");
  vms_.push_back(std::make_unique<Vm>());
  return static_cast<VmId>(vms_.size() - 1);
}

Platform::Vm& Platform::vm_of(VmId vm) const {
  if (vm >= vms_.size() || !vms_[vm]) throw HarnessError("no such VM");
  return *vms_[vm];
}

void Platform::destroy_vm(VmId vm) {
  static_cast<void>(vm_of(vm));
  vms_[vm].reset();
}

PasidTranslationTable& Platform::pasid_table(VmId vm) { return vm_of(vm).table; }

void Platform::set_pasid_translation(VmId vm, bool active) { vm_of(vm).translates = active; }

bool Platform::pasid_translation(VmId vm) const { return vm_of(vm).translates; }

std::optional<Pasid> Platform::translate_for_enqcmd(VmId vm, Pasid guest) {
  if (!pasid_translation(vm)) return guest;
  const std::optional<Pasid> host = pasid_table(vm).translate(guest);
  if (!host) ++pasid_exits_;
  return host;
}

}  // namespace siov::vdcm
