// SPDX-License-Identifier: Apache-2.0
// Carries out what the host asks: register writes and reads, portal writes, configuration accesses;
// answers what needs an answer.
//
// Posted requests run in order and wait only for the register bus. Non-posted ones run one at a
// time, and start only when the completion register is free, so that nothing is done that could not
// be answered. Where both want the same bus they take turns. What a register or a queue does with
// an access is not decided here.
// Completion status (docs of the fields: dsa 4.2, PCIe 6.3 2.3.1, 6.32):
//   unsupported kind, no BAR, memory space off, wrong prefix, poisoned data        UR
//   read over more than one 8-byte word, DMWr to BAR0 or not one aligned 64 bytes  CA
//   DMWr of 64 bytes to a portal                                                   SC or RRS
// Messages of address translation (siov_msg_decode) leave in their turn among the posted requests and
// never wait: one a cycle.
// Latency: DMWr one each three cycles; posted portal or register write one a cycle. Outputs are
// registers, except p_ready_o, np_ready_o and the configuration access, which depend on the request
// at the input.

`include "siov_assert.svh"

module siov_dispatch #(
  /// log2 of the sizes of BAR0 and BAR2 [bytes].
  parameter int unsigned Bar0Bits = 16,
  parameter int unsigned Bar2Bits = 17,
  /// Invalidate Requests and PRG Responses are understood.
  parameter bit Ats = 1'b1
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  siov_pkg::cfg_t cfg_i,
  input  logic [63:0] bar0_i,
  input  logic [63:0] bar2_i,
  /// Start no non-posted request (function-level reset under way).
  input  logic hold_i,

  // siov_rx
  input  logic p_valid_i,
  output logic p_ready_o,
  input  logic p_malformed_i,
  input  logic [127:0] p_hdr_i,
  input  logic p_prefix_valid_i,
  input  logic [31:0] p_prefix_i,
  input  logic [511:0] p_data_i,
  input  logic np_valid_i,
  output logic np_ready_o,
  input  logic np_malformed_i,
  input  logic [127:0] np_hdr_i,
  input  logic np_prefix_valid_i,
  input  logic [31:0] np_prefix_i,
  input  logic [511:0] np_data_i,

  // register bus
  output logic reg_valid_o,
  input  logic reg_ready_i,
  output logic reg_write_o,
  output logic [17:0] reg_addr_o,
  output logic [63:0] reg_wdata_o,
  output logic [7:0] reg_be_o,
  input  logic reg_rvalid_i,
  input  logic [63:0] reg_rdata_i,

  // portals
  output logic portal_valid_o,
  output siov_pkg::portal_t portal_o,
  output logic [511:0] portal_data_o,
  input  logic portal_rsp_valid_i,
  input  logic portal_rsp_accept_i,

  /// A message of address translation, one cycle.
  output logic vm_valid_o,
  output siov_pkg::vm_in_t vm_o,

  /// Configuration access of this cycle; read data one cycle later.
  output logic cs_valid_o,
  output logic cs_write_o,
  output logic [9:0] cs_dw_o,
  output logic [3:0] cs_be_o,
  output logic [31:0] cs_wdata_o,
  /// Bus and device that the request was addressed to.
  output logic [12:0] cs_bus_dev_o,
  input  logic [31:0] cs_rdata_i,

  // siov_tx
  output logic cplo_valid_o,
  input  logic cplo_ready_i,
  output siov_pkg::cpl_out_t cplo_o,
  /// A completion was accepted.
  output logic cpl_sent_o,

  /// Errors of the posted (p) and non-posted (np) request that leaves in this cycle; its header is
  /// p_hdr_i, np_hdr_i.
  output logic p_err_ur_o,
  output logic p_err_ca_o,
  output logic p_err_poisoned_o,
  output logic p_err_malformed_o,
  output logic np_err_ur_o,
  output logic np_err_ca_o,
  output logic np_err_poisoned_o,
  output logic np_err_malformed_o
);

  // ---------------------------------------------------------------- decode
  logic p_mem_write, p_ignored_msg, p_poisoned, p_bar0, p_bar2, p_in_word;
  logic np_mem_read, np_dmwr, np_cfg, np_has_data, np_poisoned, np_bar0, np_bar2, np_in_word,
      np_whole;
  logic [17:0] p_reg_addr, np_reg_addr;
  logic [7:0] p_reg_be, np_reg_be;
  logic [63:0] p_reg_wdata;
  logic np_upper_dw, np_two_dw;
  siov_pkg::portal_t p_portal, np_portal;
  logic [11:0] np_byte_count;
  logic [6:0] np_lower_addr;

  // Findings that only the other side has a use for.
  logic [25:0] p_spare;
  logic [65:0] np_spare;
  logic unused;
  assign unused = &{1'b0, p_spare, np_spare};

  siov_req_decode #(.Bar0Bits(Bar0Bits), .Bar2Bits(Bar2Bits)) u_p_decode (
    .cfg_i(cfg_i), .bar0_i(bar0_i), .bar2_i(bar2_i),
    .hdr_i(p_hdr_i), .prefix_valid_i(p_prefix_valid_i), .prefix_i(p_prefix_i),
    .data_i(p_data_i[63:0]),
    .is_mem_write_o(p_mem_write), .is_mem_read_o(p_spare[0]), .is_dmwr_o(p_spare[1]),
    .is_cfg_o(p_spare[2]), .is_ignored_msg_o(p_ignored_msg), .has_data_o(p_spare[3]),
    .poisoned_o(p_poisoned),
    .hit_bar0_o(p_bar0), .hit_bar2_o(p_bar2), .in_word_o(p_in_word), .whole_o(p_spare[4]),
    .reg_addr_o(p_reg_addr), .reg_be_o(p_reg_be), .reg_wdata_o(p_reg_wdata),
    .upper_dw_o(p_spare[5]),
    .two_dw_o(p_spare[6]), .portal_o(p_portal), .byte_count_o(p_spare[18:7]),
    .lower_addr_o(p_spare[25:19])
  );

  siov_req_decode #(.Bar0Bits(Bar0Bits), .Bar2Bits(Bar2Bits)) u_np_decode (
    .cfg_i(cfg_i), .bar0_i(bar0_i), .bar2_i(bar2_i),
    .hdr_i(np_hdr_i), .prefix_valid_i(np_prefix_valid_i), .prefix_i(np_prefix_i),
    .data_i(np_data_i[63:0]),
    .is_mem_write_o(np_spare[0]), .is_mem_read_o(np_mem_read), .is_dmwr_o(np_dmwr),
    .is_cfg_o(np_cfg), .is_ignored_msg_o(np_spare[1]),
    .has_data_o(np_has_data), .poisoned_o(np_poisoned),
    .hit_bar0_o(np_bar0), .hit_bar2_o(np_bar2), .in_word_o(np_in_word), .whole_o(np_whole),
    .reg_addr_o(np_reg_addr), .reg_be_o(np_reg_be), .reg_wdata_o(np_spare[65:2]),
    .upper_dw_o(np_upper_dw), .two_dw_o(np_two_dw), .portal_o(np_portal),
    .byte_count_o(np_byte_count), .lower_addr_o(np_lower_addr)
  );

  logic p_vm_known, p_vm_malformed, p_vm_poisoned, p_vm;
  siov_pkg::vm_in_t p_vm_data;

  if (Ats) begin : gen_msg
    siov_msg_decode u_msg_decode (
      .cfg_i(cfg_i), .hdr_i(p_hdr_i), .prefix_valid_i(p_prefix_valid_i), .prefix_i(p_prefix_i),
      .data_i(p_data_i[63:0]),
      .known_o(p_vm_known), .malformed_o(p_vm_malformed), .poisoned_o(p_vm_poisoned),
      .vm_o(p_vm_data)
    );
  end else begin : gen_no_msg
    assign p_vm_known = 1'b0;
    assign p_vm_malformed = 1'b0;
    assign p_vm_poisoned = 1'b0;
    assign p_vm_data = '0;
  end

  // ---------------------------------------------------------------- who may use which bus
  logic reg_valid_q, reg_write_q;
  logic [17:0] reg_addr_q;
  logic [63:0] reg_wdata_q;
  logic [7:0] reg_be_q;
  logic reg_free, reg_quiet;
  logic p_wants_reg, np_wants_reg, p_wants_portal, np_wants_portal, np_wants_cs;
  logic p_takes_reg, np_takes_reg, p_takes_portal, np_takes_portal;
  // The non-posted side lost the last contest and goes first in the next.
  logic np_turn_q;

  // A portal or configuration access waits until every register write before it has taken effect.
  assign reg_free = !reg_valid_q || reg_ready_i;
  assign reg_quiet = !reg_valid_q && reg_ready_i;
  assign p_takes_reg = p_wants_reg && reg_free && !(np_wants_reg && np_turn_q);
  assign np_takes_reg = np_wants_reg && reg_free && !p_takes_reg;
  assign p_takes_portal = p_wants_portal && reg_quiet && !(np_wants_portal && np_turn_q);
  assign np_takes_portal = np_wants_portal && reg_quiet && !p_takes_portal;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) np_turn_q <= 1'b0;
    else if (np_takes_reg || np_takes_portal) np_turn_q <= 1'b0;
    else if ((np_wants_reg && p_takes_reg) ||
             (np_wants_portal && p_takes_portal)) np_turn_q <= 1'b1;
  end

  // ---------------------------------------------------------------- posted
  logic p_good, p_drop;

  assign p_good = p_valid_i && !p_malformed_i && p_mem_write && !p_poisoned;
  assign p_wants_reg = p_good && p_bar0 && p_in_word && (p_reg_be != '0);
  assign p_wants_portal = p_good && p_bar2;
  assign p_drop = p_valid_i && !p_wants_reg && !p_wants_portal;
  assign p_ready_o = p_takes_reg || p_takes_portal || p_drop;

  assign p_vm = p_valid_i && !p_malformed_i && p_vm_known && !p_vm_malformed && !p_vm_poisoned;
  assign p_err_malformed_o = p_valid_i && (p_malformed_i || p_vm_malformed);
  assign p_err_ur_o = p_valid_i && !p_malformed_i && !p_ignored_msg && !p_vm_known &&
                      !(p_mem_write && (p_bar0 || p_bar2));
  assign p_err_poisoned_o = p_valid_i && !p_malformed_i &&
      ((p_mem_write && (p_bar0 || p_bar2) && p_poisoned) || p_vm_poisoned);
  assign p_err_ca_o = p_good && p_bar0 && !p_in_word;

  // ---------------------------------------------------------------- non-posted
  typedef enum logic [1:0] {
    NpIdle,     // waits for a request and a free completion register
    NpReg,      // waits for the data of a register read
    NpPortal,   // waits for the queue's answer to a DMWr
    NpConfig    // waits for configuration data (one cycle)
  } np_state_e;

  np_state_e np_state_q, np_state_d;
  logic cplo_valid_q, cplo_load;
  siov_pkg::cpl_out_t cplo_q, cplo_d, answer, answer_q;
  logic upper_dw_q;
  logic np_open, np_cs_access, np_done_now;
  logic [2:0] np_status;

  // Status of a request that needs no bus.
  always_comb begin
    np_status = siov_pkg::CplUr;
    np_done_now = 1'b1;
    np_cs_access = 1'b0;
    if (np_has_data && np_poisoned) begin
      np_status = siov_pkg::CplUr;
    end else if (np_cfg) begin
      np_cs_access = 1'b1;
      np_done_now = 1'b0;
    end else if (np_mem_read && (np_bar0 || np_bar2)) begin
      np_status = np_in_word ? siov_pkg::CplSc : siov_pkg::CplCa;
      np_done_now = !(np_bar0 && np_in_word);
    end else if (np_dmwr && (np_bar0 || np_bar2)) begin
      np_status = siov_pkg::CplCa;
      np_done_now = !(np_bar2 && np_whole);
    end
  end

  assign np_open = (np_state_q == NpIdle) && np_valid_i && !np_malformed_i && !hold_i &&
      (!cplo_valid_q || cplo_ready_i);
  assign np_wants_reg = np_open && !np_done_now && np_mem_read;
  assign np_wants_portal = np_open && !np_done_now && np_dmwr;
  assign np_wants_cs = np_open && np_cs_access && reg_quiet;
  assign np_ready_o = np_takes_reg || np_takes_portal || np_wants_cs || (np_open && np_done_now) ||
                      ((np_state_q == NpIdle) && np_valid_i && np_malformed_i);

  assign np_err_malformed_o = np_ready_o && np_malformed_i;
  assign np_err_poisoned_o = np_ready_o && !np_malformed_i && np_poisoned &&
                             (np_cfg || (np_dmwr && (np_bar0 || np_bar2)));
  assign np_err_ur_o = np_open && np_done_now && (np_status == siov_pkg::CplUr) &&
      !np_err_poisoned_o;
  assign np_err_ca_o = np_open && np_done_now && (np_status == siov_pkg::CplCa);

  // The answer as far as the request tells it; portal reads give all ones (dsa 4.2).
  always_comb begin
    answer.status = np_status;
    answer.has_data = (np_mem_read && (np_bar0 || np_bar2) && np_in_word) ||
                      (np_cfg && !np_has_data);
    answer.two_dw = np_mem_read && np_two_dw;
    answer.byte_count = np_mem_read ? np_byte_count : 12'd4;
    answer.lower_addr = np_mem_read ? np_lower_addr : 7'd0;
    answer.requester = np_hdr_i[63:48];
    answer.tag = {np_hdr_i[23], np_hdr_i[19], np_hdr_i[47:40]};
    answer.tc = np_hdr_i[22:20];
    answer.attr = {np_hdr_i[18], np_hdr_i[13:12]};
    answer.data = '1;
  end

  always_comb begin
    np_state_d = np_state_q;
    cplo_load = 1'b0;
    cplo_d = answer_q;
    unique case (np_state_q)
      NpIdle: begin
        cplo_d = answer;
        if (np_takes_reg) np_state_d = NpReg;
        else if (np_takes_portal) np_state_d = NpPortal;
        else if (np_wants_cs) np_state_d = NpConfig;
        else if (np_open && np_done_now) cplo_load = 1'b1;
      end
      NpReg: begin
        cplo_d.status = siov_pkg::CplSc;
        cplo_d.data = upper_dw_q ? {32'b0, reg_rdata_i[63:32]} : reg_rdata_i;
        if (reg_rvalid_i) begin
          cplo_load = 1'b1;
          np_state_d = NpIdle;
        end
      end
      NpPortal: begin
        cplo_d.status = portal_rsp_accept_i ? siov_pkg::CplSc : siov_pkg::CplRrs;
        if (portal_rsp_valid_i) begin
          cplo_load = 1'b1;
          np_state_d = NpIdle;
        end
      end
      NpConfig: begin
        cplo_d.status = siov_pkg::CplSc;
        cplo_d.data = {32'b0, cs_rdata_i};
        cplo_load = 1'b1;
        np_state_d = NpIdle;
      end
      default: np_state_d = NpIdle;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      np_state_q <= NpIdle;
      cplo_valid_q <= 1'b0;
    end else begin
      np_state_q <= np_state_d;
      if (cplo_load) cplo_valid_q <= 1'b1;
      else if (cplo_ready_i) cplo_valid_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (np_ready_o) begin
      answer_q <= answer;
      upper_dw_q <= np_upper_dw;
    end
    if (cplo_load) cplo_q <= cplo_d;
  end

  assign cplo_valid_o = cplo_valid_q;
  assign cplo_o = cplo_q;
  assign cpl_sent_o = cplo_valid_q && cplo_ready_i;

  // ---------------------------------------------------------------- configuration access
  assign cs_valid_o = np_wants_cs;
  assign cs_write_o = np_has_data;
  assign cs_dw_o = np_hdr_i[75:66];
  assign cs_be_o = np_hdr_i[35:32];
  assign cs_wdata_o = np_data_i[31:0];
  assign cs_bus_dev_o = np_hdr_i[95:83];

  // ---------------------------------------------------------------- register bus, portals

  logic portal_valid_q;
  siov_pkg::portal_t portal_q;
  logic [511:0] portal_data_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      reg_valid_q <= 1'b0;
      portal_valid_q <= 1'b0;
    end else begin
      if (reg_free) reg_valid_q <= p_takes_reg || np_takes_reg;
      portal_valid_q <= p_takes_portal || np_takes_portal;
    end
  end

  always_ff @(posedge clk_i) begin
    if (p_takes_reg || np_takes_reg) begin
      reg_write_q <= p_takes_reg;
      reg_addr_q <= p_takes_reg ? p_reg_addr : np_reg_addr;
      reg_be_q <= p_takes_reg ? p_reg_be : np_reg_be;
      reg_wdata_q <= p_reg_wdata;
    end
    if (p_takes_portal || np_takes_portal) begin
      portal_q <= p_takes_portal ? p_portal : np_portal;
      portal_data_q <= p_takes_portal ? p_data_i : np_data_i;
    end
  end

  // ---------------------------------------------------------------- messages
  logic vm_valid_q;
  siov_pkg::vm_in_t vm_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) vm_valid_q <= 1'b0;
    else vm_valid_q <= p_vm;
    if (p_vm) vm_q <= p_vm_data;
  end
  assign vm_valid_o = vm_valid_q;
  assign vm_o = vm_q;

  assign reg_valid_o = reg_valid_q;
  assign reg_write_o = reg_write_q;
  assign reg_addr_o = reg_addr_q;
  assign reg_be_o = reg_be_q;
  assign reg_wdata_o = reg_wdata_q;
  assign portal_valid_o = portal_valid_q;
  assign portal_o = portal_q;
  assign portal_data_o = portal_data_q;

`ifndef SYNTHESIS
  `SIOV_ASSERT_HOLDS(a_reg_hold,
      reg_valid_o && !reg_ready_i,
      1'b0, reg_valid_o, {reg_write_o, reg_addr_o, reg_wdata_o, reg_be_o})
  `SIOV_ASSERT_HOLDS(a_cplo_hold, cplo_valid_o && !cplo_ready_i, 1'b0, cplo_valid_o, cplo_o)
  // A finished request always finds the completion register free.
  `SIOV_ASSERT_IF(a_cplo_room, cplo_load, !cplo_valid_q || cplo_ready_i)
  // A message never waits.
  `SIOV_ASSERT_IF(a_vm_leaves, p_vm, p_ready_o)
  // Neighbours answer only what was asked.
  `SIOV_ASSERT_IF(a_reg_answer, reg_rvalid_i, np_state_q == NpReg)
  `SIOV_ASSERT_IF(a_portal_answer, portal_rsp_valid_i, np_state_q == NpPortal)
  `SIOV_COVER(c_p_wins, np_wants_reg && p_takes_reg)
  `SIOV_COVER(c_cplo_blocked, cplo_valid_o && !cplo_ready_i)
`endif

endmodule
