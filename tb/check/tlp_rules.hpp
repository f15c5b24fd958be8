// SPDX-License-Identifier: Apache-2.0
// TlpRules: what can be said of a TLP from its header, the link's state and the table of requests.
// pcie.md 12.1 to 12.4, 12.9.
//
//   const TlpRules::Seen seen = rules.on_tlp(direction, tlp, cycle);
//   if (seen.usable && seen.answered != nullptr) ...   // a completion of *seen.answered;
//   seen.last: it is closed
#pragma once

#include <cstdint>

#include "check/bench.hpp"
#include "pcie/tlp.hpp"

namespace siov::check {

class TlpRules {
 public:
  explicit TlpRules(Bench& bench) : bench_(bench) {}

  struct Seen {
    bool usable = true;           ///< may be given meaning; false after a fundamental format error
    Request* answered = nullptr;  ///< completions: the request
    std::uint32_t bytes_before = 0;  ///< completions: offset of this piece in the request's bytes
    bool last = false;               ///< completions: the request is closed
    Request* opened = nullptr;       ///< non-posted requests: the new entry
    bool translation_timed_out = false;  ///< ... and it was a translation request
    std::uint32_t timed_out_pasid = kNoPasid;
    std::uint64_t timed_out_page = 0;
    ReadRef timed_out;  ///< the device reused a tag after its completion timeout: what it carried
                        ///< before
  };
  void on_tlp(pcie::Direction direction, const pcie::Tlp& tlp, std::uint64_t cycle, Seen& seen);
  /// PCIE-42 for requests that have got no answer.
  void scan(std::uint64_t cycle);
  /// IDLE-TAGS.
  void end_of_test(std::uint64_t cycle);

  /// Address translation is on, or has just been switched off.
  bool translating(std::uint64_t cycle) const;

 private:
  bool format(pcie::Direction direction, const pcie::Tlp& t, std::uint64_t cycle);
  bool legal_type(pcie::Direction direction, const pcie::Tlp& t) const;
  void attributes(pcie::Direction direction, const pcie::Tlp& t, std::uint64_t cycle);
  bool prefix(pcie::Direction direction, const pcie::Tlp& t, std::uint64_t cycle);
  void device_request(const pcie::Tlp& t, std::uint64_t cycle, Seen& seen);
  void requester_identity(const pcie::Tlp& t, std::uint64_t cycle);
  bool is_dma(const pcie::Tlp& t, std::uint64_t cycle, Seen& seen);
  void unexpected(const pcie::Tlp& t, const Request& r, const Context& at);
  void answered_in_time(const pcie::Tlp& t, const Request& r, const Context& at);
  bool enables(const pcie::Tlp& t, std::uint64_t cycle);
  void device_read(const pcie::Tlp& t, std::uint64_t cycle, Seen& seen);
  void host_request(const pcie::Tlp& t, std::uint64_t cycle, Seen& seen);
  void completion(pcie::Direction direction, const pcie::Tlp& t, std::uint64_t cycle, Seen& seen);
  void completion_identity(pcie::Direction direction, const pcie::Tlp& t, const Request& r,
                           const Context& at);
  void translation_piece(const pcie::Tlp& t, Request& r, const Context& at, Seen& seen);
  void read_piece(pcie::Direction direction, const pcie::Tlp& t, Request& r, const Context& at,
                  Seen& seen);
  void fail(Rule rule, const Context& at, std::string text) {
    bench_.report.violation(rule, at, std::move(text));
  }

  Bench& bench_;
};

/// PCIE-44: what a read of the device must be answered with, from memory as it is now.
void expect_data(Bench& bench, Request& r);

/// Legal Length and byte enables of a memory request. @spec pcie.md 4
bool legal_byte_enables(std::uint16_t length_dw, std::uint8_t first, std::uint8_t last,
                        std::uint64_t address);

}  // namespace siov::check
