// SPDX-License-Identifier: Apache-2.0
// Assertion macros. Each states its name, so that a failure and its negative test can be matched.
// Expect clk_i and rst_ni in scope. Nothing is left under SYNTHESIS.
//
// All look at the rising edge, out of reset, before registers change. They are clocked immediate
// assertions, not properties: a simulator would copy every signal of a property at every edge, which
// costs more than the device. SIOV_ASSERT_HOLDS copies data once, when it begins to hold.
`ifndef SIOV_ASSERT_SVH
`define SIOV_ASSERT_SVH

`ifdef SYNTHESIS
  `define SIOV_ASSERT(name, prop)
  `define SIOV_ASSERT_IF(name, cond, prop)
  `define SIOV_ASSERT_NEXT(name, cond, prop)
  `define SIOV_ASSERT_HOLDS(name, cond, unless, prop, data)
  `define SIOV_COVER(name, prop)
`else
  // prop holds at every edge.
  `define SIOV_ASSERT(name, prop) `SIOV_ASSERT_IF(name, 1'b1, prop)
  // cond |-> prop
  `define SIOV_ASSERT_IF(name, cond, prop) \
    /*verilator coverage_off*/ \
    always_ff @(posedge clk_i) \
      if (rst_ni && (cond)) name: assert (prop) else $error("SIOV_ASSERT %m"); \
    /*verilator coverage_on*/
  // cond |=> prop
  `define SIOV_ASSERT_NEXT(name, cond, prop) \
    /*verilator coverage_off*/ /*verilator tracing_off*/ \
    logic name``_due_q; \
    always_ff @(posedge clk_i) begin \
      name``_due_q <= rst_ni && (cond); \
      if (rst_ni && name``_due_q) name: assert (prop) else $error("SIOV_ASSERT %m"); \
    end \
    /*verilator coverage_on*/ /*verilator tracing_on*/
  // cond |=> unless || (prop && $stable(data))
  `define SIOV_ASSERT_HOLDS(name, cond, unless, prop, data) \
    /*verilator coverage_off*/ /*verilator tracing_off*/ \
    logic name``_due_q; \
    logic [$bits(data)-1:0] name``_was_q; \
    always_ff @(posedge clk_i) begin \
      name``_due_q <= rst_ni && (cond); \
      if ((cond) && !(name``_due_q && !(unless))) name``_was_q <= data; \
      if (rst_ni && name``_due_q && !(unless)) \
        name: assert ((prop) && name``_was_q == data) else $error("SIOV_ASSERT %m"); \
    end \
    /*verilator coverage_on*/ /*verilator tracing_on*/
  `define SIOV_COVER(name, prop) \
    name: cover property (@(posedge clk_i) disable iff (!rst_ni) prop);
`endif

// Elaboration-time check of a constant expression.
`define SIOV_STATIC(name, expr) \
  if (!(expr)) begin : name $error("SIOV_STATIC"); end

`endif
