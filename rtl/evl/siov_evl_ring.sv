// SPDX-License-Identifier: Apache-2.0
// Registers of the event log and the place of the next entry (dsa 2.11): EVLCFG, EVLSTATUS, ring.
//
// Configuration is locked while the device is not Disabled. Head belongs to software, tail to the
// device; tail moves when an entry is ordered on the link, so whoever reads the new tail finds the
// entry. The ring is full when the entry after the next one would meet the head. One interrupt
// until software clears the pending bit.
// Latency: next_o and full_o follow head and tail by one cycle, event_o an entry by one.
// Does not write entries (siov_evl).

`include "siov_assert.svh"

module siov_evl_ring (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         flr_i,           /// everything
  input  logic         dev_rst_i,       /// Reset Device: configuration, not EVLSTATUS
  input  logic         start_i,         /// a successful Enable Device with the log on
  input  logic         locked_i,
  input  logic         pasid_en_i,      /// PCI PASID enable
  input  logic         int_en_i,        /// GENCTRL[2]
  // registers
  input  logic [2:0]   we_i,            /// one-hot: 0xE0, 0xE8, 0xF0
  input  logic [63:0]  mask_i,          /// bits that are written
  input  logic [63:0]  wdata_i,
  output logic [191:0] img_o,           /// {0xF0, 0xE8, 0xE0} as software reads them
  output logic         cfg_ok_o,
  // ring
  input  logic         append_i,        /// the entry is on the link
  output logic         full_o,
  output logic [63:0]  addr_o,          /// of the next entry
  output logic         pasid_valid_o,
  output logic [19:0]  pasid_o,
  output logic         priv_o,
  output logic         event_o          /// pulse: INTCAUSE[5] and its message
);

  localparam logic [63:0] CfgLowBits = 64'hFFFF_FFFF_FFFF_F003;    // base, priv, PASID enable
  localparam logic [63:0] CfgHighBits = 64'h0000_000F_FFFF_FFFF;   // PASID, size
  localparam int unsigned EntryBytesLog2 = 6;
  localparam logic [15:0] LeastEntries = 16'd64;

  logic [127:0] cfg_q;
  logic [15:0]  head_q, tail_q, next_q, size, next;
  logic         pending_q, full_q, clears, event_d;

  assign size = cfg_q[siov_abi_pkg::EvlcfgSizeLsb +: 16];
  assign next = (tail_q + 16'd1 == size) ? '0 : tail_q + 16'd1;
  assign clears = we_i[2] && mask_i[siov_abi_pkg::EvlstatusIntPendingLsb] &&
                  wdata_i[siov_abi_pkg::EvlstatusIntPendingLsb];
  assign event_d = append_i && int_en_i && (!pending_q || clears);

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flr_i || dev_rst_i) begin
      cfg_q <= '0;
    end else if (!locked_i) begin
      if (we_i[0])
        cfg_q[63:0] <= (cfg_q[63:0] & ~mask_i) | (wdata_i & mask_i & CfgLowBits);
      if (we_i[1])
        cfg_q[127:64] <= (cfg_q[127:64] & ~mask_i) | (wdata_i & mask_i & CfgHighBits);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flr_i || start_i) begin
      head_q <= '0;
      tail_q <= '0;
      pending_q <= 1'b0;
    end else begin
      if (we_i[2]) head_q <= (head_q & ~mask_i[15:0]) | (wdata_i[15:0] & mask_i[15:0]);
      if (append_i) tail_q <= next_q;
      // An event at the moment of its clearing wins.
      if (event_d) pending_q <= 1'b1;
      else if (clears) pending_q <= 1'b0;
    end
    next_q <= next;
    full_q <= next == head_q;
    addr_o <= {cfg_q[63:12], 12'b0} + {42'b0, tail_q, EntryBytesLog2'(0)};
    event_o <= event_d && rst_ni && !flr_i;
    cfg_ok_o <= size >= LeastEntries &&
                (!cfg_q[siov_abi_pkg::EvlcfgPasidEnLsb] || pasid_en_i);
  end

  assign full_o = full_q;
  assign pasid_valid_o = cfg_q[siov_abi_pkg::EvlcfgPasidEnLsb];
  assign pasid_o = cfg_q[siov_abi_pkg::EvlcfgPasidLsb +: 20];
  assign priv_o = cfg_q[siov_abi_pkg::EvlcfgPrivLsb];

  always_comb begin
    img_o = '0;
    img_o[127:0] = cfg_q;
    img_o[128 + siov_abi_pkg::EvlstatusHeadLsb +: 16] = head_q;
    img_o[128 + siov_abi_pkg::EvlstatusTailLsb +: 16] = tail_q;
    img_o[128 + siov_abi_pkg::EvlstatusIntPendingLsb] = pending_q;
  end

  // An entry never overwrites one that software has not taken.
  `SIOV_ASSERT_IF(EvlNotFull, append_i, !full_o)

endmodule
