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
  localparam int unsigned KeyW = siov_eng_pkg::XlKeyW;
  // Names of translation requests: reads first, then writes.
  localparam int unsigned ReadCells = 12;
  localparam int unsigned WriteId = ReadCells;
  localparam int unsigned Cells = WriteId + 6;

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
    // The last ones are translation requests' (siov_ats).
    if (cfg_i.ats_en) data_tags = data_tags - ((long_tags || cfg_i.ext_tag_en) ? 8'd4 : 8'd1);
    rb_number = data_tags + list_tags;
  end
  logic [9:0] rb_tag;
  assign rb_tag = siov_pkg::tag_on_link(long_tags, cfg_i.ext_tag_en, 2'(EngineId), rb_number);

  // ------------------------------------------------------------ translation
  logic                  mark, old_data, old_list, old_back, old_writes;
  logic [Cells-1:0]      ask_valid, ask_page, ask_taken, gone;
  logic [Cells*KeyW-1:0] ask_key;
  siov_eng_xl_ask #(.Cells(Cells), .NumWq(NumWq)) u_xl_ask (
    .clk_i, .rst_ni, .ask_valid_i(ask_valid), .ask_page_i(ask_page), .ask_key_i(ask_key),
    .ask_taken_o(ask_taken), .xl_valid_o, .xl_ready_i, .xl_req_o,
    .discard_i, .discard_pasid_en_i, .discard_pasid_i, .epoch_i, .gone_o(gone)
  );
  assign mark = xi_mark_i || xl_forget_i;
  assign xi_busy_o = old_data || old_list || old_back || old_writes;

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
    .rd_priv_o(lr_priv), .rd_attr_o(lr_attr), .avail_pos_i(l_avail), .err_i(l_err),
    .err_xl_i(l_err_xl), .err_reason_i(l_err_reason), .err_page_i(l_err_page), .err_ack_o(l_ack),
    .line_rd_o(l_line_rd), .line_o(l_line), .line_data_i(l_data),
    .lk_valid_o, .lk_ready_i, .lk_ims_o, .lk_handle_o, .lk_pasid_en_o, .lk_pasid_o,
    .lk_rsp_valid_i, .lk_ok_i,
    .mem_valid_o(mem_valid), .mem_ready_i(mem_ready), .mem_disp_o(mem_disp),
    .mem_index_o(mem_index), .mem_id_o(mem_id), .mem_end_o(mem_end), .mem_job_o(mem_job),
    .fail_i(batch_fail), .done_i(batch_done)
  );

  siov_eng_pkg::xl_attr_t lr_attr, list_req_attr;
  logic              l_err_xl;
  logic [1:0]        l_err_reason;
  logic [51:0]       l_err_page;
  logic              list_req_valid, list_req_ready, list_unexpected, list_timeout, list_pending;
  logic              list_sent, list_unsent, list_fail;
  logic [2:0]        list_req_tag, list_sent_tag, list_unsent_tag, list_fail_tag;
  logic [1:0]        list_reason;
  logic [51:0]       list_page;
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
    .rd_pasid_i(lr_pasid), .rd_priv_i(lr_priv), .rd_attr_i(lr_attr),
    .req_valid_o(list_req_valid), .req_ready_i(list_req_ready), .req_o(list_req),
    .req_tag_o(list_req_tag), .req_attr_o(list_req_attr), .mark_i(mark), .sent_i(list_sent),
    .sent_tag_i(list_sent_tag), .unsent_i(list_unsent), .unsent_tag_i(list_unsent_tag),
    .fail_i(list_fail), .fail_tag_i(list_fail_tag), .fail_reason_i(list_reason),
    .fail_page_i(list_page), .old_o(old_list),
    .cpl_valid_i, .cpl_sop_i, .cpl_eop_i, .cpl_i, .cpl_data_i,
    .unexpected_o(list_unexpected), .timeout_o(list_timeout), .pending_o(list_pending),
    .used_lines_o(list_used),
    .avail_pos_o(l_avail), .err_o(l_err), .err_xl_o(l_err_xl), .err_reason_o(l_err_reason),
    .err_page_o(l_err_page), .err_ack_i(l_ack), .line_rd_i(l_line_rd), .line_i(l_line),
    .line_data_o(l_data)
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
  logic            err, err_xl, err_ack, line_rd;
  logic [1:0]      err_reason;
  logic [51:0]     err_page;
  siov_eng_pkg::xl_attr_t sr_attr, data_req_attr;
  logic [511:0]    line_data;

  siov_eng_split #(.PosW(PosW), .RingLines(RingLines)) u_split (
    .clk_i, .rst_ni, .clear_i(clear), .mps_i(cfg_i.mps), .mrrs_i(cfg_i.mrrs),
    .job_valid_i(pushable && fifo_ready), .job_ready_o(split_ready), .job_i(job),
    .free_line_i(free_line), .rd_valid_o(sr_valid), .rd_ready_i(sr_ready && rb_ok_i && !stop),
    .rd_addr_o(sr_addr), .rd_bytes_o(sr_bytes), .rd_pos_o(sr_pos), .rd_tc_o(sr_tc),
    .rd_pasid_en_o(sr_pasid_en), .rd_pasid_o(sr_pasid), .rd_priv_o(sr_priv), .rd_attr_o(sr_attr)
  );

  logic              data_req_valid, data_req_ready, data_unexpected, data_timeout, data_pending;
  logic              data_sent, data_unsent, data_fail;
  logic [$clog2(Tags)-1:0] data_req_tag, data_sent_tag, data_unsent_tag, data_fail_tag;
  logic [1:0]        data_reason;
  logic [51:0]       data_page;
  siov_pkg::tx_req_t data_req;
  siov_eng_ring #(
    .EngineId(EngineId), .Tags(Tags), .RingLines(RingLines), .PosW(PosW), .CtoCycles(CtoCycles)
  ) u_ring (
    .clk_i, .rst_ni, .clear_i(clear), .cto_disable_i(cfg_i.cto_disable),
    .ext_tag_i(cfg_i.ext_tag_en),
    .tag10_i(long_tags), .first_i(8'd0), .count_i(TagW'(data_tags)),
    .rd_valid_i(sr_valid && rb_ok_i && !stop), .rd_ready_o(sr_ready), .rd_addr_i(sr_addr),
    .rd_bytes_i(sr_bytes), .rd_pos_i(sr_pos), .rd_tc_i(sr_tc), .rd_pasid_en_i(sr_pasid_en),
    .rd_pasid_i(sr_pasid), .rd_priv_i(sr_priv), .rd_attr_i(sr_attr),
    .req_valid_o(data_req_valid), .req_ready_i(data_req_ready), .req_o(data_req),
    .req_tag_o(data_req_tag), .req_attr_o(data_req_attr), .mark_i(mark), .sent_i(data_sent),
    .sent_tag_i(data_sent_tag), .unsent_i(data_unsent), .unsent_tag_i(data_unsent_tag),
    .fail_i(data_fail), .fail_tag_i(data_fail_tag), .fail_reason_i(data_reason),
    .fail_page_i(data_page), .old_o(old_data),
    .cpl_valid_i, .cpl_sop_i, .cpl_eop_i, .cpl_i, .cpl_data_i,
    .unexpected_o(data_unexpected), .timeout_o(data_timeout), .pending_o(data_pending),
    .used_lines_o(rb_used_o),
    .avail_pos_o(avail_pos), .err_o(err), .err_xl_o(err_xl), .err_reason_o(err_reason),
    .err_page_o(err_page), .err_ack_i(err_ack),
    .line_rd_i(line_rd), .line_i(line), .line_data_o(line_data)
  );

  // ------------------------------------------------------------ walker, units, output
  logic               cmd_valid, cmd_ready, cmp_clear, cmp_differs, out_idle, out_empty, out_report;
  logic [31:0]        cmp_offset;
  siov_eng_pkg::cmd_t cmd;
  siov_eng_pkg::job_t now;                 // the job under way in the walker
  logic               unit_start, unit_flush, crc_start, crc_busy, crc_valid, crc_ready;
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
    .err_xl_i(err_xl), .err_reason_i(err_reason), .err_page_i(err_page), .evl_i,
    .page_start_o(page_start), .page_want_o(page_want), .page_o(page), .page2_o(page2),
    .page_ahead_o(page_ahead), .next_page_o(next_page), .next_page2_o(next_page2),
    .page_ahead_job_o(page_ahead_job), .page_record_o(page_record),
    .page_i(page_got), .page2_i(page2_got), .page_record_i(page_record_got),
    .page_quiet_i(page_quiet), .unit_fault_i(uw_fault), .unit_page_i(uw_addr[63:12]),
    .err_ack_o(err_ack), .cmd_valid_o(cmd_valid), .cmd_ready_i(cmd_ready), .cmd_o(cmd),
    .out_idle_i(out_idle), .out_empty_i(out_empty), .out_report_i(out_report),
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

  logic [511:0]      unit_data, unit_a, uw_data;
  logic [1:0]        unit_lane;
  logic [6:0]        unit_bytes, uw_bytes;
  logic              uw_valid, uw_go, uw_ready, uw_fault;
  logic [63:0]       uw_addr, uw_addr_xl;
  siov_pkg::tx_req_t uw_req;
  siov_eng_units u_units (
    .clk_i, .rst_ni, .clear_i(clear), .job_i(now), .start_i(unit_start), .flush_i(unit_flush),
    .data_i(unit_data), .a_i(unit_a), .lane_i(unit_lane), .bytes_i(unit_bytes),
    .crc_start_i(crc_start), .crc_seed_i(crc_seed), .crc_valid_i(crc_valid), .crc_ready_o(crc_ready),
    .crc_busy_o(crc_busy), .crc_result_o(crc_result),
    .dif_block_i(dif_block), .dif_pi_i(dif_pi_in), .dif_valid_o(dif_valid), .dif_error_o(dif_error),
    .dif_status_o(dif_status), .dif_pi_o(dif_pi_out), .dif_cr_src_o(dif_cr_src),
    .dif_cr_dst_o(dif_cr_dst),
    .delta_valid_i(delta_valid), .delta_ready_o(delta_ready), .delta_done_o(delta_done),
    .delta_size_o(delta_size), .delta_differs_o(delta_differs), .delta_overflow_o(delta_overflow),
    .delta_compared_o(delta_compared),
    .apply_valid_i(apply_valid), .apply_ready_o(apply_ready), .apply_done_o(apply_done),
    .apply_error_o(apply_error), .apply_status_o(apply_status), .apply_used_o(apply_used),
    .wr_valid_o(uw_valid), .wr_ready_i(uw_ready && uw_go), .wr_fault_i(uw_fault), .wr_addr_o(uw_addr),
    .wr_bytes_o(uw_bytes), .wr_data_o(uw_data), .last_o(unit_last)
  );

  // ------------------------------------------------------------ pages of what is written
  siov_eng_pkg::xl_got_t page_got, page2_got, page_record_got;
  logic                  page_start, page_want, page_ahead, page_ahead_job, page_record, page_quiet;
  logic [51:0]           page, page2, next_page, next_page2;
  siov_eng_xl_writes #(.EngineId(EngineId), .FirstId(WriteId), .PageRetries(PageRetries)) u_xl_writes (
    .clk_i, .rst_ni, .clear_i(clear), .mark_i(mark), .now_i(now), .next_valid_i(walk_valid),
    .next_i(walk_job), .start_i(page_start), .want_i(page_want), .page_i(page), .page2_i(page2),
    .ahead_i(page_ahead), .ahead_page_i(next_page), .ahead_page2_i(next_page2),
    .ahead_job_i(page_ahead_job), .want_record_i(page_record), .hold_i(out_report),
    .got_o(page_got), .got2_o(page2_got), .got_record_o(page_record_got), .quiet_o(page_quiet),
    .unit_valid_i(uw_valid), .unit_addr_i(uw_addr), .unit_go_o(uw_go), .unit_req_o(uw_req),
    .unit_addr_o(uw_addr_xl), .unit_fault_o(uw_fault),
    .ask_valid_o(ask_valid[WriteId +: 6]), .ask_page_o(ask_page[WriteId +: 6]),
    .ask_key_o(ask_key[WriteId*KeyW +: 6*KeyW]), .ask_taken_i(ask_taken[WriteId +: 6]),
    .gone_i(gone[WriteId +: 6]), .xa_valid_i, .xa_i
  );

  siov_eng_out #(.PosW(PosW)) u_out (
    .clk_i, .rst_ni, .clear_i(clear), .stop_i(stop), .quiet_o(quiet), .mark_i(mark), .old_o(old_writes),
    .report_o(out_report),
    .cmd_valid_i(cmd_valid), .cmd_ready_o(cmd_ready), .cmd_i(cmd),
    .line_rd_o(line_rd), .line_o(line), .line_data_i(line_data), .free_line_o(free_line),
    .cmp_clear_i(cmp_clear), .idle_o(out_idle), .empty_o(out_empty), .cmp_differs_o(cmp_differs),
    .cmp_offset_o(cmp_offset),
    .crc_valid_o(crc_valid), .crc_ready_i(crc_ready), .delta_valid_o(delta_valid),
    .delta_ready_i(delta_ready), .apply_valid_o(apply_valid), .apply_ready_i(apply_ready),
    .unit_data_o(unit_data), .unit_a_o(unit_a), .unit_lane_o(unit_lane),
    .unit_bytes_o(unit_bytes), .unit_wr_valid_i(uw_valid && uw_go), .unit_wr_ready_o(uw_ready),
    .unit_wr_req_i(uw_req), .unit_wr_addr_i(uw_addr_xl), .unit_wr_bytes_i(uw_bytes),
    .unit_wr_data_i(uw_data), .grab_valid_o(grab_valid), .grab_o(grab),
    .wr_valid_o, .wr_ready_i, .wr_sop_o, .wr_eop_o, .wr_req_o, .wr_data_o,
    .irq_valid_o, .irq_ready_i, .irq_ims_o, .irq_handle_o,
    .swerr_valid_o, .swerr_ready_i, .swerr_o,
    .done_valid_o, .done_ready_i, .done_wq_o, .done_epoch_o, .batch_done_o(batch_done)
  );

  logic              rb_req_valid, rb_req_ready, rb_unexpected, rb_timeout, rb_pending;
  logic              rb_sent, rb_unsent, rb_fail;
  siov_pkg::tx_req_t rb_req;
  siov_eng_pkg::xl_attr_t rb_attr, rb_req_attr;
  always_comb begin
    rb_attr.ats = now.ats;
    rb_attr.block = now.prs;
    rb_attr.wq = now.wq;
    rb_attr.epoch = now.epoch;
  end
  siov_eng_readback #(.CtoCycles(CtoCycles)) u_readback (
    .clk_i, .rst_ni, .clear_i(clear), .cto_disable_i(cfg_i.cto_disable), .tag_i(rb_tag),
    .start_valid_i(rb_valid && !stop), .start_ready_o(rb_ready), .addr_i(rb_addr), .tc_i(rb_tc),
    .pasid_en_i(now.pasid_en), .pasid_i(now.pasid), .priv_i(now.priv), .done_o(rb_done),
    .err_o(rb_err), .req_valid_o(rb_req_valid), .req_ready_i(rb_req_ready), .req_o(rb_req),
    .attr_i(rb_attr), .req_attr_o(rb_req_attr), .mark_i(mark), .sent_i(rb_sent), .unsent_i(rb_unsent),
    .fail_i(rb_fail), .old_o(old_back),
    .cpl_valid_i, .cpl_sop_i, .cpl_i, .unexpected_o(rb_unexpected), .timeout_o(rb_timeout),
    .pending_o(rb_pending)
  );

  siov_eng_reads #(
    .EngineId(EngineId), .FirstId(0), .TagW($clog2(Tags)), .PageRetries(PageRetries)
  ) u_reads (
    .clk_i, .rst_ni, .clear_i(clear), .stop_i(stop), .mark_i(mark),
    .data_valid_i(data_req_valid), .data_ready_o(data_req_ready), .data_req_i(data_req),
    .data_tag_i(data_req_tag), .data_attr_i(data_req_attr), .data_sent_o(data_sent),
    .data_sent_tag_o(data_sent_tag), .data_unsent_o(data_unsent), .data_unsent_tag_o(data_unsent_tag),
    .data_fail_o(data_fail), .data_fail_tag_o(data_fail_tag), .data_reason_o(data_reason),
    .data_page_o(data_page),
    .list_valid_i(list_req_valid), .list_ready_o(list_req_ready), .list_req_i(list_req),
    .list_tag_i(list_req_tag), .list_attr_i(list_req_attr), .list_sent_o(list_sent),
    .list_sent_tag_o(list_sent_tag), .list_unsent_o(list_unsent), .list_unsent_tag_o(list_unsent_tag),
    .list_fail_o(list_fail), .list_fail_tag_o(list_fail_tag), .list_reason_o(list_reason),
    .list_page_o(list_page),
    .back_valid_i(rb_req_valid), .back_ready_o(rb_req_ready), .back_req_i(rb_req),
    .back_attr_i(rb_req_attr), .back_sent_o(rb_sent), .back_unsent_o(rb_unsent), .back_fail_o(rb_fail),
    .rd_valid_o, .rd_ready_i, .rd_req_o,
    .ask_valid_o(ask_valid[0 +: ReadCells]), .ask_page_o(ask_page[0 +: ReadCells]),
    .ask_key_o(ask_key[0 +: ReadCells*KeyW]), .ask_taken_i(ask_taken[0 +: ReadCells]),
    .gone_i(gone[0 +: ReadCells]), .xa_valid_i, .xa_i
  );

  assign unexpected_o = data_unexpected || list_unexpected || rb_unexpected;
  assign timeout_o = data_timeout || list_timeout || rb_timeout;
  assign pending_o = data_pending || list_pending || rb_pending;

  logic unused_ok;
  assign unused_ok = ^{job_count, cfg_i, list_used, now, 1'b0};

  `SIOV_COVER(EngineJobFifoFull, job_valid && !fifo_ready)

endmodule
