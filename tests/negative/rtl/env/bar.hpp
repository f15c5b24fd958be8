// SPDX-License-Identifier: Apache-2.0
// Stimulus of siov_bar, 2 queues, 2 groups, 2 engines, 8 entries: episodes of configuration,
// enabling and commands over the register bus, with writes to locked fields, software errors,
// queues that fill and drain, changes of the PCI enables, and function-level resets.
#pragma once

#include <deque>

#include "harness.hpp"

struct Env : EnvBase {
  using EnvBase::EnvBase;
  struct Access {
    bool write;
    unsigned address;
    std::uint64_t data;
  };
  void write(unsigned address, std::uint64_t data) { script_.push_back({true, address, data}); }
  void command(unsigned code, unsigned operand) {
    write(0xA0, operand | code << 20 | (chance(2) ? 1U << 31 : 0U));
    if (chance(8)) return;  // the next one comes too early
    for (int i = 0; i < 12; ++i) script_.push_back({false, 0xA8, 0});  // let it end
  }

  /// One life of the device: Reset, configuration, Enable, commands.
  void episode() {
    command(5, 0);
    write(0x88, 3);
    for (unsigned wq = 0; wq < 2; ++wq) {
      write(0x800 + 64 * wq, 2U << below(3) | std::uint64_t{1} << 32);  // size 2, 4 or 8; threshold
      write(0x808 + 64 * wq,
            1 | std::uint64_t{1} << 4 | std::uint64_t{31} << 32);  // dedicated, priority 1
      write(0x810 + 64 * wq, std::uint64_t{0x10001} << 32 | wq);   // occupancy interrupt, limit 1
      write(0x820 + 64 * wq, chance(2) ? 0x9 : 0x3F);              // operations
    }
    write(0x600, 3);                         // both queues
    write(0x620, 3);                         // both engines
    write(0x80, chance(2) ? 0x2060 : 0x60);  // event log
    command(1, 0);
    command(6, 0);
    command(6, 1);
    for (unsigned i = 0; i < 12; ++i) {
      switch (below(8)) {
        case 0:
          command(6, below(2));
          break;
        case 1:
          command(7 + below(4), 1 + below(3));
          break;  // Disable, Drain, Abort, Reset WQ
        case 2:
          command(1 + below(5), 0);
          break;
        case 3:
          write(0x600 + 8 * below(8), below(4));
          break;  // locked or not
        case 4:
          write(chance(2) ? 0x98 : 0xC0, 0x1F);
          break;  // INTCAUSE, SWERROR
        case 5:
          write(0x818 + 64 * below(2), 0x10000);  // occupancy interrupt generated: again
          break;
        case 6:
          write(0x820 + 64 * below(2), bits64());  // operations, locked or not
          break;
        default:
          script_.push_back(
              {chance(2), chance(2) ? 0x2000 + 8 * below(4) : 0x4000 + 8 * below(4), 0});
      }
    }
  }

  void drive() {
    if (script_.empty()) episode();
    dut.flr_i = chance(option("flr", 2000));
    if (chance(1500)) dut.bme_i = !dut.bme_i;
    if (dut.flr_i || cycle < 8) dut.bme_i = 1;
    dut.pasid_en_i = 1;
    if (cycle < 8 || dut.flr_i) dut.ats_en_i = 1;
    if (chance(1500)) dut.ats_en_i = !dut.ats_en_i;
    dut.pri_en_i = dut.ats_en_i;
    dut.pri_alloc_ok_i = 1;
    if (forget_for_ > 0) --forget_for_;
    dut.forget_busy_i = forget_for_ > 0;
    dut.reg_valid_i = pending_ || !chance(4);
    dut.reg_write_i = script_.front().write;
    dut.reg_addr_i = script_.front().address;
    dut.reg_wdata_i = script_.front().data;
    dut.reg_be_i = 0xFF;
    dut.tbl_ack_i = ack_in_ == 1;
    if (ack_in_ > 0) --ack_in_;
    dut.dev_irq_ready_i = chance(4);
    if (!waiting_) {
      dut.swerr_valid_i = chance(30);
      put(dut.swerr_i, 0, 8, below(256));
    }
    dut.evl_cfg_ok_i = !chance(10);
    dut.evl_event_i = chance(100);
    for (unsigned wq = 0; wq < 2; ++wq) put(dut.wq_occ_i, 16 * wq, 16, below(4));
    dut.occ_irq_ready_i = chance(6);
    dut.olk_rsp_valid_i = asked_in_ == 1;
    dut.olk_ok_i = !chance(8);
    if (asked_in_ > 0) --asked_in_;
    if (drain_for_ > 0) --drain_for_;
    dut.drain_busy_i = drain_for_ > 0 ? 3 : 0;
  }

  void sample() {
    pending_ = dut.reg_valid_i && !dut.reg_ready_o;
    if (dut.reg_valid_i && dut.reg_ready_o) {
      script_.pop_front();
    }
    if (dut.tbl_valid_o) ack_in_ = 2;
    waiting_ = dut.swerr_valid_i && !dut.swerr_ready_o;
    if (dut.olk_valid_o && !dut.olk_rsp_valid_i && asked_in_ == 0) asked_in_ = 3;
    if (dut.xl_forget_o && dut.ats_en_i) forget_for_ = 2 + below(30);
    if (dut.drain_start_o) drain_for_ = 2 + below(20);
  }

  std::deque<Access> script_;
  bool pending_ = false, waiting_ = false;
  unsigned ack_in_ = 0, drain_for_ = 0, asked_in_ = 0, forget_for_ = 0;
};
