// SPDX-License-Identifier: Apache-2.0
// The interrupt block alone, with a monitor that follows every entry and judges every cycle:
//   - a message is the whole current tuple of an entry that is unmasked and allowed to send;
//   - each request ends in its message, a pending bit or a drop, as mask, ignore bit and enables
//     say in the cycle of the decision; a message without request had its pending bit set;
//   - reads show what was written; look-ups and grants answer what table and handles say.
//
//   IrqBench bench(dut::IrqSize::kDefault);
//   bench.write(kIms, 3, 0, 0xFEE0'1000);
//   bench.request(0, true, 3);              // until it is ready
//   EXPECT_EQ(bench.messages.size(), 1u);
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dut/irq_block.hpp"

namespace siov::test {

/// Tables of the bus.
inline constexpr std::uint8_t kPerm = 0, kMsix = 1, kPba = 2, kIms = 3;

/// What the monitor knows of an entry.
struct IrqEntry {
  std::uint64_t addr = 0;
  std::uint32_t data = 0;
  bool mask = true, ignore = false, pasid_en = false, granted = false;
  std::uint32_t pasid = 0;
  /// kUnsure: the block may have dropped it; either is right.
  enum Pending { kNo, kYes, kUnsure } pending = kNo;
};

struct IrqMessage {
  std::uint64_t cycle;
  std::uint64_t addr;
  std::uint32_t data;
};

class IrqBench {
 public:
  explicit IrqBench(dut::IrqSize size);
  /// Reports an RTL assertion that failed.
  ~IrqBench();

  /// One clock cycle with the inputs `in`.
  void step();
  void idle(unsigned cycles) {
    for (unsigned i = 0; i < cycles; ++i) step();
  }

  /// Table accesses, to the acknowledge.
  void write(std::uint8_t sel, unsigned index, unsigned word, std::uint64_t value,
             std::uint8_t be = 0xFF);
  std::uint64_t read(std::uint8_t sel, unsigned index, unsigned word = 0);
  /// Starts an access; it ends by itself (`access_busy`).
  void start_access(const dut::IrqAccess& access);
  bool access_busy() const { return access_.has_value(); }

  /// Whole entries: message, unmasked or masked; permission by its own table or with the mask.
  void program(bool ims, unsigned index, std::uint64_t addr, std::uint32_t data, bool mask);
  void set_mask(bool ims, unsigned index, bool mask);

  /// Requests an interrupt and waits until the block is ready. @return false if it never was
  bool request(unsigned requester, bool ims, unsigned handle, unsigned limit = 100);
  /// A look-up of the dispatcher.
  bool look_up(bool ims, unsigned handle, bool pasid_en, unsigned pasid);
  /// A look-up of a batch feeder.
  bool look_up_batch(unsigned engine, bool ims, unsigned handle, bool pasid_en, unsigned pasid);
  /// A look-up for the occupancy handle; as a pulse or held to the answer.
  bool look_up_occupancy(bool held, bool ims, unsigned handle, bool pasid_en, unsigned pasid);
  /// Commands 13 and 14. @return ok
  bool grant(bool ims, unsigned index);
  bool release(bool ims, unsigned index);
  /// One-cycle pulses.
  void device_reset();
  void flr();

  unsigned entries(bool ims) const { return ims ? block->ims_entries : block->msix_vectors; }
  IrqEntry& entry(bool ims, unsigned index) { return (ims ? ims_ : msix_)[index]; }

  std::unique_ptr<dut::IrqBlock> block;
  dut::IrqIn in;
  dut::IrqOut out;  ///< of the last cycle
  std::uint64_t cycle = 0;
  std::vector<IrqMessage> messages;  ///< accepted
  std::uint64_t requests_done = 0, answers = 0, allowed_answers = 0;

 private:
  struct Place {
    bool ims;
    unsigned index;
  };
  /// An accepted message whose cause the next cycle shows.
  struct Sent {
    Place place;
    IrqEntry::Pending pending;
    bool known;  ///< false: a reset came in the same cycle
  };

  void observe();
  void observe_ready();
  void observe_message();
  void observe_look_ups();
  void observe_answer(unsigned place, bool response, bool ok);
  void observe_grant();
  void observe_access();
  void apply_write(const dut::IrqAccess& access);
  void apply_resets();
  bool allowed(const dut::IrqAsk& ask) const;
  std::optional<Place> find(std::uint64_t addr, std::uint32_t data) const;
  std::uint64_t image(const dut::IrqAccess& access);
  bool grant_or_release(bool release, bool ims, unsigned index);
  std::string when() const;

  std::vector<IrqEntry> msix_, ims_;
  dut::IrqIn before_;              ///< inputs of the cycle before
  std::vector<IrqEntry> decided_;  ///< entry of each requester as in the cycle before
  std::vector<bool> crossed_;      ///< a Reset Device came while this request waited
  std::optional<Sent> sent_;

  std::optional<dut::IrqAccess> access_;  ///< on the bus
  std::uint64_t access_start_ = 0, access_value_ = 0, expected_ = 0, unsure_bits_ = 0;

  bool lk_asked_ = false, lk_verdict_ = false;  ///< of the question two cycles before
  /// Feeders, then Enable WQ: the open question and what the tables said in the cycle before.
  std::vector<std::optional<dut::IrqAsk>> open_;
  std::vector<bool> verdict_;
  std::optional<dut::IrqGrant> grant_;
};

}  // namespace siov::test
