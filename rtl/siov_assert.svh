// SPDX-License-Identifier: Apache-2.0
// Assertion macros. Each states its name, so that a failure and its negative test can be matched.
// Expect clk_i and rst_ni in scope. Nothing is left under SYNTHESIS.
`ifndef SIOV_ASSERT_SVH
`define SIOV_ASSERT_SVH

`ifdef SYNTHESIS
  `define SIOV_ASSERT(name, prop)
  `define SIOV_COVER(name, prop)
`else
  `define SIOV_ASSERT(name, prop) \
    name: assert property (@(posedge clk_i) disable iff (!rst_ni) prop) \
      else $error("SIOV_ASSERT %m");
  `define SIOV_COVER(name, prop) \
    name: cover property (@(posedge clk_i) disable iff (!rst_ni) prop);
`endif

// Elaboration-time check of a constant expression.
`define SIOV_STATIC(name, expr) \
  if (!(expr)) begin : name $error("SIOV_STATIC"); end

`endif
