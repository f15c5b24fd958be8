// SPDX-License-Identifier: Apache-2.0
// Batches: fetches descriptor lists far ahead, feeds their members to the check in order, and puts
// the batch's own end behind them (dsa 5.6 (01)).
//
//   batch job -> queue of batches -+-> fetch: list reads -> list ring (siov_eng_ring: one line, one member)
//                                  +-> feed:  member -> look-up of its handle -> check
//
// Members run in order on this engine and inherit PASID, privilege and traffic classes of the
// batch; dword 0 of a member is ignored. Each is fetched once. A fence waits until every member
// before it has finished; if one of them did not end with status 1, the rest is dropped. When a list
// read fails, the members before it still run and the batch ends with 0x20; without a translation
// for the list with 0x06, or 0x22 where translating failed. The end of a batch is a
// job like any other and so leaves the engine after its members' records and interrupts.
// Throughput: a member every three cycles, two to four more if it asks for an interrupt.

`include "siov_assert.svh"

module siov_eng_batch #(
  parameter int unsigned EngineId = 0,
  parameter int unsigned Batches = 8,        /// batches known before the dispatcher is held up
  parameter int unsigned ListLines = 64,     /// members fetched ahead, power of two
  parameter int unsigned PosW = 14
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 clear_i,
  input  logic [2:0]           mrrs_i,
  // a checked batch descriptor
  output logic                 room_o,         /// a batch dispatched now finds a place
  input  logic                 par_valid_i,
  input  siov_eng_pkg::job_t   par_job_i,
  input  siov_pkg::disp_t      par_disp_i,
  // list ring
  output logic                 rd_valid_o,
  input  logic                 rd_ready_i,
  output logic [63:0]          rd_addr_o,
  output logic [9:0]           rd_bytes_o,
  output logic [PosW-1:0]      rd_pos_o,
  output logic [2:0]           rd_tc_o,
  output logic                 rd_pasid_en_o,
  output logic [19:0]          rd_pasid_o,
  output logic                 rd_priv_o,
  output siov_eng_pkg::xl_attr_t rd_attr_o,
  input  logic [PosW-1:0]      avail_pos_i,
  input  logic                 err_i,
  input  logic                 err_xl_i,       /// the list has no translation,
  input  logic [1:0]           err_reason_i,   /// why
  input  logic [51:0]          err_page_i,     /// and where
  output logic                 err_ack_o,
  output logic                 line_rd_o,
  output logic [PosW-7:0]      line_o,
  input  logic [511:0]         line_data_i,
  // permission look-up of a member's interrupt handle
  output logic                 lk_valid_o,
  input  logic                 lk_ready_i,
  output logic                 lk_ims_o,
  output logic [15:0]          lk_handle_o,
  output logic                 lk_pasid_en_o,
  output logic [19:0]          lk_pasid_o,
  input  logic                 lk_rsp_valid_i,
  input  logic                 lk_ok_i,
  // to the check
  output logic                 mem_valid_o,
  input  logic                 mem_ready_i,
  output siov_pkg::disp_t      mem_disp_o,
  output logic [15:0]          mem_index_o,
  output logic [7:0]           mem_id_o,
  output logic                 mem_end_o,      /// this is the end of the batch: mem_job_o
  output siov_eng_pkg::job_t   mem_job_o,
  // from the walker and the output
  input  logic                 fail_i,         /// a member of the batch under way did not end with status 1
  input  logic                 done_i          /// pulse: a member or an end has left the engine
);
  localparam int unsigned FetchW = 64 + 16 + 3 + 1 + 20 + 1 + siov_eng_pkg::XlAttrW;
  localparam int unsigned CtxW = siov_eng_pkg::JobW + siov_pkg::DispW;
  localparam int unsigned Depth = Batches + 4;   // and those that are in the check already
  localparam int unsigned CountW = $clog2(Depth + 1);

  // ------------------------------------------------------------ batches waiting
  logic              fetch_valid, fetch_pop, feed_valid, feed_pop, fetch_room, feed_room;
  logic [63:0]       f_addr;
  logic [15:0]       f_count;
  logic [2:0]        f_tc;
  logic              f_pasid_en, f_priv;
  logic [19:0]       f_pasid;
  siov_eng_pkg::xl_attr_t f_attr;
  logic [CountW-1:0] fetch_count, feed_count;
  siov_eng_pkg::job_t ctx_job;
  siov_pkg::disp_t    ctx_disp;
  siov_fifo #(.W(FetchW), .Depth(Depth)) u_fetch (
    .clk_i, .rst_ni, .clear_i, .wr_valid_i(par_valid_i), .wr_ready_o(fetch_room),
    .wr_data_i({par_job_i.src, par_job_i.size[15:0], par_job_i.tc_src, par_job_i.pasid_en,
                par_job_i.pasid, par_job_i.priv,
                par_job_i.ats, par_job_i.prs, par_job_i.wq, par_job_i.epoch}),
    .rd_valid_o(fetch_valid), .rd_ready_i(fetch_pop),
    .rd_data_o({f_addr, f_count, f_tc, f_pasid_en, f_pasid, f_priv, f_attr}), .count_o(fetch_count)
  );
  siov_fifo #(.W(CtxW), .Depth(Depth)) u_feed (
    .clk_i, .rst_ni, .clear_i, .wr_valid_i(par_valid_i), .wr_ready_o(feed_room),
    .wr_data_i({par_job_i, par_disp_i}), .rd_valid_o(feed_valid), .rd_ready_i(feed_pop),
    .rd_data_o({ctx_job, ctx_disp}), .count_o(feed_count)
  );
  assign room_o = feed_count < CountW'(Batches);

  // ------------------------------------------------------------ fetch
  logic              active_q;
  logic [63:0]       addr_q;
  logic [15:0]       left_q;            // members not yet asked for
  logic [PosW-7:0]   fetch_line_q, feed_line_q, used;
  logic [9:0]        limit, room, want, bytes;
  logic              space;
  always_comb begin
    limit = 10'd512;
    if (mrrs_i == 3'd0) limit = 10'd128;
    if (mrrs_i == 3'd1) limit = 10'd256;
    room = limit - (addr_q[9:0] & (limit - 10'd1));
    want = (left_q >= 16'd8) ? 10'd512 : {1'b0, left_q[2:0], 6'd0};
    bytes = (want < room) ? want : room;
    used = fetch_line_q + {{(PosW-10){1'b0}}, bytes[9:6]} - feed_line_q;
    space = used <= (PosW-6)'(ListLines);
  end
  assign rd_valid_o = active_q && space;
  assign rd_addr_o = addr_q;
  assign rd_bytes_o = bytes;
  assign rd_pos_o = {fetch_line_q, 6'd0};
  assign rd_tc_o = f_tc;
  assign rd_pasid_en_o = f_pasid_en;
  assign rd_pasid_o = f_pasid;
  assign rd_priv_o = f_priv;
  assign rd_attr_o = f_attr;
  assign fetch_pop = rd_valid_o && rd_ready_i && left_q == {12'd0, bytes[9:6]};
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      active_q <= 1'b0;
      fetch_line_q <= '0;
    end else begin
      if (!active_q) active_q <= fetch_valid;
      else if (fetch_pop) active_q <= 1'b0;
      if (rd_valid_o && rd_ready_i) fetch_line_q <= fetch_line_q + {{(PosW-10){1'b0}}, bytes[9:6]};
    end
    if (!active_q) begin
      addr_q <= f_addr;
      left_q <= f_count;
    end else if (rd_valid_o && rd_ready_i) begin
      addr_q <= addr_q + {54'd0, bytes};
      left_q <= left_q - {12'd0, bytes[9:6]};
    end
  end

  // ------------------------------------------------------------ feed
  localparam logic [2:0] StLine = 3'd0;    // waits for the next member, reads it
  localparam logic [2:0] StLook = 3'd1;    // it is there: fence, look-up
  localparam logic [2:0] StWait = 3'd2;    // look-up under way
  localparam logic [2:0] StGive = 3'd3;    // gives it to the check
  localparam logic [2:0] StDrop = 3'd4;    // the rest of the list is not run
  localparam logic [2:0] StEnd = 3'd5;     // gives the end of the batch
  localparam logic [2:0] StFresh = 3'd6;   // the context has changed

  logic [2:0]      state_q;
  logic [15:0]     index_q, lines_q;       // members given; lines of this list used
  logic [7:0]      id_q;
  logic            list_err_q, handle_ok_q, list_xl_q;
  logic [1:0]      list_reason_q;
  logic [51:0]     list_page_q;
  logic [511:0]    desc_q;
  logic [15:0]     out_q;                  // members and ends given and not finished
  logic [PosW-1:0] lag;
  logic            there, given, fence, rci, fresh_q;
  logic [511:0]    desc;
  logic [23:0]     flags;

  assign lag = avail_pos_i - {feed_line_q + (PosW-6)'(1), 6'd0};
  assign there = !lag[PosW-1];
  assign err_ack_o = err_i && !there && feed_valid &&
                     (state_q == StLine || (state_q == StDrop && lines_q != ctx_job.size[15:0]));
  assign line_rd_o = state_q == StLine && feed_valid && there && lines_q != ctx_job.size[15:0];
  assign line_o = feed_line_q;
  assign desc = fresh_q ? line_data_i : desc_q;
  assign flags = desc[siov_abi_pkg::DescFlagsLsb +: 24];
  assign fence = flags[siov_abi_pkg::FlagFence] && index_q != '0;
  assign rci = flags[siov_abi_pkg::FlagRci];
  assign given = mem_valid_o && mem_ready_i;

  logic fence_wait, fence_stop, look, lk_busy_q;
  always_comb begin
    fence_wait = fence && out_q != '0;
    fence_stop = fence && !fence_wait && fail_i;
    look = state_q == StLook && !fence_wait && !fence_stop && rci && !lk_busy_q;
  end
  // One look-up at a time, also across a clear: an answer is never taken for another's.
  always_ff @(posedge clk_i) begin
    if (!rst_ni) lk_busy_q <= 1'b0;
    else if (lk_valid_o && lk_ready_i) lk_busy_q <= 1'b1;
    else if (lk_rsp_valid_i) lk_busy_q <= 1'b0;
  end
  assign lk_valid_o = look;
  assign lk_ims_o = ctx_disp.ims;
  assign lk_handle_o = desc[siov_abi_pkg::DescHandleLsb +: 16];
  assign lk_pasid_en_o = ctx_disp.pasid_en;
  assign lk_pasid_o = ctx_disp.pasid;

  logic line_used;
  assign line_used = line_rd_o || (state_q == StDrop && there && lines_q != ctx_job.size[15:0]);

  always_ff @(posedge clk_i) begin
    fresh_q <= line_rd_o;
    if (fresh_q) desc_q <= line_data_i;
    if (!rst_ni || clear_i) begin
      state_q <= StLine;
      index_q <= '0;
      lines_q <= '0;
      feed_line_q <= '0;
      out_q <= '0;
      list_err_q <= 1'b0;
      if (!rst_ni) id_q <= '0;
    end else begin
      out_q <= out_q + 16'(given) - 16'(done_i);
      if (line_used) begin
        feed_line_q <= feed_line_q + (PosW-6)'(1);
        lines_q <= lines_q + 16'd1;
      end
      unique case (state_q)
        StLine: if (feed_valid) begin
          if (line_rd_o) state_q <= StLook;
          else if (err_ack_o) begin
            list_err_q <= 1'b1;
            list_xl_q <= err_xl_i;
            list_reason_q <= err_reason_i;
            list_page_q <= err_page_i;
            state_q <= StDrop;
          end
        end
        StLook: if (!fence_wait) begin
          handle_ok_q <= 1'b0;
          if (fence_stop) state_q <= (lines_q == ctx_job.size[15:0]) ? StEnd : StDrop;
          else if (!rci) state_q <= StGive;
          else if (lk_ready_i && !lk_busy_q) state_q <= StWait;
        end
        StWait: if (lk_rsp_valid_i) begin
          handle_ok_q <= lk_ok_i;
          state_q <= StGive;
        end
        StGive: if (mem_ready_i) begin
          index_q <= index_q + 16'd1;
          state_q <= (lines_q == ctx_job.size[15:0]) ? StEnd : StLine;
        end
        StDrop: if (lines_q == ctx_job.size[15:0]) state_q <= StEnd;
        StEnd: if (mem_ready_i) state_q <= StFresh;
        StFresh: begin
          index_q <= '0;
          lines_q <= '0;
          list_err_q <= 1'b0;
          id_q <= id_q + 8'd1;
          state_q <= StLine;
        end
        default: state_q <= StLine;
      endcase
    end
  end
  assign feed_pop = state_q == StEnd && mem_ready_i;

  assign mem_valid_o = state_q == StGive || state_q == StEnd;
  assign mem_end_o = state_q == StEnd;
  assign mem_index_o = index_q;
  assign mem_id_o = {2'(EngineId), id_q[5:0]};
  always_comb begin
    mem_disp_o = ctx_disp;
    mem_disp_o.desc = desc_q;
    mem_disp_o.handle_ok = handle_ok_q;
    mem_job_o = ctx_job;
    mem_job_o.op = siov_eng_pkg::JobBatchEnd;
    mem_job_o.aux = {16'd0, index_q};
    if (list_err_q) begin
      mem_job_o.status = siov_abi_pkg::StReadError;
      if (list_xl_q) mem_job_o.status = (list_reason_q == siov_eng_pkg::XlBroken)
          ? siov_abi_pkg::StTranslationError : siov_abi_pkg::StBatchPageFault;
      mem_job_o.dst = {list_page_q, 12'd0};
    end
  end

  logic unused_ok;
  assign unused_ok = ^{desc, fetch_count, id_q[7:6], 1'b0};

  `SIOV_ASSERT_IF(BatchRoom, par_valid_i, fetch_room && feed_room)
  `SIOV_ASSERT_HOLDS(BatchMemberHolds, mem_valid_o && !mem_ready_i && !clear_i, 1'b0, mem_valid_o, mem_index_o)
  `SIOV_ASSERT_IF(BatchCountsDown, done_i, out_q != '0)
  `SIOV_ASSERT_HOLDS(BatchLookupHolds, lk_valid_o && !lk_ready_i && !clear_i, 1'b0, lk_valid_o, lk_handle_o)
  `SIOV_COVER(BatchFenceWaits, state_q == StLook && fence_wait)
  `SIOV_COVER(BatchFenceStops, state_q == StLook && fence_stop)

endmodule
