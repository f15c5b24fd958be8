// SPDX-License-Identifier: Apache-2.0
// Create delta: compares two sources word by word and writes a record of the differences (dsa 5.6,
// operation 07). An entry is ten bytes: number of the word, then the word of the second source.
//
// Entries are packed from the (8-byte aligned) destination on; a write holds what falls into one
// 64-byte line of it. When an entry does not fit, the record ends before it and the lines that
// follow are swallowed. When the write on offer has no page (fault_i), it and all that follows is
// dropped, and the results are those before the first entry that is not wholly written.
// Not here: reads, checks of sizes, who may see the result.
//
// start_i comes before the first lines; flush_i after the last or with it; results are valid with
// done_o. Throughput: a pair of equal lines a cycle; a differing word a cycle. Latency: pair to
// write 3 cycles after the entry that fills the line. No combinational path from wr_ready_i to
// ready_o.

`include "siov_assert.svh"

module siov_eng_delta (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         clear_i,
  input  logic         start_i,
  input  logic [31:0]  max_size_i,     /// of the record [bytes]
  input  logic [63:0]  dst_i,          /// record address, 8-byte aligned
  // pairs of lines
  input  logic         valid_i,
  output logic         ready_o,
  input  logic [511:0] a_i,            /// source 1
  input  logic [511:0] b_i,            /// source 2
  input  logic [3:0]   words_i,        /// valid words from word 0 on, 1..8
  input  logic         flush_i,        /// pulse: write out the rest
  input  logic         fault_i,        /// pulse: the write on offer cannot be done
  output logic         done_o,         /// level: everything has been handed out
  // writes of the record; the first byte is in lane wr_addr_o[1:0], which is 0
  output logic         wr_valid_o,
  input  logic         wr_ready_i,
  output logic [63:0]  wr_addr_o,
  output logic [6:0]   wr_bytes_o,     /// 1..64
  output logic [511:0] wr_data_o,
  // results
  output logic [31:0]  size_o,         /// of the record [bytes]
  output logic         differs_o,
  output logic         overflow_o,     /// a difference did not fit
  output logic [31:0]  compared_o      /// bytes compared and recorded
);

  localparam int unsigned EntryBytes = 10;
  localparam int unsigned WordW = 17;   // counts the words of 512 KiB

  // ------------------------------------------------------------ A: a pair of lines, compared
  logic             a_valid_q, take, a_leaves, a_done;
  logic [7:0]       differ_q, first, others;
  logic [511:0]     b_q;
  logic [WordW-1:0] base_q, after_q;    // number of the first word of this pair, of the next one
  logic [WordW-4:0] above_q;            // base_q / 8 + 1
  logic [WordW-1:0] end_q, after;       // number behind this pair, behind the one that comes
  logic             overflow_q, pick, fits, entry_free, halted_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i || start_i) halted_q <= 1'b0;
    else if (fault_i) halted_q <= 1'b1;
  end

  function automatic logic [7:0] compare(input logic [511:0] a, input logic [511:0] b,
                                         input logic [3:0] words);
    for (int w = 0; w < 8; w++)
      compare[w] = (4'(w) < words) && a[64*w +: 64] != b[64*w +: 64];
  endfunction

  function automatic logic [7:0] lowest(input logic [7:0] v);
    for (int w = 0; w < 8; w++) lowest[w] = v[w] && (8'(v << (8 - w)) == 8'd0);
  endfunction

  assign first = lowest(differ_q);
  assign others = differ_q & ~first;
  assign a_done = differ_q == 8'd0 || (others == 8'd0 && entry_free);
  assign a_leaves = a_done || overflow_q;
  assign ready_o = !a_valid_q || a_leaves;
  assign take = valid_i && ready_o;
  assign after = after_q + {{(WordW-4){1'b0}}, words_i};
  assign pick = a_valid_q && differ_q != 8'd0 && !overflow_q && entry_free;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i || start_i) begin
      a_valid_q <= 1'b0;
      after_q <= '0;
    end else begin
      if (fault_i) a_valid_q <= 1'b0;
      else if (ready_o) a_valid_q <= valid_i && !halted_q;
      if (take) after_q <= after;
    end
    if (take) begin
      differ_q <= compare(a_i, b_i, words_i);
      b_q <= b_i;
      base_q <= after_q;
      above_q <= after_q[WordW-1:3] + (WordW-3)'(1);
      end_q <= after;
    end else if (pick) begin
      differ_q <= others;
    end
  end

  // ------------------------------------------------------------ B: one entry
  logic [15:0]      wr_first_q;         // word of the first entry that is not whole before this write
  logic [31:0]      wr_first_size_q;    // record bytes before that entry
  logic             entry_valid_q, differs_q;
  logic [79:0]      entry_q;
  logic [31:0]      left_q, size_q;
  logic [WordW-1:0] compared_q, number;
  logic [63:0]      word;
  logic [2:0]       offset;
  logic [3:0]       low;

  always_comb begin
    offset = '0;
    word = '0;
    for (int w = 0; w < 8; w++) begin
      offset = offset | (3'(w) & {3{first[w]}});
      word = word | (b_q[64*w +: 64] & {64{first[w]}});
    end
    low = {1'b0, base_q[2:0]} + {1'b0, offset};
    number = {low[3] ? above_q : base_q[WordW-1:3], low[2:0]};
  end
  assign fits = left_q >= 32'(EntryBytes);

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i || start_i) begin
      entry_valid_q <= 1'b0;
      differs_q <= 1'b0;
      overflow_q <= 1'b0;
      size_q <= '0;
      left_q <= max_size_i;
      compared_q <= '0;
    end else if (fault_i) begin
      entry_valid_q <= 1'b0;
      differs_q <= wr_first_size_q != '0;
      overflow_q <= 1'b0;
      size_q <= wr_first_size_q;
      compared_q <= {1'b0, wr_first_q};
    end else begin
      if (entry_free) entry_valid_q <= pick && fits;
      if (pick) begin
        differs_q <= 1'b1;
        overflow_q <= !fits;
        if (fits) begin
          size_q <= size_q + 32'(EntryBytes);
          left_q <= left_q - 32'(EntryBytes);
        end
      end
      if (pick && !fits) compared_q <= number;
      else if (a_valid_q && a_done && !overflow_q) compared_q <= end_q;
    end
    if (pick) entry_q <= {word, number[15:0]};
  end

  // ------------------------------------------------------------ C: one line of the record
  logic [511:0] line_q;                // 0 from fill_q on
  logic [6:0]   fill_q, room_q, cap_q; // bytes in it, bytes that it still takes, their sum
  logic [79:0]  tail;                  // what does not go into a line that an entry fills
  logic [63:0]  addr_q;                // of its first byte
  logic         spills, move, flush_q, rest, done_q;
  logic         first_valid_q;          // an entry ends in the line; the first one:
  logic [15:0]  first_q;
  logic [31:0]  first_size_q, moved_q;  // record bytes before it; of entries so far
  logic         wr_valid_q;
  logic [63:0]  wr_addr_q;
  logic [6:0]   wr_bytes_q;
  logic [511:0] wr_data_q;

  assign spills = room_q[6:4] == 3'd0 && !(&room_q[3:2]);   // at most ten; room_q is even
  assign tail = entry_q >> {room_q[3:0], 3'd0};
  assign move = entry_valid_q && !(spills && wr_valid_q);
  assign entry_free = !entry_valid_q || !(spills && wr_valid_q);
  assign rest = flush_q && !a_valid_q && !entry_valid_q && !wr_valid_q && fill_q != 7'd0;

  function automatic logic [511:0] put(input logic [511:0] line, input logic [79:0] entry,
                                       input logic [5:0] at);
    put = line | ({432'd0, entry} << {at, 3'd0});
  endfunction

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i || start_i || fault_i) begin
      fill_q <= '0;
      line_q <= '0;
    end else if (move) begin
      fill_q <= spills ? 7'(EntryBytes) - room_q : fill_q + 7'(EntryBytes);
      line_q <= spills ? {432'd0, tail} : put(line_q, entry_q, fill_q[5:0]);
    end else if (rest) begin
      fill_q <= '0;
    end
    if (start_i) begin
      cap_q <= 7'd64 - {1'b0, dst_i[5:3], 3'd0};
      room_q <= 7'd64 - {1'b0, dst_i[5:3], 3'd0};
      addr_q <= {dst_i[63:3], 3'd0};
    end else if (move) begin
      room_q <= spills ? room_q + 7'd64 - 7'(EntryBytes) : room_q - 7'(EntryBytes);
      if (spills) begin
        cap_q <= 7'd64;
        addr_q <= {addr_q[63:6] + 58'd1, 6'd0};
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i || start_i) begin
      first_valid_q <= 1'b0;
      moved_q <= '0;
    end else if (move) begin
      first_valid_q <= !(spills && room_q == 7'(EntryBytes));
      moved_q <= moved_q + 32'(EntryBytes);
    end else if (rest) begin
      first_valid_q <= 1'b0;
    end
    if (move && (spills || !first_valid_q)) begin
      first_q <= entry_q[15:0];
      first_size_q <= moved_q;
    end
    if ((move && spills) || rest) begin
      wr_first_q <= first_valid_q ? first_q : entry_q[15:0];
      wr_first_size_q <= first_valid_q ? first_size_q : moved_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i || fault_i) wr_valid_q <= 1'b0;
    else if (!wr_valid_q) wr_valid_q <= ((move && spills) || rest) && !start_i;
    else if (wr_ready_i) wr_valid_q <= 1'b0;
    if (move && spills) wr_data_q <= put(line_q, entry_q, fill_q[5:0]);
    else if (rest) wr_data_q <= line_q;
    if ((move && spills) || rest) begin
      wr_bytes_q <= rest ? fill_q : cap_q;
      wr_addr_q <= addr_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i || start_i) begin
      flush_q <= 1'b0;
      done_q <= 1'b0;
    end else begin
      if (flush_i) flush_q <= 1'b1;
      done_q <= flush_q && !a_valid_q && !entry_valid_q && fill_q == 7'd0 &&
                (!wr_valid_q || wr_ready_i);
    end
  end

  assign done_o = done_q;
  assign wr_valid_o = wr_valid_q;
  assign wr_addr_o = wr_addr_q;
  assign wr_bytes_o = wr_bytes_q;
  assign wr_data_o = wr_data_q;
  assign size_o = size_q;
  assign differs_o = differs_q;
  assign overflow_o = overflow_q;
  assign compared_o = {{(29-WordW){1'b0}}, compared_q, 3'd0};

  logic unused_ok;
  assign unused_ok = ^{dst_i[2:0], number[WordW-1], 1'b0};

  `SIOV_ASSERT_HOLDS(DeltaWrHolds,
      wr_valid_o && !wr_ready_i && !clear_i && !fault_i,
      1'b0, wr_valid_o, {wr_addr_o, wr_bytes_o, wr_data_o})
  `SIOV_ASSERT_IF(DeltaInLine, wr_valid_o, {1'b0, wr_addr_o[5:0]} + wr_bytes_o <= 7'd64)
  `SIOV_ASSERT_IF(DeltaHalted, halted_q, !wr_valid_o && !overflow_o)
  `SIOV_COVER(DeltaWaits, entry_valid_q && spills && wr_valid_q)

endmodule
