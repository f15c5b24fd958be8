// SPDX-License-Identifier: Apache-2.0
// Occupancy interrupts: remembers which queues owe one and asks siov_irq for their messages, one
// after the other.
//
// A queue whose handle did not pass the permission check when it was enabled owes none. Reset of a
// queue or of the device withdraws what it owes. Does not find the events (siov_wqcfg_entry).
//
// Latency: a request 3 cycles after the event, up to NumWq more while others wait.
// @spec dsa 2.9 dwords 4 and 5, 2.10

`include "siov_assert.svh"

module siov_occ_irq #(
  /// Work queues, 1..128.
  parameter int unsigned NumWq = 8,
  localparam int unsigned IdxW = (NumWq > 1) ? $clog2(NumWq) : 1
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic dev_rst_i,
  input  logic [NumWq-1:0] wq_rst_i,

  /// Pulses: the occupancy of a queue has fallen to its limit.
  input  logic [NumWq-1:0] evt_i,
  /// Pulse: whether the handle of these queues is allowed.
  input  logic [NumWq-1:0] ok_we_i,
  input  logic ok_i,

  // {IMS, handle} of a queue, one cycle later
  output logic [IdxW-1:0] idx_o,
  input  logic [16:0] handle_i,

  // request
  output logic irq_valid_o,
  input  logic irq_ready_i,
  output logic irq_ims_o,
  output logic [15:0] irq_handle_o
);

  typedef enum logic [1:0] {
    StLook = 2'd0,   // walks over the queues while one owes a message
    StRead = 2'd1,   // handle in hand
    StAsk  = 2'd2    // waits for siov_irq
  } state_e;

  state_e           state_q, state_d;
  logic [IdxW-1:0]  idx_q, idx_d, idx_next;
  logic [NumWq-1:0] owed_q, ok_q, idx_hot;
  logic [16:0]      handle_q;
  logic             owed, withdrawn, taken;

  always_comb begin
    for (int unsigned w = 0; w < NumWq; w++) idx_hot[w] = (idx_q == IdxW'(w));
  end
  assign owed = |(owed_q & idx_hot);
  assign idx_next = (idx_q == IdxW'(NumWq - 1)) ? '0 : idx_q + IdxW'(1);
  assign withdrawn = dev_rst_i || (|(wq_rst_i & idx_hot));

  always_comb begin
    state_d = state_q;
    idx_d = idx_q;
    taken = 1'b0;
    unique case (state_q)
      StLook: begin
        if (owed && !withdrawn) state_d = StRead;
        else if (owed_q != '0) idx_d = idx_next;
      end
      StRead: begin
        taken = 1'b1;
        state_d = withdrawn ? StLook : StAsk;
      end
      default: if (irq_ready_i || withdrawn) begin   // StAsk
        state_d = StLook;
        idx_d = idx_next;
      end
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StLook;
      idx_q <= '0;
      ok_q <= '0;
    end else begin
      state_q <= state_d;
      idx_q <= idx_d;
      ok_q <= (ok_q & ~ok_we_i) | (ok_i ? ok_we_i : '0);
    end
    if (!rst_ni || dev_rst_i) owed_q <= '0;
    else owed_q <= ((owed_q & ~(taken ? idx_hot : '0)) | (evt_i & ok_q)) & ~wq_rst_i;
    if (state_q == StRead) handle_q <= handle_i;
  end

  assign idx_o = idx_q;
  assign irq_valid_o = (state_q == StAsk);
  assign irq_ims_o = handle_q[16];
  assign irq_handle_o = handle_q[15:0];

`ifndef SYNTHESIS
  // A request holds until taken or withdrawn.
  `SIOV_ASSERT_HOLDS(a_ask_holds,
      irq_valid_o && !irq_ready_i && !withdrawn,
      1'b0, irq_valid_o, {irq_ims_o, irq_handle_o})
  `SIOV_COVER(c_withdrawn, irq_valid_o && withdrawn)
`endif

endmodule
