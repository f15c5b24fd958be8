// SPDX-License-Identifier: Apache-2.0
// Checks the configuration for Enable Device and places the queues in the shared storage.
//
// Walks over queues, engines and groups, one a cycle, and reports the lowest error code that
// applies. The configuration must not change while it walks (siov_cmd locks it). Does not look at
// device state or PCI enables.
//
// Latency: done_o NumWq + NumEngines + 2*NumGroups + 7 cycles after start_i: each walk is followed
// by a cycle in which its last result arrives. No combinational path crosses.
// @spec dsa 3.3 codes 0x14 to 0x18

`include "siov_assert.svh"

module siov_enable_scan #(
  /// Work queues, groups, engines, shared queue entries, read buffers.
  parameter int unsigned NumWq = 8,
  parameter int unsigned NumGroups = 4,
  parameter int unsigned NumEngines = 4,
  parameter int unsigned WqEntries = 128,
  parameter int unsigned ReadBuffers = 96,
  localparam int unsigned IdxW = (NumWq > 1) ? $clog2(NumWq) : 1
) (
  input  logic clk_i,
  input  logic rst_ni,

  /// Pulse.
  input  logic start_i,
  /// Pulse; err_o and wq_base_o are valid from here on.
  output logic done_o,
  output logic [7:0] err_o,
  /// First entry of each queue, written by each scan.
  output logic [NumWq*16-1:0] wq_base_o,

  /// Look-up of a size, answered one cycle later.
  output logic [IdxW-1:0] look_idx_o,
  input  logic [15:0] look_size_i,
  input  logic [NumGroups*NumWq-1:0] grp_wq_i,
  input  logic [NumGroups*NumEngines-1:0] grp_eng_i,
  input  logic [NumGroups-1:0] grp_beyond_i,
  input  logic [NumGroups*8-1:0] grp_rb_rsv_i,
  input  logic [NumGroups*8-1:0] grp_rb_alw_i,
  input  logic [NumGroups-1:0] grp_rb_glob_i,
  input  logic [7:0] rb_limit_i
);

  typedef enum logic [2:0] {
    StIdle    = 3'd0,   // waits for start_i
    StQueues  = 3'd1,   // sizes, bases, membership of queue idx_q
    StEngines = 3'd2,   // membership of engine idx_q
    StGroups  = 3'd3,   // contents and reserved read buffers of group idx_q
    StBuffers = 3'd4,   // read-buffer limits of group idx_q
    StReport  = 3'd5    // one cycle: the verdict
  } state_e;

  state_e      state_q, state_d;
  logic [7:0]  idx_q, idx_d;
  logic [7:0]  past_q;                   // what the second stage looks at
  logic        wq_v_q, eng_v_q, grp_v_q, rb_v_q;
  logic [21:0] sum_q;                    // entries of the queues so far
  logic [11:0] rsv_sum_q;                // read buffers reserved in all groups
  logic        bad_size_q, bad_grp_q, bad_wq_q, bad_eng_q, bad_rb_q;
  logic [NumWq*16-1:0] base_q;
  logic [7:0]  err_q;
  logic        done_q;

  // ------------------------------------------------------------ first stage: what idx_q names
  logic [NumGroups-1:0]  wq_in, eng_in, in_q;
  logic [NumEngines-1:0] g_eng, g_eng_q;
  logic                  g_any_wq, g_any_wq_q, g_beyond, g_beyond_q, g_glob, g_glob_q;
  logic [7:0]            g_rsv, g_rsv_q, g_alw, g_alw_q;

  always_comb begin
    wq_in = '0;
    eng_in = '0;
    g_any_wq = 1'b0;
    g_eng = '0;
    g_beyond = 1'b0;
    g_glob = 1'b0;
    g_rsv = '0;
    g_alw = '0;
    for (int unsigned g = 0; g < NumGroups; g++) begin
      for (int unsigned w = 0; w < NumWq; w++) begin
        if (idx_q == 8'(w)) wq_in[g] = grp_wq_i[g*NumWq + w];
      end
      for (int unsigned e = 0; e < NumEngines; e++) begin
        if (idx_q == 8'(e)) eng_in[g] = grp_eng_i[g*NumEngines + e];
      end
      if (idx_q == 8'(g)) begin
        g_any_wq = grp_wq_i[g*NumWq +: NumWq] != '0;
        g_eng = grp_eng_i[g*NumEngines +: NumEngines];
        g_beyond = grp_beyond_i[g];
        g_rsv = grp_rb_rsv_i[8*g +: 8];
        g_alw = grp_rb_alw_i[8*g +: 8];
        g_glob = grp_rb_glob_i[g];
      end
    end
  end

  assign look_idx_o = idx_q[IdxW-1:0];

  // ------------------------------------------------------------ second stage
  logic [21:0] sum_next;
  logic        none, several, g_bad_rb;
  logic [11:0] g_need, pool;

  assign sum_next = sum_q + 22'(look_size_i);

  always_comb begin
    none = in_q == '0;
    several = (in_q & (in_q - NumGroups'(1))) != '0;

    // A group without engines uses no buffers: whatever stands there is accepted.
    g_need = '0;
    for (int unsigned e = 0; e < NumEngines; e++) g_need = g_need + (g_eng_q[e] ? 12'd4 : 12'd0);
    pool = (rsv_sum_q > 12'(ReadBuffers)) ? '0 : 12'(ReadBuffers) - rsv_sum_q;
    g_bad_rb = 1'b0;
    if (g_eng_q != '0) begin
      if (12'(g_alw_q) < g_need) g_bad_rb = 1'b1;
      if (g_alw_q < g_rsv_q) g_bad_rb = 1'b1;
      if (12'(g_alw_q) > (12'(g_rsv_q) + pool)) g_bad_rb = 1'b1;
      if (g_glob_q) begin
        if (12'(rb_limit_i) < g_need) g_bad_rb = 1'b1;
        if (rb_limit_i < g_rsv_q) g_bad_rb = 1'b1;
        if (12'(rb_limit_i) > 12'(ReadBuffers)) g_bad_rb = 1'b1;
      end
    end
  end

  // ------------------------------------------------------------ walk
  always_comb begin
    state_d = state_q;
    idx_d = idx_q + 8'd1;
    unique case (state_q)
      StIdle: begin
        idx_d = '0;
        if (start_i) state_d = StQueues;
      end
      StQueues: if (idx_q == 8'(NumWq)) begin
        state_d = StEngines;
        idx_d = '0;
      end
      StEngines: if (idx_q == 8'(NumEngines)) begin
        state_d = StGroups;
        idx_d = '0;
      end
      StGroups: if (idx_q == 8'(NumGroups)) begin
        state_d = StBuffers;
        idx_d = '0;
      end
      StBuffers: if (idx_q == 8'(NumGroups)) begin
        state_d = StReport;
        idx_d = '0;
      end
      default: begin  // StReport
        state_d = StIdle;
        idx_d = '0;
      end
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StIdle;
      idx_q <= '0;
      done_q <= 1'b0;
      err_q <= siov_abi_pkg::CmdErrNone;
      base_q <= '0;
      wq_v_q <= 1'b0;
      eng_v_q <= 1'b0;
      grp_v_q <= 1'b0;
      rb_v_q <= 1'b0;
    end else begin
      state_q <= state_d;
      idx_q <= idx_d;
      done_q <= (state_q == StReport);
      wq_v_q <= (state_q == StQueues) && (idx_q != 8'(NumWq));
      eng_v_q <= (state_q == StEngines) && (idx_q != 8'(NumEngines));
      grp_v_q <= (state_q == StGroups) && (idx_q != 8'(NumGroups));
      rb_v_q <= (state_q == StBuffers) && (idx_q != 8'(NumGroups));

      if (start_i) begin
        sum_q <= '0;
        rsv_sum_q <= '0;
        bad_size_q <= 1'b0;
        bad_grp_q <= 1'b0;
        bad_wq_q <= 1'b0;
        bad_eng_q <= 1'b0;
        bad_rb_q <= 1'b0;
      end
      if (wq_v_q) begin
        for (int unsigned w = 0; w < NumWq; w++) begin
          if (past_q == 8'(w)) base_q[16*w +: 16] <= sum_q[15:0];
        end
        sum_q <= sum_next;
        if (sum_next > 22'(WqEntries)) bad_size_q <= 1'b1;
        if (several || ((look_size_i != '0) == none)) bad_wq_q <= 1'b1;
      end
      if (eng_v_q && several) bad_eng_q <= 1'b1;
      if (grp_v_q) begin
        rsv_sum_q <= rsv_sum_q + 12'(g_rsv_q);
        if (g_beyond_q || (g_any_wq_q != (g_eng_q != '0))) bad_grp_q <= 1'b1;
      end
      if (rb_v_q && (g_bad_rb || (rsv_sum_q > 12'(ReadBuffers)))) bad_rb_q <= 1'b1;
      if (state_q == StReport) begin
        if (bad_size_q) err_q <= siov_abi_pkg::CmdErrWqSizes;
        else if (bad_grp_q) err_q <= siov_abi_pkg::CmdErrGroupConfig;
        else if (bad_wq_q) err_q <= siov_abi_pkg::CmdErrWqGroup;
        else if (bad_eng_q) err_q <= siov_abi_pkg::CmdErrEngineGroup;
        else if (bad_rb_q) err_q <= siov_abi_pkg::CmdErrReadBuffers;
        else err_q <= siov_abi_pkg::CmdErrNone;
      end
    end
    past_q <= idx_q;
    in_q <= (state_q == StEngines) ? eng_in : wq_in;
    g_any_wq_q <= g_any_wq;
    g_eng_q <= g_eng;
    g_beyond_q <= g_beyond;
    g_glob_q <= g_glob;
    g_rsv_q <= g_rsv;
    g_alw_q <= g_alw;
  end

  assign done_o = done_q;
  assign err_o = err_q;
  assign wq_base_o = base_q;

`ifndef SYNTHESIS
  `SIOV_ASSERT_IF(a_start_idle, start_i, state_q == StIdle)
  `SIOV_ASSERT_NEXT(a_done_pulse, done_o, !done_o)
  // A good configuration never places a queue past the storage.
  `SIOV_ASSERT_IF(a_fits, done_o && err_o == siov_abi_pkg::CmdErrNone, sum_q <= 22'(WqEntries))
`endif

endmodule
