// SPDX-License-Identifier: Apache-2.0
// The stand-ins of bar_bench.hpp, cycle by cycle. Include bar_bench.hpp, not this:
//
//   Bench<Vbar_large> b;
#pragma once

namespace siov::test {

template <class Top>
void Bench<Top>::access(bool is_write, unsigned address, std::uint64_t data, unsigned enables) {
  dut.reg_valid_i = 1;
  dut.reg_write_i = is_write;
  dut.reg_addr_i = address;
  dut.reg_wdata_i = data;
  dut.reg_be_i = static_cast<CData>(enables);
  while (!dut.reg_ready_o) tick();
  tick();
  dut.reg_valid_i = 0;
}

/// Inputs of the coming clock edge.
template <class Top>
void Bench<Top>::neighbours() {
  dut.tbl_ack_i = table_wait_ == 1;
  const auto key =
      std::make_tuple(unsigned{dut.tbl_sel_o}, unsigned{dut.tbl_index_o}, unsigned{dut.tbl_word_o});
  dut.tbl_rdata_i = table[key];
  dut.dev_irq_ready_i = 1;
  dut.occ_irq_ready_i = take_messages;
  dut.olk_rsp_valid_i = ask_wait_ == 1;
  const Ask ask{dut.olk_ims_o != 0, dut.olk_handle_o, dut.olk_pasid_en_o != 0, dut.olk_pasid_o};
  dut.olk_ok_i = permitted(ask);
  dut.gr_ack_i = grant_wait_ == 1;
  const unsigned index = dut.gr_index_o | (dut.gr_ims_o ? 1u << 16 : 0u);
  dut.gr_ok_i =
      dut.gr_index_o < grant_limit && (!dut.gr_release_o || granted.contains(index)) ? 1 : 0;
  for (unsigned i = 0; i < 3; ++i) put(dut.evl_img_i, 64 * i, 64, log_words[i]);
  dut.forget_busy_i = forget_left_ > 0;
  for (unsigned lsb = 0; lsb < 8 * sizeof dut.drain_busy_i; ++lsb)
    put(dut.drain_busy_i, lsb, 1, drain_left_ > 0);
}

/// Outputs before the clock edge.
template <class Top>
void Bench<Top>::observe() {
  if (table_wait_ > 0) --table_wait_;
  if (dut.tbl_valid_o) {
    table_wait_ = 2;
    table_accesses.push_back(
        {dut.tbl_sel_o, dut.tbl_index_o, dut.tbl_word_o, dut.tbl_write_o != 0});
    if (dut.tbl_write_o) {
      std::uint64_t& word = table[{dut.tbl_sel_o, dut.tbl_index_o, dut.tbl_word_o}];
      for (unsigned b = 0; b < 8; ++b) {
        if ((dut.tbl_be_o >> b & 1) == 0) continue;
        const std::uint64_t mask = std::uint64_t{0xFF} << 8 * b;
        word = (word & ~mask) | (dut.tbl_wdata_o & mask);
      }
    }
  }
  if (dut.dev_irq_valid_o) ++messages;
  if (dut.occ_irq_valid_o && dut.occ_irq_ready_i)
    occupancy_asks.push_back({dut.occ_irq_ims_o != 0, dut.occ_irq_handle_o, false, 0});
  if (ask_wait_ > 0) {
    --ask_wait_;
  } else if (dut.olk_valid_o) {
    ask_wait_ = 3;
    permission_asks.push_back(
        {dut.olk_ims_o != 0, dut.olk_handle_o, dut.olk_pasid_en_o != 0, dut.olk_pasid_o});
  }
  if (grant_wait_ > 0) {
    --grant_wait_;
  } else if (dut.gr_valid_o) {
    grant_wait_ = 3;
  }
  if (dut.gr_ack_i && dut.gr_ok_i) {
    const unsigned index = dut.gr_index_o | (dut.gr_ims_o ? 1u << 16 : 0u);
    if (dut.gr_release_o)
      granted.erase(index);
    else
      granted.insert(index);
  }
  for (unsigned i = 0; i < 3; ++i) {
    if ((dut.evl_we_o >> i & 1) == 0) continue;
    log_words[i] = (log_words[i] & ~dut.evl_mask_o) | (dut.evl_wdata_o & dut.evl_mask_o);
  }
  if (dut.evl_start_o) ++log_starts;
  if (forget_left_ > 0) --forget_left_;
  if (dut.xl_forget_o) {
    ++forgets;
    forget_left_ = forget_cycles;
  }
  if (drain_left_ > 0) --drain_left_;
  if (dut.drain_start_o) {
    drain_left_ = drain_cycles + 2;
    std::set<unsigned>& queues = drains.emplace_back();
    for (unsigned wq = 0; wq < 8 * sizeof dut.drain_mask_o; ++wq)
      if (get(dut.drain_mask_o, wq, 1) != 0) queues.insert(wq);
  }
}

}  // namespace siov::test
