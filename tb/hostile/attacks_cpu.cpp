#include "hostile/attack.hpp"
namespace siov::hostile {
std::vector<Attack> cpu_attacks() { return {}; }
}  // namespace siov::hostile
