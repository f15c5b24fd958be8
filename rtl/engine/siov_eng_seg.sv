// SPDX-License-Identifier: Apache-2.0
// Cuts a job into segments; the splitter (reads) and the walker (writes) step through the same
// sequence.
//
// Copy, fill: pieces inside one 4 KiB page of the destination, ascending, or descending when an
// overlapping copy must run
// from the top. A segment starts a fresh ring line at byte lane dst[1:0], so that its write
// payload needs no further shift.
// Compare: blocks of up to 512 bytes inside one page of either source, first of source 1, then
// of source 2, each starting a
// fresh ring line at lane 0.
// Combinational.

module siov_eng_seg (
  input  logic [1:0]  op_i,
  input  logic        backward_i,
  input  logic        side_i,        /// compare: 0 source 1, 1 source 2
  input  logic [63:0] src_i,         /// not yet covered part starts here
  input  logic [63:0] dst_i,
  input  logic [31:0] rem_i,         /// bytes not yet covered, > 0
  output logic [63:0] read_addr_o,
  output logic [63:0] write_addr_o,
  output logic [12:0] len_o,         /// 1..4096
  output logic [1:0]  lane_o
);
  logic [12:0] room_up, room_down, room_src, room;
  logic [63:0] end_dst;
  logic [31:0] skip;

  always_comb begin
    room_src = '0;
    end_dst = dst_i + {32'd0, rem_i};
    room_up = 13'd4096 - {1'b0, dst_i[11:0]};
    room_down = (end_dst[11:0] == '0) ? 13'd4096 : {1'b0, end_dst[11:0]};
    room = backward_i ? room_down : room_up;
    if (op_i == siov_eng_pkg::JobCompare) begin
      room = 13'd512;
      room_src = 13'd4096 - {1'b0, src_i[11:0]};
      if (room_src < room) room = room_src;
      if (room_up < room) room = room_up;
    end
    len_o = (rem_i < {19'd0, room}) ? rem_i[12:0] : room;
    skip = backward_i ? rem_i - {19'd0, len_o} : '0;
    read_addr_o = src_i + {32'd0, skip};
    write_addr_o = dst_i + {32'd0, skip};
    lane_o = write_addr_o[1:0];
    if (op_i == siov_eng_pkg::JobCompare) begin
      lane_o = 2'd0;
      if (side_i) read_addr_o = dst_i;
    end
  end
endmodule
