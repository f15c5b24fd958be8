// SPDX-License-Identifier: Apache-2.0
// One way of the address translation cache: a memory of keys and translations, a valid bit for each row.
//
// A row is {key, data}; the key is {page[51:0], PASID valid, PASID, privilege}. The valid bits are flip-flops, so that
// everything can be forgotten in one cycle; a row that is written while it is read reads as not valid.
//
// Latency: read in cycle n, row and comparisons in n+1. Not here: choice of the way, replacement.

module siov_ats_way #(
  parameter int unsigned Sets = 256,
  parameter int unsigned DataW = 55,
  localparam int unsigned SetW = $clog2(Sets),
  localparam int unsigned KeyW = 74
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             clear_i,          /// no row is valid any more
  // read
  input  logic             rd_i,
  input  logic [SetW-1:0]  rd_set_i,
  // comparisons, one cycle later
  input  logic [KeyW-1:0]  key_i,
  input  logic [51:0]      inv_page_i,       /// range of an invalidation
  input  logic [51:0]      inv_any_i,        /// page bits that do not matter
  input  logic             inv_pasid_en_i,
  input  logic             inv_global_i,
  input  logic [19:0]      inv_pasid_i,
  output logic             valid_o,
  output logic             equal_o,          /// valid and of this key
  output logic             in_range_o,       /// valid and covered by the invalidation
  output logic [DataW-1:0] data_o,
  // change
  input  logic [SetW-1:0]  set_i,
  input  logic             drop_i,
  input  logic             wr_i,
  input  logic [KeyW-1:0]  wr_key_i,
  input  logic [DataW-1:0] wr_data_i
);
  logic [KeyW+DataW-1:0] rows [Sets];
  logic [KeyW+DataW-1:0] row_q;
  logic [Sets-1:0]       valid_q;
  logic                  read_valid_q;
  logic [KeyW-1:0]       key;

  always_ff @(posedge clk_i) begin
    if (wr_i) rows[set_i] <= {wr_key_i, wr_data_i};
    if (rd_i) row_q <= rows[rd_set_i];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      valid_q <= '0;
      read_valid_q <= 1'b0;
    end else begin
      if (drop_i) valid_q[set_i] <= 1'b0;
      if (wr_i) valid_q[set_i] <= 1'b1;
      read_valid_q <= rd_i && valid_q[rd_set_i] && !(wr_i && set_i == rd_set_i);
    end
  end

  assign {key, data_o} = row_q;
  assign valid_o = read_valid_q;
  assign equal_o = read_valid_q && key == key_i;
  // Without PASID everything in the range goes; with the global flag everything that has a PASID.
  assign in_range_o = read_valid_q && ((key[73:22] ^ inv_page_i) & ~inv_any_i) == '0 &&
                      (!inv_pasid_en_i || (key[21] && (inv_global_i || key[20:1] == inv_pasid_i)));

endmodule
