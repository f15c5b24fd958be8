// SPDX-License-Identifier: Apache-2.0
// Capability registers from the configuration.
#include "iommu/capabilities.hpp"

#include "common/error.hpp"

namespace siov::iommu {

namespace {

constexpr std::uint64_t at(std::uint64_t value, unsigned bit) { return value << bit; }

}  // namespace

void check_config(const IommuConfig& c, unsigned memory_haw) {
  const auto need = [](bool ok, const char* what) {
    if (!ok) throw HarnessError(what);
  };
  need(c.haw == memory_haw, "haw must be that of the physical memory");
  need(c.mgaw >= 39 && c.mgaw <= 57, "mgaw: 39..57 bits");
  need(c.pasid_bits >= 1 && c.pasid_bits <= 20, "pasid_bits: 1..20");
  need(c.domain_bits >= 4 && c.domain_bits <= 16 && c.domain_bits % 2 == 0,
       "domain_bits: 4, 6 .. 16");
  need(c.max_address_mask < 64, "max_address_mask: 0..63");
  need(c.max_handle_mask < 16, "max_handle_mask: 0..15");
  need(c.invalidation_timeout > 0, "invalidation_timeout: at least 1");
  need(!c.nested || (c.first_stage && c.second_stage), "nested needs first and second stage");
  need(!c.scalable_mode || c.queued_invalidation, "scalable_mode needs queued_invalidation");
  need(!c.interrupt_remapping || c.queued_invalidation,
       "interrupt_remapping needs queued_invalidation");
  need(!c.scalable_mode || (c.write_draining && c.read_draining),
       "scalable_mode needs write_draining and read_draining");
  const bool scalable_only =
      c.pasid || c.rid_pasid || c.coherent_walk || c.first_stage || c.supervisor || c.page_requests;
  need(
      c.scalable_mode || !scalable_only,
      "pasid, rid_pasid, coherent_walk, first_stage, supervisor, page_requests need scalable_mode");
  const bool device_only = c.page_requests || c.page_drain || c.throttling || c.no_write_flag;
  need(c.device_tlb || !device_only,
       "page_requests, page_drain, throttling, no_write_flag need device_tlb");
  need(!c.rid_privilege || c.supervisor, "rid_privilege needs supervisor");
  need(!c.second_stage_dirty || c.coherent_walk, "second_stage_dirty needs coherent_walk");
  need(!c.extended_accessed || (c.first_stage && c.coherent_walk),
       "extended_accessed needs first_stage and coherent_walk");
}

std::uint64_t capability_register(const IommuConfig& c) {
  std::uint64_t cap = (c.domain_bits - 4) / 2;  // ND
  cap |= at(c.caching_mode, 7);
  cap |= at(c.second_stage_3_level, 9);
  cap |= at(c.second_stage_4_level, 10);
  cap |= at(c.second_stage_5_level, 11);
  cap |= at(c.mgaw - 1, 16);
  cap |= at(c.zero_length_read, 22);
  cap |= at(fault_record_offset(c) / 16, 24);
  cap |= at(c.second_stage_2m, 34);
  cap |= at(c.second_stage_1g, 35);
  cap |= at(c.page_selective, 39);
  cap |= at(c.fault_records - 1, 40);
  cap |= at(c.max_address_mask, 48);
  cap |= at(c.write_draining, 54);
  cap |= at(c.read_draining, 55);
  cap |= at(c.first_stage_1g, 56);
  cap |= at(c.posted_interrupts, 59);
  cap |= at(c.first_stage_5_level, 60);
  cap |= at(c.invalidate_on_sirtp, 62);
  cap |= at(c.invalidate_on_srtp, 63);
  return cap;
}

std::uint64_t extended_capability_register(const IommuConfig& c) {
  std::uint64_t ecap = c.coherent;
  ecap |= at(c.queued_invalidation, 1);
  ecap |= at(c.device_tlb, 2);
  ecap |= at(c.interrupt_remapping, 3);
  ecap |= at(c.extended_interrupt_mode, 4);
  ecap |= at(c.pass_through, 6);
  ecap |= at(c.snoop_control, 7);
  ecap |= at(kIotlbRegisters / 16, 8);
  ecap |= at(c.max_handle_mask, 20);
  ecap |= at(c.nested, 26);
  ecap |= at(c.page_requests, 29);
  ecap |= at(c.supervisor, 31);
  ecap |= at(c.no_write_flag, 33);
  ecap |= at(c.extended_accessed, 34);
  ecap |= at(c.pasid_bits - 1, 35);
  ecap |= at(c.pasid, 40);
  ecap |= at(c.throttling, 41);
  ecap |= at(c.page_drain, 42);
  ecap |= at(c.scalable_mode, 43);
  ecap |= at(c.second_stage_dirty, 45);
  ecap |= at(c.second_stage, 46);
  ecap |= at(c.first_stage, 47);
  ecap |= at(c.coherent_walk, 48);
  ecap |= at(c.rid_pasid, 49);
  ecap |= at(c.abort_dma, 52);
  ecap |= at(c.rid_privilege, 53);
  ecap |= at(c.stop_marker, 58);
  ecap |= at(c.eimer, 61);
  ecap |= at(c.irreq, 62);
  return ecap;
}

}  // namespace siov::iommu
