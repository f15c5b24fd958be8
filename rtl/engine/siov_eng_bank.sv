// SPDX-License-Identifier: Apache-2.0
// One bank of the reorder ring: 64-byte lines with byte enables, one write and one read a cycle,
// read registered.
// Infers as block memory. No reset: the ring's pointers say what is valid.

module siov_eng_bank #(
  parameter int unsigned Lines = 256   /// power of two
) (
  input  logic                     clk_i,
  input  logic                     wr_i,
  input  logic [63:0]              wr_be_i,
  input  logic [$clog2(Lines)-1:0] wr_addr_i,
  input  logic [511:0]             wr_data_i,
  input  logic                     rd_i,
  input  logic [$clog2(Lines)-1:0] rd_addr_i,
  output logic [511:0]             rd_data_o
);
  // The line that is written back, with the new bytes in it: to synthesis one write port with byte enables.
  logic [511:0] mem [Lines];
  logic [511:0] line;
  always_comb begin
    line = '0;
    if (wr_i) begin
      line = mem[wr_addr_i];
      for (int unsigned i = 0; i < 64; i++) if (wr_be_i[i]) line[8*i +: 8] = wr_data_i[8*i +: 8];
    end
  end
  always_ff @(posedge clk_i) begin
    if (wr_i) mem[wr_addr_i] <= line;
    if (rd_i) rd_data_o <= mem[rd_addr_i];
  end

endmodule
