// SPDX-License-Identifier: Apache-2.0
// Simulated time in picoseconds, and the errors that end a wait.
//
//   co_await Timer(ns(100));
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace siov::coro {

/// Simulated time or a span of it [ps].
using SimTime = std::uint64_t;

constexpr SimTime ps(std::uint64_t n) { return n; }
constexpr SimTime ns(std::uint64_t n) { return n * 1000; }
constexpr SimTime us(std::uint64_t n) { return n * 1000000; }
constexpr SimTime ms(std::uint64_t n) { return n * 1000000000; }

/// A time limit passed. The text names every task that was waiting, for what and where.
class SimTimeoutError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Awaiting a task that was cancelled.
class CancelledError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace siov::coro
