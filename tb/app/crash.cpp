// SPDX-License-Identifier: Apache-2.0
// Signal handler: async-signal-safe calls only.
#include "app/crash.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>

namespace siov::app {
namespace {

constexpr std::size_t kContextBytes = 1024;
constexpr int kCrash = 4;
std::array<char, kContextBytes> context{};
std::array<char, 64 * 1024> signal_stack{};

void put(const char* text) {
  const ssize_t ignored = write(STDERR_FILENO, text, std::strlen(text));
  static_cast<void>(ignored);
}

const char* name_of(int signal) {
  switch (signal) {
    case SIGSEGV:
      return "segmentation fault";
    case SIGBUS:
      return "bus error";
    case SIGFPE:
      return "arithmetic error";
    case SIGILL:
      return "illegal instruction";
    case SIGABRT:
      return "abort";
    default:
      return "signal";
  }
}

void on_signal(int signal) {
  put("\nsiov-cosim: crash: ");
  put(name_of(signal));
  put("\n  to repeat: ");
  put(context.data());
  put("\n");
  _exit(kCrash);
}

}  // namespace

void install_crash_handler() {
  stack_t stack{};
  stack.ss_sp = signal_stack.data();
  stack.ss_size = signal_stack.size();
  sigaltstack(&stack, nullptr);  // a stack overflow must be reported too
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_ONSTACK | SA_RESETHAND;
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
    sigaction(signal, &action, nullptr);
}

void set_crash_context(const std::string& command) {
  const std::size_t n = std::min(command.size(), kContextBytes - 1);
  std::copy_n(command.data(), n, context.data());
  context[n] = '\0';
}

}  // namespace siov::app
