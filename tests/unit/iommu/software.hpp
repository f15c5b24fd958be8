// SPDX-License-Identifier: Apache-2.0
// Software: programs a unit through its register page and its invalidation queue, as a driver does,
// with offsets and encodings as literals of the specification.
//
//   Software software(unit, memory, frames);
//   software.set_root_table(tables.root().value | 0x400);
//   software.iotlb_domain(5);
#pragma once

#include <array>
#include <cstdint>

#include "iommu/register_page.hpp"
#include "memory/page_allocator.hpp"
#include "memory/physical_memory.hpp"

namespace siov::iommu::test {

class Software {
 public:
  using Words = std::array<std::uint64_t, 4>;

  Software(RegisterPage& page, memory::PhysicalMemory& memory, memory::PageAllocator& frames)
      : page_(page), memory_(memory), ring(frames.allocate()), status(frames.allocate()) {
    page_.mmio_write(0x88, 8, 0);                      // IQT
    page_.mmio_write(0x90, 8, ring.value | 1u << 11);  // IQA: DW, 128 entries of 32 bytes
    command(26, true);                                 // QIE
  }

  [[nodiscard]] std::uint32_t read32(std::uint32_t offset) {
    return static_cast<std::uint32_t>(page_.mmio_read(offset, 4));
  }
  [[nodiscard]] std::uint64_t read64(std::uint32_t offset) { return page_.mmio_read(offset, 8); }
  void write32(std::uint32_t offset, std::uint32_t value) { page_.mmio_write(offset, 4, value); }
  void write64(std::uint32_t offset, std::uint64_t value) { page_.mmio_write(offset, 8, value); }

  /// One bit of GCMD: the others as GSTS has them, one-shot bits 0.
  void command(unsigned bit, bool on) {
    const std::uint32_t now = read32(0x1C) & 0x96FF'FFFF;
    write32(0x18, on ? now | 1u << bit : now & ~(1u << bit));
  }
  void set_root_table(std::uint64_t rtaddr) {
    write64(0x20, rtaddr);
    command(30, true);
  }
  void set_interrupt_table(std::uint64_t irta) {
    write64(0xB8, irta);
    command(24, true);
  }
  void translation(bool on) { command(31, on); }
  void interrupt_remapping(bool on) { command(25, on); }
  void compatibility(bool on) { command(23, on); }

  /// Puts a descriptor behind the tail without telling the unit.
  void place(const Words& words) {
    for (unsigned i = 0; i < 4; ++i) (void)memory_.write64(ring + tail + 8 * i, words[i]);
    tail = (tail + 32) % 4096;
  }
  void ring_bell() { write64(0x88, tail); }
  void submit(const Words& words) {
    place(words);
    ring_bell();
  }
  /// @return whether the wait behind it was done at once
  bool submit_and_wait(const Words& words) {
    place(words);
    return wait();
  }
  bool wait(std::uint64_t flags = 0) {
    const std::uint64_t value = ++waits_;
    submit({0x25 | flags | value << 32, status.value, 0, 0});
    return memory_.read64(status).value() == value;
  }

  // Descriptors, vtd.md 5.2.
  void context_global() { submit({0x11, 0, 0, 0}); }
  void context_domain(std::uint64_t domain) { submit({0x21 | domain << 16, 0, 0, 0}); }
  void context_device(RequesterId rid, std::uint64_t function_mask = 0) {
    submit({0x31 | std::uint64_t{rid.value} << 32 | function_mask << 48, 0, 0, 0});
  }
  void pasid_cache_global() { submit({0x37, 0, 0, 0}); }
  void pasid_cache_domain(std::uint64_t domain) { submit({0x07 | domain << 16, 0, 0, 0}); }
  void pasid_cache_pasid(std::uint64_t domain, Pasid pasid) {
    submit({0x17 | domain << 16 | std::uint64_t{pasid.value} << 32, 0, 0, 0});
  }
  void iotlb_global() { submit({0xD2, 0, 0, 0}); }
  void iotlb_domain(std::uint64_t domain) { submit({0xE2 | domain << 16, 0, 0, 0}); }
  void iotlb_page(std::uint64_t domain, Iova address, std::uint64_t mask = 0, bool leaf = false) {
    submit({0xF2 | domain << 16, address.value | mask | std::uint64_t{leaf} << 6, 0, 0});
  }
  void p_iotlb_pasid(std::uint64_t domain, Pasid pasid) {
    submit({0x26 | domain << 16 | std::uint64_t{pasid.value} << 32, 0, 0, 0});
  }
  void p_iotlb_page(std::uint64_t domain, Pasid pasid, Iova address, std::uint64_t mask = 0,
                    bool leaf = false) {
    submit({0x36 | domain << 16 | std::uint64_t{pasid.value} << 32,
            address.value | mask | std::uint64_t{leaf} << 6, 0, 0});
  }
  void interrupt_entries_global() { submit({0x04, 0, 0, 0}); }
  void interrupt_entries(std::uint64_t index, std::uint64_t mask = 0) {
    submit({0x14 | mask << 27 | index << 32, 0, 0, 0});
  }

 private:
  RegisterPage& page_;
  memory::PhysicalMemory& memory_;
  std::uint64_t waits_ = 0;

 public:
  Hpa ring;
  Hpa status;
  std::uint64_t tail = 0;
};

}  // namespace siov::iommu::test
