// SPDX-License-Identifier: Apache-2.0
// Stimulus of siov_engine, 8 tags, 32 ring lines: descriptors of all operations at awkward
// addresses, completions in any order, with errors, poison and silence, and phases in which the
// outputs stall. Payload and read limits are 128 bytes.
#pragma once

#include <vector>

#include "harness.hpp"

struct Env : EnvBase {
  using EnvBase::EnvBase;
  struct Read {
    unsigned tag, offset, bytes, length, low_address, due;
  };

  /// A descriptor as siov_dispatcher hands it over.
  void descriptor() {
    static constexpr unsigned kOpcodes[] = {0, 2, 3, 3, 3, 4, 4, 5};
    const unsigned opcode = kOpcodes[below(8)];
    put(dut.disp_i, 0, 1, !chance(16));  // handle allowed
    put(dut.disp_i, 1, 6, 0);
    put(dut.disp_i, 7, 9, 31 << 4);  // transfers of any size
    put(dut.disp_i, 16, 1, 0);
    put(dut.disp_i, 17, 20, 5);
    put(dut.disp_i, 37, 5, 0b00101);  // PASID enabled, dedicated
    put(dut.disp_i, 41, 1, below(2));
    put(dut.disp_i, 42, 8, below(2));
    for (unsigned i = 0; i < 512; i += 64) put(dut.disp_i, 50 + i, 64, 0);
    const bool record = opcode == 5 || !chance(4);
    const bool interrupt = chance(2);
    const bool moves = opcode >= 3;
    unsigned flags = (record ? 0xCU : 0U) | (interrupt ? 0x10U : 0U);
    if (opcode == 2 && flags == 0) flags = 0xC;
    put(dut.disp_i, 50 + 32, 24, flags);
    put(dut.disp_i, 50 + 56, 8, chance(32) ? 0x7F : opcode);
    put(dut.disp_i, 50 + 64, 64, (flags & 4) != 0 ? 0x9000 + 32 * below(8) : 0);
    if (moves) {
      put(dut.disp_i, 50 + 128, 64, 0x10'0000 + 4096 * below(4) + 4000 + below(96));
      put(dut.disp_i, 50 + 192, 64, 0x20'0000 + below(4096));
      put(dut.disp_i, 50 + 256, 32, 1 + below(chance(4) ? 2000 : 150));
    }
    if (interrupt) put(dut.disp_i, 50 + 288, 16, below(256));
  }

  void drive() {
    if (cycle % 128 == 0) stall_ = below(4);
    dut.cfg_i = 0;
    put(dut.cfg_i, 14, 2, 3);  // memory space, bus master
    put(dut.cfg_i, 2, 2, 2);   // PASID
    put(dut.cfg_i, 11, 1, 1);  // 8-bit tags
    dut.user_int_en_i = 1;
    dut.flush_i = chance(1500);
    dut.halt_i = halt_for_ > 0;
    if (halt_for_ > 0)
      --halt_for_;
    else if (chance(2000))
      halt_for_ = 20;
    if (!offered_) {
      dut.disp_valid_i = !chance(3);
      descriptor();
    }
    dut.rd_ready_i = !chance(3);
    dut.wr_ready_i = stall_ == 0 ? chance(8) : !chance(4);
    dut.irq_ready_i = chance(stall_ == 1 ? 16 : 2);
    dut.swerr_ready_i = chance(3);
    dut.done_ready_i = chance(stall_ == 2 ? 16 : 2);
    drive_completion();
  }

  void drive_completion() {
    dut.cpl_valid_i = 0;
    if (left_ == 0) {
      std::size_t i = 0;
      while (i < reads_.size() && reads_[i].due > cycle) ++i;
      if (i == reads_.size() || chance(4)) return;
      const Read read = reads_[i];
      reads_.erase(reads_.begin() + static_cast<std::ptrdiff_t>(i));
      if (chance(200)) return;  // lost: times out
      const bool error = chance(60);
      dut.cpl_i = 0;
      put(dut.cpl_i, 1, 7, (read.low_address + read.offset) & 0x7F);
      put(dut.cpl_i, 8, 12, error ? 4 : read.bytes);
      put(dut.cpl_i, 20, 10, error ? 0 : read.length);
      put(dut.cpl_i, 30, 1, !error && chance(60));  // poisoned
      put(dut.cpl_i, 31, 1, !error);
      put(dut.cpl_i, 32, 3, error ? 1 : 0);  // Unsupported Request
      put(dut.cpl_i, 35, 10, read.tag);
      left_ = error ? 1 : (read.length + 15) / 16;
      first_ = true;
    }
    dut.cpl_valid_i = 1;
    dut.cpl_sop_i = first_;
    dut.cpl_eop_i = left_ == 1;
    randomize(dut.cpl_data_i, 512);
    first_ = false;
    --left_;
  }

  void sample() {
    offered_ = dut.disp_valid_i && !dut.disp_ready_o;
    if (!dut.rd_valid_o || !dut.rd_ready_i) return;
    const unsigned first_be = static_cast<unsigned>(get(dut.rd_req_o, 40, 4));
    const unsigned last_be = static_cast<unsigned>(get(dut.rd_req_o, 36, 4));
    Read read{};
    read.tag = static_cast<unsigned>(get(dut.rd_req_o, 0, 10));
    read.length = static_cast<unsigned>(get(dut.rd_req_o, 44, 10));
    read.low_address = static_cast<unsigned>(get(dut.rd_req_o, 54, 7));
    while (read.offset < 3 && (first_be >> read.offset & 1) == 0) ++read.offset;
    const unsigned tail = read.length == 1 ? first_be : last_be;
    unsigned cut = 0;
    while (cut < 3 && (tail >> (3 - cut) & 1) == 0) ++cut;
    read.bytes = 4 * read.length - read.offset - cut;
    read.due = cycle + 5 + below(60);
    reads_.push_back(read);
  }

  std::vector<Read> reads_;
  unsigned left_ = 0, stall_ = 0, halt_for_ = 0;
  bool first_ = false, offered_ = false;
};
