// SPDX-License-Identifier: Apache-2.0
// The walks of a command over the stored configuration: Enable Device over everything
// (siov_enable_scan), Enable WQ over one queue (siov_enable_wq), PASID commands over the queues to
// find those that they mean; the other commands name theirs. One walk at a time shares the look-up
// of WQCFG.
//
// Does not change any state.
//
// Latency: pick_done_o 1 cycle after pick_start_i, NumWq + 3 for a PASID. No combinational path
// crosses but from operand_i to named_o and map_beyond_o.
// @spec dsa 3.1, 3.3

module siov_cmd_check #(
  /// Work queues, groups, engines, shared queue entries, read buffers.
  parameter int unsigned NumWq = 8,
  parameter int unsigned NumGroups = 4,
  parameter int unsigned NumEngines = 4,
  parameter int unsigned WqEntries = 128,
  parameter int unsigned ReadBuffers = 96,
  /// Operation masks and occupancy interrupts exist.
  parameter bit Opcfg = 1'b1,
  /// Block on fault exists.
  parameter bit Ats = 1'b1,
  localparam int unsigned IdxW = (NumWq > 1) ? $clog2(NumWq) : 1
) (
  input  logic clk_i,
  input  logic rst_ni,

  /// Level: no command waits for a walk; ends one.
  input  logic cancel_i,
  input  logic [19:0] operand_i,
  /// Queues that are enabled, enabled or busy; whose mask allows what OPCAP has not.
  input  logic [NumWq-1:0] enabled_i,
  input  logic [NumWq-1:0] not_disabled_i,
  input  logic [NumWq-1:0] ops_bad_i,

  // Enable Device: pulses; the error is valid with scan_done_o
  input  logic scan_start_i,
  output logic scan_done_o,
  output logic [7:0] scan_err_o,
  output logic [NumWq*16-1:0] wq_base_o,
  input  logic [NumGroups*NumWq-1:0] grp_wq_i,
  input  logic [NumGroups*NumEngines-1:0] grp_eng_i,
  input  logic [NumGroups-1:0] grp_beyond_i,
  input  logic [NumGroups*8-1:0] grp_rb_rsv_i,
  input  logic [NumGroups*8-1:0] grp_rb_alw_i,
  input  logic [NumGroups-1:0] grp_rb_glob_i,
  input  logic [7:0] rb_limit_i,

  // Enable WQ: pulses; error and permission are valid with judge_done_o
  input  logic judge_start_i,
  output logic judge_done_o,
  output logic [7:0] judge_err_o,
  output logic occ_ok_o,
  /// The queue of the operand.
  output logic [NumWq-1:0] named_o,
  input  logic pasid_en_i,
  input  logic pasid_priv_en_i,
  input  logic pri_en_i,
  output logic olk_valid_o,
  output logic olk_ims_o,
  output logic [15:0] olk_handle_o,
  output logic olk_pasid_en_o,
  output logic [19:0] olk_pasid_o,
  input  logic olk_rsp_valid_i,
  input  logic olk_ok_i,

  // other commands: pulses; mask and error are valid with pick_done_o
  input  logic pick_start_i,
  /// The operand is a bitmap, a PASID; neither: all queues.
  input  logic by_map_i,
  input  logic by_pasid_i,
  output logic pick_done_o,
  output logic [NumWq-1:0] pick_mask_o,
  /// The bitmap names a queue that is not enabled.
  output logic pick_off_o,
  /// The bitmap of the operand reaches past the last queue; from the operand alone.
  output logic map_beyond_o,

  // look-up of words 0 to 2 of a queue, answered one cycle later
  output logic [IdxW-1:0] look_idx_o,
  output logic [1:0] look_word_o,
  input  logic [63:0] look_data_i
);

  // ------------------------------------------------------------ bitmap operand
  // 16 bits of queue group 19:16 (dsa 3.1). A group may be partly or wholly past the last queue.
  localparam logic [3:0] PartGroup = 4'(NumWq / 16);
  localparam logic [15:0] PartBits = 16'hFFFF << (NumWq % 16);
  logic [15:0] map;
  logic [3:0]  map_group;

  assign map = operand_i[15:0];
  assign map_group = operand_i[19:16];
  assign map_beyond_o = (map_group > PartGroup) ? (map != '0) :
                        (map_group == PartGroup) && ((map & PartBits) != '0);

  // ------------------------------------------------------------ pick
  logic [7:0]       idx_q, past_q;        // past_q: what look_data_i tells of
  logic             run_q, past_v_q, done_q, off_q, pasid_hit, past_on, last;
  logic [NumWq-1:0] mask_q, past_hot, named, map_mask;

  always_comb begin
    for (int unsigned w = 0; w < NumWq; w++) begin
      past_hot[w] = (past_q == 8'(w));
      named[w] = (operand_i[7:0] == 8'(w));
      map_mask[w] = (map_group == 4'(w / 16)) && map[w % 16];
    end
  end
  assign named_o = named;
  assign past_on = |(enabled_i & past_hot);
  // Shared queues may hold anybody's work. look_data_i holds dwords 2 and 3.
  assign pasid_hit = past_on && (!look_data_i[siov_abi_pkg::WqcfgDedicatedLsb - 64] ||
      (look_data_i[siov_abi_pkg::WqcfgPasidEnLsb - 64] &&
       (look_data_i[siov_abi_pkg::WqcfgPasidLsb - 64 +: 20] == operand_i)));
  assign last = past_v_q && (past_q == 8'(NumWq - 1));

  always_ff @(posedge clk_i) begin
    if (!rst_ni || cancel_i) begin
      run_q <= 1'b0;
      past_v_q <= 1'b0;
      done_q <= 1'b0;
    end else begin
      run_q <= (pick_start_i && by_pasid_i) || (run_q && !last);
      past_v_q <= run_q && !last;
      done_q <= last || (pick_start_i && !by_pasid_i);
    end
    if (run_q) idx_q <= idx_q + 8'd1;
    else idx_q <= '0;
    past_q <= idx_q;
    if (pick_start_i) begin
      mask_q <= by_pasid_i ? '0 : by_map_i ? map_mask : '1;
      off_q <= by_map_i && ((map_mask & ~enabled_i) != '0);
    end else if (past_v_q && pasid_hit) begin
      mask_q <= mask_q | past_hot;
    end
  end
  assign pick_done_o = done_q;
  assign pick_mask_o = mask_q;
  assign pick_off_o = off_q;

  // ------------------------------------------------------------ Enable WQ
  logic       judge_q;
  logic [1:0] judge_word;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || cancel_i) judge_q <= 1'b0;
    else judge_q <= judge_start_i || (judge_q && !judge_done_o);
  end

  siov_enable_wq #(.Opcfg(Opcfg), .Ats(Ats)) u_judge (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .start_i(judge_start_i), .cancel_i(cancel_i), .done_o(judge_done_o), .err_o(judge_err_o),
    .occ_ok_o(occ_ok_o), .pasid_en_i(pasid_en_i), .pasid_priv_en_i(pasid_priv_en_i),
    .pri_en_i(pri_en_i),
    .not_disabled_i((not_disabled_i & named) != '0), .ops_bad_i((ops_bad_i & named) != '0),
    .look_word_o(judge_word), .look_data_i(look_data_i),
    .olk_valid_o(olk_valid_o), .olk_ims_o(olk_ims_o), .olk_handle_o(olk_handle_o),
    .olk_pasid_en_o(olk_pasid_en_o), .olk_pasid_o(olk_pasid_o),
    .olk_rsp_valid_i(olk_rsp_valid_i), .olk_ok_i(olk_ok_i)
  );

  // ------------------------------------------------------------ Enable Device
  logic [IdxW-1:0] scan_idx;

  siov_enable_scan #(
    .NumWq(NumWq), .NumGroups(NumGroups), .NumEngines(NumEngines), .WqEntries(WqEntries),
    .ReadBuffers(ReadBuffers)
  ) u_scan (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .start_i(scan_start_i), .done_o(scan_done_o), .err_o(scan_err_o), .wq_base_o(wq_base_o),
    .look_idx_o(scan_idx), .look_size_i(look_data_i[15:0]),
    .grp_wq_i(grp_wq_i), .grp_eng_i(grp_eng_i), .grp_beyond_i(grp_beyond_i),
    .grp_rb_rsv_i(grp_rb_rsv_i), .grp_rb_alw_i(grp_rb_alw_i), .grp_rb_glob_i(grp_rb_glob_i),
    .rb_limit_i(rb_limit_i)
  );

  // ------------------------------------------------------------ look-up
  assign look_idx_o = run_q ? idx_q[IdxW-1:0] : judge_q ? operand_i[IdxW-1:0] : scan_idx;
  assign look_word_o = run_q ? 2'd1 : judge_q ? judge_word : 2'd0;

endmodule
