// SPDX-License-Identifier: Apache-2.0
// The interrupt block (rtl/irq) alone, Verilated in three sizes, one clock cycle at a time.
//
//   const auto block = dut::make_irq_block(dut::IrqSize::kDefault);
//   dut::IrqIn in;
//   in.bme = true;
//   const dut::IrqOut& out = block->settle(in);   // what the outputs show in this cycle
//   block->edge();                                // the rising edge that ends it
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

namespace siov::dut {

/// small: 1 engine, 5 MSI-X entries, no IMS. default: 4, 9, 256. large: 4, 2048, 4096, and handles
/// must be granted.
enum class IrqSize { kSmall, kDefault, kLarge };

/// A permission question.
struct IrqAsk {
  bool valid = false, ims = false;
  std::uint16_t handle = 0;
  bool pasid_en = false;
  std::uint32_t pasid = 0;
};

/// A request for an interrupt.
struct IrqRequest {
  bool valid = false, ims = false;
  std::uint16_t handle = 0;
};

/// One access of the table bus.
struct IrqAccess {
  bool valid = false, write = false;
  std::uint8_t sel = 0;     ///< 0 MSIXPERM, 1 MSI-X table, 2 pending bits, 3 IMS
  std::uint16_t index = 0;  ///< entry; of the pending bits the 8-byte word
  bool word = false;        ///< upper 8 bytes of a 16-byte entry
  std::uint64_t wdata = 0;
  std::uint8_t be = 0xFF;
};

/// A request to grant or release a handle.
struct IrqGrant {
  bool valid = false, release = false, ims = false;
  std::uint16_t index = 0;
};

struct IrqIn {
  bool reset = false;  ///< power-on
  bool flr = false, dev_rst = false, bme = false, msix_en = false, msix_fmask = false;
  bool dev_irq_valid = false, dev_irq_cause = false, msg_ready = false;
  IrqAccess tbl;
  IrqAsk lk, olk;
  std::array<IrqAsk, 4> blk;
  IrqGrant gr;
  std::array<IrqRequest, 5> irq;  ///< index `engines()` is the occupancy requester
};

struct IrqOut {
  bool tbl_ack = false, dev_irq_ready = false, lk_ok = false, olk_rsp = false, olk_ok = false;
  bool gr_ack = false, gr_ok = false, msg_valid = false;
  std::uint64_t tbl_rdata = 0, msg_addr = 0;
  std::uint32_t msg_data = 0;
  /// A bit an engine; irq_ready also has the occupancy requester's.
  std::uint32_t blk_ready = 0, blk_rsp = 0, blk_ok = 0, irq_ready = 0;
};

class IrqBlock {
 public:
  virtual ~IrqBlock() = default;
  virtual const IrqOut& settle(const IrqIn& in) = 0;
  virtual void edge() = 0;
  /// First RTL assertion that failed, empty if none.
  virtual const std::string& assertion() const = 0;

  unsigned engines = 0, ims_entries = 0, msix_vectors = 0;
  bool cmd_cap = false;
};

std::unique_ptr<IrqBlock> make_irq_block(IrqSize size);

}  // namespace siov::dut
