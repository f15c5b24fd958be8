#include "hostile/attack.hpp"
namespace siov::hostile {
std::vector<Attack> life_attacks() { return {}; }
}  // namespace siov::hostile
