// SPDX-License-Identifier: Apache-2.0
// Address translation cache: four ways, an entry for each 4 KiB page, PASID and privilege.
//
// A piece of work moves through it in three stages and never stops: S1 read the set, S2 compare, S3 use the result and
// change the set. Replacement is a tree pseudo-LRU a set. The set is an exclusive-or of the two lowest parts of the page
// number and the PASID: neighbouring pages are in different sets, the pages of an aligned range in all sets that
// differ in the low bits, and equal addresses of different PASIDs do not meet.
//
// Not here: what may be filled and when. No two fills may be in the stages at once, else a key could be in two ways.

module siov_ats_cache #(
  parameter int unsigned Entries = 1024,     /// power of two, 64..4096
  localparam int unsigned SetW = $clog2(Entries) - 2,
  localparam int unsigned KeyW = 74,
  localparam int unsigned DataW = 55
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             clear_i,          /// forget everything, also what is in the stages
  input  logic             s1_read_i,
  input  logic [SetW-1:0]  s1_set_i,
  input  logic [KeyW-1:0]  s2_key_i,
  input  logic [51:0]      inv_page_i,
  input  logic [51:0]      inv_any_i,
  input  logic             inv_pasid_en_i,
  input  logic             inv_global_i,
  input  logic [19:0]      inv_pasid_i,
  output logic             s3_hit_o,
  output logic [DataW-1:0] s3_data_o,
  input  logic             s3_touch_i,       /// the hit was used
  input  logic             s3_drop_i,        /// what the invalidation covers goes
  input  logic             s3_fill_i,
  input  logic [KeyW-1:0]  s3_key_i,
  input  logic [DataW-1:0] s3_fill_data_i
);
  localparam int unsigned Sets = Entries / 4;

  logic [3:0]         valid, equal, in_range, drop_q;
  logic [4*DataW-1:0] data;
  logic [DataW-1:0]   hit_data;
  logic [SetW-1:0]    s2_set_q, s3_set_q;
  logic [1:0]         way, s3_way_q;
  logic               hit_q;

  for (genvar w = 0; w < 4; w++) begin : gen_way
    siov_ats_way #(.Sets(Sets), .DataW(DataW)) u_way (
      .clk_i, .rst_ni, .clear_i,
      .rd_i(s1_read_i), .rd_set_i(s1_set_i),
      .key_i(s2_key_i), .inv_page_i, .inv_any_i, .inv_pasid_en_i, .inv_global_i, .inv_pasid_i,
      .valid_o(valid[w]), .equal_o(equal[w]), .in_range_o(in_range[w]), .data_o(data[w*DataW +: DataW]),
      .set_i(s3_set_q), .drop_i(s3_drop_i && drop_q[w]),
      .wr_i(s3_fill_i && s3_way_q == 2'(w)), .wr_key_i(s3_key_i), .wr_data_i(s3_fill_data_i)
    );
  end

  // The way of the key; else one that is not valid; else the one that was not used for long.
  // age: bit 0 = the upper pair is older, bit 1 = way 1 is older than way 0, bit 2 = way 3 older than way 2.
  logic [2:0] ages [Sets];
  logic [2:0] age_q, s3_age_q, age_new;
  always_comb begin
    hit_data = '0;
    for (int unsigned w = 0; w < 4; w++) hit_data = hit_data | (data[w*DataW +: DataW] & {DataW{equal[w]}});
    way = {age_q[0], age_q[0] ? age_q[2] : age_q[1]};
    for (int unsigned w = 4; w > 0; w--) if (!valid[w-1]) way = 2'(w - 1);
    if (equal != '0) way = {equal[3] || equal[2], equal[3] || equal[1]};
  end
  always_comb begin
    age_new = s3_age_q;
    age_new[0] = !s3_way_q[1];
    if (s3_way_q[1]) age_new[2] = !s3_way_q[0];
    else age_new[1] = !s3_way_q[0];
  end
  always_ff @(posedge clk_i) begin
    if (s1_read_i) age_q <= ages[s1_set_i];
    if (s3_touch_i || s3_fill_i) ages[s3_set_q] <= age_new;
  end

  always_ff @(posedge clk_i) begin
    s2_set_q <= s1_set_i;
    s3_set_q <= s2_set_q;
    s3_way_q <= way;
    s3_age_q <= age_q;
    s3_data_o <= hit_data;
    drop_q <= in_range;
    hit_q <= (equal != '0) && !clear_i && rst_ni;
  end
  assign s3_hit_o = hit_q;

endmodule
