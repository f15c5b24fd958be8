// SPDX-License-Identifier: Apache-2.0
// Differential fuzz of everything but descriptors: the same random register, table, command and
// configuration accesses go to the RTL and to the C++ model; every read and every interrupt message
// must be the same.
#include <gtest/gtest.h>

#include <boost/random/mersenne_twister.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <cstdlib>

#include "model/device_model.hpp"
#include "raw_bench.hpp"

namespace siov::test {
namespace {

constexpr std::uint64_t kOnes = ~std::uint64_t{0};

class Pair {
 public:
  explicit Pair(std::uint32_t seed)
      : bench(pcie::LinkConfig{}),
        memory(4096),
        model(memory, bench.scheduler, quick()),
        rng_(seed) {}

  std::uint32_t below(std::uint32_t n) {
    return boost::random::uniform_int_distribution<std::uint32_t>(0, n - 1)(rng_);
  }
  bool chance(std::uint32_t percent) { return below(100) < percent; }

  void write(std::uint32_t offset, std::uint32_t size, std::uint64_t value) {
    note("write", offset, size, value);
    bench.write(offset, size, value);
    model.mmio_write(port::Bar::kControl, offset, size, value);
  }
  void config_write(std::uint32_t offset, std::uint32_t size, std::uint32_t value) {
    note("config write", offset, size, value);
    bench.run(bench.root.config_write(offset, size, value));
    bench.run(model.config_write(offset, size, value));
  }
  void compare(std::uint32_t offset, std::uint32_t size = 8) {
    const std::uint64_t rtl = bench.run(bench.read(offset, size));
    const std::uint64_t expected =
        bench.run(model.mmio_read(port::Bar::kControl, offset, size)).data;
    EXPECT_EQ(rtl, expected) << std::hex << "register " << offset << " rtl " << rtl << " model "
                             << expected << last_;
  }
  void compare_config(std::uint32_t offset) {
    const port::ReadResult rtl = bench.run(bench.root.config_read(offset, 4));
    const port::ReadResult expected = bench.run(model.config_read(offset, 4));
    EXPECT_EQ(rtl.data, expected.data) << std::hex << "configuration " << offset << " rtl "
                                       << rtl.data << " model " << expected.data << last_;
  }
  void settle() {  // commands at their end, messages out
    bench.scheduler.run_cycles(400);
    EXPECT_EQ(bench.run(bench.read(abi::kRegCmdstatus)) >> 31, 0u);
  }
  void compare_messages() {
    EXPECT_EQ(bench.memory.messages.size(), memory.messages.size()) << last_;
    for (std::size_t i = 0; i < std::min(bench.memory.messages.size(), memory.messages.size());
         ++i) {
      EXPECT_EQ(bench.memory.messages[i].address, memory.messages[i].address) << last_;
      EXPECT_EQ(bench.memory.messages[i].data, memory.messages[i].data) << last_;
    }
    bench.memory.messages.clear();
    memory.messages.clear();
  }
  void bring_up_space();
  void step();
  void sweep();

  RawBench bench;
  FlatMemory memory;
  model::DeviceModel model;

 private:
  static model::DeviceConfig quick() {
    model::DeviceConfig c;
    c.latency_cycles = 0;
    c.access_cycles = 2;
    return c;
  }
  void note(const char* what, std::uint32_t offset, std::uint32_t size, std::uint64_t value) {
    history_.push_back(std::string(what) + " " + hex(offset) + " size " + std::to_string(size) +
                       " = " + hex(value));
    if (history_.size() > 12) history_.erase(history_.begin());
    last_ = "\nlast accesses:";
    for (const std::string& h : history_) last_ += "\n  " + h;
  }
  static std::string hex(std::uint64_t v) {
    char text[32];
    std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(v));
    return text;
  }
  void random_write();
  void random_command();
  void random_config();
  void good_configuration();

