// SPDX-License-Identifier: Apache-2.0
// What of each queue is still under way: drain generations, and whether an engine works for it.
//
// Every descriptor carries the generation (epoch) of its queue at acceptance. A drain flips the
// epoch and waits until nothing of the old one is pending, so that later submissions cannot hold it
// up (dsa 3.2, SIOV-D-44).
// Counters are pairs of memories, one for each end: accepted and retired, issued and done. One bit
// says whether the two differ; while it is 0 the first end starts again from the second, so that
// the memories need no reset. A descriptor retires when an engine is done with it or when it was
// dropped; drops go first, one retires a cycle.
// Latency: drain_busy_o is valid in the cycle after drain_start_i.

`include "siov_assert.svh"

module siov_wq_track #(
  parameter int unsigned NumWq = 8,        /// work queues, 1..128
  parameter int unsigned WqEntries = 128   /// entries of all queues
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             clear_i,        /// forget everything (halt, flush)
  input  logic             drain_start_i,  /// new generation in the queues of the mask
  input  logic [NumWq-1:0] drain_mask_i,
  output logic [NumWq-1:0] drain_busy_o,   /// something of the old generation is left
  output logic [NumWq-1:0] epoch_o,        /// current generation of each queue
  output logic [NumWq-1:0] idle_o,         /// nothing of this queue is in an engine
  // a descriptor is accepted
  input  logic             acc_valid_i,
  input  logic [7:0]       acc_wq_i,
  output logic             acc_epoch_o,    /// its generation, same cycle
  // a descriptor leaves its queue
  input  logic             pop_valid_i,
  input  logic [7:0]       pop_wq_i,
  input  logic             pop_drop_i,     /// it will not be executed (abort)
  input  logic             pop_epoch_i,
  // an engine is done with one
  input  logic             done_valid_i,
  output logic             done_ready_o,
  input  logic [7:0]       done_wq_i,
  input  logic             done_epoch_i
);

  localparam int unsigned IdxW = (NumWq > 1) ? $clog2(NumWq) : 1;
  // Differences stay below 2^CountW: what is queued and what is in engines.
  localparam int unsigned CountW = $clog2(WqEntries + 2048);

  logic [NumWq-1:0]   epoch_q;
  logic [2*NumWq-1:0] pending_q;    // {queue, epoch}
  logic [NumWq-1:0]   working_q;
  logic [CountW-1:0]  accepted_mem [2*NumWq];
  logic [CountW-1:0]  retired_mem [2*NumWq];
  logic [CountW-1:0]  issued_mem [NumWq];
  logic [CountW-1:0]  done_mem [NumWq];

  // ------------------------------------------------------------ events
  logic [IdxW-1:0] acc_idx, pop_idx, done_idx;
  logic [IdxW:0]   acc_at, ret_at, drop_at_q;
  logic            drop_q, issue, done, retire;
  assign acc_idx = acc_wq_i[IdxW-1:0];
  assign pop_idx = pop_wq_i[IdxW-1:0];
  assign done_idx = done_wq_i[IdxW-1:0];
  assign acc_epoch_o = epoch_q[acc_idx];
  assign acc_at = {acc_idx, acc_epoch_o};
  assign issue = pop_valid_i && !pop_drop_i;
  assign done_ready_o = !drop_q;
  assign done = done_valid_i && !drop_q;
  assign retire = drop_q || done;
  assign ret_at = drop_q ? drop_at_q : {done_idx, done_epoch_i};

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) drop_q <= 1'b0;
    else drop_q <= pop_valid_i && pop_drop_i;
    drop_at_q <= {pop_idx, pop_epoch_i};
  end

  // ------------------------------------------------------------ pending of each generation
  logic [CountW-1:0] retired;
  logic              ret_last;
  assign retired = retired_mem[ret_at] + CountW'(1);
  assign ret_last = retired == accepted_mem[ret_at];

  always_ff @(posedge clk_i) begin
    if (acc_valid_i)
      accepted_mem[acc_at] <= (pending_q[acc_at] ? accepted_mem[acc_at] : retired_mem[acc_at]) +
                              CountW'(1);
  end
  always_ff @(posedge clk_i) begin
    if (retire) retired_mem[ret_at] <= retired;
  end

  // ------------------------------------------------------------ in engines
  logic [CountW-1:0] finished;
  logic              done_last;
  assign finished = done_mem[done_idx] + CountW'(1);
  assign done_last = finished == issued_mem[done_idx];

  always_ff @(posedge clk_i) begin
    if (issue)
      issued_mem[pop_idx] <= (working_q[pop_idx] ? issued_mem[pop_idx] : done_mem[pop_idx]) +
                             CountW'(1);
  end
  always_ff @(posedge clk_i) begin
    if (done) done_mem[done_idx] <= finished;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      epoch_q <= '0;
      pending_q <= '0;
      working_q <= '0;
    end else begin
      if (drain_start_i) epoch_q <= epoch_q ^ drain_mask_i;
      // What begins in the cycle in which the last one ends keeps the bit.
      if (retire && ret_last) pending_q[ret_at] <= 1'b0;
      if (acc_valid_i) pending_q[acc_at] <= 1'b1;
      if (done && done_last) working_q[done_idx] <= 1'b0;
      if (issue) working_q[pop_idx] <= 1'b1;
    end
  end

  always_comb begin
    for (int unsigned w = 0; w < NumWq; w++)
      drain_busy_o[w] = epoch_q[w] ? pending_q[2*w] : pending_q[2*w + 1];
  end
  assign epoch_o = epoch_q;
  assign idle_o = ~working_q;

  logic unused;
  assign unused = &{1'b0, acc_wq_i, pop_wq_i, done_wq_i};

  // Nothing retires or ends that is not pending or under way.
  `SIOV_ASSERT_IF(TrackRetire, retire && !clear_i, pending_q[ret_at])
  `SIOV_ASSERT_IF(TrackDone, done && !clear_i, working_q[done_idx])
  `SIOV_COVER(TrackDoneWaits, done_valid_i && !done_ready_o)

endmodule
