// SPDX-License-Identifier: Apache-2.0
// Stimulus of engine_link: configuration writes switch bus mastering on and set both size limits to
// 128 bytes, then copies and fills at unaligned addresses follow. Nobody answers the reads; they
// time out.
#pragma once

#include "harness.hpp"

struct Env : EnvBase {
  using EnvBase::EnvBase;

  /// Configuration write of one double word (PCIe-6.3 2.2.7: Fmt 010, Type 00100).
  void configure(unsigned offset, std::uint32_t data) {
    dut.dn_valid_i = 1;
    put(dut.dn_hdr_i, 0, 32, 0x44000001);
    put(dut.dn_hdr_i, 32, 32, 0x0000000F);
    put(dut.dn_hdr_i, 64, 32, 0x01000000 | offset);
    dut.dn_dw_i = data;
  }

  void drive() {
    dut.dn_valid_i = 0;
    if (cycle == 10) configure(0x48, 0x0910);  // Device Control: MPS 0, MRRS 0, 8-bit tags
    if (cycle == 30) configure(0x04, 0x0006);  // Command: memory space, bus master
    dut.up_ready_i = !chance(4);
    if (cycle < 50 || offered_) return;
    const bool fill = chance(2);
    for (unsigned i = 0; i < 597; ++i) put(dut.disp_i, i, 1, 0);
    put(dut.disp_i, 0, 33, 0x1'003F'03FF);  // operations
    put(dut.disp_i, 33, 1, 1);              // handle allowed
    put(dut.disp_i, 46, 5, 31);             // transfers of any size
    put(dut.disp_i, 74, 1, 1);              // dedicated
    put(dut.disp_i, 85 + 56, 8, fill ? 4 : 3);
    put(dut.disp_i, 85 + 128, 64, 0x10'0000 + below(4096));
    put(dut.disp_i, 85 + 192, 64, 0x20'0000 + below(4096));
    put(dut.disp_i, 85 + 256, 32, 1 + below(1500));
    dut.disp_valid_i = 1;
  }

  void sample() { offered_ = dut.disp_valid_i && !dut.disp_ready_o; }

  bool offered_ = false;
};
