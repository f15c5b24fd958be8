// SPDX-License-Identifier: Apache-2.0
// Protection information of one descriptor: expected and generated tags, checks, tags of the
// completion record (dsa 5.9). Operations: DIF check, insert, strip, update.
//
// Choices where the reference leaves one: the application tag mask clears bits of the expected and
// of the generated tag, the stored tag is compared whole, a source mask of all ones switches the
// comparison off; all-F conditions look at the stored fields; the all-F error comes before the
// skips; tags count on through skipped and passed-through blocks and are recorded unmasked.
// After an error nothing changes until start_i: tags, status and error_o stay those of the failing
// block. Not here: the guard (siov_eng_crc), block sizes, where the information lies.
//
// Latency: block to answer one cycle; a block a cycle. No combinational path from input to output.

`include "siov_assert.svh"

module siov_eng_dif (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         clear_i,
  input  logic         start_i,
  input  logic [7:0]   opcode_i,
  input  logic [191:0] info_i,         /// descriptor bytes 40..63, byte 40 in bits 7:0
  // one block
  input  logic         block_i,
  input  logic [15:0]  guard_i,        /// of the block's data
  input  logic [63:0]  pi_i,           /// behind the block, as in memory; not used by insert
  // answer
  output logic         valid_o,        /// pulse
  output logic         error_o,
  output logic [7:0]   dif_status_o,   /// 1 guard, 2 application tag, 4 reference tag, 8 all F
  output logic [63:0]  pi_o,           /// to be written behind the block, as in memory
  // record, level: tags that the next block uses
  output logic [63:0]  cr_src_o,       /// record bytes 16..23
  output logic [63:0]  cr_dst_o        /// record bytes 24..31
);

  // Flags. Bits 7 and 4 are the same in both bytes.
  localparam int unsigned RefFixed = 7;
  localparam int unsigned AppSteps = 4;
  localparam int unsigned SrcNoRef = 6;
  localparam int unsigned SrcNoGuard = 5;
  localparam int unsigned SrcSkipAppRefF = 3;
  localparam int unsigned SrcSkipAppF = 2;
  localparam int unsigned SrcSkipAllF = 1;
  localparam int unsigned SrcAllFError = 0;
  localparam int unsigned DstPassRef = 6;
  localparam int unsigned DstPassGuard = 5;
  localparam int unsigned DstPassApp = 3;

  // ------------------------------------------------------------ state
  logic        checks_q, makes_q, passes_q;    // has a source set, a destination set, both
  logic [7:0]  src_flags_q, dst_flags_q;
  logic [31:0] src_ref_q, dst_ref_q;
  logic [15:0] src_mask_q, src_app_q, dst_mask_q, dst_app_q;
  logic        valid_q, error_q;
  logic [3:0]  status_q;
  logic [63:0] pi_q;

  // ------------------------------------------------------------ checks
  logic [15:0] guard, app;
  logic [31:0] ref_tag;
  logic        app_f, ref_f, all_f, skip;
  logic [3:0]  status;
  assign guard = {pi_i[7:0], pi_i[15:8]};
  assign app = {pi_i[23:16], pi_i[31:24]};
  assign ref_tag = {pi_i[39:32], pi_i[47:40], pi_i[55:48], pi_i[63:56]};
  always_comb begin
    app_f = &app;
    ref_f = &ref_tag;
    all_f = app_f && ref_f && (&guard);
    skip = (src_flags_q[SrcSkipAppRefF] && app_f && ref_f) || (src_flags_q[SrcSkipAppF] && app_f) ||
           (src_flags_q[SrcSkipAllF] && all_f);
    status = 4'd0;
    if (checks_q && src_flags_q[SrcAllFError] && all_f) begin
      status[3] = 1'b1;
    end else if (checks_q && !skip) begin
      status[0] = !src_flags_q[SrcNoGuard] && guard != guard_i;
      status[1] = !(&src_mask_q) && app != (src_app_q & ~src_mask_q);
      status[2] = !src_flags_q[SrcNoRef] && ref_tag != src_ref_q;
    end
  end

  // ------------------------------------------------------------ information to write
  logic [15:0] new_guard, new_app;
  logic [31:0] new_ref;
  always_comb begin
    new_guard = (passes_q && dst_flags_q[DstPassGuard]) ? guard : guard_i;
    new_app = (passes_q && dst_flags_q[DstPassApp]) ? app : (dst_app_q & ~dst_mask_q);
    new_ref = (passes_q && dst_flags_q[DstPassRef]) ? ref_tag : dst_ref_q;
  end

  // ------------------------------------------------------------ next tags
  always_ff @(posedge clk_i) begin
    if (start_i) begin
      checks_q <= opcode_i != siov_abi_pkg::OpDifInsert;
      makes_q <= opcode_i == siov_abi_pkg::OpDifInsert || opcode_i == siov_abi_pkg::OpDifUpdate;
      passes_q <= opcode_i == siov_abi_pkg::OpDifUpdate;
      src_flags_q <= info_i[7:0];
      dst_flags_q <= info_i[15:8];
      src_ref_q <= info_i[95:64];
      src_mask_q <= info_i[111:96];
      src_app_q <= info_i[127:112];
      dst_ref_q <= info_i[159:128];
      dst_mask_q <= info_i[175:160];
      dst_app_q <= info_i[191:176];
    end else if (block_i && !error_q && status == 4'd0) begin
      if (!src_flags_q[RefFixed]) src_ref_q <= src_ref_q + 32'd1;
      if (src_flags_q[AppSteps]) src_app_q <= src_app_q + 16'd1;
      if (!dst_flags_q[RefFixed]) dst_ref_q <= dst_ref_q + 32'd1;
      if (dst_flags_q[AppSteps]) dst_app_q <= dst_app_q + 16'd1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) valid_q <= 1'b0;
    else valid_q <= block_i && !start_i;
    if (!rst_ni || clear_i || start_i) begin
      error_q <= 1'b0;
      status_q <= 4'd0;
    end else if (block_i && !error_q) begin
      error_q <= status != 4'd0;
      status_q <= status;
    end
    if (block_i && !error_q)
      pi_q <= {new_ref[7:0], new_ref[15:8], new_ref[23:16], new_ref[31:24],
               new_app[7:0], new_app[15:8], new_guard[7:0], new_guard[15:8]};
  end

  assign valid_o = valid_q;
  assign error_o = error_q;
  assign dif_status_o = {4'd0, status_q};
  assign pi_o = pi_q;
  assign cr_src_o = checks_q ? {src_app_q, src_mask_q, src_ref_q} : '0;
  assign cr_dst_o = makes_q ? {dst_app_q, dst_mask_q, dst_ref_q} : '0;

  logic unused_ok;
  assign unused_ok = ^{info_i[63:16], 1'b0};   // block size and guard inversion; reserved bytes

  `SIOV_ASSERT_IF(DifErrorHasStatus, error_o, dif_status_o != 8'd0)
  `SIOV_ASSERT_HOLDS(DifErrorFreezesTags, error_o && !start_i, 1'b0, 1'b1, {cr_src_o, cr_dst_o})

endmodule
