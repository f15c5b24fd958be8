// SPDX-License-Identifier: Apache-2.0
// Output of an engine: executes the walker's commands strictly in order.
//
// Lines of the ring become beats of write TLPs, one a cycle; fill patterns and completion
// records join the same stream;
// an end command then asks for the interrupt, reports a software error and finally says done, so
// each of them is ordered
// behind everything of its descriptor (dsa 5.3). Comparisons read two lines for every 64 bytes.
// stop_i: no new TLP starts, ends are thrown away, a TLP that is half sent is completed; quiet_o
// then says all is out.
// Latency: command to beat 3 cycles. Throughput: a beat a cycle, also from one TLP to the next.

`include "siov_assert.svh"

module siov_eng_out #(
  parameter int unsigned PosW = 17
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                clear_i,
  input  logic                stop_i,
  output logic                quiet_o,
  input  logic                cmd_valid_i,
  output logic                cmd_ready_o,
  input  siov_eng_pkg::cmd_t  cmd_i,
  // ring
  output logic                line_rd_o,
  output logic [PosW-7:0]     line_o,
  input  logic [511:0]        line_data_i,
  output logic [PosW-7:0]     free_line_o,
  // comparison
  input  logic                cmp_clear_i,
  output logic                cmp_idle_o,
  output logic                cmp_differs_o,
  output logic [31:0]         cmp_offset_o,
  // link
  output logic                wr_valid_o,
  input  logic                wr_ready_i,
  output logic                wr_sop_o,
  output logic                wr_eop_o,
  output siov_pkg::tx_req_t   wr_req_o,
  output logic [511:0]        wr_data_o,
  // interrupt, software error, done
  output logic                irq_valid_o,
  input  logic                irq_ready_i,
  output logic                irq_ims_o,
  output logic [15:0]         irq_handle_o,
  output logic                swerr_valid_o,
  input  logic                swerr_ready_i,
  output siov_pkg::swerr_t    swerr_o,
  output logic                done_valid_o,
  input  logic                done_ready_i,
  output logic [7:0]          done_wq_o,
  output logic                done_epoch_o
);

  localparam int unsigned Depth = 8;
  localparam int unsigned EntryW = 1 + 1 + 1 + siov_pkg::TxReqW + 512;

  // ------------------------------------------------------------ commands
  siov_eng_pkg::cmd_t cmd;
  logic               cmd_valid, cmd_take;
  logic [2:0]         cmd_count;
  siov_fifo #(.W(siov_eng_pkg::CmdW), .Depth(4)) u_cmds (
    .clk_i, .rst_ni, .clear_i, .wr_valid_i(cmd_valid_i), .wr_ready_o(cmd_ready_o),
    .wr_data_i(cmd_i), .rd_valid_o(cmd_valid), .rd_ready_i(cmd_take), .rd_data_o(cmd),
    .count_o(cmd_count)
  );

  // ------------------------------------------------------------ one beat a cycle
  logic [4:0]      beat_q;           // beat of the command at the head
  logic            side_q;           // compare: 0 line of block A, 1 of block B
  logic [PosW-7:0] line_q;           // first line not given back
  logic [3:0]      out_count;
  logic            room, step, last, is_ring, is_cmp, is_skip, is_end, run;

  always_comb begin
    is_ring = cmd.kind == siov_eng_pkg::CmdRing;
    is_cmp = cmd.kind == siov_eng_pkg::CmdCompare;
    is_skip = cmd.kind == siov_eng_pkg::CmdSkip;
    is_end = cmd.kind == siov_eng_pkg::CmdEnd;
    room = out_count <= 4'(Depth - 2);
    run = cmd_valid && (!stop_i || beat_q != '0);   // a started TLP goes on
    step = run && (room || is_cmp || is_skip);
    last = is_skip || (beat_q + 5'd1 == cmd.beats && (!is_cmp || side_q));
    cmd_take = step && last;
  end
  assign line_rd_o = step && (is_ring || is_cmp);
  assign line_o = is_cmp ? line_q + {{(PosW-11){1'b0}}, beat_q} +
                           (side_q ? {{(PosW-11){1'b0}}, cmd.beats} : '0)
                         : line_q;
  assign free_line_o = line_q;

  logic              s1_valid_q, s1_ring_q, s1_fill_q, s1_end_q, s1_sop_q, s1_eop_q;
  siov_pkg::tx_req_t s1_req_q;
  logic [511:0]      s1_data_q;
  logic              c1_a_q, c1_b_q;
  logic [6:0]        c1_bytes_q, c2_bytes_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      beat_q <= '0;
      side_q <= 1'b0;
      line_q <= '0;
      s1_valid_q <= 1'b0;
      c1_a_q <= 1'b0;
      c1_b_q <= 1'b0;
    end else begin
      s1_valid_q <= step && !is_cmp && !is_skip;
      c1_a_q <= step && is_cmp && !side_q;
      c1_b_q <= step && is_cmp && side_q;
      if (step) begin
        if (is_cmp) side_q <= !side_q;
        if (last) beat_q <= '0;
        else if (!is_cmp || side_q) beat_q <= beat_q + 5'd1;
        if (is_ring) line_q <= line_q + (PosW-6)'(1);
        if (is_skip) line_q <= line_q + {{(PosW-11){1'b0}}, cmd.beats};
        if (is_cmp && last) line_q <= line_q + {{(PosW-12){1'b0}}, cmd.beats, 1'b0};
      end
    end
    if (step) begin
      s1_ring_q <= is_ring;
      s1_fill_q <= cmd.kind == siov_eng_pkg::CmdFill;
      s1_end_q <= is_end;
      s1_sop_q <= beat_q == '0;
      s1_eop_q <= last;
      s1_req_q <= cmd.req;
      s1_data_q <= cmd.data;
      c1_bytes_q <= (last && cmd.bytes[5:0] != '0) ? {1'b0, cmd.bytes[5:0]} : 7'd64;
    end
  end

  logic [511:0] s1_data;
  assign s1_data = s1_ring_q ? line_data_i : s1_fill_q ? {8{s1_data_q[63:0]}} : s1_data_q;

  // ------------------------------------------------------------ output store
  logic              o_valid, o_pop, o_end, o_sop, o_eop, slot_ready;
  siov_pkg::tx_req_t o_req;
  logic [511:0]      o_data;
  siov_fifo #(.W(EntryW), .Depth(Depth)) u_out (
    .clk_i, .rst_ni, .clear_i, .wr_valid_i(s1_valid_q), .wr_ready_o(slot_ready),
    .wr_data_i({s1_end_q, s1_sop_q, s1_eop_q, s1_req_q, s1_data}), .rd_valid_o(o_valid),
    .rd_ready_i(o_pop), .rd_data_o({o_end, o_sop, o_eop, o_req, o_data}), .count_o(out_count)
  );

  siov_eng_pkg::end_t fin;
  logic               mid_q, irq_done_q, swerr_done_q, drop, ending;
  assign fin = o_data[siov_eng_pkg::EndW-1:0];
  assign drop = stop_i && !mid_q;                  // throw away instead of sending
  assign ending = o_valid && o_end && !drop;
  assign wr_valid_o = o_valid && !o_end && !drop;
  assign wr_sop_o = o_sop;
  assign wr_eop_o = o_eop;
  assign wr_req_o = o_req;
  assign wr_data_o = o_data;
  assign irq_valid_o = ending && fin.irq && !irq_done_q;
  assign irq_ims_o = fin.ims;
  assign irq_handle_o = fin.handle;
  assign swerr_valid_o = ending && fin.swerr && !swerr_done_q;
  assign swerr_o = fin.err;
  assign done_valid_o = ending && (!fin.irq || irq_done_q) && (!fin.swerr || swerr_done_q);
  assign done_wq_o = fin.wq;
  assign done_epoch_o = fin.epoch;
  assign o_pop = o_valid && (drop || (o_end ? (done_valid_o && done_ready_i) : wr_ready_i));

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      mid_q <= 1'b0;
      irq_done_q <= 1'b0;
      swerr_done_q <= 1'b0;
    end else begin
      if (wr_valid_o && wr_ready_i) mid_q <= !o_eop;
      if (o_pop) begin
        irq_done_q <= 1'b0;
        swerr_done_q <= 1'b0;
      end else begin
        if (irq_valid_o && irq_ready_i) irq_done_q <= 1'b1;
        if (swerr_valid_o && swerr_ready_i) swerr_done_q <= 1'b1;
      end
    end
  end
  assign quiet_o = !o_valid && !s1_valid_q && !mid_q && !(cmd_valid && beat_q != '0);

  // ------------------------------------------------------------ comparison
  logic [511:0] a_q;
  logic [63:0]  neq_q, neq;
  logic         neq_valid_q, differs_q;
  logic [31:0]  base_q, offset_q;
  logic [5:0]   first;

  always_ff @(posedge clk_i) begin
    if (c1_a_q) a_q <= line_data_i;
    c2_bytes_q <= c1_bytes_q;
    if (c1_b_q) begin
      for (int unsigned i = 0; i < 64; i++)
        neq_q[i] <= 7'(i) < c1_bytes_q && a_q[8*i +: 8] != line_data_i[8*i +: 8];
    end
  end
  assign neq = neq_q;
  always_comb begin
    first = '0;
    for (int i = 63; i >= 0; i--) if (neq[i]) first = 6'(i);
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      neq_valid_q <= 1'b0;
      differs_q <= 1'b0;
      base_q <= '0;
    end else begin
      neq_valid_q <= c1_b_q;
      if (cmp_clear_i) begin
        differs_q <= 1'b0;
        base_q <= '0;
      end else if (neq_valid_q) begin
        base_q <= base_q + {25'd0, c2_bytes_q};
        if (!differs_q && |neq) begin
          differs_q <= 1'b1;
          offset_q <= base_q + {26'd0, first};
        end
      end
    end
  end
  assign cmp_idle_o = cmd_count == '0 && !c1_a_q && !c1_b_q && !neq_valid_q;
  assign cmp_differs_o = differs_q;
  assign cmp_offset_o = offset_q;

  `SIOV_STATIC(gen_bad_req_width, siov_eng_pkg::ReqW == siov_pkg::TxReqW)
  `SIOV_STATIC(gen_bad_err_width, siov_eng_pkg::ErrW == siov_pkg::SwerrW)
  `SIOV_ASSERT(OutSlotFree, s1_valid_q |-> slot_ready)
  `SIOV_ASSERT(OutWrHolds, wr_valid_o && !wr_ready_i && !stop_i |=> stop_i || (wr_valid_o && $stable(wr_data_o) && $stable(wr_req_o)))
  `SIOV_ASSERT(OutIrqHolds, irq_valid_o && !irq_ready_i && !stop_i |=> stop_i || (irq_valid_o && $stable(irq_handle_o)))
  `SIOV_ASSERT(OutDoneLast, done_valid_o |-> !irq_valid_o && !swerr_valid_o)
  `SIOV_COVER(OutLinkStall, wr_valid_o && !wr_ready_i)

endmodule
