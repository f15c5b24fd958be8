// SPDX-License-Identifier: Apache-2.0
// PortBench: one device, RTL or C++ model, behind port::DevicePort, in front of a flat memory that
// remembers every transaction; with ATS, PageHost translates. No IOMMU, no VDCM, no driver.
// SIOV_DEVICE=rtl|model|netlist picks the device.
//
//   struct MyTest : PortTest {};
//   b.bring_up();                                   // WQ 0 dedicated (PASID 0x11), WQ 1 shared
//   b.movdir(0x0000, Work::noop(kWantRecord, 0x100000));
//   EXPECT_EQ(b.command(3), 0u);                    // Drain All: everything has happened
//   EXPECT_EQ(b.host.record(0x100000), (Record{0x01, 0, 0, 0}));
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "coro/scheduler.hpp"
#include "model/device_model.hpp"
#include "page_host.hpp"
#include "pcie/root_complex.hpp"
#include "port/device_port.hpp"
#include "port/dma_port.hpp"
#include "system/device_factory.hpp"
#include "work.hpp"

namespace siov::test {

/// What SIOV_DEVICE says; without it the RTL if this build has it, else the model. @throws
/// HarnessError for anything else
system::DeviceKind device_kind();

/// The four quad words of a completion record.
using Record = std::array<std::uint64_t, 4>;

/// One transaction as the host saw it.
struct Seen {
  enum Kind : std::uint8_t { kRead, kWrite, kMessage } kind;
  std::uint64_t address;
  std::size_t bytes;
  std::optional<std::uint32_t> pasid;
  bool privileged;
  std::uint32_t data;  ///< of a message
  std::uint16_t requester;
  bool translated = false;  ///< AT = 10
};

/// Flat memory from address 0. Writes without PASID into FEEx_xxxx are messages; addresses past the
/// end and `bad_pages` are refused, and untranslated ones that `pages` does not have.
class Host final : public port::DmaPort {
 public:
  static constexpr std::size_t kBytes = 8u << 20;
  port::DmaStatus read(const port::DmaRequest& r, std::span<std::byte> out) override;
  port::DmaStatus write(const port::DmaRequest& r, std::span<const std::byte> data) override;

  Record record(std::uint64_t address) const;
  std::uint8_t byte(std::uint64_t address) const {
    return std::to_integer<std::uint8_t>(memory[address]);
  }
  /// Bytes 0, 1, 2 ... + first, modulo 256.
  void fill_count(std::uint64_t address, std::size_t bytes, unsigned first = 0);
  /// Data words of the messages so far, in order.
  std::vector<std::uint32_t> messages() const;
  /// Transactions that touch [address, address + bytes).
  std::vector<Seen> touching(std::uint64_t address, std::size_t bytes) const;

  std::vector<std::byte> memory = std::vector<std::byte>(kBytes);
  std::set<std::uint64_t> bad_pages;  ///< refused, reads only
  port::DmaStatus refusal = port::DmaStatus::kUnsupportedRequest;
  std::vector<Seen> seen;
  PageHost pages;

 private:
  /// @return the address in memory; nothing: refused
  std::optional<std::uint64_t> locate(const port::DmaRequest& r, std::size_t bytes, bool write);
  void note(Seen::Kind kind, const port::DmaRequest& r, std::size_t bytes, std::uint32_t data);
};

class PortBench {
 public:
  static constexpr std::uint64_t kBar0 = 0x380000000000, kBar2 = 0x381000000000;
  /// @param latency  of host reads on the link; of a descriptor in the model [cycles]
  explicit PortBench(std::uint64_t latency = 40);

  bool is_model() const { return model_ != nullptr; }
  port::DevicePort& device() { return *port_; }
  /// Only with a link. @throws HarnessError for the model
  pcie::RootComplex& root();
  /// First RTL assertion that failed, empty if none.
  std::string assertion() const { return dut_ ? dut_->assertion_failure() : std::string(); }
  void run(std::uint64_t cycles) { scheduler.run_cycles(cycles); }

  std::uint32_t config(std::uint32_t offset, std::uint32_t size = 4);
  void set_config(std::uint32_t offset, std::uint32_t value, std::uint32_t size = 4);
  port::ReadResult access(port::Bar bar, std::uint64_t offset, std::uint32_t size);
  std::uint64_t read(std::uint64_t offset, std::uint32_t size = 4);
  void write(std::uint64_t offset, std::uint64_t value, std::uint32_t size = 4) {
    port_->mmio_write(port::Bar::kControl, offset, size, value);
  }
  void start_command(std::uint32_t code, std::uint32_t operand = 0, bool interrupt = false) {
    write(0xA0, code << 20 | operand | (interrupt ? 0x80000000u : 0u));
  }
  /// Polls CMDSTATUS until bit 31 falls. @return CMDSTATUS
  std::uint32_t end_of_command();
  std::uint32_t command(std::uint32_t code, std::uint32_t operand = 0, bool interrupt = false) {
    start_command(code, operand, interrupt);
    return end_of_command();
  }
  void movdir(std::uint64_t offset, const Work& w) { port_->posted_write64(offset, w.line()); }
  port::CompletionStatus enqcmd(std::uint64_t offset, const Work& w);

  /// BARs, PASID and privileged mode, MSI-X, memory space, bus master; vector n sends 0x50 + n to
  /// FEE00000.
  void set_up_function();
  /// ATS, and page requests unless the allocation is 0. Behind set_up_function.
  void enable_translation(std::uint32_t page_allocation);
  /// Dwords 0 to 3. @param dword2  as it stands in WQCFG  @param max_transfer  log2
  void set_wq(unsigned wq, unsigned size, std::uint32_t dword2, unsigned threshold = 0,
              unsigned max_transfer = 31);
  void set_group(unsigned group, std::uint64_t wqs, std::uint64_t engines);
  /// set_up_function; group 0 with one engine: WQ 0 dedicated, 16 entries, PASID 0x11; WQ 1 shared,
  /// 8 entries, threshold 4; user interrupts. All enabled.
  void bring_up();
  unsigned occupancy(unsigned wq) { return static_cast<unsigned>(read(0x818 + 64 * wq) & 0xFFFF); }
  unsigned wq_state(unsigned wq) { return static_cast<unsigned>(read(0x818 + 64 * wq) >> 30); }
  /// Keeps the engine of a queue busy for more than 10,000 cycles: a 1 MiB fill without record.
  /// Returns when it has begun.
  void occupy_engine(std::uint64_t portal, std::uint32_t pasid = 0);
  /// Function-level reset, and the wait that PCIe demands.
  void function_level_reset();

  coro::Scheduler scheduler;
  Host host;

 private:
  std::unique_ptr<dut::TracedDevice> dut_;
  std::unique_ptr<pcie::RootComplex> root_;
  std::unique_ptr<model::DeviceModel> model_;
  port::DevicePort* port_ = nullptr;
};

/// A test on a device. No RTL assertion may fail, no translated request may be wrong.
struct PortTest : testing::Test {
  PortBench b;
  void TearDown() override {
    EXPECT_EQ(b.assertion(), "");
    for (const std::string& v : b.host.pages.violations) ADD_FAILURE() << v;
  }
};

}  // namespace siov::test
