// SPDX-License-Identifier: Apache-2.0
// WQCFG: the configuration of each work queue, 32 bytes a queue; siov_wqcfg_entry holds one of
// them.
//
// A field that is locked at the moment of a write keeps its value without an error: size while the
// device is not Disabled, everything else but the threshold while the queue is not Disabled.
// Occupancy and state are read-only. The occupancy interrupt (dwords 4 and 5), ATS and PRS disable
// are not offered by WQCAP: they read 0. Does not check the values; Enable Device and Enable WQ do
// (siov_cmd).
//
// Latency: write 1 cycle, read data 1 cycle after re_i. No combinational path from the bus to
// wq_cfg_o.
// @spec dsa 2.9

`include "siov_assert.svh"

module siov_wqcfg #(
  /// Work queues, 1..62 (a vector each and vector 0).
  parameter int unsigned NumWq = 8
) (
  input  logic clk_i,
  input  logic rst_ni,

  // register access
  input  logic we_i,
  input  logic re_i,
  /// Offset in the table, 8-byte words.
  input  logic [10:3] addr_i,
  input  logic [63:0] wdata_i,
  input  logic [7:0] be_i,
  output logic [63:0] rdata_o,

  // control
  /// All fields to their reset values.
  input  logic dev_rst_i,
  /// All fields but the size to their reset values.
  input  logic [NumWq-1:0] wq_rst_i,
  /// Device is not Disabled.
  input  logic dev_locked_i,
  input  logic [NumWq-1:0] accept_i,
  input  logic [NumWq-1:0] enabled_i,
  input  logic [NumWq-1:0] busy_i,
  input  logic [NumWq*16-1:0] base_i,
  input  logic [NumWq*16-1:0] occ_i,

  output logic [NumWq*siov_pkg::WqCfgW-1:0] wq_cfg_o
);

  localparam int unsigned ImageBits = 8 * 32'(siov_abi_pkg::TblWqcfgStride);

  logic [NumWq*ImageBits-1:0] image;   // what software reads
  logic [127:0]               mask;    // bits of dwords 0..3 that the access writes
  logic [63:0]                rdata_q;

  always_comb begin
    mask = '0;
    if (we_i && !addr_i[4]) begin
      for (int unsigned b = 0; b < 8; b++) begin
        mask[8*b +: 8] = {8{be_i[b] & ~addr_i[3]}};
        mask[64 + 8*b +: 8] = {8{be_i[b] & addr_i[3]}};
      end
    end
  end

  for (genvar w = 0; w < NumWq; w++) begin : gen_wq
    siov_wqcfg_entry u_entry (
      .clk_i(clk_i), .rst_ni(rst_ni),
      .mask_i((addr_i[10:5] == 6'(w)) ? mask : '0), .wdata_i(wdata_i),
      .img_o(image[ImageBits*w +: ImageBits]),
      .dev_rst_i(dev_rst_i), .wq_rst_i(wq_rst_i[w]), .dev_locked_i(dev_locked_i),
      .accept_i(accept_i[w]), .enabled_i(enabled_i[w]), .busy_i(busy_i[w]),
      .base_i(base_i[16*w +: 16]), .occ_i(occ_i[16*w +: 16]),
      .wq_cfg_o(wq_cfg_o[w*siov_pkg::WqCfgW +: siov_pkg::WqCfgW])
    );
  end

  always_ff @(posedge clk_i) begin
    if (re_i) begin
      rdata_q <= '0;
      for (int unsigned w = 0; w < NumWq; w++) begin
        for (int unsigned q = 0; q < 4; q++) begin
          if ((addr_i[10:5] == 6'(w)) && (addr_i[4:3] == 2'(q))) begin
            rdata_q <= image[ImageBits*w + 64*q +: 64];
          end
        end
      end
    end
  end
  assign rdata_o = rdata_q;

  `SIOV_STATIC(gen_bad_stride, ImageBits == 256)
`ifndef SYNTHESIS
  // A queue that takes work is enabled, and no queue is enabled and busy at once.
  `SIOV_ASSERT(a_accept_enabled, (accept_i & ~enabled_i) == '0)
  `SIOV_ASSERT(a_state_exclusive, (busy_i & enabled_i) == '0)
  `SIOV_COVER(c_locked_write, we_i && dev_locked_i)
`endif

endmodule
