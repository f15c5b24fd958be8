// SPDX-License-Identifier: Apache-2.0
// Reorder ring of an engine: tags of outstanding reads, and the store that their data lands in.
//
// Tags are given out in order and retired in order; completions come back in any order between
// tags, split anywhere.
// Every byte is rotated on arrival to the byte lane that its write TLP will need (siov_eng_steps
// fixes it), so the walker
// only reads whole lines. A 64-byte beat touches at most two neighbouring lines, which live in
// different banks.
// avail_pos_o: all ring bytes before it are complete. A read that ended badly (UR, CA, poisoned,
// timeout) stops it and
// raises err_o until the walker acknowledges; the bytes then count as complete.
// A completion must continue exactly where its read stands (byte count), else it is dropped as
// unexpected: so late ones
// after a timeout or a flush never land in a new owner's data (PCIE-46, SIOV-D-48). Tags lost
// that way rest until their
// completion has come or a completion timeout has passed. Which tags it owns depends on the tag
// enables of the configuration space (siov_pkg), which change only while nothing is outstanding.
// Between its requests and the link lies siov_eng_xl_reads; a read that has no translation ends there
// (fail_i) like one with a bad completion. old_o: reads that use a translation from before the last
// mark are outstanding.
//
// Latency: beat to readable 4 cycles; line read 1 cycle.

