// SPDX-License-Identifier: Apache-2.0
// Zero-length read with a tag of its own: pushes the writes before it to their destination
// (dsa 5.2 destination readback, 5.6 drain readback; PCIe ordering lets no read pass them).
//
// One at a time. A completion with an error status, poison, or none in time ends it with err_o.
// After clear_i or a timeout the tag rests until its completion has come or a completion timeout
// has passed, so that a late one is never taken for the next readback's.

`include "siov_assert.svh"

module siov_eng_readback #(
  parameter int unsigned CtoCycles = 25000
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               clear_i,
  input  logic               cto_disable_i,
  input  logic [9:0]         tag_i,
  input  logic               start_valid_i,
  output logic               start_ready_o,
  input  logic [63:0]        addr_i,
  input  logic [2:0]         tc_i,
  input  logic               pasid_en_i,
  input  logic [19:0]        pasid_i,
  input  logic               priv_i,
  input  siov_eng_pkg::xl_attr_t attr_i,
  output logic               done_o,          /// pulse
  output logic               err_o,           /// with done_o
  output logic               req_valid_o,
  input  logic               req_ready_i,
  output siov_pkg::tx_req_t  req_o,
  output siov_eng_pkg::xl_attr_t req_attr_o,
  // translation (siov_eng_xl_reads)
  input  logic               mark_i,
  input  logic               sent_i,          /// it leaves with a translation
  input  logic               unsent_i,        /// it waits for one
  input  logic               fail_i,          /// there is none
  output logic               old_o,           /// under way with a translation from before the last mark
  input  logic               cpl_valid_i,
  input  logic               cpl_sop_i,
  input  siov_pkg::cpl_in_t  cpl_i,
  output logic               unexpected_o,    /// pulse: completion for our tag that nobody waits for
  output logic               timeout_o,       /// pulse
  output logic               pending_o
);
  localparam logic [1:0] StIdle = 2'd0;
  localparam logic [1:0] StSend = 2'd1;
  localparam logic [1:0] StWait = 2'd2;
  localparam logic [1:0] StRest = 2'd3;      // the tag is not to be used again yet

  localparam int unsigned CtoW = $clog2(CtoCycles + 1);
  logic [1:0]        state_q;
  logic [CtoW-1:0]   age_q;
  siov_pkg::tx_req_t req_q;
  siov_eng_pkg::xl_attr_t attr_q;
  logic              used_q, old_q;
  logic              mine, expired, good;

  assign mine = cpl_valid_i && cpl_sop_i && !cpl_i.bad && cpl_i.tag == tag_i;
  assign good = cpl_i.has_data && cpl_i.status == siov_pkg::CplSc && !cpl_i.ep;
  assign expired = age_q == CtoW'(CtoCycles);
  assign start_ready_o = state_q == StIdle;
  assign req_valid_o = state_q == StSend;
  assign req_o = req_q;
  assign req_attr_o = attr_q;
  assign old_o = old_q;
  assign pending_o = state_q == StWait || state_q == StRest;
  assign unexpected_o = mine && (state_q == StIdle || state_q == StSend);

  always_ff @(posedge clk_i) begin
    done_o <= 1'b0;
    err_o <= 1'b0;
    timeout_o <= 1'b0;
    if (!rst_ni) begin
      state_q <= StIdle;
      age_q <= '0;
    end else begin
      age_q <= (state_q == StWait && (cto_disable_i || unsent_i)) ? '0 : age_q + CtoW'(1);
      unique case (state_q)
        StIdle: if (start_valid_i && !clear_i) state_q <= StSend;
        StSend: begin
          age_q <= '0;
          if (req_ready_i) state_q <= clear_i ? StRest : StWait;
          else if (clear_i) state_q <= StIdle;
        end
        StWait: begin
          if (mine) begin
            state_q <= StIdle;
            done_o <= !clear_i;
            err_o <= !good;
          end else if (expired) begin
            state_q <= StRest;
            age_q <= '0;
            done_o <= !clear_i;
            err_o <= 1'b1;
            timeout_o <= !clear_i;
          end else if (clear_i) begin
            state_q <= StRest;
            age_q <= '0;
          end else if (fail_i) begin
            state_q <= StIdle;
            done_o <= 1'b1;
            err_o <= 1'b1;
          end
        end
        default: if (mine || expired) state_q <= StIdle;
      endcase
    end
    if (!rst_ni || !(sent_i || pending_o)) begin
      used_q <= 1'b0;
      old_q <= 1'b0;
    end else begin
      used_q <= used_q || sent_i;
      if (mark_i) old_q <= used_q || sent_i;
    end
    if (state_q == StIdle && start_valid_i) begin
      attr_q <= attr_i;
      req_q <= '0;
      req_q.addr <= {addr_i[63:2], 2'd0};
      req_q.length <= 10'd1;
      req_q.tc <= tc_i;
      req_q.pasid_valid <= pasid_en_i;
      req_q.pasid <= pasid_i;
      req_q.priv <= priv_i;
      req_q.tag <= tag_i;
    end
  end

  logic unused_ok;
  assign unused_ok = ^{addr_i[1:0], cpl_i.length, cpl_i.byte_count, cpl_i.lower_addr, 1'b0};

  `SIOV_ASSERT_HOLDS(ReadbackHolds, req_valid_o && !req_ready_i && !clear_i, 1'b0, req_valid_o, req_o)
  `SIOV_ASSERT_IF(ReadbackAnswersOnce, done_o, start_ready_o || pending_o)

endmodule
