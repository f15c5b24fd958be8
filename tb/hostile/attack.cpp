// SPDX-License-Identifier: Apache-2.0
// The table of all attacks.
#include "hostile/attack.hpp"

#include <algorithm>

namespace siov::hostile {

std::string_view to_string(Group group) {
  switch (group) {
    case Group::kConfig:
      return "configuration space";
    case Group::kRegisters:
      return "registers";
    case Group::kInterrupts:
      return "interrupts";
    case Group::kPortals:
      return "portals";
    case Group::kDescriptors:
      return "descriptors";
    case Group::kMemory:
      return "memory";
    case Group::kCpu:
      return "CPU";
    case Group::kLifeCycle:
      return "life cycle";
  }
  return "?";
}

const std::vector<Attack>& attacks() {
  static const std::vector<Attack> all = [] {
    std::vector<Attack> list;
    for (const auto& part :
         {config_attacks(), register_attacks(), interrupt_attacks(), portal_attacks(),
          descriptor_attacks(), memory_attacks(), cpu_attacks(), life_attacks()})
      list.insert(list.end(), part.begin(), part.end());
    return list;
  }();
  return all;
}

const Attack* find_attack(std::string_view name) {
  const auto found =
      std::ranges::find_if(attacks(), [&](const Attack& a) { return a.name == name; });
  return found == attacks().end() ? nullptr : &*found;
}

}  // namespace siov::hostile
