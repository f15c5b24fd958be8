// SPDX-License-Identifier: Apache-2.0
// Types private to the engine: a checked descriptor (job) and the output commands of the walker.

package siov_eng_pkg;

  // Widths of siov_pkg::tx_req_t and swerr_t; Yosys 0.23 lets a package not use another one's
  // constants.
  // siov_eng_out checks that they agree.
  localparam int unsigned ReqW = 118;
  localparam int unsigned ErrW = 428;
  localparam int unsigned CmdDataW = 512;

  // What a job does. Errors found by the check travel as JobNone with a status.
  localparam logic [1:0] JobNone = 2'd0;
  localparam logic [1:0] JobCopy = 2'd1;
  localparam logic [1:0] JobFill = 2'd2;
  localparam logic [1:0] JobCompare = 2'd3;

  typedef struct packed {
    logic [1:0]  op;
    logic [7:0]  status;        // StSuccess, or the error that ends the descriptor
    logic [23:0] bad_flags;     // record bytes 16..18 for status 0x11
    logic [7:0]  opcode;
    logic [63:0] src;           // source, source 1, or fill pattern
    logic [63:0] dst;           // destination, or source 2
    logic [31:0] size;          // bytes
    logic        backward;      // overlapping copy that must run from the top
    logic [63:0] cr_addr;
    logic        write_cr_ok;   // record written on success
    logic        write_cr_err;  // record written when the status is an error
    logic        swerr_err;     // an error goes to SWERROR instead of (or, for 0x19, beside) the record
    logic        irq;           // interrupt at the end
    logic        ims;
    logic [15:0] handle;
    logic        check_result;
    logic        expected;
    logic [2:0]  tc_src;
    logic [2:0]  tc_dst;
    logic [2:0]  tc_cr;
    logic        pasid_en;
    logic [19:0] pasid;
    logic        priv;
    logic [7:0]  wq;
    logic        epoch;
  } job_t;
  localparam int unsigned JobW = 2 + 8 + 24 + 8 + 64 + 64 + 32 + 1 + 64 + 1 + 1 + 1 + 1 + 1 + 16 +
                                 1 + 1 + 3 + 3 + 3 + 1 + 20 + 1 + 8 + 1;

  // Output commands, executed strictly in order.
  localparam logic [2:0] CmdRing = 3'd0;     // a write TLP whose payload lies in the ring
  localparam logic [2:0] CmdFill = 3'd1;     // a write TLP of a repeated 8-byte pattern
  localparam logic [2:0] CmdRecord = 3'd2;   // the completion record
  localparam logic [2:0] CmdEnd = 3'd3;      // interrupt, software error, done
  localparam logic [2:0] CmdSkip = 3'd4;     // free ring lines without sending them
  localparam logic [2:0] CmdCompare = 3'd5;  // compare two blocks of ring lines, free both

  typedef struct packed {
    logic [2:0]   kind;
    logic [4:0]   beats;        // lines to send, free, or compare in each block, 1..16
    logic [9:0]   bytes;        // compare: bytes in the block, 1..512
    logic [ReqW-1:0] req;   // tx_req_t (Yosys 0.23 takes no struct of another package here)
    logic [CmdDataW-1:0] data;  // record, fill pattern in 63:0, or end_t
  } cmd_t;
  localparam int unsigned CmdW = 3 + 5 + 10 + ReqW + CmdDataW;

  typedef struct packed {
    logic               irq;
    logic               ims;
    logic [15:0]        handle;
    logic               swerr;
    logic [ErrW-1:0] err;   // swerr_t
    logic [7:0]         wq;
    logic               epoch;
  } end_t;
  localparam int unsigned EndW = 1 + 1 + 16 + 1 + ErrW + 8 + 1;

endpackage
