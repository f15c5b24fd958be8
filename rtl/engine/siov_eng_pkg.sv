// SPDX-License-Identifier: Apache-2.0
// Types private to the engine: a checked descriptor (job) and the output commands of the walker.

package siov_eng_pkg;

  // Widths of siov_pkg::tx_req_t and swerr_t; Yosys 0.23 lets a package not use another one's
  // constants.
  // siov_eng_out checks that they agree.
  localparam int unsigned ReqW = 120;
  localparam int unsigned ErrW = 428;
  localparam int unsigned CmdDataW = 512;

  // What a job does. Errors found by the check travel as JobNone with a status.
  localparam logic [3:0] JobNone = 4'd0;      // nothing to move: no-op, drain, cache flush, errors
  localparam logic [3:0] JobCopy = 4'd1;
  localparam logic [3:0] JobFill = 4'd2;
  localparam logic [3:0] JobCompare = 4'd3;
  localparam logic [3:0] JobPattern = 4'd4;   // compare with a pattern
  localparam logic [3:0] JobDelta = 4'd5;     // create delta record
  localparam logic [3:0] JobApply = 4'd6;     // apply delta record
  localparam logic [3:0] JobDual = 4'd7;      // dualcast
  localparam logic [3:0] JobCrc = 4'd8;
  localparam logic [3:0] JobCopyCrc = 4'd9;
  localparam logic [3:0] JobDif = 4'd10;      // check, insert, strip, update: see the opcode
  localparam logic [3:0] JobBatch = 4'd11;    // goes to siov_eng_batch
  localparam logic [3:0] JobBatchEnd = 4'd12; // the record of a batch, behind its last member
  localparam logic [3:0] JobFlush = 4'd13;    // cache flush with translation: its pages are looked up

  typedef struct packed {
    logic [3:0]  op;
    logic [7:0]  status;        // StSuccess, or the error that ends the descriptor
    logic [23:0] bad_flags;     // record bytes 16..18 for status 0x11
    logic [31:0] err_info;      // error information for SWERROR and event log
    logic [7:0]  opcode;
    logic [63:0] src;           // source, source 1, delta record, list, or pattern
    logic [63:0] dst;           // destination, source 2, pattern of 06, or delta record to create
    logic [63:0] other;         // second destination, seed address, or source 2 of create delta
    logic [31:0] size;          // bytes of the source stream; members of a batch
    logic [31:0] aux;           // transfer size (apply delta), largest record (create delta), members processed (batch end)
    logic [191:0] info;         // descriptor bytes 40..63
    logic [3:0]  mods;          // flags 19:16
    logic        backward;      // overlapping copy that must run from the top
    logic [63:0] cr_addr;
    logic        write_cr_ok;   // record written on success
    logic        write_cr_err;  // record written when the status is an error
    logic        swerr_err;     // an error goes to SWERROR instead of (or, for 0x19, beside) the record
    logic        log_record;    // drain while the event log is on: the record goes there
    logic [1:0]  readback;      // zero-length reads before the record, success path only
    logic        irq;           // interrupt at the end
    logic        ims;
    logic [15:0] handle;
    logic        check_result;
    logic [2:0]  tc_src;
    logic [2:0]  tc_dst;
    logic [2:0]  tc_other;
    logic [2:0]  tc_cr;
    logic        pasid_en;
    logic [19:0] pasid;
    logic        priv;
    logic [7:0]  wq;
    logic        epoch;
    logic        member;        // of a batch
    logic [15:0] batch_index;
    logic [7:0]  batch_id;
    logic        ats;           // its requests are translated
    logic        prs;           // pages of list, record and readback may be asked for
    logic        block;         // pages of data too
  } job_t;
  localparam int unsigned JobW = 4 + 8 + 24 + 32 + 8 + 64 + 64 + 64 + 32 + 32 + 192 + 4 + 1 + 64 +
                                 1 + 1 + 1 + 1 + 2 + 1 + 1 + 16 + 1 + 3 + 3 + 3 + 3 + 1 + 20 + 1 +
                                 8 + 1 + 1 + 16 + 8 + 3;

  // What a step of siov_eng_steps covers.
  localparam logic [1:0] SegData = 2'd0;
  localparam logic [1:0] SegSeed = 2'd1;     // CRC seed in memory
  localparam logic [1:0] SegPi = 2'd2;       // protection information of a DIF block

  // Output commands, executed strictly in order.
  localparam logic [3:0] CmdRing = 4'd0;     // a write TLP whose payload lies in the ring
  localparam logic [3:0] CmdFill = 4'd1;     // a write TLP of a repeated 16-byte pattern
  localparam logic [3:0] CmdImm = 4'd2;      // a write TLP of one beat: record, protection information
  localparam logic [3:0] CmdEnd = 4'd3;      // interrupt, software error, done
  localparam logic [3:0] CmdSkip = 4'd4;     // free ring lines without using them
  localparam logic [3:0] CmdCompare = 4'd5;  // compare two blocks of ring lines, free both
  localparam logic [3:0] CmdPattern = 4'd6;  // compare ring lines with a pattern
  localparam logic [3:0] CmdDelta = 4'd7;    // two blocks of ring lines to the delta unit
  localparam logic [3:0] CmdApply = 4'd8;    // ring lines to the apply unit
  localparam logic [3:0] CmdDigest = 4'd9;   // ring lines to the CRC unit only
  localparam logic [3:0] CmdGrab = 4'd10;    // first 8 bytes of a ring line to the walker

  typedef struct packed {
    logic [3:0]   kind;
    logic [4:0]   beats;        // lines to send, free, or use (in each block), 1..16
    logic [9:0]   bytes;        // bytes that are meant, 1..512
    logic         keep;         // the lines are needed again
    logic         crc;          // the bytes also go to the CRC unit
    logic [ReqW-1:0] req;   // tx_req_t (Yosys 0.23 takes no struct of another package here)
    logic [CmdDataW-1:0] data;  // record, pattern in 127:0, or end_t
  } cmd_t;
  localparam int unsigned CmdW = 4 + 5 + 10 + 1 + 1 + ReqW + CmdDataW;

  typedef struct packed {
    logic               irq;
    logic               ims;
    logic [15:0]        handle;
    logic               swerr;
    logic [ErrW-1:0]    err;      // swerr_t
    logic [7:0]         wq;
    logic               epoch;
    logic               member;   // nothing of its queue ends with it
    logic               batch;    // batch unit counts it: member or batch end
  } end_t;
  localparam int unsigned EndW = 1 + 1 + 16 + 1 + ErrW + 8 + 1 + 1 + 1;

  // ---------------------------------------------------------------- translation
  // What a read request takes along to its translation.
  typedef struct packed {
    logic       ats;            // it needs one
    logic       block;          // a missing page may be asked for
    logic [7:0] wq;
    logic       epoch;
  } xl_attr_t;
  localparam int unsigned XlAttrW = 1 + 1 + 8 + 1;

  // What is to be translated, for whom.
  typedef struct packed {
    logic [51:0] page;
    logic        write;
    logic        pasid_en;
    logic [19:0] pasid;
    logic        priv;
    logic        block;
    logic [7:0]  wq;
    logic        epoch;
  } xl_key_t;
  localparam int unsigned XlKeyW = 52 + 1 + 1 + 20 + 1 + 1 + 8 + 1;

  // Why there is none: the status of a data access is 03, 04, 22.
  localparam logic [1:0] XlNoPage = 2'd0;     // no such right, and not asked for
  localparam logic [1:0] XlNoMore = 2'd1;     // page request answered Invalid, or too many
  localparam logic [1:0] XlBroken = 2'd2;     // translation UR, CA, timeout; page request failed

  // What the walker hears about a page.
  typedef struct packed {
    logic        ready;
    logic        fault;
    logic [1:0]  reason;
    logic        untranslated;
    logic [51:0] page;
  } xl_got_t;

  // The access at which a job ended.
  localparam logic [2:0] OperandSrc = 3'd1;   // source, source 1, list, readback 1
  localparam logic [2:0] OperandSrc2 = 3'd2;  // source 2, seed, readback 2
  localparam logic [2:0] OperandDst = 3'd3;
  localparam logic [2:0] OperandDst2 = 3'd4;
  localparam logic [2:0] OperandRecord = 3'd5;
  typedef struct packed {
    logic        valid;
    logic        write;
    logic [1:0]  reason;
    logic [2:0]  operand;
    logic [51:0] page;
    logic [31:0] done;          // bytes completed; delta units know their own
  } fault_t;

endpackage
