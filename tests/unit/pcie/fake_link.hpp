// SPDX-License-Identifier: Apache-2.0
// A scripted device and a scripted memory, for tests of the root complex.
//
//   FakeDevice device;  FakeDma dma;
//   device.send(mem_read(kDevice, 3, 0x1000, 256));
//   ... device.received[0] is the first TLP that came down
#pragma once

#include <cstring>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "pcie/credit_tracker.hpp"
#include "pcie/link.hpp"
#include "pcie/tlp.hpp"
#include "pcie/tlp_assembler.hpp"
#include "pcie/tlp_driver.hpp"
#include "port/dma_port.hpp"

namespace siov::pcie::test {

inline constexpr RequesterId kDevice{0x0100};
inline constexpr RequesterId kHost{0x0000};

class FakeDevice : public LinkDevice {
 public:
  void reset() override { ++resets; }
  void cycle(const Inputs& in, Outputs& out) override {
    beat_history.push_back(in.down.valid);
    up_limits = in.up_credits;
    if (in.down.valid) take(in.down);
    if (!offered_ && (driver_.busy() || start_next())) {
      driver_.drive(beat_);
      offered_ = true;
    }
    out.up = offered_ ? beat_ : Beat{};
    out.down_credits = down_limits;
    if (offered_ && in.up_ready) offered_ = false;
    ++cycles;
  }
  void send(const Tlp& tlp) { to_send_.push_back(tlp); }

  CreditLimits down_limits{32, 256, 32, 256, 0, 0};
  bool return_credits = true;
  bool honour_up_credits = false;
  CreditLimits up_limits;
  std::vector<Tlp> received;
  std::vector<std::uint64_t> received_at;
  std::vector<bool> beat_history;
  std::function<void(const Tlp&)> on_request;  ///< called for each TLP that comes down
  std::uint64_t cycles = 0;
  int resets = 0;

 private:
  void take(const Beat& beat) {
    const Tlp* const tlp = assembler_.accept(beat);
    if (tlp == nullptr) return;
    received.push_back(*tlp);
    received_at.push_back(cycles);
    if (return_credits) {
      const CreditCost cost = credit_cost(*tlp);
      if (cost.flow == FlowClass::kPosted) {
        down_limits.posted_header = static_cast<std::uint8_t>(down_limits.posted_header + 1);
        down_limits.posted_data =
            static_cast<std::uint16_t>((down_limits.posted_data + cost.data) & 0xFFF);
      } else if (cost.flow == FlowClass::kNonPosted) {
        down_limits.nonposted_header = static_cast<std::uint8_t>(down_limits.nonposted_header + 1);
        down_limits.nonposted_data =
            static_cast<std::uint16_t>((down_limits.nonposted_data + cost.data) & 0xFFF);
      }
    }
    if (on_request) on_request(*tlp);
  }
  bool start_next() {
    if (to_send_.empty()) return false;
    const CreditCost cost = credit_cost(to_send_.front());
    if (honour_up_credits && !up_credits_.can_send(cost, up_limits)) return false;
    up_credits_.consume(cost);
    sending_ = to_send_.front();
    to_send_.pop_front();
    driver_.start(sending_);
    return true;
  }

  TlpAssembler assembler_;
  TlpDriver driver_;
  CreditConsumer up_credits_;
  std::deque<Tlp> to_send_;
  Tlp sending_;
  Beat beat_;
  bool offered_ = false;
};

/// 1 MiB of bytes; byte i starts as (i * 7 + i / 256) mod 256. Addresses from 0xBAD00000 on fail.
class FakeDma : public port::DmaPort {
 public:
  FakeDma() : memory(1 << 20) {
    for (std::size_t i = 0; i < memory.size(); ++i)
      memory[i] = static_cast<std::byte>(i * 7 + i / 256);
  }
  port::DmaStatus read(const port::DmaRequest& request, std::span<std::byte> out) override {
    requests.push_back(request);
    sizes.push_back(out.size());
    if (request.address.value >= 0xBAD0'0000) return failure;
    if (!out.empty()) std::memcpy(out.data(), memory.data() + request.address.value, out.size());
    return port::DmaStatus::kSuccess;
  }
  port::DmaStatus write(const port::DmaRequest& request, std::span<const std::byte> data) override {
    requests.push_back(request);
    sizes.push_back(data.size());
    if (request.address.value >= 0xBAD0'0000) return failure;
    std::memcpy(memory.data() + request.address.value, data.data(), data.size());
    return port::DmaStatus::kSuccess;
  }
  std::vector<std::byte> memory;
  std::vector<port::DmaRequest> requests;
  std::vector<std::size_t> sizes;
  port::DmaStatus failure = port::DmaStatus::kUnsupportedRequest;
};

}  // namespace siov::pcie::test
