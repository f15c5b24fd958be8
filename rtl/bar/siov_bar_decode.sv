// SPDX-License-Identifier: Apache-2.0
// What an address in BAR0 names: registers, a configuration table, or an entry of an interrupt
// table. A table fills the space up to the next one; entries that do not exist are nothing.
//
// Combinational.
// @spec dsa 2.1, 2.5, 2.10

`include "siov_assert.svh"

module siov_bar_decode #(
  /// Work queues, groups, MSI-X table entries, IMS entries.
  parameter int unsigned NumWq = 8,
  parameter int unsigned NumGroups = 4,
  parameter int unsigned MsixVectors = 9,
  parameter int unsigned ImsEntries = 256,
  /// Tables at their large offsets.
  parameter bit LargeBar0 = 1'b0
) (
  input  logic [17:3] addr_i,
  /// 0 nothing, 1 registers, 2 GRPCFG, 3 WQCFG, 4 interrupt tables.
  output logic [2:0] region_o,
  /// 0 MSIXPERM, 1 MSI-X table, 2 PBA, 3 IMS; entry, of the PBA the word; half of the entry.
  output logic [1:0] tbl_sel_o,
  output logic [11:0] tbl_index_o,
  output logic tbl_word_o
);

  localparam logic [1:0] SelPerm = 2'd0;
  localparam logic [1:0] SelMsix = 2'd1;
  localparam logic [1:0] SelPba = 2'd2;
  localparam logic [1:0] SelIms = 2'd3;


  logic        in_perm, in_msix, in_pba, in_ims, in_grp, in_wq;
  logic [11:0] perm_idx, msix_idx, pba_idx, ims_idx;

  // A table fills the space up to the next one.
  if (LargeBar0) begin : gen_large
    assign in_perm = addr_i[17:14] == siov_abi_pkg::TblMsixpermLarge[17:14];
    assign in_grp = addr_i[17:14] == siov_abi_pkg::TblGrpcfgLarge[17:14];
    assign in_wq = addr_i[17:15] == siov_abi_pkg::TblWqcfgLarge[17:15];
    assign in_msix = addr_i[17:15] == siov_abi_pkg::TblMsixLarge[17:15];
    assign in_pba = addr_i[17:15] == siov_abi_pkg::TblPbaLarge[17:15];
    assign in_ims = addr_i[17:16] == siov_abi_pkg::TblImsLarge[17:16];
    assign perm_idx = {1'b0, addr_i[13:3]};
    assign msix_idx = {1'b0, addr_i[14:4]};
    assign pba_idx = addr_i[14:3];
    assign ims_idx = addr_i[15:4];
  end else begin : gen_default
    logic low;
    assign low = addr_i[17:16] == '0;
    assign in_perm = low && (addr_i[15:9] == siov_abi_pkg::TblMsixperm[15:9]);
    assign in_grp = low && (addr_i[15:9] == siov_abi_pkg::TblGrpcfg[15:9]);
    assign in_wq = low && (addr_i[15:11] == siov_abi_pkg::TblWqcfg[15:11]);
    assign in_msix = low && (addr_i[15:12] == siov_abi_pkg::TblMsix[15:12]);
    assign in_pba = low && (addr_i[15:12] == siov_abi_pkg::TblPba[15:12]);
    assign in_ims = low && (addr_i[15:3] >= siov_abi_pkg::TblIms[15:3]);
    assign perm_idx = {6'b0, addr_i[8:3]};
    assign msix_idx = {4'b0, addr_i[11:4]};
    assign pba_idx = {3'b0, addr_i[11:3]};
    assign ims_idx = addr_i[15:4] - siov_abi_pkg::TblIms[15:4];
  end

  // ------------------------------------------------------------ interrupt tables
  logic        tbl_there;

  always_comb begin
    tbl_there = 1'b1;
    tbl_sel_o = SelPerm;
    tbl_index_o = perm_idx;
    if (in_perm) begin
      tbl_there = 32'(perm_idx) < MsixVectors;
    end else if (in_msix) begin
      tbl_sel_o = SelMsix;
      tbl_index_o = msix_idx;
      tbl_there = 32'(msix_idx) < MsixVectors;
    end else if (in_pba) begin
      tbl_sel_o = SelPba;
      tbl_index_o = pba_idx;
      tbl_there = 32'(pba_idx) < (MsixVectors + 63) / 64;
    end else begin
      tbl_sel_o = SelIms;
      tbl_index_o = ims_idx;
      tbl_there = in_ims && (32'(ims_idx) + 1 <= ImsEntries);
    end
  end
  assign tbl_word_o = (in_msix || in_ims) && addr_i[3];

  // ------------------------------------------------------------ verdict
  always_comb begin
    if (addr_i[17:9] == '0) region_o = 3'd1;
    else if (in_grp) region_o = 3'd2;
    else if (in_wq) region_o = 3'd3;
    else if (tbl_there) region_o = 3'd4;
    else region_o = 3'd0;
  end

  `SIOV_STATIC(gen_fits, LargeBar0 || (NumWq <= 32'(siov_abi_pkg::DefaultMaxWqs) &&
               NumGroups <= 32'(siov_abi_pkg::DefaultMaxGroups) &&
               MsixVectors <= 32'(siov_abi_pkg::DefaultMaxVectors) &&
               ImsEntries <= 32'(siov_abi_pkg::DefaultMaxIms)))

endmodule
