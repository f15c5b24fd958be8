// SPDX-License-Identifier: Apache-2.0
// Attack: one kind of hostile behaviour, with the clause that says why it must not work.
//
//   for (const hostile::Attack& attack : hostile::attacks()) print(attack.name, attack.clause);
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>
#include <vector>

#include "coro/task.hpp"
#include "hostile/attacker.hpp"

namespace siov::hostile {

enum class Group : std::uint8_t {
  kConfig,
  kRegisters,
  kInterrupts,
  kPortals,
  kDescriptors,
  kMemory,
  kCpu,
  kLifeCycle
};
[[nodiscard]] std::string_view to_string(Group group);

using Script = coro::Task<> (*)(Attacker& attacker);

/// What an attack needs of the system around it.
struct Setting {
  bool translates = false;  ///< ATS and page requests, with block on fault
  /// It leaves the result of its own work open: one record or buffer for several descriptors in
  /// flight, lists and tables that change under way, entries that go while they are in use. What
  /// the referee predicts of the contents of the attacker's own work says nothing then. Whose
  /// memory and interrupts they are, and the form of each TLP, is judged as ever, and so is
  /// everything of the victims.
  bool open_results = false;
  std::uint32_t engines = 4;  ///< of the group that everybody is in; few ones have queues fill up
  auto operator<=>(const Setting&) const = default;
};

struct Attack {
  std::string_view name;  ///< lower case, with dashes; unique
  Group group;
  std::string_view clause;  ///< of siov.md or dsa.md
  std::string_view what;    ///< it does
  std::string_view must;  ///< happen, besides what holds for all: no victim changes, nothing leaks
  Script script;
  Setting setting = {};
};

/// All of them, in the order of the groups.
[[nodiscard]] const std::vector<Attack>& attacks();
/// nullptr if there is none of that name.
[[nodiscard]] const Attack* find_attack(std::string_view name);

/// One list a file.
[[nodiscard]] std::vector<Attack> config_attacks();
[[nodiscard]] std::vector<Attack> register_attacks();
[[nodiscard]] std::vector<Attack> interrupt_attacks();
[[nodiscard]] std::vector<Attack> portal_attacks();
[[nodiscard]] std::vector<Attack> descriptor_attacks();
[[nodiscard]] std::vector<Attack> memory_attacks();
[[nodiscard]] std::vector<Attack> cpu_attacks();
[[nodiscard]] std::vector<Attack> life_attacks();

}  // namespace siov::hostile
