// SPDX-License-Identifier: Apache-2.0
// Receives TLPs: sorts beats by flow-control class, hands completions on at once, queues requests,
// returns credits.
//
// Posted and non-posted requests wait in fifos of their own as header, prefix and first beat; later
// beats are checked for number and dropped, because nothing in this device is wider than one beat.
// A non-posted request leaves only when every posted request that arrived before it has left; a
// posted one waits for nothing but its own fifo. Completions are never stored. What a request means
// is decided by siov_dispatch; malformed requests leave with a mark, so that their credits come
// back and the error is logged. A malformed request whose class is unknown counts as posted.
// Latency: completions one cycle (beat register, then combinational decode); requests two cycles.
// @spec PCIe-6.3 2.2, 2.4.1 (ordering), 2.6.1 (credits)

`include "siov_assert.svh"

module siov_rx #(
  /// Posted requests stored; also the posted header credits granted at start.
  parameter int unsigned PostedDepth = 16,
  /// Non-posted requests stored; also the header credits.
  parameter int unsigned NonpostedDepth = 8,
  /// Data credits granted at start [16 bytes]. Posted: at least one maximum payload.
  parameter int unsigned PostedData = 64,
  parameter int unsigned NonpostedData = 32
) (
  input  logic clk_i,
  input  logic rst_ni,
  /// bdf and mps are used.
  input  siov_pkg::cfg_t cfg_i,

  input  logic dn_valid_i,
  input  logic dn_sop_i,
  input  logic dn_eop_i,
  input  logic [127:0] dn_hdr_i,
  input  logic dn_prefix_valid_i,
  input  logic [31:0] dn_prefix_i,
  input  logic [511:0] dn_data_i,
  output logic [7:0] dn_cl_ph_o,
  output logic [11:0] dn_cl_pd_o,
  output logic [7:0] dn_cl_nph_o,
  output logic [11:0] dn_cl_npd_o,

  /// Completions, broadcast. eop comes with the beat that Length asks for, or with the TLP's last
  /// one if that is earlier.
  output logic cpl_valid_o,
  output logic cpl_sop_o,
  output logic cpl_eop_o,
  output siov_pkg::cpl_in_t cpl_o,
  output logic [511:0] cpl_data_o,

  /// Oldest posted request.
  output logic p_valid_o,
  input  logic p_ready_i,
  output logic p_malformed_o,
  output logic [127:0] p_hdr_o,
  output logic p_prefix_valid_o,
  output logic [31:0] p_prefix_o,
  output logic [511:0] p_data_o,

  /// Oldest non-posted request, once all posted ones before it have left.
  output logic np_valid_o,
  input  logic np_ready_i,
  output logic np_malformed_o,
  output logic [127:0] np_hdr_o,
  output logic np_prefix_valid_o,
  output logic [31:0] np_prefix_o,
  output logic [511:0] np_data_o,

  /// Error of a completion TLP, one cycle: wrong requester id or prefix, poisoned, or payload
  /// against Length or MPS.
  output logic cpl_err_unexpected_o,
  output logic cpl_err_poisoned_o,
  output logic cpl_err_malformed_o,
  /// A completion for us said UR, or CA (Status register bits 13 and 12).
  output logic cpl_got_ur_o,
  output logic cpl_got_ca_o,
  output logic [127:0] cpl_err_hdr_o
);

  localparam int unsigned EntryW = 1 + 1 + 32 + 128 + 512;
  localparam int unsigned AheadW = $clog2(PostedDepth + 1);
  localparam int unsigned SlotW = $clog2(NonpostedDepth);
  localparam int unsigned PcountW = $clog2(PostedDepth + 1);
  localparam int unsigned NpcountW = $clog2(NonpostedDepth + 1);

  localparam logic [1:0] ClassPosted = 2'd0;
  localparam logic [1:0] ClassNonposted = 2'd1;
  localparam logic [1:0] ClassCpl = 2'd2;

  // {undefined, class} of a Fmt:Type byte.
  function automatic logic [2:0] classify(input logic [7:0] fmt_type);
    logic data;
    logic four;
    data = fmt_type[6];
    four = fmt_type[5];
    classify = {1'b1, ClassPosted};
    if (!fmt_type[7]) begin
      case (fmt_type[4:0])
        5'h00: classify = {1'b0, data ? ClassPosted : ClassNonposted};             // MWr, MRd
        5'h01: classify = {data, ClassNonposted};                                   // MRdLk
        // IO, Cfg0, Cfg1
        5'h02, 5'h04, 5'h05: classify = {four, ClassNonposted};
        5'h0A, 5'h0B: classify = {four, ClassCpl};                                  // Cpl, CplLk
        // AtomicOps, DMWr
        5'h0C, 5'h0D, 5'h0E, 5'h1B: classify = {!data, ClassNonposted};
        5'h10, 5'h11, 5'h12, 5'h13, 5'h14, 5'h15, 5'h16, 5'h17:
          classify = {!four, ClassPosted};                                          // messages
        default: classify = {1'b1, ClassPosted};
      endcase
    end
  endfunction

  // Beats of a TLP with this Fmt data bit and Length.
  function automatic logic [6:0] beats_of(input logic data, input logic [9:0] length);
    beats_of = 7'd1;
    if (data) beats_of = {length == '0, length[9:4]} + {6'b0, |length[3:0]};
  endfunction

  // Data credits of a TLP: one each 4 DW of payload.
  function automatic logic [11:0] units_of(input logic data, input logic [9:0] length);
    units_of = '0;
    if (data) units_of = {3'b0, length == '0, length[9:2]} + {11'b0, |length[1:0]};
  endfunction

  // ---------------------------------------------------------------- beat register
  logic r_valid_q, r_sop_q, r_eop_q, r_prefix_valid_q;
  logic [127:0] r_hdr_q;
  logic [31:0] r_prefix_q;
  logic [511:0] r_data_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) r_valid_q <= 1'b0;
    else r_valid_q <= dn_valid_i;
  end

  always_ff @(posedge clk_i) begin
    if (dn_valid_i) begin
      r_sop_q <= dn_sop_i;
      r_eop_q <= dn_eop_i;
      r_data_q <= dn_data_i;
      if (dn_sop_i) begin
        r_hdr_q <= dn_hdr_i;
        r_prefix_valid_q <= dn_prefix_valid_i;
        r_prefix_q <= dn_prefix_i;
      end
    end
  end

  // ---------------------------------------------------------------- shape of the TLP
  // The header register keeps its value to the end of the TLP: class and length come from it at
  // every beat.

  logic [2:0] kind;
  logic undefined;
  logic [1:0] tlp_class;
  logic [6:0] beats_want, beats_before_q, beats_now;
  logic over_mps, malformed;
  logic [12:0] mps_dw;

  assign kind = classify(r_hdr_q[31:24]);
  assign undefined = kind[2];
  assign tlp_class = kind[1:0];
  assign beats_want = beats_of(r_hdr_q[30], r_hdr_q[9:0]);
  assign beats_now = r_sop_q ? 7'd1 :
                     ((beats_before_q == '1) ? beats_before_q : beats_before_q + 7'd1);
  assign mps_dw = 13'd32 << cfg_i.mps;
  assign over_mps = r_hdr_q[30] && ({2'b0, r_hdr_q[9:0] == '0, r_hdr_q[9:0]} > mps_dw);
  assign malformed = undefined || over_mps || (beats_now != beats_want);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) beats_before_q <= '0;
    else if (r_valid_q) beats_before_q <= beats_now;
  end

  // ---------------------------------------------------------------- completions
  logic is_cpl, cpl_bad, cpl_mine;
  siov_pkg::cpl_in_t cpl;

  assign is_cpl = tlp_class == ClassCpl;
  // A locked completion or one with a prefix answers nothing that this device sends.
  assign cpl_bad = (r_hdr_q[95:80] != cfg_i.bdf) || r_prefix_valid_q || r_hdr_q[24] || undefined;
  assign cpl_mine = r_valid_q && r_sop_q && is_cpl && !cpl_bad;

  always_comb begin
    cpl.tag = {r_hdr_q[23], r_hdr_q[19], r_hdr_q[79:72]};
    cpl.status = r_hdr_q[47:45];
    cpl.has_data = r_hdr_q[30];
    cpl.ep = r_hdr_q[14];
    cpl.length = r_hdr_q[9:0];
    cpl.byte_count = r_hdr_q[43:32];
    cpl.lower_addr = r_hdr_q[70:64];
    cpl.bad = cpl_bad;
  end

  assign cpl_valid_o = r_valid_q && is_cpl && (beats_now <= beats_want);
  assign cpl_sop_o = r_sop_q;
  assign cpl_eop_o = r_eop_q || (beats_now == beats_want);
  assign cpl_o = cpl;
  assign cpl_data_o = r_data_q;

  assign cpl_err_hdr_o = r_hdr_q;
  assign cpl_err_unexpected_o = r_valid_q && r_sop_q && is_cpl && cpl_bad;
  assign cpl_err_poisoned_o = cpl_mine && r_hdr_q[14];
  assign cpl_err_malformed_o = r_valid_q && r_eop_q && is_cpl && malformed && !cpl_bad;
  assign cpl_got_ur_o = cpl_mine && (r_hdr_q[47:45] == siov_pkg::CplUr);
  assign cpl_got_ca_o = cpl_mine && (r_hdr_q[47:45] == siov_pkg::CplCa);

  // ---------------------------------------------------------------- requests
  // The first beat of a long request waits here for its end.
  logic [511:0] first_data_q;
  logic [EntryW-1:0] entry;
  logic push_p, push_np, pop_p, pop_np;
  logic p_room, np_room;
  logic np_stored;

  always_ff @(posedge clk_i) begin
    if (r_valid_q && r_sop_q) first_data_q <= r_data_q;
  end

  assign entry = {malformed, r_prefix_valid_q, r_prefix_q, r_hdr_q,
                  r_sop_q ? r_data_q : first_data_q};
  assign push_p = r_valid_q && r_eop_q && (tlp_class == ClassPosted);
  assign push_np = r_valid_q && r_eop_q && (tlp_class == ClassNonposted);
  assign pop_p = p_valid_o && p_ready_i;
  assign pop_np = np_valid_o && np_ready_i;

  logic [EntryW-1:0] p_entry, np_entry;
  logic [PcountW-1:0] p_count;
  logic [NpcountW-1:0] np_count;

  siov_fifo #(.W(EntryW), .Depth(PostedDepth)) u_posted (
    .clk_i(clk_i), .rst_ni(rst_ni), .clear_i(1'b0),
    .wr_valid_i(push_p), .wr_ready_o(p_room), .wr_data_i(entry),
    .rd_valid_o(p_valid_o), .rd_ready_i(p_ready_i), .rd_data_o(p_entry),
    .count_o(p_count)
  );

  siov_fifo #(.W(EntryW), .Depth(NonpostedDepth)) u_nonposted (
    .clk_i(clk_i), .rst_ni(rst_ni), .clear_i(1'b0),
    .wr_valid_i(push_np), .wr_ready_o(np_room), .wr_data_i(entry),
    .rd_valid_o(np_stored), .rd_ready_i(pop_np), .rd_data_o(np_entry),
    .count_o(np_count)
  );

  assign {p_malformed_o, p_prefix_valid_o, p_prefix_o, p_hdr_o, p_data_o} = p_entry;
  assign {np_malformed_o, np_prefix_valid_o, np_prefix_o, np_hdr_o, np_data_o} = np_entry;

  // ---------------------------------------------------------------- non-posted behind posted
  // ahead_q, one counter each slot: posted requests that are still here and arrived before this
  // non-posted one.

  logic [NonpostedDepth*AheadW-1:0] ahead_q;
  logic [SlotW-1:0] wr_slot_q, rd_slot_q;
  localparam logic [SlotW-1:0] LastSlot = SlotW'(NonpostedDepth - 1);

  assign np_valid_o = np_stored && (ahead_q[rd_slot_q*AheadW +: AheadW] == '0);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ahead_q <= '0;
      wr_slot_q <= '0;
      rd_slot_q <= '0;
    end else begin
      for (int unsigned s = 0; s < NonpostedDepth; s++) begin
        if (pop_p && (ahead_q[s*AheadW +: AheadW] != '0)) begin
          ahead_q[s*AheadW +: AheadW] <= ahead_q[s*AheadW +: AheadW] - AheadW'(1);
        end
      end
      if (push_np && np_room) begin
        ahead_q[wr_slot_q*AheadW +: AheadW] <= AheadW'(p_count) - AheadW'(pop_p);
        wr_slot_q <= (wr_slot_q == LastSlot) ? '0 : wr_slot_q + SlotW'(1);
      end
      if (pop_np) rd_slot_q <= (rd_slot_q == LastSlot) ? '0 : rd_slot_q + SlotW'(1);
    end
  end

  // ---------------------------------------------------------------- credits
  logic [7:0] cl_ph_q, cl_nph_q;
  logic [11:0] cl_pd_q, cl_npd_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      cl_ph_q <= 8'(PostedDepth);
      cl_pd_q <= 12'(PostedData);
      cl_nph_q <= 8'(NonpostedDepth);
      cl_npd_q <= 12'(NonpostedData);
    end else begin
      if (pop_p) begin
        cl_ph_q <= cl_ph_q + 8'd1;
        cl_pd_q <= cl_pd_q + units_of(p_hdr_o[30], p_hdr_o[9:0]);
      end
      if (pop_np) begin
        cl_nph_q <= cl_nph_q + 8'd1;
        cl_npd_q <= cl_npd_q + units_of(np_hdr_o[30], np_hdr_o[9:0]);
      end
    end
  end

  assign dn_cl_ph_o = cl_ph_q;
  assign dn_cl_pd_o = cl_pd_q;
  assign dn_cl_nph_o = cl_nph_q;
  assign dn_cl_npd_o = cl_npd_q;

  // Fields of the configuration that other blocks use.
  logic unused;
  assign unused = &{1'b0, cfg_i, np_count, p_room};

  `SIOV_STATIC(gen_bad_posted_data, PostedData >= 32)
  `SIOV_STATIC(gen_bad_nonposted_data, NonpostedData >= 4)
`ifndef SYNTHESIS
  // What the sender owes us.
  `SIOV_ASSERT_IF(a_posted_credit, push_p, p_room)
  `SIOV_ASSERT_IF(a_nonposted_credit, push_np, np_room)
  // What we owe the dispatcher.
  `SIOV_ASSERT_HOLDS(a_p_hold, p_valid_o && !p_ready_i, 1'b0, p_valid_o, p_entry)
  `SIOV_ASSERT_HOLDS(a_np_hold, np_valid_o && !np_ready_i, 1'b0, np_valid_o, np_entry)
  `SIOV_COVER(c_np_waits_for_p, np_stored && !np_valid_o)
`endif

endmodule
