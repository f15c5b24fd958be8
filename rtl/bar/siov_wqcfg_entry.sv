// SPDX-License-Identifier: Apache-2.0
// What the rest of the device must see of one WQCFG entry at all times, as registers; the detection
// of a falling occupancy. See siov_wqcfg, which applies the lock rules.
//
// Latency: write 1 cycle; occ_evt_o 1 cycle after the occupancy fell to the limit.
// @spec dsa 2.9

`include "siov_assert.svh"

module siov_wqcfg_entry #(
  /// Operation masks and occupancy interrupts exist.
  parameter bit Opcfg = 1'b1,
  /// OPCAP bits 63:0.
  parameter logic [63:0] OpcapLow = 64'h1_003F_03FF,
  /// ATS and PRS may be disabled for the queue.
  parameter bit Ats = 1'b1
) (
  input  logic clk_i,
  input  logic rst_ni,

  /// 8-byte word that is written: 0 dwords 0 and 1, 1 dwords 2 and 3, 2 dwords 4 and 5, 3 dwords 6
  /// and 7, 4 dwords 8 and 9.
  input  logic [4:0] we_i,
  /// Its new value; of word 3 the ones that are written.
  input  logic [63:0] word_i,

  /// All fields to their reset values; the same without the size.
  input  logic dev_rst_i,
  input  logic wq_rst_i,
  /// State of the queue.
  input  logic accept_i,
  input  logic enabled_i,
  input  logic busy_i,
  /// Device is halted: what is thrown away makes no event.
  input  logic halt_i,
  input  logic [15:0] base_i,
  input  logic [15:0] occ_i,

  /// A wq_cfg_t.
  output logic [siov_pkg::WqCfgW-1:0] wq_cfg_o,
  /// Operations the queue may run, and whether its mask allows one that OPCAP has not.
  output logic [siov_pkg::OpsW-1:0] ops_o,
  output logic ops_bad_o,
  /// Occupancy interrupt: enabled, generated.
  output logic occ_en_o,
  output logic occ_done_o,
  /// Pulse: it has just been generated.
  output logic occ_evt_o
);

  logic [15:0]       size_q, threshold_q;
  logic              dedicated_q, bof_q, ats_dis_q, prs_dis_q, pasid_en_q, priv_q;
  logic [3:0]        prio_q, max_batch_q;
  logic [19:0]       pasid_q;
  logic [4:0]        max_xfer_q;
  siov_pkg::wq_cfg_t cfg;
  logic              clear;

  assign clear = !rst_ni || dev_rst_i || wq_rst_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || dev_rst_i) size_q <= '0;
    else if (we_i[0]) size_q <= word_i[siov_abi_pkg::WqcfgSizeLsb +: 16];

    if (clear) threshold_q <= '0;
    else if (we_i[0]) threshold_q <= word_i[siov_abi_pkg::WqcfgThresholdLsb +: 16];

    if (clear) begin
      dedicated_q <= 1'b0;
      bof_q <= 1'b0;
      ats_dis_q <= 1'b0;
      prs_dis_q <= 1'b0;
      prio_q <= '0;
      pasid_q <= '0;
      pasid_en_q <= 1'b0;
      priv_q <= 1'b0;
      max_xfer_q <= '0;
      max_batch_q <= '0;
    end else if (we_i[1]) begin
      dedicated_q <= word_i[siov_abi_pkg::WqcfgDedicatedLsb - 64];
      bof_q <= word_i[siov_abi_pkg::WqcfgBofEnLsb - 64];
      ats_dis_q <= Ats && word_i[siov_abi_pkg::WqcfgAtsDisableLsb - 64];
      prs_dis_q <= Ats && word_i[siov_abi_pkg::WqcfgPrsDisableLsb - 64];
      prio_q <= word_i[siov_abi_pkg::WqcfgPriorityLsb - 64 +: 4];
      pasid_q <= word_i[siov_abi_pkg::WqcfgPasidLsb - 64 +: 20];
      pasid_en_q <= word_i[siov_abi_pkg::WqcfgPasidEnLsb - 64];
      priv_q <= word_i[siov_abi_pkg::WqcfgPrivLsb - 64];
      max_xfer_q <= word_i[siov_abi_pkg::WqcfgMaxXferLsb - 64 +: 5];
      max_batch_q <= word_i[siov_abi_pkg::WqcfgMaxBatchLsb - 64 +: 4];
    end
  end

  always_comb begin
    cfg = '0;
    cfg.accept = accept_i;
    cfg.base = base_i;
    cfg.size = size_q;
    cfg.threshold = threshold_q;
    cfg.dedicated = dedicated_q;
    cfg.bof_en = bof_q;
    cfg.ats_dis = ats_dis_q;
    cfg.prs_dis = prs_dis_q;
    cfg.prio = prio_q;
    cfg.pasid_en = pasid_en_q;
    cfg.pasid = pasid_q;
    cfg.priv = priv_q;
    cfg.max_xfer = max_xfer_q;
    cfg.max_batch = max_batch_q;
  end
  assign wq_cfg_o = cfg;

  logic unused_reserved;
  assign unused_reserved = ^{word_i, we_i};

  // ------------------------------------------------------------ OPCFG and the occupancy interrupt
  if (Opcfg) begin : gen_opcfg
    logic [siov_pkg::OpsW-1:0] ops_q;
    logic [15:0]               limit_q;
    logic                      bad_q, en_q, done_q, above_q, fell, evt_q;

    // Above is watched only while enabled: the limit stands then.
    assign fell = above_q && (occ_i <= limit_q) && en_q && !done_q && (enabled_i || busy_i) &&
                  !halt_i;

    always_ff @(posedge clk_i) begin
      if (clear) begin
        ops_q <= OpcapLow[siov_pkg::OpsW-1:0];
        bad_q <= 1'b0;
        limit_q <= '0;
        en_q <= 1'b0;
        done_q <= 1'b0;
        above_q <= 1'b0;
        evt_q <= 1'b0;
      end else begin
        if (we_i[4]) begin
          ops_q <= word_i[siov_pkg::OpsW-1:0] & OpcapLow[siov_pkg::OpsW-1:0];
          bad_q <= (word_i & ~OpcapLow) != '0;
        end
        if (we_i[2]) begin
          limit_q <= word_i[siov_abi_pkg::WqcfgOccLimitLsb - 128 +: 16];
          en_q <= word_i[siov_abi_pkg::WqcfgOccIntEnLsb - 128];
        end
        done_q <= fell || (done_q && !(we_i[3] && word_i[siov_abi_pkg::WqcfgOccIntDoneLsb - 192]));
        above_q <= en_q && (occ_i > limit_q);
        evt_q <= fell;
      end
    end

    assign ops_o = ops_q;
    assign ops_bad_o = bad_q;
    assign occ_en_o = en_q;
    assign occ_done_o = done_q;
    assign occ_evt_o = evt_q;

`ifndef SYNTHESIS
    // The operations of a queue that works stand still.
    `SIOV_ASSERT_HOLDS(a_ops_stable, (enabled_i || busy_i) && !wq_rst_i && !dev_rst_i, 1'b0, 1'b1, ops_q)
`endif
  end else begin : gen_plain
    assign ops_o = OpcapLow[siov_pkg::OpsW-1:0];
    assign ops_bad_o = 1'b0;
    assign occ_en_o = 1'b0;
    assign occ_done_o = 1'b0;
    assign occ_evt_o = 1'b0;

    logic unused_occ;
    assign unused_occ = ^{occ_i, enabled_i, busy_i, halt_i};
  end

endmodule
