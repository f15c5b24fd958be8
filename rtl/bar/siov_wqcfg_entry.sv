// SPDX-License-Identifier: Apache-2.0
// The configuration of one work queue (one entry of WQCFG) and its lock rules. See siov_wqcfg.
//
// Latency: write 1 cycle. img_o follows the registers, occupancy and state directly.
// @spec dsa 2.9

module siov_wqcfg_entry (
  input  logic clk_i,
  input  logic rst_ni,

  /// Bits of dwords 0 to 3 that are written in this cycle.
  input  logic [127:0] mask_i,
  input  logic [63:0] wdata_i,
  /// What software reads.
  output logic [255:0] img_o,

  /// All fields to their reset values; the same without the size.
  input  logic dev_rst_i,
  input  logic wq_rst_i,
  /// Device is not Disabled.
  input  logic dev_locked_i,
  /// State of the queue.
  input  logic accept_i,
  input  logic enabled_i,
  input  logic busy_i,
  input  logic [15:0] base_i,
  input  logic [15:0] occ_i,

  /// A wq_cfg_t.
  output logic [siov_pkg::WqCfgW-1:0] wq_cfg_o
);

  logic [15:0]          size_q, threshold_q;
  logic                 dedicated_q, bof_q, pasid_en_q, priv_q;
  logic [3:0]           prio_q, max_batch_q;
  logic [19:0]          pasid_q;
  logic [4:0]           max_xfer_q;
  logic                 hit, locked;
  logic [255:0]         img;
  logic [127:0]         merged;
  siov_pkg::wq_cfg_t    cfg;

  assign hit = mask_i != '0;
  assign locked = enabled_i || busy_i;
  assign merged = (img[127:0] & ~mask_i) | ({wdata_i, wdata_i} & mask_i);

  always_comb begin
    img = '0;
    img[siov_abi_pkg::WqcfgSizeLsb +: 16] = size_q;
    img[siov_abi_pkg::WqcfgThresholdLsb +: 16] = threshold_q;
    img[siov_abi_pkg::WqcfgDedicatedLsb] = dedicated_q;
    img[siov_abi_pkg::WqcfgBofEnLsb] = bof_q;
    img[siov_abi_pkg::WqcfgPriorityLsb +: 4] = prio_q;
    img[siov_abi_pkg::WqcfgPasidLsb +: 20] = pasid_q;
    img[siov_abi_pkg::WqcfgPasidEnLsb] = pasid_en_q;
    img[siov_abi_pkg::WqcfgPrivLsb] = priv_q;
    img[siov_abi_pkg::WqcfgMaxXferLsb +: 5] = max_xfer_q;
    img[siov_abi_pkg::WqcfgMaxBatchLsb +: 4] = max_batch_q;
    img[siov_abi_pkg::WqcfgOccupancyLsb +: 16] = occ_i;
    img[siov_abi_pkg::WqcfgStateLsb +: 2] = busy_i ? siov_abi_pkg::WqStateBusy
        : enabled_i ? siov_abi_pkg::WqStateEnabled : siov_abi_pkg::WqStateDisabled;
  end
  assign img_o = img;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || dev_rst_i) begin
      size_q <= '0;
    end else if (hit && !dev_locked_i) begin
      size_q <= merged[siov_abi_pkg::WqcfgSizeLsb +: 16];
    end

    if (!rst_ni || dev_rst_i || wq_rst_i) begin
      threshold_q <= '0;
      dedicated_q <= 1'b0;
      bof_q <= 1'b0;
      prio_q <= '0;
      pasid_q <= '0;
      pasid_en_q <= 1'b0;
      priv_q <= 1'b0;
      max_xfer_q <= '0;
      max_batch_q <= '0;
    end else if (hit) begin
      threshold_q <= merged[siov_abi_pkg::WqcfgThresholdLsb +: 16];
      if (!locked) begin
        dedicated_q <= merged[siov_abi_pkg::WqcfgDedicatedLsb];
        bof_q <= merged[siov_abi_pkg::WqcfgBofEnLsb];
        prio_q <= merged[siov_abi_pkg::WqcfgPriorityLsb +: 4];
        pasid_q <= merged[siov_abi_pkg::WqcfgPasidLsb +: 20];
        pasid_en_q <= merged[siov_abi_pkg::WqcfgPasidEnLsb];
        priv_q <= merged[siov_abi_pkg::WqcfgPrivLsb];
        max_xfer_q <= merged[siov_abi_pkg::WqcfgMaxXferLsb +: 5];
        max_batch_q <= merged[siov_abi_pkg::WqcfgMaxBatchLsb +: 4];
      end
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
    cfg.prio = prio_q;
    cfg.pasid_en = pasid_en_q;
    cfg.pasid = pasid_q;
    cfg.priv = priv_q;
    cfg.max_xfer = max_xfer_q;
    cfg.max_batch = max_batch_q;
  end
  assign wq_cfg_o = cfg;


  logic unused_reserved;
  assign unused_reserved = ^merged;

endmodule
