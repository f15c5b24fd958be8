// SPDX-License-Identifier: Apache-2.0
// Runs one block under its stimulus until an assertion fires or the cycles are over. Verilator
// prints the names of all assertions of the failing clock edge; assertion_mutants.py reads them.
//
// Compiled in one piece with the Verilated model: TOP_SOURCES includes its files, TOP_ENV is the
// stimulus, TOP_PORTS(X) lists the inputs as X(name, width). Usage: program SEED CYCLES
// [NAME=NUMBER...]. Exit status: 0 quiet, 1 fired.

#include "harness.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include TOP_PORTS_FILE
#include TOP_ENV
#include TOP_SOURCES

namespace {
unsigned failures = 0;
}

// Called after each failing assertion has been printed.
void vl_stop(const char*, int, const char*) { ++failures; }

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  boost::random::mt19937 random(static_cast<std::uint32_t>(std::strtoul(argv[1], nullptr, 10)));
  const unsigned cycles = static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10));
  Options options;
  for (int i = 3; i < argc; ++i) {
    const std::string text = argv[i];
    const auto equal = text.find('=');
    if (equal == std::string::npos) return 2;
    options[text.substr(0, equal)] = static_cast<unsigned>(std::stoul(text.substr(equal + 1)));
  }
  VerilatedContext context;
  const auto dut = std::make_unique<Vtop>(&context, "TOP");
  const auto clear = [](auto& port, unsigned width) {
    for (unsigned lsb = 0; lsb < width; ++lsb) put(port, lsb, 1, 0);
  };
#define TOP_CLEAR(name, width) clear(dut->name, width);
  TOP_PORTS(TOP_CLEAR)
  Env env(*dut, random, options);
  for (unsigned cycle = 0; cycle < cycles && failures == 0; ++cycle) {
    env.cycle = cycle;
    dut->rst_ni = cycle >= 4 ? 1 : 0;
    if (cycle >= 4) env.drive();
    dut->clk_i = 0;
    dut->eval();
    if (cycle >= 4) env.sample();
    dut->clk_i = 1;
    dut->eval();
    context.timeInc(1);
  }
  dut->final();
  return failures == 0 ? 0 : 1;
}
