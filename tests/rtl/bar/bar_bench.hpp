// SPDX-License-Identifier: Apache-2.0
// The register block by itself, between small stand-ins of its neighbours: link, interrupt block,
// queues, event log.
//
//   Bench<Vbar_default> b;
//   b.write(0x80, 4, 0x1060);
//   EXPECT_EQ(b.command(1), 0u);
#pragma once

#include <verilated.h>

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <tuple>
#include <type_traits>
#include <vector>

namespace siov::test {

/// Bits lsb .. lsb+width-1 of a port of any size; width 1..64.
template <class Port>
void put(Port& port, unsigned lsb, unsigned width, std::uint64_t value) {
  for (unsigned i = 0; i < width; ++i) {
    const unsigned at = lsb + i;
    const bool bit = (value >> i & 1u) != 0;
    if constexpr (std::is_integral_v<Port>) {
      const Port mask = static_cast<Port>(Port{1} << at);
      port = static_cast<Port>(bit ? port | mask : port & ~mask);
    } else {
      const EData mask = EData{1} << at % 32;
      EData& word = port.m_storage[at / 32];
      word = bit ? word | mask : word & ~mask;
    }
  }
}
template <class Port>
std::uint64_t get(const Port& port, unsigned lsb, unsigned width) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < width; ++i) {
    const unsigned at = lsb + i;
    std::uint64_t bit = 0;
    if constexpr (std::is_integral_v<Port>)
      bit = static_cast<std::uint64_t>(port) >> at & 1u;
    else
      bit = port.m_storage[at / 32] >> at % 32 & 1u;
    value |= bit << i;
  }
  return value;
}

/// An access on the table bus.
struct TableAccess {
  unsigned sel, index, word;
  bool write;
  bool operator==(const TableAccess&) const = default;
};

/// Who asks for an interrupt, and by which handle.
struct Ask {
  bool ims;
  unsigned handle;
  bool pasid_en;
  unsigned pasid;
  bool operator==(const Ask&) const = default;
};

template <class Top>
class Bench {
 public:
  explicit Bench() {
    dut.rst_ni = 0;
    dut.bme_i = 1;
    dut.pasid_en_i = 1;
    dut.pasid_priv_en_i = 1;
    dut.evl_cfg_ok_i = 1;
    ticks(3);
    dut.rst_ni = 1;
    ticks(3);
    messages = 0;
  }

  void tick() {
    neighbours();
    dut.clk_i = 0;
    dut.eval();
    observe();
    dut.clk_i = 1;
    dut.eval();
  }
  void ticks(unsigned n) {
    while (n-- > 0) tick();
  }

  void write(unsigned address, unsigned size, std::uint64_t value) {
    access(true, address, value << 8 * (address % 8), ((1u << size) - 1) << address % 8);
  }
  std::uint64_t read(unsigned address, unsigned size = 8) {
    access(false, address, 0, 0);
    for (unsigned i = 0; !dut.reg_rvalid_o; ++i) {
      if (i > 20) return 0xDEADDEADDEADDEAD;
      tick();
    }
    const std::uint64_t value = dut.reg_rdata_o >> 8 * (address % 8);
    tick();
    return size == 8 ? value : value & ((std::uint64_t{1} << 8 * size) - 1);
  }
  /// Runs a command to its end. @return CMDSTATUS
  std::uint32_t command(unsigned code, unsigned operand = 0, bool interrupt = false) {
    write(0xA0, 4, (interrupt ? 1u << 31 : 0u) | code << 20 | operand);
    for (unsigned i = 0; i < 4000; ++i) {
      const auto status = static_cast<std::uint32_t>(read(0xA8, 4));
      if ((status >> 31) == 0) return status;
    }
    return 0xFFFFFFFF;
  }
  void occupancy(unsigned wq, unsigned entries) { put(dut.wq_occ_i, 16 * wq, 16, entries); }
  /// An error for SWERROR: DSA 2.7 in the layout of siov_pkg::swerr_t.
  void software_error(unsigned code, bool batch, unsigned index, bool info_valid, unsigned info) {
    for (unsigned lsb = 0; lsb < 428; lsb += 4) put(dut.swerr_i, lsb, 4, 0);
    put(dut.swerr_i, 0, 64, 0x1122334455667788);  // address
    put(dut.swerr_i, 64, 16, index);
    put(dut.swerr_i, 80, 20, 0x54321);  // PASID
    put(dut.swerr_i, 100, 8, 3);        // opcode
    put(dut.swerr_i, 108, 8, 2);        // WQ
    put(dut.swerr_i, 118, 1, batch);
    put(dut.swerr_i, 119, 2, 3);  // WQ and descriptor valid
    put(dut.swerr_i, 121, 8, code);
    put(dut.swerr_i, 394, 32, info);
    put(dut.swerr_i, 426, 1, info_valid);
    dut.swerr_valid_i = 1;
    do {
      dut.eval();
      const bool taken = dut.swerr_ready_o != 0;
      tick();
      if (taken) break;
    } while (true);
    dut.swerr_valid_i = 0;
    ticks(3);
  }
  void function_level_reset() {
    dut.flr_i = 1;
    tick();
    dut.flr_i = 0;
    ticks(2);
  }

  Top dut;
  std::map<std::tuple<unsigned, unsigned, unsigned>, std::uint64_t> table;  // by sel, index, word
  std::vector<TableAccess> table_accesses;
  unsigned messages = 0;            ///< on vector 0
  bool take_messages = true;        ///< the interrupt block accepts occupancy requests
  std::vector<Ask> occupancy_asks;  ///< accepted requests; PASID fields unused
  std::vector<Ask> permission_asks;
  std::function<bool(const Ask&)> permitted = [](const Ask&) { return true; };
  std::set<unsigned> granted;  ///< index, IMS in bit 16
  unsigned grant_limit = 100;
  std::uint64_t log_words[3] = {};  ///< stand-in of EVLCFG and EVLSTATUS
  unsigned log_starts = 0;
  unsigned drain_cycles = 3;
  std::vector<std::set<unsigned>> drains;  ///< queues of each drain
  /// Pulses that empty the translation cache; how long requests from before then stay unanswered.
  unsigned forgets = 0, forget_cycles = 0;

 private:
  void access(bool is_write, unsigned address, std::uint64_t data, unsigned enables);
  void neighbours();
  void observe();

  unsigned table_wait_ = 0, ask_wait_ = 0, grant_wait_ = 0, drain_left_ = 0, forget_left_ = 0;
};

}  // namespace siov::test

#include "bar_bench_impl.hpp"
