// SPDX-License-Identifier: Apache-2.0
// Sends TLPs: forms headers and prefixes, watches credits, puts the device's posted writes, reads
// and completions in one order.
//
// Each class (posted, non-posted, completion) has one candidate, chosen round-robin among its
// sources whether or not credits suffice, so that a large TLP that waits for credits is not starved
// by small ones of its class. The classes whose candidate has credits take turns; a class that
// lacks them stops only itself. Once started, a TLP keeps the link to its last beat. The order of
// acceptance (valid and ready) is the order on the wire. No memory request starts while bus
// mastering is off, none of a PASID while the prefix may not be sent (without it the request would
// reach the wrong address space), and none that has to do with translation while ATS is off. Sources may
// withdraw then, and when the device halts. Messages of address translation do not need bus mastering
// (pcie.md 10.1); a page request needs PRI. Nothing of any kind but the completion leaves while a function-level
// reset is under way.
// Latency: one cycle from acceptance to up_*. One beat a cycle without gaps, whatever the mixture.
// Combinational from the sources' valid and request to their ready; nothing from up_ready_i, which
// a skid stage cuts.
// @spec PCIe-6.3 2.2 (headers), 2.4.1 (ordering), 2.6.1 (credits), 6.20 (PASID)

`include "siov_assert.svh"

module siov_tx #(
  /// Engines, each with one read port.
  parameter int unsigned NumEngines = 4,
  /// Posted streams: one of each engine, then those of others (event log).
  parameter int unsigned NumWr = NumEngines
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  siov_pkg::cfg_t cfg_i,

  // posted writes
  input  logic [NumWr-1:0] wr_valid_i,
  output logic [NumWr-1:0] wr_ready_o,
  input  logic [NumWr-1:0] wr_sop_i,
  input  logic [NumWr-1:0] wr_eop_i,
  input  logic [NumWr*siov_pkg::TxReqW-1:0] wr_req_i,
  input  logic [NumWr*512-1:0] wr_data_i,

  // reads of the engines
  input  logic [NumEngines-1:0] rd_valid_i,
  output logic [NumEngines-1:0] rd_ready_o,
  input  logic [NumEngines*siov_pkg::TxReqW-1:0] rd_req_i,

  // translation requests
  input  logic xr_valid_i,
  output logic xr_ready_o,
  input  siov_pkg::tx_req_t xr_req_i,

  // Page Request, Invalidate Completion
  input  logic pm_valid_i,
  output logic pm_ready_o,
  input  siov_pkg::pm_out_t pm_i,
  /// Function-level reset under way.
  input  logic hold_i,

  // interrupt message
  input  logic msg_valid_i,
  output logic msg_ready_o,
  input  logic [63:0] msg_addr_i,
  input  logic [31:0] msg_data_i,

  // completions we owe
  input  logic cplo_valid_i,
  output logic cplo_ready_o,
  input  siov_pkg::cpl_out_t cplo_i,

  // link
  output logic up_valid_o,
  input  logic up_ready_i,
  output logic up_sop_o,
  output logic up_eop_o,
  output logic [127:0] up_hdr_o,
  output logic up_prefix_valid_o,
  output logic [31:0] up_prefix_o,
  output logic [511:0] up_data_o,
  /// Cumulative credit limits granted by the host.
  input  logic [7:0] up_cl_ph_i,
  input  logic [11:0] up_cl_pd_i,
  input  logic [7:0] up_cl_nph_i,
  input  logic [11:0] up_cl_npd_i,
  input  logic [7:0] up_cl_cplh_i,
  input  logic [11:0] up_cl_cpld_i
);

  localparam int unsigned TxReqW = siov_pkg::TxReqW;
  localparam int unsigned NumPosted = NumWr + 2;   // the last ones: interrupt message, message
  localparam int unsigned PostedIdxW = $clog2(NumPosted);
  localparam int unsigned NumRead = NumEngines + 1;   // the last one is the translation request
  localparam int unsigned ReadIdxW = $clog2(NumRead);
  localparam int unsigned WrIdxW = (NumWr > 1) ? $clog2(NumWr) : 1;
  localparam int unsigned BeatW = 1 + 1 + 1 + 32 + 128 + 512;

  // Codes of the messages that go up, and their first bytes: routed to the root complex, by ID.
  localparam logic [7:0] CodePageRequest = 8'h04;
  localparam logic [7:0] CodeInvalidateCpl = 8'h02;
  localparam logic [1:0] AtTranslated = 2'b10;

  // Header of a memory request; data_bit is Fmt bit 1, tag_high what goes into T9 and T8, nw the lowest
  // bit of the address.
  function automatic logic [127:0] request_header(
    input logic data_bit, input logic [1:0] tag_high, input logic [2:0] tc, input logic ro,
    input logic [1:0] at, input logic [9:0] length, input logic [15:0] requester,
    input logic [7:0] tag, input logic [7:0] be, input logic [63:2] addr, input logic nw);
    logic four;
    logic [31:0] dw0;
    logic [31:0] dw1;
    four = addr[63:32] != '0;
    dw0 = {1'b0, data_bit, four, 5'b0, tag_high[1], tc, tag_high[0], 5'b0, ro, 1'b0, at, length};
    dw1 = {requester, tag, be};
    request_header = four ? {addr[31:2], 1'b0, nw, addr[63:32], dw1, dw0}
                          : {32'b0, addr[31:2], 1'b0, nw, dw1, dw0};
  endfunction

  // What a request needs of the configuration: its PASID must be sendable, its AT field allowed.
  function automatic logic may_go(input logic pasid_en, input logic ats_en, input logic pasid_valid,
      input logic [1:0] at);
    may_go = (pasid_en || !pasid_valid) && (ats_en || (at == 2'b00));
  endfunction

  // Enough header credits: (limit - consumed - 1) mod 2^8 below 2^7.
  function automatic logic header_ok(input logic [7:0] limit, input logic [7:0] consumed);
    header_ok = (limit - consumed - 8'd1) < 8'h80;
  endfunction

  // Same for data, modulo 2^12. A TLP without data never waits.
  function automatic logic data_ok(input logic [11:0] limit, input logic [11:0] consumed,
      input logic [11:0] need);
    data_ok = ((limit - consumed - need) < 12'h800) || (need == '0);
  endfunction

  // Data credits of a payload: one each 4 DW.
  function automatic logic [11:0] units_of(input logic [9:0] length);
    units_of = {3'b0, length == '0, length[9:2]} + {11'b0, |length[1:0]};
  endfunction

  // ---------------------------------------------------------------- state
  logic [7:0] cl_ph_q, cl_nph_q, cl_cplh_q, used_ph_q, used_nph_q, used_cplh_q;
  logic [11:0] cl_pd_q, cl_cpld_q, used_pd_q, used_cpld_q;
  // Inside a posted TLP of stream busy_idx_q.
  logic busy_q;
  logic [WrIdxW-1:0] busy_idx_q;

  // ---------------------------------------------------------------- candidate of each class
  logic posted_any, read_any;
  logic [NumPosted-1:0] posted_gnt;
  logic [PostedIdxW-1:0] posted_idx;
  logic [NumWr-1:0] wr_open;
  logic [NumRead-1:0] read_gnt, rd_open;
  logic [ReadIdxW-1:0] read_idx;
  logic [WrIdxW-1:0] write_idx;
  logic posted_take, read_take, cpl_take;
  logic from_msg, from_pm, from_wr, pm_open;

  siov_rr_arb #(.N(NumPosted)) u_posted_arb (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .req_i({pm_open, msg_valid_i && cfg_i.bme, wr_open}), .take_i(posted_take),
    .any_o(posted_any), .gnt_o(posted_gnt), .idx_o(posted_idx)
  );

  siov_rr_arb #(.N(NumRead)) u_read_arb (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .req_i(rd_open), .take_i(read_take),
    .any_o(read_any), .gnt_o(read_gnt), .idx_o(read_idx)
  );

  // A change of the enables halts the device one cycle later; until then nothing may leave.
  logic [NumRead-1:0] rd_valid;
  logic [NumRead*TxReqW-1:0] rd_reqs;
  assign rd_valid = {xr_valid_i, rd_valid_i};
  assign rd_reqs = {xr_req_i, rd_req_i};

  always_comb begin
    for (int unsigned s = 0; s < NumWr; s++) begin
      wr_open[s] = wr_valid_i[s] && cfg_i.bme &&
                   may_go(cfg_i.pasid_en, cfg_i.ats_en, wr_req_i[s*TxReqW + siov_pkg::TxReqPasidValidLsb],
                          wr_req_i[s*TxReqW + siov_pkg::TxReqAtLsb +: 2]);
    end
    for (int unsigned e = 0; e < NumRead; e++) begin
      rd_open[e] = rd_valid[e] && cfg_i.bme &&
                   may_go(cfg_i.pasid_en, cfg_i.ats_en, rd_reqs[e*TxReqW + siov_pkg::TxReqPasidValidLsb],
                          rd_reqs[e*TxReqW + siov_pkg::TxReqAtLsb +: 2]);
    end
    pm_open = pm_valid_i && !hold_i &&
              (!pm_i.page_request || (cfg_i.pri_en && (cfg_i.pasid_en || !pm_i.pasid_valid)));
  end

  assign from_msg = posted_gnt[NumWr];
  assign from_pm = posted_gnt[NumWr+1];
  assign from_wr = !from_msg && !from_pm;
  assign write_idx = busy_q ? busy_idx_q : (from_wr ? WrIdxW'(posted_idx) : '0);

  siov_pkg::tx_req_t wr_req, rd_req;
  assign wr_req = wr_req_i[write_idx*TxReqW +: TxReqW];
  assign rd_req = rd_reqs[read_idx*TxReqW +: TxReqW];

  // ---------------------------------------------------------------- credits and class arbitration
  logic [9:0] posted_length;
  logic [11:0] posted_need, cpl_need;
  logic [2:0] class_req, class_gnt;
  logic [1:0] class_idx;
  logic class_any, room, start;

  assign posted_length = from_msg ? 10'd1 : wr_req.length;
  assign posted_need = from_pm ? '0 : units_of(posted_length);
  assign cpl_need = {11'b0, cplo_i.has_data};
  assign class_req[0] = posted_any && header_ok(cl_ph_q, used_ph_q) &&
                        data_ok(cl_pd_q, used_pd_q, posted_need);
  assign class_req[1] = read_any && header_ok(cl_nph_q, used_nph_q);
  assign class_req[2] = cplo_valid_i && header_ok(cl_cplh_q, used_cplh_q) &&
                        data_ok(cl_cpld_q, used_cpld_q, cpl_need);
  assign start = room && !busy_q && class_any;

  siov_rr_arb #(.N(3)) u_class_arb (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .req_i(class_req), .take_i(start),
    .any_o(class_any), .gnt_o(class_gnt), .idx_o(class_idx)
  );

  assign posted_take = start && class_gnt[0];
  assign read_take = start && class_gnt[1];
  assign cpl_take = start && class_gnt[2];

  always_comb begin
    wr_ready_o = '0;
    if (busy_q) wr_ready_o[busy_idx_q] = room;
    else if (posted_take) wr_ready_o = posted_gnt[NumWr-1:0];
  end
  assign msg_ready_o = posted_take && from_msg;
  assign pm_ready_o = posted_take && from_pm;
  assign {xr_ready_o, rd_ready_o} = read_gnt & {NumRead{read_take}};
  assign cplo_ready_o = cpl_take;

  // ---------------------------------------------------------------- beat
  logic beat_valid, beat_eop, beat_prefix_valid, write_beat, write_moves;
  logic [127:0] beat_hdr, write_hdr, read_hdr, msg_hdr, pm_hdr, cpl_hdr;
  logic [31:0] beat_prefix;
  logic [511:0] beat_data;
  logic [BeatW-1:0] out_beat;

  assign write_beat = busy_q || (class_gnt[0] && from_wr);
  assign write_moves = room && (busy_q ? wr_valid_i[busy_idx_q] : (class_gnt[0] && from_wr));
  assign beat_valid = busy_q ? wr_valid_i[busy_idx_q] : class_any;
  assign beat_eop = write_beat ? wr_eop_i[write_idx] : 1'b1;

  assign write_hdr = request_header(
    1'b1, 2'b00, wr_req.tc, wr_req.ro && cfg_i.ro_en, wr_req.at, wr_req.length, cfg_i.bdf,
    wr_req.tag[7:0], {wr_req.last_be, wr_req.first_be}, wr_req.addr[63:2], 1'b0);
  assign read_hdr = request_header(
    1'b0, rd_req.tag[9:8], rd_req.tc, rd_req.ro && cfg_i.ro_en, rd_req.at, rd_req.length,
    cfg_i.bdf, rd_req.tag[7:0], {rd_req.last_be, rd_req.first_be}, rd_req.addr[63:2],
    rd_req.addr[0]);
  assign msg_hdr = request_header(1'b1, 2'b00, 3'd0, 1'b0, 2'b00, 10'd1, cfg_i.bdf, 8'd0, 8'h0F,
      msg_addr_i[63:2], 1'b0);
  assign pm_hdr = {pm_i.dw3, pm_i.dw2, cfg_i.bdf, 8'd0,
                   pm_i.page_request ? {CodePageRequest, siov_pkg::TlpMsg}
                                     : {CodeInvalidateCpl, siov_pkg::TlpMsgId}, 24'd0};
  // IDO is not copied: its use is not enabled (Device Control 2 bit 9).
  assign cpl_hdr = {32'b0,
                    cplo_i.requester, cplo_i.tag[7:0], 1'b0, cplo_i.lower_addr,
                    cfg_i.bdf, cplo_i.status, 1'b0, cplo_i.byte_count,
                    cplo_i.has_data ? siov_pkg::TlpCplD : siov_pkg::TlpCpl,
                    cplo_i.tag[9], cplo_i.tc, cplo_i.tag[8],
                    5'b0, cplo_i.attr[1:0], 2'b00,
                    cplo_i.has_data ? {8'b0, cplo_i.two_dw, !cplo_i.two_dw} : 10'd0};

  always_comb begin
    beat_hdr = '0;
    beat_prefix_valid = 1'b0;
    beat_prefix = '0;
    beat_data = '0;
    if (write_beat) begin
      beat_data = wr_data_i[write_idx*512 +: 512];
      if (!busy_q) begin
        beat_hdr = write_hdr;
        beat_prefix_valid = wr_req.pasid_valid && cfg_i.pasid_en && (wr_req.at != AtTranslated);
        beat_prefix = {siov_pkg::PrefixPasid, wr_req.priv && cfg_i.pasid_priv_en, 3'b0,
            wr_req.pasid};
      end
    end else if (class_gnt[0] && from_pm) begin
      beat_hdr = pm_hdr;
      beat_prefix_valid = pm_i.page_request && pm_i.pasid_valid && cfg_i.pasid_en;
      beat_prefix = {siov_pkg::PrefixPasid, pm_i.priv && cfg_i.pasid_priv_en, 3'b0, pm_i.pasid};
    end else if (class_gnt[0]) begin
      beat_hdr = msg_hdr;
      beat_data[31:0] = msg_data_i;
    end else if (class_gnt[1]) begin
      beat_hdr = read_hdr;
      beat_prefix_valid = rd_req.pasid_valid && cfg_i.pasid_en && (rd_req.at != AtTranslated);
      beat_prefix = {siov_pkg::PrefixPasid, rd_req.priv && cfg_i.pasid_priv_en, 3'b0, rd_req.pasid};
    end else if (class_gnt[2]) begin
      beat_hdr = cpl_hdr;
      if (cplo_i.has_data) beat_data[31:0] = cplo_i.data[31:0];
      if (cplo_i.has_data && cplo_i.two_dw) beat_data[63:32] = cplo_i.data[63:32];
    end
    if (!beat_prefix_valid) beat_prefix = '0;
  end

  siov_skid #(.W(BeatW)) u_out (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .in_valid_i(beat_valid), .in_ready_o(room),
    .in_data_i({!busy_q, beat_eop, beat_prefix_valid, beat_prefix, beat_hdr, beat_data}),
    .out_valid_o(up_valid_o), .out_ready_i(up_ready_i), .out_data_o(out_beat)
  );
  assign {up_sop_o, up_eop_o, up_prefix_valid_o, up_prefix_o, up_hdr_o, up_data_o} = out_beat;

  // ---------------------------------------------------------------- registers
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      used_ph_q <= '0;
      used_pd_q <= '0;
      used_nph_q <= '0;
      used_cplh_q <= '0;
      used_cpld_q <= '0;
      cl_ph_q <= '0;
      cl_pd_q <= '0;
      cl_nph_q <= '0;
      cl_cplh_q <= '0;
      cl_cpld_q <= '0;
    end else begin
      cl_ph_q <= up_cl_ph_i;
      cl_pd_q <= up_cl_pd_i;
      cl_nph_q <= up_cl_nph_i;
      cl_cplh_q <= up_cl_cplh_i;
      cl_cpld_q <= up_cl_cpld_i;
      if (write_moves) busy_q <= !beat_eop;
      if (posted_take) begin
        used_ph_q <= used_ph_q + 8'd1;
        used_pd_q <= used_pd_q + posted_need;
      end
      if (read_take) used_nph_q <= used_nph_q + 8'd1;
      if (cpl_take) begin
        used_cplh_q <= used_cplh_q + 8'd1;
        used_cpld_q <= used_cpld_q + cpl_need;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (posted_take) busy_idx_q <= write_idx;
  end

  // No non-posted request with data is ever sent; the rest is not the transmitter's business.
  logic unused;
  assign unused = &{1'b0, cfg_i, up_cl_npd_i, wr_req, rd_req, msg_addr_i[1:0], class_idx,
      cplo_i.attr[2], posted_idx};

`ifndef SYNTHESIS
  `SIOV_ASSERT_HOLDS(a_up_hold, up_valid_o && !up_ready_i, 1'b0, up_valid_o, out_beat)
  // Sources begin a TLP with sop, and only then.
  `SIOV_ASSERT_IF(a_wr_sop, write_moves, wr_sop_i[write_idx] == !busy_q)
  `SIOV_ASSERT_IF(a_wr_aligned, posted_take && from_wr, wr_req.addr[1:0] == 2'b00)
  `SIOV_ASSERT_IF(a_rd_aligned, read_take, rd_req.addr[1:0] == 2'b00 || read_gnt[NumEngines])
  // Payload within the limit of Device Control, reads within theirs.
  `SIOV_ASSERT_IF(a_mps, posted_take && from_wr, {5'b0, posted_need} <= (17'd8 << cfg_i.mps))
  `SIOV_ASSERT_IF(a_mrrs, read_take, {5'b0, units_of(rd_req.length)} <= (17'd8 << cfg_i.mrrs))
  `SIOV_ASSERT_IF(a_no_dma_without_bme, (posted_take && !from_pm) || read_take, cfg_i.bme)
  // A request of a PASID never loses its prefix, but a translated one never has it (SIOV-D-26).
  `SIOV_ASSERT_IF(a_write_keeps_pasid,
      posted_take && from_wr && wr_req.pasid_valid && wr_req.at != AtTranslated,
      beat_prefix_valid)
  `SIOV_ASSERT_IF(a_read_keeps_pasid, read_take && rd_req.pasid_valid && rd_req.at != AtTranslated, beat_prefix_valid)
  `SIOV_ASSERT_IF(a_translated_bare,
      (posted_take || read_take) && beat_hdr[11:10] == AtTranslated,
      !beat_prefix_valid)
  // AT says translation request for the requests of the cache and for no others; none without ATS
  // (PCIE-05). A translation request has one entry, all bytes, no address bits but NW (PCIE-63).
  `SIOV_ASSERT_IF(a_at_source, read_take, (rd_req.at == 2'b01) == read_gnt[NumEngines])
  `SIOV_ASSERT_IF(a_at_needs_ats, (posted_take || read_take) && beat_hdr[11:10] != 2'b00, cfg_i.ats_en)
  `SIOV_ASSERT_IF(a_xr_shape,
      xr_ready_o,
      rd_req.length == 10'd2 && rd_req.first_be == '1 && rd_req.last_be == '1 && rd_req.addr[11:1] == '0)
  // A page request needs PRI and keeps its PASID; nothing but a completion leaves before a
  // function-level reset.
  `SIOV_ASSERT_IF(a_page_request,
      pm_ready_o && pm_i.page_request,
      cfg_i.pri_en && beat_prefix_valid == pm_i.pasid_valid)
  `SIOV_ASSERT_IF(a_quiet_before_reset, hold_i, !posted_take && !read_take)
  `SIOV_COVER(c_posted_blocked, posted_any && !class_req[0])
  `SIOV_COVER(c_read_blocked, read_any && !class_req[1])
  `SIOV_COVER(c_cpl_blocked, cplo_valid_i && !class_req[2])
  `SIOV_COVER(c_three_classes, start && (class_req == '1))
`endif

endmodule
