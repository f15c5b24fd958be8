// SPDX-License-Identifier: Apache-2.0
// GRPCFG: which work queues and engines form a group, its traffic classes and its read buffers, 64
// bytes a group.
//
// Writable only while the device is Disabled; other writes are ignored. The bitmaps keep all their
// 256 and 64 bits, so that Enable Device can refuse an index past the capability (grp_beyond_o).
// Fields of later versions read 0. Does not check the values (siov_cmd does).
//
// Latency: write 1 cycle, read data 1 cycle after re_i. No combinational path crosses.
// @spec dsa 2.8

`include "siov_assert.svh"

module siov_grpcfg #(
  /// Work queues, 1..62 (a vector each and vector 0).
  parameter int unsigned NumWq = 8,
  /// Groups, 1..8.
  parameter int unsigned NumGroups = 4,
  /// Engines, 1..63.
  parameter int unsigned NumEngines = 4,
  /// Reset value of the read buffers allowed.
  parameter int unsigned ReadBuffers = 96
) (
  input  logic clk_i,
  input  logic rst_ni,

  // register access
  input  logic we_i,
  input  logic re_i,
  /// Offset in the table, 8-byte words.
  input  logic [8:3] addr_i,
  input  logic [63:0] wdata_i,
  input  logic [7:0] be_i,
  output logic [63:0] rdata_o,

  // control
  input  logic dev_rst_i,
  /// Device is not Disabled.
  input  logic dev_locked_i,
  output logic [NumGroups*NumWq-1:0] grp_wq_o,
  output logic [NumGroups*NumEngines-1:0] grp_eng_o,
  /// {traffic class B, A} of each group.
  output logic [NumGroups*6-1:0] grp_tc_o,
  /// An index past NumWq or NumEngines is set.
  output logic [NumGroups-1:0] grp_beyond_o,
  /// Read buffers reserved, read buffers allowed, use of the global limit.
  output logic [NumGroups*8-1:0] grp_rb_rsv_o,
  output logic [NumGroups*8-1:0] grp_rb_alw_o,
  output logic [NumGroups-1:0] grp_rb_glob_o
);

  localparam int unsigned ImageBits = 8 * 32'(siov_abi_pkg::TblGrpcfgStride);

  logic [NumGroups*ImageBits-1:0] image;   // what software reads
  logic [63:0]                    be_mask, rdata_q;
  logic                           write;

  assign write = we_i && !dev_locked_i;

  always_comb begin
    for (int unsigned b = 0; b < 8; b++) be_mask[8*b +: 8] = {8{be_i[b]}};
  end

  for (genvar g = 0; g < NumGroups; g++) begin : gen_grp
    logic [255:0]         wqs_q;
    logic [63:0]          engs_q;
    logic [2:0]           tc_a_q, tc_b_q;
    logic                 glob_q;
    logic [7:0]           rsv_q, alw_q;
    logic [ImageBits-1:0] img, merged;

    always_comb begin
      img = '0;
      img[siov_abi_pkg::GrpcfgWqsLsb +: 256] = wqs_q;
      img[siov_abi_pkg::GrpcfgEnginesLsb +: 64] = engs_q;
      img[siov_abi_pkg::GrpcfgTcALsb +: 3] = tc_a_q;
      img[siov_abi_pkg::GrpcfgTcBLsb +: 3] = tc_b_q;
      img[siov_abi_pkg::GrpcfgUseGlobalLimitLsb] = glob_q;
      img[siov_abi_pkg::GrpcfgReservedLsb +: 8] = rsv_q;
      img[siov_abi_pkg::GrpcfgAllowedLsb +: 8] = alw_q;
    end
    assign image[ImageBits*g +: ImageBits] = img;

    always_comb begin
      merged = img;
      if (write && (addr_i[8:6] == 3'(g))) begin
        for (int unsigned q = 0; q < 8; q++) begin
          if (addr_i[5:3] == 3'(q)) begin
            merged[64*q +: 64] = (img[64*q +: 64] & ~be_mask) | (wdata_i & be_mask);
          end
        end
      end
    end

    always_ff @(posedge clk_i) begin
      if (!rst_ni || dev_rst_i) begin
        wqs_q <= '0;
        engs_q <= '0;
        tc_a_q <= '0;
        tc_b_q <= '0;
        glob_q <= 1'b0;
        rsv_q <= '0;
        alw_q <= 8'(ReadBuffers);
      end else if (write && (addr_i[8:6] == 3'(g))) begin
        wqs_q <= merged[siov_abi_pkg::GrpcfgWqsLsb +: 256];
        engs_q <= merged[siov_abi_pkg::GrpcfgEnginesLsb +: 64];
        tc_a_q <= merged[siov_abi_pkg::GrpcfgTcALsb +: 3];
        tc_b_q <= merged[siov_abi_pkg::GrpcfgTcBLsb +: 3];
        glob_q <= merged[siov_abi_pkg::GrpcfgUseGlobalLimitLsb];
        rsv_q <= merged[siov_abi_pkg::GrpcfgReservedLsb +: 8];
        alw_q <= merged[siov_abi_pkg::GrpcfgAllowedLsb +: 8];
      end
    end

    assign grp_wq_o[g*NumWq +: NumWq] = wqs_q[NumWq-1:0];
    assign grp_eng_o[g*NumEngines +: NumEngines] = engs_q[NumEngines-1:0];
    assign grp_tc_o[g*6 +: 6] = {tc_b_q, tc_a_q};
    assign grp_beyond_o[g] = (|wqs_q[255:NumWq]) || (|engs_q[63:NumEngines]);
    assign grp_rb_rsv_o[g*8 +: 8] = rsv_q;
    assign grp_rb_alw_o[g*8 +: 8] = alw_q;
    assign grp_rb_glob_o[g] = glob_q;

    logic unused_reserved;
    assign unused_reserved = ^merged;
  end

  always_ff @(posedge clk_i) begin
    if (re_i) begin
      rdata_q <= '0;
      for (int unsigned g = 0; g < NumGroups; g++) begin
        for (int unsigned q = 0; q < 8; q++) begin
          if ((addr_i[8:6] == 3'(g)) && (addr_i[5:3] == 3'(q))) begin
            rdata_q <= image[ImageBits*g + 64*q +: 64];
          end
        end
      end
    end
  end
  assign rdata_o = rdata_q;

  `SIOV_STATIC(gen_bad_stride, ImageBits == 512)
`ifndef SYNTHESIS
  // Locked while the device is not Disabled: what the queues see cannot change under them.
  `SIOV_ASSERT(a_locked_stable, (dev_locked_i && !dev_rst_i) |=>
               $stable(grp_wq_o) && $stable(grp_eng_o) && $stable(grp_tc_o))
  `SIOV_COVER(c_locked_write, we_i && dev_locked_i)
`endif

endmodule
