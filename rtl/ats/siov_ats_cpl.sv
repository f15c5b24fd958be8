// SPDX-License-Identifier: Apache-2.0
// Reads the completion of a translation request: whose it is, whether it is well-formed, what it says.
//
// Latency: one cycle. The translation is 8 bytes in big-endian order: payload byte 0 is bits 63:56 of the entry.
// A range is larger than 4 KiB when S is 1: the lowest zero bit of the page number gives the size; the bits up to it
// are those of the page that was asked for. What has another shape than one entry, or a range below the smallest
// translation unit, is malformed (SC with a wrong length, RRS, poison).
// @spec PCIe-6.3 10.2.3; reference pcie.md 9.2

module siov_ats_cpl #(
  parameter bit LongTags = 1'b0
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  siov_pkg::cfg_t       cfg_i,
  input  logic [4:0]           stu_i,
  input  logic                 cpl_valid_i,
  input  logic                 cpl_sop_i,
  input  logic                 cpl_eop_i,
  input  siov_pkg::cpl_in_t    cpl_i,
  input  logic [63:0]          cpl_data_i,     /// first 8 payload bytes, byte 0 in bits 7:0
  output logic                 valid_o,        /// a completion with one of our tags
  output logic [3:0]           slot_o,
  output logic                 final_o,        /// the last one of its request
  output logic                 stop_o,         /// UR: no more translation
  output logic                 good_o,         /// one well-formed entry
  output logic [51:0]          page_o,         /// translated page number; where any_o is set the asked page's bits count
  output logic [51:0]          any_o,
  output logic                 untranslated_o,
  output logic                 read_o,
  output logic                 write_o,
  output logic                 priv_o
);
  function automatic logic [63:0] big_endian(input logic [63:0] v);
    for (int i = 0; i < 8; i++) big_endian[8*i +: 8] = v[8*(7 - i) +: 8];
  endfunction

  // ------------------------------------------------------------ C0: the tag
  logic        long_tags, mine;
  logic [2:0]  engine;
  logic [7:0]  number;
  assign long_tags = LongTags && cfg_i.tag10_en;
  always_comb begin
    {engine, number} = siov_pkg::tag_owner(long_tags, cfg_i.ext_tag_en, cpl_i.tag);
    mine = number == 8'(siov_pkg::ShortTags - 1);
    if (long_tags) mine = number[7:2] == 6'((siov_pkg::LongTags - 4) / 4);
    else if (cfg_i.ext_tag_en) mine = number[7:2] == 6'((siov_pkg::ByteTags - 4) / 4);
  end

  logic        valid_q, sc_q, ur_q, one_q;
  logic        final_d;
  logic [3:0]  slot_q;
  logic        final_q;
  logic [63:0] entry_q;
  // The byte count says what is still to come, this completion included (0: 4096).
  assign final_d = !cpl_i.has_data || cpl_i.status != siov_pkg::CplSc ||
                   (cpl_i.byte_count != '0 && (cpl_i.byte_count <= {cpl_i.length, 2'b00} || cpl_i.length == '0));
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else valid_q <= cpl_valid_i && cpl_sop_i && mine && !engine[2] && !cpl_i.bad;
    slot_q <= {engine[1:0], (long_tags || cfg_i.ext_tag_en) ? number[1:0] : 2'd0};
    final_q <= final_d;
    sc_q <= cpl_i.status == siov_pkg::CplSc;
    ur_q <= cpl_i.status != siov_pkg::CplSc && cpl_i.status != siov_pkg::CplRrs && cpl_i.status != siov_pkg::CplCa;
    one_q <= cpl_i.has_data && !cpl_i.ep && cpl_eop_i && cpl_i.length == 10'd2 && cpl_i.byte_count == 12'd8;
    entry_q <= big_endian(cpl_data_i);
  end

  // ------------------------------------------------------------ C1: the entry
  logic [51:0] p, any, unit;
  logic        rights;
  assign p = entry_q[63:12];
  assign any = entry_q[11] ? (p ^ (p + 52'd1)) : '0;
  assign unit = ~(52'hF_FFFF_FFFF_FFFF << stu_i);
  assign rights = entry_q[1:0] != 2'b00;

  assign valid_o = valid_q;
  assign slot_o = slot_q;
  assign final_o = final_q;
  assign stop_o = ur_q;
  assign good_o = sc_q && one_q && (!rights || (unit & ~any) == '0);
  assign page_o = p;
  assign any_o = any;
  assign untranslated_o = entry_q[2];
  assign read_o = entry_q[0];
  assign write_o = entry_q[1];
  assign priv_o = entry_q[4];

  logic unused_ok;
  assign unused_ok = ^{cfg_i, cpl_i.lower_addr, entry_q[10:5], entry_q[3], 1'b0};

endmodule
