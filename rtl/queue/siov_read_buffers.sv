// SPDX-License-Identifier: Apache-2.0
// Read buffers of the groups (dsa 2.8): which engine may issue another read.
//
// A read buffer is 512 bytes of reorder store, 8 ring lines. A group never holds more than its
// allowed number; the reserved buffers of a group are taken out of the total for it alone, what it
// holds beyond them comes from the pool of the rest.
//
//   S1 lines of the group  S2 buffers  S3 limits of the group  S4 pool  S5 answer
//
// An answer knows the reads of 8 cycles ago and may be used at once, so while there is room for 8
// reads of each engine everyone may go on (far). Nearer to a limit an engine waits until the
// answers of its group, or of all that use the pool, have been no for those 8 cycles and the counts
// are exact; then each may read once if there is room for all, else the engine whose turn it is.
// Turns change in a pseudo-random order, so that no rhythm of the others keeps an engine out. One
// free buffer always ends in a read of somebody, so allowed >= 1 an engine never stops for good.
// The configuration is that of an enabled device: it does not change while reads are out.

`include "siov_assert.svh"

module siov_read_buffers #(
  parameter int unsigned NumGroups = 4,     /// 1..16
  parameter int unsigned NumEngines = 4,    /// 1..4
  parameter int unsigned ReadBuffers = 96   /// all, 1..255
) (
  input  logic                            clk_i,
  input  logic                            rst_ni,
  input  logic [NumGroups*NumEngines-1:0] grp_eng_i,
  input  logic [NumGroups*16-1:0]         grp_rb_i,    /// each {allowed, reserved} [buffers]
  input  logic [NumEngines*12-1:0]        rb_used_i,   /// ring lines of outstanding reads; knows a
                                                       /// read 1..3 cycles after its issue
  output logic [NumEngines-1:0]           rb_ok_o      /// may issue a read of up to 8 lines now
);

  localparam int unsigned Ne = NumEngines;
  localparam int unsigned Margin = 8;                  // cycles from a read to the answer that knows it
  localparam int unsigned BufW = 10;                   // buffers, capped well above any limit
  localparam int unsigned LineW = 14;

  // ------------------------------------------------------------ configuration, engine by engine
  // One group a cycle: its engines learn what it may hold; without engines its reservation is taken
  // out of the pool. Two rounds after the last change everything is right.
  localparam int unsigned GrpW = (NumGroups > 1) ? $clog2(NumGroups) : 1;
  logic [GrpW-1:0]  scan_q;
  logic [Ne-1:0]    scan_eng, seen_q, has_q;     // in a group
  logic [15:0]      scan_rb;
  logic [9:0]       left_q, left;                // bit 9: more than all is reserved
  logic [8:0]       pool_q;                      // buffers for the groups with engines
  logic [Ne*8-1:0]  allow_q, reserve_q;
  logic [Ne*Ne-1:0] same_q;                      // e*Ne+f: e and f are of one group
  logic [Ne-1:0]    lead_d, lead_q;              // the first of its group
  logic [Ne*3-1:0]  size_d, size_q;              // engines of the group
  siov_pick #(.N(NumGroups), .W(Ne)) u_scan_eng (.v_i(grp_eng_i), .idx_i(scan_q), .o(scan_eng));
  siov_pick #(.N(NumGroups), .W(16)) u_scan_rb (.v_i(grp_rb_i), .idx_i(scan_q), .o(scan_rb));
  assign left = (left_q[9] || scan_eng != '0) ? left_q : left_q - {2'b0, scan_rb[7:0]};
  always_comb begin
    for (int unsigned e = 0; e < Ne; e++) begin
      lead_d[e] = has_q[e];
      size_d[e*3 +: 3] = '0;
      for (int unsigned f = 0; f < Ne; f++) begin
        if (f < e && same_q[e*Ne + f]) lead_d[e] = 1'b0;
        size_d[e*3 +: 3] = size_d[e*3 +: 3] + 3'(same_q[e*Ne + f]);
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      scan_q <= '0;
      seen_q <= '0;
      has_q <= '0;
      left_q <= 10'(ReadBuffers);
      pool_q <= '0;
    end else if (scan_q == GrpW'(NumGroups - 1)) begin
      scan_q <= '0;
      seen_q <= '0;
      has_q <= seen_q | scan_eng;
      left_q <= 10'(ReadBuffers);
      pool_q <= left[9] ? '0 : left[8:0];
    end else begin
      scan_q <= scan_q + GrpW'(1);
      seen_q <= seen_q | scan_eng;
      left_q <= left;
    end
    for (int unsigned e = 0; e < Ne; e++) begin
      if (scan_eng[e]) begin
        allow_q[e*8 +: 8] <= scan_rb[15:8];
        reserve_q[e*8 +: 8] <= scan_rb[7:0];
        same_q[e*Ne +: Ne] <= scan_eng;
      end
    end
    lead_q <= lead_d;
    size_q <= size_d;
  end

  // ------------------------------------------------------------ turn
  logic [6:0] lfsr_q;
  logic [2:0] phase_q;
  logic [Ne-1:0] turn_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      lfsr_q <= 7'd1;
      phase_q <= '0;
      turn_q <= Ne'(1);
    end else begin
      lfsr_q <= {lfsr_q[5:0], lfsr_q[6] ^ lfsr_q[5]};
      phase_q <= phase_q + 3'd1;
      if (phase_q == '0) turn_q <= (32'(lfsr_q[1:0]) < Ne) ? Ne'(1) << lfsr_q[1:0] : Ne'(1);
    end
  end
  logic turn_steady;                     // pool_one_q was computed for this turn
  assign turn_steady = phase_q > 3'd2;

  // ------------------------------------------------------------ S1, S2: buffers of the group
  logic [Ne*LineW-1:0] lines_d, lines_q;
  logic [Ne*BufW-1:0]  bufs_d, bufs_q;
  always_comb begin
    lines_d = '0;
    for (int unsigned e = 0; e < Ne; e++) begin
      for (int unsigned f = 0; f < Ne; f++)
        lines_d[e*LineW +: LineW] = lines_d[e*LineW +: LineW] +
            (same_q[e*Ne + f] ? LineW'(rb_used_i[f*12 +: 12]) : '0);
      // Rounded up, and capped: the sums below do not overflow.
      bufs_d[e*BufW +: BufW] = (|lines_q[e*LineW + 12 +: LineW - 12]) ? BufW'(512) :
          BufW'(lines_q[e*LineW + 3 +: 9]) + BufW'(|lines_q[e*LineW +: 3]);
    end
  end
  always_ff @(posedge clk_i) begin
    lines_q <= lines_d;
    bufs_q <= bufs_d;
  end

  // ------------------------------------------------------------ S3: limits of the group
  // one: another read of one engine; all: one of each; far: one of each in each of Margin cycles.
  logic [Ne-1:0]      fits_one_d, fits_all_d, fits_far_d, own_one_d, own_all_d, own_far_d;
  logic [Ne-1:0]      fits_one_q, fits_all_q, fits_far_q, own_one_q, own_all_q, own_far_q;
  logic [Ne*BufW-1:0] none_d, one_d, all_d, far_d, none_q, one_q, all_q, far_q;
  always_comb begin
    for (int unsigned e = 0; e < Ne; e++) begin
      logic [BufW-1:0] now, one, all, far, allow, own;
      now = bufs_q[e*BufW +: BufW];
      one = now + BufW'(1);
      all = now + BufW'(size_q[e*3 +: 3]);
      far = now + BufW'({size_q[e*3 +: 3], 3'b0});
      allow = BufW'(allow_q[e*8 +: 8]);
      own = BufW'(reserve_q[e*8 +: 8]);
      fits_one_d[e] = one <= allow;
      fits_all_d[e] = all <= allow;
      fits_far_d[e] = far <= allow;
      own_one_d[e] = one <= own;
      own_all_d[e] = all <= own;
      own_far_d[e] = far <= own;
      // What the group takes out of the total.
      none_d[e*BufW +: BufW] = !lead_q[e] ? '0 : (now < own) ? own : now;
      one_d[e*BufW +: BufW] = !lead_q[e] ? '0 : own_one_d[e] ? own : one;
      all_d[e*BufW +: BufW] = !lead_q[e] ? '0 : own_all_d[e] ? own : all;
      far_d[e*BufW +: BufW] = !lead_q[e] ? '0 : own_far_d[e] ? own : far;
    end
  end
  always_ff @(posedge clk_i) begin
    {fits_one_q, fits_all_q, fits_far_q} <= {fits_one_d, fits_all_d, fits_far_d};
    {own_one_q, own_all_q, own_far_q} <= {own_one_d, own_all_d, own_far_d};
    {none_q, one_q, all_q, far_q} <= {none_d, one_d, all_d, far_d};
  end

  // ------------------------------------------------------------ S4: pool
  logic [Ne-1:0]   s4_fits_one_q, s4_fits_all_q, s4_fits_far_q;
  logic [Ne-1:0]   s4_own_one_q, s4_own_all_q, s4_own_far_q;
  logic            pool_one_q, pool_all_q, pool_far_q;
  logic [BufW+1:0] sum_one, sum_all, sum_far;
  always_comb begin
    sum_one = '0;
    sum_all = '0;
    sum_far = '0;
    for (int unsigned e = 0; e < Ne; e++) begin
      sum_one = sum_one + ((|(same_q[e*Ne +: Ne] & turn_q)) ? (BufW+2)'(one_q[e*BufW +: BufW])
                                                             : (BufW+2)'(none_q[e*BufW +: BufW]));
      sum_all = sum_all + (BufW+2)'(all_q[e*BufW +: BufW]);
      sum_far = sum_far + (BufW+2)'(far_q[e*BufW +: BufW]);
    end
  end
  always_ff @(posedge clk_i) begin
    {s4_fits_one_q, s4_fits_all_q, s4_fits_far_q} <= {fits_one_q, fits_all_q, fits_far_q};
    {s4_own_one_q, s4_own_all_q, s4_own_far_q} <= {own_one_q, own_all_q, own_far_q};
    pool_one_q <= sum_one <= (BufW+2)'(pool_q);
    pool_all_q <= sum_all <= (BufW+2)'(pool_q);
    pool_far_q <= sum_far <= (BufW+2)'(pool_q);
  end

  // ------------------------------------------------------------ S5: answer
  // Cycles since the last yes of the group, and since the last yes out of the pool.
  logic [Ne-1:0]   ok_d, ok_q, grp_ok, own_ok, exact, turn;
  logic [Ne*3-1:0] since_q;
  logic [2:0]      pool_since_q;
  logic            pool_used_d, pool_used_q, pool_exact;
  assign pool_exact = pool_since_q == 3'd7 && !pool_used_q;
  assign turn = turn_q & {Ne{turn_steady}};
  always_comb begin
    for (int unsigned e = 0; e < Ne; e++)
      exact[e] = since_q[e*3 +: 3] == 3'd7 && (same_q[e*Ne +: Ne] & ok_q) == '0;
    grp_ok = s4_fits_far_q | (exact & (s4_fits_all_q | (turn & s4_fits_one_q)));
    own_ok = s4_own_far_q | (exact & (s4_own_all_q | (turn & s4_own_one_q)));
    ok_d = has_q & grp_ok & (own_ok | {Ne{pool_far_q}} |
                             (exact & {Ne{pool_exact}} &
                              ({Ne{pool_all_q}} | (turn & {Ne{pool_one_q}}))));
    pool_used_d = |(ok_d & ~own_ok);
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ok_q <= '0;
      since_q <= '0;
      pool_since_q <= '0;
      pool_used_q <= 1'b0;
    end else begin
      ok_q <= ok_d;
      pool_used_q <= pool_used_d;
      if (pool_used_q) pool_since_q <= '0;
      else if (pool_since_q != 3'd7) pool_since_q <= pool_since_q + 3'd1;
      for (int unsigned e = 0; e < Ne; e++) begin
        if ((same_q[e*Ne +: Ne] & ok_q) != '0) since_q[e*3 +: 3] <= '0;
        else if (since_q[e*3 +: 3] != 3'd7) since_q[e*3 +: 3] <= since_q[e*3 +: 3] + 3'd1;
      end
    end
  end
  assign rb_ok_o = ok_q;

  `SIOV_STATIC(gen_bad_engines, NumEngines <= 4)
  `SIOV_STATIC(gen_bad_margin, Margin == 8)   // the shift of far, and the counters of 7

`ifndef SYNTHESIS
  // Lines that the groups hold, against their limits and against the total. While nothing is read, software
  // may write what it likes, also reservations beyond the total: Enable Device refuses them.
  logic [Ne-1:0] over;
  logic [15:0]   taken;
  always_comb begin
    taken = '0;
    for (int unsigned e = 0; e < Ne; e++) begin
      over[e] = has_q[e] && 32'(lines_d[e*LineW +: LineW]) > 8 * 32'(allow_q[e*8 +: 8]);
      if (lead_q[e] && has_q[e])
        taken = taken + ((16'(lines_d[e*LineW +: LineW]) > {5'b0, reserve_q[e*8 +: 8], 3'b0}) ?
                         16'(lines_d[e*LineW +: LineW]) : {5'b0, reserve_q[e*8 +: 8], 3'b0});
    end
  end
  `SIOV_ASSERT(RbAllowed, over == '0)
  `SIOV_ASSERT_IF(RbPool, rb_used_i != '0, taken <= {4'b0, pool_q, 3'b0})
`endif

endmodule
