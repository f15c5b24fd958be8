// SPDX-License-Identifier: Apache-2.0
// Write side of an engine: steps through the same segments as the splitter and, as data becomes
// available, orders the
// write TLPs, the completion record and the end of each descriptor from siov_eng_out.
//
// A write TLP starts where its segment or the previous TLP ended, holds at most the payload
// limit and never crosses 4 KiB.
// A forward copy writes as soon as the bytes of a TLP are there: all source bytes before them
// have been read, so an
// overlapping source is not spoilt. A backward copy waits for its whole segment.
// After a failed read the rest of the job is walked without writing (ring lines are only freed);
// its status is 0x20.
// Throughput: one TLP a cycle; four more cycles a descriptor, hidden behind earlier output.

`include "siov_assert.svh"

module siov_eng_walk #(
  parameter int unsigned PosW = 17
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                clear_i,
  input  logic [2:0]          mps_i,          /// payload limit is 128 << mps, capped at 512 bytes
  input  logic                job_valid_i,
  output logic                job_ready_o,
  input  siov_eng_pkg::job_t  job_i,
  input  logic [PosW-1:0]     avail_pos_i,
  input  logic                err_i,
  output logic                err_ack_o,
  output logic                cmd_valid_o,
  input  logic                cmd_ready_i,
  output siov_eng_pkg::cmd_t  cmd_o,
  // compare results, valid while no compare command is under way
  output logic                cmp_clear_o,    /// a new compare job starts
  input  logic                cmp_idle_i,
  input  logic                cmp_differs_i,
  input  logic [31:0]         cmp_offset_i
);
  localparam logic [2:0] StIdle = 3'd0;    // waits for a job
  localparam logic [2:0] StSeg = 3'd1;     // cuts the next segment
  localparam logic [2:0] StTlp = 3'd2;     // waits for the bytes of the next TLP, orders it
  localparam logic [2:0] StBlock = 3'd3;   // compare: waits for both blocks, orders the comparison
  localparam logic [2:0] StCmpEnd = 3'd4;  // waits for the comparisons to finish
  localparam logic [2:0] StRecord = 3'd5;  // orders the completion record if one is due
  localparam logic [2:0] StEnd = 3'd6;     // orders interrupt, error report and done

  logic [2:0]         state_q;
  siov_eng_pkg::job_t job_q;
  logic [63:0]        src_q, dst_q, addr_q;
  logic [31:0]        rem_q;
  logic [12:0]        left_q;
  logic [PosW-1:0]    pos_q, seg_end_q;
  logic [PosW-7:0]    line_q;
  logic               side_q, failed_q;
  logic [9:0]         block_q;             // compare: bytes of the block
  logic [2:0]         rot_q;               // fill: pattern phase of the segment's first lane

  logic [63:0] seg_read, seg_write;
  logic [12:0] seg_len;
  logic [1:0]  seg_lane;
  siov_eng_seg u_seg (
    .op_i(job_q.op), .backward_i(job_q.backward), .side_i(side_q), .src_i(src_q), .dst_i(dst_q),
    .rem_i(rem_q), .read_addr_o(seg_read), .write_addr_o(seg_write), .len_o(seg_len),
    .lane_o(seg_lane)
  );

  logic is_fill, is_copy, is_cmp, both;
  assign is_fill = job_q.op == siov_eng_pkg::JobFill;
  assign is_copy = job_q.op == siov_eng_pkg::JobCopy;
  assign is_cmp = job_q.op == siov_eng_pkg::JobCompare;
  assign both = !is_cmp || side_q;

  // ------------------------------------------------------------ next TLP
  logic [9:0]      limit, room, bytes, span;
  logic [7:0]      dws;
  logic [PosW-1:0] need, lag;
  logic            there;
  logic [3:0]      be_head, be_tail;
  always_comb begin
    limit = 10'd512;
    if (mps_i == 3'd0) limit = 10'd128;
    if (mps_i == 3'd1) limit = 10'd256;
    room = limit - {8'd0, addr_q[1:0]};
    bytes = (left_q < {3'd0, room}) ? left_q[9:0] : room;
    span = bytes + {8'd0, addr_q[1:0]};
    dws = 8'((span + 10'd3) >> 2);
    need = (state_q == StBlock || (job_q.backward && is_copy)) ? seg_end_q
                                                : pos_q + {{(PosW-10){1'b0}}, bytes};
    lag = avail_pos_i - need;
    there = is_fill || !lag[PosW-1];
    be_head = 4'hF << addr_q[1:0];
    be_tail = (span[1:0] == 2'd0) ? 4'hF : 4'hF >> (3'd4 - {1'b0, span[1:0]});
  end

  // The bytes we wait for include a failed read: the descriptor has failed.
  assign err_ack_o = err_i && !is_fill && !there && (state_q == StTlp || state_q == StBlock);

  // ------------------------------------------------------------ record
  logic [7:0]   status, result;
  logic [31:0]  done_bytes;
  logic [255:0] record;
  logic         bad_end, record_due, differs;
  always_comb begin
    differs = is_cmp && cmp_differs_i;   // found before anything that could not be read
    status = job_q.status;
    if (failed_q && !differs) status = siov_abi_pkg::StReadError;
    else if (is_cmp && job_q.check_result && differs != job_q.expected)
      status = siov_abi_pkg::StSuccessPredicate;
    result = {7'd0, differs};
    done_bytes = differs ? cmp_offset_i : '0;
    record = '0;
    record[7:0] = status;
    record[15:8] = result;
    record[63:32] = done_bytes;
    record[siov_abi_pkg::CrInvalidFlagsLsb +: 24] = job_q.bad_flags;
    bad_end = status != siov_abi_pkg::StSuccess && status != siov_abi_pkg::StSuccessPredicate;
    record_due = bad_end ? job_q.write_cr_err : job_q.write_cr_ok;   // dsa 5.4
  end

  siov_eng_pkg::end_t fin;
  siov_pkg::swerr_t   err;
  always_comb begin
    err = '0;
    fin = '0;
    fin.irq = job_q.irq;
    fin.ims = job_q.ims;
    fin.handle = job_q.handle;
    fin.swerr = bad_end && (job_q.swerr_err || status == siov_abi_pkg::StBadHandle);
    err.evl = 1'b1;
    err.code = status;
    err.desc_valid = 1'b1;
    err.wq_valid = 1'b1;
    err.priv = job_q.priv;
    err.wq = job_q.wq;
    err.opcode = job_q.opcode;
    err.pasid = job_q.pasid_en ? job_q.pasid : '0;
    err.addr = (status == siov_abi_pkg::StCrMisaligned) ? job_q.cr_addr : '0;
    fin.err = err;
    fin.wq = job_q.wq;
    fin.epoch = job_q.epoch;
  end

  // ------------------------------------------------------------ commands
  siov_eng_pkg::cmd_t cmd;
  siov_pkg::tx_req_t  req;
  logic [2:0]         pat_rot;
  logic [63:0]        pattern;
  logic [4:0]         beats;
  logic               lines_done;      // last TLP of the segment
  always_comb begin
    // Lines that this TLP or block covers. Inside a segment TLPs start on line boundaries
    // (the limits are multiples of 64).
    beats = 5'((span + 10'd63) >> 6);
    lines_done = left_q == {3'd0, bytes};
    pat_rot = rot_q;
    pattern = (job_q.src >> {pat_rot, 3'd0}) | (job_q.src << (7'd64 - {1'b0, pat_rot, 3'd0}));
    cmd = '0;
    req = '0;
    req.addr = {addr_q[63:2], 2'd0};
    req.length = {2'd0, dws};
    req.first_be = (dws == 8'd1) ? (be_head & be_tail) : be_head;
    req.last_be = (dws == 8'd1) ? 4'h0 : be_tail;
    req.tc = job_q.tc_dst;
    req.pasid_valid = job_q.pasid_en;
    req.pasid = job_q.pasid;
    req.priv = job_q.priv;
    cmd.beats = beats;
    unique case (state_q)
      StTlp: begin
        cmd.kind = is_fill ? siov_eng_pkg::CmdFill : siov_eng_pkg::CmdRing;
        if (failed_q) cmd.kind = siov_eng_pkg::CmdSkip;
        cmd.data[63:0] = pattern;
      end
      StBlock: begin
        cmd.kind = siov_eng_pkg::CmdCompare;
        cmd.bytes = block_q;
        cmd.beats = 5'((block_q + 10'd63) >> 6);
        if (failed_q) begin
          cmd.kind = siov_eng_pkg::CmdSkip;
          cmd.beats = cmd.beats << 1;
        end
      end
      StRecord: begin
        cmd.kind = siov_eng_pkg::CmdRecord;
        req.addr = job_q.cr_addr;
        req.length = 10'd8;
        req.first_be = 4'hF;
        req.last_be = 4'hF;
        req.tc = job_q.tc_cr;
        cmd.beats = 5'd1;
        cmd.data[255:0] = record;
      end
      StEnd: begin
        cmd.kind = siov_eng_pkg::CmdEnd;
        cmd.beats = 5'd1;
        cmd.data[siov_eng_pkg::EndW-1:0] = fin;
      end
      default: cmd.kind = siov_eng_pkg::CmdEnd;
    endcase
    cmd.req = req;
  end
  assign cmd_o = cmd;
  assign cmd_valid_o = (state_q == StTlp && there) || (state_q == StBlock && there) ||
                       (state_q == StRecord && record_due) || state_q == StEnd;
  assign job_ready_o = state_q == StIdle;
  assign cmp_clear_o = state_q == StIdle;

  logic [PosW-1:0] seg_pos, seg_end;
  always_comb begin
    seg_pos = {line_q, 6'd0} + {{(PosW-2){1'b0}}, seg_lane};
    seg_end = seg_pos + {{(PosW-13){1'b0}}, seg_len};
  end
  logic [PosW-1:0] seg_end_up;
  assign seg_end_up = seg_end + PosW'(63);

  logic [63:0] seg_phase;
  assign seg_phase = {seg_write[63:2], 2'd0} - job_q.dst;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      state_q <= StIdle;
      line_q <= '0;
      side_q <= 1'b0;
      failed_q <= 1'b0;
    end else begin
      if (err_ack_o) failed_q <= 1'b1;
      unique case (state_q)
        StIdle: if (job_valid_i) begin
          side_q <= 1'b0;
          failed_q <= 1'b0;
          state_q <= (job_i.op == siov_eng_pkg::JobNone) ? StRecord : StSeg;
        end
        StSeg: begin
          if (!is_fill) line_q <= seg_end_up[PosW-1:6];
          if (is_cmp) begin
            side_q <= !side_q;
            state_q <= side_q ? StBlock : StSeg;
          end else begin
            state_q <= StTlp;
          end
        end
        StTlp: if (cmd_valid_o && cmd_ready_i && lines_done)
          state_q <= (rem_q == '0) ? StRecord : StSeg;
        StBlock: if (cmd_valid_o && cmd_ready_i)
          state_q <= (rem_q == '0) ? StCmpEnd : StSeg;
        StCmpEnd: if (cmp_idle_i) state_q <= StRecord;
        StRecord: if (!record_due || cmd_ready_i) state_q <= StEnd;
        StEnd: if (cmd_ready_i) state_q <= StIdle;
        default: state_q <= StIdle;
      endcase
    end
    if (state_q == StIdle && job_valid_i) begin
      job_q <= job_i;
      src_q <= job_i.src;
      dst_q <= job_i.dst;
      rem_q <= job_i.size;
    end
    if (state_q == StSeg) begin
      addr_q <= seg_write;
      left_q <= seg_len;
      pos_q <= seg_pos;
      seg_end_q <= seg_end;
      block_q <= seg_len[9:0];
      rot_q <= seg_phase[2:0];
      if (both) begin
        rem_q <= rem_q - {19'd0, seg_len};
        if (!job_q.backward || !is_copy) begin
          src_q <= src_q + {51'd0, seg_len};
          dst_q <= dst_q + {51'd0, seg_len};
        end
      end
    end
    if (state_q == StTlp && cmd_valid_o && cmd_ready_i) begin
      addr_q <= addr_q + {54'd0, bytes};
      left_q <= left_q - {3'd0, bytes};
      pos_q <= pos_q + {{(PosW-10){1'b0}}, bytes};
    end
  end

  logic unused_ok;
  assign unused_ok = ^{seg_read, seg_end_up[5:0], seg_phase[63:3], lag[PosW-2:0], 1'b0};

  `SIOV_ASSERT(WalkCmdHolds, cmd_valid_o && !cmd_ready_i && !clear_i |=> cmd_valid_o)
  `SIOV_ASSERT(WalkPayloadLimit, cmd_valid_o && state_q == StTlp |-> span <= limit)
  `SIOV_COVER(WalkWaitsForData, state_q == StTlp && !there)

endmodule
