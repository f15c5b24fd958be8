// SPDX-License-Identifier: Apache-2.0
// Cuts a job into segments; the splitter (reads) and the walker (writes) each have one of these
// and step through the same sequence, so that nothing but the job travels between them.
//
// Copies, fill, DIF that writes: pieces inside one 4 KiB page of the destination, ascending, or
// descending when an overlapping copy must run from the top. A segment starts a fresh ring line at
// byte lane dst[1:0], so that its write payload needs no further shift.
// With translation a descending segment is one write TLP, so that a fault never leaves one half done.
// Compare, create delta: blocks of up to 512 bytes inside one page of either source, first of
// source 1, then of source 2, each starting a fresh ring line at lane 0.
// Streams that are only read (CRC, compare with a pattern, delta record, DIF check): pieces inside
// one page of the source, lane 0.
// A CRC seed in memory comes first; the protection information of a DIF block comes after its data.
// The outputs describe the present segment; they follow registers directly.

module siov_eng_steps (
  input  logic                clk_i,
  input  logic                load_i,        /// start with this job
  input  siov_eng_pkg::job_t  job_i,
  input  logic [2:0]          mps_i,         /// payload limit is 128 << mps, capped at 512 bytes
  input  logic                step_i,        /// next segment
  output logic [1:0]          kind_o,
  output logic                reads_o,       /// the segment has bytes to read
  output logic                side_o,        /// compare, create delta: 1 source 2
  output logic                pair_o,        /// blocks of two sources alternate
  output logic [63:0]         read_addr_o,
  output logic [63:0]         write_addr_o,
  output logic [63:0]         write2_addr_o, /// dualcast
  output logic [12:0]         len_o,         /// 1..4096
  output logic [1:0]          lane_o,
  output logic [3:0]          offset_o,      /// bytes of the operand before this segment, modulo 16
  output logic [31:0]         block_rem_o,   /// source bytes from the start of this DIF block to the end
  output logic                last_o         /// no segment follows
);
  logic [3:0]  op_q;
  logic [63:0] src_q, dst_q, other_q;      // not yet covered parts start here
  logic [31:0] rem_q, block_rem_q;
  logic [12:0] blk_q, blk_size_q;
  logic [3:0]  offset_q;
  logic [1:0]  kind_q;
  logic        side_q, backward_q, pi_read_q, pi_write_q, data_write_q, seed64_q, ats_q;

  logic        is_pair, is_dif, to_page_of_dst;
  logic [12:0] room_up, room_down, room_src, room;
  logic [63:0] end_dst;
  logic [31:0] skip;
  logic [12:0] len, part;

  always_comb begin
    is_pair = op_q == siov_eng_pkg::JobCompare || op_q == siov_eng_pkg::JobDelta;
    is_dif = op_q == siov_eng_pkg::JobDif;
    to_page_of_dst = op_q == siov_eng_pkg::JobCopy || op_q == siov_eng_pkg::JobFill ||
                     op_q == siov_eng_pkg::JobDual || op_q == siov_eng_pkg::JobCopyCrc ||
                     op_q == siov_eng_pkg::JobFlush || (is_dif && data_write_q);
    end_dst = dst_q + {32'd0, rem_q};
    room_up = 13'd4096 - {1'b0, dst_q[11:0]};
    room_down = (end_dst[11:0] == '0) ? 13'd4096 : {1'b0, end_dst[11:0]};
    part = 13'd511;
    if (mps_i == 3'd0) part = 13'd127;
    if (mps_i == 3'd1) part = 13'd255;
    if (ats_q) room_down = ((room_down - 13'd1) & part) + 13'd1;
    room_src = 13'd4096 - {1'b0, src_q[11:0]};
    room = room_src;
    if (to_page_of_dst) room = backward_q ? room_down : room_up;
    if (is_pair) begin
      room = 13'd512;
      if (room_src < room) room = room_src;
      if (room_up < room) room = room_up;
    end
    if (is_dif && blk_q < room) room = blk_q;
    len = (rem_q < {19'd0, room}) ? rem_q[12:0] : room;
    if (kind_q != siov_eng_pkg::SegData) len = (kind_q == siov_eng_pkg::SegSeed && !seed64_q) ? 13'd4 : 13'd8;
    skip = backward_q ? rem_q - {19'd0, len} : '0;
  end

  assign kind_o = kind_q;
  assign side_o = side_q;
  assign pair_o = is_pair;
  assign len_o = len;
  assign offset_o = offset_q;
  assign block_rem_o = block_rem_q;
  assign write_addr_o = dst_q + {32'd0, skip};
  assign write2_addr_o = other_q + {32'd0, skip};
  assign lane_o = (to_page_of_dst && kind_q == siov_eng_pkg::SegData) ? write_addr_o[1:0] : 2'd0;
  always_comb begin
    read_addr_o = src_q + {32'd0, skip};
    if (is_pair && side_q) read_addr_o = dst_q;
    if (kind_q == siov_eng_pkg::SegSeed) read_addr_o = other_q;
    reads_o = op_q != siov_eng_pkg::JobFill && op_q != siov_eng_pkg::JobFlush;
    if (kind_q == siov_eng_pkg::SegPi) reads_o = pi_read_q;
  end

  // What the segment covers, and what follows.
  logic        covers;
  logic [31:0] rem_after;
  always_comb begin
    covers = kind_q == siov_eng_pkg::SegData && (!is_pair || side_q);
    rem_after = rem_q;
    if (covers) rem_after = rem_q - {19'd0, len};
    if (kind_q == siov_eng_pkg::SegPi && pi_read_q) rem_after = rem_q - 32'd8;
    last_o = rem_after == '0 && ((covers && !is_dif) || kind_q == siov_eng_pkg::SegPi);
  end

  always_ff @(posedge clk_i) begin
    if (load_i) begin
      op_q <= job_i.op;
      src_q <= job_i.src;
      dst_q <= job_i.dst;
      other_q <= job_i.other;
      rem_q <= job_i.size;
      block_rem_q <= job_i.size;
      backward_q <= job_i.backward;
      side_q <= 1'b0;
      offset_q <= '0;
      seed64_q <= job_i.mods[3];
      ats_q <= job_i.ats;
      kind_q <= siov_eng_pkg::SegData;
      if ((job_i.op == siov_eng_pkg::JobCrc || job_i.op == siov_eng_pkg::JobCopyCrc) && job_i.mods[0])
        kind_q <= siov_eng_pkg::SegSeed;
      pi_read_q <= job_i.opcode != siov_abi_pkg::OpDifInsert;
      pi_write_q <= job_i.opcode == siov_abi_pkg::OpDifInsert || job_i.opcode == siov_abi_pkg::OpDifUpdate;
      data_write_q <= job_i.opcode != siov_abi_pkg::OpDifCheck;
      unique case (job_i.info[17:16])     // byte 42, bits 1:0
        2'd0: begin blk_q <= 13'd512; blk_size_q <= 13'd512; end
        2'd1: begin blk_q <= 13'd520; blk_size_q <= 13'd520; end
        2'd2: begin blk_q <= 13'd4096; blk_size_q <= 13'd4096; end
        default: begin blk_q <= 13'd4104; blk_size_q <= 13'd4104; end
      endcase
    end else if (step_i) begin
      if (kind_q == siov_eng_pkg::SegSeed) kind_q <= siov_eng_pkg::SegData;
      if (kind_q == siov_eng_pkg::SegData && is_pair) side_q <= !side_q;
      rem_q <= rem_after;
      if (covers) begin
        offset_q <= offset_q + len[3:0];
        if (!backward_q) begin
          src_q <= src_q + {51'd0, len};
          dst_q <= dst_q + {51'd0, len};
          if (op_q == siov_eng_pkg::JobDual) other_q <= other_q + {51'd0, len};
        end
        if (is_dif) begin
          blk_q <= blk_q - len;
          if (blk_q == len) kind_q <= siov_eng_pkg::SegPi;
        end
      end
      if (kind_q == siov_eng_pkg::SegPi) begin
        kind_q <= siov_eng_pkg::SegData;
        blk_q <= blk_size_q;
        block_rem_q <= rem_after;
        if (pi_read_q) src_q <= src_q + 64'd8;
        if (pi_write_q) dst_q <= dst_q + 64'd8;
      end
    end
  end

  logic unused_ok;
  assign unused_ok = ^{job_i, end_dst[63:12], 1'b0};

endmodule
