// SPDX-License-Identifier: Apache-2.0
// One engine: descriptor in; reads, writes, record, interrupt out. Wiring only.
//
//   check -> split ----reads----> ring (tags, reorder store) <---- completions
//        \-> job fifo -> walk -> out -> write TLPs, interrupt, done
//
// split runs far ahead of walk (as many descriptors as the job fifo holds, as many reads as
// there are tags), so a stream of
// descriptors keeps the link busy whatever the host's latency. Everything of an engine leaves in
// descriptor order.
// halt_i, flush_i: everything is thrown away, a half-sent TLP is completed first.

`include "siov_assert.svh"

module siov_engine #(
  parameter int unsigned EngineId = 0,
  parameter int unsigned Tags = 64,
  parameter int unsigned RingLines = 512,
  parameter int unsigned Jobs = 64,            /// descriptors between split and walk
  parameter int unsigned CtoCycles = 25000
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  siov_pkg::cfg_t       cfg_i,
  input  logic                 user_int_en_i,
  input  logic                 halt_i,         /// level: throw everything away
  input  logic                 flush_i,        /// pulse: throw away what there is
  input  logic                 disp_valid_i,
  output logic                 disp_ready_o,
  input  siov_pkg::disp_t      disp_i,
  // link
  input  logic                 cpl_valid_i,
  input  logic                 cpl_sop_i,
  input  logic                 cpl_eop_i,
  input  siov_pkg::cpl_in_t    cpl_i,
  input  logic [511:0]         cpl_data_i,
  output logic                 rd_valid_o,
  input  logic                 rd_ready_i,
  output siov_pkg::tx_req_t    rd_req_o,
  output logic                 wr_valid_o,
  input  logic                 wr_ready_i,
  output logic                 wr_sop_o,
  output logic                 wr_eop_o,
  output siov_pkg::tx_req_t    wr_req_o,
  output logic [511:0]         wr_data_o,
  // interrupt, errors, done
  output logic                 irq_valid_o,
  input  logic                 irq_ready_i,
  output logic                 irq_ims_o,
  output logic [15:0]          irq_handle_o,
  output logic                 swerr_valid_o,
  input  logic                 swerr_ready_i,
  output siov_pkg::swerr_t     swerr_o,
  output logic                 done_valid_o,
  input  logic                 done_ready_i,
  output logic [7:0]           done_wq_o,
  output logic                 done_epoch_o,
  // status
  output logic                 unexpected_o,
  output logic                 timeout_o,
  output logic                 pending_o
);
  localparam int unsigned PosW = $clog2(RingLines) + 6 + 2;

  // Halt: first let a half-sent TLP out, then clear for as long as halt lasts.
  logic quiet, clear, stop, flush_q;
  assign stop = halt_i || flush_q;
  assign clear = stop && quiet;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) flush_q <= 1'b0;
    else flush_q <= flush_i || (flush_q && !quiet);
  end

  siov_eng_pkg::job_t job;
  logic               job_valid, job_ready, split_ready, fifo_ready, pushable;
  siov_eng_check u_check (
    .clk_i, .rst_ni, .clear_i(stop), .priv_allowed_i(cfg_i.pasid_priv_en),
    .user_int_en_i, .disp_valid_i, .disp_ready_o, .disp_i,
    .job_valid_o(job_valid), .job_ready_i(job_ready), .job_o(job)
  );
  assign pushable = job_valid && !stop;
  assign job_ready = split_ready && fifo_ready && !stop;

  logic               walk_valid, walk_ready;
  siov_eng_pkg::job_t walk_job;
  logic [$clog2(Jobs+1)-1:0] job_count;
  siov_fifo #(.W(siov_eng_pkg::JobW), .Depth(Jobs)) u_jobs (
    .clk_i, .rst_ni, .clear_i(clear), .wr_valid_i(pushable && split_ready), .wr_ready_o(fifo_ready),
    .wr_data_i(job), .rd_valid_o(walk_valid), .rd_ready_i(walk_ready), .rd_data_o(walk_job),
    .count_o(job_count)
  );

  logic            sr_valid, sr_ready, sr_pasid_en, sr_priv;
  logic [63:0]     sr_addr;
  logic [9:0]      sr_bytes;
  logic [PosW-1:0] sr_pos, avail_pos;
  logic [2:0]      sr_tc;
  logic [19:0]     sr_pasid;
  logic [PosW-7:0] free_line, line;
  logic            err, err_ack, line_rd;
  logic [511:0]    line_data;

  siov_eng_split #(.PosW(PosW), .RingLines(RingLines)) u_split (
    .clk_i, .rst_ni, .clear_i(clear), .mrrs_i(cfg_i.mrrs),
    .job_valid_i(pushable && fifo_ready), .job_ready_o(split_ready), .job_i(job),
    .free_line_i(free_line), .rd_valid_o(sr_valid), .rd_ready_i(sr_ready && !stop),
    .rd_addr_o(sr_addr), .rd_bytes_o(sr_bytes), .rd_pos_o(sr_pos), .rd_tc_o(sr_tc),
    .rd_pasid_en_o(sr_pasid_en), .rd_pasid_o(sr_pasid), .rd_priv_o(sr_priv)
  );

  logic req_valid;
  siov_eng_ring #(
    .EngineId(EngineId), .Tags(Tags), .RingLines(RingLines), .PosW(PosW), .CtoCycles(CtoCycles)
  ) u_ring (
    .clk_i, .rst_ni, .clear_i(clear), .cto_disable_i(cfg_i.cto_disable),
    .ext_tag_i(cfg_i.ext_tag_en), .tag10_i(cfg_i.tag10_en),
    .rd_valid_i(sr_valid && !stop), .rd_ready_o(sr_ready), .rd_addr_i(sr_addr),
    .rd_bytes_i(sr_bytes), .rd_pos_i(sr_pos), .rd_tc_i(sr_tc), .rd_pasid_en_i(sr_pasid_en),
    .rd_pasid_i(sr_pasid), .rd_priv_i(sr_priv),
    .req_valid_o(req_valid), .req_ready_i(rd_ready_i && !stop), .req_o(rd_req_o),
    .cpl_valid_i, .cpl_sop_i, .cpl_eop_i, .cpl_i, .cpl_data_i,
    .unexpected_o, .timeout_o, .pending_o,
    .avail_pos_o(avail_pos), .err_o(err), .err_ack_i(err_ack),
    .line_rd_i(line_rd), .line_i(line), .line_data_o(line_data)
  );
  assign rd_valid_o = req_valid && !stop;

  logic               cmd_valid, cmd_ready, cmp_clear, cmp_idle, cmp_differs;
  logic [31:0]        cmp_offset;
  siov_eng_pkg::cmd_t cmd;
  siov_eng_walk #(.PosW(PosW)) u_walk (
    .clk_i, .rst_ni, .clear_i(clear), .mps_i(cfg_i.mps), .job_valid_i(walk_valid),
    .job_ready_o(walk_ready), .job_i(walk_job), .avail_pos_i(avail_pos), .err_i(err),
    .err_ack_o(err_ack), .cmd_valid_o(cmd_valid), .cmd_ready_i(cmd_ready), .cmd_o(cmd),
    .cmp_clear_o(cmp_clear), .cmp_idle_i(cmp_idle), .cmp_differs_i(cmp_differs),
    .cmp_offset_i(cmp_offset)
  );

  siov_eng_out #(.PosW(PosW)) u_out (
    .clk_i, .rst_ni, .clear_i(clear), .stop_i(stop), .quiet_o(quiet),
    .cmd_valid_i(cmd_valid), .cmd_ready_o(cmd_ready), .cmd_i(cmd),
    .line_rd_o(line_rd), .line_o(line), .line_data_i(line_data), .free_line_o(free_line),
    .cmp_clear_i(cmp_clear), .cmp_idle_o(cmp_idle), .cmp_differs_o(cmp_differs),
    .cmp_offset_o(cmp_offset),
    .wr_valid_o, .wr_ready_i, .wr_sop_o, .wr_eop_o, .wr_req_o, .wr_data_o,
    .irq_valid_o, .irq_ready_i, .irq_ims_o, .irq_handle_o,
    .swerr_valid_o, .swerr_ready_i, .swerr_o,
    .done_valid_o, .done_ready_i, .done_wq_o, .done_epoch_o
  );

  logic unused_ok;
  assign unused_ok = ^{job_count, cfg_i, 1'b0};

  `SIOV_COVER(EngineJobFifoFull, job_valid && !fifo_ready)

endmodule
