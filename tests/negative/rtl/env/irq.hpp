// SPDX-License-Identifier: Apache-2.0
// Stimulus of siov_irq, 2 engines, 3 MSI-X vectors, 256 IMS entries: table accesses one at a time,
// look-ups of all askers, grants, requests of engines, of occupancy and of the device, enables that
// come and go. Option gap: least cycles between table accesses.
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
    drive_look_ups();
    // requests
    dut.dev_irq_valid_i = dev_waits_ || chance(20);
    dut.dev_irq_cause_i = dut.dev_irq_valid_i || chance(2);
    for (unsigned e = 0; e < 3; ++e) {
      if (eng_waits_[e]) {
        if (chance(100)) put(dut.irq_valid_i, e, 1, 0);  // halt: the engine withdraws
        continue;
      }
      put(dut.irq_valid_i, e, 1, chance(5));
      put(dut.irq_ims_i, e, 1, below(2));
      put(dut.irq_handle_i, 16 * e, 16, below(4));
    }
  }

  void drive_look_ups() {
    for (unsigned e = 0; e < 2; ++e) {
      if (blk_taken_[e]) put(dut.blk_valid_i, e, 1, 0);
      blk_taken_[e] = false;
    }
    if (gr_ends_) dut.gr_valid_i = 0;
    dut.lk_valid_i = chance(2);
    dut.lk_ims_i = chance(2);
    dut.lk_handle_i = below(4);
    dut.lk_pasid_en_i = chance(4);
    dut.lk_pasid_i = below(2);
    for (unsigned e = 0; e < 2; ++e) {
      if (get(dut.blk_valid_i, e, 1) != 0) continue;
      put(dut.blk_valid_i, e, 1, !blk_waits_[e] && chance(3));
      put(dut.blk_ims_i, e, 1, below(2));
      put(dut.blk_handle_i, 16 * e, 16, below(4));
      put(dut.blk_pasid_en_i, e, 1, chance(4));
      put(dut.blk_pasid_i, 20 * e, 20, below(2));
    }
    dut.olk_valid_i = chance(8);
    dut.olk_ims_i = below(2);
    dut.olk_handle_i = below(4);
    if (dut.gr_valid_i == 0) {
      dut.gr_valid_i = chance(4);
      dut.gr_release_i = chance(4);
      dut.gr_ims_i = below(2);
      dut.gr_index_i = below(5);
    }
  }

  void drive_table() {
    dut.tbl_valid_i = 0;
    if (busy_) return;
    if (gap_ > 0) {  // an idle bus carries anything
      --gap_;
      dut.tbl_index_i = below(1 << 12);
      return;
    }
    if (chance(4)) return;
    dut.tbl_valid_i = 1;
    dut.tbl_write_i = !chance(4);
    dut.tbl_sel_i = below(4);
    dut.tbl_index_i = below(4);
    dut.tbl_word_i = below(2);
    dut.tbl_be_i = 0xFF;
    // Low word 0: masks, pending and ignore bits off; addresses inside the window of interrupt
    // messages.
    dut.tbl_wdata_i = dut.tbl_sel_i == 0 || dut.tbl_word_i != 0 ? (chance(4) ? bits64() : 0)
                                                                : 0xFEE0'0000 + 4 * below(16);
    busy_ = true;
  }

  void sample() {
    if (dut.tbl_ack_o) {
      busy_ = false;
      gap_ = option("gap", 0);
    }
    for (unsigned e = 0; e < 2; ++e) {
      if ((dut.blk_valid_i & dut.blk_ready_o) >> e & 1) {
        blk_taken_[e] = blk_waits_[e] = true;
      }
      if (dut.blk_rsp_valid_o >> e & 1) blk_waits_[e] = false;
    }
    gr_ends_ = dut.gr_ack_o;
    dev_waits_ = dut.dev_irq_valid_i && !dut.dev_irq_ready_o;
    for (unsigned e = 0; e < 3; ++e) eng_waits_[e] = (dut.irq_valid_i & ~dut.irq_ready_o) >> e & 1;
  }

  bool busy_ = false, dev_waits_ = false;
  unsigned gap_ = 0;
  bool eng_waits_[3] = {}, blk_waits_[2] = {}, blk_taken_[2] = {}, gr_ends_ = false;
};
