// SPDX-License-Identifier: Apache-2.0
// The skeleton and the invariants. Encodings are literals of the specification.
#include "iommu_world.hpp"

#include <cstdio>
#include <cstdlib>

namespace siov::iommu::fuzz {

namespace {

IommuConfig config_of(std::uint16_t flags) {
  const auto flag = [flags](unsigned bit) { return (flags >> bit & 1) != 0; };
  IommuConfig c;
  c.fault_records = flag(0) ? 1 : 8;
  c.mgaw = flag(1) ? 48 : 57;
  c.iotlb_entries = 16;
  c.structure_entries = flag(2) ? 0 : 16;
  c.caching_mode = flag(3);
  c.rid_privilege = flag(4);
  c.extended_accessed = flag(5);
  c.second_stage_dirty = !flag(6);
  c.abort_dma = flag(7);
  c.stop_marker = flag(8);
  c.irreq = flag(9);
  c.eimer = flag(10);
  c.invalidation_timeout = 1000;
  return c;
}

/// Storage is created once: making it anew for each input would take most of the time.
memory::PhysicalMemory& clean_memory() {
  static const std::vector<memory::RamRange> kRam = {
      {Hpa{0}, 0x3'0000},
      {Hpa{0x3'0000}, 0x1000, memory::RamKind::kReadOnly},
      {Hpa{0x3FFF'FFFF'F000}, 0x1000}};  // the top of 46 bits
  static memory::PhysicalMemory memory(kRam, 46);
  for (const memory::RamRange& range : kRam) (void)memory.zero(range.base, range.bytes);
  return memory;
}

void require(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "invariant: %s\n", what);
  std::abort();
}

}  // namespace

void Device::invalidate(const port::InvalidateRequest& request) { open.push_back(request); }
void Device::page_group_response(const port::PageGroupResponse&) { ++responses; }

IommuWorld::IommuWorld(std::uint16_t flags)
    : memory(clean_memory()), unit(memory, platform, config_of(flags)) {
  build_tables();
  if ((flags >> 11 & 1) == 0) unit.set_device_port(&device);
  if ((flags >> 12 & 1) == 0) program();
}

void IommuWorld::poke(unsigned page, unsigned index, std::uint64_t value) {
  (void)memory.write64(Hpa{address_of(page) + index % 512 * 8}, value);
}

void IommuWorld::build_tables() {
  poke(kRoot, 0, address_of(kContext) | 1);
  const unsigned context = kRid % 128 * 4;
  poke(kContext, context, address_of(kDirectory) | 0x1D);  // P, DTE, PASIDE, PRE
  poke(kContext, context + 1, 5);                          // RID_PASID
  poke(kDirectory, 0, address_of(kPasids) | 1);
  const std::uint64_t second = address_of(kSecond4) | 2 << 2 | 1;  // AW 48 bit, P
  const std::uint64_t types[] = {0, 1, 2, 3, 4, 2};                // PGTT of PASID 1..5
  for (unsigned pasid = 1; pasid <= 5; ++pasid) {
    poke(kPasids, pasid * 8, second | types[pasid] << 6 | (pasid % 2) << 9);  // SSADE
    poke(kPasids, pasid * 8 + 1, pasid | 1u << 23);                           // DID, PWSNP
    const std::uint64_t first = pasid == 3 ? std::uint64_t{kGuest4} << 12 : address_of(kFirst4);
    poke(kPasids, pasid * 8 + 2, first | 1);  // SRE
  }
  for (unsigned level = 0; level < 3; ++level) {
    poke(kFirst4 + level, 0, address_of(kFirst4 + level + 1) | 7);
    poke(kSecond4 + level, 0, address_of(kSecond4 + level + 1) | 3);
    poke(kGuest4 + level, 0, std::uint64_t{kGuest4 + level + 1} << 12 | 7);
  }
  for (unsigned page = 0; page < kPages; ++page) {
    poke(kFirst1, page, address_of(page) | 7);
    poke(kSecond1, page, address_of(page) | 3);
    poke(kGuest1, page, std::uint64_t{page} << 12 | 7);
  }
  poke(kInterruptTable, 0, std::uint64_t{0x0041'0001});  // remapped, vector 41h
  poke(kInterruptTable, 2, std::uint64_t{0x0042'8001} | (address_of(kPostedDescriptor) >> 6) << 38);
}

void IommuWorld::program() {
  unit.mmio_write(0x88, 8, 0);                                         // IQT
  unit.mmio_write(0x90, 8, address_of(kInvalidationRing) | 1u << 11);  // IQA, DW
  unit.mmio_write(0xD0, 8, address_of(kPageRequestRing));              // PQA
  unit.mmio_write(0x20, 8, address_of(kRoot) | 1u << 10);              // RTADDR, scalable
  unit.mmio_write(0xB8, 8, address_of(kInterruptTable) | 7);           // IRTA, 256 entries
  for (const std::uint32_t block : {0x38u, 0xA0u, 0xE0u}) {            // event interrupts
    unit.mmio_write(block + 8, 4, 0xFEE0'0000);
    unit.mmio_write(block + 4, 4, 0x30);
    unit.mmio_write(block, 4, 0);
  }
  unit.mmio_write(0x18, 4, 0x0400'0000);  // QIE
  unit.mmio_write(0x18, 4, 0x4400'0000);  // SRTP
  unit.mmio_write(0x18, 4, 0x0500'0000);  // SIRTP
  unit.mmio_write(0x18, 4, 0x8600'0000);  // TE, IRE, QIE
}

void IommuWorld::submit(const std::array<std::uint64_t, 4>& words) {
  for (unsigned i = 0; i < 4; ++i)
    poke(kInvalidationRing, static_cast<unsigned>(tail_ / 8 + i), words[i]);
  tail_ = (tail_ + 32) % 4096;
  unit.mmio_write(0x88, 8, tail_);
}

void IommuWorld::complete_oldest() {
  if (device.open.empty()) return;
  const port::InvalidateRequest request = device.open.front();
  device.open.erase(device.open.begin());
  require(request.itag < 32, "ITag 0..31");
  require((request.address & 0xFFF) == 0, "address of an Invalidate Request");
  unit.invalidate_completion({.device = request.device, .itags = 1u << request.itag, .count = 1});
}

void IommuWorld::check() {
  // Level bits of GSTS that GCMD sets; queue pointers inside their fields. @spec vtd.md 1, 1.3
  require(unit.mmio_read(0x18, 4) == 0, "GCMD reads 0");
  require((unit.mmio_read(0x1C, 4) & 0x307F'FFFF) == 0, "reserved bits of GSTS");
  require((unit.mmio_read(0x80, 8) & ~std::uint64_t{0x7FFF0}) == 0, "IQH is bits 18:4");
  require((unit.mmio_read(0xC8, 8) & ~std::uint64_t{0x7FFE0}) == 0, "PQT is bits 18:5");
  const std::uint64_t status = unit.mmio_read(0x34, 4);
  require((status & ~std::uint64_t{0xFF73}) == 0, "reserved bits of FSTS");
  require((unit.mmio_read(0xDC, 4) & ~std::uint64_t{3}) == 0, "reserved bits of PRS");
  const std::uint64_t records = ((unit.mmio_read(0x8, 8) >> 40) & 0xFF) + 1;
  require((status >> 8 & 0xFF) < records, "FRI names a record");
}

}  // namespace siov::iommu::fuzz
