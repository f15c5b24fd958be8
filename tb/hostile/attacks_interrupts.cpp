#include "hostile/attack.hpp"
namespace siov::hostile {
std::vector<Attack> interrupt_attacks() { return {}; }
}  // namespace siov::hostile
