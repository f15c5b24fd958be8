// SPDX-License-Identifier: Apache-2.0
// Configuration space: type 0 header, PCI Express, MSI-X, power management, AER (siov_aer), SIOV
// DVSEC, ATS, PASID, PRI.
//
// Left out of dsa.md 1.3: LTR, TPH, virtual channels. A device without ATS has neither the ATS nor the
// PRI capability. PRI counts as on only while ATS is (dsa 1.4); Stopped reads 0 while PRI is enabled, where it
// means nothing. Enabling PRI clears its status. PRI reset is taken only by a write that leaves PRI disabled.
// Interrupt entries live in BAR0, not here.
// Access: one a cycle, data one cycle later, always accepted. A write of Initiate FLR answers
// first: flr_o comes in the cycle after the completion was accepted (cpl_sent_i), and until it is
// over hold_o stops further non-posted requests.
// Kept through FLR: AER, captured bus and device, Max_Payload_Size. In D3hot memory space and bus
// mastering count as off.
// @spec dsa 1, siov 1.1, PCIe-6.3 7.5, 7.7, 6.6.2 (FLR), 10.5 (ATS, PRI)

`include "siov_assert.svh"

module siov_cfg #(
  /// log2 of the sizes of BAR0 and BAR2 [bytes].
  parameter int unsigned Bar0Bits = 16,
  parameter int unsigned Bar2Bits = 17,
  /// Where MSI-X table and pending bits lie in BAR0, multiples of 8 [bytes].
  parameter bit [31:0] MsixTable = 32'h0000_2000,
  parameter bit [31:0] MsixPba = 32'h0000_3000,
  /// The device sends and answers 10-bit tags.
  parameter bit LongTags = 1'b0,
  /// ATS and PRI exist.
  parameter bit Ats = 1'b1,
  /// MSI-X vectors, 1 to 2048.
  parameter int unsigned NumVectors = 9,
  /// Interrupt message storage exists (DVSEC capabilities bit 0).
  parameter bit ImsSupported = 1'b1
) (
  input  logic clk_i,
  input  logic rst_ni,

  // access (siov_dispatch)
  input  logic cs_valid_i,
  input  logic cs_write_i,
  input  logic [9:0] cs_dw_i,
  input  logic [3:0] cs_be_i,
  input  logic [31:0] cs_wdata_i,
  input  logic [12:0] cs_bus_dev_i,
  output logic [31:0] cs_rdata_o,
  input  logic cpl_sent_i,
  output logic hold_o,

  // what the device is told
  output siov_pkg::cfg_t cfg_o,
  output logic [63:0] bar0_o,
  output logic [63:0] bar2_o,
  /// One cycle: function-level reset of everything else.
  output logic flr_o,
  /// Page requests that may be outstanding, as software says; a number in 1 to the capacity.
  output logic [31:0] pri_alloc_o,
  output logic pri_alloc_ok_o,
  /// One cycle: forget the state of page requests (PRI control bit 1).
  output logic pri_reset_o,
  /// Smallest translation unit, log2 [4 KiB].
  output logic [4:0] stu_o,
  /// No page request is outstanding; one cycle each: a response said failure, or named no group of ours.
  input  logic pri_stopped_i,
  input  logic pri_failure_i,
  input  logic pri_unexpected_i,
  /// Reads of ours are unanswered (Device Status bit 5).
  input  logic pending_i,

  // errors, one cycle each (siov_aer)
  input  logic p_ur_i,
  input  logic p_ca_i,
  input  logic p_poisoned_i,
  input  logic p_malformed_i,
  input  logic [127:0] p_hdr_i,
  input  logic p_prefix_valid_i,
  input  logic [31:0] p_prefix_i,
  input  logic np_ur_i,
  input  logic np_ca_i,
  input  logic np_poisoned_i,
  input  logic np_malformed_i,
  input  logic [127:0] np_hdr_i,
  input  logic np_prefix_valid_i,
  input  logic [31:0] np_prefix_i,
  input  logic cpl_unexpected_i,
  input  logic cpl_poisoned_i,
  input  logic cpl_malformed_i,
  input  logic [127:0] cpl_hdr_i,
  input  logic timeout_i,
  input  logic stray_i,
  /// Completions that came back for us with UR and CA.
  input  logic cpl_got_ur_i,
  input  logic cpl_got_ca_i
);

  // ---------------------------------------------------------------- map (double words)
  localparam logic [9:0] DwId = 10'h000;
  localparam logic [9:0] DwCommand = 10'h001;
  localparam logic [9:0] DwClass = 10'h002;
  localparam logic [9:0] DwCacheLine = 10'h003;
  localparam logic [9:0] DwBar0Low = 10'h004;
  localparam logic [9:0] DwBar0High = 10'h005;
  localparam logic [9:0] DwBar2Low = 10'h006;
  localparam logic [9:0] DwBar2High = 10'h007;
  localparam logic [9:0] DwSubsystem = 10'h00B;
  localparam logic [9:0] DwCapPointer = 10'h00D;
  localparam logic [9:0] DwInterrupt = 10'h00F;
  localparam logic [9:0] DwPcie = 10'h010;        // 0x40
  localparam logic [9:0] DwDevCap = 10'h011;
  localparam logic [9:0] DwDevCtl = 10'h012;
  localparam logic [9:0] DwDevCap2 = 10'h019;     // 0x64
  localparam logic [9:0] DwDevCtl2 = 10'h01A;
  localparam logic [9:0] DwMsix = 10'h020;        // 0x80
  localparam logic [9:0] DwMsixTable = 10'h021;
  localparam logic [9:0] DwMsixPba = 10'h022;
  localparam logic [9:0] DwPm = 10'h024;          // 0x90
  localparam logic [9:0] DwPmCsr = 10'h025;
  localparam logic [9:0] DwAer = 10'h040;         // 0x100, 18 double words
  localparam logic [9:0] DwDvsec = 10'h080;       // 0x200
  localparam logic [9:0] DwDvsecVendor = 10'h081;
  localparam logic [9:0] DwDvsecId = 10'h082;
  localparam logic [9:0] DwPagesSupported = 10'h083;
  localparam logic [9:0] DwPageSize = 10'h084;
  localparam logic [9:0] DwDvsecCaps = 10'h085;
  localparam logic [9:0] DwAts = 10'h088;         // 0x220
  localparam logic [9:0] DwAtsCtl = 10'h089;
  localparam logic [9:0] DwPasid = 10'h08C;       // 0x230
  localparam logic [9:0] DwPasidCtl = 10'h08D;
  localparam logic [9:0] DwPri = 10'h090;         // 0x240
  localparam logic [9:0] DwPriCtl = 10'h091;
  localparam logic [9:0] DwPriCapacity = 10'h092;
  localparam logic [9:0] DwPriAllocation = 10'h093;

  // ---------------------------------------------------------------- constant contents
  localparam logic [31:0] Id = 32'h0B25_8086;
  localparam logic [31:0] Class = 32'h0880_0000;
  localparam logic [31:0] Subsystem = 32'h0000_8086;
  localparam logic [31:0] CapPointer = 32'h0000_0040;
  localparam logic [31:0] PcieHeader = 32'h0092_8010;       // version 2, RCiEP, next 0x80
  // FLR, role-based errors, 8-bit tags, 512 B
  localparam logic [31:0] DevCap = 32'h1000_8022;
  // DMWr completer, one prefix, 10-bit tags (requester and completer), timeout disable
  localparam logic [31:0] DevCap2 = LongTags ? 32'h1073_0010 : 32'h1070_0010;
  localparam logic [15:0] MsixHeader = 16'h9011;            // next 0x90
  localparam logic [31:0] PmHeader = 32'h0003_0001;         // version 3, no PME, last
  localparam logic [31:0] AerHeader = 32'h2002_0001;        // next 0x200
  localparam logic [31:0] DvsecHeader = Ats ? 32'h2201_0023 : 32'h2301_0023;   // next 0x220 or 0x230
  localparam logic [31:0] DvsecVendor = 32'h0181_8086;      // length 24, revision 1
  // dependency link to function 0 (itself), H = 0
  localparam logic [31:0] DvsecId = 32'h0000_0005;
  localparam logic [31:0] Pages4K = 32'h0000_0001;
  localparam logic [31:0] AtsHeader = 32'h2301_000F;        // next 0x230
  // global invalidate, page aligned, queue depth 32
  localparam logic [15:0] AtsCap = 16'h0060;
  localparam logic [31:0] PasidHeader = Ats ? 32'h2401_001B : 32'h0001_001B;   // next 0x240 or last
  localparam logic [15:0] PasidCap = 16'h1404;              // 20 bits, privileged mode
  localparam logic [31:0] PriHeader = 32'h0001_0013;        // last
  localparam logic [31:0] PriCapacity = 32'h0000_0200;      // as many as group indexes
  localparam logic [3:0] BarKind = 4'hC;                    // 64-bit, prefetchable
  // Device Control: bits that can be written (FLR apart), value after reset.
  localparam logic [15:0] DevCtlWritable = 16'h79FF;
  localparam logic [15:0] DevCtlReset = 16'h2910;
  localparam logic [2:0] MaxMps = 3'd2;
  localparam logic [2:0] MaxMrrs = 3'd5;

  // ---------------------------------------------------------------- state
  logic [12:0] bus_dev_q;
  logic mse_q, bme_q, parity_q, serr_q;
  logic dpe_q, rma_q, rta_q, sta_q, mdpe_q;
  logic [7:0] cache_line_q, int_line_q;
  logic [63:Bar0Bits] bar0_q;
  logic [63:Bar2Bits] bar2_q;
  logic [15:0] dev_ctl_q;
  logic [3:0] dev_sta_q;
  logic [4:0] dev_ctl2_q;
  logic tag10_q;
  logic msix_en_q, msix_fmask_q, d3_q;
  logic [4:0] stu_q;
  logic ats_en_q, pri_en_q, pri_stopped, pri_failed_q, pri_stray_q, pri_reset_q;
  logic pasid_en_q, pasid_priv_q;
  logic [31:0] pri_allocation_q;
  logic flr_pending_q, flr_q;

  // ---------------------------------------------------------------- access
  logic we;
  logic [31:0] wmask, w;
  logic [31:0] rdata, aer_rdata;
  logic [31:0] bar0_low, bar2_low, dev_ctl_new, bar0_low_new, bar2_low_new, bar0_high_new,
      bar2_high_new;
  logic aer_hit;
  logic [3:0] dev_sta_set;
  logic [9:0] aer_dw;

  assign we = cs_valid_i && cs_write_i;
  assign wmask = {{8{cs_be_i[3]}}, {8{cs_be_i[2]}}, {8{cs_be_i[1]}}, {8{cs_be_i[0]}}};
  assign w = cs_wdata_i & wmask;
  assign aer_dw = cs_dw_i - DwAer;
  assign aer_hit = aer_dw < 10'd18;

  assign bar0_low = {bar0_q[31:Bar0Bits], {(Bar0Bits - 4){1'b0}}, BarKind};
  assign bar2_low = {bar2_q[31:Bar2Bits], {(Bar2Bits - 4){1'b0}}, BarKind};
  assign bar0_low_new = (bar0_low & ~wmask) | w;
  assign bar0_high_new = (bar0_q[63:32] & ~wmask) | w;
  assign bar2_low_new = (bar2_low & ~wmask) | w;
  assign bar2_high_new = (bar2_q[63:32] & ~wmask) | w;
  assign dev_ctl_new = ({16'b0, dev_ctl_q} & ~wmask) | w;

  always_comb begin
    case (cs_dw_i)
      DwId: rdata = Id;
      DwCommand: rdata = {dpe_q, 1'b0, rma_q, rta_q, sta_q, 2'b00, mdpe_q, 8'h10,
                          7'b0, serr_q, 1'b0, parity_q, 3'b0, bme_q, mse_q, 1'b0};
      DwClass: rdata = Class;
      DwCacheLine: rdata = {24'b0, cache_line_q};
      DwBar0Low: rdata = bar0_low;
      DwBar0High: rdata = bar0_q[63:32];
      DwBar2Low: rdata = bar2_low;
      DwBar2High: rdata = bar2_q[63:32];
      DwSubsystem: rdata = Subsystem;
      DwCapPointer: rdata = CapPointer;
      DwInterrupt: rdata = {24'b0, int_line_q};
      DwPcie: rdata = PcieHeader;
      DwDevCap: rdata = DevCap;
      DwDevCtl: rdata = {10'b0, pending_i, 1'b0, dev_sta_q, dev_ctl_q};
      DwDevCap2: rdata = DevCap2;
      DwDevCtl2: rdata = {19'b0, tag10_q, 7'b0, dev_ctl2_q};
      DwMsix: rdata = {msix_en_q, msix_fmask_q, 3'b0, 11'(NumVectors - 1), MsixHeader};
      DwMsixTable: rdata = MsixTable;
      DwMsixPba: rdata = MsixPba;
      DwPm: rdata = PmHeader;
      DwPmCsr: rdata = {28'b0, 1'b1, 1'b0, {2{d3_q}}};
      DwAer: rdata = AerHeader;
      DwDvsec: rdata = DvsecHeader;
      DwDvsecVendor: rdata = DvsecVendor;
      DwDvsecId: rdata = DvsecId;
      DwPagesSupported: rdata = Pages4K;
      // Writable, but 4 KiB is the only legal value (siov 1.1), so other values are not taken.
      DwPageSize: rdata = Pages4K;
      DwDvsecCaps: rdata = {31'b0, ImsSupported};
      DwAts: rdata = Ats ? AtsHeader : '0;
      DwAtsCtl: rdata = Ats ? {ats_en_q, 10'b0, stu_q, AtsCap} : '0;
      DwPasid: rdata = PasidHeader;
      DwPasidCtl: rdata = {13'b0, pasid_priv_q, 1'b0, pasid_en_q, PasidCap};
      DwPri: rdata = Ats ? PriHeader : '0;
      // PRG responses need their PASID: bit 31
      DwPriCtl: rdata = Ats ? {1'b1, 6'b0, pri_stopped, 6'b0, pri_stray_q, pri_failed_q, 15'b0, pri_en_q} : '0;
      DwPriCapacity: rdata = Ats ? PriCapacity : '0;
      DwPriAllocation: rdata = pri_allocation_q;
      default: rdata = aer_hit ? aer_rdata : '0;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (cs_valid_i) cs_rdata_o <= rdata;
  end

  // ---------------------------------------------------------------- writes
  always_ff @(posedge clk_i) begin
    if (!rst_ni || flr_q) begin
      mse_q <= 1'b0;
      bme_q <= 1'b0;
      parity_q <= 1'b0;
      serr_q <= 1'b0;
      cache_line_q <= '0;
      int_line_q <= '0;
      bar0_q <= '0;
      bar2_q <= '0;
      dev_ctl2_q <= '0;
      tag10_q <= 1'b0;
      msix_en_q <= 1'b0;
      msix_fmask_q <= 1'b0;
      d3_q <= 1'b0;
      stu_q <= '0;
      ats_en_q <= 1'b0;
      pri_en_q <= 1'b0;
      pasid_en_q <= 1'b0;
      pasid_priv_q <= 1'b0;
      pri_allocation_q <= '0;
    end else if (we) begin
      case (cs_dw_i)
        DwCommand: begin
          if (cs_be_i[0]) begin
            mse_q <= w[1];
            bme_q <= w[2];
            parity_q <= w[6];
          end
          if (cs_be_i[1]) serr_q <= w[8];
        end
        DwCacheLine: if (cs_be_i[0]) cache_line_q <= w[7:0];
        DwInterrupt: if (cs_be_i[0]) int_line_q <= w[7:0];
        DwBar0Low: bar0_q[31:Bar0Bits] <= bar0_low_new[31:Bar0Bits];
        DwBar0High: bar0_q[63:32] <= bar0_high_new;
        DwBar2Low: bar2_q[31:Bar2Bits] <= bar2_low_new[31:Bar2Bits];
        DwBar2High: bar2_q[63:32] <= bar2_high_new;
        DwDevCtl2: begin
          if (cs_be_i[0]) dev_ctl2_q <= w[4:0];
          if (cs_be_i[1]) tag10_q <= w[12] && LongTags;
        end
        DwMsix: if (cs_be_i[3]) begin
          msix_en_q <= w[31];
          msix_fmask_q <= w[30];
        end
        // D1 and D2 do not exist: such writes change nothing.
        DwPmCsr: if (cs_be_i[0] && (w[1] == w[0])) d3_q <= w[0];
        DwAtsCtl: begin
          if (cs_be_i[2]) stu_q <= Ats ? w[20:16] : '0;
          if (cs_be_i[3]) ats_en_q <= Ats && w[31];
        end
        DwPriCtl: if (cs_be_i[0]) pri_en_q <= Ats && w[0];
        DwPasidCtl: if (cs_be_i[2]) begin
          pasid_en_q <= w[16];
          pasid_priv_q <= w[18];
        end
        DwPriAllocation: if (Ats) pri_allocation_q <= (pri_allocation_q & ~wmask) | w;
        default: ;
      endcase
    end
  end

  // Device Control keeps Max_Payload_Size (bits 7:5) through FLR.
  always_ff @(posedge clk_i) begin
    if (!rst_ni) dev_ctl_q <= DevCtlReset;
    else if (flr_q) dev_ctl_q <= {DevCtlReset[15:8], dev_ctl_q[7:5], DevCtlReset[4:0]};
    else if (we && (cs_dw_i == DwDevCtl)) dev_ctl_q <= dev_ctl_new[15:0] & DevCtlWritable;
  end

  // Status bits: writing one clears, an error of the same cycle wins.
  logic status_w1c;
  assign status_w1c = we && (cs_dw_i == DwCommand);

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flr_q) begin
      {dpe_q, rma_q, rta_q, sta_q, mdpe_q} <= '0;
      dev_sta_q <= '0;
    end else begin
      dpe_q <= (dpe_q && !(status_w1c && w[31])) || p_poisoned_i || np_poisoned_i || cpl_poisoned_i;
      rma_q <= (rma_q && !(status_w1c && w[29])) || cpl_got_ur_i;
      rta_q <= (rta_q && !(status_w1c && w[28])) || cpl_got_ca_i;
      sta_q <= (sta_q && !(status_w1c && w[27])) || np_ca_i || p_ca_i;
      mdpe_q <= (mdpe_q && !(status_w1c && w[24])) || (cpl_poisoned_i && parity_q);
      dev_sta_q <= (dev_sta_q & ~((we && (cs_dw_i == DwDevCtl)) ? w[19:16] : 4'b0)) | dev_sta_set;
    end
  end

  // Page request interface: a status bit is set in spite of its clearing in the same cycle.
  logic pri_we, pri_start;
  assign pri_we = we && (cs_dw_i == DwPriCtl);
  assign pri_start = pri_we && cs_be_i[0] && w[0] && !pri_en_q;
  assign pri_stopped = !pri_en_q && pri_stopped_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flr_q || !Ats) begin
      pri_failed_q <= 1'b0;
      pri_stray_q <= 1'b0;
      pri_reset_q <= 1'b0;
    end else begin
      pri_failed_q <= pri_failure_i || (pri_failed_q && !pri_start && !(pri_we && w[16]));
      pri_stray_q <= pri_unexpected_i || (pri_stray_q && !pri_start && !(pri_we && w[17]));
      pri_reset_q <= pri_we && w[1] && !w[0];
    end
  end
  assign pri_reset_o = pri_reset_q;
  assign stu_o = stu_q;
  assign pri_alloc_o = pri_allocation_q;
  assign pri_alloc_ok_o = (pri_allocation_q != '0) && (pri_allocation_q <= PriCapacity);

  // Every configuration write that is answered tells us who we are.
  always_ff @(posedge clk_i) begin
    if (!rst_ni) bus_dev_q <= '0;
    else if (we) bus_dev_q <= cs_bus_dev_i;
  end

  // ---------------------------------------------------------------- function-level reset
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      flr_pending_q <= 1'b0;
      flr_q <= 1'b0;
    end else begin
      flr_q <= flr_pending_q && cpl_sent_i;
      if (we && (cs_dw_i == DwDevCtl) && w[15]) flr_pending_q <= 1'b1;
      else if (cpl_sent_i) flr_pending_q <= 1'b0;
    end
  end

  assign flr_o = flr_q;
  assign hold_o = flr_pending_q || flr_q;

  // ---------------------------------------------------------------- error reporting
  siov_aer u_aer (
    .clk_i(clk_i), .rst_ni(rst_ni),
    .wr_valid_i(we && aer_hit), .dw_i(aer_dw[4:0]), .wmask_i(wmask), .wdata_i(cs_wdata_i),
    .rdata_o(aer_rdata),
    .p_ur_i(p_ur_i), .p_ca_i(p_ca_i), .p_poisoned_i(p_poisoned_i), .p_malformed_i(p_malformed_i),
    .p_hdr_i(p_hdr_i), .p_prefix_valid_i(p_prefix_valid_i), .p_prefix_i(p_prefix_i),
    .np_ur_i(np_ur_i), .np_ca_i(np_ca_i), .np_poisoned_i(np_poisoned_i),
    .np_malformed_i(np_malformed_i),
    .np_hdr_i(np_hdr_i), .np_prefix_valid_i(np_prefix_valid_i), .np_prefix_i(np_prefix_i),
    .cpl_unexpected_i(cpl_unexpected_i), .cpl_poisoned_i(cpl_poisoned_i),
    .cpl_malformed_i(cpl_malformed_i),
    .cpl_hdr_i(cpl_hdr_i), .timeout_i(timeout_i), .stray_i(stray_i),
    .device_status_set_o(dev_sta_set)
  );

  // ---------------------------------------------------------------- what the device sees
  always_comb begin
    cfg_o.bdf = {bus_dev_q, 3'b000};
    cfg_o.mse = mse_q && !d3_q;
    cfg_o.bme = bme_q && !d3_q && !hold_o;   // nothing follows the completion that starts the reset
    cfg_o.ro_en = dev_ctl_q[4];
    cfg_o.ns_en = dev_ctl_q[11];
    cfg_o.ext_tag_en = dev_ctl_q[8];
    cfg_o.tag10_en = tag10_q;
    cfg_o.mps = (dev_ctl_q[7:5] > MaxMps) ? MaxMps : dev_ctl_q[7:5];
    cfg_o.mrrs = (dev_ctl_q[14:12] > MaxMrrs) ? MaxMrrs : dev_ctl_q[14:12];
    cfg_o.cto_disable = dev_ctl2_q[4];
    cfg_o.pasid_en = pasid_en_q;
    cfg_o.pasid_priv_en = pasid_priv_q;
    cfg_o.msix_en = msix_en_q;
    cfg_o.msix_fmask = msix_fmask_q;
    cfg_o.ats_en = ats_en_q;
    cfg_o.pri_en = ats_en_q && pri_en_q;
  end
  assign bar0_o = {bar0_q, {Bar0Bits{1'b0}}};
  assign bar2_o = {bar2_q, {Bar2Bits{1'b0}}};

  // Read-only parts of written words.
  logic unused;
  assign unused = &{1'b0, bar0_low_new[Bar0Bits-1:0], bar2_low_new[Bar2Bits-1:0], dev_ctl_new[31:16],
      aer_dw[9:5]};

  `SIOV_STATIC(gen_bad_vectors, (NumVectors >= 1) && (NumVectors <= 2048))
`ifndef SYNTHESIS
  `SIOV_ASSERT_NEXT(a_flr_pulse, flr_o, !flr_o)
  `SIOV_ASSERT_IF(a_no_access_in_reset, flr_o, !cs_valid_i)
  // A page request interface that is enabled has not stopped, and none is on without ATS.
  `SIOV_ASSERT_IF(a_pri_needs_ats, cfg_o.pri_en, cfg_o.ats_en)
  `SIOV_COVER(c_d3, d3_q)
  `SIOV_COVER(c_flr, flr_o)
`endif

endmodule
