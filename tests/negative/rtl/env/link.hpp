// SPDX-License-Identifier: Apache-2.0
// Stimulus of siov_link, 2 engines, 2 queues: a host that keeps to its credits and sends
// configuration accesses, register and portal accesses, messages of translation and addresses that nobody
// claims; sources that hold what they offer while bus mastering is on. Options wr, rd, msg (0 or 1): which
// sources send.
#pragma once

#include <deque>

#include "harness.hpp"

struct Env : EnvBase {
  using EnvBase::EnvBase;
  static constexpr unsigned kRequestWidth = 120;
  static constexpr std::uint32_t kBar0 = 0x1000'0000, kBar2 = 0x2000'0000;

  // ---------------------------------------------------------------- host
  struct Header {
    std::uint32_t dw[3];
    std::uint32_t data;
    bool posted;
    unsigned units;  // data credits
  };

  static Header config(unsigned offset, std::uint32_t data) {
    return {{0x44000001, 0x0000'000F, 0x01000000 | offset}, data, false, 1};
  }

  Header request() {
    const unsigned tag = (tag_++ & 0xFF) << 8;
    switch (below(21)) {
      case 0:
        return config(0x04, chance(8) ? 2 : 6);  // Command
      case 1:
        return config(0x10, kBar0);
      case 2:
        return config(0x18, kBar2);
      case 3:
        return config(0x80, below(4) << 30);  // MSI-X control
      case 4:
        return config(0x104, ~0U);  // AER: clear the status
      case 5:
        return config(0x48, chance(16) ? 0xA910 : 0x2910);  // Device Control, FLR
      case 6:
        return {{0x04000001, tag | 0xF, 0x01000000 | 4 * below(64)}, 0, false, 0};  // read
      case 7:
      case 8:
        return {{0x00000001, tag | 0xF, kBar0 + 8 * below(64)}, 0, false, 0};
      case 9:
        return {{0x5B000010, tag | 0xFF, kBar2 + 64 * below(512)}, 0, false, 4};  // DMWr
      case 10:
        return {{0x00000001, tag | 0xF, 0x7000'0000}, 0, false, 0};  // unclaimed
      case 11:
        return {{0x40000001, tag | 0xF, 0x7000'0000}, 0, true, 1};
      case 12:
        return {{0x40000010, tag | 0xFF, kBar2 + 64 * below(512)}, 0, true, 4};
      case 13:
        return config(0x234, chance(4) ? 0 : 1U << 16);  // PASID control
      case 14:
        return config(0x224, chance(4) ? 0 : 1U << 31);  // ATS control
      case 15:
        return config(0x244, chance(4) ? 0 : 1);  // PRI control
      case 16:
      case 17:
        return {{0x72000002, 0x00100001 | below(32) << 8, 0x01000000}, random(), true, 1};
      default:
        return {{0x40000001, tag | 0xF, kBar0 + 8 * below(64)}, random(), true, 1};
    }
  }

  static bool covers(unsigned limit, unsigned used, unsigned need, unsigned bits) {
    const unsigned left = (limit - used) & ((1U << bits) - 1);
    return left >= need && left < 1U << (bits - 1);
  }

  void drive_host() {
    dut.dn_valid_i = 0;
    if (!have_next_) next_ = request(), have_next_ = true;
    if (cycle < 6 || (!busy_phase_ && chance(3))) return;
    unsigned* used = used_[next_.posted ? 0 : 1];
    const bool room = next_.posted ? covers(dut.dn_cl_ph_o, used[0], 1, 8) &&
                                         covers(dut.dn_cl_pd_o, used[1], next_.units, 12)
                                   : covers(dut.dn_cl_nph_o, used[0], 1, 8) &&
                                         covers(dut.dn_cl_npd_o, used[1], next_.units, 12);
    if (!room) {
      if (chance(8)) have_next_ = false;  // another class may go on
      return;
    }
    ++used[0];
    used[1] += next_.units;
    dut.dn_valid_i = dut.dn_sop_i = dut.dn_eop_i = 1;
    dut.dn_prefix_valid_i = 0;
    for (unsigned i = 0; i < 3; ++i) put(dut.dn_hdr_i, 32 * i, 32, next_.dw[i]);
    put(dut.dn_hdr_i, 96, 32, 0);
    randomize(dut.dn_data_i, 512);
    put(dut.dn_data_i, 0, 32, next_.data);
    have_next_ = false;
  }

  // ---------------------------------------------------------------- registers and portals
  void drive_targets() {
    dut.reg_ready_i = busy_phase_ ? chance(40) : !chance(3);
    dut.reg_rvalid_i = answer_in_ == 1;
    if (answer_in_ > 0) --answer_in_;
    dut.reg_rdata_i = bits64();
    dut.portal_rsp_valid_i = portal_asked_;
    dut.portal_rsp_accept_i = below(2);
  }

  // ---------------------------------------------------------------- sources
  struct Stream {
    unsigned length = 0;  // DW of the TLP on offer, 0 for none
    unsigned beat = 0;
  };

  void request_fields(std::size_t at, unsigned length, bool write) {
    auto set = [&](unsigned lsb, unsigned width, std::uint64_t value) {
      const unsigned bit = static_cast<unsigned>(at) * kRequestWidth + lsb;
      if (write)
        put(dut.wr_req_i, bit, width, value);
      else
        put(dut.rd_req_i, bit, width, value);
    };
    set(0, 2, chance(3) ? 2 : 0);  // translated
    set(2, 31, random());
    set(33, 1, chance(4));  // PASID
    set(34, 12, 0);
    set(38, 8, length == 1 ? 0x0F : 0xFF);
    set(46, 10, length);
    set(56, 64, 0x4000'0000 + 128 * std::uint64_t{below(1000)});
  }

  void drive_translation() {
    const bool master = get(dut.cfg_o, 16, 1) != 0, ats = get(dut.cfg_o, 1, 1) != 0;
    if (ask_ && (!master || !ats) && chance(4)) ask_ = false;
    if (!ask_ && option("rd", 1) != 0 && chance(4)) {
      ask_ = true;
      put(dut.xr_req_i, 0, 2, 1);
      put(dut.xr_req_i, 2, 31, random());
      put(dut.xr_req_i, 33, 1, chance(2));
      put(dut.xr_req_i, 34, 12, 0xFF << 4);
      put(dut.xr_req_i, 46, 10, 2);
      put(dut.xr_req_i, 56, 64, 0x1000 * std::uint64_t{random()} + below(2));
    }
    dut.xr_valid_i = ask_;
    const bool page_request = get(dut.pm_i, 86, 1) != 0, pri = get(dut.cfg_o, 0, 1) != 0;
    if (tell_ && page_request && !pri && chance(4)) tell_ = false;
    if (!tell_ && option("msg", 1) != 0 && chance(4)) {
      tell_ = true;
      put(dut.pm_i, 0, 32, random());
      put(dut.pm_i, 32, 32, random());
      put(dut.pm_i, 64, 23, random());
    }
    dut.pm_valid_i = tell_;
  }

  void drive_sources() {
    const bool master = get(dut.cfg_o, 16, 1) != 0;
    for (unsigned e = 0; e < 2; ++e) {
      Stream& write = writes_[e];
      if (write.length != 0 && write.beat == 0 && !master && chance(4)) write.length = 0;
      if (write.length == 0 && option("wr", 1) != 0 && !chance(3)) {
        write = {1 + below(32), 0};
        request_fields(e, write.length, true);
      }
      put(dut.wr_valid_i, e, 1, write.length != 0);
      put(dut.wr_sop_i, e, 1, write.beat == 0);
      put(dut.wr_eop_i, e, 1, 16 * (write.beat + 1) >= write.length);
      if (reads_[e] && !master && chance(4)) reads_[e] = false;
      if (!reads_[e] && option("rd", 1) != 0 && !chance(3)) {
        reads_[e] = true;
        request_fields(e, 1 + below(32), false);
      }
      put(dut.rd_valid_i, e, 1, reads_[e]);
    }
    if (message_ && !master && chance(4)) message_ = false;
    if (!message_ && option("msg", 1) != 0 && chance(4)) {
      message_ = true;
      dut.msg_addr_i = 0xFEE0'0000 + 4 * below(16);
      dut.msg_data_i = random();
    }
    dut.msg_valid_i = message_;
  }

  // ---------------------------------------------------------------- upstream credits
  void drive_credits() {
    dut.up_ready_i = !chance(4);
    dut.up_cl_ph_i = sent_[0] + 4;
    dut.up_cl_pd_i = (sent_units_ + 40) & 0xFFF;
    dut.up_cl_nph_i = sent_[1] + 4;
    dut.up_cl_cplh_i = sent_[2] + 4;
    dut.up_cl_cpld_i = (sent_[2] + 8) & 0xFFF;
  }

  void drive() {
    if (cycle % 256 == 0) busy_phase_ = chance(2);
    drive_host();
    drive_targets();
    drive_sources();
    drive_translation();
    drive_credits();
    dut.timeout_i = chance(300);
    dut.stray_i = chance(300);
  }

  void sample() {
    if (dut.reg_valid_o && dut.reg_ready_i && !dut.reg_write_o)
      answer_in_ = 1 + below(busy_phase_ ? 30 : 4);
    portal_asked_ = dut.portal_valid_o && get(dut.portal_o, 11, 1) != 0;
    for (unsigned e = 0; e < 2; ++e) {
      if ((dut.wr_valid_i & dut.wr_ready_o) >> e & 1) {
        Stream& write = writes_[e];
        if (16 * ++write.beat >= write.length) write = {};
      }
      if ((dut.rd_valid_i & dut.rd_ready_o) >> e & 1) reads_[e] = false;
    }
    if (dut.msg_valid_i && dut.msg_ready_o) message_ = false;
    if (dut.xr_valid_i && dut.xr_ready_o) ask_ = false;
    if (dut.pm_valid_i && dut.pm_ready_o) tell_ = false;
    if (dut.up_valid_o && dut.up_ready_i && dut.up_sop_o) {
      const bool memory = get(dut.up_hdr_o, 24, 5) == 0;
      const bool data = get(dut.up_hdr_o, 30, 1) != 0;
      const bool message = get(dut.up_hdr_o, 27, 2) == 2;
      ++sent_[message ? 0 : memory ? (data ? 0 : 1) : 2];
      if (memory && data) sent_units_ += static_cast<unsigned>(get(dut.up_hdr_o, 0, 10) + 3) / 4;
    }
  }

  Header next_{};
  bool have_next_ = false, busy_phase_ = false, portal_asked_ = false, message_ = false, ask_ = false,
       tell_ = false;
  unsigned used_[2][2] = {}, sent_[3] = {}, sent_units_ = 0, tag_ = 0, answer_in_ = 0;
  Stream writes_[2];
  bool reads_[2] = {};
};
