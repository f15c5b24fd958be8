// SPDX-License-Identifier: Apache-2.0
// DownLink: what goes to the device and in which order. Posted requests in order; non-posted behind
// the posted ones queued before them; completions as ReadCompleter allows. A class that lacks
// credits or stalls never holds back a class that may pass it.
//
//   down.push_posted(tlp);
//   const Tlp* sent = down.drive(cycle, device_limits, inputs.down);     // a TLP whose last beat
//   goes now
#pragma once

#include <cstddef>
#include <cstdint>

#include "pcie/credit_tracker.hpp"
#include "pcie/link_config.hpp"
#include "pcie/mutator.hpp"
#include "pcie/read_completer.hpp"
#include "pcie/ring.hpp"
#include "pcie/tlp.hpp"
#include "pcie/tlp_driver.hpp"

namespace siov::pcie {

class DownLink {
 public:
  DownLink(const LinkConfig& config, ReadCompleter& completer,
           std::uint32_t beat_bytes = kBeatBytes);
  void push_posted(const Tlp& tlp);
  void push_nonposted(const Tlp& tlp);
  /// Drives one beat or none. @return the TLP whose last beat this is, valid until the next call
  const Tlp* drive(std::uint64_t cycle, const CreditLimits& limits, Beat& out);

  /// nullptr: none.
  void set_mutator(TlpMutator* mutator) { mutator_ = mutator; }

  std::size_t posted_queued() const { return posted_.size(); }
  std::size_t nonposted_queued() const { return nonposted_.size(); }
  bool busy() const { return driver_.busy(); }
  void reset();

 private:
  struct Request {
    Tlp tlp;
    std::uint64_t posted_before = 0;
  };
  void start(const Tlp& tlp);
  bool try_start(FlowClass flow, std::uint64_t cycle, const CreditLimits& limits);

  const LinkConfig& config_;
  ReadCompleter& completer_;
  CreditConsumer credits_;
  TlpDriver driver_;
  Ring<Tlp> posted_;
  Ring<Request> nonposted_;
  std::uint64_t posted_pushed_ = 0;
  std::uint64_t posted_sent_ = 0;  ///< started: what starts later arrives later
  FlowClass current_ = FlowClass::kCompletion;
  TlpMutator* mutator_ = nullptr;
  Tlp wire_;                       ///< with a mutator: what the device gets
  const Tlp* original_ = nullptr;  ///< ... and what the host has sent
  Tlp sent_request_;               ///< a request leaves its ring when it starts
};

}  // namespace siov::pcie
