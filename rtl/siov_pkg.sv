// SPDX-License-Identifier: Apache-2.0
// Types that cross folder boundaries inside the device, and the numbers they depend on.
//
// Constants marked public are compared with the C++ side in tests/unit/abi_cross_check.cpp.
// Everything here is hand-written; software-visible numbers live in siov_abi_pkg (generated).
// Arrays of structs never appear (Yosys 0.23 misreads them): per-queue or per-engine values
// travel as flat
// vectors of $bits-sized slices and go through a struct temporary.

package siov_pkg;

  // ---------------------------------------------------------------- link
  localparam int unsigned DataBytes /*verilator public*/ = 64;   // one beat
  localparam int unsigned DataBits = 8 * DataBytes;

  // TLP Fmt:Type first bytes (PCIe 6.3 table 2-3), 3 DW forms; bit 5 of the byte selects the 4
  // DW form.
  localparam logic [7:0] TlpMRd /*verilator public*/ = 8'h00;
  localparam logic [7:0] TlpMWr /*verilator public*/ = 8'h40;
  localparam logic [7:0] TlpCfgRd0 /*verilator public*/ = 8'h04;
  localparam logic [7:0] TlpCfgWr0 /*verilator public*/ = 8'h44;
  localparam logic [7:0] TlpCpl /*verilator public*/ = 8'h0A;
  localparam logic [7:0] TlpCplD /*verilator public*/ = 8'h4A;
  localparam logic [7:0] TlpDMWr /*verilator public*/ = 8'h5B;
  localparam logic [7:0] TlpMsg /*verilator public*/ = 8'h30;      // to the root complex
  localparam logic [7:0] TlpMsgId = 8'h32;                         // routed by ID; with data 72h
  localparam logic [7:0] PrefixPasid /*verilator public*/ = 8'h91;

  // Completion status (PCIe 6.3 2.2.9.1)
  localparam logic [2:0] CplSc /*verilator public*/ = 3'b000;
  localparam logic [2:0] CplUr /*verilator public*/ = 3'b001;
  localparam logic [2:0] CplRrs /*verilator public*/ = 3'b010;
  localparam logic [2:0] CplCa /*verilator public*/ = 3'b100;

  // Tags of reads. Up to 4 engines share what the configuration allows (PCIe 6.3 2.2.6.2); n counts the tags of one engine:
  //   Device Control 2 bit 12 (10-bit tags)  LongTags   {n[7:6] + 1, engine, n[5:0]}: bits 9:8 are never 00
  //   else Device Control bit 8 (8-bit tags) ByteTags   {00, engine, n[5:0]}
  //   else (5-bit tags)                      ShortTags  {00000, engine, n[2:0]}
  localparam int unsigned LongTags = 192;
  localparam int unsigned ByteTags = 64;
  localparam int unsigned ShortTags = 8;

  function automatic logic [9:0] tag_on_link(input logic long_tags, input logic byte_tags,
      input logic [1:0] engine, input logic [7:0] n);
    tag_on_link = {5'b0, engine, n[2:0]};
    if (long_tags) tag_on_link = {n[7:6] + 2'd1, engine, n[5:0]};
    else if (byte_tags) tag_on_link = {2'b00, engine, n[5:0]};
  endfunction

  // {engine, n} of a tag; engine 4 for a tag that no engine uses in this mode.
  function automatic logic [10:0] tag_owner(input logic long_tags, input logic byte_tags,
      input logic [9:0] tag);
    tag_owner = {(tag[9:5] == '0) ? {1'b0, tag[4:3]} : 3'd4, 5'b0, tag[2:0]};
    if (long_tags) tag_owner = {(tag[9:8] != '0) ? {1'b0, tag[7:6]} : 3'd4, tag[9:8] - 2'd1, tag[5:0]};
    else if (byte_tags) tag_owner = {(tag[9:8] == '0) ? {1'b0, tag[7:6]} : 3'd4, 2'b00, tag[5:0]};
  endfunction

  // {yes, slot} of a tag that translation requests use while ATS is on: of engine slot[3:2] (whether or
  // not it is there) the last four numbers, with 5-bit tags the last one (slots 0, 4, 8, 12).
  function automatic logic [4:0] tag_xl(input logic long_tags, input logic byte_tags,
      input logic [9:0] tag);
    logic [10:0] owner;
    owner = tag_owner(long_tags, byte_tags, tag);
    tag_xl = {!owner[10] && (owner[7:0] == 8'd7), owner[9:8], 2'b00};
    if (long_tags) tag_xl = {!owner[10] && (owner[7:2] == 6'd47), owner[9:8], owner[1:0]};
    else if (byte_tags) tag_xl = {!owner[10] && (owner[7:2] == 6'd15), owner[9:8], owner[1:0]};
  endfunction

  // What the configuration space tells the rest of the device.
  typedef struct packed {
    logic        tag10_en;       // 10-bit tags
    logic [15:0] bdf;            // captured bus and device, own function 0
    logic        mse;            // memory space enable
    logic        bme;            // bus master enable
    logic        ro_en;          // relaxed ordering enable
    logic        ns_en;          // no-snoop enable
    logic        ext_tag_en;     // 8-bit tags
    logic [2:0]  mps;            // payload limit is 128 << mps bytes
    logic [2:0]  mrrs;           // read request limit is 128 << mrrs bytes
    logic        cto_disable;    // completion timeout switched off
    logic        pasid_en;
    logic        pasid_priv_en;
    logic        msix_en;
    logic        msix_fmask;     // MSI-X function mask
    logic        ats_en;         // address translation services
    logic        pri_en;         // page requests; only with ats_en
  } cfg_t;

  // A memory request that the device wants to send; siov_tx makes header and prefix of it.
  typedef struct packed {
    logic [63:0] addr;           // byte address, bits 1:0 zero
    logic [9:0]  length;         // DW, 0 = 1024
    logic [3:0]  first_be;
    logic [3:0]  last_be;
    logic [2:0]  tc;
    logic        ro;             // wish; siov_tx masks it with the enable bit
    logic        pasid_valid;
    logic [19:0] pasid;
    logic        priv;           // privileged mode requested
    logic [9:0]  tag;
    logic [1:0]  at;             // 00 untranslated, 01 translation request, 10 translated (PCIe 6.3 2.2.4.1)
  } tx_req_t;
  localparam int unsigned TxReqW = 64 + 10 + 4 + 4 + 3 + 1 + 1 + 20 + 1 + 10 + 2;
  localparam int unsigned TxReqPasidValidLsb = 33;
  localparam int unsigned TxReqAtLsb = 0;

  // A completion that the device owes its host (configuration, register or portal access).
  typedef struct packed {
    logic [2:0]  status;
    logic        has_data;
    logic        two_dw;         // payload is 8 bytes, else 4
    logic [11:0] byte_count;
    logic [6:0]  lower_addr;
    logic [15:0] requester;
    logic [9:0]  tag;
    logic [2:0]  tc;
    logic [2:0]  attr;           // {IDO, RO, NS} copied from the request
    logic [63:0] data;
  } cpl_out_t;
  localparam int unsigned CplOutW = 3 + 1 + 1 + 12 + 7 + 16 + 10 + 3 + 3 + 64;

  // Header of a completion that came back for one of our reads.
  typedef struct packed {
    logic [9:0]  tag;
    logic [2:0]  status;
    logic        has_data;
    logic        ep;             // poisoned
    logic [9:0]  length;         // DW
    logic [11:0] byte_count;     // 0 = 4096
    logic [6:0]  lower_addr;
    logic        bad;            // requester id does not match: unexpected completion
  } cpl_in_t;

  // ---------------------------------------------------------------- translation (docs/architecture.md 1.8)
  localparam logic [2:0] XlOk = 3'd0;
  localparam logic [2:0] XlMiss = 3'd1;
  localparam logic [2:0] XlBusy = 3'd2;
  localparam logic [2:0] XlFault = 3'd3;
  localparam logic [2:0] XlError = 3'd4;
  localparam logic [2:0] XlPageOk = 3'd5;
  localparam logic [2:0] XlPageInvalid = 3'd6;
  localparam logic [2:0] XlPageFailure = 3'd7;
  localparam int unsigned XlSlots = 16;      // translation requests outstanding

  // What an engine asks for.
  typedef struct packed {
    logic [51:0] page;           // address bits 63:12
    logic        write;          // the access writes
    logic        pasid_en;
    logic [19:0] pasid;
    logic        priv;
    logic        ask_page;       // a page request, else a translation
    logic [5:0]  id;
  } xl_req_t;
  localparam int unsigned XlReqW = 52 + 1 + 1 + 20 + 1 + 1 + 6;

  // What all engines hear.
  typedef struct packed {
    logic        done;           // end of a slot, else the answer to a request
    logic [1:0]  engine;
    logic [5:0]  id;
    logic [4:0]  slot;
    logic [2:0]  code;
    logic [51:0] page;           // translated address bits 63:12, of the 4 KiB page that was asked for
    logic        untranslated;   // U: use the address as it was, with PASID
    logic        write;          // may be used for writing
  } xl_ans_t;
  localparam int unsigned XlAnsW = 1 + 2 + 6 + 5 + 3 + 52 + 1 + 1;

  // A message that the device sends: Page Request or Invalidate Completion.
  typedef struct packed {
    logic        page_request;
    logic [31:0] dw2;
    logic [31:0] dw3;
    logic        pasid_valid;
    logic [19:0] pasid;
    logic        priv;
  } pm_out_t;
  localparam int unsigned PmOutW = 1 + 32 + 32 + 1 + 20 + 1;

  // A message that the device gets: Invalidate Request or PRG Response.
  typedef struct packed {
    logic        invalidate;
    logic [15:0] requester;
    logic [4:0]  itag;
    logic        pasid_valid;
    logic [19:0] pasid;
    logic [63:0] data;           // of an Invalidate Request, payload byte 0 in bits 63:56
    logic [8:0]  group;
    logic [3:0]  code;
  } vm_in_t;
  localparam int unsigned VmInW = 1 + 16 + 5 + 1 + 20 + 64 + 9 + 4;

  // A 64-byte write to a portal, already matched to BAR2.
  typedef struct packed {
    logic        deferrable;     // DMWr, else posted write
    logic        whole;          // 64 bytes, 64-byte aligned, all byte enables
    logic [7:0]  wq;             // portal index = BAR2 offset / 16 KiB
    logic        ims;            // page bit 13: handles name IMS entries
    logic        limited;        // page bit 12: obey the threshold
  } portal_t;

  // ---------------------------------------------------------------- queues
  // Configuration and state of one work queue (WQCFG, dsa 2.9).
  typedef struct packed {
    logic        accept;         // enabled, device enabled, not stopping
    logic [15:0] base;           // first entry in the shared storage
    logic [15:0] size;           // entries
    logic [15:0] threshold;
    logic        dedicated;
    logic        bof_en;
    logic [3:0]  prio;
    logic        pasid_en;
    logic [19:0] pasid;
    logic        priv;
    logic [4:0]  max_xfer;       // log2 bytes
    logic [3:0]  max_batch;      // log2 members
    logic        ats_dis;        // no translation requests for this queue
    logic        prs_dis;        // no page requests for this queue
  } wq_cfg_t;
  localparam int unsigned WqCfgW = 1 + 16 + 16 + 16 + 1 + 1 + 4 + 1 + 20 + 1 + 5 + 4 + 1 + 1;
  // Bit positions for readers that pick one field of every queue (a struct inside a generate
  // loop confuses Yosys 0.23).
  localparam int unsigned WqCfgPrioLsb = 33;
  localparam int unsigned WqCfgSizeLsb = 55;
  localparam int unsigned WqCfgAcceptLsb = 87;

  // Opcodes that exist in this device: 0x00..0x20; a mask of them has this width.
  localparam int unsigned OpsW = 33;

  // A descriptor on its way from a queue to an engine, with what the queue adds to it.
  typedef struct packed {
    logic [511:0] desc;          // byte 0 in bits 7:0
    logic [7:0]   wq;
    logic         epoch;         // drain generation, see siov_wq
    logic         ims;           // portal page used
    logic         dedicated;
    logic         bof_en;
    logic         pasid_en;      // DMA carries a PASID
    logic [19:0]  pasid;
    logic         priv;
    logic [4:0]   max_xfer;
    logic [3:0]   max_batch;
    logic [2:0]   tc_a;
    logic [2:0]   tc_b;
    logic         ats;           // requests are translated (docs/architecture.md 1.8)
    logic         prs;           // pages may be asked for
    logic         handle_ok;     // interrupt handle passed the permission check (dsa 2.10)
    logic [OpsW-1:0] ops;        // operations this queue may run: OPCAP and OPCFG
  } disp_t;
  localparam int unsigned DispW = 512 + 8 + 1 + 1 + 1 + 1 + 1 + 20 + 1 + 5 + 4 + 3 + 3 + 1 + 1 + 1 + OpsW;

  // ---------------------------------------------------------------- errors
  // One entry for SWERROR (dsa 2.7) or the event log (dsa 2.11).
  typedef struct packed {
    logic         evl;           // goes to the event log while that is enabled
    logic         info_valid;
    logic [31:0]  info;          // error information, bits 63:32 of quadword 1
    logic [7:0]   batch_id;
    logic         cr_valid;      // cr holds the completion record that was not, or cannot be, relied on in memory
    logic [255:0] cr;
    logic [7:0]  code;
    logic        desc_valid;     // descriptor information valid
    logic        wq_valid;
    logic        batch;
    logic        write;
    logic        priv;
    logic [7:0]  wq;
    logic [7:0]  opcode;
    logic [19:0] pasid;
    logic [15:0] batch_index;
    logic [63:0] addr;
  } swerr_t;
  localparam int unsigned SwerrCodeLsb = 64 + 16 + 20 + 8 + 8 + 5;   // of field code
  localparam int unsigned SwerrW = 1 + 1 + 32 + 8 + 1 + 256 + 8 + 1 + 1 + 1 + 1 + 1 + 8 + 8 + 20 + 16 + 64;

endpackage
