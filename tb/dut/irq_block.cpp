// SPDX-License-Identifier: Apache-2.0
// Pins of the Verilated interrupt blocks.
#include "dut/irq_block.hpp"

#include <verilated.h>

#include <type_traits>

#include "Vsiov_irq_default.h"
#include "Vsiov_irq_large.h"
#include "Vsiov_irq_small.h"
#include "dut/assertion_hook.hpp"

namespace siov::dut {
namespace {

/// Writes bits lsb..lsb+width-1 of a port whose type depends on the number of engines.
template <class Port>
void put(Port& port, unsigned lsb, unsigned width, std::uint32_t value) {
  for (unsigned i = 0; i < width; ++i) {
    const std::uint64_t bit = value >> i & 1;
    if constexpr (std::is_integral_v<Port>) {
      const auto mask = static_cast<Port>(Port{1} << (lsb + i));
      port = static_cast<Port>(bit != 0 ? port | mask : port & ~mask);
    } else {
      EData& word = port[(lsb + i) / 32];
      const EData mask = EData{1} << ((lsb + i) % 32);
      word = bit != 0 ? word | mask : word & ~mask;
    }
  }
}

template <class Model>
class Block final : public IrqBlock {
 public:
  Block(unsigned engines_in, unsigned ims, unsigned msix, bool grants) {
    engines = engines_in;
    ims_entries = ims;
    msix_vectors = msix;
    cmd_cap = grants;
  }
  ~Block() override { model_.final(); }

  const IrqOut& settle(const IrqIn& in) override {
    const AssertionScope scope(assertion_, cycle_ * 2000);
    drive_control(in);
    drive_streams(in);
    model_.clk_i = 0;
    model_.eval();
    sample();
    return out_;
  }
  void edge() override {
    const AssertionScope scope(assertion_, cycle_ * 2000);
    model_.clk_i = 1;
    model_.eval();
    ++cycle_;
  }
  const std::string& assertion() const override { return assertion_; }

 private:
  void drive_control(const IrqIn& in) {
    model_.rst_ni = !in.reset;
    model_.flr_i = in.flr;
    model_.dev_rst_i = in.dev_rst;
    model_.bme_i = in.bme;
    model_.msix_en_i = in.msix_en;
    model_.msix_fmask_i = in.msix_fmask;
    model_.dev_irq_valid_i = in.dev_irq_valid;
    model_.dev_irq_cause_i = in.dev_irq_cause;
    model_.msg_ready_i = in.msg_ready;
    model_.tbl_valid_i = in.tbl.valid;
    model_.tbl_write_i = in.tbl.write;
    model_.tbl_sel_i = in.tbl.sel;
    model_.tbl_index_i = in.tbl.index;
    model_.tbl_word_i = in.tbl.word;
    model_.tbl_wdata_i = in.tbl.wdata;
    model_.tbl_be_i = in.tbl.be;
    model_.gr_valid_i = in.gr.valid;
    model_.gr_release_i = in.gr.release;
    model_.gr_ims_i = in.gr.ims;
    model_.gr_index_i = in.gr.index;
  }
  void drive_streams(const IrqIn& in) {
    model_.lk_valid_i = in.lk.valid;
    model_.lk_ims_i = in.lk.ims;
    model_.lk_handle_i = in.lk.handle;
    model_.lk_pasid_en_i = in.lk.pasid_en;
    model_.lk_pasid_i = in.lk.pasid;
    model_.olk_valid_i = in.olk.valid;
    model_.olk_ims_i = in.olk.ims;
    model_.olk_handle_i = in.olk.handle;
    model_.olk_pasid_en_i = in.olk.pasid_en;
    model_.olk_pasid_i = in.olk.pasid;
    for (unsigned e = 0; e < engines; ++e) {
      const IrqAsk& ask = in.blk[e];
      put(model_.blk_valid_i, e, 1, ask.valid);
      put(model_.blk_ims_i, e, 1, ask.ims);
      put(model_.blk_handle_i, 16 * e, 16, ask.handle);
      put(model_.blk_pasid_en_i, e, 1, ask.pasid_en);
      put(model_.blk_pasid_i, 20 * e, 20, ask.pasid);
    }
    for (unsigned e = 0; e <= engines; ++e) {
      put(model_.irq_valid_i, e, 1, in.irq[e].valid);
      put(model_.irq_ims_i, e, 1, in.irq[e].ims);
      put(model_.irq_handle_i, 16 * e, 16, in.irq[e].handle);
    }
  }
  void sample() {
    out_.tbl_ack = model_.tbl_ack_o;
    out_.tbl_rdata = model_.tbl_rdata_o;
    out_.dev_irq_ready = model_.dev_irq_ready_o;
    out_.lk_ok = model_.lk_ok_o;
    out_.olk_rsp = model_.olk_rsp_valid_o;
    out_.olk_ok = model_.olk_ok_o;
    out_.gr_ack = model_.gr_ack_o;
    out_.gr_ok = model_.gr_ok_o;
    out_.msg_valid = model_.msg_valid_o;
    out_.msg_addr = model_.msg_addr_o;
    out_.msg_data = model_.msg_data_o;
    out_.blk_ready = model_.blk_ready_o;
    out_.blk_rsp = model_.blk_rsp_valid_o;
    out_.blk_ok = model_.blk_ok_o;
    out_.irq_ready = model_.irq_ready_o;
  }

  VerilatedContext context_;
  Model model_{&context_, "TOP"};
  IrqOut out_;
  std::string assertion_;
  std::uint64_t cycle_ = 0;
};

}  // namespace

std::unique_ptr<IrqBlock> make_irq_block(IrqSize size) {
  switch (size) {
    case IrqSize::kSmall:
      return std::make_unique<Block<Vsiov_irq_small>>(1, 0, 5, false);
    case IrqSize::kLarge:
      return std::make_unique<Block<Vsiov_irq_large>>(4, 4096, 2048, true);
    default:
      return std::make_unique<Block<Vsiov_irq_default>>(4, 256, 9, false);
  }
}

}  // namespace siov::dut
