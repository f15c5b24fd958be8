// SPDX-License-Identifier: Apache-2.0
// One engine on the link, for the assertions of siov_tx about what engines send. Test bench only: wiring.

module engine_link (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              dn_valid_i,
  input  logic [127:0]      dn_hdr_i,
  input  logic [31:0]       dn_dw_i,          /// first double word of the payload
  input  logic              disp_valid_i,
  output logic              disp_ready_o,
  input  siov_pkg::disp_t   disp_i,
  input  logic              up_ready_i,
  output logic              up_valid_o,
  output logic              done_valid_o
);
  siov_pkg::cfg_t    cfg;
  siov_pkg::cpl_in_t cpl;
  siov_pkg::tx_req_t rd_req, wr_req;
  logic              flr, cpl_valid, cpl_sop, cpl_eop, rd_valid, rd_ready, wr_valid, wr_ready, wr_sop, wr_eop;
  logic [511:0]      cpl_data, wr_data;
  logic [127:0]      up_hdr;
  logic              up_sop;
  // Credits of the host: 32 headers and 256 units of data beyond what has arrived.
  logic [7:0]        ph_q, nph_q, cplh_q;
  logic [11:0]       pd_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ph_q <= 8'd32;
      nph_q <= 8'd32;
      cplh_q <= 8'd32;
      pd_q <= 12'd256;
    end else if (up_valid_o && up_ready_i && up_sop) begin
      if (up_hdr[28:24] != 5'd0) cplh_q <= cplh_q + 8'd1;
      else if (!up_hdr[30]) nph_q <= nph_q + 8'd1;
      else begin
        ph_q <= ph_q + 8'd1;
        pd_q <= pd_q + {4'd0, up_hdr[9:2]} + {11'd0, |up_hdr[1:0]};
      end
    end
  end

  siov_link #(.NumEngines(1), .NumWq(2), .NumVectors(3)) u_link (
    .clk_i, .rst_ni, .dn_valid_i, .dn_sop_i(1'b1), .dn_eop_i(1'b1), .dn_hdr_i, .dn_prefix_valid_i(1'b0),
    .dn_prefix_i('0), .dn_data_i({480'd0, dn_dw_i}), .dn_cl_ph_o(), .dn_cl_pd_o(), .dn_cl_nph_o(), .dn_cl_npd_o(),
    .up_valid_o, .up_ready_i, .up_sop_o(up_sop), .up_eop_o(), .up_hdr_o(up_hdr), .up_prefix_valid_o(), .up_prefix_o(),
    .up_data_o(), .up_cl_ph_i(ph_q), .up_cl_pd_i(pd_q), .up_cl_nph_i(nph_q),
    .up_cl_npd_i('0), .up_cl_cplh_i(cplh_q), .up_cl_cpld_i(12'd256),
    .halt_i(1'b0), .cfg_o(cfg), .flr_o(flr), .pending_i(1'b0), .timeout_i(1'b0), .stray_i(1'b0),
    .reg_valid_o(), .reg_ready_i(1'b1), .reg_write_o(), .reg_addr_o(), .reg_wdata_o(), .reg_be_o(),
    .reg_rvalid_i(1'b0), .reg_rdata_i('0), .portal_valid_o(), .portal_o(), .portal_data_o(),
    .portal_rsp_valid_i(1'b0), .portal_rsp_accept_i(1'b0),
    .cpl_valid_o(cpl_valid), .cpl_sop_o(cpl_sop), .cpl_eop_o(cpl_eop), .cpl_o(cpl), .cpl_data_o(cpl_data),
    .wr_valid_i(wr_valid), .wr_ready_o(wr_ready), .wr_sop_i(wr_sop), .wr_eop_i(wr_eop), .wr_req_i(wr_req),
    .wr_data_i(wr_data), .rd_valid_i(rd_valid), .rd_ready_o(rd_ready), .rd_req_i(rd_req),
    .xr_valid_i(1'b0), .xr_ready_o(), .xr_req_i('0), .pm_valid_i(1'b0), .pm_ready_o(), .pm_i('0), .vm_valid_o(), .vm_o(),
    .pri_alloc_o(), .pri_alloc_ok_o(), .pri_reset_o(), .stu_o(), .pri_stopped_i(1'b1), .pri_failure_i(1'b0),
    .pri_unexpected_i(1'b0), .msg_valid_i(1'b0), .msg_ready_o(), .msg_addr_i('0), .msg_data_i('0)
  );

  siov_engine #(.Tags(64), .RingLines(64), .Jobs(4), .CtoCycles(100)) u_engine (
    .clk_i, .rst_ni, .cfg_i(cfg), .user_int_en_i(1'b1), .evl_i(1'b0), .halt_i(1'b0), .flush_i(flr),
    .disp_valid_i, .disp_ready_o, .disp_i,
    .lk_valid_o(), .lk_ready_i(1'b1), .lk_ims_o(), .lk_handle_o(), .lk_pasid_en_o(), .lk_pasid_o(),
    .lk_rsp_valid_i(1'b0), .lk_ok_i(1'b0), .rb_used_o(), .rb_ok_i(1'b1),
    .cpl_valid_i(cpl_valid), .cpl_sop_i(cpl_sop), .cpl_eop_i(cpl_eop), .cpl_i(cpl), .cpl_data_i(cpl_data),
    .rd_valid_o(rd_valid), .rd_ready_i(rd_ready), .rd_req_o(rd_req),
    .wr_valid_o(wr_valid), .wr_ready_i(wr_ready), .wr_sop_o(wr_sop), .wr_eop_o(wr_eop), .wr_req_o(wr_req),
    .wr_data_o(wr_data), .irq_valid_o(), .irq_ready_i(1'b1), .irq_ims_o(), .irq_handle_o(),
    .swerr_valid_o(), .swerr_ready_i(1'b1), .swerr_o(), .done_valid_o, .done_ready_i(1'b1), .done_wq_o(),
    .done_epoch_o(), .xl_valid_o(), .xl_ready_i(1'b0), .xl_req_o(), .xa_valid_i(1'b0), .xa_i('0),
    .xi_mark_i(1'b0), .xi_busy_o(), .xl_forget_i(1'b0), .discard_i('0), .discard_pasid_en_i(1'b0),
    .discard_pasid_i('0), .epoch_i('0), .unexpected_o(), .timeout_o(), .pending_o()
  );
endmodule
