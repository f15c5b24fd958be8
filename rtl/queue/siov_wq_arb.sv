// SPDX-License-Identifier: Apache-2.0
// Chooses the next queue and engine: weighted round robin inside a group (dsa 5.11), round robin
// between groups and engines.
//
// A queue may be chosen while it is non-empty, not already in the dispatch pipeline (busy_i) and
// an engine of its group has
// room. Each queue spends one credit a dispatch; when every waiting queue of a group has spent
// its credits, the group
// reloads them from the priorities, so that a queue waits at most the sum of the others'
// priorities: no starvation.
//
// Purely a chooser: one registered decision a cycle.

`include "siov_assert.svh"

module siov_wq_arb #(
  parameter int unsigned NumWq = 8,
  parameter int unsigned NumGroups = 4,
  parameter int unsigned NumEngines = 4
) (
  input  logic                              clk_i,
  input  logic                              rst_ni,
  input  logic                              stop_i,          /// choose nothing (halt)
  input  logic [NumWq*4-1:0]                prio_i,          /// priority of each queue; 0 counts as 1
  input  logic [NumGroups*NumWq-1:0]        grp_wq_i,
  input  logic [NumGroups*NumEngines-1:0]   grp_eng_i,
  input  logic [NumWq-1:0]                  nonempty_i,
  input  logic [NumWq-1:0]                  busy_i,
  input  logic [NumEngines-1:0]             eng_room_i,
  output logic                              sel_valid_o,     /// combinational decision of this cycle
  output logic [7:0]                        sel_wq_o,
  output logic [NumEngines-1:0]             sel_eng_o,       /// one-hot
  output logic [$clog2(NumGroups+1)-1:0]    sel_grp_o
);

  logic [NumWq*4-1:0]    credit_q;
  logic [7:0]            last_wq_q;
  logic [NumEngines-1:0] last_eng_q;

  logic [NumWq*4-1:0] prio;
  always_comb begin
    for (int unsigned w = 0; w < NumWq; w++)
      prio[w*4 +: 4] = (prio_i[w*4 +: 4] == '0) ? 4'd1 : prio_i[w*4 +: 4];
  end

  logic [NumWq-1:0] want, ready, rich, recent;
  logic             hit_q;
  logic [NumGroups-1:0] grp_reload;

  // A queue wants service; it is ready when an engine of its group has room; it is rich while
  // it has credit.
  // The queue chosen in the last cycle is still in the pipeline, but its remaining credit
  // counts: reloading over it would
  // make all priorities equal.
  always_comb begin
    want = nonempty_i & ~busy_i & {NumWq{!stop_i}};
    ready = '0;
    for (int unsigned g = 0; g < NumGroups; g++)
      for (int unsigned w = 0; w < NumWq; w++)
        if (grp_wq_i[g*NumWq + w] && want[w] && |(grp_eng_i[g*NumEngines +: NumEngines] & eng_room_i))
          ready[w] = 1'b1;
    for (int unsigned w = 0; w < NumWq; w++) begin
      rich[w] = credit_q[w*4 +: 4] != '0;
      recent[w] = hit_q && nonempty_i[w] && last_wq_q == 8'(w);
    end
    for (int unsigned g = 0; g < NumGroups; g++)
      grp_reload[g] = |(grp_wq_i[g*NumWq +: NumWq] & ready) &&
                      !(|(grp_wq_i[g*NumWq +: NumWq] & (ready | recent) & rich));
  end

  // First ready and rich queue after the last served one.
  logic       hit;
  logic [7:0] pick;
  always_comb begin
    hit = 1'b0;
    pick = '0;
    for (int unsigned k = 0; k < 2*NumWq; k++) begin
      if (!hit && k > 32'(last_wq_q) && k <= 32'(last_wq_q) + NumWq &&
          ready[k % NumWq] && rich[k % NumWq]) begin
        hit = 1'b1;
        pick = 8'(k % NumWq);
      end
    end
  end

  logic [NumEngines-1:0] cand, after, choice;
  logic [$clog2(NumGroups+1)-1:0] grp;
  always_comb begin
    cand = '0;
    grp = '0;
    for (int unsigned g = 0; g < NumGroups; g++) begin
      for (int unsigned w = 0; w < NumWq; w++) begin
        if (grp_wq_i[g*NumWq + w] && pick == 8'(w)) begin
          cand = cand | (grp_eng_i[g*NumEngines +: NumEngines] & eng_room_i);
          grp = ($clog2(NumGroups+1))'(g);
        end
      end
    end
    after = cand & ~(last_eng_q | (last_eng_q - NumEngines'(1)));  // engines above the last one
    choice = (|after) ? (after & (~after + NumEngines'(1))) : (cand & (~cand + NumEngines'(1)));
  end

  assign sel_valid_o = hit;
  assign sel_wq_o = pick;
  assign sel_eng_o = hit ? choice : '0;
  assign sel_grp_o = grp;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      last_wq_q <= 8'(NumWq - 1);
      last_eng_q <= NumEngines'(1);
      credit_q <= '0;
      hit_q <= 1'b0;
    end else begin
      hit_q <= hit;
      if (hit) begin
        last_wq_q <= pick;
        last_eng_q <= choice;
      end
      for (int unsigned w = 0; w < NumWq; w++) begin
        logic reload;
        reload = 1'b0;
        for (int unsigned g = 0; g < NumGroups; g++)
          if (grp_wq_i[g*NumWq + w] && grp_reload[g]) reload = 1'b1;
        if (reload) credit_q[w*4 +: 4] <= prio[w*4 +: 4];
        else if (hit && pick == 8'(w)) credit_q[w*4 +: 4] <= credit_q[w*4 +: 4] - 4'd1;
      end
    end
  end

  `SIOV_ASSERT(ArbOneEngine, $onehot0(sel_eng_o))
  `SIOV_ASSERT(ArbEngineHasRoom, sel_valid_o |-> |(sel_eng_o & eng_room_i))

endmodule