`include "siov_assert.svh"

module siov_eng_ring #(
  parameter int unsigned EngineId = 0,
  parameter int unsigned Tags = 64,          /// power of two, at least the number of tags in use
  parameter int unsigned RingLines = 512,    /// power of two
  parameter int unsigned PosW = 17,
  parameter int unsigned CtoCycles = 25000   /// completion timeout
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 clear_i,          /// forget all reads; their tags rest
  input  logic                 cto_disable_i,
  input  logic                 ext_tag_i,        /// 8-bit tags allowed
  input  logic                 tag10_i,          /// 10-bit tags allowed
  input  logic [7:0]           first_i,          /// of the engine's tags (siov_pkg, tag modes), first ..
  input  logic [$clog2(Tags+1)-1:0] count_i,     /// first + count - 1 are ours
  // new reads from the splitter
  input  logic                 rd_valid_i,
  output logic                 rd_ready_o,
  input  logic [63:0]          rd_addr_i,
  input  logic [9:0]           rd_bytes_i,
  input  logic [PosW-1:0]      rd_pos_i,
  input  logic [2:0]           rd_tc_i,
  input  logic                 rd_pasid_en_i,
  input  logic [19:0]          rd_pasid_i,
  input  logic                 rd_priv_i,
  input  siov_eng_pkg::xl_attr_t rd_attr_i,
  // read requests to the link
  output logic                 req_valid_o,
  input  logic                 req_ready_i,
  output siov_pkg::tx_req_t    req_o,
  output logic [$clog2(Tags)-1:0] req_tag_o,
  output siov_eng_pkg::xl_attr_t req_attr_o,
  // their translation (siov_eng_xl_reads)
  input  logic                 mark_i,
  input  logic                 sent_i,           /// this tag leaves with a translation
  input  logic [$clog2(Tags)-1:0] sent_tag_i,
  input  logic                 unsent_i,         /// tags from this one on have not left
  input  logic [$clog2(Tags)-1:0] unsent_tag_i,
  input  logic                 fail_i,           /// this tag will never leave
  input  logic [$clog2(Tags)-1:0] fail_tag_i,
  input  logic [1:0]           fail_reason_i,
  input  logic [51:0]          fail_page_i,
  output logic                 old_o,
  // completions from the link
  input  logic                 cpl_valid_i,
  input  logic                 cpl_sop_i,
  input  logic                 cpl_eop_i,
  input  siov_pkg::cpl_in_t    cpl_i,
  input  logic [511:0]         cpl_data_i,
  output logic                 unexpected_o,     /// pulse: completion for our tag range that matches no read
  output logic                 timeout_o,        /// pulse: a read timed out
  output logic                 pending_o,        /// some completion may still come
  output logic [11:0]          used_lines_o,     /// 64-byte units of outstanding reads
  // walker
  output logic [PosW-1:0]      avail_pos_o,
  output logic                 err_o,
  output logic                 err_xl_o,         /// with err_o: there was no translation,
  output logic [1:0]           err_reason_o,     /// why
  output logic [51:0]          err_page_o,       /// and for which page
  input  logic                 err_ack_i,
  input  logic                 line_rd_i,
  input  logic [PosW-7:0]      line_i,
  output logic [511:0]         line_data_o       /// one cycle later
);

  localparam int unsigned TagW = $clog2(Tags);
  localparam int unsigned BankW = $clog2(RingLines) - 1;
  localparam int unsigned InfoW = PosW + 10;

  // ------------------------------------------------------------ tags
  logic [TagW-1:0]  new_q, head_q;
  logic [Tags-1:0]  busy_q, done_q, bad_q, orphan_q;
  logic [InfoW-1:0] info [Tags];       // {position, bytes left}: where the next completion continues
  logic [PosW-1:0]  end_pos [Tags];
  logic             tag_free, take;

  logic [TagW-1:0] new_next, head_next, last_tag;
  logic [9:0]      new_tag;
  logic            realign;
  assign last_tag = TagW'(count_i - ($clog2(Tags+1))'(1));
  assign new_next = (new_q >= last_tag) ? '0 : new_q + TagW'(1);
  assign head_next = (head_q >= last_tag) ? '0 : head_q + TagW'(1);
  assign new_tag = siov_pkg::tag_on_link(tag10_i, ext_tag_i, 2'(EngineId), first_i + 8'(new_q));
  assign realign = new_q > last_tag;             // after the number of tags has shrunk

  assign tag_free = !realign && !busy_q[new_q] && !orphan_q[new_q];
  assign rd_ready_o = tag_free && (!req_valid_o || req_ready_i);
  assign take = rd_valid_i && rd_ready_o && !clear_i;

  logic [11:0] span;
  logic [1:0]  tail_bytes;
  logic [3:0]  be_head, be_tail;
  always_comb begin
    span = {2'd0, rd_bytes_i} + {10'd0, rd_addr_i[1:0]};
    tail_bytes = span[1:0];
    be_head = 4'hF << rd_addr_i[1:0];
    be_tail = (tail_bytes == 2'd0) ? 4'hF : 4'hF >> (3'd4 - {1'b0, tail_bytes});
  end

  siov_pkg::tx_req_t      req_q;
  siov_eng_pkg::xl_attr_t req_attr_q;
  logic [TagW-1:0]        req_tag_q;
  logic                   req_valid_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) req_valid_q <= 1'b0;
    else if (!req_valid_q || req_ready_i) req_valid_q <= take;
    if (take) begin
      req_q <= '0;
      req_q.addr <= {rd_addr_i[63:2], 2'd0};
      req_q.length <= 10'((span + 12'd3) >> 2);
      req_q.first_be <= (span <= 12'd4) ? (be_head & be_tail) : be_head;
      req_q.last_be <= (span <= 12'd4) ? 4'h0 : be_tail;
      req_q.tc <= rd_tc_i;
      req_q.pasid_valid <= rd_pasid_en_i;
      req_q.pasid <= rd_pasid_i;
      req_q.priv <= rd_priv_i;
      req_q.tag <= new_tag;
      req_tag_q <= new_q;
      req_attr_q <= rd_attr_i;
    end
  end
  assign req_valid_o = req_valid_q;
  assign req_o = req_q;
  assign req_tag_o = req_tag_q;
  assign req_attr_o = req_attr_q;

  // ------------------------------------------------------------ C0: match a completion
  logic             mine, known, orphan, good, final_c;
  logic [TagW-1:0]  c_tag;
  logic [2:0]       c_engine;
  logic [7:0]       c_number, c_off;
  logic [PosW-1:0]  c_pos;
  logic [9:0]       c_left, c_bytes;
  logic [11:0]      dw_bytes;
  logic             sop;

  assign sop = cpl_valid_i && cpl_sop_i;
  always_comb begin
    {c_engine, c_number} = siov_pkg::tag_owner(tag10_i, ext_tag_i, cpl_i.tag);
    c_off = c_number - first_i;
    c_tag = c_off[TagW-1:0];
    mine = c_engine == 3'(EngineId) && c_off < 8'(count_i);
    {c_pos, c_left} = info[c_tag];
    known = mine && busy_q[c_tag] && !done_q[c_tag] && !cpl_i.bad;
    orphan = mine && orphan_q[c_tag] && !cpl_i.bad;
    dw_bytes = {cpl_i.length, 2'd0} - {10'd0, cpl_i.lower_addr[1:0]};
    c_bytes = (cpl_i.byte_count < dw_bytes && cpl_i.byte_count != '0) ? cpl_i.byte_count[9:0]
                                                                      : dw_bytes[9:0];
    final_c = !cpl_i.has_data || cpl_i.status != siov_pkg::CplSc || {2'd0, c_bytes} == cpl_i.byte_count;
    good = known && cpl_i.has_data && cpl_i.status == siov_pkg::CplSc && !cpl_i.ep &&
           cpl_i.byte_count == {2'd0, c_left};
  end
  // A read that no longer continues where it should is ended as failed only by an error
  // status, poison or timeout.
  logic fail;
  assign fail = known && (!cpl_i.has_data || cpl_i.status != siov_pkg::CplSc ||
                          (cpl_i.ep && cpl_i.byte_count == {2'd0, c_left}));
  assign unexpected_o = sop && mine && !good && !fail && !orphan;

  // ------------------------------------------------------------ C1: a beat and where it goes
  logic            c1_valid_q, c1_last_q, act_q;
  logic [511:0]    c1_data_q;
  logic [5:0]      c1_rot_q;
  logic [PosW-7:0] c1_line_q;
  logic [9:0]      c1_left_q;        // bytes of this completion from this beat on, first beat's lane included
  logic [1:0]      c1_lane_q;        // first lane of the first beat
  logic            c1_ends_read_q, c1_short;
  logic [TagW-1:0] c1_tag_q;
  logic [PosW-1:0] origin;
  assign origin = c_pos - {{(PosW-2){1'b0}}, cpl_i.lower_addr[1:0]};

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      c1_valid_q <= 1'b0;
      act_q <= 1'b0;
    end else begin
      c1_valid_q <= cpl_valid_i && (cpl_sop_i ? good : act_q);
      if (sop) act_q <= good && !cpl_eop_i;
      else if (cpl_valid_i && cpl_eop_i) act_q <= 1'b0;
    end
    if (cpl_valid_i && (cpl_sop_i ? good : act_q)) begin
      c1_data_q <= cpl_data_i;
      c1_last_q <= cpl_eop_i;
      if (cpl_sop_i) begin
        c1_rot_q <= origin[5:0];
        c1_line_q <= origin[PosW-1:6];
        c1_left_q <= c_bytes + {8'd0, cpl_i.lower_addr[1:0]};
        c1_lane_q <= cpl_i.lower_addr[1:0];
        c1_tag_q <= c_tag;
        c1_ends_read_q <= c_bytes == c_left;
      end else begin
        c1_line_q <= c1_line_q + (PosW-6)'(1);
        c1_left_q <= c1_left_q - 10'd64;
        c1_lane_q <= 2'd0;
      end
    end
  end

  // ------------------------------------------------------------ C2: rotated, split over two banks
  logic             c2_valid_q, c2_done_q;
  logic [511:0]     c2_data_q;
  logic [63:0]      c2_be0_q, c2_be1_q;      // byte enables of bank 0 (even lines) and bank 1
  logic [BankW-1:0] c2_addr0_q, c2_addr1_q;
  logic [TagW-1:0]  c2_tag_q;
  logic             c2_short_q, c2_more_q;
  logic [63:0]      lanes, lanes_rot, low_part;
  logic [PosW-7:0]  next_line;

  // The TLP ended before the bytes that its header promised: the read has failed (malformed
  // completion).
  assign c1_short = c1_valid_q && c1_last_q && c1_left_q > 10'd64;

  always_comb begin
    lanes = 64'hFFFF_FFFF_FFFF_FFFF << c1_lane_q;
    if (c1_left_q < 10'd64) lanes = lanes & ~(64'hFFFF_FFFF_FFFF_FFFF << c1_left_q[5:0]);
    lanes_rot = (lanes << c1_rot_q) | (lanes >> (7'd64 - {1'b0, c1_rot_q}));
    low_part = ~(64'hFFFF_FFFF_FFFF_FFFF << c1_rot_q);   // lanes that went over to the next line
    next_line = c1_line_q + (PosW-6)'(1);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      c2_valid_q <= 1'b0;
      c2_done_q <= 1'b0;
      c2_short_q <= 1'b0;
    end else begin
      c2_valid_q <= c1_valid_q;
      c2_done_q <= c1_valid_q && c1_last_q && c1_ends_read_q && !c1_short;
      c2_short_q <= c1_short;
    end
    if (c1_valid_q) begin
      c2_tag_q <= c1_tag_q;
      c2_more_q <= !c1_ends_read_q;
      c2_data_q <= (c1_data_q << {c1_rot_q, 3'd0}) |
                   (c1_data_q >> (10'd512 - {1'b0, c1_rot_q, 3'd0}));
      c2_be0_q <= lanes_rot & (c1_line_q[0] ? low_part : ~low_part);
      c2_be1_q <= lanes_rot & (c1_line_q[0] ? ~low_part : low_part);
      c2_addr0_q <= c1_line_q[0] ? next_line[BankW:1] : c1_line_q[BankW:1];
      c2_addr1_q <= c1_line_q[BankW:1];
    end
  end

  // ------------------------------------------------------------ store
  logic [511:0] bank0_data, bank1_data;
  siov_eng_bank #(.Lines(RingLines / 2)) u_bank0 (
    .clk_i, .wr_i(c2_valid_q), .wr_be_i(c2_be0_q), .wr_addr_i(c2_addr0_q), .wr_data_i(c2_data_q),
    .rd_i(line_rd_i && !line_i[0]), .rd_addr_i(line_i[BankW:1]), .rd_data_o(bank0_data)
  );
  siov_eng_bank #(.Lines(RingLines / 2)) u_bank1 (
    .clk_i, .wr_i(c2_valid_q), .wr_be_i(c2_be1_q), .wr_addr_i(c2_addr1_q), .wr_data_i(c2_data_q),
    .rd_i(line_rd_i && line_i[0]), .rd_addr_i(line_i[BankW:1]), .rd_data_o(bank1_data)
  );
  logic         rd_bank_q;
  always_ff @(posedge clk_i) if (line_rd_i) rd_bank_q <= line_i[0];
  assign line_data_o = rd_bank_q ? bank1_data : bank0_data;

  // ------------------------------------------------------------ retirement, errors, timeout
  logic [PosW-1:0]  avail_q;
  logic             retire;
  localparam int unsigned CtoW = $clog2(CtoCycles + 1);
  logic [CtoW-1:0]  head_age_q, rest_age_q;
  logic             expired, head_unsent, new_orphan;

  // The timeout runs from the transmission, not from the wish to send.
  assign head_unsent = (req_valid_q && req_tag_q == head_q) || (unsent_i && unsent_tag_i == head_q);
  assign new_orphan = expired || (c2_short_q && c2_more_q) || (sop && fail && !final_c) || (clear_i && (busy_q & ~done_q) != '0);
  assign expired = busy_q[head_q] && !done_q[head_q] && head_age_q == CtoW'(CtoCycles);
  assign retire = busy_q[head_q] && done_q[head_q] && (!bad_q[head_q] || err_ack_i);
  assign timeout_o = expired && !clear_i;
  assign avail_pos_o = avail_q;
  assign err_o = busy_q[head_q] && done_q[head_q] && bad_q[head_q];
  assign pending_o = (|busy_q) || (|orphan_q);

  // ------------------------------------------------------------ translation
  // used: the read is on the link with a translation; old: with one from before the last mark.
  localparam int unsigned FaultW = 2 + 52;
  logic [Tags-1:0]   xl_bad_q, used_q, old_q, out, sends;
  logic [FaultW-1:0] faults [Tags];    // {reason, page}
  always_comb begin
    out = (busy_q & ~done_q) | orphan_q;
    sends = '0;
    sends[sent_tag_i] = sent_i;
  end
  always_ff @(posedge clk_i) begin
    if (fail_i) faults[fail_tag_i] <= {fail_reason_i, fail_page_i};
    if (take) xl_bad_q[new_q] <= 1'b0;
    if (fail_i) xl_bad_q[fail_tag_i] <= 1'b1;
    if (!rst_ni) begin
      used_q <= '0;
      old_q <= '0;
    end else begin
      used_q <= (used_q & out) | sends;
      old_q <= (mark_i ? used_q | sends : old_q) & (out | sends);
    end
  end
  assign old_o = |old_q;
  assign err_xl_o = xl_bad_q[head_q];
  assign {err_reason_o, err_page_o} = faults[head_q];

  // ------------------------------------------------------------ lines of a read, for the read buffer limit
  logic [3:0]  lines [Tags];
  logic [3:0]  take_lines, give_lines;
  logic [11:0] lines_used_q;
  assign take_lines = 4'((rd_bytes_i + 10'd63) >> 6);
  assign give_lines = lines[head_q];
  assign used_lines_o = lines_used_q;
  always_ff @(posedge clk_i) begin
    if (take) lines[new_q] <= take_lines;
    if (!rst_ni || clear_i) lines_used_q <= '0;
    else lines_used_q <= lines_used_q + (take ? {8'd0, take_lines} : '0) - (retire ? {8'd0, give_lines} : '0);
  end

  always_ff @(posedge clk_i) begin
    if (take) begin
      info[new_q] <= {rd_pos_i, rd_bytes_i};
      end_pos[new_q] <= rd_pos_i + {{(PosW-10){1'b0}}, rd_bytes_i};
    end
    if (sop && good) info[c_tag] <= {c_pos + {{(PosW-10){1'b0}}, c_bytes}, c_left - c_bytes};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      new_q <= '0;
      head_q <= '0;
      busy_q <= '0;
      done_q <= '0;
      bad_q <= '0;
      orphan_q <= '0;
      avail_q <= '0;
      head_age_q <= '0;
      rest_age_q <= '0;
    end else begin
      if (take) begin
        busy_q[new_q] <= 1'b1;
        done_q[new_q] <= 1'b0;
        bad_q[new_q] <= 1'b0;
        new_q <= new_next;
      end
      if (c2_done_q) done_q[c2_tag_q] <= 1'b1;
      if (c2_short_q) begin
        done_q[c2_tag_q] <= 1'b1;
        bad_q[c2_tag_q] <= 1'b1;
        if (c2_more_q) orphan_q[c2_tag_q] <= 1'b1;
      end
      if (sop && fail) begin
        done_q[c_tag] <= 1'b1;
        bad_q[c_tag] <= 1'b1;
        if (!final_c) orphan_q[c_tag] <= 1'b1;   // poisoned in the middle: the rest still comes
      end
      if (fail_i) begin
        done_q[fail_tag_i] <= 1'b1;
        bad_q[fail_tag_i] <= 1'b1;
      end
      if (expired) begin
        done_q[head_q] <= 1'b1;
        bad_q[head_q] <= 1'b1;
        orphan_q[head_q] <= 1'b1;
      end
      if (retire) begin
        busy_q[head_q] <= 1'b0;
        head_q <= head_next;
        avail_q <= end_pos[head_q];
      end
      head_age_q <= (retire || head_unsent || !busy_q[head_q] || done_q[head_q] || cto_disable_i) ? '0
                                                                               : head_age_q + CtoW'(1);
      // resting tags: freed by their last completion, or all together after a timeout
      if (sop && orphan && final_c) orphan_q[c_tag] <= 1'b0;
      rest_age_q <= (orphan_q == '0 || new_orphan) ? '0 : rest_age_q + CtoW'(1);
      if (rest_age_q == CtoW'(CtoCycles) && !new_orphan) begin
        orphan_q <= '0;
        rest_age_q <= '0;
      end
      if (realign && busy_q == '0) begin
        new_q <= '0;
        head_q <= '0;
      end
      if (clear_i) begin
        // requests not yet sent are withdrawn with the rest: their tags rest like the others
        orphan_q <= orphan_q | (busy_q & ~done_q);
        busy_q <= '0;
        done_q <= '0;
        bad_q <= '0;
        head_q <= realign ? '0 : new_q;
        avail_q <= '0;
      end
    end
  end
  logic unused_ok;
  assign unused_ok = ^{line_i[PosW-7:BankW+1], next_line[PosW-7:BankW+1], next_line[0], cpl_i.lower_addr[6:2], 1'b0};

  `SIOV_ASSERT_HOLDS(RingReqHolds, req_valid_o && !req_ready_i && !clear_i, 1'b0, req_valid_o, req_o)
  `SIOV_ASSERT_IF(RingTagsInOrder, take, !busy_q[new_q])
  `SIOV_ASSERT_IF(RingFailsOnce, fail_i, busy_q[fail_tag_i] && !done_q[fail_tag_i])
  `SIOV_ASSERT_IF(RingSentBusy, sent_i, busy_q[sent_tag_i] && !done_q[sent_tag_i])
  `SIOV_COVER(RingOutOfTags, rd_valid_i && !tag_free)
  `SIOV_COVER(RingErrorWaits, err_o && !err_ack_i)

endmodule
