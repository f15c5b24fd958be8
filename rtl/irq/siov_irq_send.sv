// SPDX-License-Identifier: Apache-2.0
// Decides what becomes of each interrupt and offers the messages to the link, one at a time.
//
// Sources in this order: entries that became sendable (unmasked with the pending bit set), device
// events on MSI-X vector 0, requesters (engines, work queue occupancy) in turn. A request ends when
// its message is accepted, its pending bit is set (masked entry or function mask), or it is dropped
// (ignore bit, MSI-X disabled, no such entry, Reset Device while in hand). While bus mastering is
// off, requests wait. A message that waits for the link is withdrawn when its entry is masked,
// MSI-X is disabled or bus mastering goes off: it must not be seen after software has read back the
// mask. It is then decided anew.
//
// Latency: request to msg_valid_o 2 cycles, msg_ready_i to *_ready_o 1 cycle.
// Combinational paths: enables to msg_valid_o.
// @spec dsa 2.6, 2.10; pcie MSI-X; SIOV-D-34, SIOV-D-36, SIOV-D-39

`include "siov_assert.svh"

module siov_irq_send #(
  /// Requesters, IMS entries, MSI-X table entries.
  parameter int unsigned NumReq = 5,
  parameter int unsigned ImsEntries = 256,
  parameter int unsigned MsixVectors = 9,
  localparam int unsigned ImsW = (ImsEntries > 1) ? $clog2(ImsEntries) : 1,
  localparam int unsigned MsixW = (MsixVectors > 1) ? $clog2(MsixVectors) : 1
) (
  input  logic clk_i,
  input  logic rst_ni,
  /// Reset Device: a request in hand is dropped.
  input  logic dev_rst_i,
  // configuration space
  input  logic bme_i,
  input  logic msix_en_i,
  input  logic msix_fmask_i,

  // requests
  input  logic dev_irq_valid_i,
  output logic dev_irq_ready_o,
  /// Some INTCAUSE bit is set; without one, a device event no longer waits in the pending bit.
  input  logic dev_irq_cause_i,
  input  logic [NumReq-1:0] irq_valid_i,
  output logic [NumReq-1:0] irq_ready_o,
  input  logic [NumReq-1:0] irq_ims_i,
  input  logic [NumReq*16-1:0] irq_handle_i,

  // tables
  input  logic scan_ims_valid_i,
  input  logic [ImsW-1:0] scan_ims_idx_i,
  output logic scan_ims_take_o,
  input  logic scan_msix_valid_i,
  input  logic [MsixW-1:0] scan_msix_idx_i,
  output logic scan_msix_take_o,
  output logic [ImsW-1:0] rd_ims_idx_o,
  output logic [MsixW-1:0] rd_msix_idx_o,
  input  logic [63:0] rd_ims_addr_i,
  input  logic [31:0] rd_ims_data_i,
  input  logic [63:0] rd_msix_addr_i,
  input  logic [31:0] rd_msix_data_i,
  output logic [ImsW-1:0] q_ims_idx_o,
  output logic [MsixW-1:0] q_msix_idx_o,
  input  logic [2:0] q_ims_i,
  input  logic [2:0] q_msix_i,
  input  logic [1:0] h_ims_i,
  input  logic [1:0] h_msix_i,
  output logic [1:0] p_ims_o,
  output logic [1:0] p_msix_o,
  output logic retire0_o,

  // link
  output logic msg_valid_o,
  input  logic msg_ready_i,
  output logic [63:0] msg_addr_o,
  output logic [31:0] msg_data_o
);

  typedef enum logic [1:0] {
    StIdle   = 2'd0,   // waits for a request; its entry is being read
    StDecide = 2'd1,   // entry in hand; waits here while bus mastering is off
    StSend   = 2'd2,   // waits for the link
    StAck    = 2'd3    // one cycle: tells the requester
  } state_e;

  typedef enum logic [1:0] {
    SrcScan   = 2'd0,
    SrcDevice = 2'd1,
    SrcReq = 2'd2
  } src_e;

  state_e                state_q, state_d;
  src_e                  src_q, src_d;
  logic                  ims_q, ims_d, gone_q, gone_d, stale_q, stale_d;
  logic [15:0]           idx_q, idx_d;
  logic [NumReq-1:0] req_q, req_d;
  logic [63:0]           addr_q, addr_d;
  logic [31:0]           data_q, data_d;
  logic                  req0_q;                     // a requester waits in pending bit 0 too

  // ------------------------------------------------------------ choice
  logic                  msix_go, req_any, req_take, req_ims;
  logic [NumReq-1:0] req_gnt;
  logic [15:0]           req_handle;
  logic [((NumReq > 1) ? $clog2(NumReq) : 1)-1:0] req_idx;

  // Only while a message may be sent at all: otherwise it would stand in the way.
  assign msix_go = scan_msix_valid_i && msix_en_i && !msix_fmask_i && bme_i;

  siov_rr_arb #(.N(NumReq)) u_arb (
    .clk_i(clk_i), .rst_ni(rst_ni), .req_i(irq_valid_i), .take_i(req_take),
    .any_o(req_any), .gnt_o(req_gnt), .idx_o(req_idx)
  );

  logic unused_idx;
  assign unused_idx = ^req_idx;

  always_comb begin
    req_ims = 1'b0;
    req_handle = '0;
    for (int unsigned e = 0; e < NumReq; e++) begin
      if (req_gnt[e]) begin
        req_ims = irq_ims_i[e];
        req_handle = irq_handle_i[16*e +: 16];
      end
    end
  end

  // ------------------------------------------------------------ verdict on the entry in hand
  logic in_range, ignored, masked, pending, disabled, allowed, sendable, hand_ok;

  always_comb begin
    in_range = ims_q ? (32'(idx_q) + 1 <= ImsEntries) : (32'(idx_q) < MsixVectors);
    ignored = ims_q ? q_ims_i[2] : q_msix_i[2];
    pending = ims_q ? q_ims_i[1] : q_msix_i[1];
    masked = ims_q ? q_ims_i[0] : (q_msix_i[0] || msix_fmask_i);
    disabled = !ims_q && !msix_en_i;
    allowed = bme_i && (ims_q || (msix_en_i && !msix_fmask_i));
    sendable = allowed && !masked && ((src_q != SrcScan) || pending);
    // The same once the message is in hand, from registers.
    hand_ok = allowed && !(ims_q ? h_ims_i[0] : h_msix_i[0]) && !stale_q &&
              ((src_q != SrcScan) || (ims_q ? h_ims_i[1] : h_msix_i[1]));
  end

  assign q_ims_idx_o = idx_q[ImsW-1:0];
  assign q_msix_idx_o = idx_q[MsixW-1:0];
  assign rd_ims_idx_o = (state_q == StIdle) ? idx_d[ImsW-1:0] : idx_q[ImsW-1:0];
  assign rd_msix_idx_o = (state_q == StIdle) ? idx_d[MsixW-1:0] : idx_q[MsixW-1:0];

  // ------------------------------------------------------------ state machine
  logic p_set, p_clr;

  always_comb begin
    state_d = state_q;
    src_d = src_q;
    ims_d = ims_q;
    idx_d = idx_q;
    req_d = req_q;
    addr_d = addr_q;
    data_d = data_q;
    req_take = 1'b0;
    p_set = 1'b0;
    p_clr = 1'b0;
    scan_ims_take_o = 1'b0;
    scan_msix_take_o = 1'b0;
    // A requester that withdrew (halt, flush) is not told.
    gone_d = gone_q || ((src_q == SrcReq) && ((req_q & irq_valid_i) == '0));
    stale_d = stale_q || ((src_q == SrcReq) && dev_rst_i);

    unique case (state_q)
      StIdle: begin
        gone_d = 1'b0;
        stale_d = 1'b0;
        if (msix_go) begin
          state_d = StDecide;
          src_d = SrcScan;
          ims_d = 1'b0;
          idx_d = 16'(scan_msix_idx_i);
          scan_msix_take_o = 1'b1;
        end else if (scan_ims_valid_i && bme_i) begin
          state_d = StDecide;
          src_d = SrcScan;
          ims_d = 1'b1;
          idx_d = 16'(scan_ims_idx_i);
          scan_ims_take_o = 1'b1;
        end else if (dev_irq_valid_i) begin
          state_d = StDecide;
          src_d = SrcDevice;
          ims_d = 1'b0;
          idx_d = '0;
        end else if (req_any) begin
          state_d = StDecide;
          src_d = SrcReq;
          ims_d = req_ims;
          idx_d = req_handle;
          req_d = req_gnt;
          req_take = 1'b1;
          stale_d = dev_rst_i;
        end
      end

      StDecide: begin
        addr_d = ims_q ? rd_ims_addr_i : rd_msix_addr_i;
        data_d = ims_q ? rd_ims_data_i : rd_msix_data_i;
        if (src_q == SrcScan) begin
          // Masked again meanwhile: stays pending. Ignored: dropped instead of sent.
          state_d = (sendable && !ignored) ? StSend : StIdle;
          p_clr = sendable && ignored;
        end else if (!in_range || disabled || ignored || gone_d || stale_d) begin
          state_d = StAck;
        end else if (masked) begin
          state_d = StAck;
          p_set = 1'b1;
        end else if (bme_i) begin
          state_d = StSend;
        end
      end

      StSend: begin
        if (!hand_ok) begin
          state_d = StDecide;
        end else if (msg_ready_i) begin
          p_clr = (src_q == SrcScan);
          state_d = (src_q == SrcScan) ? StIdle : StAck;
        end
      end

      default: state_d = StIdle;  // StAck
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StIdle;
      src_q <= SrcScan;
      gone_q <= 1'b0;
      stale_q <= 1'b0;
      req_q <= '0;
      req0_q <= 1'b0;
    end else begin
      state_q <= state_d;
      src_q <= src_d;
      gone_q <= gone_d;
      stale_q <= stale_d;
      req_q <= req_d;
      if (p_clr && !ims_q && (idx_q == '0)) req0_q <= 1'b0;
      if (p_set && !ims_q && (idx_q == '0) && (src_q == SrcReq)) req0_q <= 1'b1;
      if (dev_rst_i) req0_q <= 1'b0;
    end
    ims_q <= ims_d;
    idx_q <= idx_d;
    addr_q <= addr_d;
    data_q <= data_d;
  end

  assign p_ims_o = ims_q ? {p_set, p_clr} : 2'b00;
  assign p_msix_o = ims_q ? 2'b00 : {p_set, p_clr};
  assign retire0_o = !dev_irq_cause_i && !req0_q;
  assign irq_ready_o = ((state_q == StAck) && (src_q == SrcReq) &&
      !gone_q) ? (req_q & irq_valid_i) : '0;
  assign dev_irq_ready_o = (state_q == StAck) && (src_q == SrcDevice);
  assign msg_valid_o = (state_q == StSend) && hand_ok;
  assign msg_addr_o = addr_q;
  assign msg_data_o = data_q;

`ifndef SYNTHESIS
  // A waiting message holds still, or goes because it may no longer be sent.
  `SIOV_ASSERT_HOLDS(a_msg_hold, msg_valid_o && !msg_ready_i, !hand_ok, msg_valid_o, {msg_addr_o, msg_data_o})
  `SIOV_ASSERT_IF(a_msg_bme, msg_valid_o, bme_i && (ims_q || (msix_en_i && !msix_fmask_i)))
  `SIOV_ASSERT(a_ready_onehot, $onehot0(irq_ready_o) && ((irq_ready_o & ~irq_valid_i) == '0))
  `SIOV_COVER(c_msg_stall, msg_valid_o && !msg_ready_i)
  `SIOV_COVER(c_withdrawn, (state_q == StSend) && !hand_ok)
`endif

endmodule
