// SPDX-License-Identifier: Apache-2.0
// Read side of an engine: steps through a job's segments and asks for the source bytes, far
// ahead of the walker.
//
// A read never crosses a multiple of the read request limit (so neither 4 KiB), uses the next
// tag in order and knows where
// in the ring its first byte goes. It waits for a free tag and for free ring lines only.
// Throughput: one read a cycle inside a segment; two more cycles a job or segment. Output
// registered.

`include "siov_assert.svh"

module siov_eng_split #(
  parameter int unsigned PosW = 17,      /// ring byte position, with wrap bit
  parameter int unsigned RingLines = 512
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                clear_i,
  input  logic [2:0]          mps_i,
  input  logic [2:0]          mrrs_i,        /// limit is 128 << mrrs, capped at 512 bytes
  input  logic                job_valid_i,
  output logic                job_ready_o,
  input  siov_eng_pkg::job_t  job_i,
  input  logic [PosW-7:0]     free_line_i,   /// first line not yet given back by the walker
  // to siov_eng_ring: one new read
  output logic                rd_valid_o,
  input  logic                rd_ready_i,    /// a tag is free and the request register can take it
  output logic [63:0]         rd_addr_o,     /// first byte
  output logic [9:0]          rd_bytes_o,    /// 1..512
  output logic [PosW-1:0]     rd_pos_o,      /// ring position of the first byte
  output logic [2:0]          rd_tc_o,
  output logic                rd_pasid_en_o,
  output logic [19:0]         rd_pasid_o,
  output logic                rd_priv_o,
  output siov_eng_pkg::xl_attr_t rd_attr_o
);
  localparam logic [1:0] StIdle = 2'd0;  // waits for a job
  localparam logic [1:0] StSeg = 2'd1;   // takes the next segment
  localparam logic [1:0] StRead = 2'd2;  // issues its reads; waits for tag and ring space

  logic [1:0]         state_q;
  siov_eng_pkg::job_t job_q;
  logic [63:0]        addr_q;
  logic [12:0]        left_q;
  logic [PosW-1:0]    pos_q;
  logic [PosW-7:0]    line_q;            // next fresh line
  logic [2:0]         tc_q;
  logic               last_q;            // the segment under way is the last one

  logic        load, step, reading, has_reads;
  logic [1:0]  seg_kind, seg_lane;
  logic        seg_reads, seg_side, seg_pair, seg_last;
  logic [63:0] seg_read, seg_write, seg_write2;
  logic [12:0] seg_len;
  logic [3:0]  seg_offset;
  logic [31:0] seg_block_rem;
  siov_eng_steps u_steps (
    .clk_i, .load_i(load), .job_i(job_i), .mps_i, .step_i(step), .kind_o(seg_kind), .reads_o(seg_reads),
    .side_o(seg_side), .pair_o(seg_pair), .read_addr_o(seg_read), .write_addr_o(seg_write),
    .write2_addr_o(seg_write2), .len_o(seg_len), .lane_o(seg_lane), .offset_o(seg_offset),
    .block_rem_o(seg_block_rem), .last_o(seg_last)
  );
  assign load = state_q == StIdle && job_valid_i;
  assign step = state_q == StSeg;
  assign reading = state_q == StSeg && seg_reads;
  assign has_reads = job_i.op != siov_eng_pkg::JobNone && job_i.op != siov_eng_pkg::JobFill &&
                     job_i.op != siov_eng_pkg::JobFlush && job_i.op != siov_eng_pkg::JobBatchEnd;

  // Bytes of the next read.
  logic [9:0]      limit, room, bytes;
  logic [PosW-1:0] last_pos;
  logic [PosW-7:0] used;
  logic            space;
  always_comb begin
    limit = 10'd512;
    if (mrrs_i == 3'd0) limit = 10'd128;
    if (mrrs_i == 3'd1) limit = 10'd256;
    room = limit - (addr_q[9:0] & (limit - 10'd1));
    bytes = (left_q < {3'd0, room}) ? left_q[9:0] : room;
    last_pos = pos_q + {{(PosW-10){1'b0}}, bytes} - PosW'(1);
    used = last_pos[PosW-1:6] - free_line_i;
    space = used < (PosW-6)'(RingLines);
  end

  assign rd_valid_o = state_q == StRead && space;
  assign rd_addr_o = addr_q;
  assign rd_bytes_o = bytes;
  assign rd_pos_o = pos_q;
  assign rd_tc_o = tc_q;
  assign rd_pasid_en_o = job_q.pasid_en;
  assign rd_pasid_o = job_q.pasid;
  assign rd_priv_o = job_q.priv;
  always_comb begin
    rd_attr_o.ats = job_q.ats;
    rd_attr_o.block = job_q.block;
    rd_attr_o.wq = job_q.wq;
    rd_attr_o.epoch = job_q.epoch;
  end
  assign job_ready_o = state_q == StIdle;

  logic [PosW-1:0] seg_pos, seg_end;
  always_comb begin
    seg_pos = {line_q, 6'd0} + {{(PosW-2){1'b0}}, seg_lane};
    seg_end = seg_pos + {{(PosW-13){1'b0}}, seg_len} + PosW'(63);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      state_q <= StIdle;
      line_q <= '0;
    end else begin
      unique case (state_q)
        StIdle: if (job_valid_i && has_reads) state_q <= StSeg;
        StSeg: begin
          if (seg_reads) begin
            line_q <= seg_end[PosW-1:6];
            state_q <= StRead;
          end else if (seg_last) begin
            state_q <= StIdle;
          end
        end
        StRead: if (rd_valid_o && rd_ready_i && left_q == {3'd0, bytes})
          state_q <= last_q ? StIdle : StSeg;
        default: state_q <= StIdle;
      endcase
    end
    if (load) job_q <= job_i;
    if (reading) begin
      addr_q <= seg_read;
      left_q <= seg_len;
      pos_q <= seg_pos;
      last_q <= seg_last;
      tc_q <= (seg_kind == siov_eng_pkg::SegSeed) ? job_q.tc_other
            : (seg_pair && seg_side) ? job_q.tc_dst : job_q.tc_src;
    end
    if (state_q == StRead && rd_valid_o && rd_ready_i) begin
      addr_q <= addr_q + {54'd0, bytes};
      left_q <= left_q - {3'd0, bytes};
      pos_q <= pos_q + {{(PosW-10){1'b0}}, bytes};
    end
  end

  logic unused_ok;
  assign unused_ok = ^{seg_write, seg_write2, seg_offset, seg_block_rem, seg_pos[5:0], seg_end[5:0], job_q, 1'b0};

  `SIOV_ASSERT_IF(SplitInsidePage, rd_valid_o, {1'b0, rd_addr_o[11:0]} + {3'd0, rd_bytes_o} <= 13'd4096)
  `SIOV_ASSERT_IF(SplitNotEmpty, rd_valid_o, rd_bytes_o != '0)
  `SIOV_COVER(SplitWaitsForRing, state_q == StRead && !space)

endmodule
