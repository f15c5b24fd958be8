// SPDX-License-Identifier: Apache-2.0
// Stimulus of siov_irq, 2 engines, 3 MSI-X vectors, 256 IMS entries: table accesses one at a time,
// look-ups, requests of engines and of the device, enables that come and go. Option gap: least
// cycles between table accesses.
#pragma once

#include "harness.hpp"

struct Env : EnvBase {
  using EnvBase::EnvBase;

  void drive() {
    if (chance(40)) dut.bme_i = !chance(4);
    if (chance(40)) dut.msix_en_i = !chance(4);
    if (chance(40)) dut.msix_fmask_i = chance(4);
    dut.flr_i = chance(option("flr", 500));
    dut.dev_rst_i = chance(500);
    dut.msg_ready_i = chance(3);
    drive_table();
    // look-ups
    dut.lk_valid_i = chance(2);
    dut.lk_ims_i = chance(2);
    dut.lk_handle_i = below(4);
    dut.lk_pasid_en_i = chance(4);
    dut.lk_pasid_i = below(2);
    // requests
    dut.dev_irq_valid_i = dev_waits_ || chance(20);
    dut.dev_irq_cause_i = dut.dev_irq_valid_i || chance(2);
    for (unsigned e = 0; e < 2; ++e) {
      if (eng_waits_[e]) {
        if (chance(100)) put(dut.irq_valid_i, e, 1, 0);  // halt: the engine withdraws
        continue;
      }
      put(dut.irq_valid_i, e, 1, chance(5));
      put(dut.irq_ims_i, e, 1, below(2));
      put(dut.irq_handle_i, 16 * e, 16, below(4));
    }
  }

  void drive_table() {
    dut.tbl_valid_i = 0;
    if (busy_) return;
    if (gap_ > 0) {  // an idle bus carries anything
      --gap_;
      dut.tbl_addr_i = below(1 << 16);
      return;
    }
    if (chance(4)) return;
    static constexpr unsigned kBases[] = {0x400, 0x2000, 0x3000, 0x4000};
    const unsigned kind = below(4);
    dut.tbl_valid_i = 1;
    dut.tbl_write_i = !chance(4);
    dut.tbl_addr_i = kBases[kind] + 8 * below(8);
    dut.tbl_be_i = 0xFF;
    // Low word 0: masks, pending and ignore bits off; addresses inside the window of interrupt
    // messages.
    dut.tbl_wdata_i = kind == 0 || (dut.tbl_addr_i & 8) != 0 ? (chance(4) ? bits64() : 0)
                                                             : 0xFEE0'0000 + 4 * below(16);
    busy_ = true;
  }

  void sample() {
    if (dut.tbl_ack_o) {
      busy_ = false;
      gap_ = option("gap", 0);
    }
    dev_waits_ = dut.dev_irq_valid_i && !dut.dev_irq_ready_o;
    for (unsigned e = 0; e < 2; ++e) eng_waits_[e] = (dut.irq_valid_i & ~dut.irq_ready_o) >> e & 1;
  }

  bool busy_ = false, dev_waits_ = false;
  unsigned gap_ = 0;
  bool eng_waits_[2] = {};
};
