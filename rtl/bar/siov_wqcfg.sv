// SPDX-License-Identifier: Apache-2.0
// WQCFG: the configuration of each work queue, 32 bytes a queue, 64 with operation masks.
//
// What software reads stands in a memory of 8-byte words with valid bits, so that a reset takes one
// cycle; what the device must see of every queue at once is kept a second time in siov_wqcfg_entry.
// A write reads the word, keeps the bits that are disabled, locked or reserved, and writes it back.
//
// Locked bits keep their value without an error: size while the device is not Disabled, the
// occupancy limit while its interrupt is enabled, everything else but threshold, occupancy
// interrupt enable and generated while the queue is not Disabled or is just being enabled. ATS and PRS
// disable read 0 where WQCAP does not offer them. Does not check the values; Enable Device and
// Enable WQ do (siov_cmd).
//
// Latency: write 2 cycles after we_i (the access must stand still in between), read data 1 cycle
// after re_i, look-ups 1 cycle. No combinational path from the bus to wq_cfg_o.
// @spec dsa 2.9

`include "siov_assert.svh"

module siov_wqcfg #(
  /// Work queues, 1..128.
  parameter int unsigned NumWq = 8,
  /// Operation masks and occupancy interrupts exist; an entry is 64 bytes.
  parameter bit Opcfg = 1'b1,
  /// OPCAP bits 63:0.
  parameter logic [63:0] OpcapLow = 64'h1_003F_03FF,
  /// ATS and PRS may be disabled for a queue.
  parameter bit Ats = 1'b1,
  localparam int unsigned IdxW = (NumWq > 1) ? $clog2(NumWq) : 1
) (
  input  logic clk_i,
  input  logic rst_ni,

  // register access; address, data and enables stay for the cycle after the strobe
  input  logic we_i,
  input  logic re_i,
  /// Offset in the table, 8-byte words.
  input  logic [14:3] addr_i,
  input  logic [63:0] wdata_i,
  input  logic [7:0] be_i,
  output logic [63:0] rdata_o,

  // look-up of the command engine: words 0 to 2 of a queue
  input  logic [IdxW-1:0] look_idx_i,
  input  logic [1:0] look_word_i,
  output logic [63:0] look_data_o,

  // look-up of the occupancy interrupt: {IMS, handle}
  input  logic [IdxW-1:0] occ_idx_i,
  output logic [16:0] occ_handle_o,

  // control
  /// All fields to their reset values.
  input  logic dev_rst_i,
  /// All fields but the size to their reset values.
  input  logic [NumWq-1:0] wq_rst_i,
  /// Device is not Disabled.
  input  logic dev_locked_i,
  /// Enable WQ looks at this queue.
  input  logic [NumWq-1:0] wq_checked_i,
  input  logic [NumWq-1:0] accept_i,
  input  logic [NumWq-1:0] enabled_i,
  input  logic [NumWq-1:0] busy_i,
  input  logic halt_i,
  input  logic [NumWq*16-1:0] base_i,
  input  logic [NumWq*16-1:0] occ_i,

  output logic [NumWq*siov_pkg::WqCfgW-1:0] wq_cfg_o,
  output logic [NumWq*siov_pkg::OpsW-1:0] wq_ops_o,
  output logic [NumWq-1:0] ops_bad_o,
  output logic [NumWq-1:0] occ_evt_o
);

  localparam int unsigned Slots = 1 << IdxW;

  // Bits that exist in words 0, 1 and 2 (dwords 0 and 1, 2 and 3, 4 and 5).
  localparam logic [63:0] SizeBits = 64'hFFFF << siov_abi_pkg::WqcfgSizeLsb;
  localparam logic [63:0] ThresholdBits = 64'hFFFF << siov_abi_pkg::WqcfgThresholdLsb;
  localparam logic [63:0] ModeBits =
      (64'h1 << (siov_abi_pkg::WqcfgDedicatedLsb - 64)) |
      (64'h1 << (siov_abi_pkg::WqcfgBofEnLsb - 64)) |
      (64'(Ats) << (siov_abi_pkg::WqcfgAtsDisableLsb - 64)) |
      (64'(Ats) << (siov_abi_pkg::WqcfgPrsDisableLsb - 64)) |
      (64'hF << (siov_abi_pkg::WqcfgPriorityLsb - 64)) |
      (64'hFFFFF << (siov_abi_pkg::WqcfgPasidLsb - 64)) |
      (64'h1 << (siov_abi_pkg::WqcfgPasidEnLsb - 64)) |
      (64'h1 << (siov_abi_pkg::WqcfgPrivLsb - 64)) |
      (64'h1F << (siov_abi_pkg::WqcfgMaxXferLsb - 64)) |
      (64'hF << (siov_abi_pkg::WqcfgMaxBatchLsb - 64));
  localparam logic [63:0] HandleBits = 64'h1FFFF << (siov_abi_pkg::WqcfgOccIntHandleLsb - 128);
  localparam logic [63:0] LimitBits = 64'hFFFF << (siov_abi_pkg::WqcfgOccLimitLsb - 128);
  localparam logic [63:0] OccEnBit = 64'h1 << (siov_abi_pkg::WqcfgOccIntEnLsb - 128);

  // ------------------------------------------------------------ address
  logic [8:0]      queue;
  logic [2:0]      word;        // of the entry
  logic            stored;      // the word stands in the memory
  logic [IdxW-1:0] idx;
  logic [1:0]      slot;        // words 0, 1, 2 and 4
  logic            in_range;

  if (Opcfg) begin : gen_addr64
    assign queue = addr_i[14:6];
    assign word = addr_i[5:3];
    assign stored = (word < 3'd3) || (word == 3'd4);
  end else begin : gen_addr32
    logic unused_addr;
    assign queue = addr_i[13:5];
    assign word = {1'b0, addr_i[4:3]};
    assign stored = word < 3'd2;
    assign unused_addr = addr_i[14];
  end
  assign in_range = queue < 9'(NumWq);
  assign idx = queue[IdxW-1:0];
  assign slot = word[2] ? 2'd3 : word[1:0];

  // ------------------------------------------------------------ memory
  logic [63:0]       mem [4*Slots];
  logic [16:0]       handles [Slots];
  logic [63:0]       bus_raw_q, look_raw_q, old, merged, be_mask, may;
  logic [16:0]       handle_raw_q;
  logic [Slots-1:0]  has_size_q, has_thr_q, has_mode_q, has_occ_q, has_ops_q;
  logic              we_q, commit, locked, look_v_q, look_lo_q, handle_v_q, limit_locked;
  logic [NumWq-1:0]  occ_en, occ_done;
  logic [Slots-1:0]  lock_vec, occ_en_vec;

  assign commit = we_q && in_range;

  always_ff @(posedge clk_i) begin
    if (commit && stored) mem[{idx, slot}] <= merged;
    bus_raw_q <= mem[{idx, slot}];
    look_raw_q <= mem[{look_idx_i, look_word_i}];
  end

  always_ff @(posedge clk_i) begin
    if (commit && (word == 3'd2)) handles[idx] <= merged[16:0];
    handle_raw_q <= handles[occ_idx_i];
  end

  // A reset forgets: what is not valid reads as its reset value.
  for (genvar s = 0; s < Slots; s++) begin : gen_valid
    logic hit, gone;
    assign hit = commit && stored && (idx == IdxW'(s));
    if (s < NumWq) begin : gen_used
      assign gone = !rst_ni || dev_rst_i || wq_rst_i[s];
      assign lock_vec[s] = enabled_i[s] || busy_i[s] || wq_checked_i[s];
      assign occ_en_vec[s] = occ_en[s];
    end else begin : gen_spare
      assign gone = 1'b1;
      assign lock_vec[s] = 1'b0;
      assign occ_en_vec[s] = 1'b0;
    end
    always_ff @(posedge clk_i) begin
      if (!rst_ni || dev_rst_i) has_size_q[s] <= 1'b0;
      else if (hit && (slot == 2'd0)) has_size_q[s] <= 1'b1;
      if (gone) begin
        has_thr_q[s] <= 1'b0;
        has_mode_q[s] <= 1'b0;
        has_occ_q[s] <= 1'b0;
        has_ops_q[s] <= 1'b0;
      end else if (hit) begin
        unique case (slot)
          2'd0: has_thr_q[s] <= 1'b1;
          2'd1: has_mode_q[s] <= 1'b1;
          2'd2: has_occ_q[s] <= 1'b1;
          default: has_ops_q[s] <= 1'b1;
        endcase
      end
    end
  end

  // ------------------------------------------------------------ read, merge, write
  assign locked = lock_vec[idx];
  assign limit_locked = occ_en_vec[idx];

  always_comb begin
    for (int unsigned b = 0; b < 8; b++) be_mask[8*b +: 8] = {8{be_i[b]}};

    unique case (slot)
      2'd0: begin
        old = {has_thr_q[idx] ? bus_raw_q[63:32] : 32'b0, has_size_q[idx] ? bus_raw_q[31:0] : 32'b0};
        may = ThresholdBits | (dev_locked_i ? '0 : SizeBits);
      end
      2'd1: begin
        old = has_mode_q[idx] ? bus_raw_q : '0;
        may = locked ? '0 : ModeBits;
      end
      2'd2: begin
        old = has_occ_q[idx] ? bus_raw_q : '0;
        may = OccEnBit | (limit_locked ? '0 : LimitBits) | (locked ? '0 : HandleBits);
      end
      default: begin
        old = has_ops_q[idx] ? bus_raw_q : OpcapLow;
        may = locked ? '0 : '1;
      end
    endcase
    merged = (old & ~(be_mask & may)) | (wdata_i & be_mask & may);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) we_q <= 1'b0;
    else we_q <= we_i;
  end

  // ------------------------------------------------------------ queues
  logic [4:0]  we_word;
  logic [63:0] word_in;

  assign we_word = commit ? (5'b1 << word) : '0;
  assign word_in = (word == 3'd3) ? (wdata_i & be_mask) : merged;

  for (genvar w = 0; w < NumWq; w++) begin : gen_wq
    siov_wqcfg_entry #(.Opcfg(Opcfg), .OpcapLow(OpcapLow), .Ats(Ats)) u_entry (
      .clk_i(clk_i), .rst_ni(rst_ni),
      .we_i((idx == IdxW'(w)) ? we_word : '0), .word_i(word_in),
      .dev_rst_i(dev_rst_i), .wq_rst_i(wq_rst_i[w]),
      .accept_i(accept_i[w]), .enabled_i(enabled_i[w]), .busy_i(busy_i[w]), .halt_i(halt_i),
      .base_i(base_i[16*w +: 16]), .occ_i(occ_i[16*w +: 16]),
      .wq_cfg_o(wq_cfg_o[w*siov_pkg::WqCfgW +: siov_pkg::WqCfgW]),
      .ops_o(wq_ops_o[w*siov_pkg::OpsW +: siov_pkg::OpsW]), .ops_bad_o(ops_bad_o[w]),
      .occ_en_o(occ_en[w]), .occ_done_o(occ_done[w]), .occ_evt_o(occ_evt_o[w])
    );
  end

  // ------------------------------------------------------------ reads
  logic [63:0] state, state_q;     // dwords 6 and 7
  logic        stored_q, live_q;

  always_comb begin
    state = '0;
    for (int unsigned w = 0; w < NumWq; w++) begin
      if (idx == IdxW'(w)) begin
        state[siov_abi_pkg::WqcfgOccupancyLsb - 192 +: 16] = occ_i[16*w +: 16];
        state[siov_abi_pkg::WqcfgOccIntDoneLsb - 192] = occ_done[w];
        state[siov_abi_pkg::WqcfgStateLsb - 192 +: 2] =
            busy_i[w] ? siov_abi_pkg::WqStateBusy :
            enabled_i[w] ? siov_abi_pkg::WqStateEnabled : siov_abi_pkg::WqStateDisabled;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (re_i) begin
      state_q <= state;
      stored_q <= in_range && stored;
      live_q <= in_range && (word == 3'd3);
    end
  end
  assign rdata_o = stored_q ? old : live_q ? state_q : '0;

  // The size and the rest of word 0 have reset bits of their own; look-ups want the size only.
  always_ff @(posedge clk_i) begin
    unique case (look_word_i)
      2'd0: look_v_q <= has_size_q[look_idx_i];
      2'd1: look_v_q <= has_mode_q[look_idx_i];
      default: look_v_q <= has_occ_q[look_idx_i];
    endcase
    look_lo_q <= (look_word_i == 2'd0);
    handle_v_q <= has_occ_q[occ_idx_i];
  end
  assign look_data_o = !look_v_q ? '0 : {look_lo_q ? 32'b0 : look_raw_q[63:32], look_raw_q[31:0]};
  assign occ_handle_o = handle_v_q ? handle_raw_q : '0;

  `SIOV_STATIC(gen_bad_stride, 32'(siov_abi_pkg::TblWqcfgStride) == 32 &&
               32'(siov_abi_pkg::WqcfgOpcfgStride) == 64)
`ifndef SYNTHESIS
  // A queue that takes work is enabled, and no queue is enabled and busy at once.
  `SIOV_ASSERT(a_accept_enabled, (accept_i & ~enabled_i) == '0)
  `SIOV_ASSERT(a_state_exclusive, (busy_i & enabled_i) == '0)
  `SIOV_COVER(c_locked_write, we_i && dev_locked_i)
`endif

endmodule
