// SPDX-License-Identifier: Apache-2.0
// Sequence: builds TLP sequences of a well-behaved host and device, beat for beat what a checker
// may see, and feeds them to a referee. After construction the function is configured, the device
// enabled and three queues live:
//   WQ 0 dedicated, PASID 5;  WQ 1 shared, size 4, threshold 2;  WQ 2 dedicated, PASID 6.
//   IMS entry 1 belongs to PASID 5, entry 2 to PASID 6, entry 3 to PASID 7; MSI-X entry 2 to
//   PASID 5. All unmasked.
//
//   Sequence s;
//   s.submit(0, s.move());       // posted write to the dedicated portal
//   s.run(5, s.move());          // reads, completions, data writes, record
//   EXPECT_TRUE(s.clean());
//
// After ats_on() every memory request of the device with a PASID goes up translated; pages that
// have not been granted are asked for first, and granted.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "abi/descriptor.hpp"
#include "check/referee.hpp"
#include "pcie/mutator.hpp"
#include "pcie/tlp.hpp"

namespace siov::check::test {

inline constexpr RequesterId kDevice{0x0100}, kHost{0x0008};
inline constexpr std::uint64_t kBar0 = 0x38'0000'0000, kBar2 = 0x38'0010'0000;

/// 1 MiB for every PASID, filled with a pattern that differs between PASIDs.
class FlatMemory final : public port::AddressSpaceView {
 public:
  static constexpr std::uint64_t kBytes = 0x10'0000;
  bool peek(Pasid pasid, Iova address, std::span<std::byte> out) const override;
  bool writable(Pasid pasid, Iova address, std::uint64_t bytes) const override;
  std::vector<std::byte> bytes(std::uint32_t pasid, std::uint64_t address, std::uint32_t n) const;
  void poke(std::uint32_t pasid, std::uint64_t address, std::span<const std::byte> data);

 private:
  std::vector<std::byte>& space(std::uint32_t pasid) const;
  mutable std::map<std::uint32_t, std::vector<std::byte>> spaces_;
};

class Sequence {
 public:
  /// @param configure  false: only a referee, nothing has been configured
  explicit Sequence(bool configure = true, const std::function<void(Config&)>& change = {});

  // Raw.
  /// A TLP of the device; passes the mutator, if one is set.
  void up(pcie::Tlp t);
  pcie::TlpMutator* mutator = nullptr;
  /// A TLP of the host. @return what the device gets; the mutator may have changed it
  pcie::Tlp down(const pcie::Tlp& t);
  void wait(std::uint64_t cycles);
  void credits(pcie::CreditLimits down, pcie::CreditLimits up);
  void end();

  // Host.
  void config_write(std::uint32_t offset, std::uint32_t size, std::uint32_t value);
  void config_read(std::uint32_t offset, std::uint32_t value);
  pcie::Tlp config_read_request(std::uint32_t offset);
  void write_register(std::uint32_t offset, std::uint64_t value, std::uint32_t bytes = 4);
  void read_register(std::uint32_t offset, std::uint64_t value, std::uint32_t bytes = 4);
  pcie::Tlp register_read_request(std::uint32_t offset, std::uint32_t bytes = 4);
  void command(std::uint32_t code, std::uint32_t operand, std::uint8_t error = 0);
  void begin_command(std::uint32_t code, std::uint32_t operand);
  void end_command(std::uint8_t error = 0);
  /// Disables the device, lets `change` write registers, enables device and queues again.
  void reconfigure(const std::function<void(Sequence&)>& change);
  /// reconfigure() with an event log of 64 entries at 0x30000 of PASID 6.
  void log_on();
  /// The write of log entry `index`: three quadwords, and a record if one is given.
  pcie::Tlp log_entry(std::uint32_t index, std::array<std::uint64_t, 3> head,
                      std::span<const std::byte> record = {}) const;
  void program_entry(bool ims, std::uint32_t index, std::uint32_t pasid, bool masked);
  /// Posted 64-byte write. @param page  0 unlimited, 1 limited, 2 and 3 the same with IMS
  void submit(std::uint32_t wq, const abi::Descriptor& d, std::uint32_t page = 2);
  pcie::Tlp deferrable(std::uint32_t wq, const abi::Descriptor& d, std::uint32_t page = 3);
  void submit_shared(const abi::Descriptor& d, pcie::CplStatus status = pcie::CplStatus::kSc);
  pcie::Tlp answer(const pcie::Tlp& request, pcie::CplStatus status) const;

  // Descriptors: 600 bytes from 0x1000 to 0x9000, record at 0x8000, record required.
  abi::Descriptor move(std::uint32_t pasid = 5) const;
  abi::Descriptor fill(std::uint32_t pasid = 5) const;
  abi::Descriptor compare(std::uint32_t pasid = 5) const;
  abi::Descriptor noop(std::uint32_t pasid = 5) const;
  abi::Descriptor drain(std::uint32_t pasid = 5) const;
  /// A move of 256 bytes, number i of several that have nothing in common: from 0x10000 + i *
  /// 0x1000 to 0x40000 + i * 0x1000, record at 0x8400 + i * 32.
  abi::Descriptor member(std::uint32_t i, bool fenced = false) const;
  /// Puts the members into memory at 0x4000. Record at 0x8200.
  abi::Descriptor batch(const std::vector<abi::Descriptor>& members, std::uint32_t pasid = 5);
  /// Adds an interrupt by IMS entry.
  static abi::Descriptor with_interrupt(abi::Descriptor d, std::uint16_t handle);
  static abi::Descriptor without_record(abi::Descriptor d);