  boost::random::mt19937 rng_;
  std::vector<std::string> history_;
  std::string last_;
};

void Pair::bring_up_space() {
  bench.run(bench.configure_space());
  for (const auto& [offset, size, value] :
       std::initializer_list<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>>{
           {0x10, 4, static_cast<std::uint32_t>(RawBench::kBar0)},
           {0x14, 4, static_cast<std::uint32_t>(RawBench::kBar0 >> 32)},
           {0x18, 4, static_cast<std::uint32_t>(RawBench::kBar2)},
           {0x1C, 4, static_cast<std::uint32_t>(RawBench::kBar2 >> 32)},
           {0x48, 2, 0x2930},
           {0x236, 2, 5},
           {0x82, 2, 0x8000},
           {0x04, 2, 6}})
    bench.run(model.config_write(offset, size, value));
  for (unsigned i = 0; i < 9; ++i) {
    write(abi::kTblMsix + 16 * i, 8, 0xFEE01000u + 4 * i);
    write(abi::kTblMsix + 16 * i + 8, 8, i);
  }
}

/// A configuration that Enable Device accepts, more or less.
void Pair::good_configuration() {
  for (unsigned g = 0; g < 4; ++g) {
    write(abi::kTblGrpcfg + 64 * g, 8, chance(95) ? 3u << 2 * g : below(0x200));
    write(abi::kTblGrpcfg + 64 * g + 0x20, 8, chance(95) ? 1u << g : below(0x20));
    write(abi::kTblGrpcfg + 64 * g + 0x28, 8,
          chance(90) ? 96u << 20 : std::uint64_t{below(97)} << 20 | below(97) << 8 | below(0x100));
  }
  for (unsigned w = 0; w < 8; ++w) {
    write(abi::kTblWqcfg + 64 * w, 4, chance(97) ? 16 : below(64));
    write(abi::kTblWqcfg + 64 * w + 4, 4, below(20));
    const std::uint32_t good = below(2) | (1 + below(15)) << 4 | 0x123u << 8 | 1u << 28;
    write(abi::kTblWqcfg + 64 * w + 8, 8,
          std::uint64_t{31 | below(11) << 5} << 32 | (chance(85) ? good : rng_()));
    write(abi::kTblWqcfg + 64 * w + 16, 8,  // occupancy interrupt off, or on with some handle
          chance(70) ? 0 : std::uint64_t{1u << 16 | below(20)} << 32 | below(2) << 16 | below(12));
    write(abi::kTblWqcfg + 64 * w + 32, 8,
          (chance(90) ? 0x1003F03FFu : kOnes) & (std::uint64_t{rng_()} << 32 | rng_()));
  }
  write(abi::kRegGencfg, 4, chance(80) ? 96 : rng_());
}

void Pair::random_write() {
  std::uint32_t offset = 0;
  switch (below(7)) {
    case 0:
      offset = below(0x200);
      break;
    case 1:
      offset = abi::kTblMsixperm + below(0x60);
      break;
    case 2:
      offset = abi::kTblGrpcfg + below(0x120);
      break;
    case 3:
      offset = abi::kTblWqcfg + below(0x240);
      break;
    case 4:
      offset = abi::kTblMsix + below(0xA0);
      break;
    case 5:
      offset = abi::kTblIms + (chance(80) ? below(0x100) : 0x1000 - 0x40 + below(0x80));
      break;
    default:
      offset = below(0x10000);
      break;
  }
  const std::uint32_t size = 1u << below(4);
  offset &= ~(size - 1);
  if (offset <= abi::kRegCmd + 3u && offset + size > abi::kRegCmd)
    return;  // commands have their own turn
  std::uint64_t value = std::uint64_t{rng_()} << 32 | rng_();
  if (offset >= abi::kTblIms && offset % 16 < 8 && chance(70))
    value = 0xFEE00000u | below(0x100000);
  if (offset >= abi::kTblMsix && offset < abi::kTblPba && offset % 16 < 8)
    value = 0xFEE00000u | below(0x100000);
  write(offset, size, value);
}

void Pair::random_command() {
  std::uint32_t operand = chance(60) ? below(9) : chance(70) ? below(0x100) : below(0x100000);
  std::uint32_t code = chance(95) ? below(13) : below(32);
  if (chance(25)) code = abi::kCmdEnableWq;
  if (chance(15)) code = abi::kCmdEnableDevice;
  if (chance(20)) operand = below(8);
  write(abi::kRegCmd, 4, (chance(40) ? 1u << 31 : 0u) | code << 20 | operand);
  if (chance(10))
    write(abi::kRegCmd, 4, abi::kCmdDrainAll << 20);  // while active: dropped, dsa 2.6
  settle();
  compare(abi::kRegCmdstatus, 4);
}

void Pair::random_config() {
  switch (below(6)) {
    case 0:  // without events: how many messages leave after a pause of bus mastering is not
             // specified
      write(abi::kRegGenctrl, 4, 0);
      config_write(0x04, 2, 0x0002);
      bench.scheduler.run_cycles(50);
      compare(abi::kRegGensts);
      write(abi::kRegCmd, 4, abi::kCmdEnableDevice << 20);
      settle();
      compare(abi::kRegCmdstatus, 4);
      config_write(0x04, 2, 0x0006);
      break;
    case 1:
      config_write(0x236, 2, below(2) | below(2) << 2);
      break;
    case 2:
      config_write(0x82, 2, (chance(80) ? 0x8000 : 0) | (chance(30) ? 0x4000 : 0));
      break;
    case 3:
      config_write(0x48, 2, 0x2910 | below(3) << 5);
      break;
    case 4:
      config_write(0x68, 2, below(0x20));
      break;
    default:
      if (chance(50)) return;
      config_write(0x48, 2, 0xA930);  // function-level reset
      bench.scheduler.run_cycles(50);
      bring_up_space();
  }
  bench.scheduler.run_cycles(50);
}

void Pair::step() {
  const std::uint32_t kind = below(100);
  if (kind < 55)
    random_write();
  else if (kind < 85)
    random_command();
  else if (kind < 88)
    random_config();
  else if (kind < 92)
    good_configuration();
  else if (kind < 95)
    write(abi::kRegSwerror, 8, below(4));
  else if (kind < 97)
    write(abi::kRegIntcause, 4, below(32));
  else
    write(abi::kRegCmd, 4, abi::kCmdResetDevice << 20), settle();
  bench.scheduler.run_cycles(40);
  compare(abi::kTblPba);
  if (chance(30)) {
    const std::uint32_t size = 1u << below(4);
    const std::uint32_t offset = (chance(50) ? below(0x1000) : below(0x10000)) & ~(size - 1);
    if (!(offset <= abi::kRegCmd + 7u && offset + size > abi::kRegCmd)) compare(offset, size);
  }
}

void Pair::sweep() {
  bench.scheduler.run_cycles(100);
  for (std::uint32_t at = 0; at < 0x200; at += 8)
    if (at != abi::kRegCmd) compare(at);  // CMD reads undefined: dsa 2.1
  for (std::uint32_t at = 0; at < 0x48; at += 8) compare(abi::kTblMsixperm + at);
  for (std::uint32_t at = 0; at < 0x100; at += 8) compare(abi::kTblGrpcfg + at);
  for (std::uint32_t at = 0; at < 0x200; at += 8) compare(abi::kTblWqcfg + at);
  for (std::uint32_t at = 0; at < 0x90; at += 8) compare(abi::kTblMsix + at);
  for (std::uint32_t at = 0; at < 0x100; at += 8) compare(abi::kTblIms + at);
  for (std::uint32_t at = 0; at < 0x80; at += 8) compare(abi::kTblIms + 0x1000 - 0x40 + at);
  compare(abi::kTblPba);
  for (const std::uint32_t at : {0x04u, 0x10u, 0x14u, 0x18u, 0x1Cu, 0x48u, 0x68u, 0x80u, 0x234u})
    compare_config(at);
  compare_messages();
  EXPECT_EQ(bench.device->assertion_failure(), "");
}

TEST(RegisterFuzzTest, RtlAndModelAgreeOnEveryAccess) {
  const char* text = std::getenv("SIOV_FUZZ_SCALE");
  const unsigned scale = text == nullptr ? 1u : static_cast<unsigned>(std::max(1, std::atoi(text)));
  for (unsigned seed = 1; seed <= 10 * scale; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Pair pair(seed);
    pair.bring_up_space();
    for (unsigned round = 0; round < 12; ++round) {
      for (unsigned i = 0; i < 25; ++i) {
        pair.step();
        if (HasFailure()) return;
      }
      pair.sweep();
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace siov::test
