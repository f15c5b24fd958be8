// SPDX-License-Identifier: Apache-2.0
// The device's whole PCIe side: receiver, dispatcher, configuration space and transmitter, wired as
// docs/architecture.md 1 says.
//
// Only wires. Ports are those of architecture.md 1.1 to 1.4, 1.7 (completions) and 1.8. @spec
// docs/architecture.md 1

`include "siov_assert.svh"

module siov_link #(
  /// Engines, each with a posted stream and a read port.
  parameter int unsigned NumEngines = 4,
  /// Posted streams: those of the engines, then others (event log).
  parameter int unsigned NumWr = NumEngines,
  /// Work queues: BAR2 has 16 KiB each, rounded up to a power of two.
  parameter int unsigned NumWq = 8,
  /// MSI-X vectors.
  parameter int unsigned NumVectors = 9,
  /// Interrupt message storage exists.
  parameter bit ImsSupported = 1'b1,
  /// BAR0 has 256 KiB and the layout of large devices, else 64 KiB.
  parameter bit WideBar0 = 1'b0,
  /// The device sends and answers 10-bit tags.
  parameter bit LongTags = 1'b0,
  /// ATS and PRI exist.
  parameter bit Ats = 1'b1
) (
  input  logic clk_i,
  input  logic rst_ni,

  // link, host to device
  input  logic dn_valid_i,
  input  logic dn_sop_i,
  input  logic dn_eop_i,
  input  logic [127:0] dn_hdr_i,
  input  logic dn_prefix_valid_i,
  input  logic [31:0] dn_prefix_i,
  input  logic [511:0] dn_data_i,
  output logic [7:0] dn_cl_ph_o,
  output logic [11:0] dn_cl_pd_o,
  output logic [7:0] dn_cl_nph_o,
  output logic [11:0] dn_cl_npd_o,

  /// The device is halted: sources withdraw what they offer.
  input  logic halt_i,

  // link, device to host
  output logic up_valid_o,
  input  logic up_ready_i,
  output logic up_sop_o,
  output logic up_eop_o,
  output logic [127:0] up_hdr_o,
  output logic up_prefix_valid_o,
  output logic [31:0] up_prefix_o,
  output logic [511:0] up_data_o,
  input  logic [7:0] up_cl_ph_i,
  input  logic [11:0] up_cl_pd_i,
  input  logic [7:0] up_cl_nph_i,
  input  logic [11:0] up_cl_npd_i,
  input  logic [7:0] up_cl_cplh_i,
  input  logic [11:0] up_cl_cpld_i,

  // configuration
  output siov_pkg::cfg_t cfg_o,
  /// One cycle: function-level reset of everything outside this block.
  output logic flr_o,
  /// A read of ours is unanswered (Device Status).
  input  logic pending_i,
  /// One cycle each: a read of ours timed out; a completion came for a tag that is not in use.
  input  logic timeout_i,
  input  logic stray_i,

  // register bus
  output logic reg_valid_o,
  input  logic reg_ready_i,
  output logic reg_write_o,
  output logic [17:0] reg_addr_o,
  output logic [63:0] reg_wdata_o,
  output logic [7:0] reg_be_o,
  input  logic reg_rvalid_i,
  input  logic [63:0] reg_rdata_i,

  // portals
  output logic portal_valid_o,
  output siov_pkg::portal_t portal_o,
  output logic [511:0] portal_data_o,
  input  logic portal_rsp_valid_i,
  input  logic portal_rsp_accept_i,

  // completions for the engines, broadcast
  output logic cpl_valid_o,
  output logic cpl_sop_o,
  output logic cpl_eop_o,
  output siov_pkg::cpl_in_t cpl_o,
  output logic [511:0] cpl_data_o,

  // posted writes, reads of the engines
  input  logic [NumWr-1:0] wr_valid_i,
  output logic [NumWr-1:0] wr_ready_o,
  input  logic [NumWr-1:0] wr_sop_i,
  input  logic [NumWr-1:0] wr_eop_i,
  input  logic [NumWr*siov_pkg::TxReqW-1:0] wr_req_i,
  input  logic [NumWr*512-1:0] wr_data_i,
  input  logic [NumEngines-1:0] rd_valid_i,
  output logic [NumEngines-1:0] rd_ready_o,
  input  logic [NumEngines*siov_pkg::TxReqW-1:0] rd_req_i,

  // translation: requests, messages up and down (architecture.md 1.8)
  input  logic xr_valid_i,
  output logic xr_ready_o,
  input  siov_pkg::tx_req_t xr_req_i,
  input  logic pm_valid_i,
  output logic pm_ready_o,
  input  siov_pkg::pm_out_t pm_i,
  output logic vm_valid_o,
  output siov_pkg::vm_in_t vm_o,
  // page request interface (siov_cfg)
  output logic [31:0] pri_alloc_o,
  output logic pri_alloc_ok_o,
  output logic pri_reset_o,
  output logic [4:0] stu_o,
  input  logic pri_stopped_i,
  input  logic pri_failure_i,
  input  logic pri_unexpected_i,

  // interrupt message
  input  logic msg_valid_i,
  output logic msg_ready_o,
  input  logic [63:0] msg_addr_i,
  input  logic [31:0] msg_data_i
);

  localparam int unsigned Bar0Bits = WideBar0 ? 18 : 16;
  localparam int unsigned Bar2Bits = 14 + $clog2(NumWq);
  localparam bit [31:0] MsixTable = WideBar0 ? 32'h0002_0000 : 32'h0000_2000;
  localparam bit [31:0] MsixPba = WideBar0 ? 32'h0002_8000 : 32'h0000_3000;

  siov_pkg::cfg_t cfg;
  logic [63:0] bar0, bar2;
  logic hold;

  logic p_valid, p_ready, p_malformed, p_prefix_valid;
  logic np_valid, np_ready, np_malformed, np_prefix_valid;
  logic [127:0] p_hdr, np_hdr, cpl_err_hdr;
  logic [31:0] p_prefix, np_prefix;
  logic [511:0] p_data, np_data;
  logic p_err_ur, p_err_ca, p_err_poisoned, p_err_malformed;
  logic np_err_ur, np_err_ca, np_err_poisoned, np_err_malformed;
  logic cpl_err_unexpected, cpl_err_poisoned, cpl_err_malformed, cpl_got_ur, cpl_got_ca;

  logic cs_valid, cs_write;
  logic [9:0] cs_dw;
  logic [3:0] cs_be;
  logic [31:0] cs_wdata, cs_rdata;
  logic [12:0] cs_bus_dev;

  logic cplo_valid, cplo_ready, cpl_sent;
  siov_pkg::cpl_out_t cplo;

  assign cfg_o = cfg;

  siov_rx u_rx (
    .clk_i(clk_i), .rst_ni(rst_ni), .cfg_i(cfg),
    .dn_valid_i(dn_valid_i), .dn_sop_i(dn_sop_i), .dn_eop_i(dn_eop_i), .dn_hdr_i(dn_hdr_i),
    .dn_prefix_valid_i(dn_prefix_valid_i), .dn_prefix_i(dn_prefix_i), .dn_data_i(dn_data_i),
    .dn_cl_ph_o(dn_cl_ph_o), .dn_cl_pd_o(dn_cl_pd_o), .dn_cl_nph_o(dn_cl_nph_o),
    .dn_cl_npd_o(dn_cl_npd_o),
    .cpl_valid_o(cpl_valid_o), .cpl_sop_o(cpl_sop_o), .cpl_eop_o(cpl_eop_o), .cpl_o(cpl_o),
    .cpl_data_o(cpl_data_o),
    .p_valid_o(p_valid), .p_ready_i(p_ready), .p_malformed_o(p_malformed), .p_hdr_o(p_hdr),
    .p_prefix_valid_o(p_prefix_valid), .p_prefix_o(p_prefix), .p_data_o(p_data),
    .np_valid_o(np_valid), .np_ready_i(np_ready), .np_malformed_o(np_malformed), .np_hdr_o(np_hdr),
    .np_prefix_valid_o(np_prefix_valid), .np_prefix_o(np_prefix), .np_data_o(np_data),
    .cpl_err_unexpected_o(cpl_err_unexpected), .cpl_err_poisoned_o(cpl_err_poisoned),
    .cpl_err_malformed_o(cpl_err_malformed), .cpl_got_ur_o(cpl_got_ur), .cpl_got_ca_o(cpl_got_ca),
    .cpl_err_hdr_o(cpl_err_hdr)
  );

  siov_dispatch #(.Bar0Bits(Bar0Bits), .Bar2Bits(Bar2Bits), .Ats(Ats)) u_dispatch (
    .clk_i(clk_i), .rst_ni(rst_ni), .cfg_i(cfg), .bar0_i(bar0), .bar2_i(bar2), .hold_i(hold),
    .p_valid_i(p_valid), .p_ready_o(p_ready), .p_malformed_i(p_malformed), .p_hdr_i(p_hdr),
    .p_prefix_valid_i(p_prefix_valid), .p_prefix_i(p_prefix), .p_data_i(p_data),
    .np_valid_i(np_valid), .np_ready_o(np_ready), .np_malformed_i(np_malformed), .np_hdr_i(np_hdr),
    .np_prefix_valid_i(np_prefix_valid), .np_prefix_i(np_prefix), .np_data_i(np_data),
    .reg_valid_o(reg_valid_o), .reg_ready_i(reg_ready_i), .reg_write_o(reg_write_o),
    .reg_addr_o(reg_addr_o),
    .reg_wdata_o(reg_wdata_o), .reg_be_o(reg_be_o), .reg_rvalid_i(reg_rvalid_i),
    .reg_rdata_i(reg_rdata_i),
    .portal_valid_o(portal_valid_o), .portal_o(portal_o), .portal_data_o(portal_data_o),
    .portal_rsp_valid_i(portal_rsp_valid_i), .portal_rsp_accept_i(portal_rsp_accept_i),
    .vm_valid_o(vm_valid_o), .vm_o(vm_o),
    .cs_valid_o(cs_valid), .cs_write_o(cs_write), .cs_dw_o(cs_dw), .cs_be_o(cs_be),
    .cs_wdata_o(cs_wdata),
    .cs_bus_dev_o(cs_bus_dev), .cs_rdata_i(cs_rdata),
    .cplo_valid_o(cplo_valid), .cplo_ready_i(cplo_ready), .cplo_o(cplo), .cpl_sent_o(cpl_sent),
    .p_err_ur_o(p_err_ur), .p_err_ca_o(p_err_ca), .p_err_poisoned_o(p_err_poisoned),
    .p_err_malformed_o(p_err_malformed),
    .np_err_ur_o(np_err_ur), .np_err_ca_o(np_err_ca), .np_err_poisoned_o(np_err_poisoned),
    .np_err_malformed_o(np_err_malformed)
  );

  siov_cfg #(
    .Bar0Bits(Bar0Bits), .Bar2Bits(Bar2Bits), .MsixTable(MsixTable), .MsixPba(MsixPba),
    .LongTags(LongTags), .Ats(Ats), .NumVectors(NumVectors), .ImsSupported(ImsSupported)
  ) u_cfg (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .cs_valid_i(cs_valid), .cs_write_i(cs_write), .cs_dw_i(cs_dw), .cs_be_i(cs_be),
    .cs_wdata_i(cs_wdata),
    .cs_bus_dev_i(cs_bus_dev), .cs_rdata_o(cs_rdata), .cpl_sent_i(cpl_sent), .hold_o(hold),
    .cfg_o(cfg), .bar0_o(bar0), .bar2_o(bar2), .flr_o(flr_o), .pending_i(pending_i),
    .pri_alloc_o(pri_alloc_o), .pri_alloc_ok_o(pri_alloc_ok_o), .pri_reset_o(pri_reset_o),
    .stu_o(stu_o), .pri_stopped_i(pri_stopped_i), .pri_failure_i(pri_failure_i), .pri_unexpected_i(pri_unexpected_i),
    .p_ur_i(p_err_ur), .p_ca_i(p_err_ca), .p_poisoned_i(p_err_poisoned),
    .p_malformed_i(p_err_malformed),
    .p_hdr_i(p_hdr), .p_prefix_valid_i(p_prefix_valid), .p_prefix_i(p_prefix),
    .np_ur_i(np_err_ur), .np_ca_i(np_err_ca), .np_poisoned_i(np_err_poisoned),
    .np_malformed_i(np_err_malformed),
    .np_hdr_i(np_hdr), .np_prefix_valid_i(np_prefix_valid), .np_prefix_i(np_prefix),
    .cpl_unexpected_i(cpl_err_unexpected), .cpl_poisoned_i(cpl_err_poisoned),
    .cpl_malformed_i(cpl_err_malformed),
    .cpl_hdr_i(cpl_err_hdr), .timeout_i(timeout_i), .stray_i(stray_i),
    .cpl_got_ur_i(cpl_got_ur), .cpl_got_ca_i(cpl_got_ca)
  );

  siov_tx #(.NumEngines(NumEngines), .NumWr(NumWr)) u_tx (
    .clk_i(clk_i), .rst_ni(rst_ni), .cfg_i(cfg),
    .wr_valid_i(wr_valid_i), .wr_ready_o(wr_ready_o), .wr_sop_i(wr_sop_i), .wr_eop_i(wr_eop_i),
    .wr_req_i(wr_req_i), .wr_data_i(wr_data_i),
    .rd_valid_i(rd_valid_i), .rd_ready_o(rd_ready_o), .rd_req_i(rd_req_i),
    .xr_valid_i(xr_valid_i), .xr_ready_o(xr_ready_o), .xr_req_i(xr_req_i),
    .pm_valid_i(pm_valid_i), .pm_ready_o(pm_ready_o), .pm_i(pm_i), .hold_i(hold),
    .msg_valid_i(msg_valid_i), .msg_ready_o(msg_ready_o), .msg_addr_i(msg_addr_i),
    .msg_data_i(msg_data_i),
    .cplo_valid_i(cplo_valid), .cplo_ready_o(cplo_ready), .cplo_i(cplo),
    .up_valid_o(up_valid_o), .up_ready_i(up_ready_i), .up_sop_o(up_sop_o), .up_eop_o(up_eop_o),
    .up_hdr_o(up_hdr_o),
    .up_prefix_valid_o(up_prefix_valid_o), .up_prefix_o(up_prefix_o), .up_data_o(up_data_o),
    .up_cl_ph_i(up_cl_ph_i), .up_cl_pd_i(up_cl_pd_i), .up_cl_nph_i(up_cl_nph_i),
    .up_cl_npd_i(up_cl_npd_i),
    .up_cl_cplh_i(up_cl_cplh_i), .up_cl_cpld_i(up_cl_cpld_i)
  );

`ifndef SYNTHESIS
  // Neighbours keep their streams still while they wait; only a loss of bus mastering or a
  // halt lets
  // a source withdraw.
  for (genvar s = 0; s < NumWr; s++) begin : gen_write_hold
    `SIOV_ASSERT_NEXT(a_wr_hold, wr_valid_i[s] && !wr_ready_o[s] && cfg.bme, wr_valid_i[s] || !cfg.bme || halt_i)
  end
  for (genvar e = 0; e < NumEngines; e++) begin : gen_read_hold
    `SIOV_ASSERT_NEXT(a_rd_hold, rd_valid_i[e] && !rd_ready_o[e] && cfg.bme, rd_valid_i[e] || !cfg.bme || halt_i)
  end
  `SIOV_ASSERT_NEXT(a_msg_hold, msg_valid_i && !msg_ready_o && cfg.bme, msg_valid_i || !cfg.bme)
`endif

endmodule
