// SPDX-License-Identifier: Apache-2.0
// GRPCFG: which work queues and engines form a group, its traffic classes and its read buffers, 64
// bytes a group.
//
// Writable only while the device is Disabled; other writes are ignored. What software reads stands
// in a memory of 8-byte words with valid bits, so that a reset takes one cycle; what the device
// must see of every group at once is kept a second time in registers. The bitmaps keep all their
// 256 and 64 bits, so that Enable Device can refuse an index past the capability (grp_beyond_o).
// Fields of later versions read 0. Does not check the values (siov_enable_scan does).
//
// Latency: write 2 cycles after we_i (the access must stand still in between), read data 1 cycle
// after re_i. No combinational path crosses.
// @spec dsa 2.8

`include "siov_assert.svh"

module siov_grpcfg #(
  /// Work queues, 1..128.
  parameter int unsigned NumWq = 8,
  /// Groups, 1..16.
  parameter int unsigned NumGroups = 4,
  /// Engines, 1..63.
  parameter int unsigned NumEngines = 4,
  /// Reset value of the read buffers allowed.
  parameter int unsigned ReadBuffers = 96
) (
  input  logic clk_i,
  input  logic rst_ni,

  // register access; address, data and enables stay for the cycle after the strobe
  input  logic we_i,
  input  logic re_i,
  /// Offset in the table, 8-byte words.
  input  logic [13:3] addr_i,
  input  logic [63:0] wdata_i,
  input  logic [7:0] be_i,
  output logic [63:0] rdata_o,

  // control
  input  logic dev_rst_i,
  /// Device is not Disabled.
  input  logic dev_locked_i,
  /// GENCFG 7:0.
  input  logic [7:0] rb_limit_i,
  output logic [NumGroups*NumWq-1:0] grp_wq_o,
  output logic [NumGroups*NumEngines-1:0] grp_eng_o,
  /// {traffic class B, A} of each group.
  output logic [NumGroups*6-1:0] grp_tc_o,
  /// {read buffers in force: allowed or the global limit, reserved} of each group.
  output logic [NumGroups*16-1:0] grp_rb_o,
  /// An index past NumWq or NumEngines is set.
  output logic [NumGroups-1:0] grp_beyond_o,
  /// Read buffers reserved, read buffers allowed, use of the global limit.
  output logic [NumGroups*8-1:0] grp_rb_rsv_o,
  output logic [NumGroups*8-1:0] grp_rb_alw_o,
  output logic [NumGroups-1:0] grp_rb_glob_o
);

  localparam int unsigned Slots = 16;   // groups that the memory has room for

  // Words of an entry: 0 to 3 queues, 4 engines, 5 traffic classes and read buffers.
  localparam logic [2:0] WordEngines = 3'(siov_abi_pkg::GrpcfgEnginesLsb / 64);
  localparam logic [2:0] WordFlags = 3'(siov_abi_pkg::GrpcfgTcALsb / 64);
  localparam int unsigned FlagsLsb = 64 * (siov_abi_pkg::GrpcfgTcALsb / 64);
  localparam logic [63:0] FlagBits =
      (64'h7 << (siov_abi_pkg::GrpcfgTcALsb - FlagsLsb)) |
      (64'h7 << (siov_abi_pkg::GrpcfgTcBLsb - FlagsLsb)) |
      (64'h1 << (siov_abi_pkg::GrpcfgUseGlobalLimitLsb - FlagsLsb)) |
      (64'hFF << (siov_abi_pkg::GrpcfgReservedLsb - FlagsLsb)) |
      (64'hFF << (siov_abi_pkg::GrpcfgAllowedLsb - FlagsLsb));
  localparam logic [63:0] FlagsReset = 64'(ReadBuffers) <<
      (siov_abi_pkg::GrpcfgAllowedLsb - FlagsLsb);

  logic [63:0]        mem [8*Slots];
  logic [63:0]        raw_q, old, merged, be_mask, may;
  logic [3:0]         idx;
  logic [2:0]         word;
  logic [8*Slots-1:0] has_q;          // word written since the last reset
  logic               we_q, commit, in_range, in_range_q, stored, reset;

  assign idx = addr_i[9:6];
  assign word = addr_i[5:3];
  assign in_range = addr_i[13:6] < 8'(NumGroups);
  assign stored = word <= WordFlags;
  assign commit = we_q && in_range && stored && !dev_locked_i;
  assign reset = !rst_ni || dev_rst_i;

  // ------------------------------------------------------------ read, merge, write
  always_comb begin
    for (int unsigned b = 0; b < 8; b++) be_mask[8*b +: 8] = {8{be_i[b]}};
    may = (word == WordFlags) ? FlagBits : stored ? '1 : '0;
    old = has_q[{idx, word}] ? raw_q : (word == WordFlags) ? FlagsReset : '0;
    merged = (old & ~(be_mask & may)) | (wdata_i & be_mask & may);
  end

  always_ff @(posedge clk_i) begin
    if (commit) mem[{idx, word}] <= merged;
    raw_q <= mem[{idx, word}];
    if (!rst_ni) we_q <= 1'b0;
    else we_q <= we_i;
    if (re_i) in_range_q <= in_range && stored;
    if (reset) has_q <= '0;
    else if (commit) has_q[{idx, word}] <= 1'b1;
  end
  assign rdata_o = in_range_q ? old : '0;

  // ------------------------------------------------------------ groups
  for (genvar g = 0; g < NumGroups; g++) begin : gen_grp
    logic [NumWq-1:0]      wqs_q;
    logic [NumEngines-1:0] engs_q;
    logic [2:0]            tc_a_q, tc_b_q;
    logic                  glob_q, hit;
    logic [7:0]            rsv_q, alw_q, force_q;
    logic [4:0]            past_q;     // words 0 to 4: a bit past the capability

    assign hit = commit && (idx == 4'(g));

    for (genvar q = 0; q < 4; q++) begin : gen_wqs
      localparam int unsigned First = 64 * q;
      if (First + 64 <= NumWq) begin : gen_all
        always_ff @(posedge clk_i) begin
          if (reset) wqs_q[First +: 64] <= '0;
          else if (hit && (word == 3'(q))) wqs_q[First +: 64] <= merged;
          past_q[q] <= 1'b0;
        end
      end else if (First < NumWq) begin : gen_some
        localparam int unsigned Here = NumWq - First;
        always_ff @(posedge clk_i) begin
          if (reset) begin
            wqs_q[First +: Here] <= '0;
            past_q[q] <= 1'b0;
          end else if (hit && (word == 3'(q))) begin
            wqs_q[First +: Here] <= merged[Here-1:0];
            past_q[q] <= merged[63:Here] != '0;
          end
        end
      end else begin : gen_none
        always_ff @(posedge clk_i) begin
          if (reset) past_q[q] <= 1'b0;
          else if (hit && (word == 3'(q))) past_q[q] <= merged != '0;
        end
      end
    end

    always_ff @(posedge clk_i) begin
      if (reset) begin
        engs_q <= '0;
        past_q[4] <= 1'b0;
        tc_a_q <= '0;
        tc_b_q <= '0;
        glob_q <= 1'b0;
        rsv_q <= '0;
        alw_q <= 8'(ReadBuffers);
      end else if (hit) begin
        if (word == WordEngines) begin
          engs_q <= merged[NumEngines-1:0];
          past_q[4] <= merged[63:NumEngines] != '0;
        end
        if (word == WordFlags) begin
          tc_a_q <= merged[siov_abi_pkg::GrpcfgTcALsb - FlagsLsb +: 3];
          tc_b_q <= merged[siov_abi_pkg::GrpcfgTcBLsb - FlagsLsb +: 3];
          glob_q <= merged[siov_abi_pkg::GrpcfgUseGlobalLimitLsb - FlagsLsb];
          rsv_q <= merged[siov_abi_pkg::GrpcfgReservedLsb - FlagsLsb +: 8];
          alw_q <= merged[siov_abi_pkg::GrpcfgAllowedLsb - FlagsLsb +: 8];
        end
      end
      force_q <= glob_q ? rb_limit_i : alw_q;
    end

    assign grp_wq_o[g*NumWq +: NumWq] = wqs_q;
    assign grp_eng_o[g*NumEngines +: NumEngines] = engs_q;
    assign grp_tc_o[g*6 +: 6] = {tc_b_q, tc_a_q};
    assign grp_rb_o[g*16 +: 16] = {force_q, rsv_q};
    assign grp_beyond_o[g] = past_q != '0;
    assign grp_rb_rsv_o[g*8 +: 8] = rsv_q;
    assign grp_rb_alw_o[g*8 +: 8] = alw_q;
    assign grp_rb_glob_o[g] = glob_q;

`ifndef SYNTHESIS
    // Locked while the device is not Disabled: what the queues see cannot change under them. One
    // group at a time: Verilator 5.006 cannot sample vectors of 2048 bits and more.
    `SIOV_ASSERT_HOLDS(a_locked_stable, dev_locked_i && !dev_rst_i, 1'b0, 1'b1, {wqs_q, engs_q, tc_a_q, tc_b_q})
`endif
  end

  `SIOV_STATIC(gen_bad_stride, 32'(siov_abi_pkg::TblGrpcfgStride) == 64)
`ifndef SYNTHESIS
  `SIOV_COVER(c_locked_write, we_i && dev_locked_i)
`endif

endmodule
