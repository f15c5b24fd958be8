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
  // Eight bytes a memory: the byte writes of one 512-bit memory would be 64 write ports to
  // Yosys, which it cannot merge in time.
  for (genvar w = 0; w < 8; w++) begin : gen_word
    logic [63:0] mem [Lines];
    always_ff @(posedge clk_i) begin
      if (wr_i && |wr_be_i[8*w +: 8]) begin
        for (int unsigned i = 0; i < 8; i++)
          if (wr_be_i[8*w + i]) mem[wr_addr_i][8*i +: 8] <= wr_data_i[64*w + 8*i +: 8];
      end
    end
    always_ff @(posedge clk_i) if (rd_i) rd_data_o[64*w +: 64] <= mem[rd_addr_i];
  end

endmodule
