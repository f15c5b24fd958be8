// SPDX-License-Identifier: Apache-2.0
// For the measurement of combinational depth only (scripts/synth.sh): stands for each memory. A read without clock is a chain
// of one gate for each further address bit, about as deep as a tree of multiplexers; a clocked read and a write end the path.
(* techmap_celltype = "$mem_v2" *)
module memory_depth (RD_CLK, RD_EN, RD_ARST, RD_SRST, RD_ADDR, RD_DATA, WR_CLK, WR_EN, WR_ADDR, WR_DATA);
  parameter MEMID = "";
  parameter signed SIZE = 4;
  parameter signed OFFSET = 0;
  parameter signed ABITS = 2;
  parameter signed WIDTH = 8;
  parameter INIT = 1'bx;
  parameter signed RD_PORTS = 1;
  parameter RD_CLK_ENABLE = 1'b1;
  parameter RD_CLK_POLARITY = 1'b1;
  parameter RD_TRANSPARENCY_MASK = 1'b0;
  parameter RD_COLLISION_X_MASK = 1'b0;
  parameter RD_WIDE_CONTINUATION = 1'b0;
  parameter RD_CE_OVER_SRST = 1'b0;
  parameter RD_ARST_VALUE = 1'b0;
  parameter RD_SRST_VALUE = 1'b0;
  parameter RD_INIT_VALUE = 1'b0;
  parameter signed WR_PORTS = 1;
  parameter WR_CLK_ENABLE = 1'b1;
  parameter WR_CLK_POLARITY = 1'b1;
  parameter WR_PRIORITY_MASK = 1'b0;
  parameter WR_WIDE_CONTINUATION = 1'b0;
  input [RD_PORTS-1:0] RD_CLK, RD_EN, RD_ARST, RD_SRST;
  input [RD_PORTS*ABITS-1:0] RD_ADDR;
  output [RD_PORTS*WIDTH-1:0] RD_DATA;
  input [WR_PORTS-1:0] WR_CLK;
  input [WR_PORTS*WIDTH-1:0] WR_EN;
  input [WR_PORTS*ABITS-1:0] WR_ADDR;
  input [WR_PORTS*WIDTH-1:0] WR_DATA;
  genvar p, i;
  generate
    for (p = 0; p < RD_PORTS; p = p + 1) begin : gen_port
      wire [ABITS-1:0] level;
      assign level[0] = RD_ADDR[p*ABITS];
      for (i = 1; i < ABITS; i = i + 1) begin : gen_level
        assign level[i] = level[i-1] ^ RD_ADDR[p*ABITS+i];
      end
      if (!RD_CLK_ENABLE[p]) assign RD_DATA[p*WIDTH +: WIDTH] = {WIDTH{level[ABITS-1]}};
    end
  endgenerate
endmodule
