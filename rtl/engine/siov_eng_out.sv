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
  input  logic                mark_i,
  output logic                old_o,          /// write TLPs with translations from before the last mark
  output logic                report_o,       /// an error report is not out: it may wait for software
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
  output logic                idle_o,         /// every command has been carried out
  output logic                empty_o,        /// and everything has left
  output logic                cmp_differs_o,
  output logic [31:0]         cmp_offset_o,
  // units: a line in, write TLPs of one beat back
  output logic                crc_valid_o,
  input  logic                crc_ready_i,
  output logic                delta_valid_o,
  input  logic                delta_ready_i,
  output logic                apply_valid_o,
  input  logic                apply_ready_i,
  output logic [511:0]        unit_data_o,
  output logic [511:0]        unit_a_o,       /// line of the first source
  output logic [1:0]          unit_lane_o,
  output logic [6:0]          unit_bytes_o,
  input  logic                unit_wr_valid_i,
  output logic                unit_wr_ready_o,
  input  siov_pkg::tx_req_t   unit_wr_req_i,  /// traffic class and PASID of them
  input  logic [63:0]         unit_wr_addr_i,
  input  logic [6:0]          unit_wr_bytes_i,
  input  logic [511:0]        unit_wr_data_i,
  output logic                grab_valid_o,
  output logic [63:0]         grab_o,
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
  output logic                done_epoch_o,
  output logic                batch_done_o    /// pulse: a member or a batch is finished
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

  // ------------------------------------------------------------ one step a cycle
  logic [4:0]      beat_q;           // beat of the command at the head
  logic            side_q;           // two sources: 0 line of block A, 1 of block B
  logic [PosW-7:0] line_q;           // first line not given back
  logic [3:0]      out_count;
  logic            room, step, last, is_ring, is_pair, is_skip, is_end, is_tlp, uses_ring, run;
  logic            s1_hold;

  always_comb begin
    is_ring = cmd.kind == siov_eng_pkg::CmdRing;
    is_pair = cmd.kind == siov_eng_pkg::CmdCompare || cmd.kind == siov_eng_pkg::CmdDelta;
    is_skip = cmd.kind == siov_eng_pkg::CmdSkip;
    is_end = cmd.kind == siov_eng_pkg::CmdEnd;
    is_tlp = is_ring || cmd.kind == siov_eng_pkg::CmdFill || cmd.kind == siov_eng_pkg::CmdImm;
    uses_ring = !is_skip && !is_end && cmd.kind != siov_eng_pkg::CmdFill &&
                cmd.kind != siov_eng_pkg::CmdImm;
    room = out_count <= 4'(Depth - 3);
    run = cmd_valid && (!stop_i || (beat_q != '0 && is_tlp));   // a started TLP goes on
    step = run && !s1_hold && (room || !(is_tlp || is_end));
    last = is_skip || (beat_q + 5'd1 == cmd.beats && (!is_pair || side_q));
    cmd_take = step && last;
  end
  assign line_rd_o = step && uses_ring;
  assign line_o = is_pair ? line_q + {{(PosW-11){1'b0}}, beat_q} +
                            (side_q ? {{(PosW-11){1'b0}}, cmd.beats} : '0)
                : cmd.keep ? line_q + {{(PosW-11){1'b0}}, beat_q} : line_q;
  assign free_line_o = line_q;

  // The line, or the command's own data, one cycle later.
  logic [3:0]        s1_kind_q;
  logic              s1_valid_q, s1_sop_q, s1_eop_q, s1_crc_q, s1_side_q;
  siov_pkg::tx_req_t s1_req_q;
  logic [511:0]      s1_data_q;
  logic [1:0]        s1_lane_q;
  logic [6:0]        s1_bytes_q;     // valid bytes of the line
  logic [9:0]        left_q, left;   // bytes of the command from this beat on, lane included
  logic [1:0]        lane;

  assign lane = (is_ring && beat_q == '0) ? cmd_lane : 2'd0;
  assign left = (beat_q == '0) ? cmd.bytes + {8'd0, is_ring ? cmd_lane : 2'd0} : left_q;
  // Lane of the first byte: from the first byte enables, which are contiguous at the top.
  siov_pkg::tx_req_t cmd_req;
  logic [1:0]        cmd_lane;
  assign cmd_req = cmd.req;
  always_comb begin
    cmd_lane = 2'd0;
    if (!cmd_req.first_be[0]) cmd_lane = 2'd1;
    if (cmd_req.first_be[1:0] == 2'b00) cmd_lane = 2'd2;
    if (cmd_req.first_be[2:0] == 3'b000) cmd_lane = 2'd3;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      beat_q <= '0;
      side_q <= 1'b0;
      line_q <= '0;
      s1_valid_q <= 1'b0;
    end else begin
      if (!s1_hold) s1_valid_q <= step && !is_skip;
      if (step) begin
        if (is_pair) side_q <= !side_q;
        if (last) beat_q <= '0;
        else if (!is_pair || side_q) beat_q <= beat_q + 5'd1;
        if (uses_ring && !is_pair && !cmd.keep) line_q <= line_q + (PosW-6)'(1);
        if (is_skip) line_q <= line_q + {{(PosW-11){1'b0}}, cmd.beats};
        if (is_pair && last) line_q <= line_q + {{(PosW-12){1'b0}}, cmd.beats, 1'b0};
      end
    end
    if (step) begin
      s1_kind_q <= cmd.kind;
      s1_sop_q <= beat_q == '0;
      s1_eop_q <= last;
      s1_crc_q <= cmd.crc;
      s1_side_q <= side_q;
      s1_req_q <= cmd.req;
      s1_data_q <= cmd.data;
      s1_lane_q <= lane;
      s1_bytes_q <= ((left > 10'd64) ? 7'd64 : left[6:0]) - {5'd0, lane};
      if (!is_pair || side_q) left_q <= left - 10'd64;
    end
  end

  logic unused_req;
  assign unused_req = ^{cmd_req, in_req, in_fin, 1'b0};

  // Who takes it.
  logic s1_ring, s1_tlp, s1_end, s1_crc, s1_delta, s1_push;
  always_comb begin
    s1_ring = s1_kind_q == siov_eng_pkg::CmdRing;
    s1_end = s1_valid_q && s1_kind_q == siov_eng_pkg::CmdEnd;
    s1_tlp = s1_valid_q && (s1_ring || s1_kind_q == siov_eng_pkg::CmdFill ||
                            s1_kind_q == siov_eng_pkg::CmdImm);
    s1_crc = s1_valid_q && s1_crc_q && (s1_ring || s1_kind_q == siov_eng_pkg::CmdDigest);
    s1_delta = s1_valid_q && s1_kind_q == siov_eng_pkg::CmdDelta && s1_side_q;
    s1_hold = (s1_crc && !crc_ready_i) || (s1_delta && !delta_ready_i) ||
              (apply_valid_o && !apply_ready_i);
    s1_push = (s1_tlp || s1_end) && !s1_hold;
  end
  assign crc_valid_o = s1_crc;
  assign delta_valid_o = s1_delta;
  assign apply_valid_o = s1_valid_q && s1_kind_q == siov_eng_pkg::CmdApply;
  assign unit_lane_o = s1_lane_q;
  assign unit_bytes_o = s1_bytes_q;
  assign unit_data_o = line_data_i;
  assign unit_a_o = a_q;
  assign grab_valid_o = s1_valid_q && s1_kind_q == siov_eng_pkg::CmdGrab;
  assign grab_o = line_data_i[63:0];

  logic [511:0] s1_data;
  assign s1_data = s1_ring ? line_data_i
                 : (s1_kind_q == siov_eng_pkg::CmdFill) ? {4{s1_data_q[127:0]}} : s1_data_q;

  // Writes of the delta units: one beat each, while no command of ours produces any.
  siov_pkg::tx_req_t u_req;
  logic [6:0]        u_span;
  logic [4:0]        u_dws;
  logic [3:0]        u_head, u_tail;
  logic              u_push;
  always_comb begin
    u_span = unit_wr_bytes_i + {5'd0, unit_wr_addr_i[1:0]};
    u_dws = 5'((u_span + 7'd3) >> 2);
    u_head = 4'hF << unit_wr_addr_i[1:0];
    u_tail = (u_span[1:0] == 2'd0) ? 4'hF : 4'hF >> (3'd4 - {1'b0, u_span[1:0]});
    u_req = unit_wr_req_i;
    u_req.addr = {unit_wr_addr_i[63:2], 2'd0};
    u_req.length = {5'd0, u_dws};
    u_req.first_be = (u_dws == 5'd1) ? (u_head & u_tail) : u_head;
    u_req.last_be = (u_dws == 5'd1) ? 4'h0 : u_tail;
    u_push = unit_wr_valid_i && unit_wr_ready_o;
  end
  assign unit_wr_ready_o = room && !s1_tlp && !s1_end;

  // ------------------------------------------------------------ output store
  logic              o_valid, o_pop, o_end, o_sop, o_eop, slot_ready;
  siov_pkg::tx_req_t o_req;
  logic [511:0]      o_data;
  siov_fifo #(.W(EntryW), .Depth(Depth)) u_out (
    .clk_i, .rst_ni, .clear_i, .wr_valid_i(s1_push || u_push), .wr_ready_o(slot_ready),
    .wr_data_i(u_push ? {1'b0, 1'b1, 1'b1, u_req, unit_wr_data_i}
                      : {s1_end, s1_sop_q, s1_eop_q, s1_req_q, s1_data}), .rd_valid_o(o_valid),
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
  logic told;
  assign told = ending && (!fin.irq || irq_done_q) && (!fin.swerr || swerr_done_q);
  assign done_valid_o = told && !fin.member;
  assign batch_done_o = told && fin.batch && (fin.member || done_ready_i);
  assign done_wq_o = fin.wq;
  assign done_epoch_o = fin.epoch;
  assign o_pop = o_valid && (drop || (o_end ? (told && (fin.member || done_ready_i)) : wr_ready_i));

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
  assign quiet_o = !o_valid && !s1_tlp && !s1_end && !mid_q && !(cmd_valid && beat_q != '0 && is_tlp);
  assign empty_o = cmd_count == '0 && !s1_valid_q && !o_valid;

  // ------------------------------------------------------------ write TLPs that use a translation
  // Everything leaves in order, so those ordered before the last mark go first.
  siov_pkg::tx_req_t in_req;
  logic [4:0]        old_q, young_q;
  logic              enters, leaves;
  assign in_req = cmd_i.req;
  assign enters = (cmd_valid_i && cmd_ready_o && in_req.at == 2'b10) || (u_push && u_req.at == 2'b10);
  assign leaves = o_pop && !o_end && o_eop && o_req.at == 2'b10;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      old_q <= '0;
      young_q <= '0;
    end else if (mark_i) begin
      old_q <= old_q + young_q + 5'(enters) - 5'(leaves);
      young_q <= '0;
    end else begin
      if (leaves && old_q != '0) old_q <= old_q - 5'd1;
      young_q <= young_q + 5'(enters) - 5'(leaves && old_q == '0);
    end
  end
  assign old_o = old_q != '0;

  // ------------------------------------------------------------ error reports
  siov_eng_pkg::end_t in_fin;
  logic [3:0]         reports_q;   // at most 14: 4 commands, 2 in the steps between, 8 in the output
  logic               report_in, report_out;
  assign in_fin = cmd_i.data[siov_eng_pkg::EndW-1:0];
  assign report_in = cmd_valid_i && cmd_ready_o && cmd_i.kind == siov_eng_pkg::CmdEnd && in_fin.swerr;
  assign report_out = o_pop && o_end && fin.swerr;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) reports_q <= '0;
    else reports_q <= reports_q + 4'(report_in) - 4'(report_out);
  end
  assign report_o = reports_q != '0;

  // ------------------------------------------------------------ comparison
  logic [511:0] a_q, cmp_a;
  logic [63:0]  neq_q, neq;
  logic         neq_valid_q, differs_q, s1_cmp;
  logic [31:0]  base_q, offset_q;
  logic [6:0]   neq_bytes_q;
  logic [5:0]   first;

  assign s1_cmp = s1_valid_q && (s1_kind_q == siov_eng_pkg::CmdPattern ||
                                 (s1_kind_q == siov_eng_pkg::CmdCompare && s1_side_q));
  assign cmp_a = (s1_kind_q == siov_eng_pkg::CmdPattern) ? {4{s1_data_q[127:0]}} : a_q;
  always_ff @(posedge clk_i) begin
    if (s1_valid_q && !s1_side_q) a_q <= line_data_i;
    if (s1_cmp) begin
      neq_bytes_q <= s1_bytes_q;
      for (int unsigned i = 0; i < 64; i++)
        neq_q[i] <= 7'(i) < s1_bytes_q && cmp_a[8*i +: 8] != line_data_i[8*i +: 8];
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
      neq_valid_q <= s1_cmp;
      if (cmp_clear_i) begin
        differs_q <= 1'b0;
        base_q <= '0;
      end else if (neq_valid_q) begin
        base_q <= base_q + {25'd0, neq_bytes_q};
        if (!differs_q && |neq) begin
          differs_q <= 1'b1;
          offset_q <= base_q + {26'd0, first};
        end
      end
    end
  end
  assign idle_o = cmd_count == '0 && !s1_valid_q && !neq_valid_q;
  assign cmp_differs_o = differs_q;
  assign cmp_offset_o = offset_q;

  `SIOV_STATIC(gen_bad_req_width, siov_eng_pkg::ReqW == siov_pkg::TxReqW)
  `SIOV_STATIC(gen_bad_err_width, siov_eng_pkg::ErrW == siov_pkg::SwerrW)
  `SIOV_ASSERT_IF(OutSlotFree, s1_push || u_push, slot_ready)
  `SIOV_ASSERT_HOLDS(OutWrHolds, wr_valid_o && !wr_ready_i && !stop_i, stop_i, wr_valid_o, {wr_data_o, wr_req_o})
  `SIOV_ASSERT_HOLDS(OutIrqHolds, irq_valid_o && !irq_ready_i && !stop_i, stop_i, irq_valid_o, irq_handle_o)
  `SIOV_ASSERT_IF(OutDoneLast, done_valid_o || batch_done_o, !irq_valid_o && !swerr_valid_o)
  `SIOV_ASSERT_IF(OutXlCount, leaves, old_q != '0 || young_q != '0)
  `SIOV_COVER(OutLinkStall, wr_valid_o && !wr_ready_i)

endmodule
