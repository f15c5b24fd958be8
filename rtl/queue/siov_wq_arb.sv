// SPDX-License-Identifier: Apache-2.0
// Chooses the next queue: weighted round robin inside a group (dsa 5.11), round robin over all
// queues that may go, so also between groups.
//
// A queue may be chosen while it is non-empty, its head does not wait (blocked_i), it is not
// already on its way (pipe_i) and an engine of its group has room. Each queue spends one credit a
// dispatch. Queues without credit wait while any waiting queue of their group has some; when none
// has, they may go, and the first of them reloads the whole group from the priorities. So between
// two dispatches of a queue each other queue of its group goes at most twice its priority, however
// many PASIDs keep the others full: no starvation (SIOV-D-14).
//
//   B  choose (one tree)    C1  the choice is out; credits, group and engines of the choice
//
// One decision a cycle. Room is one cycle old: the user of eng_room_i keeps a margin.

`include "siov_assert.svh"

module siov_wq_arb #(
  parameter int unsigned NumWq = 8,         /// 1..128
  parameter int unsigned NumGroups = 4,     /// 1..16
  parameter int unsigned NumEngines = 4     /// 1..4
) (
  input  logic                              clk_i,
  input  logic                              rst_ni,
  input  logic                              stop_i,          /// choose nothing (halt)
  input  logic [NumWq*4-1:0]                prio_i,          /// priority of each queue; 0 counts as 1
  input  logic [NumGroups*NumWq-1:0]        grp_wq_i,
  input  logic [NumGroups*NumEngines-1:0]   grp_eng_i,
  input  logic [NumWq-1:0]                  nonempty_i,
  input  logic [NumWq-1:0]                  blocked_i,       /// its head waits
  input  logic [NumWq-1:0]                  pipe_i,          /// chosen, but still counted as waiting
  input  logic [NumEngines-1:0]             eng_room_i,
  output logic                              sel_valid_o,     /// C1: a queue was chosen
  output logic [7:0]                        sel_wq_o,
  output logic [NumGroups-1:0]              sel_grp_o,       /// its group, one-hot
  output logic [NumEngines-1:0]             sel_eng_o        /// the engines of the group
);

  localparam int unsigned IdxW = (NumWq > 1) ? $clog2(NumWq) : 1;

  logic [NumWq*4-1:0] credit_q;
  logic [NumWq-1:0]   room_q;              // an engine of the group has room
  logic               sel_valid_q;
  logic [IdxW-1:0]    sel_idx_q;

  // ------------------------------------------------------------ what is known of each queue
  logic [NumWq-1:0]     waits, rich, room, free;    // free: nobody of the group has credit
  logic [NumGroups-1:0] grp_room, grp_rich;
  always_comb begin
    waits = nonempty_i & ~blocked_i;
    // What C1 is about to take is gone.
    for (int unsigned w = 0; w < NumWq; w++)
      rich[w] = credit_q[w*4 + 1 +: 3] != '0 ||
                (credit_q[w*4] && !(sel_valid_q && sel_idx_q == IdxW'(w)));
    room = '0;
    for (int unsigned g = 0; g < NumGroups; g++) begin
      grp_room[g] = |(grp_eng_i[g*NumEngines +: NumEngines] & eng_room_i);
      grp_rich[g] = |(grp_wq_i[g*NumWq +: NumWq] & waits & rich);
      room = room | (grp_wq_i[g*NumWq +: NumWq] & {NumWq{grp_room[g]}});
    end
  end
  for (genvar w = 0; w < NumWq; w++) begin : gen_free
    logic [NumGroups-1:0] member;
    for (genvar g = 0; g < NumGroups; g++) begin : gen_member
      assign member[g] = grp_wq_i[g*NumWq + w];
    end
    assign free[w] = |(member & ~grp_rich);
  end

  // ------------------------------------------------------------ B: choose
  logic [NumWq-1:0] may;
  logic             any;
  logic [IdxW-1:0]  pick;
  assign may = waits & room_q & ~pipe_i & (rich | free) & {NumWq{!stop_i}};
  siov_first #(.N(NumWq)) u_first (.req_i(may), .after_i(sel_idx_q), .any_o(any), .idx_o(pick));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      sel_valid_q <= 1'b0;
      sel_idx_q <= IdxW'(NumWq - 1);
      room_q <= '0;
    end else begin
      sel_valid_q <= any;
      if (any) sel_idx_q <= pick;
      room_q <= room;
    end
  end

  // ------------------------------------------------------------ C1: credits and group
  logic [3:0]            credit;
  logic                  reload;
  logic [NumWq-1:0]      same;
  logic [NumGroups-1:0]  grp;
  logic [NumEngines-1:0] eng;
  siov_pick #(.N(NumWq), .W(4)) u_credit (.v_i(credit_q), .idx_i(sel_idx_q), .o(credit));
  assign reload = sel_valid_q && credit == '0;
  for (genvar g = 0; g < NumGroups; g++) begin : gen_grp
    logic [NumWq-1:0] members;
    assign members = grp_wq_i[g*NumWq +: NumWq];
    assign grp[g] = members[sel_idx_q];
  end
  always_comb begin
    same = '0;
    eng = '0;
    for (int unsigned g = 0; g < NumGroups; g++) begin
      same = same | (grp_wq_i[g*NumWq +: NumWq] & {NumWq{grp[g]}});
      eng = eng | (grp_eng_i[g*NumEngines +: NumEngines] & {NumEngines{grp[g]}});
    end
  end
  assign sel_valid_o = sel_valid_q;
  assign sel_wq_o = 8'(sel_idx_q);
  assign sel_grp_o = grp;
  assign sel_eng_o = eng;

  always_ff @(posedge clk_i) begin
    for (int unsigned w = 0; w < NumWq; w++) begin
      logic [3:0] full, now;
      full = (prio_i[w*4 +: 4] == '0) ? 4'd1 : prio_i[w*4 +: 4];
      now = (reload && same[w]) ? full : credit_q[w*4 +: 4];
      if (!rst_ni) credit_q[w*4 +: 4] <= '0;
      else if (sel_valid_q && sel_idx_q == IdxW'(w)) credit_q[w*4 +: 4] <= now - 4'd1;
      else credit_q[w*4 +: 4] <= now;
    end
  end

`ifndef SYNTHESIS
  // Waiting since the last reload of its group, without a turn.
  logic [NumWq-1:0] chosen, unserved_q;
  assign chosen = NumWq'(sel_valid_q) << sel_idx_q;
  // Choices while a queue could have gone.
  logic [NumWq*8-1:0] passed_q;
  logic [NumWq-1:0]   overdue;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) unserved_q <= '0;
    else unserved_q <= (unserved_q | (same & {NumWq{reload}})) & waits & ~chosen;
    for (int unsigned w = 0; w < NumWq; w++) begin
      if (!rst_ni || !may[w] || (any && pick == IdxW'(w))) passed_q[w*8 +: 8] <= '0;
      else if (any) passed_q[w*8 +: 8] <= passed_q[w*8 +: 8] + 8'd1;
    end
  end
  always_comb begin
    for (int unsigned w = 0; w < NumWq; w++) overdue[w] = 32'(passed_q[w*8 +: 8]) >= NumWq;
  end
  `SIOV_ASSERT_IF(ArbNoStarvation, reload, (same & unserved_q & waits & ~chosen) == '0)
  `SIOV_ASSERT(ArbPassed, overdue == '0)
  `SIOV_COVER(ArbReload, reload)
`endif

endmodule
