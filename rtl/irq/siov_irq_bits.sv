// SPDX-License-Identifier: Apache-2.0
// One bit an entry, kept in memory words of 64 bits; all bits read 0 after a clear until written.
//
// The memory has no reset; one live bit a word stands for it, so that a clear takes one cycle
// whatever the size and nothing has to be swept. A table of at most 64 entries is one register.
// A write changes one bit of the word it reads in the same cycle.
//
// Latency: none; a write or clear is seen in the next cycle.
// Combinational paths: each index to its word.

module siov_irq_bits #(
  /// Entries, 1..4096.
  parameter int unsigned Entries = 256,
  localparam int unsigned IdxW = (Entries > 1) ? $clog2(Entries) : 1
) (
  input  logic clk_i,
  input  logic rst_ni,
  /// All bits to 0. Wins over a write.
  input  logic clear_i,

  input  logic we_i,
  input  logic [IdxW-1:0] w_idx_i,
  input  logic w_bit_i,

  /// The 64 entries around each index: bit n is entry 64 * (index / 64) + n.
  output logic [63:0] w_word_o,
  input  logic [IdxW-1:0] a_idx_i,
  output logic [63:0] a_word_o,
  input  logic [IdxW-1:0] b_idx_i,
  output logic [63:0] b_word_o
);

  if (Entries <= 64) begin : gen_register
    localparam int unsigned Bits = 1 << IdxW;
    logic [Bits-1:0] bits_q;
    logic            unused;

    always_ff @(posedge clk_i) begin
      if (!rst_ni || clear_i) bits_q <= '0;
      else if (we_i) bits_q[w_idx_i] <= w_bit_i;
    end

    assign w_word_o = 64'(bits_q);
    assign a_word_o = 64'(bits_q);
    assign b_word_o = 64'(bits_q);
    assign unused = ^{a_idx_i, b_idx_i};
  end else begin : gen_memory
    localparam int unsigned WordW = IdxW - 6;
    localparam int unsigned Words = 1 << WordW;
    logic [63:0]      mem [Words];
    logic [Words-1:0] live_q;
    logic [WordW-1:0] w_word, a_word, b_word;
    logic [63:0]      changed;
    logic             unused;

    assign w_word = w_idx_i[IdxW-1:6];
    assign a_word = a_idx_i[IdxW-1:6];
    assign b_word = b_idx_i[IdxW-1:6];
    assign w_word_o = live_q[w_word] ? mem[w_word] : '0;
    assign a_word_o = live_q[a_word] ? mem[a_word] : '0;
    assign b_word_o = live_q[b_word] ? mem[b_word] : '0;

    always_comb begin
      changed = w_word_o;
      changed[w_idx_i[5:0]] = w_bit_i;
    end

    always_ff @(posedge clk_i) begin
      if (we_i) mem[w_word] <= changed;
      if (!rst_ni || clear_i) live_q <= '0;
      else if (we_i) live_q[w_word] <= 1'b1;
    end

    assign unused = ^{a_idx_i[5:0], b_idx_i[5:0]};
  end

endmodule
