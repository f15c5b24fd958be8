// SPDX-License-Identifier: Apache-2.0
// Scenarios in which a mistake of the host's software has consequences. Each plays the same with
// and without, and says what it finds wrong.
#pragma once

#include "audited_rig.hpp"

namespace siov::test {

using MakeMistake = std::function<void(vdcm::VdcmMistakes&)>;
using Scenario = void (*)(const MakeMistake& mistake, Findings& found);

// scenarios_isolation.cpp
void work_with_interrupts(const MakeMistake& mistake, Findings& found);
void hostile_messages(const MakeMistake& mistake, Findings& found);
void guest_without_pasid(const MakeMistake& mistake, Findings& found);
void abort_beside_a_neighbour(const MakeMistake& mistake, Findings& found);
void raw_pasids(const MakeMistake& mistake, Findings& found);
void unbind_under_load(const MakeMistake& mistake, Findings& found);
void error_on_a_shared_queue(const MakeMistake& mistake, Findings& found);

// scenarios_life.cpp
void reset_and_start_again(const MakeMistake& mistake, Findings& found);
void store_after_reset(const MakeMistake& mistake, Findings& found);
void store_while_paused(const MakeMistake& mistake, Findings& found);
void save_under_load(const MakeMistake& mistake, Findings& found);
void held_over_a_pause(const MakeMistake& mistake, Findings& found);
void handles_change(const MakeMistake& mistake, Findings& found);
void acknowledged_handles(const MakeMistake& mistake, Findings& found);

}  // namespace siov::test
