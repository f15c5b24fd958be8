// SPDX-License-Identifier: Apache-2.0
// VerilatedDevice<Model>: the pin-level loop shared by the RTL and the netlist, whose Verilated
// classes differ only in name. Private to tb/dut.
#pragma once

#include <verilated.h>
#include <verilated_fst_c.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "common/error.hpp"
#include "dut/assertion_hook.hpp"
#include "dut/rtl_device.hpp"

namespace siov::dut {

template <class Model, bool kTraced>
class VerilatedDevice final : public TracedDevice {
 public:
  explicit VerilatedDevice(const DeviceOptions& options) : period_(options.period_ps) {
    context_.threads(1);
    context_.fatalOnError(false);
    if constexpr (kTraced) context_.traceEverOn(true);
    Verilated::threadContextp(&context_);
    model_ = std::make_unique<Model>(&context_, "siov_device");
    drive(Inputs{});
    model_->clk_i = 0;
    model_->rst_ni = 0;
    model_->eval();
  }
  ~VerilatedDevice() override {
    stop_trace();
    // The model takes its scopes off the thread's context, which may by now be that of another
    // device.
    Verilated::threadContextp(&context_);
    model_->final();
  }

  void reset() override {
    model_->rst_ni = 0;
    Outputs ignored;
    for (int i = 0; i < 4; ++i) cycle(Inputs{}, ignored);
    model_->rst_ni = 1;
  }

  std::uint32_t beat_bytes() const override { return 4 * kWords; }

  void cycle(const Inputs& in, Outputs& out) override {
    drive(in);
    // All outputs are registered: what stands on the pins now is what moves at the coming edge.
    out.up.valid = model_->up_valid_o;
    if (out.up.valid) {
      out.up.sop = model_->up_sop_o;
      out.up.eop = model_->up_eop_o;
      out.up.prefix_valid = model_->up_prefix_valid_o;
      out.up.prefix = model_->up_prefix_o;
      for (int i = 0; i < 4; ++i) out.up.header[i] = model_->up_hdr_o[i];
      for (int i = 0; i < kWords; ++i) data_[i] = model_->up_data_o[i];
      out.up.data = data_.data();
    }
    out.down_credits.posted_header = model_->dn_cl_ph_o;
    out.down_credits.posted_data = model_->dn_cl_pd_o;
    out.down_credits.nonposted_header = model_->dn_cl_nph_o;
    out.down_credits.nonposted_data = model_->dn_cl_npd_o;
    AssertionScope scope(failure_, cycles_ * period_);
    model_->clk_i = 1;
    model_->eval();
    dump(0);
    model_->clk_i = 0;
    model_->eval();
    dump(period_ / 2);
    ++cycles_;
  }

  void start_trace(const std::string& path) override {
    if constexpr (kTraced) {
      stop_trace();
      trace_ = std::make_unique<VerilatedFstC>();
      model_->trace(trace_.get(), 99);
      trace_->open(path.c_str());
      if (!trace_->isOpen()) throw HarnessError("cannot write waves to " + path);
    } else {
      throw HarnessError("this device has no wave tracing; use --device rtl for " + path);
    }
  }
  void stop_trace() override {
    if (trace_) trace_->close();
    trace_.reset();
  }
  std::uint64_t cycles() const override { return cycles_; }
  const std::string& assertion_failure() const override { return failure_; }

 private:
  /// Width of the link in this model [words].
  static constexpr int kWords = sizeof(std::declval<Model&>().up_data_o) / 4;

  void drive(const Inputs& in) {
    model_->dn_valid_i = in.down.valid;
    if (in.down.valid) {
      model_->dn_sop_i = in.down.sop;
      model_->dn_eop_i = in.down.eop;
      model_->dn_prefix_valid_i = in.down.prefix_valid;
      model_->dn_prefix_i = in.down.prefix;
      for (int i = 0; i < 4; ++i) model_->dn_hdr_i[i] = in.down.header[i];
      if (in.down.data != nullptr)
        for (int i = 0; i < kWords; ++i) model_->dn_data_i[i] = in.down.data[i];
    }
    model_->up_ready_i = in.up_ready;
    model_->up_cl_ph_i = in.up_credits.posted_header;
    model_->up_cl_pd_i = in.up_credits.posted_data & 0xFFF;
    model_->up_cl_nph_i = in.up_credits.nonposted_header;
    model_->up_cl_npd_i = in.up_credits.nonposted_data & 0xFFF;
    model_->up_cl_cplh_i = in.up_credits.completion_header;
    model_->up_cl_cpld_i = in.up_credits.completion_data & 0xFFF;
  }
  void dump(std::uint64_t offset) {
    if constexpr (kTraced)
      if (trace_) trace_->dump(cycles_ * period_ + offset);
  }

  VerilatedContext context_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<VerilatedFstC> trace_;
  std::uint64_t period_;
  std::uint64_t cycles_ = 0;
  std::array<std::uint32_t, 16> data_{};
  std::string failure_;
};

}  // namespace siov::dut
