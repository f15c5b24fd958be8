// SPDX-License-Identifier: Apache-2.0
// Apply delta: takes a delta record as a stream of bytes and writes eight bytes for each of its
// ten-byte entries (dsa 5.6, operation 08).
//
// An entry whose number is not above the one before it (0x07), or lies outside the destination
// (0x08), ends the operation: nothing of it and of what follows is written, further lines are
// swallowed. A write that would cross a 4 KiB page becomes two. Bytes behind the last whole entry
// are ignored. When the write on offer has no page (fault_i), it and all that follows is dropped, and
// used_o counts the entries before it. Not here: reads, checks of sizes.
//
// start_i comes before the first line; flush_i after the last or with it; results are valid with
// done_o, error_o at once. Throughput: an entry a cycle, one more cycle for each line. Latency:
// line to write 4 cycles. No combinational path from an input to an output.

`include "siov_assert.svh"

module siov_eng_apply (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         clear_i,
  input  logic         start_i,
  input  logic [63:0]  dst_i,          /// any alignment
  input  logic [31:0]  size_i,         /// of the destination [bytes]
  // lines of the record
  input  logic         valid_i,
  output logic         ready_o,
  input  logic [511:0] data_i,
  input  logic [6:0]   bytes_i,        /// valid bytes from lane 0 on, 1..64
  input  logic         flush_i,        /// pulse: that was the last line
  input  logic         fault_i,        /// pulse: the write on offer cannot be done
  output logic         done_o,         /// level: everything has been handed out
  // writes; the first byte is in lane wr_addr_o[1:0]
  output logic         wr_valid_o,
  input  logic         wr_ready_i,
  output logic [63:0]  wr_addr_o,
  output logic [6:0]   wr_bytes_o,     /// 1..8
  output logic [511:0] wr_data_o,
  // results
  output logic         error_o,
  output logic [7:0]   status_o,       /// 0x07 or 0x08 with error_o
  output logic [31:0]  used_o          /// record bytes of good entries
);

  localparam int unsigned EntryBytes = 10;
  localparam int unsigned EntryW = 8 * EntryBytes;
  localparam int unsigned WindowW = 512 + EntryW - 8;   // a line behind less than an entry

  logic        error_q, fail, halted_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i || start_i) halted_q <= 1'b0;
    else if (fault_i) halted_q <= 1'b1;
  end

  // ------------------------------------------------------------ W: bytes not yet taken
  logic [WindowW-1:0] window_q;
  logic [6:0]         count_q;
  logic               short_w, load, cut, entry_free;

  function automatic logic [WindowW-1:0] append(input logic [WindowW-1:0] have,
                                                input logic [511:0] more, input logic [3:0] at);
    append = WindowW'(more) << {at, 3'd0};
    for (int i = 0; i < 9; i++) if (4'(i) < at) append[8*i +: 8] = have[8*i +: 8];
  endfunction

  assign short_w = count_q < 7'(EntryBytes);
  assign ready_o = short_w;
  assign load = valid_i && short_w && !error_q && !halted_q;
  assign cut = !short_w && entry_free;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i || start_i || fail || fault_i) count_q <= '0;
    else if (load) count_q <= count_q + bytes_i;
    else if (cut) count_q <= count_q - 7'(EntryBytes);
    if (load) window_q <= append(window_q, data_i, count_q[3:0]);
    else if (cut) window_q <= window_q >> EntryW;
  end

  // ------------------------------------------------------------ E: an entry and its checks
  logic        entry_valid_q, low_q, far_q, any_q, moves, free;
  logic [15:0] number_q, number;
  logic [63:0] word_q;
  logic [31:0] size_q;
  assign number = window_q[15:0];
  assign entry_free = !entry_valid_q || free;
  assign fail = entry_valid_q && free && (low_q || far_q);
  assign moves = entry_valid_q && free && !(low_q || far_q);

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i || start_i || fail || fault_i) entry_valid_q <= 1'b0;
    else if (entry_free) entry_valid_q <= cut;
    if (!rst_ni || clear_i || start_i) any_q <= 1'b0;
    else if (cut) any_q <= 1'b1;
    if (start_i) size_q <= size_i;
    if (cut) begin
      low_q <= any_q && number <= number_q;
      far_q <= {13'd0, number, 3'd0} >= size_q;
      number_q <= number;
      word_q <= window_q[79:16];
    end
  end

  // ------------------------------------------------------------ results
  logic [7:0]  status_q;
  logic [31:0] used_q, written_q;     // record bytes of entries checked, of entries written
  logic        wrote;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i || start_i) begin
      error_q <= 1'b0;
      status_q <= '0;
      used_q <= '0;
      written_q <= '0;
    end else if (fault_i) begin
      error_q <= 1'b0;
      used_q <= written_q;
    end else begin
      if (wrote) written_q <= written_q + 32'(EntryBytes);
      if (fail) begin
        error_q <= 1'b1;
        status_q <= low_q ? siov_abi_pkg::StDeltaNotIncreasing : siov_abi_pkg::StDeltaOutOfRange;
      end
      if (moves) used_q <= used_q + 32'(EntryBytes);
    end
  end

  // ------------------------------------------------------------ C: the address of an entry
  logic        c_valid_q, c_moves, crosses;
  logic [63:0] c_addr_q, c_word_q, dst_q;
  logic [3:0]  head;                  // bytes up to the page's end
  assign free = !c_valid_q || c_moves;
  assign crosses = (&c_addr_q[11:3]) && c_addr_q[2:0] != 3'd0;
  assign head = 4'd8 - {1'b0, c_addr_q[2:0]};

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i || start_i || fault_i) c_valid_q <= 1'b0;
    else if (free) c_valid_q <= moves;
    if (start_i) dst_q <= dst_i;
    if (moves) begin
      c_addr_q <= dst_q + {45'd0, number_q, 3'd0};
      c_word_q <= word_q;
    end
  end

  // ------------------------------------------------------------ O: writes, and second parts
  logic        out_free, wr_valid_q, tail_valid_q;
  logic [63:0] wr_addr_q, tail_addr_q;
  logic [3:0]  wr_bytes_q;
  logic [2:0]  tail_bytes_q;
  logic [87:0] wr_data_q;
  logic [55:0] tail_data_q;
  assign out_free = !wr_valid_q || wr_ready_i;
  assign c_moves = c_valid_q && out_free && !tail_valid_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i || fault_i) begin
      wr_valid_q <= 1'b0;
      tail_valid_q <= 1'b0;
    end else if (out_free) begin
      wr_valid_q <= (tail_valid_q || c_valid_q) && !start_i;
      tail_valid_q <= c_moves && crosses && !start_i;
    end
    if (out_free) begin
      if (tail_valid_q) begin
        wr_addr_q <= tail_addr_q;
        wr_bytes_q <= {1'b0, tail_bytes_q};
        wr_data_q <= {32'd0, tail_data_q};
      end else if (c_valid_q) begin
        wr_addr_q <= c_addr_q;
        wr_bytes_q <= crosses ? head : 4'd8;
        wr_data_q <= {24'd0, c_word_q} << {c_addr_q[1:0], 3'd0};
        tail_addr_q <= {c_addr_q[63:12] + 52'd1, 12'd0};
        tail_bytes_q <= c_addr_q[2:0];
        tail_data_q <= 56'(c_word_q >> {head, 3'd0});
      end
    end
  end

  assign wrote = wr_valid_q && wr_ready_i && !tail_valid_q;

  logic flush_q, done_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i || start_i) begin
      flush_q <= 1'b0;
      done_q <= 1'b0;
    end else begin
      if (flush_i) flush_q <= 1'b1;
      done_q <= flush_q && short_w && !entry_valid_q && !c_valid_q && !tail_valid_q &&
                (!wr_valid_q || wr_ready_i);
    end
  end

  assign done_o = done_q;
  assign wr_valid_o = wr_valid_q;
  assign wr_addr_o = wr_addr_q;
  assign wr_bytes_o = {3'd0, wr_bytes_q};
  assign wr_data_o = {424'd0, wr_data_q};
  assign error_o = error_q;
  assign status_o = status_q;
  assign used_o = used_q;

  `SIOV_ASSERT_HOLDS(ApplyWrHolds,
      wr_valid_o && !wr_ready_i && !clear_i && !fault_i,
      1'b0, wr_valid_o, {wr_addr_o, wr_bytes_o, wr_data_o})
  `SIOV_ASSERT_IF(ApplyInPage, wr_valid_o, {1'b0, wr_addr_o[11:0]} + {6'd0, wr_bytes_o} <= 13'd4096)
  `SIOV_ASSERT_IF(ApplyHalted, halted_q, !wr_valid_o && !error_o)
  `SIOV_COVER(ApplyWaits, c_valid_q && !out_free)

endmodule