  // Device.
  pcie::Tlp read_request(std::uint32_t pasid, std::uint64_t address, std::uint32_t bytes);
  void complete(const pcie::Tlp& read, pcie::CplStatus status = pcie::CplStatus::kSc);
  /// Requests of at most 512 bytes, then their completions in pieces of at most 256.
  void fetch(std::uint32_t pasid, std::uint64_t address, std::uint32_t bytes);
  pcie::Tlp data_write(std::uint32_t pasid, std::uint64_t address,
                       std::span<const std::byte> data) const;
  /// Writes of at most 256 bytes with the content of `source`.
  void store(std::uint32_t pasid, std::uint64_t address, std::uint64_t source, std::uint32_t bytes);
  pcie::Tlp record(std::uint32_t pasid, std::uint64_t address, std::uint8_t status = 1) const;
  /// Status, and a number at byte 4.
  pcie::Tlp record(std::uint32_t pasid, std::uint64_t address, std::uint8_t status,
                   std::uint32_t count) const;
  /// A zero-length read and its completion.
  void read_back(std::uint32_t pasid, std::uint64_t address,
                 pcie::CplStatus status = pcie::CplStatus::kSc);
  pcie::Tlp readback_request(std::uint32_t pasid, std::uint64_t address);
  pcie::Tlp message(bool ims, std::uint32_t index) const;
  /// Everything that a move does; with the interrupt of its IMS entry if it asks for one.
  void run(std::uint32_t pasid, const abi::Descriptor& move);

  // Address translation.
  /// ATS and page requests on. @param stu  log2 of 4 KiB blocks
  void ats_on(std::uint32_t allocation = 8, std::uint32_t stu = 0);
  /// Host page of a page of a PASID, unless `place` has given it another.
  std::uint64_t host_page(std::uint32_t pasid, std::uint64_t page) const;
  void place(std::uint32_t pasid, std::uint64_t page, std::uint64_t host);
  pcie::Tlp translation_request(std::uint32_t pasid, std::uint64_t page, bool no_write = false);
  /// Its completion: W 2, R 1, U 4, and S with an address that codes a size.
  void translation(const pcie::Tlp& request, std::uint64_t bits = 3);
  void translation(const pcie::Tlp& request, pcie::CplStatus status);
  void grant(std::uint32_t pasid, std::uint64_t page, std::uint64_t bits = 3);
  /// A request with PASID as a translated one; asks for the page if that has not been granted.
  pcie::Tlp translated(const pcie::Tlp& t);
  /// The device forgets a translation.
  void drop(std::uint32_t pasid, std::uint64_t page) { granted_.erase({pasid, page}); }
  pcie::Tlp invalidate_request(std::uint8_t itag, std::optional<Pasid> pasid, std::uint64_t address,
                               bool size = false, bool global = false);
  /// Request, and completion; the device forgets the page.
  void invalidate(std::uint32_t pasid, std::uint64_t page);
  pcie::Tlp invalidated(std::uint32_t itags, std::uint8_t count = 1, RequesterId host = kHost);
  pcie::Tlp page_request(std::uint32_t pasid, std::uint64_t page, std::uint16_t group,
                         bool write = true, bool last = true);
  /// @return whether the device gets it
  bool respond(std::uint32_t pasid, std::uint16_t group, std::uint8_t code = 0);
  /// A refused translation.
  void refuse(std::uint32_t pasid, std::uint64_t page) {
    translation(translation_request(pasid, page), 0);
  }

  FlatMemory memory;
  Referee referee;
  bool clean() const { return referee.report().clean(); }
  std::string text() const { return referee.report().text(); }
  /// At least one violation, all of this rule. @return what is wrong with that, empty if nothing
  std::string only(Rule rule) const;

 private:
  void send(pcie::Direction direction, const pcie::Tlp& t);
  void configure();
  std::uint16_t host_tag() { return host_tag_++ & 0xFF; }
  std::uint16_t device_tag() { return device_tag_++ & 0xFF; }
  static Config config_for(const FlatMemory& memory, const std::function<void(Config&)>& change);

  std::uint64_t cycle_ = 100;
  bool translating_ = false;
  std::set<std::pair<std::uint32_t, std::uint64_t>> granted_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> places_;
  std::uint16_t host_tag_ = 0, device_tag_ = 0;
};

/// Rules that have a negative test in this program.
std::set<Rule>& covered();

struct Covers {
  explicit Covers(Rule rule) { covered().insert(rule); }
};

using Play = void (*)(Sequence&);
/// How the referee and the function start.
struct Setup {
  bool configured = true;
  std::function<void(Config&)> change;
};
/// Plays the legal sequence: no report. Plays the broken one: this rule and no other.
void judge(Rule rule, Play legal, Play broken, const Setup& setup = {});

// NEGATIVE_TEST(name, rule, legal, broken): legal and broken are captureless lambdas over
// (Sequence& s).
#define NEGATIVE_TEST(name, rule, ...)                        \
  static const siov::check::test::Covers covers_##name(rule); \
  TEST(NegativeCheckTest, name) { siov::check::test::judge(rule, __VA_ARGS__); }

}  // namespace siov::check::test
