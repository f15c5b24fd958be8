// SPDX-License-Identifier: Apache-2.0
// The data units of an engine, CRC, DIF, create and apply delta record, with what they share: the
// job's fields, the lines, the one port for writes. Wiring only.

module siov_eng_units (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                clear_i,
  input  siov_eng_pkg::job_t  job_i,
  input  logic                start_i,        /// pulse: a new job
  input  logic                flush_i,        /// pulse: delta units: all lines are in
  // lines
  input  logic [511:0]        data_i,
  input  logic [511:0]        a_i,            /// of the first source
  input  logic [1:0]          lane_i,
  input  logic [6:0]          bytes_i,
  input  logic                crc_start_i,
  input  logic [63:0]         crc_seed_i,
  input  logic                crc_valid_i,
  output logic                crc_ready_o,
  output logic                crc_busy_o,
  output logic [63:0]         crc_result_o,
  input  logic                dif_block_i,
  input  logic [63:0]         dif_pi_i,
  output logic                dif_valid_o,
  output logic                dif_error_o,
  output logic [7:0]          dif_status_o,
  output logic [63:0]         dif_pi_o,
  output logic [63:0]         dif_cr_src_o,
  output logic [63:0]         dif_cr_dst_o,
  input  logic                delta_valid_i,
  output logic                delta_ready_o,
  output logic                delta_done_o,
  output logic [31:0]         delta_size_o,
  output logic                delta_differs_o,
  output logic                delta_overflow_o,
  output logic [31:0]         delta_compared_o,
  input  logic                apply_valid_i,
  output logic                apply_ready_o,
  output logic                apply_done_o,
  output logic                apply_error_o,
  output logic [7:0]          apply_status_o,
  output logic [31:0]         apply_used_o,
  // writes of the delta units
  output logic                wr_valid_o,
  input  logic                wr_ready_i,
  input  logic                wr_fault_i,     /// the one on offer has no page
  output logic [63:0]         wr_addr_o,
  output logic [6:0]          wr_bytes_o,
  output logic [511:0]        wr_data_o,
  output logic [63:0]         last_o          /// last byte written
);
  logic         is_dif, dw_valid, aw_valid;
  logic [63:0]  dw_addr, aw_addr;
  logic [6:0]   dw_bytes, aw_bytes;
  logic [511:0] dw_data, aw_data;
  assign is_dif = job_i.op == siov_eng_pkg::JobDif;

  siov_eng_crc u_crc (
    .clk_i, .rst_ni, .clear_i, .start_i(crc_start_i),
    .mode_i(is_dif ? 2'd2 : {1'b0, job_i.mods[3]}), .seed_i(crc_seed_i),
    .bypass_inv_i(!is_dif && job_i.mods[1]), .bypass_data_refl_i(!is_dif && job_i.mods[2]),
    .inv_seed_i(job_i.info[18]), .inv_result_i(job_i.info[19]), .valid_i(crc_valid_i), .data_i,
    .lane_i({4'd0, lane_i}), .bytes_i, .ready_o(crc_ready_o), .busy_o(crc_busy_o),
    .result_o(crc_result_o)
  );
  siov_eng_dif u_dif (
    .clk_i, .rst_ni, .clear_i, .start_i, .info_i(job_i.info), .opcode_i(job_i.opcode),
    .block_i(dif_block_i), .guard_i(crc_result_o[15:0]), .pi_i(dif_pi_i), .valid_o(dif_valid_o),
    .error_o(dif_error_o), .dif_status_o, .pi_o(dif_pi_o), .cr_src_o(dif_cr_src_o),
    .cr_dst_o(dif_cr_dst_o)
  );
  siov_eng_delta u_delta (
    .clk_i, .rst_ni, .clear_i, .start_i(start_i && job_i.op == siov_eng_pkg::JobDelta),
    .max_size_i(job_i.aux), .dst_i(job_i.other), .valid_i(delta_valid_i), .a_i, .b_i(data_i),
    .words_i(bytes_i[6:3]), .ready_o(delta_ready_o), .flush_i, .fault_i(wr_fault_i && dw_valid),
    .done_o(delta_done_o), .wr_valid_o(dw_valid), .wr_ready_i, .wr_addr_o(dw_addr),
    .wr_bytes_o(dw_bytes), .wr_data_o(dw_data), .size_o(delta_size_o), .differs_o(delta_differs_o),
    .overflow_o(delta_overflow_o), .compared_o(delta_compared_o)
  );
  siov_eng_apply u_apply (
    .clk_i, .rst_ni, .clear_i, .start_i(start_i && job_i.op == siov_eng_pkg::JobApply),
    .dst_i(job_i.dst), .size_i(job_i.aux), .valid_i(apply_valid_i), .data_i, .bytes_i,
    .ready_o(apply_ready_o), .flush_i, .fault_i(wr_fault_i && aw_valid), .done_o(apply_done_o),
    .wr_valid_o(aw_valid), .wr_ready_i, .wr_addr_o(aw_addr), .wr_bytes_o(aw_bytes),
    .wr_data_o(aw_data), .error_o(apply_error_o), .status_o(apply_status_o), .used_o(apply_used_o)
  );

  // Only one of the two has work at a time.
  assign wr_valid_o = dw_valid || aw_valid;
  assign wr_addr_o = dw_valid ? dw_addr : aw_addr;
  assign wr_bytes_o = dw_valid ? dw_bytes : aw_bytes;
  assign wr_data_o = dw_valid ? dw_data : aw_data;
  always_ff @(posedge clk_i)
    if (wr_valid_o && wr_ready_i) last_o <= wr_addr_o + {57'd0, wr_bytes_o} - 64'd1;

  logic unused_ok;
  assign unused_ok = ^{job_i, 1'b0};

endmodule
