// SPDX-License-Identifier: Apache-2.0
// Sequence: the builder behind the negative tests.
#include "sequence.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "pcie/ats_tlp.hpp"
#include "pcie/tlp_factory.hpp"

namespace siov::check::test {

using pcie::CplStatus;
using pcie::Direction;
using pcie::Tlp;

std::vector<std::byte>& FlatMemory::space(std::uint32_t pasid) const {
  std::vector<std::byte>& s = spaces_[pasid];
  if (s.empty()) {
    s.resize(kBytes);
    for (std::size_t i = 0; i < s.size(); ++i)
      s[i] = static_cast<std::byte>(i * 7 + i / 256 + pasid * 31);
  }
  return s;
}

bool FlatMemory::peek(Pasid pasid, Iova address, std::span<std::byte> out) const {
  if (address.value + out.size() > kBytes) return false;
  const std::vector<std::byte>& s = space(pasid.value);
  std::copy_n(s.begin() + static_cast<std::ptrdiff_t>(address.value), out.size(), out.begin());
  return true;
}

bool FlatMemory::writable(Pasid, Iova address, std::uint64_t bytes) const {
  return address.value + bytes <= kBytes;
}

std::vector<std::byte> FlatMemory::bytes(std::uint32_t pasid, std::uint64_t address,
                                         std::uint32_t n) const {
  std::vector<std::byte> out(n);
  if (!peek(Pasid{pasid}, Iova{address}, out)) std::fill(out.begin(), out.end(), std::byte{0});
  return out;
}

void FlatMemory::poke(std::uint32_t pasid, std::uint64_t address, std::span<const std::byte> data) {
  std::copy(data.begin(), data.end(), space(pasid).begin() + static_cast<std::ptrdiff_t>(address));
}

Config Sequence::config_for(const FlatMemory& memory, const std::function<void(Config&)>& change) {
  Config config;
  config.memory = &memory;
  if (change) change(config);
  return config;
}

Sequence::Sequence(bool configured, const std::function<void(Config&)>& change)
    : referee(config_for(memory, change)) {
  if (configured) configure();
}

void Sequence::send(Direction direction, const Tlp& t) { referee.on_tlp(direction, t, cycle_++); }

Tlp Sequence::down(const Tlp& t) {
  send(Direction::kDown, t);
  Tlp wire = t;
  if (mutator != nullptr) mutator->mutate_down(wire);
  return wire;
}

void Sequence::up(Tlp t) {
  if (translating_ && t.is_memory_request() && t.prefix.present && t.at == 0) t = translated(t);
  if (mutator == nullptr) {
    send(Direction::kUp, t);
    return;
  }
  std::vector<Tlp> extra;
  bool drop = false;
  mutator->mutate(t, extra, drop);
  if (!drop) send(Direction::kUp, t);
  for (const Tlp& more : extra) send(Direction::kUp, more);
}

void Sequence::wait(std::uint64_t cycles) {
  for (const std::uint64_t end = cycle_ + cycles; cycle_ < end; cycle_ += 64) referee.cycle(cycle_);
}

void Sequence::credits(pcie::CreditLimits down, pcie::CreditLimits up) {
  referee.on_credit_limits(down, up, cycle_);
}
void Sequence::end() { referee.end_of_test(cycle_); }

void Sequence::configure() {
  config_write(0x10, 4, kBar0 & 0xFFFF'FFFF);
  config_write(0x14, 4, kBar0 >> 32);
  config_write(0x18, 4, kBar2 & 0xFFFF'FFFF);
  config_write(0x1C, 4, kBar2 >> 32);
  config_write(0x48, 2, 0x2930);   // MRRS 512, no-snoop, ext tag, MPS 256, RO (dsa.md 1.3)
  config_write(0x236, 2, 0x0001);  // PASID Enable
  config_write(0x82, 2, 0x8000);   // MSI-X Enable
  config_write(0x04, 2, 0x0006);   // MSE, BME
  write_register(0x80, 0x1000);    // GENCFG: user interrupts
  write_register(0x620, 0xF, 8);   // GRPCFG 0: engines; TC A = B = 0
  const auto queue = [this](std::uint32_t wq, std::uint32_t size, std::uint32_t threshold,
                            std::uint32_t mode) {
    const std::uint32_t base = 0x800 + wq * 64;  // WQCAP: 64 bytes an entry
    write_register(base, size);
    write_register(base + 4, threshold);
    write_register(base + 8, mode);
    write_register(base + 12, 5u << 5 | 0x14);  // at most 2^5 members, 2^20 bytes
  };
  queue(0, 4, 0, 1u << 28 | 5u << 8 | 0x10 | 1);
  queue(1, 4, 2, 1u << 28 | 0x10);
  queue(2, 4, 0, 1u << 28 | 6u << 8 | 0x10 | 1);
  for (std::uint32_t i = 0; i < 3; ++i) program_entry(true, i + 1, i + 5, false);
  write_register(0x400 + 2 * 8, 5u << 12 | 1u << 3);
  program_entry(false, 2, 0, false);
  program_entry(false, 0, 0, false);
  command(1, 0);
  for (std::uint32_t wq = 0; wq < 3; ++wq) command(6, wq);
}

void Sequence::ats_on(std::uint32_t allocation, std::uint32_t stu) {
  command(2, 0);
  config_write(0x24C, 4, allocation);    // PRI: allocation (pcie.md 9.5, dsa.md 1.3)
  config_write(0x226, 2, 0x8000 | stu);  // ATS: Enable, STU
  config_write(0x244, 2, 0x0001);        // PRI: Enable
  command(1, 0);
  for (std::uint32_t wq = 0; wq < 3; ++wq) command(6, wq);
  translating_ = true;
}

void Sequence::place(std::uint32_t pasid, std::uint64_t page, std::uint64_t host) {
  places_[{pasid, page}] = host;
}

std::uint64_t Sequence::host_page(std::uint32_t pasid, std::uint64_t page) const {
  const auto found = places_.find({pasid, page});
  return found != places_.end() ? found->second : 0x10'0000'0000 + pasid * 0x1000'0000ull + page;
}

Tlp Sequence::translation_request(std::uint32_t pasid, std::uint64_t page, bool no_write) {
  const Tlp t = pcie::translation_request(
      device_tag(),
      {.requester = kDevice, .address = Iova{page}, .pasid = Pasid{pasid}, .no_write = no_write});
  up(t);
  return t;
}

void Sequence::translation(const Tlp& request, std::uint64_t bits) {
  const bool address = (bits & 3) != 0 && bits < 0x1000;
  const std::uint64_t entry =
      address ? host_page(request.prefix.pasid, request.address) | bits : bits;
  down(pcie::translation_completion(request, kHost, entry, 64));
}

void Sequence::translation(const Tlp& request, CplStatus status) {
  down(pcie::completion(request, kHost, status));
}

void Sequence::grant(std::uint32_t pasid, std::uint64_t page, std::uint64_t bits) {
  translation(translation_request(pasid, page, (bits & 2) == 0), bits);
  granted_.insert({pasid, page});
}

Tlp Sequence::translated(const Tlp& t) {
  const std::uint64_t page = t.address & ~std::uint64_t{0xFFF};
  if (!granted_.contains({t.prefix.pasid, page})) grant(t.prefix.pasid, page);
  Tlp out = t;
  out.address = host_page(t.prefix.pasid, page) | (t.address & 0xFFF);
  out.four_dw = true;
  out.at = pcie::kAtTranslated;
  out.prefix = {};
  return out;
}

Tlp Sequence::invalidate_request(std::uint8_t itag, std::optional<Pasid> pasid,
                                 std::uint64_t address, bool size, bool global) {
  const Tlp t = pcie::invalidate_request(kHost, {.device = kDevice,
                                                 .itag = itag,
                                                 .pasid = pasid,
                                                 .address = address,
                                                 .size = size,
                                                 .global = global});
  return down(t);
}

Tlp Sequence::invalidated(std::uint32_t itags, std::uint8_t count, RequesterId host) {
  const Tlp t =
      pcie::invalidate_completion(host, {.device = kDevice, .itags = itags, .count = count});
  up(t);
  return t;
}

void Sequence::invalidate(std::uint32_t pasid, std::uint64_t page) {
  invalidate_request(0, Pasid{pasid}, page);
  drop(pasid, page);
  invalidated(1);
}

Tlp Sequence::page_request(std::uint32_t pasid, std::uint64_t page, std::uint16_t group, bool write,
                           bool last) {
  const Tlp t = pcie::page_request({.requester = kDevice,
                                    .pasid = Pasid{pasid},
                                    .address = page,
                                    .read = true,
                                    .write = write,
                                    .last = last,
                                    .group = group});
  up(t);
  return t;
}

bool Sequence::respond(std::uint32_t pasid, std::uint16_t group, std::uint8_t code) {
  const Tlp wire = down(pcie::page_response(
      kHost, {.device = kDevice, .pasid = Pasid{pasid}, .group = group, .code = code}));
  const auto seen = pcie::page_response_of(wire);
  return seen && seen->group == group;
}

void Sequence::program_entry(bool ims, std::uint32_t index, std::uint32_t pasid, bool masked) {
  const std::uint32_t base = (ims ? 0x4000 : 0x2000) + index * 16;
  write_register(base, 0xFEE0'0000u + index * 0x1000u, 8);
  write_register(base + 8, (ims ? 0xA000u : 0xB000u) + index);
  write_register(base + 12, ims ? pasid << 12 | 1u << 3 | (masked ? 1u : 0u) : (masked ? 1u : 0u));
}

void Sequence::config_write(std::uint32_t offset, std::uint32_t size, std::uint32_t value) {
  const Tlp request = pcie::config_write(kHost, host_tag(), {kDevice, offset, size}, value);
  down(request);
  up(pcie::completion(request, kDevice, CplStatus::kSc));
}

Tlp Sequence::config_read_request(std::uint32_t offset) {
  return pcie::config_read(kHost, host_tag(), {kDevice, offset, 4});
}

void Sequence::config_read(std::uint32_t offset, std::uint32_t value) {
  const Tlp request = config_read_request(offset);
  down(request);
  std::array<std::byte, 4> data;
  for (unsigned i = 0; i < 4; ++i) data[i] = static_cast<std::byte>(value >> (8 * i));
  up(pcie::completion_data(request, kDevice, 0, data));
}

void Sequence::write_register(std::uint32_t offset, std::uint64_t value, std::uint32_t bytes) {
  std::array<std::byte, 8> data;
  for (unsigned i = 0; i < 8; ++i) data[i] = static_cast<std::byte>(value >> (8 * i));
  down(pcie::mem_write(kHost, kBar0 + offset, std::span(data).first(bytes)));
}

Tlp Sequence::register_read_request(std::uint32_t offset, std::uint32_t bytes) {
  return pcie::mem_read(kHost, host_tag(), kBar0 + offset, bytes);
}

void Sequence::read_register(std::uint32_t offset, std::uint64_t value, std::uint32_t bytes) {
  const Tlp request = register_read_request(offset, bytes);
  down(request);
  std::array<std::byte, 8> data;
  for (unsigned i = 0; i < 8; ++i) data[i] = static_cast<std::byte>(value >> (8 * i));
  up(pcie::completion_data(request, kDevice, 0, std::span(data).first(bytes)));
}

void Sequence::begin_command(std::uint32_t code, std::uint32_t operand) {
  write_register(0xA0, code << 20 | operand);
}
void Sequence::end_command(std::uint8_t error) { read_register(0xA8, error); }
void Sequence::command(std::uint32_t code, std::uint32_t operand, std::uint8_t error) {
  begin_command(code, operand);
  end_command(error);
}

void Sequence::submit(std::uint32_t wq, const abi::Descriptor& d, std::uint32_t page) {
  down(pcie::mem_write(kHost, kBar2 + wq * 0x4000 + page * 0x1000, abi::to_line(d)));
}

Tlp Sequence::deferrable(std::uint32_t wq, const abi::Descriptor& d, std::uint32_t page) {
  return pcie::deferrable_write(kHost, host_tag(), kBar2 + wq * 0x4000 + page * 0x1000,
                                abi::to_line(d));
}

Tlp Sequence::answer(const Tlp& request, CplStatus status) const {
  return pcie::completion(request, kDevice, status);
}

void Sequence::submit_shared(const abi::Descriptor& d, CplStatus status) {
  const Tlp request = deferrable(1, d);
  down(request);
  up(answer(request, status));
}

abi::Descriptor Sequence::noop(std::uint32_t pasid) const {
  abi::Descriptor d;
  d.pasid = Pasid{pasid};
  d.flags = 0x0C;  // CRAV, RCR
  d.completion_address = Iova{0x8000};
  return d;
}

abi::Descriptor Sequence::move(std::uint32_t pasid) const {
  abi::Descriptor d = noop(pasid);
  d.opcode = 3;
  d.source = Iova{0x1000};
  d.destination = Iova{0x9000};
  d.size = 600;
  return d;
}

abi::Descriptor Sequence::fill(std::uint32_t pasid) const {
  abi::Descriptor d = move(pasid);
  d.opcode = 4;
  d.set_pattern(0x1122'3344'5566'7788);
  return d;
}

abi::Descriptor Sequence::compare(std::uint32_t pasid) const {
  abi::Descriptor d = noop(pasid);
  d.opcode = 5;
  d.source = Iova{0x1000};
  d.destination = Iova{0x2000};
  d.size = 64;
  return d;
}

abi::Descriptor Sequence::drain(std::uint32_t pasid) const {
  abi::Descriptor d = noop(pasid);
  d.opcode = 2;
  d.completion_address = Iova{0x8100};
  return d;
}

abi::Descriptor Sequence::member(std::uint32_t i, bool fenced) const {
  abi::Descriptor d = move(0x77);  // a member's PASID field has no meaning
  d.source = Iova{0x1'0000 + i * 0x1000ull};
  d.destination = Iova{0x4'0000 + i * 0x1000ull};
  d.size = 256;
  d.completion_address = Iova{0x8400 + i * 32ull};
  if (fenced) d.flags |= 0x01;
  return d;
}

abi::Descriptor Sequence::batch(const std::vector<abi::Descriptor>& members, std::uint32_t pasid) {
  abi::Descriptor d = noop(pasid);
  d.opcode = 1;
  d.source = Iova{0x4000};
  d.size = static_cast<std::uint32_t>(members.size());
  d.completion_address = Iova{0x8200};
  for (std::size_t i = 0; i < members.size(); ++i)
    memory.poke(pasid, 0x4000 + 64 * i, abi::to_line(members[i]));
  return d;
}

void Sequence::reconfigure(const std::function<void(Sequence&)>& change) {
  command(2, 0);
  change(*this);
  command(1, 0);
  for (std::uint32_t wq = 0; wq < 3; ++wq) command(6, wq);
}

void Sequence::log_on() {
  reconfigure([](Sequence& s) {
    s.write_register(0xE0, 0x3'0001, 8);       // EVLCFG: base, PASID enable
    s.write_register(0xE8, 6u << 16 | 64, 8);  // PASID, entries
    s.write_register(0x80, 0x3060);            // GENCFG: log, user interrupts, 96 read buffers
  });
}

Tlp Sequence::log_entry(std::uint32_t index, std::array<std::uint64_t, 3> head,
                        std::span<const std::byte> record) const {
  std::array<std::byte, 64> bytes{};
  for (std::size_t i = 0; i < 24; ++i)
    bytes[i] = static_cast<std::byte>(head[i / 8] >> (8 * (i % 8)));
  std::copy(record.begin(), record.end(), bytes.begin() + 32);
  return data_write(6, 0x3'0000 + index * 64ull, bytes);
}

abi::Descriptor Sequence::with_interrupt(abi::Descriptor d, std::uint16_t handle) {
  d.flags |= 0x10;  // RCI
  d.interrupt_handle = handle;
  return d;
}

abi::Descriptor Sequence::without_record(abi::Descriptor d) {
  d.flags &= ~0x08u;  // RCR off, CRAV kept
  return d;
}

Tlp Sequence::read_request(std::uint32_t pasid, std::uint64_t address, std::uint32_t bytes) {
  return pcie::with_pasid(pcie::mem_read(kDevice, device_tag(), address, bytes), Pasid{pasid});
}

void Sequence::complete(const Tlp& read, CplStatus status) {
  if (status != CplStatus::kSc) {
    down(pcie::completion(read, kHost, status));
    return;
  }
  const std::vector<std::byte> all =
      memory.bytes(read.prefix.pasid, read.address, read.length_dw * 4);
  for (std::uint32_t at = 0; at < all.size();) {
    const std::uint64_t start = read.address + at;
    const auto piece = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(all.size() - at, ((start & ~std::uint64_t{63}) + 256) - start));
    down(pcie::completion_data(read, kHost, at, std::span(all).subspan(at, piece)));
    at += piece;
  }
}

void Sequence::fetch(std::uint32_t pasid, std::uint64_t address, std::uint32_t bytes) {
  std::vector<Tlp> reads;
  while (bytes != 0) {
    const auto piece =
        static_cast<std::uint32_t>(std::min<std::uint64_t>({bytes, 512, 4096 - (address & 0xFFF)}));
    reads.push_back(read_request(pasid, address, piece));
    address += piece;
    bytes -= piece;
  }
  for (const Tlp& read : reads) up(read);
  for (const Tlp& read : reads) complete(read);
}

Tlp Sequence::data_write(std::uint32_t pasid, std::uint64_t address,
                         std::span<const std::byte> data) const {
  return pcie::with_pasid(pcie::mem_write(kDevice, address, data), Pasid{pasid});
}

void Sequence::store(std::uint32_t pasid, std::uint64_t address, std::uint64_t source,
                     std::uint32_t bytes) {
  const std::vector<std::byte> all = memory.bytes(pasid, source, bytes);
  for (std::uint32_t at = 0; at < bytes;) {
    const std::uint64_t start = address + at;
    const auto piece =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes - at, 256 - (start & 0xFF)));
    up(data_write(pasid, start, std::span(all).subspan(at, piece)));
    at += piece;
  }
}

Tlp Sequence::record(std::uint32_t pasid, std::uint64_t address, std::uint8_t status) const {
  std::array<std::byte, 32> bytes{};
  bytes[0] = std::byte{status};
  return data_write(pasid, address, bytes);
}

Tlp Sequence::record(std::uint32_t pasid, std::uint64_t address, std::uint8_t status,
                     std::uint32_t count) const {
  std::array<std::byte, 32> bytes{};
  bytes[0] = std::byte{status};
  for (unsigned i = 0; i < 4; ++i) bytes[4 + i] = static_cast<std::byte>(count >> (8 * i));
  return data_write(pasid, address, bytes);
}

Tlp Sequence::readback_request(std::uint32_t pasid, std::uint64_t address) {
  Tlp t = read_request(pasid, address & ~std::uint64_t{3}, 4);
  t.first_be = 0;
  return t;
}

void Sequence::read_back(std::uint32_t pasid, std::uint64_t address, CplStatus status) {
  const Tlp request = readback_request(pasid, address);
  up(request);
  if (status != CplStatus::kSc) {
    down(pcie::completion(request, kHost, status));
    return;
  }
  const std::array<std::byte, 4> nothing{};
  down(pcie::completion_data(request, kHost, 0, nothing));
}

Tlp Sequence::message(bool ims, std::uint32_t index) const {
  const std::uint32_t data = (ims ? 0xA000u : 0xB000u) + index;
  std::array<std::byte, 4> bytes;
  for (unsigned i = 0; i < 4; ++i) bytes[i] = static_cast<std::byte>(data >> (8 * i));
  return pcie::mem_write(kDevice, 0xFEE0'0000u + index * 0x1000u, bytes);
}

void Sequence::run(std::uint32_t pasid, const abi::Descriptor& d) {
  fetch(pasid, d.source.value, d.size);
  store(pasid, d.destination.value, d.source.value, d.size);
  if (d.has(3)) up(record(pasid, d.completion_address.value));
  if (d.has(4)) up(message(true, d.interrupt_handle));
}

std::string Sequence::only(Rule rule) const {
  const Report& report = referee.report();
  if (report.count(rule) == 0) return "rule was not reported; instead:\n" + report.text();
  if (report.count(rule) != report.total())
    return "other rules were reported, too:\n" + report.text();
  return {};
}

std::set<Rule>& covered() {
  static std::set<Rule> rules;
  return rules;
}

void judge(Rule rule, Play legal, Play broken, const Setup& setup) {
  Sequence good(setup.configured, setup.change);
  legal(good);
  EXPECT_EQ(good.text(), "");
  Sequence bad(setup.configured, setup.change);
  broken(bad);
  EXPECT_EQ(bad.only(rule), "");
  ASSERT_FALSE(bad.clean());
  const Violation& first = bad.referee.report().violations().front();
  EXPECT_NE(first.text().find(std::string(rule_info(rule).name)), std::string::npos);
  EXPECT_NE(first.text().find(" ns"), std::string::npos);
}

}  // namespace siov::check::test
