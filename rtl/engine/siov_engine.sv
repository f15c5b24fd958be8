// SPDX-License-Identifier: Apache-2.0
// One engine: descriptor in; reads, writes, record, interrupt out. Wiring only.
//
//   descriptor ---v
//   batch ----> check -> split ----reads----> ring (tags, reorder store) <---- completions
//     ^           | \-> job fifo -> walk -> out -> write TLPs, interrupt, done
//     |           |                  ^ \-> crc, dif, delta, apply
//     |           +-- batch jobs     +-- readback
//     +-- list ring <---- completions
//
// split runs far ahead of walk (as many descriptors as the job fifo holds, as many reads as
// there are tags), so a stream of
// descriptors keeps the link busy whatever the host's latency. Everything of an engine leaves in
// descriptor order.
// halt_i, flush_i: everything is thrown away, a half-sent TLP is completed first.

`include "siov_assert.svh"

module siov_engine #(
  parameter int unsigned EngineId = 0,
  parameter int unsigned Tags = 64,            /// 64, or 256 where 10-bit tags are supported
  parameter int unsigned RingLines = 512,
  parameter int unsigned Jobs = 64,            /// descriptors between split and walk
  parameter int unsigned Batches = 8,          /// batches at once
  parameter int unsigned CtoCycles = 25000,
  parameter int unsigned NumWq = 8,
  parameter int unsigned PageRetries = 8,      /// page requests for one access
  parameter bit Fill16 = 1'b1,
  parameter bit Crc64 = 1'b1,
  parameter bit DrainReadback = 1'b0,
  parameter bit Batch1 = 1'b0
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  siov_pkg::cfg_t       cfg_i,
  input  logic                 user_int_en_i,
  input  logic                 evl_i,          /// the event log is on
  input  logic                 halt_i,         /// level: throw everything away
  input  logic                 flush_i,        /// pulse: throw away what there is
  input  logic                 disp_valid_i,
  output logic                 disp_ready_o,
  input  siov_pkg::disp_t      disp_i,
  // permission look-up for batch members
  output logic                 lk_valid_o,
  input  logic                 lk_ready_i,
  output logic                 lk_ims_o,
  output logic [15:0]          lk_handle_o,
  output logic                 lk_pasid_en_o,
  output logic [19:0]          lk_pasid_o,
  input  logic                 lk_rsp_valid_i,
  input  logic                 lk_ok_i,
  // read buffers
  output logic [11:0]          rb_used_o,      /// 64-byte units of outstanding data reads
  input  logic                 rb_ok_i,        /// another read may be asked for
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
  // translation (docs/architecture.md 1.8)
  output logic                 xl_valid_o,
  input  logic                 xl_ready_i,
  output siov_pkg::xl_req_t    xl_req_o,
  input  logic                 xa_valid_i,
  input  siov_pkg::xl_ans_t    xa_i,
  input  logic                 xi_mark_i,      /// pulse: translations received so far start no further TLP
  output logic                 xi_busy_o,      /// some that use them are still on their way
  input  logic                 xl_forget_i,    /// pulse: the cache is emptied
  // abort: work of an old generation of these queues (of this PASID) does not wait for pages
  input  logic [NumWq-1:0]     discard_i,
  input  logic                 discard_pasid_en_i,
  input  logic [19:0]          discard_pasid_i,
  input  logic [NumWq-1:0]     epoch_i,        /// present generation of each queue
  // status
  output logic                 unexpected_o,
  output logic                 timeout_o,
  output logic                 pending_o
);
  localparam int unsigned PosW = $clog2(RingLines) + 6 + 2;
  localparam int unsigned ListLines = 64;
  localparam int unsigned ListPosW = $clog2(ListLines) + 6 + 2;
  localparam int unsigned ListTags = 8;
  localparam int unsigned ShortListTags = 2;
  localparam int unsigned TagW = $clog2(Tags + 1);

  // ------------------------------------------------------------ tags: data reads, list reads, readback
  logic [7:0]      data_tags, list_tags, rb_number;
  logic            long_tags;
  always_comb begin
    long_tags = Tags > siov_pkg::ByteTags && cfg_i.tag10_en;
    data_tags = 8'(siov_pkg::ShortTags - ShortListTags - 1);
    list_tags = 8'(ShortListTags);
    if (long_tags) data_tags = 8'(siov_pkg::LongTags - ListTags - 1);
    else if (cfg_i.ext_tag_en) data_tags = 8'(siov_pkg::ByteTags - ListTags - 1);
    if (long_tags || cfg_i.ext_tag_en) list_tags = 8'(ListTags);
    rb_number = data_tags + list_tags;
  end
  logic [9:0] rb_tag;
  assign rb_tag = siov_pkg::tag_on_link(long_tags, cfg_i.ext_tag_en, 2'(EngineId), rb_number);

  // Halt: first let a half-sent TLP out, then clear for as long as halt lasts.
  logic quiet, clear, stop, flush_q;
  assign stop = halt_i || flush_q;
  assign clear = stop && quiet;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) flush_q <= 1'b0;
    else flush_q <= flush_i || (flush_q && !quiet);
  end

  // ------------------------------------------------------------ descriptors and members into the check
  logic               job_valid, job_ready, split_ready, fifo_ready, pushable, is_batch;
  siov_eng_pkg::job_t job, mem_job;
  siov_pkg::disp_t    job_disp, mem_disp;
  logic               batch_room, disp_go, mem_valid, mem_ready, mem_end, pick_mem, turn_q, check_ready;
  logic [15:0]        mem_index;
  logic [7:0]         mem_id;

  // A batch is taken only when there is room for it behind the check; so the check never waits for
  // the members that have to pass it.
  assign disp_go = disp_valid_i && (batch_room || disp_i.desc[siov_abi_pkg::DescOpcodeLsb +: 8] != siov_abi_pkg::OpBatch);
  assign pick_mem = mem_valid && (turn_q || !disp_go);
  assign disp_ready_o = check_ready && disp_go && !pick_mem;
  assign mem_ready = check_ready && pick_mem;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) turn_q <= 1'b0;
    else if (check_ready && (mem_valid || disp_go)) turn_q <= !pick_mem;
  end

  siov_eng_check #(
    .Fill16(Fill16), .Crc64(Crc64), .DrainReadback(DrainReadback), .Batch1(Batch1)
  ) u_check (
    .clk_i, .rst_ni, .clear_i(stop), .priv_allowed_i(cfg_i.pasid_priv_en),
    .user_int_en_i, .evl_i, .disp_valid_i(pick_mem || disp_go), .disp_ready_o(check_ready),
    .disp_i(pick_mem ? mem_disp : disp_i), .member_i(pick_mem), .batch_index_i(pick_mem ? mem_index : '0),
    .batch_id_i(pick_mem ? mem_id : '0), .bypass_i(pick_mem && mem_end), .bypass_job_i(mem_job),
    .job_valid_o(job_valid), .job_ready_i(job_ready), .job_o(job), .disp_o(job_disp)
  );
  assign is_batch = job.op == siov_eng_pkg::JobBatch;
  assign pushable = job_valid && !stop && !is_batch;
  assign job_ready = (is_batch || (split_ready && fifo_ready)) && !stop;

  // ------------------------------------------------------------ batches
  logic                lr_valid, lr_ready, lr_pasid_en, lr_priv, l_err, l_ack, l_line_rd, batch_fail, batch_done;
  logic [63:0]         lr_addr;
  logic [9:0]          lr_bytes;
  logic [ListPosW-1:0] lr_pos, l_avail;
  logic [2:0]          lr_tc;
  logic [19:0]         lr_pasid;
  logic [ListPosW-7:0] l_line;
  logic [511:0]        l_data;
  siov_eng_batch #(
    .EngineId(EngineId), .Batches(Batches), .ListLines(ListLines), .PosW(ListPosW)
  ) u_batch (
    .clk_i, .rst_ni, .clear_i(stop), .mrrs_i(cfg_i.mrrs), .room_o(batch_room),
    .par_valid_i(job_valid && is_batch && !stop), .par_job_i(job), .par_disp_i(job_disp),
    .rd_valid_o(lr_valid), .rd_ready_i(lr_ready && !stop), .rd_addr_o(lr_addr), .rd_bytes_o(lr_bytes),
    .rd_pos_o(lr_pos), .rd_tc_o(lr_tc), .rd_pasid_en_o(lr_pasid_en), .rd_pasid_o(lr_pasid),
    .rd_priv_o(lr_priv), .avail_pos_i(l_avail), .err_i(l_err), .err_ack_o(l_ack),
    .line_rd_o(l_line_rd), .line_o(l_line), .line_data_i(l_data),
    .lk_valid_o, .lk_ready_i, .lk_ims_o, .lk_handle_o, .lk_pasid_en_o, .lk_pasid_o,
    .lk_rsp_valid_i, .lk_ok_i,
    .mem_valid_o(mem_valid), .mem_ready_i(mem_ready), .mem_disp_o(mem_disp),
    .mem_index_o(mem_index), .mem_id_o(mem_id), .mem_end_o(mem_end), .mem_job_o(mem_job),
    .fail_i(batch_fail), .done_i(batch_done)
  );

  logic              list_req_valid, list_req_ready, list_unexpected, list_timeout, list_pending;
  siov_pkg::tx_req_t list_req;
  logic [11:0]       list_used;
  siov_eng_ring #(
    .EngineId(EngineId), .Tags(ListTags), .RingLines(ListLines), .PosW(ListPosW), .CtoCycles(CtoCycles)
  ) u_list (
    .clk_i, .rst_ni, .clear_i(clear), .cto_disable_i(cfg_i.cto_disable),
    .ext_tag_i(cfg_i.ext_tag_en),
    .tag10_i(long_tags), .first_i(data_tags), .count_i(list_tags[3:0]),
    .rd_valid_i(lr_valid && !stop), .rd_ready_o(lr_ready), .rd_addr_i(lr_addr),
    .rd_bytes_i(lr_bytes), .rd_pos_i(lr_pos), .rd_tc_i(lr_tc), .rd_pasid_en_i(lr_pasid_en),
    .rd_pasid_i(lr_pasid), .rd_priv_i(lr_priv),
    .req_valid_o(list_req_valid), .req_ready_i(list_req_ready), .req_o(list_req),
    .cpl_valid_i, .cpl_sop_i, .cpl_eop_i, .cpl_i, .cpl_data_i,
    .unexpected_o(list_unexpected), .timeout_o(list_timeout), .pending_o(list_pending),
    .used_lines_o(list_used),
    .avail_pos_o(l_avail), .err_o(l_err), .err_ack_i(l_ack),
    .line_rd_i(l_line_rd), .line_i(l_line), .line_data_o(l_data)
  );

  // ------------------------------------------------------------ jobs
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
    .free_line_i(free_line), .rd_valid_o(sr_valid), .rd_ready_i(sr_ready && rb_ok_i && !stop),
    .rd_addr_o(sr_addr), .rd_bytes_o(sr_bytes), .rd_pos_o(sr_pos), .rd_tc_o(sr_tc),
    .rd_pasid_en_o(sr_pasid_en), .rd_pasid_o(sr_pasid), .rd_priv_o(sr_priv)
  );

  logic              data_req_valid, data_req_ready, data_unexpected, data_timeout, data_pending;
  siov_pkg::tx_req_t data_req;
  siov_eng_ring #(
    .EngineId(EngineId), .Tags(Tags), .RingLines(RingLines), .PosW(PosW), .CtoCycles(CtoCycles)
  ) u_ring (
    .clk_i, .rst_ni, .clear_i(clear), .cto_disable_i(cfg_i.cto_disable),
    .ext_tag_i(cfg_i.ext_tag_en),
    .tag10_i(long_tags), .first_i(8'd0), .count_i(TagW'(data_tags)),
    .rd_valid_i(sr_valid && rb_ok_i && !stop), .rd_ready_o(sr_ready), .rd_addr_i(sr_addr),
    .rd_bytes_i(sr_bytes), .rd_pos_i(sr_pos), .rd_tc_i(sr_tc), .rd_pasid_en_i(sr_pasid_en),
    .rd_pasid_i(sr_pasid), .rd_priv_i(sr_priv),
    .req_valid_o(data_req_valid), .req_ready_i(data_req_ready), .req_o(data_req),
    .cpl_valid_i, .cpl_sop_i, .cpl_eop_i, .cpl_i, .cpl_data_i,
    .unexpected_o(data_unexpected), .timeout_o(data_timeout), .pending_o(data_pending),
    .used_lines_o(rb_used_o),
    .avail_pos_o(avail_pos), .err_o(err), .err_ack_i(err_ack),
    .line_rd_i(line_rd), .line_i(line), .line_data_o(line_data)
  );

  // ------------------------------------------------------------ walker, units, output
  logic               cmd_valid, cmd_ready, cmp_clear, cmp_differs, out_idle, out_empty;
  logic [31:0]        cmp_offset;
  siov_eng_pkg::cmd_t cmd;
  siov_eng_pkg::job_t now;                 // the job under way in the walker
  logic               unit_start, unit_flush, crc_start, crc_busy, crc_valid, crc_ready, is_dif;
  logic [63:0]        unit_last;             // last byte written by a delta unit
  logic [63:0]        crc_seed, crc_result, dif_pi_in, dif_pi_out, dif_cr_src, dif_cr_dst, grab;
  logic               dif_block, dif_valid, dif_error, grab_valid;
  logic [7:0]         dif_status, apply_status;
  logic               delta_valid, delta_ready, delta_done, delta_differs, delta_overflow;
  logic               apply_valid, apply_ready, apply_done, apply_error;
  logic [31:0]        delta_size, delta_compared, apply_used;
  logic               rb_valid, rb_ready, rb_done, rb_err;
  logic [63:0]        rb_addr;
  logic [2:0]         rb_tc;
  siov_eng_walk #(.PosW(PosW)) u_walk (
    .clk_i, .rst_ni, .clear_i(clear), .mps_i(cfg_i.mps), .job_valid_i(walk_valid),
    .job_ready_o(walk_ready), .job_i(walk_job), .avail_pos_i(avail_pos), .err_i(err),
    .err_ack_o(err_ack), .cmd_valid_o(cmd_valid), .cmd_ready_i(cmd_ready), .cmd_o(cmd),
    .out_idle_i(out_idle), .out_empty_i(out_empty),
    .unit_start_o(unit_start), .job_o(now), .crc_start_o(crc_start), .crc_seed_o(crc_seed),
    .crc_busy_i(crc_busy), .crc_result_i(crc_result), .dif_block_o(dif_block),
    .dif_pi_o(dif_pi_in), .dif_valid_i(dif_valid), .dif_error_i(dif_error),
    .dif_status_i(dif_status), .dif_pi_i(dif_pi_out), .dif_cr_src_i(dif_cr_src),
    .dif_cr_dst_i(dif_cr_dst), .unit_flush_o(unit_flush), .delta_done_i(delta_done),
    .delta_size_i(delta_size), .delta_differs_i(delta_differs),
    .delta_overflow_i(delta_overflow), .delta_compared_i(delta_compared), .unit_last_i(unit_last),
    .apply_done_i(apply_done), .apply_error_i(apply_error), .apply_status_i(apply_status),
    .apply_used_i(apply_used), .grab_valid_i(grab_valid), .grab_i(grab),
    .cmp_clear_o(cmp_clear), .cmp_differs_i(cmp_differs), .cmp_offset_i(cmp_offset),
    .rb_valid_o(rb_valid), .rb_ready_i(rb_ready), .rb_addr_o(rb_addr), .rb_tc_o(rb_tc),
    .rb_done_i(rb_done), .rb_err_i(rb_err), .batch_fail_o(batch_fail)
  );
  assign is_dif = now.op == siov_eng_pkg::JobDif;

  logic [511:0]      unit_data, unit_a, uw_data, dw_data, aw_data;
  logic [1:0]        unit_lane;
  logic [6:0]        unit_bytes, uw_bytes, dw_bytes, aw_bytes;
  logic              uw_valid, uw_ready, dw_valid, aw_valid;
  logic [63:0]       uw_addr, dw_addr, aw_addr;
  siov_pkg::tx_req_t uw_req;
  always_ff @(posedge clk_i) if (uw_valid && uw_ready) unit_last <= uw_addr + {57'd0, uw_bytes} - 64'd1;
  siov_eng_crc u_crc (
    .clk_i, .rst_ni, .clear_i(clear), .start_i(crc_start),
    .mode_i(is_dif ? 2'd2 : {1'b0, now.mods[3]}), .seed_i(crc_seed),
    .bypass_inv_i(!is_dif && now.mods[1]), .bypass_data_refl_i(!is_dif && now.mods[2]),
    .inv_seed_i(now.info[18]), .inv_result_i(now.info[19]), .valid_i(crc_valid),
    .data_i(unit_data), .lane_i({4'd0, unit_lane}), .bytes_i(unit_bytes), .ready_o(crc_ready),
    .busy_o(crc_busy), .result_o(crc_result)
  );
  siov_eng_dif u_dif (
    .clk_i, .rst_ni, .clear_i(clear), .start_i(unit_start), .info_i(now.info),
    .opcode_i(now.opcode), .block_i(dif_block), .guard_i(crc_result[15:0]), .pi_i(dif_pi_in),
    .valid_o(dif_valid), .error_o(dif_error), .dif_status_o(dif_status), .pi_o(dif_pi_out),
    .cr_src_o(dif_cr_src), .cr_dst_o(dif_cr_dst)
  );
  siov_eng_delta u_delta (
    .clk_i, .rst_ni, .clear_i(clear), .start_i(unit_start && now.op == siov_eng_pkg::JobDelta),
    .max_size_i(now.aux), .dst_i(now.other), .valid_i(delta_valid), .a_i(unit_a),
    .b_i(unit_data), .words_i(unit_bytes[6:3]), .ready_o(delta_ready), .flush_i(unit_flush),
    .done_o(delta_done), .wr_valid_o(dw_valid), .wr_ready_i(uw_ready), .wr_addr_o(dw_addr),
    .wr_bytes_o(dw_bytes), .wr_data_o(dw_data), .size_o(delta_size),
    .differs_o(delta_differs), .overflow_o(delta_overflow), .compared_o(delta_compared)
  );
  siov_eng_apply u_apply (
    .clk_i, .rst_ni, .clear_i(clear), .start_i(unit_start && now.op == siov_eng_pkg::JobApply),
    .dst_i(now.dst), .size_i(now.aux), .valid_i(apply_valid), .data_i(unit_data),
    .bytes_i(unit_bytes), .ready_o(apply_ready), .flush_i(unit_flush), .done_o(apply_done),
    .wr_valid_o(aw_valid), .wr_ready_i(uw_ready), .wr_addr_o(aw_addr), .wr_bytes_o(aw_bytes),
    .wr_data_o(aw_data), .error_o(apply_error), .status_o(apply_status), .used_o(apply_used)
  );
  // Only one of the two has work at a time.
  always_comb begin
    uw_valid = dw_valid || aw_valid;
    uw_addr = dw_valid ? dw_addr : aw_addr;
    uw_bytes = dw_valid ? dw_bytes : aw_bytes;
    uw_data = dw_valid ? dw_data : aw_data;
    uw_req = '0;
    uw_req.tc = dw_valid ? now.tc_other : now.tc_dst;
    uw_req.pasid_valid = now.pasid_en;
    uw_req.pasid = now.pasid;
    uw_req.priv = now.priv;
  end

  siov_eng_out #(.PosW(PosW)) u_out (
    .clk_i, .rst_ni, .clear_i(clear), .stop_i(stop), .quiet_o(quiet),
    .cmd_valid_i(cmd_valid), .cmd_ready_o(cmd_ready), .cmd_i(cmd),
    .line_rd_o(line_rd), .line_o(line), .line_data_i(line_data), .free_line_o(free_line),
    .cmp_clear_i(cmp_clear), .idle_o(out_idle), .empty_o(out_empty), .cmp_differs_o(cmp_differs),
    .cmp_offset_o(cmp_offset),
    .crc_valid_o(crc_valid), .crc_ready_i(crc_ready), .delta_valid_o(delta_valid),
    .delta_ready_i(delta_ready), .apply_valid_o(apply_valid), .apply_ready_i(apply_ready),
    .unit_data_o(unit_data), .unit_a_o(unit_a), .unit_lane_o(unit_lane),
    .unit_bytes_o(unit_bytes), .unit_wr_valid_i(uw_valid), .unit_wr_ready_o(uw_ready),
    .unit_wr_req_i(uw_req), .unit_wr_addr_i(uw_addr), .unit_wr_bytes_i(uw_bytes),
    .unit_wr_data_i(uw_data), .grab_valid_o(grab_valid), .grab_o(grab),
    .wr_valid_o, .wr_ready_i, .wr_sop_o, .wr_eop_o, .wr_req_o, .wr_data_o,
    .irq_valid_o, .irq_ready_i, .irq_ims_o, .irq_handle_o,
    .swerr_valid_o, .swerr_ready_i, .swerr_o,
    .done_valid_o, .done_ready_i, .done_wq_o, .done_epoch_o, .batch_done_o(batch_done)
  );

  logic              rb_req_valid, rb_req_ready, rb_unexpected, rb_timeout, rb_pending;
  siov_pkg::tx_req_t rb_req;
  siov_eng_readback #(.CtoCycles(CtoCycles)) u_readback (
    .clk_i, .rst_ni, .clear_i(clear), .cto_disable_i(cfg_i.cto_disable), .tag_i(rb_tag),
    .start_valid_i(rb_valid && !stop), .start_ready_o(rb_ready), .addr_i(rb_addr), .tc_i(rb_tc),
    .pasid_en_i(now.pasid_en), .pasid_i(now.pasid), .priv_i(now.priv), .done_o(rb_done),
    .err_o(rb_err), .req_valid_o(rb_req_valid), .req_ready_i(rb_req_ready), .req_o(rb_req),
    .cpl_valid_i, .cpl_sop_i, .cpl_i, .unexpected_o(rb_unexpected), .timeout_o(rb_timeout),
    .pending_o(rb_pending)
  );

  // ------------------------------------------------------------ one read request port
  // Readback first, then lists, then data; a request on offer stays.
  logic [1:0] pick, held_q;
  logic       hold_q;
  always_comb begin
    pick = rb_req_valid ? 2'd2 : list_req_valid ? 2'd1 : 2'd0;
    if (hold_q) pick = held_q;
    rd_valid_o = (pick == 2'd2 ? rb_req_valid : pick == 2'd1 ? list_req_valid : data_req_valid) && !stop;
    rd_req_o = (pick == 2'd2) ? rb_req : (pick == 2'd1) ? list_req : data_req;
  end
  assign rb_req_ready = pick == 2'd2 && rd_ready_i && !stop;
  assign list_req_ready = pick == 2'd1 && rd_ready_i && !stop;
  assign data_req_ready = pick == 2'd0 && rd_ready_i && !stop;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) hold_q <= 1'b0;
    else hold_q <= rd_valid_o && !rd_ready_i;
    held_q <= pick;
  end

  assign unexpected_o = data_unexpected || list_unexpected || rb_unexpected;
  assign timeout_o = data_timeout || list_timeout || rb_timeout;
  assign pending_o = data_pending || list_pending || rb_pending;

  assign xl_valid_o = 1'b0;
  assign xl_req_o = '0;
  assign xi_busy_o = 1'b0;
  logic unused_xl;
  assign unused_xl = ^{xl_ready_i, xa_valid_i, xa_i, xi_mark_i, xl_forget_i, discard_i, discard_pasid_en_i,
                       discard_pasid_i, epoch_i, 32'(PageRetries), 1'b0};

  logic unused_ok;
  assign unused_ok = ^{job_count, cfg_i, list_used, now, crc_result[63:16], 1'b0};

  `SIOV_ASSERT(EngineReadHolds, rd_valid_o && !rd_ready_i && !stop |=> stop || (rd_valid_o && $stable(rd_req_o)))
  `SIOV_COVER(EngineJobFifoFull, job_valid && !fifo_ready)

endmodule
