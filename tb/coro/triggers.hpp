// SPDX-License-Identifier: Apache-2.0
// Everything a test awaits, in cocotb's words: Timer, ClockCycles, RisingEdge, FallingEdge,
// ReadOnly, ReadWrite, NextTimeStep, NullTrigger, Event, Lock, Queue, First, Combine, with_timeout.
//
//   #include "coro/triggers.hpp"
#pragma once

#include "coro/clock_triggers.hpp"  // IWYU pragma: export
#include "coro/combine.hpp"         // IWYU pragma: export
#include "coro/event.hpp"           // IWYU pragma: export
#include "coro/lock.hpp"            // IWYU pragma: export
#include "coro/queue.hpp"           // IWYU pragma: export
#include "coro/scheduler.hpp"       // IWYU pragma: export
#include "coro/signal.hpp"          // IWYU pragma: export
