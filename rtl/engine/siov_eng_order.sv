// SPDX-License-Identifier: Apache-2.0
// The command that the walker gives to siov_eng_out in its present state: which kind, and for write
// TLPs the request with its byte enables, address and traffic class. Combinational.
// A TLP whose page has been translated goes to that address, AT = 10, without PASID.

module siov_eng_order (
  input  siov_eng_pkg::job_t    job_i,
  // the walker's state; none: the end of the job
  input  logic                  tlp_i,
  input  logic                  block_i,
  input  logic                  grab_i,
  input  logic                  pi_i,           /// protection information
  input  logic                  record_i,
  input  logic                  skip_i,         /// nothing is used or written any more
  input  logic                  writes_i,       /// the segments' data goes to memory
  input  logic                  second_i,       /// dualcast: second destination; information: second part
  // TLP, or protection information
  input  logic [63:0]           addr_i,
  input  logic [1:0]            lane_i,
  input  logic [9:0]            bytes_i,
  input  logic [9:0]            block_bytes_i,
  input  logic [3:0]            rot_i,          /// pattern phase of lane 0
  input  logic                  split_i,        /// the information crosses a page
  input  logic [2:0]            pi_head_i,      /// address bits 2:0 of it
  input  logic [63:0]           pi_data_i,
  input  logic                  paged_i,        /// it has a translation:
  input  siov_eng_pkg::xl_got_t got_i,
  input  siov_eng_pkg::xl_got_t got_record_i,
  input  logic [255:0]          record_data_i,
  input  siov_eng_pkg::end_t    fin_i,
  output siov_eng_pkg::cmd_t    cmd_o
);
  siov_eng_pkg::cmd_t cmd;
  siov_pkg::tx_req_t  req;
  logic [127:0]       pat, pattern;
  logic [9:0]         span;
  logic [7:0]         dws;
  logic [3:0]         be_head, be_tail;
  logic [2:0]         pi_first;        // bytes in front of the page's end
  logic               other, xl, is_fill, is_pat, is_dual;

  always_comb begin
    is_fill = job_i.op == siov_eng_pkg::JobFill;
    is_pat = job_i.op == siov_eng_pkg::JobPattern;
    is_dual = job_i.op == siov_eng_pkg::JobDual;
    other = is_dual && second_i;
    span = bytes_i + {8'd0, lane_i};
    dws = 8'((span + 10'd3) >> 2);
    be_head = 4'hF << lane_i;
    be_tail = (span[1:0] == 2'd0) ? 4'hF : 4'hF >> (3'd4 - {1'b0, span[1:0]});
    pi_first = 3'd0 - pi_head_i;
    pat = {job_i.src, job_i.src};
    if (job_i.mods[2]) pat = {job_i.info[63:0], job_i.src};
    if (is_pat) pat = {job_i.dst, job_i.dst};
    pattern = (pat >> {rot_i, 3'd0}) | (pat << (8'd128 - {1'b0, rot_i, 3'd0}));
    cmd = '0;
    req = '0;
    req.addr = {addr_i[63:2], 2'd0};
    req.length = {2'd0, dws};
    req.first_be = (dws == 8'd1) ? (be_head & be_tail) : be_head;
    req.last_be = (dws == 8'd1) ? 4'h0 : be_tail;
    req.tc = other ? job_i.tc_other : job_i.tc_dst;
    req.pasid_valid = job_i.pasid_en;
    req.pasid = job_i.pasid;
    req.priv = job_i.priv;
    cmd.beats = 5'((span + 10'd63) >> 6);
    cmd.bytes = bytes_i;
    cmd.crc = job_i.op == siov_eng_pkg::JobCrc || job_i.op == siov_eng_pkg::JobCopyCrc ||
              job_i.op == siov_eng_pkg::JobDif;
    if (tlp_i) begin
      cmd.kind = is_fill ? siov_eng_pkg::CmdFill
               : (job_i.op == siov_eng_pkg::JobApply) ? siov_eng_pkg::CmdApply
               : is_pat ? siov_eng_pkg::CmdPattern : writes_i ? siov_eng_pkg::CmdRing
               : siov_eng_pkg::CmdDigest;
      cmd.keep = is_dual && !second_i;
      if (skip_i) cmd.kind = siov_eng_pkg::CmdSkip;
      cmd.data[127:0] = pattern;
    end else if (block_i) begin
      cmd.kind = (job_i.op == siov_eng_pkg::JobDelta) ? siov_eng_pkg::CmdDelta : siov_eng_pkg::CmdCompare;
      cmd.bytes = block_bytes_i;
      cmd.beats = 5'((block_bytes_i + 10'd63) >> 6);
      if (skip_i) begin
        cmd.kind = siov_eng_pkg::CmdSkip;
        cmd.beats = cmd.beats << 1;
      end
    end else begin
      cmd.beats = 5'd1;
      cmd.kind = siov_eng_pkg::CmdEnd;
      cmd.data[siov_eng_pkg::EndW-1:0] = fin_i;
      if (grab_i) cmd.kind = skip_i ? siov_eng_pkg::CmdSkip : siov_eng_pkg::CmdGrab;
      if (pi_i || record_i) begin
        cmd.kind = siov_eng_pkg::CmdImm;
        cmd.data = '0;
      end
      if (pi_i) begin
        cmd.data[95:0] = {32'd0, (split_i && second_i) ? pi_data_i >> {pi_first, 3'd0} : pi_data_i}
                         << {lane_i, 3'd0};
      end
      if (record_i) begin
        req.addr = job_i.cr_addr;
        req.length = 10'd8;
        req.first_be = 4'hF;
        req.last_be = 4'hF;
        req.tc = job_i.tc_cr;
        cmd.data[255:0] = record_data_i;
      end
    end
    xl = record_i ? job_i.ats && !got_record_i.untranslated : paged_i && !skip_i && !got_i.untranslated;
    if (xl) begin
      req.addr[63:12] = record_i ? got_record_i.page : got_i.page;
      req.at = 2'b10;
      req.pasid_valid = 1'b0;
      req.pasid = '0;
      req.priv = 1'b0;
    end
    cmd.req = req;
  end
  assign cmd_o = cmd;

  logic unused_ok;
  assign unused_ok = ^{job_i, got_i, got_record_i, addr_i[1:0], 1'b0};

endmodule
