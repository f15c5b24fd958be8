// SPDX-License-Identifier: Apache-2.0
// Address translation of the device: cache, translation requests, page requests, invalidations.
// docs/architecture.md 1.8.

module siov_ats #(
  parameter int unsigned NumEngines = 4,       /// 1..4
  parameter int unsigned AtcEntries = 1024,    /// power of two, 64..4096
  parameter int unsigned PageSlots = 16,       /// page requests outstanding, 1..16: what the capability may promise
  parameter int unsigned CtoCycles = 25000,    /// completion timeout
  parameter int unsigned PageTimeout = 250_000_000,  /// longest wait for a PRG response; 0: no limit
  parameter bit LongTags = 1'b0                /// 10-bit tags are supported
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  siov_pkg::cfg_t       cfg_i,
  input  logic [4:0]           stu_i,          /// smallest translation unit: 4 KiB << stu
  // engines
  input  logic [NumEngines-1:0] xl_valid_i,
  output logic [NumEngines-1:0] xl_ready_o,
  input  logic [NumEngines*siov_pkg::XlReqW-1:0] xl_req_i,
  output logic                 xa_valid_o,
  output siov_pkg::xl_ans_t    xa_o,
  output logic                 xi_mark_o,
  input  logic [NumEngines-1:0] xi_busy_i,
  // bar
  input  logic                 xl_forget_i,    /// pulse
  output logic                 forget_busy_o,  /// a translation or page request older than the last forget is unanswered
  // translation requests to the link
  output logic                 xr_valid_o,     /// withdrawn when ATS, bus mastering or PASID goes off
  input  logic                 xr_ready_i,
  output siov_pkg::tx_req_t    xr_req_o,
  // messages to the link
  output logic                 pm_valid_o,     /// a page request is withdrawn when PRI goes off
  input  logic                 pm_ready_i,
  output siov_pkg::pm_out_t    pm_o,
  // messages from the link
  input  logic                 vm_valid_i,
  input  siov_pkg::vm_in_t     vm_i,
  // completions from the link
  input  logic                 cpl_valid_i,
  input  logic                 cpl_sop_i,
  input  logic                 cpl_eop_i,
  input  siov_pkg::cpl_in_t    cpl_i,
  input  logic [511:0]         cpl_data_i,
  // configuration space: page request interface
  input  logic [31:0]          pri_alloc_i,    /// Outstanding Page Request Allocation
  input  logic                 pri_reset_i,    /// pulse: PRI Reset, FLR
  output logic                 pri_rf_o,       /// pulse: Response Failure
  output logic                 pri_uprgi_o,    /// pulse: Unexpected PRG Index
  output logic                 pri_stopped_o,  /// level: status bit 8
  // status
  output logic                 ats_off_o,      /// level: UR has ended translation until ATS is enabled again
  output logic                 unexpected_o,   /// pulse: completion for one of our tags that matches no request
  output logic                 timeout_o,      /// pulse: a translation request timed out
  output logic                 pending_o       /// a translation completion may still come: our tags are not free
);
  assign xl_ready_o = '0;
  assign {xa_valid_o, xi_mark_o, forget_busy_o, xr_valid_o, pm_valid_o} = '0;
  assign xa_o = '0;
  assign xr_req_o = '0;
  assign pm_o = '0;
  assign {pri_rf_o, pri_uprgi_o, pri_stopped_o, ats_off_o, unexpected_o, timeout_o, pending_o} = '0;
endmodule
